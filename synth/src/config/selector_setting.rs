//! Whom an entry means, as people write it.

use std::str::FromStr;

use lambda::{
    contract::selector::UserSelector,
    model::{parse_error::ParseError, user::User},
};
use serde_json::{Value as Json, json};

use crate::config::{
    setting_type::{Kind, Rule, SameAs, Word, Wrong, items},
    tree::{self, Node},
};

/// Whom `users` may mean: whoever the role can be limited to. IAM has no condition on the groups of a user.
#[derive(Debug, Clone)]
pub(super) struct Chosen(pub(super) UserSelector);

impl FromStr for Chosen {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let invalid = |what, allowed| ParseError { value: text.to_owned(), what, allowed };
        match text.parse() {
            Ok(UserSelector::Group(_)) => Err(invalid(
                "what the role can be limited to",
                "users, paths and tags; IAM has no condition on the groups of a user: tag the members (tag:KEY=VALUE), or put \
                 them under a path (/ci/); in exempt a group is fine",
            )),
            Ok(who) => Ok(Self(who)),
            Err(_) => Err(invalid(
                match text {
                    _ if text.starts_with("tag:") => "a tag of users",
                    _ if text.ends_with('/') => "a path of users",
                    _ => "an IAM user name",
                },
                "1 to 64 characters, each a letter, a digit or one of + = , . @ _ -; before it the user's path, if it has \
                 one: /ci/deployer; or for several a path that ends with a slash, /ci/, or tag:KEY=VALUE",
            )),
        }
    }
}

/// Whom nothing is done to; nobody by default.
#[derive(Debug)]
pub(super) struct Exempt(pub(super) Vec<UserSelector>);

impl Kind for Exempt {
    fn read(node: &Node<'_>) -> Result<Self, Vec<Wrong>> {
        items(node, 0).map(Self)
    }

    fn schema() -> Json {
        json!({ "type": "array", "items": UserSelector::schema(), "uniqueItems": true })
    }

    fn json(text: &str) -> Json {
        tree::parse(text).map_or(Json::Null, |node| tree::json(&node))
    }
}

const CHARACTER: &str = "[A-Za-z0-9+=,.@_-]";

/// A path has 512 characters at most.
fn user() -> String {
    format!("(?!.{{512,}}/)(?:/(?:{CHARACTER}+/)*)?{CHARACTER}{{1,64}}")
}

/// A user, a path, a tag.
fn chosen() -> String {
    let tag = "tag:[A-Za-z0-9_.:/+@-]{1,128}=[A-Za-z0-9_.:/+@=-]{0,256}";
    format!("{}|(?!.{{513}})/(?:{CHARACTER}+/)*|{tag}", user())
}

impl Word for User {
    fn rule() -> Rule {
        Rule::pattern(&user())
    }
}

impl Word for Chosen {
    fn rule() -> Rule {
        Rule::pattern(&format!("(?:{})", chosen()))
    }

    fn guesses(text: &str) -> Vec<String> {
        guesses(text)
    }
}

impl Word for UserSelector {
    fn rule() -> Rule {
        Rule::pattern(&format!("(?:{}|group:{CHARACTER}{{1,128}})", chosen()))
    }

    fn guesses(text: &str) -> Vec<String> {
        guesses(text)
    }
}

const EVERYBODY: [&str; 8] = ["*", "all", "all users", "any", "everybody", "everyone", "every user", "users"];

/// An ARN, a path without its first slash or with a star, everybody in a word, spaces in a tag.
fn guesses(text: &str) -> Vec<String> {
    let text = text.trim();
    let guess = if EVERYBODY.iter().any(|word| word.eq_ignore_ascii_case(text)) {
        "/".to_owned()
    } else if let Some((_, group)) = text.split_once(":group/") {
        format!("group:{}", group.rsplit('/').next().unwrap_or_default())
    } else if let Some((kind, rest)) = text.split_once(':').filter(|(kind, _)| !kind.eq_ignore_ascii_case("arn")) {
        let kind = kind.trim().to_lowercase();
        format!("{}:{}", kind.trim_end_matches('s'), rest.split('=').map(str::trim).collect::<Vec<_>>().join("="))
    } else {
        let resource = text.split_once(":user/").map_or(text, |(_, resource)| resource);
        let resource =
            if resource.ends_with("/*") || resource == "*" { resource.trim_end_matches('*') } else { resource };
        match (resource.trim_matches('/'), resource.ends_with('/')) {
            ("", _) if text.is_empty() => String::new(),
            ("", _) => "/".to_owned(),
            (path, true) => format!("/{path}/"),
            (user, false) if user.contains('/') => format!("/{user}"),
            (user, false) => user.to_owned(),
        }
    };
    vec![guess]
}

impl SameAs for UserSelector {
    fn same_as(&self, other: &Self) -> bool {
        self.contains(other) && other.contains(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_instead_is_guessed() {
        for (text, guess) in [
            ("ci/", "/ci/"),
            ("ci/bot", "/ci/bot"),
            ("/ci/*", "/ci/"),
            ("*", "/"),
            ("All users", "/"),
            ("arn:aws:iam::123456789012:user/ci/bot", "/ci/bot"),
            ("arn:aws:iam::123456789012:user/ci/*", "/ci/"),
            ("arn:aws:iam::123456789012:user/*", "/"),
            ("arn:aws:iam::123456789012:group/x/people", "group:people"),
            ("Tag: team = ci", "tag:team=ci"),
            ("groups:people", "group:people"),
            (" alice ", "alice"),
        ] {
            assert_eq!(guesses(text), [guess], "{text}");
            assert!(guess.parse::<UserSelector>().is_ok(), "{guess}");
        }
    }
}
