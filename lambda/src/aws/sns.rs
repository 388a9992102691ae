//! The adapter for SNS: mails, and the subscriptions to the topic.

use std::collections::HashMap;

use aws_sdk_sns::{
    Client,
    types::{MessageAttributeValue, Subscription},
};

use super::{ambiguous_attempts::AmbiguousAttempts, failure, incomplete};
use crate::{
    contract::topic_arn::TopicArn,
    model::email::Email,
    notice::Mail,
    protocol::call::Answer,
    protocol::call_error::CallError,
    selection::routing::{Envelope, TO, USER},
};

/// Counts how many of these mailboxes have confirmed their subscription. Other subscribers are not counted, because the
/// list does not show their filter policies.
pub(super) async fn list_subscribers(
    sns: &Client,
    topic: &TopicArn,
    mailboxes: &[&Email],
) -> Result<Answer, CallError> {
    let (mut confirmed, mut next) = (0, None);
    loop {
        let page = sns.list_subscriptions_by_topic().topic_arn(topic.as_str()).set_next_token(next);
        let page = page.send().await.map_err(|e| failure(&e))?;
        let listens = |s: &&Subscription| {
            listens(s.subscription_arn().unwrap_or_default(), s.endpoint().unwrap_or_default(), mailboxes)
        };
        confirmed += page.subscriptions().iter().filter(listens).count();
        next = page.next_token;
        if next.is_none() {
            return Ok(Answer::Subscribers(u32::try_from(confirmed).unwrap_or(u32::MAX)));
        }
    }
}

/// Whether this subscription is confirmed and belongs to one of the mailboxes. Before the confirmation, AWS shows words
/// instead of an ARN ("ListSubscriptionsByTopic").
fn listens(arn: &str, endpoint: &str, mailboxes: &[&Email]) -> bool {
    arn.starts_with("arn:") && mailboxes.iter().any(|mailbox| mailbox.as_str().eq_ignore_ascii_case(endpoint))
}

pub(super) async fn publish(
    sns: &Client,
    topic: &TopicArn,
    envelope: &Envelope,
    mail: Mail,
) -> Result<Answer, CallError> {
    let attempts = AmbiguousAttempts::default();
    sns.publish()
        .topic_arn(topic.as_str())
        .subject(mail.subject)
        .message(mail.body)
        .set_message_attributes(Some(attributes(envelope)?))
        .customize()
        .interceptor(attempts.clone())
        .send()
        .await
        .map_err(|e| attempts.adjust_effect(failure(&e)))?;
    Ok(Answer::Done)
}

/// The message attributes that filter policies read: the recipients of the mail, and the user that it is about.
fn attributes(envelope: &Envelope) -> Result<HashMap<String, MessageAttributeValue>, CallError> {
    let readers: Vec<_> = envelope.to.iter().map(Email::small).collect();
    let readers = (TO, "String.Array", serde_json::json!(readers).to_string());
    let user = envelope.about.as_ref().map(|user| (USER, "String", user.to_string()));
    let attribute = |(name, kind, value): (&str, _, _)| {
        let value = MessageAttributeValue::builder().data_type(kind).string_value(value).build();
        Ok((name.to_owned(), value.map_err(|_| incomplete("attribute"))?))
    };
    [readers].into_iter().chain(user).map(attribute).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_confirmed_mailbox_that_gets_the_key_counts() {
        let (alice, ops) = ("Alice@example.com".parse().unwrap(), "ops@example.com".parse().unwrap());
        let arn = "arn:aws:sns:eu-west-1:123456789012:keys:5be8f3cb";
        for (arn, endpoint, expected) in [
            (arn, "alice@example.com", true),
            (arn, "OPS@Example.com", true),
            ("PendingConfirmation", "alice@example.com", false),
            ("Deleted", "alice@example.com", false),
            ("", "alice@example.com", false),
            (arn, "bob@example.com", false),
            (arn, "arn:aws:sqs:eu-west-1:123456789012:alice@example.com", false),
            (arn, "", false),
        ] {
            assert_eq!(listens(arn, endpoint, &[&alice, &ops]), expected, "{arn} {endpoint}");
        }
        assert!(!listens(arn, "alice@example.com", &[]));
    }
}
