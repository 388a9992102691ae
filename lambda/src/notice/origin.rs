//! Where a notice comes from.

use crate::{
    contract::topic_arn::TopicArn,
    protocol::{journal::RunId, run::Run},
};

/// The account, the Region, the stack and the run that a notice comes from.
#[derive(Debug, Clone, Copy)]
pub struct NoticeOrigin<'a> {
    /// The id of the account, twelve digits.
    pub account: &'a str,
    /// The Region of the stack. IAM users have no Region.
    pub region: &'a str,
    /// The name of the stack, which is also the name of its function.
    pub stack: &'a str,
    /// The id of the run.
    pub run: &'a RunId,
}

impl<'a> NoticeOrigin<'a> {
    /// The origin of the notices of a run, for the stack with this topic.
    #[must_use]
    pub fn of(topic: &'a TopicArn, run: &'a Run) -> Self {
        Self { account: topic.account(), region: topic.region(), stack: run.manager.stack(), run: &run.id }
    }

    /// A command of the repository for this stack, such as `make undo USERS='alice' REGION='eu-west-1'`.
    pub(super) fn make(&self, target: &str) -> String {
        format!("make {target} REGION='{}'", self.region)
    }
}
