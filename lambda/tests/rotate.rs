//! One user's loop, over an AWS that answers questions alone: what a dry run says, and what the end of the time does.
#![allow(missing_docs)]
#![cfg(feature = "aws")]

use std::{cell::Cell, collections::BTreeMap};

use lambda::{
    audience::Envelope,
    dry_run::DryRun,
    journal::{Entry, Journal, RunId},
    key::{AccessKeyId, Key, LastUse, SecretAccessKey, Status, Status::Active, Status::Inactive},
    notice::{Language, Mail},
    plan::{Answer, DeleteAfter, Delivery, Failure, Order, Patience, Policy, Run, StillInUse},
    recipient::Recipients,
    report::{Change, Outcome, UserReport},
    rotate::{Aws, rotate},
    settings::{Settings, TopicArn},
    time::{Span, Timestamp},
    user::UserName,
};

const WRITES: &str = "a dry run writes nothing";

/// A user with these keys.
struct ReadOnly(Vec<Key>);

impl Aws for ReadOnly {
    async fn list_access_keys(&self, _: &UserName) -> Result<Answer, Failure> {
        Ok(Answer::Keys(self.0.clone()))
    }
    async fn list_user_tags(&self, _: &UserName) -> Result<Answer, Failure> {
        Ok(Answer::Journal(Ok(Journal::default())))
    }
    async fn last_used(&self, _: &AccessKeyId) -> Result<Answer, Failure> {
        Ok(Answer::LastUse(LastUse::Never))
    }
    async fn list_subscribers(&self, _: &TopicArn, _: &UserName) -> Result<Answer, Failure> {
        Ok(Answer::Subscribers(1))
    }
    async fn describe_secret(&self, _: &str, _: &AccessKeyId) -> Result<Answer, Failure> {
        Ok(Answer::Current(false))
    }
    async fn tag_user(&self, _: &UserName, _: &[Entry]) -> Result<Answer, Failure> {
        panic!("{WRITES}")
    }
    async fn untag_user(&self, _: &UserName, _: &RunId) -> Result<Answer, Failure> {
        panic!("{WRITES}")
    }
    async fn create_access_key(&self, _: &UserName) -> Result<(Answer, SecretAccessKey), Failure> {
        panic!("{WRITES}")
    }
    async fn set_status(&self, _: &UserName, _: &AccessKeyId, _: Status) -> Result<Answer, Failure> {
        panic!("{WRITES}")
    }
    async fn delete_access_key(&self, _: &UserName, _: &AccessKeyId) -> Result<Answer, Failure> {
        panic!("{WRITES}")
    }
    async fn verify(&self, _: &UserName, _: &AccessKeyId, _: &SecretAccessKey) -> Result<Answer, Failure> {
        panic!("{WRITES}")
    }
    async fn put_secret(&self, _: &str, _: &UserName, _: &AccessKeyId, _: &SecretAccessKey) -> Result<Answer, Failure> {
        panic!("{WRITES}")
    }
    async fn put_resource_policy(&self, _: &str, _: &UserName) -> Result<Answer, Failure> {
        panic!("{WRITES}")
    }
    async fn create_secret(&self, _: &str, _: &UserName) -> Result<Answer, Failure> {
        panic!("{WRITES}")
    }
    async fn publish(&self, _: &TopicArn, _: &Envelope, _: Mail) -> Result<Answer, Failure> {
        panic!("{WRITES}")
    }
    async fn sleep(&self, _: Span) {}
}

/// A dry run as the article's policy has it, for a user with keys of these ages in days. The clock stands still for so
/// many looks at it, and is past the run's end after that.
async fn dry_run(ages: &[(u64, Status)], looks: usize) -> UserReport {
    let now = lambda::run::now();
    let key = |(n, (days, status)): (usize, &(u64, Status))| Key {
        id: format!("AKIAEXAMPLE{n:09}").parse().unwrap(),
        status: *status,
        created: now.before(Span::days(*days)),
    };
    let aws = ReadOnly(ages.iter().enumerate().map(key).collect());
    let policy = Policy {
        rotate_after: Span::days(60),
        overlap: Span::ZERO,
        delete_after: DeleteAfter::NextRotation,
        still_in_use: StillInUse::Retire,
        wait_at_most: Patience::Forever,
        delivery: Delivery::Email,
        warn_before: Span::ZERO,
    };
    let settings = Settings {
        users: vec!["alice".parse().unwrap()],
        owners: BTreeMap::new(),
        policy,
        language: Language::English,
        topic: "arn:aws:sns:eu-west-1:123456789012:keys".parse().unwrap(),
        encrypt_to: Recipients::default(),
        secret_prefix: "keys".parse().unwrap(),
    };
    let run = Run { id: "a-run".parse().unwrap(), deadline: now + Span::minutes(10), order: Order::Routine };
    let left = Cell::new(looks);
    let clock = || -> Timestamp {
        left.set(left.get().saturating_sub(1));
        if left.get() > 0 { now } else { run.deadline }
    };
    rotate(&DryRun::new(&aws), &settings, &run, clock, &settings.users[0]).await
}

#[tokio::test]
async fn a_dry_run_says_what_a_run_would_do() {
    for start in [
        vec![(70, Active)],
        vec![(70, Inactive)],
        vec![(90, Inactive), (70, Active)],
        vec![(90, Active), (70, Active)],
        vec![(90, Inactive), (70, Inactive)],
    ] {
        let report = dry_run(&start, 1_000).await;
        assert_eq!(report.result, Outcome::Changed, "{start:?}: {report:?}");
        let delivered = report.done.iter().filter(|change| matches!(change, Change::Delivered { .. })).count();
        let left: Vec<_> = report.left.iter().map(|key| key.status).collect();
        assert_eq!((delivered, left), (1, vec![Inactive, Active]), "{start:?}: {report:?}");
    }
}

/// Invariant 6: a rotation that the end of the time cut off is not reported as one that was never begun.
#[tokio::test]
async fn invariant_6_whoever_the_time_did_not_suffice_for_is_reported_as_failed() {
    for (looks, call) in [(1, "ListAccessKeys"), (6, "GetCallerIdentity")] {
        let report = dry_run(&[(70, Active)], looks).await;
        assert_eq!(report.result, Outcome::Failed, "{report:?}");
        assert!(report.why.starts_with(call) && report.why.contains("time"), "{report:?}");
    }
}
