//! Whether there is a dashboard.

use std::str::FromStr;

use lambda::model::parse_error::ParseError;

use crate::config::setting_type::{Rule, Word};

/// Which dashboard there is. A word and not a yes: what a dashboard shows may get company.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dashboard {
    /// There is none.
    None,
    /// The fleet's keys at a glance.
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

    fn rule() -> Rule {
        Rule::words(WORDS.iter().map(|(word, _)| *word))
    }
}
