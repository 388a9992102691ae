//! The dashboard: the ages of all keys, and the results of the runs.

use lambda::report::metrics::{self, AUDITORS_LIMIT, Metric};
use serde_json::{Value as Json, json};

use crate::{
    cfn::{
        Handle, Pseudo, Template, Text,
        name::id,
        resource::{Dashboard, Function},
    },
    config::Config,
};

pub(super) fn dashboard(t: &mut Template, config: &Config, name: &Text, function: &Handle<Function>) {
    t.add(
        id!("Dashboard"),
        "Shows the ages of all keys and the results of the runs. Three dashboards of an account are free; each further one costs $3 a month.",
        Dashboard {
            dashboard_name: name.clone(),
            dashboard_body: Text::filled(&body(config).to_string(), |name| match name {
                FUNCTION => Some(function.reference().into()),
                REGION => Some(Pseudo::Region.into()),
                _ => None,
            }),
        },
    );
}

/// The text that stands for the name of the function until CloudFormation replaces it.
const FUNCTION: &str = "<function>";
/// The text that stands for the Region until CloudFormation replaces it.
const REGION: &str = "<region>";

/// The widgets, on a grid 24 wide (CloudWatch User Guide, "Dashboard body structure and syntax").
fn body(config: &Config) -> Json {
    let due = config.policy.rotate_after;
    let ages = [line(AUDITORS_LIMIT.whole_days(), "auditors' limit"), line(due.whole_days(), "rotate_after")];
    json!({
        "widgets": [
            text(0, 24, 1, "Access keys of the rotation: each point is a run over all users."),
            graph([0, 1, 12, 7], "Age of the oldest active key, in days", &[Metric::OldestKeyAge], &ages),
            graph(
                [12, 1, 12, 7],
                &format!("Active keys: all, of {due} at least, of more than {AUDITORS_LIMIT}"),
                &[Metric::ActiveKeys, Metric::KeysDue, Metric::KeysOver90Days],
                &[],
            ),
            graph(
                [0, 8, 12, 6],
                "Users in each run",
                &[
                    Metric::Rotated,
                    Metric::Waiting,
                    Metric::Overdue,
                    Metric::Failed,
                    Metric::NeedsAttention,
                    Metric::NoticesUnsent,
                    Metric::UnconfirmedRecipients,
                ],
                &[],
            ),
            graph([12, 8, 12, 6], "Runs without a failed user", &[Metric::SuccessfulRun], &[]),
        ],
    })
}

fn text(y: u32, width: u32, height: u32, markdown: &str) -> Json {
    json!({ "type": "text", "x": 0, "y": y, "width": width, "height": height, "properties": { "markdown": markdown } })
}

/// A graph of the highest value of each hour. A run is one data point; a sum would count users twice if an hour has two runs.
fn graph([x, y, width, height]: [u32; 4], title: &str, shown: &[Metric], lines: &[Json]) -> Json {
    let metric = |metric: &Metric| json!([metrics::NAMESPACE, metric.name(), metrics::DIMENSION, FUNCTION]);
    let mut properties = json!({
        "title": title,
        "region": REGION,
        "view": "timeSeries",
        "stat": "Maximum",
        "period": 3_600,
        "yAxis": { "left": { "min": 0 } },
        "metrics": shown.iter().map(metric).collect::<Vec<_>>(),
    });
    if !lines.is_empty() {
        properties["annotations"] = json!({ "horizontal": lines });
    }
    json!({ "type": "metric", "x": x, "y": y, "width": width, "height": height, "properties": properties })
}

fn line(value: u64, label: &str) -> Json {
    json!({ "value": value, "label": label })
}
