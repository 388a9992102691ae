//! What IAM and a configuration say of a user: its path, its owner, and whether its keys are rotated.

use lambda::{
    contract::{listed_user::ListedUser, user_entry::UserOverrides, user_tags::UserTags},
    protocol::journal::PREFIX,
};

use crate::config::Config;

/// Whether a configuration rotates the keys of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Management {
    /// The configuration selects the user.
    Managed,
    /// The configuration exempts the user.
    Exempt,
    /// The configuration does not select the user.
    NotSelected,
    /// There is no configuration, or the user is in no list.
    Unknown,
}

impl Management {
    /// The word in tables and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Managed => "yes",
            Self::Exempt => "exempt",
            Self::NotSelected => "no",
            Self::Unknown => "unknown",
        }
    }
}

/// What IAM and the configuration say of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserFacts {
    /// The name of the user. It is a text, because the inventory must show users that this program cannot rotate.
    pub name: String,
    /// The path; it begins and ends with a slash. `None` if the user is newer than the list of users, or deleted.
    pub path: Option<String>,
    /// The owner: the address in the configuration, or the value of a tag with the key `owner` or a key that ends with `:owner`.
    pub owner: Option<String>,
    /// The tags of the user, without those of the rotation.
    pub tags: Vec<(String, String)>,
    /// Whether the configuration rotates the user's keys.
    pub management: Management,
}

impl UserFacts {
    /// The facts of a user that is in no list of users: it was just created or deleted.
    #[must_use]
    pub fn unlisted(name: String) -> Self {
        Self { name, path: None, owner: None, tags: Vec::new(), management: Management::Unknown }
    }

    /// What the list of users and the configuration say of a user.
    #[must_use]
    pub fn of(listed: &ListedUser, config: Option<&Config>) -> Self {
        let tags: Vec<_> = listed.tags.iter().filter(|(key, _)| !key.starts_with(PREFIX)).cloned().collect();
        let management = config.map_or(Management::Unknown, |config| {
            let selected = config.users.iter().any(|entry| entry.selector.covers(listed));
            match config.exempt.iter().any(|who| who.covers(listed)) {
                true if selected => Management::Exempt,
                false if selected => Management::Managed,
                _ => Management::NotSelected,
            }
        });
        let configured = config.filter(|_| management == Management::Managed).and_then(|config| owner(listed, config));
        let names_owner = |key: &str| {
            let key = key.to_ascii_lowercase();
            key == "owner" || key.ends_with(":owner")
        };
        let tagged =
            || tags.iter().find(|(key, value)| names_owner(key) && !value.is_empty()).map(|(_, value)| value.clone());
        Self {
            name: listed.name.to_string(),
            path: Some(listed.path.clone()),
            owner: configured.or_else(tagged),
            tags,
            management,
        }
    }
}

/// The owner by the configuration, with the precedence of the handler.
fn owner(listed: &ListedUser, config: &Config) -> Option<String> {
    let entries = config.users.iter().filter(|entry| entry.selector.covers(listed));
    let tags = match config.user_tags {
        UserTags::Honoured => UserOverrides::from_tags(&listed.tags).unwrap_or_default(),
        UserTags::Ignored => UserOverrides::default(),
    };
    let overrides = entries.map(|entry| (&entry.selector, &entry.overrides));
    Some(UserOverrides::by_precedence(overrides, tags).owner?.to_string())
}
