//! One AWS call about one user: its name, its service, its purpose, and how it can end.
//!
//! This is the only list of the calls. The log, the report, the role and the documents take their words from here.

use std::fmt;

use serde::Serialize;

use super::journal::{Journal, JournalEntry, JournalParseError, RunId};
use crate::model::{
    access_key::{AccessKeyId, Key, LastUse},
    time::{Span, Timestamp},
    user::UserName,
};

/// One AWS call about one user, under the name that AWS gives the operation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Call {
    /// IAM: list the user's keys.
    ListAccessKeys,
    /// IAM: read the journal.
    ListUserTags,
    /// IAM: read when the key was last used.
    GetAccessKeyLastUsed(AccessKeyId),
    /// IAM: write the journal.
    TagUser(Vec<JournalEntry>),
    /// IAM: remove a run's intent from the journal.
    UntagUser(RunId),
    /// IAM: remove all tags of the journal, by their keys.
    RemoveJournal(Vec<String>),
    /// IAM: create a key. This is not idempotent, so it is never retried if it may have taken effect.
    CreateAccessKey,
    /// IAM: deactivate the key.
    DeactivateAccessKey(AccessKeyId, RemovalReason),
    /// IAM: activate the key again.
    ActivateAccessKey(AccessKeyId),
    /// IAM: delete the key. The key must be inactive.
    DeleteAccessKey(AccessKeyId, RemovalReason),
    /// STS: check, after a pause, that AWS accepts a request that is signed with the new key.
    GetCallerIdentity {
        /// The new key.
        key: AccessKeyId,
        /// How long to wait first.
        pause: Span,
    },
    /// Secrets Manager: store the new key as the secret's current version.
    PutSecretValue(AccessKeyId),
    /// Secrets Manager: create the secret of this user, without a value, if it does not exist.
    ///
    /// This comes before a key is created. A permission on a secret is on an ARN with six random characters. So while
    /// the secret does not exist, AWS may refuse calls about it without a reason.
    CreateSecret,
    /// Secrets Manager: set who may read the secret. This comes before a key is in it, so that each reader can read the
    /// key at once.
    PutResourcePolicy,
    /// Secrets Manager: check that this key is the secret's current version.
    DescribeSecret(AccessKeyId),
    /// SNS: check which recipients of this user's key and notices have confirmed. A run reads the list once.
    ListSubscriptionsByTopic,
    /// SNS: send a mail. A member of an organization sends an event instead, and the publisher mails it.
    Publish(PlannedNotice),
}

/// The operation, with the key that it is about.
impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.operation())?;
        match self {
            Self::TagUser(entries) => {
                let tags: Vec<_> = entries.iter().map(ToString::to_string).collect();
                write!(f, " ({})", tags.join("; "))
            }
            Self::UntagUser(run) => write!(f, " (intent:{run})"),
            call => call.key().map_or(Ok(()), |key| write!(f, " for {key}")),
        }
    }
}

impl Call {
    /// The key that the call is about, if there is one.
    #[must_use]
    pub const fn key(&self) -> Option<&AccessKeyId> {
        match self {
            Self::GetAccessKeyLastUsed(key)
            | Self::DeactivateAccessKey(key, _)
            | Self::DeleteAccessKey(key, _)
            | Self::ActivateAccessKey(key)
            | Self::GetCallerIdentity { key, .. }
            | Self::PutSecretValue(key)
            | Self::DescribeSecret(key) => Some(key),
            Self::Publish(notice) => Some(notice.key()),
            Self::ListAccessKeys
            | Self::ListUserTags
            | Self::TagUser(_)
            | Self::UntagUser(_)
            | Self::RemoveJournal(_)
            | Self::CreateAccessKey
            | Self::CreateSecret
            | Self::PutResourcePolicy
            | Self::ListSubscriptionsByTopic => None,
        }
    }

    /// Whether the call, or a note that it writes, is about this key.
    #[must_use]
    pub fn is_about(&self, id: &AccessKeyId) -> bool {
        match self {
            Self::TagUser(entries) => entries.iter().any(|entry| entry.keys().contains(&id)),
            call => call.key() == Some(id),
        }
    }

    /// AWS's name for the operation.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        match self {
            Self::ListAccessKeys => "ListAccessKeys",
            Self::ListUserTags => "ListUserTags",
            Self::GetAccessKeyLastUsed(_) => "GetAccessKeyLastUsed",
            Self::TagUser(_) => "TagUser",
            Self::UntagUser(_) | Self::RemoveJournal(_) => "UntagUser",
            Self::CreateAccessKey => "CreateAccessKey",
            Self::DeactivateAccessKey(..) | Self::ActivateAccessKey(_) => "UpdateAccessKey",
            Self::DeleteAccessKey(..) => "DeleteAccessKey",
            Self::GetCallerIdentity { .. } => "GetCallerIdentity",
            Self::PutSecretValue(_) => "PutSecretValue",
            Self::CreateSecret => "CreateSecret",
            Self::DescribeSecret(_) => "DescribeSecret",
            Self::PutResourcePolicy => "PutResourcePolicy",
            Self::ListSubscriptionsByTopic => "ListSubscriptionsByTopic",
            Self::Publish(_) => "Publish",
        }
    }

    /// What the call is for, in words for a reviewer of the role.
    #[must_use]
    pub const fn purpose(&self) -> &'static str {
        match self {
            Self::ListAccessKeys => "list the keys of the user, and read how old they are",
            Self::ListUserTags => "read the journal: what earlier runs did, and what they left unfinished",
            Self::GetAccessKeyLastUsed(_) => "check whether a key is still in use before it is deactivated or deleted",
            Self::ListSubscriptionsByTopic => {
                "check that recipients have confirmed, before a key is created or deactivated"
            }
            Self::PutResourcePolicy => "set who may read the user's secret",
            Self::CreateSecret => "create the user's secret, if it does not exist",
            Self::TagUser(_) => "write into the journal what is about to be done, and what was done",
            Self::CreateAccessKey => "create the successor",
            Self::GetCallerIdentity { .. } => "try the new key, three times in a row",
            Self::PutSecretValue(_) => "store the new key",
            Self::DescribeSecret(_) => "check that the new key arrived; its value is not read",
            Self::Publish(_) => "announce a new key, or mail the key itself; report what was done and what failed",
            Self::UntagUser(_) => "remove the note of a rotation that is over",
            Self::RemoveJournal(_) => "remove all notes about a user, when a person asks for it",
            Self::DeactivateAccessKey(..) => {
                "deactivate a key: its overlap is over, it could not be delivered, it is unused, or a person revokes it"
            }
            Self::ActivateAccessKey(_) => {
                "reactivate the previous key when a person asks for it, or a mailed key that turns out to be in use"
            }
            Self::DeleteAccessKey(..) => "delete an inactive key after its recovery window, or if its place is needed",
        }
    }

    /// The service's prefix in IAM actions.
    #[must_use]
    pub fn service(&self) -> &'static str {
        match self {
            Self::ListAccessKeys
            | Self::ListUserTags
            | Self::GetAccessKeyLastUsed(_)
            | Self::TagUser(_)
            | Self::UntagUser(_)
            | Self::RemoveJournal(_)
            | Self::CreateAccessKey
            | Self::DeactivateAccessKey(..)
            | Self::ActivateAccessKey(_)
            | Self::DeleteAccessKey(..) => "iam",
            Self::GetCallerIdentity { .. } => "sts",
            Self::PutSecretValue(_) | Self::CreateSecret | Self::PutResourcePolicy | Self::DescribeSecret(_) => {
                "secretsmanager"
            }
            Self::ListSubscriptionsByTopic | Self::Publish(_) => "sns",
        }
    }

    /// The IAM action that permits the call.
    #[must_use]
    pub fn action(&self) -> String {
        format!("{}:{}", self.service(), self.operation())
    }

    /// The other IAM actions that AWS checks during the call: the tags of a new secret, and the use of a customer
    /// managed key ("CreateSecret"; "Secret encryption and decryption").
    #[must_use]
    pub fn checked_besides(&self) -> &'static [&'static str] {
        match self {
            Self::CreateSecret => &["secretsmanager:TagResource", "kms:GenerateDataKey", "kms:Decrypt"],
            Self::PutSecretValue(_) => &["kms:GenerateDataKey", "kms:Decrypt"],
            _ => &[],
        }
    }

    /// The IAM action that permits the call in a member of an organization, if it is another one: there, a notice goes to an
    /// event bus.
    #[must_use]
    pub const fn action_in_member(&self) -> Option<&'static str> {
        match self {
            Self::Publish(_) => Some("events:PutEvents"),
            _ => None,
        }
    }

    /// Every IAM action that the call can need.
    pub fn actions(&self) -> impl Iterator<Item = String> {
        let others = self.checked_besides().iter().copied().chain(self.action_in_member());
        std::iter::once(self.action()).chain(others.map(str::to_owned))
    }

    /// Whether the call needs a permission. Each principal may call GetCallerIdentity (STS API Reference,
    /// "GetCallerIdentity").
    #[must_use]
    pub fn needs_permission(&self) -> bool {
        !matches!(self, Self::GetCallerIdentity { .. })
    }
}

/// Why a key is deactivated or deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RemovalReason {
    /// A newer key was delivered and the overlap is over.
    Superseded,
    /// It was inactive for its whole recovery window.
    WindowOver,
    /// It is inactive, and the rotation that is due needs its place in the quota.
    PlaceNeeded,
    /// It was created, but its secret did not reach its owner.
    Withdrawn,
    /// It was not used for the time that `unused_after` allows.
    Disuse,
    /// A person has revoked it.
    Revoked,
}

impl Serialize for RemovalReason {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Superseded => "superseded",
            Self::WindowOver => "window-over",
            Self::PlaceNeeded => "place-needed",
            Self::Withdrawn => "withdrawn",
            Self::Disuse => "disuse",
            Self::Revoked => "revoked",
        })
    }
}

/// What a mail is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PlannedNotice {
    /// The new key with its secret: the mail is the delivery.
    Secret(AccessKeyId),
    /// The new key was stored in Secrets Manager.
    Stored(AccessKeyId),
    /// Something will happen to a key.
    Warning(Warning),
}

/// What will happen to a key, for its owner.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Warning {
    /// The key will be replaced at the time given.
    ComingUp(AccessKeyId, Timestamp),
    /// The user has two active keys that the rotation did not make. The older one will be deactivated.
    Pair {
        /// The older key.
        older: AccessKeyId,
        /// The younger key, which stays.
        newer: AccessKeyId,
        /// When the older key will be deactivated, at the earliest and only if it is unused.
        until: Timestamp,
    },
    /// The key was found inactive, and the rotation did not deactivate it. It will be deleted at the time given, or if
    /// there is none, when the next rotation needs its place in the quota.
    Inactive(AccessKeyId, Option<Timestamp>),
    /// The key is not used. It will be deactivated at the time given.
    Unused(AccessKeyId, Timestamp),
}

impl Warning {
    /// The key that something will happen to.
    #[must_use]
    pub const fn key(&self) -> &AccessKeyId {
        match self {
            Self::ComingUp(key, _) | Self::Pair { older: key, .. } | Self::Inactive(key, _) | Self::Unused(key, _) => {
                key
            }
        }
    }

    /// Whether both say the same of the same key, at whatever time.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other) && self.key() == other.key()
    }
}

impl PlannedNotice {
    /// The key that the notice is about.
    #[must_use]
    pub const fn key(&self) -> &AccessKeyId {
        match self {
            Self::Secret(key) | Self::Stored(key) => key,
            Self::Warning(warning) => warning.key(),
        }
    }
}

/// Which recipients of one user have confirmed their subscriptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConfirmedRecipients {
    /// Whether a mail with the user's new key reaches a recipient.
    pub of_secret: bool,
    /// Whether a notice about the user reaches its owner or an administrator.
    pub of_notice: bool,
}

/// The answer to an AWS call.
#[allow(clippy::large_enum_variant)] // There is one at a time, and a box would hide the journal from patterns.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Answer {
    /// ListAccessKeys: all keys of the user.
    Keys(Vec<Key>),
    /// ListAccessKeys: IAM spells the name of the user in this way, not as the settings do.
    OtherSpelling(UserName),
    /// ListUserTags: the journal, or the tag that cannot be read.
    Journal(Result<Journal, JournalParseError>),
    /// GetAccessKeyLastUsed: the last use that IAM has on record.
    LastUse(LastUse),
    /// CreateAccessKey: the new key, without its secret.
    Created(Key),
    /// DescribeSecret: whether the key is the current version.
    Current(bool),
    /// ListSubscriptionsByTopic: who has confirmed.
    Recipients(ConfirmedRecipients),
    /// Every other call: it was done.
    Done,
}
