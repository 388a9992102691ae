//! Users with two active keys, as a run report shows them. Without a run that finishes the rotation, both stay active.

use std::fmt;

use lambda::model::time::Timestamp;
use serde_json::{Value as Json, json};

use crate::{
    deploy::received_report::{ReceivedKey, ReceivedReport, ReceivedUser, minute},
    screen::short_id,
};

/// A user with two active keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivePair<'r> {
    user: &'r str,
    older: &'r ReceivedKey,
    younger: &'r ReceivedKey,
}

/// The users that had two active keys when the run began.
#[must_use]
pub fn active_pairs(report: &ReceivedReport) -> Vec<ActivePair<'_>> {
    report.users().iter().filter_map(ActivePair::of).collect()
}

impl<'r> ActivePair<'r> {
    /// The user, the older and the younger key, each key with its time of creation.
    #[must_use]
    pub fn cells(&self) -> [String; 3] {
        let key = |key: &ReceivedKey| format!("{}, {}", short_id(&key.id), day(&key.created));
        [self.user.to_owned(), key(self.older), key(self.younger)]
    }

    /// The pair as JSON for programs.
    #[must_use]
    pub fn json(&self) -> Json {
        json!({ "user": self.user, "keys": [self.older.id, self.younger.id] })
    }

    fn of(user: &'r ReceivedUser) -> Option<Self> {
        let mut active: Vec<_> = user.found.iter().filter(|key| key.is_active()).collect();
        // A report writes all times in UTC and in one form, so they sort as texts.
        active.sort_by_key(|key| &key.created);
        let [older, younger] = active.as_slice() else { return None };
        Some(Self { user: &user.user, older, younger })
    }
}

/// The day of a time of a report. A text that is not a time stays as it is.
fn day(time: &str) -> String {
    time.parse::<Timestamp>().map_or_else(|_| time.to_owned(), Timestamp::to_day)
}

impl fmt::Display for ActivePair<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, older, younger } = self;
        write!(
            f,
            "{user} has two active keys: {}, created {}, and {}, created {}",
            older.id,
            minute(&older.created),
            younger.id,
            minute(&younger.created)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_users_with_two_active_keys_are_found() {
        let key = |id: &str, status: &str, created: &str| json!({ "id": id, "status": status, "created": created });
        let user = |name: &str, found| json!({ "user": name, "result": "unchanged", "why": "…", "found": found });
        let [old, new, inactive] = [
            key("AKIA1", "active", "2026-01-01T00:00:00Z"),
            key("AKIA2", "active", "2026-03-01T00:00:00Z"),
            key("AKIA3", "inactive", "2026-03-01T00:00:00Z"),
        ];
        let users = [
            user("alice", json!([new, old])),
            user("bob", json!([old, inactive])),
            user("carol", json!([new])),
            user("dave", json!([])),
        ];
        let report = json!({ "statusCode": 200, "body": "", "users": users });
        let report = ReceivedReport::read(report).unwrap();
        let pairs: Vec<_> = active_pairs(&report).iter().map(ToString::to_string).collect();
        let expected =
            "alice has two active keys: AKIA1, created 2026-01-01 00:00 UTC, and AKIA2, created 2026-03-01 00:00 UTC";
        assert_eq!(pairs, [expected]);
    }
}
