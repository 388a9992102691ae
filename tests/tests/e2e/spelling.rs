//! IAM finds a user although the configuration spells the name in another case. The ARNs in
//! the role's policy distinguish case. So the handler skips such a user, and shows IAM's spelling.

use crate::common::{ROTATION, read, user_with};
use serde_json::{Value as Json, json};
use tests::{Account, Fault, LocalAws, Mailbox, Stack};

const DAY: i64 = 86_400;

/// What a report and a mail must say about a user that the configuration calls `alice`, and IAM `Alice`.
fn assert_skipped(report: &Json, mail: &str) {
    let [user] = report["users"].as_array().unwrap().as_slice() else { panic!("{report:#}") };
    assert_eq!((&report["statusCode"], &user["result"]), (&json!(500), &json!("needs-attention")), "{report:#}");
    for text in [user["why"].as_str().unwrap(), mail] {
        assert!(text.contains("IAM spells the name of the user Alice, but the setting users"), "{text}");
    }
    assert!(mail.contains("spells the name in users (rotation.yaml) as IAM does, then deploys"), "{mail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_in_another_case_is_skipped_at_the_cost_of_one_call() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    let keys = user_with(&mut aws, &account, "alice", &[(70 * DAY, true)]).await;
    let stack = Stack::deploy(&aws, &read(ROTATION), &["alice"]);
    let mailbox = Mailbox::subscribe(&aws, &stack.outputs["TopicArn"]).await;
    let listed = format!(
        "<ListAccessKeysResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><ListAccessKeysResult>\
         <IsTruncated>false</IsTruncated><AccessKeyMetadata><member><UserName>Alice</UserName><AccessKeyId>{}</AccessKeyId>\
         <Status>Active</Status><CreateDate>2026-01-01T00:00:00Z</CreateDate></member></AccessKeyMetadata>\
         </ListAccessKeysResult></ListAccessKeysResponse>",
        keys[0].id
    );
    aws.proxy.inject("ListAccessKeys", "alice", Fault::Answer(listed));
    aws.proxy.forget();

    let report = stack.invoke(&aws, &json!({ "users": ["ALICE"], "action": "rotate" }));

    let mails = mailbox.take().await;
    assert_skipped(&report, &mails.iter().find(|mail| mail.is_about("alice")).expect("it is told").body);
    let calls = aws.proxy.calls();
    assert_eq!(calls.iter().filter(|call| call.service == "iam").count(), 1, "{calls:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_in_another_case_than_in_the_accounts_lists_is_skipped() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    user_with(&mut aws, &account, "Alice", &[(70 * DAY, true)]).await;
    let before = account.keys("Alice").await;
    let stack = Stack::deploy(&aws, &read(ROTATION).replace("exempt: []", "exempt: [group:people]"), &["alice"]);
    let mailbox = Mailbox::subscribe(&aws, &stack.outputs["TopicArn"]).await;

    let report = stack.invoke(&aws, &json!({}));

    let mails = mailbox.take().await;
    assert_skipped(&report, &mails.iter().find(|mail| mail.is_about("Alice")).expect("it is told").body);
    assert_eq!(account.keys("Alice").await, before);
}
