//! The StackSet that gives each member its stack.
//!
//! - **The members' template is named by its hash.** So the template of the administering account determines what its members
//!   get, and its approval covers both templates. The version of the object is a parameter, so that no other file can
//!   take its place.
//! - **StackSets cannot begin with one account.** The concurrency of an operation depends only on its failure tolerance. So the
//!   account that `first` names has a StackSet of its own, and the other one follows it. CloudFormation changes the others only
//!   after the first has succeeded.
//! - **2% of the accounts may fail.** In strict mode, AWS changes at most one account more at once than may still fail. So ten
//!   accounts are changed one by one, and a thousand in waves of 21.
//! - **An account that leaves loses its stack**, unless it is the first one or is in a list of accounts. Its notices could
//!   not be sent: the bus takes no events from outside the organization.

use sha2::{Digest as _, Sha256};

use crate::{
    cfn::{
        Dependency, Pseudo, Template, Text,
        name::id,
        resource::{
            AccountFilterType, AutoDeployment, Capability, ConcurrencyMode, DeploymentTargets, ManagedExecution,
            OperationPreferences, PermissionModel, StackInstances, StackSet, StackSetParameter,
        },
        template::{Parameter, ParameterType},
        value::Part,
    },
    config::{Config, MemberAccounts, Organization},
    stack::member_parameters::MemberParameters,
};

/// One StackSet of the administering account's stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberStackSet {
    /// Its logical id in the template.
    pub logical_id: &'static str,
    /// Its name.
    pub name: String,
}

/// The StackSets with the members' stacks, in the order in which they are changed. None without `organization`.
#[must_use]
pub fn member_stack_sets(config: &Config) -> Vec<MemberStackSet> {
    let Some(organization) = &config.organization else { return Vec::new() };
    let stack = config.stack_name.as_str();
    let first = organization
        .first
        .as_ref()
        .map(|_| MemberStackSet { logical_id: FIRST_MEMBER, name: format!("{stack}{AFTER}") });
    first.into_iter().chain([MemberStackSet { logical_id: MEMBERS, name: stack.to_owned() }]).collect()
}

/// The logical id of the StackSet of the account that is changed first.
pub const FIRST_MEMBER: &str = "FirstMember";

const MEMBERS: &str = "Members";

/// What follows the name of the stack in the name of the first StackSet.
const AFTER: &str = "-first";

/// The key of the members' template in the artifact bucket: the hash of its text.
#[must_use]
pub fn member_template_key(document: &str) -> String {
    let mut key = String::new();
    for byte in Sha256::digest(document) {
        key += &format!("{byte:02x}");
    }
    key + ".yaml"
}

/// The parameter with the version of the members' template.
pub const MEMBER_TEMPLATE_VERSION: &str = "MemberTemplateVersion";

/// Adds the StackSets. `document` is the members' template, which is in the bucket of the package. `before` must exist before a
/// member starts a run.
pub(super) fn stack_sets(
    t: &mut Template,
    organization: &Organization,
    document: &str,
    parameters: &MemberParameters<Part>,
    before: Vec<Dependency>,
) {
    let version = t.parameter(
        id!(MEMBER_TEMPLATE_VERSION),
        Parameter {
            kind: ParameterType::String,
            description: "The version of the members' template in the bucket, so that no other file can take its place",
            allowed_pattern: r"^\S{1,1024}$",
        },
    );
    let template_url = Text::of([
        "https://".into(),
        parameters.code_bucket.clone(),
        ".s3.".into(),
        Pseudo::Region.into(),
        ".".into(),
        Pseudo::UrlSuffix.into(),
        format!("/{}?versionId=", member_template_key(document)).into(),
        version.reference().into(),
    ]);
    let stack_set = |name: Text, accounts: &MemberAccounts| {
        let list = |accounts: &[_]| accounts.iter().map(ToString::to_string).collect();
        let (filter, accounts) = match accounts {
            MemberAccounts::All => (None, None),
            MemberAccounts::Only(accounts) => (Some(AccountFilterType::Intersection), Some(list(accounts))),
            MemberAccounts::AllBut(accounts) => (Some(AccountFilterType::Difference), Some(list(accounts))),
        };
        // Automatic deployment knows no filter, so a list of accounts would not be the whole list.
        let is_closed = filter == Some(AccountFilterType::Intersection);
        StackSet {
            stack_set_name: name,
            description: "Rotates the access keys of IAM users in the accounts of an organization",
            permission_model: PermissionModel::ServiceManaged,
            call_as: organization.administrator.call_as(),
            capabilities: vec![Capability::Iam],
            template_url: template_url.clone(),
            parameters: parameters
                .clone()
                .named()
                .map(|(key, value)| StackSetParameter { key, value: value.into() })
                .into(),
            auto_deployment: AutoDeployment { enabled: !is_closed, retain_stacks: (!is_closed).then_some(false) },
            managed_execution: ManagedExecution { active: true },
            operation_preferences: OperationPreferences {
                concurrency_mode: ConcurrencyMode::Strict,
                failure_tolerance: 2,
                max_concurrent: 10,
            },
            stack_instances_group: vec![StackInstances {
                deployment_targets: DeploymentTargets {
                    units: organization.units.iter().map(ToString::to_string).collect(),
                    filter,
                    accounts,
                },
                regions: vec![organization.region.to_string()],
            }],
        }
    };
    let mut before = before;
    if let Some(first) = &organization.first {
        let name = Text::of([Pseudo::StackName.into(), AFTER.into()]);
        let added = t.add_after(
            id!(FIRST_MEMBER),
            "Gives one account its stack before all others. If that fails, no other account is changed.",
            before.clone(),
            stack_set(name, &MemberAccounts::Only(vec![first.clone()])),
        );
        before.push(added.dependency());
    }
    let others = match (&organization.accounts, &organization.first) {
        (accounts, None) => accounts.clone(),
        (MemberAccounts::All, Some(first)) => MemberAccounts::AllBut(vec![first.clone()]),
        (MemberAccounts::Only(list), Some(first)) => {
            MemberAccounts::Only(list.iter().filter(|account| *account != first).cloned().collect())
        }
        (MemberAccounts::AllBut(list), Some(first)) => {
            MemberAccounts::AllBut(list.iter().cloned().chain([first.clone()]).collect())
        }
    };
    t.add_after(
        id!(MEMBERS),
        "Gives each member its stack, in waves. It stops when more than 2% of the accounts have failed.",
        before,
        stack_set(Pseudo::StackName.into(), &others),
    );
}
