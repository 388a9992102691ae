//! `synth rotate` and `synth undo`: what the schedule does not do by itself.

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
pub(super) struct Args {
    /// Whose keys: names, separated by spaces
    #[arg(long, value_name = "NAMES", value_parser = words::<User>)]
    users: Words<User>,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    target: target::Target,
}

/// Replaces keys now.
pub(super) fn rotate(args: &Args) -> Result<(), CommandError> {
    run(args, "rotate", RunCommand::Rotate)
}

/// Reactivates previous keys.
pub(super) fn undo(args: &Args) -> Result<(), CommandError> {
    run(args, "undo", RunCommand::Undo)
}

fn run(args: &Args, what: &str, order: impl FnOnce(Vec<UserName>) -> RunCommand) -> Result<(), CommandError> {
    let name = args.target.stack_name()?;
    // The function has the stack's name.
    let function = name.as_str();
    let order = order(args.users.0.iter().map(|user| user.name.clone()).collect());
    let mode = if args.dry_run { InvocationMode::DryRun } else { InvocationMode::ForReal };
    target::block_on(async {
        let session = args.target.open().await?;
        let interrupt = Interrupt::listen();
        eprintln!("Asking {function} in {session}, and waiting for its answer (15 minutes at most)");
        let report = tokio::select! {
            report = invoke::invoke(&session, function, &order, mode) => report,
            _ = interrupt.pressed() => return Err(CommandError::interrupted(
                "Interrupted: the run goes on in AWS. See how it ends: make status, or the function's log".into(),
            )),
        };
        let report = report.map_err(|no_report| match no_report {
            InvocationError::NoFunction(_) => target::not_here(function, &session),
            lost if lost.may_be_running() => CommandError::failure(format!(
                "error: {lost}\nThe run may have begun all the same, and go on in AWS. See how it ends before you {what} \
                 again: make status, or the function's log"
            )),
            other => CommandError::failure(format!("error: {other}")),
        })?;
        print(&report.text())?;
        if report.is_fine() {
            return Ok(());
        }
        Err(CommandError::failure("error: not all is well: see above".into()))
    })
}
