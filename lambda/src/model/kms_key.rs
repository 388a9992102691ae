//! The KMS key that secrets are encrypted with.

use std::{fmt, str::FromStr};

use crate::model::{
    parse_error::{ParseError, text_newtype},
    principal::{is_account, is_partition},
};

/// The ARN of a KMS key of the customer's own. An alias will not do: a permission on a key must name the key (KMS Developer
/// Guide, "Using aliases to control access to KMS keys").
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KmsKeyArn(String);

text_newtype!(KmsKeyArn);

impl FromStr for KmsKeyArn {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let parts: Vec<_> = text.split(':').collect();
        let is_region = |text: &str| {
            let lower = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            (1..=32).contains(&text.len()) && text.bytes().all(lower)
        };
        let fits = matches!(parts.as_slice(), ["arn", partition, "kms", region, account, resource]
            if is_partition(partition) && is_region(region) && is_account(account)
                && resource.strip_prefix("key/").is_some_and(is_key_id));
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseError::new(
                text,
                "the ARN of a KMS key",
                "the key's own ARN, not an alias's: arn:aws:kms:REGION:ACCOUNT:key/ID",
            ))
        }
    }
}

/// A UUID, or the id of a key in several Regions.
fn is_key_id(id: &str) -> bool {
    let hex = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if let Some(rest) = id.strip_prefix("mrk-") {
        return rest.len() == 32 && hex(rest);
    }
    let groups: Vec<_> = id.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]) && groups.iter().all(|group| hex(group))
}

/// AWS's own key for secrets, under its alias.
const AWS_MANAGED: &str = "aws/secretsmanager";

/// Which key encrypts the secrets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum KmsKey {
    /// AWS's own, `aws/secretsmanager`: whoever in the account may read a secret may decrypt it.
    AwsManaged,
    /// One whose policy the customer writes.
    Customer(KmsKeyArn),
}

impl KmsKey {
    /// The customer's key, if it is one.
    #[must_use]
    pub const fn customer(&self) -> Option<&KmsKeyArn> {
        match self {
            Self::AwsManaged => None,
            Self::Customer(arn) => Some(arn),
        }
    }

    /// The key as the AWS CLI takes it.
    #[must_use]
    pub fn id(&self) -> String {
        match self {
            Self::AwsManaged => format!("alias/{AWS_MANAGED}"),
            Self::Customer(arn) => arn.to_string(),
        }
    }

    /// Whether this is the key that DescribeSecret shows: an ARN or a key id as the secret was made with it, nothing for
    /// AWS's own ("DescribeSecret": KmsKeyId).
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
            allowed: "aws/secretsmanager, or a key's own ARN, not an alias's: arn:aws:kms:REGION:ACCOUNT:key/ID",
            ..e
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    #[test]
    fn a_key_is_awss_own_or_has_an_arn() {
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
    fn a_secrets_key_is_known_however_it_is_shown() {
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
