//! Invokes the function and reads its run report.

use lambda::{
    contract::event::EventError,
    model::{access_key::AccessKeyId, user::UserName},
    protocol::{call_error::ErrorCode, run::Successor},
};
use serde_json::{Value as Json, json};

use super::{
    aws::{AwsError, Session},
    received_report::ReceivedReport,
};

/// What a run must do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunCommand {
    /// Do everything that is due, as the schedule does.
    Routine,
    /// Do everything that is due, and also report the users with nothing due. Only for a dry run.
    RoutineForEveryone,
    /// Do everything that is due for these users.
    RoutineFor(Vec<UserName>),
    /// Replace the keys of these users.
    Rotate(Vec<UserName>),
    /// Replace the keys of these users, also if all keys of a user are inactive.
    Enable(Vec<UserName>),
    /// Reactivate the previous keys of these users.
    Undo(Vec<UserName>),
    /// Deactivate one key of this user now.
    Revoke(UserName, AccessKeyId, Successor),
    /// Make the stack the manager of these users.
    Adopt(Vec<UserName>),
    /// Remove all notes about the selected users.
    Release,
}

/// Whether a run changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvocationMode {
    /// The run makes its changes.
    ForReal,
    /// The run only reports what it would change.
    DryRun,
}

/// The event that the function is invoked with.
#[must_use]
pub fn event(order: &RunCommand, mode: InvocationMode) -> Json {
    let (action, users) = match order {
        RunCommand::Routine | RunCommand::RoutineForEveryone => ("routine", None),
        RunCommand::RoutineFor(users) => ("routine", Some(users.as_slice())),
        RunCommand::Rotate(users) | RunCommand::Enable(users) => ("rotate", Some(users.as_slice())),
        RunCommand::Undo(users) => ("undo", Some(users.as_slice())),
        RunCommand::Revoke(user, ..) => ("revoke", Some(std::slice::from_ref(user))),
        RunCommand::Adopt(users) => ("adopt", Some(users.as_slice())),
        RunCommand::Release => ("release", None),
    };
    let mut event = json!({ "action": action, "dry_run": mode == InvocationMode::DryRun });
    if *order == RunCommand::RoutineForEveryone {
        event["everyone"] = true.into();
    }
    if matches!(order, RunCommand::Enable(_)) {
        event["enable"] = true.into();
    }
    if let RunCommand::Revoke(_, key, successor) = order {
        event["key"] = key.as_str().into();
        event["without_successor"] = (*successor == Successor::Without).into();
    }
    if let Some(users) = users {
        event["users"] = users.iter().map(UserName::as_str).collect();
    }
    event
}

/// The outcome of an invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvocationOutcome {
    /// There is no function with this name.
    NoFunction,
    /// The function failed. Holds the error from Lambda or the handler.
    Failed(Json),
    /// The function returned this value.
    Returned(Json),
}

/// The reason why there is no run report.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvocationError {
    /// The function with this name does not exist.
    #[error("the stack has no function {0}")]
    NoFunction(String),
    /// The function could not be invoked, or its response was lost.
    #[error(transparent)]
    Problem(#[from] AwsError),
    /// The function refused the event, for example because it names a user that is not selected. Holds its error message.
    #[error("{0}")]
    Refused(String),
    /// The function was invoked and failed. Holds its error message.
    #[error("the function failed: {0}")]
    Failed(String),
    /// The response is not a run report, because the function is another program or a very different version.
    #[error(
        "the response of the function {name} is not a run report ({why}): check that the function runs the handler"
    )]
    Unreadable {
        /// The name of the function.
        name: String,
        /// What is wrong with the response.
        why: String,
    },
}

impl InvocationError {
    /// Whether the function may be running, because it was invoked and its response was lost.
    #[must_use]
    pub fn may_be_running(&self) -> bool {
        match self {
            Self::Problem(AwsError::NoConnection { .. }) => true,
            Self::Problem(AwsError::Refused { code, .. }) => *code == ErrorCode::UnreadableAnswer,
            _ => false,
        }
    }
}

/// Invokes the function and waits for its report.
///
/// # Errors
/// [`InvocationError`] if there is no report.
pub async fn invoke(
    session: &Session,
    function: &str,
    order: &RunCommand,
    mode: InvocationMode,
) -> Result<ReceivedReport, InvocationError> {
    read(function, session.invoke(function, &event(order, mode)).await?)
}

fn read(function: &str, answer: InvocationOutcome) -> Result<ReceivedReport, InvocationError> {
    let error = |answer: &Json| {
        let message = answer.get("errorMessage").and_then(Json::as_str)?.to_owned();
        let is_refusal = answer["errorType"] == EventError::NAME;
        Some(if is_refusal { InvocationError::Refused(message) } else { InvocationError::Failed(message) })
    };
    match answer {
        InvocationOutcome::NoFunction => Err(InvocationError::NoFunction(function.to_owned())),
        InvocationOutcome::Failed(answer) => {
            Err(error(&answer).unwrap_or_else(|| InvocationError::Failed(answer.to_string())))
        }
        InvocationOutcome::Returned(answer) => match error(&answer) {
            Some(error) => Err(error),
            None => ReceivedReport::read(answer)
                .map_err(|e| InvocationError::Unreadable { name: function.to_owned(), why: e.to_string() }),
        },
    }
}

#[cfg(test)]
mod tests {
    use lambda::{contract::event::RunRequest, model::user::UserName, protocol::run};

    use super::*;

    #[test]
    fn the_function_understands_every_command() {
        let everyone = event(&RunCommand::RoutineForEveryone, InvocationMode::DryRun);
        assert!(RunRequest::read(everyone, "a-request").unwrap().everyone);
        let named = || vec!["bob".parse::<UserName>().unwrap()];
        let about = || Some(vec!["bob".to_owned()]);
        let key = || "AKIAEXAMPLE000000001".parse::<AccessKeyId>().unwrap();
        let revoke = |successor| RunCommand::Revoke("bob".parse().unwrap(), key(), successor);
        for (order, understood, about) in [
            (RunCommand::Routine, run::RunAction::Routine, None),
            (RunCommand::Rotate(named()), run::RunAction::RotateNow, about()),
            (RunCommand::Enable(named()), run::RunAction::Enable, about()),
            (RunCommand::Undo(named()), run::RunAction::Undo, about()),
            (RunCommand::RoutineFor(named()), run::RunAction::Routine, about()),
            (revoke(Successor::IfNeeded), run::RunAction::Revoke(key(), Successor::IfNeeded), about()),
            (revoke(Successor::Without), run::RunAction::Revoke(key(), Successor::Without), about()),
            (RunCommand::Adopt(named()), run::RunAction::Adopt, about()),
            (RunCommand::Release, run::RunAction::Release, None),
        ] {
            for mode in [InvocationMode::ForReal, InvocationMode::DryRun] {
                let request = RunRequest::read(event(&order, mode), "a-request").unwrap();
                assert_eq!((&request.action, &request.users), (&understood, &about), "{order:?}");
                assert_eq!(request.dry_run, mode == InvocationMode::DryRun);
            }
        }
    }

    #[test]
    fn an_error_says_why_there_is_no_report() {
        let timed_out = "2026-11-24T19:42:10Z a-run Task timed out after 600.00 seconds";
        for (answer, says) in [
            (InvocationOutcome::NoFunction, "the stack has no function keys".to_owned()),
            (
                InvocationOutcome::Failed(json!({ "errorMessage": timed_out })),
                format!("the function failed: {timed_out}"),
            ),
            (
                InvocationOutcome::Failed(json!({ "errorType": "EventError", "errorMessage": "no user bob" })),
                "no user bob".to_owned(),
            ),
            (InvocationOutcome::Failed(json!("killed")), "the function failed: \"killed\"".to_owned()),
            (InvocationOutcome::Returned(json!({ "errorMessage": "bad" })), "the function failed: bad".to_owned()),
            (
                InvocationOutcome::Returned(json!({ "hello": "world" })),
                "the response of the function keys is not a run report (missing field `statusCode`): check that the \
                 function runs the handler"
                    .to_owned(),
            ),
        ] {
            assert_eq!(read("keys", answer).unwrap_err().to_string(), says);
        }
    }
}
