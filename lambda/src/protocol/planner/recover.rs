//! What a run does after a dead run: finish its rotation, or remove its key.

use super::{Next, UserView, announce, commit, skips_disabled};
use crate::{
    model::{
        access_key::{Key, KeyStatus, LastUse},
        time::Timestamp,
    },
    protocol::{
        call::{Call, RemovalReason},
        journal::{DisabledBy, Intent, LEASE, LIFE, SKEW},
        policy::Delivery,
        stop_reason::{NeedsAttention, StopReason},
    },
};

impl UserView<'_> {
    /// The step while the journal has an intent: leave the user to the run that wrote it, or, if that run is dead,
    /// clean up after it.
    pub(super) fn recover(&self, intent: &Intent) -> Next {
        if let Some(busy) = self.busy(intent) {
            return busy;
        }
        // The intent's run died before its lease was over. A key that was created later is not its own.
        let (first, last) = (intent.at.before(SKEW), intent.at + LIFE + SKEW);
        let is_candidate = |key: &&Key| {
            key.id != intent.known && self.may_be_undelivered(key) && (first..=last).contains(&key.created)
        };
        let mut candidates = self.keys.iter().filter(is_candidate);
        let (Some(orphan), None) = (candidates.next(), candidates.next()) else {
            return if self.keys.iter().any(|key| is_candidate(&key)) {
                Next::Stop(NeedsAttention::UnclearOrigin.into())
            } else {
                // The run died before it created a key, or after it delivered one. It left nothing to clean up.
                Next::Call(Call::UntagUser(intent.run.clone()))
            };
        };
        // Another channel may have the key. This stack cannot read that channel back.
        if self.journal.managed_by.as_ref().is_some_and(|manager| *manager != self.run.manager) {
            return Next::Stop(NeedsAttention::OtherChannel.into());
        }
        // A rotation creates a key beside another, so its key is the younger one. Without this check, a forged intent
        // could point at a live key.
        let beside = |key: &Key| key.id != orphan.id && key.created <= orphan.created;
        if !self.keys.iter().any(beside) {
            return Next::Stop(NeedsAttention::UnclearOrigin.into());
        }
        if self.policy.delivery == Delivery::SecretsManager {
            match self.state.is_current(&orphan.id) {
                // AWS may refuse calls about a secret that does not exist: see `Call::CreateSecret`.
                None if self.state.channel.is_none() => return Next::Call(Call::CreateSecret),
                None => return Next::Call(Call::DescribeSecret(orphan.id.clone())),
                // It was delivered. Whether it was announced is unknown, so announce it: better twice than never.
                Some(true) if orphan.status == KeyStatus::Active => {
                    return Next::Call(announce(&orphan.id, self.state, self.policy, self.now));
                }
                Some(_) => {}
            }
        }
        let is_withdrawn = self.journal.is_disabled_by(&orphan.id, DisabledBy::Rotation);
        match self.state.last_use(&orphan.id) {
            None => Next::Call(Call::GetAccessKeyLastUsed(orphan.id.clone())),
            Some(use_) if is_only_verification(use_, last) => self.withdraw(orphan),
            // A mail cannot be read back. But if the key is used, it was received.
            Some(LastUse::Used { .. }) if self.policy.delivery.is_mail() && orphan.status == KeyStatus::Active => {
                Next::Call(commit(&orphan.id, None, self.state, self.now))
            }
            // Invariant 10: only what the handler has deactivated is activated again.
            Some(LastUse::Used { .. }) if self.policy.delivery.is_mail() && is_withdrawn => {
                Next::Call(Call::ActivateAccessKey(orphan.id.clone()))
            }
            Some(use_) => Next::Stop(NeedsAttention::OrphanInUse(orphan.id.clone(), use_.clone()).into()),
        }
    }

    /// Removes a dead run's key, which was not used. Once it is inactive, its last use is read again: a workload that took
    /// the key since then must not lose it.
    fn withdraw(&self, orphan: &Key) -> Next {
        if self.with(KeyStatus::Active).all(|key| key.id == orphan.id) {
            // Without its only active key, the user would be disabled, and no run would give it access again
            // (invariant 10).
            if skips_disabled(self.policy, self.run) {
                return Next::Stop(NeedsAttention::UnclearOrigin.into());
            }
            // The user gets another key only in a rotation, and none begins now.
            if let Some(held) = self.held_for_recipient() {
                return held;
            }
        }
        match orphan.status {
            KeyStatus::Active => self.deactivate(orphan, DisabledBy::Rotation, RemovalReason::Withdrawn),
            KeyStatus::Inactive => Next::Call(Call::DeleteAccessKey(orphan.id.clone(), RemovalReason::Withdrawn)),
        }
    }

    /// Why to wait: the run that wrote the intent may still be at work.
    pub(super) fn busy(&self, intent: &Intent) -> Option<Next> {
        let lease_over = intent.at + LEASE;
        (self.now < lease_over).then(|| Next::Stop(StopReason::Busy(intent.run.clone(), lease_over)))
    }
}

/// Whether a rotation's own verification, until `last`, explains the only use on record.
fn is_only_verification(use_: &LastUse, last: Timestamp) -> bool {
    match use_ {
        LastUse::Never => true,
        LastUse::Used { at, service, .. } => service == "sts" && *at <= last,
        LastUse::Unknown => false,
    }
}
