//! Reads the state of a deployment to an organization, in the administering account only.

use lambda::model::time::Timestamp;
use serde_json::Value as Json;

use crate::config::Administrator;
use crate::deploy::{
    administrator,
    aws::{AwsError, Session, cloudformation::Stack},
    deployed_template,
    member_log::MemberLog,
    member_stack::MemberStack,
    organization_rollout::{management_member, stack_sets},
    organization_status::OrganizationStatus,
    stack_alarm, stack_recipients,
    subscriptions::StackTopic,
};

/// Gathers the state. `now` is the current time.
pub async fn gather(
    session: &Session,
    name: &str,
    stack: Stack,
    template: &Json,
    administrator: Administrator,
    now: Timestamp,
) -> OrganizationStatus {
    let (subscriptions, alarm_subscriptions, alarms, members) = tokio::join!(
        stack_recipients::of_topic(session, &stack, template, StackTopic::Notices),
        stack_recipients::of_topic(session, &stack, template, StackTopic::Alarms),
        session.alarms(stack_alarm::declared(template, name)),
        members_of(session, name, &stack, administrator),
    );
    let publisher = deployed_template::publisher(template, name);
    let log = match &publisher {
        Some(publisher) => {
            let accounts: Vec<_> = members.iter().flatten().map(|member| member.account.as_str()).collect();
            session.member_log(publisher, &accounts, now).await
        }
        None => Ok(MemberLog::default()),
    };
    OrganizationStatus {
        name: name.to_owned(),
        account: session.account.clone(),
        region: session.region.clone(),
        stack,
        at: now,
        configuration: None,
        alarms,
        subscriptions,
        alarm_subscriptions,
        members,
        publisher,
        log,
    }
}

/// The stacks of the members of a deployed stack with this name. `None` if the stack is not deployed to an organization.
///
/// # Errors
/// [`AwsError`] if the stack or its StackSet cannot be read.
pub async fn members(session: &Session, name: &str, stack: &Stack) -> Result<Option<Vec<MemberStack>>, AwsError> {
    let template = stack_recipients::template(session, stack).await?;
    match administrator::of_template(&template) {
        Some(administrator) => members_of(session, name, stack, administrator).await.map(Some),
        None => Ok(None),
    }
}

async fn members_of(
    session: &Session,
    name: &str,
    stack: &Stack,
    administrator: Administrator,
) -> Result<Vec<MemberStack>, AwsError> {
    let management_member = management_member(session, name, administrator).await?;
    let Session { account, region, .. } = session;
    let management_member = management_member
        .map(|(name, stack)| MemberStack::of_management_account(account, region, &name, &stack.status));
    let mut members: Vec<_> = management_member.into_iter().collect();
    for set in stack_sets(session, stack, administrator).await? {
        members.extend(set.members().await?);
    }
    members.sort_by(|one, other| one.account.cmp(&other.account));
    Ok(members)
}
