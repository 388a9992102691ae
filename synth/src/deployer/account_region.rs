//! Where a stack is deployed. These three values limit an ARN to one account and Region.

use std::{fmt, str::FromStr};

use lambda::model::{account_id::AccountId, arn::is_partition, parse_error::ParseError};

use crate::config::Region;

/// A partition, an account and a Region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRegion {
    /// The group of Regions that the account belongs to, such as `aws` or `aws-cn`.
    pub partition: Partition,
    /// The account that the stack belongs to.
    pub account: AccountId,
    /// The Region that the stack is deployed to.
    pub region: Region,
}

/// A partition: a group of Regions with its own accounts. It cannot contain a wildcard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition(String);

impl FromStr for Partition {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let invalid =
            || ParseError { value: text.to_owned(), what: "an AWS partition", allowed: "aws, aws-cn, aws-us-gov, …" };
        is_partition(text).then(|| Self(text.to_owned())).ok_or_else(invalid)
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
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

impl Region {
    /// The partition of the Region. A Region of a partition that this program does not know counts as one of `aws`.
    #[must_use]
    pub fn partition(&self) -> Partition {
        let known = PARTITIONS.iter().find(|(prefix, _)| self.as_str().starts_with(prefix));
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
            let region: Region = region.parse().unwrap();
            assert_eq!(region.partition().to_string(), partition);
            let fits = |partition: &str| region.fits(&partition.parse().unwrap());
            assert!(fits(partition) && !fits(other), "{region} {partition} {other}");
        }
        assert!("xx-new-1".parse::<Region>().unwrap().fits(&"aws-new".parse().unwrap()));
    }

    #[test]
    fn no_part_of_an_arn_can_be_a_wildcard() {
        for (right, wrong) in [("eu-central-1", "eu-central"), ("us-gov-west-1", "*"), ("us-isof-south-1", "eu-*-1")] {
            assert!(right.parse::<Region>().is_ok() && wrong.parse::<Region>().is_err(), "{right} {wrong}");
        }
        for (right, wrong) in [("aws", "*"), ("aws-cn", "azure"), ("aws-us-gov", "aws-")] {
            assert!(right.parse::<Partition>().is_ok() && wrong.parse::<Partition>().is_err(), "{right} {wrong}");
        }
    }
}
