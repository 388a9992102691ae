//! The names that users build on: scripts, queries, alarms and policies contain them. They are frozen in a golden list.
//!
//! No name is written here that the code or a file of the project can give.

use std::{
    collections::{BTreeMap, BTreeSet},
    iter::once,
};

use clap::{ArgAction, CommandFactory};
use expect_test::expect_file;
use lambda::{
    contract::{
        account_name::AccountName,
        call_permissions::steps,
        event::{RunRequest, SCHEDULE_INPUT},
        permissions::{SIDS, tags},
        run_summary::RunSummary,
        secret_prefix::SecretPrefix,
        selector::{UserSelector, UserTag},
        settings::{SettingError, Variable},
        user_entry,
    },
    delivery::{
        key_document::{document, version_id},
        secret_policy,
    },
    handler::{invocation::DIGEST, load_users::LoadUsersError},
    model::{
        access_key::{AccessKeyId, Key, KeyStatus, LastUse, SecretAccessKey},
        time::{Span, Timestamp},
    },
    notice::{Aftermath, NoticeKind, Rotated, SecretLocation, notice_schema},
    protocol::{
        call::{Answer, Call, RemovalReason},
        call_error::{CallError, ErrorCode},
        journal,
        manager::Manager,
        overdue::Overdue,
        policy::DeleteAfter,
        run::{JournalUse, Run, RunAction, Successor},
        stop_reason::{NeedsAttention, StopReason},
    },
    report::{
        audit::{self, RunMode, RunOrigin},
        log_event,
        metrics::{self, Metric},
        next_change::{NextChange, NextChangeKind},
        run_report::{HANDLER_VERSION, KeyChange, Outcome, RunReport, Unsent, UserReport},
    },
    selection::{fleet::NotDue, routing},
};
use serde_json::{Value as Json, json};
use synth::{
    cfn::{
        json::to_json,
        view::{self, Resource, Role, StatementView, View},
    },
    cmd::{Cli, Exit},
    config::{self, Overrides},
    deploy::{
        aws::{
            AwsError,
            cloudformation::{Stack, StackResource},
        },
        command_document::CommandDocument,
        deletion_summary::StackLocation,
        first_deployment::FirstDeployment,
        former_users::{FormerUsers, UserSecret},
        last_run::LastRun,
        local_configuration::{ConfigurationComparison, LocalConfiguration},
        member_log::MemberLog,
        member_operation::{AccountPhase, AccountResult},
        member_stack::{MemberStack, MemberState},
        message::{self, DeployOutcome, Message, Renderer},
        next_run::{Firing, Never, Schedule, ScheduleState},
        organization_progress::OrganizationUpdate,
        organization_status::OrganizationStatus,
        progress::{Event, ProgressUpdate},
        received_report::ReceivedReport,
        resubscription::{Resubscription, ResubscriptionOutcome},
        root_cause::RootCause,
        rotation_check::UnrotatableUser,
        rotation_plan::RotationPlan,
        run_counts::RunCounts,
        run_preview::RunPreview,
        stack_alarm::{AlarmState, StackAlarm},
        stack_status::StackStatus,
        status_report::StatusReport,
        subscriptions::{
            DeclaredSubscription, ForeignSubscription, ListedSubscription, NoticeRole, StackSubscription, StackTopic,
            SubscriptionState, TopicSubscriptions,
        },
    },
    diff::{self, Action, Diff, DiffSource, Impact, ResourceChange, approval::Approval, render},
    docs::explain,
    iam::{
        compare::{Certainty, Comparison, Verdict},
        template::PlaceChange,
    },
    stack::{self, artifacts},
};

use crate::common::{careful, read, settings};

const TEMPLATES: [&str; 7] =
    ["rotation", "article", "encrypted", "fleet", "artifacts", "organization", "organization-member"];
const NOW: Timestamp = Timestamp::from_unix(1_795_490_200);
const KEY: &str = "KEY_OF_A_TEST_0123";

/// A configuration with the options that none of the committed templates has.
const OTHER_OPTIONS: &str = "\
users: ['tag:rotate=yes']
emails: [security@example.com]
secret_kms_key: arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
dashboard: fleet
tags: {team: payments}
permissions_boundary: arn:aws:iam::111122223333:policy/boundary
role_path: /service/
reserved_concurrency: 2
";

type Names = BTreeSet<String>;

/// A list with a value for each variant of an enum. It does not compile if a variant is missing.
macro_rules! every {
    ($type:ident: $($variant:ident),+ $(,)?) => { every!($type { $($variant: $type::$variant),+ }) };
    ($type:ident { $($variant:ident: $value:expr),+ $(,)? }) => {{
        let _ = |value: &$type| match value { $($type::$variant { .. })|+ => () };
        [$($value),+]
    }};
}

#[test]
fn public_names_are_the_frozen_ones() {
    let sections = [
        configuration(),
        event(),
        templates(),
        metrics_and_logs(),
        run_report(),
        secrets_and_tags(),
        commands(),
        json_of_commands(),
        repository(),
    ];
    let list: Vec<String> = sections.concat().into_iter().map(|(title, names)| section(title, &names)).collect();
    expect_file![tests::root().join("tests/golden/public-names.txt")].assert_eq(&list.join("\n"));
}

/// A section of the list: its title and its names.
type Section = (&'static str, Names);

fn section(title: &str, names: &Names) -> String {
    assert!(!names.is_empty(), "{title}");
    once(title.to_owned()).chain(names.iter().map(|name| format!("  {name}"))).collect::<Vec<_>>().join("\n") + "\n"
}

fn names(names: impl IntoIterator<Item = impl Into<String>>) -> Names {
    names.into_iter().map(Into::into).collect()
}

fn words<T: serde::Serialize>(values: &[T]) -> Names {
    values.iter().map(|value| json!(value).as_str().expect("a word").to_owned()).collect()
}

/// The paths of all fields of an event or a report. A list has the fields of its items.
fn fields(json: &Json, at: &str, found: &mut Names) {
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

fn fields_of(json: &Json) -> Names {
    let mut found = Names::new();
    fields(json, "", &mut found);
    found
}

fn configuration() -> Vec<Section> {
    let schema: Json = serde_json::from_str(&read("templates/rotation.schema.json")).unwrap();
    let properties = schema["properties"].as_object().expect("the schema has settings");
    let forms = schema["properties"]["users"]["items"]["anyOf"].as_array().expect("the forms of an entry");
    let entry = forms.iter().find_map(|form| form["properties"].as_object()).expect("one form is a mapping");
    // The names of time zones are those of the IANA.
    let choices = properties.iter().filter(|(name, _)| *name != "time_zone");
    let choices = choices.flat_map(|(name, setting)| fixed(setting, name));
    let user = |text: &str| text.parse().unwrap();
    let selectors = every!(UserSelector {
        User: UserSelector::User(user("/PATH/NAME")),
        Path: UserSelector::Path("/PATH/".parse().unwrap()),
        Tag: UserSelector::Tag(UserTag { key: "KEY".into(), value: "VALUE".into() }),
        Group: UserSelector::Group("NAME".parse().unwrap()),
    });
    let selectors = selectors.into_iter().chain([UserSelector::User(user("NAME"))]);
    let variables = settings("alice", careful(), "arn:aws:sns:eu-west-1:123456789012:keys".parse().unwrap());
    let variables = variables.into_environment::<String>().into_iter().map(|(variable, _)| variable);
    vec![
        ("Settings of rotation.yaml", properties.keys().cloned().collect()),
        ("Fields of an entry of users", entry.keys().cloned().collect()),
        ("Words of settings with a choice", choices.collect()),
        ("Forms of a selector", selectors.map(|selector| selector.to_string()).collect()),
        ("Environment variables of the function", names(variables.chain([Variable::EncryptTo]).map(Variable::name))),
    ]
}

/// The fixed values that the schema of a setting allows, at any depth.
fn fixed(schema: &Json, at: &str) -> Names {
    let word = |value: &Json| format!("{at}: {}", view::text(value));
    let below = |(key, value): (&String, &Json)| match (key.as_str(), value) {
        ("enum", words) => view::each(words).map(word).collect(),
        ("const", only) => names([word(only)]),
        ("properties", Json::Object(fields)) => {
            fields.iter().flat_map(|(name, field)| fixed(field, &format!("{at}[].{name}"))).collect()
        }
        ("default" | "examples", _) => Names::new(),
        (_, other) => fixed(other, at),
    };
    match schema {
        Json::Object(map) => map.iter().flat_map(below).collect(),
        Json::Array(items) => items.iter().flat_map(|item| fixed(item, at)).collect(),
        _ => Names::new(),
    }
}

fn event() -> Vec<Section> {
    // The error about an unknown name lists the known ones.
    let expected = |event: Json| {
        let error = RunRequest::read(event, "").unwrap_err().to_string();
        let (_, known) = error.split_once("expected one of").unwrap_or_else(|| panic!("{error}"));
        names(known.split('`').skip(1).step_by(2))
    };
    vec![
        ("Fields of an event", expected(json!({ "?": 0 }))),
        ("Fields of the schedule's event", names(SCHEDULE_INPUT.map(|(name, _)| name))),
        ("Actions of an event", expected(json!({ "action": "?" }))),
    ]
}

fn other_options() -> synth::cfn::Value {
    stack::template(&config::read(OTHER_OPTIONS, Overrides::default()).unwrap().config).unwrap()
}

fn templates() -> Vec<Section> {
    let committed = |name| synth::cfn::read::read(&read(&format!("templates/{name}.yaml"))).unwrap();
    let mut templates: Vec<Json> = TEMPLATES.into_iter().map(committed).collect();
    templates.push(to_json(&other_options()));
    let (mut resources, mut called, mut statements) = (Names::new(), Names::new(), Names::new());
    let (mut outputs, mut parameters) = (Names::new(), Names::new());
    for template in &templates {
        let view = View(template);
        for resource in view.resources() {
            resources.insert(format!("{} {}", resource.id, resource.kind));
            called.extend(name_of(resource).map(|name| format!("{} {name}", resource.id)));
        }
        let role = |role: &Role<'_>| {
            role.policies.iter().map(|s| format!("{} {}", role.resource.id, s.sid())).collect::<Vec<_>>()
        };
        statements.extend(view.roles().iter().flat_map(role));
        let own = |(owner, all): (Resource<'_>, Vec<StatementView<'_>>)| {
            all.iter().map(|s| format!("{} {}", owner.id, s.sid())).collect::<Vec<_>>()
        };
        statements.extend(view.resource_policies().flat_map(own));
        outputs.extend(view.section("Outputs").map(|(name, _)| name.to_owned()));
        parameters.extend(view.section("Parameters").map(|(name, _)| name.to_owned()));
    }
    for sid in SIDS {
        assert!(statements.contains(&format!("FunctionRole {sid}")), "no template has the statement {sid}");
    }
    vec![
        ("Logical ids, with their types", resources),
        ("Names of resources, with their logical ids", called),
        ("Statement ids, with their owners", statements),
        ("Parameters", parameters),
        ("Outputs", outputs),
    ]
}

/// The name that the template gives a resource, in the property for it: `AlarmName` of an alarm, `Name` of a schedule.
fn name_of(resource: Resource<'_>) -> Option<String> {
    let kind = resource.kind.rsplit("::").next().unwrap_or_default();
    let name = resource.properties.get(format!("{kind}Name")).or_else(|| resource.properties.get("Name"))?;
    Some(view::text(name))
}

fn metrics_and_logs() -> Vec<Section> {
    let mut log = Names::new();
    let mut values = Names::new();
    for event in log_events() {
        fields(&event, "", &mut log);
        for field in ["level", "event", "action", "outcome", "invariant"] {
            values.extend(event[field].as_str().map(|value| format!("{field}: {value}")));
        }
    }
    vec![
        ("Metrics", names(Metric::ALL.map(|m| format!("{} {} {}", metrics::NAMESPACE, metrics::DIMENSION, m.name())))),
        ("Log fields", log),
        ("Values of log fields", values),
        ("Kinds of notices", notices()),
    ]
}

/// Every kind of event that the handler logs.
fn log_events() -> Vec<Json> {
    let user = "alice".parse().unwrap();
    let refused = CallError::without_effect(ErrorCode::NoTimeLeft, "");
    let unknown = CallError::with_unknown_effect(ErrorCode::NoTimeLeft, "");
    let mut events = log_event::results(&report());
    events.push(log_event::refused(""));
    events.push(metrics::event(&report(), metrics::RunScope::Fleet, Span::ZERO, "function", NOW).unwrap());
    for mode in every!(RunMode: Real, Pretended) {
        let origin = RunOrigin { request: "id", mode };
        let actions = every!(RunAction {
            Routine: RunAction::Routine,
            RotateNow: RunAction::RotateNow,
            Enable: RunAction::Enable,
            Undo: RunAction::Undo,
            Revoke: RunAction::Revoke(KEY.parse().unwrap(), Successor::IfNeeded),
            Adopt: RunAction::Adopt,
            Release: RunAction::Release,
        });
        for action in actions {
            let manager = Manager::new("keys", "eu-west-1", "").unwrap();
            let id = "run".parse().unwrap();
            let run = Run { id, deadline: NOW, action, manager, journal: JournalUse::IfNeeded };
            events.push(log_event::notice(&run.id, origin, None, DIGEST, None));
            events.push(log_event::notice(&run.id, origin, Some(&user), DIGEST, Some(&refused)));
            for step in steps() {
                for answer in [Ok(&Answer::Done), Err(&refused), Err(&unknown)] {
                    events.push(audit::event(&run, origin, &user, &step.call, answer));
                }
            }
        }
    }
    events
}

fn notices() -> Names {
    let key: AccessKeyId = KEY.parse().unwrap();
    let (key, call) = (&key, &Call::ListAccessKeys);
    let failure = &CallError::without_effect(ErrorCode::NoTimeLeft, "");
    let user = "alice".parse().unwrap();
    let policy = crate::common::careful();
    let secret = SecretLocation::Mailed;
    let rotated = Rotated { user: &user, key, secret, replaced: Vec::new(), policy: &policy, now: NOW };
    let kinds = every!(NoticeKind {
        Rotated: NoticeKind::Rotated(rotated),
        StillInUse: NoticeKind::StillInUse {
            old: key,
            new: None,
            last_use: &LastUse::Never,
            required_idle_time: None,
            until: None,
        },
        Retired: NoticeKind::Retired { old: key, new: None, deleted: DeleteAfter::NextRotation },
        Disused: NoticeKind::Disused { key },
        Revoked: NoticeKind::Revoked { key, new: None },
        PairInUse: NoticeKind::PairInUse { older: key, newer: None, last_use: &LastUse::Never },
        Deleted: NoticeKind::Deleted { old: key, new: None, why: RemovalReason::WindowOver },
        Reactivated: NoticeKind::Reactivated { old: key, new: None, until: None },
        Failed: NoticeKind::Failed { call, failure, aftermath: Aftermath::Untouched },
        NeedsAttention: NoticeKind::NeedsAttention(&NeedsAttention::SameAge),
        NoConfirmedRecipient: NoticeKind::NoConfirmedRecipient { mailboxes: Vec::new() },
    });
    names(kinds.iter().map(NoticeKind::as_str).chain([DIGEST]))
}

/// The fields of each part of the document, and the words that a field can be.
fn notice_documents() -> Names {
    let schema = notice_schema();
    let parts = schema["$defs"].as_object().expect("it has parts").iter().map(|(name, part)| (name.as_str(), part));
    let all = [("NoticeDocument", &schema)].into_iter().chain(parts);
    let names = all.flat_map(|(name, part)| {
        let fields = part["properties"].as_object().into_iter().flat_map(|fields| fields.keys().cloned());
        let words = part["oneOf"].as_array().into_iter().flatten().filter_map(|word| word["const"].as_str());
        let all: Vec<_> = fields.chain(words.map(str::to_owned)).map(|word| format!("{name}: {word}")).collect();
        all
    });
    names.collect()
}

fn report() -> RunReport {
    let key = |status| Key { id: KEY.parse().unwrap(), status, created: NOW };
    let id = || key(KeyStatus::Active).id;
    let done = vec![KeyChange::Deleted { key: id(), why: RemovalReason::WindowOver }];
    let rest = StopReason::StillInUse(id(), LastUse::Never);
    let keys = || vec![key(KeyStatus::Active)];
    let mut users = vec![UserReport::new("alice".parse().unwrap(), &RunAction::Routine, keys(), done, keys(), &rest)];
    users[0].waits_until = Some(NOW);
    users[0].owner = Some("a@example.com".parse().unwrap());
    users[0].next = Some(NextChange { change: NextChangeKind::Deleted, key: id(), at: NOW });
    users[0].overdue = Some(Overdue { key: id(), since: NOW });
    let unsent = vec![Unsent { user: Some("alice".parse().unwrap()), notice: DIGEST, why: String::new() }];
    let summary = RunSummary { exempt: 1, unconfirmed: Some(1), ..RunSummary::of(&users) };
    RunReport {
        status_code: 200,
        body: String::new(),
        handler: HANDLER_VERSION,
        run: "run".parse().unwrap(),
        dry_run: false,
        started: NOW,
        summary,
        users,
        all_users: true,
        not_due: NotDue { users: 1, disabled: vec!["off".parse().unwrap()], active: Vec::new(), next: None },
        unsent,
        unconfirmed: vec!["a@example.com".parse().unwrap()],
    }
}

fn run_report() -> Vec<Section> {
    let key = || KEY.parse().unwrap();
    let why = RemovalReason::WindowOver;
    let changes = every!(KeyChange {
        Created: KeyChange::Created { key: key() },
        Delivered: KeyChange::Delivered { key: key() },
        Warned: KeyChange::Warned { key: key() },
        Deactivated: KeyChange::Deactivated { key: key(), why },
        Reactivated: KeyChange::Reactivated { key: key() },
        Deleted: KeyChange::Deleted { key: key(), why },
    });
    let changes = changes.map(|change| json!(change)["change"].as_str().expect("a word").to_owned());
    let reasons = every!(RemovalReason: Superseded, WindowOver, PlaceNeeded, Withdrawn, Disuse, Revoked);
    let next = every!(NextChangeKind: Replaced, Deactivated, Deleted, Decided);
    let outcomes = every!(Outcome: Unchanged, Changed, Waiting, Disabled, Failed, NeedsAttention);
    let errors = [
        LoadUsersError::Event(RunRequest::read(json!([]), "").unwrap_err()).as_str(),
        LoadUsersError::Function(Manager::new("", "", "").unwrap_err()).as_str(),
        LoadUsersError::UsersNotListed { operation: "", failure: CallError::without_effect(ErrorCode::NoEnd, "") }
            .as_str(),
        SettingError::NAME,
    ];
    vec![
        ("Fields of the run report", fields_of(&serde_json::to_value(report()).unwrap())),
        ("Outcomes for a user", words(&outcomes)),
        ("Changes to a key", names(changes)),
        ("Reasons to deactivate or delete a key", words(&reasons)),
        ("Changes that come next", words(&next)),
        ("States of a key", words(&every!(KeyStatus: Active, Inactive))),
        ("Error codes of the handler", names(ErrorCode::OF_THE_HANDLER.iter().copied())),
        ("Error types of an invocation", names(errors)),
    ]
}

fn secrets_and_tags() -> Vec<Section> {
    let schema: Json = serde_json::from_str(&read("templates/rotation.schema.json")).unwrap();
    let prefix: SecretPrefix = schema["properties"]["secret_prefix"]["default"].as_str().unwrap().parse().unwrap();
    let user = |text: &str| text.parse::<lambda::model::user::User>().unwrap();
    let secret_name = |text: &str| format!("{} of {text}", prefix.secret_name(&user(text).name));
    let (alice, key) = (user("alice").name, KEY.parse().unwrap());
    let content = document(&alice, &key, &SecretAccessKey::new("a secret made for this test".into())).unwrap();
    let content: Json = serde_json::from_str(&content).unwrap();
    let readers = "arn:aws:iam::111122223333:role/reader".parse().unwrap();
    let policy = secret_policy::document(&"arn:aws:iam::111122223333:user/alice".parse().unwrap(), &readers);
    let policy: Json = serde_json::from_str(&policy).unwrap();
    let journal = [
        journal::INTENT,
        journal::DELIVERED,
        journal::DISABLED,
        journal::UNDONE,
        journal::WARNED,
        journal::SEEN,
        journal::UNUSED,
        journal::MANAGED_BY,
    ];
    vec![
        ("Names of secrets, with their users", ["alice", "/ci/deployer", "/ci/a,b"].map(secret_name).into()),
        ("Tags of a secret", tags(&alice).map(|(key, value)| format!("{key}: {value}")).into()),
        ("Fields of the document with a key", fields_of(&content)),
        ("Version ids of a secret, with their keys", names([format!("{} of {key}", version_id(&key))])),
        ("Statement ids of a secret's policy", sids(&policy)),
        ("Message attributes of notices", names([routing::TO, routing::USER])),
        ("Recipient that stands for all endpoints", names([routing::ENDPOINTS])),
        ("Fields and words of notices for programs", notice_documents()),
        ("Tag keys of the journal", names(journal)),
        ("Tag keys that users may set", names(user_entry::TAGS)),
    ]
}

fn sids(policy: &Json) -> Names {
    let statements = policy["Statement"].as_array().expect("a policy has statements");
    statements.iter().map(|statement| statement["Sid"].as_str().expect("each has an id").to_owned()).collect()
}

fn commands() -> Vec<Section> {
    let mut synth = Cli::command();
    // This gives each argument its place.
    synth.build();
    let mut options = Names::new();
    walk(&synth, synth.get_name(), &mut options);
    vec![
        ("Commands, options and choices of synth", options),
        ("Exit codes", names(Exit::ALL.map(|exit| format!("{:3} {exit:?}", exit as u8)))),
    ]
}

/// The options of a command and of its subcommands, each with the values that it can have.
fn walk(command: &clap::Command, path: &str, found: &mut Names) {
    found.insert(path.to_owned());
    let own = command.get_arguments().filter(|argument| !matches!(argument.get_action(), ArgAction::Help));
    for argument in own {
        // An argument without a name has a place.
        let place = || format!("[{}]", argument.get_index().expect("a place"));
        let name = argument.get_long().map_or_else(place, |long| format!("--{long}"));
        found.insert(format!("{path} {name}"));
        if argument.get_action().takes_values() {
            let values = argument.get_possible_values();
            found.extend(values.iter().map(|value| format!("{path} {name} {}", value.get_name())));
        }
    }
    for subcommand in command.get_subcommands() {
        walk(subcommand, &format!("{path} {}", subcommand.get_name()), found);
    }
}

fn json_of_commands() -> Vec<Section> {
    let mut of_diff = Names::new();
    for golden in ["diff", "change_set"] {
        fields(&serde_json::from_str(&read(&format!("synth/tests/golden/{golden}.json"))).unwrap(), "", &mut of_diff);
    }
    let deploy_policy: Json = serde_json::from_str(&read("synth/tests/golden/deploy-policy.json")).unwrap();
    vec![
        ("JSON of synth diff", of_diff),
        ("Words in the JSON of synth diff", words_of_diff()),
        ("JSON of synth explain", fields_of(&explain::json_of_organization(&other_options(), &other_options()))),
        ("JSON of synth status", status()),
        ("JSON of synth status for an organization", organization_status()),
        ("JSON of synth preview", preview()),
        ("JSON of synth run, rotate, undo, adopt, revoke, destroy and resubscribe", command()),
        ("JSON of synth deploy, by event", deploy()),
        ("Statement ids of synth deploy-policy", sids(&deploy_policy)),
    ]
}

/// The words that programs compare, from a diff with one change of each kind.
fn words_of_diff() -> Names {
    let mut every_kind: Diff = diff::compare(&json!({}), &json!({}));
    for action in every!(Action: Added, Removed, Changed) {
        for impact in every!(Impact: None, Create, Update, MayReplace, Replaces, Deletes) {
            for source in every!(DiffSource: Templates, Aws) {
                let (id, kind) = (String::new(), String::new());
                let change =
                    ResourceChange { id, kind, action, impact, source, notes: Vec::new(), changes: Vec::new() };
                every_kind.resources.push(change);
            }
        }
    }
    for certainty in every!(Certainty: No, Maybe, Yes) {
        let comparison = Comparison { gained: certainty, lost: certainty, example: None };
        every_kind.iam.places.push(PlaceChange { place: String::new(), comparison });
    }
    let json = render::document(&every_kind);
    let mut found = Names::new();
    for (list, names) in [("resources", &["change", "impact", "source"][..]), ("places", &["gained", "lost"])] {
        for item in json[list].as_array().expect("a list") {
            found.extend(names.iter().map(|name| format!("{name}: {}", item[name].as_str().expect("a word"))));
        }
    }
    let verdicts = every!(Verdict: None, Equivalent, Narrower, Broader, Unknown);
    found.extend(verdicts.map(|verdict| format!("iam: {}", verdict.as_str())));
    found
}

fn subscription(state: SubscriptionState) -> StackSubscription {
    let roles = every!(NoticeRole {
        Administrator: NoticeRole::Administrator,
        OwnerOf: NoticeRole::OwnerOf(vec!["alice".parse().unwrap()]),
        Endpoint: NoticeRole::Endpoint,
    });
    let declared = DeclaredSubscription {
        topic: StackTopic::Notices,
        protocol: "email".into(),
        address: String::new(),
        roles: roles.into(),
        attributes: BTreeMap::new(),
    };
    StackSubscription { declared, state }
}

/// The document of `run`, `rotate`, `undo`, `adopt`, `revoke`, `destroy` and `resubscribe`.
fn command() -> Names {
    let outcomes = every!(ResubscriptionOutcome {
        Kept: ResubscriptionOutcome::Kept,
        Requested: ResubscriptionOutcome::Requested,
        Failed: ResubscriptionOutcome::Failed(AwsError::NoRegion),
    });
    let words = outcomes.iter().map(|outcome| format!("subscriptions[].done: {}", outcome.as_str()));
    let words: Vec<_> =
        words.chain(StackTopic::ALL.map(|topic| format!("subscriptions[].topic: {}", topic.as_str()))).collect();
    let subscription = || subscription(SubscriptionState::Gone);
    let done = outcomes.map(|outcome| Resubscription { subscription: subscription(), outcome });
    let found = json!(["1", "2"].map(|id| json!({ "id": id, "status": "active", "created": "" })));
    let users = json!([{ "user": "a", "result": "unchanged", "why": "", "found": found }]);
    let report = json!({ "statusCode": 200, "body": "", "users": users });
    let place = StackLocation { account: "", region: "" };
    let mut document = CommandDocument::new("rotate", "", place);
    document.report = ReceivedReport::read(report).ok();
    document.not_rotated = vec![UnrotatableUser { user: String::new(), text: String::new() }];
    let (id, kind, status) = (String::new(), String::new(), StackStatus::new(""));
    document.resources = vec![StackResource { id, physical_id: String::new(), kind, status }];
    document.subscriptions = done.into();
    let mut json = document.json(0, None);
    // This is the run report, which has a section of its own.
    json["report"] = Json::Null;
    let mut found = fields_of(&json);
    found.extend(words);
    found
}

fn status() -> Names {
    let standings = every!(SubscriptionState: Confirmed, Pending, Gone);
    let topic = || {
        let foreign = ForeignSubscription { protocol: String::new(), endpoint: String::new(), arn: String::new() };
        TopicSubscriptions {
            declared: standings.map(subscription).into(),
            foreign: vec![foreign],
            leftover: vec![ListedSubscription {
                protocol: "email".into(),
                endpoint: String::new(),
                arn: String::new(),
            }],
        }
    };
    let schedule = || Schedule {
        expression: String::new(),
        time_zone: String::new(),
        state: ScheduleState::Enabled,
        created: NOW,
        modified: NOW,
        start: None,
        end: None,
    };
    // The fields of the dry run's report and the outputs have sections of their own.
    let dry_run = json!({ "statusCode": 200, "body": "", "users": [] });
    let state = |firing| StatusReport {
        name: String::new(),
        account: String::new(),
        region: String::new(),
        at: NOW,
        template: Err(AwsError::NoRegion),
        configuration: Some(LocalConfiguration {
            file: String::new(),
            comparison: ConfigurationComparison::OtherArchitecture(String::new()),
        }),
        last_run: Ok(Some(LastRun { at: NOW, run: String::new(), counts: RunCounts::default() })),
        alarms: Ok(vec![StackAlarm { name: String::new(), state: AlarmState::Ok }]),
        stack: Stack { id: String::new(), status: StackStatus::new(""), outputs: [].into() },
        subscriptions: Ok(topic()),
        alarm_subscriptions: Ok(topic()),
        schedule: Ok((schedule(), firing)),
        dry_run: Ok(ReceivedReport::read(dry_run.clone()).unwrap()),
        former_users: Ok(Some(FormerUsers {
            secrets_of_deleted_users: vec![UserSecret { name: String::new(), user: "alice".parse().unwrap() }],
            left: vec!["alice".parse().unwrap()],
            not_looked_up: 1,
            problem: Some(AwsError::NoRegion),
        })),
    };
    let firings = every!(Firing {
        At: Firing::At(NOW),
        Within: Firing::Within(Span::ZERO),
        Never: Firing::Never(Never::Over),
        Unknown: Firing::Unknown,
    });
    let mut states: Vec<StatusReport> = firings.into_iter().map(state).collect();
    let unreadable = || AwsError::NoRegion;
    states.push(StatusReport {
        configuration: Some(LocalConfiguration {
            file: String::new(),
            comparison: ConfigurationComparison::Unknown(String::new()),
        }),
        last_run: Err(unreadable()),
        alarms: Err(unreadable()),
        subscriptions: Err(unreadable()),
        alarm_subscriptions: Err(unreadable()),
        schedule: Err(unreadable()),
        dry_run: Err(unreadable().into()),
        former_users: Err(unreadable()),
        ..state(Firing::Unknown)
    });
    let mut found = Names::new();
    for state in &states {
        let mut json = state.json();
        if state.dry_run.is_ok() {
            json["dryRun"] = Json::Null;
        }
        fields(&json, "", &mut found);
    }
    let states = standings.iter().map(|standing| standing.as_str()).chain(["foreign", "leftover"]);
    found.extend(states.map(|state| format!("subscriptions[].state: {state}")));
    let alarms = every!(AlarmState: Ok, Alarm, InsufficientData, Missing);
    found.extend(alarms.map(|state| format!("alarms[].state: {}", state.as_str())));
    let comparisons = every!(ConfigurationComparison {
        Same: ConfigurationComparison::Same,
        OtherArchitecture: ConfigurationComparison::OtherArchitecture(String::new()),
        Differs: ConfigurationComparison::Differs,
        Unknown: ConfigurationComparison::Unknown(String::new()),
    });
    found.extend(comparisons.iter().map(|one| format!("configuration.comparison: {}", one.as_str())));
    found
}

fn run_preview() -> RunPreview {
    let report = json!({ "statusCode": 200, "body": "", "users": [] });
    RunPreview {
        stack: String::new(),
        account: String::new(),
        region: String::new(),
        report: ReceivedReport::read(report).unwrap(),
        users: Vec::new(),
        selected: 0,
        plan: RotationPlan::new(10_000, Span::minutes(10), &"rate(1 day)".parse().unwrap()),
        keys_before: None,
    }
}

fn preview() -> Names {
    let mut json = run_preview().json();
    // This is the run report, which has a section of its own.
    json["dryRun"] = Json::Null;
    fields_of(&json)
}

fn organization_status() -> Names {
    let account = "111122223333";
    let member = |state| MemberStack {
        account: account.into(),
        region: String::new(),
        unit: Some(String::new()),
        state,
        reason: Some(String::new()),
    };
    let mut log = MemberLog::default();
    for line in [
        json!({ "event": "member_run", "account": account, "summary": {} }),
        json!({ "event": "member_alarm", "account": account, "alarm": "", "state": "ALARM" }),
    ] {
        log.learn(&line.to_string(), NOW);
    }
    let unreadable = || AwsError::NoRegion;
    let state = |members, log| OrganizationStatus {
        name: String::new(),
        account: String::new(),
        region: String::new(),
        stack: Stack { id: String::new(), status: StackStatus::new(""), outputs: [].into() },
        at: NOW,
        configuration: None,
        alarms: Ok(Vec::new()),
        subscriptions: Ok(TopicSubscriptions::default()),
        alarm_subscriptions: Ok(TopicSubscriptions::default()),
        members,
        publisher: None,
        log,
    };
    let states = MemberState::ALL.map(|one| state(Ok(vec![member(one)]), Ok(log.clone())));
    let unread = state(Err(unreadable()), Err(unreadable()));
    let mut found = Names::new();
    for state in states.iter().chain([&unread]) {
        found.extend(fields_of(&state.json()));
    }
    found
}

fn deploy() -> Names {
    let text = String::new;
    let (old, new) = (json!({ "Resources": { "Queue": { "Type": "AWS::SQS::Queue" } } }), json!({}));
    let plan = diff::compare(&old, &new);
    let approval = Approval::needed(&plan).expect("a deletion needs approval");
    let event = Event {
        id: text(),
        at: NOW,
        resource: text(),
        physical_id: text(),
        kind: text(),
        status: StackStatus::new(""),
        reason: None,
        token: None,
        stack_id: text(),
    };
    let news = ProgressUpdate { event, count: None };
    let preview = run_preview();
    let template = synth::cfn::read::read(&read("templates/rotation.yaml")).unwrap();
    let first = FirstDeployment::of("", &template, Some(&preview)).unwrap();
    let ends = every!(DeployOutcome {
        Deployed: DeployOutcome::Deployed([].into()),
        Unchanged: DeployOutcome::Unchanged([].into()),
        NeedsApproval: DeployOutcome::NeedsApproval {
            approvals: vec![(text(), approval.clone())],
            package: None,
            command: text()
        },
        Declined: DeployOutcome::Declined,
        Failed: DeployOutcome::Failed {
            message: text(),
            cause: Some(RootCause::new(text(), text(), text())),
            is_about_input: false
        },
        Interrupted: DeployOutcome::Interrupted,
        Left: DeployOutcome::Left(text()),
    });
    let left = [subscription(SubscriptionState::Pending)];
    let result = AccountResult { account: text(), phase: AccountPhase::Failed, reason: Some(text()) };
    let updates = every!(OrganizationUpdate {
        Account: OrganizationUpdate::Account { result: result.clone(), count: (0, 1) },
        Part: OrganizationUpdate::Part { count: (0, 1), failed: 0 },
    });
    let messages = every!(Message {
        Place: Message::Place { account: "", account_name: AccountName::None, region: "", identity: "", stack: "" },
        Note: Message::Note(""),
        Plan: Message::Plan { stack: "", diff: &plan, approval: Some(&approval), next_run: None },
        Preview: Message::Preview(&preview),
        FirstDeployment: Message::FirstDeployment(&first),
        ProgressUpdate: Message::ProgressUpdate { stack: "", news: &news },
        Members: Message::Members(&updates[0]),
        Unconfirmed: Message::Unconfirmed(&left),
        Awaited: Message::Awaited(&left),
        End: Message::End(&ends[0]),
    });
    let mut found = Names::new();
    let members = updates.iter().map(Message::Members);
    for message in messages.into_iter().chain(members).chain(ends.iter().map(Message::End)) {
        let mut json: Json = serde_json::from_str(&message::JsonMessages.render(&message)).unwrap();
        // The JSON of `synth diff` and the run report have sections of their own.
        if json["diff"].is_object() {
            json["diff"] = Json::Null;
        }
        if json["dryRun"].is_object() {
            json["dryRun"] = Json::Null;
        }
        let event = json["event"].as_str().expect("each message has its name");
        let kind = json["result"].as_str().map_or_else(|| event.to_owned(), |result| format!("{event} {result}"));
        found.extend(fields_of(&json).into_iter().map(|field| format!("{kind}: {field}")));
    }
    found
}

fn repository() -> Vec<Section> {
    let (targets, variables) = makefile();
    let schema: Json = serde_json::from_str(&read("templates/rotation.schema.json")).unwrap();
    let stack_name = schema["properties"]["stack_name"]["default"].as_str().expect("a default");
    vec![
        ("Names of stacks", names([stack_name, artifacts::stack_name(stack_name).as_str()])),
        ("make targets", targets),
        ("Variables of make", variables),
        ("Workflows", workflows()),
    ]
}

/// The targets that `make help` lists, and the variables that the Makefile or the help of a target names.
fn makefile() -> (Names, Names) {
    let (mut targets, mut variables) = (Names::new(), Names::new());
    for line in read("Makefile").lines() {
        if let Some((name, _)) = line.split_once(" ?=") {
            variables.insert(name.to_owned());
        }
        let documented = line.split_once(':').zip(line.split_once("## "));
        let is_of_target = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if let Some(((target, _), (_, help))) = documented.filter(|((target, _), _)| target.chars().all(is_of_target)) {
            targets.insert(target.to_owned());
            variables.extend(assigned(help));
        }
    }
    (targets, variables)
}

/// The variables before an equals sign: `BASE` in "BASE=REV: another".
fn assigned(text: &str) -> Vec<String> {
    let mut parts: Vec<&str> = text.split('=').collect();
    parts.pop();
    let is_of_name = |c: char| c.is_ascii_uppercase() || c == '_';
    let name = |part: &str| part.rsplit(|c| !is_of_name(c)).next().unwrap_or_default().to_owned();
    parts.into_iter().map(name).filter(|name| !name.is_empty()).collect()
}

/// The names of workflows and jobs, which required checks name, and what a repository must set up for them.
fn workflows() -> Names {
    let mut found = Names::new();
    for entry in std::fs::read_dir(tests::root().join(".github/workflows")).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let text = read(&format!(".github/workflows/{file}"));
        let workflow: Json = serde_yaml::from_str(&text).unwrap_or_else(|e| panic!("{file}: {e}"));
        let entries = |json: &Json| json.as_object().cloned().unwrap_or_default();
        let mut add = |what: &str, name: &str| found.insert(format!("{file} {what} {name}"));
        add("name", workflow["name"].as_str().expect("a workflow has a name"));
        for (name, value) in entries(&workflow["env"]) {
            add("env", &format!("{name}={}", view::text(&value)));
        }
        for input in entries(&workflow["on"]["workflow_dispatch"]["inputs"]).keys() {
            add("input", input);
        }
        for job in entries(&workflow["jobs"]).values() {
            add("job", job["name"].as_str().expect("a job has a name"));
            if let Some(environment) = job["environment"].as_str() {
                add("environment", environment);
            }
        }
        for after in text.split("vars.").skip(1) {
            let end = after.find(|c: char| !c.is_ascii_uppercase() && c != '_').unwrap_or(after.len());
            add("variable", &after[..end]);
        }
    }
    found
}
