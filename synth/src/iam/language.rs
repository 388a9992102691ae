//! The version of the policy language, and the texts of a policy with their variables.

use serde_json::Value as Json;

use crate::cfn::text::{Piece, pieces};

/// The version of the policy language. Only `2012-10-17` has variables such as `${aws:username}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PolicyLanguage {
    Y2008,
    Y2012,
}

impl PolicyLanguage {
    /// The version of a document. `None` if it is known only in a deployment.
    pub(super) fn of(document: &Json) -> Option<Self> {
        match document.get("Version") {
            None => Some(Self::Y2008),
            Some(version) => match version.as_str()? {
                "2012-10-17" => Some(Self::Y2012),
                "2008-10-17" => Some(Self::Y2008),
                _ => None,
            },
        }
    }
}

/// Reads one text or a list of texts, with policy variables as references. `None` if a value is not a text.
pub(super) fn texts(value: &Json, language: PolicyLanguage) -> Option<Vec<Vec<Piece>>> {
    let one = |value: &Json| Some(pieces(value)?.into_iter().flat_map(|piece| variables(piece, language)).collect());
    match value {
        Json::Array(list) => list.iter().map(one).collect(),
        value => Some(vec![one(value)?]),
    }
}

/// Splits a text at its policy variables.
fn variables(piece: Piece, language: PolicyLanguage) -> Vec<Piece> {
    let text = match piece {
        Piece::Literal(text) if language == PolicyLanguage::Y2012 => text,
        piece => return vec![piece],
    };
    let (mut out, mut rest) = (Vec::new(), text.as_str());
    while let Some((before, name, after)) =
        rest.split_once("${").and_then(|(before, rest)| rest.split_once('}').map(|(name, after)| (before, name, after)))
    {
        out.push(Piece::Literal(before.to_owned()));
        // `${*}` means a star that is not a wildcard. As a symbol it equals only itself, which is safe.
        out.push(Piece::Reference(variable(name)));
        rest = after;
    }
    out.push(Piece::Literal(rest.to_owned()));
    out.retain(|piece| !matches!(piece, Piece::Literal(text) if text.is_empty()));
    out
}

/// The symbol of a policy variable. The `!` distinguishes it from references of the template.
fn variable(name: &str) -> String {
    format!("!{}", name.trim().to_ascii_lowercase())
}
