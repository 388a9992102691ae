//! End-to-end tests: the deployed stack and the real handler with a local AWS.
//!
//! All tests are one program, so that it is linked only once. They run in parallel, each with its own emulator.

mod acceptance;
mod alarms;
mod article;
mod attacks;
mod bad_event;
mod common;
mod company;
mod demo;
mod deploy;
mod encrypted;
mod encryption;
mod endpoints;
mod faults;
mod fleet;
mod inventory;
mod notices;
mod on_demand;
mod operations;
mod organization;
mod organization_commands;
mod permissions;
mod pick_up;
mod preview;
mod public_names;
mod recipients;
mod secrets_manager;
mod spelling;
mod stack_sets;
