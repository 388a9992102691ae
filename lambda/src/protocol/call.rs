//! One AWS call about one user: its name, its service, its purpose, and how it can end.
//!
//! This is the only list of the calls. The log, the report, the role and the documents take their words from here.

use std::fmt;

use serde::Serialize;

use super::journal::{Journal, JournalEntry, JournalParseError, RunId};
use crate::model::{
    access_key::{AccessKeyId, Key, LastUse},
    time::{Span, Timestamp},
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
    /// SNS: count the confirmed recipients that would get this user's key.
    ListSubscriptionsByTopic,
    /// SNS: send a mail.
    Publish(PlannedNotice),
}

/// The operation, with the key that it is about.
impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.operation())?;
        match self {
            Self::GetAccessKeyLastUsed(key)
            | Self::DeactivateAccessKey(key, _)
            | Self::DeleteAccessKey(key, _)
            | Self::ActivateAccessKey(key)
            | Self::GetCallerIdentity { key, .. }
            | Self::PutSecretValue(key)
            | Self::DescribeSecret(key)
            | Self::Publish(
                PlannedNotice::Secret(key) | PlannedNotice::Stored(key) | PlannedNotice::ComingUp(key, _),
            ) => {
                write!(f, " for {key}")
            }
            Self::TagUser(entries) => {
                let tags: Vec<_> = entries.iter().map(ToString::to_string).collect();
                write!(f, " ({})", tags.join("; "))
            }
            Self::UntagUser(run) => write!(f, " (intent:{run})"),
            _ => Ok(()),
        }
    }
}

impl Call {
    /// AWS's name for the operation.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        match self {
            Self::ListAccessKeys => "ListAccessKeys",
            Self::ListUserTags => "ListUserTags",
            Self::GetAccessKeyLastUsed(_) => "GetAccessKeyLastUsed",
            Self::TagUser(_) => "TagUser",
            Self::UntagUser(_) => "UntagUser",
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
            Self::ListSubscriptionsByTopic => "check that a recipient has confirmed, before a key is created",
            Self::PutResourcePolicy => "set who may read the user's secret",
            Self::CreateSecret => "create the user's secret, if it does not exist",
            Self::TagUser(_) => "write into the journal what is about to be done, and what was done",
            Self::CreateAccessKey => "create the successor",
            Self::GetCallerIdentity { .. } => "try the new key, three times in a row",
            Self::PutSecretValue(_) => "store the new key",
            Self::DescribeSecret(_) => "check that the new key arrived; its value is not read",
            Self::Publish(_) => "announce a new key, or mail the key itself; report what was done and what failed",
            Self::UntagUser(_) => "remove the note of a rotation that is over",
            Self::DeactivateAccessKey(..) => {
                "deactivate a key whose overlap is over, or one that could not be delivered"
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

    /// Every IAM action that the call can need.
    pub fn actions(&self) -> impl Iterator<Item = String> {
        std::iter::once(self.action()).chain(self.checked_besides().iter().map(|action| (*action).to_owned()))
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
}

impl Serialize for RemovalReason {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Superseded => "superseded",
            Self::WindowOver => "window-over",
            Self::PlaceNeeded => "place-needed",
            Self::Withdrawn => "withdrawn",
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
    /// The key will be replaced at the time given.
    ComingUp(AccessKeyId, Timestamp),
}

/// The answer to an AWS call.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Answer {
    /// ListAccessKeys: all keys of the user.
    Keys(Vec<Key>),
    /// ListUserTags: the journal, or the tag that cannot be read.
    Journal(Result<Journal, JournalParseError>),
    /// GetAccessKeyLastUsed: the last use that IAM has on record.
    LastUse(LastUse),
    /// CreateAccessKey: the new key, without its secret.
    Created(Key),
    /// DescribeSecret: whether the key is the current version.
    Current(bool),
    /// ListSubscriptionsByTopic: the number of confirmed recipients that would get the key.
    Subscribers(u32),
    /// Every other call: it was done.
    Done,
}
