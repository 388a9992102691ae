//! Why a valid configuration cannot become a stack: it asks for more than AWS allows.

use crate::{
    cfn::template::TemplateError,
    limits::{ENVIRONMENT, EVENT_PATTERN, INLINE_POLICIES},
};

/// Why a configuration that the reader accepts cannot become a stack.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StackError {
    /// The template would contradict itself.
    #[error(transparent)]
    Inconsistent(#[from] TemplateError),
    /// The policy of the function's role would be too long.
    #[error(
        "{users} users are too many: the function's role would need a policy of {characters} characters, but IAM allows \
         {INLINE_POLICIES}; select them with one entry, by a path (/ci/) or a tag (tag:KEY=VALUE), or give some of them a \
         stack of their own (another configuration with its own stack_name)"
    )]
    Policy {
        /// The number of entries in `users`.
        users: usize,
        /// The length of the policy, in characters.
        characters: usize,
    },
    /// The environment of the function would be too long.
    #[error(
        "{setting} is too long: the function's environment would need {bytes} bytes, but Lambda allows {ENVIRONMENT}; \
         make the list shorter, or give some users a stack of their own (another configuration with its own stack_name)"
    )]
    Environment {
        /// The setting with the longest list.
        setting: &'static str,
        /// The length of the environment, in bytes.
        bytes: usize,
    },
    /// The pattern by which the rule of the event bus selects the members would be too long.
    #[error(
        "accounts or exclude is too long: the rule of the event bus would need a pattern of {characters} characters, but \
         EventBridge allows {EVENT_PATTERN}; name fewer accounts, and select the others by their organizational units"
    )]
    Accounts {
        /// The length of the pattern, in characters.
        characters: usize,
    },
}

impl StackError {
    /// The setting that causes the error.
    #[must_use]
    pub const fn setting(&self) -> &'static str {
        match self {
            // Only the names of subscriptions come from the configuration.
            Self::Inconsistent(_) => "emails",
            Self::Policy { .. } => "users",
            Self::Environment { setting, .. } => setting,
            Self::Accounts { .. } => "organization",
        }
    }
}
