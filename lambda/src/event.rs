//! What the function is invoked with.

use serde::Deserialize;

use crate::{journal::RunId, text::Invalid};

/// The schedule's input. EventBridge Scheduler fills in the context attributes ("Adding context attributes").
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Event {
    /// The id of this firing. A repeated delivery has the same.
    pub execution_id: Option<String>,
    /// When the schedule meant to fire.
    pub scheduled_time: Option<String>,
    /// Which attempt at delivering it this is.
    pub attempt_number: Option<String>,
}

/// The input that `synth` gives the schedule: each field with the context attribute that fills it.
pub const SCHEDULE_INPUT: [(&str, &str); 3] = [
    ("execution_id", "<aws.scheduler.execution-id>"),
    ("scheduled_time", "<aws.scheduler.scheduled-time>"),
    ("attempt_number", "<aws.scheduler.attempt-number>"),
];

/// An event that is not one of ours.
#[derive(Debug, thiserror::Error)]
#[error("the event is not understood, no key was touched: {0}")]
pub struct BadEvent(String);

impl Event {
    /// Reads an event.
    ///
    /// # Errors
    /// [`BadEvent`] names the field that is unknown or wrong.
    pub fn read(event: serde_json::Value) -> Result<Self, BadEvent> {
        if !event.is_object() {
            return Err(BadEvent("it is not a JSON object".into()));
        }
        let mut event: Self = serde_json::from_value(event).map_err(|e| BadEvent(e.to_string()))?;
        // A placeholder that nobody filled in (a test event pasted into the console) says nothing.
        for field in [&mut event.execution_id, &mut event.scheduled_time, &mut event.attempt_number] {
            field.take_if(|value| value.starts_with("<aws.scheduler."));
        }
        Ok(event)
    }

    /// The id of the run: the schedule's execution id if there is one, else `request_id`.
    ///
    /// # Errors
    /// [`BadEvent`] if the execution id is not an id.
    pub fn run_id(&self, request_id: &str) -> Result<RunId, BadEvent> {
        let id = self.execution_id.as_deref().unwrap_or(request_id);
        id.parse().map_err(|e: Invalid| BadEvent(format!("execution_id: {e}")))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_schedules_input_is_an_event() {
        let input: serde_json::Map<_, _> =
            SCHEDULE_INPUT.iter().map(|(field, _)| ((*field).to_owned(), json!("d32c5kddcf5bb8c3"))).collect();
        let event = Event::read(input.into()).unwrap();
        assert_eq!(event.run_id("request").unwrap().as_str(), "d32c5kddcf5bb8c3");
        assert_eq!(event.attempt_number.as_deref(), Some("d32c5kddcf5bb8c3"));
        assert_eq!(event.scheduled_time.as_deref(), Some("d32c5kddcf5bb8c3"));
    }

    #[test]
    fn a_placeholder_nobody_filled_in_says_nothing() {
        let input: serde_json::Map<_, _> =
            SCHEDULE_INPUT.iter().map(|(field, attribute)| ((*field).to_owned(), json!(attribute))).collect();
        let event = Event::read(input.into()).unwrap();
        assert_eq!(event, Event::default());
        assert_eq!(event.run_id("request").unwrap().as_str(), "request");
    }

    #[test]
    fn a_malformed_event_names_its_field() {
        for (event, named) in [
            (json!({"usres": []}), "usres"),
            (json!({"execution_id": 7}), "invalid type: integer `7`"),
            (json!(["a", "b", "c"]), "not a JSON object"),
            (json!("rotate"), "not a JSON object"),
            (json!(null), "not a JSON object"),
        ] {
            let error = Event::read(event.clone()).unwrap_err().to_string();
            assert!(error.contains(named) && error.contains("no key was touched"), "{event}: {error}");
        }
        let event = Event::read(json!({"execution_id": "a b"})).unwrap();
        assert!(event.run_id("r").unwrap_err().to_string().contains("execution_id"));
    }
}
