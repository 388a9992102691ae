//! One invocation: which users, how many at once, until when; and the report.

use std::hash::{BuildHasher, RandomState};

use futures_util::{StreamExt, stream};

use crate::{
    dry_run::DryRun,
    event::{BadEvent, Request},
    journal::RunId,
    log,
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

/// Runs the rotation for every user and reports. One user's failure never stops another's.
///
/// `function_ends` is when Lambda stops the function.
///
/// # Errors
/// [`BadEvent`] if the event is not understood; no call was made then.
pub async fn run(
    aws: &impl Aws,
    settings: &Settings,
    event: serde_json::Value,
    request_id: &str,
    function_ends: Timestamp,
) -> Result<Report, BadEvent> {
    let request = Request::read(event, request_id, &settings.users)?;
    Ok(if request.dry_run {
        carry_out(&DryRun::new(aws), settings, &request, function_ends).await
    } else {
        carry_out(aws, settings, &request, function_ends).await
    })
}

async fn carry_out(aws: &impl Aws, settings: &Settings, request: &Request, function_ends: Timestamp) -> Report {
    let started = Timestamp::now();
    let run = Run { id: writer(&request.run), deadline: function_ends.before(MARGIN), order: request.order };
    let users = stream::iter(select::users(settings, request))
        .map(|user| rotate(aws, settings, &run, Timestamp::now, user))
        .buffered(AT_ONCE)
        .collect::<Vec<_>>()
        .await;
    let summary = Summary::of(&users);
    let body = settings.language.summary(&summary);
    let (run, dry_run) = (request.run.clone(), request.dry_run);
    let report = Report { status_code: summary.status_code(), body, run, dry_run, started, summary, users };
    log::report(&report);
    report
}

/// This invocation, among all deliveries of the same event: an id that no other invocation has.
fn writer(id: &RunId) -> RunId {
    id.invocation(RandomState::new().hash_one(Timestamp::now().unix()))
}
