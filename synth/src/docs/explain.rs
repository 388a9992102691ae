//! Each permission of a template explained: action, resource, the steps that need it, and why. With an organization, the stack
//! of the administering account comes before that of a member. Pure.

use std::collections::BTreeMap;

use lambda::contract::{
    call_permissions::{CHOOSING, Step, steps},
    permissions::SIDS,
};
use serde_json::{Value as Json, json};

use crate::cfn::{
    Value, json,
    view::{self, Resource, StatementView, View, reasons},
};

/// The text for an action that no step of the handler needs.
const SERVICE: &str = "no step of the handler: AWS does this with the role";

/// The action with which a member sends its notices, and its purpose.
const SEND: (&str, &str) = ("events:PutEvents", "announce a new key; report what was done and what failed");

/// The purpose of the publisher, which is the handler's program in another mode.
const PUBLISH: &str = "mail a notice or an alarm of a member";

/// The explanation of an organization's stacks that people read.
#[must_use]
pub fn text_of_organization(central: &Value, member: &Value) -> String {
    format!("In the administering account\n\n{}\n\nIn each member account\n\n{}", text(central), text(member))
}

/// The explanation of an organization's stacks that programs read: that of the administering account's stack, and in the field
/// `member` that of a member's stack.
#[must_use]
pub fn json_of_organization(central: &Value, member: &Value) -> Json {
    let mut explanation = json(central);
    explanation["member"] = json(member);
    explanation
}

/// The explanation that people read.
#[must_use]
pub fn text(template: &Value) -> String {
    let (canonical, why) = (json::to_json(template), reasons(template));
    let needs = needs(View(&canonical));
    let why = |pointer: &str| why.get(pointer).copied().unwrap_or_default();
    let mut out = format!("{}\n\n", view::text(&canonical["Description"]));
    for role in View(&canonical).roles() {
        out += &format!("{} — {}\n", role.resource.id, why(&role.resource.pointer()));
        for trust in &role.trust {
            out += &format!("  assumed by {}\n", trust.services().join(", "));
            out += &lines("  only if", &trust.conditions());
        }
        for statement in &role.policies {
            out += &format!("\n  {} — {}\n", statement.sid(), why(&statement.pointer));
            let actions = statement.texts("Action");
            let width = actions.iter().map(String::len).max().unwrap_or_default();
            for action in &actions {
                let steps = needed_by(&needs, statement, action);
                let steps = if steps.is_empty() { SERVICE.to_owned() } else { steps.join("; ") };
                out += &format!("    {action:width$}  {steps}\n");
            }
            out += &format!("    on  {}\n", statement.texts("Resource").join("\n        "));
            out += &lines("    if ", &statement.conditions());
        }
        out.push('\n');
    }
    for (resource, grant) in grants(View(&canonical)) {
        out += &format!("{resource}: {} — {}\n", grant.sid(), why(&grant.pointer));
        out += &format!("  lets {} {}\n", grant.principals().join(", "), grant.texts("Action").join(", "));
        out += &lines("  only if", &grant.conditions());
        out.push('\n');
    }
    for endpoint in endpoints(View(&canonical)) {
        out += &format!("{} — {}\n\n", view::text(&endpoint.properties["Endpoint"]), why(&endpoint.pointer()));
    }
    let free: Vec<_> = free(View(&canonical)).map(|(action, step)| format!("{action}  {step}")).collect();
    if free.is_empty() { out.trim_end().to_owned() + "\n" } else { out + "Needs no permission\n" + &lines(" ", &free) }
}

/// The explanation that programs read: one entry for each action of each statement.
#[must_use]
pub fn json(template: &Value) -> Json {
    let (canonical, why) = (json::to_json(template), reasons(template));
    let needs = needs(View(&canonical));
    let why = |pointer: &str| why.get(pointer).copied().unwrap_or_default();
    let (mut roles, mut permissions) = (Vec::new(), Vec::new());
    for role in View(&canonical).roles() {
        let id = role.resource.id;
        roles.push(json!({
            "role": id, "services": role.trust.iter().flat_map(StatementView::services).collect::<Vec<_>>(),
            "conditions": role.trust.iter().flat_map(StatementView::conditions).collect::<Vec<_>>(),
            "why": why(&role.resource.pointer()),
        }));
        permissions.extend(role.policies.iter().flat_map(|statement| {
            let entry = |action: String| {
                json!({
                    "role": id, "sid": statement.sid(), "action": action, "steps": needed_by(&needs, statement, &action),
                    "resources": statement.texts("Resource"), "conditions": statement.conditions(),
                    "why": why(&statement.pointer),
                })
            };
            statement.texts("Action").into_iter().map(entry).collect::<Vec<_>>()
        }));
    }
    let grant = |(resource, grant): (&str, StatementView<'_>)| {
        json!({
            "resource": resource, "sid": grant.sid(), "who": grant.principals(), "actions": grant.texts("Action"),
            "conditions": grant.conditions(), "why": why(&grant.pointer),
        })
    };
    json!({
        "about": view::text(&canonical["Description"]),
        "roles": roles,
        "permissions": permissions,
        "grants": grants(View(&canonical)).map(grant).collect::<Vec<_>>(),
        "endpoints": endpoints(View(&canonical)).map(|endpoint| json!({
            "endpoint": view::text(&endpoint.properties["Endpoint"]), "why": why(&endpoint.pointer()),
        })).collect::<Vec<_>>(),
        "needs_no_permission":
            free(View(&canonical)).map(|(action, step)| json!({ "action": action, "steps": [step] })).collect::<Vec<_>>(),
    })
}

/// The subscriptions of programs. What they need of their owners is in their comments.
fn endpoints(view: View<'_>) -> impl Iterator<Item = Resource<'_>> {
    view.of("AWS::SNS::Subscription").filter(|subscription| subscription.properties["Protocol"] != "email")
}

/// Whether the function of a template is the publisher of an organization, and not the handler.
fn is_central(view: View<'_>) -> bool {
    view.of("AWS::CloudFormation::StackSet").next().is_some()
}

/// The purposes of each action.
fn needs(view: View<'_>) -> BTreeMap<String, Vec<&'static str>> {
    if is_central(view) {
        return BTreeMap::from([("sns:Publish".to_owned(), vec![PUBLISH])]);
    }
    let mut all = BTreeMap::from(CHOOSING.map(|(action, purpose)| (action.to_owned(), vec![purpose])));
    for step in steps() {
        step.call.actions().for_each(|action| all.entry(action).or_default().push(step.purpose));
    }
    // A member delivers no key with a notice.
    all.insert(SEND.0.to_owned(), vec![SEND.1]);
    all
}

/// The steps of a rotation that need an action of this statement; none if AWS itself acts as the role.
fn needed_by<'n>(
    needs: &'n BTreeMap<String, Vec<&'static str>>,
    statement: &StatementView<'_>,
    action: &str,
) -> &'n [&'static str] {
    // A statement for AWS can have the same action.
    let is_handlers = SIDS.contains(&statement.sid());
    needs.get(action).filter(|_| is_handlers).map_or(&[], Vec::as_slice)
}

/// What the policies of resources allow to others.
fn grants(view: View<'_>) -> impl Iterator<Item = (&str, StatementView<'_>)> {
    view.resource_policies().flat_map(|(resource, statements)| {
        statements.into_iter().filter(StatementView::allows).map(move |statement| (resource.id, statement))
    })
}

/// The steps that need no permission.
fn free(view: View<'_>) -> impl Iterator<Item = (String, &'static str)> {
    let is_handler = !is_central(view);
    let free = steps().into_iter().filter(move |step| is_handler && !step.call.needs_permission());
    free.map(|Step { call, purpose }| (call.action(), purpose))
}

/// One line for each, with a word before it.
fn lines(before: &str, list: &[String]) -> String {
    list.iter().map(|line| format!("{before} {line}\n")).collect::<Vec<_>>().concat()
}
