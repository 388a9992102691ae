//! Lambda.

use aws_sdk_lambda::{
    Client, config,
    config::{retry::RetryConfig, timeout::TimeoutConfig},
    operation::invoke::InvokeError,
    primitives::Blob,
};
use lambda::time::Span;
use serde_json::Value as Json;

use super::{Problem, Session};
use crate::deploy::invoke::Answer;

/// Lambda's longest run (Lambda quotas, "Function timeout"), and a minute for the way.
const PATIENCE: Span = Span::minutes(16);

impl Session {
    /// Invokes a function and waits for its end.
    ///
    /// # Errors
    /// [`Problem`] if it could not be asked, or its answer was lost: then it may be running all the same.
    pub async fn invoke(&self, function: &str, event: &Json) -> Result<Answer, Problem> {
        // Once only: an answer that was lost is no reason to rotate twice.
        let once = config::Config::builder()
            .timeout_config(TimeoutConfig::builder().read_timeout(PATIENCE.std()).build())
            .retry_config(RetryConfig::disabled());
        let sent = Client::new(&self.config)
            .invoke()
            .function_name(function)
            .payload(Blob::new(event.to_string()))
            .customize()
            .config_override(once)
            .send()
            .await;
        let answer = match sent {
            Ok(answer) => answer,
            Err(e) if e.as_service_error().is_some_and(InvokeError::is_resource_not_found_exception) => {
                return Ok(Answer::NoFunction);
            }
            Err(e) => return Err(Problem::of(&format!("invoke the function {function}"), &e)),
        };
        let payload = answer.payload.unwrap_or_else(|| Blob::new(Vec::new())).into_inner();
        let payload = serde_json::from_slice(&payload)
            .unwrap_or_else(|_| Json::String(String::from_utf8_lossy(&payload).into_owned()));
        Ok(if answer.function_error.is_some() { Answer::Failed(payload) } else { Answer::Returned(payload) })
    }
}
