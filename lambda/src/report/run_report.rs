//! What a run found and did: the function's response.

use std::fmt;

use serde::Serialize;

use crate::{model::{access_key::{AccessKeyId, Key, LastUse}, parse_error::one_line, time::Timestamp, user::UserName}, protocol::{call::{Answer, Call, Effect, Failure, Message, Why}, journal::{Entry, LEASE, RunId}, run::Order, stop_reason::{Doubt, Rest}}, selection::fleet::Rested};

/// The response, in the shape that the article's function returns, with the details beside it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// 200 if every user is as the policy wants and everybody was told; 500 if one failed or needs a person, or a notice
    /// could not be sent.
    pub status_code: u16,
    /// The summary as a sentence, in the configured language.
    pub body: String,
    /// Which run this was.
    pub run: RunId,
    /// Whether nothing was changed: the changes below are those that a run would make.
    pub dry_run: bool,
    /// When it began.
    pub started: Timestamp,
    /// The counts.
    pub summary: Summary,
    /// Each user that was looked at, in this order.
    pub users: Vec<UserReport>,
    /// Those for whom the account's lists had nothing to do.
    #[serde(skip)]
    pub rested: Rested,
    /// Notices that could not be sent. Nothing else depends on them, but they shall not be lost in silence.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unsent: Vec<Unsent>,
}

/// A run in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Users seen: looked at, or left alone because the account's lists had nothing to do for them.
    pub users: usize,
    /// Users that are chosen and exempt: not counted among the others.
    #[serde(skip_serializing_if = "is_zero")]
    pub exempt: usize,
    /// New keys delivered.
    pub rotated: usize,
    /// Superseded keys deactivated.
    pub deactivated: usize,
    /// Inactive keys deleted.
    pub deleted: usize,
    /// Users for whom a call failed.
    pub failed: usize,
    /// Users about whom a person must decide.
    pub needs_person: usize,
    /// Notices that could not be sent.
    pub unsent: usize,
}

/// One user.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UserReport {
    /// Who.
    pub user: UserName,
    /// The outcome in a word.
    pub result: Outcome,
    /// Why the run ended there, as a sentence.
    pub why: String,
    /// The keys that were found.
    pub found: Vec<Key>,
    /// What was done about them, in order.
    pub done: Vec<Change>,
    /// The keys as they are left.
    pub left: Vec<Key>,
    /// Until when an old key that is still in use is waited for, if that has an end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_until: Option<Timestamp>,
    /// Why the run ended there.
    #[serde(skip)]
    pub rest: Rest,
}

/// A notice that nobody got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unsent {
    /// Whom it was about, if it was about one user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<UserName>,
    /// What it was to say, in a word.
    pub notice: &'static str,
    /// Why it was not sent.
    pub why: String,
}

/// The outcome for one user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Nothing had to be done.
    Unchanged,
    /// Something was done, and all of it succeeded.
    Changed,
    /// Something is held back: by an old key that is still in use or kept, another run, the time.
    Waiting,
    /// A call failed. The user's working key still works.
    Failed,
    /// A person must decide.
    NeedsPerson,
}

/// One change that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "change")]
pub enum Change {
    /// A key was created.
    Created {
        /// The key.
        key: AccessKeyId,
    },
    /// A key's secret reached its owner, and the journal says so.
    Delivered {
        /// The key.
        key: AccessKeyId,
    },
    /// A key's owner was told that it will be replaced.
    Warned {
        /// The key.
        key: AccessKeyId,
    },
    /// A key was deactivated.
    Deactivated {
        /// The key.
        key: AccessKeyId,
        /// Why.
        why: Why,
    },
    /// A key was reactivated.
    Reactivated {
        /// The key.
        key: AccessKeyId,
    },
    /// A key was deleted.
    Deleted {
        /// The key.
        key: AccessKeyId,
        /// Why.
        why: Why,
    },
}

impl Change {
    /// The change that a successful call made, if it is one that a reader of the report wants to know.
    #[must_use]
    pub fn of(call: &Call, answer: &Answer) -> Option<Self> {
        match call {
            Call::CreateAccessKey => match answer {
                Answer::Created(key) => Some(Self::Created { key: key.id.clone() }),
                _ => None,
            },
            Call::DeactivateAccessKey(key, why) => Some(Self::Deactivated { key: key.clone(), why: *why }),
            Call::ActivateAccessKey(key) => Some(Self::Reactivated { key: key.clone() }),
            Call::DeleteAccessKey(key, why) => Some(Self::Deleted { key: key.clone(), why: *why }),
            Call::TagUser(entries) => entries.iter().find_map(|entry| match entry {
                Entry::Delivered(delivered) => Some(Self::Delivered { key: delivered.key.clone() }),
                Entry::Warned(key) => Some(Self::Warned { key: key.clone() }),
                Entry::Intent(_) | Entry::Closed(_) | Entry::Disabled(_) | Entry::Undone(_) => None,
            }),
            _ => None,
        }
    }
}

impl UserReport {
    /// Puts a user's report together from what was found and done and why it ended.
    #[must_use]
    pub fn new(user: UserName, order: Order, found: Vec<Key>, done: Vec<Change>, left: Vec<Key>, rest: &Rest) -> Self {
        let delivered = done.iter().any(|change| matches!(change, Change::Delivered { .. }));
        // Both keys' places are taken for now. By schedule that is how it shall be; whoever asked for a key waits.
        let held_back = matches!(rest, Rest::Overlap(..) | Rest::Window(..)) && order == Order::RotateNow && !delivered;
        let why = if held_back { format!("not rotated yet: {rest}") } else { rest.to_string() };
        let result = match rest {
            _ if held_back => Outcome::Waiting,
            Rest::Failed(_) | Rest::Withdrawn(_) => Outcome::Failed,
            // Until somebody confirms, this goes on for ever, and the topic that would say so is the one that nobody reads.
            Rest::NeedsPerson(_) | Rest::NobodyListens => Outcome::NeedsPerson,
            Rest::StillInUse(..) | Rest::Busy(..) | Rest::OutOfTime | Rest::NotVisible(_) | Rest::Recent(..) => {
                Outcome::Waiting
            }
            _ if done.is_empty() => Outcome::Unchanged,
            _ => Outcome::Changed,
        };
        Self { user, result, why, found, done, left, waits_until: None, rest: rest.clone() }
    }
}

impl Summary {
    /// Counts what happened to the users that were looked at.
    #[must_use]
    pub fn of(users: &[UserReport]) -> Self {
        let changes = |wanted: fn(&Change) -> bool| {
            users.iter().flat_map(|user| &user.done).filter(|change| wanted(change)).count()
        };
        let outcomes = |wanted| users.iter().filter(|user| user.result == wanted).count();
        Self {
            users: users.len(),
            exempt: 0,
            rotated: changes(|c| matches!(c, Change::Delivered { .. })),
            deactivated: changes(|c| matches!(c, Change::Deactivated { why: Why::Superseded, .. })),
            deleted: changes(|c| matches!(c, Change::Deleted { why: Why::WindowOver | Why::PlaceNeeded, .. })),
            failed: outcomes(Outcome::Failed),
            needs_person: outcomes(Outcome::NeedsPerson),
            unsent: 0,
        }
    }

    /// The response's status code.
    #[must_use]
    pub fn status_code(&self) -> u16 {
        if self.failed + self.needs_person + self.unsent == 0 { 200 } else { 500 }
    }
}

// serde hands over a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(n: &usize) -> bool {
    *n == 0
}

impl Serialize for Why {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Superseded => "superseded",
            Self::WindowOver => "window-over",
            Self::PlaceNeeded => "place-needed",
            Self::Withdrawn => "withdrawn",
        })
    }
}

impl fmt::Display for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoKeys => f.write_str("the user has no access key"),
            Self::Healthy(due) => write!(f, "the key is due on {due}"),
            Self::Overlap(key, until) => write!(f, "the old key {key} stays active until {until}"),
            Self::Window(key, until) => write!(f, "the inactive key {key} is kept until {until}"),
            Self::Undone(key, until) => {
                write!(f, "the old key {key} was reactivated; it is left alone until its successor is due on {until}")
            }
            Self::NothingToUndo => f.write_str("there is no deactivated key to reactivate"),
            Self::TooLateToUndo(key) => write!(
                f,
                "the deactivated key {key} may be deleted within {LEASE}, so it is not reactivated: nobody shall begin to \
                 work with it now"
            ),
            Self::StillInUse(key, LastUse::Unknown) => {
                write!(f, "whether the old key {key} is still in use could not be read; the next run asks again")
            }
            Self::StillInUse(key, use_) => write!(
                f,
                "the old key {key} is still in use ({use_}): move its user to the new key, or set still_in_use: retire"
            ),
            Self::Busy(run, until) => {
                write!(f, "run {run} has begun a rotation; unless it finishes, a run after {until} takes over")
            }
            Self::OutOfTime => f.write_str("too little time was left to begin a rotation; the next run will"),
            Self::NobodyListens => f.write_str(
                "not rotated, because nobody would receive the key: confirm the subscription mail that SNS has sent",
            ),
            Self::Recent(key, until) => {
                write!(f, "key {key} was made moments ago and not by a run that is known; a run after {until} goes on")
            }
            Self::NotVisible(key) => {
                write!(f, "key {key} was delivered moments ago and IAM does not list it yet; the next run goes on")
            }
            Self::NeedsPerson(doubt) => write!(f, "a person must decide: {doubt}"),
            Self::Failed(failed) => {
                let (call, failure) = failed.as_ref();
                write!(f, "{call} failed: {failure}")?;
                if *call == Call::CreateAccessKey && failure.effect == Effect::Unknown {
                    f.write_str("; if a key was made all the same, a later run will find and remove it")?;
                }
                Ok(())
            }
            Self::Withdrawn(failed) => {
                let (call, failure) = failed.as_ref();
                write!(
                    f,
                    "{call} failed: {failure}; the new key was removed, the old one is as it was; \
                     a run in {LEASE} or later tries again"
                )
            }
        }
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Journal(garbled) => {
                write!(f, "{}; find out who wrote it, then remove the tag", one_line(&garbled.to_string()))
            }
            Self::Future(at) => write!(
                f,
                "a tag {}… speaks of {at}, which is yet to come; find out who wrote it, then remove the tag",
                crate::protocol::journal::PREFIX
            ),
            Self::UnclearOrigin => write!(
                f,
                "a rotation was left unfinished, and it is unclear which key it made; delete the key that \
                 nobody uses, then remove the tag {}…",
                crate::protocol::journal::INTENT
            ),
            Self::OrphanInUse(key, use_) => write!(
                f,
                "a rotation was left unfinished and key {key} looks like its own, but it is in use ({use_}); if \
                 somebody made it by hand, remove the tag {}…",
                crate::protocol::journal::INTENT
            ),
            Self::SameAge => f.write_str("two active keys were created in the same second; deactivate one of them"),
            Self::NoRoom(n) => write!(
                f,
                "the user has {n} tags of its own, and IAM allows 50: the journal needs room for 5; remove some"
            ),
            Self::Unclear(unclear) => write!(f, "{}; correct it", one_line(&unclear.to_string())),
            Self::TooManyKeys(n) => write!(f, "{n} access keys, where IAM allows two"),
        }
    }
}

impl fmt::Display for LastUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => f.write_str("never used"),
            Self::Used { at, service, region } => {
                write!(f, "{} in {}, last at {at}", one_line(service), one_line(region))
            }
            Self::Unknown => f.write_str("its last use could not be read"),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", one_line(&self.code), one_line(&self.message))?;
        if self.effect == Effect::Unknown { f.write_str(" (it may have taken effect)") } else { Ok(()) }
    }
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
}
