//! Carries out the planner's steps for one user, one call after the other, until there is none left.

use crate::{
    contract::{endpoint::Endpoint, settings::Settings},
    delivery::{encryption::encrypt, key_document::document},
    handler::{aws_api::Aws, log::LogSink, pace::Pace, send_notice::send, subscriptions::Subscriptions},
    model::{
        access_key::{AccessKeyId, Key, KeyStatus, SecretAccessKey},
        email::Email,
        time::{Span, Timestamp},
        user::{User, UserName},
    },
    notice::{Block, NoticeOrigin, Publication, Rotated, SecretLocation},
    protocol::{
        call::{Answer, Call, ConfirmedRecipients, PlannedNotice},
        call_error::{CallError, ErrorCode},
        journal, overdue,
        planner::{self, Next},
        policy::Delivery,
        run::{JournalUse, Run},
        state::UserState,
        stop_reason::{StopReason, Unheard},
    },
    report::{
        audit::{self, RunOrigin},
        run_report::{KeyChange, UserReport},
    },
    selection::routing::{Audience, Envelope},
};

/// More calls than any path through the planner takes. If it needs more, it does not come to an end.
const MOST_CALLS: usize = 100;

/// How long after the deadline an answer may still arrive. This is less than the time that the function then has left.
/// A throttled call can take half a minute, and a function that Lambda stops reports nothing.
const LAST_CALL: Span = Span::seconds(3);

/// What the users of a run have in common.
pub struct RunContext<'a> {
    /// What the planner must know about the invocation.
    pub run: Run,
    /// The invocation, for the log.
    pub origin: RunOrigin<'a>,
    /// Who has confirmed a subscription to the topic.
    pub subscriptions: Subscriptions<'a>,
    /// The pace of the mails.
    pub pace: Pace,
    /// When the last notice must be sent, so that Lambda does not stop the function before it has reported.
    pub reports_by: Timestamp,
    /// Where each call is logged.
    pub log: LogSink,
}

/// The time that a run needs to deactivate and delete a key that it could not deliver.
const WITHDRAWAL: Span = Span::seconds(20);

/// Rotates the key of one user as far as is safe now, and returns the user's report.
pub async fn rotate(
    aws: &impl Aws,
    settings: &Settings,
    context: &RunContext<'_>,
    journal: JournalUse,
    clock: impl Fn() -> Timestamp,
    user: &User,
) -> UserReport {
    let run = &Run { journal: context.run.journal.max(journal), ..context.run.clone() };
    let origin = context.origin;
    let mut hand = Executor { aws, settings, context, user, secret: None };
    let user = &user.name;
    let mut state = UserState::default();
    let (mut found, mut done) = (None, Vec::new());
    let mut began = None;
    for _ in 0..MOST_CALLS {
        let now = clock();
        let began = *began.get_or_insert(now);
        let report =
            |found, done, state, rest: &StopReason| report(settings, user, (run, began), (found, done), state, rest);
        let call = match planner::next_step(&state, &settings.policy, run, now) {
            // Nothing was read and nothing is unfinished, so a later run handles the user.
            Next::Call(_) if now >= run.deadline && found.is_none() => {
                return report(found, done, &state, &StopReason::OutOfTime);
            }
            // After the deadline another run may work on the user, so the next run does the rest.
            Next::Call(call) if now >= run.deadline => {
                return report(found, done, &state, &StopReason::Failed(Box::new((call, time_is_over()))));
            }
            Next::Call(call) => call,
            Next::Stop(rest) => return report(found, done, &state, &rest),
        };
        let left = (run.deadline + LAST_CALL).since(now).std();
        let answer = tokio::time::timeout(left, hand.make(&call, &state, now)).await.unwrap_or_else(|_| Err(cut_off()));
        (context.log)(audit::event(run, origin, user, &call, answer.as_ref()));
        if let Ok(answer) = &answer {
            if let Answer::Keys(keys) = answer {
                found.get_or_insert_with(|| keys.clone());
            }
            done.extend(KeyChange::of(&call, answer));
        }
        state.learn(&call, answer);
    }
    let endless = CallError::without_effect(ErrorCode::NoEnd, format!("{MOST_CALLS} calls did not finish this user"));
    let endless = StopReason::Failed(Box::new((Call::ListAccessKeys, endless)));
    report(settings, user, (run, began.unwrap_or(run.deadline)), (found, done), &state, &endless)
}

fn time_is_over() -> CallError {
    CallError::without_effect(ErrorCode::NoTimeLeft, "the run's time is over; a later run continues")
}

fn cut_off() -> CallError {
    CallError::with_unknown_effect(
        ErrorCode::NoTimeLeft,
        "the run's time was over before AWS answered; a later run reads back what happened",
    )
}

fn report(
    settings: &Settings,
    user: &UserName,
    (run, began): (&Run, Timestamp),
    (found, done): (Option<Vec<Key>>, Vec<KeyChange>),
    state: &UserState,
    rest: &StopReason,
) -> UserReport {
    let (found, left) = (found.unwrap_or_default(), state.keys().to_vec());
    let mut report = UserReport::new(user.clone(), &run.action, found, done, left, rest);
    report.why = settings.topic.filled_in(&report.why);
    report.owner = settings.owner_of(user).cloned();
    report.overdue = overdue::overdue(state, &settings.policy, began);
    match rest {
        StopReason::StillInUse(key, _) => report.waits_until = state.waits_until(key, &settings.policy),
        StopReason::NoConfirmedRecipient(what) => {
            let (readers, endpoints) = match what {
                Unheard::Secret => (settings.readers_of_secret(user), [].as_slice()),
                Unheard::Notices => (settings.readers_of_notice(user), settings.endpoints.as_slice()),
            };
            let readers = readers.iter().map(|email| email.as_str());
            let recipients: Vec<_> = readers.chain(endpoints.iter().map(Endpoint::as_str)).collect();
            report.why += &format!(" to {}; for a new mail: make resubscribe", recipients.join(" or "));
        }
        _ => {}
    }
    report
}

/// Makes the calls for one user, and holds the new key's secret during a rotation.
struct Executor<'a, A> {
    aws: &'a A,
    settings: &'a Settings,
    context: &'a RunContext<'a>,
    user: &'a User,
    secret: Option<(AccessKeyId, SecretAccessKey)>,
}

impl<A: Aws> Executor<'_, A> {
    async fn make(&mut self, call: &Call, state: &UserState, now: Timestamp) -> Result<Answer, CallError> {
        let Self { aws, settings, user: User { name: user, .. }, .. } = *self;
        let secret_name = || settings.secret_prefix.secret_name(user);
        match call {
            Call::ListAccessKeys => aws.list_access_keys(user).await,
            Call::ListUserTags => aws.list_user_tags(user).await,
            Call::GetAccessKeyLastUsed(key) => aws.last_used(key).await,
            Call::TagUser(entries) => aws.tag_user(user, entries).await,
            Call::UntagUser(run) => aws.untag_user(user, &[journal::intent_tag(run)]).await,
            Call::RemoveJournal(tags) => aws.untag_user(user, tags).await,
            Call::CreateAccessKey => {
                let (answer, secret) = aws.create_access_key(user).await?;
                if let Answer::Created(key) = &answer {
                    self.secret = Some((key.id.clone(), secret));
                }
                Ok(answer)
            }
            Call::DeactivateAccessKey(key, _) => aws.set_status(user, key, KeyStatus::Inactive).await,
            Call::ActivateAccessKey(key) => aws.set_status(user, key, KeyStatus::Active).await,
            Call::DeleteAccessKey(key, _) => aws.delete_access_key(user, key).await,
            Call::GetCallerIdentity { key, pause } => {
                if *pause > Span::ZERO {
                    aws.sleep(*pause).await;
                }
                aws.verify(user, key, self.secret_of(key)?).await
            }
            Call::PutSecretValue(key) => aws.put_secret(&secret_name(), user, key, self.secret_of(key)?).await,
            Call::CreateSecret => {
                aws.create_secret(&secret_name(), user, &settings.secret_kms_key, &settings.secret_tags).await
            }
            Call::DescribeSecret(key) => aws.describe_secret(&secret_name(), key).await,
            Call::PutResourcePolicy => {
                let policy = settings.secret_policy(self.user);
                aws.put_resource_policy(&secret_name(), &policy, &settings.secret_kms_key).await
            }
            Call::ListSubscriptionsByTopic => {
                let confirmed = self.context.subscriptions.confirmed(aws).await?;
                // An endpoint is never a recipient of a secret.
                let readers_of_secret = settings.readers_of_secret(user);
                Ok(Answer::Recipients(ConfirmedRecipients {
                    of_secret: readers_of_secret.into_iter().any(|email| confirmed.contains(email)),
                    of_notice: settings.reaches_a_recipient(user, confirmed),
                }))
            }
            Call::Publish(message) => {
                let emails = |emails: Vec<&Email>| emails.into_iter().cloned().collect();
                let to = match message {
                    PlannedNotice::Secret(_) => Audience::Addresses(emails(settings.readers_of_secret(user))),
                    PlannedNotice::Stored(_) | PlannedNotice::Warning(_) => {
                        let confirmed = self.context.subscriptions.known(aws).await;
                        let readers = settings.recipients_of_notice(user, confirmed.as_ref());
                        Audience::AddressesAndEndpoints(emails(readers))
                    }
                };
                let origin = self.origin();
                let publication = match message {
                    PlannedNotice::Secret(key) => self.rotated(key, self.in_the_mail(key)?, state, now),
                    PlannedNotice::Stored(key) => {
                        self.rotated(key, SecretLocation::SecretsManager(secret_name()), state, now)
                    }
                    PlannedNotice::Warning(warning) => settings.language.warning(user, warning, origin, now),
                };
                let envelope = Envelope { to, about: Some(user.clone()) };
                // A key whose mail gets no turn is taken back in this run, so its delivery is never in doubt.
                let reserved = if matches!(message, PlannedNotice::Secret(_)) { WITHDRAWAL } else { Span::ZERO };
                let latest = self.context.run.deadline.before(reserved);
                send(aws, settings, (&self.context.pace, latest.since(now)), &envelope, publication).await
            }
        }
    }

    /// The secret for the mail: in clear text, or encrypted.
    fn in_the_mail(&self, key: &AccessKeyId) -> Result<SecretLocation<'_>, CallError> {
        let (user, secret) = (&self.user.name, self.secret_of(key)?);
        match self.settings.policy.delivery {
            Delivery::SecretsManager | Delivery::Email => Ok(SecretLocation::InThisMail(secret)),
            Delivery::EmailEncrypted => {
                let recipients = self.settings.recipients(user);
                let text = encrypt(&document(user, key, secret)?, recipients)
                    .map_err(|why| CallError::without_effect(ErrorCode::NotEncrypted, why.to_string()))?;
                Ok(SecretLocation::Encrypted(Block { text, recipients }))
            }
        }
    }

    fn origin(&self) -> NoticeOrigin<'_> {
        NoticeOrigin::of(self.settings, &self.context.run)
    }

    fn rotated(&self, key: &AccessKeyId, secret: SecretLocation<'_>, state: &UserState, now: Timestamp) -> Publication {
        let facts = Rotated {
            user: &self.user.name,
            key,
            secret,
            replaced: state.keys().iter().filter(|old| old.id != *key).collect(),
            policy: &self.settings.policy,
            now,
        };
        self.settings.language.rotated(&facts, self.origin())
    }

    fn secret_of(&self, key: &AccessKeyId) -> Result<&SecretAccessKey, CallError> {
        // The planner needs only the secret of the key that this run has created.
        self.secret.as_ref().filter(|(id, _)| id == key).map(|(_, secret)| secret).ok_or_else(|| {
            CallError::without_effect(ErrorCode::NoSecret, format!("the secret of {key} is not at hand"))
        })
    }
}
