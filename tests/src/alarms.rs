//! CloudWatch's alarms, evaluated as its documentation says: over a template's own properties and what was reported.
//!
//! The local AWS stores alarms and does not read the embedded metric format, so what rings is worked out here.

use std::collections::{BTreeMap, BTreeSet};

use lambda::model::time::{Span, Timestamp};
use serde_json::Value as Json;

/// A value that was reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataPoint {
    /// Of what.
    pub metric: Metric,
    /// How much: the handler counts, in whole numbers.
    pub value: u64,
    /// When.
    pub at: Timestamp,
}

/// What is measured.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Metric {
    /// Such as `AWS/Lambda`.
    pub namespace: String,
    /// Such as `Errors`.
    pub name: String,
    /// What tells it from others of its name.
    pub dimensions: BTreeMap<String, String>,
}

impl Metric {
    /// A metric with one dimension.
    #[must_use]
    pub fn new(namespace: &str, name: &str, (dimension, value): (&str, &str)) -> Self {
        let dimensions = BTreeMap::from([(dimension.to_owned(), value.to_owned())]);
        Self { namespace: namespace.to_owned(), name: name.to_owned(), dimensions }
    }
}

/// What CloudWatch makes of a log line: the values of an event in the embedded metric format, none of any other line.
///
/// # Panics
/// If the line says that it is in the format and is not: CloudWatch would drop it without a word.
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

/// What an alarm says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It does not know yet.
    InsufficientData,
    /// All is well.
    Ok,
    /// It rings.
    Alarm,
}

/// An alarm of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// Its name.
    pub name: String,
    /// What people read.
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
    /// Whether anybody hears it.
    pub tells: BTreeSet<String>,
    /// Whether anybody hears that it is over.
    pub tells_when_over: BTreeSet<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Statistic {
    Maximum,
    SampleCount,
    Sum,
}

/// How many periods further back CloudWatch looks than it is told, before it takes data for missing. The number is in its
/// examples, and said to depend on the period ("Configuring how CloudWatch alarms treat missing data": evaluation range).
const FURTHER: usize = 2;

impl Alarm {
    /// Reads a resource's properties; `resolve` says what CloudFormation fills in.
    ///
    /// # Panics
    /// If there is something in it that is not understood here.
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
            "OKActions",
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
            tells_when_over: all("OKActions"),
        }
    }

    /// All that an alarm looks back over, as it is told.
    #[must_use]
    pub fn window(&self) -> Span {
        Span::seconds(self.period * self.evaluation_periods as u64)
    }

    /// Each change of state from `created` on, looking once a minute until `end`.
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
        // "Alarm warm-up periods": it waits, unless there is enough to fill its window.
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

    /// "How alarm state is evaluated when data is missing": the most recent periods that have data, as many as are to be
    /// evaluated; what is missing of them is filled in.
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

    /// The examples of "Configuring how CloudWatch alarms treat missing data", both tables: the oldest period first, X for one
    /// that breaches, - for one without data; and whether it rings where missing data breaches, and where it does not.
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
