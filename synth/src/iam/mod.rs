//! What policies allow: an evaluator, and a comparison of two sets of policies. Analysis only; `cfn` writes the documents.

pub mod compare;
mod condition;
pub mod evaluate;
pub mod glob;
mod grants;
mod language;
mod policy;
pub mod template;
