//! Adapter for Secrets Manager: lists secrets, without their values.

use aws_sdk_secretsmanager::{
    Client,
    types::{Filter, FilterNameStringType, SecretListEntry, Tag},
};
use lambda::model::time::Timestamp;

use super::{AwsError, Session};
use crate::deploy::former_users::ListedSecret;

impl Session {
    /// All secrets of the Region whose names begin with `prefix`. It leaves out the secrets that are scheduled for
    /// deletion and the replicas of another Region's secrets.
    ///
    /// # Errors
    /// [`AwsError`] if a page of the list cannot be read.
    pub async fn secrets(&self, prefix: &str) -> Result<Vec<ListedSecret>, AwsError> {
        let name = Filter::builder().key(FilterNameStringType::Name).values(prefix).build();
        let call = Client::new(&self.config).list_secrets().filters(name).max_results(100);
        let mut pages = call.into_paginator().send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| AwsError::of("list the secrets (secretsmanager:ListSecrets)", &e))?;
            let is_own =
                |secret: &SecretListEntry| secret.primary_region().is_none_or(|primary| primary == self.region);
            for secret in page.secret_list.unwrap_or_default().into_iter().filter(is_own) {
                all.push(listed(secret)?);
            }
        }
        Ok(all)
    }
}

fn listed(secret: SecretListEntry) -> Result<ListedSecret, AwsError> {
    let tag = |Tag { key, value, .. }: Tag| (key.unwrap_or_default(), value.unwrap_or_default());
    Ok(ListedSecret {
        name: secret.name.ok_or_else(|| AwsError::incomplete("ListSecrets", "name of a secret"))?,
        tags: secret.tags.unwrap_or_default().into_iter().map(tag).collect(),
        changed: secret.last_changed_date.map(|changed| Timestamp::from_unix(changed.secs())),
    })
}
