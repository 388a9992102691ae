//! What the tests of this folder share: a policy and the settings around it.
#![allow(dead_code)] // Each test file uses its own part.

use lambda::{
    contract::{
        account_name::AccountName, digest_frequency::DigestFrequency, language::Language,
        organization_link::OrganizationLink, resource_tags::ResourceTags, settings::Settings, user_tags::UserTags,
    },
    delivery::{public_key::Recipients, secret_policy::Readers},
    model::{kms_key::KmsKey, time::Span},
    protocol::policy::{
        DeleteAfter, Delivery, DisabledUsers, MaxWait, Policy, StillInUse, UnconfirmedRecipients, UnusedAfter,
    },
};

/// The policy of rotation.yaml, without the warning.
pub(crate) fn careful() -> Policy {
    Policy {
        rotate_after: Span::days(60),
        overlap: Span::days(7),
        delete_after: DeleteAfter::Window(Span::days(14)),
        still_in_use: StillInUse::Wait,
        wait_at_most: MaxWait::Forever,
        unused_after: UnusedAfter::Never,
        unconfirmed_recipients: UnconfirmedRecipients::Hold,
        disabled_users: DisabledUsers::Skip,
        delivery: Delivery::SecretsManager,
        warn_before: Span::ZERO,
    }
}

/// The policy of the published article.
pub(crate) fn article() -> Policy {
    Policy {
        rotate_after: Span::minutes(1),
        overlap: Span::ZERO,
        delete_after: DeleteAfter::NextRotation,
        still_in_use: StillInUse::Retire,
        unused_after: UnusedAfter::Never,
        unconfirmed_recipients: UnconfirmedRecipients::Hold,
        disabled_users: DisabledUsers::Replace,
        wait_at_most: MaxWait::Forever,
        delivery: Delivery::Email,
        warn_before: Span::ZERO,
    }
}

/// The settings as a member of an organization has them, in the account 111122223333. The topic is in another account.
pub(crate) fn of_member(settings: Settings) -> Settings {
    let bus = "arn:aws:events:eu-west-1:123456789012:event-bus/keys".parse().unwrap();
    Settings { organization: Some(OrganizationLink { bus, account: "111122223333".parse().unwrap() }), ..settings }
}

/// Settings for these users, separated by spaces.
pub(crate) fn settings(users: &str, policy: Policy) -> Settings {
    Settings {
        users: users.split_ascii_whitespace().map(|word| word.parse().unwrap()).collect(),
        elsewhere: Vec::new(),
        exempt: Vec::new(),
        user_tags: UserTags::Ignored,
        policy,
        language: Language::English,
        account_name: AccountName::None,
        digest: DigestFrequency::Changes,
        administrators: vec!["security@example.com".parse().unwrap()],
        endpoints: Vec::new(),
        topic: "arn:aws:sns:eu-west-1:123456789012:keys".parse().unwrap(),
        organization: None,
        encrypt_to: Recipients::default(),
        secret_prefix: "keys".parse().unwrap(),
        secret_readers: Readers::default(),
        secret_kms_key: KmsKey::AwsManaged,
        secret_tags: ResourceTags::default(),
    }
}
