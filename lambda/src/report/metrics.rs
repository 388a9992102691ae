//! The metrics of a run: one event in CloudWatch's embedded metric format at the end of a run. Pure.
//!
//! `synth` takes the names of metrics for its alarms from here, so there can be no alarm on a metric that is not
//! reported.
//!
//! The event is a line of JSON on standard output, like every other. That is enough under the function's `LogFormat:
//! JSON` too: "Lambda won't double-encode any logs that are already JSON encoded" (Lambda Developer Guide, "Configuring
//! JSON and plain text log formats"). Only managed runtimes format their own log calls, and this is a custom runtime.
//! An object without a `level` counts as INFO (same guide, "Log-level filtering"), and the default level lets INFO
//! through. The event has a `level` anyway.

use serde_json::{Map, Value, json};

use crate::{
    model::{
        access_key::{Key, KeyStatus},
        time::{Span, Timestamp},
    },
    report::run_report::{Outcome, RunReport},
};

/// The CloudWatch namespace of all metrics.
pub const NAMESPACE: &str = "AccessKeyRotation";
/// The only dimension: the name of the function, which is the name of the stack. Users and keys are no dimensions,
/// because each value of a dimension is a metric with its own cost.
pub const DIMENSION: &str = "FunctionName";
/// The age above which CIS AWS Foundations and Security Hub (IAM.3) report a key.
pub const AUDITORS_LIMIT: Span = Span::days(90);

/// Which users a run was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunScope {
    /// All selected users, so the run shows the state of the whole fleet.
    Fleet,
    /// Only the users that a person has named, or all of them for another purpose than the rotation.
    Named,
}

/// The metrics that a run reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// The number of new keys that were delivered.
    Rotated,
    /// The number of users with a failed call.
    Failed,
    /// The number of users that need a decision by a person.
    NeedsAttention,
    /// The number of users with a step that must wait.
    Waiting,
    /// The number of users with an overdue key.
    Overdue,
    /// The number of notices that could not be sent; their recipients were not informed.
    NoticesUnsent,
    /// The number of addresses that have not confirmed their subscriptions.
    UnconfirmedRecipients,
    /// 1 for a run over all users in which no user failed, 0 for one in which a user failed.
    SuccessfulRun,
    /// The age of the oldest active key, in days; absent while there is none.
    OldestKeyAge,
    /// The number of active keys of any age.
    ActiveKeys,
    /// The number of active keys at least as old as `rotate_after`, including keys in their overlap.
    KeysDue,
    /// The number of active keys older than [`AUDITORS_LIMIT`].
    KeysOver90Days,
}

impl Metric {
    /// All metrics, in the order of their declaration.
    pub const ALL: [Self; 12] = [
        Self::Rotated,
        Self::Failed,
        Self::NeedsAttention,
        Self::Waiting,
        Self::Overdue,
        Self::NoticesUnsent,
        Self::UnconfirmedRecipients,
        Self::SuccessfulRun,
        Self::OldestKeyAge,
        Self::ActiveKeys,
        Self::KeysDue,
        Self::KeysOver90Days,
    ];

    /// The name of the metric in CloudWatch.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rotated => "Rotated",
            Self::Failed => "Failed",
            Self::NeedsAttention => "NeedsAttention",
            Self::Waiting => "Waiting",
            Self::Overdue => "Overdue",
            Self::NoticesUnsent => "NoticesUnsent",
            Self::UnconfirmedRecipients => "UnconfirmedRecipients",
            Self::SuccessfulRun => "SuccessfulRun",
            Self::OldestKeyAge => "OldestKeyAge",
            Self::ActiveKeys => "ActiveKeys",
            Self::KeysDue => "KeysDue",
            Self::KeysOver90Days => "KeysOver90Days",
        }
    }

    /// The unit in CloudWatch, which has no unit for days.
    const fn unit(self) -> &'static str {
        match self {
            Self::OldestKeyAge => "None",
            _ => "Count",
        }
    }
}

/// The event of a run that ended at `at` in the function of this name; `None` for a dry run, which has done nothing.
///
/// Only a run over all users reports the state of the fleet and a successful run. So a person who rotates one key does
/// not hide that the schedule has stopped.
#[must_use]
pub fn event(report: &RunReport, scope: RunScope, rotate_after: Span, function: &str, at: Timestamp) -> Option<Value> {
    if report.dry_run {
        return None;
    }
    let waiting = report.users.iter().filter(|user| user.result == Outcome::Waiting).count();
    let mut values = vec![
        (Metric::Rotated, report.summary.rotated as u64),
        (Metric::Failed, report.summary.failed as u64),
        (Metric::NeedsAttention, report.summary.needs_attention as u64),
        (Metric::Waiting, waiting as u64),
        (Metric::Overdue, report.summary.overdue as u64),
        (Metric::NoticesUnsent, report.summary.unsent as u64),
    ];
    if scope == RunScope::Fleet {
        values.extend(fleet(report, rotate_after, at));
    }
    // "Specification: Embedded metric format": the values of the metrics are beside the directive that names them.
    let directive = json!({
        "Namespace": NAMESPACE,
        "Dimensions": [[DIMENSION]],
        "Metrics": values.iter().map(|(m, _)| json!({ "Name": m.name(), "Unit": m.unit() })).collect::<Vec<_>>(),
    });
    let mut event = Map::new();
    event.insert("level".into(), json!("INFO"));
    event.insert(
        "_aws".into(),
        json!({ "Timestamp": at.unix().saturating_mul(1_000), "CloudWatchMetrics": [directive] }),
    );
    event.insert("run".into(), json!(report.run));
    event.insert(DIMENSION.into(), json!(function));
    event.extend(values.into_iter().map(|(metric, value)| (metric.name().to_owned(), json!(value))));
    Some(Value::Object(event))
}

fn fleet(report: &RunReport, rotate_after: Span, at: Timestamp) -> Vec<(Metric, u64)> {
    let active = |key: &&Key| key.status == KeyStatus::Active;
    let keys = report.users.iter().flat_map(|user| &user.left).filter(active);
    let born = keys.map(|key| key.created).chain(report.not_due.active.iter().copied());
    let ages: Vec<_> = born.map(|born| at.since(born)).collect();
    let count = |is: &dyn Fn(Span) -> bool| ages.iter().filter(|age| is(**age)).count() as u64;
    let mut values = vec![
        (Metric::SuccessfulRun, u64::from(report.summary.failed == 0)),
        (Metric::ActiveKeys, count(&|_| true)),
        (Metric::KeysDue, count(&|age| age >= rotate_after)),
        (Metric::KeysOver90Days, count(&|age| age > AUDITORS_LIMIT)),
    ];
    values.extend(report.summary.unconfirmed.map(|count| (Metric::UnconfirmedRecipients, count as u64)));
    values.extend(ages.iter().max().map(|oldest| (Metric::OldestKeyAge, oldest.whole_days())));
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        contract::run_summary::RunSummary,
        protocol::{overdue::Overdue, stop_reason::StopReason},
        report::run_report::{HANDLER_VERSION, UserReport},
    };

    const NOW: Timestamp = Timestamp::from_unix(1_795_490_200);

    fn user(name: &str, result: Outcome, keys: &[(u64, KeyStatus)]) -> UserReport {
        let key = |(n, (days, status)): (usize, &(u64, KeyStatus))| Key {
            id: format!("KEY_OF_{name:_<10}{n}").parse().unwrap(),
            status: *status,
            created: NOW.before(Span::days(*days)),
        };
        let left = keys.iter().enumerate().map(key).collect();
        UserReport {
            user: name.parse().unwrap(),
            owner: None,
            result,
            why: String::new(),
            found: Vec::new(),
            done: Vec::new(),
            left,
            next: None,
            waits_until: None,
            overdue: None,
            rest: StopReason::NoKeys,
        }
    }

    fn report(users: Vec<UserReport>) -> RunReport {
        let summary = RunSummary { unconfirmed: Some(2), ..RunSummary::of(&users) };
        let (run, body) = ("run".parse().unwrap(), String::new());
        RunReport {
            status_code: summary.status_code(),
            body,
            handler: HANDLER_VERSION,
            run,
            dry_run: false,
            started: NOW,
            summary,
            users,
            not_due: crate::selection::fleet::NotDue::default(),
            unsent: Vec::new(),
            all_users: true,
            unconfirmed: Vec::new(),
        }
    }

    fn values(report: &RunReport, scope: RunScope) -> Vec<(&'static str, Option<u64>)> {
        let event = event(report, scope, Span::days(60), "stack", NOW).unwrap();
        Metric::ALL.iter().map(|metric| (metric.name(), event[metric.name()].as_u64())).collect()
    }

    #[test]
    fn a_run_in_numbers() {
        use KeyStatus::{Active, Inactive};
        use Outcome::{Changed, Failed, NeedsAttention, Waiting};
        let overdue = Overdue { key: "KEY_OF_A_USER_WHO_IS_LATE".parse().unwrap(), since: NOW };
        let mixed = report(vec![
            user("rotated", Changed, &[(60, Active), (0, Active)]),
            UserReport { overdue: Some(overdue), ..user("old", Waiting, &[(91, Active), (400, Inactive)]) },
            user("young", Outcome::Unchanged, &[(59, Active)]),
            user("limit", Outcome::Unchanged, &[(90, Active)]),
            user("unread", Failed, &[]),
            user("unclear", NeedsAttention, &[]),
        ]);
        assert_eq!(
            values(&mixed, RunScope::Fleet),
            [
                ("Rotated", Some(0)),
                ("Failed", Some(1)),
                ("NeedsAttention", Some(1)),
                ("Waiting", Some(1)),
                ("Overdue", Some(1)),
                ("NoticesUnsent", Some(0)),
                ("UnconfirmedRecipients", Some(2)),
                ("SuccessfulRun", Some(0)),
                ("OldestKeyAge", Some(91)),
                ("ActiveKeys", Some(5)),
                ("KeysDue", Some(3)),
                ("KeysOver90Days", Some(1)),
            ]
        );
        // A run over some users, asked for by a person, shows nothing of the fleet.
        let given = |values: Vec<(&'static str, Option<u64>)>| {
            values.into_iter().filter(|(_, value)| value.is_some()).map(|(name, _)| name).collect::<Vec<_>>()
        };
        assert_eq!(
            given(values(&mixed, RunScope::Named)),
            ["Rotated", "Failed", "NeedsAttention", "Waiting", "Overdue", "NoticesUnsent"]
        );
        // A user that needs attention is no failure of the run. Without a key there is no age.
        let mut no_key = report(vec![user("none", NeedsAttention, &[(70, Inactive)])]);
        no_key.summary.unconfirmed = None;
        assert_eq!(
            values(&no_key, RunScope::Fleet)[3..10],
            [
                ("Waiting", Some(0)),
                ("Overdue", Some(0)),
                ("NoticesUnsent", Some(0)),
                ("UnconfirmedRecipients", None),
                ("SuccessfulRun", Some(1)),
                ("OldestKeyAge", None),
                ("ActiveKeys", Some(0)),
            ]
        );
        assert_eq!(event(&RunReport { dry_run: true, ..no_key }, RunScope::Fleet, Span::ZERO, "stack", NOW), None);
    }

    /// "Specification: Embedded metric format": each metric that is named must exist and be a number; nothing else is a
    /// metric.
    #[test]
    fn the_event_is_in_the_embedded_metric_format() {
        let event = event(
            &report(vec![user("a", Outcome::Unchanged, &[(1, KeyStatus::Active)])]),
            RunScope::Fleet,
            Span::ZERO,
            "stack",
            NOW,
        )
        .unwrap();
        assert_eq!(event["_aws"]["Timestamp"], 1_795_490_200_000_i64);
        let [directive] = event["_aws"]["CloudWatchMetrics"].as_array().unwrap().as_slice() else { panic!("{event}") };
        assert_eq!(directive["Namespace"], "AccessKeyRotation");
        assert_eq!((&directive["Dimensions"], &event["FunctionName"]), (&json!([["FunctionName"]]), &json!("stack")));
        let metrics = directive["Metrics"].as_array().unwrap();
        let named: Vec<_> = metrics.iter().map(|metric| metric["Name"].as_str().unwrap()).collect();
        assert!(named.iter().all(|name| event[name].is_u64()), "{event}");
        assert!(
            Metric::ALL.iter().all(|metric| named.contains(&metric.name())) && named.len() == Metric::ALL.len(),
            "{named:?}"
        );
        assert!(metrics.iter().all(|metric| ["Count", "None"].contains(&metric["Unit"].as_str().unwrap())));
    }
}
