//! Tests of the workflows: three linters find nothing, and each linter finds a mistake when there is one. The steps
//! also run here as in GitHub's runner, with a stand-in for GitHub.

mod deployment;
mod expression;
mod pull_request;
mod release;
mod runner;

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt, process::Command};

use crate::common::{read, root, tool};
use runner::{steps, text};
use serde_json::{Value as Json, json};

const PULL_REQUEST: &str = ".github/workflows/pull-request.yml";
const CI: &str = ".github/workflows/ci.yml";
const DEPLOY: &str = ".github/workflows/deploy.yml";
const REVIEW: &str = ".github/workflows/review.yml";
const RELEASE: &str = ".github/workflows/release.yml";
const WORKFLOWS: [&str; 5] = [PULL_REQUEST, REVIEW, CI, DEPLOY, RELEASE];

/// The linters: GitHub's schema of a workflow, a security scanner, and a linter for the shell code of its steps.
const LINTERS: [(&str, &[&str]); 3] = [
    ("check-jsonschema", &["--verbose", "--builtin-schema", "vendor.github-workflows"]),
    ("zizmor", &["--offline", "--no-progress", "--no-config", "--strict-collection", "--persona", "auditor"]),
    ("shellcheck", &["--shell", "bash"]),
];

/// The findings of a linter in a workflow.
fn findings(linter: &str, workflow: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let (program, arguments) = LINTERS.into_iter().find(|(program, _)| *program == linter).unwrap();
    let hold = |file: &str, content: &str| {
        let file = folder.path().join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, content).unwrap();
        let output = Command::new(tool(program)).args(arguments).arg(file).output().unwrap();
        if output.status.success() { String::new() } else { text(&output) }
    };
    if linter != "shellcheck" {
        return hold(".github/workflows/workflow.yml", workflow);
    }
    let workflow = serde_yaml::from_str(workflow).unwrap();
    steps(&workflow).filter_map(|step| Some(hold("step.sh", step["run"].as_str()?))).collect()
}

#[test]
fn workflows_are_sound_and_every_linter_is_seen_to_object() {
    for (file, (linter, _)) in WORKFLOWS.into_iter().flat_map(|file| LINTERS.map(|linter| (file, linter))) {
        assert_eq!(findings(linter, &read(file)), "", "{file}: {linter}");
    }
    for file in fs::read_dir(root().join(".github/scripts")).unwrap() {
        let path = file.unwrap().path();
        let can_run = fs::metadata(&path).unwrap().permissions().mode() & 0o111 != 0;
        let is_program = fs::read(&path).is_ok_and(|text| text.starts_with(b"#!"));
        assert_eq!(can_run, is_program, "{}", path.display());
        if path.extension().is_some_and(|extension| extension == "sh") {
            let output = Command::new(tool("shellcheck")).arg(path).output().unwrap();
            assert!(output.status.success(), "{}", text(&output));
        }
    }
    for (linter, file, good, bad, says) in [
        ("zizmor", CI, "  pull_request:", "  pull_request_target:", "dangerous-triggers"),
        ("zizmor", PULL_REQUEST, "permissions: {}\n\nconc", "conc", "excessive-permissions"),
        ("zizmor", PULL_REQUEST, "persist-credentials: false", "persist-credentials: true", "artipacked"),
        (
            "zizmor",
            PULL_REQUEST,
            "run: .github/scripts/diff.sh",
            "run: echo ${{ github.event.pull_request.title }}",
            "template-injection",
        ),
        ("zizmor", DEPLOY, "@8df5847569e6427dd6c4fb1cf565c83acfa8afa7 #", "@v6 #", "unpinned-uses"),
        ("check-jsonschema", PULL_REQUEST, "    timeout-minutes:", "    time-out:", "'time-out' was unexpected"),
        ("check-jsonschema", PULL_REQUEST, "pull-requests: write", "pull-requests: all", "'all' is not one of"),
        ("check-jsonschema", PULL_REQUEST, "    needs: change", "    need: change", "'need' was unexpected"),
        ("check-jsonschema", DEPLOY, "    runs-on: ubuntu-24.04\n", "", "'runs-on' is a required property"),
        ("shellcheck", DEPLOY, "run: echo \"The deployment continues.\"", "run: if true", "SC1073"),
        ("shellcheck", DEPLOY, "run: echo \"The deployment continues.\"", "run: echo $APPROVE", "SC2086"),
    ] {
        let workflow = read(file);
        assert!(workflow.contains(good), "{file} has {good:?}");
        let found = findings(linter, &workflow.replacen(good, bad, 1));
        assert!(found.contains(says), "{bad:?} is found as {says} by {linter}: {found}");
    }
}

#[test]
fn no_workflow_holds_a_secret_and_each_may_do_only_what_it_must() {
    let mut actions = Vec::new();
    let mut permissions = BTreeMap::new();
    for file in WORKFLOWS {
        let written = read(file);
        assert!(!written.contains("secrets.") && !written.contains("access-key-id"), "{file}");
        let workflow: Json = serde_yaml::from_str(&written).unwrap();
        assert_eq!(workflow["permissions"], json!({}), "{file}");
        for (name, job) in workflow["jobs"].as_object().unwrap() {
            let name = format!("{} {name}", file.rsplit('/').next().unwrap());
            permissions.insert(name, job["permissions"].clone());
        }
        actions.extend(steps(&workflow).filter_map(|step| step["uses"].as_str()?.split('@').next().map(str::to_owned)));
    }
    let reads = json!({"contents": "read"});
    let expected = [
        ("ci.yml check", reads.clone()),
        ("ci.yml test", reads.clone()),
        ("deploy.yml approval", json!({"actions": "read", "contents": "read", "pull-requests": "read"})),
        ("deploy.yml ask", json!({})),
        ("deploy.yml build", reads.clone()),
        ("deploy.yml change", reads.clone()),
        ("deploy.yml deploy", json!({"contents": "read", "id-token": "write"})),
        ("pull-request.yml approval", json!({"contents": "read", "pull-requests": "read"})),
        ("pull-request.yml change", reads.clone()),
        ("pull-request.yml comment", json!({"contents": "read", "pull-requests": "write"})),
        ("release.yml handler", reads.clone()),
        ("release.yml linux", reads.clone()),
        ("release.yml macos", reads),
        ("release.yml tag", json!({"actions": "read", "contents": "read"})),
        ("release.yml publish", json!({"attestations": "write", "contents": "write", "id-token": "write"})),
        ("review.yml again", json!({"actions": "write", "checks": "read", "contents": "read"})),
    ];
    assert_eq!(permissions, expected.map(|(name, may)| (name.to_owned(), may)).into());
    actions.sort();
    actions.dedup();
    assert_eq!(
        actions,
        [
            "actions/attest-build-provenance",
            "actions/checkout",
            "actions/download-artifact",
            "actions/upload-artifact",
            "aws-actions/configure-aws-credentials"
        ]
    );
}

/// A required check is named by its job, so a name must stand for one job.
#[test]
fn no_two_jobs_have_the_same_name() {
    let mut names = Vec::new();
    for file in WORKFLOWS {
        let workflow: Json = serde_yaml::from_str(&read(file)).unwrap();
        names
            .extend(workflow["jobs"].as_object().unwrap().values().map(|job| job["name"].as_str().unwrap().to_owned()));
    }
    let all = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all, "{names:?}");
}
