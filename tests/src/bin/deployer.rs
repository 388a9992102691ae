//! `synth` with the feature `deploy`, in the folder where the end-to-end tests and the demo find it.

use std::process::ExitCode;

use synth::cmd::{self, Cli};

fn main() -> ExitCode {
    cmd::run(Cli::of_process())
}
