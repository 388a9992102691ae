//! Reads who gets the notices and the alarms of a deployed stack, from its template and from SNS.

use serde_json::Value as Json;

use crate::{
    cfn::read,
    deploy::{
        aws::{
            AwsError, Session,
            cloudformation::{CloudFormation, Stack},
        },
        deployed_template,
        subscriptions::{self, StackSubscription, StackTopic, TopicSubscriptions},
    },
};

/// The template of a deployed stack in its canonical form.
///
/// # Errors
/// [`AwsError`] if the template cannot be read.
pub async fn template(session: &Session, stack: &Stack) -> Result<Json, AwsError> {
    let template = CloudFormation::new(session).template(&stack.id).await?;
    read::read(&template).map_err(AwsError::UnreadableTemplate)
}

/// The subscriptions to a topic of a stack with this template. There are none if the stack has no alarms.
///
/// # Errors
/// [`AwsError`] if the stack has no topic for notices, or the list of SNS cannot be read.
pub async fn of_topic(
    session: &Session,
    stack: &Stack,
    template: &Json,
    topic: StackTopic,
) -> Result<TopicSubscriptions, AwsError> {
    match (stack.topic(topic), topic) {
        (Some(arn), _) => {
            let listed = session.subscriptions(arn).await?;
            Ok(subscriptions::compare(deployed_template::subscriptions(template, topic), &listed))
        }
        // A stack of the first version has no alarms.
        (None, StackTopic::Alarms) => Ok(TopicSubscriptions::default()),
        (None, StackTopic::Notices) => Err(AwsError::NoTopic(topic.output())),
    }
}

/// The subscriptions to both topics that the template declares, by address.
///
/// # Errors
/// [`AwsError`] as for [`of_topic`].
pub async fn of_stack(session: &Session, stack: &Stack, template: &Json) -> Result<Vec<StackSubscription>, AwsError> {
    let [notices, alarms] = StackTopic::ALL.map(|topic| of_topic(session, stack, template, topic));
    let (notices, alarms) = tokio::try_join!(notices, alarms)?;
    Ok(subscriptions::by_address([notices, alarms]))
}

/// The subscriptions to both topics, as far as they can be read.
pub async fn of_topics(session: &Session, stack: &Stack, template: &Json) -> Vec<TopicSubscriptions> {
    let [notices, alarms] = StackTopic::ALL.map(|topic| of_topic(session, stack, template, topic));
    let (notices, alarms) = tokio::join!(notices, alarms);
    [notices, alarms].into_iter().flatten().collect()
}
