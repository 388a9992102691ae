//! The journal: what the handler remembers of a user between runs, in a few tags on the IAM user.
//!
//! The journal is written *before* a key is created. So after a crash between any two calls, the next run can tell the
//! key with the lost secret from the key that is in use.
//!
//! It is in tags for three reasons: tags are deleted with the user, they need no other store, and a person can read
//! them in the console.
//!
//! Tags cannot be compared and swapped. So no run overwrites what another run needs:
//! - Each intent is a tag of its own, under a key that only its run uses. Only that run removes it, or a run after its
//!   lease.
//! - One TagUser call notes the delivery and closes the intent, so that no crash leaves one without the other.
//!
//! A principal that may tag the user can forge the journal. So the planner never does more to a key in use because of
//! what the journal says. `SECURITY.md` gives the bounds for each kind of note.
//!
//! A handler reads only what it would write itself. A tag under the prefix that it does not know, or a field too many,
//! was written by another version or by a person. Then it touches no key, and a person must decide.

use std::{fmt, str::FromStr};

use super::{manager::Manager, policy::Policy};
use crate::model::{
    access_key::{AccessKeyId, Key},
    parse_error::{ParseError, text_newtype},
    time::{Span, Timestamp},
};

/// The common prefix of the journal's tag keys. The execution role may write only tags with this prefix.
pub const PREFIX: &str = "access-key-rotation:";
/// The tag of an open rotation: when it began, and which key existed before. The id of its run follows in the tag's
/// key.
pub const INTENT: &str = "access-key-rotation:intent:";
/// The tag with the key that was delivered last, and the time.
pub const DELIVERED: &str = "access-key-rotation:delivered";
/// The tag with the inactive keys, and since when each is known to be inactive.
pub const DISABLED: &str = "access-key-rotation:disabled";
/// The tag with the key that was reactivated for a person, and the time.
pub const UNDONE: &str = "access-key-rotation:undone";
/// The tag with the key whose owner was warned of its replacement.
pub const WARNED: &str = "access-key-rotation:warned";
/// The tag with the younger of two keys that the rotation did not make, and when their owner was told what happens to
/// the older one.
pub const SEEN: &str = "access-key-rotation:seen";
/// The tag with an unused key, and when its owner was told that it will be deactivated.
pub const UNUSED: &str = "access-key-rotation:unused";
/// The tag with a key that was delivered while no recipient of its announcement had confirmed.
pub const UNANNOUNCED: &str = "access-key-rotation:unannounced";
/// The tag with the stack that wrote the notes about the last rotation.
pub const MANAGED_BY: &str = "access-key-rotation:managed-by";

/// The most tags that IAM allows on a user (IAM User Guide, "IAM and AWS STS quotas").
const MOST_TAGS: usize = 50;
/// The tags of the journal that exist at most once.
const SINGLE_TAGS: [&str; 8] = [DELIVERED, DISABLED, UNDONE, WARNED, SEEN, UNUSED, UNANNOUNCED, MANAGED_BY];
/// The most tags that the journal needs, without those of dead runs: one intent and one of each other kind.
pub const OWN_TAGS: usize = SINGLE_TAGS.len() + 1;

/// How long an intent keeps other runs away.
///
/// This is twice as long as a function can run (15 minutes: Lambda quotas), plus time for a last call that is still
/// under way. After it, the run that wrote the intent is certainly dead. So is every run that read anything before that
/// death.
pub const LEASE: Span = Span::minutes(35);
/// How long a run can live, plus time for a last call that is still under way. A run creates no key after that.
pub const LIFE: Span = Span::minutes(16);
/// The largest difference between the handler's clock and IAM's that is tolerated.
pub const SKEW: Span = Span::minutes(5);

/// The id of the invocation that wrote an intent. Two deliveries of one event are two writers; only one of them may
/// continue.
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
        // The characters that a tag value may contain, without those that the journal's own format uses.
        let fits =
            (1..=80).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:/".contains(&b));
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseError::new(text, "a run id", "1 to 80 letters, digits or - _ . : /"))
        }
    }
}

/// The note that a rotation has begun.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Intent {
    /// The run that began it.
    pub run: RunId,
    /// When it began, by the handler's clock.
    pub at: Timestamp,
    /// The only key that existed before. A user has at most two keys, so while one place is free there is exactly one.
    pub known: AccessKeyId,
}

/// A note about one key: what the tag says of it happened at this time.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyNote {
    /// The key that the note is about.
    pub key: AccessKeyId,
    /// When it happened, by the handler's clock.
    pub at: Timestamp,
}

/// A key that is inactive, and the latest time at which it can have been deactivated.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Disabled {
    /// The key that is inactive, or that this handler is about to deactivate.
    pub key: AccessKeyId,
    /// When it was deactivated, or first seen inactive.
    pub at: Timestamp,
    /// Who deactivated it.
    pub by: DisabledBy,
}

/// Who deactivated a key. Only what the handler has deactivated can be undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DisabledBy {
    /// The rotation, because a successor was delivered. The note is written before the key is deactivated.
    Rotation,
    /// The handler, because the key was not used for a long time. The note is written before the key is deactivated.
    Disuse,
    /// A person who has revoked the key.
    Revocation,
    /// A person or another program. The key was found inactive.
    Other,
}

impl DisabledBy {
    /// What the note has after the time.
    const fn suffix(self) -> &'static str {
        match self {
            Self::Rotation => "=rotation",
            Self::Disuse => "=disuse",
            Self::Revocation => "=revoked",
            Self::Other => "",
        }
    }
}

/// All notes about one user.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Journal {
    /// The rotations that have begun and are not known to be finished.
    pub intents: Vec<Intent>,
    /// The runs with a finished rotation and an intent tag that was not removed yet. The tag has no meaning now.
    pub closed: Vec<RunId>,
    /// The last delivery: the key, and when it was known to have arrived.
    pub delivered: Option<KeyNote>,
    /// The inactive keys.
    pub disabled: Vec<Disabled>,
    /// The key that was reactivated for a person. Runs skip it until its successor is due.
    pub undone: Option<KeyNote>,
    /// The key whose owner was warned of its replacement.
    pub warned: Option<AccessKeyId>,
    /// The younger of two keys that the rotation did not make, and when their owner was told.
    pub seen: Option<KeyNote>,
    /// The unused key, and when its owner was told that it will be deactivated.
    pub unused: Option<KeyNote>,
    /// The key that was delivered while no recipient of its announcement had confirmed. It is announced later.
    pub unannounced: Option<AccessKeyId>,
    /// The stack that wrote the notes about the last rotation.
    pub managed_by: Option<Manager>,
    /// The number of the user's tags that do not belong to the journal.
    pub foreign: usize,
}

/// One tag to write.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum JournalEntry {
    /// Begin a rotation.
    Intent(Intent),
    /// End a rotation: it left nothing that a later run would have to find.
    Closed(RunId),
    /// Note a delivery.
    Delivered(KeyNote),
    /// Note which keys are inactive.
    Disabled(Vec<Disabled>),
    /// Note that this key is reactivated for a person.
    Undone(KeyNote),
    /// Note that the owner of this key was warned of its replacement.
    Warned(AccessKeyId),
    /// Note that the owner of two keys that the rotation did not make was told; the key is the younger one.
    Seen(KeyNote),
    /// Note that the owner of an unused key was told that it will be deactivated.
    Unused(KeyNote),
    /// Note that this key was delivered, and that its announcement would have reached no confirmed recipient.
    Unannounced(AccessKeyId),
    /// Note which stack manages the user.
    ManagedBy(Manager),
    /// Clear a note. TagUser cannot remove a tag, so the tag stays, without content.
    Cleared(ClearedNote),
}

/// A note that can be cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClearedNote {
    /// The last delivery.
    Delivered,
    /// The key that was reactivated for a person.
    Undone,
    /// The pair that the owner was told of.
    Seen,
    /// The unused key that the owner was told of.
    Unused,
    /// The key that was not announced.
    Unannounced,
}

/// A tag of the journal whose value the handler would not have written.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
#[error("the tag {tag} is {value:?}, which this handler never writes")]
pub struct JournalParseError {
    /// The key of the tag.
    pub tag: String,
    /// The value that cannot be read.
    pub value: String,
}

/// The value of a tag without content. It exists because TagUser cannot remove a tag.
const NONE: &str = "none";

impl Journal {
    /// When the key was delivered; `None` if the journal notes no delivery of it.
    #[must_use]
    pub fn delivered_at(&self, key: &Key) -> Option<Timestamp> {
        let delivered = self.delivered.as_ref().filter(|delivered| delivered.key == key.id)?;
        // A delivery before the key existed would be a forgery.
        Some(delivered.at.max(key.created))
    }

    /// Reads the journal from a user's tags, and ignores other tags.
    ///
    /// # Errors
    /// [`JournalParseError`] if the value of a journal tag cannot be read.
    pub fn read<'a>(tags: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, JournalParseError> {
        let mut journal = Self::default();
        for (key, value) in tags {
            let garbled = |tag: &str| JournalParseError { tag: tag.to_owned(), value: value.to_owned() };
            // IAM compares tag keys without regard to case, so this does too.
            let begins_with =
                |prefix: &str| key.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
            if !begins_with(PREFIX) {
                journal.foreign += 1;
            } else if begins_with(INTENT) {
                let run = &key[INTENT.len()..];
                if value == NONE {
                    journal.closed.push(run.parse().map_err(|_| garbled(INTENT))?);
                } else {
                    journal.intents.push(parse_intent(run, value).ok_or_else(|| garbled(INTENT))?);
                }
            } else {
                let tag = SINGLE_TAGS.into_iter().find(|tag| key.eq_ignore_ascii_case(tag));
                let tag = tag.ok_or_else(|| garbled(key))?;
                journal.read_single(tag, value).ok_or_else(|| garbled(tag))?;
            }
        }
        Ok(journal)
    }

    /// Reads the journal from tags in pairs of key and value.
    ///
    /// # Errors
    /// As for [`Journal::read`].
    pub fn of_tags(tags: &[(String, String)]) -> Result<Self, JournalParseError> {
        Self::read(tags.iter().map(|(key, value)| (key.as_str(), value.as_str())))
    }

    /// Reads the value of a tag that exists at most once; `None` if the value is not valid.
    fn read_single(&mut self, tag: &str, value: &str) -> Option<()> {
        match tag {
            DELIVERED => self.delivered = parse_key_note(value)?,
            UNDONE => self.undone = parse_key_note(value)?,
            SEEN => self.seen = parse_key_note(value)?,
            UNUSED => self.unused = parse_key_note(value)?,
            DISABLED => self.disabled = parse_disabled(value)?,
            WARNED => self.warned = Some(parse_key(value)?),
            UNANNOUNCED => self.unannounced = if value == NONE { None } else { Some(parse_key(value)?) },
            MANAGED_BY => self.managed_by = Some(value.parse().ok()?),
            _ => return None,
        }
        Some(())
    }

    /// The keys of all tags of this journal that can exist.
    #[must_use]
    pub fn tag_keys(&self) -> Vec<String> {
        let intents = self.intents.iter().map(|intent| &intent.run).chain(&self.closed).map(intent_tag);
        SINGLE_TAGS.into_iter().map(str::to_owned).chain(intents).collect()
    }

    /// Updates the journal as if `entry` had been written to the user's tags.
    pub fn apply(&mut self, entry: &JournalEntry) {
        match entry {
            JournalEntry::Intent(intent) => {
                self.forget(&intent.run);
                self.intents.push(intent.clone());
            }
            JournalEntry::Closed(run) => self.close(run),
            JournalEntry::Delivered(delivered) => self.delivered = Some(delivered.clone()),
            JournalEntry::Disabled(disabled) => self.disabled.clone_from(disabled),
            JournalEntry::Undone(note) => self.undone = Some(note.clone()),
            JournalEntry::Warned(key) => self.warned = Some(key.clone()),
            JournalEntry::Seen(note) => self.seen = Some(note.clone()),
            JournalEntry::Unused(note) => self.unused = Some(note.clone()),
            JournalEntry::Unannounced(key) => self.unannounced = Some(key.clone()),
            JournalEntry::ManagedBy(manager) => self.managed_by = Some(manager.clone()),
            JournalEntry::Cleared(ClearedNote::Delivered) => self.delivered = None,
            JournalEntry::Cleared(ClearedNote::Undone) => self.undone = None,
            JournalEntry::Cleared(ClearedNote::Seen) => self.seen = None,
            JournalEntry::Cleared(ClearedNote::Unused) => self.unused = None,
            JournalEntry::Cleared(ClearedNote::Unannounced) => self.unannounced = None,
        }
    }

    /// Updates the journal as if the run's intent had ended while its tag still exists.
    pub fn close(&mut self, run: &RunId) {
        self.forget(run);
        self.closed.push(run.clone());
    }

    /// Updates the journal as if the run's intent tag had been removed.
    pub fn forget(&mut self, run: &RunId) {
        self.intents.retain(|intent| intent.run != *run);
        self.closed.retain(|closed| closed != run);
    }

    /// The latest time in any note.
    #[must_use]
    pub fn latest(&self) -> Option<Timestamp> {
        let intents = self.intents.iter().map(|intent| intent.at);
        let notes = [&self.delivered, &self.undone, &self.seen, &self.unused].into_iter().flatten().map(|note| note.at);
        intents.chain(notes).chain(self.disabled.iter().map(|disabled| disabled.at)).max()
    }

    /// Whether all notes of a rotation fit beside the user's other tags.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.others() + OWN_TAGS <= MOST_TAGS
    }

    /// The number of tags that a rotation does not write: those of other people, and those that dead runs left.
    #[must_use]
    pub fn others(&self) -> usize {
        self.foreign + self.intents.len() + self.closed.len()
    }

    /// Until when runs keep `older` active beside `newer`, because a person wanted it back when `newer` was there
    /// already; `None` if no person did.
    #[must_use]
    pub fn undone_until(&self, older: &Key, newer: &Key, policy: &Policy) -> Option<Timestamp> {
        let undone = self.undone.as_ref().filter(|undone| undone.key == older.id && undone.at >= newer.created)?;
        // The younger key may be due already. The person needs some time anyway.
        Some((newer.created + policy.rotate_after).max(undone.at + policy.overlap.max(Span::days(1))))
    }

    /// What is noted about the deactivation of `key`.
    #[must_use]
    pub fn disabled(&self, key: &AccessKeyId) -> Option<&Disabled> {
        self.disabled.iter().find(|disabled| disabled.key == *key)
    }

    /// Whether a note says that this is how `key` was deactivated, or is about to be.
    #[must_use]
    pub fn is_disabled_by(&self, key: &AccessKeyId, by: DisabledBy) -> bool {
        self.disabled(key).is_some_and(|noted| noted.by == by)
    }

    /// Whether the notes are about a rotation: an unfinished one, or one that delivered a key.
    #[must_use]
    pub fn has_rotation(&self) -> bool {
        !self.intents.is_empty() || self.delivered.is_some()
    }

    /// Whether this stack wrote the notes about the last rotation, whatever it delivers to.
    #[must_use]
    pub fn is_of(&self, manager: &Manager) -> bool {
        self.managed_by.as_ref().is_some_and(|writer| writer.is_same_stack(manager))
    }

    /// The stack that wrote the notes about the last rotation, if it is not this one.
    #[must_use]
    pub fn other_manager(&self, manager: &Manager) -> Option<&Manager> {
        self.managed_by.as_ref().filter(|writer| !writer.is_same_stack(manager))
    }

    /// Whether `key` is the one that was delivered last.
    #[must_use]
    pub fn is_delivered(&self, key: &AccessKeyId) -> bool {
        self.delivered.as_ref().is_some_and(|delivered| delivered.key == *key)
    }
}

impl JournalEntry {
    /// The keys that the entry is about.
    #[must_use]
    pub fn keys(&self) -> Vec<&AccessKeyId> {
        match self {
            Self::Intent(intent) => vec![&intent.known],
            Self::Delivered(note) | Self::Undone(note) | Self::Seen(note) | Self::Unused(note) => vec![&note.key],
            Self::Warned(key) | Self::Unannounced(key) => vec![key],
            Self::Disabled(disabled) => disabled.iter().map(|disabled| &disabled.key).collect(),
            Self::Closed(_) | Self::ManagedBy(_) | Self::Cleared(_) => Vec::new(),
        }
    }

    /// The tag for the entry: its key and its value.
    #[must_use]
    pub fn tag(&self) -> (String, String) {
        let (key, value) = match self {
            Self::Intent(i) => return (intent_tag(&i.run), format!("at={} known={}", i.at, i.known)),
            Self::Closed(run) => return (intent_tag(run), NONE.to_owned()),
            Self::Delivered(note) => (DELIVERED, note.value()),
            Self::Undone(note) => (UNDONE, note.value()),
            Self::Cleared(ClearedNote::Delivered) => (DELIVERED, NONE.to_owned()),
            Self::Cleared(ClearedNote::Undone) => (UNDONE, NONE.to_owned()),
            Self::Cleared(ClearedNote::Seen) => (SEEN, NONE.to_owned()),
            Self::Cleared(ClearedNote::Unused) => (UNUSED, NONE.to_owned()),
            Self::Cleared(ClearedNote::Unannounced) => (UNANNOUNCED, NONE.to_owned()),
            Self::Warned(key) => (WARNED, format!("key={key}")),
            Self::Unannounced(key) => (UNANNOUNCED, format!("key={key}")),
            Self::Seen(note) => (SEEN, note.value()),
            Self::Unused(note) => (UNUSED, note.value()),
            Self::ManagedBy(manager) => (MANAGED_BY, manager.note()),
            Self::Disabled(keys) if keys.is_empty() => (DISABLED, NONE.to_owned()),
            Self::Disabled(keys) => {
                let pairs: Vec<_> = keys.iter().map(|d| format!("{}={}{}", d.key, d.at, d.by.suffix())).collect();
                (DISABLED, pairs.join(" "))
            }
        };
        (key.to_owned(), value)
    }
}

impl KeyNote {
    fn value(&self) -> String {
        format!("key={} at={}", self.key, self.at)
    }
}

/// The key of a run's intent tag: at most 107 characters, where IAM allows 128.
#[must_use]
pub fn intent_tag(run: &RunId) -> String {
    format!("{INTENT}{run}")
}

impl fmt::Display for JournalEntry {
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

fn parse_key(text: &str) -> Option<AccessKeyId> {
    fields(text, ["key"]).and_then(|[key]| key.parse().ok())
}

// The outer option says whether the text is valid, the inner one whether it has content.
#[allow(clippy::option_option)]
fn parse_key_note(text: &str) -> Option<Option<KeyNote>> {
    if text == NONE {
        return Some(None);
    }
    let [key, at] = fields(text, ["key", "at"])?;
    Some(Some(KeyNote { key: key.parse().ok()?, at: at.parse().ok()? }))
}

fn parse_disabled(text: &str) -> Option<Vec<Disabled>> {
    if text == NONE {
        return Some(Vec::new());
    }
    let pair = |word: &str| {
        let (key, at) = word.split_once('=')?;
        let marked = |by: DisabledBy| Some((at.strip_suffix(by.suffix())?, by));
        let marks = [DisabledBy::Rotation, DisabledBy::Disuse, DisabledBy::Revocation];
        let (at, by) = marks.into_iter().find_map(marked).unwrap_or((at, DisabledBy::Other));
        Some(Disabled { key: key.parse().ok()?, at: at.parse().ok()?, by })
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

    /// IAM allows 50 tags, and the journal has at most nine.
    #[test]
    fn a_rotation_needs_room_for_nine_tags() {
        let intent = |n: u8| Intent { run: format!("run-{n}").parse().unwrap(), at: at(0), known: key(1) };
        for (foreign, room) in [(36, true), (37, false)] {
            let intents = vec![intent(1), intent(2)];
            let closed = ["a", "b", "c"].map(|run| run.parse().unwrap()).into();
            let journal = Journal { intents, closed, foreign, ..Journal::default() };
            assert_eq!((journal.others(), journal.has_room()), (foreign + 5, room));
        }
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let run: RunId = "d32c5kddcf5bb8c3/9f".parse().unwrap();
        let delivered = JournalEntry::Delivered(KeyNote { key: key(2), at: at(1) });
        let intent = Intent { run: run.clone(), at: at(0), known: key(1) };
        let note = |n, seconds| KeyNote { key: key(n), at: at(seconds) };
        let by = |n, by| Disabled { key: key(n), at: at(2), by };
        let disabled = vec![by(1, DisabledBy::Rotation), by(3, DisabledBy::Other), by(4, DisabledBy::Revocation)];
        for entries in [
            vec![JournalEntry::Intent(intent.clone())],
            vec![JournalEntry::Intent(intent), delivered.clone()],
            vec![delivered, JournalEntry::Closed(run)],
            vec![JournalEntry::Disabled(disabled)],
            vec![JournalEntry::Disabled(vec![])],
            vec![JournalEntry::Undone(note(1, 4))],
            vec![JournalEntry::Seen(note(2, 5)), JournalEntry::Unused(note(1, 6))],
            vec![JournalEntry::ManagedBy(Manager::new("stack", "eu-west-1", "email").unwrap())],
            vec![JournalEntry::Cleared(ClearedNote::Undone), JournalEntry::Cleared(ClearedNote::Delivered)],
            vec![JournalEntry::Cleared(ClearedNote::Seen), JournalEntry::Cleared(ClearedNote::Unused)],
            vec![JournalEntry::Disabled(vec![by(1, DisabledBy::Disuse)])],
            vec![JournalEntry::Warned(key(1))],
            vec![JournalEntry::Unannounced(key(2))],
            vec![JournalEntry::Cleared(ClearedNote::Unannounced)],
        ] {
            let mut expected = Journal::default();
            let tags: Vec<_> = entries.iter().map(JournalEntry::tag).collect();
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
    fn an_intent_and_a_delivery_are_about_a_rotation() {
        let mut journal = Journal::default();
        assert!(!journal.has_rotation());
        journal.apply(&JournalEntry::Warned(key(1)));
        assert!(!journal.has_rotation());
        let mut begun = journal.clone();
        begun.apply(&JournalEntry::Intent(Intent { run: "a/1".parse().unwrap(), at: at(0), known: key(1) }));
        journal.apply(&JournalEntry::Delivered(KeyNote { key: key(2), at: at(0) }));
        assert!(begun.has_rotation() && journal.has_rotation());
    }

    /// A release removes these tags from the user.
    #[test]
    fn the_tags_that_can_exist_are_the_single_ones_and_those_of_the_known_runs() {
        let run = |text: &str| text.parse::<RunId>().unwrap();
        let mut journal = Journal::default();
        journal.apply(&JournalEntry::Intent(Intent { run: run("a/1"), at: at(0), known: key(1) }));
        journal.apply(&JournalEntry::Closed(run("b/2")));
        let expected =
            SINGLE_TAGS.map(str::to_owned).into_iter().chain([intent_tag(&run("a/1")), intent_tag(&run("b/2"))]);
        assert_eq!(journal.tag_keys(), expected.collect::<Vec<_>>());
    }

    #[test]
    fn an_entry_is_shown_as_its_tag_without_the_prefix() {
        let delivered = JournalEntry::Delivered(KeyNote { key: key(2), at: at(0) });
        assert_eq!(delivered.to_string(), "delivered: key=AKIAEXAMPLE000000002 at=2026-11-24T03:16:40Z");
    }

    #[test]
    fn the_longest_intent_fits_a_tag() {
        let known = "A".repeat(128).parse().unwrap();
        let run = "r".repeat(80).parse().unwrap();
        let (key, value) = JournalEntry::Intent(Intent { run, at: at(0), known }).tag();
        assert!(key.len() <= 128 && value.len() <= 256, "{key}: {value}");
    }

    #[test]
    fn tags_of_others_are_ignored() {
        let tags = [("team", "payments"), ("access-key-rotation", "x")];
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
            (UNDONE, "key=AKIAEXAMPLE000000001"),
            (WARNED, "none"),
            (DISABLED, "AKIAEXAMPLE000000001=2026-11-24T03:16:40Z "),
            (DISABLED, "AKIAEXAMPLE000000001=2026-11-24T03:16:40Z=person"),
            (MANAGED_BY, "v=2 stack=a region=b channel=0000000000000000"),
            // A later version's note.
            ("access-key-rotation:later", "none"),
        ] {
            let upper = tag.to_ascii_uppercase();
            for tag_as_found in [tag, upper.as_str()] {
                let garbled = Journal::read([(tag_as_found, value)]).unwrap_err();
                let named = garbled.tag.to_ascii_lowercase();
                assert!(tag.starts_with(&named) && garbled.value == value, "{garbled}");
            }
        }
    }
}
