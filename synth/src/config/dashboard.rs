//! The setting `dashboard`: which dashboard the stack has, if any.

use std::str::FromStr;

use lambda::model::parse_error::ParseError;

use crate::config::setting_type::{ValueRule, Word};

/// Which dashboard the stack has. It is a word and not a truth value, so that other dashboards can follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dashboard {
    /// No dashboard.
    None,
    /// A dashboard with the ages of all keys and the results of the runs.
    Fleet,
}

const WORDS: [(&str, Dashboard); 2] = [("none", Dashboard::None), ("fleet", Dashboard::Fleet)];

impl FromStr for Dashboard {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let known = WORDS.iter().find(|(word, _)| *word == text);
        known.map(|(_, dashboard)| *dashboard).ok_or_else(|| ParseError {
            value: text.to_owned(),
            what: "a dashboard",
            allowed: "none or fleet",
        })
    }
}

impl Word for Dashboard {
    const ALIASES: &[(&str, &str)] =
        &[("off", "none"), ("no", "none"), ("false", "none"), ("on", "fleet"), ("yes", "fleet"), ("true", "fleet")];

    fn rule() -> ValueRule {
        ValueRule::words(WORDS.iter().map(|(word, _)| *word))
    }
}
