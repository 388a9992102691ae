//! Why the settings of one user cannot be applied.

use super::time::Span;

/// Why what holds for a user cannot be told.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
pub enum UserConfigError {
    /// A tag is not what such a tag is.
    #[error("the tag {tag} is {value:?}, and must be {allowed}")]
    Tag {
        /// Its key.
        tag: &'static str,
        /// Its value.
        value: String,
        /// What it may be.
        allowed: &'static str,
    },
    /// A tag names an address that no subscription is for: it would hear nothing.
    #[error("the tag key-rotation:owner names {0}, which is in rotation.yaml neither as an owner nor in emails")]
    Stranger(String),
    /// Two keys a user cannot live like that.
    #[error("rotate_after is {rotate_after}, and the old key may be there for {life} (overlap, delete_after)")]
    TooShort {
        /// The age at which a key is replaced.
        rotate_after: Span,
        /// How long its predecessor is there.
        life: Span,
    },
    /// The user's path holds what this handler does not write into a policy.
    #[error("its path is {0:?}, and this handler takes paths of letters, digits and + = , . @ _ - alone")]
    Path(String),
}
