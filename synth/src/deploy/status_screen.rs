//! The state of a deployed stack as text for people: problems first, then the facts, then a table of users and keys, and at
//! the end the next command.

use std::mem::take;

use anstyle::{AnsiColor, Style};
use lambda::{
    model::{parse_error::one_line, time::Timestamp},
    report::run_report::HANDLER_VERSION,
};

use crate::{
    deploy::{
        aws::AwsError,
        command_line::{aws, make},
        former_users::FormerUsers,
        last_run::LOG_SEARCHED,
        local_configuration::{ConfigurationComparison, LocalConfiguration},
        next_run::Schedule,
        received_report::{ReceivedKey, ReceivedReport, ReceivedUser, minute},
        run_counts::RunCounts,
        stack_alarm::{AlarmState, StackAlarm},
        stack_status::StackState,
        status_report::StatusReport,
        subscriptions::{StackSubscription, SubscriptionState, TopicSubscriptions, by_address},
        table::table,
    },
    screen::{WIDTH, counted, sentences, short_id, wrapped},
    shell::quoted,
};

/// How many users a fleet may have before the screen shows only those that are not in order.
const SMALL_FLEET: usize = 20;

/// How many entries of a list the screen shows without `--all`.
const SHOWN: usize = 20;

/// The widest user name that has its keys on the same line.
const NAME: usize = 24;

/// How much the screen shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScreenOptions {
    /// Whether long lists are shown in full.
    pub all: bool,
    /// Whether the outputs of the stack are shown.
    pub verbose: bool,
    /// Whether the text has colours.
    pub colour: bool,
}

/// The state as text for people.
#[must_use]
pub fn text(report: &StatusReport, options: ScreenOptions) -> String {
    let StatusReport { name, account, region, stack, .. } = report;
    let screen = Screen { report, options };
    let mut text = format!("{name}, account {account}, {region}: {}\n", stack.status);
    text += &screen.problems();
    text.push('\n');
    screen.facts().into_iter().for_each(|(label, fact)| text += &wrapped(&format!("{label:<15}"), &fact));
    text += &screen.users();
    if options.verbose && !stack.outputs.is_empty() {
        text += "\nOutputs\n";
        text += &table(stack.outputs.iter().map(|(key, value)| [key.as_str(), value.as_str()]));
    }
    text.push('\n');
    text += &screen.next_command();
    if options.colour { coloured(&text) } else { text }
}

/// The text with the lines about problems in red.
fn coloured(text: &str) -> String {
    const RED: Style = AnsiColor::Red.on_default();
    let line = |line: &str| if line.starts_with('!') { format!("{RED}{line}{RED:#}\n") } else { format!("{line}\n") };
    text.lines().map(line).collect()
}

struct Screen<'r> {
    report: &'r StatusReport,
    options: ScreenOptions,
}

impl Screen<'_> {
    /// The line of problems, and a line of its own for a configuration that is not deployed.
    fn problems(&self) -> String {
        let StatusReport { stack, alarms, last_run, former_users, dry_run, .. } = self.report;
        let mut problems = Vec::new();
        if StackState::of(Some(&stack.status)) != StackState::Deployed {
            problems.push(format!("the stack is in {}", stack.status));
        } else if stack.status.is_rollback() {
            problems.push("the last deployment was rolled back".to_owned());
        }
        match dry_run {
            Ok(dry_run) => problems.extend(problems_of_users(dry_run)),
            Err(_) => problems.push("the state of the keys is unknown".to_owned()),
        }
        if let Ok(Some(found)) = former_users
            && !found.left.is_empty()
        {
            problems.push(format!("{} left in the middle of a rotation", counted(found.left.len(), "user")));
        }
        if let Ok(Some(run)) = last_run {
            let RunCounts { failed, unsent, .. } = run.counts;
            let what_failed = RunCounts { failed, unsent, ..RunCounts::default() }.problems();
            problems.extend((!what_failed.is_empty()).then(|| format!("last run: {}", what_failed.join(", "))));
        }
        let ringing = alarms.iter().flatten().filter(|alarm| alarm.state == AlarmState::Alarm).count();
        if ringing > 0 {
            problems.push(format!("{} in the state ALARM", counted(ringing, "alarm")));
        }
        let unconfirmed = self.subscriptions().iter().filter(|one| one.state.is_unconfirmed()).count();
        if unconfirmed > 0 {
            problems.push(format!("{} not confirmed", counted(unconfirmed, "subscription")));
        }
        let mut text = if problems.is_empty() { String::new() } else { wrapped("! ", &problems.join("; ")) };
        if let Some(LocalConfiguration { file, comparison: ConfigurationComparison::Differs }) =
            &self.report.configuration
        {
            text += &format!("! {file} differs from what is deployed. To see how: {}\n", make("diff DEPLOYED=1"));
        }
        if text.is_empty() { "No problems\n".to_owned() } else { text }
    }

    /// All subscriptions that the template declares, by address, as far as they could be read.
    fn subscriptions(&self) -> Vec<StackSubscription> {
        by_address(self.report.topics().into_iter().flatten().cloned())
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let StatusReport { configuration, last_run, schedule, alarms, dry_run, .. } = self.report;
        let mut facts = Vec::new();
        facts.extend(configuration.as_ref().and_then(configuration_text).map(|text| ("Configuration", text)));
        let last = match last_run {
            Ok(Some(run)) => run.text(),
            Ok(None) => format!("none in the log of the last {} days", LOG_SEARCHED.whole_days()),
            Err(problem) => unknown(problem),
        };
        facts.push(("Last run", last));
        facts.push((
            "Next run",
            match schedule {
                Ok((Schedule { expression, time_zone, .. }, firing)) => {
                    let next = firing.text(time_zone);
                    let zone = if next.contains(time_zone) { String::new() } else { format!(", {time_zone}") };
                    format!("{next}; schedule {expression}{zone}")
                }
                Err(problem) => unknown(problem),
            },
        ));
        facts.push(("Alarms", alarms.as_ref().map_or_else(unknown, |alarms| self.alarms(alarms))));
        facts.extend(self.mail());
        if let Ok(dry_run) = dry_run {
            facts.push(("Handler", handler(dry_run.handler())));
        }
        facts.push(("Log", log_group(&self.report.name)));
        facts
    }

    fn alarms(&self, alarms: &[StackAlarm]) -> String {
        let named = |state| {
            let names = alarms.iter().filter(|alarm| alarm.state == state);
            names.map(|alarm| alarm.short_name(&self.report.name)).collect::<Vec<_>>().join(", ")
        };
        let count = |state| alarms.iter().filter(|alarm| alarm.state == state).count();
        let mut parts = Vec::new();
        for (state, word) in [(AlarmState::Alarm, "ALARM"), (AlarmState::Missing, "deleted by hand")] {
            if count(state) > 0 {
                parts.push(format!("{word}: {}", named(state)));
            }
        }
        for (state, word) in [(AlarmState::Ok, "OK"), (AlarmState::InsufficientData, "without data yet")] {
            if count(state) > 0 {
                parts.push(format!("{} {word}", count(state)));
            }
        }
        if parts.is_empty() { "none".to_owned() } else { parts.join("; ") }
    }

    /// Who gets the notices and the alarms: each address that is not confirmed, and the others too if they are few.
    fn mail(&self) -> Vec<(&'static str, String)> {
        let mut lines = Vec::new();
        lines.extend(self.report.topics().iter().filter_map(|topic| topic.as_ref().err()).map(unknown));
        lines.dedup();
        let (unconfirmed, confirmed): (Vec<_>, Vec<_>) =
            self.subscriptions().into_iter().partition(|one| one.state.is_unconfirmed());
        let (unconfirmed, confirmed) = (mailboxes(&unconfirmed), mailboxes(&confirmed));
        let most = if self.options.all { usize::MAX } else { SHOWN };
        lines.extend(unconfirmed.iter().take(most).cloned());
        lines.extend(rest(unconfirmed.len(), most, "address"));
        if self.options.all || confirmed.len() <= 3 {
            lines.extend(confirmed);
        } else {
            lines.push(format!("{} confirmed", counted(confirmed.len(), "address")));
        }
        for TopicSubscriptions { foreign, leftover, .. } in self.report.topics().into_iter().flatten() {
            lines.extend(foreign.iter().map(|other| format!("{}: not from the template", one_line(&other.endpoint))));
            let expires = "not from the template, not confirmed; AWS cannot delete it, it expires within three days";
            lines.extend(leftover.iter().map(|other| format!("{}: {expires}", one_line(&other.endpoint))));
        }
        let labels = std::iter::once("Notices").chain(std::iter::repeat(""));
        labels.zip(lines).collect()
    }

    /// The table of users and keys, and below it what a person must know about each user that is not in order.
    fn users(&self) -> String {
        let dry_run = match &self.report.dry_run {
            Ok(dry_run) => dry_run,
            Err(problem) => return format!("\n{}", wrapped("! ", &format!("the keys are unknown: {problem}"))),
        };
        let (mut not_in_order, in_order): (Vec<_>, Vec<_>) =
            dry_run.users().iter().partition(|user| !user.is_in_order());
        not_in_order.sort_by_key(|user| (!user.needs_person(), !user.is_disabled()));
        let selected = dry_run.selected();
        let is_long = selected > SMALL_FLEET && !self.options.all;
        let shown: Vec<&ReceivedUser> = if is_long {
            not_in_order.iter().copied().take(SHOWN).collect()
        } else {
            not_in_order.iter().chain(&in_order).copied().collect()
        };
        let mut text = String::new();
        if !shown.is_empty() {
            text += &format!("\n{}", key_table(&shown, self.report.at));
        }
        let all = make("status ALL=1");
        if is_long {
            // A user with an overdue key needs a person, whatever its result is.
            let urgent = not_in_order.iter().filter(|user| user.needs_person()).count();
            let disabled = not_in_order.iter().filter(|user| !user.needs_person() && user.is_disabled()).count();
            let counts = [
                (urgent, "need a person"),
                (disabled, "disabled"),
                (not_in_order.len() - urgent - disabled, "wait"),
                (in_order.len(), "in order"),
                (selected.saturating_sub(dry_run.users().len()), "not checked, because nothing is due"),
            ];
            let counts: Vec<_> = counts
                .iter()
                .filter(|(number, what)| *number > 0 || *what == "need a person")
                .map(|(number, what)| format!("{number} {what}"))
                .collect();
            let counts = format!("{}: {}. All of them: {all}", counted(selected, "user"), counts.join(", "));
            text += &format!("\n{}", sentences("", &counts));
        } else if shown.len() < selected {
            let skipped = counted(selected - shown.len(), "user");
            text += &format!("\n{skipped} with nothing due are not shown. To see all: {all}\n");
        }
        let mut details = details(shown.iter().copied().filter(|user| !user.is_in_order()));
        details.extend(self.former_users());
        if !details.is_empty() {
            text += &format!("\n{}", details.concat());
        }
        text + &format!("\n{}", wrapped("", &plan(dry_run)))
    }

    fn former_users(&self) -> Vec<String> {
        let lines = match &self.report.former_users {
            Ok(found) => found.as_ref().map(|found| FormerUsers::lines(found, &self.report.region)).unwrap_or_default(),
            Err(problem) => vec![format!("the former users are unknown: {problem}")],
        };
        // A command is not wrapped, because it is copied.
        let wrap = |line: String| match line.split_once('\n') {
            Some((text, command)) => format!("{}    {command}\n", wrapped("! ", text)),
            None => wrapped("! ", &line),
        };
        lines.into_iter().map(wrap).collect()
    }

    /// The command that helps most.
    fn next_command(&self) -> String {
        let StatusReport { name, stack, configuration, .. } = self.report;
        let topics = self.report.topics().into_iter();
        let foreign: Vec<_> = topics
            .flatten()
            .flat_map(|topic| &topic.foreign)
            .map(|other| {
                let command = aws(&format!("sns unsubscribe --subscription-arn {}", quoted(&other.arn)));
                format!("To end the subscription of {}: {command}\n", one_line(&other.endpoint))
            })
            .collect();
        let log = aws(&format!("logs tail {} --since 2d", quoted(&log_group(name))));
        let subscriptions = self.subscriptions();
        let unconfirmed: Vec<_> = subscriptions.iter().filter(|one| one.state.is_unconfirmed()).collect();
        let is_mail_in = |state| unconfirmed.iter().any(|one| one.declared.is_mail() && one.state == state);
        let resubscribe = make("resubscribe");
        // No command of this program confirms the subscription of an endpoint.
        let endpoint = if unconfirmed.iter().any(|one| !one.declared.is_mail()) {
            "An endpoint that is not confirmed must confirm its subscription: see docs/notices.md\n"
        } else {
            ""
        };
        let next = if let StackState::Stuck(remedy) = StackState::of(Some(&stack.status)) {
            format!("Next: {}\n", remedy.for_stack(name))
        } else if is_mail_in(SubscriptionState::Pending) {
            format!("Follow the link in the mail from AWS within 48 hours.\nNext, for a new mail: {resubscribe}\n")
        } else if is_mail_in(SubscriptionState::Gone) {
            format!("Next, for a new mail from AWS: {resubscribe}\n")
        } else if matches!(configuration, Some(found) if found.comparison == ConfigurationComparison::Differs) {
            format!("Next, to deploy the configuration: {}\n", make("deploy"))
        } else if !self.report.is_fine() {
            format!("Next, to see the log: {log}\n")
        } else {
            match &self.report.dry_run {
                Ok(dry_run) if !dry_run.counts().planned().is_empty() => {
                    format!("Next, to do now what is due: {}\n", make("run"))
                }
                _ => format!("Next, to see the log: {log}\n"),
            }
        };
        foreign.concat() + endpoint + &next
    }
}

fn log_group(stack: &str) -> String {
    format!("/aws/lambda/{stack}")
}

/// The users that need a person, by what is wrong.
fn problems_of_users(dry_run: &ReceivedReport) -> Vec<String> {
    let mut counts = dry_run.counts();
    counts.unsent = 0;
    let failing = take(&mut counts.failed);
    let mut problems = counts.problems();
    if failing > 0 {
        problems.push(format!("a run now would fail for {}", counted(failing, "user")));
    }
    problems
}

/// One line for each address and state, with the topics.
fn mailboxes(subscriptions: &[StackSubscription]) -> Vec<String> {
    let mut lines: Vec<(String, Vec<&str>)> = Vec::new();
    for StackSubscription { declared, state } in subscriptions {
        let state = match state {
            SubscriptionState::Confirmed => "confirmed",
            SubscriptionState::Pending => "not confirmed",
            SubscriptionState::Gone => "no subscription",
        };
        let line = format!("{}: {state}", one_line(&declared.address));
        match lines.iter_mut().find(|(other, _)| other.eq_ignore_ascii_case(&line)) {
            Some((_, topics)) => topics.push(declared.topic.as_str()),
            None => lines.push((line, vec![declared.topic.as_str()])),
        }
    }
    lines.into_iter().map(|(line, topics)| format!("{line} ({})", topics.join(", "))).collect()
}

fn unknown(problem: &AwsError) -> String {
    format!("unknown: {problem}")
}

/// The line about the rest of a list, of which `most` entries are shown.
fn rest(number: usize, most: usize, noun: &str) -> Option<String> {
    let left = number.checked_sub(most).filter(|left| *left > 0)?;
    Some(format!("… and {} more: {}", counted(left, noun), make("status ALL=1")))
}

/// The fact about the configuration. `None` if it differs, because that is a line of its own among the problems.
fn configuration_text(LocalConfiguration { file, comparison }: &LocalConfiguration) -> Option<String> {
    Some(match comparison {
        ConfigurationComparison::Same => format!("same as {file}"),
        ConfigurationComparison::OtherArchitecture(deployed) => {
            format!("same as {file}, but the deployed architecture is {deployed}")
        }
        ConfigurationComparison::Differs => return None,
        ConfigurationComparison::Unknown(why) => format!("cannot be compared with {file}: {why}"),
    })
}

fn handler(version: Option<&str>) -> String {
    match version {
        Some(HANDLER_VERSION) => format!("version {HANDLER_VERSION}"),
        Some(version) => format!("version {version}; this synth is {HANDLER_VERSION}"),
        None => format!("an older version than {HANDLER_VERSION}; to replace it: {}", make("deploy")),
    }
}

/// What a run now would do, with the names of the users.
fn plan(dry_run: &ReceivedReport) -> String {
    let planned = dry_run.counts().planned();
    if planned.is_empty() {
        return "A run now would change no key.".to_owned();
    }
    let users: Vec<_> =
        dry_run.users().iter().filter(|user| !user.done.is_empty()).map(|user| one_line(&user.user)).collect();
    let shown = users.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    let more = users.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {}", counted(more, "other user")) } else { String::new() };
    format!("A run now would {planned}: {shown}{more}.")
}

/// What is wrong with these users, and what to do. Users with the same problem are named together.
fn details<'r>(users: impl Iterator<Item = &'r ReceivedUser>) -> Vec<String> {
    let mut details: Vec<(String, Vec<String>)> = Vec::new();
    for user in users {
        let mut text = format!("{}, {}.", user.outcome(true), one_line(user.why.trim_end_matches('.')));
        if let Some(until) = &user.waits_until {
            text += &format!(" The old key is deactivated on {} at the latest.", minute(until));
        }
        if let Some(overdue) = &user.overdue {
            text += &format!(" Key {} is overdue since {}.", overdue.key, minute(&overdue.since));
        }
        let name = one_line(&user.user);
        match details.iter_mut().find(|(other, _)| *other == text) {
            Some((_, users)) => users.push(name),
            None => details.push((text, vec![name])),
        }
    }
    details.into_iter().map(|(text, users)| wrapped("! ", &format!("{}: {text}", users.join(", ")))).collect()
}

/// A line of the table, as cells: the mark, the user, the key, the state, the age, what is next, and the owner.
type Row = [String; 6];

fn key_table(users: &[&ReceivedUser], at: Timestamp) -> String {
    let header = ["  USER", "KEY", "STATE", "AGE", "NEXT", "OWNER"].map(str::to_owned);
    let mut rows: Vec<Row> = vec![header];
    for user in users {
        let mark = if user.is_in_order() { "  " } else { "! " };
        let mut name = format!("{mark}{}", one_line(&user.user));
        if name.chars().count() > NAME + 2 {
            rows.push([take(&mut name), String::new(), String::new(), String::new(), String::new(), String::new()]);
        }
        let mut owner = user.owner.as_deref().map(one_line).unwrap_or_default();
        // The name and the owner stand in the first line only.
        let mut row = |[key, state, age, next]: [String; 4]| {
            rows.push([take(&mut name), key, state, age, next, take(&mut owner)]);
        };
        let mut keys: Vec<_> = user.found.iter().collect();
        keys.sort_by_key(|key| &key.created);
        if keys.is_empty() {
            let next = if user.is_in_order() { "nothing" } else { "see below" };
            row(["-", "-", "-", next].map(str::to_owned));
        }
        for key in keys {
            let born = key.created.parse::<Timestamp>();
            let age = born.map_or("?".to_owned(), |born| format!("{}d", at.since(born).whole_days()));
            row([short_id(&key.id), key.status.clone(), age, next_of(user, key)]);
        }
    }
    // A name that has a line of its own does not widen the column.
    let is_alone = |row: &Row| row[1].is_empty() && !row[0].is_empty();
    let width = |column: usize| {
        let cells = rows.iter().filter(|row| column > 0 || !is_alone(row));
        cells.map(|row| row[column].chars().count()).max().unwrap_or_default()
    };
    let widths: [usize; 5] = std::array::from_fn(width);
    let line = |row: &Row| {
        if is_alone(row) {
            return format!("{}\n", row[0]);
        }
        let padded: Vec<_> = widths.iter().zip(row).map(|(width, cell)| format!("{cell:<width$}  ")).collect();
        let cells = padded.concat();
        let room = WIDTH.saturating_sub(cells.chars().count());
        let owner = if row[5].chars().count() > room {
            format!("{}…", row[5].chars().take(room.saturating_sub(1)).collect::<String>())
        } else {
            row[5].clone()
        };
        format!("{}\n", format!("{cells}{owner}").trim_end())
    };
    rows.iter().map(line).collect()
}

/// What happens next to a key, with its day if it is known.
fn next_of(user: &ReceivedUser, key: &ReceivedKey) -> String {
    let day = |time: &str| time.parse::<Timestamp>().map_or_else(|_| time.to_owned(), Timestamp::to_day);
    if let Some(change) = user.done.iter().find(|change| change.key == key.id && change.change != "delivered") {
        return format!("{} by the next run", change.change);
    }
    let is_oldest_active = || {
        let active = user.found.iter().filter(|found| found.is_active());
        active.min_by_key(|found| &found.created).is_some_and(|oldest| oldest.id == key.id)
    };
    if user.done.iter().any(|change| change.change == "created") && is_oldest_active() {
        return "new key by the next run".to_owned();
    }
    if let Some(next) = user.next.as_ref().filter(|next| next.key == key.id) {
        return match next.change.as_str() {
            "decided" => "do not use yet".to_owned(),
            change => format!("{change} {}", day(&next.at)),
        };
    }
    if user.is_in_order() || !key.is_active() || !is_oldest_active() {
        return String::new();
    }
    "see below".to_owned()
}

#[cfg(test)]
mod tests {
    use expect_test::expect_file;
    use lambda::model::time::Span;
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::deploy::{
        invoke::InvocationError,
        stack_status::StackStatus,
        status_report::tests::{at, dry_run, state, topic},
        subscriptions::{ForeignSubscription, StackTopic},
    };

    fn key(number: u64, status: &str, days: u64) -> Json {
        let created = at("2026-11-29T10:00:00Z").before(Span::days(days));
        json!({ "id": format!("AKIAEXAMPLE{number:09}"), "status": status, "created": created })
    }

    /// A stack with many problems.
    fn troubled() -> StatusReport {
        let users = json!([
            {
                "user": "/ci/one-old", "owner": "a.person.with.a.long.name@subsidiary.example.com", "result": "waiting",
                "why": "the old key AKIAEXAMPLE000000001 is still in use (s3 in eu-west-1, last on 2026-11-28 09:00 \
                        UTC): move its workload to the new key, or set still_in_use: retire",
                "found": [key(1, "active", 400), key(2, "active", 30)],
                "overdue": { "key": "AKIAEXAMPLE000000001", "since": "2026-11-06T00:00:00Z" },
            },
            {
                "user": "a-workload-with-a-name-that-is-longer-than-its-column", "result": "needs-attention",
                "why": "a person must decide: two active keys were created in the same second; deactivate the unused one",
                "found": [key(3, "active", 90), key(4, "active", 90)],
            },
            {
                "user": "new", "result": "waiting",
                "why": "key AKIAEXAMPLE000000006 was just changed by a run that may not be finished; do not use it before a run after \
                        2026-11-29 10:51 UTC has continued",
                "found": [key(5, "active", 80), key(6, "active", 0)],
                "next": { "change": "decided", "key": "AKIAEXAMPLE000000006", "at": "2026-11-29T10:51:00Z" },
            },
            {
                "user": "quiet", "owner": "ops@example.com", "result": "unchanged", "why": "…",
                "found": [key(7, "active", 8)],
                "next": { "change": "replaced", "key": "AKIAEXAMPLE000000007", "at": "2027-01-20T00:00:00Z" },
            },
        ]);
        let mut state = StatusReport { dry_run: Ok(dry_run(&users, 4)), ..state() };
        state.stack.status = StackStatus::new("UPDATE_ROLLBACK_COMPLETE");
        if let Ok(Some(run)) = &mut state.last_run {
            run.counts.failed = 1;
            run.counts.unsent = 5;
        }
        if let Ok(alarms) = &mut state.alarms {
            alarms[0].state = AlarmState::Alarm;
            alarms[4].state = AlarmState::Alarm;
            alarms[7].state = AlarmState::InsufficientData;
        }
        if let Some(configuration) = &mut state.configuration {
            configuration.comparison = ConfigurationComparison::Differs;
        }
        let mut notices = topic(
            StackTopic::Notices,
            &[("ops@example.com", SubscriptionState::Gone), ("security@example.com", SubscriptionState::Pending)],
        );
        notices.foreign.push(ForeignSubscription {
            protocol: "https".into(),
            endpoint: "https://example.com/hook".into(),
            arn: "arn:aws:sns:eu-west-1:123456789012:keys:0".into(),
        });
        let former = FormerUsers { left: vec!["carol".parse().unwrap()], ..FormerUsers::default() };
        StatusReport { subscriptions: Ok(notices), former_users: Ok(Some(former)), ..state }
    }

    /// A fleet of 500 users. Something can be due for 60 of them, and 30 are not in order.
    fn fleet() -> StatusReport {
        let user = |number: u64| {
            let (name, old) = (format!("user-{number:03}"), key(number, "active", 45 + number));
            let id = old["id"].clone();
            let (result, why) = match number % 8 {
                1 => {
                    let room = "a person must decide: the user has 49 other tags, IAM allows 50, and the journal needs room for 8; \
                                remove some of the tags";
                    ("needs-attention", room)
                }
                5 => ("waiting", "too little time was left to begin a rotation; the next run begins it"),
                0 | 4 => {
                    ("waiting", "no confirmed recipient of the new key: confirm the subscription mail that SNS sent")
                }
                _ => ("unchanged", "…"),
            };
            let mut user = json!({ "user": name, "result": result, "why": why, "found": [old] });
            if number.is_multiple_of(3) {
                user["owner"] = format!("team-{}@example.com", number % 7).into();
            }
            if result == "unchanged" {
                user["next"] = json!({ "change": "replaced", "key": id, "at": "2026-12-12T00:00:00Z" });
            }
            user
        };
        let users: Json = (1..=60).map(user).collect();
        let state_of = |number| if number < 2 { SubscriptionState::Pending } else { SubscriptionState::Confirmed };
        let owners: Vec<_> = (0..7).map(|number| (format!("team-{number}@example.com"), state_of(number))).collect();
        let owners: Vec<_> = owners.iter().map(|(address, state)| (address.as_str(), *state)).collect();
        let subscriptions = Ok(topic(StackTopic::Notices, &owners));
        StatusReport { dry_run: Ok(dry_run(&users, 500)), subscriptions, ..state() }
    }

    /// Only commands and ARNs may be wider, because they are copied.
    fn assert_width(text: &str) {
        for line in text.lines().filter(|line| !["make ", "aws ", "arn:"].iter().any(|copied| line.contains(copied))) {
            assert!(line.chars().count() <= WIDTH, "{} columns: {line}", line.chars().count());
        }
    }

    #[test]
    fn the_screens_are_the_golden_files() {
        let plain = ScreenOptions::default();
        let verbose = ScreenOptions { verbose: true, ..plain };
        let all = ScreenOptions { all: true, ..plain };
        expect_file!["../../tests/golden/status-in-order.txt"].assert_eq(&text(&state(), plain));
        expect_file!["../../tests/golden/status-problems.txt"].assert_eq(&text(&troubled(), verbose));
        expect_file!["../../tests/golden/status-500-users.txt"].assert_eq(&text(&fleet(), plain));
        for state in [state(), troubled(), fleet()] {
            for options in [plain, verbose, all] {
                assert_width(&text(&state, options));
            }
        }
        let everyone = text(&fleet(), all);
        assert!((1..=60).all(|number| everyone.contains(&format!("user-{number:03}"))), "{everyone}");
    }

    #[test]
    fn what_could_not_be_read_does_not_hide_the_rest() {
        let denied = AwsError::Denied { doing: "look".into(), message: "sns:ListSubscriptionsByTopic".into() };
        let state = StatusReport {
            subscriptions: Err(denied.clone()),
            last_run: Ok(None),
            alarms: Err(AwsError::Expired),
            former_users: Err(AwsError::Expired),
            dry_run: Err(InvocationError::NoFunction("keys".into())),
            ..state()
        };
        let text = text(&state, ScreenOptions::default());
        assert_width(&text);
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for says in [
            "! the state of the keys is unknown",
            &format!("Notices unknown: {denied}"),
            &format!("Alarms unknown: {}", AwsError::Expired),
            "the stack has no function keys",
            "Last run none in the log",
            "security@example.com: confirmed (alarms)",
            "Next run 2026-11-30 00:00 UTC (2026-11-30 09:00 Asia/Tokyo); schedule cron(0 9 * * ? *)",
        ] {
            assert!(words.contains(says), "{says}: {text}");
        }
    }

    /// An endpoint is chosen by the person who subscribes it. A pasted command must do only what it says.
    #[test]
    fn a_hostile_subscription_runs_nothing() {
        let hostile = "arn:aws:sns:eu-west-1:1:keys:0;id|'$(id)";
        let mut state = state();
        if let Ok(topic) = &mut state.subscriptions {
            let endpoint = "a'|id|'b@x.co\nNext: rm -r /".to_owned();
            topic.foreign.push(ForeignSubscription { protocol: "email".into(), endpoint, arn: hostile.into() });
        }
        let text = text(&state, ScreenOptions::default());
        assert!(!text.lines().any(|line| line.starts_with("Next: rm")), "{text}");
        let command = text.lines().find_map(|line| line.split_once(": aws sns unsubscribe")).unwrap().1;
        assert_eq!(shlex::split(command).unwrap(), ["--subscription-arn", hostile]);
    }

    /// A run skips most disabled users, because nothing is due for them. So it cannot say that they are in order.
    #[test]
    fn a_long_fleet_counts_disabled_users_and_those_that_were_not_checked() {
        let user = |name: &str, result: &str| json!({ "user": name, "result": result, "why": "…" });
        let users = json!([user("ann", "unchanged"), user("off", "disabled"), user("bob", "waiting")]);
        let of = |selected| {
            text(&StatusReport { dry_run: Ok(dry_run(&users, selected)), ..state() }, ScreenOptions::default())
        };
        let says =
            "75 users: 0 need a person, 1 disabled, 1 wait, 1 in order, 72 not checked, because nothing is due.\n";
        assert!(of(75).contains(says), "{}", of(75));
        let (off, bob) = (of(75).find("! off").unwrap(), of(75).find("! bob").unwrap());
        assert!(off < bob, "{}", of(75));
    }

    #[test]
    fn the_next_command_fits_the_subscription_that_is_not_confirmed() {
        use crate::deploy::subscriptions::subscription;
        let of = |subscriptions: &[(&str, &str, SubscriptionState)]| {
            let mut topic = TopicSubscriptions::default();
            for (protocol, address, state) in subscriptions {
                let mut one = subscription(StackTopic::Notices, address, *state);
                one.declared.protocol = (*protocol).to_owned();
                topic.declared.push(one);
            }
            text(&StatusReport { subscriptions: Ok(topic), ..state() }, ScreenOptions::default())
        };
        let (link, mail) = ("Follow the link in the mail", "make resubscribe");
        let endpoint = "An endpoint that is not confirmed must confirm its subscription: see docs/notices.md\n";
        let (url, pending, gone) = (
            ("https", "https://example.com", SubscriptionState::Pending),
            SubscriptionState::Pending,
            SubscriptionState::Gone,
        );
        for (subscriptions, says) in [
            (vec![url], [true, false, false]),
            (vec![("email", "a@example.com", pending)], [false, true, true]),
            (vec![("email", "a@example.com", gone)], [false, false, true]),
            (vec![url, ("email", "a@example.com", gone)], [true, false, true]),
        ] {
            let text = of(&subscriptions);
            assert_eq!([endpoint, link, mail].map(|part| text.contains(part)), says, "{text}");
        }
    }

    #[test]
    fn only_the_lines_about_problems_have_a_colour() {
        let coloured = text(&troubled(), ScreenOptions { colour: true, ..ScreenOptions::default() });
        let plain = text(&troubled(), ScreenOptions::default());
        assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), plain);
        let red = coloured.lines().filter(|line| line.contains("\u{1b}[31m")).count();
        assert_eq!(red, plain.lines().filter(|line| line.starts_with('!')).count());
    }
}
