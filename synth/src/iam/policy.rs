//! Policy statements as sets of requests, read from any template.

use serde_json::Value as Json;

use super::{
    condition::Literal,
    glob::Glob,
    language::{PolicyLanguage, texts},
};
use crate::cfn::text::Piece;

/// A statement. It applies to the requests that are in all of its sets and meet its conditions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ParsedStatement {
    pub(super) allow: bool,
    pub(super) principals: Selection,
    pub(super) actions: Selection,
    pub(super) resources: Selection,
    pub(super) conditions: Vec<Literal>,
}

/// A set of texts: those that match one of the patterns or, with `complement`, those that match none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Selection {
    pub(super) globs: Vec<Glob>,
    pub(super) complement: bool,
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

/// The statements of a document, each as JSON. `None` if it has no `Statement`.
pub(super) fn statements(document: &Json) -> Option<Vec<&Json>> {
    match document.get("Statement")? {
        Json::Array(list) => Some(list.iter().collect()),
        one => Some(vec![one]),
    }
}

impl ParsedStatement {
    /// Reads a statement. `None` if it cannot be analysed, for example because it is an intrinsic function.
    pub(super) fn read(statement: &Json, language: PolicyLanguage) -> Option<Self> {
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
                // A policy of an identity names no principal, and a trust policy names no resource.
                (None, None) => Some(Selection::everything()),
                (Some(_), Some(_)) => None,
            }
        };
        let conditions = object.get("Condition").map_or(Some(Vec::new()), |c| Literal::read_all(c, language))?;
        let actions = select("Action", &|value| Some(texts(value, language)?.iter().map(|t| action(t)).collect()))?;
        Some(Self {
            allow,
            principals: select("Principal", &|value| {
                // An account that is allowed something lets its own policies decide. An identity that is named needs none.
                let is_delegated = allow && object.contains_key("Principal");
                principals(value, if is_delegated { Account::Delegates } else { Account::Everyone })
            })?,
            actions,
            resources: select("Resource", &|value| {
                Some(texts(value, language)?.iter().map(|text| Glob::pattern(text)).collect())
            })?,
            conditions,
        })
    }

    /// Whether this statement allows everything, to every principal that the policy applies to.
    pub(super) fn allows_everything(&self) -> bool {
        let all = |selection: &Selection| !selection.complement && selection.globs.iter().any(Glob::is_everything);
        self.allow && all(&self.principals) && all(&self.actions) && all(&self.resources) && self.conditions.is_empty()
    }
}

/// An action as a pattern, in lower case, because IAM ignores the case of actions.
fn action(text: &[Piece]) -> Glob {
    let lower = |piece: &Piece| match piece {
        Piece::Literal(text) => Piece::Literal(text.to_lowercase()),
        reference @ Piece::Reference(_) => reference.clone(),
    };
    Glob::pattern(&text.iter().map(lower).collect::<Vec<_>>())
}

/// What an account stands for as a principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Account {
    /// The account itself. Its policies decide for its identities.
    Delegates,
    /// Each identity in the account.
    Everyone,
}

/// The principals, as patterns of `Type:value`.
fn principals(value: &Json, account: Account) -> Option<Vec<Glob>> {
    if value == "*" {
        return Some(vec![Glob::everything()]);
    }
    let mut globs = Vec::new();
    for (kind, names) in value.as_object()? {
        for name in texts(names, PolicyLanguage::Y2008)? {
            globs.push(if kind == "AWS" { aws_principal(&name, account) } else { typed(kind, &name) });
        }
    }
    Some(globs)
}

fn typed(kind: &str, name: &[Piece]) -> Glob {
    Glob::pattern(&[&[Piece::Literal(format!("{kind}:"))], name].concat())
}

/// An account, or an identity in it. `arn:aws:iam::1:root` and the bare number both mean the account, so both become
/// `AWS:1:root`, or `AWS:1:*` for each identity in it. An identity becomes `AWS:1:role/Name`. `*` means every principal.
fn aws_principal(name: &[Piece], stands_for: Account) -> Glob {
    if name == [Piece::Literal("*".into())] {
        return Glob::everything();
    }
    let who = if stands_for == Account::Delegates { ":root" } else { ":*" };
    let account = |account: &[Piece]| typed("AWS", &[account, &[Piece::Literal(who.into())]].concat());
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

/// The part of an ARN after `arn:PARTITION:iam::` or `arn:PARTITION:sts::`. `None` for any other text.
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
