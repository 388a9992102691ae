//! The last run of a deployed stack, as the function's log shows it.

use lambda::model::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::run_counts::RunCounts;

/// A run that did what was due for all selected users: a run of the schedule, or `make run`. A dry run is not one, and
/// neither is a run for single users: it does not show how the others are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LastRun {
    /// When the run ended.
    pub at: Timestamp,
    /// The id of the run, which is in each of its log lines.
    pub run: String,
    /// What the run did, in numbers.
    #[serde(flatten)]
    pub counts: RunCounts,
}

/// The pattern of CloudWatch Logs for the last line of a run.
pub const PATTERN: &str = "{ ($.dryRun IS FALSE) && ($.summary.users >= 0) }";

/// How far back the log is searched in all. The runs of a schedule may be further apart.
pub const LOG_SEARCHED: Span = Span::days(70);

/// The steps of the search: most runs of a schedule are less than two days apart.
pub const SEARCHED: [Span; 3] = [Span::days(2), Span::days(9), LOG_SEARCHED];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    dry_run: bool,
    /// A function of an older version does not write it.
    #[serde(default = "yes")]
    all_users: bool,
    run: String,
    summary: RunCounts,
}

fn yes() -> bool {
    true
}

impl LastRun {
    /// Reads a line of the log that was written at this time. `None` if it is not the last line of a run.
    #[must_use]
    pub fn of_line(line: &str, at: Timestamp) -> Option<Self> {
        let line: Line = serde_json::from_str(line).ok()?;
        (line.all_users && !line.dry_run).then_some(Self { at, run: line.run, counts: line.summary })
    }

    /// The run as text for people, in one line.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}: {}", self.at.to_minute(), self.counts.done())
    }

    /// The run as JSON for programs.
    #[must_use]
    pub fn json(&self) -> Json {
        json!(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_line_of_a_real_run_counts() {
        let at = Timestamp::from_unix(1_795_490_200);
        let line = |dry: bool| {
            let summary = json!({ "users": 3, "rotated": 1, "deactivated": 0, "deleted": 0, "failed": 1, "needsAttention": 2, "overdue": 1, "unsent": 5 });
            json!({ "level": "INFO", "run": "a-run", "dryRun": dry, "summary": summary, "message": "…" }).to_string()
        };
        let run = LastRun::of_line(&line(false), at).unwrap();
        let expected = "2026-11-24 03:16 UTC: 1 new key delivered, 1 user failed, 2 users need attention, 1 key is overdue, 5 notices not sent";
        assert_eq!((run.text().as_str(), run.run.as_str()), (expected, "a-run"));
        let of = |all: bool| line(false).replace("\"dryRun\"", &format!("\"allUsers\":{all},\"dryRun\""));
        assert_eq!(LastRun::of_line(&of(true), at), Some(run));
        let user = json!({ "run": "a-run", "dryRun": false, "user": "alice", "result": "failed" }).to_string();
        for other in [line(true), of(false), user, "START RequestId: 1".to_owned(), String::new()] {
            assert_eq!(LastRun::of_line(&other, at), None, "{other}");
        }
    }
}
