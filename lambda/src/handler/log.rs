//! Log events: one JSON object on each line of standard output. Lambda sends them to CloudWatch Logs.

use serde_json::{Value, json};

use crate::{
    model::user::UserName,
    protocol::{
        call::{Answer, Call},
        call_error::CallError,
        journal::RunId,
        run::Run,
    },
    report::{
        audit::{self, RunMode, RunOrigin},
        run_report::{Outcome, RunReport},
    },
};

/// Logs one AWS call about one user, with its answer or its failure.
pub fn call(run: &Run, origin: RunOrigin<'_>, user: &UserName, call: &Call, answer: Result<&Answer, &CallError>) {
    line(&audit::event(run, origin, user, call, answer));
}

/// Logs one notice, about one user or about the whole run, and whether it was sent.
pub fn notice(run: &RunId, origin: RunOrigin<'_>, user: Option<&UserName>, notice: &str, failure: Option<&CallError>) {
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
    line(&event);
}

/// Logs the end of a run: one event for each user, and one for the whole run.
pub fn report(report: &RunReport) {
    for user in &report.users {
        let bad = matches!(user.result, Outcome::Failed | Outcome::NeedsAttention);
        line(&json!({
            "level": if bad { "ERROR" } else { "INFO" },
            "run": report.run,
            "dryRun": report.dry_run,
            "user": user.user,
            "result": user.result,
            "why": user.why,
            "done": user.done,
        }));
    }
    line(&json!({
        "level": if report.status_code == 200 { "INFO" } else { "ERROR" },
        "run": report.run,
        "dryRun": report.dry_run,
        "summary": report.summary,
        "message": report.body,
    }));
}

/// Logs the metrics of the run for CloudWatch.
pub fn metrics(event: &Value) {
    line(event);
}

/// Logs an invocation that could not begin.
pub fn refused(reason: &str) {
    line(&json!({ "level": "ERROR", "message": reason }));
}

/// Writes the event as one line, whatever it contains: JSON escapes a line break as `\n`.
fn line(event: &Value) {
    println!("{event}");
}
