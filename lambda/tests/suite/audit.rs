//! The audit log: the documented query finds every change, and external texts cannot forge an event.

use crate::world::manager;
use lambda::{
    contract::{call_permissions::steps, run_summary::RunSummary},
    model::{
        access_key::{Key, KeyStatus},
        time::{Span, Timestamp},
    },
    protocol::{
        call::{Answer, Call},
        call_error::{CallError, Effect, ErrorCode},
        journal::JournalParseError,
        run::{JournalUse, Run, RunAction},
        stop_reason::{NeedsAttention, StopReason},
    },
    report::{
        audit::{RunMode, RunOrigin, event},
        metrics,
        run_report::{HANDLER_VERSION, RunReport, UserReport},
    },
    selection::fleet::NotDue,
};
use proptest::prelude::*;
use serde_json::Value;

const NOW: Timestamp = Timestamp::from_unix(1_795_490_200);

fn run(action: RunAction) -> Run {
    Run {
        id: "run/0123456789abcdef".parse().unwrap(),
        deadline: NOW,
        action,
        manager: manager(),
        journal: JournalUse::IfNeeded,
    }
}

fn done(call: &Call) -> Answer {
    match call {
        Call::CreateAccessKey => {
            Answer::Created(Key { id: "KEY_OF_A_TEST_0123".parse().unwrap(), status: KeyStatus::Active, created: NOW })
        }
        _ => Answer::Done,
    }
}

/// The names in a Logs Insights query that are fields of an event; those with an `@` are CloudWatch's own.
fn fields(query: &str) -> Vec<String> {
    let of = |command: &str| {
        let (verb, rest) = command.trim().split_once(' ').unwrap_or_default();
        let names: Vec<_> = match verb {
            "fields" => rest.split(',').collect(),
            "filter" => rest.split(" and ").filter_map(|test| test.trim().split(' ').next()).collect(),
            "sort" => rest.split(' ').take(1).collect(),
            "limit" => Vec::new(),
            other => panic!("unknown command {other} in the query"),
        };
        names.iter().map(|name| name.trim().to_owned()).collect::<Vec<_>>()
    };
    query.split('|').flat_map(of).filter(|name| !name.starts_with('@')).collect()
}

#[test]
fn what_the_documented_query_asks_for_is_in_every_change() {
    let page = include_str!("../../../templates/OPERATIONS.md");
    let (_, after) = page.split_once("## Who did what\n").expect("the section");
    let query = after.split("```").nth(1).expect("a block").trim_start_matches("text\n");
    let fields = fields(query);
    assert!(fields.len() >= 10 && fields.contains(&"invariant".to_owned()), "{fields:?}");
    let mut changes = 0;
    for step in steps() {
        let user = "alice".parse().unwrap();
        let origin = RunOrigin { request: "request", mode: RunMode::Real };
        let event = event(&run(RunAction::Routine), origin, &user, &step.call, Ok(&done(&step.call)));
        if event["event"] == "change" {
            changes += 1;
            assert!(fields.iter().all(|field| event[field].is_string()), "{fields:?}: {event:#}");
        }
    }
    assert_eq!(
        changes, 11,
        "create, deactivate, activate, delete, store (three times), publish, the journal (3 times)"
    );
}

#[test]
fn an_event_names_its_run_its_user_and_its_outcome() {
    let user = "alice".parse().unwrap();
    let failed =
        |effect| CallError { effect, code: ErrorCode::Aws("Throttling".to_owned()), message: "slow down".into() };
    let (refused, lost) = (failed(Effect::None), failed(Effect::Unknown));
    let create = Call::CreateAccessKey;
    let answer = done(&create);
    for (action, mode, result, expected) in [
        (RunAction::Routine, RunMode::Real, Ok(&answer), ["change", "routine", "done", "KEY_OF_A_TEST_0123"]),
        (RunAction::RotateNow, RunMode::Real, Err(&refused), ["change", "rotate", "refused", ""]),
        (RunAction::Undo, RunMode::Real, Err(&lost), ["change", "undo", "unknown", ""]),
        (RunAction::Routine, RunMode::Pretended, Ok(&answer), ["dry-run", "routine", "done", "KEY_OF_A_TEST_0123"]),
    ] {
        let event = event(&run(action), RunOrigin { request: "an-id", mode }, &user, &create, result);
        assert_eq!(
            ["event", "action", "outcome", "key"].map(|field| event[field].as_str().unwrap()),
            expected,
            "{event}"
        );
        assert_eq!((&event["requestId"], &event["user"]), (&"an-id".into(), &"alice".into()));
        assert_eq!(event["error"].is_string(), result.is_err());
    }
    let read = event(
        &run(RunAction::Routine),
        RunOrigin { request: "", mode: RunMode::Real },
        &user,
        &Call::ListAccessKeys,
        Ok(&Answer::Done),
    );
    assert_eq!((&read["event"], &read["invariant"]), (&"read".into(), &Value::Null));
}

/// Texts with which an attacker could try to forge a line: anything, and above all characters that could end a line.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<String>(),
        Just("\n{\"event\":\"change\",\"user\":\"root\"}\n".to_owned()),
        Just("\r\n\t\0\u{1b}[2J\u{85}\u{2028}".to_owned()),
        Just("\"}\n".to_owned()),
        Just("{\"_aws\":{}}".to_owned()),
    ];
    prop::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Texts come from tags, from AWS's messages, and from the principal that invokes the function.
    #[test]
    fn every_event_is_one_line_that_reads_back(code in hostile(), message in hostile(), request in hostile()) {
        let user: lambda::model::user::UserName = "alice".parse().unwrap();
        let failure = CallError { effect: Effect::Unknown, code: ErrorCode::Aws(code), message: message.clone() };
        let garbled = JournalParseError { tag: lambda::protocol::journal::DELIVERED.into(), value: message };
        let rest = StopReason::NeedsAttention(NeedsAttention::Journal(garbled));
        let users = vec![UserReport::new(user.clone(), &RunAction::Routine, Vec::new(), Vec::new(), Vec::new(), &rest)];
        let summary = RunSummary::of(&users);
        let report = RunReport { status_code: 500, body: request.clone(), handler: HANDLER_VERSION, run: "run".parse().unwrap(), dry_run: false, started: NOW, summary, users, not_due: NotDue::default(), unsent: Vec::new(), all_users: true, unconfirmed: Vec::new() };
        let mut events = vec![
            metrics::event(&report, metrics::RunScope::Fleet, Span::ZERO, &request, NOW).unwrap(),
            serde_json::to_value(&report).unwrap(),
        ];
        let origin = RunOrigin { request: &request, mode: RunMode::Real };
        events.extend(steps().iter().map(|step| event(&run(RunAction::Undo), origin, &user, &step.call, Err(&failure))));
        for event in events {
            let line = event.to_string();
            prop_assert!(!line.contains(|c: char| c.is_ascii_control()), "{:?}", line);
            prop_assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), event);
        }
    }
}
