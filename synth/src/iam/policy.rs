//! Policy statements as sets of requests, read from any template.

use serde_json::Value as Json;

use super::{condition::Literal, glob::Glob};
use crate::cfn::text::{Piece, pieces};

/// A statement: the requests it speaks of are those in all of its sets that fulfil its conditions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) allow: bool,
    pub(super) principals: Selection,
    pub(super) actions: Selection,
    pub(super) resources: Selection,
    pub(super) conditions: Vec<Literal>,
}

/// Any of these patterns, or none of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Selection {
    pub(super) globs: Vec<Glob>,
    pub(super) complement: bool,
}

/// Which version of the policy language: only the later one has variables such as `${aws:username}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Y2008,
    Y2012,
}

impl Language {
    pub(super) fn of(document: &Json) -> Self {
        let version = document.get("Version").and_then(Json::as_str);
        if version == Some("2012-10-17") { Self::Y2012 } else { Self::Y2008 }
    }
}

impl Selection {
    fn everything() -> Self {
        Self { globs: vec![Glob::everything()], complement: false }
    }

    fn new(mut globs: Vec<Glob>, complement: bool) -> Self {
        globs.sort();
        globs.dedup();
        Self { globs, complement }
    }
}

/// The statements of a document, each as JSON; `None` if it has none to be seen.
pub(super) fn statements(document: &Json) -> Option<Vec<&Json>> {
    match document.get("Statement")? {
        Json::Array(list) => Some(list.iter().collect()),
        one => Some(vec![one]),
    }
}

impl Statement {
    /// Reads a statement; `None` if it is not one that can be understood, an intrinsic function perhaps.
    pub(super) fn read(statement: &Json, language: Language) -> Option<Self> {
        let known = [
            "Sid",
            "Effect",
            "Principal",
            "NotPrincipal",
            "Action",
            "NotAction",
            "Resource",
            "NotResource",
            "Condition",
        ];
        let object = statement.as_object()?;
        if object.keys().any(|key| !known.contains(&key.as_str())) {
            return None;
        }
        let allow = match object.get("Effect")?.as_str()? {
            "Allow" => true,
            "Deny" => false,
            _ => return None,
        };
        let select = |name: &str, read: &dyn Fn(&Json) -> Option<Vec<Glob>>| -> Option<Selection> {
            match (object.get(name), object.get(&format!("Not{name}"))) {
                (Some(value), None) => Some(Selection::new(read(value)?, false)),
                (None, Some(value)) => Some(Selection::new(read(value)?, true)),
                // An identity's policy names no principal, a trust policy no resource.
                (None, None) => Some(Selection::everything()),
                (Some(_), Some(_)) => None,
            }
        };
        let conditions = object.get("Condition").map_or(Some(Vec::new()), |c| Literal::read_all(c, language))?;
        let actions = select("Action", &|value| Some(texts(value, language)?.iter().map(|t| action(t)).collect()))?;
        Some(Self {
            allow,
            principals: select("Principal", &principals)?,
            actions,
            resources: select("Resource", &|value| {
                Some(texts(value, language)?.iter().map(|text| Glob::pattern(text)).collect())
            })?,
            conditions,
        })
    }

    /// Whether this allows everything to everybody it is for.
    pub(super) fn allows_everything(&self) -> bool {
        let all = |selection: &Selection| !selection.complement && selection.globs.iter().any(Glob::is_everything);
        self.allow && all(&self.principals) && all(&self.actions) && all(&self.resources) && self.conditions.is_empty()
    }
}

/// One text or several, with policy variables as references; `None` if one of them is no text.
pub(super) fn texts(value: &Json, language: Language) -> Option<Vec<Vec<Piece>>> {
    let one = |value: &Json| Some(pieces(value)?.into_iter().flat_map(|piece| variables(piece, language)).collect());
    match value {
        Json::Array(list) => list.iter().map(one).collect(),
        value => Some(vec![one(value)?]),
    }
}

/// Takes policy variables out of a text.
fn variables(piece: Piece, language: Language) -> Vec<Piece> {
    let text = match piece {
        Piece::Literal(text) if language == Language::Y2012 => text,
        piece => return vec![piece],
    };
    let (mut out, mut rest) = (Vec::new(), text.as_str());
    while let Some((before, name, after)) =
        rest.split_once("${").and_then(|(before, rest)| rest.split_once('}').map(|(name, after)| (before, name, after)))
    {
        out.push(Piece::Literal(before.to_owned()));
        // `${*}` is the way to write a star that is no wildcard. As a symbol it is a star only to itself, which is safe.
        out.push(Piece::Reference(variable(name)));
        rest = after;
    }
    out.push(Piece::Literal(rest.to_owned()));
    out.retain(|piece| !matches!(piece, Piece::Literal(text) if text.is_empty()));
    out
}

/// The symbol of a policy variable, told apart from references of the template.
fn variable(name: &str) -> String {
    format!("!{}", name.trim().to_ascii_lowercase())
}

/// Actions have no case.
fn action(text: &[Piece]) -> Glob {
    let lower = |piece: &Piece| match piece {
        Piece::Literal(text) => Piece::Literal(text.to_lowercase()),
        reference @ Piece::Reference(_) => reference.clone(),
    };
    Glob::pattern(&text.iter().map(lower).collect::<Vec<_>>())
}

/// The principals as patterns of `Type:value`.
fn principals(value: &Json) -> Option<Vec<Glob>> {
    if value == "*" {
        return Some(vec![Glob::everything()]);
    }
    let mut globs = Vec::new();
    for (kind, names) in value.as_object()? {
        for name in texts(names, Language::Y2008)? {
            globs.push(if kind == "AWS" { aws_principal(&name) } else { typed(kind, &name) });
        }
    }
    Some(globs)
}

fn typed(kind: &str, name: &[Piece]) -> Glob {
    Glob::pattern(&[&[Piece::Literal(format!("{kind}:"))], name].concat())
}

/// An account or an identity in it. `arn:aws:iam::1:root`, the account, and the bare number are the whole account, so both
/// are `AWS:1:*`; an identity is `AWS:1:role/Name`. `*` is everybody, whoever they are.
fn aws_principal(name: &[Piece]) -> Glob {
    if name == [Piece::Literal("*".into())] {
        return Glob::everything();
    }
    let account = |account: &[Piece]| typed("AWS", &[account, &[Piece::Literal(":*".into())]].concat());
    let is_account = match name {
        [Piece::Reference(name)] => name == "AWS::AccountId",
        [Piece::Literal(text)] => text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()),
        _ => false,
    };
    if is_account {
        return account(name);
    }
    match after_partition(name) {
        Some(rest) => match rest.split_last() {
            Some((Piece::Literal(last), before)) if last.ends_with(":root") => {
                let last = last.trim_end_matches(":root");
                let literal = (!last.is_empty()).then(|| Piece::Literal(last.to_owned()));
                account(&before.iter().cloned().chain(literal).collect::<Vec<_>>())
            }
            _ => typed("AWS", &rest),
        },
        None => typed("AWS", name),
    }
}

/// What follows `arn:PARTITION:iam::` or `arn:PARTITION:sts::`.
fn after_partition(name: &[Piece]) -> Option<Vec<Piece>> {
    let (Piece::Literal(first), rest) = name.split_first()? else { return None };
    let first = first.strip_prefix("arn:")?;
    let (text, rest) = match rest {
        [Piece::Reference(partition), Piece::Literal(text), rest @ ..]
            if partition == "AWS::Partition" && first.is_empty() =>
        {
            (text.as_str(), rest)
        }
        _ => (&first[first.find(':')?..], rest),
    };
    let text = text.strip_prefix(":iam::").or_else(|| text.strip_prefix(":sts::"))?;
    let literal = (!text.is_empty()).then(|| Piece::Literal(text.to_owned()));
    Some(literal.into_iter().chain(rest.iter().cloned()).collect())
}
