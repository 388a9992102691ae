//! The setting `role_path`: the path of the stack's roles.

use std::str::FromStr;

use lambda::{contract::selector::UserPath, model::parse_error::ParseError};

use crate::config::setting_type::{ValueRule, Word};

/// The path of every role of the stack. It begins and ends with a slash; `/` is IAM's default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolePath(UserPath);

impl RolePath {
    /// The path. `None` if it is IAM's default.
    #[must_use]
    pub fn given(&self) -> Option<&str> {
        Some(self.0.as_str()).filter(|path| *path != "/")
    }
}

impl FromStr for RolePath {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        // Paths of roles consist of the same characters as those of users.
        text.parse().map(Self).map_err(|_: ParseError| ParseError {
            value: text.to_owned(),
            what: "a path of roles",
            allowed: "a path that begins and ends with a slash, such as /service/rotation/; or / for none. Between the slashes: \
                      letters, digits or + = , . @ _ -; at most 512 characters in all",
        })
    }
}

impl Word for RolePath {
    fn rule() -> ValueRule {
        ValueRule::pattern("(?!.{513})/(?:[A-Za-z0-9+=,.@_-]+/)*")
    }

    fn guesses(text: &str) -> Vec<String> {
        let path = text.trim().trim_matches('/');
        vec![if path.is_empty() { "/".to_owned() } else { format!("/{path}/") }]
    }
}
