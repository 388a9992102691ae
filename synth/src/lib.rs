//! Generates the CloudFormation stack that rotates access keys.
//!
//! [`config`] reads `rotation.yaml` into a validated [`config::Config`]. [`stack`] builds the template from it, with
//! the typed resources of [`cfn`]. [`iam`] compares and evaluates policies; [`diff`] and [`check`] use it.
//! [`inventory`] judges the access keys of an account. [`cmd`] is the command line, and only `cmd` touches files. The
//! cargo feature `deploy` adds `deploy`, which calls AWS.

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
pub mod inventory;
pub mod limits;
pub mod package;
pub mod screen;
pub mod shell;
pub mod stack;
