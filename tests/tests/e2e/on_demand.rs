//! Rotation on demand, which the article asks for: rotate now, undo, dry run, and their make targets.

use crate::common::{ROTATION, is_write, read};
use lambda::protocol::journal::{Disabled, DisabledBy, JournalEntry};
use serde_json::json;
use tests::{Account, LocalAws, Stack, account::OwnedKey, make};

const DAY: i64 = 86_400;

#[tokio::test(flavor = "multi_thread")]
async fn rotate_now_undo_and_status() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    for user in ["alice", "bob"] {
        account.create_user(user).await;
        aws.shift_clock(-DAY);
        account.create_key(user).await;
        aws.shift_clock(0);
    }
    let bobs = account.keys("bob").await;
    let alices = account.keys("alice").await;
    let stack = Stack::deploy(&aws, &read(ROTATION), &["alice", "bob"]);

    // A dry run plans the same and writes nothing.
    aws.proxy.forget();
    let plan = make(&aws, &["rotate", "USERS=alice", "DRY=1"]);
    assert!(plan.status.success() && tests::text(&plan).contains("create, deliver"), "{}", tests::text(&plan));
    let writes: Vec<_> = aws.proxy.calls().into_iter().filter(|call| is_write(&call.operation)).collect();
    assert_eq!(writes, []);

    // make rotate: alice's young key gets a successor, and bob's key is skipped.
    let rotated = make(&aws, &["rotate", "USERS=alice"]);
    assert!(rotated.status.success(), "{}", tests::text(&rotated));
    assert!(tests::text(&rotated).contains("created, delivered"), "{}", tests::text(&rotated));
    let value = account.secret("access-key-rotation/alice").await.expect("a secret");
    assert!(OwnedKey::from_secret(&value).unwrap().identity(&aws).await.is_ok());
    assert_eq!(account.keys("bob").await, bobs);

    // IAM allows no third key, so the command says so and changes nothing.
    aws.proxy.forget();
    let again = make(&aws, &["rotate", "USERS=alice"]);
    assert!(!again.status.success(), "{}", tests::text(&again));
    for says in ["alice cannot be rotated now", "It has two keys", "aws iam update-access-key --user-name alice"] {
        assert!(tests::text(&again).contains(says), "no {says:?} in {}", tests::text(&again));
    }
    let writes: Vec<_> = aws.proxy.calls().into_iter().filter(|call| is_write(&call.operation)).collect();
    assert_eq!(writes, []);

    // The old key is past its overlap and retired. A person reactivates it.
    let old = &alices[0].id;
    let retired = |keys: Vec<tests::account::ListedKey>| keys.iter().any(|key| key.id == *old && !key.active);
    let inactive = OwnedKey { id: old.clone(), secret: String::new() };
    account.deactivate("alice", &inactive).await;
    let disabled = Disabled { key: old.parse().unwrap(), at: aws.now(), by: DisabledBy::Rotation };
    account.write_journal("alice", &JournalEntry::Disabled(vec![disabled])).await;
    let undone = make(&aws, &["undo", "USERS=alice"]);
    assert!(undone.status.success(), "{}", tests::text(&undone));
    assert!(tests::text(&undone).contains("reactivated"), "{}", tests::text(&undone));
    assert!(!retired(account.keys("alice").await));
    let again = make(&aws, &["undo", "USERS=bob"]);
    assert!(
        tests::words(&tests::text(&again)).contains("no inactive key that the rotation"),
        "{}",
        tests::text(&again)
    );

    // make status shows the state, and the next routine run skips the key.
    let status = make(&aws, &["status"]);
    let shown = tests::text(&status);
    assert!(status.status.success() && shown.contains("active  1d") && shown.contains("  deactivated 20"), "{shown}");
    let report = stack.invoke(&aws, &json!({}));
    assert_eq!(report["users"][0]["result"], "unchanged", "{report:#}");
    assert!(!retired(account.keys("alice").await));

    let nobody = make(&aws, &["rotate", "USERS=carol"]);
    assert!(!nobody.status.success() && tests::text(&nobody).contains("not selected"), "{}", tests::text(&nobody));
    let unnamed = make(&aws, &["rotate"]);
    assert!(!unnamed.status.success() && tests::text(&unnamed).contains("Name the users to rotate keys for"));
}
