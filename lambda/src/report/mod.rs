//! What a run reports: to its caller, to CloudWatch, and to the audit log.

pub mod audit;
pub mod log_event;
pub mod metrics;
pub mod next_change;
pub mod run_report;
