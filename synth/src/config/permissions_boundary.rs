//! The setting `permissions_boundary`: the managed policy that limits the roles of the stack, if there is one.

use std::str::FromStr;

use lambda::model::{arn::ArnParts, parse_error::ParseError, user::User};

use crate::config::{
    principal::PARTITION,
    setting_type::{ValueRule, Word},
};

/// The permissions boundary of every role of the stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PermissionsBoundary {
    /// The roles have none.
    None,
    /// The managed policy with this ARN.
    Policy(String),
}

impl PermissionsBoundary {
    /// The part of the ARN that names the policy in its account, if the policy is not of AWS: `policy/NAME`.
    #[must_use]
    pub fn customer_resource(&self) -> Option<&str> {
        let arn = ArnParts::of(self.arn()?)?;
        Some(arn.resource).filter(|_| !arn.account.is_empty())
    }

    /// The ARN of the policy, if there is one.
    #[must_use]
    pub fn arn(&self) -> Option<&str> {
        match self {
            Self::None => None,
            Self::Policy(arn) => Some(arn),
        }
    }
}

const NONE: &str = "none";

/// The account in the ARN of a policy that AWS manages.
const AWS: &str = "aws";

impl FromStr for PermissionsBoundary {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text == NONE {
            return Ok(Self::None);
        }
        // A policy has the characters of a user in its name and its path, but its name may be longer.
        let is_policy = |resource: &str| {
            resource.strip_prefix("policy").and_then(|named| named.rsplit_once('/')).is_some_and(|(path, name)| {
                let letters = |b: u8| b.is_ascii_alphanumeric() || b"+=,.@_-".contains(&b);
                (1..=128).contains(&name.len())
                    && name.bytes().all(letters)
                    && format!("{path}/x").parse::<User>().is_ok()
            })
        };
        let of_aws = text.replacen(&format!(":iam::{AWS}:"), ":iam::000000000000:", 1);
        let fits = ArnParts::of(&of_aws).is_some_and(|arn| {
            (arn.service, arn.region) == ("iam", "") && !arn.account.is_empty() && is_policy(arn.resource)
        });
        if fits {
            return Ok(Self::Policy(text.to_owned()));
        }
        Err(ParseError {
            value: text.to_owned(),
            what: "a permissions boundary",
            allowed: "none, or the ARN of a managed policy, with its path if it has one: arn:aws:iam::ACCOUNT:policy/NAME",
        })
    }
}

impl Word for PermissionsBoundary {
    const ALIASES: &[(&str, &str)] = &[("no", NONE), ("false", NONE), ("off", NONE)];

    fn rule() -> ValueRule {
        let character = "[A-Za-z0-9+=,.@_-]";
        // A path has at most 512 characters, slashes included.
        let path = format!("(?:(?!.{{511,}}/)(?:{character}+/)+)?");
        let arn = format!("arn:{PARTITION}:iam::(?:[0-9]{{12}}|{AWS}):policy/{path}{character}{{1,128}}");
        ValueRule { words: vec![NONE], ..ValueRule::pattern(&arn) }
    }

    fn guesses(text: &str) -> Vec<String> {
        vec![text.trim().to_owned()]
    }
}
