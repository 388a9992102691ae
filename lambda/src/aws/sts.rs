//! STS: is a new key accepted?

use aws_config::SdkConfig;
use aws_sdk_sts::{
    Client,
    config::{Builder, Credentials, retry::RetryConfig},
};

use super::{failure, incomplete, throttle::patiently};
use crate::{
    model::{
        access_key::{AccessKeyId, SecretAccessKey},
        user::UserName,
    },
    protocol::call::{Answer, Effect, Failure},
};

/// Signs GetCallerIdentity with the new key. It needs no permission, so success proves the key and nothing else.
///
/// Not retried here: the plan counts successes in a row, and a retry would hide a failure between them. But that there were too
/// many calls says nothing about the key.
pub(super) async fn verify(
    config: &SdkConfig,
    user: &UserName,
    key: &AccessKeyId,
    secret: &SecretAccessKey,
) -> Result<Answer, Failure> {
    let retries = config.retry_config();
    // SdkConfig brings the endpoint, the connections and the timeouts; the identity is the new key's own.
    let credentials = Credentials::new(key.as_str(), secret.expose(), None, None, "new access key");
    let config = Builder::from(config).credentials_provider(credentials).retry_config(RetryConfig::disabled());
    let sts = Client::from_conf(config.build());
    let ask = async || sts.get_caller_identity().send().await.map_err(|e| failure(&e));
    let arn = patiently(retries, user, ask).await?.arn.ok_or_else(|| incomplete("Arn"))?;
    let name = arn.split_once(":user/").and_then(|(_, path)| path.rsplit('/').next());
    if name == Some(user.as_str()) {
        Ok(Answer::Done)
    } else {
        let message = format!("the key belongs to {arn}");
        Err(Failure { effect: Effect::None, code: "WrongIdentity".into(), message })
    }
}
