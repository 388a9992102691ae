//! The reasons why a deployment did not succeed.

use crate::deploy::{
    administrator::MayNotAdministerError,
    aws::AwsError,
    command_line::make,
    interrupt::Interrupted,
    organization_progress::{OrganizationOutcome, Rollout},
    root_cause::{self, RootCause},
    stack_status::{Remedy, StackState, StackStatus},
};
use crate::{
    cfn::read::TemplateReadError,
    diff::{MovedAccounts, approval::Approval},
    package::Sha256Digest,
};

/// The reason why a deployment did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeployError {
    /// A call to AWS failed.
    #[error("{problem}{advice}", problem = .0, advice = advised(.0))]
    Problem(#[from] AwsError),
    /// The stack is in a state that a person must repair first.
    #[error("the stack {stack} is in {status}: {}", remedy.for_stack(stack))]
    Stuck {
        /// The name of the stack.
        stack: String,
        /// The status of the stack.
        status: StackStatus,
        /// What the person must do.
        remedy: Remedy,
    },
    /// The deployed template cannot be read, so it cannot be compared.
    #[error(
        "the deployed template of the stack {stack} cannot be read: {problem}; if the stack belongs to something else, \
         choose another stack_name"
    )]
    Unreadable {
        /// The name of the stack.
        stack: String,
        /// What is wrong with the template.
        #[source]
        problem: TemplateReadError,
    },
    /// CloudFormation refused the change set, so nothing was started.
    #[error("CloudFormation refuses the change of the stack {stack}:\n{}", lines(causes))]
    Refused {
        /// The name of the stack.
        stack: String,
        /// CloudFormation's reasons. There is at least one.
        causes: Vec<RootCause>,
    },
    /// The change set could not be executed.
    #[error(
        "the change of the stack {stack} was not started: {problem}\nIf another deployment of this stack was started in the \
         meantime, wait until it ends. Then run the same command again: it shows what is still different. To follow it: {}",
        make("status")
    )]
    NotBegun {
        /// The name of the stack.
        stack: String,
        /// The error of the call.
        #[source]
        problem: AwsError,
    },
    /// The operation was started and failed.
    #[error("the stack {stack} ended in {status}{}\n{}", because(cause.as_deref()), aftermath(stack, status))]
    Failed {
        /// The name of the stack.
        stack: String,
        /// The final status of the stack.
        status: StackStatus,
        /// The first failure in the stack, if CloudFormation reports one.
        cause: Option<Box<RootCause>>,
    },
    /// The operation was started, but its progress could not be read until its end. AWS completes it.
    #[error(
        "{problem}\nWhat was begun in the stack {stack} continues at AWS: run the same command again to follow it."
    )]
    Lost {
        /// The name of the stack.
        stack: String,
        /// The error of the call that reads the progress.
        #[source]
        problem: AwsError,
    },
    /// The operation was started, and the user stopped waiting for its end. AWS completes it.
    #[error("interrupted: what was begun in the stack {stack} continues at AWS")]
    Left {
        /// The name of the stack.
        stack: String,
    },
    /// CloudFormation would do more than was approved.
    #[error("the stack {stack} needs another approval")]
    NotApproved {
        /// The name of the stack.
        stack: String,
        /// The approval that the whole change needs.
        approval: Approval,
        /// The package that the approval covers. `None` if it covers only the change.
        package: Option<Sha256Digest>,
    },
    /// The change needs two deployments, because it moves accounts between the StackSets.
    #[error("{0}. Nothing was changed")]
    MovesAccounts(MovedAccounts),
    /// The account may not deploy to the accounts of an organization.
    #[error(transparent)]
    MayNotAdminister(#[from] MayNotAdministerError),
    /// Some accounts of the organization are not up to date after a deployment.
    #[error("{}", .0.text(Rollout::Deployment, &make("deploy")))]
    OutdatedMembers(OrganizationOutcome),
    /// Some accounts of the organization still have a member stack after a deletion.
    #[error("{}", .0.text(Rollout::Deletion, &make("destroy")))]
    RemainingMembers(OrganizationOutcome),
    /// The user stopped the command before the operation was started.
    #[error("interrupted: the stack was not changed")]
    Interrupted,
    /// The bucket that `--artifact-bucket` names does not exist.
    #[error("there is no bucket {0}: create it, or leave out --artifact-bucket")]
    NoBucket(String),
    /// The bucket keeps no versions, so another file could take the place of the package after it was checked.
    #[error(
        "the bucket {0} keeps no versions, so nothing says which bytes Lambda would get. Leave out --artifact-bucket, or let it \
         keep versions: aws s3api put-bucket-versioning --bucket {0} --versioning-configuration Status=Enabled"
    )]
    NoVersions(String),
    /// The stack of the artifact bucket exists, but the bucket does not.
    #[error(
        "the bucket {bucket} was deleted, but its stack {stack} still exists: delete the stack, then run the same \
         command again"
    )]
    LostBucket {
        /// The name of the bucket.
        bucket: String,
        /// The name of the stack.
        stack: String,
    },
    /// The bucket is in another Region, where Lambda cannot get the package.
    #[error(
        "the bucket {bucket} is in {}, but Lambda accepts a package only from its own Region: name a bucket in this \
         Region with --artifact-bucket, or leave that out", region.as_deref().unwrap_or("another Region")
    )]
    BucketElsewhere {
        /// The name of the bucket.
        bucket: String,
        /// The code of the bucket's Region, if AWS returns it.
        region: Option<String>,
    },
}

impl From<Interrupted> for DeployError {
    fn from(_: Interrupted) -> Self {
        Self::Interrupted
    }
}

impl DeployError {
    /// Whether the command line or the environment is wrong, or names something that does not exist.
    #[must_use]
    pub fn is_about_input(&self) -> bool {
        match self {
            Self::Problem(problem) => problem.is_about_input(),
            Self::MovesAccounts(_) | Self::NoBucket(_) | Self::NoVersions(_) | Self::BucketElsewhere { .. } => true,
            _ => false,
        }
    }

    /// The first failure in the stack, if CloudFormation reports one.
    #[must_use]
    pub fn cause(&self) -> Option<&RootCause> {
        match self {
            Self::Failed { cause, .. } => cause.as_deref(),
            Self::Refused { causes, .. } => causes.first(),
            _ => None,
        }
    }
}

/// The advice for a failed call, on its own line. Empty if there is none, or if the message of the problem has one.
fn advised(problem: &AwsError) -> String {
    let AwsError::Refused { message, .. } = problem else { return String::new() };
    root_cause::advice(message).map(|advice| format!("\n{advice}")).unwrap_or_default()
}

fn because(cause: Option<&RootCause>) -> String {
    cause.map(|cause| format!(", because of\n{cause}")).unwrap_or_default()
}

fn lines(causes: &[RootCause]) -> String {
    causes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// The sentence that says in which state the failure left the stack.
fn aftermath(stack: &str, status: &StackStatus) -> String {
    match StackState::of(Some(status)) {
        StackState::Deployed => "AWS took it back: all is as it was before.".to_owned(),
        StackState::Ruined => "The next deployment deletes what is left of it and creates it again.".to_owned(),
        StackState::Stuck(remedy) => format!("Before the next deployment: {}", remedy.for_stack(stack)),
        StackState::Absent | StackState::Busy => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use lambda::protocol::call_error::ErrorCode;

    use super::*;

    #[test]
    fn the_second_of_two_deployments_at_once_says_what_to_do() {
        let problem = AwsError::Refused {
            doing: "execute the change set".into(),
            code: ErrorCode::Aws("InvalidChangeSetStatus".into()),
            message: "ChangeSet [synth-1] cannot be executed in its current status of [OBSOLETE]".into(),
        };
        let text = DeployError::NotBegun { stack: "keys".into(), problem }.to_string();
        let begins = "the change of the stack keys was not started: could not execute the change set";
        assert!(text.starts_with(begins), "{text}");
        assert!(
            text.contains("wait until it ends. Then run the same command again")
                && text.ends_with("To follow it: make status"),
            "{text}"
        );
    }
}
