//! Whether a value is known: from its text, the template's own resources, and plain parameters.
//!
//! A value that is not known can be a secret. Then a description or a tag shows it.

use serde_json::Value as Json;

use super::{kind, tables::properties};
use crate::cfn::{
    text::{self, Piece, pieces},
    view::{How, references},
};

/// The intrinsic functions whose result is made only of their arguments.
const FUNCTIONS: [&str; 8] = ["Base64", "FindInMap", "GetAtt", "If", "Join", "Select", "Split", "Sub"];

/// Whether everything in a value of this template is known.
pub(super) fn is_known(template: &Json, value: &Json) -> bool {
    let names = references(value).into_iter().filter(|reference| reference.how == How::Value);
    !is_dynamic(value)
        && !may_become_dynamic(template, value)
        && is_computed(value)
        && names.into_iter().all(|reference| is_known_name(template, &reference.name))
}

fn is_known_name(template: &Json, name: &str) -> bool {
    let entry = |section: &str| template.get(section).and_then(|section| section.get(name));
    let is_plain = |parameter: &Json| {
        let kind = parameter.get("Type").and_then(Json::as_str);
        let is_stored = kind.is_none_or(|kind| kind.starts_with("AWS::SSM::"));
        !is_stored && parameter.get("NoEcho").is_none() && !is_dynamic(parameter)
    };
    name.starts_with("AWS::")
        || entry("Parameters").is_some_and(is_plain)
        || entry("Resources").is_some_and(|body| properties(kind(body)).is_some())
}

/// Whether the value has only intrinsic functions that are known.
fn is_computed(value: &Json) -> bool {
    match value {
        Json::Array(list) => list.iter().all(is_computed),
        Json::Object(map) => {
            let own = text::intrinsic(value).is_none_or(|(name, _)| name == "Ref" || FUNCTIONS.contains(&name));
            own && map.values().all(is_computed)
        }
        _ => true,
    }
}

/// Whether CloudFormation replaces a part of the value by something that is stored elsewhere.
pub(super) fn is_dynamic(value: &Json) -> bool {
    if let Some(pieces) = pieces(value) {
        return text::display(&pieces).contains("{{resolve:");
    }
    match value {
        Json::Object(map) => map.values().any(is_dynamic),
        Json::Array(list) => list.iter().any(is_dynamic),
        _ => false,
    }
}

/// Whether a text that is put together in a deployment may become a dynamic reference.
fn may_become_dynamic(template: &Json, value: &Json) -> bool {
    let Some((function, argument)) = text::intrinsic(value) else {
        return match value {
            Json::Object(map) => map.values().any(|value| may_become_dynamic(template, value)),
            Json::Array(list) => list.iter().any(|value| may_become_dynamic(template, value)),
            _ => false,
        };
    };
    // The texts of a name that the template defines: a brace is half of the beginning of a dynamic reference.
    let begins = |value: Option<&Json>| value.is_some_and(|value| has_text(value, "{") || has_text(value, "resolve:"));
    let names = references(value).into_iter().map(|reference| reference.name);
    let mut parameters = names.filter_map(|name| template.get("Parameters")?.get(name));
    if parameters.any(|parameter| begins(parameter.get("Default")) || begins(parameter.get("AllowedValues"))) {
        return true;
    }
    let mappings = || begins(template.get("Mappings"));
    match pieces(value) {
        Some(pieces) if matches!(function, "Ref" | "GetAtt" | "Sub" | "Join") => {
            let literal = |piece: &Piece| match piece {
                Piece::Literal(text) => text.clone(),
                Piece::Reference(_) => String::new(),
            };
            let text: String = pieces.iter().map(literal).collect();
            // Another function inside can give any of its texts, at any place.
            let is_name = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, ':' | '.' | '_'));
            let is_nested = pieces.iter().any(|piece| matches!(piece, Piece::Reference(name) if !is_name(name)));
            text.contains("{{")
                || text.contains("resolve:")
                || is_nested && (text.contains('{') || begins(Some(argument)) || mappings())
        }
        _ => begins(Some(argument)) || mappings(),
    }
}

/// Whether a text is in one of the texts of a value.
fn has_text(value: &Json, text: &str) -> bool {
    match value {
        // A name in a substitution is no text of it.
        Json::String(value) => value.replace("${", "$").contains(text),
        Json::Object(map) => map.values().any(|value| has_text(value, text)),
        Json::Array(list) => list.iter().any(|value| has_text(value, text)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_the_template_shows_is_known() {
        let template = json!({
            "Parameters": {
                "P": {"Type": "String"},
                "Secret": {"Type": "String", "NoEcho": true},
                "Stored": {"Type": "AWS::SSM::Parameter::Value<String>"},
                "Brace": {"Type": "String", "Default": "{{"},
                "Dynamic": {"Type": "String", "Default": "{{resolve:ssm:x}}"},
            },
            "Mappings": {"M": {"a": {"b": "c"}}},
            "Resources": {"Q": {"Type": "AWS::SQS::Queue"}, "K": {"Type": "AWS::IAM::AccessKey"}},
        });
        for (value, expected) in [
            (json!("text"), true),
            (json!([1, true, null, {"a": "b"}]), true),
            (json!({"Ref": "P"}), true),
            (json!({"Ref": "AWS::Region"}), true),
            (json!({"Fn::GetAtt": ["Q", "QueueName"]}), true),
            (json!({"Fn::Join": ["", [{"Fn::Sub": "${P} ${Q.Arn}"}, {"Fn::FindInMap": ["M", "a", "b"]}]]}), true),
            (json!({"Fn::If": ["C", {"Ref": "P"}, {"Ref": "AWS::NoValue"}]}), true),
            (json!({"Ref": "Secret"}), false),
            (json!({"Fn::Sub": "${Secret}"}), false),
            (json!({"Ref": "Stored"}), false),
            (json!({"Ref": "Dynamic"}), false),
            (json!({"Ref": "Missing"}), false),
            (json!({"Fn::GetAtt": ["K", "SecretAccessKey"]}), false),
            (json!({"Fn::Sub": ["${A}", {"A": {"Fn::GetAtt": ["K", "SecretAccessKey"]}}]}), false),
            (json!({"Fn::ImportValue": "x"}), false),
            (json!([{"Key": "a", "Value": {"Fn::ImportValue": "x"}}]), false),
            (json!({"Fn::Transform": {"Name": "x"}}), false),
            (json!("{{resolve:ssm:x}}"), false),
            (json!({"Fn::Join": ["", ["{{res", "olve:ssm:x}}"]]}), false),
            // Put together from parts.
            (json!({"Ref": "Brace"}), false),
            (json!({"Fn::Sub": "${Brace}resolve:ssm:x}}"}), false),
            (json!({"Fn::Sub": ["${A}${A}${B}:x}}", {"A": {"Ref": "Brace"}, "B": "resolve"}]}), false),
            (json!({"Fn::Sub": "{${P}{${P}resolve${P}:ssm:x}}"}), false),
            (json!({"Fn::Join": ["", [{"Fn::Select": [0, ["{{"]]}, "resolve:ssm:x}}"]]}), false),
            (json!({"Fn::Join": ["", [{"Fn::If": ["C", "{", "{"]}, "{resolve:ssm:x}}"]]}), false),
            (json!({"Fn::Join": ["{", ["", {"Fn::If": ["C", "{", "x"]}, "solve:ssm:x}}"]]}), false),
            (json!({"Fn::Join": ["", {"Fn::Split": [",", "{{,resolve:ssm:x}}"]}]}), false),
            (json!([{"Key": "a", "Value": {"Fn::Sub": "${Brace}${Brace}"}}]), false),
            // The text of a dashboard has braces.
            (json!({"Fn::Sub": "{\"a\":{\"b\":{\"c\":\"${P}\"}}}"}), true),
        ] {
            assert_eq!(is_known(&template, &value), expected, "{value}");
        }
        let mut mapped = template;
        mapped["Mappings"]["M"]["a"]["b"] = json!("{{resolve:secretsmanager:prod/db}}");
        let found = json!({"Fn::FindInMap": ["M", "a", "b"]});
        for value in
            [found.clone(), json!({"Fn::Join": ["", ["x", found.clone()]]}), json!({"Fn::Sub": ["${A}", {"A": found}]})]
        {
            assert!(!is_known(&mapped, &value), "{value}");
        }
    }
}
