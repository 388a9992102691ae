//! What a run found and did: the function's response.

use serde::Serialize;

use crate::{
    model::{
        access_key::{AccessKeyId, Key},
        time::Timestamp,
        user::UserName,
    },
    protocol::{
        call::{Answer, Call, RemovalReason},
        journal::{JournalEntry, RunId},
        run::RunAction,
        stop_reason::StopReason,
    },
    selection::fleet::NotDue,
};

/// The response, in the shape that the article's function returns, with the details beside it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunReport {
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
    pub rested: NotDue,
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
    pub needs_attention: usize,
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
    pub done: Vec<KeyChange>,
    /// The keys as they are left.
    pub left: Vec<Key>,
    /// Until when an old key that is still in use is waited for, if that has an end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_until: Option<Timestamp>,
    /// Why the run ended there.
    #[serde(skip)]
    pub rest: StopReason,
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
    NeedsAttention,
}

/// One change that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "change")]
pub enum KeyChange {
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
        why: RemovalReason,
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
        why: RemovalReason,
    },
}

impl KeyChange {
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
                JournalEntry::Delivered(delivered) => Some(Self::Delivered { key: delivered.key.clone() }),
                JournalEntry::Warned(key) => Some(Self::Warned { key: key.clone() }),
                JournalEntry::Intent(_)
                | JournalEntry::Closed(_)
                | JournalEntry::Disabled(_)
                | JournalEntry::Undone(_) => None,
            }),
            _ => None,
        }
    }
}

impl UserReport {
    /// Puts a user's report together from what was found and done and why it ended.
    #[must_use]
    pub fn new(
        user: UserName,
        order: RunAction,
        found: Vec<Key>,
        done: Vec<KeyChange>,
        left: Vec<Key>,
        rest: &StopReason,
    ) -> Self {
        let delivered = done.iter().any(|change| matches!(change, KeyChange::Delivered { .. }));
        // Both keys' places are taken for now. By schedule that is how it shall be; whoever asked for a key waits.
        let held_back = matches!(rest, StopReason::Overlap(..) | StopReason::Window(..))
            && order == RunAction::RotateNow
            && !delivered;
        let why = if held_back { format!("not rotated yet: {rest}") } else { rest.to_string() };
        let result = match rest {
            _ if held_back => Outcome::Waiting,
            StopReason::Failed(_) | StopReason::Withdrawn(_) => Outcome::Failed,
            // Until somebody confirms, this goes on for ever, and the topic that would say so is the one that nobody reads.
            StopReason::NeedsAttention(_) | StopReason::NoConfirmedRecipient => Outcome::NeedsAttention,
            StopReason::StillInUse(..)
            | StopReason::Busy(..)
            | StopReason::OutOfTime
            | StopReason::NotVisible(_)
            | StopReason::Recent(..) => Outcome::Waiting,
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
        let changes = |wanted: fn(&KeyChange) -> bool| {
            users.iter().flat_map(|user| &user.done).filter(|change| wanted(change)).count()
        };
        let outcomes = |wanted| users.iter().filter(|user| user.result == wanted).count();
        Self {
            users: users.len(),
            exempt: 0,
            rotated: changes(|c| matches!(c, KeyChange::Delivered { .. })),
            deactivated: changes(|c| matches!(c, KeyChange::Deactivated { why: RemovalReason::Superseded, .. })),
            deleted: changes(|c| {
                matches!(c, KeyChange::Deleted { why: RemovalReason::WindowOver | RemovalReason::PlaceNeeded, .. })
            }),
            failed: outcomes(Outcome::Failed),
            needs_attention: outcomes(Outcome::NeedsAttention),
            unsent: 0,
        }
    }

    /// The response's status code.
    #[must_use]
    pub fn status_code(&self) -> u16 {
        if self.failed + self.needs_attention + self.unsent == 0 { 200 } else { 500 }
    }
}

// serde hands over a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(n: &usize) -> bool {
    *n == 0
}
