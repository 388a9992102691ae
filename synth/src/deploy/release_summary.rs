//! The release of users before a stack is deleted, as run reports show it.

use crate::deploy::{
    received_report::{ReceivedReport, ReceivedUser},
    received_words::ReceivedOutcome,
};

/// The users whose notes were not removed, each with the cause. Empty if all notes were removed.
#[must_use]
pub fn users_with_notes(report: &ReceivedReport) -> Vec<String> {
    use ReceivedOutcome::{Changed, Disabled, Unchanged};
    let has_notes = |user: &&ReceivedUser| !matches!(user.result, Unchanged | Changed | Disabled);
    let users = report.users().iter().filter(has_notes);
    users.map(|user| format!("{}: {}, {}", user.user, user.result, user.why)).collect()
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
        assert_eq!(
            users_with_notes(&report),
            ["bob: waiting, the reason", "carol: needs-attention, the reason", "dave: failed, the reason"]
        );
        assert_eq!(users_with_notes(&read(vec![user("alice", "changed")])), [""; 0]);
    }
}
