//! Why a run stops for a user, in words for the report.

use std::fmt;

use super::{
    call::Call,
    call_error::{CallError, Effect},
    journal::{DELIVERED, INTENT, JournalParseError, LEASE, OWN_TAGS, PREFIX, RunId},
    manager::Manager,
};
use crate::model::{
    access_key::{AccessKeyId, LastUse},
    parse_error::one_line,
    time::Timestamp,
    user_config_error::UserConfigError,
};

/// Why a run stops for a user.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum StopReason {
    /// The user has no access key.
    NoKeys,
    /// All keys of the user are inactive. The handler does not give the user access that no one asked for.
    Disabled,
    /// The user has one young key. It is due at the time given.
    Healthy(Timestamp),
    /// The old key stays active until the time given.
    Overlap(AccessKeyId, Timestamp),
    /// The deactivated key is kept, and can be reactivated, until about the time given.
    Window(AccessKeyId, Timestamp),
    /// The old key was reactivated for a person. Runs skip it until its successor is due, at the time given.
    Undone(AccessKeyId, Timestamp),
    /// The key was reactivated for a person. It is the user's only active key.
    Reactivated(AccessKeyId),
    /// The user has two active keys that the rotation did not make, and their owner was told. The older one is
    /// deactivated at the time given, if it is unused then.
    UnmadePair(AccessKeyId, Timestamp),
    /// The older of two active keys that the rotation did not make is in use.
    UnmadePairInUse(AccessKeyId, LastUse),
    /// The key is not used, and its owner was told. It is deactivated at the time given.
    Unused(AccessKeyId, Timestamp),
    /// There is no key to reactivate that the rotation has deactivated.
    NothingToUndo,
    /// The deactivated key may be deleted so soon that it is not reactivated.
    TooLateToUndo(AccessKeyId),
    /// The key that a person revoked is inactive.
    Revoked(AccessKeyId),
    /// The user has no key with the id that a person named.
    NoSuchKey(AccessKeyId),
    /// This stack is the manager of the user now.
    Adopted,
    /// The notes of this handler about the user are removed.
    Released,
    /// The old key is in use although its successor was delivered.
    StillInUse(AccessKeyId, LastUse),
    /// Another run is at work on this user, until the time given at the latest.
    Busy(RunId, Timestamp),
    /// Too little of the run's time is left to begin a rotation.
    OutOfTime,
    /// No recipient of this has confirmed a subscription, so nothing is begun.
    NoConfirmedRecipient(Unheard),
    /// A run that may not be finished has just created this key, or is about to deactivate it. A run after the time
    /// given continues.
    Recent(AccessKeyId, Timestamp),
    /// IAM does not list the key yet, although it was just delivered.
    NotVisible(AccessKeyId),
    /// A person must decide something.
    NeedsAttention(NeedsAttention),
    /// A call failed.
    Failed(Box<(Call, CallError)>),
    /// The new key was withdrawn because this call failed. The old key is unchanged.
    Withdrawn(Box<(Call, CallError)>),
}

impl StopReason {
    /// Whether the list of subscriptions could not be read. It is read once in a run, for all users.
    #[must_use]
    pub fn is_unread_subscriptions(&self) -> bool {
        matches!(self, Self::Failed(failed) if failed.0 == Call::ListSubscriptionsByTopic)
    }
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoKeys => f.write_str("the user has no access key"),
            Self::Disabled => f.write_str(
                "all keys of the user are inactive, so it gets no new key; to give it one, run: make rotate USERS=NAME ENABLE=1",
            ),
            Self::Healthy(due) => write!(f, "the key is due on {}", due.to_minute()),
            Self::Overlap(key, until) => write!(f, "the old key {key} stays active until {}", until.to_minute()),
            Self::Window(key, until) => write!(f, "the inactive key {key} is kept until {}", until.to_minute()),
            Self::Undone(key, until) => {
                let until = until.to_minute();
                write!(f, "the old key {key} was reactivated; runs skip it until its successor is due on {until}")
            }
            Self::Reactivated(key) => write!(f, "key {key} is active again"),
            Self::UnmadePair(key, until) => write!(
                f,
                "the user has two active keys that the rotation did not make; the older one, {key}, is deactivated after \
                 {} if it is unused then",
                until.to_minute()
            ),
            Self::UnmadePairInUse(key, use_) => write!(
                f,
                "the user has two active keys that the rotation did not make, and the older one, {key}, is in use ({use_}); \
                 move its workload to the younger key, or to a user of its own"
            ),
            Self::Unused(key, until) => {
                let until = until.to_minute();
                write!(f, "key {key} is not used; it is deactivated on {until} if it is still unused then")
            }
            Self::NothingToUndo => {
                f.write_str("there is no inactive key that the rotation has deactivated, so nothing is reactivated")
            }
            Self::Revoked(key) => write!(f, "key {key} is revoked: it is inactive, and undo does not reactivate it"),
            Self::NoSuchKey(key) => write!(f, "the user has no key {key}; list its keys, and name one of them"),
            Self::Adopted => f.write_str("this stack manages the user now"),
            Self::Released => f.write_str("all notes of the rotation were removed from the user's tags"),
            Self::TooLateToUndo(key) => write!(
                f,
                "the deactivated key {key} may be deleted within {LEASE}, so it is not reactivated; use the user's \
                 active key"
            ),
            Self::StillInUse(key, LastUse::Unknown) => {
                write!(f, "IAM did not say whether the old key {key} is still in use; the next run asks again")
            }
            Self::StillInUse(key, use_) => write!(
                f,
                "the old key {key} is still in use ({use_}): move its workload to the new key, or set \
                 still_in_use: retire"
            ),
            Self::Busy(run, until) => {
                let until = until.to_minute();
                write!(f, "run {run} has begun a rotation; unless it finishes, a run after {until} takes over")
            }
            Self::OutOfTime => f.write_str("too little time was left to begin a rotation; the next run begins it"),
            Self::NoConfirmedRecipient(what) => write!(
                f,
                "no confirmed recipient of {}: confirm the subscription mail that SNS sent",
                match what {
                    Unheard::Secret => "the new key",
                    Unheard::Notices => "notices",
                }
            ),
            Self::Recent(key, until) => {
                let until = until.to_minute();
                write!(
                    f,
                    "key {key} was just changed by a run that may not be finished; do not use it before a run after {until} \
                     has continued"
                )
            }
            Self::NotVisible(key) => {
                write!(f, "key {key} was just delivered, but IAM does not list it yet; the next run continues")
            }
            Self::NeedsAttention(doubt) => write!(f, "a person must decide: {doubt}"),
            Self::Failed(failed) => {
                let (call, failure) = failed.as_ref();
                write!(f, "{call} failed: {failure}")?;
                if *call == Call::CreateAccessKey && failure.effect == Effect::Unknown {
                    f.write_str("; if a key was created anyway, a later run finds and removes it")?;
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

/// What no confirmed recipient would get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unheard {
    /// The mail with the new key.
    Secret,
    /// The notices about the user.
    Notices,
}

/// What a person must decide before the handler does anything more for the user.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum NeedsAttention {
    /// A tag of the journal has a value that cannot be read.
    Journal(JournalParseError),
    /// A note of the journal has a time in the future.
    Future(Timestamp),
    /// A rotation is unfinished, and more than one key may be its own.
    UnclearOrigin,
    /// A key that an unfinished rotation seems to have left is in use.
    OrphanInUse(AccessKeyId, LastUse),
    /// Two active keys were created in the same second, and the journal does not say which is the later one.
    SameAge,
    /// The delivered key is due, but a key that the rotation did not make takes the other place in the quota.
    ForeignKey {
        /// The key that the rotation delivered.
        delivered: AccessKeyId,
        /// The younger key, whose origin is unknown.
        foreign: AccessKeyId,
    },
    /// A note says that the key was delivered later than it was due itself. Until the time given, its predecessor stays
    /// active.
    LateDelivery {
        /// The key that was delivered.
        key: AccessKeyId,
        /// When it was delivered, as the note says.
        at: Timestamp,
        /// When its overlap ends, as far as the note says so.
        until: Timestamp,
    },
    /// Another stack has written the notes about an open rotation.
    ManagedBy(Manager),
    /// A rotation was left unfinished before this stack delivered to another channel. So it is unclear whether its key
    /// was delivered.
    OtherChannel,
    /// The user is no longer selected, but a rotation is open, and no run will end it.
    Left,
    /// The user has this many keys, more than IAM allows.
    TooManyKeys(usize),
    /// The user has this many other tags, so the journal has no room.
    NoRoom(usize),
    /// The settings of this user are unclear.
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
                "a tag {PREFIX}… has the time {}, which is in the future; find out who wrote it, then remove the tag",
                at.to_minute()
            ),
            Self::UnclearOrigin => write!(
                f,
                "a rotation was left unfinished, and it is unclear which key it made; delete the key that \
                 is not in use, then remove the tag {INTENT}…"
            ),
            Self::OrphanInUse(key, use_) => write!(
                f,
                "a rotation was left unfinished and key {key} looks like its own, but it is in use ({use_}); find \
                 out who uses it; if a person created it, remove the tag {INTENT}…"
            ),
            Self::SameAge => f.write_str("two active keys were created in the same second; deactivate the unused one"),
            Self::ForeignKey { delivered, foreign } => write!(
                f,
                "the delivered key {delivered} is due, but key {foreign} takes the other place, and no note says that the \
                 rotation made it; find out which of them is in use, and delete the other"
            ),
            Self::LateDelivery { key, at, until } => write!(
                f,
                "a note says that key {key} was delivered on {}, after it was due itself, so the old key stays active until \
                 {}; if no rotation ended then, find out who wrote the tag {DELIVERED}, and remove it",
                at.to_minute(),
                until.to_minute()
            ),
            Self::ManagedBy(manager) => write!(
                f,
                "the user's keys are managed by the stack {manager}; exempt the user in one of the two stacks, or, if that \
                 stack is gone, run: make adopt USER=NAME"
            ),
            Self::OtherChannel => f.write_str(
                "a rotation was left unfinished before the delivery was changed, so it is unclear whether its key reached \
                 the owner; find out, then run: make adopt USER=NAME; both keys then stay until one of them is unused",
            ),
            Self::Left => write!(
                f,
                "the user is no longer selected, but a rotation is open, so two keys may stay active; select the user \
                 again until the rotation is over, or deactivate the older key by hand and remove the tags {PREFIX}…"
            ),
            Self::NoRoom(n) => write!(
                f,
                "the user has {n} other tags, IAM allows 50, and the journal needs room for {OWN_TAGS}; remove some of the \
                 tags"
            ),
            Self::UserConfigError(error) => {
                write!(f, "{}; correct this, or exempt the user", one_line(&error.to_string()))
            }
            Self::TooManyKeys(n) => {
                write!(f, "the user has {n} access keys, where IAM allows two; delete the unused ones")
            }
        }
    }
}
