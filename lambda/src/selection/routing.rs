//! Who a mail is for: what the handler writes on it, and what a subscription looks for.
//!
//! Every mail names its readers' addresses in a message attribute, and every subscription of the template has a filter policy
//! that lets through what names its own address. So whoever is not meant gets nothing, although all subscribe to one topic;
//! and no filter policy ever changes, whoever becomes an owner or an administrator: SNS takes up to 15 minutes to apply a
//! change, in which a secret could go to nobody, or to somebody else ("Applying a subscription filter policy in Amazon SNS").

use crate::{
    contract::{selector::UserSelector, settings::Settings},
    model::{email::Email, user::UserName},
};

/// The message attribute that names the readers: a list of addresses in small letters, for filter policies tell them from
/// capitals.
pub const TO: &str = "to";
/// The message attribute that names the user whom a mail is about, for whoever subscribes a program.
pub const USER: &str = "user";

/// What is written on a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Who gets it. Never empty.
    pub to: Vec<Email>,
    /// Whom it is about, if it is about one user.
    pub about: Option<UserName>,
}

impl<Reference> Settings<Reference> {
    /// Who works with the key of a user that is named.
    #[must_use]
    pub fn owner_of(&self, user: &UserName) -> Option<&Email> {
        let named =
            self.users.iter().find(|member| matches!(&member.who, UserSelector::User(named) if named.name == *user));
        named.and_then(|member| member.own.owner.as_ref())
    }

    /// Who may have a user's new key: its owner alone, or, where it has none, the administrators.
    #[must_use]
    pub fn readers_of_secret(&self, user: &UserName) -> Vec<&Email> {
        self.owner_of(user).map_or_else(|| self.administrators.iter().collect(), |owner| vec![owner])
    }

    /// Who hears of a user: its owner, and the administrators.
    #[must_use]
    pub fn readers_of_notice(&self, user: &UserName) -> Vec<&Email> {
        self.owner_of(user).into_iter().chain(self.administrators_beside(user)).collect()
    }

    /// The administrators without the user's owner, if that is one of them.
    pub fn administrators_beside(&self, user: &UserName) -> impl Iterator<Item = &Email> {
        let owner = self.owner_of(user);
        self.administrators.iter().filter(move |email| Some(*email) != owner)
    }
}
