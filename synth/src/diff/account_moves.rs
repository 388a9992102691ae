//! The accounts that a change of `organization.first` moves from one StackSet to another.
//!
//! CloudFormation changes one StackSet after the other, and a rollback has another order. So such an account may get the
//! second stack before the first one is deleted. The names in both are the same, so the second stack fails.

use std::{collections::BTreeSet, fmt};

use serde_json::Value as Json;

use crate::{
    cfn::{
        resource::AccountFilterType,
        view::{Resource, View, each},
    },
    stack::{FIRST_MEMBER, MEMBER_TEMPLATE_VERSION},
};

const STACK_SET: &str = "AWS::CloudFormation::StackSet";

/// The accounts that a change moves between the two StackSets. One deployment cannot do this, but two can.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovedAccounts {
    /// The numbers of the accounts that would get a second stack.
    pub moved: Vec<String>,
    /// The numbers of the accounts that the first deployment must leave out: those that move, and the new first account.
    pub left_out: Vec<String>,
    /// How a deployment leaves them out.
    pub exclusion: Exclusion,
}

/// How the first of two deployments leaves accounts out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exclusion {
    /// They are removed from `accounts`.
    FromAccounts,
    /// They are added to `exclude`.
    ByExclude,
    /// They are all that `accounts` has, so there is no such deployment: all stacks are deleted.
    OfAll,
}

/// The reason and the two deployments, without a full stop at the end.
impl fmt::Display for MovedAccounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left_out = self.left_out.join(" and ");
        let first = |without| format!("Deploy twice: first without organization.first and with {left_out} {without}");
        let first = match self.exclusion {
            Exclusion::FromAccounts => first("not in accounts"),
            Exclusion::ByExclude => first("in exclude"),
            Exclusion::OfAll => {
                "No other account is in accounts, so first delete the stacks with make destroy".to_owned()
            }
        };
        write!(
            f,
            "organization.first changes, so {} would get a second stack before the first one is deleted. The names in both are \
             the same, so the deployment would fail in the middle. {first}, then deploy this configuration",
            self.moved.join(" and "),
        )
    }
}

/// The accounts that the change moves. `None` if there are none. Only AWS knows whether an account is in one of the units, so
/// each account that the filters select counts.
pub(super) fn moved_accounts(old: &Json, new: &Json) -> Option<MovedAccounts> {
    let (before, after) = (View(old), View(new));
    // Other templates can have StackSets too.
    after.section("Parameters").find(|(name, _)| *name == MEMBER_TEMPLATE_VERSION)?;
    let is_moved = |account: &&str| {
        let mut from = before.of(STACK_SET).filter(|set| selects(set, account));
        from.any(|from| after.of(STACK_SET).any(|to| to.id != from.id && selects(&to, account)))
    };
    let listed_in_any = listed_by(after.of(STACK_SET).chain(before.of(STACK_SET)));
    let moved: Vec<_> = listed_in_any.into_iter().filter(is_moved).collect();
    if moved.is_empty() {
        return None;
    }
    // Without `first`, the new first account would be one of the others.
    let first = listed_by(after.of(STACK_SET).filter(|set| set.id == FIRST_MEMBER));
    let left_out: BTreeSet<&str> = moved.iter().copied().chain(first).collect();
    let is_list = after.of(STACK_SET).all(|set| targets(&set).all(|group| filter(group) == Some(ONLY)));
    let exclusion = match is_list {
        true if listed_by(after.of(STACK_SET)).is_subset(&left_out) => Exclusion::OfAll,
        true => Exclusion::FromAccounts,
        false => Exclusion::ByExclude,
    };
    Some(MovedAccounts {
        moved: moved.into_iter().map(str::to_owned).collect(),
        left_out: left_out.into_iter().map(str::to_owned).collect(),
        exclusion,
    })
}

/// The filter that selects only the listed accounts.
const ONLY: &str = AccountFilterType::Intersection.as_str();
/// The filter that selects all accounts but the listed ones.
const ALL_BUT: &str = AccountFilterType::Difference.as_str();

fn filter(targets: &Json) -> Option<&str> {
    targets["AccountFilterType"].as_str()
}

fn targets<'t>(set: &Resource<'t>) -> impl Iterator<Item = &'t Json> {
    each(&set.properties["StackInstancesGroup"]).map(|group| &group["DeploymentTargets"])
}

fn listed(targets: &Json) -> impl Iterator<Item = &str> {
    each(&targets["Accounts"]).filter_map(Json::as_str)
}

/// The accounts that StackSets list, whatever their filters say about them.
fn listed_by<'t>(sets: impl Iterator<Item = Resource<'t>>) -> BTreeSet<&'t str> {
    sets.flat_map(|set| targets(&set).flat_map(listed).collect::<Vec<_>>()).collect()
}

/// Whether a StackSet has a stack in an account, if the account is in one of the units.
fn selects(set: &Resource<'_>, account: &str) -> bool {
    targets(set).any(|targets| {
        let is_listed = listed(targets).any(|one| one == account);
        match filter(targets) {
            Some(ONLY) => is_listed,
            Some(ALL_BUT) => !is_listed,
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

    /// A field with some of the accounts: each bit that is set adds one.
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

    /// Every change between all configurations with three accounts. The two deployments that are proposed move no account.
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
                let found = moved_accounts(old, new);
                assert_eq!(found.is_some(), !moved.is_empty(), "{before:?}\n{after:?}");
                let Some(found) = found else { continue };
                moving += 1;
                assert_eq!(found.moved, moved);
                let is_left_out = |account: &str| found.left_out.iter().any(|one| one == account);
                let kept = |account: &&&str| is_first(after, account).is_some() && !is_left_out(account);
                let filter = match found.exclusion {
                    Exclusion::FromAccounts | Exclusion::OfAll => {
                        let kept: Vec<_> = ACCOUNTS.iter().filter(kept).map(|account| format!("'{account}'")).collect();
                        format!(", accounts: [{}]", kept.join(", "))
                    }
                    Exclusion::ByExclude => {
                        let left = ACCOUNTS.iter().filter(|account| !kept(account));
                        let left: Vec<_> = left.map(|account| format!("'{account}'")).collect();
                        format!(", exclude: [{}]", left.join(", "))
                    }
                };
                // Of two accounts that change places, no other one is left.
                let between = config(&filter, None);
                assert_eq!(between.is_none(), found.exclusion == Exclusion::OfAll, "{found}");
                let Some(between) = between else {
                    alone += 1;
                    continue;
                };
                let between = template(&between);
                assert_eq!([moved_accounts(old, &between), moved_accounts(&between, new)], [None, None], "{found}");
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
            moved_accounts(&old, &other)
                .is_some_and(|found| found.to_string().contains("111122223333 and 222233334444 in exclude"))
        );
    }
}
