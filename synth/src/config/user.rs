//! IAM users as the configuration names them.

use std::str::FromStr;

use lambda::{email::Email, text::Invalid, user};
use serde_json::{Value as Json, json};

use super::{
    fields::Fields,
    kind::{Kind, Rule, SameAs, Word, Wrong},
    tree::{Content, Node},
};

/// A user, and who works with its key. Written `alice`, `/ci/deployer`, or `{name: /ci/deployer, owner: ops@example.com}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Whose keys are rotated.
    pub iam: user::User,
    /// Who gets the user's new key and hears of it.
    pub owner: Option<Email>,
}

/// A user without an owner.
impl FromStr for User {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Ok(Self { iam: text.parse()?, owner: None })
    }
}

impl Kind for User {
    fn read(node: &Node<'_>) -> Result<Self, Vec<Wrong>> {
        let Content::Map(entries) = &node.content else {
            return Ok(Self { iam: user::User::read(node)?, owner: None });
        };
        let mut fields = Fields::of(node, entries, &["name", "owner"]);
        let name = fields.required("name");
        let owner = fields.optional("owner");
        fields.finish()?;
        let Some(iam) = name else { return Err(Vec::new()) };
        Ok(Self { iam, owner })
    }

    fn schema() -> Json {
        let described = |mut schema: Json, what: &str| {
            schema["description"] = what.into();
            schema
        };
        let name = described(user::User::schema(), "The IAM user's name, with its path if it has one.");
        let owner = "Who works with this user: gets its new keys and hears of them. The address must confirm the mail that \
                     AWS sends it.";
        json!({ "anyOf": [user::User::schema(), {
            "type": "object",
            "properties": { "name": name, "owner": described(Email::schema(), owner) },
            "required": ["name"],
            "additionalProperties": false,
        }] })
    }
}

impl SameAs for User {
    fn same_as(&self, other: &Self) -> bool {
        // IAM: names are unique in the account, without regard to case.
        self.iam.name.as_str().eq_ignore_ascii_case(other.iam.name.as_str())
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
