//! The AWS APIs behind the plan's calls: one adapter per service. Only these files name the SDK.

mod ambiguous_attempts;
mod iam;
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

use crate::{
    contract::{listed_user::ListedUser, topic_arn::TopicArn},
    handler::{executor::Aws, load_users::Account},
    model::{
        access_key::{AccessKeyId, SecretAccessKey, Status},
        email::Email,
        kms_key::KmsKey,
        time::Span,
        user::UserName,
    },
    notice::Mail,
    protocol::{
        call::{Answer, Effect, Failure},
        journal::{Entry, RunId},
    },
    selection::{credential_report::CredentialReport, routing::Envelope},
};

/// The real AWS.
pub struct Sdk {
    config: SdkConfig,
    iam: aws_sdk_iam::Client,
    secrets_manager: aws_sdk_secretsmanager::Client,
    sns: aws_sdk_sns::Client,
}

impl Sdk {
    /// Clients with the credentials, the Region and the endpoints of the environment.
    #[must_use]
    pub fn from_environment() -> Self {
        let config = sdk_config::config();
        Self {
            iam: aws_sdk_iam::Client::new(&config),
            secrets_manager: aws_sdk_secretsmanager::Client::new(&config),
            sns: aws_sdk_sns::Client::new(&config),
            config,
        }
    }
}

/// One connection pool, one TLS stack. ring needs no entropy gathering at the first handshake.
#[must_use]
pub fn http_client() -> SharedHttpClient {
    Builder::new().tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring)).build_https()
}

impl Account for Sdk {
    async fn credential_report(&self) -> Result<CredentialReport, Failure> {
        iam::credential_report(&self.iam).await
    }

    async fn account_users(&self) -> Result<Vec<ListedUser>, Failure> {
        iam::account_users(&self.iam).await
    }
}

impl Aws for Sdk {
    async fn list_access_keys(&self, user: &UserName) -> Result<Answer, Failure> {
        iam::list_access_keys(&self.iam, user).await
    }

    async fn list_user_tags(&self, user: &UserName) -> Result<Answer, Failure> {
        iam::list_user_tags(&self.iam, user).await
    }

    async fn last_used(&self, key: &AccessKeyId) -> Result<Answer, Failure> {
        iam::last_used(&self.iam, key).await
    }

    async fn tag_user(&self, user: &UserName, entries: &[Entry]) -> Result<Answer, Failure> {
        iam::tag_user(&self.iam, user, entries).await
    }

    async fn untag_user(&self, user: &UserName, run: &RunId) -> Result<Answer, Failure> {
        iam::untag_user(&self.iam, user, run).await
    }

    async fn create_access_key(&self, user: &UserName) -> Result<(Answer, SecretAccessKey), Failure> {
        iam::create_access_key(&self.iam, user).await
    }

    async fn set_status(&self, user: &UserName, key: &AccessKeyId, status: Status) -> Result<Answer, Failure> {
        iam::set_status(&self.iam, user, key, status).await
    }

    async fn delete_access_key(&self, user: &UserName, key: &AccessKeyId) -> Result<Answer, Failure> {
        iam::delete_access_key(&self.iam, user, key).await
    }

    async fn verify(&self, user: &UserName, key: &AccessKeyId, secret: &SecretAccessKey) -> Result<Answer, Failure> {
        sts::verify(&self.config, user, key, secret).await
    }

    async fn put_secret(
        &self,
        name: &str,
        user: &UserName,
        key: &AccessKeyId,
        secret: &SecretAccessKey,
    ) -> Result<Answer, Failure> {
        secrets_manager::put(&self.secrets_manager, name, user, key, secret).await
    }

    async fn create_secret(&self, name: &str, user: &UserName, key: &KmsKey) -> Result<Answer, Failure> {
        secrets_manager::create(&self.secrets_manager, name, user, key).await
    }

    async fn put_resource_policy(&self, name: &str, policy: &str, key: &KmsKey) -> Result<Answer, Failure> {
        secrets_manager::put_policy(&self.secrets_manager, name, policy, key).await
    }

    async fn describe_secret(&self, name: &str, key: &AccessKeyId) -> Result<Answer, Failure> {
        secrets_manager::describe(&self.secrets_manager, name, key).await
    }

    async fn list_subscribers(&self, topic: &TopicArn, mailboxes: &[&Email]) -> Result<Answer, Failure> {
        sns::list_subscribers(&self.sns, topic, mailboxes).await
    }

    async fn publish(&self, topic: &TopicArn, envelope: &Envelope, mail: Mail) -> Result<Answer, Failure> {
        sns::publish(&self.sns, topic, envelope, mail).await
    }

    async fn sleep(&self, pause: Span) {
        tokio::time::sleep(pause.std()).await;
    }
}

/// What a failed call means. AWS's own words only: an answer's body may hold a secret.
fn failure<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Failure {
    let told = |effect, code: &str, message: String| Failure { effect, code: code.into(), message };
    match error {
        SdkError::ServiceError(refused) => {
            let internal = refused.raw().status().as_u16() >= 500;
            let metadata = refused.err().meta();
            Failure {
                effect: if internal { Effect::Unknown } else { Effect::None },
                code: metadata.code().unwrap_or("UnknownError").to_owned(),
                message: metadata.message().unwrap_or("no message").to_owned(),
            }
        }
        SdkError::ConstructionFailure(_) => told(Effect::None, "NotSent", "the request could not be built".into()),
        SdkError::TimeoutError(_) => told(Effect::Unknown, "Timeout", "no answer in time".into()),
        SdkError::DispatchFailure(lost) => {
            let causes = lost.as_connector_error().map_or_else(String::new, |error| causes(error));
            told(Effect::Unknown, "NoConnection", causes)
        }
        _ => told(Effect::Unknown, "UnreadableAnswer", "the answer could not be read".into()),
    }
}

/// An error's causes, outermost first.
fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// AWS left out something that its API promises.
fn incomplete(what: &str) -> Failure {
    Failure { effect: Effect::Unknown, code: "IncompleteAnswer".into(), message: format!("the answer has no {what}") }
}
