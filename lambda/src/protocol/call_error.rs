//! A call that failed: why, and whether it can have taken effect.

use crate::model::parse_error::one_line;

/// A call that failed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{}: {}{}{}", one_line(self.code.as_str()), one_line(&self.message), self.effect.note(), self.advice())]
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

    /// What to do about the failure, if AWS's message does not say it.
    fn advice(&self) -> String {
        self.code.topic_key_problem().map(|problem| format!("; {}", problem.advice())).unwrap_or_default()
    }
}

impl ErrorCode {
    /// Whether a permission is missing, by the codes of IAM, Secrets Manager and SNS for that.
    #[must_use]
    pub fn is_denial(&self) -> bool {
        ["AccessDenied", "AccessDeniedException", "AuthorizationError"].contains(&self.as_str())
    }

    /// Whether SNS refused a publication because of what it says, so that it will refuse it each time (SNS API Reference,
    /// "Publish": Errors, and "Common Errors"). The code of `InvalidParameterValue` is `ParameterValueInvalid` in an answer.
    #[must_use]
    pub fn is_refusal_of_message(&self) -> bool {
        ["InvalidParameter", "InvalidParameterValue", "ParameterValueInvalid", "ValidationError", "ValidationException"]
            .contains(&self.as_str())
    }

    /// Why SNS refused a message, if it cannot use the key of the topic (SNS API Reference, "Publish": Errors).
    #[must_use]
    pub fn topic_key_problem(&self) -> Option<TopicKeyProblem> {
        Some(match self.as_str() {
            "KMSAccessDenied" => TopicKeyProblem::AccessDenied,
            "KMSDisabled" => TopicKeyProblem::Disabled,
            "KMSInvalidState" => TopicKeyProblem::InvalidState,
            "KMSNotFound" => TopicKeyProblem::NotFound,
            "KMSOptInRequired" => TopicKeyProblem::OptInRequired,
            "KMSThrottling" => TopicKeyProblem::Throttling,
            _ => return None,
        })
    }

    /// Whether the text of the failure already says what a person must do. After KMSThrottling, a person does nothing.
    #[must_use]
    pub fn says_what_to_do(&self) -> bool {
        matches!(self, Self::OtherKmsKey | Self::SecretBeingDeleted | Self::NotEncrypted)
            || self.topic_key_problem().is_some_and(|problem| problem != TopicKeyProblem::Throttling)
    }
}

/// The code of an error as AWS documents it. In an answer, a namespace can be before the code, and a URL after it.
#[must_use]
pub fn bare_code(code: &str) -> &str {
    let code = code.split(':').next().unwrap_or_default();
    code.rsplit('#').next().unwrap_or_default()
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

/// Why SNS cannot use the KMS key of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TopicKeyProblem {
    /// The function's role may not use the key.
    AccessDenied,
    /// The key is disabled.
    Disabled,
    /// The key is in a state in which it cannot be used.
    InvalidState,
    /// The key does not exist.
    NotFound,
    /// The account is not registered for KMS.
    OptInRequired,
    /// KMS limits the rate of requests.
    Throttling,
}

impl TopicKeyProblem {
    /// What to do about it.
    const fn advice(self) -> &'static str {
        match self {
            Self::AccessDenied => {
                "the function's role may not use the KMS key of the topics: allow kms:GenerateDataKey and kms:Decrypt in the \
                 policy of the key, then deploy the stack again"
            }
            Self::Disabled => {
                "the KMS key of the topics is disabled: enable it (aws kms enable-key --region REGION --key-id KEY; for KEY, see \
                 `aws sns get-topic-attributes --region REGION --topic-arn TOPIC`)"
            }
            Self::InvalidState => {
                "the KMS key of the topics is in a state in which it cannot be used (aws kms describe-key --region REGION \
                 --key-id KEY; for KEY, see `aws sns get-topic-attributes --region REGION --topic-arn TOPIC`): if its deletion \
                 is scheduled, cancel that (aws kms cancel-key-deletion --region REGION --key-id KEY), then enable the key"
            }
            Self::NotFound => {
                "the KMS key of the topics does not exist: set topic_kms_key to another key, then deploy the stack again"
            }
            Self::OptInRequired => "the account cannot use KMS: complete its registration at AWS, or ask AWS Support",
            Self::Throttling => "KMS limits the rate of requests of the account: the next run tries again",
        }
    }
}

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
                "aws kms enable-key --region REGION --key-id KEY; for KEY, see `aws sns get-topic-attributes --region REGION --topic-arn TOPIC`",
            ),
            ("KMSInvalidState", "aws kms cancel-key-deletion --region REGION --key-id KEY"),
            ("KMSNotFound", "set topic_kms_key to another key"),
            ("KMSOptInRequired", "AWS Support"),
            ("KMSThrottling", "the next run tries again"),
        ] {
            let text = CallError::without_effect(ErrorCode::Aws(code.to_owned()), "words of AWS").to_string();
            assert!(text.starts_with(&format!("{code}: words of AWS; ")) && text.contains(says), "{text}");
        }
        let other = CallError::with_unknown_effect(ErrorCode::Aws("KMSOther".to_owned()), "words");
        assert_eq!(other.to_string(), "KMSOther: words (it may have taken effect)");
    }
}
