//! What the handler asks of AWS, as a trait: the SDK implements it, and so does a dry run over it.

use crate::{
    contract::{
        event_bus_arn::EventBusArn, member_event::MemberEvent, resource_tags::ResourceTags, topic_arn::TopicArn,
    },
    model::{
        access_key::{AccessKeyId, KeyStatus, SecretAccessKey},
        kms_key::KmsKey,
        time::Span,
        user::UserName,
    },
    notice::Publication,
    protocol::{call::Answer, call_error::CallError, journal::JournalEntry},
    selection::routing::{ConfirmedAddresses, Envelope},
};

/// The AWS operations that the planner's calls need. [`crate::aws::Sdk`] implements them with the SDK.
#[allow(async_fn_in_trait, missing_docs)] // The names are the operations'; see `Call`.
pub trait Aws {
    /// How many users a run handles at once. It may change during the run.
    fn users_at_once(&self) -> usize;
    async fn list_access_keys(&self, user: &UserName) -> Result<Answer, CallError>;
    async fn list_user_tags(&self, user: &UserName) -> Result<Answer, CallError>;
    async fn last_used(&self, key: &AccessKeyId) -> Result<Answer, CallError>;
    async fn tag_user(&self, user: &UserName, entries: &[JournalEntry]) -> Result<Answer, CallError>;
    async fn untag_user(&self, user: &UserName, tags: &[String]) -> Result<Answer, CallError>;
    async fn create_access_key(&self, user: &UserName) -> Result<(Answer, SecretAccessKey), CallError>;
    async fn set_status(&self, user: &UserName, key: &AccessKeyId, status: KeyStatus) -> Result<Answer, CallError>;
    async fn delete_access_key(&self, user: &UserName, key: &AccessKeyId) -> Result<Answer, CallError>;
    async fn verify(&self, user: &UserName, key: &AccessKeyId, secret: &SecretAccessKey) -> Result<Answer, CallError>;
    async fn put_secret(
        &self,
        name: &str,
        user: &UserName,
        key: &AccessKeyId,
        secret: &SecretAccessKey,
    ) -> Result<Answer, CallError>;
    async fn create_secret(
        &self,
        name: &str,
        user: &UserName,
        key: &KmsKey,
        tags: &ResourceTags,
    ) -> Result<Answer, CallError>;
    async fn describe_secret(&self, name: &str, key: &AccessKeyId) -> Result<Answer, CallError>;
    /// Checks that a secret exists and can take a value, and that this key encrypts it.
    async fn check_secret(&self, name: &str, key: &KmsKey) -> Result<Answer, CallError>;
    async fn put_resource_policy(&self, name: &str, policy: &str, key: &KmsKey) -> Result<Answer, CallError>;
    async fn confirmed_addresses(&self, topic: &TopicArn) -> Result<ConfirmedAddresses, CallError>;
    async fn publish(
        &self,
        topic: &TopicArn,
        envelope: &Envelope,
        publication: Publication,
    ) -> Result<Answer, CallError>;
    /// Puts an event of a member of an organization on the central bus.
    async fn put_event(&self, bus: &EventBusArn, event: &MemberEvent) -> Result<Answer, CallError>;
    async fn sleep(&self, pause: Span);
}
