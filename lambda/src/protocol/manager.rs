//! The stack that manages a user's keys: who wrote the notes about an open rotation.
//!
//! Two stacks that select the same user would work against each other: one would withdraw a key that the other has
//! stored in a secret of its own. The note names the stack, so that each of them can tell its own notes from others.

use std::{fmt, str::FromStr};

use crate::model::parse_error::ParseError;

/// The stack that wrote a journal, and the channel that it delivers to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Manager {
    /// The name of the stack, which is also the name of its function.
    stack: String,
    /// The stack's Region.
    region: String,
    /// What the channel hashes to.
    channel: u64,
}

/// The format version of the note. A handler that finds another one does not guess what it means.
const VERSION: &str = "1";

impl Manager {
    /// The manager that this function is. `channel` says where it delivers to, in any form that is the same for the
    /// same place: only its hash is kept, because the note is readable for everyone who may read the user's tags.
    ///
    /// # Errors
    /// [`ParseError`] if the name or the Region has a character that no function name and no Region has.
    pub fn new(stack: &str, region: &str, channel: &str) -> Result<Self, ParseError> {
        let fits = |text: &str, most: usize| {
            (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        };
        if !fits(stack, 64) {
            return Err(ParseError::new(stack, "the name of a function", "1 to 64 letters, digits or - _"));
        }
        if !fits(region, 32) {
            return Err(ParseError::new(region, "a Region", "1 to 32 letters, digits or -"));
        }
        Ok(Self { stack: stack.to_owned(), region: region.to_owned(), channel: fnv(channel) })
    }

    /// The name of the stack, which is also the name of its function.
    #[must_use]
    pub fn stack(&self) -> &str {
        &self.stack
    }

    /// The Region of the stack.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Whether both are one stack, whatever it delivers to.
    #[must_use]
    pub fn is_same_stack(&self, other: &Self) -> bool {
        (&self.stack, &self.region) == (&other.stack, &other.region)
    }
}

/// A hash that is the same in each release and on each machine (FNV-1a). It protects nothing: it only tells two
/// channels apart.
fn fnv(text: &str) -> u64 {
    let add = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, add)
}

/// The stack and its Region, for people.
impl fmt::Display for Manager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.stack, self.region)
    }
}

impl Manager {
    /// The value of the note.
    #[must_use]
    pub fn note(&self) -> String {
        let Self { stack, region, channel } = self;
        format!("v={VERSION} stack={stack} region={region} channel={channel:016x}")
    }
}

impl FromStr for Manager {
    type Err = ParseError;

    /// Reads the value of the note.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let read = || {
            let mut fields = text.split(' ');
            let mut field = |name: &str| fields.next()?.strip_prefix(name)?.strip_prefix('=');
            let (version, stack, region, channel) = (field("v")?, field("stack")?, field("region")?, field("channel")?);
            let manager = Self::new(stack, region, "").ok()?;
            let channel = u64::from_str_radix(channel, 16).ok()?;
            (version == VERSION).then_some(Self { channel, ..manager })
        };
        // The text must be exactly what `note` gives: no more fields, and no other spelling.
        read().filter(|manager| manager.note() == text).ok_or_else(|| {
            ParseError::new(text, "the note of a stack", "v=1 stack=NAME region=REGION channel=16 hexadecimal digits")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        let manager = Manager::new("access-key-rotation", "eu-west-1", "secrets-manager access-key-rotation/").unwrap();
        assert_eq!(manager.note().parse(), Ok(manager.clone()));
        // The notes of earlier releases stay on users, so the hash must never change.
        let note = "v=1 stack=access-key-rotation region=eu-west-1 channel=3a67283fba3b825e";
        assert_eq!(manager.note(), note);
        assert_eq!(manager.to_string(), "access-key-rotation in eu-west-1");
        let longest = Manager::new(&"s".repeat(64), &"r".repeat(32), "").unwrap().note();
        assert!(longest.len() <= 256, "IAM's limit for a tag value: {longest}");
        for bad in ["", "v=2 stack=a region=b channel=0000000000000000", "v=1 stack=a region=b channel=0"] {
            assert!(bad.parse::<Manager>().is_err(), "{bad:?}");
        }
        assert!((manager.note() + " more=x").parse::<Manager>().is_err());
        assert!(Manager::new("a b", "eu-west-1", "").is_err() && Manager::new("a", "", "").is_err());
    }

    #[test]
    fn a_stack_is_the_same_whatever_it_delivers_to() {
        let manager = |stack, region, channel| Manager::new(stack, region, channel).unwrap();
        let ours = manager("a", "eu-west-1", "email");
        let moved = manager("a", "eu-west-1", "secrets-manager p");
        assert!(ours.is_same_stack(&moved) && ours != moved);
        for other in [manager("b", "eu-west-1", "email"), manager("a", "us-east-1", "email")] {
            assert!(!ours.is_same_stack(&other));
        }
    }
}
