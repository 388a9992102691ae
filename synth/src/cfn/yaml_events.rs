//! The events of a YAML text.
//!
//! The parser is libyaml's. PyYAML and AWS's tools follow the same rules. A parser of YAML 1.2 refuses what they read: lines
//! within brackets or quotes that are indented less than their key.

use std::{
    io::{Chain, Read},
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
};

use libyaml_safer::{EventData, Parser, ScalarStyle};

/// One event of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum YamlEvent {
    /// A document begins.
    Document,
    /// The text ends.
    End,
    /// A scalar. It is plain if it has no quotes and is not a block.
    Scalar { text: String, is_plain: bool, properties: NodeProperties },
    /// A list begins.
    ListStart(NodeProperties),
    /// The list ends.
    ListEnd,
    /// A mapping begins.
    MapStart(NodeProperties),
    /// The mapping ends.
    MapEnd,
    /// The value that has this anchor.
    Alias(String),
}

/// What can stand before a value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct NodeProperties {
    /// The name by which aliases refer to the value.
    pub(crate) anchor: Option<String>,
    /// The tag: `!Sub`, `!` alone, or one of YAML's own with [`CORE`] before its name.
    pub(crate) tag: Option<String>,
}

/// The beginning of YAML's own tags: `!!str` is `tag:yaml.org,2002:str`.
pub(crate) const CORE: &str = "tag:yaml.org,2002:";

/// Why a text is not YAML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct YamlError {
    /// The byte where that shows.
    pub(crate) at: usize,
    /// The byte where the construct begins that could not be completed, if the parser knows it.
    pub(crate) context_at: Option<usize>,
    /// What the parser says about it.
    pub(crate) problem: String,
}

impl YamlError {
    pub(crate) fn new(at: usize, problem: impl Into<String>) -> Self {
        Self { at, context_at: None, problem: problem.into() }
    }
}

/// The events of a text, one after the other.
pub(crate) struct YamlEvents<'t> {
    text: &'t str,
    /// The length of the byte order mark, which the parser does not count.
    mark: usize,
    parser: Parser<Chain<&'t [u8], &'static [u8]>>,
    /// Where the last event ended.
    last: usize,
}

impl<'t> YamlEvents<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        let visible = text.strip_prefix('\u{feff}').unwrap_or(text);
        // The parser needs a line break at the end. After spaces alone, the one before them is enough.
        let (lines, end) = match visible.trim_end_matches([' ', '\t']) {
            lines if lines.ends_with(['\n', '\r']) || lines.is_empty() => (lines, ""),
            _ => (visible, "\n"),
        };
        let mut parser = Parser::new();
        parser.set_input(lines.as_bytes().chain(end.as_bytes()));
        Self { text, mark: text.len() - visible.len(), parser, last: 0 }
    }

    /// The next event and its bytes in the text, with the anchor and the tag before a value. After the end, the end again.
    pub(crate) fn next(&mut self) -> Result<(YamlEvent, Range<usize>), YamlError> {
        loop {
            // The parser panics at a few texts, such as `{!,`. They are no YAML for PyYAML either.
            let event = match catch_unwind(AssertUnwindSafe(|| self.parser.parse())) {
                Ok(Ok(event)) => event,
                Ok(Err(problem)) => return Err(self.error(&problem)),
                Err(_) => {
                    return Err(YamlError::new(self.last, "what follows here cannot be read"));
                }
            };
            let at = self.offset(event.start_mark.index)..self.offset(event.end_mark.index);
            self.last = at.end;
            let is_past_end = event.end_mark.index > (self.text.len() - self.mark) as u64;
            let event = match event.data {
                EventData::StreamStart { .. } | EventData::DocumentEnd { .. } => continue,
                EventData::StreamEnd => YamlEvent::End,
                EventData::DocumentStart { .. } => YamlEvent::Document,
                EventData::Alias { anchor } => YamlEvent::Alias(anchor),
                EventData::Scalar { anchor, tag, mut value, style, .. } => {
                    // The line break that the parser needs is none of a block at the end of the text.
                    if is_past_end && value.ends_with('\n') && !is_quoted(style) {
                        value.pop();
                    }
                    YamlEvent::Scalar {
                        text: value,
                        is_plain: style == ScalarStyle::Plain,
                        properties: NodeProperties { anchor, tag },
                    }
                }
                EventData::SequenceStart { anchor, tag, .. } => YamlEvent::ListStart(NodeProperties { anchor, tag }),
                EventData::SequenceEnd => YamlEvent::ListEnd,
                EventData::MappingStart { anchor, tag, .. } => YamlEvent::MapStart(NodeProperties { anchor, tag }),
                EventData::MappingEnd => YamlEvent::MapEnd,
            };
            return Ok((event, at));
        }
    }

    /// A byte of the text. The parser counts a line break that the text does not have.
    fn offset(&self, index: u64) -> usize {
        let index = usize::try_from(index).unwrap_or(usize::MAX).saturating_add(self.mark);
        self.text.floor_char_boundary(index.min(self.text.len()))
    }

    fn error(&self, error: &libyaml_safer::Error) -> YamlError {
        // A character that YAML does not allow is found before the parser, which knows its place only in its own buffer.
        let is_allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | '\u{85}' | '\u{feff}') || !c.is_control();
        let unreadable = || self.text.find(|c| !is_allowed(c)).unwrap_or_default();
        let at = error.problem_mark().map_or_else(unreadable, |mark| self.offset(mark.index));
        let context = error.context().map(|context| format!(" {context}")).unwrap_or_default();
        let context_at = error.context_mark().map(|mark| self.offset(mark.index));
        YamlError { at, context_at, problem: format!("{}{context}", error.problem()) }
    }
}

fn is_quoted(style: ScalarStyle) -> bool {
    matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalars(text: &str) -> Result<Vec<String>, YamlError> {
        let (mut events, mut found) = (YamlEvents::new(text), Vec::new());
        loop {
            match events.next()? {
                (YamlEvent::End, _) => return Ok(found),
                (YamlEvent::Scalar { text, .. }, _) => found.push(text),
                _ => {}
            }
        }
    }

    #[test]
    fn a_text_needs_no_line_break_at_its_end() {
        for (text, meant) in [
            ("|\n  a", "a"),
            ("|\n  a\n", "a\n"),
            ("|\n  a\n  ", "a\n"),
            ("|+\n  a", "a"),
            ("|+\n  a\n\n", "a\n\n"),
            ("|-\n  a", "a"),
            (">\n  a\n  b", "a b"),
            ("'a'", "a"),
            ("\"a\\n\"", "a\n"),
            ("\u{feff}a", "a"),
        ] {
            assert_eq!(scalars(text), Ok(vec![meant.to_owned()]), "{text:?}");
        }
    }

    #[test]
    fn no_text_ends_the_program() {
        for (text, at) in [("{a: b, !,", 0), ("a: \u{7}", 3), ("\"\\", 2), ("a: [\u{feff}", 4)] {
            let problem = scalars(text).expect_err(text);
            assert!(problem.at >= at && problem.at <= text.len(), "{text:?}: {problem:?}");
        }
    }
}
