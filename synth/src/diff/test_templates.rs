//! The templates of small configurations, for tests.

use serde_json::Value as Json;

use crate::{
    cfn::json::to_json,
    config::{self, Overrides},
    stack,
};

/// The template of a configuration with these settings.
pub(super) fn template(settings: &str) -> Json {
    let text = format!("stack_name: keys\n{settings}");
    let config = config::read(&text, Overrides::default()).unwrap_or_else(|e| panic!("{e}")).config;
    to_json(&stack::template(&config).unwrap())
}
