//! Access keys: their ids, what IAM says about them, and their secrets.

use std::{fmt, str::FromStr};

use serde::Serialize;
use zeroize::Zeroizing;

use crate::model::{
    parse_error::{ParseError, one_line, text_newtype},
    time::Timestamp,
};

/// The id of an access key: 16 to 128 word characters (IAM API Reference, "AccessKey").
/// An id is not a secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccessKeyId(String);

text_newtype!(AccessKeyId);

impl FromStr for AccessKeyId {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if (16..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseError::new(text, "an access key id", "16 to 128 letters, digits or _"))
        }
    }
}

/// Whether a key may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyStatus {
    /// AWS accepts requests signed with the key.
    Active,
    /// AWS refuses them; the key can be reactivated.
    Inactive,
}

/// One access key, as ListAccessKeys returns it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Key {
    /// The id, which is not a secret.
    pub id: AccessKeyId,
    /// Whether it may be used.
    pub status: KeyStatus,
    /// When IAM made it.
    pub created: Timestamp,
}

/// When and for what a key was last used, as GetAccessKeyLastUsed returns it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LastUse {
    /// IAM has no use of this key on record.
    Never,
    /// The latest use that IAM knows of; its records lag by some minutes to hours.
    Used {
        /// The time of that use.
        at: Timestamp,
        /// The service's short name, such as `s3`.
        service: String,
        /// The Region, or `aws-global`.
        region: String,
    },
    /// IAM did not answer. Code that decides must treat this as "in use".
    Unknown,
}

/// The secret half of an access key.
///
/// It is wiped when it is dropped. It cannot be printed, compared or serialized. Only the delivery adapters and the
/// verification read it, with [`SecretAccessKey::expose`].
pub struct SecretAccessKey(Zeroizing<String>);

impl SecretAccessKey {
    /// Wraps the secret. The caller's copy is moved, not cloned.
    #[must_use]
    pub fn new(secret: String) -> Self {
        Self(Zeroizing::new(secret))
    }

    /// The secret in clear text. Only the code that delivers it to its owner or signs with it may call this.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretAccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretAccessKey(…)")
    }
}

impl fmt::Display for LastUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => f.write_str("never used"),
            Self::Used { at, service, region } => {
                write!(f, "{} in {}, last on {}", one_line(service), one_line(region), at.to_minute())
            }
            Self::Unknown => f.write_str("last use unknown, IAM did not answer"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invariant_9_a_secret_cannot_be_printed() {
        let secret = SecretAccessKey::new("open sesame".to_owned());
        assert_eq!(format!("{secret:?} {:?}", Some(&secret)), "SecretAccessKey(…) Some(SecretAccessKey(…))");
    }

    #[test]
    fn key_ids_are_word_characters() {
        assert!("AKIAEXAMPLE000000001".parse::<AccessKeyId>().is_ok());
        for bad in ["", "AKIA", "AKIA EXAMPLE 0000001", "AKIAEXAMPLE00000000é", "AKIA,EXAMPLE,0000001"] {
            assert!(bad.parse::<AccessKeyId>().is_err(), "{bad:?}");
        }
    }
}
