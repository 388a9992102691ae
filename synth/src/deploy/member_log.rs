//! What the publisher of an organization writes to its log about the members: the last run of each, and its alarms.

use std::collections::BTreeMap;

use lambda::{
    model::time::Timestamp,
    report::log_event::{MEMBER_ALARM, MEMBER_RUN},
};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{run_counts::RunCounts, stack_alarm::AlarmState};

/// The last run of a member that did what was due for all its users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastMemberRun {
    /// When the publisher got the event of the run.
    pub at: Timestamp,
    /// What the run did, in numbers.
    pub counts: RunCounts,
}

/// What the log says about the members.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MemberLog {
    runs: BTreeMap<String, LastMemberRun>,
    /// The newest state of each alarm, by account and name.
    alarms: BTreeMap<(String, String), (Timestamp, AlarmState)>,
}

/// A line of the log. A line about a run has a summary, and one about an alarm its name and its state.
#[derive(Deserialize)]
struct Line {
    event: String,
    account: String,
    summary: Option<RunCounts>,
    alarm: Option<String>,
    state: Option<String>,
}

impl MemberLog {
    /// Reads a line of the log that was written at this time. A line that is not about a run or an alarm of a member is
    /// skipped.
    pub fn learn(&mut self, line: &str, at: Timestamp) {
        let Ok(Line { event, account, summary, alarm, state }) = serde_json::from_str(line) else { return };
        match (event.as_str(), summary, alarm, state) {
            (MEMBER_RUN, Some(counts), ..) => {
                let known = self.runs.get(&account).map(|run| run.at);
                if known.is_none_or(|known| known <= at) {
                    self.runs.insert(account, LastMemberRun { at, counts });
                }
            }
            (MEMBER_ALARM, _, Some(alarm), Some(state)) => {
                let state = (at, AlarmState::of(&state));
                let known = self.alarms.entry((account, alarm)).or_insert(state);
                if known.0 <= at {
                    *known = state;
                }
            }
            _ => {}
        }
    }

    /// The last run of an account, if the log has one.
    #[must_use]
    pub fn run(&self, account: &str) -> Option<&LastMemberRun> {
        self.runs.get(account)
    }

    /// The names of the account's alarms that are in the state ALARM.
    #[must_use]
    pub fn raised_alarms(&self, account: &str) -> Vec<String> {
        let alarms = self.alarms.iter().filter(|((of, _), (_, state))| of == account && *state == AlarmState::Alarm);
        alarms.map(|((_, name), _)| name.clone()).collect()
    }

    /// The accounts that the log has lines about.
    pub fn accounts(&self) -> impl Iterator<Item = &str> {
        self.runs.keys().map(String::as_str).chain(self.alarms.keys().map(|(account, _)| account.as_str()))
    }
}

impl LastMemberRun {
    /// The run as JSON for programs.
    #[must_use]
    pub fn json(&self) -> Json {
        let mut json = json!(self.counts);
        json["at"] = json!(self.at);
        json
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_line_counts() {
        let at = |hours: i64| Timestamp::from_unix(1_795_490_200 + hours * 3_600);
        let run = |account: &str, failed: usize| json!({ "level": "INFO", "event": MEMBER_RUN, "account": account, "summary": { "users": 3, "failed": failed } });
        let alarm = |name: &str, state: &str| json!({ "event": MEMBER_ALARM, "account": "111122223333", "alarm": name, "state": state });
        let mut log = MemberLog::default();
        // Pages of the log can come in any order.
        for (line, hours) in [
            (run("111122223333", 0), 24),
            (run("111122223333", 1), 0),
            (run("444455556666", 2), 0),
            (alarm("keys-users-failed", "ALARM"), 1),
            (alarm("keys-users-failed", "OK"), 0),
            (alarm("keys-missed-runs", "OK"), 9),
            (alarm("keys-missed-runs", "ALARM"), 8),
            (json!({ "event": "published" }), 30),
        ] {
            log.learn(&line.to_string(), at(hours));
        }
        log.learn("START RequestId: 1", at(30));
        let run = log.run("111122223333").unwrap();
        assert_eq!((run.at, run.counts.failed), (at(24), 0));
        assert_eq!(log.run("444455556666").unwrap().counts.failed, 2);
        assert_eq!(log.run("777788889999"), None);
        assert_eq!(log.raised_alarms("111122223333"), ["keys-users-failed"]);
        assert_eq!(log.accounts().collect::<std::collections::BTreeSet<_>>().len(), 2);
        assert_eq!(run.json()["at"], json!(at(24)));
    }
}
