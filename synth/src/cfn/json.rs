//! Writes a template as JSON, with long-form intrinsic functions and without comments. This is also the canonical form,
//! in which templates are compared.

use serde_json::{Map, Value as Json, json};

use super::value::Value;

/// The value as JSON, with each intrinsic function in its long form.
#[must_use]
pub fn to_json(value: &Value) -> Json {
    match value {
        Value::Text(text) => json!(text),
        Value::Integer(number) => json!(number),
        Value::Boolean(boolean) => json!(boolean),
        Value::List(items) => Json::Array(items.iter().map(to_json).collect()),
        Value::Map(entries) => {
            Json::Object(entries.iter().map(|(k, v)| (k.clone(), to_json(v))).collect::<Map<_, _>>())
        }
        Value::Id(id) => json!(id.as_str()),
        Value::Ref(name) => json!({ "Ref": name.as_str() }),
        Value::GetAtt(attribute) => json!({ "Fn::GetAtt": [attribute.of().as_str(), attribute.name()] }),
        Value::Sub(parts) => json!({ "Fn::Sub": Value::sub_text(parts) }),
        Value::Function(name, arguments) => json!({ *name: arguments.iter().map(to_json).collect::<Vec<_>>() }),
        Value::Explained(_, value) => to_json(value),
    }
}

/// The value as a JSON document, ending with a newline.
#[must_use]
pub fn emit(value: &Value) -> String {
    // With `#`, serde_json writes the indented form.
    format!("{:#}\n", to_json(value))
}
