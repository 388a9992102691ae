//! The run report: what a run found and did. It is the function's response.

use serde::Serialize;

use crate::{
    contract::{member_event::MemberRun, run_summary::RunSummary, settings::FunctionPlace},
    model::{
        access_key::{AccessKeyId, Key},
        email::Email,
        time::Timestamp,
        user::UserName,
    },
    protocol::{
        call::{Answer, Call, PlannedNotice, RemovalReason},
        journal::{JournalEntry, RunId},
        overdue::Overdue,
        run::RunAction,
        stop_reason::StopReason,
    },
    report::next_change::NextChange,
    selection::fleet::NotDue,
};

/// The version of this handler.
pub const HANDLER_VERSION: &str = env!("CARGO_PKG_VERSION");

/// The response, in the shape that the published article's function returns, with the details added.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunReport {
    /// 500 if a user failed or needs attention, or if a notice could not be sent; otherwise 200.
    pub status_code: u16,
    /// The summary as a sentence, in the configured language.
    pub body: String,
    /// The version of the handler that made the run: [`HANDLER_VERSION`].
    pub handler: &'static str,
    /// The id of the run.
    pub run: RunId,
    /// Whether this was a dry run. Then nothing was changed, and the changes below are those that a real run would
    /// make.
    pub dry_run: bool,
    /// When the run began.
    pub started: Timestamp,
    /// The run in numbers.
    pub summary: RunSummary,
    /// The users that the run handled, in this order.
    pub users: Vec<UserReport>,
    /// Whether the run did what is due for all selected users, as the schedule does. The log has it.
    #[serde(skip)]
    pub all_users: bool,
    /// The users that were skipped, because the account's lists show that nothing is due.
    #[serde(skip_serializing_if = "NotDue::is_empty")]
    pub not_due: NotDue,
    /// The notices that could not be sent. Nothing else depends on them, but their loss must be visible.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unsent: Vec<Unsent>,
    /// The addresses and endpoints of the settings that have not confirmed their subscriptions. A run over all users fills
    /// it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unconfirmed: Vec<String>,
}

/// What a run found and did for one user.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UserReport {
    /// The name of the user.
    pub user: UserName,
    /// The owner of the user, if the settings name one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<Email>,
    /// The outcome, as one word.
    pub result: Outcome,
    /// Why the run stopped for this user, as a sentence.
    pub why: String,
    /// The keys at the beginning of the run.
    pub found: Vec<Key>,
    /// The changes to them, in order.
    pub done: Vec<KeyChange>,
    /// The keys at the end of the run.
    pub left: Vec<Key>,
    /// What happens next to a key of the user, if its time is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<NextChange>,
    /// Until when an old key that is still in use stays active; `None` if there is no end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_until: Option<Timestamp>,
    /// The key that was overdue before the run began and is still active. `why` is the cause.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overdue: Option<Overdue>,
    /// Why the run stopped for this user.
    #[serde(skip)]
    pub rest: StopReason,
}

/// A notice that could not be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unsent {
    /// The user that it was about; `None` if it was about the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<UserName>,
    /// The kind of the notice, as one word.
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
    /// Something was changed, and every call succeeded.
    Changed,
    /// A step must wait: for an old key that is still in use or kept, for another run, or because the time was over.
    Waiting,
    /// All keys of the user are inactive, and none was touched.
    Disabled,
    /// A call failed. The key that the user works with still works.
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
        /// The new key.
        key: AccessKeyId,
    },
    /// The secret of a new key was delivered, and the journal has a note of it.
    Delivered {
        /// The new key.
        key: AccessKeyId,
    },
    /// The owner of a key was warned that it will be replaced or deactivated.
    Warned {
        /// The key that will be replaced or deactivated.
        key: AccessKeyId,
    },
    /// A key was deactivated.
    Deactivated {
        /// The key that is now inactive.
        key: AccessKeyId,
        /// Why it was deactivated.
        why: RemovalReason,
    },
    /// A key was reactivated.
    Reactivated {
        /// The key that is active again.
        key: AccessKeyId,
    },
    /// A key was deleted.
    Deleted {
        /// The key that no longer exists.
        key: AccessKeyId,
        /// Why it was deleted.
        why: RemovalReason,
    },
}

impl RunReport {
    /// The run as a member of an organization reports it, from a function in this place.
    #[must_use]
    pub fn member_run(&self, place: FunctionPlace<'_>, stack: &str) -> MemberRun {
        let next = self.users.iter().filter_map(|user| Some(user.next.as_ref()?.at));
        MemberRun {
            run: self.run.clone(),
            stack: stack.to_owned(),
            region: place.region.to_owned(),
            handler: self.handler.to_owned(),
            started: self.started,
            summary: self.summary,
            next: next.chain(self.not_due.next).min(),
        }
    }
}

impl KeyChange {
    /// The change that a successful call made; `None` if the report does not list it.
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
                _ => None,
            }),
            Call::Publish(PlannedNotice::Warning(warning)) => Some(Self::Warned { key: warning.key().clone() }),
            _ => None,
        }
    }
}

impl UserReport {
    /// Makes the report of a user from the keys, the changes and the reason why the run stopped.
    #[must_use]
    pub fn new(
        user: UserName,
        action: &RunAction,
        found: Vec<Key>,
        done: Vec<KeyChange>,
        left: Vec<Key>,
        rest: &StopReason,
    ) -> Self {
        let delivered = done.iter().any(|change| matches!(change, KeyChange::Delivered { .. }));
        // Both places in the quota are taken for now. For a scheduled run this is as planned. If a person asked for a
        // new key, the user is waiting.
        let held_back = matches!(rest, StopReason::Overlap(..) | StopReason::UnmadePair(..) | StopReason::Window(..))
            && action.rotates_now()
            && !delivered;
        let why = if held_back { format!("not rotated yet: {rest}") } else { rest.to_string() };
        let result = match rest {
            _ if held_back => Outcome::Waiting,
            StopReason::Failed(_) | StopReason::Withdrawn(_) => Outcome::Failed,
            StopReason::NeedsAttention(_) => Outcome::NeedsAttention,
            // In the run that deactivates the last key, the deactivation is the news.
            StopReason::Disabled if done.is_empty() => Outcome::Disabled,
            StopReason::StillInUse(..)
            | StopReason::UnmadePairInUse(..)
            | StopReason::NoConfirmedRecipient(_)
            | StopReason::Busy(..)
            | StopReason::OutOfTime
            | StopReason::NotVisible(_)
            | StopReason::Recent(..) => Outcome::Waiting,
            _ if done.is_empty() => Outcome::Unchanged,
            _ => Outcome::Changed,
        };
        let next = NextChange::after(rest, &left);
        Self {
            user,
            owner: None,
            result,
            why,
            found,
            done,
            left,
            next,
            waits_until: None,
            overdue: None,
            rest: rest.clone(),
        }
    }
}

impl RunSummary {
    /// Counts what happened to the users that the run handled.
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
            deactivated: changes(|c| {
                matches!(c, KeyChange::Deactivated { why: RemovalReason::Superseded | RemovalReason::Disuse, .. })
            }),
            deleted: changes(|c| {
                matches!(c, KeyChange::Deleted { why: RemovalReason::WindowOver | RemovalReason::PlaceNeeded, .. })
            }),
            failed: outcomes(Outcome::Failed),
            needs_attention: outcomes(Outcome::NeedsAttention),
            overdue: users.iter().filter(|user| user.overdue.is_some()).count(),
            unsent: 0,
            unconfirmed: None,
        }
    }

    /// The status code of the response: 200 or 500.
    #[must_use]
    pub fn status_code(&self) -> u16 {
        if self.failed + self.needs_attention + self.unsent == 0 { 200 } else { 500 }
    }
}
