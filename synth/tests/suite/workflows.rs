//! Tests of the workflows: three linters find nothing, and each linter finds a mistake when there is one. The steps
//! also run here as in GitHub's runner, with a stand-in for GitHub.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use crate::common::{read, root, tool};
use serde_json::{Map, Value as Json, json};

const PULL_REQUEST: &str = ".github/workflows/pull-request.yml";
const CI: &str = ".github/workflows/ci.yml";
const DEPLOY: &str = ".github/workflows/deploy.yml";
const WORKFLOWS: [&str; 3] = [PULL_REQUEST, CI, DEPLOY];
const LABEL: &str = "approved-iam-change";

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

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

fn steps(workflow: &Json) -> impl Iterator<Item = &Json> {
    workflow["jobs"].as_object().unwrap().values().flat_map(|job| job["steps"].as_array().unwrap())
}

#[test]
fn workflows_are_sound_and_every_linter_is_seen_to_object() {
    for (file, (linter, _)) in WORKFLOWS.into_iter().flat_map(|file| LINTERS.map(|linter| (file, linter))) {
        assert_eq!(findings(linter, &read(file)), "", "{file}: {linter}");
    }
    for file in fs::read_dir(root().join(".github/scripts")).unwrap() {
        let path = file.unwrap().path();
        assert!(fs::metadata(&path).unwrap().permissions().mode() & 0o111 != 0, "{} can be run", path.display());
        if path.extension().is_some_and(|extension| extension == "sh") {
            let output = Command::new(tool("shellcheck")).arg(path).output().unwrap();
            assert!(output.status.success(), "{}", text(&output));
        }
    }
    for (linter, file, good, bad, says) in [
        ("zizmor", PULL_REQUEST, "  pull_request:", "  pull_request_target:", "dangerous-triggers"),
        ("zizmor", PULL_REQUEST, "permissions: {}\n\nconc", "conc", "excessive-permissions"),
        ("zizmor", PULL_REQUEST, "persist-credentials: false", "persist-credentials: true", "artipacked"),
        ("zizmor", PULL_REQUEST, "\"$NEEDED,", "\"${{ github.event.pull_request.title }},", "template-injection"),
        ("zizmor", DEPLOY, "@8df5847569e6427dd6c4fb1cf565c83acfa8afa7 #", "@v6 #", "unpinned-uses"),
        ("check-jsonschema", PULL_REQUEST, "    timeout-minutes:", "    time-out:", "'time-out' was unexpected"),
        ("check-jsonschema", PULL_REQUEST, "pull-requests: write", "pull-requests: all", "'all' is not one of"),
        ("check-jsonschema", PULL_REQUEST, "    needs: check", "    need: check", "'need' was unexpected"),
        ("check-jsonschema", DEPLOY, "    runs-on: ubuntu-24.04\n", "", "'runs-on' is a required property"),
        ("shellcheck", PULL_REQUEST, "$APPROVED\" in", "$APPROVED\" i", "SC1073"),
        ("shellcheck", DEPLOY, "\"${architecture/arm64/aarch64}-unknown-linux-gnu\"", "$architecture", "SC2086"),
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
            permissions.insert(name.clone(), job["permissions"].clone());
        }
        actions.extend(steps(&workflow).filter_map(|step| step["uses"].as_str()?.split('@').next().map(str::to_owned)));
    }
    let expected = [
        ("approval", json!({})),
        ("check", json!({"contents": "read"})),
        ("comment", json!({"contents": "read", "pull-requests": "write"})),
        ("deploy", json!({"contents": "read", "id-token": "write"})),
        ("test", json!({"contents": "read"})),
    ];
    assert_eq!(permissions, expected.map(|(name, may)| (name.to_owned(), may)).into());
    actions.dedup();
    assert_eq!(actions, ["actions/checkout", "aws-actions/configure-aws-credentials"]);
}

/// The result of a job.
#[derive(Debug, Default)]
struct Job {
    /// The result in GitHub's words: success, failure or skipped.
    result: &'static str,
    outputs: Map<String, Json>,
    /// The exit code of the step that failed.
    code: Option<i32>,
    summary: String,
    log: String,
}

/// A replacement for GitHub's runner, as far as these workflows need one, with its own checkout. It skips actions.
/// Stand-ins replace the programs that would build or use the network.
struct Runner {
    folder: tempfile::TempDir,
}

impl Runner {
    /// A checkout with copies of this project's files, where everything is generated and committed.
    fn new() -> Self {
        let runner = Self { folder: tempfile::tempdir().unwrap() };
        let checkout = runner.checkout();
        for file in
            [".github", "Makefile", "README.md", "examples", "rotation.yaml", "tests/local-aws/requirements.txt"]
        {
            copy(&root().join(file), &checkout.join(file));
        }
        let stubs = runner.folder.path().join("stubs");
        fs::create_dir(&stubs).unwrap();
        let synth = env!("CARGO_BIN_EXE_synth");
        for (name, script) in [
            (
                "cargo",
                format!(
                    r#"case "$*" in
                      "build --quiet --locked --package synth") ;;
                      "run --quiet --locked --package synth -- "*) shift 6; exec "{synth}" "$@" ;;
                      *) echo "cargo is asked for $*" >&2; exit 99 ;;
                    esac"#
                ),
            ),
            ("gh", format!("exec python3 '{}' \"$@\"", root().join("synth/tests/python/gh.py").display())),
            ("rustup", "echo \"rustup $*\"".to_owned()),
        ] {
            fs::write(stubs.join(name), format!("#!/usr/bin/env bash\n{script}\n")).unwrap();
            fs::set_permissions(stubs.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        runner.generate();
        runner.git(&["init", "--quiet", "--initial-branch", "main"]);
        runner.commit();
        runner
    }

    fn checkout(&self) -> PathBuf {
        self.folder.path().join("checkout")
    }

    /// A process in the checkout, without the environment of the test process.
    fn process(&self, program: &str) -> Command {
        let path = std::env::var("PATH").unwrap();
        let mut process = Command::new(program);
        process.current_dir(self.checkout()).env_clear().env("GIT_CONFIG_GLOBAL", "/dev/null");
        process.env("PATH", format!("{}:{path}", self.folder.path().join("stubs").display()));
        process.env("HOME", self.folder.path());
        process
    }

    fn generate(&self) {
        let output = self.process(env!("CARGO_BIN_EXE_synth")).arg("generate").output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
    }

    fn git(&self, arguments: &[&str]) {
        let who = ["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"];
        let output = self.process("git").args(who).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", text(&output));
    }

    fn commit(&self) {
        self.git(&["add", "."]);
        self.git(&["commit", "--quiet", "--message", "change"]);
    }

    fn edit(&self, file: &str, old: &str, new: &str) {
        let path = self.checkout().join(file);
        let content = fs::read_to_string(&path).unwrap();
        assert!(content.contains(old), "{old:?} in {content}");
        fs::write(path, content.replacen(old, new, 1)).unwrap();
    }

    /// Makes a change of rotation.yaml and checks it out as GitHub does for a pull request: merged into the main
    /// branch.
    fn propose(&self, (old, new): (&str, &str), generates: bool) {
        self.git(&["checkout", "--quiet", "-B", "change", "main"]);
        self.edit("rotation.yaml", old, new);
        if generates {
            self.generate();
        }
        self.commit();
        self.merge();
    }

    fn merge(&self) {
        self.git(&["checkout", "--quiet", "--detach", "main"]);
        self.git(&["merge", "--quiet", "--no-ff", "--message", "merge", "change"]);
    }

    /// Opens the pull request with comments of other authors. `answer` is the error that GitHub gives when a comment is
    /// written.
    fn open(&self, answer: Option<&str>) {
        let comments = [
            json!({"id": 1, "user": {"login": "alice"}, "body": "Why?"}),
            json!({"id": 2, "user": {"login": "alice"}, "body": "<!-- synth diff -->\nNot by the workflow."}),
            json!({"id": 3, "user": null, "body": "<!-- synth diff -->\nBy somebody who is gone."}),
            json!({"id": 4, "user": {"login": "github-actions[bot]"}, "body": "By another workflow."}),
        ];
        let github = json!({"comments": comments, "calls": [], "answer": answer});
        fs::write(self.folder.path().join("github.json"), github.to_string()).unwrap();
    }

    /// The comments that the workflow wrote, and the methods of the calls: POST or PATCH.
    fn written(&self) -> (Vec<String>, Json) {
        let github = fs::read(self.folder.path().join("github.json")).unwrap();
        let github: Json = serde_json::from_slice(&github).unwrap();
        let comments = &github["comments"].as_array().unwrap()[4..];
        let bodies = comments.iter().map(|comment| comment["body"].as_str().unwrap().to_owned());
        (bodies.collect(), github["calls"].clone())
    }

    /// Runs the jobs of a workflow in their order.
    fn run(&self, file: &str, event: &Json, vars: &Json, more: &[(&str, &str)]) -> BTreeMap<String, Job> {
        let workflow: Json = serde_yaml::from_str(&fs::read_to_string(self.checkout().join(file)).unwrap()).unwrap();
        assert_eq!(workflow["defaults"]["run"]["shell"], "bash");
        let mut jobs: BTreeMap<String, Job> = BTreeMap::new();
        for (name, job) in workflow["jobs"].as_object().unwrap() {
            let mut needs = Map::new();
            if let Some(need) = job["needs"].as_str() {
                let needed = &jobs[need];
                needs.insert(need.to_owned(), json!({"result": needed.result, "outputs": needed.outputs}));
            }
            let mut context =
                json!({"github": {"event": event, "token": "a-token"}, "vars": vars, "needs": needs, "steps": {}});
            context["env"] = evaluated(&workflow["env"], &context).into();
            let succeeded = needs.values().all(|need| need["result"] == "success");
            let runs = match job["if"].as_str() {
                Some(condition) => expand(condition, &context) == "true",
                None => succeeded,
            };
            let done = if runs { self.job(job, context, more) } else { Job { result: "skipped", ..Job::default() } };
            jobs.insert(name.clone(), done);
        }
        jobs
    }

    fn job(&self, job: &Json, mut context: Json, more: &[(&str, &str)]) -> Job {
        let mut done = Job { result: "success", ..Job::default() };
        let file = |name: &str| self.folder.path().join(name);
        fs::write(file("summary"), "").unwrap();
        for step in job["steps"].as_array().unwrap() {
            let Some(script) = step["run"].as_str() else {
                done.log += &format!("uses {}\n", step["uses"].as_str().unwrap());
                continue;
            };
            fs::write(file("output"), "").unwrap();
            fs::write(file("script"), script).unwrap();
            let mut process = self.process("bash");
            process.args(["--noprofile", "--norc", "-eo", "pipefail"]).arg(file("script"));
            process.env("GITHUB_OUTPUT", file("output")).env("GITHUB_STEP_SUMMARY", file("summary"));
            process.env("GITHUB_REPOSITORY", "owner/name").env("GITHUB", file("github.json"));
            process.envs(more.iter().copied());
            for (name, value) in context["env"].as_object().unwrap().iter().chain(&evaluated(&step["env"], &context)) {
                process.env(name, value.as_str().unwrap());
            }
            let output = process.output().unwrap();
            done.log += &text(&output);
            if !output.status.success() {
                done.result = "failure";
                done.code = output.status.code();
                break;
            }
            if let Some(id) = step["id"].as_str() {
                context["steps"][id] = json!({"outputs": outputs(&fs::read_to_string(file("output")).unwrap())});
            }
        }
        done.summary = fs::read_to_string(file("summary")).unwrap();
        done.outputs = evaluated(&job["outputs"], &context);
        done
    }

    fn pull_request(&self, action: &str, label: Option<&str>) -> BTreeMap<String, Job> {
        let mut event = json!({
            "action": action,
            "pull_request": {"number": 7, "head": {"sha": "0123abc"}, "base": {"sha": "main"}},
        });
        if let Some(name) = label {
            event["label"] = json!({"name": name});
        }
        self.run(PULL_REQUEST, &event, &json!({}), &[])
    }
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let name = entry.unwrap().file_name();
            copy(&from.join(&name), &to.join(&name));
        }
    } else {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
    }
}

/// The outputs of a step: `name=value`, or `name<<END` and the lines before END.
fn outputs(file: &str) -> Map<String, Json> {
    let mut outputs = Map::new();
    let mut lines = file.lines();
    while let Some(line) = lines.next() {
        let (name, value) = match (line.split_once("<<"), line.split_once('=')) {
            (Some((name, end)), None) => {
                let lines: Vec<_> = lines.by_ref().take_while(|line| *line != end).collect();
                (name, lines.join("\n"))
            }
            (None, Some((name, value))) => (name, value.to_owned()),
            _ => panic!("{line:?} in {file}"),
        };
        outputs.insert(name.to_owned(), value.into());
    }
    outputs
}

/// The values with their expressions evaluated.
fn evaluated(values: &Json, context: &Json) -> Map<String, Json> {
    let values = values.as_object().into_iter().flatten();
    values.map(|(name, value)| (name.clone(), expand(value.as_str().unwrap(), context).into())).collect()
}

/// A text with its `${{ … }}` expressions evaluated.
fn expand(text: &str, context: &Json) -> String {
    let Some((before, rest)) = text.split_once("${{") else { return text.to_owned() };
    let (expression, after) = rest.split_once("}}").unwrap();
    before.to_owned() + &evaluate(expression, context) + &expand(after, context)
}

/// Evaluates the GitHub expressions that these workflows use. A missing value is empty, as in GitHub.
fn evaluate(expression: &str, context: &Json) -> String {
    for operator in [" && ", " == ", " != "] {
        if let Some((left, right)) = expression.split_once(operator) {
            let (left, right) = (evaluate(left, context), evaluate(right, context));
            let holds = match operator {
                " && " => left == "true" && right == "true",
                " == " => left == right,
                _ => left != right,
            };
            return holds.to_string();
        }
    }
    let operand = expression.trim();
    if operand == "always()" {
        return "true".to_owned();
    }
    if let Some(literal) = operand.strip_prefix('\'') {
        return literal.strip_suffix('\'').unwrap().to_owned();
    }
    let mut parts = operand.split('.');
    let start = context.get(parts.next().unwrap()).unwrap_or_else(|| panic!("no context for {operand}"));
    match parts.fold(start, |value, part| &value[part]) {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn results(jobs: &BTreeMap<String, Job>) -> [&'static str; 3] {
    ["check", "comment", "approval"].map(|name| jobs[name].result)
}

/// The fingerprint of the change in a comment.
fn fingerprint(comment: &str) -> &str {
    &comment.split_once("Fingerprint: <code>").unwrap().1[..32]
}

const PASSES: [&str; 3] = ["success", "success", "success"];
const IS_HELD: [&str; 3] = ["success", "success", "failure"];

#[test]
fn one_comment_says_what_the_change_does_and_a_label_approves_it() {
    let runner = Runner::new();
    runner.open(None);
    runner.propose(("  - alice\n", "  - alice\n  - mallory\n"), true);
    let jobs = runner.pull_request("opened", None);
    assert_eq!(results(&jobs), IS_HELD, "{jobs:#?}");
    let (comments, calls) = runner.written();
    assert_eq!((comments.len(), calls), (1, json!(["POST"])));
    for says in [
        "<!-- synth diff -->\n",
        "> The change needs approval: it allows more than before. ",
        "add the label `approved-iam-change`",
        "IAM: broader.",
        "<details><summary><code>~</code> <code>FunctionRole</code>",
        "user/mallory\n",
        "As of 0123abc.",
    ] {
        assert!(comments[0].contains(says), "{says:?} in {}", comments[0]);
    }
    assert_eq!(jobs["check"].summary.trim_end(), comments[0]);
    assert!(jobs["approval"].log.contains("::error::The change needs approval"), "{jobs:#?}");

    for (action, label, result) in [
        ("labeled", Some("documentation"), IS_HELD),
        ("labeled", Some(LABEL), PASSES),
        ("unlabeled", Some(LABEL), IS_HELD),
        ("edited", None, IS_HELD),
        ("synchronize", None, IS_HELD),
    ] {
        assert_eq!(results(&runner.pull_request(action, label)), result, "{action} {label:?}");
    }
    assert_eq!(runner.written(), (comments.clone(), json!(["POST", "PATCH", "PATCH", "PATCH", "PATCH", "PATCH"])));

    // The main branch moves on. Its changes are not part of the pull request, but the fingerprint is new because its
    // base is new.
    runner.git(&["checkout", "--quiet", "main"]);
    runner.edit("rotation.yaml", "log_retention: 90d", "log_retention: 30d");
    runner.generate();
    runner.commit();
    runner.merge();
    assert_eq!(results(&runner.pull_request("synchronize", None)), IS_HELD);
    let moved = runner.written().0;
    assert_ne!(fingerprint(&moved[0]), fingerprint(&comments[0]));
    assert_eq!(moved[0].replace(fingerprint(&moved[0]), fingerprint(&comments[0])), comments[0]);

    // A push that reverts the whole change.
    runner.propose(("# Which access keys", "# Whose keys"), true);
    assert_eq!(results(&runner.pull_request("synchronize", None)), PASSES);
    let (comments, _) = runner.written();
    assert_eq!(comments.len(), 1);
    assert!(comments[0].contains("No difference.") && !comments[0].contains("approval"), "{}", comments[0]);
}

#[test]
fn a_change_that_needs_approval_is_held() {
    let runner = Runner::new();
    runner.edit("rotation.yaml", "  - security@example.com\n", "  - security@example.com\n  - other@example.com\n");
    runner.generate();
    runner.commit();
    let hold = |old, new, reason: &str| {
        runner.open(None);
        runner.propose((old, new), true);
        let jobs = runner.pull_request("synchronize", None);
        let (comments, _) = runner.written();
        assert_eq!(results(&jobs), if reason.is_empty() { PASSES } else { IS_HELD }, "{new:?}: {jobs:#?}");
        assert!(comments[0].contains(reason), "{reason} in {}", comments[0]);
        assert_eq!(comments[0].contains("needs approval"), !reason.is_empty(), "{}", comments[0]);
    };
    hold("  - alice\n", "", "");
    hold("memory: 128", "memory: 256", "");
    hold("  - alice\n", "  - mallory\n", "it allows more than before");
    hold("  - other@example.com\n", "", "it deletes a resource");
    // No setting replaces a resource, but a newer synth might.
    runner.git(&["checkout", "--quiet", "main"]);
    runner.edit("templates/rotation.yaml", "SqsManagedSseEnabled: true", "QueueName: named");
    runner.commit();
    hold("memory: 128", "memory: 256", "it replaces a resource");
}

#[test]
fn a_token_that_may_not_write_leaves_the_text_in_the_summary() {
    let runner = Runner::new();
    runner.propose(("  - alice\n", "  - alice\n  - mallory\n"), true);
    runner.open(Some("Resource not accessible by integration (HTTP 403)"));
    let jobs = runner.pull_request("opened", None);
    assert_eq!(results(&jobs), IS_HELD, "{jobs:#?}");
    assert_eq!(runner.written(), (vec![], json!([])));
    assert!(jobs["comment"].log.contains("::notice::"), "{jobs:#?}");
    assert!(jobs["check"].summary.contains("IAM: broader."), "{jobs:#?}");
    assert_eq!(results(&runner.pull_request("labeled", Some(LABEL))), PASSES, "somebody else may approve it");

    // An outdated comment would be misleading, so this is an error.
    runner.open(Some("Server Error (HTTP 502)"));
    let jobs = runner.pull_request("opened", None);
    assert_eq!(jobs["comment"].result, "failure", "{jobs:#?}");
    assert!(jobs["comment"].log.contains("Server Error (HTTP 502)"), "{jobs:#?}");
}

#[test]
fn an_unchecked_change_cannot_be_approved() {
    let runner = Runner::new();
    runner.open(None);
    let hold = |edit, generates, says: &str| {
        runner.propose(edit, generates);
        let jobs = runner.pull_request("labeled", Some(LABEL));
        assert_eq!(results(&jobs), ["failure", "skipped", "failure"], "{jobs:#?}");
        assert!(jobs["check"].log.contains(says), "{jobs:#?}");
        assert!(jobs["approval"].log.contains("What the change does is unknown"), "{jobs:#?}");
    };
    hold(("  - alice\n", "  - mallory\n"), false, "fix: run: make synth");
    hold(("memory: 128", "memory: lots"), false, "rotation.yaml:");
    runner.git(&["checkout", "--quiet", "main"]);
    runner.edit("templates/rotation.yaml", "\nResources:\n", "\nResource:\n");
    runner.commit();
    hold(("memory: 128", "memory: 256"), true, "templates/rotation.yaml at HEAD^1: not a CloudFormation template");
}

#[test]
fn a_deployment_builds_for_the_declared_architecture_before_it_has_credentials() {
    let runner = Runner::new();
    let event = json!({"ref": "refs/heads/main"});
    let dry = [("MAKEFLAGS", "--dry-run"), ("GITHUB_EVENT_NAME", "push")];
    assert_eq!(runner.run(DEPLOY, &event, &json!({}), &dry)["deploy"].result, "skipped", "it is not set up");

    let role = set_up();
    for (architecture, triple) in [("arm64", "aarch64-unknown-linux-gnu"), ("x86_64", "x86_64-unknown-linux-gnu")] {
        runner.propose(("architecture: arm64", &format!("architecture: {architecture} # so")), true);
        let deploy = &runner.run(DEPLOY, &event, &role, &dry)["deploy"];
        assert_eq!(deploy.result, "success", "{deploy:#?}");
        let mut rest = deploy.log.as_str();
        for next in [
            "uses actions/checkout@",
            &format!("rustup target add {triple}\n"),
            "cargo-lambda lambda build --release --locked",
            "cargo build --locked --workspace --bin synth",
            "uses aws-actions/configure-aws-credentials@",
            "deploy --config \"rotation.yaml\"",
        ] {
            let (_, after) = rest.split_once(next).unwrap_or_else(|| panic!("{next} in {}", deploy.log));
            rest = after;
        }
    }
}

/// The variables of a repository with deployment.
fn set_up() -> Json {
    json!({"AWS_DEPLOY_ROLE": "arn:aws:iam::123456789012:role/deployer", "AWS_REGION": "eu-central-1"})
}

/// A Makefile with a deployment that prints what is approved and ends with the exit code in CODE.
const STAND_IN: &str = "build:\ndeployer:\ndeploy:\n\t@echo 'deploying with approve=$(APPROVE).'\n\t@exit $(CODE)\n";

#[test]
fn a_deployment_may_do_what_the_pull_request_showed_and_no_more() {
    let runner = Runner::new();
    let deploy = |name: &str, inputs: Json, code: &str| -> Job {
        let makefile = runner.checkout().join("Makefile");
        let real = fs::read(&makefile).unwrap();
        fs::write(&makefile, STAND_IN).unwrap();
        let event = json!({"ref": "refs/heads/main", "inputs": inputs});
        let more = [("GITHUB_EVENT_NAME", name), ("CODE", code)];
        let mut jobs = runner.run(DEPLOY, &event, &set_up(), &more);
        fs::write(&makefile, real).unwrap();
        jobs.remove("deploy").unwrap()
    };
    let push = |code| deploy("push", Json::Null, code);
    let by_hand = |approve: &str, code| deploy("workflow_dispatch", json!({"approve": approve}), code);

    runner.open(None);
    runner.propose(("  - alice\n", "  - alice\n  - mallory\n"), true);
    assert_eq!(results(&runner.pull_request("labeled", Some(LABEL))), PASSES);
    let (comments, _) = runner.written();
    let fingerprint = fingerprint(&comments[0]);
    let done = push("0");
    assert_eq!(done.result, "success", "{done:#?}");
    assert!(done.log.contains(&format!("Approved with the pull request: {fingerprint}\n")), "{done:#?}");
    assert!(done.log.contains(&format!("deploying with approve={fingerprint}.")), "{done:#?}");

    // The deployment would deploy another change, or it fails for another reason.
    let held = push("3");
    assert_eq!((held.result, held.code), ("failure", Some(3)), "{held:#?}");
    assert!(held.log.contains("::error::Nothing was deployed") && held.log.contains("] Error 3"), "{held:#?}");
    let failed = push("1");
    assert_eq!((failed.result, failed.code), ("failure", Some(2)), "{failed:#?}");
    assert!(!failed.log.contains("::error::"), "{failed:#?}");

    // A person names the fingerprint.
    let done = by_hand(fingerprint, "0");
    assert!(
        done.result == "success" && done.log.contains(&format!("deploying with approve={fingerprint}.")),
        "{done:#?}"
    );
    let done = by_hand("", "0");
    assert!(done.result == "success" && done.log.contains("deploying with approve=."), "{done:#?}");
    for wrong in
        ["yes", "$(touch pwned)", &fingerprint[1..], &format!("{fingerprint};exit"), &format!("{fingerprint}\ndigest=")]
    {
        let refused = by_hand(wrong, "0");
        assert_eq!((refused.result, refused.code), ("failure", Some(2)), "{wrong}: {refused:#?}");
        assert!(refused.log.contains("::error::No fingerprint") && !refused.log.contains("deploying"), "{refused:#?}");
    }

    // A change that needs no approval, and one that cannot be compared.
    runner.propose(("memory: 128", "memory: 256"), true);
    let done = push("0");
    assert!(done.log.contains("Nothing is approved.") && done.log.contains("approve=."), "{done:#?}");
    runner.git(&["checkout", "--quiet", "main"]);
    runner.git(&["rm", "--quiet", "templates/rotation.yaml"]);
    runner.commit();
    runner.propose(("memory: 128", "memory: 256"), true);
    let done = push("0");
    assert!(done.result == "success" && done.log.contains("::notice::") && done.log.contains("approve=."), "{done:#?}");
}
