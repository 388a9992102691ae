//! The attacks that broke the first version, each with the real handler in its role. The tests of the plan use the same
//! letters.

use lambda::{
    model::time::Timestamp,
    protocol::journal::{Delivered, JournalEntry},
};
use serde_json::json;
use tests::{Account, LocalAws, Stack, make, text};

use crate::common::{ROTATION, read, user_with};

const DAY: i64 = 86_400;

/// `secret_kms_key` goes back to AWS's own key, or the secret is scheduled for deletion: no key is created in vain.
#[tokio::test(flavor = "multi_thread")]
async fn h_no_key_is_created_for_a_secret_that_cannot_take_it() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    for user in ["alice", "bob"] {
        user_with(&mut aws, &account, user, &[(90 * DAY, true)]).await;
    }
    let customers = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    account.create_secret("access-key-rotation/alice", Some(customers), "arn:aws:iam::123456789012:user/alice").await;
    account.create_secret("access-key-rotation/bob", None, "arn:aws:iam::123456789012:user/bob").await;
    account.schedule_deletion("access-key-rotation/bob").await;
    let stack = Stack::deploy(&aws, &read(ROTATION), &["alice", "bob"]);

    for _ in 0..2 {
        aws.proxy.forget();
        let report = stack.invoke(&aws, &json!({}));
        let why = |n: usize| report["users"][n]["why"].as_str().unwrap_or_default().to_owned();
        assert!(why(0).contains("update-secret --secret-id access-key-rotation/alice"), "{report:#}");
        assert!(why(1).contains("restore-secret --secret-id access-key-rotation/bob"), "{report:#}");
        assert!(aws.proxy.calls().iter().all(|call| call.operation != "CreateAccessKey"), "{report:#}");
    }
}

/// An administrator deactivated the user's only key, after an incident or because a person has left.
#[tokio::test(flavor = "multi_thread")]
async fn a_a_user_without_an_active_key_gets_none_unasked() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    user_with(&mut aws, &account, "alice", &[(90 * DAY, false)]).await;
    let before = account.keys("alice").await;
    let stack = Stack::deploy(&aws, &read(ROTATION), &["alice"]);

    let report = stack.invoke(&aws, &json!({}));
    assert_eq!((&report["statusCode"], &report["users"][0]["result"]), (&json!(200), &json!("disabled")), "{report:#}");
    let rotated = make(&aws, &["rotate", "USERS=alice"]);
    assert!(text(&rotated).contains("ENABLE=1"), "{}", text(&rotated));
    assert_eq!((account.keys("alice").await, account.journal("alice").await), (before, Vec::new()));

    // A person asks for a key.
    let enabled = make(&aws, &["rotate", "USERS=alice", "ENABLE=1"]);
    assert!(enabled.status.success() && text(&enabled).contains("delivered: AKIA"), "{}", text(&enabled));
    assert_eq!(account.keys("alice").await.iter().filter(|key| key.active).count(), 1);
}

/// A principal that may tag the user forges the delivery of the younger key as a moment ago, so that the overlap never ends.
#[tokio::test(flavor = "multi_thread")]
async fn c_a_forged_delivery_does_not_put_off_the_end_of_an_overlap_in_silence() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    let keys = user_with(&mut aws, &account, "alice", &[(130 * DAY, true), (70 * DAY, true)]).await;
    let delivered = Delivered { key: keys[1].id.parse().unwrap(), at: Timestamp::now() };
    account.write_journal("alice", &JournalEntry::Delivered(delivered)).await;
    let stack = Stack::deploy(&aws, &read(ROTATION), &["alice"]);

    let report = stack.invoke(&aws, &json!({}));
    // The note is not obeyed in silence: a person is told, and no key is touched.
    assert_eq!((&report["statusCode"], &report["users"][0]["result"]), (&json!(500), &json!("needs-attention")));
    assert!(report["users"][0]["why"].as_str().unwrap().contains("access-key-rotation:delivered"), "{report:#}");
    assert!(account.keys("alice").await.iter().all(|key| key.active), "{report:#}");
}

/// A person, or Terraform, made a key beside the delivered one. Without an overlap, the delivered one was deactivated.
#[tokio::test(flavor = "multi_thread")]
async fn d_a_delivered_key_is_not_retired_for_a_key_that_a_person_made() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    let delivered =
        |id: &str, at| JournalEntry::Delivered(Delivered { key: id.parse().unwrap(), at: Timestamp::from_unix(at) });
    for (user, age) in [("due", 61), ("young", 10)] {
        let keys = user_with(&mut aws, &account, user, &[(age * DAY, true), (41 * 60, true)]).await;
        account.write_journal(user, &delivered(&keys[0].id, Timestamp::now().unix() - age * DAY)).await;
    }
    let at_once =
        read(ROTATION).replace("overlap: 7d", "overlap: 0").replace("still_in_use: wait", "still_in_use: retire");
    assert!(at_once.contains("overlap: 0\n") && at_once.contains("still_in_use: retire"), "{at_once}");
    let stack = Stack::deploy(&aws, &at_once, &["due", "young"]);

    let report = stack.invoke(&aws, &json!({}));
    let result = |name: &str| {
        let user = report["users"].as_array().unwrap().iter().find(|user| user["user"] == name).unwrap();
        (user["result"].as_str().unwrap().to_owned(), user["why"].as_str().unwrap().to_owned())
    };
    assert_eq!(result("young").0, "unchanged", "{report:#}");
    let (due, why) = result("due");
    assert!(due == "needs-attention" && why.contains("no note says that the rotation made it"), "{report:#}");
    for user in ["due", "young"] {
        assert!(account.keys(user).await.iter().all(|key| key.active), "{user}: {report:#}");
    }
}
