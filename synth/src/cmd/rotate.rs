//! `synth run` starts a run for all users outside of the schedule. `synth rotate`, `synth undo` and `synth adopt` start one
//! for some users.

use lambda::model::user::{User, UserName};

use crate::cmd::{
    CommandError,
    config_args::{Words, words},
    manual_run::{self, ManualRun},
    print, target,
};
use crate::deploy::{
    interrupt::Interrupt,
    invoke::{InvocationMode, RunCommand},
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

/// Replaces keys now.
pub(super) fn rotate(args: &RotateArgs) -> Result<(), CommandError> {
    let order = if args.enable { RunCommand::Enable } else { RunCommand::Rotate };
    run(&args.args.run, "rotate", &order(names(&args.args.users.0)))
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
        print(&report.text())?;
        if let Some(unconfirmed) = report.unconfirmed_text() {
            print(&unconfirmed)?;
        }
        manual_run::verdict(&report)
    })
}
