//! How a validated piece of text is refused.

/// Why a text is not what it should be: names the value, says what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is not {what}: {allowed}")]
pub struct Invalid {
    /// The text as it was given.
    pub value: String,
    /// What it should have been, with its article: "an IAM user name".
    pub what: &'static str,
    /// The rule, as a person would say it.
    pub allowed: &'static str,
}

impl Invalid {
    pub(crate) fn new(value: &str, what: &'static str, allowed: &'static str) -> Self {
        Self { value: value.to_owned(), what, allowed }
    }
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
