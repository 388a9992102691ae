//! Generates the CloudFormation stack that rotates access keys.
//!
//! `rotation.yaml` is read by [`config`] into a validated [`config::Config`]; [`stack`] builds the template from it, out
//! of the typed resources in [`cfn`] and the policies in [`iam`]; [`cmd`] is the command line. Only `cmd` touches files. With
//! the cargo feature `deploy`, `deploy` talks to AWS.

pub mod cfn;
pub mod check;
pub mod cmd;
pub mod config;
#[cfg(feature = "deploy")]
pub mod deploy;
pub mod deployer;
pub mod diff;
pub mod docs;
pub mod iam;
pub mod limits;
pub mod package;
pub mod stack;
