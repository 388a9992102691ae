//! Where a stack is deployed. These three values limit an ARN to one account and Region.

use std::{fmt, str::FromStr};

use lambda::model::{account_id::AccountId, arn::is_partition, parse_error::ParseError};

/// A partition, an account and a Region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRegion {
    /// The group of Regions that the account belongs to, such as `aws` or `aws-cn`.
    pub partition: Partition,
    /// The account that the stack belongs to.
    pub account: AccountId,
    /// The Region that the stack is deployed to.
    pub region: RegionName,
}

/// Declares a checked text that is one part of an ARN. No such text can contain a wildcard.
macro_rules! part {
    ($(#[$doc:meta])* $name:ident, $what:literal, $allowed:literal, $fits:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name(String);

        impl FromStr for $name {
            type Err = ParseError;

            fn from_str(text: &str) -> Result<Self, ParseError> {
                let fits: fn(&str) -> bool = $fits;
                let invalid = || ParseError { value: text.to_owned(), what: $what, allowed: $allowed };
                fits(text).then(|| Self(text.to_owned())).ok_or_else(invalid)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

part! {
    /// The code of a Region: lowercase words and a number, such as `eu-central-1`. Whether the Region exists is not
    /// checked.
    RegionName, "an AWS Region", "such as eu-central-1", |text| {
        let mut words: Vec<&str> = text.split('-').collect();
        let number = words.pop().unwrap_or_default();
        let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        is_number && words.len() >= 2 && words.iter().all(|word| is_word(word))
    }
}

part! {
    /// A partition: a group of Regions with its own accounts.
    Partition, "an AWS partition", "aws, aws-cn, aws-us-gov, …", is_partition
}

/// The first words of Regions outside the partition `aws`, each with its partition (AWS General Reference, "Regional
/// endpoints"; botocore's partitions.json).
const PARTITIONS: [(&str, &str); 7] = [
    ("cn-", "aws-cn"),
    ("eusc-", "aws-eusc"),
    ("us-gov-", "aws-us-gov"),
    ("us-iso-", "aws-iso"),
    ("us-isob-", "aws-iso-b"),
    ("eu-isoe-", "aws-iso-e"),
    ("us-isof-", "aws-iso-f"),
];

impl RegionName {
    /// The partition of the Region. A Region of a partition that this program does not know counts as one of `aws`.
    #[must_use]
    pub fn partition(&self) -> Partition {
        let known = PARTITIONS.iter().find(|(prefix, _)| self.0.starts_with(prefix));
        Partition(known.map_or("aws", |(_, partition)| partition).to_owned())
    }

    /// Whether the Region can be in a partition. It can be in a partition that this program does not know.
    #[must_use]
    pub fn fits(&self, partition: &Partition) -> bool {
        let is_known = partition.0 == "aws" || PARTITIONS.iter().any(|(_, known)| *known == partition.0);
        let own = self.partition();
        own == *partition || !is_known && own.0 == "aws"
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_fits_its_partition_and_unknown_ones() {
        for (region, partition, other) in [
            ("eu-central-1", "aws", "aws-cn"),
            ("cn-north-1", "aws-cn", "aws"),
            ("us-gov-west-1", "aws-us-gov", "aws"),
            ("us-isof-south-1", "aws-iso-f", "aws-new"),
            ("eusc-de-east-1", "aws-eusc", "aws-iso-e"),
        ] {
            let region: RegionName = region.parse().unwrap();
            assert_eq!(region.partition().to_string(), partition);
            let fits = |partition: &str| region.fits(&partition.parse().unwrap());
            assert!(fits(partition) && !fits(other), "{region} {partition} {other}");
        }
        assert!("xx-new-1".parse::<RegionName>().unwrap().fits(&"aws-new".parse().unwrap()));
    }

    #[test]
    fn no_part_of_an_arn_can_be_a_wildcard() {
        for (right, wrong) in [("eu-central-1", "eu-central"), ("us-gov-west-1", "*"), ("us-isof-south-1", "eu-*-1")] {
            assert!(right.parse::<RegionName>().is_ok() && wrong.parse::<RegionName>().is_err(), "{right} {wrong}");
        }
        for (right, wrong) in [("aws", "*"), ("aws-cn", "azure"), ("aws-us-gov", "aws-")] {
            assert!(right.parse::<Partition>().is_ok() && wrong.parse::<Partition>().is_err(), "{right} {wrong}");
        }
    }
}
