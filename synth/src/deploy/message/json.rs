//! Renders messages for programs, as one JSON object a line.

use serde_json::{Value, json};

use super::{DeployOutcome, Message, Renderer};
use crate::{
    deploy::{
        organization_progress::OrganizationUpdate, progress::ProgressUpdate, root_cause::RootCause,
        run_preview::RunPreview, subscriptions::StackSubscription,
    },
    diff::render,
};

/// The renderer for JSON Lines. Each object has an `event`: `place`, `note`, `plan`, `preview`, `first-deployment`, `resource`, `account`, `accounts`, `unconfirmed`,
/// `awaited` and finally `result`.
#[derive(Debug, Clone, Copy)]
pub struct JsonMessages;

impl Renderer for JsonMessages {
    fn render(&self, message: &Message<'_>) -> String {
        let object = match message {
            Message::Place { account, account_name, region, identity, stack } => json!({
                "event": "place",
                "account": account,
                "accountName": account_name.given(),
                "region": region,
                "identity": identity,
                "stack": stack,
            }),
            Message::Note(note) => json!({ "event": "note", "text": note }),
            Message::Plan { stack, diff, approval, .. } => json!({
                "event": "plan",
                "stack": stack,
                "approval": approval.map(render::approval),
                "diff": render::document(diff),
            }),
            Message::Preview(RunPreview { stack, report, .. }) => {
                json!({ "event": "preview", "stack": stack, "dryRun": report.document })
            }
            Message::FirstDeployment(first) => {
                let mut object = first.json();
                object["event"] = json!("first-deployment");
                object
            }
            Message::ProgressUpdate { stack, news: ProgressUpdate { event, count } } => json!({
                "event": "resource",
                "stack": stack,
                "at": event.at,
                "resource": event.resource,
                "type": event.kind,
                "status": event.status.as_str(),
                "reason": event.reason,
                "done": count.map(|(done, _)| done),
                "of": count.map(|(_, total)| total),
            }),
            Message::Members(OrganizationUpdate::Account { result, count: (done, total) }) => json!({
                "event": "account",
                "account": result.account,
                "status": result.phase.as_str(),
                "reason": result.reason,
                "done": done,
                "of": total,
            }),
            Message::Members(OrganizationUpdate::Part { count: (done, total), failed }) => {
                json!({ "event": "accounts", "done": done, "of": total, "failed": failed })
            }
            Message::Unconfirmed(left) => subscriptions("unconfirmed", left),
            Message::Awaited(left) => subscriptions("awaited", left),
            Message::End(end) => result(end),
        };
        format!("{object}\n")
    }
}

fn subscriptions(event: &str, left: &[StackSubscription]) -> Value {
    json!({ "event": event, "subscriptions": left.iter().map(StackSubscription::json).collect::<Vec<_>>() })
}

fn result(end: &DeployOutcome) -> Value {
    let of = |result: &str| json!({ "event": "result", "result": result });
    let with = |result: &str, fields: &[(&str, Value)]| {
        fields.iter().fold(of(result), |mut object, (name, value)| {
            object[*name] = value.clone();
            object
        })
    };
    match end {
        DeployOutcome::Deployed(outputs) => with("deployed", &[("outputs", json!(outputs))]),
        DeployOutcome::Unchanged(outputs) => with("unchanged", &[("outputs", json!(outputs))]),
        DeployOutcome::NeedsApproval { approvals, package, command } => {
            let fingerprints: Vec<_> = approvals.iter().map(|(_, approval)| approval.fingerprint.to_string()).collect();
            let reasons = approvals.iter().flat_map(|(_, approval)| &approval.reasons).map(ToString::to_string);
            let fields = [
                ("fingerprints", json!(fingerprints)),
                ("reasons", reasons.collect()),
                ("package", json!(package.map(|package| package.to_string()))),
                ("command", json!(command)),
            ];
            with("needs-approval", &fields)
        }
        DeployOutcome::Declined => of("declined"),
        DeployOutcome::Failed { message, cause, .. } => {
            with("failed", &[("message", json!(message)), ("cause", cause.as_ref().map_or(Value::Null, self::cause))])
        }
        DeployOutcome::Interrupted => of("interrupted"),
        // AWS completes what was started.
        DeployOutcome::Left(stack) => with("left", &[("stack", json!(stack))]),
    }
}

fn cause(cause: &RootCause) -> Value {
    let RootCause { resource, kind, reason, advice } = cause;
    json!({ "resource": resource, "type": kind, "reason": reason, "advice": advice })
}
