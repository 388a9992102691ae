//! An operation of a StackSet, and what it did in each account.

use lambda::model::time::Timestamp;

/// An operation of a StackSet: it creates, updates or deletes stacks in many accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberOperation {
    /// The id of the operation.
    pub id: String,
    /// How far it is.
    pub phase: OperationPhase,
    /// When it was requested.
    pub requested: Timestamp,
}

/// How far an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationPhase {
    /// It waits for another operation.
    Queued,
    /// It is in progress.
    Running,
    /// A person stopped it, and it ends the work that it began.
    Stopping,
    /// A person stopped it.
    Stopped,
    /// It has ended. At most as many accounts failed as the StackSet tolerates.
    Succeeded,
    /// More accounts failed than the StackSet tolerates, so AWS did not begin the others.
    Failed,
}

impl OperationPhase {
    /// The phase that AWS writes as this word (CloudFormation API Reference, "StackSetOperationSummary").
    #[must_use]
    pub fn of(word: &str) -> Self {
        match word {
            "QUEUED" => Self::Queued,
            "STOPPING" => Self::Stopping,
            "STOPPED" => Self::Stopped,
            "SUCCEEDED" => Self::Succeeded,
            "FAILED" => Self::Failed,
            _ => Self::Running,
        }
    }

    /// Whether the operation has ended.
    #[must_use]
    pub const fn has_ended(self) -> bool {
        matches!(self, Self::Stopped | Self::Succeeded | Self::Failed)
    }

    /// The phase as one word, as the documents for programs write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

/// What an operation did in one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountResult {
    /// The number of the account, 12 digits.
    pub account: String,
    /// How far the operation is in the account.
    pub phase: AccountPhase,
    /// AWS's reason, if it gives one.
    pub reason: Option<String>,
}

/// How far an operation is in one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountPhase {
    /// It has not begun.
    Pending,
    /// It is in progress.
    Running,
    /// It succeeded.
    Succeeded,
    /// It failed.
    Failed,
    /// It was not begun, because the operation ended before.
    Cancelled,
}

impl AccountPhase {
    /// The phase that AWS writes as this word (CloudFormation API Reference, "StackSetOperationResultSummary").
    #[must_use]
    pub fn of(word: &str) -> Self {
        match word {
            "RUNNING" => Self::Running,
            "SUCCEEDED" => Self::Succeeded,
            "FAILED" => Self::Failed,
            "CANCELLED" => Self::Cancelled,
            _ => Self::Pending,
        }
    }

    /// Whether the operation has ended in the account.
    #[must_use]
    pub const fn has_ended(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }

    /// The phase as one word, as the documents for programs write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_word_of_aws_is_not_taken_for_an_end() {
        assert!(!OperationPhase::of("A_NEW_WORD").has_ended() && !AccountPhase::of("A_NEW_WORD").has_ended());
        for (word, ended) in
            [("QUEUED", false), ("RUNNING", false), ("STOPPING", false), ("STOPPED", true), ("FAILED", true)]
        {
            let phase = OperationPhase::of(word);
            assert_eq!((phase.has_ended(), phase.as_str().to_ascii_uppercase().as_str()), (ended, word));
        }
        for (word, ended) in
            [("PENDING", false), ("RUNNING", false), ("SUCCEEDED", true), ("FAILED", true), ("CANCELLED", true)]
        {
            let phase = AccountPhase::of(word);
            assert_eq!((phase.has_ended(), phase.as_str().to_ascii_uppercase().as_str()), (ended, word));
        }
    }
}
