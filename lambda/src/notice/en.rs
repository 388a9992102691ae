//! The notices in English.

use std::fmt::Write;

use super::{
    Aftermath, BusEvent, Digested, EventProblem, MemberAlarm, NoticeKind, NoticeOrigin, Rotated, SecretLocation,
    digest::{UserProblem, cut, news},
    text::{HowTo, Layout, NoticeText, activate, untag},
};
use crate::{
    contract::{member_event::MemberEventError, run_summary::RunSummary},
    model::{
        access_key::{AccessKeyId, Key, KeyStatus, LastUse},
        account_id::AccountId,
        parse_error::one_line,
        time::{Span, Timestamp},
        user::UserName,
        user_config_error::UserConfigError,
    },
    protocol::{
        call::{Call, RemovalReason, Warning},
        call_error::CallError,
        journal::{DELIVERED, INTENT, LEASE, OWN_TAGS, PREFIX},
        overdue::Overdue,
        policy::DeleteAfter,
        stop_reason::NeedsAttention,
    },
    report::run_report::{KeyChange, UserReport},
};

pub(super) const LAYOUT: Layout = Layout {
    todo: "What to do",
    deadline: "Deadline",
    user: "IAM user",
    account: "Account",
    region: "Region",
    stack: "Stack",
    line: |label, value| format!("{:<20}{value}\n", format!("{label}:")),
    about: ": ",
};

/// A command for an administrator, after this sentence.
fn administrator(purpose: &str, command: String) -> HowTo {
    HowTo {
        before: format!(
            "{purpose} in the folder of the repository. If the stack's configuration is not rotation.yaml, add CONFIG=FILE:"
        ),
        commands: vec![command],
        after: String::new(),
    }
}

/// The command for an order about a user, after this sentence. `command` is that for the stack's own account.
fn order(purpose: &str, action: &str, command: String, user: &UserName, origin: NoticeOrigin<'_>) -> HowTo {
    if origin.is_member {
        return HowTo {
            before: format!("{purpose} with the credentials of account {}:", origin.account),
            commands: vec![origin.invoke(action, user)],
            after: String::new(),
        };
    }
    administrator(purpose, command)
}

/// A command for an administrator who has credentials for the account.
fn in_the_account(purpose: &str, command: String) -> HowTo {
    HowTo {
        before: format!("{purpose}, an administrator runs this command with credentials for the account:"),
        commands: vec![command],
        after: String::new(),
    }
}

/// The command that activates a key again.
fn undo(user: &UserName, origin: NoticeOrigin<'_>) -> HowTo {
    let purpose = "To activate the key again, an administrator runs this command";
    order(purpose, "undo", origin.undo(user), user, origin)
}

fn dated(title: &str, deadline: Option<Timestamp>) -> String {
    deadline.map_or_else(|| title.to_owned(), |deadline| format!("{title}, act by {}", deadline.to_day()))
}

pub(super) fn rotated(facts: &Rotated<'_>, origin: NoticeOrigin<'_>) -> NoticeText {
    let Rotated { user, key, now, .. } = facts;
    let mut text = NoticeText {
        title: dated("AWS access key rotated", facts.deadline()),
        todo: "give the new key to every workload that uses the old one.".into(),
        happened: format!("IAM user {user} has a new access key."),
        ..NoticeText::default()
    };
    let secret = match &facts.secret {
        SecretLocation::InThisMail(secret) => {
            text.todo += " Then delete this mail.";
            secret.expose().to_owned()
        }
        SecretLocation::Encrypted(block) => {
            let commands = block.commands("KEY_FILE");
            let run = if commands.len() == 1 { "run this command" } else { "run the command for your kind of key" };
            text.how = Some(HowTo {
                before: format!("To read the new key, {run} on the computer with your private key:"),
                commands,
                after: "Then paste the block at the end of this mail, from its first dashes to its last. Each line must begin \
                        at the very left, without \">\" or a space before it."
                    .into(),
            });
            text.attachment.clone_from(&block.text);
            "in the block below, encrypted".into()
        }
        SecretLocation::SecretsManager(name) => {
            text.how = Some(HowTo {
                before: "To read the new key, run this command with the user's present key, or as a principal in \
                         secret_readers:"
                    .into(),
                commands: vec![origin.read_secret(name)],
                after: String::new(),
            });
            format!("in Secrets Manager, {name}")
        }
        SecretLocation::Mailed => {
            text.todo = "nothing. The recipient of the mail with the new key gives it to the workloads.".into();
            "in the mail to its recipient".into()
        }
    };
    text.facts =
        vec![("Access key ID", key.to_string()), ("Secret access key", secret), ("Delivered", now.to_minute())];
    text.facts.extend(facts.replaced.iter().map(|old| ("Old key", fate(facts, old))));
    text
}

/// What will happen to a replaced key.
fn fate(facts: &Rotated<'_>, old: &Key) -> String {
    let fate = facts.fate();
    let stays = match (old.status, fate.at_once) {
        (KeyStatus::Inactive, _) => "is inactive".to_owned(),
        (KeyStatus::Active, true) if fate.waits_while_in_use => "is deactivated now, unless it is in use".to_owned(),
        (KeyStatus::Active, true) => "is deactivated now".to_owned(),
        (KeyStatus::Active, false) => {
            let longer = if fate.waits_while_in_use { ", and longer while it is in use" } else { "" };
            format!("works until {}{longer}", fate.active_until.to_minute())
        }
    };
    let end = match fate.deleted {
        DeleteAfter::NextRotation => "it is deleted at the next rotation".to_owned(),
        DeleteAfter::Window(Span::ZERO) => "it is deleted once it is inactive".to_owned(),
        DeleteAfter::Window(span) => format!("it is deleted {} after its deactivation", spoken(span)),
    };
    format!("{} (created {}) {stays}; {end}", old.id, old.created.to_minute())
}

/// A span in words, such as `14 days`.
fn spoken(span: Span) -> String {
    let text = span.to_string();
    let number = text.trim_end_matches(char::is_alphabetic);
    let unit = match text.chars().last() {
        Some('d') => "day",
        Some('h') => "hour",
        Some('m') => "minute",
        _ => "second",
    };
    format!("{number} {unit}{}", if number == "1" { "" } else { "s" })
}

/// The last use of a key, after a label that says so.
fn last_used(last_use: &LastUse) -> String {
    match last_use {
        LastUse::Used { at, service, region } => {
            format!("{} in {}, {}", one_line(service), one_line(region), at.to_minute())
        }
        LastUse::Never | LastUse::Unknown => last_use.to_string(),
    }
}

pub(super) fn warning(user: &UserName, warning: &Warning) -> NoticeText {
    match warning {
        Warning::ComingUp(key, due) => NoticeText {
            title: format!("AWS access key will be replaced after {}", due.to_day()),
            todo: "find out which workloads use the key. You get a notice with the new key.".into(),
            happened: format!("The access key of IAM user {user} will be replaced."),
            facts: vec![("Access key ID", key.to_string()), ("Replaced", format!("after {}", due.to_minute()))],
            ..NoticeText::default()
        },
        Warning::Pair { older, newer, until } => NoticeText {
            title: dated("AWS access key will be deactivated", Some(*until)),
            todo: "find out which workloads use the older key. Give them the younger key, or a user of their own. A \
                   workload may use the older key rarely, for example once a month."
                .into(),
            happened: format!(
                "IAM user {user} has two active access keys that the rotation did not create. IAM allows two keys, and a \
                 rotation needs one of the two places. So the older key will be deactivated."
            ),
            facts: vec![
                ("Older key", format!("{older}, deactivated after {} if it is unused then", until.to_minute())),
                ("Younger key", format!("{newer}, stays active")),
            ],
            ..NoticeText::default()
        },
        Warning::Inactive(key, until) => NoticeText {
            title: until.map_or_else(
                || "AWS access key will be deleted".to_owned(),
                |until| format!("AWS access key will be deleted after {}", until.to_day()),
            ),
            todo: "nothing, if the key is no longer needed. Otherwise activate the key before it is deleted.".into(),
            how: Some(in_the_account("To activate the key", activate(user, key))),
            happened: format!("An access key of IAM user {user} is inactive, and the rotation did not deactivate it."),
            facts: vec![
                ("Access key ID", key.to_string()),
                (
                    "Deleted",
                    until.map_or("at the next rotation".to_owned(), |until| format!("after {}", until.to_minute())),
                ),
            ],
            ..NoticeText::default()
        },
        Warning::Unused(key, until) => NoticeText {
            title: dated("AWS access key is unused", Some(*until)),
            todo:
                "nothing, if the user no longer needs access. If a workload needs the key, use it before the deadline."
                    .into(),
            happened: format!(
                "The access key of IAM user {user} is unused. It will be deactivated, and the user gets no new key."
            ),
            facts: vec![
                ("Access key ID", key.to_string()),
                ("Deactivated", format!("after {}, if it is still unused then", until.to_minute())),
            ],
            ..NoticeText::default()
        },
    }
}

pub(super) fn notice(user: &UserName, kind: &NoticeKind<'_>, origin: NoticeOrigin<'_>, now: Timestamp) -> NoticeText {
    match kind {
        NoticeKind::Rotated(facts) => rotated(facts, origin),
        NoticeKind::StillInUse { old, new, last_use, required_idle_time, until } => {
            still_in_use(user, old, *new, last_use, (*required_idle_time, *until))
        }
        NoticeKind::Retired { old, new, deleted } => retired(user, old, *new, *deleted, origin, now),
        NoticeKind::Disused { key } => NoticeText {
            title: "AWS access key deactivated".into(),
            todo: "nothing, if the user no longer needs access. If a workload fails, activate the key again.".into(),
            how: Some(undo(user, origin)),
            happened: format!("The access key of IAM user {user} is deactivated, because it was not used."),
            facts: vec![("Access key ID", key.to_string()), ("Deactivated", now.to_minute())],
            ..NoticeText::default()
        },
        NoticeKind::Revoked { key, new } => NoticeText {
            title: "AWS access key revoked".into(),
            todo: if new.is_some() {
                "give the current key to every workload of the revoked key. Do not activate the revoked key again."
            } else {
                "if a workload needs access, ask an administrator for a new key. Do not activate the revoked key again."
            }
            .into(),
            happened: format!(
                "An access key of IAM user {user} is revoked: a person has deactivated it. AWS refuses every request that is \
                 signed with it."
            ),
            facts: vec![
                ("Revoked key", key.to_string()),
                ("Current key", that_works(*new)),
                ("Revoked", now.to_minute()),
            ],
            ..NoticeText::default()
        },
        NoticeKind::PairInUse { older, newer, last_use } => NoticeText {
            title: "AWS access key still in use".into(),
            todo: "give the younger key to the workload of the older one, or create a user for this workload.".into(),
            happened: format!(
                "IAM user {user} has two active access keys that the rotation did not create. The older key is in use. So it \
                 stays active, and no key of the user is replaced."
            ),
            facts: vec![
                ("Older key", older.to_string()),
                ("Younger key", that_works(*newer)),
                ("Last use", last_used(last_use)),
            ],
            ..NoticeText::default()
        },
        NoticeKind::Deleted { old, new, why } => NoticeText {
            title: "AWS access key deleted".into(),
            todo: format!(
                "nothing. AWS has refused the deleted key since its deactivation. If a configuration still contains it, {}.",
                if new.is_some() { "replace it with the current key" } else { "remove it there" }
            ),
            happened: format!("An inactive access key of IAM user {user} is deleted. It cannot be activated again."),
            facts: vec![
                ("Deleted key", old.to_string()),
                ("Current key", that_works(*new)),
                (
                    "Why",
                    match why {
                        RemovalReason::PlaceNeeded => "IAM allows two keys, and a new key needed its place",
                        RemovalReason::WindowOver
                        | RemovalReason::Superseded
                        | RemovalReason::Withdrawn
                        | RemovalReason::Disuse
                        | RemovalReason::Revoked => "the configured time to keep it (delete_after) is over",
                    }
                    .to_owned(),
                ),
            ],
            ..NoticeText::default()
        },
        NoticeKind::Reactivated { old, new, until } => reactivated(user, old, *new, *until),
        NoticeKind::Failed { call, failure, aftermath } => failed(user, call, failure, *aftermath, (origin, now)),
        NoticeKind::NeedsAttention(doubt) => needs_attention(user, doubt, origin),
        NoticeKind::NoConfirmedRecipient { mailboxes } => {
            let all: Vec<_> = mailboxes.iter().map(|email| email.as_str()).collect();
            let (one_of, article) = if all.len() > 1 { ("one of ", "an") } else { ("", "the") };
            NoticeText {
                title: "AWS access key not rotated".into(),
                todo: format!(
                    "find the mail \"AWS Notification - Subscription Confirmation\" in the mailbox of {article} \
                     address below, and follow its link. The link works for 48 hours."
                ),
                how: Some(administrator(
                    "If the link is older, an administrator asks AWS for a new mail with this command",
                    origin.make("resubscribe"),
                )),
                happened: format!(
                    "The access key of IAM user {user} is due, and is not replaced. The new key would be mailed, and no \
                     recipient has confirmed its subscription. The old key did not change."
                ),
                reason: Some(format!("not confirmed: {}", all.join(", "))),
                facts: vec![("Must confirm", format!("{one_of}{}", all.join(", ")))],
                ..NoticeText::default()
            }
        }
    }
}

fn still_in_use(
    user: &UserName,
    old: &AccessKeyId,
    new: Option<&AccessKeyId>,
    last_use: &LastUse,
    (required_idle_time, until): (Option<Timestamp>, Option<Timestamp>),
) -> NoticeText {
    let (title, happened, last, todo) = match last_use {
        LastUse::Used { .. } => (
            "AWS access key still in use",
            format!(
                "The old access key of IAM user {user} was used after its successor was delivered. So it stays active."
            ),
            last_used(last_use),
            "find the workloads that use the old key, and give them the new one. If you did this after the last use below, \
             do nothing.",
        ),
        LastUse::Never | LastUse::Unknown => (
            "AWS access key may be in use",
            format!("It is unknown whether the old access key of IAM user {user} is in use. So it stays active."),
            "could not be read".into(),
            if until.is_some() {
                "give the new key to every workload that still uses the old one. The next run reads the last use again."
            } else {
                "nothing yet. The next run reads the last use again."
            },
        ),
    };
    let stays = match required_idle_time {
        Some(required_idle_time) => format!("until {}, and longer if it is used again", required_idle_time.to_minute()),
        None => "while its last use is unknown".to_owned(),
    };
    let end = until.map(|until| format!("; deactivated after {}, even if it is in use", until.to_minute()));
    let mut facts = vec![("Old key", old.to_string())];
    facts.extend(new.map(|new| ("New key", new.to_string())));
    facts.extend([("Last use", last), ("Stays active", stays + &end.unwrap_or_default())]);
    NoticeText { title: dated(title, until), todo: todo.into(), happened, facts, ..NoticeText::default() }
}

fn retired(
    user: &UserName,
    old: &AccessKeyId,
    new: Option<&AccessKeyId>,
    deleted: DeleteAfter,
    origin: NoticeOrigin<'_>,
    now: Timestamp,
) -> NoticeText {
    let deleted = match deleted {
        DeleteAfter::NextRotation => "at the next rotation".to_owned(),
        DeleteAfter::Window(Span::ZERO) => "by the next run".to_owned(),
        DeleteAfter::Window(span) => format!("after {}", (now + span).to_minute()),
    };
    let mut how = undo(user, origin);
    how.after = "This is possible until shortly before the old key is deleted.".into();
    NoticeText {
        title: "AWS access key deactivated".into(),
        todo: "nothing, if every workload works. If a workload fails, give it the current key.".into(),
        how: Some(how),
        happened: format!(
            "The old access key of IAM user {user} is deactivated. AWS refuses every request that is signed with it."
        ),
        facts: vec![
            ("Old key", old.to_string()),
            ("Current key", that_works(new)),
            ("Deactivated", now.to_minute()),
            ("Deleted", deleted),
        ],
        ..NoticeText::default()
    }
}

fn that_works(key: Option<&AccessKeyId>) -> String {
    key.map_or_else(|| "none: the user has no active key".to_owned(), ToString::to_string)
}

fn reactivated(user: &UserName, old: &AccessKeyId, new: Option<&AccessKeyId>, until: Option<Timestamp>) -> NoticeText {
    let mut facts = vec![("Old key", old.to_string())];
    facts.extend(new.map(|new| ("New key", format!("{new}, also active"))));
    facts.extend(until.map(|until| ("Stays active", format!("until {}, when the new key is due", until.to_minute()))));
    let todo = match new {
        Some(_) => "find the workloads that need the old key, and give them the new one.",
        None => "nothing.",
    };
    NoticeText {
        title: dated("AWS access key reactivated", until),
        todo: todo.into(),
        happened: format!("The old access key of IAM user {user} is active again."),
        facts,
        ..NoticeText::default()
    }
}

fn failed(
    user: &UserName,
    call: &Call,
    failure: &CallError,
    aftermath: Aftermath<'_>,
    (origin, now): (NoticeOrigin<'_>, Timestamp),
) -> NoticeText {
    // No run takes a rotation over before that.
    let later = (now + LEASE).to_minute();
    let aftermath = match aftermath {
        Aftermath::Untouched => "Nothing was changed. The next run tries again.".to_owned(),
        Aftermath::Unfinished => "The earlier steps of the run stay. The next run continues.".to_owned(),
        Aftermath::Uncertain => {
            "It is unknown whether the step was done. An active key stays active. The next run finds out.".to_owned()
        }
        Aftermath::Withdrawn => {
            format!("The new key was deleted, and the old key did not change. A run after {later} tries again.")
        }
        Aftermath::DeliveryUnknown(Some(key)) => format!(
            "The new key {key} was created, and it is unknown whether its secret arrived. The present key did not change. A \
             run after {later} finds out: it keeps the new key if it was stored or used by then, and deletes it otherwise. \
             After that time, do not use a key of an older mail."
        ),
        Aftermath::DeliveryUnknown(None) => format!(
            "It is unknown whether a new key was created. The present key did not change. A run after {later} finds out, and \
             deletes a key that was not delivered."
        ),
    };
    let todo = match (&failure.code, failure.code.as_str()) {
        (_, "NoSuchEntity") => "if the user was deleted, remove it from the configuration, then deploy.",
        (code, _) if code.is_denial() => {
            "an administrator finds out what denies this call to the function's role: the role itself (deploy the stack \
             again), a permissions boundary, or a policy of the organization."
        }
        (_, "MalformedPolicyDocumentException") => {
            "an administrator removes the principals that no longer exist from secret_readers, then deploys."
        }
        (code, _) if code.says_what_to_do() => "an administrator does what the reason below says.",
        _ => "nothing yet. If the next run reports the same, an administrator reads the function's log.",
    };
    let (call, why) = (one_line(&call.to_string()), origin.with_region(&failure.to_string()));
    NoticeText {
        title: "AWS access key rotation failed".into(),
        todo: todo.into(),
        happened: format!("The rotation stopped for IAM user {user}, because a step failed. {aftermath}"),
        reason: Some(format!("{call} failed: {why}")),
        facts: vec![("Failed step", call), ("Why", why)],
        ..NoticeText::default()
    }
}

const FOREIGN_TAG: &str = "find out who wrote the tag, then remove it from the user.";

fn needs_attention(user: &UserName, doubt: &NeedsAttention, origin: NoticeOrigin<'_>) -> NoticeText {
    let how = match doubt {
        NeedsAttention::ManagedBy(_) | NeedsAttention::OtherChannel => {
            Some(order("An administrator runs this command", "adopt", origin.adopt(user), user, origin))
        }
        NeedsAttention::Journal(garbled) => Some(in_the_account("To remove the tag", untag(user, &garbled.tag))),
        NeedsAttention::LateDelivery { .. } => Some(in_the_account("To remove the tag", untag(user, DELIVERED))),
        _ => None,
    };
    let (why, todo) = match doubt {
        NeedsAttention::Journal(garbled) => (
            format!("the tag {} is \"{}\", which the rotation never writes", garbled.tag, one_line(&garbled.value)),
            FOREIGN_TAG.to_owned(),
        ),
        NeedsAttention::Future(at) => {
            (format!("a tag {PREFIX}… has the time {}, which is in the future", at.to_minute()), FOREIGN_TAG.to_owned())
        }
        NeedsAttention::UnclearOrigin => (
            "a rotation was not finished, and it is unknown which key it created".to_owned(),
            format!("delete the unused key, then remove the tag {INTENT}… from the user."),
        ),
        NeedsAttention::OrphanInUse(key, last_use) => (
            format!("a rotation was not finished; it probably created key {key}, but this key is in use ({last_use})"),
            format!(
                "if a person created the key, remove the tag {INTENT}… from the user. Otherwise find out who uses the key."
            ),
        ),
        NeedsAttention::SameAge => (
            "two active keys were created in the same second, so neither is the older".to_owned(),
            "deactivate the unused key.".to_owned(),
        ),
        NeedsAttention::ForeignKey { delivered, foreign } => (
            format!(
                "key {delivered}, which the rotation delivered, is due. The other place is taken by key {foreign}, and no note \
                 says that the rotation created it"
            ),
            "find out which of the two keys is in use, and delete the other.".to_owned(),
        ),
        NeedsAttention::LateDelivery { key, at, until } => (
            format!(
                "a note says that key {key} was delivered at {}, after it was due itself. The old key stays active until {}",
                at.to_minute(),
                until.to_minute()
            ),
            format!(
                "if no rotation ended then, find out who wrote the tag {DELIVERED}, and remove it from the user."
            ),
        ),
        NeedsAttention::ManagedBy(manager) => (
            format!("the stack {manager} manages the keys of the user, too"),
            "exempt the user in one of the two stacks. If the other stack no longer exists, make this one the manager."
                .to_owned(),
        ),
        NeedsAttention::OtherChannel => (
            "a rotation was not finished before the delivery was changed, so it is unknown whether the owner got its key"
                .to_owned(),
            "find out whether the owner has the younger key. Then make this stack the manager. Both keys stay active \
             until one of them is unused."
                .to_owned(),
        ),
        NeedsAttention::Left => (
            "the user is no longer selected, but a rotation is open, so two keys may stay active".to_owned(),
            format!(
                "select the user again until the rotation is over. Or deactivate the older key, and remove the tags {PREFIX}… \
                 from the user."
            ),
        ),
        NeedsAttention::TooManyKeys(keys) => {
            (format!("the user has {keys} access keys, and IAM allows two"), "delete the unused keys.".to_owned())
        }
        NeedsAttention::UserConfigError(unclear) => {
            let todo = match unclear {
                UserConfigError::Path(_) => "exempt the user, or give it another path.",
                UserConfigError::Spelling(_) => {
                    "an administrator spells the name in users (rotation.yaml) as IAM does, then deploys."
                }
                UserConfigError::Tag { .. } | UserConfigError::Stranger(_) | UserConfigError::TooShort { .. } => {
                    "correct the tag, or remove it from the user."
                }
            };
            (one_line(&unclear.to_string()), todo.to_owned())
        }
        NeedsAttention::NoRoom(tags) => (
            format!("the user has {tags} tags; IAM allows 50, and the rotation needs room for {OWN_TAGS}"),
            "remove unneeded tags from the user.".to_owned(),
        ),
    };
    NoticeText {
        title: "AWS access key needs a decision".into(),
        todo,
        how,
        happened: format!(
            "A person must decide before the rotation continues for IAM user {user}. Its keys did not change."
        ),
        reason: Some(why.clone()),
        facts: vec![("Why", why)],
        ..NoticeText::default()
    }
}

pub(super) fn digest(run: &Digested<'_>, origin: NoticeOrigin<'_>) -> NoticeText {
    let Digested { summary: s, .. } = run;
    let unhealthy = run.unhealthy();
    let attention = unhealthy.len();
    let unconfirmed = s.unconfirmed.filter(|count| *count > 0);
    let mut facts = vec![
        ("Rotated", s.rotated.to_string()),
        ("Deactivated", s.deactivated.to_string()),
        ("Deleted", s.deleted.to_string()),
        ("Failed", s.failed.to_string()),
        ("Need a decision", s.needs_attention.to_string()),
        ("Overdue", s.overdue.to_string()),
    ];
    if s.unsent > 0 {
        facts.push(("Notices not sent", s.unsent.to_string()));
    }
    facts.extend(unconfirmed.map(|count| ("Unconfirmed", format!("{count} recipients"))));
    let more = |n| format!("  … and {n} more; the function's log has them\n");
    let mut lists = Vec::new();
    if attention > 0 {
        let line = |(_, user): &(UserProblem, &UserReport)| {
            let overdue = user
                .overdue
                .as_ref()
                .map(|Overdue { key, since }| format!(" (key {key} is overdue since {})", since.to_minute()));
            format!("  {}: {}{}\n", user.user, origin.with_region(&why(user)), overdue.unwrap_or_default())
        };
        let lines: Vec<_> = unhealthy.iter().map(line).collect();
        lists.push(format!("Users to look at, the most severe problem first:\n\n{}", cut(&lines, more)));
    }
    let changed: Vec<_> = run.changed().map(|user| format!("  {}: {}\n", user.user, changes(&user.done))).collect();
    if !changed.is_empty() {
        lists.push(format!("Changes:\n\n{}", cut(&changed, more)));
    }
    NoticeText {
        title: format!("AWS access key rotation: {} users, {} rotated, {attention} to look at", s.users, s.rotated),
        todo: match (attention, unconfirmed) {
            (0, None) => "nothing.".into(),
            (0, Some(_)) => "ask the unconfirmed recipients to confirm.".into(),
            (_, None) => "look at the users below, from the first to the last.".into(),
            (_, Some(_)) => {
                "look at the users below, from the first to the last, and ask the unconfirmed recipients to confirm."
                    .into()
            }
        },
        how: unconfirmed.map(|_| {
            let mut how = administrator(
                "The first command shows who has not confirmed, the second one asks AWS for new mails. Run them",
                origin.make("status"),
            );
            how.commands.push(origin.make("resubscribe"));
            how
        }),
        happened: format!("The run {} of {} checked {} IAM users.", run.run, run.started.to_minute(), s.users),
        reason: None,
        facts,
        attachment: lists.join("\n"),
    }
}

/// Why the run stopped for a user.
pub(super) fn why(user: &UserReport) -> String {
    user.why.clone()
}

/// The changes of a user, in one line.
fn changes(done: &[KeyChange]) -> String {
    let one = |change: &KeyChange| match change {
        KeyChange::Created { key } => format!("key {key} created"),
        KeyChange::Delivered { key } => format!("key {key} delivered"),
        KeyChange::Warned { key } => format!("notice about key {key} sent"),
        KeyChange::Deactivated { key, why: RemovalReason::Withdrawn } => {
            format!("key {key} deactivated, because it was not delivered")
        }
        KeyChange::Deactivated { key, why: RemovalReason::Disuse } => format!("unused key {key} deactivated"),
        KeyChange::Deactivated { key, why: RemovalReason::Revoked } => format!("key {key} revoked"),
        KeyChange::Deactivated { key, .. } => format!("key {key} deactivated"),
        KeyChange::Reactivated { key } => format!("key {key} reactivated"),
        KeyChange::Deleted { key, .. } => format!("key {key} deleted"),
    };
    news(done).map(one).collect::<Vec<_>>().join("; ")
}

pub(super) fn event_problem(event: &BusEvent, problem: &EventProblem) -> NoticeText {
    let (title, todo, happened, shows) = match problem {
        EventProblem::Unreadable(MemberEventError::Unknown(_)) => (
            "AWS access key rotation: a notice of a later version",
            "deploy the stack of the administering account again, with the release that the members have. Then read the event \
             below. It may be a notice for an owner, who did not get it.",
            "The publisher does not know the version of an event, so it did not mail it. Only the administrators get this mail.",
            true,
        ),
        EventProblem::Unreadable(MemberEventError::Invalid(_)) => (
            "AWS access key rotation: a notice that is not valid",
            "read the event below. It may be a notice for an owner, who did not get it. Then find out what sent it.",
            "An event is not valid, so the publisher did not mail it. Only the administrators get this mail.",
            true,
        ),
        EventProblem::OtherAccount(_) => (
            "AWS access key rotation: a notice was refused",
            "find out which principal of this account sent the event. The handler never sends such an event.",
            "A notice names another account than the one that sent it. It was not mailed.",
            false,
        ),
        EventProblem::RefusedBySns(_) => (
            "AWS access key rotation: a notice that SNS refused",
            "read the event below. It may be a notice for an owner, who did not get it. Then find out what sent it.",
            "SNS does not take the mail about an event, so the publisher did not send it. Only the administrators get this mail.",
            true,
        ),
    };
    NoticeText {
        title: title.into(),
        todo: todo.into(),
        happened: happened.into(),
        facts: vec![
            ("Reason", one_line(&problem.to_string())),
            ("Event", one_line(&event.id)),
            ("Sent", event.time.to_minute()),
        ],
        attachment: if shows {
            cut(&event.lines(), |more| format!("(and {more} more lines)\n"))
        } else {
            String::new()
        },
        ..NoticeText::default()
    }
}

pub(super) fn not_an_event(lines: &[String], error: &str) -> NoticeText {
    NoticeText {
        title: "AWS access key rotation: a message that is not an event".into(),
        todo: "find out who sent the message below to the queue of the publisher. Do not follow what it says. If it is an event of \
               a member, its notice was not mailed."
            .into(),
        happened: "The publisher got a message that it cannot read, so it does not know which account sent it. Only the \
                   administrators get this mail."
            .into(),
        facts: vec![("Reason", format!("it is not an event of EventBridge: {}", one_line(error)))],
        attachment: cut(lines, |more| format!("(and {more} more lines)\n")),
        ..NoticeText::default()
    }
}

pub(super) fn sender(account: &AccountId) -> String {
    format!(
        "AWS account {account} sent this notice. AWS itself wrote this number. All text below is from that account."
    )
}

pub(super) fn member_alarm(event: &BusEvent, alarm: &MemberAlarm) -> NoticeText {
    let todo = if alarm.description.is_some() {
        "look at the account below; the meaning of the alarm says what to check."
    } else {
        "open the alarm in the account that is named below."
    };
    let mut facts = vec![("Alarm", alarm.name.clone())];
    facts.extend(alarm.description.clone().map(|meaning| ("Meaning", meaning)));
    facts.extend([("Reason", alarm.reason.clone()), ("Since", event.time.to_minute())]);
    NoticeText {
        title: format!("ALARM: {}", alarm.name),
        todo: todo.into(),
        happened: "An alarm of a member of the organization went into the state ALARM.".into(),
        facts,
        ..NoticeText::default()
    }
}

pub(super) fn summary(s: &RunSummary) -> String {
    let mut sentence = format!(
        "Access keys of {} users checked: {} rotated, {} deactivated, {} deleted, {} failed, {} waiting for a person.",
        s.users, s.rotated, s.deactivated, s.deleted, s.failed, s.needs_attention
    );
    if s.overdue > 0 {
        let _ = write!(sentence, " {} with an overdue key.", s.overdue);
    }
    if s.unsent > 0 {
        let _ = write!(sentence, " {} notices could not be sent.", s.unsent);
    }
    sentence
}
