//! The messages about a deployment, and how they are rendered.

mod json;
mod text;

use std::collections::BTreeMap;

use lambda::contract::account_name::AccountName;

pub use self::{json::JsonMessages, text::PlainText};
use crate::deploy::{
    first_deployment::FirstDeployment, organization_progress::OrganizationUpdate, progress::ProgressUpdate,
    root_cause::RootCause, run_preview::RunPreview, subscriptions::StackSubscription,
};
use crate::{
    diff::{Diff, approval::Approval},
    package::Sha256Digest,
};

/// One message about a deployment.
#[derive(Debug, Clone, PartialEq)]
pub enum Message<'a> {
    /// The account, Region and identity of everything that follows.
    Place {
        /// The number of the account, 12 digits.
        account: &'a str,
        /// The name of the account.
        account_name: AccountName,
        /// The code of the Region, such as `eu-central-1`.
        region: &'a str,
        /// The ARN of the deployer.
        identity: &'a str,
        /// The name of the stack that is deployed.
        stack: &'a str,
    },
    /// A sentence about what was found, or about what is done now.
    Note(&'a str),
    /// The planned change of a stack.
    Plan {
        /// The name of the stack.
        stack: &'a str,
        /// The planned change.
        diff: &'a Diff,
        /// The approval that the change needs. `None` if it needs none.
        approval: Option<&'a Approval>,
        /// What the next run would do after the change. `None` if it is unknown, or if the stack runs nothing.
        next_run: Option<&'a RunPreview>,
    },
    /// What a run of the planned stack would do.
    Preview(&'a RunPreview),
    /// What the first deployment of a stack does, in one screen.
    FirstDeployment(&'a FirstDeployment<'a>),
    /// An event of a resource or of the stack.
    ProgressUpdate {
        /// The name of the stack.
        stack: &'a str,
        /// The event, with the progress so far.
        news: &'a ProgressUpdate,
    },
    /// What is new about the accounts of an organization.
    Members(&'a OrganizationUpdate),
    /// The subscriptions of the deployed stack that are not confirmed. Empty if all are.
    Unconfirmed(&'a [StackSubscription]),
    /// The unconfirmed subscriptions that the command waits for now. Empty if all are confirmed by now.
    Awaited(&'a [StackSubscription]),
    /// The end of the deployment. For programs, it is the last message.
    End(&'a DeployOutcome),
}

/// How a deployment ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeployOutcome {
    /// The stack was deployed. Holds its outputs.
    Deployed(BTreeMap<String, String>),
    /// The stack needed no change. Holds its outputs.
    Unchanged(BTreeMap<String, String>),
    /// The change needs an approval first. Nothing was changed.
    NeedsApproval {
        /// The needed approvals, each with the name of its stack.
        approvals: Vec<(String, Approval)>,
        /// The package that the approvals cover. `None` if they cover only the change.
        package: Option<Sha256Digest>,
        /// The command that approves and deploys the change.
        command: String,
    },
    /// The user declined the change. Nothing was changed.
    Declined,
    /// The deployment failed.
    Failed {
        /// The reason, as text for people.
        message: String,
        /// The first failure in the stack, if CloudFormation reports one.
        cause: Option<RootCause>,
        /// Whether the configuration or the command line is wrong, or names something that does not exist.
        is_about_input: bool,
    },
    /// The user stopped the command before a change was started.
    Interrupted,
    /// The user stopped waiting for the change of this stack. AWS completes it.
    Left(String),
}

/// The receiver of messages.
pub trait MessageSink {
    /// Receives one message.
    fn show(&mut self, message: &Message<'_>);

    /// Shows the progress in one line, until the next call. `None` removes the line.
    fn watch(&mut self, now: Option<String>);
}

/// Renders messages in one format.
pub trait Renderer {
    /// Renders one message as whole lines. Empty if the format does not show the message.
    fn render(&self, message: &Message<'_>) -> String;
}

#[cfg(test)]
mod tests {
    use lambda::model::time::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::{
        deploy::{
            progress::Event,
            received_report::ReceivedReport,
            stack_status::StackStatus,
            subscriptions::{StackTopic, SubscriptionState, subscription},
        },
        diff,
        screen::Verbosity,
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
    fn the_addresses_that_must_confirm_are_shown_with_what_to_do() {
        let left = [
            subscription(StackTopic::Notices, "dev@example.com", SubscriptionState::Gone),
            subscription(StackTopic::Alarms, "Security@example.com", SubscriptionState::Pending),
        ];
        let text = PlainText { colour: false, detail: Verbosity::Full };
        let shown = text.render(&Message::Unconfirmed(&left));
        let expected = "
Who must confirm
ADDRESS               RECEIVES  STATE
dev@example.com       notices   no subscription
Security@example.com  alarms    not confirmed
";
        assert!(shown.starts_with(expected), "{shown}");
        for word in ["48 hours", "make resubscribe", "make run"] {
            assert!(shown.contains(word), "{shown}");
        }
        assert_eq!(text.render(&Message::Unconfirmed(&[])), "");
        assert_eq!(
            text.render(&Message::Awaited(&left)),
            "Waiting for 2 confirmations: dev@example.com (notices), Security@example.com (alarms)\n"
        );
        let all = text.render(&Message::Awaited(&[]));
        assert!(all.starts_with("All addresses have confirmed") && all.contains("make run"), "{all}");

        let json = lines(&JsonMessages, &[Message::Unconfirmed(&left), Message::Awaited(&left[..1])]);
        let json: Vec<serde_json::Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(json[0]["subscriptions"][1]["address"], "Security@example.com");
        assert_eq!(json[1], json!({ "event": "awaited", "subscriptions": [left[0].json()] }));
    }

    #[test]
    fn text_shows_only_finished_steps_and_json_shows_all() {
        let (old, new) = (json!({}), json!({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}));
        let created = diff::compare(&old, &new);
        let deleted = diff::compare(&new, &old);
        let approval = Approval::needed(&deleted);
        let stack = "bundle";
        let updates = [
            news("Queue", "CREATE_IN_PROGRESS", None, Some((0, 1))),
            news("Queue", "CREATE_COMPLETE", None, Some((1, 1))),
            news("bundle", "UPDATE_ROLLBACK_IN_PROGRESS", Some("because"), None),
            news("Queue", "UPDATE_FAILED", Some("no luck"), None),
        ];
        let outputs: BTreeMap<_, _> = [("Name".to_owned(), "value".to_owned())].into();
        let cause = RootCause::new("Queue".into(), "AWS::SQS::Queue".into(), "Rate exceeded".into());
        let fingerprint = approval.as_ref().map(|approval| approval.fingerprint.to_string()).unwrap();
        let ends = [
            DeployOutcome::Deployed(outputs),
            DeployOutcome::NeedsApproval {
                approvals: approval.clone().map(|a| (stack.into(), a)).into_iter().collect(),
                package: Some(Sha256Digest::of(b"package")),
                command: "run".into(),
            },
            DeployOutcome::Failed { message: "failed".into(), cause: Some(cause), is_about_input: false },
            DeployOutcome::Left(stack.into()),
        ];
        let report = json!({
            "statusCode": 200,
            "body": "nothing to do",
            "dryRun": true,
            "users": [],
            "unconfirmed": ["a@example.com"],
        });
        let preview = RunPreview {
            stack: stack.into(),
            account: "123456789012".into(),
            region: "eu-west-1".into(),
            report: ReceivedReport::read(report.clone()).unwrap(),
            users: Vec::new(),
            selected: 0,
            plan: None,
            keys_before: None,
        };
        let mut messages = vec![
            Message::Place {
                account: "123456789012",
                account_name: "payments-prod".parse().unwrap(),
                region: "eu-west-1",
                identity: "arn:me",
                stack,
            },
            Message::Note("a note"),
            Message::Plan { stack, diff: &created, approval: None, next_run: None },
            Message::Plan { stack, diff: &deleted, approval: approval.as_ref(), next_run: Some(&preview) },
            Message::Preview(&preview),
        ];
        messages.extend(updates.iter().map(|news| Message::ProgressUpdate { stack, news }));
        messages.extend(ends.iter().map(Message::End));

        let text = "\
Account 123456789012 (payments-prod), eu-west-1, as arn:me
a note
New: bundle (1 resource)

What changes in bundle

Resources
  - Queue  AWS::SQS::Queue  deletes

    next run: 0 keys change

Impact: deletes. IAM: none.

      1/1  CREATE_COMPLETE   Queue  AWS::SQS::Queue
  AWS takes it back: because
           UPDATE_FAILED     Queue  AWS::SQS::Queue
           no luck
Deployed
";
        assert_eq!(lines(&PlainText { colour: false, detail: Verbosity::Brief }, &messages), text);

        let json = lines(&JsonMessages, &messages);
        let json: Vec<serde_json::Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let events: Vec<_> = json.iter().map(|line| line["event"].as_str().unwrap()).collect();
        let expected = "place note plan plan preview resource resource resource resource result result result result";
        assert_eq!(events.join(" "), expected);
        assert_eq!((&json[0]["identity"], &json[0]["accountName"]), (&json!("arn:me"), &json!("payments-prod")));
        assert_eq!((&json[2]["approval"], &json[2]["diff"]["resources"][0]["id"]), (&json!(null), &json!("Queue")));
        assert_eq!(json[3]["approval"], json!({"fingerprint": fingerprint, "reasons": ["it deletes a resource"]}));
        assert_eq!((&json[4]["stack"], &json[4]["dryRun"]), (&json!(stack), &report));
        assert_eq!(
            (&json[6]["status"], &json[6]["done"], &json[6]["of"]),
            (&json!("CREATE_COMPLETE"), &json!(1), &json!(1))
        );
        assert_eq!((&json[8]["reason"], &json[8]["done"]), (&json!("no luck"), &json!(null)));
        assert_eq!((&json[9]["result"], &json[9]["outputs"]), (&json!("deployed"), &json!({"Name": "value"})));
        assert_eq!((&json[10]["fingerprints"], &json[10]["command"]), (&json!([fingerprint]), &json!("run")));
        assert_eq!(json[10]["package"], Sha256Digest::of(b"package").to_string());
        assert_eq!((&json[11]["message"], &json[11]["cause"]["resource"]), (&json!("failed"), &json!("Queue")));
        assert!(json[11]["cause"]["advice"].as_str().unwrap().contains("run the same command again"));
    }
}
