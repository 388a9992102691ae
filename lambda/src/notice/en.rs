//! The mails in English.

use std::fmt::Write;

use super::{
    Aftermath, Digested, Mail, NoticeKind, Rotated, SecretLocation,
    digest::{cut, news},
};
use crate::{
    model::{
        access_key::{AccessKeyId, KeyStatus, LastUse},
        email::Email,
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
    report::run_report::{KeyChange, Summary, UserReport},
};

pub(super) fn rotated(facts: &Rotated<'_>) -> Mail {
    let Rotated { user, key, now, .. } = facts;
    let mut body = format!("IAM user {user} has a new access key.\n\nAccess key ID:      {key}\n");
    match &facts.secret {
        SecretLocation::InThisMail(secret) => {
            let _ = writeln!(body, "Secret access key:  {}", secret.expose());
            let _ = writeln!(body, "Delivered:          {}", now.to_minute());
            body.push_str("\nWhat to do: put the new key in place of the old one, then delete this mail.\n");
        }
        SecretLocation::Encrypted(block) => {
            body.push_str("Secret access key:  in the block below, encrypted\n");
            let _ = writeln!(body, "Delivered:          {}", now.to_minute());
            let commands = block.commands("KEY_FILE");
            let run = if commands.len() == 1 { "run" } else { "run what fits your kind of key" };
            let _ = write!(
                body,
                "\nWhat to do: put the new key in place of the old one. To read it, {run}\n\n{}\nand paste the block, from \
                 its first dashes to its last. Each line must begin at the very left: no \">\", no space before it.\n\n{}",
                commands.concat(),
                block.text
            );
        }
        SecretLocation::SecretsManager(name) => {
            let _ = writeln!(body, "Secret access key:  in Secrets Manager, {name}");
            let _ = writeln!(body, "Delivered:          {}", now.to_minute());
            let _ = write!(
                body,
                "\nWhat to do: put the new key in place of the old one. To read it:\n\n    \
                 aws secretsmanager get-secret-value --secret-id '{name}' --query SecretString --output text\n"
            );
        }
    }
    for old in &facts.replaced {
        let _ = write!(body, "\nThe old key {} (created {}) ", old.id, old.created.to_minute());
        let fate = facts.fate();
        let fate_of_key = match (old.status, fate.at_once) {
            (KeyStatus::Inactive, _) => "was inactive already".to_owned(),
            (KeyStatus::Active, true) => "is deactivated now".to_owned(),
            (KeyStatus::Active, false) => format!("works at least until {}", fate.active_until.to_minute()),
        };
        body.push_str(&fate_of_key);
        if old.status == KeyStatus::Active && fate.waits_while_in_use {
            body.push_str(if fate.at_once {
                ", unless it is still in use"
            } else {
                ", and as long as something still uses it"
            });
        }
        body.push_str(".\n");
        let _ = match fate.deleted {
            DeleteAfter::NextRotation => {
                writeln!(body, "It is deleted at the next rotation; until then it can be reactivated.")
            }
            DeleteAfter::Window(span) if span.as_seconds() == 0 => writeln!(body, "It is deleted once it is inactive."),
            DeleteAfter::Window(span) => {
                writeln!(body, "It is deleted {span} after its deactivation; until then it can be reactivated.")
            }
        };
    }
    Mail { subject: format!("AWS access key rotated: {user}"), body }
}

pub(super) fn warning(user: &UserName, warning: &Warning) -> Mail {
    let (subject, body) = match warning {
        Warning::ComingUp(key, due) => (
            "AWS access key will be replaced",
            format!(
                "The access key {key} of IAM user {user} will be replaced after {}.\n\n\
                 What to do: nothing yet. You get a notice when the new key is there. Until then, find out where the old key \
                 is in use.\n",
                due.to_minute()
            ),
        ),
        Warning::Pair { older, newer, until } => (
            "AWS access key will be deactivated",
            format!(
                "IAM user {user} has two active access keys that the rotation did not make. A rotation needs one of the two \
                 places, so the older key will be deactivated.\n\n\
                 Older key:          {older}, deactivated after {} if it is unused then\n\
                 Younger key:        {newer}, stays active\n\n\
                 What to do: find out which workloads use the older key. Give them the younger key, or a user of their own. If \
                 a workload uses the older key rarely, for example once a month, do this before the date.\n",
                until.to_minute()
            ),
        ),
        Warning::Inactive(key, until) => (
            "AWS access key will be deleted",
            format!(
                "The access key {key} of IAM user {user} is inactive, and the rotation did not deactivate it.\n\n\
                 It is deleted:      {}\n\n\
                 What to do: nothing, if the key is no longer needed. If it is, activate it before it is deleted.\n",
                until.map_or("at the next rotation".to_owned(), |until| format!("after {}", until.to_minute()))
            ),
        ),
        Warning::Unused(key, until) => (
            "AWS access key is unused",
            format!(
                "The access key {key} of IAM user {user} is not used. It will be deactivated, and the user gets no new key.\n\n\
                 It is deactivated:  after {}, if it is still unused then\n\n\
                 What to do: nothing, if the user no longer needs access. If a workload still needs the key, use the key before \
                 the date.\n",
                until.to_minute()
            ),
        ),
    };
    Mail { subject: format!("{subject}: {user}"), body }
}

pub(super) fn notice(user: &UserName, kind: &NoticeKind<'_>, now: Timestamp) -> Mail {
    let (subject, body) = match kind {
        NoticeKind::StillInUse { old, new, last_use, required_idle_time, until } => {
            ("AWS access key still in use", still_in_use(user, old, *new, last_use, (*required_idle_time, *until)))
        }
        NoticeKind::Retired { old, new, deleted } => {
            ("AWS access key deactivated", retired(user, old, *new, *deleted, now))
        }
        NoticeKind::Disused { key } => ("AWS access key deactivated", disused(user, key, now)),
        NoticeKind::Revoked { key, new } => ("AWS access key revoked", revoked(user, key, *new, now)),
        NoticeKind::PairInUse { older, newer, last_use } => {
            ("AWS access key still in use", pair_in_use(user, older, *newer, last_use))
        }
        NoticeKind::Deleted { old, new, why } => ("AWS access key deleted", deleted(user, old, *new, *why)),
        NoticeKind::Reactivated { old, new, until } => {
            ("AWS access key reactivated", reactivated(user, old, *new, *until))
        }
        NoticeKind::Failed { call, failure, aftermath } => {
            ("AWS access key rotation failed", failed(user, call, failure, *aftermath, now))
        }
        NoticeKind::NeedsAttention(doubt) => ("AWS access key needs a decision", needs_attention(user, doubt)),
        NoticeKind::NoConfirmedRecipient { mailboxes } => {
            ("AWS access key not rotated", no_confirmed_recipient(user, mailboxes))
        }
    };
    Mail { subject: format!("{subject}: {user}"), body }
}

fn still_in_use(
    user: &UserName,
    old: &AccessKeyId,
    new: Option<&AccessKeyId>,
    last_use: &LastUse,
    (required_idle_time, until): (Option<Timestamp>, Option<Timestamp>),
) -> String {
    let (in_use, last, todo) = match last_use {
        LastUse::Used { at, service, region } => (
            format!(
                "The old access key {old} of IAM user {user} was used after its successor was delivered, so it stays active."
            ),
            format!("{} in {}, {}", one_line(service), one_line(region), at.to_minute()),
            "find what still works with the old key, and give it the new one; nothing, if you have done so since then. Once \
             the old key is left alone, a run deactivates it.",
        ),
        LastUse::Never | LastUse::Unknown => (
            format!(
                "Whether the old access key {old} of IAM user {user} is still in use is not known, so it stays active."
            ),
            "could not be read".into(),
            "nothing yet. The next run asks again.",
        ),
    };
    let stays = match required_idle_time {
        Some(required_idle_time) => format!("until {}, and longer if it is used again", required_idle_time.to_minute()),
        None => "for as long as that is not known".to_owned(),
    };
    let end = until.map(|until| format!("; from {} on it is deactivated all the same", until.to_minute()));
    let until = stays + &end.unwrap_or_default();
    let successor = new.map(|new| format!("New key:            {new}\n")).unwrap_or_default();
    format!("{in_use}\n\n{successor}Last use:           {last}\nStays active:       {until}\n\nWhat to do: {todo}\n")
}

fn retired(
    user: &UserName,
    old: &AccessKeyId,
    new: Option<&AccessKeyId>,
    deleted: DeleteAfter,
    now: Timestamp,
) -> String {
    let deleted = match deleted {
        DeleteAfter::NextRotation => "at the next rotation".to_owned(),
        DeleteAfter::Window(Span::ZERO) => "by the next run".to_owned(),
        DeleteAfter::Window(span) => format!("from {} on", (now + span).to_minute()),
    };
    format!(
        "The old access key {old} of IAM user {user} is deactivated. From now on AWS refuses whatever still works with it.\n\n\
         The user's key:     {}\n\
         Deactivated:        {}\n\
         It is deleted:      {deleted}\n\n\
         What to do: nothing, as long as everything works. If something fails, give it the user's key. Until shortly before \
         the old key is deleted, an administrator can bring it back:\n\n    \
         make undo USERS='{user}'\n",
        that_works(new),
        now.to_minute()
    )
}

fn disused(user: &UserName, key: &AccessKeyId, now: Timestamp) -> String {
    format!(
        "The access key {key} of IAM user {user} is deactivated, because it was not used.\n\n\
         Deactivated:        {}\n\n\
         What to do: nothing, if the user no longer needs access. If a workload fails, an administrator can reactivate the \
         key:\n\n    \
         make undo USERS='{user}'\n",
        now.to_minute()
    )
}

fn revoked(user: &UserName, key: &AccessKeyId, new: Option<&AccessKeyId>, now: Timestamp) -> String {
    format!(
        "The access key {key} of IAM user {user} is revoked: a person has deactivated it. AWS refuses every request that is \
         signed with it.\n\n\
         The user's key:     {}\n\
         Revoked:            {}\n\n\
         What to do: give every workload of the revoked key the user's key. Do not activate the revoked key again.\n",
        that_works(new),
        now.to_minute()
    )
}

fn pair_in_use(user: &UserName, older: &AccessKeyId, newer: Option<&AccessKeyId>, last_use: &LastUse) -> String {
    format!(
        "IAM user {user} has two active access keys that the rotation did not make. The older one, {older}, is in use, so it \
         stays active, and no key of the user is replaced.\n\n\
         Younger key:        {}\n\
         Last use:           {last_use}\n\n\
         What to do: give the workload of the older key the younger key, or a user of its own.\n",
        that_works(newer)
    )
}

fn deleted(user: &UserName, old: &AccessKeyId, new: Option<&AccessKeyId>, why: RemovalReason) -> String {
    let why = match why {
        RemovalReason::PlaceNeeded => "its place was needed for a new key",
        RemovalReason::WindowOver
        | RemovalReason::Superseded
        | RemovalReason::Withdrawn
        | RemovalReason::Disuse
        | RemovalReason::Revoked => "it was kept for as long as the configuration says",
    };
    format!(
        "The inactive access key {old} of IAM user {user} is deleted. It cannot be brought back.\n\n\
         The user's key:     {}\n\
         Why:                {why}\n\n\
         What to do: nothing. AWS has refused the deleted key since it was deactivated; whatever still names it needs the \
         user's key.\n",
        that_works(new)
    )
}

fn that_works(key: Option<&AccessKeyId>) -> String {
    key.map_or_else(|| "none that works".to_owned(), ToString::to_string)
}

fn reactivated(user: &UserName, old: &AccessKeyId, new: Option<&AccessKeyId>, until: Option<Timestamp>) -> String {
    let mut body = format!("The old access key {old} of IAM user {user} is active again.\n");
    if let Some(new) = new {
        let _ = write!(body, "\nNew key:            {new}, which works as well\n");
        if let Some(until) = until {
            let _ = writeln!(body, "It is left alone:   until {}, when the new key is due", until.to_minute());
        }
        body.push_str("\nWhat to do: find out what still needs the old key, and give it the new one.\n");
    } else {
        body.push_str("\nWhat to do: nothing.\n");
    }
    body
}

fn failed(user: &UserName, call: &Call, failure: &CallError, aftermath: Aftermath<'_>, now: Timestamp) -> String {
    // No run takes a rotation over before that.
    let later = (now + LEASE).to_minute();
    let aftermath = match aftermath {
        Aftermath::Untouched => "Nothing was changed. The next run tries again.".to_owned(),
        Aftermath::Unfinished => "What was done before that stands. The next run goes on.".to_owned(),
        Aftermath::Uncertain => {
            "Whether that was done is not certain. A key that works goes on working, and the next run finds out."
                .to_owned()
        }
        Aftermath::Withdrawn => {
            format!("The new key was removed again, and the old one is as it was. A run after {later} tries again.")
        }
        Aftermath::DeliveryUnknown(Some(key)) => format!(
            "The new key {key} was created, and it is not certain that its secret has arrived. The key that was in use before \
             is as it was. A run after {later} finds out: it keeps a key of which it knows that it has arrived (stored, or in use \
             by then), and removes another; put no key of an older mail in place after that."
        ),
        Aftermath::DeliveryUnknown(None) => format!(
            "Whether a new key was created is not certain. The key that was in use before is as it was. A run after {later} \
             finds out, and removes a key that nobody has received."
        ),
    };
    let todo = match (&failure.code, failure.code.as_str()) {
        (_, "NoSuchEntity") => "if the user is gone for good, take it out of the configuration and deploy.",
        (code, _) if code.is_denial() => {
            "an administrator looks for what denies the function's role this call: the role itself (deploy the stack again), \
             a permissions boundary, or a policy of the organization."
        }
        (_, "MalformedPolicyDocumentException") => {
            "an administrator takes out of secret_readers whoever is not there any more, and deploys."
        }
        (code, _) if code.says_what_to_do() => "an administrator does what is said above.",
        _ => "nothing yet. If the next run says the same, an administrator looks into the function's log.",
    };
    format!(
        "The rotation has stopped for IAM user {user}, because a step failed. {aftermath}\n\n\
         What failed:        {}\n\
         Why:                {failure}\n\n\
         What to do: {todo}\n",
        one_line(&call.to_string())
    )
}

fn needs_attention(user: &UserName, doubt: &NeedsAttention) -> String {
    let (why, todo) = match doubt {
        NeedsAttention::Journal(garbled) => (
            format!("the tag {} is \"{}\", which the rotation never writes", garbled.tag, one_line(&garbled.value)),
            "find out who wrote the tag, then remove it from the user.".to_owned(),
        ),
        NeedsAttention::Future(at) => (
            format!("a tag {PREFIX}… speaks of {}, which is yet to come", at.to_minute()),
            "find out who wrote the tag, then remove it from the user.".to_owned(),
        ),
        NeedsAttention::UnclearOrigin => (
            "a rotation was left unfinished, and it is unclear which key it has made".to_owned(),
            format!("delete the key that nobody uses, then remove the tag {INTENT}… from the user."),
        ),
        NeedsAttention::OrphanInUse(key, last_use) => (
            format!(
                "a rotation was left unfinished; {key} looks like the key that it has made, but is in use ({last_use})"
            ),
            format!(
                "if somebody has made the key by hand, remove the tag {INTENT}… from the user; if not, find out who uses it."
            ),
        ),
        NeedsAttention::SameAge => (
            "two active keys were created in the same second, so neither is the older".to_owned(),
            "deactivate the one that nobody uses.".to_owned(),
        ),
        NeedsAttention::ForeignKey { delivered, foreign } => (
            format!(
                "key {delivered}, which the rotation delivered, is due. Key {foreign}, of which no note says that the rotation \
                 made it, takes the other place"
            ),
            "find out which of the two keys is in use, and delete the other.".to_owned(),
        ),
        NeedsAttention::LateDelivery { key, at, until } => (
            format!(
                "a note says that key {key} was delivered at {}, after it was due itself. The old key stays active until {}",
                at.to_minute(),
                until.to_minute()
            ),
            format!("if no rotation ended then, find out who wrote the tag {DELIVERED}, and remove it from the user."),
        ),
        NeedsAttention::ManagedBy(manager) => (
            format!("the stack {manager} manages the keys of the user, too"),
            "exempt the user in one of the two stacks. If that stack is gone, let this one succeed it: make adopt \
             USER=NAME."
                .to_owned(),
        ),
        NeedsAttention::OtherChannel => (
            "a rotation was left unfinished before the delivery was changed, so it is unclear whether its key reached its \
             owner"
                .to_owned(),
            "find out whether the owner has the younger key. Then run: make adopt USER=NAME. Both keys stay until one of them \
             is unused."
                .to_owned(),
        ),
        NeedsAttention::Left => (
            "the user is no longer selected, but a rotation is open, so two keys may stay active".to_owned(),
            format!(
                "select the user again until the rotation is over. Or deactivate the older key by hand, and remove the tags \
                 {PREFIX}… from the user."
            ),
        ),
        NeedsAttention::TooManyKeys(keys) => (
            format!("the user has {keys} access keys, where IAM allows two"),
            "delete those that nobody uses.".to_owned(),
        ),
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
            "remove tags from the user that nobody needs.".to_owned(),
        ),
    };
    format!(
        "The rotation leaves IAM user {user} alone until a person has decided something. Its keys stay as they are.\n\n\
         Why:                {why}\n\n\
         What to do: {todo}\n"
    )
}

fn no_confirmed_recipient(user: &UserName, mailboxes: &[&Email]) -> String {
    let all: Vec<_> = mailboxes.iter().map(|email| email.as_str()).collect();
    let one_of = if all.len() > 1 { "one of " } else { "" };
    format!(
        "The access key of IAM user {user} is due, and is not replaced: the new key would be mailed, and no recipient has \
         confirmed its subscription. The old key is as it was.\n\n\
         Who must confirm:   {one_of}{}\n\n\
         What to do: find the mail \"AWS Notification - Subscription Confirmation\" in that mailbox and follow its link. The \
         link is good for two days. After that, an administrator asks AWS for a new mail: make resubscribe\n",
        all.join(", ")
    )
}

pub(super) fn digest(run: &Digested<'_>) -> Mail {
    let Digested { summary: s, .. } = run;
    let unhealthy = run.unhealthy();
    let attention = unhealthy.len();
    let mut body = format!(
        "The run {} of {} looked at {} IAM users.\n\n\
         Rotated:            {}\n\
         Deactivated:        {}\n\
         Deleted:            {}\n\
         Failed:             {}\n\
         For a person:       {}\n\
         Overdue:            {}\n",
        run.run,
        run.started.to_minute(),
        s.users,
        s.rotated,
        s.deactivated,
        s.deleted,
        s.failed,
        s.needs_attention,
        s.overdue
    );
    if s.unsent > 0 {
        let _ = writeln!(body, "Notices not sent:   {}", s.unsent);
    }
    if let Some(count) = s.unconfirmed.filter(|count| *count > 0) {
        let _ = writeln!(
            body,
            "Unconfirmed:        {count} addresses; make status names them, make resubscribe asks for new mails"
        );
    }
    let more = |n| format!("  … and {n} more; the function's log names them\n");
    if attention > 0 {
        let line = |user: &&UserReport| {
            let overdue = user
                .overdue
                .as_ref()
                .map(|Overdue { key, since }| format!(" (key {key} is overdue since {})", since.to_minute()));
            format!("  {}: {}{}\n", user.user, user.why, overdue.unwrap_or_default())
        };
        let lines: Vec<_> = unhealthy.iter().map(line).collect();
        let _ = write!(body, "\nUsers to look at:\n\n{}", cut(&lines, more));
    }
    let changed: Vec<_> = run.changed().map(|user| format!("  {}: {}\n", user.user, changes(&user.done))).collect();
    if !changed.is_empty() {
        let _ = write!(body, "\nChanges:\n\n{}", cut(&changed, more));
    }
    if attention == 0 {
        body.push_str("\nNothing needs your attention.\n");
    }
    let subject = format!("AWS access key rotation: {} users, {} rotated, {attention} to look at", s.users, s.rotated);
    Mail { subject, body }
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

pub(super) fn summary(s: &Summary) -> String {
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
