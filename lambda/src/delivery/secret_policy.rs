//! Who may read a user's secret: the resource policy that is attached to it. Pure.
//!
//! It allows two actions to those it names, and denies nothing. A `Deny` for everybody else would bind the account's
//! administrators too, and lock out whoever has to repair the policy; who reads by a permission of their own is IAM's
//! to say, not this handler's. What is written replaces what was there, so each rotation puts right what somebody changed,
//! and names anew a user that was deleted and made again (to IAM that is somebody else).

use std::{fmt, str::FromStr};

use serde_json::{Value as Json, json};

use crate::model::{parse_error::ParseError, principal::PrincipalArn};

/// Who may read every user's secret, besides its user.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Readers(pub Vec<PrincipalArn>);

const NOBODY: &str = "none";

impl fmt::Display for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [] => f.write_str(NOBODY),
            arns => f.write_str(&arns.iter().map(PrincipalArn::as_str).collect::<Vec<_>>().join(" ")),
        }
    }
}

impl FromStr for Readers {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text == NOBODY {
            return Ok(Self::default());
        }
        let arns = text.split_ascii_whitespace().map(str::parse).collect::<Result<Vec<_>, _>>()?;
        if arns.is_empty() {
            return Err(ParseError::new(text, "a list of readers", "ARNs of IAM roles and users, or none"));
        }
        Ok(Self(arns))
    }
}

/// The policy of the secret of `user`.
#[must_use]
pub fn document(user: &PrincipalArn, readers: &Readers) -> String {
    let mut statements = vec![may_read("TheUser", &user.as_str().into())];
    if !readers.0.is_empty() {
        statements.push(may_read("Readers", &readers.0.iter().map(PrincipalArn::as_str).collect()));
    }
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

/// `*` is the secret that the policy is attached to (Secrets Manager User Guide, "Resource-based policies").
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
    fn the_user_and_the_configured_readers_may_read_and_nobody_else() {
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
