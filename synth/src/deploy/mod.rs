//! The work of `synth` in an AWS account. Only this module uses the AWS SDK.
//!
//! [`aws`] has an adapter for each service. The modules that decide are pure and are tested without AWS:
//! [`stack_status`], [`progress`], [`root_cause`], [`message`], [`first_deployment`], [`revocation`], [`former_users`]. [`stacks`] deploys one
//! stack. [`deploy_plan`] deploys a whole release. [`preview_reader`] shows what a run of it would do.
//! [`inventory_reader`] reads the access keys of the account.

pub mod active_pairs;
pub mod administrator;
pub mod aws;
pub mod command_document;
pub mod command_line;
pub mod deletion_summary;
pub mod deploy_error;
pub mod deploy_plan;
pub mod deployed_template;
pub mod first_deployment;
pub mod former_users;
pub mod interrupt;
pub mod inventory_reader;
pub mod invoke;
pub mod key_table;
pub mod last_run;
pub mod local_configuration;
pub mod member_log;
pub mod member_operation;
pub mod member_stack;
pub mod member_watch;
pub mod message;
pub mod monthly_cost;
pub mod next_run;
pub mod open_rotations;
pub mod organization_progress;
pub mod organization_reader;
pub mod organization_rollout;
pub mod organization_screen;
pub mod organization_status;
pub mod preview_reader;
pub mod progress;
pub mod received_report;
pub mod received_words;
pub mod release_summary;
pub mod resubscription;
pub mod revocation;
pub mod root_cause;
pub mod rotation_check;
pub mod rotation_plan;
pub mod run_counts;
pub mod run_preview;
pub mod run_screen;
pub mod stack_alarm;
pub mod stack_recipients;
pub mod stack_status;
pub mod stacks;
mod status_facts;
pub mod status_report;
pub mod status_screen;
pub mod subscriptions;
pub mod user_outlook;
