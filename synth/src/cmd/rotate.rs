//! `synth run` starts a run for all users outside of the schedule. `synth rotate`, `synth undo` and `synth adopt` start one
//! for some users.

use lambda::model::user::{User, UserName};

use crate::cmd::{
    CommandError,
    config_args::{Words, words},
    manual_run::{self, ManualRun},
    note, print, target,
};
use crate::deploy::{
    interrupt::Interrupt,
    invoke::{InvocationMode, RunCommand},
    received_report::ReceivedReport,
    rotation_check::unrotatable,
};

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
    let name = options.target.stack_name()?;
    target::block_on(async {
        let session = options.target.open().await?;
        let interrupt = Interrupt::listen();
        let run = ManualRun { session: &session, interrupt: &interrupt, function: name.as_str(), verb: "rotate" };
        let preview = run.report(&order(users.clone()), InvocationMode::DryRun).await?;
        let unrotatable = unrotatable(&preview);
        if options.dry_run {
            show(&preview)?;
        }
        for user in &unrotatable {
            note(&format!("warning: {}", user.text));
        }
        let is_unrotatable =
            |user: &&UserName| !unrotatable.iter().any(|other| user.as_str().eq_ignore_ascii_case(&other.user));
        let rotatable: Vec<_> = users.iter().filter(is_unrotatable).cloned().collect();
        let rotated = if options.dry_run {
            manual_run::verdict(&preview)
        } else if rotatable.is_empty() {
            Ok(())
        } else {
            let report = run.report(&order(rotatable), InvocationMode::ForReal).await?;
            show(&report)?;
            manual_run::verdict(&report)
        };
        rotated?;
        if unrotatable.is_empty() {
            return Ok(());
        }
        let would =
            if options.dry_run { "would not be rotated" } else { "not rotated, and nothing of theirs was changed" };
        let names: Vec<_> = unrotatable.iter().map(|user| user.user.as_str()).collect();
        Err(CommandError::failure(format!("error: {would}: {}; see above", names.join(", "))))
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

fn run(options: &RunOptions, verb: &'static str, order: &RunCommand) -> Result<(), CommandError> {
    let name = options.target.stack_name()?;
    let mode = if options.dry_run { InvocationMode::DryRun } else { InvocationMode::ForReal };
    target::block_on(async {
        let session = options.target.open().await?;
        let interrupt = Interrupt::listen();
        let run = ManualRun { session: &session, interrupt: &interrupt, function: name.as_str(), verb };
        let report = run.report(order, mode).await?;
        show(&report)?;
        manual_run::verdict(&report)
    })
}

fn show(report: &ReceivedReport) -> Result<(), CommandError> {
    print(&report.text())?;
    if report.is_dry_run() {
        print("This was a dry run: nothing was changed\n")?;
    }
    report.unconfirmed_text().map_or(Ok(()), |unconfirmed| print(&unconfirmed))
}
