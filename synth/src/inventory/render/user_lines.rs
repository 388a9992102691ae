//! The lines for `users:` of rotation.yaml that make the rotation replace the keys that are too old.

use lambda::model::{
    email::Email,
    user::{User, UserName},
};

use crate::inventory::{
    Entry, Inventory,
    finding::Finding,
    user_facts::{Management, UserFacts},
};

/// One line for each user that has an old key in use, and that the configuration does not rotate.
pub(super) fn lines(inventory: &Inventory) -> Vec<String> {
    let line = |entry| line(entry, inventory.has_accounts());
    inventory.entries().iter().filter(|entry| needs_line(entry)).filter_map(line).collect()
}

/// Whether an old key of the user is in use, and the configuration does not rotate it.
fn needs_line(entry: &Entry) -> bool {
    let is_idle = |at: usize| {
        let idle = |finding: &Finding| matches!(finding, Finding::Unused { key, .. } | Finding::NeverUsed { key } if *key == at);
        entry.findings.iter().any(idle)
    };
    let is_old = entry.findings.iter().any(|finding| matches!(finding, Finding::Old { key, .. } if !is_idle(*key)));
    is_old
        && entry
            .holder
            .user()
            .is_some_and(|user| matches!(user.management, Management::NotSelected | Management::Unknown))
}

/// The entry of the user. `None` if the handler cannot rotate a user with this name or path.
fn line(entry: &Entry, with_account: bool) -> Option<String> {
    let UserFacts { name, path, owner, .. } = entry.holder.user()?;
    let name: UserName = name.parse().ok()?;
    let user: User = format!("{}{name}", path.as_deref()?).parse().ok()?;
    // A name can contain what YAML reads as something else. In double quotes, it is always a text.
    let user = match user.to_string() {
        plain if plain.bytes().all(|b| b.is_ascii_alphabetic() || b"/-_".contains(&b)) && !is_word(&plain) => plain,
        other => format!("{other:?}"),
    };
    // In an organization, a name needs the account.
    let account = with_account.then(|| format!("account: '{}'", entry.account));
    let owner = owner.as_deref().and_then(|owner| owner.parse::<Email>().ok());
    let owner = owner.map(|owner| format!("owner: {:?}", owner.as_str()));
    let more: Vec<_> = account.into_iter().chain(owner).collect();
    Some(if more.is_empty() { format!("- {user}") } else { format!("- {{name: {user}, {}}}", more.join(", ")) })
}

/// Whether YAML reads the plain text as another type, or as a mark of its own.
fn is_word(text: &str) -> bool {
    let word = text.to_ascii_lowercase();
    text.starts_with('-') || ["null", "true", "false", "yes", "no", "on", "off", "y", "n"].contains(&word.as_str())
}
