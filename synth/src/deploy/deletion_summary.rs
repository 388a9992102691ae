//! What the deletion of a stack does, before the stack is deleted: what stops, what stays, and what is deleted.

use std::{cmp::Reverse, collections::BTreeSet};

use lambda::{
    contract::settings::Variable,
    protocol::{journal, policy::Delivery},
};
use serde_json::Value as Json;

use crate::{
    deploy::{
        active_pairs::ActivePair,
        aws::{Session, cloudformation::StackResource},
        command_line::make,
        deployed_template,
        subscriptions::{ForeignSubscription, TopicSubscriptions},
    },
    screen::{counted, grouped, printable, sentences, shortened, table, wrapped},
    stack::artifacts,
};

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

/// The most users with two active keys that are named.
const PAIRS: usize = 20;

/// The most resources of a type that are named.
const RESOURCES: usize = 3;

/// What a deletion of a stack does.
#[derive(Debug)]
pub struct Deletion<'a> {
    /// The name of the stack.
    pub stack: &'a str,
    /// Where the stack is.
    pub place: StackLocation<'a>,
    /// The resources of the stack.
    pub resources: &'a [StackResource],
    /// The subscriptions to its topics. Those of others end too, but not those that are not confirmed.
    pub topics: &'a [TopicSubscriptions],
    /// The template of the stack.
    pub template: &'a Json,
    /// Whether the artifact stack is here.
    pub artifacts: Artifacts,
    /// What becomes of the notes about users.
    pub notes: UserNotes,
    /// The users with two active keys, or why they are not known. `None` if the stack has no function.
    pub pairs: Option<Result<Vec<ActivePair<'a>>, String>>,
}

impl Deletion<'_> {
    /// What stops, what stays and what is deleted, as text for people.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { stack, place: StackLocation { account, region }, .. } = self;
        let (stops, stays) = (self.what_stops(), self.what_stays());
        let deleted = counted(self.resources.len(), "resource");
        format!(
            "{stack}, account {account}, {region}: what the deletion of this stack does\n\nWhat stops\n{stops}\n\
             What stays\n{stays}\nWhat is deleted: {deleted}\n{}",
            self.what_is_deleted()
        )
    }

    fn what_stops(&self) -> String {
        let mut text =
            wrapped("! ", "No run replaces, deactivates or deletes keys from now on. No notice and no alarm is sent.");
        match &self.pairs {
            Some(Ok(pairs)) if !pairs.is_empty() => {
                let keep = if pairs.len() == 1 { "keeps" } else { "keep" };
                let users = counted(pairs.len(), "user");
                text += &wrapped(
                    "! ",
                    &format!(
                        "{users} {keep} two active keys. Both stay active until a person deactivates one of them."
                    ),
                );
                let head = ["  USER", "OLDER KEY, CREATED", "YOUNGER KEY, CREATED"].map(str::to_owned);
                let rows = pairs
                    .iter()
                    .take(PAIRS)
                    .map(ActivePair::cells)
                    .map(|[user, older, younger]| [format!("  {user}"), older, younger]);
                text += &table(&std::iter::once(head).chain(rows).collect::<Vec<_>>());
                if pairs.len() > PAIRS {
                    text += &format!("  … and {}\n", counted(pairs.len() - PAIRS, "other user"));
                }
                let says = "To end these rotations first, wait until each user has one active key. To see that: ";
                text += &sentences("  ", &format!("{says}{}", make("status")));
            }
            Some(Err(why)) => {
                text += &wrapped("! ", &format!("It is not known which users keep two active keys: {why}"));
            }
            Some(Ok(_)) | None => {}
        }
        if self.resources.iter().any(|resource| resource.kind == "AWS::Logs::LogGroup") {
            text += &wrapped("! ", "The log of the function is deleted. Nothing shows later what the runs did.");
        }
        for ForeignSubscription { endpoint, protocol, .. } in self.topics.iter().flat_map(|topic| &topic.foreign) {
            let says =
                format!("The subscription of {endpoint} ({protocol}) ends. It is not from the stack's template.");
            text += &wrapped("! ", &printable(&says));
        }
        text
    }

    fn what_stays(&self) -> String {
        let Self { stack, template, place: StackLocation { account, region }, .. } = self;
        let mut lines = Vec::new();
        let prefix = journal::PREFIX;
        lines.push(match self.notes {
            UserNotes::Stay => {
                format!("The users, their access keys, and the notes about them (the users' tags {prefix}…).")
            }
            UserNotes::Removed => format!(
                "The users and their access keys. The notes about them (the users' tags {prefix}…) are removed first."
            ),
        });
        let stored = Delivery::SecretsManager.to_string();
        if deployed_template::setting(template, Variable::Delivery) == Some(&stored)
            && let Some(prefix) = deployed_template::setting(template, Variable::SecretPrefix)
        {
            lines
                .push(format!("The secrets {prefix}/… in Secrets Manager. Workloads can still read their keys there."));
        }
        let pending: BTreeSet<_> = self.topics.iter().flat_map(TopicSubscriptions::pending).collect();
        if !pending.is_empty() {
            let pending = printable(&pending.into_iter().collect::<Vec<_>>().join(", "));
            lines.push(format!(
                "The subscriptions that are not confirmed: {pending}. AWS cannot delete them. They expire 48 hours after their \
                 mails."
            ));
        }
        if self.artifacts == Artifacts::Here {
            let (artifacts, bucket) = (artifacts::stack_name(stack), artifacts::bucket_name(stack, account, region));
            lines.push(format!(
                "The stack {artifacts} with the packages. The next deployment of {stack} uses it again. To remove it too, delete \
                 that stack. Then empty and delete the bucket {bucket}, which it leaves behind."
            ));
        }
        lines.iter().map(|line| wrapped("- ", line)).collect()
    }

    /// The resources by their types, the type with the most first.
    fn what_is_deleted(&self) -> String {
        let resources = self.resources.iter().map(|resource| (resource.kind.clone(), resource.id.clone()));
        let mut kinds = grouped(resources);
        kinds.sort_by_key(|(kind, ids)| (Reverse(ids.len()), kind.clone()));
        let head = ["NUMBER", "TYPE", "NAMES"].map(str::to_owned);
        let rows = kinds.into_iter().map(|(kind, ids)| [ids.len().to_string(), kind, shortened(&ids, RESOURCES)]);
        table(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
    }
}

/// What is deleted in the members of an organization, and what stays there, as text for people. `management_member` is
/// the name of the management account's member stack, if there is one.
#[must_use]
pub fn members_summary(members: usize, management_member: Option<&str>) -> String {
    let accounts = counted(members + usize::from(management_member.is_some()), "member account");
    let stack = management_member.map(|name| format!(" and the stack {name} of this account")).unwrap_or_default();
    let deleted =
        format!("The stacks of the StackSet{stack} are deleted, each with its function, schedule, alarms and log.");
    let stay = "The users, their access keys, the notes about them and the secrets in Secrets Manager stay.";
    format!("First, in {accounts}\n{}{}", wrapped("- ", &deleted), wrapped("- ", stay))
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
    use expect_test::expect_file;
    use serde_json::json;

    use super::*;
    use crate::{
        cfn::json,
        config,
        deploy::{
            active_pairs::active_pairs, received_report::ReceivedReport, stack_status::StackStatus,
            subscriptions::ListedSubscription,
        },
        stack,
    };

    fn template(settings: &str) -> Json {
        let text = format!("users: [alice]\nemails: [a@example.com]\n{settings}");
        let config = config::read(&text, config::Overrides::default()).unwrap().config;
        json::to_json(&stack::template(&config).unwrap())
    }

    fn resources(template: &Json) -> Vec<StackResource> {
        let resource = |(id, resource): (&String, &Json)| StackResource {
            id: id.clone(),
            physical_id: String::new(),
            kind: resource["Type"].as_str().unwrap().to_owned(),
            status: StackStatus::new("CREATE_COMPLETE"),
        };
        template["Resources"].as_object().unwrap().iter().map(resource).collect()
    }

    fn pairs(users: usize) -> ReceivedReport {
        let key = |id: usize, created: &str| json!({ "id": format!("AKIAEXAMPLE{id:09}"), "status": "active", "created": created });
        let user = |number: usize| {
            let found = [key(2 * number, "2026-01-01T00:00:00Z"), key(2 * number + 1, "2026-11-20T00:00:00Z")];
            json!({ "user": format!("user-{number:03}"), "result": "unchanged", "why": "…", "found": found })
        };
        let users = (1..=users).map(user).collect::<Json>();
        ReceivedReport::read(json!({ "statusCode": 200, "body": "", "users": users })).unwrap()
    }

    const PLACE: StackLocation<'_> = StackLocation { account: "123456789012", region: "eu-west-1" };

    #[test]
    fn the_screens_are_the_golden_files() {
        let other = ForeignSubscription {
            protocol: "email".into(),
            endpoint: "left@example.com".into(),
            arn: "arn:topic:1".into(),
        };
        let leftover = ["a@example.com", "b@example.com"].map(|address| ListedSubscription {
            protocol: "email".into(),
            endpoint: address.into(),
            arn: "PendingConfirmation".into(),
        });
        let topic =
            TopicSubscriptions { foreign: vec![other], leftover: leftover.into(), ..TopicSubscriptions::default() };
        let (stored, mailed) = (template("secret_prefix: team/keys\n"), template("delivery: email\n"));
        let (resources, topics) = (resources(&stored), [topic]);
        let in_order = Deletion {
            stack: "keys",
            place: PLACE,
            resources: &resources,
            topics: &[],
            template: &mailed,
            artifacts: Artifacts::Unknown,
            notes: UserNotes::Removed,
            pairs: Some(Ok(Vec::new())),
        };
        expect_file!["../../tests/golden/destroy-in-order.txt"].assert_eq(&in_order.text());
        let (one, many) = (pairs(1), pairs(500));
        let problems = |report| Deletion {
            topics: &topics,
            template: &stored,
            artifacts: Artifacts::Here,
            notes: UserNotes::Stay,
            pairs: Some(Ok(active_pairs(report))),
            ..in_order
        };
        expect_file!["../../tests/golden/destroy-problems.txt"].assert_eq(&problems(&one).text());
        expect_file!["../../tests/golden/destroy-500-users.txt"].assert_eq(&problems(&many).text());
        let unknown = Deletion { pairs: Some(Err("no connection".to_owned())), ..in_order }.text();
        assert!(unknown.contains("! It is not known which users keep two active keys: no connection\n"), "{unknown}");
    }
}
