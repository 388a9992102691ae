//! Reads the run report from any version of the function.

use lambda::model::time::Timestamp;
use serde::Deserialize;
use serde_json::Value as Json;

use crate::{
    deploy::{
        received_words::{
            ReceivedChangeKind, ReceivedKeyStatus, ReceivedNextKind, ReceivedOutcome, ReceivedRemovalReason,
        },
        run_counts::RunCounts,
    },
    screen::counted,
    shell::quoted,
};

/// The report of a run. Unknown fields are ignored, because the function may be older or newer than this program.
#[derive(Debug, Clone, PartialEq)]
pub struct ReceivedReport {
    /// The whole report as JSON, for programs.
    pub document: Json,
    fields: Fields,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    status_code: u16,
    #[serde(default)]
    handler: Option<String>,
    #[serde(default)]
    dry_run: bool,
    #[serde(default)]
    summary: RunCounts,
    users: Vec<ReceivedUser>,
    #[serde(default)]
    not_due: ReceivedNotDue,
    #[serde(default)]
    unconfirmed: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
struct ReceivedNotDue {
    #[serde(default)]
    disabled: Vec<String>,
}

/// What the run found and did for one user.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceivedUser {
    /// The name of the user.
    pub user: String,
    /// The owner of the user. A function of an older version does not report it.
    pub owner: Option<String>,
    /// The outcome.
    pub result: ReceivedOutcome,
    /// Why the run stopped for this user.
    pub why: String,
    /// The keys at the beginning of the run.
    #[serde(default)]
    pub found: Vec<ReceivedKey>,
    /// The changes to them, in order.
    #[serde(default)]
    pub done: Vec<ReceivedChange>,
    /// The keys at the end of the run.
    #[serde(default)]
    pub left: Vec<ReceivedKey>,
    /// What happens next to a key. A function of an older version does not report it.
    pub next: Option<ReceivedNext>,
    /// Until when an old key that is still in use stays active, if there is an end.
    pub waits_until: Option<String>,
    /// The key that was overdue before the run began and is still active.
    pub overdue: Option<ReceivedOverdue>,
}

/// One access key of a user.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ReceivedKey {
    /// The id of the key.
    pub id: String,
    /// Whether AWS accepts the key.
    pub status: ReceivedKeyStatus,
    /// When the key was created.
    pub created: String,
}

/// One change that was made.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ReceivedChange {
    /// What was done to the key.
    pub change: ReceivedChangeKind,
    /// The id of the key.
    pub key: String,
    /// Why it was done, for a key that was deactivated or deleted.
    pub why: Option<ReceivedRemovalReason>,
}

/// What happens next to a key, if nothing else changes before.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ReceivedNext {
    /// What happens to the key.
    pub change: ReceivedNextKind,
    /// The id of the key.
    pub key: String,
    /// The earliest time.
    pub at: String,
}

/// A key that is overdue.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ReceivedOverdue {
    /// The id of the key.
    pub key: String,
    /// When its time was over.
    pub since: String,
}

/// A time of a report in the form for people. A text that is not a time stays as it is.
#[must_use]
pub fn minute(time: &str) -> String {
    time.parse::<Timestamp>().map_or_else(|_| time.to_owned(), Timestamp::to_minute)
}

impl ReceivedUser {
    /// Whether the run could do for the user all that is due.
    #[must_use]
    pub fn is_in_order(&self) -> bool {
        matches!(self.result, ReceivedOutcome::Unchanged | ReceivedOutcome::Changed) && self.overdue.is_none()
    }

    /// Why the run stopped, with the name of the user in each command.
    #[must_use]
    pub fn why_with_commands(&self) -> String {
        let name = quoted(&self.user);
        ["USER=", "USERS="].iter().fold(self.why.clone(), |why, variable| {
            why.replace(&format!("{variable}NAME"), &format!("{variable}{name}"))
        })
    }

    /// Whether all keys of the user are inactive, so that it has no access.
    #[must_use]
    pub fn is_disabled(&self) -> bool {
        self.result == ReceivedOutcome::Disabled
    }

    /// Whether a person must do something for this user. The others wait for a time or for a confirmation.
    #[must_use]
    pub fn needs_person(&self) -> bool {
        self.has_problem() || self.overdue.is_some()
    }

    /// Whether a call failed, or a person must decide.
    #[must_use]
    pub fn has_problem(&self) -> bool {
        matches!(self.result, ReceivedOutcome::Failed | ReceivedOutcome::NeedsAttention)
    }

    /// The outcome and this reason, as text for people. A dry run changes nothing, so it never says that something was
    /// changed.
    #[must_use]
    pub fn outcome_with(&self, why: &str, dry_run: bool) -> String {
        let outcome = match (&self.result, dry_run) {
            // The reason says that a person must decide.
            (ReceivedOutcome::NeedsAttention, _) => return why.to_owned(),
            (ReceivedOutcome::Changed, true) => "would change",
            (ReceivedOutcome::Failed, true) => "would fail",
            (result, _) => result.as_str(),
        };
        format!("{outcome}, {why}")
    }

    /// Which keys work after a run that did not do everything, and which the workload must not use. Empty if the report
    /// does not show the keys.
    #[must_use]
    pub fn usable_keys(&self) -> Vec<String> {
        let has = |change, key: &ReceivedKey| self.done.iter().any(|one| one.change == change && one.key == key.id);
        let is_new =
            |key: &&ReceivedKey| has(ReceivedChangeKind::Created, key) && !has(ReceivedChangeKind::Delivered, key);
        let active = || self.left.iter().filter(|key| key.is_active());
        let ids = |keys: Vec<&ReceivedKey>| keys.iter().map(|key| key.id.clone()).collect::<Vec<_>>().join(", ");
        let (unsure, working): (Vec<_>, Vec<_>) = active().partition(is_new);
        let mut lines = Vec::new();
        // If the run did not stop in the middle, a person must decide which key to remove. Then this advice is wrong.
        if self.result != ReceivedOutcome::Failed && unsure.is_empty() {
            return lines;
        }
        if !working.is_empty() {
            let them = if working.len() > 1 { "them" } else { "it" };
            lines.push(format!("works now: {}; do not deactivate or delete {them}", ids(working)));
        }
        if !unsure.is_empty() {
            lines.push(format!("do not use {}: it was not delivered, and a later run removes it", ids(unsure)));
        }
        lines
    }
}

impl ReceivedKey {
    /// Whether AWS accepts requests that are signed with the key.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.status == ReceivedKeyStatus::Active
    }
}

impl ReceivedReport {
    /// Reads the response of the function.
    ///
    /// # Errors
    /// If the response is not a report. The error says what is wrong with it.
    pub fn read(document: Json) -> Result<Self, serde_json::Error> {
        let mut fields = Fields::deserialize(&document)?;
        fields.unconfirmed.sort_by_cached_key(|address| address.to_ascii_lowercase());
        Ok(Self { document, fields })
    }

    /// Whether nothing failed and no user needs attention.
    #[must_use]
    pub fn is_fine(&self) -> bool {
        self.fields.status_code == 200
    }

    /// The users that the run handled.
    #[must_use]
    pub fn users(&self) -> &[ReceivedUser] {
        &self.fields.users
    }

    /// The names of the users that the run skipped because they have only inactive keys. A function of an older version does
    /// not report them.
    #[must_use]
    pub fn skipped_disabled_users(&self) -> &[String] {
        &self.fields.not_due.disabled
    }

    /// Whether the run only reported what it would change.
    #[must_use]
    pub fn is_dry_run(&self) -> bool {
        self.fields.dry_run
    }

    /// The version of the function. `None` if the function is older than this field.
    #[must_use]
    pub fn handler(&self) -> Option<&str> {
        self.fields.handler.as_deref()
    }

    /// The number of users, with those that were skipped because nothing is due.
    #[must_use]
    pub fn selected(&self) -> usize {
        self.fields.summary.users.max(self.fields.users.len())
    }

    /// What the run did, in numbers. In a dry run, what it would do.
    #[must_use]
    pub fn counts(&self) -> RunCounts {
        let users = &self.fields.users;
        let changes = |kind| users.iter().flat_map(|user| &user.done).filter(|done| done.change == kind).count();
        let outcomes = |outcome| users.iter().filter(|user| user.result == outcome).count();
        RunCounts {
            users: self.selected(),
            rotated: changes(ReceivedChangeKind::Delivered),
            deactivated: changes(ReceivedChangeKind::Deactivated),
            reactivated: changes(ReceivedChangeKind::Reactivated),
            deleted: changes(ReceivedChangeKind::Deleted),
            failed: outcomes(ReceivedOutcome::Failed),
            needs_attention: outcomes(ReceivedOutcome::NeedsAttention),
            overdue: users.iter().filter(|user| user.overdue.is_some()).count(),
            unsent: self.fields.summary.unsent,
        }
    }

    /// The result of the run in one sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let counts = self.counts();
        let users = counted(counts.users, "user");
        if !self.fields.dry_run {
            return format!("{users}: {}", counts.done());
        }
        let planned = counts.planned();
        let planned = if planned.is_empty() { "change no key".to_owned() } else { planned };
        let failing = counted(counts.failed, "user");
        let failing = (counts.failed > 0).then(|| format!("would fail for {failing}"));
        let others = RunCounts { failed: 0, ..counts }.problems();
        let about: Vec<_> = [users].into_iter().chain(failing).chain(others).collect();
        format!("A run would {planned} ({})", about.join(", "))
    }

    /// The addresses that have not confirmed, in alphabetical order. Empty if a run over all users found none.
    #[must_use]
    pub fn unconfirmed(&self) -> &[String] {
        &self.fields.unconfirmed
    }
}

#[cfg(test)]
mod tests {
    use lambda::{
        contract::{language::Language, run_summary::RunSummary},
        model::{
            access_key::{Key, KeyStatus},
            time::Timestamp,
        },
        protocol::{
            call::RemovalReason,
            overdue::Overdue,
            run::RunAction,
            stop_reason::{NeedsAttention, StopReason},
        },
        report::run_report::{HANDLER_VERSION, KeyChange, UserReport},
    };
    use serde_json::json;

    use super::*;

    /// A report as this version of the function writes it.
    fn report(dry_run: bool) -> lambda::report::run_report::RunReport {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let id = |last: char| {
            format!("AKIAEXAMPLE00000000{last}").parse::<lambda::model::access_key::AccessKeyId>().unwrap()
        };
        let old = Key { id: id('1'), status: KeyStatus::Active, created: at("2026-01-01T00:00:00Z") };
        let done = vec![
            KeyChange::Created { key: id('2') },
            KeyChange::Delivered { key: id('2') },
            KeyChange::Deactivated { key: id('1'), why: RemovalReason::Superseded },
        ];
        let user = |name: &str, found, done, rest| {
            UserReport::new(name.parse().unwrap(), &RunAction::Routine, found, done, Vec::new(), &rest)
        };
        let mut users = vec![
            user("alice", vec![old], done, StopReason::Healthy(at("2026-03-02T00:00:00Z"))),
            user("bob", Vec::new(), Vec::new(), StopReason::NeedsAttention(NeedsAttention::SameAge)),
        ];
        users[1].overdue = Some(Overdue { key: id('3'), since: at("2026-02-01T00:00:00Z") });
        let summary = RunSummary::of(&users);
        lambda::report::run_report::RunReport {
            status_code: summary.status_code(),
            body: Language::English.summary(&summary),
            handler: HANDLER_VERSION,
            run: "a-run".parse().unwrap(),
            dry_run,
            started: at("2026-03-02T00:00:00Z"),
            summary,
            users,
            not_due: lambda::selection::fleet::NotDue::default(),
            unsent: Vec::new(),
            all_users: true,
            unconfirmed: Vec::new(),
        }
    }

    #[test]
    fn a_report_of_the_function_is_read() {
        let read = ReceivedReport::read(json!(report(false))).unwrap();
        assert!(!read.is_fine(), "bob needs attention");
        let [alice, bob] = read.users() else { panic!("{read:?}") };
        assert_eq!(
            (alice.found.len(), alice.done.len(), alice.done[2].why.as_ref()),
            (1, 3, Some(&ReceivedRemovalReason::Superseded))
        );
        assert_eq!(bob.overdue.as_ref().map(|overdue| minute(&overdue.since)).unwrap(), "2026-02-01 00:00 UTC");
        let did = "2 users: 1 new key delivered, 1 key deactivated, 1 user needs attention, 1 key is overdue";
        assert_eq!(read.sentence(), did);
        let dry = ReceivedReport::read(json!(report(true))).unwrap();
        let would =
            "A run would deliver 1 new key, deactivate 1 key (2 users, 1 user needs attention, 1 key is overdue)";
        assert_eq!(dry.sentence(), would);
    }

    #[test]
    fn a_failure_says_which_key_works_and_which_one_must_not_be_used() {
        let key = |id: &str, status: &str| json!({ "id": id, "status": status, "created": "2026-01-01T00:00:00Z" });
        let user: ReceivedUser = serde_json::from_value(json!({
            "user": "alice", "result": "failed", "why": "PutSecretValue failed",
            "found": [key("AKIA1", "active")],
            "done": [{ "change": "created", "key": "AKIA2" }],
            "left": [key("AKIA1", "active"), key("AKIA2", "active"), key("AKIA3", "inactive")],
        }))
        .unwrap();
        let says = [
            "works now: AKIA1; do not deactivate or delete it",
            "do not use AKIA2: it was not delivered, and a later run removes it",
        ];
        assert_eq!(user.usable_keys(), says);
    }

    #[test]
    fn if_a_person_must_decide_which_key_to_remove_no_advice_forbids_it() {
        let keys = json!(["AKIA1", "AKIA2"].map(|id| json!({ "id": id, "status": "active", "created": "…" })));
        let of = |result: &str| {
            let user = json!({ "user": "alice", "result": result, "why": "…", "found": keys, "left": keys });
            serde_json::from_value::<ReceivedUser>(user).unwrap().usable_keys()
        };
        assert_eq!(of("needs-attention"), [""; 0]);
        assert_eq!(of("failed"), ["works now: AKIA1, AKIA2; do not deactivate or delete them"]);
    }

    #[test]
    fn unconfirmed_addresses_are_in_alphabetical_order() {
        let mut waiting = report(false);
        waiting.unconfirmed = ["Security@example.com", "dev@example.com"].map(|email| email.parse().unwrap()).into();
        let read = ReceivedReport::read(json!(waiting)).unwrap();
        assert_eq!(read.unconfirmed(), ["dev@example.com", "Security@example.com"]);
    }

    #[test]
    fn a_response_that_is_not_a_report_is_refused() {
        for answer in [json!(null), json!({}), json!("done"), json!({ "statusCode": 200, "body": "" })] {
            assert!(ReceivedReport::read(answer.clone()).is_err(), "{answer}");
        }
    }
}
