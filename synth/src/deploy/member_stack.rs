//! The stack of a member account, as its StackSet shows it (an "instance" of the StackSet).

use serde_json::{Value as Json, json};

use crate::deploy::{root_cause::RootCause, stack_status::StackStatus};

/// The stack of an account, in one Region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberStack {
    /// The number of the account, 12 digits.
    pub account: String,
    /// The code of the Region, such as `eu-central-1`.
    pub region: String,
    /// The organizational unit that the account was found in, if AWS shows it.
    pub unit: Option<String>,
    /// The state of the stack.
    pub state: MemberState,
    /// AWS's reason for the state, if it gives one.
    pub reason: Option<String>,
}

/// The state of a member's stack: whether it has the template of the StackSet, or why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MemberState {
    /// A deletion failed. StackSets does not update the stack until a person removed it from the StackSet.
    Inoperable,
    /// The last operation failed in this account.
    Failed,
    /// The last operation ended before it reached this account.
    Cancelled,
    /// The stack does not have the template of the StackSet.
    Outdated,
    /// An operation will change the stack.
    Pending,
    /// An operation changes the stack now.
    Running,
    /// The account is suspended, so StackSets skips it.
    Suspended,
    /// The stack has the template of the StackSet.
    Current,
}

impl MemberState {
    /// Every state, the worst first.
    pub const ALL: [Self; 8] = [
        Self::Inoperable,
        Self::Failed,
        Self::Cancelled,
        Self::Outdated,
        Self::Pending,
        Self::Running,
        Self::Suspended,
        Self::Current,
    ];

    /// The state that AWS writes as a status and, in newer words, as a detailed status (CloudFormation API Reference,
    /// "StackInstanceSummary" and "StackInstanceComprehensiveStatus").
    #[must_use]
    pub fn of(status: &str, detailed: &str) -> Self {
        match (status, detailed) {
            ("INOPERABLE", _) | (_, "INOPERABLE") => Self::Inoperable,
            (_, "SKIPPED_SUSPENDED_ACCOUNT") => Self::Suspended,
            (_, "PENDING") => Self::Pending,
            (_, "RUNNING") => Self::Running,
            (_, "FAILED" | "FAILED_IMPORT") => Self::Failed,
            (_, "CANCELLED") => Self::Cancelled,
            ("CURRENT", _) => Self::Current,
            _ => Self::Outdated,
        }
    }

    /// The state as one word, as the documents for programs write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inoperable => "inoperable",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Outdated => "outdated",
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Suspended => "suspended",
            Self::Current => "current",
        }
    }

    /// Whether the deployment has ended in this account without the template of the StackSet, and another operation would
    /// bring it.
    #[must_use]
    pub const fn needs_another_operation(self) -> bool {
        matches!(self, Self::Failed | Self::Cancelled | Self::Outdated)
    }

    /// Whether an operation works on the stack, or will.
    #[must_use]
    pub const fn is_in_progress(self) -> bool {
        matches!(self, Self::Pending | Self::Running)
    }
}

impl MemberStack {
    /// The member stack of the management account, which is in no StackSet, from its name and its status.
    #[must_use]
    pub fn of_management_account(account: &str, region: &str, name: &str, status: &StackStatus) -> Self {
        let state = match status {
            status if status.is_success() => MemberState::Current,
            status if status.is_in_progress() => MemberState::Running,
            _ => MemberState::Failed,
        };
        let reason = (state == MemberState::Failed).then(|| format!("the stack {name} is in {status}"));
        Self { account: account.to_owned(), region: region.to_owned(), unit: None, state, reason }
    }

    /// Why the last operation failed in the account.
    #[must_use]
    pub fn cause(&self) -> Option<RootCause> {
        let failed = matches!(self.state, MemberState::Failed | MemberState::Inoperable);
        self.reason.as_deref().filter(|_| failed).map(member_cause)
    }

    /// The stack as JSON for programs.
    #[must_use]
    pub fn json(&self) -> Json {
        json!({ "state": self.state.as_str(), "region": self.region, "unit": self.unit, "reason": self.reason })
    }
}

/// The labels of StackSets' reasons for a failure, in their order.
const LABELS: [&str; 3] = ["ResourceLogicalId:", "ResourceType:", "ResourceStatusReason:"];

/// The root cause in a reason of StackSets. It names the resource in its own notation: `ResourceLogicalId:Function,
/// ResourceType:AWS::Lambda::Function, ResourceStatusReason:…`.
#[must_use]
pub fn member_cause(reason: &str) -> RootCause {
    let [id, kind, why] = LABELS;
    let parts = || {
        let (_, rest) = reason.split_once(id)?;
        let (resource, rest) = rest.split_once(kind)?;
        let (kind, why) = rest.split_once(why)?;
        let name = |text: &str| text.trim().trim_end_matches([',', '.']).to_owned();
        Some(RootCause::new(name(resource), name(kind), why.trim().trim_end_matches('.').to_owned()))
    };
    let stack =
        || RootCause::new("the stack".to_owned(), "AWS::CloudFormation::Stack".to_owned(), reason.trim().to_owned());
    parts().unwrap_or_else(stack)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_detailed_status_says_more_than_the_status() {
        for (status, detailed, state) in [
            ("CURRENT", "SUCCEEDED", MemberState::Current),
            ("CURRENT", "", MemberState::Current),
            ("OUTDATED", "", MemberState::Outdated),
            ("OUTDATED", "SUCCEEDED", MemberState::Outdated),
            ("OUTDATED", "PENDING", MemberState::Pending),
            ("OUTDATED", "RUNNING", MemberState::Running),
            ("OUTDATED", "FAILED", MemberState::Failed),
            ("OUTDATED", "FAILED_IMPORT", MemberState::Failed),
            ("OUTDATED", "CANCELLED", MemberState::Cancelled),
            ("OUTDATED", "SKIPPED_SUSPENDED_ACCOUNT", MemberState::Suspended),
            ("INOPERABLE", "INOPERABLE", MemberState::Inoperable),
            ("INOPERABLE", "", MemberState::Inoperable),
            ("A_NEW_WORD", "ANOTHER", MemberState::Outdated),
        ] {
            assert_eq!(MemberState::of(status, detailed), state, "{status} {detailed}");
        }
        let mut sorted = MemberState::ALL;
        sorted.sort_unstable();
        assert_eq!(sorted, MemberState::ALL, "the worst first");
        let another = MemberState::ALL.into_iter().filter(|state| state.needs_another_operation()).count();
        let in_progress = MemberState::ALL.into_iter().filter(|state| state.is_in_progress()).count();
        assert_eq!((another, in_progress), (3, 2));
    }

    #[test]
    fn the_member_stack_of_the_management_account_has_the_state_of_its_last_deployment() {
        for (status, state) in [
            ("CREATE_COMPLETE", MemberState::Current),
            ("UPDATE_IN_PROGRESS", MemberState::Running),
            ("UPDATE_ROLLBACK_COMPLETE", MemberState::Failed),
        ] {
            let stack = MemberStack::of_management_account(
                "111122223333",
                "eu-west-1",
                "keys-member",
                &StackStatus::new(status),
            );
            assert_eq!(stack.state, state, "{status}");
            let reason = (state == MemberState::Failed).then(|| format!("the stack keys-member is in {status}"));
            assert_eq!(stack.reason, reason);
        }
    }

    #[test]
    fn the_resource_is_found_in_the_reason_of_a_stack_set() {
        let reason = "ResourceLogicalId:Function, ResourceType:AWS::Lambda::Function, ResourceStatusReason:Resource handler \
                      returned message: \"Specified ConcurrentExecutions … limit exceeded\" (HandlerErrorCode: InvalidRequest).";
        let cause = member_cause(reason);
        assert_eq!((cause.resource.as_str(), cause.kind.as_str()), ("Function", "AWS::Lambda::Function"));
        assert!(cause.reason.starts_with("Resource handler returned message") && cause.advice.is_some(), "{cause}");
        let plain = member_cause(" Account 111122223333 should have 'stacksets-exec-1' role. ");
        assert_eq!(plain.resource, "the stack");
        assert_eq!(plain.reason, "Account 111122223333 should have 'stacksets-exec-1' role.");
    }
}
