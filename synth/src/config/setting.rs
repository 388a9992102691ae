//! One setting of rotation.yaml: its name, its default, and what it means.

use serde_json::Value as Json;

/// One setting.
#[derive(Debug)]
pub(super) struct Setting {
    /// Its name in the file.
    pub(super) name: &'static str,
    /// What it means.
    pub(super) doc: &'static str,
    /// What a careful team would choose; none where only the user can know.
    pub(super) default: Option<&'static str>,
    /// Values that show what is possible.
    pub(super) examples: &'static [&'static str],
    /// What the schema says of its value.
    pub(super) schema: fn() -> Json,
    /// A value as JSON.
    pub(super) json: fn(&str) -> Json,
}

impl Setting {
    /// A line as it could stand in the file.
    pub(super) fn sample(&self) -> String {
        format!("{}: {}", self.name, self.examples.first().copied().or(self.default).unwrap_or("…"))
    }
}
