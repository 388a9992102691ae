//! What `synth` reads: the settings of the function, its permissions, and the events that it accepts.

pub mod account_name;
pub mod call_permissions;
pub mod digest_frequency;
pub mod endpoint;
pub mod event;
pub mod event_bus_arn;
pub mod language;
pub mod list_scope;
pub mod listed_user;
pub mod member_event;
pub mod organization_link;
pub mod permissions;
pub mod publisher_settings;
pub mod resource_tags;
pub mod run_summary;
pub mod secret_prefix;
pub mod selector;
pub mod settings;
pub mod topic_arn;
pub mod user_entry;
pub mod user_tags;
