//! A replacement for GitHub's runner, as far as these workflows need one.

use std::{
    cell::Cell,
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::{Map, Value as Json, json};

use super::expression::{evaluated, holds};
use crate::common::{root, tool};

pub(super) fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

/// The steps of a workflow, in all of its jobs.
pub(super) fn steps(workflow: &Json) -> impl Iterator<Item = &Json> {
    workflow["jobs"].as_object().unwrap().values().flat_map(|job| job["steps"].as_array().unwrap())
}

/// The result of a job.
#[derive(Debug, Default, Clone)]
pub(super) struct Job {
    /// The result in GitHub's words: success, failure or skipped. "waiting" if no reviewer of its environment agreed.
    pub(super) result: &'static str,
    pub(super) outputs: Map<String, Json>,
    /// The exit code of the step that failed.
    pub(super) code: Option<i32>,
    pub(super) summary: String,
    pub(super) log: String,
}

/// An event that starts a workflow.
#[derive(Clone)]
pub(super) struct Event {
    pub(super) name: &'static str,
    /// The commit of the run.
    pub(super) sha: String,
    pub(super) payload: Json,
}

/// A repository at GitHub and a runner with a workspace for each job. Stand-ins replace the programs that would build or
/// use the network. Actions that move files are done here.
pub(super) struct Runner {
    folder: tempfile::TempDir,
    /// Whether a reviewer of the environment "approval" agrees.
    pub(super) agrees: Cell<bool>,
}

/// Replaces cargo. It builds nothing: it puts the test's synth where the build would. A checkout with the file
/// synth/says-yes has a synth that finds nothing in any change.
const CARGO: &str = r#"
if [ -n "${CREDENTIALS:-}" ]; then echo "cargo runs beside credentials: $*" >&2; exit 99; fi
mkdir -p target/debug
if [ -e synth/says-yes ]; then ln -sf "$STUBS/synth-yes" target/debug/synth; else ln -sf "$REAL_SYNTH" target/debug/synth; fi
case "$*" in
  "build --quiet --locked --package synth") ;;
  "run --quiet --locked --package synth -- package "*) ;;
  "run --quiet --locked --package synth -- "*) shift 6; exec target/debug/synth "$@" ;;
  "build --quiet --release --locked --package synth --features deploy")
    mkdir -p target/release; echo "synth for a release" >target/release/synth ;;
  "build --locked --workspace --bin synth") rm target/debug/synth; cp "$STUBS/synth-aws" target/debug/synth ;;
  *) echo "cargo is asked for $*" >&2; exit 98 ;;
esac"#;

/// Replaces cargo-lambda.
const CARGO_LAMBDA: &str = r#"
if [ -n "${CREDENTIALS:-}" ]; then echo "cargo-lambda runs beside credentials" >&2; exit 99; fi
while [ $# -gt 0 ]; do
  if [ "$1" = --lambda-dir ]; then mkdir -p "$2/lambda"; echo "the handler in $2" >"$2/lambda/bootstrap.zip"; fi
  shift
done"#;

/// A synth that finds nothing.
const SYNTH_YES: &str = r#"
case "$*" in
  diff*) echo "No difference."; echo '{"approval": null}' >"${*: -1}" ;;
  show*) exec "$REAL_SYNTH" "$@" ;;
esac"#;

/// Replaces synth with AWS. It deploys into the folder STACKS, which keeps the template of each configuration.
const SYNTH_AWS: &str = r#"
if [ "$1" = show ]; then exec "$REAL_SYNTH" "$@"; fi
if [ "$1" != deploy ] || [ -z "${AWS_ACCESS_KEY_ID:-}" ]; then echo "no deployment: $*" >&2; exit 97; fi
approved=
while [ $# -gt 0 ]; do
  case $1 in --config) config=$2 ;; --package) package=$2 ;; --approve) approved+=" $2" ;; esac
  shift
done
if [ -n "${FAILS:-}" ]; then echo "AWS refused" >&2; exit 1; fi
new=$(mktemp)
"$REAL_SYNTH" template --config "$config" >"$new"
[ -e "$STACKS/$config" ] || echo '{"Resources": {}}' >"$STACKS/$config"
fingerprint=$("$REAL_SYNTH" diff "$STACKS/$config" "$new" --format fingerprint)
if [ -n "$fingerprint" ] && [[ " $approved " != *" $fingerprint "* ]]; then echo "needs $fingerprint"; exit 3; fi
mv "$new" "$STACKS/$config"
echo "$config from $package: $(<"$package"), approved: ${fingerprint:-nothing}" >>"$STACKS/log""#;

impl Runner {
    /// A repository with copies of this project's files, where everything is generated, committed and deployed. Its code
    /// owners are bob, erin, who may only read, and a team.
    pub(super) fn new() -> Self {
        let runner = Self { folder: tempfile::tempdir().unwrap(), agrees: Cell::new(false) };
        let origin = runner.origin();
        for file in [".github", ".gitignore", "Cargo.toml", "Makefile", "README.md", "examples", "rotation.yaml"]
            .into_iter()
            .chain(["tests/local-aws/requirements.txt", "tests/progress.py"])
        {
            copy(&root().join(file), &origin.join(file));
        }
        fs::write(origin.join(".github/CODEOWNERS"), "* @bob @erin @owner/security # And nobody else.\n").unwrap();
        fs::create_dir(runner.stubs()).unwrap();
        fs::create_dir(runner.stacks()).unwrap();
        let gh = format!("exec python3 '{}' \"$@\"", root().join("synth/tests/python/gh.py").display());
        for (name, script) in [
            ("cargo", CARGO),
            ("cargo-lambda", CARGO_LAMBDA),
            ("gh", &gh),
            ("rustc", "if [ \"$*\" = -vV ]; then echo \"rustc 1.2.3\"; else echo \"$STUBS\"; fi"),
            ("rustup", "echo \"rustup $*\""),
            ("synth-aws", SYNTH_AWS),
            ("synth-yes", SYNTH_YES),
        ] {
            let path = runner.stubs().join(name);
            fs::write(&path, format!("#!/usr/bin/env bash\n{script}\n")).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        // A version manager's python3 is a script that starts dozens of processes, and each job starts Python many times.
        let python = fs::canonicalize(tool("python3")).unwrap();
        std::os::unix::fs::symlink(python, runner.stubs().join("python3")).unwrap();
        runner.generate();
        runner.git(&["init", "--quiet", "--initial-branch", "main"]);
        runner.git(&["config", "uploadpack.allowAnySHA1InWant", "true"]);
        runner.commit();
        fs::copy(origin.join("templates/rotation.yaml"), runner.stacks().join("rotation.yaml")).unwrap();
        runner.open(None);
        runner
    }

    fn stubs(&self) -> PathBuf {
        self.folder.path().join("stubs")
    }

    fn stacks(&self) -> PathBuf {
        self.folder.path().join("stacks")
    }

    /// The template of a configuration's stack, as it is deployed.
    pub(super) fn stack(&self, config: &str) -> PathBuf {
        self.stacks().join(config)
    }

    /// A working copy of the repository. Its branches are those at GitHub.
    pub(super) fn origin(&self) -> PathBuf {
        self.folder.path().join("origin")
    }

    /// A process without the environment of the test process.
    fn process(&self, folder: &Path, program: &str) -> Command {
        let path = std::env::var("PATH").unwrap();
        let mut process = Command::new(program);
        process.current_dir(folder).env_clear().env("GIT_CONFIG_GLOBAL", "/dev/null");
        // The repositories are deleted soon, so git need not tidy them.
        process.envs([
            ("GIT_CONFIG_COUNT", "1"),
            ("GIT_CONFIG_KEY_0", "maintenance.auto"),
            ("GIT_CONFIG_VALUE_0", "false"),
        ]);
        process.env("PATH", format!("{}:{path}", self.stubs().display())).env("HOME", self.folder.path());
        process.env("STUBS", self.stubs()).env("STACKS", self.stacks()).env("REAL_SYNTH", env!("CARGO_BIN_EXE_synth"));
        process
    }

    pub(super) fn generate(&self) {
        let output = self.process(&self.origin(), env!("CARGO_BIN_EXE_synth")).arg("generate").output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
    }

    fn git_in(&self, folder: &Path, arguments: &[&str]) -> String {
        let who = ["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"];
        let output = self.process(folder, "git").args(who).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", text(&output));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub(super) fn git(&self, arguments: &[&str]) -> String {
        self.git_in(&self.origin(), arguments)
    }

    /// Commits everything on the present branch.
    pub(super) fn commit(&self) -> String {
        self.git(&["add", "."]);
        self.git(&["commit", "--quiet", "--message", "change"]);
        self.main("HEAD")
    }

    /// The commit that a name stands for.
    pub(super) fn main(&self, name: &str) -> String {
        self.git(&["rev-parse", name])
    }

    pub(super) fn edit(&self, file: &str, old: &str, new: &str) {
        let path = self.origin().join(file);
        let content = fs::read_to_string(&path).unwrap();
        assert!(content.contains(old), "{old:?} in {content}");
        fs::write(path, content.replacen(old, new, 1)).unwrap();
    }

    pub(super) fn write(&self, file: &str, content: &str) {
        let path = self.origin().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Makes a change of rotation.yaml on a new branch "change". Returns its head commit.
    pub(super) fn propose(&self, (old, new): (&str, &str)) -> String {
        self.git(&["checkout", "--quiet", "-B", "change", "main"]);
        self.edit("rotation.yaml", old, new);
        self.generate();
        self.commit()
    }

    /// Merges the branch "change" into main as one commit, or by the given strategy. Returns the new commit.
    pub(super) fn merge(&self, how: &str) -> String {
        self.git(&["checkout", "--quiet", "main"]);
        self.git(&["merge", "--quiet", how, "change"]);
        if how == "--squash" {
            self.git(&["commit", "--quiet", "--message", "change (#7)"]);
        }
        self.main("main")
    }

    fn github(&self) -> PathBuf {
        self.folder.path().join("github.json")
    }

    fn state(&self) -> Json {
        serde_json::from_slice(&fs::read(self.github()).unwrap()).unwrap()
    }

    /// Opens the pull request with comments of other authors. `answer` is the error that GitHub gives when something is
    /// written.
    pub(super) fn open(&self, answer: Option<&str>) {
        let comments = [
            json!({"id": 1, "user": {"login": "alice"}, "body": "Why?"}),
            json!({"id": 2, "user": {"login": "alice"}, "body": "<!-- synth diff -->\nNot by the workflow."}),
            json!({"id": 3, "user": null, "body": "<!-- synth diff -->\nBy somebody who is gone."}),
            json!({"id": 4, "user": {"login": "github-actions[bot]"}, "body": "By another workflow."}),
        ];
        let github = json!({
            "origin": self.origin(), "comments": comments, "calls": [], "answer": answer, "answers": {},
        });
        fs::write(self.github(), github.to_string()).unwrap();
        for (login, permission) in [("alice", "write"), ("bob", "write"), ("carol", "write"), ("erin", "read")] {
            self.answers(&format!("collaborators/{login}/permission"), json!({"permission": permission}));
        }
    }

    /// Sets what GitHub answers at an address of the repository.
    pub(super) fn answers(&self, address: &str, answer: Json) {
        let mut github = self.state();
        github["answers"][format!("repos/owner/name/{address}")] = answer;
        fs::write(self.github(), github.to_string()).unwrap();
    }

    /// Adds a comment by another workflow.
    pub(super) fn comment(&self, body: &str) {
        let mut github = self.state();
        let comment = json!({"id": 5, "user": {"login": "github-actions[bot]"}, "body": body});
        github["comments"].as_array_mut().unwrap().push(comment);
        fs::write(self.github(), github.to_string()).unwrap();
    }

    /// Sets what GitHub answers at an address of an organization.
    pub(super) fn organization_answers(&self, address: &str, answer: Json) {
        let mut github = self.state();
        github["answers"][format!("orgs/{address}")] = answer;
        fs::write(self.github(), github.to_string()).unwrap();
    }

    /// Sets the reviews of the pull request: the reviewer, the decision and the commit of each.
    pub(super) fn reviews(&self, reviews: &[(&str, &str, &str)]) {
        let review = |&(login, state, commit): &(&str, &str, &str)| json!({"user": {"login": login}, "state": state, "commit_id": commit});
        self.answers("pulls/7/reviews", reviews.iter().map(review).collect());
    }

    /// The comments that the workflow wrote, and the calls that changed something.
    pub(super) fn written(&self) -> (Vec<String>, Json) {
        let github = self.state();
        let comments = &github["comments"].as_array().unwrap()[4..];
        let bodies = comments.iter().map(|comment| comment["body"].as_str().unwrap().to_owned());
        (bodies.collect(), github["calls"].clone())
    }

    /// The files that jobs handed over, and the folder of each artifact.
    pub(super) fn artifacts(&self) -> PathBuf {
        self.folder.path().join("artifacts")
    }

    /// The lines about the deployments since the last call.
    pub(super) fn deployed(&self) -> Vec<String> {
        let log = self.stacks().join("log");
        let lines = fs::read_to_string(&log).unwrap_or_default().lines().map(str::to_owned).collect();
        let _ = fs::remove_file(log);
        lines
    }

    /// Runs the jobs of a workflow in their order. The file is that of the run's commit.
    pub(super) fn run(&self, file: &str, event: &Event, vars: &Json, more: &[(&str, &str)]) -> BTreeMap<String, Job> {
        self.run_again(file, event, vars, more, BTreeMap::new())
    }

    /// Runs the jobs of a workflow again, except those that are kept from an earlier run.
    pub(super) fn run_again(
        &self,
        file: &str,
        event: &Event,
        vars: &Json,
        more: &[(&str, &str)],
        kept: BTreeMap<String, Job>,
    ) -> BTreeMap<String, Job> {
        let workflow = self.git(&["show", &format!("{}:{file}", event.sha)]);
        let workflow: Json = serde_yaml::from_str(&workflow).unwrap();
        assert!(workflow["on"].get(event.name).is_some(), "{file} runs on {}", event.name);
        assert_eq!(workflow["defaults"]["run"]["shell"], "bash");
        let mut jobs = kept;
        let mut ancestors: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, job) in workflow["jobs"].as_object().unwrap() {
            let needs: Vec<String> = match &job["needs"] {
                Json::Null => Vec::new(),
                Json::String(need) => vec![need.clone()],
                list => serde_json::from_value(list.clone()).unwrap(),
            };
            let mut all = needs.clone();
            all.extend(needs.iter().flat_map(|need| ancestors[need].clone()));
            let needed =
                |need: &String| (need.clone(), json!({"result": jobs[need].result, "outputs": jobs[need].outputs}));
            let mut context = json!({
                "github": {
                    "event": event.payload, "event_name": event.name, "sha": event.sha, "token": "a-token",
                    "repository": "owner/name",
                },
                "vars": vars, "needs": needs.iter().map(needed).collect::<Map<_, _>>(), "steps": {},
            });
            context["env"] = evaluated(&workflow["env"], &context).into();
            // Without such a function, GitHub adds success(), which counts every ancestor.
            let succeeded = all.iter().all(|need| jobs[need].result == "success");
            let runs = job["if"].as_str().map_or(succeeded, |condition| {
                (succeeded || condition.contains("always()") || condition.contains("cancelled()"))
                    && holds(condition, &context)
            });
            let done = if let Some(kept) = jobs.remove(name) {
                kept
            } else if !runs {
                Job { result: "skipped", ..Job::default() }
            } else if job["environment"] == "approval" && !self.agrees.get() {
                Job { result: "waiting", ..Job::default() }
            } else {
                self.job(job, context, more)
            };
            jobs.insert(name.clone(), done);
            ancestors.insert(name.clone(), all);
        }
        jobs
    }

    fn job(&self, job: &Json, mut context: Json, more: &[(&str, &str)]) -> Job {
        let mut done = Job { result: "success", ..Job::default() };
        let file = |name: &str| self.folder.path().join(name);
        let workspace = file("workspace");
        let _ = fs::remove_dir_all(&workspace);
        fs::create_dir(&workspace).unwrap();
        fs::write(file("summary"), "").unwrap();
        let may = job["permissions"].as_object().unwrap();
        let mut credentials =
            if may.keys().any(|name| name != "contents") { vec![("CREDENTIALS", "1")] } else { vec![] };
        for step in job["steps"].as_array().unwrap() {
            let Some(script) = step["run"].as_str() else {
                let action = step["uses"].as_str().unwrap();
                done.log += &format!("uses {action}\n");
                let with = evaluated(&step["with"], &context);
                let with = |name: &str| with.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
                match action.split('@').next().unwrap() {
                    "actions/checkout" => {
                        let given = with("ref");
                        let sha = context["github"]["sha"].as_str().unwrap();
                        let commit = if given.is_empty() { sha } else { &given };
                        self.check_out(&workspace.join(with("path")), commit, &with("fetch-depth"));
                    }
                    "actions/upload-artifact" => {
                        let artifact = file("artifacts").join(with("name"));
                        let _ = fs::remove_dir_all(&artifact);
                        copy(&workspace.join(with("path")), &artifact);
                    }
                    "actions/download-artifact" => {
                        // Without a name, all of them, in one folder.
                        let names = fs::read_dir(file("artifacts")).unwrap().map(|entry| entry.unwrap().file_name());
                        let wanted = names.filter(|name| [name.to_str().unwrap(), ""].contains(&&*with("name")));
                        assert!(!with("name").is_empty() || with("merge-multiple") == "true");
                        wanted.for_each(|name| copy(&file("artifacts").join(name), &workspace.join(with("path"))));
                        // An artifact forgets that a program can be run.
                        for entry in fs::read_dir(workspace.join(with("path"))).unwrap() {
                            fs::set_permissions(entry.unwrap().path(), fs::Permissions::from_mode(0o644)).unwrap();
                        }
                    }
                    "aws-actions/configure-aws-credentials" => {
                        assert_eq!(may["id-token"], "write");
                        assert_ne!(with("role-to-assume"), "");
                        credentials.push(("AWS_ACCESS_KEY_ID", "an-id"));
                    }
                    "actions/attest-build-provenance" => {
                        assert_eq!((&may["id-token"], &may["attestations"]), (&json!("write"), &json!("write")));
                        done.log += &format!("a proof for {}\n", with("subject-path"));
                    }
                    other => panic!("{other} is not known here"),
                }
                continue;
            };
            fs::write(file("output"), "").unwrap();
            fs::write(file("script"), script).unwrap();
            let mut process = self.process(&workspace, "bash");
            process.args(["--noprofile", "--norc", "-eo", "pipefail"]).arg(file("script"));
            process.env("GITHUB_OUTPUT", file("output")).env("GITHUB_STEP_SUMMARY", file("summary"));
            process.env("GITHUB_REPOSITORY", "owner/name").env("GITHUB", self.github());
            process.env("GITHUB_ACTOR", "alice").env("GITHUB_REF_NAME", "main").env("GITHUB_RUN_ATTEMPT", "1");
            process.env("GITHUB_EVENT_NAME", context["github"]["event_name"].as_str().unwrap());
            process.envs(more.iter().copied()).envs(credentials.iter().copied());
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

    /// Does what actions/checkout does: gets one commit, or all of them with the depth 0.
    fn check_out(&self, folder: &Path, commit: &str, depth: &str) {
        fs::create_dir_all(folder).unwrap();
        let git = |arguments: &[&str]| self.git_in(folder, arguments);
        git(&["init", "--quiet"]);
        let origin = format!("file://{}", self.origin().display());
        if depth == "0" {
            git(&["fetch", "--quiet", &origin, "+refs/heads/*:refs/remotes/origin/*"]);
            git(&["fetch", "--quiet", &origin, commit]);
        } else {
            let depth = if depth.is_empty() { "1" } else { depth };
            git(&["fetch", "--quiet", "--depth", depth, &origin, commit]);
        }
        git(&["checkout", "--quiet", "--detach", commit]);
        // As if `make setup` had run.
        fs::create_dir_all(folder.join(".venv")).unwrap();
        fs::write(folder.join(".venv/ready"), "").unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let name = entry.unwrap().file_name();
            if name != "__pycache__" {
                copy(&from.join(&name), &to.join(&name));
            }
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
