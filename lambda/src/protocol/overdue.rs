//! Which key of a user is overdue: it should have been replaced or deactivated before this run began.

use serde::Serialize;

use super::{policy::Policy, state::UserState};
use crate::model::{
    access_key::{AccessKeyId, Key, KeyStatus},
    time::Timestamp,
};

/// A key that is still active although its time was over before the run began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Overdue {
    /// The key that is still active.
    pub key: AccessKeyId,
    /// When its time was over.
    pub since: Timestamp,
}

/// The user's key that is overdue for the longest time, at the end of a run that began at `began`; `None` if there is
/// none.
///
/// A key without a delivered successor is overdue once it is due. A predecessor is overdue once its overlap and the
/// required idle time are over. A forged note cannot hide it: a delivery counts at the latest when the delivered key
/// is due itself.
#[must_use]
pub fn overdue(state: &UserState, policy: &Policy, began: Timestamp) -> Option<Overdue> {
    let journal = state.journal.as_ref().and_then(|journal| journal.as_ref().ok());
    let active = || state.keys().iter().filter(|key| key.status == KeyStatus::Active);
    let successor_of = |key: &Key| {
        let mut younger = active().filter(|other| other.id != key.id && other.created >= key.created);
        younger.find_map(|other| Some((other, journal?.delivered_at(other)?)))
    };
    // A person wants the key back. It stays until the younger key is due.
    let wanted_until = |key: &Key| {
        let younger = active().find(|other| other.id != key.id && other.created >= key.created)?;
        journal?.undone_until(key, younger, policy)
    };
    let over = |key: &Key| match successor_of(key) {
        Some((successor, delivered)) => {
            let due = successor.created + policy.rotate_after;
            delivered.min(due) + policy.overlap + policy.required_idle_time()
        }
        None => key.created + policy.rotate_after,
    };
    let late =
        active().map(|key| Overdue { key: key.id.clone(), since: wanted_until(key).unwrap_or_else(|| over(key)) });
    late.filter(|late| late.since <= began).min_by_key(|late| late.since)
}
