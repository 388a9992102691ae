//! What `synth` does in an AWS account: the only place in it that names the SDK.
//!
//! [`aws`] has an adapter for each service; what beside it decides is pure and is tested without AWS: [`standing`], [`progress`],
//! [`cause`], [`message`]. [`stacks`] brings one stack to where it shall be; [`deployment`] all that a release takes.

pub mod aws;
pub mod cause;
pub mod deployed;
pub mod deployment;
pub mod failure;
pub mod farewell;
pub mod firing;
pub mod interrupt;
pub mod invoke;
pub mod message;
pub mod progress;
pub mod report;
pub mod stacks;
pub mod standing;
pub mod state;
pub mod subscriptions;
