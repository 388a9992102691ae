//! What is said about a user once a run is done with it: beside the new key and the warning, which are steps of the plan.
//!
//! [`notices`] is a pure function of the report: what was found, what was done, why it ended. A change is said once, by the
//! run that made it. What is wrong is said by each run that finds it so, in the rhythm of the schedule: a mail a day, while it
//! lasts, is a reminder.

use crate::{
    contract::settings::Settings,
    model::{
        access_key::{AccessKeyId, Key, KeyStatus, LastUse},
        email::Email,
        time::Timestamp,
        user::UserName,
    },
    protocol::{
        call::{Call, RemovalReason},
        call_error::{CallError, Effect},
        policy::DeleteAfter,
        stop_reason::{NeedsAttention, StopReason},
    },
    report::{
        audit,
        run_report::{KeyChange, UserReport},
    },
};

/// One mail about one user. It never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice<'a> {
    /// Whom it is about.
    pub user: &'a UserName,
    /// What it says.
    pub news: NoticeKind<'a>,
    /// Who gets it.
    pub to: Vec<&'a Email>,
}

/// What a notice says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoticeKind<'a> {
    /// The user has a new key, whose secret was mailed to its owner: for the administrators, who do not get that mail.
    Mailed {
        /// The new key.
        key: &'a AccessKeyId,
        /// Where its secret is.
        owner: &'a Email,
        /// The keys that it replaces, as they were before.
        replaced: Vec<&'a Key>,
    },
    /// An old key is in use although its successor was delivered.
    StillInUse {
        /// The old key.
        old: &'a AccessKeyId,
        /// Its successor.
        new: Option<&'a AccessKeyId>,
        /// What IAM says of its use.
        last_use: &'a LastUse,
        /// Until when it stays if it is not used again, where its use is known.
        required_idle_time: Option<Timestamp>,
        /// Until when it is waited for, if that has an end.
        until: Option<Timestamp>,
    },
    /// An old key was deactivated.
    Retired {
        /// The old key.
        old: &'a AccessKeyId,
        /// Its successor.
        new: Option<&'a AccessKeyId>,
        /// What becomes of it.
        deleted: DeleteAfter,
    },
    /// An inactive key was deleted.
    Deleted {
        /// The key that is gone.
        old: &'a AccessKeyId,
        /// The key that works.
        new: Option<&'a AccessKeyId>,
        /// Why.
        why: RemovalReason,
    },
    /// An old key was reactivated.
    Reactivated {
        /// The old key.
        old: &'a AccessKeyId,
        /// Its successor.
        new: Option<&'a AccessKeyId>,
        /// Until when it is left alone, if it is.
        until: Option<Timestamp>,
    },
    /// A call failed.
    Failed {
        /// The call.
        call: &'a Call,
        /// What AWS said.
        failure: &'a CallError,
        /// How the user's keys stand after it.
        aftermath: Aftermath<'a>,
    },
    /// A person must decide.
    NeedsAttention(&'a NeedsAttention),
    /// The new key would be mailed, and nobody would receive it.
    NoConfirmedRecipient {
        /// Who has to confirm: one of these.
        mailboxes: Vec<&'a Email>,
    },
}

/// What a failure left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aftermath<'a> {
    /// Nothing was changed.
    Untouched,
    /// The new key was taken back.
    Withdrawn,
    /// A key was made, or may have been (then it has no name), and nobody knows whether its secret arrived.
    InDoubt(Option<&'a AccessKeyId>),
    /// Some of what was due was done before.
    Unfinished,
    /// The call changes something, and may have done so.
    Uncertain,
}

impl NoticeKind<'_> {
    /// A word for it, for the report and the log.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Mailed { .. } => "mailed",
            Self::StillInUse { .. } => "still-in-use",
            Self::Retired { .. } => "retired",
            Self::Deleted { .. } => "deleted",
            Self::Reactivated { .. } => "reactivated",
            Self::Failed { .. } => "failed",
            Self::NeedsAttention(_) => "needs-attention",
            Self::NoConfirmedRecipient { .. } => "nobody-listens",
        }
    }
}

/// What there is to say about a user.
#[must_use]
pub fn notices<'a, Reference>(report: &'a UserReport, settings: &'a Settings<Reference>) -> Vec<Notice<'a>> {
    let done = report.done.iter().enumerate().filter_map(|(at, change)| of_change(report, at, change, settings));
    let all = done.chain(of_rest(report, settings));
    let notice = |news| Notice {
        user: &report.user,
        to: match &news {
            // Whoever has to confirm reads nothing before that; the administrators see to it.
            NoticeKind::NoConfirmedRecipient { .. } => settings.administrators.iter().collect(),
            NoticeKind::Mailed { .. } => settings.administrators_beside(&report.user).collect(),
            _ => settings.readers_of_notice(&report.user),
        },
        news,
    };
    all.map(notice).collect()
}

fn of_change<'a, Reference>(
    report: &'a UserReport,
    at: usize,
    change: &'a KeyChange,
    settings: &'a Settings<Reference>,
) -> Option<NoticeKind<'a>> {
    let (before, after) = (&report.done[..at], &report.done[at + 1..]);
    match change {
        KeyChange::Delivered { key } if settings.policy.delivery.is_mail() => {
            let owner = settings.owner_of(&report.user)?;
            let others = settings.administrators_beside(&report.user).next().is_some();
            let left = |old: &&Key| old.id != *key && report.left.iter().any(|left| left.id == old.id);
            let replaced = report.found.iter().filter(left).collect();
            others.then_some(NoticeKind::Mailed { key, owner, replaced })
        }
        KeyChange::Deactivated { key, why: RemovalReason::Superseded } => {
            // Without an overlap, the mail about the new key has said so; and of a key that is gone, that it is gone.
            let said = before.iter().any(|change| matches!(change, KeyChange::Delivered { .. }));
            let gone = after.iter().any(|change| matches!(change, KeyChange::Deleted { key: gone, .. } if gone == key));
            let retired = NoticeKind::Retired { old: key, new: current(report), deleted: settings.policy.delete_after };
            (!said && !gone).then_some(retired)
        }
        KeyChange::Deleted { key, why: why @ (RemovalReason::WindowOver | RemovalReason::PlaceNeeded) } => {
            Some(NoticeKind::Deleted { old: key, new: current(report), why: *why })
        }
        // A mailed key that turned out to be in use, just as it was taken back: it is the new one, and stays.
        KeyChange::Reactivated { key }
            if after.iter().any(|c| matches!(c, KeyChange::Delivered { key: new } if new == key)) =>
        {
            None
        }
        KeyChange::Reactivated { key } => {
            let until = match &report.rest {
                StopReason::Undone(undone, until) if undone == key => Some(*until),
                _ => None,
            };
            Some(NoticeKind::Reactivated { old: key, new: other_that_works(report, key), until })
        }
        // Said by the plan itself, or part of what is said about the end.
        KeyChange::Created { .. }
        | KeyChange::Delivered { .. }
        | KeyChange::Warned { .. }
        | KeyChange::Deactivated { .. }
        | KeyChange::Deleted { .. } => None,
    }
}

fn of_rest<'a, Reference>(report: &'a UserReport, settings: &'a Settings<Reference>) -> Option<NoticeKind<'a>> {
    match &report.rest {
        StopReason::StillInUse(old, last_use) => {
            let required_idle_time = match last_use {
                LastUse::Used { at, .. } => Some(*at + settings.policy.required_idle_time()),
                LastUse::Never | LastUse::Unknown => None,
            };
            Some(NoticeKind::StillInUse {
                old,
                new: other_that_works(report, old),
                last_use,
                required_idle_time,
                until: report.waits_until,
            })
        }
        StopReason::NeedsAttention(doubt) => Some(NoticeKind::NeedsAttention(doubt)),
        StopReason::NoConfirmedRecipient => {
            Some(NoticeKind::NoConfirmedRecipient { mailboxes: settings.readers_of_secret(&report.user) })
        }
        StopReason::Withdrawn(failed) => {
            Some(NoticeKind::Failed { call: &failed.0, failure: &failed.1, aftermath: Aftermath::Withdrawn })
        }
        StopReason::Failed(failed) => {
            let (call, failure) = failed.as_ref();
            Some(NoticeKind::Failed { call, failure, aftermath: aftermath(report, call, failure) })
        }
        // All is well, or another run, a later one or whoever asked for it will see to it.
        StopReason::NoKeys
        | StopReason::Healthy(_)
        | StopReason::Overlap(..)
        | StopReason::Window(..)
        | StopReason::Undone(..)
        | StopReason::NothingToUndo
        | StopReason::TooLateToUndo(_)
        | StopReason::Busy(..)
        | StopReason::OutOfTime
        | StopReason::Recent(..)
        | StopReason::NotVisible(_) => None,
    }
}

/// The user's other key, if it works.
fn other_that_works<'a>(report: &'a UserReport, key: &AccessKeyId) -> Option<&'a AccessKeyId> {
    report.left.iter().find(|left| left.id != *key && left.status == KeyStatus::Active).map(|other| &other.id)
}

/// The user's latest key, if it works.
fn current(report: &UserReport) -> Option<&AccessKeyId> {
    let active = report.left.iter().filter(|key| key.status == KeyStatus::Active);
    active.max_by_key(|key| key.created).map(|key| &key.id)
}

fn aftermath<'a>(report: &'a UserReport, call: &Call, failure: &CallError) -> Aftermath<'a> {
    let done = &report.done;
    let delivered = |key| done.iter().any(|change| matches!(change, KeyChange::Delivered { key: at } if at == key));
    let undelivered = done.iter().rev().find_map(|change| match change {
        KeyChange::Created { key } if !delivered(key) => Some(key),
        _ => None,
    });
    match (call, undelivered) {
        (_, Some(key)) => Aftermath::InDoubt(Some(key)),
        (Call::CreateAccessKey, None) if failure.effect == Effect::Unknown => Aftermath::InDoubt(None),
        _ if failure.effect == Effect::Unknown && audit::reason(call).is_some() => Aftermath::Uncertain,
        _ if done.is_empty() => Aftermath::Untouched,
        _ => Aftermath::Unfinished,
    }
}
