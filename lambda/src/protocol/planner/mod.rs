//! The next safe step for one user: decisions only.
//!
//! [`next_step`] takes what is known of a user and names the one AWS call to make next, or the reason why nothing is
//! left to do. [`UserState::learn`] adds the call's answer to what is known. Neither does I/O or reads a clock, and
//! there is no other control flow. So these two functions show what the handler would do in any situation, and the
//! model check asks them about every situation within its bounds.
//!
//! Four ideas carry the safety:
//!
//! * **The quota is the lock.** A user has at most two keys, and a key is created only while exactly one other exists.
//!   If two runs both try to create a key, IAM refuses one of them. Tags cannot be compared and swapped, so they never
//!   have to decide that.
//! * **The journal comes first.** The intent records which key existed before another is created. So a key with a lost
//!   secret is found by set difference, not by age.
//! * **If the outcome of a call is unknown, stop.** A failed call that may have taken effect ends the run for this
//!   user. After the intent's lease no other run is at work, and the next run reads back what happened.
//! * **What the handler did not do, it does not undo, and does not take away unannounced.** A key that it delivered or
//!   deactivated has a note that says so. For every other key, the owner is told first.

mod disuse;
mod orders;
mod recover;
mod settle;

use super::{
    call::{Call, PlannedNotice, RemovalReason, Warning},
    journal::{ClearedNote, Disabled, DisabledBy, Intent, Journal, JournalEntry, KeyNote, LEASE, SKEW},
    policy::{Delivery, DisabledUsers, Policy, UnconfirmedRecipients, UnusedAfter},
    run::{JournalUse, Run, RunAction},
    state::{ChannelState, FoundKeys, Rotation, UserState, VERIFY_PAUSE, Withdrawal},
    stop_reason::{NeedsAttention, StopReason, Unheard},
};
use crate::model::{
    access_key::{AccessKeyId, Key, KeyStatus},
    time::{Span, Timestamp},
};

/// The time that a run must have left to begin a rotation: enough for the verification and the calls around it.
pub const ROTATION_BUDGET: Span = Span::seconds(90);

/// What to do next for a user.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Next {
    /// Make this call.
    Call(Call),
    /// Nothing is left to do in this run.
    Stop(StopReason),
}

/// The next AWS call for a user, or why there is none.
#[must_use]
pub fn next_step(state: &UserState, policy: &Policy, run: &Run, now: Timestamp) -> Next {
    if let Some(rest) = &state.stopped {
        return Next::Stop(rest.clone());
    }
    if let Some(rotation) = &state.rotation {
        return Next::Call(rotation.next_call(state, policy, now));
    }
    // A tag that this run has just closed stays: it has no meaning, and its removal costs a call. The next run that
    // reads the journal removes it.
    if let Some(Ok(Journal { closed, .. })) = &state.journal
        && let Some(run) = closed.first()
        && !state.rotated
    {
        return Next::Call(Call::UntagUser(run.clone()));
    }
    if let Some(rest) = &state.ending {
        return Next::Stop(rest.clone());
    }
    let Some(keys) = &state.keys else {
        return Next::Call(Call::ListAccessKeys);
    };
    if let Some(next) = orders::urgent(state, keys, run) {
        return next;
    }
    if let Some(next) = without_journal(state, keys, policy, run, now) {
        return next;
    }
    let journal = match &state.journal {
        None => return Next::Call(Call::ListUserTags),
        Some(Err(garbled)) => return Next::Stop(NeedsAttention::Journal(garbled.clone()).into()),
        Some(Ok(journal)) => journal,
    };
    // This handler notes only what has happened. A time in the future would stop everything until then.
    if let Some(at) = journal.latest().filter(|at| *at > now + SKEW) {
        return Next::Stop(NeedsAttention::Future(at).into());
    }
    UserView { state, keys, journal, policy, run, now }.next_step()
}

/// The step that the keys alone decide; `None` if the journal is needed.
fn without_journal(state: &UserState, keys: &[Key], policy: &Policy, run: &Run, now: Timestamp) -> Option<Next> {
    // These orders are about the journal, whatever the keys are.
    if matches!(run.action, RunAction::Adopt | RunAction::Release | RunAction::Revoke(..)) {
        return None;
    }
    match keys {
        [] => return Some(Next::Stop(StopReason::NoKeys)),
        [only] if only.status == KeyStatus::Active && run.action == RunAction::Undo && !state.undone => {
            return Some(Next::Stop(StopReason::NothingToUndo));
        }
        // The common case costs one call: for a single young key the journal need not be read.
        [only]
            if run.journal == JournalUse::IfNeeded
                && only.status == KeyStatus::Active
                && !state.undone
                && !is_due(only, state, policy, run, now)
                && !policy.warns_of(only, now) =>
        {
            let healthy = Next::Stop(StopReason::Healthy(only.created + policy.rotate_after));
            return match state.last_use(&only.id) {
                _ if policy.unused_after == UnusedAfter::Never => Some(healthy),
                None => Some(Next::Call(Call::GetAccessKeyLastUsed(only.id.clone()))),
                Some(use_) => {
                    let is_warned_of =
                        disuse::since(only, use_).is_some_and(|since| policy.warns_of_disuse(since, now));
                    (!is_warned_of).then_some(healthy)
                }
            };
        }
        [_] | [_, _] => {}
        more => return Some(Next::Stop(NeedsAttention::TooManyKeys(more.len()).into())),
    }
    // Invariant 10: an administrator may have deactivated the keys on purpose. Nothing is touched, not even what a dead run
    // left: it is cleaned up once the user has an active key again.
    (state.found == Some(FoundKeys::Inactive) && skips_disabled(policy, run))
        .then_some(Next::Stop(StopReason::Disabled))
}

/// Whether the key is replaced now: it is old enough, or a person asks for it.
fn is_due(key: &Key, state: &UserState, policy: &Policy, run: &Run, now: Timestamp) -> bool {
    let asked = run.action.rotates_now() || now.since(key.created) >= policy.rotate_after;
    asked && !state.rotated
}

/// Whether a user without an active key gets no new one in this run.
fn skips_disabled(policy: &Policy, run: &Run) -> bool {
    policy.disabled_users == DisabledUsers::Skip && matches!(run.action, RunAction::Routine | RunAction::RotateNow)
}

/// A user's keys and journal, after both were read.
struct UserView<'a> {
    state: &'a UserState,
    keys: &'a [Key],
    journal: &'a Journal,
    policy: &'a Policy,
    run: &'a Run,
    now: Timestamp,
}

impl UserView<'_> {
    fn next_step(&self) -> Next {
        match &self.run.action {
            RunAction::Revoke(key, successor) => return self.revoke(key, *successor),
            RunAction::Adopt => return self.adopt(),
            RunAction::Release => return self.release(),
            RunAction::Routine | RunAction::RotateNow | RunAction::Enable | RunAction::Undo => {}
        }
        if let Some(other) = self.other_manager() {
            return other;
        }
        match self.state.intent_at_hand() {
            Some(intent) => self.recover(intent),
            None if self.run.action == RunAction::Undo && !self.state.undone => self.undo(),
            None => self.settle(),
        }
    }

    /// Why this stack must not touch the user: another one has notes about a key that exists, or about an open
    /// rotation. Its key is in a secret that this stack does not know.
    fn other_manager(&self) -> Option<Next> {
        let manager = self.journal.other_manager(&self.run.manager)?;
        let has_delivered = self.keys.iter().any(|key| self.journal.is_delivered(&key.id));
        let is_at_stake = has_delivered || !self.journal.intents.is_empty();
        is_at_stake.then(|| Next::Stop(NeedsAttention::ManagedBy(manager.clone()).into()))
    }

    /// The keys of this status.
    fn with(&self, status: KeyStatus) -> impl Iterator<Item = &Key> {
        self.keys.iter().filter(move |key| key.status == status)
    }

    fn is_due(&self, key: &Key) -> bool {
        is_due(key, self.state, self.policy, self.run, self.now)
    }

    /// Of two keys, the young one without a note of its delivery, and until when to wait for it. A run may have written an
    /// intent for it that this read does not show yet. After a lease, that run is dead and its intent is visible.
    fn unfinished(&self) -> Option<(AccessKeyId, Timestamp)> {
        let until = |key: &Key| key.created + LEASE + SKEW;
        let young = self.keys.iter().find(|key| self.may_be_undelivered(key) && self.now < until(key));
        young.filter(|_| self.keys.len() > 1).map(|key| (key.id.clone(), until(key)))
    }

    /// Whether a run may have created the key without a delivery. A key that is older than the delivered one is its
    /// predecessor, so it is not. Of two keys of the same second, either may be the later one.
    fn may_be_undelivered(&self, key: &Key) -> bool {
        let Some(delivered) = &self.journal.delivered else { return true };
        let latest = self.keys.iter().find(|key| key.id == delivered.key).map(|key| key.created);
        key.id != delivered.key && latest.is_none_or(|latest| key.created >= latest)
    }

    /// Both keys, the older one first. The journal decides between keys of the same second; `None` if it cannot.
    fn by_age<'k>(&self, a: &'k Key, b: &'k Key) -> Option<(&'k Key, &'k Key)> {
        use std::cmp::Ordering::{Equal, Greater, Less};
        match a.created.cmp(&b.created) {
            Less => Some((a, b)),
            Greater => Some((b, a)),
            Equal if self.journal.is_delivered(&b.id) => Some((a, b)),
            Equal if self.journal.is_delivered(&a.id) => Some((b, a)),
            Equal => None,
        }
    }

    /// Tells the owner, then notes that the owner was told. In this order a mail that was lost in a crash is sent
    /// again.
    fn tell(&self, warning: Warning, note: JournalEntry) -> Next {
        // A notice that cannot be noted would be sent again in each run.
        if let Some(wait) = self.no_room().or_else(|| self.missing_recipient()) {
            return wait;
        }
        Next::Call(if self.state.notified.as_ref().is_some_and(|notified| notified.is_same(&warning)) {
            Call::TagUser(vec![note])
        } else {
            Call::Publish(PlannedNotice::Warning(warning))
        })
    }

    /// Invariant 11: why a scheduled run begins nothing and takes no key away; `None` if a notice would reach the owner
    /// or an administrator, or if a person ordered the run.
    fn held_for_recipient(&self) -> Option<Next> {
        if self.run.action == RunAction::Routine { self.missing_recipient() } else { None }
    }

    /// Invariant 11: why nothing can be told; `None` if a notice would reach the owner or an administrator.
    fn missing_recipient(&self) -> Option<Next> {
        match has_confirmed_recipient(self.state, self.policy) {
            None => Some(Next::Call(Call::ListSubscriptionsByTopic)),
            Some(true) => None,
            Some(false) => Some(Next::Stop(StopReason::NoConfirmedRecipient(Unheard::Notices))),
        }
    }

    fn no_room(&self) -> Option<Next> {
        (!self.journal.has_room()).then(|| Next::Stop(NeedsAttention::NoRoom(self.journal.others()).into()))
    }

    /// Notes that the handler deactivates the key, checks with IAM that nothing has changed, and deactivates it. Without
    /// the note, undo would not know that it may reactivate the key. Without the check, the key could be deactivated
    /// although its successor does not exist, or although a person has just deactivated the successor.
    fn deactivate(&self, key: &Key, by: DisabledBy, why: RemovalReason) -> Next {
        let is_noted = |noted: &Disabled| noted.by == by && self.now < noted.at + LEASE;
        Next::Call(if !self.journal.disabled(&key.id).is_some_and(is_noted) {
            let noted = Disabled { key: key.id.clone(), at: self.now, by };
            Call::TagUser(vec![self.disabled_note(Some(noted))])
        } else if self.state.is_list_old {
            Call::ListAccessKeys
        } else {
            Call::DeactivateAccessKey(key.id.clone(), why)
        })
    }

    /// The note of when keys became inactive, because IAM does not record it: the notes about keys that are inactive now,
    /// and one more. A key without a note gets none here, because its owner must be told first.
    fn disabled_note(&self, more: Option<Disabled>) -> JournalEntry {
        let notes = self.with(KeyStatus::Inactive).filter_map(|key| self.journal.disabled(&key.id).cloned());
        JournalEntry::Disabled(notes.chain(more).collect())
    }

    /// The step that makes the delivery channel ready, or why it is not; `None` if a new key would reach its owner.
    fn not_ready(&self) -> Option<Next> {
        if self.policy.delivery.is_mail() {
            return match self.state.recipients {
                None => Some(Next::Call(Call::ListSubscriptionsByTopic)),
                Some(recipients) if recipients.of_secret => None,
                Some(_) => Some(Next::Stop(StopReason::NoConfirmedRecipient(Unheard::Secret))),
            };
        }
        match self.state.channel {
            // Most secrets exist already. If AWS refuses this the first time, it is tried again after the secret was
            // created.
            None | Some(ChannelState::Made) => Some(Next::Call(Call::PutResourcePolicy)),
            Some(ChannelState::Missing) => Some(Next::Call(Call::CreateSecret)),
            Some(ChannelState::Ready) => None,
        }
    }

    /// Begins the replacement of `current`. `other` is an inactive key that takes the place of the successor.
    fn rotate(&self, current: &Key, other: Option<&Key>) -> Next {
        if self.now + ROTATION_BUDGET > self.run.deadline {
            return Next::Stop(StopReason::OutOfTime);
        }
        // If the intent fits but the delivery does not, every run would create a key and withdraw it.
        if let Some(wait) = self.no_room().or_else(|| self.held_for_recipient()).or_else(|| self.not_ready()) {
            return wait;
        }
        if let Some(other) = other {
            return self.make_room(other);
        }
        let intent = Intent { run: self.run.id.clone(), at: self.now, known: current.id.clone() };
        let managed_by = JournalEntry::ManagedBy(self.run.manager.clone());
        Next::Call(Call::TagUser(vec![JournalEntry::Intent(intent), managed_by]))
    }
}

/// Invariant 11: whether a notice would reach the owner or an administrator; `None` if that was not read yet. With
/// `proceed`, it counts as told anyway.
fn has_confirmed_recipient(state: &UserState, policy: &Policy) -> Option<bool> {
    match policy.unconfirmed_recipients {
        UnconfirmedRecipients::Proceed => Some(true),
        UnconfirmedRecipients::Hold => state.recipients.map(|recipients| recipients.of_notice),
    }
}

/// The next call for a key that is in the secret: announce it, then note its delivery. If no one would get the
/// announcement, the note says so, and a later run announces the key before it retires the predecessor.
fn announce(key: &AccessKeyId, state: &UserState, policy: &Policy, now: Timestamp) -> Call {
    match has_confirmed_recipient(state, policy) {
        None => Call::ListSubscriptionsByTopic,
        Some(true) => Call::Publish(PlannedNotice::Stored(key.clone())),
        Some(false) => commit(key, Some(JournalEntry::Unannounced(key.clone())), state, now),
    }
}

/// The call that notes the delivery and closes the intent. From then on the key is no orphan, even if an intent names
/// its time. Both are in one call: an intent that outlived its delivery could make another run's key an orphan.
fn commit(key: &AccessKeyId, unannounced: Option<JournalEntry>, state: &UserState, now: Timestamp) -> Call {
    let delivered = JournalEntry::Delivered(KeyNote { key: key.clone(), at: now });
    let closed = state.intent_at_hand().map(|intent| JournalEntry::Closed(intent.run.clone()));
    let journal = state.journal.as_ref().and_then(|journal| journal.as_ref().ok());
    let was_unannounced = journal.is_some_and(|journal| journal.unannounced.is_some());
    let announced = was_unannounced.then_some(JournalEntry::Cleared(ClearedNote::Unannounced));
    Call::TagUser(std::iter::once(delivered).chain(closed).chain(unannounced.or(announced)).collect())
}

impl From<NeedsAttention> for StopReason {
    fn from(why: NeedsAttention) -> Self {
        Self::NeedsAttention(why)
    }
}

impl Rotation {
    fn next_call(&self, state: &UserState, policy: &Policy, now: Timestamp) -> Call {
        match self {
            Self::Intended => Call::CreateAccessKey,
            Self::Verifying { key, attempts, successes } => Call::GetCallerIdentity {
                key: key.clone(),
                pause: if *attempts > 0 && *successes == 0 { VERIFY_PAUSE } else { Span::ZERO },
            },
            Self::Delivering(key) => match policy.delivery {
                Delivery::SecretsManager => Call::PutSecretValue(key.clone()),
                Delivery::Email | Delivery::EmailEncrypted => Call::Publish(PlannedNotice::Secret(key.clone())),
            },
            Self::ReadingBack(key) => Call::DescribeSecret(key.clone()),
            Self::Announcing(key) => announce(key, state, policy, now),
            Self::Committing(key) => commit(key, None, state, now),
            Self::Withdrawing { key, stage, .. } => match stage {
                Withdrawal::Deactivate => Call::DeactivateAccessKey(key.clone(), RemovalReason::Withdrawn),
                Withdrawal::Delete => Call::DeleteAccessKey(key.clone(), RemovalReason::Withdrawn),
            },
        }
    }
}
