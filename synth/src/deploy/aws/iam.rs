//! Adapter for IAM: reads the tags of a user.

use aws_sdk_iam::{Client, error::ProvideErrorMetadata};
use lambda::model::user::UserName;

use super::{AwsError, Session};

impl Session {
    /// All tags of a user. `None` if no user has this name.
    ///
    /// # Errors
    /// [`AwsError`] if a page of the list cannot be read.
    pub async fn user_tags(&self, user: &UserName) -> Result<Option<Vec<(String, String)>>, AwsError> {
        let call = Client::new(&self.config).list_user_tags().user_name(user.as_str());
        let mut pages = call.into_paginator().items().send();
        let mut all = Vec::new();
        while let Some(tag) = pages.next().await {
            match tag {
                Ok(tag) => all.push((tag.key, tag.value)),
                Err(e) if e.code() == Some("NoSuchEntity") => return Ok(None),
                Err(e) => {
                    return Err(AwsError::of(&format!("read the tags of the user {user} (iam:ListUserTags)"), &e));
                }
            }
        }
        Ok(Some(all))
    }
}
