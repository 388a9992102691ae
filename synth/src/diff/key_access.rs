//! Shows who else could read new keys, as far as IAM does not show it. The function's environment decides who gets a mail
//! with a secret, and which public keys encrypt it. It also decides who may read secrets by the policies that the handler
//! writes.
//!
//! It is compared for each user, because two users can exchange what each of them has.

use std::collections::{BTreeMap, BTreeSet};

use lambda::{
    contract::{listed_user::ListedUser, settings::Settings, user_entry::TAGS},
    model::{email::Email, kms_key::KmsKey},
    protocol::policy::Delivery,
};

use crate::diff::{
    handler_change::{HandlerChange, Handlers},
    possible_users::Users,
};

/// The ways in which others can read new keys. Each is a sentence without a full stop.
pub(super) fn new_key_readers(handlers: &Handlers) -> Vec<String> {
    handlers.changes.iter().flat_map(newly_reading).collect()
}

fn newly_reading(change: &HandlerChange) -> Vec<String> {
    let mut gained: BTreeMap<KeyReader, Users<'_>> = BTreeMap::new();
    for user in &change.users {
        let (old, new) = change.settings_for(user);
        let before = old.map(|old| KeyReader::of(old, &user.listed)).unwrap_or_default();
        let is_new = |reader: &KeyReader| !before.iter().any(|known| known.includes(reader));
        for reader in KeyReader::of(new, &user.listed).into_iter().filter(is_new) {
            gained.entry(reader).or_default().add(user);
        }
        for reader in old.into_iter().flat_map(|old| KeyReader::instead_of_tags(old, new, &user.listed)) {
            gained.entry(reader).or_default().add(user);
        }
    }
    let of_all = change.old.iter().flat_map(|old| for_all_users(old, &change.new));
    of_all.chain(gained.iter().map(|(reader, users)| reader.reads(users))).collect()
}

/// What changes for the keys of all users.
fn for_all_users(old: &Settings, new: &Settings) -> Vec<String> {
    let (before, after) = (old.policy.delivery, new.policy.delivery);
    if before != after {
        return vec![format!("new keys go by {after} instead of {before}")];
    }
    if after != Delivery::SecretsManager {
        return Vec::new();
    }
    // The role says which secrets the handler may write. It does not say who else may read them.
    let prefix = (old.secret_prefix != new.secret_prefix).then(|| {
        format!("policies elsewhere may let others read secrets whose names begin with {}/", new.secret_prefix)
    });
    let tags = new.secret_tags.0.iter().filter(|tag| !old.secret_tags.0.contains(tag));
    let tags: Vec<_> = tags.map(|(key, value)| format!("{key}={value}")).collect();
    let tags = (!tags.is_empty())
        .then(|| format!("policies elsewhere may let others read secrets with the tags {}", tags.join(", ")));
    [prefix, tags, another_kms_key(old, new)].into_iter().flatten().collect()
}

/// What another KMS key of the secrets changes.
fn another_kms_key(old: &Settings, new: &Settings) -> Option<String> {
    match (&old.secret_kms_key, &new.secret_kms_key) {
        (before, after) if before == after => None,
        (KmsKey::Customer(key), KmsKey::AwsManaged) => {
            Some(format!("the policy of the KMS key {key} no longer limits who reads secrets"))
        }
        // Readers in another account cannot use AWS's own key.
        (KmsKey::AwsManaged, KmsKey::Customer(_)) if new.secret_readers.0.is_empty() => None,
        (_, key) => Some(format!("the policy of another KMS key limits who reads secrets: {key}")),
    }
}

/// Something with which the new key of a user can be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum KeyReader {
    /// This address, in lower case, gets the mail with the secret.
    Address(String),
    /// A tag on the user can make this address its owner.
    TaggedAddress(String),
    /// This address, in lower case, gets the mail, although a tag on the user made another one its owner before.
    InsteadOfTag(String),
    /// The owner of this public key can open the mail.
    PublicKey(String),
    /// This principal may read the secret.
    Principal(String),
}

impl KeyReader {
    /// All that a run with these settings lets read the new key of this user, apart from the user itself. Empty if the
    /// settings of the user are unclear, because no run then handles it.
    fn of(settings: &Settings, listed: &ListedUser) -> BTreeSet<Self> {
        let Ok((subject, _)) = settings.subject(listed) else { return BTreeSet::new() };
        let (own, user) = (settings.for_subject(&subject), &listed.name);
        if settings.policy.delivery == Delivery::SecretsManager {
            return own.secret_readers.0.iter().map(|arn| Self::Principal(arn.to_string())).collect();
        }
        // The settings without encryption have no public keys.
        let keys = own.recipients(user).iter().map(|key| Self::PublicKey(key.to_string()));
        let addresses: BTreeSet<String> = own.readers_of_secret(user).into_iter().map(Email::small).collect();
        let tagged = owners_by_tag(settings, listed).into_iter().filter(|address| !addresses.contains(address));
        let tagged: Vec<_> = tagged.map(Self::TaggedAddress).collect();
        addresses.into_iter().map(Self::Address).chain(tagged).chain(keys).collect()
    }

    /// The addresses that get the mails about a user with a tag for its owner, if the tag no longer decides.
    fn instead_of_tags(old: &Settings, new: &Settings, listed: &ListedUser) -> Vec<Self> {
        let (before, Ok((subject, _))) = (owners_by_tag(old, listed), new.subject(listed)) else { return Vec::new() };
        let by_mail = old.policy.delivery.is_mail() && new.policy.delivery.is_mail();
        if !by_mail || before.is_empty() || !owners_by_tag(new, listed).is_empty() {
            return Vec::new();
        }
        let own = new.for_subject(&subject);
        let addresses = own.readers_of_secret(&listed.name).into_iter().map(Email::small);
        addresses.filter(|address| before.iter().any(|owner| owner != address)).map(Self::InsteadOfTag).collect()
    }

    /// Whether this reads everything that `other` reads.
    fn includes(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Address(address), Self::TaggedAddress(other)) => address == other,
            _ => self == other,
        }
    }

    /// The sentence that says which keys it reads.
    fn reads(&self, users: &Users<'_>) -> String {
        match self {
            Self::Address(address) => format!("{address} gets the mails with the new keys of {users}"),
            Self::TaggedAddress(address) => format!("a tag on a user can send its new keys to {address}: {users}"),
            Self::InsteadOfTag(address) => {
                format!("{address} gets the mails with the new keys, whatever owner a tag names: {users}")
            }
            Self::PublicKey(key) => format!("{key} can open the mails with the new keys of {users}"),
            Self::Principal(arn) => format!("{arn} may read the secrets of {users}"),
        }
    }
}

/// The addresses that a tag can make the owner of this user.
fn owners_by_tag(settings: &Settings, listed: &ListedUser) -> BTreeSet<String> {
    let [tag, ..] = TAGS;
    if listed.tags.iter().any(|(key, _)| key.eq_ignore_ascii_case(tag)) {
        return BTreeSet::new();
    }
    let owner_by = |address: &Email| {
        let mut listed = listed.clone();
        listed.tags.push((tag.to_owned(), address.to_string()));
        settings.subject(&listed).ok()?.0.overrides.owner
    };
    let known: BTreeMap<String, &Email> = settings.addresses().map(|address| (address.small(), address)).collect();
    // A tag decides about all addresses or about none. If it decides about none, the owner is the same with any tag.
    let decides = known.values().take(2).all(|address| owner_by(address).as_ref() == Some(address));
    if decides { known.into_keys().collect() } else { BTreeSet::new() }
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use super::*;
    use crate::diff::test_templates::template;

    fn readers(old: &str, new: &str) -> Vec<String> {
        new_key_readers(&Handlers::of(&template(old), &template(new)))
    }

    const STORED: &str = "emails: [a@b.co]\n";
    const MAILED: &str = "emails: [a@b.co]\ndelivery: email\n";

    #[test]
    fn only_new_readers_are_shown() {
        let gets = |address: &str, users: &str| format!("{address} gets the mails with the new keys of {users}");
        let owned = "[{name: alice, owner: o@b.co}, {name: bob, owner: p@b.co}]";
        let below = "[{name: /ci/, owner: o@b.co}, /ci/bot]";
        for (users, new, expected) in [
            ("[alice]", "[alice]", vec![]),
            ("[alice]", "[alice, bob]", vec![]),
            ("[alice]", "[{name: alice, owner: o@b.co}]", vec![gets("o@b.co", "alice")]),
            (
                owned,
                "[{name: alice, owner: p@b.co}, {name: bob, owner: o@b.co}]",
                vec![gets("o@b.co", "bob"), gets("p@b.co", "alice")],
            ),
            (owned, "[alice, {name: bob, owner: p@b.co}]", vec![gets("a@b.co", "alice")]),
            (owned, "[{name: bob, owner: p@b.co}]", vec![]),
            (below, "[{name: /ci/, owner: o@b.co}, {name: /ci/bot, owner: p@b.co}]", vec![gets("p@b.co", "/ci/bot")]),
            (below, "[{name: /ci/, owner: o@b.co}]", vec![]),
            (
                "[{name: /ci/, owner: o@b.co}, {name: /ci/bot, owner: p@b.co}]",
                "[{name: /ci/, owner: o@b.co}]",
                vec![gets("o@b.co", "/ci/bot")],
            ),
            // An entry states the path of its user.
            ("[/ci/, {name: bot, owner: o@b.co}]", "[/ci/]", vec![]),
            ("[/ci/]", "[/ci/, {name: /ci/eu/, owner: o@b.co}]", vec![gets("o@b.co", "/ci/eu/")]),
            ("[/, /ci/bot]", "[{name: /, owner: o@b.co}, /ci/bot]", vec![gets("o@b.co", "/")]),
            (
                "['tag:t=a', 'tag:t=b']",
                "['tag:t=a', {name: 'tag:t=b', owner: o@b.co}]",
                vec![gets("o@b.co", "tag:t=b")],
            ),
        ] {
            let of = |channel: &str, users: &str| format!("{channel}users: {users}\n");
            assert_eq!(readers(&of(MAILED, users), &of(MAILED, new)), expected, "{users}\n{new}");
            assert_eq!(readers(&of(STORED, users), &of(STORED, new)), [""; 0], "{users}\n{new}");
        }
    }

    #[test]
    fn a_sentence_names_few_users() {
        let users = format!("users: [{}]\n", (1..=9).map(|n| format!("user-{n}")).collect::<Vec<_>>().join(", "));
        let (old, new) = (MAILED.to_owned() + &users, MAILED.replace("a@b.co]", "a@b.co, c@b.co]") + &users);
        let expected = "c@b.co gets the mails with the new keys of user-1, user-2, user-3, user-4, user-5 and 4 more";
        assert_eq!(readers(&old, &new), [expected]);
        let (old, new) = (old.replace("[user-1", "[/, user-1"), new.replace("[user-1", "[/, user-1"));
        assert_eq!(readers(&old, &new), ["c@b.co gets the mails with the new keys of /"]);
    }

    #[test]
    fn what_holds_for_all_secrets_is_shown() {
        let role = "arn:aws:iam::999999999999:role/x";
        let key =
            |digit: &str| format!("arn:aws:kms:eu-west-1:111122223333:key/{digit}1111111-2222-3333-4444-555555555555");
        let (one, two) = (format!("secret_kms_key: {}", key("1")), format!("secret_kms_key: {}", key("2")));
        let reader = format!("secret_readers: ['{role}']");
        for (old, new, expected) in [
            (
                "",
                "delivery: email",
                vec![
                    "new keys go by email instead of secrets-manager".to_owned(),
                    "a@b.co gets the mails with the new keys of alice".to_owned(),
                ],
            ),
            ("delivery: email", "", vec!["new keys go by secrets-manager instead of email".to_owned()]),
            ("", &reader, vec![format!("{role} may read the secrets of alice")]),
            (&reader, "", vec![]),
            (&one, "", vec![format!("the policy of the KMS key {} no longer limits who reads secrets", key("1"))]),
            (&one, &two, vec![format!("the policy of another KMS key limits who reads secrets: {}", key("2"))]),
            ("", &one, vec![]),
            (
                "",
                "secret_prefix: payroll",
                vec!["policies elsewhere may let others read secrets whose names begin with payroll/".to_owned()],
            ),
            (
                "tags: {team: a}",
                "tags: {team: b, stage: c}",
                vec!["policies elsewhere may let others read secrets with the tags team=b, stage=c".to_owned()],
            ),
            ("tags: {team: a}", "", vec![]),
            (
                &reader,
                &format!("{reader}\n{one}"),
                vec![format!("the policy of another KMS key limits who reads secrets: {}", key("1"))],
            ),
        ] {
            let of = |more: &str| format!("{STORED}users: [alice]\n{more}\n");
            assert_eq!(readers(&of(old), &of(new)), expected, "{old}\n{new}");
        }
    }

    #[test]
    fn a_tag_can_choose_each_address_unless_the_user_has_an_owner_of_its_own() {
        let may = |address: &str, users: &str| format!("a tag on a user can send its new keys to {address}: {users}");
        let tags = "user_tags: honoured\n";
        let owned = "users: [{name: /ci/, owner: o@b.co}, {name: bot, owner: o@b.co}]\n";
        let (ignored, honoured) = (format!("{MAILED}{owned}"), format!("{MAILED}{owned}{tags}"));
        assert_eq!(readers(&ignored, &honoured), [may("a@b.co", "/ci/")]);
        let anyway = |address: &str, users: &str| {
            format!("{address} gets the mails with the new keys, whatever owner a tag names: {users}")
        };
        assert_eq!(readers(&honoured, &ignored), [anyway("o@b.co", "/ci/")]);
        let more = honoured.replace("a@b.co]", "a@b.co, c@b.co]");
        assert_eq!(readers(&honoured, &more), [may("c@b.co", "/ci/")]);
        assert_eq!(readers(&more, &honoured), [""; 0]);
        // The address of another owner counts too.
        let more = honoured.replace("bot, owner: o@", "bot, owner: p@");
        assert_eq!(
            readers(&honoured, &more),
            ["p@b.co gets the mails with the new keys of bot".to_owned(), may("p@b.co", "/ci/"),]
        );
        // Without an owner of its own, the user is like the others.
        let free = honoured.replace("{name: bot, owner: o@b.co}", "bot");
        assert_eq!(readers(&honoured, &free), ["a@b.co gets the mails with the new keys of bot"]);
        // If tags chose an address before, it is new that it is the owner anyway.
        assert_eq!(
            readers(&free, &free.replace("/ci/, owner: o@", "/ci/, owner: a@")),
            ["a@b.co gets the mails with the new keys of /ci/"]
        );
    }

    #[test]
    fn a_new_function_is_compared_with_nothing() {
        let new = template(&format!("{MAILED}users: [alice]\n"));
        let expected = ["a@b.co gets the mails with the new keys of alice"];
        assert_eq!(new_key_readers(&Handlers::of(&Json::Null, &new)), expected);
        let mut renamed = new.clone();
        let resources = renamed["Resources"].as_object_mut().unwrap();
        let function = resources.shift_remove("Function").unwrap();
        resources.insert("Other".into(), function);
        assert_eq!(new_key_readers(&Handlers::of(&new, &renamed)), expected);
    }

    /// A user was skipped because the entry spelt its name in another case.
    #[test]
    fn a_user_whose_settings_were_unclear_had_no_readers() {
        let (old, new) =
            (format!("{MAILED}users: [/, Alice]\n"), format!("{MAILED}users: [/, {{name: alice, owner: o@b.co}}]\n"));
        assert_eq!(readers(&old, &new), ["o@b.co gets the mails with the new keys of alice"]);
    }
}
