//! Compares the permissions that two templates grant.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use crate::cfn::view::{self, How};
use crate::iam::{
    compare::{Certainty, Comparison, Permissions, Verdict, compare},
    grants::{self, Denials, Grants},
};

/// How a change of a template changes permissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IamImpact {
    /// The verdict on all places together.
    pub verdict: Verdict,
    /// The places whose permissions changed.
    pub places: Vec<PlaceChange>,
}

/// How a change affects one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceChange {
    /// The place as people read it, such as `what Role may do`.
    pub place: String,
    /// The permissions after the change, compared with those before.
    pub comparison: Comparison,
}

/// The number of conditions of a template that are tried both ways. The other conditions stay undecided.
const MAX_CONDITIONS: usize = 6;

/// Compares what two templates grant, for every combination of the conditions. `parameters` names the parameters that
/// get another value than before, even if the templates do not show it.
#[must_use]
pub fn compare_templates(old: &Json, new: &Json, parameters: &BTreeSet<String>) -> IamImpact {
    let old = &rename(old, &(&changed_names(old, new) | parameters));
    let (shared, old_only, new_only) = conditions(old, new);
    let decisions: Vec<&String> = shared.iter().chain(&old_only).chain(&new_only).take(MAX_CONDITIONS).collect();
    let mut places: BTreeMap<String, Comparison> = BTreeMap::new();
    for scenario in 0..1_u32 << decisions.len() {
        let is = |name: &str| decisions.iter().position(|other| *other == name).map(|at| scenario >> at & 1 == 1);
        // A condition was redefined. Whether both definitions hold at the same time is unknown.
        let doubtful = decisions.len() > shared.len();
        let decided = |template: &Json, own: &BTreeSet<String>, mark: &str| {
            decide(template, &|name| {
                is(name).or_else(|| own.contains(&mark_name(name, mark)).then(|| is(&mark_name(name, mark)))?)
            })
        };
        let before = grants::read(&decided(old, &old_only, "old"));
        let after = Grants { is_later: true, ..grants::read(&decided(new, &new_only, "new")) };
        for (place, mut comparison) in compare_places(&before, &after) {
            if doubtful {
                comparison.gained = comparison.gained.min(Certainty::Maybe);
                comparison.lost = comparison.lost.min(Certainty::Maybe);
            }
            let known =
                places.entry(place).or_insert(Comparison { gained: Certainty::No, lost: Certainty::No, example: None });
            known.gained = known.gained.max(comparison.gained);
            known.lost = known.lost.max(comparison.lost);
            known.example = known.example.take().or(comparison.example);
        }
    }
    if old != new && shared.len() + old_only.len() + new_only.len() > decisions.len() {
        let place = format!("what depends on more than {MAX_CONDITIONS} conditions");
        places.insert(place, Comparison::unclear());
    }
    // A policy that only moved is a change too, although no place has other permissions.
    let untouched = if grants::material(old) == grants::material(new) { Verdict::None } else { Verdict::Equivalent };
    let verdict = places.values().fold(untouched, |verdict, comparison| verdict.and(comparison.verdict()));
    let places = places.into_iter().map(|(place, comparison)| PlaceChange { place, comparison }).collect();
    IamImpact { verdict, places }
}

fn compare_places(old: &Grants, new: &Grants) -> Vec<(String, Comparison)> {
    let mut all = Vec::new();
    let granted: BTreeSet<&String> = old.granted.keys().chain(new.granted.keys()).collect();
    for place in granted {
        let (before, after) = (old.granted.get(place), new.granted.get(place));
        let is_gone = old.principals.get(place).is_some_and(|id| old.things.contains(id) && !new.things.contains(id));
        if is_gone {
            // Its policies, known or not, give nothing to a principal that does not exist.
            all.push((place.clone(), Comparison::lost()));
        } else if before != after {
            let permissions = |found: Option<&Permissions>, own: &Grants, other: &Grants| {
                found.cloned().unwrap_or_else(|| absent(place, own, other))
            };
            all.push((place.clone(), compare(&permissions(before, old, new), &permissions(after, new, old))));
        }
    }
    for (place, before) in &old.comparable {
        if let Some(after) = new.comparable.get(place).filter(|after| *after != before) {
            all.push((place.clone(), compare(before, after)));
        }
    }
    for (place, acting) in &new.roles {
        let after = &acting.permissions;
        match old.roles.get(place) {
            // The permissions of the same role are compared as a separate place.
            Some(before) if before.role == acting.role => {}
            Some(before) => all.push((place.clone(), compare(&before.permissions, after))),
            None => {
                let mut comparison = compare(&Permissions::default(), after);
                // Policies of resources may allow the role something too.
                comparison.gained = comparison.gained.max(Certainty::Maybe);
                all.push((place.clone(), comparison));
            }
        }
    }
    // Without the role, AWS does nothing for the resource.
    let dropped = old.roles.keys().filter(|place| !new.roles.contains_key(*place));
    all.extend(dropped.map(|place| (place.clone(), Comparison::lost())));
    all.extend(compare_denials(old, new));
    let unclear = new.unseen.difference(&old.unseen);
    all.extend(unclear.map(|(place, _)| (place.clone(), Comparison::unclear())));
    all
}

/// What a place grants where the template `own` says nothing about it and `other` does: what the service does without a
/// policy.
fn absent(place: &str, own: &Grants, other: &Grants) -> Permissions {
    let has_default = other.topics.get(place).is_some_and(|topic| {
        // A policy that is taken off a topic elsewhere leaves the default policy. It is not known what such a topic had
        // before.
        own.things.contains(topic) || (own.is_later && !other.things.contains(topic))
    });
    if has_default { grants::default_topic_policy() } else { Permissions::default() }
}

/// Compares what policies deny, as if everything else were allowed. The template does not show which other policies allow
/// it.
fn compare_denials(old: &Grants, new: &Grants) -> Vec<(String, Comparison)> {
    let left = |grants: &Grants, place: &str| {
        let everything = json!({"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"});
        let mut documents = vec![json!({"Version": "2012-10-17", "Statement": [everything]})];
        documents.extend(grants.denied.get(place).into_iter().flat_map(|denials| denials.documents.iter().cloned()));
        Permissions { documents, ..Permissions::default() }
    };
    let places: BTreeMap<&String, &Denials> = old.denied.iter().chain(&new.denied).collect();
    let stay =
        places.into_iter().filter(|(_, denials)| old.things.contains(&denials.of) == new.things.contains(&denials.of));
    let changed = stay.filter(|(place, _)| old.denied.get(*place) != new.denied.get(*place));
    changed.map(|(place, _)| (place.clone(), compare(&left(old, place), &left(new, place)))).collect()
}

/// The names that mean something else in the new template, although the texts that use them are the same: parameters,
/// mappings, conditions, and resources of another type. `parameters` names the parameters that get another value.
#[must_use]
pub fn redefined_names(old: &Json, new: &Json, parameters: &BTreeSet<String>) -> BTreeSet<String> {
    let changed = &changed_names(old, new) | parameters;
    let renamed = rename(old, &changed);
    let conditions = redefined_conditions(&renamed, new);
    conditions.into_iter().chain(changed).collect()
}

/// The conditions of both templates with another definition, or that refer to one with another definition.
fn redefined_conditions(old: &Json, new: &Json) -> BTreeSet<String> {
    let definition = |template: &'_ Json, name: &str| template.get("Conditions").and_then(|all| all.get(name)).cloned();
    let names: BTreeSet<&String> =
        section(old, "Conditions").chain(section(new, "Conditions")).map(|(name, _)| name).collect();
    let (mut changed, mut same): (BTreeSet<_>, BTreeSet<_>) =
        names.into_iter().partition(|name| definition(old, name) != definition(new, name));
    loop {
        let refers = |name: &&String| {
            let references = definition(new, name).map(|definition| view::references(&definition)).unwrap_or_default();
            references.iter().any(|reference| reference.how == How::Condition && changed.contains(&reference.name))
        };
        let more: BTreeSet<&String> = same.iter().copied().filter(refers).collect();
        if more.is_empty() {
            let both =
                changed.into_iter().filter(|name| definition(old, name).is_some() && definition(new, name).is_some());
            return both.cloned().collect();
        }
        same = &same - &more;
        changed.extend(more);
    }
}

fn section<'t>(template: &'t Json, name: &str) -> impl Iterator<Item = (&'t String, &'t Json)> {
    template.get(name).and_then(Json::as_object).into_iter().flatten()
}

/// Names with another meaning than before: a parameter with another default, a mapping with other entries, a resource
/// of another type.
fn changed_names(old: &Json, new: &Json) -> BTreeSet<String> {
    let meaning = |template: &Json| -> BTreeMap<String, String> {
        let parameters = section(template, "Parameters").map(|(name, parameter)| {
            (name.clone(), format!("{:?} {:?}", parameter.get("Type"), parameter.get("Default")))
        });
        let mappings = section(template, "Mappings").map(|(name, mapping)| (name.clone(), mapping.to_string()));
        let resources =
            section(template, "Resources").map(|(id, body)| (id.clone(), format!("{:?}", body.get("Type"))));
        parameters.chain(mappings).chain(resources).collect()
    };
    let after = meaning(new);
    let changed =
        meaning(old).into_iter().filter(|(name, before)| after.get(name).is_some_and(|after| after != before));
    changed.map(|(name, _)| name).collect()
}

/// The template, in which each name with another meaning gets another name.
fn rename(template: &Json, changed: &BTreeSet<String>) -> Json {
    if changed.is_empty() {
        return template.clone();
    }
    let mut template = template.clone();
    for part in ["Resources", "Conditions"] {
        if let Some(part) = template.get_mut(part) {
            rename_in(part, changed);
        }
    }
    template
}

fn rename_in(value: &mut Json, changed: &BTreeSet<String>) {
    let before = |name: &str| format!("{name} (before)");
    match value {
        Json::Array(list) => list.iter_mut().for_each(|value| rename_in(value, changed)),
        Json::Object(map) => {
            for (key, value) in map.iter_mut() {
                match (key.as_str(), &mut *value) {
                    ("Ref", Json::String(name)) if changed.contains(name) => *name = before(name),
                    ("Fn::GetAtt" | "Fn::FindInMap", Json::Array(path)) => {
                        if let Some(Json::String(name)) =
                            path.first_mut().filter(|n| n.as_str().is_some_and(|n| changed.contains(n)))
                        {
                            *name = before(name);
                        }
                        for value in path {
                            rename_in(value, changed);
                        }
                    }
                    ("Fn::Sub", Json::String(text)) => rename_in_text(text, changed),
                    ("Fn::Sub", Json::Array(both)) => {
                        if let Some(Json::String(text)) = both.first_mut() {
                            rename_in_text(text, changed);
                        }
                        both.iter_mut().skip(1).for_each(|value| rename_in(value, changed));
                    }
                    (_, value) => rename_in(value, changed),
                }
            }
        }
        _ => {}
    }
}

fn rename_in_text(text: &mut String, changed: &BTreeSet<String>) {
    for name in changed {
        for end in ["}", "."] {
            *text = text.replace(&format!("${{{name}{end}"), &format!("${{{name} (before){end}"));
        }
    }
}

fn mark_name(name: &str, mark: &str) -> String {
    format!("{name} ({mark})")
}

/// The conditions that resources depend on: those with the same meaning in both templates, those of only the old one,
/// and those of only the new one.
fn conditions(old: &Json, new: &Json) -> (BTreeSet<String>, BTreeSet<String>, BTreeSet<String>) {
    let used = |template: &Json| {
        let mut names = BTreeSet::new();
        for (_, body) in section(template, "Resources") {
            names.extend(body.get("Condition").and_then(Json::as_str).map(str::to_owned));
            find_conditions(body, &mut names);
        }
        names
    };
    let (in_old, in_new, redefined) = (used(old), used(new), redefined_conditions(old, new));
    let (mut shared, mut old_only, mut new_only) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for name in in_old.union(&in_new) {
        if redefined.contains(name) {
            old_only.insert(mark_name(name, "old"));
            new_only.insert(mark_name(name, "new"));
        } else {
            shared.insert(name.clone());
        }
    }
    (shared, old_only, new_only)
}

fn find_conditions(value: &Json, names: &mut BTreeSet<String>) {
    match value {
        Json::Object(map) => {
            if let Some(name) = map.get("Fn::If").and_then(|branches| branches.get(0)).and_then(Json::as_str) {
                names.insert(name.to_owned());
            }
            map.values().for_each(|value| find_conditions(value, names));
        }
        Json::Array(list) => list.iter().for_each(|value| find_conditions(value, names)),
        _ => {}
    }
}

/// The template with its conditions decided: one branch of each `Fn::If`, and only resources with a condition that is
/// met.
fn decide(template: &Json, is: &dyn Fn(&str) -> Option<bool>) -> Json {
    let mut resources = Map::new();
    for (id, body) in section(template, "Resources") {
        let exists = body.get("Condition").and_then(Json::as_str).and_then(is).unwrap_or(true);
        if let Some(body) = decided(body, is).filter(|_| exists) {
            resources.insert(id.clone(), body);
        }
    }
    Json::Object(Map::from_iter([("Resources".to_owned(), Json::Object(resources))]))
}

fn decided(value: &Json, is: &dyn Fn(&str) -> Option<bool>) -> Option<Json> {
    match value {
        Json::Object(map) => {
            if map.len() == 1 {
                if map.get("Ref").is_some_and(|name| name == "AWS::NoValue") {
                    return None;
                }
                if let Some([Json::String(name), then, otherwise]) =
                    map.get("Fn::If").and_then(Json::as_array).map(Vec::as_slice)
                    && let Some(fulfilled) = is(name)
                {
                    return decided(if fulfilled { then } else { otherwise }, is);
                }
            }
            Some(Json::Object(map.iter().filter_map(|(key, value)| Some((key.clone(), decided(value, is)?))).collect()))
        }
        Json::Array(list) => Some(Json::Array(list.iter().filter_map(|value| decided(value, is)).collect())),
        value => Some(value.clone()),
    }
}
