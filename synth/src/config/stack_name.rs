//! The name of the stack.

use std::str::FromStr;

use lambda::model::parse_error::ParseError;

use crate::config::setting_type::{ValueRule, Word};

/// The name of a stack. Its function and its schedule have the same name, so it must be allowed for all three: a letter, then
/// letters, digits and hyphens, at most 64 in all. It does not end as the names of artifact stacks and of members' stacks do, so
/// that no stack replaces one that belongs to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackName(String);

/// The end of the name of an artifact stack, after the name of the stack that it belongs to.
pub const ARTIFACTS: &str = "-artifacts";

/// The end of the names in a member's stack, after the name of the stack that administers it.
pub const MEMBER: &str = "-member";

impl StackName {
    /// The name as a text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for StackName {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let fits = (1..=64).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !text.ends_with(ARTIFACTS)
            && !text.ends_with(MEMBER);
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseError {
                value: text.to_owned(),
                what: "a stack name",
                allowed: "a letter, then letters, digits and hyphens, at most 64 in all; not ending in -artifacts or -member",
            })
        }
    }
}

impl Word for StackName {
    fn rule() -> ValueRule {
        ValueRule::pattern(&format!("(?!.*(?:{ARTIFACTS}|{MEMBER})$)[A-Za-z][A-Za-z0-9-]{{0,63}}"))
    }

    fn guesses(text: &str) -> Vec<String> {
        vec![text.replace([' ', '_', '.'], "-")]
    }
}
