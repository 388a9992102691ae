//! How a validated piece of text is refused.

/// Why a text is not what it should be: names the value, says what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is not {what}: {allowed}")]
pub struct ParseError {
    /// The text as it was given.
    pub value: String,
    /// What it should have been, with its article: "an IAM user name".
    pub what: &'static str,
    /// The rule, as a person would say it.
    pub allowed: &'static str,
}

impl ParseError {
    pub(crate) fn new(value: &str, what: &'static str, allowed: &'static str) -> Self {
        Self { value: value.to_owned(), what, allowed }
    }
}

/// The longest piece of somebody else's text that is passed on, in characters.
const LONGEST: usize = 500;

/// Somebody else's text (AWS's message, a tag's value) as a piece of a line: it is shortened, and what would begin another line,
/// move the cursor or turn the writing round is spelt out. So whatever it says, it says it in its own place.
#[must_use]
pub fn one_line(text: &str) -> String {
    let spelt = |c: char| match c {
        '\'' | '"' | '\\' => c.to_string(),
        // Spells out what is not printable, and nothing else.
        c => c.escape_debug().to_string(),
    };
    let mut line: String = text.chars().take(LONGEST).map(spelt).collect();
    if text.chars().nth(LONGEST).is_some() {
        line.push('…');
    }
    line
}

/// Gives a newtype over `String` its reading side: construction goes through `FromStr` alone.
macro_rules! text_newtype {
    ($name:ident) => {
        impl $name {
            /// The text itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
    };
}

pub(crate) use text_newtype;

/// Gives an enum the words that name its variants in rotation.yaml and in the environment.
macro_rules! words {
    ($type:ty, $what:literal, $allowed:literal, { $($word:literal => $variant:expr),+ $(,)? }) => {
        impl $type {
            /// The words, in the order in which people are told of them.
            pub const WORDS: &'static [&'static str] = &[$($word),+];
        }
        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let all = [$(($word, $variant)),+];
                f.write_str(all.iter().find(|(_, v)| v == self).map_or("", |(word, _)| word))
            }
        }
        impl std::str::FromStr for $type {
            type Err = $crate::model::parse_error::ParseError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($word => Ok($variant),)+
                    _ => Err($crate::model::parse_error::ParseError::new(text, $what, $allowed)),
                }
            }
        }
    };
}
pub(crate) use words;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_else_says_stays_in_its_line() {
        for (text, line) in [
            ("AccessDenied: User: arn:aws:iam::1:user/a is not \"authorized\"", None),
            ("日本語のメッセージ、です", None),
            ("a\r\nSecret access key: x", Some("a\\r\\nSecret access key: x")),
            ("\u{1b}[2J\u{7}\0", Some("\\u{1b}[2J\\u{7}\\0")),
            ("a\u{2028}b\u{85}c\u{202e}d\u{200b}\u{feff}", Some("a\\u{2028}b\\u{85}c\\u{202e}d\\u{200b}\\u{feff}")),
        ] {
            assert_eq!(one_line(text), line.unwrap_or(text));
        }
        assert_eq!(one_line(&"é".repeat(LONGEST)), "é".repeat(LONGEST));
        assert_eq!(one_line(&"é".repeat(LONGEST + 1)), "é".repeat(LONGEST) + "…");
    }
}
