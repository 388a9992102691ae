//! The adapter for Secrets Manager: one secret for each user.

use aws_sdk_secretsmanager::{Client, config::Region, error::ProvideErrorMetadata, types::Tag};

use super::{ambiguous_attempts::AmbiguousAttempts, failure};
use crate::{
    contract::{permissions::tags, resource_tags::ResourceTags},
    delivery::key_document::{document, version_id},
    model::{
        access_key::{AccessKeyId, SecretAccessKey},
        kms_key::{KmsKey, KmsKeyArn},
        user::UserName,
    },
    protocol::call::Answer,
    protocol::call_error::{CallError, ErrorCode},
};

const CURRENT: &str = "AWSCURRENT";

pub(super) async fn put(
    secrets: &Client,
    name: &str,
    user: &UserName,
    key: &AccessKeyId,
    secret: &SecretAccessKey,
) -> Result<Answer, CallError> {
    let text = document(user, key, secret)?;
    let call = secrets.put_secret_value().secret_id(name).client_request_token(version_id(key));
    let attempts = AmbiguousAttempts::default();
    let call = call.secret_string(text.as_str()).customize().interceptor(attempts.clone());
    call.send().await.map_err(|e| attempts.adjust_effect(failure(&e)))?;
    Ok(Answer::Done)
}

/// Creates the secret if it does not exist. It gets no value here, because each value must have the version id of its
/// key.
pub(super) async fn create(
    secrets: &Client,
    name: &str,
    user: &UserName,
    key: &KmsKey,
    company: &ResourceTags,
) -> Result<Answer, CallError> {
    let description = format!("The current access key of IAM user {user}, written by Access Key Rotation");
    let own = tags(user);
    let own = own.iter().map(|(key, value)| (*key, value.as_str()));
    let tags = own.chain(company.pairs()).map(|(key, value)| Tag::builder().key(key).value(value).build());
    let call = secrets.create_secret().name(name).description(description).set_tags(Some(tags.collect()));
    match call.set_kms_key_id(key.customer().map(KmsKeyArn::to_string)).send().await {
        Ok(_) => Ok(Answer::Done),
        Err(e) if e.code() == Some("ResourceExistsException") => check(secrets, name, key).await,
        // This is also AWS's answer if the secret is scheduled for deletion.
        Err(e) if e.code() == Some("InvalidRequestException") => {
            check(secrets, name, key).await?;
            Err(failure(&e))
        }
        Err(e) => Err(failure(&e)),
    }
}

/// Checks that an existing secret can take a value, and that the configured KMS key encrypts it. If it does not, a person
/// must change it. That takes permissions for both KMS keys, and UpdateSecret, which can also change the value; the
/// handler does not have them. To continue would be wrong: the new access key would be encrypted with a KMS key that is
/// not configured. Or the role may not use that KMS key, and each run would create an access key in vain.
pub(super) async fn check(secrets: &Client, name: &str, key: &KmsKey) -> Result<Answer, CallError> {
    let secret = secrets.describe_secret().secret_id(name).send().await.map_err(|e| failure(&e))?;
    let region = secrets.config().region().map_or("REGION", Region::as_ref);
    let command = |verb: &str| format!("aws secretsmanager {verb} --region {region} --secret-id {name}");
    if secret.deleted_date().is_some() {
        let restore = command("restore-secret");
        return Err(CallError::without_effect(
            ErrorCode::SecretBeingDeleted,
            format!("the secret {name} is scheduled for deletion; restore it: {restore}"),
        ));
    }
    let shown = secret.kms_key_id();
    if key.is_shown_as(shown) {
        return Ok(Answer::Done);
    }
    let (is, id) = (shown.map_or_else(|| KmsKey::AwsManaged.to_string(), str::to_owned), key.id());
    Err(CallError::without_effect(
        ErrorCode::OtherKmsKey,
        format!(
            "the secret {name} is encrypted with {is}, but secret_kms_key is {key}; change the secret, once: {} \
             --kms-key-id {id}",
            command("update-secret")
        ),
    ))
}

/// Replaces the policy of the secret, once it is certain that the secret can take a value.
pub(super) async fn put_policy(secrets: &Client, name: &str, policy: &str, key: &KmsKey) -> Result<Answer, CallError> {
    check(secrets, name, key).await?;
    let call = secrets.put_resource_policy().secret_id(name).resource_policy(policy).block_public_policy(true);
    call.send().await.map_err(|e| {
        let mut failure = failure(&e);
        if failure.code.as_str() == "MalformedPolicyDocumentException" {
            // If a principal does not exist, AWS's message names neither the principal nor the setting.
            failure.message += "; the user must exist at this path, and each of secret_readers must exist";
        }
        failure
    })?;
    Ok(Answer::Done)
}

pub(super) async fn describe(secrets: &Client, name: &str, key: &AccessKeyId) -> Result<Answer, CallError> {
    let answer = secrets.describe_secret().secret_id(name).send().await.map_err(|e| failure(&e))?;
    let versions = answer.version_ids_to_stages.unwrap_or_default();
    let stages = versions.get(&version_id(key));
    Ok(Answer::Current(stages.is_some_and(|stages| stages.iter().any(|stage| stage == CURRENT))))
}
