//! The next safe step for one user: decisions only.
//!
//! [`next_step`] looks at what is known of a user and names the one AWS call to make next, or says why there is
//! nothing left to do. [`UserState::learn`] folds the call's answer into what is known. Neither does I/O nor
//! reads a clock, and there is no other control flow: whoever wants to know what the handler would do
//! in some situation can ask these two functions, and a test harness does so for every situation there is.
//!
//! Three ideas carry the safety:
//!
//! * **The quota is the lock.** A user holds two keys at most, and a key is created only while exactly one other
//!   exists. Of two runs that both think it is their turn, IAM refuses one. Tags, which cannot be compared and
//!   swapped, never have to decide that.
//! * **The journal comes first.** Which key stood before is written down before another is made, so a key whose
//!   secret was lost is told from a live one by set difference, not by age.
//! * **What is not certain is left.** A failed call that may have had its effect ends the run for this user. Once the
//!   intent's lease is over, nobody else is at work, and the next run reads back what happened.

use crate::{model::{access_key::{AccessKeyId, Key, LastUse, Status}, time::{Span, Timestamp}, user_config_error::Unclear}, protocol::journal::{Delivered, Disabled, Entry, Garbled, Intent, Journal, LEASE, LIFE, RunId, SKEW}};

/// How many verifications in a row must succeed. IAM is eventually consistent: after a first success some
/// calls still fail.
pub const VERIFY_SUCCESSES: u8 = 3;
/// How many verifications are tried in all.
pub const VERIFY_ATTEMPTS: u8 = 20;
/// The pause after a verification that failed. With [`VERIFY_ATTEMPTS`] this bounds the wait to 40 seconds.
pub const VERIFY_PAUSE: Span = Span::seconds(2);
/// A rotation is begun only if the run has this long left: enough for the verification and the calls around it.
pub const ROTATION_BUDGET: Span = Span::seconds(90);

/// What the configuration asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Policy {
    /// A key of this age is replaced.
    pub rotate_after: Span,
    /// The old key stays active this long after its successor was delivered.
    pub overlap: Span,
    /// What becomes of a deactivated key.
    pub delete_after: DeleteAfter,
    /// What to do with an old key that is used although its successor was delivered: see [`Policy::quiet`].
    pub still_in_use: StillInUse,
    /// How long after the overlap such a key is waited for at most.
    pub wait_at_most: Patience,
    /// How a new secret reaches its owner.
    pub delivery: Delivery,
    /// How long before a key is due its owner is told that it will be replaced; zero means never.
    pub warn_before: Span,
}

/// How long a deactivated key is kept: the time in which a rotation can be undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeleteAfter {
    /// Until the next rotation needs its place, as the article does.
    NextRotation,
    /// This long.
    Window(Span),
}

/// What to do with an old key that is used although its successor was delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StillInUse {
    /// Keep it, and say so in each run.
    Wait,
    /// Deactivate it all the same.
    Retire,
}

/// How long an old key that is still in use is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Patience {
    /// As long as it takes.
    Forever,
    /// This long after the overlap; then it is deactivated all the same.
    AtMost(Span),
}

/// How a new secret reaches its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// As a version of a secret in Secrets Manager; the mail only says that it is there.
    SecretsManager,
    /// In the mail itself, as the article does.
    Email,
    /// In the mail, encrypted to its reader's public key.
    EmailEncrypted,
}

impl Delivery {
    /// Whether the mail itself carries the secret.
    #[must_use]
    pub const fn is_mail(self) -> bool {
        matches!(self, Self::Email | Self::EmailEncrypted)
    }
}

/// Why a run is about this user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    /// The schedule's: replace the key if it is due.
    Routine,
    /// A person's: replace the key now, whatever its age.
    RotateNow,
    /// A person's: reactivate the key that was deactivated last.
    Undo,
}

/// One invocation, as far as decisions depend on it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Run {
    /// Who writes the intents.
    pub id: RunId,
    /// When the run must be over.
    pub deadline: Timestamp,
    /// What it is for.
    pub order: Order,
}

/// One AWS call about one user, under the name that AWS gives the operation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Call {
    /// IAM: which keys are there?
    ListAccessKeys,
    /// IAM: what does the journal say?
    ListUserTags,
    /// IAM: when was the key last used?
    GetAccessKeyLastUsed(AccessKeyId),
    /// IAM: write the journal.
    TagUser(Vec<Entry>),
    /// IAM: remove a run's intent from the journal.
    UntagUser(RunId),
    /// IAM: make a key. Not idempotent, never retried.
    CreateAccessKey,
    /// IAM: deactivate the key.
    DeactivateAccessKey(AccessKeyId, Why),
    /// IAM: activate the key again.
    ActivateAccessKey(AccessKeyId),
    /// IAM: delete the key, which must be inactive.
    DeleteAccessKey(AccessKeyId, Why),
    /// STS, signed with the new key, after a pause: is it accepted?
    GetCallerIdentity {
        /// The new key.
        key: AccessKeyId,
        /// How long to wait first.
        pause: Span,
    },
    /// Secrets Manager: store the new key as the secret's current version.
    PutSecretValue(AccessKeyId),
    /// Secrets Manager: make the (empty) secret of this user, if it is not there.
    ///
    /// Before a key is made, because a secret's permission is on an ARN with six random characters: while the secret does
    /// not exist, calls about it may be refused without saying why.
    CreateSecret,
    /// Secrets Manager: say who may read the secret. Before a key is in it, so that nobody waits for one they cannot
    /// read.
    PutResourcePolicy,
    /// Secrets Manager: is this key the secret's current version?
    DescribeSecret(AccessKeyId),
    /// SNS: how many of those who have confirmed would get this user's key?
    ListSubscriptionsByTopic,
    /// SNS: tell people.
    Publish(Message),
}

/// Why a key is taken out of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    /// A newer key was delivered and the overlap is over.
    Superseded,
    /// It was inactive for as long as the policy keeps it.
    WindowOver,
    /// It is inactive, and the rotation that is due needs its place.
    PlaceNeeded,
    /// It was created, but its secret did not reach its owner.
    Withdrawn,
}

/// What a mail is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Message {
    /// The new key, secret included: the delivery itself.
    Secret(AccessKeyId),
    /// The new key waits in Secrets Manager.
    Stored(AccessKeyId),
    /// The key will be replaced at the time given.
    ComingUp(AccessKeyId, Timestamp),
}

/// What an AWS call answered.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Answer {
    /// To ListAccessKeys.
    Keys(Vec<Key>),
    /// To ListUserTags.
    Journal(Result<Journal, Garbled>),
    /// To GetAccessKeyLastUsed.
    LastUse(LastUse),
    /// To CreateAccessKey.
    Created(Key),
    /// To DescribeSecret: whether the key is the current version.
    Current(bool),
    /// To ListSubscriptionsByTopic: those who have confirmed and would get the key.
    Subscribers(u32),
    /// To everything else: it is done.
    Done,
}

/// A call that failed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Failure {
    /// Whether it can have had its effect all the same.
    pub effect: Effect,
    /// AWS's error code, or `Timeout` and the like.
    pub code: String,
    /// AWS's message, made for people.
    pub message: String,
}

/// What a failed call left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Nothing: AWS refused it.
    None,
    /// Nobody knows: the answer was lost, or is an internal error.
    Unknown,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Next {
    /// Make this call.
    Call(Call),
    /// Nothing is left to do in this run.
    Rest(Rest),
}

/// Why nothing is left to do.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Rest {
    /// The user has no access key.
    NoKeys,
    /// One key, delivered and young; it will be due at the time given.
    Healthy(Timestamp),
    /// The old key stays active until the time given.
    Overlap(AccessKeyId, Timestamp),
    /// The deactivated key can be reactivated until the time given.
    Window(AccessKeyId, Timestamp),
    /// The old key was reactivated by a person; it is left alone until its successor is due.
    Undone(AccessKeyId, Timestamp),
    /// There is no deactivated key to reactivate.
    NothingToUndo,
    /// The deactivated key is about to be deleted.
    TooLateToUndo(AccessKeyId),
    /// The old key is in use although its successor was delivered.
    StillInUse(AccessKeyId, LastUse),
    /// Another run is at work on this user until the time given at the latest.
    Busy(RunId, Timestamp),
    /// Too little of the run's time is left to begin a rotation.
    OutOfTime,
    /// The mail would be the delivery, and nobody has confirmed a subscription.
    NobodyListens,
    /// This key is so young that whoever made it may not be done.
    Recent(AccessKeyId, Timestamp),
    /// IAM's list does not show the key that was just delivered yet.
    NotVisible(AccessKeyId),
    /// Something only a person can decide.
    NeedsPerson(Doubt),
    /// A call failed.
    Failed(Box<(Call, Failure)>),
    /// The new key was taken back because this call failed; the old key is as it was.
    Withdrawn(Box<(Call, Failure)>),
}

/// What the handler will not decide by itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Doubt {
    /// The journal cannot be read.
    Journal(Garbled),
    /// The journal speaks of something that is yet to come.
    Future(Timestamp),
    /// An unfinished rotation, and more than one key that it may have left.
    UnclearOrigin,
    /// A key that an unfinished rotation seems to have left, yet somebody uses it.
    OrphanInUse(AccessKeyId, LastUse),
    /// Two active keys of the same second: neither is the older.
    SameAge,
    /// More keys than IAM allows.
    TooManyKeys(usize),
    /// So many tags on the user that the journal has no room.
    NoRoom(usize),
    /// What holds for this user cannot be told.
    Unclear(Unclear),
}

/// What is known of one user.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct UserState {
    keys: Option<Vec<Key>>,
    /// A key was made since the keys were listed.
    keys_assumed: bool,
    journal: Option<Result<Journal, Garbled>>,
    last_use: Vec<(AccessKeyId, LastUse)>,
    channel: Option<Channel>,
    /// Whether a key that an unfinished rotation left is the secret's current version.
    current: Option<(AccessKeyId, bool)>,
    rotation: Option<Rotation>,
    /// The intents of dead runs whose key this run has withdrawn.
    ///
    /// They stay in the journal until a later run finds nothing to them: another run, reading a list that still shows
    /// the key, must find the intent too, or it would take the key for a successor and retire the old one.
    withdrawn: Vec<RunId>,
    /// A rotation was completed in this run: one is enough, whatever the order was.
    rotated: bool,
    /// A key was reactivated in this run, as it was asked to.
    undone: bool,
    /// The key whose owner was told in this run that it will be replaced; the journal does not say so yet.
    warned: Option<AccessKeyId>,
    /// What is reported once nothing is left of this run's intent.
    ending: Option<Rest>,
    stopped: Option<Rest>,
}

/// A replacement under way in this run.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Rotation {
    Intended,
    Verifying {
        key: AccessKeyId,
        attempts: u8,
        successes: u8,
    },
    Delivering(AccessKeyId),
    ReadingBack(AccessKeyId),
    /// Before the commit, so that a mail that was lost in a crash is sent again.
    Announcing(AccessKeyId),
    Committing(AccessKeyId),
    Withdrawing {
        key: AccessKeyId,
        stage: Withdrawal,
        because: Box<(Call, Failure)>,
    },
}

/// Whether a new key would reach its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Channel {
    /// Who may read the secret could not be said: it may not be there.
    Missing,
    /// The secret is there; who may read it is still to be said.
    Made,
    Ready,
    NobodyListens,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Withdrawal {
    Deactivate,
    Delete,
}

/// The next AWS call for a user, or why there is none.
#[must_use]
pub fn next_step(state: &UserState, policy: &Policy, run: &Run, now: Timestamp) -> Next {
    if let Some(rest) = &state.stopped {
        return Next::Rest(rest.clone());
    }
    if let Some(rotation) = &state.rotation {
        return Next::Call(rotation.next_call(policy.delivery, state.intent_at_hand(), now));
    }
    // What this run has just closed, the next one that reads the journal removes: it says nothing, and costs a call.
    if let Some(Ok(Journal { closed, .. })) = &state.journal
        && let Some(run) = closed.first()
        && !state.rotated
    {
        return Next::Call(Call::UntagUser(run.clone()));
    }
    if let Some(rest) = &state.ending {
        return Next::Rest(rest.clone());
    }
    let Some(keys) = &state.keys else {
        return Next::Call(Call::ListAccessKeys);
    };
    let due = |key: &Key| {
        let asked = run.order == Order::RotateNow || now.since(key.created) >= policy.rotate_after;
        asked && !state.rotated
    };
    match keys.as_slice() {
        [] => return Next::Rest(Rest::NoKeys),
        [only] if only.status == Status::Active && run.order == Order::Undo => return Next::Rest(Rest::NothingToUndo),
        // The common case costs one call: a lone young key needs no look at the journal.
        [only] if only.status == Status::Active && !due(only) && !policy.warns_of(only, now) => {
            return Next::Rest(Rest::Healthy(only.created + policy.rotate_after));
        }
        [_] | [_, _] => {}
        more => return Next::Rest(Rest::NeedsPerson(Doubt::TooManyKeys(more.len()))),
    }
    let journal = match &state.journal {
        None => return Next::Call(Call::ListUserTags),
        Some(Err(garbled)) => return Next::Rest(Rest::NeedsPerson(Doubt::Journal(garbled.clone()))),
        Some(Ok(journal)) => journal,
    };
    // This handler writes down what has happened. A time that is yet to come would hold everything off until then.
    if let Some(at) = journal.latest().filter(|at| *at > now + SKEW) {
        return Next::Rest(Rest::NeedsPerson(Doubt::Future(at)));
    }
    let view = View { state, keys, journal, policy, run, now };
    match state.intent_at_hand() {
        Some(intent) => view.recover(intent),
        None if run.order == Order::Undo && !state.undone => view.undo(),
        None => view.settle(due),
    }
}

/// A user's keys and journal, both read.
struct View<'a> {
    state: &'a UserState,
    keys: &'a [Key],
    journal: &'a Journal,
    policy: &'a Policy,
    run: &'a Run,
    now: Timestamp,
}

impl View<'_> {
    /// The keys of this status.
    fn with(&self, status: Status) -> impl Iterator<Item = &Key> {
        self.keys.iter().filter(move |key| key.status == status)
    }

    /// An intent stands in the journal: leave it to its owner, or, if that run is dead, clean up after it.
    fn recover(&self, intent: &Intent) -> Next {
        let lease_over = intent.at + LEASE;
        if self.now < lease_over {
            return Next::Rest(Rest::Busy(intent.run.clone(), lease_over));
        }
        // Its run is dead since before the lease was over: a key of a run that began after that is not its own.
        let (first, last) = (intent.at.before(SKEW), intent.at + LIFE + SKEW);
        let is_candidate = |key: &&Key| {
            key.id != intent.known && self.may_be_undelivered(key) && (first..=last).contains(&key.created)
        };
        let mut candidates = self.keys.iter().filter(is_candidate);
        let (Some(orphan), None) = (candidates.next(), candidates.next()) else {
            return if self.keys.iter().any(|key| is_candidate(&key)) {
                Next::Rest(Rest::NeedsPerson(Doubt::UnclearOrigin))
            } else {
                // The run died before it made a key, or after it delivered one: nothing is left behind.
                Next::Call(Call::UntagUser(intent.run.clone()))
            };
        };
        // A key is made beside another, and is the younger of the two. Else a forged intent could point at a live key.
        let beside = |key: &Key| key.id != orphan.id && key.created <= orphan.created;
        if !self.keys.iter().any(beside) {
            return Next::Rest(Rest::NeedsPerson(Doubt::UnclearOrigin));
        }
        if self.policy.delivery == Delivery::SecretsManager {
            match self.state.is_current(&orphan.id) {
                // A secret that is not there may not be asked about: see `Call::CreateSecret`.
                None if self.state.channel.is_none() => return Next::Call(Call::CreateSecret),
                None => return Next::Call(Call::DescribeSecret(orphan.id.clone())),
                // It was delivered. Whether it was announced, nobody knows: better twice than never.
                Some(true) if orphan.status == Status::Active => {
                    return Next::Call(Call::Publish(Message::Stored(orphan.id.clone())));
                }
                Some(_) => {}
            }
        }
        match self.state.last_use(&orphan.id) {
            None => Next::Call(Call::GetAccessKeyLastUsed(orphan.id.clone())),
            // Once it is inactive its last use is asked for again: whoever put it in place since then must not lose it.
            Some(use_) if is_only_verification(use_, last) => Next::Call(match orphan.status {
                Status::Active => Call::DeactivateAccessKey(orphan.id.clone(), Why::Withdrawn),
                Status::Inactive => Call::DeleteAccessKey(orphan.id.clone(), Why::Withdrawn),
            }),
            // A mail cannot be read back, but a key that is used was received.
            Some(LastUse::Used { .. }) if self.policy.delivery.is_mail() => Next::Call(match orphan.status {
                Status::Active => commit(&orphan.id, Some(intent), self.now),
                Status::Inactive => Call::ActivateAccessKey(orphan.id.clone()),
            }),
            Some(use_) => Next::Rest(Rest::NeedsPerson(Doubt::OrphanInUse(orphan.id.clone(), use_.clone()))),
        }
    }

    /// Reactivates the youngest inactive key that came before every active one. A later one is no predecessor: the next
    /// run would retire the active key in its favour.
    fn undo(&self) -> Next {
        let before = |key: &Key, other| self.by_age(key, other).is_some_and(|(older, _)| older.id == key.id);
        let previous = self.with(Status::Inactive);
        let previous = previous.filter(|key| self.with(Status::Active).all(|active| before(key, active)));
        let Some(previous) = previous.max_by_key(|key| key.created) else {
            return Next::Rest(Rest::NothingToUndo);
        };
        let until = self.deleted_from(previous);
        if until.is_some_and(|until| self.now + LEASE + SKEW > until) {
            return Next::Rest(Rest::TooLateToUndo(previous.id.clone()));
        }
        // First the note, so that the next run does not deactivate the key again.
        if self.journal.undone.as_ref() != Some(&previous.id) {
            return Next::Call(Call::TagUser(vec![Entry::Undone(Some(previous.id.clone()))]));
        }
        Next::Call(Call::ActivateAccessKey(previous.id.clone()))
    }

    /// From when on a run by schedule may delete the inactive key. An undo stays a lease away from it, so that whoever
    /// deletes sees the key active again. Nothing else keeps the two apart: tags cannot be compared and swapped.
    fn deleted_from(&self, inactive: &Key) -> Option<Timestamp> {
        match self.policy.delete_after {
            DeleteAfter::Window(window) => {
                let noted = self.journal.disabled_since(&inactive.id);
                // A note that is not there may be one that this read did not show yet.
                Some(noted.map_or(self.now.before(SKEW), |since| since.max(inactive.created)) + window)
            }
            DeleteAfter::NextRotation => {
                self.with(Status::Active).map(|key| key.created + self.policy.rotate_after).min()
            }
        }
    }

    /// No rotation is under way: retire, delete, rotate, in this order, whatever is due.
    fn settle(&self, due: impl Fn(&Key) -> bool) -> Next {
        if let Some(delivered) = &self.journal.delivered
            && self.keys.iter().all(|key| key.id != delivered.key)
            && self.now < delivered.at + LEASE
        {
            return Next::Rest(Rest::NotVisible(delivered.key.clone()));
        }
        if let Some((key, until)) = self.unfinished() {
            return Next::Rest(Rest::Recent(key, until));
        }
        if self.with(Status::Active).any(|key| self.journal.disabled_since(&key.id).is_some()) {
            // Somebody activated it again. An old note would shorten its time when it is deactivated once more.
            return Next::Call(self.note_disabled());
        }
        let (active, inactive): (Vec<_>, Vec<_>) =
            (self.with(Status::Active).collect(), self.with(Status::Inactive).collect());
        match active.as_slice() {
            [a, b] => match self.by_age(a, b) {
                Some((older, newer)) => self.retire(older, newer, &due),
                None => Next::Rest(Rest::NeedsPerson(Doubt::SameAge)),
            },
            [only] if !due(only) => self.warn(only).or_else(|| self.tidy(&inactive)).unwrap_or_else(|| {
                // What is inactive is kept until the rotation that is not due yet.
                Next::Rest(Rest::Healthy(only.created + self.policy.rotate_after))
            }),
            [only] => self.rotate(only, inactive.first().copied()),
            _ => match inactive.as_slice() {
                [only] => self.rotate(only, None),
                [a, b] if a.created <= b.created => self.rotate(b, Some(a)),
                [b, a] => self.rotate(b, Some(a)),
                _ => Next::Rest(Rest::NoKeys),
            },
        }
    }

    /// One of two keys is young, and nobody says that it was delivered: it may be the unfinished work of a run whose
    /// intent this read did not show yet. After a lease, that run is dead, and its intent is seen.
    fn unfinished(&self) -> Option<(AccessKeyId, Timestamp)> {
        let until = |key: &Key| key.created + LEASE + SKEW;
        let young = self.keys.iter().find(|key| self.may_be_undelivered(key) && self.now < until(key));
        young.filter(|_| self.keys.len() > 1).map(|key| (key.id.clone(), until(key)))
    }

    /// Whether the key may be one that a run made and did not deliver. What is older than a delivered key is not: it is
    /// that key's predecessor. Of two keys of the same second, either may be the later one.
    fn may_be_undelivered(&self, key: &Key) -> bool {
        let Some(delivered) = &self.journal.delivered else { return true };
        let latest = self.keys.iter().find(|key| key.id == delivered.key).map(|key| key.created);
        key.id != delivered.key && latest.is_none_or(|latest| key.created >= latest)
    }

    /// The older of two keys first; the journal decides between keys of the same second.
    fn by_age<'k>(&self, a: &'k Key, b: &'k Key) -> Option<(&'k Key, &'k Key)> {
        use std::cmp::Ordering::{Equal, Greater, Less};
        let delivered = |key: &Key| self.journal.delivered.as_ref().is_some_and(|d| d.key == key.id);
        match a.created.cmp(&b.created) {
            Less => Some((a, b)),
            Greater => Some((b, a)),
            Equal if delivered(b) => Some((a, b)),
            Equal if delivered(a) => Some((b, a)),
            Equal => None,
        }
    }

    /// Two active keys: the older one goes, once its successor has been delivered for long enough.
    fn retire(&self, older: &Key, newer: &Key, due: impl Fn(&Key) -> bool) -> Next {
        if self.journal.undone.as_ref() == Some(&older.id) && (self.state.undone || !due(newer)) {
            return Next::Rest(Rest::Undone(older.id.clone(), newer.created + self.policy.rotate_after));
        }
        let since = in_place_since(self.journal, newer);
        let until = since + self.policy.overlap;
        if self.now < until {
            return Next::Rest(Rest::Overlap(older.id.clone(), until));
        }
        let patient = match self.policy.wait_at_most {
            Patience::Forever => true,
            Patience::AtMost(span) => self.now < until + span,
        };
        if self.policy.still_in_use == StillInUse::Wait && patient {
            match self.state.last_use(&older.id) {
                None => return Next::Call(Call::GetAccessKeyLastUsed(older.id.clone())),
                Some(use_) if self.policy.is_left_alone(use_, since, self.now) => {}
                Some(use_) => return Next::Rest(Rest::StillInUse(older.id.clone(), use_.clone())),
            }
        }
        if self.state.keys_assumed {
            // Make sure, from IAM itself, that the successor stands before the old key falls.
            return Next::Call(Call::ListAccessKeys);
        }
        Next::Call(Call::DeactivateAccessKey(older.id.clone(), Why::Superseded))
    }

    /// Says that the key will be replaced: once, however many runs its last days have. The mail goes before the note, so
    /// that one that was lost in a crash is sent again.
    fn warn(&self, key: &Key) -> Option<Next> {
        let told = self.journal.warned.as_ref() == Some(&key.id);
        if told || !self.policy.warns_of(key, self.now) {
            return None;
        }
        // What cannot be noted would be said in each run anew.
        if let Some(full) = self.no_room() {
            return Some(full);
        }
        Some(Next::Call(if self.state.warned.as_ref() == Some(&key.id) {
            Call::TagUser(vec![Entry::Warned(key.id.clone())])
        } else {
            Call::Publish(Message::ComingUp(key.id.clone(), key.created + self.policy.rotate_after))
        }))
    }

    fn no_room(&self) -> Option<Next> {
        (!self.journal.has_room()).then(|| Next::Rest(Rest::NeedsPerson(Doubt::NoRoom(self.journal.others()))))
    }

    /// Inactive keys beside one active key: note since when, delete what was kept long enough.
    fn tidy(&self, inactive: &[&Key]) -> Option<Next> {
        let DeleteAfter::Window(window) = self.policy.delete_after else { return None };
        let key = inactive.first()?;
        Some(match self.journal.disabled_since(&key.id) {
            None => Next::Call(self.note_disabled()),
            Some(since) if self.now >= since.max(key.created) + window => {
                Next::Call(Call::DeleteAccessKey(key.id.clone(), Why::WindowOver))
            }
            Some(since) => Next::Rest(Rest::Window(key.id.clone(), since.max(key.created) + window)),
        })
    }

    /// IAM does not say when a key was deactivated, so the journal does: now, if nobody wrote it down before.
    fn note_disabled(&self) -> Call {
        let inactive = self.with(Status::Inactive);
        let note =
            |key: &Key| Disabled { key: key.id.clone(), at: self.journal.disabled_since(&key.id).unwrap_or(self.now) };
        Call::TagUser(vec![Entry::Disabled(inactive.map(note).collect())])
    }

    /// Begins the replacement of `current`; `other`, an inactive key, is in the way.
    fn rotate(&self, current: &Key, other: Option<&Key>) -> Next {
        if self.now + ROTATION_BUDGET > self.run.deadline {
            return Next::Rest(Rest::OutOfTime);
        }
        // An intent that fits beside a delivery that does not would be a key that every run takes back.
        if let Some(full) = self.no_room() {
            return full;
        }
        match (self.state.channel, self.policy.delivery) {
            // Most secrets are there already: what is refused the first time is tried again once the secret surely is.
            (None, Delivery::SecretsManager) | (Some(Channel::Made), _) => return Next::Call(Call::PutResourcePolicy),
            (None, _) => return Next::Call(Call::ListSubscriptionsByTopic),
            (Some(Channel::Missing), _) => return Next::Call(Call::CreateSecret),
            (Some(Channel::NobodyListens), _) => return Next::Rest(Rest::NobodyListens),
            (Some(Channel::Ready), _) => {}
        }
        if let Some(other) = other {
            return self
                .tidy(&[other])
                .unwrap_or_else(|| Next::Call(Call::DeleteAccessKey(other.id.clone(), Why::PlaceNeeded)));
        }
        let intent = Intent { run: self.run.id.clone(), at: self.now, known: current.id.clone() };
        Next::Call(Call::TagUser(vec![Entry::Intent(intent)]))
    }
}

/// From here on the key is no orphan, whatever intent speaks of its time; and the one that led to it is over. In one
/// call: an intent that outlived its delivery would make an orphan of another run's key.
fn commit(key: &AccessKeyId, intent: Option<&Intent>, now: Timestamp) -> Call {
    let delivered = Entry::Delivered(Delivered { key: key.clone(), at: now });
    let closed = intent.map(|intent| Entry::Closed(intent.run.clone()));
    Call::TagUser(std::iter::once(delivered).chain(closed).collect())
}

/// Since when its owner has the key, as far as anybody knows.
fn in_place_since(journal: &Journal, key: &Key) -> Timestamp {
    match &journal.delivered {
        // A time before the key existed would be a forgery.
        Some(delivered) if delivered.key == key.id => delivered.at.max(key.created),
        _ => key.created,
    }
}

/// Whether the only use on record can be the verification of a rotation whose lease ended at `last`.
fn is_only_verification(use_: &LastUse, last: Timestamp) -> bool {
    match use_ {
        LastUse::Never => true,
        LastUse::Used { at, service, .. } => service == "sts" && *at <= last,
        LastUse::Unknown => false,
    }
}

impl Rotation {
    fn next_call(&self, delivery: Delivery, intent: Option<&Intent>, now: Timestamp) -> Call {
        match self {
            Self::Intended => Call::CreateAccessKey,
            Self::Verifying { key, attempts, successes } => Call::GetCallerIdentity {
                key: key.clone(),
                pause: if *attempts > 0 && *successes == 0 { VERIFY_PAUSE } else { Span::ZERO },
            },
            Self::Delivering(key) => match delivery {
                Delivery::SecretsManager => Call::PutSecretValue(key.clone()),
                Delivery::Email | Delivery::EmailEncrypted => Call::Publish(Message::Secret(key.clone())),
            },
            Self::ReadingBack(key) => Call::DescribeSecret(key.clone()),
            Self::Announcing(key) => Call::Publish(Message::Stored(key.clone())),
            Self::Committing(key) => commit(key, intent, now),
            Self::Withdrawing { key, stage, .. } => match stage {
                Withdrawal::Deactivate => Call::DeactivateAccessKey(key.clone(), Why::Withdrawn),
                Withdrawal::Delete => Call::DeleteAccessKey(key.clone(), Why::Withdrawn),
            },
        }
    }
}

impl Policy {
    /// Whether nobody works with the old key any more: not since its successor was delivered, or not for as long as people
    /// have to put that in place. Until they have, they use the old one; that alone must not keep it for ever.
    fn is_left_alone(&self, use_: &LastUse, delivered: Timestamp, now: Timestamp) -> bool {
        match use_ {
            LastUse::Never => true,
            LastUse::Used { at, .. } => *at <= delivered || now >= *at + self.quiet(),
            LastUse::Unknown => false,
        }
    }

    /// How long an old key must have been left alone, once it was used after its successor was delivered: the overlap, a day
    /// at least, for some work is done once a day; and one day more, for IAM's record of a use can be hours late.
    #[must_use]
    pub fn quiet(&self) -> Span {
        Self::quiet_after(self.overlap)
    }

    /// [`Policy::quiet`] where the overlap is this.
    #[must_use]
    pub fn quiet_after(overlap: Span) -> Span {
        overlap.max(Span::days(1)) + Span::days(1)
    }

    /// Whether the key is so close to its end that its owner is to be told. Once it is due, nothing is coming up any more.
    fn warns_of(&self, key: &Key, now: Timestamp) -> bool {
        let due = key.created + self.rotate_after;
        (due.before(self.warn_before)..due).contains(&now)
    }
}

impl UserState {
    fn last_use(&self, key: &AccessKeyId) -> Option<&LastUse> {
        self.last_use.iter().find(|(id, _)| id == key).map(|(_, use_)| use_)
    }

    fn is_current(&self, key: &AccessKeyId) -> Option<bool> {
        self.current.as_ref().filter(|(id, _)| id == key).map(|(_, current)| *current)
    }

    /// The keys as they are known; none before they were listed.
    #[must_use]
    pub fn keys(&self) -> &[Key] {
        self.keys.as_deref().unwrap_or_default()
    }

    /// Until when the old key is waited for, if it is still in use and the policy's patience has an end.
    #[must_use]
    pub fn waits_until(&self, old: &AccessKeyId, policy: &Policy) -> Option<Timestamp> {
        let (Patience::AtMost(span), Some(Ok(journal))) = (policy.wait_at_most, &self.journal) else { return None };
        let newer = self.keys().iter().find(|key| key.id != *old && key.status == Status::Active)?;
        Some(in_place_since(journal, newer) + policy.overlap + span)
    }

    /// Folds a call's answer into what is known.
    pub fn learn(&mut self, call: &Call, answer: Result<Answer, Failure>) {
        match answer {
            Ok(answer) => self.learn_answer(call, answer),
            Err(failure) => self.learn_failure(call, failure),
        }
    }

    fn learn_answer(&mut self, call: &Call, answer: Answer) {
        match (call, answer) {
            (Call::ListAccessKeys, Answer::Keys(keys)) => {
                self.keys = Some(keys);
                self.keys_assumed = false;
            }
            (Call::ListUserTags, Answer::Journal(journal)) => self.journal = Some(journal),
            (Call::GetAccessKeyLastUsed(key), Answer::LastUse(use_)) => self.last_use.push((key.clone(), use_)),
            (Call::ListSubscriptionsByTopic, Answer::Subscribers(n)) => {
                self.channel = Some(if n == 0 { Channel::NobodyListens } else { Channel::Ready });
            }
            (Call::TagUser(entries), Answer::Done) => self.tagged(entries),
            (Call::UntagUser(run), Answer::Done) => {
                if let Some(Ok(journal)) = &mut self.journal {
                    journal.forget(run);
                }
            }
            (Call::CreateAccessKey, Answer::Created(key)) => {
                let id = key.id.clone();
                self.keys.get_or_insert_default().push(key);
                self.keys_assumed = true;
                self.rotation = Some(Rotation::Verifying { key: id, attempts: 0, successes: 0 });
            }
            (Call::GetCallerIdentity { key, .. }, Answer::Done) => self.verified(call, key),
            (Call::CreateSecret, Answer::Done) => self.channel = Some(Channel::Made),
            (Call::PutResourcePolicy, Answer::Done) => self.channel = Some(Channel::Ready),
            (Call::PutSecretValue(key), Answer::Done) => self.rotation = Some(Rotation::ReadingBack(key.clone())),
            (Call::DescribeSecret(key), Answer::Current(current)) => match (&self.rotation, current) {
                (None, current) => self.current = Some((key.clone(), current)),
                (Some(_), true) => self.rotation = Some(Rotation::Announcing(key.clone())),
                (Some(_), false) => self.stop(call, not_read_back()),
            },
            (Call::Publish(Message::Stored(key) | Message::Secret(key)), Answer::Done) => {
                self.rotation = Some(Rotation::Committing(key.clone()));
            }
            (Call::Publish(Message::ComingUp(key, _)), Answer::Done) => self.warned = Some(key.clone()),
            (Call::DeactivateAccessKey(key, _), Answer::Done) => self.deactivated(key),
            (Call::DeleteAccessKey(key, why), Answer::Done) => self.deleted(key, *why),
            (Call::ActivateAccessKey(key), Answer::Done) => {
                self.set_status(key, Status::Active);
                let Some(Ok(journal)) = &self.journal else { return };
                self.undone = journal.undone.as_ref() == Some(key);
            }
            // An adapter answered another question. Nothing is known, so nothing more is done.
            (call, answer) => {
                let message = format!("unexpected answer {answer:?}");
                self.stop(call, Failure { effect: Effect::Unknown, code: "UnexpectedAnswer".into(), message });
            }
        }
    }

    fn tagged(&mut self, entries: &[Entry]) {
        if let Some(Ok(journal)) = &mut self.journal {
            for entry in entries {
                journal.apply(entry);
            }
        }
        match (self.rotation.take(), entries) {
            (None, [Entry::Intent(_)]) => self.rotation = Some(Rotation::Intended),
            (rotation, [Entry::Delivered(_), ..]) => self.rotated |= rotation.is_some(),
            _ => {}
        }
    }

    /// Whose intent is being dealt with: this run's own, or the dead run's that is recovered from.
    fn intent_at_hand(&self) -> Option<&Intent> {
        let Some(Ok(journal)) = &self.journal else { return None };
        // The youngest first: as long as any run is at work, hands off.
        journal.intents.iter().filter(|intent| !self.withdrawn.contains(&intent.run)).max_by_key(|intent| intent.at)
    }

    fn verified(&mut self, call: &Call, key: &AccessKeyId) {
        if let Some(Rotation::Verifying { attempts, successes, .. }) = &mut self.rotation {
            *attempts += 1;
            *successes += 1;
            if *successes == VERIFY_SUCCESSES {
                self.rotation = Some(Rotation::Delivering(key.clone()));
            } else if *attempts == VERIFY_ATTEMPTS {
                self.withdraw(key, call, unsteady());
            }
        }
    }

    fn deactivated(&mut self, key: &AccessKeyId) {
        self.set_status(key, Status::Inactive);
        // It may have been used until a moment ago.
        self.last_use.retain(|(id, _)| id != key);
        if let Some(Rotation::Withdrawing { stage, .. }) = &mut self.rotation {
            *stage = Withdrawal::Delete;
        }
    }

    fn set_status(&mut self, key: &AccessKeyId, status: Status) {
        for known in self.keys.iter_mut().flatten().filter(|known| known.id == *key) {
            known.status = status;
        }
    }

    fn deleted(&mut self, key: &AccessKeyId, why: Why) {
        if let Some(keys) = &mut self.keys {
            keys.retain(|known| known.id != *key);
        }
        if let Some(Rotation::Withdrawing { because, .. }) = self.rotation.take() {
            // The intent stays for its lease: another run may hold a list that still shows the key.
            self.stopped = Some(Rest::Withdrawn(because));
        } else if why == Why::Withdrawn {
            let dead = self.intent_at_hand().map(|intent| intent.run.clone());
            self.withdrawn.extend(dead);
        }
    }

    fn learn_failure(&mut self, call: &Call, failure: Failure) {
        match (call, &mut self.rotation) {
            // Fail closed: a question that failed is answered with "in use".
            (Call::GetAccessKeyLastUsed(key), _) => self.last_use.push((key.clone(), LastUse::Unknown)),
            (Call::GetCallerIdentity { .. }, Some(Rotation::Verifying { attempts, successes, .. }))
                if *attempts + 1 < VERIFY_ATTEMPTS =>
            {
                *attempts += 1;
                *successes = 0;
            }
            // The secret is certainly not out: take the key back.
            (Call::GetCallerIdentity { key, .. }, Some(Rotation::Verifying { .. })) => {
                self.withdraw(&key.clone(), call, failure);
            }
            (Call::PutSecretValue(key) | Call::Publish(Message::Secret(key)), Some(_))
                if failure.effect == Effect::None =>
            {
                self.withdraw(key, call, failure);
            }
            (Call::PutResourcePolicy, None) if self.channel.is_none() && failure.effect == Effect::None => {
                self.channel = Some(Channel::Missing);
            }
            // No key was made, so nothing has to be found again.
            (Call::CreateAccessKey, Some(Rotation::Intended)) if failure.effect == Effect::None => {
                self.rotation = None;
                let mine = self.intent_at_hand().map(|intent| intent.run.clone());
                if let (Some(Ok(journal)), Some(mine)) = (&mut self.journal, mine) {
                    journal.close(&mine);
                }
                self.ending = Some(Rest::Failed(Box::new((call.clone(), failure))));
            }
            // An intent that stays behind keeps the next runs away for a lease, and that is all.
            (Call::UntagUser(_), _) if self.ending.is_some() => self.stopped = self.ending.take(),
            // Everything else is left as it is; the next run reads back what happened.
            _ => self.stop(call, failure),
        }
    }

    fn withdraw(&mut self, key: &AccessKeyId, call: &Call, failure: Failure) {
        self.rotation = Some(Rotation::Withdrawing {
            key: key.clone(),
            stage: Withdrawal::Deactivate,
            because: Box::new((call.clone(), failure)),
        });
    }

    fn stop(&mut self, call: &Call, failure: Failure) {
        self.stopped = Some(Rest::Failed(Box::new((call.clone(), failure))));
    }
}

fn unsteady() -> Failure {
    Failure {
        effect: Effect::None,
        code: "NotVerified".into(),
        message: format!("AWS did not accept the new key {VERIFY_SUCCESSES} times in a row in {VERIFY_ATTEMPTS} tries"),
    }
}

fn not_read_back() -> Failure {
    Failure {
        effect: Effect::Unknown,
        code: "NotReadBack".into(),
        message: "the secret was stored, but Secrets Manager does not show it as the current version".into(),
    }
}
