//! A run that a person starts: it invokes the function of a deployed stack and waits for the report.

use crate::cmd::{CommandError, note, output::CommandOutput, target};
use crate::deploy::{
    aws::Session,
    command_line::make,
    interrupt::Interrupt,
    invoke::{self, InvocationError, InvocationMode, RunCommand},
    received_report::ReceivedReport,
};
use crate::screen::prose;

/// Where the runs of a command take place, and where its texts go.
pub(super) struct ManualRun<'a> {
    pub(super) session: &'a Session,
    pub(super) interrupt: &'a Interrupt,
    /// The name of the function, which is that of the stack.
    pub(super) function: &'a str,
    /// The word of the command, for messages: what to do again.
    pub(super) verb: &'static str,
    pub(super) output: CommandOutput,
}

impl ManualRun<'_> {
    /// Invokes the function. The outer error is that of a command that Ctrl-C ended.
    pub(super) async fn try_report(
        &self,
        order: &RunCommand,
        mode: InvocationMode,
    ) -> Result<Result<ReceivedReport, InvocationError>, CommandError> {
        let Self { session, interrupt, function, .. } = self;
        let purpose = match mode {
            InvocationMode::ForReal => "",
            InvocationMode::DryRun => " for a dry run",
        };
        let says = format!("Invoking {function} in {session}{purpose}. Waiting for its report, 15 minutes at most.");
        note(prose(&says).trim_end());
        tokio::select! {
            report = invoke::invoke(session, function, order, mode) => Ok(report),
            _ = interrupt.pressed() => Err(match mode {
                InvocationMode::DryRun => CommandError::interrupted("Nothing was changed."),
                InvocationMode::ForReal => CommandError::interrupted(&format!(
                    "The run continues in AWS. To see how it ends: {}",
                    make("status")
                )),
            }),
        }
    }

    /// Invokes the function. Without a report, the command ends.
    pub(super) async fn report(
        &self,
        order: &RunCommand,
        mode: InvocationMode,
    ) -> Result<ReceivedReport, CommandError> {
        self.try_report(order, mode).await?.map_err(|no_report| self.error(no_report))
    }

    fn error(&self, no_report: InvocationError) -> CommandError {
        match no_report {
            InvocationError::NoFunction(_) => target::stack_not_found(self.function, self.session),
            lost if lost.may_be_running() => CommandError::failure(format!(
                "{lost}\nThe run may have started anyway, and may continue in AWS. See how it ends before you {} again: {}",
                self.verb,
                make("status")
            )),
            InvocationError::Refused(why) => CommandError::bad_input(why),
            other => CommandError::failure(other.to_string()),
        }
    }
}

/// The result of a command whose report was printed.
pub(super) fn verdict(report: &ReceivedReport) -> Result<(), CommandError> {
    if report.is_fine() {
        return Ok(());
    }
    let run = if report.is_dry_run() { "a run would not succeed" } else { "the run did not succeed" };
    Err(CommandError::failure(format!("{run} for every user: see above")))
}
