//! What the commands about a deployed stack share: the options that name it, and the connection to AWS.

use std::path::PathBuf;

use serde_json::Value as Json;

use crate::cmd::{CommandError, Exit, config_args};
use crate::{
    cfn::json,
    config::StackName,
    deploy::{
        aws::{
            AwsError, AwsLocation, Session,
            cloudformation::{CloudFormation, Stack},
        },
        command_line::make,
        deploy_error::DeployError,
        local_configuration::{ConfigurationComparison, LocalConfiguration},
        stack_status::StackState,
    },
};

/// The options that name a deployed stack.
#[derive(Debug, clap::Args)]
pub(super) struct Target {
    /// The configuration file of the stack
    #[arg(long, value_name = "FILE", default_value = "rotation.yaml")]
    config: PathBuf,
    #[command(flatten)]
    place: AwsLocation,
}

impl Target {
    /// The name of the stack in the configuration.
    pub(super) fn stack_name(&self) -> Result<StackName, CommandError> {
        config_args::stack_name(&self.config)
    }

    /// The name of the function that rotates keys, in the account of the session. In an organization, that account is a member.
    pub(super) fn function_name(&self) -> Result<String, CommandError> {
        config_args::function_name(&self.config)
    }

    /// The configuration on this computer, compared with the template of the deployed stack.
    pub(super) fn compare(&self, deployed: &Result<Json, AwsError>) -> LocalConfiguration {
        let comparison = match config_args::template_to_compare(&self.config) {
            Ok(template) => ConfigurationComparison::of(&json::to_json(&template), deployed),
            Err(error) => ConfigurationComparison::Unknown(error.to_string()),
        };
        LocalConfiguration { file: self.config.display().to_string(), comparison }
    }

    /// Opens a session in the account and Region of the stack.
    pub(super) async fn open(&self) -> Result<Session, AwsError> {
        Session::open(&self.place).await
    }
}

impl From<AwsError> for CommandError {
    fn from(problem: AwsError) -> Self {
        Self::new(Exit::of(problem.is_about_input()), problem.to_string())
    }
}

impl From<DeployError> for CommandError {
    fn from(failure: DeployError) -> Self {
        match failure {
            DeployError::Interrupted => Self::interrupted("The stack was not changed."),
            DeployError::Left { stack } => Self::interrupted(&format!(
                "What was begun in the stack {stack} continues at AWS; run the same command again to follow it."
            )),
            failure => Self::new(Exit::of(failure.is_about_input()), failure.to_string()),
        }
    }
}

/// The stack with this name. `None` if there is none, or only the empty stack that a change set creates.
pub(super) async fn stack(session: &Session, name: &str) -> Result<Option<Stack>, AwsError> {
    let stack = CloudFormation::new(session).stack(name).await?;
    Ok(stack.filter(|stack| StackState::of(Some(&stack.status)) != StackState::Absent))
}

/// The error for a stack that is not in the session's account and Region.
pub(super) fn stack_not_found(name: &str, session: &Session) -> CommandError {
    CommandError::bad_input(format!(
        "there is no stack {name} in {session}.\nName its Region and profile (--region, --profile; make: REGION=, \
         PROFILE=), or deploy it: {}",
        make("deploy")
    ))
}

/// Runs the asynchronous part of a command to its end.
pub(super) fn block_on<T>(conversation: impl Future<Output = Result<T, CommandError>>) -> Result<T, CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|e| CommandError::failure(format!("cannot start: {e}")))?.block_on(conversation)
}
