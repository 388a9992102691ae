//! Compares two values, down to the texts in them.

use std::{
    collections::BTreeSet,
    fmt::{self, Write},
};

use serde_json::Value as Json;

use super::impact::Impact;
use crate::cfn::text::{self, pieces};

/// One difference between two values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The path of the value in its resource or entry.
    pub path: Path,
    /// The old value. `None` if there was none.
    pub old: Option<String>,
    /// The new value. `None` if there is none.
    pub new: Option<String>,
    /// The impact of the difference on the resource.
    pub impact: Impact,
    /// The reason why the value may change although its text is the same. `None` if the text is different.
    pub because: Option<String>,
    /// Whether the change is harmless, whatever its value is.
    pub harmless: bool,
}

/// The path to a value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Path(Vec<PathStep>);

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PathStep {
    Key(String),
    /// An item of a list, by a name that no other item of the list has.
    Item(String),
}

impl PathStep {
    pub(super) fn is(&self, key: &str) -> bool {
        matches!(self, Self::Key(own) if own == key)
    }
}

impl Path {
    pub(super) fn steps(&self) -> &[PathStep] {
        &self.0
    }

    pub(super) fn first(&self) -> Option<&str> {
        match self.0.first()? {
            PathStep::Key(key) => Some(key),
            PathStep::Item(_) => None,
        }
    }

    pub(super) fn is(&self, key: &str) -> bool {
        self.first() == Some(key)
    }

    pub(super) fn shorten(&mut self) {
        if self.0.len() > 1 && self.is("Properties") {
            self.0.remove(0);
        }
    }

    /// Whether the path begins with these keys, with a `.` before each inner one.
    pub(super) fn is_below(&self, keys: &str) -> bool {
        let mut steps = self.0.iter();
        keys.split('.').all(|key| steps.next().is_some_and(|step| step.is(key)))
    }

    /// The path to a property or to another part of a resource.
    pub(super) fn of(property: &str) -> Self {
        Self(vec![PathStep::Key(property.to_owned())])
    }

    fn then(&self, step: PathStep) -> Self {
        Self(self.0.iter().cloned().chain([step]).collect())
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.0.iter().enumerate() {
            match step {
                PathStep::Key(key) if index > 0 => write!(f, ".{key}")?,
                PathStep::Key(key) => f.write_str(key)?,
                PathStep::Item(name) => write!(f, "[{name}]")?,
            }
        }
        Ok(())
    }
}

/// The differences between two values.
pub(super) fn differences(old: Option<&Json>, new: Option<&Json>) -> Vec<Change> {
    let mut changes = Vec::new();
    compare(&mut changes, &Path::default(), old, new);
    changes
}

fn compare(out: &mut Vec<Change>, path: &Path, old: Option<&Json>, new: Option<&Json>) {
    if old == new {
        return;
    }
    match (old.map(shape), new.map(shape)) {
        (Some(Shape::Map(old)), Some(Shape::Map(new))) if !old.is_empty() && !new.is_empty() => {
            let gone = old.keys().filter(|key| !new.contains_key(*key));
            for key in new.keys().chain(gone) {
                compare(out, &path.then(PathStep::Key(key.clone())), old.get(key), new.get(key));
            }
        }
        (Some(Shape::List(old)), Some(Shape::List(new))) if !old.is_empty() && !new.is_empty() => {
            lists(out, path, old, new);
        }
        // A map or list that is added or removed as a whole is shown leaf by leaf.
        (Some(Shape::Map(map)), None) if !map.is_empty() => {
            map.iter().for_each(|(key, value)| compare(out, &path.then(PathStep::Key(key.clone())), Some(value), None));
        }
        (None, Some(Shape::Map(map))) if !map.is_empty() => {
            map.iter().for_each(|(key, value)| compare(out, &path.then(PathStep::Key(key.clone())), None, Some(value)));
        }
        (Some(Shape::List(list)), None) if list.iter().any(|item| pieces(item).is_none()) => {
            for (name, item) in named(list) {
                compare(out, &path.then(PathStep::Item(name)), Some(item), None);
            }
        }
        (None, Some(Shape::List(list))) if list.iter().any(|item| pieces(item).is_none()) => {
            for (name, item) in named(list) {
                compare(out, &path.then(PathStep::Item(name)), None, Some(item));
            }
        }
        _ => {
            let (old, new) = (old.map(show), new.map(show));
            // CloudFormation treats 128 and "128" alike, and all forms of the same reference.
            if old != new {
                out.push(Change { path: path.clone(), old, new, impact: Impact::None, because: None, harmless: false });
            }
        }
    }
}

enum Shape<'j> {
    Map(&'j serde_json::Map<String, Json>),
    List(&'j Vec<Json>),
    Text,
}

fn shape(value: &Json) -> Shape<'_> {
    match value {
        Json::Array(list) => Shape::List(list),
        Json::Object(map) if text::intrinsic(value).is_none() => Shape::Map(map),
        _ => Shape::Text,
    }
}

/// Compares lists by the names of their items, not by their positions.
fn lists(out: &mut Vec<Change>, path: &Path, old: &[Json], new: &[Json]) {
    let (before, after) = (named(old), named(new));
    let find = |list: &[(String, &Json)], name: &str| {
        list.iter().find(|(other, _)| other == name).map(|(_, item)| (*item).clone())
    };
    let start = out.len();
    for (name, item) in &before {
        let step = path.then(PathStep::Item(name.clone()));
        match find(&after, name) {
            Some(other) => compare(out, &step, Some(item), Some(&other)),
            None => compare(out, item_path(path, &step, item), Some(item), None),
        }
    }
    for (name, item) in after.iter().filter(|(name, _)| find(&before, name).is_none()) {
        let step = path.then(PathStep::Item(name.clone()));
        compare(out, item_path(path, &step, item), None, Some(item));
    }
    let order = |list: &[(String, &Json)], other: &[(String, &Json)]| -> Vec<String> {
        list.iter().map(|(name, _)| name.clone()).filter(|name| find(other, name).is_some()).collect()
    };
    let (old_order, new_order) = (order(&before, &after), order(&after, &before));
    if old_order != new_order && out.len() == start {
        let text = |order: &[String]| Some(format!("in the order {}", order.join(", ")));
        let (old, new) = (text(&old_order), text(&new_order));
        out.push(Change { path: path.clone(), old, new, impact: Impact::None, because: None, harmless: false });
    }
}

/// The path that shows an item of a list. A text is its own name, so the path of the list is enough.
fn item_path<'p>(list: &'p Path, item: &'p Path, value: &Json) -> &'p Path {
    if pieces(value).is_some() { list } else { item }
}

/// The items of a list, each with a name that no other item has.
fn named(list: &[Json]) -> Vec<(String, &Json)> {
    let keys = ["Sid", "PolicyName", "Key", "Name", "Id", "AttributeName", "IndexName", "ParameterKey", "DeviceName"];
    let by = |key: &str| list.iter().map(|item| Some(show(item.get(key)?))).collect::<Option<Vec<_>>>();
    let texts = || list.iter().map(|item| pieces(item).map(|_| show(item))).collect::<Option<Vec<_>>>();
    let unique = |names: &Vec<String>| names.iter().collect::<BTreeSet<_>>().len() == names.len();
    let names = texts().or_else(|| keys.iter().find_map(|key| by(key).filter(unique)));
    let names = names.unwrap_or_else(|| (0..list.len()).map(|index| index.to_string()).collect());
    // Of two items with the same name, the second gets a number.
    let numbered = names.iter().enumerate().map(|(index, name)| {
        match names[..index].iter().filter(|other| *other == name).count() {
            0 => name.clone(),
            again => format!("{name} ({})", again + 1),
        }
    });
    numbered.zip(list).collect()
}

/// A value as one line.
pub(super) fn show(value: &Json) -> String {
    if let Some(pieces) = pieces(value) {
        return text::display(&pieces);
    }
    let mut out = String::new();
    match value {
        Json::Array(list) => {
            out.push('[');
            for (index, item) in list.iter().enumerate() {
                let _ = write!(out, "{}{}", if index > 0 { ", " } else { "" }, show(item));
            }
            out.push(']');
        }
        Json::Object(map) => {
            out.push('{');
            for (index, (key, item)) in map.iter().enumerate() {
                let _ = write!(out, "{}{key}: {}", if index > 0 { ", " } else { "" }, show(item));
            }
            out.push('}');
        }
        other => out = other.to_string(),
    }
    out
}

/// A text in a value that refers to something.
pub(super) struct Leaf {
    pub(super) path: Path,
    pub(super) text: String,
    /// The parameters, resources, mappings and conditions that the text refers to.
    pub(super) names: BTreeSet<String>,
}

/// The texts of a value that refer to something.
pub(super) fn leaves(value: &Json) -> Vec<Leaf> {
    let mut out = Vec::new();
    collect(&mut out, &Path::default(), value);
    out
}

fn collect(out: &mut Vec<Leaf>, path: &Path, value: &Json) {
    match shape(value) {
        Shape::Map(map) => {
            map.iter().for_each(|(key, value)| collect(out, &path.then(PathStep::Key(key.clone())), value));
        }
        Shape::List(list) => {
            for (name, item) in named(list) {
                collect(out, &path.then(PathStep::Item(name)), item);
            }
        }
        Shape::Text => {
            let mut names = BTreeSet::new();
            find_names(value, &mut names);
            if path.is("Condition") {
                names.extend(value.as_str().map(str::to_owned));
            }
            if !names.is_empty() {
                out.push(Leaf { path: path.clone(), text: show(value), names });
            }
        }
    }
}

fn find_names(value: &Json, names: &mut BTreeSet<String>) {
    let resource = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
    for piece in pieces(value).into_iter().flatten() {
        if let text::Piece::Reference(name) = piece {
            names.insert(resource(&name));
        }
    }
    match value {
        Json::Object(map) => {
            for (key, value) in map {
                let first = value.get(0).and_then(Json::as_str);
                match key.as_str() {
                    "Fn::If" | "Fn::FindInMap" => names.extend(first.map(str::to_owned)),
                    "Condition" => names.extend(value.as_str().map(str::to_owned)),
                    _ => {}
                }
                find_names(value, names);
            }
        }
        Json::Array(list) => list.iter().for_each(|value| find_names(value, names)),
        _ => {}
    }
}
