//! Adapter for Lambda: invokes the function.

use aws_config::retry::RetryConfig;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use lambda::model::time::Span;
use serde_json::Value as Json;

use super::{
    AwsError, Session,
    rest::{AwsService, SignedRequest},
};
use crate::deploy::invoke::InvocationOutcome;

/// How long to wait for a response: Lambda's longest run of 15 minutes (Lambda quotas, "Function timeout") and one
/// minute for the network.
const PATIENCE: Span = Span::minutes(16);

impl Session {
    /// Invokes a function and waits for its end.
    ///
    /// # Errors
    /// [`AwsError`] if the function could not be invoked, or if its response was lost. In the second case it may be
    /// running.
    pub async fn invoke(&self, function: &str, event: &Json) -> Result<InvocationOutcome, AwsError> {
        let request = SignedRequest {
            service: AwsService::Lambda,
            method: "POST",
            path: format!("/2015-03-31/functions/{function}/invocations"),
            headers: vec![("content-type", "application/json".into())],
            body: event.to_string().into_bytes(),
        };
        // Without retries: if a response is lost, a second invocation could rotate twice.
        let (once, (_, session)) = (RetryConfig::disabled(), self.limits());
        let timeouts = session.into_builder().read_timeout(PATIENCE.std()).build();
        match self.send(request, &once, timeouts).await {
            Ok(reply) => {
                let payload = serde_json::from_slice(&reply.body)
                    .unwrap_or_else(|_| Json::String(String::from_utf8_lossy(&reply.body).into_owned()));
                let failed = reply.header("x-amz-function-error").is_some();
                Ok(if failed { InvocationOutcome::Failed(payload) } else { InvocationOutcome::Returned(payload) })
            }
            Err(e) if e.code() == Some("ResourceNotFoundException") => Ok(InvocationOutcome::NoFunction),
            Err(e) => Err(AwsError::of(&format!("invoke the function {function}"), &e)),
        }
    }
}
