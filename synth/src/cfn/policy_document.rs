//! IAM policy documents as they are written in a template.

use std::borrow::Cow;

use lambda::model::kms_key::KmsKeyArn;

use super::{
    name::Pseudo,
    reference::{Arn, HasArn},
    shape::Shape,
    value::{Part, Property, Text, Value, map, words},
};

/// A policy document: a list of statements, each with its purpose.
#[derive(Debug, Clone)]
pub struct PolicyDocument(pub Vec<Statement>);

/// One statement of a policy document.
#[derive(Debug, Clone)]
pub struct Statement {
    /// The id of the statement. It stays the same across releases, so that a review shows only real changes.
    pub sid: &'static str,
    /// The purpose of the statement, which the template shows as a comment.
    pub why: &'static str,
    /// Whether the statement allows or denies, and for which principal.
    pub rule: Rule,
    /// The actions, each as `service:Action`.
    pub actions: Vec<&'static str>,
    /// The resources that the actions apply to. Empty in a trust policy.
    pub resources: Vec<ResourceArn>,
    /// The conditions of a request, all of which must be met. Empty: none.
    pub conditions: Vec<Condition>,
}

/// A resource of a statement: a resource of the template, a resource of the stack's own account, or a KMS key that the
/// configuration names. Only [`ResourceArn::this_key`] and [`ResourceArn::lists_of_the_account`] give a bare `*`.
/// `templates/rules.guard` allows roles only the second one, and only for its three actions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceArn(pub(super) Text);

impl ResourceArn {
    /// `arn:PARTITION:service::ACCOUNT:resource`, for services without Regions, such as IAM.
    #[must_use]
    pub fn global(service: &'static str, resource: &str) -> Self {
        Self::global_in(service, Pseudo::AccountId, resource)
    }

    /// The same in an account that need not be the stack's.
    #[must_use]
    pub fn global_in(service: &'static str, account: impl Into<Part>, resource: &str) -> Self {
        Self(Text::of([
            "arn:".into(),
            Pseudo::Partition.into(),
            format!(":{service}::").into(),
            account.into(),
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
    /// The key itself: in a key's own policy, `*` means that key ("Key policies in AWS KMS": Resource).
    #[must_use]
    pub fn this_key() -> Self {
        Self("*".into())
    }

    /// The account's lists of users. IAM has no resource for them ("Actions, resources, and condition keys for AWS
    /// Identity and Access Management").
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

/// One condition of a statement.
#[derive(Debug, Clone)]
pub struct Condition {
    /// The operator that compares them, such as `StringEquals`.
    pub operator: &'static str,
    /// The condition key, such as `aws:SourceAccount`.
    pub key: Cow<'static, str>,
    /// The values. One of them must match.
    pub values: Vec<Text>,
}

impl Condition {
    /// The condition that a request came without TLS.
    #[must_use]
    pub fn plain_http() -> Self {
        Self { operator: "Bool", key: "aws:SecureTransport".into(), values: vec!["false".into()] }
    }
}

/// The effect of a statement, and its principal. Only [`Statement::grant_organization`] makes a rule that allows every
/// principal something, and its condition limits it to those of one organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Allows the role that has the policy.
    Allow,
    /// Allows a service. For a trust policy.
    Trust(Service),
    /// Allows another principal. For the policy of a resource.
    Grant(Principal),
    /// Allows every principal of one organization. For the policy of a resource.
    GrantOrganization,
    /// Denies every principal. For the policy of a resource.
    DenyEverybody,
}

/// A principal that the policy of a resource can allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Principal {
    /// CloudWatch, which publishes its alarms.
    CloudWatch,
    /// SNS, which puts undelivered notices into a queue.
    Sns,
    /// EventBridge, which puts events into a queue.
    EventBridge,
    /// The stack's account: every identity in it that its own IAM policies allow.
    ThisAccount,
}

impl Principal {
    fn value(self) -> Value {
        match self {
            Self::CloudWatch => map([("Service", "cloudwatch.amazonaws.com".value())]),
            Self::Sns => map([("Service", "sns.amazonaws.com".value())]),
            Self::EventBridge => map([("Service", "events.amazonaws.com".value())]),
            Self::ThisAccount => map([("AWS", ResourceArn::global("iam", "root").value())]),
        }
    }
}

words! {
    /// An AWS service that assumes a role.
    Service {
        Lambda = "lambda.amazonaws.com",
        Scheduler = "scheduler.amazonaws.com",
        EventBridge = "events.amazonaws.com",
    }
}

impl Statement {
    /// A statement of a trust policy, which lets a service assume the role.
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

    /// A statement of a role's policy, which allows the role these actions on these resources.
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

    /// A statement of a resource's policy, which denies these actions to every principal, even if another policy allows
    /// them.
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

    /// A statement of a resource's policy, which allows a principal these actions.
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

    /// A statement of a resource's policy, which allows every principal of an organization these actions. Their own IAM
    /// policies must allow it too.
    #[must_use]
    pub fn grant_organization(
        organization: &str,
        sid: &'static str,
        why: &'static str,
        actions: Vec<&'static str>,
        resources: Vec<ResourceArn>,
        mut conditions: Vec<Condition>,
    ) -> Self {
        let id = organization.to_owned().into();
        let own = Condition { operator: "StringEquals", key: "aws:PrincipalOrgID".into(), values: vec![id] };
        conditions.insert(0, own);
        Self { sid, why, rule: Rule::GrantOrganization, actions, resources, conditions }
    }
}

impl Property for Statement {
    fn value(self) -> Option<Value> {
        let (effect, principal) = match self.rule {
            Rule::Allow => ("Allow", None),
            Rule::Trust(service) => ("Allow", Some(map([("Service", service.value())]))),
            Rule::Grant(principal) => ("Allow", Some(principal.value())),
            Rule::GrantOrganization => ("Allow", "*".value()),
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

/// The conditions as a map, grouped by operator.
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
    /// The document as a value of a template.
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
