//! What an entry of `users` or `exempt` selects: one user, or all users with a path, a tag or a group.
//!
//! rotation.yaml and the environment variables use the same form: `alice`, `/ci/deployer`, `/ci/`, `tag:rotate=yes`,
//! `group:people`. A slash at the end makes it a path; `/` selects all users. No user name contains a colon or ends
//! with a slash, so the forms cannot be confused.

use std::{fmt, str::FromStr};

use crate::{
    contract::listed_user::ListedUser,
    model::{
        parse_error::{ParseError, text_newtype},
        user::User,
    },
};

/// The users that an entry selects.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum UserSelector {
    /// One user, by name.
    User(User),
    /// Every user below this path.
    Path(UserPath),
    /// Every user with this tag.
    Tag(UserTag),
    /// Every member of this group.
    Group(GroupName),
}

/// A path with users below it; it begins and ends with a slash.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UserPath(String);

text_newtype!(UserPath);

/// A tag on a user: a key and its value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UserTag {
    /// The key. IAM compares tag keys without regard to case.
    pub key: String,
    /// The value, which may be empty.
    pub value: String,
}

/// The name of an IAM group: 1 to 128 of the characters `A-Z a-z 0-9 + = , . @ _ -` (IAM User Guide, "IAM and AWS STS
/// quotas": names).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GroupName(String);

text_newtype!(GroupName);

impl UserSelector {
    /// Whether this selects the user, as the account lists it.
    #[must_use]
    pub fn covers(&self, listed: &ListedUser) -> bool {
        match self {
            Self::User(user) => user.name.is_same_as(&listed.name),
            Self::Path(path) => listed.path.starts_with(path.as_str()),
            Self::Tag(tag) => {
                listed.tags.iter().any(|(key, value)| key.eq_ignore_ascii_case(&tag.key) && *value == tag.value)
            }
            // IAM compares names of groups as it does names of users: without regard to case.
            Self::Group(group) => listed.groups.iter().any(|name| name.eq_ignore_ascii_case(group.as_str())),
        }
    }

    /// Whether every user that `narrow` selects is also selected by this, whatever their tags and groups.
    #[must_use]
    pub fn contains(&self, narrow: &Self) -> bool {
        match (self, narrow) {
            (Self::Path(path), Self::Tag(_) | Self::Group(_)) => path.as_str() == "/",
            (Self::Path(path), Self::Path(other)) => other.as_str().starts_with(path.as_str()),
            (Self::Path(path), Self::User(user)) => user.path().starts_with(path.as_str()),
            (Self::User(user), Self::User(other)) => user.is_same_as(other),
            (Self::Tag(UserTag { key, value }), Self::Tag(other)) => {
                key.eq_ignore_ascii_case(&other.key) && *value == other.value
            }
            (Self::Group(group), Self::Group(other)) => group.as_str().eq_ignore_ascii_case(other.as_str()),
            _ => false,
        }
    }

    /// How narrow the selection is. If two entries select a user, the settings of the narrower one apply.
    #[must_use]
    pub fn narrowness(&self) -> usize {
        match self {
            Self::User(_) => usize::MAX,
            Self::Path(path) => path.as_str().len(),
            Self::Tag(_) | Self::Group(_) => 0,
        }
    }
}

impl fmt::Display for UserSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(user) => user.fmt(f),
            Self::Path(path) => path.fmt(f),
            Self::Tag(UserTag { key, value }) => write!(f, "{TAG}{key}={value}"),
            Self::Group(group) => write!(f, "{GROUP}{group}"),
        }
    }
}

const TAG: &str = "tag:";
const GROUP: &str = "group:";

impl FromStr for UserSelector {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let wrong = |_| ParseError::new(text, "a user or a selector of users", ALLOWED);
        if let Some(tag) = text.strip_prefix(TAG) {
            tag.parse().map(Self::Tag)
        } else if let Some(group) = text.strip_prefix(GROUP) {
            group.parse().map(Self::Group)
        } else if text.ends_with('/') {
            text.parse().map(Self::Path)
        } else {
            text.parse().map(Self::User)
        }
        .map_err(wrong)
    }
}

const ALLOWED: &str = "a user name, with its path if it has one (alice, /ci/deployer); a path that ends with a slash (/ci/, or / for \
     every user); tag:KEY=VALUE; or group:NAME";

impl FromStr for UserPath {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        // A path is valid if a user below it is: see `User`.
        let fits = text.ends_with('/') && format!("{text}x").parse::<User>().is_ok();
        if fits { Ok(Self(text.to_owned())) } else { Err(ParseError::new(text, "a path of users", ALLOWED)) }
    }
}

impl FromStr for UserTag {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        // IAM allows spaces and letters of every script. Here a tag must be one ASCII word, because entries are
        // separated by spaces.
        let word = |b: u8| b.is_ascii_alphanumeric() || b"_.:/+@-".contains(&b);
        let parts = text.split_once('=').filter(|(key, value)| {
            (1..=128).contains(&key.len())
                && value.len() <= 256
                && key.bytes().all(word)
                && value.bytes().all(|b| word(b) || b == b'=')
        });
        match parts {
            Some((key, value)) => Ok(Self { key: key.to_owned(), value: value.to_owned() }),
            None => Err(ParseError::new(text, "a tag", ALLOWED)),
        }
    }
}

impl FromStr for GroupName {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let fits = (1..=128).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+=,.@_-".contains(&b));
        if fits { Ok(Self(text.to_owned())) } else { Err(ParseError::new(text, "the name of a group", ALLOWED)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{contract::listed_user::tests::listed, model::time::Timestamp};

    #[test]
    fn each_form_of_an_entry_has_one_meaning() {
        let longest = format!("tag:{}={}", "k".repeat(128), "v".repeat(256));
        for (text, kind) in [
            ("alice", "user"),
            ("/ci/deployer", "user"),
            ("a=b", "user"),
            ("/", "path"),
            ("/ci/eu/", "path"),
            ("tag:rotate=yes", "tag"),
            ("tag:team:keys=", "tag"),
            ("tag:a=b=c", "tag"),
            ("group:people", "group"),
            (longest.as_str(), "tag"),
        ] {
            let who: UserSelector = text.parse().unwrap();
            let is = match who {
                UserSelector::User(_) => "user",
                UserSelector::Path(_) => "path",
                UserSelector::Tag(_) => "tag",
                UserSelector::Group(_) => "group",
            };
            assert_eq!((is, who.to_string().as_str()), (kind, text));
        }
        for bad in
            ["", " ", "ci/", "//", "/*/", "/ci//", "tag:", "tag:x", "tag:=x", "tag:a b=c", "tag:*=x", "tag:a=${x}"]
        {
            assert!(bad.parse::<UserSelector>().is_err(), "{bad:?}");
        }
        for bad in ["group:", "group:/x", "group:a b", "all users", "user:alice", "*"] {
            assert!(bad.parse::<UserSelector>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn only_the_entries_decide_which_one_covers_another() {
        for (wide, narrow, expected) in [
            ("alice", "/ops/Alice", true),
            ("alice", "alice2", false),
            ("/", "alice", true),
            ("/", "/ci/", true),
            ("/", "tag:a=b", true),
            ("/", "group:a", true),
            ("/ci/", "/ci/eu/bot", true),
            ("/ci/", "/ci/", true),
            ("/ci/", "/", false),
            ("/ci/", "/c", false),
            ("/ci/", "bot", false),
            ("/ci/", "tag:a=b", false),
            ("tag:A=b", "tag:a=b", true),
            ("tag:a=b", "tag:a=B", false),
            ("group:a", "group:A", true),
            ("group:a", "tag:a=", false),
        ] {
            let [wide, narrow] = [wide, narrow].map(|who| who.parse::<UserSelector>().unwrap());
            assert_eq!(wide.contains(&narrow), expected, "{wide} {narrow}");
        }
    }

    #[test]
    fn an_entry_selects_the_users_that_match_it() {
        let mut user = listed("/ci/eu/bot", Timestamp::from_unix(0));
        user.tags = vec![("Rotate".into(), "yes".into())];
        user.groups = vec!["Machines".into()];
        for (entry, covers) in [
            ("BOT", true),
            ("/elsewhere/bot", true),
            ("bots", false),
            ("/", true),
            ("/ci/", true),
            ("/ci/eu/", true),
            ("/c/", false),
            ("/ci/us/", false),
            ("tag:rotate=yes", true),
            ("tag:rotate=Yes", false),
            ("tag:rotate=", false),
            ("group:machines", true),
            ("group:machine", false),
        ] {
            assert_eq!(entry.parse::<UserSelector>().unwrap().covers(&user), covers, "{entry}");
        }
    }
}
