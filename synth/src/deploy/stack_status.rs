//! What a stack's status means for whoever wants to deploy it.

use std::fmt;

/// A status of a stack or of a resource in it, in CloudFormation's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackStatus(String);

impl StackStatus {
    /// From what CloudFormation says.
    #[must_use]
    pub fn new(words: &str) -> Self {
        Self(words.to_owned())
    }

    /// CloudFormation's words.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether something is going on.
    #[must_use]
    pub fn is_in_progress(&self) -> bool {
        self.0.ends_with("_IN_PROGRESS") && !self.is_shell()
    }

    /// Whether it is that of a stack of which there is nothing but a change set.
    #[must_use]
    pub fn is_shell(&self) -> bool {
        self.0 == "REVIEW_IN_PROGRESS"
    }

    /// Whether something went wrong with this one.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        self.0.ends_with("_FAILED")
    }

    /// Whether what was wanted was done: created, updated or deleted, and not taken back.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.0.ends_with("_COMPLETE") && !self.is_rollback()
    }

    /// Whether it belongs to taking back what was begun.
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

/// Where a stack stands when somebody wants to deploy it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StackState {
    /// There is none, or the empty shell that a change set makes: it is created.
    Absent,
    /// Its creation failed, and it never worked: it must be deleted before it can be created.
    Ruined,
    /// It works: it is updated.
    Deployed,
    /// Something is going on in it.
    Busy,
    /// Somebody has to act first.
    Stuck(Remedy),
}

/// What somebody has to do before a stack can be deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// An update failed, and so did taking it back.
    ContinueRollback,
    /// An update failed and was left as it was, because somebody switched the rollback off.
    RollBack,
    /// A deletion failed.
    DeleteAgain,
    /// A state of which this program knows nothing.
    Unknown,
}

impl Remedy {
    /// What to do, for a person.
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
    /// From a stack's status; `None` is no stack. The states are those of the API reference's page "Stack".
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
        for (statuses, standing) in [
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
                assert_eq!(of(status), standing, "{status}");
            }
        }
    }

    #[test]
    fn a_rollback_that_ends_well_is_no_success() {
        let success = |status: &str| StackStatus::new(status).is_success();
        assert!(success("CREATE_COMPLETE") && success("UPDATE_COMPLETE") && success("DELETE_COMPLETE"));
        assert!(!success("ROLLBACK_COMPLETE") && !success("UPDATE_ROLLBACK_COMPLETE") && !success("CREATE_FAILED"));
        assert!(!success("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"));
    }
}
