//! rotation.yaml: what the user wants, read and validated.
//!
//! Reading goes in three steps: YAML into a tree in which every value knows its place, the tree into typed values
//! setting by setting, the settings against each other. Every step goes on after a problem, so that one run reports
//! them all. What settings there are stands in one table, from which the JSON Schema for editors comes too.

mod dashboard;
mod document;
mod email;
mod entry;
mod fields;
mod heartbeat;
mod kms;
mod pattern;
mod principal;
mod private_key;
mod problem;
mod recipients;
mod rules;
mod schedule;
mod schema;
mod selection_summary;
mod selector_setting;
mod setting;
mod setting_type;
mod settings;
mod stack_name;
mod suggest;
mod tree;
mod values;

use lambda::{
    contract::{
        digest_frequency::Digest, language::Language, list_scope::ListScope, secret_prefix::SecretPrefix,
        selector::UserSelector, user_tags::UserTags,
    },
    delivery::{public_key::Recipient, secret_policy::Readers},
    model::{email::Email, kms_key::KmsKey, time::Span},
    protocol::policy::{DeleteAfter, Policy, StillInUse},
};

pub use dashboard::Dashboard;
use document::Document;
pub use entry::Entry;
pub use heartbeat::Watch;
pub use kms::{LogKey, TopicKey};
pub use problem::{Place, Problem, Problems};
pub use schedule::{ScheduleExpression, TimeZone};
pub use schema::schema;
use setting_type::SameAs;
use settings::{Given, SETTINGS};
pub use stack_name::StackName;

use crate::cfn::resource::Architecture;

/// A configuration that can be deployed.
#[derive(Debug, Clone)]
pub struct Config {
    /// The stack's name, and its function's and schedule's.
    pub stack_name: StackName,
    /// Whose keys are rotated.
    pub users: Vec<Entry>,
    /// Whose are not, although `users` means them.
    pub exempt: Vec<UserSelector>,
    /// Whether tags on a user say what holds for it.
    pub user_tags: UserTags,
    /// The administrators: who is told of every user.
    pub emails: Vec<Email>,
    /// In which language.
    pub language: Language,
    /// Whether the administrators get each run in one mail.
    pub digest: Digest,
    /// When the handler runs.
    pub schedule: ScheduleExpression,
    /// In which time zone that is meant.
    pub time_zone: TimeZone,
    /// What the handler does.
    pub policy: Policy,
    /// Whom mails with a secret are encrypted to; none where no mail is.
    pub encrypt_to: Vec<Recipient>,
    /// The first part of the secrets' names.
    pub secret_prefix: SecretPrefix,
    /// Who may read every secret, besides its user.
    pub secret_readers: Readers,
    /// What the secrets are encrypted with.
    pub secret_kms_key: KmsKey,
    /// What the function runs on.
    pub architecture: Architecture,
    /// The function's memory in MiB.
    pub memory: u32,
    /// The function's time limit.
    pub timeout: Span,
    /// How many days its log is kept.
    pub log_retention_days: u32,
    /// What it is encrypted with.
    pub log_key: LogKey,
    /// What the topic is encrypted with.
    pub topic_key: TopicKey,
    /// Whether there is a dashboard.
    pub dashboard: Dashboard,
}

/// What the command line says in place of the file.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// Instead of `users`; what `users` has too keeps what it says there.
    pub users: Option<Vec<Entry>>,
    /// Instead of `emails`.
    pub emails: Option<Vec<Email>>,
    /// Instead of `architecture`.
    pub architecture: Option<Architecture>,
}

/// A configuration, and what a careful person should know about it.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The configuration.
    pub config: Config,
    /// Each a sentence with its place.
    pub warnings: Vec<Problem>,
}

/// Reads a configuration.
///
/// # Errors
/// [`Problems`]: every problem that was found, in the order of the file.
pub fn read(text: &str, overrides: Overrides) -> Result<Checked, Problems> {
    let overridden = [
        ("users", overrides.users.is_some()),
        ("emails", overrides.emails.is_some()),
        ("architecture", overrides.architecture.is_some()),
    ];
    let overridden = overridden.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect();
    let text = private_key::hidden(text);
    let mut document = Document::parse(&text, SETTINGS, overridden)?;
    let mut given = Given::read(&mut document);
    given.users = overrides.users.map(|named| as_the_file_has_them(named, &text)).or(given.users);
    given.emails = overrides.emails.or(given.emails);
    given.architecture = overrides.architecture.or(given.architecture);
    rules::check(&mut document, &given);
    let warnings = document.finish()?;
    let config = given.complete().ok_or_else(|| Problems::new(Vec::new()))?;
    Ok(Checked { config, warnings })
}

/// Users chosen in place of the file's: what the file has too keeps what it says there.
fn as_the_file_has_them(named: Vec<Entry>, text: &str) -> Vec<Entry> {
    let file =
        Document::parse(text, SETTINGS, Vec::new()).ok().and_then(|mut document| Given::read(&mut document).users);
    let entry = |entry: Entry| match file.iter().flatten().find(|other| other.who.same_as(&entry.who)) {
        Some(other) => Entry { who: entry.who, ..other.clone() },
        None => entry,
    };
    named.into_iter().map(entry).collect()
}

impl Given {
    /// The configuration, if every setting is right.
    fn complete(self) -> Option<Config> {
        Some(Config {
            stack_name: self.stack_name?,
            users: self.users?,
            exempt: self.exempt?.0,
            user_tags: self.user_tags?,
            emails: self.emails?,
            language: self.language?,
            digest: self.digest?,
            schedule: self.schedule?,
            time_zone: self.time_zone?,
            policy: Policy {
                rotate_after: self.rotate_after?.0,
                overlap: self.overlap?,
                delete_after: self.delete_after?,
                still_in_use: self.still_in_use?,
                wait_at_most: self.wait_at_most?,
                delivery: self.delivery?,
                warn_before: self.warn_before?,
            },
            encrypt_to: self.encrypt_to?.0,
            secret_prefix: self.secret_prefix?,
            secret_readers: self.secret_readers?,
            secret_kms_key: self.secret_kms_key?,
            architecture: self.architecture?,
            memory: self.memory?.0,
            timeout: self.timeout?.0,
            log_retention_days: self.log_retention?.0,
            log_key: self.log_kms_key?,
            topic_key: self.topic_kms_key?,
            dashboard: self.dashboard?,
        })
    }
}

impl Config {
    /// The time between two runs, where the schedule says so.
    #[must_use]
    pub fn period(&self) -> Option<Span> {
        self.schedule.period()
    }

    /// The time that a deactivated key is kept for certain.
    #[must_use]
    pub fn window(&self) -> Span {
        match self.policy.delete_after {
            DeleteAfter::NextRotation => Span::ZERO,
            DeleteAfter::Window(window) => window,
        }
    }

    /// How much of the account the handler must see to find the users.
    #[must_use]
    pub fn sight(&self) -> ListScope {
        ListScope::of(self.users.iter().map(|entry| &entry.who), &self.exempt, self.user_tags)
    }

    /// Whether a mail carries the secret.
    #[must_use]
    pub fn mail_is_delivery(&self) -> bool {
        self.policy.delivery.is_mail()
    }

    /// Whether an old key that is in use stays.
    #[must_use]
    pub fn waits_for_use(&self) -> bool {
        self.policy.still_in_use == StillInUse::Wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_named_in_place_of_the_files_users_keeps_what_the_file_says() {
        let text = "users: [{name: alice, owner: o@b.co}, bob, {name: /ci/, overlap: 1d}]\nemails: [a@b.co]\n";
        let users = ["/ci/Alice", "carol", "/ci/"].map(|user| user.parse().unwrap()).into();
        let read = read(text, Overrides { users: Some(users), ..Overrides::default() }).unwrap();
        let told: Vec<_> = read.config.users.iter().map(|entry| entry.member().to_string()).collect();
        assert_eq!(told, ["/ci/Alice;owner=o@b.co", "carol", "/ci/;overlap=1d"]);
    }
}
