//! One setting of rotation.yaml: its name, its meaning, its default and its allowed values.

use serde_json::Value as Json;

/// One setting, as it is declared.
#[derive(Debug)]
pub struct Setting {
    /// Its name in the file.
    pub name: &'static str,
    /// What it is about. The page with all settings has one part for each group.
    pub group: Group,
    /// The meaning as it is declared: see [`Setting::meaning`].
    pub(super) doc: &'static str,
    /// The value that a careful team would choose. `None` if only the user can know it, so the file must set it.
    pub default: Option<&'static str>,
    /// Values, in YAML, that show what is possible.
    pub examples: &'static [&'static str],
    /// The JSON Schema of a value.
    pub(super) schema: fn() -> Json,
    /// Converts a correct value from YAML to JSON.
    pub(super) json: fn(&str) -> Json,
    /// The values that the reader accepts, in words.
    pub allowed: fn() -> String,
}

/// What a setting is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Which users are selected.
    Users,
    /// Who is notified, and how.
    Notices,
    /// When the handler runs.
    Schedule,
    /// When a key is replaced, deactivated and deleted.
    Life,
    /// How a new key reaches its workload.
    Delivery,
    /// The stack and its function.
    Stack,
    /// Many accounts with one configuration.
    Organization,
    /// What a company demands of every stack.
    Company,
}

impl Group {
    /// Every group, in the order in which the settings are declared.
    pub const ALL: [Self; 8] = [
        Self::Users,
        Self::Notices,
        Self::Schedule,
        Self::Life,
        Self::Delivery,
        Self::Stack,
        Self::Organization,
        Self::Company,
    ];
}

impl Setting {
    /// The meaning, in sentences. Names and values are in backticks.
    #[must_use]
    pub fn meaning(&self) -> &'static str {
        self.doc.trim()
    }

    /// The first sentence of the meaning, without its full stop.
    #[must_use]
    pub fn summary(&self) -> &'static str {
        let meaning = self.meaning();
        meaning.split_once(". ").map_or(meaning, |(first, _)| first).trim_end_matches('.')
    }

    /// A line as it could stand in the file.
    pub(super) fn sample(&self) -> String {
        format!("{}: {}", self.name, self.examples.first().copied().or(self.default).unwrap_or("…"))
    }
}

/// Markdown as plain text: editors and terminals show backticks as they are.
pub(super) fn plain(text: &str) -> String {
    text.replace('`', "")
}
