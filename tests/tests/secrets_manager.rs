//! The default configuration: the new key is handed over in Secrets Manager, and the old one outlives it by the overlap.

mod common;

use common::{ROTATION, assert_no_secret_outside_delivery, read};
use lambda::journal;
use serde_json::json;
use tests::{Account, Fault, LocalAws, Mailbox, Stack, account::OwnedKey};

const DAY: i64 = 86_400;

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_is_stored_announced_and_used() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    account.create_user("ci,bot+1@x").await;
    aws.shift_clock(-70 * DAY);
    let old = account.create_key("ci,bot+1@x").await;
    aws.shift_clock(0);
    // A name with every character that IAM allows and others do not.
    let stack = Stack::deploy(&aws, &read(ROTATION), &["ci,bot+1@x"]);
    let mailbox = Mailbox::subscribe(&aws, &stack.outputs["TopicArn"]).await;

    let report = stack.invoke(&aws, &json!({ "execution_id": "d32c5kddcf5bb8c3" }));

    assert_eq!((&report["statusCode"], &report["run"]), (&json!(200), &json!("d32c5kddcf5bb8c3")), "{report:#}");
    let value = account.secret("access-key-rotation/ci/bot+1@x").await.expect("a secret");
    let new = OwnedKey::from_secret(&value).unwrap();
    assert_eq!(
        (&value["Version"], &value["UserName"]),
        (&json!(1), &json!("ci,bot+1@x")),
        "as credential_process takes it"
    );
    assert!(new.identity(&aws).await.unwrap().ends_with("user/ci,bot+1@x"));
    assert!(old.identity(&aws).await.is_ok(), "the overlap");

    let mails = mailbox.take().await;
    let mails: Vec<_> = mails.iter().filter(|mail| mail.is_about("ci,bot+1@x")).collect();
    assert_eq!(mails.len(), 1);
    assert!(mails[0].body.contains(&new.id) && mails[0].body.contains("access-key-rotation/ci/bot+1@x"));
    assert!(!mails[0].body.contains(&new.secret), "this mail carries no secret");
    assert_no_secret_outside_delivery(&aws, &stack, &report, [&new]);

    let tags = account.journal("ci,bot+1@x").await;
    let tag = |name: &str| tags.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    assert!(tags.iter().all(|(key, _)| !key.starts_with(journal::INTENT)), "no rotation is under way: {tags:?}");
    assert!(tag(journal::DELIVERED).is_some_and(|value| value.starts_with(&format!("key={} at=", new.id))), "{tags:?}");

    // Twelve calls, as the plan's test says; three of them signed with the new key.
    let calls = aws.proxy.calls();
    let by_new = calls.iter().filter(|call| call.signer == new.id && call.operation == "GetCallerIdentity");
    assert_eq!(by_new.count(), 4, "three verifications and this test's own");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_key_that_is_used_after_the_overlap_is_kept_and_named() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    account.create_user("alice").await;
    aws.shift_clock(-30 * DAY);
    let old = account.create_key("alice").await;
    aws.shift_clock(-20 * DAY);
    account.create_key("alice").await;
    aws.shift_clock(0);
    let stack = Stack::deploy(&aws, &read(ROTATION), &["alice"]);
    old.identity(&aws).await.expect("the old key is in use");

    let report = stack.invoke(&aws, &json!({}));

    let user = &report["users"][0];
    assert_eq!(user["result"], "waiting", "{report:#}");
    let why = user["why"].as_str().unwrap();
    assert!(why.contains(&old.id) && why.contains("sts in eu-west-1"), "{why}");
    assert!(old.identity(&aws).await.is_ok());

    // And where IAM does not say, it counts as used.
    aws.proxy.inject("GetAccessKeyLastUsed", "", Fault::Refuse(400, "Throttling"));
    let report = stack.invoke(&aws, &json!({}));
    assert_eq!(report["users"][0]["result"], "waiting", "{report:#}");
    assert_eq!(account.keys("alice").await.iter().filter(|key| key.active).count(), 2);
}
