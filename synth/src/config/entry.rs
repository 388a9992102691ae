//! An entry of `users`: which users it selects, and the settings that it overrides for them.

use std::str::FromStr;

use lambda::{
    contract::{
        selector::UserSelector,
        user_entry::{UserEntry, UserOverrides},
    },
    delivery::public_key::Recipient,
    model::{email::Email, parse_error::ParseError, time::Span, user::User},
};
use serde_json::{Map, Value as Json, json};

use crate::config::{
    fields::Fields,
    selector_setting::Chosen,
    setting::plain,
    setting_type::{Kind, SameAs, Wrong},
    tree::{Content, Node},
    values::RotateAfter,
};

/// Some users and the settings that are overridden for them. Written `alice`, `/ci/`, `tag:rotate=yes`, or
/// `{name: /ci/deployer, owner: ops@example.com, encrypt_to: [age1…], rotate_after: 30d, overlap: 1d}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfiguredUsers {
    /// Which users it selects.
    pub who: UserSelector,
    /// The owner, `rotate_after` and `overlap` for these users, where the entry sets them.
    pub own: UserOverrides,
    /// The public keys that can open the mail with the user's new key. Empty: those of the setting `encrypt_to`.
    pub encrypt_to: Vec<Recipient>,
}

impl ConfiguredUsers {
    /// The text that stands for it in messages: a user's name without its path, or the path or tag.
    #[must_use]
    pub fn called(&self) -> String {
        match &self.who {
            UserSelector::User(user) => user.name.to_string(),
            who => who.to_string(),
        }
    }

    /// The part of the entry that the handler reads from its environment.
    #[must_use]
    pub fn member(&self) -> UserEntry {
        UserEntry { who: self.who.clone(), own: self.own.clone() }
    }

    /// The overrides for the users that the entry selects: its own, and for what it does not set, those of an entry of a path
    /// around it.
    #[must_use]
    pub fn holds(&self, all: &[Self]) -> UserOverrides {
        let around = all.iter().filter(|other| other.who.contains(&self.who));
        self.own.clone().or(UserOverrides::said_by(around.map(|entry| (&entry.who, &entry.own))))
    }
}

impl From<Chosen> for ConfiguredUsers {
    fn from(Chosen(who): Chosen) -> Self {
        Self { who, own: UserOverrides::default(), encrypt_to: Vec::new() }
    }
}

/// An entry without overrides.
impl FromStr for ConfiguredUsers {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        text.parse().map(Chosen::into)
    }
}

/// The fields of an entry that is a mapping, and what each means. Names and values stand in backticks.
pub const FIELDS: [(&str, &str); 5] = [
    (
        "name",
        "The users: the name of a user, with its path if it has one; a path, for every user below it; or `tag:KEY=VALUE`.",
    ),
    (
        "owner",
        "The address of the owner, who gets the notices about these users and, with a delivery by mail, their new keys. The \
         address must confirm the mail that AWS sends it.",
    ),
    (
        "encrypt_to",
        "The public keys that can open the mail with the new key of this user, instead of the setting `encrypt_to`. Only an \
         entry that names one user can have it.",
    ),
    (
        "rotate_after",
        "The age at which the keys of these users get a successor, instead of the setting `rotate_after`.",
    ),
    ("overlap", "How long the old keys of these users stay active, instead of the setting `overlap`."),
];

impl Kind for ConfiguredUsers {
    fn read(node: &Node<'_>) -> Result<Self, Vec<Wrong>> {
        let Content::Map(entries) = &node.content else { return Chosen::read(node).map(Self::from) };
        if let Some(word) = torn(entries) {
            let wrong = Wrong::new("a space after the colon makes this a mapping");
            return Err(vec![Wrong { meant: Some(word), ..wrong }]);
        }
        let mut fields = Fields::of(node, entries, &FIELDS.map(|(name, _)| name));
        let name = fields.required::<Chosen>("name");
        let owner = fields.optional("owner");
        let encrypt_to: Option<Vec<Recipient>> = fields.optional("encrypt_to");
        let rotate_after = fields.optional("rotate_after").map(|RotateAfter(span)| span);
        let overlap = fields.optional("overlap");
        let means_several = name.as_ref().is_some_and(|Chosen(who)| !matches!(who, UserSelector::User(_)));
        if means_several && encrypt_to.is_some() {
            let wrong = Wrong::new("only an entry that names one user can have public keys of its own");
            fields.refuse("encrypt_to", wrong.allowed("name the user, or set encrypt_to for all users"));
        }
        fields.finish()?;
        let Some(Chosen(who)) = name else { return Err(Vec::new()) };
        Ok(Self {
            who,
            own: UserOverrides { owner, rotate_after, overlap },
            encrypt_to: encrypt_to.unwrap_or_default(),
        })
    }

    fn schema() -> Json {
        let schemas =
            [Chosen::schema(), Email::schema(), Vec::<Recipient>::schema(), RotateAfter::schema(), Span::schema()];
        let described = FIELDS.iter().zip(schemas).map(|((name, meaning), mut schema)| {
            schema["description"] = plain(meaning).into();
            ((*name).to_owned(), schema)
        });
        json!({ "anyOf": [Chosen::schema(), {
            "type": "object",
            "properties": described.collect::<Map<_, _>>(),
            "required": [FIELDS[0].0],
            "additionalProperties": false,
            "if": { "required": ["encrypt_to"] },
            "then": { "properties": { "name": User::schema() } },
        }] })
    }

    fn allowed() -> String {
        let fields: Vec<_> = FIELDS.iter().map(|(name, _)| format!("`{name}`")).collect();
        format!("{}; or a mapping with the fields {}", Chosen::allowed(), fields.join(", "))
    }
}

/// The word that YAML split at a colon: `tag: team=ci` is a mapping.
fn torn(entries: &[(Node<'_>, Node<'_>)]) -> Option<String> {
    let [(key, value)] = entries else { return None };
    let (Content::Text(key), Content::Text(value)) = (&key.content, &value.content) else { return None };
    let word = format!("{key}:{value}");
    word.parse::<Chosen>().is_ok().then_some(word)
}

impl SameAs for ConfiguredUsers {
    fn same_as(&self, other: &Self) -> bool {
        self.who.same_as(&other.who)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_entry_does_not_say_the_path_around_it_says() {
        let entry = |text: &str| {
            let UserEntry { who, own } = text.parse().unwrap();
            ConfiguredUsers { who, own, encrypt_to: Vec::new() }
        };
        let all = ["/;owner=a@b.co;overlap=1d", "/ci/;overlap=2d", "/ci/bot;rotate_after=30d", "/ops/;overlap=3d"];
        let all = all.map(entry);
        assert_eq!(all[2].holds(&all), "x;owner=a@b.co;rotate_after=30d;overlap=2d".parse::<UserEntry>().unwrap().own);
        assert_eq!(all[0].holds(&all), all[0].own);
    }
}
