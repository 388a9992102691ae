//! What `synth` reads: the settings of the function, its permissions, and the events that it accepts.

pub mod account_name;
pub mod call_permissions;
pub mod digest_frequency;
pub mod endpoint;
pub mod event;
pub mod language;
pub mod list_scope;
pub mod listed_user;
pub mod permissions;
pub mod resource_tags;
pub mod secret_prefix;
pub mod selector;
pub mod settings;
pub mod topic_arn;
pub mod user_entry;
pub mod user_tags;
