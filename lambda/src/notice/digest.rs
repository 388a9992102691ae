//! The digest: one mail about a whole run, for the administrators.

use std::collections::BTreeSet;

use crate::{
    contract::digest_frequency::DigestFrequency,
    model::{time::Timestamp, user::UserName},
    protocol::journal::RunId,
    report::run_report::{KeyChange, Outcome, Summary, UserReport},
};

/// The facts about a run that its digest contains.
#[derive(Debug, Clone, Copy)]
pub struct Digested<'a> {
    /// The id of the run.
    pub run: &'a RunId,
    /// When the run began.
    pub started: Timestamp,
    /// The run in numbers.
    pub summary: &'a Summary,
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

    /// The users with a problem: first those that need attention, then failed ones, then waiting ones, then others with
    /// an overdue key.
    pub(super) fn unhealthy(&self) -> Vec<&'a UserReport> {
        let of = |outcome| self.users.iter().filter(move |user| user.result == outcome);
        let is_well =
            |user: &&UserReport| !matches!(user.result, Outcome::NeedsAttention | Outcome::Failed | Outcome::Waiting);
        let overdue = self.users.iter().filter(is_well).filter(|user| user.overdue.is_some());
        of(Outcome::NeedsAttention).chain(of(Outcome::Failed)).chain(of(Outcome::Waiting)).chain(overdue).collect()
    }
}

/// The changes that a digest lists: a key that was delivered is not also listed as created.
pub(super) fn news(done: &[KeyChange]) -> impl Iterator<Item = &KeyChange> {
    let is_delivered =
        |key| done.iter().any(|change| matches!(change, KeyChange::Delivered { key: delivered } if delivered == key));
    done.iter().filter(move |change| !matches!(change, KeyChange::Created { key } if is_delivered(key)))
}

/// The longest list in a digest, in bytes. There are two lists, and SNS accepts 262,144 bytes for a whole message
/// ("Publish": Message).
const LONGEST: usize = 110_000;

/// As many lines as fit into a mail, and then `more` with the number of lines that do not fit.
pub(super) fn cut(lines: &[String], more: impl Fn(usize) -> String) -> String {
    let mut list = String::new();
    for (at, line) in lines.iter().enumerate() {
        if list.len() + line.len() > LONGEST {
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
        let lines = vec!["é".repeat(500) + "\n"; 100];
        assert_eq!(cut(&lines, more), lines.concat());
        let lines = vec!["é".repeat(500) + "\n"; 1_000];
        let list = cut(&lines, more);
        let shown = list.lines().count() - 1;
        assert!(list.len() < LONGEST + 100 && list.ends_with(&format!("\nand {} more\n", 1_000 - shown)));
    }
}
