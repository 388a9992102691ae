//! Which users a run handles, and who is notified about them.

pub mod credential_report;
pub mod fleet;
pub mod routing;
