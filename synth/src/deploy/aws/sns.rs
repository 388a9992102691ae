//! Adapter for SNS: lists subscriptions.

use aws_sdk_sns::Client;

use super::{AwsError, Session};
use crate::deploy::subscriptions::ListedSubscription;

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
}
