//! A dry run: AWS answers every read, and every change is only pretended.
//!
//! The planner cannot tell the difference, so the report shows what a real run would do.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    contract::{
        event_bus_arn::EventBusArn, member_event::MemberEvent, resource_tags::ResourceTags, topic_arn::TopicArn,
    },
    handler::aws_api::Aws,
    model::{
        access_key::{AccessKeyId, Key, KeyStatus, LastUse, SecretAccessKey},
        kms_key::KmsKey,
        time::{Span, Timestamp},
        user::UserName,
    },
    notice::Publication,
    protocol::{
        call::{Answer, Call},
        call_error::{CallError, ErrorCode},
        journal::JournalEntry,
    },
    selection::routing::{ConfirmedAddresses, Envelope},
};

/// AWS with reads only. Changes return success without a call.
pub struct DryRun<'a, A> {
    aws: &'a A,
    /// The recipients that count as confirmed. `None` if AWS is asked.
    confirmed: Option<ConfirmedAddresses>,
    pretended: Mutex<Pretended>,
}

/// What a dry run remembers, so that later reads agree with the pretended changes.
#[derive(Default)]
struct Pretended {
    /// The keys of each user that was read, with the changes applied.
    keys: BTreeMap<UserName, Vec<Key>>,
    /// The names of the created secrets.
    secrets: BTreeSet<String>,
    /// The actions that AWS denied to the caller, each with AWS's first message about it.
    denied: BTreeMap<String, String>,
}

impl<'a, A> DryRun<'a, A> {
    /// Creates a dry run that reads from `aws` and writes nothing.
    pub fn new(aws: &'a A) -> Self {
        Self { aws, confirmed: None, pretended: Mutex::default() }
    }

    /// Creates a dry run in which these recipients have confirmed, whatever SNS says.
    pub fn with_confirmed(aws: &'a A, confirmed: ConfirmedAddresses) -> Self {
        Self { confirmed: Some(confirmed), ..Self::new(aws) }
    }

    /// The actions that AWS denied to the caller, each with AWS's first message about it.
    pub fn denied(self) -> BTreeMap<String, String> {
        self.pretended.into_inner().unwrap_or_else(PoisonError::into_inner).denied
    }

    fn pretended(&self) -> MutexGuard<'_, Pretended> {
        self.pretended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pretend(&self, user: &UserName, change: impl FnOnce(&mut Vec<Key>)) -> Answer {
        change(self.pretended().keys.entry(user.clone()).or_default());
        Answer::Done
    }

    /// Remembers a denial of this call.
    fn noted<T>(&self, call: &Call, answer: Result<T, CallError>) -> Result<T, CallError> {
        if let Err(failure) = &answer
            && failure.code.is_denial()
        {
            self.pretended().denied.entry(call.action()).or_insert_with(|| failure.message.clone());
        }
        answer
    }
}

impl<A: Aws> DryRun<'_, A> {
    /// Checks a secret that this dry run has not created.
    async fn check(&self, name: &str, key: &KmsKey) -> Result<Answer, CallError> {
        match self.aws.check_secret(name, key).await {
            // While a secret does not exist, a permission on the ARNs of secrets does not cover it. Then AWS names the
            // secret instead of an ARN, and the planner continues as if the secret were missing.
            Err(refused) if refused.code.is_denial() && refused.message.contains(&format!("resource: {name}")) => {
                Err(refused)
            }
            answer => self.noted(&Call::DescribeSecret(key_of_a_dry_run()?), answer),
        }
    }
}

/// The id of a key that a dry run pretends to create.
const KEY: &str = "KEY_OF_A_DRY_RUN";

fn key_of_a_dry_run() -> Result<AccessKeyId, CallError> {
    KEY.parse()
        .map_err(|e: crate::model::parse_error::ParseError| CallError::without_effect(ErrorCode::DryRun, e.to_string()))
}

impl<A: Aws> Aws for DryRun<'_, A> {
    fn users_at_once(&self) -> usize {
        self.aws.users_at_once()
    }

    async fn list_access_keys(&self, user: &UserName) -> Result<Answer, CallError> {
        let known = self.pretended().keys.get(user).cloned();
        if let Some(keys) = known {
            return Ok(Answer::Keys(keys));
        }
        let answer = self.noted(&Call::ListAccessKeys, self.aws.list_access_keys(user).await)?;
        if let Answer::Keys(keys) = &answer {
            self.pretended().keys.insert(user.clone(), keys.clone());
        }
        Ok(answer)
    }

    async fn list_user_tags(&self, user: &UserName) -> Result<Answer, CallError> {
        self.noted(&Call::ListUserTags, self.aws.list_user_tags(user).await)
    }

    async fn last_used(&self, key: &AccessKeyId) -> Result<Answer, CallError> {
        if key.as_str() == KEY {
            return Ok(Answer::LastUse(LastUse::Never));
        }
        self.noted(&Call::GetAccessKeyLastUsed(key.clone()), self.aws.last_used(key).await)
    }

    async fn tag_user(&self, _: &UserName, _: &[JournalEntry]) -> Result<Answer, CallError> {
        Ok(Answer::Done)
    }

    async fn untag_user(&self, _: &UserName, _: &[String]) -> Result<Answer, CallError> {
        Ok(Answer::Done)
    }

    async fn create_access_key(&self, user: &UserName) -> Result<(Answer, SecretAccessKey), CallError> {
        let key = Key { id: key_of_a_dry_run()?, status: KeyStatus::Active, created: Timestamp::now() };
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

    async fn create_secret(
        &self,
        name: &str,
        _: &UserName,
        key: &KmsKey,
        _: &ResourceTags,
    ) -> Result<Answer, CallError> {
        match self.check(name, key).await {
            // The secret does not exist, or AWS does not say whether it does.
            Err(CallError { code, .. }) if code.is_denial() || code.as_str() == "ResourceNotFoundException" => {
                self.pretended().secrets.insert(name.to_owned());
                Ok(Answer::Done)
            }
            answer => answer,
        }
    }

    async fn check_secret(&self, name: &str, key: &KmsKey) -> Result<Answer, CallError> {
        let is_created = self.pretended().secrets.contains(name);
        if is_created { Ok(Answer::Done) } else { self.check(name, key).await }
    }

    async fn put_resource_policy(&self, name: &str, _: &str, key: &KmsKey) -> Result<Answer, CallError> {
        self.check_secret(name, key).await
    }

    async fn describe_secret(&self, name: &str, key: &AccessKeyId) -> Result<Answer, CallError> {
        let is_created = self.pretended().secrets.contains(name);
        if key.as_str() == KEY || is_created {
            // A secret that was created just now has no value of another key.
            return Ok(Answer::Current(key.as_str() == KEY));
        }
        self.noted(&Call::DescribeSecret(key.clone()), self.aws.describe_secret(name, key).await)
    }

    async fn confirmed_addresses(&self, topic: &TopicArn) -> Result<ConfirmedAddresses, CallError> {
        match &self.confirmed {
            Some(confirmed) => Ok(confirmed.clone()),
            None => self.noted(&Call::ListSubscriptionsByTopic, self.aws.confirmed_addresses(topic).await),
        }
    }

    async fn publish(&self, _: &TopicArn, _: &Envelope, _: Publication) -> Result<Answer, CallError> {
        Ok(Answer::Done)
    }

    async fn put_event(&self, _: &EventBusArn, _: &MemberEvent) -> Result<Answer, CallError> {
        Ok(Answer::Done)
    }

    async fn sleep(&self, _: Span) {}
}
