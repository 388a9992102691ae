//! What is wrong with the credentials of root or a user.

use std::{fmt, str::FromStr};

use lambda::model::{
    access_key::LastUse,
    parse_error::ParseError,
    time::{Span, Timestamp},
};

use super::{
    Limits,
    holder::{Console, HeldKey, Holder, Identity},
};

/// A finding about one holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// Root has an access key.
    RootKey {
        /// The position of the key in [`Holder::keys`].
        key: usize,
    },
    /// A user has a console password without a second factor.
    NoMfa,
    /// The credential report shows something that this program cannot read.
    Unreadable,
    /// An active key was never used, and it is older than the limit.
    NeverUsed {
        /// The position of the key.
        key: usize,
    },
    /// An active key has not been used for longer than the limit.
    Unused {
        /// The position of the key.
        key: usize,
        /// How long it has not been used.
        span: Span,
    },
    /// An active key is older than the limit.
    Old {
        /// The position of the key.
        key: usize,
        /// The age.
        age: Span,
    },
    /// A user has two active keys.
    TwoActive,
    /// A key is inactive and was never deleted.
    Inactive {
        /// The position of the key.
        key: usize,
    },
}

/// The kind of a finding: what `--fail-on` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingKind {
    /// See [`Finding::RootKey`].
    RootKey,
    /// See [`Finding::NoMfa`].
    NoMfa,
    /// See [`Finding::Unreadable`].
    Unreadable,
    /// See [`Finding::NeverUsed`].
    NeverUsed,
    /// See [`Finding::Unused`].
    Unused,
    /// See [`Finding::Old`].
    Old,
    /// See [`Finding::TwoActive`].
    TwoActive,
    /// See [`Finding::Inactive`].
    Inactive,
}

impl FindingKind {
    /// All kinds, the worst first.
    pub const ALL: [Self; 8] = [
        Self::RootKey,
        Self::NoMfa,
        Self::Unreadable,
        Self::NeverUsed,
        Self::Unused,
        Self::Old,
        Self::TwoActive,
        Self::Inactive,
    ];

    /// The name in tables, in JSON and for `--fail-on`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RootKey => "root-key",
            Self::NoMfa => "no-mfa",
            Self::Unreadable => "unreadable",
            Self::NeverUsed => "never-used",
            Self::Unused => "unused",
            Self::Old => "old",
            Self::TwoActive => "two-active",
            Self::Inactive => "inactive",
        }
    }

    /// The position in [`Self::ALL`]: 0 is the worst.
    #[must_use]
    pub fn rank(self) -> usize {
        Self::ALL.iter().position(|kind| *kind == self).unwrap_or(Self::ALL.len())
    }

    /// What a finding of this kind means, as a sentence without a full stop.
    #[must_use]
    pub fn meaning(self, limits: Limits) -> String {
        let Limits { max_age, unused } = limits;
        match self {
            Self::RootKey => "root has an access key, which nothing can limit".to_owned(),
            Self::NoMfa => "the user can sign in to the console with a password alone".to_owned(),
            Self::Unreadable => "the credential report cannot be read for this user".to_owned(),
            Self::NeverUsed => format!("an active key was never used and is {unused} old or older"),
            Self::Unused => format!("an active key has not been used for {unused} or longer"),
            Self::Old => format!("an active key is {max_age} old or older"),
            Self::TwoActive => "both keys of the user are active".to_owned(),
            Self::Inactive => "a key is inactive and was never deleted".to_owned(),
        }
    }

    /// What to do about it, as an imperative sentence without a full stop.
    #[must_use]
    pub const fn suggestion(self) -> &'static str {
        match self {
            Self::RootKey => "delete the key; use a role, or a user with few permissions",
            Self::NoMfa => "require a second factor, or remove the password",
            Self::Unreadable => "look at the user in the IAM console",
            Self::NeverUsed => "deactivate the key; delete it when nothing fails",
            Self::Unused => "deactivate the key; delete it when nothing fails; use a role where you can",
            Self::Old => "use a role, or let this project rotate it: add the user to rotation.yaml",
            Self::TwoActive => "find out which one is in use; deactivate the other",
            Self::Inactive => "delete the key",
        }
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for FindingKind {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let named = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        named.ok_or_else(|| ParseError {
            value: text.to_owned(),
            what: "a kind of finding",
            allowed: "root-key, no-mfa, unreadable, never-used, unused, old, two-active or inactive",
        })
    }
}

impl Finding {
    /// The kind of the finding.
    #[must_use]
    pub const fn kind(self) -> FindingKind {
        match self {
            Self::RootKey { .. } => FindingKind::RootKey,
            Self::NoMfa => FindingKind::NoMfa,
            Self::Unreadable => FindingKind::Unreadable,
            Self::NeverUsed { .. } => FindingKind::NeverUsed,
            Self::Unused { .. } => FindingKind::Unused,
            Self::Old { .. } => FindingKind::Old,
            Self::TwoActive => FindingKind::TwoActive,
            Self::Inactive { .. } => FindingKind::Inactive,
        }
    }

    /// The position of the key that it is about. `None` if it is about the holder.
    #[must_use]
    pub const fn key(self) -> Option<usize> {
        match self {
            Self::RootKey { key }
            | Self::NeverUsed { key }
            | Self::Unused { key, .. }
            | Self::Old { key, .. }
            | Self::Inactive { key } => Some(key),
            Self::NoMfa | Self::Unreadable | Self::TwoActive => None,
        }
    }
}

/// What is wrong with the credentials of a holder, the worst first.
#[must_use]
pub fn findings(holder: &Holder, limits: Limits, now: Timestamp) -> Vec<Finding> {
    let is_root = holder.identity == Identity::Root;
    let mut all = Vec::new();
    if holder.console == Console::PasswordOnly {
        all.push(Finding::NoMfa);
    }
    if holder.unread.is_some() {
        all.push(Finding::Unreadable);
    }
    if holder.keys.iter().filter(|key| key.is_active()).count() > 1 {
        all.push(Finding::TwoActive);
    }
    for (at, key) in holder.keys.iter().enumerate() {
        if is_root {
            all.push(Finding::RootKey { key: at });
        }
        all.extend(about(key, at, limits, now));
    }
    all.sort_by_key(|finding| (finding.kind(), finding.key()));
    all
}

fn about(key: &HeldKey, at: usize, limits: Limits, now: Timestamp) -> Vec<Finding> {
    if !key.is_active() {
        return vec![Finding::Inactive { key: at }];
    }
    let idle = key.unused_for(now).filter(|idle| *idle >= limits.unused);
    let idle = idle.map(|span| match key.last_use {
        LastUse::Never => Finding::NeverUsed { key: at },
        _ => Finding::Unused { key: at, span },
    });
    let age = key.age(now);
    idle.into_iter().chain((age >= limits.max_age).then_some(Finding::Old { key: at, age })).collect()
}
