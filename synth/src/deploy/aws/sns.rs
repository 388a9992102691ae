//! Adapter for SNS: lists subscriptions, and subscribes an address again.

use std::collections::HashMap;

use aws_sdk_sns::Client;

use super::{AwsError, Session};
use crate::deploy::subscriptions::{DeclaredSubscription, ListedSubscription};

impl Session {
    /// Lists every subscription of a topic.
    ///
    /// # Errors
    /// [`AwsError`] if a page of the list cannot be read.
    pub async fn subscriptions(&self, topic: &str) -> Result<Vec<ListedSubscription>, AwsError> {
        let sns = Client::new(&self.config);
        let mut pages = sns.list_subscriptions_by_topic().topic_arn(topic).into_paginator().send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| AwsError::of("list the topic's subscriptions", &e))?;
            all.extend(page.subscriptions.unwrap_or_default().into_iter().map(|subscription| ListedSubscription {
                protocol: subscription.protocol.unwrap_or_default(),
                endpoint: subscription.endpoint.unwrap_or_default(),
                arn: subscription.subscription_arn.unwrap_or_default(),
            }));
        }
        Ok(all)
    }

    /// Subscribes an address or an endpoint to a topic as the template declares it. AWS sends it a request to confirm, also if
    /// the subscription exists and is not confirmed yet. The attributes are part of the call, so that no subscription exists without its
    /// filter policy.
    ///
    /// # Errors
    /// [`AwsError`] if AWS refuses, for example because the address is subscribed with other attributes.
    pub async fn subscribe(&self, topic: &str, declared: &DeclaredSubscription) -> Result<(), AwsError> {
        let DeclaredSubscription { protocol, address, attributes, .. } = declared;
        let attributes: HashMap<_, _> = attributes.clone().into_iter().collect();
        let request = Client::new(&self.config).subscribe().topic_arn(topic).protocol(protocol).endpoint(address);
        let request = request.set_attributes(Some(attributes).filter(|attributes| !attributes.is_empty()));
        let subscribed = request.send().await;
        subscribed.map(|_| ()).map_err(|e| AwsError::of(&format!("subscribe {address} to {topic}"), &e))
    }
}
