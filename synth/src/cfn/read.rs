//! Reads a template in YAML or JSON into the canonical form, which has only long-form intrinsic functions.
//!
//! It reads any template, not only ours. It interprets values as CloudFormation does: YAML 1.1's booleans are booleans,
//! but dates, numbers with a leading zero and other special forms stay text. A template may come from an untrusted
//! source. So its depth is limited, and so is the number of values that aliases can produce.

use std::{collections::HashMap, fmt, ops::Range};

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value as Json};

use super::yaml_events::{CORE, NodeProperties, YamlError, YamlEvent, YamlEvents};

/// The number of levels that a template may nest. CloudFormation itself allows far fewer.
const MAX_DEPTH: usize = 100;

/// The number of values that a template may have after its aliases are expanded.
const MAX_VALUES: usize = 200_000;

/// The reason why a text is not a template, with its position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}")]
pub struct TemplateReadError {
    /// The line of the problem. The first line is 1.
    pub line: usize,
    /// The column of the problem, in characters. The first column is 1.
    pub column: usize,
    /// What is wrong at this position.
    pub problem: String,
}

impl TemplateReadError {
    fn at(text: &str, at: usize, problem: impl Into<String>) -> Self {
        let before = &text[..at];
        let line = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before[line..].chars().count() + 1,
            problem: problem.into(),
        }
    }
}

/// Reads a template.
///
/// # Errors
/// [`TemplateReadError`] if the text is not a template.
pub fn read(text: &str) -> Result<Json, TemplateReadError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // JSON is almost YAML, but surrogate pairs, long keys and some line breaks need the JSON reader. If that reader fails,
    // the YAML reader gives the better error.
    if text.trim_start().starts_with(['{', '[', '"'])
        && let Ok(Strict(json)) = serde_json::from_str(text)
    {
        return Ok(json);
    }
    let mut reader = Reader { events: YamlEvents::new(text), anchors: HashMap::new(), values: 0 };
    reader.document().map_err(|YamlError { at, problem, .. }| TemplateReadError::at(text, at, problem))
}

struct Reader<'t> {
    events: YamlEvents<'t>,
    /// The value of each anchor, and the number of values in it.
    anchors: HashMap<String, (Json, usize)>,
    values: usize,
}

fn refused<T>(at: usize, problem: impl Into<String>) -> Result<T, YamlError> {
    Err(YamlError::new(at, problem))
}

impl Reader<'_> {
    fn next(&mut self) -> Result<(YamlEvent, Range<usize>), YamlError> {
        self.events.next().map_err(|error| YamlError { problem: format!("not valid YAML: {}", error.problem), ..error })
    }

    /// Reads the only document. Null if there is none.
    fn document(&mut self) -> Result<Json, YamlError> {
        let (YamlEvent::Document, _) = self.next()? else { return Ok(Json::Null) };
        let (event, at) = self.next()?;
        let value = self.value(event, at.start, 0)?;
        match self.next()? {
            (YamlEvent::End, _) => Ok(value),
            (_, at) => refused(at.start, "a second document begins here; a template must be one document"),
        }
    }

    /// Reads the value that begins with this event.
    fn value(&mut self, event: YamlEvent, at: usize, depth: usize) -> Result<Json, YamlError> {
        let before = self.values;
        self.count(1, at)?;
        if depth > MAX_DEPTH {
            return refused(at, format!("nested more than {MAX_DEPTH} levels deep"));
        }
        let (NodeProperties { anchor, tag }, value) = match event {
            YamlEvent::Scalar { text, is_plain, properties } => {
                let is_textual = !is_plain || properties.tag.as_deref().is_some_and(is_textual);
                (properties, if is_textual { text.into() } else { plain(text) })
            }
            YamlEvent::ListStart(properties) => {
                self.begin(&properties);
                (properties, self.list(depth)?)
            }
            YamlEvent::MapStart(properties) => {
                self.begin(&properties);
                (properties, self.map(depth)?)
            }
            YamlEvent::Alias(anchor) => {
                let Some((value, size)) = self.anchors.get(&anchor).cloned() else {
                    return refused(at, format!("no complete value before this has the anchor {anchor}"));
                };
                self.count(size, at)?;
                return Ok(value);
            }
            _ => return refused(at, "a value is missing"),
        };
        let value = match tag {
            Some(tag) => tagged(&tag, value).or_else(|problem| refused(at, problem))?,
            None => value,
        };
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, (value.clone(), self.values - before));
        }
        Ok(value)
    }

    /// Within a value, its anchor means the value itself, no earlier one.
    fn begin(&mut self, properties: &NodeProperties) {
        properties.anchor.as_ref().map(|anchor| self.anchors.remove(anchor));
    }

    fn count(&mut self, values: usize, at: usize) -> Result<(), YamlError> {
        self.values += values;
        if self.values > MAX_VALUES {
            return refused(at, format!("more than {MAX_VALUES} values after aliases are expanded"));
        }
        Ok(())
    }

    fn list(&mut self, depth: usize) -> Result<Json, YamlError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (YamlEvent::ListEnd, _) => return Ok(items.into()),
                (event, at) => items.push(self.value(event, at.start, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Json, YamlError> {
        let (mut entries, mut merged) = (Map::new(), Vec::new());
        loop {
            let (event, key_at) = self.next()?;
            let key = match event {
                YamlEvent::MapEnd => break,
                YamlEvent::Scalar { text, is_plain: true, properties: NodeProperties { tag: None, .. } }
                    if text == "<<" =>
                {
                    None
                }
                YamlEvent::Scalar { text, properties: NodeProperties { anchor: None, tag: None }, .. } => Some(text),
                // A key may be an alias of another key.
                event => match self.value(event, key_at.start, depth + 1)? {
                    Json::String(text) => Some(text),
                    _ => return refused(key_at.start, "a key must be a text"),
                },
            };
            let (event, at) = self.next()?;
            let value = self.value(event, at.start, depth + 1)?;
            match key {
                None => merged.push((value, at.start)),
                Some(key) if entries.contains_key(&key) => {
                    return refused(key_at.start, format!("duplicate key {key:?}"));
                }
                Some(key) => {
                    entries.insert(key, value);
                }
            }
        }
        for (value, at) in merged {
            merge(&mut entries, value).or_else(|problem| refused(at, problem))?;
        }
        Ok(entries.into())
    }
}

/// Merges maps into another map (`<<`). The map's own entries have precedence, then those of the first merged map.
fn merge(entries: &mut Map<String, Json>, value: Json) -> Result<(), &'static str> {
    match value {
        Json::Object(more) => {
            for (key, value) in more {
                entries.entry(key).or_insert(value);
            }
            Ok(())
        }
        Json::Array(maps) if maps.iter().all(Json::is_object) => {
            maps.into_iter().try_for_each(|map| merge(entries, map))
        }
        _ => Err("only maps can be merged with <<"),
    }
}

/// Whether a scalar with this tag is always a text, even if it looks like a number.
fn is_textual(tag: &str) -> bool {
    // The argument of an intrinsic function is almost always a name: `!Ref 123` refers to the name `123`.
    tag.strip_prefix(CORE).is_none_or(|kind| kind == "str")
}

/// The value of a scalar without quotes and tag.
fn plain(text: String) -> Json {
    match text.as_str() {
        "" | "~" | "null" | "Null" | "NULL" => return Json::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => return true.into(),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => return false.into(),
        _ => {}
    }
    // Only a number in the usual form. 012 (perhaps an account), 1_000, 0x1F and 1e3 stay text.
    let digits = text.strip_prefix('-').unwrap_or(&text);
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(whole, fraction)| (whole, Some(fraction)));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let usual = is_digits(whole) && (whole == "0" || !whole.starts_with('0')) && fraction.is_none_or(is_digits);
    let number = if !usual {
        None
    } else if fraction.is_none() {
        text.parse::<i64>().ok().map(Into::into)
    } else {
        text.parse().ok().and_then(serde_json::Number::from_f64)
    };
    number.map_or_else(|| Json::String(text), Json::Number)
}

/// The value of a tag, with short-form intrinsic functions in their long form.
fn tagged(tag: &str, value: Json) -> Result<Json, String> {
    if tag == "!" || tag.starts_with(CORE) {
        return Ok(value);
    }
    let name = tag.strip_prefix('!').filter(|name| name.bytes().all(|b| b.is_ascii_alphanumeric()));
    let name = name.ok_or_else(|| format!("CloudFormation does not know the tag {tag}"))?;
    let long = if matches!(name, "Ref" | "Condition") { name.to_owned() } else { format!("Fn::{name}") };
    let value = match value {
        // `!GetAtt Resource.Attribute.Nested` splits into the resource and the rest.
        Json::String(text) if name == "GetAtt" => {
            let (resource, attribute) = text
                .split_once('.')
                .ok_or_else(|| format!("!GetAtt {text} names no attribute; write !GetAtt {text}.Attribute"))?;
            Json::Array(vec![resource.into(), attribute.into()])
        }
        value => value,
    };
    Ok(Json::Object(Map::from_iter([(long, value)])))
}

/// JSON without duplicate keys, because one of two would be lost.
struct Strict(Json);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(serde_json::Number::from_f64(value).map_or(Json::Null, Json::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut map = Map::new();
        while let Some((key, Strict(value))) = entries.next_entry::<String, _>()? {
            if map.insert(key, value).is_some() {
                return Err(de::Error::custom("duplicate key"));
            }
        }
        Ok(map.into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn short_forms_become_long_forms_everywhere() {
        for (text, meant) in [
            ("!Ref A", json!({"Ref": "A"})),
            ("!GetAtt A.B.C", json!({"Fn::GetAtt": ["A", "B.C"]})),
            ("!GetAtt [A, !Ref B]", json!({"Fn::GetAtt": ["A", {"Ref": "B"}]})),
            ("!Base64\n  Fn::Sub: a", json!({"Fn::Base64": {"Fn::Sub": "a"}})),
            ("Fn::Base64: !Sub |\n  a\n", json!({"Fn::Base64": {"Fn::Sub": "a\n"}})),
            ("!If [Big, !Select [0, !GetAZs ''], !Ref AWS::NoValue]", {
                json!({"Fn::If": ["Big", {"Fn::Select": [0, {"Fn::GetAZs": ""}]}, {"Ref": "AWS::NoValue"}]})
            }),
            ("!And [!Equals [!Ref A, 'true'], !Condition B]", {
                json!({"Fn::And": [{"Fn::Equals": [{"Ref": "A"}, "true"]}, {"Condition": "B"}]})
            }),
            ("!Sub ['${A}', {A: !ImportValue x}]", json!({"Fn::Sub": ["${A}", {"A": {"Fn::ImportValue": "x"}}]})),
            ("!!str 5", json!("5")),
            ("! 5", json!("5")),
        ] {
            assert_eq!(read(text), Ok(meant), "{text}");
        }
    }

    #[test]
    fn a_bare_scalar_has_the_value_that_cloudformation_gives_it() {
        for (text, meant) in [
            ("yes", json!(true)),
            ("Off", json!(false)),
            ("'yes'", json!("yes")),
            ("y", json!("y")),
            ("2012-10-17", json!("2012-10-17")),
            ("12:30:45", json!("12:30:45")),
            ("012345678901", json!("012345678901")),
            ("123456789012", json!(123_456_789_012_i64)),
            ("-1.5", json!(-1.5)),
            ("1e3", json!("1e3")),
            ("0x1F", json!("0x1F")),
            ("99999999999999999999", json!("99999999999999999999")),
            ("~", json!(null)),
            ("", json!(null)),
            ("{\"a\":\t\"\\ud83d\\ude00\\/\"}", json!({"a": "😀/"})),
        ] {
            assert_eq!(read(text), Ok(meant), "{text}");
        }
    }

    #[test]
    fn aliases_and_merge_keys_are_expanded() {
        let text = "a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: {y: 4, <<: [{z: 5}, *a]}\nd: *a\n";
        let meant =
            json!({"a": {"x": 1, "y": 2}, "b": {"y": 3, "x": 1}, "c": {"y": 4, "z": 5, "x": 1}, "d": {"x": 1, "y": 2}});
        assert_eq!(read(text), Ok(meant));
    }

    #[test]
    fn an_invalid_template_is_refused_with_its_position() {
        let bomb = (1..20).fold("a0: &a0 [x, x, x, x, x, x]\n".to_owned(), |text, n| {
            let alias = format!("*a{}, ", n - 1).repeat(6);
            text + &format!("a{n}: &a{n} [{}]\n", alias.trim_end_matches(", "))
        });
        let closed = "[".repeat(5000) + &"]".repeat(5000);
        for (text, place, says) in [
            ("a: 1\nb: 2\na: 3\n", (3, 1), "duplicate key \"a\""),
            ("{\"a\": 1, \"a\": 2}", (1, 10), "duplicate key \"a\""),
            ("a: !Ref\n  - b: 1\n    b: 2\n", (3, 5), "duplicate"),
            ("a: !GetAtt Topic\n", (1, 4), "names no attribute"),
            ("a: !x!y z\n", (1, 4), ""),
            ("a: !<tag:x> z\n", (1, 4), "does not know the tag"),
            ("[a]: b\n", (1, 1), "a key must be a text"),
            ("a: &a [*a]\n", (1, 8), "has the anchor a"),
            ("a: *b\n", (1, 4), ""),
            ("a: {<<: 5}\n", (1, 9), "only maps"),
            ("a: 1\n---\nb: 2\n", (2, 1), "a second document"),
            ("a: [1\n", (2, 1), "not valid YAML"),
            (&bomb, (7, 0), "after aliases are expanded"),
            (&closed, (1, 102), "nested more than 100"),
            (&"- ".repeat(5000), (1, 203), "nested more than 100"),
            (&"{\"a\":".repeat(5000), (1, 0), "nested more than 100"),
        ] {
            let error = read(text).expect_err(text);
            let short: String = text.chars().take(60).collect();
            assert!(error.problem.contains(says), "{short}: {error}");
            assert_eq!(error.line, place.0, "{short}: {error}");
            assert!(place.1 == 0 || error.column == place.1, "{short}: {error}");
        }
    }
}
