//! The meaning of conditions, and which conditions follow from others.
//!
//! The context of a request gives a key no value, one value or several. Every operator then has one of four meanings:
//! some value or all values must be in a set, and a missing key meets the condition or does not. The negation of each
//! meaning is another of the four. That makes it possible to reason about the complement of a statement:
//!
//! | operator | meaning | a missing key meets it |
//! |---|---|---|
//! | `StringEquals`, `ForAnyValue:…` | some value is in the set | no |
//! | `StringNotEquals`, `ForAllValues:StringNotEquals` | all values are outside of the set | yes |
//! | `ForAllValues:StringEquals` | all values are in the set | yes |
//! | `…IfExists` | as without `IfExists` | yes |
//! | `Null: "true"` | all values are in the empty set | yes |
//! | `Null: "false"` | some value is in the set of all values | no |

use core::net::IpAddr;

use serde_json::Value as Json;

use super::{
    glob::{Glob, Token, WordRegion},
    language::{PolicyLanguage, texts},
};
use crate::cfn::text::{self, Piece};

/// A condition on one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Literal {
    /// The condition key in lower case, because IAM ignores the case of keys.
    pub(super) key: String,
    quantifier: Quantifier,
    set: Set,
    /// Whether a missing key meets the condition.
    missing: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quantifier {
    Some,
    All,
}

/// A set of values.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Set {
    kind: Kind,
    members: Vec<Glob>,
    complement: bool,
}

/// How values are compared. Sets of different kinds are never compared with each other.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    /// As patterns: of text, of text in lower case, of truth values, or of ARNs by component.
    Pattern(&'static str),
    /// In the way of this operator, such as `numericlessthan`.
    Operator(String),
}

impl Literal {
    /// Reads the conditions in a statement's `Condition`. `None` if it has another form.
    pub(super) fn read_all(condition: &Json, language: PolicyLanguage) -> Option<Vec<Self>> {
        let mut all = Vec::new();
        for (operator, keys) in condition.as_object()? {
            for (key, values) in keys.as_object()? {
                all.push(Self::read(operator, key, values, language)?);
            }
        }
        // Sorted, so that the order in the template makes no difference.
        all.sort_by_cached_key(|literal| format!("{literal:?}"));
        all.dedup();
        Some(all)
    }

    fn read(operator: &str, key: &str, values: &Json, language: PolicyLanguage) -> Option<Self> {
        let values: Vec<Vec<Piece>> = texts(values, language)?;
        let key = key.to_ascii_lowercase();
        let operator = operator.to_ascii_lowercase();
        let (quantifier, base) = match operator.split_once(':') {
            Some(("foranyvalue", base)) => (Some(Quantifier::Some), base),
            Some(("forallvalues", base)) => (Some(Quantifier::All), base),
            _ => (None, operator.as_str()),
        };
        if base == "null" {
            return Some(Self::null(key, &values));
        }
        let (base, if_exists) = base.strip_suffix("ifexists").map_or((base, false), |base| (base, true));
        let Some((set, negated)) = Set::read(base, &values) else {
            return Some(Self::opaque(&key, &operator, &values));
        };
        let quantifier = quantifier.unwrap_or(if negated { Quantifier::All } else { Quantifier::Some });
        Some(Self { key, quantifier, set, missing: if_exists || quantifier == Quantifier::All })
    }

    fn null(key: String, values: &[Vec<Piece>]) -> Self {
        let is = |word: &str| values.iter().any(|value| text::display(value).eq_ignore_ascii_case(word));
        match (is("true"), is("false")) {
            (true, true) => Self { key, quantifier: Quantifier::Some, set: Set::all(), missing: true },
            (true, false) => Self { key, quantifier: Quantifier::All, set: Set::none(), missing: true },
            (false, true) => Self { key, quantifier: Quantifier::Some, set: Set::all(), missing: false },
            // A parameter, which has a value only in a deployment.
            (false, false) => Self::opaque(&key, "null", values),
        }
    }

    /// A condition that cannot be analysed. No other condition follows from it.
    fn opaque(key: &str, operator: &str, values: &[Vec<Piece>]) -> Self {
        let values: Vec<String> = values.iter().map(|value| text::display(value)).collect();
        let key = format!("{key} {operator} {values:?}");
        let set = Set { kind: Kind::Operator(String::new()), members: vec![Glob::new(Vec::new())], complement: false };
        Self { key, quantifier: Quantifier::Some, set, missing: false }
    }

    /// The condition that is met exactly if this one is not.
    pub(super) fn negation(&self) -> Self {
        Self {
            key: self.key.clone(),
            quantifier: match self.quantifier {
                Quantifier::Some => Quantifier::All,
                Quantifier::All => Quantifier::Some,
            },
            set: self.set.complement(),
            missing: !self.missing,
        }
    }

    /// Whether every context that meets this condition meets the other one. `false` if that is unknown.
    pub(super) fn implies(&self, other: &Self) -> bool {
        if self == other || other.is_always() || (self.set.is_none() && !self.missing) {
            return true;
        }
        let present = || {
            self.set.is_none()
                || other.set.is_all()
                || ((self.quantifier, other.quantifier) != (Quantifier::Some, Quantifier::All)
                    && self.set.is_within(&other.set))
        };
        self.key == other.key && (!self.missing || other.missing) && present()
    }

    fn is_always(&self) -> bool {
        self.missing && self.set.is_all()
    }

    /// Whether no context meets all of these conditions. `false` if that is unknown.
    pub(super) fn contradict(all: &[Self]) -> bool {
        all.iter().enumerate().any(|(index, first)| {
            let first_of_key = !all[..index].iter().any(|earlier| earlier.key == first.key);
            first_of_key && {
                let same: Vec<&Self> = all.iter().filter(|literal| literal.key == first.key).collect();
                Self::contradict_on_key(&same)
            }
        })
    }

    fn contradict_on_key(same: &[&Self]) -> bool {
        if same.iter().all(|literal| literal.missing) {
            return false;
        }
        // The key has a value. So every value must be in all of these sets, and some value must be in each of the
        // others.
        let every: Vec<&Set> = same.iter().filter(|l| l.quantifier == Quantifier::All).map(|l| &l.set).collect();
        let mut there = same.iter().filter(|l| l.quantifier == Quantifier::Some).map(|l| &l.set);
        Set::is_disjoint(&every) || there.any(|set| Set::is_disjoint(&[every.as_slice(), &[set]].concat()))
    }

    /// Values that may make a difference to the condition, each as a region.
    pub(super) fn interesting(&self) -> Vec<WordRegion> {
        let members = self.set.members.iter().cloned().map(WordRegion::of);
        let near =
            self.set.members.iter().filter_map(number).flat_map(|n| {
                [n - 1.0, n + 1.0].map(|n| WordRegion::of(Glob::literal(&[Piece::Literal(n.to_string())])))
            });
        let outside = self.set.members.iter().fold(WordRegion::everything(), |region, member| region.without(member));
        members.chain(near).chain([outside]).collect()
    }
}

impl Set {
    fn all() -> Self {
        Self { kind: Kind::Pattern("text"), members: Vec::new(), complement: true }
    }

    fn none() -> Self {
        Self { kind: Kind::Pattern("text"), members: Vec::new(), complement: false }
    }

    /// The set that an operator makes of its values, and whether the operator negates. `None` if the operator is not
    /// known.
    fn read(base: &str, values: &[Vec<Piece>]) -> Option<(Self, bool)> {
        let patterns = |kind, read: &dyn Fn(&Vec<Piece>) -> Glob| Self {
            kind: Kind::Pattern(kind),
            members: values.iter().map(read).collect(),
            complement: false,
        };
        let of_operator = |name: &str| Self {
            kind: Kind::Operator(name.to_owned()),
            members: values.iter().map(|value| Glob::literal(value)).collect(),
            complement: false,
        };
        let (set, negated) = match base {
            "stringequals" => (patterns("text", &|v| Glob::literal(v)), false),
            "stringnotequals" => (patterns("text", &|v| Glob::literal(v)), true),
            "stringlike" => (patterns("text", &|v| Glob::pattern(v)), false),
            "stringnotlike" => (patterns("text", &|v| Glob::pattern(v)), true),
            "stringequalsignorecase" => (patterns("any case", &|v| Glob::literal(&lower(v))), false),
            "stringnotequalsignorecase" => (patterns("any case", &|v| Glob::literal(&lower(v))), true),
            "arnequals" | "arnlike" => (patterns("arn", &|v| arn(v)), false),
            "arnnotequals" | "arnnotlike" => (patterns("arn", &|v| arn(v)), true),
            "bool" => (patterns("bool", &|v| Glob::literal(&lower(v))), false),
            "numericequals"
            | "numericlessthan"
            | "numericlessthanequals"
            | "numericgreaterthan"
            | "numericgreaterthanequals"
            | "dateequals"
            | "datelessthan"
            | "datelessthanequals"
            | "dategreaterthan"
            | "dategreaterthanequals"
            | "ipaddress"
            | "binaryequals" => (of_operator(base), false),
            "numericnotequals" => (of_operator("numericequals"), true),
            "datenotequals" => (of_operator("dateequals"), true),
            "notipaddress" => (of_operator("ipaddress"), true),
            _ => return None,
        };
        Some((if negated { set.complement() } else { set.tidy() }, negated))
    }

    fn complement(&self) -> Self {
        let word = |word: &str| Glob::literal(&[Piece::Literal(word.into())]);
        if self.kind == Kind::Pattern("bool") && !self.complement {
            for (is, other) in [("true", "false"), ("false", "true")] {
                if self.members == [word(is)] {
                    return Self { members: vec![word(other)], ..self.clone() };
                }
            }
        }
        Self { complement: !self.complement, ..self.clone() }.tidy()
    }

    /// Sorts the members and removes duplicates. A set of both truth values becomes the set of all values.
    fn tidy(mut self) -> Self {
        self.members.sort();
        self.members.dedup();
        let is = |index: usize, word: &str| self.members[index] == Glob::literal(&[Piece::Literal(word.into())]);
        if self.kind == Kind::Pattern("bool") && self.members.len() == 2 && is(0, "false") && is(1, "true") {
            return if self.complement { Self::none() } else { Self::all() };
        }
        self
    }

    fn is_all(&self) -> bool {
        match (&self.kind, self.complement) {
            (_, true) => self.members.is_empty(),
            (Kind::Pattern(_), false) => self.members.iter().any(Glob::is_everything),
            (Kind::Operator(_), false) => false,
        }
    }

    fn is_none(&self) -> bool {
        match (&self.kind, self.complement) {
            (_, false) => self.members.is_empty(),
            (Kind::Pattern(_), true) => self.members.iter().any(Glob::is_everything),
            (Kind::Operator(_), true) => false,
        }
    }

    /// Whether this set is a part of the other. `false` if that is unknown.
    fn is_within(&self, other: &Self) -> bool {
        self.is_none() || other.is_all() || Self::is_disjoint(&[self, &other.complement()])
    }

    /// Whether no value is in all of the sets. `false` if that is unknown.
    fn is_disjoint(sets: &[&Self]) -> bool {
        sets.iter().any(|set| set.is_none())
            || sets.iter().enumerate().any(|(index, set)| {
                let first_of_kind = !sets[..index].iter().any(|earlier| earlier.kind == set.kind);
                let same: Vec<&Self> = sets.iter().copied().filter(|other| other.kind == set.kind).collect();
                first_of_kind
                    && match &set.kind {
                        Kind::Pattern(_) => patterns_are_disjoint(&same),
                        Kind::Operator(name) => values_are_disjoint(name, &same),
                    }
            })
    }
}

fn patterns_are_disjoint(sets: &[&Set]) -> bool {
    let mut regions = vec![WordRegion::everything()];
    for set in sets.iter().filter(|set| !set.complement) {
        regions = regions.iter().flat_map(|region| set.members.iter().map(|member| region.and(member))).collect();
        if regions.len() > 1_000 {
            return false;
        }
    }
    let outside = || sets.iter().filter(|set| set.complement).flat_map(|set| &set.members);
    regions.into_iter().all(|region| outside().fold(region, |region, member| region.without(member)).is_empty())
}

/// Whether sets have no common value, for operators without patterns: other sets exclude all members of one set.
fn values_are_disjoint(operator: &str, sets: &[&Set]) -> bool {
    let excluded: Vec<&Glob> = sets.iter().filter(|set| set.complement).flat_map(|set| &set.members).collect();
    sets.iter()
        .filter(|set| !set.complement)
        .any(|set| set.members.iter().all(|member| excluded.iter().any(|outer| is_part(operator, member, outer))))
}

/// Whether `operator` accepts every value with `outer` that it accepts with `inner`.
fn is_part(operator: &str, inner: &Glob, outer: &Glob) -> bool {
    if inner == outer {
        return true;
    }
    if operator == "ipaddress" {
        return network(inner).zip(network(outer)).is_some_and(|(inner, outer)| is_subnet(inner, outer));
    }
    let order = if operator.starts_with("numeric") {
        number(inner).zip(number(outer)).and_then(|(inner, outer)| inner.partial_cmp(&outer))
    } else {
        date(inner).zip(date(outer)).map(|(inner, outer)| inner.cmp(&outer))
    };
    order.is_some_and(|order| match operator {
        "numericlessthan" | "numericlessthanequals" | "datelessthan" | "datelessthanequals" => order.is_le(),
        "numericgreaterthan" | "numericgreaterthanequals" | "dategreaterthan" | "dategreaterthanequals" => {
            order.is_ge()
        }
        "numericequals" | "dateequals" => order.is_eq(),
        _ => false,
    })
}

/// The text of a pattern without wildcards and symbols. `None` if the pattern has one.
fn literal(glob: &Glob) -> Option<String> {
    glob.tokens().iter().map(|token| if let Token::Char(c) = token { Some(*c) } else { None }).collect()
}

fn number(glob: &Glob) -> Option<f64> {
    literal(glob)?.parse().ok().filter(|number: &f64| number.is_finite())
}

/// A date in the form `2026-01-31T00:00:00Z`, in which the order of texts is the order of dates. `None` for another
/// form.
fn date(glob: &Glob) -> Option<String> {
    let text = literal(glob)?;
    let shape = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c });
    shape.eq("0000-00-00T00:00:00Z".chars()).then_some(text)
}

fn network(glob: &Glob) -> Option<(u128, u32, u32)> {
    let text = literal(glob)?;
    let (address, length) = text.split_once('/').map_or((text.as_str(), None), |(a, l)| (a, Some(l)));
    let (bits, width) = match address.parse().ok()? {
        IpAddr::V4(address) => (u128::from(u32::from(address)), 32),
        IpAddr::V6(address) => (u128::from(address), 128),
    };
    let length = length.map_or(Some(width), |length| length.parse().ok().filter(|length| *length <= width))?;
    Some((bits, length, width))
}

fn is_subnet(inner: (u128, u32, u32), outer: (u128, u32, u32)) -> bool {
    let prefix = |bits: u128| bits.checked_shr(outer.2 - outer.1).unwrap_or(0);
    inner.2 == outer.2 && inner.1 >= outer.1 && prefix(inner.0) == prefix(outer.0)
}

fn lower(pieces: &[Piece]) -> Vec<Piece> {
    let lower = |piece: &Piece| match piece {
        Piece::Literal(text) => Piece::Literal(text.to_lowercase()),
        // The case of the value is unknown, but it is the same everywhere.
        Piece::Reference(name) => Piece::Reference(format!("lower {name}")),
    };
    pieces.iter().map(lower).collect()
}

/// The pattern of an ARN. A `*` or `?` in one of the first five components does not match beyond its component.
fn arn(pieces: &[Piece]) -> Glob {
    let mut colons = 0;
    let mut tokens = Vec::new();
    for token in Glob::pattern(pieces).tokens() {
        colons += usize::from(*token == Token::Char(':'));
        tokens.push(match token {
            Token::Star if colons < 5 => Token::Within,
            Token::Any if colons < 5 => Token::AnyWithin,
            token => token.clone(),
        });
    }
    if colons < 5 && tokens != [Token::Within] {
        // Not in the form of an ARN, perhaps a symbol for a whole ARN. It is known only to equal itself.
        return Glob::new(vec![Token::Symbol(text::display(pieces))]);
    }
    if tokens == [Token::Within] { Glob::everything() } else { Glob::new(tokens) }
}
