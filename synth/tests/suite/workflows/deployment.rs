//! What a push to main deploys, and what waits.

use std::{collections::BTreeMap, fs};

use serde_json::{Value as Json, json};

use super::{
    DEPLOY,
    runner::{Event, Job, Runner},
};

const BROADER: (&str, &str) = ("  - alice\n", "  - alice\n  - mallory\n");

/// The variables of a repository with deployment.
fn set_up() -> Json {
    json!({"AWS_DEPLOY_ROLE": "arn:aws:iam::123456789012:role/deployer", "AWS_REGION": "eu-central-1"})
}

/// Runs the workflow for a push to main that begins after a commit.
fn push(runner: &Runner, before: &str) -> BTreeMap<String, Job> {
    push_with(runner, before, &[])
}

fn push_with(runner: &Runner, before: &str, more: &[(&str, &str)]) -> BTreeMap<String, Job> {
    runner.run(DEPLOY, &pushed(runner, before), &set_up(), more)
}

/// A push to main after a commit that was deployed.
fn pushed(runner: &Runner, before: &str) -> Event {
    ran(runner, before, "main", "push", "success");
    Event { name: "push", sha: runner.main("main"), payload: json!({"before": before}) }
}

/// Lets GitHub know one run of the workflow.
fn ran(runner: &Runner, commit: &str, branch: &str, event: &str, conclusion: &str) {
    let run = json!({"head_sha": commit, "head_branch": branch, "event": event, "conclusion": conclusion});
    runner.answers("actions/workflows/deploy.yml/runs", json!([run]));
}

/// Starts the workflow by hand.
fn by_hand(runner: &Runner, approve: &str) -> BTreeMap<String, Job> {
    let payload = json!({"inputs": {"approve": approve}});
    let event = Event { name: "workflow_dispatch", sha: runner.main("main"), payload };
    runner.run(DEPLOY, &event, &set_up(), &[])
}

/// Lets GitHub say that the pull request was merged as this commit, beside others that have nothing to do with it.
fn merged(runner: &Runner, commit: &str, head: &str) {
    let found = |number: u32, base: &str, merge: &str, at: Json| json!({"number": number, "merged_at": at, "base": {"ref": base}, "merge_commit_sha": merge});
    let at = json!("2026-11-29T12:00:00Z");
    runner.answers(
        &format!("commits/{commit}/pulls"),
        json!([
            found(5, "main", commit, Json::Null),
            found(6, "other", commit, at.clone()),
            found(7, "main", commit, at),
        ]),
    );
    runner.answers(
        "pulls/7",
        json!({
            "number": 7, "user": {"login": "alice"},
            "head": {"sha": head, "ref": "change", "repo": {"full_name": "owner/name"}},
        }),
    );
}

/// Gives the environment "approval" a reviewer who is another person than the one who starts a run.
fn asks(runner: &Runner) {
    asks_of(runner, &["alice", "bob"], true);
}

fn asks_of(runner: &Runner, reviewers: &[&str], prevents_self_review: bool) {
    let reviewers: Vec<_> =
        reviewers.iter().map(|login| json!({"type": "User", "reviewer": {"login": login}})).collect();
    let rule = json!({
        "type": "required_reviewers", "prevent_self_review": prevents_self_review, "reviewers": reviewers,
    });
    environment(runner, &rule, Some(false));
}

fn environment(runner: &Runner, rule: &Json, admins_bypass: Option<bool>) {
    let rules = json!([{"type": "branch_policy"}, rule]);
    runner.answers("environments/approval", json!({"protection_rules": rules, "can_admins_bypass": admins_bypass}));
}

/// The results of the jobs in the order build, change, approval, ask, deploy.
fn results(jobs: &BTreeMap<String, Job>) -> [&'static str; 5] {
    ["build", "change", "approval", "ask", "deploy"].map(|name| jobs[name].result)
}

/// What GitHub sets if a person runs a deployment again.
const AGAIN: &[(&str, &str)] = &[("GITHUB_RUN_ATTEMPT", "2")];

const DEPLOYS: [&str; 5] = ["success", "success", "success", "skipped", "success"];
const WAITS: [&str; 5] = ["success", "success", "success", "waiting", "skipped"];
const IS_HELD: [&str; 5] = ["success", "success", "failure", "skipped", "skipped"];

#[test]
fn a_reviewed_change_is_deployed_once_with_what_was_built() {
    for how in ["--squash", "--no-ff", "--ff-only"] {
        let runner = Runner::new();
        let before = runner.main("main");
        let head = runner.propose(BROADER);
        let commit = runner.merge(how);
        merged(&runner, &commit, &head);
        runner.reviews(&[("bob", "APPROVED", &head)]);
        let jobs = push(&runner, &before);
        assert_eq!(results(&jobs), DEPLOYS, "{how}: {jobs:#?}");
        let fingerprint = jobs["change"].outputs["fingerprints"].as_str().unwrap();
        assert_eq!(fingerprint.len(), 32);
        let handler = "release/handler-arm64.zip: the handler in target/lambda/arm64";
        assert_eq!(runner.deployed(), [format!("rotation.yaml from {handler}, approved: {fingerprint}")], "{jobs:#?}");
        assert!(jobs["approval"].summary.contains("@bob approved the pull request #7"), "{jobs:#?}");
        if how == "--ff-only" {
            // GitHub runs the newest deployment again: there is nothing left to approve.
            assert_eq!(results(&push_with(&runner, &before, AGAIN)), DEPLOYS);
            assert!(runner.deployed()[0].ends_with("approved: nothing"));
        }
    }
}

#[test]
fn a_change_without_an_approval_that_counts_is_held() {
    let runner = Runner::new();
    let before = runner.main("main");
    let head = runner.propose(BROADER);
    let commit = runner.merge("--squash");
    // What was built and judged is the same for all of them.
    let mut kept = push(&runner, &before);
    kept.retain(|name, _| ["build", "change"].contains(&name.as_str()));
    let hold = |reviews: &[(&str, &str, &str)], says: &str| {
        runner.reviews(reviews);
        let jobs = runner.run_again(DEPLOY, &pushed(&runner, &before), &set_up(), &[], kept.clone());
        assert_eq!(results(&jobs), IS_HELD, "{says}: {jobs:#?}");
        assert!(jobs["approval"].log.contains("::error::") && jobs["approval"].log.contains(says), "{says}: {jobs:#?}");
        assert_eq!(runner.deployed(), [""; 0]);
    };
    let good = [("bob", "APPROVED", &*head)];
    // A direct push: GitHub knows no pull request, or one that was not merged so.
    hold(&good, "it was pushed directly");
    let other = json!({"number": 7, "merged_at": "now", "base": {"ref": "main"}, "merge_commit_sha": head});
    runner.answers(&format!("commits/{commit}/pulls"), json!([other]));
    hold(&good, "it was pushed directly");

    merged(&runner, &commit, &head);
    hold(&[], "No code owner has approved");
    hold(&[("alice", "APPROVED", &head)], "@alice is the author");
    hold(&[("erin", "APPROVED", &head)], "@erin has no write access");
    hold(&[("dave", "APPROVED", &head)], "@dave is not a code owner");
    hold(&[("bob", "DISMISSED", &head)], "is dismissed");
    hold(&[("bob", "APPROVED", &head), ("bob", "CHANGES_REQUESTED", &head)], "is changes requested");
    // Review, then push: the review is of the commit before the last one.
    hold(&[("bob", "APPROVED", &before)], "not of the head commit");
    // The environment exists, but asks nobody.
    runner.answers("environments/approval", json!({"protection_rules": [{"type": "branch_policy"}]}));
    hold(&[], "give the environment \"approval\" required reviewers");
    // An administrator could start the job without a review.
    for bypass in [Some(true), None] {
        let reviewers = json!([{"type": "User", "reviewer": {"login": "bob"}}]);
        let rule = json!({"type": "required_reviewers", "prevent_self_review": true, "reviewers": reviewers});
        environment(&runner, &rule, bypass);
        hold(&[], "turn off \"Allow administrators to bypass\"");
    }
    merged(&runner, &commit, &head);
    runner.answers("pulls/7", json!("Server Error (HTTP 502)"));
    hold(&good, "Server Error (HTTP 502)");

    // A review after the merge counts when the run is started again.
    merged(&runner, &commit, &head);
    runner.reviews(&good);
    assert_eq!(results(&push(&runner, &before)), DEPLOYS);
}

#[test]
fn a_merge_must_have_the_files_that_were_reviewed() {
    // Something is added while it is merged.
    let runner = Runner::new();
    let before = runner.main("main");
    let head = runner.propose(("memory: 128", "memory: 256"));
    runner.git(&["checkout", "--quiet", "main"]);
    runner.git(&["merge", "--quiet", "--squash", "change"]);
    runner.edit("rotation.yaml", BROADER.0, BROADER.1);
    runner.generate();
    let commit = runner.commit();
    merged(&runner, &commit, &head);
    runner.reviews(&[("bob", "APPROVED", &head)]);
    let jobs = push(&runner, &before);
    assert_eq!(results(&jobs), IS_HELD, "{jobs:#?}");
    assert!(jobs["approval"].log.contains("are not those of the pull request #7"), "{jobs:#?}");

    // The reviewed files replace what main was before: the review showed another change.
    let runner = Runner::new();
    let head = runner.propose(BROADER);
    runner.git(&["checkout", "--quiet", "main"]);
    runner.edit("rotation.yaml", "  - alice\n", "  - oscar\n");
    runner.generate();
    let before = runner.commit();
    runner.git(&["read-tree", "--reset", "-u", "change"]);
    let commit = runner.commit();
    merged(&runner, &commit, &head);
    runner.reviews(&[("bob", "APPROVED", &head)]);
    let jobs = push(&runner, &before);
    assert_eq!(results(&jobs), IS_HELD, "{jobs:#?}");
    assert!(jobs["approval"].log.contains("does not contain what main was before"), "{jobs:#?}");
    assert_eq!(runner.deployed(), [""; 0]);
}

#[test]
fn several_commits_in_one_push_are_one_change() {
    let runner = Runner::new();
    let before = runner.main("main");
    runner.propose(BROADER);
    runner.edit("rotation.yaml", "memory: 128", "memory: 256");
    runner.generate();
    let head = runner.commit();
    // As GitHub rebases: each commit is a new one.
    runner.git(&["checkout", "--quiet", "main"]);
    runner.git(&["-c", "user.name=GitHub", "cherry-pick", "--no-ff", "change~1", "change"]);
    let commit = runner.main("main");
    assert_ne!(commit, head);
    merged(&runner, &commit, &head);
    runner.reviews(&[]);
    let jobs = push(&runner, &before);
    assert_eq!(results(&jobs), IS_HELD, "the last commit alone would need no approval: {jobs:#?}");
    runner.reviews(&[("bob", "APPROVED", &head)]);
    assert_eq!(results(&push(&runner, &before)), DEPLOYS);
    assert_eq!(runner.deployed().len(), 1);
}

#[test]
fn a_push_that_does_no_harm_is_deployed_and_unreviewed_code_is_not() {
    let runner = Runner::new();
    let before = runner.main("main");
    runner.propose(("memory: 128", "memory: 256"));
    runner.merge("--squash");
    let jobs = push(&runner, &before);
    assert_eq!(results(&jobs), DEPLOYS, "{jobs:#?}");
    assert!(runner.deployed()[0].ends_with("approved: nothing"));

    // The pushed synth finds nothing, but it does not judge.
    let before = runner.main("main");
    runner.write("synth/says-yes", "");
    runner.edit("rotation.yaml", BROADER.0, BROADER.1);
    runner.commit();
    let jobs = push(&runner, &before);
    assert_eq!(results(&jobs), IS_HELD, "{jobs:#?}");
    assert_eq!(runner.deployed(), [""; 0]);

    // What main was before is not known: a forced push.
    let jobs = push(&runner, &runner.git(&["commit-tree", "-m", "other", "HEAD^{tree}"]));
    assert_eq!(results(&jobs), IS_HELD, "{jobs:#?}");
}

#[test]
fn what_was_not_reviewed_waits_for_a_reviewer_of_the_environment() {
    let runner = Runner::new();
    asks(&runner);
    let before = runner.main("main");
    runner.propose(BROADER);
    runner.merge("--squash");
    let jobs = push(&runner, &before);
    assert_eq!(results(&jobs), WAITS, "{jobs:#?}");
    assert!(jobs["approval"].summary.contains("asks a reviewer"), "{jobs:#?}");
    assert!(jobs["change"].summary.contains("user/mallory"), "the reviewer sees the change: {jobs:#?}");
    assert_eq!(runner.deployed(), [""; 0]);
    runner.agrees.set(true);
    let jobs = push(&runner, &before);
    assert_eq!(results(&jobs), ["success", "success", "success", "success", "success"], "{jobs:#?}");
    assert_eq!(runner.deployed().len(), 1);
}

/// A person could start a run by hand and agree to it. Only a repository with one maintainer may be set up so.
#[test]
fn the_environment_asks_another_person_or_the_only_one() {
    let runner = Runner::new();
    let mut kept = by_hand(&runner, "");
    kept.retain(|name, _| ["build", "change"].contains(&name.as_str()));
    for (owners, reviewers, prevents, waits) in [
        ("* @alice @bob", &["alice", "bob"][..], true, true),
        ("* @alice @bob", &["alice", "bob"], false, false),
        ("* @alice @bob", &["alice"], false, false),
        ("* @Alice", &["alice"], false, true),
        ("* @alice", &["bob"], false, false),
        ("* @alice", &["alice", "bob"], false, false),
        ("* @alice", &[], true, false),
    ] {
        runner.write(".github/CODEOWNERS", &format!("{owners}\n"));
        if !runner.git(&["status", "--short"]).is_empty() {
            runner.commit();
        }
        asks_of(&runner, reviewers, prevents);
        let event =
            Event { name: "workflow_dispatch", sha: runner.main("main"), payload: json!({"inputs": {"approve": ""}}) };
        let jobs = runner.run_again(DEPLOY, &event, &set_up(), &[], kept.clone());
        let expected = if waits { "waiting" } else { "skipped" };
        assert_eq!(jobs["ask"].result, expected, "{owners} {reviewers:?} {prevents}: {jobs:#?}");
        let says = if reviewers.is_empty() { "required reviewers" } else { "turn on \"Prevent self-review\"" };
        assert_eq!(jobs["approval"].log.contains(says), !waits, "{jobs:#?}");
    }
}

#[test]
fn what_was_held_is_not_deployed_by_the_next_push() {
    let runner = Runner::new();
    let before = runner.main("main");
    runner.write("lambda/src/main.rs", "// No person reviewed this.");
    let refused = runner.commit();
    assert_eq!(results(&push(&runner, &before)), IS_HELD);

    runner.write("docs/note.md", "A note.");
    runner.commit();
    let event = pushed(&runner, &refused);
    let mut kept = BTreeMap::new();
    let mut go_on = |expected: [&str; 5]| {
        let jobs = runner.run_again(DEPLOY, &event, &set_up(), &[], kept.clone());
        assert_eq!(results(&jobs), expected, "{jobs:#?}");
        kept.clone_from(&jobs);
        kept.retain(|name, _| ["build", "change"].contains(&name.as_str()));
        jobs
    };
    // No run deployed the commit before: one failed, and the others are of other branches and workflow files.
    for (commit, branch, event, conclusion) in [
        (&refused, "main", "push", "failure"),
        (&before, "main", "push", "success"),
        (&refused, "other", "push", "success"),
        (&refused, "main", "pull_request", "success"),
    ] {
        ran(&runner, commit, branch, event, conclusion);
        let jobs = go_on(IS_HELD);
        assert_eq!(jobs["change"].outputs["needs-approval"], "false");
        let says = format!("The commit before it was not deployed: {refused}");
        assert!(jobs["approval"].log.contains(&says), "{jobs:#?}");
    }
    asks(&runner);
    let jobs = go_on(WAITS);
    assert!(jobs["approval"].summary.contains("asks a reviewer"), "{jobs:#?}");
    assert_eq!(runner.deployed(), [""; 0]);
    // A person approved the commit before by hand.
    ran(&runner, &refused, "main", "workflow_dispatch", "success");
    go_on(DEPLOYS);

    // The review of a change says nothing about what was held before it.
    let head = runner.propose(BROADER);
    let refused = runner.main("main");
    let commit = runner.merge("--squash");
    merged(&runner, &commit, &head);
    runner.reviews(&[("bob", "APPROVED", &head)]);
    let event = pushed(&runner, &refused);
    ran(&runner, &refused, "main", "push", "failure");
    let jobs = runner.run(DEPLOY, &event, &set_up(), &[]);
    assert_eq!(results(&jobs), WAITS, "{jobs:#?}");
}

#[test]
fn an_old_deployment_is_not_run_again() {
    let runner = Runner::new();
    let before = runner.main("main");
    runner.propose(("memory: 128", "memory: 256"));
    runner.merge("--squash");
    let old = pushed(&runner, &before);
    let done = runner.run(DEPLOY, &old, &set_up(), &[]);
    assert_eq!(results(&done), DEPLOYS, "{done:#?}");
    runner.git(&["revert", "--no-edit", "HEAD"]);
    runner.deployed();

    // All jobs run again, or only Deploy with what the others found out before.
    let mut kept = done;
    kept.remove("deploy");
    for kept in [BTreeMap::new(), kept] {
        let jobs = runner.run_again(DEPLOY, &old, &set_up(), AGAIN, kept);
        assert_eq!((jobs["deploy"].result, jobs["deploy"].code), ("failure", Some(1)), "{jobs:#?}");
        let log = &jobs["deploy"].log;
        assert!(log.contains("::error::") && log.contains("Run the newest deployment"), "{log}");
        assert!(!log.contains("aws-actions"), "the role is not assumed: {log}");
        assert_eq!(runner.deployed(), [""; 0]);
    }
    let newest = push_with(&runner, &old.sha, AGAIN);
    assert_eq!(results(&newest), DEPLOYS, "{newest:#?}");
}

#[test]
fn a_push_of_a_configuration_without_its_template_is_held() {
    let runner = Runner::new();
    let before = runner.main("main");
    runner.edit("rotation.yaml", "memory: 128", "memory: 256");
    runner.commit();
    let jobs = push(&runner, &before);
    assert_eq!(results(&jobs), IS_HELD, "{jobs:#?}");
    assert!(jobs["change"].summary.contains("is not what `rotation.yaml` generates"), "{jobs:#?}");
}

#[test]
fn a_deployment_by_hand_always_waits_for_a_reviewer() {
    let runner = Runner::new();
    let before = runner.main("main");
    // The stack is not what main was before, so another change than the reviewed one would be deployed.
    fs::remove_file(runner.stack("rotation.yaml")).unwrap();
    let head = runner.propose(BROADER);
    merged(&runner, &runner.merge("--squash"), &head);
    runner.reviews(&[("bob", "APPROVED", &head)]);
    let jobs = push(&runner, &before);
    assert_eq!((jobs["deploy"].result, jobs["deploy"].code), ("failure", Some(3)), "{jobs:#?}");
    let log = &jobs["deploy"].log;
    assert!(log.contains("::error::rotation.yaml was not deployed: the change needs approval"), "{log}");
    let fingerprint = &log.split_once("needs ").unwrap().1[..32];

    let by_hand_is = |approve: &str| results(&by_hand(&runner, approve));
    assert_eq!(by_hand_is(fingerprint), ["success", "skipped", "failure", "skipped", "skipped"], "nobody is asked");
    asks(&runner);
    assert_eq!(by_hand_is(fingerprint), ["success", "skipped", "success", "waiting", "skipped"]);
    runner.agrees.set(true);
    for wrong in
        ["yes", "$(touch pwned)", &fingerprint[1..], &format!("{fingerprint};exit"), &format!("{fingerprint}\ngo=true")]
    {
        let jobs = by_hand(&runner, wrong);
        assert_eq!(jobs["approval"].result, "failure", "{wrong}: {jobs:#?}");
        assert!(jobs["approval"].log.contains("::error::No fingerprint"), "{jobs:#?}");
    }
    assert_eq!(by_hand_is("")[4], "failure", "nothing is approved");
    assert_eq!(runner.deployed(), [""; 0]);
    let jobs = by_hand(&runner, fingerprint);
    assert_eq!(results(&jobs), ["success", "skipped", "success", "success", "success"], "{jobs:#?}");
    assert!(
        jobs["approval"].summary.contains(&format!("@alice started the deployment by hand, to approve: {fingerprint}"))
    );
    assert_eq!(runner.deployed().len(), 1);
}

#[test]
fn every_configuration_is_deployed_even_if_one_is_held() {
    let runner = Runner::new();
    let rotation = fs::read_to_string(runner.origin().join("rotation.yaml")).unwrap();
    let audit = rotation.replace("stack_name: access-key-rotation", "stack_name: audit-key-rotation");
    runner.write("audit.yaml", &audit.replace("architecture: arm64", "architecture: x86_64"));
    runner.generate();
    runner.commit();
    let before = runner.main("main");
    runner.propose(BROADER);
    runner.edit("audit.yaml", "  - alice\n", "  - alice\n  - oscar\n");
    runner.generate();
    let head = runner.commit();
    merged(&runner, &runner.merge("--squash"), &head);
    runner.reviews(&[("bob", "APPROVED", &head)]);
    let jobs = push(&runner, &before);
    // The stack of audit.yaml is not there yet, so its deployment is another change than the reviewed one.
    assert_eq!((jobs["deploy"].result, jobs["deploy"].code), ("failure", Some(3)), "{jobs:#?}");
    assert!(jobs["deploy"].log.contains("::error::audit.yaml was not deployed"), "{jobs:#?}");
    let deployed = runner.deployed();
    assert!(
        deployed.len() == 1 && deployed[0].starts_with("rotation.yaml from release/handler-arm64.zip"),
        "{deployed:?}"
    );
    let shown = jobs["change"].outputs["fingerprints"].as_str().unwrap();
    assert_eq!(shown.split(' ').count(), 2, "{shown}");

    // With both stacks as main was before, both are deployed, each with its own package.
    fs::write(runner.stack("rotation.yaml"), runner.git(&["show", &format!("{before}:templates/rotation.yaml")]))
        .unwrap();
    fs::write(runner.stack("audit.yaml"), runner.git(&["show", &format!("{before}:templates/audit.yaml")])).unwrap();
    let jobs = push(&runner, &before);
    assert_eq!(results(&jobs), DEPLOYS, "{jobs:#?}");
    let deployed = runner.deployed();
    assert_eq!(deployed.len(), 2, "{deployed:?}");
    for (line, (config, architecture)) in deployed.iter().zip([("audit.yaml", "x86_64"), ("rotation.yaml", "arm64")]) {
        assert!(
            line.starts_with(&format!("{config} from release/handler-{architecture}.zip: the handler in")),
            "{line}"
        );
        assert!(shown.split(' ').any(|fingerprint| line.ends_with(fingerprint)), "{line}");
    }
    // A failure is worse than a change that waits.
    let failed = push_with(&runner, &before, &[("FAILS", "1")]);
    assert_eq!((failed["deploy"].result, failed["deploy"].code), ("failure", Some(1)), "{failed:#?}");
    assert!(!failed["deploy"].log.contains("::error::"), "{failed:#?}");
}

#[test]
fn a_package_that_was_exchanged_is_not_deployed() {
    for tamper in
        ["echo more >>release/synth-aws", "cp release/synth-aws release/other", "rm release/handler-arm64.zip"]
    {
        let runner = Runner::new();
        runner.edit(
            DEPLOY,
            "        run: .github/scripts/deploy.sh",
            &format!("        run: {tamper}; .github/scripts/deploy.sh"),
        );
        runner.commit();
        let before = runner.main("main");
        runner.propose(("memory: 128", "memory: 256"));
        runner.merge("--squash");
        let jobs = push(&runner, &before);
        assert_eq!((jobs["deploy"].result, jobs["deploy"].code), ("failure", Some(1)), "{jobs:#?}");
        assert!(jobs["deploy"].log.contains("does not contain what the job Build built"), "{jobs:#?}");
        assert_eq!(runner.deployed(), [""; 0], "{tamper}");
    }
}

#[test]
fn nothing_runs_until_it_is_set_up() {
    let runner = Runner::new();
    let event = Event { name: "push", sha: runner.main("main"), payload: json!({"before": runner.main("main")}) };
    let jobs = runner.run(DEPLOY, &event, &json!({}), &[]);
    assert_eq!(results(&jobs), ["skipped"; 5], "{jobs:#?}");
}

#[test]
fn each_step_comes_after_what_it_needs() {
    let runner = Runner::new();
    let before = runner.main("main");
    runner.propose(("architecture: arm64", "architecture: x86_64"));
    runner.merge("--squash");
    let jobs = push(&runner, &before);
    assert_eq!(results(&jobs), DEPLOYS, "{jobs:#?}");
    assert!(jobs["build"].log.contains("rustup target add x86_64-unknown-linux-gnu\n"), "{jobs:#?}");
    let mut rest = jobs["deploy"].log.as_str();
    for next in
        ["uses actions/checkout@", "uses actions/download-artifact@", "uses aws-actions/configure-aws-credentials@"]
    {
        (_, rest) = rest.split_once(next).unwrap_or_else(|| panic!("{next} in {}", jobs["deploy"].log));
    }
}
