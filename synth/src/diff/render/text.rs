//! Renders a diff as text for a terminal.

use anstyle::Style;

use super::{
    Action, Consequence, Diff, GREEN, RED, TextView, YELLOW, beside_permissions, fingerprint, harmless, line, shown,
    sign, source,
};
use crate::{
    diff::{Change, Impact, leaving::FATE},
    iam::compare::Verdict,
    screen::{printable, wrapped},
};

pub(super) struct TextRenderer {
    pub(super) colour: bool,
}

impl TextRenderer {
    pub(super) fn paint(&self, style: Style, text: &str) -> String {
        if self.colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    pub(super) fn action(&self, action: Action, text: &str) -> String {
        let colour = match action {
            Action::Added => GREEN,
            Action::Removed => RED,
            Action::Changed => YELLOW,
        };
        self.paint(colour, text)
    }

    fn impact(&self, impact: Impact) -> String {
        self.paint(if impact >= Impact::MayReplace { RED } else { GREEN }, impact.words())
    }

    fn verdict(&self, verdict: Verdict) -> String {
        let harmless = matches!(verdict, Verdict::None | Verdict::Equivalent | Verdict::Narrower);
        self.paint(if harmless { GREEN } else { RED }, verdict.as_str())
    }

    fn changes<'c>(&self, out: &mut String, changes: impl IntoIterator<Item = &'c Change>) {
        for change in changes {
            let action = match (&change.old, &change.new) {
                (None, _) => Action::Added,
                (_, None) => Action::Removed,
                _ => Action::Changed,
            };
            let impact = if change.impact >= Impact::MayReplace {
                format!("  {}", self.impact(change.impact))
            } else {
                String::new()
            };
            *out += &format!("      {}{impact}\n", self.action(action, &line(change)));
        }
    }

    /// A line of what the change means. It is marked if it is a reason to ask.
    pub(super) fn consequence(&self, Consequence { is_marked, text }: &Consequence) -> String {
        let lines = wrapped(if *is_marked { "  ! " } else { "    " }, &printable(text));
        if *is_marked { self.paint(RED, lines.trim_end()) + "\n" } else { lines }
    }

    /// Every property that changes, and how the permissions change.
    pub(super) fn properties(&self, diff: &Diff) -> String {
        let mut out = String::new();
        let mut section = "";
        for entry in &diff.entries {
            if entry.section != section {
                section = &entry.section;
                out += &format!("{}\n", printable(section));
            }
            if !entry.name.is_empty() {
                let head = format!("{} {}", sign(entry.action), printable(&entry.name));
                out += &format!("  {}\n", self.action(entry.action, &head));
            }
            self.changes(&mut out, &entry.changes);
        }
        if !diff.resources.is_empty() {
            out += "Resources\n";
        }
        for (resource, changes) in shown(diff) {
            let head = format!("{} {}", sign(resource.action), printable(&resource.id));
            let (head, kind) = (self.action(resource.action, &head), printable(&resource.kind));
            let impact = match resource.action {
                Action::Added => String::new(),
                Action::Removed if resource.impact < Impact::Deletes => String::new(),
                _ => format!("  {}{}", self.impact(resource.impact), source(resource)),
            };
            out += &format!("  {head}  {kind}{impact}\n");
            resource.notes.iter().for_each(|note| out += &format!("      {}\n", printable(note)));
            self.changes(&mut out, changes);
        }
        if !diff.iam.places.is_empty() {
            out += "IAM\n";
        }
        for change in &diff.iam.places {
            let example = change.comparison.example.as_deref().map(|e| format!(", such as {}", printable(e)));
            let (place, verdict) = (printable(&change.place), self.verdict(change.comparison.verdict()));
            out += &wrapped("  ", &format!("{place}: {verdict}{}", example.unwrap_or_default()));
        }
        out
    }

    /// The properties, what they mean, and the decision: for a template of which only that is known.
    pub(super) fn all(&self, diff: &Diff, view: &TextView<'_>) -> String {
        let mut out = self.properties(diff);
        for (title, lines) in beside_permissions(diff) {
            if !lines.is_empty() {
                out += &format!("\n{title}\n");
                lines.iter().for_each(|line| out += &self.paint(RED, &wrapped("  ", &printable(line))));
            }
        }
        if !diff.leaving.is_empty() {
            out += "\nWho is no longer rotated\n";
            diff.leaving.iter().for_each(|line| out += &self.paint(YELLOW, &wrapped("  ", &printable(line))));
            out += &format!("  {FATE}\n");
        }
        if !diff.unsubscribed.is_empty() {
            out += "\nWho is no longer notified\n";
            diff.unsubscribed.iter().for_each(|line| out += &self.paint(YELLOW, &wrapped("  ", &printable(line))));
        }
        if let Some(line) = harmless(diff) {
            out += &format!("\n{}", wrapped("", &line));
        }
        if !view.consequences.is_empty() {
            out.push('\n');
        }
        view.consequences.iter().for_each(|consequence| out += &self.consequence(consequence));
        out += &format!("\nImpact: {}. IAM: {}.\n", self.impact(diff.impact()), self.verdict(diff.iam.verdict));
        let hint = fingerprint(diff).filter(|_| view.shows_fingerprint);
        out + &hint.map(|fingerprint| format!("Needs approval. Fingerprint: {fingerprint}\n")).unwrap_or_default()
    }
}
