//! A run over many users: which users are selected, how many calls it makes, and that the deployed role reaches only
//! these users.

use std::{collections::BTreeMap, time::Duration};

use crate::common::{ADMINISTRATOR, ROTATION, careful, read, settings};
use futures_util::{StreamExt, stream};
use serde_json::{Value as Json, json};
use tests::{
    Account, LocalAws, Stack,
    proxy::Call,
    runtime_api::{Handler, environment},
};

const DAY: i64 = 86_400;

/// Creates a user with a key of this age in days. `user` may contain a path.
async fn user(aws: &mut LocalAws, account: &Account, user: &str, days: i64) {
    account.create_user(user).await;
    aws.shift_clock(-days * DAY);
    account.create_key(user.rsplit('/').next().unwrap()).await;
    aws.shift_clock(0);
}

/// Creates many users with one key each, with as many parallel calls as the emulator supports.
async fn crowd(account: &Account, names: impl Iterator<Item = String>) {
    let make = async |name: String| {
        account.create_user(&name).await;
        account.create_key(&name).await;
    };
    stream::iter(names).map(make).buffer_unordered(8).collect::<Vec<()>>().await;
}

/// The number of calls that AWS accepted, by operation.
fn accepted(calls: &[Call]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for call in calls.iter().filter(|call| call.status == 200) {
        *counts.entry(call.operation.as_str()).or_default() += 1;
    }
    counts
}

/// A run over 5,000 users fits one invocation: one in a hundred is due, AWS has a latency of 20 ms and accepts 20 calls
/// a second. The function has ten minutes. It does not start a rotation without enough time, so ten minutes are enough
/// if all are rotated.
#[tokio::test(flavor = "multi_thread")]
async fn five_thousand_users_fit_one_invocation_and_the_healthy_ones_cost_next_to_nothing() {
    const USERS: usize = 5_000;
    const DUE: usize = 50;
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    let topic = aws.cli(&["sns", "create-topic", "--name", "keys"])["TopicArn"].as_str().unwrap().to_owned();
    let subscription = ["--topic-arn", &topic, "--protocol", "email", "--notification-endpoint", ADMINISTRATOR];
    aws.cli(&[&["sns", "subscribe"][..], &subscription].concat());
    aws.shift_clock(-70 * DAY);
    crowd(&account, (0..DUE).map(|n| format!("due-{n:04}"))).await;
    aws.shift_clock(0);
    crowd(&account, (DUE..USERS).map(|n| format!("young-{n:04}"))).await;
    // Users that were rotated before already have a secret.
    for n in 0..DUE {
        let name = format!("due-{n:04}");
        let itself = format!("arn:aws:iam::{}:user/{name}", tests::local_aws::ACCOUNT);
        account.create_secret(&format!("keys/{name}"), None, &itself).await;
    }
    let settings = settings("/", careful(), topic.parse().unwrap());
    // The page size of IAM.
    aws.proxy.turn_pages("GetAccountAuthorizationDetails", 1_000);
    aws.proxy.be_far_and_busy(Duration::from_millis(20), 20);
    aws.proxy.forget();
    let handler = Handler::unpack(aws.folder.path());
    let environment = environment(&aws, settings, 5);

    let began = std::time::Instant::now();
    let outcome = handler.invoke(&environment, &json!({}), 0, std::future::pending()).await;

    let report = outcome.response.expect("a response");
    assert_eq!(report["statusCode"], 200, "{} {report}", outcome.output);
    assert_eq!(
        (&report["summary"]["users"], &report["summary"]["rotated"]),
        (&json!(USERS), &json!(DUE)),
        "{report:#}"
    );
    let calls = aws.proxy.calls();
    let counts = accepted(&calls);
    let lists = [
        "GenerateCredentialReport",
        "GetCredentialReport",
        "GetAccountAuthorizationDetails",
        "ListSubscriptionsByTopic",
    ];
    let healthy: usize = lists.iter().map(|list| counts.get(list).copied().unwrap_or(0)).sum();
    let rotations = counts.values().sum::<usize>() - healthy;
    println!(
        "{USERS} users, {DUE} due: {:.0} s; {healthy} calls for all, {rotations} for {DUE} rotations; {} throttled",
        began.elapsed().as_secs_f64(),
        calls.len() - healthy - rotations
    );
    assert!(healthy * 100 <= USERS - DUE, "more than a call per 100 healthy users: {counts:?}");
    assert!(rotations <= 13 * DUE, "more than 13 calls a rotation: {counts:?}");
    assert_eq!(counts["GetAccountAuthorizationDetails"], USERS / 1_000, "the last page is the last");

    // The rotated users are in their overlap, so the next run checks no user.
    aws.proxy.forget();
    let outcome = handler.invoke(&environment, &json!({}), 0, std::future::pending()).await;
    let report = outcome.response.expect("a response");
    assert_eq!(report["users"], json!([]), "{:#}", report["summary"]);
    assert_eq!(accepted(&aws.proxy.calls()).values().sum::<usize>(), healthy);
}

fn results(report: &Json) -> BTreeMap<&str, &str> {
    let users = report["users"].as_array().into_iter().flatten();
    users.map(|user| (user["user"].as_str().unwrap(), user["result"].as_str().unwrap())).collect()
}

/// `rotation.yaml` with other users.
fn for_users(users: &str) -> String {
    let text = read(ROTATION);
    let (before, rest) = text.split_once("\nusers:\n").unwrap();
    let after = rest.trim_start_matches(|c| c != '\n').split_once("\n\n").unwrap().1;
    format!("{before}\n{users}\n\n{after}")
}

/// With the deployed role and with IAM enforced. Every list has pages of one or two entries.
#[tokio::test(flavor = "multi_thread")]
async fn users_are_chosen_by_path_without_those_who_are_exempt_and_tags_on_them_count() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    for name in ["/ci/old", "/ci/eu/old2", "/ci/kept", "/ci/human", "/ci/legacy/x", "/ci/odd", "/other/old3"] {
        user(&mut aws, &account, name, 70).await;
    }
    user(&mut aws, &account, "/ci/young", 20).await;
    user(&mut aws, &account, "/ci/hasty", 22).await;
    account.tag("hasty", "key-rotation:rotate-after", "21d").await;
    account.tag("kept", "keep-key", "true").await;
    account.tag("odd", "key-rotation:overlap", "a week").await;
    account.create_group("people", &["human"]).await;
    let stack = Stack::deploy_as_it_is(
        &aws,
        &for_users(
            "users:\n  - name: /ci/\n  - name: /ci/eu/\n    rotate_after: 90d\n    overlap: 30d\n\
             exempt: [/ci/legacy/, 'tag:keep-key=true', 'group:people']\nuser_tags: honoured",
        ),
    );
    for (operation, entries) in [("GetAccountAuthorizationDetails", 2), ("ListUserTags", 1), ("ListAccessKeys", 1)] {
        aws.proxy.turn_pages(operation, entries);
    }

    let report = stack.invoke(&aws, &json!({}));

    // The key of `old2` may get older because of its path, and that of `hasty` less old because of its tag.
    let expected = BTreeMap::from([("old", "changed"), ("hasty", "changed"), ("odd", "needs-attention")]);
    assert_eq!(results(&report), expected, "{report:#}");
    assert_eq!((&report["summary"]["users"], &report["summary"]["exempt"]), (&json!(5), &json!(3)), "{report:#}");
    assert_eq!((account.keys("old").await.len(), account.keys("hasty").await.len()), (2, 2));
    let why = report["users"].as_array().unwrap().iter().find(|user| user["user"] == "odd").unwrap();
    assert!(why["why"].as_str().unwrap().contains("key-rotation:overlap has the value \"a week\""), "{why:#}");
    for name in ["old2", "kept", "human", "x", "odd", "old3", "young"] {
        assert_eq!(account.keys(name).await.len(), 1, "{name}");
    }
    // Nine users in pages of two: five pages, the last with one. Two keys in pages of one.
    let pages = aws.proxy.calls().iter().filter(|call| call.operation == "GetAccountAuthorizationDetails").count();
    assert_eq!(pages, 5);

    // A requested user is checked. An exempt user is refused, even on request.
    let report = stack.invoke(&aws, &json!({ "users": ["/ci/old", "young"], "dry_run": true }));
    assert_eq!(results(&report), BTreeMap::from([("old", "unchanged"), ("young", "unchanged")]), "{report:#}");
    for stranger in ["kept", "old3", "/other/old"] {
        let (answer, failed) = stack.invoke_or_fail(&aws, &json!({ "users": [stranger], "action": "rotate" }));
        assert!(failed && answer["errorMessage"].as_str().unwrap().contains("is not selected"), "{answer:#}");
    }

    // A list that cannot be read completely might hide an exemption. So nothing is done.
    aws.proxy.inject("GetAccountAuthorizationDetails", "", tests::Fault::Refuse(403, "AccessDenied"));
    let (answer, failed) = stack.invoke_or_fail(&aws, &json!({}));
    assert!(failed && answer["errorMessage"].as_str().unwrap().contains("no key was touched"), "{answer:#}");
}

/// The role has a condition on the tag, so IAM refuses calls for other users.
#[tokio::test(flavor = "multi_thread")]
async fn users_are_chosen_by_tag_and_iam_lets_the_role_at_no_others() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    for name in ["chosen", "/ci/chosen2", "other", "untagged"] {
        user(&mut aws, &account, name, 70).await;
    }
    for (name, value) in [("chosen", "yes"), ("chosen2", "soon"), ("other", "no")] {
        account.tag(name, "rotate", value).await;
    }
    let stack = Stack::deploy_as_it_is(&aws, &for_users("users: ['tag:rotate=yes', 'tag:rotate=soon']"));

    let report = stack.invoke(&aws, &json!({}));

    assert_eq!(results(&report), BTreeMap::from([("chosen", "changed"), ("chosen2", "changed")]), "{report:#}");
    // Even if the handler calls for another user, for example because the tag is removed after the list, IAM refuses.
    let (role, policy, mut document) = account.inline_policy("FunctionRole").await;
    let conditioned = document.to_string().matches("aws:ResourceTag/rotate").count();
    assert!(conditioned >= 3, "every statement on users has the condition: {document:#}");
    for statement in document["Statement"].as_array_mut().unwrap() {
        if let Some(tag) = statement["Condition"]["StringEquals"].get_mut("aws:ResourceTag/rotate") {
            *tag = json!(["never"]);
        }
    }
    account.put_inline_policy(&role, &policy, &document).await;
    let report = stack.invoke(&aws, &json!({ "users": ["chosen", "chosen2"] }));
    assert_eq!(results(&report), BTreeMap::from([("chosen", "failed"), ("chosen2", "failed")]), "{report:#}");
    assert!(report["users"][0]["why"].as_str().unwrap().contains("AccessDenied"), "{report:#}");
}
