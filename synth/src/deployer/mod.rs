//! The least that somebody must be allowed who deploys: an IAM policy for the role of a CI, derived from the templates. Pure.
//!
//! CloudFormation acts with the rights of whoever asks it. What only it needs is allowed only through it (`aws:CalledVia`), so
//! that everything that is changed is in a template, and in the stack's events.

mod place;
mod types;

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

pub use self::{
    place::{Account, Partition, Place, Region},
    types::{Entry, Name, TYPES, entry},
};
use crate::{
    cfn::{
        policy_document::Service,
        text::{Piece, pieces},
        view::{self, Resource, View},
    },
    limits::INLINE_POLICIES,
};

/// A stack that is deployed.
#[derive(Debug, Clone, Copy)]
pub struct Stack<'t> {
    /// Its name.
    pub name: &'t str,
    /// Its template, in the canonical form.
    pub template: &'t Json,
}

/// A policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Its statements.
    pub statements: Vec<Statement>,
    /// Where it had to be wider than it should be, and where it can be put.
    pub notes: Vec<String>,
}

/// A statement. All of them allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Stable across releases.
    pub sid: &'static str,
    /// What it is for.
    pub why: String,
    /// `service:Action`.
    pub actions: Vec<&'static str>,
    /// On what.
    pub scope: Scope,
    /// When.
    pub conditions: Vec<Condition>,
}

/// What a statement is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// These ARNs.
    Arns(Vec<String>),
    /// Anything: AWS has no narrower resource for the actions.
    Anything,
}

/// A condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// Such as `StringEquals`.
    pub operator: &'static str,
    /// Such as `aws:RequestedRegion`.
    pub key: &'static str,
    /// What it must be.
    pub value: String,
}

/// Why there is no policy for a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    /// Nobody has written down what a type needs.
    #[error(
        "{id}: what CloudFormation must be allowed for an {kind} is not known; add it to synth/src/deployer/types.rs"
    )]
    Type {
        /// The resource.
        id: String,
        /// Its type.
        kind: String,
    },
    /// A resource's name is none that can be told before it is deployed.
    #[error("{id}: its {property} is not known before it is deployed, so it cannot be named in a policy: {value}")]
    Name {
        /// The resource.
        id: String,
        /// The property that says it.
        property: &'static str,
        /// What it says.
        value: String,
    },
}

/// A stack, whichever it is of those that have had the name.
const STACK: &str = "arn:${Partition}:cloudformation:${Region}:${Account}:stack/${Name}/*";

/// The change sets that `synth` makes.
const CHANGE_SETS: &str = "arn:${Partition}:cloudformation:${Region}:${Account}:changeSet/synth-*/*";

/// What `synth deploy` itself asks of the stacks.
const STACK_ACTIONS: [&str; 9] = [
    "cloudformation:DescribeStacks",
    "cloudformation:GetTemplate",
    "cloudformation:CreateChangeSet",
    "cloudformation:DescribeChangeSet",
    "cloudformation:ListChangeSets",
    "cloudformation:ExecuteChangeSet",
    "cloudformation:DeleteChangeSet",
    "cloudformation:DescribeStackEvents",
    "cloudformation:ListStackResources",
];

/// What `synth deploy` itself asks of what it has deployed: the statement's id and purpose, the type, the actions.
const AFTERWARDS: [(&str, &str, &str, &[&str]); 3] = [
    (
        "SeeSubscribers",
        "Say who has not confirmed a subscription yet.",
        "AWS::SNS::Topic",
        &["sns:ListSubscriptionsByTopic"],
    ),
    ("SeeNextRun", "Say when the schedule fires next.", "AWS::Scheduler::Schedule", &["scheduler:GetSchedule"]),
    (
        "TryFunction",
        "See that the function answers, with a dry run. IAM cannot tell a dry run from a rotation.",
        "AWS::Lambda::Function",
        &["lambda:GetFunctionConfiguration", "lambda:InvokeFunction"],
    ),
];

/// The policy that somebody needs who deploys these stacks to this place.
///
/// # Errors
/// [`Unknown`] if a template has something of which it is not known what that takes.
pub fn policy(place: &Place, stacks: &[Stack<'_>]) -> Result<Policy, Unknown> {
    let mut known = Known { place, notes: Vec::new(), arns: BTreeMap::new() };
    for stack in stacks {
        known.read(stack)?;
    }
    let of = |template: &str| stacks.iter().map(|stack| known.place.arn(template, stack.name)).collect::<Vec<_>>();
    let allow = |sid, why, actions: &[&'static str], arns: Vec<String>| Statement {
        sid,
        why: String::from(why),
        actions: actions.to_vec(),
        scope: Scope::Arns(arns),
        conditions: Vec::new(),
    };
    let mut statements = vec![
        allow(
            "DeployStacks",
            "See how the stacks stand, plan a change, carry it out, follow it.",
            &STACK_ACTIONS,
            of(STACK),
        ),
        allow(
            "ClearStacks",
            "Delete a stack whose creation failed, in which nothing can be changed. IAM cannot tell it from another.",
            &["cloudformation:DeleteStack"],
            of(STACK),
        ),
        // Asked for by the change set's own ARN, in which no stack is named. It stands alone: on such an ARN any other action
        // would be one on any stack.
        allow(
            "SeeWhatFailed",
            "See why a change set could not be made; synth's own begin with its name.",
            &["cloudformation:DescribeEvents"],
            vec![known.place.arn(CHANGE_SETS, "")],
        ),
    ];
    statements.extend(known.packages());
    statements.extend(known.through_cloudformation());
    statements.extend(known.roles_to_pass(stacks)?);
    for (sid, why, kind, actions) in AFTERWARDS {
        statements.extend(known.arns.get(kind).map(|arns| allow(sid, why, actions, arns.clone())));
    }
    let mut policy = Policy { statements, notes: known.notes };
    policy.notes.push(policy.fits());
    Ok(policy)
}

/// What is known of the resources.
struct Known<'p> {
    place: &'p Place,
    notes: Vec<String>,
    /// The ARNs of each type's resources.
    arns: BTreeMap<&'static str, Vec<String>>,
}

impl Known<'_> {
    fn read(&mut self, stack: &Stack<'_>) -> Result<(), Unknown> {
        for resource in View(stack.template).resources() {
            let unknown = || Unknown::Type { id: resource.id.to_owned(), kind: resource.kind.to_owned() };
            let entry = entry(resource.kind).ok_or_else(unknown)?;
            let name = self.name(stack, &resource, entry)?;
            let arns = self.arns.entry(entry.kind).or_default();
            arns.extend(entry.arns.iter().map(|template| self.place.arn(template, &name)));
            arns.sort();
            arns.dedup();
        }
        Ok(())
    }

    /// A resource's name, or a pattern of it.
    fn name(&mut self, stack: &Stack<'_>, resource: &Resource<'_>, entry: &Entry) -> Result<String, Unknown> {
        let property = match entry.name {
            Name::UserOverrides { property, longest } if resource.properties[property].is_null() => {
                return Ok(self.generated(stack.name, resource.id, longest));
            }
            Name::UserOverrides { property, .. } | Name::Of(property) => property,
            Name::Random => return Ok("*".to_owned()),
        };
        let value = match &resource.properties[property] {
            Json::Array(list) if list.len() == 1 => &list[0],
            value => value,
        };
        let unknown = || Unknown::Name { id: resource.id.to_owned(), property, value: value.to_string() };
        if let (Name::Of(_), Some(owner)) = (entry.name, View(stack.template).named_by(value)) {
            return self.name(stack, &owner, types::entry(owner.kind).ok_or_else(unknown)?);
        }
        pieces(value).ok_or_else(unknown)?.into_iter().try_fold(String::new(), |name, piece| match piece {
            Piece::Literal(text) => Ok(name + &text),
            Piece::Reference(pseudo) => match pseudo.as_str() {
                "AWS::StackName" => Ok(name + stack.name),
                "AWS::AccountId" => Ok(name + &self.place.account.to_string()),
                "AWS::Region" => Ok(name + &self.place.region.to_string()),
                "AWS::Partition" => Ok(name + &self.place.partition.to_string()),
                _ => Err(unknown()),
            },
        })
    }

    /// The name that CloudFormation makes up: the stack's name, the logical id and letters of its own, each after a hyphen.
    /// What is too long is cut. How is not documented; that the first letters stay is all that is relied on.
    fn generated(&mut self, stack: &str, id: &str, longest: usize) -> String {
        const LETTERS: usize = 13;
        const STAY: usize = 24;
        if stack.len() + 1 + id.len() + 1 + LETTERS <= longest {
            return format!("{stack}-{id}-*");
        }
        let fits = longest.saturating_sub(LETTERS + 2 + id.len());
        let start: String = stack.chars().take(STAY).collect();
        let note = format!(
            "{id}: CloudFormation cuts the name that it makes of the stack's, so the policy allows all that begins with \
             {start}; with a stack_name of at most {fits} letters it allows this stack's alone"
        );
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
        format!("{start}*")
    }

    /// Packages in the artifact bucket, and templates that are too large to be passed otherwise.
    fn packages(&self) -> Vec<Statement> {
        let Some(buckets) = self.arns.get("AWS::S3::Bucket") else { return Vec::new() };
        let objects = buckets.iter().flat_map(|bucket| ["zip", "yaml"].map(|kind| format!("{bucket}/*.{kind}")));
        // A bucket's name is anybody's, and this one can be guessed.
        let own =
            Condition { operator: "StringEquals", key: "aws:ResourceAccount", value: self.place.account.to_string() };
        vec![
            Statement {
                sid: "FindPackages",
                why: "See whether the artifact bucket is there, and a package in it.".into(),
                actions: vec!["s3:ListBucket"],
                scope: Scope::Arns(buckets.clone()),
                conditions: Vec::new(),
            },
            Statement {
                sid: "UploadPackages",
                why: "Put packages and large templates into the artifact bucket, and have Lambda and CloudFormation read them.".into(),
                actions: vec!["s3:PutObject", "s3:GetObject", "s3:GetObjectVersion"],
                scope: Scope::Arns(objects.collect()),
                conditions: vec![own],
            },
        ]
    }

    /// What CloudFormation does, and nobody else may.
    fn through_cloudformation(&self) -> Vec<Statement> {
        let through = Condition {
            operator: "ForAnyValue:StringEquals",
            key: "aws:CalledVia",
            value: "cloudformation.amazonaws.com".to_owned(),
        };
        let used = || TYPES.iter().filter_map(|entry| Some((entry, self.arns.get(entry.kind)?)));
        let mut statements: Vec<Statement> = Vec::new();
        for (entry, arns) in used() {
            if let Some(same) = statements.iter_mut().find(|statement| statement.sid == entry.sid) {
                same.add(entry, arns);
                continue;
            }
            statements.push(Statement {
                sid: entry.sid,
                why: entry.why.into(),
                actions: entry.actions.to_vec(),
                scope: Scope::Arns(arns.clone()),
                conditions: vec![through.clone()],
            });
        }
        let anywhere: Vec<&'static str> = used().flat_map(|(entry, _)| entry.anywhere.iter().copied()).collect();
        if !anywhere.is_empty() {
            let here = Condition {
                operator: "StringEquals",
                key: "aws:RequestedRegion",
                value: self.place.region.to_string(),
            };
            statements.push(Statement {
                sid: "LookAround",
                why: "What AWS lets nobody ask of one resource alone.".into(),
                actions: anywhere,
                scope: Scope::Anything,
                conditions: vec![through, here],
            });
        }
        statements
    }

    /// Roles are handed to the services that they trust, and to no other.
    fn roles_to_pass(&mut self, stacks: &[Stack<'_>]) -> Result<Vec<Statement>, Unknown> {
        let mut statements = Vec::new();
        for (word, service) in Service::ALL {
            let (sid, why) = match service {
                Service::Lambda => ("PassRolesToLambda", "Have the function run in its role."),
                Service::Scheduler => ("PassRolesToScheduler", "Have the schedule invoke in its role."),
            };
            let mut arns = Vec::new();
            for stack in stacks {
                let trusts = |statement: &view::Statement<'_>| statement.services().iter().any(|other| other == word);
                for role in View(stack.template).roles().iter().filter(|role| role.trust.iter().any(trusts)) {
                    if let Some(entry) = entry(role.resource.kind) {
                        let name = self.name(stack, &role.resource, entry)?;
                        arns.extend(entry.arns.iter().map(|template| self.place.arn(template, &name)));
                    }
                }
            }
            if !arns.is_empty() {
                let to = Condition { operator: "StringEquals", key: "iam:PassedToService", value: (*word).to_owned() };
                statements.push(Statement {
                    sid,
                    why: why.into(),
                    actions: vec!["iam:PassRole"],
                    scope: Scope::Arns(arns),
                    conditions: vec![to],
                });
            }
        }
        Ok(statements)
    }
}

impl Place {
    /// An ARN as the Service Authorization Reference writes it, filled in.
    fn arn(&self, template: &str, name: &str) -> String {
        [
            ("${Partition}", self.partition.to_string()),
            ("${Region}", self.region.to_string()),
            ("${Account}", self.account.to_string()),
            ("${Name}", name.to_owned()),
        ]
        .iter()
        .fold(template.to_owned(), |arn, (placeholder, value)| arn.replace(placeholder, value))
    }
}

impl Statement {
    /// Takes what another type needs.
    fn add(&mut self, entry: &Entry, arns: &[String]) {
        self.why = format!("{} {}", self.why, entry.why);
        self.actions.extend(entry.actions.iter().filter(|action| !self.actions.contains(action)).collect::<Vec<_>>());
        if let Scope::Arns(own) = &mut self.scope {
            own.extend(arns.iter().filter(|arn| !own.contains(arn)).cloned().collect::<Vec<_>>());
        }
    }

    fn json(&self) -> Json {
        let mut conditions = Map::new();
        for condition in &self.conditions {
            let keys = conditions.entry(condition.operator).or_insert_with(|| json!({}));
            keys[condition.key] = json!(condition.value);
        }
        let mut statement = json!({ "Sid": self.sid, "Effect": "Allow", "Action": self.actions });
        statement["Resource"] = match &self.scope {
            Scope::Arns(arns) => json!(arns),
            Scope::Anything => json!("*"),
        };
        if !conditions.is_empty() {
            statement["Condition"] = conditions.into();
        }
        statement
    }
}

/// A managed policy holds 6,144 characters, white space not counted (IAM User Guide, "IAM and AWS STS quotas").
pub const MANAGED_POLICY: usize = 6_144;

impl Policy {
    /// The policy document.
    #[must_use]
    pub fn json(&self) -> Json {
        let statements: Vec<Json> = self.statements.iter().map(Statement::json).collect();
        json!({ "Version": "2012-10-17", "Statement": statements })
    }

    /// How many characters IAM counts.
    #[must_use]
    pub fn characters(&self) -> usize {
        self.json().to_string().chars().filter(|c| !c.is_whitespace()).count()
    }

    /// Where it can be put.
    fn fits(&self) -> String {
        let characters = self.characters();
        let longer = format!("{characters} characters are more than a managed policy holds ({MANAGED_POLICY})");
        match characters {
            _ if characters <= MANAGED_POLICY => format!("{characters} characters fit into a managed policy"),
            _ if characters <= INLINE_POLICIES => {
                format!("{longer}: put it into the role as its inline policy, which holds {INLINE_POLICIES}")
            }
            _ => format!("{longer}, and a role's inline policies ({INLINE_POLICIES}): give the stack a shorter name"),
        }
    }

    /// What each statement is for, as people read it.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        for statement in &self.statements {
            out += &format!("{} — {}\n", statement.sid, statement.why);
            let list = |out: &mut String, word: &str, list: &[String]| {
                for (index, line) in list.iter().enumerate() {
                    *out += &format!("  {:5} {line}\n", if index == 0 { word } else { "" });
                }
            };
            list(&mut out, "may", &statement.actions.iter().map(|action| (*action).to_owned()).collect::<Vec<_>>());
            match &statement.scope {
                Scope::Arns(arns) => list(&mut out, "on", arns),
                Scope::Anything => list(&mut out, "on", &["anything: AWS has no narrower resource for it".to_owned()]),
            }
            let conditions = statement.conditions.iter();
            let conditions: Vec<String> =
                conditions.map(|condition| format!("{} is {}", condition.key, condition.value)).collect();
            list(&mut out, "if", &conditions);
            out.push('\n');
        }
        out + "Needs no permission: sts:GetCallerIdentity\n"
    }
}
