//! The settings of rotation.yaml: their names, meanings, types and defaults, declared once.
//!
//! The reader, the JSON Schema and docs/configuration.md all come from this table. The first sentence of a meaning is its
//! summary: the page's contents and the message about a missing setting repeat it. Backticks are for the page; the schema
//! and messages leave them out.

use lambda::{
    contract::{
        account_name::AccountName, digest_frequency::DigestFrequency, endpoint::Endpoint, language::Language,
        resource_tags::ResourceTags, secret_prefix::SecretPrefix, selector::UserSelector, user_tags::UserTags,
    },
    delivery::{public_key::Recipient, secret_policy::Readers},
    model::{email::Email, kms_key::KmsKey, time::Span},
    protocol::policy::{DeleteAfter, Delivery, DisabledUsers, MaxWait, StillInUse, UnconfirmedRecipients, UnusedAfter},
};

use crate::cfn::resource::Architecture;

use crate::config::{
    dashboard::Dashboard,
    document::ConfigDocument,
    entry::ConfiguredUsers,
    kms::{LogKey, TopicKey},
    organization_setting::OrganizationSetting,
    permissions_boundary::PermissionsBoundary,
    reserved_concurrency::ReservedConcurrency,
    role_path::RolePath,
    schedule::{ScheduleExpression, TimeZone},
    setting::{Group, Setting},
    setting_type::{AnyNumber, SettingType},
    stack_name::StackName,
    values::{LogRetention, Memory, RotateAfter, Timeout},
};

macro_rules! settings {
    ($($group:ident {
        $($(#[doc = $doc:literal])+ $name:ident: $kind:ty $(= $default:literal)?, such as $($example:literal),+;)+
    })+) => {
        /// The values that were read. A setting with a wrong value is `None`.
        #[derive(Debug)]
        pub(super) struct Given {
            $($($(#[doc = $doc])+ pub(super) $name: Option<$kind>,)+)+
        }

        /// Every setting, in the order in which it is explained.
        pub(super) const SETTINGS: &[Setting] = &[$($(Setting {
            name: stringify!($name),
            group: Group::$group,
            doc: concat!($($doc),+),
            default: settings!(@default $($default)?),
            examples: &[$($example),+],
            schema: <$kind as SettingType>::schema,
            json: <$kind as SettingType>::json,
            allowed: <$kind as SettingType>::allowed,
        }),+),+];

        impl Given {
            /// Reads every setting; a wrong or missing value becomes a problem of the document.
            pub(super) fn read(document: &mut ConfigDocument<'_>) -> Self {
                let mut settings = SETTINGS.iter();
                $($(let $name = settings.next().and_then(|setting| document.read(setting));)+)+
                Self { $($($name),+),+ }
            }
        }
    };
    (@default) => { None };
    (@default $default:literal) => { Some($default) };
}

settings! {
    Users {
        /// The IAM users to rotate access keys for. An entry is a name, with the user's path if it has one (`/ci/deployer`); a path,
        /// for every user below it (`/ci/`; `/` for all users); or a tag (`tag:KEY=VALUE`). An entry can also be a mapping with
        /// settings for the users that it selects.
        users: Vec<ConfiguredUsers>, such as "[alice, /ci/deployer]", "[{name: /ci/deployer, owner: ops@example.com}]", "[{name: /ci/, rotate_after: 30d}, /ops/]", "['tag:rotate=yes']";
        /// Users to exclude, even if `users` selects them. An entry is a name, a path, a tag or a group (`group:NAME`). The handler
        /// skips these users.
        exempt: AnyNumber<UserSelector> = "[]", such as "[]", "[alice, /people/, 'tag:rotate=no', 'group:admins']";
        /// Whether tags on an IAM user override settings for this user. `ignored`: they do not. `honoured`: the tags
        /// `key-rotation:owner`, `key-rotation:rotate-after` and `key-rotation:overlap` do. The owner must be an address that this
        /// file contains. If the handler does not understand a tag, it skips the user and reports that it needs attention.
        user_tags: UserTags = "ignored", such as "ignored", "honoured";
    }
    Notices {
        /// The addresses of the administrators. They get the digest of a run, alarms, and the notices about users without a confirmed
        /// owner. Each address must confirm two mails from AWS: one for notices, one for alarms. With a delivery by mail, the
        /// administrators also get the new keys of users without an owner.
        emails: Vec<Email>, such as "[security@example.com]", "[security@example.com, ops@example.com]";
        /// Queues, functions and web servers that get every notice as a JSON document, and never a secret: the ARN of an SQS
        /// queue or of a Lambda function, or a URL with `https`. A function must be in the stack's account. The policy of a queue
        /// must let the stack's topic send to it, and a URL must confirm its subscription (docs/notices.md). If one of them is
        /// confirmed, a user counts as notified.
        notify: AnyNumber<Endpoint> = "[]", such as "[]", "['arn:aws:sqs:eu-west-1:111122223333:key-events', 'https://hooks.example.com/keys']";
        /// The language of the mails. `en`: English. `ja`: Japanese.
        language: Language = "en", such as "en", "ja";
        /// The name of the account in notices and on screens, beside its id: for example its alias. `none`: only the id is shown.
        /// AWS does not check the name.
        account_name: AccountName = "none", such as "none", "payments-prod";
        /// When the administrators get one mail that sums up a run. The notices about a user with a confirmed owner go only to the
        /// owner, and this mail lists them. `always`: after each run. `changes`: after a run that changed something or found something
        /// wrong. `never`: only if a user with a confirmed owner failed or needs attention, or if the list of subscriptions could not be
        /// read.
        digest: DigestFrequency = "changes", such as "always", "changes", "never";
        /// What scheduled runs do for a user if neither its owner nor an administrator has confirmed a subscription. `hold`: the user
        /// waits. Its keys are not replaced, deactivated or deleted, and warnings wait too. What a person orders with `make rotate` or
        /// `make revoke` is done. `proceed`: users do not wait. This is for workloads that fetch their keys by themselves. With a
        /// delivery by mail, a key still waits for the address that would get it.
        unconfirmed_recipients: UnconfirmedRecipients = "hold", such as "hold", "proceed";
    }
    Schedule {
        /// When the handler runs, as an expression of EventBridge Scheduler: `rate(…)`, `cron(…)` or `at(…)`. Each run does what is
        /// due at that time. So let it run daily, and let `rotate_after` decide when a key is replaced.
        schedule: ScheduleExpression = "rate(1 day)", such as "rate(1 day)", "cron(0 9 ? * MON-FRI *)", "at(2027-01-31T09:00:00)";
        /// The time zone of `schedule`.
        time_zone: TimeZone = "UTC", such as "UTC", "Asia/Tokyo", "Europe/Berlin";
    }
    Life {
        /// The age at which a key gets a successor. The first run at or after this age creates it.
        rotate_after: RotateAfter = "60d", such as "30d", "60d", "90d";
        /// How long the old key stays active after its successor was delivered. Both keys work in this time, and a workload must
        /// fetch its new key within it. `0`: the run that delivers the successor deactivates the old key.
        overlap: Span = "7d", such as "7d", "12h", "0";
        /// The recovery window: how long a deactivated key is kept, for undo. Then it is deleted. `next-rotation`: it is kept until
        /// the next rotation needs its place in the quota. `0`: there is no recovery window.
        delete_after: DeleteAfter = "14d", such as "14d", "next-rotation", "0";
        /// What happens to an old key that is still used when the overlap ends. `wait`: it stays active until it was unused for a day
        /// more than `overlap`, two days at least, and each run reports what uses it. `retire`: it is deactivated anyway.
        still_in_use: StillInUse = "wait", such as "wait", "retire";
        /// How long after the overlap the handler waits for an old key that is still in use. Then it deactivates the key anyway.
        /// `forever`: there is no limit. It has an effect only with `still_in_use: wait`.
        wait_at_most: MaxWait = "forever", such as "forever", "30d";
        /// What happens to a user with only inactive keys. `skip`: the user is reported, and none of its keys is touched: an
        /// administrator may have deactivated them on purpose. `replace`: the user gets a new active key.
        disabled_users: DisabledUsers = "skip", such as "skip", "replace";
        /// How long an active key may be unused. After this time it is deactivated, and its user gets no new key. The owner and the
        /// administrators are notified `overlap` before, but at least 7 days. `never`: no key is deactivated for this reason. `45d` is
        /// the limit of CIS (1.12) and Security Hub (IAM.22).
        unused_after: UnusedAfter = "never", such as "never", "45d";
        /// How long before the rotation of a key the owner and the administrators are notified. `0`: there is no such notice.
        warn_before: Span = "7d", such as "7d", "0";
    }
    Delivery {
        /// How a new key is delivered. `secrets-manager`: in a secret of the user in Secrets Manager; the mail only names the secret.
        /// `email`: in the mail, in plain text. `email-encrypted`: in the mail, encrypted to the public keys in `encrypt_to`. A mail
        /// with a key goes to the owner of the user; if the user has no owner, it goes to the administrators.
        delivery: Delivery = "secrets-manager", such as "secrets-manager", "email", "email-encrypted";
        /// The public keys that can open the mails with new keys. They are only for `delivery: email-encrypted`. A user that is named
        /// in `users` can have public keys of its own there, which replace these.
        encrypt_to: AnyNumber<Recipient> = "[]", such as "[]", "[age1vfpk57vaw8jx4sgaw4tv94axf80tewtud0p7u8knafrzazd6xp8sl3ch5u]";
        /// The first part of the names of the secrets. A slash and the user's name follow. The function's role can write only the
        /// secrets below this prefix.
        secret_prefix: SecretPrefix = "access-key-rotation", such as "access-key-rotation", "team/keys";
        /// IAM roles and users, by ARN, that may read the secret of every user. Each user may read its own secret in any case. A
        /// change takes effect for each user with the next rotation of its key.
        secret_readers: Readers = "[]", such as "[]", "[arn:aws:iam::111122223333:role/key-reader]";
        /// The KMS key that encrypts the secrets. `aws/secretsmanager` is the key that AWS manages. The policy of a key of your own
        /// must let the users and `secret_readers` decrypt with it.
        secret_kms_key: KmsKey = "aws/secretsmanager", such as "aws/secretsmanager", "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    }
    Stack {
        /// The name of the stack, of its function and of its schedule. The names of the alarms begin with it. Each stack of an
        /// account and Region needs another name.
        stack_name: StackName = "access-key-rotation", such as "access-key-rotation", "ci-key-rotation";
        /// The processor architecture of the function. `arm64` or `x86_64`; the package must be built for it.
        architecture: Architecture = "arm64", such as "arm64", "x86_64";
        /// The memory of the function, in MiB.
        memory: Memory = "128", such as "128", "256";
        /// How long one run may take. A run starts no rotation shortly before this time is over; the next run does it.
        timeout: Timeout = "10m", such as "10m", "15m";
        /// How long the log of the function is kept.
        log_retention: LogRetention = "90d", such as "90d", "365d";
        /// The KMS key that encrypts the log of the function. `aws-owned` is a key of CloudWatch Logs. The policy of a key of your own
        /// must let CloudWatch Logs use it.
        log_kms_key: LogKey = "aws-owned", such as "aws-owned", "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        /// The KMS key that encrypts notices and alarms. `own`: the stack creates a key, which costs $1 a month. The policy of another
        /// key must let `cloudwatch.amazonaws.com` use it; otherwise alarms are lost.
        topic_kms_key: TopicKey = "own", such as "own", "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        /// Whether a CloudWatch dashboard shows the ages of the keys. `none`: there is no dashboard. `fleet`: there is one. Three
        /// dashboards of an account are free; each further one costs $3 a month.
        dashboard: Dashboard = "none", such as "none", "fleet";
        /// How many runs at once are reserved for the function; it can have no more. `none`: nothing is reserved. AWS refuses a
        /// reservation that leaves fewer than 100 for the other functions of the account and Region. A new account has fewer than
        /// that, so it can reserve nothing. With `1`, a run that a person starts waits or fails while another one is at work.
        reserved_concurrency: ReservedConcurrency = "none", such as "none", "2";
    }
    Organization {
        /// The accounts of an AWS organization that get a stack of their own, through a StackSet. Each stack rotates the keys of its
        /// own account. The stack of the administering account sends all mails. `none`: the stack rotates the keys of its own
        /// account, and there is no other stack.
        organization: OrganizationSetting = "none", such as "none", "{id: o-abcdefghij, region: eu-west-1, units: [ou-abcd-11112222]}", "{id: o-abcdefghij, region: eu-west-1, units: [r-abcd], exclude: ['444455556666'], first: '111122223333'}";
    }
    Company {
        /// The tags of every resource of the stack that can have tags, of the artifact bucket, and of the secrets that the function
        /// creates. A secret gets them when it is created, so a change does not reach secrets that exist. AWS adds tags of its own,
        /// which name the stack.
        tags: ResourceTags = "{}", such as "{}", "{team: payments, cost-centre: '4711'}";
        /// The managed policy that limits every role of the stack. `none`: the roles have no permissions boundary. The policy must
        /// be in the stack's account, and must allow what the roles do. With `organization`, each account must have a policy with
        /// this name and path.
        permissions_boundary: PermissionsBoundary = "none", such as "none", "arn:aws:iam::111122223333:policy/boundary";
        /// The path of every role of the stack. `/`: the roles have no path. CloudFormation replaces the roles if the path changes.
        role_path: RolePath = "/", such as "/", "/service/rotation/";
    }
}
