//! The configuration of the SDK: it comes only from Lambda's environment variables.
//!
//! The SDK's default also reads files, a container's credentials and an instance's metadata. Lambda has none of them.
//! The code for them would add a tenth to the package and a third to the start time.

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

use super::{http_client, throttle::LONGEST_PAUSE};
use crate::model::time::Span;

/// The longest that one attempt at a call may take. Lambda's time limit leaves room for several attempts.
const ATTEMPT: Span = Span::seconds(10);
/// The longest that a connection may take: the SDK's default.
const CONNECT: Duration = Duration::from_millis(3_100);
/// How often a call is tried if AWS throttles it or does not answer. AWS_MAX_ATTEMPTS overrides it. The verification is
/// tried only once.
const ATTEMPTS: u32 = 8;
/// The longest that a call may take with its retries: well within the lease of an intent.
const CALL: Span = Span::seconds(30);

/// The configuration with the Region, the credentials and the endpoints of the environment variables.
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
        .retry_config(RetryConfig::standard().with_max_attempts(attempts).with_max_backoff(LONGEST_PAUSE))
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

/// The endpoints of single services, such as `AWS_ENDPOINT_URL_IAM` (AWS SDKs and Tools Reference Guide,
/// "Service-specific endpoints").
#[derive(Debug)]
struct Endpoints;

impl LoadServiceConfig for Endpoints {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let service = key.service_id().to_ascii_uppercase().replace(' ', "_");
        variable(&format!("{}_{service}", key.env()))
    }
}
