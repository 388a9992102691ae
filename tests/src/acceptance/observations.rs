//! The open questions about AWS that an account can answer. An observation never makes a run fail.

use std::time::Duration;

use lambda::model::time::{Span, Timestamp};
use serde_json::json;
use tokio::time::Instant;

use super::{
    checks::Run,
    connection::EndpointKind,
    names::{self, REGION_TAG, TestUser, USER_PATH},
    results::Outcome,
    step_error::{StepError, call, ensure},
    steps::Step,
};
use crate::account::OwnedKey;

/// How long a new key is tried.
const KEY_TRIES: Duration = Duration::from_mins(1);
/// After so many accepted calls in a row, a new key works.
const IN_A_ROW: u32 = 10;
/// How long a change of a policy is waited for.
const POLICY_PATIENCE: Duration = Duration::from_mins(1);
/// How long the first run of the schedule is waited for.
const FIRST_RUN: Duration = Duration::from_mins(2);

/// The answer where an emulator answers.
const LOCAL: &str = "not shown by a local AWS";

/// The last line that a run logs.
const SUMMARY: &str = "{ $.summary.users = * }";

/// The policy of the observation about conditions.
const POLICY: &str = "Observation";

impl Run<'_> {
    /// Answers one question.
    pub(super) async fn observe(&mut self, step: Step) -> Result<Outcome, StepError> {
        if self.connection.endpoint_kind == EndpointKind::Local {
            return Ok(Outcome::NotShown(LOCAL.to_owned()));
        }
        let seen = match step {
            Step::KeyDelay => self.key_delay().await,
            Step::ResourceTag => self.resource_tag().await,
            Step::NameCase => self.name_case().await,
            Step::FirstRun => self.first_run().await,
            Step::LastUse => self.last_use().await,
            Step::PendingSubscription => self.pending_subscription().await,
            other => Err(StepError::Unexpected(format!("{other:?} is no question"))),
        };
        seen.map(Outcome::Done)
    }

    fn key(&self) -> Result<&OwnedKey, StepError> {
        self.first_keys.first().ok_or_else(|| StepError::Unexpected("there is no key".into()))
    }

    /// The time of the first accepted call, and of the last refused one. Even after a success, some calls fail.
    async fn key_delay(&mut self) -> Result<String, StepError> {
        let (began, key) = (Instant::now(), self.key()?.clone());
        let (mut first, mut last_refusal, mut in_a_row) = (None, None, 0);
        while in_a_row < IN_A_ROW && began.elapsed() < KEY_TRIES {
            if self.connection.identity(&key).await.is_ok() {
                first.get_or_insert(began.elapsed());
                in_a_row += 1;
            } else {
                last_refusal = Some(began.elapsed());
                in_a_row = 0;
            }
            self.interrupt.sleep(Duration::from_millis(500)).await?;
        }
        self.first_use = first.map(|after| began + after);
        let seconds = |time: Option<Duration>| {
            time.map_or("never".to_owned(), |time| format!("after {:.1} s", time.as_secs_f64()))
        };
        Ok(format!("first accepted {}, last refused {}", seconds(first), seconds(last_refusal)))
    }

    /// The first user may call GetAccessKeyLastUsed only if the user of the key has a tag. Then with a value that it does
    /// not have.
    async fn resource_tag(&mut self) -> Result<String, StepError> {
        let region = self.connection.session.region.clone();
        let with_tag = self.is_allowed_with(&region).await?;
        let with_other_value = self.is_allowed_with("another-value").await?;
        self.delete_policy().await?;
        let word = |allowed| if allowed { "allowed" } else { "denied" };
        let meaning = match (with_tag, with_other_value) {
            (true, false) => "yes",
            (false, false) => "no, the key is missing in the request",
            (true, true) => "no, the condition has no effect",
            (false, true) => "unclear",
        };
        Ok(format!(
            "{meaning}: with the user's own tag {}, with another value {}",
            word(with_tag),
            word(with_other_value)
        ))
    }

    /// Whether the call is allowed if the tag must have this value.
    async fn is_allowed_with(&self, value: &str) -> Result<bool, StepError> {
        let (user, key) = (TestUser::First.name(), self.key()?);
        let arn = format!(
            "arn:{}:iam::{}:user{USER_PATH}{user}",
            self.connection.session.partition(),
            self.connection.session.account
        );
        let condition = format!("aws:ResourceTag/{REGION_TAG}");
        let policy = json!({ "Version": "2012-10-17", "Statement": [
            {
                "Effect": "Allow",
                "Action": "iam:GetAccessKeyLastUsed",
                "Resource": "*",
                "Condition": { "StringEquals": { (condition): value } },
            },
            // Shows when the policy is in effect.
            { "Sid": "InEffect", "Effect": "Allow", "Action": "iam:GetUserPolicy", "Resource": arn },
        ]});
        let put = self.connection.iam.put_user_policy().user_name(user.as_str()).policy_name(POLICY);
        call!("PutUserPolicy", put.policy_document(policy.to_string()))?;
        let iam = self.connection.iam_of(key);
        self.wait_for("the new policy of the user", POLICY_PATIENCE, async || {
            let read = call!("GetUserPolicy", iam.get_user_policy().user_name(user.as_str()).policy_name(POLICY));
            Ok(read.ok().filter(|read| read.policy_document.contains(value)).map(|_| ()))
        })
        .await?;
        // What was read may be newer than what is enforced.
        self.interrupt.sleep(Duration::from_secs(15)).await?;
        match call!("GetAccessKeyLastUsed", iam.get_access_key_last_used().access_key_id(&key.id)) {
            Ok(_) => Ok(true),
            Err(e) if e.code().is_some_and(|code| code.starts_with("AccessDenied")) => Ok(false),
            Err(e) => Err(e),
        }
    }

    async fn delete_policy(&self) -> Result<(), StepError> {
        let user = TestUser::First.name();
        let delete = self.connection.iam.delete_user_policy().user_name(user.as_str()).policy_name(POLICY);
        call!("DeleteUserPolicy", delete).map(|_| ())
    }

    async fn name_case(&mut self) -> Result<String, StepError> {
        let other = TestUser::First.name().as_str().to_uppercase();
        match call!("GetUser", self.connection.iam.get_user().user_name(&other)) {
            Ok(found) => Ok(format!("yes, {other} is {}", found.user.map(|user| user.user_name).unwrap_or_default())),
            Err(e) if e.code() == Some("NoSuchEntity") => Ok(format!("no, there is no user {other}")),
            Err(e) => Err(e),
        }
    }

    /// Looks for a run in the log before this program has started one.
    async fn first_run(&mut self) -> Result<String, StepError> {
        let deployed = self.deployed.ok_or_else(|| StepError::Unexpected("the stack is not deployed".into()))?;
        (self.says)("       waiting for a first run of the schedule, two minutes at most");
        let (group, began) = (names::log_group(), Instant::now());
        loop {
            let filter = ["logs", "filter-log-events", "--log-group-name", group.as_str(), "--filter-pattern", SUMMARY];
            let events = self.connection.cli(&filter).await?;
            if let Some(event) = events["events"].as_array().and_then(|events| events.first()) {
                let at = event["timestamp"].as_i64().unwrap_or_default() / 1_000;
                let done = Timestamp::now().before(Span::seconds(deployed.elapsed().as_secs()));
                let at = Timestamp::from_unix(at);
                return Ok(format!("yes, a run ended at {at}; the deployment ended at {done}"));
            }
            if began.elapsed() > FIRST_RUN {
                return Ok(format!("no run {} s after the deployment", deployed.elapsed().as_secs()));
            }
            self.interrupt.sleep(Duration::from_secs(5)).await?;
        }
    }

    async fn last_use(&mut self) -> Result<String, StepError> {
        let used = self.first_use.ok_or_else(|| StepError::Unexpected("the key was not used".into()))?;
        let minutes = used.elapsed().as_secs() / 60;
        let last = self.connection.iam.get_access_key_last_used().access_key_id(&self.key()?.id);
        let last = call!("GetAccessKeyLastUsed", last)?.access_key_last_used;
        let last = last.ok_or_else(|| StepError::Unexpected("the answer has no last use".into()))?;
        Ok(match last.last_used_date {
            Some(at) => format!("{minutes} minutes after a use, it shows {} at {at}", last.service_name),
            None => format!("{minutes} minutes after a use, it shows none"),
        })
    }

    async fn pending_subscription(&mut self) -> Result<String, StepError> {
        let gone = self.connection.stack_status(&names::stack()).await?.is_none();
        ensure!(gone, "the stack is still there");
        let left = self.connection.subscriptions_left().await?;
        let pending: Vec<_> = left.into_iter().filter(|subscription| subscription.contains("Pending")).collect();
        Ok(if pending.is_empty() {
            "yes, SNS lists none".to_owned()
        } else {
            format!("not at once, SNS still lists {}", pending.join(", "))
        })
    }
}
