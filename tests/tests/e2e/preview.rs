//! The preview before a deployment equals what the first run then does. The preview reads through the proxy with the
//! deployer's credentials. The run is the real binary under the deployed role.

use std::process::{Output, Stdio};

use lambda::{
    model::time::{Span, Timestamp},
    protocol::{
        journal::{Intent, JournalEntry, KeyNote},
        manager::Manager,
    },
};
use serde_json::{Value as Json, json};
use tests::{
    Account, Fault, LocalAws, Stack,
    account::OwnedKey,
    deployer::{self, Run},
    local_aws, make, stack, text, words,
};

use crate::common::{ADMINISTRATOR, ARTICLE, ROTATION, is_write, read, signal, user_with};

const DAY: i64 = 86_400;

/// Writes the configuration to a file, and returns its path.
fn file(aws: &LocalAws, configuration: &str) -> String {
    let file = aws.folder.path().join("previewed.yaml");
    std::fs::write(&file, configuration).unwrap();
    file.display().to_string()
}

/// Runs `synth` through the proxy, as the account's root or with a user's key.
fn run(aws: &LocalAws, key: Option<&OwnedKey>, arguments: &[&str]) -> Output {
    command(aws, key, arguments).output().unwrap()
}

fn command(aws: &LocalAws, key: Option<&OwnedKey>, arguments: &[&str]) -> std::process::Command {
    let mut command = deployer::command(aws, arguments);
    if let Some(key) = key {
        command.envs([("AWS_ACCESS_KEY_ID", &key.id), ("AWS_SECRET_ACCESS_KEY", &key.secret)]);
    }
    command
}

/// The preview of a configuration, as JSON. It makes no call that changes anything.
fn preview(aws: &LocalAws, configuration: &str, users: &[&str]) -> Json {
    aws.proxy.forget();
    let (file, users) = (file(aws, configuration), users.join(" "));
    let mut arguments = vec!["preview", "--config", &file, "--format", "json"];
    if !users.is_empty() {
        arguments.extend(["--users", &users]);
    }
    let output = run(aws, None, &arguments);
    let calls = aws.proxy.calls();
    let reads_only = |operation: &str| !is_write(operation) || operation == "GenerateCredentialReport";
    assert!(calls.len() > 2 && calls.iter().all(|call| reads_only(&call.operation)), "{calls:#?}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", text(&output)))
}

async fn note(account: &Account, user: &str, entries: Vec<JournalEntry>) {
    for entry in entries {
        account.write_journal(user, &entry).await;
    }
}

/// The delivery of a key this many days ago.
fn delivered(key: &OwnedKey, days: u64) -> JournalEntry {
    JournalEntry::Delivered(KeyNote { key: key.id.parse().unwrap(), at: Timestamp::now().before(Span::days(days)) })
}

/// A user in each starting state that the local AWS can show. `prefix` names the users' secrets.
async fn every_state(aws: &mut LocalAws, account: &Account, prefix: &str) -> Vec<&'static str> {
    let [young, due, older] = [DAY, 70 * DAY, 140 * DAY];
    for (user, keys) in [
        ("no-key", &[][..]),
        ("young", &[(young, true)]),
        ("coming-up", &[(55 * DAY, true)]),
        ("due", &[(due, true)]),
        ("due-and-inactive", &[(older, false), (due, true)]),
        ("inactive-and-due", &[(older, true), (due, false)]),
        ("two-due", &[(older, true), (due, true)]),
        ("unknown-pair", &[(due, true), (20 * DAY, true)]),
        ("only-inactive", &[(due, false)]),
        ("two-inactive", &[(older, false), (due, false)]),
    ] {
        user_with(aws, account, user, keys).await;
    }
    let keys = user_with(aws, account, "in-overlap", &[(due, true), (3 * DAY, true)]).await;
    note(account, "in-overlap", vec![delivered(&keys[1], 3)]).await;
    let keys = user_with(aws, account, "overlap-over", &[(due, true), (20 * DAY, true)]).await;
    note(account, "overlap-over", vec![delivered(&keys[1], 20)]).await;

    let keys = user_with(aws, account, "of-another-stack", &[(due, true)]).await;
    let other = Manager::new("another-stack", local_aws::REGION, "another channel").unwrap();
    note(account, "of-another-stack", vec![delivered(&keys[0], 70), JournalEntry::ManagedBy(other)]).await;

    let keys = user_with(aws, account, "after-a-dead-run", &[(due, true), (2 * DAY, true)]).await;
    let at = Timestamp::now().before(Span::days(2));
    let intent = Intent { run: "dead-run".parse().unwrap(), at, known: keys[0].id.parse().unwrap() };
    note(account, "after-a-dead-run", vec![JournalEntry::Intent(intent)]).await;

    user_with(aws, account, "buried-secret", &[(due, true)]).await;
    let secret = format!("{prefix}/buried-secret");
    account.create_secret(&secret, None, "arn:aws:iam::123456789012:user/buried-secret").await;
    account.schedule_deletion(&secret).await;
    vec![
        "no-key",
        "young",
        "coming-up",
        "due",
        "due-and-inactive",
        "inactive-and-due",
        "two-due",
        "unknown-pair",
        "only-inactive",
        "two-inactive",
        "in-overlap",
        "overlap-over",
        "of-another-stack",
        "after-a-dead-run",
        "buried-secret",
    ]
}

/// What a report says about each user: the outcome, the steps on which key, the keys at the end, and what is overdue. A new
/// key has a new id, which the preview cannot know.
fn essence(report: &Json) -> Vec<Json> {
    let list = |value: &Json| value.as_array().cloned().unwrap_or_default();
    let of_user = |user: &Json| {
        let found: Vec<_> = list(&user["found"]).iter().map(|key| key["id"].clone()).collect();
        let id = |id: &Json| if found.contains(id) { id.clone() } else { json!("new") };
        let step = |step: &Json| json!([step["change"], id(&step["key"]), step["why"]]);
        let key = |key: &Json| json!([id(&key["id"]), key["status"]]);
        json!({
            "user": user["user"],
            "result": user["result"],
            "found": user["found"],
            "done": list(&user["done"]).iter().map(step).collect::<Json>(),
            "left": list(&user["left"]).iter().map(key).collect::<Json>(),
            "overdue": user["overdue"],
        })
    };
    list(&report["users"]).iter().map(of_user).collect()
}

fn results(report: &Json) -> Vec<(String, String)> {
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    let users = report["users"].as_array().unwrap();
    users.iter().map(|user| (text(&user["user"]), text(&user["result"]))).collect()
}

/// Previews a configuration, deploys it, runs it, and compares. Returns the report of the run.
fn preview_and_run(aws: &LocalAws, configuration: &str, users: &[&str]) -> Json {
    let previewed = preview(aws, configuration, users);
    let stack = if users.is_empty() {
        Stack::deploy_as_it_is(aws, configuration)
    } else {
        Stack::deploy(aws, configuration, users)
    };
    let shown: Vec<_> = stack.deployment.of_kind("preview").collect();
    let report = stack.invoke(aws, &json!({}));
    let expected = essence(&report);
    assert!(!expected.is_empty(), "{report:#}");
    // The command and the deployment show the same.
    let [shown] = shown.as_slice() else { panic!("one preview: {}", stack.deployment.text) };
    for dry_run in [&previewed["dryRun"], &shown["dryRun"]] {
        assert_eq!(dry_run["dryRun"], true);
        for (would, does) in essence(dry_run).into_iter().zip(&expected) {
            assert_eq!(would, *does, "{previewed:#} {report:#}");
        }
        assert_eq!(results(dry_run), results(&report));
        assert_eq!(dry_run["summary"]["users"], report["summary"]["users"], "{report:#}");
    }
    assert_eq!(previewed["dryRun"]["unconfirmed"], json!([ADMINISTRATOR]), "no address can have confirmed yet");
    report
}

fn with(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(user, result)| ((*user).to_owned(), (*result).to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_preview_equals_the_first_run() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    let users = every_state(&mut aws, &account, "access-key-rotation").await;
    let report = preview_and_run(&aws, &read(ROTATION), &users);
    let expected = with(&[
        ("no-key", "unchanged"),
        ("young", "unchanged"),
        ("coming-up", "changed"),
        ("due", "changed"),
        ("due-and-inactive", "changed"),
        ("inactive-and-due", "changed"),
        ("two-due", "changed"),
        ("unknown-pair", "changed"),
        ("only-inactive", "disabled"),
        ("two-inactive", "disabled"),
        ("in-overlap", "unchanged"),
        ("overlap-over", "changed"),
        ("of-another-stack", "needs-attention"),
        ("after-a-dead-run", "changed"),
        ("buried-secret", "failed"),
    ]);
    assert_eq!(results(&report), expected, "each starting state is another case: {report:#}");
}

/// The article acts at once, delivers by mail, and gives a user with only inactive keys a new one.
#[tokio::test(flavor = "multi_thread")]
async fn the_preview_equals_the_first_run_with_the_articles_settings() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    let users = every_state(&mut aws, &account, "access-key-rotation").await;
    // So that no key becomes due between the preview and the run.
    let configuration = read(ARTICLE).replace("rotate_after: 1m\n", "rotate_after: 60d\n");
    assert!(configuration.contains("60d"));
    let report = preview_and_run(&aws, &configuration, &users);
    let of = |name: &str| results(&report).into_iter().find(|(user, _)| user == name).unwrap().1;
    for user in ["due", "due-and-inactive", "two-due", "only-inactive", "two-inactive"] {
        assert_eq!(of(user), "changed", "{user}: {report:#}");
    }
    assert_eq!((of("of-another-stack").as_str(), of("no-key").as_str()), ("needs-attention", "unchanged"));
}

/// Here a run first reads the lists of the account.
#[tokio::test(flavor = "multi_thread")]
async fn the_preview_equals_the_first_run_of_a_fleet() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    for (user, keys) in [
        ("/crew/young", &[(DAY, true)][..]),
        ("/crew/due", &[(70 * DAY, true)]),
        ("/crew/two-due", &[(140 * DAY, true), (70 * DAY, true)]),
        ("/crew/person", &[(70 * DAY, true)]),
        ("/other/stranger", &[(90 * DAY, true)]),
    ] {
        let (path, name) = user.rsplit_once('/').unwrap();
        account.create_user(&format!("{path}/{name}")).await;
        for (age, _) in keys {
            aws.shift_clock(-age);
            account.create_key(name).await;
        }
    }
    aws.shift_clock(0);
    account.create_group("people", &["person"]).await;
    let configuration = format!("users: [/crew/]\nexempt: ['group:people']\nemails: [{ADMINISTRATOR}]\n");
    let report = preview_and_run(&aws, &configuration, &[]);
    let mut handled = results(&report);
    handled.sort();
    assert_eq!(handled, with(&[("due", "changed"), ("two-due", "changed")]), "{report:#}");
    assert_eq!((&report["summary"]["users"], &report["summary"]["exempt"]), (&json!(3), &json!(1)));
}

/// For people: what would be done, which addresses must confirm, and that nothing was done.
#[tokio::test(flavor = "multi_thread")]
async fn the_text_names_who_has_not_confirmed() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    let keys = user_with(&mut aws, &account, "alice", &[(70 * DAY, true)]).await;
    let config = format!("CONFIG={}", file(&aws, &format!("users: [alice]\nemails: [{ADMINISTRATOR}]\n")));
    let shown = make(&aws, &["preview", &config]);
    assert!(shown.status.success(), "{}", text(&shown));
    for says in
        ["eu-west-1: what a run would do now", "A run would deliver 1 new key", "create, deliver", "make deploy"]
    {
        assert!(text(&shown).contains(says), "no {says:?} in {}", text(&shown));
    }
    let end = format!(
        "Not confirmed yet: {ADMINISTRATOR}. The preview assumes that they have confirmed. Nothing was changed."
    );
    assert!(words(&text(&shown)).contains(&end), "{}", text(&shown));
    assert_eq!(account.keys("alice").await.len(), keys.len());

    // A deployed stack has subscriptions.
    let _ = Stack::deploy(&aws, &read(ROTATION), &["alice"]);
    let unconfirmed = || preview(&aws, &read(ROTATION), &["alice"])["dryRun"]["unconfirmed"].clone();
    assert_eq!(unconfirmed(), Json::Null);
    aws.proxy.leave_unconfirmed(ADMINISTRATOR);
    assert_eq!(unconfirmed(), json!([ADMINISTRATOR]));
}

fn put_policy(aws: &LocalAws, policy: &Json) {
    let policy = policy.to_string();
    aws.cli(&["iam", "put-user-policy", "--user-name", "ci", "--policy-name", "may", "--policy-document", &policy]);
}

/// The statements for the preview are enough for it. Without them, a deployment continues without a preview.
#[tokio::test(flavor = "multi_thread")]
async fn the_permissions_for_a_preview_can_be_left_out() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    user_with(&mut aws, &account, "alice", &[(70 * DAY, true)]).await;
    user_with(&mut aws, &account, "/ci/bob", &[]).await;
    account.create_user("ci").await;
    let key = account.create_key("ci").await;
    let config = file(&aws, &format!("users: [alice, /ci/]\nemails: [{ADMINISTRATOR}]\n"));
    let source = ["--config", &config, "--architecture", stack::host_architecture_name()];
    let place = ["--account", local_aws::ACCOUNT, "--region", local_aws::REGION];
    let policy = run(&aws, None, &[&["deploy-policy"][..], &source, &place].concat());
    let policy: Json = serde_json::from_slice(&policy.stdout).unwrap_or_else(|e| panic!("{e}: {}", text(&policy)));
    let without = |prefix: &str| {
        let mut policy = policy.clone();
        let statements = policy["Statement"].as_array_mut().unwrap();
        let all = statements.len();
        statements.retain(|statement| !statement["Sid"].as_str().unwrap().starts_with(prefix));
        assert!(statements.len() < all, "{prefix} is in {policy:#}");
        policy
    };
    let preview = || run(&aws, Some(&key), &[&["preview"][..], &source].concat());

    put_policy(&aws, &policy);
    let enough = preview();
    assert!(enough.status.success() && text(&enough).contains("create, deliver"), "{}", text(&enough));
    account.create_secret("access-key-rotation/alice", None, "arn:aws:iam::123456789012:user/alice").await;
    let enough = preview();
    assert!(enough.status.success() && text(&enough).contains("create, deliver"), "{}", text(&enough));

    for (statement, action) in [
        ("PreviewUsers", "iam:GetCredentialReport"),
        ("PreviewKeys", "iam:ListAccessKeys"),
        ("PreviewSecrets", "secretsmanager:DescribeSecret"),
    ] {
        put_policy(&aws, &without(statement));
        let denied = preview();
        assert_eq!(denied.status.code(), Some(1), "{statement}: {}", text(&denied));
        let says = format!("error: not permitted to read what a run would find ({action})");
        let said = words(&text(&denied));
        assert!(said.contains(&says) && said.contains("synth deploy-policy"), "{said}");
    }

    put_policy(&aws, &without("Preview"));
    let package = stack::package().display().to_string();
    let deploy = [&["deploy", "--package", &package, "--format", "json"][..], &source].concat();
    let first = Run::of(&run(&aws, Some(&key), &deploy));
    let approvals = first.approvals();
    let approvals: Vec<_> = approvals.iter().map(String::as_str).collect();
    let second = Run::of(&run(&aws, Some(&key), &[&deploy[..], &approvals].concat()));
    assert_eq!((second.code, &second.result()["result"]), (Some(0), &json!("deployed")), "{}", second.text);
    let notes: Vec<_> = second.of_kind("note").filter_map(|note| note["text"].as_str()).collect();
    let says = |note: &&&str| {
        note.starts_with("No preview of what a run would do: not permitted")
            && note.contains("iam:GetCredentialReport")
            && note.ends_with("The deployment continues without it.")
    };
    assert_eq!((notes.iter().filter(says).count(), second.of_kind("preview").count()), (1, 0), "{}", second.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_can_be_interrupted() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    user_with(&mut aws, &account, "alice", &[(70 * DAY, true)]).await;
    aws.proxy.inject("ListAccessKeys", "alice", Fault::HangBefore);
    let config = file(&aws, &read(ROTATION));
    let mut command = command(&aws, None, &["preview", "--config", &config, "--users", "alice"]);
    let waiting = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    aws.proxy.hang().await;
    signal(&waiting, "-INT");
    let output = waiting.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", text(&output));
    assert!(text(&output).contains("Interrupted. Nothing was changed."), "{}", text(&output));
}
