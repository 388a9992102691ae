//! The state of a deployed stack as text for people. The problems are first; then come the facts and the table of users and
//! keys. The next command is last.

use std::mem::take;

use anstyle::{AnsiColor, Style};
use lambda::{model::parse_error::one_line, protocol::stop_reason::StopReason, report::run_report::HANDLER_VERSION};

use crate::{
    deploy::{
        command_line::{aws, make},
        former_users::FormerUsers,
        key_table::key_table,
        last_run::LOG_SEARCHED,
        next_run::Schedule,
        received_report::{ReceivedReport, ReceivedUser, minute},
        run_counts::RunCounts,
        stack_alarm::AlarmState,
        stack_status::StackState,
        status_facts::{
            SHOWN, alarms_text, configuration_text, declared, fact_lines, mail_facts, next_for_mail_or_configuration,
            outputs_text, problem_lines, stack_problem, unknown,
        },
        status_report::{ReportedUsers, StatusReport},
        subscriptions::StackSubscription,
    },
    screen::{Verbosity, counted, few, grouped, sentences, wrapped},
    shell::quoted,
};

/// How many users a fleet may have before the screen shows only those that are not in order.
const SMALL_FLEET: usize = 20;

/// How many disabled users that the run skipped are named.
const NAMED: usize = 5;

/// The state as text for people.
#[must_use]
pub fn text(report: &StatusReport, users: ReportedUsers, detail: Verbosity) -> String {
    let StatusReport { name, account, region, stack, .. } = report;
    let is_long_shown = users == ReportedUsers::Everyone;
    let screen = Screen { report, is_long_shown };
    let account = report.account_name().with_id(account);
    let mut text = format!("{name}, account {account}, {region}: {}\n", stack.status);
    text += &screen.problems();
    text.push('\n');
    text += &fact_lines(screen.facts());
    text += &screen.users();
    if detail == Verbosity::Full {
        text += &outputs_text(stack);
    }
    text.push('\n');
    text + &screen.next_command()
}

/// The text with the lines about problems in red.
#[must_use]
pub fn coloured(text: &str) -> String {
    const RED: Style = AnsiColor::Red.on_default();
    let line = |line: &str| if line.starts_with('!') { format!("{RED}{line}{RED:#}\n") } else { format!("{line}\n") };
    text.lines().map(line).collect()
}

struct Screen<'r> {
    report: &'r StatusReport,
    /// Whether long lists are shown in full.
    is_long_shown: bool,
}

impl Screen<'_> {
    /// The line of problems, and a line of its own for a configuration that is not deployed.
    fn problems(&self) -> String {
        let StatusReport { stack, alarms, last_run, former_users, dry_run, .. } = self.report;
        let mut problems = Vec::from_iter(stack_problem(stack));
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
        let in_alarm = alarms.iter().flatten().filter(|alarm| alarm.state == AlarmState::Alarm).count();
        if in_alarm > 0 {
            problems.push(format!("{} in the state ALARM", counted(in_alarm, "alarm")));
        }
        problem_lines(problems, self.report.topics(), self.report.configuration.as_ref())
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
        facts.push(("Alarms", alarms.as_ref().map_or_else(unknown, |alarms| alarms_text(alarms, &self.report.name))));
        facts.extend(mail_facts(self.report.topics(), self.is_long_shown));
        if let Ok(dry_run) = dry_run {
            facts.push(("Handler", handler(dry_run.handler())));
        }
        facts.push(("Log", log_group(&self.report.name)));
        facts
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
        let is_long = selected > SMALL_FLEET && !self.is_long_shown;
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
        let skipped = dry_run.skipped_disabled_users();
        if is_long {
            // A user with an overdue key needs a person, whatever its result is.
            let urgent = not_in_order.iter().filter(|user| user.needs_person()).count();
            let disabled = not_in_order.iter().filter(|user| !user.needs_person() && user.is_disabled()).count();
            let checked = dry_run.users().len() + skipped.len();
            let counts = [
                (urgent, "need a person"),
                (disabled + skipped.len(), "disabled"),
                (not_in_order.len() - urgent - disabled, "wait"),
                (in_order.len(), "in order"),
                (selected.saturating_sub(checked), "not checked, because nothing is due"),
            ];
            let counts: Vec<_> = counts
                .iter()
                .filter(|(number, what)| *number > 0 || *what == "need a person")
                .map(|(number, what)| format!("{number} {what}"))
                .collect();
            let counts = format!("{}: {}. All of them: {all}", counted(selected, "user"), counts.join(", "));
            text += &format!("\n{}", sentences("", &counts));
        } else if shown.len() < selected {
            let others = counted(selected - shown.len(), "user");
            text += &format!("\n{others} with nothing due are not shown. To see all: {all}\n");
        }
        let mut details = details(shown.iter().copied().filter(|user| !user.is_in_order()));
        details.extend((!skipped.is_empty()).then(|| disabled_text(skipped)));
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
        // No command of this program confirms the subscription of an endpoint.
        let is_endpoint_in = |one: &StackSubscription| one.state.is_unconfirmed() && !one.declared.is_mail();
        let endpoint = if declared(self.report.topics()).iter().any(is_endpoint_in) {
            "An endpoint that is not confirmed must confirm its subscription: see docs/notices.md\n"
        } else {
            ""
        };
        let is_something_due =
            || self.report.dry_run.as_ref().is_ok_and(|dry_run| !dry_run.counts().planned().is_empty());
        let next = if let StackState::Stuck(remedy) = StackState::of(Some(&stack.status)) {
            format!("Next: {}\n", remedy.for_stack(name))
        } else if let Some(next) = next_for_mail_or_configuration(self.report.topics(), configuration.as_ref()) {
            next
        } else if self.report.is_fine() && is_something_due() {
            format!("Next, to do now what is due: {}\n", make("run"))
        } else {
            format!("Next, to see the log: {log}\n")
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

/// Disabled users that the run skipped: a person decides whether they get access again.
fn disabled_text(names: &[String]) -> String {
    let names: Vec<_> = names.iter().map(|name| one_line(name)).collect();
    wrapped("! ", &format!("{}: disabled, {}.", few(&names, NAMED), StopReason::Disabled))
}

/// What is wrong with these users, and what to do. Users with the same problem are named together.
fn details<'r>(users: impl Iterator<Item = &'r ReceivedUser>) -> Vec<String> {
    let detail = |user: &ReceivedUser| {
        let mut text = format!("{}.", user.outcome_with(&one_line(user.why.trim_end_matches('.')), true));
        if let Some(until) = &user.waits_until {
            text += &format!(" The old key is deactivated on {} at the latest.", minute(until));
        }
        if let Some(overdue) = &user.overdue {
            text += &format!(" Key {} is overdue since {}.", overdue.key, minute(&overdue.since));
        }
        (text, one_line(&user.user))
    };
    let line = |(text, users): (String, Vec<String>)| wrapped("! ", &format!("{}: {text}", users.join(", ")));
    grouped(users.map(detail)).into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect_file;
    use lambda::model::time::Span;
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::deploy::{
        aws::AwsError,
        invoke::InvocationError,
        local_configuration::ConfigurationComparison,
        stack_status::StackStatus,
        status_report::tests::{at, dry_run, state, topic},
        subscriptions::{ForeignSubscription, StackTopic, SubscriptionState, TopicSubscriptions},
    };
    use crate::screen::WIDTH;

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

    fn brief(state: &StatusReport) -> String {
        text(state, ReportedUsers::Due, Verbosity::Brief)
    }

    fn verbose(state: &StatusReport) -> String {
        text(state, ReportedUsers::Due, Verbosity::Full)
    }

    #[test]
    fn the_screens_are_the_golden_files() {
        let everyone = |state: &StatusReport| text(state, ReportedUsers::Everyone, Verbosity::Brief);
        expect_file!["../../tests/golden/status-in-order.txt"].assert_eq(&brief(&state()));
        expect_file!["../../tests/golden/status-problems.txt"].assert_eq(&verbose(&troubled()));
        expect_file!["../../tests/golden/status-500-users.txt"].assert_eq(&brief(&fleet()));
        for state in [state(), troubled(), fleet()] {
            for screen in [brief(&state), verbose(&state), everyone(&state)] {
                assert_width(&screen);
            }
        }
        let everyone = everyone(&fleet());
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
        let text = brief(&state);
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
        let text = brief(&state);
        assert!(!text.lines().any(|line| line.starts_with("Next: rm")), "{text}");
        let command = text.lines().find_map(|line| line.split_once(": aws sns unsubscribe")).unwrap().1;
        assert_eq!(shlex::split(command).unwrap(), ["--subscription-arn", hostile]);
    }

    /// A run skips most disabled users, because nothing is due for them. So it cannot say that they are in order.
    #[test]
    fn a_long_fleet_counts_disabled_users_and_those_that_were_not_checked() {
        let user = |name: &str, result: &str| json!({ "user": name, "result": result, "why": "…" });
        let users = json!([user("ann", "unchanged"), user("off", "disabled"), user("bob", "waiting")]);
        let of = |selected| brief(&StatusReport { dry_run: Ok(dry_run(&users, selected)), ..state() });
        let says =
            "75 users: 0 need a person, 1 disabled, 1 wait, 1 in order, 72 not checked, because nothing is due.\n";
        assert!(of(75).contains(says), "{}", of(75));
        let (off, bob) = (of(75).find("! off").unwrap(), of(75).find("! bob").unwrap());
        assert!(off < bob, "{}", of(75));
    }

    /// The lists of the account show which users are disabled, so a run skips them. A person must see them anyway.
    #[test]
    fn disabled_users_that_the_run_skipped_are_named_with_the_reason() {
        let report = |disabled: &[String], selected: usize| {
            let users = json!([{ "user": "ann", "result": "unchanged", "why": "…" }]);
            let mut document = dry_run(&users, selected).document;
            document["notDue"] = json!({ "users": selected - 1, "disabled": disabled });
            brief(&StatusReport { dry_run: Ok(ReceivedReport::read(document).unwrap()), ..state() })
        };
        let names: Vec<_> = (1..=7).map(|number| format!("off-{number}")).collect();
        let long = report(&names, 75);
        assert_width(&long);
        let counts = "75 users: 0 need a person, 7 disabled, 1 in order, 67 not checked, because nothing is due.";
        assert!(long.contains(counts), "{long}");
        let says = "\n! off-1, off-2, off-3, off-4, off-5 and 2 more: disabled, all keys of the user are inactive";
        assert!(long.contains(says), "{long}");
        let short = report(&names[..1], 3);
        assert!(short.contains("\n! off-1: disabled, all keys of the user are inactive"), "{short}");
        assert!(!report(&[], 3).contains("disabled"), "{}", report(&[], 3));
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
            brief(&StatusReport { subscriptions: Ok(topic), ..state() })
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
        let plain = brief(&troubled());
        let coloured = coloured(&plain);
        assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), plain);
        let red = coloured.lines().filter(|line| line.contains("\u{1b}[31m")).count();
        assert_eq!(red, plain.lines().filter(|line| line.starts_with('!')).count());
    }
}
