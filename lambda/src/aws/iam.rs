//! IAM.

use aws_sdk_iam::{
    Client,
    config::{Config, retry::RetryConfig},
    primitives::DateTime,
    types::{StatusType, Tag},
};

use super::{failure, incomplete};
use crate::{
    journal::{self, Entry, Journal, RunId},
    key::{AccessKeyId, Key, LastUse, SecretAccessKey, Status},
    plan::{Answer, Effect, Failure},
    time::Timestamp,
    user::UserName,
};

pub(super) async fn list_access_keys(iam: &Client, user: &UserName) -> Result<Answer, Failure> {
    let mut keys = Vec::new();
    let mut pages = iam.list_access_keys().user_name(user.as_str()).into_paginator().items().send();
    while let Some(found) = pages.next().await {
        let found = found.map_err(|e| failure(&e))?;
        keys.push(key(found.access_key_id, found.status.as_ref(), found.create_date)?);
    }
    Ok(Answer::Keys(keys))
}

pub(super) async fn list_user_tags(iam: &Client, user: &UserName) -> Result<Answer, Failure> {
    let mut tags = Vec::new();
    let mut pages = iam.list_user_tags().user_name(user.as_str()).into_paginator().items().send();
    while let Some(tag) = pages.next().await {
        tags.push(tag.map_err(|e| failure(&e))?);
    }
    Ok(Answer::Journal(Journal::read(tags.iter().map(|tag| (tag.key(), tag.value())))))
}

pub(super) async fn last_used(iam: &Client, key: &AccessKeyId) -> Result<Answer, Failure> {
    let answer = iam.get_access_key_last_used().access_key_id(key.as_str()).send().await;
    let answer = answer.map_err(|e| failure(&e))?;
    let used = answer.access_key_last_used.ok_or_else(|| incomplete("AccessKeyLastUsed"))?;
    Ok(Answer::LastUse(match used.last_used_date {
        None => LastUse::Never,
        Some(at) => LastUse::Used { at: timestamp(at), service: used.service_name, region: used.region },
    }))
}

pub(super) async fn tag_user(iam: &Client, user: &UserName, entries: &[Entry]) -> Result<Answer, Failure> {
    let tags = entries.iter().map(|entry| {
        let (key, value) = entry.tag();
        // The builder refuses only what is left unset.
        Tag::builder().key(key).value(value).build().map_err(|_| incomplete("tag"))
    });
    let tags = tags.collect::<Result<Vec<_>, _>>()?;
    iam.tag_user().user_name(user.as_str()).set_tags(Some(tags)).send().await.map_err(|e| failure(&e))?;
    Ok(Answer::Done)
}

pub(super) async fn untag_user(iam: &Client, user: &UserName, run: &RunId) -> Result<Answer, Failure> {
    let call = iam.untag_user().user_name(user.as_str()).tag_keys(journal::intent_tag(run));
    call.send().await.map_err(|e| failure(&e))?;
    Ok(Answer::Done)
}

/// Never retried: the call is not idempotent, and a second key would take the last free place.
pub(super) async fn create_access_key(iam: &Client, user: &UserName) -> Result<(Answer, SecretAccessKey), Failure> {
    let call = iam.create_access_key().user_name(user.as_str()).customize();
    let once = Config::builder().retry_config(RetryConfig::disabled());
    let answer = call.config_override(once).send().await.map_err(|e| failure(&e))?;
    let made = answer.access_key.ok_or_else(|| incomplete("AccessKey"))?;
    let secret = SecretAccessKey::new(made.secret_access_key);
    let created = made.create_date.ok_or_else(|| incomplete("CreateDate"))?;
    Ok((Answer::Created(key(Some(made.access_key_id), Some(&made.status), Some(created))?), secret))
}

pub(super) async fn set_status(
    iam: &Client,
    user: &UserName,
    key: &AccessKeyId,
    status: Status,
) -> Result<Answer, Failure> {
    let status = match status {
        Status::Active => StatusType::Active,
        Status::Inactive => StatusType::Inactive,
    };
    let call = iam.update_access_key().user_name(user.as_str()).access_key_id(key.as_str()).status(status);
    call.send().await.map_err(|e| failure(&e))?;
    Ok(Answer::Done)
}

pub(super) async fn delete_access_key(iam: &Client, user: &UserName, key: &AccessKeyId) -> Result<Answer, Failure> {
    let call = iam.delete_access_key().user_name(user.as_str()).access_key_id(key.as_str());
    call.send().await.map_err(|e| failure(&e))?;
    Ok(Answer::Done)
}

/// A key as IAM tells it. What is neither active nor inactive is nothing that this handler may judge.
fn key(id: Option<String>, status: Option<&StatusType>, created: Option<DateTime>) -> Result<Key, Failure> {
    let id = id.ok_or_else(|| incomplete("AccessKeyId"))?;
    let refused = |message: String| Failure { effect: Effect::Unknown, code: "UnexpectedAnswer".into(), message };
    Ok(Key {
        id: id.parse().map_err(|e: crate::text::Invalid| refused(e.to_string()))?,
        status: match status {
            Some(StatusType::Active) => Status::Active,
            Some(StatusType::Inactive) => Status::Inactive,
            other => return Err(refused(format!("key {id} has the status {:?}", other.map(StatusType::as_str)))),
        },
        created: timestamp(created.ok_or_else(|| incomplete("CreateDate"))?),
    })
}

fn timestamp(time: DateTime) -> Timestamp {
    Timestamp::from_unix(time.secs())
}
