//! What a change does to a resource in the account.

use super::values::Step;

/// What happens to a resource, from nothing to the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Impact {
    /// The resource stays as it is.
    #[default]
    None,
    /// It is created or updated in place.
    Update,
    /// It may be replaced: only AWS knows.
    MayReplace,
    /// Another one takes its place, and the old one is deleted.
    Replaces,
    /// It is deleted.
    Deletes,
}

impl Impact {
    /// The words for it.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Update => "update",
            Self::MayReplace => "may replace",
            Self::Replaces => "replaces",
            Self::Deletes => "deletes",
        }
    }
}

/// Facts from the official resource schemas; `synth/schema/replacement.py` writes the table and says what a line is. It is
/// looked at only when templates are compared.
const TABLE: &str = include_str!("../../schema/replacement.txt");

/// Which properties of a type replace a resource when they change.
pub(super) enum Replacement {
    Known(Vec<&'static str>),
    Unknown,
}

impl Replacement {
    /// Custom resources, modules and types that the table has not: whoever provides them decides, and may replace.
    pub(super) fn of(kind: &str) -> Self {
        if kind.starts_with("Custom::") || kind == "AWS::CloudFormation::CustomResource" {
            return Self::Unknown;
        }
        let line = TABLE.lines().find_map(|line| match line.strip_prefix(kind) {
            Some("") => Some(""),
            Some(rest) => rest.strip_prefix(' '),
            None => None,
        });
        line.map_or(Self::Unknown, |line| Self::Known(line.split(' ').filter(|path| !path.is_empty()).collect()))
    }

    /// What a change of the property at this path does.
    pub(super) fn impact(&self, path: &[Step]) -> Impact {
        let Self::Known(paths) = self else { return Impact::MayReplace };
        let impact = |entry: &&str| {
            let (entry, sometimes) = entry.strip_prefix('?').map_or((*entry, false), |entry| (entry, true));
            let steps: Vec<&str> = entry.split('/').collect();
            let matches = steps.iter().zip(path).all(|(step, own)| *step == "*" || own.is(step));
            match (matches, sometimes || path.len() < steps.len()) {
                (false, _) => Impact::Update,
                // Perhaps only what is beside the property has changed.
                (true, true) => Impact::MayReplace,
                (true, false) => Impact::Replaces,
            }
        };
        paths.iter().map(impact).max().unwrap_or(Impact::Update)
    }
}
