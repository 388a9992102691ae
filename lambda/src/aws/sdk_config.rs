//! What the SDK is told: Lambda's environment, and nothing else.
//!
//! The SDK's own way asks files, a container's credentials and an instance's metadata too. None of them is there in Lambda, and to be
//! ready for them costs a tenth of the package and a third of the time to start.

use std::time::Duration;

use aws_config::{
    BehaviorVersion, Region, SdkConfig, environment::EnvironmentVariableCredentialsProvider, identity::IdentityCache,
    retry::RetryConfig, timeout::TimeoutConfig,
};
use aws_sdk_iam::config::{SharedAsyncSleep, SharedCredentialsProvider};
use aws_smithy_async::{
    rt::sleep::TokioSleep,
    time::{SharedTimeSource, SystemTimeSource},
};
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

use super::http_client;
use crate::model::time::Span;

/// The longest that one attempt at a call may take. Lambda's limit leaves room for several.
const ATTEMPT: Span = Span::seconds(10);
/// The longest that it may take to be connected: the SDK's own default.
const CONNECT: Duration = Duration::from_millis(3_100);
/// How often a call is tried when AWS throttles or does not answer, unless AWS_MAX_ATTEMPTS says otherwise; the verification
/// only once.
const ATTEMPTS: u32 = 5;
/// The longest that a call may take with its retries: well within the lease that an intent gives.
const CALL: Span = Span::seconds(30);

/// The Region, the credentials and the endpoints of the environment.
pub(super) fn config() -> SdkConfig {
    let attempts = variable("AWS_MAX_ATTEMPTS").and_then(|n| n.parse().ok()).unwrap_or(ATTEMPTS);
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(ATTEMPT.std())
        .operation_timeout(CALL.std());
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(variable("AWS_REGION").map(Region::new))
        .credentials_provider(SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()))
        .identity_cache(IdentityCache::lazy().build())
        .http_client(http_client())
        .timeout_config(timeouts.build())
        .retry_config(RetryConfig::adaptive().with_max_attempts(attempts))
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .time_source(SharedTimeSource::new(SystemTimeSource::new()))
        .service_config(Endpoints);
    config.set_endpoint_url(variable("AWS_ENDPOINT_URL"));
    config.set_use_fips(variable("AWS_USE_FIPS_ENDPOINT").map(|word| word.eq_ignore_ascii_case("true")));
    config.build()
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// An endpoint of one service alone: `AWS_ENDPOINT_URL_IAM` (AWS SDKs and Tools Reference Guide, "Service-specific endpoints").
#[derive(Debug)]
struct Endpoints;

impl LoadServiceConfig for Endpoints {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let service = key.service_id().to_ascii_uppercase().replace(' ', "_");
        variable(&format!("{}_{service}", key.env()))
    }
}
