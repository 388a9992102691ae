//! What `synth` generates, compares, checks and says, without AWS.
//!
//! All of it is one program: it is linked once, and its tests run beside each other.

#![allow(missing_docs)]
// A table is as long as it is.
#![allow(clippy::too_many_lines)]

mod bad_input;
mod change_set;
mod common;
mod compile_fail;
mod deployer;
mod diff;
mod documents;
mod emitters;
mod generated;
mod grants;
mod guard;
mod iam;
mod limits;
mod package;
mod random_configs;
mod schema;
mod schemas;
mod template;
mod workflows;
