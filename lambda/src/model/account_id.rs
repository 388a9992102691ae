//! The id of an AWS account.

use std::str::FromStr;

use crate::model::{
    arn::is_account,
    parse_error::{ParseError, text_newtype},
};

/// The id of an AWS account: 12 digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(String);

text_newtype!(AccountId);

impl FromStr for AccountId {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if is_account(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseError::new(text, "the id of an AWS account", "12 digits"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_twelve_digits() {
        for right in ["111122223333", "000000000000"] {
            assert_eq!(right.parse::<AccountId>().unwrap().as_str(), right);
        }
        for wrong in
            ["", "11112222333", "1111222233334", "11112222333a", "*", " 111122223333", "１１１１２２２２３３３３"]
        {
            assert!(wrong.parse::<AccountId>().is_err(), "{wrong:?}");
        }
    }
}
