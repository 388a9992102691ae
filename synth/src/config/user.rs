//! An IAM user as the configuration names it.

use std::str::FromStr;

use lambda::{email::Email, recipient::Recipient, text::Invalid, user::UserName};
use serde_json::{Value as Json, json};

use super::{
    fields::Fields,
    kind::{Kind, Rule, SameAs, Word, Wrong},
    tree::{Content, Node},
};

/// A user: the name, the path where it is not `/`, who works with its key, and whose public keys it is encrypted to.
/// Written `alice`, `/ci/deployer`, or `{name: /ci/deployer, owner: ops@example.com, encrypt_to: [age1…]}`.
///
/// The path is part of the user's ARN, and so of the role's permission; the handler needs the name alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Begins and ends with a slash.
    path: String,
    /// The name.
    pub name: UserName,
    /// Who gets the user's new key and hears of it.
    pub owner: Option<Email>,
    /// Who can open the mail with the user's new key, where they are others than for everybody else.
    pub encrypt_to: Vec<Recipient>,
}

impl User {
    /// What follows `user` in the user's ARN: `/alice`, `/ci/deployer`.
    #[must_use]
    pub fn resource(&self) -> String {
        format!("{}{}", self.path, self.name)
    }
}

/// A user by its name alone.
impl FromStr for User {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let Name { path, name } = text.parse()?;
        Ok(Self { path, name, owner: None, encrypt_to: Vec::new() })
    }
}

impl Kind for User {
    fn read(node: &Node<'_>) -> Result<Self, Vec<Wrong>> {
        let Content::Map(entries) = &node.content else {
            let Name { path, name } = Name::read(node)?;
            return Ok(Self { path, name, owner: None, encrypt_to: Vec::new() });
        };
        let mut fields = Fields::of(node, entries, &["name", "owner", "encrypt_to"]);
        let name: Option<Name> = fields.required("name");
        let owner = fields.optional("owner");
        let encrypt_to = fields.optional("encrypt_to").unwrap_or_default();
        fields.finish()?;
        let Some(Name { path, name }) = name else { return Err(Vec::new()) };
        Ok(Self { path, name, owner, encrypt_to })
    }

    fn schema() -> Json {
        let described = |mut schema: Json, what: &str| {
            schema["description"] = what.into();
            schema
        };
        let name = described(Name::schema(), "The IAM user's name, with its path if it has one.");
        let owner = "Who works with this user: gets its new keys and hears of them. The address must confirm the mail that \
                     AWS sends it.";
        let encrypt_to = "With delivery: email-encrypted, whose keys open the mail with this user's new key, instead of \
                          those that the setting encrypt_to names.";
        json!({ "anyOf": [Name::schema(), {
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
        // IAM: names are unique in the account, without regard to case.
        self.name.as_str().eq_ignore_ascii_case(other.name.as_str())
    }
}

/// The user's name with its path.
struct Name {
    path: String,
    name: UserName,
}

impl FromStr for Name {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = |e: Invalid| Invalid {
            value: text.to_owned(),
            allowed: "1 to 64 characters, each a letter, a digit or one of + = , . @ _ -; \
                      before it the user's path, if it has one: /ci/deployer",
            ..e
        };
        let (path, name) = text.rfind('/').map_or(("/", text), |slash| text.split_at(slash + 1));
        let name = name.parse().map_err(invalid)?;
        // IAM allows more in a path; a `*` or a `$` would mean something else in the policy.
        let segment =
            |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric() || b"+=,.@_-".contains(&b));
        let fits = path == "/"
            || path.len() <= 512 && path.starts_with('/') && path[1..path.len() - 1].split('/').all(segment);
        if fits {
            Ok(Self { path: path.to_owned(), name })
        } else {
            Err(invalid(Invalid { value: String::new(), what: "an IAM user", allowed: "" }))
        }
    }
}

impl Word for Name {
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
    fn a_user_is_a_name_with_or_without_its_path() {
        for (text, resource) in [("alice", "/alice"), ("/alice", "/alice"), ("/ci/eu/bot", "/ci/eu/bot")] {
            assert_eq!(text.parse::<User>().unwrap().resource(), resource);
        }
        for bad in ["", "/", "a b", "ci/bot", "//bot", "/ci//bot", "/ci/", "/*/bot", "/${x}/bot", "*"] {
            assert!(bad.parse::<User>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn one_name_is_one_user() {
        let user = |text: &str| text.parse::<User>().unwrap();
        assert!(user("alice").same_as(&user("/ops/Alice")));
        assert!(!user("alice").same_as(&user("alice2")));
    }
}
