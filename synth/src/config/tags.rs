//! The setting `tags`: a mapping from keys to values.

use lambda::contract::resource_tags::{RESERVED_KEY, RESERVED_PREFIXES, ResourceTags, TagKey, TagValue};
use serde_json::{Value as Json, json};

use crate::config::{
    setting_type::{SettingType, ValueProblem, ValueRule, Word},
    tree::{self, Content, Node},
};

/// A pattern for a text of these characters, without a space at an end.
fn text(characters: &str, most: usize) -> String {
    format!("[{characters}-](?:[{characters} -]{{0,{}}}[{characters}-])?", most - 2)
}

/// A pattern for a word in any case.
fn in_any_case(word: &str) -> String {
    let letter = |c: char| match c {
        'a'..='z' => format!("[{}{c}]", c.to_ascii_uppercase()),
        c => c.to_string(),
    };
    word.chars().map(letter).collect()
}

/// The text without the spaces around it, if there are any.
fn without_spaces(text: &str) -> Vec<String> {
    Some(text.trim()).filter(|trimmed| *trimmed != text).map(str::to_owned).into_iter().collect()
}

impl Word for TagKey {
    fn rule() -> ValueRule {
        let prefixes = RESERVED_PREFIXES.map(|prefix| format!("(?!{})", in_any_case(prefix)));
        let whole = format!("(?!{}$)", in_any_case(RESERVED_KEY));
        ValueRule::pattern(&format!("{}{whole}{}", prefixes.concat(), text("A-Za-z0-9_.:/+@", 128)))
    }

    fn guesses(text: &str) -> Vec<String> {
        without_spaces(text)
    }
}

impl Word for TagValue {
    fn rule() -> ValueRule {
        ValueRule::pattern(&text("A-Za-z0-9_.:/=+@", 256))
    }

    fn guesses(text: &str) -> Vec<String> {
        without_spaces(text)
    }
}

impl SettingType for ResourceTags {
    fn read(node: &Node) -> Result<Self, Vec<ValueProblem>> {
        let Content::Map(entries) = &node.content else {
            let shape = "it must be a mapping: write a line `KEY: VALUE` for each tag, or {} for none";
            return Err(vec![ValueProblem::new(shape)]);
        };
        let (mut tags, mut wrong) = (Vec::<(TagKey, TagValue)>::new(), Vec::new());
        for (key, value) in entries.iter() {
            let placed = |wrong: ValueProblem, part: &Node| wrong.at(if part.at.is_empty() { key } else { part });
            let mut keep =
                |all: Vec<ValueProblem>, part| wrong.extend(all.into_iter().map(|wrong| placed(wrong, part)));
            let (read_key, read_value) = (TagKey::read(key), TagValue::read(value));
            match (read_key, read_value) {
                (Ok(name), Ok(text)) => {
                    let is_same = |(other, _): &&(TagKey, TagValue)| other.as_str().eq_ignore_ascii_case(name.as_str());
                    match tags.iter().find(is_same) {
                        Some((first, _)) => keep(
                            vec![
                                ValueProblem::new(format!(
                                    "{name} means the same as {first}: IAM compares keys without case"
                                ))
                                .allowed("remove one of them"),
                            ],
                            key,
                        ),
                        None => tags.push((name, text)),
                    }
                }
                (read_key, read_value) => {
                    keep(read_key.err().unwrap_or_default(), key);
                    keep(read_value.err().unwrap_or_default(), value);
                }
            }
        }
        if entries.len() > Self::MOST {
            wrong.push(
                ValueProblem::new(format!(
                    "{} tags are too many: AWS takes 50 on a resource, and a secret has {} of its own",
                    entries.len(),
                    50 - Self::MOST
                ))
                .allowed("remove some of them"),
            );
        }
        if wrong.is_empty() { Ok(Self(tags)) } else { Err(wrong) }
    }

    fn schema() -> Json {
        json!({
            "type": "object",
            "propertyNames": TagKey::schema(),
            "additionalProperties": TagValue::schema(),
            "maxProperties": Self::MOST,
        })
    }

    fn allowed() -> String {
        format!(
            "a mapping with at most {} entries. Each key: {}. Each value: {}",
            Self::MOST,
            TagKey::allowed(),
            TagValue::allowed()
        )
    }

    fn json(text: &str) -> Json {
        tree::parse(text).map_or(Json::Null, |node| tree::json(&node))
    }
}
