//! `synth`, the command. Everything it does is in the library.

use std::process::ExitCode;

use synth::cmd::{self, Cli};

fn main() -> ExitCode {
    cmd::run(Cli::of_process())
}
