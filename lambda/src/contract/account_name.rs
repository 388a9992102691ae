//! The name of the account, as people know it.

use std::{fmt, str::FromStr};

use crate::model::parse_error::ParseError;

/// The name of the account beside its id: an IAM account alias, or no name. IAM does not check it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum AccountName {
    /// Only the id names the account.
    #[default]
    None,
    /// A name in the form of an account alias: 3 to 63 lower-case letters, digits and hyphens.
    Name(String),
}

const NONE: &str = "none";

impl AccountName {
    /// The name, if there is one.
    #[must_use]
    pub fn given(&self) -> Option<&str> {
        match self {
            Self::None => None,
            Self::Name(name) => Some(name),
        }
    }

    /// The account with this id for people: `123456789012 (payments-prod)`, or only the id.
    #[must_use]
    pub fn with_id(&self, id: &str) -> String {
        self.given().map_or_else(|| id.to_owned(), |name| format!("{id} ({name})"))
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.given().unwrap_or(NONE))
    }
}

impl FromStr for AccountName {
    type Err = ParseError;

    /// The form is that of an alias (IAM API Reference, "CreateAccountAlias": Request Parameters).
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let is_part =
            |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if text == NONE {
            Ok(Self::None)
        } else if (3..=63).contains(&text.len()) && text.split('-').all(is_part) {
            Ok(Self::Name(text.to_owned()))
        } else {
            Err(ParseError::new(
                text,
                "the name of an account",
                "3 to 63 lower-case letters, digits or single hyphens, with no hyphen at either end; or none",
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_the_form_of_an_account_alias() {
        let longest = "a".repeat(63);
        for name in ["payments-prod", "p-1", "123", &longest] {
            let read: AccountName = name.parse().unwrap();
            assert_eq!((read.given(), read.to_string().as_str()), (Some(name), name));
        }
        for wrong in ["", "ab", "Payments", "a--b", "-ab", "ab-", "a b", "a_b", "ä-b", &"a".repeat(64)] {
            assert!(wrong.parse::<AccountName>().is_err(), "{wrong}");
        }
        assert_eq!("none".parse(), Ok(AccountName::None));
    }

    #[test]
    fn people_see_the_id_and_the_name() {
        let name: AccountName = "payments-prod".parse().unwrap();
        assert_eq!(name.with_id("123456789012"), "123456789012 (payments-prod)");
        assert_eq!(AccountName::None.with_id("123456789012"), "123456789012");
    }
}
