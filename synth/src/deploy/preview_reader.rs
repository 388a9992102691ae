//! What a run of a configuration would do, before the configuration is deployed. It is the handler's own dry run, with the
//! deployer's credentials and the settings of the new template.

use lambda::{
    contract::{list_scope::ListScope, settings::SettingError},
    handler::preview::{self, PreviewError, TopicState},
    model::time::Timestamp,
    protocol::stop_reason::StopReason,
    report::run_report::{KeyChange, UserReport},
};
use serde_json::{Value as Json, json};

use crate::{
    deploy::{
        aws::{AwsError, Session},
        interrupt::{Interrupt, Interrupted},
        received_report::ReceivedReport,
        rotation_plan::RotationPlan,
        run_preview::RunPreview,
        user_outlook::UserOutlook,
    },
    screen::counted,
    stack::planned_handler::{PlannedHandler, schedule},
};

/// The stack that a preview is about.
#[derive(Debug, Clone, Copy)]
pub struct PlannedStack<'t> {
    /// The name of the stack.
    pub name: &'t str,
    /// The template that would be deployed, in its canonical form.
    pub template: &'t Json,
    /// The ARN of the topic. `None` if the stack is not deployed.
    pub topic: Option<&'t str>,
}

/// The reason why there is no preview.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunPreviewError {
    /// The caller lacks a permission to read.
    #[error(transparent)]
    Denied(AwsError),
    /// The users or the subscriptions could not be read for another reason.
    #[error(transparent)]
    Unread(PreviewError),
    /// The template has a setting that the handler would refuse.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// The report is not in the form that this program reads.
    #[error("the report cannot be read: {0}; this is a fault of synth: report it")]
    Report(String),
}

impl From<PreviewError> for RunPreviewError {
    fn from(error: PreviewError) -> Self {
        let PreviewError::Denied(denied) = error else { return Self::Unread(error) };
        let actions: Vec<_> = denied.keys().map(String::as_str).collect();
        let doing = format!("read what a run would find ({})", actions.join(", "));
        Self::Denied(AwsError::Denied { doing, message: denied.into_values().next().unwrap_or_default() })
    }
}

/// Reads what a run of the stack would find, and shows what it would do. `watch` gets a line about the progress.
///
/// # Errors
/// [`Interrupted`] if the process was asked to stop. [`RunPreviewError`] if there is no preview.
pub async fn preview(
    session: &Session,
    stack: PlannedStack<'_>,
    interrupt: &Interrupt,
    mut watch: impl FnMut(Option<String>),
) -> Result<Result<RunPreview, RunPreviewError>, Interrupted> {
    let planned = stack.topic.map_or_else(|| planned_topic(session, stack.name), str::to_owned);
    let handler = match PlannedHandler::read(stack.template, &planned) {
        Ok(handler) => handler,
        Err(error) => return Ok(Err(error.into())),
    };
    watch(Some(what_is_read(&handler)));
    let read = tokio::select! {
        read = read(session, stack, &handler) => Ok(read),
        interrupted = interrupt.pressed() => Err(interrupted),
    };
    watch(None);
    read
}

/// The ARN that the topic of a new stack gets, but for its last random letters.
fn planned_topic(session: &Session, stack: &str) -> String {
    let (Session { region, account, .. }, partition) = (session, session.partition());
    format!("arn:{partition}:sns:{region}:{account}:{stack}-NotificationTopic")
}

fn what_is_read(handler: &PlannedHandler) -> String {
    match (handler.settings.list_scope(), handler.settings.users.len()) {
        (ListScope::Account, _) => "Reading the users of the account and their keys".to_owned(),
        (ListScope::Users, users) => format!("Reading the keys of {}", counted(users, "user")),
    }
}

async fn read(
    session: &Session,
    stack: PlannedStack<'_>,
    handler: &PlannedHandler,
) -> Result<RunPreview, RunPreviewError> {
    let PlannedHandler { settings, timeout } = handler;
    let topic = stack.topic.map_or(TopicState::Planned, |_| TopicState::Deployed);
    let ends = Timestamp::now() + *timeout;
    let report = preview::preview(&session.handler(), settings, topic, stack.name, ends).await?;
    let is_due = |user: &&UserReport| {
        let is_replaced = |change: &KeyChange| matches!(change, KeyChange::Created { .. });
        user.done.iter().any(is_replaced) || user.rest == StopReason::OutOfTime
    };
    let due = report.users.iter().filter(is_due).count();
    Ok(RunPreview {
        stack: stack.name.to_owned(),
        account: session.account.clone(),
        region: session.region.clone(),
        users: report.users.iter().map(UserOutlook::from).collect(),
        selected: report.summary.users,
        plan: schedule(stack.template).and_then(|schedule| RotationPlan::new(due, *timeout, &schedule)),
        report: ReceivedReport::read(json!(report)).map_err(|e| RunPreviewError::Report(e.to_string()))?,
        keys_before: None,
    })
}

/// The preview of a changed stack, with the number of keys that the next run changes as long as the stack is not changed. The
/// handler reads little for that: a few lists, and the keys for which something can be due. Without this template, or if
/// nothing can be read, that number is unknown.
///
/// # Errors
/// As for [`preview()`].
pub async fn preview_of_change(
    session: &Session,
    stack: PlannedStack<'_>,
    before: Option<&Json>,
    interrupt: &Interrupt,
    mut watch: impl FnMut(Option<String>),
) -> Result<Result<RunPreview, RunPreviewError>, Interrupted> {
    let mut read = preview(session, stack, interrupt, &mut watch).await?;
    if let Ok(planned) = &mut read
        && let Some(template) = before.filter(|before| *before != stack.template)
    {
        let before = preview(session, PlannedStack { template, ..stack }, interrupt, &mut watch).await?;
        planned.keys_before = before.ok().map(|before| before.keys());
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_each_missing_permission_and_where_to_get_it() {
        let says = |action: &str| (action.to_owned(), format!("no {action}"));
        let denied = PreviewError::Denied([says("iam:ListAccessKeys"), says("iam:ListUserTags")].into());
        let error = RunPreviewError::from(denied).to_string();
        assert_eq!(
            error,
            "not permitted to read what a run would find (iam:ListAccessKeys, iam:ListUserTags): no iam:ListAccessKeys. \
             To print the permissions that a deployer needs: synth deploy-policy --account NUMBER --region REGION"
        );
    }
}
