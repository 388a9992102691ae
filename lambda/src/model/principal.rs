//! The principals that a policy may name: IAM users and roles, by their ARNs.

use std::str::FromStr;

use crate::model::{
    arn::ArnParts,
    parse_error::{ParseError, text_newtype},
    user::User,
};

/// The ARN of an IAM user or role, with its path: `arn:aws:iam::111122223333:role/ops/reader`.
///
/// A whole account is refused, because its own policies would decide who in it gets access. So is a session of a role,
/// and so is a wildcard.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PrincipalArn(String);

text_newtype!(PrincipalArn);

impl PrincipalArn {
    /// The ARN of a user in this partition and account.
    #[must_use]
    pub fn of_user(partition: &str, account: &str, user: &User) -> Self {
        Self(format!("arn:{partition}:iam::{account}:user{}", user.resource()))
    }

    /// The id of the account that the principal is in: 12 digits.
    #[must_use]
    pub fn account(&self) -> &str {
        ArnParts::of(&self.0).map_or("", |arn| arn.account)
    }
}

impl FromStr for PrincipalArn {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        // Names and paths of roles consist of the same characters as those of users.
        let is_user_or_role = |resource: &str| {
            let path = ["user", "role"].iter().find_map(|kind| resource.strip_prefix(kind));
            path.is_some_and(|path| path.starts_with('/') && path.parse::<User>().is_ok())
        };
        let fits = ArnParts::of(text).is_some_and(|arn| {
            (arn.service, arn.region) == ("iam", "") && !arn.account.is_empty() && is_user_or_role(arn.resource)
        });
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseError::new(
                text,
                "the ARN of an IAM role or user",
                "arn:aws:iam::ACCOUNT:role/NAME or arn:aws:iam::ACCOUNT:user/NAME, with the path if there is one",
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_principal_is_a_role_or_a_user_and_nothing_wider() {
        for good in [
            "arn:aws:iam::111122223333:role/reader",
            "arn:aws-us-gov:iam::111122223333:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Ops_0a1b",
            "arn:aws-cn:iam::111122223333:user/ci/deployer",
        ] {
            assert_eq!(good.parse::<PrincipalArn>().unwrap().account(), "111122223333", "{good}");
        }
        for bad in [
            "",
            "*",
            "111122223333",
            "arn:aws:iam::111122223333:root",
            "arn:aws:iam::111122223333:role/*",
            "arn:aws:iam::111122223333:role/",
            "arn:aws:iam::111122223333:role//reader",
            "arn:aws:iam::111122223333:group/readers",
            "arn:aws:iam::111122223333:user/${aws:username}",
            "arn:aws:iam::11112222333:role/reader",
            "arn:aws:iam:eu-west-1:111122223333:role/reader",
            "arn:aws:sts::111122223333:assumed-role/reader/session",
            "arn:AWS:iam::111122223333:role/reader",
            "arn:aws:iam::111122223333:role/reader arn:aws:iam::111122223333:role/other",
        ] {
            assert!(bad.parse::<PrincipalArn>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_users_arn_has_its_path() {
        let arn = |user: &str| PrincipalArn::of_user("aws", "111122223333", &user.parse().unwrap());
        assert_eq!(arn("alice").as_str(), "arn:aws:iam::111122223333:user/alice");
        assert_eq!(arn("/ci/deployer").as_str().parse(), Ok(arn("/ci/deployer")));
    }
}
