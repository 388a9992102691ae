//! The KMS key that secrets are encrypted with.

use std::{fmt, str::FromStr};

use crate::model::{
    arn::ArnParts,
    parse_error::{ParseError, text_newtype},
};

/// The ARN of a customer managed KMS key. An alias is refused: a permission on a key must name the key (KMS Developer
/// Guide, "Using aliases to control access to KMS keys").
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KmsKeyArn(String);

text_newtype!(KmsKeyArn);

impl FromStr for KmsKeyArn {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let fits = ArnParts::of(text).is_some_and(|arn| {
            arn.service == "kms"
                && !arn.region.is_empty()
                && !arn.account.is_empty()
                && arn.resource.strip_prefix("key/").is_some_and(is_key_id)
        });
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseError::new(
                text,
                "the ARN of a KMS key",
                "the ARN of the key, not of an alias: arn:aws:kms:REGION:ACCOUNT:key/ID",
            ))
        }
    }
}

/// Whether this is a UUID, or the id of a multi-Region key (`mrk-…`).
fn is_key_id(id: &str) -> bool {
    let hex = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if let Some(rest) = id.strip_prefix("mrk-") {
        return rest.len() == 32 && hex(rest);
    }
    let groups: Vec<_> = id.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]) && groups.iter().all(|group| hex(group))
}

/// The alias of the AWS managed key for secrets, without the `alias/` prefix.
const AWS_MANAGED: &str = "aws/secretsmanager";

/// Which key encrypts the secrets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum KmsKey {
    /// The AWS managed key, `aws/secretsmanager`. Each principal of the account that may read a secret may also decrypt
    /// it.
    AwsManaged,
    /// A customer managed key: its key policy also decides who can decrypt a secret.
    Customer(KmsKeyArn),
}

impl KmsKey {
    /// The ARN of the customer managed key; `None` for the AWS managed key.
    #[must_use]
    pub const fn customer(&self) -> Option<&KmsKeyArn> {
        match self {
            Self::AwsManaged => None,
            Self::Customer(arn) => Some(arn),
        }
    }

    /// The key in the form that the AWS CLI accepts: an alias or an ARN.
    #[must_use]
    pub fn id(&self) -> String {
        match self {
            Self::AwsManaged => format!("alias/{AWS_MANAGED}"),
            Self::Customer(arn) => arn.to_string(),
        }
    }

    /// Whether `shown`, the `KmsKeyId` in an answer of DescribeSecret, is this key. AWS shows the ARN or the key id
    /// with which the secret was created, and nothing for the AWS managed key ("DescribeSecret": KmsKeyId).
    #[must_use]
    pub fn is_shown_as(&self, shown: Option<&str>) -> bool {
        match (self, shown) {
            (Self::AwsManaged, None) => true,
            (Self::AwsManaged, Some(shown)) => shown.ends_with(&self.id()),
            (Self::Customer(arn), Some(shown)) => {
                arn.as_str() == shown || arn.as_str().split_once('/').is_some_and(|(_, id)| id == shown)
            }
            (Self::Customer(_), None) => false,
        }
    }
}

impl fmt::Display for KmsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AwsManaged => f.write_str(AWS_MANAGED),
            Self::Customer(arn) => arn.fmt(f),
        }
    }
}

impl FromStr for KmsKey {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text == AWS_MANAGED {
            return Ok(Self::AwsManaged);
        }
        text.parse().map(Self::Customer).map_err(|e: ParseError| ParseError {
            what: "a KMS key",
            allowed: "aws/secretsmanager, or the ARN of a key, not of an alias: \
                      arn:aws:kms:REGION:ACCOUNT:key/ID",
            ..e
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    #[test]
    fn a_key_is_the_aws_managed_one_or_has_an_arn() {
        for good in
            [AWS_MANAGED, ARN, "arn:aws-cn:kms:cn-north-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab"]
        {
            assert_eq!(good.parse::<KmsKey>().unwrap().to_string(), good);
        }
        for bad in [
            "",
            "alias/aws/secretsmanager",
            "1234abcd-12ab-34cd-56ef-1234567890ab",
            "arn:aws:kms:eu-west-1:111122223333:alias/keys",
            "arn:aws:kms:eu-west-1:111122223333:key/*",
            "arn:aws:kms:eu-west-1:111122223333:key/",
            "arn:aws:kms:eu-west-1:111122223333:key/1234",
            "arn:aws:kms:eu-west-1:111122223333:key/mrk-1234",
            &ARN.replace("eu-west-1", ""),
            &ARN.replace("111122223333", "1111"),
            &ARN.replace("abcd", "ABCD"),
        ] {
            assert!(bad.parse::<KmsKey>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_key_is_recognized_in_each_form_that_aws_shows() {
        let customer: KmsKey = ARN.parse().unwrap();
        let id = "1234abcd-12ab-34cd-56ef-1234567890ab";
        for (key, shown, same) in [
            (&customer, Some(ARN), true),
            (&customer, Some(id), true),
            (&customer, Some(&id[1..]), false),
            (&customer, Some("arn:aws:kms:eu-west-1:111122223333:alias/keys"), false),
            (&customer, None, false),
            (&KmsKey::AwsManaged, None, true),
            (&KmsKey::AwsManaged, Some("alias/aws/secretsmanager"), true),
            (&KmsKey::AwsManaged, Some(ARN), false),
        ] {
            assert_eq!(key.is_shown_as(shown), same, "{key} {shown:?}");
        }
    }
}
