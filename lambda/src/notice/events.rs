//! The notices about a user after a run has finished with it. The mails about a new key and the warning are not among
//! them: they are steps of the plan.
//!
//! [`notices`] is a pure function of the report: what was found, what was done, and why the run stopped. A change is
//! reported once, by the run that made it. A problem is reported by each run that finds it. With a daily schedule, that
//! is a reminder a day while the problem lasts.

use super::{Rotated, SecretLocation};
use crate::{
    contract::settings::Settings,
    model::{
        access_key::{AccessKeyId, KeyStatus, LastUse},
        email::Email,
        time::Timestamp,
        user::UserName,
    },
    protocol::{
        call::{Call, RemovalReason},
        call_error::{CallError, Effect},
        policy::DeleteAfter,
        stop_reason::{NeedsAttention, StopReason, Unheard},
    },
    report::{
        audit,
        run_report::{KeyChange, UserReport},
    },
    selection::routing::ConfirmedAddresses,
};

/// One notice about one user. It never holds a secret.
pub struct Notice<'a> {
    /// The user that it is about.
    pub user: &'a UserName,
    /// What it says.
    pub kind: NoticeKind<'a>,
    /// The addresses of the recipients. The endpoints of `notify` get every notice.
    pub to: Vec<&'a Email>,
}

/// What a notice says.
pub enum NoticeKind<'a> {
    /// A new key was mailed. Endpoints get this in place of the mail with the secret.
    Rotated(Rotated<'a>),
    /// An old key is in use although its successor was delivered.
    StillInUse {
        /// The old key, which is in use.
        old: &'a AccessKeyId,
        /// The successor of the old key, if it is active.
        new: Option<&'a AccessKeyId>,
        /// The last use that IAM has on record.
        last_use: &'a LastUse,
        /// When the old key will be deactivated if it is not used again; `None` if its last use is unknown.
        required_idle_time: Option<Timestamp>,
        /// Until when the old key stays active even if it is in use; `None` if there is no end.
        until: Option<Timestamp>,
    },
    /// An old key was deactivated.
    Retired {
        /// The old key, which is now inactive.
        old: &'a AccessKeyId,
        /// The successor of the old key, if it is active.
        new: Option<&'a AccessKeyId>,
        /// When the old key will be deleted.
        deleted: DeleteAfter,
    },
    /// A key was deactivated because it was not used.
    Disused {
        /// The key, which is now inactive.
        key: &'a AccessKeyId,
    },
    /// A key was deactivated because a person revoked it.
    Revoked {
        /// The key, which is now inactive.
        key: &'a AccessKeyId,
        /// The key that works, if there is one.
        new: Option<&'a AccessKeyId>,
    },
    /// The older of two active keys that the rotation did not make is in use.
    PairInUse {
        /// The older key.
        older: &'a AccessKeyId,
        /// The younger key, if it is active.
        newer: Option<&'a AccessKeyId>,
        /// The last use of the older key that IAM has on record.
        last_use: &'a LastUse,
    },
    /// An inactive key was deleted.
    Deleted {
        /// The key that was deleted.
        old: &'a AccessKeyId,
        /// The key that works, if there is one.
        new: Option<&'a AccessKeyId>,
        /// Why the key was deleted.
        why: RemovalReason,
    },
    /// An old key was reactivated.
    Reactivated {
        /// The old key, which is active again.
        old: &'a AccessKeyId,
        /// The successor of the old key, if it is active.
        new: Option<&'a AccessKeyId>,
        /// Until when runs skip the old key; `None` if they do not.
        until: Option<Timestamp>,
    },
    /// A call failed.
    Failed {
        /// The call that failed.
        call: &'a Call,
        /// Why it failed.
        failure: &'a CallError,
        /// The state of the user's keys after it.
        aftermath: Aftermath<'a>,
    },
    /// A person must decide.
    NeedsAttention(&'a NeedsAttention),
    /// The new key would be mailed, but no recipient has confirmed.
    NoConfirmedRecipient {
        /// The addresses; at least one must confirm.
        mailboxes: Vec<&'a Email>,
    },
}

/// The state of a user's keys after a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aftermath<'a> {
    /// Nothing was changed.
    Untouched,
    /// The new key was withdrawn.
    Withdrawn,
    /// A key was created, and it is unknown whether its secret arrived. `None` if it is also unknown whether the key
    /// exists.
    DeliveryUnknown(Option<&'a AccessKeyId>),
    /// Some steps were done before the failure, and others are still to be done.
    Unfinished,
    /// The failed call may have made its change.
    Uncertain,
}

impl NoticeKind<'_> {
    /// The kind of the notice as one word, for the report and the log.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Rotated(_) => "rotated",
            Self::StillInUse { .. } => "still-in-use",
            Self::Retired { .. } => "retired",
            Self::Disused { .. } => "disused",
            Self::Revoked { .. } => "revoked",
            Self::PairInUse { .. } => "pair-in-use",
            Self::Deleted { .. } => "deleted",
            Self::Reactivated { .. } => "reactivated",
            Self::Failed { .. } => "failed",
            Self::NeedsAttention(_) => "needs-attention",
            Self::NoConfirmedRecipient { .. } => "no-confirmed-recipient",
        }
    }
}

/// The notices about a user, with their recipients.
#[must_use]
pub fn notices<'a, Reference>(
    report: &'a UserReport,
    settings: &'a Settings<Reference>,
    confirmed: &ConfirmedAddresses,
    now: Timestamp,
) -> Vec<Notice<'a>> {
    let done = report.done.iter().enumerate().filter_map(|(at, change)| of_change(report, at, change, settings, now));
    let all = done.chain(of_rest(report, settings));
    let notice = |kind| Notice {
        user: &report.user,
        to: match &kind {
            // Those who must confirm get no mail before that, so the administrators get this one.
            NoticeKind::NoConfirmedRecipient { .. } => settings.administrators.iter().collect(),
            // People got the mail with the key.
            NoticeKind::Rotated(_) => Vec::new(),
            _ => settings.recipients_of_notice(&report.user, confirmed),
        },
        kind,
    };
    all.map(notice).collect()
}

fn of_change<'a, Reference>(
    report: &'a UserReport,
    at: usize,
    change: &'a KeyChange,
    settings: &'a Settings<Reference>,
    now: Timestamp,
) -> Option<NoticeKind<'a>> {
    let (before, after) = (&report.done[..at], &report.done[at + 1..]);
    match change {
        KeyChange::Delivered { key } if settings.policy.delivery.is_mail() && !settings.endpoints.is_empty() => {
            Some(NoticeKind::Rotated(Rotated {
                user: &report.user,
                key,
                secret: SecretLocation::Mailed,
                replaced: report.left.iter().filter(|old| old.id != *key).collect(),
                policy: &settings.policy,
                now,
            }))
        }
        KeyChange::Deactivated { key, why: RemovalReason::Superseded } => {
            // Without an overlap, the mail about the new key has already said this. If the key was deleted, the notice
            // about that is enough.
            let said = before.iter().any(|change| matches!(change, KeyChange::Delivered { .. }));
            let gone = after.iter().any(|change| matches!(change, KeyChange::Deleted { key: gone, .. } if gone == key));
            let retired = NoticeKind::Retired { old: key, new: current(report), deleted: settings.policy.delete_after };
            (!said && !gone).then_some(retired)
        }
        KeyChange::Deactivated { key, why: RemovalReason::Disuse } => Some(NoticeKind::Disused { key }),
        KeyChange::Deactivated { key, why: RemovalReason::Revoked } => {
            Some(NoticeKind::Revoked { key, new: current(report) })
        }
        KeyChange::Deleted { key, why: why @ (RemovalReason::WindowOver | RemovalReason::PlaceNeeded) } => {
            Some(NoticeKind::Deleted { old: key, new: current(report), why: *why })
        }
        // A mailed key that turned out to be in use just as it was withdrawn. It is the new key, and it stays.
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
        // The planner's own mails report these, or the notice about the stop reason does.
        KeyChange::Created { .. }
        | KeyChange::Delivered { .. }
        | KeyChange::Warned { .. }
        | KeyChange::Deactivated {
            why: RemovalReason::Withdrawn | RemovalReason::WindowOver | RemovalReason::PlaceNeeded,
            ..
        }
        | KeyChange::Deleted { .. } => None,
    }
}

fn of_rest<'a, Reference>(report: &'a UserReport, settings: &'a Settings<Reference>) -> Option<NoticeKind<'a>> {
    match &report.rest {
        StopReason::UnmadePairInUse(older, last_use) => {
            Some(NoticeKind::PairInUse { older, newer: other_that_works(report, older), last_use })
        }
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
        StopReason::NoConfirmedRecipient(Unheard::Secret) => {
            Some(NoticeKind::NoConfirmedRecipient { mailboxes: settings.readers_of_secret(&report.user) })
        }
        StopReason::Withdrawn(failed) => {
            Some(NoticeKind::Failed { call: &failed.0, failure: &failed.1, aftermath: Aftermath::Withdrawn })
        }
        // This has one cause for all users, so only the digest tells it.
        StopReason::Failed(_) if report.rest.is_unread_subscriptions() => None,
        StopReason::Failed(failed) => {
            let (call, failure) = failed.as_ref();
            Some(NoticeKind::Failed { call, failure, aftermath: aftermath(report, call, failure) })
        }
        // Nothing is wrong, or another run, a later run or the person who asked for the run deals with it.
        // No recipient would get it. The metric and its alarm count the addresses, and `synth status` names them.
        StopReason::NoConfirmedRecipient(Unheard::Notices)
        | StopReason::Reactivated(_)
        | StopReason::UnmadePair(..)
        | StopReason::Unused(..)
        | StopReason::Revoked(_)
        | StopReason::NoSuchKey(_)
        | StopReason::Adopted
        | StopReason::Released
        | StopReason::NoKeys
        | StopReason::Disabled
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

/// The other key of the user, if it is active.
fn other_that_works<'a>(report: &'a UserReport, key: &AccessKeyId) -> Option<&'a AccessKeyId> {
    report.left.iter().find(|left| left.id != *key && left.status == KeyStatus::Active).map(|other| &other.id)
}

/// The latest active key of the user.
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
        (_, Some(key)) => Aftermath::DeliveryUnknown(Some(key)),
        (Call::CreateAccessKey, None) if failure.effect == Effect::Unknown => Aftermath::DeliveryUnknown(None),
        _ if failure.effect == Effect::Unknown && audit::reason(call).is_some() => Aftermath::Uncertain,
        _ if done.is_empty() => Aftermath::Untouched,
        _ => Aftermath::Unfinished,
    }
}
