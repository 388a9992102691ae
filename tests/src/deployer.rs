//! Runs `synth deploy` and similar commands as processes.

use std::{
    path::PathBuf,
    process::{Command, Output},
};

use serde_json::Value as Json;

use crate::{LocalAws, root, text, tool, words};

/// The path of `synth` with the feature `deploy`. Cargo puts it next to the demo and above the tests.
///
/// # Panics
/// If the program has not been built.
#[must_use]
pub fn program() -> PathBuf {
    let own = std::env::current_exe().expect("this program has a path");
    let found = own.ancestors().skip(1).take(2).map(|folder| folder.join("deployer")).find(|path| path.is_file());
    found.expect("target/debug/deployer: cargo build --package tests --bin deployer")
}

/// A command that runs the program in the checkout with these arguments, against the local AWS.
#[must_use]
pub fn command(aws: &LocalAws, arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.current_dir(root()).args(arguments).envs(aws.environment_of_synth());
    for variable in ["AWS_PROFILE", "AWS_SESSION_TOKEN", "MAKELEVEL"] {
        command.env_remove(variable);
    }
    command
}

/// Runs the program at its own terminal. `answer` is typed when the program asks.
///
/// # Panics
/// If the program cannot be started.
#[must_use]
pub fn at_a_terminal(aws: &LocalAws, answer: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(tool("python"));
    command.arg(root().join("tests/local-aws/terminal.py")).arg(answer).arg(program()).args(arguments);
    command
        .current_dir(root())
        .env_remove("AWS_PROFILE")
        .env_remove("AWS_SESSION_TOKEN")
        .envs(aws.environment_of_synth());
    command.output().expect("python starts")
}

/// The output of a run with `--format json`, and its exit code.
#[derive(Debug)]
pub struct Run {
    /// The exit code of the process.
    pub code: Option<i32>,
    /// The printed JSON objects, one for each line.
    pub events: Vec<Json>,
    /// The whole output, with one space between two words.
    pub text: String,
}

impl Run {
    /// Reads the output of a process.
    ///
    /// # Panics
    /// If a line is not JSON.
    #[must_use]
    pub fn of(output: &Output) -> Self {
        let out = String::from_utf8_lossy(&output.stdout);
        let read = |line: &str| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        Self { code: output.status.code(), events: out.lines().map(read).collect(), text: words(&text(output)) }
    }

    /// The last object, which is the result.
    ///
    /// # Panics
    /// If the last object is not the result.
    #[must_use]
    pub fn result(&self) -> &Json {
        let last = self.events.last().unwrap_or_else(|| panic!("nothing was said: {}", self.text));
        assert_eq!(last["event"], "result", "{}", self.text);
        last
    }

    /// The objects with this `event`.
    pub fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Json> {
        self.events.iter().filter(move |event| event["event"] == kind)
    }

    /// The arguments that approve the change, with the fingerprints from the result.
    #[must_use]
    pub fn approvals(&self) -> Vec<String> {
        let fingerprints = self.result()["fingerprints"].as_array().cloned().unwrap_or_default();
        fingerprints.iter().filter_map(Json::as_str).map(|fingerprint| format!("--approve={fingerprint}")).collect()
    }
}

/// Runs `synth deploy` with these arguments. If it needs an approval, runs it again with the approval.
///
/// # Panics
/// If the program cannot be started.
#[must_use]
pub fn deploy(aws: &LocalAws, arguments: &[&str]) -> Run {
    let arguments: Vec<&str> = ["deploy", "--format=json"].iter().chain(arguments).copied().collect();
    let run = |arguments: &[&str]| Run::of(&command(aws, arguments).output().expect("the deployer starts"));
    let first = run(&arguments);
    if first.code != Some(3) {
        return first;
    }
    let approvals = first.approvals();
    run(&arguments.into_iter().chain(approvals.iter().map(String::as_str)).collect::<Vec<_>>())
}
