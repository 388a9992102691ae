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
    /// The next change for a user with these keys, after a run has stopped for this reason. `None` if no time is known.
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
            // The rotation made the younger one of two active keys. Whether it was delivered is unknown.
            StopReason::Busy(_, at) => match keys {
                [one, other] if keys.iter().all(|key| key.status == KeyStatus::Active) => {
                    let younger = if one.created < other.created { other } else { one };
                    (one.created != other.created).then(|| change(NextChangeKind::Decided, &younger.id, at))?
                }
                _ => None,
            },
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn while_another_run_is_at_work_its_key_of_two_active_ones_must_not_be_used() {
        let at = Timestamp::from_unix(1_795_490_200);
        let key = |id: &str, status, days: u64| Key {
            id: id.parse().unwrap(),
            status,
            created: at.before(crate::model::time::Span::days(days)),
        };
        let (old, new) = ("AKIAEXAMPLE000000001", "AKIAEXAMPLE000000002");
        let busy = StopReason::Busy("a-run".parse().unwrap(), at);
        let (active, inactive) = (KeyStatus::Active, KeyStatus::Inactive);
        let decided = NextChange { change: NextChangeKind::Decided, key: new.parse().unwrap(), at };
        for keys in [[key(new, active, 0), key(old, active, 90)], [key(old, active, 90), key(new, active, 0)]] {
            assert_eq!(NextChange::after(&busy, &keys), Some(decided.clone()));
        }
        // The only active key was delivered.
        for keys in [vec![key(old, active, 90)], vec![key(old, inactive, 90), key(new, active, 30)]] {
            assert_eq!(NextChange::after(&busy, &keys), None);
        }
    }
}
