//! Values as text that may contain references: the common form of `Ref`, `Fn::GetAtt`, `Fn::Sub` and `Fn::Join`.

use serde_json::Value as Json;

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Piece {
    /// Text that CloudFormation uses as it is.
    Literal(String),
    /// A value that is known only in a deployment: `Topic`, `Topic.Arn`, `AWS::AccountId`, or another intrinsic
    /// function with its JSON argument.
    Reference(String),
}

/// The name of an intrinsic function without `Fn::`, and its argument. `None` if the value is not an intrinsic
/// function.
#[must_use]
pub fn intrinsic(value: &Json) -> Option<(&str, &Json)> {
    let object = value.as_object().filter(|object| object.len() == 1)?;
    let (name, argument) = object.iter().next()?;
    if matches!(name.as_str(), "Ref" | "Condition") && argument.is_string() {
        return Some((name, argument));
    }
    name.strip_prefix("Fn::").map(|name| (name, argument))
}

/// The pieces of a value that becomes one text in a deployment. `None` for a list, a map or null.
#[must_use]
pub fn pieces(value: &Json) -> Option<Vec<Piece>> {
    let mut out = Vec::new();
    append(&mut out, value).then_some(out)
}

/// The text of these pieces, with each reference in `${}`. A literal `${` is escaped as `${!`, as in CloudFormation.
#[must_use]
pub fn display(pieces: &[Piece]) -> String {
    pieces.iter().fold(String::new(), |text, piece| match piece {
        Piece::Literal(literal) => text + &literal.replace("${", "${!"),
        Piece::Reference(name) => text + "${" + name + "}",
    })
}

fn append(out: &mut Vec<Piece>, value: &Json) -> bool {
    match value {
        Json::String(text) => literal(out, text),
        Json::Bool(_) | Json::Number(_) => literal(out, &value.to_string()),
        Json::Null | Json::Array(_) => return false,
        Json::Object(_) => match intrinsic(value) {
            Some(("Ref", name)) => reference(out, name.as_str().unwrap_or_default()),
            Some(("GetAtt", target)) => match attribute(target) {
                Some(name) => reference(out, &name),
                None => reference(out, &format!("GetAtt {target}")),
            },
            Some(("Sub", argument)) => substitute(out, argument),
            Some(("Join", argument)) => join(out, argument),
            Some((name, argument)) => reference(out, &format!("{name} {argument}")),
            None => return false,
        },
    }
    true
}

fn literal(out: &mut Vec<Piece>, text: &str) {
    if let Some(Piece::Literal(last)) = out.last_mut() {
        last.push_str(text);
    } else if out.is_empty() || !text.is_empty() {
        out.push(Piece::Literal(text.to_owned()));
    }
}

fn reference(out: &mut Vec<Piece>, name: &str) {
    // An empty text before a reference adds nothing.
    if matches!(out.last(), Some(Piece::Literal(last)) if last.is_empty()) {
        out.pop();
    }
    out.push(Piece::Reference(name.to_owned()));
}

/// The argument of `Fn::GetAtt` as `Resource.Attribute`, from both of its forms.
fn attribute(target: &Json) -> Option<String> {
    match target {
        Json::String(text) => Some(text.clone()),
        Json::Array(path) => path.iter().map(Json::as_str).collect::<Option<Vec<_>>>().map(|path| path.join(".")),
        _ => None,
    }
}

fn substitute(out: &mut Vec<Piece>, argument: &Json) {
    let (text, variables) = match argument {
        Json::String(text) => (text, None),
        Json::Array(both) => match both.as_slice() {
            [Json::String(text), Json::Object(variables)] => (text, Some(variables)),
            _ => return reference(out, &format!("Sub {argument}")),
        },
        _ => return reference(out, &format!("Sub {argument}")),
    };
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("${") {
        literal(out, before);
        let Some((name, after)) = after.split_once('}') else {
            literal(out, "${");
            rest = after;
            continue;
        };
        rest = after;
        if let Some(escaped) = name.strip_prefix('!') {
            literal(out, &format!("${{{escaped}}}"));
        } else if let Some(value) = variables.and_then(|variables| variables.get(name.trim())) {
            if !append(out, value) {
                reference(out, &value.to_string());
            }
        } else {
            reference(out, name.trim());
        }
    }
    literal(out, rest);
}

fn join(out: &mut Vec<Piece>, argument: &Json) {
    let both = argument.as_array().map(Vec::as_slice);
    let Some([Json::String(delimiter), Json::Array(items)]) = both else {
        return reference(out, &format!("Join {argument}"));
    };
    let Some(items) = items.iter().map(pieces).collect::<Option<Vec<_>>>() else {
        return reference(out, &format!("Join {argument}"));
    };
    literal(out, "");
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            literal(out, delimiter);
        }
        for piece in item {
            match piece {
                Piece::Literal(text) => literal(out, text),
                Piece::Reference(name) => reference(out, name),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_forms_of_a_text_give_the_same_text() {
        for (value, meant) in [
            (json!("a"), "a"),
            (json!(""), ""),
            (json!(true), "true"),
            (json!({"Ref": "Topic"}), "${Topic}"),
            (json!({"Fn::GetAtt": ["Topic", "Arn"]}), "${Topic.Arn}"),
            (json!({"Fn::GetAtt": "Nested.Outputs.Arn"}), "${Nested.Outputs.Arn}"),
            (json!({"Fn::Sub": "a-${Topic.Arn}-${!aws:username}"}), "a-${Topic.Arn}-${!aws:username}"),
            (json!("a-${aws:username}"), "a-${!aws:username}"),
            (json!({"Fn::Sub": ["${A}${B}", {"A": {"Ref": "Topic"}}]}), "${Topic}${B}"),
            (json!({"Fn::Sub": "a${b"}), "a${!b"),
            (json!({"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":iam"]]}), "arn:${AWS::Partition}:iam"),
            (json!({"Fn::Join": [",", ["a", "b"]]}), "a,b"),
            (json!({"Fn::Join": [",", {"Ref": "List"}]}), "${Join [\",\",{\"Ref\":\"List\"}]}"),
            (json!({"Fn::ImportValue": "x"}), "${ImportValue \"x\"}"),
        ] {
            assert_eq!(display(&pieces(&value).unwrap()), meant, "{value}");
        }
        for value in [json!(null), json!([1]), json!({"a": 1}), json!({})] {
            assert_eq!(pieces(&value), None, "{value}");
        }
    }
}
