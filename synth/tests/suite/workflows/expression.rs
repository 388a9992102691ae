//! Evaluates the expressions of GitHub Actions that the workflows use.

use serde_json::{Map, Value as Json};

/// A text with its `${{ … }}` expressions evaluated.
pub(super) fn expand(text: &str, context: &Json) -> String {
    let Some((before, rest)) = text.split_once("${{") else { return text.to_owned() };
    let (expression, after) = rest.split_once("}}").unwrap();
    before.to_owned() + &shown(&evaluate(expression, context)) + &expand(after, context)
}

/// The values with their expressions evaluated.
pub(super) fn evaluated(values: &Json, context: &Json) -> Map<String, Json> {
    let values = values.as_object().into_iter().flatten();
    let text = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    values.map(|(name, value)| (name.clone(), expand(&text(value), context).into())).collect()
}

/// Whether a condition holds. Both `${{ … }}` and the bare expression are conditions.
pub(super) fn holds(condition: &str, context: &Json) -> bool {
    let condition = condition.trim();
    let bare = condition.strip_prefix("${{").and_then(|rest| rest.strip_suffix("}}")).unwrap_or(condition);
    is_true(&evaluate(bare, context))
}

/// What stands in a text. A missing value is empty, as in GitHub.
fn shown(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn is_true(value: &Json) -> bool {
    !matches!(shown(value).as_str(), "" | "false" | "0")
}

fn evaluate(expression: &str, context: &Json) -> Json {
    let mut rest = expression.trim();
    let value = or(&mut rest, context);
    assert_eq!(rest, "", "the end of {expression}");
    value
}

fn takes(rest: &mut &str, token: &str) -> bool {
    let Some(after) = rest.strip_prefix(token) else { return false };
    *rest = after.trim_start();
    true
}

fn or(rest: &mut &str, context: &Json) -> Json {
    let mut value = and(rest, context);
    while takes(rest, "||") {
        let right = and(rest, context);
        value = if is_true(&value) { value } else { right };
    }
    value
}

fn and(rest: &mut &str, context: &Json) -> Json {
    let mut value = comparison(rest, context);
    while takes(rest, "&&") {
        let right = comparison(rest, context);
        value = if is_true(&value) { right } else { value };
    }
    value
}

fn comparison(rest: &mut &str, context: &Json) -> Json {
    let left = operand(rest, context);
    for (operator, equal) in [("==", true), ("!=", false)] {
        if takes(rest, operator) {
            return ((shown(&left) == shown(&operand(rest, context))) == equal).into();
        }
    }
    left
}

fn operand(rest: &mut &str, context: &Json) -> Json {
    if takes(rest, "!") {
        return (!is_true(&operand(rest, context))).into();
    }
    if takes(rest, "(") {
        let value = or(rest, context);
        assert!(takes(rest, ")"), "a closing parenthesis at {rest}");
        return value;
    }
    for (function, value) in [("always()", true), ("cancelled()", false)] {
        if takes(rest, function) {
            return value.into();
        }
    }
    if let Some(literal) = rest.strip_prefix('\'') {
        let (literal, after) = literal.split_once('\'').unwrap();
        *rest = after.trim_start();
        return literal.into();
    }
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !"._-".contains(c)).unwrap_or(rest.len());
    let (name, after) = rest.split_at(end);
    *rest = after.trim_start();
    let mut parts = name.split('.');
    let start = context.get(parts.next().unwrap()).unwrap_or_else(|| panic!("no context for {name:?}"));
    parts.fold(start, |value, part| &value[part]).clone()
}
