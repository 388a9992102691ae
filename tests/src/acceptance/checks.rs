//! The checks: each does one thing as a user does, and compares what AWS then has with what is expected.

use std::time::Duration;

use aws_sdk_iam::types::Tag;
use lambda::model::time::Span;
use serde_json::{Value as Json, json};
use synth::deploy::interrupt::Interrupt;
use tokio::time::Instant;

use super::{
    Options,
    configuration::{self, Recipient, Version},
    connection::{Connection, EndpointKind},
    names::{self, REGION_TAG, TestUser, USER_PATH},
    results::Outcome,
    step_error::{StepError, call, ensure},
    steps::Step,
    synth_command::SynthCommand,
};
use crate::account::{ListedKey, OwnedKey};

/// How long a change of IAM may take to have an effect everywhere.
const PROPAGATION: Duration = Duration::from_mins(2);
/// How long a person may take to confirm the subscription. SNS keeps the link valid for longer.
const CONFIRMATION: Duration = Duration::from_hours(1);

/// The state of a run between its steps.
pub(super) struct Run<'a> {
    pub(super) connection: &'a Connection,
    pub(super) program: &'a SynthCommand,
    pub(super) interrupt: &'a Interrupt,
    pub(super) recipient: &'a Recipient,
    pub(super) overlap: Span,
    /// Shows what is waited for.
    pub(super) says: &'a dyn Fn(&str),
    /// The first keys of the users, in their order, and when the first of them was used.
    pub(super) first_keys: Vec<OwnedKey>,
    pub(super) first_use: Option<Instant>,
    /// The outputs of the deployed stack, and when they were known.
    pub(super) outputs: Json,
    pub(super) deployed: Option<Instant>,
    /// When the key of the first user was rotated.
    pub(super) rotated: Option<Instant>,
    /// The successor that the first user got.
    pub(super) successor: Option<OwnedKey>,
    pub(super) queue_url: Option<String>,
}

type StepResult = Result<String, StepError>;

impl<'a> Run<'a> {
    pub(super) fn new(
        connection: &'a Connection,
        program: &'a SynthCommand,
        interrupt: &'a Interrupt,
        options: &'a Options,
        says: &'a dyn Fn(&str),
    ) -> Self {
        Self {
            connection,
            program,
            interrupt,
            recipient: &options.recipient,
            overlap: options.overlap,
            says,
            first_keys: Vec::new(),
            first_use: None,
            outputs: Json::Null,
            deployed: None,
            rotated: None,
            successor: None,
            queue_url: None,
        }
    }

    /// Does one step.
    pub(super) async fn carry_out(&mut self, step: Step) -> Result<Outcome, StepError> {
        if let (Step::Notice, Recipient::Address(email)) = (step, self.recipient) {
            return Ok(Outcome::NotShown(format!("look into the mailbox of {email}")));
        }
        let did = match step {
            Step::Users => self.create_users().await,
            Step::Deploy => self.deploy().await,
            Step::Recipient => self.confirm_recipient().await,
            Step::DryRun => self.dry_run().await,
            Step::TwoRuns => self.two_runs().await,
            Step::Rotate => self.rotate().await,
            Step::Notice => self.notice().await,
            Step::OwnSecret => self.own_secret().await,
            Step::Overlap => self.both_keys_work().await,
            Step::Retire => self.retire().await,
            Step::Undo => self.undo().await,
            Step::Revoke => self.revoke().await,
            Step::Update => self.update().await,
            Step::Denied => self.denied_announcement().await,
            Step::Destroy => self.destroy().await,
            Step::CleanUp => Ok(String::new()),
            Step::KeyDelay
            | Step::ResourceTag
            | Step::NameCase
            | Step::FirstRun
            | Step::LastUse
            | Step::PendingSubscription => return self.observe(step).await,
        };
        did.map(Outcome::Done)
    }

    async fn create_users(&mut self) -> StepResult {
        let region = Tag::builder().key(REGION_TAG).value(&self.connection.session.region).build();
        let region = region.map_err(|e| StepError::Unexpected(e.to_string()))?;
        let iam = &self.connection.iam;
        for user in TestUser::ALL {
            let name = user.name();
            let create = iam.create_user().user_name(name.as_str()).path(USER_PATH).tags(region.clone());
            call!("CreateUser", create)?;
            let key = call!("CreateAccessKey", iam.create_access_key().user_name(name.as_str()))?.access_key;
            let key = key.ok_or_else(|| StepError::Unexpected("CreateAccessKey returned no key".into()))?;
            self.first_keys.push(OwnedKey { id: key.access_key_id, secret: key.secret_access_key });
        }
        Ok(TestUser::ALL.map(|user| user.name().to_string()).join(", "))
    }

    async fn deploy(&mut self) -> StepResult {
        self.program.configure(&configuration::document(self.recipient, self.overlap, Version::First))?;
        let result = self.program.deploy().await?;
        ensure!(result["result"] == "deployed", "the deployment ended with {}", result["result"]);
        self.outputs = result["outputs"].clone();
        self.deployed = Some(Instant::now());
        Ok(format!("the stack {} is deployed", names::stack()))
    }

    fn topic(&self) -> Result<&str, StepError> {
        let topic = self.outputs["TopicArn"].as_str();
        topic.ok_or_else(|| StepError::Unexpected("the stack has no output TopicArn".into()))
    }

    async fn confirm_recipient(&mut self) -> StepResult {
        match self.recipient {
            Recipient::Queue => self.subscribe_queue().await,
            Recipient::Address(email) => {
                (self.says)(&format!(
                    "       confirm the two mails from AWS to {email} within an hour; the run waits for the one about notices"
                ));
                self.wait_for("the confirmation", CONFIRMATION, async || {
                    let listed = self.connection.session.subscriptions(self.topic()?).await?;
                    let is_theirs = |endpoint: &str| endpoint.eq_ignore_ascii_case(email.as_str());
                    let of_address = listed.iter().filter(|listed| is_theirs(&listed.endpoint));
                    Ok(of_address.map(|listed| &listed.arn).find(|arn| arn.starts_with("arn:")).cloned())
                })
                .await
                .map(|arn| format!("{email} is confirmed: {arn}"))
            }
        }
    }

    async fn subscribe_queue(&mut self) -> StepResult {
        let (name, topic) = (names::queue(), self.topic()?.to_owned());
        let sqs = &self.connection.sqs;
        // SQS refuses a name for 60 seconds after the deletion of a queue with it.
        let url = self
            .wait_for("the queue", PROPAGATION, async || {
                match call!("CreateQueue", sqs.create_queue().queue_name(name.as_str())) {
                    Err(e) if e.code().is_some_and(|code| code.ends_with("QueueDeletedRecently")) => Ok(None),
                    made => Ok(made?.queue_url),
                }
            })
            .await?;
        let arn = aws_sdk_sqs::types::QueueAttributeName::QueueArn;
        let read =
            call!("GetQueueAttributes", sqs.get_queue_attributes().queue_url(&url).attribute_names(arn.clone()))?;
        let arn = read.attributes.and_then(|mut attributes| attributes.remove(&arn)).unwrap_or_default();
        let policy = json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Principal": { "Service": "sns.amazonaws.com" },
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": { "ArnEquals": { "aws:SourceArn": topic } },
        }]});
        let attribute = aws_sdk_sqs::types::QueueAttributeName::Policy;
        let policy = sqs.set_queue_attributes().queue_url(&url).attributes(attribute, policy.to_string());
        call!("SetQueueAttributes", policy)?;
        let subscribe = self.connection.sns.subscribe().topic_arn(topic).protocol("sqs").endpoint(&arn);
        let subscription = call!("Subscribe", subscribe.return_subscription_arn(true))?;
        self.queue_url = Some(url);
        Ok(format!("the queue is subscribed: {}", subscription.subscription_arn.unwrap_or_default()))
    }

    async fn dry_run(&mut self) -> StepResult {
        let before = self.state().await?;
        ensure!(before.iter().all(|(.., secret)| secret.is_none()), "there are secrets already: {before:?}");
        let users = TestUser::ALL.map(|user| user.name().to_string()).join(" ");
        self.program.succeed(&["rotate", "--users", &users, "--dry-run"]).await?;
        let after = self.state().await?;
        ensure!(before == after, "before: {before:?}; after: {after:?}");
        Ok("keys and tags are the same as before, and there is no secret".into())
    }

    /// The keys and tags of the users, and the ids of the keys in their secrets.
    async fn state(&self) -> Result<Vec<UserSnapshot>, StepError> {
        let mut all = Vec::new();
        for user in TestUser::ALL {
            let secret = self.connection.secret(user).await?.map(|key| key.id);
            all.push((self.connection.keys(user).await?, self.connection.tags(user).await?, secret));
        }
        Ok(all)
    }

    /// Two persons start a rotation of the second user in the same moment.
    async fn two_runs(&mut self) -> StepResult {
        let name = TestUser::Second.name();
        let rotate = ["rotate", "--users", name.as_str()];
        let (one, two) = tokio::join!(self.program.run(&rotate), self.program.run(&rotate));
        let codes = [one?.code, two?.code];
        ensure!(codes.contains(&Some(0)), "both runs failed: {codes:?}");
        let successor = self.delivered(TestUser::Second).await?;
        Ok(format!("one successor, {}; the runs ended with {codes:?}", successor.id))
    }

    async fn rotate(&mut self) -> StepResult {
        let name = TestUser::First.name();
        self.program.succeed(&["rotate", "--users", name.as_str()]).await?;
        self.rotated = Some(Instant::now());
        let successor = self.delivered(TestUser::First).await?;
        let did = format!("{} is in {}, and AWS accepts it", successor.id, TestUser::First.secret());
        self.successor = Some(successor);
        Ok(did)
    }

    /// The only new key of a user, from its secret. Both keys are active, and AWS accepts the new one.
    async fn delivered(&self, user: TestUser) -> Result<OwnedKey, StepError> {
        let old = self.first_key(user)?;
        let keys = self.connection.keys(user).await?;
        let (before, new): (Vec<_>, Vec<_>) = keys.iter().partition(|key| key.id == old.id);
        let ([before], [new]) = (before.as_slice(), new.as_slice()) else {
            return Err(StepError::Unexpected(format!("the user has the keys {keys:?}")));
        };
        ensure!(before.active && new.active, "the user has the keys {keys:?}");
        let stored = self.connection.secret(user).await?;
        let stored = stored.ok_or_else(|| StepError::Unexpected("there is no secret".into()))?;
        ensure!(stored.id == new.id, "the secret has the key {}, and IAM lists {}", stored.id, new.id);
        self.accepted(&stored, user).await?;
        Ok(stored)
    }

    fn first_key(&self, user: TestUser) -> Result<&OwnedKey, StepError> {
        let key = self.first_keys.get(user as usize);
        key.ok_or_else(|| StepError::Unexpected(format!("{} has no key", user.name())))
    }

    fn successor(&self) -> Result<&OwnedKey, StepError> {
        self.successor.as_ref().ok_or_else(|| StepError::Unexpected("no rotation has succeeded".into()))
    }

    /// Waits until AWS accepts the key.
    pub(super) async fn accepted(&self, key: &OwnedKey, user: TestUser) -> Result<(), StepError> {
        let owner = self
            .wait_for(&format!("AWS accepts the key {}", key.id), PROPAGATION, async || {
                Ok(self.connection.identity(key).await.ok())
            })
            .await?;
        ensure!(owner.ends_with(&format!(":user{}", user.with_path())), "the key {} is that of {owner}", key.id);
        Ok(())
    }

    /// Waits until AWS refuses the key. Returns how long that took.
    async fn refused(&self, key: &OwnedKey) -> Result<Duration, StepError> {
        let began = Instant::now();
        self.wait_for(&format!("AWS refuses the key {}", key.id), PROPAGATION, async || {
            let identity = self.connection.identity(key).await;
            Ok(identity.err().filter(|code| code == "InvalidClientTokenId"))
        })
        .await?;
        Ok(began.elapsed())
    }

    async fn notice(&mut self) -> StepResult {
        let url = self.queue_url.clone().unwrap_or_default();
        let subject = self
            .wait_for("the notice in the queue", PROPAGATION, async || {
                let receive = self.connection.sqs.receive_message().queue_url(&url).max_number_of_messages(10);
                let messages = call!("ReceiveMessage", receive)?.messages.unwrap_or_default();
                let mails = messages.iter().filter_map(|message| serde_json::from_str(message.body()?).ok());
                let subjects = mails.filter_map(|mail: Json| Some(mail["Subject"].as_str()?.to_owned()));
                let name = TestUser::First.name();
                Ok(subjects.into_iter().find(|subject| subject.ends_with(name.as_str())))
            })
            .await?;
        Ok(format!("the queue got {subject:?}"))
    }

    async fn own_secret(&mut self) -> StepResult {
        let (key, own, other) = (self.successor()?, TestUser::First.secret(), TestUser::Second.secret());
        let read = self
            .wait_for(&format!("the user reads {own}"), PROPAGATION, async || {
                Ok(self.connection.read_secret(key, &own).await.ok())
            })
            .await?;
        ensure!(read == key.id, "{own} has the key {read}");
        match self.connection.read_secret(key, &other).await {
            Err(code) if code.starts_with("AccessDenied") => Ok(format!("it reads {own}; for {other}: {code}")),
            Err(code) => Err(StepError::Unexpected(format!("AWS refused {other} with {code}"))),
            Ok(_) => Err(StepError::Unexpected(format!("it reads {other} too"))),
        }
    }

    async fn both_keys_work(&mut self) -> StepResult {
        let (old, new) = (self.first_key(TestUser::First)?, self.successor()?);
        for key in [old, new] {
            self.accepted(key, TestUser::First).await?;
        }
        Ok(format!("AWS accepts {} and {}", old.id, new.id))
    }

    /// A scheduled run retires the old keys of both users. Here the run is started by hand.
    async fn retire(&mut self) -> StepResult {
        let old = self.first_key(TestUser::First)?;
        let rotated = self.rotated.ok_or_else(|| StepError::Unexpected("no rotation has succeeded".into()))?;
        (self.says)(&format!("       waiting until the overlap of {} is over", self.overlap));
        self.interrupt.sleep((rotated + self.overlap.std() + Duration::from_secs(1)) - Instant::now()).await?;
        let report = self.connection.invoke(&json!({})).await?;
        for user in TestUser::ALL {
            let first = self.first_key(user)?;
            let keys = self.connection.keys(user).await?;
            let is_right = |key: &ListedKey| key.active == (key.id != first.id);
            ensure!(keys.len() == 2 && keys.iter().all(is_right), "the keys {keys:?}; the run: {}", report["body"]);
        }
        let took = self.refused(old).await?;
        Ok(format!("{} is inactive; AWS refused it after {:.1} s", old.id, took.as_secs_f64()))
    }

    async fn undo(&mut self) -> StepResult {
        let name = TestUser::First.name();
        self.program.succeed(&["undo", "--users", name.as_str()]).await?;
        let old = self.first_key(TestUser::First)?;
        self.accepted(old, TestUser::First).await?;
        Ok(format!("AWS accepts {} again", old.id))
    }

    async fn revoke(&mut self) -> StepResult {
        let (name, leaked) = (TestUser::First.name(), self.successor()?);
        self.program.succeed(&["revoke", "--user", name.as_str(), "--key", &leaked.id, "--yes"]).await?;
        let took = self.refused(leaked).await?;
        let stored = self.connection.secret(TestUser::First).await?;
        let stored = stored.ok_or_else(|| StepError::Unexpected("there is no secret".into()))?;
        ensure!(stored.id != leaked.id, "the secret still has the revoked key");
        self.accepted(&stored, TestUser::First).await?;
        Ok(format!("AWS refused {} after {:.1} s; the secret has {}", leaked.id, took.as_secs_f64(), stored.id))
    }

    async fn update(&mut self) -> StepResult {
        self.program.configure(&configuration::document(self.recipient, self.overlap, Version::Updated))?;
        let result = self.program.deploy().await?;
        ensure!(result["result"] == "deployed", "the update ended with {}", result["result"]);
        // The update makes a warning due for each key.
        let user = TestUser::Second.name();
        let report = self.connection.invoke(&json!({ "users": [user.as_str()], "dry_run": true })).await?;
        let change = &report["users"][0]["done"][0]["change"];
        ensure!(change == "warned", "a dry run with the new setting: {}", report["users"][0]);
        let again = self.program.deploy().await?;
        ensure!(again["result"] == "unchanged", "the same deployment again ended with {}", again["result"]);
        Ok("the function has the new setting; the second deployment ended with unchanged".into())
    }

    async fn denied_announcement(&mut self) -> StepResult {
        let (sns, topic) = (&self.connection.sns, self.topic()?);
        let attributes = call!("GetTopicAttributes", sns.get_topic_attributes().topic_arn(topic))?;
        let policy = attributes.attributes.and_then(|mut all| all.remove("Policy")).unwrap_or_default();
        let mut denying: Json = serde_json::from_str(&policy).unwrap_or_default();
        let Some(statements) = denying["Statement"].as_array_mut() else {
            return Err(StepError::Unexpected(format!("the topic's policy is {policy}")));
        };
        statements.push(json!({
            "Sid": "DenyAnnouncements",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sns:Publish",
            "Resource": topic,
        }));
        self.set_policy(&denying.to_string()).await?;
        let denied = self.run_denied().await;
        self.set_policy(&policy).await?;
        let said = denied?;
        // Once the policy is restored, the notice is sent.
        let user = TestUser::Second.name();
        self.wait_for("the notice with the old policy", PROPAGATION, async || {
            let report = self.connection.invoke(&json!({ "users": [user.as_str()] })).await?;
            Ok((report["users"][0]["done"][0]["change"] == "warned").then_some(()))
        })
        .await?;
        Ok(format!("the run reported: {said}. With the old policy, the next run sent the notice"))
    }

    async fn set_policy(&self, policy: &str) -> Result<(), StepError> {
        let topic = self.topic()?;
        let set = self.connection.sns.set_topic_attributes().topic_arn(topic);
        call!("SetTopicAttributes", set.attribute_name("Policy").attribute_value(policy)).map(|_| ())
    }

    /// A run that wants to send a warning about the key of the second user.
    async fn run_denied(&self) -> StepResult {
        // The policy takes effect after a moment. It denies this program too.
        let probe = self.connection.sns.publish().topic_arn(self.topic()?).message("Acceptance test");
        self.wait_for("the denial of sns:Publish", PROPAGATION, async || {
            let refused = call!("Publish", probe.clone()).err();
            Ok(refused.filter(|e| e.code().is_some_and(|code| code.starts_with("Authorization"))))
        })
        .await?;
        if self.connection.endpoint_kind == EndpointKind::Aws {
            self.interrupt.sleep(Duration::from_secs(15)).await?;
        }
        let (user, before) = (TestUser::Second, self.connection.keys(TestUser::Second).await?);
        let report = self.connection.invoke(&json!({ "users": [user.name().as_str()] })).await?;
        let entry = &report["users"][0];
        let why = entry["why"].as_str().unwrap_or_default();
        ensure!(report["statusCode"] == 500 && entry["result"] == "failed" && why.contains("Publish"), "{entry}");
        let after = self.connection.keys(user).await?;
        ensure!(before == after, "before: {before:?}; after: {after:?}");
        Ok(why.to_owned())
    }

    async fn destroy(&mut self) -> StepResult {
        let before = self.state().await?;
        self.program.succeed(&["destroy", "--yes"]).await?;
        let found = self.connection.stack_status(&names::stack()).await?;
        ensure!(found.is_none(), "the stack is still there: {found:?}");
        let after = self.state().await?;
        ensure!(before == after, "before: {before:?}; after: {after:?}");
        Ok("the stack is gone; the users have the same keys, tags and secrets".into())
    }

    /// Waits until there is an answer.
    pub(super) async fn wait_for<T>(
        &self,
        what: &str,
        patience: Duration,
        ask: impl AsyncFn() -> Result<Option<T>, StepError>,
    ) -> Result<T, StepError> {
        let began = Instant::now();
        loop {
            if let Some(answer) = ask().await? {
                return Ok(answer);
            }
            ensure!(began.elapsed() < patience, "{what}: not within {} s", patience.as_secs());
            self.interrupt.sleep(Duration::from_millis(500)).await?;
        }
    }
}

/// The keys of a user, its tags, and the id of the key in its secret.
type UserSnapshot = (Vec<ListedKey>, Vec<(String, String)>, Option<String>);
