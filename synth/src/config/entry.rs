//! An entry of `users`: which users it selects, and the settings that it overrides for them.

use std::str::FromStr;

use lambda::{
    contract::{
        selector::UserSelector,
        user_entry::{UserEntry, UserOverrides},
    },
    delivery::public_key::Recipient,
    model::{account_id::AccountId, email::Email, parse_error::ParseError, time::Span, user::User},
};
use serde_json::{Map, Value as Json, json};

use crate::config::{
    fields::Fields,
    selector_setting::RoleSelector,
    setting::plain,
    setting_type::{SameAs, SettingType, ValueProblem},
    tree::{Content, Node},
    values::RotateAfter,
};

/// Some users and the settings that are overridden for them. Written `alice`, `/ci/`, `tag:rotate=yes`, or
/// `{name: /ci/deployer, owner: ops@example.com, encrypt_to: [age1…], rotate_after: 30d, overlap: 1d}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfiguredUsers {
    /// Which users it selects.
    pub selector: UserSelector,
    /// The only account in which it selects them. `None`: it selects them in every account with this configuration.
    pub account: Option<AccountId>,
    /// The owner, `rotate_after` and `overlap` for these users, where the entry sets them.
    pub overrides: UserOverrides,
    /// The public keys that can open the mail with the user's new key. Empty: those of the setting `encrypt_to`.
    pub encrypt_to: Vec<Recipient>,
}

impl ConfiguredUsers {
    /// The text that stands for it in messages: a user's name without its path, or the path or tag.
    #[must_use]
    pub fn called(&self) -> String {
        match &self.selector {
            UserSelector::User(user) => user.name.to_string(),
            selector => selector.to_string(),
        }
    }

    /// The part of the entry that the handler reads from its environment.
    #[must_use]
    pub fn member(&self) -> UserEntry {
        UserEntry { selector: self.selector.clone(), account: self.account.clone(), overrides: self.overrides.clone() }
    }

    /// The overrides for the users that the entry selects: its own, and for what it does not set, those of an entry of a path
    /// around it.
    #[must_use]
    pub fn holds(&self, all: &[Self]) -> UserOverrides {
        let is_around = |other: &&Self| {
            let is_for_account = other.account.is_none() || other.account == self.account;
            is_for_account && other.selector.contains(&self.selector)
        };
        let around = all.iter().filter(is_around);
        self.overrides.clone().or(UserOverrides::said_by(around.map(|entry| (&entry.selector, &entry.overrides))))
    }
}

impl From<RoleSelector> for ConfiguredUsers {
    fn from(RoleSelector(selector): RoleSelector) -> Self {
        Self { selector, account: None, overrides: UserOverrides::default(), encrypt_to: Vec::new() }
    }
}

/// An entry without overrides.
impl FromStr for ConfiguredUsers {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        text.parse().map(RoleSelector::into)
    }
}

/// The fields of an entry that is a mapping, and what each means. Names and values stand in backticks.
pub const FIELDS: [(&str, &str); 6] = [
    (
        "name",
        "The users: the name of a user, with its path if it has one; a path, for every user below it; or `tag:KEY=VALUE`.",
    ),
    (
        "account",
        "The account of the user, as 12 digits in quotes. With `organization`, an entry that names a user must have it. No \
         other entry can have it.",
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

impl SettingType for ConfiguredUsers {
    fn read(node: &Node) -> Result<Self, Vec<ValueProblem>> {
        let Content::Map(entries) = &node.content else { return RoleSelector::read(node).map(Self::from) };
        if let Some(word) = torn(entries) {
            let wrong = ValueProblem::new("a space after the colon makes this a mapping");
            return Err(vec![ValueProblem { meant: Some(word), ..wrong }]);
        }
        if let Some((key, name, fields)) = name_as_key(entries) {
            let wrong = ValueProblem::new(format!("{name} is the name of a user, so no fields can be below it"));
            return Err(vec![ValueProblem { meant: Some(format!("{{name: {name}, {fields}}}")), ..wrong.at(key) }]);
        }
        let mut fields = Fields::of(node, entries, &FIELDS.map(|(name, _)| name));
        let name = fields.required::<RoleSelector>("name");
        let account: Option<AccountId> = fields.optional("account");
        let owner = fields.optional("owner");
        let encrypt_to: Option<Vec<Recipient>> = fields.optional("encrypt_to");
        let rotate_after = fields.optional("rotate_after").map(|RotateAfter(span)| span);
        let overlap = fields.optional("overlap");
        let means_several =
            name.as_ref().is_some_and(|RoleSelector(selector)| !matches!(selector, UserSelector::User(_)));
        if means_several && encrypt_to.is_some() {
            let wrong = ValueProblem::new("only an entry that names one user can have public keys of its own");
            fields.refuse("encrypt_to", wrong.allowed("name the user, or set encrypt_to for all users"));
        }
        if means_several && account.is_some() {
            let wrong = ValueProblem::new("only an entry that names one user can have an account");
            fields.refuse("account", wrong.allowed("name the user, or remove account"));
        }
        fields.finish()?;
        let Some(RoleSelector(selector)) = name else { return Err(Vec::new()) };
        Ok(Self {
            selector,
            account,
            overrides: UserOverrides { owner, rotate_after, overlap },
            encrypt_to: encrypt_to.unwrap_or_default(),
        })
    }

    fn schema() -> Json {
        let schemas = [
            RoleSelector::schema(),
            AccountId::schema(),
            Email::schema(),
            Vec::<Recipient>::schema(),
            RotateAfter::schema(),
            Span::schema(),
        ];
        let described = FIELDS.iter().zip(schemas).map(|((name, meaning), mut schema)| {
            schema["description"] = plain(meaning).into();
            ((*name).to_owned(), schema)
        });
        json!({ "anyOf": [RoleSelector::schema(), {
            "type": "object",
            "properties": described.collect::<Map<_, _>>(),
            "required": [FIELDS[0].0],
            "additionalProperties": false,
            "if": { "anyOf": [{ "required": ["encrypt_to"] }, { "required": ["account"] }] },
            "then": { "properties": { "name": User::schema() } },
        }] })
    }

    fn allowed() -> String {
        let fields: Vec<_> = FIELDS.iter().map(|(name, _)| format!("`{name}`")).collect();
        format!("{}; or a mapping with the fields {}", RoleSelector::allowed(), fields.join(", "))
    }
}

/// The name of users that stands before the fields, as in `alice: {owner: …}`, and these fields.
fn name_as_key(entries: &[(Node, Node)]) -> Option<(&Node, &str, String)> {
    let [(key, value), others @ ..] = entries else { return None };
    let Content::Text(name) = &key.content else { return None };
    let below: &[(Node, Node)] = match &value.content {
        Content::Map(below) => below,
        Content::Null => others,
        _ => return None,
    };
    let field = |(key, _): &(Node, Node)| match &key.content {
        Content::Text(field) if field != "name" && FIELDS.iter().any(|(known, _)| known == field) => {
            Some(format!("{field}: …"))
        }
        _ => None,
    };
    let fields: Option<Vec<_>> = below.iter().map(field).collect();
    let fields = fields.filter(|fields| !fields.is_empty() && name.parse::<RoleSelector>().is_ok())?;
    let is_field = FIELDS.iter().any(|(known, _)| known == name);
    (!is_field).then(|| (key, name.as_str(), fields.join(", ")))
}

/// The word that YAML split at a colon: `tag: team=ci` is a mapping.
fn torn(entries: &[(Node, Node)]) -> Option<String> {
    let [(key, value)] = entries else { return None };
    let (Content::Text(key), Content::Text(value)) = (&key.content, &value.content) else { return None };
    let word = format!("{key}:{value}");
    word.parse::<RoleSelector>().is_ok().then_some(word)
}

impl SameAs for ConfiguredUsers {
    fn same_as(&self, other: &Self) -> bool {
        self.account == other.account && self.selector.same_as(&other.selector)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_entry_does_not_say_the_path_around_it_says() {
        let entry = |text: &str| {
            let UserEntry { selector, account, overrides } = text.parse().unwrap();
            ConfiguredUsers { selector, account, overrides, encrypt_to: Vec::new() }
        };
        let all = ["/;owner=a@b.co;overlap=1d", "/ci/;overlap=2d", "/ci/bot;rotate_after=30d", "/ops/;overlap=3d"];
        let all = all.map(entry);
        assert_eq!(
            all[2].holds(&all),
            "x;owner=a@b.co;rotate_after=30d;overlap=2d".parse::<UserEntry>().unwrap().overrides
        );
        assert_eq!(all[0].holds(&all), all[0].overrides);
    }
}
