//! rotation.yaml: what the user wants, read and validated.
//!
//! Reading goes in three steps: YAML into a tree, the tree into typed values field by field, the values against each
//! other. Every step goes on after a problem, so that one run reports them all, each with its line and column.

mod document;
mod email;
mod limits;
mod locate;
mod schedule;
mod stack_name;
mod user;

use lambda::{
    notice::Language,
    plan::{DeleteAfter, Delivery, Policy, StillInUse},
    settings::SecretPrefix,
    time::Span,
};

use document::Document;
pub use document::{Problem, Problems};
pub use email::Email;
pub use locate::Place;
pub use schedule::{ScheduleExpression, TimeZone};
pub use stack_name::StackName;
pub use user::User;

use crate::cfn::resource::Architecture;

impl std::str::FromStr for Architecture {
    type Err = lambda::text::Invalid;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.iter().find(|(word, _)| *word == text);
        known.map(|(_, architecture)| *architecture).ok_or_else(|| lambda::text::Invalid {
            value: text.to_owned(),
            what: "an architecture",
            allowed: "arm64 or x86_64",
        })
    }
}

/// A configuration that can be deployed.
#[derive(Debug, Clone)]
pub struct Config {
    /// The stack's name, and its function's and schedule's.
    pub stack_name: StackName,
    /// Whose keys are rotated.
    pub users: Vec<User>,
    /// Who is told.
    pub emails: Vec<Email>,
    /// In which language.
    pub language: Language,
    /// When the handler runs.
    pub schedule: ScheduleExpression,
    /// In which time zone that is meant.
    pub time_zone: TimeZone,
    /// What the handler does.
    pub policy: Policy,
    /// The first part of the secrets' names.
    pub secret_prefix: SecretPrefix,
    /// What the function runs on.
    pub architecture: Architecture,
    /// The function's memory in MiB.
    pub memory: u32,
    /// The function's time limit.
    pub timeout: Span,
    /// How many days its log is kept.
    pub log_retention_days: u32,
}

/// What the command line says in place of the file.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// Instead of `users`.
    pub users: Option<Vec<User>>,
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

const KEYS: [&str; 17] = [
    "stack_name",
    "users",
    "emails",
    "language",
    "schedule",
    "time_zone",
    "rotate_after",
    "overlap",
    "delete_after",
    "still_in_use",
    "wait_at_most",
    "delivery",
    "secret_prefix",
    "architecture",
    "memory",
    "timeout",
    "log_retention",
];

/// Reads a configuration.
///
/// # Errors
/// [`Problems`]: every problem that was found, in the order of the file.
pub fn read(text: &str, overrides: Overrides) -> Result<Checked, Problems> {
    let mut document = Document::parse(text)?;
    document.expect_keys(&KEYS);

    // What is not given has the value that a careful team would choose.
    let stack_name = document.field("stack_name", "access-key-rotation");
    let users = match overrides.users {
        Some(users) => Some(users),
        None => document.list("users"),
    };
    let emails = match overrides.emails {
        Some(emails) => Some(emails),
        None => document.list("emails"),
    };
    let language = document.field("language", "en");
    let schedule = document.field("schedule", "rate(1 day)");
    let time_zone = document.field("time_zone", "UTC");
    let rotate_after = document.field("rotate_after", "60d");
    let overlap = document.field("overlap", "7d");
    let delete_after = document.field("delete_after", "14d");
    let still_in_use = document.field("still_in_use", "wait");
    let wait_at_most = document.field("wait_at_most", "forever");
    let delivery = document.field("delivery", "secrets-manager");
    let secret_prefix = document.field("secret_prefix", "access-key-rotation");
    let architecture = document.field("architecture", "arm64");
    // AWS's limits: Lambda quotas, "Function memory allocation".
    let memory = document.number("memory", 128, 128..=10_240);
    let timeout = document.field("timeout", "10m");
    let log_retention = document.field("log_retention", "90d");

    let config = (|| {
        Some(Config {
            stack_name: stack_name?,
            users: users?,
            emails: emails?,
            language: language?,
            schedule: schedule?,
            time_zone: time_zone?,
            policy: Policy {
                rotate_after: rotate_after?,
                overlap: overlap?,
                delete_after: delete_after?,
                still_in_use: still_in_use?,
                wait_at_most: wait_at_most?,
                delivery: delivery?,
            },
            secret_prefix: secret_prefix?,
            architecture: overrides.architecture.or(architecture)?,
            memory: memory?,
            timeout: timeout?,
            log_retention_days: limits::log_retention(&mut document, log_retention?)?,
        })
    })();
    let Some(config) = config else { return Err(document.into_problems()) };
    limits::check(&mut document, &config);
    document.finish(config)
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

    /// Whether a mail carries the secret.
    #[must_use]
    pub fn mail_is_delivery(&self) -> bool {
        self.policy.delivery == Delivery::Email
    }

    /// Whether an old key that is in use stays.
    #[must_use]
    pub fn waits_for_use(&self) -> bool {
        self.policy.still_in_use == StillInUse::Wait
    }
}
