//! Decides one request, as IAM does: an explicit deny wins, what nothing allows is denied, a boundary allows nothing by itself.
//!
//! Plain on purpose, and apart from the comparison: the one is the other's oracle.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::cfn::text::{Piece, pieces};

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Who asks: `AWS:arn:aws:iam::111122223333:role/x`, `Service:lambda.amazonaws.com`. An identity's own policies do not look at it.
    pub principal: String,
    /// `service:Action`.
    pub action: String,
    /// An ARN.
    pub resource: String,
    /// The condition keys, in lower case, with their values; a key without values is missing.
    pub context: BTreeMap<String, Vec<String>>,
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// A statement allows it and none denies it.
    Allowed,
    /// A statement denies it.
    ExplicitlyDenied,
    /// Nothing allows it.
    NotAllowed,
}

/// A policy document that requests can be held against.
#[derive(Debug, Clone)]
pub struct Document(Vec<Statement>);

/// A policy document could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} in a policy document cannot be evaluated")]
pub struct NotEvaluable(String);

#[derive(Debug, Clone)]
struct Statement {
    allow: bool,
    principals: Option<(bool, Vec<(String, Text)>)>,
    actions: (bool, Vec<Text>),
    resources: Option<(bool, Vec<Text>)>,
    conditions: Vec<Condition>,
}

#[derive(Debug, Clone)]
struct Condition {
    operator: String,
    key: String,
    values: Vec<Text>,
}

/// A text with policy variables.
type Text = Vec<Part>;

#[derive(Debug, Clone)]
enum Part {
    /// A character that may be a wildcard where wildcards are.
    Char(char),
    /// `${aws:username}`.
    Variable(String),
}

/// A pattern without variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Char(char),
    One,
    Many,
}

/// Decides a request. An identity with a boundary may do what both allow.
#[must_use]
pub fn decide(policies: &[Document], boundary: Option<&[Document]>, request: &Request) -> Decision {
    let matching = |documents: &[Document], allow: bool| {
        documents.iter().flat_map(|document| &document.0).any(|s| s.allow == allow && s.speaks_of(request))
    };
    if matching(policies, false) || boundary.is_some_and(|boundary| matching(boundary, false)) {
        Decision::ExplicitlyDenied
    } else if matching(policies, true) && boundary.is_none_or(|boundary| matching(boundary, true)) {
        Decision::Allowed
    } else {
        Decision::NotAllowed
    }
}

impl Document {
    /// Reads a document of a template. `resolve` says what a reference such as `AWS::AccountId` or `Topic.Arn` stands for.
    ///
    /// # Errors
    /// [`NotEvaluable`] names what is not a statement's or what `resolve` does not know.
    pub fn read(document: &Json, resolve: &dyn Fn(&str) -> Option<String>) -> Result<Self, NotEvaluable> {
        let variables = document.get("Version").is_some_and(|version| version == "2012-10-17");
        let reader = Reader { resolve, variables };
        match document.get("Statement") {
            Some(Json::Array(list)) => list.iter().map(|s| reader.statement(s)).collect::<Result<_, _>>().map(Self),
            Some(one) => Ok(Self(vec![reader.statement(one)?])),
            None => Err(NotEvaluable(document.to_string())),
        }
    }
}

struct Reader<'r> {
    resolve: &'r dyn Fn(&str) -> Option<String>,
    /// Whether the document's language has policy variables.
    variables: bool,
}

impl Reader<'_> {
    fn statement(&self, json: &Json) -> Result<Statement, NotEvaluable> {
        let wrong = || NotEvaluable(json.to_string());
        let either = |name: &str| {
            let not = format!("Not{name}");
            json.get(name).map(|value| (true, value)).or_else(|| json.get(not.as_str()).map(|value| (false, value)))
        };
        let texts = |(is, value)| Ok((is, self.texts(value)?));
        Ok(Statement {
            allow: match json.get("Effect").and_then(Json::as_str) {
                Some("Allow") => true,
                Some("Deny") => false,
                _ => return Err(wrong()),
            },
            principals: either("Principal").map(|(is, value)| Ok((is, self.principals(value)?))).transpose()?,
            actions: either("Action").map(texts).ok_or_else(wrong)??,
            resources: either("Resource").map(texts).transpose()?,
            conditions: json.get("Condition").map_or(Ok(Vec::new()), |condition| self.conditions(condition))?,
        })
    }

    fn principals(&self, value: &Json) -> Result<Vec<(String, Text)>, NotEvaluable> {
        if value == "*" {
            return Ok(vec![("*".into(), Text::new())]);
        }
        let mut all = Vec::new();
        for (kind, names) in value.as_object().ok_or_else(|| NotEvaluable(value.to_string()))? {
            all.extend(self.texts(names)?.into_iter().map(|name| (kind.clone(), name)));
        }
        Ok(all)
    }

    fn conditions(&self, condition: &Json) -> Result<Vec<Condition>, NotEvaluable> {
        let wrong = || NotEvaluable(condition.to_string());
        let mut all = Vec::new();
        for (operator, keys) in condition.as_object().ok_or_else(wrong)? {
            for (key, values) in keys.as_object().ok_or_else(wrong)? {
                let (operator, key) = (operator.to_lowercase(), key.to_lowercase());
                all.push(Condition { operator, key, values: self.texts(values)? });
            }
        }
        Ok(all)
    }

    fn texts(&self, value: &Json) -> Result<Vec<Text>, NotEvaluable> {
        match value {
            Json::Array(list) => list.iter().map(|value| self.text(value)).collect(),
            value => Ok(vec![self.text(value)?]),
        }
    }

    fn text(&self, value: &Json) -> Result<Text, NotEvaluable> {
        let mut plain = String::new();
        for piece in pieces(value).ok_or_else(|| NotEvaluable(value.to_string()))? {
            match piece {
                Piece::Literal(text) => plain += &text,
                Piece::Reference(name) => plain += &(self.resolve)(&name).ok_or(NotEvaluable(name))?,
            }
        }
        let mut text = Text::new();
        let mut rest = plain.as_str();
        while let Some(start) = rest.find("${").filter(|_| self.variables) {
            let Some(length) = rest[start..].find('}') else { break };
            text.extend(rest[..start].chars().map(Part::Char));
            text.push(Part::Variable(rest[start + 2..start + length].trim().to_lowercase()));
            rest = &rest[start + length + 1..];
        }
        text.extend(rest.chars().map(Part::Char));
        Ok(text)
    }
}

impl Statement {
    fn speaks_of(&self, request: &Request) -> bool {
        let like = |pattern: &Text, text: &str| {
            pattern_of(pattern, request).is_some_and(|pattern| is_like(&pattern, &text.chars().collect::<Vec<_>>()))
        };
        let any = |patterns: &[Text], text: &str| patterns.iter().any(|pattern| like(pattern, text));
        let lower = |pattern: &Text| {
            let lower = |part: &Part| match part {
                Part::Char(c) => c.to_lowercase().map(Part::Char).collect(),
                Part::Variable(_) => vec![part.clone()],
            };
            pattern.iter().flat_map(lower).collect::<Text>()
        };
        let action = request.action.to_lowercase();
        self.principals
            .as_ref()
            .is_none_or(|(is, all)| *is == all.iter().any(|(kind, name)| is_principal(kind, name, request)))
            && self.actions.0 == self.actions.1.iter().any(|pattern| like(&lower(pattern), &action))
            && self.resources.as_ref().is_none_or(|(is, patterns)| *is == any(patterns, &request.resource))
            && self.conditions.iter().all(|condition| condition.is_fulfilled(request))
    }
}

/// A text as a pattern for this request; `None` if a variable has no single value in it.
fn pattern_of(text: &Text, request: &Request) -> Option<Vec<Step>> {
    let mut pattern = Vec::new();
    for part in text {
        match part {
            Part::Char('*') => pattern.push(Step::Many),
            Part::Char('?') => pattern.push(Step::One),
            Part::Char(c) => pattern.push(Step::Char(*c)),
            Part::Variable(name) => pattern.extend(variable(name, request)?.chars().map(Step::Char)),
        }
    }
    Some(pattern)
}

/// A text in which nothing is a wildcard.
fn plain_of(text: &Text, request: &Request) -> Option<String> {
    let mut plain = String::new();
    for part in text {
        match part {
            Part::Char(c) => plain.push(*c),
            Part::Variable(name) => plain += variable(name, request)?,
        }
    }
    Some(plain)
}

fn variable<'r>(name: &'r str, request: &'r Request) -> Option<&'r str> {
    match (name, request.context.get(name).map(Vec::as_slice)) {
        ("*" | "?" | "$", _) => Some(name),
        (_, Some([value])) => Some(value),
        _ => None,
    }
}

fn is_like(pattern: &[Step], text: &[char]) -> bool {
    // The last `*` and where the text after it was tried: if the rest does not match, `*` takes one letter more.
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some(Step::Many) => {
                star = Some((p, t));
                p += 1;
            }
            Some(Step::One) => (p, t) = (p + 1, t + 1),
            Some(Step::Char(c)) if *c == text[t] => (p, t) = (p + 1, t + 1),
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    (p, t) = (at + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|step| *step == Step::Many)
}

fn is_principal(kind: &str, name: &Text, request: &Request) -> bool {
    let Some(name) = plain_of(name, request) else { return false };
    if kind == "*" || (kind == "AWS" && name == "*") {
        return true;
    }
    let Some(asking) = request.principal.strip_prefix(&format!("{kind}:")) else { return false };
    if kind != "AWS" {
        return asking == name;
    }
    // Past the partition and the service: account and identity. The account itself is all identities in it.
    let identity = |arn: &str| -> Option<(String, String)> {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        (parts.len() == 6 && parts[0] == "arn").then(|| (parts[4].to_owned(), parts[5].to_owned()))
    };
    match (identity(&name), identity(asking)) {
        (Some((account, root)), Some((asking, _))) if root == "root" => account == asking,
        (Some(named), Some(asking)) => named == asking,
        (None, Some((account, _))) => account == name,
        _ => asking == name,
    }
}

impl Condition {
    fn is_fulfilled(&self, request: &Request) -> bool {
        let present: &[String] = request.context.get(&self.key).map(Vec::as_slice).unwrap_or_default();
        let (quantifier, operator) = match self.operator.split_once(':') {
            Some((quantifier, operator)) => (Some(quantifier), operator),
            None => (None, self.operator.as_str()),
        };
        if operator == "null" {
            let wanted = if present.is_empty() { "true" } else { "false" };
            return self
                .values
                .iter()
                .any(|value| plain_of(value, request).is_some_and(|v| v.eq_ignore_ascii_case(wanted)));
        }
        let operator = match operator.strip_suffix("ifexists") {
            Some(_) if present.is_empty() => return true,
            Some(operator) => operator,
            None => operator,
        };
        let negated = operator.contains("not");
        let one = |value: &String| {
            self.values.iter().any(|wanted| is_match(&operator.replace("not", ""), value, wanted, request)) != negated
        };
        match quantifier {
            Some("forallvalues") => present.iter().all(one),
            Some("foranyvalue") => present.iter().any(one),
            // A key that should have one value and has more: one match is a match.
            _ if negated => present.iter().all(one),
            _ => present.iter().any(one),
        }
    }
}

/// Whether a value of the request matches a value of the policy. An operator that is not known matches nothing.
fn is_match(operator: &str, value: &str, wanted: &Text, request: &Request) -> bool {
    let Some(plain) = plain_of(wanted, request) else { return false };
    let like = |value: &str| {
        pattern_of(wanted, request).is_some_and(|pattern| is_like(&pattern, &value.chars().collect::<Vec<_>>()))
    };
    match operator {
        "stringequals" | "binaryequals" => value == plain,
        "stringlike" => like(value),
        "stringequalsignorecase" | "bool" => value.to_lowercase() == plain.to_lowercase(),
        "arnequals" | "arnlike" => is_like_arn(value, wanted, &plain, request),
        "ipaddress" => is_in_network(value, &plain).unwrap_or(false),
        _ => {
            let order = match (operator.strip_prefix("numeric"), operator.strip_prefix("date")) {
                (Some(comparison), _) => {
                    let numbers = value.parse::<f64>().ok().zip(plain.parse::<f64>().ok());
                    numbers.and_then(|(a, b)| a.partial_cmp(&b)).map(|order| (comparison, order))
                }
                // Dates are compared as the text that they are, which is their order where both are written alike.
                (_, Some(comparison)) => Some((comparison, value.cmp(&plain))),
                _ => None,
            };
            order.is_some_and(|(comparison, order)| match comparison {
                "equals" => order.is_eq(),
                "lessthan" => order.is_lt(),
                "lessthanequals" => order.is_le(),
                "greaterthan" => order.is_gt(),
                "greaterthanequals" => order.is_ge(),
                _ => false,
            })
        }
    }
}

/// Each of an ARN's six components is matched by itself.
fn is_like_arn(value: &str, wanted: &Text, plain: &str, request: &Request) -> bool {
    let Some(pattern) = pattern_of(wanted, request) else { return false };
    if pattern == [Step::Many] {
        return true;
    }
    let components: Vec<&[Step]> = pattern.splitn(6, |step| *step == Step::Char(':')).collect();
    let values: Vec<Vec<char>> = value.splitn(6, ':').map(|component| component.chars().collect()).collect();
    if components.len() < 6 || values.len() < 6 {
        return value == plain;
    }
    components.iter().zip(&values).all(|(pattern, value)| is_like(pattern, value))
}

fn is_in_network(address: &str, network: &str) -> Option<bool> {
    use core::net::IpAddr;
    let (base, length) = network.split_once('/').unwrap_or((network, "128"));
    let length: u32 = length.parse().ok()?;
    let same = |a: u128, b: u128, width: u32| {
        let dropped = width.saturating_sub(length);
        a.checked_shr(dropped).unwrap_or(0) == b.checked_shr(dropped).unwrap_or(0)
    };
    Some(match (address.parse().ok()?, base.parse().ok()?) {
        (IpAddr::V4(a), IpAddr::V4(b)) => same(u32::from(a).into(), u32::from(b).into(), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => same(a.into(), b.into(), 128),
        _ => false,
    })
}
