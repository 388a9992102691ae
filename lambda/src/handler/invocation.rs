//! One invocation: it runs the rotation for each user, several at once, until the deadline, and reports.

use std::hash::{BuildHasher, RandomState};

use futures_util::{StreamExt, stream::FuturesUnordered};

use crate::{
    contract::{event::RunRequest, member_event::MemberEvent, run_summary::RunSummary, settings::Settings},
    handler::{
        aws_api::Aws,
        dry_run::DryRun,
        executor::{RunContext, rotate},
        load_users::{AccountLists, LoadUsersError, select},
        log::LogSink,
        pace::Pace,
        send_notice::send,
        subscriptions::Subscriptions,
    },
    model::{
        time::{Span, Timestamp},
        user::UserName,
    },
    notice::{self, Digested, NoticeOrigin, Publication},
    protocol::{
        call_error::{CallError, ErrorCode},
        journal::RunId,
        manager::Manager,
        run::{JournalUse, REPORT_TIME, Run, RunAction},
        stop_reason::{NeedsAttention, StopReason},
    },
    report::{
        audit::{RunMode, RunOrigin},
        log_event,
        metrics::{self, RunScope},
        run_report::{HANDLER_VERSION, RunReport, Unsent, UserReport},
    },
    selection::{
        fleet::{Fleet, Subject},
        routing::{Audience, ConfirmedAddresses, Envelope},
    },
};

/// The part of [`REPORT_TIME`] in which nothing is sent any more.
const LAST_LINES: Span = Span::seconds(1);
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
    /// Where the events of the run are logged.
    pub log: LogSink,
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

/// Handles every user of the run, and reports.
pub(super) async fn carry_out(
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
        deadline: invocation.ends.before(REPORT_TIME),
        action: request.action.clone(),
        manager,
        journal: if request.dry_run { JournalUse::Always } else { JournalUse::IfNeeded },
    };
    let mode = if request.dry_run { RunMode::Pretended } else { RunMode::Real };
    let origin = RunOrigin { request: invocation.request, mode };
    let (subscriptions, log) = (Subscriptions::new(&settings.topic), invocation.log);
    let reports_by = invocation.ends.before(LAST_LINES);
    let context = RunContext { run, origin, subscriptions, pace: Pace::of(mode), reports_by, log };
    let post = NoticeSender { aws, settings, context: &context };
    let look = async |(place, subject): (usize, Subject)| {
        let settings = settings.for_subject(&subject);
        let report = rotate(aws, &settings, &context, subject.journal, Timestamp::now, &subject.user).await;
        let sent = post.notices(&report, &settings).await;
        (place, report, sent)
    };
    let mut waiting = fleet.subjects.into_iter().enumerate();
    let (mut at_work, mut done) = (FuturesUnordered::new(), Vec::new());
    loop {
        // A finished user makes room for the next one at once. The sort puts the reports into order again.
        let free = aws.users_at_once().saturating_sub(at_work.len());
        at_work.extend(waiting.by_ref().take(free).map(look));
        let Some(report) = at_work.next().await else { break };
        done.push(report);
    }
    done.sort_by_key(|(place, ..)| *place);
    let (mut users, mut sent): (Vec<_>, Vec<_>) = done.into_iter().map(|(_, report, sent)| (report, sent)).unzip();
    let misconfigured = fleet.misconfigured.into_iter();
    let misconfigured = misconfigured.map(|(listed, error)| (listed, NeedsAttention::UserConfigError(error)));
    let left = fleet.left.into_iter().map(|listed| (listed, NeedsAttention::Left));
    for (listed, why) in misconfigured.chain(left) {
        let rest = StopReason::NeedsAttention(why);
        let report = UserReport::new(listed.name, &request.action, Vec::new(), Vec::new(), Vec::new(), &rest);
        sent.push(post.notices(&report, settings).await);
        users.push(report);
    }
    let copied = users.iter().zip(&sent).filter(|(_, sent)| sent.is_for_digest);
    let copied = copied.map(|(report, _)| report.user.clone()).collect();
    let mut unsent: Vec<_> = sent.into_iter().flat_map(|sent| sent.unsent).collect();
    let is_fleet = request.users.is_none() && request.action == RunAction::Routine;
    // A list that cannot be read is an error of each user that needs it. Here it only leaves out the metric.
    let unconfirmed = context.subscriptions.unconfirmed(aws, settings);
    let unconfirmed = if is_fleet { post.in_time(unconfirmed).await.ok() } else { None };
    let mut summary = RunSummary {
        users: users.len() + fleet.not_due.users,
        exempt: fleet.exempt,
        unsent: unsent.len(),
        unconfirmed: unconfirmed.as_ref().map(Vec::len),
        ..RunSummary::of(&users)
    };
    let digested = Digested { run: &request.run, started, summary: &summary, users: &users, copied: &copied };
    unsent.extend(post.digest(&digested).await);
    summary.unsent = unsent.len();
    let body = settings.language.summary(&summary);
    let (run, dry_run) = (request.run.clone(), request.dry_run);
    let report = RunReport {
        status_code: summary.status_code(),
        body,
        handler: HANDLER_VERSION,
        run,
        dry_run,
        started,
        summary,
        users,
        not_due: fleet.not_due,
        unsent,
        all_users: is_fleet,
        unconfirmed: unconfirmed.unwrap_or_default(),
    };
    if is_fleet {
        post.run_is_over(&report).await;
    }
    log_event::results(&report).into_iter().for_each(log);
    let scope = if is_fleet { RunScope::Fleet } else { RunScope::Named };
    if let Some(event) =
        metrics::event(&report, scope, settings.policy.rotate_after, invocation.function, Timestamp::now())
    {
        log(event);
    }
    report
}

/// Sends the notices that are not steps of the plan. A notice that is not sent changes only the report. In a dry run,
/// `aws` sends nothing.
struct NoticeSender<'a, A> {
    aws: &'a A,
    settings: &'a Settings,
    context: &'a RunContext<'a>,
}

/// What became of the notices about a user.
#[derive(Default)]
struct SentNotices {
    unsent: Vec<Unsent>,
    /// Whether there was something to tell, and the administrators got no notice of it.
    is_for_digest: bool,
}

impl<A: Aws> NoticeSender<'_, A> {
    /// Sends the notices about a user, with the settings of that user.
    async fn notices(&self, report: &UserReport, settings: &Settings) -> SentNotices {
        // The list of subscriptions costs a call, so it is not read for users without a notice.
        let now = Timestamp::now();
        if notice::notices(report, settings, &ConfirmedAddresses::default(), now).is_empty() {
            return SentNotices { unsent: Vec::new(), is_for_digest: report.rest.is_unread_subscriptions() };
        }
        let confirmed = self.in_time(async { Ok(self.context.subscriptions.known(self.aws).await) }).await;
        let confirmed = confirmed.unwrap_or_default();
        let mut unsent = Vec::new();
        for notice in notice::notices(report, settings, &confirmed, now) {
            let publication = settings.language.notice(&notice, self.origin(), now);
            let to = Audience::AddressesAndEndpoints(notice.to.into_iter().cloned().collect());
            let envelope = Envelope { to, about: Some(notice.user.clone()) };
            unsent.extend(self.send(notice.kind.as_str(), envelope, publication).await);
        }
        SentNotices { unsent, is_for_digest: settings.confirmed_owner_of(&report.user, &confirmed).is_some() }
    }

    /// Sends the digest of the run to the administrators, if the settings ask for it.
    async fn digest(&self, run: &Digested<'_>) -> Option<Unsent> {
        if !self.settings.digest.wants(run) {
            return None;
        }
        let to = Audience::AddressesAndEndpoints(self.settings.administrators.clone());
        let envelope = Envelope { to, about: None };
        self.send(DIGEST, envelope, self.settings.language.digest(run, self.origin(), Timestamp::now())).await
    }

    fn origin(&self) -> NoticeOrigin<'_> {
        NoticeOrigin::of(self.settings, &self.context.run)
    }

    /// Ends a call when the function must report. Lambda would stop the function, and the report would be lost.
    async fn in_time<T>(&self, call: impl Future<Output = Result<T, CallError>>) -> Result<T, CallError> {
        let left = self.context.reports_by.since(Timestamp::now());
        tokio::time::timeout(left.std(), call).await.unwrap_or_else(|_| {
            Err(CallError::with_unknown_effect(ErrorCode::NoTimeLeft, "the run's time was over before AWS answered"))
        })
    }

    async fn send(&self, notice: &'static str, envelope: Envelope, publication: Publication) -> Option<Unsent> {
        let RunContext { pace, reports_by, .. } = self.context;
        let within = reports_by.since(Timestamp::now());
        let sent = self.in_time(send(self.aws, self.settings, (pace, within), &envelope, publication)).await;
        let user = envelope.about;
        self.log(notice, user.as_ref(), sent.as_ref().err());
        sent.err().map(|failure| Unsent { user, notice, why: failure.to_string() })
    }

    /// Tells the administering account of an organization that a run over all its users is over. Nothing depends on it.
    async fn run_is_over(&self, report: &RunReport) {
        let Some(link) = &self.settings.organization else { return };
        let event = MemberEvent::Run(report.member_run(self.settings.place(), self.context.run.manager.stack()));
        let sent = self.in_time(self.aws.put_event(&link.bus, &event)).await;
        self.log(event.detail_type(), None, sent.as_ref().err());
    }

    fn log(&self, notice: &str, user: Option<&UserName>, failure: Option<&CallError>) {
        let RunContext { run, origin, log, .. } = self.context;
        log(log_event::notice(&run.id, *origin, user, notice, failure));
    }
}

/// The id of this invocation. Another delivery of the same event has another id.
fn writer(id: &RunId) -> RunId {
    id.invocation(RandomState::new().hash_one(Timestamp::now().unix()))
}
