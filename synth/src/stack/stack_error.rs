//! What a configuration asks for and AWS does not give.

use crate::{
    cfn::template::TemplateError,
    limits::{ENVIRONMENT, INLINE_POLICIES},
};

/// Why a configuration, right in itself, makes no stack.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StackError {
    /// The template would contradict itself.
    #[error(transparent)]
    Inconsistent(#[from] TemplateError),
    /// The stack would take another's place.
    #[error("this is the name of the stack that holds the packages; give the rotation another")]
    NameTaken,
    /// The function's role needs to name too much.
    #[error(
        "{users} users are too many: the function's role would need a policy of {characters} characters, and IAM \
         allows {INLINE_POLICIES}; put them under a path (/ci/) or tag them (tag:KEY=VALUE), which is one entry however many \
         they are, or give some of them a stack of their own (another configuration with its own stack_name)"
    )]
    Policy {
        /// How many users are to be named.
        users: usize,
        /// How long the policy would be.
        characters: usize,
    },
    /// The function's environment needs to hold too much.
    #[error(
        "{setting} is too long: the function's environment would need {bytes} bytes, and Lambda allows {ENVIRONMENT}; \
         name fewer, or give some users a stack of their own (another configuration with its own stack_name)"
    )]
    Environment {
        /// The setting that takes the most room.
        setting: &'static str,
        /// How large the environment would be.
        bytes: usize,
    },
}

impl StackError {
    /// The setting that is to blame.
    #[must_use]
    pub const fn setting(&self) -> &'static str {
        match self {
            // Subscriptions are the only resources whose names come from the configuration.
            Self::Inconsistent(_) => "emails",
            Self::NameTaken => "stack_name",
            Self::Policy { .. } => "users",
            Self::Environment { setting, .. } => setting,
        }
    }
}
