//! What the next run would do for one user, as one short line. [`lambda::report`] has the whole report.

use lambda::{
    model::access_key::AccessKeyId,
    protocol::stop_reason::StopReason,
    report::run_report::{KeyChange, UserReport},
};

use crate::screen::short_id;

/// What the next run would do for one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserOutlook {
    /// The name of the user.
    pub user: String,
    /// The kind of the outlook.
    pub kind: OutlookKind,
    /// What the run would do, and what comes after it.
    pub text: String,
}

/// The kinds of outlooks. The order is the order of the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OutlookKind {
    /// The run would fail for the user, or a person must decide.
    Problem,
    /// The user would get a new key.
    NewKey,
    /// A key would be activated, deactivated or deleted.
    KeyChange,
    /// No key would be changed. The owner may be notified.
    NoKeyChange,
}

impl OutlookKind {
    /// The sign at the beginning of the line.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Problem => "!",
            Self::NewKey => "+",
            Self::KeyChange => "-",
            Self::NoKeyChange => " ",
        }
    }

    /// Whether the run would create, activate, deactivate or delete a key.
    #[must_use]
    pub const fn changes_keys(self) -> bool {
        matches!(self, Self::NewKey | Self::KeyChange)
    }
}

impl From<&UserReport> for UserOutlook {
    fn from(report: &UserReport) -> Self {
        let UserReport { user, done, rest, .. } = report;
        let has_new_key = done.iter().any(|change| matches!(change, KeyChange::Created { .. }));
        let kind = match rest {
            StopReason::NeedsAttention(_) | StopReason::Failed(_) | StopReason::Withdrawn(_) => OutlookKind::Problem,
            _ if has_new_key => OutlookKind::NewKey,
            _ if done.iter().any(is_key_change) => OutlookKind::KeyChange,
            _ => OutlookKind::NoKeyChange,
        };
        let text = done.iter().filter_map(change).chain(after(rest, done)).collect::<Vec<_>>().join("; ");
        Self { user: user.to_string(), kind, text }
    }
}

fn is_key_change(change: &KeyChange) -> bool {
    !matches!(change, KeyChange::Warned { .. })
}

fn id(key: &AccessKeyId) -> String {
    short_id(key.as_str())
}

/// The words for one change. `None` for a part of another change.
fn change(change: &KeyChange) -> Option<String> {
    Some(match change {
        KeyChange::Created { .. } => "new key".to_owned(),
        KeyChange::Delivered { .. } => return None,
        KeyChange::Warned { .. } => "a notice that the key will be replaced".to_owned(),
        KeyChange::Deactivated { key, .. } => format!("{} is deactivated", id(key)),
        KeyChange::Reactivated { key } => format!("{} is activated again", id(key)),
        KeyChange::Deleted { key, .. } => format!("{} is deleted", id(key)),
    })
}

/// What comes after the changes of the run.
fn after(rest: &StopReason, done: &[KeyChange]) -> Option<String> {
    Some(match rest {
        StopReason::NoKeys => "no access key, and gets none".to_owned(),
        StopReason::Disabled => "only inactive keys: they are not touched".to_owned(),
        StopReason::Healthy(due) if done.is_empty() => format!("nothing before {}", due.to_day()),
        StopReason::Healthy(due) if !done.iter().any(is_key_change) => format!("new key on {}", due.to_day()),
        // The next new key is far away.
        StopReason::Healthy(_) => return None,
        StopReason::Overlap(key, until) => {
            format!("{} works until {} at least", id(key), until.to_day())
        }
        StopReason::Window(key, until) => {
            format!("the inactive {} will be deleted on {}", id(key), until.to_day())
        }
        StopReason::Undone(key, until) => {
            format!("{} was activated again; it stays active until {} at least", id(key), until.to_day())
        }
        StopReason::UnmadePair(key, until) => {
            format!("two active keys: {} will be deactivated on {} unless it is used", id(key), until.to_day())
        }
        StopReason::UnmadePairInUse(key, _) => {
            format!("two active keys, and both stay: {} is in use", id(key))
        }
        StopReason::Unused(key, until) => {
            format!("{} is unused: it will be deactivated on {} unless it is used", id(key), until.to_day())
        }
        StopReason::StillInUse(key, _) => {
            format!("the old key {} is still in use, and stays active", id(key))
        }
        other => other.to_string(),
    })
}
