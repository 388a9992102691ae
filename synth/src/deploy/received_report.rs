//! Reads the run report from any version of the function, and writes it as text for people.

use serde::Deserialize;
use serde_json::Value as Json;

use crate::deploy::command_line::make;

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
    body: String,
    #[serde(default)]
    dry_run: bool,
    users: Vec<ReceivedUser>,
    #[serde(default)]
    unconfirmed: Vec<String>,
}

/// What the run found and did for one user.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ReceivedUser {
    /// The name of the user.
    pub user: String,
    /// The outcome, as one word.
    pub result: String,
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
    /// The key that was overdue before the run began and is still active.
    pub overdue: Option<ReceivedOverdue>,
}

/// One access key of a user.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ReceivedKey {
    /// The id of the key.
    pub id: String,
    /// `active` or `inactive`.
    pub status: String,
    /// When the key was created.
    pub created: String,
}

/// One change that was made.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ReceivedChange {
    /// What was done to the key, as one word.
    pub change: String,
    /// The id of the key.
    pub key: String,
    /// Why it was done, as one word.
    pub why: Option<String>,
}

/// A key that is overdue.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ReceivedOverdue {
    /// The id of the key.
    pub key: String,
    /// When its time was over.
    pub since: String,
}

impl ReceivedKey {
    /// Whether AWS accepts requests that are signed with the key.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.status == "active"
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

    /// The addresses that have not confirmed, in alphabetical order. Empty if a run over all users found none.
    #[must_use]
    pub fn unconfirmed(&self) -> &[String] {
        &self.fields.unconfirmed
    }

    /// The addresses that have not confirmed, as a sentence that says what to do. `None` if there are none.
    #[must_use]
    pub fn unconfirmed_text(&self) -> Option<String> {
        let addresses = self.unconfirmed();
        (!addresses.is_empty()).then(|| {
            format!(
                "Not confirmed, so they get no notice: {}\nConfirm the mail from AWS. For a new mail: {}\n",
                addresses.join(", "),
                make("resubscribe")
            )
        })
    }

    /// The report as text for people: each user with its keys and what was done, then the summary.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for user in &self.fields.users {
            text.push_str(&format!("{}: {}, {}\n", user.user, user.result, user.why));
            for key in &user.found {
                text.push_str(&format!("    {} {}, created {}\n", key.id, key.status, key.created));
            }
            if let Some(ReceivedOverdue { key, since }) = &user.overdue {
                text.push_str(&format!("    overdue since {since}: {key}\n"));
            }
            for ReceivedChange { change, key, why } in &user.done {
                let would = if self.fields.dry_run { "would be " } else { "" };
                let why = why.as_ref().map_or(String::new(), |why| format!(" ({why})"));
                text.push_str(&format!("    {would}{change}: {key}{why}\n"));
            }
        }
        text.push_str(&self.fields.body);
        text.push('\n');
        text
    }
}

#[cfg(test)]
mod tests {
    use lambda::{
        contract::language::Language,
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
        report::run_report::{KeyChange, Summary, UserReport},
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
        let summary = Summary::of(&users);
        lambda::report::run_report::RunReport {
            status_code: summary.status_code(),
            body: Language::English.summary(&summary),
            run: "a-run".parse().unwrap(),
            dry_run,
            started: at("2026-03-02T00:00:00Z"),
            summary,
            users,
            not_due: lambda::selection::fleet::NotDue::default(),
            unsent: Vec::new(),
            unconfirmed: Vec::new(),
        }
    }

    #[test]
    fn a_report_of_the_function_becomes_text() {
        let written = report(false);
        let read = ReceivedReport::read(json!(written)).unwrap();
        assert!(!read.is_fine(), "bob needs attention");
        let expected = format!(
            "alice: changed, the key is due on 2026-03-02T00:00:00Z\n\
             \x20   AKIAEXAMPLE000000001 active, created 2026-01-01T00:00:00Z\n\
             \x20   created: AKIAEXAMPLE000000002\n\
             \x20   delivered: AKIAEXAMPLE000000002\n\
             \x20   deactivated: AKIAEXAMPLE000000001 (superseded)\n\
             bob: needs-attention, a person must decide: two active keys were created in the same second; \
             deactivate the unused one\n\
             \x20   overdue since 2026-02-01T00:00:00Z: AKIAEXAMPLE000000003\n{}\n",
            written.body
        );
        assert_eq!(read.text(), expected);
        let dry = ReceivedReport::read(json!(report(true))).unwrap();
        assert_eq!(
            dry.text(),
            expected
                .replace("    created:", "    would be created:")
                .replace("    delivered:", "    would be delivered:")
                .replace("    deactivated:", "    would be deactivated:")
        );
    }

    #[test]
    fn unconfirmed_addresses_are_named_in_alphabetical_order() {
        assert_eq!(ReceivedReport::read(json!(report(false))).unwrap().unconfirmed_text(), None);
        let mut waiting = report(false);
        waiting.unconfirmed = ["Security@example.com", "dev@example.com"].map(|email| email.parse().unwrap()).into();
        let text = ReceivedReport::read(json!(waiting)).unwrap().unconfirmed_text().unwrap();
        assert!(
            text.contains("dev@example.com, Security@example.com\n") && text.contains("make resubscribe"),
            "{text}"
        );
    }

    #[test]
    fn a_response_that_is_not_a_report_is_refused() {
        for answer in [json!(null), json!({}), json!("done"), json!({ "statusCode": 200, "body": "" })] {
            assert!(ReceivedReport::read(answer.clone()).is_err(), "{answer}");
        }
    }
}
