//! Each notice reaches the right recipients, and a secret reaches only its owner. The real binary runs with the filter
//! policies of the deployed template. A queue replaces each mailbox, with the same filter policy as the address.

use std::collections::BTreeSet;

use lambda::{
    model::time::Span,
    protocol::journal::{Disabled, DisabledBy, JournalEntry, KeyNote},
};
use serde_json::{Value as Json, json};
use tests::{Account, Fault, LocalAws, Mail, Mailbox, Stack, account::OwnedKey};

const DAY: i64 = 86_400;

/// Creates a user with active keys of these ages in days, oldest first.
async fn user_with(aws: &mut LocalAws, account: &Account, name: &str, ages: &[i64]) -> Vec<OwnedKey> {
    let keys: Vec<_> = ages.iter().map(|days| (days * DAY, true)).collect();
    crate::common::user_with(aws, account, name, &keys).await
}

/// The subjects of all mails, without their common start and without dates.
fn subjects(mails: &[Mail]) -> BTreeSet<String> {
    let short = |mail: &Mail| {
        let subject = mail.subject.trim_start_matches("AWS access key ");
        let (title, about) = subject.split_once(": ").unwrap_or((subject, ""));
        let dated = title.split_once(" after 2").or_else(|| title.split_once(", act by 2"));
        format!("{}: {about}", dated.map_or(title, |(title, _)| title))
    };
    let subjects: BTreeSet<_> = mails.iter().map(short).collect();
    assert_eq!(subjects.len(), mails.len(), "nothing is said twice: {subjects:?}");
    subjects
}

fn set<const N: usize>(subjects: [&str; N]) -> BTreeSet<String> {
    subjects.map(str::to_owned).into()
}

fn result<'r>(report: &'r Json, user: &str) -> &'r Json {
    let users = report["users"].as_array().unwrap();
    &users.iter().find(|entry| entry["user"] == user).unwrap()["result"]
}

const MAILED: &str = "
users:
  - {name: alice, owner: alice@example.com}
  - {name: bob, owner: Bob@example.com}
  - {name: ci, owner: bob@Example.com}
  - carol
  - {name: dave, owner: dave@example.com}
emails: [security@example.com, dave@example.com]
delivery: email
overlap: 0
still_in_use: retire
delete_after: next-rotation
";

#[tokio::test(flavor = "multi_thread")]
async fn a_mailed_secret_is_in_its_owners_mailbox_and_in_no_other() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    for user in ["alice", "bob", "ci", "carol", "dave"] {
        user_with(&mut aws, &account, user, &[70]).await;
    }
    let stack = Stack::deploy_as_it_is(&aws, MAILED);
    let topic = &stack.outputs["TopicArn"];
    let everything = Mailbox::subscribe(&aws, topic).await;
    let mut mailboxes = Vec::new();
    for address in ["alice@example.com", "Bob@example.com", "security@example.com", "dave@example.com"] {
        mailboxes.push((address, Mailbox::of(&aws, topic, address).await));
    }

    let report = stack.invoke(&aws, &json!({}));

    assert_eq!((&report["statusCode"], &report["summary"]["rotated"]), (&json!(200), &json!(5)), "{report:#}");
    let mut mails = Vec::new();
    for (address, mailbox) in &mailboxes {
        mails.push((*address, mailbox.take().await));
    }
    let expected = [
        ("alice@example.com", set(["rotated: alice"])),
        ("Bob@example.com", set(["rotated: bob", "rotated: ci"])),
        // The digest names the new keys of the other owners.
        ("security@example.com", set(["rotated: carol", "rotation: 5 users, 5 rotated, 0 to look at"])),
    ];
    for ((address, mails), (expected, subjects_expected)) in mails.iter().zip(expected) {
        assert_eq!((*address, subjects(mails)), (expected, subjects_expected));
    }
    // For each secret that IAM returned, the mailboxes that have it.
    let secrets = aws.proxy.secrets();
    assert_eq!(secrets.len(), 5);
    let keepers = [
        ("alice", vec!["alice@example.com"]),
        ("bob", vec!["Bob@example.com"]),
        ("ci", vec!["Bob@example.com"]),
        // Both administrators get the key of a user without an owner.
        ("carol", vec!["security@example.com", "dave@example.com"]),
        ("dave", vec!["dave@example.com"]),
    ];
    for (user, expected) in keepers {
        let (_, at) = mails.iter().find(|(address, _)| *address == expected[0]).unwrap();
        let key = at.iter().filter(|mail| mail.is_about(user)).find_map(Mail::key).expect("its key");
        assert!(key.identity(&aws).await.unwrap().ends_with(&format!("user/{user}")));
        assert!(secrets.contains(&key.secret));
        let has = |mails: &Vec<Mail>| mails.iter().any(|mail| mail.body.contains(&key.secret));
        let found: Vec<_> = mails.iter().filter(|(_, mails)| has(mails)).map(|(address, _)| *address).collect();
        assert_eq!(found, expected, "the secret of {user}");
    }
    // Without a filter policy, a mailbox gets everything: each secret once, and the notices to the administrators.
    let all = everything.take().await;
    assert_eq!(all.iter().filter_map(Mail::key).count(), 5);
    assert_eq!(all.len(), 6, "{:?}", subjects(&all));
    let digest = &all.iter().find(|mail| mail.subject.contains("5 users")).expect("the digest").body;
    for user in ["alice", "bob", "ci", "carol", "dave"] {
        assert!(digest.contains(&format!("  {user}: key AKIA")), "{digest}");
    }
    crate::common::assert_no_secret_outside_delivery(
        &aws,
        &stack,
        &report,
        &all.iter().filter_map(Mail::key).collect::<Vec<_>>(),
    );
}

/// SNS encrypts each message with the topics' key. Where a refusal is told, the advice is told too.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_because_of_the_topics_key_says_what_to_do() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    for user in ["alice", "bob"] {
        user_with(&mut aws, &account, user, &[70]).await;
    }
    let stack = Stack::deploy(&aws, &crate::common::read(crate::common::ROTATION), &["alice", "bob"]);
    let mails = |user: &str| {
        let calls = aws.proxy.calls();
        calls.iter().filter(|call| call.operation == "Publish" && call.about == user).count()
    };
    let rotate = |user: &str| stack.invoke(&aws, &json!({ "action": "rotate", "users": [user] }));

    aws.proxy.inject("Publish", "", Fault::Refuse(400, "KMSAccessDenied"));
    let report = rotate("alice");
    let says = "the function's role may not use the KMS key of the topics: allow kms:GenerateDataKey";
    let why = report["users"][0]["why"].as_str().unwrap();
    assert!(why.contains("failed: KMSAccessDenied: ") && why.contains(says), "{why}");
    let unsent = report["unsent"].as_array().unwrap();
    assert!(!unsent.is_empty() && unsent.iter().all(|notice| notice.to_string().contains(says)), "{report:#}");
    let log = stack.log(&aws);
    assert!(log.iter().any(|line| line.contains("\"notice\"") && line.contains(says)), "{log:#?}");
    // The announcement and the notice about the failure: each was sent once.
    assert_eq!(mails("alice"), 2, "it does not pass by itself");
    aws.proxy.heal();

    // A throttle passes by itself, so the mail is sent again.
    aws.proxy.inject_times(2, "Publish", "bob", Fault::Refuse(400, "KMSThrottling"));
    let report = rotate("bob");
    assert_eq!((&report["statusCode"], &report["summary"]["rotated"]), (&json!(200), &json!(1)), "{report:#}");
    assert_eq!(mails("bob"), 3, "{:?}", aws.proxy.calls());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_rotated_for_an_owner_who_has_not_confirmed() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    let mut before = Vec::new();
    for user in ["alice", "bob", "ci", "carol", "dave"] {
        user_with(&mut aws, &account, user, &[70]).await;
        before.push((user, account.keys(user).await));
    }
    let stack = Stack::deploy_as_it_is(&aws, MAILED);
    let topic = &stack.outputs["TopicArn"];
    let security = Mailbox::of(&aws, topic, "security@example.com").await;
    // The topic has other subscribers that are confirmed.
    for address in ["alice@example.com", "Bob@example.com"] {
        aws.proxy.leave_unconfirmed(address);
    }

    let report = stack.invoke(&aws, &json!({}));

    assert_eq!((&report["statusCode"], &report["summary"]["rotated"]), (&json!(200), &json!(2)), "{report:#}");
    assert_eq!(report["unconfirmed"], json!(["alice@example.com", "Bob@example.com"]), "{report:#}");
    for (user, address) in [("alice", "alice@example.com"), ("bob", "Bob@example.com"), ("ci", "bob@Example.com")] {
        assert_eq!(result(&report, user), "waiting", "{report:#}");
        let why = report["users"].as_array().unwrap().iter().find(|entry| entry["user"] == user).unwrap();
        assert!(why["why"].as_str().unwrap().contains(&format!("sent to {address};")), "{why}");
        let (_, keys) = before.iter().find(|(name, _)| *name == user).unwrap();
        assert_eq!(account.keys(user).await, *keys, "no key was made that no one would get");
    }
    let mails = security.take().await;
    let told = mails.iter().find(|mail| mail.subject == "AWS access key not rotated: alice").expect("it is told");
    assert!(told.body.contains("Must confirm:       alice@example.com"), "{}", told.body);

    // Of the administrators, one confirmed subscription is enough.
    aws.proxy.confirm("alice@example.com");
    aws.proxy.leave_unconfirmed("security@example.com");
    let report = stack.invoke(&aws, &json!({ "users": ["alice", "carol"], "action": "rotate" }));
    assert_eq!(result(&report, "alice"), "changed", "{report:#}");
    aws.proxy.leave_unconfirmed("dave@example.com");
    let report = stack.invoke(&aws, &json!({ "users": ["carol"], "action": "rotate" }));
    assert_eq!(result(&report, "carol"), "waiting", "{report:#}");
    let why = report["users"][0]["why"].as_str().unwrap();
    assert!(why.contains("sent to security@example.com or dave@example.com;"), "{why}");
}

const STORED: &str = "
users:
  - {name: coming-up, owner: one@example.com}
  - {name: in-use, owner: one@example.com}
  - {name: retired, owner: one@example.com}
  - {name: deleted, owner: two@example.com}
  - {name: failed, owner: two@example.com}
  - {name: forged, owner: two@example.com}
  - {name: undone, owner: two@example.com}
  - young
emails: [security@example.com]
warn_before: 7d
";

#[tokio::test(flavor = "multi_thread")]
async fn owner_and_administrators_are_notified_of_changes_and_problems() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    let id = |key: &OwnedKey| key.id.parse().unwrap();
    let days = |n| lambda::model::time::Timestamp::now().before(Span::days(n));
    user_with(&mut aws, &account, "coming-up", &[55]).await;
    let in_use = user_with(&mut aws, &account, "in-use", &[70, 20]).await;
    let retired = user_with(&mut aws, &account, "retired", &[70, 20]).await;
    for (user, keys) in [("in-use", &in_use), ("retired", &retired)] {
        account.write_journal(user, &JournalEntry::Delivered(KeyNote { key: id(&keys[1]), at: days(20) })).await;
    }
    let deleted = user_with(&mut aws, &account, "deleted", &[90, 30]).await;
    let undone = user_with(&mut aws, &account, "undone", &[60, 30]).await;
    for (user, keys, ago) in [("deleted", &deleted, 15), ("undone", &undone, 2)] {
        account.deactivate(user, &keys[0]).await;
        account
            .write_journal(
                user,
                &JournalEntry::Disabled(vec![Disabled { key: id(&keys[0]), at: days(ago), by: DisabledBy::Rotation }]),
            )
            .await;
    }
    user_with(&mut aws, &account, "failed", &[70]).await;
    user_with(&mut aws, &account, "forged", &[70]).await;
    let tag = "Key=access-key-rotation:delivered,Value=key is AKIA".to_owned();
    aws.cli(&["iam", "tag-user", "--user-name", "forged", "--tags", &tag]);
    user_with(&mut aws, &account, "young", &[1]).await;
    let stack = Stack::deploy_as_it_is(&aws, STORED);
    crate::common::deny(&aws, "iam:ListAccessKeys", "failed");
    in_use[0].identity(&aws).await.expect("the old key is in use");
    let topic = &stack.outputs["TopicArn"];
    let mut mailboxes = Vec::new();
    for address in ["one@example.com", "two@example.com", "security@example.com"] {
        mailboxes.push(Mailbox::of(&aws, topic, address).await);
    }
    let [one, two, security] = <[_; 3]>::try_from(mailboxes).unwrap();

    // A dry run sends no notice.
    aws.proxy.forget();
    let plan = stack.invoke(&aws, &json!({ "dry_run": true }));
    assert_eq!((&plan["summary"]["deactivated"], &plan["summary"]["failed"]), (&json!(1), &json!(1)), "{plan:#}");
    assert!(aws.proxy.calls().iter().all(|call| call.operation != "Publish"));

    let report = stack.invoke(&aws, &json!({}));

    assert_eq!(report["statusCode"], 500, "{report:#}");
    assert!(report["unsent"].is_null(), "{report:#}");
    let changes = ["will be replaced: coming-up", "still in use: in-use", "deactivated: retired"];
    let wrongs = ["deleted: deleted", "rotation failed: failed", "needs a decision: forged"];
    let digest = "rotation: 8 users, 0 rotated, 3 to look at";
    let (ones, twos, all) = (one.take().await, two.take().await, security.take().await);
    assert_eq!(subjects(&ones), set(changes));
    assert_eq!(subjects(&twos), set(wrongs));
    assert_eq!(subjects(&all), set([digest]), "the administrators find a copy in the digest");
    let mails: Vec<_> = ones.into_iter().chain(twos).chain(all).collect();
    let body = |about: &str| &mails.iter().find(|mail| mail.subject.ends_with(about)).unwrap().body;
    for (about, says) in [
        (" in-use", "sts in eu-west-1"),
        (" retired", retired[0].id.as_str()),
        (" deleted", deleted[0].id.as_str()),
        (" failed", "AccessDenied"),
        (" forged", "is \"key is AKIA\", which the rotation never writes"),
        (digest, "  forged: a person must decide"),
        (digest, "  in-use: the old key"),
        (digest, &format!("  retired: key {} deactivated", retired[0].id)),
        (digest, &format!("  deleted: key {} deleted", deleted[0].id)),
    ] {
        assert!(body(about).contains(says), "{about}: {}", body(about));
    }

    // The next run: there is no second notice about a change, but one about each problem that remains.
    let report = stack.invoke(&aws, &json!({}));
    assert_eq!(report["statusCode"], 500, "{report:#}");
    assert_eq!(subjects(&one.take().await), set(["still in use: in-use"]));
    assert_eq!(subjects(&two.take().await), set(["rotation failed: failed", "needs a decision: forged"]));
    assert_eq!(subjects(&security.take().await), set([digest]));

    // A person reactivates a key.
    let report = stack.invoke(&aws, &json!({ "users": ["undone"], "action": "undo" }));
    assert_eq!(report["statusCode"], 200, "{report:#}");
    let told = two.take().await;
    assert_eq!(subjects(&told), set(["reactivated: undone"]));
    assert!(told[0].body.contains(&undone[0].id) && told[0].body.contains(&undone[1].id), "{}", told[0].body);
    assert_eq!(subjects(&security.take().await), set(["rotation: 1 users, 0 rotated, 0 to look at"]));
    assert_eq!(one.take().await, []);

    // A run without changes and problems sends no digest.
    let report = stack.invoke(&aws, &json!({ "users": ["young", "undone"] }));
    assert_eq!((&report["statusCode"], security.take().await), (&json!(200), vec![]), "{report:#}");
}

/// A notice is not a step of the plan. If it cannot be sent, the changes stay, and the report says so.
#[tokio::test(flavor = "multi_thread")]
async fn a_notice_that_cannot_be_sent_changes_nothing_but_the_report() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    let keys = user_with(&mut aws, &account, "retired", &[70, 20]).await;
    let at = lambda::model::time::Timestamp::now().before(Span::days(20));
    let delivered = KeyNote { key: keys[1].id.parse().unwrap(), at };
    account.write_journal("retired", &JournalEntry::Delivered(delivered)).await;
    user_with(&mut aws, &account, "young", &[1]).await;
    let stack = Stack::deploy(&aws, STORED, &["retired", "young"]);
    let mailbox = Mailbox::subscribe(&aws, &stack.outputs["TopicArn"]).await;
    aws.proxy.inject("Publish", "", Fault::Refuse(400, "InvalidParameter"));

    let report = stack.invoke(&aws, &json!({}));

    assert_eq!((&report["statusCode"], &report["summary"]["unsent"]), (&json!(500), &json!(2)), "{report:#}");
    assert_eq!((result(&report, "retired"), &report["summary"]["deactivated"]), (&json!("changed"), &json!(1)));
    let unsent = report["unsent"].as_array().unwrap();
    assert_eq!((&unsent[0]["user"], &unsent[0]["notice"]), (&json!("retired"), &json!("retired")), "{report:#}");
    assert!(unsent[0]["why"].as_str().unwrap().contains("InvalidParameter"), "{report:#}");
    assert_eq!((&unsent[1]["user"], &unsent[1]["notice"]), (&Json::Null, &json!("digest")), "{report:#}");
    let left = account.keys("retired").await;
    assert_eq!(
        left.iter().map(|key| (key.id.as_str(), key.active)).collect::<Vec<_>>(),
        [(keys[0].id.as_str(), false), (keys[1].id.as_str(), true)]
    );
    assert_eq!(mailbox.take().await, []);
    let log = stack.log(&aws).join("\n");
    assert!(log.contains("\"notice\":\"retired\"") && log.contains("InvalidParameter"), "{log}");
}
