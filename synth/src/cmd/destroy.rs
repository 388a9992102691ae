//! `synth destroy`: deletes a deployed stack.

use crate::cmd::{
    CommandError,
    manual_run::ManualRun,
    note, print, target,
    terminal::{Confirmation, OutputFormat, Terminal},
};
use crate::{
    cfn::read,
    deploy::{
        aws::cloudformation::CloudFormation,
        command_line::make,
        deletion_summary::{Artifacts, StackLocation, UserNotes, deletion_summary},
        deploy_error::DeployError,
        interrupt::Interrupt,
        invoke::{InvocationMode, RunCommand},
        progress::Progress,
        release_summary::{users_with_notes, users_with_two_keys},
        stack_recipients,
        stacks::Stacks,
    },
    stack::artifacts,
};

#[derive(Debug, clap::Args)]
pub(super) struct DestroyArgs {
    #[command(flatten)]
    target: target::Target,
    /// Delete without asking for confirmation
    #[arg(long)]
    yes: bool,
    /// First remove the notes about the users from their tags, so that another stack can manage them
    #[arg(long)]
    release: bool,
}

pub(super) fn run(args: &DestroyArgs) -> Result<(), CommandError> {
    let name = args.target.stack_name()?;
    let name = name.as_str();
    target::block_on(async {
        let session = args.target.open().await?;
        let interrupt = Interrupt::listen();
        let mut console = Terminal::new(OutputFormat::Text);
        let mut stacks = Stacks::new(CloudFormation::new(&session), interrupt.clone(), &mut console);
        // If a deletion is already running, the command follows it to its end.
        let Some(stack) = stacks.settled(name).await? else {
            return print(&format!("There is no stack {name} in {session}: nothing to delete\n"));
        };
        let cloudformation = CloudFormation::new(&session);
        let resources = cloudformation.resources(&stack.id).await?;
        let template = read::read(&cloudformation.template(&stack.id).await?).unwrap_or_default();
        let notes = if args.release { UserNotes::Removed } else { UserNotes::Stay };
        print(&deletion_summary(
            name,
            &resources,
            &stack_recipients::of_topics(&session, &stack, &template).await,
            &template,
            packages(&cloudformation, name).await,
            notes,
            &StackLocation::from(&session),
        ))?;
        let release = UserRelease {
            run: ManualRun { session: &session, interrupt: &interrupt, function: name, verb: "delete the stack" },
            yes: args.yes,
        };
        if resources.iter().any(|resource| resource.kind == "AWS::Lambda::Function") {
            release.preview().await?;
        }
        if !args.yes {
            confirm("Delete it?", notes, &interrupt).await?;
        }
        if args.release {
            release.carry_out().await?;
        }
        let progress = Progress::of(resources.into_iter().map(|resource| resource.id));
        stacks.delete(name, &stack, progress).await.map_err(why)?;
        print(&format!("The stack {name} is deleted. No run rotates keys from now on\n"))
    })
}

/// Asks. The proposed command treats the notes about users in the same way.
async fn confirm(question: &str, notes: UserNotes, interrupt: &Interrupt) -> Result<(), CommandError> {
    let make = make(match notes {
        UserNotes::Removed => "destroy RELEASE=1 YES=1",
        UserNotes::Stay => "destroy YES=1",
    });
    Confirmation { question, make: &make, declined: "Nothing was deleted" }.ask(interrupt).await
}

/// The users of the stack, before it is deleted: which keep two active keys, and the removal of the notes about them.
struct UserRelease<'a> {
    run: ManualRun<'a>,
    yes: bool,
}

impl UserRelease<'_> {
    /// Shows which users keep two active keys. A failure here is shown, and the question about the deletion follows.
    async fn preview(&self) -> Result<(), CommandError> {
        match self.run.try_report(&RunCommand::Release, InvocationMode::DryRun).await? {
            Ok(report) => print(&users_with_two_keys(&report)),
            Err(no_report) => {
                note(&format!("warning: it is not known which users have two active keys: {no_report}"));
                Ok(())
            }
        }
    }

    /// Removes the notes. If some remain, a person decides whether the stack is deleted anyway.
    async fn carry_out(&self) -> Result<(), CommandError> {
        let remaining = match self.run.try_report(&RunCommand::Release, InvocationMode::ForReal).await? {
            Ok(report) => users_with_notes(&report),
            Err(no_report) => vec![format!("all users: {no_report}")],
        };
        if remaining.is_empty() {
            return print("The notes about the users are removed\n");
        }
        note("The notes about some users were not removed:");
        for line in &remaining {
            note(&format!("  {line}"));
        }
        if self.yes {
            return Err(CommandError::failure(
                "error: the stack was not deleted. Remove the cause and run the same command again; or delete the stack anyway, \
                 without --release (make: without RELEASE=1)"
                    .into(),
            ));
        }
        confirm("Delete the stack anyway?", UserNotes::Removed, self.run.interrupt).await
    }
}

/// Whether the artifact stack is here. Without permission to see it, that is unknown.
async fn packages(cloudformation: &CloudFormation, name: &str) -> Artifacts {
    match cloudformation.stack(&artifacts::stack_name(name)).await {
        Ok(Some(_)) => Artifacts::Here,
        _ => Artifacts::Unknown,
    }
}

/// The error for a deletion that failed, with its root cause.
fn why(failure: DeployError) -> CommandError {
    match failure {
        DeployError::Failed { status, cause, .. } => {
            let cause = cause.map_or_else(|| "AWS does not show it".to_owned(), |cause| cause.to_string());
            CommandError::failure(format!(
                "error: the deletion ended in {status}. The root cause: {cause}\n\
                 Fix the cause, then delete the rest: {}",
                make("destroy")
            ))
        }
        other => other.into(),
    }
}
