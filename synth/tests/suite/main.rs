//! Tests of `synth` without AWS: what it generates, compares, checks and prints.
//!
//! All tests are one program, so that it is linked only once and its tests run in parallel.

#![allow(missing_docs)]
// Tables of cases are long.
#![allow(clippy::too_many_lines)]

mod authorization;
mod bad_input;
mod change_set;
mod checkov;
mod common;
mod compile_fail;
mod deployer;
mod diff;
mod documents;
mod emitters;
mod everyday_changes;
mod generated;
mod grants;
mod guard;
mod iam;
mod limits;
mod package;
mod random_configs;
mod random_readers;
mod schema;
mod schemas;
mod template;
mod workflows;
