//! The variables of make.

use std::{fs, os::unix::fs::PermissionsExt, process::Command};

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
        ("ALL", "1"),
        ("APPROVE", "0123"),
        ("ARCH", "x86"),
        ("BASE", "main"),
        ("CONFIG", "other.yaml"),
        ("DEPLOYED", "1"),
        ("FAIL_ON", "any"),
        ("FORMAT", "json"),
        ("MAX_AGE", "1d"),
        ("PACKAGE", "other.zip"),
        ("PROFILE", "other"),
        ("REGION", "eu-west-9"),
        ("REVIEWED", "1"),
        ("SYNTH", "other"),
        ("UNUSED", "1d"),
    ];
    for target in [
        "diff",
        "inventory",
        "preview",
        "deploy",
        "resubscribe",
        "rotate",
        "undo",
        "revoke",
        "adopt",
        "destroy",
        "demo",
    ] {
        assert_eq!(commands(&[target], &exported), commands(&[target], &[]), "{target}");
    }
    // On the command line, they count.
    let given = commands(&["deploy", "EMAIL=ops@example.com", "USERS=alice"], &[]);
    assert!(given.contains("--emails 'ops@example.com'") && given.contains("--users 'alice'"), "{given}");
}

/// No shell and no make reads what is in a value. Here a real make runs a program that prints its arguments.
#[test]
fn values_are_passed_on_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let (program, trace) = (folder.path().join("it's synth"), folder.path().join("ran"));
    fs::write(&program, "#!/bin/sh\nfor word in \"$@\"; do printf '[%s]' \"$word\"; done\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let touch = format!("touch {}", trace.display());
    // With a finished program and package, nothing is compiled.
    for name in ["cargo", "rustc", "rustup", "cargo-lambda"] {
        let stub = folder.path().join(name);
        fs::write(&stub, format!("#!/bin/sh\n{touch}\n")).unwrap();
        fs::set_permissions(stub, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    for value in [
        "a'|id|'b@x.co",
        "two words",
        "\"quoted\" \\ and $HOME",
        &format!("$({touch})"),
        &format!("$(shell {touch})"),
        &format!("`{touch}`"),
        &format!("\"; {touch}; \""),
        &format!("'; {touch}; '"),
        "x)y(z,",
        "--help",
    ] {
        for (target, variables, words) in [
            ("deploy", &["USERS", "EMAIL", "ARCH", "REGION", "PROFILE", "CONFIG", "PACKAGE"][..], "[deploy]"),
            ("deploy", &["PACKAGE", "APPROVE"], "[--approve]"),
            ("resubscribe", &["EMAIL"], "[--email]"),
            ("inventory", &["FORMAT", "MAX_AGE", "UNUSED", "FAIL_ON"], "[--fail-on]"),
            ("rotate", &["USERS"], "[--users]"),
            ("undo", &["USERS"], "[--users]"),
            ("revoke", &["USER", "KEY"], "[--key]"),
            ("adopt", &["USER"], "[--user]"),
            ("diff", &["BASE", "CONFIG"], "[--base]"),
        ] {
            let mut make = Command::new("make");
            make.current_dir(root()).env_remove("MAKEFLAGS").env_remove("MAKELEVEL").env("PATH", &path).arg(target);
            make.arg(format!(
                "SYNTH={}",
                if target == "diff" { "printf [%s]".into() } else { program.display().to_string() }
            ));
            make.args(variables.iter().map(|name| format!("{name}={value}")));
            let output = make.output().unwrap();
            let printed = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success(), "{target} {value}: {output:?}");
            assert!(printed.contains(words), "{target} {value}: {printed}");
            // Fingerprints have spaces between them.
            if !variables.contains(&"APPROVE") {
                let passed = printed.matches(&format!("[{value}]")).count();
                assert_eq!(passed, variables.len(), "{target} {value}: {printed}");
            }
            assert!(!trace.exists(), "{target} {value}");
        }
    }
}
