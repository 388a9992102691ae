//! The keys that encrypt the topics, the log and the secrets.

use std::str::FromStr;

use lambda::model::{
    kms_key::{KmsKey, KmsKeyArn},
    parse_error::ParseError,
};

use crate::config::{
    principal::PARTITION,
    setting_type::{ValueRule, Word},
};

/// The key that encrypts the topics. AWS's own key for SNS is not allowed: CloudWatch cannot use it, and alarms would be lost
/// (SNS Developer Guide, "Key management": compatibility between event sources and encrypted topics).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TopicKey {
    /// A key that the stack creates.
    Own,
    /// An existing key. Its policy is not in the template, so `synth` cannot see whether alarms get through.
    Existing(KmsKeyArn),
}

/// The key that encrypts the log of the function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogKey {
    /// A key of CloudWatch Logs.
    AwsOwned,
    /// An existing key.
    Existing(KmsKeyArn),
}

/// Implements the reading of a type that is a word or the ARN of a key.
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
                    allowed: concat!(
                        $word,
                        ", or the ARN of a key, not of an alias: arn:aws:kms:REGION:ACCOUNT:key/ID",
                        $more
                    ),
                })
            }
        }

        impl Word for $type {
            fn rule() -> ValueRule {
                ValueRule { words: vec![$word], ..ValueRule::pattern(&arn()) }
            }
        }
    };
}

key_or_word!(TopicKey, "own" => Self::Own, Self::Existing, "a key for the topics",
    "; not aws/sns, because CloudWatch cannot use it, and alarms would be lost"
);
key_or_word!(LogKey, "aws-owned" => Self::AwsOwned, Self::Existing, "a key for the log", "");

impl Word for KmsKey {
    const ALIASES: &[(&str, &str)] =
        &[("alias/aws/secretsmanager", "aws/secretsmanager"), ("default", "aws/secretsmanager")];

    fn rule() -> ValueRule {
        ValueRule { words: vec!["aws/secretsmanager"], ..ValueRule::pattern(&arn()) }
    }
}

/// A pattern for a [`KmsKeyArn`].
fn arn() -> String {
    let id = "(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|mrk-[0-9a-f]{32})";
    format!("arn:{PARTITION}:kms:[a-z0-9-]{{1,32}}:[0-9]{{12}}:key/{id}")
}
