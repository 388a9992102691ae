//! When a schedule fires next: EventBridge Scheduler has no call that says so
//! (Scheduler User Guide, "Schedule types on EventBridge Scheduler").

use std::fmt;

use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use jiff::{
    civil::DateTime,
    tz::{AmbiguousOffset, TimeZone},
};
use lambda::model::time::{Span, Timestamp};
use serde_json::{Value as Json, json};

use crate::config::ScheduleExpression;

/// A schedule as EventBridge Scheduler tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// `rate(…)`, `cron(…)` or `at(…)`.
    pub expression: String,
    /// The IANA time zone that it means.
    pub time_zone: String,
    /// Whether it fires at all.
    pub state: ScheduleState,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub modified: Timestamp,
    /// It fires not before this.
    pub start: Option<Timestamp>,
    /// It fires not after this.
    pub end: Option<Timestamp>,
}

/// Whether a schedule fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScheduleState {
    /// It does.
    Enabled,
    /// Somebody has switched it off.
    Disabled,
}

/// What is certain of the next firing. Scheduler is true to the minute: it fires within the 60 seconds after the time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Firing {
    /// At this time.
    At(Timestamp),
    /// Some time within so long from now.
    Within(Span),
    /// Not again.
    Never(Never),
    /// The expression is not one of those that `synth` writes, so it cannot say.
    Unknown,
}

/// Why a schedule does not fire again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Never {
    /// It is switched off.
    Disabled,
    /// Its last time is past.
    Over,
}

/// When the schedule fires next, seen from `now`.
#[must_use]
pub fn next(schedule: &Schedule, now: Timestamp) -> Firing {
    if schedule.state == ScheduleState::Disabled {
        return Firing::Never(Never::Disabled);
    }
    let (Ok(expression), Ok(zone)) =
        (schedule.expression.parse::<ScheduleExpression>(), TimeZone::get(&schedule.time_zone))
    else {
        return Firing::Unknown;
    };
    if let Some(period) = expression.period() {
        return within_life(schedule, rate(schedule, period, now));
    }
    let inside = |name: &str| expression.as_str().strip_prefix(name)?.strip_suffix(')');
    if let Some(at) = inside("at(") {
        // Start and end mean nothing to a schedule that fires once.
        return at.parse().map_or(Firing::Unknown, |at| match instant(at, &zone) {
            Some(at) if at > now => Firing::At(at),
            Some(_) => Firing::Never(Never::Over),
            None => Firing::Unknown,
        });
    }
    let from = schedule.start.map_or(now, |start| now.max(start.before(Span::seconds(1))));
    match inside("cron(").and_then(cron).zip(civil(from, &zone)) {
        // What the search begins with may lie in an hour that comes twice, so not all that follows on the clock is later.
        Some((cron, begin)) => {
            let mut times = cron.iter_after(begin).filter_map(|local| instant(local, &zone));
            let next = times.find(|time| *time > from);
            within_life(schedule, next.map_or(Firing::Never(Never::Over), Firing::At))
        }
        None => Firing::Unknown,
    }
}

/// A rate counts from the start, or else from the moment the schedule was made, when it fires for the first time. From
/// where it counts once it was changed, AWS does not say.
fn rate(schedule: &Schedule, period: Span, now: Timestamp) -> Firing {
    match schedule.start {
        Some(start) if start > now => Firing::At(start),
        _ if schedule.modified > schedule.created => Firing::Within(period),
        start => {
            let first = start.map_or(schedule.created, |start| start.max(schedule.created));
            let periods = now.since(first).as_seconds() / period.as_seconds() + 1;
            Firing::At(first + Span::seconds(periods * period.as_seconds()))
        }
    }
}

fn within_life(schedule: &Schedule, firing: Firing) -> Firing {
    match (&firing, schedule.end) {
        (Firing::At(time), Some(end)) if *time > end => Firing::Never(Never::Over),
        _ => firing,
    }
}

/// The six fields as the library takes them, with the seconds that a schedule does not have.
fn cron(fields: &str) -> Option<Cron> {
    let fields: Vec<_> = fields.split(' ').collect();
    let [minutes, hours, day, month, weekday, year] = fields.as_slice() else { return None };
    // The last day of the week, which the library knows by its name alone.
    let weekday = if *weekday == "L" { "SAT" } else { weekday };
    CronParser::builder()
        .seconds(Seconds::Required)
        .year(Year::Required)
        // 1 is Sunday; 0/15 is every quarter of an hour.
        .alternative_weekdays(true)
        .sloppy_ranges(true)
        .build()
        .parse(&format!("0 {minutes} {hours} {day} {month} {weekday} {year}"))
        .ok()
}

fn civil(time: Timestamp, zone: &TimeZone) -> Option<DateTime> {
    Some(zone.to_datetime(jiff::Timestamp::from_second(time.unix()).ok()?))
}

/// When the clocks show this. A time that they skip in spring is skipped; of one that comes twice in autumn, the first.
fn instant(local: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    let offset = match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset,
        AmbiguousOffset::Fold { before, .. } => before,
        AmbiguousOffset::Gap { .. } => return None,
    };
    Some(Timestamp::from_unix(offset.to_timestamp(local).ok()?.as_second()))
}

impl Firing {
    /// For people: `2026-11-25 09:00 Asia/Tokyo (2026-11-25 00:00 UTC)`.
    #[must_use]
    pub fn text(&self, time_zone: &str) -> String {
        match self {
            Self::At(time) => match TimeZone::get(time_zone).ok().and_then(|zone| civil(*time, &zone)) {
                Some(local) if time_zone != "UTC" => {
                    format!("fires next on {} {time_zone} ({})", local.strftime("%F %H:%M"), time.to_minute())
                }
                _ => format!("fires next on {}", time.to_minute()),
            },
            Self::Within(span) => {
                format!("fires within {span} (it was changed, and AWS does not say from when it counts now)")
            }
            Self::Never(never) => never.to_string(),
            Self::Unknown => "when it fires next cannot be told from its expression".into(),
        }
    }

    /// For programs.
    #[must_use]
    pub fn json(&self) -> Json {
        match self {
            Self::At(time) => json!({ "at": time }),
            Self::Within(span) => json!({ "within": span }),
            Self::Never(never) => json!({ "never": never.to_string() }),
            Self::Unknown => Json::Null,
        }
    }
}

impl fmt::Display for Never {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Disabled => "it is disabled and does not fire",
            Self::Over => "it does not fire again",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn schedule(expression: &str, time_zone: &str) -> Schedule {
        let created = time("2026-11-24T19:42:10Z");
        Schedule {
            expression: expression.into(),
            time_zone: time_zone.into(),
            state: ScheduleState::Enabled,
            created,
            modified: created,
            start: None,
            end: None,
        }
    }

    /// The next three firings after a time, in UTC.
    fn next_three(expression: &str, time_zone: &str, after: &str) -> Vec<String> {
        let schedule = schedule(expression, time_zone);
        let mut now = time(after);
        let mut firing = || match next(&schedule, now) {
            Firing::At(time) => {
                now = time;
                time.to_string()
            }
            other => format!("{other:?}"),
        };
        (0..3).map(|_| firing()).collect()
    }

    /// Calendars: 1 December 2026 is a Tuesday, 1 January 2027 a Friday, 1 May 2027 a Saturday, 1 August 2027 a Sunday.
    #[test]
    fn cron_expressions_mean_what_scheduler_means() {
        for (expression, times) in [
            ("cron(0 9 ? * MON-FRI *)", ["2026-11-25T09:00:00Z", "2026-11-26T09:00:00Z", "2026-11-27T09:00:00Z"]),
            // 1 is Sunday, 7 is Saturday.
            ("cron(0 9 ? * 1 *)", ["2026-11-29T09:00:00Z", "2026-12-06T09:00:00Z", "2026-12-13T09:00:00Z"]),
            ("cron(0 9 ? * 7 *)", ["2026-11-28T09:00:00Z", "2026-12-05T09:00:00Z", "2026-12-12T09:00:00Z"]),
            ("cron(0 9 ? * L *)", ["2026-11-28T09:00:00Z", "2026-12-05T09:00:00Z", "2026-12-12T09:00:00Z"]),
            // The first Monday, the last Friday, a fifth Monday.
            ("cron(0 9 ? * 2#1 *)", ["2026-12-07T09:00:00Z", "2027-01-04T09:00:00Z", "2027-02-01T09:00:00Z"]),
            ("cron(0 9 ? * 6L *)", ["2026-11-27T09:00:00Z", "2026-12-25T09:00:00Z", "2027-01-29T09:00:00Z"]),
            ("cron(0 9 ? * MON#5 *)", ["2026-11-30T09:00:00Z", "2027-03-29T09:00:00Z", "2027-05-31T09:00:00Z"]),
            // The last day, the last weekday, the weekday nearest to a day, which stays within the month.
            ("cron(0 9 L * ? *)", ["2026-11-30T09:00:00Z", "2026-12-31T09:00:00Z", "2027-01-31T09:00:00Z"]),
            ("cron(0 9 LW 1-2 ? *)", ["2027-01-29T09:00:00Z", "2027-02-26T09:00:00Z", "2028-01-31T09:00:00Z"]),
            ("cron(0 9 1W 5,8 ? *)", ["2027-05-03T09:00:00Z", "2027-08-02T09:00:00Z", "2028-05-01T09:00:00Z"]),
            ("cron(0 9 15W 5,8 ? *)", ["2027-05-14T09:00:00Z", "2027-08-16T09:00:00Z", "2028-05-15T09:00:00Z"]),
            // Steps, with and without a beginning.
            ("cron(0/25 20 * * ? *)", ["2026-11-24T20:00:00Z", "2026-11-24T20:25:00Z", "2026-11-24T20:50:00Z"]),
            ("cron(50 09 1/15 */6 ? *)", ["2027-01-01T09:50:00Z", "2027-01-16T09:50:00Z", "2027-01-31T09:50:00Z"]),
            // Years; a leap year.
            ("cron(0 9 1 1 ? 2030-2199)", ["2030-01-01T09:00:00Z", "2031-01-01T09:00:00Z", "2032-01-01T09:00:00Z"]),
            ("cron(0 9 29 2 ? 2027/1)", ["2028-02-29T09:00:00Z", "2032-02-29T09:00:00Z", "2036-02-29T09:00:00Z"]),
            ("cron(0 9 1 1 ? 2027)", ["2027-01-01T09:00:00Z", "Never(Over)", "Never(Over)"]),
            ("cron(0 9 30 2 ? *)", ["Never(Over)"; 3]),
        ] {
            assert_eq!(next_three(expression, "UTC", "2026-11-24T19:42:00Z"), times, "{expression}");
        }
    }

    #[test]
    fn clocks_that_are_moved() {
        for (expression, zone, after, times) in [
            (
                "cron(0 9 * * ? *)",
                "Asia/Tokyo",
                "2026-11-24T00:00:00Z",
                ["2026-11-25T00:00:00Z", "2026-11-26T00:00:00Z", "2026-11-27T00:00:00Z"],
            ),
            // 28 March 2027, Berlin: 02:00 to 03:00 is skipped, and so is what would fire then.
            (
                "cron(30 2 * * ? *)",
                "Europe/Berlin",
                "2027-03-26T12:00:00Z",
                ["2027-03-27T01:30:00Z", "2027-03-29T00:30:00Z", "2027-03-30T00:30:00Z"],
            ),
            (
                "cron(0 1-3 * * ? *)",
                "Europe/Berlin",
                "2027-03-27T12:00:00Z",
                ["2027-03-28T00:00:00Z", "2027-03-28T01:00:00Z", "2027-03-28T23:00:00Z"],
            ),
            // 25 October 2026, Berlin: 02:00 to 03:00 comes twice, and it fires once.
            (
                "cron(30 2 * * ? *)",
                "Europe/Berlin",
                "2026-10-24T12:00:00Z",
                ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z", "2026-10-27T01:30:00Z"],
            ),
            // Seen from the second of the two hours: the first one's 02:30 is past.
            (
                "cron(30 2 * * ? *)",
                "Europe/Berlin",
                "2026-10-25T01:10:00Z",
                ["2026-10-26T01:30:00Z", "2026-10-27T01:30:00Z", "2026-10-28T01:30:00Z"],
            ),
            // The southern half, with half an hour: 4 April 2027, Lord Howe.
            (
                "cron(0 12 * * ? *)",
                "Australia/Lord_Howe",
                "2027-04-02T12:00:00Z",
                ["2027-04-03T01:00:00Z", "2027-04-04T01:30:00Z", "2027-04-05T01:30:00Z"],
            ),
            // A day of a rate has 24 hours, whatever the clocks do.
            (
                "rate(1 day)",
                "Europe/Berlin",
                "2027-03-27T12:00:00Z",
                ["2027-03-27T19:42:10Z", "2027-03-28T19:42:10Z", "2027-03-29T19:42:10Z"],
            ),
        ] {
            assert_eq!(next_three(expression, zone, after), times, "{expression} from {after}");
        }
    }

    #[test]
    fn what_is_certain_of_a_rate_and_of_one_time() {
        let now = time("2026-11-24T20:00:00Z");
        let of = |expression: &str, zone: &str, change: fn(&mut Schedule)| {
            let mut schedule = schedule(expression, zone);
            change(&mut schedule);
            next(&schedule, now)
        };
        let at = |text: &str| Firing::At(time(text));
        let plain = |_: &mut Schedule| {};
        assert_eq!(of("rate(12 hours)", "UTC", plain), at("2026-11-25T07:42:10Z"));
        assert_eq!(of("rate(1 minute)", "UTC", plain), at("2026-11-24T20:00:10Z"));
        let changed = |schedule: &mut Schedule| schedule.modified = time("2026-11-24T19:50:00Z");
        assert_eq!(of("rate(12 hours)", "UTC", changed), Firing::Within(Span::minutes(720)));
        let starts = |schedule: &mut Schedule| schedule.start = Some(time("2027-01-01T00:00:00Z"));
        assert_eq!(of("rate(12 hours)", "UTC", starts), at("2027-01-01T00:00:00Z"));
        assert_eq!(of("cron(0 0 * * ? *)", "UTC", starts), at("2027-01-01T00:00:00Z"));
        let ends = |schedule: &mut Schedule| schedule.end = Some(time("2026-11-25T06:00:00Z"));
        assert_eq!(of("rate(12 hours)", "UTC", ends), Firing::Never(Never::Over));
        assert_eq!(of("cron(0 6 * * ? *)", "UTC", ends), at("2026-11-25T06:00:00Z"));
        assert_eq!(of("cron(0 9 * * ? *)", "UTC", ends), Firing::Never(Never::Over));
        // Once: neither start nor end matters, but the clocks do.
        assert_eq!(of("at(2027-01-31T09:00:00)", "Asia/Tokyo", ends), at("2027-01-31T00:00:00Z"));
        assert_eq!(of("at(2026-11-24T20:00:00)", "UTC", plain), Firing::Never(Never::Over));
        let off = |schedule: &mut Schedule| schedule.state = ScheduleState::Disabled;
        assert_eq!(of("rate(1 day)", "UTC", off), Firing::Never(Never::Disabled));
        // What `synth` does not write, it does not explain either.
        for (expression, zone) in
            [("rate(2 fortnights)", "UTC"), ("cron(0 9 ? * FRI-MON *)", "UTC"), ("rate(1 day)", "Mars/Phobos")]
        {
            assert_eq!(of(expression, zone, plain), Firing::Unknown, "{expression} {zone}");
        }
    }

    #[test]
    fn people_read_their_own_clock() {
        let at = Firing::At(time("2026-11-25T00:00:10Z"));
        assert_eq!(at.text("Asia/Tokyo"), "fires next on 2026-11-25 09:00 Asia/Tokyo (2026-11-25 00:00 UTC)");
        assert_eq!(at.text("UTC"), "fires next on 2026-11-25 00:00 UTC");
    }
}
