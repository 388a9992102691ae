//! A YAML text as a tree in which every value knows its place in the text.
//!
//! serde would lose the places, so the tree is built from the parser's events. It follows the core schema of YAML 1.2, as
//! editors do: `no` is a text, `7` is a number.

use std::{collections::HashMap, ops::Range, rc::Rc};

use serde_json::Value as Json;

use crate::cfn::yaml_events::{CORE, NodeProperties, YamlError, YamlEvent, YamlEvents};

/// A value and its place: a range of bytes of the text.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) at: Range<usize>,
    /// The second line of a plain scalar that continues there.
    pub(super) second_line: Option<Range<usize>>,
    pub(super) content: Content,
}

impl Node {
    /// A text that is written nowhere, such as a part of another one.
    pub(super) fn text(text: &str) -> Self {
        Self { at: 0..0, second_line: None, content: Content::Text(text.to_owned()) }
    }
}

/// The content of a value. Lists and mappings are shared, so that an alias needs no copy.
#[derive(Debug, Clone)]
pub(super) enum Content {
    Null,
    Text(String),
    /// A whole number, as it is written.
    Number(String),
    /// `true`, `false`, or a number that is not whole, as it is written.
    Other(String),
    List(Rc<[Node]>),
    Map(Rc<[(Node, Node)]>),
    /// A value with a YAML tag that no setting understands.
    Tagged(String),
}

/// The deepest nesting that is read: deeper than any configuration, and too shallow to overflow the stack.
const DEPTH: usize = 32;

/// Reads the text, which must be one document.
pub(super) fn parse(text: &str) -> Result<Node, YamlError> {
    let mut builder = Builder { text, events: YamlEvents::new(text), anchors: HashMap::new() };
    let (YamlEvent::Document, _) = builder.events.next()? else {
        return Ok(Node { at: 0..0, second_line: None, content: Content::Null });
    };
    let (event, at) = builder.events.next()?;
    let root = builder.node(event, at, 0)?;
    match builder.events.next()? {
        (YamlEvent::End, _) => Ok(root),
        (_, at) => Err(YamlError::new(at.start, "a second document begins here")),
    }
}

/// Converts a value to JSON. Only declared defaults and examples are converted, which have no tags and no special numbers.
pub(super) fn json(node: &Node) -> Json {
    match &node.content {
        Content::Text(text) => Json::from(&**text),
        Content::List(items) => items.iter().map(json).collect(),
        Content::Map(entries) => entries
            .iter()
            .filter_map(|(key, value)| match &key.content {
                Content::Text(name) => Some((name.clone(), json(value))),
                _ => None,
            })
            .collect(),
        Content::Number(text) | Content::Other(text) => text.parse().unwrap_or(Json::Null),
        Content::Null | Content::Tagged(_) => Json::Null,
    }
}

struct Builder<'t> {
    text: &'t str,
    events: YamlEvents<'t>,
    /// The complete values that have an anchor.
    anchors: HashMap<String, Content>,
}

impl Builder<'_> {
    fn node(&mut self, event: YamlEvent, at: Range<usize>, depth: usize) -> Result<Node, YamlError> {
        let refuse = |problem: &str| Err(YamlError::new(at.start, problem));
        if depth > DEPTH {
            return refuse("this is nested too deeply");
        }
        let start = self.value_start(&event, at.start);
        let mut end = at.end;
        let is_plain = matches!(event, YamlEvent::Scalar { is_plain: true, .. });
        let second_line = second_line(self.text, start..end).filter(|_| is_plain);
        let (content, NodeProperties { anchor, tag }) = match event {
            YamlEvent::Scalar { text, is_plain, properties } => {
                let is_text = !is_plain || properties.tag.as_deref().is_some_and(is_string);
                let content = if is_text { Content::Text(text) } else { resolve(text) };
                let tag = properties.tag.filter(|tag| !is_string(tag));
                (content, NodeProperties { tag, ..properties })
            }
            YamlEvent::ListStart(properties) => {
                let mut items = Vec::new();
                loop {
                    let (event, at) = self.events.next()?;
                    if event == YamlEvent::ListEnd {
                        end = at.end;
                        break;
                    }
                    items.push(self.node(event, at, depth + 1)?);
                }
                (Content::List(items.into()), properties)
            }
            YamlEvent::MapStart(properties) => {
                let mut entries = Vec::new();
                loop {
                    let (event, at) = self.events.next()?;
                    if event == YamlEvent::MapEnd {
                        end = at.end;
                        break;
                    }
                    let key = self.node(event, at, depth + 1)?;
                    let (event, at) = self.events.next()?;
                    entries.push((key, self.node(event, at, depth + 1)?));
                }
                (Content::Map(entries.into()), properties)
            }
            YamlEvent::Alias(anchor) => match self.anchors.get(&anchor) {
                Some(content) => (content.clone(), NodeProperties::default()),
                None => return refuse("no complete value before this has the anchor that it refers to"),
            },
            _ => return refuse("a value is expected here"),
        };
        let content = tag.map_or(content, Content::Tagged);
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, content.clone());
        }
        Ok(Node { at: start..end, second_line, content })
    }

    /// The byte where a value begins, after its anchor, its tag and the sign of a block.
    fn value_start(&self, event: &YamlEvent, start: usize) -> usize {
        let (YamlEvent::Scalar { properties, .. } | YamlEvent::ListStart(properties) | YamlEvent::MapStart(properties)) =
            event
        else {
            return start;
        };
        let mut rest = &self.text[start..];
        if *properties != NodeProperties::default() {
            while rest.starts_with(['&', '!']) {
                rest = rest.trim_start_matches(|c: char| !c.is_whitespace()).trim_start();
            }
        }
        // A block of text begins in the line after its sign.
        if matches!(event, YamlEvent::Scalar { is_plain: false, .. })
            && rest.starts_with(['|', '>'])
            && let Some((_, block)) = rest.split_once('\n')
        {
            rest = block.trim_start();
        }
        self.text.len() - rest.len()
    }
}

/// The place of the second line of these bytes, if there is one.
fn second_line(text: &str, at: Range<usize>) -> Option<Range<usize>> {
    let (_, rest) = text.get(at.clone())?.split_once('\n')?;
    let begin = at.end - rest.trim_start().len();
    Some(first_line(text, begin..at.end)).filter(|line| !line.is_empty())
}

fn is_string(tag: &str) -> bool {
    tag.strip_prefix(CORE) == Some("str")
}

/// The content of an unquoted scalar (YAML 1.2.2, "10.3.2. Tag Resolution").
fn resolve(text: String) -> Content {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(&text);
    if matches!(&*text, "" | "~" | "null" | "Null" | "NULL") {
        Content::Null
    } else if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        Content::Number(text)
    } else if matches!(&*text, "true" | "True" | "TRUE" | "false" | "False" | "FALSE")
        // Rust also reads `inf` and `nan` as numbers; in YAML they are texts.
        || (text.bytes().any(|b| b.is_ascii_digit()) && text.parse::<f64>().is_ok())
        || ["0x", "0o"].iter().any(|prefix| {
            text.strip_prefix(prefix).is_some_and(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_hexdigit()))
        })
        || matches!(digits, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN")
    {
        Content::Other(text)
    } else {
        Content::Text(text)
    }
}

/// The place of a setting's value in a text; of its name, if it has no value.
pub(super) fn place(text: &str, setting: &str) -> Option<Range<usize>> {
    let Content::Map(entries) = parse(text).ok()?.content else { return None };
    let is_it = |(key, _): &&(Node, Node)| matches!(&key.content, Content::Text(name) if name == setting);
    entries.iter().find(is_it).map(|(key, value)| written(key, value))
}

/// The place of a value; of its key, if the value is empty.
pub(super) fn written(key: &Node, value: &Node) -> Range<usize> {
    if value.at.is_empty() { key.at.clone() } else { value.at.clone() }
}

/// These bytes of the text. If they are on several lines, only the first line counts, without spaces at its end. Spaces alone
/// stay.
pub(super) fn first_line(text: &str, at: Range<usize>) -> Range<usize> {
    let first_line = text[at.clone()].lines().next().unwrap_or_default();
    let visible = Some(first_line.trim_end()).filter(|visible| !visible.is_empty()).unwrap_or(first_line);
    at.start..at.start + visible.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text at the place of each scalar, in the order of the text.
    fn scalars(text: &str) -> Vec<String> {
        fn walk(node: &Node, text: &str, found: &mut Vec<String>) {
            match &node.content {
                Content::List(items) => items.iter().for_each(|item| walk(item, text, found)),
                Content::Map(entries) => entries.iter().for_each(|(key, value)| {
                    walk(key, text, found);
                    walk(value, text, found);
                }),
                _ => found.push(text[first_line(text, node.at.clone())].to_owned()),
            }
        }
        let mut found = Vec::new();
        walk(&parse(text).unwrap(), text, &mut found);
        found
    }

    #[test]
    fn every_value_knows_where_it_is_written() {
        for (text, written) in [
            ("one: 1 # comment", &["one", "1"][..]),
            ("# c\r\na:   b \r\nc: d\r\n", &["a", "b", "c", "d"]),
            ("日本: '日 本'\nb: \"\\u65e5\"", &["日本", "'日 本'", "b", "\"\\u65e5\""]),
            ("a: \tb", &["a", "b"]),
            ("{a: [b,c ], 'd' : e}", &["a", "b", "c", "'d'", "e"]),
            ("a:\n- b\n-   c d\n", &["a", "b", "c d"]),
            ("a: &x b\nc: *x\nd: !!str 7\ne: &y\n  z\nf: *y", &["a", "b", "c", "*x", "d", "7", "e", "z", "f", "*y"]),
            ("\u{feff}a: b", &["a", "b"]),
            ("--- \na: b\n...\n", &["a", "b"]),
            ("a:\nb: ''", &["a", "", "b", "''"]),
            ("a: \"b\\\" c\"  # d\ne: 'f''g' # h", &["a", "\"b\\\" c\"", "e", "'f''g'"]),
            ("a: &x \"b\" # c\nd: !!str '7'", &["a", "\"b\"", "d", "'7'"]),
        ] {
            assert_eq!(scalars(text), written, "{text:?}");
        }
        let block = scalars("a: |\n  one\n  two\nb: >-\n  three\n");
        assert!(block[1].trim_start_matches(['|', '\n', ' ']).starts_with("one"), "{block:?}");
        assert!(block[3].trim_start_matches(['>', '-', '\n', ' ']).starts_with("three"), "{block:?}");
    }

    #[test]
    fn what_is_no_single_finite_tree_is_refused() {
        for text in ["a: b\n---\nc: d", "a: [", "a: *b", "&a [*a]", "a: b: c", "a: 'b", "%YAML 9\n"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
        assert!(parse(&"[".repeat(100_000)).is_err());
        // Each alias stands for ten of the one before. Copies would fill the memory.
        let bomb = (1..40).map(|n| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(",")));
        let bomb = bomb.collect::<Vec<_>>().concat();
        assert!(parse(&format!("a0: &a0 x\n{bomb}")).is_ok());
    }

    #[test]
    fn words_numbers_and_the_rest() {
        let kind = |text| match parse(text).unwrap().content {
            Content::Text(_) => "text",
            Content::Number(_) => "number",
            Content::Other(_) => "other",
            Content::Null => "null",
            _ => "more",
        };
        for (texts, expected) in [
            (&["no", "on", "2012-10-17", "12:30", "'7'", "!!str 7", "inf", "nan", "e", "1d", "0b1"][..], "text"),
            (&["0", "7", "-1", "+3", "007"], "number"),
            (&["true", "FALSE", "1.5", "1e3", "0x1F", "0o17", ".inf", "-.INF"], "other"),
            (&["", "~", "null", "# only a comment"], "null"),
        ] {
            for text in texts {
                assert_eq!(kind(text), expected, "{text:?}");
            }
        }
    }
}
