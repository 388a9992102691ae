//! What the role of the function may do more or less, in plain words: by the statements that our generator writes. Only for
//! people: the comparison of permissions decides.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::cfn::view::View;

/// Something that the role may do, only in one of the templates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleChange {
    /// Whether the role may do it in the new template.
    pub is_new: bool,
    /// What it may do.
    pub what: String,
}

/// The statement that lets the role change keys.
const KEYS: &str = "RotateKeys";

/// What the other statements let the role do. The statements that are missing here come and go with these.
const PURPOSES: [(&str, &str); 3] = [
    ("ListUsers", "read the lists of the account's users and keys"),
    ("StoreNewKeys", "write secrets"),
    ("UseSecretsKey", "use the KMS key of the secrets"),
];

/// The changes of the roles of both templates.
pub(super) fn role_changes(old: &Json, new: &Json) -> Vec<RoleChange> {
    let (before, after) = (users(old), users(new));
    let keys = |is_new: bool, users: Vec<&String>| {
        let what = users.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        (!what.is_empty()).then(|| RoleChange { is_new, what: format!("create, deactivate and delete keys of {what}") })
    };
    let more = keys(true, after.difference(&before).collect());
    let less = keys(false, before.difference(&after).collect());
    let purposes = PURPOSES.iter().filter_map(|(sid, what)| match (has(old, sid), has(new, sid)) {
        (false, true) => Some(RoleChange { is_new: true, what: (*what).to_owned() }),
        (true, false) => Some(RoleChange { is_new: false, what: (*what).to_owned() }),
        _ => None,
    });
    more.into_iter().chain(less).chain(purposes).collect()
}

fn has(template: &Json, sid: &str) -> bool {
    View(template).roles().iter().flat_map(|role| &role.policies).any(|statement| statement.sid() == sid)
}

/// The users whose keys the role may change, as entries of `users` would name them.
fn users(template: &Json) -> BTreeSet<String> {
    let roles = View(template).roles();
    let statements = roles.iter().flat_map(|role| &role.policies).filter(|statement| statement.sid() == KEYS);
    statements.flat_map(|statement| statement.texts("Resource")).map(|arn| user(&arn)).collect()
}

/// The users of an ARN: `alice`, `/ci/bot` or `/ci/`. Another text stays as it is.
fn user(arn: &str) -> String {
    let Some((_, user)) = arn.split_once(":user/") else { return arn.to_owned() };
    match user.strip_suffix('*') {
        Some(path) => format!("users below /{path}"),
        None if user.contains('/') => format!("/{user}"),
        None => user.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::test_templates::template;

    #[test]
    fn the_users_and_the_purposes_are_named() {
        let of = |settings: &str| template(&format!("emails: [a@b.co]\n{settings}\n"));
        for (old, new, expected) in [
            (
                "users: [a, b]",
                "users: [a, c, /ci/bot]",
                &[
                    (true, "create, deactivate and delete keys of /ci/bot, c"),
                    (false, "create, deactivate and delete keys of b"),
                ][..],
            ),
            ("users: [a]", "users: [a]\ndelivery: email", &[(false, "write secrets")]),
            (
                "users: [a]",
                "users: [a, /ci/]",
                &[
                    (true, "create, deactivate and delete keys of users below /ci/"),
                    (true, "read the lists of the account's users and keys"),
                ],
            ),
            ("users: [a]", "users: [a]\noverlap: 1d", &[]),
        ] {
            let found = role_changes(&of(old), &of(new));
            let found: Vec<_> = found.iter().map(|change| (change.is_new, change.what.as_str())).collect();
            assert_eq!(found, expected, "{old} -> {new}");
        }
    }
}
