//! `synth show`: prints one setting of a configuration, for scripts.

use clap::ValueEnum;

use crate::cmd::{CommandError, config_args::ConfigArgs};

#[derive(Debug, clap::Args)]
pub(super) struct ShowArgs {
    /// The setting to print
    setting: Setting,
    #[command(flatten)]
    source: ConfigArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Setting {
    /// The name of the stack
    StackName,
    /// The processor architecture of the function
    Architecture,
}

pub(super) fn run(args: &ShowArgs) -> Result<(), CommandError> {
    let config = args.source.read()?;
    match args.setting {
        Setting::StackName => println!("{}", config.stack_name.as_str()),
        Setting::Architecture => println!("{}", config.architecture.as_str()),
    }
    Ok(())
}
