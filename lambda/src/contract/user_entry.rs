//! An entry of `users`: the users that it selects, and the settings that apply only to them.
//!
//! A setting of one user can come from four places. Precedence, highest first:
//! 1. the entry of rotation.yaml that names the user,
//! 2. tags on the user, if `user_tags` is `honoured`,
//! 3. an entry whose path or tag selects the user, the longest path first,
//! 4. the general settings.
//!
//! So a principal that may tag the user cannot change what was reviewed for that user by name. Tags have no effect
//! unless the configuration asks for them.

use std::{cmp::Reverse, fmt, str::FromStr};

use crate::{
    contract::selector::UserSelector,
    model::{
        account_id::AccountId, email::Email, parse_error::ParseError, time::Span, user_config_error::UserConfigError,
    },
    protocol::policy::Policy,
};

/// An entry, written as `alice`, `/ci/;rotate_after=30d`, `alice;owner=ops@example.com;overlap=3d` or
/// `ci;account=111122223333`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserEntry {
    /// The users that the entry selects.
    pub selector: UserSelector,
    /// The account of an organization that the users are in. `None`: every account that the settings are for.
    pub account: Option<AccountId>,
    /// The settings that apply only to these users.
    pub overrides: UserOverrides,
}

impl UserEntry {
    /// Whether it selects every user that `narrow` selects. This holds in every account, and for all tags and groups of the users.
    #[must_use]
    pub fn contains(&self, narrow: &Self) -> bool {
        (self.account.is_none() || self.account == narrow.account) && self.selector.contains(&narrow.selector)
    }

    /// The users in words: `/ci/`, or `deployer in 111122223333`.
    #[must_use]
    pub fn called(&self) -> String {
        let account = self.account.iter().map(|account| format!(" in {account}"));
        self.selector.to_string() + &account.collect::<String>()
    }
}

/// Settings that apply only to some users. `None` leaves the more general value in force.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserOverrides {
    /// The address of the owner, who works with the keys.
    pub owner: Option<Email>,
    /// The override for [`Policy::rotate_after`].
    pub rotate_after: Option<Span>,
    /// The override for [`Policy::overlap`].
    pub overlap: Option<Span>,
}

const ACCOUNT: &str = "account";

const OWNER: &str = "owner";

const ROTATE_AFTER: &str = "rotate_after";

const OVERLAP: &str = "overlap";

/// The keys of the tags on a user that override its settings: owner, rotate_after and overlap. They are not under the
/// journal's prefix, because the handler must not obey tags that it may write.
pub const TAGS: [&str; 3] = ["key-rotation:owner", "key-rotation:rotate-after", "key-rotation:overlap"];

impl UserOverrides {
    /// Reads the overrides from the tags on a user.
    ///
    /// # Errors
    /// [`UserConfigError::Tag`] for the first value that is not valid. No value is guessed, and none is ignored.
    pub fn from_tags(tags: &[(String, String)]) -> Result<Self, UserConfigError> {
        let [owner, rotate_after, overlap] = TAGS;
        Ok(Self { owner: read(tags, owner)?, rotate_after: read(tags, rotate_after)?, overlap: read(tags, overlap)? })
    }

    /// These overrides, completed by those of `other` where a value is not set.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            owner: self.owner.or(other.owner),
            rotate_after: self.rotate_after.or(other.rotate_after),
            overlap: self.overlap.or(other.overlap),
        }
    }

    /// The overrides for a user that all these entries select. The narrowest entry that sets a value wins.
    #[must_use]
    pub fn said_by<'a>(entries: impl IntoIterator<Item = (&'a UserSelector, &'a Self)>) -> Self {
        let mut entries: Vec<_> = entries.into_iter().collect();
        entries.sort_by_key(|(selector, _)| Reverse(selector.narrowness()));
        entries.into_iter().fold(Self::default(), |overrides, (_, other)| overrides.or(other.clone()))
    }

    /// The overrides that apply to a user with these tags, from all entries that select it. The module says which wins.
    #[must_use]
    pub fn by_precedence<'a>(entries: impl Iterator<Item = (&'a UserSelector, &'a Self)>, tags: Self) -> Self {
        let (named, wide): (Vec<_>, Vec<_>) = entries.partition(|(who, _)| matches!(who, UserSelector::User(_)));
        Self::said_by(named).or(tags).or(Self::said_by(wide))
    }

    /// The general policy with these overrides applied.
    ///
    /// # Errors
    /// [`UserConfigError::TooShort`] if a key would be due while its predecessor still exists.
    pub fn policy(&self, general: &Policy) -> Result<Policy, UserConfigError> {
        let rotate_after = self.rotate_after.unwrap_or(general.rotate_after);
        let policy = Policy {
            rotate_after,
            overlap: self.overlap.unwrap_or(general.overlap),
            // A warning at the key's creation would be useless, so there is none.
            warn_before: if general.warn_before < rotate_after { general.warn_before } else { Span::ZERO },
            ..general.clone()
        };
        let life = policy.delete_after.life_of_old_key(policy.overlap);
        if policy.rotate_after < life {
            return Err(UserConfigError::TooShort { rotate_after, life });
        }
        Ok(policy)
    }
}

fn read<T: FromStr<Err = ParseError>>(
    tags: &[(String, String)],
    name: &'static str,
) -> Result<Option<T>, UserConfigError> {
    let Some((_, value)) = tags.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)) else { return Ok(None) };
    let wrong = |e: ParseError| UserConfigError::Tag { tag: name, value: value.clone(), allowed: e.allowed };
    value.parse().map(Some).map_err(wrong)
}

impl fmt::Display for UserEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.selector.fmt(f)?;
        let UserOverrides { owner, rotate_after, overlap } = &self.overrides;
        // No name, path, tag or address contains a semicolon or a space.
        let field = |f: &mut fmt::Formatter<'_>, name, value: Option<&dyn fmt::Display>| match value {
            Some(value) => write!(f, ";{name}={value}"),
            None => Ok(()),
        };
        field(f, ACCOUNT, self.account.as_ref().map(|v| v as _))?;
        field(f, OWNER, owner.as_ref().map(|v| v as _))?;
        field(f, ROTATE_AFTER, rotate_after.as_ref().map(|v| v as _))?;
        field(f, OVERLAP, overlap.as_ref().map(|v| v as _))
    }
}

impl FromStr for UserEntry {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let mut parts = text.split(';');
        let selector = parts.next().unwrap_or_default().parse()?;
        let (mut account, mut overrides) = (None, UserOverrides::default());
        for part in parts {
            let is_first = match part.split_once('=') {
                Some((ACCOUNT, value)) => account.replace(value.parse()?).is_none(),
                Some((OWNER, value)) => overrides.owner.replace(value.parse()?).is_none(),
                Some((ROTATE_AFTER, value)) => overrides.rotate_after.replace(value.parse()?).is_none(),
                Some((OVERLAP, value)) => overrides.overlap.replace(value.parse()?).is_none(),
                _ => false,
            };
            if !is_first {
                let allowed = "account=…, owner=…, rotate_after=… or overlap=…, each once";
                return Err(ParseError::new(part, "a setting for single users", allowed));
            }
        }
        // A path or a tag selects users in every account.
        if account.is_some() && !matches!(selector, UserSelector::User(_)) {
            return Err(ParseError::new(text, "an entry with an account", "account=… only after the name of a user"));
        }
        Ok(Self { selector, account, overrides })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::policy::DeleteAfter;

    #[test]
    fn what_is_written_is_what_is_read() {
        for text in [
            "alice",
            "/ci/deployer;owner=a&b=c@example.com",
            "/ci/;rotate_after=30d;overlap=0",
            "tag:a=b=c;owner=x@b.co;rotate_after=45d;overlap=12h",
            "ci;account=111122223333",
            "/ops/bot;account=111122223333;owner=x@b.co",
        ] {
            assert_eq!(text.parse::<UserEntry>().unwrap().to_string(), text);
        }
        for bad in [
            "",
            ";",
            "alice;",
            "alice;owner",
            "alice;owner=x",
            "alice;rotate_after=soon",
            "alice;other=1",
            "alice;account=1",
            "alice;overlap=1d;overlap=0",
            "a b",
            // The reader of rotation.yaml refuses them too.
            "/ci/;account=111122223333",
            "tag:a=b;account=111122223333",
            "group:people;account=111122223333",
        ] {
            assert!(bad.parse::<UserEntry>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_entry_of_one_account_contains_no_other_account() {
        for (wide, narrow, expected) in [
            ("/ci/", "/ci/bot;account=111122223333", true),
            ("bot;account=111122223333", "bot;account=111122223333;overlap=1d", true),
            ("bot;account=111122223333", "bot;account=444455556666", false),
            ("bot;account=111122223333", "bot", false),
        ] {
            let [wide, narrow] = [wide, narrow].map(|entry| entry.parse::<UserEntry>().unwrap());
            assert_eq!(wide.contains(&narrow), expected, "{wide} {narrow}");
        }
    }

    fn tags(tags: &[(&str, &str)]) -> Vec<(String, String)> {
        tags.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()
    }

    #[test]
    fn an_invalid_tag_is_named_and_never_guessed() {
        let said = tags(&[("Key-Rotation:Rotate-After", "30d"), ("key-rotation:owner", "o@b.co"), ("team", "x")]);
        let overrides = UserOverrides::from_tags(&said).unwrap();
        assert_eq!((overrides.rotate_after, overrides.overlap), (Some(Span::days(30)), None));
        assert_eq!(overrides.owner, Some("o@b.co".parse().unwrap()));
        for (tag, value) in [(TAGS[0], "me"), (TAGS[1], "30"), (TAGS[1], ""), (TAGS[2], "a week"), (TAGS[2], "-1d")] {
            let error = UserOverrides::from_tags(&tags(&[(tag, value)])).unwrap_err();
            assert!(
                matches!(&error, UserConfigError::Tag { tag: named, value: told, .. } if *named == tag && told == value)
            );
            assert!(error.to_string().contains(tag), "{error}");
        }
    }

    #[test]
    fn the_settings_of_a_user_must_leave_room_for_two_keys() {
        let general = Policy {
            delete_after: DeleteAfter::Window(Span::days(14)),
            warn_before: Span::days(25),
            ..Policy::for_tests()
        };
        let overrides = |rotate_after: u64, overlap: u64| UserOverrides {
            rotate_after: Some(Span::days(rotate_after)),
            overlap: Some(Span::days(overlap)),
            owner: None,
        };
        let policy = overrides(30, 16).policy(&general).unwrap();
        let timings = |policy: &Policy| (policy.rotate_after, policy.overlap, policy.warn_before);
        assert_eq!(timings(&policy), (Span::days(30), Span::days(16), Span::days(25)));
        assert_eq!(overrides(25, 1).policy(&general).unwrap().warn_before, Span::ZERO);
        assert_eq!(
            overrides(30, 17).policy(&general),
            Err(UserConfigError::TooShort { rotate_after: Span::days(30), life: Span::days(31) })
        );
        let next = Policy { delete_after: DeleteAfter::NextRotation, ..general.clone() };
        assert!(overrides(30, 17).policy(&next).is_ok());
        assert_eq!(UserOverrides::default().policy(&general), Ok(general));
    }
}
