//! Compares two templates: what changes, what happens to each resource, and how permissions change.
//!
//! This works on the canonical form of any two templates: call [`compare`], then [`render::render`].
//! [`change_set::merge`] adds the information of CloudFormation's change set.

mod account_moves;
pub mod approval;
pub mod change_set;
mod closed_world;
mod handler_change;
mod handler_env;
mod impact;
mod key_access;
mod key_timing;
pub mod leaving;
pub mod member_change;
mod possible_users;
mod recipients;
pub mod render;
mod replacing_properties;
pub mod role_changes;
mod schedule_density;
mod selection;
pub mod setting_changes;
#[cfg(test)]
mod test_templates;
mod values;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json};

pub use self::{account_moves::MovedAccounts, impact::Impact, values::Change};
use self::{
    closed_world::Judgement,
    replacing_properties::ReplacingProperties,
    values::{Path, differences, leaves},
};
use crate::{
    diff::{
        approval::Fingerprint,
        handler_change::Handlers,
        member_change::MemberChange,
        role_changes::{RoleChange, role_changes},
        setting_changes::{SettingChange, setting_changes},
    },
    iam::{
        compare::Verdict,
        template::{IamImpact, compare_templates},
    },
};

/// The differences between two templates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diff {
    /// Resources that are added, removed or changed.
    pub resources: Vec<ResourceChange>,
    /// Entries of the other sections: parameters, outputs, conditions, mappings.
    pub entries: Vec<EntryChange>,
    /// How the permissions change.
    pub iam: IamImpact,
    /// The accounts that one deployment cannot move between the StackSets. `None` if no account moves.
    pub moved_accounts: Option<MovedAccounts>,
    /// The ways in which others can read new keys, as far as IAM does not show them. Each is a sentence without a full
    /// stop.
    pub new_readers: Vec<String>,
    /// The addresses that get notices or alarms now and did not before. Each is a sentence without a full stop.
    pub newly_notified: Vec<String>,
    /// The ways in which more keys are rotated, or others decide how, as far as IAM does not show them. Each is a
    /// sentence without a full stop.
    pub newly_rotated: Vec<String>,
    /// What happens to keys earlier than before. Each is a sentence without a full stop.
    pub earlier: Vec<String>,
    /// The users that leave. Each is a sentence without a full stop.
    pub leaving: Vec<String>,
    /// The addresses and endpoints that no longer get notices or alarms. Each is a sentence without a full stop.
    pub unsubscribed: Vec<String>,
    /// The changes that nothing here understands, each as a place and a reason. They need approval.
    pub unknown: Vec<String>,
    /// What is harmless about the harmless changes, with their number.
    pub harmless: BTreeMap<&'static str, usize>,
    /// The settings of rotation.yaml that change. `None` if one of the templates has no configuration, because it is not ours.
    pub settings: Option<Vec<SettingChange>>,
    /// What the roles may do more or less, in plain words. `iam` decides.
    pub role: Vec<RoleChange>,
    /// The fingerprint of exactly this change.
    pub fingerprint: Fingerprint,
}

/// What happens to an entry of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Only the new template has it.
    Added,
    /// Only the old template has it.
    Removed,
    /// Both templates have it, and it is different.
    Changed,
}

/// The source of the information about what happens to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiffSource {
    /// The two templates show it.
    Templates,
    /// Only CloudFormation's change set shows it.
    Aws,
}

/// A resource that is added, removed or changed. A resource with another logical id is another resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceChange {
    /// The logical id of the resource.
    pub id: String,
    /// The new type of the resource, or the old type if it is removed.
    pub kind: String,
    /// What happens to the resource in the template.
    pub action: Action,
    /// What happens to the resource in the account.
    pub impact: Impact,
    /// The source of `impact`.
    pub source: DiffSource,
    /// Further remarks for people.
    pub notes: Vec<String>,
    /// The changed attributes and properties.
    pub changes: Vec<Change>,
}

/// An entry of another section that is added, removed or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryChange {
    /// The name of the section, such as `Parameters`.
    pub section: String,
    /// The name of the entry. Empty if the section is a single value.
    pub name: String,
    /// What happens to the entry.
    pub action: Action,
    /// The differences in the entry.
    pub changes: Vec<Change>,
}

impl Diff {
    /// The worst impact on any resource.
    #[must_use]
    pub fn impact(&self) -> Impact {
        let macros = self.entries.iter().any(|entry| entry.section == "Transform");
        let resources = self.resources.iter().map(|resource| resource.impact).max().unwrap_or_default();
        // A macro rewrites resources. Only AWS knows which.
        if macros { resources.max(Impact::MayReplace) } else { resources }
    }

    /// Whether there was no resource before, so that the stack is new.
    #[must_use]
    pub fn is_of_new_stack(&self) -> bool {
        self.resources.iter().all(|resource| resource.action == Action::Added) && !self.resources.is_empty()
    }

    /// Whether the templates have no difference.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.resources.is_empty() && self.entries.is_empty() && self.unknown.is_empty()
    }
}

/// Compares two templates in their canonical form.
#[must_use]
pub fn compare(old: &Json, new: &Json) -> Diff {
    compare_with(old, new, &BTreeSet::new(), None)
}

/// Compares two templates of an administering account. `members` is the change of the members' template. It decides
/// whether another hash of that template needs approval.
#[must_use]
pub fn compare_with_members(old: &Json, new: &Json, members: Option<&MemberChange>) -> Diff {
    compare_with(old, new, &BTreeSet::new(), members)
}

/// Compares two templates. `parameters` names the parameters that get another value.
fn compare_with(old: &Json, new: &Json, parameters: &BTreeSet<String>, members: Option<&MemberChange>) -> Diff {
    let entries = entries(old, new);
    let none = Map::new();
    let of = |template: &'_ Json| template.get("Resources").and_then(Json::as_object).cloned();
    let (before, after) = (of(old).unwrap_or_else(|| none.clone()), of(new).unwrap_or(none));
    let mut resources: Vec<ResourceChange> = Vec::new();
    for (id, body) in &after {
        match before.get(id) {
            None => resources.push(added(id, body)),
            Some(old_body) => resources.extend(changed(id, old_body, body)),
        }
    }
    let gone = before.iter().filter(|(id, _)| !after.contains_key(*id));
    let staying: Vec<&Json> = after.iter().filter(|(id, _)| before.contains_key(*id)).map(|(_, body)| body).collect();
    resources.extend(gone.map(|(id, body)| removed(id, body, &staying)));
    follow(&mut resources, &entries, parameters, new, (&before, &after));
    let handlers = Handlers::of(old, new);
    let Judgement { mut unknown, harmless, unsubscribed } = closed_world::judge(old, new, parameters, members);
    for resource in &mut resources {
        for change in &mut resource.changes {
            change.harmless = harmless.iter().any(|harmless| harmless.contains(&resource.id, &change.path));
        }
    }
    unknown.extend(handlers.undecided.iter().cloned());
    let mut iam = compare_templates(old, new, parameters);
    if !unknown.is_empty() {
        iam.verdict = iam.verdict.and(Verdict::Unknown);
    }
    let mut reasons = BTreeMap::new();
    for change in &harmless {
        *reasons.entry(change.why).or_default() += 1;
    }
    Diff {
        resources,
        entries,
        iam,
        moved_accounts: account_moves::moved_accounts(old, new),
        new_readers: key_access::new_key_readers(&handlers),
        newly_notified: recipients::newly_notified(&handlers),
        newly_rotated: selection::newly_rotated_users(&handlers),
        earlier: key_timing::earlier_steps(&handlers, old, new),
        leaving: leaving::leaving_users(&handlers),
        unsubscribed: recipients::unsubscribed(&handlers, unsubscribed),
        unknown,
        harmless: reasons,
        settings: if handlers.undecided.is_empty() { setting_changes(old, new, parameters) } else { None },
        role: role_changes(old, new),
        fingerprint: Fingerprint::of(old, new),
    }
}

/// Compares all sections except the resources.
fn entries(old: &Json, new: &Json) -> Vec<EntryChange> {
    let none = Map::new();
    let (before, after) = (old.as_object().unwrap_or(&none), new.as_object().unwrap_or(&none));
    let mut entries = Vec::new();
    let gone = before.keys().filter(|section| !after.contains_key(*section));
    for section in after.keys().chain(gone).filter(|section| *section != "Resources") {
        let is_map = |template: &Map<String, Json>| template.get(section).is_none_or(Json::is_object);
        if section == "Transform" || !is_map(before) || !is_map(after) {
            let change = entry(section, "", before.get(section), after.get(section));
            entries.extend(change);
            continue;
        }
        let of = |template: &Map<String, Json>| template.get(section).and_then(Json::as_object).cloned();
        let (before, after) = (of(before).unwrap_or_default(), of(after).unwrap_or_default());
        let gone = before.keys().filter(|name| !after.contains_key(*name));
        entries.extend(
            after.keys().chain(gone).filter_map(|name| entry(section, name, before.get(name), after.get(name))),
        );
    }
    entries
}

fn entry(section: &str, name: &str, old: Option<&Json>, new: Option<&Json>) -> Option<EntryChange> {
    let changes = differences(old, new);
    let action = match (old, new) {
        (None, Some(_)) => Action::Added,
        (Some(_), None) => Action::Removed,
        _ => Action::Changed,
    };
    let entry = EntryChange { section: section.to_owned(), name: name.to_owned(), action, changes };
    (!entry.changes.is_empty()).then_some(entry)
}

fn kind(body: &Json) -> String {
    body.get("Type").and_then(Json::as_str).unwrap_or("no type").to_owned()
}

fn added(id: &str, body: &Json) -> ResourceChange {
    let changes = differences(None, Some(&without_type(body)));
    ResourceChange { changes, ..ResourceChange::new(id, kind(body), Action::Added, Impact::Create) }.with_short_paths()
}

/// A resource that the new template does not have. `staying` has the resources of both templates.
fn removed(id: &str, body: &Json, staying: &[&Json]) -> ResourceChange {
    let (impact, note) = match body.get("DeletionPolicy").and_then(Json::as_str) {
        // A subscription holds nothing. Without it, the others still get what is published.
        _ if is_one_of_several(body, staying) => (Impact::Update, Some("the topic has other subscriptions".to_owned())),
        // What these allow is compared. A dashboard only shows metrics, which stay.
        _ if HOLD_NOTHING.contains(&&*kind(body)) => (Impact::Update, Some("it holds nothing".to_owned())),
        // A resource that leaves the stack but stays in the account is not deleted.
        Some(policy @ ("Retain" | "RetainExceptOnCreate")) => {
            (Impact::Update, Some(format!("leaves the stack and stays in the account (DeletionPolicy: {policy})")))
        }
        Some("Snapshot") => (Impact::Deletes, Some("a snapshot is kept (DeletionPolicy: Snapshot)".to_owned())),
        _ => (Impact::Deletes, None),
    };
    let notes = note.into_iter().collect();
    ResourceChange { notes, ..ResourceChange::new(id, kind(body), Action::Removed, impact) }
}

/// The types whose resources lose nothing when they are deleted.
const HOLD_NOTHING: [&str; 3] = ["AWS::CloudWatch::Dashboard", "AWS::Lambda::Permission", "AWS::SQS::QueuePolicy"];

/// Whether this is a subscription to a topic that other addresses still subscribe to. For an endpoint, another endpoint that
/// gets the same is enough.
fn is_one_of_several(body: &Json, staying: &[&Json]) -> bool {
    let property = |body: &Json, name: &str| body["Properties"][name].clone();
    let serves = |other: &Json| {
        let is_mail = |body: &Json| property(body, "Protocol") == "email";
        let is_alike = !is_mail(body) && property(other, "FilterPolicy") == property(body, "FilterPolicy");
        kind(other) == "AWS::SNS::Subscription"
            && property(other, "TopicArn") == property(body, "TopicArn")
            && (is_mail(other) || is_alike)
    };
    kind(body) == "AWS::SNS::Subscription" && staying.iter().any(|other| serves(other))
}

fn without_type(body: &Json) -> Json {
    let mut body = body.clone();
    if let Some(body) = body.as_object_mut() {
        body.shift_remove("Type");
    }
    body
}

fn changed(id: &str, old: &Json, new: &Json) -> Option<ResourceChange> {
    let replacing = ReplacingProperties::of(&kind(new));
    // Empty properties are the same as no properties.
    let tidy = |body: &Json| {
        let mut body = body.clone();
        if let Some(body) =
            body.as_object_mut().filter(|body| body.get("Properties") == Some(&Json::Object(Map::new())))
        {
            body.shift_remove("Properties");
        }
        body
    };
    let mut changes = differences(Some(&tidy(old)), Some(&tidy(new)));
    for change in &mut changes {
        // A resource that loses its condition exists everywhere.
        let loses_its_condition = change.path.is("Condition") && change.new.is_none();
        change.impact = if loses_its_condition { Impact::None } else { impact_of(&change.path, &replacing) };
    }
    let mut notes = Vec::new();
    if changes.iter().any(|change| change.path.is("Type")) {
        notes.push("CloudFormation refuses another type under the same name: rename the resource".to_owned());
    }
    if let Some(condition) = changes.iter().find(|change| change.path.is("Condition")) {
        notes.push(match condition.new {
            Some(_) => "is deleted where its condition is not fulfilled".to_owned(),
            None => "is created where its old condition was not fulfilled".to_owned(),
        });
    }
    let impact = changes.iter().map(|change| change.impact).max()?;
    let change = ResourceChange { notes, changes, ..ResourceChange::new(id, kind(new), Action::Changed, impact) };
    Some(change.with_replace_policy(new).with_short_paths())
}

impl ResourceChange {
    fn new(id: &str, kind: String, action: Action, impact: Impact) -> Self {
        let (source, notes, changes) = (DiffSource::Templates, Vec::new(), Vec::new());
        Self { id: id.to_owned(), kind, action, impact, source, notes, changes }
    }

    fn with_replace_policy(mut self, body: &Json) -> Self {
        let note = "the replaced resource stays in the account (UpdateReplacePolicy: Retain)".to_owned();
        let retains = body.get("UpdateReplacePolicy").is_some_and(|policy| policy == "Retain");
        if retains && self.impact >= Impact::MayReplace && !self.notes.contains(&note) {
            self.notes.push(note);
        }
        self
    }

    /// Removes `Properties` from the start of each path, because most paths begin with it.
    fn with_short_paths(mut self) -> Self {
        self.changes.iter_mut().for_each(|change| change.path.shorten());
        self
    }
}

/// What a change of one part of a resource does to the resource.
fn impact_of(path: &Path, replacing: &ReplacingProperties) -> Impact {
    match path.first() {
        Some("Type") => Impact::Replaces,
        // With another condition, the resource may no longer exist.
        Some("Condition") => Impact::Deletes,
        Some("Properties") => replacing.impact(&path.steps()[1..]),
        // The order of deployment, policies and metadata do not change the resource.
        _ => Impact::None,
    }
}

/// Follows changes through references. A resource may change too if it refers to a parameter with another default or
/// another value, or to a resource that is replaced.
fn follow(
    resources: &mut Vec<ResourceChange>,
    entries: &[EntryChange],
    parameters: &BTreeSet<String>,
    template: &Json,
    (before, after): (&Map<String, Json>, &Map<String, Json>),
) {
    let mut causes: BTreeMap<String, String> =
        parameters.iter().map(|name| (name.clone(), format!("the parameter {name} changed"))).collect();
    for entry in entries.iter().filter(|entry| entry.action == Action::Changed) {
        let is_value = |change: &Change| change.path.is("Default") || change.path.is("Type");
        let cause = match entry.section.as_str() {
            "Parameters" if entry.changes.iter().any(is_value) => "the parameter",
            "Mappings" => "the mapping",
            "Conditions" => "the condition",
            _ => continue,
        };
        causes.insert(entry.name.clone(), format!("{cause} {} changed", entry.name));
    }
    // A condition may change if it refers to something that changes. Conditions may refer to each other, so there are
    // as many passes as conditions.
    let conditions = template.get("Conditions").and_then(Json::as_object).cloned().unwrap_or_default();
    for _ in 0..conditions.len() {
        for (name, condition) in &conditions {
            if leaves(condition).iter().flat_map(|leaf| &leaf.names).any(|name| causes.contains_key(name)) {
                causes.entry(name.clone()).or_insert_with(|| format!("the condition {name} may change"));
            }
        }
    }
    let mut followed: BTreeSet<(String, String)> = BTreeSet::new();
    loop {
        for resource in resources.iter().filter(|r| r.action == Action::Changed && r.impact >= Impact::MayReplace) {
            let cause = if resource.impact == Impact::MayReplace { "may be replaced" } else { "is replaced" };
            causes.entry(resource.id.clone()).or_insert_with(|| format!("{} {cause}", resource.id));
        }
        let mut found = false;
        for (id, body) in after.iter().filter(|(id, _)| before.contains_key(*id)) {
            let replacing = ReplacingProperties::of(&kind(body));
            for leaf in leaves(body) {
                let Some(because) = leaf.names.iter().find_map(|name| causes.get(name).filter(|_| name != id)) else {
                    continue;
                };
                // If the value itself is different, it is already in the list.
                let mut path = leaf.path.clone();
                path.shorten();
                let known = resources.iter().any(|r| r.id == *id && r.changes.iter().any(|c| c.path == path));
                let impact = impact_of(&leaf.path, &replacing).min(match leaf.path.first() {
                    Some("Condition") => Impact::Deletes,
                    // The new value may be the same as the old one.
                    _ => Impact::MayReplace,
                });
                if known || impact == Impact::None || !followed.insert((id.clone(), path.to_string())) {
                    continue;
                }
                found = true;
                let text = Some(leaf.text.clone());
                let because = Some(because.clone());
                let change = Change { path, old: text.clone(), new: text, impact, because, harmless: false };
                let at = resources.iter().position(|resource| resource.id == *id).unwrap_or_else(|| {
                    resources.push(ResourceChange::new(id, kind(body), Action::Changed, Impact::None));
                    resources.len() - 1
                });
                resources[at].impact = resources[at].impact.max(impact);
                resources[at].changes.push(change);
                resources[at] = resources[at].clone().with_replace_policy(body);
            }
        }
        if !found {
            return;
        }
    }
}
