//! `synth status`: shows the state of a deployed stack.

use clap::ValueEnum;
use lambda::model::time::Timestamp;

use crate::cmd::{CommandError, print, target};
use crate::deploy::status_report;

#[derive(Debug, clap::Args)]
pub(super) struct StatusArgs {
    #[command(flatten)]
    target: target::Target,
    /// The format of the output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For a terminal
    Text,
    /// For a program
    Json,
}

pub(super) fn run(args: &StatusArgs) -> Result<(), CommandError> {
    let name = args.target.stack_name()?;
    let name = name.as_str();
    target::block_on(async {
        let session = args.target.open().await?;
        let stack = target::stack(&session, name).await?.ok_or_else(|| target::stack_not_found(name, &session))?;
        let state = status_report::gather(&session, name, stack, Timestamp::now()).await;
        print(&match args.format {
            Format::Text => state.text(),
            Format::Json => format!("{:#}\n", state.json()),
        })?;
        if state.is_fine() {
            return Ok(());
        }
        Err(CommandError::failure("error: the stack has problems: see above".into()))
    })
}
