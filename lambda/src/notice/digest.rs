//! The digest: one mail about a whole run, for the administrators.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    contract::{digest_frequency::DigestFrequency, run_summary::RunSummary},
    model::{time::Timestamp, user::UserName},
    protocol::{journal::RunId, stop_reason::StopReason},
    report::run_report::{KeyChange, Outcome, UserReport},
};

/// The facts about a run that its digest contains.
#[derive(Debug, Clone, Copy)]
pub struct Digested<'a> {
    /// The id of the run.
    pub run: &'a RunId,
    /// When the run began.
    pub started: Timestamp,
    /// The run in numbers.
    pub summary: &'a RunSummary,
    /// The reports of the users that the run handled.
    pub users: &'a [UserReport],
    /// The users with notices that only their owners got. The digest is the administrators' copy.
    pub copied: &'a BTreeSet<UserName>,
}

impl DigestFrequency {
    /// Whether a digest of this run is wanted.
    #[must_use]
    pub fn wants(self, run: &Digested<'_>) -> bool {
        match self {
            Self::Always => true,
            // Of other users, the administrators got a mail.
            Self::Never => run.users.iter().any(|user| {
                matches!(user.result, Outcome::Failed | Outcome::NeedsAttention) && run.copied.contains(&user.user)
            }),
            Self::Changes => {
                run.summary.unsent > 0
                    || run.users.iter().any(|user| {
                        user.overdue.is_some() || !matches!(user.result, Outcome::Unchanged | Outcome::Disabled)
                    })
            }
        }
    }
}

impl<'a> Digested<'a> {
    /// The users with a change.
    pub(super) fn changed(&self) -> impl Iterator<Item = &'a UserReport> {
        self.users.iter().filter(|user| !user.done.is_empty())
    }

    /// The users with a problem, the most severe one first.
    pub(super) fn unhealthy(&self) -> Vec<(UserProblem, &'a UserReport)> {
        let mut all: Vec<_> = self.users.iter().filter_map(|user| Some((UserProblem::of(user)?, user))).collect();
        // The sort is stable, so that users with the same severity stay in the order of the run.
        all.sort_by_key(|(severity, _)| *severity);
        all
    }
}

/// How severe the problem of a user is. The first one is the most severe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UserProblem {
    /// A person must decide.
    NeedsAttention,
    /// A call failed.
    Failed,
    /// A key should have been replaced or deactivated before this run.
    Overdue,
    /// The rotation waits until a person has done something: an old key is in use, or no recipient has confirmed.
    WaitsForPerson,
    /// The rotation waits for another run.
    WaitsForRun,
}

impl UserProblem {
    fn of(user: &UserReport) -> Option<Self> {
        match (user.result, &user.rest) {
            (Outcome::NeedsAttention, _) => Some(Self::NeedsAttention),
            (Outcome::Failed, _) => Some(Self::Failed),
            _ if user.overdue.is_some() => Some(Self::Overdue),
            (
                Outcome::Waiting,
                StopReason::StillInUse(..) | StopReason::UnmadePairInUse(..) | StopReason::NoConfirmedRecipient(_),
            ) => Some(Self::WaitsForPerson),
            (Outcome::Waiting, _) => Some(Self::WaitsForRun),
            (Outcome::Unchanged | Outcome::Changed | Outcome::Disabled, _) => None,
        }
    }
}

/// The changes that a digest lists: a key that was delivered is not also listed as created.
pub(super) fn news(done: &[KeyChange]) -> impl Iterator<Item = &KeyChange> {
    let is_delivered =
        |key| done.iter().any(|change| matches!(change, KeyChange::Delivered { key: delivered } if delivered == key));
    done.iter().filter(move |change| !matches!(change, KeyChange::Created { key } if is_delivered(key)))
}

/// The longest list in a digest, in bytes. There are two lists in the mail and one in the document for programs. SNS
/// accepts 262,144 bytes for all of a message with its attributes ("Publish": Message).
pub(super) const LONGEST_LIST: usize = 70_000;

/// As many lines as fit into a mail, and then `more` with the number of lines that do not fit.
pub(super) fn cut(lines: &[String], more: impl Fn(usize) -> String) -> String {
    let mut list = String::new();
    for (at, line) in lines.iter().enumerate() {
        if list.len() + line.len() > LONGEST_LIST {
            list += &more(lines.len() - at);
            break;
        }
        list += line;
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_is_cut_between_lines_and_says_so() {
        let more = |n: usize| format!("and {n} more\n");
        let lines = vec!["é".repeat(500) + "\n"; 60];
        assert_eq!(cut(&lines, more), lines.concat());
        let lines = vec!["é".repeat(500) + "\n"; 1_000];
        let list = cut(&lines, more);
        let shown = list.lines().count() - 1;
        assert!(list.len() < LONGEST_LIST + 100 && list.ends_with(&format!("\nand {} more\n", 1_000 - shown)));
    }
}
