//! Runs `synth` as a user does.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::Value as Json;
use tempfile::TempDir;

use super::step_error::{StepError, ensure};
use crate::deployer;

/// `synth`, with the configuration and the package of a run.
pub(super) struct SynthCommand {
    folder: TempDir,
    package: PathBuf,
    architecture: String,
    /// The Region and the profile.
    place: Vec<String>,
}

/// What a command printed, and whether it succeeded.
pub(super) struct Finished {
    pub(super) code: Option<i32>,
    out: String,
    error: String,
}

impl Finished {
    /// The end of the output, in one line.
    fn end(&self) -> String {
        let lines: Vec<_> = self.out.lines().chain(self.error.lines()).filter(|line| !line.trim().is_empty()).collect();
        lines[lines.len().saturating_sub(4)..].join(" / ")
    }
}

impl SynthCommand {
    pub(super) fn new(package: &Path, architecture: &str, place: Vec<String>) -> Result<Self, StepError> {
        let folder = tempfile::tempdir().map_err(|e| StepError::Command(format!("a temporary folder: {e}")))?;
        Ok(Self { folder, package: package.to_owned(), architecture: architecture.to_owned(), place })
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("rotation.yaml")
    }

    /// Writes the configuration that the commands read.
    pub(super) fn configure(&self, document: &str) -> Result<(), StepError> {
        let file = self.config();
        std::fs::write(&file, document).map_err(|e| StepError::Command(format!("{}: {e}", file.display())))
    }

    /// Runs a subcommand to its end, with any result.
    pub(super) async fn run(&self, arguments: &[&str]) -> Result<Finished, StepError> {
        let mut command = tokio::process::Command::new(deployer::program());
        command.args(arguments).arg("--config").arg(self.config()).args(&self.place);
        let output = command.env_remove("MAKELEVEL").stdin(Stdio::null()).output().await;
        let output = output.map_err(|e| StepError::Command(format!("synth cannot be started: {e}")))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Finished { code: output.status.code(), out: text(&output.stdout), error: text(&output.stderr) })
    }

    /// Runs a subcommand that must succeed.
    pub(super) async fn succeed(&self, arguments: &[&str]) -> Result<(), StepError> {
        let finished = self.run(arguments).await?;
        ensure!(finished.code == Some(0), "synth {} ended with {:?}: {}", arguments[0], finished.code, finished.end());
        Ok(())
    }

    /// Deploys, and approves the change, as the person who started the run has agreed to. Returns the last object of the
    /// output, which has the result.
    pub(super) async fn deploy(&self) -> Result<Json, StepError> {
        let package = self.package.display().to_string();
        let deploy = ["deploy", "--format=json", "--architecture", &self.architecture, "--package", &package];
        let first = self.run(&deploy).await?;
        if first.code != Some(3) {
            return result(&first);
        }
        let asked = last(&first);
        let fingerprints = asked["fingerprints"].as_array().into_iter().flatten().filter_map(Json::as_str);
        let approvals: Vec<_> = fingerprints.map(|fingerprint| format!("--approve={fingerprint}")).collect();
        let approved: Vec<_> = deploy.into_iter().chain(approvals.iter().map(String::as_str)).collect();
        result(&self.run(&approved).await?)
    }
}

/// The last object of the output. A line that is not JSON counts as null.
fn last(finished: &Finished) -> Json {
    finished.out.lines().last().and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default()
}

fn result(finished: &Finished) -> Result<Json, StepError> {
    let last = last(finished);
    let why = last["message"].as_str().map_or_else(|| finished.end(), str::to_owned);
    ensure!(finished.code == Some(0), "synth deploy ended with {:?}: {why}", finished.code);
    Ok(last)
}
