//! Renders a diff, with one renderer for each format.

mod consequence;
mod json;
mod markdown;
mod summary;
mod text;

use std::borrow::Cow;

use anstyle::{AnsiColor, Style};
use serde_json::Value;

pub use self::consequence::Consequence;
use super::{Action, Change, Diff, DiffSource, EntryChange, Impact, ResourceChange};
use crate::{
    diff::approval::Approval,
    screen::{Verbosity, counted, printable},
};

/// Renders a diff in one format.
trait Renderer {
    fn render(&self, diff: &Diff) -> String;
}

/// The formats of a rendered diff.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiffFormat {
    /// Text for a terminal.
    Text {
        /// Whether the text has colours.
        colour: bool,
    },
    /// Markdown for a comment on a pull request. The details are folded.
    Markdown,
    /// JSON for a program.
    Json,
}

/// Renders a diff in a format.
#[must_use]
pub fn render(diff: &Diff, format: DiffFormat) -> String {
    let renderer: &dyn Renderer = match format {
        DiffFormat::Text { colour } => return text(diff, &TextView { colour, ..TextView::default() }),
        DiffFormat::Markdown => &markdown::Markdown,
        DiffFormat::Json => &json::JsonRenderer,
    };
    renderer.render(diff)
}

/// What a text for a terminal shows beside the diff.
#[derive(Debug, Clone, Copy)]
pub struct TextView<'a> {
    /// Whether the text has colours.
    pub colour: bool,
    /// Whether a change of one of our stacks is shown with every property.
    pub detail: Verbosity,
    /// How to see every property, such as `--verbose`.
    pub more: &'a str,
    /// Whether the text has the fingerprint of a change that needs approval.
    pub shows_fingerprint: bool,
    /// What else the change means, such as what the next run does.
    pub consequences: &'a [Consequence],
    /// The command that deploys the change.
    pub command: Option<&'a str>,
}

impl Default for TextView<'_> {
    fn default() -> Self {
        Self {
            colour: false,
            detail: Verbosity::Brief,
            more: "--verbose",
            shows_fingerprint: true,
            consequences: &[],
            command: None,
        }
    }
}

/// Renders a diff as text for a terminal: a change of one of our stacks by its meaning, every other one by its properties.
#[must_use]
pub fn text(diff: &Diff, view: &TextView<'_>) -> String {
    let renderer = text::TextRenderer { colour: view.colour };
    match &diff.settings {
        _ if diff.is_empty() => "No difference.\n".to_owned(),
        None => renderer.all(diff, view),
        Some(settings) if view.detail == Verbosity::Brief => summary::render(diff, settings, view),
        Some(settings) => format!("{}\n{}", renderer.properties(diff), summary::render(diff, settings, view)),
    }
}

/// The diff as the JSON object that [`DiffFormat::Json`] writes.
#[must_use]
pub fn document(diff: &Diff) -> Value {
    json::document(diff)
}

/// A needed approval as it is in that object.
#[must_use]
pub fn approval(approval: &Approval) -> Value {
    json::approval(approval)
}

const RED: Style = AnsiColor::Red.on_default();
const GREEN: Style = AnsiColor::Green.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();

/// The fingerprint that names exactly this change. `None` if the change needs no approval.
fn fingerprint(diff: &Diff) -> Option<String> {
    Approval::needed(diff).map(|approval| approval.fingerprint.to_string())
}

/// The most harmless changes that are shown. If there are more, as after an upgrade of `synth`, they are only counted.
const FEW: usize = 20;

/// The resources with the changes that are shown.
fn shown(diff: &Diff) -> impl Iterator<Item = (&ResourceChange, Vec<&Change>)> {
    let counts = |change: &&Change| change.harmless && change.impact < Impact::MayReplace;
    let all = diff.resources.iter().flat_map(|resource| &resource.changes);
    let are_many = all.filter(counts).count() > FEW;
    diff.resources.iter().filter_map(move |resource| {
        let changes: Vec<_> = resource.changes.iter().filter(|change| !(are_many && counts(change))).collect();
        let is_only_harmless = changes.is_empty() && !resource.changes.is_empty() && resource.notes.is_empty();
        (resource.action != Action::Changed || !is_only_harmless).then_some((resource, changes))
    })
}

/// The number of harmless changes, and what they are. `None` if there are none.
fn harmless(diff: &Diff) -> Option<String> {
    let number: usize = diff.harmless.values().sum();
    let kinds: Vec<_> = diff.harmless.iter().map(|(what, number)| format!("{what} ({number})")).collect();
    (number > 0).then(|| format!("{}: {}", counted(number, "harmless change"), kinds.join(", ")))
}

/// What people must know beside the permissions, each part with its title. What happens to keys comes last, because a deployment
/// shows below it what the next run would do.
fn beside_permissions(diff: &Diff) -> [(&'static str, Cow<'_, [String]>); 6] {
    let moved: Vec<_> = diff.moved_accounts.iter().map(ToString::to_string).collect();
    [
        ("What needs two deployments", Cow::Owned(moved)),
        ("What is not compared", Cow::Borrowed(diff.unknown.as_slice())),
        ("Who reads new keys", Cow::Borrowed(diff.new_readers.as_slice())),
        ("Who gets notices", Cow::Borrowed(diff.newly_notified.as_slice())),
        ("Who is rotated, and how", Cow::Borrowed(diff.newly_rotated.as_slice())),
        ("What happens to keys earlier", Cow::Borrowed(diff.earlier.as_slice())),
    ]
}

/// The words that name the source of an impact. Empty if the source is the templates.
const fn source(resource: &ResourceChange) -> &'static str {
    match resource.source {
        DiffSource::Templates => "",
        DiffSource::Aws => ", says AWS",
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

/// A change as one line that begins with its sign.
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
