//! One invocation of the function: it loads the users, carries out the steps for each, and logs them.

pub mod aws_api;
pub mod dry_run;
pub mod executor;
pub mod invocation;
pub mod load_users;
pub mod log;
pub mod pace;
pub mod preview;
pub mod subscriptions;
