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
    notice::{RelayedEvent, RelayedMail, relay},
    protocol::call_error::{CallError, ErrorCode},
    report::{audit::RunMode, log_event},
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
pub struct NoBatch(#[source] serde_json::Error);

impl NoBatch {
    /// The name of the error, which Lambda returns as its type.
    pub const NAME: &str = "NoBatch";
}

/// The time that an invocation keeps for its last lines and for the pace of the mails.
const RESERVED: Span = Span::seconds(2);

/// Handles a batch of messages, one after the other.
///
/// A message that fails does not hold the others up: a later notice says nothing that an earlier one must have said. So one
/// message that fails each time does not take the others with it into the dead-letter queue.
///
/// # Errors
/// [`NoBatch`] if the event is not a batch of messages.
pub async fn publish(
    topic: &impl CentralTopic,
    settings: &PublisherSettings,
    event: serde_json::Value,
    ends: Timestamp,
    log: LogSink,
) -> Result<BatchResult, NoBatch> {
    let batch: Batch = serde_json::from_value(event).map_err(NoBatch)?;
    let (pace, mut failed) = (Pace::of(RunMode::Real), Vec::new());
    let until = ends.before(RESERVED);
    for Message { message_id, body } in batch.records {
        let is_done = match relay(&body, settings) {
            Ok(RelayedEvent { mail: None, log: line }) => {
                log(line);
                true
            }
            Ok(RelayedEvent { mail: Some(mail), log: mut line }) => {
                let sent = send(topic, settings, &pace, mail, until).await;
                if let Err(failure) = &sent {
                    line["level"] = "ERROR".into();
                    line["error"] = failure.to_string().into();
                }
                log(line);
                sent.is_ok()
            }
            // Only the rules of the bus may write to the queue. Its dead-letter queue keeps the message for a person.
            Err(error) => {
                log(log_event::refused(&error.to_string()));
                false
            }
        };
        if !is_done {
            failed.push(FailedMessage { item_identifier: message_id });
        }
    }
    // The next invocation knows nothing of these mails.
    pace.rest().await;
    Ok(BatchResult { batch_item_failures: failed })
}

async fn send(
    topic: &impl CentralTopic,
    settings: &PublisherSettings,
    pace: &Pace,
    mail: RelayedMail,
    until: Timestamp,
) -> Result<(), CallError> {
    let addresses: Vec<Email> = mail.to.iter().filter_map(|word| word.parse().ok()).collect();
    let _turn = pace.turn(&addresses, until.since(Timestamp::now())).await?;
    let left = until.since(Timestamp::now()).std();
    tokio::time::timeout(left, topic.publish_relayed(&settings.topic, mail)).await.unwrap_or_else(|_| {
        Err(CallError::with_unknown_effect(ErrorCode::NoTimeLeft, "the time was over before SNS answered"))
    })
}
