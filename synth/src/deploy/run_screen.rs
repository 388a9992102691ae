//! What a run did or would do, as text for people: problems first, then a table of the keys, then the run in numbers.

use std::mem::take;

use lambda::model::{time::Timestamp, user::UserName};

use crate::{
    deploy::{
        command_line::make,
        invoke::RunCommand,
        received_report::{ReceivedChange, ReceivedKey, ReceivedReport, ReceivedUser, minute},
        received_words::{ReceivedChangeKind, ReceivedNextKind, ReceivedRemovalReason},
    },
    screen::{counted, grouped, printable, prose, sentences, short_id, shortened, table, wrapped},
    shell::quoted,
};

/// The id of the key that a dry run makes up. It means nothing.
const MADE_UP_KEY: &str = "KEY_OF_A_DRY_RUN";

/// The most users of which a table shows each one.
pub const LONG: usize = 20;

/// The most users of a problem that are named.
const NAMED: usize = 5;

/// Which parts of a report the text shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunScreen {
    /// The users in the table.
    pub users: ScreenUsers,
    /// Whether the text says after a failure which key works. It does not after a revocation: that key may have leaked.
    pub says_what_works: bool,
}

/// The users in the table. The others are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScreenUsers {
    /// Everyone.
    All,
    /// Users with a change or a problem. In a short report, everyone.
    Changed,
    /// The first of those.
    First,
}

impl Default for RunScreen {
    fn default() -> Self {
        Self { users: ScreenUsers::Changed, says_what_works: true }
    }
}

impl RunScreen {
    /// The report as text for people.
    #[must_use]
    pub fn text(self, report: &ReceivedReport) -> String {
        let sentence = wrapped("", &format!("{}.", report.sentence()));
        let parts = [self.problems(report), self.table(report), sentence];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
    }

    /// What is wrong, and what to do. Users with the same problem are named together.
    fn problems(self, report: &ReceivedReport) -> String {
        let (mut texts, mut bad): (Vec<_>, Vec<_>) =
            (Vec::new(), report.users().iter().filter(|user| !user.is_in_order()).collect());
        bad.sort_by_key(|user| !user.needs_person());
        for user in bad {
            let why = user.why_with_commands().replace(MADE_UP_KEY, "the new key");
            let mut text = user.outcome_with(why.trim_end_matches('.'), report.is_dry_run());
            if let Some(until) = &user.waits_until {
                text += &format!("; the old key is deactivated on {} at the latest", minute(until));
            }
            if let Some(overdue) = &user.overdue {
                text += &format!("; key {} is overdue since {}", overdue.key, minute(&overdue.since));
            }
            if self.says_what_works && !report.is_dry_run() && user.has_problem() {
                text.extend(user.usable_keys().iter().map(|line| format!("\n{line}")));
            }
            texts.push((text, printable(&user.user)));
        }
        let one = |(text, users): (String, Vec<String>)| {
            let users = shortened(&users, NAMED);
            let mut lines = text.lines();
            let first = sentences("! ", &format!("{users}: {}", lines.next().unwrap_or_default()));
            lines.fold(first, |text, line| text + &wrapped("  ", line))
        };
        grouped(texts).into_iter().map(one).collect()
    }

    /// The table of the keys, and the number of users that it does not show.
    fn table(self, report: &ReceivedReport) -> String {
        let is_dry_run = report.is_dry_run();
        let is_long = report.users().len() > LONG && self.users != ScreenUsers::All;
        let has_change = |user: &&ReceivedUser| !user.is_in_order() || !user.done.is_empty();
        let (mut users, mut idle): (Vec<_>, Vec<_>) = report.users().iter().partition(has_change);
        users.sort_by_key(|user| (!user.needs_person(), user.is_in_order()));
        if !is_long {
            users.append(&mut idle);
        }
        let most = if self.users == ScreenUsers::First { LONG } else { usize::MAX };
        let left_out = users.split_off(users.len().min(most)).len();
        let head = ["  USER", "KEY", "AGE", if is_dry_run { "PLAN" } else { "DONE" }, "THEN"];
        let mut rows = vec![head.map(str::to_owned)];
        for user in &users {
            let mark = if user.is_in_order() { "  " } else { "! " };
            let mut name = format!("{mark}{}", user.user);
            let keys = keys(user, report).into_iter();
            rows.extend(keys.map(|[key, age, done, then]| [take(&mut name), key, age, done, then]));
        }
        let mut text = if users.is_empty() { String::new() } else { table(&rows) };
        if left_out > 0 {
            text += &format!("  … and {} with a change or a problem\n", counted(left_out, "other user"));
        }
        let unchanged = idle.len() + report.selected() - report.users().len();
        if unchanged > 0 {
            text += &format!("  … and {} without a change\n", counted(unchanged, "user"));
        }
        text
    }
}

/// The next command after a run of this kind.
#[must_use]
pub fn next_command(report: &ReceivedReport, command: &RunCommand) -> String {
    if report.is_dry_run() {
        let says = "This was a dry run: nothing was changed.";
        // Adopting a user changes only notes.
        let does_something = !report.counts().planned().is_empty() || matches!(command, RunCommand::Adopt(_));
        return match make_target(command).filter(|_| does_something) {
            Some(target) => prose(&format!("{says} To do it: {}", make(&target))),
            None => format!("{says}\n"),
        };
    }
    prose(&format!("To see what happens next: {}", make("status")))
}

/// The target of make that does the same. `None` if there is none, or if it would be for no user.
fn make_target(command: &RunCommand) -> Option<String> {
    let joined = |users: &[UserName], between: &str| {
        let names: Vec<_> = users.iter().map(UserName::as_str).collect();
        (!names.is_empty()).then(|| quoted(&names.join(between)))
    };
    Some(match command {
        RunCommand::Routine => "run".to_owned(),
        RunCommand::Rotate(users) => format!("rotate USERS={}", joined(users, " ")?),
        RunCommand::Enable(users) => format!("rotate USERS={} ENABLE=1", joined(users, " ")?),
        RunCommand::Undo(users) => format!("undo USERS={}", joined(users, " ")?),
        RunCommand::Adopt(users) => format!("adopt USER={}", joined(users, ",")?),
        _ => return None,
    })
}

/// The lines of a user, as cells: the key, its age, what is done to it, and what happens then.
fn keys(user: &ReceivedUser, report: &ReceivedReport) -> Vec<[String; 4]> {
    let mut keys: Vec<_> = user.found.iter().collect();
    keys.sort_by_key(|key| &key.created);
    let started = report.document["started"].as_str().and_then(|time| time.parse::<Timestamp>().ok());
    let age = |key: &ReceivedKey| match (started, key.created.parse::<Timestamp>()) {
        (Some(now), Ok(born)) => format!("{}d", now.since(born).whole_days()),
        _ => "?".to_owned(),
    };
    let of = |id: &str| -> Vec<_> {
        let changes = user.done.iter().filter(|change| change.key == id);
        changes.map(|change| change_text(change, report.is_dry_run())).collect()
    };
    let stays = |key: &ReceivedKey| if key.is_active() { "stays active" } else { "stays inactive" }.to_owned();
    let mut rows: Vec<[String; 4]> = Vec::new();
    for key in keys {
        let done = of(&key.id);
        let done = if done.is_empty() { stays(key) } else { done.join(", ") };
        rows.push([short_id(&key.id), age(key), done, then(user, &key.id)]);
    }
    for id in user.done.iter().filter(|change| change.change == ReceivedChangeKind::Created).map(|change| &change.key) {
        // A dry run makes up the id.
        let shown = if report.is_dry_run() { "new key".to_owned() } else { short_id(id) };
        rows.push([shown, "0d".to_owned(), of(id).join(", "), then(user, id)]);
    }
    if rows.is_empty() {
        rows.push(["-", "-", "-", ""].map(str::to_owned));
    }
    // The reason of a user that is not in order stands above the table.
    if user.is_in_order() && rows.iter().all(|[.., then]| then.is_empty()) {
        rows[0][3].clone_from(&user.why);
    }
    rows
}

/// One change in words: what a dry run would do, or what a run did.
fn change_text(ReceivedChange { change, why, .. }: &ReceivedChange, is_dry_run: bool) -> String {
    use ReceivedRemovalReason::{Disuse, Other, PlaceNeeded, Revoked, Superseded, WindowOver, Withdrawn};
    let (would, did) = match change {
        ReceivedChangeKind::Created => ("create", "created"),
        ReceivedChangeKind::Delivered => ("deliver", "delivered"),
        ReceivedChangeKind::Warned => ("warn the owner", "owner warned"),
        ReceivedChangeKind::Deactivated => ("deactivate", "deactivated"),
        ReceivedChangeKind::Reactivated => ("reactivate", "reactivated"),
        ReceivedChangeKind::Deleted => ("delete", "deleted"),
        ReceivedChangeKind::Other(other) => (other.as_str(), other.as_str()),
    };
    let change = if is_dry_run { would } else { did };
    match why {
        // The table shows the new key.
        None | Some(Superseded) => change.to_owned(),
        Some(WindowOver) => format!("{change}: was inactive long enough"),
        Some(PlaceNeeded) => format!("{change}: IAM allows two keys"),
        Some(Withdrawn) => format!("{change}: its secret was lost"),
        Some(Disuse) => format!("{change}: unused"),
        Some(Revoked) => format!("{change}: revoked"),
        Some(Other(other)) => format!("{change} ({other})"),
    }
}

/// What happens to a key after this run, and when.
fn then(user: &ReceivedUser, id: &str) -> String {
    let Some(next) = user.next.as_ref().filter(|next| next.key == id) else { return String::new() };
    let day = next.at.parse::<Timestamp>().map_or_else(|_| next.at.clone(), Timestamp::to_day);
    match &next.change {
        ReceivedNextKind::Decided => format!("do not use before {}", minute(&next.at)),
        change => format!("{change} {day}"),
    }
}

/// The addresses that have not confirmed, and what to do. Empty if there are none.
#[must_use]
pub fn unconfirmed(report: &ReceivedReport) -> String {
    let addresses = report.unconfirmed();
    if addresses.is_empty() {
        return String::new();
    }
    let (addresses, resubscribe) = (shortened(addresses, NAMED), make("resubscribe"));
    sentences(
        "",
        &format!(
            "Not confirmed, so they get no notice: {addresses}. Confirm the mail from AWS. For a new mail: {resubscribe}"
        ),
    )
}

#[cfg(test)]
pub(super) mod tests {
    use expect_test::expect_file;
    use lambda::model::time::Span;
    use serde_json::{Value as Json, json};

    use super::*;

    fn key(number: u64, status: &str, days: u64) -> Json {
        let created = "2026-11-29T10:00:00Z".parse::<Timestamp>().unwrap().before(Span::days(days));
        json!({ "id": format!("AKIAEXAMPLE{number:09}"), "status": status, "created": created })
    }

    fn id(number: u64, is_dry_run: bool) -> String {
        if is_dry_run { "KEY_OF_A_DRY_RUN".to_owned() } else { format!("AKIAEXAMPLE{number:09}") }
    }

    fn next(change: &str, number: u64, at: &str) -> Json {
        json!({ "change": change, "key": format!("AKIAEXAMPLE{number:09}"), "at": at })
    }

    /// A report over these users, with more fields.
    pub(in crate::deploy) fn report(is_dry_run: bool, users: &Json, more: &Json) -> ReceivedReport {
        let bad = |user: &Json| ["failed", "needs-attention"].iter().any(|word| user["result"] == *word);
        let mut report = json!({
            "statusCode": if users.as_array().unwrap().iter().any(bad) { 500 } else { 200 },
            "body": "", "dryRun": is_dry_run, "started": "2026-11-29T10:00:00Z", "users": users,
        });
        more.as_object().unwrap().iter().for_each(|(name, value)| report[name] = value.clone());
        ReceivedReport::read(report).unwrap()
    }

    /// Users for whom the run did everything that was due.
    pub(in crate::deploy) fn users_in_order(is_dry_run: bool) -> Json {
        let new = id(3, is_dry_run);
        json!([
            {
                "user": "alice", "result": "unchanged", "why": "the key is due on 2027-01-20 00:00 UTC",
                "found": [key(1, "active", 8)], "next": next("replaced", 1, "2027-01-20T00:00:00Z"),
            },
            {
                "user": "ci-deployer", "result": "changed", "why": "the old key stays active until 2026-12-06 10:00 UTC",
                "found": [key(2, "active", 90), key(4, "inactive", 150)],
                "done": [
                    { "change": "deleted", "key": "AKIAEXAMPLE000000004", "why": "place-needed" },
                    { "change": "created", "key": new },
                    { "change": "delivered", "key": new },
                ],
                "next": next("deactivated", 2, "2026-12-06T10:00:00Z"),
            },
            {
                "user": "reporting", "result": "changed", "why": "the inactive key is kept until 2026-12-13 10:00 UTC",
                "found": [key(5, "active", 98), key(6, "active", 8)],
                "done": [{ "change": "deactivated", "key": "AKIAEXAMPLE000000005", "why": "superseded" }],
                "next": next("deleted", 5, "2026-12-13T10:00:00Z"),
            },
            { "user": "without-keys", "result": "unchanged", "why": "the user has no access key, and gets none" },
        ])
    }

    /// Users with each kind of problem, and one in order.
    pub(in crate::deploy) fn troubled(is_dry_run: bool) -> Json {
        let new = id(8, is_dry_run);
        let room = "a person must decide: the user has 49 other tags, IAM allows 50, and the journal needs room for 8; remove \
                    some of the tags";
        json!([
            users_in_order(is_dry_run)[1],
            {
                "user": "backup", "result": "failed",
                "why": "PutSecretValue for AKIAEXAMPLE000000008 failed: AccessDeniedException: User: \
                        arn:aws:sts::123456789012:assumed-role/keys-FunctionRole-ABCDEF/keys is not authorized to perform: \
                        secretsmanager:PutSecretValue",
                "found": [key(7, "active", 95)],
                "done": [{ "change": "created", "key": new }],
                "left": [key(7, "active", 95), key(8, "active", 0)],
            },
            { "user": "tagged-1", "result": "needs-attention", "why": room, "found": [key(9, "active", 100)] },
            { "user": "tagged-2", "result": "needs-attention", "why": room, "found": [key(10, "active", 101)] },
            {
                "user": "a-workload-with-a-name-that-is-longer-than-its-column", "result": "disabled",
                "why": "all keys of the user are inactive, so it gets no new key; to give it one, run: make rotate \
                        USERS=NAME ENABLE=1",
                "found": [key(11, "inactive", 400)],
            },
            {
                "user": "in-use", "result": "waiting",
                "why": "the old key AKIAEXAMPLE000000012 is still in use (s3 in eu-west-1, last on 2026-11-28 09:00 UTC): move \
                        its workload to the new key",
                "found": [key(12, "active", 120), key(13, "active", 30)],
                "overdue": { "key": "AKIAEXAMPLE000000012", "since": "2026-11-06T00:00:00Z" },
            },
        ])
    }

    /// A run over 500 users. Something can be due for 60 of them.
    pub(in crate::deploy) fn fleet(is_dry_run: bool) -> ReceivedReport {
        let user = |number: u64| {
            let (name, found) = (format!("user-{number:03}"), [key(number, "active", 45 + number)]);
            let (old, new) = (found[0]["id"].clone(), id(1000 + number, is_dry_run));
            match number % 6 {
                0 => json!({
                    "user": name, "result": "waiting", "found": found,
                    "why": "no confirmed recipient of the new key: confirm the subscription mail that SNS sent",
                }),
                1 | 2 => json!({
                    "user": name, "result": "changed", "why": "…", "found": found,
                    "done": [{ "change": "created", "key": new }, { "change": "delivered", "key": new }],
                    "next": { "change": "deactivated", "key": old, "at": "2026-12-06T10:00:00Z" },
                }),
                _ => json!({
                    "user": name, "result": "unchanged", "why": "…", "found": found,
                    "next": { "change": "replaced", "key": old, "at": "2026-12-20T00:00:00Z" },
                }),
            }
        };
        let users: Json = (1..=60).map(user).collect();
        report(is_dry_run, &users, &json!({ "summary": { "users": 500 } }))
    }

    #[test]
    fn the_screens_are_the_golden_files() {
        let unconfirmed_address = json!({ "unconfirmed": ["security@example.com", "dev@example.com"] });
        let in_order = report(false, &users_in_order(false), &json!({}));
        let problems = report(false, &troubled(false), &unconfirmed_address);
        let shown = |report: &ReceivedReport| {
            RunScreen::default().text(report) + &unconfirmed(report) + &next_command(report, &RunCommand::Routine)
        };
        expect_file!["../../tests/golden/run-in-order.txt"].assert_eq(&shown(&in_order));
        expect_file!["../../tests/golden/run-problems.txt"].assert_eq(&shown(&problems));
        expect_file!["../../tests/golden/run-500-users.txt"].assert_eq(&shown(&fleet(false)));
    }

    #[test]
    fn the_next_command_does_the_same_for_real() {
        let users = || vec!["alice".parse().unwrap(), "bob".parse().unwrap()];
        for (command, expected) in [
            (RunCommand::Routine, Some("run")),
            (RunCommand::Rotate(users()), Some("rotate USERS='alice bob'")),
            (RunCommand::Enable(users()), Some("rotate USERS='alice bob' ENABLE=1")),
            (RunCommand::Undo(users()), Some("undo USERS='alice bob'")),
            (RunCommand::Adopt(users()), Some("adopt USER='alice,bob'")),
            (RunCommand::Rotate(Vec::new()), None),
            (RunCommand::Release, None),
        ] {
            assert_eq!(make_target(&command).as_deref(), expected, "{command:?}");
        }
        let planned = |users| next_command(&report(true, &users, &json!({})), &RunCommand::Routine);
        assert!(planned(users_in_order(true)).ends_with("To do it:\n    make run\n"));
        assert_eq!(planned(json!([])), "This was a dry run: nothing was changed.\n");
    }

    #[test]
    fn a_revocation_does_not_say_that_a_key_works() {
        let screen = |says_what_works| {
            let screen = RunScreen { says_what_works, ..RunScreen::default() };
            screen.text(&report(false, &troubled(false), &json!({})))
        };
        assert!(screen(true).contains("works now: AKIAEXAMPLE000000007"), "{}", screen(true));
        assert!(!screen(false).contains("works now"), "{}", screen(false));
    }

    #[test]
    fn a_dry_run_changes_nothing_and_makes_up_no_key() {
        for users in [users_in_order(true), troubled(true)] {
            let text = RunScreen::default().text(&report(true, &users, &json!({})));
            for wrong in ["KEY_OF_A_DRY_RUN", "KEY_OF…", "changed", "created", "delivered", "works now"] {
                assert!(!text.contains(wrong), "{wrong}: {text}");
            }
        }
    }
}
