//! The commands for an organization: `synth deploy`, `status` and `destroy` in the administering account, with the stand-in for
//! StackSets.

use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use tests::{Account, LocalAws, Stack, deployer, text, words};

const UNIT: &str = "ou-abcd-11112222";
const MEMBERS: [&str; 2] = ["111122223333", "444455556666"];

/// The first account is changed before the second one.
const CONFIGURATION: &str = "
users: [/ci/]
emails: [security@example.com]
organization: {id: o-abcdefghij, region: eu-west-1, units: [ou-abcd-11112222], first: '111122223333'}
";

/// The arguments that name the configuration.
fn configuration(aws: &LocalAws) -> String {
    format!("--config={}", aws.folder.path().join("rotation.yaml").display())
}

/// `synth status --format json`, and whether it ended with 0.
fn status(aws: &LocalAws) -> (Json, bool) {
    let output = deployer::command(aws, &["status", &configuration(aws), "--format=json"]).output().unwrap();
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

/// How many stacks that are not deleted an account has.
fn stacks(aws: &LocalAws, account: &str) -> usize {
    let stacks = aws.cli_in(account, &["cloudformation", "describe-stacks"])["Stacks"].clone();
    let is_there = |stack: &&Json| stack["StackStatus"] != "DELETE_COMPLETE";
    stacks.as_array().map_or(0, |stacks| stacks.iter().filter(is_there).count())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organization_is_deployed_watched_and_removed() {
    let aws = LocalAws::start().await;
    aws.found_organization(UNIT, &MEMBERS);
    let account = Account::with_number(&aws, MEMBERS[0]).await;
    account.create_user("/ci/deployer").await;
    account.create_key("deployer").await;

    let stack = Stack::deploy_as_it_is(&aws, CONFIGURATION);
    let notes: Vec<_> = stack.deployment.of_kind("note").filter_map(|note| note["text"].as_str()).collect();
    assert!(notes.contains(&"2 accounts up to date"), "{notes:#?}");
    let plans: Vec<_> = stack.deployment.of_kind("plan").filter_map(|plan| plan["stack"].as_str()).collect();
    assert!(plans.contains(&"each member account"), "{plans:?}");
    assert_eq!(MEMBERS.map(|account| stacks(&aws, account)), [1, 1]);

    // No run has been reported yet.
    let (before, is_fine) = status(&aws);
    assert_eq!(conditions(&before), MEMBERS.map(|account| (account, "no-run")), "{before:#}");
    assert!(is_fine);
    let (report, _) = stack.invoke_member(&aws, MEMBERS[0], &json!({}));
    assert_eq!(report["statusCode"], 200, "{report:#}");
    let began = Instant::now();
    let after = loop {
        let (status, _) = status(&aws);
        if conditions(&status)[0].1 != "no-run" {
            break status;
        }
        assert!(began.elapsed() < Duration::from_mins(1), "{status:#}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(conditions(&after), [(MEMBERS[0], "in-order"), (MEMBERS[1], "no-run")], "{after:#}");
    let member = after["accounts"].as_array().unwrap().iter().find(|one| one["account"] == MEMBERS[0]).unwrap();
    assert_eq!((&member["lastRun"]["users"], &member["stack"]["state"]), (&json!(1), &json!("current")), "{member:#}");

    // The same command again changes nothing.
    let file = aws.folder.path().join("rotation.yaml").display().to_string();
    let package = tests::stack::package().display().to_string();
    let arguments =
        ["--config", &file, "--architecture", tests::stack::host_architecture_name(), "--package", &package];
    let again = deployer::deploy(&aws, &arguments);
    assert_eq!(again.result()["result"], "unchanged", "{}", again.text);
    let (_, notes) = (again.code, again.text);
    assert!(notes.contains("2 accounts up to date"), "{notes}");

    // Another first account needs two deployments.
    aws.proxy.forget();
    let other_first = CONFIGURATION.replace("first: '111122223333'", "first: '444455556666'");
    std::fs::write(&file, &other_first).unwrap();
    let refused = deployer::deploy(&aws, &arguments);
    let says = "so 111122223333 and 444455556666 would get a second stack before the first one is deleted";
    assert!(refused.code == Some(2) && refused.text.contains(says), "{:?}: {}", refused.code, refused.text);
    let diff = deployer::command(&aws, &["diff", &configuration(&aws), "--stack"]).output().unwrap();
    assert!(words(&text(&diff)).contains(says), "{}", text(&diff));
    let calls: Vec<_> = aws.proxy.calls().into_iter().map(|call| call.operation).collect();
    assert!(!calls.contains(&"ExecuteChangeSet".to_owned()), "{calls:?}");
    let without = CONFIGURATION.replace("first: '111122223333'", "exclude: ['111122223333', '444455556666']");
    for (configuration, number) in [(without, 0), (other_first, 1)] {
        std::fs::write(&file, configuration).unwrap();
        let deployed = deployer::deploy(&aws, &arguments);
        assert_eq!(deployed.result()["result"], "deployed", "{}", deployed.text);
        assert_eq!(MEMBERS.map(|account| stacks(&aws, account)), [number; 2]);
    }

    // The members' stacks go first. Their users stay.
    aws.proxy.forget();
    let destroyed = deployer::command(&aws, &["destroy", &configuration(&aws), "--yes"]).output().unwrap();
    assert!(destroyed.status.success(), "{}", text(&destroyed));
    assert!(text(&destroyed).contains("The stacks of 2 accounts are deleted"), "{}", text(&destroyed));
    let calls = aws.proxy.calls();
    let deletions: Vec<_> =
        calls.iter().map(|call| call.operation.as_str()).filter(|name| name.starts_with("Delete")).collect();
    assert_eq!(deletions.last(), Some(&"DeleteStack"), "{deletions:?}");
    assert!(deletions.contains(&"DeleteStackInstances"), "{deletions:?}");
    assert_eq!(MEMBERS.map(|account| stacks(&aws, account)), [0, 0]);
    assert_eq!(account.keys("deployer").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_trusted_access_nothing_is_changed() {
    let aws = LocalAws::start().await;
    // Another account administers.
    aws.found_organization(UNIT, &MEMBERS);
    let file = aws.folder.path().join("rotation.yaml").display().to_string();
    let as_management = CONFIGURATION.replace("first: '111122223333'", "administrator: management-account");
    std::fs::write(&file, as_management).unwrap();
    let package = tests::stack::package().display().to_string();
    let arguments =
        ["--config", &file, "--architecture", tests::stack::host_architecture_name(), "--package", &package];
    let refused = deployer::deploy(&aws, &arguments);
    assert_eq!(refused.code, Some(1), "{}", refused.text);
    let says = "is not the management account of the organization. Nothing was changed";
    assert!(refused.text.contains(says), "{}", refused.text);
    assert_eq!(stacks(&aws, tests::local_aws::ACCOUNT), 0);

    // The Region of the configuration is another one.
    std::fs::write(&file, CONFIGURATION.replace("eu-west-1", "eu-north-1")).unwrap();
    let elsewhere = deployer::deploy(&aws, &arguments);
    assert!(elsewhere.text.contains("organization.region is eu-north-1"), "{}", elsewhere.text);
}
