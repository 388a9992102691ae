//! The next change to the keys of a user, as far as its time is known now.

use serde::Serialize;

use crate::{
    model::{
        access_key::{AccessKeyId, Key, KeyStatus},
        time::Timestamp,
    },
    protocol::stop_reason::StopReason,
};

/// What happens next to a key, and when, if nothing else changes before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NextChange {
    /// What happens to the key.
    pub change: NextChangeKind,
    /// The id of the key.
    pub key: AccessKeyId,
    /// The earliest time. A run after it makes the change.
    pub at: Timestamp,
}

/// What happens next to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NextChangeKind {
    /// A new key replaces it.
    Replaced,
    /// It is deactivated.
    Deactivated,
    /// It is deleted.
    Deleted,
    /// A run decides what to do with it. Before that, the key must not be used.
    Decided,
}

impl NextChange {
    /// The next change for a user with these keys, for whom a run stops for this reason. `None` if no time is known.
    #[must_use]
    pub fn after(rest: &StopReason, keys: &[Key]) -> Option<Self> {
        let change = |change, key: &AccessKeyId, at: &Timestamp| Some(Self { change, key: key.clone(), at: *at });
        match rest {
            StopReason::Healthy(due) => {
                let active = keys.iter().filter(|key| key.status == KeyStatus::Active);
                let key = active.max_by_key(|key| key.created)?;
                change(NextChangeKind::Replaced, &key.id, due)
            }
            StopReason::Overlap(key, at)
            | StopReason::Undone(key, at)
            | StopReason::UnmadePair(key, at)
            | StopReason::Unused(key, at) => change(NextChangeKind::Deactivated, key, at),
            StopReason::Window(key, at) => change(NextChangeKind::Deleted, key, at),
            StopReason::Recent(key, at) => change(NextChangeKind::Decided, key, at),
            _ => None,
        }
    }
}
