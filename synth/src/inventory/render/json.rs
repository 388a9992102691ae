//! The inventory as JSON for programs. Its keys are part of the interface.

use lambda::model::access_key::LastUse;
use serde_json::{Map, Value as Json, json};

use crate::inventory::{
    Entry, Inventory, InventoryScope, UnreadAccount,
    finding::{Finding, FindingKind},
    holder::{Console, HeldKey},
};

/// The inventory as JSON.
#[must_use]
pub fn render(inventory: &Inventory) -> Json {
    let Inventory { scope, at, limits, configuration, .. } = inventory;
    let counts: Map<String, Json> =
        FindingKind::ALL.into_iter().map(|kind| (kind.as_str().to_owned(), inventory.count(kind).into())).collect();
    let (name, accounts) = match scope {
        InventoryScope::Account(account) => ("account", json!(account)),
        InventoryScope::Accounts { read, not_read } => {
            let read = read.iter().map(|account| json!({ "account": account, "read": true, "why": null }));
            let not_read = not_read
                .iter()
                .map(|UnreadAccount { account, why }| json!({ "account": account, "read": false, "why": why }));
            ("accounts", read.chain(not_read).collect())
        }
    };
    json!({
        name: accounts,
        "at": at,
        "limits": { "maxAge": limits.max_age, "unused": limits.unused },
        "configuration": configuration,
        "counts": { "users": inventory.users(), "keys": inventory.keys(), "findings": counts },
        "holders": inventory.entries().iter().map(|entry| holder(inventory, entry)).collect::<Vec<_>>(),
    })
}

fn holder(inventory: &Inventory, entry: &Entry) -> Json {
    let user = entry.holder.user();
    let key = |key: &HeldKey| {
        let last_use = match &key.last_use {
            LastUse::Never | LastUse::Unknown => Json::Null,
            LastUse::Used { at, service, region } => json!({ "at": at, "service": service, "region": region }),
        };
        json!({
            "id": key.id.as_ref().map(ToString::to_string),
            "status": key.status,
            "since": key.since,
            "ageDays": key.age(inventory.at).whole_days(),
            "lastUse": last_use,
        })
    };
    let finding = |finding: &Finding| {
        let kind = finding.kind();
        json!({
            "kind": kind.as_str(),
            "key": finding.key(),
            "meaning": kind.meaning(inventory.limits),
            "suggestion": kind.suggestion(),
        })
    };
    let mut document = json!({
        "kind": if user.is_some() { "user" } else { "root" },
        "name": user.map(|user| &user.name),
        "path": user.and_then(|user| user.path.as_ref()),
        "owner": user.and_then(|user| user.owner.as_ref()),
        "tags": user.map(|user| user.tags.iter().map(|(key, value)| (key.clone(), Json::from(value.as_str()))).collect::<Map<_, _>>()),
        "managed": user.map(|user| user.management.as_str()),
        "console": console(entry.holder.console),
        "keys": entry.holder.keys.iter().map(key).collect::<Vec<_>>(),
        "unread": entry.holder.unread,
        "findings": entry.findings.iter().map(finding).collect::<Vec<_>>(),
    });
    if inventory.has_accounts() {
        document["account"] = json!(entry.account);
    }
    document
}

/// The word for the console access, also in CSV.
pub(super) const fn console(console: Console) -> &'static str {
    match console {
        Console::None => "none",
        Console::PasswordOnly => "password",
        Console::WithMfa => "password-and-mfa",
    }
}
