//! The daily commands for a deployed stack, and their messages if there is no stack or a permission is missing.

use std::process::{Command, Output};

use crate::common::{ROTATION, read, signal, user_with};
use lambda::report::run_report::HANDLER_VERSION;
use serde_json::{Value as Json, json};
use tests::{Account, Fault, LocalAws, Stack, account::OwnedKey, deployer, make, text, words};

const STACK: &str = "access-key-rotation";
const ARTIFACTS: &str = "access-key-rotation-artifacts";

/// A command that runs `synth` with the local AWS as root.
fn synth(aws: &LocalAws, arguments: &[&str]) -> Command {
    deployer::command(aws, arguments)
}

fn run(aws: &LocalAws, arguments: &[&str]) -> Output {
    synth(aws, arguments).output().expect("synth starts")
}

/// Runs `synth` as a user.
fn run_as(aws: &LocalAws, key: &OwnedKey, arguments: &[&str]) -> Output {
    let mut command = synth(aws, arguments);
    command.env("AWS_ACCESS_KEY_ID", &key.id).env("AWS_SECRET_ACCESS_KEY", &key.secret);
    command.output().expect("synth starts")
}

/// Gives a user a policy with these statements, each an effect and an action pattern.
fn permit(aws: &LocalAws, user: &str, statements: &[(&str, &str)]) {
    let statements =
        statements.iter().map(|(effect, action)| json!({ "Effect": effect, "Action": action, "Resource": "*" }));
    let policy = json!({ "Version": "2012-10-17", "Statement": statements.collect::<Json>() }).to_string();
    aws.cli(&["iam", "put-user-policy", "--user-name", user, "--policy-name", "may", "--policy-document", &policy]);
}

fn has(output: &Output, expected: &[&str]) {
    for part in expected {
        assert!(words(&text(output)).contains(&words(part)), "no {part:?} in: {}", text(output));
    }
}

/// A page of SNS's list. Each subscription is a protocol, an endpoint and an ARN.
fn page(subscriptions: &[(&str, &str, &str)], next: Option<&str>) -> Fault {
    let members = subscriptions.iter().map(|(protocol, endpoint, arn)| {
        format!(
            "<member><Protocol>{protocol}</Protocol><Endpoint>{endpoint}</Endpoint>\
             <SubscriptionArn>{arn}</SubscriptionArn></member>"
        )
    });
    let next = next.map_or(String::new(), |token| format!("<NextToken>{token}</NextToken>"));
    Fault::Answer(format!(
        "<ListSubscriptionsByTopicResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\">\
         <ListSubscriptionsByTopicResult><Subscriptions>{}</Subscriptions>{next}</ListSubscriptionsByTopicResult>\
         </ListSubscriptionsByTopicResponse>",
        members.collect::<String>()
    ))
}

#[tokio::test(flavor = "multi_thread")]
async fn status_shows_the_state_of_a_stack() {
    let aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    account.create_user("alice").await;
    account.create_key("alice").await;
    let emails = "waits@example.com gone@example.com heard@example.com";
    let configuration = format!("users: [alice]\nwarn_before: 7d\nemails: [{}]\n", emails.replace(' ', ", "));
    let stack = Stack::deploy(&aws, &configuration, &["alice"]);

    let status = make(&aws, &["status"]);
    assert!(status.status.success(), "{}", text(&status));
    has(
        &status,
        &[
            STACK,
            "CREATE_COMPLETE",
            "! rotation.yaml differs from what is deployed. To see how: make diff DEPLOYED=1",
            "Last run       none in the log",
            "Next run       20",
            "Alarms         8 ",
            "heard@example.com: confirmed (notices, alarms)",
            "  alice  AKIA",
            "  replaced 20",
        ],
    );
    assert!(!text(&status).contains("TopicArn"), "{}", text(&status));
    assert_eq!(stack.invoke(&aws, &json!({}))["statusCode"], 200);
    let status = make(&aws, &["status", "VERBOSE=1"]);
    has(&status, &["UTC: no key was changed", "TopicArn"]);

    // The responses of AWS for subscriptions that are not confirmed. For the emulator, every address is confirmed.
    account.create_user("operator").await;
    let key = account.create_key("operator").await;
    permit(&aws, "operator", &[("Allow", "*")]);
    let (arn, list) = ("arn:aws:sns:eu-west-1:123456789012:topic:1", "ListSubscriptionsByTopic");
    let second = page(&[("email", "heard@example.com", arn), ("https", "https://example.com/spy", arn)], None);
    aws.proxy.inject(list, "second", second);
    aws.proxy.inject(list, "", page(&[("email", "waits@example.com", "PendingConfirmation")], Some("second")));
    let status = run_as(&aws, &key, &["status", "--format", "json"]);
    assert!(status.status.success(), "{}", text(&status));
    let state: Json = serde_json::from_slice(&status.stdout).unwrap();
    let standing =
        |subscription: &Json| format!("{} {}", subscription["endpoint"], subscription["state"]).replace('"', "");
    let standings: Vec<_> = state["subscriptions"].as_array().unwrap().iter().map(standing).collect();
    let expected = [
        "gone@example.com gone",
        "heard@example.com confirmed",
        "waits@example.com pending",
        "https://example.com/spy foreign",
    ];
    assert_eq!(standings, expected);
    assert_eq!(state["dryRun"]["users"][0]["user"], "alice", "{state:#}");
    assert_eq!((&state["lastRun"]["users"], &state["lastRun"]["failed"]), (&json!(1), &json!(0)), "{state:#}");
    assert_eq!((&state["alarms"].as_array().map(Vec::len), &state["handler"]), (&Some(8), &json!(HANDLER_VERSION)));
    aws.proxy.heal();

    // A caller without a permission for one part gets an error for it, and sees the rest.
    permit(&aws, "operator", &[("Allow", "*"), ("Deny", "sns:*"), ("Deny", "lambda:*")]);
    let status = run_as(&aws, &key, &["status"]);
    assert_eq!(status.status.code(), Some(1), "{}", text(&status));
    has(
        &status,
        &[
            "unknown: not permitted to list the topic's subscriptions",
            "unknown: not permitted to invoke",
            "Next run       20",
        ],
    );
    permit(&aws, "operator", &[("Allow", "sns:*")]);
    for command in [&["status"][..], &["destroy", "--yes"], &["diff", "--stack"], &["rotate", "--users", "alice"]] {
        let denied = run_as(&aws, &key, command);
        assert_eq!(denied.status.code(), Some(1), "{command:?}: {}", text(&denied));
        has(&denied, &["error: not permitted to"]);
    }

    // The change that the configuration would make in the stack.
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
    let same = ["diff", "--stack", "--users", "alice", "--emails", emails, "--architecture", architecture];
    let diff = run(&aws, &[&same[..], &["--fail-on", "broader"]].concat());
    assert!(diff.status.success(), "{}", text(&diff));
    has(&diff, &["No difference"]);
    let diff = make(&aws, &["diff", "DEPLOYED=1", "USERS=alice bob"]);
    assert!(diff.status.success(), "{}", text(&diff));
    has(&diff, &["user/bob"]);
    let broader = run(&aws, &["diff", "--stack", "--users", "alice bob", "--fail-on", "broader", "--format", "json"]);
    assert_eq!(broader.status.code(), Some(3), "{}", text(&broader));
}

/// Before a deployment, each user that leaves in the middle of a rotation is named, whatever selected it.
#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_names_the_users_that_leave_in_the_middle_of_a_rotation() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    let users = ["/ci/alice", "/ci/eu/bob", "/carol", "/ci/dave"];
    for user in users {
        user_with(&mut aws, &account, user, &[]).await;
    }
    aws.shift_clock(-70 * 86_400);
    for user in &users[..3] {
        account.create_key(user.rsplit('/').next().unwrap()).await;
    }
    aws.shift_clock(0);
    let stack = Stack::deploy(&aws, &read(ROTATION), &["/ci/", "carol"]);
    let report = stack.invoke(&aws, &json!({}));
    assert_eq!(report["summary"]["rotated"], 3, "{report:#}");

    let text = Stack::deploy(&aws, &read(ROTATION), &["/ci/eu/"]).deployment.text;
    let is_named = |name: &str| text.contains(&format!("{name} has two active keys"));
    assert_eq!(["alice", "bob", "carol", "dave"].map(is_named), [true, false, true, false], "{text}");
    assert!(!text.contains("warning"), "{text}");
}

/// The handler does not read the account's lists here, so only the secrets show whom the stack has rotated.
#[tokio::test(flavor = "multi_thread")]
async fn status_reports_users_that_left_and_secrets_of_deleted_users() {
    const DAY: i64 = 86_400;
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    for user in ["alice", "bob", "gone,1"] {
        user_with(&mut aws, &account, user, &[(70 * DAY, true)]).await;
    }
    // A secret of another program under the prefix.
    account.create_secret("access-key-rotation/database", None, "arn:aws:iam::123456789012:user/alice").await;
    let stack = Stack::deploy(&aws, &read(ROTATION), &["alice", "bob", "gone,1"]);
    let report = stack.invoke(&aws, &json!({}));
    assert_eq!(report["statusCode"], 200, "{report:#}");
    let fine = make(&aws, &["status"]);
    assert!(fine.status.success() && !text(&fine).contains("rotates no longer"), "{}", text(&fine));

    // Both leave; one is deleted too.
    account.delete_user("gone,1").await;
    let left = Stack::deploy(&aws, &read(ROTATION), &["alice"]).deployment;
    assert!(left.text.contains("bob has two active keys") && !left.text.contains("warning"), "{}", left.text);
    account.create_user("operator").await;
    let key = account.create_key("operator").await;
    permit(&aws, "operator", &[("Allow", "*")]);
    aws.proxy.forget();
    let status = run_as(&aws, &key, &["status"]);
    assert_eq!(status.status.code(), Some(1), "{}", text(&status));
    let command = "aws secretsmanager delete-secret --secret-id 'access-key-rotation/gone/1' --region eu-west-1";
    let deleted = format!(
        "the secret access-key-rotation/gone/1 belongs to a user that no longer exists; to remove it, run:\n    {command}"
    );
    has(&status, &[&deleted, "bob: a person must decide: the user is no longer selected"]);
    let mut lookups: Vec<_> = aws.proxy.calls().into_iter().filter(|call| call.operation == "ListUserTags").collect();
    lookups.retain(|call| call.signer == key.id);
    lookups.sort_by(|a, b| a.about.cmp(&b.about));
    let about: Vec<_> = lookups.iter().map(|call| call.about.as_str()).collect();
    assert_eq!(about, ["bob", "gone,1"], "one call for each user that the dry run does not show");

    let former = |output: &Output| {
        let state: Json = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", text(output)));
        state["formerUsers"].clone()
    };
    let found = former(&run_as(&aws, &key, &["status", "--format", "json"]));
    assert_eq!(found["left"][0]["user"], "bob", "{found:#}");
    assert_eq!(
        found["secretsOfDeletedUsers"],
        json!([{ "user": "gone,1", "secret": "access-key-rotation/gone/1", "command": command }])
    );

    // The permissions are optional: the rest of the state is there, and the command does not fail.
    for (denied, says) in [
        ("secretsmanager:ListSecrets", "not permitted to list the secrets (secretsmanager:ListSecrets)"),
        ("iam:ListUserTags", "not permitted to read the tags of the user"),
    ] {
        permit(&aws, "operator", &[("Allow", "*"), ("Deny", denied)]);
        let status = run_as(&aws, &key, &["status"]);
        assert!(status.status.success(), "{}", text(&status));
        has(&status, &[says, denied, "  alice  AKIA"]);
    }
    permit(&aws, "operator", &[("Allow", "*")]);

    // The person does what the report says.
    let tags = account.journal("bob").await;
    let keys = tags.iter().map(|(key, _)| key.as_str()).filter(|key| key.starts_with("access-key-rotation:"));
    let untag = ["iam", "untag-user", "--user-name", "bob", "--tag-keys"];
    aws.cli(&untag.into_iter().chain(keys).collect::<Vec<_>>());
    let words: Vec<_> = command.split(' ').skip(1).map(|word| word.trim_matches('\'')).collect();
    aws.cli(&words);
    let status = run_as(&aws, &key, &["status", "--format", "json"]);
    assert!(status.status.success(), "{}", text(&status));
    assert_eq!(former(&status), json!({ "left": [], "secretsOfDeletedUsers": [], "notLookedUp": 0 }));
}

/// The subscriptions in the local AWS: the endpoint, the ARN and the topic of each.
fn subscriptions(aws: &LocalAws) -> Vec<(String, String, String)> {
    let listed = aws.cli(&["sns", "list-subscriptions"])["Subscriptions"].as_array().cloned().unwrap_or_default();
    let text = |one: &Json, field: &str| one[field].as_str().unwrap_or_default().to_owned();
    listed.iter().map(|one| (text(one, "Endpoint"), text(one, "SubscriptionArn"), text(one, "TopicArn"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_vanished_is_made_again_with_its_filter_policy() {
    let (owner, administrator) = ("Dev@example.com", "ops@example.com");
    let configuration = |owner: &str| format!("users: [{{name: alice{owner}}}]\nemails: [{administrator}]\n");
    let aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    for user in ["alice", "operator"] {
        account.create_user(user).await;
    }
    let stack = Stack::deploy_as_it_is(&aws, &configuration(&format!(", owner: {owner}")));
    let notices = &stack.outputs["TopicArn"];
    let key = account.create_key("operator").await;
    permit(&aws, "operator", &[("Allow", "*")]);
    let arn = || {
        let arns = subscriptions(&aws).into_iter().filter(|(endpoint, _, topic)| endpoint == owner && topic == notices);
        arns.map(|(_, arn, _)| arn).next()
    };
    let attributes = |arn: &str| {
        let attributes = aws.cli(&["sns", "get-subscription-attributes", "--subscription-arn", arn]);
        ["FilterPolicy", "FilterPolicyScope"].map(|name| {
            let text =
                attributes["Attributes"][name].as_str().unwrap_or_else(|| panic!("{name}: {attributes:#}")).to_owned();
            serde_json::from_str::<Json>(&text).unwrap_or(json!(text))
        })
    };

    let fine = make(&aws, &["resubscribe", "EMAIL=ops@example.com dev@example.com"]);
    assert!(fine.status.success(), "{}", text(&fine));
    has(&fine, &["Every subscription is confirmed"]);

    // AWS removes a subscription that was not confirmed within days, and CloudFormation does not notice it.
    let first = arn().expect("the stack subscribes the owner");
    aws.cli(&["sns", "unsubscribe", "--subscription-arn", &first]);
    aws.proxy.leave_unconfirmed(administrator);
    let config = aws.folder.path().join("same.yaml");
    std::fs::write(&config, configuration(&format!(", owner: {owner}"))).unwrap();
    let package = tests::stack::package().display().to_string();
    let same = ["--config", config.to_str().unwrap(), "--package", &package];
    let again =
        deployer::deploy(&aws, &[&same[..], &["--architecture", tests::stack::host_architecture_name()]].concat());
    assert_eq!((again.result()["result"].as_str(), arn()), (Some("unchanged"), None), "{}", again.text);
    let status = run_as(&aws, &key, &["status"]);
    has(&status, &["Dev@example.com: no subscription", "make resubscribe", "ops@example.com: not confirmed"]);

    let only = run_as(&aws, &key, &["resubscribe", "--email", "dev@example.com", "--format", "json"]);
    assert!(only.status.success(), "{}", text(&only));
    let expected = json!([{
        "address": owner, "protocol": "email", "topic": "notices", "administrator": false, "ownerOf": ["alice"],
        "state": "gone", "done": "requested", "error": null,
    }]);
    let document: Json = serde_json::from_slice(&only.stdout).unwrap();
    assert_eq!((&document["subscriptions"], &document["command"]), (&expected, &json!("resubscribe")), "{document:#}");
    let second = arn().expect("a subscription again");
    assert_ne!(first, second);
    assert_eq!(attributes(&second), [json!({ "to": ["dev@example.com"] }), json!("MessageAttributes")]);

    // A subscription that is not confirmed gets a new mail, on each topic.
    aws.proxy.forget();
    let pending = run_as(&aws, &key, &["resubscribe"]);
    assert!(pending.status.success(), "{}", text(&pending));
    let lines: Vec<String> =
        text(&pending).lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(
        lines[1..4],
        [
            "ops@example.com not confirmed new mail notices, as an administrator",
            "ops@example.com not confirmed new mail alarms",
            "Dev@example.com confirmed nothing notices, as the owner of alice",
        ],
        "{}",
        text(&pending)
    );
    let asked = aws.proxy.calls().iter().filter(|call| call.operation == "Subscribe").count();
    assert_eq!(asked, 2);

    let unknown = run_as(&aws, &key, &["resubscribe", "--email", "nowhere@example.com"]);
    assert_eq!(unknown.status.code(), Some(2), "{}", text(&unknown));
    has(&unknown, &["does not subscribe nowhere@example.com"]);
    permit(&aws, "operator", &[("Allow", "*"), ("Deny", "sns:Subscribe")]);
    let denied = run_as(&aws, &key, &["resubscribe"]);
    assert_eq!(denied.status.code(), Some(1), "{}", text(&denied));
    has(&denied, &["refused", "not permitted to subscribe ops@example.com", "deploy-policy"]);

    // CloudFormation knows only the first subscription. The owner leaves: the second one stays, and status names it.
    aws.proxy.confirm(administrator);
    let left = Stack::deploy_as_it_is(&aws, &configuration(""));
    assert_eq!(left.deployment.result()["result"], "deployed", "{}", left.deployment.text);
    let end = format!("aws sns unsubscribe --subscription-arn {second}");
    let status = run_as(&aws, &key, &["status"]);
    has(&status, &["Dev@example.com: not from the template", "To end the subscription of Dev@example.com: ", &end]);

    // The deletion of the stack ends it too.
    let config = aws.folder.path().join("deleted.yaml");
    std::fs::write(&config, configuration("")).unwrap();
    let destroyed = run(&aws, &["destroy", "--yes", "--config", config.to_str().unwrap()]);
    assert!(destroyed.status.success(), "{}", text(&destroyed));
    has(&destroyed, &["The subscription of Dev@example.com (email) ends. It is not from the stack's template."]);
    assert_eq!(subscriptions(&aws), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_continues_after_the_command_is_interrupted() {
    let aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    account.create_user("alice").await;
    account.create_key("alice").await;
    let _ = Stack::deploy(&aws, &read(ROTATION), &["alice"]);
    // The command first makes a dry run, which writes nothing.
    aws.proxy.inject("TagUser", "alice", Fault::HangBefore);
    let mut command = synth(&aws, &["rotate", "--users", "alice"]);
    let waiting = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    aws.proxy.hang().await;
    signal(&waiting, "-INT");
    let output = waiting.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", text(&output));
    has(&output, &["continues in AWS", "make status"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_is_deleted_after_a_confirmation() {
    let aws = LocalAws::start().await;
    // Without a stack, each command names the account and Region that it searched. There is nothing to delete.
    for command in
        [&["status"][..], &["diff", "--stack"], &["rotate", "--users", "alice"], &["undo", "--users", "alice"]]
    {
        let nowhere = run(&aws, command);
        assert_eq!(nowhere.status.code(), Some(2), "{command:?}: {}", text(&nowhere));
        has(&nowhere, &["no stack access-key-rotation in account 123456789012, Region eu-west-1", "--region"]);
    }
    let elsewhere = run(&aws, &["status", "--region", "us-east-1"]);
    has(&elsewhere, &["no stack access-key-rotation in account 123456789012, Region us-east-1"]);
    let nothing = make(&aws, &["destroy"]);
    assert!(nothing.status.success(), "{}", text(&nothing));
    has(&nothing, &["nothing to delete"]);

    let account = Account::of(&aws).await;
    account.create_user("alice").await;
    account.create_key("alice").await;
    let _ = Stack::deploy(&aws, &read(ROTATION), &["alice"]);
    let rotated = make(&aws, &["rotate", "USERS=alice"]);
    assert!(rotated.status.success(), "{}", text(&rotated));
    let keys = account.keys("alice").await;

    // There is no terminal, so the command cannot ask.
    let asked = run(&aws, &["destroy"]);
    assert_eq!(asked.status.code(), Some(3), "{}", text(&asked));
    let stops = ["No run replaces, deactivates or deletes keys", "The log of the function is deleted"];
    has(&asked, &[&stops[..], &["1 user keeps two active keys", "error: cannot ask"]].concat());
    has(&asked, &["AWS::Lambda::Function", "The secrets access-key-rotation/…", ARTIFACTS, "--yes"]);
    // At a terminal, the user declines.
    for (answer, code) in [("n", 3), ("^C", 130)] {
        let asked = deployer::at_a_terminal(&aws, answer, &["destroy"]);
        assert_eq!(asked.status.code(), Some(code), "{answer}: {}", text(&asked));
        has(&asked, &["Delete it? [y/N]"]);
    }
    let stacks = || {
        let listed = aws.cli(&["cloudformation", "list-stacks", "--stack-status-filter", "CREATE_COMPLETE"]);
        let names = listed["StackSummaries"].as_array().cloned().unwrap_or_default();
        let mut names: Vec<_> =
            names.iter().filter_map(|stack| stack["StackName"].as_str()).map(str::to_owned).collect();
        names.sort_unstable();
        names
    };
    assert_eq!(stacks(), [STACK, ARTIFACTS]);

    let destroyed = make(&aws, &["destroy", "YES=1"]);
    assert!(destroyed.status.success(), "{}", text(&destroyed));
    has(&destroyed, &["DELETE_COMPLETE   Function  AWS::Lambda::Function", "The stack access-key-rotation is deleted"]);
    assert_eq!(stacks(), [ARTIFACTS], "the next deployment uses the packages again");
    assert_eq!(account.keys("alice").await, keys, "keys stay");
    assert!(account.secret("access-key-rotation/alice").await.is_some(), "secrets stay");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_that_fails_names_its_cause() {
    let aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    let file = |name: &str, text: &str| {
        let path = aws.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let config = file("rotation.yaml", "users: [alice]\nemails: [a@example.com]\nstack_name: doomed\n");
    let user = "Resources: { Owner: { Type: AWS::IAM::User, Properties: { UserName: owner } } }";
    let template = file("template.yaml", user);
    aws.cli(&[
        "cloudformation",
        "deploy",
        "--stack-name",
        "doomed",
        "--template-file",
        &template,
        "--capabilities",
        "CAPABILITY_NAMED_IAM",
    ]);
    let destroy = ["destroy", "--yes", "--config", &config];

    let protect = |switch| {
        aws.cli(&["cloudformation", "update-termination-protection", switch, "--stack-name", "doomed"]);
    };
    protect("--enable-termination-protection");
    let protected = run(&aws, &destroy);
    assert_eq!(protected.status.code(), Some(1), "{}", text(&protected));
    has(&protected, &["TerminationProtection is enabled", "Switch the protection off first"]);
    protect("--no-enable-termination-protection");

    // IAM does not delete a user that has a key.
    let key = account.create_key("owner").await;
    for _ in ["at first", "and no better the second time"] {
        let failed = run(&aws, &destroy);
        assert_eq!(failed.status.code(), Some(1), "{}", text(&failed));
        has(&failed, &["DELETE_FAILED     Owner", "root cause: Owner (AWS::IAM::User)", "DeleteConflict"]);
    }
    aws.cli(&["iam", "delete-access-key", "--user-name", "owner", "--access-key-id", &key.id]);
    let destroyed = run(&aws, &destroy);
    assert!(destroyed.status.success(), "{}", text(&destroyed));
    has(&destroyed, &["The stack doomed is deleted"]);
}
