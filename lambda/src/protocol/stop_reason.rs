//! Why nothing is left to do for a user in this run.

use std::fmt;

use super::{
    call::{Call, Effect, Failure},
    journal::{INTENT, JournalParseError, LEASE, PREFIX, RunId},
};
use crate::model::{
    access_key::{AccessKeyId, LastUse},
    parse_error::one_line,
    time::Timestamp,
    user_config_error::UserConfigError,
};

/// Why nothing is left to do.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum StopReason {
    /// The user has no access key.
    NoKeys,
    /// One key, delivered and young; it will be due at the time given.
    Healthy(Timestamp),
    /// The old key stays active until the time given.
    Overlap(AccessKeyId, Timestamp),
    /// The deactivated key can be reactivated until the time given.
    Window(AccessKeyId, Timestamp),
    /// The old key was reactivated by a person; it is left alone until its successor is due.
    Undone(AccessKeyId, Timestamp),
    /// There is no deactivated key to reactivate.
    NothingToUndo,
    /// The deactivated key is about to be deleted.
    TooLateToUndo(AccessKeyId),
    /// The old key is in use although its successor was delivered.
    StillInUse(AccessKeyId, LastUse),
    /// Another run is at work on this user until the time given at the latest.
    Busy(RunId, Timestamp),
    /// Too little of the run's time is left to begin a rotation.
    OutOfTime,
    /// The mail would be the delivery, and nobody has confirmed a subscription.
    NoConfirmedRecipient,
    /// This key is so young that whoever made it may not be done.
    Recent(AccessKeyId, Timestamp),
    /// IAM's list does not show the key that was just delivered yet.
    NotVisible(AccessKeyId),
    /// Something only a person can decide.
    NeedsAttention(NeedsAttention),
    /// A call failed.
    Failed(Box<(Call, Failure)>),
    /// The new key was taken back because this call failed; the old key is as it was.
    Withdrawn(Box<(Call, Failure)>),
}

impl fmt::Display for StopReason {
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
            Self::NoConfirmedRecipient => f.write_str(
                "not rotated, because nobody would receive the key: confirm the subscription mail that SNS has sent",
            ),
            Self::Recent(key, until) => {
                write!(f, "key {key} was made moments ago and not by a run that is known; a run after {until} goes on")
            }
            Self::NotVisible(key) => {
                write!(f, "key {key} was delivered moments ago and IAM does not list it yet; the next run goes on")
            }
            Self::NeedsAttention(doubt) => write!(f, "a person must decide: {doubt}"),
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

/// What the handler will not decide by itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum NeedsAttention {
    /// The journal cannot be read.
    Journal(JournalParseError),
    /// The journal speaks of something that is yet to come.
    Future(Timestamp),
    /// An unfinished rotation, and more than one key that it may have left.
    UnclearOrigin,
    /// A key that an unfinished rotation seems to have left, yet somebody uses it.
    OrphanInUse(AccessKeyId, LastUse),
    /// Two active keys of the same second: neither is the older.
    SameAge,
    /// More keys than IAM allows.
    TooManyKeys(usize),
    /// So many tags on the user that the journal has no room.
    NoRoom(usize),
    /// What holds for this user cannot be told.
    UserConfigError(UserConfigError),
}

impl fmt::Display for NeedsAttention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Journal(garbled) => {
                write!(f, "{}; find out who wrote it, then remove the tag", one_line(&garbled.to_string()))
            }
            Self::Future(at) => write!(
                f,
                "a tag {PREFIX}… speaks of {at}, which is yet to come; find out who wrote it, then remove the tag"
            ),
            Self::UnclearOrigin => write!(
                f,
                "a rotation was left unfinished, and it is unclear which key it made; delete the key that \
                 nobody uses, then remove the tag {INTENT}…"
            ),
            Self::OrphanInUse(key, use_) => write!(
                f,
                "a rotation was left unfinished and key {key} looks like its own, but it is in use ({use_}); if \
                 somebody made it by hand, remove the tag {INTENT}…"
            ),
            Self::SameAge => f.write_str("two active keys were created in the same second; deactivate one of them"),
            Self::NoRoom(n) => write!(
                f,
                "the user has {n} tags of its own, and IAM allows 50: the journal needs room for 5; remove some"
            ),
            Self::UserConfigError(unclear) => write!(f, "{}; correct it", one_line(&unclear.to_string())),
            Self::TooManyKeys(n) => write!(f, "{n} access keys, where IAM allows two"),
        }
    }
}
