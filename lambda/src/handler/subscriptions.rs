//! Which addresses have confirmed their subscriptions: read at most once in a run, and only if it matters for a user.

use std::borrow::Cow;

use tokio::sync::OnceCell;

use crate::{
    contract::{settings::Settings, topic_arn::TopicArn},
    handler::aws_api::Aws,
    protocol::call_error::CallError,
    selection::routing::ConfirmedAddresses,
};

/// The subscriptions to the topic of a run.
pub struct Subscriptions<'a> {
    topic: &'a TopicArn,
    confirmed: OnceCell<Result<ConfirmedAddresses, CallError>>,
}

impl<'a> Subscriptions<'a> {
    /// Nothing is read yet.
    #[must_use]
    pub fn new(topic: &'a TopicArn) -> Self {
        Self { topic, confirmed: OnceCell::new() }
    }

    /// The addresses with a confirmed subscription.
    ///
    /// # Errors
    /// [`CallError`] if the list could not be read. Every later caller gets the same error: fail closed, and do not ask
    /// again for each user.
    pub async fn confirmed(&self, aws: &impl Aws) -> Result<&ConfirmedAddresses, CallError> {
        let read = async || aws.confirmed_addresses(self.topic).await;
        self.confirmed.get_or_init(read).await.as_ref().map_err(Clone::clone)
    }

    /// The addresses that are known to have confirmed: none if the list could not be read. Then the administrators get
    /// each notice too.
    pub async fn known(&self, aws: &impl Aws) -> Cow<'_, ConfirmedAddresses> {
        self.confirmed(aws).await.map_or_else(|_| Cow::Owned(ConfirmedAddresses::default()), Cow::Borrowed)
    }

    /// The addresses and endpoints of the settings that have not confirmed.
    ///
    /// # Errors
    /// As for [`Subscriptions::confirmed`].
    pub async fn unconfirmed(&self, aws: &impl Aws, settings: &Settings) -> Result<Vec<String>, CallError> {
        Ok(settings.unconfirmed(self.confirmed(aws).await?))
    }
}
