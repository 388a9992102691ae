//! Helpers that these tests share.
#![allow(dead_code)] // Each test file uses its own part.

pub(crate) mod keys;
pub(crate) mod random;

use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio},
};

use serde_json::Value as Json;

/// The root folder of the checkout.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The content of a file in the checkout.
pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The path of a program that `make setup` installs.
pub(crate) fn tool(name: &str) -> PathBuf {
    let path = root().join(".venv/bin").join(name);
    assert!(path.exists(), "{} is missing: run make setup", path.display());
    path
}

/// Runs synth in a folder.
pub(crate) fn synth(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_synth")).current_dir(folder).args(arguments).output().unwrap()
}

/// A data file of the cfn-lint package, which contains AWS's resource schemas and IAM's actions.
pub(crate) fn cfn_lint(file: &str) -> Json {
    package_data("cfnlint", &format!("data/{file}"))
}

/// A JSON file of a package that `make setup` installs.
pub(crate) fn package_data(package: &str, file: &str) -> Json {
    let packages = root().join(".venv/lib");
    let python = std::fs::read_dir(&packages).unwrap_or_else(|e| panic!("{}: {e}: run make setup", packages.display()));
    let folder = python
        .filter_map(|folder| Some(folder.ok()?.path().join("site-packages").join(package)))
        .find(|folder| folder.is_dir())
        .unwrap_or_else(|| panic!("{package} is missing: run make setup"));
    serde_json::from_slice(&std::fs::read(folder.join(file)).unwrap()).unwrap()
}

/// AWS's schema of a resource type in one Region. The list of the Region names the file of each type.
pub(crate) fn schema(name: &str) -> Option<Json> {
    let file = cfn_lint("schemas/providers/us-east-1.json")[name].as_str()?.to_owned();
    Some(cfn_lint(&format!("schemas/resources/{file}.json")))
}

/// Compares with a golden file; `UPDATE_EXPECT=1` writes it.
pub(crate) fn golden(path: &str, actual: &str) {
    expect_test::expect_file![root().join(path)].assert_eq(actual);
}

/// The number of cases of a property test: `few` by default, `proved` with `PROVE=1`, or the value of the variable
/// `CASES`.
pub(crate) fn cases(few: u32, proved: u32) -> u32 {
    match std::env::var("CASES") {
        Ok(number) => number.parse().expect("CASES is a number"),
        Err(_) if std::env::var("PROVE").is_ok_and(|prove| prove == "1") => proved,
        Err(_) => few,
    }
}

/// A Python script that answers each line with a line. It keeps running, because a start takes as long as a thousand
/// answers.
pub(crate) struct Python {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Python {
    pub(crate) fn start(script: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new(tool("python"))
            .arg(root().join("synth/tests/python").join(script))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (questions, answers) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, questions, answers: BufReader::new(answers) }
    }

    pub(crate) fn ask(&mut self, text: &str) -> Json {
        writeln!(self.questions, "{}", Json::from(text)).unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap_or_else(|e| panic!("{e}: {answer:?}"))
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
