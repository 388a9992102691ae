//! Writes a template as YAML, with short-form intrinsic functions, with reasons as comments, and with quotes where YAML
//! 1.1 needs them.
//!
//! CloudFormation reads YAML 1.1, in which `on` is true, `2012-10-17` is a date and `12:30` is the number 750. No
//! available serializer avoids all of these and also keeps comments. So this module writes a small subset of YAML:
//! block style with one scalar a line.

use std::fmt::Write;

use super::value::Value;

/// The value as a YAML document.
#[must_use]
pub fn emit(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Map(sections) if !sections.is_empty() => {
            for (index, (name, section)) in sections.iter().enumerate() {
                // A blank line separates sections.
                if index > 0 && matches!(section, Value::Map(_)) {
                    out.push('\n');
                }
                entry(&mut out, name, section, 0);
            }
        }
        other => {
            block(&mut out, other, 0);
        }
    }
    out
}

/// Writes `value` on its own indented lines.
fn block(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Map(entries) if !entries.is_empty() => {
            for (index, (key, value)) in entries.iter().enumerate() {
                if index > 0 && matches!(value, Value::Explained(..)) {
                    out.push('\n');
                }
                entry(out, key, value, indent);
            }
        }
        Value::List(items) if !items.is_empty() => items.iter().for_each(|value| item(out, value, indent)),
        Value::Function(name, arguments) => entry(out, name, &Value::List(arguments.clone()), indent),
        Value::Explained(why, value) => {
            comment(out, why, indent);
            block(out, value, indent);
        }
        scalar => {
            let _ = writeln!(out, "{:indent$}{}", "", inline(scalar));
        }
    }
}

fn entry(out: &mut String, key: &str, value: &Value, indent: usize) {
    let value = explain(out, value, indent);
    let mut key = scalar(key);
    if key.len() > LONGEST_KEY {
        key = format!("? {key}\n{:indent$}", "");
    }
    if is_nested(value) {
        let _ = writeln!(out, "{:indent$}{key}:", "");
        block(out, value, indent + 2);
    } else {
        let _ = writeln!(out, "{:indent$}{key}: {}", "", inline(value));
    }
}

/// The longest key without a leading `?`, in bytes. YAML 1.1 allows 1,024 characters, so this limit is safe.
const LONGEST_KEY: usize = 1_000;

fn item(out: &mut String, value: &Value, indent: usize) {
    let value = explain(out, value, indent);
    if is_nested(value) {
        // In the first line of the nested block, the dash replaces the indentation.
        let mut nested = String::new();
        block(&mut nested, value, indent + 2);
        let _ = write!(out, "{:indent$}- {}", "", &nested[indent + 2..]);
    } else {
        let _ = writeln!(out, "{:indent$}- {}", "", inline(value));
    }
}

/// Writes the reason for a value above it and returns the value itself.
fn explain<'v>(out: &mut String, mut value: &'v Value, indent: usize) -> &'v Value {
    while let Value::Explained(why, inner) = value {
        comment(out, why, indent);
        value = inner;
    }
    value
}

fn comment(out: &mut String, text: &str, indent: usize) {
    // Every line break that any reader knows starts a new line of the comment. Characters that are not printable are
    // replaced.
    let text = text.replace("\r\n", "\n");
    for line in text.split(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']) {
        let line: String = line.chars().map(|c| if is_printable(c) { c } else { '\u{FFFD}' }).collect();
        let _ = writeln!(out, "{}", format!("{:indent$}# {line}", "").trim_end());
    }
}

/// Whether every YAML reader accepts the character (YAML 1.1, 5.1: the printable subset).
fn is_printable(c: char) -> bool {
    matches!(c, '\t' | ' '..='~' | '\u{A0}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..) && c != '\u{FEFF}'
}

fn is_nested(value: &Value) -> bool {
    match value {
        Value::Map(entries) => !entries.is_empty(),
        Value::List(items) => !items.is_empty(),
        Value::Function(..) => true,
        _ => false,
    }
}

fn inline(value: &Value) -> String {
    match value {
        Value::Text(text) => scalar(text),
        Value::Integer(number) => number.to_string(),
        Value::Boolean(boolean) => boolean.to_string(),
        Value::Map(_) => "{}".to_owned(),
        Value::List(_) | Value::Function(..) => "[]".to_owned(),
        Value::Id(id) => scalar(id.as_str()),
        Value::Ref(name) => format!("!Ref {}", scalar(name.as_str())),
        Value::GetAtt(attribute) => format!("!GetAtt {}.{}", attribute.of().as_str(), attribute.name()),
        Value::Sub(parts) => format!("!Sub {}", scalar(&Value::sub_text(parts))),
        Value::Explained(_, value) => inline(value),
    }
}

/// The text. It has quotes unless every reader reads it as text without them.
fn scalar(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { quoted(text) }
}

/// Whether the text needs no quotes. It begins with a letter, has only letters, digits and characters without a special
/// meaning, and is not a reserved word of YAML 1.1.
fn is_plain(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || "_./-:()".contains(c);
    let reserved = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && !text.ends_with(':')
        && text.split(' ').all(|w| !w.is_empty() && w.chars().all(word) && !w.ends_with(':'))
        && !reserved.contains(&text.to_ascii_lowercase().as_str())
}

/// The text in single quotes if that keeps it readable, as for JSON. Otherwise in double quotes, with an escape for
/// each character that might not be printable.
fn quoted(text: &str) -> String {
    if text.contains('"') && text.chars().all(|c| matches!(c, ' '..='~') && c != '\'') {
        return format!("'{text}'");
    }
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            ' '..='~' => out.push(c),
            // Letters of every script stay readable. Invisible characters and line breaks are escaped.
            c if c.is_alphanumeric() => out.push(c),
            c if u32::from(c) <= 0xFFFF => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => {
                let _ = write!(out, "\\U{:08X}", u32::from(c));
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_yaml_1_1_misreads_is_quoted() {
        for text in [
            "",
            "yes",
            "No",
            "ON",
            "y",
            "null",
            "~",
            "2012-10-17",
            "12:30:45",
            "1e3",
            "0x1F",
            "1_000",
            ".inf",
            "-",
            "- a",
            "a: b",
            "a #b",
            "a:",
            "#a",
            "!a",
            "&a",
            "*a",
            "{a}",
            "[a]",
            "a, b",
            "%a",
            "@a",
            "`a`",
            "'a'",
            "a\nb",
            "a\tb",
            " a",
            "a ",
            "a  b",
            "=",
            "<<",
            "a\u{85}b",
            "\u{2028}",
            "\u{feff}",
            "\u{7f}",
            "日本",
        ] {
            assert_eq!(scalar(text), quoted(text), "{text:?}");
        }
    }

    #[test]
    fn common_text_has_no_quotes() {
        for text in ["iam:CreateAccessKey", "AWS::Lambda::Function", "provided.al2023", "rate(1 day)", "Rotate keys"] {
            assert_eq!(scalar(text), text);
        }
    }
}
