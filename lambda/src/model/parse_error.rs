//! The error for text that a validated type refuses, and the macros that define such types.

/// A text that is not a valid value of its type. The message names the value and says what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is not {what}; allowed: {allowed}")]
pub struct ParseError {
    /// The text that was refused, unchanged unless it can be a secret or is very long.
    pub value: String,
    /// What the text should have been, with its article: "an IAM user name".
    pub what: &'static str,
    /// The rule, in words for a person; it follows "allowed:" in messages.
    pub allowed: &'static str,
}

impl ParseError {
    pub(crate) fn new(value: &str, what: &'static str, allowed: &'static str) -> Self {
        Self { value: value.to_owned(), what, allowed }
    }
}

/// The most characters of an external text that are passed on.
const LONGEST: usize = 500;

/// Makes an external text (AWS's message, a tag's value) safe to put into a line. It is shortened. Characters that
/// would begin another line, move the cursor or change the writing direction are escaped. So the text cannot forge
/// anything outside its own place.
#[must_use]
pub fn one_line(text: &str) -> String {
    let spelt = |c: char| match c {
        '\'' | '"' | '\\' => c.to_string(),
        // This escapes what is not printable, and nothing else.
        c => c.escape_debug().to_string(),
    };
    let mut line: String = text.chars().take(LONGEST).map(spelt).collect();
    if text.chars().nth(LONGEST).is_some() {
        line.push('…');
    }
    line
}

/// Gives a newtype over `String` everything that reads it. Only `FromStr` constructs it.
macro_rules! text_newtype {
    ($name:ident) => {
        impl $name {
            /// The validated text.
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
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <String as serde::Deserialize>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }
    };
}

pub(crate) use text_newtype;

/// Gives an enum the words that name its variants in rotation.yaml and in the environment variables.
macro_rules! words {
    ($type:ty, $what:literal, $allowed:literal, { $($word:literal => $variant:expr),+ $(,)? }) => {
        impl $type {
            /// The words that are accepted, in the order in which messages and documents list them.
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
    fn an_external_text_stays_in_its_line() {
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
