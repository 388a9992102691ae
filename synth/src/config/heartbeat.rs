//! How long the alarm about missed runs waits before it goes to ALARM: two periods of the schedule.

use lambda::model::time::Span;

use super::schedule::ScheduleExpression;

/// What the alarm evaluates: a number of CloudWatch's periods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MissedRunsWindow {
    /// The length of one period, in seconds.
    pub period: u32,
    /// The number of periods.
    pub periods: u32,
}

/// The longest time that an alarm evaluates if its periods are at least an hour. With shorter periods the limit is a day
/// ("PutMetricAlarm": Period).
const MOST: Span = Span::days(7);
const HOUR: u32 = 3_600;
const FIVE_MINUTES: u32 = 300;

impl MissedRunsWindow {
    /// The window for a schedule with a known longest time between two runs. `None` if twice that time is more than an alarm can
    /// evaluate.
    ///
    /// It has many short periods instead of two long ones. Before CloudWatch treats data as missing, it looks some periods further
    /// back ("Configuring how CloudWatch alarms treat missing data": evaluation range). With periods of an hour that is some hours;
    /// with periods of a day it would be some days.
    #[must_use]
    pub fn over(schedule: &ScheduleExpression) -> Option<Self> {
        let gap = schedule.longest_gap()?;
        let window = (gap + gap).as_seconds();
        if window > MOST.as_seconds() {
            return None;
        }
        let period = if window < 6 * u64::from(HOUR) { FIVE_MINUTES } else { HOUR };
        Some(Self { period, periods: u32::try_from(window.div_ceil(period.into())).ok()? })
    }

    /// How long a new alarm waits before it counts, in minutes: at most two days (CloudWatch User Guide, "Alarm warm-up periods").
    #[must_use]
    pub fn warm_up_minutes(self) -> u32 {
        u32::try_from(self.length().as_seconds() / 60).unwrap_or(u32::MAX).min(2 * 24 * 60)
    }

    /// The whole time that the alarm evaluates.
    #[must_use]
    pub fn length(self) -> Span {
        Span::seconds(u64::from(self.period) * u64::from(self.periods))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_periods_as_far_as_cloudwatch_can_see() {
        let of = |text: &str| {
            MissedRunsWindow::over(&text.parse().unwrap()).map(|w| (w.period, w.periods, w.length().to_string()))
        };
        let window = |period, periods, window: &str| Some((period, periods, window.to_owned()));
        for (schedule, expected) in [
            ("rate(2 minutes)", window(300, 1, "5m")),
            ("rate(15 minutes)", window(300, 6, "30m")),
            ("rate(1 hour)", window(300, 24, "2h")),
            ("rate(179 minutes)", window(300, 72, "6h")),
            ("rate(3 hours)", window(3_600, 6, "6h")),
            ("rate(1 day)", window(3_600, 48, "2d")),
            ("rate(84 hours)", window(3_600, 168, "7d")),
            ("rate(85 hours)", None),
            ("rate(7 days)", None),
            ("rate(30 days)", None),
            ("cron(0 9 * * ? *)", window(3_600, 48, "2d")),
            ("cron(0/15 8-18 ? * * *)", window(3_600, 48, "2d")),
            ("cron(0 9 ? * MON-FRI *)", window(3_600, 144, "6d")),
            ("cron(0 9 ? * 2,4,6 *)", window(3_600, 144, "6d")),
            ("cron(0 9 ? * 1,wed,Fri-SAT *)", window(3_600, 144, "6d")),
            // The weekend is too long; one day a week is too rare; the rest has no known longest gap.
            ("cron(0 9 ? * TUE-THU *)", None),
            ("cron(0 9 ? * MON *)", None),
            ("cron(0 9 ? * FRI-MON *)", None),
            ("cron(0 9 ? * */2 *)", None),
            ("cron(0 9 ? * 2#1 *)", None),
            ("cron(0 9 ? * L *)", None),
            ("cron(0 9 1,15 * ? *)", None),
            ("cron(0 9 * JAN ? *)", None),
            ("cron(0 9 * * ? 2030)", None),
            ("at(2027-01-31T09:00:00)", None),
        ] {
            assert_eq!(of(schedule), expected, "{schedule}");
        }
    }

    /// For every rate, the window is at least two periods and less than an hour longer, and within AWS's limit.
    #[test]
    fn each_window_is_one_that_an_alarm_may_have() {
        for minutes in 2..=6_000_u64 {
            let schedule = format!("rate({minutes} minutes)").parse().unwrap();
            let Some(window) = MissedRunsWindow::over(&schedule) else {
                assert!(minutes > 84 * 60, "{minutes}");
                continue;
            };
            let length = window.length();
            assert!(length >= Span::minutes(2 * minutes) && length < Span::minutes(2 * minutes + 60), "{minutes}");
            assert!(length <= if window.period < HOUR { Span::days(1) } else { MOST }, "{minutes}");
        }
    }
}
