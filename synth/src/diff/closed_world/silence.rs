//! Changes that allow less, but can silence an alarm, a notice or a run.
//!
//! The comparison of permissions calls them narrower. But an alarm that may not publish reaches no person.

use std::collections::BTreeSet;

use lambda::contract::settings::Variable;
use serde_json::{Map, Value as Json};

use super::{
    Judge, is_same, kind,
    rules::{literal, program_endpoint},
};
use crate::{
    cfn::{
        text::{Piece, intrinsic},
        view::{Resource, View, each, references, text},
    },
    diff::member_change::{MemberChange, member_template_urls},
    iam::{
        compare::{Boundary, Permissions},
        glob::{Glob, Letter},
        grants,
    },
};

/// What the loss of a permission can do.
const SILENCE: &str = "and that may silence an alarm, a notice or a run";

/// The actions of the stack's roles that start a run, send a notice, write the log with the metrics, or keep what failed.
const ACTIONS: [&str; 12] = [
    "events:PutEvents",
    "kms:Decrypt",
    "kms:GenerateDataKey",
    "lambda:InvokeFunction",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "sns:ListSubscriptionsByTopic",
    "sns:Publish",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
    "sqs:SendMessage",
];

/// The policies that let services of AWS act for the stack, or let members of an organization send events and read recipients.
/// Each has its type, the property that names what it is for, and the property with the document.
const SERVICE_POLICIES: [(&str, &str, &str); 5] = [
    ("AWS::Events::EventBusPolicy", "EventBusName", "Statement"),
    ("AWS::IAM::Role", "", "AssumeRolePolicyDocument"),
    ("AWS::KMS::Key", "", "KeyPolicy"),
    ("AWS::SNS::TopicPolicy", "Topics", "PolicyDocument"),
    ("AWS::SQS::QueuePolicy", "Queues", "PolicyDocument"),
];

/// The statements of a document. A document that is known only in a deployment counts as one.
fn all_statements(document: Option<&Json>) -> impl Iterator<Item = &Map<String, Json>> {
    let all = document.map(|document| document.get("Statement").unwrap_or(document));
    all.into_iter().flat_map(each).filter_map(Json::as_object)
}

/// The statements of a document with an effect.
fn statements<'t>(document: Option<&'t Json>, effect: &str) -> Vec<&'t Map<String, Json>> {
    all_statements(document).filter(|statement| statement.get("Effect").is_some_and(|own| own == effect)).collect()
}

/// The statements of a document with an effect that is known only in a deployment.
fn undecided(document: Option<&Json>) -> Vec<&Map<String, Json>> {
    let is_decided = |effect: &Json| effect == "Allow" || effect == "Deny";
    all_statements(document).filter(|statement| !statement.get("Effect").is_some_and(is_decided)).collect()
}

/// Whether two lists have other statements.
fn differ(old: &[&Map<String, Json>], new: &[&Map<String, Json>]) -> bool {
    !old.iter().all(|statement| contains(new, statement)) || !new.iter().all(|statement| contains(old, statement))
}

/// Whether a list has a statement that differs only in its id.
fn contains(all: &[&Map<String, Json>], statement: &Map<String, Json>) -> bool {
    let without_id = |statement: &Map<String, Json>| {
        let mut statement = statement.clone();
        statement.shift_remove("Sid");
        Json::Object(statement)
    };
    let statement = without_id(statement);
    all.iter().any(|other| is_same(Some(&without_id(other)), Some(&statement)))
}

/// Whether a pattern of a policy matches an action. `None` if the pattern is known only in a deployment.
fn matches(pattern: &Json, action: &str) -> Option<bool> {
    let pattern = pattern.as_str()?;
    let action: Vec<_> = action.to_ascii_lowercase().chars().map(Letter::Char).collect();
    Some(Glob::pattern(&[Piece::Literal(pattern.to_ascii_lowercase())]).must_match(&action))
}

/// The actions of [`ACTIONS`] that a statement names. What it names by exclusion counts as each. `unclear` says if a pattern
/// that is known only in a deployment matches.
fn actions(statement: &Map<String, Json>, unclear: bool) -> Vec<&'static str> {
    let is_named = |action: &&str| {
        let mut named = statement.get("Action").into_iter().flat_map(each);
        statement.contains_key("NotAction") || named.any(|pattern| matches(pattern, action).unwrap_or(unclear))
    };
    ACTIONS.into_iter().filter(is_named).collect()
}

/// The statements with an effect that name one of [`ACTIONS`].
fn about_actions<'t>(permissions: &'t Permissions, effect: &str) -> Vec<&'t Map<String, Json>> {
    let all = permissions.documents.iter().flat_map(|document| statements(Some(document), effect));
    all.filter(|statement| !actions(statement, true).is_empty()).collect()
}

/// Each of [`ACTIONS`] that these statements allow, with each resource, and with the rest of the statement.
fn allowed<'t>(statements: &[&'t Map<String, Json>], unclear: bool) -> Vec<(&'static str, &'t Json, Json)> {
    let mut found = Vec::new();
    for statement in statements {
        let mut rest = (*statement).clone();
        for name in ["Sid", "Action", "Resource"] {
            rest.shift_remove(name);
        }
        let resources = match statement.get("Resource") {
            Some(resource) => each(resource).collect(),
            // The rest has the resources that are excluded.
            None => vec![&Json::Null],
        };
        for action in actions(statement, unclear) {
            found.extend(resources.iter().map(|resource| (action, *resource, Json::Object(rest.clone()))));
        }
    }
    found
}

impl Judge<'_> {
    /// Finds what may silence an alarm, a notice or a run.
    pub(super) fn silences(&mut self) {
        let none = Map::new();
        let [before, after] =
            [self.old, self.new].map(|template| template.get("Resources").and_then(Json::as_object).unwrap_or(&none));
        for (id, body) in before {
            if let Some((_, about, document)) = SERVICE_POLICIES.iter().find(|(known, ..)| *known == kind(body)) {
                self.services(id, (about, document), body, after.get(id));
            }
            if kind(body) == "AWS::Lambda::Permission" {
                self.caller(id, body);
            }
        }
        let [old_roles, mut new_roles, mut kept_roles] =
            [self.old, self.new, &self.kept].map(grants::acting_permissions);
        for (acting, old) in old_roles.iter().filter(|((id, _), _)| after.contains_key(id)) {
            let [new, kept] = [&mut new_roles, &mut kept_roles].map(|roles| roles.remove(acting).unwrap_or_default());
            self.own_role(&acting.0, old, &new, &kept);
        }
        for (id, body) in after.iter().filter(|(id, _)| !before.contains_key(*id)) {
            let known = SERVICE_POLICIES.iter().find(|(known, ..)| *known == kind(body));
            let Some((_, about, document)) = known.filter(|(_, about, _)| !about.is_empty()) else { continue };
            let is_for_old = references(&body["Properties"][*about]).iter().any(|name| before.contains_key(&name.name));
            let document = body["Properties"].get(*document);
            if is_for_old && !(statements(document, "Deny").is_empty() && undecided(document).is_empty()) {
                self.unknown(id, &format!("it denies something, {SILENCE}"));
            }
        }
    }

    /// Whether a value refers to resources, but to none that is still there.
    fn is_about_nothing(&self, value: Option<&Json>) -> bool {
        let names = value.map(references).unwrap_or_default();
        let is_kept = |name: &str| self.new.get("Resources").and_then(|all| all.get(name)).is_some();
        !names.is_empty() && !names.iter().any(|reference| is_kept(&reference.name))
    }

    /// What services and members may do with a topic, a queue, a bus, a key or a role.
    fn services(&mut self, id: &str, (about, document): (&str, &str), old: &Json, new: Option<&Json>) {
        let part = |body: Option<&'_ Json>, name: &str| body?.get("Properties")?.get(name).cloned();
        let subject = part(Some(old), about);
        // The policy of a key or a role is a part of it.
        if new.is_none() && (about.is_empty() || self.is_about_nothing(subject.as_ref())) {
            return;
        }
        let is_moved = !is_same(subject.as_ref(), part(new, about).as_ref());
        let (was, is) = (part(Some(old), document), part(new, document).filter(|_| !is_moved));
        let allowed = statements(is.as_ref(), "Allow");
        // Only notices that were not delivered need this permission.
        let redrives =
            View(self.new).of("AWS::SNS::Subscription").any(|one| one.properties.get("RedrivePolicy").is_some());
        let mut lost = Vec::new();
        for statement in statements(was.as_ref(), "Allow") {
            let principal = statement.get("Principal");
            let services = principal.and_then(|principal| principal.get("Service"));
            let only_services = principal.and_then(Json::as_object).is_some_and(|all| all.len() == 1);
            let is_needed = |service: &&Json| **service != "sns.amazonaws.com" || redrives;
            let who = match services.into_iter().flat_map(each).find(is_needed) {
                Some(service) => text(service),
                // A role may use a key only if the policy of the key lets the account decide. A member may use the topic and the
                // bus of another account only by their policies.
                None if (services.is_none() || !only_services) && document != "AssumeRolePolicyDocument" => {
                    "a principal".to_owned()
                }
                None => continue,
            };
            let is_kept = contains(&allowed, statement) && self.taint(&Json::Object(statement.clone())).is_none();
            if !is_kept {
                lost.push(who);
            }
        }
        let place = format!("{id}.{document}");
        for who in lost {
            self.unknown(&place, &format!("{who} may do less, {SILENCE}"));
        }
        let denied = statements(was.as_ref(), "Deny");
        if statements(is.as_ref(), "Deny").iter().any(|statement| !contains(&denied, statement)) {
            self.unknown(&place, &format!("it denies more, {SILENCE}"));
        }
        if differ(&undecided(was.as_ref()), &undecided(is.as_ref())) {
            self.unknown(&place, &format!("a statement is known only in a deployment, {SILENCE}"));
        }
    }

    /// A service that may invoke a function, such as the one that starts the runs.
    fn caller(&mut self, id: &str, old: &Json) {
        let (was, none) = (&old["Properties"], Map::new());
        let function = was.get("FunctionName");
        let service = text(&was["Principal"]);
        let is_account =
            literal(was.get("Principal")).is_some_and(|name| name.starts_with("arn:") || !name.contains('.'));
        if is_account || self.is_about_nothing(function) || service == "sns.amazonaws.com" && !self.is_subscribed(was) {
            return;
        }
        let is_function = |other: Option<&Json>| {
            let [old, new] = [function, other].map(|name| name.and_then(|name| self.target(name)));
            is_same(function, other) || old.is_some() && old == new
        };
        // Each further property is a condition.
        let allows = |other: &Json| {
            let is = &other["Properties"];
            let mut conditions = is.as_object().unwrap_or(&none).iter().filter(|(name, _)| *name != "FunctionName");
            other.get("Condition") == old.get("Condition")
                && is_function(is.get("FunctionName"))
                && is_same(was.get("Action"), is.get("Action"))
                && conditions.all(|(name, value)| is_same(was.get(name), Some(value)))
                && self.taint(other).is_none()
        };
        if !View(self.new).of("AWS::Lambda::Permission").any(|other| allows(other.body)) {
            self.unknown(id, &format!("{service} may do less, {SILENCE}"));
        }
    }

    /// Whether a topic still invokes the function of a permission. Only topics of the template are known.
    fn is_subscribed(&self, permission: &Json) -> bool {
        let is_known = |name: &str| {
            [self.old, self.new]
                .iter()
                .any(|template| template["Resources"].get(name).is_some_and(|body| kind(body) == "AWS::SNS::Topic"))
        };
        let topics = permission.get("SourceArn").map(references).unwrap_or_default();
        if topics.is_empty() || !topics.iter().all(|topic| is_known(&topic.name)) {
            return true;
        }
        let function = permission.get("FunctionName");
        View(self.new).of("AWS::SNS::Subscription").any(|subscription| {
            let endpoint = subscription.properties.get("Endpoint");
            is_same(endpoint, function) || endpoint.is_none_or(|endpoint| literal(Some(endpoint)).is_none())
        })
    }

    /// What the role may do with which AWS acts for a resource, such as the function or the schedule. `kept` has only what no
    /// condition leaves out.
    fn own_role(&mut self, id: &str, old: &Permissions, new: &Permissions, kept: &Permissions) {
        let place = format!("the role of {id}");
        if new.boundary != Boundary::Absent && new.boundary != old.boundary {
            self.unknown(&place, &format!("another permissions boundary limits it, {SILENCE}"));
        }
        if !old.attached.is_subset(&kept.attached) {
            self.unknown(&place, &format!("it loses a policy that is not in the template, {SILENCE}"));
        }
        let [before, after] = [old, kept].map(|of| about_actions(of, "Allow"));
        let changed: Vec<_> = before.into_iter().filter(|statement| !contains(&after, statement)).collect();
        let still_allowed = allowed(&after, false);
        let is_kept = |(action, resource, rest): &(&str, &Json, Json)| {
            still_allowed.iter().any(|(other, on, own)| {
                other == action && is_same(Some(on), Some(resource)) && is_same(Some(own), Some(rest))
            })
        };
        let lost: BTreeSet<&str> =
            allowed(&changed, true).iter().filter(|one| !is_kept(one)).map(|(action, ..)| *action).collect();
        for action in lost {
            self.unknown(&place, &format!("it loses {action}, {SILENCE}"));
        }
        let denied = about_actions(old, "Deny");
        if about_actions(new, "Deny").iter().any(|statement| !contains(&denied, statement)) {
            self.unknown(&place, &format!("it is denied more, {SILENCE}"));
        }
        let [was, is, stays] = [old, new, kept]
            .map(|of| of.documents.iter().flat_map(|document| undecided(Some(document))).collect::<Vec<_>>());
        if differ(&was, &is) || differ(&was, &stays) {
            self.unknown(&place, &format!("a statement is known only in a deployment, {SILENCE}"));
        }
    }

    /// Whether the template of the members is not known, but is the same as before. Then the members send notices to
    /// the same recipients as before.
    fn has_same_unknown_members(&self) -> bool {
        let new = member_template_urls(self.new);
        self.members.is_none() && !new.is_empty() && new == member_template_urls(self.old)
    }

    /// An address or an endpoint that loses a subscription.
    pub(super) fn unsubscribed(&mut self, id: &str, subscription: &Json) {
        let address = |of: &Json| literal(of.get("Endpoint")).map(str::to_ascii_lowercase);
        let topic = subscription.get("TopicArn");
        let lost = address(subscription).zip(topic);
        let Some((lost, topic)) = lost else {
            return self.unknown(id, "its address no longer gets what is still sent to it");
        };
        // SNS gives a second subscription of an address the ARN of the first one. CloudFormation then deletes it with the first one.
        let is_the_same = |other: &Resource<'_>| {
            let parts = ["TopicArn", "Protocol", "FilterPolicy", "FilterPolicyScope"];
            address(other.properties).as_ref() == Some(&lost)
                && parts.iter().all(|part| other.properties.get(part) == subscription.get(part))
        };
        let existed =
            |id: &str| View(self.old).of("AWS::SNS::Subscription").any(|old| old.id == id && is_the_same(&old));
        if View(&self.kept).of("AWS::SNS::Subscription").any(|other| is_the_same(&other) && existed(other.id)) {
            return;
        }
        let alarms = self.target(topic).is_some_and(|(topic, _)| self.carries_only_alarms(&topic));
        let read = |variable: Variable| {
            let members = self.members.map(MemberChange::new_template);
            let functions = [self.new].into_iter().chain(members).flat_map(|all| View(all).of("AWS::Lambda::Function"));
            // A text that is known only in a deployment may name each address.
            functions.filter_map(move |function| {
                let environment = function.properties.get("Environment")?;
                let is_plain = |value: &Json| value.is_object() && intrinsic(value).is_none();
                let variables = match environment.get("Variables") {
                    Some(variables) if is_plain(variables) => variables,
                    None if is_plain(environment) => return None,
                    _ => return Some(None),
                };
                Some(literal(Some(variables.get(variable.name())?)).map(str::to_ascii_lowercase))
            })
        };
        let variables: &[Variable] = if alarms {
            &[Variable::Administrators]
        } else {
            &[Variable::Administrators, Variable::Notify, Variable::Users]
        };
        let is_named = variables
            .iter()
            .any(|variable| read(*variable).any(|value| value.is_none_or(|value| value.contains(&lost))))
            || !alarms && self.has_same_unknown_members();
        let is_none = |variable: Variable| read(variable).all(|value| value.as_deref() == Some("none"));
        let is_last = is_none(Variable::Administrators) && is_none(Variable::Notify);
        let is_program = subscription.as_object().is_some_and(|properties| program_endpoint(properties).is_some());
        let is_mail = literal(subscription.get("Protocol")).is_some_and(|protocol| protocol == "email");
        if is_named || !is_mail && !is_program {
            self.unknown(id, "its address no longer gets what is still sent to it");
        } else if is_program && is_last {
            self.unknown(id, "without it, notices about users without an owner have no recipient");
        }
        let what = if alarms { "alarms" } else { "notices" };
        let who = if is_program { text(&subscription["Endpoint"]) } else { lost };
        self.judgement.unsubscribed.entry(who).or_default().insert(what);
    }
}
