//! `synth status`: shows the state of a deployed stack.

use lambda::model::time::Timestamp;
use serde_json::Value as Json;

use crate::{
    cmd::{CommandError, output::OutputFormat, print, takes_colour, target},
    deploy::{
        administrator, organization_reader, organization_screen, stack_recipients,
        status_report::{self, ReportedUsers},
        status_screen::{self, coloured},
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
        let detail = if args.verbose { Verbosity::Full } else { Verbosity::Brief };
        let template = stack_recipients::template(&session, &stack).await;
        if let Some(administrator) = template.as_ref().ok().and_then(administrator::of_template) {
            let template = template?;
            let now = Timestamp::now();
            let gathered = organization_reader::gather(&session, name, stack, &template, administrator, now);
            let mut status = Box::pin(gathered).await;
            status.configuration = Some(args.target.compare(&Ok(template)));
            return show(
                args.format,
                &organization_screen::text(&status, users, detail),
                &status.json(),
                status.is_fine(),
            );
        }
        let mut state = Box::pin(status_report::gather(&session, name, stack, users, Timestamp::now())).await;
        state.configuration = Some(args.target.compare(&state.template));
        show(args.format, &status_screen::text(&state, users, detail), &state.json(), state.is_fine())
    })
}

/// Prints the state in the chosen format. The exit code says whether it is fine.
fn show(format: OutputFormat, text: &str, json: &Json, is_fine: bool) -> Result<(), CommandError> {
    print(&match format {
        OutputFormat::Text if takes_colour() => coloured(text),
        OutputFormat::Text => text.to_owned(),
        OutputFormat::Json => format!("{json:#}\n"),
    })?;
    if is_fine {
        return Ok(());
    }
    Err(CommandError::failure("the stack has problems: see above".into()))
}
