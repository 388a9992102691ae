//! `synth inventory` reads the account of the local AWS, with a user that has only the printed policy.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};
use tests::{Account, LocalAws, deployer, local_aws, make, text, words};

use crate::common::is_write;

const DAY: i64 = 86_400;

/// The number of users of the account, beside the auditor.
const USERS: usize = 300;

/// The kinds of some findings, each with the number of the key that it is about.
type Findings<'a> = BTreeSet<(&'a str, Option<u64>)>;

/// The keys of the user with this number, oldest first: the age in days and whether the key is active. And the findings
/// about each key or the user. The local AWS has no uses but those of this test.
fn planned(number: usize) -> (Vec<(i64, bool)>, Findings<'static>) {
    let user = None;
    match number % 10 {
        0 => (vec![(400, true)], [("never-used", Some(0)), ("old", Some(0))].into()),
        1 => (vec![(60, true)], [("never-used", Some(0))].into()),
        2 => (vec![(20, true), (10, true)], [("two-active", user)].into()),
        3 => (vec![(200, false)], [("inactive", Some(0))].into()),
        4 => (vec![(200, false), (30, true)], [("inactive", Some(0))].into()),
        5 => (vec![], [("no-mfa", user)].into()),
        // Used today, so it is old only. The credential report does not know of the use.
        6 => (vec![(120, true)], [("old", Some(0))].into()),
        _ => (vec![(30, true)], BTreeSet::new()),
    }
}

fn name(number: usize) -> String {
    format!("/team-{}/user-{number:03}", number % 3)
}

/// The findings of each user, by the user's name.
fn found(inventory: &Json) -> BTreeMap<&str, Findings<'_>> {
    let holders = inventory["holders"].as_array().unwrap().iter().filter(|holder| holder["kind"] == "user");
    holders
        .map(|holder| {
            let findings = holder["findings"].as_array().unwrap().iter();
            let findings = findings.map(|found| (found["kind"].as_str().unwrap(), found["key"].as_u64())).collect();
            (holder["name"].as_str().unwrap(), findings)
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_planted_finding_is_found_and_none_is_invented() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    // The clock moves only once for each age, because that is slow.
    let mut ages: BTreeMap<i64, Vec<(usize, bool)>> = BTreeMap::new();
    for number in 0..USERS {
        account.create_user(&name(number)).await;
        planned(number).0.into_iter().for_each(|(age, active)| ages.entry(-age).or_default().push((number, active)));
    }
    for (age, keys) in ages {
        aws.shift_clock(age * DAY);
        for (number, active) in keys {
            let user = format!("user-{number:03}");
            let key = account.create_key(&user).await;
            if !active {
                account.deactivate(&user, &key).await;
            }
            if number % 10 == 6 {
                aws.shift_clock(0);
                key.identity(&aws).await.expect("the key works");
                aws.shift_clock(age * DAY);
            }
        }
    }
    aws.shift_clock(0);
    for number in (5..USERS).step_by(10) {
        let user = format!("user-{number:03}");
        aws.cli(&["iam", "create-login-profile", "--user-name", &user, "--password", &format!("Pass-{number}-word")]);
    }
    account.create_user("auditor").await;
    let auditor = account.create_key("auditor").await;

    let inventory = |arguments: &[&str]| {
        let mut command = deployer::command(&aws, &[&["inventory"], arguments].concat());
        command.envs([("AWS_ACCESS_KEY_ID", &auditor.id), ("AWS_SECRET_ACCESS_KEY", &auditor.secret)]);
        command.output().unwrap()
    };
    let printed = inventory(&["--policy"]);
    let policy: Json = serde_json::from_slice(&printed.stdout).unwrap_or_else(|e| panic!("{e}: {}", text(&printed)));
    let put = |policy: &Json| {
        let document = policy.to_string();
        let name = ["--user-name", "auditor", "--policy-name", "Inventory", "--policy-document", &document];
        aws.cli(&[&["iam", "put-user-policy"][..], &name].concat());
    };

    // Without one of the permissions, the error names the call and where to get the permission.
    let actions = policy["Statement"][0]["Action"].as_array().unwrap();
    assert_eq!(actions.len(), 5, "{policy:#}");
    for action in actions {
        let mut less = policy.clone();
        less["Statement"][0]["Action"] = actions.iter().filter(|other| *other != action).cloned().collect();
        put(&less);
        let refused = inventory(&[]);
        let says = text(&refused);
        assert_eq!(refused.status.code(), Some(1), "{action}: {says}");
        assert!(
            says.contains("not permitted to read the account's access keys") && says.contains("--policy"),
            "{says}"
        );
    }

    put(&policy);
    aws.proxy.turn_pages("GetAccountAuthorizationDetails", 100);
    aws.proxy.forget();
    let output = inventory(&["--format", "json"]);
    assert!(output.status.success(), "{}", text(&output));
    let document: Json = serde_json::from_slice(&output.stdout).unwrap();
    let mut findings = found(&document);
    assert_eq!(findings.remove("auditor"), Some(BTreeSet::new()));
    assert_eq!(findings.len(), USERS);
    let mut planted = 0;
    for number in 0..USERS {
        let (_, expected) = planned(number);
        planted += expected.len();
        assert_eq!(findings[&*format!("user-{number:03}")], expected, "{number}");
    }
    println!("{planted} planted findings in an account of {USERS} users");

    // It only reads, and asks IAM for the keys of the users with a finding only.
    let calls = aws.proxy.calls();
    assert!(calls.iter().all(|call| !is_write(&call.operation) || call.operation == "GenerateCredentialReport"));
    let asked = calls.iter().filter(|call| call.operation == "ListAccessKeys").count();
    assert_eq!(asked, (0..USERS).filter(|number| (0..5).contains(&(number % 10)) || number % 10 == 6).count());

    // Each key that has a finding has its id and its exact age.
    for holder in document["holders"].as_array().unwrap() {
        let has_finding =
            |at: usize| holder["findings"].as_array().unwrap().iter().any(|found| found["key"] == json!(at));
        for (at, key) in holder["keys"].as_array().unwrap().iter().enumerate().filter(|(at, _)| has_finding(*at)) {
            assert!(key["id"].as_str().is_some_and(|id| id.starts_with("AKIA")), "{at}: {holder:#}");
        }
    }

    for (fail_on, code) in [("root-key,unreadable", 0), ("old", 5), ("any", 5)] {
        let output = inventory(&["--fail-on", fail_on]);
        assert_eq!(output.status.code(), Some(code), "{fail_on}: {}", text(&output));
    }
    let output = inventory(&["--fail-on", "ancient"]);
    assert!(output.status.code() == Some(2) && text(&output).contains("root-key, no-mfa"), "{}", text(&output));
    // Without a limit, only what depends on none is left.
    let output = inventory(&["--max-age", "3650d", "--unused", "3650d", "--fail-on", "old,unused,never-used"]);
    assert!(output.status.success() && text(&output).contains("two-active"), "{}", text(&output));

    let page = inventory(&["--format", "html"]);
    assert!(page.status.success() && text(&page).matches("<tr data-findings=").count() > USERS, "{}", text(&page));
    let made = make(&aws, &["inventory", "ALL=1", "MAX_AGE=10d", "UNUSED=5d"]);
    assert!(text(&made).contains("user-007") && text(&made).contains("is 10d old"), "{}", text(&made));
    let made = make(&aws, &["inventory", "FORMAT=csv", "FAIL_ON=inactive"]);
    assert!(text(&made).contains("user,path,owner") && text(&made).contains("Error 5"), "{}", text(&made));
}

/// The findings are the same as in one account, so this test is about the accounts.
#[tokio::test(flavor = "multi_thread")]
async fn the_accounts_of_an_organization_are_one_table_and_an_unread_account_is_a_failure() {
    let mut aws = LocalAws::start().await;
    let own = local_aws::ACCOUNT;
    let [trusts, trusts_another] = ["111122223333", "444455556666"];
    aws.shift_clock(-400 * DAY);
    for (account, user) in [(own, "/ci/of-auditor"), (trusts, "/ci/of-member"), (trusts_another, "/ci/unseen")] {
        let account = Account::with_number(&aws, account).await;
        account.create_user(user).await;
        account.create_key(user.trim_start_matches("/ci/")).await;
    }
    aws.shift_clock(0);
    let account = Account::of(&aws).await;
    account.create_user("auditor").await;
    let auditor = account.create_key("auditor").await;
    let inventory = |arguments: &[&str]| {
        let mut command = deployer::command(&aws, &[&["inventory", "--role", "KeyAudit"], arguments].concat());
        command.envs([("AWS_ACCESS_KEY_ID", &auditor.id), ("AWS_SECRET_ACCESS_KEY", &auditor.secret)]);
        command.output().unwrap()
    };

    // The role of each account has the printed policy, and so has the auditor, who may also assume the roles.
    let printed = inventory(&["--policy"]);
    let mut policy: Json =
        serde_json::from_slice(&printed.stdout).unwrap_or_else(|e| panic!("{e}: {}", text(&printed)));
    for (account, trusted) in [(trusts, own), (trusts_another, "999988887777")] {
        let principal = json!({ "AWS": format!("arn:aws:iam::{trusted}:root") });
        let trust = json!({ "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole" });
        let trust = json!({ "Version": "2012-10-17", "Statement": [trust] }).to_string();
        let role = ["--role-name", "KeyAudit", "--assume-role-policy-document", &trust];
        aws.cli_in(account, &[&["iam", "create-role"][..], &role].concat());
        let document = policy.to_string();
        let put = ["--role-name", "KeyAudit", "--policy-name", "Inventory", "--policy-document", &document];
        aws.cli_in(account, &[&["iam", "put-role-policy"][..], &put].concat());
    }
    let assume = json!({ "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "arn:aws:iam::*:role/KeyAudit" });
    policy["Statement"].as_array_mut().expect("statements").push(assume);
    let document = policy.to_string();
    let put = ["--user-name", "auditor", "--policy-name", "Inventory", "--policy-document", &document];
    aws.cli(&[&["iam", "put-user-policy"][..], &put].concat());

    // One role cannot be assumed. The other accounts are still shown.
    let accounts = [own, trusts, trusts_another].join(",");
    let output = inventory(&["--accounts", &accounts]);
    let (code, shown) = (output.status.code(), words(&text(&output)));
    assert_eq!(code, Some(1), "{shown}");
    let refused = format!("! {trusts_another} is not read: not permitted to assume the role");
    let role = format!("arn:aws:iam::{trusts_another}:role/KeyAudit (sts:AssumeRole)");
    for says in ["2 of 3 accounts read: ", &refused, &role, "1 account could not be read"] {
        assert!(shown.contains(says), "no {says:?}: {shown}");
    }
    for (account, user) in [(own, "/ci/of-auditor"), (trusts, "/ci/of-member")] {
        assert!(shown.contains(&format!(" {account} {user} AKIA")), "{shown}");
    }
    assert!(!shown.contains("unseen") && shown.matches("error:").count() == 1, "{shown}");

    let output = inventory(&["--accounts", &accounts, "--format=json"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let document: Json = serde_json::from_slice(&output.stdout).unwrap();
    let read = |account: &Json| (account["account"].clone(), account["read"].clone(), account["why"].is_string());
    let read: Vec<_> = document["accounts"].as_array().unwrap().iter().map(read).collect();
    let expected = [(trusts, true, false), (own, true, false), (trusts_another, false, true)];
    assert_eq!(read, expected.map(|(account, is_read, has_reason)| (json!(account), json!(is_read), has_reason)));
    let old = |holder: &&Json| holder["findings"].as_array().unwrap().iter().any(|found| found["kind"] == "old");
    let holders = document["holders"].as_array().unwrap().iter().filter(old);
    let mut holders: Vec<_> =
        holders.map(|holder| (holder["account"].as_str().unwrap(), holder["name"].as_str().unwrap())).collect();
    holders.sort_unstable();
    assert_eq!(holders, [(trusts, "of-member"), (own, "of-auditor")]);

    // Only findings decide if each account is read.
    for (arguments, code) in [
        (&["--accounts", trusts][..], 0),
        (&["--accounts", trusts, "--fail-on=old"], 5),
        (&["--accounts", trusts_another, "--fail-on=old"], 1),
    ] {
        let output = inventory(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", text(&output));
    }
    let made = make(&aws, &["inventory", "ROLE=KeyAudit", &format!("ACCOUNTS={accounts}"), "FORMAT=csv"]);
    let made = text(&made);
    assert!(made.contains("of-member") && made.contains("account-not-read") && made.contains("Error 1"), "{made}");
}
