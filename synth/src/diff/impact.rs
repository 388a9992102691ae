//! What a change does to a resource in the account.

use super::values::Step;

/// What happens to a resource in the account. The order is from harmless to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Impact {
    /// The resource stays as it is.
    #[default]
    None,
    /// The resource is created, or updated in place.
    Update,
    /// The resource may be replaced. Only AWS knows.
    MayReplace,
    /// A new resource replaces it, and the old one is deleted.
    Replaces,
    /// The resource is deleted.
    Deletes,
}

impl Impact {
    /// The impact in words, as in the output and in JSON.
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

/// The properties that replace a resource, from AWS's resource schemas. `synth/schema/replacement.py` writes the table
/// and describes its lines. Only a comparison of templates reads it.
const TABLE: &str = include_str!("../../schema/replacement.txt");

/// The properties of a type whose change replaces the resource.
pub(super) enum Replacement {
    Known(Vec<&'static str>),
    Unknown,
}

impl Replacement {
    /// Looks up a type. Custom resources, modules and types that are not in the table are [`Replacement::Unknown`],
    /// because their provider decides.
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

    /// The impact of a change of the property at this path.
    pub(super) fn impact(&self, path: &[Step]) -> Impact {
        let Self::Known(paths) = self else { return Impact::MayReplace };
        let impact = |entry: &&str| {
            let (entry, sometimes) = entry.strip_prefix('?').map_or((*entry, false), |entry| (entry, true));
            let steps: Vec<&str> = entry.split('/').collect();
            let matches = steps.iter().zip(path).all(|(step, own)| *step == "*" || own.is(step));
            match (matches, sometimes || path.len() < steps.len()) {
                (false, _) => Impact::Update,
                // Perhaps only a neighbour of the property has changed.
                (true, true) => Impact::MayReplace,
                (true, false) => Impact::Replaces,
            }
        };
        paths.iter().map(impact).max().unwrap_or(Impact::Update)
    }
}
