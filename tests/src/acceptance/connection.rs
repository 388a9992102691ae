//! The connection to the account: AWS's services with the caller's credentials, and with the key of a user.

use std::{net::IpAddr, process::Stdio};

use aws_sdk_iam::config::{Credentials, SharedCredentialsProvider};
use serde_json::Value as Json;
use synth::deploy::{
    aws::{AwsLocation, Session},
    invoke::InvocationOutcome,
};

use super::{
    names::{self, OwnName, TestUser},
    step_error::{StepError, call},
};
use crate::{
    account::{ListedKey, OwnedKey},
    tool,
};

/// Whether AWS itself answers, or an emulator on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EndpointKind {
    Aws,
    Local,
}

impl EndpointKind {
    /// The kind of an endpoint. Without an explicit one, AWS answers.
    fn of(endpoint: Option<&str>) -> Self {
        let authority = endpoint.and_then(|url| url.split_once("://")).map(|(_, rest)| rest);
        let host = authority.and_then(|rest| rest.split(['/', '?']).next()).map(|authority| {
            let host =
                authority.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).map_or(authority, |(h, _)| h);
            host.trim_matches(['[', ']'])
        });
        let is_loopback =
            |host: &str| host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
        if host.is_some_and(is_loopback) { Self::Local } else { Self::Aws }
    }
}

/// The account and the Region of a run.
pub(super) struct Connection {
    pub(super) session: Session,
    pub(super) endpoint_kind: EndpointKind,
    pub(super) iam: aws_sdk_iam::Client,
    pub(super) sns: aws_sdk_sns::Client,
    pub(super) sqs: aws_sdk_sqs::Client,
    pub(super) secrets: aws_sdk_secretsmanager::Client,
    pub(super) cloudformation: aws_sdk_cloudformation::Client,
    profile: Option<String>,
}

impl Connection {
    pub(super) async fn open(place: &AwsLocation) -> Result<Self, StepError> {
        let session = Session::open(place).await?;
        let config = session.sdk_config();
        Ok(Self {
            endpoint_kind: EndpointKind::of(config.endpoint_url()),
            iam: aws_sdk_iam::Client::new(config),
            sns: aws_sdk_sns::Client::new(config),
            sqs: aws_sdk_sqs::Client::new(config),
            secrets: aws_sdk_secretsmanager::Client::new(config),
            cloudformation: aws_sdk_cloudformation::Client::new(config),
            profile: place.profile.clone(),
            session,
        })
    }

    /// The Region and the profile as options, which `synth` and the AWS CLI share.
    pub(super) fn options(&self) -> Vec<String> {
        let profile = self.profile.iter().flat_map(|profile| ["--profile".to_owned(), profile.clone()]);
        ["--region".to_owned(), self.session.region.clone()].into_iter().chain(profile).collect()
    }

    /// Runs the AWS CLI, for the few calls to services whose SDK crates would take minutes to build.
    pub(super) async fn cli(&self, arguments: &[&str]) -> Result<Json, StepError> {
        let mut command = tokio::process::Command::new(tool("aws"));
        command.args(arguments).args(self.options()).args(["--output", "json"]).env("AWS_PAGER", "");
        let output = command.stdin(Stdio::null()).output().await;
        let output = output.map_err(|e| StepError::Command(format!("the AWS CLI cannot be started: {e}")))?;
        if output.status.success() {
            return Ok(serde_json::from_slice(&output.stdout).unwrap_or_default());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(StepError::Command(format!("aws {}: {}", arguments[..2].join(" "), said.trim())))
    }

    /// Invokes the function, and returns its run report.
    pub(super) async fn invoke(&self, event: &Json) -> Result<Json, StepError> {
        match self.session.invoke(names::stack().as_str(), event).await? {
            InvocationOutcome::Returned(report) => Ok(report),
            InvocationOutcome::Failed(error) => Err(StepError::Unexpected(format!("the function failed: {error}"))),
            InvocationOutcome::NoFunction => Err(StepError::Unexpected("there is no function".into())),
        }
    }

    /// The keys of a user, oldest first.
    pub(super) async fn keys(&self, user: TestUser) -> Result<Vec<ListedKey>, StepError> {
        let name = user.name();
        let listed = call!("ListAccessKeys", self.iam.list_access_keys().user_name(name.as_str()))?;
        let mut keys: Vec<_> = listed
            .access_key_metadata
            .into_iter()
            .filter_map(|key| {
                let active = key.status.is_some_and(|status| status.as_str() == "Active");
                Some(ListedKey { id: key.access_key_id?, active, created: key.create_date?.secs() })
            })
            .collect();
        keys.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
        Ok(keys)
    }

    /// The tags of a user, in the order of their keys.
    pub(super) async fn tags(&self, user: TestUser) -> Result<Vec<(String, String)>, StepError> {
        let name = user.name();
        let listed = call!("ListUserTags", self.iam.list_user_tags().user_name(name.as_str()))?;
        let mut tags: Vec<_> = listed.tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
        tags.sort();
        Ok(tags)
    }

    /// The key in the user's secret. `None` if there is no secret.
    pub(super) async fn secret(&self, user: TestUser) -> Result<Option<OwnedKey>, StepError> {
        let name = user.secret();
        let value = match call!("GetSecretValue", self.secrets.get_secret_value().secret_id(name.as_str())) {
            Err(e) if e.code() == Some("ResourceNotFoundException") => return Ok(None),
            value => value?.secret_string.unwrap_or_default(),
        };
        let key = serde_json::from_str(&value).ok().as_ref().and_then(OwnedKey::from_secret);
        key.map(Some).ok_or_else(|| StepError::Unexpected(format!("the secret {name} has no access key")))
    }

    /// Whether AWS accepts a key: the ARN of its user, or AWS's error code.
    pub(super) async fn identity(&self, key: &OwnedKey) -> Result<String, String> {
        let sts = aws_sdk_sts::Client::new(&self.with_key(key));
        match call!("GetCallerIdentity", sts.get_caller_identity()) {
            Ok(identity) => Ok(identity.arn.unwrap_or_default()),
            Err(e) => Err(e.code().map_or_else(|| e.to_string(), str::to_owned)),
        }
    }

    /// Reads a secret with a user's key: the id of the key in it, or AWS's error code.
    pub(super) async fn read_secret(&self, key: &OwnedKey, secret: &OwnName) -> Result<String, String> {
        let secrets = aws_sdk_secretsmanager::Client::new(&self.with_key(key));
        match call!("GetSecretValue", secrets.get_secret_value().secret_id(secret.as_str())) {
            Ok(value) => {
                let value = serde_json::from_str(&value.secret_string.unwrap_or_default()).unwrap_or_default();
                Ok(OwnedKey::from_secret(&value).map(|key| key.id).unwrap_or_default())
            }
            Err(e) => Err(e.code().map_or_else(|| e.to_string(), str::to_owned)),
        }
    }

    /// IAM as a user with this key sees it.
    pub(super) fn iam_of(&self, key: &OwnedKey) -> aws_sdk_iam::Client {
        aws_sdk_iam::Client::new(&self.with_key(key))
    }

    fn with_key(&self, key: &OwnedKey) -> aws_config::SdkConfig {
        let credentials = Credentials::new(&key.id, &key.secret, None, None, "acceptance");
        let config = self.session.sdk_config().clone().into_builder();
        config.credentials_provider(SharedCredentialsProvider::new(credentials)).build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_loopback_endpoint_is_a_local_aws() {
        for local in
            ["http://127.0.0.1:4566", "http://127.9.9.9", "https://localhost:1/", "http://[::1]:80", "http://[::1]"]
        {
            assert_eq!(EndpointKind::of(Some(local)), EndpointKind::Local, "{local}");
        }
        let vpc = "https://vpce-1.iam.eu-west-1.vpce.amazonaws.com";
        for aws in
            [None, Some("http://10.0.0.1:4566"), Some("http://127.0.0.1.example.com"), Some(vpc), Some("localhost")]
        {
            assert_eq!(EndpointKind::of(aws), EndpointKind::Aws, "{aws:?}");
        }
    }
}
