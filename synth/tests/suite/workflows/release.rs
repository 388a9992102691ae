//! What a tag releases.

use std::{collections::BTreeMap, fs};

use serde_json::{Value as Json, json};

use super::{
    RELEASE,
    runner::{Event, Job, Runner},
};

const FILES: [&str; 4] = ["handler-arm64.zip", "handler-x86_64.zip", "synth-linux-x86_64", "synth-macos-arm64"];

/// Pushes a tag. Returns the jobs, and the releases that were created.
fn tagged(runner: &Runner, tag: &str, kept: BTreeMap<String, Job>) -> (BTreeMap<String, Job>, Json) {
    let event = Event { name: "push", sha: runner.main("main"), payload: json!({}) };
    let jobs = runner.run_again(RELEASE, &event, &json!({}), &[("GITHUB_REF_NAME", tag)], kept);
    (jobs, runner.written().1)
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
    assert_eq!(released, json!([{ "release": tag(), "files": names, "options": ["--verify-tag"] }]), "{jobs:#?}");
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
