//! Tests of `synth` without AWS: what it generates, compares, checks and prints.
//!
//! All tests are one program, so that it is linked only once and its tests run in parallel.

#![allow(missing_docs)]
// Tables of cases are long.
#![allow(clippy::too_many_lines)]

mod authorization;
mod bad_input;
mod bench;
mod cases;
mod change_set;
mod checkov;
mod commands;
mod common;
mod compile_fail;
mod deployer;
mod diff;
mod diff_summary;
mod documents;
mod emitters;
mod everyday_changes;
#[cfg(feature = "deploy")]
mod first_deployment;
mod generated;
mod grants;
mod guard;
mod harmless_edits;
mod iam;
mod inventory;
mod limits;
mod makefile;
mod organization;
mod organization_edits;
mod package;
mod pick_up;
mod random_configs;
mod random_edits;
mod random_readers;
mod schema;
mod schemas;
mod screens;
mod template;
mod workflows;
mod yaml_reading;
