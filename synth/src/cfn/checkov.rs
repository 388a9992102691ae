//! Answers to findings of checkov, a linter for templates. It reads them in the metadata of a resource, and then reports
//! the finding as skipped, with the answer.

use super::value::{Property, Value, map};

/// The answer to one finding about each resource of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckovAnswer {
    /// The id of the check, such as `CKV_AWS_116`.
    pub check: &'static str,
    /// The type of the resources.
    pub kind: &'static str,
    /// The property that meets the check. A resource with it needs no answer.
    pub met_by: Option<&'static str>,
    /// Why the check does not apply, in whole sentences.
    pub reason: &'static str,
}

/// The metadata of a resource of this type with these properties. `None` if no answer is about it.
pub(super) fn metadata(answers: &[CheckovAnswer], kind: &str, properties: Option<&Value>) -> Option<Value> {
    let is_set = |property: &str| match properties {
        Some(Value::Map(entries)) => entries.iter().any(|(name, _)| name == property),
        _ => false,
    };
    let is_open = |answer: &&CheckovAnswer| answer.kind == kind && !answer.met_by.is_some_and(is_set);
    let skip = |answer: &CheckovAnswer| map([("id", answer.check.value()), ("comment", answer.reason.value())]);
    let skips: Vec<Value> = answers.iter().filter(is_open).map(skip).collect();
    (!skips.is_empty()).then(|| map([("checkov", Some(map([("skip", Some(Value::List(skips)))])))]))
}
