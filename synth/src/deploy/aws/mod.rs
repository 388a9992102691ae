//! The AWS APIs that the commands use: one adapter for each service, and the session that they share.

mod aws_error;
pub mod bucket;
pub mod cloudformation;
mod cloudwatch;
mod iam;
mod lambda;
mod profile;
mod rest;
mod scheduler;
mod secrets_manager;
mod sns;
pub mod stack_sets;

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use ::lambda::model::parse_error::ParseError;
use aws_config::{
    BehaviorVersion, Region, SdkConfig, profile::ProfileFileCredentialsProvider, provider_config::ProviderConfig,
    retry::RetryConfig, timeout::TimeoutConfig,
};
use aws_sdk_sts::config::{Credentials, IdentityCache, SharedCredentialsProvider};
use aws_smithy_http_client::{
    pool::{Client, ConnectionPool},
    tls,
};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use crate::config;
pub use aws_error::AwsError;

/// The Region and profile from the command line. They override the environment and `~/.aws/config`.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct AwsLocation {
    /// The AWS Region; without it, that of the environment or of the profile
    #[arg(long, value_name = "REGION", value_parser = region)]
    pub region: Option<String>,
    /// The profile of ~/.aws/config whose credentials are used
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
}

/// Checks the form of a Region's code.
fn region(text: &str) -> Result<String, ParseError> {
    text.parse::<config::Region>().map(|region| region.to_string())
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
    /// The ARN of the identity that the credentials belong to.
    pub identity: String,
}

impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "account {}, Region {}", self.account, self.region)
    }
}

impl Session {
    /// AWS as the handler uses it, with the credentials of this session.
    pub(in crate::deploy) fn handler(&self) -> ::lambda::aws::Sdk {
        ::lambda::aws::Sdk::new(&self.config)
    }

    /// The partition that the account belongs to, such as `aws`.
    #[must_use]
    pub fn partition(&self) -> &str {
        ::lambda::model::arn::ArnParts::of(&self.identity).map_or("aws", |identity| identity.partition)
    }

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
        match Self::connect(place).await {
            // The SDK does not say that a profile does not exist.
            Err(problem @ (AwsError::NoRegion | AwsError::NoCredentials(_))) => {
                Err(profile::unknown(place.profile.as_deref()).await.unwrap_or(problem))
            }
            opened => opened,
        }
    }

    async fn connect(place: &AwsLocation) -> Result<Self, AwsError> {
        let timeouts = TimeoutConfig::builder().connect_timeout(Duration::from_secs(10)).build();
        let http = http_client()?;
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
        Self::region_of(&config)?;
        if let Some(profile) = &place.profile {
            // A requested profile has precedence over keys in the environment. The SDK's own chain would use those
            // keys.
            let surroundings =
                ProviderConfig::without_region().with_region(config.region().cloned()).with_http_client(http);
            let credentials = ProfileFileCredentialsProvider::builder().profile_name(profile).configure(&surroundings);
            let credentials = SharedCredentialsProvider::new(credentials.build());
            config = config.into_builder().credentials_provider(credentials).build();
        }
        Self::of_config(config).await
    }

    fn region_of(config: &SdkConfig) -> Result<String, AwsError> {
        let region = config.region().map(ToString::to_string).filter(|name| !name.is_empty());
        Ok(self::region(&region.ok_or(AwsError::NoRegion)?)?)
    }

    /// The session with these credentials and this Region. It asks AWS for their identity.
    ///
    /// # Errors
    /// [`AwsError`] if there is no Region, or if AWS does not accept the credentials.
    pub async fn of_config(config: SdkConfig) -> Result<Self, AwsError> {
        let region = Self::region_of(&config)?;
        let sts = aws_sdk_sts::Client::new(&config);
        let identity =
            sts.get_caller_identity().send().await.map_err(|e| AwsError::of("ask whose credentials these are", &e))?;
        let (Some(account), Some(arn)) = (identity.account, identity.arn) else {
            return Err(AwsError::incomplete("GetCallerIdentity", "account"));
        };
        Ok(Self { config, account, region, identity: arn })
    }
}

impl Session {
    /// The session with the temporary credentials of a role in another account, in the same Region.
    ///
    /// # Errors
    /// [`AwsError`] if the role does not exist, or if AWS does not let these credentials assume it.
    pub async fn assume(&self, account: &str, role: &str) -> Result<Self, AwsError> {
        let arn = format!("arn:{}:iam::{account}:role/{}", self.partition(), role.trim_start_matches('/'));
        let call = aws_sdk_sts::Client::new(&self.config).assume_role().role_arn(&arn).role_session_name("synth");
        let assumed =
            call.send().await.map_err(|e| AwsError::of(&format!("assume the role {arn} (sts:AssumeRole)"), &e))?;
        let (Some(credentials), Some(user)) = (assumed.credentials, assumed.assumed_role_user) else {
            return Err(AwsError::incomplete("AssumeRole", "credentials"));
        };
        let expires = SystemTime::try_from(credentials.expiration).ok();
        let credentials = Credentials::new(
            credentials.access_key_id,
            credentials.secret_access_key,
            Some(credentials.session_token),
            expires,
            "role of a member",
        );
        let provider = SharedCredentialsProvider::new(credentials);
        // The cache of identities has those of this session.
        let config = self
            .config
            .clone()
            .into_builder()
            .credentials_provider(provider)
            .identity_cache(IdentityCache::lazy().build());
        Ok(Self {
            config: config.build(),
            account: account.to_owned(),
            region: self.region.clone(),
            identity: user.arn,
        })
    }
}

/// The time after which an idle connection sends a packet that keeps it alive. While a function runs, its connection is
/// idle for up to 15 minutes. NAT gateways drop one after 350 seconds, hosted CI runners after about four minutes.
const KEEPALIVE: Duration = Duration::from_mins(1);

/// The HTTP client that all clients of a session share. With ring, the first handshake does not wait for entropy.
///
/// # Errors
/// [`AwsError`] if it cannot be made.
fn http_client() -> Result<SharedHttpClient, AwsError> {
    let tls = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
    let pool = ConnectionPool::builder().tls_provider(tls).tcp_keepalive(KEEPALIVE).build_https();
    let failed = |why: String| AwsError::NoConnection { doing: "prepare connections to AWS".into(), message: why };
    let client = Client::new(&pool.map_err(|e| failed(e.to_string()))?).map_err(|e| failed(e.to_string()))?;
    Ok(SharedHttpClient::new(client))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{
        fs,
        net::{TcpListener, TcpStream},
        thread,
    };

    use serde_json::json;

    use super::*;

    /// A wrong name is an error of the command line, not of the connection.
    #[test]
    fn a_region_is_a_code_of_aws() {
        for (right, wrong) in [("eu-west-1", "Ireland"), ("us-gov-west-1", "eu west 1"), ("cn-north-1", "")] {
            assert!(region(right).is_ok() && region(wrong).is_err(), "{right} {wrong}");
        }
        let said = AwsError::from(region("Ireland").unwrap_err()).to_string();
        assert!(said.contains("\"Ireland\" is not an AWS Region") && said.contains("AWS_REGION"), "{said}");
    }

    /// The connection that `synth rotate` waits on sends something before a NAT gateway or a CI runner drops it.
    #[tokio::test]
    async fn the_connection_to_a_running_function_is_kept_alive() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .http_client(http_client().unwrap())
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new("id", "secret", None, None, "test")))
            .endpoint_url(format!("http://127.0.0.1:{port}"))
            .build();
        let session = Session { config, account: String::new(), region: "eu-west-1".into(), identity: String::new() };
        let seen = thread::spawn(move || {
            let (_connection, client) = server.accept().unwrap();
            // By then the request is acknowledged, so that its own timer is gone.
            thread::sleep(Duration::from_millis(500));
            let end = |port: u16| format!("0100007F:{port:04X}");
            let ends = format!("{} {}", end(client.port()), end(port));
            let all = fs::read_to_string("/proc/net/tcp").unwrap();
            all.lines().find(|line| line.contains(&ends)).map(str::to_owned)
        });
        session.invoke("rotation", &json!({})).await.unwrap_err();
        // If there was no connection, the server does not wait forever.
        let _ = TcpStream::connect(("127.0.0.1", port));
        let line = seen.join().unwrap().expect("the connection");
        // The kind of the timer, and its rest in hundredths of a second.
        let (kind, rest) = line.split_whitespace().nth(5).and_then(|timer| timer.split_once(':')).unwrap();
        let rest = u64::from_str_radix(rest, 16).unwrap() / 100;
        assert!(kind == "02" && (1..200).contains(&rest), "a keepalive timer below 200 s: {line}");
    }
}
