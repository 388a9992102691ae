//! The adapter for SNS: publications, and the subscriptions to the topic.

use std::collections::HashMap;

use aws_sdk_sns::{
    Client,
    config::{
        Config,
        interceptors::InterceptorContext,
        retry::{ClassifyRetry, RetryAction},
    },
    operation::publish::PublishError,
    types::MessageAttributeValue,
};

use super::{ambiguous_attempts::AmbiguousAttempts, failure, incomplete};
use crate::{
    contract::topic_arn::TopicArn,
    model::user::UserName,
    notice::{Publication, RelayedMail},
    protocol::call::Answer,
    protocol::call_error::CallError,
    selection::routing::{ConfirmedAddresses, Envelope, TO, USER},
};

/// The addresses and endpoints with a confirmed subscription. They include those of subscriptions that are not the stack's, because the
/// list does not show filter policies. Before a confirmation, AWS shows words instead of an ARN
/// ("ListSubscriptionsByTopic").
pub(super) async fn confirmed_addresses(sns: &Client, topic: &TopicArn) -> Result<ConfirmedAddresses, CallError> {
    let mut pages = sns.list_subscriptions_by_topic().topic_arn(topic.as_str()).into_paginator().items().send();
    let mut confirmed = Vec::new();
    while let Some(subscription) = pages.next().await {
        let subscription = subscription.map_err(|e| failure(&e))?;
        if subscription.subscription_arn().is_some_and(|arn| arn.starts_with("arn:")) {
            confirmed.extend(subscription.protocol.zip(subscription.endpoint));
        }
    }
    Ok(confirmed.into_iter().collect())
}

pub(super) async fn publish(
    sns: &Client,
    topic: &TopicArn,
    envelope: &Envelope,
    publication: Publication,
) -> Result<Answer, CallError> {
    let message = publication.message();
    let attributes = attributes(&envelope.to.words(), envelope.about.as_ref())?;
    send(sns, topic, Some(JSON), message, publication.mail.subject, attributes).await?;
    Ok(Answer::Done)
}

/// Publishes a mail of a member of an organization.
pub(super) async fn publish_relayed(sns: &Client, topic: &TopicArn, mail: RelayedMail) -> Result<(), CallError> {
    let structure = mail.document.is_some().then_some(JSON);
    let attributes = attributes(&mail.to, mail.user.as_ref())?;
    send(sns, topic, structure, mail.message(), mail.subject, attributes).await
}

/// The message is a JSON object with a text for each protocol ("Publish": MessageStructure).
const JSON: &str = "json";

async fn send(
    sns: &Client,
    topic: &TopicArn,
    structure: Option<&str>,
    message: String,
    subject: String,
    attributes: HashMap<String, MessageAttributeValue>,
) -> Result<(), CallError> {
    let attempts = AmbiguousAttempts::default();
    sns.publish()
        .topic_arn(topic.as_str())
        .message(message)
        .set_message_structure(structure.map(str::to_owned))
        .subject(subject)
        .set_message_attributes(Some(attributes))
        .customize()
        .config_override(Config::builder().retry_classifier(KmsThrottling))
        .interceptor(attempts.clone())
        .send()
        .await
        .map_err(|e| attempts.adjust_effect(failure(&e)))?;
    Ok(())
}

/// SNS passes KMS's throttling on with a code that the SDK does not retry.
#[derive(Debug)]
struct KmsThrottling;

impl ClassifyRetry for KmsThrottling {
    fn classify_retry(&self, attempt: &InterceptorContext) -> RetryAction {
        let error = attempt.output_or_error().and_then(|answer| answer.err()?.as_operation_error()?.downcast_ref());
        if error.is_some_and(PublishError::is_kms_throttling_exception) {
            RetryAction::throttling_error()
        } else {
            RetryAction::NoActionIndicated
        }
    }

    fn name(&self) -> &'static str {
        "KmsThrottling"
    }
}

/// The message attributes that filter policies read: the recipients, and the user that the publication is about.
fn attributes(to: &[String], about: Option<&UserName>) -> Result<HashMap<String, MessageAttributeValue>, CallError> {
    let readers = (TO, "String.Array", serde_json::json!(to).to_string());
    let user = about.map(|user| (USER, "String", user.to_string()));
    let attribute = |(name, kind, value): (&str, _, _)| {
        let value = MessageAttributeValue::builder().data_type(kind).string_value(value).build();
        Ok((name.to_owned(), value.map_err(|_| incomplete("attribute"))?))
    };
    [readers].into_iter().chain(user).map(attribute).collect()
}
