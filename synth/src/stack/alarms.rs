//! The alarms: when each goes to ALARM, and what its reader must do.
//!
//! Each alarm has one cause, so that its text can say what to do about it. An alarm acts only when its state changes ("Alarm
//! actions"). So an alarm about a cause that can last for weeks must go back to OK between two runs, to tell about the next run too.
//!
//! No alarm tells when it goes back to OK. Most do that some minutes after the run, whether or not the cause is gone. The others
//! would also send a mail at the end of their warm-up, about nothing.

use lambda::report::metrics::{self, Metric};

use crate::{
    cfn::{
        Handle, Template, Text,
        name::id,
        resource::{
            Alarm, ComparisonOperator, Dimension, Function, Queue, Statistic, Topic, TreatMissingData,
            WarmUpConfiguration,
        },
    },
    config::{Config, MissedRunsWindow},
};

/// The period of an alarm about a run, in seconds. Each run of the handler is one data point. Five minutes later there is no
/// data, which counts as OK until the next run. (CloudWatch looks some periods further back, so runs that are less than half an
/// hour apart may be one alarm.)
const FIVE_MINUTES: u32 = 300;

/// What the alarms watch, and where they are sent.
pub(super) struct Watched<'a> {
    pub(super) function: &'a Handle<Function>,
    pub(super) dead_letters: &'a Handle<Queue>,
    /// The name of the function, without what tells it apart within the stack. The names of the alarms begin with it.
    pub(super) name: &'a Text,
    /// The log group of the function.
    pub(super) log: Text,
    /// The topic that the alarms publish to. `None`: a rule of EventBridge passes on the events of their state.
    pub(super) topic: Option<&'a Handle<Topic>>,
}

pub(super) fn alarms(t: &mut Template, config: &Config, watched: &Watched<'_>) {
    // A member has no topic, and `make status` in the administering account shows no single key of it.
    let is_member = watched.topic.is_none();
    let either = |of_own_topic, of_member| if is_member { of_member } else { of_own_topic };
    t.add(
        id!("UsersFailed"),
        "Goes to ALARM again for each run in which a call failed for a user.",
        watched.alarm("-users-failed", watched.see_log(either(
            "A call failed for at least one IAM user. The user's working key still works, and the next run tries again. The last run's \
             report says which call failed and for which user; make status shows the state of each key.",
            "A call failed for at least one IAM user. The user's working key still works, and the next run tries again. The log says \
             which call failed and for which user.",
        )), watched.reported(Metric::Failed)),
    );
    t.add(
        id!("UsersNeedAttention"),
        "Goes to ALARM again for each run that found something only a person can decide.",
        watched.alarm("-users-need-attention", watched.see_log(either(
            "The rotation found something that only a person can decide, and skipped the user. The last run's report says what it is and \
             what to do; make status shows it too.",
            "The rotation found something that only a person can decide, and skipped the user. The log says what it is and what to do.",
        )), watched.reported(Metric::NeedsAttention)),
    );
    t.add(
        id!("OverdueKeys"),
        "Goes to ALARM again for each run that leaves a key active that was overdue when the run began.",
        watched.alarm("-overdue-keys", watched.see_log(either(
            "At least one access key was overdue when the last run began, and it is still active. It works longer than the configuration \
             allows. The last run's report says which key it is and why; make status shows it too. To accept it, exempt the user.",
            "At least one access key was overdue when the last run began, and it is still active. It works longer than the configuration \
             allows. The log says which key it is and why. To accept it, exempt the user.",
        )), watched.reported(Metric::Overdue)),
    );
    t.add(
        id!("UnconfirmedRecipients"),
        "Goes to ALARM again for each run that found an address without a confirmed subscription.",
        watched.alarm("-unconfirmed-recipients", watched.see_log(either(
            "At least one address has not confirmed its subscription to notices, so it gets none. With unconfirmed_recipients: hold, users \
             without another recipient wait. make status names the addresses. Confirm the mail from AWS. If it is \
             older than 48 hours, make resubscribe asks AWS for a new one. make run then does what waited.",
            "At least one address has not confirmed its subscription to notices, so it gets none. With unconfirmed_recipients: hold, users \
             without another recipient wait. In the administering account, make status names the addresses. Confirm the mail from AWS. \
             If it is older than 48 hours, make resubscribe there asks AWS for a new one. The next run then does what waited.",
        )), watched.reported(Metric::UnconfirmedRecipients)),
    );
    t.add(
        id!("NoticesUnsent"),
        either(
            "Goes to ALARM again for each run in which a notice could not be sent. It uses the other topic, which may still work.",
            "Goes to ALARM again for each run in which a notice could not be sent. Its event is sent with another role, which may still \
             work.",
        ),
        watched.alarm("-notices-unsent", watched.see_log(either(
            "At least one notice could not be sent; its recipients were not informed. The last run's report names it. Find out why the \
             function cannot publish to the topic for notices: check its role, the topic's key, and the policies of the organization.",
            "At least one notice could not be sent; its recipients were not informed. The log names it. Find out why the function cannot \
             put events on the event bus of the administering account: check its role, the policy of the bus, and the policies of the \
             organization.",
        )), watched.reported(Metric::NoticesUnsent)),
    );
    t.add(
        id!("HandlerErrors"),
        "Goes to ALARM again for each run that failed as a whole.",
        watched.alarm("-handler-errors", watched.see_log(either(
            "The rotation's function failed: it did not understand a setting or an event, or it ran out of time. Lambda tries twice \
             more. If the log names a setting, generate and deploy the template again.",
            "The rotation's function failed: it did not understand a setting or an event, or it ran out of time. Lambda tries twice \
             more. If the log names a setting, generate the templates and deploy from the administering account again.",
        )), watched.errors()),
    );
    t.add(
        id!("DeadLetters"),
        "Goes to ALARM when a message is in the queue, and stays there until the queue is empty.",
        watched.alarm(
            "-dead-letters",
            watched.see_log(&format!(
                "A run could not be started, or failed three times{}. Its event is in the dead-letter queue, which the stack's output \
                 DeadLetterQueueUrl names. Find the cause and run again ({}, or wait for the schedule). Then delete the message: \
                 this alarm cannot go to ALARM again while one is there.",
                match (is_member, config.notify.is_empty()) {
                    (true, _) => ", or EventBridge could not send an alarm to the administering account",
                    (false, true) => "",
                    (false, false) => ", or an endpoint of notify did not accept a notice",
                },
                either("make run", "make run with credentials of this account")
            )),
            Rule::has_messages(watched.dead_letters),
        ),
    );
    if let Some(window) = MissedRunsWindow::over(&config.schedule) {
        let says = format!(
            "No run over all users has ended for {}, which is two periods of the schedule, so keys are not rotated. Check that the \
             schedule is enabled, that its role may invoke the function, and that the dead-letter queue is empty.",
            window.length()
        );
        t.add(
            id!("MissedRuns"),
            "Goes to ALARM when no run was reported for two periods of the schedule.",
            watched.alarm("-missed-runs", watched.see_log(&says), watched.missed_runs(window)),
        );
    }
}

/// The age of the oldest notice that waits, from which an alarm tells of it, in seconds. The notices of a thousand accounts take
/// some minutes.
const LATE: u32 = 7_200;

/// Adds the alarms of the administering account: about what keeps the notices of the members from their recipients.
pub(super) fn of_publisher(
    t: &mut Template,
    config: &Config,
    watched: &Watched<'_>,
    queue: &Handle<Queue>,
    unsent: &Handle<Queue>,
) {
    t.add(
        id!("PublisherErrors"),
        "Goes to ALARM when the publisher fails as a whole. Its events stay in the queue and are tried again.",
        watched.alarm(
            "-publisher-errors",
            watched.see_log(
                "The publisher failed, so notices of the accounts may be late. SQS gives it the same events again. If the log names a \
                 setting, generate and deploy the template again.",
            ),
            watched.errors(),
        ),
    );
    t.add(
        id!("NoticesLate"),
        "Goes to ALARM when the oldest notice has waited for two hours.",
        watched.alarm(
            "-notices-late",
            watched.see_log(
                "Notices of the accounts wait for two hours or longer. The publisher does not run, or cannot publish, or has more \
                 notices than its pace allows.",
            ),
            Rule {
                metric: "ApproximateAgeOfOldestMessage",
                threshold: LATE,
                ..Rule::has_messages(queue)
            },
        ),
    );
    t.add(
        id!("UnsentNotices"),
        "Goes to ALARM when a notice was given up, and stays there until the queue with such notices is empty.",
        watched.alarm(
            "-unsent-notices",
            watched.see_log(
                "A notice of an account could not be published, so its recipients were not informed. Its event is in the queue that \
                 the stack's output UnsentNoticesQueueUrl names. Find the cause, then move the events back (a redrive in the console \
                 of SQS) or delete them: this alarm cannot go to ALARM again while one is there.",
            ),
            Rule::has_messages(unsent),
        ),
    );
    t.add(
        id!("DeadLetters"),
        "Goes to ALARM when a message is in the dead-letter queue, and stays there until the queue is empty.",
        watched.alarm(
            "-dead-letters",
            watched.see_log(&format!(
                "EventBridge could not put an event of an account into the queue of the publisher{}. It is in the dead-letter queue, \
                 which the stack's output DeadLetterQueueUrl names. Find the cause. Then delete the message: this alarm cannot go to \
                 ALARM again while one is there.",
                if config.notify.is_empty() { "" } else { ", or an endpoint of notify did not accept a notice" }
            )),
            Rule::has_messages(watched.dead_letters),
        ),
    );
}

/// When an alarm goes to ALARM.
struct Rule {
    namespace: &'static str,
    metric: &'static str,
    dimensions: Vec<Dimension>,
    statistic: Statistic,
    period: u32,
    evaluation_periods: u32,
    comparison_operator: ComparisonOperator,
    threshold: u32,
    treat_missing_data: TreatMissingData,
    warm_up_configuration: Option<WarmUpConfiguration>,
}

impl Rule {
    /// The rule that a queue must be empty. A queue that is not used for hours reports nothing. Then it is empty, because a queue
    /// with messages is in use.
    fn has_messages(queue: &Handle<Queue>) -> Self {
        Self {
            namespace: "AWS/SQS",
            metric: "ApproximateNumberOfMessagesVisible",
            dimensions: vec![Dimension { name: "QueueName", value: Text::of([queue.queue_name().into()]) }],
            ..RULE
        }
    }
}

/// The rule for a metric that must be zero in a run.
const RULE: Rule = Rule {
    namespace: metrics::NAMESPACE,
    metric: "",
    dimensions: Vec::new(),
    statistic: Statistic::Maximum,
    period: FIVE_MINUTES,
    evaluation_periods: 1,
    comparison_operator: ComparisonOperator::GreaterThanThreshold,
    threshold: 0,
    treat_missing_data: TreatMissingData::NotBreaching,
    warm_up_configuration: None,
};

impl Watched<'_> {
    /// The text of an alarm, with the name of the log group after it.
    fn see_log(&self, says: &str) -> Text {
        self.log.clone().between(format!("{says} Log group: "), "")
    }

    fn function_name(&self, dimension: &'static str) -> Dimension {
        Dimension { name: dimension, value: self.function.reference().into() }
    }

    /// The rule that no invocation of the function fails as a whole.
    fn errors(&self) -> Rule {
        Rule {
            namespace: "AWS/Lambda",
            metric: "Errors",
            dimensions: vec![self.function_name("FunctionName")],
            statistic: Statistic::Sum,
            ..RULE
        }
    }

    /// The rule for a metric of the handler that must be zero.
    fn reported(&self, metric: Metric) -> Rule {
        Rule { metric: metric.name(), dimensions: vec![self.function_name(metrics::DIMENSION)], ..RULE }
    }

    /// The rule that a run over all users must be reported. It counts reports, not successes: a run with a failed user has an alarm
    /// of its own. A user that fails for weeks would keep this alarm in ALARM and hide that the runs have stopped.
    ///
    /// A new alarm waits before it counts. Otherwise it would go
    /// to ALARM at once, before an address can have confirmed its subscription, and could not tell of missed runs after that.
    fn missed_runs(&self, window: MissedRunsWindow) -> Rule {
        Rule {
            statistic: Statistic::SampleCount,
            period: window.period,
            evaluation_periods: window.periods,
            comparison_operator: ComparisonOperator::LessThanThreshold,
            threshold: 1,
            treat_missing_data: TreatMissingData::Breaching,
            warm_up_configuration: Some(WarmUpConfiguration { minutes: window.warm_up_minutes() }),
            ..self.reported(Metric::SuccessfulRun)
        }
    }

    fn alarm(&self, name: &'static str, says: Text, rule: Rule) -> Alarm {
        Alarm {
            alarm_name: self.name.clone().between("", name),
            alarm_description: says,
            namespace: rule.namespace,
            metric_name: rule.metric,
            dimensions: rule.dimensions,
            statistic: rule.statistic,
            period: rule.period,
            evaluation_periods: rule.evaluation_periods,
            comparison_operator: rule.comparison_operator,
            threshold: rule.threshold,
            treat_missing_data: rule.treat_missing_data,
            warm_up_configuration: rule.warm_up_configuration,
            alarm_actions: self.topic.map(|topic| vec![topic.reference()]),
        }
    }
}
