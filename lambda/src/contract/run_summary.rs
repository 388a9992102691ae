//! A run in numbers: for its report, for its digest, and for the administering account of an organization.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A run in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunSummary {
    /// The number of users: those that were handled, and those that were skipped because nothing is due.
    pub users: usize,
    /// The number of users that are selected but exempt. `users` does not count them. It is missing if there are none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub exempt: usize,
    /// The number of new keys that were delivered.
    pub rotated: usize,
    /// The number of superseded or unused keys that were deactivated.
    pub deactivated: usize,
    /// The number of inactive keys that were deleted.
    pub deleted: usize,
    /// The number of users with a failed call.
    pub failed: usize,
    /// The number of users that need a decision by a person.
    pub needs_attention: usize,
    /// The number of users with an overdue key.
    pub overdue: usize,
    /// The number of notices that could not be sent.
    pub unsent: usize,
    /// The number of addresses and endpoints that have not confirmed their subscriptions. It is missing if the run did not
    /// count them: it was not over all users, or it could not read the list of subscriptions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unconfirmed: Option<usize>,
}

// serde passes a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(n: &usize) -> bool {
    *n == 0
}
