//! What is probably wrong with a text that is not YAML.
//!
//! The parser names the place where it could not continue, and what its grammar expected there. The mistake itself is often in
//! another line: a line that is indented too far is read as a part of the line above it. So this module looks at the lines around
//! that place, and says what a person has to change.

use std::ops::Range;

use crate::{
    cfn::yaml_events::YamlError,
    config::{entry::FIELDS, problem::Problem, setting::Setting},
    screen::counted,
};

const WRONG_INDENTATION: &str = "the indentation of this line does not fit the lines above it";

/// The problem that an author has to solve, at its own place.
pub(super) fn explain(text: &str, error: &YamlError, known: &[Setting]) -> Problem {
    let lines = Lines::of(text, known);
    let index = lines.at(error.at);
    lines.foreign_colon(error).or_else(|| lines.tab(index)).or_else(|| lines.by_grammar(error, index)).unwrap_or_else(
        || {
            Problem::new(text, character(text, error.at), format!("this YAML cannot be read: {}", error.problem))
                .note("a configuration is YAML: write one `name: value` per line")
        },
    )
}

/// The problem with a line that should be a setting, but has no colon with a space after it.
pub(super) fn no_setting(text: &str, at: usize) -> Problem {
    let lines = Lines::of(text, &[]);
    lines.without_colon(lines.at(at))
}

/// The bytes of the character that begins here.
fn character(text: &str, at: usize) -> Range<usize> {
    at..at + text[at..].chars().next().map_or(0, char::len_utf8)
}

/// A line without its line break, and the byte where it begins.
#[derive(Clone, Copy)]
struct Line<'t> {
    start: usize,
    text: &'t str,
}

impl<'t> Line<'t> {
    fn indent(self) -> usize {
        self.text.len() - self.text.trim_start_matches([' ', '\t']).len()
    }

    /// The line without its indentation and its comment.
    fn content(self) -> &'t str {
        let content = self.text[self.indent()..].trim_end();
        if content.starts_with('#') { "" } else { content.split(" #").next().unwrap_or_default().trim_end() }
    }

    fn place(self) -> Range<usize> {
        let start = self.start + self.indent();
        start..start + self.content().len()
    }

    /// For `- name: alice`, the column where `name` begins, from 0.
    fn column_in_entry(self) -> Option<usize> {
        let content = self.content();
        let rest = content.strip_prefix('-').filter(|rest| rest.starts_with(' '))?;
        Some(self.indent() + content.len() - rest.trim_start().len())
    }

    /// The name before the first colon.
    fn name(self) -> Option<&'t str> {
        self.content().split_once(':').map(|(name, _)| name)
    }
}

struct Lines<'t> {
    text: &'t str,
    all: Vec<Line<'t>>,
    known: &'t [Setting],
}

impl<'t> Lines<'t> {
    fn of(text: &'t str, known: &'t [Setting]) -> Self {
        let mut start = 0;
        let lines = text.split_inclusive('\n').map(|line| {
            let begins = start;
            start += line.len();
            Line { start: begins, text: line.trim_end_matches(['\n', '\r']).trim_start_matches('\u{feff}') }
        });
        Self { text, all: lines.collect(), known }
    }

    /// The number of the line with this byte, from 0.
    fn at(&self, byte: usize) -> usize {
        self.all.iter().rposition(|line| line.start <= byte).unwrap_or_default()
    }

    fn line(&self, index: usize) -> Line<'t> {
        self.all.get(index).copied().unwrap_or(Line { start: self.text.len(), text: "" })
    }

    /// The lines above this one that are not empty and not a comment, the nearest first.
    fn above(&self, index: usize) -> impl Iterator<Item = (usize, Line<'t>)> {
        let before = self.all[..index.min(self.all.len())].iter().copied().enumerate().rev();
        before.filter(|(_, line)| !line.content().is_empty())
    }

    fn problem(&self, at: Range<usize>, message: impl Into<String>) -> Problem {
        Problem::new(self.text, at, message.into())
    }

    /// A colon of another script, which looks like YAML's own.
    fn foreign_colon(&self, error: &YamlError) -> Option<Problem> {
        let index = self.at(error.at);
        let first = self.above(index).next().map_or(index, |(above, _)| above);
        let first = first.min(self.at(error.context_at.unwrap_or(error.at)));
        (first..=index).find_map(|index| {
            let line = self.line(index);
            let (name, _) = line.content().split_once('：')?;
            let is_name = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_- ".contains(&b));
            let start = line.start + line.indent() + name.len();
            let message = "this colon is the character U+FF1A, which YAML does not read as a colon";
            let colon = start..start + '：'.len_utf8();
            is_name.then(|| self.problem(colon, message).note("write an ASCII colon and a space"))
        })
    }

    fn tab(&self, index: usize) -> Option<Problem> {
        let line = self.line(index);
        let begin = line.text.len() - line.text.trim_start_matches([' ', '\t', '-']).len();
        let tab = line.start + line.text[..begin].find('\t')?;
        let problem = self.problem(tab..tab + 1, "YAML does not allow a tab here");
        Some(problem.note("write spaces instead; set your editor to indent YAML files with spaces"))
    }

    fn by_grammar(&self, error: &YamlError, index: usize) -> Option<Problem> {
        let (line, begin) = (self.line(index), error.context_at.unwrap_or(error.at));
        let first = self.text[begin..].chars().next();
        let problem = error.problem.as_str();
        match first {
            Some('*') => {
                let word = begin..begin + self.word(begin).len();
                let alias =
                    self.problem(word, "without quotes, * begins an alias of YAML, and there is no such anchor");
                return Some(alias.note(
                    "to select every user, write /; to select some, put them under a path (/ci/) or tag them \
                     (tag:KEY=VALUE), because patterns are not supported",
                ));
            }
            Some(quote @ ('"' | '\'')) if problem.starts_with("found unexpected end of stream") => {
                let open =
                    self.problem(begin..self.text.len(), "this value has an opening quote, but no closing quote");
                return Some(open.note(format!("write {quote} at the end of the value, or remove the first one")));
            }
            Some(open @ ('[' | '{')) if problem.starts_with("did not find expected ','") => {
                let close = if open == '[' { ']' } else { '}' };
                let message = format!("a {close} or a comma is missing after this {open}");
                let wrong = self.problem(begin..begin + 1, message);
                return Some(wrong.note(format!("write a comma between two entries, and {close} after the last one")));
            }
            Some(c @ ('@' | '`' | '%')) if problem.starts_with("found character") => {
                let word = self.word(begin);
                let wrong = self.problem(begin..begin + word.len(), format!("{c} cannot begin a value without quotes"));
                return Some(wrong.meant(Some(format!("'{word}'"))));
            }
            _ => {}
        }
        if problem.starts_with("a second document") {
            let wrong =
                self.problem(line.place(), "a second document begins here, but a configuration is one document");
            return Some(wrong.note("remove this line, or move what follows into a file of its own"));
        }
        if problem.starts_with("mapping values are not allowed") {
            return Some(self.second_value(error, index));
        }
        if problem.starts_with("could not find expected ':'") {
            return Some(self.without_colon(self.at(begin)));
        }
        if problem.starts_with("did not find expected <document start>") {
            let (first, _) = self.above(index).last()?;
            return Some(self.misaligned(first));
        }
        ["did not find expected key", "did not find expected '-'"]
            .iter()
            .any(|start| problem.starts_with(start))
            .then(|| self.misaligned(index))
    }

    /// Whether this line sets a field in an entry of `users`.
    fn is_field(&self, index: usize) -> bool {
        let setting = self.above(index).find(|(_, line)| line.indent() == 0 && !line.content().starts_with('-'));
        let name = self.line(index).name();
        setting.is_some_and(|(_, line)| line.name() == Some("users"))
            && FIELDS.iter().any(|(field, _)| name == Some(field))
    }

    /// The word that begins at this byte.
    fn word(&self, at: usize) -> &'t str {
        self.text[at..].split([' ', ',', ']', '}', '\n', '\r', '\t']).next().unwrap_or_default()
    }

    /// A colon where no setting and no field can begin: within a value, or in a line that continues another one.
    fn second_value(&self, error: &YamlError, index: usize) -> Problem {
        let line = self.line(index);
        let begin = line.column_in_entry().map_or(line.start + line.indent(), |column| line.start + column);
        if let Some((name, value)) = self.text[begin..error.at].split_once(": ") {
            let start = begin + name.len() + 2;
            let value = &self.text[start..line.place().end.max(start + value.len())];
            return self
                .problem(start..start + value.len(), "a value with a colon and a space in it needs quotes")
                .meant(Some(format!("\"{}\"", value.trim())));
        }
        let Some((above_index, above)) = self.above(index).next() else { return self.misaligned(index) };
        let content = above.content();
        match above.column_in_entry() {
            Some(column) if !content.contains(": ") && self.is_field(index) => {
                let name = above.start + column..above.place().end;
                let user = self.text[name.clone()].to_owned();
                self.problem(name, format!("{user} is a whole entry, so no field can follow in the next line"))
                    .meant(Some(format!("`name: {user}`")))
            }
            column if column.is_some() || content.contains(": ") || content.ends_with(':') => self.misaligned(index),
            _ => self.without_colon(above_index),
        }
    }

    /// A line that should be a setting or a field, but has no colon with a space after it.
    fn without_colon(&self, index: usize) -> Problem {
        let line = self.line(index);
        let content = line.content();
        let name = content.split([':', '=', ' ']).next().unwrap_or_default();
        let value = content[name.len()..].trim_start_matches([':', '=', ' ']);
        let message = if content[name.len()..].starts_with(':') {
            "a space is missing after the colon"
        } else {
            "this line is no setting: it has no colon"
        };
        let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let problem = self.problem(line.place(), message).note("write a setting as `name: value`");
        problem.meant(is_name.then(|| format!("`{name}: {value}`")))
    }

    /// A line that begins in a column where nothing can begin.
    fn misaligned(&self, index: usize) -> Problem {
        let line = self.line(index);
        let problem = self.problem(line.place(), WRONG_INDENTATION);
        let nth = |spaces| counted(spaces, "space");
        let name = line.name();
        let block: Vec<_> =
            self.above(index).take_while(|(_, line)| line.indent() > 0 || line.content().starts_with('-')).collect();
        let field = name.filter(|_| self.is_field(index));
        let entry = block.iter().find_map(|(above, line)| Some((*above, line.column_in_entry()?, *line)));
        match (entry, field) {
            (Some((above, _, other)), _) if line.content().starts_with('-') => {
                let spaces = nth(other.indent());
                problem.context(self.text, other.place(), format!("line {} has {spaces}", above + 1)).note(format!(
                    "begin each entry of a list in the same column: write {spaces} before this `-`, as in line {}",
                    above + 1
                ))
            }
            (Some((above, column, other)), Some(name)) => problem
                .context(self.text, other.place(), "its entry begins here".to_owned())
                .note(format!(
                    "begin the fields of an entry in the same column: write {} before {name}, as for the first field in line {}",
                    nth(column),
                    above + 1
                )),
            _ => match name.filter(|name| self.known.iter().any(|setting| setting.name == *name)) {
                Some(name) if line.indent() > 0 => problem.note(format!(
                    "begin the name of a setting in the first column: remove {} before {name}",
                    nth(line.indent())
                )),
                _ => problem.note(
                    "begin the name of a setting in the first column, and all entries of a list in the same column",
                ),
            },
        }
    }
}
