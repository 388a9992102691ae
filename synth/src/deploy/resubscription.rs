//! What `synth resubscribe` did for each subscription of a stack.
//!
//! The subscription resource of CloudFormation keeps the ARN of the first subscription. CloudFormation uses it only to delete
//! the resource, and then a missing subscription counts as deleted. The filter policy of an address never changes, so there is
//! no update that would need it.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::{
    deploy::{
        aws::AwsError,
        command_line::make,
        subscriptions::{DeclaredSubscription, StackSubscription},
    },
    screen::{counted, printable, sentences, table, wrapped},
};

/// The most subscriptions in the table. Those that are not confirmed come first.
const SHOWN: usize = 20;

/// A subscription, with what was done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resubscription {
    /// The subscription with its state before that.
    pub subscription: StackSubscription,
    /// What was done.
    pub outcome: ResubscriptionOutcome,
}

/// What was done about a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResubscriptionOutcome {
    /// Nothing: it is confirmed.
    Kept,
    /// AWS sends a new request to confirm: a mail, or a message to the endpoint.
    Requested,
    /// AWS refused.
    Failed(AwsError),
}

impl ResubscriptionOutcome {
    /// The outcome as a word, for programs.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Requested => "requested",
            Self::Failed(_) => "failed",
        }
    }
}

impl Resubscription {
    fn done(&self) -> &'static str {
        match (&self.outcome, self.subscription.declared.is_mail()) {
            (ResubscriptionOutcome::Kept, _) => "nothing",
            (ResubscriptionOutcome::Requested, true) => "new mail",
            (ResubscriptionOutcome::Requested, false) => "new request",
            (ResubscriptionOutcome::Failed(_), _) => "refused",
        }
    }

    /// The result as JSON for programs.
    #[must_use]
    pub fn json(&self) -> Json {
        let mut one = self.subscription.json();
        one["protocol"] = self.subscription.declared.protocol.as_str().into();
        one["done"] = self.outcome.as_str().into();
        one["error"] = match &self.outcome {
            ResubscriptionOutcome::Failed(problem) => problem.to_string().into(),
            ResubscriptionOutcome::Kept | ResubscriptionOutcome::Requested => Json::Null,
        };
        one
    }
}

/// The subscription with ARNs in place of the template's references: only the dead-letter queue of an endpoint has one. An
/// output of the stack has the URL of that queue, which ends with the account and the name.
#[must_use]
pub fn with_arns(
    declared: &DeclaredSubscription,
    outputs: &BTreeMap<String, String>,
    partition: &str,
) -> DeclaredSubscription {
    let mut declared = declared.clone();
    if let Some(policy) = declared.attributes.get_mut("RedrivePolicy")
        && let Some(url) = outputs.get("DeadLetterQueueUrl")
        && let [name, account, ..] = url.rsplit('/').collect::<Vec<_>>().as_slice()
        && let Some(topic) = outputs.get(declared.topic.output())
        && let Some(region) = topic.split(':').nth(3)
    {
        *policy =
            json!({ "deadLetterTargetArn": format!("arn:{partition}:sqs:{region}:{account}:{name}") }).to_string();
    }
    declared
}

/// Whether AWS refused nothing.
#[must_use]
pub fn is_fine(done: &[Resubscription]) -> bool {
    !done.iter().any(|one| matches!(one.outcome, ResubscriptionOutcome::Failed(_)))
}

/// The result as text for people: problems first, then a table, and what to do.
#[must_use]
pub fn text(done: &[Resubscription]) -> String {
    let mut text = String::new();
    for one in done {
        if let ResubscriptionOutcome::Failed(problem) = &one.outcome {
            text += &sentences("! ", &format!("{}: {problem}", printable(&one.subscription.declared.address)));
        }
    }
    if !text.is_empty() {
        text.push('\n');
    }
    let mut sorted: Vec<_> = done.iter().collect();
    sorted.sort_by_key(|one| std::cmp::Reverse(one.subscription.state));
    let (shown, rest) = sorted.split_at(sorted.len().min(SHOWN));
    let row = |one: &&Resubscription| {
        let StackSubscription { declared, state } = &one.subscription;
        [declared.address.clone(), state.in_words().to_owned(), one.done().to_owned(), declared.receives()]
    };
    let head = ["ADDRESS", "STATE", "DONE", "RECEIVES"].map(str::to_owned);
    text += &table(&std::iter::once(head).chain(shown.iter().map(row)).collect::<Vec<_>>());
    if !rest.is_empty() {
        text += &format!("… and {}\n", counted(rest.len(), "other subscription"));
    }
    text.push('\n');
    let requested = |is_mail| {
        let of_kind = |one: &&Resubscription| one.subscription.declared.is_mail() == is_mail;
        done.iter().filter(of_kind).filter(|one| one.outcome == ResubscriptionOutcome::Requested).count()
    };
    let (mails, requests) = (requested(true), requested(false));
    if mails > 0 {
        let mails = counted(mails, "mail");
        text += &wrapped("", &format!("AWS sends {mails}. Follow the link in each mail within 48 hours."));
    }
    if requests > 0 {
        let endpoints = counted(requests, "endpoint");
        let says = "An endpoint must confirm within 48 hours: see docs/notices.md.";
        text += &wrapped("", &format!("AWS sends a request to confirm to {endpoints}. {says}"));
    }
    if mails + requests == 0 {
        return if is_fine(done) { text + "Every subscription is confirmed: nothing is needed.\n" } else { text };
    }
    text + &sentences("", &format!("To see the state: {}", make("status")))
}

#[cfg(test)]
mod tests {
    use expect_test::expect_file;

    use super::*;
    use crate::deploy::subscriptions::{NoticeRole, StackTopic, SubscriptionState, subscription};

    fn done(topic: StackTopic, address: &str, outcome: ResubscriptionOutcome) -> Resubscription {
        let state = match &outcome {
            ResubscriptionOutcome::Kept => SubscriptionState::Confirmed,
            ResubscriptionOutcome::Requested => SubscriptionState::Gone,
            ResubscriptionOutcome::Failed(_) => SubscriptionState::Pending,
        };
        let mut subscription = subscription(topic, address, state);
        if address.starts_with("https") {
            subscription.declared.protocol = "https".into();
            subscription.declared.roles = vec![NoticeRole::Endpoint];
        } else if topic == StackTopic::Notices {
            subscription.declared.roles = vec![NoticeRole::OwnerOf(vec!["alice".parse().unwrap()])];
        }
        Resubscription { subscription, outcome }
    }

    #[test]
    fn the_screens_are_the_golden_files() {
        use ResubscriptionOutcome::{Failed, Kept, Requested};
        let (notices, alarms) = (StackTopic::Notices, StackTopic::Alarms);
        let refused = AwsError::Denied {
            doing: "subscribe Security@example.com to arn:aws:sns:eu-west-1:123456789012:keys-NotificationTopic".into(),
            message: "User: arn:aws:iam::123456789012:user/me is not authorized to perform: SNS:Subscribe".into(),
        };
        let in_order = [done(notices, "dev@example.com", Kept), done(alarms, "ops@example.com", Kept)];
        let troubled = [
            done(notices, "dev@example.com", Requested),
            done(notices, "https://hooks.example.com/a-path-that-is-longer-than-the-column", Requested),
            done(alarms, "ops@example.com", Kept),
            done(notices, "Security@example.com", Failed(refused.clone())),
        ];
        let owners = (0..500)
            .map(|n| done(notices, &format!("owner-{n:03}@example.com"), if n % 50 == 0 { Requested } else { Kept }));
        expect_file!["../../tests/golden/resubscribe-in-order.txt"].assert_eq(&text(&in_order));
        expect_file!["../../tests/golden/resubscribe-problems.txt"].assert_eq(&text(&troubled));
        expect_file!["../../tests/golden/resubscribe-500-users.txt"].assert_eq(&text(&owners.collect::<Vec<_>>()));
        assert!(!is_fine(&troubled) && is_fine(&troubled[..3]));
        assert_eq!(
            troubled[3].json(),
            json!({
                "address": "Security@example.com",
                "topic": "notices",
                "administrator": false,
                "ownerOf": ["alice"],
                "state": "pending",
                "protocol": "email",
                "done": "failed",
                "error": refused.to_string(),
            })
        );
    }

    /// SNS refuses another dead-letter queue than the one that the subscription has.
    #[test]
    fn the_dead_letter_queue_of_an_endpoint_is_the_one_of_the_stack() {
        let mut declared =
            done(StackTopic::Notices, "https://example.com", ResubscriptionOutcome::Kept).subscription.declared;
        let reference = r#"{"deadLetterTargetArn":{"Fn::GetAtt":["DeadLetterQueue","Arn"]}}"#;
        declared.attributes.insert("RedrivePolicy".into(), reference.into());
        let outputs = BTreeMap::from([
            ("TopicArn".to_owned(), "arn:aws-cn:sns:cn-north-1:123456789012:topic".to_owned()),
            ("DeadLetterQueueUrl".to_owned(), "https://sqs.cn-north-1.amazonaws.com.cn/123456789012/queue".to_owned()),
        ]);
        let policy = with_arns(&declared, &outputs, "aws-cn").attributes["RedrivePolicy"].clone();
        assert_eq!(policy, r#"{"deadLetterTargetArn":"arn:aws-cn:sqs:cn-north-1:123456789012:queue"}"#);
        declared.attributes.clear();
        assert_eq!(with_arns(&declared, &outputs, "aws-cn"), declared);
    }
}
