//! Which users cannot be rotated now, by a dry run: each with the reason and what to do.

use crate::{
    deploy::{
        command_line::aws,
        received_report::{ReceivedReport, ReceivedUser, minute},
        received_words::{ReceivedNextKind, ReceivedOutcome},
    },
    shell::quoted,
};

/// A user that a rotation would not change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnrotatableUser {
    /// The name of the user.
    pub user: String,
    /// Why the user cannot be rotated, and what to do, as one line or more.
    pub text: String,
}

/// The users that an ordered rotation would not change.
#[must_use]
pub fn unrotatable(preview: &ReceivedReport) -> Vec<UnrotatableUser> {
    let idle = preview.users().iter().filter(|user| user.done.is_empty());
    idle.map(|user| UnrotatableUser { user: user.user.clone(), text: text(user) }).collect()
}

fn text(user: &ReceivedUser) -> String {
    let mut text = format!("{} cannot be rotated now: {}", user.user, user.why_with_commands());
    if user.result == ReceivedOutcome::Waiting && user.found.len() > 1 {
        let until = user.next.as_ref().map_or_else(|| "it has one key".to_owned(), |next| minute(&next.at));
        text += &format!(
            "\n  It has two keys, and IAM allows no third one. Wait until {until}, then run the same command again."
        );
        text += &way_out(user).map(|way| format!("\n  {way}")).unwrap_or_default();
    }
    text
}

/// How a person makes room for a new key before the time. `None` if the report does not say that a run will remove a key
/// anyway. The older key may then be the only one that was delivered, or a run may still be at work.
fn way_out(user: &ReceivedUser) -> Option<String> {
    let next = user.next.as_ref()?;
    let command = |verb: &str, rest: &str| {
        aws(&format!("iam {verb} --user-name {} --access-key-id {}{rest}", quoted(&user.user), next.key))
    };
    match next.change {
        ReceivedNextKind::Deleted => {
            let delete = command("delete-access-key", "");
            Some(format!("To give up the inactive key now, delete it: {delete}"))
        }
        ReceivedNextKind::Deactivated => {
            let deactivate = command("update-access-key", " --status Inactive");
            Some(format!(
                "Or, if no workload uses the older key {}, deactivate it, and delete it later: {deactivate}",
                next.key
            ))
        }
        ReceivedNextKind::Replaced | ReceivedNextKind::Decided | ReceivedNextKind::Other(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn of(user: &Json) -> Vec<UnrotatableUser> {
        let report = json!({ "statusCode": 200, "body": "", "dryRun": true, "users": [user] });
        unrotatable(&ReceivedReport::read(report).unwrap())
    }

    #[test]
    fn a_user_without_a_change_cannot_be_rotated_and_the_text_says_what_to_do() {
        let key = |id: &str, status: &str, created: &str| json!({ "id": id, "status": status, "created": created });
        let (old, new) = (("AKIA1", "2026-01-01T00:00:00Z"), ("AKIA2", "2026-11-01T00:00:00Z"));
        let next = json!({ "change": "deactivated", "key": "AKIA1", "at": "2026-12-05T00:00:00Z" });
        let mut user = json!({
            "user": "alice", "result": "waiting", "why": "not rotated yet: the old key AKIA1 stays active",
            "found": [key(old.0, "active", old.1), key(new.0, "active", new.1)], "next": next,
        });
        let deactivate = "aws iam update-access-key --user-name alice --access-key-id AKIA1 --status Inactive";
        assert_eq!(
            of(&user)[0].text,
            format!(
                "alice cannot be rotated now: not rotated yet: the old key AKIA1 stays active\n  It has two keys, and IAM allows \
                 no third one. Wait until 2026-12-05 00:00 UTC, then run the same command again.\n  Or, if no workload uses \
                 the older key AKIA1, deactivate it, and delete it later: {deactivate}"
            )
        );
        user["found"][0]["status"] = "inactive".into();
        user["next"]["change"] = "deleted".into();
        let delete = "delete it: aws iam delete-access-key --user-name alice --access-key-id AKIA1";
        assert!(of(&user)[0].text.ends_with(delete), "{}", of(&user)[0].text);

        let disabled = json!({ "user": "bob", "result": "disabled", "why": "all keys are inactive; run: make rotate USERS=NAME ENABLE=1" });
        assert_eq!(
            of(&disabled)[0].text,
            "bob cannot be rotated now: all keys are inactive; run: make rotate USERS=bob ENABLE=1"
        );
        user["done"] = json!([{ "change": "delivered", "key": "AKIA3" }]);
        assert_eq!(of(&user), []);
    }

    /// The older key may be the only one that was delivered, so no tip may name it.
    #[test]
    fn while_a_run_may_be_at_work_the_text_says_only_how_long_to_wait() {
        let key = |id: &str, created: &str| json!({ "id": id, "status": "active", "created": created });
        let mut user = json!({
            "user": "bob", "result": "waiting", "why": "run a-run has begun a rotation",
            "found": [key("AKIA1", "2026-01-01T00:00:00Z"), key("AKIA2", "2026-11-29T00:00:00Z")],
            "next": { "change": "decided", "key": "AKIA2", "at": "2026-11-29T00:30:00Z" },
        });
        let text = |until: &str| {
            format!(
                "bob cannot be rotated now: run a-run has begun a rotation\n  It has two keys, and IAM allows no third one. \
                 Wait until {until}, then run the same command again."
            )
        };
        assert_eq!(of(&user)[0].text, text("2026-11-29 00:30 UTC"));
        // An older version of the function has no time for it.
        user["next"] = Json::Null;
        assert_eq!(of(&user)[0].text, text("it has one key"));
    }
}
