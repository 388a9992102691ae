//! What the topics, the log and the secrets are encrypted with.

use std::str::FromStr;

use lambda::model::{
    kms_key::{KmsKey, KmsKeyArn},
    parse_error::ParseError,
};

use crate::config::{
    principal::PARTITION,
    setting_type::{Rule, Word},
};

/// What the topic is encrypted with. AWS's own key for SNS is not among it: CloudWatch cannot use that, and alarms would be
/// lost (SNS Developer Guide, "Key management": compatibility between event sources and encrypted topics).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TopicKey {
    /// A key that the stack makes.
    UserOverrides,
    /// A key that is there already. Its policy is not in the template, so nobody sees whether alarms get through.
    Existing(KmsKeyArn),
}

/// What the function's log is encrypted with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogKey {
    /// CloudWatch Logs' own.
    AwsOwned,
    /// A key that is there already.
    Existing(KmsKeyArn),
}

/// A word, or a key.
macro_rules! key_or_word {
    ($type:ty, $word:literal => $variant:expr, $existing:expr, $what:literal, $more:literal) => {
        impl FromStr for $type {
            type Err = ParseError;

            fn from_str(text: &str) -> Result<Self, ParseError> {
                if text == $word {
                    return Ok($variant);
                }
                text.parse().map($existing).map_err(|_: ParseError| ParseError {
                    value: text.to_owned(),
                    what: $what,
                    allowed: concat!($word, ", or a key's own ARN: arn:aws:kms:REGION:ACCOUNT:key/ID", $more),
                })
            }
        }

        impl Word for $type {
            fn rule() -> Rule {
                Rule { words: vec![$word], ..Rule::pattern(&arn()) }
            }
        }
    };
}

key_or_word!(TopicKey, "own" => Self::UserOverrides, Self::Existing, "a key for the topics",
    "; not AWS's own, aws/sns, for CloudWatch cannot use it, and alarms would be lost"
);
key_or_word!(LogKey, "aws-owned" => Self::AwsOwned, Self::Existing, "a key for the log", "");

impl Word for KmsKey {
    const ALIASES: &[(&str, &str)] =
        &[("alias/aws/secretsmanager", "aws/secretsmanager"), ("default", "aws/secretsmanager")];

    fn rule() -> Rule {
        Rule { words: vec!["aws/secretsmanager"], ..Rule::pattern(&arn()) }
    }
}

/// What a [`KmsKeyArn`] is.
fn arn() -> String {
    let id = "(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|mrk-[0-9a-f]{32})";
    format!("arn:{PARTITION}:kms:[a-z0-9-]{{1,32}}:[0-9]{{12}}:key/{id}")
}
