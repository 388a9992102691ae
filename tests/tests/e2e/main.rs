//! End to end: the deployed stack and the real handler over a local AWS.
//!
//! All of it is one program: it is linked once, and its tests run beside each other, each with an emulator of its own.

mod alarms;
mod article;
mod bad_event;
mod common;
mod demo;
mod deploy;
mod encrypted;
mod encryption;
mod faults;
mod fleet;
mod notices;
mod on_demand;
mod operations;
mod permissions;
mod pick_up;
mod public_names;
mod secrets_manager;
