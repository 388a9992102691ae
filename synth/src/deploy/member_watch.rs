//! Polls the operations of a StackSet while they run, and returns what is new.

use std::{collections::BTreeSet, time::Duration};

use lambda::model::time::Timestamp;
use tokio::time::Instant;

use crate::deploy::{
    aws::{AwsError, stack_sets::StackSet},
    member_operation::{MemberOperation, OperationPhase},
    organization_progress::{OrganizationOutcome, OrganizationProgress, OrganizationUpdate},
};

/// The time between two polls. An operation takes minutes, and with a thousand accounts a poll takes ten calls.
const BETWEEN_POLLS: Duration = Duration::from_secs(5);

/// The operations of a StackSet that were requested since a moment, or that had not ended by then.
#[derive(Debug)]
pub struct MemberWatch {
    set: StackSet,
    since: Timestamp,
    polled: Option<Instant>,
    ended: BTreeSet<String>,
    progress: Option<OrganizationProgress>,
    outcomes: Vec<OrganizationOutcome>,
}

impl MemberWatch {
    /// The name of the StackSet.
    #[must_use]
    pub fn stack_set(&self) -> &str {
        self.set.name()
    }

    /// Watches a StackSet from this moment.
    #[must_use]
    pub const fn of(set: StackSet, since: Timestamp) -> Self {
        Self { set, since, polled: None, ended: BTreeSet::new(), progress: None, outcomes: Vec::new() }
    }

    /// The StackSet.
    #[must_use]
    pub const fn set(&self) -> &StackSet {
        &self.set
    }

    /// Polls, unless the last poll was a moment ago. Returns what is new.
    ///
    /// # Errors
    /// [`AwsError`] if the operations cannot be read.
    pub async fn poll_if_due(&mut self) -> Result<Vec<OrganizationUpdate>, AwsError> {
        if self.polled.is_some_and(|polled| polled.elapsed() < BETWEEN_POLLS) {
            return Ok(Vec::new());
        }
        self.polled = Some(Instant::now());
        self.poll().await
    }

    /// Reads the operation that runs, and each that has ended since the last poll. Returns what is new.
    ///
    /// # Errors
    /// [`AwsError`] if the operations cannot be read.
    pub async fn poll(&mut self) -> Result<Vec<OrganizationUpdate>, AwsError> {
        let mut news = Vec::new();
        let mut operations = self.set.operations().await?;
        // The oldest first. An operation that waits for others is of interest only if no other runs.
        operations.sort_by_key(|operation| (operation.phase == OperationPhase::Queued, operation.requested));
        for operation in operations.into_iter().filter(|operation| self.concerns(operation)).collect::<Vec<_>>() {
            let results = self.set.results(&operation.id).await?;
            let has_ended = operation.phase.has_ended();
            let known = self.progress.take().filter(|progress| progress.id() == operation.id);
            let mut progress = known.unwrap_or_else(|| OrganizationProgress::of(operation.clone()));
            news.extend(progress.learn(operation, results));
            self.outcomes.extend(progress.outcome());
            if has_ended {
                self.ended.insert(progress.id().to_owned());
                continue;
            }
            self.progress = Some(progress);
            break;
        }
        Ok(news)
    }

    fn concerns(&self, operation: &MemberOperation) -> bool {
        let is_new = operation.requested >= self.since && !self.ended.contains(&operation.id);
        // An operation that was seen to run may be older than the watch, or AWS's clock may be behind this one.
        let was_running = self.progress.as_ref().is_some_and(|progress| progress.id() == operation.id);
        is_new || was_running || !operation.phase.has_ended()
    }

    /// Whether an operation runs, as of the last poll.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        self.progress.is_some()
    }

    /// What runs now, in one line of text.
    #[must_use]
    pub fn summary(&self) -> Option<String> {
        self.progress.as_ref().map(OrganizationProgress::summary)
    }

    /// The end of the last operation that has ended. `None` if none has.
    #[must_use]
    pub fn last_outcome(&self) -> Option<&OrganizationOutcome> {
        self.outcomes.last()
    }
}
