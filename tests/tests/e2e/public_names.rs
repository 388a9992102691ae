//! The names that users build on: scripts, queries, alarms and policies contain them. They are frozen in a golden list.

use std::collections::BTreeSet;

use expect_test::expect_file;
use lambda::{
    contract::{
        call_permissions::steps,
        event::{RunRequest, SCHEDULE_INPUT},
        settings::{SettingError, Variable},
        user_entry,
    },
    handler::load_users::LoadUsersError,
    model::{
        access_key::{Key, KeyStatus, LastUse},
        time::{Span, Timestamp},
    },
    protocol::{
        call::{Answer, RemovalReason},
        call_error::{CallError, ErrorCode},
        journal,
        run::{Run, RunAction},
        stop_reason::StopReason,
    },
    report::{
        audit::{self, RunMode, RunOrigin},
        log_event,
        metrics::{self, Metric},
        run_report::{KeyChange, Outcome, RunReport, Summary, Unsent, UserReport},
    },
    selection::fleet::NotDue,
};
use serde_json::{Value as Json, json};
use synth::{cfn::view::View, cmd::Exit};

use crate::common::{careful, read, settings};

const TEMPLATES: [&str; 5] = ["rotation", "article", "encrypted", "fleet", "artifacts"];
const NOW: Timestamp = Timestamp::from_unix(1_795_490_200);

/// The paths of all fields of an event or a report. A list has the fields of its items.
fn fields(json: &Json, at: &str, found: &mut BTreeSet<String>) {
    match json {
        Json::Object(map) => map.iter().for_each(|(name, value)| {
            let path = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
            found.insert(path.clone());
            fields(value, &path, found);
        }),
        Json::Array(items) => items.iter().for_each(|item| fields(item, &format!("{at}[]"), found)),
        _ => {}
    }
}

fn report() -> RunReport {
    let key = |status| Key { id: "KEY_OF_A_TEST_0123".parse().unwrap(), status, created: NOW };
    let id = || key(KeyStatus::Active).id;
    let done = vec![KeyChange::Deleted { key: id(), why: RemovalReason::WindowOver }];
    let rest = StopReason::StillInUse(id(), LastUse::Never);
    let keys = || vec![key(KeyStatus::Active)];
    let mut users = vec![UserReport::new("alice".parse().unwrap(), RunAction::Routine, keys(), done, keys(), &rest)];
    users[0].waits_until = Some(NOW);
    let unsent = vec![Unsent { user: Some("alice".parse().unwrap()), notice: "failed", why: String::new() }];
    let summary = Summary { exempt: 1, ..Summary::of(&users) };
    RunReport {
        status_code: 200,
        body: String::new(),
        run: "run".parse().unwrap(),
        dry_run: false,
        started: NOW,
        summary,
        users,
        rested: NotDue::default(),
        unsent,
    }
}

/// The fields of every event that the handler logs.
fn log_fields() -> BTreeSet<String> {
    let user = "alice".parse().unwrap();
    let run = Run { id: "run".parse().unwrap(), deadline: NOW, order: RunAction::Routine };
    let origin = RunOrigin { request: "id", mode: RunMode::Real };
    let failure = CallError::without_effect(ErrorCode::NoTimeLeft, "");
    let mut events = vec![
        log_event::notice(&run.id, origin, Some(&user), "failed", Some(&failure)),
        log_event::refused(""),
        metrics::event(&report(), metrics::RunScope::Fleet, Span::ZERO, "function", NOW).unwrap(),
    ];
    events.extend(log_event::results(&report()));
    for step in steps() {
        events.push(audit::event(&run, origin, &user, &step.call, Err(&failure)));
        events.push(audit::event(&run, origin, &user, &step.call, Ok(&Answer::Done)));
    }
    let mut found = BTreeSet::new();
    for event in &events {
        fields(event, "", &mut found);
    }
    found
}

/// One section of the list.
fn section(title: &str, names: impl IntoIterator<Item = impl Into<String>>) -> String {
    let names: BTreeSet<String> = names.into_iter().map(Into::into).collect();
    assert!(!names.is_empty(), "{title}");
    let lines = [title.to_owned()].into_iter().chain(names.iter().map(|name| format!("  {name}")));
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

fn words<T: serde::Serialize>(values: &[T]) -> Vec<String> {
    values.iter().map(|value| json!(value).as_str().expect("a word").to_owned()).collect()
}

#[test]
fn public_names_are_the_frozen_ones() {
    let schema: Json = serde_json::from_str(&read("templates/rotation.schema.json")).unwrap();
    let of_object = |json: &Json| json.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    let variables = settings("alice", careful(), "arn:aws:sns:eu-west-1:123456789012:keys".parse().unwrap());
    let mut variables: Vec<_> =
        variables.into_environment().into_iter().map(|(variable, _)| variable.name().to_owned()).collect();
    variables.push(Variable::EncryptTo.name().to_owned());
    let (mut resources, mut statements) = (BTreeSet::new(), BTreeSet::new());
    let (mut outputs, mut parameters) = (BTreeSet::new(), BTreeSet::new());
    for name in TEMPLATES {
        let template = synth::cfn::read::read(&read(&format!("templates/{name}.yaml"))).unwrap();
        let view = View(&template);
        for resource in view.resources() {
            resources.insert(format!("{} {}", resource.id, resource.kind));
        }
        let role = |role: &synth::cfn::view::Role<'_>| {
            role.policies.iter().map(|s| format!("{} {}", role.resource.id, s.sid())).collect::<Vec<_>>()
        };
        statements.extend(view.roles().iter().flat_map(role));
        let own = |(owner, all): (synth::cfn::view::Resource<'_>, Vec<synth::cfn::view::StatementView<'_>>)| {
            all.iter().map(|s| format!("{} {}", owner.id, s.sid())).collect::<Vec<_>>()
        };
        statements.extend(view.resource_policies().flat_map(own));
        outputs.extend(view.section("Outputs").map(|(name, _)| name.to_owned()));
        parameters.extend(view.section("Parameters").map(|(name, _)| name.to_owned()));
    }
    let mut of_report = BTreeSet::new();
    fields(&serde_json::to_value(report()).unwrap(), "", &mut of_report);
    let errors = [
        LoadUsersError::Event(RunRequest::read(json!([]), "").unwrap_err()).as_str(),
        LoadUsersError::Unseen { operation: "", failure: CallError::without_effect(ErrorCode::NoEnd, "") }.as_str(),
        SettingError::NAME,
    ];
    let journal = [journal::INTENT, journal::DELIVERED, journal::DISABLED, journal::UNDONE, journal::WARNED];
    let outcomes = [Outcome::Unchanged, Outcome::Changed, Outcome::Waiting, Outcome::Failed, Outcome::NeedsAttention];
    let list = [
        section("Settings of rotation.yaml", of_object(&schema["properties"])),
        section("Environment variables of the function", variables),
        section("Fields of the schedule's event", SCHEDULE_INPUT.map(|(name, _)| name)),
        section("Logical ids, with their types", resources),
        section("Statement ids, with their owners", statements),
        section("Parameters", parameters),
        section("Outputs", outputs),
        section("Metrics", Metric::ALL.map(|m| format!("{} {} {}", metrics::NAMESPACE, metrics::DIMENSION, m.name()))),
        section("Log fields", log_fields()),
        section("Fields of the run report", of_report),
        section("Outcomes for a user", words(&outcomes)),
        section("Error codes of the handler", ErrorCode::OF_THE_HANDLER.iter().copied()),
        section("Error types of an invocation", errors),
        section("Tag keys of the journal", journal),
        section("Tag keys that users may set", user_entry::TAGS),
        section("Exit codes", Exit::ALL.map(|exit| format!("{:3} {exit:?}", exit as u8))),
    ];
    expect_file![tests::root().join("tests/golden/public-names.txt")].assert_eq(&list.join("\n"));
}
