//! Everyday changes of a configuration ask for nothing. Changes that let others read keys, or end keys earlier, do.

use synth::{
    cfn::json::to_json,
    config::{self, Overrides},
    diff::{
        Diff,
        approval::{Approval, ApprovalReason},
        compare,
        render::{DiffFormat, render},
    },
    stack,
};

use crate::common::read;

/// The diff between two configurations, of the rotation stack and of the artifact bucket's.
fn diffs(old: &str, new: &str) -> [Diff; 2] {
    let templates = |text: &str| {
        let config = config::read(text, Overrides::default()).unwrap_or_else(|e| panic!("{e}\n{text}")).config;
        [stack::template(&config).unwrap(), stack::artifacts::template(&config).unwrap()].map(|t| to_json(&t))
    };
    let ([old, old_bucket], [new, new_bucket]) = (templates(old), templates(new));
    [compare(&old, &new), compare(&old_bucket, &new_bucket)]
}

fn reasons(diff: &Diff) -> Vec<ApprovalReason> {
    Approval::needed(diff).map(|approval| approval.reasons).unwrap_or_default()
}

const FLEET: &str = "\
users: [alice, {name: bob, owner: bob@b.co}, {name: /ci/, owner: ci@b.co}, /ci/eu/]
emails: [a@b.co, c@b.co]
";

#[test]
fn an_everyday_change_needs_no_approval() {
    let people = "users: [alice, bob, carol]\nemails: [a@b.co, c@b.co]\n";
    let queue = "arn:aws:sqs:eu-west-1:123456789012:events";
    let function = "arn:aws:lambda:eu-west-1:123456789012:function:events";
    let three_recipients = &*format!("users: [alice]\nemails: [a@b.co]\nnotify: [{queue}, {function}]\n");
    for delivery in ["secrets-manager", "email"] {
        for (base, was, is) in [
            // Fewer users.
            (people, "[alice, bob, carol]", "[alice, carol]"),
            (people, "[alice, bob, carol]", "[alice]"),
            (FLEET, ", /ci/eu/]", "]"),
            (FLEET, "{name: bob, owner: bob@b.co}, ", ""),
            (FLEET, "{name: /ci/, owner: ci@b.co}, /ci/eu/", "{name: /ci/eu/, owner: ci@b.co}"),
            ("users: ['tag:t=a', 'tag:t=b']\nemails: [a@b.co]\n", ", 'tag:t=b'", ""),
            (people, "users:", "exempt: ['/ops/']\nusers:"),
            // Fewer addresses, but not the last.
            (people, "[a@b.co, c@b.co]", "[a@b.co]"),
            (people, "[a@b.co, c@b.co]", "[c@b.co]"),
            (FLEET, "a@b.co, ", ""),
            // Fewer endpoints: administrators and owners still get the notices.
            (three_recipients, &*format!("[{queue}, {function}]"), &*format!("[{queue}]")),
            (three_recipients, &format!("[{queue}, {function}]"), &format!("[{function}]")),
            (three_recipients, &format!("notify: [{queue}, {function}]\n"), ""),
            // An exemption by a tag, in a stack that reads the tags already: fewer users.
            ("users: ['tag:t=a']\nemails: [a@b.co]\n", "users:", "exempt: ['tag:t=b']\nusers:"),
            // A dashboard only shows metrics, which stay.
            ("dashboard: fleet\nusers: [alice]\nemails: [a@b.co]\n", "dashboard: fleet\n", ""),
            ("users: [alice]\nemails: [a@b.co]\n", "users:", "dashboard: fleet\nusers:"),
            // Keys live longer.
            (people, "users:", "rotate_after: 61d\nusers:"),
            (FLEET, "owner: ci@b.co}", "owner: ci@b.co, rotate_after: 80d}"),
            (people, "users:", "overlap: 8d\nusers:"),
            (people, "users:", "delete_after: 20d\nusers:"),
            // A schedule that is no denser.
            (people, "users:", "schedule: rate(36 hours)\nusers:"),
            (people, "users:", "schedule: cron(0 9 * * ? *)\nusers:"),
            (people, "users:", "schedule: cron(0 9 * * ? *)\ntime_zone: Asia/Tokyo\nusers:"),
            // What people read, and what the machine is like.
            (people, "users:", "warn_before: 3d\nusers:"),
            (people, "users:", "language: ja\nusers:"),
            (people, "users:", "digest: changes\nusers:"),
            (people, "users:", "log_retention: 365d\nusers:"),
            (people, "users:", "memory: 512\nusers:"),
        ] {
            let old = format!("delivery: {delivery}\n{base}");
            assert!(old.contains(was), "{old}");
            let new = old.replace(was, is);
            for diff in diffs(&old, &new) {
                assert_eq!(reasons(&diff), [], "{old}-> {new}: {diff:#?}");
            }
        }
    }
}

/// Each of these looks harmless, and the reason says why it is not.
#[test]
fn some_everyday_changes_need_approval() {
    use ApprovalReason::{AllowsMore, Deletes, NotKnown, OthersNotified, Replaces};
    let people = "users: [alice, bob, carol]\nemails: [a@b.co]\n";
    for (why, was, is, expected) in [
        // The role comes to read tags or groups of all users.
        ("an exemption by a tag", "users:", "exempt: ['tag:t=b']\nusers:", &[AllowsMore][..]),
        ("an exemption by a group", "users:", "exempt: ['group:ops']\nusers:", &[AllowsMore]),
        // SNS makes another subscription, and the address gets nothing until it confirms the mail from AWS.
        ("another case of an address", "[a@b.co]", "[A@b.co]", &[Replaces]),
        ("another address", "[a@b.co]", "[c@b.co]", &[OthersNotified, Deletes]),
        // They read which keys are new, old or unused.
        ("one more address", "[a@b.co]", "[a@b.co, c@b.co]", &[OthersNotified]),
        ("an owner", "[alice,", "[{name: alice, owner: o@b.co},", &[OthersNotified]),
        // It may deny what the function needs for its notices and its alarms.
        (
            "a permissions boundary",
            "users:",
            "permissions_boundary: arn:aws:iam::123456789012:policy/b\nusers:",
            &[NotKnown],
        ),
    ] {
        let diff = &diffs(people, &people.replace(was, is))[0];
        assert_eq!(reasons(diff), expected, "{why}: {diff:#?}");
    }
}

#[test]
fn the_verdict_says_who_no_longer_gets_notices() {
    let old = "users: [alice, {name: bob, owner: o@b.co}]\nemails: [a@b.co, O@b.co]\nnotify: [https://x.co/n]\n";
    for (new, expected) in [
        ("users: [alice, {name: bob, owner: o@b.co}]\nemails: [a@b.co]\n", &["https://x.co/n", "o@b.co"][..]),
        ("users: [alice]\nemails: [O@b.co]\nnotify: [https://x.co/n]\n", &["a@b.co"]),
        ("users: [alice]\nemails: [a@b.co, O@b.co]\nnotify: [https://x.co/n]\n", &[]),
    ] {
        let what = |who: &&str| match *who {
            "a@b.co" => "alarms and notices",
            "o@b.co" => "alarms",
            _ => "notices",
        };
        let expected: Vec<_> = expected.iter().map(|who| format!("{who} no longer gets {}", what(who))).collect();
        let [diff, _] = diffs(old, new);
        assert_eq!(diff.unsubscribed, expected, "{new}: {diff:#?}");
        for format in [DiffFormat::Text { colour: false }, DiffFormat::Json] {
            let shown = render(&diff, format);
            assert!(expected.iter().all(|sentence| shown.contains(sentence)), "{format:?}: {shown}");
        }
    }
}

/// The last address: without it, no alarm and no notice reaches a person.
#[test]
fn a_subscription_that_others_do_not_replace_is_a_loss() {
    let of = |text: &str| {
        let text = format!("users: [{{name: alice, owner: o@b.co}}]\n{text}");
        let config = config::read(&text, Overrides::default()).unwrap_or_else(|e| panic!("{e}")).config;
        to_json(&stack::template(&config).unwrap())
    };
    let old = of("emails: [a@b.co]\n");
    let mut new = old.clone();
    let resources = new["Resources"].as_object_mut().unwrap();
    resources.retain(|id, _| !id.starts_with("AlarmsTo"));
    assert_eq!(reasons(&compare(&old, &new)), [ApprovalReason::NotKnown, ApprovalReason::Deletes]);
    // A queue with the notices to an address is no endpoint of the handler.
    let mut queue = old.clone();
    queue["Resources"]["Queue"] = queue["Resources"]["MailToAAtBDotCo"].clone();
    queue["Resources"]["Queue"]["Properties"]["Protocol"] = "sqs".into();
    queue["Resources"]["Queue"]["Properties"]["Endpoint"] = "arn:aws:sqs:eu-west-1:123456789012:q".into();
    assert_eq!(reasons(&compare(&queue, &old)), [ApprovalReason::NotKnown]);
    // An endpoint is no address.
    let of_endpoint = of("emails: [a@b.co]\nnotify: [https://x.co/n]\n");
    let mut new = of_endpoint.clone();
    new["Resources"].as_object_mut().unwrap().retain(|id, _| !id.starts_with("MailTo"));
    assert_eq!(reasons(&compare(&of_endpoint, &new)), [ApprovalReason::NotKnown, ApprovalReason::Deletes]);
    // An endpoint that the function still counts as a recipient, and the last recipient of all users without an owner.
    let mut new = of_endpoint.clone();
    new["Resources"].as_object_mut().unwrap().retain(|id, _| !id.starts_with("NoticesTo"));
    assert_eq!(reasons(&compare(&of_endpoint, &new)), [ApprovalReason::NotKnown]);
    let variables = "/Resources/Function/Properties/Environment/Variables";
    let mut old_owner = of_endpoint;
    old_owner.pointer_mut(variables).unwrap()["ADMINISTRATORS"] = "none".into();
    new.pointer_mut(variables).unwrap()["ADMINISTRATORS"] = "none".into();
    new.pointer_mut(variables).unwrap()["NOTIFY"] = "none".into();
    assert!(reasons(&compare(&old_owner, &new)).contains(&ApprovalReason::NotKnown));
    // Another address in its place: none of the earlier recipients is notified of a key now.
    let replaced = diffs("users: [alice]\nemails: [a@b.co]\n", "users: [alice]\nemails: [c@b.co]\n");
    assert_eq!(reasons(&replaced[0]), [ApprovalReason::OthersNotified, ApprovalReason::Deletes]);
    let exchanged = diffs("users: [alice]\nemails: [a@b.co, c@b.co]\n", "users: [alice]\nemails: [a@b.co, d@b.co]\n");
    assert_eq!(reasons(&exchanged[0]), [ApprovalReason::OthersNotified], "one administrator stays");
}

/// Each of these changes lets others read new keys.
#[test]
fn a_change_of_one_users_readers_needs_approval_and_names_them() {
    let key = |rest: &str| format!("age1{rest}");
    let opens = |rest: &str, users: &str| format!("{} can open the mails with the new keys of {users}", key(rest));
    for (case, expected) in [
        ("enc-own-removed", vec![opens("2kdw45yzvn2hjhfep9ccehg9402f2uhgflj4ty8w7vdg3gy0ml7sca9a3m", "alice")]),
        (
            "enc-swap",
            vec![
                opens("7eatzzk5unznzgdk5hlym2wpph0wjpde0rfh3rf8y0tmlt979z5szq8xte", "alice"),
                opens("8uuats6gukme6phggtq3fekv2u2c8wl5fe9sa076rgq7cpt5t4psj7m73z", "bob"),
            ],
        ),
        ("tags-new-address", vec!["a tag on a user can send its new keys to evil@x.co: /ci/".to_owned()]),
    ] {
        let [old, new] = ["old", "new"].map(|which| read(&format!("synth/tests/cases/config/{case}.{which}.yaml")));
        let [diff, _] = diffs(&old, &new);
        assert_eq!(diff.new_readers, expected, "{case}");
        assert!(reasons(&diff).contains(&ApprovalReason::OthersRead), "{case}");
        for format in [DiffFormat::Text { colour: false }, DiffFormat::Json] {
            // The text for people breaks lines.
            let shown = render(&diff, format).split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(expected.iter().all(|sentence| shown.contains(sentence)), "{case} {format:?}: {shown}");
        }
    }
}

/// Such a change was deployed without a question, and the next run deleted nine keys.
#[test]
fn a_change_that_ends_keys_earlier_needs_approval_and_says_which() {
    let slow = "rotate_after: 60d\noverlap: 7d\ndelete_after: 14d\nstill_in_use: wait\n";
    let fast = "rotate_after: 1d\noverlap: 0\ndelete_after: 0\nstill_in_use: retire\nwarn_before: 0\n";
    let of = |times: &str| format!("{FLEET}{times}");
    let [diff, _] = diffs(&of(slow), &of(fast));
    assert_eq!(reasons(&diff), [ApprovalReason::KeysEndEarlier]);
    assert_eq!(diff.earlier.len(), 4, "{:#?}", diff.earlier);
    for (format, title) in [
        (DiffFormat::Text { colour: false }, "\nWhat that means\n  ! "),
        (DiffFormat::Markdown, "**What happens to keys earlier:**"),
        (DiffFormat::Json, "\"earlier\": [\n"),
    ] {
        let shown = render(&diff, format);
        assert!(shown.contains(title) && shown.contains("a key is replaced after 1d instead of 60d"), "{shown}");
    }
    assert_eq!(reasons(&diffs(&of(fast), &of(slow))[0]), []);
}
