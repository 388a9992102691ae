//! What a stack costs a month, at AWS's list prices. docs/faq.md explains the figures.

use lambda::{protocol::policy::Delivery, report::metrics::Metric};
use serde_json::{Value as Json, json};

use crate::{
    cfn::view::View,
    config::{ScheduleExpression, ScheduleRuns},
    screen::counted,
    stack::planned_handler::schedule,
};

// In US dollars, for US East (N. Virginia), without free tiers; read in November 2026 at aws.amazon.com/kms/pricing,
// /cloudwatch/pricing and /secrets-manager/pricing.
const KEY: f64 = 1.0;
const ALARM: f64 = 0.10;
const METRIC: f64 = 0.30;
const SECRET: f64 = 0.40;
/// The hours of a month of 30 days. A metric is paid for each hour in which it is reported.
const HOURS: f64 = 720.0;

/// The parts of a stack that have a price. Everything else costs fractions of a cent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MonthlyCost {
    /// The number of KMS keys.
    pub keys: usize,
    /// The number of alarms.
    pub alarms: usize,
    /// The number of hours of a month in which the metrics are reported.
    pub metric_hours: f64,
    /// The number of secrets. `None` if it is unknown how many users are selected.
    pub secrets: Option<usize>,
}

impl MonthlyCost {
    /// The cost of the stack with this template. `users` is the number of selected users, if it is known.
    #[must_use]
    pub fn of(template: &Json, delivery: Delivery, users: Option<usize>) -> Self {
        let view = View(template);
        Self {
            keys: view.of("AWS::KMS::Key").count(),
            alarms: view.of("AWS::CloudWatch::Alarm").count(),
            metric_hours: schedule(template).map_or(0.0, |schedule| hours(&schedule)),
            secrets: if delivery == Delivery::SecretsManager { users } else { Some(0) },
        }
    }

    /// The prices of the parts, in US dollars a month: what it is, how many, and the price of all.
    fn parts(&self) -> [(&'static str, usize, f64); 4] {
        let all = |number: usize, price: f64| f64::from(u32::try_from(number).unwrap_or(u32::MAX)) * price;
        let secrets = self.secrets.unwrap_or_default();
        [
            ("KMS key", self.keys, all(self.keys, KEY)),
            ("alarm", self.alarms, all(self.alarms, ALARM)),
            ("metric", Metric::ALL.len(), all(Metric::ALL.len(), METRIC) * self.metric_hours / HOURS),
            ("secret", secrets, all(secrets, SECRET)),
        ]
    }

    /// The sum, in US dollars a month. Without the secrets, if their number is unknown.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.parts().iter().map(|(.., price)| price).sum()
    }

    /// The cost as text for people.
    #[must_use]
    pub fn text(&self) -> String {
        let part = |(what, number, price): (&str, usize, f64)| format!("{} {price:.2}", counted(number, what));
        let parts = self.parts().into_iter().filter(|(_, number, _)| *number > 0).map(part);
        let each = self.secrets.is_none().then(|| format!("and {SECRET:.2} for each user's secret"));
        let parts: Vec<_> = parts.chain(each).collect();
        format!("About ${:.2} a month in us-east-1: {}", self.total(), parts.join(", "))
    }

    /// The cost as JSON for programs, in US dollars.
    #[must_use]
    pub fn json(&self) -> Json {
        let parts = self.parts();
        let parts = parts.iter().map(|(what, number, price)| json!({ "what": what, "count": number, "price": price }));
        json!({ "total": self.total(), "parts": parts.collect::<Json>(), "secretsAreKnown": self.secrets.is_some() })
    }
}

/// The hours of a month in which a schedule starts a run.
fn hours(schedule: &ScheduleExpression) -> f64 {
    let Some(ScheduleRuns { minutes, is_whole }) = schedule.runs() else {
        // One run in all, or an expression that this program does not know. A daily run is usual.
        return if schedule.as_str().starts_with("at(") { 1.0 } else { 30.0 };
    };
    let mut hours: Vec<_> = minutes.iter().map(|minute| minute / 60).collect();
    hours.dedup();
    let window = if is_whole { ScheduleRuns::WINDOW } else { minutes.last().copied().unwrap_or_default().max(1) };
    let number = f64::from(u32::try_from(hours.len()).unwrap_or(u32::MAX));
    (number * HOURS * 60.0 / f64::from(window)).min(HOURS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_paid_for_each_hour_with_a_run() {
        for (schedule, expected) in [
            ("rate(1 day)", 30.0),
            ("rate(1 hour)", 720.0),
            ("rate(5 minutes)", 720.0),
            ("rate(30 days)", 1.0),
            ("cron(0 9 * * ? *)", 30.0),
            ("cron(0/5 9 * * ? *)", 30.0),
            ("cron(0 9 ? * MON *)", 30.0 / 7.0),
            ("at(2027-01-31T09:00:00)", 1.0),
        ] {
            let hours = hours(&schedule.parse().unwrap());
            assert!((hours - expected).abs() < 0.05, "{schedule}: {hours}");
        }
    }
}
