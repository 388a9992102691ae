//! The ids in the setting `organization`: an organization, its units, its accounts, and a Region.

use std::{fmt, str::FromStr};

use lambda::model::{account_id::AccountId, parse_error::ParseError};

use crate::config::setting_type::{SameAs, ValueRule, Word};

/// Declares a checked text.
macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $what:literal, $allowed:literal, $pattern:literal, $fits:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// The checked text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = ParseError;

            fn from_str(text: &str) -> Result<Self, ParseError> {
                let fits: fn(&str) -> bool = $fits;
                let invalid = || ParseError { value: text.to_owned(), what: $what, allowed: $allowed };
                fits(text).then(|| Self(text.to_owned())).ok_or_else(invalid)
            }
        }

        impl Word for $name {
            fn rule() -> ValueRule {
                ValueRule::pattern($pattern)
            }

            fn guesses(text: &str) -> Vec<String> {
                vec![text.trim().rsplit('/').next().unwrap_or_default().to_lowercase()]
            }
        }
    };
}

/// Whether a text has so many lowercase letters and digits.
fn has_letters(text: &str, least: usize) -> bool {
    (least..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

text! {
    /// The id of an organization: `o-` and 10 to 32 lowercase letters or digits (Organizations API, "Organization").
    OrganizationId, "the id of an organization", "o- and 10 to 32 lowercase letters or digits, such as o-abcdefghij",
    "o-[a-z0-9]{10,32}",
    |text| text.strip_prefix("o-").is_some_and(|rest| has_letters(rest, 10))
}

text! {
    /// The id of an organizational unit or of the root (Organizations API, "OrganizationalUnit", "Root").
    UnitId, "the id of an organizational unit or of a root",
    "ou-ROOT-UNIT, such as ou-abcd-11112222, or the root's id, such as r-abcd",
    "(?:ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}|r-[a-z0-9]{4,32})",
    |text| match (text.strip_prefix("ou-").and_then(|rest| rest.split_once('-')), text.strip_prefix("r-")) {
        (Some((root, unit)), _) => has_letters(root, 4) && has_letters(unit, 8),
        (None, Some(root)) => has_letters(root, 4),
        (None, None) => false,
    }
}

impl UnitId {
    /// Whether it is the root, which has all accounts of the organization.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.starts_with("r-")
    }
}

text! {
    /// The code of a Region. Whether the Region exists is not checked.
    Region, "an AWS Region", "the code of a Region, such as eu-west-1", "[a-z]{2,12}(?:-[a-z]{2,12}){1,3}-[0-9]{1,2}",
    |text| {
        let mut words: Vec<&str> = text.split('-').collect();
        let number = words.pop().unwrap_or_default();
        let is_word = |word: &&str| (2..=12).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_lowercase());
        (1..=2).contains(&number.len())
            && number.bytes().all(|b| b.is_ascii_digit())
            && (2..=4).contains(&words.len())
            && words.iter().all(is_word)
    }
}

impl SameAs for UnitId {
    fn same_as(&self, other: &Self) -> bool {
        self == other
    }
}

impl SameAs for AccountId {
    fn same_as(&self, other: &Self) -> bool {
        self == other
    }
}

impl Word for AccountId {
    fn rule() -> ValueRule {
        ValueRule::pattern("[0-9]{12}")
    }

    fn guesses(text: &str) -> Vec<String> {
        vec![text.chars().filter(char::is_ascii_digit).collect()]
    }
}
