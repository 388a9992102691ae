//! Decides one request, as IAM does. An explicit deny wins, a request that no statement allows is denied, and a
//! boundary allows nothing by itself.
//!
//! The code is deliberately simple and shares nothing with the comparison, because tests check each of them against the
//! other.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::cfn::text::{Piece, pieces};

/// A request to AWS that policies allow or deny.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessRequest {
    /// The caller, such as `AWS:arn:aws:iam::111122223333:role/x` or `Service:lambda.amazonaws.com`. An identity's own
    /// policies ignore it.
    pub principal: String,
    /// The action, as `service:Action`.
    pub action: String,
    /// The ARN of the resource.
    pub resource: String,
    /// The condition keys in lower case, with their values. A key without values is missing from the request.
    pub context: BTreeMap<String, Vec<String>>,
}

/// The result of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// A statement allows the request, and none denies it.
    Allowed,
    /// A statement denies the request.
    ExplicitlyDenied,
    /// No statement allows the request, or the boundary does not.
    NotAllowed,
}

/// A policy document that requests can be evaluated against.
#[derive(Debug, Clone)]
pub struct EvaluatedPolicy(Vec<Statement>);

/// A part of a policy document that the evaluator cannot evaluate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot evaluate this part of the policy document: {0}")]
pub struct EvaluationError(String);

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
    /// A character. `*` and `?` are wildcards if the place allows wildcards.
    Char(char),
    /// A policy variable, such as `${aws:username}`, as its name in lower case.
    Variable(String),
}

/// One step of a pattern in which the variables are replaced by their values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Char(char),
    One,
    Many,
}

/// Decides a request. If there is a boundary, both the policies and the boundary must allow it.
#[must_use]
pub fn decide(policies: &[EvaluatedPolicy], boundary: Option<&[EvaluatedPolicy]>, request: &AccessRequest) -> Decision {
    let matching = |documents: &[EvaluatedPolicy], allow: bool| {
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

impl EvaluatedPolicy {
    /// Reads a policy document of a template. `resolve` returns the value of a reference such as `AWS::AccountId` or
    /// `Topic.Arn`.
    ///
    /// # Errors
    /// [`EvaluationError`] names a part that is not valid in a statement, or a reference that `resolve` does not know.
    pub fn read(document: &Json, resolve: &dyn Fn(&str) -> Option<String>) -> Result<Self, EvaluationError> {
        let variables = document.get("Version").is_some_and(|version| version == "2012-10-17");
        let reader = Reader { resolve, variables };
        match document.get("Statement") {
            Some(Json::Array(list)) => list.iter().map(|s| reader.statement(s)).collect::<Result<_, _>>().map(Self),
            Some(one) => Ok(Self(vec![reader.statement(one)?])),
            None => Err(EvaluationError(document.to_string())),
        }
    }
}

struct Reader<'r> {
    resolve: &'r dyn Fn(&str) -> Option<String>,
    /// Whether the document's language has policy variables.
    variables: bool,
}

impl Reader<'_> {
    fn statement(&self, json: &Json) -> Result<Statement, EvaluationError> {
        let wrong = || EvaluationError(json.to_string());
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

    fn principals(&self, value: &Json) -> Result<Vec<(String, Text)>, EvaluationError> {
        if value == "*" {
            return Ok(vec![("*".into(), Text::new())]);
        }
        let mut all = Vec::new();
        for (kind, names) in value.as_object().ok_or_else(|| EvaluationError(value.to_string()))? {
            all.extend(self.texts(names)?.into_iter().map(|name| (kind.clone(), name)));
        }
        Ok(all)
    }

    fn conditions(&self, condition: &Json) -> Result<Vec<Condition>, EvaluationError> {
        let wrong = || EvaluationError(condition.to_string());
        let mut all = Vec::new();
        for (operator, keys) in condition.as_object().ok_or_else(wrong)? {
            for (key, values) in keys.as_object().ok_or_else(wrong)? {
                let (operator, key) = (operator.to_lowercase(), key.to_lowercase());
                all.push(Condition { operator, key, values: self.texts(values)? });
            }
        }
        Ok(all)
    }

    fn texts(&self, value: &Json) -> Result<Vec<Text>, EvaluationError> {
        match value {
            Json::Array(list) => list.iter().map(|value| self.text(value)).collect(),
            value => Ok(vec![self.text(value)?]),
        }
    }

    fn text(&self, value: &Json) -> Result<Text, EvaluationError> {
        let mut plain = String::new();
        for piece in pieces(value).ok_or_else(|| EvaluationError(value.to_string()))? {
            match piece {
                Piece::Literal(text) => plain += &text,
                Piece::Reference(name) => plain += &(self.resolve)(&name).ok_or(EvaluationError(name))?,
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
    fn speaks_of(&self, request: &AccessRequest) -> bool {
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
        self.principals.as_ref().is_none_or(|(is, all)| {
            let is_delegated = self.allow && *is;
            *is == all.iter().any(|(kind, name)| is_principal(kind, name, request, is_delegated))
        }) && self.actions.0 == self.actions.1.iter().any(|pattern| like(&lower(pattern), &action))
            && self.resources.as_ref().is_none_or(|(is, patterns)| *is == any(patterns, &request.resource))
            && self.conditions.iter().all(|condition| condition.is_fulfilled(request))
    }
}

/// A text as a pattern for this request. `None` if the request does not have exactly one value for a variable.
fn pattern_of(text: &Text, request: &AccessRequest) -> Option<Vec<Step>> {
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

/// A text without wildcards for this request. `None` if the request does not have exactly one value for a variable.
fn plain_of(text: &Text, request: &AccessRequest) -> Option<String> {
    let mut plain = String::new();
    for part in text {
        match part {
            Part::Char(c) => plain.push(*c),
            Part::Variable(name) => plain += variable(name, request)?,
        }
    }
    Some(plain)
}

fn variable<'r>(name: &'r str, request: &'r AccessRequest) -> Option<&'r str> {
    match (name, request.context.get(name).map(Vec::as_slice)) {
        ("*" | "?" | "$", _) => Some(name),
        (_, Some([value])) => Some(value),
        _ => None,
    }
}

fn is_like(pattern: &[Step], text: &[char]) -> bool {
    // The last `*`, and the position in the text after it. If the rest does not match, `*` matches one more letter.
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

/// Whether the asking principal is meant. An account that is allowed something delegates it to its own policies, so it is
/// not each identity in the account.
fn is_principal(kind: &str, name: &Text, request: &AccessRequest, is_delegated: bool) -> bool {
    let Some(name) = plain_of(name, request) else { return false };
    if kind == "*" || (kind == "AWS" && name == "*") {
        return true;
    }
    let Some(asking) = request.principal.strip_prefix(&format!("{kind}:")) else { return false };
    if kind != "AWS" {
        return asking == name;
    }
    // Compares only the account and the identity of the ARNs. The account itself matches every identity in it.
    let identity = |arn: &str| -> Option<(String, String)> {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        (parts.len() == 6 && parts[0] == "arn").then(|| (parts[4].to_owned(), parts[5].to_owned()))
    };
    match (identity(&name), identity(asking)) {
        (Some((account, root)), Some((asking, _))) if root == "root" && !is_delegated => account == asking,
        (Some(named), Some(asking)) => named == asking,
        (None, Some((account, identity))) => account == name && (!is_delegated || identity == "root"),
        _ => asking == name,
    }
}

impl Condition {
    fn is_fulfilled(&self, request: &AccessRequest) -> bool {
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
            // The operator expects one value. If the request has several, one match is enough.
            _ if negated => present.iter().all(one),
            _ => present.iter().any(one),
        }
    }
}

/// Whether a value of the request matches a value of the policy. An unknown operator matches nothing.
fn is_match(operator: &str, value: &str, wanted: &Text, request: &AccessRequest) -> bool {
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
                // Dates are compared as text. That is their order if both have the same form.
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

/// Matches each of the six components of an ARN separately.
fn is_like_arn(value: &str, wanted: &Text, plain: &str, request: &AccessRequest) -> bool {
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
