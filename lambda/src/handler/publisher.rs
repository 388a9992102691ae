//! The publisher: in the administering account of an organization, it mails what the members send.
//!
//! A queue passes the events on, and starts one invocation at a time. [`crate::notice::relay`] decides what is mailed.

use serde::{Deserialize, Serialize};

use crate::{
    contract::{publisher_settings::PublisherSettings, topic_arn::TopicArn},
    handler::{log::LogSink, pace::Pace},
    model::{
        email::Email,
        time::{Span, Timestamp},
    },
    notice::{RelayedEvent, RelayedMail, relay, relay_refused},
    protocol::call_error::{CallError, ErrorCode},
    report::audit::RunMode,
};

/// The central topic. [`crate::aws::Sdk`] publishes to it.
#[allow(async_fn_in_trait)] // As for `Aws`: no other crate implements it.
pub trait CentralTopic {
    /// Publishes a mail of a member.
    async fn publish_relayed(&self, topic: &TopicArn, mail: RelayedMail) -> Result<(), CallError>;
}

/// The messages of an invocation (Lambda Developer Guide, "Using Lambda with Amazon SQS").
#[derive(Deserialize)]
struct Batch {
    #[serde(rename = "Records")]
    records: Vec<Message>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    message_id: String,
    body: String,
}

/// The messages that the queue must offer again. It deletes the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchResult {
    /// The failed messages.
    pub batch_item_failures: Vec<FailedMessage>,
}

/// A message that the queue must offer again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FailedMessage {
    /// The id of the message.
    pub item_identifier: String,
}

/// The function was not invoked by a queue of SQS.
#[derive(Debug, thiserror::Error)]
#[error(
    "the event is not a batch of messages of SQS: {0}; only the queue of the publisher invokes this function; to start a run, \
     invoke the function of a member"
)]
pub struct NotABatchError(#[source] serde_json::Error);

impl NotABatchError {
    /// The name of the error, which Lambda returns as its type.
    pub const NAME: &str = "NotABatchError";
}

/// The time that an invocation keeps for its last lines and for the pace of the mails.
const RESERVED: Span = Span::seconds(2);

/// Handles a batch of messages, one after the other.
///
/// A message that fails does not hold up the others of its batch, because no notice depends on an earlier one. So one message
/// that fails each time does not take the others with it into the dead-letter queue. But it holds up the next batch: the queue
/// has one message group, and offers nothing of it while a failed message is hidden. So a message fails only if it can succeed
/// later.
///
/// # Errors
/// [`NotABatchError`] if the event is not a batch of messages.
pub async fn publish(
    topic: &impl CentralTopic,
    settings: &PublisherSettings,
    event: serde_json::Value,
    ends: Timestamp,
    log: LogSink,
) -> Result<BatchResult, NotABatchError> {
    let batch: Batch = serde_json::from_value(event).map_err(NotABatchError)?;
    let (pace, mut failed) = (Pace::of(RunMode::Real), Vec::new());
    let relayer = Relayer { topic, settings, pace: &pace, until: ends.before(RESERVED), log };
    for Message { message_id, body } in batch.records {
        let mut sent = relayer.carry_out(relay(&body, settings)).await;
        if let Err(failure) = &sent
            && let Some(refused) = relay_refused(&body, failure, settings)
        {
            sent = relayer.carry_out(refused).await;
        }
        if sent.is_err() {
            failed.push(FailedMessage { item_identifier: message_id });
        }
    }
    // The next invocation knows nothing of these mails.
    pace.rest().await;
    Ok(BatchResult { batch_item_failures: failed })
}

/// Sends the mails of one invocation, until it ends.
struct Relayer<'a, T> {
    topic: &'a T,
    settings: &'a PublisherSettings,
    pace: &'a Pace,
    until: Timestamp,
    log: LogSink,
}

impl<T: CentralTopic> Relayer<'_, T> {
    /// Sends the mail, if there is one, and logs the event.
    async fn carry_out(&self, RelayedEvent { mail, log: mut line }: RelayedEvent) -> Result<(), CallError> {
        let sent = match mail {
            Some(mail) => self.send(mail).await,
            None => Ok(()),
        };
        if let Err(failure) = &sent {
            line["level"] = "ERROR".into();
            line["error"] = failure.to_string().into();
        }
        (self.log)(line);
        sent
    }

    async fn send(&self, mail: RelayedMail) -> Result<(), CallError> {
        let addresses: Vec<Email> = mail.to.iter().filter_map(|word| word.parse().ok()).collect();
        let _turn = self.pace.turn(&addresses, self.until.since(Timestamp::now())).await?;
        let left = self.until.since(Timestamp::now()).std();
        let answer = self.topic.publish_relayed(&self.settings.topic, mail);
        tokio::time::timeout(left, answer).await.unwrap_or_else(|_| {
            Err(CallError::with_unknown_effect(ErrorCode::NoTimeLeft, "the time was over before SNS answered"))
        })
    }
}
