//! Who a mail is for: what the handler writes on it, and what a subscription looks for.
//!
//! Every mail names its readers in a message attribute, and every subscription of the template has a filter policy on
//! that attribute. So whoever is not meant gets nothing, although all subscribe to one topic. A reader is named by the
//! address and not by the users: an owner of a hundred users has one word in the filter policy, where AWS would allow 150
//! in all (SNS Developer Guide, "Filter policy constraints in Amazon SNS").

use crate::{email::Email, user::UserName};

/// The message attribute that names the readers: a list of [`Reader::word`]s.
pub const TO: &str = "to";
/// The message attribute that names the user whom a mail is about, for whoever subscribes a program.
pub const USER: &str = "user";

/// One of those whom a mail can be for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reader {
    /// Whoever hears of every user.
    Administrators,
    /// Whoever works with a user's key.
    Owner(Email),
}

impl Reader {
    /// The word for it in the attribute and in filter policies, which tell capitals from small letters.
    #[must_use]
    pub fn word(&self) -> String {
        match self {
            // No address, for it has no @.
            Self::Administrators => "administrators".into(),
            Self::Owner(email) => email.small(),
        }
    }
}

/// What is written on a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Who gets it. Never empty.
    pub to: Vec<Reader>,
    /// Whom it is about, if it is about one user.
    pub about: Option<UserName>,
}

/// Who may have a user's new key: its owner alone, or, where it has none, the administrators.
#[must_use]
pub fn of_secret(owner: Option<&Email>) -> Reader {
    owner.map_or(Reader::Administrators, |owner| Reader::Owner(owner.clone()))
}

/// Who hears of a user: its owner, and the administrators.
#[must_use]
pub fn of_notice(owner: Option<&Email>) -> Vec<Reader> {
    owner.map(|owner| Reader::Owner(owner.clone())).into_iter().chain([Reader::Administrators]).collect()
}
