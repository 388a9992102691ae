//! Bad input: one message with its place and what is allowed, exit code 2, nothing written, never a panic.

#![allow(missing_docs)]

use std::process::Command;

/// A configuration that is right but for the given lines.
fn with(lines: &str) -> String {
    let mut text = String::from("stack_name: test\n");
    for (key, value) in [("users", "[alice]"), ("emails", "[a@example.com]")] {
        if !lines.contains(&format!("{key}:")) {
            text += &format!("{key}: {value}\n");
        }
    }
    text + lines
}

struct Run {
    code: Option<i32>,
    error: String,
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
    Run { code: result.status.code(), error: String::from_utf8(result.stderr).unwrap(), written: output.exists() }
}

#[test]
fn each_mistake_is_named_at_its_place() {
    // The mistake, where it is, and what the message must say.
    for (lines, place, says) in [
        ("usres: [a]", "4:1", "did you mean users?"),
        ("rotate_afer: 5d", "4:1", "did you mean rotate_after?"),
        ("users: []", "3:8", "at least one entry"),
        ("users: alice", "3:8", "must be a list"),
        ("users: [a b]", "3:9", "1 to 64 characters"),
        ("users:\n  - alice\n  - 7", "5:5", "write \"7\" in quotes"),
        ("users:\n  - alice\n  - /ops/Alice", "5:5", "again"),
        ("users: [\"*\"]", "3:9", "not an IAM user name"),
        ("emails: [nobody]", "3:10", "name@domain.example"),
        ("emails: [a@b.co, A@B.co]", "3:18", "again"),
        ("language: fr", "4:11", "en or ja"),
        ("language: [en]", "4:11", "a single value"),
        ("language:", "4:1", "value is missing"),
        ("schedule: daily", "4:11", "rate(1 day)"),
        ("schedule: rate(2 day)", "4:11", "rate(N days)"),
        ("schedule: cron(0 9 * * * *)", "4:11", "with ? for one of the two days"),
        ("schedule: rate(1 minute)", "4:11", "a run may take 10m"),
        ("time_zone: JST", "4:12", "Asia/Tokyo"),
        ("rotate_after: 60", "4:15", "with d, h, m or s"),
        ("rotate_after: 0", "4:15", "the least is 1m"),
        ("rotate_after: 5d", "4:15", "rotate_after is 5d, but overlap + delete_after is 21d"),
        ("overlap: soon", "4:10", "such as 90d"),
        ("delete_after: never", "4:15", "next-rotation"),
        ("still_in_use: maybe", "4:15", "wait or retire"),
        ("wait_at_most: long", "4:15", "or forever"),
        ("delivery: fax", "4:11", "secrets-manager or email"),
        ("secret_prefix: /a/", "4:16", "no slash at either end"),
        ("architecture: mips", "4:15", "arm64 or x86_64"),
        ("memory: 64", "4:9", "from 128 to 10240"),
        ("memory: lots", "4:9", "from 128 to 10240"),
        ("timeout: 5s", "4:10", "2m at least"),
        ("timeout: 16m", "4:10", "Lambda allows 15m"),
        ("log_retention: 8d", "4:16", "CloudWatch Logs does not know 8d"),
        ("stack_name: 1st", "1:13", "a letter, then"),
        ("users: [alice", "", "not YAML"),
        ("- users", "", "not YAML"),
        ("users: [alice]\nusers: [bob]", "", "duplicate"),
    ] {
        let configuration =
            if lines.starts_with("stack_name") { with("").replace("stack_name: test", lines) } else { with(lines) };
        let run = synth(configuration.as_bytes(), &[]);
        assert_eq!((run.code, run.written), (Some(2), false), "{lines}: {}", run.error);
        assert!(run.error.contains(says), "{lines}: {}", run.error);
        assert!(run.error.starts_with(&format!("rotation.yaml:{place}")), "{lines}: {}", run.error);
        assert!(!run.error.contains("panicked"));
    }
}

#[test]
fn all_mistakes_are_told_at_once_in_the_order_of_the_file() {
    let run = synth(b"users: [a b]\nemails: [x]\nmemory: 1\nlangauge: en\n", &[]);
    let places: Vec<_> = run.error.lines().filter(|l| l.starts_with("rotation.yaml")).map(|l| &l[14..17]).collect();
    assert_eq!(places, ["1:9", "2:1", "3:9", "4:1"], "{}", run.error);
}

#[test]
fn what_is_no_configuration_at_all_is_refused_too() {
    for text in [&b"\xff\xfe"[..], b"", b"null", b"[1, 2]", b"just text", b"? [a]\n: b\n", b"!x {}", b"users: &a [*a]"]
    {
        let run = synth(text, &[]);
        assert_eq!((run.code, run.written), (Some(2), false), "{text:?}: {}", run.error);
        assert!(run.error.starts_with("rotation.yaml:") && !run.error.contains("panicked"), "{text:?}: {}", run.error);
    }
    let run = synth(with("").as_bytes(), &["--config", "nowhere.yaml"]);
    assert_eq!(run.code, Some(2));
    assert!(run.error.contains("nowhere.yaml: cannot be read"), "{}", run.error);
    let run = synth(with("").as_bytes(), &["--users", "a b*"]);
    assert_eq!(run.code, Some(2));
    assert!(run.error.contains("b*"), "{}", run.error);
    let many = (0..99).map(|n| format!("user{n} ")).collect::<Vec<_>>().concat();
    let run = synth(with("").as_bytes(), &["--users", &many]);
    assert_eq!((run.code, run.written), (Some(2), false));
    assert!(run.error.starts_with("--users: 99 users are too many"), "{}", run.error);
}

#[test]
fn a_stale_template_is_told_by_its_exit_code() {
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
