//! Selectors in `users` and `exempt`: how they are read, and what people mean who write something else.

use std::str::FromStr;

use lambda::{
    contract::selector::UserSelector,
    model::{parse_error::ParseError, user::User},
};

use crate::config::setting_type::{SameAs, ValueRule, Word};

/// A selector in `users`. The role must be limited to the users that it selects, and IAM has no condition on the groups of a
/// user, so a group is not allowed.
#[derive(Debug, Clone)]
pub(super) struct RoleSelector(pub(super) UserSelector);

impl FromStr for RoleSelector {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let invalid = |what, allowed| ParseError { value: text.to_owned(), what, allowed };
        match text.parse() {
            Ok(UserSelector::Group(_)) => Err(invalid(
                "a selector that the role can be limited to",
                "a name, a path (/ci/) or a tag (tag:KEY=VALUE). IAM has no condition on the groups of a user: tag the members \
                 or put them under a path. Only exempt can have a group",
            )),
            Ok(who) => Ok(Self(who)),
            Err(_) => Err(invalid(
                match text {
                    _ if text.starts_with("tag:") => "a tag of users",
                    _ if text.ends_with('/') => "a path of users",
                    _ => "an IAM user name",
                },
                "a name of 1 to 64 letters, digits or + = , . @ _ -, after the user's path if it has one (/ci/deployer); a path \
                 that ends with a slash, for every user below it (/ci/); or a tag (tag:KEY=VALUE)",
            )),
        }
    }
}

const CHARACTER: &str = "[A-Za-z0-9+=,.@_-]";

/// A pattern for a user, with its path if it has one. A path has at most 512 characters.
fn user() -> String {
    format!("(?!.{{512,}}/)(?:/(?:{CHARACTER}+/)*)?{CHARACTER}{{1,64}}")
}

/// A pattern for a user, a path or a tag.
fn chosen() -> String {
    let tag = "tag:[A-Za-z0-9_.:/+@-]{1,128}=[A-Za-z0-9_.:/+@=-]{0,256}";
    format!("{}|(?!.{{513}})/(?:{CHARACTER}+/)*|{tag}", user())
}

impl Word for User {
    fn rule() -> ValueRule {
        ValueRule::pattern(&user())
    }
}

impl Word for RoleSelector {
    fn rule() -> ValueRule {
        ValueRule::pattern(&format!("(?:{})", chosen()))
    }

    fn guesses(text: &str) -> Vec<String> {
        guesses(text)
    }

    fn misuse(text: &str) -> Option<(String, &'static str)> {
        pattern(text)
    }
}

impl Word for UserSelector {
    fn rule() -> ValueRule {
        ValueRule::pattern(&format!("(?:{}|group:{CHARACTER}{{1,128}})", chosen()))
    }

    fn guesses(text: &str) -> Vec<String> {
        guesses(text)
    }

    fn misuse(text: &str) -> Option<(String, &'static str)> {
        pattern(text)
    }
}

/// What is wrong with a pattern such as `ci-*`.
fn pattern(text: &str) -> Option<(String, &'static str)> {
    text.contains(['*', '?']).then(|| {
        (
            format!("{text:?} is a pattern, but patterns are not supported"),
            "name each user; or put the users under a path and write the path (/ci/); or tag them (tag:KEY=VALUE)",
        )
    })
}

const EVERYBODY: [&str; 8] = ["*", "all", "all users", "any", "everybody", "everyone", "every user", "users"];

/// The selector that is meant by an ARN, by a path with a star or without its first slash, by a word for all users, or by a tag
/// with spaces.
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
