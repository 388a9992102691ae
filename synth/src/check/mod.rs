//! Checks a template before it is deployed: how its resources are connected, and AWS's limits. Pure: no files, no AWS.

pub mod wiring;

/// A fault in a template that would cause a failure during the deployment, or later in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The place of the fault, as a path in the template.
    pub at: String,
    /// The sentence that says what is wrong.
    pub problem: String,
    /// The advice that says what to do about it.
    pub fix: String,
}
