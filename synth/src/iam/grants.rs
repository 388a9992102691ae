//! Where a template grants permissions: every role, user and group, every trust policy and resource policy.
//!
//! A *place* is what a grant belongs to, such as a role. So a policy is the same grant as an inline policy, as an
//! `AWS::IAM::Policy` and as a managed policy. The places are read from the canonical form, after conditions have been
//! decided.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use super::{
    compare::{Boundary, Permissions},
    policy,
};
use crate::cfn::text::{self, Piece, pieces};

/// The permissions that a template grants or denies, by place.
#[derive(Debug, Default)]
pub(super) struct Grants {
    /// The granted permissions, by place.
    pub(super) granted: BTreeMap<String, Permissions>,
    /// Permissions that are compared only if both templates have the place. Adding or removing such a place alone
    /// grants nothing.
    pub(super) comparable: BTreeMap<String, Permissions>,
    /// The role that acts for a resource, and its permissions.
    pub(super) roles: BTreeMap<String, (String, Permissions)>,
    /// The documents that deny something, by the resource whose policy they are. They also apply to principals that are
    /// allowed by their own policies.
    pub(super) denied: BTreeMap<String, Vec<Json>>,
    /// The resources of the template that are not policies. Denials are not compared for a resource that is added or
    /// deleted.
    pub(super) things: BTreeSet<String>,
}

/// Resource types that grant permissions without a policy document.
const OTHER_GRANTS: [&str; 16] = [
    "AWS::CloudFormation::Stack",
    "AWS::Cognito::IdentityPoolRoleAttachment",
    "AWS::EKS::AccessEntry",
    "AWS::IAM::AccessKey",
    "AWS::IAM::OIDCProvider",
    "AWS::IAM::SAMLProvider",
    "AWS::IAM::ServiceLinkedRole",
    "AWS::LakeFormation::Permissions",
    "AWS::LakeFormation::PrincipalPermissions",
    "AWS::OpenSearchServerless::AccessPolicy",
    "AWS::RAM::ResourceShare",
    "AWS::RolesAnywhere::Profile",
    "AWS::RolesAnywhere::TrustAnchor",
    "AWS::SSO::Assignment",
    "AWS::SSO::PermissionSet",
    "AWS::Serverless::Application",
];

/// The properties that name the resource of a resource policy.
const TARGETS: [&str; 7] = ["Queues", "Topics", "Bucket", "SecretId", "ResourceArn", "EventBusName", "RepositoryName"];

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
    let things = all.iter().filter(|resource| !resource.kind.ends_with("Policy")).map(|r| r.id.to_owned()).collect();
    let mut reader = Reader { identities: BTreeMap::new(), grants: Grants { things, ..Grants::default() }, all: &all };
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
        reader.acting_roles(resource);
    }
    for (name, permissions) in reader.identities {
        reader.grants.granted.insert(format!("what {name} may do"), permissions);
    }
    reader.grants
}

/// The parts of each resource that grants are derived from, exactly as the template writes them.
pub(super) fn material(template: &Json) -> BTreeMap<String, Vec<Json>> {
    let parts = [
        "Policies",
        "ManagedPolicyArns",
        "PermissionsBoundary",
        "AssumeRolePolicyDocument",
        "PolicyDocument",
        "Roles",
        "Users",
        "Groups",
        "RoleName",
        "UserName",
        "GroupName",
    ];
    let mut material = BTreeMap::new();
    for (id, body) in template.get("Resources").and_then(Json::as_object).into_iter().flatten() {
        let kind = body.get("Type").and_then(Json::as_str).unwrap_or_default();
        let properties = body.get("Properties").unwrap_or(&Json::Null);
        let mut found = Vec::new();
        match kind {
            "AWS::Lambda::Permission" | "AWS::Lambda::Url" | "AWS::Lambda::LayerVersionPermission" => {
                found.push(properties.clone());
            }
            _ if kind.starts_with("AWS::IAM::") => {
                found.extend(parts.iter().filter_map(|part| Some(json!({ *part: properties.get(part)? }))));
            }
            _ => find_documents(properties, &mut found),
        }
        if !found.is_empty() {
            material.insert(id.clone(), found);
        }
    }
    material
}

struct Reader<'t> {
    identities: BTreeMap<String, Permissions>,
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
        // Policies of the account may allow a principal more or less because of its tags (`aws:PrincipalTag`).
        let tags = resource.property("Tags").map_or_else(String::new, Json::to_string);
        let tags = Permissions { attached: BTreeSet::from([format!("Tags {tags}")]), ..Permissions::default() };
        self.grants.comparable.insert(format!("what other policies allow {} by its tags", resource.id), tags);
        if let Some(trust) = resource.property("AssumeRolePolicyDocument") {
            self.grant(format!("who may assume {}", resource.id), trust.clone());
        }
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
            let permissions = self.identities.entry(self.subject(identity)).or_default();
            permissions.documents.push(document.clone());
        }
        // The policy may also be attached to an identity outside of the template.
        if resource.kind == "AWS::IAM::ManagedPolicy" {
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
        let opaque = || BTreeSet::from([resource.body.to_string()]);
        match resource.kind {
            "AWS::Lambda::Permission" => {
                self.grant(format!("who may use {}", target("FunctionName")), document(&lambda_permission(resource)));
            }
            "AWS::Lambda::Url" => {
                let auth = resource.property("AuthType").map(name).unwrap_or_default();
                let place = format!("who may call the URL of {}", target("TargetFunctionArn"));
                if auth == "NONE" {
                    let everybody = json!({"Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunctionUrl"});
                    self.grant(place, document(&everybody));
                } else if auth != "AWS_IAM" {
                    self.grants.granted.entry(place).or_default().attached.insert(format!("AuthType {auth}"));
                }
            }
            "AWS::Lambda::LayerVersionPermission" => {
                let statement =
                    permission(resource, "Principal", &[("OrganizationId", "StringEquals", "aws:PrincipalOrgID")]);
                self.grant(format!("who may use the layer {}", target("LayerVersionArn")), document(&statement));
            }
            "AWS::Events::EventBusPolicy" if resource.property("Statement").is_none() => {
                let mut statement = permission(resource, "Principal", &[]);
                let part = |name: &str| resource.property("Condition").and_then(|condition| condition.get(name));
                if let (Some(operator), Some(key), Some(value)) = (part("Type"), part("Key"), part("Value")) {
                    statement["Condition"] = json!({ name(operator): { name(key): value } });
                }
                self.grant(format!("the policy of {}", target("EventBusName")), document(&statement));
            }
            // Nested stacks and modules create resources that are not in this template.
            kind if OTHER_GRANTS.contains(&kind) || kind.ends_with("::MODULE") || kind.is_empty() => {
                self.grants
                    .granted
                    .entry(format!("what {} grants", resource.id))
                    .or_default()
                    .attached
                    .extend(opaque());
            }
            kind if kind.starts_with("AWS::IAM::") => {}
            _ => self.policies(resource),
        }
    }

    /// Reads every policy document in a resource's properties, regardless of the property's name.
    fn policies(&mut self, resource: &Resource<'_>) {
        let mut found = Vec::new();
        if let Some(properties) = resource.body.get("Properties") {
            find_documents(properties, &mut found);
        }
        // If the template sets no policy, some services use a default policy.
        let everything = || json!({"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"});
        let account = || json!({"Effect": "Allow", "Principal": {"AWS": {"Ref": "AWS::AccountId"}}, "Action": "kms:*"});
        match resource.kind {
            "AWS::EC2::VPCEndpoint" if found.is_empty() => found.push(document(&everything())),
            "AWS::KMS::Key" if found.is_empty() => found.push(document(&account())),
            _ => {}
        }
        let targets: Vec<String> =
            TARGETS.iter().flat_map(|target| resource.list(target)).map(|target| function(&name(target))).collect();
        let targets = if targets.is_empty() { vec![resource.id.to_owned()] } else { targets };
        for document in found {
            for target in &targets {
                // For these two types, only the policy itself allows access. So its denials need no separate
                // comparison.
                if !matches!(resource.kind, "AWS::EC2::VPCEndpoint" | "AWS::KMS::Key") {
                    self.deny(target, &document);
                }
                self.grant(format!("the policy of {target}"), document.clone());
            }
        }
        let open: Vec<String> =
            ["AccessControl", "PublicAccessBlockConfiguration", "OwnershipControls", "FunctionUrlConfig"]
                .iter()
                .filter_map(|name| Some(format!("{name} {}", resource.property(name)?)))
                .collect();
        let open = Permissions { attached: BTreeSet::from([format!("{open:?}")]), ..Permissions::default() };
        self.grants.comparable.insert(format!("how open {} is", resource.id), open);
        if resource.kind.starts_with("AWS::Serverless::")
            && let Some(policies) = resource.property("Policies")
        {
            let permissions = self.identities.entry(resource.id.to_owned()).or_default();
            permissions.attached.insert(policies.to_string());
        }
    }

    /// Reads the roles that services assume to act for a resource.
    fn acting_roles(&mut self, resource: &Resource<'_>) {
        let mut found = Vec::new();
        if let Some(properties) = resource.body.get("Properties") {
            find_roles(properties, "", &mut found);
        }
        if resource.kind == "AWS::IAM::InstanceProfile" {
            found.extend(resource.list("Roles").into_iter().map(|role| ("Roles".to_owned(), role)));
        }
        for (path, role) in found {
            let subject = self.subject(role);
            let unknown = || Permissions { attached: BTreeSet::from([subject.clone()]), ..Permissions::default() };
            let permissions = self.identities.get(&subject).cloned().unwrap_or_else(unknown);
            let place = format!("what {} may do as its {path}", resource.id);
            self.grants.roles.insert(place, (subject, permissions));
        }
    }

    /// Records the statements of a document that deny something, or that may deny because their effect is not known.
    fn deny(&mut self, target: &str, document: &Json) {
        let denies = |statement: &&Json| statement.get("Effect").is_none_or(|effect| effect != "Allow");
        let statements: Vec<_> = policy::statements(document).unwrap_or_default();
        let statements: Vec<_> = statements.into_iter().filter(denies).cloned().collect();
        if !statements.is_empty() {
            let mut document = document.clone();
            document["Statement"] = statements.into();
            self.grants.denied.entry(target.to_owned()).or_default().push(document);
        }
    }

    fn grant(&mut self, place: String, document: Json) {
        self.grants.granted.entry(place).or_default().documents.push(document);
    }
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
    permission(
        resource,
        "Principal",
        &[
            ("SourceArn", "ArnLike", "aws:SourceArn"),
            ("SourceAccount", "StringEquals", "aws:SourceAccount"),
            ("EventSourceToken", "StringEquals", "lambda:EventSourceToken"),
            ("PrincipalOrgID", "StringEquals", "aws:PrincipalOrgID"),
            ("FunctionUrlAuthType", "StringEquals", "lambda:FunctionUrlAuthType"),
            ("InvokedViaFunctionUrl", "Bool", "lambda:InvokedViaFunctionUrl"),
        ],
    )
}

/// The statement that a resource stands for, if the resource writes conditions as properties.
fn permission(resource: &Resource<'_>, principal: &str, conditions: &[(&str, &str, &str)]) -> Json {
    let principal = resource.property(principal).map_or(json!("*"), |principal| match pieces(principal).as_deref() {
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
            statement["Condition"][*operator][*key] = value.clone();
        }
    }
    statement
}

/// Finds policy documents by their shape, including documents that are written as a text.
fn find_documents(value: &Json, found: &mut Vec<Json>) {
    let statement = |json: &&Json| json.get("Effect").is_some() || text::intrinsic(json).is_some();
    let is_policy =
        |json: &Json| policy::statements(json).is_some_and(|list| !list.is_empty() && list.iter().all(statement));
    match value {
        Json::Object(_) if is_policy(value) => found.push(value.clone()),
        Json::Object(map) => map.values().for_each(|value| find_documents(value, found)),
        Json::Array(list) => list.iter().for_each(|value| find_documents(value, found)),
        Json::String(text) if text.trim_start().starts_with('{') && text.contains("\"Statement\"") => {
            found.extend(serde_json::from_str(text).ok().filter(is_policy));
        }
        _ => {}
    }
}

/// Finds the properties that name a role, such as `Role`, `RoleArn` or `ExecutionRoleArn`.
fn find_roles<'j>(value: &'j Json, path: &str, found: &mut Vec<(String, &'j Json)>) {
    match value {
        Json::Object(map) if text::intrinsic(value).is_none() => {
            for (key, value) in map {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                let is_role = ["Role", "RoleArn", "RoleARN"].iter().any(|end| key.ends_with(end));
                if is_role && pieces(value).is_some() {
                    found.push((path, value));
                } else {
                    find_roles(value, &path, found);
                }
            }
        }
        Json::Array(list) => {
            list.iter().enumerate().for_each(|(at, value)| find_roles(value, &format!("{path}[{at}]"), found));
        }
        _ => {}
    }
}
