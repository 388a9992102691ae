//! A YAML text as a tree in which every value knows its place in the text.
//!
//! serde would lose the places, so the tree is built from the parser's events. It follows the core schema of YAML 1.2, as
//! editors do: `no` is a text, `7` is a number.

use std::{borrow::Cow, ops::Range, rc::Rc};

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};
use serde_json::Value as Json;

/// A value and its place: a range of characters of the text.
#[derive(Debug, Clone)]
pub(super) struct Node<'t> {
    pub(super) at: Range<usize>,
    pub(super) content: Content<'t>,
}

/// The content of a value. Lists and mappings are shared, so that an alias needs no copy.
#[derive(Debug, Clone)]
pub(super) enum Content<'t> {
    Null,
    Text(Cow<'t, str>),
    /// A whole number, as it is written.
    Number(Cow<'t, str>),
    /// `true`, `false`, or a number that is not whole, as it is written.
    Other(Cow<'t, str>),
    List(Rc<[Node<'t>]>),
    Map(Rc<[(Node<'t>, Node<'t>)]>),
    /// A value with a YAML tag that no setting understands.
    Tagged(String),
}

/// Why a text is not one tree, and the character where that shows.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) at: usize,
    pub(super) why: String,
}

/// The deepest nesting that is read: deeper than any configuration, and too shallow to overflow the stack.
const DEPTH: usize = 32;

/// Reads the text, which must be one document.
pub(super) fn parse(text: &str) -> Result<Node<'_>, Unreadable> {
    let mut builder = Builder { text, seen: (0, 0), parser: Parser::new_from_str(text), anchors: Vec::new() };
    let mut root = None;
    loop {
        let (event, span) = builder.next()?;
        match event {
            Event::StreamEnd => break,
            Event::DocumentStart(_) if root.is_some() => {
                return Err(Unreadable { at: span.start.index(), why: "a second document begins here".into() });
            }
            Event::DocumentStart(_) => {
                let (event, span) = builder.next()?;
                root = Some(builder.node(event, span, 0)?);
            }
            _ => {}
        }
    }
    Ok(root.unwrap_or(Node { at: 0..0, content: Content::Null }))
}

/// Converts a value to JSON. Only declared defaults and examples are converted, which have no tags and no special numbers.
pub(super) fn json(node: &Node<'_>) -> Json {
    match &node.content {
        Content::Text(text) => Json::from(&**text),
        Content::List(items) => items.iter().map(json).collect(),
        Content::Map(entries) => entries
            .iter()
            .filter_map(|(key, value)| match &key.content {
                Content::Text(name) => Some((name.to_string(), json(value))),
                _ => None,
            })
            .collect(),
        Content::Number(text) | Content::Other(text) => text.parse().unwrap_or(Json::Null),
        Content::Null | Content::Tagged(_) => Json::Null,
    }
}

struct Builder<'t> {
    text: &'t str,
    /// The last character that [`Builder::from`] was asked for, and the byte where it begins.
    seen: (usize, usize),
    parser: Parser<'t, StrInput<'t>>,
    /// The complete values that have an anchor, each with its number.
    anchors: Vec<(usize, Content<'t>)>,
}

impl<'t> Builder<'t> {
    fn next(&mut self) -> Result<(Event<'t>, Span), Unreadable> {
        let event = self.parser.next_event().unwrap_or(Ok((Event::StreamEnd, Span::default())));
        event.map_err(|e: ScanError| Unreadable { at: e.marker().index(), why: e.info().to_owned() })
    }

    fn node(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<Node<'t>, Unreadable> {
        let start = span.start.index();
        let refuse = |why: &str| Err(Unreadable { at: start, why: why.into() });
        if depth > DEPTH {
            return refuse("this is nested too deeply");
        }
        let mut end = span.end.index();
        let start = start + self.properties(&event, start);
        let (content, anchor, tag) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                if matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted) {
                    end = start + self.quoted(start);
                }
                let is_text = style != ScalarStyle::Plain || tag.as_deref().is_some_and(is_string);
                let content = if is_text { Content::Text(text) } else { resolve(text) };
                (content, anchor, tag.filter(|tag| !is_string(tag)))
            }
            Event::SequenceStart(anchor, tag) => {
                let mut items = Vec::new();
                loop {
                    let (event, span) = self.next()?;
                    if matches!(event, Event::SequenceEnd) {
                        end = span.end.index().max(end);
                        break;
                    }
                    items.push(self.node(event, span, depth + 1)?);
                }
                (Content::List(items.into()), anchor, tag)
            }
            Event::MappingStart(anchor, tag) => {
                let mut entries = Vec::new();
                loop {
                    let (event, span) = self.next()?;
                    if matches!(event, Event::MappingEnd) {
                        end = span.end.index().max(end);
                        break;
                    }
                    let key = self.node(event, span, depth + 1)?;
                    let (event, span) = self.next()?;
                    entries.push((key, self.node(event, span, depth + 1)?));
                }
                (Content::Map(entries.into()), anchor, tag)
            }
            Event::Alias(id) => match self.anchors.iter().rev().find(|(anchor, _)| *anchor == id) {
                Some((_, content)) => (content.clone(), 0, None),
                None => return refuse("this refers to the value that it is part of"),
            },
            _ => return refuse("a value is expected here"),
        };
        let content = tag.map_or(content, |tag| Content::Tagged(format!("{}{}", tag.handle, tag.suffix)));
        if anchor > 0 {
            self.anchors.push((anchor, content.clone()));
        }
        Ok(Node { at: start..end, content })
    }
}

/// Corrects the parser's places: they include text that a reader does not see as the value.
impl<'t> Builder<'t> {
    /// The text from a character on. The search starts at the last one, so that a long text takes linear time.
    fn from(&mut self, start: usize) -> &'t str {
        let (seen, at) = if start < self.seen.0 { (0, 0) } else { self.seen };
        let rest = &self.text[at..];
        let skipped = rest.char_indices().nth(start - seen).map_or(rest.len(), |(index, _)| index);
        self.seen = (start, at + skipped);
        &rest[skipped..]
    }

    /// The number of characters of the anchor and the tag before a value.
    fn properties(&mut self, event: &Event<'_>, start: usize) -> usize {
        let has_some = match event {
            Event::Scalar(_, _, anchor, tag) | Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) => {
                *anchor > 0 || tag.is_some()
            }
            _ => false,
        };
        if !has_some {
            return 0;
        }
        let value = self.from(start);
        let mut rest = value;
        while rest.starts_with(['&', '!']) {
            rest = rest.trim_start_matches(|c: char| !c.is_whitespace()).trim_start();
        }
        value[..value.len() - rest.len()].chars().count()
    }

    /// The number of characters of a scalar in quotes. The parser also counts the comment after it.
    fn quoted(&mut self, start: usize) -> usize {
        let mut characters = self.from(start).chars();
        let Some(quote) = characters.next() else { return 0 };
        let mut length = 1;
        while let Some(c) = characters.next() {
            length += 1;
            if c == quote && !(quote == '\'' && characters.as_str().starts_with(quote)) {
                break;
            }
            if c == '\\' && quote == '"' || c == quote {
                length += usize::from(characters.next().is_some());
            }
        }
        length
    }
}

fn is_string(tag: &Tag) -> bool {
    tag.is_yaml_core_schema() && tag.suffix == "str"
}

/// The content of an unquoted scalar (YAML 1.2.2, "10.3.2. Tag Resolution").
fn resolve(text: Cow<'_, str>) -> Content<'_> {
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
    let is_it = |(key, _): &&(Node<'_>, Node<'_>)| matches!(&key.content, Content::Text(name) if name == setting);
    entries.iter().find(is_it).map(|(key, value)| written(key, value))
}

/// The place of a value; of its key, if the value is empty.
pub(super) fn written(key: &Node<'_>, value: &Node<'_>) -> Range<usize> {
    if value.at.is_empty() { key.at.clone() } else { value.at.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::problem::bytes;

    /// The text at the place of each scalar, in the order of the text.
    fn scalars(text: &str) -> Vec<String> {
        fn walk(node: &Node<'_>, text: &str, found: &mut Vec<String>) {
            match &node.content {
                Content::List(items) => items.iter().for_each(|item| walk(item, text, found)),
                Content::Map(entries) => entries.iter().for_each(|(key, value)| {
                    walk(key, text, found);
                    walk(value, text, found);
                }),
                _ => found.push(text[bytes(text, node.at.clone())].to_owned()),
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
