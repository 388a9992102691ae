//! What a run does about an active key that is not used: tell its owner, and deactivate it later.

use super::{Next, UserView};
use crate::{
    model::{
        access_key::{Key, LastUse},
        time::Timestamp,
    },
    protocol::{
        call::{Call, RemovalReason, Warning},
        journal::{DisabledBy, JournalEntry, KeyNote},
        policy::UnusedAfter,
        run::RunAction,
        stop_reason::StopReason,
    },
};

/// Since when the key is unused, by IAM's own times; `None` if IAM did not say.
pub(super) fn since(key: &Key, use_: &LastUse) -> Option<Timestamp> {
    match use_ {
        LastUse::Never => Some(key.created),
        LastUse::Used { at, .. } => Some(key.created.max(*at)),
        LastUse::Unknown => None,
    }
}

impl UserView<'_> {
    /// The step for a user's only active key if it is not used; `None` if it is in use, or young, or its last use is
    /// not known. While a rotation is open there are two keys, so a successor that the workload does not have yet is
    /// not unused.
    pub(super) fn disuse(&self, key: &Key) -> Option<Next> {
        let UnusedAfter::After(limit) = self.policy.unused_after else { return None };
        // A person who asks for something else does not ask for this.
        if self.run.action != RunAction::Routine {
            return None;
        }
        let Some(use_) = self.state.last_use(&key.id) else {
            return Some(Next::Call(Call::GetAccessKeyLastUsed(key.id.clone())));
        };
        // The time counts from the delivery of the key, or from its reactivation by a person, if that is later. Forged
        // notes can only delay. Once the key is due, it is replaced, or it is overdue.
        let time_of = |note: &Option<KeyNote>| note.as_ref().filter(|note| note.key == key.id).map(|note| note.at);
        let later = [time_of(&self.journal.delivered), time_of(&self.journal.undone)];
        let since = later.into_iter().flatten().fold(since(key, use_)?, Timestamp::max);
        if !self.policy.warns_of_disuse(since, self.now) {
            return None;
        }
        let (unused, notice) = (since + limit, self.policy.disuse_notice());
        let Some(notified) = time_of(&self.journal.unused).filter(|notified| *notified > since) else {
            let until = unused.max(self.now + notice);
            let note = JournalEntry::Unused(KeyNote { key: key.id.clone(), at: self.now });
            return Some(self.tell(Warning::Unused(key.id.clone(), until), note));
        };
        let until = unused.max(notified + notice);
        if self.now >= until {
            let deactivate = || self.deactivate(key, DisabledBy::Disuse, RemovalReason::Disuse);
            return Some(self.held_for_recipient().unwrap_or_else(deactivate));
        }
        // A key that is unused is not replaced. Before that, it may still be used.
        (self.now >= unused || !self.is_due(key)).then(|| Next::Stop(StopReason::Unused(key.id.clone(), until)))
    }
}
