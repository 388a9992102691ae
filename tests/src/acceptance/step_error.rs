//! Why a step did not do what it should.

use aws_sdk_iam::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use synth::deploy::{aws::AwsError, interrupt::Interrupted};

/// Why a step ended without its result.
#[derive(Debug, thiserror::Error)]
pub(super) enum StepError {
    /// AWS refused a call, or there was no response.
    #[error("{call} failed: {code}: {message}")]
    Call {
        /// The call, as AWS names it.
        call: &'static str,
        /// AWS's error code.
        code: String,
        /// AWS's message.
        message: String,
    },
    /// `synth` could not do a call.
    #[error(transparent)]
    Synth(#[from] AwsError),
    /// A command ended with an error. Holds its name and the end of its output.
    #[error("{0}")]
    Command(String),
    /// AWS did something else than expected. Holds what it did.
    #[error("{0}")]
    Unexpected(String),
    /// A person pressed Ctrl-C.
    #[error("interrupted")]
    Interrupted(#[from] Interrupted),
}

/// The code of an error without an answer from AWS.
const NO_ANSWER: &str = "no answer";

impl StepError {
    /// The error of a failed call.
    pub(super) fn of<E, R>(call: &'static str, error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug,
    {
        let message = error.message().map_or_else(|| DisplayErrorContext(error).to_string(), str::to_owned);
        Self::Call { call, code: error.code().unwrap_or(NO_ANSWER).to_owned(), message }
    }

    /// AWS's error code, if AWS refused a call.
    pub(super) fn code(&self) -> Option<&str> {
        match self {
            Self::Call { code, .. } => Some(code),
            _ => None,
        }
    }
}

/// Makes a call, and gives its error the name of the call.
macro_rules! call {
    ($name:literal, $request:expr) => {
        $request.send().await.map_err(|e| crate::acceptance::step_error::StepError::of($name, &e))
    };
}

/// Fails if AWS did something else than expected.
macro_rules! ensure {
    ($holds:expr, $($said:tt)+) => {
        if !$holds {
            return Err(crate::acceptance::step_error::StepError::Unexpected(format!($($said)+)));
        }
    };
}

pub(super) use {call, ensure};
