//! SNS.

use aws_sdk_sns::{Client, types::MessageAttributeValue};

use super::{doubt::Doubt, failure, incomplete};
use crate::{
    notice::Mail,
    plan::{Answer, Failure},
    settings::TopicArn,
    user::UserName,
};

pub(super) async fn count_subscribers(sns: &Client, topic: &TopicArn) -> Result<Answer, Failure> {
    let answer = sns.get_topic_attributes().topic_arn(topic.as_str()).send().await.map_err(|e| failure(&e))?;
    let confirmed = answer.attributes.as_ref().and_then(|all| all.get("SubscriptionsConfirmed")?.parse().ok());
    confirmed.map(Answer::Subscribers).ok_or_else(|| incomplete("SubscriptionsConfirmed"))
}

pub(super) async fn publish(sns: &Client, topic: &TopicArn, user: &UserName, mail: Mail) -> Result<Answer, Failure> {
    let about = MessageAttributeValue::builder().data_type("String").string_value(user.as_str()).build();
    let doubt = Doubt::default();
    sns.publish()
        .topic_arn(topic.as_str())
        .subject(mail.subject)
        .message(mail.body)
        .message_attributes("user", about.map_err(|_| incomplete("attribute"))?)
        .customize()
        .interceptor(doubt.clone())
        .send()
        .await
        .map_err(|e| doubt.weigh(failure(&e)))?;
    Ok(Answer::Done)
}
