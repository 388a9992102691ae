//! The templates of small configurations, for tests.

use serde_json::Value as Json;

use crate::{
    cfn::json::to_json,
    config::{self, Config, Overrides},
    stack,
};

fn config(settings: &str) -> Config {
    let text = format!("stack_name: keys\n{settings}");
    config::read(&text, Overrides::default()).unwrap_or_else(|e| panic!("{e}")).config
}

/// The template of a configuration with these settings.
pub(super) fn template(settings: &str) -> Json {
    to_json(&stack::template(&config(settings)).unwrap())
}

/// The template of the members of an organization, with these settings.
pub(super) fn member_template(settings: &str) -> Json {
    let organization = "organization: {id: o-abcdefghij, region: eu-west-1, units: [ou-abcd-11112222]}";
    to_json(&stack::member_template(&config(&format!("{settings}{organization}\n"))).unwrap().unwrap())
}
