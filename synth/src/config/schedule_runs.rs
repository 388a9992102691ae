//! When a schedule starts runs, as far as its expression says: by the clock of its time zone, in four fixed years. The
//! clock's own changes in spring and autumn do not count.

use std::ops::RangeInclusive;

use lambda::model::time::Span;

use crate::config::schedule::{
    DAYS, HOURS, MINUTES, MONTH_NAMES, MONTHS, ScheduleExpression, WEEKDAY_NAMES, WEEKDAYS, value,
};

/// The length of the four years, in days. The 29th of February is among them.
const WINDOW: u32 = 4 * 365 + 1;
/// The first of the four years. It begins with a Friday.
const FIRST_YEAR: u32 = 2027;
/// The number of that Friday. In the expressions, 1 is Sunday.
const FIRST_WEEKDAY: u32 = 6;
/// The most runs that are listed.
const MOST: usize = 50_000;
const MINUTES_OF_DAY: u32 = 24 * 60;

/// The runs of a schedule in the four years.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleRuns {
    /// When they start, in minutes after the beginning of the four years.
    pub minutes: Vec<u32>,
    /// Whether these are all runs. There may be too many for the list.
    pub is_whole: bool,
}

impl ScheduleRuns {
    /// The length of the four years, in minutes.
    pub const WINDOW: u32 = WINDOW * MINUTES_OF_DAY;

    /// The longest time without a run, in minutes.
    #[must_use]
    pub fn longest_gap(&self) -> u32 {
        let end = self.is_whole.then_some(Self::WINDOW);
        let mut last = 0;
        let gaps = self.minutes.iter().copied().chain(end).map(|minute| minute - std::mem::replace(&mut last, minute));
        gaps.max().unwrap_or(Self::WINDOW)
    }

    fn of(minutes: impl Iterator<Item = u32>) -> Self {
        let mut minutes: Vec<_> = minutes.take(MOST + 1).collect();
        let is_whole = minutes.len() <= MOST;
        minutes.truncate(MOST);
        Self { minutes, is_whole }
    }
}

impl ScheduleExpression {
    /// The runs that the expression starts. `None` if they are not the same in each four years, or if this program
    /// does not know what the expression means.
    #[must_use]
    pub fn runs(&self) -> Option<ScheduleRuns> {
        if let Some(period) = self.period() {
            let period = u32::try_from(period.as_seconds() / Span::minutes(1).as_seconds()).ok()?;
            return Some(ScheduleRuns::of((0..ScheduleRuns::WINDOW).step_by(usize::try_from(period.max(1)).ok()?)));
        }
        let fields: Vec<_> = self.as_str().strip_prefix("cron(")?.strip_suffix(')')?.split(' ').collect();
        let [minutes, hours, day, month, weekday, "*"] = fields.as_slice() else { return None };
        let (minutes, hours) = (list(minutes, &MINUTES, &[])?, list(hours, &HOURS, &[])?);
        let months = list(month, &MONTHS, &MONTH_NAMES)?;
        let days = if *weekday == "?" { DayRule::of_month(day)? } else { DayRule::of_week(weekday)? };
        let dates = calendar().filter(|date| months.contains(&date.month) && days.holds(date));
        let times = || hours.iter().flat_map(|hour| minutes.iter().map(move |minute| hour * 60 + minute));
        Some(ScheduleRuns::of(dates.flat_map(|date| times().map(move |time| date.index * MINUTES_OF_DAY + time))))
    }
}

/// One day of the four years.
struct Date {
    /// Its number in the four years, from 0.
    index: u32,
    month: u32,
    day: u32,
    weekday: u32,
    /// The length of its month.
    length: u32,
}

fn calendar() -> impl Iterator<Item = Date> {
    let months = (FIRST_YEAR..FIRST_YEAR + 4).flat_map(|year| (1..=12).map(move |month| (year, month)));
    let days = months.flat_map(|(year, month)| {
        let length = match month {
            2 if year.is_multiple_of(4) => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        (1..=length).map(move |day| (month, day, length))
    });
    days.zip(0..).map(|((month, day, length), index)| {
        let weekday = (FIRST_WEEKDAY - 1 + index) % 7 + 1;
        Date { index, month, day, weekday, length }
    })
}

/// Which days of a month fit (Scheduler User Guide, "Cron-based schedules").
enum DayRule {
    /// These days of the month.
    Days(Vec<u32>),
    /// The last day.
    LastDay,
    /// The weekday nearest to this day, in the same month. `None` stands for the last day.
    NearestWeekday(Option<u32>),
    /// These days of the week.
    Weekdays(Vec<u32>),
    /// The nth of this day of the week.
    Nth(u32, u32),
    /// The last of this day of the week.
    LastWeekday(u32),
}

const SATURDAY: u32 = 7;
const SUNDAY: u32 = 1;

impl DayRule {
    fn of_month(day: &str) -> Option<Self> {
        match (day, day.strip_suffix('W')) {
            ("L", _) => Some(Self::LastDay),
            ("LW", _) => Some(Self::NearestWeekday(None)),
            (_, Some(near)) => value(near, &[], DAYS).map(Some).map(Self::NearestWeekday),
            (days, None) => list(days, &DAYS, &[]).map(Self::Days),
        }
    }

    fn of_week(weekday: &str) -> Option<Self> {
        let one = |text: &str| value(text, &WEEKDAY_NAMES, WEEKDAYS);
        match (weekday.split_once('#'), weekday.strip_suffix('L')) {
            // The last day of the week.
            (_, Some("")) => Some(Self::Weekdays(vec![SATURDAY])),
            (_, Some(last)) => one(last).map(Self::LastWeekday),
            (Some((day, nth)), _) => Some(Self::Nth(one(day)?, value(nth, &[], 1..=5)?)),
            (None, None) => list(weekday, &WEEKDAYS, &WEEKDAY_NAMES).map(Self::Weekdays),
        }
    }

    fn holds(&self, date: &Date) -> bool {
        let Date { day, weekday, length, .. } = *date;
        match self {
            Self::Days(days) => days.contains(&day),
            Self::LastDay => day == length,
            Self::NearestWeekday(near) => {
                let near = near.unwrap_or(length);
                let weekday_of_near = (weekday + 6 + near + 35 - day) % 7 + 1;
                let nearest = match weekday_of_near {
                    SATURDAY if near == 1 => 3,
                    SATURDAY => near - 1,
                    SUNDAY if near == length => near - 2,
                    SUNDAY => near + 1,
                    _ => near,
                };
                near <= length && day == nearest
            }
            Self::Weekdays(days) => days.contains(&weekday),
            Self::Nth(of, nth) => weekday == *of && (day - 1) / 7 + 1 == *nth,
            Self::LastWeekday(of) => weekday == *of && day + 7 > length,
        }
    }
}

/// The values of a field, in their order. `None` if a range ends before it begins: AWS does not document its meaning.
fn list(field: &str, allowed: &RangeInclusive<u32>, names: &[&str]) -> Option<Vec<u32>> {
    let one = |text: &str| value(text, names, allowed.clone());
    let mut all = Vec::new();
    for item in field.split(',') {
        let (range, step) = item.split_once('/').map_or((item, None), |(range, step)| (range, Some(step)));
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (*allowed.start(), *allowed.end()),
            Some((from, to)) => (one(from)?, one(to)?),
            None if step.is_some() => (one(range)?, *allowed.end()),
            None => (one(range)?, one(range)?),
        };
        if from > to {
            return None;
        }
        let step = step.map_or(Some(1), |step| value(step, &[], 1..=*allowed.end()))?;
        all.extend((from..=to).step_by(usize::try_from(step).ok()?));
    }
    all.sort_unstable();
    all.dedup();
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first runs, as days and minutes of the day.
    fn first(expression: &str) -> Vec<(u32, u32)> {
        let runs = expression.parse::<ScheduleExpression>().unwrap().runs().unwrap();
        runs.minutes.iter().take(4).map(|run| (run / MINUTES_OF_DAY, run % MINUTES_OF_DAY)).collect()
    }

    /// The first of January 2027 is a Friday.
    #[test]
    fn the_runs_are_those_of_the_calendar() {
        for (expression, expected) in [
            ("rate(36 hours)", [(0, 0), (1, 720), (3, 0), (4, 720)]),
            ("cron(30 9 * * ? *)", [(0, 570), (1, 570), (2, 570), (3, 570)]),
            ("cron(0/45 9 1 * ? *)", [(0, 540), (0, 585), (31, 540), (31, 585)]),
            ("cron(0 0 ? * MON-TUE *)", [(3, 0), (4, 0), (10, 0), (11, 0)]),
            ("cron(0 0 L * ? *)", [(30, 0), (58, 0), (89, 0), (119, 0)]),
            // Saturday 2 January; Saturday 1 May; Sunday 31 January.
            ("cron(0 0 2W * ? *)", [(0, 0), (32, 0), (60, 0), (91, 0)]),
            ("cron(0 0 1W 5 ? *)", [(122, 0), (486, 0), (851, 0), (1216, 0)]),
            ("cron(0 0 LW * ? *)", [(28, 0), (56, 0), (89, 0), (119, 0)]),
            ("cron(0 0 ? * 2#1 *)", [(3, 0), (31, 0), (59, 0), (94, 0)]),
            ("cron(0 0 ? * 6L *)", [(28, 0), (56, 0), (84, 0), (119, 0)]),
            ("cron(0 0 ? * L *)", [(1, 0), (8, 0), (15, 0), (22, 0)]),
        ] {
            assert_eq!(first(expression), expected, "{expression}");
        }
        let runs = |text: &str| text.parse::<ScheduleExpression>().unwrap().runs();
        assert_eq!(runs("cron(0 0 29 2 ? *)").unwrap().minutes.len(), 1);
        assert_eq!(runs("cron(0 0 * * ? 2030)"), None, "not the same in each four years");
        assert_eq!(runs("cron(0 0 ? * FRI-MON *)"), None, "AWS does not document it");
        assert_eq!(runs("at(2027-01-31T09:00:00)"), None);
        let dense = runs("rate(15 minutes)").unwrap();
        assert_eq!((dense.minutes.len(), dense.is_whole), (MOST, false));
    }
}
