use clap_complete::{Shell, generate};

use super::{CommandError, help, print};

#[derive(Debug, clap::Args)]
pub(super) struct CompletionsArgs {
    /// The shell that reads the script
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

pub(super) fn run(args: &CompletionsArgs) -> Result<(), CommandError> {
    let mut script = Vec::new();
    generate(args.shell, &mut help::command(), "synth", &mut script);
    print(&String::from_utf8_lossy(&script))
}
