//! What the configuration asks for: when a key is replaced, how long its predecessor stays, and how a secret is delivered.

use std::str::FromStr;

use crate::model::{
    access_key::{Key, LastUse},
    parse_error::{ParseError, words},
    time::{Span, Timestamp},
};

/// What the configuration asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Policy {
    /// A key of this age is replaced.
    pub rotate_after: Span,
    /// The old key stays active this long after its successor was delivered.
    pub overlap: Span,
    /// What becomes of a deactivated key.
    pub delete_after: DeleteAfter,
    /// What to do with an old key that is used although its successor was delivered: see [`Policy::required_idle_time`].
    pub still_in_use: StillInUse,
    /// How long after the overlap such a key is waited for at most.
    pub wait_at_most: MaxWait,
    /// How a new secret reaches its owner.
    pub delivery: Delivery,
    /// How long before a key is due its owner is told that it will be replaced; zero means never.
    pub warn_before: Span,
}

/// How long a deactivated key is kept: the time in which a rotation can be undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeleteAfter {
    /// Until the next rotation needs its place, as the article does.
    NextRotation,
    /// This long.
    Window(Span),
}

impl DeleteAfter {
    /// How long an old key is there beside its successor: IAM allows two keys a user, so the next is not due before that.
    #[must_use]
    pub fn life_of_old_key(self, overlap: Span) -> Span {
        match self {
            Self::NextRotation => overlap,
            Self::Window(window) => overlap + window,
        }
    }
}

const NEXT_ROTATION: &str = "next-rotation";

impl std::fmt::Display for DeleteAfter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NextRotation => f.write_str(NEXT_ROTATION),
            Self::Window(span) => span.fmt(f),
        }
    }
}

impl FromStr for DeleteAfter {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text == NEXT_ROTATION {
            return Ok(Self::NextRotation);
        }
        text.parse::<Span>().map(Self::Window).map_err(|_| {
            ParseError::new(
                text,
                "a time to keep deactivated keys",
                "a whole number with d, h, m or s, such as 14d, at most 3653d; 0; or next-rotation",
            )
        })
    }
}

/// What to do with an old key that is used although its successor was delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StillInUse {
    /// Keep it, and say so in each run.
    Wait,
    /// Deactivate it all the same.
    Retire,
}

words!(StillInUse, "a rule for keys still in use", "wait or retire", {
    "wait" => Self::Wait,
    "retire" => Self::Retire,
});

/// How long an old key that is still in use is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MaxWait {
    /// As long as it takes.
    Forever,
    /// This long after the overlap; then it is deactivated all the same.
    AtMost(Span),
}

const FOREVER: &str = "forever";

impl std::fmt::Display for MaxWait {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Forever => f.write_str(FOREVER),
            Self::AtMost(span) => span.fmt(f),
        }
    }
}

impl FromStr for MaxWait {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text == FOREVER {
            return Ok(Self::Forever);
        }
        text.parse::<Span>().map(Self::AtMost).map_err(|_| {
            ParseError::new(text, "a time to wait", "a whole number with d, h, m or s, such as 30d; 0; or forever")
        })
    }
}

/// How a new secret reaches its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// As a version of a secret in Secrets Manager; the mail only says that it is there.
    SecretsManager,
    /// In the mail itself, as the article does.
    Email,
    /// In the mail, encrypted to its reader's public key.
    EmailEncrypted,
}

words!(Delivery, "a delivery", "secrets-manager, email or email-encrypted", {
    "secrets-manager" => Self::SecretsManager,
    "email" => Self::Email,
    "email-encrypted" => Self::EmailEncrypted,
});

impl Delivery {
    /// Whether the mail itself carries the secret.
    #[must_use]
    pub const fn is_mail(self) -> bool {
        matches!(self, Self::Email | Self::EmailEncrypted)
    }
}

impl Policy {
    /// Whether nobody works with the old key any more: not since its successor was delivered, or not for as long as people
    /// have to put that in place. Until they have, they use the old one; that alone must not keep it for ever.
    pub(super) fn is_left_alone(&self, use_: &LastUse, delivered: Timestamp, now: Timestamp) -> bool {
        match use_ {
            LastUse::Never => true,
            LastUse::Used { at, .. } => *at <= delivered || now >= *at + self.required_idle_time(),
            LastUse::Unknown => false,
        }
    }

    /// How long an old key must have been left alone, once it was used after its successor was delivered: the overlap, a day
    /// at least, for some work is done once a day; and one day more, for IAM's record of a use can be hours late.
    #[must_use]
    pub fn required_idle_time(&self) -> Span {
        Self::required_idle_time_after(self.overlap)
    }

    /// [`Policy::required_idle_time`] where the overlap is this.
    #[must_use]
    pub fn required_idle_time_after(overlap: Span) -> Span {
        overlap.max(Span::days(1)) + Span::days(1)
    }

    /// Whether the key is so close to its end that its owner is to be told. Once it is due, nothing is coming up any more.
    pub(super) fn warns_of(&self, key: &Key, now: Timestamp) -> bool {
        let due = key.created + self.rotate_after;
        (due.before(self.warn_before)..due).contains(&now)
    }
}
