//! The AWS APIs that the commands use: one adapter for each service, and the session that they share.

mod aws_error;
pub mod bucket;
pub mod cloudformation;
mod iam;
mod lambda;
pub(in crate::deploy) mod rest;
mod scheduler;
mod secrets_manager;
mod sns;

use std::fmt;

use ::lambda::model::arn::ArnParts;
use aws_config::{
    BehaviorVersion, Region, SdkConfig, profile::ProfileFileCredentialsProvider, provider_config::ProviderConfig,
    retry::RetryConfig, timeout::TimeoutConfig,
};
use aws_sdk_sts::config::SharedCredentialsProvider;
use aws_smithy_http_client::{Builder, tls};

pub use aws_error::AwsError;

/// The Region and profile from the command line. They override the environment and `~/.aws/config`.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct AwsLocation {
    /// The AWS Region; without it, that of the environment or of the profile
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// The profile of ~/.aws/config whose credentials are used
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
}

/// Credentials that AWS has accepted, with their account and Region.
#[derive(Debug, Clone)]
pub struct Session {
    /// The configuration that each client is created with.
    pub(super) config: SdkConfig,
    /// The number of the account, 12 digits.
    pub account: String,
    /// The code of the Region, such as `eu-central-1`.
    pub region: String,
    /// The partition, such as `aws`, `aws-cn` or `aws-us-gov`.
    pub partition: String,
    /// The ARN of the identity that the credentials belong to.
    pub identity: String,
}

impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "account {}, Region {}", self.account, self.region)
    }
}

impl Session {
    /// The configuration for clients of other services, with the same credentials and Region.
    #[must_use]
    pub fn sdk_config(&self) -> &SdkConfig {
        &self.config
    }

    /// Finds credentials and a Region as every AWS tool does, and asks AWS for their identity.
    ///
    /// # Errors
    /// [`AwsError`] if there are none, or if AWS does not accept them.
    pub async fn open(place: &AwsLocation) -> Result<Self, AwsError> {
        let timeouts = TimeoutConfig::builder().connect_timeout(std::time::Duration::from_secs(10)).build();
        let http =
            Builder::new().tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring)).build_https();
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .http_client(http.clone())
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard().with_max_attempts(5));
        if let Some(region) = &place.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(profile) = &place.profile {
            loader = loader.profile_name(profile);
        }
        let mut config = loader.load().await;
        let region = config.region().map(ToString::to_string).filter(|name| !name.is_empty());
        let region = region.ok_or(AwsError::NoRegion)?;
        if let Some(profile) = &place.profile {
            // A requested profile has precedence over keys in the environment. The SDK's own chain would use those
            // keys.
            let surroundings =
                ProviderConfig::without_region().with_region(config.region().cloned()).with_http_client(http);
            let credentials = ProfileFileCredentialsProvider::builder().profile_name(profile).configure(&surroundings);
            let credentials = SharedCredentialsProvider::new(credentials.build());
            config = config.into_builder().credentials_provider(credentials).build();
        }
        let sts = aws_sdk_sts::Client::new(&config);
        let identity =
            sts.get_caller_identity().send().await.map_err(|e| AwsError::of("ask whose credentials these are", &e))?;
        let (Some(account), Some(arn)) = (identity.account, identity.arn) else {
            return Err(AwsError::incomplete("GetCallerIdentity", "account"));
        };
        let partition = ArnParts::of(&arn).map_or("aws", |arn| arn.partition).to_owned();
        Ok(Self { config, account, region, partition, identity: arn })
    }
}
