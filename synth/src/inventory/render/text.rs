//! The inventory as text for people: the worst first, then what to do, then the lines for rotation.yaml.

use lambda::model::parse_error::one_line;

use super::{kinds_at, last_use, names, user_lines};
use crate::inventory::{
    Entry, Inventory, InventoryScope, UnreadAccount, finding::FindingKind, holder::HeldKey, user_facts::Management,
};
use crate::screen::{counted, cut, short_id, table, wrapped};

/// How many users with findings, and how many lines for rotation.yaml, the text shows without `--all`.
const SHOWN: usize = 20;

/// The most characters of a last use. The rest of the table then has room.
const LAST_USE: usize = 24;

/// Which users the text shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShownUsers {
    /// The worst users with findings.
    Worst,
    /// Root and every user.
    Everyone,
}

/// The inventory as text.
#[must_use]
pub fn render(inventory: &Inventory, detail: ShownUsers) -> String {
    let Inventory { scope, at, configuration, .. } = inventory;
    let found = inventory.found().count();
    let (users, keys) = (counted(inventory.users(), "user"), counted(inventory.keys(), "access key"));
    let mut out = match scope {
        InventoryScope::Account(account) => format!("Account {account}: "),
        InventoryScope::Accounts { read, not_read } if not_read.is_empty() => {
            format!("{}: ", counted(read.len(), "account"))
        }
        InventoryScope::Accounts { read, not_read } => {
            format!("{} of {} read: ", read.len(), counted(read.len() + not_read.len(), "account"))
        }
    };
    out += &format!("{users}, {keys}. ");
    out += &match found {
        0 => "There are no findings.".to_owned(),
        1 => "1 of them needs attention.".to_owned(),
        found => format!("{found} of them need attention."),
    };
    out += &format!(" ({})\n", at.to_minute());
    for UnreadAccount { account, why } in inventory.not_read() {
        out += &wrapped("! ", &format!("{account} is not read: {}", one_line(why)));
    }
    if let Some(configuration) = configuration {
        out += &format!("MANAGED: whether {configuration} rotates the user's keys\n");
    }
    let shown: Vec<&Entry> = match detail {
        ShownUsers::Worst => inventory.found().take(SHOWN).collect(),
        ShownUsers::Everyone => inventory.entries().iter().collect(),
    };
    if !shown.is_empty() {
        out.push('\n');
        out += &key_table(inventory, &shown);
    }
    if detail == ShownUsers::Worst && found > SHOWN {
        out += &format!("  … and {} more. All of them: --all (make inventory ALL=1)\n", found - SHOWN);
    }
    if found > 0 {
        out += "\nFINDING      USERS  MEANING, AND WHAT TO DO\n";
        for kind in FindingKind::ALL {
            let entries = inventory.entries().iter();
            let users = entries.filter(|entry| entry.findings.iter().any(|finding| finding.kind() == kind)).count();
            if users > 0 {
                let meaning = kind.meaning(inventory.limits);
                out += &format!("{:<11}  {users:>5}  {meaning}\n{:20}{}\n", kind.as_str(), "", kind.suggestion());
            }
        }
    }
    let is_managed = |entry: &Entry| entry.holder.user().is_some_and(|user| user.management == Management::Managed);
    if inventory.found().any(is_managed) {
        out += "\nFor managed users, the rotation replaces, deactivates and deletes keys: make status shows when.\n";
    }
    let lines = user_lines::lines(inventory);
    if !lines.is_empty() {
        out += "\nTo rotate the old keys that are in use, add these users to rotation.yaml; then run: make preview\nusers:\n";
        let shown = if detail == ShownUsers::Everyone { lines.len() } else { SHOWN };
        lines.iter().take(shown).for_each(|line| out += &format!("  {line}\n"));
        if lines.len() > shown {
            out += &format!("  # and {} more: --all (make inventory ALL=1)\n", lines.len() - shown);
        }
    }
    out
}

fn key_table(inventory: &Inventory, entries: &[&Entry]) -> String {
    let head = ["ACCOUNT", "USER", "KEY", "AGE", "LAST USED", "MANAGED", "FINDINGS"];
    let mut rows = vec![head.map(str::to_owned)];
    for entry in entries {
        let holder = &entry.holder;
        let managed = holder.user().map_or("-", |user| user.management.as_str());
        let row = |at: usize, key: Option<&HeldKey>| {
            let age = key.map_or("-".to_owned(), |key| format!("{}d", key.age(inventory.at).whole_days()));
            let used = key.map_or("-".to_owned(), |key| last_use(key, inventory.at));
            let id = key
                .map_or("-".to_owned(), |key| key.id.as_ref().map_or("no id".to_owned(), |id| short_id(id.as_str())));
            let name = if at == 0 { one_line(&holder.name()) } else { String::new() };
            let account = if at == 0 { entry.account.clone() } else { String::new() };
            let used = cut(&one_line(&used), LAST_USE);
            [account, name, id, age, used, managed.to_owned(), names(kinds_at(entry, at))]
        };
        let keys = holder.keys.iter().enumerate().map(|(at, key)| row(at, Some(key)));
        rows.extend(keys);
        if holder.keys.is_empty() {
            rows.push(row(0, None));
        }
    }
    if inventory.has_accounts() {
        return table(&rows);
    }
    let without_account =
        |[_, user, key, age, used, managed, findings]: [String; 7]| [user, key, age, used, managed, findings];
    table(&rows.into_iter().map(without_account).collect::<Vec<_>>())
}
