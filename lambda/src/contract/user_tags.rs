//! Whether tags on a user can override settings.

use crate::model::parse_error::words;

/// Whether tags on a user are believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UserTags {
    /// They say nothing.
    Ignored,
    /// They say what holds for their user: see [`crate::contract::user_entry`].
    Honoured,
}

words!(UserTags, "a rule for tags on users", "ignored or honoured", {
    "ignored" => Self::Ignored,
    "honoured" => Self::Honoured,
});
