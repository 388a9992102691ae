//! The revocation of one key, as a run report shows it: what became of the key, and the steps for people.

use lambda::{
    model::{access_key::AccessKeyId, user::UserName},
    protocol::run::Successor,
};

use crate::deploy::{
    received_report::{ReceivedChange, ReceivedKey, ReceivedReport, ReceivedUser},
    received_words::{ReceivedChangeKind, ReceivedOutcome, ReceivedRemovalReason},
};

/// The key that a person revokes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// The user of the key.
    pub user: UserName,
    /// The id of the key.
    pub key: AccessKeyId,
}

/// What became of the key. In a dry run, what would become of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RevocationOutcome {
    /// The key is inactive, or it no longer exists.
    Revoked,
    /// The key is active, because the user has no other active key and got no successor. Holds the cause.
    NoSuccessor(String),
    /// The key is active for another reason. Holds the cause.
    StillActive(String),
    /// The user has no key with this id. Holds the ids of the user's keys.
    NoSuchKey(Vec<String>),
    /// The report does not show the user's keys. Holds the cause.
    Unknown(String),
}

impl Revocation {
    /// What became of the key, by the report of a run that was asked to revoke it.
    #[must_use]
    pub fn outcome(&self, report: &ReceivedReport, successor: Successor) -> RevocationOutcome {
        let Some(user) = report.users().first() else {
            return RevocationOutcome::Unknown("the report does not contain the user".to_owned());
        };
        let is_it = |key: &&ReceivedKey| key.id == self.key.as_str();
        if !user.found.iter().any(|key| is_it(&key)) {
            // A run that found no key may not have read them.
            let is_unread = user.found.is_empty() && user.result != ReceivedOutcome::Unchanged;
            return if is_unread {
                RevocationOutcome::Unknown(user.why.clone())
            } else {
                RevocationOutcome::NoSuchKey(user.found.iter().map(|key| key.id.clone()).collect())
            };
        }
        if !user.left.iter().filter(is_it).any(ReceivedKey::is_active) {
            return RevocationOutcome::Revoked;
        }
        // While a step must wait, the other key may be one that no one has.
        let has_other =
            user.result != ReceivedOutcome::Waiting && user.left.iter().any(|key| key.is_active() && !is_it(&key));
        if has_other || successor == Successor::Without {
            RevocationOutcome::StillActive(user.why.clone())
        } else {
            RevocationOutcome::NoSuccessor(user.why.clone())
        }
    }

    /// The steps of a dry run that revokes the key, as text for people.
    #[must_use]
    pub fn steps(&self, preview: &ReceivedReport) -> String {
        let Self { user: name, key } = self;
        let Some(user) = preview.users().first() else { return String::new() };
        let mut lines: Vec<_> = user.done.iter().map(step).collect();
        if user.found.iter().any(|found| found.id == key.as_str() && !found.is_active()) {
            lines.push(format!(
                "{key} is inactive already; it is noted as revoked, so that undo does not reactivate it"
            ));
        }
        lines.push(self.access_afterwards(user));
        let lines: Vec<_> = lines.iter().map(|line| format!("  {line}\n")).collect();
        format!("What the revocation of {key} does for {name}\n{}", lines.concat())
    }

    fn access_afterwards(&self, user: &ReceivedUser) -> String {
        let active: Vec<_> = user.left.iter().filter(|key| key.is_active()).collect();
        let is_new = |key: &ReceivedKey| !user.found.iter().any(|found| found.id == key.id);
        match active.as_slice() {
            [] => format!("{} then has no active key, and so no access", self.user),
            [only] if is_new(only) => format!("{} then has the new key", self.user),
            [only] => format!("{} then has the active key {}", self.user, only.id),
            _ => format!("{} then has these active keys: {}", self.user, ids(&active)),
        }
    }
}

fn ids(keys: &[&ReceivedKey]) -> String {
    keys.iter().map(|key| key.id.as_str()).collect::<Vec<_>>().join(", ")
}

/// One change of a dry run, for people. The id of a key that a dry run creates has no meaning.
fn step(ReceivedChange { change, key, why }: &ReceivedChange) -> String {
    let reason = why.as_ref().map_or(String::new(), |why| format!(" ({why})"));
    match (change, why) {
        (ReceivedChangeKind::Created, _) => "a new key is created".to_owned(),
        (ReceivedChangeKind::Delivered, _) => "the new key is delivered".to_owned(),
        (ReceivedChangeKind::Deactivated, Some(ReceivedRemovalReason::Revoked)) => format!("{key} is deactivated"),
        (ReceivedChangeKind::Deleted, Some(ReceivedRemovalReason::PlaceNeeded)) => {
            format!("the inactive key {key} is DELETED for ever, because IAM allows two keys per user")
        }
        (ReceivedChangeKind::Deleted, _) => format!("{key} is DELETED for ever{reason}"),
        (change, _) => format!("{key} is {change}{reason}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    const KEY: &str = "AKIAEXAMPLE000000001";
    const OTHER: &str = "AKIAEXAMPLE000000002";
    const NEW: &str = "KEY_OF_A_DRY_RUN";

    fn revocation() -> Revocation {
        Revocation { user: "alice".parse().unwrap(), key: KEY.parse().unwrap() }
    }

    fn keys(keys: &[(&str, &str)]) -> Json {
        let key =
            |(id, status): &(&str, &str)| json!({ "id": id, "status": status, "created": "2026-01-01T00:00:00Z" });
        keys.iter().map(key).collect()
    }

    fn report(result: &str, found: &[(&str, &str)], done: &Json, left: &[(&str, &str)]) -> ReceivedReport {
        let user = json!({
            "user": "alice", "result": result, "why": "the reason", "found": keys(found), "done": done, "left": keys(left),
        });
        ReceivedReport::read(json!({ "statusCode": 200, "body": "", "users": [user] })).unwrap()
    }

    #[test]
    fn the_keys_at_the_end_of_a_run_decide_what_became_of_the_key() {
        let why = || "the reason".to_owned();
        let (active, inactive) = ("active", "inactive");
        for (result, found, left, successor, expected) in [
            ("changed", &[(KEY, active)][..], &[(KEY, inactive), (NEW, active)][..], Successor::IfNeeded, {
                RevocationOutcome::Revoked
            }),
            ("unchanged", &[(KEY, inactive)], &[(KEY, inactive)], Successor::IfNeeded, RevocationOutcome::Revoked),
            ("changed", &[(KEY, active)], &[], Successor::IfNeeded, RevocationOutcome::Revoked),
            // A person must confirm a subscription, or a call failed, or another run is at work.
            ("needs-attention", &[(KEY, active)], &[(KEY, active)], Successor::IfNeeded, {
                RevocationOutcome::NoSuccessor(why())
            }),
            ("failed", &[(KEY, active)], &[(KEY, active), (OTHER, inactive)], Successor::IfNeeded, {
                RevocationOutcome::NoSuccessor(why())
            }),
            ("waiting", &[(KEY, active)], &[(KEY, active)], Successor::IfNeeded, RevocationOutcome::NoSuccessor(why())),
            ("waiting", &[(KEY, active), (OTHER, active)], &[(KEY, active), (OTHER, active)], Successor::IfNeeded, {
                RevocationOutcome::NoSuccessor(why())
            }),
            // The successor is there, or is not wanted, but AWS refused to deactivate the key.
            ("failed", &[(KEY, active)], &[(KEY, active), (OTHER, active)], Successor::IfNeeded, {
                RevocationOutcome::StillActive(why())
            }),
            ("failed", &[(KEY, active)], &[(KEY, active)], Successor::Without, RevocationOutcome::StillActive(why())),
            ("unchanged", &[(OTHER, active)], &[(OTHER, active)], Successor::IfNeeded, {
                RevocationOutcome::NoSuchKey(vec![OTHER.to_owned()])
            }),
            ("unchanged", &[], &[], Successor::IfNeeded, RevocationOutcome::NoSuchKey(Vec::new())),
            ("failed", &[], &[], Successor::IfNeeded, RevocationOutcome::Unknown(why())),
        ] {
            let report = report(result, found, &json!([]), left);
            assert_eq!(revocation().outcome(&report, successor), expected, "{result} {found:?} {left:?}");
        }
    }

    #[test]
    fn the_steps_say_what_is_deleted_and_which_key_works_afterwards() {
        let done = json!([
            { "change": "deleted", "key": OTHER, "why": "place-needed" },
            { "change": "created", "key": NEW },
            { "change": "delivered", "key": NEW },
            { "change": "deactivated", "key": KEY, "why": "revoked" },
        ]);
        let full =
            report("changed", &[(KEY, "active"), (OTHER, "inactive")], &done, &[(KEY, "inactive"), (NEW, "active")]);
        let expected = "\
What the revocation of AKIAEXAMPLE000000001 does for alice
  the inactive key AKIAEXAMPLE000000002 is DELETED for ever, because IAM allows two keys per user
  a new key is created
  the new key is delivered
  AKIAEXAMPLE000000001 is deactivated
  alice then has the new key
";
        assert_eq!(revocation().steps(&full), expected);
        let deactivated = json!([{ "change": "deactivated", "key": KEY, "why": "revoked" }]);
        let pair = report(
            "changed",
            &[(KEY, "active"), (OTHER, "active")],
            &deactivated,
            &[(KEY, "inactive"), (OTHER, "active")],
        );
        let expected = "\
What the revocation of AKIAEXAMPLE000000001 does for alice
  AKIAEXAMPLE000000001 is deactivated
  alice then has the active key AKIAEXAMPLE000000002
";
        assert_eq!(revocation().steps(&pair), expected);
        let only = report("changed", &[(KEY, "active")], &deactivated, &[(KEY, "inactive")]);
        assert!(revocation().steps(&only).ends_with("  alice then has no active key, and so no access\n"));
        let inactive = report("unchanged", &[(KEY, "inactive")], &json!([]), &[(KEY, "inactive")]);
        assert!(revocation().steps(&inactive).contains("is inactive already"));
    }
}
