//! What the status of a stack means for a deployment.

use std::fmt;

/// The status of a stack or of a resource in it, as CloudFormation writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackStatus(String);

impl StackStatus {
    /// Makes a status of CloudFormation's text, such as `CREATE_COMPLETE`.
    #[must_use]
    pub fn new(words: &str) -> Self {
        Self(words.to_owned())
    }

    /// The status as CloudFormation writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether an operation is in progress.
    #[must_use]
    pub fn is_in_progress(&self) -> bool {
        self.0.ends_with("_IN_PROGRESS") && !self.is_shell()
    }

    /// Whether the stack is empty: it has only a change set that was not executed.
    #[must_use]
    pub fn is_shell(&self) -> bool {
        self.0 == "REVIEW_IN_PROGRESS"
    }

    /// Whether an operation on this stack or resource failed.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        self.0.ends_with("_FAILED")
    }

    /// Whether the operation succeeded: the stack or resource was created, updated or deleted, and not rolled back.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.0.ends_with("_COMPLETE") && !self.is_rollback()
    }

    /// Whether the status belongs to a rollback.
    #[must_use]
    pub fn is_rollback(&self) -> bool {
        self.0.contains("ROLLBACK")
    }
}

impl fmt::Display for StackStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The state of a stack before a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StackState {
    /// There is no stack, or only an empty one with a change set. The deployment creates it.
    Absent,
    /// The creation of the stack failed. It must be deleted before it can be created again.
    Ruined,
    /// The stack works. The deployment updates it.
    Deployed,
    /// An operation on the stack is in progress.
    Busy,
    /// A person must repair the stack first.
    Stuck(Remedy),
}

/// What a person must do before a stack can be deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Continue the rollback: an update failed, and its rollback failed too.
    ContinueRollback,
    /// Roll back: an update failed, and it was not rolled back because rollback was switched off.
    RollBack,
    /// Delete the stack again: its deletion failed.
    DeleteAgain,
    /// See the events of the stack: this program does not know its status.
    Unknown,
}

impl Remedy {
    /// What to do about this stack, as text for people.
    #[must_use]
    pub fn for_stack(self, stack: &str) -> String {
        match self {
            Self::ContinueRollback => format!(
                "its last update failed and could not be taken back; remove the cause (the stack's events name it), then \
                 run: aws cloudformation continue-update-rollback --stack-name {stack}"
            ),
            Self::RollBack => format!(
                "its last update failed and was not taken back; run: aws cloudformation rollback-stack --stack-name {stack}"
            ),
            Self::DeleteAgain => format!(
                "its deletion failed; remove the cause (the stack's events name it), then run: aws cloudformation \
                 delete-stack --stack-name {stack}"
            ),
            Self::Unknown => "this program does not know that state; see the stack's events".to_owned(),
        }
    }
}

impl StackState {
    /// The state for the status of a stack. `None` means that there is no stack. The statuses are those of the page
    /// "Stack" in CloudFormation's API reference.
    #[must_use]
    pub fn of(status: Option<&StackStatus>) -> Self {
        let Some(status) = status else { return Self::Absent };
        match status.as_str() {
            "REVIEW_IN_PROGRESS" | "DELETE_COMPLETE" => Self::Absent,
            "CREATE_FAILED" | "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" => Self::Ruined,
            "CREATE_COMPLETE"
            | "UPDATE_COMPLETE"
            | "UPDATE_ROLLBACK_COMPLETE"
            | "IMPORT_COMPLETE"
            | "IMPORT_ROLLBACK_COMPLETE" => Self::Deployed,
            "UPDATE_ROLLBACK_FAILED" => Self::Stuck(Remedy::ContinueRollback),
            "UPDATE_FAILED" => Self::Stuck(Remedy::RollBack),
            "DELETE_FAILED" => Self::Stuck(Remedy::DeleteAgain),
            _ if status.is_in_progress() => Self::Busy,
            _ => Self::Stuck(Remedy::Unknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_meaning() {
        let of = |status: &str| StackState::of(Some(&StackStatus::new(status)));
        assert_eq!(StackState::of(None), StackState::Absent);
        for (statuses, state) in [
            ("REVIEW_IN_PROGRESS DELETE_COMPLETE", StackState::Absent),
            ("CREATE_FAILED ROLLBACK_COMPLETE ROLLBACK_FAILED", StackState::Ruined),
            ("CREATE_COMPLETE UPDATE_COMPLETE UPDATE_ROLLBACK_COMPLETE IMPORT_COMPLETE", StackState::Deployed),
            ("IMPORT_ROLLBACK_COMPLETE", StackState::Deployed),
            ("CREATE_IN_PROGRESS DELETE_IN_PROGRESS ROLLBACK_IN_PROGRESS UPDATE_IN_PROGRESS", StackState::Busy),
            ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS UPDATE_ROLLBACK_IN_PROGRESS IMPORT_IN_PROGRESS", StackState::Busy),
            ("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS IMPORT_ROLLBACK_IN_PROGRESS", StackState::Busy),
            ("UPDATE_ROLLBACK_FAILED", StackState::Stuck(Remedy::ContinueRollback)),
            ("UPDATE_FAILED", StackState::Stuck(Remedy::RollBack)),
            ("DELETE_FAILED", StackState::Stuck(Remedy::DeleteAgain)),
            ("IMPORT_ROLLBACK_FAILED SOMETHING_NEW", StackState::Stuck(Remedy::Unknown)),
        ] {
            for status in statuses.split(' ') {
                assert_eq!(of(status), state, "{status}");
            }
        }
    }

    #[test]
    fn a_completed_rollback_is_not_a_success() {
        let success = |status: &str| StackStatus::new(status).is_success();
        assert!(success("CREATE_COMPLETE") && success("UPDATE_COMPLETE") && success("DELETE_COMPLETE"));
        assert!(!success("ROLLBACK_COMPLETE") && !success("UPDATE_ROLLBACK_COMPLETE") && !success("CREATE_FAILED"));
        assert!(!success("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"));
    }
}
