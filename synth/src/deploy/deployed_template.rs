//! Reads settings from the deployed template of a stack. They apply to the stack even if the configuration has changed
//! since.

use std::collections::BTreeMap;

use lambda::contract::{
    account_name::AccountName, publisher_settings::PUBLISH_TO, settings::Variable, user_entry::UserEntry,
};
use serde_json::Value as Json;

use crate::{
    cfn::view::{Resource, View},
    deploy::{
        stack_alarm,
        subscriptions::{DeclaredSubscription, NoticeRole, StackTopic},
    },
};

/// The addresses and endpoints that the stack subscribes to a topic.
#[must_use]
pub fn subscriptions(template: &Json, topic: StackTopic) -> Vec<DeclaredSubscription> {
    let view = View(template);
    let to_it = |topic_arn| view.named_by(topic_arn).is_some_and(|named| named.id == topic.logical_id());
    let subscriptions = view.of("AWS::SNS::Subscription").filter(|s| to_it(&s.properties["TopicArn"]));
    let declared = subscriptions.filter_map(|subscription| {
        let protocol = subscription.properties["Protocol"].as_str()?.to_owned();
        let address = subscription.properties["Endpoint"].as_str()?.to_owned();
        let roles = match topic {
            StackTopic::Notices => roles(template, &address),
            StackTopic::Alarms => Vec::new(),
        };
        Some(DeclaredSubscription { topic, protocol, address, roles, attributes: attributes(&subscription) })
    });
    declared.collect()
}

/// The properties of a subscription that are attributes in SNS, with the same names (AWS CloudFormation Template Reference,
/// "AWS::SNS::Subscription"; SNS API Reference, "Subscribe").
const ATTRIBUTES: [&str; 5] =
    ["DeliveryPolicy", "FilterPolicy", "FilterPolicyScope", "RawMessageDelivery", "RedrivePolicy"];

fn attributes(subscription: &Resource<'_>) -> BTreeMap<String, String> {
    let attribute = |name: &str| {
        let value = &subscription.properties[name];
        // SNS takes each attribute as a text, which may be JSON.
        let text = || value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (!value.is_null()).then(|| (name.to_owned(), text()))
    };
    ATTRIBUTES.into_iter().filter_map(attribute).collect()
}

/// Why an address gets notices, as the function's environment says. Empty if it says that in another form.
fn roles(template: &Json, address: &str) -> Vec<NoticeRole> {
    let words = |variable| setting(template, variable).unwrap_or_default().split_ascii_whitespace();
    let administrates = words(Variable::Administrators).any(|email| email.eq_ignore_ascii_case(address));
    let entries = words(Variable::Users).filter_map(|entry| entry.parse::<UserEntry>().ok());
    let owned = entries.filter(|entry| {
        entry.overrides.owner.as_ref().is_some_and(|owner| owner.as_str().eq_ignore_ascii_case(address))
    });
    let owned: Vec<_> = owned.map(|entry| entry.selector).collect();
    let owns = (!owned.is_empty()).then_some(NoticeRole::OwnerOf(owned));
    let is_endpoint = words(Variable::Notify).any(|endpoint| endpoint == address);
    let endpoint = is_endpoint.then_some(NoticeRole::Endpoint);
    administrates.then_some(NoticeRole::Administrator).into_iter().chain(owns).chain(endpoint).collect()
}

/// The value of a variable in the function's environment. `None` if the template does not set it to a plain text.
#[must_use]
pub fn setting(template: &Json, variable: Variable) -> Option<&str> {
    let mut functions = View(template).of("AWS::Lambda::Function");
    functions.find_map(|function| function.properties["Environment"]["Variables"][variable.name()].as_str())
}

/// The name of the function that publishes what an organization's members report, in a stack with this name. `None` if the
/// template has no such function.
#[must_use]
pub fn publisher(template: &Json, stack: &str) -> Option<String> {
    let mut functions = View(template).of("AWS::Lambda::Function");
    let publisher =
        functions.find(|function| !function.properties["Environment"]["Variables"][PUBLISH_TO].is_null())?;
    stack_alarm::name_in(&publisher.properties["FunctionName"], stack)
}

/// The name of the account, as the settings have it. A name that cannot be read is no name.
#[must_use]
pub fn account_name(template: &Json) -> AccountName {
    setting(template, Variable::AccountName).and_then(|name| name.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{cfn, config, stack};

    #[test]
    fn the_publisher_is_known_by_its_environment() {
        let function = |name: &str, variable: &str| {
            let variables = json!({ variable: { "Ref": "Topic" } });
            json!({ "Type": "AWS::Lambda::Function", "Properties": {
                "FunctionName": { "Fn::Sub": name }, "Environment": { "Variables": variables },
            } })
        };
        let rotation = function("${AWS::StackName}-own", "TOPIC_ARN");
        let publisher = function("${AWS::StackName}-publisher", PUBLISH_TO);
        let template = json!({ "Resources": { "A": rotation, "B": publisher } });
        assert_eq!(super::publisher(&template, "keys").as_deref(), Some("keys-publisher"));
        assert_eq!(super::publisher(&json!({ "Resources": { "A": rotation } }), "keys"), None);
    }

    #[test]
    fn settings_are_read_from_a_generated_template() {
        let text = "users: [{name: alice, owner: c@example.com}, {name: bob, owner: A@example.com}]\n\
                    emails: [a@example.com, b@example.com]\nsecret_prefix: team/keys\naccount_name: team-prod\n";
        let config = config::read(text, config::Overrides::default()).unwrap().config;
        let template = cfn::json::to_json(&stack::template(&config).unwrap());
        let receive = |topic| {
            let declared = subscriptions(&template, topic);
            declared.iter().map(|one| format!("{}: {}", one.address, one.receives())).collect::<Vec<_>>()
        };
        assert_eq!(
            receive(StackTopic::Notices),
            [
                "a@example.com: notices, as an administrator and the owner of bob",
                "b@example.com: notices, as an administrator",
                "c@example.com: notices, as the owner of alice",
            ]
        );
        assert_eq!(receive(StackTopic::Alarms), ["a@example.com: alarms", "b@example.com: alarms"]);
        assert_eq!(setting(&template, Variable::SecretPrefix), Some("team/keys"));
        assert_eq!(setting(&template, Variable::TopicArn), None, "a reference");
    }

    /// A subscription without its filter policy would receive every notice.
    #[test]
    fn a_subscription_has_the_attributes_of_the_template() {
        let text = "users: [{name: alice, owner: Dev@example.com}]\nemails: [a@example.com]\n";
        let config = config::read(text, config::Overrides::default()).unwrap().config;
        let mut template = cfn::json::to_json(&stack::template(&config).unwrap());
        let attributes = |template: &Json, topic, address: &str| {
            let declared = subscriptions(template, topic);
            let one = declared.into_iter().find(|one| one.address == address).unwrap();
            one.attributes.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            attributes(&template, StackTopic::Notices, "Dev@example.com"),
            r#"FilterPolicy={"to":["dev@example.com"]} FilterPolicyScope=MessageAttributes"#
        );
        assert_eq!(attributes(&template, StackTopic::Alarms, "a@example.com"), "");
        template["Resources"]["AlarmsToAAtExampleDotCom"]["Properties"]["RawMessageDelivery"] = true.into();
        assert_eq!(attributes(&template, StackTopic::Alarms, "a@example.com"), "RawMessageDelivery=true");
    }
}
