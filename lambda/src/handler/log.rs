//! Writes log events: one JSON object on each line of standard output. Lambda sends them to CloudWatch Logs.

use serde_json::Value;

/// Writes the event as one line, whatever it contains: JSON escapes a line break as `\n`.
pub fn line(event: &Value) {
    println!("{event}");
}
