//! The ARN of the topic that notices are published to.

use std::str::FromStr;

use crate::model::{
    arn::ArnParts,
    parse_error::{ParseError, text_newtype},
};

/// The ARN of an SNS topic: `arn:PARTITION:sns:REGION:ACCOUNT:NAME`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TopicArn(String);

text_newtype!(TopicArn);

impl TopicArn {
    pub(crate) fn region(&self) -> &str {
        ArnParts::of(&self.0).map_or("", |arn| arn.region)
    }

    pub(crate) fn partition(&self) -> &str {
        ArnParts::of(&self.0).map_or("", |arn| arn.partition)
    }

    pub(crate) fn account(&self) -> &str {
        ArnParts::of(&self.0).map_or("", |arn| arn.account)
    }

    /// The text with this topic and its Region in the AWS commands that it proposes.
    #[cfg(feature = "aws")]
    pub(crate) fn filled_in(&self, text: &str) -> String {
        text.replace("--region REGION", &format!("--region {}", self.region()))
            .replace("--topic-arn TOPIC", &format!("--topic-arn {}", self.0))
    }
}

impl FromStr for TopicArn {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let fits = ArnParts::of(text).is_some_and(|arn| {
            arn.service == "sns" && !arn.region.is_empty() && !arn.account.is_empty() && !arn.resource.contains(':')
        });
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseError::new(text, "the ARN of an SNS topic", "arn:aws:sns:REGION:ACCOUNT:NAME"))
        }
    }
}
