//! The audit log: for each call, which run made it and for which user; for each change, also why it was allowed.
//!
//! Pure: it makes the events, and [`crate::handler::log`] prints them. `templates/OPERATIONS.md` shows how to query
//! them.

use serde_json::{Value, json};

use crate::{
    model::{access_key::AccessKeyId, user::UserName},
    protocol::{
        call::{Answer, Call, PlannedNotice, RemovalReason, Warning},
        call_error::{CallError, Effect},
        journal::JournalEntry,
        run::{Run, RunAction},
    },
};

/// The invocation that a log event belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunOrigin<'a> {
    /// Lambda's request id of the invocation.
    pub request: &'a str,
    /// Whether changes are made.
    pub mode: RunMode,
}

/// Whether changes are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunMode {
    /// Changes are made.
    Real,
    /// Changes are only pretended: a dry run.
    Pretended,
}

/// Why a change is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangeReason {
    /// The condition that was met before the change, or its purpose.
    pub why: &'static str,
    /// The invariant that allows it: its number and name, as in ARCHITECTURE.md.
    pub invariant: &'static str,
}

const NO_OUTAGE: &str = "1 no outage";
const NOTHING_LOST: &str = "2 nothing lost";
const NO_ORPHAN: &str = "3 no orphan";
const NEVER_ACTIVE: &str = "4 never an active key deleted";
const ONE_WRITER: &str = "8 one writer";
const UNMADE_PAIRS: &str = "12 pairs that we did not make";

/// Why the planner may make this change; `None` for a call that changes nothing.
///
/// In no state does the planner make a call without its reason, so the call determines the reason.
#[must_use]
pub fn reason(call: &Call) -> Option<ChangeReason> {
    let (why, invariant) = match call {
        Call::ListAccessKeys
        | Call::ListUserTags
        | Call::GetAccessKeyLastUsed(_)
        | Call::GetCallerIdentity { .. }
        | Call::DescribeSecret(_)
        | Call::ListSubscriptionsByTopic => return None,
        Call::CreateSecret => ("the secret exists before the key that it will contain", NOTHING_LOST),
        Call::PutResourcePolicy => ("the secret's readers are set before a key is in it", NOTHING_LOST),
        Call::TagUser(entries) => match entries.first() {
            Some(JournalEntry::Delivered(_)) => {
                ("the new key is delivered, and read back where the channel can be read", NOTHING_LOST)
            }
            Some(JournalEntry::Disabled(_)) => {
                ("notes when the keys became inactive, and who deactivated them", NEVER_ACTIVE)
            }
            Some(JournalEntry::Undone(_)) => ("a person wants the key back, so runs skip it", NO_OUTAGE),
            Some(JournalEntry::Warned(_)) => ("the key's owner knows that it will be replaced", NO_OUTAGE),
            Some(JournalEntry::Seen(_)) => ("the owner knows what happens to the older key", UNMADE_PAIRS),
            Some(JournalEntry::Unused(_)) => ("the owner knows that the unused key will be deactivated", NO_OUTAGE),
            Some(JournalEntry::Unannounced(_)) => {
                ("the key's announcement would have reached no confirmed recipient", NOTHING_LOST)
            }
            Some(JournalEntry::Cleared(_)) => ("the note no longer has a meaning", NO_OUTAGE),
            Some(JournalEntry::ManagedBy(_)) => ("a person asked this stack to manage the user", ONE_WRITER),
            Some(JournalEntry::Closed(_)) => ("nothing is left of the rotation that would have to be found", NO_ORPHAN),
            Some(JournalEntry::Intent(_)) | None => ("notes which key existed before the next is created", NO_ORPHAN),
        },
        Call::UntagUser(_) => ("nothing is left of the rotation that would have to be found", NO_ORPHAN),
        Call::RemoveJournal(_) => ("a person asked for it before this stack is deleted", ONE_WRITER),
        Call::CreateAccessKey => ("the intent is written, and one other key exists", ONE_WRITER),
        Call::PutSecretValue(_) => ("STS accepts the new key", NOTHING_LOST),
        Call::Publish(PlannedNotice::Secret(_)) => ("STS accepts the new key; the mail delivers it", NOTHING_LOST),
        Call::Publish(PlannedNotice::Stored(_)) => ("the new key is delivered and read back", NOTHING_LOST),
        Call::Publish(PlannedNotice::Warning(Warning::ComingUp(..))) => {
            ("the key is soon due, and its owner does not know yet", NO_OUTAGE)
        }
        Call::Publish(PlannedNotice::Warning(Warning::Pair { .. })) => {
            ("the rotation did not make the two keys, and their owner does not know yet", UNMADE_PAIRS)
        }
        Call::Publish(PlannedNotice::Warning(Warning::Inactive(..))) => {
            ("the rotation did not deactivate the key, and its owner does not know yet", UNMADE_PAIRS)
        }
        Call::Publish(PlannedNotice::Warning(Warning::Unused(..))) => {
            ("the key is not used, and its owner does not know yet that it will be deactivated", NO_OUTAGE)
        }
        Call::DeactivateAccessKey(_, RemovalReason::Disuse) => {
            ("it was not used for unused_after, and its owner was told in time", NO_OUTAGE)
        }
        Call::DeactivateAccessKey(_, RemovalReason::Revoked) => ("a person has revoked it", NO_OUTAGE),
        Call::DeactivateAccessKey(_, RemovalReason::Withdrawn) | Call::DeleteAccessKey(_, RemovalReason::Withdrawn) => {
            ("it was created beside an older key, and its secret did not reach its owner", NO_ORPHAN)
        }
        Call::DeactivateAccessKey(..) => {
            ("a younger key is there, and the time that the owner was told of is over", NO_OUTAGE)
        }
        Call::ActivateAccessKey(_) => ("a person asked for it, or it is in use", NO_OUTAGE),
        Call::DeleteAccessKey(_, RemovalReason::PlaceNeeded) => {
            ("it is inactive, and the rotation that is due needs its place in the quota", NEVER_ACTIVE)
        }
        Call::DeleteAccessKey(..) => ("it is inactive, and its recovery window is over", NEVER_ACTIVE),
    };
    Some(ChangeReason { why, invariant })
}

/// The event for one call about one user.
///
/// `event` is `read`, `change`, or `dry-run` for a change that a dry run only pretended. A failed change is a `change`
/// too. Its result is in `outcome`; `unknown` means that it may have taken effect.
#[must_use]
pub fn event(
    run: &Run,
    origin: RunOrigin<'_>,
    user: &UserName,
    call: &Call,
    answer: Result<&Answer, &CallError>,
) -> Value {
    let reason = reason(call);
    let mut event = json!({
        "level": if answer.is_err() { "WARN" } else { "INFO" },
        "event": match (reason, origin.mode) {
            (None, _) => "read",
            (Some(_), RunMode::Real) => "change",
            (Some(_), RunMode::Pretended) => "dry-run",
        },
        "run": run.id,
        "action": action(&run.action),
        "requestId": origin.request,
        "user": user,
        "call": call.operation(),
        "about": call.to_string(),
    });
    if let Some(ChangeReason { why, invariant }) = reason {
        event["key"] = json!(key(call, answer));
        event["why"] = json!(why);
        event["invariant"] = json!(invariant);
        event["outcome"] = json!(match answer.map_err(|failure| failure.effect) {
            Ok(_) => "done",
            Err(Effect::None) => "refused",
            Err(Effect::Unknown) => "unknown",
        });
    }
    if let Err(failure) = answer {
        event["error"] = json!(failure.to_string());
    }
    event
}

const fn action(action: &RunAction) -> &'static str {
    match action {
        RunAction::Routine => "routine",
        RunAction::RotateNow => "rotate",
        RunAction::Enable => "enable",
        RunAction::Undo => "undo",
        RunAction::Revoke(..) => "revoke",
        RunAction::Adopt => "adopt",
        RunAction::Release => "release",
    }
}

/// The keys that a change is about, separated by spaces; empty if it is about none.
fn key(call: &Call, answer: Result<&Answer, &CallError>) -> String {
    let ids: Vec<&AccessKeyId> = match call {
        Call::CreateAccessKey => match answer {
            Ok(Answer::Created(key)) => vec![&key.id],
            _ => Vec::new(),
        },
        Call::TagUser(entries) => entries.iter().flat_map(JournalEntry::keys).collect(),
        call => call.key().into_iter().collect(),
    };
    ids.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::call_permissions::steps;

    /// AWS's names of the operations show which ones change something.
    #[test]
    fn every_change_has_a_reason_and_no_read_has_one() {
        for step in steps() {
            let read = ["List", "Get", "Describe"].iter().any(|verb| step.call.operation().starts_with(verb));
            assert_eq!(reason(&step.call).is_none(), read, "{}", step.call);
        }
    }

    #[test]
    fn the_invariants_are_those_of_the_architecture() {
        let table = include_str!("../../../ARCHITECTURE.md");
        for name in [NO_OUTAGE, NOTHING_LOST, NO_ORPHAN, NEVER_ACTIVE, ONE_WRITER, UNMADE_PAIRS] {
            let (number, words) = name.split_once(' ').unwrap();
            assert!(table.contains(&format!("\n| {number} | {words} |")), "{name}");
        }
    }
}
