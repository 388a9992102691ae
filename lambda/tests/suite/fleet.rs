//! Which users a run handles, as a table: selected, exempt, skipped or unclear. Also the order, in which each user has
//! a turn.

use std::collections::BTreeSet;

use crate::world::manager;
use lambda::{
    contract::{
        list_scope::ListScope, listed_user::ListedUser, settings::Settings, user_entry::TAGS, user_tags::UserTags,
    },
    model::{
        email::Email,
        time::{Span, Timestamp},
        user::User,
        user_config_error::UserConfigError,
    },
    protocol::{
        journal::{Disabled, DisabledBy, Intent, JournalEntry, KeyNote},
        manager::Manager,
        policy::{DeleteAfter, DisabledUsers, UnusedAfter},
        run::JournalUse,
    },
    selection::{
        credential_report::CredentialReport,
        fleet::{Asked, Fleet, Lists, fleet},
    },
};
use proptest::prelude::*;

const NOW: Timestamp = Timestamp::from_unix(1_795_490_200);
const KEY: &str = "AKIAEXAMPLE000000001";

fn settings(users: &str, exempt: &str) -> Settings {
    let exempt = exempt.split_ascii_whitespace().map(|word| word.parse().unwrap()).collect();
    Settings { exempt, ..crate::common::settings(users, crate::common::careful()) }
}

fn days(n: u64) -> Timestamp {
    NOW.before(Span::days(n))
}

/// A user, its keys (age in days, whether it is active), and its tags.
struct Row<'a>(&'a str, &'a [(u64, bool)], Vec<(String, String)>);

fn tag(key: &str, value: &str) -> Vec<(String, String)> {
    vec![(key.into(), value.into())]
}

fn journal(entries: &[JournalEntry]) -> Vec<(String, String)> {
    entries.iter().map(JournalEntry::tag).collect()
}

fn delivered(ago: u64) -> JournalEntry {
    JournalEntry::Delivered(KeyNote { key: KEY.parse().unwrap(), at: days(ago) })
}

fn disabled(ago: u64) -> JournalEntry {
    JournalEntry::Disabled(vec![Disabled { key: KEY.parse().unwrap(), at: days(ago), by: DisabledBy::Rotation }])
}

fn lists(rows: &[Row<'_>]) -> Lists {
    let mut report =
        "user,arn,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_2_active,\
         access_key_2_last_rotated,access_key_2_last_used_date\n"
            .to_owned();
    let listed = |Row(user, keys, tags): &Row<'_>| {
        let user: User = user.parse().unwrap();
        let key = |at: usize| {
            let (active, age): (bool, _) = keys.get(at).map_or((false, None), |(age, active)| (*active, Some(*age)));
            format!("{active},{},N/A", age.map_or_else(|| "N/A".to_owned(), |age| days(age).to_string()))
        };
        report += &format!("\"{}\",arn,{},{}\n", user.name, key(0), key(1));
        ListedUser { created: days(400), tags: tags.clone(), ..ListedUser::from(&user) }
    };
    let users = rows.iter().map(listed).collect();
    Lists { users, report: CredentialReport::read(report.as_bytes()).unwrap() }
}

fn handled_users(fleet: &Fleet) -> Vec<String> {
    fleet.subjects.iter().map(|subject| subject.user.to_string()).collect()
}

type Change<'a> = &'a dyn Fn(&mut Settings);
type Table<'a> = Vec<(&'a str, &'a [(u64, bool)], Vec<JournalEntry>, Change<'a>, bool)>;

/// The state of a user in the lists, and whether a run handles the user.
#[test]
fn only_users_with_something_due_are_handled() {
    let intent = Intent { run: "r".parse().unwrap(), at: days(1), known: KEY.parse().unwrap() };
    let undone = JournalEntry::Undone(KeyNote { key: KEY.parse().unwrap(), at: NOW });
    let warned = JournalEntry::Warned(KEY.parse().unwrap());
    let window = |settings: &mut Settings| settings.policy.delete_after = DeleteAfter::NextRotation;
    let warns = |settings: &mut Settings| settings.policy.warn_before = Span::days(7);
    let replaces = |settings: &mut Settings| settings.policy.disabled_users = DisabledUsers::Replace;
    let disuse = |settings: &mut Settings| settings.policy.unused_after = UnusedAfter::After(Span::days(45));
    let as_it_is = |_: &mut Settings| {};
    let table: Table<'_> = vec![
        ("no key", &[], vec![], &as_it_is, false),
        ("no key, and disabled users get one", &[], vec![], &replaces, false),
        ("young", &[(59, true)], vec![], &as_it_is, false),
        (
            "young, and a run died or is at work",
            &[(1, true)],
            vec![JournalEntry::Intent(intent.clone())],
            &as_it_is,
            true,
        ),
        ("young, and reactivated by a person", &[(1, true)], vec![undone.clone()], &as_it_is, true),
        ("due", &[(60, true)], vec![], &as_it_is, true),
        ("only inactive", &[(1, false)], vec![], &as_it_is, false),
        ("two inactive", &[(1, false), (2, false)], vec![], &as_it_is, false),
        ("only inactive, to be replaced", &[(1, false)], vec![], &replaces, true),
        ("two inactive, to be replaced", &[(1, false), (2, false)], vec![], &replaces, true),
        // A key that was deactivated and activated again seems young. Its delivery shows its age.
        ("toggled", &[(1, true)], vec![delivered(60)], &as_it_is, true),
        ("delivered", &[(1, true)], vec![delivered(59)], &as_it_is, false),
        ("in the overlap", &[(66, true), (6, true)], vec![delivered(6)], &as_it_is, false),
        ("two keys that the rotation did not make", &[(66, true), (6, true)], vec![], &as_it_is, true),
        ("past the overlap", &[(67, true), (7, true)], vec![], &as_it_is, true),
        ("past the overlap, the younger first", &[(7, true), (67, true)], vec![], &as_it_is, true),
        ("overlap of a toggled key", &[(66, true), (1, true)], vec![delivered(7)], &as_it_is, true),
        ("a run died or is at work", &[(66, true), (1, true)], vec![JournalEntry::Intent(intent)], &as_it_is, true),
        (
            "a closed intent has no meaning",
            &[(1, true)],
            vec![JournalEntry::Closed("r".parse().unwrap())],
            &as_it_is,
            false,
        ),
        ("reactivated by a person", &[(66, true), (1, true)], vec![undone], &as_it_is, true),
        ("inactive, not noted", &[(66, false), (1, true)], vec![], &as_it_is, true),
        ("in the window", &[(66, false), (6, true)], vec![disabled(13)], &as_it_is, false),
        ("in the window, the younger first", &[(6, true), (66, false)], vec![disabled(13)], &as_it_is, false),
        ("past the window", &[(66, false), (6, true)], vec![disabled(14)], &as_it_is, true),
        ("kept until its place is needed", &[(66, false), (6, true)], vec![disabled(1)], &window, false),
        ("to be kept, and its owner is not told yet", &[(66, false), (6, true)], vec![], &window, true),
        ("its place is needed", &[(90, false), (60, true)], vec![], &window, true),
        ("due in its window", &[(60, true), (66, false)], vec![disabled(1)], &as_it_is, true),
        ("to be warned", &[(53, true)], vec![], &warns, true),
        ("not yet", &[(52, true)], vec![], &warns, false),
        ("warned", &[(53, true)], vec![delivered(53), warned.clone()], &warns, false),
        ("warned and due", &[(60, true)], vec![delivered(60), warned], &warns, true),
        ("soon unused", &[(38, true)], vec![], &disuse, true),
        ("not yet unused", &[(37, true)], vec![], &disuse, false),
        ("soon unused beside an inactive key", &[(66, false), (38, true)], vec![disabled(1)], &disuse, true),
        ("soon unused before an inactive key", &[(38, true), (66, false)], vec![disabled(1)], &disuse, true),
        ("a note about an earlier inactive key", &[(5, false), (6, true)], vec![disabled(13)], &as_it_is, true),
    ];
    for (name, keys, entries, change, looks) in table {
        let mut settings = settings("/", "");
        change(&mut settings);
        let lists = lists(&[Row("alice", keys, journal(&entries))]);
        let fleet = fleet(&settings, Some(&lists), Asked::Due, &manager(), NOW);
        assert_eq!(fleet.subjects.len() == 1, looks, "{name}: {fleet:?}");
        assert_eq!(fleet.not_due.users, usize::from(!looks), "{name}");
        let active = keys.iter().filter(|(_, active)| *active).count();
        assert_eq!(fleet.not_due.active.len(), if looks { 0 } else { active }, "{name}");
        let is_named = !looks && active == 0 && !keys.is_empty();
        assert_eq!(fleet.not_due.disabled.len(), usize::from(is_named), "{name}");
        // A user that a person asks for is always handled.
        let asked = ["ALICE".to_owned()];
        assert_eq!(
            lambda::selection::fleet::fleet(&settings, Some(&lists), Asked::Named(&asked), &manager(), NOW)
                .subjects
                .len(),
            1,
            "{name}"
        );
    }
    let garbled = lists(&[Row("alice", &[(1, true)], tag("access-key-rotation:delivered", "by hand"))]);
    assert_eq!(
        handled_users(&fleet(&settings("/", ""), Some(&garbled), Asked::Due, &manager(), NOW)),
        ["alice"],
        "the run reports it"
    );
}

#[test]
fn each_address_without_a_confirmation_is_named_once() {
    let settings = settings("alice;owner=Owner@b.co bob;owner=owner@b.co carol;owner=other@b.co", "");
    let unconfirmed = |confirmed: &[&str]| {
        let unconfirmed = settings.unconfirmed(&confirmed.iter().map(|address| ("email", *address)).collect());
        unconfirmed.iter().map(|address| address.to_ascii_lowercase()).collect::<Vec<_>>()
    };
    assert_eq!(unconfirmed(&[]), ["security@example.com", "owner@b.co", "other@b.co"]);
    assert_eq!(
        unconfirmed(&["OTHER@b.co", "arn:aws:sqs:eu-west-1:111122223333:q"]),
        ["security@example.com", "owner@b.co"]
    );
    assert_eq!(unconfirmed(&["security@example.com", "owner@b.co", "other@b.co"]), [""; 0]);
}

/// A name selects and exempts a user without regard to case. But the role reaches the user only in IAM's own spelling.
#[test]
fn a_user_whose_name_iam_spells_in_another_way_is_skipped() {
    let lists = lists(&[Row("/ci/Alice", &[(90, true)], vec![])]);
    for users in ["alice", "/ci/alice", "/ alice", "/ci/ ALICE;owner=o@b.co"] {
        let settings = Settings { user_tags: UserTags::Honoured, ..settings(users, "") };
        for asked in [Asked::Due, Asked::Everyone, Asked::Named(&["ALICE".to_owned()])] {
            let fleet = fleet(&settings, Some(&lists), asked, &manager(), NOW);
            let [(listed, error)] = fleet.misconfigured.as_slice() else { panic!("{users}: {fleet:?}") };
            assert_eq!(*error, UserConfigError::Spelling("Alice".parse().unwrap()), "{users}");
            assert_eq!((listed.name.as_str(), handled_users(&fleet).len()), ("Alice", 0), "{users}");
        }
    }
    for (users, exempt, handled) in [("/ Alice", "", 1), ("/ci/", "", 1), ("alice", "ALICE", 0)] {
        let fleet = fleet(&settings(users, exempt), Some(&lists), Asked::Due, &manager(), NOW);
        assert_eq!((fleet.subjects.len(), fleet.misconfigured.len()), (handled, 0), "{users} without {exempt}");
    }
    // The owner in the settings is told.
    let owner = settings("ALICE;owner=o@b.co", "").owner_of(&"Alice".parse().unwrap()).map(ToString::to_string);
    assert_eq!(owner.as_deref(), Some("o@b.co"));
}

/// A report can be four hours old. The keys of a user that was created since are no older than the user.
#[test]
fn a_user_that_the_report_does_not_know_is_judged_by_its_own_age() {
    for (age, looks) in [(0, false), (59, false), (60, true)] {
        let mut lists = lists(&[]);
        lists.users = vec![ListedUser { created: days(age), ..ListedUser::from(&"new".parse::<User>().unwrap()) }];
        assert_eq!(
            fleet(&settings("/", ""), Some(&lists), Asked::Due, &manager(), NOW).subjects.len() == 1,
            looks,
            "{age} days"
        );
    }
}

#[test]
fn exempt_wins_whatever_chose() {
    let due: &[(u64, bool)] = &[(90, true)];
    let mut lists = lists(&[
        Row("alice", due, vec![]),
        Row("/ci/bot", due, vec![]),
        Row("/ci/eu/bot2", due, tag("Rotate", "yes")),
        Row("/ops/carol", due, tag("rotate", "no")),
    ]);
    lists.users[3].groups = vec!["People".into()];
    for (users, exempt, expected) in [
        ("/", "", &["alice", "/ci/bot", "/ci/eu/bot2", "/ops/carol"][..]),
        ("/ci/", "", &["/ci/bot", "/ci/eu/bot2"]),
        ("/ci/ alice", "/ci/eu/", &["alice", "/ci/bot"]),
        ("/", "ALICE tag:rotate=yes group:people", &["/ci/bot"]),
        ("tag:rotate=yes tag:rotate=no", "", &["/ci/eu/bot2", "/ops/carol"]),
        ("tag:rotate=yes", "/ci/", &[]),
        ("tag:rotate=YES", "", &[]),
        ("alice /ci/bot", "alice", &["/ci/bot"]),
    ] {
        let settings = settings(users, exempt);
        let lists = (settings.list_scope() == ListScope::Account).then_some(&lists);
        let fleet = fleet(&settings, lists, Asked::Due, &manager(), NOW);
        let mut handled_users = handled_users(&fleet);
        handled_users.sort_unstable();
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(handled_users, expected, "{users} without {exempt}");
        let chosen = lambda::selection::fleet::fleet(&self::settings(users, ""), lists, Asked::Due, &manager(), NOW)
            .subjects
            .len();
        assert_eq!(fleet.exempt, chosen - expected.len(), "{users} without {exempt}");
    }
    let named = fleet(&settings("/ nobody", ""), Some(&lists), Asked::Due, &manager(), NOW);
    assert!(
        handled_users(&named).contains(&"nobody".to_owned()),
        "a named user is handled even if it is not listed, so that IAM reports what is wrong"
    );
}

#[test]
fn the_most_specific_setting_of_a_user_wins() {
    let tags = |pairs: &[(usize, &str)]| pairs.iter().map(|(at, v)| (TAGS[*at].to_owned(), (*v).to_owned())).collect();
    let users = "alice;rotate_after=50d /ci/;rotate_after=40d;owner=ci@example.com /ci/eu/;rotate_after=45d / \
                 /ci/named;overlap=2d";
    let none = "";
    for (user, tagged, honoured, rotate_after, overlap, owner) in [
        ("alice", vec![], UserTags::Honoured, 50, 7, none),
        ("alice", vec![(1, "30d"), (2, "3d")], UserTags::Honoured, 50, 3, none),
        ("alice", vec![(1, "30d")], UserTags::Ignored, 50, 7, none),
        ("bob", vec![(1, "30d"), (0, "CI@example.com")], UserTags::Honoured, 30, 7, "CI@example.com"),
        ("bob", vec![(1, "not at all")], UserTags::Ignored, 60, 7, none),
        ("/ci/x", vec![], UserTags::Honoured, 40, 7, "ci@example.com"),
        ("/ci/x", vec![(0, "security@example.com")], UserTags::Honoured, 40, 7, "security@example.com"),
        ("/ci/eu/x", vec![], UserTags::Honoured, 45, 7, "ci@example.com"),
        ("/ci/named", vec![(2, "3d"), (1, "41d")], UserTags::Honoured, 41, 2, "ci@example.com"),
    ] {
        let settings = Settings { user_tags: honoured, ..settings(users, "") };
        let lists = lists(&[Row(user, &[(90, true)], tags(&tagged))]);
        let fleet = fleet(&settings, Some(&lists), Asked::Due, &manager(), NOW);
        let subject = fleet.subjects.iter().find(|subject| subject.user.to_string() == user).unwrap();
        let own = settings.for_subject(subject);
        let said =
            (own.policy.rotate_after, own.policy.overlap, own.owner_of(&subject.user.name).map_or(none, Email::as_str));
        assert_eq!(said, (Span::days(rotate_after), Span::days(overlap), owner), "{user} {tagged:?}");
    }
}

/// Nothing is done for a user with unclear settings. The other users are not affected.
#[test]
fn an_invalid_tag_is_reported_and_never_guessed() {
    for (tags, says) in [
        (tag(TAGS[1], "monthly"), "\"monthly\""),
        (tag(TAGS[2], "60d"), "overlap, delete_after"),
        (tag(TAGS[0], "thief@example.com"), "thief@example.com"),
    ] {
        let settings = Settings { user_tags: UserTags::Honoured, ..settings("/", "") };
        let lists = lists(&[Row("alice", &[(90, true)], tags), Row("bob", &[(90, true)], vec![])]);
        let fleet = fleet(&settings, Some(&lists), Asked::Due, &manager(), NOW);
        assert_eq!(handled_users(&fleet), ["bob"]);
        let [(alice, error)] = fleet.misconfigured.as_slice() else { panic!("{fleet:?}") };
        assert!(alice.name.as_str() == "alice" && error.to_string().contains(says), "{error}");
    }
    let mut lists = lists(&[Row("alice", &[(90, true)], vec![])]);
    lists.users[0].path = "/a*/".into();
    let fleet = fleet(&settings("/", ""), Some(&lists), Asked::Due, &manager(), NOW);
    assert!(handled_users(&fleet).is_empty() && fleet.misconfigured.len() == 1);
}

/// Within an hour the order stays the same. In another hour it is different, so that other users have their turn.
#[test]
fn the_order_changes_each_hour() {
    let names: Vec<_> = (0..40).map(|n| format!("user-{n}")).collect();
    let rows: Vec<_> = names.iter().map(|name| Row(name, &[(90, true)], vec![])).collect();
    let (lists, settings) = (lists(&rows), settings("/", ""));
    let second = |minute: u64| {
        let hour = Timestamp::from_unix(NOW.unix() / 3_600 * 3_600);
        handled_users(&fleet(&settings, Some(&lists), Asked::Due, &manager(), hour + Span::minutes(minute)))[1].clone()
    };
    assert!((0..60).all(|minute| second(minute) == second(0)));
    let turns: BTreeSet<_> = (0..24).map(|hour| second(60 * hour)).collect();
    assert!(turns.len() > 8, "{turns:?}");
}

#[test]
fn the_oldest_key_comes_first_and_the_configured_order_stays() {
    let rows = [Row("a", &[(61, true)], vec![]), Row("b", &[(300, true)], vec![]), Row("c", &[(90, true)], vec![])];
    let lists = lists(&rows);
    assert_eq!(handled_users(&fleet(&settings("/", ""), Some(&lists), Asked::Due, &manager(), NOW))[0], "b");
    assert_eq!(handled_users(&fleet(&settings("c a b", ""), None, Asked::Due, &manager(), NOW)), ["c", "a", "b"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Each user has its turn soon, even if a run has time for only a few users and never finishes any of them.
    #[test]
    fn nobody_is_starved(all in 1_usize..120, share in 2_usize..12, hours in 1_u64..200) {
        let names: Vec<_> = (0..all).map(|n| format!("user-{n}")).collect();
        let rows: Vec<_> = names.iter().map(|name| Row(name, &[(90, true)], vec![])).collect();
        let (lists, settings) = (lists(&rows), settings("/", ""));
        let each_run = (all / share).max(2);
        let mut served = BTreeSet::new();
        for run in 0..40 * share as u64 {
            let now = NOW + Span::minutes(60 * hours * run);
            let order = handled_users(&fleet(&settings, Some(&lists), Asked::Due, &manager(), now));
            prop_assert_eq!(order.len(), all);
            prop_assert_eq!(order.iter().collect::<BTreeSet<_>>().len(), all, "each once");
            served.extend(order.into_iter().take(each_run));
        }
        prop_assert_eq!(served.len(), all, "{} each run, every {} hours", each_run, hours);
    }
}

/// Trace f of the attacks: a user leaves the selected path in the middle of a rotation.
#[test]
fn invariant_15_a_user_who_leaves_is_reported_until_its_notes_are_gone() {
    let intent = Intent { run: "r".parse().unwrap(), at: days(1), known: KEY.parse().unwrap() };
    let other = Manager::new("other", "eu-west-1", "").unwrap();
    let ours = JournalEntry::ManagedBy(manager());
    for (name, keys, entries, reported) in [
        ("in the overlap", vec![(66, true), (6, true)], vec![delivered(6), ours.clone()], true),
        ("left by a dead run", vec![(66, true)], vec![JournalEntry::Intent(intent), ours.clone()], true),
        ("the rotation is over", vec![(6, true)], vec![delivered(6), ours.clone()], false),
        ("of another stack", vec![(66, true), (6, true)], vec![delivered(6), JournalEntry::ManagedBy(other)], false),
        ("without notes", vec![(66, true), (6, true)], vec![], false),
    ] {
        for (users, exempt) in [("/ci/", ""), ("/", "alice")] {
            let lists = lists(&[Row("/apps/alice", &keys, journal(&entries))]);
            let all = fleet(&settings(users, exempt), Some(&lists), Asked::Due, &manager(), NOW);
            let left: Vec<_> = all.left.iter().map(|listed| listed.name.to_string()).collect();
            assert_eq!(left == ["alice"], reported, "{name}: {left:?}");
            assert!(all.subjects.is_empty(), "{name}");
        }
        let lists = lists(&[Row("/apps/alice", &keys, journal(&entries))]);
        let selected = fleet(&settings("/", ""), Some(&lists), Asked::Due, &manager(), NOW);
        assert!(selected.left.is_empty(), "{name}");
    }
    // A journal that cannot be read does not hide the user.
    let garbled = tag("access-key-rotation:delivered", "by hand");
    let lists = lists(&[Row("/apps/alice", &[(66, true), (6, true)], garbled)]);
    assert_eq!(fleet(&settings("/ci/", ""), Some(&lists), Asked::Due, &manager(), NOW).left.len(), 1);
}

/// A release handles every user, also users with nothing due.
#[test]
fn a_release_handles_everyone() {
    let lists = lists(&[Row("alice", &[(1, true)], vec![])]);
    for (asked, handled) in [(Asked::Due, 0), (Asked::Everyone, 1)] {
        assert_eq!(fleet(&settings("/", ""), Some(&lists), asked, &manager(), NOW).subjects.len(), handled);
    }
}

/// Another stack delivered the young key. For months, no run would read the user's notes. The planner decides.
#[test]
fn a_user_of_another_stack_is_handled_although_nothing_is_due() {
    let other = Manager::new("other", "eu-west-1", "").unwrap();
    for (noted, read) in [(other, true), (manager(), false)] {
        let notes = journal(&[delivered(6), JournalEntry::ManagedBy(noted)]);
        let lists = lists(&[Row("alice", &[(6, true)], notes)]);
        let fleet = fleet(&settings("/", ""), Some(&lists), Asked::Due, &manager(), NOW);
        let always = fleet.subjects.iter().filter(|subject| subject.journal == JournalUse::Always).count();
        assert_eq!((fleet.subjects.len(), always), (usize::from(read), usize::from(read)));
    }
}
