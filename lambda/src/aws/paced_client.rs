//! An HTTP client that keeps to the rate that a service accepts. Each attempt waits for its turn, whichever client, page or
//! retry it belongs to.

use aws_sdk_iam::{
    config::{ConfigBag, Intercept, RuntimeComponents, SharedHttpClient, interceptors::FinalizerInterceptorContextRef},
    error::BoxError,
};
use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::HttpRequest,
};

use super::{
    request_rate::{RequestRate, Throttled},
    throttle,
};

/// The HTTP client for one service.
#[derive(Debug)]
pub(super) struct PacedClient {
    pub(super) client: SharedHttpClient,
    pub(super) rate: RequestRate,
}

impl HttpClient for PacedClient {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let connector = self.client.http_connector(settings, components);
        SharedHttpConnector::new(PacedConnector { connector, rate: self.rate.clone() })
    }
}

#[derive(Debug)]
struct PacedConnector {
    connector: SharedHttpConnector,
    rate: RequestRate,
}

impl HttpConnector for PacedConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (connector, rate) = (self.connector.clone(), self.rate.clone());
        HttpConnectorFuture::new(async move {
            rate.turn().await;
            connector.call(request).await
        })
    }
}

/// Tells the rate what a service answered to each attempt.
#[derive(Debug, Clone)]
pub(super) struct ThrottlingWatch(pub(super) RequestRate);

impl Intercept for ThrottlingWatch {
    fn name(&self) -> &'static str {
        "ThrottlingWatch"
    }

    fn read_after_attempt(
        &self,
        attempt: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(answer) = attempt.response() else { return Ok(()) };
        // EventBridge accepts a request, and refuses the event in it.
        let is_refusal = attempt.output_or_error().is_some_and(|answer| answer.is_err());
        let body = answer.body().bytes().filter(|_| is_refusal);
        let is_throttled = body.is_some_and(throttle::is_throttling_answer);
        self.0.record(if is_throttled { Throttled::Yes } else { Throttled::No });
        Ok(())
    }
}
