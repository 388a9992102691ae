//! The subscriptions to the topics of a stack: those that the template declares, and those that SNS has. For
//! CloudFormation, a subscription is complete as soon as AWS has sent its mail, and CloudFormation never checks it again. So
//! this module compares the template with SNS.

use std::{collections::BTreeMap, fmt};

use lambda::contract::selector::UserSelector;
use serde_json::{Value as Json, json};

use crate::{deploy::command_line::make, screen::counted};

/// A topic of a rotation stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StackTopic {
    /// The topic for notices.
    Notices,
    /// The topic for alarms.
    Alarms,
}

impl StackTopic {
    /// Both topics.
    pub const ALL: [Self; 2] = [Self::Notices, Self::Alarms];

    /// The logical id of the topic in the template.
    #[must_use]
    pub const fn logical_id(self) -> &'static str {
        match self {
            Self::Notices => "NotificationTopic",
            Self::Alarms => "AlarmTopic",
        }
    }

    /// The name of the stack's output that holds the ARN of the topic.
    #[must_use]
    pub const fn output(self) -> &'static str {
        match self {
            Self::Notices => "TopicArn",
            Self::Alarms => "AlarmTopicArn",
        }
    }

    /// What the topic carries, as one word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Notices => "notices",
            Self::Alarms => "alarms",
        }
    }
}

/// An address that the template subscribes to a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredSubscription {
    /// The topic of the subscription.
    pub topic: StackTopic,
    /// The protocol, such as `email` or `sqs`.
    pub protocol: String,
    /// The address or the endpoint, as the template writes it.
    pub address: String,
    /// Why the address gets notices. Empty for alarms.
    pub roles: Vec<NoticeRole>,
    /// The attributes of the subscription, such as its filter policy, by their names in SNS.
    pub attributes: BTreeMap<String, String>,
}

/// Why an address gets notices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoticeRole {
    /// It is the address of an administrator.
    Administrator,
    /// It is the address of the owner of these users.
    OwnerOf(Vec<UserSelector>),
    /// It is an endpoint of `notify`, which gets every notice as JSON.
    Endpoint,
}

/// The number of users that a text names for an owner.
const MOST_NAMED: usize = 3;

impl fmt::Display for NoticeRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Administrator => f.write_str("an administrator"),
            Self::Endpoint => f.write_str("an endpoint of notify"),
            Self::OwnerOf(users) => {
                let named: Vec<_> = users.iter().take(MOST_NAMED).map(ToString::to_string).collect();
                write!(f, "the owner of {}", named.join(", "))?;
                match users.len() - named.len() {
                    0 => Ok(()),
                    more => write!(f, " and {more} more"),
                }
            }
        }
    }
}

impl DeclaredSubscription {
    /// Whether it is the subscription of an address, which gets mails.
    #[must_use]
    pub fn is_mail(&self) -> bool {
        self.protocol == "email"
    }

    /// What the address receives, as text for people.
    #[must_use]
    pub fn receives(&self) -> String {
        let roles: Vec<_> = self.roles.iter().map(ToString::to_string).collect();
        let role = if roles.is_empty() { String::new() } else { format!(", as {}", roles.join(" and ")) };
        format!("{}{role}", self.topic.as_str())
    }
}

/// A subscription as SNS lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedSubscription {
    /// The protocol, such as `email` or `sqs`.
    pub protocol: String,
    /// The email address, or the ARN of another resource.
    pub endpoint: String,
    /// The ARN of the subscription, or `PendingConfirmation` or `Deleted` instead.
    pub arn: String,
}

impl ListedSubscription {
    fn state(&self) -> SubscriptionState {
        match self.arn.as_str() {
            "PendingConfirmation" => SubscriptionState::Pending,
            "Deleted" => SubscriptionState::Gone,
            _ => SubscriptionState::Confirmed,
        }
    }

    fn is_of(&self, declared: &DeclaredSubscription) -> bool {
        let DeclaredSubscription { protocol, address, .. } = declared;
        self.protocol == *protocol
            && if declared.is_mail() { self.endpoint.eq_ignore_ascii_case(address) } else { self.endpoint == *address }
    }
}

/// The state of a subscription that the template declares, in the order from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SubscriptionState {
    /// The subscription is confirmed and receives messages.
    Confirmed,
    /// The subscription is not confirmed yet: the mail from AWS was not answered.
    Pending,
    /// SNS does not have the subscription any longer.
    Gone,
}

impl SubscriptionState {
    /// Whether the address receives nothing before it follows the link in a mail from AWS.
    #[must_use]
    pub fn is_unconfirmed(self) -> bool {
        self != Self::Confirmed
    }

    /// The state as a word, for programs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Pending => "pending",
            Self::Gone => "gone",
        }
    }

    /// The state in words for people.
    #[must_use]
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Pending => "not confirmed",
            Self::Gone => "no subscription",
        }
    }

    /// The state as text for people: what it means, and what to do.
    #[must_use]
    pub fn explained(self) -> String {
        match self {
            Self::Confirmed => "confirmed".to_owned(),
            // Source: SNS Developer Guide, and the SNS announcement of May 2023.
            Self::Pending => format!(
                "not confirmed: follow the link in the mail from AWS; the link is good for 48 hours, then {}",
                make("resubscribe")
            ),
            Self::Gone => format!(
                "no subscription: unsubscribed, or not confirmed within 48 hours; for a new mail: {}",
                make("resubscribe")
            ),
        }
    }
}

/// A subscription that the template declares, and its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackSubscription {
    /// What the template declares.
    pub declared: DeclaredSubscription,
    /// The state in SNS.
    pub state: SubscriptionState,
}

impl StackSubscription {
    /// The state as text for people: what it means, and what to do. An endpoint gets no mail.
    #[must_use]
    pub fn explained(&self) -> String {
        match self.state {
            SubscriptionState::Pending | SubscriptionState::Gone if !self.declared.is_mail() => {
                "not confirmed: the endpoint must confirm its subscription (docs/notices.md); for a new request: "
                    .to_owned()
                    + &make("resubscribe")
            }
            state => state.explained(),
        }
    }

    /// The subscription as JSON for programs.
    #[must_use]
    pub fn json(&self) -> Json {
        let Self { declared: DeclaredSubscription { topic, address, roles, .. }, state } = self;
        let owner_of = roles.iter().filter_map(|role| match role {
            NoticeRole::OwnerOf(users) => Some(users.iter().map(ToString::to_string)),
            NoticeRole::Administrator | NoticeRole::Endpoint => None,
        });
        json!({
            "address": address,
            "topic": topic.as_str(),
            "administrator": *topic == StackTopic::Alarms || roles.contains(&NoticeRole::Administrator),
            "ownerOf": owner_of.flatten().collect::<Vec<_>>(),
            "state": state.as_str(),
        })
    }
}

/// A subscription that receives the messages of a topic, and that the template does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignSubscription {
    /// The protocol, such as `email` or `sqs`.
    pub protocol: String,
    /// The email address, or the ARN of another resource.
    pub endpoint: String,
    /// The ARN of the subscription.
    pub arn: String,
}

/// All subscriptions to a topic, each list in alphabetical order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TopicSubscriptions {
    /// Those that the template declares, also if SNS no longer has them.
    pub declared: Vec<StackSubscription>,
    /// The others that receive messages.
    pub foreign: Vec<ForeignSubscription>,
    /// The others that are not confirmed. AWS cannot delete such a subscription; it expires.
    pub leftover: Vec<ListedSubscription>,
}

impl TopicSubscriptions {
    /// The addresses with a subscription that is not confirmed.
    pub fn pending(&self) -> impl Iterator<Item = &str> {
        let ours = self.declared.iter().filter(|ours| ours.state == SubscriptionState::Pending);
        ours.map(|ours| ours.declared.address.as_str()).chain(self.leftover.iter().map(|other| other.endpoint.as_str()))
    }
}

/// Compares what the deployed template declares with SNS's list.
#[must_use]
pub fn compare(declared: Vec<DeclaredSubscription>, listed: &[ListedSubscription]) -> TopicSubscriptions {
    let is_declared = |other: &ListedSubscription| declared.iter().any(|ours| other.is_of(ours));
    let others = |state| listed.iter().filter(move |other| other.state() == state).filter(|other| !is_declared(other));
    let leftover = others(SubscriptionState::Pending).cloned().collect();
    let mut foreign: Vec<_> = others(SubscriptionState::Confirmed)
        .map(|ListedSubscription { protocol, endpoint, arn }| ForeignSubscription {
            protocol: protocol.clone(),
            endpoint: endpoint.clone(),
            arn: arn.clone(),
        })
        .collect();
    let with_state = |declared: DeclaredSubscription| {
        // SNS lists a deleted subscription for some time, perhaps next to its successor.
        let ours = listed.iter().filter(|other| other.is_of(&declared));
        StackSubscription {
            state: ours.map(ListedSubscription::state).min().unwrap_or(SubscriptionState::Gone),
            declared,
        }
    };
    let mut declared: Vec<_> = declared.into_iter().map(with_state).collect();
    declared.sort_by_cached_key(|ours| ours.declared.address.to_ascii_lowercase());
    foreign.sort_by_cached_key(|other| other.endpoint.to_ascii_lowercase());
    TopicSubscriptions { declared, foreign, leftover }
}

/// The subscriptions of these topics as one list, by address.
#[must_use]
pub fn by_address(topics: impl IntoIterator<Item = TopicSubscriptions>) -> Vec<StackSubscription> {
    let mut all: Vec<_> = topics.into_iter().flat_map(|topic| topic.declared).collect();
    all.sort_by_cached_key(|ours| (ours.declared.address.to_ascii_lowercase(), ours.declared.topic));
    all
}

/// The subscriptions that a command waits for, in one line of text.
#[must_use]
pub fn awaited(left: &[StackSubscription]) -> String {
    let each = left.iter().map(|StackSubscription { declared, .. }| {
        let DeclaredSubscription { address, topic, .. } = declared;
        format!("{address} ({})", topic.as_str())
    });
    format!("{}: {}", counted(left.len(), "confirmation"), each.collect::<Vec<_>>().join(", "))
}

/// The subscriptions of these addresses and endpoints; all if none is named.
///
/// # Errors
/// Those that the template does not subscribe.
pub fn of_addresses(mut all: Vec<StackSubscription>, named: &[String]) -> Result<Vec<StackSubscription>, Vec<String>> {
    let is_of = |ours: &StackSubscription, name: &String| match &ours.declared {
        mail if mail.is_mail() => mail.address.eq_ignore_ascii_case(name),
        endpoint => endpoint.address == *name,
    };
    let unknown: Vec<_> = named.iter().filter(|name| !all.iter().any(|ours| is_of(ours, name))).cloned().collect();
    if !unknown.is_empty() {
        return Err(unknown);
    }
    all.retain(|ours| named.is_empty() || named.iter().any(|name| is_of(ours, name)));
    Ok(all)
}

/// A subscription of the template without roles and attributes.
#[cfg(test)]
pub(super) fn subscription(topic: StackTopic, address: &str, state: SubscriptionState) -> StackSubscription {
    StackSubscription { declared: tests::declared(topic, address), state }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn declared(topic: StackTopic, address: &str) -> DeclaredSubscription {
        DeclaredSubscription {
            topic,
            protocol: "email".into(),
            address: address.into(),
            roles: Vec::new(),
            attributes: BTreeMap::new(),
        }
    }

    #[test]
    fn addresses_of_the_template_and_other_subscriptions_have_their_state() {
        let listed = |protocol: &str, endpoint: &str, arn: &str| ListedSubscription {
            protocol: protocol.into(),
            endpoint: endpoint.into(),
            arn: arn.into(),
        };
        let arn = "arn:aws:sns:eu-west-1:123456789012:keys:1";
        let queue = "arn:aws:sqs:eu-west-1:123456789012:spy";
        let addresses = ["waits", "Heard", "lost", "left", "back"].map(|name| format!("{name}@example.com"));
        let TopicSubscriptions { declared, foreign, leftover } = compare(
            addresses.iter().map(|address| declared(StackTopic::Notices, address)).collect(),
            &[
                listed("sqs", queue, arn),
                listed("email", "stranger@example.com", "PendingConfirmation"),
                listed("email", "waits@example.com", "PendingConfirmation"),
                listed("email", "heard@example.com", arn),
                listed("email", "left@example.com", "Deleted"),
                listed("email", "back@example.com", "Deleted"),
                listed("email", "back@example.com", arn),
                // The same address with another protocol.
                listed("email-json", "lost@example.com", arn),
            ],
        );
        let found: Vec<_> = declared.iter().map(|ours| (ours.declared.address.as_str(), ours.state)).collect();
        assert_eq!(
            found,
            [
                ("back@example.com", SubscriptionState::Confirmed),
                ("Heard@example.com", SubscriptionState::Confirmed),
                ("left@example.com", SubscriptionState::Gone),
                ("lost@example.com", SubscriptionState::Gone),
                ("waits@example.com", SubscriptionState::Pending),
            ]
        );
        let foreign: Vec<_> = foreign.iter().map(|other| (other.protocol.as_str(), other.endpoint.as_str())).collect();
        assert_eq!(foreign, [("sqs", queue), ("email-json", "lost@example.com")]);
        assert_eq!(leftover.iter().map(|other| other.endpoint.as_str()).collect::<Vec<_>>(), ["stranger@example.com"]);
    }

    #[test]
    fn addresses_are_named_without_case_and_each_must_be_of_the_stack() {
        let ours = |topic, address: &str| StackSubscription {
            declared: declared(topic, address),
            state: SubscriptionState::Confirmed,
        };
        let topic = |topic, addresses: [&str; 2]| TopicSubscriptions {
            declared: addresses.map(|address| ours(topic, address)).into(),
            ..TopicSubscriptions::default()
        };
        let all = by_address([
            topic(StackTopic::Notices, ["dev@example.com", "Security@example.com"]),
            topic(StackTopic::Alarms, ["ops@example.com", "security@example.com"]),
        ]);
        let names = |found: &[StackSubscription]| {
            found.iter().map(|ours| format!("{} {}", ours.declared.address, ours.declared.topic.as_str())).collect()
        };
        let in_order: Vec<String> = names(&all);
        assert_eq!(
            in_order,
            [
                "dev@example.com notices",
                "ops@example.com alarms",
                "Security@example.com notices",
                "security@example.com alarms"
            ]
        );
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let of = |texts: &[&str]| of_addresses(all.clone(), &owned(texts)).map(|found| names(&found));
        assert_eq!(of(&[]), Ok(in_order.clone()));
        assert_eq!(of(&["SECURITY@example.com"]), Ok(in_order[2..].to_vec()));
        assert_eq!(of(&["dev@example.com", "nowhere@example.com"]), Err(owned(&["nowhere@example.com"])));
    }

    #[test]
    fn the_text_says_what_an_address_receives() {
        let of = |roles| DeclaredSubscription { roles, ..declared(StackTopic::Notices, "a@example.com") }.receives();
        let owner = |users: &str| NoticeRole::OwnerOf(users.split(' ').map(|user| user.parse().unwrap()).collect());
        assert_eq!(of(vec![NoticeRole::Administrator]), "notices, as an administrator");
        assert_eq!(
            of(vec![NoticeRole::Administrator, owner("alice /ci/")]),
            "notices, as an administrator and the owner of alice, /ci/"
        );
        assert_eq!(of(vec![owner("a b c d e")]), "notices, as the owner of a, b, c and 2 more");
        assert_eq!(of(Vec::new()), "notices");
        assert_eq!(declared(StackTopic::Alarms, "a@example.com").receives(), "alarms");
    }
}
