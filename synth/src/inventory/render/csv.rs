//! The inventory as CSV for spreadsheets: a row for each key, and one for each holder without keys.

use lambda::model::access_key::LastUse;

use super::{json::console, kinds_at};
use crate::inventory::{Inventory, UnreadAccount, finding::FindingKind, holder::HeldKey, user_facts::UserFacts};

/// The columns. An inventory of several accounts has the account before them.
const COLUMNS: [&str; 14] = [
    "user",
    "path",
    "owner",
    "tags",
    "managed",
    "console",
    "key",
    "status",
    "since",
    "age_days",
    "last_used",
    "last_used_service",
    "last_used_region",
    "findings",
];

/// The inventory as CSV.
#[must_use]
pub fn render(inventory: &Inventory) -> String {
    let mut table = csv::Writer::from_writer(Vec::new());
    let mut write = |account: &str, cells: [String; COLUMNS.len()]| {
        let account = inventory.has_accounts().then(|| account.to_owned());
        // Writing to memory cannot fail.
        let _ = table.write_record(account.into_iter().chain(cells.map(|cell| inert(&cell))));
    };
    write("account", COLUMNS.map(str::to_owned));
    for entry in inventory.entries() {
        let holder = &entry.holder;
        let user = holder.user();
        let text = |of: fn(&UserFacts) -> Option<String>| user.and_then(of).unwrap_or_default();
        let row = |at: usize| {
            let key = holder.keys.get(at);
            let cell = |of: &dyn Fn(&HeldKey) -> String| key.map(of).unwrap_or_default();
            let [last, service, region] = match key.map(|key| &key.last_use) {
                Some(LastUse::Used { at, service, region }) => [at.to_string(), service.clone(), region.clone()],
                Some(LastUse::Never) => ["never".to_owned(), String::new(), String::new()],
                Some(LastUse::Unknown) | None => Default::default(),
            };
            [
                user.map_or_else(|| holder.name(), |user| user.name.clone()),
                text(|user| user.path.clone()),
                text(|user| user.owner.clone()),
                text(|user| {
                    Some(user.tags.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join("; "))
                }),
                text(|user| Some(user.management.as_str().to_owned())),
                console(holder.console).to_owned(),
                cell(&|key| key.id.as_ref().map(ToString::to_string).unwrap_or_default()),
                cell(&|key| key.status().to_owned()),
                cell(&|key| key.since.to_string()),
                cell(&|key| key.age(inventory.at).whole_days().to_string()),
                last,
                service,
                region,
                kinds_at(entry, at).map(FindingKind::as_str).collect::<Vec<_>>().join(" "),
            ]
        };
        (0..holder.keys.len().max(1)).for_each(|at| write(&entry.account, row(at)));
    }
    for UnreadAccount { account, .. } in inventory.not_read() {
        let mut row: [String; COLUMNS.len()] = Default::default();
        "account-not-read".clone_into(&mut row[COLUMNS.len() - 1]);
        write(account, row);
    }
    String::from_utf8(table.into_inner().unwrap_or_default()).unwrap_or_default()
}

/// A cell that no spreadsheet takes for a formula: names of users and tags can begin with `=` (OWASP, "CSV Injection").
fn inert(cell: &str) -> String {
    let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if is_formula { format!("'{cell}") } else { cell.to_owned() }
}
