//! The subscriptions to the topic for notices: one for each address, and what it gets.

use lambda::{contract::user_tags::UserTags, model::email::Email, protocol::policy::Delivery, selection::routing::TO};

use crate::{
    cfn::{LogicalId, resource::FilterPolicy},
    config::Config,
};

/// One address that subscribes. SNS allows one subscription for each address and topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subscriber<'a> {
    /// The address, as the configuration writes it first.
    pub(super) email: &'a Email,
    /// Whether it is an address of the administrators.
    administers: bool,
    /// Whether it is, or can become, the owner of a user.
    owns: bool,
}

/// The administrators first, then the owners, in the configuration's order.
pub(super) fn subscribers(config: &Config) -> Vec<Subscriber<'_>> {
    // With `user_tags: honoured`, a tag can make any address an owner.
    let owns = config.user_tags == UserTags::Honoured;
    let mut all: Vec<_> = config.emails.iter().map(|email| Subscriber { email, administers: true, owns }).collect();
    for email in config.users.iter().filter_map(|entry| entry.overrides.owner.as_ref()) {
        match all.iter_mut().find(|known| known.email == email) {
            Some(known) => known.owns = true,
            None => all.push(Subscriber { email, administers: false, owns: true }),
        }
    }
    all
}

/// The text that says what a subscriber gets. `$secrets` says how a mail contains the secrets.
macro_rules! why {
    ($secrets:literal, $facts:expr) => {
        match $facts {
            (true, false, true, true) => {
                once_confirmed!(
                    "Gets the digest and notices about users without a confirmed owner, and the new keys, ",
                    $secrets,
                    ", of users without an owner."
                )
            }
            (true, true, true, true) => once_confirmed!(
                "Gets the digest and notices about users without a confirmed owner, and the new keys, ",
                $secrets,
                ", of its own users and of users without an owner."
            ),
            (true, true, true, false) => {
                once_confirmed!(
                    "Gets the digest and notices about users without a confirmed owner, and the new keys, ",
                    $secrets,
                    ", of its own users."
                )
            }
            (true, false, true, false) => {
                once_confirmed!("Gets the digest and notices about users without a confirmed owner, and no secret.")
            }
            (true, _, false, _) => {
                once_confirmed!("Gets the digest and notices about users without a confirmed owner.")
            }
            (false, _, true, _) => {
                once_confirmed!("Gets notices about its own users only, and their new keys, ", $secrets, ".")
            }
            (false, _, false, _) => once_confirmed!("Gets notices about its own users only."),
        }
    };
}

/// The text, with the condition that the address must confirm first. SNS sends nothing before that.
macro_rules! once_confirmed {
    ($($what:literal),+ $(,)?) => {
        concat!($($what,)+ " The address must confirm the mail from AWS.")
    };
}

impl Subscriber<'_> {
    /// The filter policy: only notices with this address among their recipients.
    pub(super) fn filter_policy(&self) -> FilterPolicy {
        FilterPolicy(vec![(TO, vec![self.email.small()])])
    }

    /// The text that says what the address gets.
    pub(super) fn why(&self, config: &Config) -> &'static str {
        let mailed = config.mail_is_delivery();
        let without_owner = config.users.iter().any(|entry| entry.holds(&config.users).owner.is_none());
        if config.organization.is_some() && self.administers {
            return once_confirmed!(
                "Gets digests, the alarms of the members, and notices about users without a confirmed owner."
            );
        }
        let facts = (self.administers, self.owns, mailed, without_owner);
        match config.policy.delivery {
            Delivery::EmailEncrypted => why!("secrets encrypted", facts),
            Delivery::SecretsManager | Delivery::Email => why!("secrets included", facts),
        }
    }

    /// The logical id of the subscription. It is derived only from the address, so that another address changes no other resource.
    /// Punctuation is spelt out, so that two addresses never share an id.
    pub(super) fn logical_id(&self) -> LogicalId {
        logical_id("MailTo", self.email)
    }
}

/// The logical id of the subscription of an address to the topic for alarms.
pub(super) fn alarms_to(email: &Email) -> LogicalId {
    logical_id("AlarmsTo", email)
}

fn logical_id(prefix: &'static str, email: &Email) -> LogicalId {
    let address = email.small();
    // Two marks without a word between them could look like a word, and a long address would be cut. Then the id is the bytes in
    // hexadecimal. No address that is spelt out looks like that, because it contains `At`.
    let hexadecimal =
        || LogicalId::derived(address.bytes().fold(prefix.into(), |name, byte| format!("{name}{byte:02x}")));
    let id = spelt_out(prefix, &address).and_then(LogicalId::derived).or_else(hexadecimal);
    // An address has at most 100 characters, so its bytes fit.
    id.unwrap_or(const { LogicalId::new("MailTo") })
}

/// The address in words, such as `MailToSecurityAtExampleDotCom`. `None` if two marks are side by side, or one is at an end.
fn spelt_out(prefix: &str, address: &str) -> Option<String> {
    let mut name = String::from(prefix);
    for word in address.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let letters = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let mut chars = letters.chars();
        name.push(chars.next()?.to_ascii_uppercase());
        name.push_str(chars.as_str());
        match word.chars().last() {
            Some('@') => name.push_str("At"),
            Some('.') => name.push_str("Dot"),
            Some('-') => name.push_str("Dash"),
            Some('_') => name.push_str("Under"),
            Some('+') => name.push_str("Plus"),
            Some(other) if !other.is_ascii_alphanumeric() => name += &format!("X{:02x}", u32::from(other)),
            _ => {}
        }
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{self, Overrides};

    fn id(text: &str) -> String {
        logical_id("MailTo", &text.parse().unwrap()).as_str().to_owned()
    }

    #[test]
    fn each_address_has_its_own_stable_logical_id() {
        assert_eq!(id("Ops-Team@example.com"), "MailToOpsDashTeamAtExampleDotCom");
        let alike = ["a.b@c.co", "ab@c.co", "a-b@c.co", "a_b@c.co", "a+b@c.co", "a@b.c.co", "adotb@c.co", "a&b@c.co"];
        let ids: std::collections::HashSet<_> = alike.iter().map(|text| id(text)).collect();
        assert_eq!(ids.len(), alike.len(), "{ids:?}");
    }

    /// Two marks side by side could be spelt like a word, and a long address would not fit.
    #[test]
    fn odd_addresses_share_no_logical_id_either() {
        for (one, other) in [("_@b.co", "under@b.co"), ("a.&@b.co", "a.x26@b.co"), ("a-.-b@c.co", "a-dot-b@c.co")] {
            assert_ne!(id(one), id(other), "{one}, {other}");
        }
        let long = "_a".repeat(32);
        assert_ne!(id(&format!("{long}@one.example")), id(&format!("{long}@two.example")));
    }

    /// Each address with the recipients in its filter policy, and its comment.
    fn notified(users: &str, delivery: &str) -> Vec<(String, Vec<String>, &'static str)> {
        let text = format!("users: {users}\nemails: [Admin@b.co]\ndelivery: {delivery}\n");
        let config = config::read(&text, Overrides::default()).unwrap().config;
        let all = subscribers(&config).into_iter().map(|subscriber| {
            let FilterPolicy(policy) = subscriber.filter_policy();
            let [(TO, words)] = policy.as_slice() else { panic!("{policy:?}") };
            let why = subscriber.why(&config).trim_end_matches(once_confirmed!("")).trim_end();
            (subscriber.email.to_string(), words.clone(), why)
        });
        all.collect()
    }

    #[test]
    fn each_address_has_one_subscription_and_gets_what_is_meant_for_it() {
        let secrets = "the new keys, secrets included, of";
        for (users, delivery, expected) in [
            ("[a, b]", "email", vec![("Admin@b.co", vec!["admin@b.co"], format!("{secrets} users without an owner."))]),
            (
                "[a, b]",
                "secrets-manager",
                vec![(
                    "Admin@b.co",
                    vec!["admin@b.co"],
                    "Gets the digest and notices about users without a confirmed owner.".into(),
                )],
            ),
            (
                "[{name: a, owner: X@b.co}, {name: b, owner: x@B.co}]",
                "email",
                vec![
                    (
                        "Admin@b.co",
                        vec!["admin@b.co"],
                        "Gets the digest and notices about users without a confirmed owner, and no secret.".into(),
                    ),
                    ("X@b.co", vec!["x@b.co"], "its own users only, and their new keys, secrets included.".into()),
                ],
            ),
            (
                "[{name: a, owner: x@b.co}, {name: b, owner: y@b.co}]",
                "secrets-manager",
                vec![
                    (
                        "Admin@b.co",
                        vec!["admin@b.co"],
                        "Gets the digest and notices about users without a confirmed owner.".into(),
                    ),
                    ("x@b.co", vec!["x@b.co"], "Gets notices about its own users only.".into()),
                    ("y@b.co", vec!["y@b.co"], "Gets notices about its own users only.".into()),
                ],
            ),
            (
                "[{name: /ci/, owner: x@b.co}, {name: /ci/bot, overlap: 1d}]",
                "email",
                vec![
                    (
                        "Admin@b.co",
                        vec!["admin@b.co"],
                        "Gets the digest and notices about users without a confirmed owner, and no secret.".into(),
                    ),
                    ("x@b.co", vec!["x@b.co"], "its own users only, and their new keys, secrets included.".into()),
                ],
            ),
            (
                "[{name: a, owner: aDmin@b.co}]",
                "email",
                vec![("Admin@b.co", vec!["admin@b.co"], format!("{secrets} its own users."))],
            ),
            (
                "[{name: a, owner: admin@b.co}, b]",
                "email",
                vec![(
                    "Admin@b.co",
                    vec!["admin@b.co"],
                    format!("{secrets} its own users and of users without an owner."),
                )],
            ),
        ] {
            let notified = notified(users, delivery);
            assert_eq!(notified.len(), expected.len(), "{users} {delivery}: {notified:?}");
            for ((address, words, why), (expected, reads, says)) in notified.iter().zip(&expected) {
                assert_eq!((address.as_str(), words), (*expected, &reads.iter().map(|w| (*w).into()).collect()));
                assert!(why.contains(says), "{users} {delivery}: {why}");
            }
        }
    }
}
