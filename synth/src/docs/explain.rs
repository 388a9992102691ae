//! Each permission of a template explained: action, resource, the steps that need it, and why. Pure.

use std::collections::BTreeMap;

use lambda::contract::{
    call_permissions::{CHOOSING, Step, steps},
    permissions::SIDS,
};
use serde_json::{Value as Json, json};

use crate::cfn::{
    Value, json,
    view::{Statement, View, reasons, text},
};

/// One statement of one role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permission {
    /// The role's logical id.
    pub role: String,
    /// The statement's id.
    pub sid: String,
    /// Why it is there.
    pub why: String,
    /// Each action, with the steps of a rotation that need it; none where AWS itself acts as the role.
    pub actions: Vec<(String, Vec<&'static str>)>,
    /// On what, with `${…}` for what only CloudFormation knows.
    pub resources: Vec<String>,
    /// When it applies.
    pub conditions: Vec<String>,
}

/// Who may assume a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    /// The role's logical id.
    pub role: String,
    /// What the role is for.
    pub why: String,
    /// The services.
    pub services: Vec<String>,
    /// When they may.
    pub conditions: Vec<String>,
}

/// What a resource's own policy lets somebody do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The resource that says so, by its logical id.
    pub resource: String,
    /// The statement's id.
    pub sid: String,
    /// Why it is there.
    pub why: String,
    /// Whom it lets: services, accounts.
    pub who: Vec<String>,
    /// What they may do.
    pub actions: Vec<String>,
    /// When they may.
    pub conditions: Vec<String>,
}

/// All that a template permits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// What the template is for, and who is chosen.
    pub about: String,
    /// The roles.
    pub roles: Vec<Trust>,
    /// Their statements.
    pub permissions: Vec<Permission>,
    /// What resources let others do.
    pub grants: Vec<Grant>,
    /// Steps that nobody has to permit.
    pub free: Vec<(String, &'static str)>,
}

/// Explains a template of ours.
#[must_use]
pub fn explain(template: &Value) -> Explanation {
    let (canonical, why) = (json::to_json(template), reasons(template));
    let reason = |pointer: &str| why.get(pointer).copied().unwrap_or_default().to_owned();
    let choosing = CHOOSING.map(|(action, purpose)| (action.to_owned(), vec![purpose]));
    let needs: BTreeMap<String, Vec<&'static str>> = steps().iter().fold(choosing.into(), |mut all, step| {
        step.call.actions().for_each(|action| all.entry(action).or_insert_with(Vec::new).push(step.purpose));
        all
    });
    let (mut roles, mut permissions) = (Vec::new(), Vec::new());
    for role in View(&canonical).roles() {
        let id = role.resource.id.to_owned();
        roles.push(Trust {
            why: reason(&format!("/Resources/{id}")),
            services: role.trust.iter().flat_map(Statement::services).collect(),
            conditions: role.trust.iter().flat_map(Statement::conditions).collect(),
            role: id.clone(),
        });
        permissions.extend(role.policies.iter().map(|statement| {
            // The same action can stand elsewhere for what AWS does in the role.
            let by = |action: &str| needs.get(action).filter(|_| SIDS.contains(&statement.sid()));
            Permission {
                role: id.clone(),
                sid: statement.sid().to_owned(),
                why: reason(&statement.pointer),
                actions: statement
                    .texts("Action")
                    .into_iter()
                    .map(|action| (action.clone(), by(&action).cloned().unwrap_or_default()))
                    .collect(),
                resources: statement.texts("Resource"),
                conditions: statement.conditions(),
            }
        }));
    }
    let grants = View(&canonical).resource_policies().flat_map(|(resource, statements)| {
        let grant = |statement: &Statement<'_>| Grant {
            resource: resource.id.to_owned(),
            sid: statement.sid().to_owned(),
            why: reason(&statement.pointer),
            who: statement.principals(),
            actions: statement.texts("Action"),
            conditions: statement.conditions(),
        };
        statements.iter().filter(|statement| statement.allows()).map(grant).collect::<Vec<_>>()
    });
    let free = steps().into_iter().filter(|step| !step.call.needs_permission());
    let free = free.map(|Step { call, purpose }| (call.action(), purpose)).collect();
    Explanation { about: text(&canonical["Description"]), roles, permissions, grants: grants.collect(), free }
}

/// What is said where no step of the handler needs an action.
const SERVICE: &str = "no step of the handler: AWS does it in this role";

/// One line for each, with a word before it.
fn lines(before: &str, list: &[String]) -> String {
    list.iter().map(|line| format!("{before} {line}\n")).collect::<Vec<_>>().concat()
}

impl Explanation {
    /// As people read it.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = format!("{}\n\n", self.about);
        for trust in &self.roles {
            out += &format!("{} — {}\n  assumed by {}\n", trust.role, trust.why, trust.services.join(", "));
            out += &lines("  only if", &trust.conditions);
            for permission in self.permissions.iter().filter(|permission| permission.role == trust.role) {
                out += &format!("\n{}", permission.text());
            }
            out.push('\n');
        }
        for grant in &self.grants {
            out += &format!("{}: {} — {}\n", grant.resource, grant.sid, grant.why);
            out += &format!("  lets {} {}\n", grant.who.join(", "), grant.actions.join(", "));
            out += &lines("  only if", &grant.conditions);
            out.push('\n');
        }
        out += "Needs no permission\n";
        out + &lines(" ", &self.free.iter().map(|(action, step)| format!("{action}  {step}")).collect::<Vec<_>>())
    }

    /// As programs read it: one entry for each action of each statement.
    #[must_use]
    pub fn json(&self) -> Json {
        let permission = |p: &Permission| {
            let entry = |(action, steps): &(String, Vec<&'static str>)| {
                json!({
                    "role": p.role, "sid": p.sid, "action": action, "steps": steps, "resources": p.resources,
                    "conditions": p.conditions, "why": p.why,
                })
            };
            p.actions.iter().map(entry).collect::<Vec<_>>()
        };
        let trust =
            |t: &Trust| json!({ "role": t.role, "services": t.services, "conditions": t.conditions, "why": t.why });
        let grant = |g: &Grant| {
            json!({
                "resource": g.resource, "sid": g.sid, "who": g.who, "actions": g.actions, "conditions": g.conditions,
                "why": g.why,
            })
        };
        let free = |(action, step): &(String, &'static str)| json!({ "action": action, "steps": [step] });
        json!({
            "about": self.about,
            "roles": self.roles.iter().map(trust).collect::<Vec<_>>(),
            "permissions": self.permissions.iter().flat_map(permission).collect::<Vec<_>>(),
            "grants": self.grants.iter().map(grant).collect::<Vec<_>>(),
            "needs_no_permission": self.free.iter().map(free).collect::<Vec<_>>(),
        })
    }
}

impl Permission {
    fn text(&self) -> String {
        let mut out = format!("  {} — {}\n", self.sid, self.why);
        let width = self.actions.iter().map(|(action, _)| action.len()).max().unwrap_or_default();
        for (action, steps) in &self.actions {
            let steps = if steps.is_empty() { SERVICE.to_owned() } else { steps.join("; ") };
            out += &format!("    {action:width$}  {steps}\n");
        }
        for (index, resource) in self.resources.iter().enumerate() {
            out += &format!("    {}  {resource}\n", if index == 0 { "on" } else { "  " });
        }
        out + &lines("    if ", &self.conditions)
    }
}
