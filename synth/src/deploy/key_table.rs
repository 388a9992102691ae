//! The table of users and keys in the status.

use std::mem::take;

use lambda::model::{parse_error::one_line, time::Timestamp};

use crate::{
    deploy::{
        received_report::{ReceivedKey, ReceivedUser},
        received_words::{ReceivedChangeKind, ReceivedNextKind},
    },
    screen::{short_id, table},
};

/// The table: each user with its keys, their ages, and what happens to them next. A user that is not in order has a mark.
#[must_use]
pub fn key_table(users: &[&ReceivedUser], at: Timestamp) -> String {
    let header = ["  USER", "KEY", "STATE", "AGE", "NEXT", "OWNER"].map(str::to_owned);
    let mut rows = vec![header];
    for user in users {
        let mark = if user.is_in_order() { "  " } else { "! " };
        let mut name = format!("{mark}{}", one_line(&user.user));
        let mut owner = user.owner.as_deref().map(one_line).unwrap_or_default();
        // The name and the owner stand in the first line only.
        let mut row = |[key, state, age, next]: [String; 4]| {
            rows.push([take(&mut name), key, state, age, next, take(&mut owner)]);
        };
        let mut keys: Vec<_> = user.found.iter().collect();
        keys.sort_by_key(|key| &key.created);
        if keys.is_empty() {
            let next = if user.is_in_order() { "nothing" } else { "see below" };
            row(["-", "-", "-", next].map(str::to_owned));
        }
        for key in keys {
            let born = key.created.parse::<Timestamp>();
            let age = born.map_or("?".to_owned(), |born| format!("{}d", at.since(born).whole_days()));
            row([short_id(&key.id), key.status.to_string(), age, next_of(user, key)]);
        }
    }
    table(&rows)
}

/// What happens next to a key, with its day if it is known.
fn next_of(user: &ReceivedUser, key: &ReceivedKey) -> String {
    let day = |time: &str| time.parse::<Timestamp>().map_or_else(|_| time.to_owned(), Timestamp::to_day);
    let is_next = |kind: &ReceivedChangeKind| *kind != ReceivedChangeKind::Delivered;
    if let Some(change) = user.done.iter().find(|change| change.key == key.id && is_next(&change.change)) {
        return format!("{} by the next run", change.change);
    }
    let is_oldest_active = || {
        let active = user.found.iter().filter(|found| found.is_active());
        active.min_by_key(|found| &found.created).is_some_and(|oldest| oldest.id == key.id)
    };
    if user.done.iter().any(|change| change.change == ReceivedChangeKind::Created) && is_oldest_active() {
        return "new key by the next run".to_owned();
    }
    if let Some(next) = user.next.as_ref().filter(|next| next.key == key.id) {
        return match &next.change {
            ReceivedNextKind::Decided => "do not use yet".to_owned(),
            change => format!("{change} {}", day(&next.at)),
        };
    }
    if user.is_in_order() || !key.is_active() || !is_oldest_active() {
        return String::new();
    }
    "see below".to_owned()
}
