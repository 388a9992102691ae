//! The language of the notices.

use crate::model::parse_error::words;

/// The languages that notices are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    /// The notices are in English; written as `en`.
    English,
    /// The notices are in Japanese; written as `ja`.
    Japanese,
}

words!(Language, "a language", "en or ja", {
    "en" => Self::English,
    "ja" => Self::Japanese,
});
