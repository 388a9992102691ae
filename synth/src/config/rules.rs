//! The rules between settings: declared once, for the reader and for docs/configuration.md.
//!
//! A rule is checked as soon as each of its settings is right by itself, even if other settings are wrong.

use std::collections::BTreeSet;

use lambda::{
    contract::{
        account_name::AccountName,
        digest_frequency::DigestFrequency,
        endpoint::EndpointKind,
        selector::{UserSelector, UserTag},
        user_tags::UserTags,
    },
    model::{
        arn::ArnParts,
        email::Email,
        kms_key::{KmsKey, KmsKeyArn},
        principal::PrincipalArn,
        time::Span,
    },
    protocol::{
        journal,
        policy::{DeleteAfter, Delivery, Policy, StillInUse, UnusedAfter},
    },
    report::metrics::AUDITORS_LIMIT,
};

use crate::config::{
    document::ConfigDocument,
    entry::ConfiguredUsers,
    heartbeat::MissedRunsWindow,
    kms::{LogKey, TopicKey},
    organization::{MemberAccounts, Organization},
    setting_type::AnyNumber,
    settings::Given,
};

/// A rule between settings.
#[derive(Debug)]
pub struct Constraint {
    /// The settings that it is about.
    pub settings: &'static [&'static str],
    /// Whether the reader refuses a file that breaks it, or only warns.
    pub severity: Severity,
    /// What it demands and why, in one or two sentences; names and values stand in backticks.
    pub text: &'static str,
    check: fn(&mut ConfigDocument<'_>, &Given) -> Option<()>,
}

/// What the reader does about a file that breaks a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// It refuses the file.
    Error,
    /// It warns, because the file may still be what its author wants.
    Warning,
}

/// Every rule between settings, in the order in which they are checked.
pub(super) const CONSTRAINTS: &[Constraint] = &[
    Constraint {
        settings: &["users"],
        severity: Severity::Error,
        text: "Tags in `users` must all have the same key, and a list with a tag must have no name and no path: one condition \
               on one tag limits the role.",
        check: one_condition_limits_the_role,
    },
    Constraint {
        settings: &["exempt", "users"],
        severity: Severity::Error,
        text: "An entry of `exempt` must not exclude all users that an entry of `users` selects.",
        check: each_entry_selects_some_users,
    },
    Constraint {
        settings: &["users", "exempt"],
        severity: Severity::Error,
        text: "The key of a tag in `users` or `exempt` must not begin with `access-key-rotation:`, because the handler may \
               write such tags.",
        check: the_handler_cannot_write_selected_tags,
    },
    Constraint {
        settings: &["users", "exempt"],
        severity: Severity::Warning,
        text: "A comma does not separate entries of `users` or `exempt`, because the name of an IAM user can contain one.",
        check: a_comma_is_a_part_of_a_name,
    },
    Constraint {
        settings: &["user_tags", "delivery"],
        severity: Severity::Warning,
        text: "With `user_tags: honoured` and a delivery by mail, a person who may tag a user decides which address gets the \
               new key of this user.",
        check: taggers_are_trusted,
    },
    Constraint {
        settings: &["rotate_after", "overlap", "delete_after"],
        severity: Severity::Error,
        text: "`rotate_after` must be at least `overlap` + `delete_after` (with `next-rotation`: at least `overlap`), because \
               IAM allows two keys per user.",
        check: old_key_is_gone_in_time,
    },
    Constraint {
        settings: &["users", "delete_after"],
        severity: Severity::Error,
        text: "If an entry of `users` overrides `rotate_after` or `overlap`, its `rotate_after` must still be at least its \
               `overlap` + `delete_after`.",
        check: each_old_key_is_gone_in_time,
    },
    Constraint {
        settings: &["unused_after", "rotate_after", "users"],
        severity: Severity::Error,
        text: "`unused_after` must be less than `rotate_after` and than each `rotate_after` in `users`. Otherwise a rotation \
               replaces an unused key before it is deactivated.",
        check: an_unused_key_is_not_replaced_first,
    },
    Constraint {
        settings: &["schedule", "timeout"],
        severity: Severity::Error,
        text: "The period of a `rate(…)` schedule must be at least `timeout`, so that runs do not overlap.",
        check: runs_do_not_overlap,
    },
    Constraint {
        settings: &["overlap", "still_in_use"],
        severity: Severity::Warning,
        text: "With `overlap: 0`, `still_in_use: wait` has almost no effect: the old key is deactivated before a use of it \
               can be seen.",
        check: waiting_has_an_effect,
    },
    Constraint {
        settings: &["rotate_after", "overlap", "schedule", "still_in_use", "users"],
        severity: Severity::Warning,
        text: "`rotate_after` + `overlap` + the period of a `rate(…)` schedule should be at most 90 days, which auditors \
               demand (CIS, Security Hub IAM.3). With `still_in_use: wait`, a day more than `overlap` is added, two days at \
               least.",
        check: keys_stay_below_the_auditors_limit,
    },
    Constraint {
        settings: &["schedule"],
        severity: Severity::Warning,
        text: "A schedule should fire at least every three and a half days. Otherwise no alarm tells that the runs have \
               stopped, because CloudWatch looks back 7 days at most.",
        check: runs_are_watched,
    },
    Constraint {
        settings: &["warn_before", "rotate_after"],
        severity: Severity::Error,
        text: "`warn_before` must be less than `rotate_after`.",
        check: a_warning_comes_before_the_rotation,
    },
    Constraint {
        settings: &["warn_before", "schedule"],
        severity: Severity::Warning,
        text: "`warn_before` should be at least the period of a `rate(…)` schedule. Otherwise most keys are replaced without \
               a warning.",
        check: some_run_warns,
    },
    Constraint {
        settings: &["secret_readers", "secret_kms_key", "delivery"],
        severity: Severity::Warning,
        text: "`secret_readers` and `secret_kms_key` have an effect only with `delivery: secrets-manager`.",
        check: settings_of_secrets_are_used,
    },
    Constraint {
        settings: &["secret_readers", "secret_kms_key", "organization"],
        severity: Severity::Warning,
        text: "Readers in another account than the secret's need a `secret_kms_key` of your own. They cannot use \
               `aws/secretsmanager`.",
        check: readers_can_decrypt,
    },
    Constraint {
        settings: &["encrypt_to", "users", "delivery"],
        severity: Severity::Error,
        text: "Public keys are for `delivery: email-encrypted` only. With it, each user needs one: in its entry of `users` or \
               in `encrypt_to`.",
        check: every_mail_can_be_opened,
    },
    Constraint {
        settings: &["emails", "users", "notify"],
        severity: Severity::Error,
        text: "`emails`, the owners in `users` and `notify` can be 200 different addresses and endpoints at most: an SNS topic \
               takes no more.",
        check: addresses_fit_the_topic,
    },
    Constraint {
        settings: &["users", "delivery"],
        severity: Severity::Warning,
        text: "With `delivery: email`, either all users should have an owner or none. Otherwise the administrators get the \
               new keys of the users without one.",
        check: secrets_have_owners,
    },
    Constraint {
        settings: &["organization", "delivery"],
        severity: Severity::Error,
        text: "With `organization`, the delivery must be `secrets-manager`. Mails would collect the keys of all accounts in one \
               place.",
        check: secrets_stay_in_their_accounts,
    },
    Constraint {
        settings: &["users", "organization"],
        severity: Severity::Error,
        text: "With `organization`, an entry of `users` that names a user must have an `account`, which `organization` selects. \
               Without `organization`, no entry can have one.",
        check: named_users_have_accounts,
    },
    Constraint {
        settings: &["organization"],
        severity: Severity::Error,
        text: "`first` must be an account that `accounts` and `exclude` select, and not the only one in `accounts`.",
        check: the_first_account_is_selected,
    },
    Constraint {
        settings: &["organization", "stack_name"],
        severity: Severity::Error,
        text: "With `organization`, `stack_name` can have 54 characters at most, because the names in the other stacks are \
               longer.",
        check: longer_names_fit,
    },
    Constraint {
        settings: &["organization", "schedule", "timeout"],
        severity: Severity::Error,
        text: "With `organization`, the period of a `rate(…)` schedule must be at least an hour more than `timeout`. Each run \
               starts at a random time within an hour.",
        check: spread_runs_do_not_overlap,
    },
    Constraint {
        settings: &["organization", "digest"],
        severity: Severity::Error,
        text: "With `organization`, `digest` cannot be `always`. Each account would cause a mail after each run.",
        check: quiet_accounts_cause_no_mail,
    },
    Constraint {
        settings: &["organization", "tags"],
        severity: Severity::Error,
        text: "With `organization`, the key of a tag cannot contain `@`, because StackSets refuse it.",
        check: stack_sets_take_the_tags,
    },
    Constraint {
        settings: &["organization", "account_name"],
        severity: Severity::Error,
        text: "With `organization`, `account_name` cannot be set, because mails are about many accounts.",
        check: one_name_is_not_for_all_accounts,
    },
    Constraint {
        settings: &["organization", "secret_kms_key", "log_kms_key", "topic_kms_key", "notify"],
        severity: Severity::Error,
        text: "With `organization`, the KMS keys and the functions in `notify` must be in `organization.region`. AWS uses a \
               key only in its own Region, and the stack creates the permission to invoke a function.",
        check: arns_are_in_the_region,
    },
    Constraint {
        settings: &["organization", "log_kms_key"],
        severity: Severity::Warning,
        text: "With `organization`, the policy of a `log_kms_key` must let CloudWatch Logs of every account use the key.",
        check: each_account_can_use_the_log_key,
    },
];

/// The longest time by which a run in an account of an organization starts later than its schedule says.
pub(crate) const SPREAD: Span = Span::minutes(60);

/// The longest name of a stack with an organization: `-publisher` follows in the name of a function, which has 64 characters at
/// most.
const LONGEST_STACK_NAME: usize = 64 - "-publisher".len();

pub(super) fn check(document: &mut ConfigDocument<'_>, given: &Given) {
    for constraint in CONSTRAINTS {
        document.check(constraint.settings);
        (constraint.check)(document, given);
    }
}

/// The first few of a list.
fn few(words: &[String]) -> String {
    let shown = &words[..words.len().min(3)];
    shown.join(", ") + if words.len() > shown.len() { ", …" } else { "" }
}

/// A tag limits the role by a condition on all users, a name or a path by the ARN. The role can have one of them, not both.
fn one_condition_limits_the_role(document: &mut ConfigDocument<'_>, given: &Given) -> Option<()> {
    const ANOTHER_STACK: &str = "one condition on one tag limits the role: give the others a stack of their own (another \
                                 configuration with its own stack_name), or tag them too";
    let tag = |entry: &ConfiguredUsers| match &entry.selector {
        UserSelector::Tag(tag) => Some(tag.clone()),
        _ => None,
    };
    let tags: Vec<_> = given.users.as_ref()?.iter().map(tag).collect();
    let first = tags.iter().flatten().next()?;
    let is_other = |tag: &Option<UserTag>| tag.as_ref().is_none_or(|tag| !tag.key.eq_ignore_ascii_case(&first.key));
    let index = tags.iter().position(is_other)?;
    let message = match &tags[index] {
        Some(other) => format!("users selects by tags of two keys, {} and {}", first.key, other.key),
        None => "users selects some users by tag and others by name or path".to_owned(),
    };
    document.error_at(("users", index), &[], message, ANOTHER_STACK);
    Some(())
}

/// An entry that is exempt as a whole is a contradiction, and not a way to pause the rotation.
fn each_entry_selects_some_users(document: &mut ConfigDocument<'_>, given: &Given) -> Option<()> {
    let (users, AnyNumber(exempt)) = (given.users.as_ref()?, given.exempt.as_ref()?);
    for (index, who) in exempt.iter().enumerate() {
        let gone: Vec<_> =
            users.iter().filter(|entry| who.contains(&entry.selector)).map(ConfiguredUsers::called).collect();
        if !gone.is_empty() {
            document.error_at(
                ("exempt", index),
                &[("users", String::new())],
                format!("{who} in exempt excludes every user that {} in users selects", few(&gone)),
                "remove one of the two entries",
            );
        }
    }
    Some(())
}

/// The selectors of `users` and `exempt`, each with its setting and its place in the list. `None` if one of the lists is wrong.
fn selectors(given: &Given) -> Option<impl Iterator<Item = (&'static str, usize, &UserSelector)>> {
    let (users, AnyNumber(exempt)) = (given.users.as_ref()?, given.exempt.as_ref()?);
    let users = users.iter().map(|entry| &entry.selector).enumerate().map(|(index, who)| ("users", index, who));
    let exempt = exempt.iter().enumerate().map(|(index, who)| ("exempt", index, who));
    Some(users.chain(exempt))
}

/// The handler may write tags with its prefix, so such a tag must not select or exclude users.
fn the_handler_cannot_write_selected_tags(document: &mut ConfigDocument<'_>, given: &Given) -> Option<()> {
    for (setting, index, who) in selectors(given)? {
        let UserSelector::Tag(tag) = who else { continue };
        if tag.key.to_ascii_lowercase().starts_with(journal::PREFIX) {
            document.error_at(
                (setting, index),
                &[],
                format!(
                    "{setting}: the handler itself may write the tag {who}, because its key begins with {}",
                    journal::PREFIX
                ),
                "select by another tag",
            );
        }
    }
    Some(())
}

/// IAM allows commas in names, but `alice,bob` is rarely one user.
fn a_comma_is_a_part_of_a_name(document: &mut ConfigDocument<'_>, given: &Given) -> Option<()> {
    for (setting, index, who) in selectors(given)? {
        let UserSelector::User(user) = who else { continue };
        let text = user.to_string();
        let parts: Vec<_> = text.split(',').filter(|part| !part.is_empty()).collect();
        if parts.len() > 1 {
            document.warning_at(
                (setting, index),
                format!("{setting}: {text} is one user, and the name contains a comma"),
                &if document.is_overridden(setting) {
                    format!("if you mean {} users, write --{setting} \"{}\"", parts.len(), parts.join(" "))
                } else {
                    format!("if you mean {} users, write [{}]", parts.len(), parts.join(", "))
                },
            );
        }
    }
    Some(())
}

/// With a delivery by mail, the tag for the owner decides which address gets the secret.
fn taggers_are_trusted(document: &mut ConfigDocument<'_>, given: &Given) -> Option<()> {
    let delivery = given.delivery.filter(|delivery| delivery.is_mail())?;
    if given.user_tags? == UserTags::Honoured {
        document.warning(
            &[("user_tags", UserTags::Honoured.to_string()), ("delivery", delivery.to_string())],
            "a person who may tag a user decides which of the addresses in this file gets its new key".into(),
            "user_tags: honoured obeys the tag key-rotation:owner: restrict who may write that tag to people who may have the key; or set delivery: secrets-manager; or give the \
             user an entry with its name and owner, which overrides the tag",
        );
    }
    Some(())
}

/// How long an old key exists beside its successor, if that is too long for `rotate_after`, and the settings that add up to it.
fn too_long(rotate_after: Span, overlap: Span, delete_after: DeleteAfter) -> Option<(&'static str, Span)> {
    let life = delete_after.life_of_old_key(overlap);
    let kept = if life > overlap { "overlap + delete_after" } else { "overlap" };
    (rotate_after < life).then_some((kept, life))
}

fn make_room(kept: &str, life: Span) -> String {
    format!(
        "IAM allows two keys per user, so the old key must be deleted before the next rotation: make rotate_after at least \
         {life}, or make {kept} shorter"
    )
}

fn old_key_is_gone_in_time(document: &mut ConfigDocument<'_>, given: &Given) -> Option<()> {
    let (rotate_after, overlap, delete_after) = (given.rotate_after?.0, given.overlap?, given.delete_after?);
    let (kept, life) = too_long(rotate_after, overlap, delete_after)?;
    document.error(
        &[
            ("rotate_after", rotate_after.to_string()),
            ("overlap", overlap.to_string()),
            ("delete_after", delete_after.to_string()),
        ],
        format!("rotate_after is {rotate_after}, but {kept} is {life}"),
        &make_room(kept, life),
    );
    Some(())
}

/// The same for the entries that override `rotate_after` or `overlap`.
fn each_old_key_is_gone_in_time(document: &mut ConfigDocument<'_>, given: &Given) -> Option<()> {
    let (users, delete_after) = (given.users.as_ref()?, given.delete_after?);
    let (general, overlap) = (given.rotate_after?.0, given.overlap?);
    for (index, entry) in users.iter().enumerate() {
        // Without an override, the problem is reported for the entry around it or for the settings.
        if entry.overrides.rotate_after.is_none() && entry.overrides.overlap.is_none() {
            continue;
        }
        let own = entry.holds(users);
        let (rotate_after, overlap) = (own.rotate_after.unwrap_or(general), own.overlap.unwrap_or(overlap));
        if let Some((kept, life)) = too_long(rotate_after, overlap, delete_after) {
            document.error_at(
                ("users", index),
                &[("delete_after", delete_after.to_string())],
                format!("for {}, rotate_after is {rotate_after}, but {kept} is {life}", entry.called()),
                &make_room(kept, life),
            );
        }
    }
    Some(())
}

/// A successor begins a new time without use. So a key that is replaced first would never be deactivated.
fn an_unused_key_is_not_replaced_first(document: &mut ConfigDocument<'_>, given: &Given) -> Option<()> {
    const FIX: &str = "make unused_after shorter than rotate_after, or set unused_after: never";
    let UnusedAfter::After(limit) = given.unused_after? else { return None };
    let rotate_after = given.rotate_after?.0;
    let unused_after = ("unused_after", limit.to_string());
    if limit >= rotate_after {
        document.error(
            &[unused_after.clone(), ("rotate_after", rotate_after.to_string())],
            format!("unused_after is {limit}, but a key is replaced after {rotate_after}, even if it is unused"),
            FIX,
        );
    }
    for (index, entry) in given.users.iter().flatten().enumerate() {
        let Some(own) = entry.overrides.rotate_after.filter(|own| limit >= *own) else { continue };
        document.error_at(
            ("users", index),
            std::slice::from_ref(&unused_after),
            format!(
                "for {}, rotate_after is {own}, so a key is replaced before it is unused for {limit} (unused_after)",
                entry.called()
            ),
            FIX,
        );
    }
    Some(())
}

fn runs_do_not_overlap(document: &mut ConfigDocument<'_>, given: &Given) -> Option<()> {
    let (period, timeout) = (given.schedule.as_ref()?.period()?, given.timeout?.0);
    if period < timeout {
        document.error(
            &[("schedule", given.schedule.as_ref()?.as_str().to_owned()), ("timeout", timeout.to_string())],
            format!("the schedule fires every {period}, but a run may take {timeout} (timeout)"),
            "let the schedule fire less often, or make timeout shorter",
        );
    }
    Some(())
}

fn waiting_has_an_effect(document: &mut ConfigDocument<'_>, given: &Given) -> Option<()> {
    if given.overlap? == Span::ZERO && given.still_in_use? == StillInUse::Wait {
        document.warning(
            &[("overlap", "0".into()), ("still_in_use", "wait".into())],
            "with overlap: 0, still_in_use: wait has almost no effect".into(),
            "an old key is deactivated before a use of it can be seen: set an overlap, or still_in_use: retire",
        );
    }
    Some(())
}

fn a_warning_comes_before_the_rotation(document: &mut ConfigDocument<'_>, given: &Given) -> Option<()> {
    let (warn_before, rotate_after) = (given.warn_before?, given.rotate_after?.0);
    if warn_before >= rotate_after {
        document.error(
            &[("warn_before", warn_before.to_string()), ("rotate_after", rotate_after.to_string())],
            format!("warn_before is {warn_before}, but a key is replaced after {rotate_after}"),
            "make warn_before shorter than rotate_after, or set warn_before: 0",
        );
    }
    Some(())
}

/// A run sends the warning, so one must start in the time for it.
fn some_run_warns(document: &mut ConfigDocument<'_>, given: &Given) -> Option<()> {
    let (warn_before, rotate_after) = (given.warn_before?, given.rotate_after?.0);
    let schedule = given.schedule.as_ref()?;
    let period = schedule.period()?;
    if warn_before > Span::ZERO && warn_before < period && warn_before < rotate_after {
        document.warning(
            &[("warn_before", warn_before.to_string()), ("schedule", schedule.as_str().to_owned())],
            format!(
                "the schedule fires only every {period}, so most keys are replaced without the warning {warn_before} before"
            ),
            &format!("make warn_before at least {period}, or 0"),
        );
    }
    Some(())
}

/// How many subscriptions of a topic can have a filter policy, as each subscription for notices has (SNS Developer Guide, "Filter
/// policy constraints in Amazon SNS").
const MOST_ADDRESSES: usize = 200;

fn addresses_fit_the_topic(document: &mut ConfigDocument<'_>, given: &Given) -> Option<()> {
    let (users, emails, notify) = (given.users.as_ref()?, given.emails.as_ref()?, given.notify.as_ref()?);
    let owners = users.iter().filter_map(|entry| entry.overrides.owner.as_ref());
    let addresses: BTreeSet<_> = emails.iter().chain(owners).map(Email::small).collect();
    let endpoints = notify.0.len();
    if addresses.len() + endpoints > MOST_ADDRESSES {
        let mut settings = vec![("emails", String::new()), ("users", String::new())];
        let mut message = format!("emails and owners are {} addresses", addresses.len());
        if endpoints > 0 {
            settings.push(("notify", String::new()));
            message += &format!(", and notify has {endpoints} endpoints");
        }
        document.error(
            &settings,
            format!("{message}, but an SNS topic takes {MOST_ADDRESSES}"),
            "name one address that forwards mails to several people, or split the users over several stacks",
        );
    }
    Some(())
}

/// A team that names some owners may think that the administrators get no secret.
fn secrets_have_owners(document: &mut ConfigDocument<'_>, given: &Given) -> Option<()> {
    let (users, delivery) = (given.users.as_ref()?, given.delivery?);
    let without_owner: Vec<_> =
        users.iter().filter(|entry| entry.holds(users).owner.is_none()).map(ConfiguredUsers::called).collect();
    if delivery == Delivery::Email && !without_owner.is_empty() && without_owner.len() < users.len() {
        document.warning(
            &[("users", String::new()), ("delivery", delivery.to_string())],
            format!(
                "some users have an owner and others have none: the administrators (emails) get the new keys of {}, \
                 secrets included",
                without_owner.join(", ")
            ),
            "give each user an owner, or give none an owner",
        );
    }
    Some(())
}

/// CIS and Security Hub IAM.3 allow a limited age, which a key must not exceed before it is deactivated.
fn keys_stay_below_the_auditors_limit(document: &mut ConfigDocument<'_>, given: &Given) -> Option<()> {
    let schedule = given.schedule.as_ref()?;
    let (general, overlap, period) = (given.rotate_after?.0, given.overlap?, schedule.period()?);
    let rule = given.still_in_use?;
    let still_used = |overlap| match rule {
        StillInUse::Wait => Policy::required_idle_time_after(overlap),
        StillInUse::Retire => Span::ZERO,
    };
    let own = given.users.iter().flatten().map(|entry| {
        let own = entry.holds(given.users.as_deref().unwrap_or_default());
        let said = own.rotate_after.is_some() || own.overlap.is_some();
        (said.then(|| entry.called()), own.rotate_after.unwrap_or(general), own.overlap.unwrap_or(overlap))
    });
    let life = |rotate_after: Span, overlap| rotate_after + period + overlap + still_used(overlap);
    // Of several with the same age, the first one is reported.
    let ages = own.map(|(of, rotate_after, overlap)| (life(rotate_after, overlap), overlap, of));
    let oldest = ages.reduce(|oldest, other| if other.0 > oldest.0 { other } else { oldest });
    let (oldest, own_overlap, entry) = oldest.unwrap_or_else(|| (life(general, overlap), overlap, None));
    if oldest > AUDITORS_LIMIT {
        let of = entry.as_ref().map(|who| format!(" of {who}")).unwrap_or_default();
        let mut settings = vec![
            ("rotate_after", general.to_string()),
            ("overlap", overlap.to_string()),
            ("schedule", schedule.as_str().to_owned()),
        ];
        settings.splice(0..0, entry.map(|_| ("users", String::new())));
        document.warning(
            &settings,
            format!(
                "a key{of} can live {oldest}: rotate_after + overlap + the schedule's period, and {} if the old key is still used",
                still_used(own_overlap)
            ),
            &format!("auditors (CIS, Security Hub IAM.3) allow at most {AUDITORS_LIMIT}: make rotate_after or overlap shorter"),
        );
    }
    Some(())
}

/// The alarm about missed runs needs a longest time between two runs.
fn runs_are_watched(document: &mut ConfigDocument<'_>, given: &Given) -> Option<()> {
    let schedule = given.schedule.as_ref()?;
    if MissedRunsWindow::over(schedule).is_none() {
        document.warning(
            &[("schedule", schedule.as_str().to_owned())],
            "no alarm will tell that runs have stopped: this schedule may fire less than twice in 7 days".into(),
            "CloudWatch looks back 7 days at most: set schedule: rate(1 day), and set rotate_after to the age that a key may reach: a run without work costs almost nothing",
        );
    }
    Some(())
}

/// With a delivery by mail there are no secrets to read or to encrypt.
fn settings_of_secrets_are_used(document: &mut ConfigDocument<'_>, given: &Given) -> Option<()> {
    let delivery = given.delivery.filter(|delivery| *delivery != Delivery::SecretsManager)?;
    let readers = given.secret_readers.as_ref().filter(|readers| !readers.0.is_empty());
    let key = given.secret_kms_key.as_ref().filter(|key| key.customer().is_some());
    let set = [("secret_readers", readers.map(ToString::to_string)), ("secret_kms_key", key.map(ToString::to_string))];
    for (name, value) in set {
        if let Some(value) = value {
            document.warning(
                &[(name, value), ("delivery", delivery.to_string())],
                format!("{name} has no effect: with delivery: {delivery} no secret is stored"),
                &format!("set delivery: secrets-manager, or remove {name}"),
            );
        }
    }
    Some(())
}

/// AWS's own key cannot be used from another account (Secrets Manager User Guide, "Access AWS Secrets Manager secrets
/// from a different account"). The stack's account is not known here; but if readers are in two accounts, one of them is another.
fn readers_can_decrypt(document: &mut ConfigDocument<'_>, given: &Given) -> Option<()> {
    let (readers, key) = (given.secret_readers.as_ref()?, given.secret_kms_key.as_ref()?);
    let first = readers.0.first().map(PrincipalArn::account)?;
    let has_members = given.organization.as_ref()?.0.is_some();
    if *key == KmsKey::AwsManaged && (has_members || readers.0.iter().any(|reader| reader.account() != first)) {
        let accounts = if has_members { "secrets" } else { "secret_readers" };
        document.warning(
            &[("secret_readers", readers.to_string()), ("secret_kms_key", key.to_string())],
            format!("{accounts} are in several accounts, but only a secret's own account can use aws/secretsmanager"),
            "set secret_kms_key to a key of your own, and let the readers decrypt in its policy",
        );
    }
    Some(())
}

/// Mails are encrypted exactly if `delivery` says so, and for each user at least one public key is known.
fn every_mail_can_be_opened(document: &mut ConfigDocument<'_>, given: &Given) -> Option<()> {
    let (users, delivery, all) = (given.users.as_ref()?, given.delivery?, &given.encrypt_to.as_ref()?.0);
    let (own, none): (Vec<_>, Vec<_>) = users.iter().partition(|user| !user.encrypt_to.is_empty());
    let blamed = if all.is_empty() && !own.is_empty() { "users" } else { "encrypt_to" };
    let settings = [(blamed, "[]".into()), ("delivery", delivery.to_string())];
    if delivery != Delivery::EmailEncrypted && (!all.is_empty() || !own.is_empty()) {
        document.error(
            &settings,
            format!("encrypt_to is set, but with delivery: {delivery} nothing is encrypted"),
            "set delivery: email-encrypted, or remove encrypt_to",
        );
    }
    if delivery == Delivery::EmailEncrypted && all.is_empty() && !none.is_empty() {
        let names: Vec<_> = none.into_iter().map(ConfiguredUsers::called).collect();
        document.error(
            &settings,
            format!("encrypt_to is empty, so no key could open the mails with the new keys of {}", few(&names)),
            "add a line `- age1…` or `- ssh-ed25519 …` for each public key; age-keygen makes a pair of keys",
        );
    }
    Some(())
}

/// The value of `organization` in a message, if it is set.
const MEMBERS: (&str, String) = ("organization", String::new());

fn organization(given: &Given) -> Option<&Organization> {
    given.organization.as_ref()?.0.as_ref()
}

fn one_name_is_not_for_all_accounts(document: &mut ConfigDocument<'_>, given: &Given) -> Option<()> {
    organization(given)?;
    let name = given.account_name.as_ref().filter(|name| **name != AccountName::None)?;
    document.error(
        &[("account_name", name.to_string()), MEMBERS],
        "account_name names one account, but organization has many".into(),
        "remove account_name; each mail has the id of its account",
    );
    Some(())
}

fn secrets_stay_in_their_accounts(document: &mut ConfigDocument<'_>, given: &Given) -> Option<()> {
    organization(given)?;
    let delivery = given.delivery.filter(|delivery| delivery.is_mail())?;
    document.error(
        &[("delivery", delivery.to_string()), MEMBERS],
        format!(
            "with organization and delivery: {delivery}, the mails of one account would have the keys of all accounts"
        ),
        "set delivery: secrets-manager, which stores each key in its own account",
    );
    Some(())
}

/// A name is another user in each account.
fn named_users_have_accounts(document: &mut ConfigDocument<'_>, given: &Given) -> Option<()> {
    let (users, organization) = (given.users.as_ref()?, given.organization.as_ref()?.0.as_ref());
    for (index, entry) in users.iter().enumerate() {
        let who = entry.called();
        let is_named = matches!(entry.selector, UserSelector::User(_));
        let (message, fix) = match (organization, &entry.account) {
            (None, Some(account)) => (
                format!("the entry of {who} has the account {account}, but the stack is for one account only"),
                "remove account, or set organization".to_owned(),
            ),
            (Some(_), None) if is_named => (
                format!("with organization, {who} can be a user of any account"),
                format!("name its account, {{name: {who}, account: '111122223333'}}; or select by path or tag"),
            ),
            (Some(organization), Some(account)) if !organization.allows(account) => (
                format!("organization does not select the account {account} of {who}"),
                "correct account, or change accounts or exclude in organization".to_owned(),
            ),
            _ => continue,
        };
        let settings = if organization.is_some() { vec![MEMBERS] } else { Vec::new() };
        document.error_at(("users", index), &settings, message, &fix);
    }
    Some(())
}

fn the_first_account_is_selected(document: &mut ConfigDocument<'_>, given: &Given) -> Option<()> {
    let organization = organization(given)?;
    let first = organization.first.as_ref()?;
    let others = match &organization.accounts {
        MemberAccounts::Only(list) => list.iter().any(|account| account != first),
        MemberAccounts::All | MemberAccounts::AllBut(_) => true,
    };
    let (message, fix) = match (organization.allows(first), others) {
        (true, true) => return None,
        (true, false) => (format!("{first} is first, but no other account follows"), "remove first, or add accounts"),
        (false, _) => (
            format!("{first} is first in organization, but accounts and exclude do not select it"),
            "choose another account, or change accounts or exclude",
        ),
    };
    document.error(&[MEMBERS], message, fix);
    Some(())
}

fn longer_names_fit(document: &mut ConfigDocument<'_>, given: &Given) -> Option<()> {
    organization(given)?;
    let name = given.stack_name.as_ref()?.as_str();
    if name.len() > LONGEST_STACK_NAME {
        document.error(
            &[("stack_name", name.to_owned()), MEMBERS],
            format!("stack_name has {} characters, but with organization {LONGEST_STACK_NAME} at most", name.len()),
            "choose a shorter stack_name: the names of functions begin with it, and Lambda allows 64 characters",
        );
    }
    Some(())
}

fn spread_runs_do_not_overlap(document: &mut ConfigDocument<'_>, given: &Given) -> Option<()> {
    organization(given)?;
    let (schedule, timeout) = (given.schedule.as_ref()?, given.timeout?.0);
    let period = schedule.period()?;
    let least = timeout + SPREAD;
    // A period below `timeout` breaks another rule.
    if period >= timeout && period < least {
        document.error(
            &[("schedule", schedule.as_str().to_owned()), ("timeout", timeout.to_string()), MEMBERS],
            format!("the schedule fires every {period}, but with organization a run may start {SPREAD} later"),
            &format!("set a schedule with a period of {least} or longer"),
        );
    }
    Some(())
}

fn quiet_accounts_cause_no_mail(document: &mut ConfigDocument<'_>, given: &Given) -> Option<()> {
    organization(given)?;
    let digest = given.digest.filter(|digest| *digest == DigestFrequency::Always)?;
    document.error(
        &[("digest", digest.to_string()), MEMBERS],
        "with organization and digest: always, each account would cause a mail after each run".into(),
        "set digest: changes",
    );
    Some(())
}

/// The pattern for keys in the schema of `AWS::CloudFormation::StackSet`.
fn stack_sets_take_the_tags(document: &mut ConfigDocument<'_>, given: &Given) -> Option<()> {
    organization(given)?;
    let (key, _) = given.tags.as_ref()?.pairs().find(|(key, _)| key.contains('@'))?;
    document.error(
        &[("tags", String::new()), MEMBERS],
        format!("the key of the tag {key} contains @, which a StackSet does not take"),
        "choose a key without @",
    );
    Some(())
}

fn arns_are_in_the_region(document: &mut ConfigDocument<'_>, given: &Given) -> Option<()> {
    let region = &organization(given)?.region;
    let key = |key: &KmsKeyArn| key.to_string();
    let log_key = |key: &LogKey| if let LogKey::Existing(arn) = key { Some(arn.to_string()) } else { None };
    let topic_key = |key: &TopicKey| if let TopicKey::Existing(arn) = key { Some(arn.to_string()) } else { None };
    let keys = [
        ("secret_kms_key", given.secret_kms_key.as_ref().and_then(KmsKey::customer).map(key)),
        ("log_kms_key", given.log_kms_key.as_ref().and_then(log_key)),
        ("topic_kms_key", given.topic_kms_key.as_ref().and_then(topic_key)),
    ];
    let functions = given.notify.iter().flat_map(|notify| &notify.0);
    let functions = functions.filter(|endpoint| endpoint.kind() == EndpointKind::Function);
    let arns = keys.into_iter().filter_map(|(setting, arn)| Some((setting, arn?)));
    for (setting, arn) in arns.chain(functions.map(|function| ("notify", function.to_string()))) {
        if ArnParts::of(&arn).is_none_or(|parts| parts.region != region.as_str()) {
            document.error(
                &[(setting, arn.clone()), MEMBERS],
                format!("{arn} is not in organization.region, which is {region}"),
                "name one that is in organization.region",
            );
        }
    }
    Some(())
}

fn each_account_can_use_the_log_key(document: &mut ConfigDocument<'_>, given: &Given) -> Option<()> {
    organization(given)?;
    let LogKey::Existing(key) = given.log_kms_key.as_ref()? else { return None };
    document.warning(
        &[("log_kms_key", key.to_string()), MEMBERS],
        "log_kms_key is the key of one account, but with organization each account has a log".into(),
        "let CloudWatch Logs of all these accounts use the key in its policy; or set log_kms_key: aws-owned",
    );
    Some(())
}
