//! The variables of make.

use std::{fs, os::unix::fs::PermissionsExt, process::Command};

use crate::common::{read, root};

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
        ("ACCOUNTS", "999988887777"),
        ("ROLE", "Other"),
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
        ("TEST", "other"),
        ("TIMES", "1"),
        ("VERBOSE", "1"),
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
        "e2e",
        "status",
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
            make.arg(format!("SYNTH={}", program.display()));
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

/// The words of a variable of the Makefile that is set with `:=`.
fn words(makefile: &str, variable: &str) -> Vec<String> {
    let (_, rest) = makefile.split_once(&format!("\n{variable} := ")).expect(variable);
    let lines = rest.split_inclusive('\n');
    let continued = lines.clone().take_while(|line| line.ends_with("\\\n")).count();
    let value: String = lines.take(continued + 1).collect();
    value.replace('\\', " ").split_whitespace().map(str::to_owned).collect()
}

/// make would expand a variable that is missing in these lists, or would take `no` for a yes.
#[test]
fn the_lists_of_variables_are_complete() {
    let makefile = read("Makefile");
    let (variables, flags) = (words(&makefile, "VARIABLES"), words(&makefile, "FLAGS"));
    assert!(flags.iter().all(|name| variables.contains(name)), "{flags:?}");
    let mut used = Vec::new();
    for function in ["GIVEN", "OPTION", "FLAG", "QUOTED"] {
        for call in makefile.split(&format!("$(call {function},")).skip(1) {
            let name = call.split([',', ')']).next().unwrap();
            if name.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_') {
                assert!(variables.iter().any(|one| one == name), "{name} is in VARIABLES");
                assert!(function != "FLAG" || flags.iter().any(|one| one == name), "{name} is in FLAGS");
                used.push(name);
            }
        }
    }
    assert!(variables.iter().all(|name| used.contains(&&**name)), "{variables:?}: {used:?}");
    // Only these functions read them.
    for name in variables {
        assert!(!makefile.contains(&format!("$({name})")), "$({name}) would be expanded");
        assert!(!makefile.contains(&format!("ifdef {name}\n")), "{name} would count from the environment");
    }
}

/// The exit code of make and what it writes.
fn make(arguments: &[&str], environment: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut make = Command::new("make");
    make.current_dir(root()).env_remove("MAKEFLAGS").env_remove("MAKELEVEL").args(arguments);
    let output = make.envs(environment.iter().copied()).output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.code(), text)
}

/// `YES=no` must not say yes, and an unclear `DRY` must not become a real run.
#[test]
fn a_variable_that_switches_something_on_is_1_or_stops_make() {
    for name in words(&read("Makefile"), "FLAGS") {
        for value in ["no", "0", "yes", "true", "2", "11", "1 1", "1 no", "$1", "$(id)", "$(shell id)", "%"] {
            let given = format!("{name}={value}");
            let stops = format!("{name} can only be 1, but it is \"{value}\". Give {name}=1, or leave it out");
            for target in ["destroy", "run", "help"] {
                let (code, says) = make(&[target, "SYNTH=echo", &given], &[]);
                assert!(code == Some(2) && says.contains(&stops), "{target} {given}: {says}");
            }
        }
    }
    for value in ["no", "0", "$1", "$(id)"] {
        let (code, says) = make(&["run", "SYNTH=echo"], &[("DRY", value)]);
        assert!(code == Some(2) && says.contains("DRY can only be 1"), "{value}: {says}");
    }
    for (arguments, environment, expected) in [
        (["destroy", "YES=1"], &[][..], "destroy --yes"),
        (["run", "DRY=1"], &[], "run --dry-run"),
        (["run", "YES="], &[("DRY", "1")], "run --dry-run"),
        (["run", "DRY="], &[("DRY", "1")], "run --config"),
        (["destroy", "YES="], &[("YES", "1")], "destroy --config"),
    ] {
        let (code, says) = make(&[&arguments[..], &["SYNTH=echo"]].concat(), environment);
        let says = says.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(code == Some(0) && says.contains(expected), "{arguments:?}: {says}");
    }
}

/// A real make gives the variables to the environment of its commands. It must not expand them for that.
#[test]
fn no_value_runs_as_code() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("ran");
    let touch = format!("touch {}", trace.display());
    let makefile = read("Makefile");
    let flags = words(&makefile, "FLAGS");
    let values = [format!("$(shell {touch})echo"), format!("x\";{touch};\""), format!("x';{touch};'")];
    for name in words(&makefile, "VARIABLES").iter().filter(|name| !flags.contains(name)) {
        for value in &values {
            let given = format!("{name}={value}");
            let (code, says) = make(&["help", &given], &[]);
            assert_eq!(code, Some(0), "{given}: {says}");
            for target in ["diff", "deploy", "inventory", "revoke", "adopt", "rotate", "demo", "acceptance", "e2e"] {
                let (code, says) = make(&["--dry-run", target, &given], &[]);
                assert_eq!(code, Some(0), "{target} {given}: {says}");
            }
            assert!(!trace.exists(), "{given}");
        }
    }
    // The text of a test is one word of the shell, at each place.
    let (_, says) = make(&["--dry-run", "e2e", r#"TEST=x";touch y;""#], &[]);
    assert_eq!(says.matches(r#"'x";touch y;"'"#).count(), 4, "{says}");
}
