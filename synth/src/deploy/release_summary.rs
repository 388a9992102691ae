//! The release of users before a stack is deleted, as run reports show it.

use std::fmt;

use crate::deploy::{
    received_report::{ReceivedReport, ReceivedUser},
    received_words::ReceivedOutcome,
};

/// Users that still have their notes, with the cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreleasedUsers {
    /// The name of the user. `None`: all users, because the function returned no report.
    pub user: Option<String>,
    /// Why the notes were not removed.
    pub cause: String,
}

impl fmt::Display for UnreleasedUsers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.user.as_deref().unwrap_or("all users"), self.cause)
    }
}

/// Each user that still has its notes. Empty if all notes were removed.
#[must_use]
pub fn users_with_notes(report: &ReceivedReport) -> Vec<UnreleasedUsers> {
    use ReceivedOutcome::{Changed, Disabled, Unchanged};
    let has_notes = |user: &&ReceivedUser| !matches!(user.result, Unchanged | Changed | Disabled);
    let users = report.users().iter().filter(has_notes);
    let unreleased = |user: &ReceivedUser| UnreleasedUsers {
        user: Some(user.user.clone()),
        cause: user.outcome_with(&user.why, report.is_dry_run()),
    };
    users.map(unreleased).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_users_with_notes_are_listed_with_the_cause() {
        let user = |name: &str, result: &str| json!({ "user": name, "result": result, "why": "the reason" });
        let read = |users| ReceivedReport::read(json!({ "statusCode": 500, "body": "", "users": users })).unwrap();
        let report = read(vec![
            user("alice", "unchanged"),
            user("bob", "waiting"),
            user("carol", "needs-attention"),
            user("dave", "failed"),
        ]);
        let texts: Vec<_> = users_with_notes(&report).iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["bob: waiting, the reason", "carol: the reason", "dave: failed, the reason"]);
        assert_eq!(users_with_notes(&read(vec![user("alice", "changed")])), []);
    }
}
