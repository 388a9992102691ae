//! Problems with a configuration: where each is, and how it is printed.

use std::{error::Error, fmt, ops::Range};

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::tree;

/// The longest line of a note, in characters, so that no line of the output is longer than 100.
const LONGEST_LINE: usize = 86;

/// A position in a text. Lines and columns count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The number of the line.
    pub line: usize,
    /// The number of the column, in characters.
    pub column: usize,
}

/// One problem, with its position in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where the wrong text begins.
    pub place: Position,
    /// What is wrong.
    pub message: String,
    /// What the author probably meant.
    pub meant: Option<String>,
    /// What is allowed, and what to do.
    pub notes: Vec<String>,
    /// The bytes of the text that are wrong. Empty if something is missing.
    at: Range<usize>,
    /// Whether the file has the wrong text. Otherwise the command line has it, and no place is shown.
    pub(super) is_in_file: bool,
    /// Other places that are involved, each with its label.
    context: Vec<(Range<usize>, String)>,
}

impl Problem {
    /// A problem with these bytes of the text.
    pub(super) fn new(text: &str, at: Range<usize>, message: String) -> Self {
        let at = tree::first_line(text, at);
        let before = &text[..at.start];
        let line = before.rfind('\n').map_or(0, |newline| newline + 1);
        // An editor shows no byte order mark.
        let visible = |text: &'_ str| text.chars().filter(|c| *c != '\u{feff}').count();
        let place = Position { line: before.matches('\n').count() + 1, column: visible(&before[line..]) + 1 };
        Self { place, message, meant: None, notes: Vec::new(), at, is_in_file: true, context: Vec::new() }
    }

    /// A problem with the value of a setting, in a text that can be read. If the setting is not written, its place is the
    /// beginning of the text.
    #[must_use]
    pub fn with(setting: &str, text: &str, message: &str) -> Self {
        Self::new(text, tree::place(text, setting).unwrap_or_default(), format!("{setting}: {message}"))
    }

    /// A problem with what follows this text.
    #[must_use]
    pub fn behind(text: &str, message: &str, fix: &str) -> Self {
        Self::new(text, text.len()..text.len(), message.to_owned()).note(fix)
    }

    pub(super) fn meant(mut self, meant: Option<String>) -> Self {
        self.meant = meant;
        self
    }

    pub(super) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    pub(super) fn context(mut self, text: &str, at: Range<usize>, says: String) -> Self {
        self.context.push((tree::first_line(text, at), says));
        self
    }

    fn report<'a>(&'a self, level: Level<'a>, file: &'a str, text: &'a str) -> Group<'a> {
        let group = Group::with_title(level.primary_title(self.message.as_str()));
        let group = if !self.is_in_file {
            group
        } else if self.at.is_empty() {
            group.element(Origin::path(file).line(self.place.line).char_column(self.place.column))
        } else {
            let label = self.meant.as_ref().map(|meant| format!("did you mean {meant}?"));
            let others = self.context.iter();
            let others = others.map(|(at, says)| AnnotationKind::Context.span(at.clone()).label(Some(says.as_str())));
            let caret = AnnotationKind::Primary.span(self.at.clone()).label(label);
            group.element(Snippet::source(text).path(file).annotation(caret).annotations(others))
        };
        group.elements(self.notes.iter().map(|note| Level::HELP.message(lines(note))))
    }

    /// Prints the problem as a warning.
    #[must_use]
    pub fn render_warning(&self, file: &str, text: &str) -> String {
        Renderer::plain().render(&[self.report(Level::WARNING, file, text)]) + "\n"
    }
}

/// The text with line breaks, so that a terminal need not break it within a word.
fn lines(text: &str) -> String {
    let mut lines = String::new();
    let mut width = 0;
    for word in text.split_inclusive([' ', '\n']) {
        let length = word.chars().count();
        if width > 0 && width + length > LONGEST_LINE {
            lines.truncate(lines.trim_end_matches(' ').len());
            lines.push('\n');
            width = 0;
        }
        lines += word;
        width = if word.ends_with('\n') { 0 } else { width + length };
    }
    lines
}

/// Every problem of a file, in the order of the file. It is never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Error for Problems {}

impl Problems {
    /// Sorts the problems by their place in the file.
    pub(super) fn new(mut list: Vec<Problem>) -> Self {
        list.sort_by_key(|problem| problem.place);
        Self(list)
    }

    /// The problems, in the order of the file.
    #[must_use]
    pub fn list(&self) -> &[Problem] {
        &self.0
    }

    /// Prints all problems for a terminal: each with its place, the line itself, a caret under the value, and what would be
    /// right.
    #[must_use]
    pub fn render(&self, file: &str, text: &str) -> String {
        let renderer = Renderer::plain();
        let all = self.0.iter().map(|problem| renderer.render(&[problem.report(Level::ERROR, file, text)]) + "\n");
        let all: Vec<_> = all.collect();
        let count = match self.0.len() {
            1 => "1 problem".into(),
            n => format!("{n} problems"),
        };
        format!("{}\n{file} has {count}\n", all.join("\n"))
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |p: &Problem| {
            let meant = p.meant.iter().map(|meant| format!("did you mean {meant}?"));
            let said = [p.message.clone()].into_iter().chain(meant).chain(p.notes.iter().cloned());
            format!("{}:{}: {}", p.place.line, p.place.column, said.collect::<Vec<_>>().join("; "))
        };
        f.write_str(&self.0.iter().map(line).collect::<Vec<_>>().join("\n"))
    }
}
