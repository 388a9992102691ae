//! How a diff is shown: one renderer a format.

mod json;
mod markdown;
mod text;

use serde_json::Value;

use super::{Action, Change, Diff, ResourceChange, Source};
use crate::diff::approval::Approval;

/// A way to show a diff.
trait Renderer {
    fn render(&self, diff: &Diff) -> String;
}

/// The formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For a terminal.
    Text {
        /// With colours.
        colour: bool,
    },
    /// For a terminal at which somebody is asked next, and need not be told how to approve it.
    Question {
        /// With colours.
        colour: bool,
    },
    /// For a comment on a pull request; details are folded.
    Markdown,
    /// For a program.
    Json,
}

/// Shows a diff.
#[must_use]
pub fn render(diff: &Diff, format: Format) -> String {
    let renderer: &dyn Renderer = match format {
        Format::Text { colour } => &text::Text { colour, hint: text::Hint::Given },
        Format::Question { colour } => &text::Text { colour, hint: text::Hint::LeftOut },
        Format::Markdown => &markdown::Markdown,
        Format::Json => &json::Json,
    };
    renderer.render(diff)
}

/// A diff as a value: what [`Format::Json`] writes.
#[must_use]
pub fn document(diff: &Diff) -> Value {
    json::document(diff)
}

/// An approval as it stands in that.
#[must_use]
pub fn approval(approval: &Approval) -> Value {
    json::approval(approval)
}

/// A text without anything that a terminal or a reader's eye could take for something else: what is not printable is escaped.
fn printable(text: &str) -> String {
    let is_plain =
        |c: char| matches!(c, ' '..='~') || (c.is_alphanumeric() && !c.is_control()) || "…→—–’“”、。".contains(c);
    text.chars().fold(String::new(), |out, c| {
        if is_plain(c) { out + c.encode_utf8(&mut [0; 4]) } else { out + &c.escape_default().to_string() }
    })
}

/// The command that approves exactly this change, if it needs that.
fn approve(diff: &Diff) -> Option<String> {
    Approval::needed(diff).map(|approval| format!("synth deploy --approve {}", approval.fingerprint))
}

/// Whose word the impact is, where it is not the templates'.
const fn source(resource: &ResourceChange) -> &'static str {
    match resource.source {
        Source::Templates => "",
        Source::Aws => ", says AWS",
    }
}

const fn sign(action: Action) -> &'static str {
    match action {
        Action::Added => "+",
        Action::Removed => "-",
        Action::Changed => "~",
    }
}

const fn action_word(action: Action) -> &'static str {
    match action {
        Action::Added => "added",
        Action::Removed => "removed",
        Action::Changed => "changed",
    }
}

/// A change as one line, with its sign.
fn line(change: &Change) -> String {
    let path = printable(&change.path.to_string());
    let colon = if path.is_empty() { "" } else { ": " };
    match (&change.old, &change.new, &change.because) {
        (None, None, Some(because)) => format!("~ {path} ({})", printable(because)),
        (_, Some(value), Some(because)) => format!("~ {path}{colon}{} ({})", printable(value), printable(because)),
        (None, Some(new), _) => format!("+ {path}{colon}{}", printable(new)),
        (Some(old), None, _) => format!("- {path}{colon}{}", printable(old)),
        (Some(old), Some(new), _) => format!("~ {path}{colon}{} → {}", printable(old), printable(new)),
        (None, None, _) => path,
    }
}
