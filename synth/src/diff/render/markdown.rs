//! Renders a diff as Markdown, for a comment on a pull request. Text of a template never becomes markup: names are
//! escaped, and values are in a fence that is longer than any fence in them.

use super::{Action, Diff, Renderer, beside_permissions, fingerprint, harmless, line, shown, sign, source, summary};
use crate::{
    diff::{Change, Impact, leaving::FATE, role_changes::RoleChange},
    screen::printable,
};

pub(super) struct Markdown;

/// The limit on this part of the comment, in bytes. With what `.github/scripts/diff.sh` adds, the comment stays below
/// 60,000 characters; GitHub refuses one of more than 65,536.
const LIMIT: usize = 55_000;

/// A comment that grows until it is full.
#[derive(Default)]
struct Comment {
    text: String,
    left_out: usize,
}

impl Comment {
    /// Adds a part, or counts it if it does not fit.
    fn add(&mut self, part: &str) {
        if self.text.len() + part.len() > LIMIT { self.left_out += 1 } else { self.text += part }
    }

    /// Adds a title and a list.
    fn list(&mut self, title: &str, lines: &[String]) {
        if !lines.is_empty() {
            self.add(&format!("**{title}:**\n\n"));
            for line in lines {
                self.add(&format!("- {}\n", code(line)));
            }
            self.text.push('\n');
        }
    }
}

impl Renderer for Markdown {
    fn render(&self, diff: &Diff) -> String {
        if diff.is_empty() {
            return "No difference.\n".to_owned();
        }
        let (impact, iam) = (diff.impact().words(), diff.iam.verdict.as_str());
        let mut out = Comment { text: format!("**Impact: {impact}. IAM: {iam}.**\n\n"), left_out: 0 };
        let settings: Vec<_> = diff.settings.iter().flatten().flat_map(summary::setting_lines).collect();
        out.list("What changes in the configuration", &settings);
        let role = diff.role.iter().map(|RoleChange { is_new, what }| match is_new {
            true => format!("the role may {what}"),
            false => format!("the role may no longer {what}"),
        });
        out.list("What the role may do", &role.collect::<Vec<_>>());
        if !diff.iam.places.is_empty() {
            out.add("| IAM | | such as |\n|---|---|---|\n");
            for change in &diff.iam.places {
                let example = change.comparison.example.as_deref().map(code).unwrap_or_default();
                let verdict = change.comparison.verdict().as_str();
                out.add(&format!("| {} | {verdict} | {example} |\n", code(&change.place)));
            }
            out.text.push('\n');
        }
        for (title, lines) in beside_permissions(diff) {
            out.list(title, &lines);
        }
        out.list("Who is no longer rotated", &diff.leaving);
        if !diff.leaving.is_empty() {
            out.add(&format!("{FATE}\n\n"));
        }
        out.list("Who is no longer notified", &diff.unsubscribed);
        for (resource, changes) in shown(diff) {
            let impact = match resource.action {
                Action::Added => ": added".to_owned(),
                Action::Removed if resource.impact < Impact::Deletes => ": removed".to_owned(),
                _ if resource.impact >= Impact::MayReplace => {
                    format!(": <b>{}</b>{}", resource.impact.words(), source(resource))
                }
                _ => format!(": {}{}", resource.impact.words(), source(resource)),
            };
            let head = format!("{} {}{impact}", code(&resource.id), code(&resource.kind));
            let notes = resource.notes.iter().map(|note| format!("  {}", printable(note)));
            out.add(&block(resource.action, &head, notes.chain(lines(changes))));
        }
        for entry in &diff.entries {
            let name = if entry.name.is_empty() { String::new() } else { format!(" {}", code(&entry.name)) };
            let head = format!("{}{name}", code(&entry.section));
            out.add(&block(entry.action, &head, lines(&entry.changes)));
        }
        if let Some(line) = harmless(diff) {
            out.add(&format!("{line}.\n\n"));
        }
        let Comment { mut text, left_out } = out;
        if left_out > 0 {
            text += &format!("{left_out} more do not fit in here; `synth diff` shows them.\n\n");
        }
        let hint =
            fingerprint(diff).map(|fingerprint| format!("Needs approval. Fingerprint: {}\n", code(&fingerprint)));
        text + &hint.unwrap_or_default()
    }
}

fn lines<'c>(changes: impl IntoIterator<Item = &'c Change>) -> impl Iterator<Item = String> {
    changes.into_iter().map(|change| {
        // GitHub colours a line with `!`, but not one with `~`.
        let line = line(change).replacen('~', "!", 1);
        if change.impact >= Impact::MayReplace { format!("{line}  ({})", change.impact.words()) } else { line }
    })
}

/// A heading with lines that can be unfolded.
fn block(action: Action, head: &str, lines: impl Iterator<Item = String>) -> String {
    let body = lines.collect::<Vec<_>>().join("\n");
    let head = format!("<code>{}</code> {head}", sign(action));
    if body.is_empty() {
        return format!("{head}\n\n");
    }
    let longest = body.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    format!("<details><summary>{head}</summary>\n\n{fence}diff\n{body}\n{fence}\n\n</details>\n\n")
}

/// A text as inline code, in which every character of HTML or Markdown markup is escaped.
fn code(text: &str) -> String {
    let escaped = printable(text).chars().fold(String::new(), |out, c| {
        if c.is_alphanumeric() || " :.-".contains(c) {
            out + c.encode_utf8(&mut [0; 4])
        } else {
            out + &format!("&#{};", u32::from(c))
        }
    });
    format!("<code>{escaped}</code>")
}
