//! One invocation of the function: it loads the users, carries out the steps for each, and logs them. Or, in the
//! administering account of an organization, it mails what the members send.

pub mod aws_api;
pub mod dry_run;
pub mod executor;
pub mod invocation;
pub mod load_users;
pub mod log;
pub mod pace;
pub mod preview;
pub mod publisher;
mod send_notice;
pub mod subscriptions;
