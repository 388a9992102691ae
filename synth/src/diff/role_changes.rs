//! What the role of the function may do more or less, in plain words: by the statements that our generator writes. Only for
//! people: the comparison of permissions decides.

use std::{collections::BTreeSet, fmt};

use serde_json::Value as Json;

use crate::cfn::view::{StatementView, View};

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
    let (before, after) = (reaches(old), reaches(new));
    let more = keys(true, &after, &before);
    let less = keys(false, &before, &after);
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

/// The change that the role reaches the keys of the users in `these`, but not in `others`. `None` if there are no such users.
fn keys(is_new: bool, these: &BTreeSet<Reach>, others: &BTreeSet<Reach>) -> Option<RoleChange> {
    let only = these.iter().filter(|reach| !others.iter().any(|other| other.covers(reach)));
    let mut users: Vec<_> = only.map(Reach::to_string).collect();
    users.sort_unstable();
    (!users.is_empty())
        .then(|| RoleChange { is_new, what: format!("create, deactivate and delete keys of {}", users.join(", ")) })
}

/// Users that the role reaches: a resource of the statement, and when the statement applies.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Reach {
    arn: String,
    conditions: Vec<String>,
}

fn reaches(template: &Json) -> BTreeSet<Reach> {
    let roles = View(template).roles();
    let statements = roles.iter().flat_map(|role| &role.policies).filter(|statement| statement.sid() == KEYS);
    let of = |statement: &StatementView<'_>| {
        let conditions = statement.conditions();
        let arns = statement.texts("Resource").into_iter();
        arns.map(move |arn| Reach { arn, conditions: conditions.clone() }).collect::<Vec<_>>()
    };
    statements.flat_map(of).collect()
}

/// The account of the stack in an ARN.
const OWN_ACCOUNT: &str = "${AWS::AccountId}";

impl Reach {
    /// The account of the users, if it is not that of the stack in every deployment.
    fn account(&self) -> Option<&str> {
        let (start, _) = self.arn.split_once(":user/")?;
        start.split_once(":iam::").map(|(_, account)| account).filter(|account| *account != OWN_ACCOUNT)
    }

    /// Whether it reaches every user that the other one reaches. Our generator writes a star only at the end of an ARN.
    fn covers(&self, other: &Self) -> bool {
        // A named account is that of the stack, or the role reaches nothing there.
        let own = match other.account() {
            Some(account) => self.arn.replace(OWN_ACCOUNT, account),
            None => self.arn.clone(),
        };
        let has_resource = match own.strip_suffix('*') {
            Some(path) => other.arn.starts_with(path),
            None => own == other.arn,
        };
        let is_met = |condition: &String| other.conditions.iter().any(|stricter| allows_as_much(condition, stricter));
        has_resource && self.conditions.iter().all(is_met)
    }
}

/// The key and the values of the tag in a condition on one.
fn tag(condition: &str) -> Option<(&str, &str)> {
    condition.strip_prefix("StringEquals aws:ResourceTag/")?.split_once(' ')
}

/// Whether a condition is met wherever the stricter one is: it has the same operator and key, and at least the same values.
fn allows_as_much(condition: &str, stricter: &str) -> bool {
    match (tag(condition), tag(stricter)) {
        (Some((key, values)), Some((other, few))) => {
            let values: BTreeSet<_> = values.split(", ").collect();
            key == other && few.split(", ").all(|value| values.contains(value))
        }
        _ => condition == stricter,
    }
}

/// The users as entries of `users` would name them: `alice`, `/ci/bot`, `/ci/` or `deployer in 111122223333`. Another ARN stays
/// as it is.
impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((_, user)) = self.arn.split_once(":user/") else { return f.write_str(&self.arn) };
        if let [condition] = self.conditions.as_slice()
            && let Some((key, values)) = tag(condition)
        {
            return write!(f, "users with the tag {key}={values}");
        }
        match user.strip_suffix('*') {
            Some("") => f.write_str("every user of the account"),
            Some(path) => write!(f, "users below /{path}"),
            None if user.contains('/') => write!(f, "/{user}"),
            None => f.write_str(user),
        }?;
        self.account().map_or(Ok(()), |account| write!(f, " in {account}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::test_templates::{member_template, template};

    #[test]
    fn a_user_of_one_account_is_named_with_it() {
        let of = |users: &str| member_template(&format!("emails: [a@b.co]\nusers: {users}\n"));
        let ci = |account: &str| format!("[/m/, {{name: ci, account: '{account}'}}]");
        let (one, two) = (ci("111122223333"), ci("444455556666"));
        let keys = |users: &str| format!("create, deactivate and delete keys of {users}");
        for (old, new, expected) in [
            (&*one, &*two, vec![(true, keys("ci in 444455556666")), (false, keys("ci in 111122223333"))]),
            ("[/m/]", &one, vec![(true, keys("ci in 111122223333"))]),
            // All users include this one.
            (&one, "[/]", vec![(true, keys("every user of the account"))]),
        ] {
            let found = role_changes(&of(old), &of(new));
            let found: Vec<_> = found.into_iter().map(|change| (change.is_new, change.what)).collect();
            assert_eq!(found, expected, "{old} -> {new}");
        }
    }

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
            (
                "users: [a, b, /ci/bot]",
                "users: [/]",
                &[
                    (true, "create, deactivate and delete keys of every user of the account"),
                    (true, "read the lists of the account's users and keys"),
                ],
            ),
            (
                "users: [/ci/, a]",
                "users: [/ci/eu/, /ci/bot]",
                &[(false, "create, deactivate and delete keys of a, users below /ci/")],
            ),
            (
                "users: ['tag:team=a']",
                "users: [/]",
                &[(true, "create, deactivate and delete keys of every user of the account")],
            ),
            (
                "users: ['tag:team=a', 'tag:team=b']",
                "users: ['tag:team=a']",
                &[(false, "create, deactivate and delete keys of users with the tag team=a, b")],
            ),
            (
                "users: [/]",
                "users: ['tag:team=a', 'tag:team=b']",
                &[(false, "create, deactivate and delete keys of every user of the account")],
            ),
        ] {
            let found = role_changes(&of(old), &of(new));
            let found: Vec<_> = found.iter().map(|change| (change.is_new, change.what.as_str())).collect();
            assert_eq!(found, expected, "{old} -> {new}");
        }
    }
}
