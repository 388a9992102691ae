//! Where a template grants permissions: every role, user and group, every trust policy and resource policy.
//!
//! A *place* is what a grant belongs to, such as a role. So a policy is the same grant as an inline policy, as an
//! `AWS::IAM::Policy` and as a managed policy. The places are read from the canonical form, after conditions have been
//! decided. [`READ`] lists the types and properties that are read; whatever else a template has is not decided here.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use super::{
    compare::{Boundary, Permissions},
    policy,
};
use crate::cfn::{
    text::{self, Piece, pieces},
    view::{View, each},
};

/// The permissions that a template grants or denies, by place.
#[derive(Debug, Default)]
pub(super) struct Grants {
    /// The granted permissions, by place.
    pub(super) granted: BTreeMap<String, Permissions>,
    /// The principal of the template that a place belongs to. Without it, the place grants nothing.
    pub(super) principals: BTreeMap<String, String>,
    /// Managed policies, which principals elsewhere may have. They are compared only if both templates have the policy.
    pub(super) comparable: BTreeMap<String, Permissions>,
    /// The roles with which AWS acts for resources, by place.
    pub(super) roles: BTreeMap<String, ActingRole>,
    /// The documents that deny something, by place. They also deny what policies allow that the template does not show:
    /// those of principals for the policy of a resource, and those of resources for the policies of a principal.
    pub(super) denied: BTreeMap<String, Denials>,
    /// What a template sets on something whose other policies it does not show, as pairs of a place and a name. For
    /// example, a policy of a queue elsewhere replaces the one that the queue has.
    pub(super) unseen: BTreeSet<(String, String)>,
    /// The topics that have a policy, by place. Without a policy, a topic has the default policy of SNS.
    pub(super) topics: BTreeMap<String, String>,
    /// The resources of the template that are not policies of others. Denials are not compared for a resource that is added
    /// or deleted.
    pub(super) things: BTreeSet<String>,
    /// Whether this is the later one of two templates.
    pub(super) is_later: bool,
}

/// A role with which AWS acts for a resource.
#[derive(Debug)]
pub(super) struct ActingRole {
    /// The logical id of the resource.
    resource: String,
    /// The role: its logical id if it is in the template.
    pub(super) role: String,
    /// What the role may do.
    pub(super) permissions: Permissions,
}

/// What the policies of a resource or of a principal deny.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Denials {
    /// The resource or the principal: its logical id if it is in the template.
    pub(super) of: String,
    /// The documents, each only with its statements that deny something.
    pub(super) documents: Vec<Json>,
}

/// The types that grant permissions, with the properties that are read for it.
const READ: [(&str, &[&str]); 20] = [
    ("AWS::Events::EventBusPolicy", &["EventBusName", "Statement"]),
    ("AWS::IAM::Role", &["AssumeRolePolicyDocument", "ManagedPolicyArns", "PermissionsBoundary", "Policies"]),
    ("AWS::IAM::User", &["Groups", "ManagedPolicyArns", "PermissionsBoundary", "Policies"]),
    ("AWS::IAM::Group", &["ManagedPolicyArns", "Policies"]),
    ("AWS::IAM::ManagedPolicy", &["Groups", "PolicyDocument", "Roles", "Users"]),
    ("AWS::IAM::Policy", &["Groups", "PolicyDocument", "PolicyName", "Roles", "Users"]),
    ("AWS::IAM::RolePolicy", &["PolicyDocument", "PolicyName", "RoleName"]),
    ("AWS::IAM::UserPolicy", &["PolicyDocument", "PolicyName", "UserName"]),
    ("AWS::IAM::GroupPolicy", &["GroupName", "PolicyDocument", "PolicyName"]),
    ("AWS::IAM::UserToGroupAddition", &["GroupName", "Users"]),
    ("AWS::IAM::InstanceProfile", &["Roles"]),
    ("AWS::KMS::Key", &["KeyPolicy"]),
    (
        "AWS::Lambda::Permission",
        &[
            "Action",
            "EventSourceToken",
            "FunctionName",
            "FunctionUrlAuthType",
            "InvokedViaFunctionUrl",
            "Principal",
            "PrincipalOrgID",
            "SourceAccount",
            "SourceArn",
        ],
    ),
    ("AWS::Lambda::Url", &["AuthType", "TargetFunctionArn"]),
    ("AWS::Lambda::Function", &["Role"]),
    ("AWS::Scheduler::Schedule", &["Target.RoleArn"]),
    ("AWS::S3::BucketPolicy", &["Bucket", "PolicyDocument"]),
    ("AWS::SNS::TopicPolicy", &["PolicyDocument", "Topics"]),
    ("AWS::SQS::QueuePolicy", &["PolicyDocument", "Queues"]),
    ("AWS::SecretsManager::ResourcePolicy", &["ResourcePolicy", "SecretId"]),
];

/// Whether the comparison of permissions decides what a property means. The path has a `.` before each inner property.
#[must_use]
pub(crate) fn reads(kind: &str, path: &str) -> bool {
    read_properties(kind).contains(&path)
}

/// Whether resources of this type grant nothing.
#[must_use]
pub(crate) fn reads_nothing(kind: &str) -> bool {
    read_properties(kind).is_empty()
}

/// The types that are read.
#[cfg(test)]
pub(crate) fn types() -> impl Iterator<Item = &'static str> {
    READ.iter().map(|(kind, _)| *kind)
}

/// The properties of a type that are read.
fn read_properties(kind: &str) -> &'static [&'static str] {
    READ.iter().find(|(known, _)| *known == kind).map_or(&[], |(_, properties)| properties)
}

/// The properties that name the roles with which AWS acts for a resource.
const ACTING_ROLES: [(&str, &str); 3] = [
    ("AWS::IAM::InstanceProfile", "/Roles"),
    ("AWS::Lambda::Function", "/Role"),
    ("AWS::Scheduler::Schedule", "/Target/RoleArn"),
];

/// The role with which AWS acts for a resource of this type, and the path of the property that names it.
#[must_use]
pub(crate) fn acting_role<'t>(kind: &str, properties: &'t Json) -> Option<(&'static str, &'t Json)> {
    let (_, path) = ACTING_ROLES.iter().find(|(known, _)| *known == kind)?;
    Some((path, properties.pointer(path)?))
}

/// What AWS may do for each resource with a role, by the logical id of the resource. A rule has a role for each of its targets,
/// so the second part is the id of the target; it is empty for other resources. The conditions of the template are not decided.
#[must_use]
pub(crate) fn acting_permissions(template: &Json) -> BTreeMap<(String, String), Permissions> {
    let grants = read(template);
    let view = View(template);
    let granted = &grants.granted;
    let of_rules = view.of("AWS::Events::Rule").flat_map(|rule| {
        each(&rule.properties["Targets"]).filter_map(move |target| {
            let role = view.named_by(target.get("RoleArn")?)?;
            let id = target.get("Id").and_then(Json::as_str).unwrap_or_default();
            Some(((rule.id.to_owned(), id.to_owned()), granted.get(&allowed(role.id))?.clone()))
        })
    });
    let mut all: BTreeMap<_, _> = of_rules.collect();
    all.extend(grants.roles.into_values().map(|acting| ((acting.resource, String::new()), acting.permissions)));
    all
}

/// The properties that name the resource of a resource policy, and the one with the policy document.
const RESOURCE_POLICIES: [(&str, &str, &str); 4] = [
    ("AWS::S3::BucketPolicy", "Bucket", "PolicyDocument"),
    ("AWS::SNS::TopicPolicy", "Topics", "PolicyDocument"),
    ("AWS::SQS::QueuePolicy", "Queues", "PolicyDocument"),
    ("AWS::SecretsManager::ResourcePolicy", "SecretId", "ResourcePolicy"),
];

/// The policy of a topic for which none is set ("AWS::SNS::TopicPolicy", and SNS Developer Guide, "Example cases"): it
/// lets every principal of the account use the topic.
pub(super) fn default_topic_policy() -> Permissions {
    let actions = [
        "AddPermission",
        "DeleteTopic",
        "GetTopicAttributes",
        "ListSubscriptionsByTopic",
        "Publish",
        "RemovePermission",
        "SetTopicAttributes",
        "Subscribe",
    ]
    .map(|action| format!("SNS:{action}"));
    let owner = json!({"StringEquals": {"AWS:SourceOwner": {"Ref": "AWS::AccountId"}}});
    let statement =
        json!({"Effect": "Allow", "Principal": "*", "Action": actions, "Resource": "*", "Condition": owner});
    Permissions { documents: vec![document(&statement)], ..Permissions::default() }
}

/// A resource of the template.
#[derive(Clone, Copy)]
struct Resource<'t> {
    id: &'t str,
    kind: &'t str,
    body: &'t Json,
}

impl<'t> Resource<'t> {
    fn property(&self, name: &str) -> Option<&'t Json> {
        self.body.get("Properties")?.get(name)
    }

    /// The entries of a property that is a list or a single value.
    fn list(&self, name: &str) -> Vec<&'t Json> {
        match self.property(name) {
            Some(Json::Array(list)) => list.iter().collect(),
            Some(one) => vec![one],
            None => Vec::new(),
        }
    }
}

/// Reads what the resources of a template grant.
pub(super) fn read(template: &Json) -> Grants {
    let none = Map::new();
    let resources = template.get("Resources").and_then(Json::as_object).unwrap_or(&none);
    let all: Vec<Resource<'_>> = resources
        .iter()
        .map(|(id, body)| Resource { id, kind: body.get("Type").and_then(Json::as_str).unwrap_or_default(), body })
        .collect();
    let is_of_others =
        |resource: &&Resource<'_>| resource.kind.ends_with("Policy") && resource.kind != "AWS::IAM::ManagedPolicy";
    let things = all.iter().filter(|resource| !is_of_others(resource)).map(|r| r.id.to_owned()).collect();
    let grants = Grants { things, ..Grants::default() };
    let mut reader = Reader { identities: BTreeMap::new(), names: BTreeSet::new(), grants, all: &all };
    // Each loop needs the results of the loops before it.
    for resource in &all {
        reader.identity(resource);
    }
    for resource in &all {
        reader.attachment(resource);
    }
    for resource in &all {
        reader.membership(resource);
    }
    for resource in &all {
        reader.resource(resource);
    }
    for resource in &all {
        reader.acting_role(resource);
    }
    for (name, permissions) in std::mem::take(&mut reader.identities) {
        for document in &permissions.documents {
            reader.deny(format!("what the policies of {name} leave open"), &name, document);
        }
        let place = allowed(&name);
        reader.grants.principals.insert(place.clone(), name);
        reader.grants.granted.insert(place, permissions);
    }
    reader.grants
}

/// The parts of each resource that grants are derived from, exactly as the template writes them.
pub(super) fn material(template: &Json) -> BTreeMap<&str, Vec<&Json>> {
    let resources = template.get("Resources").and_then(Json::as_object).into_iter().flatten();
    let parts = |body: &'_ Json| {
        let kind = body.get("Type").and_then(Json::as_str).unwrap_or_default();
        read_properties(kind).iter().map(|path| format!("/Properties/{}", path.replace('.', "/")))
    };
    let found = resources
        .map(|(id, body)| (id.as_str(), parts(body).filter_map(|path| body.pointer(&path)).collect::<Vec<_>>()));
    found.filter(|(_, parts)| !parts.is_empty()).collect()
}

struct Reader<'t> {
    identities: BTreeMap<String, Permissions>,
    /// The names of the inline policies of each identity.
    names: BTreeSet<(String, String)>,
    grants: Grants,
    all: &'t [Resource<'t>],
}

impl Reader<'_> {
    /// Reads a role, user or group, with the policies that it names itself.
    fn identity(&mut self, resource: &Resource<'_>) {
        if !matches!(resource.kind, "AWS::IAM::Role" | "AWS::IAM::User" | "AWS::IAM::Group") {
            return;
        }
        let mut permissions = Permissions::default();
        for policy in resource.list("Policies") {
            match policy.get("PolicyDocument") {
                Some(document) => permissions.documents.push(document.clone()),
                None => permissions.attached.extend([policy.to_string()]),
            }
            permissions.attached.extend(self.ambiguity(resource.id, policy.get("PolicyName")));
        }
        for policy in resource.list("ManagedPolicyArns") {
            match self.managed(policy) {
                Ok(document) => permissions.documents.push(document),
                Err(name) => permissions.attached.extend([name]),
            }
        }
        permissions.boundary = match resource.property("PermissionsBoundary").map(|policy| self.managed(policy)) {
            None => Boundary::Absent,
            Some(Ok(document)) => Boundary::Documents(vec![document]),
            Some(Err(name)) => Boundary::Elsewhere(name),
        };
        self.identities.insert(resource.id.to_owned(), permissions);
        if let Some(trust) = resource.property("AssumeRolePolicyDocument") {
            let place = format!("who may assume {}", resource.id);
            self.grants.principals.insert(place.clone(), resource.id.to_owned());
            self.grant(place, trust.clone());
        }
    }

    /// Two inline policies with one name: only one of them takes effect, and CloudFormation's order decides which.
    fn ambiguity(&mut self, identity: &str, name: Option<&Json>) -> Option<String> {
        let name = self::name(name?);
        let is_new = self.names.insert((identity.to_owned(), name.clone()));
        (!is_new).then(|| format!("two policies with the name {name}"))
    }

    /// The document of a managed policy, or its name if the document is not in the template.
    fn managed(&self, policy: &Json) -> Result<Json, String> {
        let name = name(policy);
        if name.ends_with(":iam::aws:policy/AdministratorAccess") {
            let all = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
            return Ok(json!({"Version": "2012-10-17", "Statement": [all]}));
        }
        let id = name.strip_prefix("${").and_then(|name| name.strip_suffix('}')).unwrap_or_default();
        let id = id.strip_suffix(".PolicyArn").unwrap_or(id);
        let own = self.all.iter().find(|other| other.id == id && other.kind == "AWS::IAM::ManagedPolicy");
        own.and_then(|own| own.property("PolicyDocument")).cloned().ok_or(name)
    }

    /// Reads a policy resource that names its own roles, users or groups.
    fn attachment(&mut self, resource: &Resource<'_>) {
        let lists: &[&str] = match resource.kind {
            "AWS::IAM::Policy" | "AWS::IAM::ManagedPolicy" => &["Roles", "Users", "Groups"],
            "AWS::IAM::RolePolicy" => &["RoleName"],
            "AWS::IAM::UserPolicy" => &["UserName"],
            "AWS::IAM::GroupPolicy" => &["GroupName"],
            _ => return,
        };
        let Some(document) = resource.property("PolicyDocument") else { return };
        for identity in lists.iter().flat_map(|list| resource.list(list)) {
            let subject = self.subject(identity);
            let name = resource.property("PolicyName").filter(|_| resource.kind != "AWS::IAM::ManagedPolicy");
            let ambiguity = self.ambiguity(&subject, name);
            if let Some(name) = name.filter(|_| !self.grants.things.contains(&subject)) {
                self.grants.unseen.insert((allowed(&subject), self::name(name)));
            }
            let permissions = self.identities.entry(subject).or_default();
            permissions.documents.push(document.clone());
            permissions.attached.extend(ambiguity);
        }
        // The policy may also be attached to an identity outside of the template.
        if resource.kind == "AWS::IAM::ManagedPolicy" {
            self.deny(format!("what the policy {} leaves open", resource.id), resource.id, document);
            let permissions = Permissions { documents: vec![document.clone()], ..Permissions::default() };
            self.grants.comparable.insert(format!("what the policy {} allows", resource.id), permissions);
        }
    }

    /// The identity that a value names: by its logical id if it is a resource of the template, otherwise by its name.
    fn subject(&self, identity: &Json) -> String {
        let name = name(identity);
        let reference = name.strip_prefix("${").and_then(|name| name.strip_suffix('}'));
        let is_named = |resource: &&Resource<'_>| {
            let own = ["RoleName", "UserName", "GroupName"].iter().find_map(|key| resource.property(key));
            resource.kind.starts_with("AWS::IAM::")
                && self.identities.contains_key(resource.id)
                && own.is_some_and(|own| self::name(own) == name)
        };
        match reference {
            Some(id) => id.strip_suffix(".Arn").unwrap_or(id).to_owned(),
            None => self.all.iter().find(is_named).map_or(name.clone(), |resource| resource.id.to_owned()),
        }
    }

    /// Gives each user the permissions of its groups.
    fn membership(&mut self, resource: &Resource<'_>) {
        let pairs: Vec<(String, String)> = match resource.kind {
            "AWS::IAM::User" => {
                let groups = resource.list("Groups").into_iter();
                groups.map(|group| (resource.id.to_owned(), self.subject(group))).collect()
            }
            "AWS::IAM::UserToGroupAddition" => {
                let group = resource.property("GroupName").map(|group| self.subject(group)).unwrap_or_default();
                resource.list("Users").into_iter().map(|user| (self.subject(user), group.clone())).collect()
            }
            _ => return,
        };
        for (user, group) in pairs {
            let of_group = self.identities.get(&group).cloned();
            let is_group = self.all.iter().any(|other| other.id == group && other.kind == "AWS::IAM::Group");
            let permissions = self.identities.entry(user).or_default();
            match of_group {
                Some(of_group) if is_group => {
                    permissions.documents.extend(of_group.documents);
                    permissions.attached.extend(of_group.attached);
                }
                _ => permissions.attached.extend([format!("the group {group}")]),
            }
        }
    }

    /// Reads the permissions on a resource that it grants to others.
    fn resource(&mut self, resource: &Resource<'_>) {
        let target =
            |name: &str| resource.property(name).map(self::name).map(|name| function(&name)).unwrap_or_default();
        match resource.kind {
            "AWS::Lambda::Permission" => {
                self.grant(format!("who may use {}", target("FunctionName")), document(&lambda_permission(resource)));
            }
            "AWS::Lambda::Url" => {
                let auth = resource.property("AuthType").map(name).unwrap_or_default();
                let place = format!("who may call the URL of {}", target("TargetFunctionArn"));
                // Policies elsewhere may allow principals to call the URL of each function.
                self.grants.unseen.insert((place.clone(), String::new()));
                if auth == "NONE" {
                    let everybody = json!({"Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunctionUrl"});
                    self.grant(place, document(&everybody));
                } else if auth != "AWS_IAM" {
                    self.grants.granted.entry(place).or_default().attached.insert(format!("AuthType {auth}"));
                }
            }
            "AWS::KMS::Key" => {
                // Without a policy, the key has this one.
                let own =
                    json!({"Effect": "Allow", "Principal": {"AWS": {"Ref": "AWS::AccountId"}}, "Action": "kms:*"});
                let policy = resource.property("KeyPolicy").cloned().unwrap_or_else(|| document(&own));
                // Only the policy itself allows access. So its denials need no separate comparison.
                self.grant(format!("the policy of {}", resource.id), policy);
            }
            // A bus has one policy with the statements of all these resources.
            "AWS::Events::EventBusPolicy" => {
                let Some(statement) = resource.property("Statement") else { return };
                let (bus, document) = (target("EventBusName"), document(statement));
                self.deny(format!("what the policy of {bus} leaves open"), &bus, &document);
                let place = format!("the policy of {bus}");
                if !self.grants.things.contains(&bus) {
                    self.grants.unseen.insert((place.clone(), String::new()));
                }
                self.grant(place, document);
            }
            kind => {
                for (_, targets, policy) in RESOURCE_POLICIES.iter().filter(|(known, ..)| *known == kind) {
                    self.policy(resource, targets, policy);
                }
            }
        }
    }

    /// Reads the policy of other resources.
    fn policy(&mut self, resource: &Resource<'_>, targets: &str, policy: &str) {
        let Some(document) = resource.property(policy) else { return };
        for target in resource.list(targets).into_iter().map(|target| function(&name(target))) {
            self.deny(format!("what the policy of {target} leaves open"), &target, document);
            let place = format!("the policy of {target}");
            if !self.grants.things.contains(&target) {
                self.grants.unseen.insert((place.clone(), String::new()));
            }
            self.grant(place.clone(), document.clone());
            // A second policy overwrites the first one, or the other way round.
            if !self.names.insert((place.clone(), String::new())) {
                let permissions = self.grants.granted.entry(place.clone()).or_default();
                permissions.attached.insert(format!("two policies of {target}"));
            }
            if resource.kind == "AWS::SNS::TopicPolicy" {
                self.grants.topics.insert(place, target);
            }
        }
    }

    /// Reads the role with which AWS acts for a resource.
    fn acting_role(&mut self, resource: &Resource<'_>) {
        let properties = resource.body.get("Properties").unwrap_or(&Json::Null);
        let Some((path, roles)) = acting_role(resource.kind, properties) else { return };
        let roles: Vec<&Json> = roles.as_array().map_or_else(|| vec![roles], |list| list.iter().collect());
        for role in roles {
            let subject = self.subject(role);
            let unknown = || Permissions { attached: BTreeSet::from([subject.clone()]), ..Permissions::default() };
            let permissions = self.identities.get(&subject).cloned().unwrap_or_else(unknown);
            let place = format!("what {} may do as its {}", resource.id, path[1..].replace('/', "."));
            let resource = resource.id.to_owned();
            self.grants.roles.insert(place, ActingRole { resource, role: subject, permissions });
        }
    }

    /// Records the statements of a document that deny something, or that may deny because their effect is not known.
    fn deny(&mut self, place: String, of: &str, document: &Json) {
        let denies = |statement: &&Json| statement.get("Effect").is_none_or(|effect| effect != "Allow");
        let statements: Vec<_> = policy::statements(document).unwrap_or_default();
        let statements: Vec<_> = statements.into_iter().filter(denies).cloned().collect();
        if !statements.is_empty() {
            let mut document = document.clone();
            document["Statement"] = statements.into();
            let denials = self.grants.denied.entry(place).or_default();
            of.clone_into(&mut denials.of);
            denials.documents.push(document);
        }
    }

    fn grant(&mut self, place: String, document: Json) {
        self.grants.granted.entry(place).or_default().documents.push(document);
    }
}

/// The place of what an identity may do.
fn allowed(identity: &str) -> String {
    format!("what {identity} may do")
}

/// A value as a text, with `${…}` for each reference. A value that is not a text becomes its JSON.
fn name(value: &Json) -> String {
    pieces(value).map_or_else(|| value.to_string(), |pieces| text::display(&pieces))
}

/// The name of a resource without `${}` and `.Arn`, so that `Ref` and `GetAtt` of one resource are the same target.
fn function(name: &str) -> String {
    let reference = name.strip_prefix("${").and_then(|name| name.strip_suffix('}')).filter(|name| !name.contains("${"));
    reference.map_or(name, |id| id.strip_suffix(".Arn").unwrap_or(id)).to_owned()
}

fn document(statement: &Json) -> Json {
    json!({"Version": "2012-10-17", "Statement": [statement]})
}

/// The policy statement that Lambda creates from an `AWS::Lambda::Permission`.
fn lambda_permission(resource: &Resource<'_>) -> Json {
    let conditions = [
        ("SourceArn", "ArnLike", "aws:SourceArn"),
        ("SourceAccount", "StringEquals", "aws:SourceAccount"),
        ("EventSourceToken", "StringEquals", "lambda:EventSourceToken"),
        ("PrincipalOrgID", "StringEquals", "aws:PrincipalOrgID"),
        ("FunctionUrlAuthType", "StringEquals", "lambda:FunctionUrlAuthType"),
        ("InvokedViaFunctionUrl", "Bool", "lambda:InvokedViaFunctionUrl"),
    ];
    let principal = resource.property("Principal").map_or(json!("*"), |principal| match pieces(principal).as_deref() {
        Some([Piece::Literal(text)]) if text == "*" => json!("*"),
        Some([Piece::Literal(text)]) if !text.starts_with("arn:") && text.contains('.') => {
            json!({"Service": principal})
        }
        _ => json!({"AWS": principal}),
    });
    let action = resource.property("Action").cloned().unwrap_or_else(|| json!("*"));
    let mut statement = json!({"Effect": "Allow", "Principal": principal, "Action": action});
    for (property, operator, key) in conditions {
        if let Some(value) = resource.property(property) {
            statement["Condition"][operator][key] = value.clone();
        }
    }
    statement
}
