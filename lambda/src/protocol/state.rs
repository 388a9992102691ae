//! What is known of one user. [`UserState::learn`] adds the answer to a call.

use super::{
    call::{Answer, Call, ConfirmedRecipients, PlannedNotice, RemovalReason, Warning},
    call_error::{CallError, Effect, ErrorCode},
    journal::{Intent, Journal, JournalEntry, JournalParseError, RunId},
    policy::{MaxWait, Policy},
    stop_reason::{NeedsAttention, StopReason},
};
use crate::model::{
    access_key::{AccessKeyId, Key, KeyStatus, LastUse},
    time::{Span, Timestamp},
    user_config_error::UserConfigError,
};

/// How many verifications in a row must succeed. IAM is eventually consistent: after a first success, some calls still
/// fail.
pub const VERIFY_SUCCESSES: u8 = 3;

/// The most verifications of one key.
pub const VERIFY_ATTEMPTS: u8 = 20;

/// The pause after a failed verification. With [`VERIFY_ATTEMPTS`] this limits the wait to 40 seconds.
pub const VERIFY_PAUSE: Span = Span::seconds(2);

/// What is known of one user.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct UserState {
    pub(super) keys: Option<Vec<Key>>,
    /// Which keys this run found when it first listed them.
    pub(super) found: Option<FoundKeys>,
    /// Whether the keys were listed before this run created a key, or noted that it deactivates one.
    pub(super) is_list_old: bool,
    pub(super) journal: Option<Result<Journal, JournalParseError>>,
    pub(super) last_use: Vec<(AccessKeyId, LastUse)>,
    pub(super) channel: Option<ChannelState>,
    pub(super) recipients: Option<ConfirmedRecipients>,
    /// A key that an unfinished rotation left, and whether it is the secret's current version.
    pub(super) current: Option<(AccessKeyId, bool)>,
    pub(super) rotation: Option<Rotation>,
    /// The intents of dead runs whose key this run has withdrawn.
    ///
    /// They stay in the journal until a later run finds no key that belongs to them. Another run may read a list that
    /// still shows the key. It must find the intent too, or it would take the key for a successor and retire the old
    /// one.
    pub(super) withdrawn: Vec<RunId>,
    /// The key that this run has deleted because its place was needed.
    pub(super) removed: Option<AccessKeyId>,
    /// The key that this run has deactivated because a person revoked it.
    pub(super) revoked: Option<AccessKeyId>,
    /// Whether a rotation was completed in this run. One is enough, whatever the run was asked to do.
    pub(super) rotated: bool,
    /// Whether this run has reactivated a key as it was asked to.
    pub(super) undone: bool,
    /// What this run has notified the owner of. The journal has no note of it yet.
    pub(super) notified: Option<Warning>,
    /// The stop reason to report after this run's intent is removed.
    pub(super) ending: Option<StopReason>,
    pub(super) stopped: Option<StopReason>,
}

/// Which keys a run found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum FoundKeys {
    /// At least one active key.
    Active,
    /// No active key.
    Inactive,
}

/// The stage of a rotation that this run has begun.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Rotation {
    Intended,
    Verifying {
        key: AccessKeyId,
        attempts: u8,
        successes: u8,
    },
    Delivering(AccessKeyId),
    ReadingBack(AccessKeyId),
    /// This comes before the commit, so that a mail that was lost in a crash is sent again.
    Announcing(AccessKeyId),
    Committing(AccessKeyId),
    Withdrawing {
        key: AccessKeyId,
        stage: Withdrawal,
        because: Box<(Call, CallError)>,
    },
}

/// Whether the user's secret can take a new key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum ChannelState {
    /// AWS refused to set who may read the secret, so it may not exist.
    Missing,
    /// The secret exists, but who may read it is not set yet.
    Made,
    Ready,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Withdrawal {
    Deactivate,
    Delete,
}

impl UserState {
    pub(super) fn last_use(&self, key: &AccessKeyId) -> Option<&LastUse> {
        self.last_use.iter().find(|(id, _)| id == key).map(|(_, use_)| use_)
    }

    pub(super) fn is_current(&self, key: &AccessKeyId) -> Option<bool> {
        self.current.as_ref().filter(|(id, _)| id == key).map(|(_, current)| *current)
    }

    /// The keys as they are known; empty before they were listed.
    #[must_use]
    pub fn keys(&self) -> &[Key] {
        self.keys.as_deref().unwrap_or_default()
    }

    /// Until when the old key stays active while it is still in use; `None` if `wait_at_most` sets no end.
    #[must_use]
    pub fn waits_until(&self, old: &AccessKeyId, policy: &Policy) -> Option<Timestamp> {
        let (MaxWait::AtMost(span), Some(Ok(journal))) = (policy.wait_at_most, &self.journal) else { return None };
        let newer = self.keys().iter().find(|key| key.id != *old && key.status == KeyStatus::Active)?;
        // A key that the rotation did not replace is never deactivated while it is in use.
        journal.delivered_at(newer).map(|delivered| delivered + policy.overlap + span)
    }

    /// Adds the answer to a call to what is known.
    pub fn learn(&mut self, call: &Call, answer: Result<Answer, CallError>) {
        match answer {
            Ok(answer) => self.learn_answer(call, answer),
            Err(failure) => self.learn_failure(call, failure),
        }
    }

    fn learn_answer(&mut self, call: &Call, answer: Answer) {
        match (call, answer) {
            (Call::ListAccessKeys, Answer::Keys(keys)) => {
                let is_active = |key: &Key| key.status == KeyStatus::Active;
                let found = if keys.iter().any(is_active) { FoundKeys::Active } else { FoundKeys::Inactive };
                self.found.get_or_insert(found);
                self.keys = Some(keys);
                self.is_list_old = false;
                // A list that is not up to date must not make this run revoke the key again.
                if let Some(revoked) = self.revoked.clone() {
                    self.set_status(&revoked, KeyStatus::Inactive);
                }
            }
            (Call::ListAccessKeys, Answer::OtherSpelling(name)) => {
                self.stopped = Some(NeedsAttention::UserConfigError(UserConfigError::Spelling(name)).into());
            }
            (Call::ListUserTags, Answer::Journal(journal)) => self.journal = Some(journal),
            (Call::GetAccessKeyLastUsed(key), Answer::LastUse(use_)) => self.last_use.push((key.clone(), use_)),
            (Call::ListSubscriptionsByTopic, Answer::Recipients(recipients)) => self.recipients = Some(recipients),
            (Call::TagUser(entries), Answer::Done) => self.tagged(entries),
            (Call::UntagUser(run), Answer::Done) => {
                if let Some(Ok(journal)) = &mut self.journal {
                    journal.forget(run);
                }
            }
            (Call::RemoveJournal(_), Answer::Done) => self.stopped = Some(StopReason::Released),
            (Call::CreateAccessKey, Answer::Created(key)) => {
                let id = key.id.clone();
                self.keys.get_or_insert_default().push(key);
                self.is_list_old = true;
                self.rotation = Some(Rotation::Verifying { key: id, attempts: 0, successes: 0 });
            }
            (Call::GetCallerIdentity { key, .. }, Answer::Done) => self.verified(call, key),
            (Call::CreateSecret, Answer::Done) => self.channel = Some(ChannelState::Made),
            (Call::PutResourcePolicy, Answer::Done) => self.channel = Some(ChannelState::Ready),
            (Call::PutSecretValue(key), Answer::Done) => self.rotation = Some(Rotation::ReadingBack(key.clone())),
            (Call::DescribeSecret(key), Answer::Current(current)) => match (&self.rotation, current) {
                (None, current) => self.current = Some((key.clone(), current)),
                (Some(_), true) => self.rotation = Some(Rotation::Announcing(key.clone())),
                (Some(_), false) => self.stop(call, not_read_back()),
            },
            (Call::Publish(PlannedNotice::Stored(key) | PlannedNotice::Secret(key)), Answer::Done) => {
                self.rotation = Some(Rotation::Committing(key.clone()));
            }
            (Call::Publish(PlannedNotice::Warning(warning)), Answer::Done) => self.notified = Some(warning.clone()),
            (Call::DeactivateAccessKey(key, why), Answer::Done) => self.deactivated(key, *why),
            (Call::DeleteAccessKey(key, why), Answer::Done) => self.deleted(key, *why),
            (Call::ActivateAccessKey(key), Answer::Done) => {
                self.set_status(key, KeyStatus::Active);
                let Some(Ok(journal)) = &self.journal else { return };
                self.undone = journal.undone.as_ref().is_some_and(|undone| undone.key == *key);
            }
            // The adapter gave the answer to another call. Nothing is known, so stop.
            (call, answer) => {
                let message = format!("unexpected answer {answer:?}");
                self.stop(call, CallError::with_unknown_effect(ErrorCode::UnexpectedAnswer, message));
            }
        }
    }

    fn tagged(&mut self, entries: &[JournalEntry]) {
        if let Some(Ok(journal)) = &mut self.journal {
            for entry in entries {
                journal.apply(entry);
            }
        }
        self.is_list_old |= matches!(entries, [JournalEntry::Disabled(_)]);
        match (self.rotation.take(), entries) {
            (None, [JournalEntry::Intent(_), ..]) => self.rotation = Some(Rotation::Intended),
            (None, [JournalEntry::ManagedBy(_), ..]) => self.stopped = Some(StopReason::Adopted),
            (rotation, [JournalEntry::Delivered(_), ..]) => self.rotated |= rotation.is_some(),
            _ => {}
        }
    }

    /// The intent that this run works on: its own, or that of a dead run from which it recovers.
    pub(super) fn intent_at_hand(&self) -> Option<&Intent> {
        let Some(Ok(journal)) = &self.journal else { return None };
        // The youngest first: as long as any run is at work, this one must not touch the user.
        journal.intents.iter().filter(|intent| !self.withdrawn.contains(&intent.run)).max_by_key(|intent| intent.at)
    }

    fn verified(&mut self, call: &Call, key: &AccessKeyId) {
        if let Some(Rotation::Verifying { attempts, successes, .. }) = &mut self.rotation {
            *attempts += 1;
            *successes += 1;
            if *successes == VERIFY_SUCCESSES {
                self.rotation = Some(Rotation::Delivering(key.clone()));
            } else if *attempts == VERIFY_ATTEMPTS {
                self.withdraw(key, call, unsteady());
            }
        }
    }

    fn deactivated(&mut self, key: &AccessKeyId, why: RemovalReason) {
        self.set_status(key, KeyStatus::Inactive);
        if why == RemovalReason::Revoked {
            self.revoked = Some(key.clone());
            // The channel offers the revoked key, so another key takes its place. But a run at work may be about to retire
            // the other key in favour of this one. It notes that first and lists the keys after the note. So what is read
            // from now on decides.
            let is_delivered = matches!(&self.journal, Some(Ok(journal)) if journal.is_delivered(key));
            if is_delivered && !self.rotated {
                (self.keys, self.journal) = (None, None);
            }
        }
        // The key may have been used until a moment ago, so its last use must be read again.
        self.last_use.retain(|(id, _)| id != key);
        if let Some(Rotation::Withdrawing { stage, .. }) = &mut self.rotation {
            *stage = Withdrawal::Delete;
        }
    }

    fn set_status(&mut self, key: &AccessKeyId, status: KeyStatus) {
        for known in self.keys.iter_mut().flatten().filter(|known| known.id == *key) {
            known.status = status;
        }
    }

    fn deleted(&mut self, key: &AccessKeyId, why: RemovalReason) {
        if let Some(keys) = &mut self.keys {
            keys.retain(|known| known.id != *key);
        }
        if why == RemovalReason::PlaceNeeded {
            self.removed = Some(key.clone());
        }
        if let Some(Rotation::Withdrawing { because, .. }) = self.rotation.take() {
            // The intent stays until its lease is over: another run may have a list that still shows the key.
            self.stopped = Some(StopReason::Withdrawn(because));
        } else if why == RemovalReason::Withdrawn {
            let dead = self.intent_at_hand().map(|intent| intent.run.clone());
            self.withdrawn.extend(dead);
        }
    }

    fn learn_failure(&mut self, call: &Call, failure: CallError) {
        match (call, &mut self.rotation) {
            // Fail closed: if the last use cannot be read, the key counts as in use.
            (Call::GetAccessKeyLastUsed(key), _) => self.last_use.push((key.clone(), LastUse::Unknown)),
            (Call::GetCallerIdentity { .. }, Some(Rotation::Verifying { attempts, successes, .. }))
                if *attempts + 1 < VERIFY_ATTEMPTS =>
            {
                *attempts += 1;
                *successes = 0;
            }
            // The secret has certainly not been delivered, so withdraw the key.
            (Call::GetCallerIdentity { key, .. }, Some(Rotation::Verifying { .. })) => {
                self.withdraw(&key.clone(), call, failure);
            }
            (Call::PutSecretValue(key) | Call::Publish(PlannedNotice::Secret(key)), Some(_))
                if failure.effect == Effect::None =>
            {
                self.withdraw(key, call, failure);
            }
            // AWS's own code: the secret may not exist. The handler's codes mean that it exists and cannot take a value.
            (Call::PutResourcePolicy, None)
                if self.channel.is_none()
                    && failure.effect == Effect::None
                    && matches!(failure.code, ErrorCode::Aws(_)) =>
            {
                self.channel = Some(ChannelState::Missing);
            }
            // No key was created, so a later run has nothing to find.
            (Call::CreateAccessKey, Some(Rotation::Intended)) if failure.effect == Effect::None => {
                self.rotation = None;
                let mine = self.intent_at_hand().map(|intent| intent.run.clone());
                if let (Some(Ok(journal)), Some(mine)) = (&mut self.journal, mine) {
                    journal.close(&mine);
                }
                self.ending = Some(StopReason::Failed(Box::new((call.clone(), failure))));
            }
            // The secret has the key already. Without the list, it counts as not announced, and a later run announces it.
            (Call::ListSubscriptionsByTopic, Some(Rotation::Announcing(_))) => {
                self.recipients = Some(ConfirmedRecipients { of_secret: false, of_notice: false });
            }
            // If the intent could not be removed, it only keeps the next runs away for a lease.
            (Call::UntagUser(_), _) if self.ending.is_some() => self.stopped = self.ending.take(),
            // In all other cases change nothing; the next run reads back what happened.
            _ => self.stop(call, failure),
        }
    }

    fn withdraw(&mut self, key: &AccessKeyId, call: &Call, failure: CallError) {
        self.rotation = Some(Rotation::Withdrawing {
            key: key.clone(),
            stage: Withdrawal::Deactivate,
            because: Box::new((call.clone(), failure)),
        });
    }

    fn stop(&mut self, call: &Call, failure: CallError) {
        self.stopped = Some(StopReason::Failed(Box::new((call.clone(), failure))));
    }
}

fn unsteady() -> CallError {
    CallError::without_effect(
        ErrorCode::NotVerified,
        format!("AWS did not accept the new key {VERIFY_SUCCESSES} times in a row in {VERIFY_ATTEMPTS} tries"),
    )
}

fn not_read_back() -> CallError {
    CallError::with_unknown_effect(
        ErrorCode::NotReadBack,
        "the secret was stored, but Secrets Manager does not show it as the current version",
    )
}
