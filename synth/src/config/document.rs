//! A YAML mapping that is read field by field, and the problems found on the way.

use std::{fmt, ops::RangeInclusive, str::FromStr};

use lambda::text::Invalid;
use serde_yaml::{Mapping, Value};

use super::{
    Checked, Config,
    locate::{Place, Step, locate},
};

/// One problem, at its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where; lines and columns count from 1.
    pub place: Place,
    /// What is wrong and what would be right.
    pub message: String,
}

/// Every problem of a file, in the order of the file; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// The problems.
    #[must_use]
    pub fn list(&self) -> &[Problem] {
        &self.0
    }

    /// All of them as people read them: place, message, the line itself with a caret.
    #[must_use]
    pub fn render(&self, file: &str, text: &str) -> String {
        self.0.iter().map(|problem| problem.render(file, text)).collect()
    }
}

impl Problem {
    /// A problem with the value of a setting, or with the whole file where it is not written.
    #[must_use]
    pub fn with(setting: &str, text: &str, message: &str) -> Self {
        Self { place: locate(text, &[Step::Value(setting)]), message: format!("{setting}: {message}") }
    }

    /// `file:line:column: message`, the line, a caret.
    #[must_use]
    pub fn render(&self, file: &str, text: &str) -> String {
        let Place { line, column } = self.place;
        let mut out = format!("{file}:{line}:{column}: {}\n", self.message);
        if let Some(source) = text.lines().nth(line - 1).filter(|source| !source.trim().is_empty()) {
            let source: String = source.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            out += &format!("  | {source}\n  | {:>column$}\n", "^");
        }
        out
    }
}

pub(super) struct Document<'t> {
    text: &'t str,
    fields: Mapping,
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
}

impl<'t> Document<'t> {
    pub(super) fn parse(text: &'t str) -> Result<Self, Problems> {
        let refused = |place, message| Problems(vec![Problem { place, message }]);
        let tree: Value = serde_yaml::from_str(text).map_err(|e| {
            let place = e.location().map_or(Place::START, |l| Place { line: l.line(), column: l.column() });
            refused(place, format!("this is not YAML that can be read: {}", without_place(&e.to_string())))
        })?;
        match tree {
            Value::Mapping(fields) => Ok(Self { text, fields, problems: Vec::new(), warnings: Vec::new() }),
            Value::Null => Ok(Self { text, fields: Mapping::new(), problems: Vec::new(), warnings: Vec::new() }),
            _ => Err(refused(Place::START, "the file must be a mapping: one `name: value` a line".into())),
        }
    }

    pub(super) fn expect_keys(&mut self, known: &[&str]) {
        let mut unknown = Vec::new();
        for key in self.fields.keys() {
            match key {
                Value::String(key) if known.contains(&key.as_str()) => {}
                Value::String(key) => unknown.push((key.clone(), suggestion(key, known))),
                other => unknown.push((plain(other), String::new())),
            }
        }
        for (key, suggestion) in unknown {
            let place = locate(self.text, &[Step::Key(&key)]);
            self.problems.push(Problem {
                place,
                message: format!("there is no setting {key:?}{suggestion}; there are: {}", known.join(", ")),
            });
        }
    }

    /// A field that is one word; `default` is what it is when it is not given.
    pub(super) fn field<T: FromStr<Err = Invalid>>(&mut self, key: &'static str, default: &str) -> Option<T> {
        let parsed = match self.fields.get(key) {
            None => default.parse().map_err(|e: Invalid| e.to_string()),
            // A bare 0 is a duration; every other number fails its own rule with a good message.
            Some(Value::Number(number)) => number.to_string().parse().map_err(|e: Invalid| e.to_string()),
            Some(value) => text(value).and_then(|text| text.parse().map_err(|e: Invalid| e.to_string())),
        };
        self.keep(parsed, &[Step::Value(key)], key)
    }

    pub(super) fn number(&mut self, key: &'static str, default: u32, allowed: RangeInclusive<u32>) -> Option<u32> {
        let parsed = match self.fields.get(key) {
            None => Ok(default),
            Some(value) => {
                value.as_u64().and_then(|n| u32::try_from(n).ok()).filter(|n| allowed.contains(n)).ok_or_else(|| {
                    let (least, most) = (allowed.start(), allowed.end());
                    format!("{} is not a whole number from {least} to {most}", plain(value))
                })
            }
        };
        self.keep(parsed, &[Step::Value(key)], key)
    }

    /// A field that is a list of words, at least one, no two alike.
    pub(super) fn list<T: FromStr<Err = Invalid> + SameAs>(&mut self, key: &'static str) -> Option<Vec<T>> {
        let items = match self.fields.get(key) {
            Some(Value::Sequence(items)) if !items.is_empty() => items.clone(),
            Some(_) => {
                return self.keep(Err("it must be a list with at least one entry".into()), &[Step::Value(key)], key);
            }
            None => return self.keep(Err(format!("{key} is missing: a list with at least one entry")), &[], key),
        };
        let mut list: Vec<T> = Vec::new();
        let mut complete = true;
        for (index, item) in items.iter().enumerate() {
            let place = [Step::Value(key), Step::Item(index)];
            let parsed = text(item).and_then(|text| text.parse::<T>().map_err(|e| e.to_string()));
            let unique = parsed.and_then(|item| match list.iter().position(|other| other.same_as(&item)) {
                Some(first) => Err(format!("this is entry {} of {key} again", first + 1)),
                None => Ok(item),
            });
            match self.keep(unique, &place, key) {
                Some(item) => list.push(item),
                None => complete = false,
            }
        }
        complete.then_some(list)
    }

    fn keep<T>(&mut self, parsed: Result<T, String>, path: &[Step<'_>], key: &str) -> Option<T> {
        parsed
            .map_err(|message| {
                let message = if path.is_empty() { message } else { format!("{key}: {message}") };
                self.problem(path, message);
            })
            .ok()
    }

    pub(super) fn problem(&mut self, path: &[Step<'_>], message: String) {
        self.problems.push(Problem { place: locate(self.text, path), message });
    }

    /// A problem with the value of `key`, or with the whole file where the key is not written.
    pub(super) fn problem_with(&mut self, key: &'static str, message: String) {
        let place = self.place_of(key);
        self.problems.push(Problem { place, message });
    }

    pub(super) fn warn_about(&mut self, key: &'static str, message: String) {
        let place = self.place_of(key);
        self.warnings.push(Problem { place, message });
    }

    fn place_of(&self, key: &'static str) -> Place {
        if self.fields.contains_key(key) { locate(self.text, &[Step::Value(key)]) } else { Place::START }
    }

    pub(super) fn into_problems(mut self) -> Problems {
        self.problems.sort_by_key(|problem| problem.place);
        Problems(self.problems)
    }

    pub(super) fn finish(self, config: Config) -> Result<Checked, Problems> {
        if self.problems.is_empty() {
            Ok(Checked { config, warnings: self.warnings })
        } else {
            Err(self.into_problems())
        }
    }
}

/// When two entries of a list mean the same thing.
pub(super) trait SameAs {
    fn same_as(&self, other: &Self) -> bool;
}

fn text(value: &Value) -> Result<&str, String> {
    match value {
        Value::String(text) => Ok(text),
        Value::Number(_) | Value::Bool(_) => Err(format!("{0} is not text: write \"{0}\" in quotes", plain(value))),
        Value::Null => Err("the value is missing".into()),
        _ => Err("it must be a single value".into()),
    }
}

/// A value as its writer would recognize it.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{text:?}"),
        Value::Number(number) => number.to_string(),
        Value::Bool(boolean) => boolean.to_string(),
        Value::Null => "nothing".into(),
        Value::Sequence(_) => "a list".into(),
        Value::Mapping(_) => "a mapping".into(),
        Value::Tagged(tagged) => tagged.tag.to_string(),
    }
}

/// The parser puts the place at the end of its message; ours is at the beginning of the line.
fn without_place(message: &str) -> &str {
    message.rfind(" at line ").map_or(message, |end| &message[..end])
}

/// `; did you mean …?` for a name that is nearly a known one.
fn suggestion(key: &str, known: &[&str]) -> String {
    let near = known.iter().map(|name| (distance(key, name), name)).min();
    match near {
        Some((distance, name)) if distance <= name.len().min(key.len()) / 3 + 1 => format!("; did you mean {name}?"),
        _ => String::new(),
    }
}

/// How many letters must be inserted, dropped or changed to make `a` into `b`.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let change = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.0.iter().map(|p| format!("{}:{}: {}", p.place.line, p.place.column, p.message));
        f.write_str(&lines.collect::<Vec<_>>().join("\n"))
    }
}
