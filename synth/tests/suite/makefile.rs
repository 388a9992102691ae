//! The variables of make.

use std::process::Command;

use crate::common::root;

/// What make would run for a target, without its output and its builds.
fn commands(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let mut make = Command::new("make");
    make.current_dir(root()).args(["--dry-run", "SYNTH_DEPLOY=synth", "PACKAGE=lambda.zip"]).args(arguments);
    make.env_remove("MAKEFLAGS").env_remove("MAKELEVEL").envs(environment.iter().copied());
    let output = make.output().expect("make starts");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// People export names such as EMAIL and USER for other programs. Such a variable must not choose other recipients or users,
/// and must not answer a question.
#[test]
fn variables_that_choose_or_answer_count_only_on_the_command_line() {
    let exported = [
        ("EMAIL", "me@example.com"),
        ("USERS", "other"),
        ("USER", "other"),
        ("KEY", "AKIAOTHER"),
        ("YES", "1"),
        ("ENABLE", "1"),
        ("WITHOUT_SUCCESSOR", "1"),
        ("RELEASE", "1"),
        ("WAIT", "1"),
    ];
    for target in ["diff", "preview", "deploy", "resubscribe", "rotate", "undo", "revoke", "adopt", "destroy"] {
        assert_eq!(commands(&[target], &exported), commands(&[target], &[]), "{target}");
    }
    // On the command line, they count.
    let given = commands(&["deploy", "EMAIL=ops@example.com", "USERS=alice"], &[]);
    assert!(given.contains("--emails \"ops@example.com\"") && given.contains("--users \"alice\""), "{given}");
}
