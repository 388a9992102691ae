//! The AWS APIs for the planner's calls: one adapter for each service. Only these files name the SDK.

mod ambiguous_attempts;
mod event_bridge;
mod iam;
mod paced_client;
mod request_rate;
mod sdk_config;
mod secrets_manager;
mod sns;
mod sts;
mod throttle;

use std::error::Error;

use aws_config::SdkConfig;
use aws_sdk_iam::{
    config::{SharedHttpClient, http::HttpResponse},
    error::{ProvideErrorMetadata, SdkError},
};
use aws_smithy_http_client::{Builder, tls};

use self::{
    event_bridge::EventBridge,
    paced_client::{PacedClient, ThrottlingWatch},
    request_rate::RequestRate,
};
use crate::{
    contract::{
        event_bus_arn::EventBusArn, listed_user::ListedUser, member_event::MemberEvent, resource_tags::ResourceTags,
        topic_arn::TopicArn,
    },
    handler::{aws_api::Aws, load_users::AccountLists, publisher::CentralTopic},
    model::{
        access_key::{AccessKeyId, KeyStatus, SecretAccessKey},
        kms_key::KmsKey,
        time::Span,
        user::UserName,
    },
    notice::{Publication, RelayedMail},
    protocol::{
        call::Answer,
        call_error::{CallError, Effect, ErrorCode},
        journal::JournalEntry,
    },
    selection::{
        credential_report::CredentialReport,
        routing::{ConfirmedAddresses, Envelope},
    },
};

/// How many users a run handles at once while only the latency of AWS limits it. With more, a mail to an address that all
/// of them share would wait too long: see [`crate::protocol::run::REPORT_TIME`].
const USERS_AT_ONCE: usize = 24;
/// How many users a run handles at once while AWS throttles it. More would only make each rotation longer.
const USERS_AT_ONCE_AT_LIMIT: usize = 8;

/// AWS itself, through the SDK. All users of a run share one client, and so one rate, for each service.
pub struct Sdk {
    event_bridge: EventBridge,
    iam: aws_sdk_iam::Client,
    secrets_manager: aws_sdk_secretsmanager::Client,
    sns: aws_sdk_sns::Client,
    sts: aws_sdk_sts::Client,
    /// The rates of these services.
    rates: [RequestRate; 5],
}

impl Sdk {
    /// Creates the clients, with the credentials, the Region and the endpoints of the environment variables.
    #[must_use]
    pub fn from_environment() -> Self {
        Self::new(&sdk_config::config())
    }

    /// Creates the clients of another program, with its credentials, its Region and its endpoints.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        let rates: [RequestRate; 5] = std::array::from_fn(|_| RequestRate::default());
        let [event_bridge, iam, secrets_manager, sns, sts] = rates.each_ref().map(|rate| {
            let client = config.http_client().map(|client| PacedClient { client, rate: rate.clone() });
            let config = match client {
                Some(client) => config.to_builder().http_client(client).build(),
                None => config.clone(),
            };
            (config, ThrottlingWatch(rate.clone()))
        });
        // Each SDK crate has its own type of configuration.
        macro_rules! client {
            ($sdk:ident, $config:ident) => {
                $sdk::Client::from_conf($sdk::config::Builder::from(&$config.0).interceptor($config.1).build())
            };
        }
        Self {
            event_bridge: EventBridge { config: event_bridge.0, watch: event_bridge.1 },
            iam: client!(aws_sdk_iam, iam),
            secrets_manager: client!(aws_sdk_secretsmanager, secrets_manager),
            sns: client!(aws_sdk_sns, sns),
            sts: client!(aws_sdk_sts, sts),
            rates,
        }
    }
}

impl Sdk {
    /// IAM's credential report as IAM sends it, with the columns that the handler does not need.
    ///
    /// # Errors
    /// [`CallError`] if IAM refuses it, or has not made it within minutes.
    pub async fn credential_report_content(&self) -> Result<Vec<u8>, CallError> {
        iam::credential_report_content(&self.iam).await
    }
}

/// The one HTTP client, so that there is one connection pool and one TLS stack. With ring, the first handshake does not
/// wait for entropy.
#[must_use]
pub fn http_client() -> SharedHttpClient {
    Builder::new().tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring)).build_https()
}

impl CentralTopic for Sdk {
    async fn publish_relayed(&self, topic: &TopicArn, mail: RelayedMail) -> Result<(), CallError> {
        sns::publish_relayed(&self.sns, topic, mail).await
    }
}

impl AccountLists for Sdk {
    async fn credential_report(&self) -> Result<CredentialReport, CallError> {
        iam::credential_report(&self.iam).await
    }

    async fn account_users(&self) -> Result<Vec<ListedUser>, CallError> {
        iam::account_users(&self.iam).await
    }
}

impl Aws for Sdk {
    fn users_at_once(&self) -> usize {
        users_at_once(&self.rates)
    }

    async fn list_access_keys(&self, user: &UserName) -> Result<Answer, CallError> {
        iam::list_access_keys(&self.iam, user).await
    }

    async fn list_user_tags(&self, user: &UserName) -> Result<Answer, CallError> {
        iam::list_user_tags(&self.iam, user).await
    }

    async fn last_used(&self, key: &AccessKeyId) -> Result<Answer, CallError> {
        iam::last_used(&self.iam, key).await
    }

    async fn tag_user(&self, user: &UserName, entries: &[JournalEntry]) -> Result<Answer, CallError> {
        iam::tag_user(&self.iam, user, entries).await
    }

    async fn untag_user(&self, user: &UserName, tags: &[String]) -> Result<Answer, CallError> {
        iam::untag_user(&self.iam, user, tags).await
    }

    async fn create_access_key(&self, user: &UserName) -> Result<(Answer, SecretAccessKey), CallError> {
        iam::create_access_key(&self.iam, user).await
    }

    async fn set_status(&self, user: &UserName, key: &AccessKeyId, status: KeyStatus) -> Result<Answer, CallError> {
        iam::set_status(&self.iam, user, key, status).await
    }

    async fn delete_access_key(&self, user: &UserName, key: &AccessKeyId) -> Result<Answer, CallError> {
        iam::delete_access_key(&self.iam, user, key).await
    }

    async fn verify(&self, user: &UserName, key: &AccessKeyId, secret: &SecretAccessKey) -> Result<Answer, CallError> {
        sts::verify(&self.sts, user, key, secret).await
    }

    async fn put_secret(
        &self,
        name: &str,
        user: &UserName,
        key: &AccessKeyId,
        secret: &SecretAccessKey,
    ) -> Result<Answer, CallError> {
        secrets_manager::put(&self.secrets_manager, name, user, key, secret).await
    }

    async fn create_secret(
        &self,
        name: &str,
        user: &UserName,
        key: &KmsKey,
        tags: &ResourceTags,
    ) -> Result<Answer, CallError> {
        secrets_manager::create(&self.secrets_manager, name, user, key, tags).await
    }

    async fn check_secret(&self, name: &str, key: &KmsKey) -> Result<Answer, CallError> {
        secrets_manager::check(&self.secrets_manager, name, key).await
    }

    async fn put_resource_policy(&self, name: &str, policy: &str, key: &KmsKey) -> Result<Answer, CallError> {
        secrets_manager::put_policy(&self.secrets_manager, name, policy, key).await
    }

    async fn describe_secret(&self, name: &str, key: &AccessKeyId) -> Result<Answer, CallError> {
        secrets_manager::describe(&self.secrets_manager, name, key).await
    }

    async fn confirmed_addresses(&self, topic: &TopicArn) -> Result<ConfirmedAddresses, CallError> {
        sns::confirmed_addresses(&self.sns, topic).await
    }

    async fn publish(
        &self,
        topic: &TopicArn,
        envelope: &Envelope,
        publication: Publication,
    ) -> Result<Answer, CallError> {
        sns::publish(&self.sns, topic, envelope, publication).await
    }

    async fn put_event(&self, bus: &EventBusArn, event: &MemberEvent) -> Result<Answer, CallError> {
        self.event_bridge.put_event(bus, event).await
    }

    async fn sleep(&self, pause: Span) {
        tokio::time::sleep(pause.std()).await;
    }
}

/// How many users a run handles at once, with these rates of its services.
fn users_at_once(rates: &[RequestRate]) -> usize {
    if rates.iter().any(RequestRate::is_limit) { USERS_AT_ONCE_AT_LIMIT } else { USERS_AT_ONCE }
}

/// What a failed call means. The message is only AWS's error message, because the body of an answer may contain a
/// secret.
fn failure<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> CallError {
    match error {
        SdkError::ServiceError(refused) => {
            let internal = refused.raw().status().as_u16() >= 500;
            let metadata = refused.err().meta();
            CallError {
                effect: if internal { Effect::Unknown } else { Effect::None },
                code: metadata.code().map_or(ErrorCode::UnknownError, |code| ErrorCode::Aws(code.to_owned())),
                message: metadata.message().unwrap_or("no message").to_owned(),
            }
        }
        SdkError::ConstructionFailure(_) => {
            CallError::without_effect(ErrorCode::NotSent, "the request could not be built")
        }
        SdkError::TimeoutError(_) => CallError::with_unknown_effect(ErrorCode::Timeout, "no answer in time"),
        SdkError::DispatchFailure(lost) => {
            let causes = lost.as_connector_error().map_or_else(String::new, |error| causes(error));
            CallError::with_unknown_effect(ErrorCode::NoConnection, causes)
        }
        _ => CallError::with_unknown_effect(ErrorCode::UnreadableAnswer, "the answer could not be read"),
    }
}

/// The causes of an error, outermost first.
fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// The error for an answer that lacks a field that AWS's API promises.
fn incomplete(what: &str) -> CallError {
    CallError::with_unknown_effect(ErrorCode::IncompleteAnswer, format!("the answer has no {what}"))
}
