//! Bad input gives one message with the position and the allowed values, and exit code 2. No file is written, and
//! nothing panics.

use std::process::Command;

use crate::common::{golden, keys, read, root};

/// A valid configuration with these additional lines.
fn with(lines: &str) -> String {
    let mut text = String::from("stack_name: test\n");
    for (key, value) in [("users", "[alice]"), ("emails", "[a@example.com]")] {
        if !lines.lines().any(|line| line.starts_with(&format!("{key}:"))) {
            text += &format!("{key}: {value}\n");
        }
    }
    text + lines
}

struct Run {
    code: Option<i32>,
    error: String,
    /// The error with its long lines as one line each.
    text: String,
    written: bool,
}

fn synth(configuration: &[u8], arguments: &[&str]) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let (config, output) = (folder.path().join("rotation.yaml"), folder.path().join("out.yaml"));
    std::fs::write(&config, configuration).unwrap();
    let result = Command::new(env!("CARGO_BIN_EXE_synth"))
        .current_dir(&folder)
        .args(["template", "--output", "out.yaml"])
        .args(arguments)
        .output()
        .unwrap();
    let error = String::from_utf8(result.stderr).unwrap();
    let continues = |line: &&str| line.starts_with("         ") && !line.contains('|');
    let lines: Vec<_> = error
        .lines()
        .map(|line| if continues(&line) { format!(" {}", line.trim()) } else { format!("\n{line}") })
        .collect();
    Run { code: result.status.code(), text: lines.concat() + "\n", written: output.exists(), error }
}

/// The text that the carets of the first problem underline.
fn underlined(error: &str) -> String {
    let lines: Vec<_> = error.lines().collect();
    let caret = lines.iter().position(|line| line.contains('^')).unwrap_or_else(|| panic!("no caret: {error}"));
    let (source, carets) = (lines[caret - 1], lines[caret]);
    let under = |(at, _): &(usize, char)| carets.chars().nth(*at) == Some('^');
    source.chars().enumerate().filter(under).map(|(_, c)| c).collect()
}

#[test]
fn each_mistake_is_named_and_underlined_at_its_place() {
    // The mistake, its position, the underlined text, and a part of the message.
    for (lines, place, under, says) in [
        ("usres: [a]", "4:1", "usres", "did you mean users?"),
        ("rotate_afer: 50d", "4:1", "rotate_afer", "did you mean rotate_after?"),
        ("colour: red", "4:1", "colour", "the settings are: users, exempt, user_tags, emails"),
        ("users: []", "3:8", "[]", "at least one entry"),
        ("users: alice", "3:8", "alice", "did you mean [alice]?"),
        (
            "notify: ['https://sqs.eu-west-1.amazonaws.com/111122223333/key-events']",
            "4:10",
            "'https://sqs.eu-west-1.amazonaws.com/111122223333/key-events'",
            "did you mean arn:aws:sqs:eu-west-1:111122223333:key-events?",
        ),
        (
            "notify: ['https://sqs.eu-west-1.amazonaws.com/111122223333/key-events.fifo']",
            "4:10",
            "'https://sqs.eu-west-1.amazonaws.com/111122223333/key-events.fifo'",
            "not a FIFO queue",
        ),
        (
            "notify: ['https://a.co/x', 'https://A.co:443/x']",
            "4:28",
            "'https://A.co:443/x'",
            "means the same as entry 1",
        ),
        ("users: [a b]", "3:9", "a b", "a line `- a` and a line `- b`, or [a, b]"),
        ("users: [a b!]", "3:9", "a b!", "1 to 64 letters"),
        ("users:\n  - alice\n  - 7", "5:5", "7", "write \"7\" in quotes"),
        ("users:\n  - alice\n  - /ops/Alice", "5:5", "/ops/Alice", "means the same as entry 1"),
        ("users: [\"*\"]", "3:9", "\"*\"", "is a pattern, but patterns are not supported"),
        ("users: [\"*\"]", "3:9", "\"*\"", "did you mean /?"),
        ("users: [all users]", "3:9", "all users", "did you mean /?"),
        ("users: [ci/]", "3:9", "ci/", "did you mean /ci/?"),
        ("users: [/ci/*]", "3:9", "/ci/*", "did you mean /ci/?"),
        ("users: [/ci//]", "3:9", "/ci//", "not a path of users"),
        ("users: [/ci/, alice, /ci/]", "3:22", "/ci/", "means the same as entry 1"),
        ("users: ['tag:rotate']", "3:9", "'tag:rotate'", "not a tag of users"),
        ("users: ['tag:A=b', 'tag:a=b']", "3:20", "'tag:a=b'", "differ only in upper and lower case"),
        ("users:\n  - tag: rotate=yes", "4:5", "tag: rotate=yes", "did you mean tag:rotate=yes?"),
        ("users: ['group:people']", "3:9", "'group:people'", "IAM has no condition on the groups of a user"),
        ("users: [{name: 'group:people'}]", "3:16", "'group:people'", "tag the members"),
        ("users: [alice, 'tag:a=b']", "3:9", "alice", "some users by tag and others by name or path"),
        ("users: ['tag:a=b', /ci/]", "3:20", "/ci/", "give the others a stack of their own"),
        ("users: ['tag:a=b', 'tag:c=d']", "3:20", "'tag:c=d'", "tags of two keys, a and c"),
        (
            "users: ['tag:access-key-rotation:x=y']",
            "3:9",
            "'tag:access-key-rotation:x=y'",
            "the handler itself may write",
        ),
        ("users: [{name: alice, rotate_after: 5}]", "3:37", "5", "rotate_after: \"5\" is not an age"),
        (
            "users: [bob, {name: alice, rotate_after: 20d}]",
            "3:14",
            "{name: alice, rotate_after: 20d}",
            "for alice, rotate_after is 20d, but overlap + delete_after is 21d",
        ),
        (
            "users: [{name: /, rotate_after: 30d}, {name: /ci/, overlap: 17d}]",
            "3:39",
            "{name: /ci/, overlap: 17d}",
            "for /ci/, rotate_after is 30d, but overlap + delete_after is 31d",
        ),
        ("exempt: bob", "4:9", "bob", "did you mean [bob]?"),
        ("exempt: [bob, people/]", "4:15", "people/", "did you mean /people/?"),
        ("exempt: ['group:a!b']", "4:10", "'group:a!b'", "or group:NAME"),
        ("exempt: ['group:a', 'group:A']", "4:21", "'group:A'", "differ only in upper and lower case"),
        ("exempt: [bob, /ops/ALICE]", "4:15", "/ops/ALICE", "excludes every user that alice in users selects"),
        ("exempt: [/]", "4:10", "/", "excludes every user that alice in users selects"),
        ("users: [/ci/, /ci/eu/bot, /ops/]\nexempt: [/ci/]", "4:10", "/ci/", "every user that /ci/, bot in users"),
        ("users: ['tag:a=b']\nexempt: ['tag:A=b']", "4:10", "'tag:A=b'", "remove one of the two entries"),
        ("exempt: ['tag:Access-Key-Rotation:x=y']", "4:10", "'tag:Access-Key-Rotation:x=y'", "select by another tag"),
        ("user_tags: yes", "4:12", "yes", "did you mean honoured?"),
        ("user_tags: honored", "4:12", "honored", "ignored or honoured"),
        ("users: [ci/bot]", "3:9", "ci/bot", "did you mean /ci/bot?"),
        (
            "users: [\"arn:aws:iam::123456789012:user/ci/bot\"]",
            "3:9",
            "\"arn:aws:iam::123456789012:user/ci/bot\"",
            "did you mean /ci/bot?",
        ),
        ("users:\n  -", "4:3", "-", "the value is missing"),
        ("users:\n  - name: a b\n    owner: a@b.co", "4:11", "a b", "name: \"a b\" is not an IAM user name"),
        ("users:\n  - alice\n  - owner: a@b.co", "5:5", "owner: a@b.co", "name is missing"),
        ("users: [{name: alice, owner: nobody}]", "3:30", "nobody", "owner: \"nobody\" is not an e-mail address"),
        ("users: [{name: alice, owner: 'mailto:a@b.co'}]", "3:30", "'mailto:a@b.co'", "did you mean a@b.co?"),
        ("users: [{name: alice, owner: [a@b.co]}]", "3:30", "[a@b.co]", "owner: it must be a single value"),
        ("users: [{name: alice, owner: }]", "3:23", "owner", "owner: the value is missing"),
        ("users: [{name: alice, onwer: a@b.co}]", "3:23", "onwer", "did you mean owner?"),
        ("users: [{name: alice, name: bob}]", "3:23", "name", "name is given twice"),
        (
            "users: [{name: alice, 7: b}]",
            "3:23",
            "7",
            "the fields are: name, account, owner, encrypt_to, rotate_after, overlap",
        ),
        (
            "users: [alice, {name: /ops/Alice, owner: a@b.co}]",
            "3:16",
            "{name: /ops/Alice, owner: a@b.co}",
            "means the same as entry 1",
        ),
        ("emails: [nobody]", "3:10", "nobody", "name@domain.example"),
        ("emails: [a@b.co, A@B.co]", "3:18", "A@B.co", "differ only in upper and lower case"),
        ("emails: [\"A. Bee <a@b.co>\"]", "3:10", "\"A. Bee <a@b.co>\"", "did you mean a@b.co?"),
        ("language: fr", "4:11", "fr", "en or ja"),
        ("language: jp", "4:11", "jp", "did you mean ja?"),
        ("language: [en]", "4:11", "[en]", "a single value"),
        ("language: !x en", "4:14", "en", "the YAML tag !x is not allowed"),
        ("language:", "4:1", "language", "value is missing"),
        ("account_name: Payments Prod", "4:15", "Payments Prod", "did you mean payments-prod?"),
        ("account_name: ab", "4:15", "ab", "3 to 63 lower-case letters, digits or single hyphens"),
        ("account_name: 4711", "4:15", "4711", "write \"4711\" in quotes"),
        ("digest: daily", "4:9", "daily", "always, changes or never"),
        ("digest: alway", "4:9", "alway", "did you mean always?"),
        ("schedule: every weekday", "4:11", "every weekday", "rate(1 day)"),
        ("schedule: daily", "4:11", "daily", "did you mean rate(1 day)?"),
        ("schedule: 2 weeks", "4:11", "2 weeks", "did you mean rate(14 days)?"),
        ("schedule: rate(2 day)", "4:11", "rate(2 day)", "did you mean rate(2 days)?"),
        ("schedule: \"0 9 * * 1-5\"", "4:11", "\"0 9 * * 1-5\"", "did you mean cron(0 9 ? * MON-FRI *)?"),
        ("schedule: cron(0 9 * * * *)", "4:11", "cron(0 9 * * * *)", "did you mean cron(0 9 * * ? *)?"),
        ("schedule: cron(0 9 * * * *)", "4:11", "cron(0 9 * * * *)", "with ? for exactly one of the two days"),
        ("schedule: cron(0 25 * * ? *)", "4:11", "cron(0 25 * * ? *)", "there is no hour 25: the hours are 0 to 23"),
        ("schedule: at(2027-01-31 09:00)", "4:11", "at(2027-01-31 09:00)", "did you mean at(2027-01-31T09:00:00)?"),
        ("schedule: rate(1 minute)", "4:11", "rate(1 minute)", "a run may take 10m"),
        ("time_zone: JST", "4:12", "JST", "Asia/Tokyo"),
        ("time_zone: New York", "4:12", "New York", "did you mean America/New_York?"),
        ("rotate_after: 60", "4:15", "60", "did you mean 60d?"),
        ("rotate_after: 60D # days", "4:15", "60D", "with d, h, m or s"),
        ("rotate_after: 0", "4:15", "0", "from 1m to 3653d"),
        ("rotate_after: 5d\nwarn_before: 0", "4:15", "5d", "rotate_after is 5d, but overlap + delete_after is 21d"),
        ("overlap: 50d", "4:10", "50d", "by default: rotate_after: 60d, delete_after: 14d"),
        ("overlap: soon", "4:10", "soon", "such as 90d"),
        ("overlap: '2 weeks'", "4:10", "'2 weeks'", "did you mean 14d?"),
        ("delete_after: never", "4:15", "never", "next-rotation"),
        ("delete_after: next_rotation", "4:15", "next_rotation", "did you mean next-rotation?"),
        ("still_in_use: maybe", "4:15", "maybe", "wait or retire"),
        ("still_in_use: wiat", "4:15", "wiat", "did you mean wait?"),
        ("disabled_users: kepp", "4:17", "kepp", "skip or replace"),
        ("wait_at_most: long", "4:15", "long", "or forever"),
        ("unconfirmed_recipients: wait", "4:25", "wait", "hold or proceed"),
        ("unused_after: 45", "4:15", "45", "did you mean 45d?"),
        ("unused_after: 0", "4:15", "0", "or never"),
        ("unused_after: forever", "4:15", "forever", "did you mean never?"),
        (
            "unused_after: 60d",
            "4:15",
            "60d",
            "unused_after is 60d, but a key is replaced after 60d, even if it is unused",
        ),
        ("unused_after: 90d", "4:15", "90d", "make unused_after shorter than rotate_after, or set unused_after: never"),
        (
            "users: [{name: /, rotate_after: 90d}, {name: /ci/, rotate_after: 45d}]\nunused_after: 45d",
            "3:39",
            "{name: /ci/, rotate_after: 45d}",
            "for /ci/, rotate_after is 45d, so a key is replaced before it is unused for 45d (unused_after)",
        ),
        ("delivery: fax", "4:11", "fax", "secrets-manager, email or email-encrypted"),
        ("delivery: emial", "4:11", "emial", "did you mean email?"),
        ("delivery: email-encrypted", "4:11", "email-encrypted", "encrypt_to is empty"),
        ("users: [{name: alice, encrypt_to: []}]", "3:35", "[]", "encrypt_to: it must be a list with at least one"),
        ("users: [{name: alice, encrypt_to: [a]}]", "3:36", "a", "encrypt_to: \"a\" is not a public key"),
        ("delivery: email-encrypted\nencrypt_to: []", "5:13", "[]", "encrypt_to is empty"),
        ("delivery: email-encrypted\nencrypt_to: age1", "5:13", "age1", "write a line `- …` for each"),
        ("encrypt_to: [ssh-dss AAAA me]", "4:14", "ssh-dss AAAA me", "make one with ssh-keygen -t ed25519"),
        ("encrypt_to: [age1yubikey1qqqq]", "4:14", "age1yubikey1qqqq", "has no plugins"),
        ("encrypt_to: ['age1qq']", "4:14", "'age1qq'", "a part is missing or has changed"),
        ("secret_prefix: /a/", "4:16", "/a/", "did you mean a?"),
        ("secret_prefix: 7", "4:16", "7", "write \"7\" in quotes"),
        ("secret_readers: nobody", "4:17", "nobody", "a list: write a line `- …` for each entry, or [] for none"),
        ("secret_readers: [\"*\"]", "4:18", "\"*\"", "arn:aws:iam::ACCOUNT:role/NAME"),
        (
            "secret_readers: [\"arn:aws:sts::111122223333:assumed-role/reader/me\"]",
            "4:18",
            "\"arn:aws:sts::111122223333:assumed-role/reader/me\"",
            "did you mean arn:aws:iam::111122223333:role/reader?",
        ),
        ("secret_kms_key: alias/mine", "4:17", "alias/mine", "not of an alias"),
        ("secret_kms_key: alias/aws/secretsmanager", "4:17", "alias/aws/secretsmanager", "did you mean aws/secretsm"),
        ("architecture: mips", "4:15", "mips", "arm64 or x86_64"),
        ("architecture: aarch64", "4:15", "aarch64", "did you mean arm64?"),
        ("memory: 64", "4:9", "64", "from 128 to 10240"),
        ("memory: lots", "4:9", "lots", "from 128 to 10240"),
        ("memory: 1 GB", "4:9", "1 GB", "did you mean 1024?"),
        ("timeout: 5s", "4:10", "5s", "from 2m"),
        ("timeout: 16m", "4:10", "16m", "to 15m, which Lambda allows"),
        ("timeout: 10", "4:10", "10", "did you mean 10m?"),
        ("log_retention: 8d", "4:16", "8d", "did you mean 7d?"),
        ("log_retention: 90 days", "4:16", "90 days", "did you mean 90d?"),
        ("stack_name: 1st", "1:13", "1st", "a letter, then"),
        ("stack_name: keys-artifacts", "1:13", "keys-artifacts", "not ending in -artifacts"),
        ("tags: team=payments", "4:7", "team=payments", "write a line `KEY: VALUE` for each tag, or {} for none"),
        ("tags: [team]", "4:7", "[team]", "it must be a mapping"),
        ("tags:", "4:1", "tags", "it must be a mapping"),
        ("tags:\n  team: payments\n  cost-centre: 4711", "6:16", "4711", "write \"4711\" in quotes"),
        ("tags: {team: yes, live: true}", "4:25", "true", "write \"true\" in quotes"),
        ("tags:\n  team:", "5:3", "team", "the value is missing"),
        ("tags: {'': payments}", "4:8", "''", "\"\" is not the key of a tag"),
        ("tags: {team: ''}", "4:14", "''", "\"\" is not the value of a tag"),
        ("tags: {team: 'a,b'}", "4:14", "'a,b'", "letters, digits, spaces or _ . : / = + - @"),
        ("tags: {' team': a}", "4:8", "' team'", "did you mean team?"),
        ("tags: {aws:team: a}", "4:8", "aws:team", "not beginning with aws: or access-key-rotation:"),
        ("tags: {Managed-By: a}", "4:8", "Managed-By", "not managed-by"),
        ("tags: {access-key-rotation:user: a}", "4:8", "access-key-rotation:user", "is not the key of a tag"),
        ("tags: {team: a, Team: b}", "4:17", "Team", "Team means the same as team: IAM compares keys without case"),
        ("permissions_boundary: boundary", "4:23", "boundary", "the ARN of a managed policy"),
        (
            "permissions_boundary: arn:aws:iam::111122223333:role/x",
            "4:23",
            "arn:aws:iam::111122223333:role/x",
            "arn:aws:iam::ACCOUNT:policy/NAME",
        ),
        ("permissions_boundary: off", "4:23", "off", "did you mean none?"),
        ("role_path: service/rotation", "4:12", "service/rotation", "did you mean /service/rotation/?"),
        ("role_path: /a b/", "4:12", "/a b/", "begins and ends with a slash"),
        ("reserved_concurrency: 0", "4:23", "0", "none, or a whole number from 1 to 900"),
        ("reserved_concurrency: '2'", "4:23", "'2'", "did you mean 2?"),
        ("reserved_concurrency: all", "4:23", "all", "\"all\" is not a number of runs at once"),
        ("users: [alice]\nusers: [bob]", "4:1", "users", "set twice"),
        ("? [a]\n: b", "4:3", "[a]", "must be a word"),
    ] {
        let configuration =
            if lines.starts_with("stack_name") { with("").replace("stack_name: test", lines) } else { with(lines) };
        let run = synth(configuration.as_bytes(), &[]);
        assert_eq!((run.code, run.written), (Some(2), false), "{lines}: {}", run.error);
        assert!(run.text.contains(says), "{lines}: {}", run.error);
        assert!(run.text.contains(&format!("--> rotation.yaml:{place}\n")), "{lines}: {}", run.error);
        assert_eq!(underlined(&run.error), under, "{lines}: {}", run.error);
        assert!(run.text.contains("rotation.yaml has 1 problem\n"), "{lines}: {}", run.error);
    }
}

/// Public keys: one without an encrypted delivery, one that is listed twice, and one that is cut off.
#[test]
fn mistakes_with_public_keys_are_named_and_underlined_too() {
    let (age, ssh) = (keys::age([7; 31]), keys::ssh_ed25519());
    let encrypted = "delivery: email-encrypted\nencrypt_to:";
    for (lines, place, under, says) in [
        (format!("encrypt_to: [{age}]"), "4:13", format!("[{age}]"), "set delivery: email-encrypted".to_owned()),
        (
            format!("users: [{{name: alice, encrypt_to: [{age}]}}]"),
            "3:8",
            format!("[{{name: alice, encrypt_to: [{age}]}}]"),
            "set delivery: email-encrypted".to_owned(),
        ),
        (
            format!("delivery: email-encrypted\nusers: [{{name: alice, encrypt_to: [{age}]}}, bob, /ci/carol]"),
            "4:8",
            format!("[{{name: alice, encrypt_to: [{age}]}}, bob, /ci/carol]"),
            "no key could open the mails with the new keys of bob, carol".to_owned(),
        ),
        (
            format!("delivery: email-encrypted\nusers: [bob, {{name: /ci/, encrypt_to: [{age}]}}]"),
            "4:27",
            "encrypt_to".to_owned(),
            "only an entry that names one user can have public keys of its own".to_owned(),
        ),
        (
            format!("delivery: email-encrypted\nusers: [{{name: alice, encrypt_to: [{age}]}}, /ci/]"),
            "4:8",
            format!("[{{name: alice, encrypt_to: [{age}]}}, /ci/]"),
            "no key could open the mails with the new keys of /ci/".to_owned(),
        ),
        (format!("{encrypted} {age}"), "5:13", age.clone(), format!("did you mean [{age}]?")),
        (
            format!("{encrypted}\n  - {ssh}\n  - {ssh} me"),
            "7:5",
            format!("{ssh} me"),
            "means the same as entry 1".into(),
        ),
        (format!("{encrypted} ['<{age}>']"), "5:14", format!("'<{age}>'"), format!("did you mean {age}?")),
        (format!("{encrypted} ['me: {ssh} me']"), "5:14", format!("'me: {ssh} me'"), format!("did you mean {ssh} me?")),
    ] {
        let run = synth(with(&lines).as_bytes(), &[]);
        assert_eq!((run.code, run.written), (Some(2), false), "{lines}: {}", run.error);
        assert!(run.text.contains(&says), "{lines}: {}", run.error);
        assert!(run.text.contains(&format!("--> rotation.yaml:{place}\n")), "{lines}: {}", run.error);
        assert_eq!(underlined(&run.error), under, "{lines}: {}", run.error);
    }
}

/// With any other mistake in the file, and with every command that reads it.
#[test]
fn a_private_key_is_never_repeated() {
    let key = "QUJD".repeat(16);
    let pem =
        format!("-----BEGIN OPENSSH PRIVATE KEY-----\n    {key}\n    {key}\n    -----END OPENSSH PRIVATE KEY-----");
    for lines in [
        format!("encrypt_to: [AGE-SECRET-KEY-1{key}]"),
        format!("encrypt_to: AGE-SECRET-KEY-1{key}"),
        format!("encrypt_to: [AGE-SECRET-KEY-1{key}\nlanguage: x"),
        format!("encrypt_to: # AGE-SECRET-KEY-1{key}"),
        format!("language: AGE-SECRET-KEY-1{key}"),
        format!("AGE-SECRET-KEY-1{key}: x"),
        format!("encrypt_to:\n  - |\n    {pem}\n"),
        format!("encrypt_to:\n  - {pem}\n"),
        format!("encrypt_to:\n    {pem}\n  - x\n"),
        format!("delivery: email-encrypted # AGE-SECRET-KEY-1{key}"),
    ] {
        let run = synth(with(&lines).as_bytes(), &[]);
        assert_eq!((run.code, run.written), (Some(2), false), "{lines}: {}", run.error);
        assert!(run.text.contains("--> rotation.yaml:") && !run.text.contains("QUJD"), "{lines}: {}", run.error);
    }
    let run = synth(with(&format!("encrypt_to: [AGE-SECRET-KEY-1{key}]")).as_bytes(), &[]);
    for says in ["the file contains a private key", "--> rotation.yaml:4:14", "age-keygen -y", "make a new pair"] {
        assert!(run.text.contains(says), "{says}: {}", run.error);
    }
}

/// Every setting is wrong, in every YAML style. The output is a golden file.
#[test]
fn all_mistakes_are_reported_at_once_in_the_order_of_the_file() {
    let page = read("synth/tests/golden/bad.yaml");
    let run = synth(page.as_bytes(), &[]);
    assert_eq!((run.code, run.written), (Some(2), false));
    golden("synth/tests/golden/bad.txt", &run.error);
    let crlf = synth(page.replace('\n', "\r\n").as_bytes(), &[]);
    assert_eq!(crlf.error.replace("\\r\\n", "\\n"), run.error, "line ends make no difference");
}

/// A rule between settings is checked even if other settings are wrong, as long as its own settings are valid.
#[test]
fn rules_between_settings_do_not_wait_for_other_settings() {
    let run = synth(with("memory: 1\nrotate_after: 5d\nschedule: rate(1 minute)\ntime_zone: JST").as_bytes(), &[]);
    for says in ["memory: 1 is not", "overlap + delete_after is 21d", "a run may take 10m", "\"JST\" is not"] {
        assert!(run.text.contains(says), "{says}: {}", run.error);
    }
    let run = synth(with("overlap: soon\nrotate_after: 5d").as_bytes(), &[]);
    assert!(!run.text.contains("overlap + delete_after"), "nothing is said of what is not known: {}", run.error);
}

/// There is a warning if the administrators get the secrets of only some users.
#[test]
fn a_warning_says_who_gets_secrets_without_an_owner() {
    let owned = "{name: alice, owner: a@b.co}";
    for (users, delivery, warned) in [
        ("[alice, bob]", "email", false),
        (&format!("[{owned}]"), "email", false),
        (&format!("[{owned}, bob, /ci/carol]"), "secrets-manager", false),
        (&format!("[{owned}, bob, /ci/carol]"), "email", true),
    ] {
        let run = synth(with(&format!("users: {users}\ndelivery: {delivery}")).as_bytes(), &[]);
        assert_eq!((run.code, run.written), (Some(0), true), "{}", run.error);
        let told = run.text.contains("(emails) get the new keys of bob, carol, secrets included");
        assert_eq!((told, run.text.contains("--> rotation.yaml:3:8\n")), (warned, warned), "{users}: {}", run.error);
    }
}

/// There is a warning if a tag decides who gets a secret, and one if some keys get older than the others.
#[test]
fn a_warning_says_what_tags_and_entries_can_do() {
    let told = |lines: &str| {
        let run = synth(with(lines).as_bytes(), &[]);
        assert_eq!((run.code, run.written), (Some(0), true), "{lines}: {}", run.error);
        run.text
    };
    let speak = "a person who may tag a user decides which of the addresses in this file gets its new key";
    for (lines, warned) in
        [("user_tags: honoured", false), ("delivery: email", false), ("user_tags: honoured\ndelivery: email", true)]
    {
        let error = told(lines);
        assert_eq!((error.contains(speak), error.contains("--> rotation.yaml:4:12\n")), (warned, warned), "{error}");
    }
    let old = "users: [bob, {name: /ci/, rotate_after: 85d}]";
    let error = told(old);
    assert!(error.contains("a key of /ci/ can live 101d") && error.contains("--> rotation.yaml:3:8\n"), "{error}");
    let error = told(&format!("rotate_after: 85d\n{}", old.replace("85d", "30d")));
    assert!(error.contains("a key can live 101d") && error.contains("--> rotation.yaml:3:15\n"), "{error}");
    let error = told("rotate_after: 85d\nusers: [{name: /ci/, rotate_after: 30d}, /ci/bot]");
    assert!(!error.contains("can live"), "{error}");
    // If the path of the user has an owner, only that owner gets the secret.
    let error = told("delivery: email\nusers: [{name: /ci/, owner: a@b.co}, {name: /ci/bot, overlap: 1d}]");
    assert!(!error.contains("others have none"), "{error}");
}

#[test]
fn an_exemption_is_not_overruled_by_the_command_line() {
    let run = synth(with("exempt: [bob]").as_bytes(), &["--users", "carol bob"]);
    assert_eq!((run.code, run.written), (Some(2), false));
    assert!(
        run.text.contains("bob in exempt excludes") && run.text.contains("--> rotation.yaml:4:10\n"),
        "{}",
        run.error
    );
    let run = synth(with("exempt: [bob]").as_bytes(), &["--users", "/ci/ carol"]);
    assert_eq!((run.code, run.written), (Some(0), true), "{}", run.error);
    let run = synth(with("").as_bytes(), &["--users", "/ci/ group:people"]);
    assert_eq!((run.code, run.text.contains("no condition on the groups")), (Some(2), true), "{}", run.error);
}

/// AWS takes 50 tags, and a secret has two of the handler. All of them must also fit into the function's environment.
#[test]
fn a_resource_takes_so_many_tags() {
    let tags =
        |number: usize, value: &str| (0..number).map(|n| format!("\n  k{n}: {value}")).collect::<Vec<_>>().concat();
    let file = |number, value: &str| with(&format!("tags:{}", tags(number, value)));
    let run = synth(file(48, "v").as_bytes(), &[]);
    assert_eq!((run.code, run.written), (Some(0), true), "{}", run.error);
    let run = synth(file(49, "v").as_bytes(), &[]);
    assert_eq!((run.code, run.written), (Some(2), false), "{}", run.error);
    assert!(run.text.contains("49 tags are too many") && run.text.contains("--> rotation.yaml:5:3"), "{}", run.error);
    let run = synth(file(20, &"v".repeat(200)).as_bytes(), &[]);
    assert_eq!((run.code, run.written), (Some(2), false), "{}", run.error);
    assert!(run.text.contains("tags is too long: the function's environment"), "{}", run.error);
}

#[test]
fn a_topic_takes_so_many_addresses() {
    // As owners only, they would not fit into the function's environment.
    let addresses = |number: usize| (0..number).map(|n| format!("a{n}@b.co")).collect::<Vec<_>>().join(", ");
    let file = |number| with(&format!("users: [{{name: alice, owner: x@b.co}}]\nemails: [{}]", addresses(number)));
    let run = synth(file(199).as_bytes(), &[]);
    assert_eq!((run.code, run.written), (Some(0), true), "{}", run.error);
    let run = synth(file(200).as_bytes(), &[]);
    assert_eq!((run.code, run.written), (Some(2), false), "{}", run.error);
    assert!(run.text.contains("are 201 addresses, but an SNS topic takes 200"), "{}", run.error);
    assert!(run.text.contains("--> rotation.yaml:3:9\n"), "{}", run.error);
    // An endpoint has a subscription with a filter policy, too.
    let endpoints = "['https://b.co/1', 'https://b.co/2']";
    let file = |number| with(&format!("users: [alice]\nemails: [{}]\nnotify: {endpoints}", addresses(number)));
    let run = synth(file(198).as_bytes(), &[]);
    assert_eq!((run.code, run.written), (Some(0), true), "{}", run.error);
    let run = synth(file(199).as_bytes(), &[]);
    assert_eq!((run.code, run.written), (Some(2), false), "{}", run.error);
    let says = "emails and owners are 199 addresses, and notify has 2 endpoints, but an SNS topic takes 200";
    assert!(run.text.contains(says), "{}", run.error);
}

#[test]
fn a_setting_on_the_command_line_is_not_needed_in_the_file() {
    let run = synth(
        b"users: [a b]\narchitecture: mips\n",
        &["--users", "bob", "--emails", "a@b.co", "--architecture", "arm64"],
    );
    assert_eq!((run.code, run.written), (Some(0), true), "{}", run.error);
}

/// The file is not to blame for a value of the command line, which has another way to separate names.
#[test]
fn a_comma_on_the_command_line_is_not_a_mistake_in_the_file() {
    let run = synth(with("").as_bytes(), &["--users", "alice,bob"]);
    assert_eq!((run.code, run.written), (Some(0), true), "{}", run.error);
    assert!(run.error.contains("if you mean 2 users, write --users \"alice bob\""), "{}", run.error);
    assert!(!run.error.contains("rotation.yaml:"), "{}", run.error);
}

#[test]
fn a_file_that_is_not_a_configuration_is_refused_too() {
    for text in [
        &b"\xff\xfe"[..],
        b"",
        b"null",
        b"[1, 2]",
        b"just text",
        b"? [a]\n: b\n",
        b"!x {}",
        b"users: &a [*a]",
        b"users: [alice",
        b"- users",
        b"a: b\n---\nc: d",
    ] {
        let run = synth(text, &[]);
        assert_eq!((run.code, run.written), (Some(2), false), "{text:?}: {}", run.error);
        assert!(
            run.error.starts_with("error: ") && run.text.contains("rotation.yaml:") && !run.text.contains("panicked"),
            "{text:?}: {}",
            run.error
        );
    }
    let run = synth(with("").as_bytes(), &["--config", "nowhere.yaml"]);
    assert_eq!(run.code, Some(2));
    assert!(run.text.contains("nowhere.yaml: cannot be read"), "{}", run.error);
    let run = synth(with("").as_bytes(), &["--users", "a b*"]);
    assert_eq!(run.code, Some(2));
    assert!(run.text.contains("b*"), "{}", run.error);
    let many = (0..99).map(|n| format!("user{n} ")).collect::<Vec<_>>().concat();
    let run = synth(with("").as_bytes(), &["--users", &many]);
    assert_eq!((run.code, run.written), (Some(2), false));
    assert!(run.error.starts_with("error: --users: 99 users are too many"), "{}", run.error);
}

/// What a new user writes wrongly, and what is printed. The output is a golden file.
#[test]
fn mistakes_of_a_new_user_are_explained() {
    let mail = "emails: [a@example.com]\n";
    let mut pages = String::new();
    for (title, text) in [
        ("A tab before an entry", "users:\n\t- alice\n"),
        ("A tab before a field", "users:\n  - name: alice\n\towner: b@example.com\n"),
        ("A tab after a dash", "users:\n  -\talice\n"),
        ("An entry that is indented less", "users:\n  - alice\n - bob\n"),
        ("An entry that is indented more", "users:\n  - alice\n    - bob\n"),
        ("A field that is indented less", "users:\n  - name: alice\n   owner: b@example.com\n"),
        ("A field that is indented more", "users:\n  - name: alice\n      owner: b@example.com\n"),
        ("A field below an entry that is a name", "users:\n  - alice\n    owner: b@example.com\n"),
        ("A setting that is indented", "users: [alice]\noverlap: 7d\n  rotate_after: 60d\n"),
        ("A first setting that is indented", "  users: [alice]\n"),
        ("Settings below another name", "rotation:\n  users: [alice]\n  emails: [a@example.com]\n"),
        ("A colon without a space", "users:[alice]\n"),
        ("A dash without a space", "users:\n  -alice\n  -bob\n"),
        ("An equals sign", "users = [alice]\nemails = [a@example.com]\n"),
        ("A quote that is not closed", "users: [alice]\nlanguage: 'en\n"),
        ("A bracket that is not closed", "users: [alice\n"),
        ("A colon within a value", "users: [alice]\nschedule: rate(1 day): UTC\n"),
        ("Two documents", "users: [alice]\n---\n"),
        ("A no-break space", "users:\n\u{a0}\u{a0}- alice\n"),
        ("A no-break space after a colon", "users: [alice]\nlanguage:\u{a0}en\n"),
        ("A no-break space in a value", "users: [alice\u{a0}]\n"),
        ("A zero-width space in a name", "users: [alice]\nover\u{200b}lap: 7d\n"),
        ("An hour that does not exist", "users: [alice]\nschedule: cron(0 25 * * ? *)\n"),
        ("A full-width colon", "users：[alice]\n"),
        ("Typographic quotes", "users: [“alice”]\n"),
        ("A misspelt setting that is needed", "usrs: [alice]\n"),
        ("A misspelt setting with a wrong value", "user: alice\n"),
        ("A misspelt field that is needed", "users: [{nam: alice}]\n"),
        ("A setting that does not exist", "users: [alice]\ncolour: red\n"),
        ("A field that does not exist", "users: [{name: alice, colour: red}]\n"),
        ("A field in place of a setting", "users: [alice]\nowner: b@example.com\n"),
        ("An empty file", ""),
        ("A file with only comments", "# users: [alice]\n\n# emails: [a@example.com]\n"),
        ("A merge key", "common: &common\n  overlap: 7d\nusers: [alice]\n<<: *common\n"),
        ("A merge key in an entry", "users:\n  - &a {name: alice, overlap: 1d}\n  - {<<: *a, name: bob}\n"),
        ("A pattern", "users: [ci-*]\n"),
        ("A pattern in exempt", "users: [/]\nexempt: ['admin-?']\n"),
        ("A star without quotes", "users: [*]\n"),
        ("A pattern that begins with a star", "users:\n  - *-bot\n"),
        ("Names that differ in case", "users: [alice, bob, Alice]\n"),
        ("Names with a comma and a space", "users: alice, bob\n"),
        ("Names with a comma and a space in one entry", "users:\n  - alice, bob\n"),
        ("Names with a comma in one entry", "users:\n  - alice,bob\n"),
        ("Names with a space", "users: [alice bob]\n"),
        ("Addresses with a space", "users: [alice]\nemails: [a@example.com b@example.com]\n"),
        ("A number in place of a name", "users: [123]\n"),
        ("A setting in a mapping in one line", "x: &d {rotate_after: 30d}\nusers: [alice]\n"),
        ("A star in quotes", "users: ['*']\n"),
        ("A path with a star", "users: [/ci/*]\n"),
        ("A name before the fields", "users:\n  - alice: {owner: b@example.com}\n"),
        ("A name above the fields", "users:\n  - alice:\n    owner: b@example.com\n    overlap: 1d\n"),
        ("No overlap", "users: [alice]\noverlap: 0d\n"),
        ("One run in all", "users: [alice]\nschedule: at(2027-01-31T09:00:00)\n"),
        ("A tag and a name", "users: ['tag:team=a', bob]\n"),
        ("Tags that decide who gets a key", "users: [/]\ndelivery: email\nuser_tags: honoured\n"),
        ("A mapping in place of a list", "users:\n  alice:\n    owner: b@example.com\n"),
    ] {
        let has_emails = ["emails", "#"].iter().any(|word| text.contains(word)) || text.is_empty();
        let text = if has_emails { text.to_owned() } else { format!("{text}{mail}") };
        let run = synth(text.as_bytes(), &[]);
        let is_warning = run.error.starts_with("warning: ");
        assert_eq!((run.code, run.written), if is_warning { (Some(0), true) } else { (Some(2), false) }, "{text}");
        for line in run.error.lines() {
            assert!(line.chars().count() <= 100, "{line}");
        }
        pages += &format!("## {title}\n\n{}\n{}\n", text.replace('\t', "→   "), run.error);
    }
    golden("synth/tests/golden/mistakes.txt", &pages);
}

/// A slip in a line of a configuration is reported at this line. If the line is the first of several with the same indentation, the
/// next one is as good.
#[test]
fn a_slip_is_reported_at_its_own_line() {
    for file in ["rotation.yaml", "examples/article.yaml", "examples/encrypted.yaml", "examples/fleet.yaml"] {
        let file = read(file);
        let lines: Vec<_> = file.lines().collect();
        let counts = |line: &str| !line.trim_start().is_empty() && !line.trim_start().starts_with('#');
        let mut refused = 0;
        for (index, line) in lines.iter().enumerate().filter(|(_, line)| counts(line)) {
            for slip in [
                format!("\t{line}"),
                format!(" {line}"),
                format!("   {line}"),
                line.strip_prefix(' ').unwrap_or(line).to_owned(),
                line.replacen(": ", ":", 1),
                line.replacen(": ", "： ", 1),
                line.replacen(": ", " = ", 1),
                line.replacen(" - ", " -", 1),
                line.replacen("- ", "-\t", 1),
            ] {
                let mut text = lines.clone();
                text[index] = &slip;
                let Err(problems) = synth::config::read(&text.join("\n"), synth::config::Overrides::default()) else {
                    continue;
                };
                refused += 1;
                let next = (index + 1..lines.len()).find(|next| counts(lines[*next])).unwrap_or(index);
                let place = problems.list()[0].place.line;
                assert!([index + 1, next + 1].contains(&place), "{slip:?} in line {}: {problems}", index + 1);
            }
        }
        assert!(refused > lines.len() / 2, "{refused} of {}", lines.len());
    }
}

#[test]
fn a_stale_template_has_its_own_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rotation.yaml"), with("")).unwrap();
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_synth")).current_dir(&folder).args(arguments).output().unwrap();
        output.status.code()
    };
    assert_eq!(run(&["check", "--template", "t.yaml"]), Some(4), "there is none");
    assert_eq!(run(&["template", "--output", "t.yaml"]), Some(0));
    assert_eq!(run(&["check", "--template", "t.yaml"]), Some(0));
    std::fs::write(folder.path().join("rotation.yaml"), with("memory: 256")).unwrap();
    assert_eq!(run(&["check", "--template", "t.yaml"]), Some(4));
    assert_eq!(run(&["template", "--output", "no/such/folder.yaml"]), Some(1));
}

/// `synth deploy 2>&1 | head` must not break off between two calls to AWS.
#[test]
fn a_closed_standard_error_does_not_end_the_command() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let arguments = ["deploy-policy", "--account", "111122223333", "--region", "eu-west-1"];
    let mut synth = Command::new(env!("CARGO_BIN_EXE_synth"));
    let output = synth.current_dir(root()).args(arguments).stderr(writer).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stdout.starts_with(b"{"), "the policy itself is printed");
}
