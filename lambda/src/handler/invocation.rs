//! One invocation: it runs the rotation for each user, several at once, until the deadline, and reports.

use std::hash::{BuildHasher, RandomState};

use futures_util::{StreamExt, stream};

use crate::{
    contract::{event::RunRequest, settings::Settings},
    handler::{
        dry_run::DryRun,
        executor::{Aws, rotate},
        load_users::{AccountLists, LoadUsersError, select},
        log,
        subscriptions::Subscriptions,
    },
    model::time::{Span, Timestamp},
    notice::{self, Digested, Mail},
    protocol::{
        call_error::{CallError, ErrorCode},
        journal::RunId,
        manager::Manager,
        run::{JournalUse, Run, RunAction},
        stop_reason::{NeedsAttention, StopReason},
    },
    report::{
        audit::{RunMode, RunOrigin},
        log_event,
        metrics::{self, RunScope},
        run_report::{RunReport, Summary, Unsent, UserReport},
    },
    selection::{
        fleet::{Fleet, Subject},
        routing::Envelope,
    },
};

/// How many users are handled at once. IAM throttles for each account and API, and does not publish its rates. The
/// SDK's adaptive retries slow down after each throttled call, so with many users at once they come to a standstill.
/// With 128 MB's share of a processor, more users at once would not be faster (BENCHMARKS.md).
const AT_ONCE: usize = 8;
/// The part of the function's time that is reserved for the report.
const MARGIN: Span = Span::seconds(5);
/// The digest as a kind of notice, for the report and the log.
pub const DIGEST: &str = "digest";

/// What Lambda tells the function about an invocation.
#[derive(Debug, Clone, Copy)]
pub struct Invocation<'a> {
    /// Lambda's request id.
    pub request: &'a str,
    /// The function's name.
    pub function: &'a str,
    /// When Lambda stops the function.
    pub ends: Timestamp,
}

/// Runs the rotation for every user and reports. One user's failure never stops another's.
///
/// # Errors
/// [`LoadUsersError`] if the users of the run cannot be determined. Then no key was touched.
pub async fn run(
    aws: &(impl Aws + AccountLists),
    settings: &Settings,
    event: serde_json::Value,
    invocation: Invocation<'_>,
) -> Result<RunReport, LoadUsersError> {
    let request = RunRequest::read(event, invocation.request)?;
    let manager = settings.manager(invocation.function).map_err(LoadUsersError::Function)?;
    let fleet = select(aws, settings, &request, &manager, Timestamp::now()).await?;
    Ok(if request.dry_run {
        carry_out(&DryRun::new(aws), settings, &request, manager, fleet, invocation).await
    } else {
        carry_out(aws, settings, &request, manager, fleet, invocation).await
    })
}

async fn carry_out(
    aws: &impl Aws,
    settings: &Settings,
    request: &RunRequest,
    manager: Manager,
    fleet: Fleet,
    invocation: Invocation<'_>,
) -> RunReport {
    let started = Timestamp::now();
    let run = Run {
        id: writer(&request.run),
        deadline: invocation.ends.before(MARGIN),
        action: request.action.clone(),
        manager,
        journal: if request.dry_run { JournalUse::Always } else { JournalUse::IfNeeded },
    };
    let mode = if request.dry_run { RunMode::Pretended } else { RunMode::Real };
    let origin = RunOrigin { request: invocation.request, mode };
    let subscriptions = Subscriptions::new(&settings.topic);
    let post = NoticeSender { aws, settings, run: &run, origin };
    let look = async |(place, subject): (usize, Subject)| {
        let settings = settings.for_subject(&subject);
        let run = Run { journal: run.journal.max(subject.journal), ..run.clone() };
        let report = rotate(aws, &settings, &run, origin, &subscriptions, Timestamp::now, &subject.user).await;
        let unsent = post.notices(&report, &settings).await;
        (place, report, unsent)
    };
    // A finished user makes room for the next one at once. The sort puts the report into order again.
    let subjects = stream::iter(fleet.subjects.into_iter().enumerate());
    let mut done: Vec<_> = subjects.map(look).buffer_unordered(AT_ONCE).collect().await;
    done.sort_by_key(|(place, ..)| *place);
    let (mut users, mut unsent): (Vec<_>, Vec<_>) =
        done.into_iter().map(|(_, report, unsent)| (report, unsent)).unzip();
    let misconfigured = fleet.misconfigured.into_iter();
    let misconfigured = misconfigured.map(|(listed, error)| (listed, NeedsAttention::UserConfigError(error)));
    let left = fleet.left.into_iter().map(|listed| (listed, NeedsAttention::Left));
    for (listed, why) in misconfigured.chain(left) {
        let rest = StopReason::NeedsAttention(why);
        let report = UserReport::new(listed.name, &request.action, Vec::new(), Vec::new(), Vec::new(), &rest);
        unsent.push(post.notices(&report, settings).await);
        users.push(report);
    }
    let mut unsent = unsent.concat();
    let is_fleet = request.users.is_none() && request.action == RunAction::Routine;
    // A list that cannot be read is an error of each user that needs it. Without such a user, the metric is absent.
    let unconfirmed =
        if is_fleet { subscriptions.unconfirmed(aws, settings).await.unwrap_or_default() } else { Vec::new() };
    let mut summary = Summary {
        users: users.len() + fleet.not_due.users,
        exempt: fleet.exempt,
        unsent: unsent.len(),
        unconfirmed: unconfirmed.len(),
        ..Summary::of(&users)
    };
    let digested = Digested { run: &request.run, started, summary: &summary, users: &users };
    unsent.extend(post.digest(&digested).await);
    summary.unsent = unsent.len();
    let body = settings.language.summary(&summary);
    let (run, dry_run) = (request.run.clone(), request.dry_run);
    let report = RunReport {
        status_code: summary.status_code(),
        body,
        run,
        dry_run,
        started,
        summary,
        users,
        not_due: fleet.not_due,
        unsent,
        unconfirmed,
    };
    log_event::results(&report).into_iter().for_each(log::line);
    let scope = if is_fleet { RunScope::Fleet } else { RunScope::Named };
    if let Some(event) =
        metrics::event(&report, scope, settings.policy.rotate_after, invocation.function, Timestamp::now())
    {
        log::line(event);
    }
    report
}

/// Sends the notices that are not steps of the plan. A notice that is not sent changes only the report. In a dry run,
/// `aws` sends nothing.
struct NoticeSender<'a, A> {
    aws: &'a A,
    settings: &'a Settings,
    run: &'a Run,
    origin: RunOrigin<'a>,
}

impl<A: Aws> NoticeSender<'_, A> {
    /// Sends the notices about a user, with the settings of that user, and returns those that could not be sent.
    async fn notices(&self, report: &UserReport, settings: &Settings) -> Vec<Unsent> {
        let mut unsent = Vec::new();
        for notice in notice::notices(report, settings) {
            let mail = settings.language.notice(&notice, &settings.policy, Timestamp::now());
            let envelope = Envelope { to: notice.to.into_iter().cloned().collect(), about: Some(notice.user.clone()) };
            unsent.extend(self.send(notice.kind.as_str(), envelope, mail).await);
        }
        unsent
    }

    /// Sends the digest of the run to the administrators, if the settings ask for it.
    async fn digest(&self, run: &Digested<'_>) -> Option<Unsent> {
        if !self.settings.digest.wants(run) {
            return None;
        }
        let envelope = Envelope { to: self.settings.administrators.clone(), about: None };
        self.send(DIGEST, envelope, self.settings.language.digest(run)).await
    }

    async fn send(&self, notice: &'static str, envelope: Envelope, mail: Mail) -> Option<Unsent> {
        let user = envelope.about.clone();
        // After the deadline, Lambda may stop the function before it has reported.
        let sent = if Timestamp::now() < self.run.deadline {
            self.aws.publish(&self.settings.topic, &envelope, mail).await
        } else {
            let message = "the run's time was over; if this repeats, raise timeout";
            Err(CallError::without_effect(ErrorCode::NoTimeLeft, message))
        };
        log::line(log_event::notice(&self.run.id, self.origin, user.as_ref(), notice, sent.as_ref().err()));
        sent.err().map(|failure| Unsent { user, notice, why: failure.to_string() })
    }
}

/// The id of this invocation. Another delivery of the same event has another id.
fn writer(id: &RunId) -> RunId {
    id.invocation(RandomState::new().hash_one(Timestamp::now().unix()))
}
