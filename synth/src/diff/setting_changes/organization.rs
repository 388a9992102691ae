//! The settings of an organization, as the template of the administering account shows them: in the StackSets with the
//! members' stacks, in the policy of the bus, and in the publisher's environment.

use lambda::contract::{publisher_settings::PUBLISH_TO, settings::Variable};
use serde_json::Value as Json;

use super::{SettingValue, of_resources, variable};
use crate::{
    cfn::{
        resource::AccountFilterType,
        view::{Resource, View, each, text},
    },
    config::Administrator,
};

/// The settings of the resources that are also settings of a stack without members.
const OF_RESOURCES: [&str; 6] =
    ["architecture", "log_retention", "log_kms_key", "topic_kms_key", "permissions_boundary", "role_path"];

/// The settings that the template of the administering account shows. `None` for any other template.
pub(super) fn settings(view: View<'_>) -> Option<Vec<(&'static str, SettingValue)>> {
    let mut publishers = view
        .of("AWS::Lambda::Function")
        .filter(|function| function.properties["Environment"]["Variables"].get(PUBLISH_TO).is_some());
    let publisher = publishers.next().filter(|_| publishers.next().is_none())?;
    let mut all: Vec<_> = [Variable::Language, Variable::Administrators]
        .into_iter()
        .filter_map(|name| variable(publisher, name))
        .collect();
    let endpoints = view.of("AWS::SNS::Subscription").map(|one| one.properties);
    let endpoints = endpoints.filter(|one| one["Protocol"].as_str().is_some_and(|protocol| protocol != "email"));
    all.push(("notify", SettingValue::Many(endpoints.map(|one| text(&one["Endpoint"])).collect())));
    let tags = view.of("AWS::SNS::Topic").next().map(|topic| topic.properties["Tags"].clone()).unwrap_or_default();
    let tags = each(&tags).map(|tag| format!("{}={}", text(&tag["Key"]), text(&tag["Value"])));
    all.push(("tags", SettingValue::Many(tags.collect())));
    all.extend(of_resources(view, publisher).into_iter().filter(|(setting, _)| OF_RESOURCES.contains(setting)));
    all.extend(fields(view));
    Some(all)
}

/// The fields of `organization`. A stack without members has none of them.
pub(super) fn fields(view: View<'_>) -> Vec<(&'static str, SettingValue)> {
    let sets: Vec<Resource<'_>> = view.of("AWS::CloudFormation::StackSet").collect();
    // The StackSet of the first account, if there is one, comes before that of the others.
    let first = sets.first().filter(|_| sets.len() == 2).map(|set| accounts(set));
    let first = first.and_then(|accounts| accounts.into_iter().next());
    let members = sets.last();
    let (one, many) = (SettingValue::One, SettingValue::Many);
    let target = |name: &str| members.map(|set| list(&instances(set)["DeploymentTargets"][name])).unwrap_or_default();
    let listed = |filter: AccountFilterType| {
        let is_filter =
            members.is_some_and(|set| instances(set)["DeploymentTargets"]["AccountFilterType"] == filter.as_str());
        if is_filter { target("Accounts") } else { Vec::new() }
    };
    let only = listed(AccountFilterType::Intersection);
    // The first account has a StackSet of its own, and the other one excludes it.
    let only = if only.is_empty() { only } else { first.clone().into_iter().chain(only).collect() };
    let but =
        listed(AccountFilterType::Difference).into_iter().filter(|account| Some(account) != first.as_ref()).collect();
    let statement = view.of("AWS::Events::EventBusPolicy").next().map(|policy| &policy.properties["Statement"]);
    let id = statement.map(|statement| text(&statement["Condition"]["StringEquals"]["aws:PrincipalOrgID"][0]));
    let administrator = members.map(|set| Administrator::of_call_as(set.properties["CallAs"].as_str()));
    let administrator = administrator.map(|administrator| administrator.as_str().to_owned());
    vec![
        ("organization.id", one(id)),
        ("organization.region", one(members.and_then(|set| list(&instances(set)["Regions"]).into_iter().next()))),
        ("organization.units", many(target("OrganizationalUnitIds"))),
        ("organization.accounts", many(only)),
        ("organization.exclude", many(but)),
        ("organization.first", one(first)),
        ("organization.administrator", one(administrator)),
        ("members", one(members.map(|set| text(&set.properties["TemplateURL"])))),
    ]
}

/// Where a StackSet puts its stacks.
fn instances<'t>(set: &Resource<'t>) -> &'t Json {
    &set.properties["StackInstancesGroup"][0]
}

fn accounts(set: &Resource<'_>) -> Vec<String> {
    list(&instances(set)["DeploymentTargets"]["Accounts"])
}

fn list(values: &Json) -> Vec<String> {
    each(values).map(text).collect()
}
