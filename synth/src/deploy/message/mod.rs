//! What is said of a deployment, and who hears it.

mod json;
mod text;

use std::collections::BTreeMap;

pub use self::{json::Json, text::PlainText};
use crate::deploy::{progress::ProgressUpdate, root_cause::RootCause};
use crate::diff::{Diff, approval::Approval};

/// One thing that is said.
#[derive(Debug, Clone, PartialEq)]
pub enum Message<'a> {
    /// Where all that follows happens, and as whom.
    Place {
        /// The account's number.
        account: &'a str,
        /// The Region's name.
        region: &'a str,
        /// The ARN of whoever deploys.
        identity: &'a str,
        /// The stack that is deployed.
        stack: &'a str,
    },
    /// Something that was found, or is being done.
    Note(&'a str),
    /// What is to be changed in a stack.
    Plan {
        /// The stack.
        stack: &'a str,
        /// The change.
        diff: &'a Diff,
        /// The approval that it needs, if it needs one.
        approval: Option<&'a Approval>,
    },
    /// What happened to a resource.
    ProgressUpdate {
        /// In which stack.
        stack: &'a str,
        /// What.
        news: &'a ProgressUpdate,
    },
    /// How it ended.
    End(&'a End),
}

/// How a deployment ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The stack is as it shall be.
    Deployed(BTreeMap<String, String>),
    /// It was so before.
    Unchanged(BTreeMap<String, String>),
    /// Somebody must approve first; nothing was changed.
    NeedsApproval {
        /// What must be approved: the stack, and why.
        approvals: Vec<(String, Approval)>,
        /// What whoever approves it runs.
        command: String,
    },
    /// Somebody did not want it; nothing was changed.
    Declined,
    /// It failed.
    Failed {
        /// Why, for a person.
        message: String,
        /// What went wrong first, where CloudFormation says so.
        cause: Option<RootCause>,
    },
    /// Somebody broke it off before it was begun.
    Interrupted,
    /// Somebody did not want to wait for the end of what was begun in this stack.
    Left(String),
}

/// Whoever hears what is said.
pub trait Audience {
    /// Hears one thing.
    fn hear(&mut self, message: &Message<'_>);

    /// Sees in one line what is going on, until the next one; nothing once it is over.
    fn watch(&mut self, now: Option<String>);
}

/// A way to write down what is said: whole lines, or nothing.
pub trait Renderer {
    /// Writes one thing down.
    fn render(&self, message: &Message<'_>) -> String;
}

#[cfg(test)]
mod tests {
    use lambda::model::time::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::{
        deploy::{progress::Event, stack_status::StackStatus},
        diff,
    };

    fn news(resource: &str, status: &str, reason: Option<&str>, count: Option<(usize, usize)>) -> ProgressUpdate {
        let is_stack = resource == "bundle";
        let event = Event {
            id: "1".into(),
            at: Timestamp::from_unix(0),
            resource: resource.into(),
            physical_id: if is_stack { "arn".into() } else { "queue".into() },
            kind: if is_stack { "AWS::CloudFormation::Stack".into() } else { "AWS::SQS::Queue".into() },
            status: StackStatus::new(status),
            reason: reason.map(str::to_owned),
            token: None,
            stack_id: "arn".into(),
        };
        ProgressUpdate { event, count }
    }

    fn lines(renderer: &dyn Renderer, messages: &[Message<'_>]) -> String {
        messages.iter().map(|message| renderer.render(message)).collect()
    }

    #[test]
    fn a_person_reads_what_is_over_and_a_program_reads_all() {
        let (old, new) = (json!({}), json!({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}));
        let created = diff::compare(&old, &new);
        let deleted = diff::compare(&new, &old);
        let approval = Approval::needed(&deleted);
        let stack = "bundle";
        let told = [
            news("Queue", "CREATE_IN_PROGRESS", None, Some((0, 1))),
            news("Queue", "CREATE_COMPLETE", None, Some((1, 1))),
            news("bundle", "UPDATE_ROLLBACK_IN_PROGRESS", Some("because"), None),
            news("Queue", "UPDATE_FAILED", Some("no luck"), None),
        ];
        let outputs: BTreeMap<_, _> = [("Name".to_owned(), "value".to_owned())].into();
        let cause = RootCause::new("Queue".into(), "AWS::SQS::Queue".into(), "Rate exceeded".into());
        let fingerprint = approval.as_ref().map(|approval| approval.fingerprint.to_string()).unwrap();
        let ends = [
            End::Deployed(outputs),
            End::NeedsApproval {
                approvals: approval.clone().map(|a| (stack.into(), a)).into_iter().collect(),
                command: "run".into(),
            },
            End::Failed { message: "failed".into(), cause: Some(cause) },
            End::Left(stack.into()),
        ];
        let mut messages = vec![
            Message::Place { account: "123456789012", region: "eu-west-1", identity: "arn:me", stack },
            Message::Note("a note"),
            Message::Plan { stack, diff: &created, approval: None },
            Message::Plan { stack, diff: &deleted, approval: approval.as_ref() },
        ];
        messages.extend(told.iter().map(|news| Message::ProgressUpdate { stack, news }));
        messages.extend(ends.iter().map(Message::End));

        let text = "\
Deploying bundle into account 123456789012, Region eu-west-1, as arn:me
a note
A new stack, bundle: AWS::SQS::Queue

What changes in bundle

Resources
  - Queue  AWS::SQS::Queue  deletes

Impact: deletes. IAM: none.

      1/1  CREATE_COMPLETE   Queue  AWS::SQS::Queue
  AWS takes it back: because
           UPDATE_FAILED     Queue  AWS::SQS::Queue
           no luck
Deployed
";
        assert_eq!(lines(&PlainText { colour: false }, &messages), text);

        let json = lines(&Json, &messages);
        let json: Vec<serde_json::Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let events: Vec<_> = json.iter().map(|line| line["event"].as_str().unwrap()).collect();
        let expected = "place note plan plan resource resource resource resource result result result result";
        assert_eq!(events.join(" "), expected);
        assert_eq!(json[0]["identity"], "arn:me");
        assert_eq!((&json[2]["approval"], &json[2]["diff"]["resources"][0]["id"]), (&json!(null), &json!("Queue")));
        assert_eq!(json[3]["approval"], json!({"fingerprint": fingerprint, "reasons": ["it deletes a resource"]}));
        assert_eq!(
            (&json[5]["status"], &json[5]["done"], &json[5]["of"]),
            (&json!("CREATE_COMPLETE"), &json!(1), &json!(1))
        );
        assert_eq!((&json[7]["reason"], &json[7]["done"]), (&json!("no luck"), &json!(null)));
        assert_eq!((&json[8]["result"], &json[8]["outputs"]), (&json!("deployed"), &json!({"Name": "value"})));
        assert_eq!((&json[9]["fingerprints"], &json[9]["command"]), (&json!([fingerprint]), &json!("run")));
        assert_eq!((&json[10]["message"], &json[10]["cause"]["resource"]), (&json!("failed"), &json!("Queue")));
        assert!(json[10]["cause"]["advice"].as_str().unwrap().contains("run the same command again"));
    }
}
