//! Reads settings from the deployed template of a stack. They apply to the stack even if the configuration has changed
//! since.

use lambda::contract::settings::Variable;
use serde_json::Value as Json;

use crate::cfn::view::View;

/// The addresses that the stack subscribes to the topic with this logical id.
#[must_use]
pub fn addresses(template: &Json, topic: &str) -> Vec<String> {
    let view = View(template);
    let to_it = |topic_arn| view.named_by(topic_arn).is_some_and(|named| named.id == topic);
    let subscriptions = view.of("AWS::SNS::Subscription").filter(|s| to_it(&s.properties["TopicArn"]));
    let by_mail = subscriptions.filter(|subscription| subscription.properties["Protocol"] == "email");
    by_mail.filter_map(|subscription| subscription.properties["Endpoint"].as_str()).map(str::to_owned).collect()
}

/// The value of a variable in the function's environment. `None` if the template does not set it to a plain text.
#[must_use]
pub fn setting(template: &Json, variable: Variable) -> Option<&str> {
    let mut functions = View(template).of("AWS::Lambda::Function");
    functions.find_map(|function| function.properties["Environment"]["Variables"][variable.name()].as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cfn::json, config, stack};

    #[test]
    fn settings_are_read_from_a_generated_template() {
        let text = "users: [{name: alice, owner: c@example.com}]\nemails: [a@example.com, b@example.com]\nsecret_prefix: team/keys\n";
        let config = config::read(text, config::Overrides::default()).unwrap().config;
        let template = json::to_json(&stack::template(&config).unwrap());
        assert_eq!(addresses(&template, "NotificationTopic"), ["a@example.com", "b@example.com", "c@example.com"]);
        assert_eq!(addresses(&template, "AlarmTopic"), ["a@example.com", "b@example.com"]);
        assert_eq!(setting(&template, Variable::SecretPrefix), Some("team/keys"));
        assert_eq!(setting(&template, Variable::TopicArn), None, "a reference");
    }
}
