//! Whether a value is known: from its text, the template's own resources, and plain parameters.
//!
//! A value that is not known can be a secret. Then a description or a tag shows it.

use serde_json::Value as Json;

use super::{kind, tables::properties};
use crate::cfn::{
    text::{self, pieces},
    view::{How, references},
};

/// The intrinsic functions whose result is made only of their arguments.
const FUNCTIONS: [&str; 8] = ["Base64", "FindInMap", "GetAtt", "If", "Join", "Select", "Split", "Sub"];

/// Whether everything in a value of this template is known.
pub(super) fn is_known(template: &Json, value: &Json) -> bool {
    let names = references(value).into_iter().filter(|reference| reference.how == How::Value);
    !is_dynamic(value)
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
        ] {
            assert_eq!(is_known(&template, &value), expected, "{value}");
        }
    }
}
