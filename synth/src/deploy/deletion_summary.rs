//! Lists what is deleted with a stack and what stays, before the stack is deleted.

use std::collections::BTreeSet;

use lambda::{
    contract::settings::Variable,
    protocol::{journal, policy::Delivery},
};
use serde_json::Value as Json;

use crate::deploy::{
    aws::{Session, cloudformation::StackResource},
    deployed_template,
    subscriptions::{ForeignSubscription, TopicSubscriptions},
};
use crate::stack::artifacts;

/// Whether the artifact stack is in this account and Region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Artifacts {
    /// The stack exists here.
    Here,
    /// There is no such stack here, or it is not known.
    Unknown,
}

/// Whether the notes about users are removed before the deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserNotes {
    /// They stay in the users' tags.
    Stay,
    /// The function removes them first.
    Removed,
}

/// The text that says what is deleted with a stack and what stays. With the topics, the subscriptions of others end too,
/// but not those that are not confirmed.
#[must_use]
pub fn deletion_summary(
    name: &str,
    resources: &[StackResource],
    topics: &[TopicSubscriptions],
    template: &Json,
    artifacts: Artifacts,
    notes: UserNotes,
    place: &StackLocation<'_>,
) -> String {
    let StackLocation { account, region } = place;
    let width = resources.iter().map(|resource| resource.id.len()).max().unwrap_or_default();
    let mut text = format!("The stack {name} in account {account}, Region {region}, will be deleted, and with it\n");
    for StackResource { id, kind, .. } in resources {
        text.push_str(&format!("  {id:width$}  {kind}\n"));
    }
    for ForeignSubscription { endpoint, protocol, .. } in topics.iter().flat_map(|topic| &topic.foreign) {
        text.push_str(&format!(
            "  the subscription of {endpoint} ({protocol}), which is not from the stack's template\n"
        ));
    }
    text.push_str(
        "What stops\n  no run replaces, deactivates or deletes keys from now on, and no notice or alarm is sent\n",
    );
    if resources.iter().any(|resource| resource.kind == "AWS::Logs::LogGroup") {
        text.push_str("  the log of the function is deleted: nothing shows later what the runs did\n");
    }
    text.push_str("What stays\n");
    let prefix = journal::PREFIX;
    text.push_str(&match notes {
        UserNotes::Stay => format!("  the users, their access keys, and the notes about them (the users' tags {prefix}…)\n"),
        UserNotes::Removed => {
            format!("  the users and their access keys; the notes about them (the users' tags {prefix}…) are removed first\n")
        }
    });
    let stored = Delivery::SecretsManager.to_string();
    if deployed_template::setting(template, Variable::Delivery) == Some(&stored)
        && let Some(prefix) = deployed_template::setting(template, Variable::SecretPrefix)
    {
        text.push_str(&format!(
            "  the secrets {prefix}/… in Secrets Manager; workloads can still read their keys there\n"
        ));
    }
    let pending: BTreeSet<_> = topics.iter().flat_map(TopicSubscriptions::pending).collect();
    if !pending.is_empty() {
        text.push_str(&format!(
            "  the subscriptions of {}, which are not confirmed: AWS cannot delete them, they expire 48 hours after their mails\n",
            pending.into_iter().collect::<Vec<_>>().join(", ")
        ));
    }
    if artifacts == Artifacts::Here {
        text.push_str(&format!(
            "  the stack {stack} with the packages, which the next deployment of {name} uses again. To remove them too, \
             delete that stack, then empty and delete the bucket {bucket}, which it leaves behind\n",
            stack = artifacts::stack_name(name),
            bucket = artifacts::bucket_name(name, account, region),
        ));
    }
    text
}

/// The account and Region of a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StackLocation<'a> {
    /// The number of the account, 12 digits.
    pub account: &'a str,
    /// The code of the Region, such as `eu-central-1`.
    pub region: &'a str,
}

impl<'a> From<&'a Session> for StackLocation<'a> {
    fn from(session: &'a Session) -> Self {
        Self { account: &session.account, region: &session.region }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::subscriptions::ListedSubscription;
    use crate::{cfn::json, config, deploy::stack_status::StackStatus, stack};

    #[test]
    fn the_text_lists_what_is_deleted_and_what_stays() {
        let template = |settings: &str| {
            let text = format!("users: [alice]\nemails: [a@example.com]\n{settings}");
            let config = config::read(&text, config::Overrides::default()).unwrap().config;
            json::to_json(&stack::template(&config).unwrap())
        };
        let resource = |id: &str, kind: &str| StackResource {
            id: id.into(),
            kind: kind.into(),
            status: StackStatus::new("CREATE_COMPLETE"),
        };
        let resources = [resource("Function", "AWS::Lambda::Function"), resource("Log", "AWS::Logs::LogGroup")];
        let place = StackLocation { account: "123456789012", region: "eu-west-1" };
        let expected = "\
The stack keys in account 123456789012, Region eu-west-1, will be deleted, and with it
  Function  AWS::Lambda::Function
  Log       AWS::Logs::LogGroup
  the subscription of left@example.com (email), which is not from the stack's template
What stops
  no run replaces, deactivates or deletes keys from now on, and no notice or alarm is sent
  the log of the function is deleted: nothing shows later what the runs did
What stays
  the users, their access keys, and the notes about them (the users' tags access-key-rotation:…)
  the secrets team/keys/… in Secrets Manager; workloads can still read their keys there
  the subscriptions of a@example.com, b@example.com, which are not confirmed: AWS cannot delete them, they expire 48 hours \
after their mails
  the stack keys-artifacts with the packages, which the next deployment of keys uses again. To remove them too, delete \
that stack, then empty and delete the bucket keys-123456789012-eu-west-1, which it leaves behind
";
        let other = ForeignSubscription {
            protocol: "email".into(),
            endpoint: "left@example.com".into(),
            arn: "arn:topic:1".into(),
        };
        let stored = template("secret_prefix: team/keys\n");
        let leftover = ["a@example.com", "b@example.com"].map(|address| ListedSubscription {
            protocol: "email".into(),
            endpoint: address.into(),
            arn: "PendingConfirmation".into(),
        });
        let leftover = leftover.into();
        let topic = TopicSubscriptions { foreign: vec![other], leftover, ..TopicSubscriptions::default() };
        let summary = deletion_summary("keys", &resources, &[topic], &stored, Artifacts::Here, UserNotes::Stay, &place);
        assert_eq!(summary, expected);
        let mailed = template("delivery: email\n");
        let text = deletion_summary("keys", &resources, &[], &mailed, Artifacts::Unknown, UserNotes::Removed, &place);
        assert!(text.contains("(the users' tags access-key-rotation:…) are removed first\n"), "{text}");
        assert!(!text.contains("Secrets Manager") && !text.contains("bucket"), "{text}");
    }
}
