//! Where a stack is deployed: what scopes an ARN.

use std::{fmt, str::FromStr};

use lambda::model::parse_error::ParseError;

/// A partition, an account and a Region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The partition.
    pub partition: Partition,
    /// The account.
    pub account: Account,
    /// The Region.
    pub region: Region,
}

/// Declares a text that is part of every ARN.
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
    /// An account's number.
    Account, "an AWS account's number", "12 digits", |text| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

part! {
    /// A Region.
    Region, "an AWS Region", "such as eu-central-1", |text| {
        let mut words: Vec<&str> = text.split('-').collect();
        let number = words.pop().unwrap_or_default();
        let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        is_number && words.len() >= 2 && words.iter().all(|word| is_word(word))
    }
}

part! {
    /// A partition: a group of Regions with accounts of their own.
    Partition, "an AWS partition", "aws, aws-cn, aws-us-gov, …", |text| {
        text.split('-').next() == Some("aws") && text.split('-').all(is_word)
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_scopes_an_arn_cannot_be_a_wildcard() {
        for (right, wrong) in
            [("111122223333", "11112222333"), ("000000000000", "1111222233334"), ("123456789012", "*")]
        {
            assert!(right.parse::<Account>().is_ok() && wrong.parse::<Account>().is_err(), "{right} {wrong}");
        }
        for (right, wrong) in [("eu-central-1", "eu-central"), ("us-gov-west-1", "*"), ("us-isof-south-1", "eu-*-1")] {
            assert!(right.parse::<Region>().is_ok() && wrong.parse::<Region>().is_err(), "{right} {wrong}");
        }
        for (right, wrong) in [("aws", "*"), ("aws-cn", "azure"), ("aws-us-gov", "aws-")] {
            assert!(right.parse::<Partition>().is_ok() && wrong.parse::<Partition>().is_err(), "{right} {wrong}");
        }
    }
}
