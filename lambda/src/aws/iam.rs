//! The adapter for IAM: keys, journal tags, and the lists of the account.

use aws_sdk_iam::{
    Client,
    config::{Config, retry::RetryConfig},
    error::ProvideErrorMetadata,
    primitives::DateTime,
    types::{EntityType, ReportStateType, StatusType, Tag, UserDetail},
};

use super::{failure, incomplete, throttle::patiently};
use crate::{
    contract::listed_user::ListedUser,
    model::{
        access_key::{AccessKeyId, Key, KeyStatus, LastUse, SecretAccessKey},
        parse_error::ParseError,
        time::{Span, Timestamp},
        user::UserName,
    },
    protocol::{
        call::Answer,
        call_error::{CallError, ErrorCode},
        journal::{Journal, JournalEntry},
    },
    selection::credential_report::{CredentialReport, CredentialReportError},
};

/// How often the credential report is requested, and the longest pause in between. IAM needs seconds for a report, or
/// minutes in a large account.
const REPORT_ATTEMPTS: u32 = 20;
const REPORT_PAUSE: Span = Span::seconds(8);

/// IAM's credential report. IAM makes a new one if the last is older than four hours.
pub(super) async fn credential_report(iam: &Client) -> Result<CredentialReport, CallError> {
    let unreadable =
        |why: CredentialReportError| CallError::without_effect(ErrorCode::UnreadableReport, why.to_string());
    CredentialReport::read(&credential_report_content(iam).await?).map_err(unreadable)
}

/// The credential report as IAM sends it: a table in CSV.
pub(super) async fn credential_report_content(iam: &Client) -> Result<Vec<u8>, CallError> {
    let mut pause = Span::seconds(1);
    for _ in 0..REPORT_ATTEMPTS {
        let made = iam.generate_credential_report().send().await.map_err(|e| failure(&e))?;
        if made.state() == Some(&ReportStateType::Complete) {
            match iam.get_credential_report().send().await {
                Ok(report) => return Ok(report.content.ok_or_else(|| incomplete("Content"))?.into_inner()),
                // Between the two calls, the report expired or IAM began a new one.
                Err(e) if matches!(e.code(), Some("ReportExpired" | "ReportInProgress" | "ReportNotPresent")) => {}
                Err(e) => return Err(failure(&e)),
            }
        }
        tokio::time::sleep(pause.std()).await;
        pause = (pause + pause).min(REPORT_PAUSE);
    }
    let message = "IAM has been making the report for minutes; try again later";
    Err(CallError::without_effect(ErrorCode::ReportInProgress, message))
}

/// The number of users on a page: the most that IAM allows ("GetAccountAuthorizationDetails": MaxItems).
const USERS_A_PAGE: i32 = 1_000;

pub(super) async fn account_users(iam: &Client) -> Result<Vec<ListedUser>, CallError> {
    let call = iam.get_account_authorization_details().filter(EntityType::User).max_items(USERS_A_PAGE);
    let mut pages = call.into_paginator().send();
    let mut users = Vec::new();
    while let Some(page) = pages.next().await {
        for user in page.map_err(|e| failure(&e))?.user_detail_list.unwrap_or_default() {
            users.push(listed(user)?);
        }
    }
    Ok(users)
}

fn listed(user: UserDetail) -> Result<ListedUser, CallError> {
    let name = user.user_name.ok_or_else(|| incomplete("UserName"))?;
    let refused = |e: ParseError| CallError::without_effect(ErrorCode::UnexpectedAnswer, e.to_string());
    // IAM sends empty lists too. A list that is missing could have contained an exemption.
    Ok(ListedUser {
        name: name.parse().map_err(refused)?,
        path: user.path.ok_or_else(|| incomplete("Path"))?,
        created: timestamp(user.create_date.ok_or_else(|| incomplete("CreateDate"))?),
        tags: user.tags.ok_or_else(|| incomplete("Tags"))?.into_iter().map(|tag| (tag.key, tag.value)).collect(),
        groups: user.group_list.ok_or_else(|| incomplete("GroupList"))?,
    })
}

pub(super) async fn list_access_keys(iam: &Client, user: &UserName) -> Result<Answer, CallError> {
    let mut keys = Vec::new();
    let mut pages = iam.list_access_keys().user_name(user.as_str()).into_paginator().items().send();
    while let Some(found) = pages.next().await {
        let found = match found.map_err(|e| failure(&e)) {
            Ok(found) => found,
            Err(refused) => return denied_name(&refused.message, user).map(Answer::OtherSpelling).ok_or(refused),
        };
        // IAM ignores the case of a name, so the user that it found may have another spelling.
        if let Some(name) = found.user_name().filter(|name| *name != user.as_str()) {
            return Ok(Answer::OtherSpelling(name.parse().map_err(|e: ParseError| unexpected(&e))?));
        }
        keys.push(key(found.access_key_id, found.status.as_ref(), found.create_date)?);
    }
    Ok(Answer::Keys(keys))
}

pub(super) async fn list_user_tags(iam: &Client, user: &UserName) -> Result<Answer, CallError> {
    let mut tags = Vec::new();
    let mut pages = iam.list_user_tags().user_name(user.as_str()).into_paginator().items().send();
    while let Some(tag) = pages.next().await {
        tags.push(tag.map_err(|e| failure(&e))?);
    }
    Ok(Answer::Journal(Journal::read(tags.iter().map(|tag| (tag.key(), tag.value())))))
}

pub(super) async fn last_used(iam: &Client, key: &AccessKeyId) -> Result<Answer, CallError> {
    let answer = iam.get_access_key_last_used().access_key_id(key.as_str()).send().await;
    let answer = answer.map_err(|e| failure(&e))?;
    let used = answer.access_key_last_used.ok_or_else(|| incomplete("AccessKeyLastUsed"))?;
    Ok(Answer::LastUse(match used.last_used_date {
        None => LastUse::Never,
        Some(at) => LastUse::Used { at: timestamp(at), service: used.service_name, region: used.region },
    }))
}

pub(super) async fn tag_user(iam: &Client, user: &UserName, entries: &[JournalEntry]) -> Result<Answer, CallError> {
    let tags = entries.iter().map(|entry| {
        let (key, value) = entry.tag();
        // The builder fails only if a field is not set.
        Tag::builder().key(key).value(value).build().map_err(|_| incomplete("tag"))
    });
    let tags = tags.collect::<Result<Vec<_>, _>>()?;
    iam.tag_user().user_name(user.as_str()).set_tags(Some(tags)).send().await.map_err(|e| failure(&e))?;
    Ok(Answer::Done)
}

pub(super) async fn untag_user(iam: &Client, user: &UserName, tags: &[String]) -> Result<Answer, CallError> {
    let call = iam.untag_user().user_name(user.as_str()).set_tag_keys(Some(tags.to_vec()));
    call.send().await.map_err(|e| failure(&e))?;
    Ok(Answer::Done)
}

/// Sent once, because it is not idempotent and a second key would take the last free place in the quota. It is sent
/// again only if IAM throttled it, because then IAM did nothing.
pub(super) async fn create_access_key(iam: &Client, user: &UserName) -> Result<(Answer, SecretAccessKey), CallError> {
    patiently(iam.config().retry_config(), async || create_once(iam, user).await).await
}

async fn create_once(iam: &Client, user: &UserName) -> Result<(Answer, SecretAccessKey), CallError> {
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
    status: KeyStatus,
) -> Result<Answer, CallError> {
    let status = match status {
        KeyStatus::Active => StatusType::Active,
        KeyStatus::Inactive => StatusType::Inactive,
    };
    let call = iam.update_access_key().user_name(user.as_str()).access_key_id(key.as_str()).status(status);
    call.send().await.map_err(|e| failure(&e))?;
    Ok(Answer::Done)
}

pub(super) async fn delete_access_key(iam: &Client, user: &UserName, key: &AccessKeyId) -> Result<Answer, CallError> {
    let call = iam.delete_access_key().user_name(user.as_str()).access_key_id(key.as_str());
    call.send().await.map_err(|e| failure(&e))?;
    Ok(Answer::Done)
}

/// A key, as IAM shows it. Any other status than active or inactive is an error: the handler must not guess what it
/// means.
fn key(id: Option<String>, status: Option<&StatusType>, created: Option<DateTime>) -> Result<Key, CallError> {
    let id = id.ok_or_else(|| incomplete("AccessKeyId"))?;
    let refused = |message: String| CallError::with_unknown_effect(ErrorCode::UnexpectedAnswer, message);
    Ok(Key {
        id: id.parse().map_err(|e: ParseError| unexpected(&e))?,
        status: match status {
            Some(StatusType::Active) => KeyStatus::Active,
            Some(StatusType::Inactive) => KeyStatus::Inactive,
            other => return Err(refused(format!("key {id} has the status {:?}", other.map(StatusType::as_str)))),
        },
        created: timestamp(created.ok_or_else(|| incomplete("CreateDate"))?),
    })
}

fn unexpected(value: &ParseError) -> CallError {
    CallError::with_unknown_effect(ErrorCode::UnexpectedAnswer, value.to_string())
}

/// The name of the user in IAM's message about a denied call, if it is the same name in another spelling. The message ends
/// with `on resource: user NAME because …`, or with an ARN instead.
fn denied_name(message: &str, user: &UserName) -> Option<UserName> {
    let (_, resource) = message.split_once(" on resource: ")?;
    let resource = resource.strip_prefix("user ").unwrap_or(resource).split(' ').next()?;
    let name: UserName = resource.rsplit('/').next()?.parse().ok()?;
    (name != *user && name.is_same_as(user)).then_some(name)
}

fn timestamp(time: DateTime) -> Timestamp {
    Timestamp::from_unix(time.secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denied_call_shows_how_iam_spells_the_name() {
        let because = "because no identity-based policy allows the iam:ListAccessKeys action";
        for (resource, found) in [
            ("user Alice", Some("Alice")),
            ("arn:aws:iam::123456789012:user/ci/ALICE", Some("ALICE")),
            ("user alice", None),
            ("user alice2", None),
            ("role Alice/x", None),
        ] {
            let message =
                format!("User: arn:aws:sts::1:x is not authorized to perform: y on resource: {resource} {because}");
            let name = denied_name(&message, &"alice".parse().unwrap());
            assert_eq!(name.as_ref().map(UserName::as_str), found, "{resource}");
        }
        assert_eq!(denied_name("Rate exceeded", &"alice".parse().unwrap()), None);
    }
}
