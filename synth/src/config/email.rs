//! E-mail addresses.

use std::str::FromStr;

use lambda::text::Invalid;

use super::kind::{Rule, SameAs, Word};
use crate::cfn::LogicalId;

/// An e-mail address, of the plain kind that SNS accepts: `local@domain.tld`, ASCII, no quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The logical id of the subscription: derived from the address alone, so that adding or removing another
    /// address changes no other resource. Punctuation is spelt out, so that two addresses never share one.
    #[must_use]
    pub fn logical_id(&self) -> LogicalId {
        let address = self.0.to_ascii_lowercase();
        // No word between two marks, and a mark could be taken for a word; too long, and it would be cut. Then it is
        // the bytes in hexadecimal, which no spelling out looks like: that has an `At`.
        let hexadecimal =
            || LogicalId::derived(address.bytes().fold("MailTo".into(), |name, byte| format!("{name}{byte:02x}")));
        let id = spelt_out(&address).and_then(LogicalId::derived).or_else(hexadecimal);
        // An address has 100 characters at most, so its bytes fit.
        id.unwrap_or(const { LogicalId::new("MailTo") })
    }
}

/// `MailToSecurityAtExampleDotCom`; `None` if two marks stand side by side, or one at either end.
fn spelt_out(address: &str) -> Option<String> {
    let mut name = String::from("MailTo");
    for word in address.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let letters = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let mut chars = letters.chars();
        name.push(chars.next()?.to_ascii_uppercase());
        name.push_str(chars.as_str());
        match word.chars().last() {
            Some('@') => name.push_str("At"),
            Some('.') => name.push_str("Dot"),
            Some('-') => name.push_str("Dash"),
            Some('_') => name.push_str("Under"),
            Some('+') => name.push_str("Plus"),
            Some(other) if !other.is_ascii_alphanumeric() => name += &format!("X{:02x}", u32::from(other)),
            _ => {}
        }
    }
    Some(name)
}

impl FromStr for Email {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
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
                    // A top level of digits alone would be an IP address.
                    && domain.rsplit('.').next().is_some_and(|tld| tld.bytes().any(|b| b.is_ascii_alphabetic()))
            });
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid {
                value: text.to_owned(),
                what: "an e-mail address",
                allowed: "name@domain.example, at most 100 characters, without quotes, spaces or a display name",
            })
        }
    }
}

impl Word for Email {
    fn rule() -> Rule {
        let (atom, label) = ("[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+", "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?");
        let (sizes, top) = ("(?=.{1,100}$)(?=[^@]{1,64}@)", "(?=[0-9-]*[A-Za-z])");
        Rule::pattern(&format!("{sizes}{atom}(?:[.]{atom})*@(?:{label}[.])+{top}{label}"))
    }

    fn guesses(text: &str) -> Vec<String> {
        // `Name <name@domain>`, `mailto:name@domain`, a comma for a dot.
        let address = text.split(['<', '>', ' ', '"']).find(|word| word.contains('@')).unwrap_or(text);
        let address = address.trim_start_matches("mailto:");
        vec![address.to_owned(), address.replace(',', ".")]
    }
}

impl SameAs for Email {
    fn same_as(&self, other: &Self) -> bool {
        // Whatever differs only in case reaches the same mailbox in practice, and would share a logical id.
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> String {
        text.parse::<Email>().unwrap().logical_id().as_str().to_owned()
    }

    #[test]
    fn addresses() {
        for good in ["a@b.co", "first.last+tag@sub.example.org", "x_y-z@1a.example"] {
            assert!(good.parse::<Email>().is_ok(), "{good}");
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
        ] {
            assert!(bad.parse::<Email>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn each_address_has_its_own_stable_logical_id() {
        assert_eq!(id("Ops-Team@example.com"), "MailToOpsDashTeamAtExampleDotCom");
        let alike = ["a.b@c.co", "ab@c.co", "a-b@c.co", "a_b@c.co", "a+b@c.co", "a@b.c.co", "adotb@c.co", "a&b@c.co"];
        let ids: std::collections::HashSet<_> = alike.iter().map(|text| id(text)).collect();
        assert_eq!(ids.len(), alike.len(), "{ids:?}");
    }

    /// Punctuation next to punctuation could be spelt like a word, and a long address would not fit.
    #[test]
    fn odd_addresses_share_no_logical_id_either() {
        for (one, other) in [("_@b.co", "under@b.co"), ("a.&@b.co", "a.x26@b.co"), ("a-.-b@c.co", "a-dot-b@c.co")] {
            assert_ne!(id(one), id(other), "{one}, {other}");
        }
        let long = "_a".repeat(32);
        assert_ne!(id(&format!("{long}@one.example")), id(&format!("{long}@two.example")));
    }
}
