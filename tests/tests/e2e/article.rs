//! `examples/article.yaml` gives the article's end state where that is right, and otherwise a safer one. The template, the deployment, the role and the binary are real; only AWS is not.

use std::collections::BTreeSet;

use crate::common::{ARTICLE, read, user_with};
use lambda::protocol::journal::{Intent, Journal, JournalEntry, LEASE};
use serde_json::json;
use tests::{Account, Fault, LocalAws, Mail, Mailbox, Stack, account::OwnedKey};

const MINUTE: i64 = 60;
const DAY: i64 = 86_400;

/// The ids of a user's keys, oldest first, and whether each is active.
async fn left(account: &Account, user: &str) -> Vec<(String, bool)> {
    account.keys(user).await.into_iter().map(|key| (key.id, key.active)).collect()
}

/// The new keys that were mailed.
async fn keys_in(mailbox: &Mailbox) -> Vec<OwnedKey> {
    mailbox.take().await.iter().filter_map(Mail::key).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_articles_end_states() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    let old = 40 * DAY;
    let none = user_with(&mut aws, &account, "none", &[]).await;
    assert!(none.is_empty());
    let too_old = user_with(&mut aws, &account, "too-old", &[(old, true)]).await;
    let with_inactive = user_with(&mut aws, &account, "with-inactive", &[(2 * old, false), (old, true)]).await;
    let two_active = user_with(&mut aws, &account, "two-active", &[(2 * old, true), (old, true)]).await;
    let only_inactive = user_with(&mut aws, &account, "only-inactive", &[(old, false)]).await;
    let two_inactive = user_with(&mut aws, &account, "two-inactive", &[(2 * old, false), (old, false)]).await;
    let users = ["none", "too-old", "with-inactive", "two-active", "only-inactive", "two-inactive", "too-young"];
    let stack = Stack::deploy(&aws, &read(ARTICLE), &users);
    let mailbox = Mailbox::subscribe(&aws, &stack.outputs["TopicArn"]).await;
    // Created as late as possible, because the article's limit is a minute.
    let too_young = user_with(&mut aws, &account, "too-young", &[(MINUTE / 10, true)]).await;

    let report = stack.invoke(&aws, &json!({}));

    assert_eq!(report["statusCode"], 200, "{report:#}");
    let mails = mailbox.take().await;
    let keys = mails.iter().filter_map(|mail| Some((mail.subject.rsplit(' ').next()?.to_owned(), mail.key()?)));
    let keys: std::collections::HashMap<_, _> = keys.collect();
    assert_eq!(keys.len(), 5, "one mail for each new key: {mails:?}");

    // As in the article: nothing to do.
    assert_eq!(left(&account, "none").await, []);
    assert_eq!(left(&account, "too-young").await, [(too_young[0].id.clone(), true)]);
    // As in the article: the old key is inactive, and the new one was mailed.
    let new = |user: &str| (keys[user].id.clone(), true);
    assert_eq!(left(&account, "too-old").await, [(too_old[0].id.clone(), false), new("too-old")]);
    // As in the article: the inactive key is deleted.
    assert_eq!(left(&account, "with-inactive").await, [(with_inactive[1].id.clone(), false), new("with-inactive")]);
    // Better than the article, which deactivates the older key and then fails at the quota.
    assert_eq!(left(&account, "two-active").await, [(two_active[1].id.clone(), false), new("two-active")]);
    // Better than the article, which creates a key and loses its secret.
    assert_eq!(left(&account, "only-inactive").await, [(only_inactive[0].id.clone(), false), new("only-inactive")]);
    assert_eq!(left(&account, "two-inactive").await, [(two_inactive[1].id.clone(), false), new("two-inactive")]);

    for (user, key) in &keys {
        let arn = key.identity(&aws).await.expect("a mailed key works");
        assert!(arn.ends_with(&format!("user/{user}")), "{arn}");
    }
    assert_eq!(too_old[0].identity(&aws).await.unwrap_err(), "InvalidClientTokenId", "the old key is dead");
    assert!(too_young[0].identity(&aws).await.is_ok());

    crate::common::assert_no_secret_outside_delivery(&aws, &stack, &report, keys.values());

    // A second run directly afterwards finds only young keys. It removes the closed journal entries of the first run. A
    // third run makes no change.
    for writes in [&["UntagUser"][..], &[]] {
        aws.proxy.forget();
        let again = stack.invoke(&aws, &json!({}));
        assert_eq!((&again["statusCode"], &again["summary"]["rotated"]), (&json!(200), &json!(0)), "{again:#}");
        let calls = aws.proxy.calls().into_iter().map(|call| call.operation);
        let made: BTreeSet<_> = calls.filter(|operation| crate::common::is_write(operation)).collect();
        assert_eq!(made.into_iter().collect::<Vec<_>>(), writes, "an untouched user costs no write");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_mail_fails_the_new_key_is_withdrawn_and_the_old_one_is_untouched() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    let keys = user_with(&mut aws, &account, "alice", &[(40 * DAY, true)]).await;
    let stack = Stack::deploy(&aws, &read(ARTICLE), &["alice"]);
    let mailbox = Mailbox::subscribe(&aws, &stack.outputs["TopicArn"]).await;
    aws.proxy.inject("Publish", "alice", Fault::Refuse(400, "InvalidParameter"));

    let report = stack.invoke(&aws, &json!({}));

    assert_eq!(report["statusCode"], 500);
    let user = &report["users"][0];
    assert_eq!(user["result"], "failed");
    let why = user["why"].as_str().unwrap();
    assert!(why.contains("InvalidParameter") && why.contains("the new key was removed"), "{why}");
    assert_eq!(left(&account, "alice").await, [(keys[0].id.clone(), true)]);
    assert!(keys[0].identity(&aws).await.is_ok());
    assert_eq!(keys_in(&mailbox).await, []);
    assert_eq!(report["unsent"][0]["notice"], "failed", "neither could this be mailed: {report:#}");

    // Mails can be sent again. The lease of the intent holds back the next run. After it, the rotation works as usual.
    aws.proxy.heal();
    let report = stack.invoke(&aws, &json!({}));
    assert_eq!(report["users"][0]["result"], "waiting", "{report:#}");
    let tags = account.journal("alice").await;
    let journal = Journal::read(tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))).unwrap();
    let [begun] = journal.intents.as_slice() else { panic!("one intent: {tags:?}") };
    let expired = Intent { at: begun.at.before(LEASE), ..begun.clone() };
    account.write_journal("alice", &JournalEntry::Intent(expired)).await;
    let report = stack.invoke(&aws, &json!({}));
    assert_eq!(report["statusCode"], 200, "{report:#}");
    let [new] = <[_; 1]>::try_from(keys_in(&mailbox).await).expect("one key");
    assert_eq!(left(&account, "alice").await, [(keys[0].id.clone(), false), (new.id.clone(), true)]);
    crate::common::assert_no_secret_outside_delivery(&aws, &stack, &report, [&new]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_that_fails_does_not_stop_the_others() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    let first = user_with(&mut aws, &account, "first", &[(40 * DAY, true)]).await;
    let denied = user_with(&mut aws, &account, "denied", &[(40 * DAY, true)]).await;
    let _last = user_with(&mut aws, &account, "last", &[(40 * DAY, true)]).await;
    let stack = Stack::deploy(&aws, &read(ARTICLE), &["no-such-user", "first", "denied", "last"]);
    let mailbox = Mailbox::subscribe(&aws, &stack.outputs["TopicArn"]).await;
    // IAM really denies this one call.
    crate::common::deny(&aws, "iam:CreateAccessKey", "denied");

    let report = stack.invoke(&aws, &json!({}));

    assert_eq!(report["statusCode"], 500);
    let summary = &report["summary"];
    assert_eq!((&summary["users"], &summary["rotated"], &summary["failed"]), (&json!(4), &json!(2), &json!(2)));
    let why = |index: usize| report["users"][index]["why"].as_str().unwrap().to_owned();
    assert!(why(0).contains("NoSuchEntity"), "{}", why(0));
    assert!(why(2).contains("AccessDenied") && why(2).contains("CreateAccessKey"), "{}", why(2));
    assert_eq!(left(&account, "denied").await, [(denied[0].id.clone(), true)]);
    assert_eq!(keys_in(&mailbox).await.len(), 2);
    assert_eq!(left(&account, "first").await[0], (first[0].id.clone(), false));
}
