//! `synth destroy`: deletes a deployed stack.

use crate::cmd::{
    CommandError, print, target,
    terminal::{OutputFormat, Terminal, ask, can_ask},
};
use crate::{
    cfn::read,
    deploy::{
        aws::cloudformation::CloudFormation,
        deletion_summary::{Artifacts, StackLocation, deletion_summary},
        deploy_error::DeployError,
        interrupt::Interrupt,
        progress::Progress,
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
        print(&deletion_summary(
            name,
            &resources,
            &template,
            packages(&cloudformation).await,
            &StackLocation::from(&session),
        ))?;
        if !args.yes {
            if !can_ask() {
                let message = "error: cannot ask for confirmation: not a terminal; pass --yes (make destroy YES=1)";
                return Err(CommandError::bad_input(message.into()));
            }
            if !ask(&interrupt, "Delete it?").await.map_err(DeployError::from)? {
                return Err(CommandError::failure("Nothing was deleted".into()));
            }
        }
        let progress = Progress::of(resources.into_iter().map(|resource| resource.id));
        stacks.delete(name, &stack, progress).await.map_err(why)?;
        print(&format!("The stack {name} is deleted\n"))
    })
}

/// Whether the stack of the artifact bucket is here. Without permission to see it, that is unknown.
async fn packages(cloudformation: &CloudFormation) -> Artifacts {
    match cloudformation.stack(artifacts::STACK_NAME).await {
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
                 Fix the cause, then delete the rest: make destroy"
            ))
        }
        other => other.into(),
    }
}
