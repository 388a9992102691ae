//! What programs read: each notice as one JSON document. It never holds a secret.
//!
//! docs/notice.schema.json is generated from these types. A field is never removed and never changes its meaning within a
//! version; a later handler may add fields.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Aftermath, Digested, Notice, NoticeKind, NoticeOrigin, Rotated, SecretLocation,
    digest::{LONGEST_LIST, UserProblem, news},
    text::{Mail, NoticeText},
};
use crate::{
    contract::run_summary::RunSummary,
    model::{
        access_key::{AccessKeyId, KeyStatus, LastUse},
        time::Timestamp,
        user::UserName,
    },
    protocol::{call::Warning, policy::DeleteAfter},
    report::run_report::{KeyChange, UserReport},
};

/// The version of the document.
pub const NOTICE_VERSION: u32 = 1;

/// A notice of the access key rotation, for programs. It never holds a secret. A later release may add fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "A notice of the access key rotation")]
pub struct NoticeDocument {
    /// The version of this document. A program must refuse a version that it does not know.
    #[schemars(extend("const" = 1))]
    pub version: u32,
    /// What the notice is about.
    pub event: NoticeEvent,
    /// When the notice was written, in UTC.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub time: Timestamp,
    /// The id of the AWS account.
    #[schemars(regex(pattern = "^[0-9]{12}$"))]
    pub account: String,
    /// The name of the account. The field is missing without the setting `account_name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_name: Option<String>,
    /// The Region of the stack.
    pub region: String,
    /// The name of the stack.
    pub stack: String,
    /// The id of the run. The log of the function has it too.
    pub run: String,
    /// The name of the IAM user. A digest has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The keys that the notice is about.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub keys: Vec<NoticeKey>,
    /// The name of the secret of Secrets Manager that has the new key. Only with `delivery: secrets-manager`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_name: Option<String>,
    /// The subject of the mail, in the configured language.
    pub subject: String,
    /// What happened, in the configured language.
    pub summary: String,
    /// Why a step failed, why a person must decide, or who must confirm: in the configured language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What a person must do, in the configured language.
    pub what_to_do: String,
    /// The commands for it.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub commands: Vec<String>,
    /// Until when a person must do it, in UTC. Without a deadline, the field is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub deadline: Option<Timestamp>,
    /// The result of the whole run. Only in a digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<DigestDocument>,
}

/// What a notice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeEvent {
    /// The user has a new key.
    Rotated,
    /// The key will be replaced.
    ComingUp,
    /// The user has two active keys that the rotation did not make. The older one will be deactivated.
    Pair,
    /// The key is inactive, and the rotation did not deactivate it. It will be deleted.
    Inactive,
    /// The key is unused. It will be deactivated.
    Unused,
    /// The old key is in use although its successor was delivered.
    StillInUse,
    /// The old key was deactivated.
    Retired,
    /// A key was deactivated because it was unused.
    Disused,
    /// A person revoked the key.
    Revoked,
    /// The older of two active keys that the rotation did not make is in use.
    PairInUse,
    /// The inactive key was deleted.
    Deleted,
    /// The old key was activated again.
    Reactivated,
    /// A step failed.
    Failed,
    /// A person must decide.
    NeedsAttention,
    /// The new key would be mailed, but no recipient has confirmed.
    NoConfirmedRecipient,
    /// The result of a run over all its users.
    Digest,
}

/// A key that a notice is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NoticeKey {
    /// The id of the access key.
    pub access_key_id: String,
    /// Which key of the user it is.
    pub role: KeyRole,
    /// The status of the key.
    pub status: NoticeKeyStatus,
    /// The key keeps this status until then at least, in UTC. The field is missing if that is unknown, or if the status
    /// has no end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub until: Option<Timestamp>,
    /// When the key was last used, in UTC, as far as IAM knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub last_used: Option<Timestamp>,
}

/// Which key of the user a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KeyRole {
    /// The key that workloads must use.
    Current,
    /// An older key.
    Previous,
    /// A new key. It is unknown whether its secret arrived, so a later run keeps the key or deletes it. Do not use it before.
    Undelivered,
}

/// The status of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeKeyStatus {
    /// AWS accepts the key.
    Active,
    /// AWS refuses the key; it can be activated again.
    Inactive,
    /// The key is deleted.
    Deleted,
}

/// The result of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DigestDocument {
    /// The run in numbers.
    #[serde(flatten)]
    pub summary: RunSummary,
    /// The users with a problem or a change, the most severe problem first.
    pub entries: Vec<DigestEntry>,
    /// The number of further users that did not fit into the document. The log of the function has them.
    pub left_off: usize,
}

/// What a run found and did for one user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DigestEntry {
    /// The name of the IAM user.
    pub user: String,
    /// The problem. Missing if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<UserProblem>,
    /// Why the run stopped for the user, in the configured language.
    pub why: String,
    /// The key that is overdue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overdue_key: Option<String>,
    /// The changes to the keys, in order.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub changes: Vec<DigestChange>,
}

/// One change to a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DigestChange {
    /// The change.
    pub change: ChangeKind,
    /// The id of the access key.
    pub access_key_id: String,
}

/// What was done to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// The key was created.
    Created,
    /// The new key was delivered.
    Delivered,
    /// A notice about what will happen to the key was sent.
    Announced,
    /// The key was deactivated.
    Deactivated,
    /// The key was activated again.
    Reactivated,
    /// The key was deleted.
    Deleted,
}

/// The facts of a notice that do not depend on the language.
pub(super) struct NoticeFacts<'a> {
    pub(super) event: NoticeEvent,
    pub(super) user: Option<&'a UserName>,
    pub(super) keys: Vec<NoticeKey>,
    pub(super) secret_name: Option<String>,
    pub(super) deadline: Option<Timestamp>,
    pub(super) digest: Option<DigestDocument>,
}

impl NoticeFacts<'_> {
    /// The document of a notice with these facts and this text. The mail's body is not a part of it, because that may
    /// hold a secret.
    pub(super) fn document(
        self,
        origin: NoticeOrigin<'_>,
        time: Timestamp,
        text: &NoticeText,
        mail: &Mail,
    ) -> NoticeDocument {
        NoticeDocument {
            version: NOTICE_VERSION,
            event: self.event,
            time,
            account: origin.account.to_owned(),
            account_name: origin.account_name.given().map(str::to_owned),
            region: origin.region.to_owned(),
            stack: origin.stack.to_owned(),
            run: origin.run.to_string(),
            user: self.user.map(ToString::to_string),
            keys: self.keys,
            secret_name: self.secret_name,
            subject: mail.subject.clone(),
            summary: text.happened.clone(),
            reason: text.reason.clone(),
            what_to_do: text.todo.clone(),
            commands: text.how.as_ref().map(|how| how.commands.clone()).unwrap_or_default(),
            deadline: self.deadline,
            digest: self.digest,
        }
    }
}

fn key(id: &AccessKeyId, role: KeyRole, status: NoticeKeyStatus, until: Option<Timestamp>) -> NoticeKey {
    NoticeKey { access_key_id: id.to_string(), role, status, until, last_used: None }
}

fn current(id: &AccessKeyId) -> NoticeKey {
    key(id, KeyRole::Current, NoticeKeyStatus::Active, None)
}

fn used(last_use: &LastUse, key: NoticeKey) -> NoticeKey {
    let last_used = match last_use {
        LastUse::Used { at, .. } => Some(*at),
        LastUse::Never | LastUse::Unknown => None,
    };
    NoticeKey { last_used, ..key }
}

impl<'a> Rotated<'a> {
    pub(super) fn facts(&self) -> NoticeFacts<'a> {
        let previous = self.replaced.iter().map(|old| {
            let (status, until) = match (old.status, self.fate().at_once) {
                (KeyStatus::Active, false) => (NoticeKeyStatus::Active, Some(self.fate().active_until)),
                (KeyStatus::Active, true) | (KeyStatus::Inactive, _) => (NoticeKeyStatus::Inactive, None),
            };
            key(&old.id, KeyRole::Previous, status, until)
        });
        NoticeFacts {
            event: NoticeEvent::Rotated,
            user: Some(self.user),
            keys: [current(self.key)].into_iter().chain(previous).collect(),
            secret_name: match &self.secret {
                SecretLocation::SecretsManager(name) => Some(name.clone()),
                SecretLocation::InThisMail(_) | SecretLocation::Encrypted(_) | SecretLocation::Mailed => None,
            },
            deadline: self.deadline(),
            digest: None,
        }
    }

    /// Until when workloads must use the new key. There is none if no active key is replaced, or if it is deactivated
    /// at once. The document about a mailed key has none, because the recipient of the mail must act, and the mail says it.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        let must_act = !matches!(self.secret, SecretLocation::Mailed);
        let is_active = self.replaced.iter().any(|old| old.status == KeyStatus::Active);
        (must_act && is_active && !self.fate().at_once).then(|| self.fate().active_until)
    }
}

/// The facts of a warning.
pub(super) fn of_warning<'a>(user: &'a UserName, warning: &Warning) -> NoticeFacts<'a> {
    use NoticeKeyStatus::{Active, Inactive};
    let (event, keys, deadline) = match warning {
        Warning::ComingUp(id, due) => {
            (NoticeEvent::ComingUp, vec![key(id, KeyRole::Current, Active, Some(*due))], Some(*due))
        }
        Warning::Pair { older, newer, until } => {
            let older = key(older, KeyRole::Previous, Active, Some(*until));
            (NoticeEvent::Pair, vec![older, current(newer)], Some(*until))
        }
        Warning::Inactive(id, until) => {
            (NoticeEvent::Inactive, vec![key(id, KeyRole::Previous, Inactive, *until)], *until)
        }
        Warning::Unused(id, until) => {
            (NoticeEvent::Unused, vec![key(id, KeyRole::Current, Active, Some(*until))], Some(*until))
        }
    };
    NoticeFacts { event, user: Some(user), keys, secret_name: None, deadline, digest: None }
}

impl<'a> Notice<'a> {
    pub(super) fn facts(&self, now: Timestamp) -> NoticeFacts<'a> {
        use NoticeKeyStatus::{Active, Deleted, Inactive};
        let previous = |id: &AccessKeyId, status, until| key(id, KeyRole::Previous, status, until);
        let with =
            |old: NoticeKey, new: Option<&AccessKeyId>| [old].into_iter().chain(new.map(current)).collect::<Vec<_>>();
        let (event, keys, deadline) = match &self.kind {
            NoticeKind::Rotated(rotated) => return rotated.facts(),
            NoticeKind::StillInUse { old, new, last_use, required_idle_time, until } => {
                let old = used(last_use, previous(old, Active, *required_idle_time));
                (NoticeEvent::StillInUse, with(old, *new), *until)
            }
            NoticeKind::Retired { old, new, deleted } => {
                let until = match deleted {
                    DeleteAfter::NextRotation => None,
                    DeleteAfter::Window(span) => Some(now + *span),
                };
                (NoticeEvent::Retired, with(previous(old, Inactive, until), *new), None)
            }
            NoticeKind::Disused { key } => (NoticeEvent::Disused, vec![previous(key, Inactive, None)], None),
            NoticeKind::Revoked { key, new } => (NoticeEvent::Revoked, with(previous(key, Inactive, None), *new), None),
            NoticeKind::PairInUse { older, newer, last_use } => {
                (NoticeEvent::PairInUse, with(used(last_use, previous(older, Active, None)), *newer), None)
            }
            NoticeKind::Deleted { old, new, .. } => {
                (NoticeEvent::Deleted, with(previous(old, Deleted, None), *new), None)
            }
            NoticeKind::Reactivated { old, new, until } => {
                (NoticeEvent::Reactivated, with(previous(old, Active, *until), *new), *until)
            }
            NoticeKind::Failed { aftermath: Aftermath::DeliveryUnknown(Some(id)), .. } => {
                (NoticeEvent::Failed, vec![key(id, KeyRole::Undelivered, Active, None)], None)
            }
            NoticeKind::Failed { .. } => (NoticeEvent::Failed, Vec::new(), None),
            NoticeKind::NeedsAttention(_) => (NoticeEvent::NeedsAttention, Vec::new(), None),
            NoticeKind::NoConfirmedRecipient { .. } => (NoticeEvent::NoConfirmedRecipient, Vec::new(), None),
        };
        NoticeFacts { event, user: Some(self.user), keys, secret_name: None, deadline, digest: None }
    }
}

impl Digested<'_> {
    /// The facts. `why` says why the run stopped for a user, in the language of the notice.
    pub(super) fn facts(&self, why: impl Fn(&UserReport) -> String) -> NoticeFacts<'static> {
        let unhealthy = self.unhealthy();
        let names: BTreeSet<_> = unhealthy.iter().map(|(_, user)| &user.user).collect();
        let problems = unhealthy.iter().map(|(severity, user)| (Some(*severity), *user));
        let others = self.changed().filter(|user| !names.contains(&user.user)).map(|user| (None, user));
        let all: Vec<_> = problems.chain(others).map(|(severity, user)| entry(severity, user, why(user))).collect();
        let (count, mut entries, mut size) = (all.len(), Vec::new(), 0);
        for entry in all {
            size += size_in_message(&entry);
            if size > LONGEST_LIST {
                break;
            }
            entries.push(entry);
        }
        let digest = DigestDocument { summary: *self.summary, left_off: count - entries.len(), entries };
        NoticeFacts {
            event: NoticeEvent::Digest,
            user: None,
            keys: Vec::new(),
            secret_name: None,
            deadline: None,
            digest: Some(digest),
        }
    }
}

/// The size of an entry in the message: the document is a JSON text in a JSON text.
fn size_in_message(entry: &DigestEntry) -> usize {
    let text = serde_json::to_string(entry).unwrap_or_default();
    serde_json::Value::from(text).to_string().len()
}

fn entry(severity: Option<UserProblem>, user: &UserReport, why: String) -> DigestEntry {
    let change = |change: &KeyChange| {
        let (change, id) = match change {
            KeyChange::Created { key } => (ChangeKind::Created, key),
            KeyChange::Delivered { key } => (ChangeKind::Delivered, key),
            KeyChange::Warned { key } => (ChangeKind::Announced, key),
            KeyChange::Deactivated { key, .. } => (ChangeKind::Deactivated, key),
            KeyChange::Reactivated { key } => (ChangeKind::Reactivated, key),
            KeyChange::Deleted { key, .. } => (ChangeKind::Deleted, key),
        };
        DigestChange { change, access_key_id: id.to_string() }
    };
    DigestEntry {
        user: user.user.to_string(),
        severity,
        why,
        overdue_key: user.overdue.as_ref().map(|overdue| overdue.key.to_string()),
        changes: news(&user.done).map(change).collect(),
    }
}

/// The JSON Schema of the document.
///
/// # Panics
/// Never: the schema of a type is JSON.
#[must_use]
pub fn notice_schema() -> serde_json::Value {
    schemars::schema_for!(NoticeDocument).to_value()
}
