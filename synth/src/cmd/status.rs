//! `synth status`: shows the state of a deployed stack.

use lambda::model::time::Timestamp;

use crate::{
    cmd::{CommandError, output::OutputFormat, print, takes_colour, target},
    deploy::{
        status_report::{self, ReportedUsers},
        status_screen::{coloured, text},
    },
    screen::Verbosity,
};

#[derive(Debug, clap::Args)]
pub(super) struct StatusArgs {
    #[command(flatten)]
    target: target::Target,
    /// Show every user and every subscription, also if the lists are long
    #[arg(long)]
    all: bool,
    /// Also show the outputs of the stack
    #[arg(long)]
    verbose: bool,
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
        let users = if args.all { ReportedUsers::Everyone } else { ReportedUsers::Due };
        let mut state = Box::pin(status_report::gather(&session, name, stack, users, Timestamp::now())).await;
        state.configuration = Some(args.target.compare(&state.template));
        let detail = if args.verbose { Verbosity::Full } else { Verbosity::Brief };
        print(&match args.format {
            OutputFormat::Text if takes_colour() => coloured(&text(&state, users, detail)),
            OutputFormat::Text => text(&state, users, detail),
            OutputFormat::Json => format!("{:#}\n", state.json()),
        })?;
        if state.is_fine() {
            return Ok(());
        }
        Err(CommandError::failure("the stack has problems: see above".into()))
    })
}
