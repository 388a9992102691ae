//! Shows who gets notices or alarms now and did not before, and who no longer gets them. `key_access` shows who gets new keys.

use std::collections::{BTreeMap, BTreeSet};

use lambda::{
    contract::{listed_user::ListedUser, settings::Settings},
    model::email::Email,
};

use crate::diff::{
    handler_change::{HandlerChange, Handlers},
    possible_users::Users,
};

/// The addresses that get notices or alarms now and did not before. Each is a sentence without a full stop.
pub(super) fn newly_notified(handlers: &Handlers) -> Vec<String> {
    handlers.changes.iter().filter_map(newly_notified_by).flatten().collect()
}

/// `None` for a new function.
fn newly_notified_by(change: &HandlerChange) -> Option<Vec<String>> {
    let administrators = &administrators(&change.new) - &administrators(change.old.as_ref()?);
    let mut all: Vec<_> = administrators
        .iter()
        .map(|address| format!("{address} gets alarms, and the notices for administrators"))
        .collect();
    let mut gained: BTreeMap<String, Users<'_>> = BTreeMap::new();
    for user in &change.users {
        let (Some(old), new) = change.settings_for(user) else { continue };
        for address in notified(new, &user.listed).difference(&notified(old, &user.listed)) {
            if !administrators.contains(address) {
                gained.entry(address.clone()).or_default().add(user);
            }
        }
    }
    // Of a mail with a new key, `key_access` says it.
    if !change.new.policy.delivery.is_mail() {
        all.extend(gained.iter().map(|(address, users)| format!("{address} gets the notices about {users}")));
    }
    Some(all)
}

fn administrators(settings: &Settings) -> BTreeSet<String> {
    settings.administrators.iter().map(Email::small).collect()
}

/// The addresses that get the notices about a user, apart from those that a tag chooses. Empty if the settings of the user are
/// unclear, because no run then handles it.
fn notified(settings: &Settings, listed: &ListedUser) -> BTreeSet<String> {
    let Ok((subject, _)) = settings.subject(listed) else { return BTreeSet::new() };
    settings.for_subject(&subject).readers_of_secret(&listed.name).into_iter().map(Email::small).collect()
}

/// Those who no longer get notices or alarms. Each is a sentence without a full stop. `lost` has what each address or endpoint
/// loses with a subscription.
pub(super) fn unsubscribed(handlers: &Handlers, lost: BTreeMap<String, BTreeSet<&'static str>>) -> Vec<String> {
    let mut all = lost;
    for change in &handlers.changes {
        let before = change.old.as_ref().map(recipients).unwrap_or_default();
        for gone in before.difference(&recipients(&change.new)) {
            all.entry(gone.clone()).or_default().insert("notices");
        }
    }
    let sentence = |(who, what): (String, BTreeSet<&str>)| {
        format!("{who} no longer gets {}", what.into_iter().collect::<Vec<_>>().join(" and "))
    };
    all.into_iter().map(sentence).collect()
}

/// All to whom the handler writes, apart from those that a tag chooses.
fn recipients(settings: &Settings) -> BTreeSet<String> {
    let owners = settings.entries().filter_map(|entry| entry.overrides.owner.as_ref()).map(Email::small);
    let endpoints = settings.endpoints.iter().map(ToString::to_string);
    administrators(settings).into_iter().chain(owners).chain(endpoints).collect()
}
