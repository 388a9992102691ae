//! What commands that talk to AWS share.

use std::path::PathBuf;

use crate::cmd::{CommandError, Exit, config_args};
use crate::{
    config::StackName,
    deploy::{
        aws::{
            AwsError, AwsLocation, Session,
            cloudformation::{CloudFormation, Stack},
        },
        deploy_error::DeployError,
        stack_status::StackState,
    },
};

/// Which stack, and where it is.
#[derive(Debug, clap::Args)]
pub(super) struct Target {
    /// The configuration that the stack was deployed with
    #[arg(long, value_name = "FILE", default_value = "rotation.yaml")]
    config: PathBuf,
    #[command(flatten)]
    place: AwsLocation,
}

impl Target {
    /// The stack's name.
    pub(super) fn stack_name(&self) -> Result<StackName, CommandError> {
        config_args::stack_name(&self.config)
    }

    /// Signs in there.
    pub(super) async fn open(&self) -> Result<Session, AwsError> {
        Session::open(&self.place).await
    }
}

impl From<AwsError> for CommandError {
    fn from(problem: AwsError) -> Self {
        Self::failure(format!("error: {problem}"))
    }
}

impl From<DeployError> for CommandError {
    fn from(failure: DeployError) -> Self {
        match failure {
            DeployError::Interrupted | DeployError::Left { .. } => Self::interrupted(failure.to_string()),
            failure => Self::failure(format!("error: {failure}")),
        }
    }
}

impl CommandError {
    /// Somebody pressed Ctrl-C.
    pub(super) fn interrupted(message: String) -> Self {
        Self { exit: Exit::Interrupted, message }
    }
}

/// The stack of this name, if there is one: not the empty shell that a change set makes.
pub(super) async fn stack(session: &Session, name: &str) -> Result<Option<Stack>, AwsError> {
    let stack = CloudFormation::new(session).stack(name).await?;
    Ok(stack.filter(|stack| StackState::of(Some(&stack.status)) != StackState::Absent))
}

/// The stack is not where it was looked for.
pub(super) fn not_here(name: &str, session: &Session) -> CommandError {
    CommandError::failure(format!(
        "error: there is no stack {name} in {session}: deploy it (make deploy), or say where it is (--region, --profile; \
         make: REGION=, PROFILE=)"
    ))
}

/// Runs a command's conversation with AWS to its end.
pub(super) fn block_on<T>(conversation: impl Future<Output = Result<T, CommandError>>) -> Result<T, CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|e| CommandError::failure(format!("error: cannot start: {e}")))?.block_on(conversation)
}
