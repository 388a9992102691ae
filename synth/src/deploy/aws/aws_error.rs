//! Errors of calls to AWS. Each message says what to do.

use std::error::Error;

use aws_sdk_sts::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
};
use lambda::{model::parse_error::ParseError, protocol::call_error::ErrorCode};

use crate::{cfn::read::TemplateReadError, deploy::command_line::DEPLOY_POLICY, shell::quoted};

/// The reason why a call to AWS did not succeed, or why its response cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AwsError {
    /// No Region is configured.
    #[error("no AWS Region: pass --region, or set AWS_REGION or a profile's region")]
    NoRegion,
    /// The Region that the environment or the profile names has no such form.
    #[error("the AWS Region is wrong: {0}; pass --region, or correct AWS_REGION or the profile's region")]
    WrongRegion(#[from] ParseError),
    /// There are no credentials, or their provider failed. Holds the SDK's message.
    #[error("no AWS credentials: {0}. Set AWS_PROFILE or pass --profile, or sign in: aws sso login")]
    NoCredentials(String),
    /// The credentials have expired.
    #[error("the AWS credentials have expired. Sign in again in the same way as before, for example: aws sso login")]
    Expired,
    /// AWS does not know the credentials, at least in this Region. Holds AWS's error code.
    #[error(
        "AWS does not accept the credentials ({0}): check that they are complete and of the right account, \
         and that the Region is enabled in it"
    )]
    NotAccepted(String),
    /// The identity lacks a permission.
    #[error("not permitted to {doing}: {message}. To print the permissions that a deployer needs: {}", DEPLOY_POLICY)]
    Denied {
        /// What was attempted, as an infinitive.
        doing: String,
        /// AWS's message, which names the action and the resource.
        message: String,
    },
    /// The identity may not use the artifact bucket. S3 says little about it, and to HEAD nothing.
    #[error(
        "{identity} may not use the bucket {bucket} ({actions}): {message}. A permission is missing, or a policy denies it, or \
         the bucket belongs to another account. Name another bucket with --artifact-bucket, or give the deployer its \
         permissions. To print them: {}",
        DEPLOY_POLICY
    )]
    BucketDenied {
        /// The ARN of the identity.
        identity: String,
        /// The name of the bucket.
        bucket: String,
        /// The actions that the call needs.
        actions: &'static str,
        /// AWS's message, or the status if it has none.
        message: String,
    },
    /// No file has the profile that the command line or AWS_PROFILE names.
    #[error(
        "there is no AWS profile {profile}. Profiles are in ~/.aws/config and ~/.aws/credentials, or in the files that \
         AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE name; {}. To list them: aws configure list-profiles; to make this one: \
         aws configure sso --profile {}",
        known_profiles(known),
        quoted(profile)
    )]
    UnknownProfile {
        /// The name that was looked for.
        profile: String,
        /// The names in the files, in order.
        known: Vec<String>,
    },
    /// There was no response: no network, no such Region, or AWS is down.
    #[error("could not {doing}: no connection ({message}); check the network and the name of the Region")]
    NoConnection {
        /// What was attempted, as an infinitive.
        doing: String,
        /// The messages of the causes, outermost first.
        message: String,
    },
    /// AWS refused the call for another reason, or its response was not usable.
    #[error("could not {doing}: {}: {message}", code.as_str())]
    Refused {
        /// What was attempted, as an infinitive.
        doing: String,
        /// The code in AWS's response, or a code of ours if AWS gave none.
        code: ErrorCode,
        /// AWS's message, or ours if AWS gave none.
        message: String,
    },
    /// The template of the deployed stack cannot be read, so its subscriptions and its settings are unknown.
    #[error("could not read the template of the stack: UnreadableTemplate: {0}")]
    UnreadableTemplate(#[source] TemplateReadError),
    /// The template of the deployed stack does not set this variable of the function in the form of this program.
    #[error("could not read the setting {0} of the function: UnreadableSetting. Deploy the stack again: make deploy")]
    UnreadableSetting(&'static str),
    /// The stack has no output with this name, so the ARN of its topic is unknown.
    #[error(
        "could not find a topic of the stack: NoTopic: the stack has no output {0}. Deploy the stack again: make deploy"
    )]
    NoTopic(&'static str),
}

impl AwsError {
    /// Whether the command line or the environment is wrong, or names something that does not exist.
    #[must_use]
    pub fn is_about_input(&self) -> bool {
        matches!(self, Self::NoRegion | Self::WrongRegion(_) | Self::UnknownProfile { .. })
    }

    /// The error of a failed call. `doing` says what was attempted, as an infinitive.
    pub(super) fn of<E: ProvideErrorMetadata + Error + 'static>(
        doing: &str,
        error: &SdkError<E, HttpResponse>,
    ) -> Self {
        let doing = doing.to_owned();
        match error {
            SdkError::ServiceError(refused) => {
                let metadata = refused.err().meta();
                // S3's response to HEAD has no body, so it has no code.
                let status = refused.raw().status().as_u16();
                let message = metadata.message().map_or_else(|| format!("HTTP status {status}"), str::to_owned);
                match (metadata.code(), status) {
                    (Some(code), _) => Self::from_code(doing, code, message),
                    (None, 401 | 403) => Self::Denied { doing, message },
                    (None, _) => Self::Refused { doing, code: ErrorCode::UnknownError, message },
                }
            }
            SdkError::DispatchFailure(lost) => {
                let error = lost.as_connector_error();
                let message = error.map_or_else(String::new, |error| causes(error));
                // The SDK looks for credentials when it sends a request. So missing credentials look like a missing
                // connection.
                if lost.is_other() { Self::no_credentials(&message) } else { Self::NoConnection { doing, message } }
            }
            SdkError::TimeoutError(_) => Self::NoConnection { doing, message: "no answer in time".into() },
            SdkError::ConstructionFailure(_) => {
                let message =
                    format!("{}; check the name of the Region", error.source().map_or_else(String::new, causes));
                Self::Refused { doing, code: ErrorCode::NotSent, message }
            }
            _ => Self::Refused {
                doing,
                code: ErrorCode::UnreadableAnswer,
                message: "the answer could not be read".into(),
            },
        }
    }

    /// The error for a response without a part that the API promises.
    pub(super) fn incomplete(call: &str, what: &str) -> Self {
        let message = format!("the answer has no {what}");
        Self::Refused { doing: format!("call {call}"), code: ErrorCode::IncompleteAnswer, message }
    }

    /// Shortens the SDK's message about the sources of credentials that it tried.
    fn no_credentials(message: &str) -> Self {
        if message.contains("no credentials found in chain") {
            return Self::NoCredentials("none are found anywhere".to_owned());
        }
        let mut first = message.lines().next().unwrap_or_default();
        for noise in ["other: ", "the credential provider was not enabled: "] {
            first = first.strip_prefix(noise).unwrap_or(first);
        }
        Self::NoCredentials(first.to_owned())
    }

    fn from_code(doing: String, code: &str, message: String) -> Self {
        match code {
            "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => Self::Expired,
            "InvalidClientTokenId"
            | "UnrecognizedClientException"
            | "InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "InvalidSignatureException"
            | "AuthFailure"
            | "OptInRequired" => Self::NotAccepted(code.to_owned()),
            "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" | "AuthorizationError" => {
                Self::Denied { doing, message }
            }
            _ => Self::Refused { doing, code: ErrorCode::Aws(code.to_owned()), message },
        }
    }
}

fn known_profiles(known: &[String]) -> String {
    if known.is_empty() { "they have none".to_owned() } else { format!("they have {}", known.join(", ")) }
}

/// The messages of an error and its causes, outermost first. The SDK repeats some of them, so neighbours that are the
/// same are removed.
fn causes(error: &dyn Error) -> String {
    let mut all = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        all.push(error.to_string());
        cause = error.source();
    }
    all.dedup();
    all.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_codes_of_aws_are_recognised() {
        let of = |code| AwsError::from_code("look".into(), code, "words".into());
        assert_eq!(of("ExpiredToken"), AwsError::Expired);
        assert_eq!(of("InvalidClientTokenId"), AwsError::NotAccepted("InvalidClientTokenId".into()));
        assert_eq!(of("AccessDenied"), AwsError::Denied { doing: "look".into(), message: "words".into() });
        assert_eq!(of("Throttling").to_string(), "could not look: Throttling: words");
    }

    #[test]
    fn a_code_of_ours_is_shown_by_its_name() {
        let not_a_template = crate::cfn::read::read("a: 1\na: 2\n").unwrap_err();
        let unreadable = format!("could not read the template of the stack: UnreadableTemplate: {not_a_template}");
        for (error, text) in [
            (
                AwsError::incomplete("GetSchedule", "state"),
                "could not call GetSchedule: IncompleteAnswer: the answer has no state",
            ),
            (
                AwsError::NoTopic("TopicArn"),
                "could not find a topic of the stack: NoTopic: the stack has no output TopicArn. Deploy the stack again: make \
                 deploy",
            ),
            (AwsError::UnreadableTemplate(not_a_template), &unreadable),
        ] {
            assert_eq!(error.to_string(), text);
        }
    }
}
