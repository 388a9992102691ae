//! Whether tags on a user can override settings.

use crate::model::parse_error::words;

/// Whether tags on a user can override its settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UserTags {
    /// Tags have no effect on the settings.
    Ignored,
    /// Tags override the general settings of their user: see [`crate::contract::user_entry`] for the precedence.
    Honoured,
}

words!(UserTags, "a rule for tags on users", "ignored or honoured", {
    "ignored" => Self::Ignored,
    "honoured" => Self::Honoured,
});
