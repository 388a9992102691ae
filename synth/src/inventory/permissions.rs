//! The permissions that an inventory needs: it only reads.

use serde_json::{Value as Json, json};

/// The actions that an inventory needs.
pub const ACTIONS: [&str; 5] = [
    "iam:GenerateCredentialReport",
    "iam:GetAccessKeyLastUsed",
    "iam:GetAccountAuthorizationDetails",
    "iam:GetCredentialReport",
    "iam:ListAccessKeys",
];

/// The policy with exactly these permissions. Some of the actions take no resource, and the others are needed for every user
/// (Service Authorization Reference, "AWS Identity and Access Management").
#[must_use]
pub fn policy() -> Json {
    json!({
        "Version": "2012-10-17",
        "Statement": [{ "Sid": "ReadAccessKeys", "Effect": "Allow", "Action": ACTIONS, "Resource": "*" }],
    })
}
