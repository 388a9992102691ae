//! Why a deployment did not come to its end.

use crate::deploy::{
    aws::AwsError,
    interrupt::Interrupted,
    root_cause::{self, RootCause},
    stack_status::{Remedy, StackState, StackStatus},
};
use crate::{cfn::read::TemplateReadError, diff::approval::Approval};

/// Why a deployment did not come to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeployError {
    /// AWS did not do what it was asked.
    #[error("{problem}{advice}", problem = .0, advice = advised(.0))]
    Problem(#[from] AwsError),
    /// The stack is in a state in which only a person can help.
    #[error("the stack {stack} is in {status}: {}", remedy.for_stack(stack))]
    Stuck {
        /// Its name.
        stack: String,
        /// The state.
        status: StackStatus,
        /// What helps.
        remedy: Remedy,
    },
    /// What is deployed under the stack's name cannot be compared with.
    #[error("the template of the stack {stack}, as it is deployed, cannot be read: {problem}; is it another's stack?")]
    Unreadable {
        /// The stack's name.
        stack: String,
        /// What is wrong with it.
        problem: TemplateReadError,
    },
    /// CloudFormation does not even begin.
    #[error("CloudFormation refuses the change of the stack {stack}:\n{}", lines(causes))]
    Refused {
        /// The stack's name.
        stack: String,
        /// Why.
        causes: Vec<RootCause>,
    },
    /// The change set could not be executed.
    #[error("{problem}; if somebody else changed the stack {stack} meanwhile, run the same command again")]
    NotBegun {
        /// The stack's name.
        stack: String,
        /// Why.
        problem: AwsError,
    },
    /// It was begun, and failed.
    #[error("the stack {stack} ended in {status}{}\n{}", because(cause.as_deref()), aftermath(stack, status))]
    Failed {
        /// The stack's name.
        stack: String,
        /// Where it ended.
        status: StackStatus,
        /// What went wrong first.
        cause: Option<Box<RootCause>>,
    },
    /// It was begun, and could not be followed to its end.
    #[error("{problem}\nWhat was begun in the stack {stack} goes on at AWS: run the same command again to follow it.")]
    Lost {
        /// The stack's name.
        stack: String,
        /// Why.
        problem: AwsError,
    },
    /// It was begun, and somebody did not want to wait for its end.
    #[error("interrupted: what was begun in the stack {stack} goes on at AWS; run the same command again to follow it")]
    Left {
        /// The stack's name.
        stack: String,
    },
    /// CloudFormation wants to do more than was approved.
    #[error("the stack {stack} needs another approval")]
    NotApproved {
        /// The stack's name.
        stack: String,
        /// The approval.
        approval: Approval,
    },
    /// Somebody broke it off before it was begun.
    #[error("interrupted: the stack was not changed")]
    Interrupted,
    /// The bucket for packages is another account's.
    #[error(
        "the bucket {0} belongs to another account, or you may not look at it: name one of yours with \
         --artifact-bucket; `synth deploy-policy` prints what a deployer needs"
    )]
    ForeignBucket(String),
    /// The bucket that was named is not there.
    #[error("there is no bucket {0}: create it, or leave out --artifact-bucket")]
    NoBucket(String),
    /// The stack of the bucket is there, and the bucket is not.
    #[error("the bucket {bucket} is gone, but its stack {stack} is still there: delete that, then run this again")]
    LostBucket {
        /// The bucket's name.
        bucket: String,
        /// The stack's.
        stack: String,
    },
    /// The bucket is where Lambda cannot get the package.
    #[error("the bucket {bucket} is in {}: Lambda takes a package only from a bucket in its own Region", region.as_deref().unwrap_or("another Region"))]
    BucketElsewhere {
        /// The bucket's name.
        bucket: String,
        /// Its Region, where AWS says it.
        region: Option<String>,
    },
}

impl From<Interrupted> for DeployError {
    fn from(_: Interrupted) -> Self {
        Self::Interrupted
    }
}

impl DeployError {
    /// What went wrong first, where CloudFormation says so.
    #[must_use]
    pub fn cause(&self) -> Option<&RootCause> {
        match self {
            Self::Failed { cause, .. } => cause.as_deref(),
            Self::Refused { causes, .. } => causes.first(),
            _ => None,
        }
    }
}

/// What to do about it, on a line of its own, where the problem does not say so itself.
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

/// How things are after it.
fn aftermath(stack: &str, status: &StackStatus) -> String {
    match StackState::of(Some(status)) {
        StackState::Deployed => "AWS took it back: all is as it was before.".to_owned(),
        StackState::Ruined => "The next deployment deletes what is left of it and makes it anew.".to_owned(),
        StackState::Stuck(remedy) => format!("Before the next deployment: {}", remedy.for_stack(stack)),
        StackState::Absent | StackState::Busy => String::new(),
    }
}
