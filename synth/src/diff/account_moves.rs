//! The accounts that a change of `organization.first` moves from one StackSet to another.
//!
//! CloudFormation changes one StackSet after the other, and a rollback has another order. So such an account may get the
//! second stack before the first one is deleted. The names in both are the same, so the second stack fails.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::{
    cfn::view::{Resource, View, each},
    stack::MEMBER_TEMPLATE_VERSION,
};

const STACK_SET: &str = "AWS::CloudFormation::StackSet";
/// The logical id of the StackSet of the first account.
const FIRST: &str = "FirstMember";

/// The reason why the change cannot be deployed at once, with the two deployments that do it. Whether an account is in one of
/// the units, only AWS knows: each account that the filters select counts.
pub(super) fn moved_accounts(old: &Json, new: &Json) -> Option<String> {
    let (before, after) = (View(old), View(new));
    // Other templates can have StackSets too.
    after.section("Parameters").find(|(name, _)| *name == MEMBER_TEMPLATE_VERSION)?;
    let sets = || after.of(STACK_SET).chain(before.of(STACK_SET));
    let named: BTreeSet<&str> = sets().flat_map(|set| targets(&set).flat_map(listed).collect::<Vec<_>>()).collect();
    let is_moved = |account: &&str| {
        let mut from = before.of(STACK_SET).filter(|set| selects(set, account));
        from.any(|from| after.of(STACK_SET).any(|to| to.id != from.id && selects(&to, account)))
    };
    let moved: Vec<_> = named.into_iter().filter(is_moved).collect();
    if moved.is_empty() {
        return None;
    }
    // Without `first`, the new first account would be one of the others.
    let first = after
        .of(STACK_SET)
        .filter(|set| set.id == FIRST)
        .flat_map(|set| targets(&set).flat_map(listed).collect::<Vec<_>>());
    let left_out: BTreeSet<&str> = moved.iter().copied().chain(first).collect();
    let left_out: Vec<_> = left_out.into_iter().collect();
    let is_list = after.of(STACK_SET).all(|set| targets(&set).all(|group| group["AccountFilterType"] == ONLY));
    let without = if is_list { "not in accounts" } else { "in exclude" };
    Some(format!(
        "organization.first changes, so {} would get a second stack before the first one is deleted. The names in \
         both are the same, so the deployment would fail in the middle. Deploy twice: first without organization.first and \
         with {} {without}, then with this configuration",
        moved.join(" and "),
        left_out.join(" and ")
    ))
}

/// The filter that selects only the listed accounts.
const ONLY: &str = "INTERSECTION";

fn targets<'t>(set: &Resource<'t>) -> impl Iterator<Item = &'t Json> {
    each(&set.properties["StackInstancesGroup"]).map(|group| &group["DeploymentTargets"])
}

fn listed(targets: &Json) -> impl Iterator<Item = &str> {
    each(&targets["Accounts"]).filter_map(Json::as_str)
}

/// Whether a StackSet has a stack in an account, if the account is in one of the units.
fn selects(set: &Resource<'_>, account: &str) -> bool {
    targets(set).any(|targets| {
        let is_listed = listed(targets).any(|one| one == account);
        match targets["AccountFilterType"].as_str() {
            Some(ONLY) => is_listed,
            Some("DIFFERENCE") => !is_listed,
            _ => true,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cfn::json::to_json,
        config::{self, Config, Overrides},
        stack,
    };

    const ACCOUNTS: [&str; 4] = ["111122223333", "222233334444", "333344445555", "444455556666"];

    /// The configuration with these fields of `organization`. `None` if it is refused.
    fn config(filter: &str, first: Option<&str>) -> Option<Config> {
        let first = first.map(|account| format!(", first: '{account}'")).unwrap_or_default();
        let text = format!(
            "users: [/machines/]\nemails: [a@example.com]\norganization: \
             {{id: o-abcdefghij, region: eu-west-1, units: [ou-abcd-11112222]{filter}{first}}}\n"
        );
        config::read(&text, Overrides::default()).ok().map(|read| read.config)
    }

    fn template(config: &Config) -> Json {
        to_json(&stack::template(config).unwrap())
    }

    /// A field with those of the accounts whose bits are set.
    fn list(field: &str, bits: u32) -> String {
        let chosen = (0..ACCOUNTS.len()).filter(|bit| bits & (1 << bit) != 0).map(|bit| format!("'{}'", ACCOUNTS[bit]));
        let chosen: Vec<_> = chosen.collect();
        if chosen.is_empty() { String::new() } else { format!(", {field}: [{}]", chosen.join(", ")) }
    }

    /// Which StackSet has the account: that of the first account, or the other one.
    fn is_first(config: &Config, account: &str) -> Option<bool> {
        let organization = config.organization.as_ref().unwrap();
        let account = account.parse().unwrap();
        organization.allows(&account).then(|| organization.first.as_ref() == Some(&account))
    }

    /// Every change between all configurations with three accounts. The two deployments that the text proposes move no account.
    #[test]
    fn an_account_that_moves_between_the_stack_sets_is_named_and_left_out_first() {
        let filters = (0..8).flat_map(|bits| [list("accounts", bits), list("exclude", bits)]);
        let filters: BTreeSet<_> = filters.collect();
        let firsts = || [None].into_iter().chain(ACCOUNTS[..3].iter().copied().map(Some));
        let all: Vec<_> =
            filters.iter().flat_map(|filter| firsts().filter_map(|first| config(filter, first))).collect();
        let all: Vec<_> = all.into_iter().map(|config| (template(&config), config)).collect();
        let (mut moving, mut alone) = (0, 0);
        for (old, before) in &all {
            for (new, after) in &all {
                let is_moved = |account: &&str| {
                    let ends = [before, after].map(|config| is_first(config, account));
                    ends[0].is_some() && ends[1].is_some() && ends[0] != ends[1]
                };
                let moved: Vec<_> = ACCOUNTS.iter().copied().filter(is_moved).collect();
                let text = moved_accounts(old, new);
                assert_eq!(text.is_some(), !moved.is_empty(), "{before:?}\n{after:?}");
                let Some(text) = text else { continue };
                moving += 1;
                assert!(text.contains(&format!("so {} would get", moved.join(" and "))), "{text}");
                let left_out = &text[text.find(" and with ").unwrap()..];
                let kept = |account: &&&str| is_first(after, account).is_some() && !left_out.contains(**account);
                let filter = if text.contains("not in accounts") {
                    let kept: Vec<_> = ACCOUNTS.iter().filter(kept).map(|account| format!("'{account}'")).collect();
                    format!(", accounts: [{}]", kept.join(", "))
                } else {
                    let left = ACCOUNTS.iter().filter(|account| !kept(account)).map(|account| format!("'{account}'"));
                    format!(", exclude: [{}]", left.collect::<Vec<_>>().join(", "))
                };
                // Of two accounts that change places, no other one is left.
                let Some(between) = config(&filter, None) else {
                    alone += 1;
                    continue;
                };
                let between = template(&between);
                assert_eq!([moved_accounts(old, &between), moved_accounts(&between, new)], [None, None], "{text}");
            }
        }
        assert!(moving > 300 && alone * 4 < moving, "{moving} changes, {alone} of two accounts");
    }

    #[test]
    fn other_changes_move_no_account() {
        let of = |units: &str, first: &str| {
            template(&config("", Some(first)).unwrap()).to_string().replace("ou-abcd-11112222", units)
        };
        let read = |text: String| serde_json::from_str::<Json>(&text).unwrap();
        let (old, new) = (read(of("ou-abcd-11112222", ACCOUNTS[0])), read(of("ou-abcd-99999999", ACCOUNTS[0])));
        assert_eq!(moved_accounts(&old, &new), None);
        assert_eq!(moved_accounts(&Json::Null, &new), None, "a new stack");
        assert_eq!(moved_accounts(&old, &Json::Null), None);
        let other = read(of("ou-abcd-11112222", ACCOUNTS[1]));
        assert!(
            moved_accounts(&old, &other).is_some_and(|text| text.contains("111122223333 and 222233334444 in exclude"))
        );
    }
}
