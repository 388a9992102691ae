//! A call that failed: why, and whether it can have taken effect.

use crate::model::parse_error::one_line;

/// A call that failed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{}: {}{}", one_line(self.code.as_str()), one_line(&self.message), self.effect.note())]
pub struct CallError {
    /// Whether the call can have taken effect in spite of the failure.
    pub effect: Effect,
    /// Why it failed, in one word.
    pub code: ErrorCode,
    /// Why it failed, for people: AWS's message or ours.
    pub message: String,
}

impl CallError {
    /// A failure that changed nothing: AWS refused the call, or it was never sent.
    pub fn without_effect(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { effect: Effect::None, code, message: message.into() }
    }

    /// A failure after which the change may have been made or not.
    pub fn with_unknown_effect(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { effect: Effect::Unknown, code, message: message.into() }
    }

    /// The failure of a publication to the topic with this ARN. If SNS cannot use the key of the topic, the message says what to
    /// do, because AWS's message does not.
    #[must_use]
    pub fn of_publication(self, topic: &str, region: &str) -> Self {
        let Some((_, advice)) = TOPIC_KEY.iter().find(|(code, _)| *code == self.code.as_str()) else { return self };
        let advice = advice.replace("REGION", region).replace("TOPIC", topic);
        Self { message: format!("{}; {advice}", self.message), ..self }
    }
}

impl ErrorCode {
    /// Whether a permission is missing, by the codes of IAM, Secrets Manager and SNS for that.
    #[must_use]
    pub fn is_denial(&self) -> bool {
        ["AccessDenied", "AccessDeniedException", "AuthorizationError"].contains(&self.as_str())
    }

    /// Whether the text of the failure already says what a person must do. After KMSThrottling, a person does nothing.
    #[must_use]
    pub fn says_what_to_do(&self) -> bool {
        let code = self.as_str();
        matches!(self, Self::OtherKmsKey | Self::SecretBeingDeleted | Self::NotEncrypted)
            || code != "KMSThrottling" && TOPIC_KEY.iter().any(|(known, _)| *known == code)
    }
}

/// Whether a failed call took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// It had no effect: AWS refused the call, or it was never sent.
    None,
    /// It is unknown: the answer was lost, or AWS reports an internal error.
    Unknown,
}

impl Effect {
    const fn note(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Unknown => " (it may have taken effect)",
        }
    }
}

/// The codes with which SNS refuses a message because it cannot use the key of the topic (SNS API Reference, "Publish":
/// Errors), each with the advice for it. `REGION`
/// and `TOPIC` stand for the Region and the ARN of the topic.
const TOPIC_KEY: [(&str, &str); 6] = [
    (
        "KMSAccessDenied",
        "the function's role may not use the KMS key of the topics: allow kms:GenerateDataKey and kms:Decrypt in the policy of \
         the key, then deploy the stack again",
    ),
    (
        "KMSDisabled",
        "the KMS key of the topics is disabled: enable it (aws kms enable-key --region REGION --key-id KEY; for KEY, see `aws sns \
         get-topic-attributes --region REGION --topic-arn TOPIC`)",
    ),
    (
        "KMSInvalidState",
        "the KMS key of the topics is in a state in which it cannot be used (aws kms describe-key --region REGION --key-id \
         KEY; for KEY, see `aws sns get-topic-attributes --region REGION --topic-arn TOPIC`): if its deletion is scheduled, \
         cancel that (aws kms cancel-key-deletion --region REGION --key-id KEY), then enable the key",
    ),
    (
        "KMSNotFound",
        "the KMS key of the topics does not exist: set topic_kms_key to another key, then deploy the stack again",
    ),
    ("KMSOptInRequired", "the account cannot use KMS: complete its registration at AWS, or ask AWS Support"),
    ("KMSThrottling", "KMS limits the rate of requests of the account: the next run tries again"),
];

/// Declares the codes that the handler gives, so that each has one name and none is written as text elsewhere.
macro_rules! error_codes {
    ($($(#[$doc:meta])* $code:ident,)+) => {
        /// Why a call failed, in one word: the code in AWS's answer, or a code of the handler.
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub enum ErrorCode {
            /// The code in AWS's answer.
            Aws(String),
            $($(#[$doc])* $code,)+
        }

        impl ErrorCode {
            /// The codes of the handler, as logs and mails show them.
            pub const OF_THE_HANDLER: &[&str] = &[$(stringify!($code)),+];

            /// The code as logs and mails show it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    Self::Aws(code) => code,
                    $(Self::$code => stringify!($code),)+
                }
            }
        }
    };
}

error_codes! {
    /// The request could not be built, so it was not sent.
    NotSent,
    /// AWS did not answer in time.
    Timeout,
    /// No connection, or it broke.
    NoConnection,
    /// The answer could not be read.
    UnreadableAnswer,
    /// The answer lacks something that AWS's API promises.
    IncompleteAnswer,
    /// The answer does not belong to the call, or has a value that AWS's API does not have.
    UnexpectedAnswer,
    /// AWS refused the call without a code.
    UnknownError,
    /// IAM's credential report is in a form that is not known.
    UnreadableReport,
    /// IAM has been making the credential report for minutes.
    ReportInProgress,
    /// The new key signs for another user.
    WrongIdentity,
    /// AWS did not accept the new key often enough in a row.
    NotVerified,
    /// Secrets Manager does not show the new key as the current version.
    NotReadBack,
    /// The secret is scheduled for deletion.
    SecretBeingDeleted,
    /// The secret is encrypted with another key than the configured one.
    OtherKmsKey,
    /// A mail could not be encrypted.
    NotEncrypted,
    /// The key could not be written as JSON.
    NotSerialized,
    /// The run no longer holds the new key's secret.
    NoSecret,
    /// The run's time is over.
    NoTimeLeft,
    /// The plan asked for more calls than any rotation takes.
    NoEnd,
    /// A dry run could not make up a key.
    DryRun,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_because_of_the_topics_key_says_what_to_do() {
        for (code, says) in [
            ("KMSAccessDenied", "in the policy of the key"),
            (
                "KMSDisabled",
                "aws kms enable-key --region eu-west-1 --key-id KEY; for KEY, see `aws sns get-topic-attributes --region eu-west-1 \
                 --topic-arn arn:aws:sns:eu-west-1:123456789012:topic`",
            ),
            ("KMSInvalidState", "aws kms cancel-key-deletion --region eu-west-1 --key-id KEY"),
            ("KMSNotFound", "set topic_kms_key to another key"),
            ("KMSOptInRequired", "AWS Support"),
            ("KMSThrottling", "the next run tries again"),
        ] {
            let failure = CallError::without_effect(ErrorCode::Aws(code.to_owned()), "words of AWS");
            let text = failure.of_publication("arn:aws:sns:eu-west-1:123456789012:topic", "eu-west-1").to_string();
            assert!(text.starts_with(&format!("{code}: words of AWS; ")) && text.contains(says), "{text}");
        }
        let other = CallError::with_unknown_effect(ErrorCode::Aws("KMSOther".to_owned()), "words");
        assert_eq!(other.of_publication("arn", "eu-west-1").to_string(), "KMSOther: words (it may have taken effect)");
    }
}
