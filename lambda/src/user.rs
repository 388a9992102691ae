//! The name of an IAM user.

use std::str::FromStr;

use crate::text::{Invalid, text_newtype};

/// The name of an IAM user: 1 to 64 of the characters `A-Z a-z 0-9 + = , . @ _ -`
/// (IAM User Guide, "IAM and AWS STS quotas": names).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserName(String);

text_newtype!(UserName);

impl FromStr for UserName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+=,.@_-".contains(&b));
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid::new(
                text,
                "an IAM user name",
                "1 to 64 characters, each a letter, a digit or one of + = , . @ _ -",
            ))
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
}
