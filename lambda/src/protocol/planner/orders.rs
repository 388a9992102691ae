//! What a person orders for one user: undo, revoke, adopt, release.

use super::{Next, UserView};
use crate::{
    model::{
        access_key::{AccessKeyId, Key, KeyStatus, LastUse},
        time::Timestamp,
    },
    protocol::{
        call::{Call, RemovalReason},
        journal::{ClearedNote, Disabled, DisabledBy, JournalEntry, KeyNote, LEASE, SKEW},
        policy::{DeleteAfter, DisabledUsers},
        run::{Run, RunAction, Successor},
        state::UserState,
        stop_reason::{NeedsAttention, StopReason},
    },
};

/// The step of an order that must not wait for the journal: the revocation of a key without a successor.
pub(super) fn urgent(state: &UserState, keys: &[Key], run: &Run) -> Option<Next> {
    let RunAction::Revoke(id, successor) = &run.action else { return None };
    // This run has revoked and deleted it.
    if state.removed.as_ref() == Some(id) {
        return state.rotated.then(|| Next::Stop(StopReason::Revoked(id.clone())));
    }
    let Some(key) = keys.iter().find(|key| key.id == *id) else {
        return Some(Next::Stop(StopReason::NoSuchKey(id.clone())));
    };
    (key.status == KeyStatus::Active && *successor == Successor::Without).then(|| revocation(id))
}

fn revocation(key: &AccessKeyId) -> Next {
    Next::Call(Call::DeactivateAccessKey(key.clone(), RemovalReason::Revoked))
}

/// Whether the call notes that a key will be deactivated. An active key is not taken away without this note.
fn notes_deactivation(call: &Call) -> bool {
    matches!(call, Call::TagUser(entries) if matches!(entries.as_slice(), [JournalEntry::Disabled(_)]))
}

impl UserView<'_> {
    /// Reactivates the youngest key that the handler has deactivated and that is older than every active one. A younger
    /// one is no predecessor: once it is active, the next run would retire the key that is active now.
    pub(super) fn undo(&self) -> Next {
        // Invariant 10: an administrator may have deactivated a key on purpose.
        let noted = |key: &Key| {
            let noted = self.journal.disabled(&key.id)?;
            matches!(noted.by, DisabledBy::Rotation | DisabledBy::Disuse).then_some(noted.at)
        };
        let is_ours = |key: &&Key| noted(key).is_some();
        let before = |key: &Key, other| self.by_age(key, other).is_some_and(|(older, _)| older.id == key.id);
        let previous = self.with(KeyStatus::Inactive).filter(is_ours);
        let previous = previous.filter(|key| self.with(KeyStatus::Active).all(|active| before(key, active)));
        let Some(previous) = previous.max_by_key(|key| key.created) else {
            return Next::Stop(StopReason::NothingToUndo);
        };
        let until = self.deleted_from(previous);
        if until.is_some_and(|until| self.now + LEASE + SKEW > until) {
            return Next::Stop(StopReason::TooLateToUndo(previous.id.clone()));
        }
        // A later use shows that the key was active again after the note. So a person deactivated it this time.
        match self.state.last_use(&previous.id) {
            None => return Next::Call(Call::GetAccessKeyLastUsed(previous.id.clone())),
            Some(LastUse::Used { at, .. }) if noted(previous).is_none_or(|noted| *at > noted + SKEW) => {
                return Next::Stop(StopReason::NothingToUndo);
            }
            Some(LastUse::Unknown) => {
                return Next::Stop(StopReason::StillInUse(previous.id.clone(), LastUse::Unknown));
            }
            Some(_) => {}
        }
        // First the note, so that the next run does not deactivate the key again.
        let is_noted = |undone: &KeyNote| undone.key == previous.id && self.now < undone.at + LEASE;
        if !self.journal.undone.as_ref().is_some_and(is_noted) {
            let note = KeyNote { key: previous.id.clone(), at: self.now };
            return Next::Call(Call::TagUser(vec![JournalEntry::Undone(note)]));
        }
        Next::Call(Call::ActivateAccessKey(previous.id.clone()))
    }

    /// The earliest time at which a scheduled run may delete the inactive key. An undo keeps a lease away from it, so
    /// that the run that would delete the key sees it active again. Nothing else keeps the two apart: tags cannot be
    /// compared and swapped.
    fn deleted_from(&self, inactive: &Key) -> Option<Timestamp> {
        // No run deletes a user's only key.
        if self.keys.len() == 1 {
            return None;
        }
        match self.policy.delete_after {
            DeleteAfter::Window(window) => {
                let noted = self.journal.disabled(&inactive.id).map(|noted| noted.at);
                // If there is no note, this read may not show it yet.
                Some(noted.map_or(self.now.before(SKEW), |since| since.max(inactive.created)) + window)
            }
            // A scheduled run makes room for the key of a disabled user at once, or after an overlap.
            DeleteAfter::NextRotation if self.with(KeyStatus::Active).next().is_none() => {
                let is_replaced = self.policy.disabled_users == DisabledUsers::Replace && !self.is_disused();
                let noted = self.journal.disabled(&inactive.id);
                is_replaced
                    .then(|| noted.map_or(self.now, |noted| noted.at.max(inactive.created) + self.policy.overlap))
            }
            DeleteAfter::NextRotation => {
                self.with(KeyStatus::Active).map(|key| key.created + self.policy.rotate_after).min()
            }
        }
    }

    /// Deactivates the key that a person names. A user without another active key gets a successor first.
    pub(super) fn revoke(&self, id: &AccessKeyId, successor: Successor) -> Next {
        let Some(key) = self.keys.iter().find(|key| key.id == *id) else {
            let other = self.with(KeyStatus::Active).next().filter(|_| self.state.removed.is_some());
            return other
                .map_or_else(|| Next::Stop(StopReason::NoSuchKey(id.clone())), |other| self.rotate(other, None));
        };
        let is_noted = self.journal.is_disabled_by(id, DisabledBy::Revocation);
        // A note that the handler deactivated the key would let undo reactivate it.
        if !is_noted && (key.status == KeyStatus::Inactive || self.journal.disabled(id).is_some()) {
            return Next::Call(self.note_revoked(id));
        }
        if key.status == KeyStatus::Inactive {
            let replacement = if successor == Successor::IfNeeded { self.replace_revoked(key) } else { None };
            return replacement.unwrap_or_else(|| Next::Stop(StopReason::Revoked(id.clone())));
        }
        let other = self.with(KeyStatus::Active).find(|other| other.id != *id);
        let unsure = other.and_then(|other| self.unsure_until(other));
        if let Some(intent) = self.state.intent_at_hand() {
            // What a dead run left may be a key that no one has. It is cleaned up first, unless it is this key.
            match self.recover(intent) {
                // Another run may delete this key as undelivered at any moment. If this run then deleted the other key to make
                // room for a successor, the user could be left without any.
                Next::Call(call) if other.is_none() && call.is_about(id) && notes_deactivation(&call) => {
                    return Next::Stop(NeedsAttention::UnclearOrigin.into());
                }
                Next::Call(call) if other.is_none() || !call.is_about(id) => return Next::Call(call),
                Next::Stop(why) if other.is_none() || unsure.is_some() => return Next::Stop(why),
                _ => {}
            }
        }
        match (other, unsure) {
            // A successor that this run has delivered is sure.
            (Some(_), None) => return revocation(id),
            (Some(other), Some(until)) => return Next::Stop(StopReason::Recent(other.id.clone(), until)),
            (None, _) => {}
        }
        if let Some(other) = self.other_manager() {
            return other;
        }
        self.rotate(key, self.with(KeyStatus::Inactive).next())
    }

    /// The step that puts another key in the place of a revoked one that the channel still offers; `None` if it does not, or
    /// if another run may be at work on the user's other key.
    fn replace_revoked(&self, revoked: &Key) -> Option<Next> {
        let other = self.with(KeyStatus::Active).next()?;
        if !self.journal.is_delivered(&revoked.id) || self.state.rotated {
            return None;
        }
        if let Some(intent) = self.state.intent_at_hand() {
            return Some(self.recover(intent))
                .filter(|next| matches!(next, Next::Call(call) if !call.is_about(&revoked.id)));
        }
        self.unsure_until(other).is_none().then(|| self.rotate(other, Some(revoked)))
    }

    /// Until when it is unsure whether the active key can replace another one; `None` if it can. A run may not have
    /// delivered it, or may be about to deactivate it.
    fn unsure_until(&self, key: &Key) -> Option<Timestamp> {
        let undelivered = self.may_be_undelivered(key).then(|| key.created + LEASE + SKEW);
        let going = self.journal.disabled(&key.id).map(|noted| noted.at + LEASE);
        undelivered.max(going).filter(|until| self.now < *until)
    }

    fn note_revoked(&self, id: &AccessKeyId) -> Call {
        let revoked = Disabled { key: id.clone(), at: self.now, by: DisabledBy::Revocation };
        // Also the note of an active key: a run at work may be about to deactivate it.
        let others = self.keys.iter().filter(|key| key.id != *id);
        let others = others.filter_map(|key| self.journal.disabled(&key.id).cloned());
        Call::TagUser(vec![JournalEntry::Disabled(others.chain(Some(revoked)).collect())])
    }

    /// Makes this stack the manager. Open intents of another stack are closed: this stack cannot tell whether their
    /// keys were delivered, so it treats the keys as a pair that it did not make.
    pub(super) fn adopt(&self) -> Next {
        if let Some(busy) = self.at_work() {
            return busy;
        }
        let is_ours = self.journal.managed_by.as_ref() == Some(&self.run.manager);
        let foreign = self.journal.intents.iter().filter(|_| !is_ours);
        let closed = foreign.map(|intent| JournalEntry::Closed(intent.run.clone()));
        let managed_by = JournalEntry::ManagedBy(self.run.manager.clone());
        // Another stack delivered to a secret of its own. Here its key is one that the rotation did not make.
        let other = self.journal.other_manager(&self.run.manager);
        let undelivered = other.map(|_| JournalEntry::Cleared(ClearedNote::Delivered));
        Next::Call(Call::TagUser(std::iter::once(managed_by).chain(undelivered).chain(closed).collect()))
    }

    /// Removes all notes of this stack.
    pub(super) fn release(&self) -> Next {
        if let Some(busy) = self.at_work() {
            return busy;
        }
        if let Some(other) = self.journal.other_manager(&self.run.manager) {
            return Next::Stop(NeedsAttention::ManagedBy(other.clone()).into());
        }
        // Without the intent of a dead run, no later run would find its key.
        match self.state.intent_at_hand().map(|intent| self.recover(intent)) {
            None | Some(Next::Call(Call::UntagUser(_))) => Next::Call(Call::RemoveJournal(self.journal.tag_keys())),
            Some(next) => next,
        }
    }

    /// Why to wait: a run may still be at work on the user.
    fn at_work(&self) -> Option<Next> {
        self.state.intent_at_hand().and_then(|intent| self.busy(intent))
    }
}
