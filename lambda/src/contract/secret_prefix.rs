//! The prefix of the names of secrets.

use std::str::FromStr;

use crate::model::{
    parse_error::{ParseError, text_newtype},
    user::UserName,
};

/// The first part of the secrets' names, before the user's name: 1 to 256 characters, no slash at either end.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SecretPrefix(String);

text_newtype!(SecretPrefix);

impl FromStr for SecretPrefix {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let fits = (1..=256).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"/_+=.@-".contains(&b))
            && !text.starts_with('/')
            && !text.ends_with('/');
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseError::new(
                text,
                "a prefix of secret names",
                "1 to 256 letters, digits or / _ + = . @ - with no slash at either end",
            ))
        }
    }
}

impl SecretPrefix {
    /// The name of a user's secret.
    ///
    /// A user name may contain a comma, a secret name may not ("CreateSecret": Name). A slash replaces the comma. User
    /// names contain no slash, so two users never share a secret.
    #[must_use]
    pub fn secret_name(&self, user: &UserName) -> String {
        format!("{}/{}", self.0, without_comma(user))
    }
}

/// The part of a secret's name that stands for the user.
pub(crate) fn without_comma(user: &UserName) -> String {
    user.as_str().replace(',', "/")
}
