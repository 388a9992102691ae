//! Why the settings of one user cannot be applied.

use super::{time::Span, user::UserName};

/// Why the settings of one user are unclear. The handler does nothing about that user until this is corrected.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
pub enum UserConfigError {
    /// The value of a tag cannot be read.
    #[error("the tag {tag} has the value {value:?}; allowed: {allowed}")]
    Tag {
        /// The key of the tag.
        tag: &'static str,
        /// The value that was refused.
        value: String,
        /// The rule for the value, in words.
        allowed: &'static str,
    },
    /// The owner tag names an address without a subscription, so the owner would get no notice.
    #[error("the tag key-rotation:owner names {0}, which rotation.yaml has neither as an owner nor in emails")]
    Stranger(String),
    /// A key would be due while its predecessor still exists. IAM allows two keys for each user, so there is no free
    /// place.
    #[error("rotate_after is {rotate_after}, but the old key can exist for {life} (overlap, delete_after)")]
    TooShort {
        /// The age at which a key is replaced, for this user.
        rotate_after: Span,
        /// How long the predecessor exists after its successor was created.
        life: Span,
    },
    /// IAM spells the name of the user in this way, and the settings do not. IAM finds the user anyway, but the ARN in the
    /// role's policy is another one.
    #[error(
        "IAM spells the name of the user {0}, but the setting users in rotation.yaml spells it differently; ARNs in policies are \
         case-sensitive, so the role may not reach the user"
    )]
    Spelling(UserName),
    /// The user's path contains a character that this handler does not write into a policy.
    #[error("the path of the user is {0:?}; this handler supports only letters, digits and + = , . @ _ - in paths")]
    Path(String),
}
