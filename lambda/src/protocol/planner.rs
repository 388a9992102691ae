//! The next safe step for one user: decisions only.
//!
//! [`next_step`] looks at what is known of a user and names the one AWS call to make next, or says why there is
//! nothing left to do. [`UserState::learn`] folds the call's answer into what is known. Neither does I/O nor
//! reads a clock, and there is no other control flow: whoever wants to know what the handler would do
//! in some situation can ask these two functions, and a test harness does so for every situation there is.
//!
//! Three ideas carry the safety:
//!
//! * **The quota is the lock.** A user holds two keys at most, and a key is created only while exactly one other
//!   exists. Of two runs that both think it is their turn, IAM refuses one. Tags, which cannot be compared and
//!   swapped, never have to decide that.
//! * **The journal comes first.** Which key stood before is written down before another is made, so a key whose
//!   secret was lost is told from a live one by set difference, not by age.
//! * **What is not certain is left.** A failed call that may have had its effect ends the run for this user. Once the
//!   intent's lease is over, nobody else is at work, and the next run reads back what happened.

use super::{
    call::{Call, Message, RemovalReason},
    journal::{Delivered, Disabled, Entry, Intent, Journal, LEASE, LIFE, SKEW},
    policy::{DeleteAfter, Delivery, MaxWait, Policy, StillInUse},
    run::{Run, RunAction},
    state::{ChannelState, Rotation, UserState, VERIFY_PAUSE, Withdrawal},
    stop_reason::{NeedsAttention, StopReason},
};
use crate::model::{
    access_key::{AccessKeyId, Key, LastUse, Status},
    time::{Span, Timestamp},
};

/// A rotation is begun only if the run has this long left: enough for the verification and the calls around it.
pub const ROTATION_BUDGET: Span = Span::seconds(90);

/// What to do next.
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
    // What this run has just closed, the next one that reads the journal removes: it says nothing, and costs a call.
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
        let asked = run.order == RunAction::RotateNow || now.since(key.created) >= policy.rotate_after;
        asked && !state.rotated
    };
    match keys.as_slice() {
        [] => return Next::Stop(StopReason::NoKeys),
        [only] if only.status == Status::Active && run.order == RunAction::Undo => {
            return Next::Stop(StopReason::NothingToUndo);
        }
        // The common case costs one call: a lone young key needs no look at the journal.
        [only] if only.status == Status::Active && !due(only) && !policy.warns_of(only, now) => {
            return Next::Stop(StopReason::Healthy(only.created + policy.rotate_after));
        }
        [_] | [_, _] => {}
        more => return Next::Stop(StopReason::NeedsAttention(NeedsAttention::TooManyKeys(more.len()))),
    }
    let journal = match &state.journal {
        None => return Next::Call(Call::ListUserTags),
        Some(Err(garbled)) => return Next::Stop(StopReason::NeedsAttention(NeedsAttention::Journal(garbled.clone()))),
        Some(Ok(journal)) => journal,
    };
    // This handler writes down what has happened. A time that is yet to come would hold everything off until then.
    if let Some(at) = journal.latest().filter(|at| *at > now + SKEW) {
        return Next::Stop(StopReason::NeedsAttention(NeedsAttention::Future(at)));
    }
    let view = UserView { state, keys, journal, policy, run, now };
    match state.intent_at_hand() {
        Some(intent) => view.recover(intent),
        None if run.order == RunAction::Undo && !state.undone => view.undo(),
        None => view.settle(due),
    }
}

/// A user's keys and journal, both read.
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
    fn with(&self, status: Status) -> impl Iterator<Item = &Key> {
        self.keys.iter().filter(move |key| key.status == status)
    }

    /// An intent stands in the journal: leave it to its owner, or, if that run is dead, clean up after it.
    fn recover(&self, intent: &Intent) -> Next {
        let lease_over = intent.at + LEASE;
        if self.now < lease_over {
            return Next::Stop(StopReason::Busy(intent.run.clone(), lease_over));
        }
        // Its run is dead since before the lease was over: a key of a run that began after that is not its own.
        let (first, last) = (intent.at.before(SKEW), intent.at + LIFE + SKEW);
        let is_candidate = |key: &&Key| {
            key.id != intent.known && self.may_be_undelivered(key) && (first..=last).contains(&key.created)
        };
        let mut candidates = self.keys.iter().filter(is_candidate);
        let (Some(orphan), None) = (candidates.next(), candidates.next()) else {
            return if self.keys.iter().any(|key| is_candidate(&key)) {
                Next::Stop(StopReason::NeedsAttention(NeedsAttention::UnclearOrigin))
            } else {
                // The run died before it made a key, or after it delivered one: nothing is left behind.
                Next::Call(Call::UntagUser(intent.run.clone()))
            };
        };
        // A key is made beside another, and is the younger of the two. Else a forged intent could point at a live key.
        let beside = |key: &Key| key.id != orphan.id && key.created <= orphan.created;
        if !self.keys.iter().any(beside) {
            return Next::Stop(StopReason::NeedsAttention(NeedsAttention::UnclearOrigin));
        }
        if self.policy.delivery == Delivery::SecretsManager {
            match self.state.is_current(&orphan.id) {
                // A secret that is not there may not be asked about: see `Call::CreateSecret`.
                None if self.state.channel.is_none() => return Next::Call(Call::CreateSecret),
                None => return Next::Call(Call::DescribeSecret(orphan.id.clone())),
                // It was delivered. Whether it was announced, nobody knows: better twice than never.
                Some(true) if orphan.status == Status::Active => {
                    return Next::Call(Call::Publish(Message::Stored(orphan.id.clone())));
                }
                Some(_) => {}
            }
        }
        match self.state.last_use(&orphan.id) {
            None => Next::Call(Call::GetAccessKeyLastUsed(orphan.id.clone())),
            // Once it is inactive its last use is asked for again: whoever put it in place since then must not lose it.
            Some(use_) if is_only_verification(use_, last) => Next::Call(match orphan.status {
                Status::Active => Call::DeactivateAccessKey(orphan.id.clone(), RemovalReason::Withdrawn),
                Status::Inactive => Call::DeleteAccessKey(orphan.id.clone(), RemovalReason::Withdrawn),
            }),
            // A mail cannot be read back, but a key that is used was received.
            Some(LastUse::Used { .. }) if self.policy.delivery.is_mail() => Next::Call(match orphan.status {
                Status::Active => commit(&orphan.id, Some(intent), self.now),
                Status::Inactive => Call::ActivateAccessKey(orphan.id.clone()),
            }),
            Some(use_) => {
                Next::Stop(StopReason::NeedsAttention(NeedsAttention::OrphanInUse(orphan.id.clone(), use_.clone())))
            }
        }
    }

    /// Reactivates the youngest inactive key that came before every active one. A later one is no predecessor: the next
    /// run would retire the active key in its favour.
    fn undo(&self) -> Next {
        let before = |key: &Key, other| self.by_age(key, other).is_some_and(|(older, _)| older.id == key.id);
        let previous = self.with(Status::Inactive);
        let previous = previous.filter(|key| self.with(Status::Active).all(|active| before(key, active)));
        let Some(previous) = previous.max_by_key(|key| key.created) else {
            return Next::Stop(StopReason::NothingToUndo);
        };
        let until = self.deleted_from(previous);
        if until.is_some_and(|until| self.now + LEASE + SKEW > until) {
            return Next::Stop(StopReason::TooLateToUndo(previous.id.clone()));
        }
        // First the note, so that the next run does not deactivate the key again.
        if self.journal.undone.as_ref() != Some(&previous.id) {
            return Next::Call(Call::TagUser(vec![Entry::Undone(Some(previous.id.clone()))]));
        }
        Next::Call(Call::ActivateAccessKey(previous.id.clone()))
    }

    /// From when on a run by schedule may delete the inactive key. An undo stays a lease away from it, so that whoever
    /// deletes sees the key active again. Nothing else keeps the two apart: tags cannot be compared and swapped.
    fn deleted_from(&self, inactive: &Key) -> Option<Timestamp> {
        match self.policy.delete_after {
            DeleteAfter::Window(window) => {
                let noted = self.journal.disabled_since(&inactive.id);
                // A note that is not there may be one that this read did not show yet.
                Some(noted.map_or(self.now.before(SKEW), |since| since.max(inactive.created)) + window)
            }
            DeleteAfter::NextRotation => {
                self.with(Status::Active).map(|key| key.created + self.policy.rotate_after).min()
            }
        }
    }

    /// No rotation is under way: retire, delete, rotate, in this order, whatever is due.
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
        if self.with(Status::Active).any(|key| self.journal.disabled_since(&key.id).is_some()) {
            // Somebody activated it again. An old note would shorten its time when it is deactivated once more.
            return Next::Call(self.note_disabled());
        }
        let (active, inactive): (Vec<_>, Vec<_>) =
            (self.with(Status::Active).collect(), self.with(Status::Inactive).collect());
        match active.as_slice() {
            [a, b] => match self.by_age(a, b) {
                Some((older, newer)) => self.retire(older, newer, &due),
                None => Next::Stop(StopReason::NeedsAttention(NeedsAttention::SameAge)),
            },
            [only] if !due(only) => self.warn(only).or_else(|| self.tidy(&inactive)).unwrap_or_else(|| {
                // What is inactive is kept until the rotation that is not due yet.
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

    /// One of two keys is young, and nobody says that it was delivered: it may be the unfinished work of a run whose
    /// intent this read did not show yet. After a lease, that run is dead, and its intent is seen.
    fn unfinished(&self) -> Option<(AccessKeyId, Timestamp)> {
        let until = |key: &Key| key.created + LEASE + SKEW;
        let young = self.keys.iter().find(|key| self.may_be_undelivered(key) && self.now < until(key));
        young.filter(|_| self.keys.len() > 1).map(|key| (key.id.clone(), until(key)))
    }

    /// Whether the key may be one that a run made and did not deliver. What is older than a delivered key is not: it is
    /// that key's predecessor. Of two keys of the same second, either may be the later one.
    fn may_be_undelivered(&self, key: &Key) -> bool {
        let Some(delivered) = &self.journal.delivered else { return true };
        let latest = self.keys.iter().find(|key| key.id == delivered.key).map(|key| key.created);
        key.id != delivered.key && latest.is_none_or(|latest| key.created >= latest)
    }

    /// The older of two keys first; the journal decides between keys of the same second.
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

    /// Two active keys: the older one goes, once its successor has been delivered for long enough.
    fn retire(&self, older: &Key, newer: &Key, due: impl Fn(&Key) -> bool) -> Next {
        if self.journal.undone.as_ref() == Some(&older.id) && (self.state.undone || !due(newer)) {
            return Next::Stop(StopReason::Undone(older.id.clone(), newer.created + self.policy.rotate_after));
        }
        let since = self.journal.in_place_since(newer);
        let until = since + self.policy.overlap;
        if self.now < until {
            return Next::Stop(StopReason::Overlap(older.id.clone(), until));
        }
        let patient = match self.policy.wait_at_most {
            MaxWait::Forever => true,
            MaxWait::AtMost(span) => self.now < until + span,
        };
        if self.policy.still_in_use == StillInUse::Wait && patient {
            match self.state.last_use(&older.id) {
                None => return Next::Call(Call::GetAccessKeyLastUsed(older.id.clone())),
                Some(use_) if self.policy.is_left_alone(use_, since, self.now) => {}
                Some(use_) => return Next::Stop(StopReason::StillInUse(older.id.clone(), use_.clone())),
            }
        }
        if self.state.keys_assumed {
            // Make sure, from IAM itself, that the successor stands before the old key falls.
            return Next::Call(Call::ListAccessKeys);
        }
        Next::Call(Call::DeactivateAccessKey(older.id.clone(), RemovalReason::Superseded))
    }

    /// Says that the key will be replaced: once, however many runs its last days have. The mail goes before the note, so
    /// that one that was lost in a crash is sent again.
    fn warn(&self, key: &Key) -> Option<Next> {
        let told = self.journal.warned.as_ref() == Some(&key.id);
        if told || !self.policy.warns_of(key, self.now) {
            return None;
        }
        // What cannot be noted would be said in each run anew.
        if let Some(full) = self.no_room() {
            return Some(full);
        }
        Some(Next::Call(if self.state.warned.as_ref() == Some(&key.id) {
            Call::TagUser(vec![Entry::Warned(key.id.clone())])
        } else {
            Call::Publish(Message::ComingUp(key.id.clone(), key.created + self.policy.rotate_after))
        }))
    }

    fn no_room(&self) -> Option<Next> {
        (!self.journal.has_room())
            .then(|| Next::Stop(StopReason::NeedsAttention(NeedsAttention::NoRoom(self.journal.others()))))
    }

    /// Inactive keys beside one active key: note since when, delete what was kept long enough.
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

    /// IAM does not say when a key was deactivated, so the journal does: now, if nobody wrote it down before.
    fn note_disabled(&self) -> Call {
        let inactive = self.with(Status::Inactive);
        let note =
            |key: &Key| Disabled { key: key.id.clone(), at: self.journal.disabled_since(&key.id).unwrap_or(self.now) };
        Call::TagUser(vec![Entry::Disabled(inactive.map(note).collect())])
    }

    /// Begins the replacement of `current`; `other`, an inactive key, is in the way.
    fn rotate(&self, current: &Key, other: Option<&Key>) -> Next {
        if self.now + ROTATION_BUDGET > self.run.deadline {
            return Next::Stop(StopReason::OutOfTime);
        }
        // An intent that fits beside a delivery that does not would be a key that every run takes back.
        if let Some(full) = self.no_room() {
            return full;
        }
        match (self.state.channel, self.policy.delivery) {
            // Most secrets are there already: what is refused the first time is tried again once the secret surely is.
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
        Next::Call(Call::TagUser(vec![Entry::Intent(intent)]))
    }
}

/// From here on the key is no orphan, whatever intent speaks of its time; and the one that led to it is over. In one
/// call: an intent that outlived its delivery would make an orphan of another run's key.
fn commit(key: &AccessKeyId, intent: Option<&Intent>, now: Timestamp) -> Call {
    let delivered = Entry::Delivered(Delivered { key: key.clone(), at: now });
    let closed = intent.map(|intent| Entry::Closed(intent.run.clone()));
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
                Delivery::Email | Delivery::EmailEncrypted => Call::Publish(Message::Secret(key.clone())),
            },
            Self::ReadingBack(key) => Call::DescribeSecret(key.clone()),
            Self::Announcing(key) => Call::Publish(Message::Stored(key.clone())),
            Self::Committing(key) => commit(key, intent, now),
            Self::Withdrawing { key, stage, .. } => match stage {
                Withdrawal::Deactivate => Call::DeactivateAccessKey(key.clone(), RemovalReason::Withdrawn),
                Withdrawal::Delete => Call::DeleteAccessKey(key.clone(), RemovalReason::Withdrawn),
            },
        }
    }
}
