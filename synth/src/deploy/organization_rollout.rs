//! Updates the members' stacks to the state of their StackSets, or deletes them.

use lambda::model::time::Timestamp;

use crate::config::{Administrator, MEMBER, Organization};
use crate::deploy::{
    administrator::{MayNotAdministerError, STACK_SET, TrustedAccess},
    aws::{
        AwsError, Session,
        cloudformation::{CloudFormation, Stack},
        stack_sets::{MemberScope, StackSet},
    },
    deploy_error::DeployError,
    interrupt::Interrupt,
    member_operation::OperationPhase,
    member_stack::{MemberStack, MemberState},
    member_watch::MemberWatch,
    message::Message,
    organization_progress::{FailedAccount, OrganizationOutcome},
    stack_status::StackState,
    stacks::{PollInterval, Stacks},
};
use crate::screen::counted;

/// What a deployment does with accounts that are not up to date when it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutdatedAccounts {
    /// It updates them: the StackSet itself did not change, so no operation has tried it.
    Update,
    /// It only reports them: the operation of the changed StackSet has just tried to update them.
    Report,
}

/// Checks that StackSets may work in the organization. A deployment calls this before it changes anything.
///
/// # Errors
/// [`DeployError::MayNotAdminister`] with the command that grants it.
pub async fn check_access(session: &Session, administrator: Administrator) -> Result<(), DeployError> {
    match session.trusted_access(administrator).await {
        Ok(TrustedAccess::Granted) => Ok(()),
        Ok(TrustedAccess::Missing) => Err(MayNotAdministerError::NoTrustedAccess(administrator).into()),
        // AWS knows no organization of this account, or does not let it administer StackSets.
        Err(AwsError::Refused { message, code, .. }) if code.as_str() == "ValidationError" => {
            let account = session.account.clone();
            Err(MayNotAdministerError::NotRegistered { administrator, account, message }.into())
        }
        Err(problem) => Err(problem.into()),
    }
}

/// The StackSets of a deployed stack: one, and one for the account that is changed first.
///
/// # Errors
/// [`AwsError`] if the resources of the stack cannot be listed.
pub async fn stack_sets(
    session: &Session,
    stack: &Stack,
    administrator: Administrator,
) -> Result<Vec<StackSet>, AwsError> {
    let resources = CloudFormation::new(session).resources(&stack.id).await?;
    let names =
        resources.into_iter().filter(|resource| resource.kind == STACK_SET).map(|resource| resource.physical_id);
    Ok(names.filter(|name| !name.is_empty()).map(|name| StackSet::named(session, &name, administrator)).collect())
}

/// The deployed template of the members: of all but the first account. `None` if there is none yet.
///
/// # Errors
/// [`AwsError`] if AWS does not show the StackSets of the stack.
pub async fn member_template(
    session: &Session,
    stack: &Stack,
    administrator: Administrator,
) -> Result<Option<String>, AwsError> {
    match stack_sets(session, stack, administrator).await?.last() {
        Some(set) => set.template().await,
        None => Ok(None),
    }
}

/// The member stack of the management account, with its name. StackSets skip this account. `name` is the name of the
/// rotation stack. `None` if there is no such member stack.
///
/// # Errors
/// [`AwsError`] if the stack cannot be read.
pub async fn management_member(
    session: &Session,
    name: &str,
    administrator: Administrator,
) -> Result<Option<(String, Stack)>, AwsError> {
    if administrator == Administrator::DelegatedAdministrator {
        return Ok(None);
    }
    let member_stack = format!("{name}{MEMBER}");
    let is_there = |stack: &Stack| StackState::of(Some(&stack.status)) != StackState::Absent;
    let found = CloudFormation::new(session).stack(&member_stack).await?.filter(is_there);
    Ok(found.map(|stack| (member_stack, stack)))
}

/// The name of the management account's member stack, if the configuration no longer selects the account. No StackSet
/// contains that stack, so none deletes it.
///
/// # Errors
/// [`AwsError`] if the stack cannot be read.
pub async fn unselected_management_member(
    session: &Session,
    name: &str,
    organization: &Organization,
) -> Result<Option<String>, AwsError> {
    if session.account.parse().is_ok_and(|account| organization.has_management_member(&account)) {
        return Ok(None);
    }
    Ok(management_member(session, name, organization.administrator).await?.map(|(stack, _)| stack))
}

/// Waits until no operation works on the members. Then updates the accounts that an earlier operation did not reach.
///
/// # Errors
/// [`DeployError`] if some accounts are not up to date at the end, or if that cannot be read.
pub async fn update_outdated(
    sets: Vec<StackSet>,
    outdated: OutdatedAccounts,
    interrupt: &Interrupt,
    stacks: &mut Stacks<'_>,
) -> Result<(), DeployError> {
    let mut members = Vec::new();
    for set in sets {
        let mut watch = MemberWatch::of(set, Timestamp::now());
        follow(&mut watch, interrupt, stacks).await?;
        let found = watch.set().members().await?;
        let behind = found.iter().filter(|member| member.state.needs_another_operation());
        let behind: Vec<_> = behind.map(|member| member.account.clone()).collect();
        if behind.is_empty() || outdated == OutdatedAccounts::Report {
            members.extend(found);
            continue;
        }
        let are = if behind.len() == 1 { "is" } else { "are" };
        stacks.note(&format!("Updating {} that {are} not up to date", counted(behind.len(), "account")));
        if let Some(targets) = watch.set().targets().await? {
            watch.set().update(&targets, &MemberScope::Accounts(behind)).await?;
            follow(&mut watch, interrupt, stacks).await?;
        }
        members.extend(watch.set().members().await?);
    }
    let outcome = outcome_of(&members);
    if outcome.is_complete() {
        stacks.note(&format!("{} up to date", counted(outcome.succeeded, "account")));
        return Ok(());
    }
    Err(DeployError::OutdatedMembers(outcome))
}

/// Deletes the stacks of all members. Returns their number.
///
/// # Errors
/// [`DeployError`] if a stack could not be deleted.
pub async fn delete_members(
    sets: Vec<StackSet>,
    interrupt: &Interrupt,
    stacks: &mut Stacks<'_>,
) -> Result<usize, DeployError> {
    let (mut deleted, mut left) = (0, Vec::new());
    for set in sets {
        let mut watch = MemberWatch::of(set, Timestamp::now());
        follow(&mut watch, interrupt, stacks).await?;
        let members = watch.set().members().await?.len();
        let Some(targets) = watch.set().targets().await?.filter(|_| members > 0) else { continue };
        watch.set().delete_members(&targets).await?;
        follow(&mut watch, interrupt, stacks).await?;
        let rest = watch.set().members().await?;
        deleted += members.saturating_sub(rest.len());
        left.extend(rest);
    }
    if left.is_empty() {
        return Ok(deleted);
    }
    let outcome = outcome_of(&left);
    let not_begun = outcome.not_begun + outcome.succeeded;
    let outcome = OrganizationOutcome { succeeded: deleted, not_begun, ..outcome };
    Err(DeployError::RemainingMembers(outcome))
}

/// Follows the operations of a StackSet until none runs.
async fn follow(watch: &mut MemberWatch, interrupt: &Interrupt, stacks: &mut Stacks<'_>) -> Result<(), DeployError> {
    let mut pace = PollInterval::default();
    loop {
        for update in watch.poll().await? {
            stacks.say(&Message::Members(&update));
        }
        stacks.watch(watch.summary());
        if !watch.is_running() {
            return Ok(());
        }
        let slept = interrupt.sleep(pace.next()).await;
        if slept.is_err() {
            stacks.watch(None);
            return Err(DeployError::Left { stack: watch.stack_set().to_owned() });
        }
    }
}

/// How the last operation ended, by the states of all stacks.
fn outcome_of(members: &[MemberStack]) -> OrganizationOutcome {
    let number = |state| members.iter().filter(|member| member.state == state).count();
    let failed = members.iter().filter(|member| matches!(member.state, MemberState::Failed | MemberState::Inoperable));
    let failed: Vec<_> = failed.map(FailedAccount::from).collect();
    let not_begun = number(MemberState::Cancelled) + number(MemberState::Outdated);
    let phase = if failed.is_empty() && not_begun == 0 { OperationPhase::Succeeded } else { OperationPhase::Running };
    // A suspended account counts as up to date: nothing runs in it, and StackSets brings it the template when it returns.
    let succeeded = members.len() - failed.len() - not_begun;
    OrganizationOutcome { phase, succeeded, failed, not_begun }
}
