//! What commands that talk to AWS share.

use std::path::PathBuf;

use crate::cmd::{Exit, Stop, config_args};
use crate::{
    config::StackName,
    deploy::{
        aws::{
            Place, Problem, Session,
            cloudformation::{CloudFormation, Stack},
        },
        failure::Failure,
        stack_status::Standing,
    },
};

/// Which stack, and where it is.
#[derive(Debug, clap::Args)]
pub(super) struct Target {
    /// The configuration that the stack was deployed with
    #[arg(long, value_name = "FILE", default_value = "rotation.yaml")]
    config: PathBuf,
    #[command(flatten)]
    place: Place,
}

impl Target {
    /// The stack's name.
    pub(super) fn stack_name(&self) -> Result<StackName, Stop> {
        config_args::stack_name(&self.config)
    }

    /// Signs in there.
    pub(super) async fn open(&self) -> Result<Session, Problem> {
        Session::open(&self.place).await
    }
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::failure(format!("error: {problem}"))
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Interrupted | Failure::Left { .. } => Self::interrupted(failure.to_string()),
            failure => Self::failure(format!("error: {failure}")),
        }
    }
}

impl Stop {
    /// Somebody pressed Ctrl-C.
    pub(super) fn interrupted(message: String) -> Self {
        Self { exit: Exit::Interrupted, message }
    }
}

/// The stack of this name, if there is one: not the empty shell that a change set makes.
pub(super) async fn stack(session: &Session, name: &str) -> Result<Option<Stack>, Problem> {
    let stack = CloudFormation::new(session).stack(name).await?;
    Ok(stack.filter(|stack| Standing::of(Some(&stack.status)) != Standing::Absent))
}

/// The stack is not where it was looked for.
pub(super) fn not_here(name: &str, session: &Session) -> Stop {
    Stop::failure(format!(
        "error: there is no stack {name} in {session}: deploy it (make deploy), or say where it is (--region, --profile; \
         make: REGION=, PROFILE=)"
    ))
}

/// Runs a command's conversation with AWS to its end.
pub(super) fn block_on<T>(conversation: impl Future<Output = Result<T, Stop>>) -> Result<T, Stop> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|e| Stop::failure(format!("error: cannot start: {e}")))?.block_on(conversation)
}
