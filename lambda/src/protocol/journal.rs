//! What the handler remembers of a user between runs: a few tags on the IAM user.
//!
//! The journal is written *before* a key is created, so that a crash between any two calls leaves behind
//! what the next run needs in order to tell the key whose secret was lost from the key that is in use.
//! It is in tags because they live and die with the user, need no store of their own, and can be read by
//! a person in the console.
//!
//! Tags cannot be compared and swapped, so no run ever writes over what another run needs: each intent is a tag of its
//! own, under a key that only its run has, and only that run, or one that comes after its lease, removes it. One TagUser
//! call notes the delivery and closes the intent, so that no crash leaves the one without the other. Whoever may tag the
//! user may forge them: the plan therefore never lets a journal widen what is done to a key that somebody uses.

use std::{fmt, str::FromStr};

use crate::model::{
    access_key::{AccessKeyId, Key},
    parse_error::{ParseError, text_newtype},
    time::{Span, Timestamp},
};

/// The tags' common prefix. The execution role may write these tag keys and no others.
pub const PREFIX: &str = "access-key-rotation:";
/// A rotation has begun and is not finished: when, and which key stood before it. The run's id follows.
pub const INTENT: &str = "access-key-rotation:intent:";
/// The key that was delivered last, and when.
pub const DELIVERED: &str = "access-key-rotation:delivered";
/// The keys that were found or made inactive, and when.
pub const DISABLED: &str = "access-key-rotation:disabled";
/// The key that a person had reactivated.
pub const UNDONE: &str = "access-key-rotation:undone";
/// The key whose owner was told that it will be replaced.
pub const WARNED: &str = "access-key-rotation:warned";

/// How many tags a user may have (IAM User Guide, "IAM and AWS STS quotas").
const MOST_TAGS: usize = 50;
/// How many of them the journal needs at most, beside those of runs that died: an intent and one of each other kind.
const OWN_TAGS: usize = 5;

/// How long an intent keeps other runs away.
///
/// Twice as long as a function can run (15 minutes: Lambda quotas), with room for a last call that is still under way.
/// Once it has passed, the run that wrote it is certainly dead, and so is every run that read anything before its death.
pub const LEASE: Span = Span::minutes(35);
/// How long a run can live, with room for a last call that is still under way: no key of its own is made later.
pub const LIFE: Span = Span::minutes(16);
/// How far the handler's clock and IAM's may disagree.
pub const SKEW: Span = Span::minutes(5);

/// Which invocation wrote an intent. Two deliveries of one event are two writers: only one may go on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RunId(String);

text_newtype!(RunId);

impl RunId {
    /// The id of one invocation of the run: two deliveries of one event differ in `unique`.
    #[must_use]
    pub fn invocation(&self, unique: u64) -> Self {
        // Ids are ASCII, so a byte is a character.
        Self(format!("{}/{unique:016x}", &self.0[..self.0.len().min(63)]))
    }
}

impl FromStr for RunId {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        // What a tag value may hold, less the characters that the journal's own form uses.
        let fits =
            (1..=80).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:/".contains(&b));
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseError::new(text, "a run id", "1 to 80 letters, digits or - _ . : /"))
        }
    }
}

/// A rotation that has begun.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Intent {
    /// Who began it.
    pub run: RunId,
    /// When, by the handler's clock.
    pub at: Timestamp,
    /// The one key that stood beside the free place. With two keys a user at most, there is never another.
    pub known: AccessKeyId,
}

/// A delivery that was completed: the secret reached its channel.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Delivered {
    /// The key whose secret was delivered.
    pub key: AccessKeyId,
    /// When it was known to have arrived.
    pub at: Timestamp,
}

/// A key that is inactive, and since when at the latest.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Disabled {
    /// Which key.
    pub key: AccessKeyId,
    /// When it was deactivated, or first seen inactive.
    pub at: Timestamp,
}

/// Everything that is remembered of one user.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Journal {
    /// The rotations that were begun and are not known to be finished.
    pub intents: Vec<Intent>,
    /// The runs whose rotation is finished, but whose tag still stands. It says nothing any more.
    pub closed: Vec<RunId>,
    /// The last delivery.
    pub delivered: Option<Delivered>,
    /// The inactive keys.
    pub disabled: Vec<Disabled>,
    /// The key that a person had reactivated; it is left alone until its successor is due.
    pub undone: Option<AccessKeyId>,
    /// The key whose owner was told that it will be replaced.
    pub warned: Option<AccessKeyId>,
    /// How many tags the user has that are not the journal's.
    pub foreign: usize,
}

/// One tag to write.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Entry {
    /// Begin a rotation.
    Intent(Intent),
    /// End a rotation: nothing is left of it that would have to be found.
    Closed(RunId),
    /// Note a delivery.
    Delivered(Delivered),
    /// Note which keys are inactive.
    Disabled(Vec<Disabled>),
    /// Note that a person wanted this key back.
    Undone(Option<AccessKeyId>),
    /// Note that the owner was told that this key will be replaced.
    Warned(AccessKeyId),
}

/// A journal tag that does not say what a journal tag says.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
#[error("the tag {tag} is {value:?}, which this handler never writes")]
pub struct JournalParseError {
    /// The tag's key.
    pub tag: &'static str,
    /// Its value.
    pub value: String,
}

/// The value of a tag that says nothing: TagUser cannot remove a tag.
const NONE: &str = "none";

impl Journal {
    /// Since when its owner has the key, as far as anybody knows.
    #[must_use]
    pub fn in_place_since(&self, key: &Key) -> Timestamp {
        match &self.delivered {
            // A time before the key existed would be a forgery.
            Some(delivered) if delivered.key == key.id => delivered.at.max(key.created),
            _ => key.created,
        }
    }

    /// Reads the journal out of a user's tags; tags that are not its own are passed over.
    ///
    /// # Errors
    /// [`JournalParseError`] if a tag of the journal cannot be understood.
    pub fn read<'a>(tags: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, JournalParseError> {
        let mut journal = Self::default();
        for (key, value) in tags {
            let garbled = |tag| JournalParseError { tag, value: value.to_owned() };
            // IAM compares tag keys without regard to case, and so do we.
            let intent = key.get(..INTENT.len()).filter(|prefix| prefix.eq_ignore_ascii_case(INTENT));
            if intent.is_some() {
                let run = &key[INTENT.len()..];
                if value == NONE {
                    journal.closed.push(run.parse().map_err(|_| garbled(INTENT))?);
                } else {
                    journal.intents.push(parse_intent(run, value).ok_or_else(|| garbled(INTENT))?);
                }
            } else if key.eq_ignore_ascii_case(DELIVERED) {
                journal.delivered = parse_delivered(value).ok_or_else(|| garbled(DELIVERED))?;
            } else if key.eq_ignore_ascii_case(DISABLED) {
                journal.disabled = parse_disabled(value).ok_or_else(|| garbled(DISABLED))?;
            } else if key.eq_ignore_ascii_case(UNDONE) {
                journal.undone = parse_undone(value).ok_or_else(|| garbled(UNDONE))?;
            } else if key.eq_ignore_ascii_case(WARNED) {
                let parsed = fields(value, ["key"]).and_then(|[key]| key.parse().ok());
                journal.warned = Some(parsed.ok_or_else(|| garbled(WARNED))?);
            } else {
                journal.foreign += 1;
            }
        }
        Ok(journal)
    }

    /// The journal after `entry` was written.
    pub fn apply(&mut self, entry: &Entry) {
        match entry {
            Entry::Intent(intent) => {
                self.forget(&intent.run);
                self.intents.push(intent.clone());
            }
            Entry::Closed(run) => self.close(run),
            Entry::Delivered(delivered) => self.delivered = Some(delivered.clone()),
            Entry::Disabled(disabled) => self.disabled.clone_from(disabled),
            Entry::Undone(key) => self.undone.clone_from(key),
            Entry::Warned(key) => self.warned = Some(key.clone()),
        }
    }

    /// The journal after the run's intent has ended; its tag still stands.
    pub fn close(&mut self, run: &RunId) {
        self.forget(run);
        self.closed.push(run.clone());
    }

    /// The journal after the run's tag was removed.
    pub fn forget(&mut self, run: &RunId) {
        self.intents.retain(|intent| intent.run != *run);
        self.closed.retain(|closed| closed != run);
    }

    /// The latest time that it speaks of.
    #[must_use]
    pub fn latest(&self) -> Option<Timestamp> {
        let times = self.intents.iter().map(|intent| intent.at);
        times.chain(self.delivered.iter().map(|d| d.at)).chain(self.disabled.iter().map(|d| d.at)).max()
    }

    /// Whether everything that a rotation notes fits beside the user's other tags.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.others() + OWN_TAGS <= MOST_TAGS
    }

    /// How many tags there are beside those that a rotation writes: other people's, and what is left of dead runs.
    #[must_use]
    pub fn others(&self) -> usize {
        self.foreign + self.intents.len() + self.closed.len()
    }

    /// Since when `key` is known to be inactive.
    #[must_use]
    pub fn disabled_since(&self, key: &AccessKeyId) -> Option<Timestamp> {
        self.disabled.iter().find(|d| d.key == *key).map(|d| d.at)
    }
}

impl Entry {
    /// The tag that holds the entry, as key and value.
    #[must_use]
    pub fn tag(&self) -> (String, String) {
        let (key, value) = match self {
            Self::Intent(i) => return (intent_tag(&i.run), format!("at={} known={}", i.at, i.known)),
            Self::Closed(run) => return (intent_tag(run), NONE.to_owned()),
            Self::Delivered(d) => (DELIVERED, format!("key={} at={}", d.key, d.at)),
            Self::Undone(None) => (UNDONE, NONE.to_owned()),
            Self::Undone(Some(key)) => (UNDONE, format!("key={key}")),
            Self::Warned(key) => (WARNED, format!("key={key}")),
            Self::Disabled(keys) if keys.is_empty() => (DISABLED, NONE.to_owned()),
            Self::Disabled(keys) => {
                let pairs: Vec<_> = keys.iter().map(|d| format!("{}={}", d.key, d.at)).collect();
                (DISABLED, pairs.join(" "))
            }
        };
        (key.to_owned(), value)
    }
}

/// The key of a run's intent tag. At most 107 characters, of 128 that IAM allows.
#[must_use]
pub fn intent_tag(run: &RunId) -> String {
    format!("{INTENT}{run}")
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, value) = self.tag();
        write!(f, "{}: {value}", &key[PREFIX.len()..])
    }
}

/// Reads `name=value` pairs that must be exactly `names`, in order.
fn fields<'a, const N: usize>(text: &'a str, names: [&str; N]) -> Option<[&'a str; N]> {
    let mut words = text.split(' ');
    let mut values = [""; N];
    for (value, name) in values.iter_mut().zip(names) {
        *value = words.next()?.strip_prefix(name)?.strip_prefix('=')?;
    }
    words.next().is_none().then_some(values)
}

fn parse_intent(run: &str, text: &str) -> Option<Intent> {
    let [at, known] = fields(text, ["at", "known"])?;
    Some(Intent { run: run.parse().ok()?, at: at.parse().ok()?, known: known.parse().ok()? })
}

// The outer option says whether the text was understood, the inner one whether it says anything.
#[allow(clippy::option_option)]
fn parse_delivered(text: &str) -> Option<Option<Delivered>> {
    if text == NONE {
        return Some(None);
    }
    let [key, at] = fields(text, ["key", "at"])?;
    Some(Some(Delivered { key: key.parse().ok()?, at: at.parse().ok()? }))
}

#[allow(clippy::option_option)]
fn parse_undone(text: &str) -> Option<Option<AccessKeyId>> {
    if text == NONE {
        return Some(None);
    }
    let [key] = fields(text, ["key"])?;
    Some(Some(key.parse().ok()?))
}

fn parse_disabled(text: &str) -> Option<Vec<Disabled>> {
    if text == NONE {
        return Some(Vec::new());
    }
    let pair = |word: &str| {
        let (key, at) = word.split_once('=')?;
        Some(Disabled { key: key.parse().ok()?, at: at.parse().ok()? })
    };
    text.split(' ').map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8) -> AccessKeyId {
        format!("AKIAEXAMPLE{n:09}").parse().unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(1_795_490_200 + seconds)
    }

    /// IAM allows 50 tags, and a rotation writes five.
    #[test]
    fn room_is_what_all_others_leave() {
        let intent = |n: u8| Intent { run: format!("run-{n}").parse().unwrap(), at: at(0), known: key(1) };
        for (foreign, room) in [(40, true), (41, false)] {
            let intents = vec![intent(1), intent(2)];
            let closed = ["a", "b", "c"].map(|run| run.parse().unwrap()).into();
            let journal = Journal { intents, closed, foreign, ..Journal::default() };
            assert_eq!((journal.others(), journal.has_room()), (foreign + 5, room));
        }
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let run: RunId = "d32c5kddcf5bb8c3/9f".parse().unwrap();
        let delivered = Entry::Delivered(Delivered { key: key(2), at: at(1) });
        let intent = Intent { run: run.clone(), at: at(0), known: key(1) };
        let disabled = vec![Disabled { key: key(1), at: at(2) }, Disabled { key: key(3), at: at(3) }];
        for entries in [
            vec![Entry::Intent(intent.clone())],
            vec![Entry::Intent(intent), delivered.clone()],
            vec![delivered, Entry::Closed(run)],
            vec![Entry::Disabled(disabled)],
            vec![Entry::Disabled(vec![])],
            vec![Entry::Undone(Some(key(1)))],
            vec![Entry::Undone(None)],
            vec![Entry::Warned(key(1))],
        ] {
            let mut expected = Journal::default();
            let tags: Vec<_> = entries.iter().map(Entry::tag).collect();
            for entry in &entries {
                expected.apply(entry);
            }
            let read = Journal::read(tags.iter().map(|(k, v)| (k.as_str(), v.as_str())));
            assert_eq!(read.unwrap(), expected, "{tags:?}");
            for (key, value) in &tags {
                assert!(key.starts_with(PREFIX), "the role may write nothing else");
                assert!(value.len() <= 256, "IAM's limit for a tag value");
                assert!(value.chars().all(|c| c.is_alphanumeric() || " _.:/=+-@".contains(c)), "{value}");
            }
        }
    }

    #[test]
    fn an_entry_is_shown_as_its_tag_without_the_prefix() {
        let delivered = Entry::Delivered(Delivered { key: key(2), at: at(0) });
        assert_eq!(delivered.to_string(), "delivered: key=AKIAEXAMPLE000000002 at=2026-11-24T03:16:40Z");
    }

    #[test]
    fn the_longest_intent_fits_a_tag() {
        let known = "A".repeat(128).parse().unwrap();
        let run = "r".repeat(80).parse().unwrap();
        let (key, value) = Entry::Intent(Intent { run, at: at(0), known }).tag();
        assert!(key.len() <= 128 && value.len() <= 256, "{key}: {value}");
    }

    #[test]
    fn other_tags_are_not_the_journals_business() {
        let tags = [("team", "payments"), ("access-key-rotation:later", "x")];
        assert_eq!(Journal::read(tags), Ok(Journal { foreign: 2, ..Journal::default() }));
    }

    #[test]
    fn a_garbled_tag_is_named_and_never_guessed() {
        for (tag, value) in [
            ("access-key-rotation:intent:a", ""),
            ("access-key-rotation:intent:a", "at=2026-11-24T03:16:40Z"),
            ("access-key-rotation:intent:a", "at=2026-11-24T03:16:40Z known=AKIAEXAMPLE000000001 more=x"),
            ("access-key-rotation:intent:a", "at=yesterday known=AKIAEXAMPLE000000001"),
            ("access-key-rotation:intent:", "none"),
            ("access-key-rotation:intent:", "at=2026-11-24T03:16:40Z known=AKIAEXAMPLE000000001"),
            (DELIVERED, "key=short at=2026-11-24T03:16:40Z"),
            (DELIVERED, "at=2026-11-24T03:16:40Z key=AKIAEXAMPLE000000001"),
            (DISABLED, "AKIAEXAMPLE000000001"),
            (UNDONE, "AKIAEXAMPLE000000001"),
            (WARNED, "none"),
            (DISABLED, "AKIAEXAMPLE000000001=2026-11-24T03:16:40Z "),
        ] {
            let upper = tag.to_ascii_uppercase();
            for tag_as_found in [tag, upper.as_str()] {
                let garbled = Journal::read([(tag_as_found, value)]).unwrap_err();
                assert!(tag.starts_with(garbled.tag) && garbled.value == value, "{garbled}");
            }
        }
    }
}
