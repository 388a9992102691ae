//! The release of users before a stack is deleted, as run reports show it.

use crate::deploy::{
    active_pairs::active_pairs,
    command_line::make,
    received_report::{ReceivedReport, ReceivedUser},
    received_words::ReceivedOutcome,
};

/// The text about users that keep two active keys. Empty if there is none.
#[must_use]
pub fn users_with_two_keys(report: &ReceivedReport) -> String {
    let pairs: Vec<_> = active_pairs(report).iter().map(|pair| format!("  {pair}\n")).collect();
    if pairs.is_empty() {
        return String::new();
    }
    format!(
        "Users with two active keys, which both stay active. To end a rotation first, wait until {} shows one \
         active key\n{}",
        make("status"),
        pairs.concat()
    )
}

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
    fn the_text_lists_users_with_two_keys_and_users_with_notes() {
        let key = |id: &str, created: &str| json!({ "id": id, "status": "active", "created": created });
        let [old, new] = [key("AKIA1", "2026-01-01T00:00:00Z"), key("AKIA2", "2026-03-01T00:00:00Z")];
        let user = |name: &str, result: &str, found| json!({ "user": name, "result": result, "why": "the reason", "found": found });
        let read = |users| ReceivedReport::read(json!({ "statusCode": 500, "body": "", "users": users })).unwrap();
        let report = read(vec![
            user("alice", "unchanged", json!([old, new])),
            user("bob", "waiting", json!([old])),
            user("carol", "needs-attention", json!([])),
            user("dave", "failed", json!([new])),
        ]);
        let expected = "\
Users with two active keys, which both stay active. To end a rotation first, wait until make status shows one active key
  alice has two active keys: AKIA1, created 2026-01-01 00:00 UTC, and AKIA2, created 2026-03-01 00:00 UTC
";
        assert_eq!(users_with_two_keys(&report), expected);
        assert_eq!(
            users_with_notes(&report),
            ["bob: waiting, the reason", "carol: needs-attention, the reason", "dave: failed, the reason"]
        );
        let fine = read(vec![user("alice", "unchanged", json!([new]))]);
        assert_eq!((users_with_two_keys(&fine), users_with_notes(&fine)), (String::new(), Vec::new()));
    }
}
