//! The commands for an organization: `synth deploy`, `status` and `destroy` in the administering account, with the stand-in for
//! StackSets.

use std::{
    process::Output,
    time::{Duration, Instant},
};

use serde_json::{Value as Json, json};
use tests::{
    Account, Fault, LocalAws,
    account::OwnedKey,
    deployer::{self, Run},
    local_aws::{ACCOUNT, MANAGEMENT},
    stack, text, words,
};

const DAY: i64 = 86_400;
const STACK: &str = "access-key-rotation";
/// The name of a member's function, and of the management account's stack as a member.
const MEMBER: &str = "access-key-rotation-member";
const UNIT: &str = "ou-abcd-11112222";
const MEMBERS: [&str; 2] = ["111122223333", "444455556666"];
/// An account that joins the organization later.
const LATE: &str = "777788889999";

/// The first account is changed before the second one.
const FIRST: &str = "
users: [/ci/]
emails: [security@example.com]
organization: {id: o-abcdefghij, region: eu-west-1, units: [ou-abcd-11112222], first: '111122223333'}
";

/// A configuration with these further fields of the organization.
fn configuration(fields: &str) -> String {
    let organization = format!("{{id: o-abcdefghij, region: eu-west-1, {fields}}}");
    format!("users: [/ci/]\nemails: [security@example.com]\norganization: {organization}\n")
}

/// The arguments that name the configuration and the package.
fn arguments(aws: &LocalAws, configuration: &str) -> Vec<String> {
    let file = aws.folder.path().join("rotation.yaml");
    std::fs::write(&file, configuration).unwrap();
    let [file, package] = [file, stack::package()].map(|path| path.display().to_string());
    ["--config", &file, "--architecture", stack::host_architecture_name(), "--package", &package]
        .map(str::to_owned)
        .into()
}

/// `synth deploy`, with the approval that it asks for.
fn deploy(aws: &LocalAws, configuration: &str) -> Run {
    let arguments = arguments(aws, configuration);
    deployer::deploy(aws, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

/// `synth deploy` with these approvals.
fn deploy_once(aws: &LocalAws, configuration: &str, approvals: &[String]) -> Run {
    let arguments = [arguments(aws, configuration), approvals.to_vec()].concat();
    let arguments = ["deploy", "--format=json"].into_iter().chain(arguments.iter().map(String::as_str));
    Run::of(&deployer::command(aws, &arguments.collect::<Vec<_>>()).output().unwrap())
}

/// Runs a command about the deployed stack.
fn run(aws: &LocalAws, arguments: &[&str]) -> Output {
    let configuration = format!("--config={}", aws.folder.path().join("rotation.yaml").display());
    deployer::command(aws, &[arguments, &[&configuration]].concat()).output().unwrap()
}

/// `synth status --format json`, and whether it ended with 0.
fn status(aws: &LocalAws) -> (Json, bool) {
    let output = run(aws, &["status", "--format=json"]);
    let printed = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", text(&output)));
    (printed, output.status.success())
}

/// The condition of each account.
fn conditions(status: &Json) -> Vec<(&str, &str)> {
    let accounts = status["accounts"].as_array().unwrap_or_else(|| panic!("{status:#}")).iter();
    let mut all: Vec<_> =
        accounts.map(|one| (one["account"].as_str().unwrap(), one["condition"].as_str().unwrap())).collect();
    all.sort_unstable();
    all
}

/// Waits until the accounts are in these conditions. Returns the status, and whether the command ended with 0.
async fn await_conditions(aws: &LocalAws, expected: &[(&str, &str)]) -> (Json, bool) {
    let began = Instant::now();
    loop {
        let (status, is_fine) = status(aws);
        if conditions(&status) == expected {
            return (status, is_fine);
        }
        assert!(began.elapsed() < Duration::from_mins(1), "{expected:?}: {status:#}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The names of an account's stacks that are not deleted.
fn stacks(aws: &LocalAws, account: &str) -> Vec<String> {
    let stacks = aws.cli_in(account, &["cloudformation", "describe-stacks"])["Stacks"].as_array().cloned();
    let is_there = |stack: &Json| stack["StackStatus"] != "DELETE_COMPLETE";
    let stacks = stacks.unwrap_or_default().into_iter().filter(is_there);
    let mut names: Vec<_> = stacks.map(|stack| stack["StackName"].as_str().unwrap().to_owned()).collect();
    names.sort_unstable();
    names
}

/// The notes that a deployment shows.
fn notes(deployed: &Run) -> Vec<&str> {
    deployed.of_kind("note").filter_map(|note| note["text"].as_str()).collect()
}

/// Runs `synth run` with the credentials of a member.
fn run_in(aws: &LocalAws, account: &str) -> Option<i32> {
    let configuration = format!("--config={}", aws.folder.path().join("rotation.yaml").display());
    let mut command = deployer::command(aws, &["run", &configuration]);
    command.env("AWS_ACCESS_KEY_ID", account).output().unwrap().status.code()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organization_is_deployed_watched_and_removed() {
    let mut aws = LocalAws::start().await;
    aws.found_organization(UNIT, &MEMBERS);
    let accounts = [Account::with_number(&aws, MEMBERS[0]).await, Account::with_number(&aws, MEMBERS[1]).await];
    aws.shift_clock(-70 * DAY);
    for account in &accounts {
        account.create_user("/ci/deployer").await;
        account.create_key("deployer").await;
    }
    aws.shift_clock(0);

    let deployed = deploy(&aws, FIRST);
    assert_eq!(deployed.result()["result"], "deployed", "{}", deployed.text);
    assert!(notes(&deployed).contains(&"2 accounts up to date"), "{}", deployed.text);
    let plans: Vec<_> = deployed.of_kind("plan").filter_map(|plan| plan["stack"].as_str()).collect();
    assert!(plans.contains(&"each member account"), "{plans:?}");
    assert_eq!(MEMBERS.map(|account| stacks(&aws, account).len()), [1, 1]);

    // No run has been reported yet.
    let (_, is_fine) = await_conditions(&aws, &MEMBERS.map(|account| (account, "no-run"))).await;
    assert!(is_fine);
    // The run of each account fails for a user.
    aws.proxy.inject("ListAccessKeys", "deployer", Fault::Refuse(403, "AccessDenied"));
    assert_eq!(MEMBERS.map(|account| run_in(&aws, account)), [Some(1); 2]);
    let (_, is_fine) = await_conditions(&aws, &MEMBERS.map(|account| (account, "users-not-in-order"))).await;
    assert!(!is_fine);
    // The next run of one account succeeds.
    aws.proxy.heal();
    assert_eq!(run_in(&aws, MEMBERS[0]), Some(0));
    let expected = [(MEMBERS[0], "in-order"), (MEMBERS[1], "users-not-in-order")];
    let (after, is_fine) = await_conditions(&aws, &expected).await;
    assert!(!is_fine);
    // The worst account is first.
    let member = &after["accounts"][1];
    assert_eq!((&member["account"], &member["stack"]["state"]), (&json!(MEMBERS[0]), &json!("current")), "{member:#}");
    assert_eq!((&member["lastRun"]["users"], &member["lastRun"]["rotated"]), (&json!(1), &json!(1)), "{member:#}");

    // The inventory reads the accounts of the deployed organization. None of them has such a role.
    let inventory = run(&aws, &["inventory", "--role=KeyAudit", "--format=json"]);
    assert_eq!(inventory.status.code(), Some(1), "{}", text(&inventory));
    let inventory: Json = serde_json::from_slice(&inventory.stdout).unwrap();
    let read: Vec<_> = inventory["accounts"].as_array().unwrap().iter().map(|one| one["account"].clone()).collect();
    assert_eq!(read, MEMBERS);

    // The same command again changes nothing.
    let again = deploy(&aws, FIRST);
    assert_eq!(again.result()["result"], "unchanged", "{}", again.text);
    assert!(notes(&again).contains(&"2 accounts up to date"), "{}", again.text);

    // Another first account needs two deployments.
    aws.proxy.forget();
    let other_first = FIRST.replace("first: '111122223333'", "first: '444455556666'");
    let refused = deploy(&aws, &other_first);
    let says = "so 111122223333 and 444455556666 would get a second stack before the first one is deleted";
    assert!(refused.code == Some(2) && refused.text.contains(says), "{:?}: {}", refused.code, refused.text);
    let diff = run(&aws, &["diff", "--stack"]);
    assert!(words(&text(&diff)).contains(says), "{}", text(&diff));
    let calls: Vec<_> = aws.proxy.calls().into_iter().map(|call| call.operation).collect();
    assert!(!calls.contains(&"ExecuteChangeSet".to_owned()), "{calls:?}");
    let without = FIRST.replace("first: '111122223333'", "exclude: ['111122223333', '444455556666']");
    for (configuration, number) in [(without, 0), (other_first, 1)] {
        let deployed = deploy(&aws, &configuration);
        assert_eq!(deployed.result()["result"], "deployed", "{}", deployed.text);
        assert_eq!(MEMBERS.map(|account| stacks(&aws, account).len()), [number; 2]);
    }

    // The members' stacks go first. Their users stay.
    aws.proxy.forget();
    let destroyed = run(&aws, &["destroy", "--yes"]);
    assert!(destroyed.status.success(), "{}", text(&destroyed));
    assert!(text(&destroyed).contains("The stacks of 2 accounts are deleted"), "{}", text(&destroyed));
    let calls = aws.proxy.calls();
    let deletions: Vec<_> =
        calls.iter().map(|call| call.operation.as_str()).filter(|name| name.starts_with("Delete")).collect();
    assert_eq!(deletions.last(), Some(&"DeleteStack"), "{deletions:?}");
    assert!(deletions.contains(&"DeleteStackInstances"), "{deletions:?}");
    assert_eq!(MEMBERS.map(|account| stacks(&aws, account).len()), [0, 0]);
    assert_eq!((accounts[0].keys("deployer").await.len(), accounts[1].keys("deployer").await.len()), (2, 1));
}

/// A StackSet skips the management account, so `synth deploy` also deploys a member stack in it.
#[tokio::test(flavor = "multi_thread")]
async fn the_management_account_is_a_member_too() {
    let mut aws = LocalAws::start().await;
    aws.found_own_organization(UNIT, &MEMBERS[..1]);
    let account = Account::of(&aws).await;
    aws.shift_clock(-70 * DAY);
    account.create_user("/ci/deployer").await;
    account.create_key("deployer").await;
    aws.shift_clock(0);

    let selected = configuration("units: [r-abcd], administrator: management-account");
    let deployed = deploy(&aws, &selected);
    assert_eq!(deployed.result()["result"], "deployed", "{}", deployed.text);
    let artifacts = format!("{STACK}-artifacts");
    assert_eq!(stacks(&aws, ACCOUNT), [STACK, &artifacts, MEMBER]);
    assert_eq!(stacks(&aws, MEMBERS[0]).len(), 1);
    let both = |own| [(MEMBERS[0], "no-run"), (ACCOUNT, own)];
    let (_, is_fine) = await_conditions(&aws, &both("no-run")).await;
    assert!(is_fine);

    // The commands about keys reach the member's function.
    let ran = run(&aws, &["run"]);
    assert!(ran.status.success(), "{}", text(&ran));
    assert_eq!(account.keys("deployer").await.len(), 2);
    let key = account.secret("access-key-rotation/deployer").await.as_ref().and_then(OwnedKey::from_secret);
    let identity = key.expect("a key").identity(&aws).await;
    assert_eq!(identity, Ok(format!("arn:aws:iam::{ACCOUNT}:user/ci/deployer")));
    let (_, is_fine) = await_conditions(&aws, &both("in-order")).await;
    assert!(is_fine);
    let again = deploy(&aws, &selected);
    assert_eq!(again.result()["result"], "unchanged", "{}", again.text);

    // A change of the configuration changes both members.
    let changed = deploy(&aws, &format!("{selected}rotate_after: 50d\n"));
    assert_eq!(changed.result()["result"], "deployed", "{}", changed.text);
    assert_eq!([ACCOUNT, MEMBERS[0]].map(|account| rotate_after(&aws, account)), ["50d", "50d"]);

    // A deployment does not delete the stack of an account that the configuration leaves out, but names it.
    let without = deploy(&aws, &configuration("units: [ou-abcd-11112222], administrator: management-account"));
    assert_eq!(without.result()["result"], "deployed", "{}", without.text);
    let note = notes(&without).into_iter().find(|note| note.contains("still rotates keys")).map(str::to_owned);
    let (_, command) = note.as_deref().and_then(|note| note.split_once("run:\naws ")).expect(&without.text);
    assert!(command.starts_with(&format!("cloudformation delete-stack --stack-name {MEMBER}")), "{command}");
    let again = deploy(&aws, &selected);
    assert_eq!(again.result()["result"], "deployed", "{}", again.text);
    assert!(!again.text.contains("still rotates keys"), "{}", again.text);

    // No schedule of a member is left.
    let destroyed = run(&aws, &["destroy", "--yes"]);
    assert!(destroyed.status.success(), "{}", text(&destroyed));
    assert!(text(&destroyed).contains("The stack access-key-rotation-member is deleted"), "{}", text(&destroyed));
    assert_eq!((stacks(&aws, ACCOUNT), stacks(&aws, MEMBERS[0])), (vec![artifacts], Vec::new()));
    assert_eq!(account.keys("deployer").await.len(), 2);
}

/// The setting of a member's function.
fn rotate_after(aws: &LocalAws, account: &str) -> String {
    let function = ["lambda", "get-function-configuration", "--function-name", MEMBER];
    let variables = &aws.cli_in(account, &function)["Environment"]["Variables"];
    variables["ROTATE_AFTER"].as_str().unwrap_or_else(|| panic!("{variables:#}")).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_change_of_the_members_is_shown_and_a_failed_account_is_taken_up_again() {
    let aws = LocalAws::start().await;
    aws.found_organization(UNIT, &MEMBERS);
    let configuration = configuration("units: [ou-abcd-11112222]");
    let deployed = deploy(&aws, &configuration);
    assert_eq!(deployed.result()["result"], "deployed", "{}", deployed.text);

    // An account joins, and StackSets cannot work in it.
    aws.lack_execution_role(&[LATE]);
    let all = [MEMBERS[0], MEMBERS[1], LATE];
    aws.found_organization(UNIT, &all);
    let expected = [(MEMBERS[0], "no-run"), (MEMBERS[1], "no-run"), (LATE, "not-up-to-date")];
    let (late, is_fine) = await_conditions(&aws, &expected).await;
    assert!(!is_fine);
    assert!(late["accounts"][0]["stack"]["reason"].as_str().unwrap().contains("stacksets-exec"), "{late:#}");
    aws.lack_execution_role(&[]);
    let resumed = deploy(&aws, &configuration);
    assert_eq!((resumed.code, &resumed.result()["result"]), (Some(0), &json!("unchanged")), "{}", resumed.text);
    let says = ["Updating 1 account that is not up to date", "3 accounts up to date"];
    assert!(says.iter().all(|note| notes(&resumed).contains(note)), "{}", resumed.text);

    // The members' difference is known, so a harmless change needs no approval.
    let later = format!("{configuration}rotate_after: 70d\n");
    let harmless = deploy_once(&aws, &later, &[]);
    assert_eq!((harmless.code, &harmless.result()["result"]), (Some(0), &json!("deployed")), "{}", harmless.text);
    assert_eq!(all.map(|account| rotate_after(&aws, account)), ["70d"; 3]);

    // An approval is only for the difference that was shown.
    let with = |rotate_after: &str| format!("{configuration}rotate_after: {rotate_after}\n");
    let asks = deploy_once(&aws, &with("50d"), &[]);
    assert_eq!((asks.code, &asks.result()["result"]), (Some(3), &json!("needs-approval")), "{}", asks.text);
    let mut plans = asks.of_kind("plan").filter(|plan| plan["stack"] == "each member account");
    let diff = &plans.next().expect("the members' difference")["diff"];
    let changed: Vec<_> = diff["resources"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect();
    assert_eq!(changed, ["Function"], "{diff:#}");
    assert!(diff.to_string().contains("50d"), "{diff:#}");
    let refused = deploy_once(&aws, &with("40d"), &asks.approvals());
    assert_eq!(refused.code, Some(3), "{}", refused.text);
    assert!(refused.text.contains("The approval is for another change"), "{}", refused.text);
    assert_eq!(all.map(|account| rotate_after(&aws, account)), ["70d"; 3]);

    // The second account fails, and no account may fail. So the third one is not begun, and the first one gets the earlier
    // template again. That also fails in the second account.
    aws.lack_execution_role(&[MEMBERS[1]]);
    let failed = deploy_once(&aws, &with("50d"), &asks.approvals());
    assert_eq!((failed.code, &failed.result()["result"]), (Some(1), &json!("failed")), "{}", failed.text);
    let accounts: Vec<_> = failed.of_kind("account").filter(|one| one["status"] == "failed").collect();
    assert!(!accounts.is_empty() && accounts.iter().all(|one| one["account"] == MEMBERS[1]), "{}", failed.text);
    assert!(accounts[0]["reason"].as_str().unwrap().contains("stacksets-exec"), "{}", failed.text);
    assert_eq!(all.map(|account| rotate_after(&aws, account)), ["70d"; 3]);

    // The message has the command that ends the rollback. Then the same deployment continues.
    aws.lack_execution_role(&[]);
    let message = failed.result()["message"].as_str().unwrap();
    let (_, command) = message.rsplit_once("run: ").unwrap_or_else(|| panic!("{message}"));
    assert!(command.starts_with("aws cloudformation continue-update-rollback "), "{message}");
    let words: Vec<_> = command.lines().next().unwrap().split(' ').skip(1).collect();
    aws.cli(&words);
    let resumed = deploy(&aws, &with("50d"));
    assert_eq!((resumed.code, &resumed.result()["result"]), (Some(0), &json!("deployed")), "{}", resumed.text);
    assert!(notes(&resumed).contains(&"3 accounts up to date"), "{}", resumed.text);
    assert_eq!(all.map(|account| rotate_after(&aws, account)), ["50d"; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_deployment_that_failed_in_an_account_is_repeated() {
    let aws = LocalAws::start().await;
    aws.found_organization(UNIT, &MEMBERS);
    aws.lack_execution_role(&[MEMBERS[1]]);
    let failed = deploy(&aws, FIRST);
    let result = failed.result();
    assert_eq!((failed.code, &result["result"]), (Some(1), &json!("failed")), "{}", failed.text);
    let message = result["message"].as_str().unwrap();
    for says in [
        "ended in ROLLBACK_COMPLETE, because of\nMembers (AWS::CloudFormation::StackSet)",
        "444455556666: Account 444455556666 should have 'stacksets-exec-local' role",
        "The next deployment deletes what is left of it and creates it again.",
    ] {
        assert!(message.contains(says), "{says:?} in {message}");
    }
    assert_eq!(MEMBERS.map(|account| stacks(&aws, account)), [const { Vec::<String>::new() }; 2]);

    aws.lack_execution_role(&[]);
    let resumed = deploy(&aws, FIRST);
    assert_eq!((resumed.code, &resumed.result()["result"]), (Some(0), &json!("deployed")), "{}", resumed.text);
    assert!(notes(&resumed).contains(&"2 accounts up to date"), "{}", resumed.text);
    assert_eq!(MEMBERS.map(|account| stacks(&aws, account).len()), [1, 1]);
}

/// Of 50 accounts, one may fail. CloudFormation then calls the deployment successful.
#[tokio::test(flavor = "multi_thread")]
async fn a_failure_that_the_stack_set_tolerates_is_reported_and_repaired() {
    let aws = LocalAws::start().await;
    let accounts: Vec<String> = (0..50).map(|number| format!("{}", 111_100_000_000u64 + number)).collect();
    let accounts: Vec<&str> = accounts.iter().map(String::as_str).collect();
    aws.found_organization(UNIT, &accounts);
    aws.lack_execution_role(&accounts[7..8]);
    let configuration = configuration("units: [ou-abcd-11112222]");
    let tolerated = deploy(&aws, &configuration);
    assert_eq!((tolerated.code, &tolerated.result()["result"]), (Some(1), &json!("failed")), "{}", tolerated.text);
    let message = words(tolerated.result()["message"].as_str().unwrap());
    let says = "49 of 50 accounts up to date, 1 failed 111100000007: the stack (AWS::CloudFormation::Stack): Account \
                111100000007 should have 'stacksets-exec-local' role with trust relationship to CloudFormation service. \
                Remove the causes. Then run: make deploy";
    assert!(message.starts_with(says), "{message}");
    let (late, is_fine) = status(&aws);
    let behind: Vec<_> = conditions(&late).into_iter().filter(|(_, condition)| *condition != "no-run").collect();
    assert!(!is_fine && behind == [(accounts[7], "not-up-to-date")], "{late:#}");

    aws.lack_execution_role(&[]);
    let repaired = deploy(&aws, &configuration);
    assert_eq!((repaired.code, &repaired.result()["result"]), (Some(0), &json!("unchanged")), "{}", repaired.text);
    let expected = ["Updating 1 account that is not up to date", "50 accounts up to date"];
    assert_eq!(notes(&repaired), expected, "{}", repaired.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_trusted_access_nothing_is_changed() {
    let aws = LocalAws::start().await;
    aws.found_organization(UNIT, &MEMBERS);
    aws.cli_in(MANAGEMENT, &["cloudformation", "deactivate-organizations-access"]);
    let refused = deploy(&aws, FIRST);
    assert_eq!(refused.code, Some(1), "{}", refused.text);
    assert!(refused.text.contains("trusted access is not active. Nothing was changed"), "{}", refused.text);
    // The command in the message is all that was missing.
    let message = refused.result()["message"].as_str().unwrap();
    let (_, command) = message.split_once("run: aws ").unwrap_or_else(|| panic!("{message}"));
    aws.cli_in(MANAGEMENT, &command.split(' ').collect::<Vec<_>>());
    assert_eq!(deploy_once(&aws, FIRST, &[]).code, Some(3));

    // Another account administers.
    let as_management = FIRST.replace("first: '111122223333'", "administrator: management-account");
    let refused = deploy(&aws, &as_management);
    assert_eq!(refused.code, Some(1), "{}", refused.text);
    let says = "is not the management account of the organization. Nothing was changed";
    assert!(refused.text.contains(says), "{}", refused.text);

    // The Region of the configuration is another one.
    let elsewhere = deploy(&aws, &FIRST.replace("eu-west-1", "eu-north-1"));
    assert!(elsewhere.text.contains("organization.region is eu-north-1"), "{}", elsewhere.text);
    assert_eq!(stacks(&aws, ACCOUNT), Vec::<String>::new());
}
