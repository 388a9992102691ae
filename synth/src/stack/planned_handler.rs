//! The handler as a template plans it: the settings are read back from the function's environment.

use lambda::{
    contract::settings::{SettingError, Settings, Variable},
    model::time::Span,
};
use serde_json::Value as Json;

use crate::{cfn::view::View, config::ScheduleExpression};

/// The handler that a template would deploy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedHandler {
    /// What the handler would read from its environment.
    pub settings: Settings,
    /// How long a run may take.
    pub timeout: Span,
}

impl PlannedHandler {
    /// Reads the function of a template. `topic` is the ARN of the topic, which the template only refers to.
    ///
    /// # Errors
    /// [`SettingError`] for the first variable that the template does not set as the handler reads it.
    pub fn read(template: &Json, topic: &str) -> Result<Self, SettingError> {
        let function = View(template).of("AWS::Lambda::Function").next();
        let property = |name: &str| function.as_ref().map_or(&Json::Null, |function| &function.properties[name]);
        let variables = &property("Environment")["Variables"];
        let text = |name: &str| {
            let text = if name == Variable::TopicArn.name() { Some(topic) } else { variables[name].as_str() };
            text.map(str::to_owned)
        };
        let settings = Settings::from_environment(text)?;
        Ok(Self { settings, timeout: Span::seconds(property("Timeout").as_u64().unwrap_or_default()) })
    }
}

/// The schedule of a template. `None` also if its expression is no text that `synth` writes.
#[must_use]
pub fn schedule(template: &Json) -> Option<ScheduleExpression> {
    let schedule = View(template).of("AWS::Scheduler::Schedule").next()?;
    schedule.properties["ScheduleExpression"].as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{cfn::json::to_json, config, stack};

    #[test]
    fn the_settings_are_those_of_the_configuration() {
        let text = "users: [{name: alice, owner: b@example.com}, /ci/]\nemails: [a@example.com]\ntimeout: 9m\n\
                    delivery: email\nrotate_after: 30d\n";
        let config = config::read(text, config::Overrides::default()).unwrap_or_else(|e| panic!("{e}")).config;
        let template = to_json(&stack::template(&config).unwrap());
        let topic = "arn:aws:sns:eu-west-1:123456789012:keys";
        let planned = PlannedHandler::read(&template, topic).unwrap();
        assert_eq!((&planned.settings.policy, planned.timeout), (&config.policy, Span::minutes(9)));
        assert_eq!((planned.settings.topic.as_str(), &planned.settings.administrators), (topic, &config.emails));
        let users: Vec<_> = planned.settings.users.iter().map(ToString::to_string).collect();
        assert_eq!(users, ["alice;owner=b@example.com", "/ci/"]);
        assert_eq!(PlannedHandler::read(&template, "no ARN").unwrap_err().name, "TOPIC_ARN");
        assert_eq!(PlannedHandler::read(&json!({}), topic).unwrap_err().name, "USERS");
    }
}
