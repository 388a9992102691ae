//! Evaluates the alarms of a template over reported metrics, as CloudWatch's documentation describes it.
//!
//! The local AWS only stores alarms and does not read the embedded metric format. So this module calculates which
//! alarms fire.

use std::collections::{BTreeMap, BTreeSet};

use lambda::model::time::{Span, Timestamp};
use serde_json::Value as Json;

/// One reported value of a metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataPoint {
    /// The metric that the value belongs to.
    pub metric: Metric,
    /// The value, a count.
    pub value: u64,
    /// The time of the report.
    pub at: Timestamp,
}

/// The identity of a metric.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Metric {
    /// The namespace, such as `AWS/Lambda`.
    pub namespace: String,
    /// The name, such as `Errors`.
    pub name: String,
    /// The dimensions, which distinguish it from metrics with the same name.
    pub dimensions: BTreeMap<String, String>,
}

impl Metric {
    /// Makes a metric with one dimension.
    #[must_use]
    pub fn new(namespace: &str, name: &str, (dimension, value): (&str, &str)) -> Self {
        let dimensions = BTreeMap::from([(dimension.to_owned(), value.to_owned())]);
        Self { namespace: namespace.to_owned(), name: name.to_owned(), dimensions }
    }
}

/// The values that CloudWatch reads from a log line in the embedded metric format. Another line has none.
///
/// # Panics
/// If the line claims to have the format and does not. CloudWatch would ignore it without an error.
#[must_use]
pub fn extract(line: &str) -> Vec<DataPoint> {
    let Ok(event) = serde_json::from_str::<Json>(line) else { return Vec::new() };
    let text = |value: &Json| value.as_str().unwrap_or_else(|| panic!("{value} is no text: {line}")).to_owned();
    let list = |value: &Json| value.as_array().unwrap_or_else(|| panic!("{value} is no list: {line}")).clone();
    if event["_aws"].is_null() {
        return Vec::new();
    }
    let milliseconds = event["_aws"]["Timestamp"].as_i64().unwrap_or_else(|| panic!("no time: {line}"));
    let mut points = Vec::new();
    for directive in list(&event["_aws"]["CloudWatchMetrics"]) {
        for set in list(&directive["Dimensions"]) {
            let dimensions: BTreeMap<_, _> =
                list(&set).iter().map(|name| (text(name), text(&event[text(name)]))).collect();
            for metric in list(&directive["Metrics"]) {
                let (name, namespace) = (text(&metric["Name"]), text(&directive["Namespace"]));
                let value = event[&name].as_u64().unwrap_or_else(|| panic!("{name} has no value: {line}"));
                let metric = Metric { namespace, name, dimensions: dimensions.clone() };
                points.push(DataPoint { metric, value, at: Timestamp::from_unix(milliseconds / 1_000) });
            }
        }
    }
    points
}

/// The state of an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// There are not enough data yet.
    InsufficientData,
    /// The metric is within its threshold.
    Ok,
    /// The alarm fires.
    Alarm,
}

/// An alarm of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// The name of the alarm.
    pub name: String,
    /// The description, which is in the mail about the alarm.
    pub description: String,
    metric: Metric,
    statistic: Statistic,
    period: u64,
    evaluation_periods: usize,
    breaches_to_ring: usize,
    below: bool,
    threshold: u64,
    missing_is_breaching: bool,
    warm_up: Span,
    /// The topics that get a message when the alarm fires.
    pub tells: BTreeSet<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Statistic {
    Maximum,
    SampleCount,
    Sum,
}

/// The number of additional periods that CloudWatch reads before it treats data as missing. The number is from its
/// examples. The documentation says that it depends on the period ("Configuring how CloudWatch alarms treat missing
/// data": evaluation range).
const FURTHER: usize = 2;

impl Alarm {
    /// Reads the properties of an alarm resource. `resolve` returns the values that CloudFormation fills in.
    ///
    /// # Panics
    /// If a property has a value that this module does not support.
    #[must_use]
    pub fn read(properties: &Json, resolve: impl Fn(&Json) -> String) -> Self {
        let known = [
            "AlarmName",
            "AlarmDescription",
            "Namespace",
            "MetricName",
            "Dimensions",
            "Statistic",
            "Period",
            "EvaluationPeriods",
            "DatapointsToAlarm",
            "ComparisonOperator",
            "Threshold",
            "TreatMissingData",
            "WarmUpConfiguration",
            "AlarmActions",
        ];
        let unknown: Vec<_> =
            properties.as_object().expect("properties").keys().filter(|key| !known.contains(&key.as_str())).collect();
        assert!(unknown.is_empty(), "what does {unknown:?} mean?");
        let text = |key: &str| resolve(&properties[key]);
        let number = |value: &Json| value.as_u64().unwrap_or_else(|| panic!("{value} in {properties:#}"));
        let count = |value: &Json| usize::try_from(number(value)).expect("a small number");
        let all = |key: &str| properties[key].as_array().into_iter().flatten().map(&resolve).collect();
        let dimensions = properties["Dimensions"].as_array().into_iter().flatten();
        let dimensions = dimensions.map(|dimension| (resolve(&dimension["Name"]), resolve(&dimension["Value"])));
        let evaluation_periods = count(&properties["EvaluationPeriods"]);
        let fewer = &properties["DatapointsToAlarm"];
        let minutes = &properties["WarmUpConfiguration"]["WarmUpPeriodDurationInMinutes"];
        Self {
            name: text("AlarmName"),
            description: text("AlarmDescription"),
            metric: Metric { namespace: text("Namespace"), name: text("MetricName"), dimensions: dimensions.collect() },
            statistic: match text("Statistic").as_str() {
                "Maximum" => Statistic::Maximum,
                "SampleCount" => Statistic::SampleCount,
                "Sum" => Statistic::Sum,
                other => panic!("{other}"),
            },
            period: number(&properties["Period"]),
            evaluation_periods,
            breaches_to_ring: if fewer.is_null() { evaluation_periods } else { count(fewer) },
            below: match text("ComparisonOperator").as_str() {
                "LessThanThreshold" => true,
                "GreaterThanThreshold" => false,
                other => panic!("{other}"),
            },
            threshold: number(&properties["Threshold"]),
            missing_is_breaching: match text("TreatMissingData").as_str() {
                "breaching" => true,
                "notBreaching" => false,
                other => panic!("{other}"),
            },
            warm_up: if minutes.is_null() { Span::ZERO } else { Span::minutes(number(minutes)) },
            tells: all("AlarmActions"),
        }
    }

    /// The time that the alarm evaluates: all its periods together.
    #[must_use]
    pub fn window(&self) -> Span {
        Span::seconds(self.period * self.evaluation_periods as u64)
    }

    /// The changes of the state between `created` and `end`, evaluated once a minute.
    #[must_use]
    pub fn changes(&self, points: &[DataPoint], created: Timestamp, end: Timestamp) -> Vec<(Timestamp, State)> {
        let mine: Vec<_> = points.iter().filter(|point| point.metric == self.metric).collect();
        let (mut state, mut changes, mut now) = (State::InsufficientData, Vec::new(), created);
        while now < end {
            let next = self.state(&mine, created, now);
            if next != state {
                changes.push((now, next));
                state = next;
            }
            now = now + Span::minutes(1);
        }
        changes
    }

    fn state(&self, points: &[&DataPoint], created: Timestamp, now: Timestamp) -> State {
        // A sliding window: periods count back from now ("Alarm evaluation window").
        let mut periods: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
        for point in points.iter().filter(|point| point.at <= now) {
            let back = usize::try_from(now.since(point.at).as_seconds() / self.period).unwrap_or(usize::MAX);
            if back < self.evaluation_periods + FURTHER {
                periods.entry(back).or_default().push(point.value);
            }
        }
        let breaching: Vec<bool> = periods.values().map(|values| self.breaches(values)).collect();
        // "Alarm warm-up periods": the alarm waits, unless there are enough data for its window.
        if now < created + self.warm_up && breaching.len() < self.evaluation_periods {
            return State::InsufficientData;
        }
        if self.rings(&breaching) { State::Alarm } else { State::Ok }
    }

    fn breaches(&self, values: &[u64]) -> bool {
        let value = match self.statistic {
            Statistic::Maximum => values.iter().copied().max().unwrap_or(0),
            Statistic::SampleCount => values.len() as u64,
            Statistic::Sum => values.iter().sum(),
        };
        if self.below { value < self.threshold } else { value > self.threshold }
    }

    /// Whether the alarm fires ("How alarm state is evaluated when data is missing"). The most recent periods with data
    /// count, up to the number of evaluation periods. Missing ones are filled in.
    fn rings(&self, breaching: &[bool]) -> bool {
        let real = &breaching[..breaching.len().min(self.evaluation_periods)];
        let filled = if self.missing_is_breaching { self.evaluation_periods - real.len() } else { 0 };
        real.iter().filter(|breaching| **breaching).count() + filled >= self.breaches_to_ring
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The examples in both tables of "Configuring how CloudWatch alarms treat missing data". The oldest period is
    /// first; X is a breach, and - is a period without data. Then whether the alarm fires if missing data breaches, and
    /// if it does not.
    #[test]
    fn cloudwatchs_own_examples() {
        for (m, periods, breaching, not_breaching) in [
            (3, "0-X-X", false, false),
            (3, "0----", false, false),
            (3, "-----", true, false),
            (3, "0XX-X", true, true),
            (3, "--X--", true, false),
            (2, "0-X-X", true, true),
            (2, "00X0X", true, true),
            (2, "0-X--", true, false),
            (2, "----0", true, false),
            (2, "---X-", true, false),
        ] {
            for (treat, rings) in [("breaching", breaching), ("notBreaching", not_breaching)] {
                let alarm = Alarm::read(
                    &json!({
                        "AlarmName": "", "AlarmDescription": "", "Namespace": "N", "MetricName": "M", "Dimensions": [],
                        "Statistic": "Sum", "Period": 300, "EvaluationPeriods": 3, "DatapointsToAlarm": m,
                        "ComparisonOperator": "GreaterThanThreshold", "Threshold": 0, "TreatMissingData": treat,
                    }),
                    |value| value.as_str().unwrap_or_default().to_owned(),
                );
                let now = Timestamp::from_unix(1_795_490_200);
                let point = |(back, what): (usize, char)| DataPoint {
                    metric: alarm.metric.clone(),
                    value: u64::from(what == 'X'),
                    at: now.before(Span::seconds(300 * back as u64 + 10)),
                };
                let points: Vec<_> =
                    periods.chars().rev().enumerate().filter(|(_, what)| *what != '-').map(point).collect();
                let state = alarm.state(&points.iter().collect::<Vec<_>>(), now, now);
                assert_eq!(state == State::Alarm, rings, "{m} of 3, {treat}: {periods}");
            }
        }
    }
}
