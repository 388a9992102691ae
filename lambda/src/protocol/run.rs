//! What the planner must know about an invocation.

use super::{journal::RunId, manager::Manager};
use crate::model::{
    access_key::AccessKeyId,
    time::{Span, Timestamp},
};

/// The part of the function's time that is reserved for the report: [`Run::deadline`] is so long before the function's end.
/// The last call about a user ends in its first three seconds. Then the notices and the digest are sent: if all users at
/// work have one for the same address, the pace of its mails takes half of this time.
pub const REPORT_TIME: Span = Span::seconds(20);

/// What a run is asked to do about its users.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RunAction {
    /// Asked by the schedule: replace the key if it is due.
    Routine,
    /// Asked by a person: replace the key now, whatever its age.
    RotateNow,
    /// Asked by a person: replace the key now, also for a user with only inactive keys.
    Enable,
    /// Asked by a person: reactivate the key that the rotation deactivated last.
    Undo,
    /// Asked by a person: deactivate this key now, whatever the overlap, its last use or the journal says.
    Revoke(AccessKeyId, Successor),
    /// Asked by a person: make this stack the manager of the user, in place of another one.
    Adopt,
    /// Asked by a person: remove all notes about the user, because this stack is about to be deleted.
    Release,
}

/// What a revocation does for a user without another active key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Successor {
    /// It delivers a new key first. If that fails, it does not deactivate the old one.
    IfNeeded,
    /// It deactivates the key, and the user has no access afterwards.
    Without,
}

impl RunAction {
    /// Whether a person asks for a new key, whatever the age of the present one.
    #[must_use]
    pub const fn rotates_now(&self) -> bool {
        matches!(self, Self::RotateNow | Self::Enable)
    }
}

/// What the planner must know about an invocation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Run {
    /// The id under which this invocation writes its intents.
    pub id: RunId,
    /// When the run must be over.
    pub deadline: Timestamp,
    /// What the run is asked to do.
    pub action: RunAction,
    /// The stack that this function belongs to.
    pub manager: Manager,
    /// When the run reads the journal.
    pub journal: JournalUse,
}

/// When a run reads a user's journal, which costs a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JournalUse {
    /// Only if the keys alone do not show that nothing is to be done.
    IfNeeded,
    /// For each user. A dry run does this. So it shows a conflict with another stack before a key is due.
    Always,
}
