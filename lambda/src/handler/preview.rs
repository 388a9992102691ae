//! What a run of a stack would do, before the stack is deployed: the run's own code as a dry run, with the permissions of
//! the caller.

use std::collections::BTreeMap;

use crate::{
    contract::{event::RunRequest, settings::Settings},
    handler::{
        aws_api::Aws,
        dry_run::DryRun,
        invocation::{Invocation, carry_out},
        load_users::{AccountLists, LoadUsersError, select},
    },
    model::time::Timestamp,
    protocol::{call::Call, call_error::CallError},
    report::run_report::RunReport,
    selection::routing::ConfirmedAddresses,
};

/// Whether the topic of the settings exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopicState {
    /// The stack is deployed, and its topic has subscriptions.
    Deployed,
    /// The topic has only the ARN that it is expected to get.
    Planned,
}

/// Why there is no preview. Then nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PreviewError {
    /// AWS denied reads to the caller. Holds each action, such as `iam:ListAccessKeys`, with AWS's first message about it.
    #[error("AWS denied {}", .0.keys().map(String::as_str).collect::<Vec<_>>().join(", "))]
    Denied(BTreeMap<String, String>),
    /// The users of a run cannot be determined.
    #[error(transparent)]
    Load(LoadUsersError),
    /// The subscriptions to the topic could not be read.
    #[error("the subscriptions to the topic could not be listed: {0}; run the command again")]
    Subscriptions(#[source] CallError),
}

impl PreviewError {
    fn denied(action: String, failure: &CallError) -> Self {
        Self::Denied([(action, failure.message.clone())].into())
    }

    fn of_users(error: LoadUsersError) -> Self {
        match &error {
            LoadUsersError::UsersNotListed { operation, failure } if failure.code.is_denial() => {
                Self::denied(format!("iam:{operation}"), failure)
            }
            _ => Self::Load(error),
        }
    }

    fn of_subscriptions(failure: CallError) -> Self {
        if failure.code.is_denial() {
            Self::denied(Call::ListSubscriptionsByTopic.action(), &failure)
        } else {
            Self::Subscriptions(failure)
        }
    }
}

/// What a scheduled run of a stack with these settings would do until this time, by what the caller may read. Nothing is
/// changed or logged.
///
/// The recipients count as confirmed, whether they are or not. The report names those who are not.
///
/// # Errors
/// [`PreviewError`] if AWS denies a read. The report would not show what a run does.
pub async fn preview(
    aws: &(impl Aws + AccountLists),
    settings: &Settings,
    topic: TopicState,
    stack: &str,
    ends: Timestamp,
) -> Result<RunReport, PreviewError> {
    const RUN: &str = "preview";
    let event = serde_json::json!({ "dry_run": true });
    let request = RunRequest::read(event, RUN).map_err(|e| PreviewError::Load(e.into()))?;
    let manager = settings.manager(stack).map_err(|e| PreviewError::Load(LoadUsersError::Function(e)))?;
    let fleet = select(aws, settings, &request, &manager, Timestamp::now()).await.map_err(PreviewError::of_users)?;
    let dry_run = DryRun::with_confirmed(aws, settings.all_confirmed());
    let invocation = Invocation { request: RUN, function: stack, ends, log: |_| () };
    let mut report = carry_out(&dry_run, settings, &request, manager, fleet, invocation).await;
    let denied = dry_run.denied();
    if !denied.is_empty() {
        return Err(PreviewError::Denied(denied));
    }
    let confirmed = match topic {
        TopicState::Planned => ConfirmedAddresses::default(),
        TopicState::Deployed => {
            aws.confirmed_addresses(&settings.topic).await.map_err(PreviewError::of_subscriptions)?
        }
    };
    report.unconfirmed = settings.unconfirmed(&confirmed);
    report.summary.unconfirmed = Some(report.unconfirmed.len());
    Ok(report)
}
