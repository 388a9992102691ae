//! The event that the function is invoked with.

use serde::Deserialize;

use crate::{
    contract::{listed_user::ListedUser, selector::UserSelector, settings::Settings, user_entry::UserEntry},
    model::{
        account_id::AccountId,
        parse_error::{ParseError, one_line},
    },
    protocol::{
        journal::RunId,
        run::{RunAction, Successor},
    },
};

/// The fields of an event, sent by the schedule or by a person.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
// The event is a JSON object with these fields.
#[allow(clippy::struct_excessive_bools)]
struct Fields {
    /// The id of this execution of the schedule. A repeated delivery has the same id.
    execution_id: Option<String>,
    /// The time for which the schedule was set.
    scheduled_time: Option<String>,
    /// The number of this attempt to deliver the event.
    attempt_number: Option<String>,
    /// The users to handle; all selected users if the field is absent.
    users: Option<Vec<String>>,
    /// What to do about them.
    action: Action,
    /// Whether `rotate` also gives a key to a user with only inactive keys.
    enable: bool,
    /// The key that `revoke` deactivates.
    key: Option<String>,
    /// Whether `revoke` deactivates the key although the user gets no successor.
    without_successor: bool,
    /// Whether the run only plans and reports, and changes nothing.
    dry_run: bool,
    /// Whether a dry run also reports the users that a run skips because the account's lists show that nothing is due.
    everyone: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Action {
    /// Replace each key that is due; this is what the schedule asks for.
    #[default]
    Routine,
    /// Replace the key now, whatever its age.
    Rotate,
    /// Reactivate the key that the rotation deactivated last.
    Undo,
    /// Deactivate one key now.
    Revoke,
    /// Make this stack the manager of the users, in place of another one.
    Adopt,
    /// Remove all notes about the users, before this stack is deleted.
    Release,
}

/// The input that `synth` gives the schedule: each field, with the context attribute that EventBridge Scheduler
/// replaces ("Adding context attributes").
pub const SCHEDULE_INPUT: [(&str, &str); 3] = [
    ("execution_id", "<aws.scheduler.execution-id>"),
    ("scheduled_time", "<aws.scheduler.scheduled-time>"),
    ("attempt_number", "<aws.scheduler.attempt-number>"),
];

/// What a run is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRequest {
    /// The schedule's execution id, or Lambda's request id.
    pub run: RunId,
    /// The users to handle, as a person names them; `None` for all selected users.
    pub users: Option<Vec<String>>,
    /// What to do about them.
    pub action: RunAction,
    /// Whether nothing may be changed.
    pub dry_run: bool,
    /// Whether a dry run also reports the users with nothing due.
    pub everyone: bool,
}

/// The event is not valid, so the run did not begin. The message names the field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the event is not valid, no key was touched: {0}")]
pub enum EventError {
    /// What is wrong, for the person who wrote the event.
    Invalid(String),
    /// The event names a user that the settings do not select, or exempt.
    #[error(
        "IAM user {name} is not selected by this stack ({selection}), so no key was touched: check the name, or change users and deploy"
    )]
    NotSelected {
        /// The name, as the event has it, on one line.
        name: String,
        /// The settings that select users, for people.
        selection: String,
    },
    /// The event names a user that the settings select in another account of the organization.
    #[error(
        "IAM user {name} is rotated in account {account}, not in this one, so no key was touched: run the command with the \
         credentials of that account"
    )]
    Elsewhere {
        /// The name, as the event has it, on one line.
        name: String,
        /// The account of the user.
        account: AccountId,
    },
    /// The execution id cannot be the id of a run.
    #[error("the event is not valid, no key was touched: execution_id: {0}")]
    ExecutionId(#[source] ParseError),
}

impl EventError {
    /// The name of the error, which Lambda returns as its type.
    pub const NAME: &str = "EventError";

    /// The error for a user in the event that the settings do not select, or exempt.
    #[must_use]
    pub fn not_chosen(name: &str, settings: &Settings) -> Self {
        let is_called = |entry: &&UserEntry| matches!(&entry.selector, UserSelector::User(user) if ListedUser::from(user).is_called(name));
        if let Some(account) = settings.elsewhere.iter().find(is_called).and_then(|entry| entry.account.clone()) {
            return Self::Elsewhere { name: one_line(name), account };
        }
        let list = |words: Vec<String>| words.join(", ");
        let users = list(settings.users.iter().map(|entry| entry.selector.to_string()).collect());
        let exempt = list(settings.exempt.iter().map(ToString::to_string).collect());
        let exempt = if exempt.is_empty() { exempt } else { format!("; exempt: {exempt}") };
        Self::NotSelected { name: one_line(name), selection: format!("users: {users}{exempt}") }
    }
}

impl RunRequest {
    /// Reads an event.
    ///
    /// # Errors
    /// [`EventError`] names the field that is unknown or wrong.
    pub fn read(event: serde_json::Value, request_id: &str) -> Result<Self, EventError> {
        if !event.is_object() {
            return Err(EventError::Invalid("it is not a JSON object".into()));
        }
        let mut fields: Fields = serde_json::from_value(event).map_err(|e| EventError::Invalid(e.to_string()))?;
        // A placeholder stays in the text if the schedule's input is pasted into the console as a test event. Ignore
        // it.
        for field in [&mut fields.execution_id, &mut fields.scheduled_time, &mut fields.attempt_number] {
            field.take_if(|value| value.starts_with("<aws.scheduler."));
        }
        let run = fields.execution_id.as_deref().unwrap_or(request_id);
        let run = run.parse().map_err(EventError::ExecutionId)?;
        let users = fields.users;
        if users.as_ref().is_some_and(Vec::is_empty) {
            return Err(EventError::Invalid("users is an empty list".into()));
        }
        let invalid = |why: &str| EventError::Invalid(why.into());
        if fields.action != Action::Revoke && (fields.key.is_some() || fields.without_successor) {
            return Err(invalid("key and without_successor belong to the action revoke"));
        }
        let action = match fields.action {
            Action::Rotate if fields.enable => RunAction::Enable,
            _ if fields.enable => return Err(EventError::Invalid("enable belongs to the action rotate".into())),
            Action::Routine => RunAction::Routine,
            Action::Rotate => RunAction::RotateNow,
            Action::Undo => RunAction::Undo,
            Action::Adopt => RunAction::Adopt,
            Action::Release => RunAction::Release,
            Action::Revoke => {
                if users.as_ref().is_some_and(|users| users.len() > 1) {
                    return Err(invalid("revoke needs exactly one user: a key belongs to one"));
                }
                let key =
                    fields.key.as_deref().ok_or_else(|| invalid("revoke needs the field key: the id of a key"))?;
                let key = key.parse().map_err(|e: ParseError| EventError::Invalid(format!("key: {e}")))?;
                let successor = if fields.without_successor { Successor::Without } else { Successor::IfNeeded };
                RunAction::Revoke(key, successor)
            }
        };
        // A release is about the whole stack. Every other order is about a person's decision for single users.
        if users.is_none() && !matches!(action, RunAction::Routine | RunAction::Release) {
            return Err(EventError::Invalid("an action needs users: name those it is meant for".into()));
        }
        if fields.everyone && !fields.dry_run {
            return Err(invalid("everyone needs dry_run: a run handles the users with something due"));
        }
        Ok(Self { run, users, action, dry_run: fields.dry_run, everyone: fields.everyone })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(event: Value) -> Result<RunRequest, String> {
        RunRequest::read(event, "request").map_err(|e| e.to_string())
    }

    fn schedule_input(value: impl Fn(&str) -> String) -> Value {
        SCHEDULE_INPUT.iter().map(|(field, attribute)| ((*field).to_owned(), json!(value(attribute)))).collect()
    }

    #[test]
    fn the_schedules_input_is_an_event() {
        let request = read(schedule_input(|_| "d32c5kddcf5bb8c3".into())).unwrap();
        assert_eq!(request.run.as_str(), "d32c5kddcf5bb8c3");
        assert_eq!((request.users, request.action, request.dry_run), (None, RunAction::Routine, false));
        let unfilled = read(schedule_input(str::to_owned)).unwrap();
        assert_eq!(unfilled.run.as_str(), "request", "a placeholder that was not replaced is ignored");
        assert_eq!(read(json!({})).unwrap(), unfilled);
    }

    #[test]
    fn a_person_names_users_and_what_to_do() {
        let request = read(json!({ "users": ["BOB", "bob"], "action": "rotate" })).unwrap();
        assert_eq!((request.users, request.action), (Some(vec!["BOB".into(), "bob".into()]), RunAction::RotateNow));
        assert_eq!(read(json!({ "users": ["alice"], "action": "undo" })).unwrap().action, RunAction::Undo);
        assert!(read(json!({ "dry_run": true })).unwrap().dry_run);
    }

    #[test]
    fn a_malformed_event_names_its_field() {
        for (event, named) in [
            (json!({ "usres": [] }), "usres"),
            (json!({ "execution_id": 7 }), "integer `7`"),
            (json!({ "execution_id": "a b" }), "execution_id"),
            (json!({ "users": [] }), "empty list"),
            (json!({ "users": "alice" }), "string \"alice\""),
            (json!({ "action": "rotate" }), "needs users"),
            (json!({ "action": "destroy", "users": ["bob"] }), "unknown variant `destroy`"),
            (json!({ "action": "adopt" }), "needs users"),
            (json!({ "action": "revoke", "key": "AKIAEXAMPLE000000001" }), "needs users"),
            (json!({ "action": "revoke", "users": ["bob"] }), "needs the field key"),
            (json!({ "action": "revoke", "users": ["bob"], "key": "short" }), "key: \"short\""),
            (json!({ "action": "revoke", "users": ["a", "b"], "key": "AKIAEXAMPLE000000001" }), "exactly one user"),
            (
                json!({ "action": "undo", "users": ["bob"], "key": "AKIAEXAMPLE000000001" }),
                "belong to the action revoke",
            ),
            (json!({ "dry_run": "yes" }), "string \"yes\""),
            (json!({ "everyone": true }), "everyone needs dry_run"),
            (json!(["a", "b", "c"]), "not a JSON object"),
            (json!(null), "not a JSON object"),
        ] {
            let error = read(event.clone()).unwrap_err();
            assert!(error.contains(named) && error.contains("no key was touched"), "{event}: {error}");
        }
    }
}
