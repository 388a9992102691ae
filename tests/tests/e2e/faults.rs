//! Runs the real binary with a fault at every single call.
//!
//! The test covers each starting state, each call n and each kind of fault. First there is a run an hour ago with a
//! fault at call n. The call is refused, its response is lost after the effect, or the process is killed before or
//! after the effect. Then there is a run without faults now. At any time, every workload must have a working key. In
//! the end, the owner must have every key that works. `make prove` tries all cases, `make test` a part of them.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use crate::common::{ADMINISTRATOR, careful, settings};
use futures_util::{StreamExt, stream};
use lambda::{
    contract::topic_arn::TopicArn,
    model::time::{Span, Timestamp},
    protocol::{
        journal::{Disabled, DisabledBy, Intent, JournalEntry, KeyNote},
        policy::{DeleteAfter, Delivery, DisabledUsers, Policy, StillInUse, UnusedAfter},
    },
};
use serde_json::{Value as Json, json};
use tests::{
    Account, Fault, LocalAws, Mailbox,
    account::OwnedKey,
    runtime_api::{Handler, environment},
};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// A starting state: keys by age in days and status, and the journal of an earlier run.
struct Start {
    name: &'static str,
    keys: &'static [(i64, bool)],
    note: Note,
    order: Order,
}

/// What the run with the fault is asked to do.
#[derive(PartialEq)]
enum Order {
    /// What the schedule asks for.
    Routine,
    /// Revoke the first key.
    Revoke,
    /// Reactivate the first key.
    Undo,
}

enum Note {
    Nothing,
    /// The last key was delivered this many days ago.
    Delivered(i64),
    /// The rotation deactivated the first key this many days ago.
    Disabled(i64),
    /// The owner was told of the pair this many days ago.
    Seen(i64),
    /// The owner was told this many days ago that the first key is unused. No workload holds it.
    Unused(i64),
    /// A run that was killed this many days ago created the last key, and its secret is lost.
    Unfinished(i64),
}

/// A start from which a scheduled run begins.
const fn start(name: &'static str, keys: &'static [(i64, bool)], note: Note) -> Start {
    Start { name, keys, note, order: Order::Routine }
}

const STARTS: [Start; 14] = [
    start("too-old", &[(70, true)], Note::Nothing),
    start("none", &[], Note::Nothing),
    start("young", &[(10, true)], Note::Nothing),
    start("in-overlap", &[(70, true), (2, true)], Note::Delivered(2)),
    start("unfinished", &[(70, true), (2, true)], Note::Unfinished(2)),
    start("two-inactive", &[(90, false), (70, false)], Note::Disabled(20)),
    start("past-overlap", &[(70, true), (20, true)], Note::Delivered(20)),
    start("past-window", &[(90, false), (30, true)], Note::Disabled(20)),
    start("due-and-inactive", &[(150, false), (70, true)], Note::Disabled(20)),
    start("only-inactive", &[(70, false)], Note::Nothing),
    start("inactive-and-not-noted", &[(150, false), (30, true)], Note::Nothing),
    start("pair", &[(400, true), (50, true)], Note::Nothing),
    start("pair-told", &[(400, true), (50, true)], Note::Seen(8)),
    start("pair-told-and-due", &[(400, true), (70, true)], Note::Seen(8)),
];

const ORDERS: [Start; 3] = [
    Start { name: "revoked", keys: &[(10, true)], note: Note::Nothing, order: Order::Revoke },
    Start {
        name: "revoked-in-full-quota",
        keys: &[(10, true), (90, false)],
        note: Note::Nothing,
        order: Order::Revoke,
    },
    Start { name: "undone", keys: &[(90, false), (30, true)], note: Note::Disabled(2), order: Order::Undo },
];

const UNUSED: [Start; 1] = [start("unused", &[(55, true)], Note::Unused(8))];

fn policies() -> [Policy; 2] {
    let at_once = Policy {
        overlap: Span::ZERO,
        delete_after: DeleteAfter::NextRotation,
        still_in_use: StillInUse::Retire,
        disabled_users: DisabledUsers::Replace,
        delivery: Delivery::Email,
        ..careful()
    };
    [careful(), at_once]
}

fn disuse() -> Policy {
    Policy { unused_after: UnusedAfter::After(Span::days(45)), ..careful() }
}

struct Harness {
    aws: LocalAws,
    account: Account,
    mailbox: Mailbox,
    handler: Handler,
    topic: TopicArn,
    users: usize,
    output: String,
}

/// A user in a starting state, and the key that its workload uses.
struct User {
    name: String,
    keys: Vec<OwnedKey>,
    held: Option<OwnedKey>,
    /// An orphan: a key whose secret was lost.
    orphan: Option<OwnedKey>,
}

impl Harness {
    async fn new() -> Self {
        let aws = LocalAws::start().await;
        let topic = aws.cli(&["sns", "create-topic", "--name", "keys"])["TopicArn"].as_str().unwrap().to_owned();
        aws.cli(&[
            "sns",
            "subscribe",
            "--topic-arn",
            &topic,
            "--protocol",
            "email",
            "--notification-endpoint",
            ADMINISTRATOR,
        ]);
        let handler = Handler::unpack(aws.folder.path());
        let (account, mailbox) = (Account::of(&aws).await, Mailbox::subscribe(&aws, &topic).await);
        Self { account, mailbox, handler, topic: topic.parse().unwrap(), users: 0, output: String::new(), aws }
    }

    async fn user(&mut self, start: &Start) -> User {
        self.user_below("/", start).await
    }

    async fn user_below(&mut self, path: &str, start: &Start) -> User {
        self.users += 1;
        let name = format!("{}-{}", start.name, self.users);
        self.account.create_user(&format!("{path}{name}")).await;
        let mut keys = Vec::new();
        for (days, active) in start.keys {
            self.aws.shift_clock(-days * DAY);
            let key = self.account.create_key(&name).await;
            if !active {
                self.account.deactivate(&name, &key).await;
            }
            keys.push(key);
        }
        let id = |key: &OwnedKey| key.id.parse().unwrap();
        let at = |days: i64| Span::seconds((days * DAY).unsigned_abs());
        let now = Timestamp::now();
        match start.note {
            Note::Nothing => {}
            Note::Delivered(days) => {
                let delivered = KeyNote { key: id(keys.last().unwrap()), at: now.before(at(days)) };
                self.account.write_journal(&name, &JournalEntry::Delivered(delivered)).await;
            }
            Note::Disabled(days) => {
                let by = DisabledBy::Rotation;
                let disabled = Disabled { key: id(&keys[0]), at: now.before(at(days)), by };
                self.account.write_journal(&name, &JournalEntry::Disabled(vec![disabled])).await;
            }
            Note::Seen(days) => {
                let seen = KeyNote { key: id(keys.last().unwrap()), at: now.before(at(days)) };
                self.account.write_journal(&name, &JournalEntry::Seen(seen)).await;
            }
            Note::Unused(days) => {
                let unused = KeyNote { key: id(&keys[0]), at: now.before(at(days)) };
                self.account.write_journal(&name, &JournalEntry::Unused(unused)).await;
            }
            Note::Unfinished(days) => {
                let run = "earlier".parse().unwrap();
                let intent = Intent { run, at: now.before(at(days)), known: id(&keys[0]) };
                self.account.write_journal(&name, &JournalEntry::Intent(intent)).await;
            }
        }
        let orphan = keys.last().filter(|_| matches!(start.note, Note::Unfinished(_))).cloned();
        let works = |((_, active), key): &(&(i64, bool), &OwnedKey)| *active && orphan.as_ref() != Some(*key);
        let held = start.keys.iter().zip(&keys).rfind(works).map(|(_, key)| key.clone());
        let held = held.filter(|_| !matches!(start.note, Note::Unused(_)));
        User { name, keys, held, orphan }
    }

    /// The environment of the handler. `users` is one user or a path.
    fn environment(&self, policy: &Policy, users: &str, attempts: u8) -> Vec<(String, String)> {
        let settings = settings(users, policy.clone(), self.topic.clone());
        let mut environment = environment(&self.aws, settings, attempts);
        // Each path has a stack of its own. Otherwise the users of an earlier round would have left the selection.
        let stack = users.trim_matches('/').to_owned();
        environment.push(("AWS_LAMBDA_FUNCTION_NAME".into(), stack));
        environment
    }

    /// One run, an hour ago or now, with the fault at call `fault.0`.
    async fn run(&mut self, policy: &Policy, users: &str, shift: i64, fault: Option<(usize, Fault)>) -> Option<Json> {
        self.run_with(policy, users, &json!({}), shift, fault).await
    }

    /// One run with the event of the start.
    async fn run_ordered(
        &mut self,
        policy: &Policy,
        (start, user): (&Start, &User),
        fault: Option<(usize, Fault)>,
    ) -> Option<Json> {
        let event = match start.order {
            Order::Routine => json!({}),
            Order::Revoke => json!({ "users": [user.name], "action": "revoke", "key": user.keys[0].id }),
            Order::Undo => json!({ "users": [user.name], "action": "undo" }),
        };
        self.run_with(policy, &user.name, &event, -HOUR, fault).await
    }

    async fn run_with(
        &mut self,
        policy: &Policy,
        users: &str,
        event: &Json,
        shift: i64,
        fault: Option<(usize, Fault)>,
    ) -> Option<Json> {
        self.aws.shift_clock(shift);
        self.aws.proxy.heal();
        self.aws.proxy.forget();
        if let Some((number, fault)) = fault {
            self.aws.proxy.inject_at(number, fault);
        }
        // Without retries, so that one fault is one failed call.
        let response = self.invoke(&self.environment(policy, users, 1), event, shift).await;
        // A run may have had fewer calls than that. Then the fault would hit the next call of the test itself.
        self.aws.proxy.heal();
        response
    }

    async fn invoke(&mut self, environment: &[(String, String)], event: &Json, shift: i64) -> Option<Json> {
        let outcome = self.handler.invoke(environment, event, shift, self.aws.proxy.hang()).await;
        self.output += &outcome.output;
        self.output += &outcome.response.as_ref().map(Json::to_string).unwrap_or_default();
        outcome.response
    }

    /// The key that was delivered to the owner of the user, if there is one.
    async fn given(&self, policy: &Policy, user: &User, mails: &[tests::Mail]) -> Option<OwnedKey> {
        match policy.delivery {
            Delivery::SecretsManager => {
                self.account.secret(&format!("keys/{}", user.name)).await.as_ref().and_then(OwnedKey::from_secret)
            }
            Delivery::Email | Delivery::EmailEncrypted => {
                mails.iter().filter(|mail| mail.is_about(&user.name)).filter_map(tests::Mail::key).next_back()
            }
        }
    }
}

/// Tries one fault: the run with the fault, the run without faults, and the checks after each.
async fn try_fault(harness: &mut Harness, policy: &Policy, start: &Start, fault: (usize, Fault)) {
    let case = format!("{} {:?} {fault:?}", start.name, policy.delivery);
    let user = harness.user(start).await;
    let mut mails = Vec::new();
    harness.run_ordered(policy, (start, &user), Some(fault)).await;

    mails.extend(harness.mailbox.take().await);
    not_cut_off(harness, policy, &case, (start, &user), &mails).await;
    let report = harness.run(policy, &user.name, 0, None).await.unwrap_or_else(|| panic!("{case}: no response"));
    assert_eq!(report["statusCode"], 200, "{case}: invariant 7: {report:#}");
    mails.extend(harness.mailbox.take().await);
    all_is_well(harness, policy, &case, start, &user, &mails).await;
}

async fn not_cut_off(
    harness: &Harness,
    policy: &Policy,
    case: &str,
    (start, user): (&Start, &User),
    mails: &[tests::Mail],
) {
    // Invariant 1, after the fault: the key of the workload works. Without an overlap, or after a revocation, its
    // replacement may work instead.
    let given = harness.given(policy, user, mails).await;
    if let Some(held) = &user.held {
        let works = held.identity(&harness.aws).await.is_ok();
        let replaced = match &given {
            Some(new) => new.identity(&harness.aws).await.is_ok(),
            None => false,
        };
        let may_be_replaced = policy.overlap == Span::ZERO || start.order == Order::Revoke;
        assert!(works || may_be_replaced && replaced, "{case}: invariant 1 after the fault");
    }
}

/// Checks the state after the run without faults.
async fn all_is_well(
    harness: &Harness,
    policy: &Policy,
    case: &str,
    start: &Start,
    user: &User,
    mails: &[tests::Mail],
) {
    let given = harness.given(policy, user, mails).await;
    let keys = harness.account.keys(&user.name).await;
    let known = user.keys.iter().filter(|key| user.orphan.as_ref() != Some(key));
    let known: Vec<_> = known.chain(&given).map(|key| key.id.as_str()).collect();
    for key in keys.iter().filter(|key| key.active) {
        assert!(known.contains(&key.id.as_str()), "{case}: invariant 3: {} is nobody's", key.id);
    }
    let works = keys.iter().any(|key| key.active);
    // Invariant 10: a user without an active key gets one only if the policy says so.
    let expected = start.keys.iter().any(|(_, active)| *active) && policy.unused_after == UnusedAfter::Never
        || !start.keys.is_empty() && policy.disabled_users == DisabledUsers::Replace;
    // A run that died between its note and the deactivation looks like a person who activated the key again. So the
    // owner is told again, and the key stays for that time.
    let told_again = mails.iter().any(|mail| mail.is_about(&user.name) && mail.subject.contains("unused"));
    assert!(works == expected || told_again, "{case}: invariants 7 and 10: whether a key works");
    // If a mail was sent in a rotation that a person ordered, and the run was killed, the schedule does not begin the
    // rotation again. The notice of the failure says that the mail's key may be removed.
    let may_be_removed = policy.delivery.is_mail() && start.order == Order::Revoke;
    let is_new = |new: &OwnedKey| user.keys.iter().all(|key| key.id != new.id) && !may_be_removed;
    if let Some(new) = given.filter(is_new) {
        assert!(new.identity(&harness.aws).await.is_ok(), "{case}: invariant 2: the delivered key is dead");
    }
    // Invariant 4: only keys that were inactive before are deleted.
    for (key, (_, active)) in user.keys.iter().zip(start.keys) {
        let gone = keys.iter().all(|left| left.id != key.id);
        // The article's policy deactivates the older of two keys and then needs its place, all in one run.
        let is_in_two_steps = policy.acts_at_once() && start.name == "pair-told-and-due";
        assert!(
            !gone || is_in_two_steps || !active || user.orphan.as_ref() == Some(key),
            "{case}: invariant 4: {} was active and is gone",
            key.id
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn invariants_1_2_3_4_7_9_hold_whatever_goes_wrong_at_whichever_call() {
    let everything = std::env::var_os("PROVE").is_some();
    let kinds = [
        Fault::HangAfter,
        Fault::LoseAnswer,
        Fault::HangBefore,
        Fault::Refuse(403, "AccessDenied"),
        Fault::Refuse(500, "InternalFailure"),
    ];
    let mut cases: Vec<_> = policies().into_iter().map(|policy| (policy, &STARTS[..])).collect();
    cases.extend(policies().into_iter().map(|policy| (policy, &ORDERS[..])));
    cases.push((disuse(), &UNUSED[..]));
    let kinds = if everything { &kinds[..] } else { &kinds[..2] };
    let mut harness = Harness::new().await;
    let mut points = 0;
    for (policy, starts) in cases {
        for start in if everything { starts } else { &starts[..1] } {
            let user = harness.user(start).await;
            let report = harness.run_ordered(&policy, (start, &user), None).await.expect("a response");
            assert_eq!(report["statusCode"], 200, "{}: {report:#}", start.name);
            let calls = harness.aws.proxy.calls().len();
            for number in 0..calls {
                for kind in kinds {
                    try_fault(&mut harness, &policy, start, (number, kind.clone())).await;
                    points += 1;
                }
            }
            println!("{} {:?}: {calls} calls", start.name, policy.delivery);
        }
    }
    // Invariant 9, over everything that these processes printed or returned.
    let secrets = harness.aws.proxy.secrets();
    assert!(secrets.len() > 20 && harness.output.contains("CreateAccessKey"), "{} secrets", secrets.len());
    for secret in secrets {
        assert!(!harness.output.contains(&secret), "a secret was printed");
    }
    println!("fault injection: {points} fault points tried with the real binary: no violation");
}

/// Two hundred users in all starting states. The process is killed at a call for one user while others are in
/// the middle of their rotation.
#[tokio::test(flavor = "multi_thread")]
async fn a_wide_run_that_is_killed_anywhere_is_finished_by_the_next_one() {
    let rounds: u64 = if std::env::var_os("PROVE").is_some() { 12 } else { 2 };
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7_u64);
    let mut harness = Harness::new().await;
    for round in 0..rounds {
        let policy = policies()[usize::from(round % 2 == 1)].clone();
        let path = format!("/round-{round}/");
        let mut users = Vec::new();
        for start in STARTS.iter().cycle().take(200) {
            users.push((start, harness.user_below(&path, start).await));
        }
        // A run has more than 1,000 calls.
        let random = BuildHasherDefault::<DefaultHasher>::default().hash_one((seed, round));
        let number = usize::try_from(random % 1_000).unwrap();
        let fault = if random & 0x8000 == 0 { Fault::HangBefore } else { Fault::HangAfter };
        let case = format!("SEED={seed}, round {round}: call {number}, {fault:?}, {:?}", policy.delivery);
        let response = harness.run(&policy, &path, -HOUR, Some((number, fault))).await;
        let calls = harness.aws.proxy.calls().len();
        assert!(response.is_none(), "{case}: {calls} calls, and nobody was killed");
        let mut mails = harness.mailbox.take().await;
        let check = async |(start, user): &(&Start, User)| {
            not_cut_off(&harness, &policy, &case, (start, user), &mails).await;
        };
        stream::iter(&users).for_each_concurrent(16, check).await;
        let report = harness.run(&policy, &path, 0, None).await.unwrap_or_else(|| panic!("{case}: no response"));
        assert_eq!(report["statusCode"], 200, "{case}: invariant 7: {:#}", report["summary"]);
        mails.extend(harness.mailbox.take().await);
        let check = async |(start, user): &(&Start, User)| {
            let case = format!("{case}: {}", user.name);
            all_is_well(&harness, &policy, &case, start, user, &mails).await;
        };
        stream::iter(&users).for_each_concurrent(16, check).await;
    }
    for secret in harness.aws.proxy.secrets() {
        assert!(!harness.output.contains(&secret), "a secret was printed");
    }
    println!("wide runs: {rounds} of 200 users killed at a random call, and finished by the next one: no violation");
}

/// The SDK retries by itself and reports only the last attempt. Here the response to the first attempt is lost after
/// the effect, or breaks off in the middle. The second attempt is throttled.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_may_be_out_is_not_taken_back_because_a_second_attempt_was_refused() {
    let mut harness = Harness::new().await;
    let operations = policies().into_iter().zip(["PutSecretValue", "Publish"]);
    let cases = operations.flat_map(|case| [(case.clone(), Fault::LoseAnswer, 0), (case, Fault::BreakOffAnswer, 200)]);
    for ((policy, operation), first, status) in cases {
        let user = harness.user(&STARTS[0]).await;
        harness.run(&policy, &user.name, -HOUR, None).await.expect("a response");
        let number = harness.aws.proxy.calls().iter().position(|call| call.operation == operation).unwrap();

        let user = harness.user(&STARTS[0]).await;
        harness.aws.shift_clock(-HOUR);
        harness.aws.proxy.inject_at(number, first);
        harness.aws.proxy.inject(operation, "", Fault::Refuse(400, "ThrottlingException"));
        let environment = harness.environment(&policy, &user.name, 2);
        let report = harness.invoke(&environment, &json!({}), -HOUR).await.expect("a response");
        // The notices about the rotation come after these calls.
        let calls = harness.aws.proxy.calls().into_iter().filter(|call| call.operation == operation);
        let attempts: Vec<_> = calls.map(|call| call.status).take(2).collect();
        assert_eq!(attempts, [status, 400], "{report:#}");
        assert_eq!(report["statusCode"], 500, "{report:#}");

        let given = harness.given(&policy, &user, &harness.mailbox.take().await).await.expect("the secret is out");
        assert!(
            given.identity(&harness.aws).await.is_ok(),
            "{operation}: the key that its owner got is dead; {report:#}"
        );
    }
}
