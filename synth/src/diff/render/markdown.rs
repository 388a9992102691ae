//! Renders a diff as Markdown, for a comment on a pull request. Text of a template never becomes markup: names are
//! escaped, and values are in a fence that is longer than any fence in them.

use super::{Action, Diff, Renderer, approve, by_settings, line, printable, sign, source};
use crate::diff::{Change, Impact, leaving::FATE};

pub(super) struct Markdown;

/// The limit on the comment, in bytes. GitHub refuses a comment of more than 65,536 characters.
const LIMIT: usize = 60_000;

impl Renderer for Markdown {
    fn render(&self, diff: &Diff) -> String {
        if diff.is_empty() {
            return "No difference.\n".to_owned();
        }
        let (impact, iam) = (diff.impact().words(), diff.iam.verdict.as_str());
        let mut out = format!("**Impact: {impact}. IAM: {iam}.**\n\n");
        if !diff.iam.places.is_empty() {
            out += "| IAM | | such as |\n|---|---|---|\n";
            for change in &diff.iam.places {
                let example = change.comparison.example.as_deref().map(code).unwrap_or_default();
                let verdict = change.comparison.verdict().as_str();
                out += &format!("| {} | {verdict} | {example} |\n", code(&change.place));
            }
            out.push('\n');
        }
        for (title, lines) in by_settings(diff) {
            if !lines.is_empty() {
                out += &format!("**{title}:**\n\n");
                for line in lines {
                    out += &format!("- {}\n", code(line));
                }
                out.push('\n');
            }
        }
        if !diff.leaving.is_empty() {
            out += "**Who is no longer rotated:**\n\n";
            diff.leaving.iter().for_each(|line| out += &format!("- {}\n", code(line)));
            out += &format!("\n{FATE}\n\n");
        }
        let mut left_out = 0;
        let mut add = |out: &mut String, block: String| {
            if out.len() + block.len() > LIMIT { left_out += 1 } else { *out += &block }
        };
        for resource in &diff.resources {
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
            add(&mut out, block(resource.action, &head, notes.chain(lines(&resource.changes))));
        }
        for entry in &diff.entries {
            let name = if entry.name.is_empty() { String::new() } else { format!(" {}", code(&entry.name)) };
            let head = format!("{}{name}", code(&entry.section));
            add(&mut out, block(entry.action, &head, lines(&entry.changes)));
        }
        if left_out > 0 {
            out += &format!("{left_out} more do not fit in here; `synth diff` shows them.\n\n");
        }
        out + &approve(diff).map(|command| format!("Approve with: {}\n", code(&command))).unwrap_or_default()
    }
}

fn lines(changes: &[Change]) -> impl Iterator<Item = String> {
    changes.iter().map(|change| {
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
