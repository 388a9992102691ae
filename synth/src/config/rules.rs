//! What settings must be to each other.
//!
//! Each rule is told as soon as the settings that it is about are right by themselves, whatever is wrong elsewhere.

use std::collections::BTreeSet;

use lambda::{
    contract::{
        selector::{UserSelector, UserTag},
        user_tags::UserTags,
    },
    model::{email::Email, kms_key::KmsKey, principal::PrincipalArn, time::Span},
    protocol::{
        journal,
        policy::{DeleteAfter, Delivery, Policy, StillInUse},
    },
    report::metrics::AUDITORS_LIMIT,
};

use crate::config::{document::Document, entry::Entry, heartbeat::Watch, selector_setting::Exempt, settings::Given};

pub(super) fn check(document: &mut Document<'_>, given: &Given) {
    one_condition_limits_the_role(document, given);
    some_of_each_choice_are_left(document, given);
    the_handler_writes_no_choice(document, given);
    whoever_tags_is_trusted(document, given);
    old_key_is_gone_in_time(document, given);
    each_old_key_is_gone_in_time(document, given);
    runs_do_not_overlap(document, given);
    waiting_has_an_effect(document, given);
    auditors_are_content(document, given);
    runs_are_watched(document, given);
    some_run_warns(document, given);
    settings_of_secrets_are_used(document, given);
    readers_can_decrypt(document, given);
    encryption_is_to_somebody(document, given);
    addresses_fit_the_topic(document, given);
    secrets_have_owners(document, given);
}

/// The first few of a list.
fn few(words: &[String]) -> String {
    let shown = &words[..words.len().min(3)];
    shown.join(", ") + if words.len() > shown.len() { ", …" } else { "" }
}

/// A tag is a condition on every user that there is, a name or a path is the place itself: the role has one or the other.
fn one_condition_limits_the_role(document: &mut Document<'_>, given: &Given) -> Option<()> {
    const ANOTHER_STACK: &str =
        "give the others a stack of their own (another configuration with its own stack_name), or tag them too";
    let tag = |entry: &Entry| match &entry.who {
        UserSelector::Tag(tag) => Some(tag.clone()),
        _ => None,
    };
    let tags: Vec<_> = given.users.as_ref()?.iter().map(tag).collect();
    let first = tags.iter().flatten().next()?;
    let is_other = |tag: &Option<UserTag>| tag.as_ref().is_none_or(|tag| !tag.key.eq_ignore_ascii_case(&first.key));
    let index = tags.iter().position(is_other)?;
    let problem = match &tags[index] {
        Some(other) => format!("users means tags of two keys, {} and {}", first.key, other.key),
        None => "users means some by a tag and others by name or path".to_owned(),
    };
    let message = format!("{problem}, and the role is limited by one condition, on the values of one tag");
    document.broken_by(("users", index), &[], message, ANOTHER_STACK);
    Some(())
}

/// What is chosen and exempt as a whole is a contradiction, and no way to have nothing done.
fn some_of_each_choice_are_left(document: &mut Document<'_>, given: &Given) -> Option<()> {
    let (users, Exempt(exempt)) = (given.users.as_ref()?, given.exempt.as_ref()?);
    for (index, who) in exempt.iter().enumerate() {
        let gone: Vec<_> = users.iter().filter(|entry| who.contains(&entry.who)).map(Entry::called).collect();
        if !gone.is_empty() {
            document.broken_by(
                ("exempt", index),
                &[("users", String::new())],
                format!("{who} is exempt, and with it everybody whom users means by {}", few(&gone)),
                "remove the one or the other",
            );
        }
    }
    Some(())
}

/// The handler may write tags under its prefix, so none of them may say whose keys it rotates.
fn the_handler_writes_no_choice(document: &mut Document<'_>, given: &Given) -> Option<()> {
    let (users, Exempt(exempt)) = (given.users.as_ref()?, given.exempt.as_ref()?);
    let users = users.iter().map(|entry| &entry.who).enumerate().map(|(index, who)| ("users", index, who));
    let exempt = exempt.iter().enumerate().map(|(index, who)| ("exempt", index, who));
    for (setting, index, who) in users.chain(exempt) {
        let UserSelector::Tag(tag) = who else { continue };
        if tag.key.to_ascii_lowercase().starts_with(journal::PREFIX) {
            document.broken_by(
                (setting, index),
                &[],
                format!(
                    "{setting}: {who} is a tag that the handler itself may write: its journal's begin with {}",
                    journal::PREFIX
                ),
                "choose by another tag",
            );
        }
    }
    Some(())
}

/// Where a mail carries the secret, a tag says who gets it.
fn whoever_tags_is_trusted(document: &mut Document<'_>, given: &Given) -> Option<()> {
    let delivery = given.delivery.filter(|delivery| delivery.is_mail())?;
    if given.user_tags? == UserTags::Honoured {
        document.dubious(
            &[("user_tags", UserTags::Honoured.to_string()), ("delivery", delivery.to_string())],
            "whoever may tag a user says which of the addresses in this file gets its new key: the tag key-rotation:owner, with \
             user_tags: honoured"
                .into(),
            "let nobody write that tag who may not have the key, or set delivery: secrets-manager; an entry that names the \
             user and its owner is not overruled",
        );
    }
    Some(())
}

/// How long an old key is there beside its successor, in the words of the settings, where that is too long: IAM allows two keys a
/// user.
fn too_long(rotate_after: Span, overlap: Span, delete_after: DeleteAfter) -> Option<(&'static str, Span)> {
    let life = delete_after.life_of_old_key(overlap);
    let kept = if life > overlap { "overlap + delete_after" } else { "overlap" };
    (rotate_after < life).then_some((kept, life))
}

fn make_room(kept: &str, life: Span) -> String {
    format!(
        "IAM allows two keys a user, so the old key must be gone before the next rotation: make rotate_after {life} at \
         least, or {kept} shorter"
    )
}

fn old_key_is_gone_in_time(document: &mut Document<'_>, given: &Given) -> Option<()> {
    let (rotate_after, overlap, delete_after) = (given.rotate_after?.0, given.overlap?, given.delete_after?);
    let (kept, life) = too_long(rotate_after, overlap, delete_after)?;
    document.broken(
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

/// The same for those entries that say something of their own about it.
fn each_old_key_is_gone_in_time(document: &mut Document<'_>, given: &Given) -> Option<()> {
    let (users, delete_after) = (given.users.as_ref()?, given.delete_after?);
    let (general, overlap) = (given.rotate_after?.0, given.overlap?);
    for (index, entry) in users.iter().enumerate() {
        // What the entry leaves to the one around it is told there.
        if entry.own.rotate_after.is_none() && entry.own.overlap.is_none() {
            continue;
        }
        let own = entry.holds(users);
        let (rotate_after, overlap) = (own.rotate_after.unwrap_or(general), own.overlap.unwrap_or(overlap));
        if let Some((kept, life)) = too_long(rotate_after, overlap, delete_after) {
            document.broken_by(
                ("users", index),
                &[("delete_after", delete_after.to_string())],
                format!("for {}, rotate_after is {rotate_after}, but {kept} is {life}", entry.called()),
                &make_room(kept, life),
            );
        }
    }
    Some(())
}

fn runs_do_not_overlap(document: &mut Document<'_>, given: &Given) -> Option<()> {
    let (period, timeout) = (given.schedule.as_ref()?.period()?, given.timeout?.0);
    if period < timeout {
        document.broken(
            &[("schedule", given.schedule.as_ref()?.as_str().to_owned()), ("timeout", timeout.to_string())],
            format!("the schedule fires every {period}, but a run may take {timeout} (timeout)"),
            "make the schedule rarer",
        );
    }
    Some(())
}

fn waiting_has_an_effect(document: &mut Document<'_>, given: &Given) -> Option<()> {
    if given.overlap? == Span::ZERO && given.still_in_use? == StillInUse::Wait {
        document.dubious(
            &[("overlap", "0".into()), ("still_in_use", "wait".into())],
            "overlap is 0, so an old key is deactivated before anybody can be seen to use it: still_in_use: wait has \
             next to no effect"
                .into(),
            "set an overlap, or still_in_use: retire",
        );
    }
    Some(())
}

/// A warning is sent by a run, so one must fall into the time for it.
fn some_run_warns(document: &mut Document<'_>, given: &Given) -> Option<()> {
    let (warn_before, rotate_after) = (given.warn_before?, given.rotate_after?.0);
    if warn_before >= rotate_after {
        document.broken(
            &[("warn_before", warn_before.to_string()), ("rotate_after", rotate_after.to_string())],
            format!("warn_before is {warn_before}, but a key is replaced after {rotate_after}"),
            "warn later, or not at all: warn_before: 0",
        );
        return Some(());
    }
    let schedule = given.schedule.as_ref()?;
    let period = schedule.period()?;
    if warn_before > Span::ZERO && warn_before < period {
        document.dubious(
            &[("warn_before", warn_before.to_string()), ("schedule", schedule.as_str().to_owned())],
            format!(
                "a run comes every {period} only, so most keys are replaced without the warning {warn_before} before"
            ),
            &format!("make warn_before {period} at least, or 0"),
        );
    }
    Some(())
}

/// How many subscriptions of a topic may have a filter policy, as each of ours has (SNS Developer Guide, "Filter policy
/// constraints in Amazon SNS").
const MOST_ADDRESSES: usize = 200;

fn addresses_fit_the_topic(document: &mut Document<'_>, given: &Given) -> Option<()> {
    let (users, emails) = (given.users.as_ref()?, given.emails.as_ref()?);
    let owners = users.iter().filter_map(|entry| entry.own.owner.as_ref());
    let addresses: BTreeSet<_> = emails.iter().chain(owners).map(Email::small).collect();
    if addresses.len() > MOST_ADDRESSES {
        document.broken(
            &[("emails", format!("{} addresses", emails.len())), ("users", format!("{} users", users.len()))],
            format!("emails and owners are {} addresses, and an SNS topic takes {MOST_ADDRESSES}", addresses.len()),
            "name an address that passes mails on, or split the users over several stacks",
        );
    }
    Some(())
}

/// Whoever names some owners may think that the administrators get no secret.
fn secrets_have_owners(document: &mut Document<'_>, given: &Given) -> Option<()> {
    let (users, delivery) = (given.users.as_ref()?, given.delivery?);
    let nobodys: Vec<_> = users.iter().filter(|entry| entry.holds(users).owner.is_none()).map(Entry::called).collect();
    if delivery == Delivery::Email && !nobodys.is_empty() && nobodys.len() < users.len() {
        document.dubious(
            &[("users", String::new()), ("delivery", delivery.to_string())],
            format!(
                "some users have an owner and others have none: the administrators (emails) get the new keys of {}, \
                 secrets included",
                nobodys.join(", ")
            ),
            "give each user an owner, or none of them",
        );
    }
    Some(())
}

fn auditors_are_content(document: &mut Document<'_>, given: &Given) -> Option<()> {
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
    // Of several that live as long, the first.
    let ages = own.map(|(whose, rotate_after, overlap)| (life(rotate_after, overlap), overlap, whose));
    let oldest = ages.reduce(|oldest, other| if other.0 > oldest.0 { other } else { oldest });
    let (oldest, own_overlap, whose) = oldest.unwrap_or_else(|| (life(general, overlap), overlap, None));
    if oldest > AUDITORS_LIMIT {
        let of = whose.as_ref().map(|who| format!(" of {who}")).unwrap_or_default();
        let mut settings = vec![
            ("rotate_after", general.to_string()),
            ("overlap", overlap.to_string()),
            ("schedule", schedule.as_str().to_owned()),
        ];
        settings.splice(0..0, whose.map(|_| ("users", String::new())));
        document.dubious(
            &settings,
            format!(
                "a key{of} can live {oldest}: rotate_after + overlap + the schedule's period, and {} once used",
                still_used(own_overlap)
            ),
            &format!("auditors (CIS, Security Hub IAM.3) want at most {AUDITORS_LIMIT}"),
        );
    }
    Some(())
}

/// An alarm that rings where nothing is heard must know how long to listen.
fn runs_are_watched(document: &mut Document<'_>, given: &Given) -> Option<()> {
    let schedule = given.schedule.as_ref()?;
    if Watch::over(schedule).is_none() {
        document.dubious(
            &[("schedule", schedule.as_str().to_owned())],
            "no alarm will tell that runs have stopped: CloudWatch looks back 7 days at most, and this is not known to fire \
             twice in them"
                .into(),
            "let it run daily, rate(1 day), and set rotate_after to the age that a key may reach: looking costs next to nothing",
        );
    }
    Some(())
}

/// Where the mail is the delivery there are no secrets to read or to encrypt.
fn settings_of_secrets_are_used(document: &mut Document<'_>, given: &Given) -> Option<()> {
    let delivery = given.delivery.filter(|delivery| *delivery != Delivery::SecretsManager)?;
    let readers = given.secret_readers.as_ref().filter(|readers| !readers.0.is_empty());
    let key = given.secret_kms_key.as_ref().filter(|key| key.customer().is_some());
    let set = [("secret_readers", readers.map(ToString::to_string)), ("secret_kms_key", key.map(ToString::to_string))];
    for (name, value) in set {
        if let Some(value) = value {
            document.dubious(
                &[(name, value), ("delivery", delivery.to_string())],
                format!("{name} has no effect: with delivery: {delivery} no secret is stored"),
                "set delivery: secrets-manager, or leave it out",
            );
        }
    }
    Some(())
}

/// AWS's own key cannot be used from another account (Secrets Manager User Guide, "Access AWS Secrets Manager secrets
/// from a different account"). The stack's account is not known here; but of two accounts, one is another.
fn readers_can_decrypt(document: &mut Document<'_>, given: &Given) -> Option<()> {
    let (readers, key) = (given.secret_readers.as_ref()?, given.secret_kms_key.as_ref()?);
    let first = readers.0.first().map(PrincipalArn::account)?;
    if *key == KmsKey::AwsManaged && readers.0.iter().any(|reader| reader.account() != first) {
        document.dubious(
            &[("secret_readers", readers.to_string()), ("secret_kms_key", key.to_string())],
            "secret_readers are in several accounts, and another account than the stack's cannot use aws/secretsmanager"
                .into(),
            "set secret_kms_key to a key of your own, whose policy lets them decrypt",
        );
    }
    Some(())
}

/// Mails are encrypted if they are to be, to somebody for each user.
fn encryption_is_to_somebody(document: &mut Document<'_>, given: &Given) -> Option<()> {
    let (users, delivery, all) = (given.users.as_ref()?, given.delivery?, &given.encrypt_to.as_ref()?.0);
    let (own, none): (Vec<_>, Vec<_>) = users.iter().partition(|user| !user.encrypt_to.is_empty());
    let blamed = if all.is_empty() && !own.is_empty() { "users" } else { "encrypt_to" };
    let settings = [(blamed, "[]".into()), ("delivery", delivery.to_string())];
    if delivery != Delivery::EmailEncrypted && (!all.is_empty() || !own.is_empty()) {
        document.broken(
            &settings,
            format!("encrypt_to is set, but with delivery: {delivery} nothing is encrypted"),
            "set delivery: email-encrypted, or leave encrypt_to out",
        );
    }
    if delivery == Delivery::EmailEncrypted && all.is_empty() && !none.is_empty() {
        let names: Vec<_> = none.into_iter().map(Entry::called).collect();
        document.broken(
            &settings,
            format!("encrypt_to is empty, and so nobody could open the new keys of {}", few(&names)),
            "write the public keys of those who may, a line `- age1…` or `- ssh-ed25519 …` for each; age-keygen makes one",
        );
    }
    Some(())
}
