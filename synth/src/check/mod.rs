//! What must be true of a template that is to be deployed: its wiring, and AWS's limits. Pure: no files, no AWS.

pub mod wiring;

/// Something that would fail when the stack is deployed, or later when it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where, as a path into the template.
    pub at: String,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub fix: String,
}
