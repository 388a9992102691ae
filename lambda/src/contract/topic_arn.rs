//! The ARN of the topic that notices are published to.

use std::str::FromStr;

use crate::model::{
    parse_error::{ParseError, text_newtype},
    principal::is_account,
};

/// The ARN of an SNS topic.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TopicArn(String);

text_newtype!(TopicArn);

impl TopicArn {
    pub(crate) fn partition(&self) -> &str {
        self.0.split(':').nth(1).unwrap_or_default()
    }

    pub(crate) fn account(&self) -> &str {
        self.0.split(':').nth(4).unwrap_or_default()
    }
}

impl FromStr for TopicArn {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let parts: Vec<_> = text.split(':').collect();
        let fits = matches!(parts.as_slice(), ["arn", partition, "sns", region, account, name]
            if [partition, region, name].iter().all(|part| !part.is_empty())
                && is_account(account));
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseError::new(text, "the ARN of an SNS topic", "arn:aws:sns:REGION:ACCOUNT:NAME"))
        }
    }
}
