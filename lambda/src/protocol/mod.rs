//! The rotation of one user's keys: decisions only, without I/O.

pub mod call;
pub mod call_error;
pub mod journal;
pub mod manager;
pub mod overdue;
pub mod planner;
pub mod policy;
pub mod run;
pub mod state;
pub mod stop_reason;
