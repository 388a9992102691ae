//! The local AWS that the end-to-end tests and the demo run on.
//!
//! An emulator in a virtual environment plays AWS; [`proxy`] stands between the handler and it. The template
//! is deployed through CloudFormation, and the real bootstrap runs under the deployed role's own credentials.

pub mod account;
pub mod local_aws;
pub mod mailbox;
pub mod proxy;
pub mod stack;

pub use account::Account;
pub use local_aws::LocalAws;
pub use mailbox::{Mail, Mailbox};
pub use proxy::{Fault, Proxy};
pub use stack::Stack;

use std::path::{Path, PathBuf};

/// The checkout.
#[must_use]
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// A tool of the checkout's virtual environment.
///
/// # Panics
/// If the environment has not been set up.
#[must_use]
pub fn tool(name: &str) -> PathBuf {
    let path = root().join(".venv/bin").join(name);
    assert!(path.exists(), "{} is missing: run `make setup`", path.display());
    path
}

/// The `synth` that was built with these tests.
///
/// # Panics
/// If it was not: `cargo test --workspace` builds it.
#[must_use]
pub fn synth() -> PathBuf {
    // Tests and binaries of one profile are in one folder: …/debug/deps/test, …/debug/synth.
    let test = std::env::current_exe().expect("the path of this test");
    let path = test.ancestors().nth(2).expect("a folder").join("synth");
    assert!(path.exists(), "{} is missing: run cargo test --workspace", path.display());
    path
}
