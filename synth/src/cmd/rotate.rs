//! `synth rotate` and `synth undo`: start a run for some users, outside of the schedule.

use lambda::model::user::{User, UserName};

use crate::cmd::{
    CommandError,
    config_args::{Words, words},
    print, target,
};
use crate::deploy::{
    interrupt::Interrupt,
    invoke::{self, InvocationError, InvocationMode, RunCommand},
};

#[derive(Debug, clap::Args)]
pub(super) struct RunArgs {
    /// The names of the users, separated by spaces
    #[arg(long, value_name = "NAMES", value_parser = words::<User>)]
    users: Words<User>,
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

/// Replaces keys now.
pub(super) fn rotate(args: &RotateArgs) -> Result<(), CommandError> {
    run(&args.args, "rotate", if args.enable { RunCommand::Enable } else { RunCommand::Rotate })
}

/// Reactivates previous keys.
pub(super) fn undo(args: &RunArgs) -> Result<(), CommandError> {
    run(args, "undo", RunCommand::Undo)
}

fn run(args: &RunArgs, what: &str, order: impl FnOnce(Vec<UserName>) -> RunCommand) -> Result<(), CommandError> {
    let name = args.target.stack_name()?;
    // The function has the stack's name.
    let function = name.as_str();
    let order = order(args.users.0.iter().map(|user| user.name.clone()).collect());
    let mode = if args.dry_run { InvocationMode::DryRun } else { InvocationMode::ForReal };
    target::block_on(async {
        let session = args.target.open().await?;
        let interrupt = Interrupt::listen();
        eprintln!("Invoking {function} in {session}, and waiting for its report (15 minutes at most)");
        let report = tokio::select! {
            report = invoke::invoke(&session, function, &order, mode) => report,
            _ = interrupt.pressed() => return Err(CommandError::interrupted(
                "Interrupted. The run continues in AWS. To see how it ends: make status, or the log of the function".into(),
            )),
        };
        let report = report.map_err(|no_report| match no_report {
            InvocationError::NoFunction(_) => target::stack_not_found(function, &session),
            lost if lost.may_be_running() => CommandError::failure(format!(
                "error: {lost}\nThe run may have started anyway, and may continue in AWS. See how it ends before you {what} again: \
                 make status, or the log of the function"
            )),
            other => CommandError::failure(format!("error: {other}")),
        })?;
        print(&report.text())?;
        if report.is_fine() {
            return Ok(());
        }
        Err(CommandError::failure("error: the run did not succeed for every user: see above".into()))
    })
}
