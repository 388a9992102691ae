//! rotation.yaml: what the user wants, read and validated.
//!
//! The file is read in three steps. The YAML becomes a tree in which every value knows its place. Each setting becomes a typed
//! value. Then the rules between settings are checked. Every step continues after a problem, so that one run reports them all.
//! One table declares the settings and another one the rules; the JSON Schema and docs/configuration.md come from them too.

mod dashboard;
mod document;
mod email;
mod endpoint;
mod entry;
mod fields;
mod heartbeat;
mod invisible;
mod kms;
mod organization;
mod organization_ids;
mod organization_rules;
mod organization_setting;
mod pattern;
mod permissions_boundary;
mod principal;
mod problem;
mod recipients;
mod reserved_concurrency;
mod role_path;
mod rules;
mod schedule;
mod schedule_runs;
mod schema;
mod selection_summary;
mod selector_setting;
mod setting;
mod setting_type;
mod settings;
mod stack_name;
mod suggest;
mod tags;
mod tree;
mod values;
mod yaml_mistake;

use lambda::{
    contract::{
        account_name::AccountName,
        digest_frequency::DigestFrequency,
        endpoint::Endpoint,
        language::Language,
        list_scope::ListScope,
        permissions::{NoticeChannel, Permission, UsersLimit, permissions},
        resource_tags::ResourceTags,
        secret_prefix::SecretPrefix,
        selector::UserSelector,
        user_tags::UserTags,
    },
    delivery::{
        public_key::{PUBLIC_HALF, Recipient, private_key},
        secret_policy::Readers,
    },
    model::{email::Email, kms_key::KmsKey, time::Span},
    protocol::policy::{DeleteAfter, Policy},
};

pub use dashboard::Dashboard;
use document::ConfigDocument;
pub use entry::{ConfiguredUsers, FIELDS};
pub use heartbeat::MissedRunsWindow;
use invisible::invisible_character_problems;
pub use kms::{LogKey, TopicKey};
pub use organization::{Administrator, MemberAccounts, Organization};
pub use organization_ids::{OrganizationId, Region, UnitId};
pub use organization_setting::ORGANIZATION_FIELDS;
pub use permissions_boundary::PermissionsBoundary;
pub use problem::{Position, Problem, Problems};
pub use role_path::RolePath;
use rules::CONSTRAINTS;
pub(crate) use rules::SPREAD;
pub use rules::{Constraint, Severity};
pub use schedule::{ScheduleExpression, TimeZone};
pub use schedule_runs::ScheduleRuns;
pub use schema::schema;
pub use setting::{Group, Setting};
use setting_type::SameAs;
use settings::{Given, SETTINGS};
pub use stack_name::{ARTIFACTS, MEMBER, StackName};
pub(crate) use values::SHORTEST_TIMEOUT;

use crate::cfn::resource::Architecture;

/// A configuration that can be deployed.
#[derive(Debug, Clone)]
pub struct Config {
    /// The name of the stack, of its function and of its schedule.
    pub stack_name: StackName,
    /// Which users are selected, and the settings that are overridden for some of them.
    pub users: Vec<ConfiguredUsers>,
    /// The users to exclude, even if `users` selects them.
    pub exempt: Vec<UserSelector>,
    /// Whether tags on a user override settings for this user.
    pub user_tags: UserTags,
    /// The administrators: they get the digest, and the notices about users without a confirmed owner.
    pub emails: Vec<Email>,
    /// The endpoints that get every notice as JSON, and never a secret.
    pub notify: Vec<Endpoint>,
    /// The language of the mails.
    pub language: Language,
    /// The name of the account in notices and on screens, beside its id.
    pub account_name: AccountName,
    /// When the administrators get one mail that sums up a run.
    pub digest: DigestFrequency,
    /// When the handler runs.
    pub schedule: ScheduleExpression,
    /// The time zone of the schedule.
    pub time_zone: TimeZone,
    /// When a key is replaced, how long its predecessor stays, and how a secret is delivered.
    pub policy: Policy,
    /// The public keys that mails with a secret are encrypted to. Empty unless the delivery is by encrypted mail.
    pub encrypt_to: Vec<Recipient>,
    /// The first part of the names of the secrets.
    pub secret_prefix: SecretPrefix,
    /// The principals that may read every secret. The user of a secret may read it in any case.
    pub secret_readers: Readers,
    /// The key that encrypts the secrets.
    pub secret_kms_key: KmsKey,
    /// The processor architecture of the function.
    pub architecture: Architecture,
    /// The memory of the function, in MiB.
    pub memory: u32,
    /// The time limit of a run.
    pub timeout: Span,
    /// How long the log of the function is kept, in days.
    pub log_retention_days: u32,
    /// The key that encrypts the log.
    pub log_key: LogKey,
    /// The key that encrypts the topics.
    pub topic_key: TopicKey,
    /// Which dashboard the stack has, if any.
    pub dashboard: Dashboard,
    /// The accounts of an organization that get a stack of their own. `None`: the stack rotates keys of its own account.
    pub organization: Option<Organization>,
    /// The tags of the stack's resources, of the artifact bucket and of the secrets.
    pub tags: ResourceTags,
    /// The permissions boundary of the stack's roles.
    pub permissions_boundary: PermissionsBoundary,
    /// The path of the stack's roles.
    pub role_path: RolePath,
    /// How many runs at once are reserved for the function. `None`: AWS shares what the account has.
    pub reserved_concurrency: Option<u32>,
}

/// The settings that the command line gives in place of the file's.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// Overrides `users`. An entry that is also in the file keeps its settings.
    pub users: Option<Vec<ConfiguredUsers>>,
    /// Overrides `emails`.
    pub emails: Option<Vec<Email>>,
    /// Overrides `architecture`.
    pub architecture: Option<Architecture>,
}

/// A configuration, and warnings about it.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The configuration.
    pub config: Config,
    /// What may not be what the author wants. Each has its place in the file.
    pub warnings: Vec<Problem>,
}

/// Every setting, in the order of the groups.
#[must_use]
pub const fn settings() -> &'static [Setting] {
    SETTINGS
}

/// Every rule between settings.
#[must_use]
pub const fn constraints() -> &'static [Constraint] {
    CONSTRAINTS
}

/// Reads a configuration.
///
/// # Errors
/// [`Problems`]: every problem that was found, in the order of the file.
pub fn read(text: &str, overrides: Overrides) -> Result<Checked, Problems> {
    checked(text, overrides).map_err(|problems| {
        // Such a character is the cause of most other problems, and no message about them would show it.
        let invisible = invisible_character_problems(text);
        if invisible.is_empty() { problems } else { Problems::new(invisible) }
    })
}

fn checked(text: &str, overrides: Overrides) -> Result<Checked, Problems> {
    let overridden = [
        ("users", overrides.users.is_some()),
        ("emails", overrides.emails.is_some()),
        ("architecture", overrides.architecture.is_some()),
    ];
    let overridden = overridden.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect();
    // Whatever else is wrong can wait: every message about the file could repeat a part of the key.
    if let Some(at) = private_key(text) {
        return Err(Problem::behind(&text[..at], "the file contains a private key", PUBLIC_HALF).into());
    }
    let mut document = ConfigDocument::parse(text, SETTINGS, overridden)?;
    let mut given = Given::read(&mut document);
    given.users = overrides.users.map(|named| with_settings_of_the_file(named, text)).or(given.users);
    given.emails = overrides.emails.or(given.emails);
    given.architecture = overrides.architecture.or(given.architecture);
    rules::check(&mut document, &given);
    let warnings = document.finish()?;
    let config = given.complete().ok_or_else(|| Problems::new(Vec::new()))?;
    Ok(Checked { config, warnings })
}

/// The users of the command line. An entry that is also in the file keeps the settings that it has there.
fn with_settings_of_the_file(named: Vec<ConfiguredUsers>, text: &str) -> Vec<ConfiguredUsers> {
    let file = ConfigDocument::parse(text, SETTINGS, Vec::new())
        .ok()
        .and_then(|mut document| Given::read(&mut document).users);
    let entry =
        |entry: ConfiguredUsers| match file.iter().flatten().find(|other| other.selector.same_as(&entry.selector)) {
            Some(other) => ConfiguredUsers { selector: entry.selector, ..other.clone() },
            None => entry,
        };
    named.into_iter().map(entry).collect()
}

impl Given {
    /// The configuration. `None` if a setting is wrong or missing.
    fn complete(self) -> Option<Config> {
        Some(Config {
            stack_name: self.stack_name?,
            users: self.users?,
            exempt: self.exempt?.0,
            user_tags: self.user_tags?,
            emails: self.emails?,
            notify: self.notify?.0,
            language: self.language?,
            account_name: self.account_name?,
            digest: self.digest?,
            schedule: self.schedule?,
            time_zone: self.time_zone?,
            policy: Policy {
                rotate_after: self.rotate_after?.0,
                overlap: self.overlap?,
                delete_after: self.delete_after?,
                still_in_use: self.still_in_use?,
                wait_at_most: self.wait_at_most?,
                disabled_users: self.disabled_users?,
                unused_after: self.unused_after?,
                unconfirmed_recipients: self.unconfirmed_recipients?,
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
            organization: self.organization?.0,
            tags: self.tags?,
            permissions_boundary: self.permissions_boundary?,
            role_path: self.role_path?,
            reserved_concurrency: self.reserved_concurrency?.0,
        })
    }
}

impl Config {
    /// The time between two runs. `None` if the schedule is not a `rate(…)`.
    #[must_use]
    pub fn period(&self) -> Option<Span> {
        self.schedule.period()
    }

    /// The recovery window: the shortest time that a deactivated key is kept.
    #[must_use]
    pub fn window(&self) -> Span {
        match self.policy.delete_after {
            DeleteAfter::NextRotation => Span::ZERO,
            DeleteAfter::Window(window) => window,
        }
    }

    /// Whether the handler must list the users of the whole account to find the selected ones.
    #[must_use]
    pub fn list_scope(&self) -> ListScope {
        ListScope::of(self.users.iter().map(|entry| &entry.selector), &self.exempt, self.user_tags)
    }

    /// The permissions that the handler needs with this configuration. With an organization, its members have the handler.
    #[must_use]
    pub fn permissions(&self) -> Vec<Permission> {
        let is_tag = |entry: &ConfiguredUsers| matches!(entry.selector, UserSelector::Tag(_));
        let limit = if self.users.iter().any(is_tag) { UsersLimit::Tag } else { UsersLimit::Arns };
        let channel = if self.organization.is_some() { NoticeChannel::EventBus } else { NoticeChannel::Topic };
        permissions(&self.policy, &self.secret_kms_key, self.list_scope(), limit, channel)
    }

    /// Whether the mail contains the secret.
    #[must_use]
    pub fn mail_is_delivery(&self) -> bool {
        self.policy.delivery.is_mail()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_of_the_command_line_keeps_its_settings_of_the_file() {
        let text = "users: [{name: alice, owner: o@b.co}, bob, {name: /ci/, overlap: 1d}]\nemails: [a@b.co]\n";
        let users = ["/ci/Alice", "carol", "/ci/"].map(|user| user.parse().unwrap()).into();
        let read = read(text, Overrides { users: Some(users), ..Overrides::default() }).unwrap();
        let members: Vec<_> = read.config.users.iter().map(|entry| entry.member().to_string()).collect();
        assert_eq!(members, ["/ci/Alice;owner=o@b.co", "carol", "/ci/;overlap=1d"]);
    }
}
