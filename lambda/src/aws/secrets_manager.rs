//! Secrets Manager.

use aws_sdk_secretsmanager::{Client, error::ProvideErrorMetadata};

use super::{doubt::Doubt, failure};
use crate::{
    document::document,
    key::{AccessKeyId, SecretAccessKey},
    plan::{Answer, Failure},
    user::UserName,
};

const CURRENT: &str = "AWSCURRENT";

/// The version id of a key: derived from it, so that storing it twice is storing it once.
/// 32 to 64 characters ("PutSecretValue": ClientRequestToken).
fn version_id(key: &AccessKeyId) -> String {
    format!("{:->32.64}", key.as_str())
}

pub(super) async fn put(
    secrets: &Client,
    name: &str,
    user: &UserName,
    key: &AccessKeyId,
    secret: &SecretAccessKey,
) -> Result<Answer, Failure> {
    let text = document(user, key, secret)?;
    let call = secrets.put_secret_value().secret_id(name).client_request_token(version_id(key));
    let doubt = Doubt::default();
    let call = call.secret_string(text.as_str()).customize().interceptor(doubt.clone());
    call.send().await.map_err(|e| doubt.weigh(failure(&e)))?;
    Ok(Answer::Done)
}

/// Makes the secret if it is not there, without a value: a value comes only with its version id.
pub(super) async fn create(secrets: &Client, name: &str, user: &UserName) -> Result<Answer, Failure> {
    let description = format!("The current access key of IAM user {user}, written by Access Key Rotation");
    match secrets.create_secret().name(name).description(description).send().await {
        Ok(_) => Ok(Answer::Done),
        Err(e) if e.code() == Some("ResourceExistsException") => Ok(Answer::Done),
        Err(e) => Err(failure(&e)),
    }
}

pub(super) async fn put_policy(_: &Client, _: &str, _: &UserName) -> Result<Answer, Failure> {
    todo!("who may read it")
}

pub(super) async fn describe(secrets: &Client, name: &str, key: &AccessKeyId) -> Result<Answer, Failure> {
    let answer = secrets.describe_secret().secret_id(name).send().await.map_err(|e| failure(&e))?;
    let versions = answer.version_ids_to_stages.unwrap_or_default();
    let stages = versions.get(&version_id(key));
    Ok(Answer::Current(stages.is_some_and(|stages| stages.iter().any(|stage| stage == CURRENT))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_id_has_a_length_that_secrets_manager_accepts_and_names_its_key() {
        for length in [16, 20, 32, 64, 128] {
            let id = version_id(&"A".repeat(length).parse().unwrap());
            assert!((32..=64).contains(&id.len()), "{id}");
        }
        assert_eq!(version_id(&"AKIAEXAMPLE000000001".parse().unwrap()), "------------AKIAEXAMPLE000000001");
    }
}
