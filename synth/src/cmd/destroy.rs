//! `synth destroy`: deletes a deployed stack.

use crate::cmd::{
    CommandError,
    manual_run::ManualRun,
    note,
    output::{CommandOutput, OutputFormat},
    target,
    terminal::{Confirmation, Terminal},
};
use crate::{
    cfn::read,
    deploy::{
        active_pairs::active_pairs,
        administrator,
        aws::cloudformation::CloudFormation,
        command_document::CommandDocument,
        command_line::make,
        deletion_summary::{Artifacts, Deletion, StackLocation, UserNotes, members_summary},
        deploy_error::DeployError,
        interrupt::Interrupt,
        invoke::{InvocationMode, RunCommand},
        organization_rollout,
        progress::Progress,
        release_summary::{UnreleasedUsers, users_with_notes},
        stack_recipients,
        stacks::Stacks,
    },
    screen::{counted, prose, wrapped},
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
    /// The format of the output
    #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
    format: OutputFormat,
}

pub(super) fn run(args: &DestroyArgs) -> Result<(), CommandError> {
    let name = args.target.stack_name()?;
    let name = name.as_str();
    target::block_on(async {
        let (session, interrupt) = (args.target.open().await?, Interrupt::listen());
        let output = CommandOutput(args.format);
        let run =
            ManualRun { session: &session, interrupt: &interrupt, function: name, verb: "delete the stack", output };
        let mut document = CommandDocument::new("destroy", name, StackLocation::from(&session));
        let result = Conversation { args, run, document: &mut document }.hold().await;
        output.end(&document, result)
    })
}

/// What is said, asked and done about the deletion of one stack.
struct Conversation<'a> {
    args: &'a DestroyArgs,
    run: ManualRun<'a>,
    document: &'a mut CommandDocument,
}

impl Conversation<'_> {
    async fn hold(&mut self) -> Result<(), CommandError> {
        let ManualRun { session, interrupt, function: name, output, .. } = self.run;
        let mut console = Terminal::beside(output);
        let mut stacks = Stacks::new(CloudFormation::new(session), interrupt.clone(), &mut console);
        // If a deletion is already running, the command follows it to its end.
        let Some(stack) = stacks.settled(name).await? else {
            self.document.is_deleted = Some(true);
            return output.say(&prose(&format!("There is no stack {name} in {session}: nothing to delete.")));
        };
        self.document.is_deleted = Some(false);
        let cloudformation = CloudFormation::new(session);
        let resources = cloudformation.resources(&stack.id).await?;
        self.document.resources.clone_from(&resources);
        let template = read::read(&cloudformation.template(&stack.id).await?).unwrap_or_default();
        let administrator = administrator::of_template(&template);
        let sets = match administrator {
            Some(administrator) => organization_rollout::stack_sets(session, &stack, administrator).await?,
            None => Vec::new(),
        };
        if administrator.is_some() && self.args.release {
            return Err(CommandError::bad_input(RELEASE_OF_MEMBERS.to_owned()));
        }
        let mut management_member = None;
        if let Some(administrator) = administrator {
            let mut members = 0;
            for set in &sets {
                members += set.members().await?.len();
            }
            management_member = organization_rollout::management_member(session, name, administrator).await?;
            output.say(&members_summary(members, management_member.as_ref().map(|(name, _)| name.as_str())))?;
        }
        let notes = if self.args.release { UserNotes::Removed } else { UserNotes::Stay };
        let has_function = resources.iter().any(|resource| resource.kind == "AWS::Lambda::Function");
        // Which users keep two active keys is shown before the question. Without a report, the question says so. The
        // administering account of an organization has no user to show.
        let report = if has_function && administrator.is_none() {
            Some(self.run.try_report(&RunCommand::Release, InvocationMode::DryRun).await?)
        } else {
            None
        };
        self.document.report = report.as_ref().and_then(|report| report.as_ref().ok()).cloned();
        let deletion = Deletion {
            stack: name,
            place: StackLocation::from(session),
            resources: &resources,
            topics: &stack_recipients::of_topics(session, &stack, &template).await,
            template: &template,
            artifacts: packages(&cloudformation, name).await,
            notes,
            pairs: report.as_ref().map(|report| report.as_ref().map(active_pairs).map_err(ToString::to_string)),
        };
        output.say(&deletion.text())?;
        if !self.args.yes {
            confirm("Delete it?", notes, interrupt).await?;
        }
        if self.args.release {
            self.remove_notes().await?;
        }
        if !sets.is_empty() {
            let deleted = organization_rollout::delete_members(sets, interrupt, &mut stacks).await?;
            output.say(&format!("The stacks of {} are deleted.\n", counted(deleted, "account")))?;
        }
        if let Some((name, stack)) = management_member {
            stacks.delete(&name, &stack, Progress::default()).await.map_err(why)?;
            output.say(&format!("The stack {name} is deleted.\n"))?;
        }
        let progress = Progress::of(resources.into_iter().map(|resource| resource.id));
        stacks.delete(name, &stack, progress).await.map_err(why)?;
        self.document.is_deleted = Some(true);
        output.say(&format!("The stack {name} is deleted. No run rotates keys from now on.\n"))
    }

    /// Removes the notes about the users. If some remain, a person decides whether the stack is deleted anyway.
    async fn remove_notes(&mut self) -> Result<(), CommandError> {
        let remaining = match self.run.try_report(&RunCommand::Release, InvocationMode::ForReal).await? {
            Ok(report) => {
                let remaining = users_with_notes(&report);
                self.document.report = Some(report);
                remaining
            }
            Err(no_report) => vec![UnreleasedUsers { user: None, cause: no_report.to_string() }],
        };
        if remaining.is_empty() {
            return self.run.output.say("The notes about the users are removed.\n");
        }
        note("The notes about some users were not removed:");
        for users in &remaining {
            note(wrapped("! ", &users.to_string()).trim_end());
        }
        self.document.notes_left = remaining;
        if self.args.yes {
            return Err(CommandError::failure(
                "the stack was not deleted. Remove the cause and run the same command again; or delete the stack anyway, \
                 without --release (make: without RELEASE=1)"
                    .into(),
            ));
        }
        confirm("Delete the stack anyway?", UserNotes::Removed, self.run.interrupt).await
    }
}

/// The error for `--release` in an organization.
const RELEASE_OF_MEMBERS: &str = "--release: the administering account has no role in the accounts of the organization, so it \
                                  cannot remove the notes there. Leave it out (make: without RELEASE=1). Another stack can take \
                                  over these users later with make adopt";

/// Asks. The proposed command treats the notes about users in the same way.
async fn confirm(question: &str, notes: UserNotes, interrupt: &Interrupt) -> Result<(), CommandError> {
    let make = make(match notes {
        UserNotes::Removed => "destroy RELEASE=1 YES=1",
        UserNotes::Stay => "destroy YES=1",
    });
    Confirmation { question, make: &make, declined: "Nothing was deleted." }.ask(interrupt).await
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
                "the deletion ended in {status}. The root cause: {cause}\nFix the cause. Then delete the rest: {}",
                make("destroy")
            ))
        }
        other => other.into(),
    }
}
