//! The table of users and keys in the status.

use std::mem::take;

use lambda::model::{parse_error::one_line, time::Timestamp};

use crate::{
    deploy::{
        received_report::{ReceivedKey, ReceivedUser},
        received_words::{ReceivedChangeKind, ReceivedNextKind},
    },
    screen::{WIDTH, short_id},
};

/// The widest user name that has its keys on the same line.
const NAME: usize = 24;

/// A line of the table, as cells: the mark, the user, the key, the state, the age, what is next, and the owner.
type Row = [String; 6];

/// The table: each user with its keys, their ages, and what happens to them next. A user that is not in order has a mark.
#[must_use]
pub fn key_table(users: &[&ReceivedUser], at: Timestamp) -> String {
    let header = ["  USER", "KEY", "STATE", "AGE", "NEXT", "OWNER"].map(str::to_owned);
    let mut rows: Vec<Row> = vec![header];
    for user in users {
        let mark = if user.is_in_order() { "  " } else { "! " };
        let mut name = format!("{mark}{}", one_line(&user.user));
        if name.chars().count() > NAME + 2 {
            rows.push([take(&mut name), String::new(), String::new(), String::new(), String::new(), String::new()]);
        }
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
    // A name that has a line of its own does not widen the column.
    let is_alone = |row: &Row| row[1].is_empty() && !row[0].is_empty();
    let width = |column: usize| {
        let cells = rows.iter().filter(|row| column > 0 || !is_alone(row));
        cells.map(|row| row[column].chars().count()).max().unwrap_or_default()
    };
    let widths: [usize; 5] = std::array::from_fn(width);
    let line = |row: &Row| {
        if is_alone(row) {
            return format!("{}\n", row[0]);
        }
        let padded: Vec<_> = widths.iter().zip(row).map(|(width, cell)| format!("{cell:<width$}  ")).collect();
        let cells = padded.concat();
        let room = WIDTH.saturating_sub(cells.chars().count());
        let owner = if row[5].chars().count() > room {
            format!("{}…", row[5].chars().take(room.saturating_sub(1)).collect::<String>())
        } else {
            row[5].clone()
        };
        format!("{}\n", format!("{cells}{owner}").trim_end())
    };
    rows.iter().map(line).collect()
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
