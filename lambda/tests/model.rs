//! The protocol, checked exhaustively: two runs side by side, every starting state, every fault at every call.
//!
//! The checker drives the production `next_step` and `learn`. It interleaves two runs in every way. At every call AWS
//! can refuse it, lose the answer before or after the effect, or answer a read with the state before the last write.
//! The checker also stops runs, lets time pass, and lets the user's workload take the new key at any moment. After
//! every single step it checks that no invariant is broken, and that one later run would correct everything.
//!
//! The bounds are in [`Bounds`]; `make prove` prints the number of states. The checker itself is checked too: each
//! safeguard is switched off in turn, by false answers to the planner, and then a violation must be found.
#![allow(missing_docs)]

#[allow(dead_code)] // The table test uses the rest.
mod world;

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Mutex,
};

use lambda::{
    model::{
        access_key::{AccessKeyId, Key, KeyStatus, LastUse},
        time::{Span, Timestamp},
    },
    protocol::{
        call::{Answer, Call, RemovalReason},
        call_error::{CallError, Effect},
        journal::{Delivered, Disabled, Intent, Journal, JournalParseError, LEASE, SKEW},
        planner::{self, Next},
        policy::{DeleteAfter, Delivery, DisabledUsers, MaxWait, Policy, StillInUse},
        run::{Run, RunAction},
        state::UserState,
        stop_reason::{NeedsAttention, StopReason},
    },
};
use stateright::{Checker, HasDiscoveries, Model, Property};
use world::{Secret, World, key, lost, refused};

const NOW: Timestamp = Timestamp::from_unix(1_795_490_200);
/// How long a run may take: Lambda's limit.
const RUN: Span = Span::minutes(15);
/// A wait while runs are at work. Three of them are longer than a lease.
const SHORT: Span = Span::minutes(12);

/// The bounds of a check.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    /// The states in which it begins.
    starts: Starts,
    /// The most faults in one history: refused calls, lost or stale answers, keys that never work, and crashes.
    faults: u8,
    /// The most short waits in one history.
    waits: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Starts {
    /// Every set of keys with every journal.
    All,
    /// A key that is due, and what a dead run has left. These are so few that time can pass for as long as leases and
    /// runs last.
    Few,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    world: World,
    /// The keys that a stale read of IAM shows.
    stale_keys: Vec<Key>,
    stale_journal: Result<Journal, JournalParseError>,
    /// Until when a read can be stale. IAM names no limit. A delay of minutes was never seen, so `SKEW` is the limit.
    stale_until: Timestamp,
    runs: [Process; 2],
    faults: u8,
    waits: u8,
    /// Whether the overlap has passed, which it can do once.
    overlap_passed: bool,
    /// The key that the user's workload works with.
    holds: Option<AccessKeyId>,
    /// Keys that AWS never accepts, although it made them.
    duds: Vec<AccessKeyId>,
    /// Whether the user had no active key before the first run.
    disabled: bool,
    /// The number of keys from before the first run. They count as delivered.
    given: usize,
    /// Whether the journal may be forged. Then a run may stop because the user needs attention.
    forged: bool,
    broken: Option<&'static str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Process {
    Waiting,
    Running(Box<UserState>, Timestamp),
    Over,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Action {
    Start(usize),
    Step(usize, Outcome),
    Crash(usize),
    Adopt,
    Wait,
    PassOverlap,
}

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Outcome {
    Fine,
    Refused,
    LostBefore,
    LostAfter,
    /// A read shows what was true before the last write.
    Stale,
    /// The key that is created never works.
    Dud,
}

/// A safeguard that is switched off by false answers to the planner.
#[allow(clippy::enum_variant_names)] // Each is the absence of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sabotage {
    /// IAM allows a third key.
    NoQuota,
    /// The intent seems to be written, but it is not.
    NoJournal,
    /// The intents of other runs seem a lease older than they are.
    NoLease,
    /// Every verification succeeds.
    NoVerification,
    /// Every key seems to be the current version of the secret.
    NoReadBack,
    /// No key ever seems to be in use.
    NoLastUse,
    /// A call with a lost answer counts as refused.
    NoDoubt,
    /// Listed keys seem a day older than they are.
    NoGrace,
    /// Every inactive key seems to have been inactive for a year, and active keys seem inactive.
    NoStatus,
    /// The journal never says which key was delivered.
    NoOrigin,
    /// The planner replaces the keys of users without an active key, whatever the policy says.
    NoSkip,
}

struct Protocol {
    policy: Policy,
    /// What the two runs are asked to do. If both are the same, they are one event that was delivered twice.
    run_actions: [RunAction; 2],
    bounds: Bounds,
    sabotage: Option<Sabotage>,
    /// The policy that the planner gets: another one if a safeguard of the policy is switched off.
    planned: Policy,
    /// States from which one run without faults is known to correct everything.
    converging: Mutex<HashSet<u64>>,
}

fn policies() -> Vec<Policy> {
    let mut all = Vec::new();
    for delivery in [Delivery::SecretsManager, Delivery::Email] {
        for overlap in [Span::ZERO, Span::days(7)] {
            for (still_in_use, delete_after) in [
                (StillInUse::Wait, DeleteAfter::Window(Span::days(14))),
                (StillInUse::Retire, DeleteAfter::NextRotation),
                (StillInUse::Retire, DeleteAfter::Window(Span::ZERO)),
            ] {
                let (rotate_after, wait_at_most) = (Span::days(60), MaxWait::Forever);
                // The policy with the most steps has a warning too.
                let warn_before = if still_in_use == StillInUse::Wait { Span::days(7) } else { Span::ZERO };
                all.push(Policy {
                    rotate_after,
                    overlap,
                    delete_after,
                    still_in_use,
                    wait_at_most,
                    // The published article gives a user without an active key a new one.
                    disabled_users: match delete_after {
                        DeleteAfter::NextRotation => DisabledUsers::Replace,
                        DeleteAfter::Window(_) => DisabledUsers::Skip,
                    },
                    delivery,
                    warn_before,
                });
            }
        }
    }
    all
}

impl Protocol {
    fn new(scenario: &Scenario, sabotage: Option<Sabotage>) -> Self {
        let Scenario { policy, run_actions, bounds } = scenario.clone();
        let mut planned = policy.clone();
        if sabotage == Some(Sabotage::NoSkip) {
            planned.disabled_users = DisabledUsers::Replace;
        }
        Self { policy, run_actions, bounds, sabotage, planned, converging: Mutex::default() }
    }

    fn run(&self, index: usize, deadline: Timestamp) -> Run {
        let action = self.run_actions.get(index).copied().unwrap_or(RunAction::Routine);
        Run { id: format!("run-{index}").parse().expect("an id"), deadline, action }
    }

    /// Every set of zero to two keys, with every journal and every workload that is possible with it.
    fn starting_states(&self) -> Vec<State> {
        use KeyStatus::{Active, Inactive};
        let mut key_sets = vec![vec![]];
        for status in [Active, Inactive] {
            for age in [1, 57, 90] {
                key_sets.push(vec![(age, status)]);
            }
            for other in [Active, Inactive] {
                for (older, newer) in [(90, 1), (90, 30), (120, 90), (90, 90)] {
                    key_sets.push(vec![(older, status), (newer, other)]);
                }
            }
        }
        let mut states = Vec::new();
        for keys in key_sets {
            let world = keys
                .iter()
                .fold(World::new(NOW), |w, (days, status)| w.with_key(NOW.before(Span::days(*days)), *status));
            for (journal, forged) in self.journals(&world) {
                let mut world = world.clone();
                if let (Ok(Journal { delivered: Some(d), .. }), Delivery::SecretsManager) =
                    (&journal, self.policy.delivery)
                {
                    world.secret = Secret::Current(d.key.clone());
                }
                world.journal = journal;
                // It is unknown which of two active keys of one second is the older.
                let twins = world.keys.windows(2).any(|pair| pair[0].created == pair[1].created);
                let active: Vec<_> = world.keys.iter().filter(|k| k.status == Active).map(|k| k.id.clone()).collect();
                // If an old key in use is retired anyway, its workload must use the newest key. Of two keys of one
                // second, that is the one that the journal calls delivered.
                let delivered = world.journal.as_ref().ok().and_then(|j| j.delivered.as_ref()).map(|d| d.key.clone());
                let newest = match delivered.filter(|id| twins && active.contains(id)) {
                    Some(id) => vec![id],
                    None => active.last().cloned().into_iter().collect(),
                };
                let holders = if self.policy.still_in_use == StillInUse::Wait { active } else { newest };
                for holds in std::iter::once(None).chain(holders.iter().cloned().map(Some)) {
                    let start = self.start(&world, holds);
                    states.push(State { forged: forged || twins, ..start });
                }
            }
        }
        if self.bounds.starts == Starts::Few {
            let due = |s: &State| s.world.keys.len() == 1 && s.world.keys[0].created < NOW.before(Span::days(60));
            states.retain(|s| due(s) && !s.forged && s.world.journal == Ok(Journal::default()));
        }
        states.extend(self.left_by_a_dead_run());
        states
    }

    /// The state before the first run. An administrator created every key.
    fn start(&self, world: &World, holds: Option<AccessKeyId>) -> State {
        State {
            stale_keys: world.keys.clone(),
            stale_journal: world.journal.clone(),
            stale_until: NOW,
            runs: [Process::Waiting, Process::Waiting],
            faults: self.bounds.faults,
            waits: self.bounds.waits,
            overlap_passed: false,
            holds,
            duds: Vec::new(),
            disabled: !world.keys.is_empty() && world.keys.iter().all(|key| key.status == KeyStatus::Inactive),
            given: world.made,
            forged: false,
            broken: None,
            world: world.clone(),
        }
    }

    /// A run has created a key and died. Its lease has just ended, so a run that begins now creates its own key at
    /// nearly the time of the intent. Unlike the keys of the other states, the dead run's key was delivered to no one.
    fn left_by_a_dead_run(&self) -> Vec<State> {
        let begun = NOW.before(LEASE + Span::minutes(1));
        let mut world =
            World::new(NOW).with_key(NOW.before(Span::days(90)), KeyStatus::Active).with_key(begun, KeyStatus::Active);
        let intents = vec![Intent { run: "earlier".parse().expect("an id"), at: begun, known: key(0) }];
        world.journal = Ok(Journal { intents, ..Journal::default() });
        world.secret = Secret::Empty;
        let state = |holds| State { given: 1, ..self.start(&world, holds) };
        vec![state(None), state(Some(key(0)))]
    }

    /// The journals that a user with these keys may have; whether this handler could have written them.
    fn journals(&self, world: &World) -> Vec<(Result<Journal, JournalParseError>, bool)> {
        let _ = self;
        let mut journals = vec![(Ok(Journal::default()), false)];
        let garbled = JournalParseError { tag: lambda::protocol::journal::DELIVERED, value: "by hand".into() };
        journals.push((Err(garbled), true));
        let intent = |known: usize, at| vec![Intent { run: "earlier".parse().expect("an id"), at, known: key(known) }];
        for (index, listed) in world.keys.iter().enumerate() {
            let delivered = |at| Some(Delivered { key: listed.id.clone(), at });
            // A true delivery; a delivery in the future; a delivery beside an intent.
            journals.push((Ok(Journal { delivered: delivered(listed.created), ..Journal::default() }), false));
            journals.push((Ok(Journal { delivered: delivered(NOW + Span::days(9)), ..Journal::default() }), true));
            // A forged delivery a moment ago, of a key that is much older.
            if listed.created < NOW.before(Span::days(30)) {
                journals.push((Ok(Journal { delivered: delivered(NOW), ..Journal::default() }), true));
            }
            // Deactivated a day ago, or so long ago that its recovery window is over; reactivated for a person.
            for days in [1, 20].into_iter().filter(|_| listed.status == KeyStatus::Inactive) {
                let disabled = vec![Disabled { key: listed.id.clone(), at: NOW.before(Span::days(days)) }];
                journals.push((Ok(Journal { disabled, ..Journal::default() }), false));
            }
            journals.push((Ok(Journal { undone: Some(listed.id.clone()), ..Journal::default() }), false));
            for at in [NOW.before(Span::minutes(1)), NOW.before(Span::minutes(60)), listed.created, NOW + Span::days(1)]
            {
                journals.push((Ok(Journal { intents: intent(index, at), ..Journal::default() }), true));
            }
        }
        if let [older, newer] = world.keys.as_slice() {
            // The traces of a dead run: the newer key is its own, and its secret is lost.
            journals.push((Ok(Journal { intents: intent(0, newer.created), ..Journal::default() }), true));
            let both = Journal {
                intents: intent(0, newer.created),
                delivered: Some(Delivered { key: older.id.clone(), at: older.created }),
                ..Journal::default()
            };
            journals.push((Ok(both), true));
        }
        journals
    }

    /// AWS's answer, falsified if a safeguard is switched off.
    fn perform(&self, state: &mut State, call: &Call, outcome: Outcome) -> Result<Answer, CallError> {
        let (keys_before, journal_before) = (state.world.keys.clone(), state.world.journal.clone());
        let answer = match outcome {
            Outcome::Refused => Err(refused("Refused")),
            Outcome::LostBefore => Err(lost()),
            Outcome::LostAfter => {
                let _ = self.effect(state, call);
                Err(lost())
            }
            Outcome::Fine => self.effect(state, call),
            Outcome::Dud => {
                let answer = self.effect(state, call);
                if let Ok(Answer::Created(made)) = &answer {
                    state.duds.push(made.id.clone());
                }
                answer
            }
            Outcome::Stale => match call {
                Call::ListAccessKeys => Ok(Answer::Keys(state.stale_keys.clone())),
                _ => Ok(Answer::Journal(state.stale_journal.clone())),
            },
        };
        if keys_before != state.world.keys {
            state.stale_keys = keys_before;
            state.stale_until = state.world.now + SKEW;
        }
        if journal_before != state.world.journal {
            state.stale_journal = journal_before;
            state.stale_until = state.world.now + SKEW;
        }
        self.lie(call, answer)
    }

    fn effect(&self, state: &mut State, call: &Call) -> Result<Answer, CallError> {
        if state.broken.is_none() {
            state.broken = self.forbidden(state, call);
        }
        match call {
            Call::GetAccessKeyLastUsed(id) if state.holds.as_ref() == Some(id) => {
                let (at, region) = (state.world.now, "eu-west-1".to_owned());
                return Ok(Answer::LastUse(LastUse::Used { at, service: "s3".into(), region }));
            }
            Call::GetCallerIdentity { key, .. } if state.duds.contains(key) => {
                return Err(refused("InvalidClientTokenId"));
            }
            Call::GetCallerIdentity { key, .. } => {
                let use_ = LastUse::Used { at: state.world.now, service: "sts".into(), region: "eu-west-1".into() };
                state.world.note_use(key, use_);
            }
            Call::TagUser(entries) if self.sabotage == Some(Sabotage::NoJournal) => {
                if matches!(entries.as_slice(), [lambda::protocol::journal::JournalEntry::Intent(_)]) {
                    return Ok(Answer::Done);
                }
            }
            Call::CreateAccessKey if self.sabotage == Some(Sabotage::NoQuota) => {
                let rest = state.world.keys.split_off(0);
                let answer = state.world.call(call);
                let made = std::mem::replace(&mut state.world.keys, rest);
                state.world.keys.extend(made);
                return answer;
            }
            _ => {}
        }
        state.world.call(call)
    }

    fn lie(&self, call: &Call, answer: Result<Answer, CallError>) -> Result<Answer, CallError> {
        match (self.sabotage, answer) {
            (Some(Sabotage::NoVerification), Err(_)) if matches!(call, Call::GetCallerIdentity { .. }) => {
                Ok(Answer::Done)
            }
            (Some(Sabotage::NoReadBack), Ok(Answer::Current(_))) => Ok(Answer::Current(true)),
            (Some(Sabotage::NoLastUse), Ok(Answer::LastUse(_))) => Ok(Answer::LastUse(LastUse::Never)),
            (Some(Sabotage::NoDoubt), Err(failure)) => Err(CallError { effect: Effect::None, ..failure }),
            (Some(Sabotage::NoGrace), Ok(Answer::Keys(mut keys))) => {
                for key in &mut keys {
                    key.created = key.created.before(Span::days(1));
                }
                Ok(Answer::Keys(keys))
            }
            (Some(Sabotage::NoStatus), Ok(Answer::Keys(mut keys))) if keys.len() == 2 => {
                keys[0].status = KeyStatus::Inactive;
                Ok(Answer::Keys(keys))
            }
            (Some(Sabotage::NoOrigin), Ok(Answer::Journal(Ok(journal)))) => {
                Ok(Answer::Journal(Ok(Journal { delivered: None, ..journal })))
            }
            (Some(Sabotage::NoLease), Ok(Answer::Journal(Ok(mut journal)))) => {
                for intent in &mut journal.intents {
                    intent.at = intent.at.before(LEASE);
                }
                Ok(Answer::Journal(Ok(journal)))
            }
            (_, answer) => answer,
        }
    }

    /// Why this call is forbidden in this state; `None` if it is not.
    fn forbidden(&self, state: &State, call: &Call) -> Option<&'static str> {
        let is_active =
            |id: &AccessKeyId| state.world.keys.iter().any(|k| k.id == *id && k.status == KeyStatus::Active);
        match call {
            Call::DeleteAccessKey(id, _) if is_active(id) => Some("4: an active key was deleted"),
            Call::CreateAccessKey | Call::ActivateAccessKey(_)
                if self.policy.disabled_users == DisabledUsers::Skip
                    && !self.run_actions.iter().any(|action| matches!(action, RunAction::Enable | RunAction::Undo))
                    && state.disabled =>
            {
                Some("10: a user whose keys were inactive got an active one")
            }
            Call::DeactivateAccessKey(id, RemovalReason::Superseded)
                if state.world.journal.as_ref().is_ok_and(|j| j.delivered.as_ref().is_some_and(|d| d.key == *id))
                    && !state
                        .world
                        .keys
                        .iter()
                        .any(|k| k.id != *id && state.works(&k.id) && self.is_handed(state, &k.id)) =>
            {
                Some("13: a delivered key was retired for a key of unknown origin")
            }
            Call::DeactivateAccessKey(id, RemovalReason::Superseded) => {
                let successor = |k: &&Key| k.id != *id && state.works(&k.id) && self.is_delivered(state, &k.id);
                let none = !state.world.keys.iter().any(|k| successor(&k));
                none.then_some("2: an old key was deactivated, and no delivered one works")
            }
            _ => None,
        }
    }

    /// Whether the run stopped because of a key that no run made, beside a delivered one that is due.
    fn is_foreign(&self, rest: &StopReason, state: &State) -> bool {
        let _ = self;
        match rest {
            StopReason::NeedsAttention(NeedsAttention::ForeignKey { foreign, .. }) => {
                (0..state.given).any(|n| key(n) == *foreign)
            }
            _ => false,
        }
    }

    /// Whether the key was there from the beginning, or its secret has reached its channel.
    fn is_delivered(&self, state: &State, id: &AccessKeyId) -> bool {
        (0..state.given).any(|n| key(n) == *id) || self.is_handed(state, id)
    }

    /// Whether a run has handed the secret to its channel.
    fn is_handed(&self, state: &State, id: &AccessKeyId) -> bool {
        state.world.mailed.contains(id)
            || state.world.announced.contains(id)
            || state.available(self.policy.delivery).as_ref() == Some(id)
    }

    /// Invariant 1: the key that the workload holds works. Without an overlap, it is enough that a delivered key works.
    fn no_outage(&self, state: &State) -> bool {
        self.provided(state) || self.interrupted(state)
    }

    fn provided(&self, state: &State) -> bool {
        let Some(held) = &state.holds else { return true };
        let replaced = || state.available(self.policy.delivery).is_some_and(|new| state.works(&new));
        state.works(held) || self.policy.overlap == Span::ZERO && replaced()
    }

    /// The case that `SECURITY.md` excludes: a mail was sent just before a crash, and its key was put in place after a
    /// later run had read its last use, but before that run deactivated it. The key still exists, and the next run
    /// activates it again.
    fn interrupted(&self, state: &State) -> bool {
        let is_unsure = |id: &AccessKeyId| {
            state.world.keys.iter().any(|key| key.id == *id && key.status == KeyStatus::Inactive)
                && state.world.journal.as_ref().is_ok_and(|journal| !journal.intents.is_empty())
                && state.world.journal.as_ref().is_ok_and(|j| j.delivered.as_ref().is_none_or(|d| d.key != *id))
        };
        self.policy.delivery.is_mail()
            && state.holds.as_ref().is_some_and(|held| state.world.mailed.contains(held) && is_unsure(held))
    }

    /// Invariants 3 and 7: after every run is dead and the lease is over, one run without faults corrects everything.
    fn converges(&self, state: &State) -> bool {
        if self.sabotage.is_some_and(|s| s != Sabotage::NoJournal && s != Sabotage::NoQuota) {
            return true;
        }
        let mut hasher = DefaultHasher::new();
        (&state.world, &state.holds, &state.duds, state.given, state.forged).hash(&mut hasher);
        let hash = hasher.finish();
        if self.converging.lock().expect("unpoisoned").contains(&hash) {
            return true;
        }
        let mut later = state.clone();
        later.world.now = later.world.now + LEASE + RUN;
        let run = self.run(9, later.world.now + RUN);
        let mut process = UserState::default();
        let rest = loop {
            match planner::next_step(&process, &self.planned, &run, later.world.now) {
                Next::Stop(rest) => break rest,
                Next::Call(call) => {
                    let answer = self.perform(&mut later, &call, Outcome::Fine);
                    process.learn(&call, answer);
                }
            }
        };
        let person = matches!(rest, StopReason::NeedsAttention(_) | StopReason::NotVisible(_) | StopReason::Busy(..));
        let failed = matches!(
            rest,
            StopReason::Failed(_) | StopReason::Withdrawn(_) | StopReason::OutOfTime | StopReason::NoConfirmedRecipient
        );
        let orphans = later.world.keys.iter().filter(|k| !self.is_delivered(&later, &k.id)).count();
        let usable = |s: &State| s.world.keys.iter().any(|k| s.works(&k.id) && self.is_delivered(s, &k.id));
        if rest == StopReason::Disabled {
            // Invariant 10: the keys of such a user are as they were, also what a dead run has left.
            return later.world == World { now: later.world.now, ..state.world.clone() };
        }
        // A user without a working key gets one, unless two deactivated keys are still in their recovery windows.
        let provided = usable(&later)
            || state.world.keys.is_empty()
            || !usable(state) && matches!(rest, StopReason::Window(..)) && later.world.keys.len() == 2;
        let good = later.broken == state.broken
            && self.provided(&later)
            && !failed
            && if person { state.forged || self.is_foreign(&rest, state) } else { orphans == 0 && provided };
        if !good {
            eprintln!(
                "does not converge: {rest:?}, {orphans} orphans, provided: {provided}\nfrom {}\nto   {}",
                state.brief(),
                later.brief()
            );
        }
        if good {
            self.converging.lock().expect("unpoisoned").insert(hash);
        }
        good
    }
}

impl State {
    fn works(&self, id: &AccessKeyId) -> bool {
        !self.duds.contains(id) && self.world.keys.iter().any(|k| k.id == *id && k.status == KeyStatus::Active)
    }

    /// The state in one line, for the reader of a violation.
    fn brief(&self) -> String {
        let short = |id: &AccessKeyId| id.as_str().trim_start_matches("AKIAEXAMPLE").trim_start_matches('0').to_owned();
        let keys: Vec<_> =
            self.world.keys.iter().map(|k| format!("#{} {:?} {}", short(&k.id), k.status, k.created)).collect();
        let tags = self.world.journal.as_ref().map(|j| format!("{:?} {:?} {:?}", j.intents, j.delivered, j.disabled));
        let (now, holds, broken) = (self.world.now, self.holds.as_ref().map(short), self.broken);
        format!(
            "now {now} keys {keys:?} holds {holds:?} secret {:?} tags {tags:?} uses {:?} broken {broken:?}",
            self.world.secret, self.world.last_use
        )
    }

    /// The key that a workload gets if it asks now.
    fn available(&self, delivery: Delivery) -> Option<AccessKeyId> {
        match (delivery, &self.world.secret) {
            (Delivery::SecretsManager, Secret::Current(id)) => Some(id.clone()),
            (Delivery::SecretsManager, _) => None,
            // A person with two mails takes the later key that AWS accepts.
            (Delivery::Email | Delivery::EmailEncrypted, _) => {
                self.world.mailed.iter().rfind(|id| self.works(id)).cloned()
            }
        }
    }

    /// A key that the workload could take in place of the one it holds.
    fn adoptable(&self, delivery: Delivery) -> Option<AccessKeyId> {
        let held = self.holds.as_ref()?;
        // Keys from before the first run are not delivered by the handler, so no workload takes one.
        self.available(delivery).filter(|new| new != held && (0..self.given).all(|n| key(n) != *new))
    }

    fn adopt(&mut self, delivery: Delivery) {
        if let (Some(held), Some(new)) = (self.holds.clone(), self.adoptable(delivery)) {
            let (at, region) = (self.world.now, "eu-west-1".to_owned());
            self.world.note_use(&held, LastUse::Used { at, service: "s3".into(), region });
            self.holds = Some(new);
        }
    }

    fn is_running(&self) -> bool {
        self.runs.iter().any(|run| matches!(run, Process::Running(..)))
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        self.starting_states()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (index, process) in state.runs.iter().enumerate() {
            match process {
                // Of two runs that are alike, it does not matter which is the first.
                Process::Waiting
                    if index == 0
                        || self.run_actions[0] != self.run_actions[1]
                        || state.runs[0] != Process::Waiting =>
                {
                    actions.push(Action::Start(index));
                }
                Process::Running(user, deadline) => {
                    actions.push(Action::Step(index, Outcome::Fine));
                    let run = self.run(index, *deadline);
                    if state.faults > 0 {
                        actions.push(Action::Crash(index));
                        if let Next::Call(call) = planner::next_step(user, &self.planned, &run, state.world.now) {
                            let mut outcomes = vec![Outcome::Refused, Outcome::LostBefore];
                            match call {
                                Call::ListAccessKeys | Call::ListUserTags if state.world.now >= state.stale_until => {}
                                Call::ListAccessKeys | Call::ListUserTags => outcomes.push(Outcome::Stale),
                                Call::CreateAccessKey => outcomes.extend([Outcome::LostAfter, Outcome::Dud]),
                                _ => outcomes.push(Outcome::LostAfter),
                            }
                            actions.extend(outcomes.into_iter().map(|outcome| Action::Step(index, outcome)));
                        }
                    }
                }
                _ => {}
            }
        }
        if let Some(new) = state.adoptable(self.policy.delivery)
            // A person who puts a mailed key in place sees whether it works. A workload that reads a secret does not
            // check.
            && (self.policy.delivery == Delivery::SecretsManager || state.works(&new))
        {
            actions.push(Action::Adopt);
        }
        if state.waits > 0 {
            actions.push(Action::Wait);
        }
        if !state.overlap_passed && !state.is_running() && state.runs.contains(&Process::Over) {
            actions.push(Action::PassOverlap);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Start(index) => {
                state.runs[index] = Process::Running(Box::default(), state.world.now + RUN);
            }
            Action::Crash(index) => {
                state.runs[index] = Process::Over;
                state.faults -= 1;
            }
            Action::Adopt => state.adopt(self.policy.delivery),
            Action::Wait => {
                state.waits -= 1;
                state.world.now = state.world.now + SHORT;
            }
            Action::PassOverlap => {
                state.overlap_passed = true;
                state.world.now = state.world.now + Span::days(8);
                // The owner was told that the old key stops after the overlap, so the workload has the new key by then.
                if self.policy.still_in_use == StillInUse::Retire {
                    state.adopt(self.policy.delivery);
                }
            }
            Action::Step(index, outcome) => {
                let Process::Running(mut user, deadline) = std::mem::replace(&mut state.runs[index], Process::Over)
                else {
                    return None;
                };
                let run = self.run(index, deadline);
                match planner::next_step(&user, &self.planned, &run, state.world.now) {
                    Next::Call(call) if state.world.now < deadline => {
                        state.faults -= u8::from(outcome != Outcome::Fine);
                        let answer = self.perform(&mut state, &call, outcome);
                        user.learn(&call, answer);
                        state.runs[index] = Process::Running(user, deadline);
                    }
                    // Nothing is left to do, or the time is over: the run ends.
                    _ => {}
                }
            }
        }
        if state.faults == 0 {
            // No stale read can follow, so what one would show makes no difference.
            state.stale_keys.clear();
            state.stale_journal = Ok(Journal::default());
            state.stale_until = NOW;
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("1: no outage", |model: &Self, state: &State| model.no_outage(state)),
            Property::always("2, 4, 10, 13: no forbidden call", |_: &Self, state: &State| state.broken.is_none()),
            Property::always("3, 7: one run without faults corrects all", |model: &Self, state: &State| {
                model.converges(state)
            }),
            Property::always("8: one writer", |model: &Self, state: &State| {
                state.world.keys.iter().filter(|k| !model.is_delivered(state, &k.id)).count() <= 1
            }),
        ]
    }
}

/// The policy, the two runs and the bounds of one check.
#[derive(Debug, Clone)]
struct Scenario {
    policy: Policy,
    run_actions: [RunAction; 2],
    bounds: Bounds,
}

impl std::fmt::Display for Scenario {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Policy { overlap, delete_after, still_in_use, delivery, .. } = &self.policy;
        let Bounds { starts, faults, waits } = self.bounds;
        write!(
            f,
            "{delivery}, overlap {overlap}, delete_after {delete_after}, {still_in_use}; {:?} and {:?}; \
             {starts:?} starts, {faults} fault(s), {waits} wait(s)",
            self.run_actions[0], self.run_actions[1]
        )
    }
}

fn check(scenario: &Scenario, sabotage: Option<Sabotage>) -> (usize, Vec<String>) {
    let checker =
        Protocol::new(scenario, sabotage).checker().threads(2).finish_when(HasDiscoveries::Any).spawn_bfs().join();
    let model = checker.model();
    let line = |(state, action): (State, Option<Action>)| match action {
        Some(Action::Step(index, outcome)) => match &state.runs[index] {
            Process::Running(user, deadline) => {
                let next = planner::next_step(user, &model.planned, &model.run(index, *deadline), state.world.now);
                format!("run {index}: {outcome:?}: {next:?}")
            }
            _ => String::new(),
        },
        Some(action) => format!("{action:?}"),
        None => state.brief(),
    };
    let trace = |(name, path): (&str, stateright::Path<State, Action>)| {
        let path = path.into_vec();
        let start = path[0].0.brief();
        let lines: Vec<_> = path.into_iter().map(line).collect();
        format!("{name}\n{scenario}\n{start}\n  {}", lines.join("\n  "))
    };
    (checker.unique_state_count(), checker.discoveries().into_iter().map(trace).collect())
}

/// The scenarios to check. The environment variable PROVE selects them:
/// - not set: the scenarios that fit into `make test`,
/// - `1`: those that take half an hour,
/// - `deep`: those that take hours,
/// - any other word, such as `Undo`: every deep scenario with that word in its description.
fn scenarios() -> Vec<Scenario> {
    use RunAction::{RotateNow, Routine, Undo};
    let scenario = |policy: &Policy, run_actions, bounds| Scenario { policy: policy.clone(), run_actions, bounds };
    let once = |waits| Bounds { starts: Starts::All, faults: 1, waits };
    let leases = |faults| Bounds { starts: Starts::Few, faults, waits: 3 };
    let policies = policies();
    let wait = |p: &&Policy| p.still_in_use == StillInUse::Wait;
    // If a key is kept until its place is needed, `rotate` needs the place of the key that `undo` wants back. Then two
    // people contradict each other within minutes. `SECURITY.md` says so.
    let contradictory =
        |s: &Scenario| s.run_actions == [Undo, RotateNow] && s.policy.delete_after == DeleteAfter::NextRotation;
    let by = |run_actions: &[[RunAction; 2]], bounds| {
        let pairs = policies
            .iter()
            .flat_map(|policy| run_actions.iter().map(|run_actions| scenario(policy, *run_actions, bounds)));
        pairs.filter(|scenario| !contradictory(scenario)).collect::<Vec<_>>()
    };
    match std::env::var("PROVE").as_deref() {
        Ok("1") => {
            let mut all = by(&[[Routine; 2]], once(0));
            all.extend(policies.iter().filter(wait).map(|policy| scenario(policy, [Routine; 2], once(1))));
            all.extend(by(&[[RotateNow; 2], [Undo, Routine], [Undo, RotateNow]], once(0)));
            all.extend(by(&[[Routine; 2]], leases(0)));
            all
        }
        Ok(word) => {
            let mut all = by(&[[Routine; 2]], once(1));
            all.extend(by(&[[RotateNow; 2], [RotateNow, Routine], [Undo, Routine], [Undo, RotateNow]], once(0)));
            all.extend(by(&[[Routine; 2]], leases(1)));
            all.into_iter().filter(|scenario| word == "deep" || scenario.to_string().contains(word)).collect()
        }
        // Two policies with different deliveries, as different as possible.
        Err(_) => {
            let careful = |p: &&Policy| p.delivery == Delivery::SecretsManager && p.overlap > Span::ZERO && wait(p);
            let article = |p: &&Policy| {
                p.delivery == Delivery::Email && p.overlap == Span::ZERO && p.delete_after == DeleteAfter::NextRotation
            };
            let both = policies.iter().filter(|p| careful(p) || article(p));
            let mut all: Vec<_> = both.map(|policy| scenario(policy, [Routine; 2], once(0))).collect();
            all.extend(policies.iter().filter(careful).map(|policy| scenario(policy, [Undo, Routine], once(0))));
            all.extend(policies.iter().filter(careful).map(|policy| scenario(policy, [Routine; 2], leases(0))));
            all
        }
    }
}

#[test]
fn invariants_1_2_3_4_5_7_8_10_hold_in_every_state() {
    let (mut total, mut found) = (0, Vec::new());
    let scenarios = scenarios();
    assert!(!scenarios.is_empty(), "PROVE names no scenario");
    for scenario in &scenarios {
        let (states, violations) = check(scenario, None);
        println!("  {states:>9} states, {} violations: {scenario}", violations.len());
        total += states;
        found.extend(violations);
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    println!("model check: {total} states explored in {} scenarios: no violation", scenarios.len());
}

/// The checker itself is checked: if any one safeguard is switched off, it finds a violation.
#[test]
fn without_any_one_safeguard_there_is_a_violation() {
    use Sabotage::{
        NoDoubt, NoGrace, NoJournal, NoLastUse, NoLease, NoOrigin, NoQuota, NoReadBack, NoSkip, NoStatus,
        NoVerification,
    };
    let safeguards = [
        NoQuota,
        NoJournal,
        NoLease,
        NoVerification,
        NoReadBack,
        NoLastUse,
        NoDoubt,
        NoGrace,
        NoStatus,
        NoSkip,
        NoOrigin,
    ];
    for sabotage in safeguards {
        let bounds = Bounds { starts: Starts::All, faults: 2, waits: 1 };
        let found = policies().into_iter().find_map(|policy| {
            let scenario = Scenario { policy, run_actions: [RunAction::Routine; 2], bounds };
            check(&scenario, Some(sabotage)).1.into_iter().next()
        });
        let found = found.unwrap_or_else(|| panic!("{sabotage:?}: no violation found"));
        println!("without {sabotage:?}: {}", found.lines().next().unwrap_or_default());
    }
    println!("model check: {} safeguards switched off one by one: a violation each time", safeguards.len());
}
