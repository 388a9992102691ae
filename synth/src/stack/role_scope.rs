//! Which users the role reaches: named users and users below a path by their ARNs, tagged users by a condition on the tag.

use lambda::contract::selector::UserSelector;

use crate::{
    cfn::policy_document::{Condition, ResourceArn},
    config::ConfiguredUsers,
};

/// The ARNs of exactly the users that the entries select. With a tag, the ARN of all users: [`condition`] limits them.
pub(super) fn arns(users: &[ConfiguredUsers]) -> Vec<ResourceArn> {
    let arn = |resource: &str| ResourceArn::global("iam", &format!("user{resource}"));
    if users.iter().any(|entry| matches!(entry.selector, UserSelector::Tag(_))) {
        return vec![arn("/*")];
    }
    // An entry needs no ARN of its own if a path of another entry covers it.
    let is_covered = |entry: &ConfiguredUsers| {
        let mut others = users.iter().filter(|other| other.selector != entry.selector);
        others.any(|other| other.account.is_none() && other.selector.contains(&entry.selector))
    };
    let each = users.iter().filter(|entry| !is_covered(entry));
    each.filter_map(|entry| match (&entry.selector, &entry.account) {
        // In every other account, the role then reaches nothing by this ARN.
        (UserSelector::User(user), Some(account)) => {
            Some(ResourceArn::global_in("iam", account.as_str(), &format!("user{}", user.resource())))
        }
        (UserSelector::User(user), None) => Some(arn(&user.resource())),
        (UserSelector::Path(path), _) => Some(arn(&format!("{path}*"))),
        // Tags are above. No ARN and no condition can select the members of a group, so the reader refuses groups.
        (UserSelector::Tag(_) | UserSelector::Group(_), _) => None,
    })
    .collect()
}

/// The condition that a user has the tag, with one of the values of the entries. `None` without tags.
pub(super) fn condition(users: &[ConfiguredUsers]) -> Option<Condition> {
    let tags = users.iter().filter_map(|entry| match &entry.selector {
        UserSelector::Tag(tag) => Some(tag),
        _ => None,
    });
    let key = tags.clone().next()?.key.clone();
    let values = tags.map(|tag| tag.value.clone().into()).collect();
    Some(Condition { operator: "StringEquals", key: format!("aws:ResourceTag/{key}").into(), values })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cfn::Text;

    #[test]
    fn the_narrowest_that_covers_all() {
        for (users, expected) in [
            (&["alice", "/ci/bot"][..], &["user/alice", "user/ci/bot"][..]),
            (&["/ci/", "/ci/bot", "/ci/eu/", "alice"], &["user/ci/*", "user/alice"]),
            (&["/ci/bot", "/", "bob"], &["user/*"]),
            (&["tag:a=b", "tag:A=c"], &["user/*"]),
        ] {
            let users: Vec<ConfiguredUsers> = users.iter().map(|word| word.parse().unwrap()).collect();
            let all = arns(&users);
            let expected: Vec<_> = expected.iter().map(|resource| ResourceArn::global("iam", resource)).collect();
            assert_eq!(all, expected);
        }
        let tagged: Vec<ConfiguredUsers> = ["tag:a=b", "tag:A="].map(|word| word.parse().unwrap()).into();
        let condition = condition(&tagged).unwrap();
        assert_eq!((condition.key.as_ref(), condition.values), ("aws:ResourceTag/a", vec![Text::from("b"), "".into()]));
    }
}
