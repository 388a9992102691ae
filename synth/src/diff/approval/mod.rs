//! Decides which changes need approval, and why, and identifies the approved change by its fingerprint. Pure.

mod fingerprint;

use std::fmt;

pub use crate::diff::approval::fingerprint::Fingerprint;
use crate::{
    diff::{Diff, Impact},
    iam::compare::Verdict,
};

/// A kind of change that needs approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concern {
    /// The change allows something new, or it cannot be proved that it does not.
    Broader,
    /// A resource is replaced, or may be replaced.
    Replace,
    /// A resource is deleted from the account.
    Delete,
}

/// A reason why a change needs approval. A change with an unknown effect needs approval too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApprovalReason {
    /// The policies allow more than before.
    AllowsMore,
    /// It is unknown whether the policies allow more than before.
    MayAllowMore,
    /// The change is in a part that is not compared.
    NotKnown,
    /// Others can read new keys.
    OthersRead,
    /// Others get notices or alarms.
    OthersNotified,
    /// More keys are rotated, or others decide how.
    OthersRotated,
    /// Keys are replaced, deactivated or deleted earlier than before.
    KeysEndEarlier,
    /// A resource is replaced.
    Replaces,
    /// A resource may be replaced. Only AWS knows.
    MayReplace,
    /// A resource is deleted.
    Deletes,
}

impl ApprovalReason {
    /// The kind of change that the reason belongs to.
    #[must_use]
    pub const fn concern(self) -> Concern {
        match self {
            Self::AllowsMore
            | Self::MayAllowMore
            | Self::NotKnown
            | Self::OthersRead
            | Self::OthersNotified
            | Self::OthersRotated
            | Self::KeysEndEarlier => Concern::Broader,
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
            Self::NotKnown => "what it does is not known",
            Self::OthersRead => "it lets others read new keys",
            Self::OthersNotified => "it sends notices or alarms to others",
            Self::OthersRotated => "it rotates more keys, or lets others decide how",
            Self::KeysEndEarlier => "it replaces, deactivates or deletes keys earlier",
            Self::Replaces => "it replaces a resource",
            Self::MayReplace => "it may replace a resource",
            Self::Deletes => "it deletes a resource",
        })
    }
}

/// The approval that a change needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// The reasons for the approval. There is at least one.
    pub reasons: Vec<ApprovalReason>,
    /// The fingerprint of the change. An approval names it, and an approval of another change does not count.
    pub fingerprint: Fingerprint,
}

impl Approval {
    /// The approval that a change needs. `None` if it needs none.
    #[must_use]
    pub fn needed(diff: &Diff) -> Option<Self> {
        let any = |impact| diff.resources.iter().any(|resource| resource.impact == impact);
        // The verdict as a whole is also unknown if a change is that has nothing to do with permissions.
        let places = diff.iam.places.iter().map(|place| place.comparison.verdict());
        let broader = match places.fold(Verdict::None, Verdict::and) {
            Verdict::Broader => Some(ApprovalReason::AllowsMore),
            Verdict::Unknown => Some(ApprovalReason::MayAllowMore),
            Verdict::None | Verdict::Equivalent | Verdict::Narrower => None,
        };
        let not_known = (!diff.unknown.is_empty()).then_some(ApprovalReason::NotKnown);
        let new_readers = (!diff.new_readers.is_empty()).then_some(ApprovalReason::OthersRead);
        let newly_notified = (!diff.newly_notified.is_empty()).then_some(ApprovalReason::OthersNotified);
        let newly_rotated = (!diff.newly_rotated.is_empty()).then_some(ApprovalReason::OthersRotated);
        let earlier = (!diff.earlier.is_empty()).then_some(ApprovalReason::KeysEndEarlier);
        let replaces = any(Impact::Replaces).then_some(ApprovalReason::Replaces).or_else(|| {
            // The impact of the whole diff counts too, because a macro rewrites resources.
            (any(Impact::MayReplace) || diff.impact() == Impact::MayReplace).then_some(ApprovalReason::MayReplace)
        });
        let deletes = any(Impact::Deletes).then_some(ApprovalReason::Deletes);
        let reasons: Vec<ApprovalReason> =
            [broader, not_known, new_readers, newly_notified, newly_rotated, earlier, replaces, deletes]
                .into_iter()
                .flatten()
                .collect();
        (!reasons.is_empty()).then_some(Self { reasons, fingerprint: diff.fingerprint })
    }

    /// This approval for the change together with a handler's package, which has this SHA-256.
    #[must_use]
    pub fn with_package(self, sha256: &str) -> Self {
        Self { fingerprint: self.fingerprint.with_package(sha256), ..self }
    }

    /// The reasons as one sentence without a full stop.
    #[must_use]
    pub fn because(&self) -> String {
        because(&self.reasons)
    }
}

/// Some reasons as one sentence without a full stop.
#[must_use]
pub fn because(reasons: &[ApprovalReason]) -> String {
    let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
    format!("The change needs approval: {}", reasons.join("; "))
}
