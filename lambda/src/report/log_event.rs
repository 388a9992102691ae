//! The log events of a run besides its calls: notices, results, and an invocation that could not begin.
//!
//! Pure: [`crate::handler::log`] prints them.

use serde_json::{Value, json};

use crate::{
    contract::member_event::{MemberNotice, MemberRun},
    model::{account_id::AccountId, user::UserName},
    protocol::{call_error::CallError, journal::RunId},
    report::{
        audit::{RunMode, RunOrigin},
        run_report::{Outcome, RunReport},
    },
};

/// The name of the event for a run of a member. `synth status` searches the log of the publisher for it.
pub const MEMBER_RUN: &str = "member_run";

/// The name of the event for a changed state of a member's alarm. `synth status` searches the log of the publisher for it.
pub const MEMBER_ALARM: &str = "member_alarm";

/// The event for one notice, about one user or about the whole run, and whether it was sent.
#[must_use]
pub fn notice(
    run: &RunId,
    origin: RunOrigin<'_>,
    user: Option<&UserName>,
    notice: &str,
    failure: Option<&CallError>,
) -> Value {
    let mut event = json!({
        "level": if failure.is_some() { "WARN" } else { "INFO" },
        "event": match origin.mode {
            RunMode::Real => "notice",
            RunMode::Pretended => "dry-run",
        },
        "run": run,
        "requestId": origin.request,
        "notice": notice,
    });
    if let Some(user) = user {
        event["user"] = json!(user);
    }
    if let Some(failure) = failure {
        event["error"] = json!(failure.to_string());
    }
    event
}

/// The events at the end of a run: one for each user, and one for the whole run.
#[must_use]
pub fn results(report: &RunReport) -> Vec<Value> {
    let of_user = report.users.iter().map(|user| {
        let bad = matches!(user.result, Outcome::Failed | Outcome::NeedsAttention);
        json!({
            "level": if bad { "ERROR" } else { "INFO" },
            "run": report.run,
            "dryRun": report.dry_run,
            "user": user.user,
            "result": user.result,
            "why": user.why,
            "done": user.done,
            "overdue": user.overdue,
        })
    });
    let of_run = json!({
        "level": if report.status_code == 200 { "INFO" } else { "ERROR" },
        "run": report.run,
        "dryRun": report.dry_run,
        "allUsers": report.all_users,
        "summary": report.summary,
        "message": report.body,
    });
    of_user.chain([of_run]).collect()
}

/// The event for a run of a member of an organization.
#[must_use]
pub fn member_run(account: &AccountId, run: &MemberRun) -> Value {
    let mut event = json!({ "level": "INFO", "event": MEMBER_RUN, "account": account });
    if let (Value::Object(event), Value::Object(run)) = (&mut event, json!(run)) {
        event.extend(run);
    }
    event
}

/// The event for a notice of a member.
#[must_use]
pub fn member_notice(account: &AccountId, id: &str, notice: &MemberNotice) -> Value {
    let mut event = json!({
        "level": "INFO",
        "event": "member_notice",
        "account": account,
        "id": id,
        "notice": notice.document.get("event"),
    });
    if let Some(user) = &notice.user {
        event["user"] = json!(user);
    }
    event
}

/// The event for a changed state of a member's alarm.
#[must_use]
pub fn member_alarm(account: &AccountId, alarm: &str, state: &str) -> Value {
    json!({ "level": "INFO", "event": MEMBER_ALARM, "account": account, "alarm": alarm, "state": state })
}

/// The event for a member's event that is not mailed to its recipients.
#[must_use]
pub fn member_event_refused(account: &AccountId, id: &str, problem: &str, reason: &str) -> Value {
    json!({
        "level": "ERROR",
        "event": "member_event_refused",
        "account": account,
        "id": id,
        "problem": problem,
        "reason": reason,
    })
}

/// The event for an invocation that could not begin, and for a message of the publisher's queue that is not an event.
#[must_use]
pub fn refused(reason: &str) -> Value {
    json!({ "level": "ERROR", "message": reason })
}
