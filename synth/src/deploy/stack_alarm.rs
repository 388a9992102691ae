//! The alarms of a deployed stack and their states.

use serde_json::{Value as Json, json};

use crate::cfn::{
    text::{Piece, pieces},
    view::View,
};

/// An alarm of the stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackAlarm {
    /// The name of the alarm in CloudWatch.
    pub name: String,
    /// The state of the alarm.
    pub state: AlarmState,
}

/// The state of an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlarmState {
    /// What it watches is in order.
    Ok,
    /// It rings.
    Alarm,
    /// There are no data yet, so it does not ring.
    InsufficientData,
    /// CloudWatch does not have the alarm, although the template declares it.
    Missing,
}

impl AlarmState {
    /// The state that CloudWatch writes as this word.
    #[must_use]
    pub fn of(word: &str) -> Self {
        match word {
            "OK" => Self::Ok,
            "ALARM" => Self::Alarm,
            _ => Self::InsufficientData,
        }
    }

    /// The state as a word, for programs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Alarm => "alarm",
            Self::InsufficientData => "insufficient-data",
            Self::Missing => "missing",
        }
    }
}

impl StackAlarm {
    /// The name without the name of the stack, which begins it.
    #[must_use]
    pub fn short_name<'a>(&'a self, stack: &str) -> &'a str {
        self.name.strip_prefix(stack).map_or(&self.name, |rest| rest.trim_start_matches('-'))
    }

    /// The alarm as JSON for programs.
    #[must_use]
    pub fn json(&self) -> Json {
        json!({ "name": self.name, "state": self.state.as_str() })
    }
}

/// The names of the alarms that a template declares, in a stack with this name.
#[must_use]
pub fn declared(template: &Json, stack: &str) -> Vec<String> {
    let alarms = View(template).of("AWS::CloudWatch::Alarm");
    alarms.filter_map(|alarm| name_in(&alarm.properties["AlarmName"], stack)).collect()
}

/// A name of a template in a stack with this name. `None` if it depends on anything else.
#[must_use]
pub fn name_in(value: &Json, stack: &str) -> Option<String> {
    pieces(value)?.into_iter().try_fold(String::new(), |name, piece| match piece {
        Piece::Literal(text) => Some(name + &text),
        Piece::Reference(reference) => (reference == "AWS::StackName").then(|| name + stack),
    })
}
