//! The next safe step for one user: decisions only.
//!
//! [`next_step`] takes what is known of a user and names the one AWS call to make next, or the reason why nothing is
//! left to do. [`UserState::learn`] adds the call's answer to what is known. Neither does I/O or reads a clock, and
//! there is no other control flow. So these two functions show what the handler would do in any situation, and the
//! model check asks them about every situation within its bounds.
//!
//! Three ideas carry the safety:
//!
//! * **The quota is the lock.** A user has at most two keys, and a key is created only while exactly one other exists.
//!   If two runs both try to create a key, IAM refuses one of them. Tags cannot be compared and swapped, so they never
//!   have to decide that.
//! * **The journal comes first.** The intent records which key existed before another is created. So a key with a lost
//!   secret is found by set difference, not by age.
//! * **If the outcome of a call is unknown, stop.** A failed call that may have taken effect ends the run for this
//!   user. After the intent's lease no other run is at work, and the next run reads back what happened.

use super::{
    call::{Call, PlannedNotice, RemovalReason},
    journal::{Delivered, Disabled, Intent, Journal, JournalEntry, LEASE, LIFE, SKEW},
    policy::{DeleteAfter, Delivery, DisabledUsers, MaxWait, Policy, StillInUse},
    run::{Run, RunAction},
    state::{ChannelState, FoundKeys, Rotation, UserState, VERIFY_PAUSE, Withdrawal},
    stop_reason::{NeedsAttention, StopReason},
};
use crate::model::{
    access_key::{AccessKeyId, Key, KeyStatus, LastUse},
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
        return Next::Call(rotation.next_call(policy.delivery, state.intent_at_hand(), now));
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
    let due = |key: &Key| {
        let asked = run.action.rotates_now() || now.since(key.created) >= policy.rotate_after;
        asked && !state.rotated
    };
    match keys.as_slice() {
        [] => return Next::Stop(StopReason::NoKeys),
        [only] if only.status == KeyStatus::Active && run.action == RunAction::Undo => {
            return Next::Stop(StopReason::NothingToUndo);
        }
        // The common case costs one call: for a single young key the journal need not be read.
        [only] if only.status == KeyStatus::Active && !due(only) && !policy.warns_of(only, now) => {
            return Next::Stop(StopReason::Healthy(only.created + policy.rotate_after));
        }
        [_] | [_, _] => {}
        more => return Next::Stop(StopReason::NeedsAttention(NeedsAttention::TooManyKeys(more.len()))),
    }
    // Invariant 10: an administrator may have deactivated the keys on purpose. Nothing is touched, not even what a dead run
    // left: it is cleaned up once the user has an active key again.
    if state.found == Some(FoundKeys::Inactive) && skips_disabled(policy, run) {
        return Next::Stop(StopReason::Disabled);
    }
    let journal = match &state.journal {
        None => return Next::Call(Call::ListUserTags),
        Some(Err(garbled)) => return Next::Stop(StopReason::NeedsAttention(NeedsAttention::Journal(garbled.clone()))),
        Some(Ok(journal)) => journal,
    };
    // This handler notes only what has happened. A time in the future would stop everything until then.
    if let Some(at) = journal.latest().filter(|at| *at > now + SKEW) {
        return Next::Stop(StopReason::NeedsAttention(NeedsAttention::Future(at)));
    }
    let view = UserView { state, keys, journal, policy, run, now };
    match state.intent_at_hand() {
        Some(intent) => view.recover(intent),
        None if run.action == RunAction::Undo && !state.undone => view.undo(),
        None => view.settle(due),
    }
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
    /// The keys of this status.
    fn with(&self, status: KeyStatus) -> impl Iterator<Item = &Key> {
        self.keys.iter().filter(move |key| key.status == status)
    }

    /// The step while the journal has an intent: leave the user to the run that wrote it, or, if that run is dead,
    /// clean up after it.
    fn recover(&self, intent: &Intent) -> Next {
        let lease_over = intent.at + LEASE;
        if self.now < lease_over {
            return Next::Stop(StopReason::Busy(intent.run.clone(), lease_over));
        }
        // The intent's run died before its lease was over. A key that was created later is not its own.
        let (first, last) = (intent.at.before(SKEW), intent.at + LIFE + SKEW);
        let is_candidate = |key: &&Key| {
            key.id != intent.known && self.may_be_undelivered(key) && (first..=last).contains(&key.created)
        };
        let mut candidates = self.keys.iter().filter(is_candidate);
        let (Some(orphan), None) = (candidates.next(), candidates.next()) else {
            return if self.keys.iter().any(|key| is_candidate(&key)) {
                Next::Stop(StopReason::NeedsAttention(NeedsAttention::UnclearOrigin))
            } else {
                // The run died before it created a key, or after it delivered one. It left nothing to clean up.
                Next::Call(Call::UntagUser(intent.run.clone()))
            };
        };
        // A rotation creates a key beside another, so its key is the younger one. Without this check, a forged intent
        // could point at a live key.
        let beside = |key: &Key| key.id != orphan.id && key.created <= orphan.created;
        if !self.keys.iter().any(beside) {
            return Next::Stop(StopReason::NeedsAttention(NeedsAttention::UnclearOrigin));
        }
        if self.policy.delivery == Delivery::SecretsManager {
            match self.state.is_current(&orphan.id) {
                // AWS may refuse calls about a secret that does not exist: see `Call::CreateSecret`.
                None if self.state.channel.is_none() => return Next::Call(Call::CreateSecret),
                None => return Next::Call(Call::DescribeSecret(orphan.id.clone())),
                // It was delivered. Whether it was announced is unknown, so announce it: better twice than never.
                Some(true) if orphan.status == KeyStatus::Active => {
                    return Next::Call(Call::Publish(PlannedNotice::Stored(orphan.id.clone())));
                }
                Some(_) => {}
            }
        }
        match self.state.last_use(&orphan.id) {
            None => Next::Call(Call::GetAccessKeyLastUsed(orphan.id.clone())),
            // Once the key is inactive, its last use is read again: a workload that took the key since then must not
            // lose it.
            //
            // Without its only active key, the user would be disabled, and no run would give it access again (invariant 10).
            Some(use_)
                if is_only_verification(use_, last)
                    && skips_disabled(self.policy, self.run)
                    && self.with(KeyStatus::Active).all(|key| key.id == orphan.id) =>
            {
                Next::Stop(StopReason::NeedsAttention(NeedsAttention::UnclearOrigin))
            }
            Some(use_) if is_only_verification(use_, last) => Next::Call(match orphan.status {
                KeyStatus::Active => Call::DeactivateAccessKey(orphan.id.clone(), RemovalReason::Withdrawn),
                KeyStatus::Inactive => Call::DeleteAccessKey(orphan.id.clone(), RemovalReason::Withdrawn),
            }),
            // A mail cannot be read back. But if the key is used, it was received.
            Some(LastUse::Used { .. }) if self.policy.delivery.is_mail() => Next::Call(match orphan.status {
                KeyStatus::Active => commit(&orphan.id, Some(intent), self.now),
                KeyStatus::Inactive => Call::ActivateAccessKey(orphan.id.clone()),
            }),
            Some(use_) => {
                Next::Stop(StopReason::NeedsAttention(NeedsAttention::OrphanInUse(orphan.id.clone(), use_.clone())))
            }
        }
    }

    /// Reactivates the youngest inactive key that is older than every active one. A younger one is no predecessor: once
    /// it is active, the next run would retire the key that is active now.
    fn undo(&self) -> Next {
        let before = |key: &Key, other| self.by_age(key, other).is_some_and(|(older, _)| older.id == key.id);
        let previous = self.with(KeyStatus::Inactive);
        let previous = previous.filter(|key| self.with(KeyStatus::Active).all(|active| before(key, active)));
        let Some(previous) = previous.max_by_key(|key| key.created) else {
            return Next::Stop(StopReason::NothingToUndo);
        };
        let until = self.deleted_from(previous);
        if until.is_some_and(|until| self.now + LEASE + SKEW > until) {
            return Next::Stop(StopReason::TooLateToUndo(previous.id.clone()));
        }
        // First the note, so that the next run does not deactivate the key again.
        if self.journal.undone.as_ref() != Some(&previous.id) {
            return Next::Call(Call::TagUser(vec![JournalEntry::Undone(Some(previous.id.clone()))]));
        }
        Next::Call(Call::ActivateAccessKey(previous.id.clone()))
    }

    /// The earliest time at which a scheduled run may delete the inactive key. An undo keeps a lease away from it, so
    /// that the run that would delete the key sees it active again. Nothing else keeps the two apart: tags cannot be
    /// compared and swapped.
    fn deleted_from(&self, inactive: &Key) -> Option<Timestamp> {
        match self.policy.delete_after {
            DeleteAfter::Window(window) => {
                let noted = self.journal.disabled_since(&inactive.id);
                // If there is no note, this read may not show it yet.
                Some(noted.map_or(self.now.before(SKEW), |since| since.max(inactive.created)) + window)
            }
            DeleteAfter::NextRotation => {
                self.with(KeyStatus::Active).map(|key| key.created + self.policy.rotate_after).min()
            }
        }
    }

    /// The step while no rotation is open: retire, delete or rotate, in this order, what is due.
    fn settle(&self, due: impl Fn(&Key) -> bool) -> Next {
        if let Some(delivered) = &self.journal.delivered
            && self.keys.iter().all(|key| key.id != delivered.key)
            && self.now < delivered.at + LEASE
        {
            return Next::Stop(StopReason::NotVisible(delivered.key.clone()));
        }
        if let Some((key, until)) = self.unfinished() {
            return Next::Stop(StopReason::Recent(key, until));
        }
        if self.with(KeyStatus::Active).any(|key| self.journal.disabled_since(&key.id).is_some()) {
            // The key was activated again. The old note would shorten its recovery window after the next deactivation.
            return Next::Call(self.note_disabled());
        }
        let (active, inactive): (Vec<_>, Vec<_>) =
            (self.with(KeyStatus::Active).collect(), self.with(KeyStatus::Inactive).collect());
        match active.as_slice() {
            [a, b] => match self.by_age(a, b) {
                Some((older, newer)) => self.retire(older, newer, &due),
                None => Next::Stop(StopReason::NeedsAttention(NeedsAttention::SameAge)),
            },
            [only] if !due(only) => self.warn(only).or_else(|| self.tidy(&inactive)).unwrap_or_else(|| {
                // An inactive key is kept until the next rotation, which is not due yet.
                Next::Stop(StopReason::Healthy(only.created + self.policy.rotate_after))
            }),
            [only] => self.rotate(only, inactive.first().copied()),
            _ => match inactive.as_slice() {
                [only] => self.rotate(only, None),
                [a, b] if a.created <= b.created => self.rotate(b, Some(a)),
                [b, a] => self.rotate(b, Some(a)),
                _ => Next::Stop(StopReason::NoKeys),
            },
        }
    }

    /// Of two keys, the young one that no note says was delivered, and until when to wait for it. It may belong to a
    /// run whose intent this read does not show yet. After a lease that run is dead, and its intent is visible.
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
        let delivered = |key: &Key| self.journal.delivered.as_ref().is_some_and(|d| d.key == key.id);
        match a.created.cmp(&b.created) {
            Less => Some((a, b)),
            Greater => Some((b, a)),
            Equal if delivered(b) => Some((a, b)),
            Equal if delivered(a) => Some((b, a)),
            Equal => None,
        }
    }

    /// The step for two active keys: deactivate the older one when the overlap since its successor's delivery is over.
    fn retire(&self, older: &Key, newer: &Key, due: impl Fn(&Key) -> bool) -> Next {
        if self.journal.undone.as_ref() == Some(&older.id) && (self.state.undone || !due(newer)) {
            return Next::Stop(StopReason::Undone(older.id.clone(), newer.created + self.policy.rotate_after));
        }
        // Invariant 13: a key that was delivered is not retired in favour of a key of unknown origin.
        if self.journal.delivered.as_ref().is_some_and(|delivered| delivered.key == older.id) {
            return Next::Stop(if due(older) {
                StopReason::NeedsAttention(NeedsAttention::ForeignKey {
                    delivered: older.id.clone(),
                    foreign: newer.id.clone(),
                })
            } else {
                StopReason::Healthy(older.created + self.policy.rotate_after)
            });
        }
        let since = self.journal.in_place_since(newer);
        let until = since + self.policy.overlap;
        if self.now < until {
            // Invariant 13: the note is obeyed, because a delivery can really be late after a crash. But a forger who renews
            // it would put off the retirement for ever. So a person is told once the overlap of any timely delivery is over.
            let due_itself = newer.created + self.policy.rotate_after;
            let is_late = since > due_itself && self.now >= due_itself + self.policy.overlap;
            return Next::Stop(if is_late {
                StopReason::NeedsAttention(NeedsAttention::LateDelivery { key: newer.id.clone(), at: since, until })
            } else {
                StopReason::Overlap(older.id.clone(), until)
            });
        }
        let patient = match self.policy.wait_at_most {
            MaxWait::Forever => true,
            MaxWait::AtMost(span) => self.now < until + span,
        };
        if self.policy.still_in_use == StillInUse::Wait && patient {
            match self.state.last_use(&older.id) {
                None => return Next::Call(Call::GetAccessKeyLastUsed(older.id.clone())),
                Some(use_) if self.policy.is_unused(use_, since, self.now) => {}
                Some(use_) => return Next::Stop(StopReason::StillInUse(older.id.clone(), use_.clone())),
            }
        }
        if self.state.keys_assumed {
            // Check with IAM itself that the successor exists before the old key is deactivated.
            return Next::Call(Call::ListAccessKeys);
        }
        Next::Call(Call::DeactivateAccessKey(older.id.clone(), RemovalReason::Superseded))
    }

    /// Warns the owner that the key will be replaced: once, however many runs there are in its last days. The mail is
    /// sent before the note is written, so that a mail that was lost in a crash is sent again.
    fn warn(&self, key: &Key) -> Option<Next> {
        let told = self.journal.warned.as_ref() == Some(&key.id);
        if told || !self.policy.warns_of(key, self.now) {
            return None;
        }
        // A warning that cannot be noted would be sent again in each run.
        if let Some(full) = self.no_room() {
            return Some(full);
        }
        Some(Next::Call(if self.state.warned.as_ref() == Some(&key.id) {
            Call::TagUser(vec![JournalEntry::Warned(key.id.clone())])
        } else {
            Call::Publish(PlannedNotice::ComingUp(key.id.clone(), key.created + self.policy.rotate_after))
        }))
    }

    fn no_room(&self) -> Option<Next> {
        (!self.journal.has_room())
            .then(|| Next::Stop(StopReason::NeedsAttention(NeedsAttention::NoRoom(self.journal.others()))))
    }

    /// The step for an inactive key beside an active one: note since when it is inactive, and delete it after its
    /// recovery window.
    fn tidy(&self, inactive: &[&Key]) -> Option<Next> {
        let DeleteAfter::Window(window) = self.policy.delete_after else { return None };
        let key = inactive.first()?;
        Some(match self.journal.disabled_since(&key.id) {
            None => Next::Call(self.note_disabled()),
            Some(since) if self.now >= since.max(key.created) + window => {
                Next::Call(Call::DeleteAccessKey(key.id.clone(), RemovalReason::WindowOver))
            }
            Some(since) => Next::Stop(StopReason::Window(key.id.clone(), since.max(key.created) + window)),
        })
    }

    /// The call that notes since when keys are inactive, because IAM does not record it. A key without a note gets the
    /// time now.
    fn note_disabled(&self) -> Call {
        let inactive = self.with(KeyStatus::Inactive);
        let note =
            |key: &Key| Disabled { key: key.id.clone(), at: self.journal.disabled_since(&key.id).unwrap_or(self.now) };
        Call::TagUser(vec![JournalEntry::Disabled(inactive.map(note).collect())])
    }

    /// Begins the replacement of `current`. `other` is an inactive key that takes the place of the successor.
    fn rotate(&self, current: &Key, other: Option<&Key>) -> Next {
        if self.now + ROTATION_BUDGET > self.run.deadline {
            return Next::Stop(StopReason::OutOfTime);
        }
        // If the intent fits but the delivery does not, every run would create a key and withdraw it.
        if let Some(full) = self.no_room() {
            return full;
        }
        match (self.state.channel, self.policy.delivery) {
            // Most secrets exist already. If AWS refuses this the first time, it is tried again after the secret was
            // created.
            (None, Delivery::SecretsManager) | (Some(ChannelState::Made), _) => {
                return Next::Call(Call::PutResourcePolicy);
            }
            (None, _) => return Next::Call(Call::ListSubscriptionsByTopic),
            (Some(ChannelState::Missing), _) => return Next::Call(Call::CreateSecret),
            (Some(ChannelState::NoConfirmedRecipient), _) => return Next::Stop(StopReason::NoConfirmedRecipient),
            (Some(ChannelState::Ready), _) => {}
        }
        if let Some(other) = other {
            return self
                .tidy(&[other])
                .unwrap_or_else(|| Next::Call(Call::DeleteAccessKey(other.id.clone(), RemovalReason::PlaceNeeded)));
        }
        let intent = Intent { run: self.run.id.clone(), at: self.now, known: current.id.clone() };
        Next::Call(Call::TagUser(vec![JournalEntry::Intent(intent)]))
    }
}

/// The call that notes the delivery and closes the intent. From then on the key is no orphan, even if an intent names
/// its time. Both are in one call: an intent that outlived its delivery could make another run's key an orphan.
fn commit(key: &AccessKeyId, intent: Option<&Intent>, now: Timestamp) -> Call {
    let delivered = JournalEntry::Delivered(Delivered { key: key.clone(), at: now });
    let closed = intent.map(|intent| JournalEntry::Closed(intent.run.clone()));
    Call::TagUser(std::iter::once(delivered).chain(closed).collect())
}

/// Whether the only use on record can be the verification of a rotation whose lease ended at `last`.
fn is_only_verification(use_: &LastUse, last: Timestamp) -> bool {
    match use_ {
        LastUse::Never => true,
        LastUse::Used { at, service, .. } => service == "sts" && *at <= last,
        LastUse::Unknown => false,
    }
}

impl Rotation {
    fn next_call(&self, delivery: Delivery, intent: Option<&Intent>, now: Timestamp) -> Call {
        match self {
            Self::Intended => Call::CreateAccessKey,
            Self::Verifying { key, attempts, successes } => Call::GetCallerIdentity {
                key: key.clone(),
                pause: if *attempts > 0 && *successes == 0 { VERIFY_PAUSE } else { Span::ZERO },
            },
            Self::Delivering(key) => match delivery {
                Delivery::SecretsManager => Call::PutSecretValue(key.clone()),
                Delivery::Email | Delivery::EmailEncrypted => Call::Publish(PlannedNotice::Secret(key.clone())),
            },
            Self::ReadingBack(key) => Call::DescribeSecret(key.clone()),
            Self::Announcing(key) => Call::Publish(PlannedNotice::Stored(key.clone())),
            Self::Committing(key) => commit(key, intent, now),
            Self::Withdrawing { key, stage, .. } => match stage {
                Withdrawal::Deactivate => Call::DeactivateAccessKey(key.clone(), RemovalReason::Withdrawn),
                Withdrawal::Delete => Call::DeleteAccessKey(key.clone(), RemovalReason::Withdrawn),
            },
        }
    }
}
