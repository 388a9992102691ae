//! The inventory as a text for people, as JSON and CSV for programs, and as a page for auditors.

pub mod csv;
pub mod html;
pub mod json;
pub mod text;
mod user_lines;

use lambda::model::{access_key::LastUse, time::Timestamp};

use super::{Entry, finding::FindingKind, holder::HeldKey};

/// The kinds of an entry's findings about one of its keys, the worst first. Findings about the holder stand with the first
/// key.
fn kinds_at(entry: &Entry, key: usize) -> impl Iterator<Item = FindingKind> {
    let is_here = move |at: Option<usize>| at.map_or(key == 0, |at| at == key);
    entry.findings.iter().filter(move |finding| is_here(finding.key())).map(|finding| finding.kind())
}

fn names(kinds: impl Iterator<Item = FindingKind>) -> String {
    kinds.map(FindingKind::as_str).collect::<Vec<_>>().join(", ")
}

/// The last use in a few words, such as `12d s3 eu-west-1`.
fn last_use(key: &HeldKey, now: Timestamp) -> String {
    match &key.last_use {
        LastUse::Never => "never".to_owned(),
        LastUse::Unknown => "unknown".to_owned(),
        LastUse::Used { at, service, region } => format!("{}d {service} {region}", now.since(*at).whole_days()),
    }
}
