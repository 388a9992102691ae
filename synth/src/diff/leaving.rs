//! Shows which users leave: the stack has rotated their keys, and no longer does. The templates name some of them. Of the
//! others, they say by which lists of the account they were selected.

use std::fmt;

use lambda::{
    contract::{listed_user::ListedUser, selector::UserSelector, settings::Settings, user_entry::UserEntry},
    model::user::{User, UserName},
};
use serde_json::Value as Json;

use crate::diff::handler_change::Handlers;

/// What becomes of the keys of users that leave.
pub const FATE: &str = "If a rotation of such a user is in progress, no run finishes it: both keys stay active.";

/// The end of the sentence about an entry of which no user is selected any longer.
pub(super) const NO_LONGER_SELECTED: &str = " is no longer selected";

/// The users that leave. Each is a sentence without a full stop.
pub(super) fn leaving_users(handlers: &Handlers) -> Vec<String> {
    pairs(handlers).flat_map(|(old, new)| leaving(old, new)).map(|leaving| leaving.to_string()).collect()
}

/// The settings before and after a change with which users leave.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LeavingUsers(Vec<(Settings, Settings)>);

impl LeavingUsers {
    /// The users that leave with the change from one template to another.
    #[must_use]
    pub fn of(old: &Json, new: &Json) -> Self {
        let handlers = Handlers::of(old, new);
        let pairs = pairs(&handlers).filter(|(old, new)| !leaving(old, new).is_empty());
        Self(pairs.map(|(old, new)| (old.clone(), new.clone())).collect())
    }

    /// The users that the old template names.
    #[must_use]
    pub fn named(&self) -> Vec<UserName> {
        self.0.iter().flat_map(|(old, new)| named(old, new)).map(|user| user.name).collect()
    }

    /// Whether other users may leave too: those that a path, a tag or a group selected.
    #[must_use]
    pub fn may_be_others(&self) -> bool {
        let mut all = self.0.iter().flat_map(|(old, new)| leaving(old, new));
        !all.all(|leaving| match leaving {
            Leaving::NotSelected(UserEntry { selector: who, .. }, _) | Leaving::Exempt(who) => {
                matches!(who, UserSelector::User(_))
            }
        })
    }

    /// Those of the account's users that leave.
    pub fn among<'l>(&self, listed: &'l [ListedUser]) -> impl Iterator<Item = &'l ListedUser> {
        let selects = |settings: &Settings, listed: &ListedUser| {
            settings.users.iter().any(|entry| entry.selector.covers(listed))
                && !settings.exempt.iter().any(|who| who.covers(listed))
        };
        listed.iter().filter(move |user| self.0.iter().any(|(old, new)| selects(old, user) && !selects(new, user)))
    }
}

/// The settings of the functions that both templates have.
fn pairs(handlers: &Handlers) -> impl Iterator<Item = (&Settings, &Settings)> {
    handlers.changes.iter().filter_map(|change| Some((change.old.as_ref()?, &change.new)))
}

/// Some users that leave.
#[derive(Debug, PartialEq, Eq)]
enum Leaving {
    /// No entry selects all of these users any longer. Some entries still select a part of them.
    NotSelected(UserEntry, Vec<UserEntry>),
    /// These users are exempt now.
    Exempt(UserSelector),
}

fn leaving(old: &Settings, new: &Settings) -> Vec<Leaving> {
    let is_kept = |entry: &UserEntry| new.entries().any(|wide| wide.contains(entry));
    let gone = old.entries().filter(|entry| !is_kept(entry) && !contains(&old.exempt, &entry.selector));
    let mut all: Vec<_> = gone
        .map(|entry| {
            let part = new.entries().filter(|narrow| entry.contains(narrow)).cloned();
            Leaving::NotSelected(entry.clone(), part.collect())
        })
        .collect();
    // An exemption of users that were not selected, or no longer are, changes nothing.
    let exempt = new.exempt.iter().filter(|who| {
        !contains(&old.exempt, who)
            && [old, new].into_iter().all(|settings| settings.entries().any(|entry| meet(&entry.selector, who)))
    });
    all.extend(exempt.cloned().map(Leaving::Exempt));
    all
}

fn named(old: &Settings, new: &Settings) -> Vec<User> {
    let after = selectors(new);
    let users = selectors(old)
        .into_iter()
        .filter(|who| !contains(&old.exempt, who) && (!contains(&after, who) || contains(&new.exempt, who)));
    let user = |who| match who {
        UserSelector::User(user) => Some(user),
        UserSelector::Path(_) | UserSelector::Tag(_) | UserSelector::Group(_) => None,
    };
    users.filter_map(user).collect()
}

fn selectors(settings: &Settings) -> Vec<UserSelector> {
    settings.users.iter().map(|entry| entry.selector.clone()).collect()
}

/// Whether one of the entries selects all these users.
fn contains(all: &[UserSelector], who: &UserSelector) -> bool {
    all.iter().any(|wide| wide.contains(who))
}

/// Whether both may select the same user. The tags and groups of a user are not known here.
fn meet(a: &UserSelector, b: &UserSelector) -> bool {
    let is_open = |who: &UserSelector| matches!(who, UserSelector::Tag(_) | UserSelector::Group(_));
    is_open(a) || is_open(b) || a.contains(b) || b.contains(a)
}

impl fmt::Display for Leaving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSelected(who, part) if part.is_empty() => write!(f, "{}{NO_LONGER_SELECTED}", who.called()),
            Self::NotSelected(who, part) => {
                let part: Vec<_> = part.iter().map(UserEntry::called).collect();
                write!(f, "{} is no longer selected, except {}", who.called(), part.join(", "))
            }
            Self::Exempt(who) => write!(f, "{who} is exempt now"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::test_templates::template;

    #[test]
    fn only_users_that_leave_are_shown() {
        let template = |settings: &str| template(&format!("emails: [a@b.co]\n{settings}"));
        for (old, new, expected, named) in [
            ("users: [alice, bob]", "users: [alice, bob]", &[][..], &[][..]),
            ("users: [alice]", "users: [alice, bob]", &[], &[]),
            ("users: [alice, /ci/bot]", "users: [Alice, /ci/]", &[], &[]),
            ("users: [alice, bob]", "users: [bob]", &["alice is no longer selected"], &["alice"]),
            (
                "users: [alice, bob]",
                "users: [bob, carol]\nexempt: [/ops/alice]",
                &["alice is no longer selected"],
                &["alice"],
            ),
            ("users: [/]", "users: [/]\nexempt: [alice]", &["alice is exempt now"], &[]),
            ("users: [/ci/, /ci/bot]", "users: [/ci/]\nexempt: [/ci/bot]", &["/ci/bot is exempt now"], &["bot"]),
            ("users: [/ci/]\nexempt: [/ci/bot]", "users: [/ci/]", &[], &[]),
            (
                "users: [/ci/, alice]",
                "users: [/ci/, alice]\nexempt: [/ops/, 'group:x']",
                &["group:x is exempt now"],
                &[],
            ),
            ("users: [/]", "users: [/ci/, bob]", &["/ is no longer selected, except /ci/, bob"], &[]),
            ("users: ['tag:a=b', 'tag:a=c']", "users: ['tag:a=b']", &["tag:a=c is no longer selected"], &[]),
        ] {
            let (old_template, new_template) = (template(old), template(new));
            assert_eq!(leaving_users(&Handlers::of(&old_template, &new_template)), expected, "{old}\n{new}");
            let names = LeavingUsers::of(&old_template, &new_template).named();
            assert_eq!(names.iter().map(UserName::as_str).collect::<Vec<_>>(), named, "{old}\n{new}");
        }
        assert_eq!(leaving_users(&Handlers::of(&Json::Null, &template("users: [alice]"))), [""; 0], "a new function");
    }

    #[test]
    fn users_that_a_path_or_a_tag_selected_are_found_in_the_list_of_the_account() {
        let listed = |user: &str, tags: &[(&str, &str)], group: &str| ListedUser {
            tags: tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            groups: vec![group.to_owned()],
            ..ListedUser::from(&user.parse::<User>().unwrap())
        };
        let account = [
            listed("/ci/bot", &[], ""),
            listed("/ci/eu/bot2", &[], "ops"),
            listed("/alice", &[("team", "a")], ""),
            listed("/bob", &[("team", "b")], "ops"),
        ];
        for (old, new, may_be_others, expected) in [
            ("users: [alice, bob]", "users: [bob]", false, &["alice"][..]),
            ("users: [/ci/]", "users: [/ci/eu/]", true, &["bot"]),
            ("users: [/]", "users: [/ci/]", true, &["alice", "bob"]),
            ("users: ['tag:team=a', 'tag:team=b']", "users: ['tag:team=b']", true, &["alice"]),
            ("users: [/]", "users: [/]\nexempt: ['group:ops']", true, &["bot2", "bob"]),
            ("users: [/]\nexempt: [bob]", "users: [/ci/]\nexempt: [bob]", true, &["alice"]),
            ("users: [/ci/]", "users: [/]", false, &[]),
        ] {
            let template = |settings: &str| template(&format!("emails: [a@b.co]\n{settings}"));
            let users = LeavingUsers::of(&template(old), &template(new));
            let found: Vec<_> = users.among(&account).map(|listed| listed.name.as_str()).collect();
            assert_eq!((users.may_be_others(), found.as_slice()), (may_be_others, expected), "{old}\n{new}");
        }
    }
}
