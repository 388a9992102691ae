//! The types of settings' values: how each is read, and the JSON Schema that accepts the same values.

use std::{ops::Range, str::FromStr};

use lambda::model::parse_error::ParseError;
use serde_json::{Value as Json, json};

use crate::config::{
    suggest,
    tree::{self, Content, Node},
};

/// Why the reader refuses a value, or a part of it.
#[derive(Debug)]
pub(super) struct ValueProblem {
    /// The place of the wrong part, in characters. `None` stands for the whole value.
    pub(super) at: Option<Range<usize>>,
    pub(super) message: String,
    pub(super) meant: Option<String>,
    pub(super) allowed: Option<String>,
    /// Another place that is involved, with its label.
    pub(super) context: Option<Box<(Range<usize>, String)>>,
}

impl ValueProblem {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { at: None, message: message.into(), meant: None, allowed: None, context: None }
    }

    /// Blames this part of the value. A part that is not written has no place.
    pub(super) fn at(mut self, part: &Node) -> Self {
        self.at = Some(part.at.clone()).filter(|at| !at.is_empty());
        self
    }

    pub(super) fn allowed(mut self, allowed: impl Into<String>) -> Self {
        self.allowed = Some(allowed.into());
        self
    }
}

/// The type of a setting's value.
pub(super) trait SettingType: Sized {
    /// Reads a value, or returns everything that is wrong with it.
    fn read(node: &Node) -> Result<Self, Vec<ValueProblem>>;

    /// The JSON Schema of a value. It accepts what [`SettingType::read`] accepts.
    fn schema() -> Json;

    /// The values that [`SettingType::read`] accepts, in words.
    fn allowed() -> String;

    /// Converts a correct value from YAML to JSON.
    fn json(text: &str) -> Json {
        text.into()
    }
}

/// A value that is one scalar of YAML.
pub(super) trait Word: FromStr<Err = ParseError> {
    /// The texts that `from_str` accepts: no more and no fewer.
    fn rule() -> ValueRule;

    /// Whether a bare number gets the same message as a text. Durations set it, because people leave out the unit.
    const NUMBERS: bool = false;

    /// Other names that people use, each with ours.
    const ALIASES: &[(&str, &str)] = &[];

    /// What the author of this text may have meant, the likeliest first. The caller drops guesses that are no value.
    fn guesses(_text: &str) -> Vec<String> {
        Vec::new()
    }

    /// What is wrong with a text, and what to do: better than that it is not allowed.
    fn misuse(_text: &str) -> Option<(String, &'static str)> {
        None
    }
}

/// The texts that a [`Word`] can be.
#[derive(Debug, Default)]
pub(super) struct ValueRule {
    /// The texts that are listed.
    pub(super) words: Vec<&'static str>,
    /// A regular expression that matches further texts as a whole. JavaScript and Python must read it the same way.
    pub(super) pattern: Option<String>,
    /// Whether the number 0 is allowed too.
    pub(super) zero: bool,
}

impl ValueRule {
    pub(super) fn words(words: impl IntoIterator<Item = &'static str>) -> Self {
        Self { words: words.into_iter().collect(), ..Self::default() }
    }

    pub(super) fn pattern(pattern: &str) -> Self {
        Self { pattern: Some(format!("^{pattern}$")), ..Self::default() }
    }

    fn schema(self, allowed: &str) -> Json {
        let mut forms = Vec::new();
        if !self.words.is_empty() {
            forms.push(json!({ "type": "string", "enum": self.words }));
        }
        if let Some(pattern) = self.pattern {
            // Editors show `patternErrorMessage`; validators ignore it.
            forms.push(json!({ "type": "string", "pattern": pattern, "patternErrorMessage": allowed }));
        }
        if self.zero {
            forms.push(json!({ "const": 0 }));
        }
        match <[Json; 1]>::try_from(forms) {
            Ok([only]) => only,
            Err(forms) => json!({ "anyOf": forms }),
        }
    }
}

/// The rule in words. No value is empty, so the error for an empty text has them.
fn allowed<T: Word>() -> &'static str {
    "".parse::<T>().err().map_or("", |refused| refused.allowed)
}

fn parse<T: Word>(text: &str) -> Result<T, ValueProblem> {
    text.parse().map_err(|invalid: ParseError| match (meant::<T>(text), T::misuse(text)) {
        (meant, Some((message, fix))) => ValueProblem { meant, ..ValueProblem::new(message).allowed(fix) },
        (meant, _) => {
            let wrong = ValueProblem::new(format!("{:?} is not {}", invalid.value, invalid.what));
            ValueProblem { meant, ..wrong.allowed(format!("allowed: {}", invalid.allowed)) }
        }
    })
}

/// The error for a value that continues in a second line, where another value was to begin.
fn continued(node: &Node) -> Option<ValueProblem> {
    let second_line = node.second_line.clone()?;
    let wrong = ValueProblem::new("this line is indented more than the line above it, so it continues that value");
    let wrong = wrong.allowed("begin each entry of a list in the same column, and each setting in the first column");
    Some(ValueProblem {
        at: Some(second_line),
        context: Some(Box::new((node.at.clone(), "the value begins here".into()))),
        ..wrong
    })
}

/// The error for what YAML reads as a number, a truth value or a date. In quotes it would be text; the error says so if that
/// would be a value.
fn no_text<T: Word>(text: &str) -> ValueProblem {
    let allowed = format!("allowed: {}", allowed::<T>());
    let quotes = if text.parse::<T>().is_ok() { format!("write \"{text}\" in quotes; ") } else { String::new() };
    let wrong = ValueProblem::new(format!("{text} is not text")).allowed(quotes + &allowed);
    // Without quotes, the same text would be the same number again.
    ValueProblem {
        meant: meant::<T>(text).map(|meant| if meant == text { format!("\"{meant}\"") } else { meant }),
        ..wrong
    }
}

fn meant<T: Word>(text: &str) -> Option<String> {
    let unquoted = text.trim_matches(['“', '”', '„', '‘', '’', '「', '」']);
    if unquoted != text && unquoted.parse::<T>().is_ok() {
        return Some(unquoted.to_owned());
    }
    let alias = T::ALIASES.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(text)).map(|(_, word)| *word);
    let near = || suggest::word(text, T::rule().words).map(str::to_owned);
    let mut guesses = T::guesses(text).into_iter().filter(|guess| guess.parse::<T>().is_ok());
    alias.map(str::to_owned).or_else(|| guesses.next()).or_else(near)
}

impl<T: Word> SettingType for T {
    fn read(node: &Node) -> Result<Self, Vec<ValueProblem>> {
        let word = match &node.content {
            Content::Text(text) => parse(text).map_err(|wrong| continued(node).unwrap_or(wrong)),
            Content::Number(digits) if T::NUMBERS => parse(digits),
            Content::Number(text) | Content::Other(text) => Err(no_text::<T>(text)),
            Content::Null => {
                Err(ValueProblem::new("the value is missing").allowed(format!("allowed: {}", allowed::<T>())))
            }
            Content::List(_) => Err(ValueProblem::new("it must be a single value, not a list")),
            Content::Map(_) => Err(ValueProblem::new("it must be a single value, not a mapping")),
            Content::Tagged(tag) => {
                Err(ValueProblem::new(format!("the YAML tag {tag} is not allowed here; remove it")))
            }
        };
        word.map_err(|wrong| vec![wrong])
    }

    fn schema() -> Json {
        T::rule().schema(allowed::<T>())
    }

    fn allowed() -> String {
        allowed::<T>().to_owned()
    }
}

/// Whether two items of a list mean the same, so that only one of them may be in it.
pub(super) trait SameAs {
    fn same_as(&self, other: &Self) -> bool;
}

/// A list with at least one item and no two that mean the same.
impl<T: SettingType + SameAs> SettingType for Vec<T> {
    fn read(node: &Node) -> Result<Self, Vec<ValueProblem>> {
        items(node, 1)
    }

    fn schema() -> Json {
        json!({ "type": "array", "items": T::schema(), "minItems": 1, "uniqueItems": true })
    }

    fn allowed() -> String {
        format!("a list with at least one entry. Each entry: {}", T::allowed())
    }

    fn json(text: &str) -> Json {
        tree::parse(text).map_or(Json::Null, |node| tree::json(&node))
    }
}

/// A list that may be empty, of items of which no two mean the same.
#[derive(Debug, Clone)]
pub(super) struct AnyNumber<T>(pub(super) Vec<T>);

impl<T: SettingType + SameAs> SettingType for AnyNumber<T> {
    fn read(node: &Node) -> Result<Self, Vec<ValueProblem>> {
        items(node, 0).map(Self)
    }

    fn schema() -> Json {
        json!({ "type": "array", "items": T::schema(), "uniqueItems": true })
    }

    fn allowed() -> String {
        format!("a list, which may be empty. Each entry: {}", T::allowed())
    }

    fn json(text: &str) -> Json {
        Vec::<T>::json(text)
    }
}

/// Reads a list with at least `least` items. No two items may mean the same. The error has everything that is wrong.
fn items<T: SettingType + SameAs>(node: &Node, least: usize) -> Result<Vec<T>, Vec<ValueProblem>> {
    let (shape, how) = if least == 0 {
        ("a list", "write a line `- …` for each entry, or [] for none")
    } else {
        ("a list with at least one entry", "write a line `- …` for each")
    };
    let items = match &node.content {
        Content::List(items) if items.len() >= least => items,
        Content::Text(text) => return Err(vec![no_list::<T>(text, &format!("{shape}: {how}"))]),
        Content::Map(_) => {
            return Err(vec![ValueProblem::new(format!("it must be {shape}, not a mapping")).allowed(how)]);
        }
        _ => return Err(vec![ValueProblem::new(format!("it must be {shape}: {how}"))]),
    };
    let (mut list, mut wrong) = (Vec::<(usize, T)>::new(), Vec::new());
    for (index, node) in items.iter().enumerate() {
        let placed = |wrong: ValueProblem| if wrong.at.is_some() { wrong } else { wrong.at(node) };
        let unique = T::read(node).and_then(|item| match list.iter().find(|(_, other)| other.same_as(&item)) {
            Some((first, _)) => Err(vec![repeated(node, *first, &items[*first])]),
            None => Ok(item),
        });
        match unique {
            Ok(item) => list.push((index, item)),
            Err(all) => wrong.extend(several::<T>(node, &all).map_or(all, |one| vec![one]).into_iter().map(placed)),
        }
    }
    if wrong.is_empty() { Ok(list.into_iter().map(|(_, item)| item).collect()) } else { Err(wrong) }
}

/// The error for a text in place of a list.
fn no_list<T: SettingType>(text: &str, shape: &str) -> ValueProblem {
    let mut words = text.split_whitespace();
    if let Some(first) = words.next().and_then(|word| word.strip_prefix('-'))
        && !first.is_empty()
        && words.all(|word| word.starts_with('-'))
    {
        let wrong = ValueProblem::new("a space is missing after the dash, so this is no list");
        return ValueProblem { meant: Some(format!("`- {first}`")), ..wrong };
    }
    let wrong = ValueProblem::new(format!("it must be {shape}"));
    let is_one = T::read(&Node::text(text)).is_ok();
    let list = separated::<T>(text).map(|parts| parts.join(", ")).or_else(|| is_one.then(|| text.to_owned()));
    ValueProblem { meant: list.map(|list| format!("[{list}]")), ..wrong }
}

/// The error for one entry that has several in it. There is none if one value is near to the entry.
fn several<T: SettingType>(node: &Node, wrong: &[ValueProblem]) -> Option<ValueProblem> {
    let Content::Text(text) = &node.content else { return None };
    let parts = separated::<T>(text)?;
    // A guess that is one of the values would drop the others.
    let is_other_guess = |wrong: &ValueProblem| wrong.meant.as_deref().is_some_and(|meant| !parts.contains(&meant));
    if node.second_line.is_some() || wrong.iter().any(is_other_guess) {
        return None;
    }
    let lines: Vec<_> = parts.iter().map(|part| format!("`- {part}`")).collect();
    Some(ValueProblem::new(format!("{text:?} is one entry, but it contains {} values", parts.len())).allowed(format!(
        "write an entry for each: a line {}, or [{}]",
        lines.join(" and a line "),
        parts.join(", ")
    )))
}

/// The values in a text that separates them by commas or spaces, if there are several.
pub(super) fn separated<T: SettingType>(text: &str) -> Option<Vec<&str>> {
    let parts: Vec<_> = text.split([',', ';', ' ']).filter(|part| !part.is_empty()).collect();
    (parts.len() > 1 && parts.iter().all(|part| T::read(&Node::text(part)).is_ok())).then_some(parts)
}

/// The error for an entry that means the same as an earlier one.
fn repeated(node: &Node, index: usize, first: &Node) -> ValueProblem {
    let wrong = match (&node.content, &first.content) {
        (Content::Text(text), Content::Text(other)) if text != other && text.eq_ignore_ascii_case(other) => {
            ValueProblem::new(format!(
                "{text} and {other} (entry {}) differ only in upper and lower case, so they mean the same",
                index + 1
            ))
            .allowed("remove one of them; for a user, keep the spelling that IAM shows")
        }
        _ => {
            ValueProblem::new(format!("this entry means the same as entry {}", index + 1)).allowed("remove one of them")
        }
    };
    ValueProblem { context: Some(Box::new((first.at.clone(), format!("entry {}", index + 1)))), ..wrong }
}
