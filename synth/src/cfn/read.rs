//! Reads a template back, YAML or JSON, into the canonical form: long-form intrinsics.

use serde_json::{Map, Value as Json};
use serde_yaml::Value as Yaml;

/// Why a text is not a template.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// Not YAML, and JSON is YAML.
    #[error("{0}")]
    Syntax(#[from] serde_yaml::Error),
    /// YAML that no template is made of.
    #[error("{0}")]
    Structure(String),
}

/// Reads a template.
///
/// # Errors
/// [`Unreadable`] says what is wrong, with the line where the reader knows it.
pub fn read(text: &str) -> Result<Json, Unreadable> {
    // JSON is nearly YAML: a long key or an invisible character is fine in one and not in the other.
    match serde_json::from_str(text) {
        Ok(json) => Ok(json),
        Err(_) => canonical(serde_yaml::from_str(text)?),
    }
}

fn canonical(value: Yaml) -> Result<Json, Unreadable> {
    Ok(match value {
        Yaml::Null => Json::Null,
        Yaml::Bool(boolean) => Json::Bool(boolean),
        Yaml::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(n), ..) => n.into(),
            (_, Some(n), _) => n.into(),
            (.., n) => n.and_then(serde_json::Number::from_f64).map_or(Json::Null, Json::Number),
        },
        Yaml::String(text) => Json::String(text),
        Yaml::Sequence(items) => Json::Array(items.into_iter().map(canonical).collect::<Result<_, _>>()?),
        Yaml::Mapping(entries) => {
            let entry = |(key, value)| Ok((name(key)?, canonical(value)?));
            Json::Object(entries.into_iter().map(entry).collect::<Result<Map<_, _>, Unreadable>>()?)
        }
        Yaml::Tagged(tagged) => intrinsic(&tagged.tag.to_string(), canonical(tagged.value)?)?,
    })
}

fn name(key: Yaml) -> Result<String, Unreadable> {
    match key {
        Yaml::String(text) => Ok(text),
        Yaml::Number(number) => Ok(number.to_string()),
        other => Err(Unreadable::Structure(format!("a key must be text, this one is {other:?}"))),
    }
}

/// A short-form intrinsic, spelt out.
fn intrinsic(tag: &str, value: Json) -> Result<Json, Unreadable> {
    let name = tag.trim_start_matches('!');
    let long = match name {
        "Ref" | "Condition" => name.to_owned(),
        _ if !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric()) => format!("Fn::{name}"),
        _ => return Err(Unreadable::Structure(format!("the tag {tag} is none of CloudFormation's"))),
    };
    let value = match value {
        // `!GetAtt Resource.Attribute.Nested` is the resource and the rest.
        Json::String(text) if name == "GetAtt" => {
            let (resource, attribute) = text
                .split_once('.')
                .ok_or_else(|| Unreadable::Structure(format!("!GetAtt {text} names no attribute")))?;
            Json::Array(vec![resource.into(), attribute.into()])
        }
        value => value,
    };
    Ok(Json::Object(Map::from_iter([(long, value)])))
}
