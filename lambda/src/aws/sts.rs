//! The adapter for STS: it checks that AWS accepts a new key.

use aws_sdk_sts::{
    Client,
    config::{Config, Credentials, retry::RetryConfig},
};

use super::{failure, incomplete, throttle::patiently};
use crate::{
    model::{
        access_key::{AccessKeyId, SecretAccessKey},
        arn::ArnParts,
        user::UserName,
    },
    protocol::call::Answer,
    protocol::call_error::{CallError, ErrorCode},
};

/// Calls GetCallerIdentity, signed with the new key. The call needs no permission, so its success proves that the key
/// works, and nothing else.
///
/// It is not retried here: the planner counts successes in a row, and a retry would hide a failure between them. Only a
/// throttled call is sent again, because throttling says nothing about the key.
pub(super) async fn verify(
    sts: &Client,
    user: &UserName,
    key: &AccessKeyId,
    secret: &SecretAccessKey,
) -> Result<Answer, CallError> {
    let ask = async || {
        // Everything but the credentials is shared. The SDK drops them after the call.
        let credentials = Credentials::new(key.as_str(), secret.expose(), None, None, "new access key");
        let signed = Config::builder().credentials_provider(credentials).retry_config(RetryConfig::disabled());
        let call = sts.get_caller_identity().customize().config_override(signed);
        call.send().await.map_err(|e| failure(&e))
    };
    let arn = patiently(sts.config().retry_config(), ask).await?.arn.ok_or_else(|| incomplete("Arn"))?;
    let resource = ArnParts::of(&arn).map_or("", |arn| arn.resource);
    let name = resource.strip_prefix("user/").and_then(|path| path.rsplit('/').next());
    if name == Some(user.as_str()) {
        Ok(Answer::Done)
    } else {
        let message = format!("the new key belongs to {arn}, not to the user");
        Err(CallError::without_effect(ErrorCode::WrongIdentity, message))
    }
}
