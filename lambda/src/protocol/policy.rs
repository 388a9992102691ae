//! The rotation policy: when a key is replaced, how long its predecessor stays, and how a secret is delivered.

use std::str::FromStr;

use crate::model::{
    access_key::{Key, LastUse},
    parse_error::{ParseError, words},
    time::{Span, Timestamp},
};

/// Gives a type its text, in both directions: one word, or a time that `$fits`.
macro_rules! word_or_span {
    ($type:ident, $what:literal, $allowed:literal, $word:literal => $without:ident, $with:ident $(, $fits:expr)?) => {
        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self {
                    Self::$without => f.write_str($word),
                    Self::$with(span) => span.fmt(f),
                }
            }
        }

        impl FromStr for $type {
            type Err = ParseError;

            fn from_str(text: &str) -> Result<Self, ParseError> {
                if text == $word {
                    return Ok(Self::$without);
                }
                let span = text.parse::<Span>().ok()$(.filter($fits))?;
                span.map(Self::$with).ok_or_else(|| ParseError::new(text, $what, $allowed))
            }
        }
    };
}

/// The rotation policy of a user.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Policy {
    /// The age at which a key is replaced.
    pub rotate_after: Span,
    /// How long the old key stays active after its successor was delivered.
    pub overlap: Span,
    /// When a deactivated key is deleted.
    pub delete_after: DeleteAfter,
    /// What to do after the overlap with an old key that is still in use: see [`Policy::required_idle_time`].
    pub still_in_use: StillInUse,
    /// How long after the overlap such a key stays active at most.
    pub wait_at_most: MaxWait,
    /// What to do with a user with only inactive keys.
    pub disabled_users: DisabledUsers,
    /// How long an active key may be unused before it is deactivated instead of replaced.
    pub unused_after: UnusedAfter,
    /// What scheduled runs do while no recipient of a user's notices has confirmed a subscription.
    pub unconfirmed_recipients: UnconfirmedRecipients,
    /// How a new secret reaches its owner.
    pub delivery: Delivery,
    /// How long before a key is due its owner is warned of its replacement; zero means never.
    pub warn_before: Span,
}

/// How long a deactivated key is kept: the recovery window, in which a rotation can be undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeleteAfter {
    /// Until the next rotation needs its place in the quota, as in the published article.
    NextRotation,
    /// For this time after its deactivation.
    Window(Span),
}

impl DeleteAfter {
    /// How long an old key exists beside its successor. IAM allows two keys for each user, so `rotate_after` must not
    /// be shorter.
    #[must_use]
    pub fn life_of_old_key(self, overlap: Span) -> Span {
        match self {
            Self::NextRotation => overlap,
            Self::Window(window) => overlap + window,
        }
    }
}

word_or_span!(
    DeleteAfter,
    "a time to keep deactivated keys",
    "a whole number with d, h, m or s, such as 14d, at most 3653d; 0; or next-rotation",
    "next-rotation" => NextRotation,
    Window
);

/// What to do after the overlap with an old key that is still in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StillInUse {
    /// Keep it active, and report it in each run.
    Wait,
    /// Deactivate it anyway.
    Retire,
}

words!(StillInUse, "a rule for keys still in use", "wait or retire", {
    "wait" => Self::Wait,
    "retire" => Self::Retire,
});

/// What to do with a user with only inactive keys. Often an administrator deactivated them on purpose, after an
/// incident or because a person has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DisabledUsers {
    /// Report the user, and touch none of its keys.
    Skip,
    /// Create a key and deliver it, as the published article does.
    Replace,
}

words!(DisabledUsers, "a rule for users without an active key", "skip or replace", {
    "skip" => Self::Skip,
    "replace" => Self::Replace,
});

/// How long an active key may be unused. CIS AWS Foundations (1.12) and Security Hub (IAM.22) allow 45 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnusedAfter {
    /// As long as it is not due.
    Never,
    /// For this time after its last use; then it is deactivated.
    After(Span),
}

word_or_span!(
    UnusedAfter,
    "a time without use",
    "a whole number with d, h, m or s, such as 45d; or never",
    "never" => Never,
    After,
    |span| *span > Span::ZERO
);

/// The shortest time between the notice that an unused key will be deactivated and its deactivation.
pub const DISUSE_NOTICE: Span = Span::days(7);

/// How long an old key that is still in use stays active.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MaxWait {
    /// Until it is no longer in use.
    Forever,
    /// For this time after the overlap; then it is deactivated anyway.
    AtMost(Span),
}

word_or_span!(
    MaxWait,
    "a time to wait",
    "a whole number with d, h, m or s, such as 30d; 0; or forever",
    "forever" => Forever,
    AtMost
);

/// What scheduled runs do for a user while neither its owner nor an administrator has confirmed a subscription. Until
/// then SNS delivers no notice, although it accepts each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnconfirmedRecipients {
    /// They begin no rotation, deactivate no key, and note nothing as told.
    Hold,
    /// They rotate as usual, and what was published counts as told.
    Proceed,
}

words!(UnconfirmedRecipients, "a rule for unconfirmed recipients", "hold or proceed", {
    "hold" => Self::Hold,
    "proceed" => Self::Proceed,
});

/// How a new secret reaches its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// As a version of a secret in Secrets Manager. The mail only says that it was stored.
    SecretsManager,
    /// In the mail, in clear text, as in the published article.
    Email,
    /// In the mail, encrypted to the recipient's public keys.
    EmailEncrypted,
}

words!(Delivery, "a delivery", "secrets-manager, email or email-encrypted", {
    "secrets-manager" => Self::SecretsManager,
    "email" => Self::Email,
    "email-encrypted" => Self::EmailEncrypted,
});

impl Delivery {
    /// Whether the secret is in the mail, encrypted or not.
    #[must_use]
    pub const fn is_mail(self) -> bool {
        matches!(self, Self::Email | Self::EmailEncrypted)
    }
}

impl Policy {
    /// Whether the old key is no longer in use: not since its successor was delivered, or not for the required idle
    /// time. Until a workload has the successor it uses the old key; that must not keep the old key for ever.
    pub(super) fn is_unused(&self, use_: &LastUse, delivered: Timestamp, now: Timestamp) -> bool {
        match use_ {
            LastUse::Used { at, .. } if *at <= delivered => true,
            use_ => self.is_idle(use_, now),
        }
    }

    /// Whether the key was not used for the required idle time.
    pub(super) fn is_idle(&self, use_: &LastUse, now: Timestamp) -> bool {
        match use_ {
            LastUse::Never => true,
            LastUse::Used { at, .. } => now >= *at + self.required_idle_time(),
            LastUse::Unknown => false,
        }
    }

    /// Whether an old key is deactivated as soon as there is a younger one, in use or not: the published article's
    /// way.
    #[must_use]
    pub fn acts_at_once(&self) -> bool {
        self.overlap == Span::ZERO && self.still_in_use == StillInUse::Retire
    }

    /// How long before its deactivation the owner of an unused key is told.
    #[must_use]
    pub fn disuse_notice(&self) -> Span {
        self.overlap.max(DISUSE_NOTICE)
    }

    /// How long an old key must be unused, if it was used after its successor was delivered. This is the overlap, but
    /// at least a day, because some work runs once a day. One more day is added, because IAM's record of a use can be
    /// hours late.
    #[must_use]
    pub fn required_idle_time(&self) -> Span {
        Self::required_idle_time_after(self.overlap)
    }

    /// [`Policy::required_idle_time`] for this overlap.
    #[must_use]
    pub fn required_idle_time_after(overlap: Span) -> Span {
        overlap.max(Span::days(1)) + Span::days(1)
    }

    /// Whether the owner of a key that is unused since then must be told, or has been told, that it will be deactivated.
    pub(crate) fn warns_of_disuse(&self, since: Timestamp, now: Timestamp) -> bool {
        match self.unused_after {
            UnusedAfter::Never => false,
            UnusedAfter::After(limit) => now >= (since + limit).before(self.disuse_notice()),
        }
    }

    /// Whether the owner must be warned now that the key will be replaced. Once the key is due, it is too late for a
    /// warning.
    pub(super) fn warns_of(&self, key: &Key, now: Timestamp) -> bool {
        let due = key.created + self.rotate_after;
        (due.before(self.warn_before)..due).contains(&now)
    }
}

#[cfg(test)]
impl Policy {
    /// A policy for unit tests, which replace what they are about.
    pub(crate) fn for_tests() -> Self {
        Self {
            rotate_after: Span::days(60),
            overlap: Span::days(7),
            delete_after: DeleteAfter::NextRotation,
            still_in_use: StillInUse::Wait,
            wait_at_most: MaxWait::Forever,
            disabled_users: DisabledUsers::Skip,
            unused_after: UnusedAfter::Never,
            unconfirmed_recipients: UnconfirmedRecipients::Hold,
            delivery: Delivery::SecretsManager,
            warn_before: Span::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_up_to_the_delivery_counts_as_none_and_a_later_one_must_be_idle() {
        let (policy, delivered) = (Policy::for_tests(), Timestamp::from_unix(1_000_000));
        let used = |at| LastUse::Used { at, service: "s3".into(), region: "eu-west-1".into() };
        let idle = policy.required_idle_time();
        let later = delivered + Span::seconds(1);
        for (last_use, now, unused) in [
            (LastUse::Never, delivered, true),
            (LastUse::Unknown, later + idle, false),
            (used(delivered.before(Span::days(1))), delivered, true),
            (used(delivered), delivered, true),
            (used(later), delivered + idle, false),
            (used(later), later + idle, true),
        ] {
            assert_eq!(policy.is_unused(&last_use, delivered, now), unused, "{last_use:?} at {now}");
        }
    }

    #[test]
    fn only_without_an_overlap_and_without_waiting_an_old_key_goes_at_once() {
        for (overlap, still_in_use, at_once) in [
            (Span::ZERO, StillInUse::Retire, true),
            (Span::ZERO, StillInUse::Wait, false),
            (Span::seconds(1), StillInUse::Retire, false),
            (Span::days(7), StillInUse::Wait, false),
        ] {
            let policy = Policy { overlap, still_in_use, ..Policy::for_tests() };
            assert_eq!(policy.acts_at_once(), at_once, "{overlap} {still_in_use:?}");
        }
    }
}
