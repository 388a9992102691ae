//! The ARN of a KMS key that is there already.

use std::str::FromStr;

use lambda::text::Invalid;

use super::{Property, Value, shape::Shape};

/// The ARN of a KMS key. An alias will not do: IAM policies are about keys (KMS Developer Guide, "Key ARN").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KmsKeyArn(String);

impl KmsKeyArn {
    /// The ARN.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KmsKeyArn {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let hex = |text: &str| text.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c));
        // A UUID, or the id of a key in several Regions.
        let is_uuid = |id: &str| {
            let groups: Vec<_> = id.split('-').collect();
            groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]) && groups.iter().all(|group| hex(group))
        };
        let is_id =
            |id: &str| id.strip_prefix("mrk-").map_or_else(|| is_uuid(id), |rest| rest.len() == 32 && hex(rest));
        let fits = match text.split(':').collect::<Vec<_>>().as_slice() {
            ["arn", partition, "kms", region, account, key] => {
                partition.starts_with("aws")
                    && partition.len() <= 16
                    && partition.chars().all(lower)
                    && (1..=32).contains(&region.len())
                    && region.chars().all(lower)
                    && account.len() == 12
                    && account.bytes().all(|b| b.is_ascii_digit())
                    && key.strip_prefix("key/").is_some_and(is_id)
            }
            _ => false,
        };
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid {
                value: text.to_owned(),
                what: "the ARN of a KMS key",
                allowed: "the key's own ARN, not an alias's: arn:aws:kms:REGION:ACCOUNT:key/ID",
            })
        }
    }
}

impl Property for KmsKeyArn {
    fn value(self) -> Option<Value> {
        Some(Value::Text(self.0))
    }

    fn shape() -> Shape {
        Shape::Text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_nothing_else() {
        let id = "1234abcd-12ab-34cd-56ef-1234567890ab";
        for good in [
            format!("arn:aws:kms:eu-west-1:111122223333:key/{id}"),
            format!("arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/mrk-{}", id.replace('-', "")),
        ] {
            assert_eq!(good.parse::<KmsKeyArn>().unwrap().as_str(), good);
        }
        for bad in [
            String::new(),
            id.to_owned(),
            "alias/aws/sns".to_owned(),
            "arn:aws:kms:eu-west-1:111122223333:alias/mine".to_owned(),
            format!("arn:aws:kms:eu-west-1:1111:key/{id}"),
            format!("arn:aws:kms::111122223333:key/{id}"),
            format!("arn:aws:sns:eu-west-1:111122223333:key/{id}"),
            format!("arn:aws:kms:eu-west-1:111122223333:key/{id}x"),
            format!("arn:aws:kms:eu-west-1:111122223333:key/{}", id.to_uppercase()),
            "arn:aws:kms:eu-west-1:111122223333:key/*".to_owned(),
        ] {
            assert!(bad.parse::<KmsKeyArn>().is_err(), "{bad}");
        }
    }
}
