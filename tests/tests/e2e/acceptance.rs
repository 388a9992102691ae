//! `make acceptance` against the local AWS: every check passes, and nothing is left behind, also when it was killed.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Output, Stdio},
};

use crate::common::signal;
use serde_json::{Value as Json, json};
use tests::{Account, LocalAws, root, stack, text};

/// The program, as `make acceptance QUEUE=1 YES=1` starts it. Its calls go through the proxy, which is more like AWS.
fn acceptance(aws: &LocalAws, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_acceptance"));
    command.current_dir(root()).arg("--package").arg(stack::package());
    command
        .args(["--architecture", stack::host_architecture_name(), "--overlap", "10s", "--format", "json"])
        .args(more);
    command.envs(aws.environment_of_synth());
    command.env_remove("AWS_PROFILE").env_remove("AWS_SESSION_TOKEN").env_remove("MAKELEVEL");
    command.stdin(Stdio::null());
    command
}

/// Starts a run, and waits until it has begun the step with this expectation.
fn start_until(aws: &LocalAws, expectation: &str) -> (Child, BufReader<impl Read>) {
    let mut run = acceptance(aws, &["--queue", "--yes"]);
    let mut run = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut progress = BufReader::new(run.stderr.take().unwrap());
    let mut said = String::new();
    while !said.lines().last().unwrap_or_default().contains(expectation) {
        let read = progress.read_line(&mut said).unwrap();
        assert!(read > 0, "the run ended before {expectation:?}: {said}");
    }
    (run, progress)
}

/// Everything of the kinds that a run creates.
fn everything(aws: &LocalAws) -> Vec<(&'static str, Json)> {
    let endpoint = format!("http://127.0.0.1:{}", aws.port);
    let names = |answer: &Json, list: &str, name: &str| -> Json {
        let all = answer[list].as_array().into_iter().flatten();
        all.map(|item| if name.is_empty() { item.clone() } else { item[name].clone() }).collect()
    };
    // The AWS CLI ignores the endpoint in the environment for SQS.
    let queues = aws.cli(&["sqs", "list-queues", "--endpoint-url", &endpoint]);
    let of = |command: &[&str], list: &str, name: &str| names(&aws.cli(command), list, name);
    vec![
        ("users", of(&["iam", "list-users"], "Users", "Arn")),
        ("roles", of(&["iam", "list-roles"], "Roles", "RoleName")),
        ("secrets", of(&["secretsmanager", "list-secrets", "--include-planned-deletion"], "SecretList", "Name")),
        ("stacks", of(&["cloudformation", "describe-stacks"], "Stacks", "StackName")),
        ("buckets", of(&["s3api", "list-buckets"], "Buckets", "Name")),
        ("queues", names(&queues, "QueueUrls", "")),
        ("log groups", of(&["logs", "describe-log-groups"], "logGroups", "logGroupName")),
        ("subscriptions", of(&["sns", "list-subscriptions"], "Subscriptions", "Endpoint")),
        ("functions", of(&["lambda", "list-functions"], "Functions", "FunctionName")),
    ]
}

/// Creates what has similar names and belongs to others.
async fn create_neighbours(aws: &LocalAws) {
    let account = Account::of(aws).await;
    for user in ["alice", "/access-key-rotation-acceptance-2/bob"] {
        account.create_user(user).await;
    }
    let arn = "arn:aws:iam::123456789012:user/alice";
    for secret in ["access-key-rotation/alice", "access-key-rotation-acceptance/alice"] {
        account.create_secret(secret, None, arn).await;
    }
    let bucket = "access-key-rotation-123456789012-eu-west-1";
    let region = "LocationConstraint=eu-west-1";
    aws.cli(&["s3api", "create-bucket", "--bucket", bucket, "--create-bucket-configuration", region]);
    aws.cli(&["logs", "create-log-group", "--log-group-name", "/aws/lambda/access-key-rotation-acceptance-2"]);
}

fn results(output: &Output) -> Json {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", text(output)))
}

/// The outcomes of the rows of one kind.
fn outcomes<'r>(results: &'r Json, kind: &str) -> Vec<(&'r str, &'r str)> {
    let rows = results["rows"].as_array().unwrap().iter().filter(|row| row["kind"] == kind);
    rows.map(|row| (row["outcome"].as_str().unwrap(), row["expectation"].as_str().unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_after_a_killed_one_passes_and_leaves_nothing() {
    let aws = LocalAws::start().await;
    create_neighbours(&aws).await;
    let before = everything(&aws);

    // The stack is deployed, and the users have keys.
    let (mut killed, _progress) = start_until(&aws, "A dry run changes");
    signal(&killed, "-KILL");
    killed.wait().unwrap();
    let left = everything(&aws);
    for ((kind, before), (_, left)) in before.iter().zip(&left) {
        // The secrets come later, and the bucket may be there already.
        let grows = !["secrets", "buckets"].contains(kind);
        assert!(!grows || before.as_array().unwrap().len() < left.as_array().unwrap().len(), "{kind}: {left}");
    }

    let output = acceptance(&aws, &["--queue", "--yes"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let results = results(&output);
    let (checks, observations) = (outcomes(&results, "check"), outcomes(&results, "observation"));
    assert_eq!((checks.len(), observations.len()), (16, 6), "{results:#}");
    assert!(checks.iter().all(|(outcome, _)| *outcome == "ok"), "{results:#}");
    assert!(observations.iter().all(|(outcome, _)| *outcome == "not-shown"), "{results:#}");
    assert_eq!((&results["endpoint"], &results["fine"]), (&json!("local"), &json!(true)), "{results:#}");
    let later = results["deletedLater"].as_array().unwrap();
    // The local AWS forgets a deleted stack when one of the same name is created. So the killed run's key is not listed.
    assert_eq!(later.len(), 1, "the KMS key of this run's stack: {results:#}");
    assert_eq!(everything(&aws), before, "{}", text(&output));
    // A removal of what the killed run left was shown.
    assert!(text(&output).contains("deleted the stack access-key-rotation-acceptance\n"), "{}", text(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_cleans_up() {
    let aws = LocalAws::start().await;
    create_neighbours(&aws).await;
    let before = everything(&aws);
    let (mut run, mut progress) = start_until(&aws, "Of two rotations at once");
    signal(&run, "-INT");
    let (mut said, mut table) = (String::new(), String::new());
    progress.read_to_string(&mut said).unwrap();
    run.stdout.take().unwrap().read_to_string(&mut table).unwrap();
    let status = run.wait().unwrap();
    assert_eq!(status.code(), Some(130), "{said}{table}");
    assert_eq!(everything(&aws), before, "{said}");
    let results: Json = serde_json::from_str(&table).unwrap();
    let checks = outcomes(&results, "check");
    let (last, expectation) = checks[checks.len() - 1];
    assert_eq!((last, expectation), ("ok", "The clean-up leaves nothing."), "{results:#}");
    assert!(checks.iter().any(|(outcome, _)| *outcome == "not-reached"), "{results:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_agreement_nothing_is_created() {
    let aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    let before = everything(&aws);
    let without = |arguments: &[&str], code, says: &str| {
        let output = acceptance(&aws, arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", text(&output));
        assert!(text(&output).contains(says), "no {says:?} in: {}", text(&output));
    };
    without(&["--queue"], 2, "pass --yes");
    without(&["--queue"], 2, "account 123456789012, Region eu-west-1");
    without(&["--yes"], 2, "--queue");
    without(&["--yes", "--queue", "--email", "a@example.com"], 2, "cannot be used with");
    assert_eq!(everything(&aws), before);

    // A user of another program below the path is not deleted.
    account.create_user("/access-key-rotation-acceptance/alice").await;
    without(&["--queue", "--yes"], 1, "the user /access-key-rotation-acceptance/alice is not from this program");
    account.delete_user("alice").await;
    assert_eq!(everything(&aws), before);
}
