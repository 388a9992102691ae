//! An entry of `users`: whom it means, and what holds for them alone.

use std::str::FromStr;

use lambda::{
    contract::{
        selector::UserSelector,
        user_entry::{UserEntry, UserOverrides},
    },
    delivery::public_key::Recipient,
    model::{email::Email, parse_error::ParseError, time::Span, user::User},
};
use serde_json::{Value as Json, json};

use crate::config::{
    fields::Fields,
    selector_setting::Chosen,
    setting_type::{Kind, SameAs, Wrong},
    tree::{Content, Node},
    values::RotateAfter,
};

/// Some users and what holds for them. Written `alice`, `/ci/`, `tag:rotate=yes`, or
/// `{name: /ci/deployer, owner: ops@example.com, encrypt_to: [age1…], rotate_after: 30d, overlap: 1d}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Whose keys are rotated.
    pub who: UserSelector,
    /// Who works with them, and how long they live, as far as it is said here.
    pub own: UserOverrides,
    /// Who can open the mail with the user's new key, where they are others than for everybody else.
    pub encrypt_to: Vec<Recipient>,
}

impl Entry {
    /// What people call it: a user by its name alone.
    #[must_use]
    pub fn called(&self) -> String {
        match &self.who {
            UserSelector::User(user) => user.name.to_string(),
            who => who.to_string(),
        }
    }

    /// What the handler is told of it.
    #[must_use]
    pub fn member(&self) -> UserEntry {
        UserEntry { who: self.who.clone(), own: self.own.clone() }
    }

    /// What holds for those whom the entry means: what it says, and else what the entry of a path around it says.
    #[must_use]
    pub fn holds(&self, all: &[Self]) -> UserOverrides {
        let around = all.iter().filter(|other| other.who.contains(&self.who));
        self.own.clone().or(UserOverrides::said_by(around.map(|entry| (&entry.who, &entry.own))))
    }
}

impl From<Chosen> for Entry {
    fn from(Chosen(who): Chosen) -> Self {
        Self { who, own: UserOverrides::default(), encrypt_to: Vec::new() }
    }
}

/// An entry that says nothing of its own.
impl FromStr for Entry {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        text.parse().map(Chosen::into)
    }
}

impl Kind for Entry {
    fn read(node: &Node<'_>) -> Result<Self, Vec<Wrong>> {
        let Content::Map(entries) = &node.content else { return Chosen::read(node).map(Self::from) };
        if let Some(word) = torn(entries) {
            let wrong = Wrong::new("with a space behind the colon this is a mapping");
            return Err(vec![Wrong { meant: Some(word), ..wrong }]);
        }
        let mut fields = Fields::of(node, entries, &["name", "owner", "encrypt_to", "rotate_after", "overlap"]);
        let name = fields.required::<Chosen>("name");
        let owner = fields.optional("owner");
        let encrypt_to: Option<Vec<Recipient>> = fields.optional("encrypt_to");
        let rotate_after = fields.optional("rotate_after").map(|RotateAfter(span)| span);
        let overlap = fields.optional("overlap");
        let means_several = name.as_ref().is_some_and(|Chosen(who)| !matches!(who, UserSelector::User(_)));
        if means_several && encrypt_to.is_some() {
            let wrong = Wrong::new("only a user that is named has public keys of its own");
            fields.refuse("encrypt_to", wrong.allowed("name the user, or set encrypt_to for everybody"));
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
        let described = |mut schema: Json, what: &str| {
            schema["description"] = what.into();
            schema
        };
        let name =
            "Whom it means: a user's name, with its path if it has one; a path, for all below it; or tag:KEY=VALUE.";
        let owner = "Who works with these users: gets their new keys and hears of them. The address must confirm the mail \
                     that AWS sends it.";
        let encrypt_to = "With delivery: email-encrypted, whose keys open the mail with this user's new key, instead of \
                          those that the setting encrypt_to names.";
        json!({ "anyOf": [Chosen::schema(), {
            "type": "object",
            "properties": {
                "name": described(Chosen::schema(), name),
                "owner": described(Email::schema(), owner),
                "encrypt_to": described(Vec::<Recipient>::schema(), encrypt_to),
                "rotate_after": described(RotateAfter::schema(), "The age at which their keys get a successor."),
                "overlap": described(Span::schema(), "How long their old keys work side by side with the successors."),
            },
            "required": ["name"],
            "additionalProperties": false,
            "if": { "required": ["encrypt_to"] },
            "then": { "properties": { "name": User::schema() } },
        }] })
    }
}

/// The word that YAML took apart: `tag: team=ci` is a mapping.
fn torn(entries: &[(Node<'_>, Node<'_>)]) -> Option<String> {
    let [(key, value)] = entries else { return None };
    let (Content::Text(key), Content::Text(value)) = (&key.content, &value.content) else { return None };
    let word = format!("{key}:{value}");
    word.parse::<Chosen>().is_ok().then_some(word)
}

impl SameAs for Entry {
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
            Entry { who, own, encrypt_to: Vec::new() }
        };
        let all = ["/;owner=a@b.co;overlap=1d", "/ci/;overlap=2d", "/ci/bot;rotate_after=30d", "/ops/;overlap=3d"];
        let all = all.map(entry);
        assert_eq!(all[2].holds(&all), "x;owner=a@b.co;rotate_after=30d;overlap=2d".parse::<UserEntry>().unwrap().own);
        assert_eq!(all[0].holds(&all), all[0].own);
    }
}
