//! Adapter for CloudFormation StackSets: the operations of a StackSet, and its stacks in the members' accounts.

use aws_sdk_cloudformation::{
    Client,
    error::ProvideErrorMetadata,
    types::{
        self, AccountFilterType, CallAs, DeploymentTargets, OrganizationStatus, StackInstanceSummary,
        StackSetOperationPreferences, StackSetOperationResultSummary, StackSetOperationSummary,
    },
};
use lambda::model::time::Timestamp;

use super::{AwsError, Session};
use crate::{
    config::Administrator,
    deploy::{
        administrator::TrustedAccess,
        member_operation::{AccountPhase, AccountResult, MemberOperation, OperationPhase},
        member_stack::{MemberStack, MemberState},
    },
};

/// A StackSet with service-managed permissions.
#[derive(Debug)]
pub struct StackSet {
    client: Client,
    /// The name of the StackSet, or its name with its id.
    name: String,
    caller: CallAs,
}

/// Where a StackSet has its stacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackSetTargets {
    /// The organizational units or roots.
    pub units: Vec<String>,
    /// The Regions of the stacks.
    pub regions: Vec<String>,
}

/// The accounts that an operation of this program changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberScope {
    /// All accounts of the StackSet.
    All,
    /// Only these accounts.
    Accounts(Vec<String>),
}

impl Session {
    /// Whether StackSets may work in the accounts of the organization.
    ///
    /// # Errors
    /// [`AwsError`] if AWS refuses to say so: for example, because the account does not administer StackSets.
    pub async fn trusted_access(&self, administrator: Administrator) -> Result<TrustedAccess, AwsError> {
        let call = Client::new(&self.config).describe_organizations_access().call_as(caller(administrator));
        let doing = "see whether StackSets may work in the organization (cloudformation:DescribeOrganizationsAccess)";
        let access = call.send().await.map_err(|e| AwsError::of(doing, &e))?;
        Ok(match access.status {
            Some(OrganizationStatus::Enabled) => TrustedAccess::Granted,
            _ => TrustedAccess::Missing,
        })
    }
}

impl StackSet {
    /// The StackSet with this name, or with this name and id.
    #[must_use]
    pub fn named(session: &Session, name: &str, administrator: Administrator) -> Self {
        Self::of_client(Client::new(&session.config), name, administrator)
    }

    pub(super) fn of_client(client: Client, name: &str, administrator: Administrator) -> Self {
        Self { client, name: name.to_owned(), caller: caller(administrator) }
    }

    /// The name of the StackSet, or its name with its id.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The organizational units and the Regions of the StackSet. `None` if it does not exist.
    ///
    /// # Errors
    /// [`AwsError`] if it cannot be read.
    pub async fn targets(&self) -> Result<Option<StackSetTargets>, AwsError> {
        Ok(self.described().await?.map(|set| StackSetTargets {
            units: set.organizational_unit_ids.unwrap_or_default(),
            regions: set.regions.unwrap_or_default(),
        }))
    }

    async fn described(&self) -> Result<Option<types::StackSet>, AwsError> {
        let call = self.client.describe_stack_set().stack_set_name(&self.name).call_as(self.caller.clone()).send();
        let described = match call.await {
            Err(e) if e.code() == Some("StackSetNotFoundException") => return Ok(None),
            described => described.map_err(|e| self.failed("read", &e))?,
        };
        described.stack_set.map(Some).ok_or_else(|| AwsError::incomplete("DescribeStackSet", "StackSet"))
    }

    /// The template of the StackSet, as it was submitted. `None` if it does not exist.
    ///
    /// # Errors
    /// [`AwsError`] if it cannot be read.
    pub async fn template(&self) -> Result<Option<String>, AwsError> {
        Ok(self.described().await?.and_then(|set| set.template_body))
    }

    /// The operations of the StackSet, newest first.
    ///
    /// # Errors
    /// [`AwsError`] if a page of the list cannot be read.
    pub async fn operations(&self) -> Result<Vec<MemberOperation>, AwsError> {
        let call = self.client.list_stack_set_operations().stack_set_name(&self.name).call_as(self.caller.clone());
        let mut pages = call.into_paginator().items().send();
        let mut all = Vec::new();
        while let Some(operation) = pages.next().await {
            all.extend(self::operation(operation.map_err(|e| self.failed("list the operations of", &e))?));
        }
        all.sort_by_key(|operation| std::cmp::Reverse(operation.requested));
        Ok(all)
    }

    /// What an operation did in each account so far.
    ///
    /// # Errors
    /// [`AwsError`] if a page of the list cannot be read.
    pub async fn results(&self, operation: &str) -> Result<Vec<AccountResult>, AwsError> {
        let call = self.client.list_stack_set_operation_results().stack_set_name(&self.name).operation_id(operation);
        let mut pages = call.call_as(self.caller.clone()).into_paginator().items().send();
        let mut all = Vec::new();
        while let Some(result) = pages.next().await {
            all.extend(self::result(result.map_err(|e| self.failed("follow", &e))?));
        }
        Ok(all)
    }

    /// The stacks of the StackSet, by account.
    ///
    /// # Errors
    /// [`AwsError`] if a page of the list cannot be read.
    pub async fn members(&self) -> Result<Vec<MemberStack>, AwsError> {
        let call = self.client.list_stack_instances().stack_set_name(&self.name).call_as(self.caller.clone());
        let mut pages = call.into_paginator().items().send();
        let mut all = Vec::new();
        while let Some(member) = pages.next().await {
            all.extend(self::member(member.map_err(|e| self.failed("list the stacks of", &e))?));
        }
        all.sort_by(|one: &MemberStack, other| (&one.account, &one.region).cmp(&(&other.account, &other.region)));
        Ok(all)
    }

    /// Starts to update the stacks of these accounts to the template of the StackSet. Returns the id of the operation.
    ///
    /// # Errors
    /// [`AwsError`] if AWS refuses the call.
    pub async fn update(&self, targets: &StackSetTargets, scope: &MemberScope) -> Result<String, AwsError> {
        let call = self.client.update_stack_instances().stack_set_name(&self.name).call_as(self.caller.clone());
        let call = call.deployment_targets(deployment_targets(targets, scope));
        let call = call.set_regions(Some(targets.regions.clone())).operation_preferences(preferences());
        let updated = call.send().await.map_err(|e| self.failed("bring the accounts up to date with", &e))?;
        updated.operation_id.ok_or_else(|| AwsError::incomplete("UpdateStackInstances", "operation"))
    }

    /// Starts to delete all stacks of the StackSet in the members' accounts. Returns the id of the operation.
    ///
    /// # Errors
    /// [`AwsError`] if AWS refuses the call.
    pub async fn delete_members(&self, targets: &StackSetTargets) -> Result<String, AwsError> {
        let call = self.client.delete_stack_instances().stack_set_name(&self.name).call_as(self.caller.clone());
        let call = call.deployment_targets(deployment_targets(targets, &MemberScope::All)).retain_stacks(false);
        let call = call.set_regions(Some(targets.regions.clone())).operation_preferences(preferences());
        let deleted = call.send().await.map_err(|e| self.failed("delete the stacks of", &e))?;
        deleted.operation_id.ok_or_else(|| AwsError::incomplete("DeleteStackInstances", "operation"))
    }

    fn failed<E: ProvideErrorMetadata + std::error::Error + 'static>(
        &self,
        doing: &str,
        error: &aws_sdk_cloudformation::error::SdkError<E, aws_sdk_cloudformation::config::http::HttpResponse>,
    ) -> AwsError {
        // The id after the colon means nothing to a person.
        let name = self.name.split(':').next().unwrap_or(&self.name);
        AwsError::of(&format!("{doing} the StackSet {name}"), error)
    }
}

fn caller(administrator: Administrator) -> CallAs {
    CallAs::from(administrator.call_as().as_str())
}

/// How an operation of this program changes the accounts that the template's own operation did not reach. A few at once are
/// enough. A failure in one account does not stop the others, because all of them may have failed before.
fn preferences() -> StackSetOperationPreferences {
    StackSetOperationPreferences::builder().max_concurrent_percentage(25).failure_tolerance_percentage(100).build()
}

fn deployment_targets(targets: &StackSetTargets, scope: &MemberScope) -> DeploymentTargets {
    let units = DeploymentTargets::builder().set_organizational_unit_ids(Some(targets.units.clone()));
    match scope {
        MemberScope::All => units.build(),
        MemberScope::Accounts(accounts) => {
            units.set_accounts(Some(accounts.clone())).account_filter_type(AccountFilterType::Intersection).build()
        }
    }
}

fn operation(summary: StackSetOperationSummary) -> Option<MemberOperation> {
    Some(MemberOperation {
        id: summary.operation_id?,
        phase: OperationPhase::of(summary.status?.as_str()),
        requested: Timestamp::from_unix(summary.creation_timestamp?.secs()),
    })
}

fn result(summary: StackSetOperationResultSummary) -> Option<AccountResult> {
    Some(AccountResult {
        account: summary.account?,
        phase: AccountPhase::of(summary.status?.as_str()),
        reason: summary.status_reason.filter(|reason| !reason.is_empty()),
    })
}

fn member(summary: StackInstanceSummary) -> Option<MemberStack> {
    let detailed = summary.stack_instance_status.and_then(|status| status.detailed_status);
    let detailed = detailed.as_ref().map_or("", |status| status.as_str());
    Some(MemberStack {
        account: summary.account?,
        region: summary.region?,
        unit: summary.organizational_unit_id.filter(|unit| !unit.is_empty()),
        state: MemberState::of(summary.status?.as_str(), detailed),
        reason: summary.status_reason.filter(|reason| !reason.is_empty()),
    })
}
