//! The tags that a company demands on everything: the stack's resources, and the secrets that the handler creates.
//!
//! Each service has rules of its own for tags. A tag here keeps all of them:
//!
//! - IAM takes a policy with Latin letters only, and the role's policy names the keys. So a tag is ASCII.
//! - IAM compares keys without regard to case, so no two keys differ only in case.
//! - CloudWatch takes no empty value.

use std::{fmt, str::FromStr};

use crate::{
    contract::permissions::SECRET_TAGS,
    model::parse_error::{ParseError, text_newtype},
    protocol::journal,
};

/// The key of a tag: 1 to 128 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TagKey(String);

text_newtype!(TagKey);

/// The value of a tag: 1 to 256 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TagValue(String);

text_newtype!(TagValue);

/// Tags, in the order of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResourceTags(pub Vec<(TagKey, TagValue)>);

impl ResourceTags {
    /// The most tags that a configuration can have: AWS takes 50 on a resource, and each secret has tags of its own.
    pub const MOST: usize = 50 - SECRET_TAGS.len();

    /// Each tag as text: the key and the value.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

/// The beginnings of keys that a configuration cannot use: the first is AWS's, the other the handler's.
pub const RESERVED_PREFIXES: [&str; 2] = ["aws:", journal::PREFIX];

/// The whole key that a configuration cannot use, because each secret has it already.
pub const RESERVED_KEY: &str = SECRET_TAGS[1];

impl FromStr for TagKey {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let lower = text.to_ascii_lowercase();
        let is_reserved = lower == RESERVED_KEY || RESERVED_PREFIXES.iter().any(|prefix| lower.starts_with(prefix));
        if is_text(text, 128) && !text.contains('=') && !is_reserved {
            return Ok(Self(text.to_owned()));
        }
        Err(ParseError::new(
            text,
            "the key of a tag",
            "1 to 128 ASCII letters, digits, spaces or _ . : / + - @; without a space at an end; not managed-by, and not \
             beginning with aws: or access-key-rotation:",
        ))
    }
}

impl FromStr for TagValue {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if is_text(text, 256) {
            return Ok(Self(text.to_owned()));
        }
        Err(ParseError::new(
            text,
            "the value of a tag",
            "1 to 256 ASCII letters, digits, spaces or _ . : / = + - @; without a space at an end",
        ))
    }
}

fn is_text(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b" _.:/=+-@".contains(&b))
        && !text.starts_with(' ')
        && !text.ends_with(' ')
}

const NO_TAGS: &str = "none";

impl fmt::Display for ResourceTags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str(NO_TAGS);
        }
        let each: Vec<_> = self.pairs().map(|(key, value)| format!("{key}={value}")).collect();
        f.write_str(&each.join(";"))
    }
}

impl FromStr for ResourceTags {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text == NO_TAGS {
            return Ok(Self::default());
        }
        let tag = |word: &str| {
            let (key, value) = word
                .split_once('=')
                .ok_or_else(|| ParseError::new(word, "a tag", "KEY=VALUE, and a semicolon between two"))?;
            Ok((key.parse()?, value.parse()?))
        };
        text.split(';').map(tag).collect::<Result<_, ParseError>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_as_they_are_written() {
        let (key, value) = ("k".repeat(128), "v".repeat(256));
        let longest = format!("{key}={value}");
        for text in ["none", "team=payments", "cost centre=4711;a:b/c+d@e_f.g-h=x=y z", "Team=a;none=b", &longest] {
            assert_eq!(text.parse::<ResourceTags>().unwrap().to_string(), text);
        }
        assert_eq!("none".parse(), Ok(ResourceTags::default()));
        let longer = [format!("{key}k=v"), format!("k={value}v")];
        for bad in ["", "team", "team=", "=x", "a=b;", "a=b,c", "a = b", "a=日本", "a=b\n"]
            .into_iter()
            .chain(longer.iter().map(String::as_str))
        {
            assert!(bad.parse::<ResourceTags>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn no_key_is_one_of_awss_or_of_ours() {
        for bad in ["aws:x", "AWS:x", "managed-by", "Managed-By", "access-key-rotation:user", "Access-Key-Rotation:x"] {
            assert!(bad.parse::<TagKey>().is_err(), "{bad}");
        }
        assert!(SECRET_TAGS.iter().all(|own| own.parse::<TagKey>().is_err()));
        for good in ["aws", "managed-by:", "access-key-rotation", "x:aws:y"] {
            assert!(good.parse::<TagKey>().is_ok(), "{good}");
        }
    }
}
