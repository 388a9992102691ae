//! IAM policy documents.

pub mod compare;
mod condition;
pub mod evaluate;
pub mod glob;
mod places;
mod policy;
pub mod template;

use lambda::kms_key::KmsKeyArn;

use crate::cfn::{
    Arn, HasArn, Property, Pseudo, Ref, Text, Value,
    resource::Topic,
    shape::Shape,
    value::{map, words},
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
    /// Allow or deny.
    pub effect: Effect,
    /// For a trust policy: the service that may assume the role.
    pub principal: Option<Service>,
    /// `service:Action`.
    pub actions: Vec<&'static str>,
    /// On what; empty in a trust policy.
    pub resources: Vec<ResourceArn>,
    /// When it applies.
    pub conditions: Vec<Condition>,
}

/// What a statement is about: something in the template, something in the stack's own account, or one KMS key.
/// There is no way to write a bare `*`, nor the ARN of anything else of another account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceArn(Text);

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

/// A topic's `Ref` is its ARN.
impl From<Ref<Topic>> for ResourceArn {
    fn from(topic: Ref<Topic>) -> Self {
        Self(topic.into())
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
    pub key: &'static str,
    /// Any of these.
    pub values: Vec<Text>,
}

words! {
    /// What a statement does.
    Effect { Allow = "Allow", Deny = "Deny" }
}

words! {
    /// An AWS service as a principal.
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
            effect: Effect::Allow,
            principal: Some(service),
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
        Self { sid, why, effect: Effect::Allow, principal: None, actions, resources, conditions }
    }
}

impl Property for Statement {
    fn value(self) -> Option<Value> {
        let principal = self.principal.map(|service| map([("Service", service.value())]));
        let resources = (!self.resources.is_empty()).then_some(self.resources);
        let statement = map([
            ("Sid", self.sid.value()),
            ("Effect", self.effect.value()),
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
        map(same.map(|condition| (condition.key, condition.values.clone().value())))
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
