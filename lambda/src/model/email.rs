//! An e-mail address that SNS accepts.

use std::str::FromStr;

use crate::model::parse_error::{ParseError, text_newtype};

/// An e-mail address in the plain form that SNS accepts: `local@domain.tld`, ASCII, no quotes, at most 100 characters.
///
/// Two addresses that differ only in case are equal, because in practice they reach the same mailbox.
#[derive(Debug, Clone)]
pub struct Email(String);

text_newtype!(Email);

impl Email {
    /// The address in lower case. SNS filter policies compare text exactly, so both sides must use this form.
    #[must_use]
    pub fn small(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl PartialEq for Email {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Email {}

impl FromStr for Email {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let local = |b: u8| b.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&b);
        let label = |l: &str| {
            (1..=63).contains(&l.len())
                && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !l.starts_with('-')
                && !l.ends_with('-')
        };
        let fits = text.len() <= 100
            && text.split_once('@').is_some_and(|(user, domain)| {
                (1..=64).contains(&user.len())
                    && user.bytes().all(local)
                    && !user.starts_with('.')
                    && !user.ends_with('.')
                    && !user.contains("..")
                    && domain.contains('.')
                    && domain.split('.').all(label)
                    // A top level of only digits would be an IP address.
                    && domain.rsplit('.').next().is_some_and(|tld| tld.bytes().any(|b| b.is_ascii_alphabetic()))
            });
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseError::new(
                text,
                "an e-mail address",
                "name@domain.example, at most 100 characters, without quotes, spaces or a display name",
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for good in ["a@b.co", "first.last+tag@sub.example.org", "x_y-z@1a.example"] {
            assert_eq!(good.parse::<Email>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "a",
            "@b.co",
            "a@",
            "a@b",
            "a@b..co",
            "a@-b.co",
            ".a@b.co",
            "a..b@b.co",
            "a b@c.co",
            "a@b@c.co",
            "A <a@b.co>",
            "a@127.0.0.1",
            "ä@b.co",
            "a@b.co\n",
            "a,b@c.co",
            "a:b@c.co",
        ] {
            assert!(bad.parse::<Email>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn case_makes_no_other_mailbox() {
        let email = |text: &str| text.parse::<Email>().unwrap();
        assert_eq!(email("Ops@Example.com"), email("ops@example.COM"));
        assert_eq!(email("Ops@Example.com").small(), "ops@example.com");
        assert_ne!(email("ops@example.com"), email("ops2@example.com"));
    }
}
