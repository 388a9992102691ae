//! The attacks that broke the first version, each with the real handler in its role. The letters are those of CHANGELOG.md.

use serde_json::json;
use tests::{Account, LocalAws, Stack, make, text};

use crate::common::{ROTATION, read};

const DAY: i64 = 86_400;

/// An administrator deactivated the user's only key, after an incident or because a person has left.
#[tokio::test(flavor = "multi_thread")]
async fn a_a_user_without_an_active_key_gets_none_unasked() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    account.create_user("alice").await;
    aws.shift_clock(-90 * DAY);
    let key = account.create_key("alice").await;
    aws.shift_clock(0);
    account.deactivate("alice", &key).await;
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
