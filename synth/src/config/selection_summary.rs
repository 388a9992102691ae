//! Which users are selected, in words.

use lambda::contract::selector::{UserSelector, UserTag};

use super::Config;

impl Config {
    /// The selected users in words: `2 IAM user(s)`, or `IAM users below /ci/ and /ops/, without group:people`.
    #[must_use]
    pub fn selection_summary(&self) -> String {
        let (mut named, mut paths, mut tags) = (0, Vec::new(), Vec::new());
        for entry in &self.users {
            match &entry.selector {
                UserSelector::User(_) => named += 1,
                UserSelector::Path(path) => paths.push(path.to_string()),
                UserSelector::Tag(UserTag { key, value }) => tags.push(format!("{key}={value}")),
                // The reader refuses a group.
                UserSelector::Group(_) => {}
            }
        }
        let chosen = if paths.iter().any(|path| path == "/") {
            "every IAM user".to_owned()
        } else {
            let below = (!paths.is_empty()).then(|| format!("IAM users below {}", list(&paths)));
            let tagged = (!tags.is_empty()).then(|| format!("IAM users tagged {}", list(&tags)));
            let others = (named > 0).then(|| format!("{named} IAM user(s)"));
            [below, tagged, others].into_iter().flatten().collect::<Vec<_>>().join(" and ")
        };
        let exempt: Vec<_> = self.exempt.iter().map(ToString::to_string).collect();
        let without = if exempt.is_empty() { String::new() } else { format!(", without {}", list(&exempt)) };
        chosen + &without
    }
}

/// The first three, and how many more there are.
fn list(words: &[String]) -> String {
    const SHOWN: usize = 3;
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] if words.len() <= SHOWN => format!("{} and {last}", first.join(", ")),
        _ => format!("{} and {} more", words[..SHOWN].join(", "), words.len() - SHOWN),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Overrides, read};

    #[test]
    fn selected_users_are_described_in_words() {
        for (users, exempt, words) in [
            ("[alice, /ci/bot]", "[]", "2 IAM user(s)"),
            ("[alice]", "[tag:keep=it]", "1 IAM user(s), without tag:keep=it"),
            ("[/]", "[]", "every IAM user"),
            ("[/, {name: alice, overlap: 1d}]", "[group:people]", "every IAM user, without group:people"),
            ("[/ci/, /ops/, alice]", "[]", "IAM users below /ci/ and /ops/ and 1 IAM user(s)"),
            ("[/a/, /b/, /c/, /d/, /e/]", "[]", "IAM users below /a/, /b/, /c/ and 2 more"),
            ("[tag:t=a, tag:t=b]", "[x, y]", "IAM users tagged t=a and t=b, without x and y"),
        ] {
            let text = format!("users: {users}\nexempt: {exempt}\nemails: [a@b.co]\n");
            assert_eq!(read(&text, Overrides::default()).unwrap().config.selection_summary(), words, "{users}");
        }
    }
}
