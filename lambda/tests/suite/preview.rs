//! A preview over an AWS that answers reads only, with the permissions that its caller has.

use std::collections::BTreeMap;

use lambda::{
    contract::listed_user::ListedUser,
    handler::{
        load_users::AccountLists,
        preview::{PreviewError, TopicState, preview},
    },
    model::{
        access_key::{Key, KeyStatus::Active},
        time::{Span, Timestamp},
    },
    protocol::{
        call::Answer,
        call_error::{CallError, ErrorCode},
        policy::{Policy, UnusedAfter},
    },
    report::run_report::{KeyChange, Outcome, RunReport},
    selection::{credential_report::CredentialReport, routing::ConfirmedAddresses},
};

use crate::{
    common::{careful, settings},
    executor::ReadOnly,
};

impl AccountLists for ReadOnly {
    async fn credential_report(&self) -> Result<CredentialReport, CallError> {
        Err(refusal("AccessDenied", "… to perform: iam:GenerateCredentialReport"))
    }

    async fn account_users(&self) -> Result<Vec<ListedUser>, CallError> {
        Ok(Vec::new())
    }
}

fn refusal(code: &str, message: &str) -> CallError {
    CallError::without_effect(ErrorCode::Aws(code.into()), message)
}

/// An AWS in which the user has active keys of these ages in days.
fn aws(ages: &[u64]) -> ReadOnly {
    let key = |(n, days): (usize, &u64)| Key {
        id: format!("AKIAEXAMPLE{n:09}").parse().unwrap(),
        status: Active,
        created: Timestamp::now().before(Span::days(*days)),
    };
    ReadOnly::new(Some(ages.iter().enumerate().map(key).collect()))
}

async fn of(aws: &ReadOnly, users: &str, topic: TopicState) -> Result<RunReport, PreviewError> {
    // A key of the ages below is in use, or not old enough to count as unused.
    let policy = Policy { unused_after: UnusedAfter::After(Span::days(365)), ..careful() };
    preview(aws, &settings(users, policy), topic, "keys", Timestamp::now() + Span::minutes(10)).await
}

fn denied(action: &str, message: &str) -> PreviewError {
    PreviewError::Denied(BTreeMap::from([(action.to_owned(), message.to_owned())]))
}

#[tokio::test]
async fn the_recipients_count_as_confirmed_and_those_who_are_not_are_named() {
    let aws = ReadOnly { confirmed: Some(Ok(ConfirmedAddresses::default())), ..aws(&[70]) };
    let users = "alice;owner=owner@example.com";
    let report = of(&aws, users, TopicState::Deployed).await.unwrap();
    let user = &report.users[0];
    assert_eq!(user.result, Outcome::Changed, "{report:?}");
    assert!(matches!(&user.done[..], [KeyChange::Created { .. }, KeyChange::Delivered { .. }]), "{report:?}");
    let names = |report: &RunReport| report.unconfirmed.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(&report), ["security@example.com", "owner@example.com"]);
    assert_eq!((report.dry_run, report.summary.unconfirmed), (true, Some(2)));

    let aws = ReadOnly::new(aws.keys);
    assert_eq!(names(&of(&aws, users, TopicState::Deployed).await.unwrap()), ["owner@example.com"]);
    // The list of a topic that does not exist is not read.
    let aws = ReadOnly { confirmed: Some(Err(refusal("NotFound", "no topic"))), ..aws };
    assert_eq!(names(&of(&aws, users, TopicState::Planned).await.unwrap()).len(), 2);
}

/// A run creates a missing secret. It creates no key for a secret that cannot take one.
#[tokio::test]
async fn the_secret_is_checked_as_a_run_checks_it() {
    let missing = refusal("ResourceNotFoundException", "Secrets Manager can't find the specified secret.");
    // AWS does not say that the secret is missing.
    let covered = refusal("AccessDeniedException", "… secretsmanager:DescribeSecret on resource: keys/alice because …");
    let deleted = CallError::without_effect(ErrorCode::SecretBeingDeleted, "the secret is scheduled for deletion");
    let busy = refusal("ThrottlingException", "Rate exceeded");
    for (secret, result) in [
        (Ok(Answer::Done), Outcome::Changed),
        (Err(missing), Outcome::Changed),
        (Err(covered), Outcome::Changed),
        (Err(deleted), Outcome::Failed),
        (Err(busy), Outcome::Failed),
    ] {
        let aws = ReadOnly { secret, ..aws(&[70]) };
        let report = of(&aws, "alice", TopicState::Planned).await.unwrap();
        let created = report.users[0].done.len() == 2;
        assert_eq!((report.users[0].result, created), (result, result == Outcome::Changed), "{report:?}");
    }
}

/// A planner that reads less than a run finds something else. For example, a key counts as in use if its last use
/// cannot be read.
#[tokio::test]
async fn without_a_permission_there_is_no_preview() {
    let says = "… is not authorized to perform: secretsmanager:DescribeSecret on resource: arn:aws:secretsmanager:…";
    let caller = ReadOnly { secret: Err(refusal("AccessDeniedException", says)), ..aws(&[70]) };
    let error = of(&caller, "alice", TopicState::Planned).await.unwrap_err();
    assert_eq!(error, denied("secretsmanager:DescribeSecret", says));
    assert_eq!(error.to_string(), "AWS denied secretsmanager:DescribeSecret");

    let caller = ReadOnly { last_use: Err(refusal("AccessDenied", "no")), ..aws(&[1]) };
    let error = of(&caller, "alice", TopicState::Planned).await.unwrap_err();
    assert_eq!(error, denied("iam:GetAccessKeyLastUsed", "no"));

    let caller = ReadOnly { confirmed: Some(Err(refusal("AuthorizationError", "no"))), ..aws(&[1]) };
    let error = of(&caller, "alice", TopicState::Deployed).await.unwrap_err();
    assert_eq!(error, denied("sns:ListSubscriptionsByTopic", "no"));

    let error = of(&aws(&[1]), "/ci/", TopicState::Planned).await.unwrap_err();
    assert_eq!(error, denied("iam:GetCredentialReport", "… to perform: iam:GenerateCredentialReport"));
}
