//! Changes that allow less, but can silence an alarm, a notice or a run.
//!
//! The comparison of permissions calls them narrower. But an alarm that may not publish reaches no person.

use serde_json::{Map, Value as Json};

use super::{Judge, is_same, kind};
use crate::{
    cfn::{
        text::Piece,
        view::{View, each, references, text},
    },
    iam::{
        glob::{Glob, Letter},
        grants,
    },
};

/// The actions of the stack's roles that start a run, send a notice or keep what failed.
const ACTIONS: [&str; 3] = ["lambda:InvokeFunction", "sns:Publish", "sqs:SendMessage"];

/// The policies that let services of AWS act for the stack. Each has its type, the property that names what it is for, and
/// the property with the document.
const SERVICE_POLICIES: [(&str, &str, &str); 4] = [
    ("AWS::IAM::Role", "", "AssumeRolePolicyDocument"),
    ("AWS::KMS::Key", "", "KeyPolicy"),
    ("AWS::SNS::TopicPolicy", "Topics", "PolicyDocument"),
    ("AWS::SQS::QueuePolicy", "Queues", "PolicyDocument"),
];

/// The statements of a document with an effect.
fn statements<'t>(document: Option<&'t Json>, effect: &str) -> Vec<&'t Map<String, Json>> {
    let all = document.and_then(|document| document.get("Statement")).into_iter().flat_map(each);
    all.filter_map(Json::as_object)
        .filter(|statement| statement.get("Effect").is_some_and(|own| own == effect))
        .collect()
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

/// Whether a pattern of a policy matches an action. What is not a plain text may match.
fn matches(pattern: &Json, action: &str) -> bool {
    let Some(pattern) = pattern.as_str() else { return true };
    let action: Vec<_> = action.to_ascii_lowercase().chars().map(Letter::Char).collect();
    Glob::pattern(&[Piece::Literal(pattern.to_ascii_lowercase())]).must_match(&action)
}

/// The actions of [`ACTIONS`] that a statement names. What it names by exclusion counts as each.
fn actions(statement: &Map<String, Json>) -> Vec<&'static str> {
    let is_named = |action: &&str| {
        let mut named = statement.get("Action").into_iter().flat_map(each);
        statement.contains_key("NotAction") || named.any(|pattern| matches(pattern, action))
    };
    ACTIONS.into_iter().filter(is_named).collect()
}

/// The statements with an effect that name one of [`ACTIONS`].
fn about_actions<'t>(documents: &[&'t Json], effect: &str) -> Vec<&'t Map<String, Json>> {
    let all = documents.iter().flat_map(|document| statements(Some(document), effect));
    all.filter(|statement| !actions(statement).is_empty()).collect()
}

/// The policy documents of the role that acts for a resource of a template.
fn documents<'t>(template: &'t Json, id: &str) -> Vec<&'t Json> {
    let resources = template.get("Resources").and_then(Json::as_object);
    let Some(body) = resources.and_then(|all| all.get(id)) else { return Vec::new() };
    let Some((_, role)) = body.get("Properties").and_then(|own| grants::acting_role(kind(body), own)) else {
        return Vec::new();
    };
    let uses = |value: &Json, name: &str| references(value).iter().any(|reference| reference.name == name);
    let mut documents = Vec::new();
    for role in View(template).of("AWS::IAM::Role").filter(|other| uses(role, other.id)) {
        let inline = role.properties.get("Policies").into_iter().flat_map(each);
        documents.extend(inline.filter_map(|policy| policy.get("PolicyDocument")));
        for kind in ["AWS::IAM::ManagedPolicy", "AWS::IAM::Policy", "AWS::IAM::RolePolicy"] {
            let attached = View(template).of(kind).filter(|policy| {
                let names = ["RoleName", "Roles"].into_iter().filter_map(|name| policy.properties.get(name));
                let mut names = names.map(|names| uses(names, role.id));
                names.any(|is_named| is_named)
                    || role.properties.get("ManagedPolicyArns").is_some_and(|names| uses(names, policy.id))
            });
            documents.extend(attached.filter_map(|policy| policy.properties.get("PolicyDocument")));
        }
    }
    documents
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
            if after.contains_key(id) && grants::acting_role(kind(body), &body["Properties"]).is_some() {
                self.own_role(id);
            }
        }
        for (id, body) in after.iter().filter(|(id, _)| !before.contains_key(*id)) {
            let known = SERVICE_POLICIES.iter().find(|(known, ..)| *known == kind(body));
            let Some((_, about, document)) = known.filter(|(_, about, _)| !about.is_empty()) else { continue };
            let is_for_old = references(&body["Properties"][*about]).iter().any(|name| before.contains_key(&name.name));
            if is_for_old && !statements(body["Properties"].get(*document), "Deny").is_empty() {
                self.unknown(id, "it denies something, and that may silence an alarm, a notice or a run");
            }
        }
    }

    /// What services may do with a topic, a queue, a key or a role.
    fn services(&mut self, id: &str, (about, document): (&str, &str), old: &Json, new: Option<&Json>) {
        let part = |body: Option<&'_ Json>, name: &str| body?.get("Properties")?.get(name).cloned();
        let subject = part(Some(old), about);
        if new.is_none() {
            let names = subject.as_ref().map(references).unwrap_or_default();
            let is_kept = |name: &str| self.new.get("Resources").and_then(|all| all.get(name)).is_some();
            if !names.iter().any(|reference| is_kept(reference.name.split('.').next().unwrap_or_default())) {
                return;
            }
        }
        let is_moved = !is_same(subject.as_ref(), part(new, about).as_ref());
        let (was, is) = (part(Some(old), document), part(new, document).filter(|_| !is_moved));
        let allowed = statements(is.as_ref(), "Allow");
        // Only notices that were not delivered need this permission.
        let redrives =
            View(self.new).of("AWS::SNS::Subscription").any(|one| one.properties.get("RedrivePolicy").is_some());
        let mut lost = Vec::new();
        for statement in statements(was.as_ref(), "Allow") {
            let services = statement.get("Principal").and_then(|principal| principal.get("Service"));
            let is_needed = |service: &&Json| **service != "sns.amazonaws.com" || redrives;
            let Some(service) = services.into_iter().flat_map(each).find(is_needed) else { continue };
            let is_kept = contains(&allowed, statement) && self.taint(&Json::Object(statement.clone())).is_none();
            if !is_kept {
                lost.push(text(service));
            }
        }
        let place = format!("{id}.{document}");
        for service in lost {
            self.unknown(&place, &format!("{service} may do less, and that may silence an alarm, a notice or a run"));
        }
        let denied = statements(was.as_ref(), "Deny");
        if statements(is.as_ref(), "Deny").iter().any(|statement| !contains(&denied, statement)) {
            self.unknown(&place, "it denies more, and that may silence an alarm, a notice or a run");
        }
    }

    /// What the role of the function or of the schedule may do.
    fn own_role(&mut self, id: &str) {
        let [old, new] = [self.old, self.new].map(|template| documents(template, id));
        // Each action with each resource, and the rest of the statement.
        let permissions = |documents: &[&'_ Json]| {
            let mut found = Vec::new();
            for statement in about_actions(documents, "Allow") {
                let mut rest = statement.clone();
                for name in ["Sid", "Action", "Resource"] {
                    rest.shift_remove(name);
                }
                for action in actions(statement) {
                    for resource in statement.get("Resource").into_iter().flat_map(each) {
                        found.push((action, resource.clone(), Json::Object(rest.clone())));
                    }
                }
            }
            found
        };
        let kept = permissions(&new);
        let is_kept = |(action, resource, rest): &(&str, Json, Json)| {
            kept.iter().any(|(other, on, own)| {
                other == action && is_same(Some(on), Some(resource)) && is_same(Some(own), Some(rest))
            })
        };
        let place = format!("the role of {id}");
        let mut lost: Vec<&str> =
            permissions(&old).iter().filter(|one| !is_kept(one)).map(|(action, ..)| *action).collect();
        lost.dedup();
        for action in lost {
            self.unknown(&place, &format!("it loses {action}, and that may silence an alarm, a notice or a run"));
        }
        let denied = about_actions(&old, "Deny");
        if about_actions(&new, "Deny").iter().any(|statement| !contains(&denied, statement)) {
            self.unknown(&place, "it is denied more, and that may silence an alarm, a notice or a run");
        }
    }
}
