//! The resource policy of a user's secret: who may read it. Pure.
//!
//! It allows two actions to the principals that it names, and denies nothing. A `Deny` for all others would also apply
//! to the account's administrators, and lock out the one who must repair the policy. Principals with a permission of
//! their own are IAM's matter.
//!
//! The new policy replaces the old one. So each rotation undoes what other people changed. It also names a user again
//! that was deleted and created again, because to IAM that is another principal.

use std::{fmt, str::FromStr};

use serde_json::{Value as Json, json};

use crate::model::{parse_error::ParseError, principal::PrincipalArn};

/// The principals that may read the secret of every user, in addition to that user.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Readers(pub Vec<PrincipalArn>);

const NO_READERS: &str = "none";

impl fmt::Display for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [] => f.write_str(NO_READERS),
            arns => f.write_str(&arns.iter().map(PrincipalArn::as_str).collect::<Vec<_>>().join(" ")),
        }
    }
}

impl FromStr for Readers {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text == NO_READERS {
            return Ok(Self::default());
        }
        let arns = text.split_ascii_whitespace().map(str::parse).collect::<Result<Vec<_>, _>>()?;
        if arns.is_empty() {
            return Err(ParseError::new(text, "a list of readers", "ARNs of IAM roles and users, or none"));
        }
        Ok(Self(arns))
    }
}

/// The policy document for the secret of `user`, as JSON.
#[must_use]
pub fn document(user: &PrincipalArn, readers: &Readers) -> String {
    let mut statements = vec![may_read("TheUser", &user.as_str().into())];
    if !readers.0.is_empty() {
        statements.push(may_read("Readers", &readers.0.iter().map(PrincipalArn::as_str).collect()));
    }
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

/// One statement of the policy. The resource `*` is the secret to which the policy is attached (Secrets Manager User
/// Guide, "Resource-based policies").
fn may_read(sid: &str, principals: &Json) -> Json {
    json!({
        "Sid": sid,
        "Effect": "Allow",
        "Principal": { "AWS": principals },
        "Action": ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"],
        "Resource": "*",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pretty(user: &str, readers: &str) -> String {
        let document = document(&user.parse().unwrap(), &readers.parse().unwrap());
        let json: Json = serde_json::from_str(&document).unwrap();
        serde_json::to_string_pretty(&json).unwrap() + "\n"
    }

    #[test]
    fn only_the_user_and_the_configured_readers_may_read() {
        let readers = "arn:aws:iam::111122223333:role/ops/reader arn:aws:iam::444455556666:user/auditor";
        let alone = pretty("arn:aws:iam::111122223333:user/ci/deployer", "none");
        let with_readers = pretty("arn:aws:iam::111122223333:user/alice", readers);
        assert_eq!(alone, include_str!("golden/secret-policy.json"));
        assert_eq!(with_readers, include_str!("golden/secret-policy-with-readers.json"));
    }

    #[test]
    fn readers_are_written_as_they_are_read() {
        for text in [
            "none",
            "arn:aws:iam::111122223333:role/a",
            "arn:aws:iam::111122223333:role/a arn:aws:iam::111122223333:user/b",
        ] {
            assert_eq!(text.parse::<Readers>().unwrap().to_string(), text);
        }
        for bad in ["", " ", "nobody", "arn:aws:iam::111122223333:role/a *"] {
            assert!(bad.parse::<Readers>().is_err(), "{bad:?}");
        }
    }
}
