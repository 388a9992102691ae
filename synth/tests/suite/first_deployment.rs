//! The screen before a first deployment.

use lambda::{
    model::{
        access_key::{AccessKeyId, Key, KeyStatus, LastUse},
        time::{Span, Timestamp},
    },
    protocol::{
        run::RunAction,
        stop_reason::{NeedsAttention, StopReason},
    },
    report::run_report::{KeyChange, UserReport},
};
use serde_json::{Value as Json, json};
use synth::{
    cfn::json::to_json,
    config::{self, Overrides},
    deploy::{
        first_deployment::FirstDeployment, received_report::ReceivedReport, run_preview::RunPreview,
        user_outlook::UserOutlook,
    },
    screen::{Verbosity, WIDTH},
    stack,
};

use crate::common::{golden, root};

fn template(text: &str) -> Json {
    let config = config::read(text, Overrides::default()).unwrap_or_else(|e| panic!("{e}")).config;
    to_json(&stack::template(&config).unwrap())
}

fn now() -> Timestamp {
    "2026-11-28T12:00:00Z".parse().unwrap()
}

fn key_id(number: usize) -> AccessKeyId {
    format!("AKIAEXAMPLE{number:09}").parse().unwrap()
}

fn key(number: usize, age: u64) -> Key {
    Key { id: key_id(number), status: KeyStatus::Active, created: now().before(Span::days(age)) }
}

fn user(name: &str, found: &[Key], done: Vec<KeyChange>, rest: &StopReason) -> UserReport {
    UserReport::new(name.parse().unwrap(), &RunAction::Routine, found.to_vec(), done, Vec::new(), rest)
}

fn preview(users: &[UserReport], selected: usize) -> RunPreview {
    let report = json!({ "statusCode": 200, "body": "", "dryRun": true, "users": [] });
    RunPreview {
        stack: "access-key-rotation".into(),
        account: "123456789012".into(),
        region: "eu-west-1".into(),
        report: ReceivedReport::read(report).unwrap(),
        users: users.iter().map(UserOutlook::from).collect(),
        selected,
        plan: None,
        keys_before: None,
    }
}

fn screen(configuration: &str, preview: Option<&RunPreview>, detail: Verbosity) -> String {
    let template = template(configuration);
    let first = FirstDeployment::of("access-key-rotation", &template, preview).unwrap();
    let text = first.text(detail, |one| format!("Details: --verbose. One user first: --users {}", one.unwrap_or("-")));
    for line in text.lines() {
        assert!(line.chars().count() <= WIDTH, "{line:?} in\n{text}");
    }
    text
}

fn new_key(old: &Key, days: u64) -> (Vec<KeyChange>, StopReason) {
    let id = key_id(99);
    let done = vec![KeyChange::Created { key: id.clone() }, KeyChange::Delivered { key: id }];
    (done, StopReason::Overlap(old.id.clone(), now() + Span::days(days)))
}

#[test]
fn a_first_deployment_fits_on_a_screen() {
    let configuration = "emails: [security@example.com]\nusers:\n  - {name: backup-agent, owner: ops@example.com}\n  \
        - {name: /ci/deployer, owner: dev@example.com, rotate_after: 30d}\n  - reporting\n";
    let keys = [key(1, 400), key(2, 400), key(3, 200), key(4, 1)];
    let (done, overlap) = new_key(&keys[0], 7);
    let users = [
        user("backup-agent", &keys[..1], done, &overlap),
        user("deployer", &keys[1..3], Vec::new(), &StopReason::UnmadePair(key_id(2), now() + Span::days(7))),
        user("reporting", &keys[3..], Vec::new(), &StopReason::Healthy(now() + Span::days(60))),
    ];
    let text = screen(configuration, Some(&preview(&users, 3)), Verbosity::Brief);
    assert!(text.lines().count() <= 26, "with the lines around it, 30:\n{text}");
    golden("synth/tests/golden/first-deployment.txt", &text);
    // Without the permission to preview, the rest is the same.
    let unknown = screen(configuration, None, Verbosity::Brief);
    assert!(unknown.contains("USER ") && unknown.contains("3 secrets 1.20") && !unknown.contains("would"), "{unknown}");
}

/// A fleet in a mail delivery, with everything that can be long.
#[test]
fn a_first_deployment_of_a_fleet_is_counted() {
    let named: Vec<_> = (1..=40).map(|n| format!("{{name: agent-{n}, owner: team-{}@example.com}}", n % 12)).collect();
    let configuration = format!(
        "emails: [security@example.com, audit@example.com]\ndelivery: email\nunconfirmed_recipients: proceed\n\
         still_in_use: retire\nexempt: ['group:people', /ops/]\nuser_tags: honoured\n\
         users: [/ci/, {{name: /batch/, rotate_after: 30d, overlap: 2d}}, {}]\n",
        named.join(", ")
    );
    let mut users: Vec<_> = (1..=40)
        .map(|n| {
            let old = key(n, 100);
            let (done, overlap) = new_key(&old, 7);
            user(&format!("agent-{n}"), &[old], done, &overlap)
        })
        .collect();
    users.push(user("stuck", &[], Vec::new(), &StopReason::NeedsAttention(NeedsAttention::SameAge)));
    let used = StopReason::StillInUse(key_id(7), LastUse::Unknown);
    users.push(user("agent-45", &[], Vec::new(), &used));
    let preview = preview(&users, 300);
    let text = screen(&configuration, Some(&preview), Verbosity::Brief);
    assert!(text.starts_with("! stuck: a person must decide"), "problems come first: {text}");
    assert!(text.lines().count() <= 40, "{text}");
    golden("synth/tests/golden/first-deployment-fleet.txt", &text);
    let all = screen(&configuration, Some(&preview), Verbosity::Full);
    for user in &users {
        assert!(all.contains(user.user.as_str()), "no {} in {all}", user.user);
    }
    assert!((0..12).all(|n| all.contains(&format!("team-{n}@example.com"))), "{all}");
}

/// A queue confirms at once, and gets no mail. A user that cannot be rotated is no user to begin with.
#[test]
fn an_endpoint_is_a_recipient_without_a_mail() {
    let queue = "arn:aws:sqs:eu-west-1:123456789012:notices";
    let configuration = |notify: &str| {
        format!("emails: [a@example.com]\nusers: [quiet, due, oldtwo]\ndelivery: secrets-manager\nnotify: [{notify}]\n")
    };
    let old = key(2, 100);
    let (done, overlap) = new_key(&old, 7);
    let users = [
        user("oldtwo", &[], Vec::new(), &StopReason::NeedsAttention(NeedsAttention::SameAge)),
        user("due", &[old], done, &overlap),
    ];
    let preview = preview(&users, 3);
    let text =
        screen(&configuration(&format!("'{queue}', 'https://example.com/hook'")), Some(&preview), Verbosity::Brief);
    let unwrapped = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let words = unwrapped(&text);
    for expected in [
        "To confirm: 2 mails from AWS to a@example.com (2). Users do not wait for a confirmed address, because an",
        &format!("Notices as JSON: {queue}, https://example.com/hook (the URL must confirm)"),
        "The first run, right after the deployment, would change the keys of 1 user:",
        "One user first: --users quiet",
    ] {
        assert!(words.contains(expected), "no {expected:?} in\n{text}");
    }
    let url = screen(&configuration("'https://example.com/hook'"), Some(&preview), Verbosity::Brief);
    assert!(unwrapped(&url).contains("Before its owner, an administrator or an endpoint has confirmed"), "{url}");
    let template = template(&configuration(&format!("'{queue}'")));
    let json = FirstDeployment::of("access-key-rotation", &template, None).unwrap().json();
    assert_eq!(json["toConfirm"].as_array().unwrap().len(), 2, "{json}");
}

/// The planner deals with the older key first, and only then is a new key due. So the line names no day of a new key.
#[test]
fn a_key_that_was_activated_again_stays_active_for_a_time() {
    let undone = StopReason::Undone(key_id(1), now() + Span::days(7));
    let outlook = UserOutlook::from(&user("alice", &[key(1, 100), key(2, 1)], Vec::new(), &undone));
    assert_eq!(outlook.text, "AKIAEX…0001 was activated again; it stays active until 2026-12-05 at least");
}

/// The figures in the documents are those of the program.
#[test]
fn the_documents_have_the_cost_of_the_default_stack() {
    let read = |file: &str| std::fs::read_to_string(root().join(file)).unwrap();
    let (configuration, faq, readme) = (read("rotation.yaml"), read("docs/faq.md"), read("README.md"));
    let template = template(&configuration);
    let cost = FirstDeployment::of("access-key-rotation", &template, None).unwrap().json()["monthlyCost"].clone();
    let price = |what: &str| {
        let part = cost["parts"].as_array().unwrap().iter().find(|part| part["what"] == what).unwrap();
        (part["count"].as_u64().unwrap(), part["price"].as_f64().unwrap())
    };
    let ((alarms, alarm_price), (metrics, metric_price)) = (price("alarm"), price("metric"));
    let (users, secrets) = price("secret");
    let total = cost["total"].as_f64().unwrap();
    for says in [
        format!("| alarms | {alarms} × 0.10 | {alarm_price:.2} |"),
        format!("| metrics | {metrics} × 30 hours × 0.30 / 720 hours | {metric_price:.2} |"),
        format!("| **sum** | | **{:.2}** |", total - secrets),
        format!("| {users} | {:.2} + {users} × 0.40 | {total:.2} |", total - secrets),
    ] {
        assert!(faq.contains(&says), "docs/faq.md has no {says:?}");
    }
    assert!(readme.contains(&format!("about ${:.2} a month", total - secrets)), "{cost:#}");
}
