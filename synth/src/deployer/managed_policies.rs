//! The deployer's policy as documents that IAM takes: one if it fits into a role, and otherwise several managed policies.

use serde_json::{Value as Json, json};

use super::{DeployerPolicy, DeployerStatement};
use crate::limits::INLINE_POLICIES;

/// The limit on a managed policy, in characters without white space (IAM User Guide, "IAM and AWS STS quotas").
pub const MANAGED_POLICY: usize = 6_144;

impl DeployerPolicy {
    /// The policy documents, which allow the same together. There is one if it fits into a managed policy or into the inline
    /// policies of a role. Otherwise there are several managed policies, with the statements in their order.
    #[must_use]
    pub fn documents(&self) -> Vec<Json> {
        if self.characters() <= INLINE_POLICIES {
            return vec![self.json()];
        }
        let mut parts: Vec<Vec<Json>> = vec![Vec::new()];
        for statement in self.statements.iter().map(DeployerStatement::json) {
            let last = parts.len() - 1;
            parts[last].push(statement);
            if characters(&document(&parts[last])) > MANAGED_POLICY {
                let statement = parts[last].pop();
                parts.push(statement.into_iter().collect());
            }
        }
        parts.iter().map(|statements| document(statements)).collect()
    }

    /// The length of the policy as IAM counts it: characters without white space.
    #[must_use]
    pub fn characters(&self) -> usize {
        characters(&self.json())
    }

    /// A note about the length of the policy, and the kind of policy that can hold it.
    pub(super) fn note_on_length(&self) -> String {
        let characters = self.characters();
        let longer = format!("{characters} characters do not fit into a managed policy ({MANAGED_POLICY})");
        match characters {
            _ if characters <= MANAGED_POLICY => format!("{characters} characters fit into a managed policy"),
            _ if characters <= INLINE_POLICIES => {
                format!("{longer}: add it to the role as its inline policy, which holds {INLINE_POLICIES}")
            }
            _ => format!(
                "{longer} or into a role's inline policies ({INLINE_POLICIES}), so the JSON is a list of {} policies: create a \
                 managed policy of each, and attach all of them to the role",
                self.documents().len()
            ),
        }
    }
}

/// A policy document of these statements.
pub(super) fn document(statements: &[Json]) -> Json {
    json!({ "Version": "2012-10-17", "Statement": statements })
}

fn characters(document: &Json) -> usize {
    document.to_string().chars().filter(|c| !c.is_whitespace()).count()
}
