//! What a pull request shows, and what holds it.

use std::{collections::BTreeMap, fs, os::unix::fs::symlink};

use serde_json::json;

use super::{
    PULL_REQUEST, REVIEW,
    runner::{Event, Job, Runner},
};

/// The pull request's author is alice. The run's commit is that of main, from which GitHub takes the workflow.
fn run(runner: &Runner, head: &str, from: &str) -> BTreeMap<String, Job> {
    again(runner, head, from, BTreeMap::new())
}

/// Runs the jobs again, except those that are kept: after a review, only Approval runs.
fn again(runner: &Runner, head: &str, from: &str, kept: BTreeMap<String, Job>) -> BTreeMap<String, Job> {
    let base = runner.main("main");
    let pull = json!({
        "number": 7, "user": {"login": "alice"}, "base": {"sha": base},
        "head": {"sha": head, "ref": "change", "repo": {"full_name": from}},
    });
    runner.answers("pulls/7", pull.clone());
    let payload = json!({"action": "synchronize", "pull_request": pull});
    let event = Event { name: "pull_request_target", sha: base, payload };
    runner.run_again(PULL_REQUEST, &event, &json!({}), &[], kept)
}

fn results(jobs: &BTreeMap<String, Job>) -> [&'static str; 3] {
    ["change", "comment", "approval"].map(|name| jobs[name].result)
}

const PASSES: [&str; 3] = ["success", "success", "success"];
const IS_HELD: [&str; 3] = ["success", "success", "failure"];
const BROADER: (&str, &str) = ("  - alice\n", "  - alice\n  - mallory\n");

#[test]
fn one_comment_says_what_the_change_does_and_a_review_approves_it() {
    let runner = Runner::new();
    runner.reviews(&[]);
    let head = runner.propose(BROADER);
    let jobs = run(&runner, &head, "owner/name");
    assert_eq!(results(&jobs), IS_HELD, "{jobs:#?}");
    let (comments, calls) = runner.written();
    assert_eq!((comments.len(), calls), (1, json!(["POST"])));
    for says in [
        "<!-- synth diff -->\n",
        "> **The change needs approval.** A code owner who is not its author must approve this commit in a review.",
        "> - `templates/rotation.yaml`: it allows more than before; it rotates more keys, or lets others decide how.\n",
        "#### `rotation.yaml`\n",
        "IAM: broader.",
        "user/mallory\n",
        &format!("As of {head}."),
    ] {
        assert!(comments[0].contains(says), "{says:?} in {}", comments[0]);
    }
    assert!(!comments[0].contains("fork"), "{}", comments[0]);
    assert_eq!(jobs["change"].summary.trim_end(), comments[0]);
    assert!(jobs["approval"].log.contains("::error::No code owner has approved the commit"), "{jobs:#?}");

    let mut judged = jobs;
    judged.remove("approval");
    let old = runner.main("main");
    for (reviews, says) in [
        (vec![("bob", "APPROVED", &*head)], "@bob approved the change"),
        (vec![("BOB", "APPROVED", &head)], "@BOB has no write access"),
        (vec![("bob", "APPROVED", &head), ("bob", "COMMENTED", &head)], "@bob approved the change"),
        (vec![("bob", "APPROVED", &old)], "The review of @bob is of "),
        (vec![("alice", "APPROVED", &head)], "@alice is the author"),
        (vec![("dave", "APPROVED", &head)], "@dave is not a code owner"),
        (vec![("erin", "APPROVED", &head)], "@erin has no write access"),
        (vec![("bob", "DISMISSED", &head)], "The latest review of @bob is dismissed"),
        (
            vec![("bob", "APPROVED", &head), ("bob", "CHANGES_REQUESTED", &head)],
            "The latest review of @bob is changes requested",
        ),
        (vec![("bob", "CHANGES_REQUESTED", &old), ("bob", "APPROVED", &head)], "@bob approved the change"),
        (vec![("carol", "APPROVED", &head)], "@owner/security does not count for @carol"),
        // The third review is on the second page.
        (vec![("dave", "APPROVED", &head), ("erin", "APPROVED", &head), ("bob", "APPROVED", &head)], "@bob approved"),
    ] {
        runner.reviews(&reviews);
        let jobs = again(&runner, &head, "owner/name", judged.clone());
        let expected = if says.contains("approved") { PASSES } else { IS_HELD };
        assert_eq!(results(&jobs), expected, "{reviews:?}: {jobs:#?}");
        assert!(jobs["approval"].log.contains(says), "{reviews:?}: {jobs:#?}");
    }
    // A person who made or pushed a commit does not approve it.
    runner.reviews(&[("bob", "APPROVED", &head)]);
    let commit = |author: &str, committer: &str| json!([{"sha": old, "author": {"login": author}, "committer": {"login": committer}}]);
    let push = |actor: &str, after: &str| json!([{"after": after, "actor": {"login": actor}}]);
    for (commits, pushes, says) in [
        (commit("alice", "web-flow"), push("alice", &head), "@bob approved the change"),
        (json!([{"sha": old, "author": null, "committer": null}]), push("alice", &head), "@bob approved the change"),
        (commit("Bob", "web-flow"), push("alice", &head), "@bob made the commit"),
        (commit("alice", "bob"), push("alice", &head), "@bob made the commit"),
        (commit("alice", "alice"), push("bob", &head), "@bob pushed the commit"),
        (commit("alice", "alice"), push("Bob", &old), "@bob pushed the commit"),
        // What another change pushed does not count.
        (json!([]), push("bob", &old), "@bob approved the change"),
        (commit("alice", "alice"), json!("Not Found (HTTP 404)"), "@bob approved the change"),
        (json!("Server Error (HTTP 502)"), push("alice", &head), "Server Error (HTTP 502)"),
        (
            json!(vec![json!({"sha": old, "author": null, "committer": null}); 250]),
            push("alice", &head),
            "Make a smaller one",
        ),
    ] {
        runner.answers("pulls/7/commits", commits.clone());
        runner.answers("activity", pushes.clone());
        let jobs = again(&runner, &head, "owner/name", judged.clone());
        let expected = if says.contains("approved") { PASSES } else { IS_HELD };
        assert_eq!(results(&jobs), expected, "{commits} {pushes}: {jobs:#?}");
        assert!(jobs["approval"].log.contains(says), "{commits} {pushes}: {jobs:#?}");
    }
    runner.answers("pulls/7/commits", json!([]));
    runner.answers("activity", push("alice", &head));
    // A team counts if its members can be read.
    for (state, expected) in [("pending", IS_HELD), ("active", PASSES)] {
        runner.reviews(&[("carol", "APPROVED", &head)]);
        runner.organization_answers("owner/teams/security/memberships/carol", json!({"state": state}));
        assert_eq!(results(&again(&runner, &head, "owner/name", judged.clone())), expected, "{state}");
    }

    // A push after the review.
    runner.reviews(&[("bob", "APPROVED", &head)]);
    runner.edit("rotation.yaml", "  - mallory\n", "  - mallory\n  - oscar\n");
    runner.generate();
    let pushed = runner.commit();
    assert_eq!(results(&run(&runner, &pushed, "owner/name")), IS_HELD);
    // An old run cannot say that the newer commit is approved.
    runner.reviews(&[("bob", "APPROVED", &pushed)]);
    assert_eq!(results(&run(&runner, &pushed, "owner/name")), PASSES);
    assert_eq!(runner.written().0.len(), 1);
}

/// Another workflow may write a comment that looks like ours. What this run found is in a comment of its own.
#[test]
fn a_comment_of_another_workflow_is_not_taken_for_ours() {
    let runner = Runner::new();
    runner.comment("<!-- synth diff -->\nNo difference.");
    let head = runner.propose(BROADER);
    runner.reviews(&[("bob", "APPROVED", &head)]);
    assert_eq!(results(&run(&runner, &head, "owner/name")), PASSES);
    let (comments, calls) = runner.written();
    assert_eq!((comments.len(), calls), (1, json!(["POST", "DELETE"])));
    assert!(comments[0].contains("IAM: broader."), "{comments:?}");
}

#[test]
fn a_change_that_does_no_harm_needs_no_approval() {
    let runner = Runner::new();
    for (old, new) in [("  - alice\n", ""), ("memory: 128", "memory: 256"), ("# Which access keys", "# Whose keys")] {
        let jobs = run(&runner, &runner.propose((old, new)), "owner/name");
        assert_eq!(results(&jobs), PASSES, "{new:?}: {jobs:#?}");
        let comment = runner.written().0.remove(0);
        assert!(!comment.contains("needs approval"), "{comment}");
    }
    runner.git(&["checkout", "--quiet", "-B", "change", "main"]);
    runner.write("docs/deep/note.md", "A note.");
    let jobs = run(&runner, &runner.commit(), "owner/name");
    assert_eq!(results(&jobs), PASSES, "{jobs:#?}");
}

#[test]
fn code_of_the_change_needs_approval_and_does_not_judge() {
    let runner = Runner::new();
    runner.reviews(&[]);
    runner.propose(BROADER);
    // Its synth finds nothing, its script passes everything, and its owners include the author.
    for (file, content) in [
        ("synth/says-yes", ""),
        (".github/scripts/diff.sh", "#!/bin/sh\necho needs-approval=false >>$GITHUB_OUTPUT\n"),
        (".github/CODEOWNERS", "* @mallory\n"),
        (".cargo/config.toml", "[build]\n"),
    ] {
        runner.write(file, content);
    }
    let head = runner.commit();
    runner.reviews(&[("mallory", "APPROVED", &head)]);
    let jobs = run(&runner, &head, "owner/name");
    assert_eq!(results(&jobs), IS_HELD, "{jobs:#?}");
    let comment = runner.written().0.remove(0);
    for says in
        ["IAM: broader", "It changes files that `synth` does not judge", "    synth/says-yes", "    .cargo/config"]
    {
        assert!(comment.contains(says), "{says} in {comment}");
    }
    assert!(jobs["approval"].log.contains("@mallory is not a code owner"), "{jobs:#?}");

    for (file, content) in [("Cargo.toml", "[patch.crates-io]\n"), ("templates/rules.guard", "a"), ("a.md/b.rs", "")] {
        runner.git(&["checkout", "--quiet", "-B", "change", "main"]);
        runner.write(file, content);
        let jobs = run(&runner, &runner.commit(), "owner/name");
        assert_eq!(results(&jobs), IS_HELD, "{file}: {jobs:#?}");
    }
}

#[test]
fn what_synth_cannot_read_is_unknown_and_held() {
    let runner = Runner::new();
    runner.reviews(&[]);
    runner.git(&["checkout", "--quiet", "-B", "change", "main"]);
    runner.edit("rotation.yaml", "memory: 128", "memory: 128\nfresh_setting: @team # ``` <b>\u{202e}");
    let jobs = run(&runner, &runner.commit(), "owner/name");
    assert_eq!(results(&jobs), IS_HELD, "{jobs:#?}");
    let comment = runner.written().0.remove(0);
    for says in [
        "> - The `synth` of the base commit cannot read `rotation.yaml`, so what the change does is unknown. A new setting",
        "`rotation.yaml` cannot be read. What it does is **unknown**:\n\n    ",
    ] {
        assert!(comment.contains(says), "{says} in {comment}");
    }
    // The error quotes the file. Each of its lines is in a code block.
    let quoted: Vec<_> =
        comment.lines().filter(|line| line.contains("@team") || line.contains("fresh_setting")).collect();
    assert!(!quoted.is_empty() && quoted.iter().all(|line| line.starts_with("    ")), "{comment}");
    assert!(!comment.contains('\u{202e}'), "{comment}");

    // A template that cannot be read, one that is not there, and one that is a link out of the repository.
    for change in ["unreadable", "missing", "link"] {
        runner.git(&["checkout", "--quiet", "-B", "change", "main"]);
        let template = runner.origin().join("templates/rotation.yaml");
        match change {
            "unreadable" => runner.edit("templates/rotation.yaml", "\nResources:\n", "\nResource:\n"),
            _ => fs::remove_file(&template).unwrap(),
        }
        if change == "link" {
            symlink("/proc/self/environ", &template).unwrap();
        }
        let head = runner.commit();
        let jobs = run(&runner, &head, "owner/name");
        assert_eq!(results(&jobs), IS_HELD, "{change}: {jobs:#?}");
        let comment = runner.written().0.remove(0);
        let says = match change {
            "unreadable" => "cannot be read. What it does is **unknown**",
            _ => "is missing in the change, or is no plain file. What the change does is **unknown**",
        };
        assert!(comment.contains(&format!("`templates/rotation.yaml` {says}")), "{comment}");
        // A review approves what is unknown, too.
        runner.reviews(&[("bob", "APPROVED", &head)]);
        assert_eq!(results(&run(&runner, &head, "owner/name")), PASSES, "{change}");
        runner.reviews(&[]);
    }
}

#[test]
fn a_template_that_its_configuration_does_not_generate_is_held() {
    let runner = Runner::new();
    runner.reviews(&[]);
    let configuration = fs::read_to_string(runner.origin().join("rotation.yaml")).unwrap();
    let audit = configuration.replace("stack_name: access-key-rotation", "stack_name: audit-key-rotation");
    let hold = |change: &dyn Fn(), says: &str| {
        runner.git(&["checkout", "--quiet", "-B", "change", "main"]);
        change();
        let jobs = run(&runner, &runner.commit(), "owner/name");
        assert_eq!(results(&jobs), IS_HELD, "{says}: {jobs:#?}");
        let comment = runner.written().0.remove(0);
        assert!(comment.contains(says), "{says} in {comment}");
    };
    let says = "> - `templates/rotation.yaml` is not what `rotation.yaml` generates.\n";
    hold(&|| runner.edit("rotation.yaml", BROADER.0, BROADER.1), says);
    hold(&|| runner.edit("templates/rotation.yaml", "\nResources:\n", "\n# A comment.\nResources:\n"), says);
    for empty in ["", "Resources: {}\n"] {
        let add = || {
            runner.write("audit.yaml", &audit);
            runner.write("templates/audit.yaml", empty);
        };
        hold(&add, "> - `templates/audit.yaml` is not what `audit.yaml` generates.\n");
    }
    let remove = || fs::remove_file(runner.origin().join("rotation.yaml")).unwrap();
    hold(&remove, "> - `templates/rotation.yaml` stays, but `rotation.yaml` is removed.\n");
    let says = "> - `templates/artifacts.yaml` is not what `rotation.yaml` generates.\n";
    hold(&|| runner.edit("templates/artifacts.yaml", "\nResources:\n", "\n# A comment.\nResources:\n"), says);
    hold(&|| fs::remove_file(runner.origin().join("templates/artifacts.yaml")).unwrap(), says);
    // The tags are those of the configuration.
    hold(&|| runner.edit("rotation.yaml", "tags: {}", "tags: {team: a}"), says);
}

#[test]
fn every_configuration_is_compared() {
    let runner = Runner::new();
    runner.reviews(&[]);
    let audit = fs::read_to_string(runner.origin().join("rotation.yaml")).unwrap();
    let audit = audit.replace("stack_name: access-key-rotation", "stack_name: audit-key-rotation");
    runner.git(&["checkout", "--quiet", "-B", "change", "main"]);
    runner.write("audit.yaml", &audit);
    runner.write(".hidden.yaml", "not a configuration");
    runner.generate();
    let jobs = run(&runner, &runner.commit(), "owner/name");
    assert_eq!(results(&jobs), IS_HELD, "{jobs:#?}");
    let comment = runner.written().0.remove(0);
    assert!(comment.contains("#### `audit.yaml`\n\nThis stack is new. Its first deployment is approved"), "{comment}");
    assert!(comment.contains("#### `rotation.yaml`\n\nNo difference."), "{comment}");

    runner.git(&["rm", "--quiet", "--cached", ".hidden.yaml"]);
    fs::remove_file(runner.origin().join(".hidden.yaml")).unwrap();
    runner.commit();
    runner.merge("--squash");
    runner.git(&["checkout", "--quiet", "-B", "change", "main"]);
    runner.edit("audit.yaml", "  - alice\n", "  - alice\n  - mallory\n");
    runner.generate();
    let jobs = run(&runner, &runner.commit(), "owner/name");
    assert_eq!(results(&jobs), IS_HELD, "{jobs:#?}");
    let comment = runner.written().0.remove(0);
    assert!(
        comment.contains("> - `templates/audit.yaml`: it allows more than before; it rotates more keys"),
        "{comment}"
    );

    runner.git(&["checkout", "--quiet", "-B", "change", "main"]);
    fs::remove_file(runner.origin().join("audit.yaml")).unwrap();
    fs::remove_file(runner.origin().join("templates/audit.yaml")).unwrap();
    runner.generate();
    let jobs = run(&runner, &runner.commit(), "owner/name");
    assert_eq!(results(&jobs), PASSES, "{jobs:#?}");
    assert!(runner.written().0[0].contains("The configuration is removed. Its stack stays"), "{jobs:#?}");
}

/// The members of an organization have a template of their own. The template of the administering account names it only by its
/// hash.
#[test]
fn a_change_of_an_organization_shows_what_each_member_gets() {
    let runner = Runner::new();
    runner.reviews(&[]);
    let organization = fs::read_to_string(runner.origin().join("examples/organization.yaml")).unwrap();
    runner.write("accounts.yaml", &organization);
    runner.generate();
    runner.commit();
    let comment = |change: &dyn Fn()| {
        runner.git(&["checkout", "--quiet", "-B", "change", "main"]);
        change();
        let jobs = run(&runner, &runner.commit(), "owner/name");
        (results(&jobs), runner.written().0.remove(0))
    };
    let rotate_after = |age: &'static str| {
        move |runner: &Runner| {
            runner.edit("accounts.yaml", "rotate_after: 60d", &format!("rotate_after: {age}"));
            runner.generate();
        }
    };
    let (results, later) = comment(&|| rotate_after("70d")(&runner));
    assert_eq!(results, PASSES, "{later}");
    assert!(later.contains("rotate&#95;after: 60d &#8594; 70d"), "{later}");
    let held = |change: &dyn Fn()| {
        let (results, comment) = comment(change);
        assert_eq!(results, IS_HELD, "{comment}");
        comment
    };
    let shorter = held(&|| rotate_after("50d")(&runner));
    let (_, members) = shorter.split_once("**Each member account**\n").unwrap();
    for says in ["rotate&#95;after: 60d → 50d", "a key is replaced after 50d instead of 60d"] {
        assert!(members.contains(&says.replace('→', "&#8594;")), "{says:?} in {members}");
    }
    assert!(
        shorter.contains("> - `templates/accounts-member.yaml`: it replaces, deactivates or deletes keys earlier.\n")
    );
    assert!(shorter.contains("> - `templates/accounts.yaml`: what it does is not known.\n"), "{shorter}");
    assert!(shorter.contains("##### The bucket for packages\n\nNo difference."), "{shorter}");
    // A management account that is a member too also has a member stack, with an approval of its own.
    assert_eq!(shorter.matches("Needs approval. Fingerprint: ").count(), 2, "{shorter}");

    for file in ["accounts-member", "accounts-artifacts"] {
        let stale = held(&|| runner.edit(&format!("templates/{file}.yaml"), "Resources:", "# More\nResources:"));
        let reason = format!("> - `templates/{file}.yaml` is not what `accounts.yaml` generates.\n");
        assert!(stale.contains(&reason), "{reason} in {stale}");
        let lost = held(&|| fs::remove_file(runner.origin().join(format!("templates/{file}.yaml"))).unwrap());
        assert!(
            lost.contains(&format!("`templates/{file}.yaml` is missing in the change, or is no plain file")),
            "{lost}"
        );
    }
}

/// No template names its stack. So only the configurations show that it is another one.
#[test]
fn another_stack_or_that_of_another_configuration_needs_approval() {
    let runner = Runner::new();
    runner.reviews(&[]);
    let rotation = fs::read_to_string(runner.origin().join("rotation.yaml")).unwrap();
    let template = fs::read_to_string(runner.origin().join("templates/rotation.yaml")).unwrap();
    let write = |name: &str, stack: &str| {
        let setting = format!("stack_name: {stack}");
        runner.write(&format!("{name}.yaml"), &rotation.replace("stack_name: access-key-rotation", &setting));
        runner.write(&format!("templates/{name}.yaml"), &template);
    };
    let remove = |name: &str| {
        for file in [format!("{name}.yaml"), format!("templates/{name}.yaml")] {
            fs::remove_file(runner.origin().join(file)).unwrap();
        }
    };
    write("audit", "audit-key-rotation");
    write("people", "people-key-rotation");
    runner.commit();
    let comment = |change: &dyn Fn()| {
        runner.git(&["checkout", "--quiet", "-B", "change", "main"]);
        change();
        let jobs = run(&runner, &runner.commit(), "owner/name");
        (results(&jobs), runner.written().0.remove(0))
    };
    let takes = "`ci.yaml` takes the stack `audit-key-rotation`, which was that of `audit.yaml`.";
    let becomes = |name: &str, old: &str, new: &str| {
        format!(
            "`{name}.yaml` changes its stack from `{old}` to `{new}`. The old stack stays, and its schedule continues."
        )
    };
    let same = |one: &str, other: &str, stack: &str| {
        format!("`{one}.yaml` and `{other}.yaml` have the same stack, `{stack}`. Each deployment would undo the other.")
    };
    let cases: [(&dyn Fn(), &[String]); 6] = [
        (&|| write("audit", "key-audit"), &[becomes("audit", "audit-key-rotation", "key-audit")]),
        (
            &|| write("audit", "people-key-rotation"),
            &[
                becomes("audit", "audit-key-rotation", "people-key-rotation"),
                same("people", "audit", "people-key-rotation"),
            ],
        ),
        (
            &|| {
                write("audit", "people-key-rotation");
                write("people", "audit-key-rotation");
            },
            &[
                becomes("audit", "audit-key-rotation", "people-key-rotation"),
                becomes("people", "people-key-rotation", "audit-key-rotation"),
            ],
        ),
        (&|| write("ci", "audit-key-rotation"), &[same("ci", "audit", "audit-key-rotation"), takes.to_owned()]),
        (
            &|| {
                remove("audit");
                write("ci", "audit-key-rotation");
            },
            &[takes.to_owned()],
        ),
        // The name that it had without the setting.
        (
            &|| runner.edit("audit.yaml", "stack_name: audit-key-rotation\n", ""),
            &[
                becomes("audit", "audit-key-rotation", "access-key-rotation"),
                same("rotation", "audit", "access-key-rotation"),
            ],
        ),
    ];
    for (change, expected) in cases {
        let (found, comment) = comment(change);
        assert_eq!(found, IS_HELD, "{comment}");
        for reason in expected {
            assert!(comment.contains(&format!("\n> - {reason}\n")), "{reason} in {comment}");
        }
    }
    let (found, comment) = comment(&|| remove("people"));
    assert!(found == PASSES && !comment.contains("needs approval"), "{comment}");
    // A configuration that the base commit's synth cannot read may have had another stack.
    runner.git(&["checkout", "--quiet", "main"]);
    runner.edit("audit.yaml", "stack_name:", "fresh_setting: 1\nstack_name:");
    runner.commit();
    runner.git(&["checkout", "--quiet", "-B", "change", "main"]);
    write("audit", "audit-key-rotation");
    let jobs = run(&runner, &runner.commit(), "owner/name");
    assert_eq!(results(&jobs), IS_HELD, "{jobs:#?}");
}

#[test]
fn a_branch_that_is_not_up_to_date_cannot_be_approved() {
    let runner = Runner::new();
    let head = runner.propose(BROADER);
    runner.git(&["checkout", "--quiet", "main"]);
    runner.edit("rotation.yaml", "log_retention: 90d", "log_retention: 30d");
    runner.generate();
    runner.commit();
    runner.reviews(&[("bob", "APPROVED", &head)]);
    let jobs = run(&runner, &head, "owner/name");
    assert_eq!(results(&jobs), IS_HELD, "{jobs:#?}");
    let comment = runner.written().0.remove(0);
    assert!(
        comment.contains("> - The change does not contain the commit ") && comment.contains("mallory"),
        "{comment}"
    );
    assert!(!comment.contains("RetentionInDays"), "what main changed is not part of the change: {comment}");
    assert!(jobs["approval"].log.contains("Update it"), "{jobs:#?}");
}

#[test]
fn a_comment_has_fewer_than_60_000_characters() {
    let runner = Runner::new();
    runner.reviews(&[]);
    runner.git(&["checkout", "--quiet", "-B", "change", "main"]);
    let configuration = fs::read_to_string(runner.origin().join("rotation.yaml")).unwrap();
    let template = fs::read_to_string(runner.origin().join("templates/rotation.yaml")).unwrap();
    for index in 0..12 {
        runner.write(&format!("a{index}.yaml"), &configuration);
        runner.write(&format!("templates/a{index}.yaml"), &template);
        // Two reasons each: neither the configuration nor its template can be read.
        runner.write(&format!("b{index}.yaml"), "nothing");
        runner.write(&format!("c{index}.yaml"), "nothing");
    }
    let jobs = run(&runner, &runner.commit(), "owner/name");
    assert_eq!(results(&jobs), IS_HELD, "{jobs:#?}");
    let comment = runner.written().0.remove(0);
    assert!(comment.len() < 60_000, "{}", comment.len());
    assert!(comment.contains("parts do not fit in here") && comment.contains("more reasons"), "{comment}");
    assert!(comment.contains("As of "), "{comment}");
    assert!(jobs["change"].summary.contains("#### `a9.yaml`"), "the summary has all");
}

#[test]
fn nobody_is_a_code_owner_while_the_file_is_not_set_up() {
    let runner = Runner::new();
    let mut judged = BTreeMap::new();
    let placeholder = crate::common::read(".github/CODEOWNERS");
    assert!(placeholder.contains("\n* @replace-me\n"), "{placeholder}");
    for (owners, says) in [
        (&*placeholder, "still names the placeholder @replace-me"),
        ("/synth/ @bob\n", "CODEOWNERS has no line with the pattern *"),
        ("* @bob\n/docs/ @carol\n", "@bob is not a code owner"),
        ("* @bob\n/docs/\n", "@bob is not a code owner"),
        ("* @carol @bob\n/docs/ @bob\n", "@bob approved the change"),
        ("", "CODEOWNERS has no line with the pattern *"),
    ] {
        runner.git(&["checkout", "--quiet", "main"]);
        runner.write(".github/CODEOWNERS", owners);
        runner.commit();
        let head = runner.propose(BROADER);
        runner.reviews(&[("bob", "APPROVED", &head)]);
        let jobs = again(&runner, &head, "owner/name", judged.clone());
        judged.clone_from(&jobs);
        judged.remove("approval");
        assert_eq!(results(&jobs), if says.ends_with("approved the change") { PASSES } else { IS_HELD }, "{jobs:#?}");
        assert!(jobs["approval"].log.contains(says), "{owners}: {jobs:#?}");
    }
}

#[test]
fn a_change_from_a_fork_says_what_a_person_must_do() {
    let runner = Runner::new();
    runner.reviews(&[]);
    let head = runner.propose(BROADER);
    // The commit is in no branch of this repository.
    runner.git(&["update-ref", "refs/pull/7/head", &head]);
    runner.git(&["checkout", "--quiet", "main"]);
    runner.git(&["branch", "--quiet", "-D", "change"]);
    let jobs = run(&runner, &head, "mallory/name");
    assert_eq!(results(&jobs), IS_HELD, "{jobs:#?}");
    let (comments, _) = runner.written();
    assert!(
        comments[0].contains("> The change comes from a fork") && comments[0].contains("**Approval**"),
        "{comments:?}"
    );
    runner.reviews(&[("bob", "APPROVED", &head)]);
    assert_eq!(results(&run(&runner, &head, "mallory/name")), PASSES);
}

#[test]
fn a_token_that_may_not_write_leaves_the_text_in_the_summary() {
    let runner = Runner::new();
    let head = runner.propose(BROADER);
    runner.open(Some("Resource not accessible by integration (HTTP 403)"));
    runner.reviews(&[("bob", "APPROVED", &head)]);
    let jobs = run(&runner, &head, "owner/name");
    assert_eq!(results(&jobs), PASSES, "{jobs:#?}");
    assert_eq!(runner.written(), (vec![], json!([])));
    assert!(jobs["comment"].log.contains("::notice::"), "{jobs:#?}");
    assert!(jobs["change"].summary.contains("IAM: broader."), "{jobs:#?}");

    // An outdated comment would be misleading, so this is an error.
    runner.open(Some("Server Error (HTTP 502)"));
    let jobs = run(&runner, &head, "owner/name");
    assert_eq!(jobs["comment"].result, "failure", "{jobs:#?}");
    assert!(jobs["comment"].log.contains("Server Error (HTTP 502)"), "{jobs:#?}");
    // And a change is held while the reviews cannot be read.
    assert_eq!(jobs["approval"].result, "failure", "{jobs:#?}");
}

#[test]
fn a_judge_that_fails_holds_the_change() {
    let runner = Runner::new();
    runner.write(".github/scripts/diff.sh", "#!/bin/sh\nexit 1\n");
    runner.commit();
    let head = runner.propose(("memory: 128", "memory: 256"));
    runner.reviews(&[("bob", "APPROVED", &head)]);
    let jobs = run(&runner, &head, "owner/name");
    assert_eq!(results(&jobs), ["failure", "skipped", "failure"], "{jobs:#?}");
    assert!(jobs["approval"].log.contains("What the change does is unknown"), "{jobs:#?}");
}

#[test]
fn a_review_starts_the_job_approval_again() {
    let runner = Runner::new();
    let head = runner.propose(BROADER);
    let checks = json!({"check_runs": [
        {"id": 11, "status": "completed", "html_url": "https://github.invalid/11"},
        {"id": 12, "status": "in_progress", "html_url": "https://github.invalid/12"},
    ]});
    let again = |answer| {
        runner.open(answer);
        runner.answers(&format!("commits/{head}/check-runs"), checks.clone());
        let pull = json!({"number": 7, "head": {"sha": head}, "base": {"sha": runner.main("main")}});
        let payload = json!({"action": "submitted", "pull_request": pull});
        let event = Event { name: "pull_request_review", sha: head.clone(), payload };
        runner.run(REVIEW, &event, &json!({}), &[]).remove("again").unwrap()
    };
    let done = again(None);
    assert_eq!(done.result, "success", "{done:#?}");
    assert_eq!(runner.written().1, json!(["POST repos/owner/name/actions/jobs/11/rerun"]));
    // From a fork, the token only reads.
    let done = again(Some("Resource not accessible by integration (HTTP 403)"));
    assert!(done.result == "success" && done.log.contains("::notice::Approval was not started again"), "{done:#?}");
}
