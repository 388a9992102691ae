//! One AWS call about one user: its name, its service, what it is for, and how it can end.
//!
//! This is the only list of the calls: the log, the report, the role and the documents take their words from here.

use std::fmt;

use serde::Serialize;

use super::journal::{Entry, Journal, JournalParseError, RunId};
use crate::model::{
    access_key::{AccessKeyId, Key, LastUse},
    parse_error::one_line,
    time::{Span, Timestamp},
};

/// One AWS call about one user, under the name that AWS gives the operation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Call {
    /// IAM: which keys are there?
    ListAccessKeys,
    /// IAM: what does the journal say?
    ListUserTags,
    /// IAM: when was the key last used?
    GetAccessKeyLastUsed(AccessKeyId),
    /// IAM: write the journal.
    TagUser(Vec<Entry>),
    /// IAM: remove a run's intent from the journal.
    UntagUser(RunId),
    /// IAM: make a key. Not idempotent, never retried.
    CreateAccessKey,
    /// IAM: deactivate the key.
    DeactivateAccessKey(AccessKeyId, RemovalReason),
    /// IAM: activate the key again.
    ActivateAccessKey(AccessKeyId),
    /// IAM: delete the key, which must be inactive.
    DeleteAccessKey(AccessKeyId, RemovalReason),
    /// STS, signed with the new key, after a pause: is it accepted?
    GetCallerIdentity {
        /// The new key.
        key: AccessKeyId,
        /// How long to wait first.
        pause: Span,
    },
    /// Secrets Manager: store the new key as the secret's current version.
    PutSecretValue(AccessKeyId),
    /// Secrets Manager: make the (empty) secret of this user, if it is not there.
    ///
    /// Before a key is made, because a secret's permission is on an ARN with six random characters: while the secret does
    /// not exist, calls about it may be refused without saying why.
    CreateSecret,
    /// Secrets Manager: say who may read the secret. Before a key is in it, so that nobody waits for one they cannot
    /// read.
    PutResourcePolicy,
    /// Secrets Manager: is this key the secret's current version?
    DescribeSecret(AccessKeyId),
    /// SNS: how many of those who have confirmed would get this user's key?
    ListSubscriptionsByTopic,
    /// SNS: tell people.
    Publish(Message),
}

/// The operation, with the key it is about.
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
            | Self::Publish(Message::Secret(key) | Message::Stored(key) | Message::ComingUp(key, _)) => {
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

    /// What the call is for, for people who review the role.
    #[must_use]
    pub const fn purpose(&self) -> &'static str {
        match self {
            Self::ListAccessKeys => "look which keys the user has, and how old they are",
            Self::ListUserTags => "read the journal: what earlier runs did and left behind",
            Self::GetAccessKeyLastUsed(_) => "see whether a key that is to go is still in use",
            Self::ListSubscriptionsByTopic => "make sure that whoever is to get the key listens, before it is mailed",
            Self::PutResourcePolicy => "say who may read the user's secret",
            Self::CreateSecret => "make the user's secret, if it is not there",
            Self::TagUser(_) => "note in the journal what is about to be done, and what was done",
            Self::CreateAccessKey => "create the successor",
            Self::GetCallerIdentity { .. } => "try the new key, three times in a row",
            Self::PutSecretValue(_) => "hand the new key over",
            Self::DescribeSecret(_) => "read back that the new key arrived; its value is not read",
            Self::Publish(_) => {
                "mail that there is or will be a new key, or the key itself; say what was done or went wrong"
            }
            Self::UntagUser(_) => "take a note back whose rotation is over",
            Self::DeactivateAccessKey(..) => {
                "deactivate a key whose overlap is over, or one that could not be delivered"
            }
            Self::ActivateAccessKey(_) => {
                "reactivate the previous key when a person asks for it, or a mailed key that turns out to be in use"
            }
            Self::DeleteAccessKey(..) => "delete an inactive key whose time is over or whose place is needed",
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

    /// The IAM action of the call itself.
    #[must_use]
    pub fn action(&self) -> String {
        format!("{}:{}", self.service(), self.operation())
    }

    /// The other IAM actions that AWS checks in the course of the call: tags at a secret's creation, and the use of a
    /// customer's key ("CreateSecret"; "Secret encryption and decryption").
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

    /// Whether somebody must permit it: everybody may ask who they are (STS API Reference, "GetCallerIdentity").
    #[must_use]
    pub fn needs_permission(&self) -> bool {
        !matches!(self, Self::GetCallerIdentity { .. })
    }
}

/// Why a key is taken out of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RemovalReason {
    /// A newer key was delivered and the overlap is over.
    Superseded,
    /// It was inactive for as long as the policy keeps it.
    WindowOver,
    /// It is inactive, and the rotation that is due needs its place.
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
pub enum Message {
    /// The new key, secret included: the delivery itself.
    Secret(AccessKeyId),
    /// The new key waits in Secrets Manager.
    Stored(AccessKeyId),
    /// The key will be replaced at the time given.
    ComingUp(AccessKeyId, Timestamp),
}

/// What an AWS call answered.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Answer {
    /// To ListAccessKeys.
    Keys(Vec<Key>),
    /// To ListUserTags.
    Journal(Result<Journal, JournalParseError>),
    /// To GetAccessKeyLastUsed.
    LastUse(LastUse),
    /// To CreateAccessKey.
    Created(Key),
    /// To DescribeSecret: whether the key is the current version.
    Current(bool),
    /// To ListSubscriptionsByTopic: those who have confirmed and would get the key.
    Subscribers(u32),
    /// To everything else: it is done.
    Done,
}

/// A call that failed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Failure {
    /// Whether it can have had its effect all the same.
    pub effect: Effect,
    /// AWS's error code, or `Timeout` and the like.
    pub code: String,
    /// AWS's message, made for people.
    pub message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", one_line(&self.code), one_line(&self.message))?;
        if self.effect == Effect::Unknown { f.write_str(" (it may have taken effect)") } else { Ok(()) }
    }
}

/// What a failed call left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Nothing: AWS refused it.
    None,
    /// Nobody knows: the answer was lost, or is an internal error.
    Unknown,
}
