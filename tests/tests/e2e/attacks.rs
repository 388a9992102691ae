//! The attacks that broke the first version, each with the real handler in its role. The tests of the plan use the same
//! letters.

use lambda::{
    model::time::{Span, Timestamp},
    protocol::{
        journal::{Disabled, DisabledBy, Intent, JournalEntry, KeyNote},
        manager::Manager,
    },
};
use serde_json::{Value as Json, json};
use tests::{Account, LocalAws, Mailbox, Stack, account::OwnedKey, make, text};

use crate::common::{ROTATION, read, user_with};

const DAY: i64 = 86_400;

fn days_ago(days: u64) -> Timestamp {
    Timestamp::now().before(Span::days(days))
}

fn note(key: &OwnedKey, days: u64) -> KeyNote {
    KeyNote { key: key.id.parse().unwrap(), at: days_ago(days) }
}

/// The keys of a user with their status, oldest first.
async fn statuses(account: &Account, user: &str) -> Vec<(String, bool)> {
    account.keys(user).await.into_iter().map(|key| (key.id, key.active)).collect()
}

/// What the report says of this user.
fn user_in<'r>(report: &'r Json, name: &str) -> &'r Json {
    report["users"].as_array().unwrap().iter().find(|user| user["user"] == name).unwrap_or(&Json::Null)
}

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
        assert!(
            why(0).contains("update-secret --region eu-west-1 --secret-id access-key-rotation/alice"),
            "{report:#}"
        );
        assert!(why(1).contains("restore-secret --region eu-west-1 --secret-id access-key-rotation/bob"), "{report:#}");
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
    assert!(enabled.status.success() && text(&enabled).contains("created, delivered"), "{}", text(&enabled));
    assert_eq!(account.keys("alice").await.iter().filter(|key| key.active).count(), 1);
}

/// A principal that may tag the user forges the delivery of the younger key as a moment ago, so that the overlap never ends.
#[tokio::test(flavor = "multi_thread")]
async fn c_a_forged_delivery_does_not_put_off_the_end_of_an_overlap_in_silence() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    let keys = user_with(&mut aws, &account, "alice", &[(130 * DAY, true), (70 * DAY, true)]).await;
    let delivered = KeyNote { key: keys[1].id.parse().unwrap(), at: Timestamp::now() };
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
        |id: &str, at| JournalEntry::Delivered(KeyNote { key: id.parse().unwrap(), at: Timestamp::from_unix(at) });
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

/// Two active keys that the rotation never made: two workloads. The first run tells the owner and deactivates nothing.
#[tokio::test(flavor = "multi_thread")]
async fn b_a_pair_that_the_rotation_did_not_make_is_told_first_and_never_retired_in_use() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    let mut keys = Vec::new();
    for user in ["unused", "in-use"] {
        keys.push(user_with(&mut aws, &account, user, &[(400 * DAY, true), (50 * DAY, true)]).await);
    }
    let inactive = user_with(&mut aws, &account, "inactive", &[(400 * DAY, false), (30 * DAY, true)]).await;
    let impatient = read(ROTATION).replace("still_in_use: wait", "still_in_use: retire");
    let stack = Stack::deploy(&aws, &impatient, &["unused", "in-use", "inactive"]);
    let mailbox = Mailbox::subscribe(&aws, &stack.outputs["TopicArn"]).await;

    let report = stack.invoke(&aws, &json!({}));
    let told = mailbox.take().await;
    for user in ["unused", "in-use", "inactive"] {
        assert_eq!(told.iter().filter(|mail| mail.is_about(user)).count(), 1, "{user}: {report:#}");
    }
    let untouched = vec![(inactive[0].id.clone(), false), (inactive[1].id.clone(), true)];
    assert_eq!(statuses(&account, "inactive").await, untouched, "{report:#}");
    for user in ["unused", "in-use"] {
        assert!(account.keys(user).await.iter().all(|key| key.active), "{user}: {report:#}");
    }
    // A week later. The workload of the older key has used it in the meantime.
    for (user, keys) in ["unused", "in-use"].into_iter().zip(&keys) {
        account.write_journal(user, &JournalEntry::Seen(note(&keys[1], 7))).await;
    }
    keys[1][0].identity(&aws).await.expect("the key works");
    let by_other = Disabled { key: inactive[0].id.parse().unwrap(), at: days_ago(14), by: DisabledBy::Other };
    account.write_journal("inactive", &JournalEntry::Disabled(vec![by_other])).await;
    let report = stack.invoke(&aws, &json!({}));
    let expected = |keys: &[OwnedKey], older| vec![(keys[0].id.clone(), older), (keys[1].id.clone(), true)];
    assert_eq!(statuses(&account, "unused").await, expected(&keys[0], false), "{report:#}");
    assert_eq!(statuses(&account, "in-use").await, expected(&keys[1], true), "{report:#}");
    let in_use = user_in(&report, "in-use");
    assert!(in_use["why"].as_str().unwrap().contains("did not make"), "{in_use:#}");
    assert_eq!(in_use["overdue"]["key"], keys[1][0].id, "{in_use:#}");
    // Undo brings back what the rotation deactivated, and not what the administrator did.
    let undone = stack.invoke(&aws, &json!({ "users": ["unused", "in-use"], "action": "undo" }));
    assert_eq!(statuses(&account, "unused").await, expected(&keys[0], true), "{undone:#}");
}

/// Another stack died after it stored the user's key in a secret of its own.
#[tokio::test(flavor = "multi_thread")]
async fn e_the_key_of_another_stack_is_not_touched_until_a_person_says_so() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    let keys = user_with(&mut aws, &account, "alice", &[(90 * DAY, true), (3_600, true)]).await;
    let other = Manager::new("other-stack", "eu-central-1", "a secret of its own").unwrap();
    let at = Timestamp::now().before(Span::minutes(60));
    let intent = Intent { run: "other-run".parse().unwrap(), at, known: keys[0].id.parse().unwrap() };
    for entry in [JournalEntry::Intent(intent), JournalEntry::ManagedBy(other)] {
        account.write_journal("alice", &entry).await;
    }
    let before = statuses(&account, "alice").await;
    let stack = Stack::deploy(&aws, &read(ROTATION), &["alice"]);

    for event in [json!({}), json!({ "users": ["alice"], "action": "rotate" })] {
        let report = stack.invoke(&aws, &event);
        let alice = user_in(&report, "alice");
        assert_eq!(alice["result"], "needs-attention", "{report:#}");
        assert!(alice["why"].as_str().unwrap().contains("other-stack in eu-central-1"), "{report:#}");
        assert_eq!(statuses(&account, "alice").await, before, "{report:#}");
    }
    let adopted = make(&aws, &["adopt", "USER=alice"]);
    assert!(adopted.status.success(), "{}", text(&adopted));
    // Nobody knows whether the other stack delivered the younger key. So neither key is deleted.
    let report = stack.invoke(&aws, &json!({}));
    assert_eq!(user_in(&report, "alice")["result"], "changed", "{report:#}");
    assert_eq!(statuses(&account, "alice").await, before, "{report:#}");
}

/// A user leaves the selection in the middle of a rotation. (The local AWS cannot move a user to another path.)
#[tokio::test(flavor = "multi_thread")]
async fn f_a_user_who_leaves_in_the_middle_of_a_rotation_is_reported_until_its_notes_are_gone() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    user_with(&mut aws, &account, "/ci/alice", &[]).await;
    aws.shift_clock(-90 * DAY);
    account.create_key("alice").await;
    aws.shift_clock(0);
    let configuration = read(ROTATION).replace("exempt: []", "exempt: ['tag:rotation=off']");
    assert!(configuration.contains("tag:rotation=off"), "rotation.yaml has the setting");
    let stack = Stack::deploy(&aws, &configuration, &["/ci/"]);
    let report = stack.invoke(&aws, &json!({}));
    assert_eq!(report["summary"]["rotated"], 1, "{report:#}");

    account.tag("alice", "rotation", "off").await;
    for _ in 0..2 {
        let report = stack.invoke(&aws, &json!({}));
        let alice = user_in(&report, "alice");
        assert_eq!((&report["statusCode"], &alice["result"]), (&json!(500), &json!("needs-attention")), "{report:#}");
        assert!(alice["why"].as_str().unwrap().contains("no longer selected"), "{report:#}");
    }
    let tags = account.journal("alice").await.into_iter().map(|(key, _)| key);
    let tags: Vec<_> = tags.filter(|key| key.starts_with("access-key-rotation:")).collect();
    let removal = ["iam", "untag-user", "--user-name", "alice", "--tag-keys"];
    aws.cli(&removal.into_iter().chain(tags.iter().map(String::as_str)).collect::<Vec<_>>());
    let report = stack.invoke(&aws, &json!({}));
    assert_eq!((&report["statusCode"], user_in(&report, "alice")), (&json!(200), &Json::Null), "{report:#}");
}

/// The successor was deactivated by hand because it leaked. The old key is 100 days old.
#[tokio::test(flavor = "multi_thread")]
async fn g_a_key_that_was_due_and_still_is_is_reported_as_overdue() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    let keys = user_with(&mut aws, &account, "alice", &[(100 * DAY, true), (10 * DAY, false)]).await;
    account.write_journal("alice", &JournalEntry::Delivered(note(&keys[1], 10))).await;
    let stack = Stack::deploy(&aws, &read(ROTATION), &["alice"]);

    let report = stack.invoke(&aws, &json!({}));
    let alice = user_in(&report, "alice");
    assert_eq!(
        (&report["summary"]["overdue"], &alice["overdue"]["key"]),
        (&json!(1), &json!(keys[0].id)),
        "{report:#}"
    );
    assert!(report["body"].as_str().unwrap().contains("1 with an overdue key"), "{report:#}");
    let log = stack.log(&aws).join("\n");
    assert!(log.contains("\"Overdue\":1"), "the metric: {log}");
}

/// A leaked key is deactivated by one command. The user gets a successor first.
#[tokio::test(flavor = "multi_thread")]
async fn a_leaked_key_is_revoked_and_undo_refuses_it() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    let keys = user_with(&mut aws, &account, "alice", &[(10 * DAY, true)]).await;
    let stack = Stack::deploy(&aws, &read(ROTATION), &["alice"]);
    let key = format!("KEY={}", keys[0].id);

    let shown = make(&aws, &["revoke", "USER=alice", &key, "DRY=1"]);
    assert!(shown.status.success() && text(&shown).contains(&keys[0].id), "{}", text(&shown));
    assert!(keys[0].identity(&aws).await.is_ok(), "a dry run changes nothing");
    let revoked = make(&aws, &["revoke", "USER=alice", &key, "YES=1"]);
    assert!(revoked.status.success(), "{}", text(&revoked));
    assert!(keys[0].identity(&aws).await.is_err(), "the key is dead");
    let successor = account.secret("access-key-rotation/alice").await.as_ref().and_then(OwnedKey::from_secret).unwrap();
    assert!(successor.identity(&aws).await.is_ok(), "the successor works");
    let undone = stack.invoke(&aws, &json!({ "users": ["alice"], "action": "undo" }));
    assert!(keys[0].identity(&aws).await.is_err(), "{undone:#}");
}

/// No successor can be delivered, because the secret is scheduled for deletion. The key goes only when a person says so.
#[tokio::test(flavor = "multi_thread")]
async fn a_leaked_key_is_revoked_without_a_successor_only_if_a_person_says_so() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    let keys = user_with(&mut aws, &account, "alice", &[(10 * DAY, true)]).await;
    account.create_secret("access-key-rotation/alice", None, "arn:aws:iam::123456789012:user/alice").await;
    account.schedule_deletion("access-key-rotation/alice").await;
    let _stack = Stack::deploy(&aws, &read(ROTATION), &["alice"]);
    let key = format!("KEY={}", keys[0].id);

    let refused = make(&aws, &["revoke", "USER=alice", &key, "YES=1"]);
    assert!(!refused.status.success() && text(&refused).contains("WITHOUT_SUCCESSOR=1"), "{}", text(&refused));
    assert!(keys[0].identity(&aws).await.is_ok(), "{}", text(&refused));
    let revoked = make(&aws, &["revoke", "USER=alice", &key, "YES=1", "WITHOUT_SUCCESSOR=1"]);
    assert!(revoked.status.success(), "{}", text(&revoked));
    assert!(keys[0].identity(&aws).await.is_err(), "{}", text(&revoked));
}

/// A key that no one uses is deactivated instead of rotated: told of first, and undone by a person.
#[tokio::test(flavor = "multi_thread")]
async fn an_unused_key_is_deactivated_instead_of_rotated() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    let keys = user_with(&mut aws, &account, "alice", &[(70 * DAY, true)]).await;
    let used = user_with(&mut aws, &account, "bob", &[(50 * DAY, true)]).await;
    used[0].identity(&aws).await.expect("the key works");
    let stack =
        Stack::deploy(&aws, &read(ROTATION).replace("unused_after: never", "unused_after: 45d"), &["alice", "bob"]);
    let mailbox = Mailbox::subscribe(&aws, &stack.outputs["TopicArn"]).await;

    let report = stack.invoke(&aws, &json!({}));
    assert!(user_in(&report, "alice")["why"].as_str().unwrap().contains("is not used"), "{report:#}");
    assert_eq!(user_in(&report, "bob")["result"], "unchanged", "{report:#}");
    assert!(mailbox.take().await.iter().any(|mail| mail.is_about("alice")), "{report:#}");
    assert!(account.keys("alice").await[0].active);
    account.write_journal("alice", &JournalEntry::Unused(note(&keys[0], 7))).await;
    let report = stack.invoke(&aws, &json!({}));
    assert_eq!(statuses(&account, "alice").await, [(keys[0].id.clone(), false)], "{report:#}");
    let undone = stack.invoke(&aws, &json!({ "users": ["alice"], "action": "undo" }));
    assert_eq!(statuses(&account, "alice").await, [(keys[0].id.clone(), true)], "{undone:#}");
}
