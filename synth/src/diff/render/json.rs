//! Renders a diff as JSON, for programs.

use serde_json::{Value, json};

use super::{Diff, Renderer, action_word};
use crate::{
    diff::{
        Change, DiffSource,
        approval::Approval,
        setting_changes::{SettingChange, ValueChange},
    },
    iam::compare::Certainty,
};

pub(super) struct JsonRenderer;

impl Renderer for JsonRenderer {
    fn render(&self, diff: &Diff) -> String {
        format!("{:#}\n", document(diff))
    }
}

/// The whole diff as one JSON object.
pub(super) fn document(diff: &Diff) -> Value {
    let resources = diff.resources.iter().map(|resource| {
        json!({
            "id": resource.id,
            "type": resource.kind,
            "change": action_word(resource.action),
            "impact": resource.impact.words(),
            "source": match resource.source {
                DiffSource::Templates => "templates",
                DiffSource::Aws => "aws",
            },
            "notes": resource.notes,
            "changes": changes(&resource.changes),
        })
    });
    let entries = diff.entries.iter().map(|entry| {
        json!({
            "section": entry.section,
            "name": entry.name,
            "change": action_word(entry.action),
            "changes": changes(&entry.changes),
        })
    });
    let places = diff.iam.places.iter().map(|change| {
        json!({
            "place": change.place,
            "iam": change.comparison.verdict().as_str(),
            "gained": answer(change.comparison.gained),
            "lost": answer(change.comparison.lost),
            "example": change.comparison.example,
        })
    });
    json!({
        "iam": diff.iam.verdict.as_str(),
        "impact": diff.impact().words(),
        "problems": diff.moved_accounts.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "resources": resources.collect::<Value>(),
        "sections": entries.collect::<Value>(),
        "places": places.collect::<Value>(),
        "new_readers": diff.new_readers,
        "newly_told": diff.newly_notified,
        "newly_rotated": diff.newly_rotated,
        "earlier": diff.earlier,
        "leaving": diff.leaving,
        "unsubscribed": diff.unsubscribed,
        "unknown": diff.unknown,
        "harmless": diff.harmless.iter().map(|(what, number)| json!({"what": what, "changes": number})).collect::<Value>(),
        "settings": diff.settings.as_ref().map(|settings| settings.iter().map(setting).collect::<Value>()),
        "role": diff.role.iter().map(|change| json!({ "new": change.is_new, "what": change.what })).collect::<Value>(),
        "approval": Approval::needed(diff).as_ref().map(approval),
    })
}

/// A needed approval as a JSON object.
pub(super) fn approval(approval: &Approval) -> Value {
    let reasons: Vec<String> = approval.reasons.iter().map(ToString::to_string).collect();
    json!({ "fingerprint": approval.fingerprint.to_string(), "reasons": reasons })
}

/// A setting that changes. Lists have `added` and `removed`, other values `before` and `after`.
fn setting(SettingChange { setting, change }: &SettingChange) -> Value {
    match change {
        ValueChange::Value { before, after } => json!({ "setting": setting, "before": before, "after": after }),
        ValueChange::Items { added, removed } => json!({ "setting": setting, "added": added, "removed": removed }),
    }
}

fn changes(changes: &[Change]) -> Value {
    let one = |change: &Change| {
        json!({
            "path": change.path.to_string(),
            "old": change.old,
            "new": change.new,
            "impact": change.impact.words(),
            "because": change.because,
        })
    };
    changes.iter().map(one).collect()
}

const fn answer(answer: Certainty) -> &'static str {
    match answer {
        Certainty::No => "no",
        Certainty::Maybe => "maybe",
        Certainty::Yes => "yes",
    }
}
