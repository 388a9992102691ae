//! What the planner must know about an invocation.

use super::journal::RunId;
use crate::model::time::Timestamp;

/// What a run is asked to do about its users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunAction {
    /// Asked by the schedule: replace the key if it is due.
    Routine,
    /// Asked by a person: replace the key now, whatever its age.
    RotateNow,
    /// Asked by a person: replace the key now, also for a user with only inactive keys.
    Enable,
    /// Asked by a person: reactivate the key that was deactivated last.
    Undo,
}

impl RunAction {
    /// Whether a person asks for a new key, whatever the age of the present one.
    #[must_use]
    pub const fn rotates_now(self) -> bool {
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
}
