//! What `synth` does in an AWS account: the only place in it that names the SDK.
//!
//! [`aws`] has an adapter for each service; what beside it decides is pure and is tested without AWS: [`stack_status`], [`progress`],
//! [`root_cause`], [`message`]. [`stacks`] brings one stack to where it shall be; [`deploy_plan`] all that a release takes.

pub mod aws;
pub mod deletion_summary;
pub mod deploy_error;
pub mod deploy_plan;
pub mod deployed_template;
pub mod interrupt;
pub mod invoke;
pub mod message;
pub mod next_run;
pub mod progress;
pub mod received_report;
pub mod root_cause;
pub mod stack_status;
pub mod stacks;
pub mod status_report;
pub mod subscriptions;
