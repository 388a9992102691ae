//! One invocation of the function.

pub mod dry_run;
pub mod executor;
pub mod invocation;
pub mod load_users;
pub mod log;
