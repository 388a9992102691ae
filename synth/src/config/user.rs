//! IAM users as the configuration names them.

pub use lambda::user::User;

use super::kind::{Rule, SameAs, Word};

impl Word for User {
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

impl SameAs for User {
    fn same_as(&self, other: &Self) -> bool {
        // IAM: names are unique in the account, without regard to case.
        self.name.as_str().eq_ignore_ascii_case(other.name.as_str())
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
