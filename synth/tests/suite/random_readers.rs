//! Random pairs of configurations: if the handler's own code sends the new key of some user to another person, or ends
//! its keys earlier, then the diff says so. The users are another small universe than the one that the diff uses.

use std::{cell::Cell, collections::BTreeSet};

use lambda::{
    contract::{listed_user::ListedUser, selector::UserSelector, settings::Settings, user_entry::TAGS},
    model::{email::Email, user::User},
    protocol::policy::{
        DeleteAfter, Delivery, DisabledUsers, MaxWait, Policy, StillInUse, UnconfirmedRecipients, UnusedAfter,
    },
};
use proptest::{
    prelude::*,
    sample::{Index, select},
    test_runner::TestRunner,
};
use serde_json::Value as Json;
use synth::{
    cfn::json::to_json,
    config::{self, Overrides},
    diff::compare,
    stack::{self, planned_handler::PlannedHandler},
};

use crate::common::{cases, keys, random::for_one_account};

const ADDRESSES: [&str; 4] = ["a@b.co", "c@b.co", "d@b.co", "e@b.co"];
const TOPIC: &str = "arn:aws:sns:eu-west-1:111122223333:keys";

/// The template of a configuration, and the settings that the handler reads from it. `None` if it is not valid.
fn planned(text: &str) -> Option<(Json, Settings)> {
    let config = config::read(text, Overrides::default()).ok()?.config;
    let template = to_json(&stack::template(&config).ok()?);
    let settings = PlannedHandler::read(&template, TOPIC).unwrap().settings;
    Some((template, settings))
}

/// The users of the entries; and below each path, with each tag, in each group, one with and one without a tag for its
/// owner.
fn universe(both: [&Settings; 2]) -> Vec<ListedUser> {
    let listed = |text: &str| ListedUser::from(&text.parse::<User>().unwrap());
    let mut all = vec![listed("/elsewhere/somebody-else")];
    for entry in both.iter().flat_map(|settings| &settings.users) {
        let mut user = match &entry.selector {
            UserSelector::User(user) => ListedUser::from(user),
            UserSelector::Path(path) => listed(&format!("{path}somebody-else")),
            UserSelector::Tag(_) | UserSelector::Group(_) => listed("somebody-else"),
        };
        match &entry.selector {
            UserSelector::Tag(tag) => user.tags.push((tag.key.clone(), tag.value.clone())),
            UserSelector::Group(group) => user.groups.push(group.to_string()),
            UserSelector::User(_) | UserSelector::Path(_) => {}
        }
        all.push(user);
    }
    let addresses: Vec<_> = both.iter().flat_map(|settings| settings.addresses()).collect();
    let tagged = all.iter().flat_map(|user| {
        addresses.iter().map(|address| {
            let mut user = user.clone();
            user.tags.push((TAGS[0].to_owned(), address.to_string()));
            user
        })
    });
    let tagged: Vec<_> = tagged.collect();
    all.extend(tagged);
    all
}

/// Who reads the user's new key, by the code that the handler runs.
fn readers(settings: &Settings, user: &ListedUser) -> BTreeSet<String> {
    let Ok((subject, _)) = settings.subject(user) else { return BTreeSet::new() };
    let own = settings.for_subject(&subject);
    match own.policy.delivery {
        Delivery::SecretsManager => {
            let readers = own.secret_readers.0.iter().map(ToString::to_string);
            readers.chain([format!("users of the key {}", own.secret_kms_key)]).collect()
        }
        Delivery::Email | Delivery::EmailEncrypted => {
            let addresses = own.readers_of_secret(&user.name).into_iter().map(Email::small);
            addresses.chain(own.recipients(&user.name).iter().map(ToString::to_string)).collect()
        }
    }
}

/// Who gets the notices about the user, by the code that the handler runs.
fn notified(settings: &Settings, user: &ListedUser) -> BTreeSet<String> {
    let Ok((subject, _)) = settings.subject(user) else { return BTreeSet::new() };
    settings.for_subject(&subject).readers_of_secret(&user.name).into_iter().map(Email::small).collect()
}

/// What one configuration ends earlier than another one, by one user's policy.
fn is_earlier(old: &Policy, new: &Policy) -> bool {
    let kept_in_use = |policy: &Policy| match (policy.still_in_use, policy.wait_at_most) {
        (StillInUse::Retire, _) => 0,
        (StillInUse::Wait, MaxWait::AtMost(span)) => span.as_seconds(),
        (StillInUse::Wait, MaxWait::Forever) => u64::MAX,
    };
    let window = |policy: &Policy| match policy.delete_after {
        DeleteAfter::NextRotation => u64::MAX,
        DeleteAfter::Window(span) => span.as_seconds(),
    };
    let unused = |policy: &Policy| match policy.unused_after {
        UnusedAfter::Never => u64::MAX,
        UnusedAfter::After(span) => span.as_seconds(),
    };
    let proceeds = |policy: &Policy| policy.unconfirmed_recipients == UnconfirmedRecipients::Proceed;
    let replaces = |policy: &Policy| policy.disabled_users == DisabledUsers::Replace;
    new.rotate_after < old.rotate_after
        || new.overlap < old.overlap
        || kept_in_use(new) < kept_in_use(old)
        || window(new) < window(old)
        || unused(new) < unused(old)
        || proceeds(new) && !proceeds(old)
        || replaces(new) && !replaces(old)
}

/// What happened in the pairs so far.
#[derive(Debug, Default)]
struct Counts {
    pairs: Cell<usize>,
    others_read: Cell<usize>,
    others_notified: Cell<usize>,
    earlier: Cell<usize>,
    neither: Cell<usize>,
}

fn check(counts: &Counts, old: &str, new: &str) -> Result<(), TestCaseError> {
    let (Some((before, was)), Some((after, is))) = (planned(old), planned(new)) else { return Ok(()) };
    let diff = compare(&before, &after);
    let add = |counter: &Cell<usize>| counter.set(counter.get() + 1);
    add(&counts.pairs);
    let users = universe([&was, &is]);
    let handled: Vec<_> = users.iter().filter(|user| was.selects(user) && is.selects(user)).collect();
    // Whether the user was skipped because its tag names an unknown address, and the tag does not decide who reads now.
    let was_skipped = |user: &ListedUser| {
        let chosen = |reader: &String| user.tags.iter().any(|(key, value)| key == TAGS[0] && value == reader);
        was.subject(user).is_err() && !readers(&is, user).iter().any(chosen)
    };
    // If there was only AWS's own key, another one only limits who decrypts.
    let is_gain = |reader: &String| was.secret_kms_key.customer().is_some() || !reader.starts_with("users of the key");
    let gains = |user: &ListedUser| readers(&is, user).difference(&readers(&was, user)).any(is_gain);
    let reads_more = handled.iter().find(|user| !was_skipped(user) && gains(user));
    if let Some(user) = reads_more {
        add(&counts.others_read);
        prop_assert!(!diff.new_readers.is_empty(), "{:?}\n{}\n{}", user, old, new);
    }
    // Where tags choose the owner only before or after, that is another reason for an approval.
    // An administrator gets the notices about all users without an owner. So an administrator may replace the owner that
    // a tag names.
    let administrators: BTreeSet<String> = was.administrators.iter().map(Email::small).collect();
    let notified_before = |user: &ListedUser| {
        let is_tagged = user.tags.iter().any(|(key, _)| key == TAGS[0]);
        if is_tagged { &notified(&was, user) | &administrators } else { notified(&was, user) }
    };
    let tells_more = |user: &ListedUser| {
        was.user_tags == is.user_tags && !was_skipped(user) && !notified(&is, user).is_subset(&notified_before(user))
    };
    let tells_more = handled.iter().find(|user| tells_more(user));
    if let Some(user) = tells_more {
        add(&counts.others_notified);
        prop_assert!(!diff.newly_notified.is_empty() || !diff.new_readers.is_empty(), "{:?}\n{}\n{}", user, old, new);
    }
    let policy = |settings: &Settings, user: &ListedUser| settings.subject(user).map(|(_, policy)| policy);
    let ends_earlier = handled.iter().find(|user| match (policy(&was, user), policy(&is, user)) {
        (Ok(was), Ok(is)) => is_earlier(&was, &is),
        _ => false,
    });
    if let Some(user) = ends_earlier {
        add(&counts.earlier);
        prop_assert!(!diff.earlier.is_empty(), "{:?}\n{}\n{}", user, old, new);
    }
    if reads_more.is_none() && tells_more.is_none() && ends_earlier.is_none() {
        add(&counts.neither);
    }
    // Settings of the template, such as a shorter log, may be unknown. The handler's settings are all read.
    let unread: Vec<_> = diff.unknown.iter().filter(|line| line.starts_with("Function: ")).collect();
    prop_assert!(unread.is_empty(), "{:?}", unread);
    Ok(())
}

/// A small configuration: few names, paths, addresses and keys, so that two of them have much in common.
fn small() -> impl Strategy<Value = String> {
    let key = (0..3u8).prop_map(|n| keys::age([n + 1; 31]));
    let own = (
        prop::option::weighted(0.4, select(&ADDRESSES[..])),
        prop::option::weighted(0.3, select(&["40d", "70d"][..])),
        prop::option::weighted(0.3, select(&["1d", "9d"][..])),
        prop::option::weighted(0.4, key.clone()),
    );
    let list = |words: &'static [&'static str]| prop::sample::subsequence(words.to_vec(), 1..=words.len());
    let users = prop_oneof![
        2 => list(&["alice", "bob", "/ci/bot", "/ci/eu/bot-2"]),
        3 => list(&["alice", "bob", "/ci/bot", "/ci/eu/bot-2", "/", "/ci/", "/ci/eu/"]),
        1 => list(&["tag:team=a", "tag:team=b"]),
    ];
    let settings = (
        select(&["secrets-manager", "email", "email-encrypted"][..]),
        prop::sample::subsequence(ADDRESSES.to_vec(), 1..=3),
        prop::collection::vec(key, 1..3),
        select(&["ignored", "honoured"][..]),
        prop::sample::subsequence(vec!["arn:aws:iam::111122223333:role/x", "arn:aws:iam::111122223333:role/y"], 0..=2),
    );
    let times = (
        select(&["60d", "50d"][..]),
        select(&["7d", "8d"][..]),
        select(&["14d", "13d", "next-rotation"][..]),
        select(&["wait", "retire"][..]),
        select(&["forever", "30d", "3d"][..]),
    );
    let rest =
        (select(&["skip", "replace"][..]), select(&["never", "30d", "35d"][..]), select(&["hold", "proceed"][..]));
    (users, prop::collection::vec(own, 8), settings, times, rest).prop_map(
        |(users, own, (delivery, emails, general, tags, readers), times, rest)| {
            let encrypts = delivery == "email-encrypted";
            let entries = users.iter().zip(own).map(|(name, (owner, rotate_after, overlap, key))| {
                let key = key.filter(|_| encrypts && !name.ends_with('/') && !name.starts_with("tag:"));
                let fields = [
                    Some(format!("name: '{name}'")),
                    owner.map(|owner| format!("owner: {owner}")),
                    rotate_after.map(|span| format!("rotate_after: {span}")),
                    overlap.map(|span| format!("overlap: {span}")),
                    key.map(|key| format!("encrypt_to: [{key}]")),
                ];
                format!("{{{}}}", fields.into_iter().flatten().collect::<Vec<_>>().join(", "))
            });
            let entries: Vec<_> = entries.collect();
            let encrypt_to =
                if encrypts { format!("encrypt_to: [{}]\n", general.join(", ")) } else { String::new() };
            let (rotate_after, overlap, delete_after, still_in_use, wait_at_most) = times;
            let (disabled_users, unused_after, unconfirmed_recipients) = rest;
            format!(
                "users: [{}]\nemails: [{}]\ndelivery: {delivery}\n{encrypt_to}user_tags: {tags}\n\
                 secret_readers: ['{}']\nrotate_after: {rotate_after}\noverlap: {overlap}\ndelete_after: {delete_after}\n\
                 still_in_use: {still_in_use}\nwait_at_most: {wait_at_most}\ndisabled_users: {disabled_users}\n\
                 unused_after: {unused_after}\nunconfirmed_recipients: {unconfirmed_recipients}\n",
                entries.join(", "),
                emails.join(", "),
                readers.join("', '"),
            )
            .replace("['']", "[]")
        },
    )
}

/// The second configuration has some lines of the third one, so that often only one thing changes.
fn mixed(old: &str, other: &str, lines: &[Index]) -> String {
    let mut new: Vec<&str> = old.lines().collect();
    for line in lines {
        let line = other.lines().nth(line.index(other.lines().count())).unwrap_or_default();
        let name = line.split(':').next().unwrap_or_default();
        new.retain(|known| known.split(':').next() != Some(name));
        new.push(line);
    }
    new.join("\n") + "\n"
}

#[test]
fn what_the_handler_does_differently_is_in_the_diff() {
    let run = |what: &str, number: u32, strategy: BoxedStrategy<(String, String)>| {
        let counts = Counts::default();
        let config = ProptestConfig { cases: number, failure_persistence: None, ..ProptestConfig::default() };
        let result = TestRunner::new(config).run(&strategy, |(old, new)| check(&counts, &old, &new));
        result.unwrap_or_else(|e| panic!("{e}"));
        println!("{what} pairs: {counts:?}");
        counts
    };
    let lines = prop::collection::vec(any::<Index>(), 1..4);
    let mixed = (small(), small(), lines).prop_map(|(old, other, lines)| {
        let new = mixed(&old, &other, &lines);
        (old, new)
    });
    let number = cases(150, 3_000);
    let counts = run("small", number, mixed.boxed());
    let least = usize::try_from(number).unwrap() / 20;
    for (what, count) in [
        ("others read", &counts.others_read),
        ("others notified", &counts.others_notified),
        ("earlier", &counts.earlier),
        ("neither", &counts.neither),
    ] {
        assert!(count.get() > least, "{what}: {counts:?}");
    }
    let any = (for_one_account(), for_one_account()).prop_map(|(old, new)| (old.text(), new.text()));
    run("any", cases(10, 200), any.boxed());
}
