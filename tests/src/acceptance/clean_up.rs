//! Deletes what a run has created, by names that only [`names`](super::names) makes.

use std::time::Duration;

use aws_sdk_cloudformation::types::StackStatus;
use lambda::model::time::{Span, Timestamp};
use serde_json::{Value as Json, json};

use super::{
    connection::{Connection, EndpointKind},
    leftovers::{FoundUser, Leftover},
    names::{self, OwnName, REGION_TAG, TestUser, USER_PATH},
    step_error::{StepError, call, ensure},
};

/// How long AWS may take to delete a stack. The artifact stack and the rotation stack each take a few minutes.
const STACK_PATIENCE: Duration = Duration::from_mins(30);
/// How long AWS may take to delete something else.
const PATIENCE: Duration = Duration::from_mins(2);
/// How long a KMS key waits for its deletion, if its template does not say otherwise (KMS Developer Guide, "Deleting AWS
/// KMS keys").
const KEY_WAITS: Span = Span::days(30);

/// What a clean-up did.
pub(super) struct Removal {
    /// What was deleted, each as text.
    pub(super) removed: Vec<String>,
    /// What could not be deleted, each with the reason.
    pub(super) left: Vec<String>,
}

impl Connection {
    /// The users below the path of acceptance runs.
    pub(super) async fn found_users(&self) -> Result<Vec<FoundUser>, StepError> {
        let mut found = Vec::new();
        let mut pages = self.iam.list_users().path_prefix(USER_PATH).into_paginator().send();
        while let Some(page) = pages.next().await {
            for user in page.map_err(|e| StepError::of("ListUsers", &e))?.users {
                let tags = call!("ListUserTags", self.iam.list_user_tags().user_name(&user.user_name))?.tags;
                let region = tags.into_iter().find(|tag| tag.key == REGION_TAG).map(|tag| tag.value);
                found.push(FoundUser { path: user.path, name: user.user_name, region });
            }
        }
        Ok(found)
    }

    /// Deletes everything that a run creates, whatever of it exists. `says` shows what is deleted.
    pub(super) async fn clean_up(&self, says: impl Fn(&str)) -> Removal {
        let mut removal = Removal { removed: Vec::new(), left: Vec::new() };
        for leftover in Leftover::ALL {
            let text = format!("{leftover} {}", leftover.name(&self.session.account, &self.session.region));
            match self.remove(leftover, &says).await {
                Ok(Found::Something) => removal.removed.push(text),
                Ok(Found::Nothing) => {}
                Err(e) => removal.left.push(format!("{text}: {e}")),
            }
        }
        removal
    }

    async fn remove(&self, leftover: Leftover, says: &impl Fn(&str)) -> Result<Found, StepError> {
        let name = leftover.name(&self.session.account, &self.session.region);
        let found = match leftover {
            Leftover::Stack | Leftover::ArtifactStack => self.remove_stack(&name, says).await?,
            Leftover::Queue => self.remove_queue(&name).await?,
            Leftover::Bucket => self.remove_bucket(&name).await?,
            Leftover::LogGroup => self.remove_log_group(&name).await?,
            Leftover::Secret(_) => self.remove_secret(&name).await?,
            Leftover::User(user) => self.remove_user(user).await?,
        };
        if found == Found::Something {
            says(&format!("deleted {leftover} {name}"));
        }
        Ok(found)
    }

    /// Waits until `gone` is true.
    async fn wait(&self, patience: Duration, gone: impl AsyncFn() -> Result<bool, StepError>) -> Result<(), StepError> {
        let began = tokio::time::Instant::now();
        while !gone().await? {
            ensure!(began.elapsed() < patience, "it is still there after {} s", patience.as_secs());
            tokio::time::sleep(self.pause()).await;
        }
        Ok(())
    }

    /// The time between two looks.
    pub(super) fn pause(&self) -> Duration {
        Duration::from_millis(if self.endpoint_kind == EndpointKind::Aws { 3_000 } else { 200 })
    }

    /// The status of a stack and the reason for it. `None` if there is no such stack.
    pub(super) async fn stack_status(&self, name: &OwnName) -> Result<Option<(StackStatus, String)>, StepError> {
        match call!("DescribeStacks", self.cloudformation.describe_stacks().stack_name(name.as_str())) {
            // CloudFormation has no special error code for a missing stack.
            Err(StepError::Call { code, message, .. })
                if code == "ValidationError" && message.contains("does not exist") =>
            {
                Ok(None)
            }
            described => {
                let stack = described?.stacks.unwrap_or_default().pop();
                let reason = |reason: Option<String>| reason.unwrap_or_default();
                Ok(stack.and_then(|stack| Some((stack.stack_status?, reason(stack.stack_status_reason)))))
            }
        }
    }

    /// Deletes a stack. If AWS is still at work on it, the deletion begins afterwards.
    async fn remove_stack(&self, name: &OwnName, says: &impl Fn(&str)) -> Result<Found, StepError> {
        let began = tokio::time::Instant::now();
        let (mut asked, mut found) = (false, Found::Nothing);
        loop {
            let Some((status, reason)) = self.stack_status(name).await? else { return Ok(found) };
            match status {
                StackStatus::DeleteComplete => return Ok(found),
                StackStatus::DeleteFailed if asked => {
                    return Err(StepError::Unexpected(format!("{}: {reason}", status.as_str())));
                }
                StackStatus::ReviewInProgress => {
                    self.delete_stack(name).await?;
                }
                status if status.as_str().ends_with("_IN_PROGRESS") => {}
                status if !asked => {
                    says(&format!("deleting the stack {name} ({}); this can take minutes", status.as_str()));
                    self.delete_stack(name).await?;
                    asked = true;
                }
                _ => {}
            }
            found = Found::Something;
            ensure!(began.elapsed() < STACK_PATIENCE, "it is still there after {} s", STACK_PATIENCE.as_secs());
            tokio::time::sleep(self.pause()).await;
        }
    }

    async fn delete_stack(&self, name: &OwnName) -> Result<(), StepError> {
        call!("DeleteStack", self.cloudformation.delete_stack().stack_name(name.as_str())).map(|_| ())
    }

    async fn remove_queue(&self, name: &OwnName) -> Result<Found, StepError> {
        let url = match call!("GetQueueUrl", self.sqs.get_queue_url().queue_name(name.as_str())) {
            Err(e)
                if e.code().is_some_and(|code| code.ends_with("NonExistentQueue") || code == "QueueDoesNotExist") =>
            {
                return Ok(Found::Nothing);
            }
            found => found?.queue_url.unwrap_or_default(),
        };
        call!("DeleteQueue", self.sqs.delete_queue().queue_url(url))?;
        Ok(Found::Something)
    }

    /// Deletes the bucket with all versions of its objects, if it belongs to this account.
    async fn remove_bucket(&self, name: &OwnName) -> Result<Found, StepError> {
        let bucket = ["--bucket", name.as_str(), "--expected-bucket-owner", self.session.account.as_str()];
        let run = async |arguments: &[&str]| self.cli(&[&["s3api"][..], arguments, &bucket[..]].concat()).await;
        match run(&["head-bucket"]).await {
            Err(StepError::Command(said)) if said.contains("(404)") => return Ok(Found::Nothing),
            answer => answer?,
        };
        loop {
            let listed = run(&["list-object-versions", "--max-items", "200"]).await?;
            let versions = ["Versions", "DeleteMarkers"].into_iter().filter_map(|kind| listed[kind].as_array());
            let objects =
                versions.flatten().map(|version| json!({ "Key": version["Key"], "VersionId": version["VersionId"] }));
            let objects: Vec<Json> = objects.collect();
            if objects.is_empty() {
                break;
            }
            let answer = run(&["delete-objects", "--delete", &json!({ "Objects": objects }).to_string()]).await?;
            ensure!(
                answer["Errors"].as_array().is_none_or(Vec::is_empty),
                "DeleteObjects failed: {}",
                answer["Errors"]
            );
        }
        run(&["delete-bucket"]).await?;
        Ok(Found::Something)
    }

    async fn remove_log_group(&self, name: &OwnName) -> Result<Found, StepError> {
        let listed = self.cli(&["logs", "describe-log-groups", "--log-group-name-prefix", name.as_str()]).await?;
        let groups = listed["logGroups"].as_array().map(Vec::as_slice).unwrap_or_default();
        if !groups.iter().any(|group| group["logGroupName"] == name.as_str()) {
            return Ok(Found::Nothing);
        }
        self.cli(&["logs", "delete-log-group", "--log-group-name", name.as_str()]).await?;
        Ok(Found::Something)
    }

    /// Deletes a secret without a recovery window, so that the next run can create it again.
    async fn remove_secret(&self, name: &OwnName) -> Result<Found, StepError> {
        let is_gone = async || match call!("DescribeSecret", self.secrets.describe_secret().secret_id(name.as_str())) {
            Err(e) if e.code() == Some("ResourceNotFoundException") => Ok(true),
            found => found.map(|_| false),
        };
        if is_gone().await? {
            return Ok(Found::Nothing);
        }
        let delete = self.secrets.delete_secret().secret_id(name.as_str()).force_delete_without_recovery(true);
        call!("DeleteSecret", delete)?;
        self.wait(PATIENCE, is_gone).await?;
        Ok(Found::Something)
    }

    /// Deletes a user with its keys and inline policies, if it has the path of acceptance runs.
    async fn remove_user(&self, user: TestUser) -> Result<Found, StepError> {
        let found = self.found_users().await?;
        if !found.iter().any(|found| TestUser::of(&found.path, &found.name) == Some(user)) {
            return Ok(Found::Nothing);
        }
        let name = user.name();
        for key in self.keys(user).await? {
            call!("DeleteAccessKey", self.iam.delete_access_key().user_name(name.as_str()).access_key_id(&key.id))?;
        }
        let policies = call!("ListUserPolicies", self.iam.list_user_policies().user_name(name.as_str()))?;
        for policy in policies.policy_names {
            call!("DeleteUserPolicy", self.iam.delete_user_policy().user_name(name.as_str()).policy_name(policy))?;
        }
        call!("DeleteUser", self.iam.delete_user().user_name(name.as_str()))?;
        Ok(Found::Something)
    }

    /// The subscriptions of the deleted topics that SNS still lists.
    pub(super) async fn subscriptions_left(&self) -> Result<Vec<String>, StepError> {
        let ours = format!(":{}-", names::stack());
        let mut left = Vec::new();
        let mut pages = self.sns.list_subscriptions().into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| StepError::of("ListSubscriptions", &e))?;
            let of_run = page.subscriptions.unwrap_or_default().into_iter();
            let of_run = of_run.filter(|found| found.topic_arn.as_ref().is_some_and(|topic| topic.contains(&ours)));
            left.extend(of_run.map(|found| {
                let state = found.subscription_arn.filter(|arn| !arn.starts_with("arn:"));
                let state = state.unwrap_or_else(|| "confirmed".to_owned());
                format!("{} ({state})", found.endpoint.unwrap_or_default())
            }));
        }
        Ok(left)
    }

    /// What AWS deletes later by itself: the KMS keys of the deleted stacks, and subscriptions.
    pub(super) async fn deleted_later(&self) -> Result<Vec<String>, StepError> {
        let mut later: Vec<_> =
            self.subscriptions_left().await?.into_iter().map(|left| format!("the subscription of {left}")).collect();
        let deleted = self.cloudformation.list_stacks().stack_status_filter(StackStatus::DeleteComplete);
        let mut pages = deleted.into_paginator().send();
        let mut stacks = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| StepError::of("ListStacks", &e))?;
            let (own, now) = (names::stack(), Timestamp::now());
            let is_recent = |at: Option<aws_sdk_cloudformation::primitives::DateTime>| {
                at.is_none_or(|at| now.since(Timestamp::from_unix(at.secs())) < KEY_WAITS)
            };
            let of_run = page.stack_summaries.unwrap_or_default().into_iter();
            let of_run = of_run.filter(|stack| stack.stack_name.as_deref() == Some(own.as_str()));
            stacks.extend(of_run.filter(|stack| is_recent(stack.deletion_time)).filter_map(|stack| stack.stack_id));
        }
        for stack in stacks {
            // AWS keeps the events of a deleted stack for 90 days.
            let mut pages = self.cloudformation.describe_stack_events().stack_name(stack).into_paginator().send();
            while let Some(page) = pages.next().await {
                let page = page.map_err(|e| StepError::of("DescribeStackEvents", &e))?;
                let deleted = page.stack_events.unwrap_or_default().into_iter().filter(|event| {
                    event.resource_type.as_deref() == Some("AWS::KMS::Key")
                        && event.resource_status.as_ref().is_some_and(|status| status.as_str() == "DELETE_COMPLETE")
                });
                later.extend(deleted.filter_map(|key| Some(format!("the KMS key {}", key.physical_resource_id?))));
            }
        }
        Ok(later)
    }
}

/// Whether there was something to delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Something,
    Nothing,
}
