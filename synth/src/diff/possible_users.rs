//! Users that stand for all users of an account: two configurations treat each user like one of these.
//!
//! A configuration distinguishes users by name, path, tags and groups. Of a user with many tags and groups, at most two
//! decide: the entry that applied before, and the one that applies now. So pairs of them are enough. In an organization,
//! entries also name accounts: the settings are compared in each of these, and in one that no entry names.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
};

use lambda::{
    contract::{listed_user::ListedUser, selector::UserSelector, settings::Settings},
    model::{
        account_id::AccountId,
        user::{User, UserName},
    },
};

/// One of these users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PossibleUser {
    /// The user, as the account would list it.
    pub listed: ListedUser,
    /// The account that it is in, if an entry names the account. `None`: an account that no entry names.
    pub account: Option<AccountId>,
    /// The users that it stands for, as text for people.
    label: String,
    /// What it has in common with them: the paths above it, its name, its tags, its groups and its account.
    parts: BTreeSet<String>,
}

impl PossibleUser {
    /// How much its users have in common. A user that stands for more users has less.
    pub(super) fn narrowness(&self) -> usize {
        self.parts.len()
    }
}

/// The most users that are compared. The environment holds 4 KB, so the handler never has so many.
pub(super) const MOST: usize = 50_000;

/// The users that stand for all users that both settings select in this account. Without old settings, all that the new ones
/// select. `None` if there are too many.
pub(super) fn possible_users(
    account: Option<&AccountId>,
    old: Option<&Settings>,
    new: &Settings,
) -> Option<Vec<PossibleUser>> {
    let both = || [new].into_iter().chain(old);
    let selectors = Selectors::of(both());
    let (names, sets) = (selectors.names(both())?, selectors.sets());
    if names.len().checked_mul(selectors.paths.len() + 1)?.checked_mul(sets.len())? > MOST {
        return None;
    }
    let mut all = Vec::new();
    for (name, stated) in &names {
        let mut classes: Vec<Vec<&str>> = Vec::new();
        let any: Vec<&str> = selectors.paths.iter().map(String::as_str).collect();
        // An entry with a name states the path of its user too.
        for path in if stated.is_empty() { any } else { stated.clone() } {
            // Users are alike if the same entries contain their paths.
            let class = selectors.around(path);
            if classes.contains(&class) {
                continue;
            }
            all.extend(sets.iter().filter_map(|set| possible_user(name, path, &class, set)));
            classes.push(class);
        }
    }
    all.retain(|user| both().all(|settings| settings.selects(&user.listed)));
    for (user, account) in all.iter_mut().filter_map(|user| account.map(|account| (user, account))) {
        user.account = Some(account.clone());
        user.label += &format!(" in {account}");
        user.parts.insert(format!("in {account}"));
    }
    Some(all)
}

/// A user with this name, or with any other name, below this path and with these tags and groups.
fn possible_user(name: &Name, path: &str, around: &[&str], set: &[&UserSelector]) -> Option<PossibleUser> {
    let (Name::Named(text) | Name::Other(text)) = name;
    let mut listed = ListedUser::from(&format!("{path}{text}").parse::<User>().ok()?);
    let mut parts: BTreeSet<String> = around.iter().map(|path| (*path).to_owned()).collect();
    let mut words = Vec::new();
    if let Name::Named(name) = name {
        parts.insert(name.as_str().to_owned());
        words.push(listed.user().ok()?.to_string());
    }
    for mark in set {
        parts.insert(mark.to_string());
        words.push(mark.to_string());
        match mark {
            UserSelector::Tag(tag) => listed.tags.push((tag.key.clone(), tag.value.clone())),
            UserSelector::Group(group) => listed.groups.push(group.as_str().to_owned()),
            UserSelector::User(_) | UserSelector::Path(_) => {}
        }
    }
    let label = match words.join(" with ") {
        words if words.is_empty() => path.to_owned(),
        words if matches!(name, Name::Named(_)) || path == "/" => words,
        words => format!("{words} below {path}"),
    };
    Some(PossibleUser { listed, account: None, label, parts })
}

/// The name of a user.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    /// A name in one of the configurations.
    Named(UserName),
    /// A name that is in none.
    Other(UserName),
}

/// What the entries of `users` distinguish.
struct Selectors<'s> {
    users: Vec<&'s User>,
    paths: BTreeSet<String>,
    /// The tags and groups, by their text.
    marks: BTreeMap<String, &'s UserSelector>,
}

impl<'s> Selectors<'s> {
    fn of(settings: impl Iterator<Item = &'s Settings>) -> Self {
        let mut all = Self { users: Vec::new(), paths: ["/".to_owned()].into(), marks: BTreeMap::new() };
        for selector in settings.flat_map(|settings| &settings.users).map(|entry| &entry.selector) {
            match selector {
                UserSelector::User(user) => all.users.push(user),
                UserSelector::Path(path) => _ = all.paths.insert(path.to_string()),
                UserSelector::Tag(_) | UserSelector::Group(_) => _ = all.marks.insert(selector.to_string(), selector),
            }
        }
        all
    }

    /// The names that make a difference, each with the paths that the entries state, and one other name.
    fn names(&self, settings: impl Iterator<Item = &'s Settings>) -> Option<BTreeMap<Name, Vec<&'s str>>> {
        let mut names: BTreeMap<Name, Vec<&str>> = BTreeMap::new();
        for name in settings.flat_map(|settings| settings.encrypt_to.own.keys()) {
            names.entry(Name::Named(name.clone())).or_default();
        }
        for user in &self.users {
            names.entry(Name::Named(user.name.clone())).or_default().push(user.path());
        }
        let is_free =
            |other: &UserName| !names.keys().any(|(Name::Named(name) | Name::Other(name))| name.is_same_as(other));
        let other = (0..=names.len()).filter_map(|number| format!("user{number}").parse().ok()).find(is_free)?;
        names.insert(Name::Other(other), Vec::new());
        Some(names)
    }

    /// The paths of entries that contain this path.
    fn around(&self, path: &str) -> Vec<&str> {
        self.paths.iter().map(String::as_str).filter(|wide| path.starts_with(wide)).collect()
    }

    /// No tag and no group, each of them, and each two that a user can have together.
    fn sets(&self) -> Vec<Vec<&'s UserSelector>> {
        let marks: Vec<_> = self.marks.values().copied().collect();
        let pairs = marks.iter().enumerate().flat_map(|(index, one)| {
            marks[index + 1..].iter().filter(|two| can_meet(one, two)).map(|two| vec![*one, *two])
        });
        [Vec::new()].into_iter().chain(marks.iter().map(|one| vec![*one])).chain(pairs).collect()
    }
}

/// Whether a user can have both. It has only one tag with a key, whatever its case.
fn can_meet(one: &UserSelector, two: &UserSelector) -> bool {
    match (one, two) {
        (UserSelector::Tag(one), UserSelector::Tag(two)) => !one.key.eq_ignore_ascii_case(&two.key),
        _ => true,
    }
}

/// Some of these users, for a sentence.
#[derive(Debug, Default)]
pub(super) struct Users<'u>(Vec<&'u PossibleUser>);

/// The most users that a sentence names.
const MOST_NAMED: usize = 5;

impl<'u> Users<'u> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a user, unless another one already stands for it.
    pub(super) fn add(&mut self, user: &'u PossibleUser) {
        if !self.0.iter().any(|known| known.parts.is_subset(&user.parts)) {
            self.0.push(user);
        }
    }
}

impl Display for Users<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let named: Vec<&str> = self.0.iter().take(MOST_NAMED).map(|user| user.label.as_str()).collect();
        f.write_str(&named.join(", "))?;
        match self.0.len() - named.len() {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
