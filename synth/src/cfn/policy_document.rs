//! IAM policy documents, as a template writes them.

use std::borrow::Cow;

use lambda::model::kms_key::KmsKeyArn;

use super::{
    name::Pseudo,
    reference::{Arn, HasArn},
    shape::Shape,
    value::{Property, Text, Value, map, words},
};

/// A policy document: a list of statements, each with its purpose.
#[derive(Debug, Clone)]
pub struct PolicyDocument(pub Vec<Statement>);

/// One statement.
#[derive(Debug, Clone)]
pub struct Statement {
    /// Stable across releases, so that a review shows only what changed.
    pub sid: &'static str,
    /// What it is for.
    pub why: &'static str,
    /// Whether it allows or denies, and whom.
    pub rule: Rule,
    /// `service:Action`.
    pub actions: Vec<&'static str>,
    /// On what; empty in a trust policy.
    pub resources: Vec<ResourceArn>,
    /// When it applies.
    pub conditions: Vec<Condition>,
}

/// What a statement is about: something in the template, something in the stack's own account, or a key that was named.
/// There are two bare `*`, [`ResourceArn::this_key`] and [`ResourceArn::lists_of_the_account`]; `templates/rules.guard` holds roles to
/// having the other one alone, and for its three actions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceArn(pub(super) Text);

impl ResourceArn {
    /// `arn:PARTITION:service::ACCOUNT:resource`, as IAM names its own things.
    #[must_use]
    pub fn global(service: &'static str, resource: &str) -> Self {
        Self(Text::of([
            "arn:".into(),
            Pseudo::Partition.into(),
            format!(":{service}::").into(),
            Pseudo::AccountId.into(),
            format!(":{resource}").into(),
        ]))
    }

    /// `arn:PARTITION:service:REGION:ACCOUNT:resource`, in the stack's Region.
    #[must_use]
    pub fn regional(service: &'static str, resource: &str) -> Self {
        Self(Text::of([
            "arn:".into(),
            Pseudo::Partition.into(),
            format!(":{service}:").into(),
            Pseudo::Region.into(),
            ":".into(),
            Pseudo::AccountId.into(),
            format!(":{resource}").into(),
        ]))
    }
}

impl ResourceArn {
    /// In a key's own policy, `*` is the key ("Key policies in AWS KMS": Resource).
    #[must_use]
    pub fn this_key() -> Self {
        Self("*".into())
    }

    /// The account's lists of users, for which IAM knows no resource ("Actions, resources, and condition keys for AWS Identity and
    /// Access Management").
    #[must_use]
    pub fn lists_of_the_account() -> Self {
        Self("*".into())
    }
}

impl From<&KmsKeyArn> for ResourceArn {
    fn from(arn: &KmsKeyArn) -> Self {
        Self(arn.as_str().into())
    }
}

impl<R: HasArn> From<Arn<R>> for ResourceArn {
    fn from(arn: Arn<R>) -> Self {
        Self(arn.into())
    }
}

impl From<ResourceArn> for Text {
    fn from(arn: ResourceArn) -> Self {
        arn.0
    }
}

impl Property for ResourceArn {
    fn value(self) -> Option<Value> {
        self.0.value()
    }

    fn shape() -> Shape {
        Text::shape()
    }
}

/// One condition.
#[derive(Debug, Clone)]
pub struct Condition {
    /// Such as `StringEquals`.
    pub operator: &'static str,
    /// Such as `aws:SourceAccount`.
    pub key: Cow<'static, str>,
    /// Any of these.
    pub values: Vec<Text>,
}

impl Condition {
    /// The request came without TLS.
    #[must_use]
    pub fn plain_http() -> Self {
        Self { operator: "Bool", key: "aws:SecureTransport".into(), values: vec!["false".into()] }
    }
}

/// What a statement does, and to whom. There is no way to allow something to everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Allows it to the role that has the policy.
    Allow,
    /// Allows it to a service: in a trust policy.
    Trust(Service),
    /// Allows it to somebody else: in the policy of a resource.
    Grant(Principal),
    /// Denies it to everybody: in the policy of a resource.
    DenyEverybody,
}

/// Whom a resource's own policy is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Principal {
    /// CloudWatch, for its alarms.
    CloudWatch,
    /// The stack's account: whoever in it has leave from its IAM policies.
    ThisAccount,
}

impl Principal {
    fn value(self) -> Value {
        match self {
            Self::CloudWatch => map([("Service", "cloudwatch.amazonaws.com".value())]),
            Self::ThisAccount => map([("AWS", ResourceArn::global("iam", "root").value())]),
        }
    }
}

words! {
    /// An AWS service that takes on a role.
    Service {
        Lambda = "lambda.amazonaws.com",
        Scheduler = "scheduler.amazonaws.com",
    }
}

impl Statement {
    /// Lets a service assume a role.
    #[must_use]
    pub fn trust(service: Service, why: &'static str, conditions: Vec<Condition>) -> Self {
        Self {
            sid: "Trust",
            why,
            rule: Rule::Trust(service),
            actions: vec!["sts:AssumeRole"],
            resources: Vec::new(),
            conditions,
        }
    }

    /// Allows actions on resources.
    #[must_use]
    pub fn allow(
        sid: &'static str,
        why: &'static str,
        actions: Vec<&'static str>,
        resources: Vec<ResourceArn>,
        conditions: Vec<Condition>,
    ) -> Self {
        Self { sid, why, rule: Rule::Allow, actions, resources, conditions }
    }

    /// Denies everybody actions on resources, whatever else allows them.
    #[must_use]
    pub fn deny_everybody(
        sid: &'static str,
        why: &'static str,
        actions: Vec<&'static str>,
        resources: Vec<ResourceArn>,
        conditions: Vec<Condition>,
    ) -> Self {
        Self { sid, why, rule: Rule::DenyEverybody, actions, resources, conditions }
    }

    /// In a resource's policy: allows somebody actions on it.
    #[must_use]
    pub fn grant(
        principal: Principal,
        sid: &'static str,
        why: &'static str,
        actions: Vec<&'static str>,
        resources: Vec<ResourceArn>,
        conditions: Vec<Condition>,
    ) -> Self {
        Self { sid, why, rule: Rule::Grant(principal), actions, resources, conditions }
    }
}

impl Property for Statement {
    fn value(self) -> Option<Value> {
        let (effect, principal) = match self.rule {
            Rule::Allow => ("Allow", None),
            Rule::Trust(service) => ("Allow", Some(map([("Service", service.value())]))),
            Rule::Grant(principal) => ("Allow", Some(principal.value())),
            Rule::DenyEverybody => ("Deny", "*".value()),
        };
        let resources = (!self.resources.is_empty()).then_some(self.resources);
        let statement = map([
            ("Sid", self.sid.value()),
            ("Effect", effect.value()),
            ("Principal", principal),
            ("Action", self.actions.value()),
            ("Resource", resources.value()),
            ("Condition", conditions(&self.conditions)),
        ]);
        Some(Value::Explained(self.why, Box::new(statement)))
    }

    fn shape() -> Shape {
        Shape::Policy
    }
}

/// Conditions of one operator stand together.
fn conditions(list: &[Condition]) -> Option<Value> {
    let mut operators: Vec<&str> = list.iter().map(|condition| condition.operator).collect();
    operators.dedup();
    let of = |operator| {
        let same = list.iter().filter(move |condition| condition.operator == operator);
        map(same.map(|condition| (condition.key.as_ref(), condition.values.clone().value())))
    };
    (!list.is_empty()).then(|| map(operators.into_iter().map(|operator| (operator, Some(of(operator))))))
}

impl PolicyDocument {
    /// The document as it stands in a template.
    #[must_use]
    pub fn document(&self) -> Value {
        map([("Version", "2012-10-17".value()), ("Statement", self.0.clone().value())])
    }
}

impl Property for PolicyDocument {
    fn value(self) -> Option<Value> {
        Some(self.document())
    }

    fn shape() -> Shape {
        Shape::Policy
    }
}
