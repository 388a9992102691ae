//! Calculates when a schedule fires next, because EventBridge Scheduler has no call for it (Scheduler User Guide,
//! "Schedule types on EventBridge Scheduler").

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

/// A schedule as EventBridge Scheduler returns it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// The expression: `rate(…)`, `cron(…)` or `at(…)`.
    pub expression: String,
    /// The IANA name of the time zone of the expression.
    pub time_zone: String,
    /// Whether the schedule fires at all.
    pub state: ScheduleState,
    /// The time of its creation.
    pub created: Timestamp,
    /// The time of its last change.
    pub modified: Timestamp,
    /// The schedule does not fire before this time.
    pub start: Option<Timestamp>,
    /// The schedule does not fire after this time.
    pub end: Option<Timestamp>,
}

/// Whether a schedule is enabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScheduleState {
    /// The schedule fires.
    Enabled,
    /// The schedule is switched off and does not fire.
    Disabled,
}

/// What is known about the next firing. Scheduler's precision is one minute: it fires within 60 seconds after the time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Firing {
    /// The schedule fires at this time.
    At(Timestamp),
    /// The schedule fires at an unknown time within this span from now.
    Within(Span),
    /// The schedule does not fire again, for this reason.
    Never(Never),
    /// The next firing is unknown, because `synth` does not write such an expression.
    Unknown,
}

/// The reason why a schedule does not fire again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Never {
    /// The schedule is switched off.
    Disabled,
    /// The last time of the schedule is in the past.
    Over,
}

/// The first firing of the schedule after `now`.
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
        // A schedule that fires once ignores its start and end.
        return at.parse().map_or(Firing::Unknown, |at| match instant(at, &zone) {
            Some(at) if at > now => Firing::At(at),
            Some(_) => Firing::Never(Never::Over),
            None => Firing::Unknown,
        });
    }
    let from = schedule.start.map_or(now, |start| now.max(start.before(Span::seconds(1))));
    match inside("cron(").and_then(cron).zip(civil(from, &zone)) {
        // The search may start in an hour that occurs twice. So a later time on the clock may be an earlier time.
        Some((cron, begin)) => {
            let mut times = cron.iter_after(begin).filter_map(|local| instant(local, &zone));
            let next = times.find(|time| *time > from);
            within_life(schedule, next.map_or(Firing::Never(Never::Over), Firing::At))
        }
        None => Firing::Unknown,
    }
}

/// The next firing of a rate. It counts from the start or, without one, from the creation of the schedule, when it
/// fires for the first time. AWS does not document from when it counts after a change.
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

/// Parses the six fields of a cron expression. The library also needs seconds, which a schedule does not have.
fn cron(fields: &str) -> Option<Cron> {
    let fields: Vec<_> = fields.split(' ').collect();
    let [minutes, hours, day, month, weekday, year] = fields.as_slice() else { return None };
    // `L` is the last day of the week. The library knows that day only by its name.
    let weekday = if *weekday == "L" { "SAT" } else { weekday };
    CronParser::builder()
        .seconds(Seconds::Required)
        .year(Year::Required)
        // In Scheduler's expressions, 1 is Sunday, and 0/15 is every quarter of an hour.
        .alternative_weekdays(true)
        .sloppy_ranges(true)
        .build()
        .parse(&format!("0 {minutes} {hours} {day} {month} {weekday} {year}"))
        .ok()
}

fn civil(time: Timestamp, zone: &TimeZone) -> Option<DateTime> {
    Some(zone.to_datetime(jiff::Timestamp::from_second(time.unix()).ok()?))
}

/// The moment when the clocks show this time. `None` for a time that they skip in spring. If a time occurs twice in
/// autumn, the first one counts.
fn instant(local: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    let offset = match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset,
        AmbiguousOffset::Fold { before, .. } => before,
        AmbiguousOffset::Gap { .. } => return None,
    };
    Some(Timestamp::from_unix(offset.to_timestamp(local).ok()?.as_second()))
}

impl Firing {
    /// The firing as text for people, such as `2026-11-25 00:00 UTC (2026-11-25 09:00 Asia/Tokyo)`.
    #[must_use]
    pub fn text(&self, time_zone: &str) -> String {
        match self {
            Self::At(time) => match TimeZone::get(time_zone).ok().and_then(|zone| civil(*time, &zone)) {
                Some(local) if time_zone != "UTC" => {
                    format!("{} ({} {time_zone})", time.to_minute(), local.strftime("%F %H:%M"))
                }
                _ => time.to_minute(),
            },
            Self::Within(span) => format!("within {span}; the schedule was changed, so the time is not known"),
            Self::Never(never) => never.to_string(),
            Self::Unknown => "not known from the schedule's expression".into(),
        }
    }

    /// The firing as JSON for programs. Null if it is unknown.
    #[must_use]
    pub fn json(&self) -> Json {
        match self {
            Self::At(time) => json!({ "at": time }),
            Self::Within(span) => json!({ "within": span }),
            Self::Never(Never::Disabled) => json!({ "never": "disabled" }),
            Self::Never(Never::Over) => json!({ "never": "over" }),
            Self::Unknown => Json::Null,
        }
    }
}

impl fmt::Display for Never {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Disabled => "none: the schedule is disabled",
            Self::Over => "none: the schedule is over",
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
    fn cron_expressions_have_the_meaning_of_scheduler() {
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
            // The last day, the last weekday, and the weekday nearest to a day, which stays within the month.
            ("cron(0 9 L * ? *)", ["2026-11-30T09:00:00Z", "2026-12-31T09:00:00Z", "2027-01-31T09:00:00Z"]),
            ("cron(0 9 LW 1-2 ? *)", ["2027-01-29T09:00:00Z", "2027-02-26T09:00:00Z", "2028-01-31T09:00:00Z"]),
            ("cron(0 9 1W 5,8 ? *)", ["2027-05-03T09:00:00Z", "2027-08-02T09:00:00Z", "2028-05-01T09:00:00Z"]),
            ("cron(0 9 15W 5,8 ? *)", ["2027-05-14T09:00:00Z", "2027-08-16T09:00:00Z", "2028-05-15T09:00:00Z"]),
            // Steps, with and without a start.
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
    fn daylight_saving_time_is_considered() {
        for (expression, zone, after, times) in [
            (
                "cron(0 9 * * ? *)",
                "Asia/Tokyo",
                "2026-11-24T00:00:00Z",
                ["2026-11-25T00:00:00Z", "2026-11-26T00:00:00Z", "2026-11-27T00:00:00Z"],
            ),
            // 28 March 2027, Berlin: 02:00 to 03:00 is skipped, and so is a firing in that hour.
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
            // 25 October 2026, Berlin: 02:00 to 03:00 occurs twice, but the schedule fires once.
            (
                "cron(30 2 * * ? *)",
                "Europe/Berlin",
                "2026-10-24T12:00:00Z",
                ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z", "2026-10-27T01:30:00Z"],
            ),
            // In the second of the two hours, the first 02:30 is already in the past.
            (
                "cron(30 2 * * ? *)",
                "Europe/Berlin",
                "2026-10-25T01:10:00Z",
                ["2026-10-26T01:30:00Z", "2026-10-27T01:30:00Z", "2026-10-28T01:30:00Z"],
            ),
            // The southern hemisphere, with a change of half an hour: 4 April 2027, Lord Howe.
            (
                "cron(0 12 * * ? *)",
                "Australia/Lord_Howe",
                "2027-04-02T12:00:00Z",
                ["2027-04-03T01:00:00Z", "2027-04-04T01:30:00Z", "2027-04-05T01:30:00Z"],
            ),
            // A day of a rate always has 24 hours, even when the clocks change.
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
    fn rates_and_single_times_have_their_next_firing() {
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
        // A single time ignores start and end, but not the time zone.
        assert_eq!(of("at(2027-01-31T09:00:00)", "Asia/Tokyo", ends), at("2027-01-31T00:00:00Z"));
        assert_eq!(of("at(2026-11-24T20:00:00)", "UTC", plain), Firing::Never(Never::Over));
        let off = |schedule: &mut Schedule| schedule.state = ScheduleState::Disabled;
        assert_eq!(of("rate(1 day)", "UTC", off), Firing::Never(Never::Disabled));
        // `synth` does not interpret expressions that it does not write.
        for (expression, zone) in
            [("rate(2 fortnights)", "UTC"), ("cron(0 9 ? * FRI-MON *)", "UTC"), ("rate(1 day)", "Mars/Phobos")]
        {
            assert_eq!(of(expression, zone, plain), Firing::Unknown, "{expression} {zone}");
        }
    }

    #[test]
    fn the_text_shows_local_time_and_utc() {
        let at = Firing::At(time("2026-11-25T00:00:10Z"));
        assert_eq!(at.text("Asia/Tokyo"), "2026-11-25 00:00 UTC (2026-11-25 09:00 Asia/Tokyo)");
        assert_eq!(at.text("UTC"), "2026-11-25 00:00 UTC");
    }
}
