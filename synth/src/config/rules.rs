//! What settings must be to each other.
//!
//! Each rule is told as soon as the settings that it is about are right by themselves, whatever is wrong elsewhere.

use lambda::{
    plan::{DeleteAfter, Delivery, StillInUse},
    time::Span,
};

use super::{document::Document, settings::Given};

/// The age at which CIS AWS Foundations and Security Hub (IAM.3) find a key too old.
const AUDITORS_LIMIT: Span = Span::days(90);

pub(super) fn check(document: &mut Document<'_>, given: &Given) {
    old_key_is_gone_in_time(document, given);
    runs_do_not_overlap(document, given);
    waiting_has_an_effect(document, given);
    auditors_are_content(document, given);
    some_run_warns(document, given);
    encryption_is_to_somebody(document, given);
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

fn auditors_are_content(document: &mut Document<'_>, given: &Given) -> Option<()> {
    let schedule = given.schedule.as_ref()?;
    let (rotate_after, overlap, period) = (given.rotate_after?.0, given.overlap?, schedule.period()?);
    let oldest = rotate_after + period + overlap;
    if oldest > AUDITORS_LIMIT {
        document.dubious(
            &[
                ("rotate_after", rotate_after.to_string()),
                ("overlap", overlap.to_string()),
                ("schedule", schedule.as_str().to_owned()),
            ],
            format!("a key can live {oldest}: rotate_after + overlap + the schedule's period"),
            &format!("auditors (CIS, Security Hub IAM.3) want at most {AUDITORS_LIMIT}"),
        );
    }
    Some(())
}

/// A mail is encrypted exactly where it can be opened.
fn encryption_is_to_somebody(document: &mut Document<'_>, given: &Given) -> Option<()> {
    let (delivery, encrypt_to) = (given.delivery?, &given.encrypt_to.as_ref()?.0);
    let all: Vec<_> = encrypt_to.iter().map(ToString::to_string).collect();
    let settings = [("encrypt_to", format!("[{}]", all.join(", "))), ("delivery", delivery.to_string())];
    match (delivery, encrypt_to.as_slice()) {
        (Delivery::EmailEncrypted, []) => document.broken(
            &settings,
            "encrypt_to is empty, but with delivery: email-encrypted somebody must be able to open the mails".into(),
            "write the public key of each person who may, a line `- age1…` or `- ssh-ed25519 …` for each; \
             age-keygen makes one",
        ),
        (Delivery::SecretsManager | Delivery::Email, [_, ..]) => document.broken(
            &settings,
            format!("encrypt_to is set, but with delivery: {delivery} nothing is encrypted to it"),
            "set delivery: email-encrypted, or leave encrypt_to out",
        ),
        _ => {}
    }
    Some(())
}
