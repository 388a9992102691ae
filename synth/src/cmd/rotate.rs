//! `synth run` starts a run for all users outside of the schedule. `synth rotate`, `synth undo` and `synth adopt` start one
//! for some users.

use lambda::model::user::{User, UserName};

use crate::cmd::{
    CommandError,
    config_args::{Words, words},
    manual_run::{self, ManualRun},
    note,
    output::{CommandOutput, OutputFormat},
    target,
};
use crate::deploy::{
    command_document::CommandDocument,
    deletion_summary::StackLocation,
    interrupt::Interrupt,
    invoke::{InvocationMode, RunCommand},
    received_report::ReceivedReport,
    rotation_check::unrotatable,
    run_screen::{RunScreen, next_command, unconfirmed},
};
use crate::screen::prose;

#[derive(Debug, clap::Args)]
pub(super) struct RunArgs {
    /// The names of the users, separated by spaces
    #[arg(long, value_name = "NAMES", value_parser = words::<User>)]
    users: Words<User>,
    #[command(flatten)]
    run: RunOptions,
}

#[derive(Debug, clap::Args)]
struct RunOptions {
    /// Show what would be done, and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    target: target::Target,
    /// The format of the output
    #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
    format: OutputFormat,
}

#[derive(Debug, clap::Args)]
pub(super) struct RotateArgs {
    #[command(flatten)]
    args: RunArgs,
    /// Also give a new key to a user with only inactive keys
    #[arg(long)]
    enable: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct AdoptArgs {
    /// The names of the users, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',', required = true)]
    user: Vec<User>,
    #[command(flatten)]
    run: RunOptions,
}

#[derive(Debug, clap::Args)]
pub(super) struct RoutineArgs {
    #[command(flatten)]
    run: RunOptions,
}

/// Does what is due for all users.
pub(super) fn routine(args: &RoutineArgs) -> Result<(), CommandError> {
    run(&args.run, "run", &RunCommand::Routine)
}

/// Replaces keys now. It first says which users cannot be rotated, and rotates only the others.
pub(super) fn rotate(args: &RotateArgs) -> Result<(), CommandError> {
    let (options, order) = (&args.args.run, if args.enable { RunCommand::Enable } else { RunCommand::Rotate });
    let users = names(&args.args.users.0);
    in_stack(options, "rotate", async |run, document| {
        let preview = run.report(&order(users.clone()), InvocationMode::DryRun).await?;
        let unrotatable = unrotatable(&preview);
        let is_unrotatable =
            |user: &&UserName| !unrotatable.iter().any(|other| user.as_str().eq_ignore_ascii_case(&other.user));
        let rotatable: Vec<_> = users.iter().filter(is_unrotatable).cloned().collect();
        document.not_rotated.clone_from(&unrotatable);
        document.report = Some(preview.clone());
        if options.dry_run {
            show(run, &preview, &order(rotatable.clone()))?;
        }
        for user in &unrotatable {
            note(prose(&format!("warning: {}", user.text)).trim_end());
        }
        if options.dry_run {
            manual_run::verdict(&preview)?;
        } else if !rotatable.is_empty() {
            let report = run.report(&order(rotatable.clone()), InvocationMode::ForReal).await?;
            document.report = Some(report.clone());
            show(run, &report, &order(rotatable))?;
            manual_run::verdict(&report)?;
        }
        if unrotatable.is_empty() {
            return Ok(());
        }
        let would =
            if options.dry_run { "would not be rotated" } else { "not rotated, and nothing of theirs was changed" };
        let names: Vec<_> = unrotatable.iter().map(|user| user.user.as_str()).collect();
        Err(CommandError::failure(format!("{would}: {}; see above", names.join(", "))))
    })
}

/// Reactivates previous keys.
pub(super) fn undo(args: &RunArgs) -> Result<(), CommandError> {
    run(&args.run, "undo", &RunCommand::Undo(names(&args.users.0)))
}

/// Makes the stack the manager of users.
pub(super) fn adopt(args: &AdoptArgs) -> Result<(), CommandError> {
    run(&args.run, "adopt", &RunCommand::Adopt(names(&args.user)))
}

fn names(users: &[User]) -> Vec<UserName> {
    users.iter().map(|user| user.name.clone()).collect()
}

/// One run, and its report.
fn run(options: &RunOptions, verb: &'static str, order: &RunCommand) -> Result<(), CommandError> {
    let mode = if options.dry_run { InvocationMode::DryRun } else { InvocationMode::ForReal };
    in_stack(options, verb, async |run, document| {
        let report = run.report(order, mode).await?;
        document.report = Some(report.clone());
        show(run, &report, order)?;
        manual_run::verdict(&report)
    })
}

/// Holds the conversation of a command with a deployed stack, and ends the command with its document.
fn in_stack(
    options: &RunOptions,
    verb: &'static str,
    conversation: impl AsyncFnOnce(&ManualRun<'_>, &mut CommandDocument) -> Result<(), CommandError>,
) -> Result<(), CommandError> {
    let name = options.target.function_name()?;
    target::block_on(async {
        let (session, interrupt) = (options.target.open().await?, Interrupt::listen());
        let (function, output) = (name.as_str(), CommandOutput(options.format));
        let run = ManualRun { session: &session, interrupt: &interrupt, function, verb, output };
        let mut document = CommandDocument::new(verb, function, StackLocation::from(&session));
        document.dry_run = options.dry_run;
        let result = conversation(&run, &mut document).await;
        output.end(&document, result)
    })
}

/// Shows a report, and the next command.
fn show(run: &ManualRun<'_>, report: &ReceivedReport, order: &RunCommand) -> Result<(), CommandError> {
    let parts = [RunScreen::default().text(report), unconfirmed(report), next_command(report, order)];
    run.output.say(&parts.concat())
}
