//! The local AWS for the end-to-end tests and the demo.
//!
//! An emulator in a virtual environment replaces AWS, and [`proxy`] is between the handler and the emulator. The
//! template is deployed through CloudFormation. The real bootstrap runs with the credentials of the deployed role.

pub mod acceptance;
pub mod account;
pub mod age_keys;
pub mod alarms;
mod aws_cli;
pub mod deployer;
pub mod local_aws;
pub mod mailbox;
pub mod proxy;
mod recording;
pub mod runtime_api;
pub mod stack;
pub mod stack_set_server;
pub mod web_server;

pub use account::Account;
pub use age_keys::{KeyPair, OtherAge};
pub use local_aws::LocalAws;
pub use mailbox::{Mail, Mailbox};
pub use proxy::{Fault, Proxy};
pub use stack::Stack;
pub use stack_set_server::StackSetServer;
pub use web_server::WebServer;

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// The root folder of the checkout.
#[must_use]
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// The path of a tool in the virtual environment of the checkout.
///
/// # Panics
/// If the environment has not been set up.
#[must_use]
pub fn tool(name: &str) -> PathBuf {
    let path = root().join(".venv/bin").join(name);
    assert!(path.exists(), "{} is missing: run `make setup`", path.display());
    path
}

/// Runs a make target of the checkout against the local AWS.
///
/// # Panics
/// If make cannot be started.
#[must_use]
pub fn make(aws: &LocalAws, arguments: &[&str]) -> Output {
    Command::new("make")
        .current_dir(root())
        .args(arguments)
        .arg(format!("PACKAGE={}", stack::package().display()))
        .arg(format!("ARCH={}", stack::host_architecture_name()))
        .arg(format!("SYNTH_DEPLOY={}", deployer::program().display()))
        .env_remove("MAKEFLAGS")
        .env_remove("AWS_PROFILE")
        .env_remove("AWS_SESSION_TOKEN")
        .envs(aws.environment_of_synth())
        .output()
        .expect("make starts")
}

/// The text with one space between two words, so that it does not matter where the lines of a screen end.
#[must_use]
pub fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Everything that a command printed.
#[must_use]
pub fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
