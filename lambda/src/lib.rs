//! The rotation handler.
//!
//! The modules fall into two halves. The *contract* says what the handler reads and may do
//! ([`settings`], [`permissions`], [`event`]) and what it decides ([`plan`]); it does no I/O and builds
//! without the AWS SDK, so that `synth` can turn it into a template in seconds. The *shell* behind the
//! `aws` feature carries decisions out: [`run`] drives users side by side, [`rotate`] drives one user,
//! and [`aws`] holds one adapter per service.
//!
//! A rotation is a loop over [`plan::next_step`]: it is asked for the next safe AWS call, the call
//! is made, what was learnt is folded into [`plan::UserState`], and the plan is asked again.

pub mod account;
pub mod audience;
pub mod audit;
pub mod credential_report;
pub mod document;
pub mod email;
pub mod event;
pub mod fleet;
pub mod journal;
pub mod key;
pub mod kms_key;
pub mod member;
pub mod metrics;
pub mod notice;
pub mod permissions;
pub mod plan;
pub mod principal;
pub mod recipient;
pub mod report;
pub mod secret_policy;
pub mod settings;
pub mod steps;
pub mod text;
pub mod time;
pub mod user;
pub mod who;

#[cfg(feature = "aws")]
pub mod aws;
#[cfg(feature = "aws")]
pub mod dry_run;
#[cfg(feature = "aws")]
pub mod encryption;
#[cfg(feature = "aws")]
pub mod log;
#[cfg(feature = "aws")]
pub mod rotate;
#[cfg(feature = "aws")]
pub mod run;
#[cfg(feature = "aws")]
pub mod select;
