//! `synth`, the command. Everything it does is in the library.

use std::process::ExitCode;

use clap::Parser;
use synth::cmd::{self, Cli};

fn main() -> ExitCode {
    cmd::run(Cli::parse())
}
