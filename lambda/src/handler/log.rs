//! Writes log events: one JSON object on each line of standard output. Lambda sends them to CloudWatch Logs.

use serde_json::{Value, json};

use crate::model::time::Timestamp;

/// Where the log events of a run go.
pub type LogSink = fn(Value);

/// Writes the event as one line, whatever it contains: JSON escapes a line break as `\n`.
///
/// The line gets the time. Lambda reads a line's `level` only if the line has a `timestamp` in the form of RFC 3339
/// (Lambda Developer Guide, "Log-level filtering").
pub fn line(event: Value) {
    println!("{}", stamped(event, Timestamp::now()));
}

fn stamped(mut event: Value, at: Timestamp) -> Value {
    event["timestamp"] = json!(at);
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_has_its_time() {
        let event = stamped(json!({ "level": "WARN" }), Timestamp::from_unix(1_795_490_200));
        assert_eq!(event, json!({ "level": "WARN", "timestamp": "2026-11-24T03:16:40Z" }));
    }
}
