//! The recipients of a mail: the attributes that the handler sets, and that filter policies match.
//!
//! Every mail names the addresses of its recipients in a message attribute. Every subscription of the template has a
//! filter policy that matches only its own address. So only the recipients get the mail, although all subscribe to one
//! topic.
//!
//! A filter policy never changes, not even if an address becomes an owner or an administrator. SNS takes up to 15
//! minutes to apply a change. In that time a secret could be lost or reach a wrong recipient ("Applying a subscription
//! filter policy in Amazon SNS").

use std::collections::BTreeSet;

use crate::{
    contract::{selector::UserSelector, settings::Settings},
    model::{
        email::Email,
        user::{User, UserName},
    },
};

/// The message attribute with the recipients: a list of addresses in lower case, because filter policies distinguish
/// case.
pub const TO: &str = "to";
/// The message attribute with the user that a mail is about, for programs that subscribe to the topic.
pub const USER: &str = "user";

/// The message attributes of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The addresses of the recipients. Never empty.
    pub to: Vec<Email>,
    /// The user that the mail is about; `None` if it is about the run.
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

    /// The addresses that have a subscription and have not confirmed it, each once.
    #[must_use]
    pub fn unconfirmed(&self, confirmed: &ConfirmedAddresses) -> Vec<Email> {
        let mut unconfirmed: Vec<&Email> = Vec::new();
        for email in self.addresses().filter(|email| !confirmed.contains(email)) {
            if !unconfirmed.contains(&email) {
                unconfirmed.push(email);
            }
        }
        unconfirmed.into_iter().cloned().collect()
    }

    /// The recipients of a notice about a user: its owner, or the administrators too if the owner has not confirmed.
    #[must_use]
    pub fn recipients_of_notice(&self, user: &UserName, confirmed: &ConfirmedAddresses) -> Vec<&Email> {
        self.confirmed_owner_of(user, confirmed).map_or_else(|| self.readers_of_notice(user), |owner| vec![owner])
    }
}

/// The addresses with a confirmed subscription to the topic. To every other address SNS delivers nothing, although it
/// accepts each mail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfirmedAddresses(BTreeSet<String>);

impl ConfirmedAddresses {
    /// Whether this address has confirmed. The parts of an address are compared without case.
    #[must_use]
    pub fn contains(&self, address: &Email) -> bool {
        self.0.contains(&address.small())
    }
}

/// From the endpoints of confirmed subscriptions. An endpoint that is no address, such as a queue, matches none.
impl<T: AsRef<str>> FromIterator<T> for ConfirmedAddresses {
    fn from_iter<I: IntoIterator<Item = T>>(endpoints: I) -> Self {
        Self(endpoints.into_iter().map(|endpoint| endpoint.as_ref().to_ascii_lowercase()).collect())
    }
}
