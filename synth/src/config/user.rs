//! IAM users as the configuration names them.

use std::str::FromStr;

use lambda::{email::Email, recipient::Recipient, text::Invalid, user};
use serde_json::{Value as Json, json};

use super::{
    fields::Fields,
    kind::{Kind, Rule, SameAs, Word, Wrong},
    tree::{Content, Node},
};

/// A user, who works with its key, and whose public keys that is encrypted to. Written `alice`, `/ci/deployer`, or
/// `{name: /ci/deployer, owner: ops@example.com, encrypt_to: [age1…]}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Whose keys are rotated.
    pub iam: user::User,
    /// Who gets the user's new key and hears of it.
    pub owner: Option<Email>,
    /// Who can open the mail with the user's new key, where they are others than for everybody else.
    pub encrypt_to: Vec<Recipient>,
}

/// A user without an owner.
impl FromStr for User {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Ok(Self { iam: text.parse()?, owner: None, encrypt_to: Vec::new() })
    }
}

impl Kind for User {
    fn read(node: &Node<'_>) -> Result<Self, Vec<Wrong>> {
        let Content::Map(entries) = &node.content else {
            return Ok(Self { iam: user::User::read(node)?, owner: None, encrypt_to: Vec::new() });
        };
        let mut fields = Fields::of(node, entries, &["name", "owner", "encrypt_to"]);
        let name = fields.required("name");
        let owner = fields.optional("owner");
        let encrypt_to = fields.optional("encrypt_to").unwrap_or_default();
        fields.finish()?;
        let Some(iam) = name else { return Err(Vec::new()) };
        Ok(Self { iam, owner, encrypt_to })
    }

    fn schema() -> Json {
        let described = |mut schema: Json, what: &str| {
            schema["description"] = what.into();
            schema
        };
        let name = described(user::User::schema(), "The IAM user's name, with its path if it has one.");
        let owner = "Who works with this user: gets its new keys and hears of them. The address must confirm the mail that \
                     AWS sends it.";
        let encrypt_to = "With delivery: email-encrypted, whose keys open the mail with this user's new key, instead of \
                          those that the setting encrypt_to names.";
        json!({ "anyOf": [user::User::schema(), {
            "type": "object",
            "properties": {
                "name": name,
                "owner": described(Email::schema(), owner),
                "encrypt_to": described(Vec::<Recipient>::schema(), encrypt_to),
            },
            "required": ["name"],
            "additionalProperties": false,
        }] })
    }
}

impl SameAs for User {
    fn same_as(&self, other: &Self) -> bool {
        self.iam.is_same_as(&other.iam)
    }
}

impl Word for user::User {
    fn rule() -> Rule {
        let character = "[A-Za-z0-9+=,.@_-]";
        // A path has 512 characters at most.
        Rule::pattern(&format!("(?!.{{512,}}/)(?:/(?:{character}+/)*)?{character}{{1,64}}"))
    }

    fn guesses(text: &str) -> Vec<String> {
        // An ARN, or a path without its first slash.
        let name = text.split_once(":user/").map_or(text, |(_, name)| name).trim();
        vec![if name.contains('/') { format!("/{}", name.trim_matches('/')) } else { name.to_owned() }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_is_one_user() {
        let user = |text: &str| text.parse::<User>().unwrap();
        assert!(user("alice").same_as(&user("/ops/Alice")));
        assert!(!user("alice").same_as(&user("alice2")));
    }
}
