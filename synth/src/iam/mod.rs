//! Analyses what policies allow: an evaluator, and a comparison of two sets of policies. It writes no policies; `cfn`
//! does.

pub mod compare;
mod condition;
pub mod evaluate;
pub mod glob;
pub(crate) mod grants;
mod language;
mod policy;
pub mod template;
