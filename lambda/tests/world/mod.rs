//! A simulated AWS for one user: what IAM, STS, Secrets Manager and SNS do with the planner's calls.
//!
//! It has AWS's rules and none of the handler's: at most two keys, a deletion is final, inactive keys are refused.

use lambda::{
    model::{
        access_key::{AccessKeyId, Key, KeyStatus, LastUse},
        time::Timestamp,
    },
    protocol::{
        call::{Answer, Call, ConfirmedRecipients, PlannedNotice, Warning},
        call_error::{CallError, ErrorCode},
        journal::{Journal, JournalParseError},
        manager::Manager,
        planner::{self, Next},
        policy::Policy,
        run::Run,
        state::UserState,
        stop_reason::StopReason,
    },
};

/// The n-th key id.
pub(crate) fn key(n: usize) -> AccessKeyId {
    format!("AKIAEXAMPLE{n:09}").parse().expect("a key id")
}

/// The stack that the runs belong to.
pub(crate) fn manager() -> Manager {
    Manager::new("stack", "eu-west-1", "channel").expect("a manager")
}

/// The user's secret in Secrets Manager.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Secret {
    Missing,
    Empty,
    Current(AccessKeyId),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) keys: Vec<Key>,
    pub(crate) journal: Result<Journal, JournalParseError>,
    pub(crate) last_use: Vec<(AccessKeyId, LastUse)>,
    pub(crate) secret: Secret,
    pub(crate) recipients: ConfirmedRecipients,
    /// The keys that were mailed with their secrets.
    pub(crate) mailed: Vec<AccessKeyId>,
    /// The keys that were announced as stored in Secrets Manager.
    pub(crate) announced: Vec<AccessKeyId>,
    /// The warnings that were sent, with their times.
    pub(crate) warnings: Vec<(Warning, Timestamp)>,
    /// How many keys were ever created. It is the number of the next one.
    pub(crate) made: usize,
}

impl World {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self {
            now,
            keys: Vec::new(),
            journal: Ok(Journal::default()),
            last_use: Vec::new(),
            secret: Secret::Missing,
            recipients: ConfirmedRecipients { of_secret: true, of_notice: true },
            mailed: Vec::new(),
            announced: Vec::new(),
            warnings: Vec::new(),
            made: 0,
        }
    }

    /// Gives the user a key made at `created`.
    pub(crate) fn with_key(mut self, created: Timestamp, status: KeyStatus) -> Self {
        self.keys.push(Key { id: key(self.made), status, created });
        self.made += 1;
        self
    }

    /// Sets the last use of a key.
    pub(crate) fn note_use(&mut self, id: &AccessKeyId, last_use: LastUse) {
        self.last_use.retain(|(key, _)| key != id);
        self.last_use.push((id.clone(), last_use));
        self.last_use.sort_by(|(a, _), (b, _)| a.cmp(b));
    }

    /// Carries out one call.
    pub(crate) fn call(&mut self, call: &Call) -> Result<Answer, CallError> {
        match call {
            Call::ListAccessKeys => Ok(Answer::Keys(self.keys.clone())),
            Call::ListUserTags => Ok(Answer::Journal(self.journal.clone())),
            Call::GetAccessKeyLastUsed(id) => {
                let known = self.last_use.iter().find(|(key, _)| key == id);
                Ok(Answer::LastUse(known.map_or(LastUse::Never, |(_, use_)| use_.clone())))
            }
            Call::TagUser(entries) => {
                // TagUser overwrites a journal that could not be read.
                let mut journal = self.journal.clone().unwrap_or_default();
                for entry in entries {
                    journal.apply(entry);
                }
                self.journal = Ok(journal);
                Ok(Answer::Done)
            }
            Call::UntagUser(run) => {
                if let Ok(journal) = &mut self.journal {
                    journal.forget(run);
                }
                Ok(Answer::Done)
            }
            Call::RemoveJournal(_) => {
                let foreign = self.journal.as_ref().map_or(0, |journal| journal.foreign);
                self.journal = Ok(Journal { foreign, ..Journal::default() });
                Ok(Answer::Done)
            }
            Call::CreateAccessKey => {
                if self.keys.len() >= 2 {
                    return Err(refused("LimitExceeded"));
                }
                let made = Key { id: key(self.made), status: KeyStatus::Active, created: self.now };
                self.made += 1;
                self.keys.push(made.clone());
                Ok(Answer::Created(made))
            }
            Call::DeactivateAccessKey(id, _) => {
                self.find(id)?.status = KeyStatus::Inactive;
                Ok(Answer::Done)
            }
            Call::ActivateAccessKey(id) => {
                self.find(id)?.status = KeyStatus::Active;
                Ok(Answer::Done)
            }
            Call::DeleteAccessKey(id, _) => {
                self.find(id)?;
                self.keys.retain(|key| key.id != *id);
                Ok(Answer::Done)
            }
            Call::GetCallerIdentity { key, .. } => match self.find(key) {
                Ok(found) if found.status == KeyStatus::Active => Ok(Answer::Done),
                _ => Err(refused("InvalidClientTokenId")),
            },
            Call::CreateSecret => {
                if self.secret == Secret::Missing {
                    self.secret = Secret::Empty;
                }
                Ok(Answer::Done)
            }
            // The permission is on an ARN, which a missing secret does not have.
            Call::PutSecretValue(_) | Call::DescribeSecret(_) | Call::PutResourcePolicy
                if self.secret == Secret::Missing =>
            {
                Err(refused("AccessDeniedException"))
            }
            Call::PutSecretValue(id) => {
                self.secret = Secret::Current(id.clone());
                Ok(Answer::Done)
            }
            Call::DescribeSecret(id) => Ok(Answer::Current(self.secret == Secret::Current(id.clone()))),
            Call::PutResourcePolicy => Ok(Answer::Done),
            Call::ListSubscriptionsByTopic => Ok(Answer::Recipients(self.recipients)),
            Call::Publish(PlannedNotice::Secret(id)) => {
                self.mailed.push(id.clone());
                Ok(Answer::Done)
            }
            Call::Publish(PlannedNotice::Warning(warning)) => {
                self.warnings.push((warning.clone(), self.now));
                Ok(Answer::Done)
            }
            Call::Publish(PlannedNotice::Stored(id)) => {
                self.announced.push(id.clone());
                Ok(Answer::Done)
            }
        }
    }

    fn find(&mut self, id: &AccessKeyId) -> Result<&mut Key, CallError> {
        self.keys.iter_mut().find(|key| key.id == *id).ok_or_else(|| refused("NoSuchEntity"))
    }

    /// Carries out one whole run. `fault` gets each call with its number, and can answer instead of AWS.
    pub(crate) fn run(
        &mut self,
        policy: &Policy,
        run: &Run,
        mut fault: impl FnMut(usize, &Call, &mut Self) -> Option<Result<Answer, CallError>>,
    ) -> (StopReason, Vec<Call>) {
        let mut state = UserState::default();
        let mut calls = Vec::new();
        loop {
            match planner::next_step(&state, policy, run, self.now) {
                Next::Stop(rest) => return (rest, calls),
                Next::Call(call) => {
                    let answer = fault(calls.len(), &call, self).unwrap_or_else(|| self.call(&call));
                    state.learn(&call, answer);
                    calls.push(call);
                    assert!(calls.len() < 100, "the planner does not come to an end: {calls:?}");
                }
            }
        }
    }
}

/// AWS refused the call, so it had no effect.
pub(crate) fn refused(code: &str) -> CallError {
    CallError::without_effect(ErrorCode::Aws(code.to_owned()), "refused")
}

/// The answer was lost, so the effect is unknown.
pub(crate) fn lost() -> CallError {
    CallError::with_unknown_effect(ErrorCode::Timeout, "no answer in time")
}
