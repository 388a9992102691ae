//! Whether a schedule is denser than another one: each step of a rotation waits for a run, so more runs do it earlier.

use crate::config::{ScheduleExpression, ScheduleRuns};

/// How a schedule compares with the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Density {
    /// No number of runs fits into a shorter time than before.
    NoDenser,
    /// Some number of runs fits into a shorter time.
    Denser,
    /// The two schedules cannot be compared.
    Unknown,
}

pub(super) fn density(old: &ScheduleExpression, new: &ScheduleExpression) -> Density {
    let once = |schedule: &ScheduleExpression| schedule.as_str().starts_with("at(");
    if old == new || once(new) && !once(old) {
        return Density::NoDenser;
    }
    if once(old) {
        return Density::Denser;
    }
    if let (Some(old), Some(new)) = (old.period(), new.period()) {
        return if new < old { Density::Denser } else { Density::NoDenser };
    }
    match (old.runs(), new.runs()) {
        (Some(old), Some(new)) => compare(&old, &new),
        _ => Density::Unknown,
    }
}

fn compare(old: &ScheduleRuns, new: &ScheduleRuns) -> Density {
    for steps in numbers() {
        // Near the end of the window, one run more or less depends on the first day.
        let Some(after) = shortest(new, steps).filter(|span| *span <= ScheduleRuns::WINDOW / 2) else { break };
        match shortest(old, steps) {
            Some(before) if before <= after => {}
            None if !old.is_whole => return Density::Unknown,
            Some(_) | None => return Density::Denser,
        }
    }
    if new.is_whole { Density::NoDenser } else { Density::Unknown }
}

/// The numbers of runs that are compared: all small ones, and of the others each that is a tenth more.
fn numbers() -> impl Iterator<Item = usize> {
    std::iter::successors(Some(1), |number| Some(number + if *number < 400 { 1 } else { number / 10 }))
}

/// The shortest time in minutes from one run to the run `steps` later. `None` if there are too few runs.
fn shortest(runs: &ScheduleRuns, steps: usize) -> Option<u32> {
    runs.minutes.iter().zip(runs.minutes.get(steps..)?).map(|(first, last)| last - first).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_is_denser_if_runs_come_closer() {
        use Density::{Denser, NoDenser, Unknown};
        let daily = "cron(0 9 * * ? *)";
        for (old, new, expected) in [
            ("rate(1 day)", "rate(1 day)", NoDenser),
            ("rate(1 day)", "rate(24 hours)", NoDenser),
            ("rate(1 day)", "rate(2 days)", NoDenser),
            ("rate(1 day)", "rate(23 hours)", Denser),
            ("rate(15 minutes)", "rate(5 minutes)", Denser),
            // By the clock.
            (daily, "cron(0 10 * * ? *)", NoDenser),
            (daily, "cron(30 9 ? * MON-FRI *)", NoDenser),
            ("cron(0 9 ? * MON-FRI *)", daily, Denser),
            (daily, "cron(0 9,10 * * ? *)", Denser),
            ("cron(0 9 ? * MON *)", "cron(0 9 ? * FRI *)", NoDenser),
            ("cron(0 9 ? * FRI *)", "cron(0 9 ? * THU *)", NoDenser),
            // As many runs a week, but closer to each other.
            ("cron(0 9 ? * MON,THU *)", "cron(0 9 ? * MON,TUE *)", Denser),
            ("cron(0 9 ? * MON,TUE *)", "cron(0 9 ? * MON,THU *)", NoDenser),
            // Months are 28 to 31 days long.
            ("cron(0 9 1 * ? *)", "cron(0 9 L * ? *)", NoDenser),
            ("cron(0 9 1 * ? *)", "cron(0 9 ? * 2#1 *)", Denser),
            // One kind for the other.
            (daily, "rate(1 day)", NoDenser),
            ("rate(1 day)", daily, NoDenser),
            ("rate(7 days)", "cron(0 9 ? * MON *)", NoDenser),
            ("cron(0 9 ? * MON *)", "rate(7 days)", NoDenser),
            ("cron(0 9 ? * MON *)", "rate(6 days)", Denser),
            ("rate(5 minutes)", daily, NoDenser),
            (daily, "rate(5 minutes)", Denser),
            ("rate(365 days)", "cron(0 9 1 1 ? *)", NoDenser),
            // Too many runs to list, and expressions without a known end.
            ("rate(5 minutes)", "cron(0/5 * * * ? *)", Unknown),
            ("cron(0 9 * * ? 2027-2030)", daily, Unknown),
            (daily, "cron(0 9 ? * FRI-MON *)", Unknown),
            // A single run.
            (daily, "at(2027-01-31T09:00:00)", NoDenser),
            ("at(2027-01-31T09:00:00)", daily, Denser),
            ("at(2027-01-31T09:00:00)", "at(2028-01-31T09:00:00)", Denser),
        ] {
            let [before, after] = [old, new].map(|text| text.parse::<ScheduleExpression>().unwrap());
            assert_eq!(density(&before, &after), expected, "{old} -> {new}");
        }
    }
}
