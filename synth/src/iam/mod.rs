//! IAM policy documents.

pub mod compare;
mod condition;
pub mod evaluate;
pub mod glob;
mod places;
mod policy;
pub mod template;

use crate::cfn::{
    Property, Value,
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
    /// ARNs; empty in a trust policy.
    pub resources: Vec<Value>,
    /// When it applies.
    pub conditions: Vec<Condition>,
}

/// One condition.
#[derive(Debug, Clone)]
pub struct Condition {
    /// Such as `StringEquals`.
    pub operator: &'static str,
    /// Such as `aws:SourceAccount`.
    pub key: &'static str,
    /// Any of these.
    pub values: Vec<Value>,
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
        resources: Vec<Value>,
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

impl Property for PolicyDocument {
    fn value(self) -> Option<Value> {
        Some(map([("Version", "2012-10-17".value()), ("Statement", self.0.value())]))
    }
}
