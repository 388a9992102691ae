//! An IAM user: its name and its path in the account.

use std::{fmt, str::FromStr};

use crate::model::parse_error::{ParseError, text_newtype};

/// The name of an IAM user: 1 to 64 of the characters `A-Z a-z 0-9 + = , . @ _ -`
/// (IAM User Guide, "IAM and AWS STS quotas": names).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserName(String);

text_newtype!(UserName);

impl UserName {
    /// Whether both name the same user: IAM compares names without regard to case.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl FromStr for UserName {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+=,.@_-".contains(&b));
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseError::new(
                text,
                "an IAM user name",
                "1 to 64 characters, each a letter, a digit or one of + = , . @ _ -",
            ))
        }
    }
}

/// A user: its name, and its path if that is not `/`. Written as `alice` or `/ci/deployer`.
///
/// The path is part of the user's ARN, so the role's permission and the secret's policy contain it. Every call takes
/// only the name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct User {
    /// The path; it begins and ends with a slash.
    path: String,
    /// The name, unique in the account without regard to case.
    pub name: UserName,
}

impl User {
    /// The path and the name as they follow `user` in the user's ARN: `/alice`, `/ci/deployer`.
    #[must_use]
    pub fn resource(&self) -> String {
        format!("{}{}", self.path, self.name)
    }

    /// The path in the account; it begins and ends with a slash.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether both name the same user, with the path or without. IAM has each name once in an account.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.name.is_same_as(&other.name)
    }
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.path == "/" { "" } else { &self.path })?;
        self.name.fmt(f)
    }
}

impl FromStr for User {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let invalid = |e: ParseError| ParseError {
            value: text.to_owned(),
            allowed: "1 to 64 characters, each a letter, a digit or one of + = , . @ _ -; \
                      in front of it the path of the user, if it has one: /ci/deployer",
            ..e
        };
        let (path, name) = text.rfind('/').map_or(("/", text), |slash| text.split_at(slash + 1));
        let name = name.parse().map_err(invalid)?;
        // IAM allows more characters in a path. A `*` or a `$` would have a special meaning in a policy.
        let segment =
            |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric() || b"+=,.@_-".contains(&b));
        let fits = path == "/"
            || path.len() <= 512 && path.starts_with('/') && path[1..path.len() - 1].split('/').all(segment);
        if fits {
            Ok(Self { path: path.to_owned(), name })
        } else {
            Err(invalid(ParseError { value: String::new(), what: "an IAM user", allowed: "" }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_iam_accepts_is_accepted_and_nothing_else() {
        let longest = "x".repeat(64);
        for good in ["a", "ci-bot", "first.last+tag=1,2@corp_x", longest.as_str()] {
            assert_eq!(good.parse::<UserName>().unwrap().as_str(), good);
        }
        let too_long = "x".repeat(65);
        for bad in ["", " ", "a b", "a/b", "a*", "a\n", "ユーザー", "${x}", too_long.as_str()] {
            assert!(bad.parse::<UserName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_user_is_a_name_with_or_without_its_path() {
        for (text, resource, shown) in
            [("alice", "/alice", "alice"), ("/alice", "/alice", "alice"), ("/ci/eu/bot", "/ci/eu/bot", "/ci/eu/bot")]
        {
            let user = text.parse::<User>().unwrap();
            assert_eq!((user.resource().as_str(), user.to_string().as_str()), (resource, shown));
        }
        for bad in ["", "/", "a b", "ci/bot", "//bot", "/ci//bot", "/ci/", "/*/bot", "/${x}/bot", "*"] {
            assert!(bad.parse::<User>().is_err(), "{bad:?}");
        }
    }
}
