//! What settings must be to each other.
//!
//! Each rule is told as soon as the settings that it is about are right by themselves, whatever is wrong elsewhere.

use std::collections::BTreeSet;

use lambda::{
    email::Email,
    kms_key::KmsKey,
    metrics::AUDITORS_LIMIT,
    plan::{DeleteAfter, Delivery, Policy, StillInUse},
    principal::PrincipalArn,
    time::Span,
};

use super::{document::Document, settings::Given, watch::Watch};

pub(super) fn check(document: &mut Document<'_>, given: &Given) {
    old_key_is_gone_in_time(document, given);
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

/// IAM allows two keys a user.
fn old_key_is_gone_in_time(document: &mut Document<'_>, given: &Given) -> Option<()> {
    let (rotate_after, overlap, delete_after) = (given.rotate_after?.0, given.overlap?, given.delete_after?);
    let (kept, life) = match delete_after {
        DeleteAfter::Window(window) if window > Span::ZERO => ("overlap + delete_after", overlap + window),
        _ => ("overlap", overlap),
    };
    if rotate_after < life {
        document.broken(
            &[
                ("rotate_after", rotate_after.to_string()),
                ("overlap", overlap.to_string()),
                ("delete_after", delete_after.to_string()),
            ],
            format!("rotate_after is {rotate_after}, but {kept} is {life}"),
            &format!(
                "IAM allows two keys a user, so the old key must be gone before the next rotation: make rotate_after \
                 {life} at least, or {kept} shorter"
            ),
        );
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
    let owners = users.iter().filter_map(|user| user.owner.as_ref());
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
    let nobodys: Vec<_> = users.iter().filter(|user| user.owner.is_none()).map(|user| user.iam.name.as_str()).collect();
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
    let (rotate_after, overlap, period) = (given.rotate_after?.0, given.overlap?, schedule.period()?);
    let still_used = match given.still_in_use? {
        StillInUse::Wait => Policy::quiet_after(overlap),
        StillInUse::Retire => Span::ZERO,
    };
    let oldest = rotate_after + period + overlap + still_used;
    if oldest > AUDITORS_LIMIT {
        document.dubious(
            &[
                ("rotate_after", rotate_after.to_string()),
                ("overlap", overlap.to_string()),
                ("schedule", schedule.as_str().to_owned()),
            ],
            format!(
                "a key can live {oldest}: rotate_after + overlap + the schedule's period, and {still_used} once used"
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
        let names: Vec<_> = none.iter().take(3).map(|user| user.iam.name.as_str()).collect();
        let more = if none.len() > names.len() { ", …" } else { "" };
        document.broken(
            &settings,
            format!("encrypt_to is empty, and so nobody could open the new keys of {}{more}", names.join(", ")),
            "write the public keys of those who may, a line `- age1…` or `- ssh-ed25519 …` for each; age-keygen makes one",
        );
    }
    Some(())
}
