//! What the handler decides and reports, without AWS. The model check is a program of its own, `model`.

#![allow(missing_docs)]

mod audit;
mod common;
#[cfg(feature = "aws")]
mod executor;
mod fleet;
#[cfg(feature = "aws")]
mod member;
mod notices;
mod plan;
#[cfg(feature = "aws")]
mod preview;
#[cfg(feature = "aws")]
mod publisher;
mod relay;
#[allow(dead_code)] // The model check uses the rest.
#[path = "../world/mod.rs"]
mod world;
