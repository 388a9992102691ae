//! Shows which more keys are rotated or deactivated, and who else decides how, as far as IAM does not show it.
//! Exemptions, and whether tags on users count, are only in the function's environment.

use lambda::{
    contract::settings::Variable,
    protocol::policy::{DisabledUsers, UnconfirmedRecipients, UnusedAfter},
};
use serde_json::Value as Json;

use crate::diff::handler_env::{HandlerEnv, functions};

/// The ways in which more keys are rotated or deactivated, or others decide how. Each is a sentence without a full
/// stop.
pub(super) fn newly_rotated_users(old: &Json, new: &Json) -> Vec<String> {
    functions(old, new).flat_map(|(old, new)| more(&old, &new)).collect()
}

fn more(old: &HandlerEnv<'_>, new: &HandlerEnv<'_>) -> Vec<String> {
    let still = new.exempt();
    let gone = old.exempt().into_iter().filter(|who| !still.iter().any(|wide| wide.contains(who)));
    let mut all: Vec<_> = gone.map(|who| format!("{who} is no longer exempt")).collect();
    let replaces = |env: &HandlerEnv<'_>| env.text(Variable::DisabledUsers) == DisabledUsers::Replace.to_string();
    if replaces(new) && !replaces(old) {
        all.push("users with only inactive keys get a new active key".to_owned());
    }
    // A function of an earlier version has no such setting.
    let limit = |env: &HandlerEnv<'_>| match env.text(Variable::UnusedAfter).parse() {
        Ok(UnusedAfter::After(limit)) => Some(limit),
        Ok(UnusedAfter::Never) | Err(_) => None,
    };
    all.extend(
        limit(new)
            .filter(|new| limit(old).is_none_or(|old| *new < old))
            .map(|limit| format!("a key that is unused for {limit} is deactivated, and its user gets no new key")),
    );
    let proceeds =
        |env: &HandlerEnv<'_>| env.text(Variable::UnconfirmedRecipients) == UnconfirmedRecipients::Proceed.to_string();
    if proceeds(new) && !proceeds(old) {
        all.push("keys are replaced and deactivated although no recipient has confirmed".to_owned());
    }
    if new.honours_user_tags() && !old.honours_user_tags() {
        all.push("tags on users say how long their keys live and who owns them".to_owned());
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::handler_env::tests;

    #[test]
    fn only_newly_rotated_users_are_shown() {
        let template = |settings: &str| tests::template(&format!("users: [/]\nemails: [a@b.co]\n{settings}"));
        let (tags, all) = ("user_tags: honoured", "exempt: [/ops/eu/, alice, 'group:people']");
        for (old, new, expected) in [
            ("", all, &[][..]),
            (all, all, &[]),
            (all, "exempt: [/ops/, alice, 'group:People']", &[]),
            (
                all,
                "exempt: [/ops/eu/bot, alice]",
                &["/ops/eu/ is no longer exempt", "group:people is no longer exempt"],
            ),
            (
                all,
                "",
                &["/ops/eu/ is no longer exempt", "alice is no longer exempt", "group:people is no longer exempt"],
            ),
            ("", tags, &["tags on users say how long their keys live and who owns them"]),
            (tags, "", &[]),
            ("", "disabled_users: replace", &["users with only inactive keys get a new active key"]),
            ("disabled_users: replace", "", &[]),
            (
                "",
                "unconfirmed_recipients: proceed",
                &["keys are replaced and deactivated although no recipient has confirmed"],
            ),
            ("unconfirmed_recipients: proceed", "", &[]),
            ("", "unused_after: 45d", &["a key that is unused for 45d is deactivated, and its user gets no new key"]),
            (
                "unused_after: 45d",
                "unused_after: 30d",
                &["a key that is unused for 30d is deactivated, and its user gets no new key"],
            ),
            ("unused_after: 30d", "unused_after: 45d", &[]),
            ("unused_after: 1080h", "unused_after: 45d", &[]),
            ("unused_after: 45d", "unused_after: never", &[]),
        ] {
            assert_eq!(newly_rotated_users(&template(old), &template(new)), expected, "{old} {new}");
        }
        assert_eq!(newly_rotated_users(&Json::Null, &template(tags)), [""; 0], "a new function");
    }
}
