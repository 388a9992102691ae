//! The loop for one user, over an AWS that only answers reads: what a dry run reports, and what happens at the
//! deadline.

use std::{cell::Cell, sync::Mutex};

use futures_util::future::join_all;

use crate::common::article;
use crate::world::manager;
use lambda::{
    contract::{
        digest_frequency::DigestFrequency, event_bus_arn::EventBusArn, member_event::MemberEvent,
        resource_tags::ResourceTags, settings::Settings, topic_arn::TopicArn,
    },
    handler::{
        aws_api::Aws,
        dry_run::DryRun,
        executor::{RunContext, rotate},
        invocation::{self, Invocation},
        pace::Pace,
        subscriptions::Subscriptions,
    },
    model::{
        access_key::{
            AccessKeyId, Key,
            KeyStatus::{self, Active, Inactive},
            LastUse, SecretAccessKey,
        },
        kms_key::KmsKey,
        time::{Span, Timestamp},
        user::UserName,
    },
    notice::Publication,
    protocol::{
        call::Answer,
        call_error::{CallError, ErrorCode},
        journal::{Journal, JournalEntry},
        policy::{DeleteAfter, Policy},
        run::{JournalUse, Run, RunAction},
        stop_reason::StopReason,
    },
    report::{
        audit::{RunMode, RunOrigin},
        run_report::{KeyChange, Outcome, RunReport, UserReport},
    },
    selection::routing::{ConfirmedAddresses, Envelope},
};

const WRITES: &str = "a dry run writes nothing";

/// An AWS that reads, and sends mails.
pub(crate) struct ReadOnly {
    /// The keys of the user; with `None`, no answer ever comes.
    pub(crate) keys: Option<Vec<Key>>,
    /// The answer about the secret of the user.
    pub(crate) secret: Result<Answer, CallError>,
    /// The answer about the last use of a key.
    pub(crate) last_use: Result<Answer, CallError>,
    /// The addresses that have confirmed; with `None`, no answer ever comes.
    pub(crate) confirmed: Option<Result<ConfirmedAddresses, CallError>>,
    /// The subjects of the mails.
    pub(crate) mails: Mutex<Vec<String>>,
}

impl ReadOnly {
    pub(crate) fn new(keys: Option<Vec<Key>>) -> Self {
        Self {
            keys,
            secret: Ok(Answer::Done),
            last_use: Ok(Answer::LastUse(LastUse::Never)),
            confirmed: Some(Ok(ConfirmedAddresses::from_iter([("email", "security@example.com")]))),
            mails: Mutex::default(),
        }
    }
}

impl Aws for ReadOnly {
    fn users_at_once(&self) -> usize {
        8
    }

    async fn list_access_keys(&self, _: &UserName) -> Result<Answer, CallError> {
        match &self.keys {
            Some(keys) => Ok(Answer::Keys(keys.clone())),
            None => std::future::pending().await,
        }
    }
    async fn list_user_tags(&self, _: &UserName) -> Result<Answer, CallError> {
        Ok(Answer::Journal(Ok(Journal::default())))
    }
    async fn last_used(&self, _: &AccessKeyId) -> Result<Answer, CallError> {
        self.last_use.clone()
    }
    async fn confirmed_addresses(&self, _: &TopicArn) -> Result<ConfirmedAddresses, CallError> {
        match &self.confirmed {
            Some(answer) => answer.clone(),
            None => std::future::pending().await,
        }
    }
    async fn describe_secret(&self, _: &str, _: &AccessKeyId) -> Result<Answer, CallError> {
        Ok(Answer::Current(false))
    }
    async fn tag_user(&self, _: &UserName, _: &[JournalEntry]) -> Result<Answer, CallError> {
        panic!("{WRITES}")
    }
    async fn untag_user(&self, _: &UserName, _: &[String]) -> Result<Answer, CallError> {
        panic!("{WRITES}")
    }
    async fn create_access_key(&self, _: &UserName) -> Result<(Answer, SecretAccessKey), CallError> {
        panic!("{WRITES}")
    }
    async fn set_status(&self, _: &UserName, _: &AccessKeyId, _: KeyStatus) -> Result<Answer, CallError> {
        panic!("{WRITES}")
    }
    async fn delete_access_key(&self, _: &UserName, _: &AccessKeyId) -> Result<Answer, CallError> {
        panic!("{WRITES}")
    }
    async fn verify(&self, _: &UserName, _: &AccessKeyId, _: &SecretAccessKey) -> Result<Answer, CallError> {
        panic!("{WRITES}")
    }
    async fn put_secret(
        &self,
        _: &str,
        _: &UserName,
        _: &AccessKeyId,
        _: &SecretAccessKey,
    ) -> Result<Answer, CallError> {
        panic!("{WRITES}")
    }
    async fn check_secret(&self, _: &str, _: &KmsKey) -> Result<Answer, CallError> {
        self.secret.clone()
    }
    async fn put_resource_policy(&self, _: &str, _: &str, _: &KmsKey) -> Result<Answer, CallError> {
        panic!("{WRITES}")
    }
    async fn create_secret(&self, _: &str, _: &UserName, _: &KmsKey, _: &ResourceTags) -> Result<Answer, CallError> {
        panic!("{WRITES}")
    }
    async fn publish(&self, _: &TopicArn, _: &Envelope, publication: Publication) -> Result<Answer, CallError> {
        self.mails.lock().unwrap().push(publication.mail.subject);
        Ok(Answer::Done)
    }
    async fn put_event(&self, _: &EventBusArn, _: &MemberEvent) -> Result<Answer, CallError> {
        panic!("no member of an organization")
    }
    async fn sleep(&self, _: Span) {}
}

/// The policy of the published article, for older keys.
fn policy() -> Policy {
    Policy { rotate_after: Span::days(60), ..article() }
}

/// A dry run for a user with keys of these ages in days. The clock stands still for this many reads of it. After that
/// it is past the run's deadline.
async fn dry_run(policy: &Policy, action: RunAction, ages: &[(u64, KeyStatus)], looks: usize) -> UserReport {
    let now = Timestamp::now();
    let key = |(n, (days, status)): (usize, &(u64, KeyStatus))| Key {
        id: format!("AKIAEXAMPLE{n:09}").parse().unwrap(),
        status: *status,
        created: now.before(Span::days(*days)),
    };
    let aws = ReadOnly::new(Some(ages.iter().enumerate().map(key).collect()));
    let run = Run {
        id: "a-run".parse().unwrap(),
        deadline: now + Span::minutes(10),
        action,
        manager: manager(),
        journal: JournalUse::IfNeeded,
    };
    let left = Cell::new(looks);
    let clock = || -> Timestamp {
        left.set(left.get().saturating_sub(1));
        if left.get() > 0 { now } else { run.deadline }
    };
    look(&aws, policy, &run, clock).await
}

async fn look(aws: &ReadOnly, policy: &Policy, run: &Run, clock: impl Fn() -> Timestamp) -> UserReport {
    let settings = crate::common::settings("alice", policy.clone());
    let context = RunContext {
        run: run.clone(),
        origin: RunOrigin { request: "request", mode: RunMode::Pretended },
        subscriptions: Subscriptions::new(&settings.topic),
        pace: Pace::of(RunMode::Pretended),
        reports_by: run.deadline,
        log: |_| (),
    };
    let user = "alice".parse().unwrap();
    rotate(&DryRun::new(aws), &settings, &context, JournalUse::IfNeeded, clock, &user).await
}

#[tokio::test]
async fn a_dry_run_reports_what_a_run_would_do() {
    for start in [
        vec![(70, Active)],
        vec![(70, Inactive)],
        vec![(90, Inactive), (70, Active)],
        vec![(90, Active), (70, Active)],
        vec![(90, Inactive), (70, Inactive)],
    ] {
        let report = dry_run(&policy(), RunAction::Routine, &start, 1_000).await;
        assert_eq!(report.result, Outcome::Changed, "{start:?}: {report:?}");
        let delivered = report.done.iter().filter(|change| matches!(change, KeyChange::Delivered { .. })).count();
        let left: Vec<_> = report.left.iter().map(|key| key.status).collect();
        assert_eq!((delivered, left), (1, vec![Inactive, Active]), "{start:?}: {report:?}");
    }
}

/// Invariant 6: a rotation that was cut off at the deadline is not reported like one that never began.
#[tokio::test]
async fn invariant_6_a_user_cut_off_at_the_deadline_is_reported_as_failed() {
    let report = dry_run(&policy(), RunAction::Routine, &[(70, Active)], 6).await;
    assert_eq!(report.result, Outcome::Failed, "{report:?}");
    assert!(report.why.starts_with("GetCallerIdentity") && report.why.contains("time"), "{report:?}");
    // A user that was not handled at all has its turn in a later run. Nothing of it is unfinished.
    let report = dry_run(&policy(), RunAction::Routine, &[(70, Active)], 1).await;
    assert_eq!((report.result, report.rest), (Outcome::Waiting, StopReason::OutOfTime), "{:?}", report.why);
}

/// When Lambda stops the function at its time limit, the report is lost too.
#[tokio::test(start_paused = true)]
async fn invariant_6_a_call_without_an_answer_does_not_outlast_the_function() {
    let now = Timestamp::now();
    let run = Run {
        id: "a-run".parse().unwrap(),
        deadline: now + Span::minutes(1),
        action: RunAction::Routine,
        manager: manager(),
        journal: JournalUse::IfNeeded,
    };
    let began = tokio::time::Instant::now();
    let report = look(&ReadOnly::new(None), &policy(), &run, || now).await;
    assert_eq!(report.result, Outcome::Failed, "{report:?}");
    assert!(report.why.contains("ListAccessKeys failed: NoTimeLeft") && report.why.contains("may have taken effect"));
    assert!((60..65).contains(&began.elapsed().as_secs()), "within the time that is reserved for the report");
}

/// So many mails wait that the new key's mail gets no turn. The key is taken back, and nothing is in doubt.
#[tokio::test(start_paused = true)]
async fn a_run_that_is_over_before_its_mail_gets_a_turn_takes_the_key_back() {
    let (now, began) = (Timestamp::now(), tokio::time::Instant::now());
    let clock = || now + Span::seconds(began.elapsed().as_secs());
    let settings = crate::common::settings("alice", policy());
    let context = RunContext {
        run: Run {
            id: "a-run".parse().unwrap(),
            deadline: now + Span::minutes(2),
            action: RunAction::Routine,
            manager: manager(),
            journal: JournalUse::IfNeeded,
        },
        origin: RunOrigin { request: "request", mode: RunMode::Pretended },
        subscriptions: Subscriptions::new(&settings.topic),
        pace: Pace::of(RunMode::Real),
        reports_by: now + Span::minutes(2),
        log: |_| (),
    };
    let key = Key { id: "AKIAEXAMPLE000000001".parse().unwrap(), status: Active, created: now.before(Span::days(70)) };
    let (aws, user) = (ReadOnly::new(Some(vec![key.clone()])), "alice".parse().unwrap());
    let mail = async |_| context.pace.turn(&settings.administrators, Span::minutes(30)).await.map(drop);
    let others = join_all((0..2_000).map(mail));
    let aws = DryRun::new(&aws);
    let rotation = rotate(&aws, &settings, &context, JournalUse::IfNeeded, clock, &user);
    let (_, report) = futures_util::join!(others, rotation);
    assert!(matches!(report.rest, StopReason::Withdrawn(_)), "{report:?}");
    assert_eq!(report.left, [key], "{report:?}");
}

/// A run of the schedule, over one user, that Lambda stops at this time.
async fn whole_run(aws: &ReadOnly, ends: Timestamp) -> RunReport {
    run_with(&crate::common::settings("alice", policy()), aws, ends).await
}

async fn run_with(settings: &Settings, aws: &ReadOnly, ends: Timestamp) -> RunReport {
    let invocation = Invocation { request: "request", function: "keys", ends, log: |_| () };
    invocation::run(aws, settings, serde_json::json!({}), invocation).await.unwrap()
}

/// The administrators' copies are in the digest. A fleet that does not fit into the function's time has one too.
#[tokio::test]
async fn a_run_that_reaches_its_deadline_still_sends_its_digest() {
    let aws = ReadOnly::new(Some(Vec::new()));
    let report = whole_run(&aws, Timestamp::now() + Span::seconds(10)).await;
    assert_eq!(report.users[0].rest, StopReason::OutOfTime);
    assert_eq!((report.summary.unsent, aws.mails.lock().unwrap().len()), (0, 1), "{report:?}");
}

/// The list of subscriptions is the same for all users, so its failure is told once, in the digest. It is also told with
/// `digest: never`, because no notice tells it.
#[tokio::test]
async fn a_list_of_subscriptions_that_cannot_be_read_is_one_mail() {
    let old = Timestamp::now().before(Span::days(400));
    let due = Key { id: "AKIAEXAMPLE000000001".parse().unwrap(), status: Active, created: old };
    for digest in [DigestFrequency::Changes, DigestFrequency::Never] {
        let denied = CallError::without_effect(ErrorCode::Aws("AuthorizationError".into()), "denied");
        let aws = ReadOnly { confirmed: Some(Err(denied)), ..ReadOnly::new(Some(vec![due.clone()])) };
        let settings = Settings { digest, ..crate::common::settings("alice bob carol", crate::common::careful()) };
        let report = run_with(&settings, &aws, Timestamp::now() + Span::seconds(600)).await;
        assert_eq!(report.summary.failed, 3, "{report:?}");
        let mails = aws.mails.lock().unwrap();
        assert!(mails.len() == 1 && mails[0].contains("3 to look at"), "{digest:?}: {mails:?}");
    }
}

/// Invariant 6: Lambda would stop the function, and the report would be lost.
#[tokio::test]
async fn invariant_6_a_list_of_subscriptions_that_never_comes_does_not_outlast_the_function() {
    let young = Key { id: "AKIAEXAMPLE000000001".parse().unwrap(), status: Active, created: Timestamp::now() };
    let aws = ReadOnly { confirmed: None, ..ReadOnly::new(Some(vec![young])) };
    let ends = Timestamp::now() + Span::seconds(3);
    let report = whole_run(&aws, ends).await;
    assert!(Timestamp::now() < ends, "the function was stopped before it reported");
    assert_eq!(report.summary.unconfirmed, None);
}

/// A person asked for a new key and there is none, so the outcome is not a success.
#[tokio::test]
async fn a_rotation_now_that_is_held_back_is_reported_as_waiting() {
    let patient = Policy { overlap: Span::days(7), delete_after: DeleteAfter::Window(Span::days(14)), ..policy() };
    for (start, action, result, why) in [
        (
            vec![(70, Active), (1, Active)],
            RunAction::RotateNow,
            Outcome::Waiting,
            "not rotated yet: the user has two active",
        ),
        (
            vec![(70, Inactive), (1, Active)],
            RunAction::RotateNow,
            Outcome::Waiting,
            "not rotated yet: the inactive key",
        ),
        (vec![(1, Active)], RunAction::RotateNow, Outcome::Changed, "the old key"),
        (vec![(70, Active), (1, Active)], RunAction::Routine, Outcome::Changed, "the user has two active keys"),
        (vec![(70, Inactive), (1, Active)], RunAction::Routine, Outcome::Changed, "the inactive key"),
    ] {
        let report = dry_run(&patient, action.clone(), &start, 1_000).await;
        assert_eq!(report.result, result, "{action:?}, {start:?}: {report:?}");
        assert!(report.why.starts_with(why), "{action:?}, {start:?}: {report:?}");
    }
}
