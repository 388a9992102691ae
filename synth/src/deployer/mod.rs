//! The least permissions that the deployer needs, as an IAM policy for the role of a CI. Pure: it is derived from the
//! templates.
//!
//! CloudFormation acts with the deployer's permissions. An action that only CloudFormation calls is allowed only
//! through CloudFormation (`aws:CalledVia`). So every change is in a template and in the stack's events.

mod account_region;
mod managed_policies;
mod types;

use std::collections::{BTreeMap, BTreeSet};

use lambda::{
    contract::{
        permissions::{NoticeChannel, Permission, PermissionTarget, UsersLimit, permissions},
        publisher_settings::PUBLISH_TO,
        settings::Variable,
    },
    protocol::policy::Delivery,
};
use serde_json::{Map, Value as Json, json};

pub use self::{
    account_region::{AccountRegion, Partition},
    managed_policies::MANAGED_POLICY,
    types::{ResourceNaming, TYPES, TypePermissions, entry},
};
use crate::{
    cfn::{
        policy_document::Service,
        text::{Piece, pieces},
        view::{self, Resource, View},
    },
    screen::wrapped,
    stack::planned_handler::PlannedHandler,
};

/// A stack that the deployer deploys.
#[derive(Debug, Clone, Copy)]
pub struct DeployedStack<'t> {
    /// The name of the stack.
    pub name: &'t str,
    /// The template of the stack, in the canonical form.
    pub template: &'t Json,
}

/// The deployer's policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeployerPolicy {
    /// The statements of the policy, each with its own id.
    pub statements: Vec<DeployerStatement>,
    /// Remarks for the administrator: where the policy is wider than necessary, and where it fits.
    pub notes: Vec<String>,
}

/// One statement of the policy. Every statement allows; none denies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeployerStatement {
    /// The id of the statement. It stays the same across releases.
    pub sid: &'static str,
    /// The purpose of the statement, as one or more sentences.
    pub why: String,
    /// The allowed actions, each as `service:Action`.
    pub actions: Vec<&'static str>,
    /// The resources that the actions are allowed on.
    pub scope: StatementScope,
    /// The conditions of a request, all of which must be met. Empty: none.
    pub conditions: Vec<DeployerCondition>,
}

/// The resources of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatementScope {
    /// Only these ARNs, which may end in a wildcard.
    Arns(Vec<String>),
    /// Every resource: AWS knows no narrower resource for the actions.
    Anything,
}

/// A condition of a statement: a key of the request must have one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeployerCondition {
    /// The operator that compares them, such as `StringEquals`.
    pub operator: &'static str,
    /// The condition key, such as `aws:RequestedRegion`.
    pub key: &'static str,
    /// The value that the key must have.
    pub value: String,
}

/// The reason why no policy can be derived from a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeployerPolicyError {
    /// [`TYPES`] has no entry for the type of a resource.
    #[error(
        "{id}: the permissions that CloudFormation needs for {kind} are not known; add the type to synth/src/deployer/types.rs"
    )]
    Type {
        /// The logical id of the resource.
        id: String,
        /// The type of the resource.
        kind: String,
    },
    /// The name of a resource is not known before it is deployed.
    #[error(
        "{id}: a policy cannot name this resource, because its {property} is not known before it is deployed: {value}; \
         set {property} to a fixed name"
    )]
    Name {
        /// The logical id of the resource.
        id: String,
        /// The property that holds the name.
        property: &'static str,
        /// The value of the property, as JSON.
        value: String,
    },
}

/// Every stack with this name. The last part of the ARN is random, and a stack that is created again gets another one.
const STACK: &str = "arn:${Partition}:cloudformation:${Region}:${Account}:stack/${Name}/*";

/// The change sets that `synth` creates.
const CHANGE_SETS: &str = "arn:${Partition}:cloudformation:${Region}:${Account}:changeSet/synth-*/*";

/// The actions that `synth deploy` itself calls on the stacks.
const STACK_ACTIONS: [&str; 10] = [
    "cloudformation:DescribeStacks",
    "cloudformation:GetTemplate",
    "cloudformation:CreateChangeSet",
    "cloudformation:DescribeChangeSet",
    "cloudformation:ListChangeSets",
    "cloudformation:ExecuteChangeSet",
    "cloudformation:DeleteChangeSet",
    "cloudformation:DescribeStackEvents",
    "cloudformation:ListStackResources",
    "cloudformation:DeleteStack",
];

/// Stands for the functions that run the handler among the types of [`AFTERWARDS`]. The publisher of an organization is none: it
/// believes what an event says about its account, so only its queue may invoke it.
const HANDLER: &str = "the handler";

/// The actions that `synth deploy` itself calls on the deployed resources: the statement's id, its purpose, the
/// resource type, the actions.
const AFTERWARDS: [(&str, &str, &str, &[&str]); 4] = [
    ("ReadSchedule", "See when the schedule fires next.", "AWS::Scheduler::Schedule", &["scheduler:GetSchedule"]),
    (
        "TryFunction",
        "Test the function with a dry run. IAM cannot distinguish a dry run from a rotation.",
        HANDLER,
        &["lambda:GetFunctionConfiguration", "lambda:InvokeFunction"],
    ),
    (
        "ReadLog",
        "Optional, for make status: see when the last run was, and what it did.",
        "AWS::Logs::LogGroup",
        &["logs:FilterLogEvents"],
    ),
    (
        "FollowAccounts",
        "See how far a deployment is in the accounts of the organization, and the state of each. Continue with accounts that \
         are not up to date, and delete their stacks before the StackSet.",
        "AWS::CloudFormation::StackSet",
        &[
            "cloudformation:DescribeStackSet",
            "cloudformation:ListStackSetOperations",
            "cloudformation:ListStackSetOperationResults",
            "cloudformation:ListStackInstances",
            "cloudformation:UpdateStackInstances",
            "cloudformation:DeleteStackInstances",
        ],
    ),
];

/// Every alarm of a place. AWS does not document that a list of alarms can be limited to their names.
const ALARMS: &str = "arn:${Partition}:cloudwatch:${Region}:${Account}:alarm:*";

/// The reads with which a run is previewed, by what they read: the statement's id and its purpose. The subscriptions are
/// missing here, because [`AFTERWARDS`] has them.
const PREVIEW: [(PermissionTarget, &str, &str); 3] = [
    (
        PermissionTarget::Account,
        "PreviewUsers",
        "Optional, for the preview of a run: find the selected users and those with old keys. IAM gives these lists only \
         for the whole account.",
    ),
    (
        PermissionTarget::Users,
        "PreviewKeys",
        "Optional, for the preview of a run: see which keys the users have, when they were used last, and what earlier runs \
         noted in tags.",
    ),
    (
        PermissionTarget::Secrets,
        "PreviewSecrets",
        "Optional, for the preview of a run: see which secrets exist and can take a new key. This shows no value.",
    ),
];

/// The most ARNs of users that the policy names for a preview. It has no room for many more.
const MOST_USERS: usize = 10;

/// Every user of an account. A former user can have any name and path.
const USERS: &str = "arn:${Partition}:iam::${Account}:user/*";

/// The policy that the deployer needs to deploy these stacks to this place.
///
/// # Errors
/// [`DeployerPolicyError`] if the permissions for a resource of a template cannot be derived.
pub fn policy(place: &AccountRegion, stacks: &[DeployedStack<'_>]) -> Result<DeployerPolicy, DeployerPolicyError> {
    let mut known = Known { place, notes: Vec::new(), arns: BTreeMap::new(), boundaries: BTreeSet::new() };
    for stack in stacks {
        known.read(stack)?;
    }
    let of = |template: &str| stacks.iter().map(|stack| known.place.arn(template, stack.name)).collect::<Vec<_>>();
    let allow = |sid, why, actions: &[&'static str], arns: Vec<String>| DeployerStatement {
        sid,
        why: String::from(why),
        actions: actions.to_vec(),
        scope: StatementScope::Arns(arns),
        conditions: Vec::new(),
    };
    let mut statements = vec![
        allow(
            "DeployStacks",
            "See the state of the stacks; plan a change, execute it and follow it. Delete a stack if its creation failed, because \
             such a stack cannot be changed. IAM cannot limit this to such stacks.",
            &STACK_ACTIONS,
            of(STACK),
        ),
        // AWS checks this action against the ARN of the change set, which names no stack. The statement has no other
        // action, because on such an ARN it would be allowed on every stack.
        allow(
            "ReadFailedChangeSets",
            "See why a change set could not be created. The names of synth's change sets begin with synth.",
            &["cloudformation:DescribeEvents"],
            vec![known.place.arn(CHANGE_SETS, "")],
        ),
    ];
    statements.extend(known.packages());
    statements.extend(known.through_cloudformation());
    statements.extend(known.roles_to_pass(stacks)?);
    statements.extend(known.subscriptions());
    for (sid, why, kind, actions) in AFTERWARDS {
        statements.extend(known.arns.get(kind).map(|arns| allow(sid, why, actions, arns.clone())));
    }
    if known.arns.contains_key("AWS::CloudWatch::Alarm") {
        statements.push(allow(
            "ReadAlarms",
            "Optional, for make status: see which alarms are in the state ALARM.",
            &["cloudwatch:DescribeAlarms"],
            vec![known.place.arn(ALARMS, "")],
        ));
    }
    if known.arns.contains_key("AWS::CloudFormation::StackSet") {
        statements.push(DeployerStatement {
            sid: "SeeOrganizationAccess",
            why: "See whether StackSets may work in the organization, before anything is changed.".into(),
            actions: vec!["cloudformation:DescribeOrganizationsAccess"],
            scope: StatementScope::Anything,
            conditions: Vec::new(),
        });
    }
    statements.extend(known.preview(stacks));
    if stacks.iter().any(|stack| stores_secrets(stack.template)) {
        statements.push(known.secrets());
    }
    if known.arns.contains_key(HANDLER) {
        statements.push(known.user_tags());
    }
    let mut policy = DeployerPolicy { statements, notes: known.notes };
    policy.notes.push(policy.note_on_length());
    Ok(policy)
}

/// Whether a function of the stack delivers to Secrets Manager.
fn stores_secrets(template: &Json) -> bool {
    let delivery = |function: &Resource<'_>| {
        let variables = &function.properties["Environment"]["Variables"];
        variables[Variable::Delivery.name()].as_str().and_then(|text| text.parse().ok())
    };
    View(template).of("AWS::Lambda::Function").any(|function| delivery(&function) == Some(Delivery::SecretsManager))
}

/// What the templates say about their resources so far.
struct Known<'p> {
    place: &'p AccountRegion,
    notes: Vec<String>,
    /// The ARNs of the resources, by resource type.
    arns: BTreeMap<&'static str, Vec<String>>,
    /// The permissions boundaries of the roles; `None` for a role without one.
    boundaries: BTreeSet<Option<String>>,
}

/// The type of a function.
const FUNCTION: &str = "AWS::Lambda::Function";

/// The type of a role.
const ROLE: &str = "AWS::IAM::Role";

/// The actions that give a role its permissions boundary.
const BOUND_ROLES: [&str; 2] = ["iam:CreateRole", "iam:PutRolePermissionsBoundary"];

impl Known<'_> {
    fn read(&mut self, stack: &DeployedStack<'_>) -> Result<(), DeployerPolicyError> {
        for resource in View(stack.template).resources() {
            let unknown = || DeployerPolicyError::Type { id: resource.id.to_owned(), kind: resource.kind.to_owned() };
            let entry = entry(resource.kind).ok_or_else(unknown)?;
            let name = self.name(stack, &resource, entry)?;
            let variables = &resource.properties["Environment"]["Variables"];
            let handler = (entry.kind == FUNCTION && variables[PUBLISH_TO].is_null()).then_some(HANDLER);
            for kind in [entry.kind].into_iter().chain(handler) {
                let arns = self.arns.entry(kind).or_default();
                arns.extend(entry.arns.iter().map(|template| self.place.arn(template, &name)));
                arns.sort();
                arns.dedup();
            }
            if entry.kind == ROLE {
                let boundary = Some(&resource.properties["PermissionsBoundary"]).filter(|boundary| !boundary.is_null());
                let boundary =
                    boundary.map(|arn| self.text(stack, &resource, "PermissionsBoundary", arn)).transpose()?;
                self.boundaries.insert(boundary);
            }
        }
        Ok(())
    }

    /// The name of a resource, with its path if it has one, or a pattern that matches it.
    fn name(
        &mut self,
        stack: &DeployedStack<'_>,
        resource: &Resource<'_>,
        entry: &TypePermissions,
    ) -> Result<String, DeployerPolicyError> {
        let property = match entry.name {
            ResourceNaming::Own { property, longest } if resource.properties[property].is_null() => {
                let path = resource.properties["Path"].as_str().unwrap_or_default().trim_start_matches('/').to_owned();
                return Ok(path + &self.generated(stack.name, resource.id, longest));
            }
            ResourceNaming::Own { property, .. } | ResourceNaming::Of(property) => property,
            ResourceNaming::Random => return Ok("*".to_owned()),
        };
        let value = match &resource.properties[property] {
            Json::Array(list) if list.len() == 1 => &list[0],
            value => value,
        };
        if let (ResourceNaming::Of(_), Some(owner)) = (entry.name, View(stack.template).named_by(value))
            && let Some(entry) = types::entry(owner.kind)
        {
            return self.name(stack, &owner, entry);
        }
        self.text(stack, resource, property, value)
    }

    /// The text of a property, which must be known before the deployment.
    fn text(
        &self,
        stack: &DeployedStack<'_>,
        resource: &Resource<'_>,
        property: &'static str,
        value: &Json,
    ) -> Result<String, DeployerPolicyError> {
        let unknown = || DeployerPolicyError::Name { id: resource.id.to_owned(), property, value: value.to_string() };
        self.filled_in(stack, value).ok_or_else(unknown)
    }

    /// A text with the values of its pseudo parameters. `None` if it refers to anything else.
    fn filled_in(&self, stack: &DeployedStack<'_>, value: &Json) -> Option<String> {
        pieces(value)?.into_iter().try_fold(String::new(), |name, piece| match piece {
            Piece::Literal(text) => Some(name + &text),
            Piece::Reference(pseudo) => match pseudo.as_str() {
                "AWS::StackName" => Some(name + stack.name),
                "AWS::AccountId" => Some(name + &self.place.account.to_string()),
                "AWS::Region" => Some(name + &self.place.region.to_string()),
                "AWS::Partition" => Some(name + &self.place.partition.to_string()),
                _ => None,
            },
        })
    }

    /// A pattern of the name that CloudFormation generates: the stack's name, the logical id and some random letters,
    /// with hyphens between them. CloudFormation cuts a name that is too long, and does not document how. This code
    /// relies only on the first letters staying the same.
    fn generated(&mut self, stack: &str, id: &str, longest: usize) -> String {
        const LETTERS: usize = 13;
        const STAY: usize = 24;
        if stack.len() + 1 + id.len() + 1 + LETTERS <= longest {
            return format!("{stack}-{id}-*");
        }
        let fits = longest.saturating_sub(LETTERS + 2 + id.len());
        let start: String = stack.chars().take(STAY).collect();
        let note = format!(
            "{id}: the stack's name is so long that CloudFormation shortens the name of this resource, so the policy \
             allows every name that begins with {start}; choose a stack_name of at most {fits} letters to allow only this \
             stack's"
        );
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
        format!("{start}*")
    }

    /// The permissions for packages and large templates in the artifact bucket.
    fn packages(&self) -> Vec<DeployerStatement> {
        let Some(buckets) = self.arns.get("AWS::S3::Bucket") else { return Vec::new() };
        let objects = buckets.iter().flat_map(|bucket| ["zip", "yaml"].map(|kind| format!("{bucket}/*.{kind}")));
        // Another account could create a bucket with this name, because it can be guessed.
        let own = DeployerCondition {
            operator: "StringEquals",
            key: "aws:ResourceAccount",
            value: self.place.account.to_string(),
        };
        vec![
            DeployerStatement {
                sid: "FindPackages",
                why: "See whether the artifact bucket exists and contains the package.".into(),
                actions: vec!["s3:ListBucket"],
                scope: StatementScope::Arns(buckets.clone()),
                conditions: Vec::new(),
            },
            DeployerStatement {
                sid: "UploadPackages",
                why: "Upload packages and large templates; let Lambda and CloudFormation read them.".into(),
                actions: vec!["s3:PutObject", "s3:GetObject", "s3:GetObjectVersion"],
                scope: StatementScope::Arns(objects.collect()),
                conditions: vec![own],
            },
        ]
    }

    /// The permissions with which `synth` finds unconfirmed subscriptions and makes one again. The condition does not concern
    /// the list. It does not name the addresses, because their number would have no limit.
    fn subscriptions(&self) -> Option<DeployerStatement> {
        let by_mail =
            DeployerCondition { operator: "StringEqualsIfExists", key: "sns:Protocol", value: "email".to_owned() };
        Some(DeployerStatement {
            sid: "RenewSubscriptions",
            why: "See which subscriptions are not confirmed yet, and subscribe such an address again, only by mail. \
                  CloudFormation does not do that. sns:Subscribe is optional, for make resubscribe."
                .into(),
            actions: vec!["sns:ListSubscriptionsByTopic", "sns:Subscribe"],
            scope: StatementScope::Arns(self.arns.get("AWS::SNS::Topic")?.clone()),
            conditions: vec![by_mail],
        })
    }

    /// The permissions with which a run is previewed: what the handler's role may read. Each is a statement of its own,
    /// because a deployment does not need it.
    fn preview(&mut self, stacks: &[DeployedStack<'_>]) -> Vec<DeployerStatement> {
        let mut statements: Vec<DeployerStatement> = Vec::new();
        for stack in stacks {
            let topic = self.place.arn("arn:${Partition}:sns:${Region}:${Account}:${Name}", stack.name);
            let Ok(PlannedHandler { settings, .. }) = PlannedHandler::read(stack.template, &topic) else { continue };
            // Either limit has the same reads. The preview gets no condition on a tag, so it needs no second statement.
            for permission in permissions(
                &settings.policy,
                &settings.secret_kms_key,
                settings.list_scope(),
                UsersLimit::Arns,
                NoticeChannel::Topic,
            ) {
                let Some((target, sid, why)) = PREVIEW.iter().find(|(target, ..)| *target == permission.on) else {
                    continue;
                };
                let reads: Vec<_> = permission.reads().collect();
                if let Some(statement) = statements.iter_mut().find(|statement| statement.sid == *sid) {
                    statement.actions.extend(reads);
                } else if !reads.is_empty() {
                    statements.push(DeployerStatement {
                        sid,
                        why: (*why).into(),
                        actions: reads,
                        scope: self.previewed(stack, *target, &permission),
                        conditions: Vec::new(),
                    });
                }
            }
        }
        statements
    }

    /// The resources that the preview of a stack reads: those of the statement in the handler's role. The role reaches tagged
    /// users only under a condition; their preview reads the account's lists anyway.
    fn previewed(
        &mut self,
        stack: &DeployedStack<'_>,
        target: PermissionTarget,
        permission: &Permission,
    ) -> StatementScope {
        if target == PermissionTarget::Account {
            return StatementScope::Anything;
        }
        let roles = View(stack.template).roles();
        let statement = roles.iter().flat_map(|role| &role.policies).find(|found| found.body["Sid"] == permission.sid);
        let resources = statement.map_or(&Json::Null, |statement| &statement.body["Resource"]);
        let arns: Vec<_> = view::each(resources).filter_map(|arn| self.filled_in(stack, arn)).collect();
        if arns.len() <= MOST_USERS {
            return StatementScope::Arns(arns);
        }
        self.notes.push(format!(
            "PreviewKeys: the ARNs of {} users are too long for the policy, so it shows the keys of every user of the \
             account; leave the statement out if that is too much",
            arns.len()
        ));
        StatementScope::Arns(vec![self.place.arn(USERS, "")])
    }

    /// The permission with which `synth deploy` and `synth status` read the notes on users that the stack does not select.
    fn user_tags(&self) -> DeployerStatement {
        DeployerStatement {
            sid: "ReadUserTags",
            why:
                "Optional, for make deploy and make status: see whether a user that leaves the stack still exists, and \
                  whether its tags have notes of a rotation. Such a user can have any name."
                    .into(),
            actions: vec!["iam:ListUserTags"],
            scope: StatementScope::Arns(vec![self.place.arn(USERS, "")]),
            conditions: Vec::new(),
        }
    }

    /// The permission with which `synth status` finds former users. It is a statement of its own, because a deployment does
    /// not need it.
    fn secrets(&self) -> DeployerStatement {
        DeployerStatement {
            sid: "ListSecrets",
            why:
                "Optional, for make status: find the secrets of users that the stack rotates no longer. The list shows \
                  names and tags, no values. AWS cannot limit it to the stack's secrets."
                    .into(),
            actions: vec!["secretsmanager:ListSecrets"],
            scope: StatementScope::Anything,
            conditions: vec![self.in_this_region()],
        }
    }

    fn in_this_region(&self) -> DeployerCondition {
        DeployerCondition { operator: "StringEquals", key: "aws:RequestedRegion", value: self.place.region.to_string() }
    }

    /// The actions that are allowed only when CloudFormation calls them.
    fn through_cloudformation(&self) -> Vec<DeployerStatement> {
        let through = DeployerCondition {
            operator: "ForAnyValue:StringEquals",
            key: "aws:CalledVia",
            value: "cloudformation.amazonaws.com".to_owned(),
        };
        let used = || TYPES.iter().filter_map(|entry| Some((entry, self.arns.get(entry.kind)?)));
        let mut statements: Vec<DeployerStatement> = Vec::new();
        for (entry, arns) in used() {
            if let Some(same) = statements.iter_mut().find(|statement| statement.sid == entry.sid) {
                same.add(entry, arns);
                continue;
            }
            statements.push(DeployerStatement {
                sid: entry.sid,
                why: entry.why.into(),
                actions: entry.actions.to_vec(),
                scope: StatementScope::Arns(arns.clone()),
                conditions: vec![through.clone()],
            });
        }
        let bounded = self.bounded_roles(&mut statements, &through);
        statements.extend(bounded);
        let anywhere: Vec<&'static str> = used().flat_map(|(entry, _)| entry.anywhere.iter().copied()).collect();
        if !anywhere.is_empty() {
            statements.push(DeployerStatement {
                sid: "UnscopedActions",
                why: "Call actions that AWS does not let a policy limit to one resource.".into(),
                actions: anywhere,
                scope: StatementScope::Anything,
                conditions: vec![through, self.in_this_region()],
            });
        }
        statements
    }

    /// If the roles have a permissions boundary, they can be created only with it. No statement takes it off a role.
    fn bounded_roles(
        &self,
        statements: &mut [DeployerStatement],
        through: &DeployerCondition,
    ) -> Option<DeployerStatement> {
        let mut boundaries = self.boundaries.iter();
        let (Some(Some(boundary)), None) = (boundaries.next(), boundaries.next()) else { return None };
        for statement in statements {
            statement.actions.retain(|action| !BOUND_ROLES.contains(action));
        }
        let bound =
            DeployerCondition { operator: "StringEquals", key: "iam:PermissionsBoundary", value: boundary.clone() };
        Some(DeployerStatement {
            sid: "CreateBoundRoles",
            why: "Create the stack's roles, only with their permissions boundary. No statement allows to take it off."
                .into(),
            actions: BOUND_ROLES.to_vec(),
            scope: StatementScope::Arns(self.arns.get(ROLE)?.clone()),
            conditions: vec![through.clone(), bound],
        })
    }

    /// The permissions to pass each role to the service that it trusts, and to no other service.
    fn roles_to_pass(&mut self, stacks: &[DeployedStack<'_>]) -> Result<Vec<DeployerStatement>, DeployerPolicyError> {
        let mut statements = Vec::new();
        for (word, service) in Service::ALL {
            let (sid, why) = match service {
                Service::Lambda => ("PassRolesToLambda", "Let the function run with its role."),
                Service::Scheduler => ("PassRolesToScheduler", "Let the schedule invoke the function with its role."),
                Service::EventBridge => ("PassRolesToEventBridge", "Let the rule send events with its role."),
            };
            let mut arns = Vec::new();
            for stack in stacks {
                let trusts =
                    |statement: &view::StatementView<'_>| statement.services().iter().any(|other| other == word);
                for role in View(stack.template).roles().iter().filter(|role| role.trust.iter().any(trusts)) {
                    if let Some(entry) = entry(role.resource.kind) {
                        let name = self.name(stack, &role.resource, entry)?;
                        arns.extend(entry.arns.iter().map(|template| self.place.arn(template, &name)));
                    }
                }
            }
            if !arns.is_empty() {
                let to = DeployerCondition {
                    operator: "StringEquals",
                    key: "iam:PassedToService",
                    value: (*word).to_owned(),
                };
                statements.push(DeployerStatement {
                    sid,
                    why: why.into(),
                    actions: vec!["iam:PassRole"],
                    scope: StatementScope::Arns(arns),
                    conditions: vec![to],
                });
            }
        }
        Ok(statements)
    }
}

impl AccountRegion {
    /// Fills in an ARN that is written in the notation of the Service Authorization Reference.
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

impl DeployerStatement {
    /// Adds the permissions for another type with the same statement id.
    fn add(&mut self, entry: &TypePermissions, arns: &[String]) {
        self.why = format!("{} {}", self.why, entry.why);
        self.actions.extend(entry.actions.iter().filter(|action| !self.actions.contains(action)).collect::<Vec<_>>());
        if let StatementScope::Arns(own) = &mut self.scope {
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
            StatementScope::Arns(arns) => json!(arns),
            StatementScope::Anything => json!("*"),
        };
        if !conditions.is_empty() {
            statement["Condition"] = conditions.into();
        }
        statement
    }
}

impl DeployerPolicy {
    /// The policy as a JSON policy document.
    #[must_use]
    pub fn json(&self) -> Json {
        let statements: Vec<Json> = self.statements.iter().map(DeployerStatement::json).collect();
        managed_policies::document(&statements)
    }

    /// The policy as text for people: each statement with its purpose, actions, resources and conditions.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        for statement in &self.statements {
            out += &wrapped("", &format!("{} — {}", statement.sid, statement.why));
            let list = |out: &mut String, word: &str, list: &[String]| {
                for (index, line) in list.iter().enumerate() {
                    *out += &format!("  {:5} {line}\n", if index == 0 { word } else { "" });
                }
            };
            list(&mut out, "may", &statement.actions.iter().map(|action| (*action).to_owned()).collect::<Vec<_>>());
            match &statement.scope {
                StatementScope::Arns(arns) => list(&mut out, "on", arns),
                StatementScope::Anything => {
                    list(&mut out, "on", &["anything: AWS has no narrower resource for it".to_owned()]);
                }
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
