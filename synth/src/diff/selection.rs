//! Shows which more keys are rotated, and who else decides how, as far as IAM does not show it. Exemptions, and whether
//! tags on users count, are only in the function's environment.

use lambda::contract::{settings::Settings, user_entry::UserEntry, user_tags::UserTags};

use crate::diff::{
    handler_change::{HandlerChange, Handlers},
    possible_users::{PossibleUser, Users},
};

/// The ways in which more keys are rotated, or others decide how. Each is a sentence without a full stop.
pub(super) fn newly_rotated_users(handlers: &Handlers) -> Vec<String> {
    handlers.changes.iter().flat_map(newly_rotated).collect()
}

fn newly_rotated(change: &HandlerChange) -> Vec<String> {
    let HandlerChange { old, new, users, .. } = change;
    let were_exempt = old.iter().flat_map(|old| &old.exempt);
    let gone = were_exempt.filter(|who| !new.exempt.iter().any(|wide| wide.contains(who)));
    let mut all: Vec<_> = gone.map(|who| format!("{who} is no longer exempt")).collect();
    // The role alone does not show it: it may reach these users already.
    let is_new =
        |entry: &&UserEntry| old.is_some() && !old.iter().flat_map(Settings::entries).any(|wide| wide.contains(entry));
    all.extend(new.entries().filter(is_new).map(|entry| format!("{} is selected", entry.called())));
    let honours_tags = |settings: &Settings| settings.user_tags == UserTags::Honoured;
    if honours_tags(new) && !old.as_ref().is_some_and(honours_tags) {
        all.push("tags on users say how long their keys live and who owns them".to_owned());
    }
    let is_clear = |settings: &Settings, user: &PossibleUser| settings.subject(&user.listed).is_ok();
    let (mut refused, mut clear) = (Users::default(), Users::default());
    for user in users {
        let (Some(old), new) = change.settings_for(user) else { continue };
        match (is_clear(old, user), is_clear(new, user)) {
            (true, false) => refused.add(user),
            (false, true) => clear.add(user),
            _ => {}
        }
    }
    if !refused.is_empty() {
        all.push(format!("the handler refuses the settings of users, and rotates them no longer: {refused}"));
    }
    if !clear.is_empty() {
        all.push(format!("users whose settings were unclear are rotated: {clear}"));
    }
    all
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use super::*;
    use crate::diff::test_templates::template;

    #[test]
    fn only_newly_rotated_users_are_shown() {
        let of = |settings: &str| template(&format!("users: [/]\nemails: [a@b.co]\n{settings}"));
        let (tags, all) = ("user_tags: honoured", "exempt: [/ops/eu/, alice, 'group:people']");
        let by_tags = "tags on users say how long their keys live and who owns them";
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
            ("", tags, &[by_tags]),
            (tags, "", &[]),
        ] {
            let (old_template, new_template) = (of(old), of(new));
            let found = newly_rotated_users(&Handlers::of(&old_template, &new_template));
            assert_eq!(found, expected, "{old} {new}");
        }
        assert_eq!(newly_rotated_users(&Handlers::of(&Json::Null, &of(tags))), [by_tags], "a new function");
        let spelt = |name: &str| template(&format!("users: [/, {name}]\nemails: [a@b.co]\n"));
        let found = newly_rotated_users(&Handlers::of(&spelt("Alice"), &spelt("alice")));
        let refused = "the handler refuses the settings of users, and rotates them no longer: Alice";
        assert_eq!(found, [refused, "users whose settings were unclear are rotated: alice"]);
        // Settings that the handler refuses together: keys would be due before their predecessors are deleted.
        let (right, mut wrong) = (of(""), of(""));
        wrong["Resources"]["Function"]["Properties"]["Environment"]["Variables"]["ROTATE_AFTER"] = "7d".into();
        let found = newly_rotated_users(&Handlers::of(&right, &wrong));
        assert!(found.iter().any(|line| line.starts_with("the handler refuses")), "{found:?}");
        // The role may reach a user before the settings select it.
        let (mut fewer, both) = (of("exempt: [/ops/]"), of("exempt: [/ops/]"));
        fewer["Resources"]["Function"]["Properties"]["Environment"]["Variables"]["USERS"] = "alice".into();
        assert_eq!(newly_rotated_users(&Handlers::of(&fewer, &both)), ["/ is selected"]);
    }
}
