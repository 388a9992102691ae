//! The publisher over a simulated topic: partial failures of a batch, the pace, and the end of its time.

use std::{sync::Mutex, time::Duration};

use lambda::{
    contract::{language::Language, member_event::MemberEvent, topic_arn::TopicArn},
    handler::publisher::{BatchResult, CentralTopic, publish},
    model::time::{Span, Timestamp},
    notice::RelayedMail,
    protocol::call_error::CallError,
};
use serde_json::{Value as Json, json};
use tokio::time::Instant;

use crate::{
    relay::{notice, of_member, settings},
    world::refused,
};

/// The mails that were published, and when.
struct Topic {
    began: Instant,
    /// It refuses each mail without this part of an address as not valid.
    takes: &'static str,
    mails: Mutex<Vec<(String, u128)>>,
}

impl Topic {
    fn new() -> Self {
        Self { began: Instant::now(), takes: "", mails: Mutex::default() }
    }

    fn recipients(&self) -> Vec<String> {
        self.sent().into_iter().map(|(to, _)| to).collect()
    }

    fn sent(&self) -> Vec<(String, u128)> {
        self.mails.lock().unwrap().clone()
    }

    async fn handle(&self, messages: &[Json], ends: Timestamp) -> Vec<String> {
        let record = |(n, body): (usize, &Json)| {
            let body = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
            json!({ "messageId": format!("m{n}"), "body": body, "eventSource": "aws:sqs" })
        };
        let event = json!({ "Records": messages.iter().enumerate().map(record).collect::<Vec<_>>() });
        let BatchResult { batch_item_failures } =
            publish(self, &settings(Language::English), event, ends, |_| ()).await.unwrap();
        batch_item_failures.into_iter().map(|failed| failed.item_identifier).collect()
    }
}

impl CentralTopic for Topic {
    async fn publish_relayed(&self, topic: &TopicArn, mail: RelayedMail) -> Result<(), CallError> {
        assert_eq!(topic.as_str(), "arn:aws:sns:eu-west-1:123456789012:keys");
        let to = mail.to.join(" ");
        match to.as_str() {
            "refused@example.com" => Err(refused("InternalError")),
            to if to == "invalid@example.com" || !to.contains(self.takes) => Err(refused("InvalidParameter")),
            "lost@example.com" => std::future::pending().await,
            _ => {
                self.mails.lock().unwrap().push((to, self.began.elapsed().as_millis()));
                Ok(())
            }
        }
    }
}

fn to(addresses: &[&str]) -> Json {
    of_member(&MemberEvent::Notice(notice(addresses)))
}

fn later() -> Timestamp {
    Timestamp::now() + Span::minutes(2)
}

#[tokio::test(start_paused = true)]
async fn a_message_that_fails_takes_no_other_with_it() {
    let topic = Topic::new();
    let messages = [to(&["a@b.co"]), to(&["refused@example.com"]), to(&["c@b.co", "endpoints"])];
    assert_eq!(topic.handle(&messages, later()).await, ["m1"]);
    assert_eq!(topic.recipients(), ["a@b.co", "c@b.co endpoints"]);
}

/// The queue offers a failed message again 50 times, and holds up all others meanwhile. So a message that can never be
/// published does not fail: the administrators get what it says.
#[tokio::test(start_paused = true)]
async fn a_message_that_can_never_be_published_is_done_when_the_administrators_know_it() {
    let topic = Topic::new();
    let messages = [to(&["invalid@example.com"]), Json::from("no event"), to(&["a@b.co"])];
    assert_eq!(topic.handle(&messages, later()).await, [""; 0]);
    assert_eq!(topic.recipients(), ["security@example.com", "security@example.com", "a@b.co"]);

    // Without the mail to the administrators, it stays: in the end, a person finds it in the dead-letter queue.
    let topic = Topic { takes: "a@b.co", ..Topic::new() };
    assert_eq!(topic.handle(&messages, later()).await, ["m0", "m1"]);
    assert_eq!(topic.recipients(), ["a@b.co"]);
}

/// At most four mails a second to an address, also over invocations: each ends only when the next mail may be sent.
#[tokio::test(start_paused = true)]
async fn mails_keep_their_pace_over_invocations() {
    let topic = Topic::new();
    for _ in 0..2 {
        assert_eq!(
            topic.handle(&[to(&["a@b.co"]), to(&["A@b.co", "endpoints"]), to(&["c@b.co"])], later()).await,
            [""; 0]
        );
    }
    let times: Vec<_> = topic.sent().into_iter().map(|(_, at)| at).collect();
    assert_eq!(times, [0, 250, 250, 500, 750, 750]);
    assert_eq!(topic.began.elapsed(), Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_has_no_time_left_is_offered_again() {
    let topic = Topic::new();
    let messages = [to(&["lost@example.com"]), to(&["a@b.co"])];
    let ends = Timestamp::now() + Span::seconds(10);
    // The clock of a test stands still, so the second message still has time.
    assert_eq!(topic.handle(&messages, ends).await, ["m0"]);
    assert_eq!(topic.handle(&messages[1..], Timestamp::now() + Span::seconds(1)).await, ["m0"]);
    assert_eq!(topic.sent().len(), 1);
}

#[tokio::test]
async fn only_a_queue_may_start_it() {
    for event in [json!({}), json!({ "Records": [{}] }), json!(null)] {
        let error = publish(&Topic::new(), &settings(Language::English), event, later(), |_| ()).await.unwrap_err();
        assert!(error.to_string().starts_with("the event is not a batch of messages of SQS: "), "{error}");
    }
}
