//! Two templates compared: what changes, what becomes of each resource, and what it means for IAM.
//!
//! Works on the canonical form of any template, so whoever has two may use it: [`compare`], then [`render::render`]. Whoever
//! has CloudFormation's change set too gets both in one with [`change_set::merge`].

pub mod approval;
pub mod change_set;
mod handler_env;
mod impact;
mod key_access;
pub mod render;
mod selection;
mod values;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json};

pub use self::{impact::Impact, values::Change};
use self::{
    impact::Replacement,
    values::{Path, differences, leaves},
};
use crate::{
    diff::approval::Fingerprint,
    iam::template::{IamImpact, compare_templates},
};

/// What is different between two templates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diff {
    /// Resources that are added, removed or changed.
    pub resources: Vec<ResourceChange>,
    /// Entries of the other sections: parameters, outputs, conditions, mappings.
    pub entries: Vec<EntryChange>,
    /// What it means for IAM.
    pub iam: IamImpact,
    /// In which ways somebody else gets to read new keys, of which IAM does not know.
    pub readers: Vec<String>,
    /// In which ways somebody else is rotated, or says how, of which IAM does not know.
    pub choice: Vec<String>,
    /// The name of exactly this change.
    pub fingerprint: Fingerprint,
}

/// What happens to an entry of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It is different.
    Changed,
}

/// Who says what happens to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// It follows from the two templates.
    Templates,
    /// AWS says so, and the templates alone do not.
    Aws,
}

/// A resource that is different. One that has another logical id is another resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceChange {
    /// Its logical id.
    pub id: String,
    /// Its type; the old one where it is removed.
    pub kind: String,
    /// What happens to it in the template.
    pub action: Action,
    /// What happens to it in the account.
    pub impact: Impact,
    /// Who says what happens to it.
    pub source: Source,
    /// What a person should know as well.
    pub notes: Vec<String>,
    /// Attributes and properties.
    pub changes: Vec<Change>,
}

/// An entry of another section that is different.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryChange {
    /// The section.
    pub section: String,
    /// The entry; empty for a section that is a single value.
    pub name: String,
    /// What happens to it.
    pub action: Action,
    /// What is different in it.
    pub changes: Vec<Change>,
}

impl Diff {
    /// The gravest of all impacts.
    #[must_use]
    pub fn impact(&self) -> Impact {
        let macros = self.entries.iter().any(|entry| entry.section == "Transform");
        let resources = self.resources.iter().map(|resource| resource.impact).max().unwrap_or_default();
        // A macro writes resources anew; which, only AWS knows.
        if macros { resources.max(Impact::MayReplace) } else { resources }
    }

    /// Whether there is no difference at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.resources.is_empty() && self.entries.is_empty()
    }
}

/// Compares two templates in their canonical form.
#[must_use]
pub fn compare(old: &Json, new: &Json) -> Diff {
    compare_with(old, new, &BTreeSet::new())
}

/// Compares two templates of which some parameters are given other values.
fn compare_with(old: &Json, new: &Json, parameters: &BTreeSet<String>) -> Diff {
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
    resources.extend(before.iter().filter(|(id, _)| !after.contains_key(*id)).map(|(id, body)| removed(id, body)));
    follow(&mut resources, &entries, parameters, new, (&before, &after));
    let iam = compare_templates(old, new, parameters);
    let (readers, choice) = (key_access::who_else_reads(old, new), selection::who_else_is_rotated(old, new));
    Diff { resources, entries, iam, readers, choice, fingerprint: Fingerprint::of(old, new) }
}

/// The sections beside the resources.
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
    ResourceChange { changes, ..ResourceChange::new(id, kind(body), Action::Added, Impact::Update) }.with_short_paths()
}

fn removed(id: &str, body: &Json) -> ResourceChange {
    let (impact, note) = match body.get("DeletionPolicy").and_then(Json::as_str) {
        // What leaves the stack and stays in the account is not deleted.
        Some(policy @ ("Retain" | "RetainExceptOnCreate")) => {
            (Impact::Update, Some(format!("leaves the stack and stays in the account (DeletionPolicy: {policy})")))
        }
        Some("Snapshot") => (Impact::Deletes, Some("a snapshot is kept (DeletionPolicy: Snapshot)".to_owned())),
        _ => (Impact::Deletes, None),
    };
    let notes = note.into_iter().collect();
    ResourceChange { notes, ..ResourceChange::new(id, kind(body), Action::Removed, impact) }
}

fn without_type(body: &Json) -> Json {
    let mut body = body.clone();
    if let Some(body) = body.as_object_mut() {
        body.shift_remove("Type");
    }
    body
}

fn changed(id: &str, old: &Json, new: &Json) -> Option<ResourceChange> {
    let replacement = Replacement::of(&kind(new));
    // No properties and none said are the same.
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
        change.impact = impact_of(&change.path, &replacement);
    }
    let mut notes = Vec::new();
    if changes.iter().any(|change| change.path.is("Type")) {
        notes.push("CloudFormation refuses another type under the same name: rename the resource".to_owned());
    }
    if changes.iter().any(|change| change.path.is("Condition")) {
        notes.push("is deleted where its condition is not fulfilled".to_owned());
    }
    let impact = changes.iter().map(|change| change.impact).max()?;
    let change = ResourceChange { notes, changes, ..ResourceChange::new(id, kind(new), Action::Changed, impact) };
    Some(change.with_replace_policy(new).with_short_paths())
}

impl ResourceChange {
    fn new(id: &str, kind: String, action: Action, impact: Impact) -> Self {
        let (source, notes, changes) = (Source::Templates, Vec::new(), Vec::new());
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

    /// Properties are what people read most; they are shown without `Properties`.
    fn with_short_paths(mut self) -> Self {
        self.changes.iter_mut().for_each(|change| change.path.shorten());
        self
    }
}

/// What a change to a part of a resource does to the resource.
fn impact_of(path: &Path, replacement: &Replacement) -> Impact {
    match path.first() {
        Some("Type") => Impact::Replaces,
        // With another condition, the resource may be one that should not be.
        Some("Condition") => Impact::Deletes,
        Some("Properties") => replacement.impact(&path.steps()[1..]),
        // Order, policies and metadata leave the resource as it is.
        _ => Impact::None,
    }
}

/// Follows changes through references: whoever names a parameter that has another default or another value, or a resource
/// that is replaced, changes too.
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
    // A condition is another where what it names is. One may name the other, so this takes as many turns as there are.
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
            let replacement = Replacement::of(&kind(body));
            for leaf in leaves(body) {
                let Some(because) = leaf.names.iter().find_map(|name| causes.get(name).filter(|_| name != id)) else {
                    continue;
                };
                // Where the value itself is another, that is said already.
                let mut path = leaf.path.clone();
                path.shorten();
                let known = resources.iter().any(|r| r.id == *id && r.changes.iter().any(|c| c.path == path));
                let impact = impact_of(&leaf.path, &replacement).min(match leaf.path.first() {
                    Some("Condition") => Impact::Deletes,
                    // The new value may be the old one.
                    _ => Impact::MayReplace,
                });
                if known || impact == Impact::None || !followed.insert((id.clone(), path.to_string())) {
                    continue;
                }
                found = true;
                let text = Some(leaf.text.clone());
                let change = Change { path, old: text.clone(), new: text, impact, because: Some(because.clone()) };
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
