//! The inventory of an account, or of several: who has access keys, how old and how used they are, and what is wrong with them. Pure:
//! [`crate::deploy::inventory_reader`] reads the account.

pub mod account_report;
pub mod finding;
pub mod holder;
pub mod permissions;
pub mod render;
pub mod user_facts;

use std::collections::BTreeMap;

use lambda::{
    contract::listed_user::ListedUser,
    model::time::{Span, Timestamp},
};

use self::{
    account_report::ReportRow,
    finding::{Finding, FindingKind},
    holder::{Holder, Identity},
    user_facts::UserFacts,
};
use crate::config::Config;

/// The limits that the findings are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The age at which an active key is too old.
    pub max_age: Span,
    /// How long an active key may be unused.
    pub unused: Span,
}

/// The access keys of an account or of several, and what is wrong with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory {
    /// The accounts.
    pub scope: InventoryScope,
    /// When the inventory was made.
    pub at: Timestamp,
    /// The limits of the findings.
    pub limits: Limits,
    /// The configuration file that `managed` is about. `None` if there is none.
    pub configuration: Option<String>,
    /// Root and every user, the worst first.
    entries: Vec<Entry>,
}

/// The accounts of an inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InventoryScope {
    /// One account. Holds its number, 12 digits.
    Account(String),
    /// Several accounts of an organization.
    Accounts {
        /// The numbers of the accounts that were read.
        read: Vec<String>,
        /// The accounts that could not be read.
        not_read: Vec<UnreadAccount>,
    },
}

/// An account that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadAccount {
    /// The number of the account, 12 digits.
    pub account: String,
    /// Why it could not be read.
    pub why: String,
}

/// Root or a user, and the findings about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The number of the account, 12 digits.
    pub account: String,
    /// Who has the keys.
    pub holder: Holder,
    /// The findings, the worst first.
    pub findings: Vec<Finding>,
}

impl Inventory {
    /// The inventory of these holders, the worst first. Of those that are equally bad, the one with the oldest key is first.
    #[must_use]
    pub fn new(
        account: String,
        configuration: Option<String>,
        holders: Vec<Holder>,
        limits: Limits,
        at: Timestamp,
    ) -> Self {
        let entry =
            |holder| Entry { account: account.clone(), findings: finding::findings(&holder, limits, at), holder };
        let mut entries: Vec<_> = holders.into_iter().map(entry).collect();
        worst_first(&mut entries);
        Self { scope: InventoryScope::Account(account), at, limits, configuration, entries }
    }

    /// One inventory of several accounts, the worst users of all accounts first.
    #[must_use]
    pub fn of_accounts(
        configuration: Option<String>,
        inventories: Vec<Self>,
        not_read: Vec<UnreadAccount>,
        limits: Limits,
        at: Timestamp,
    ) -> Self {
        let mut read = Vec::new();
        let mut entries = Vec::new();
        for inventory in inventories {
            match inventory.scope {
                InventoryScope::Account(account) => read.push(account),
                InventoryScope::Accounts { read: accounts, .. } => read.extend(accounts),
            }
            entries.extend(inventory.entries);
        }
        read.sort_unstable();
        worst_first(&mut entries);
        Self { scope: InventoryScope::Accounts { read, not_read }, at, limits, configuration, entries }
    }

    /// The accounts that could not be read.
    #[must_use]
    pub fn not_read(&self) -> &[UnreadAccount] {
        match &self.scope {
            InventoryScope::Account(_) => &[],
            InventoryScope::Accounts { not_read, .. } => not_read,
        }
    }

    /// Whether the entries are of several accounts, so that each needs the number of its account.
    #[must_use]
    pub const fn has_accounts(&self) -> bool {
        matches!(self.scope, InventoryScope::Accounts { .. })
    }

    /// Root and every user, the worst first.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entries with findings.
    pub fn found(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| !entry.findings.is_empty())
    }

    /// The number of findings of this kind.
    #[must_use]
    pub fn count(&self, kind: FindingKind) -> usize {
        self.entries.iter().flat_map(|entry| &entry.findings).filter(|finding| finding.kind() == kind).count()
    }

    /// The number of access keys of all holders.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.entries.iter().map(|entry| entry.holder.keys.len()).sum()
    }

    /// The number of users, without root.
    #[must_use]
    pub fn users(&self) -> usize {
        self.entries.iter().filter(|entry| entry.holder.user().is_some()).count()
    }
}

fn worst_first(entries: &mut [Entry]) {
    entries.sort_by_cached_key(|entry| {
        let worst = entry.findings.first().map_or(usize::MAX, |finding| finding.kind().rank());
        let oldest = entry.holder.keys.iter().map(|key| key.since).min();
        (worst, oldest.is_none(), oldest, entry.holder.name(), entry.account.clone())
    });
}

/// Root and every user of the credential report, with what the list of users and the configuration say of them.
#[must_use]
pub fn holders(rows: Vec<ReportRow>, listed: &[ListedUser], config: Option<&Config>) -> Vec<Holder> {
    let by_name: BTreeMap<String, &ListedUser> =
        listed.iter().map(|user| (user.name.as_str().to_ascii_lowercase(), user)).collect();
    let facts = |name: String| match by_name.get(&name.to_ascii_lowercase()) {
        Some(listed) => UserFacts::of(listed, config),
        None => UserFacts::unlisted(name),
    };
    let holder = |ReportRow { user, console, keys, unread }: ReportRow| {
        let identity = user.map_or(Identity::Root, |name| Identity::User(facts(name)));
        Holder { identity, console, keys, unread }
    };
    rows.into_iter().map(holder).collect()
}
