//! What a run does while no rotation is unfinished: retire, delete or rotate, in this order, what is due.

use super::{Next, UserView, skips_disabled};
use crate::{
    model::{
        access_key::{Key, KeyStatus, LastUse},
        time::{Span, Timestamp},
    },
    protocol::{
        call::{Call, PlannedNotice, RemovalReason, Warning},
        journal::{ClearedNote, Disabled, DisabledBy, JournalEntry, KeyNote, LEASE},
        policy::{DeleteAfter, MaxWait, StillInUse},
        run::RunAction,
        stop_reason::{NeedsAttention, StopReason},
    },
};

impl UserView<'_> {
    pub(super) fn settle(&self) -> Next {
        if let Some(delivered) = &self.journal.delivered
            && self.keys.iter().all(|key| key.id != delivered.key)
            && self.now < delivered.at + LEASE
        {
            return Next::Stop(StopReason::NotVisible(delivered.key.clone()));
        }
        if let Some((key, until)) = self.unfinished() {
            return Next::Stop(StopReason::Recent(key, until));
        }
        if self.with(KeyStatus::Active).any(|key| self.is_active_again(key)) {
            return Next::Call(self.note_active_again());
        }
        // A note about a key that is gone has no meaning, but a run over many users would read the user each time.
        if self.journal.undone.as_ref().is_some_and(|undone| self.keys.iter().all(|key| key.id != undone.key)) {
            return Next::Call(Call::TagUser(vec![JournalEntry::Cleared(ClearedNote::Undone)]));
        }
        if let Some(next) = self.announce_delivered() {
            return next;
        }
        let (active, inactive): (Vec<_>, Vec<_>) =
            (self.with(KeyStatus::Active).collect(), self.with(KeyStatus::Inactive).collect());
        match active.as_slice() {
            [a, b] => match self.by_age(a, b) {
                Some((older, newer)) => self.retire(older, newer),
                None => Next::Stop(NeedsAttention::SameAge.into()),
            },
            [only] => self.lone(only, inactive.first().copied()),
            _ => self.replace_disabled(&inactive),
        }
    }

    /// Invariant 11: the announcement of a key that was delivered while it would have reached no confirmed recipient, or
    /// why it waits; `None` if there is no such key. The overlap counts from the announcement.
    fn announce_delivered(&self) -> Option<Next> {
        let key = self.journal.unannounced.as_ref().filter(|key| self.journal.is_delivered(key))?;
        let is_active = self.with(KeyStatus::Active).any(|active| active.id == *key);
        // The person who ordered this run has its report.
        if !is_active || self.state.rotated {
            return None;
        }
        let announce = || Next::Call(Call::Publish(PlannedNotice::Stored(key.clone())));
        Some(self.missing_recipient().unwrap_or_else(announce))
    }

    /// Whether a note says that the active key was deactivated. A run that is at work writes the note a moment before
    /// it deactivates the key.
    fn is_active_again(&self, key: &Key) -> bool {
        self.journal.disabled(&key.id).is_some_and(|noted| self.state.undone || self.now >= noted.at + LEASE)
    }

    /// The call after a key was activated again. The old note would shorten the key's recovery window after the next
    /// deactivation, and undo would believe it. What the owner was told before does not count any more.
    fn note_active_again(&self) -> Call {
        let seen = self.journal.seen.as_ref().map(|_| JournalEntry::Cleared(ClearedNote::Seen));
        let unused = self.journal.unused.as_ref().map(|_| JournalEntry::Cleared(ClearedNote::Unused));
        Call::TagUser([Some(self.disabled_note(None)), seen, unused].into_iter().flatten().collect())
    }

    /// The step for a user with one active key.
    fn lone(&self, only: &Key, inactive: Option<&Key>) -> Next {
        if self.state.undone {
            return Next::Stop(StopReason::Reactivated(only.id.clone()));
        }
        let kept = || Next::Stop(StopReason::Healthy(only.created + self.policy.rotate_after));
        // What a person ordered is done. A notice that waits for its recipients is left to the schedule.
        if self.state.rotated && self.run.action != RunAction::Routine {
            return kept();
        }
        match self.disuse(only) {
            Some(next) => next,
            None if self.is_due(only) => self.rotate(only, inactive),
            // An inactive key may be kept until the next rotation, which is not due yet.
            None => self.warn(only).or_else(|| self.tidy(inactive?)).unwrap_or_else(kept),
        }
    }

    /// The step for a user without an active key, if such users get a new one.
    fn replace_disabled(&self, inactive: &[&Key]) -> Next {
        // Invariant 10: a person deactivated the last active key while this run was at work.
        if skips_disabled(self.policy, self.run) || self.state.rotated {
            return Next::Stop(StopReason::Disabled);
        }
        // A key that was deactivated because no one used it is not replaced, unless a person asks for it.
        if self.run.action != RunAction::Enable && self.is_disused() {
            return Next::Stop(StopReason::Disabled);
        }
        match inactive {
            [only] => self.rotate(only, None),
            [a, b] if a.created <= b.created => self.rotate(b, Some(a)),
            [b, a] => self.rotate(b, Some(a)),
            _ => Next::Stop(StopReason::NoKeys),
        }
    }

    /// Whether a key of the user was deactivated because it was not used.
    pub(super) fn is_disused(&self) -> bool {
        self.with(KeyStatus::Inactive).any(|key| self.journal.is_disabled_by(&key.id, DisabledBy::Disuse))
    }

    /// The step for two active keys: deactivate the older one when its time is over.
    fn retire(&self, older: &Key, newer: &Key) -> Next {
        if let Some(until) = self.journal.undone_until(older, newer, self.policy)
            && (self.state.undone || self.now < until && !self.run.action.rotates_now())
        {
            return Next::Stop(StopReason::Undone(older.id.clone(), until));
        }
        let waits = if self.journal.is_delivered(&older.id) {
            // Invariant 13: a key that was delivered is not retired in favour of a key of unknown origin.
            Some(Next::Stop(if self.is_due(older) {
                NeedsAttention::ForeignKey { delivered: older.id.clone(), foreign: newer.id.clone() }.into()
            } else {
                StopReason::Healthy(older.created + self.policy.rotate_after)
            }))
        } else if let Some(delivered) = self.journal.delivered_at(newer) {
            self.overlap(older, newer, delivered)
        } else {
            self.unmade_pair(older, newer)
        };
        let deactivate = || self.deactivate(older, DisabledBy::Rotation, RemovalReason::Superseded);
        // An order to rotate covers the key that it replaces. It does not cover the predecessor of an earlier rotation.
        let held = || if self.state.rotated { self.held_for_recipient() } else { self.missing_recipient() };
        waits.or_else(held).unwrap_or_else(deactivate)
    }

    /// Why a predecessor stays active beside its successor, delivered at `since`; `None` if it does not.
    fn overlap(&self, older: &Key, newer: &Key, since: Timestamp) -> Option<Next> {
        // Invariant 11: with an overlap, nothing is retired in the run that announces its successor.
        let is_just_announced = self.state.rotated && self.policy.overlap > Span::ZERO;
        let over = since + self.policy.overlap;
        let until = if is_just_announced { over.max(self.now) } else { over };
        if self.now < until || is_just_announced {
            // Invariant 13: the note is obeyed, because a delivery can really be late after a crash. But a forger who renews
            // it would put off the retirement for ever. So a person is told once the overlap of any timely delivery is over.
            let is_late = self.now >= newer.created + self.policy.rotate_after + self.policy.overlap;
            return Some(Next::Stop(if is_late {
                NeedsAttention::LateDelivery { key: newer.id.clone(), at: since, until }.into()
            } else {
                StopReason::Overlap(older.id.clone(), until)
            }));
        }
        let is_patient = match self.policy.wait_at_most {
            MaxWait::Forever => true,
            MaxWait::AtMost(span) => self.now < until + span,
        };
        if self.policy.still_in_use == StillInUse::Retire || !is_patient {
            return None;
        }
        // Invariant 13: a workload has its new key from the delivery on. A note of a later delivery than that of a rotation
        // without a crash does not show that the old key is unused.
        let delivered = since.min(newer.created + LEASE);
        self.wait_for_disuse(older, |use_| self.policy.is_unused(use_, delivered, self.now))
    }

    /// Why the older of two keys that the rotation did not make stays active; `None` if it does not (invariant 12). Its
    /// owner is told first. It may have a workload of its own, so it is deactivated only while it is unused, whatever
    /// `still_in_use` and `wait_at_most` say.
    fn unmade_pair(&self, older: &Key, newer: &Key) -> Option<Next> {
        if self.policy.acts_at_once() {
            return None;
        }
        let seen = self.journal.seen.as_ref().filter(|seen| seen.key == newer.id);
        let Some(seen) = seen.map(|seen| seen.at.max(newer.created)) else {
            let until = self.now + self.policy.overlap;
            let notice = Warning::Pair { older: older.id.clone(), newer: newer.id.clone(), until };
            return Some(self.tell(notice, JournalEntry::Seen(KeyNote { key: newer.id.clone(), at: self.now })));
        };
        let until = seen + self.policy.overlap;
        if self.now < until {
            return Some(Next::Stop(StopReason::UnmadePair(older.id.clone(), until)));
        }
        match self.wait_for_disuse(older, |use_| self.policy.is_idle(use_, self.now)) {
            Some(Next::Stop(StopReason::StillInUse(key, use_))) if use_ != LastUse::Unknown => {
                Some(Next::Stop(StopReason::UnmadePairInUse(key, use_)))
            }
            next => next,
        }
    }

    /// Reads when the key was last used, and stops while it is in use; `None` once it is not.
    fn wait_for_disuse(&self, key: &Key, is_unused: impl Fn(&LastUse) -> bool) -> Option<Next> {
        match self.state.last_use(&key.id) {
            None => Some(Next::Call(Call::GetAccessKeyLastUsed(key.id.clone()))),
            Some(use_) if is_unused(use_) => None,
            Some(use_) => Some(Next::Stop(StopReason::StillInUse(key.id.clone(), use_.clone()))),
        }
    }

    /// Warns the owner that the key will be replaced: once, however many runs there are in its last days.
    fn warn(&self, key: &Key) -> Option<Next> {
        let is_notified = self.journal.warned.as_ref() == Some(&key.id);
        if is_notified || !self.policy.warns_of(key, self.now) {
            return None;
        }
        let notice = Warning::ComingUp(key.id.clone(), key.created + self.policy.rotate_after);
        Some(self.tell(notice, JournalEntry::Warned(key.id.clone())))
    }

    /// The step for an inactive key beside an active one: note since when it is inactive, and delete it after its
    /// recovery window. `None` if it is kept until the next rotation needs its place.
    fn tidy(&self, key: &Key) -> Option<Next> {
        if let Some(step) = self.tell_of_inactive(key) {
            return Some(step);
        }
        let DeleteAfter::Window(window) = self.policy.delete_after else { return None };
        Some(self.delete_after(key, window, RemovalReason::WindowOver))
    }

    /// The step that makes room for a successor: the inactive key is deleted, or kept for its recovery window.
    pub(super) fn make_room(&self, key: &Key) -> Next {
        let delete = || Next::Call(Call::DeleteAccessKey(key.id.clone(), RemovalReason::PlaceNeeded));
        // A revocation cannot wait. The person who ordered it has seen that this key is deleted. A revoked key is not
        // kept for anyone.
        let is_revoked = self.journal.is_disabled_by(&key.id, DisabledBy::Revocation);
        if is_revoked || matches!(self.run.action, RunAction::Revoke(..)) {
            return delete();
        }
        if let Some(next) = self.tidy(key) {
            return next;
        }
        if self.policy.acts_at_once() {
            return delete();
        }
        self.delete_after(key, self.policy.overlap, RemovalReason::PlaceNeeded)
    }

    /// Tells the owner about an inactive key that the handler did not deactivate, and begins its recovery window; `None`
    /// if that was done, or if the policy is the article's, which says nothing.
    fn tell_of_inactive(&self, key: &Key) -> Option<Next> {
        let is_kept_for_its_place = self.policy.delete_after == DeleteAfter::NextRotation;
        if self.journal.disabled(&key.id).is_some() || self.policy.acts_at_once() && is_kept_for_its_place {
            return None;
        }
        let until = match self.policy.delete_after {
            DeleteAfter::Window(window) => Some(self.now + window.max(self.policy.overlap)),
            DeleteAfter::NextRotation => None,
        };
        let found = Disabled { key: key.id.clone(), at: self.now, by: DisabledBy::Other };
        Some(self.tell(Warning::Inactive(key.id.clone(), until), self.disabled_note(Some(found))))
    }

    /// Deletes the inactive key once it was inactive for this time. A key that the handler did not deactivate stays for
    /// at least an overlap.
    fn delete_after(&self, key: &Key, kept: Span, why: RemovalReason) -> Next {
        let (from, kept) = match self.journal.disabled(&key.id) {
            // Nothing was told and nothing noted: the article's policy.
            None => (key.created, kept),
            Some(noted) if noted.by == DisabledBy::Other => (noted.at.max(key.created), kept.max(self.policy.overlap)),
            Some(noted) => (noted.at.max(key.created), kept),
        };
        let keep = |until: Timestamp| Next::Stop(StopReason::Window(key.id.clone(), until));
        if self.now < from + kept {
            return keep(from + kept);
        }
        // Invariant 13: the key was active when it was last used, whatever the note says.
        match self.state.last_use(&key.id) {
            None => Next::Call(Call::GetAccessKeyLastUsed(key.id.clone())),
            Some(LastUse::Used { at, .. }) if self.now < *at + kept => keep(*at + kept),
            Some(LastUse::Unknown) => Next::Stop(StopReason::StillInUse(key.id.clone(), LastUse::Unknown)),
            Some(_) => {
                let delete = || Next::Call(Call::DeleteAccessKey(key.id.clone(), why));
                self.held_for_recipient().unwrap_or_else(delete)
            }
        }
    }
}
