//! A YAML text as a tree in which every value knows where it is written.
//!
//! serde would lose the places, so the tree is built from the parser's events. It follows YAML 1.2's core schema, as
//! editors do: `no` is a word, `7` a number.

use std::{borrow::Cow, ops::Range, rc::Rc};

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

/// A value, and where it is: a range of characters of the text.
#[derive(Debug, Clone)]
pub(super) struct Node<'t> {
    pub(super) at: Range<usize>,
    pub(super) content: Content<'t>,
}

/// What a value is. Lists and mappings are shared, so that an alias costs nothing, however often it is used.
#[derive(Debug, Clone)]
pub(super) enum Content<'t> {
    Null,
    Text(Cow<'t, str>),
    /// Digits, as they are written.
    Number(Cow<'t, str>),
    /// `true`, `false`, or a number that is not whole.
    Other(Cow<'t, str>),
    List(Rc<[Node<'t>]>),
    Map(Rc<[(Node<'t>, Node<'t>)]>),
    /// A value with a tag that means nothing here.
    Tagged(String),
}

/// Why a text is no tree, and at which character.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) at: usize,
    pub(super) why: String,
}

/// Deeper than any configuration, and no danger to the stack.
const DEPTH: usize = 32;

/// The one document of the text.
pub(super) fn parse(text: &str) -> Result<Node<'_>, Unreadable> {
    let mut builder = Builder { parser: Parser::new_from_str(text), anchors: Vec::new() };
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

struct Builder<'t> {
    parser: Parser<'t, StrInput<'t>>,
    /// The values with an anchor that are complete.
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
        let (content, anchor, tag) = match event {
            Event::Scalar(text, style, anchor, tag) => {
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

fn is_string(tag: &Tag) -> bool {
    tag.is_yaml_core_schema() && tag.suffix == "str"
}

/// What an unquoted scalar is (YAML 1.2.2, "10.3.2. Tag Resolution").
fn resolve(text: Cow<'_, str>) -> Content<'_> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(&text);
    if matches!(&*text, "" | "~" | "null" | "Null" | "NULL") {
        Content::Null
    } else if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        Content::Number(text)
    } else if matches!(&*text, "true" | "True" | "TRUE" | "false" | "False" | "FALSE")
        // Rust also reads `inf` and `nan`, which are words here.
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
