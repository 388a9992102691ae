//! SNS.

use std::collections::HashMap;

use aws_sdk_sns::{Client, types::MessageAttributeValue};

use super::{doubt::Doubt, failure, incomplete};
use crate::{
    audience::{Envelope, Reader, TO, USER},
    notice::Mail,
    plan::{Answer, Failure},
    settings::TopicArn,
    user::UserName,
};

/// Whoever has not confirmed yet has no ARN, but words in its place ("ListSubscriptionsByTopic").
pub(super) async fn list_subscribers(sns: &Client, topic: &TopicArn, _: &UserName) -> Result<Answer, Failure> {
    let (mut confirmed, mut next) = (0, None);
    loop {
        let page = sns.list_subscriptions_by_topic().topic_arn(topic.as_str()).set_next_token(next);
        let page = page.send().await.map_err(|e| failure(&e))?;
        let arns = page.subscriptions().iter().filter_map(|s| s.subscription_arn());
        confirmed += arns.filter(|arn| arn.starts_with("arn:")).count();
        next = page.next_token;
        if next.is_none() {
            return Ok(Answer::Subscribers(u32::try_from(confirmed).unwrap_or(u32::MAX)));
        }
    }
}

pub(super) async fn publish(
    sns: &Client,
    topic: &TopicArn,
    envelope: &Envelope,
    mail: Mail,
) -> Result<Answer, Failure> {
    let doubt = Doubt::default();
    sns.publish()
        .topic_arn(topic.as_str())
        .subject(mail.subject)
        .message(mail.body)
        .set_message_attributes(Some(attributes(envelope)?))
        .customize()
        .interceptor(doubt.clone())
        .send()
        .await
        .map_err(|e| doubt.weigh(failure(&e)))?;
    Ok(Answer::Done)
}

/// Whom the mail is for and whom it is about, as filter policies read it.
fn attributes(envelope: &Envelope) -> Result<HashMap<String, MessageAttributeValue>, Failure> {
    let readers: Vec<_> = envelope.to.iter().map(Reader::word).collect();
    let readers = (TO, "String.Array", serde_json::json!(readers).to_string());
    let user = envelope.about.as_ref().map(|user| (USER, "String", user.to_string()));
    let attribute = |(name, kind, value): (&str, _, _)| {
        let value = MessageAttributeValue::builder().data_type(kind).string_value(value).build();
        Ok((name.to_owned(), value.map_err(|_| incomplete("attribute"))?))
    };
    [readers].into_iter().chain(user).map(attribute).collect()
}
