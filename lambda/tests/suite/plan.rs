//! The planner as a table: what the handler does in which situation. A simulated AWS carries out the calls.

use crate::common::{article, careful};
use crate::world::{Secret, World, key, lost, manager, refused};
use lambda::{
    model::{
        access_key::{
            AccessKeyId,
            KeyStatus::{self, Active, Inactive},
            LastUse,
        },
        time::{Span, Timestamp},
        user_config_error::UserConfigError,
    },
    protocol::{
        call::{Answer, Call, ConfirmedRecipients, PlannedNotice, Warning},
        call_error::{CallError, ErrorCode},
        journal::{Disabled, DisabledBy, Intent, Journal, JournalParseError, KeyNote, LEASE, LIFE, SKEW},
        manager::Manager,
        overdue::{Overdue, overdue},
        planner::{Next, ROTATION_BUDGET, next_step},
        policy::{
            DeleteAfter, Delivery, DisabledUsers, MaxWait, Policy, StillInUse, UnconfirmedRecipients, UnusedAfter,
        },
        run::{JournalUse, Run, RunAction, Successor},
        state::{UserState, VERIFY_ATTEMPTS, VERIFY_PAUSE},
        stop_reason::{NeedsAttention, StopReason, Unheard},
    },
};

const NOW: Timestamp = Timestamp::from_unix(1_795_490_200);

fn warning() -> Policy {
    Policy { warn_before: Span::days(7), ..careful() }
}

fn replacing() -> Policy {
    Policy { disabled_users: DisabledUsers::Replace, ..careful() }
}

fn run() -> Run {
    Run {
        id: "this-run".parse().unwrap(),
        deadline: NOW + Span::minutes(10),
        action: RunAction::Routine,
        manager: manager(),
        journal: JournalUse::IfNeeded,
    }
}

fn ago(span: Span) -> Timestamp {
    NOW.before(span)
}

fn days(n: u64) -> Timestamp {
    ago(Span::days(n))
}

/// A world with keys of these ages in days.
fn with(keys: &[(u64, KeyStatus)]) -> World {
    keys.iter().fold(World::new(NOW), |world, (age, status)| world.with_key(days(*age), *status))
}

/// Two active keys of these ages in days. The rotation delivered the younger one when it was created.
fn rotated(older: u64, newer: u64) -> World {
    let mut world = with(&[(older, Active), (newer, Active)]);
    world.journal.as_mut().unwrap().delivered = Some(KeyNote { key: key(1), at: days(newer) });
    world
}

/// The note that the rotation deactivated the key.
fn by_rotation(n: usize, at: Timestamp) -> Disabled {
    Disabled { key: key(n), at, by: DisabledBy::Rotation }
}

/// The keys that the warnings were about.
fn warned(world: &World) -> Vec<AccessKeyId> {
    world.warnings.iter().map(|(warning, _)| warning.key().clone()).collect()
}

fn intent(at: Timestamp, known: usize) -> Intent {
    Intent { run: "earlier-run".parse().unwrap(), at, known: key(known) }
}

/// The keys by number, with their status.
fn left(world: &World) -> Vec<(AccessKeyId, KeyStatus)> {
    world.keys.iter().map(|key| (key.id.clone(), key.status)).collect()
}

fn keys(expected: &[(usize, KeyStatus)]) -> Vec<(AccessKeyId, KeyStatus)> {
    expected.iter().map(|(n, status)| (key(*n), *status)).collect()
}

fn operations(calls: &[Call]) -> String {
    calls.iter().map(Call::operation).collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn runs(world: &mut World, policy: &Policy) -> (StopReason, String) {
    let (rest, calls) = world.run(policy, &run(), |_, _, _| None);
    (rest, operations(&calls))
}

#[test]
fn a_healthy_user_costs_one_call() {
    let mut world = with(&[(1, Active)]);
    assert_eq!(runs(&mut world, &careful()), (StopReason::Healthy(NOW + Span::days(59)), "ListAccessKeys".into()));
    let mut world = with(&[]);
    assert_eq!(runs(&mut world, &careful()), (StopReason::NoKeys, "ListAccessKeys".into()));
}

#[test]
fn a_rotation_is_these_calls_in_this_order() {
    let mut world = with(&[(60, Active)]);
    world.secret = Secret::Empty;
    let (rest, calls) = runs(&mut world, &careful());
    assert_eq!(
        calls,
        "ListAccessKeys ListUserTags ListSubscriptionsByTopic PutResourcePolicy TagUser CreateAccessKey \
         GetCallerIdentity GetCallerIdentity GetCallerIdentity PutSecretValue DescribeSecret Publish TagUser"
    );
    assert_eq!(rest, StopReason::Overlap(key(0), NOW + Span::days(7)));
    assert_eq!(left(&world), keys(&[(0, Active), (1, Active)]));
    assert_eq!((world.secret, world.announced), (Secret::Current(key(1)), vec![key(1)]));
    let journal = world.journal.unwrap();
    assert_eq!((journal.intents, journal.delivered), (vec![], Some(KeyNote { key: key(1), at: NOW })));
}

#[test]
fn a_users_first_rotation_makes_its_secret() {
    let mut world = with(&[(60, Active)]);
    let (rest, calls) = runs(&mut world, &careful());
    assert!(
        calls.contains(
            "ListSubscriptionsByTopic PutResourcePolicy CreateSecret PutResourcePolicy TagUser CreateAccessKey"
        ),
        "{calls}"
    );
    assert_eq!((rest, world.secret), (StopReason::Overlap(key(0), NOW + Span::days(7)), Secret::Current(key(1))));
    // If AWS refuses the call again although the secret exists, the secret is not the cause. A lost answer shows
    // nothing, so it stops at once.
    let other_key = CallError::without_effect(ErrorCode::OtherKmsKey, "the secret has another key");
    for (failure, tries) in [(refused("MalformedPolicyDocumentException"), 2), (lost(), 1), (other_key, 1)] {
        let mut world = with(&[(60, Active)]);
        let (rest, calls) = world.run(&careful(), &run(), |_, call, _| {
            matches!(call, Call::PutResourcePolicy).then(|| Err(failure.clone()))
        });
        assert_eq!(rest, StopReason::Failed(Box::new((Call::PutResourcePolicy, failure))));
        assert_eq!(calls.iter().filter(|call| **call == Call::PutResourcePolicy).count(), tries);
        assert_eq!(left(&world), keys(&[(0, Active)]));
    }
}

#[test]
fn the_articles_rotation_is_these_calls_in_this_order() {
    let mut world = with(&[(60, Active)]);
    let (rest, calls) = runs(&mut world, &article());
    assert_eq!(
        calls,
        "ListAccessKeys ListUserTags ListSubscriptionsByTopic TagUser CreateAccessKey GetCallerIdentity GetCallerIdentity \
         GetCallerIdentity Publish TagUser TagUser ListAccessKeys UpdateAccessKey"
    );
    assert_eq!(rest, StopReason::Healthy(NOW + Span::minutes(1)));
    assert_eq!((left(&world), world.mailed), (keys(&[(0, Inactive), (1, Active)]), vec![key(1)]));
}

/// The warning is sent once: by the first run in the last seven days, whichever run that is.
#[test]
fn an_owner_is_warned_once_and_a_missed_run_does_not_skip_it() {
    for (age, warns) in [(52, false), (53, true), (54, true), (59, true), (60, false)] {
        let mut world = with(&[(age, Active)]);
        let (_, calls) = runs(&mut world, &warning());
        assert_eq!(warned(&world) == [key(0)], warns, "{age} days: {calls}");
        if !warns {
            continue;
        }
        assert_eq!(calls, "ListAccessKeys ListUserTags ListSubscriptionsByTopic Publish TagUser");
        let (rest, calls) = runs(&mut world, &warning());
        assert_eq!(
            (rest, calls.as_str()),
            (StopReason::Healthy(days(age) + Span::days(60)), "ListAccessKeys ListUserTags")
        );
        assert_eq!(world.warnings.len(), 1, "once");
    }
}

#[test]
fn a_warning_about_an_earlier_key_does_not_stand_for_the_next_one() {
    let mut world = with(&[(55, Active)]);
    world.journal = Ok(Journal { warned: Some(key(7)), ..Journal::default() });
    let _ = runs(&mut world, &warning());
    assert_eq!(warned(&world), [key(0)]);
    assert_eq!(world.journal.unwrap().warned, Some(key(0)));
}

/// A mail that was lost is sent again, because the note is written only after the mail.
#[test]
fn a_warning_is_noted_after_it_was_sent() {
    let mut world = with(&[(55, Active)]);
    let (rest, _) =
        world.run(&warning(), &run(), |_, call, _| matches!(call, Call::Publish(_)).then(|| Err(refused("Throttled"))));
    assert!(matches!(rest, StopReason::Failed(_)), "{rest:?}");
    assert_eq!(world.journal, Ok(Journal::default()));
    let _ = runs(&mut world, &warning());
    assert_eq!(warned(&world), [key(0)]);
}

/// A key in its recovery window does not delay the warning about the other key.
#[test]
fn a_warning_does_not_wait_for_a_window_to_end() {
    let mut world = with(&[(70, Inactive), (55, Active)]);
    let disabled = vec![by_rotation(0, days(1))];
    world.journal = Ok(Journal { disabled, ..Journal::default() });
    let (rest, _) = runs(&mut world, &warning());
    assert_eq!((rest, warned(&world)), (StopReason::Window(key(0), days(1) + Span::days(14)), vec![key(1)]));
}

/// IAM allows 50 tags. If the intent fitted but the delivery did not, each run would create a key and withdraw it.
#[test]
fn a_rotation_begins_only_if_all_its_notes_have_room() {
    for (foreign, fits) in [(41, true), (42, false)] {
        let mut world = with(&[(60, Active)]);
        world.journal = Ok(Journal { foreign, ..Journal::default() });
        let (rest, calls) = runs(&mut world, &careful());
        assert_eq!(
            !matches!(rest, StopReason::NeedsAttention(NeedsAttention::NoRoom(42))),
            fits,
            "{foreign}: {rest:?}"
        );
        assert_eq!(calls.contains("TagUser"), fits, "{foreign}: {calls}");
        // A warning that could not be noted would be sent in each run, so it is not sent.
        let mut world = with(&[(57, Active)]);
        world.journal = Ok(Journal { foreign, ..Journal::default() });
        let (rest, calls) = runs(&mut world, &warning());
        assert_eq!(
            !matches!(rest, StopReason::NeedsAttention(NeedsAttention::NoRoom(42))),
            fits,
            "{foreign}: {rest:?}"
        );
        assert_eq!(calls.contains("Publish"), fits, "{foreign}: {calls}");
    }
}

/// A whole life with a run each day: each key is created, superseded, deactivated and deleted at its time.
#[test]
fn a_key_lives_as_the_policy_says() {
    let mut world = with(&[(0, Active)]);
    let mut events = Vec::new();
    for day in 0..=82 {
        world.now = NOW + Span::days(day);
        let before = left(&world);
        let now_run = Run { deadline: world.now + Span::minutes(10), ..run() };
        let (_, calls) = world.run(&careful(), &now_run, |_, _, _| None);
        if before != left(&world) {
            let writes = calls.iter().filter(|call| call.operation().ends_with("AccessKey"));
            events.extend(writes.map(|call| (day, call.operation())));
        }
    }
    assert_eq!(events, [(60, "CreateAccessKey"), (67, "UpdateAccessKey"), (81, "DeleteAccessKey")]);
    assert_eq!(left(&world), keys(&[(1, Active)]));
}

#[test]
fn the_table_of_starting_states() {
    // The keys at the start (age in days, status), the policy, and the keys at the end. Keys are numbered in the order
    // of their creation.
    type Row = (&'static str, Vec<(u64, KeyStatus)>, Policy, Vec<(usize, KeyStatus)>);
    let table: Vec<Row> = vec![
        ("active + inactive, article", vec![(90, Inactive), (60, Active)], article(), vec![(1, Inactive), (2, Active)]),
        ("two active, article", vec![(90, Active), (60, Active)], article(), vec![(1, Inactive), (2, Active)]),
        ("only inactive, article", vec![(60, Inactive)], article(), vec![(0, Inactive), (1, Active)]),
        ("two inactive, article", vec![(90, Inactive), (60, Inactive)], article(), vec![(1, Inactive), (2, Active)]),
        (
            "two inactive, listed youngest first",
            vec![(60, Inactive), (90, Inactive)],
            article(),
            vec![(0, Inactive), (2, Active)],
        ),
        (
            "young + inactive, article keeps it",
            vec![(90, Inactive), (0, Active)],
            article(),
            vec![(0, Inactive), (1, Active)],
        ),
        ("two active, told first", vec![(90, Active), (8, Active)], careful(), vec![(0, Active), (1, Active)]),
        (
            "two active, listed youngest first, article",
            vec![(60, Active), (90, Active)],
            article(),
            vec![(0, Inactive), (2, Active)],
        ),
        ("two active, in the overlap", vec![(90, Active), (6, Active)], careful(), vec![(0, Active), (1, Active)]),
        ("only inactive is skipped", vec![(90, Inactive)], careful(), vec![(0, Inactive)]),
        (
            "two inactive are skipped",
            vec![(90, Inactive), (30, Inactive)],
            careful(),
            vec![(0, Inactive), (1, Inactive)],
        ),
        ("only inactive, replaced if asked for", vec![(90, Inactive)], replacing(), vec![(0, Inactive), (1, Active)]),
        (
            "due, but an inactive key has its window",
            vec![(90, Inactive), (60, Active)],
            careful(),
            vec![(0, Inactive), (1, Active)],
        ),
    ];
    for (name, start, policy, expected) in table {
        let mut world = with(&start);
        // A key of age 0 was created in this second, so it is younger than the article's minute.
        let (rest, calls) = runs(&mut world, &policy);
        assert_eq!(left(&world), keys(&expected), "{name}: {rest:?} after {calls}");
    }
}

/// Trace a of the attacks: an administrator deactivated the user's only key.
#[test]
fn invariant_10_a_user_without_an_active_key_gets_none_unasked() {
    let ordered = |action| Run { action, ..run() };
    for start in [vec![(10, Inactive)], vec![(90, Inactive)], vec![(90, Inactive), (10, Inactive)]] {
        for action in [RunAction::Routine, RunAction::RotateNow] {
            let mut world = with(&start);
            let (rest, calls) = world.run(&careful(), &ordered(action), |_, _, _| None);
            assert_eq!((rest, operations(&calls).as_str()), (StopReason::Disabled, "ListAccessKeys"), "{start:?}");
        }
    }
    let mut world = with(&[(10, Inactive)]);
    let (_, calls) = world.run(&careful(), &ordered(RunAction::Enable), |_, _, _| None);
    assert_eq!(left(&world), keys(&[(0, Inactive), (1, Active)]), "a person asks: {}", operations(&calls));
    // What a dead run left stays until the user has an active key again.
    let mut world = unfinished();
    world.keys.iter_mut().for_each(|key| key.status = Inactive);
    assert_eq!(runs(&mut world, &careful()), (StopReason::Disabled, "ListAccessKeys".into()));
    world.keys[0].status = Active;
    let _ = runs(&mut world, &careful());
    assert_eq!(world.keys.iter().filter(|k| k.id == key(1)).count(), 0, "the orphan is deleted then");
    // What a dead run left is not taken away if it is the only active key: its secret may have reached the owner by mail.
    for delivery in [Delivery::SecretsManager, Delivery::Email] {
        let mut world = unfinished();
        world.keys[0].status = Inactive;
        let (rest, _) = runs(&mut world, &Policy { delivery, ..careful() });
        assert_eq!(rest, StopReason::NeedsAttention(NeedsAttention::UnclearOrigin), "{delivery:?}");
        assert_eq!(left(&world), keys(&[(0, Inactive), (1, Active)]));
    }
}

#[test]
fn the_journal_decides_between_two_active_keys_of_one_second() {
    let mut world = with(&[(30, Active), (30, Active)]);
    assert_eq!(runs(&mut world, &careful()).0, StopReason::NeedsAttention(NeedsAttention::SameAge));
    for (delivered, retired) in [(0, 1), (1, 0)] {
        let mut world = with(&[(30, Active), (30, Active)]);
        world.journal.as_mut().unwrap().delivered = Some(KeyNote { key: key(delivered), at: days(30) });
        let _ = runs(&mut world, &careful());
        let statuses: Vec<_> = world.keys.iter().map(|key| key.status).collect();
        assert_eq!(statuses[retired], Inactive, "key {delivered} was delivered");
        assert_eq!(statuses[delivered], Active);
    }
}

#[test]
fn an_inactive_key_is_kept_for_its_window_from_when_it_was_first_seen() {
    let mut world = with(&[(40, Inactive), (30, Active)]);
    let (rest, calls) = runs(&mut world, &careful());
    assert_eq!(
        (rest, calls.as_str()),
        (
            StopReason::Window(key(0), NOW + Span::days(14)),
            "ListAccessKeys ListUserTags ListSubscriptionsByTopic Publish TagUser"
        )
    );
    let by_other = Disabled { key: key(0), at: NOW, by: DisabledBy::Other };
    assert_eq!((warned(&world), &world.journal.as_ref().unwrap().disabled), (vec![key(0)], &vec![by_other]));

    for (disabled, deleted) in [(ago(Span::days(14)), true), (ago(Span::seconds(14 * 86_400 - 1)), false)] {
        let mut world = with(&[(40, Inactive), (30, Active)]);
        world.journal.as_mut().unwrap().disabled = vec![by_rotation(0, disabled)];
        let _ = runs(&mut world, &careful());
        assert_eq!(world.keys.len() == 1, deleted, "{disabled}");
    }

    // The overlap is for the owner of a key that the handler did not deactivate.
    let short = Policy { delete_after: DeleteAfter::Window(Span::days(1)), ..careful() };
    for (by, deleted) in [(DisabledBy::Rotation, true), (DisabledBy::Other, false)] {
        let mut world = with(&[(40, Inactive), (30, Active)]);
        world.journal.as_mut().unwrap().disabled = vec![Disabled { by, ..by_rotation(0, days(1)) }];
        let _ = runs(&mut world, &short);
        assert_eq!(world.keys.len() == 1, deleted, "{by:?}");
    }
}

#[test]
fn invariant_1_an_old_key_in_use_stays() {
    let used = |at| LastUse::Used { at, service: "s3".into(), region: "eu-west-1".into() };
    for (last_use, retired) in [
        (LastUse::Never, true),
        (used(days(20)), true),
        // A workload that got the new key some days later used the old one until then.
        (used(days(8)), true),
        (used(ago(Span::days(8)) + Span::seconds(1)), false),
        (used(NOW), false),
    ] {
        let mut world = rotated(90, 20);
        world.last_use = vec![(key(0), last_use.clone())];
        let (rest, _) = runs(&mut world, &careful());
        assert_eq!(world.keys[0].status == Inactive, retired, "{last_use:?}");
        assert_eq!(rest == StopReason::StillInUse(key(0), last_use.clone()), !retired, "{last_use:?}: {rest:?}");
    }
    let mut world = rotated(90, 8);
    world.last_use = vec![(key(0), used(NOW))];
    let _ = runs(&mut world, &Policy { still_in_use: StillInUse::Retire, ..careful() });
    assert_eq!(world.keys[0].status, Inactive, "still_in_use: retire does not wait");
    // A key that is used once a day is in use, however short the overlap is. Uses before the delivery do not count.
    for (hours, retired) in [(0, false), (25, false), (47, false), (48, true)] {
        let mut world = rotated(90, 3);
        world.last_use = vec![(key(0), used(ago(Span::minutes(60 * hours))))];
        let _ = runs(&mut world, &Policy { overlap: Span::ZERO, ..careful() });
        assert_eq!(world.keys[0].status == Inactive, retired, "{hours} hours ago");
    }
}

/// The call that a healthy user costs also shows how IAM spells the name. With another spelling, nothing more is done.
#[test]
fn a_user_whose_name_iam_spells_in_another_way_is_skipped() {
    let name = || "Alice".parse().unwrap();
    for action in [RunAction::Routine, RunAction::RotateNow, RunAction::Undo, RunAction::Adopt, RunAction::Release] {
        let mut world = with(&[(90, Active)]);
        let run = Run { action, ..run() };
        let (rest, calls) = world.run(&careful(), &run, |_, _, _| Some(Ok(Answer::OtherSpelling(name()))));
        assert_eq!(operations(&calls), "ListAccessKeys", "{:?}", run.action);
        assert_eq!(
            rest,
            StopReason::NeedsAttention(NeedsAttention::UserConfigError(UserConfigError::Spelling(name())))
        );
        let text = rest.to_string();
        assert!(text.contains("IAM spells the name of the user Alice") && text.contains("correct this"), "{text}");
    }
}

#[test]
fn invariant_5_a_last_use_that_cannot_be_read_means_in_use() {
    for failure in [refused("Throttling"), lost()] {
        let mut world = rotated(90, 8);
        let (rest, _) = world.run(&careful(), &run(), |_, call, _| {
            matches!(call, Call::GetAccessKeyLastUsed(_)).then(|| Err(failure.clone()))
        });
        assert_eq!(rest, StopReason::StillInUse(key(0), LastUse::Unknown));
        assert_eq!(left(&world), keys(&[(0, Active), (1, Active)]));
    }
}

#[test]
fn a_key_younger_than_a_lease_supersedes_nothing_unless_the_journal_says_so() {
    // The other run's intent may not be visible yet, and its key not delivered.
    let mut world = with(&[(90, Active)]).with_key(ago(Span::minutes(5)), Active);
    let (rest, calls) = runs(&mut world, &article());
    assert_eq!(
        rest,
        StopReason::Recent(key(1), NOW + Span::minutes(35)),
        "its lease and the difference of the clocks, minus five minutes"
    );
    assert!(!calls.contains("UpdateAccessKey"));
    world.journal.as_mut().unwrap().delivered = Some(KeyNote { key: key(1), at: ago(Span::minutes(5)) });
    let _ = runs(&mut world, &article());
    assert_eq!(world.keys[0].status, Inactive);
}

#[test]
fn invariant_8_a_run_does_not_touch_a_user_with_an_unexpired_intent() {
    for (begun, busy) in [(NOW, true), (ago(LEASE) + Span::seconds(1), true), (ago(LEASE), false)] {
        let mut world = with(&[(90, Active)]);
        world.journal.as_mut().unwrap().intents = vec![intent(begun, 0)];
        let (rest, calls) = runs(&mut world, &careful());
        assert_eq!(matches!(rest, StopReason::Busy(..)), busy, "{begun}");
        assert_eq!(calls == "ListAccessKeys ListUserTags", busy, "{calls}");
    }
}

/// The intent of a dead run can stay beside that of a run at work, in any order of the tags.
#[test]
fn invariant_8_a_dead_runs_intent_does_not_hide_a_living_one() {
    let dead = intent(ago(LEASE + Span::minutes(1)), 0);
    let living = Intent { run: "living-run".parse().unwrap(), ..intent(ago(Span::minutes(1)), 0) };
    for intents in [vec![dead.clone(), living.clone()], vec![living.clone(), dead]] {
        let mut world = with(&[(90, Active)]).with_key(ago(Span::minutes(1)), Active);
        world.journal.as_mut().unwrap().intents = intents;
        let (rest, calls) = runs(&mut world, &careful());
        assert_eq!(rest, StopReason::Busy(living.run.clone(), living.at + LEASE), "{calls}");
        assert_eq!(calls, "ListAccessKeys ListUserTags");
    }
}

/// A user with a rotation that an earlier run left unfinished an hour ago.
fn unfinished() -> World {
    let begun = ago(Span::minutes(60));
    let mut world = with(&[(90, Active)]).with_key(begun, Active);
    world.journal.as_mut().unwrap().intents = vec![intent(begun, 0)];
    world
}

#[test]
fn invariant_3_an_orphan_is_removed_and_never_the_older_key() {
    for policy in [careful(), Policy { delivery: Delivery::Email, ..careful() }] {
        let mut world = unfinished();
        let (_, calls) = runs(&mut world, &policy);
        assert!(
            calls.contains(
                "GetAccessKeyLastUsed TagUser ListAccessKeys UpdateAccessKey GetAccessKeyLastUsed DeleteAccessKey"
            ),
            "{calls}"
        );
        assert_eq!(left(&world), keys(&[(0, Active), (2, Active)]), "and the rotation is done again");
    }
}

#[test]
fn a_key_that_was_stored_before_the_crash_is_announced_and_committed() {
    let mut world = unfinished();
    world.secret = Secret::Current(key(1));
    let (rest, calls) = runs(&mut world, &careful());
    assert_eq!(
        calls,
        "ListAccessKeys ListUserTags CreateSecret DescribeSecret ListSubscriptionsByTopic Publish TagUser"
    );
    assert_eq!(rest, StopReason::Overlap(key(0), NOW + Span::days(7)));
    assert_eq!(world.announced, [key(1)]);
}

#[test]
fn an_orphan_that_is_used_is_no_orphan() {
    let window_ends = ago(Span::minutes(60)) + LIFE + Span::minutes(5);
    let sts = |at| LastUse::Used { at, service: "sts".into(), region: "us-east-1".into() };
    let s3 = LastUse::Used { at: ago(Span::minutes(59)), service: "s3".into(), region: "us-east-1".into() };
    for (last_use, removed) in
        [(LastUse::Never, true), (sts(window_ends), true), (sts(window_ends + Span::seconds(1)), false), (s3, false)]
    {
        let mut world = unfinished();
        world.last_use = vec![(key(1), last_use.clone())];
        let (rest, _) = runs(&mut world, &careful());
        assert_eq!(!world.keys.iter().any(|k| k.id == key(1)), removed, "{last_use:?}");
        if !removed {
            assert_eq!(rest, StopReason::NeedsAttention(NeedsAttention::OrphanInUse(key(1), last_use.clone())));
            // A mail cannot be read back. But if the key is used, it was received.
            let mut world = unfinished();
            world.last_use = vec![(key(1), last_use.clone())];
            let _ = runs(&mut world, &Policy { delivery: Delivery::Email, ..careful() });
            assert_eq!(world.journal.unwrap().delivered, Some(KeyNote { key: key(1), at: NOW }));
        }
    }
}

#[test]
fn a_forged_intent_takes_no_key_away() {
    // The tag names the new key as the one that existed before, so that the old one seems to be the orphan.
    let mut world = unfinished();
    world.journal.as_mut().unwrap().intents = vec![intent(days(90), 1)];
    assert_eq!(runs(&mut world, &careful()).0, StopReason::NeedsAttention(NeedsAttention::UnclearOrigin));
    // It names a key that does not exist.
    let mut world = unfinished();
    let in_use = LastUse::Used { at: NOW, service: "s3".into(), region: "eu-west-1".into() };
    world.last_use = vec![(key(1), in_use.clone())];
    world.journal.as_mut().unwrap().intents = vec![intent(ago(Span::minutes(60)), 7)];
    assert_eq!(runs(&mut world, &careful()).0, StopReason::NeedsAttention(NeedsAttention::OrphanInUse(key(1), in_use)));
    // Its time is in the future.
    let mut world = unfinished();
    world.journal.as_mut().unwrap().intents = vec![intent(NOW + Span::minutes(6), 0)];
    assert_eq!(
        runs(&mut world, &careful()).0,
        StopReason::NeedsAttention(NeedsAttention::Future(NOW + Span::minutes(6)))
    );
    // None of them changed anything.
    assert_eq!(left(&world), keys(&[(0, Active), (1, Active)]));
}

#[test]
fn when_the_channel_is_not_ready_no_key_is_made() {
    let mut world = with(&[(90, Active)]);
    world.recipients.of_secret = false;
    let (rest, calls) = runs(&mut world, &article());
    assert_eq!(
        (rest, calls.as_str()),
        (StopReason::NoConfirmedRecipient(Unheard::Secret), "ListAccessKeys ListUserTags ListSubscriptionsByTopic")
    );

    let mut world = with(&[(90, Active)]);
    let late = Run { deadline: NOW + Span::seconds(89), ..run() };
    assert_eq!(world.run(&careful(), &late, |_, _, _| None).0, StopReason::OutOfTime);
    assert_eq!(left(&world), keys(&[(0, Active)]));
}

#[test]
fn invariant_2_a_key_that_never_works_is_withdrawn() {
    let mut world = with(&[(90, Active)]);
    let mut verifications = 0;
    let (rest, calls) = world.run(&careful(), &run(), |_, call, _| {
        let verifying = matches!(call, Call::GetCallerIdentity { .. });
        verifications += u8::from(verifying);
        // Two successes after each other are never three in a row.
        (verifying && verifications % 3 == 0).then(|| Err(refused("InvalidClientTokenId")))
    });
    assert!(verifications <= VERIFY_ATTEMPTS, "bounded: {verifications}");
    assert!(matches!(rest, StopReason::Withdrawn(_)), "{rest:?} after {}", operations(&calls));
    assert_eq!(left(&world), keys(&[(0, Active)]));
    assert_eq!(world.journal.unwrap().intents.len(), 1, "a run with an old list must find the intent");
}

#[test]
fn a_refused_delivery_is_withdrawn_and_one_that_may_have_arrived_is_kept() {
    for (policy, delivery) in [(careful(), "PutSecretValue"), (article(), "Publish")] {
        let mut world = with(&[(90, Active)]);
        let (rest, _) =
            world.run(&policy, &run(), |_, call, _| (call.operation() == delivery).then(|| Err(refused("No"))));
        assert!(matches!(rest, StopReason::Withdrawn(_)), "{rest:?}");
        assert_eq!(left(&world), keys(&[(0, Active)]));

        let mut world = with(&[(90, Active)]);
        let (rest, _) = world.run(&policy, &run(), |_, call, _| (call.operation() == delivery).then(|| Err(lost())));
        assert!(matches!(rest, StopReason::Failed(_)), "{rest:?}");
        assert_eq!(left(&world), keys(&[(0, Active), (1, Active)]));
        assert!(!world.journal.unwrap().intents.is_empty(), "the next run reads back what happened");
    }
}

#[test]
fn rotating_now_rotates_once() {
    let now = Run { action: RunAction::RotateNow, ..run() };
    for policy in [careful(), article()] {
        let mut world = with(&[(1, Active)]);
        let (_, calls) = world.run(&policy, &now, |_, _, _| None);
        assert_eq!(calls.iter().filter(|call| **call == Call::CreateAccessKey).count(), 1);
        assert_eq!(world.keys.len(), 2);
    }
}

#[test]
fn a_key_in_use_stays_active_no_longer_than_wait_at_most() {
    let patient = |span| Policy { wait_at_most: MaxWait::AtMost(span), ..careful() };
    // Delivered 30 days ago, so the overlap was over 23 days ago.
    for (policy, retired) in [(patient(Span::days(23)), true), (patient(Span::days(24)), false), (careful(), false)] {
        let mut world = rotated(90, 30);
        world.last_use = vec![(key(0), LastUse::Used { at: NOW, service: "s3".into(), region: "eu-west-1".into() })];
        let _ = runs(&mut world, &policy);
        assert_eq!(world.keys[0].status == Inactive, retired, "{:?}", policy.wait_at_most);
    }
}

/// The time in the notice is the time of the change: a second before it the key stays active, then it is deactivated.
#[test]
fn the_time_until_which_a_key_in_use_stays_active_is_known() {
    let patient = Policy { wait_at_most: MaxWait::AtMost(Span::days(24)), ..careful() };
    for delivered in [days(30), days(29)] {
        let mut world = with(&[(90, Active), (30, Active)]);
        world.journal.as_mut().unwrap().delivered = Some(KeyNote { key: key(1), at: delivered });
        let mut state = UserState::default();
        for call in [Call::ListAccessKeys, Call::ListUserTags] {
            let answer = world.call(&call);
            state.learn(&call, answer);
        }
        assert_eq!(state.waits_until(&key(0), &careful()), None, "the wait has no end");
        let until = state.waits_until(&key(0), &patient).unwrap();
        assert_eq!(until, delivered + Span::days(7 + 24));
        for (now, retired) in [(until.before(Span::seconds(1)), false), (until, true)] {
            let mut world = World { now, ..world.clone() };
            world.last_use =
                vec![(key(0), LastUse::Used { at: now, service: "s3".into(), region: "eu-west-1".into() })];
            let _ = world.run(&patient, &Run { deadline: now + Span::minutes(10), ..run() }, |_, _, _| None);
            assert_eq!(world.keys[0].status == Inactive, retired, "{now}");
        }
    }
}

#[test]
fn undo_reactivates_the_previous_key_and_later_runs_leave_it_until_its_successor_is_due() {
    let undo = Run { action: RunAction::Undo, ..run() };
    let mut world = with(&[(90, Inactive), (30, Active)]);
    world.journal.as_mut().unwrap().disabled = vec![by_rotation(0, days(1))];
    world.journal.as_mut().unwrap().delivered = Some(KeyNote { key: key(1), at: days(30) });
    let (rest, calls) = world.run(&careful(), &undo, |_, _, _| None);
    assert_eq!(operations(&calls), "ListAccessKeys ListUserTags GetAccessKeyLastUsed TagUser UpdateAccessKey TagUser");
    assert_eq!(rest, StopReason::Undone(key(0), NOW + Span::days(30)));
    assert_eq!(left(&world), keys(&[(0, Active), (1, Active)]));
    assert_eq!(world.journal.as_ref().unwrap().disabled, [], "its window begins again at the next deactivation");

    assert_eq!(runs(&mut world, &careful()).0, StopReason::Undone(key(0), NOW + Span::days(30)));
    world.now = NOW + Span::days(30);
    let later = Run { deadline: world.now + Span::minutes(10), ..run() };
    let (rest, _) = world.run(&careful(), &later, |_, _, _| None);
    assert_eq!((rest, world.keys[0].status), (StopReason::Window(key(0), world.now + Span::days(14)), Inactive));
}

#[test]
fn without_a_predecessor_there_is_nothing_to_undo() {
    let undo = Run { action: RunAction::Undo, ..run() };
    for start in [vec![(30, Active)], vec![(90, Active), (30, Active)]] {
        let mut world = with(&start);
        let before = world.keys.clone();
        assert_eq!(world.run(&careful(), &undo, |_, _, _| None).0, StopReason::NothingToUndo);
        assert_eq!(world.keys, before);
    }
    let mut world = with(&[(90, Inactive), (30, Inactive)]);
    world.journal.as_mut().unwrap().disabled = vec![by_rotation(0, days(2)), by_rotation(1, days(1))];
    let _ = world.run(&careful(), &undo, |_, _, _| None);
    assert_eq!(left(&world), keys(&[(0, Inactive), (1, Active)]), "the youngest");
}

#[test]
fn undo_brings_back_a_predecessor_and_no_later_key() {
    // A person deactivated the newer key. If it were activated again, it would supersede the older one.
    let undo = Run { action: RunAction::Undo, ..run() };
    let mut world = with(&[(90, Active), (30, Inactive)]);
    world.journal.as_mut().unwrap().disabled = vec![by_rotation(1, days(1))];
    assert_eq!(world.run(&careful(), &undo, |_, _, _| None).0, StopReason::NothingToUndo);
    // Of two keys of the same second, the one that was delivered is the later one.
    for (delivered, undone) in [(0, false), (1, true)] {
        let mut world = with(&[(30, Inactive), (30, Active)]);
        world.journal.as_mut().unwrap().disabled = vec![by_rotation(0, days(1))];
        world.journal.as_mut().unwrap().delivered = Some(KeyNote { key: key(delivered), at: days(30) });
        let _ = world.run(&careful(), &undo, |_, _, _| None);
        assert_eq!(world.keys[0].status == Active, undone, "key {delivered} was delivered");
    }
}

/// A run that deletes a key has read the list moments before. An undo must not reactivate the key in between.
#[test]
fn invariant_4_undo_keeps_a_lease_away_from_the_deletion() {
    let undo = Run { action: RunAction::Undo, ..run() };
    let lease = LEASE + Span::minutes(5);
    let a_second_less = |span: Span| Span::seconds(span.as_seconds() - 1);
    let window = |window| Policy { delete_after: DeleteAfter::Window(window), ..careful() };
    let kept = Policy { delete_after: DeleteAfter::NextRotation, ..careful() };
    let noted = |ends: Span| Some(by_rotation(0, (NOW + ends).before(Span::days(14))));
    for (policy, note, successor_made, undone) in [
        (careful(), noted(lease), days(30), true),
        (careful(), noted(a_second_less(lease)), days(30), false),
        (window(lease), Some(by_rotation(0, NOW)), days(30), true),
        (window(a_second_less(lease)), Some(by_rotation(0, NOW)), days(30), false),
        // It is kept until the rotation that needs its place.
        (kept.clone(), Some(by_rotation(0, NOW)), days(60) + lease, true),
        (kept, Some(by_rotation(0, NOW)), days(60) + a_second_less(lease), false),
    ] {
        let mut world = with(&[(90, Inactive)]).with_key(successor_made, Active);
        world.journal.as_mut().unwrap().disabled = note.into_iter().collect();
        let (rest, _) = world.run(&policy, &undo, |_, _, _| None);
        assert_eq!(world.keys[0].status == Active, undone, "{policy:?}: {rest:?}");
        assert_eq!(rest == StopReason::TooLateToUndo(key(0)), !undone, "{policy:?}: {rest:?}");
    }
}

/// With `disabled_users: replace`, a run deletes a key of a user without an active one, to make room.
#[test]
fn invariant_4_undo_keeps_away_from_the_replacement_of_a_disabled_user() {
    let undo = Run { action: RunAction::Undo, ..run() };
    let kept = |policy| Policy { delete_after: DeleteAfter::NextRotation, ..policy };
    let lease = LEASE + Span::minutes(5);
    let after_overlap = (NOW + lease).before(Span::days(7));
    let a_second_before = after_overlap.before(Span::seconds(1));
    for (policy, by, noted, undone) in [
        (kept(careful()), DisabledBy::Rotation, a_second_before, true),
        (kept(replacing()), DisabledBy::Rotation, after_overlap, true),
        (kept(replacing()), DisabledBy::Rotation, a_second_before, false),
        (Policy { overlap: Span::ZERO, ..article() }, DisabledBy::Rotation, NOW, false),
        // Such a user gets no new key.
        (kept(replacing()), DisabledBy::Disuse, a_second_before, true),
    ] {
        let mut world = with(&[(90, Inactive), (30, Inactive)]);
        world.journal.as_mut().unwrap().disabled = vec![Disabled { key: key(1), at: noted, by }];
        let (rest, _) = world.run(&policy, &undo, |_, _, _| None);
        assert_eq!(world.keys[1].status == Active, undone, "{policy:?}: {rest:?}");
        assert_eq!(rest == StopReason::TooLateToUndo(key(1)), !undone, "{policy:?}: {rest:?}");
    }
}

/// A mail was sent just before a crash, and its key is put in place after a later run has read that the key is unused.
#[test]
fn a_mailed_key_that_is_used_after_all_is_activated_again() {
    let policy = Policy { delivery: Delivery::Email, ..careful() };
    let mut world = unfinished();
    let (rest, calls) = world.run(&policy, &run(), |_, call, world| {
        if matches!(call, Call::DeactivateAccessKey(..)) {
            let at = world.now;
            world.note_use(&key(1), LastUse::Used { at, service: "s3".into(), region: "eu-west-1".into() });
        }
        None
    });
    assert_eq!(
        operations(&calls),
        "ListAccessKeys ListUserTags GetAccessKeyLastUsed TagUser ListAccessKeys UpdateAccessKey GetAccessKeyLastUsed \
         UpdateAccessKey TagUser UntagUser",
        "{rest:?}"
    );
    assert_eq!(left(&world), keys(&[(0, Active), (1, Active)]));
    assert_eq!(world.journal.unwrap().delivered, Some(KeyNote { key: key(1), at: NOW }));
}

/// Only a mailed key that the handler has deactivated is activated again: a person may have deactivated another one. A key
/// in Secrets Manager can be read back, so a use is no sign of its delivery.
#[test]
fn invariant_10_an_inactive_orphan_in_use_is_left_to_a_person() {
    let noted = by_rotation(1, ago(Span::minutes(50)));
    for (delivery, disabled) in [(Delivery::Email, vec![]), (Delivery::SecretsManager, vec![noted])] {
        let mut world = unfinished();
        set(&mut world, 1, Inactive);
        let used = LastUse::Used { at: ago(Span::minutes(30)), service: "s3".into(), region: "eu-west-1".into() };
        world.last_use = vec![(key(1), used.clone())];
        world.journal.as_mut().unwrap().disabled = disabled;
        let (rest, calls) = runs(&mut world, &Policy { delivery, ..careful() });
        assert_eq!(
            rest,
            StopReason::NeedsAttention(NeedsAttention::OrphanInUse(key(1), used)),
            "{delivery:?}: {calls}"
        );
        assert_eq!(left(&world), keys(&[(0, Active), (1, Inactive)]));
    }
}

/// A closed intent has no meaning, and the next run that reads the journal removes it.
#[test]
fn the_closed_intent_of_a_finished_rotation_is_removed() {
    let mut world = with(&[(60, Active)]);
    let _ = runs(&mut world, &careful());
    assert_eq!(world.journal.as_ref().unwrap().closed.len(), 1);
    let (_, calls) = runs(&mut world, &careful());
    assert_eq!(calls, "ListAccessKeys ListUserTags UntagUser");
    assert_eq!(world.journal.unwrap().closed, []);

    let mut world = with(&[(90, Active), (2, Active)]);
    let journal = world.journal.as_mut().unwrap();
    journal.closed = vec!["earlier-run".parse().unwrap()];
    journal.delivered = Some(KeyNote { key: key(1), at: days(2) });
    let (rest, calls) = runs(&mut world, &careful());
    assert_eq!(
        (rest, calls.as_str()),
        (StopReason::Overlap(key(0), NOW + Span::days(5)), "ListAccessKeys ListUserTags UntagUser")
    );
    assert_eq!(world.journal.unwrap().closed, []);
}

/// A run stalls between its intent and the creation of its key. It creates the key in the same second as the run that
/// overtook it.
#[test]
fn of_two_keys_of_one_second_the_one_in_the_secret_is_the_later_one() {
    let begun = ago(Span::minutes(60));
    let mut world = World::new(NOW).with_key(begun, Active).with_key(begun, Active);
    world.secret = Secret::Current(key(1));
    let journal = world.journal.as_mut().unwrap();
    journal.delivered = Some(KeyNote { key: key(0), at: begun });
    journal.intents = vec![intent(begun, 7)];
    let policy = Policy { overlap: Span::ZERO, still_in_use: StillInUse::Retire, ..careful() };
    let (rest, calls) = runs(&mut world, &policy);
    assert_eq!(world.keys[1].status, Active, "{rest:?} after {calls}");
    assert_eq!(world.journal.unwrap().delivered.map(|d| d.key), Some(key(1)), "{calls}");
}

#[test]
fn a_note_of_a_deactivation_ends_with_it() {
    // Deactivated 20 days ago, reactivated by hand; its successor was delivered 8 days ago.
    let mut world = rotated(90, 8);
    world.journal.as_mut().unwrap().disabled = vec![by_rotation(0, days(20))];
    let (rest, _) = runs(&mut world, &careful());
    assert_eq!(rest, StopReason::Window(key(0), NOW + Span::days(14)), "its window begins now");
}

#[test]
fn a_key_that_aws_never_accepts_is_verified_a_limited_number_of_times_with_pauses() {
    let mut world = with(&[(90, Active)]);
    let (rest, calls) = world.run(&careful(), &run(), |_, call, _| {
        matches!(call, Call::GetCallerIdentity { .. }).then(|| Err(refused("InvalidClientTokenId")))
    });
    let pause = |call: &Call| match call {
        Call::GetCallerIdentity { pause, .. } => Some(*pause),
        _ => None,
    };
    let pauses: Vec<_> = calls.iter().filter_map(pause).collect();
    let mut expected = vec![VERIFY_PAUSE; usize::from(VERIFY_ATTEMPTS)];
    expected[0] = Span::ZERO;
    assert_eq!(pauses, expected, "at once, then after a pause each time");
    let StopReason::Withdrawn(because) = rest else { panic!("{rest:?}") };
    assert_eq!((because.0.operation(), because.1.code.as_str()), ("GetCallerIdentity", "InvalidClientTokenId"));

    // After a success, the next verification follows at once.
    let mut world = with(&[(90, Active)]);
    let (_, calls) = world.run(&careful(), &run(), |_, _, _| None);
    assert!(calls.iter().all(|call| !matches!(call, Call::GetCallerIdentity { pause, .. } if *pause > Span::ZERO)));
}

#[test]
fn a_creation_that_was_refused_leaves_no_intent_and_one_that_was_lost_does() {
    for (failure, left_behind) in [(refused("LimitExceeded"), 0), (lost(), 1)] {
        let mut world = with(&[(90, Active)]);
        let (rest, _) =
            world.run(&careful(), &run(), |_, call, _| (*call == Call::CreateAccessKey).then(|| Err(failure.clone())));
        let journal = world.journal.unwrap();
        assert_eq!((journal.intents.len(), journal.closed.len()), (left_behind, 0), "{failure:?}");
        assert_eq!(rest, StopReason::Failed(Box::new((Call::CreateAccessKey, failure))));
    }
    // The first failure is reported; if there was none before, this one is.
    for (create, reported) in [(Some(refused("LimitExceeded")), "CreateAccessKey"), (None, "UntagUser")] {
        let mut world = with(&[(90, Active)]);
        if create.is_none() {
            world.journal.as_mut().unwrap().closed = vec!["earlier-run".parse().unwrap()];
        }
        let (rest, _) = world.run(&careful(), &run(), |_, call, _| match call {
            Call::CreateAccessKey => create.clone().map(Err),
            Call::UntagUser(_) => Some(Err(refused("Throttling"))),
            _ => None,
        });
        let StopReason::Failed(failed) = rest else { panic!("{rest:?}") };
        assert_eq!(failed.0.operation(), reported);
    }
}

#[test]
fn a_delivered_key_that_the_list_does_not_show_yet_is_waited_for() {
    for (delivered, visible) in [(NOW, false), (ago(LEASE) + Span::seconds(1), false), (ago(LEASE), true)] {
        let mut world = with(&[(90, Active)]);
        world.journal.as_mut().unwrap().delivered = Some(KeyNote { key: key(7), at: delivered });
        let (rest, calls) = runs(&mut world, &careful());
        assert_eq!(rest == StopReason::NotVisible(key(7)), !visible, "{delivered}: {rest:?} after {calls}");
    }
}

#[test]
fn times_are_exact_to_the_second() {
    // A key is recent until its lease and the tolerated difference of the clocks are over.
    for (age, recent) in [(Span::minutes(40), false), (Span::seconds(40 * 60 - 1), true)] {
        let mut world = with(&[(90, Active)]).with_key(ago(age), Active);
        let (rest, _) = runs(&mut world, &careful());
        assert_eq!(matches!(rest, StopReason::Recent(..)), recent, "{age}: {rest:?}");
    }
    // The only key of a user supersedes no other.
    let mut world = World::new(NOW).with_key(ago(Span::minutes(5)), Inactive);
    assert_eq!(runs(&mut world, &replacing()).0, StopReason::Window(key(0), NOW + Span::days(14)));
    // The time of an intent may be ahead by the tolerated difference of the clocks.
    let mut world = unfinished();
    world.journal.as_mut().unwrap().intents = vec![intent(NOW + Span::minutes(5), 0)];
    assert!(matches!(runs(&mut world, &careful()).0, StopReason::Busy(..)));
    // A rotation begins if just enough time is left.
    let mut world = with(&[(90, Active)]);
    let late = Run { deadline: NOW + ROTATION_BUDGET, ..run() };
    assert_eq!(world.run(&careful(), &late, |_, _, _| None).0, StopReason::Overlap(key(0), NOW + Span::days(7)));
}

#[test]
fn a_note_about_a_key_that_is_gone_says_nothing_about_a_later_pair() {
    let mut world = with(&[(90, Active), (30, Active)]);
    world.journal.as_mut().unwrap().delivered = Some(KeyNote { key: key(7), at: days(1) });
    assert_eq!(runs(&mut world, &careful()).0, StopReason::UnmadePair(key(0), NOW + Span::days(7)));
    assert_eq!(left(&world), keys(&[(0, Active), (1, Active)]));
}

#[test]
fn an_orphan_that_was_deactivated_already_is_not_announced() {
    let mut world = unfinished();
    world.secret = Secret::Current(key(1));
    world.keys[1].status = Inactive;
    let (_, calls) = runs(&mut world, &careful());
    assert!(!world.announced.contains(&key(1)), "{calls}");
}

/// Another run may have a list that still shows the key, so it must find the intent too.
#[test]
fn a_dead_runs_intent_outlives_the_key_that_is_withdrawn() {
    let mut world = unfinished();
    let _ = runs(&mut world, &careful());
    let left: Vec<_> = world.journal.unwrap().intents.into_iter().map(|intent| intent.run.to_string()).collect();
    assert_eq!(left, ["earlier-run"]);
}

#[test]
fn the_known_keys_are_those_that_were_listed() {
    let mut state = UserState::default();
    assert_eq!(state.keys(), []);
    let world = with(&[(90, Active), (30, Inactive)]);
    state.learn(&Call::ListAccessKeys, Ok(Answer::Keys(world.keys.clone())));
    assert_eq!(state.keys(), world.keys);
}

/// A run withdrew the key of a dead run and left that intent for others to find. Now it works on a rotation of its own.
/// It creates its key at a time that the dead run's intent covers, but the key is not the dead run's.
#[test]
fn invariant_8_a_dead_runs_intent_does_not_claim_the_key_of_a_living_run() {
    for delivery in [Delivery::SecretsManager, Delivery::Email] {
        let policy = Policy { delivery, ..careful() };
        let begun = ago(LEASE + Span::minutes(1));
        let mut world = with(&[(90, Active)]).with_key(begun, Active);
        world.journal.as_mut().unwrap().intents = vec![intent(begun, 0)];
        let second = Run { id: "second-run".parse().unwrap(), ..run() };
        let mut met = None;
        let (rest, calls) = world.run(&policy, &run(), |_, call, world| {
            if matches!(call, Call::PutSecretValue(_) | Call::Publish(PlannedNotice::Secret(_))) {
                met = Some(world.run(&policy, &second, |_, _, _| None));
            }
            None
        });
        let (met, met_calls) = met.unwrap();
        let story = format!("{} {rest:?}; meanwhile {} {met:?}", operations(&calls), operations(&met_calls));
        assert_eq!(left(&world), keys(&[(0, Active), (2, Active)]), "{story}");
        assert!(matches!(met, StopReason::Busy(..)), "{story}");
    }
}

/// The same, but the second run's read of the journal is stale and shows only the dead run's intent.
#[test]
fn invariant_8_nor_if_the_intent_of_the_living_run_is_not_visible_yet() {
    let policy = careful();
    let begun = ago(LEASE + Span::minutes(1));
    let mut world = with(&[(90, Active)]).with_key(begun, Active);
    world.journal.as_mut().unwrap().intents = vec![intent(begun, 0)];
    let before = world.journal.clone();
    let second = Run { id: "second-run".parse().unwrap(), ..run() };
    let mut met = None;
    let (rest, calls) = world.run(&policy, &run(), |_, call, world| {
        if matches!(call, Call::PutSecretValue(_)) {
            met = Some(world.run(&policy, &second, |_, call, _| {
                matches!(call, Call::ListUserTags).then(|| Ok(Answer::Journal(before.clone())))
            }));
        }
        None
    });
    let (met, met_calls) = met.unwrap();
    let story = format!("{} {rest:?}; meanwhile {} {met:?}", operations(&calls), operations(&met_calls));
    assert_eq!(left(&world), keys(&[(0, Active), (2, Active)]), "{story}");
}

/// Trace c of the attacks: a forger renews the note of the delivery, so that the overlap never ends.
#[test]
fn invariant_13_a_forged_delivery_does_not_put_off_the_end_of_an_overlap_for_ever() {
    let late = NeedsAttention::LateDelivery { key: key(1), at: NOW, until: NOW + Span::days(7) };
    for action in [RunAction::Routine, RunAction::RotateNow] {
        let mut world = with(&[(130, Active), (70, Active)]);
        world.journal.as_mut().unwrap().delivered = Some(KeyNote { key: key(1), at: NOW });
        let (rest, _) = world.run(&careful(), &Run { action: action.clone(), ..run() }, |_, _, _| None);
        assert_eq!(rest, StopReason::NeedsAttention(late.clone()), "{action:?}");
        assert_eq!(left(&world), keys(&[(0, Active), (1, Active)]));
    }
    // A recovery can note a delivery long after the key was created: the whole overlap follows, and it ends.
    for (created, ago, is_late) in [(20, 1, false), (66, 1, false), (66, 6, false), (67, 1, true), (70, 6, true)] {
        let mut world = with(&[(90, Active), (created, Active)]);
        world.journal.as_mut().unwrap().delivered = Some(KeyNote { key: key(1), at: days(ago) });
        let (rest, calls) = runs(&mut world, &careful());
        assert_eq!(matches!(rest, StopReason::NeedsAttention(_)), is_late, "{created} {ago}: {rest:?}");
        assert!(!calls.contains("UpdateAccessKey"), "{created} {ago}: {calls}");
    }
    let mut world = with(&[(90, Active), (70, Active)]);
    world.journal.as_mut().unwrap().delivered = Some(KeyNote { key: key(1), at: days(7) });
    let _ = runs(&mut world, &careful());
    assert_eq!(world.keys[0].status, Inactive, "the overlap after the noted delivery is over");
}

/// Trace d of the attacks: a person, or Terraform, made a key beside a delivered one.
#[test]
fn invariant_13_a_delivered_key_is_not_retired_for_a_key_of_unknown_origin() {
    for policy in [careful(), article()] {
        let delivered = |age| {
            let mut world = with(&[(age, Active)]).with_key(ago(Span::minutes(41)), Active);
            world.journal.as_mut().unwrap().delivered = Some(KeyNote { key: key(0), at: days(age) });
            world.secret = Secret::Current(key(0));
            world
        };
        let policy = Policy { rotate_after: Span::days(60), ..policy };
        let mut young = delivered(10);
        assert_eq!(runs(&mut young, &policy).0, StopReason::Healthy(days(10) + Span::days(60)));
        let mut due = delivered(61);
        let foreign = NeedsAttention::ForeignKey { delivered: key(0), foreign: key(1) };
        assert_eq!(runs(&mut due, &policy).0, StopReason::NeedsAttention(foreign));
        for world in [young, due] {
            assert_eq!(left(&world), keys(&[(0, Active), (1, Active)]));
        }
    }
}

/// A time before the key existed would end the overlap early.
#[test]
fn invariant_1_a_forged_delivery_in_the_past_does_not_shorten_the_overlap() {
    for still_in_use in [StillInUse::Wait, StillInUse::Retire] {
        let mut world = with(&[(90, Active), (1, Active)]);
        world.journal.as_mut().unwrap().delivered = Some(KeyNote { key: key(1), at: days(30) });
        let (rest, calls) = runs(&mut world, &Policy { still_in_use, ..careful() });
        assert_eq!(rest, StopReason::Overlap(key(0), days(1) + Span::days(7)), "{calls}");
        assert_eq!(left(&world), keys(&[(0, Active), (1, Active)]));
    }
}

/// A principal that may tag the user can write any time. Without this check, a time in the future would silently stop
/// everything until then.
#[test]
fn a_forged_time_in_the_future_needs_attention() {
    let future = NOW + Span::days(3_650);
    let delivered = |n| Journal { delivered: Some(KeyNote { key: key(n), at: future }), ..Journal::default() };
    let disabled = Journal { disabled: vec![by_rotation(0, future)], ..Journal::default() };
    for (start, journal) in [
        (vec![(90, Active), (61, Active)], delivered(1)),
        (vec![(90, Active)], delivered(7)),
        (vec![(90, Inactive), (61, Active)], disabled),
    ] {
        let mut world = with(&start);
        world.journal = Ok(journal.clone());
        let (rest, calls) = runs(&mut world, &careful());
        assert!(matches!(rest, StopReason::NeedsAttention(_)), "{journal:?}: {rest:?} after {calls}");
    }
}

/// A person who wants a key back wants it for longer than one run.
#[test]
fn undo_is_not_undone_in_the_same_run_because_the_successor_is_due() {
    let undo = Run { action: RunAction::Undo, ..run() };
    for still_in_use in [StillInUse::Wait, StillInUse::Retire] {
        let mut world = with(&[(150, Inactive), (61, Active)]);
        world.journal.as_mut().unwrap().disabled = vec![by_rotation(0, days(1))];
        world.journal.as_mut().unwrap().delivered = Some(KeyNote { key: key(1), at: days(61) });
        let (rest, calls) = world.run(&Policy { still_in_use, ..careful() }, &undo, |_, _, _| None);
        assert_eq!(world.keys[0].status, Active, "{still_in_use:?}: {rest:?} after {}", operations(&calls));
    }
}

/// Trace b of the attacks: two workloads, one of them monthly, and no rotation before.
#[test]
fn invariant_12_a_pair_that_we_did_not_make_is_told_first_and_never_retired_in_use() {
    let used = |at| LastUse::Used { at, service: "s3".into(), region: "eu-west-1".into() };
    let impatient = Policy { still_in_use: StillInUse::Retire, ..careful() };
    let limited = Policy { wait_at_most: MaxWait::AtMost(Span::ZERO), ..careful() };
    for policy in [careful(), impatient, limited] {
        let mut world = with(&[(400, Active), (90, Active)]);
        world.last_use = vec![(key(0), used(days(9)))];
        let until = NOW + Span::days(7);
        let (rest, calls) = runs(&mut world, &policy);
        assert_eq!(calls, "ListAccessKeys ListUserTags ListSubscriptionsByTopic Publish TagUser");
        assert_eq!((rest, warned(&world)), (StopReason::UnmadePair(key(0), until), vec![key(0)]));
        let later = |world: &mut World, at| {
            world.now = at;
            world.run(&policy, &Run { deadline: at + Span::minutes(10), ..run() }, |_, _, _| None).0
        };
        assert_eq!(later(&mut world, until.before(Span::seconds(1))), StopReason::UnmadePair(key(0), until));
        assert_eq!(world.warnings.len(), 1, "once");
        // The monthly workload runs in the meantime: the key stays, whatever the policy says of keys in use.
        world.last_use = vec![(key(0), used(until.before(Span::days(1))))];
        let in_use = StopReason::UnmadePairInUse(key(0), used(until.before(Span::days(1))));
        assert_eq!(later(&mut world, until), in_use, "{policy:?}");
        assert_eq!(left(&world), keys(&[(0, Active), (1, Active)]));
        let unknown = world.run(&policy, &Run { deadline: until + Span::minutes(10), ..run() }, |_, call, _| {
            matches!(call, Call::GetAccessKeyLastUsed(_)).then(|| Err(lost()))
        });
        assert_eq!(unknown.0, StopReason::StillInUse(key(0), LastUse::Unknown));
        let _ = later(&mut world, until + Span::days(7));
        assert_eq!(world.keys[0].status, Inactive, "unused for the overlap and a day");
    }
    // A forged note does not end the overlap before the younger key is as old, and never takes a key in use.
    for (younger, in_use, retired) in [(90, false, true), (3, false, false), (90, true, false)] {
        let mut world = with(&[(400, Active), (younger, Active)]);
        world.journal.as_mut().unwrap().seen = Some(KeyNote { key: key(1), at: days(400) });
        world.last_use = if in_use { vec![(key(0), used(days(1)))] } else { vec![] };
        let (rest, _) = runs(&mut world, &careful());
        assert_eq!(world.keys[0].status == Inactive, retired, "{younger} {in_use}: {rest:?}");
    }
    // A note about another pair does not count.
    let mut world = with(&[(400, Active), (90, Active)]);
    world.journal.as_mut().unwrap().seen = Some(KeyNote { key: key(7), at: days(90) });
    assert_eq!(runs(&mut world, &careful()).0, StopReason::UnmadePair(key(0), NOW + Span::days(7)));
}

/// An old key that an administrator deactivated is not deleted before its owner was told.
#[test]
fn invariant_12_an_inactive_key_that_we_did_not_deactivate_is_told_first() {
    let kept = Policy { delete_after: DeleteAfter::NextRotation, ..careful() };
    let at_once = Policy { delete_after: DeleteAfter::Window(Span::ZERO), ..careful() };
    for (policy, until) in
        [(careful(), Some(NOW + Span::days(14))), (at_once, Some(NOW + Span::days(7))), (kept.clone(), None)]
    {
        for age in [10, 70] {
            let mut world = with(&[(400, Inactive), (age, Active)]);
            let (rest, calls) = runs(&mut world, &policy);
            assert_eq!(world.warnings, [(Warning::Inactive(key(0), until), NOW)], "{age} {policy:?}: {rest:?} {calls}");
            assert_eq!(left(&world), keys(&[(0, Inactive), (1, Active)]), "{calls}");
        }
    }
    // The rotation waits for an overlap after the notice, then it takes the place.
    let mut world = with(&[(400, Inactive), (70, Active)]);
    let _ = runs(&mut world, &kept);
    for (days, rotated) in [(6, false), (7, true)] {
        world.now = NOW + Span::days(days);
        let _ = world.run(&kept, &Run { deadline: world.now + Span::minutes(10), ..run() }, |_, _, _| None);
        assert_eq!(world.keys.iter().any(|k| k.id == key(2)), rotated, "{days}");
    }
    // The recovery window of a key that the rotation deactivated begins without a notice.
    let mut world = with(&[(70, Inactive), (10, Active)]);
    world.journal.as_mut().unwrap().disabled = vec![by_rotation(0, days(1))];
    assert_eq!(runs(&mut world, &careful()).0, StopReason::Window(key(0), days(1) + Span::days(14)));
    assert_eq!(world.warnings, []);
}

/// The key was active when it was last used. A forged note does not end its recovery window before that.
#[test]
fn invariant_13_a_forged_deactivation_does_not_shorten_a_recovery_window() {
    let used = |at| LastUse::Used { at, service: "s3".into(), region: "eu-west-1".into() };
    for (last_use, deleted) in
        [(LastUse::Never, true), (used(days(14)), true), (used(days(13)), false), (LastUse::Unknown, false)]
    {
        let mut world = with(&[(400, Inactive), (10, Active)]);
        world.journal.as_mut().unwrap().disabled = vec![by_rotation(0, days(300))];
        world.last_use = vec![(key(0), last_use.clone())];
        let (rest, _) = runs(&mut world, &careful());
        assert_eq!(world.keys.len() == 1, deleted, "{last_use:?}: {rest:?}");
    }
}

#[test]
fn invariant_10_undo_reactivates_only_what_the_rotation_deactivated() {
    let undo = Run { action: RunAction::Undo, ..run() };
    let noted = |by| vec![Disabled { key: key(0), at: days(1), by }];
    for (disabled, undone) in [
        (vec![], false),
        (noted(DisabledBy::Other), false),
        (noted(DisabledBy::Rotation), true),
        (noted(DisabledBy::Disuse), true),
    ] {
        for start in [vec![(90, Inactive), (30, Active)], vec![(90, Inactive)]] {
            let mut world = with(&start);
            world.journal.as_mut().unwrap().disabled.clone_from(&disabled);
            let (rest, _) = world.run(&careful(), &undo, |_, _, _| None);
            assert_eq!(world.keys[0].status == Active, undone, "{disabled:?}: {rest:?}");
            assert_eq!(rest == StopReason::NothingToUndo, !undone, "{disabled:?}: {rest:?}");
        }
    }
}

/// A use after the note shows that the key was active again. IAM's clock and the handler's may differ by the skew.
#[test]
fn invariant_13_undo_believes_a_note_until_a_later_use() {
    let noted = days(1);
    for (used, undone) in [(noted + SKEW, true), (noted + SKEW + Span::seconds(1), false)] {
        let mut world = with(&[(90, Inactive), (30, Active)]);
        world.journal.as_mut().unwrap().disabled = vec![by_rotation(0, noted)];
        world.last_use = vec![(key(0), LastUse::Used { at: used, service: "s3".into(), region: "eu-west-1".into() })];
        let (rest, _) = world.run(&careful(), &Run { action: RunAction::Undo, ..run() }, |_, _, _| None);
        assert_eq!(world.keys[0].status == Active, undone, "{rest:?}");
    }
}

/// The next run would deactivate a key again that has no fresh note of its own.
#[test]
fn an_undo_is_noted_unless_a_fresh_note_of_this_key_exists() {
    for (of, age, is_enough) in [
        (0, Span::minutes(1), true),
        (0, Span::seconds(LEASE.as_seconds() - 1), true),
        (0, LEASE, false),
        (7, Span::minutes(1), false),
    ] {
        let mut world = with(&[(90, Inactive), (30, Active)]);
        let journal = world.journal.as_mut().unwrap();
        journal.disabled = vec![by_rotation(0, days(1))];
        journal.undone = Some(KeyNote { key: key(of), at: ago(age) });
        let (_, calls) = world.run(&careful(), &Run { action: RunAction::Undo, ..run() }, |_, _, _| None);
        let before = calls.iter().take_while(|call| !matches!(call, Call::ActivateAccessKey(_)));
        let notes = before.filter(|call| matches!(call, Call::TagUser(_))).count();
        assert_eq!(notes == 0, is_enough, "{}", operations(&calls));
    }
}

/// The note that undo needs is written first. If a run dies between the two calls, the note of the active key goes.
#[test]
fn a_key_is_marked_before_it_is_deactivated() {
    let mut world = rotated(90, 8);
    let (rest, calls) =
        world.run(&careful(), &run(), |_, call, _| matches!(call, Call::DeactivateAccessKey(..)).then(|| Err(lost())));
    assert_eq!(
        operations(&calls),
        "ListAccessKeys ListUserTags GetAccessKeyLastUsed ListSubscriptionsByTopic TagUser ListAccessKeys UpdateAccessKey"
    );
    assert!(matches!(rest, StopReason::Failed(_)), "{rest:?}");
    assert_eq!(world.journal.as_ref().unwrap().disabled, [by_rotation(0, NOW)]);
    // A run within the lease believes the note, and a later one writes it again.
    for (age, tags) in [(Span::minutes(1), 0), (LEASE, 2)] {
        let mut world = world.clone();
        world.now = NOW + age;
        let later = Run { deadline: world.now + Span::minutes(10), ..run() };
        let (_, calls) = world.run(&careful(), &later, |_, _, _| None);
        assert_eq!(
            calls.iter().filter(|call| matches!(call, Call::TagUser(_))).count(),
            tags,
            "{}",
            operations(&calls)
        );
        assert_eq!(world.keys[0].status, Inactive);
    }
    // The same holds for the key of a dead run. An older note says nothing about this deactivation.
    for (noted, expected) in [(ago(LEASE), NOW), (ago(Span::seconds(1)), ago(Span::seconds(1)))] {
        let mut world = unfinished();
        world.journal.as_mut().unwrap().disabled = vec![by_rotation(1, noted)];
        let mut seen = Vec::new();
        let _ = world.run(&careful(), &run(), |_, call, world| {
            if matches!(call, Call::DeactivateAccessKey(..)) {
                seen.clone_from(&world.journal.as_ref().unwrap().disabled);
            }
            None
        });
        assert_eq!(seen, [by_rotation(1, expected)], "noted at {noted}");
    }
}

/// Undo would not reactivate a key that a note of another cause stands for.
#[test]
fn a_fresh_note_of_another_cause_is_replaced_before_a_key_is_deactivated() {
    let mut world = rotated(90, 8);
    let other = Disabled { by: DisabledBy::Revocation, ..by_rotation(0, ago(Span::minutes(1))) };
    world.journal.as_mut().unwrap().disabled = vec![other];
    let (rest, calls) = runs(&mut world, &careful());
    assert_eq!(world.journal.as_ref().unwrap().disabled, [by_rotation(0, NOW)], "{rest:?} after {calls}");
    assert_eq!(world.keys[0].status, Inactive);
}

/// A person deactivates the successor while the run is at work.
#[test]
fn invariant_1_the_keys_are_listed_again_before_the_old_one_is_deactivated() {
    let mut world = rotated(90, 8);
    let (rest, calls) = world.run(&careful(), &run(), |_, call, world| {
        if matches!(call, Call::TagUser(_)) {
            world.keys[1].status = Inactive;
        }
        None
    });
    assert_eq!(world.keys[0].status, Active, "{rest:?} after {}", operations(&calls));
}

fn other_stack() -> Manager {
    Manager::new("other", "eu-west-1", "its own secret").unwrap()
}

/// Trace e of the attacks: another stack stored the key in a secret of its own.
#[test]
fn invariant_8_the_notes_of_another_stack_need_a_decision() {
    let needed = StopReason::NeedsAttention(NeedsAttention::ManagedBy(other_stack()));
    let by_other = |journal| Ok(Journal { managed_by: Some(other_stack()), ..journal });
    let delivered = || Journal { delivered: Some(KeyNote { key: key(1), at: days(70) }), ..Journal::default() };
    for action in [RunAction::Routine, RunAction::RotateNow, RunAction::Undo] {
        // It died after it stored the key; it delivered the key long ago.
        let mut died = unfinished();
        died.journal = by_other(Journal { intents: vec![intent(ago(Span::minutes(60)), 0)], ..Journal::default() });
        let mut over = with(&[(130, Inactive), (70, Active)]);
        over.journal = by_other(delivered());
        for mut world in [died, over] {
            let before = world.keys.clone();
            let (rest, calls) = world.run(&careful(), &Run { action: action.clone(), ..run() }, |_, _, _| None);
            assert_eq!((&rest, &world.keys), (&needed, &before), "{action:?}: {}", operations(&calls));
        }
    }
    // Nothing of it is left: this stack takes over with its next rotation.
    let mut world = with(&[(70, Active)]);
    world.journal = by_other(delivered());
    let _ = runs(&mut world, &careful());
    assert_eq!(world.journal.unwrap().managed_by, Some(manager()));
}

/// A dry run looks for the conflict before the key is due. A scheduled run does not pay for that.
#[test]
fn a_dry_run_shows_that_another_stack_manages_a_user_with_a_young_key() {
    let mut world = with(&[(1, Active)]);
    let delivered = Some(KeyNote { key: key(0), at: days(1) });
    world.journal = Ok(Journal { delivered, managed_by: Some(other_stack()), ..Journal::default() });
    let healthy = StopReason::Healthy(days(1) + Span::days(60));
    for (journal, expected) in [
        (JournalUse::IfNeeded, healthy),
        (JournalUse::Always, StopReason::NeedsAttention(NeedsAttention::ManagedBy(other_stack()))),
    ] {
        assert_eq!(world.run(&careful(), &Run { journal, ..run() }, |_, _, _| None).0, expected, "{journal:?}");
    }
}

#[test]
fn adopting_a_user_waits_for_the_lease_and_deletes_nothing() {
    let adopt = Run { action: RunAction::Adopt, ..run() };
    let mut world = unfinished();
    let journal = world.journal.as_mut().unwrap();
    (journal.intents, journal.managed_by) = (vec![intent(ago(LEASE) + Span::seconds(1), 0)], Some(other_stack()));
    assert!(matches!(world.run(&careful(), &adopt, |_, _, _| None).0, StopReason::Busy(..)));
    world.journal.as_mut().unwrap().intents = vec![intent(ago(LEASE), 0)];
    assert_eq!(world.run(&careful(), &adopt, |_, _, _| None).0, StopReason::Adopted);
    let journal = world.journal.clone().unwrap();
    assert_eq!((journal.managed_by, journal.intents.len()), (Some(manager()), 0));
    // It is unclear whether the other stack delivered the younger key, so both are a pair that this stack did not make.
    let (rest, _) = runs(&mut world, &careful());
    assert_eq!(rest, StopReason::UnmadePair(key(0), NOW + Span::days(7)));
    assert_eq!(left(&world), keys(&[(0, Active), (1, Active)]));
}

/// A change of `delivery` or of the prefix between a crash and the next run.
#[test]
fn invariant_13_a_rotation_that_delivered_elsewhere_is_not_withdrawn() {
    let moved = Manager::new("stack", "eu-west-1", "another channel").unwrap();
    let mut world = unfinished();
    world.journal.as_mut().unwrap().managed_by = Some(moved.clone());
    let (rest, _) = runs(&mut world, &careful());
    assert_eq!(rest, StopReason::NeedsAttention(NeedsAttention::OtherChannel));
    assert_eq!(left(&world), keys(&[(0, Active), (1, Active)]));
    // In the middle of an overlap, the change does not matter: the delivery is over.
    let mut world = rotated(90, 8);
    world.journal.as_mut().unwrap().managed_by = Some(moved);
    let _ = runs(&mut world, &careful());
    assert_eq!(world.keys[0].status, Inactive);
}

#[test]
fn a_release_removes_every_note_of_this_stack_only() {
    let release = Run { action: RunAction::Release, ..run() };
    let mut world = rotated(90, 3);
    world.journal.as_mut().unwrap().managed_by = Some(manager());
    let (rest, calls) = world.run(&careful(), &release, |_, _, _| None);
    assert_eq!((rest, operations(&calls).as_str()), (StopReason::Released, "ListAccessKeys ListUserTags UntagUser"));
    assert_eq!(world.journal, Ok(Journal::default()));
    world.journal.as_mut().unwrap().managed_by = Some(other_stack());
    let (rest, _) = world.run(&careful(), &release, |_, _, _| None);
    assert_eq!(rest, StopReason::NeedsAttention(NeedsAttention::ManagedBy(other_stack())));
}

fn revoke(n: usize, successor: Successor) -> Run {
    Run { action: RunAction::Revoke(key(n), successor), ..run() }
}

/// A leaked key is deactivated in one run. The user gets a successor first if it has no other key.
#[test]
fn revoking_a_key_delivers_a_successor_first_if_the_user_needs_one() {
    let in_use = LastUse::Used { at: NOW, service: "s3".into(), region: "eu-west-1".into() };
    for (start, revoked, expected) in [
        (vec![(10, Active)], 0, keys(&[(0, Inactive), (1, Active)])),
        (vec![(90, Active), (10, Active)], 0, keys(&[(0, Inactive), (1, Active)])),
        (vec![(90, Active), (10, Active)], 1, keys(&[(0, Active), (1, Inactive)])),
        // The quota is full, so the inactive key is deleted.
        (vec![(90, Inactive), (10, Active)], 1, keys(&[(1, Inactive), (2, Active)])),
        (vec![(90, Inactive), (10, Active)], 0, keys(&[(0, Inactive), (1, Active)])),
    ] {
        let mut world = with(&start);
        world.last_use = vec![(key(revoked), in_use.clone())];
        let (rest, calls) = world.run(&careful(), &revoke(revoked, Successor::IfNeeded), |_, _, _| None);
        assert_eq!((rest, left(&world)), (StopReason::Revoked(key(revoked)), expected), "{}", operations(&calls));
        let undo = Run { action: RunAction::Undo, ..run() };
        let _ = world.run(&careful(), &undo, |_, _, _| None);
        assert!(world.keys.iter().any(|k| k.id == key(revoked) && k.status == Inactive), "undo refuses the key");
    }
    let mut world = with(&[(10, Active)]);
    let (rest, _) = world.run(&careful(), &revoke(7, Successor::IfNeeded), |_, _, _| None);
    assert_eq!(rest, StopReason::NoSuchKey(key(7)));
}

/// If no successor can be delivered, the key stays until a person says that it goes anyway.
#[test]
fn revoking_without_a_successor_needs_no_journal_and_no_delivery() {
    let mut world = with(&[(10, Active)]);
    let refuse = |_: usize, call: &Call, _: &mut World| {
        let delivers = matches!(call, Call::PutSecretValue(_) | Call::PutResourcePolicy | Call::CreateSecret);
        delivers.then(|| Err(refused("AccessDeniedException")))
    };
    let (rest, _) = world.run(&careful(), &revoke(0, Successor::IfNeeded), refuse);
    assert!(matches!(rest, StopReason::Failed(_)), "{rest:?}");
    assert_eq!(left(&world), keys(&[(0, Active)]));
    let (rest, calls) = world.run(&careful(), &revoke(0, Successor::Without), refuse);
    assert_eq!((rest, left(&world)), (StopReason::Revoked(key(0)), keys(&[(0, Inactive)])));
    assert_eq!(operations(&calls), "ListAccessKeys UpdateAccessKey ListUserTags TagUser");
    // The note of the other key stays.
    let mut world = with(&[(90, Inactive), (10, Active)]);
    world.journal.as_mut().unwrap().disabled = vec![by_rotation(0, days(1))];
    let _ = world.run(&careful(), &revoke(1, Successor::Without), |_, _, _| None);
    let revoked = Disabled { key: key(1), at: NOW, by: DisabledBy::Revocation };
    assert_eq!(world.journal.unwrap().disabled, [by_rotation(0, days(1)), revoked]);
    // No journal, of whatever kind, keeps the key active.
    let garbled = JournalParseError { tag: "access-key-rotation:later".into(), value: String::new() };
    for journal in [
        Err(garbled),
        Ok(Journal { intents: vec![intent(NOW, 0)], ..Journal::default() }),
        Ok(Journal { managed_by: Some(other_stack()), intents: vec![intent(days(1), 0)], ..Journal::default() }),
    ] {
        let mut world = with(&[(10, Active)]);
        world.journal = journal;
        let _ = world.run(&careful(), &revoke(0, Successor::Without), |_, _, _| None);
        assert_eq!(left(&world), keys(&[(0, Inactive)]));
    }
}

/// The other active key may be one that a dead or a living run did not deliver. It is no replacement.
#[test]
fn revoking_does_not_count_a_key_that_may_not_be_delivered() {
    let mut orphan = unfinished();
    let (rest, calls) = orphan.run(&careful(), &revoke(0, Successor::IfNeeded), |_, _, _| None);
    assert_eq!(rest, StopReason::Revoked(key(0)), "{}", operations(&calls));
    assert_eq!(left(&orphan), keys(&[(0, Inactive), (2, Active)]), "the orphan was removed");
    let mut busy = with(&[(90, Active)]).with_key(ago(Span::minutes(1)), Active);
    busy.journal.as_mut().unwrap().intents = vec![intent(ago(Span::minutes(1)), 0)];
    let (rest, _) = busy.run(&careful(), &revoke(0, Successor::IfNeeded), |_, _, _| None);
    assert!(matches!(rest, StopReason::Busy(..)), "{rest:?}");
    busy.journal.as_mut().unwrap().intents = vec![];
    let (rest, _) = busy.run(&careful(), &revoke(0, Successor::IfNeeded), |_, _, _| None);
    assert!(matches!(rest, StopReason::Recent(..)), "{rest:?}");
    // After the lease, the run that made it is dead, and would have left an intent.
    let mut made = with(&[(90, Active)]).with_key(ago(LEASE + SKEW), Active);
    let (rest, _) = made.run(&careful(), &revoke(0, Successor::IfNeeded), |_, _, _| None);
    assert_eq!(rest, StopReason::Revoked(key(0)));
    // A run at work on the user does not hold off the revocation beside a delivered key.
    let mut open = rotated(90, 10);
    open.journal.as_mut().unwrap().intents = vec![intent(ago(Span::minutes(1)), 0)];
    let (rest, _) = open.run(&careful(), &revoke(0, Successor::IfNeeded), |_, _, _| None);
    assert_eq!((rest, left(&open)), (StopReason::Revoked(key(0)), keys(&[(0, Inactive), (1, Active)])));
    // The orphan itself is revoked at once.
    let mut orphan = unfinished();
    let (rest, _) = orphan.run(&careful(), &revoke(1, Successor::IfNeeded), |_, _, _| None);
    assert_eq!((rest, left(&orphan)), (StopReason::Revoked(key(1)), keys(&[(0, Active), (1, Inactive)])));
}

fn disuse() -> Policy {
    Policy { unused_after: UnusedAfter::After(Span::days(45)), ..careful() }
}

/// A key that no one uses is deactivated, not replaced: told of a week before, and only if it is still unused then.
#[test]
fn an_unused_key_is_deactivated_instead_of_replaced() {
    let used = |at| LastUse::Used { at, service: "s3".into(), region: "eu-west-1".into() };
    let later = |world: &mut World, day: u64| {
        world.now = NOW + Span::days(day);
        let run = Run { deadline: world.now + Span::minutes(10), ..run() };
        world.run(&disuse(), &run, |_, _, _| None)
    };
    // A healthy user costs one call more than without the setting.
    let mut world = with(&[(30, Active)]);
    assert_eq!(runs(&mut world, &disuse()).1, "ListAccessKeys GetAccessKeyLastUsed");
    let mut world = with(&[(58, Active)]);
    world.last_use = vec![(key(0), used(days(37)))];
    assert_eq!(runs(&mut world, &disuse()).1, "ListAccessKeys GetAccessKeyLastUsed");
    // Unused for 38 of 45 days: told. On the day of its rotation it is not unused yet, so it is replaced.
    world.last_use = vec![(key(0), used(days(38)))];
    let (rest, calls) = runs(&mut world, &disuse());
    assert_eq!(calls, "ListAccessKeys GetAccessKeyLastUsed ListUserTags ListSubscriptionsByTopic Publish TagUser");
    assert_eq!((rest, warned(&world)), (StopReason::Unused(key(0), NOW + Span::days(7)), vec![key(0)]));
    let mut used_again = world.clone();
    used_again.last_use = vec![(key(0), used(NOW + Span::days(1)))];
    assert!(matches!(later(&mut used_again, 3).0, StopReason::Overlap(..)), "used and due: replaced");
    // Due and unused: held, then deactivated, and never replaced afterwards.
    let mut world = with(&[(60, Active)]);
    assert_eq!(runs(&mut world, &disuse()).0, StopReason::Unused(key(0), NOW + Span::days(7)));
    assert_eq!(later(&mut world, 6).0, StopReason::Unused(key(0), NOW + Span::days(7)));
    assert_eq!(left(&world), keys(&[(0, Active)]));
    let (rest, calls) = later(&mut world, 7);
    assert_eq!((rest, left(&world)), (StopReason::Disabled, keys(&[(0, Inactive)])), "{}", operations(&calls));
    let replace = Policy { disabled_users: DisabledUsers::Replace, ..disuse() };
    let run = Run { deadline: world.now + Span::minutes(10), ..run() };
    assert_eq!(world.run(&replace, &run, |_, _, _| None).0, StopReason::Disabled);
    // Undo brings it back, and its time begins again.
    let undo = Run { action: RunAction::Undo, ..run };
    let _ = world.run(&disuse(), &undo, |_, _, _| None);
    assert_eq!(left(&world), keys(&[(0, Active)]));
    let (rest, _) = later(&mut world, 8);
    assert!(matches!(rest, StopReason::Overlap(..)), "due, and not unused any more: {rest:?}");
    // An unknown record is no disuse, and a forged note does not skip the notice of a key in use until lately.
    let mut world = with(&[(50, Active)]);
    world.last_use = vec![(key(0), LastUse::Unknown)];
    assert_eq!(runs(&mut world, &disuse()).0, StopReason::Healthy(days(50) + Span::days(60)));
    let mut world = with(&[(59, Active)]);
    world.last_use = vec![(key(0), used(days(45)))];
    for at in [days(46), days(45)] {
        let mut world = world.clone();
        world.journal.as_mut().unwrap().unused = Some(KeyNote { key: key(0), at });
        assert_eq!(runs(&mut world, &disuse()).0, StopReason::Unused(key(0), NOW + Span::days(7)));
    }
    // While a rotation is open, a successor that the workload does not have yet is not unused.
    let mut world = rotated(130, 50);
    world.last_use = vec![(key(0), used(NOW))];
    let (rest, _) = runs(&mut world, &disuse());
    assert_eq!(rest, StopReason::StillInUse(key(0), used(NOW)));
    // The time counts from the delivery.
    let mut world = with(&[(50, Active)]);
    world.journal.as_mut().unwrap().delivered = Some(KeyNote { key: key(0), at: days(20) });
    assert_eq!(runs(&mut world, &disuse()).0, StopReason::Healthy(days(50) + Span::days(60)));
}

/// Invariant 14, as a table: the keys, what is noted, and which key is overdue since when.
#[test]
fn invariant_14_a_key_that_was_due_and_still_is_is_overdue() {
    let in_use = LastUse::Used { at: NOW, service: "s3".into(), region: "eu-west-1".into() };
    let run_it = |mut world: World, policy: &Policy| {
        let mut state = UserState::default();
        let run = run();
        for _ in 0..100 {
            match next_step(&state, policy, &run, world.now) {
                Next::Stop(_) => break,
                Next::Call(call) => {
                    let answer = world.call(&call);
                    state.learn(&call, answer);
                }
            }
        }
        overdue(&state, policy, NOW)
    };
    let late = |n, since| Some(Overdue { key: key(n), since });
    let delivered = |mut world: World, n, at| {
        world.journal.as_mut().unwrap().delivered = Some(KeyNote { key: key(n), at });
        world
    };
    let in_use_since = |mut world: World| {
        world.last_use = vec![(key(0), in_use.clone())];
        world
    };
    let mut lost = with(&[(100, Active), (20, Inactive)]);
    lost.journal.as_mut().unwrap().delivered = Some(KeyNote { key: key(1), at: days(20) });
    for (name, world, policy, expected) in [
        ("young", with(&[(59, Active)]), careful(), None),
        ("rotated in this run", with(&[(61, Active)]), careful(), None),
        ("the article's minute", with(&[(61, Active)]), article(), None),
        ("g: the successor was deactivated by hand", lost, careful(), late(0, days(40))),
        ("a pair that we did not make", with(&[(90, Active), (30, Active)]), careful(), late(0, days(30))),
        ("in the overlap", rotated(90, 6), careful(), None),
        ("in use, not for long", in_use_since(rotated(90, 14)), careful(), None),
        ("in use for long", in_use_since(rotated(90, 15)), careful(), late(0, NOW)),
        (
            "c: a forged delivery",
            delivered(with(&[(200, Active), (130, Active)]), 1, NOW),
            careful(),
            late(1, days(70)),
        ),
        (
            "a foreign key beside a due one",
            delivered(with(&[(70, Active), (9, Active)]), 0, days(70)),
            careful(),
            late(0, days(10)),
        ),
        ("no active key", with(&[(200, Inactive)]), careful(), None),
    ] {
        assert_eq!(run_it(world, &policy), expected, "{name}");
    }
    // A person wants the old key back: it is not overdue before its successor is due.
    let mut undone = rotated(150, 30);
    undone.journal.as_mut().unwrap().undone = Some(KeyNote { key: key(0), at: days(20) });
    assert_eq!(run_it(undone, &careful()), None);
}

/// What a person does beside the runs: activates, deactivates.
fn set(world: &mut World, n: usize, status: KeyStatus) {
    world.keys.iter_mut().filter(|k| k.id == key(n)).for_each(|k| k.status = status);
}

fn at(world: &mut World, days: u64, policy: &Policy, action: RunAction) -> (StopReason, Vec<Call>) {
    world.now = NOW + Span::days(days);
    world.run(policy, &Run { action, deadline: world.now + Span::minutes(10), ..run() }, |_, _, _| None)
}

fn in_use(world: &World, n: usize) -> Vec<(AccessKeyId, LastUse)> {
    vec![(key(n), LastUse::Used { at: world.now, service: "s3".into(), region: "eu-west-1".into() })]
}

/// The old key must not be deactivated and deleted in one run: nothing could be undone.
#[test]
fn a_key_is_not_deleted_for_its_place_before_an_overlap_has_passed() {
    let kept =
        Policy { delete_after: DeleteAfter::NextRotation, wait_at_most: MaxWait::AtMost(Span::days(30)), ..careful() };
    let mut world = rotated(130, 61);
    world.last_use = in_use(&world, 0);
    let _ = at(&mut world, 0, &kept, RunAction::Routine);
    assert_eq!(left(&world), keys(&[(0, Inactive), (1, Active)]));
    let _ = at(&mut world, 6, &kept, RunAction::Routine);
    assert_eq!(left(&world), keys(&[(0, Inactive), (1, Active)]));
    let _ = at(&mut world, 7, &kept, RunAction::Routine);
    assert_eq!(left(&world), keys(&[(1, Active), (2, Active)]));
}

/// With `overlap: 0` and `retire`, a window is still a window.
#[test]
fn an_administrators_inactive_key_has_its_window_under_every_policy() {
    let policy = Policy { overlap: Span::ZERO, still_in_use: StillInUse::Retire, ..careful() };
    let mut world = with(&[(100, Inactive), (30, Active)]);
    let (rest, _) = runs(&mut world, &policy);
    assert_eq!(rest, StopReason::Window(key(0), NOW + Span::days(14)));
    assert_eq!((warned(&world), world.keys.len()), (vec![key(0)], 2));
}

/// A person activates a key that was deactivated, in the console. What the owner was told before does not count again.
#[test]
fn a_key_that_a_person_activated_again_is_told_again() {
    let mut world = with(&[(38, Active)]);
    let _ = runs(&mut world, &disuse());
    let _ = at(&mut world, 7, &disuse(), RunAction::Routine);
    assert_eq!(world.keys[0].status, Inactive);
    set(&mut world, 0, Active);
    let (rest, _) = at(&mut world, 10, &disuse(), RunAction::Routine);
    assert_eq!((rest, world.warnings.len()), (StopReason::Unused(key(0), NOW + Span::days(17)), 2));
    // Two keys that the rotation did not make.
    let mut world = with(&[(400, Active), (90, Active)]);
    let _ = runs(&mut world, &careful());
    let _ = at(&mut world, 7, &careful(), RunAction::Routine);
    assert_eq!(world.keys[0].status, Inactive);
    set(&mut world, 0, Active);
    let (rest, _) = at(&mut world, 10, &careful(), RunAction::Routine);
    assert_eq!((rest, world.warnings.len()), (StopReason::UnmadePair(key(0), NOW + Span::days(17)), 2));
}

/// The leaked key is the one in the secret. Its predecessor still works, but no workload can fetch it.
#[test]
fn revoking_the_key_that_the_channel_offers_delivers_another_one() {
    let mut world = rotated(65, 3);
    world.secret = Secret::Current(key(1));
    let (rest, calls) = world.run(&careful(), &revoke(1, Successor::IfNeeded), |_, _, _| None);
    let calls = operations(&calls);
    assert_eq!((rest, &world.secret), (StopReason::Revoked(key(1)), &Secret::Current(key(2))), "{calls}");
    assert_eq!(left(&world), keys(&[(0, Active), (2, Active)]), "{calls}");
    assert!(calls.find("UpdateAccessKey") < calls.find("CreateAccessKey"), "the leaked key goes first: {calls}");
    // If the delivery fails, the key is revoked anyway, and the next rotation does not wait for its window.
    let mut world = rotated(65, 3);
    let refuse = |_: usize, call: &Call, _: &mut World| {
        matches!(call, Call::PutSecretValue(_)).then(|| Err(refused("AccessDeniedException")))
    };
    let _ = world.run(&careful(), &revoke(1, Successor::IfNeeded), refuse);
    assert!(world.keys.iter().all(|k| k.id != key(1) || k.status == Inactive));
    let _ = at(&mut world, 1, &careful(), RunAction::Routine);
    assert!(world.keys.iter().any(|k| k.id != key(0) && k.status == Active), "{:?}", left(&world));
}

/// Another stack delivered the key into its own secret. After `adopt` it is no successor of this stack's key.
#[test]
fn adopting_a_finished_delivery_retires_nothing_unannounced() {
    let policy = Policy { still_in_use: StillInUse::Retire, ..careful() };
    let mut world = rotated(70, 10);
    world.journal.as_mut().unwrap().managed_by = Some(other_stack());
    world.last_use = in_use(&world, 0);
    let _ = world.run(&policy, &Run { action: RunAction::Adopt, ..run() }, |_, _, _| None);
    assert_eq!(runs(&mut world, &policy).0, StopReason::UnmadePair(key(0), NOW + Span::days(7)));
    assert_eq!(left(&world), keys(&[(0, Active), (1, Active)]));
}

/// On a first deployment the younger key of a pair is often due. The person who runs undo gets an overlap.
#[test]
fn undo_of_a_pair_lasts_an_overlap_although_the_younger_key_is_due() {
    let mut world = with(&[(200, Active), (100, Active)]);
    let _ = runs(&mut world, &careful());
    let _ = at(&mut world, 7, &careful(), RunAction::Routine);
    assert_eq!(world.keys[0].status, Inactive);
    let _ = at(&mut world, 7, &careful(), RunAction::Undo);
    for (days, active) in [(8, true), (13, true), (14, false)] {
        let (rest, _) = at(&mut world, days, &careful(), RunAction::Routine);
        assert_eq!(
            world.keys[0].status == Active,
            active || matches!(rest, StopReason::UnmadePair(..)),
            "{days}: {rest:?}"
        );
    }
}

/// A person activated the key in the console and used it. Later an administrator deactivates it: the note is old.
#[test]
fn invariant_10_undo_does_not_believe_a_note_that_is_older_than_the_last_use() {
    for (last_use, undone) in [(days(3), true), (days(1), false)] {
        let mut world = with(&[(90, Inactive)]);
        world.journal.as_mut().unwrap().disabled = vec![Disabled { key: key(0), at: days(2), by: DisabledBy::Disuse }];
        world.last_use =
            vec![(key(0), LastUse::Used { at: last_use, service: "s3".into(), region: "eu-west-1".into() })];
        let _ = at(&mut world, 0, &careful(), RunAction::Undo);
        assert_eq!(world.keys[0].status == Active, undone, "{last_use}");
    }
    // While no key is active, nothing deletes the key. So there is no time after which undo refuses it.
    let mut world = with(&[(90, Inactive)]);
    world.journal.as_mut().unwrap().disabled = vec![Disabled { key: key(0), at: days(40), by: DisabledBy::Disuse }];
    let (rest, _) = at(&mut world, 0, &careful(), RunAction::Undo);
    assert_eq!((rest, world.keys[0].status), (StopReason::Reactivated(key(0)), Active));
}

/// An administrator deactivates every key of the user while a run is at work.
#[test]
fn invariant_10_a_user_who_is_disabled_during_its_rotation_gets_no_further_key() {
    for disabled_users in [DisabledUsers::Skip, DisabledUsers::Replace] {
        let policy = Policy { disabled_users, rotate_after: Span::days(60), ..article() };
        let mut world = with(&[(60, Active)]);
        let (rest, calls) = world.run(&policy, &run(), |n, _, world| {
            if n == 10 {
                world.keys.iter_mut().for_each(|k| k.status = Inactive);
            }
            None
        });
        assert_eq!(rest, StopReason::Disabled, "{disabled_users:?}: {}", operations(&calls));
        assert_eq!(left(&world), keys(&[(0, Inactive), (1, Inactive)]), "{disabled_users:?}");
    }
}

/// Without an overlap, a key that is not in use is retired in the run that replaces it.
#[test]
fn without_an_overlap_an_unused_key_is_retired_at_once() {
    let mut world = with(&[(60, Active)]);
    let (rest, calls) = runs(&mut world, &Policy { overlap: Span::ZERO, ..careful() });
    assert_eq!(left(&world), keys(&[(0, Inactive), (1, Active)]), "{rest:?} after {calls}");
}

/// A delivery that was never announced is announced while its key is active, also if it is the user's only key.
#[test]
fn invariant_11_only_an_active_key_is_announced_later() {
    let unannounced = |start: &[(u64, KeyStatus)]| {
        let mut world = with(start);
        let journal = world.journal.as_mut().unwrap();
        (journal.delivered, journal.unannounced) = (Some(KeyNote { key: key(0), at: days(10) }), Some(key(0)));
        let (rest, calls) = world.run(&careful(), &Run { journal: JournalUse::Always, ..run() }, |_, _, _| None);
        let is_announced =
            |call: &Call| matches!(call, Call::Publish(PlannedNotice::Stored(about)) if *about == key(0));
        (calls.iter().any(is_announced), rest, operations(&calls))
    };
    let (announced, rest, calls) = unannounced(&[(10, Active)]);
    assert!(announced, "{rest:?} after {calls}");
    let (announced, rest, calls) = unannounced(&[(10, Inactive), (5, Active)]);
    assert!(!announced, "{rest:?} after {calls}");
}

/// The note that the rotation deactivates the key is replaced before the key is deactivated for a person.
#[test]
fn a_marked_key_is_noted_as_revoked_before_it_is_deactivated() {
    let mut world = rotated(90, 8);
    world.journal.as_mut().unwrap().disabled = vec![by_rotation(0, ago(Span::minutes(1)))];
    let (rest, calls) = world.run(&careful(), &revoke(0, Successor::IfNeeded), |_, _, _| None);
    assert_eq!(
        (rest, operations(&calls).as_str()),
        (StopReason::Revoked(key(0)), "ListAccessKeys ListUserTags TagUser UpdateAccessKey")
    );
}

/// The revoked key's place is needed for another one in the secret. But nothing is deleted beside a run at work, which may
/// be about to make the user's other key useless.
#[test]
fn a_revoked_key_is_not_deleted_beside_a_run_at_work() {
    let secret_has_it = |mut world: World| {
        world.journal.as_mut().unwrap().delivered = Some(KeyNote { key: key(0), at: days(10) });
        world.secret = Secret::Current(key(0));
        world
    };
    let busy = |mut world: World| {
        world.journal.as_mut().unwrap().intents = vec![intent(ago(Span::minutes(1)), 0)];
        world
    };
    let moment = ago(Span::minutes(1));
    let just_made = || with(&[(10, Inactive)]).with_key(moment, Active);
    for (name, world) in [
        ("a run has noted its rotation", busy(secret_has_it(just_made()))),
        ("a run may have made the other key", secret_has_it(just_made())),
        (
            "a run has noted its rotation, and the key is active",
            busy(secret_has_it(with(&[(20, Active), (10, Active)]))),
        ),
    ] {
        let mut world = world;
        let (rest, calls) = world.run(&careful(), &revoke(0, Successor::IfNeeded), |_, _, _| None);
        assert_eq!(rest, StopReason::Revoked(key(0)), "{name}");
        assert_eq!(world.keys.len(), 2, "{name}: {}", operations(&calls));
    }
    // A run has noted that it retires the other key, just after this run read the journal.
    let mut world = secret_has_it(with(&[(20, Active), (10, Active)]));
    let (_, calls) = world.run(&careful(), &revoke(0, Successor::IfNeeded), |_, call, world| {
        if matches!(call, Call::DeactivateAccessKey(..)) {
            world.journal.as_mut().unwrap().disabled = vec![by_rotation(1, NOW)];
        }
        None
    });
    assert_eq!(left(&world), keys(&[(0, Inactive), (1, Active)]), "{}", operations(&calls));
}

/// The key looks like one that a dead run did not deliver, and it is the user's only active one. A run that recovers may
/// delete it, so the other key stays. The person can still revoke the key without a successor.
#[test]
fn revoking_what_a_dead_run_left_does_not_delete_the_other_key() {
    let start = || {
        let mut world = with(&[(90, Inactive), (30, Active)]);
        world.journal.as_mut().unwrap().intents = vec![intent(days(30), 0)];
        world
    };
    // A run that recovers may have noted already that it deactivates the key.
    let noted = [vec![], vec![by_rotation(1, ago(Span::minutes(1)))]];
    let policies = [careful(), replacing(), article()];
    for (policy, noted) in policies.iter().flat_map(|policy| noted.iter().map(move |noted| (policy, noted))) {
        let mut world = start();
        world.journal.as_mut().unwrap().disabled.clone_from(noted);
        let (rest, calls) = world.run(policy, &revoke(1, Successor::IfNeeded), |_, _, _| None);
        assert_eq!(rest, StopReason::NeedsAttention(NeedsAttention::UnclearOrigin), "{}", operations(&calls));
        assert_eq!(left(&world), keys(&[(0, Inactive), (1, Active)]));
        let (rest, _) = world.run(policy, &revoke(1, Successor::Without), |_, _, _| None);
        assert_eq!((rest, left(&world)), (StopReason::Revoked(key(1)), keys(&[(0, Inactive), (1, Inactive)])));
    }
    // The secret has it, so it was delivered, and it gets a successor.
    let mut world = start();
    world.secret = Secret::Current(key(1));
    let _ = world.run(&careful(), &revoke(1, Successor::IfNeeded), |_, _, _| None);
    assert_eq!(left(&world), keys(&[(1, Inactive), (2, Active)]));
}

/// Every rotation that was taken back leaves its intent. A change of `delivery` afterwards must not stop the user.
#[test]
fn a_stale_intent_of_another_channel_without_a_key_is_removed() {
    let moved = Manager::new("stack", "eu-west-1", "another channel").unwrap();
    let mut world = with(&[(61, Active)]);
    let journal = world.journal.as_mut().unwrap();
    (journal.intents, journal.managed_by) = (vec![intent(days(1), 0)], Some(moved));
    assert!(matches!(runs(&mut world, &careful()).0, StopReason::Overlap(..)));
}

/// Without the intent of a dead run, no later run would find its key.
#[test]
fn a_release_cleans_up_after_a_dead_run_first() {
    let mut world = unfinished();
    let (rest, calls) = world.run(&careful(), &Run { action: RunAction::Release, ..run() }, |_, _, _| None);
    assert_eq!((rest, left(&world)), (StopReason::Released, keys(&[(0, Active)])), "{}", operations(&calls));
    assert_eq!(world.journal, Ok(Journal::default()));
}

#[test]
fn a_note_of_an_undo_ends_with_its_key() {
    let mut world = with(&[(55, Active)]);
    world.journal.as_mut().unwrap().undone = Some(KeyNote { key: key(7), at: days(90) });
    let _ = runs(&mut world, &warning());
    assert_eq!(world.journal.unwrap().undone, None);
}

/// Nothing is begun, deactivated or noted as told while no notice would reach anyone. Recovery and orders continue.
#[test]
fn invariant_11_nothing_scheduled_happens_behind_peoples_backs() {
    let unconfirmed = |mut world: World| {
        world.recipients = ConfirmedRecipients { of_secret: false, of_notice: false };
        world
    };
    let held = StopReason::NoConfirmedRecipient(Unheard::Notices);
    let mut told_unused = with(&[(58, Active)]);
    told_unused.journal.as_mut().unwrap().unused = Some(KeyNote { key: key(0), at: days(8) });
    let unused = Policy { unused_after: UnusedAfter::After(Span::days(45)), ..careful() };
    let mut window_over = with(&[(90, Inactive), (30, Active)]);
    window_over.journal.as_mut().unwrap().disabled = vec![by_rotation(0, days(15))];
    for (name, start, policy) in [
        ("a rotation", with(&[(60, Active)]), careful()),
        ("a retirement", rotated(90, 8), careful()),
        ("a warning", with(&[(55, Active)]), warning()),
        ("a pair", with(&[(400, Active), (90, Active)]), careful()),
        ("an inactive key", with(&[(400, Inactive), (30, Active)]), careful()),
        ("an unused key", told_unused, unused),
        ("a deletion", window_over, careful()),
        ("the article", with(&[(60, Active)]), article()),
    ] {
        let mut world = unconfirmed(start);
        let before = world.clone();
        let (rest, calls) = runs(&mut world, &policy);
        assert_eq!((&rest, &world), (&held, &before), "{name}: {calls}");
        // After the confirmation, the next run tells and acts.
        world.recipients = ConfirmedRecipients { of_secret: true, of_notice: true };
        let _ = runs(&mut world, &policy);
        assert_ne!(world, before, "{name}");
        let mut proceeds = before;
        proceeds.recipients.of_secret = true;
        let before = proceeds.clone();
        let policy = Policy { unconfirmed_recipients: UnconfirmedRecipients::Proceed, ..policy };
        let _ = runs(&mut proceeds, &policy);
        assert_ne!(proceeds, before, "{name}: proceed");
    }
    // A dead run's key is not removed as long as the user could get no other key in its place.
    let mut world = unconfirmed(with(&[(90, Inactive), (30, Active)]));
    world.journal.as_mut().unwrap().intents = vec![intent(days(30), 0)];
    let _ = runs(&mut world, &replacing());
    assert_eq!(left(&world), keys(&[(0, Inactive), (1, Active)]));
    // A person orders a rotation, and a revocation, with Secrets Manager.
    for action in [RunAction::RotateNow, RunAction::Revoke(key(0), Successor::IfNeeded)] {
        let mut world = unconfirmed(with(&[(60, Active)]));
        let _ = world.run(&careful(), &Run { action: action.clone(), ..run() }, |_, _, _| None);
        assert_eq!(world.secret, Secret::Current(key(1)), "{action:?}");
    }
    // What no one was told is not noted as told, whoever orders the run.
    let mut world = unconfirmed(with(&[(400, Inactive), (60, Active)]));
    let before = world.clone();
    let (rest, _) = world.run(&careful(), &Run { action: RunAction::RotateNow, ..run() }, |_, _, _| None);
    assert_eq!((rest, world.keys, world.journal, world.warnings), (held, before.keys, before.journal, vec![]));
}

/// A run of this action, at this time.
#[track_caller]
fn runs_at(world: &mut World, at: Timestamp, action: RunAction, policy: &Policy) -> (StopReason, String) {
    world.now = at;
    let run = Run { action, deadline: at + Span::minutes(10), ..run() };
    let (rest, calls) = world.run(policy, &run, |_, _, _| None);
    (rest, operations(&calls))
}

const UNCONFIRMED: ConfirmedRecipients = ConfirmedRecipients { of_secret: false, of_notice: false };
const CONFIRMED: ConfirmedRecipients = ConfirmedRecipients { of_secret: true, of_notice: true };

/// Only the run that tells the owner of an inactive key begins its recovery window. Other notes about the user's keys
/// must not.
#[test]
fn invariant_12_an_inactive_key_is_deleted_only_after_its_owner_was_told_of_it() {
    // A person goes back to the old key in the console.
    let mut rolled_back = with(&[(30, Active), (12, Inactive)]);
    let journal = rolled_back.journal.as_mut().unwrap();
    journal.delivered = Some(KeyNote { key: key(1), at: days(12) });
    journal.disabled = vec![by_rotation(0, days(4))];
    let mut late = rolled_back.clone();
    late.recipients = UNCONFIRMED;
    let disuse =
        Policy { unused_after: UnusedAfter::After(Span::days(45)), rotate_after: Span::days(365), ..careful() };
    let mut orphan = with(&[(90, Inactive)]).with_key(ago(Span::minutes(60)), Active);
    orphan.journal.as_mut().unwrap().intents = vec![intent(ago(Span::minutes(60)), 0)];
    orphan.secret = Secret::Empty;
    for (name, start, policy, known) in [
        ("the delivered key", rolled_back, careful(), 1),
        ("the delivered key, before a confirmation", late, careful(), 1),
        ("beside an unused key", with(&[(400, Inactive), (100, Active)]), disuse, 0),
        ("beside a dead run's key", orphan, replacing(), 0),
    ] {
        let mut world = start;
        let mut gone = None;
        for day in 0..60 {
            if day == 20 {
                world.recipients = CONFIRMED;
            }
            let action = if day == 12 { RunAction::Undo } else { RunAction::Routine };
            let _ = runs_at(&mut world, NOW + Span::days(day), action, &policy);
            if gone.is_none() && world.keys.iter().all(|left| left.id != key(known)) {
                gone = Some(world.now);
            }
        }
        let notified = world.warnings.iter().find(|(warning, _)| *warning.key() == key(known)).map(|(_, at)| *at);
        let gone = gone.unwrap_or_else(|| panic!("{name}: {:?}", left(&world)));
        assert!(
            notified.is_some_and(|notified| notified + Span::days(14) <= gone),
            "{name}: notified {notified:?}, deleted {gone:?}"
        );
    }
}

/// A key that was delivered while no recipient had confirmed is announced later, and the overlap counts from then.
#[test]
fn invariant_11_a_successor_is_announced_before_its_predecessor_is_retired() {
    let mut dead = unfinished();
    dead.secret = Secret::Current(key(1));
    for (name, start, action) in [
        ("a dead run's key", dead, RunAction::Routine),
        ("a key that a person ordered", with(&[(90, Active)]), RunAction::RotateNow),
    ] {
        for still_in_use in [StillInUse::Wait, StillInUse::Retire] {
            let policy = Policy { still_in_use, ..careful() };
            let (mut world, routine) = (start.clone(), RunAction::Routine);
            world.recipients = UNCONFIRMED;
            let _ = runs_at(&mut world, NOW, action.clone(), &policy);
            let journal = world.journal.clone().unwrap();
            assert_eq!((journal.delivered_at(&world.keys[1]), &world.announced[..]), (Some(NOW), &[][..]), "{name}");
            assert_eq!((journal.unannounced, journal.intents), (Some(key(1)), vec![]), "{name}");
            // It waits for a recipient, whatever the overlap.
            let (rest, _) = runs_at(&mut world, NOW + Span::days(8), routine.clone(), &policy);
            assert_eq!(rest, StopReason::NoConfirmedRecipient(Unheard::Notices), "{name}");
            world.recipients = CONFIRMED;
            let (confirmed, overlap) = (NOW + Span::days(9), NOW + Span::days(16));
            let (rest, calls) = runs_at(&mut world, confirmed, routine.clone(), &policy);
            assert_eq!(rest, StopReason::Overlap(key(0), overlap), "{name}: {calls}");
            assert_eq!((&world.announced[..], left(&world)), (&[key(1)][..], keys(&[(0, Active), (1, Active)])));
            assert_eq!(world.journal.as_ref().unwrap().unannounced, None);
            let (_, calls) = runs_at(&mut world, overlap, routine, &policy);
            assert_eq!(left(&world), keys(&[(0, Inactive), (1, Active)]), "{name}: {calls}");
        }
    }
    // The list of subscriptions cannot be read: the key is in the secret already, so the delivery is noted.
    let mut world = with(&[(90, Active)]);
    let run = Run { action: RunAction::RotateNow, ..run() };
    let failure = || CallError::without_effect(ErrorCode::Aws("Throttling".into()), "Rate exceeded");
    let (rest, _) =
        world.run(&careful(), &run, |_, call, _| (*call == Call::ListSubscriptionsByTopic).then(|| Err(failure())));
    assert_eq!(rest, StopReason::Overlap(key(0), NOW + Span::days(7)));
    assert_eq!(world.journal.unwrap().unannounced, Some(key(1)));
}

/// An order to rotate says nothing about the predecessor of an earlier rotation.
#[test]
fn invariant_11_an_order_does_not_retire_an_earlier_predecessor_unannounced() {
    for action in [RunAction::RotateNow, RunAction::Enable] {
        let mut world = rotated(90, 8);
        world.recipients = UNCONFIRMED;
        let (rest, _) = runs_at(&mut world, NOW, action, &careful());
        assert_eq!(rest, StopReason::NoConfirmedRecipient(Unheard::Notices));
        assert_eq!(left(&world), keys(&[(0, Active), (1, Active)]));
    }
    // With `overlap: 0`, the order covers the key that it replaces.
    let mut world = with(&[(60, Active)]);
    world.recipients = UNCONFIRMED;
    let at_once = Policy { delivery: Delivery::SecretsManager, ..article() };
    let _ = runs_at(&mut world, NOW, RunAction::RotateNow, &at_once);
    assert_eq!(left(&world), keys(&[(0, Inactive), (1, Active)]));
}

/// AWS may answer slowly. A short overlap can then be over before the run is.
#[test]
fn invariant_11_nothing_is_retired_in_the_run_that_announces_its_successor() {
    let policy = Policy { overlap: Span::seconds(10), still_in_use: StillInUse::Retire, ..careful() };
    let mut world = with(&[(60, Active)]);
    let (rest, calls) = world.run(&policy, &run(), |_, call, world| {
        let answer = world.call(call);
        world.now = world.now + Span::seconds(if matches!(call, Call::TagUser(_)) { 15 } else { 0 });
        Some(answer)
    });
    assert!(matches!(rest, StopReason::Overlap(..)), "{rest:?}");
    assert_eq!(left(&world), keys(&[(0, Active), (1, Active)]), "{}", operations(&calls));
}

/// What a person ordered is done. That a notice waits for its recipients must not hide it.
#[test]
fn an_order_that_was_carried_out_is_not_reported_as_waiting() {
    let disuse = Policy { unused_after: UnusedAfter::After(Span::days(45)), ..careful() };
    let in_secret = |policy| Policy { delivery: Delivery::SecretsManager, ..policy };
    for (start, policy, action) in [
        (vec![(90, Inactive)], careful(), RunAction::Enable),
        (vec![(90, Inactive)], in_secret(article()), RunAction::Enable),
        (vec![(60, Active)], careful(), RunAction::RotateNow),
        (vec![(60, Active)], disuse, RunAction::RotateNow),
        (vec![(55, Active)], warning(), RunAction::RotateNow),
        (vec![(60, Active)], in_secret(article()), RunAction::RotateNow),
        (vec![(60, Active)], careful(), RunAction::Revoke(key(0), Successor::IfNeeded)),
    ] {
        let mut world = with(&start);
        world.recipients = UNCONFIRMED;
        let (rest, calls) = runs_at(&mut world, NOW, action.clone(), &policy);
        assert!(!matches!(rest, StopReason::NoConfirmedRecipient(_)), "{start:?} {action:?}: {rest:?} {calls}");
        assert!(world.keys.len() == 2 && world.secret == Secret::Current(key(1)), "{start:?} {action:?}: {calls}");
    }
}
