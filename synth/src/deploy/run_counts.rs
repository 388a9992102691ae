//! What a run did or would do, in numbers and in words.

use serde::{Deserialize, Serialize};

use crate::screen::counted;

/// A run in numbers. The names of the fields are those of the run report's summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RunCounts {
    /// The number of users: those that were handled, and those that were skipped because nothing is due.
    pub users: usize,
    /// The number of new keys that were delivered.
    pub rotated: usize,
    /// The number of keys that were deactivated.
    pub deactivated: usize,
    /// The number of keys that were reactivated. The summary of the run report does not have it.
    #[serde(skip)]
    pub reactivated: usize,
    /// The number of inactive keys that were deleted.
    pub deleted: usize,
    /// The number of users with a failed call.
    pub failed: usize,
    /// The number of users that need a decision by a person.
    pub needs_attention: usize,
    /// The number of users with an overdue key.
    pub overdue: usize,
    /// The number of notices that could not be sent.
    pub unsent: usize,
}

impl RunCounts {
    /// What the run did: `1 new key delivered, 2 keys deactivated, 1 user failed`, or `no key was changed`.
    #[must_use]
    pub fn done(&self) -> String {
        let parts = [
            (self.rotated, "new key", " delivered"),
            (self.deactivated, "key", " deactivated"),
            (self.reactivated, "key", " reactivated"),
            (self.deleted, "key", " deleted"),
        ];
        let mut done = listed(parts);
        if done.is_empty() {
            done.push("no key was changed".to_owned());
        }
        done.extend(self.problems());
        done.join(", ")
    }

    /// What the run would do: `deliver 1 new key, deactivate 2 keys`, or nothing.
    #[must_use]
    pub fn planned(&self) -> String {
        let parts = [
            (self.rotated, "deliver", "new key"),
            (self.deactivated, "deactivate", "key"),
            (self.reactivated, "reactivate", "key"),
            (self.deleted, "delete", "key"),
        ];
        let parts = parts.into_iter().filter(|(number, ..)| *number > 0);
        parts.map(|(number, verb, noun)| format!("{verb} {}", counted(number, noun))).collect::<Vec<_>>().join(", ")
    }

    /// What went wrong, one entry for each kind of problem.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let needs = if self.needs_attention == 1 { " needs attention" } else { " need attention" };
        listed([
            (self.failed, "user", " failed"),
            (self.needs_attention, "user", needs),
            (self.overdue, "key", if self.overdue == 1 { " is overdue" } else { " are overdue" }),
            (self.unsent, "notice", " not sent"),
        ])
    }
}

fn listed<const N: usize>(parts: [(usize, &str, &str); N]) -> Vec<String> {
    let parts = parts.into_iter().filter(|(number, ..)| *number > 0);
    parts.map(|(number, noun, rest)| format!("{}{rest}", counted(number, noun))).collect()
}
