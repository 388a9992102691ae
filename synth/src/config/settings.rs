//! The settings of rotation.yaml: their names, meanings, kinds and defaults, declared once.
//!
//! The reader and the JSON Schema both come from this table.

use lambda::{
    contract::{digest_frequency::Digest, language::Language, secret_prefix::SecretPrefix, user_tags::UserTags},
    delivery::secret_policy::Readers,
    model::{email::Email, kms_key::KmsKey, time::Span},
    protocol::policy::{DeleteAfter, Delivery, MaxWait, StillInUse},
};

use crate::cfn::resource::Architecture;

use crate::config::{
    dashboard::Dashboard,
    document::Document,
    entry::Entry,
    kms::{LogKey, TopicKey},
    recipients::Recipients,
    schedule::{ScheduleExpression, TimeZone},
    selector_setting::Exempt,
    setting::Setting,
    setting_type::Kind,
    stack_name::StackName,
    values::{LogRetention, Memory, RotateAfter, Timeout},
};

macro_rules! settings {
    ($($(#[doc = $doc:literal])+ $name:ident: $kind:ty $(= $default:literal)?, such as $($example:literal),+;)+) => {
        /// What was read: each setting, if it is right.
        #[derive(Debug)]
        pub(super) struct Given {
            $($(#[doc = $doc])+ pub(super) $name: Option<$kind>,)+
        }

        /// Every setting, in the order in which they are explained.
        pub(super) const SETTINGS: &[Setting] = &[$(Setting {
            name: stringify!($name),
            doc: concat!($($doc),+),
            default: settings!(@default $($default)?),
            examples: &[$($example),+],
            schema: <$kind as Kind>::schema,
            json: <$kind as Kind>::json,
        }),+];

        impl Given {
            /// Reads them all.
            pub(super) fn read(document: &mut Document<'_>) -> Self {
                let mut settings = SETTINGS.iter();
                $(let $name = settings.next().and_then(|setting| document.read(setting));)+
                Self { $($name),+ }
            }
        }
    };
    (@default) => { None };
    (@default $default:literal) => { Some($default) };
}

settings! {
    /// The IAM users whose access keys are rotated: names, each with its path if it has one; paths, for all below (/ci/, or / for
    /// everybody); or tags (tag:KEY=VALUE). A mapping says what holds for them alone: an owner, public keys, rotate_after, overlap
    users: Vec<Entry>, such as "[alice, /ci/deployer]", "[{name: /ci/deployer, owner: ops@example.com}]", "[{name: /ci/, rotate_after: 30d}, /ops/]", "['tag:rotate=yes']";
    /// Whose are not, although users means them: names, paths, tags, or groups (group:NAME)
    exempt: Exempt = "[]", such as "[]", "[alice, /people/, 'tag:rotate=no', 'group:admins']";
    /// Whether tags on a user say what holds for it (key-rotation:owner, key-rotation:rotate-after, key-rotation:overlap): ignored, or honoured. What
    /// counts first is the entry that names the user, then its tags, then the entry for its path or tag, then the settings for everybody
    user_tags: UserTags = "ignored", such as "ignored", "honoured";
    /// The administrators, who hear of every user; each address must confirm the mail that AWS sends it
    emails: Vec<Email>, such as "[security@example.com]";
    /// What the mails are written in
    language: Language = "en", such as "en", "ja";
    /// When the administrators get a run in one mail: always, after a run that changed something or found something wrong, or never
    digest: Digest = "changes", such as "always", "changes", "never";
    /// When to look: EventBridge Scheduler's rate(…), cron(…) or at(…)
    schedule: ScheduleExpression = "rate(1 day)", such as "rate(1 day)", "cron(0 9 ? * MON-FRI *)", "at(2027-01-31T09:00:00)";
    /// The time zone that the schedule means
    time_zone: TimeZone = "UTC", such as "UTC", "Asia/Tokyo", "Europe/Berlin";
    /// The age at which a key gets a successor
    rotate_after: RotateAfter = "60d", such as "30d", "60d", "90d";
    /// How long the old key works side by side with its successor; 0 deactivates it at once
    overlap: Span = "7d", such as "7d", "12h", "0";
    /// How long a deactivated key is kept in case somebody needs it back; next-rotation keeps it until its place is needed
    delete_after: DeleteAfter = "14d", such as "14d", "next-rotation";
    /// What happens to an old key that was used within the last overlap and a day: wait (and say so in each run), or retire it
    still_in_use: StillInUse = "wait", such as "wait", "retire";
    /// How long after the overlap to wait for a key that is still in use; then it is deactivated all the same
    wait_at_most: MaxWait = "forever", such as "forever", "30d";
    /// How long before a key is due its owner is told that it will be replaced; 0 for never
    warn_before: Span = "0", such as "7d", "0";
    /// Where a new secret goes: into Secrets Manager, or into the mail itself, as it is or encrypted to encrypt_to
    delivery: Delivery = "secrets-manager", such as "secrets-manager", "email", "email-encrypted";
    /// With delivery: email-encrypted, whose keys open the mails: age1…, or a line of an SSH public key file
    encrypt_to: Recipients = "[]", such as "[]", "[age1vfpk57vaw8jx4sgaw4tv94axf80tewtud0p7u8knafrzazd6xp8sl3ch5u]";
    /// The first part of the secrets' names, before a slash and the user's name
    secret_prefix: SecretPrefix = "access-key-rotation", such as "access-key-rotation", "team/keys";
    /// Roles and users, by ARN, who may read every secret, from each user's next rotation on; each user may read its own
    secret_readers: Readers = "[]", such as "[]", "[arn:aws:iam::111122223333:role/key-reader]";
    /// The KMS key that encrypts the secrets: aws/secretsmanager, which is AWS's own, or the ARN of yours
    secret_kms_key: KmsKey = "aws/secretsmanager", such as "aws/secretsmanager", "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    /// The stack's name, which its function and its schedule bear too
    stack_name: StackName = "access-key-rotation", such as "access-key-rotation";
    /// The processor that the function runs on
    architecture: Architecture = "arm64", such as "arm64", "x86_64";
    /// The function's memory in MiB
    memory: Memory = "128", such as "128", "256";
    /// How long one run may take
    timeout: Timeout = "10m", such as "10m";
    /// How long the function's log is kept
    log_retention: LogRetention = "90d", such as "90d", "365d";
    /// What its log is encrypted with: a key of CloudWatch Logs, or one of yours, whose policy lets CloudWatch Logs use it
    log_kms_key: LogKey = "aws-owned", such as "aws-owned", "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    /// What notices and alarms are encrypted with: a key that the stack makes, or one of yours, whose policy lets CloudWatch use it
    topic_kms_key: TopicKey = "own", such as "own", "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    /// Whether a CloudWatch dashboard shows how old the keys are
    dashboard: Dashboard = "none", such as "none", "fleet";
}
