//! Who is told, and that nothing happens behind people's backs (invariant 11). The real binary runs under the deployed
//! role, and the proxy decides who has confirmed.

use std::time::Duration;

use lambda::{
    model::time::{Span, Timestamp},
    protocol::journal::{JournalEntry, KeyNote},
};
use serde_json::{Value as Json, json};
use tests::{Account, LocalAws, Mailbox, Stack, account::OwnedKey, make, text, words};

use crate::common::{ADMINISTRATOR, ARTICLE, ROTATION, is_write, read, user_with};

const DAY: i64 = 86_400;
const OWNER: &str = "owner@example.com";

fn of_user<'r>(report: &'r Json, name: &str) -> &'r Json {
    report["users"].as_array().unwrap().iter().find(|entry| entry["user"] == name).unwrap()
}

/// The successor of the older key was delivered this many days ago.
async fn note_delivery(account: &Account, user: &str, keys: &[OwnedKey], days: u64) {
    let note = KeyNote { key: keys[1].id.parse().unwrap(), at: Timestamp::now().before(Span::days(days)) };
    account.write_journal(user, &JournalEntry::Delivered(note)).await;
}

/// Everything that a first run can meet: a key that is due, one that is nearly due, a pair, an old key past its overlap.
async fn first_day(aws: &mut LocalAws, account: &Account) -> Vec<&'static str> {
    user_with(aws, account, "due", &[(70 * DAY, true)]).await;
    user_with(aws, account, "coming-up", &[(55 * DAY, true)]).await;
    user_with(aws, account, "pair", &[(400 * DAY, true), (50 * DAY, true)]).await;
    let keys = user_with(aws, account, "retired", &[(70 * DAY, true), (20 * DAY, true)]).await;
    note_delivery(account, "retired", &keys, 20).await;
    vec!["due", "coming-up", "pair", "retired"]
}

#[tokio::test(flavor = "multi_thread")]
async fn invariant_11_a_first_run_without_a_confirmed_recipient_changes_nothing_and_loses_no_notice() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    let users = first_day(&mut aws, &account).await;
    let stack = Stack::deploy(&aws, &read(ROTATION), &users);
    let mailbox = Mailbox::subscribe(&aws, &stack.outputs["TopicArn"]).await;
    aws.proxy.leave_unconfirmed(ADMINISTRATOR);
    aws.proxy.forget();

    let report = stack.invoke(&aws, &json!({}));

    let writes: Vec<_> = aws.proxy.calls().into_iter().filter(|call| is_write(&call.operation)).collect();
    assert!(writes.iter().all(|call| call.operation == "Publish"), "{writes:?}");
    assert_eq!((&report["statusCode"], &report["unconfirmed"]), (&json!(200), &json!([ADMINISTRATOR])), "{report:#}");
    for user in &users {
        let entry = of_user(&report, user);
        assert_eq!(entry["result"], "waiting", "{entry:#}");
        let why = entry["why"].as_str().unwrap();
        assert!(
            why.starts_with("no confirmed recipient of notices") && why.contains(&format!(" to {ADMINISTRATOR};")),
            "{why}"
        );
    }
    // SNS would have delivered none of these.
    mailbox.take().await;

    aws.proxy.confirm(ADMINISTRATOR);
    let report = stack.invoke(&aws, &json!({}));
    assert_eq!((&report["statusCode"], &report["summary"]["rotated"]), (&json!(200), &json!(1)), "{report:#}");
    let mails = mailbox.take().await;
    for user in &users {
        assert_eq!(mails.iter().filter(|mail| mail.is_about(user)).count(), 1, "{user}: {report:#}");
    }
    assert_eq!(report["unconfirmed"], Json::Null);
}

/// With the article's settings, the mail is the delivery.
#[tokio::test(flavor = "multi_thread")]
async fn invariant_11_the_article_waits_for_its_recipient_too() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    let keys = user_with(&mut aws, &account, "alice", &[(70 * DAY, true)]).await;
    let stack = Stack::deploy(&aws, &read(ARTICLE), &["alice"]);
    let mailbox = Mailbox::subscribe(&aws, &stack.outputs["TopicArn"]).await;
    aws.proxy.leave_unconfirmed(ADMINISTRATOR);

    let report = stack.invoke(&aws, &json!({}));
    assert_eq!(of_user(&report, "alice")["result"], "waiting", "{report:#}");
    let left = account.keys("alice").await;
    assert!(left.len() == 1 && left[0].active && left[0].id == keys[0].id, "{report:#}");

    mailbox.take().await;
    aws.proxy.confirm(ADMINISTRATOR);
    let report = stack.invoke(&aws, &json!({}));
    assert_eq!(report["summary"]["rotated"], 1, "{report:#}");
    let mails = mailbox.take().await;
    let key = mails.iter().find_map(tests::Mail::key).expect("the key is in a mail");
    assert!(key.identity(&aws).await.is_ok());
}

/// A person starts what the schedule starts, because the next scheduled run can be far away.
#[tokio::test(flavor = "multi_thread")]
async fn make_run_changes_nothing_without_a_confirmed_recipient_and_then_rotates() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    let old = user_with(&mut aws, &account, "due", &[(70 * DAY, true)]).await.remove(0);
    let _ = Stack::deploy(&aws, &read(ROTATION), &["due"]);
    aws.proxy.leave_unconfirmed(ADMINISTRATOR);
    aws.proxy.forget();
    // The digest is sent anyway, and SNS does not deliver it.
    let is_change = |operation: &str| is_write(operation) && operation != "Publish";
    let writes = || aws.proxy.calls().into_iter().filter(|call| is_change(&call.operation)).count();

    let held = make(&aws, &["run"]);
    let said = text(&held);
    assert!(held.status.success(), "{said}");
    for part in ["due: waiting, no confirmed recipient", "Not confirmed, so they get no notice: security@example.com"] {
        assert!(words(&said).contains(part), "no {part:?} in {said}");
    }
    assert_eq!(writes(), 0, "{said}");

    aws.proxy.confirm(ADMINISTRATOR);
    let planned = make(&aws, &["run", "DRY=1"]);
    assert!(planned.status.success() && text(&planned).contains("create, deliver"), "{}", text(&planned));
    assert_eq!(writes(), 0, "{}", text(&planned));

    let rotated = make(&aws, &["run"]);
    let said = text(&rotated);
    assert!(rotated.status.success() && said.contains("created, delivered"), "{said}");
    assert!(!said.contains("Not confirmed"), "{said}");
    let keys = account.keys("due").await;
    assert!(keys.len() == 2 && keys.iter().any(|key| key.id == old.id), "{said}");
}

const OWNED: &str = "
users: [{name: due, owner: owner@example.com}, {name: retired, owner: owner@example.com}]
emails: [security@example.com]
";

/// The administrators get the notices of an owner who has not confirmed, or has unsubscribed. Without a confirmed
/// administrator, everything waits.
#[tokio::test(flavor = "multi_thread")]
async fn invariant_11_an_administrator_takes_the_place_of_an_owner_who_cannot_be_told() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    user_with(&mut aws, &account, "due", &[(70 * DAY, true)]).await;
    let keys = user_with(&mut aws, &account, "retired", &[(70 * DAY, true), (20 * DAY, true)]).await;
    // In the middle of its overlap.
    note_delivery(&account, "retired", &keys, 3).await;
    let stack = Stack::deploy_as_it_is(&aws, OWNED);
    let topic = &stack.outputs["TopicArn"];
    let (owner, administrator) = (Mailbox::of(&aws, topic, OWNER).await, Mailbox::of(&aws, topic, ADMINISTRATOR).await);
    for address in [OWNER, ADMINISTRATOR] {
        aws.proxy.leave_unconfirmed(address);
    }
    let about = |mails: &[tests::Mail], user: &str| mails.iter().filter(|mail| mail.is_about(user)).count();
    let is_old_key_active = async || account.keys("retired").await[0].active;

    // The overlap ends while the owner is unsubscribed.
    note_delivery(&account, "retired", &keys, 20).await;
    let report = stack.invoke(&aws, &json!({}));
    for user in ["due", "retired"] {
        assert_eq!(of_user(&report, user)["result"], "waiting", "{report:#}");
    }
    assert!(is_old_key_active().await, "{report:#}");
    owner.take().await;
    administrator.take().await;

    aws.proxy.confirm(ADMINISTRATOR);
    let report = stack.invoke(&aws, &json!({}));
    assert!(!is_old_key_active().await, "{report:#}");
    assert_eq!(of_user(&report, "due")["result"], "changed", "{report:#}");
    assert_eq!(report["unconfirmed"], json!([OWNER]), "{report:#}");
    let told = administrator.take().await;
    assert_eq!((about(&told, "due"), about(&told, "retired")), (1, 1), "{report:#}");

    // Once the owner has confirmed, the administrators find a copy in the digest.
    owner.take().await;
    aws.proxy.confirm(OWNER);
    let report = stack.invoke(&aws, &json!({ "users": ["retired"], "action": "undo" }));
    assert_eq!(of_user(&report, "retired")["result"], "changed", "{report:#}");
    let (owners, copies) = (owner.take().await, administrator.take().await);
    assert_eq!((about(&owners, "retired"), about(&copies, "retired")), (1, 0), "{report:#}");
    assert!(copies[0].body.contains(&format!("retired: key {} reactivated", keys[0].id)), "{}", copies[0].body);
}

/// A person orders a rotation and a revocation. With Secrets Manager, no mail is needed for them.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_orders_does_not_wait_for_a_recipient() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    for user in ["ordered", "leaked"] {
        user_with(&mut aws, &account, user, &[(5 * DAY, true)]).await;
    }
    let stack = Stack::deploy(&aws, &read(ROTATION), &["ordered", "leaked"]);
    aws.proxy.leave_unconfirmed(ADMINISTRATOR);
    let leaked = account.keys("leaked").await[0].id.clone();
    let report = stack.invoke(&aws, &json!({ "users": ["ordered"], "action": "rotate" }));
    assert_eq!(report["summary"]["rotated"], 1, "{report:#}");
    let report = stack.invoke(&aws, &json!({ "users": ["leaked"], "action": "revoke", "key": leaked }));
    let left = account.keys("leaked").await;
    assert!(left.len() == 2 && left.iter().all(|key| key.active == (key.id != leaked)), "{report:#}");
}

/// The most mails that arrived within one second.
fn most_in_a_second(times: &[std::time::Instant]) -> usize {
    let within = |from: &std::time::Instant| times.iter().filter(|at| **at >= *from && **at - *from < SECOND).count();
    times.iter().map(within).max().unwrap_or_default()
}

const SECOND: Duration = Duration::from_secs(1);

/// SNS suspends an address that gets more than ten mails a second.
#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_users_that_are_due_at_once_send_at_most_five_mails_a_second_to_an_address() {
    const USERS: usize = 200;
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    aws.shift_clock(-70 * DAY);
    for name in (0..USERS).map(|n| format!("user-{n:03}")) {
        account.create_user(&format!("/crew/{name}")).await;
        account.create_key(&name).await;
    }
    aws.shift_clock(0);
    let config = format!("users: [{{name: /crew/, owner: {OWNER}}}]\nemails: [{ADMINISTRATOR}]\ntimeout: 15m\n");
    let stack = Stack::deploy_as_it_is(&aws, &config);

    let report = stack.invoke(&aws, &json!({}));

    assert_eq!((&report["statusCode"], &report["summary"]["rotated"]), (&json!(200), &json!(USERS)), "{report:#}");
    let owner = aws.proxy.mails_to(OWNER);
    assert_eq!(owner.len(), USERS);
    assert!(most_in_a_second(&owner) <= 5, "{} mails in a second", most_in_a_second(&owner));
    assert_eq!(aws.proxy.mails_to(ADMINISTRATOR).len(), 1, "one mail of copies");
}
