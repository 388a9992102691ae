//! How many runs the rotations that are due take. In a large fleet that was never rotated, one run is not enough.

use lambda::{
    model::time::Span,
    protocol::{planner::ROTATION_BUDGET, run::REPORT_TIME},
};
use serde_json::{Value as Json, json};

use crate::config::ScheduleExpression;

/// The most calls of a rotation: a user's first one (the plan's table counts them).
const CALLS: u64 = 15;
/// An assumption: how many calls a second AWS accepts from the handler. AWS does not publish IAM's rates.
const CALLS_A_SECOND: u64 = 20;

/// A plan for rotations that are too many for one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RotationPlan {
    due: usize,
    timeout: Span,
    a_run: u64,
    runs: u64,
    lasts: Option<Span>,
}

impl RotationPlan {
    /// The plan for this number of due users; `None` if one run of this length is enough.
    #[must_use]
    pub fn new(due: usize, timeout: Span, schedule: &ScheduleExpression) -> Option<Self> {
        // The last rotation of a run begins early enough to end in it.
        let useful = timeout.less(REPORT_TIME).less(ROTATION_BUDGET).as_seconds();
        let a_run = (useful * CALLS_A_SECOND / CALLS).max(1);
        let runs = u64::try_from(due).unwrap_or(u64::MAX).div_ceil(a_run);
        let lasts = schedule.longest_gap().map(|gap| Span::seconds(runs.saturating_sub(1) * gap.as_seconds()));
        (runs > 1).then_some(Self { due, timeout, a_run, runs, lasts })
    }

    /// The plan as sentences for people.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { due, timeout, a_run, runs, lasts } = self;
        let lasts = lasts.map_or_else(String::new, |lasts| format!(", so the last one is {lasts} after the first"));
        format!(
            "{due} users are due: about {runs} runs{lasts}.\n\
             A run of {timeout} rotates about {a_run} users if AWS accepts {CALLS_A_SECOND} calls a second. The others wait.\n\
             To spread them: docs/operations.md, \"A large fleet for the first time\".\n"
        )
    }

    /// The plan for programs.
    #[must_use]
    pub fn json(&self) -> Json {
        let lasts = self.lasts.map(Span::as_seconds);
        json!({ "due": self.due, "usersARun": self.a_run, "runs": self.runs, "lastsSeconds": lasts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_users_than_a_run_rotates_make_a_plan() {
        let plan = |due, schedule: &str| RotationPlan::new(due, Span::minutes(10), &schedule.parse().unwrap());
        assert_eq!(plan(0, "rate(1 day)"), None);
        assert_eq!(plan(653, "rate(1 day)"), None);
        let large = plan(5_000, "rate(1 day)").unwrap();
        assert_eq!(
            large.text(),
            "\
5000 users are due: about 8 runs, so the last one is 7d after the first.
A run of 10m rotates about 653 users if AWS accepts 20 calls a second. The others wait.
To spread them: docs/operations.md, \"A large fleet for the first time\".
"
        );
        assert_eq!(large.json(), json!({ "due": 5000, "usersARun": 653, "runs": 8, "lastsSeconds": 604_800 }));
        assert_eq!(plan(654, "cron(0 9 1 * ? *)").unwrap().lasts, None);
        assert_eq!(RotationPlan::new(2, Span::seconds(60), &"rate(1 day)".parse().unwrap()).unwrap().a_run, 1);
    }
}
