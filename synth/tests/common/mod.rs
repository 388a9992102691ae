//! What these tests share.

#![allow(dead_code, missing_docs)] // Each test file uses some of it.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

/// The checkout.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A file of the checkout.
pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Runs synth in a folder.
pub(crate) fn synth(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_synth")).current_dir(folder).args(arguments).output().unwrap()
}

/// Runs a Python script of the checkout on `input`; what it prints.
pub(crate) fn python(script: &str, input: &str) -> String {
    let python = root().join(".venv/bin/python");
    assert!(python.exists(), "{} is missing: run make setup", python.display());
    let mut process =
        Command::new(python).arg(root().join(script)).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    process.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success(), "{script} failed");
    String::from_utf8(output.stdout).unwrap()
}

/// Compares with a golden file; `BLESS=1` writes it anew.
pub(crate) fn golden(path: &str, actual: &str) {
    let file = root().join(path);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&file, actual).unwrap();
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(actual, expected, "{path}; if that is what people should read: BLESS=1 cargo test --package synth");
}
