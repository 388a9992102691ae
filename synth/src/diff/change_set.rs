//! Combines what CloudFormation plans with what the two templates show.
//!
//! The templates show the intended change of each property. A change set knows the deployed state and the parameters.
//! Neither is enough: a change set says *may replace* for every resource that refers to an attribute of a changed one,
//! and nothing about IAM.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::{
    Change, Diff, DiffSource, Impact, ResourceChange, closed_world::is_harmless, compare_with, compare_with_members,
    member_change::MemberChange, values::Path,
};
use crate::iam::compare::Verdict;

/// A change set: everything that CloudFormation plans, from all pages of the response of DescribeChangeSet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChangeSet {
    /// The plan for each resource that the change set affects.
    pub changes: Vec<Planned>,
}

/// What CloudFormation plans for one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// The logical id of the resource.
    pub id: String,
    /// The type of the resource.
    pub kind: String,
    /// What CloudFormation does with the resource.
    pub action: ResourceAction,
    /// The changed parts and their causes, if the resource is modified.
    pub details: Vec<Detail>,
}

/// What CloudFormation does with a resource (CloudFormation API Reference, "ResourceChange").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceAction {
    /// Creates the resource.
    Add,
    /// Changes the resource, with or without a replacement.
    Modify(Replacement),
    /// Removes the resource from the stack and deletes it, unless its DeletionPolicy keeps it in the account.
    Remove,
    /// Adds an existing resource to the stack.
    Import,
    /// CloudFormation cannot know it in advance.
    Dynamic,
}

/// Whether a resource that is modified is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replacement {
    /// A new resource replaces it.
    Yes,
    /// The resource is updated in place.
    No,
    /// It is known only during the update.
    Conditional,
}

/// One part of a resource that is modified (CloudFormation API Reference, "ResourceChangeDetail").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail {
    /// The name of the property. For another part of the resource, the attribute, such as `Tags` or `Metadata`.
    pub property: String,
    /// Whether this change replaces the resource.
    pub replaces: Replacement,
    /// The reason why the property changes.
    pub cause: ChangeCause,
}

/// The reason why a property changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeCause {
    /// The property itself is different, or CloudFormation does not know the reason.
    Direct,
    /// The parameter with this name has another value.
    Parameter(String),
    /// The resource with this logical id changes, and the property refers to it by `Ref`.
    Resource(String),
    /// An attribute that the property refers to changes.
    Attribute {
        /// The logical id of the resource that has the attribute.
        resource: String,
        /// The name of the attribute, such as `Arn`.
        attribute: String,
    },
    /// A nested stack's template may have changed.
    Automatic,
}

impl ResourceAction {
    /// Reads CloudFormation's values of `Action` and `Replacement`. An unknown action becomes
    /// [`ResourceAction::Dynamic`].
    #[must_use]
    pub fn of(action: &str, replacement: Option<&str>) -> Self {
        match action {
            "Add" => Self::Add,
            "Modify" => Self::Modify(match replacement {
                Some("True") => Replacement::Yes,
                Some("False") => Replacement::No,
                _ => Replacement::Conditional,
            }),
            "Remove" => Self::Remove,
            "Import" => Self::Import,
            _ => Self::Dynamic,
        }
    }
}

impl Replacement {
    /// Reads CloudFormation's value of `RequiresRecreation`. An unknown value becomes [`Replacement::Conditional`].
    #[must_use]
    pub fn of(requires_recreation: Option<&str>) -> Self {
        match requires_recreation {
            Some("Always") => Self::Yes,
            Some("Never") => Self::No,
            _ => Self::Conditional,
        }
    }
}

impl ChangeCause {
    /// Reads CloudFormation's values of `ChangeSource` and `CausingEntity`. An unknown value becomes
    /// [`ChangeCause::Direct`].
    #[must_use]
    pub fn of(source: &str, entity: Option<&str>) -> Self {
        match (source, entity) {
            ("ParameterReference", Some(name)) => Self::Parameter(name.to_owned()),
            ("ResourceReference", Some(id)) => Self::Resource(id.to_owned()),
            ("ResourceAttribute", Some(entity)) => match entity.split_once('.') {
                Some((resource, attribute)) => {
                    Self::Attribute { resource: resource.to_owned(), attribute: attribute.to_owned() }
                }
                None => Self::Direct,
            },
            ("Automatic", _) => Self::Automatic,
            _ => Self::Direct,
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Direct => "AWS finds it changed".to_owned(),
            Self::Parameter(name) => format!("the parameter {name} changed"),
            Self::Resource(id) => format!("{id} may be another"),
            Self::Attribute { resource, attribute } => format!("{resource}.{attribute} may be another"),
            Self::Automatic => "its template may have changed".to_owned(),
        }
    }
}

/// Compares two templates and adds what only CloudFormation knows:
///
/// - A parameter with another value is followed like one with another default, but only to resources that
///   CloudFormation changes.
/// - If the templates leave open whether a resource is replaced or deleted, CloudFormation's answer counts. It also
///   counts if it is worse than theirs. If CloudFormation does not mention a resource, the templates' answer stays.
/// - Resources that CloudFormation changes and the templates do not are added.
///
/// `members` is the change of the members' template, as for [`compare_with_members`].
///
/// The fingerprint stays that of the templates unless CloudFormation's answer is worse than theirs. The answer to an
/// open question is not worse: an approval of *may replace* includes the replacement.
#[must_use]
pub fn merge(old: &Json, new: &Json, set: &ChangeSet, members: Option<&MemberChange>) -> Diff {
    let templates = compare_with_members(old, new, members);
    let causes = set.changes.iter().flat_map(|planned| &planned.details).map(|detail| &detail.cause);
    let parameters =
        causes.filter_map(|cause| if let ChangeCause::Parameter(name) = cause { Some(name.clone()) } else { None });
    let mut diff = compare_with(old, new, &parameters.collect(), members);
    let staying = staying(set);
    let mut unknown = Vec::new();
    for planned in &set.changes {
        let details: Vec<&Detail> = planned.details.iter().filter(|detail| !detail.cause.stays(&staying)).collect();
        let place = diff.resources.iter().position(|resource| resource.id == planned.id);
        // Evaluated again only because of resources that stay. So this resource stays too.
        let is_void =
            matches!(planned.action, ResourceAction::Modify(_)) && !planned.details.is_empty() && details.is_empty();
        if place.is_none() && is_void {
            continue;
        }
        let at = place.unwrap_or_else(|| {
            diff.resources.push(ResourceChange::new(&planned.id, planned.kind.clone(), planned.change(), Impact::None));
            diff.resources.len() - 1
        });
        unknown.extend(diff.resources[at].beyond_the_templates(planned, &details, new));
        diff.resources[at].settle(planned, staying.contains(planned.id.as_str()), &details);
    }
    for line in unknown.into_iter().filter(|line| !diff.unknown.contains(line)).collect::<BTreeSet<_>>() {
        diff.unknown.push(line);
        diff.iam.verdict = diff.iam.verdict.and(Verdict::Unknown);
    }
    let impact = |diff: &Diff, id: &str| diff.resources.iter().find(|other| other.id == id).map(|other| other.impact);
    diff.resources.retain(|resource| {
        impact(&templates, &resource.id).is_some() || set.changes.iter().any(|planned| planned.id == resource.id)
    });
    let mut beyond = Vec::new();
    for resource in &mut diff.resources {
        let known = impact(&templates, &resource.id);
        if known != Some(resource.impact) {
            resource.source = DiffSource::Aws;
        }
        let is_answer = known == Some(Impact::MayReplace) && resource.impact == Impact::Replaces;
        if resource.impact >= Impact::MayReplace && known < Some(resource.impact) && !is_answer {
            beyond.push(format!("{} {}", resource.id, resource.impact.words()));
        }
    }
    let places = diff.iam.places.iter().filter(|place| !templates.iam.places.contains(place));
    beyond.extend(places.filter_map(|place| match place.comparison.verdict() {
        verdict @ (Verdict::Broader | Verdict::Unknown) => Some(format!("{}: {}", place.place, verdict.as_str())),
        Verdict::None | Verdict::Equivalent | Verdict::Narrower => None,
    }));
    beyond.extend(diff.unknown.iter().filter(|line| !templates.unknown.contains(line)).cloned());
    beyond.sort();
    diff.fingerprint = templates.fingerprint.and(&beyond);
    diff
}

/// The resources that are modified but not replaced. CloudFormation says *conditional* for every reference to a
/// modified resource. But the value of a `Ref` or an ARN changes only if the resource is replaced.
fn staying(set: &ChangeSet) -> BTreeSet<&str> {
    let mut staying = BTreeSet::new();
    loop {
        let before = staying.len();
        for planned in &set.changes {
            let mut replacing = planned.details.iter().filter(|detail| detail.replaces != Replacement::No).peekable();
            let stays = match planned.action {
                ResourceAction::Modify(Replacement::No) => true,
                ResourceAction::Modify(Replacement::Conditional) => {
                    replacing.peek().is_some() && replacing.all(|detail| detail.cause.stays(&staying))
                }
                _ => false,
            };
            if stays {
                staying.insert(planned.id.as_str());
            }
        }
        if staying.len() == before {
            return staying;
        }
    }
}

impl ChangeCause {
    /// Whether the cause is a `Ref` or an ARN of a resource that stays, so that its value stays the same.
    fn stays(&self, staying: &BTreeSet<&str>) -> bool {
        match self {
            Self::Resource(id) => staying.contains(id.as_str()),
            Self::Attribute { resource, attribute } => attribute == "Arn" && staying.contains(resource.as_str()),
            Self::Direct | Self::Parameter(_) | Self::Automatic => false,
        }
    }
}

impl Planned {
    const fn change(&self) -> super::Action {
        match self.action {
            ResourceAction::Add | ResourceAction::Import => super::Action::Added,
            ResourceAction::Remove => super::Action::Removed,
            ResourceAction::Modify(_) | ResourceAction::Dynamic => super::Action::Changed,
        }
    }
}

impl ResourceChange {
    /// What CloudFormation does and the templates do not show, unless it is harmless: each a place and a reason.
    fn beyond_the_templates(&self, planned: &Planned, details: &[&Detail], new: &Json) -> Vec<String> {
        let is_shown = |detail: &&Detail| self.changes.iter().any(|change| change.path.is(&detail.property));
        let properties = details.iter().copied().filter(|detail| !is_shown(detail)).map(|detail| &detail.property);
        let parts = properties.filter(|property| !is_harmless(&planned.kind, property));
        let parts =
            parts.map(|property| format!("{}.{property}: AWS changes it, and the templates do not show how", self.id));
        let is_in_template = new.get("Resources").is_some_and(|resources| resources.get(&self.id).is_some());
        let is_foreign = self.changes.is_empty()
            && match planned.action {
                ResourceAction::Add => !is_in_template,
                ResourceAction::Dynamic | ResourceAction::Import => true,
                ResourceAction::Modify(_) => planned.details.is_empty(),
                ResourceAction::Remove => false,
            };
        let whole = is_foreign.then(|| format!("{}: AWS changes it, and the templates do not show how", self.id));
        parts.chain(whole).collect()
    }

    /// Combines the templates' answer with CloudFormation's plan for the resource.
    fn settle(&mut self, planned: &Planned, stays: bool, details: &[&Detail]) {
        let theirs = match planned.action {
            ResourceAction::Add => Impact::Create,
            ResourceAction::Import | ResourceAction::Modify(Replacement::No) => Impact::Update,
            ResourceAction::Modify(_) if stays => Impact::Update,
            ResourceAction::Modify(Replacement::Yes) => Impact::Replaces,
            ResourceAction::Modify(Replacement::Conditional) | ResourceAction::Dynamic => Impact::MayReplace,
            ResourceAction::Remove => Impact::Deletes,
        };
        match (self.action, planned.action) {
            // Only the templates show what a DeletionPolicy keeps.
            (super::Action::Removed, ResourceAction::Remove) if self.impact > Impact::None => return,
            (super::Action::Changed, _) => {
                for change in &mut self.changes {
                    let sure =
                        |detail: &&Detail| change.path.is(&detail.property) && detail.replaces == Replacement::Yes;
                    change.impact = match change.impact {
                        Impact::MayReplace if theirs == Impact::Replaces && details.iter().any(sure) => theirs,
                        // Only a changed condition deletes, and it may still be met.
                        Impact::MayReplace | Impact::Deletes => change.impact.min(theirs),
                        known => known,
                    };
                }
                self.impact = self.changes.iter().map(|change| change.impact).max().unwrap_or_default().max(theirs);
            }
            _ => self.impact = self.impact.max(theirs),
        }
        match planned.action {
            ResourceAction::Import => self.notes.push("exists already, and is taken into the stack".to_owned()),
            ResourceAction::Dynamic => self.notes.push("AWS cannot say in advance what becomes of it".to_owned()),
            _ => {}
        }
        for detail in details {
            if self.changes.iter().any(|change| change.path.is(&detail.property)) {
                continue;
            }
            // CloudFormation lists a property once for each cause, and once more as a direct change.
            let same = details.iter().filter(|other| other.property == detail.property);
            let cause = same
                .map(|other| &other.cause)
                .find(|cause| **cause != ChangeCause::Direct)
                .unwrap_or(&ChangeCause::Direct);
            let impact = match detail.replaces {
                Replacement::No => Impact::Update,
                Replacement::Yes | Replacement::Conditional => theirs,
            };
            let (path, because) = (Path::of(&detail.property), Some(cause.words()));
            let harmless = is_harmless(&planned.kind, &detail.property);
            self.changes.push(Change { path, old: None, new: None, impact, because, harmless });
        }
    }
}
