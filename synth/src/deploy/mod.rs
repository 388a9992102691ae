//! What `synth` does in an AWS account: the only place in it that names the SDK.
//!
//! [`aws`] has an adapter for each service; what beside it decides is pure and is tested without AWS.

pub mod aws;
