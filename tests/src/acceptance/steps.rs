//! The steps of a run, in their order, and what each is expected to show. Pure.

use super::results::RowKind;

/// One step of a run: one row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Users,
    KeyDelay,
    ResourceTag,
    NameCase,
    Deploy,
    Recipient,
    FirstRun,
    DryRun,
    TwoRuns,
    Rotate,
    Notice,
    OwnSecret,
    Overlap,
    Retire,
    Undo,
    Revoke,
    Update,
    Denied,
    LastUse,
    Destroy,
    PendingSubscription,
    CleanUp,
}

impl Step {
    /// All steps, in their order. The last is done by the clean-up, also after a failure.
    pub(super) const ALL: [Self; 22] = [
        Self::Users,
        Self::KeyDelay,
        Self::ResourceTag,
        Self::NameCase,
        Self::Deploy,
        Self::Recipient,
        Self::FirstRun,
        Self::DryRun,
        Self::TwoRuns,
        Self::Rotate,
        Self::Notice,
        Self::OwnSecret,
        Self::Overlap,
        Self::Retire,
        Self::Undo,
        Self::Revoke,
        Self::Update,
        Self::Denied,
        Self::LastUse,
        Self::Destroy,
        Self::PendingSubscription,
        Self::CleanUp,
    ];

    pub(super) fn kind(self) -> RowKind {
        match self {
            Self::KeyDelay
            | Self::ResourceTag
            | Self::NameCase
            | Self::FirstRun
            | Self::LastUse
            | Self::PendingSubscription => RowKind::Observation,
            _ => RowKind::Check,
        }
    }

    /// Whether a run has no sense without it.
    pub(super) fn is_vital(self) -> bool {
        matches!(self, Self::Users | Self::Deploy | Self::Recipient)
    }

    /// What AWS is expected to do, or the question about it.
    pub(super) fn expectation(self) -> &'static str {
        match self {
            Self::Users => "Two users are created, each with one access key.",
            Self::KeyDelay => "How long does AWS refuse a new access key?",
            Self::ResourceTag => "Is aws:ResourceTag evaluated for GetAccessKeyLastUsed?",
            Self::NameCase => "Does IAM find a user by its name in another case?",
            Self::Deploy => "One command creates the artifact stack and the rotation stack.",
            Self::Recipient => "One recipient of notices is confirmed.",
            Self::FirstRun => "Does a rate(…) schedule fire as soon as it exists?",
            Self::DryRun => "A dry run changes no key, no tag and no secret.",
            Self::TwoRuns => "Of two rotations at once, exactly one creates a successor.",
            Self::Rotate => "A rotation puts a new key into the secret, and AWS accepts the key.",
            Self::Notice => "The notice about the new key arrives.",
            Self::OwnSecret => "The new key reads its own secret and no other.",
            Self::Overlap => "During the overlap, both keys work.",
            Self::Retire => "After the overlap, the next run deactivates the old key.",
            Self::Undo => "After undo, the old key works again.",
            Self::Revoke => "A revoked key is refused, and its user has another one.",
            Self::Update => "An update of the stack takes effect; the same deployment again changes nothing.",
            Self::Denied => "If the topic's policy denies publishing, the run reports it and touches no key.",
            Self::LastUse => "How late does GetAccessKeyLastUsed show a use?",
            Self::Destroy => "The stack is deleted; the users, their keys and their secrets stay.",
            Self::PendingSubscription => "Are unconfirmed subscriptions deleted together with their topic?",
            Self::CleanUp => "The clean-up leaves nothing.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_has_its_row_and_questions_are_observations() {
        for (place, step) in Step::ALL.iter().enumerate() {
            assert_eq!(*step as usize, place, "{step:?} is in its place");
            assert_eq!(step.expectation().ends_with('?'), step.kind() == RowKind::Observation, "{step:?}");
            assert!(!step.is_vital() || step.kind() == RowKind::Check, "an observation ends no run: {step:?}");
        }
    }
}
