//! What a tag releases.

use std::{collections::BTreeMap, fs};

use serde_json::{Value as Json, json};

use crate::common::read;

use super::{
    RELEASE,
    runner::{Event, Job, Runner},
};

const FILES: [&str; 4] = ["handler-arm64.zip", "handler-x86_64.zip", "synth-linux-x86_64", "synth-macos-arm64"];

/// Pushes a tag of main, whose commit was tested. Returns the jobs, and the calls that changed releases.
fn tagged(runner: &Runner, tag: &str, kept: BTreeMap<String, Job>) -> (BTreeMap<String, Job>, Json) {
    tested(runner, &runner.main("main"), "main", "push", "success");
    let event = Event { name: "push", sha: runner.main("main"), payload: json!({}) };
    let jobs = runner.run_again(RELEASE, &event, &json!({}), &[("GITHUB_REF_NAME", tag)], kept);
    (jobs, runner.written().1)
}

/// Lets GitHub know one run of ci.yml.
fn tested(runner: &Runner, commit: &str, branch: &str, event: &str, conclusion: &str) {
    let run = json!({"head_sha": commit, "head_branch": branch, "event": event, "conclusion": conclusion});
    runner.answers("actions/workflows/ci.yml/runs", json!([run]));
}

fn tag() -> String {
    format!("v{}", env!("CARGO_PKG_VERSION"))
}

#[test]
fn a_tag_releases_what_was_built_with_its_sums_and_a_proof() {
    let runner = Runner::new();
    let (jobs, released) = tagged(&runner, &tag(), BTreeMap::new());
    let names = FILES.into_iter().chain(["SHA256SUMS"]).map(|name| format!("release/{name}"));
    let mut names: Vec<_> = names.collect();
    names.sort();
    let call = &released[0];
    assert_eq!((&call["call"], &call["release"]), (&json!("create"), &json!(tag())), "{jobs:#?}");
    assert_eq!((&call["files"], &call["options"]), (&json!(names), &json!(["--verify-tag"])));
    // With these, a user can build the files again.
    let notes = call["notes"].as_str().unwrap();
    assert_eq!(notes.matches("rustc 1.2.3").count(), 3, "{notes}");
    let requirements = read("tests/local-aws/requirements.txt");
    for tool in ["cargo-lambda", "ziglang"] {
        let line = requirements.lines().find(|line| line.starts_with(&format!("{tool}=="))).unwrap();
        let version = line[tool.len() + 2..].split(' ').next().unwrap();
        assert!(notes.lines().any(|line| line == format!("{tool} {version}")), "{notes}");
    }
    let log = &jobs["publish"].log;
    assert!(log.contains("a proof for release/*"), "{log}");
    let sums =
        ["handler", "linux", "macos"].map(|job| jobs[job].outputs["sums"].as_str().unwrap().to_owned()).join("\n");
    assert!(FILES.iter().all(|name| sums.contains(name)) && sums.lines().count() == FILES.len(), "{sums}");
}

/// A tag of another version, and an artifact that another job changed or added.
#[test]
fn what_was_not_built_of_the_tag_is_not_released() {
    let runner = Runner::new();
    let (jobs, released) = tagged(&runner, "v9.9.9", BTreeMap::new());
    assert_eq!(
        (jobs["handler"].result, jobs["publish"].result, released),
        ("failure", "skipped", json!([])),
        "{jobs:#?}"
    );
    for file in ["linux/synth-linux-x86_64", "macos/other"] {
        let runner = Runner::new();
        let (mut jobs, _) = tagged(&runner, &tag(), BTreeMap::new());
        jobs.remove("publish");
        fs::write(runner.artifacts().join(file), "changed").unwrap();
        let (jobs, released) = tagged(&runner, &tag(), jobs);
        assert_eq!((jobs["publish"].code, released.as_array().map(Vec::len)), (Some(1), Some(1)), "{jobs:#?}");
        assert!(jobs["publish"].log.contains("does not contain what the jobs built"), "{jobs:#?}");
    }
}

/// Everyone who can push can push a tag.
#[test]
fn only_a_tested_commit_of_main_is_released() {
    let runner = Runner::new();
    let (main, other) = (runner.main("main"), runner.propose(("memory: 128", "memory: 256")));
    let refuses = |sha: &str, says: &str| {
        let event = Event { name: "push", sha: sha.to_owned(), payload: json!({}) };
        let jobs = runner.run(RELEASE, &event, &json!({}), &[("GITHUB_REF_NAME", &tag())]);
        let results = ["tag", "handler", "linux", "macos", "publish"].map(|name| jobs[name].result);
        assert_eq!(results, ["failure", "skipped", "skipped", "skipped", "skipped"], "{jobs:#?}");
        assert!(jobs["tag"].log.contains(says), "{jobs:#?}");
        assert_eq!(runner.written().1, json!([]));
    };
    tested(&runner, &other, "main", "push", "success");
    refuses(&other, "is not a commit of main");
    for (commit, branch, event, conclusion) in [
        (&other, "main", "push", "success"),
        (&main, "main", "push", "failure"),
        (&main, "change", "push", "success"),
        (&main, "main", "pull_request", "success"),
    ] {
        tested(&runner, commit, branch, event, conclusion);
        refuses(&main, "No run of ci.yml on main succeeded");
    }
}

#[test]
fn a_release_that_was_stopped_is_finished_and_a_published_one_stays() {
    let runner = Runner::new();
    let address = format!("releases/{}", tag());
    runner.answers(&address, json!({"isDraft": true}));
    let (mut jobs, calls) = tagged(&runner, &tag(), BTreeMap::new());
    assert_eq!(jobs["publish"].result, "success", "{jobs:#?}");
    assert_eq!((&calls[0]["call"], &calls[0]["options"]), (&json!("upload"), &json!(["--clobber"])));
    assert_eq!((&calls[1]["call"], &calls[1]["options"]), (&json!("edit"), &json!(["--verify-tag", "--draft=false"])));

    jobs.remove("publish");
    runner.answers(&address, json!({"isDraft": false}));
    let (jobs, calls) = tagged(&runner, &tag(), jobs);
    assert_eq!((jobs["publish"].code, calls.as_array().map(Vec::len)), (Some(1), Some(2)), "{jobs:#?}");
    assert!(jobs["publish"].log.contains("is already published"), "{jobs:#?}");
}
