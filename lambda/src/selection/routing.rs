//! The recipients of a notice: the attributes that the handler sets, and that filter policies match.
//!
//! Every publication names the addresses of its recipients in a message attribute. Every subscription of an address has a
//! filter policy that matches only this address. The filter policy of an endpoint matches one word, which stands for all
//! endpoints, and which no publication with a secret has. So only the recipients get a publication, although all subscribe
//! to one topic.
//!
//! A filter policy never changes, not even if an address becomes an owner or an administrator. SNS takes up to 15
//! minutes to apply a change. In that time a secret could be lost or reach a wrong recipient ("Applying a subscription
//! filter policy in Amazon SNS").

use std::collections::BTreeSet;

use crate::{
    contract::{endpoint::Endpoint, selector::UserSelector, settings::Settings},
    model::{
        email::Email,
        user::{User, UserName},
    },
};

/// The message attribute with the recipients: a list of addresses in lower case, because filter policies distinguish
/// case.
pub const TO: &str = "to";
/// The recipient that stands for all endpoints. No address is equal to it, because it has no `@`. It does not name the
/// endpoints, because an endpoint sees the attributes, and a URL can be confidential.
pub const ENDPOINTS: &str = "endpoints";
/// The message attribute with the user that a mail is about, for programs that subscribe to the topic.
pub const USER: &str = "user";

/// Who gets a publication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// Only these addresses. Each publication with a secret has this audience.
    Addresses(Vec<Email>),
    /// These addresses, and every endpoint of `notify`.
    AddressesAndEndpoints(Vec<Email>),
}

impl Audience {
    /// The addresses of the recipients.
    #[must_use]
    pub fn addresses(&self) -> &[Email] {
        match self {
            Self::Addresses(addresses) | Self::AddressesAndEndpoints(addresses) => addresses,
        }
    }

    /// The words that filter policies match.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let endpoints = match self {
            Self::Addresses(_) => None,
            Self::AddressesAndEndpoints(_) => Some(ENDPOINTS.to_owned()),
        };
        self.addresses().iter().map(Email::small).chain(endpoints).collect()
    }
}

/// The message attributes of a publication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The recipients.
    pub to: Audience,
    /// The user that the publication is about; `None` if it is about the run.
    pub about: Option<UserName>,
}

impl<Reference> Settings<Reference> {
    /// The owner of a user that the settings name.
    #[must_use]
    pub fn owner_of(&self, user: &UserName) -> Option<&Email> {
        let is_named = |named: &User| named.name.is_same_as(user);
        let named =
            self.users.iter().find(|entry| matches!(&entry.selector, UserSelector::User(named) if is_named(named)));
        named.and_then(|entry| entry.overrides.owner.as_ref())
    }

    /// The addresses that may get a user's new key: only its owner, or the administrators if it has no owner.
    #[must_use]
    pub fn readers_of_secret(&self, user: &UserName) -> Vec<&Email> {
        self.owner_of(user).map_or_else(|| self.administrators.iter().collect(), |owner| vec![owner])
    }

    /// The addresses that may get notices about a user: its owner and the administrators.
    #[must_use]
    pub fn readers_of_notice(&self, user: &UserName) -> Vec<&Email> {
        let owner = self.owner_of(user);
        owner.into_iter().chain(self.administrators.iter().filter(|email| Some(*email) != owner)).collect()
    }

    /// The owner of a user, if it gets the notices about the user. Then the administrators find a copy in the digest.
    #[must_use]
    pub fn confirmed_owner_of(&self, user: &UserName, confirmed: &ConfirmedAddresses) -> Option<&Email> {
        self.owner_of(user).filter(|owner| confirmed.contains(owner))
    }

    /// Whether a notice about a user reaches its owner, an administrator or an endpoint. An endpoint gets every notice.
    #[must_use]
    pub fn reaches_a_recipient(&self, user: &UserName, confirmed: &ConfirmedAddresses) -> bool {
        self.readers_of_notice(user).into_iter().any(|email| confirmed.contains(email))
            || self.endpoints.iter().any(|endpoint| confirmed.contains_endpoint(endpoint))
    }

    /// The addresses and endpoints that have a subscription and have not confirmed it, each once.
    #[must_use]
    pub fn unconfirmed(&self, confirmed: &ConfirmedAddresses) -> Vec<String> {
        let endpoints = self.endpoints.iter().filter(|endpoint| !confirmed.contains_endpoint(endpoint));
        let mut unconfirmed: Vec<&Email> = Vec::new();
        for email in self.addresses().filter(|email| !confirmed.contains(email)) {
            if !unconfirmed.contains(&email) {
                unconfirmed.push(email);
            }
        }
        unconfirmed.into_iter().map(ToString::to_string).chain(endpoints.map(ToString::to_string)).collect()
    }

    /// All addresses and endpoints, as if each had confirmed its subscription.
    #[must_use]
    pub fn all_confirmed(&self) -> ConfirmedAddresses {
        let addresses = self.addresses().map(|email| (MAIL, email.as_str()));
        addresses.chain(self.endpoints.iter().map(|endpoint| (endpoint.kind().protocol(), endpoint.as_str()))).collect()
    }

    /// The recipients of a notice about a user: its owner, or the administrators too if the owner has not confirmed.
    #[must_use]
    pub fn recipients_of_notice(&self, user: &UserName, confirmed: &ConfirmedAddresses) -> Vec<&Email> {
        self.confirmed_owner_of(user, confirmed).map_or_else(|| self.readers_of_notice(user), |owner| vec![owner])
    }
}

/// The protocol of a subscription that gets the text of a mail. All others get the JSON document, `email-json` too.
const MAIL: &str = "email";

/// The addresses and endpoints with a confirmed subscription to the topic. To every other one SNS delivers nothing,
/// although it accepts each publication. SNS confirms a queue or a function of the topic's own account at once.
///
/// The protocol decides what a subscription gets: with `email-json`, an address gets no key. So each entry is a protocol and
/// an endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfirmedAddresses(BTreeSet<(String, String)>);

impl ConfirmedAddresses {
    fn has(&self, protocol: &str, endpoint: &str) -> bool {
        self.0.contains(&(protocol.to_owned(), endpoint.to_owned()))
    }

    /// Whether this address gets mails. The parts of an address are compared without case.
    #[must_use]
    pub fn contains(&self, address: &Email) -> bool {
        self.has(MAIL, &address.small())
    }

    /// Whether the subscription of this endpoint is confirmed. ARNs and URLs are compared with case.
    #[must_use]
    pub fn contains_endpoint(&self, endpoint: &Endpoint) -> bool {
        self.has(endpoint.kind().protocol(), endpoint.as_str())
    }
}

/// From the protocols and endpoints of confirmed subscriptions.
impl<P: AsRef<str>, E: AsRef<str>> FromIterator<(P, E)> for ConfirmedAddresses {
    fn from_iter<I: IntoIterator<Item = (P, E)>>(subscriptions: I) -> Self {
        let spelling = |(protocol, endpoint): (P, E)| {
            let (protocol, endpoint) = (protocol.as_ref(), endpoint.as_ref());
            let endpoint = if protocol == MAIL { endpoint.to_ascii_lowercase() } else { endpoint.to_owned() };
            (protocol.to_owned(), endpoint)
        };
        Self(subscriptions.into_iter().map(spelling).collect())
    }
}
