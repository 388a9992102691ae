//! One invocation: which users, how many at once, until when; and the report.

use std::hash::{BuildHasher, RandomState};

use futures_util::{StreamExt, stream};

use crate::{
    audit::{Mode, Origin},
    dry_run::DryRun,
    event::{BadEvent, Request},
    journal::RunId,
    log,
    metrics::{self, Scope},
    plan::Run,
    report::{Report, Summary},
    rotate::{Aws, rotate},
    select,
    settings::Settings,
    time::{Span, Timestamp},
};

/// How many users are worked on at once. IAM throttles per account and API; it does not publish its rates.
const AT_ONCE: usize = 8;
/// What is kept back of the function's time for the report.
const MARGIN: Span = Span::seconds(5);

/// What Lambda says of an invocation.
#[derive(Debug, Clone, Copy)]
pub struct Invocation<'a> {
    /// Its id.
    pub request: &'a str,
    /// The function's name.
    pub function: &'a str,
    /// When Lambda stops the function.
    pub ends: Timestamp,
}

/// Runs the rotation for every user and reports. One user's failure never stops another's.
///
/// # Errors
/// [`BadEvent`] if the event is not understood; no call was made then.
pub async fn run(
    aws: &impl Aws,
    settings: &Settings,
    event: serde_json::Value,
    invocation: Invocation<'_>,
) -> Result<Report, BadEvent> {
    let request = Request::read(event, invocation.request, &settings.users)?;
    Ok(if request.dry_run {
        carry_out(&DryRun::new(aws), settings, &request, invocation).await
    } else {
        carry_out(aws, settings, &request, invocation).await
    })
}

async fn carry_out(aws: &impl Aws, settings: &Settings, request: &Request, invocation: Invocation<'_>) -> Report {
    let started = Timestamp::now();
    let run = Run { id: writer(&request.run), deadline: invocation.ends.before(MARGIN), order: request.order };
    let mode = if request.dry_run { Mode::Pretended } else { Mode::Real };
    let origin = Origin { request: invocation.request, mode };
    let users = stream::iter(select::users(settings, request))
        .map(|user| rotate(aws, settings, &run, origin, Timestamp::now, user))
        .buffered(AT_ONCE)
        .collect::<Vec<_>>()
        .await;
    let summary = Summary::of(&users);
    let body = settings.language.summary(&summary);
    let (run, dry_run) = (request.run.clone(), request.dry_run);
    let report = Report { status_code: summary.status_code(), body, run, dry_run, started, summary, users };
    log::report(&report);
    let scope = if request.users.is_none() { Scope::Fleet } else { Scope::Named };
    if let Some(event) = metrics::event(&report, scope, settings.policy.rotate_after, invocation.function, Timestamp::now()) {
        log::metrics(&event);
    }
    report
}

/// This invocation, among all deliveries of the same event: an id that no other invocation has.
fn writer(id: &RunId) -> RunId {
    id.invocation(RandomState::new().hash_one(Timestamp::now().unix()))
}
