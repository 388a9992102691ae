//! Adapter for CloudFormation: stacks, change sets and events.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::{
    Client,
    error::ProvideErrorMetadata,
    types::{
        Capability, ChangeSetStatus, ChangeSetType, EventFilter, OperationEvent, Parameter, Replacement,
        RequiresRecreation, ResourceChange, ResourceChangeDetail, StackEvent,
    },
};
use lambda::model::time::Timestamp;

use super::{AwsError, Session, stack_sets::StackSet};
use crate::{
    config::Administrator,
    deploy::{
        progress::{Event, Older, Operation},
        root_cause::RootCause,
        stack_status::StackStatus,
        subscriptions::StackTopic,
    },
    diff::change_set::{self, ChangeSet, Detail, Planned},
};

/// The stacks of an account and a Region.
#[derive(Debug)]
pub struct CloudFormation(Client);

/// A stack in its current state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    /// The ARN of the stack. It identifies the stack even after its deletion.
    pub id: String,
    /// The status of the stack.
    pub status: StackStatus,
    /// The outputs of the stack, by name.
    pub outputs: BTreeMap<String, String>,
}

impl Stack {
    /// The ARN of a topic, if the stack has an output for it.
    #[must_use]
    pub fn topic(&self, topic: StackTopic) -> Option<&str> {
        self.outputs.get(topic.output()).map(String::as_str)
    }
}

/// A resource of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackResource {
    /// The logical id of the resource.
    pub id: String,
    /// The name or ARN of the resource. Empty while it has none.
    pub physical_id: String,
    /// The type of the resource.
    pub kind: String,
    /// The status of the resource.
    pub status: StackStatus,
}

/// How CloudFormation gets a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// The template is in the call.
    Text(String),
    /// The template is in a bucket, at this URL.
    Url(String),
}

/// The kind of a change set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeSetKind {
    /// It creates a new stack.
    Create,
    /// It changes an existing stack.
    Update,
}

/// The names that identify a change set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The name of the stack.
    pub stack: String,
    /// The name of the change set. It is also the token of the operation that executes it.
    pub name: String,
}

/// The state of a change set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Drafted {
    /// CloudFormation is still creating it.
    NotYet,
    /// It can be executed. Holds its contents and the ARN of the stack.
    Ready(ChangeSet, String),
    /// There is nothing to change.
    Empty,
    /// CloudFormation refuses it, for this reason.
    Refused(String),
}

impl CloudFormation {
    /// The stacks of the session's account and Region.
    #[must_use]
    pub fn new(session: &Session) -> Self {
        Self(Client::new(&session.config))
    }

    /// The StackSet with this name or id, in the same account and Region.
    #[must_use]
    pub fn stack_set(&self, name: &str, administrator: Administrator) -> StackSet {
        StackSet::of_client(self.0.clone(), name, administrator)
    }

    /// Finds a stack by its name or ARN. `None` if it does not exist.
    ///
    /// # Errors
    /// [`AwsError`] if the stack cannot be read.
    pub async fn stack(&self, name: &str) -> Result<Option<Stack>, AwsError> {
        let described = match self.0.describe_stacks().stack_name(name).send().await {
            Err(e) if is_missing(&e) => return Ok(None),
            described => described.map_err(|e| AwsError::of(&format!("read the stack {name}"), &e))?,
        };
        let Some(stack) = described.stacks.unwrap_or_default().pop() else { return Ok(None) };
        let (Some(id), Some(status)) = (stack.stack_id, stack.stack_status) else {
            return Err(AwsError::incomplete("DescribeStacks", "status"));
        };
        let outputs = stack.outputs.unwrap_or_default().into_iter();
        let outputs = outputs.filter_map(|output| Some((output.output_key?, output.output_value?))).collect();
        Ok(Some(Stack { id, status: StackStatus::new(status.as_str()), outputs }))
    }

    /// The template of a stack, exactly as it was submitted.
    ///
    /// # Errors
    /// [`AwsError`] if the template cannot be read.
    pub async fn template(&self, stack: &str) -> Result<String, AwsError> {
        let original = aws_sdk_cloudformation::types::TemplateStage::Original;
        let template = self.0.get_template().stack_name(stack).template_stage(original).send().await;
        let template = template.map_err(|e| AwsError::of(&format!("read the template of the stack {stack}"), &e))?;
        template.template_body.ok_or_else(|| AwsError::incomplete("GetTemplate", "template"))
    }

    /// Lists the resources of a stack.
    ///
    /// # Errors
    /// [`AwsError`] if a page of the list cannot be read.
    pub async fn resources(&self, stack: &str) -> Result<Vec<StackResource>, AwsError> {
        let mut pages = self.0.list_stack_resources().stack_name(stack).into_paginator().send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| AwsError::of(&format!("list the resources of the stack {stack}"), &e))?;
            let resources = page.stack_resource_summaries.unwrap_or_default().into_iter();
            all.extend(resources.filter_map(|resource| {
                Some(StackResource {
                    id: resource.logical_resource_id?,
                    physical_id: resource.physical_resource_id.unwrap_or_default(),
                    kind: resource.resource_type?,
                    status: StackStatus::new(resource.resource_status?.as_str()),
                })
            }));
        }
        Ok(all)
    }

    /// Starts to create a change set. If the stack does not exist, CloudFormation creates an empty one, without
    /// resources.
    ///
    /// # Errors
    /// [`AwsError`] if AWS refuses the call.
    pub async fn create_change_set(
        &self,
        draft: &Draft,
        kind: ChangeSetKind,
        template: &Body,
        parameters: &[(&str, String)],
    ) -> Result<(), AwsError> {
        let kind = match kind {
            ChangeSetKind::Create => ChangeSetType::Create,
            ChangeSetKind::Update => ChangeSetType::Update,
        };
        let parameters = parameters
            .iter()
            .map(|(key, value)| Parameter::builder().parameter_key(*key).parameter_value(value).build());
        let call = self.0.create_change_set().stack_name(&draft.stack).change_set_name(&draft.name);
        let call = call.client_token(&draft.name).change_set_type(kind).capabilities(Capability::CapabilityIam);
        let call = call.set_parameters(Some(parameters.collect()));
        let call = match template {
            Body::Text(text) => call.template_body(text),
            Body::Url(url) => call.template_url(url),
        };
        call.send().await.map_err(|e| AwsError::of(&format!("make a change set for the stack {}", draft.stack), &e))?;
        Ok(())
    }

    /// The state of a change set.
    ///
    /// # Errors
    /// [`AwsError`] if the change set cannot be read.
    pub async fn change_set(&self, draft: &Draft) -> Result<Drafted, AwsError> {
        let mut changes = Vec::new();
        let mut next = None;
        loop {
            let call = self.0.describe_change_set().stack_name(&draft.stack).change_set_name(&draft.name);
            let page = call.set_next_token(next).send().await;
            let page =
                page.map_err(|e| AwsError::of(&format!("read the change set of the stack {}", draft.stack), &e))?;
            match page.status {
                Some(ChangeSetStatus::CreatePending | ChangeSetStatus::CreateInProgress) => return Ok(Drafted::NotYet),
                Some(ChangeSetStatus::CreateComplete) => {}
                status => {
                    let status = status.map_or_else(String::new, |status| status.as_str().to_owned());
                    let reason = page.status_reason.unwrap_or(status);
                    return Ok(if is_empty(&reason) { Drafted::Empty } else { Drafted::Refused(reason) });
                }
            }
            let resources = page.changes.unwrap_or_default().into_iter().filter_map(|change| change.resource_change);
            changes.extend(resources.map(planned));
            next = page.next_token;
            if next.is_none() {
                let stack_id = page.stack_id.ok_or_else(|| AwsError::incomplete("DescribeChangeSet", "stack"))?;
                return Ok(Drafted::Ready(ChangeSet { changes }, stack_id));
            }
        }
    }

    /// The reasons why CloudFormation refused a change set, by resource. Empty if it gives none.
    ///
    /// # Errors
    /// [`AwsError`] if the reasons cannot be read.
    pub async fn refusals(&self, draft: &Draft) -> Result<Vec<RootCause>, AwsError> {
        // DescribeEvents needs the ARN. It does not find a change set by its name.
        let call = self.0.describe_change_set().stack_name(&draft.stack).change_set_name(&draft.name);
        let described = call.send().await.map_err(|e| AwsError::of("read the change set", &e))?;
        let id = described.change_set_id.ok_or_else(|| AwsError::incomplete("DescribeChangeSet", "ARN"))?;
        let failed = EventFilter::builder().failed_events(true).build();
        let events = self.0.describe_events().change_set_name(id).filters(failed).send().await;
        let events = events.map_err(|e| AwsError::of("read why the change set was refused", &e))?;
        Ok(events.operation_events.unwrap_or_default().into_iter().filter_map(refusal).collect())
    }

    /// Deletes a change set if it exists.
    ///
    /// # Errors
    /// [`AwsError`] if AWS refuses the call.
    pub async fn delete_change_set(&self, draft: &Draft) -> Result<(), AwsError> {
        let call = self.0.delete_change_set().stack_name(&draft.stack).change_set_name(&draft.name);
        match call.send().await {
            Err(e) if is_missing(&e) => Ok(()),
            deleted => {
                deleted
                    .map_err(|e| AwsError::of(&format!("delete the change set of the stack {}", draft.stack), &e))?;
                Ok(())
            }
        }
    }

    /// Whether a stack has change sets.
    ///
    /// # Errors
    /// [`AwsError`] if the change sets cannot be listed.
    pub async fn has_change_sets(&self, stack: &str) -> Result<bool, AwsError> {
        let listed = self.0.list_change_sets().stack_name(stack).send().await;
        let listed = listed.map_err(|e| AwsError::of(&format!("list the change sets of the stack {stack}"), &e))?;
        Ok(!listed.summaries().is_empty())
    }

    /// Executes a change set. The events of the operation have the name of the change set as their token.
    ///
    /// # Errors
    /// [`AwsError`] if AWS refuses the call.
    pub async fn execute(&self, draft: &Draft) -> Result<(), AwsError> {
        let call = self.0.execute_change_set().stack_name(&draft.stack).change_set_name(&draft.name);
        let executed = call.client_request_token(&draft.name).send().await;
        executed.map_err(|e| AwsError::of(&format!("execute the change set of the stack {}", draft.stack), &e))?;
        Ok(())
    }

    /// Starts to delete a stack. The events of the operation have this token.
    ///
    /// # Errors
    /// [`AwsError`] if AWS refuses the call.
    pub async fn delete_stack(&self, id: &str, token: &str) -> Result<(), AwsError> {
        let deleted = self.0.delete_stack().stack_name(id).client_request_token(token).send().await;
        deleted.map_err(|e| AwsError::of(&format!("delete the stack {id}"), &e))?;
        Ok(())
    }

    /// The events of an operation on a stack, newest first.
    ///
    /// # Errors
    /// [`AwsError`] if the events cannot be read.
    pub async fn events(&self, stack_id: &str, operation: &Operation) -> Result<Vec<Event>, AwsError> {
        let mut all = Vec::new();
        let mut next = None;
        loop {
            let page = self.0.describe_stack_events().stack_name(stack_id).set_next_token(next).send().await;
            let page = page.map_err(|e| AwsError::of(&format!("follow the stack {stack_id}"), &e))?;
            let events: Vec<_> = page.stack_events.unwrap_or_default().into_iter().filter_map(event).collect();
            let (events, older) = operation.select(&events);
            all.extend(events);
            next = page.next_token;
            if older == Older::None || next.is_none() {
                return Ok(all);
            }
        }
    }
}

/// Whether the error means that a stack or change set does not exist. CloudFormation has no special error code for a
/// missing stack.
fn is_missing<E: ProvideErrorMetadata>(error: &E) -> bool {
    match error.code() {
        Some("ChangeSetNotFound" | "ChangeSetNotFoundException") => true,
        Some("ValidationError") => error.message().is_some_and(|message| message.contains("does not exist")),
        _ => false,
    }
}

/// Whether the reason means that a change set failed only because there is nothing to change.
fn is_empty(reason: &str) -> bool {
    reason.contains("didn't contain changes") || reason.contains("No updates are to be performed")
}

fn planned(change: ResourceChange) -> Planned {
    let action = change.action.as_ref().map_or("", |action| action.as_str());
    let replacement = change.replacement.as_ref().map(Replacement::as_str);
    Planned {
        action: change_set::ResourceAction::of(action, replacement),
        id: change.logical_resource_id.unwrap_or_default(),
        kind: change.resource_type.unwrap_or_default(),
        details: change.details.unwrap_or_default().into_iter().map(detail).collect(),
    }
}

fn detail(detail: ResourceChangeDetail) -> Detail {
    let target = detail.target;
    let recreation = target.as_ref().and_then(|target| target.requires_recreation.as_ref());
    let recreation = recreation.map(RequiresRecreation::as_str);
    let source = detail.change_source.as_ref().map_or("", |source| source.as_str());
    let attribute = target.as_ref().and_then(|target| target.attribute.as_ref()).map(|word| word.as_str().to_owned());
    Detail {
        replaces: change_set::Replacement::of(recreation),
        cause: change_set::ChangeCause::of(source, detail.causing_entity.as_deref()),
        property: target.and_then(|target| target.name).or(attribute).unwrap_or_default(),
    }
}

fn refusal(event: OperationEvent) -> Option<RootCause> {
    let reason = event.validation_status_reason.or(event.hook_status_reason).or(event.resource_status_reason)?;
    let (resource, kind) = (event.logical_resource_id?, event.resource_type.unwrap_or_default());
    Some(RootCause::new(resource, kind, reason))
}

fn event(event: StackEvent) -> Option<Event> {
    Some(Event {
        id: event.event_id?,
        at: Timestamp::from_unix(event.timestamp?.secs()),
        resource: event.logical_resource_id?,
        physical_id: event.physical_resource_id.unwrap_or_default(),
        kind: event.resource_type.unwrap_or_default(),
        status: StackStatus::new(event.resource_status?.as_str()),
        reason: event.resource_status_reason.filter(|reason| !reason.is_empty()),
        token: event.client_request_token,
        stack_id: event.stack_id?,
    })
}
