//! `synth status`: shows the state of a deployed stack.

use lambda::model::time::Timestamp;

use crate::cmd::{CommandError, print, target, terminal::OutputFormat};
use crate::deploy::status_report;

#[derive(Debug, clap::Args)]
pub(super) struct StatusArgs {
    #[command(flatten)]
    target: target::Target,
    /// The format of the output
    #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
    format: OutputFormat,
}

pub(super) fn run(args: &StatusArgs) -> Result<(), CommandError> {
    let name = args.target.stack_name()?;
    let name = name.as_str();
    target::block_on(async {
        let session = args.target.open().await?;
        let stack = target::stack(&session, name).await?.ok_or_else(|| target::stack_not_found(name, &session))?;
        let state = status_report::gather(&session, name, stack, Timestamp::now()).await;
        print(&match args.format {
            OutputFormat::Text => state.text(),
            OutputFormat::Json => format!("{:#}\n", state.json()),
        })?;
        if state.is_fine() {
            return Ok(());
        }
        Err(CommandError::failure("error: the stack has problems: see above".into()))
    })
}
