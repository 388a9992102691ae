//! The properties whose change replaces a resource.

use super::{impact::Impact, values::PathStep};

/// The properties that replace a resource, from AWS's resource schemas. `synth/schema/replacement.py` writes the table
/// and describes its lines. Only a comparison of templates reads it.
const TABLE: &str = include_str!("../../schema/replacement.txt");

/// The properties of a type whose change replaces the resource.
pub(super) enum ReplacingProperties {
    Known(Vec<&'static str>),
    Unknown,
}

impl ReplacingProperties {
    /// Looks up a type. The answer is [`ReplacingProperties::Unknown`] for custom resources, modules and types that are
    /// not in the table, because their provider decides.
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
    pub(super) fn impact(&self, path: &[PathStep]) -> Impact {
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
