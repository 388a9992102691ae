//! What one invocation is for, as far as decisions depend on it.

use super::journal::RunId;
use crate::model::time::Timestamp;

/// Why a run is about this user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunAction {
    /// The schedule's: replace the key if it is due.
    Routine,
    /// A person's: replace the key now, whatever its age.
    RotateNow,
    /// A person's: reactivate the key that was deactivated last.
    Undo,
}

/// One invocation, as far as decisions depend on it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Run {
    /// Who writes the intents.
    pub id: RunId,
    /// When the run must be over.
    pub deadline: Timestamp,
    /// What it is for.
    pub order: RunAction,
}
