//! Each alarm of the template fires every time for its own cause, and for no other. The alarms are evaluated over the
//! reports of the real binary with the local AWS.
//!
//! Each run is captured once and then placed at several days, because its report does not depend on its time.

use crate::common::{ROTATION, read};
use lambda::{
    model::time::{Span, Timestamp},
    protocol::journal::{JournalEntry, KeyNote},
};
use serde_json::{Value as Json, json};
use synth::{
    cfn::{json::to_json, view::View},
    config::{self, Overrides},
};
use tests::{
    Account, Fault, LocalAws, Stack,
    alarms::{Alarm, DataPoint, Metric, State, extract},
};

const STACK: &str = "access-key-rotation";
const START: Timestamp = Timestamp::from_unix(1_795_490_200);
const DAY: i64 = 86_400;

/// The values that CloudFormation fills in.
fn resolve(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Object(_) if value["Ref"] == "Function" => STACK.to_owned(),
        Json::Object(_) if value["Ref"] == "AlarmTopic" => "topic".to_owned(),
        Json::Object(_) if value["Fn::GetAtt"] == json!(["DeadLetterQueue", "QueueName"]) => "queue".to_owned(),
        Json::Object(_) if value["Fn::Sub"].is_string() => {
            value["Fn::Sub"].as_str().unwrap().replace("${AWS::StackName}", STACK)
        }
        other => panic!("{other}"),
    }
}

/// The alarms of a configuration's template.
fn alarms(configuration: &str) -> Vec<Alarm> {
    let config = config::read(configuration, Overrides::default()).unwrap_or_else(|e| panic!("{e}")).config;
    let template = to_json(&synth::stack::template(&config).unwrap());
    View(&template).of("AWS::CloudWatch::Alarm").map(|alarm| Alarm::read(alarm.properties, resolve)).collect()
}

/// For each alarm, how often it fires and tells so. Silent alarms are left out.
fn rung(alarms: &[Alarm], points: &[DataPoint], days: u64) -> Vec<(String, usize)> {
    let count = |alarm: &Alarm| {
        let changes = alarm.changes(points, START, START + Span::days(days));
        let rings = changes.iter().filter(|(_, state)| *state == State::Alarm).count();
        let name = alarm.name.strip_prefix("access-key-rotation-").expect("the stack's name").to_owned();
        (name, if alarm.tells.is_empty() { 0 } else { rings })
    };
    alarms.iter().map(count).filter(|(_, rings)| *rings > 0).collect()
}

/// One invocation: the values that the handler and Lambda reported, with times from its end.
struct Captured(Vec<DataPoint>);

impl Captured {
    /// The values as if the invocation had ended at `at`.
    fn at(&self, at: Timestamp) -> Vec<DataPoint> {
        self.0.iter().map(|point| DataPoint { at, ..point.clone() }).collect()
    }

    fn value(&self, name: &str) -> Option<u64> {
        self.0.iter().find(|point| point.metric.name == name).map(|point| point.value)
    }
}

/// Invokes the function and captures its reports. Lambda itself counts the errors.
fn invoke(aws: &LocalAws, stack: &Stack, event: &Json) -> Captured {
    let before = stack.log(aws).len();
    let (_, failed) = stack.invoke_or_fail(aws, event);
    let mut points: Vec<_> = stack.log(aws)[before..].iter().flat_map(|line| extract(line)).collect();
    let metric = Metric::new("AWS/Lambda", "Errors", ("FunctionName", stack.name()));
    points.push(DataPoint { metric, value: u64::from(failed), at: START });
    Captured(points)
}

/// The captured runs, by their result.
struct Runs {
    healthy: Captured,
    failed: Captured,
    unclear: Captured,
    unsent: Captured,
    unconfirmed: Captured,
    broken: Captured,
    by_hand: Captured,
    dry: Captured,
}

async fn capture() -> Runs {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    for user in ["alice", "bob", "carol"] {
        account.create_user(user).await;
        aws.shift_clock(-20 * DAY);
        account.create_key(user).await;
        aws.shift_clock(0);
    }
    let stack = Stack::deploy(&aws, &read(ROTATION), &["alice", "bob", "carol"]);
    assert_eq!(stack.name(), STACK);

    let healthy = invoke(&aws, &stack, &json!({}));
    let values =
        ["Failed", "NeedsAttention", "SuccessfulRun", "OldestKeyAge", "ActiveKeys", "KeysDue", "KeysOver90Days"];
    assert_eq!(values.map(|name| healthy.value(name)), [0, 0, 1, 20, 3, 0, 0].map(Some));

    aws.proxy.leave_unconfirmed(crate::common::ADMINISTRATOR);
    let unconfirmed = invoke(&aws, &stack, &json!({}));
    assert_eq!(["Failed", "UnconfirmedRecipients"].map(|name| unconfirmed.value(name)), [0, 1].map(Some));
    aws.proxy.confirm(crate::common::ADMINISTRATOR);

    let dry = invoke(&aws, &stack, &json!({ "dry_run": true }));
    assert_eq!(dry.0.len(), 1, "Lambda's own alone: {:?}", dry.0);

    let by_hand = invoke(&aws, &stack, &json!({ "users": ["alice"], "action": "rotate" }));
    assert_eq!((by_hand.value("Rotated"), by_hand.value("SuccessfulRun")), (Some(1), None));

    let broken = invoke(&aws, &stack, &json!({ "users": ["\n{\"event\":\"change\",\"_aws\":{}}"] }));
    assert_eq!((broken.0.len(), broken.value("Errors")), (1, Some(1)), "{:?}", broken.0);

    // A key is due, and IAM refuses a call.
    account.delete_user("bob").await;
    account.create_user("bob").await;
    aws.shift_clock(-100 * DAY);
    account.create_key("bob").await;
    aws.shift_clock(0);
    crate::common::deny(&aws, "iam:CreateAccessKey", "bob");
    let failed = invoke(&aws, &stack, &json!({}));
    let values = ["Failed", "NeedsAttention", "SuccessfulRun", "OldestKeyAge", "KeysDue", "KeysOver90Days"];
    assert_eq!(values.map(|name| failed.value(name)), [1, 0, 0, 100, 1, 1].map(Some));

    // A tag that no run would write, but that IAM accepts.
    let tag = json!([{ "Key": "access-key-rotation:delivered", "Value": ":event=change user=root@/" }]).to_string();
    aws.cli(&["iam", "tag-user", "--user-name", "bob", "--tags", &tag]);
    let unclear = invoke(&aws, &stack, &json!({}));
    assert_eq!(["Failed", "NeedsAttention", "SuccessfulRun"].map(|name| unclear.value(name)), [0, 1, 1].map(Some));

    // A key is retired, and SNS refuses the notice.
    let successor = account.keys("carol").await.remove(0);
    let delivered = KeyNote { key: successor.id.parse().unwrap(), at: Timestamp::from_unix(successor.created) };
    account.write_journal("carol", &JournalEntry::Delivered(delivered)).await;
    aws.shift_clock(-70 * DAY);
    account.create_key("carol").await;
    aws.shift_clock(0);
    aws.proxy.inject("Publish", "", Fault::Refuse(403, "AuthorizationError"));
    let unsent = invoke(&aws, &stack, &json!({ "users": ["carol"] }));
    aws.proxy.heal();
    assert_eq!(["Failed", "NoticesUnsent"].map(|name| unsent.value(name)), [0, 2].map(Some), "the notice, the digest");

    // In all these runs, each line that the handler wrote is one event.
    let lambdas = |line: &str| ["START ", "END ", "REPORT "].iter().any(|word| line.starts_with(word));
    let log: Vec<_> = stack.log(&aws).into_iter().filter(|line| !lambdas(line)).collect();
    let events: Vec<Json> =
        log.iter().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect();
    let changes: Vec<_> = events.iter().filter(|event| event["event"] == "change").collect();
    let of =
        |call: &str| changes.iter().find(|event| event["call"] == call).unwrap_or_else(|| panic!("{call}: {log:?}"));
    let created = of("CreateAccessKey");
    assert_eq!(
        (&created["user"], &created["action"], &created["outcome"]),
        (&json!("alice"), &json!("rotate"), &json!("done"))
    );
    assert_eq!(created["invariant"], "8 one writer");
    assert!(created["key"].as_str().is_some_and(|key| key.starts_with("AKIA")), "{created}");
    let refused: Vec<_> = changes.iter().filter(|event| event["outcome"] == "refused").collect();
    let of_bob = |event: &Json| event["user"] == "bob" && event["call"] == "CreateAccessKey";
    assert_eq!(refused.iter().filter(|event| of_bob(event)).count(), 1, "{refused:?}");
    // Also once for each user whose secret did not exist.
    assert!(refused.iter().all(|event| of_bob(event) || event["call"] == "PutResourcePolicy"), "{refused:?}");
    assert!(events.iter().any(|event| event["event"] == "dry-run" || event["dryRun"] == true));
    Runs { healthy, failed, unclear, unsent, unconfirmed, broken, by_hand, dry }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_alarm_rings_for_its_own_cause_each_time_and_for_no_other() {
    let runs = capture().await;
    let alarms = alarms(&read(ROTATION));
    assert_eq!(alarms.len(), 8);
    for alarm in &alarms {
        assert_eq!(alarm.tells.iter().collect::<Vec<_>>(), ["topic"], "{}", alarm.name);
        assert!((60..=1_024).contains(&alarm.description.len()), "{}: {}", alarm.name, alarm.description);
    }
    // The page for operators describes each alarm and its metric.
    let page = read("templates/OPERATIONS.md");
    for alarm in &alarms {
        let name = alarm.name.strip_prefix(STACK).expect("the stack's name");
        assert!(page.contains(&format!("| `…{name}` |")), "{name}");
    }
    assert!(lambda::report::metrics::Metric::ALL.iter().all(|metric| page.contains(&format!("`{}`", metric.name()))));
    // A run each morning. The first is within a day after the deployment.
    let morning = |day: u64| START + Span::days(day) + Span::minutes(600);
    let daily =
        |days: std::ops::Range<u64>, run: &Captured| days.flat_map(|day| run.at(morning(day))).collect::<Vec<_>>();
    let letter = |from: Timestamp, minutes: u64| {
        let metric = Metric::new("AWS/SQS", "ApproximateNumberOfMessagesVisible", ("QueueName", "queue"));
        let point = move |minute| DataPoint { metric: metric.clone(), value: 1, at: from + Span::minutes(minute) };
        (0..minutes).map(point).collect::<Vec<_>>()
    };
    let retried = |day: u64| [0, 1, 3].iter().flat_map(|m| runs.broken.at(morning(day) + Span::minutes(*m))).collect();
    let healthy = |days| daily(days, &runs.healthy);
    let rings = |name: &str, times: usize| (name.to_owned(), times);
    let mut seen = std::collections::BTreeSet::new();
    for (what, points, expected) in [
        ("all is well, and no mail tells of the end of a warm-up", healthy(0..9), vec![]),
        (
            "a due user fails for three days: both alarms ring each day",
            [healthy(0..3), daily(3..6, &runs.failed), healthy(6..9)].concat(),
            vec![rings("users-failed", 3), rings("overdue-keys", 3)],
        ),
        (
            "a due user needs a decision for three days: both alarms ring each day",
            [healthy(0..3), daily(3..6, &runs.unclear), healthy(6..9)].concat(),
            vec![rings("users-need-attention", 3), rings("overdue-keys", 3)],
        ),
        (
            "an address is not confirmed for three days: the alarm rings each day",
            [healthy(0..3), daily(3..6, &runs.unconfirmed), healthy(6..9)].concat(),
            vec![rings("unconfirmed-recipients", 3)],
        ),
        (
            "notices are lost for three days: the alarm rings each day",
            [healthy(0..3), healthy(3..6), daily(3..6, &runs.unsent), healthy(6..9)].concat(),
            vec![rings("notices-unsent", 3)],
        ),
        (
            "the function fails, and Lambda's two retries as well",
            [healthy(0..3), retried(3), healthy(4..9)].concat(),
            vec![rings("handler-errors", 1)],
        ),
        (
            "a dead letter, taken out after six hours; another one later",
            [healthy(0..9), letter(morning(3), 360), letter(morning(5), 60)].concat(),
            vec![rings("dead-letters", 2)],
        ),
        ("the runs stop", healthy(0..3), vec![rings("missed-runs", 1)]),
        ("they stop and begin again", [healthy(0..3), healthy(7..9)].concat(), vec![rings("missed-runs", 1)]),
        ("there never was one", Vec::new(), vec![rings("missed-runs", 1)]),
        (
            "only a person's runs are left",
            [healthy(0..3), daily(3..9, &runs.by_hand)].concat(),
            vec![rings("missed-runs", 1)],
        ),
        ("only dry runs are left", [healthy(0..3), daily(3..9, &runs.dry)].concat(), vec![rings("missed-runs", 1)]),
        (
            "somebody fails all the time, and then the runs stop",
            daily(0..4, &runs.failed),
            vec![rings("users-failed", 4), rings("overdue-keys", 4), rings("missed-runs", 1)],
        ),
        (
            "the function fails all the time",
            [healthy(0..3), (3..9).flat_map(retried).collect()].concat(),
            vec![rings("handler-errors", 6), rings("missed-runs", 1)],
        ),
    ] {
        let heard = rung(&alarms, &points, 9);
        assert_eq!(heard, expected, "{what}");
        seen.extend(heard.into_iter().map(|(name, _)| name));
    }
    assert_eq!(seen.len(), alarms.len(), "each alarm was seen to ring: {seen:?}");

    // The alarm for missed runs fires within its window plus the additional periods that CloudWatch reads.
    let switch = alarms.iter().find(|alarm| alarm.name.ends_with("-missed-runs")).unwrap();
    let changes = switch.changes(&healthy(0..3), START, START + Span::days(9));
    let (rang, _) = *changes.iter().find(|(_, state)| *state == State::Alarm).unwrap();
    let silence = rang.since(morning(2));
    assert!(silence >= switch.window() && silence <= switch.window() + Span::minutes(3 * 60), "{silence}");
}

/// The time when a schedule fires for the n-th time.
type Fires<'f> = &'f dyn Fn(u64) -> Timestamp;

/// For every schedule, the alarm for missed runs is silent as long as the schedule fires, and fires when it stops. The
/// alarm for failed users fires each time.
#[test]
fn the_switch_knows_its_schedule() {
    let report = |name: &str, at: Timestamp, value: u64| DataPoint {
        metric: Metric::new("AccessKeyRotation", name, ("FunctionName", STACK)),
        value,
        at,
    };
    let weekdays = |n: u64| START + Span::days(n / 5 * 7 + n % 5);
    let every = |minutes: u64| move |n: u64| START + Span::minutes(minutes * n);
    for (schedule, timeout, fires) in [
        ("rate(2 minutes)", 2, &every(2) as Fires<'_>),
        ("rate(15 minutes)", 15, &every(15)),
        ("rate(1 hour)", 10, &every(60)),
        ("rate(7 hours)", 10, &every(420)),
        ("cron(0 9 * * ? *)", 10, &every(1_440)),
        ("cron(0 9 ? * MON-FRI *)", 10, &weekdays),
        ("rate(84 hours)", 10, &every(5_040)),
    ] {
        let text = format!(
            "users: [alice]\nemails: [a@example.com]\nstack_name: {STACK}\ntimeout: {timeout}m\nschedule: {schedule}\n"
        );
        let alarms = alarms(&text);
        let alarm = |name: &str| alarms.iter().find(|alarm| alarm.name.ends_with(name)).expect(name);
        let switch = alarm("-missed-runs");
        // Every second run takes the longest allowed time, which gives the greatest gap between reports.
        let runs: Vec<_> = (0..20).map(|n| fires(n) + Span::minutes(timeout * (n % 2))).collect();
        let last = *runs.last().unwrap();
        let points: Vec<_> = runs.iter().map(|at| report("SuccessfulRun", *at, 1)).collect();
        let window = switch.window();
        let changes = switch.changes(&points, START, last + window + Span::minutes(240));
        let rings: Vec<_> = changes.iter().filter(|(_, state)| *state == State::Alarm).map(|(at, _)| *at).collect();
        let [rang] = rings.as_slice() else { panic!("{schedule}: {changes:?}") };
        assert!(*rang >= last + window, "{schedule}: {changes:?}");

        if schedule != "rate(2 minutes)" && schedule != "rate(15 minutes)" {
            let failed: Vec<_> = runs[..5].iter().map(|at| report("Failed", *at, 2)).collect();
            let changes = alarm("-users-failed").changes(&failed, START, runs[5]);
            let rings = changes.iter().filter(|(_, state)| *state == State::Alarm).count();
            assert_eq!(rings, 5, "{schedule}: {changes:?}");
        }
    }
    assert!(
        alarms(&read("examples/article.yaml")).iter().all(|alarm| !alarm.name.ends_with("-missed-runs")),
        "an alarm that cannot see a month is not pretended"
    );
}
