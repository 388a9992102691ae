//! The JSON document of a command that changes something in a deployed stack, for programs. Every command has the same fields.

use serde_json::{Value as Json, json};

use crate::deploy::{
    active_pairs::{ActivePair, active_pairs},
    aws::cloudformation::StackResource,
    deletion_summary::StackLocation,
    received_report::ReceivedReport,
    release_summary::UnreleasedUsers,
    resubscription::Resubscription,
    rotation_check::UnrotatableUser,
};

/// What a command did.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandDocument {
    /// The word of the command, such as `rotate`.
    pub command: &'static str,
    /// The name of the stack.
    pub stack: String,
    /// The number of the account, 12 digits.
    pub account: String,
    /// The code of the Region, such as `eu-central-1`.
    pub region: String,
    /// Whether the command only showed what it would do.
    pub dry_run: bool,
    /// The report of the last run. `None` if there was none.
    pub report: Option<ReceivedReport>,
    /// `rotate`: the users that cannot be rotated.
    pub not_rotated: Vec<UnrotatableUser>,
    /// `revoke`: whether the key is inactive, or deleted. `None` if it is unknown. In a dry run, what it would be.
    pub is_revoked: Option<bool>,
    /// `destroy`: the resources that are deleted with the stack.
    pub resources: Vec<StackResource>,
    /// `destroy`: whether the stack is deleted.
    pub is_deleted: Option<bool>,
    /// `destroy`: the users that still have notes.
    pub notes_left: Vec<UnreleasedUsers>,
    /// `resubscribe`: what was done for each subscription.
    pub subscriptions: Vec<Resubscription>,
}

impl CommandDocument {
    /// The document of a command that has done nothing yet.
    #[must_use]
    pub fn new(command: &'static str, stack: &str, StackLocation { account, region }: StackLocation<'_>) -> Self {
        Self {
            command,
            stack: stack.to_owned(),
            account: account.to_owned(),
            region: region.to_owned(),
            dry_run: false,
            report: None,
            not_rotated: Vec::new(),
            is_revoked: None,
            resources: Vec::new(),
            is_deleted: None,
            notes_left: Vec::new(),
            subscriptions: Vec::new(),
        }
    }

    /// The document of a command that ended with this exit code, and with an error if it did not succeed.
    #[must_use]
    pub fn json(&self, exit_code: u8, error: Option<&str>) -> Json {
        let pairs = self.report.as_ref().map(active_pairs).unwrap_or_default();
        json!({
            "command": self.command,
            "stack": { "name": self.stack, "account": self.account, "region": self.region },
            "dryRun": self.dry_run,
            "exitCode": exit_code,
            "error": error,
            "report": self.report.as_ref().map(|report| &report.document),
            "twoActiveKeys": pairs.iter().map(ActivePair::json).collect::<Vec<_>>(),
            "notRotated": self.not_rotated.iter().map(|one| json!({ "user": one.user, "why": one.text })).collect::<Vec<_>>(),
            "revoked": self.is_revoked,
            "resources": self.resources.iter().map(|one| json!({ "id": one.id, "type": one.kind })).collect::<Vec<_>>(),
            "deleted": self.is_deleted,
            "notesLeft": self.notes_left.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "subscriptions": self.subscriptions.iter().map(Resubscription::json).collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::deploy::{
        resubscription::ResubscriptionOutcome,
        stack_status::StackStatus,
        subscriptions::{StackTopic, SubscriptionState, subscription},
    };

    /// A document in which each field occurs.
    fn full() -> Json {
        let key = |id: &str| json!({ "id": id, "status": "active", "created": "2026-01-01T00:00:00Z" });
        let users = json!([{ "user": "a", "result": "unchanged", "why": "…", "found": [key("AKIA1"), key("AKIA2")] }]);
        let report = json!({ "statusCode": 200, "body": "", "users": users });
        let subscription = subscription(StackTopic::Notices, "a@example.com", SubscriptionState::Gone);
        let place = StackLocation { account: "123456789012", region: "eu-west-1" };
        let document = CommandDocument {
            report: ReceivedReport::read(report).ok(),
            not_rotated: vec![UnrotatableUser { user: "a".into(), text: "why".into() }],
            resources: vec![StackResource {
                id: "Topic".into(),
                physical_id: String::new(),
                kind: "AWS::SNS::Topic".into(),
                status: StackStatus::new("CREATE_COMPLETE"),
            }],
            notes_left: vec![UnreleasedUsers { user: None, cause: "why".into() }],
            subscriptions: vec![Resubscription { subscription, outcome: ResubscriptionOutcome::Requested }],
            ..CommandDocument::new("rotate", "keys", place)
        };
        document.json(1, Some("error"))
    }

    /// The paths of the fields, such as `notRotated[].user`. The run report has its own documentation.
    fn paths(document: &Json, path: &str, found: &mut BTreeSet<String>) {
        match document {
            Json::Object(fields) if path != "report" => {
                for (name, value) in fields {
                    paths(value, &if path.is_empty() { name.clone() } else { format!("{path}.{name}") }, found);
                }
            }
            Json::Array(items) if items.iter().any(Json::is_object) => {
                for item in items {
                    paths(item, &format!("{path}[]"), found);
                }
            }
            _ => {
                found.insert(path.to_owned());
            }
        }
    }

    /// Programs depend on the fields: `docs/operations.md` has a row for each of them, and for no other one.
    #[test]
    fn the_runbook_documents_each_field() {
        let mut fields = BTreeSet::new();
        paths(&full(), "", &mut fields);
        let text = include_str!("../../../docs/operations.md");
        let section = text.split("\n## ").find(|section| section.starts_with("The JSON of the commands\n")).unwrap();
        let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
        let documented: BTreeSet<_> = rows.map(|(field, _)| field.to_owned()).collect();
        let difference: Vec<_> = fields.symmetric_difference(&documented).collect();
        assert!(difference.is_empty(), "not in both: {difference:#?}");
    }

    /// A program finds each field in the document of each command.
    #[test]
    fn the_fields_do_not_depend_on_the_command() {
        let place = StackLocation { account: "123456789012", region: "eu-west-1" };
        let empty = CommandDocument::new("undo", "keys", place).json(0, None);
        let names = |document: &Json| document.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&empty), names(&full()));
    }
}
