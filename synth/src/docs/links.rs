//! What a resource does with another one or with something outside the stack, in the words of the pictures. Pure.

use lambda::contract::call_permissions::CHOOSING;

use crate::cfn::view::{How, Reference, Resource, StatementView, View, each, references, text};

/// One thing that happens, or is permitted, between two ends.
#[derive(Debug)]
pub(super) struct Link<'t> {
    /// The end that acts.
    pub(super) from: LinkEnd<'t>,
    /// The end that it acts on.
    pub(super) to: LinkEnd<'t>,
    /// What it does, as a verb: `starts`, `may rotate keys`.
    pub(super) does: String,
}

/// An end of a link.
#[derive(Debug, Clone)]
pub(super) enum LinkEnd<'t> {
    Resource(Resource<'t>),
    /// Something outside the stack.
    Outside {
        /// A word for it, in lower case.
        id: &'static str,
        /// The name that people read.
        title: &'static str,
        /// Which ones: an address, a user, a prefix of secrets.
        member: String,
    },
}

/// The links of one resource.
pub(super) fn links<'t>(view: View<'t>, resource: Resource<'t>) -> Vec<Link<'t>> {
    let own = LinkEnd::Resource(resource);
    let link = |from: &LinkEnd<'t>, to: &LinkEnd<'t>, does: &str| Link {
        from: from.clone(),
        to: to.clone(),
        does: does.into(),
    };
    let role = view.roles().into_iter().find(|role| role.resource.id == resource.id);
    let mut found = Vec::new();
    for statement in role.iter().flat_map(|role| &role.policies) {
        let what = match statement.sid() {
            "" => statement.texts("Action").join(", "),
            sid => words(sid),
        };
        let does = format!("{} {what}", if statement.allows() { "may" } else { "must not" });
        found.extend(targets(view, statement).iter().map(|target| link(&own, target, &does)));
    }
    // What a policy names is a target above.
    let is_policy = |reference: &Reference| {
        ["Policies.", "PolicyDocument.", "KeyPolicy.", "Properties.Statement."]
            .iter()
            .any(|part| reference.at.contains(part))
    };
    // A condition, and the order in which resources are created, connect nothing.
    let connects = |reference: &&Reference| !matches!(reference.how, How::Condition | How::DependsOn);
    for reference in references(resource.body).iter().filter(connects).filter(|r| !is_policy(r)) {
        let other = view.resources().find(|other| other.id == reference.name && other.id != resource.id);
        let Some(other) = other.map(LinkEnd::Resource) else { continue };
        found.push(match meaning(resource.kind, &reference.at) {
            Meaning::To(does) => link(&own, &other, does),
            Meaning::From(does) => link(&other, &own, does),
            Meaning::Messages => link(&other, &own, &messages(&resource)),
        });
    }
    if resource.kind == "AWS::CloudFormation::StackSet" {
        let groups = each(&resource.properties["StackInstancesGroup"]);
        let units = groups.flat_map(|group| each(&group["DeploymentTargets"]["OrganizationalUnitIds"])).map(text);
        let accounts = |member| LinkEnd::Outside { id: "accounts", title: "Accounts", member };
        found.extend(units.map(|unit| link(&own, &accounts(unit), "deploys stacks to")));
    }
    if resource.kind == "AWS::SNS::Subscription" && text(&resource.properties["Protocol"]).starts_with("email") {
        let people = LinkEnd::Outside { id: "people", title: "People", member: text(&resource.properties["Endpoint"]) };
        found.push(link(&own, &people, "sends mail to"));
    } else if resource.kind == "AWS::SNS::Subscription" {
        let endpoint = text(&resource.properties["Endpoint"]);
        let programs = LinkEnd::Outside { id: "programs", title: "Programs", member: endpoint };
        found.push(link(&own, &programs, "sends notices as JSON to"));
    }
    found
}

/// The things that a statement is about.
fn targets<'t>(view: View<'t>, statement: &StatementView<'t>) -> Vec<LinkEnd<'t>> {
    let named = references(&statement.body["Resource"]);
    let inside = view.resources().filter(|target| named.iter().any(|reference| reference.name == target.id));
    let outside = statement.texts("Resource").into_iter().filter_map(|resource| outside(view, statement, resource));
    inside.map(LinkEnd::Resource).chain(outside).collect()
}

/// What a resource in a statement means, if it is not in the template.
fn outside(view: View<'_>, statement: &StatementView<'_>, resource: String) -> Option<LinkEnd<'static>> {
    let (id, title, member) = if resource == "*" && lists_users(statement) {
        ("account", "Account", "the lists of its users".to_owned())
    } else if resource == "*" {
        ("everything", "Everything", "*".to_owned())
    } else if let Some((_, user)) = resource.split_once(":user/") {
        ("users", "IAM users", users(user, statement))
    } else if let Some((_, secret)) = resource.split_once(":secret:") {
        ("secrets", "Secrets", secret.to_owned())
    } else if let Some((_, key)) = resource.split_once(":key/") {
        ("keys", "Encryption keys", key.to_owned())
    } else if let Some((parameter, _)) = view.section("Parameters").find(|(name, _)| resource == format!("${{{name}}}"))
    {
        ("given", "Administering account", parameter.to_owned())
    } else if resource.starts_with("${") || view.resources().any(|r| resource.contains(&format!("${{{}", r.id))) {
        return None;
    } else {
        ("elsewhere", "Elsewhere", resource)
    };
    Some(LinkEnd::Outside { id, title, member })
}

/// Whether it permits only the lists in which the handler finds the account's users. IAM has no ARN for them.
fn lists_users(statement: &StatementView<'_>) -> bool {
    let actions = statement.texts("Action");
    !actions.is_empty() && actions.iter().all(|action| CHOOSING.iter().any(|(known, _)| known == action))
}

/// The users that a resource behind `user/` means: one, all below a path, or those with a tag.
fn users(resource: &str, statement: &StatementView<'_>) -> String {
    let conditions = statement.conditions();
    let tag = conditions.iter().find_map(|condition| {
        condition.strip_prefix("StringEquals aws:ResourceTag/").and_then(|rest| rest.split_once(' '))
    });
    match (tag, resource.strip_suffix('*')) {
        (Some((key, values)), _) => format!("tagged {key} = {}", values.replace(", ", " or ")),
        (None, Some("")) => "every user".to_owned(),
        (None, Some(path)) if path.ends_with('/') => format!("all below /{path}"),
        _ => resource.to_owned(),
    }
}

/// Turns `RotateKeys` into `rotate keys`.
fn words(sid: &str) -> String {
    let spaced = |c: char| if c.is_ascii_uppercase() { format!(" {}", c.to_ascii_lowercase()) } else { c.into() };
    sid.chars().map(spaced).collect::<String>().trim_start().to_owned()
}

/// What a topic does with a subscription: it sends all messages, or those that the filter policy lets through.
fn messages(subscription: &Resource<'_>) -> String {
    let filter = subscription.properties["FilterPolicy"].as_object();
    let conditions = filter.into_iter().flatten().map(|(attribute, values)| {
        let values: Vec<_> = each(values).map(text).collect();
        format!("{attribute} is {}", values.join(" or "))
    });
    let conditions = conditions.collect::<Vec<_>>().join(" and ");
    if conditions.is_empty() { "sends all messages to".into() } else { format!("sends messages where {conditions}") }
}

/// What happens between a resource and another one that it names.
enum Meaning {
    /// The resource does this with the named one.
    To(&'static str),
    /// The named one does this with the resource.
    From(&'static str),
    /// The named one is a topic, and the resource is its subscription.
    Messages,
}

/// What it means that a resource of this type names another one at this place.
fn meaning(kind: &str, at: &str) -> Meaning {
    use Meaning::{From, Messages, To};
    let ends = |property: &str| at.ends_with(property);
    match kind {
        "AWS::Scheduler::Schedule" | "AWS::Events::Rule" if at.contains("DeadLetter") => {
            To("sends undelivered events to")
        }
        "AWS::Scheduler::Schedule" | "AWS::Events::Rule" if ends("RoleArn") => To("acts as"),
        "AWS::Events::Rule" if ends("EventBusName") => From("passes events to"),
        "AWS::Events::Rule" => To("sends events to"),
        "AWS::Lambda::EventSourceMapping" if ends("EventSourceArn") => From("is read by"),
        "AWS::Scheduler::Schedule" | "AWS::Lambda::EventSourceMapping" => To("starts"),
        "AWS::SQS::Queue" if at.contains("RedrivePolicy") => To("gives up messages to"),
        "AWS::CloudFormation::StackSet" => To("names to the members"),
        "AWS::Lambda::Function" if ends("Role") => To("acts as"),
        "AWS::Lambda::Function" if at.contains("LoggingConfig") => To("writes its log to"),
        "AWS::Lambda::Function" if at.contains("Environment") => To("sends notices to"),
        "AWS::Lambda::Function" if at.contains("DeadLetterConfig") => To("sends failed runs to"),
        "AWS::Lambda::EventInvokeConfig" if at.contains("Destination") => To("keeps failed runs in"),
        "AWS::Lambda::EventInvokeConfig" => From("passes failed runs to"),
        "AWS::SNS::Subscription" if ends("TopicArn") => Messages,
        "AWS::SNS::Subscription" if at.contains("RedrivePolicy") => To("keeps undelivered notices in"),
        "AWS::SNS::Subscription" => To("delivers to"),
        "AWS::SNS::Topic" if ends("KmsMasterKeyId") => To("is encrypted with"),
        "AWS::SNS::TopicPolicy" | "AWS::SQS::QueuePolicy" | "AWS::S3::BucketPolicy" | "AWS::Events::EventBusPolicy" => {
            To("limits who may use")
        }
        "AWS::CloudWatch::Alarm" if at.contains("Actions") => To("notifies"),
        "AWS::CloudWatch::Alarm" => From("is watched by"),
        "AWS::CloudWatch::Dashboard" => From("is shown on"),
        "AWS::Lambda::Permission" if ends("SourceArn") => To("lets a function be invoked by"),
        "AWS::Lambda::Permission" => To("allows calls of"),
        _ => To("refers to"),
    }
}
