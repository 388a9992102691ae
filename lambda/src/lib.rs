//! The rotation handler.
//!
//! Each folder may use only those below it; `tests/tests/architecture.rs` checks this.
//!
//! | folder | what it holds |
//! |---|---|
//! | [`aws`] | one adapter per AWS service; the only folder that names the SDK |
//! | [`handler`] | one invocation: it loads the users, carries out the steps for each, and logs them |
//! | [`notice`] | what people read: which events, in which language |
//! | [`report`] | the run report, the metrics and the audit log |
//! | [`selection`] | which users a run handles, in which order, and who is notified |
//! | [`contract`] | the settings and the permissions of the function, which `synth` turns into a template |
//! | [`delivery`] | the document with the new key, its encryption, and the policy of the secret |
//! | [`protocol`] | the planner, what is known of a user, and the journal: pure, and the safety argument |
//! | [`model`] | access keys, users, times: values that are checked when they are made |
//!
//! Everything but [`aws`] and [`handler`] builds without the AWS SDK, so that `synth` generates a template in seconds.
//!
//! A rotation is a loop over [`protocol::planner::next_step`]. The planner names the next safe AWS call, the executor
//! makes it, adds the answer to [`protocol::state::UserState`], and asks again.

pub mod contract;
pub mod delivery;
pub mod model;
pub mod notice;
pub mod protocol;
pub mod report;
pub mod selection;

#[cfg(feature = "aws")]
pub mod aws;
#[cfg(feature = "aws")]
pub mod handler;
