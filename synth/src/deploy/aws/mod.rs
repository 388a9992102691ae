//! The AWS APIs behind the commands: one adapter per service, and the session that they share.

mod aws_error;
pub mod bucket;
pub mod cloudformation;
mod lambda;
pub(in crate::deploy) mod rest;
mod scheduler;
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

/// Where to work: what the command line says in place of the environment and `~/.aws/config`.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct AwsLocation {
    /// The AWS Region; without it, that of the environment or of the profile
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// The profile of ~/.aws/config whose credentials are used
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
}

/// Credentials that AWS has accepted, and where they are.
#[derive(Debug, Clone)]
pub struct Session {
    /// What each client is made of.
    pub(super) config: SdkConfig,
    /// The account's number, 12 digits.
    pub account: String,
    /// The Region's name.
    pub region: String,
    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub partition: String,
    /// The ARN of whoever they belong to.
    pub identity: String,
}

impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "account {}, Region {}", self.account, self.region)
    }
}

impl Session {
    /// Finds credentials and a Region as every AWS tool does, and asks AWS whose they are.
    ///
    /// # Errors
    /// [`AwsError`] if there are none, or AWS does not accept them.
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
            // A profile that was asked for is meant, even where the environment has keys; the SDK's own chain would take those.
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
