//! What went wrong at AWS, in words that say what to do about it.

use std::error::Error;

use aws_sdk_sts::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
};

/// Why a call to AWS did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AwsError {
    /// Nobody said where.
    #[error("no AWS Region: pass --region, or set AWS_REGION or a profile's region")]
    NoRegion,
    /// There are no credentials, or whoever gives them out failed.
    #[error("no AWS credentials: {0}; sign in (aws sso login), set AWS_PROFILE or pass --profile")]
    NoCredentials(String),
    /// They were good once.
    #[error("the AWS credentials have expired: sign in anew (aws sso login, or whatever gave you them)")]
    Expired,
    /// AWS does not know them, or not in this Region.
    #[error(
        "AWS does not accept the credentials ({0}): are they complete, of the account you mean, \
         and is the Region enabled in it?"
    )]
    NotAccepted(String),
    /// A permission is missing.
    #[error("not permitted to {doing}: {message}; `synth deploy-policy` prints what a deployer needs")]
    Denied {
        /// A phrase in the infinitive.
        doing: String,
        /// AWS's words: they name the action and the resource.
        message: String,
    },
    /// No answer: no network, no such Region, or AWS is down.
    #[error("could not {doing}: no connection ({message}); is there a network, and is the Region's name right?")]
    NoConnection {
        /// A phrase in the infinitive.
        doing: String,
        /// The causes.
        message: String,
    },
    /// Whatever else AWS said.
    #[error("could not {doing}: {code}: {message}")]
    Refused {
        /// A phrase in the infinitive.
        doing: String,
        /// AWS's code for it.
        code: String,
        /// AWS's words.
        message: String,
    },
}

impl AwsError {
    /// What a failed call means; `doing` is a phrase in the infinitive.
    pub(super) fn of<E: ProvideErrorMetadata + Error + 'static>(
        doing: &str,
        error: &SdkError<E, HttpResponse>,
    ) -> Self {
        let doing = doing.to_owned();
        match error {
            SdkError::ServiceError(refused) => {
                let metadata = refused.err().meta();
                // S3 answers HEAD without a body, and so without a code.
                let code = metadata.code().unwrap_or(match refused.raw().status().as_u16() {
                    401 | 403 => "AccessDenied",
                    _ => "UnknownError",
                });
                let status = || format!("HTTP status {}", refused.raw().status().as_u16());
                Self::from_code(doing, code, &metadata.message().map_or_else(status, str::to_owned))
            }
            SdkError::DispatchFailure(lost) => {
                let error = lost.as_connector_error();
                let message = error.map_or_else(String::new, |error| causes(error));
                // Credentials are looked for when a request is sent, so their lack looks like a connection's.
                if lost.is_other() { Self::no_credentials(&message) } else { Self::NoConnection { doing, message } }
            }
            SdkError::TimeoutError(_) => Self::NoConnection { doing, message: "no answer in time".into() },
            SdkError::ConstructionFailure(_) => {
                let message =
                    format!("{}; is the Region's name right?", error.source().map_or_else(String::new, causes));
                Self::Refused { doing, code: "NotSent".into(), message }
            }
            _ => {
                Self::Refused { doing, code: "UnreadableAnswer".into(), message: "the answer could not be read".into() }
            }
        }
    }

    /// AWS left out something that its API promises.
    pub(super) fn incomplete(call: &str, what: &str) -> Self {
        let message = format!("the answer has no {what}");
        Self::Refused { doing: format!("call {call}"), code: "IncompleteAnswer".into(), message }
    }

    /// What the SDK says of the sources that it tried, in few words.
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

    fn from_code(doing: String, code: &str, message: &str) -> Self {
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
                Self::Denied { doing, message: message.to_owned() }
            }
            _ => Self::Refused { doing, code: code.to_owned(), message: message.to_owned() },
        }
    }
}

/// An error's causes, outermost first; the SDK says some of them twice.
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
    fn what_aws_says_is_named() {
        let of = |code| AwsError::from_code("look".into(), code, "words");
        assert_eq!(of("ExpiredToken"), AwsError::Expired);
        assert_eq!(of("InvalidClientTokenId"), AwsError::NotAccepted("InvalidClientTokenId".into()));
        assert_eq!(of("AccessDenied"), AwsError::Denied { doing: "look".into(), message: "words".into() });
        assert_eq!(of("Throttling").to_string(), "could not look: Throttling: words");
    }
}
