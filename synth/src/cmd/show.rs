//! `synth show`: one setting of a configuration, for scripts.

use clap::ValueEnum;

use crate::cmd::{CommandError, config_args::Source};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which
    setting: Setting,
    #[command(flatten)]
    source: Source,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Setting {
    /// The stack's name
    StackName,
    /// The processor that the function runs on
    Architecture,
}

pub(super) fn run(args: &Args) -> Result<(), CommandError> {
    let config = args.source.read()?;
    match args.setting {
        Setting::StackName => println!("{}", config.stack_name.as_str()),
        Setting::Architecture => println!("{}", config.architecture.as_str()),
    }
    Ok(())
}
