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
        call::{Answer, Call, ConfirmedRecipients, RemovalReason, Warning},
        call_error::{CallError, Effect},
        journal::{Disabled, DisabledBy, Intent, Journal, JournalEntry, JournalParseError, KeyNote, LEASE, SKEW},
        manager::Manager,
        planner::{self, Next},
        policy::{
            DeleteAfter, Delivery, DisabledUsers, MaxWait, Policy, StillInUse, UnconfirmedRecipients, UnusedAfter,
        },
        run::{JournalUse, Run, RunAction, Successor},
        state::UserState,
        stop_reason::{NeedsAttention, StopReason},
    },
};
use stateright::{Checker, HasDiscoveries, Model, Property};
use world::{Secret, World, key, lost, manager, refused};

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
    /// What people do to the keys in one history, at any moment: at most one of these.
    people: People,
}

/// What people may do to the user's keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum People {
    /// Nothing.
    Absent,
    /// An administrator deactivates or activates a key, or a person or a program makes one.
    Present,
    /// No recipient of notices or keys has confirmed yet. They confirm at some moment, or never.
    Unconfirmed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Starts {
    /// Every set of keys with every journal.
    All,
    /// Every set of keys, with the notes of another stack. That stack has the newer key in a secret of its own.
    Foreign,
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
    /// Until when a list of the keys can be stale. IAM names no limit. A delay of minutes was never seen, so `SKEW` is
    /// the limit.
    keys_stale_until: Timestamp,
    /// Until when the journal that is read can be stale.
    journal_stale_until: Timestamp,
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
    /// The keys that a person deactivated, at the start, later or by a revocation.
    by_person: Vec<AccessKeyId>,
    /// The keys that a person activated or deactivated during the history.
    meanwhile: Vec<AccessKeyId>,
    /// The keys that a person or another program made during the history.
    by_hand: Vec<AccessKeyId>,
    /// Whether a person may still deactivate or make a key.
    people: People,
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
    /// An administrator deactivates a key.
    Disable(AccessKeyId),
    /// A person activates a key in the console.
    Enable(AccessKeyId),
    /// A person, or a program such as Terraform, makes a key.
    MakeKey,
    /// The recipients confirm their subscriptions.
    Confirm,
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
    /// Every pair of keys seems to have been told to its owner long ago.
    NoSeen,
    /// Every inactive key seems to have been deactivated by the rotation.
    NoMark,
    /// The journal never says which stack manages the user.
    NoManager,
    /// Every recipient seems to have confirmed.
    NoRecipients,
    /// Every delivered key seems to have been announced.
    NoAnnouncement,
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
                    unused_after: match delete_after {
                        DeleteAfter::Window(Span::ZERO) => UnusedAfter::After(Span::days(45)),
                        _ => UnusedAfter::Never,
                    },
                    unconfirmed_recipients: UnconfirmedRecipients::Hold,
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
    // An old key in use is waited for, and its place is needed for the next rotation.
    let kept =
        |p: &&Policy| p.delivery == Delivery::SecretsManager && p.overlap > Span::ZERO && p.warn_before > Span::ZERO;
    let kept = all.iter().find(kept).cloned();
    all.extend(kept.map(|p| Policy { delete_after: DeleteAfter::NextRotation, unused_after: UnusedAfter::Never, ..p }));
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
        let action = self.run_actions.get(index).cloned().unwrap_or(RunAction::Routine);
        Run {
            id: format!("run-{index}").parse().expect("an id"),
            deadline,
            action,
            manager: manager(),
            journal: JournalUse::IfNeeded,
        }
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
        if self.bounds.starts == Starts::Foreign {
            states.retain(|s| !s.forged && s.world.journal == Ok(Journal::default()) && !s.world.keys.is_empty());
            return states.iter().flat_map(with_foreign_notes).collect();
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
            keys_stale_until: NOW,
            journal_stale_until: NOW,
            runs: [Process::Waiting, Process::Waiting],
            faults: self.bounds.faults,
            waits: self.bounds.waits,
            overlap_passed: false,
            holds,
            duds: Vec::new(),
            disabled: !world.keys.is_empty() && world.keys.iter().all(|key| key.status == KeyStatus::Inactive),
            given: world.made,
            forged: false,
            by_person: deactivated_by_a_person(world),
            meanwhile: Vec::new(),
            by_hand: Vec::new(),
            people: self.bounds.people,
            broken: None,
            world: World { recipients: recipients(self.bounds.people != People::Unconfirmed), ..world.clone() },
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
        let garbled = JournalParseError { tag: lambda::protocol::journal::DELIVERED.into(), value: "by hand".into() };
        journals.push((Err(garbled), true));
        let intent = |known: usize, at| vec![Intent { run: "earlier".parse().expect("an id"), at, known: key(known) }];
        for (index, listed) in world.keys.iter().enumerate() {
            let delivered = |at| Some(KeyNote { key: listed.id.clone(), at });
            // A true delivery, announced or not; a delivery in the future; a delivery beside an intent.
            journals.push((Ok(Journal { delivered: delivered(listed.created), ..Journal::default() }), false));
            // A person is told of an announcement that comes after the key was due itself.
            let unannounced = Some(listed.id.clone());
            let is_late = NOW.since(listed.created) >= self.policy.rotate_after;
            let unannounced_delivery =
                Journal { delivered: delivered(listed.created), unannounced, ..Journal::default() };
            journals.push((Ok(unannounced_delivery), is_late));
            journals.push((Ok(Journal { delivered: delivered(NOW + Span::days(9)), ..Journal::default() }), true));
            // A forged delivery a moment ago, of a key that is much older.
            if listed.created < NOW.before(Span::days(30)) {
                journals.push((Ok(Journal { delivered: delivered(NOW), ..Journal::default() }), true));
            }
            // Deactivated a day ago, or so long ago that its recovery window is over, by the handler or by a person;
            // reactivated for a person.
            for (days, by) in [(1, DisabledBy::Rotation), (20, DisabledBy::Rotation), (20, DisabledBy::Other)] {
                if listed.status == KeyStatus::Inactive {
                    let disabled = vec![Disabled { key: listed.id.clone(), at: NOW.before(Span::days(days)), by }];
                    journals.push((Ok(Journal { disabled, ..Journal::default() }), false));
                }
            }
            let note = |at| Some(KeyNote { key: listed.id.clone(), at });
            journals.push((Ok(Journal { undone: note(NOW.before(Span::days(1))), ..Journal::default() }), false));
            // Forged: the owner was told of the pair, or of the unused key, long ago or just now.
            for at in [listed.created, NOW] {
                journals.push((Ok(Journal { seen: note(at), ..Journal::default() }), true));
                journals.push((Ok(Journal { unused: note(at), ..Journal::default() }), true));
            }
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
                delivered: Some(KeyNote { key: older.id.clone(), at: older.created }),
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
            state.keys_stale_until = state.world.now + SKEW;
        }
        if journal_before != state.world.journal {
            state.stale_journal = journal_before;
            state.journal_stale_until = state.world.now + SKEW;
        }
        self.lie(&state.world.keys, call, answer)
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
                if matches!(entries.as_slice(), [JournalEntry::Intent(_), ..]) {
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
            Call::DeactivateAccessKey(id, RemovalReason::Revoked) => {
                state.by_person.push(id.clone());
                state.meanwhile.push(id.clone());
            }
            _ => {}
        }
        state.world.call(call)
    }

    fn lie(&self, keys: &[Key], call: &Call, answer: Result<Answer, CallError>) -> Result<Answer, CallError> {
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
            (Some(Sabotage::NoManager), Ok(Answer::Journal(Ok(journal)))) => {
                Ok(Answer::Journal(Ok(Journal { managed_by: None, ..journal })))
            }
            (Some(Sabotage::NoRecipients), Ok(Answer::Recipients(_))) => Ok(Answer::Recipients(recipients(true))),
            (Some(Sabotage::NoAnnouncement), Ok(Answer::Journal(Ok(journal)))) => {
                Ok(Answer::Journal(Ok(Journal { unannounced: None, ..journal })))
            }
            (Some(Sabotage::NoSeen), Ok(Answer::Journal(Ok(journal)))) => {
                let newest = keys.last().map(|key| KeyNote { key: key.id.clone(), at: key.created });
                Ok(Answer::Journal(Ok(Journal { seen: newest, ..journal })))
            }
            (Some(Sabotage::NoMark), Ok(Answer::Journal(Ok(mut journal)))) => {
                let mark = |key: &Key| Disabled { key: key.id.clone(), at: NOW, by: DisabledBy::Rotation };
                let inactive = keys.iter().filter(|key| key.status == KeyStatus::Inactive);
                journal.disabled = inactive.map(mark).collect();
                Ok(Answer::Journal(Ok(journal)))
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
        let has_order = |wanted: fn(&RunAction) -> bool| self.run_actions.iter().any(wanted);
        let changes_keys = matches!(
            call,
            Call::CreateAccessKey
                | Call::DeactivateAccessKey(..)
                | Call::ActivateAccessKey(_)
                | Call::DeleteAccessKey(..)
        );
        let is_ordered = has_order(|action| matches!(action, RunAction::Adopt | RunAction::Revoke(..)));
        if changes_keys && self.bounds.starts == Starts::Foreign && !is_ordered {
            return Some("8: a key of another stack was touched");
        }
        if state.people == People::Unconfirmed && is_behind_backs(call) {
            return Some("11: a scheduled run acted, or noted something as told, and no one could be told");
        }
        match call {
            // A person can activate a key between the run's last look and this call, or make undo activate it.
            Call::DeleteAccessKey(id, _) if is_active(id) && state.meanwhile.is_empty() => {
                Some("4: an active key was deleted")
            }
            // A person can deactivate a key just when the rotation, which has written its note, is about to do so.
            Call::ActivateAccessKey(id)
                if state.by_person.contains(id) && !state.forged && !is_marked(&state.world, id) =>
            {
                Some("10: a key that a person deactivated was activated")
            }
            Call::CreateAccessKey | Call::ActivateAccessKey(_)
                if self.policy.disabled_users == DisabledUsers::Skip
                    && !has_order(|a| matches!(a, RunAction::Enable | RunAction::Undo | RunAction::Revoke(..)))
                    && state.disabled =>
            {
                Some("10: a user whose keys were inactive got an active one")
            }
            Call::DeactivateAccessKey(id, RemovalReason::Superseded) => self.forbidden_retirement(state, id),
            Call::DeactivateAccessKey(id, RemovalReason::Disuse) => {
                let notified = |(warning, at): &(Warning, Timestamp)| {
                    matches!(warning, Warning::Unused(key, _) if key == id)
                        && *at + self.policy.disuse_notice() <= state.world.now
                };
                if state.holds.as_ref() == Some(id) {
                    Some("1: a key in use was deactivated as unused")
                } else if !state.forged && !state.world.warnings.iter().any(notified) {
                    Some("1: an unused key was deactivated unannounced")
                } else {
                    None
                }
            }
            Call::DeactivateAccessKey(id, RemovalReason::Revoked) => {
                let named = |action: &RunAction| matches!(action, RunAction::Revoke(key, _) if key == id);
                let needs = |action: &RunAction| matches!(action, RunAction::Revoke(_, Successor::IfNeeded));
                // A stale list, or a run at work beside it, can take the other key away at this moment.
                let is_alone = || {
                    state.runs.contains(&Process::Waiting)
                        && state.meanwhile.is_empty()
                        && !state.world.keys.iter().any(|k| k.id != *id && state.works(&k.id))
                };
                if !self.run_actions.iter().any(named) {
                    Some("10: a key was revoked that no person named")
                } else if self.run_actions.iter().any(needs) && self.bounds.faults == 0 && is_alone() {
                    Some("1: a revocation left the user without a key")
                } else {
                    None
                }
            }
            _ => None,
        }
    }

    /// Why the key must not be deactivated in favour of another one.
    fn forbidden_retirement(&self, state: &State, id: &AccessKeyId) -> Option<&'static str> {
        let others = || state.world.keys.iter().filter(|key| key.id != *id && state.works(&key.id));
        let journal = state.world.journal.as_ref().ok();
        let is_noted = |id: &AccessKeyId| journal.is_some_and(|journal| journal.is_delivered(id));
        // A person can deactivate the successor between the run's last look and this call. Undo brings the old key back.
        let is_unannounced = journal
            .and_then(|journal| journal.unannounced.as_ref().filter(|key| journal.is_delivered(key) && *key != id))
            .is_some_and(|key| state.works(key));
        if is_unannounced && !state.forged && self.run_actions == [RunAction::Routine, RunAction::Routine] {
            return Some("11: an old key was deactivated, and its successor was announced to no one");
        }
        let is_at_the_same_time = state.meanwhile.iter().any(|key| key != id);
        if is_at_the_same_time {
            return None;
        }
        if !others().any(|key| self.is_delivered(state, &key.id)) {
            return Some("2: an old key was deactivated, and no delivered one works");
        }
        if is_noted(id) && !others().any(|key| self.is_handed(state, &key.id)) {
            return Some("13: a delivered key was retired for a key of unknown origin");
        }
        let is_ours = others().any(|key| is_noted(&key.id) || self.is_handed(state, &key.id));
        if is_ours || self.policy.acts_at_once() {
            return None;
        }
        let notified = |(warning, at): &(Warning, Timestamp)| {
            matches!(warning, Warning::Pair { older, .. } if older == id)
                && *at + self.policy.overlap <= state.world.now
        };
        if state.holds.as_ref() == Some(id) {
            Some("12: a key in use that the rotation did not replace was deactivated")
        } else if !state.forged && !state.world.warnings.iter().any(notified) {
            Some("12: a key that the rotation did not replace was deactivated unannounced")
        } else {
            None
        }
    }

    /// Whether the run rightly left the decision to a person, although no note is forged: because of a key that no run
    /// made, or because a person deactivated a key in the middle of a rotation.
    fn is_for_a_person(&self, rest: &StopReason, state: &State) -> bool {
        let _ = self;
        match rest {
            StopReason::NeedsAttention(NeedsAttention::ForeignKey { foreign, .. }) => {
                (0..state.given).any(|n| key(n) == *foreign) || state.by_hand.contains(foreign)
            }
            // A disabled user has only the undelivered key of a run that a person ordered, which died.
            StopReason::NeedsAttention(NeedsAttention::UnclearOrigin)
                if self.policy.disabled_users == DisabledUsers::Skip
                    && self.run_actions.contains(&RunAction::Enable) =>
            {
                true
            }
            StopReason::NeedsAttention(NeedsAttention::UnclearOrigin | NeedsAttention::OrphanInUse(..)) => {
                !state.by_person.is_empty()
            }
            _ => false,
        }
    }

    /// Whether the key was there from the beginning, or its secret has reached its channel.
    fn is_delivered(&self, state: &State, id: &AccessKeyId) -> bool {
        (0..state.given).any(|n| key(n) == *id) || state.by_hand.contains(id) || self.is_handed(state, id)
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
        // A person has deactivated this key on purpose.
        if state.by_person.contains(held) {
            return true;
        }
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
        (&state.by_person, &state.by_hand, state.people).hash(&mut hasher);
        let hash = hasher.finish();
        if self.converging.lock().expect("unpoisoned").contains(&hash) {
            return true;
        }
        if state.people == People::Unconfirmed && !self.converges(&state.confirmed()) {
            return false;
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
        let held = matches!(rest, StopReason::NoConfirmedRecipient(_)) && state.people == People::Unconfirmed;
        let failed = !held
            && matches!(
                rest,
                StopReason::Failed(_)
                    | StopReason::Withdrawn(_)
                    | StopReason::OutOfTime
                    | StopReason::NoConfirmedRecipient(_)
            );
        let orphans = later.world.keys.iter().filter(|k| !self.is_delivered(&later, &k.id)).count();
        let usable = |s: &State| s.world.keys.iter().any(|k| s.works(&k.id) && self.is_delivered(s, &k.id));
        if rest == StopReason::Disabled {
            // Invariant 10: the keys of such a user are as they were, also what a dead run has left.
            let by_disuse = |key: &Key| {
                let noted = later.world.journal.as_ref().ok().and_then(|journal| journal.disabled(&key.id));
                noted.is_some_and(|noted| noted.by == DisabledBy::Disuse)
            };
            return later.world.keys.iter().any(by_disuse)
                || later.world == World { now: later.world.now, ..state.world.clone() };
        }
        // A user without a working key gets one, unless two deactivated keys are still in their recovery windows.
        let provided = usable(&later)
            || state.world.keys.is_empty()
            || !usable(state) && held
            || !usable(state) && matches!(rest, StopReason::Window(..)) && later.world.keys.len() == 2;
        let good = later.broken == state.broken
            && self.provided(&later)
            && !failed
            && if person { state.forged || self.is_for_a_person(&rest, state) } else { orphans == 0 && provided };
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

    /// The state after the recipients have confirmed.
    fn confirmed(&self) -> Self {
        let world = World { recipients: recipients(true), ..self.world.clone() };
        Self { people: People::Absent, world, ..self.clone() }
    }

    /// A person is about to change the keys, once. After that a read can be stale.
    fn begin_change_by_a_person(&mut self) {
        self.people = People::Absent;
        self.stale_keys = self.world.keys.clone();
        self.keys_stale_until = self.world.now + SKEW;
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
                            let past = |until| (state.world.now < until).then_some(Outcome::Stale);
                            match call {
                                Call::ListAccessKeys => outcomes.extend(past(state.keys_stale_until)),
                                Call::ListUserTags => outcomes.extend(past(state.journal_stale_until)),
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
        if state.people == People::Unconfirmed {
            actions.push(Action::Confirm);
        }
        if state.people == People::Present {
            let active = state.world.keys.iter().filter(|key| key.status == KeyStatus::Active);
            actions.extend(active.map(|key| Action::Disable(key.id.clone())));
            let inactive = state.world.keys.iter().filter(|key| key.status == KeyStatus::Inactive);
            actions.extend(inactive.map(|key| Action::Enable(key.id.clone())));
            if state.world.keys.len() == 1 {
                actions.push(Action::MakeKey);
            }
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
            Action::Disable(id) => {
                state.begin_change_by_a_person();
                state.world.keys.iter_mut().filter(|key| key.id == id).for_each(|key| key.status = KeyStatus::Inactive);
                // The administrator has cut the workload off on purpose.
                state.holds.take_if(|held| *held == id);
                state.meanwhile.push(id.clone());
                state.by_person.push(id);
            }
            Action::Enable(id) => {
                state.begin_change_by_a_person();
                state.world.keys.iter_mut().filter(|key| key.id == id).for_each(|key| key.status = KeyStatus::Active);
                state.by_person.retain(|key| *key != id);
                state.meanwhile.push(id);
                state.disabled = false;
            }
            Action::MakeKey => {
                state.begin_change_by_a_person();
                if let Ok(Answer::Created(made)) = state.world.call(&Call::CreateAccessKey) {
                    state.by_hand.push(made.id);
                }
            }
            Action::Confirm => state = state.confirmed(),
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
            state.keys_stale_until = NOW;
            state.journal_stale_until = NOW;
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("1: no outage", |model: &Self, state: &State| model.no_outage(state)),
            Property::always("1, 2, 4, 8, 10, 11, 12, 13: no forbidden call", |_: &Self, state: &State| {
                state.broken.is_none()
            }),
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
        let Bounds { starts, faults, waits, people } = self.bounds;
        write!(
            f,
            "{delivery}, overlap {overlap}, delete_after {delete_after}, {still_in_use}; {:?} and {:?}; \
             {starts:?} starts, {faults} fault(s), {waits} wait(s), people {people:?}",
            self.run_actions[0], self.run_actions[1]
        )
    }
}

fn recipients(confirmed: bool) -> ConfirmedRecipients {
    ConfirmedRecipients { of_secret: confirmed, of_notice: confirmed }
}

/// Invariant 11: whether the call begins something, takes a key away, or notes something as told. What a dead run has left
/// may be cleaned up without a notice.
fn is_behind_backs(call: &Call) -> bool {
    match call {
        Call::TagUser(entries) => entries.iter().any(|entry| {
            use JournalEntry::{Intent, Seen, Unused, Warned};
            matches!(entry, Intent(_) | Seen(_) | Unused(_) | Warned(_))
        }),
        Call::DeactivateAccessKey(_, why) | Call::DeleteAccessKey(_, why) => *why != RemovalReason::Withdrawn,
        _ => false,
    }
}

/// The state with what another stack would have noted: a delivery of its newest key, or a rotation in which it died.
fn with_foreign_notes(start: &State) -> Vec<State> {
    let other = || Some(Manager::new("other", "eu-west-1", "channel").expect("a manager"));
    let keys = &start.world.keys;
    let delivered = keys.last().map(|key| KeyNote { key: key.id.clone(), at: key.created });
    let intent =
        |key: &Key| Intent { run: "other".parse().expect("an id"), at: NOW.before(LEASE), known: key.id.clone() };
    let intents = keys.first().map(intent).into_iter().collect();
    let journals = [
        Journal { delivered, managed_by: other(), ..Journal::default() },
        Journal { intents, managed_by: other(), ..Journal::default() },
    ];
    let with =
        |journal| State { world: World { journal: Ok(journal), ..start.world.clone() }, forged: true, ..start.clone() };
    journals.map(with).into()
}

/// The keys that are inactive without a note that the handler has deactivated them.
fn deactivated_by_a_person(world: &World) -> Vec<AccessKeyId> {
    let inactive = world.keys.iter().filter(|key| key.status == KeyStatus::Inactive);
    inactive.filter(|key| !is_marked(world, &key.id)).map(|key| key.id.clone()).collect()
}

/// Whether a note says that the handler has deactivated the key, or is about to.
fn is_marked(world: &World, id: &AccessKeyId) -> bool {
    let noted = world.journal.as_ref().ok().and_then(|journal| journal.disabled(id));
    noted.is_some_and(|noted| noted.by != DisabledBy::Other)
}

/// A violation: the history that leads to it.
struct Violation {
    start: State,
    actions: Vec<Action>,
    /// The name of the property and the history, for the reader.
    text: String,
}

impl Violation {
    /// Whether the same history also breaks a property if nothing is switched off.
    fn holds_without_sabotage(&self, scenario: &Scenario) -> bool {
        let model = Protocol::new(scenario, None);
        let is_broken = |state: &State| model.properties().iter().any(|property| !(property.condition)(&model, state));
        let mut state = self.start.clone();
        for action in &self.actions {
            let Some(next) = model.next_state(&state, action.clone()) else { break };
            state = next;
            if is_broken(&state) {
                return true;
            }
        }
        false
    }
}

fn check(scenario: &Scenario, sabotage: Option<Sabotage>) -> (usize, Vec<Violation>) {
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
        let start = path[0].0.clone();
        let actions = path.iter().filter_map(|(_, action)| action.clone()).collect();
        let lines: Vec<_> = path.into_iter().map(line).collect();
        let text = format!("{name}\n{scenario}\n{}\n  {}", start.brief(), lines.join("\n  "));
        Violation { start, actions, text }
    };
    (checker.unique_state_count(), checker.discoveries().into_iter().map(trace).collect())
}

/// The scenarios to check. The environment variable PROVE selects them:
/// - not set: the scenarios that fit into `make test`,
/// - `1`: those that take half an hour,
/// - `deep`: those that take hours,
/// - `1:` and a word, such as `1:Revoke`: those of `1` with that word in their description,
/// - any other word, such as `Undo`: every deep scenario with that word in its description.
fn scenarios() -> Vec<Scenario> {
    use RunAction::{Adopt, Enable, RotateNow, Routine, Undo};
    use {
        People::{Absent, Present, Unconfirmed},
        Starts::{All, Few, Foreign},
    };
    let scenario = |policy: &Policy, run_actions, bounds| Scenario { policy: policy.clone(), run_actions, bounds };
    let revoke = || RunAction::Revoke(key(0), Successor::IfNeeded);
    let routine = || [Routine, Routine];
    let once = |waits| Bounds { starts: All, faults: 1, waits, people: Absent };
    let leases = |faults| Bounds { starts: Few, faults, waits: 3, people: Absent };
    let beside_people = Bounds { starts: All, faults: 0, waits: 0, people: Present };
    let foreign = Bounds { starts: Foreign, faults: 1, waits: 0, people: Absent };
    let unconfirmed = |faults| Bounds { starts: All, faults, waits: 0, people: Unconfirmed };
    let no_fault = Bounds { starts: All, faults: 0, waits: 0, people: Absent };
    let policies = policies();
    let wait = |p: &&Policy| p.still_in_use == StillInUse::Wait;
    // If a key is kept until its place is needed, `rotate` needs the place of the key that `undo` wants back. Then two
    // people contradict each other within minutes. `SECURITY.md` says so.
    let contradictory =
        |s: &Scenario| s.run_actions == [Undo, RotateNow] && s.policy.delete_after == DeleteAfter::NextRotation;
    // Where an old key in use is retired anyway, a person who activates the newer key cuts the workload off.
    let waits_for_people = |s: &Scenario| s.policy.overlap > Span::ZERO && s.policy.still_in_use == StillInUse::Wait;
    let by = |run_actions: &[[RunAction; 2]], bounds| {
        let pairs = policies
            .iter()
            .flat_map(|policy| run_actions.iter().map(|run_actions| scenario(policy, run_actions.clone(), bounds)));
        pairs.filter(|scenario| !contradictory(scenario)).collect::<Vec<_>>()
    };
    match std::env::var("PROVE").as_deref() {
        Ok(word) if word == "1" || word.starts_with("1:") => {
            let mut all = by(&[routine()], once(0));
            all.extend(policies.iter().filter(wait).map(|policy| scenario(policy, routine(), once(1))));
            all.extend(by(&[[RotateNow, RotateNow], [Undo, Routine], [Undo, RotateNow]], once(0)));
            all.extend(by(&[routine()], leases(0)));
            all.extend(by(&[routine(), [Undo, Routine]], beside_people).into_iter().filter(waits_for_people));
            all.extend(by(&[[revoke(), Routine], [Enable, Routine]], no_fault));
            all.extend(by(&[routine()], unconfirmed(0)));
            all.extend(by(&[routine(), [Undo, Routine], [Adopt, Routine]], Bounds { faults: 0, ..foreign }));
            let word = word.trim_start_matches('1').trim_start_matches(':');
            all.into_iter().filter(|scenario| scenario.to_string().contains(word)).collect()
        }
        Ok(word) => {
            let mut all = by(&[routine()], once(1));
            let orders = [[RotateNow, RotateNow], [RotateNow, Routine], [Undo, Routine], [Undo, RotateNow]];
            all.extend(by(&orders, once(0)));
            all.extend(by(&[[revoke(), Routine], [revoke(), RotateNow], [Enable, Routine]], once(0)));
            let orders = [routine(), [Undo, Routine]];
            all.extend(by(&orders, beside_people).into_iter().filter(waits_for_people));
            all.extend(by(&[routine(), [Undo, Routine], [Adopt, Routine], [revoke(), Routine]], foreign));
            all.extend(by(&[routine()], leases(1)));
            all.extend(by(&[routine()], unconfirmed(1)));
            all.into_iter().filter(|scenario| word == "deep" || scenario.to_string().contains(word)).collect()
        }
        // Two policies with different deliveries, as different as possible.
        Err(_) => {
            let careful = |p: &Policy| p.delivery == Delivery::SecretsManager && p.overlap > Span::ZERO && wait(&p);
            let article = |p: &Policy| {
                p.delivery == Delivery::Email && p.overlap == Span::ZERO && p.delete_after == DeleteAfter::NextRotation
            };
            let unused = |p: &Policy| p.delivery == Delivery::Email && p.unused_after != UnusedAfter::Never;
            let all_of = |chosen: &dyn Fn(&Policy) -> bool, run_actions: [RunAction; 2], bounds| {
                let chosen = policies.iter().filter(|policy| chosen(policy));
                chosen.map(|policy| scenario(policy, run_actions.clone(), bounds)).collect::<Vec<_>>()
            };
            let mut all = all_of(&|p| careful(p) || article(p), routine(), once(0));
            all.extend(all_of(&careful, [Undo, Routine], once(0)));
            all.extend(all_of(&careful, routine(), leases(0)));
            all.extend(all_of(&careful, [revoke(), Routine], no_fault));
            all.extend(all_of(&careful, [Adopt, Routine], Bounds { faults: 0, ..foreign }));
            all.extend(all_of(&careful, [Undo, Routine], beside_people));
            all.extend(all_of(&unused, routine(), no_fault));
            all.extend(all_of(&|p| careful(p) || article(p), routine(), unconfirmed(0)));
            all
        }
    }
}

#[test]
fn invariants_1_2_3_4_5_7_8_10_11_12_13_hold_in_every_state() {
    let (mut total, mut found) = (0, Vec::new());
    let scenarios = scenarios();
    assert!(!scenarios.is_empty(), "PROVE names no scenario");
    for scenario in &scenarios {
        let (states, violations) = check(scenario, None);
        println!("  {states:>9} states, {} violations: {scenario}", violations.len());
        total += states;
        found.extend(violations.into_iter().map(|violation| violation.text));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    println!("model check: {total} states explored in {} scenarios: no violation", scenarios.len());
}

/// The checker itself is checked: if any one safeguard is switched off, it finds a violation.
#[test]
fn without_any_one_safeguard_there_is_a_violation() {
    use Sabotage::{
        NoAnnouncement, NoDoubt, NoGrace, NoJournal, NoLastUse, NoLease, NoManager, NoMark, NoOrigin, NoQuota,
        NoReadBack, NoRecipients, NoSeen, NoSkip, NoStatus, NoVerification,
    };
    let everywhere = Bounds { starts: Starts::All, faults: 2, waits: 1, people: People::Absent };
    let without_faults = Bounds { faults: 0, waits: 0, ..everywhere };
    let foreign = Bounds { starts: Starts::Foreign, ..without_faults };
    let routine = [RunAction::Routine, RunAction::Routine];
    let undo = [RunAction::Undo, RunAction::Routine];
    let safeguards = [
        (NoQuota, &routine, everywhere),
        (NoJournal, &routine, everywhere),
        (NoLease, &routine, everywhere),
        (NoVerification, &routine, everywhere),
        (NoReadBack, &routine, everywhere),
        (NoLastUse, &routine, everywhere),
        (NoDoubt, &routine, everywhere),
        (NoGrace, &routine, everywhere),
        (NoStatus, &routine, everywhere),
        (NoSkip, &routine, without_faults),
        (NoOrigin, &routine, without_faults),
        (NoSeen, &routine, without_faults),
        (NoMark, &undo, without_faults),
        (NoManager, &routine, foreign),
        (NoAnnouncement, &routine, without_faults),
        (NoRecipients, &routine, Bounds { people: People::Unconfirmed, ..without_faults }),
    ];
    for (sabotage, run_actions, bounds) in safeguards {
        let found = policies().into_iter().find_map(|policy| {
            let scenario = Scenario { policy, run_actions: run_actions.clone(), bounds };
            let violation = check(&scenario, Some(sabotage)).1.into_iter().next()?;
            Some((scenario, violation))
        });
        let (scenario, violation) = found.unwrap_or_else(|| panic!("{sabotage:?}: no violation found"));
        println!("without {sabotage:?}: {}", violation.text.lines().next().unwrap_or_default());
        assert!(!violation.holds_without_sabotage(&scenario), "not because of {sabotage:?}: {}", violation.text);
    }
    println!("model check: {} safeguards switched off one by one: a violation each time", safeguards.len());
}
