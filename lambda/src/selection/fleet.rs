//! Which users a run handles, and in which order: decisions only.
//!
//! If the configuration names every user, a run handles all of them. If it selects users by path or tag, exempts some
//! by tag or group, or honours tags, the run first reads two lists of the account: the credential report, and the users
//! with their tags. They show which users can be skipped. So a healthy fleet costs only a few calls, however large it
//! is.

use std::borrow::Cow;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use serde::Serialize;

use crate::{
    contract::{
        listed_user::ListedUser,
        selector::UserSelector,
        settings::Settings,
        user_entry::{UserEntry, UserOverrides},
        user_tags::UserTags,
    },
    model::{
        access_key::KeyStatus,
        email::Email,
        time::Timestamp,
        user::{User, UserName},
        user_config_error::UserConfigError,
    },
    protocol::{
        journal::{Journal, SKEW},
        manager::Manager,
        policy::{DeleteAfter, DisabledUsers, Policy},
        run::JournalUse,
    },
    selection::credential_report::{CredentialReport, Seen},
};

/// A user, and the settings that apply only to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The user to handle.
    pub user: User,
    /// The overrides from the user's entry, its tags and wider entries.
    pub overrides: UserOverrides,
    /// When the run reads the user's journal.
    pub journal: JournalUse,
}

/// The selected users, sorted by what a run does with them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fleet {
    /// The users to handle, in this order.
    pub subjects: Vec<Subject>,
    /// The users with unclear settings, for whom the run does nothing.
    pub misconfigured: Vec<(ListedUser, UserConfigError)>,
    /// The number of users that are selected but exempt.
    pub exempt: usize,
    /// The users that are not selected any more, although this stack has a rotation of theirs open.
    pub left: Vec<ListedUser>,
    /// The users that are skipped, because the lists show that nothing is due.
    pub not_due: NotDue,
}

/// Users that are skipped because nothing is due.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct NotDue {
    /// The number of these users.
    pub users: usize,
    /// The names of those with only inactive keys. A person decides whether they get access again.
    pub disabled: Vec<UserName>,
    /// For each of their active keys, the time in the credential report.
    #[serde(skip)]
    pub active: Vec<Timestamp>,
    /// When the first of these keys is due, by the report; `None` if there is none.
    #[serde(skip)]
    pub next: Option<Timestamp>,
}

impl NotDue {
    /// Whether no user was skipped.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.users == 0
    }
}

/// The lists of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lists {
    /// All users of the account.
    pub users: Vec<ListedUser>,
    /// The keys of these users.
    pub report: CredentialReport,
}

/// Which of the selected users a run handles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked<'a> {
    /// The users with something that can be due.
    Due,
    /// All of them.
    Everyone,
    /// Those that a person names.
    Named(&'a [String]),
}

/// The selected users, as far as the run is asked to handle them. `lists` is needed if [`Settings::list_scope`] says so.
#[must_use]
pub fn fleet(settings: &Settings, lists: Option<&Lists>, asked: Asked<'_>, manager: &Manager, now: Timestamp) -> Fleet {
    let mut fleet = Fleet::default();
    let mut subjects = Vec::new();
    let unlisted = unlisted(settings, lists);
    let is_chosen = |listed: &&ListedUser| settings.users.iter().any(|entry| entry.selector.covers(listed));
    let is_exempt = |listed: &&ListedUser| settings.exempt.iter().any(|who| who.covers(listed));
    let all = || lists.iter().flat_map(|lists| &lists.users);
    if let (Some(lists), Asked::Due) = (lists, asked) {
        // Invariant 15: no run ends the rotation of a user who has left, so a person must.
        let gone = all().filter(|listed| !is_chosen(listed) || is_exempt(listed));
        fleet.left = gone.filter(|listed| has_open_rotation(listed, &lists.report, manager)).cloned().collect();
    }
    for listed in all().filter(is_chosen).chain(&unlisted) {
        if let Asked::Named(names) = asked
            && !names.iter().any(|name| listed.is_called(name))
        {
            continue;
        }
        if is_exempt(&listed) {
            fleet.exempt += 1;
            continue;
        }
        match settings.subject(listed) {
            Err(error) => fleet.misconfigured.push((listed.clone(), error)),
            Ok((subject, policy)) => {
                let keys = lists.and_then(|lists| lists.report.keys(&listed.name));
                let oldest = keys.into_iter().flatten().map(|key| key.changed).min();
                // Another stack's notes may matter: the conflict would otherwise show only when a key is due.
                let journal = Journal::of_tags(&listed.tags);
                let is_foreign = journal
                    .as_ref()
                    .is_ok_and(|journal| journal.has_rotation() && journal.other_manager(manager).is_some());
                let subject = if is_foreign { Subject { journal: JournalUse::Always, ..subject } } else { subject };
                let may_skip = lists.is_some() && asked == Asked::Due && !is_foreign;
                if may_skip && journal.is_ok_and(|journal| has_nothing_due(listed, &journal, keys, &policy, now)) {
                    let keys = keys.unwrap_or_default();
                    fleet.not_due.users += 1;
                    let changed = active(keys).map(|key| key.changed);
                    let next = changed.clone().map(|at| at + policy.rotate_after);
                    fleet.not_due.next = next.chain(fleet.not_due.next).min();
                    fleet.not_due.active.extend(changed);
                    if !keys.is_empty() && active(keys).next().is_none() {
                        fleet.not_due.disabled.push(subject.user.name);
                    }
                } else {
                    subjects.push((oldest.unwrap_or(listed.created), subject));
                }
            }
        }
    }
    let in_order = |subjects: Vec<(_, Subject)>| subjects.into_iter().map(|(_, subject)| subject).collect();
    fleet.subjects = if lists.is_some() {
        subjects.sort_by_key(|(oldest, _)| *oldest);
        in_turn(in_order(subjects), now)
    } else {
        in_order(subjects)
    };
    fleet
}

/// Whether this stack has begun a rotation for the user that is not over: by the user's tags, and by a report that may
/// be hours old.
fn has_open_rotation(listed: &ListedUser, report: &CredentialReport, manager: &Manager) -> bool {
    let has_pair = || active(report.keys(&listed.name).unwrap_or_default()).count() > 1;
    let Ok(journal) = Journal::of_tags(&listed.tags) else { return has_pair() };
    journal.is_of(manager) && (!journal.intents.is_empty() || journal.delivered.is_some() && has_pair())
}

/// The users that the configuration names but the account does not list. The run handles them too, so that IAM reports
/// what is wrong.
fn unlisted(settings: &Settings, lists: Option<&Lists>) -> Vec<ListedUser> {
    let named = settings.users.iter().filter_map(|entry| match &entry.selector {
        UserSelector::User(user) => Some((&entry.selector, user)),
        UserSelector::Path(_) | UserSelector::Tag(_) | UserSelector::Group(_) => None,
    });
    let is_listed = |who: &UserSelector| lists.is_some_and(|lists| lists.users.iter().any(|listed| who.covers(listed)));
    named.filter(|(who, _)| !is_listed(who)).map(|(_, user)| ListedUser::from(user)).collect()
}

fn active(keys: &[Seen]) -> impl Iterator<Item = &Seen> + Clone {
    keys.iter().filter(|key| key.status == KeyStatus::Active)
}

/// Whether nothing can be due for the user, by its tags and a report that may be hours old. In doubt this is false: to
/// handle the user costs one call, and that call decides.
fn has_nothing_due(
    listed: &ListedUser,
    journal: &Journal,
    keys: Option<&[Seen]>,
    policy: &Policy,
    now: Timestamp,
) -> bool {
    // A run died or is at work, or a key was reactivated for a person.
    if !journal.intents.is_empty() || journal.undone.is_some() {
        return false;
    }
    let Some(keys) = keys else {
        // The report is older than the user, or does not show it. Its keys cannot be older than the user.
        return !is_coming(listed.created, journal, false, policy, now);
    };
    // In the report, a key that was deactivated and activated again seems younger than it is. It cannot be younger than
    // its delivery.
    let delivered = journal.delivered.as_ref().map(|delivered| delivered.at);
    let born = |key: &Seen| delivered.map_or(key.changed, |at| at.min(key.changed));
    match keys {
        [] => true,
        // Invariant 10: a user without an active key is skipped.
        all if all.iter().all(|key| key.status == KeyStatus::Inactive)
            && policy.disabled_users == DisabledUsers::Skip =>
        {
            true
        }
        [only] => {
            only.status == KeyStatus::Active
                && !is_coming(born(only), journal, true, policy, now)
                && !is_soon_unused(only, policy, now)
        }
        [a, b] => match (a.status, b.status) {
            // Without a note of a delivery, the owner may not have been told of the pair yet.
            (KeyStatus::Active, KeyStatus::Active) => {
                let newer = born(a).max(born(b));
                journal.delivered.is_some() && now < newer + policy.overlap
            }
            (KeyStatus::Inactive, KeyStatus::Inactive) => false,
            (KeyStatus::Active, KeyStatus::Inactive) => {
                is_kept(journal, b, born(a), policy, now) && !is_soon_unused(a, policy, now)
            }
            (KeyStatus::Inactive, KeyStatus::Active) => {
                is_kept(journal, a, born(b), policy, now) && !is_soon_unused(b, policy, now)
            }
        },
        _ => false,
    }
}

/// Whether nothing is due for a user with an inactive key beside an active one, which was created at `born`.
fn is_kept(journal: &Journal, inactive: &Seen, born: Timestamp, policy: &Policy, now: Timestamp) -> bool {
    // An earlier note is about another key.
    let noted = journal.disabled.iter().map(|disabled| disabled.at).filter(|at| *at + SKEW >= inactive.changed).min();
    let kept = match policy.delete_after {
        // If there is no note, a run must tell the owner, unless the policy says nothing of such keys.
        DeleteAfter::NextRotation => policy.acts_at_once() || noted.is_some(),
        // If there is no note, a run must write it.
        DeleteAfter::Window(window) => noted.is_some_and(|at| now < at + window),
    };
    kept && !is_coming(born, journal, false, policy, now)
}

/// Whether a key of this age is due, or its owner must be warned. `alone` means that it is the user's only key.
fn is_coming(born: Timestamp, journal: &Journal, alone: bool, policy: &Policy, now: Timestamp) -> bool {
    let due = born + policy.rotate_after;
    // Whether the user's only key is the one that was delivered last, and its owner was warned.
    let delivered = journal.delivered.as_ref().map(|delivered| &delivered.key);
    let is_warned = alone && delivered.is_some() && delivered == journal.warned.as_ref();
    let from = if is_warned { due } else { due.before(policy.warn_before) };
    now + SKEW >= from
}

/// Whether the owner of the user's only key must soon be told that it is unused.
fn is_soon_unused(only: &Seen, policy: &Policy, now: Timestamp) -> bool {
    let since = only.used.map_or(only.changed, |used| used.max(only.changed));
    policy.warns_of_disuse(since, now + SKEW)
}

/// Orders users by age of their keys, the oldest first, but fills every second place from a position that changes each
/// hour. So if a run has no time for all users and the oldest fail again and again, the others still have their turn.
fn in_turn(oldest_first: Vec<Subject>, now: Timestamp) -> Vec<Subject> {
    let all = oldest_first.len();
    let mut left: Vec<_> = oldest_first.into_iter().map(Some).collect();
    // This is as good as random, so that no interval of the schedule skips the same users each time.
    let hour = BuildHasherDefault::<DefaultHasher>::default().hash_one(now.unix() / 3_600);
    let begin = usize::try_from(hour % all.max(1) as u64).unwrap_or(0);
    let (mut oldest, mut turn) = (0..all, (begin..all).chain(0..begin));
    let mut order = Vec::with_capacity(all);
    while let Some(next) = oldest.find_map(|at| left[at].take()) {
        order.push(next);
        order.extend(turn.find_map(|at| left[at].take()));
    }
    order
}

impl<Reference: Clone> Settings<Reference> {
    /// The settings with the overrides of this user applied.
    #[must_use]
    pub fn for_subject(&self, subject: &Subject) -> Cow<'_, Self> {
        // Overrides that cannot work were refused when the user was selected.
        let Ok(policy) = subject.overrides.policy(&self.policy) else { return Cow::Borrowed(self) };
        let selector = UserSelector::User(subject.user.clone());
        let only = UserEntry { selector, account: None, overrides: subject.overrides.clone() };
        if policy == self.policy && self.users.contains(&only) {
            return Cow::Borrowed(self);
        }
        Cow::Owned(Self { users: vec![only], policy, ..self.clone() })
    }
}

impl<Reference> Settings<Reference> {
    /// Whether these settings rotate the keys of the user.
    #[must_use]
    pub fn selects(&self, listed: &ListedUser) -> bool {
        self.users.iter().any(|entry| entry.selector.covers(listed))
            && !self.exempt.iter().any(|who| who.covers(listed))
    }

    /// The user with the settings that apply to it, and its policy: see [`crate::contract::user_entry`] for the
    /// precedence.
    ///
    /// # Errors
    /// [`UserConfigError`] if the settings of the user are unclear. Then a run does nothing for it.
    pub fn subject(&self, listed: &ListedUser) -> Result<(Subject, Policy), UserConfigError> {
        let user = listed.user()?;
        let has_other_case = |name: &UserName| name.is_same_as(&user.name) && *name != user.name;
        let is_misspelt =
            |entry: &UserEntry| matches!(&entry.selector, UserSelector::User(named) if has_other_case(&named.name));
        if self.users.iter().any(is_misspelt) {
            return Err(UserConfigError::Spelling(user.name));
        }
        let tags = match self.user_tags {
            UserTags::Ignored => UserOverrides::default(),
            UserTags::Honoured => UserOverrides::from_tags(&listed.tags)?,
        };
        if let Some(owner) = tags.owner.as_ref().filter(|owner| !self.addresses().any(|known| known == *owner)) {
            return Err(UserConfigError::Stranger(owner.to_string()));
        }
        let entries = self.users.iter().filter(|entry| entry.selector.covers(listed));
        let overrides = entries.map(|entry| (&entry.selector, &entry.overrides));
        let overrides = UserOverrides::by_precedence(overrides, tags);
        let policy = overrides.policy(&self.policy)?;
        Ok((Subject { user, overrides, journal: JournalUse::IfNeeded }, policy))
    }

    /// Every address that has a subscription: the administrators and the owners.
    pub fn addresses(&self) -> impl Iterator<Item = &Email> {
        self.administrators.iter().chain(self.users.iter().filter_map(|entry| entry.overrides.owner.as_ref()))
    }
}
