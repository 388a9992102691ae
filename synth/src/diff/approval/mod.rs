//! Which changes need somebody's approval, why, and the name that an approval gives one. Pure.

mod fingerprint;

use std::fmt;

pub use crate::diff::approval::fingerprint::Fingerprint;
use crate::{
    diff::{Diff, Impact},
    iam::compare::Verdict,
};

/// What a careful team wants to be asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concern {
    /// Something is allowed that was not, or that cannot be ruled out.
    Broader,
    /// A resource is replaced, or may be.
    Replace,
    /// A resource is deleted, not merely left behind.
    Delete,
}

/// Why a change needs approval. Where the answer is not known, a careful team wants to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApprovalReason {
    /// More is allowed than before.
    AllowsMore,
    /// Whether more is allowed cannot be told.
    MayAllowMore,
    /// Somebody else gets to read new keys.
    OthersRead,
    /// Somebody else is rotated, or says how.
    OthersRotated,
    /// A resource is replaced.
    Replaces,
    /// Whether a resource is replaced, only AWS knows.
    MayReplace,
    /// A resource is deleted.
    Deletes,
}

impl ApprovalReason {
    /// What it is a matter of.
    #[must_use]
    pub const fn concern(self) -> Concern {
        match self {
            Self::AllowsMore | Self::MayAllowMore | Self::OthersRead | Self::OthersRotated => Concern::Broader,
            Self::Replaces | Self::MayReplace => Concern::Replace,
            Self::Deletes => Concern::Delete,
        }
    }
}

impl fmt::Display for ApprovalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AllowsMore => "it allows more than before",
            Self::MayAllowMore => "it may allow more than before",
            Self::OthersRead => "somebody else gets to read new keys",
            Self::OthersRotated => "somebody else is rotated, or says how",
            Self::Replaces => "it replaces a resource",
            Self::MayReplace => "it may replace a resource",
            Self::Deletes => "it deletes a resource",
        })
    }
}

/// The approval that a change needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// Why, at least one.
    pub reasons: Vec<ApprovalReason>,
    /// The change that is to be approved. Who approves, names it; an approval of another is none.
    pub fingerprint: Fingerprint,
}

impl Approval {
    /// The approval that a change needs, if it needs one.
    #[must_use]
    pub fn needed(diff: &Diff) -> Option<Self> {
        let any = |impact| diff.resources.iter().any(|resource| resource.impact == impact);
        let broader = match diff.iam.verdict {
            Verdict::Broader => Some(ApprovalReason::AllowsMore),
            Verdict::Unknown => Some(ApprovalReason::MayAllowMore),
            Verdict::None | Verdict::Equivalent | Verdict::Narrower => None,
        };
        let readers = (!diff.readers.is_empty()).then_some(ApprovalReason::OthersRead);
        let choice = (!diff.choice.is_empty()).then_some(ApprovalReason::OthersRotated);
        let replaces = any(Impact::Replaces).then_some(ApprovalReason::Replaces).or_else(|| {
            // Of the whole, too: a macro writes resources anew.
            (any(Impact::MayReplace) || diff.impact() == Impact::MayReplace).then_some(ApprovalReason::MayReplace)
        });
        let deletes = any(Impact::Deletes).then_some(ApprovalReason::Deletes);
        let reasons: Vec<ApprovalReason> =
            [broader, readers, choice, replaces, deletes].into_iter().flatten().collect();
        (!reasons.is_empty()).then_some(Self { reasons, fingerprint: diff.fingerprint })
    }

    /// Why, as one sentence without a full stop.
    #[must_use]
    pub fn because(&self) -> String {
        because(&self.reasons)
    }
}

/// Some reasons as one sentence without a full stop.
#[must_use]
pub fn because(reasons: &[ApprovalReason]) -> String {
    let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
    format!("The change needs somebody's approval: {}", reasons.join("; "))
}
