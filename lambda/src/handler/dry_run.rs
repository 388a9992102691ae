//! A dry run: AWS answers every read, and every change is only pretended.
//!
//! The planner cannot tell the difference, so the report shows what a real run would do.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    contract::{resource_tags::ResourceTags, topic_arn::TopicArn},
    handler::aws_api::Aws,
    model::{
        access_key::{AccessKeyId, Key, KeyStatus, SecretAccessKey},
        kms_key::KmsKey,
        time::{Span, Timestamp},
        user::UserName,
    },
    notice::Mail,
    protocol::{
        call::Answer,
        call_error::{CallError, ErrorCode},
        journal::JournalEntry,
    },
    selection::routing::{ConfirmedAddresses, Envelope},
};

/// AWS with reads only. Changes return success without a call.
pub struct DryRun<'a, A> {
    aws: &'a A,
    /// The keys of each user that was read, with the pretended changes applied, so that a later list shows them.
    keys: Mutex<BTreeMap<UserName, Vec<Key>>>,
}

impl<'a, A> DryRun<'a, A> {
    /// Creates a dry run that reads from `aws` and writes nothing.
    pub fn new(aws: &'a A) -> Self {
        Self { aws, keys: Mutex::default() }
    }

    fn keys(&self) -> MutexGuard<'_, BTreeMap<UserName, Vec<Key>>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pretend(&self, user: &UserName, change: impl FnOnce(&mut Vec<Key>)) -> Answer {
        change(self.keys().entry(user.clone()).or_default());
        Answer::Done
    }
}

/// The id of a key that a dry run pretends to create.
const KEY: &str = "KEY_OF_A_DRY_RUN";

impl<A: Aws> Aws for DryRun<'_, A> {
    async fn list_access_keys(&self, user: &UserName) -> Result<Answer, CallError> {
        let known = self.keys().get(user).cloned();
        if let Some(keys) = known {
            return Ok(Answer::Keys(keys));
        }
        let answer = self.aws.list_access_keys(user).await?;
        if let Answer::Keys(keys) = &answer {
            self.keys().insert(user.clone(), keys.clone());
        }
        Ok(answer)
    }

    async fn list_user_tags(&self, user: &UserName) -> Result<Answer, CallError> {
        self.aws.list_user_tags(user).await
    }

    async fn last_used(&self, key: &AccessKeyId) -> Result<Answer, CallError> {
        self.aws.last_used(key).await
    }

    async fn tag_user(&self, _: &UserName, _: &[JournalEntry]) -> Result<Answer, CallError> {
        Ok(Answer::Done)
    }

    async fn untag_user(&self, _: &UserName, _: &[String]) -> Result<Answer, CallError> {
        Ok(Answer::Done)
    }

    async fn create_access_key(&self, user: &UserName) -> Result<(Answer, SecretAccessKey), CallError> {
        let id = KEY.parse().map_err(|e: crate::model::parse_error::ParseError| {
            CallError::without_effect(ErrorCode::DryRun, e.to_string())
        })?;
        let key = Key { id, status: KeyStatus::Active, created: Timestamp::now() };
        self.pretend(user, |keys| keys.push(key.clone()));
        Ok((Answer::Created(key), SecretAccessKey::new(String::new())))
    }

    async fn set_status(&self, user: &UserName, key: &AccessKeyId, status: KeyStatus) -> Result<Answer, CallError> {
        Ok(self.pretend(user, |keys| keys.iter_mut().filter(|k| k.id == *key).for_each(|k| k.status = status)))
    }

    async fn delete_access_key(&self, user: &UserName, key: &AccessKeyId) -> Result<Answer, CallError> {
        Ok(self.pretend(user, |keys| keys.retain(|k| k.id != *key)))
    }

    async fn verify(&self, _: &UserName, _: &AccessKeyId, _: &SecretAccessKey) -> Result<Answer, CallError> {
        Ok(Answer::Done)
    }

    async fn put_secret(
        &self,
        _: &str,
        _: &UserName,
        _: &AccessKeyId,
        _: &SecretAccessKey,
    ) -> Result<Answer, CallError> {
        Ok(Answer::Done)
    }

    async fn create_secret(&self, _: &str, _: &UserName, _: &KmsKey, _: &ResourceTags) -> Result<Answer, CallError> {
        Ok(Answer::Done)
    }

    async fn put_resource_policy(&self, _: &str, _: &str, _: &KmsKey) -> Result<Answer, CallError> {
        Ok(Answer::Done)
    }

    async fn describe_secret(&self, name: &str, key: &AccessKeyId) -> Result<Answer, CallError> {
        if key.as_str() == KEY { Ok(Answer::Current(true)) } else { self.aws.describe_secret(name, key).await }
    }

    async fn confirmed_addresses(&self, topic: &TopicArn) -> Result<ConfirmedAddresses, CallError> {
        self.aws.confirmed_addresses(topic).await
    }

    async fn publish(&self, _: &TopicArn, _: &Envelope, _: Mail) -> Result<Answer, CallError> {
        Ok(Answer::Done)
    }

    async fn sleep(&self, _: Span) {}
}
