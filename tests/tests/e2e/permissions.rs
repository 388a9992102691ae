//! Every permission of the handler is needed: if one is missing, a run with the deployed role fails.
//!
//! IAM is enforced here. So the run with all permissions shows that none is missing, and the runs without one show that
//! each is needed. The emulator does not check what AWS's own services do with the role: write the log, encrypt a mail,
//! keep a failed run. `synth/tests/suite/grants.rs` checks that with a policy evaluator.

use std::collections::BTreeSet;

use crate::common::{ARTICLE, ROTATION, read, with_own_kms_key};
use lambda::contract::call_permissions::steps;
use lambda::protocol::journal::{Disabled, DisabledBy, Intent, JournalEntry, KeyNote};
use serde_json::{Value as Json, json};
use tests::{Account, LocalAws, Mailbox, Stack};

const DAY: i64 = 86_400;
/// The users: one is due, one is past its overlap, one has a disabled key that is past its recovery window, and one has
/// a key of a run that was killed.
const USERS: [&str; 4] = ["due", "superseded", "kept", "unfinished"];

/// Each configuration with its name, its users, and the actions that are removed from its role.
const CONFIGURATIONS: [(&str, Making, &[&str], &str); 4] = [
    (ROTATION, |_| read(ROTATION), &USERS, ""),
    (ARTICLE, |_| read(ARTICLE), &USERS, ""),
    // Only the actions that are new in this configuration.
    ("a KMS key of the customer's own", |aws| with_own_kms_key(aws, &[]).0, &USERS, "kms:"),
    ("everybody", |_| read(ROTATION), &["/"], "iam:Ge"),
];
type Making = fn(&LocalAws) -> String;

/// Resets each user to its starting state.
async fn set_up(aws: &mut LocalAws, account: &Account, known: &mut bool) {
    for (user, ages) in USERS.into_iter().zip([&[70_i64][..], &[70, 20], &[150, 70], &[70, 2]]) {
        if *known {
            account.delete_user(user).await;
            account.delete_secret(&format!("access-key-rotation/{user}")).await;
        }
        account.create_user(user).await;
        let mut keys = Vec::new();
        for age in ages {
            aws.shift_clock(-age * DAY);
            keys.push(account.create_key(user).await);
        }
        let id = |index: usize| keys[index].id.parse().unwrap();
        if user == "due" {
            // A journal entry that an earlier run closed, and that this run removes.
            account.write_journal(user, &JournalEntry::Closed("earlier".parse().unwrap())).await;
        }
        if user == "superseded" {
            let delivered = KeyNote { key: id(1), at: aws.now() };
            account.write_journal(user, &JournalEntry::Delivered(delivered)).await;
        }
        if user == "kept" {
            account.deactivate(user, &keys[0]).await;
            let disabled = Disabled { key: id(0), at: aws.now(), by: DisabledBy::Rotation };
            account.write_journal(user, &JournalEntry::Disabled(vec![disabled])).await;
        }
        if user == "unfinished" {
            let intent = Intent { run: "earlier".parse().unwrap(), at: aws.now(), known: id(0) };
            account.write_journal(user, &JournalEntry::Intent(intent)).await;
        }
        aws.shift_clock(0);
    }
    *known = true;
}

/// The policy without one action.
fn without(document: &Json, action: &str) -> Json {
    let mut document = document.clone();
    for statement in document["Statement"].as_array_mut().unwrap() {
        statement["Action"].as_array_mut().unwrap().retain(|listed| listed != action);
    }
    document["Statement"].as_array_mut().unwrap().retain(|statement| statement["Action"] != json!([]));
    document
}

/// Whether every user got what was due: a new key, the old one retired, the disabled one deleted.
fn all_done(report: &Json) -> bool {
    let changed = report["users"].as_array().is_some_and(|users| users.iter().all(|user| user["result"] == "changed"));
    let summary = &report["summary"];
    // All users except `superseded` are rotated. The old key of that user is retired, or, without an overlap, it is
    // rotated too.
    changed
        && summary["rotated"].as_u64() >= Some(3)
        && summary["failed"] == 0
        && summary["deactivated"].as_u64() >= Some(1)
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_one_permission_a_run_fails() {
    for (configuration, text, users, taken) in CONFIGURATIONS {
        let mut aws = LocalAws::start().await;
        let account = Account::of(&aws).await;
        let stack = Stack::deploy(&aws, &text(&aws), users);
        let _mailbox = Mailbox::subscribe(&aws, &stack.outputs["TopicArn"]).await;
        let (role, policy, document) = account.inline_policy("FunctionRole").await;
        let mut known = false;

        aws.proxy.forget();
        set_up(&mut aws, &account, &mut known).await;
        let report = stack.invoke(&aws, &json!({}));
        assert!(all_done(&report), "{configuration}: with every permission: {report:#}");

        // The called actions are exactly the declared ones, except those that AWS checks in addition. STS needs no
        // permission.
        let declared = stack.config.permissions().into_iter().flat_map(|permission| permission.actions);
        let declared: BTreeSet<_> = declared.map(str::to_owned).collect();
        let calls = aws.proxy.calls();
        let called = calls
            .iter()
            .filter(|call| call.service != "sts")
            .map(|call| format!("{}:{}", call.service, call.operation));
        let steps = steps();
        let besides: BTreeSet<_> = steps.iter().flat_map(|step| step.call.checked_besides()).copied().collect();
        let calls = declared.iter().filter(|action| !besides.contains(action.as_str())).cloned();
        assert_eq!(called.collect::<BTreeSet<_>>(), calls.collect(), "{configuration}");

        let taken: Vec<_> = declared.iter().filter(|action| action.starts_with(taken)).collect();
        for action in &taken {
            account.put_inline_policy(&role, &policy, &without(&document, action)).await;
            set_up(&mut aws, &account, &mut known).await;
            let report = stack.invoke(&aws, &json!({}));
            assert!(!all_done(&report), "{configuration}: without {action}: {report:#}");
        }
        println!(
            "{configuration}: {} permissions, all used, and taken away one by one, a failed run each time",
            declared.len()
        );
    }
}
