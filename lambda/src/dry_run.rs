//! A dry run: AWS answers every question, and every change only seems to be made.
//!
//! The plan cannot tell the difference, so what it would do is what the report says.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::{
    journal::{Entry, RunId},
    key::{AccessKeyId, Key, SecretAccessKey, Status},
    notice::Mail,
    plan::{Answer, Effect, Failure},
    rotate::Aws,
    run::now,
    settings::TopicArn,
    time::Span,
    user::UserName,
};

/// AWS, for reading only.
pub struct DryRun<'a, A> {
    aws: &'a A,
    /// The keys that seem to have been made, so that the lists that follow show them.
    made: Mutex<Vec<(UserName, Key)>>,
}

impl<'a, A> DryRun<'a, A> {
    /// Reads from `aws`, writes nowhere.
    pub fn new(aws: &'a A) -> Self {
        Self { aws, made: Mutex::default() }
    }

    fn made(&self) -> MutexGuard<'_, Vec<(UserName, Key)>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The id that a key of a dry run has.
const KEY: &str = "KEY_OF_A_DRY_RUN";

impl<A: Aws> Aws for DryRun<'_, A> {
    async fn list_access_keys(&self, user: &UserName) -> Result<Answer, Failure> {
        let answer = self.aws.list_access_keys(user).await?;
        let Answer::Keys(mut keys) = answer else { return Ok(answer) };
        keys.extend(self.made().iter().filter(|(owner, _)| owner == user).map(|(_, key)| key.clone()));
        Ok(Answer::Keys(keys))
    }

    async fn list_user_tags(&self, user: &UserName) -> Result<Answer, Failure> {
        self.aws.list_user_tags(user).await
    }

    async fn last_used(&self, key: &AccessKeyId) -> Result<Answer, Failure> {
        self.aws.last_used(key).await
    }

    async fn tag_user(&self, _: &UserName, _: &[Entry]) -> Result<Answer, Failure> {
        Ok(Answer::Done)
    }

    async fn untag_user(&self, _: &UserName, _: &RunId) -> Result<Answer, Failure> {
        Ok(Answer::Done)
    }

    async fn create_access_key(&self, user: &UserName) -> Result<(Answer, SecretAccessKey), Failure> {
        let id = KEY.parse().map_err(|e: crate::text::Invalid| Failure {
            effect: Effect::None,
            code: "DryRun".into(),
            message: e.to_string(),
        })?;
        let key = Key { id, status: Status::Active, created: now() };
        self.made().push((user.clone(), key.clone()));
        Ok((Answer::Created(key), SecretAccessKey::new(String::new())))
    }

    async fn set_status(&self, _: &UserName, _: &AccessKeyId, _: Status) -> Result<Answer, Failure> {
        Ok(Answer::Done)
    }

    async fn delete_access_key(&self, _: &UserName, _: &AccessKeyId) -> Result<Answer, Failure> {
        Ok(Answer::Done)
    }

    async fn verify(&self, _: &UserName, _: &AccessKeyId, _: &SecretAccessKey) -> Result<Answer, Failure> {
        Ok(Answer::Done)
    }

    async fn put_secret(&self, _: &str, _: &UserName, _: &AccessKeyId, _: &SecretAccessKey) -> Result<Answer, Failure> {
        Ok(Answer::Done)
    }

    async fn create_secret(&self, _: &str, _: &UserName) -> Result<Answer, Failure> {
        Ok(Answer::Done)
    }

    async fn describe_secret(&self, name: &str, key: &AccessKeyId) -> Result<Answer, Failure> {
        if key.as_str() == KEY { Ok(Answer::Current(true)) } else { self.aws.describe_secret(name, key).await }
    }

    async fn count_subscribers(&self, topic: &TopicArn) -> Result<Answer, Failure> {
        self.aws.count_subscribers(topic).await
    }

    async fn publish(&self, _: &TopicArn, _: &UserName, _: Mail) -> Result<Answer, Failure> {
        Ok(Answer::Done)
    }

    async fn sleep(&self, _: Span) {}
}
