//! What rings, when, and what its reader is to do.
//!
//! Each alarm has one cause, so that its text can say what to do about it. An alarm acts when its state changes, and not again
//! while it stays ("Alarm actions"), so what can go on for weeks must fall silent in between to ring again.

use lambda::report::metrics::{self, Metric};

use super::log_group_name;
use crate::{
    cfn::{
        Handle, Pseudo, Ref, Template, Text,
        name::id,
        resource::{
            Alarm, ComparisonOperator, Dimension, Function, Queue, Statistic, Topic, TreatMissingData,
            WarmUpConfiguration,
        },
    },
    config::{Config, Watch},
};

/// Each run of the handler is one data point. Five minutes after it there is nothing to see any more, nothing is no fault, and
/// the alarm is silent until the next run. (CloudWatch looks some periods further back; runs that are less than half an hour
/// apart may be one alarm.)
const FIVE_MINUTES: u32 = 300;

/// What the alarms are about, and whom they tell.
pub(super) struct Watched<'a> {
    pub(super) function: &'a Handle<Function>,
    pub(super) dead_letters: &'a Handle<Queue>,
    pub(super) topic: &'a Handle<Topic>,
}

pub(super) fn alarms(t: &mut Template, config: &Config, watched: &Watched<'_>) {
    t.add(
        id!("UsersFailed"),
        "Rings for each run anew in which a call failed for somebody.",
        watched.alarm("-users-failed", see_log(
            "A call failed for at least one IAM user. The user's working key still works, and the next run tries again. Which call, and \
             for whom: the last run's report; make status shows how each key stands.",
        ), watched.reported(Metric::Failed)),
    );
    t.add(
        id!("UsersNeedAPerson"),
        "Rings for each run anew that left something to a person.",
        watched.alarm("-users-need-a-person", see_log(
            "The rotation found something that only a person can decide, and has left the user's keys alone. What it is and what to do: the \
             last run's report; make status shows it too.",
        ), watched.reported(Metric::NeedsAttention)),
    );
    t.add(
        id!("NoticesUnsent"),
        "Rings for each run anew in which a notice could not be sent, by the topic that is left.",
        watched.alarm("-notices-unsent", see_log(
            "The rotation could not send at least one notice: whom it was for does not know what was done or is to be done. The last run's \
             report names it. Find out what keeps the function from publishing to the topic for notices: its role, the topic's key, or a \
             policy of the organization.",
        ), watched.reported(Metric::NoticesUnsent)),
    );
    t.add(
        id!("HandlerErrors"),
        "Rings for each run anew that failed as a whole.",
        watched.alarm("-handler-errors", see_log(
            "The rotation's function failed: it was given a setting or an event that it does not understand, or it ran out of time. \
             Lambda tries twice more. If the log names a setting, generate and deploy the template again.",
        ), Rule {
            namespace: "AWS/Lambda",
            metric: "Errors",
            dimensions: vec![watched.function_name("FunctionName")],
            statistic: Statistic::Sum,
            ..RULE
        }),
    );
    t.add(
        id!("DeadLetters"),
        "Rings as soon as there is something in the queue, until somebody has taken it out.",
        watched.alarm(
            "-dead-letters",
            see_log(
                "A run could not be started, or failed three times, and what it was given is kept in the dead-letter queue, which the \
                 stack's output DeadLetterQueueUrl names. Find the cause, run again (make rotate, or wait for the schedule), then take \
                 the message out: this alarm cannot ring again while one is there.",
            ),
            // A queue that nobody has used for hours reports nothing. It is empty then: one with messages is in use.
            Rule {
                namespace: "AWS/SQS",
                metric: "ApproximateNumberOfMessagesVisible",
                dimensions: vec![Dimension { name: "QueueName", value: Text::of([watched.dead_letters.queue_name().into()]) }],
                ..RULE
            },
        ),
    );
    if let Some(watch) = Watch::over(&config.schedule) {
        let says = format!(
            "No run over all users has come to its end for {}, two periods of the schedule: keys are not rotated. Look whether the \
             schedule is enabled, whether its role may invoke the function, and whether there are messages in the dead-letter queue.",
            watch.window()
        );
        t.add(
            id!("MissedRuns"),
            "A dead man's switch: rings when nothing is heard for two periods of the schedule, and once more when something is.",
            watched.alarm("-no-run", see_log(&says), watched.silence(watch)),
        );
    }
}

/// A text, and where more is to be read.
fn see_log(says: &str) -> Text {
    let [folder, stack] = log_group_name();
    Text::of([format!("{says} Log group: ").into(), folder, stack])
}

/// When an alarm rings.
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
    all_clear: AllClear,
}

/// Whether an alarm says when it is over.
#[derive(PartialEq, Eq)]
enum AllClear {
    Told,
    /// It is over some minutes after the run, whatever has become of the cause.
    NotTold,
}

/// More than none, in a run.
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
    all_clear: AllClear::NotTold,
};

impl Watched<'_> {
    fn function_name(&self, dimension: &'static str) -> Dimension {
        Dimension { name: dimension, value: self.function.reference().into() }
    }

    /// More than none of what the handler reports.
    fn reported(&self, metric: Metric) -> Rule {
        Rule { metric: metric.name(), dimensions: vec![self.function_name(metrics::DIMENSION)], ..RULE }
    }

    /// No report of a run over all users. The reports are counted, not the successes: a run in which somebody failed rings by
    /// itself, and a user who fails for weeks would hold this switch and hide that the runs have stopped.
    ///
    /// A new switch waits before it counts, two days at most (CloudWatch User Guide, "Alarm warm-up periods"): it would ring at
    /// once, before anybody has confirmed a subscription, and then be silent because it rings already.
    fn silence(&self, watch: Watch) -> Rule {
        let minutes = u32::try_from(watch.window().as_seconds() / 60).unwrap_or(u32::MAX).min(2 * 24 * 60);
        Rule {
            statistic: Statistic::SampleCount,
            period: watch.period,
            evaluation_periods: watch.periods,
            comparison_operator: ComparisonOperator::LessThanThreshold,
            threshold: 1,
            treat_missing_data: TreatMissingData::Breaching,
            warm_up_configuration: Some(WarmUpConfiguration { minutes }),
            all_clear: AllClear::Told,
            ..self.reported(Metric::SuccessfulRun)
        }
    }

    fn alarm(&self, name: &'static str, says: Text, rule: Rule) -> Alarm {
        let topic = || -> Vec<Ref<Topic>> { vec![self.topic.reference()] };
        Alarm {
            alarm_name: Text::of([Pseudo::StackName.into(), name.into()]),
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
            alarm_actions: topic(),
            ok_actions: (rule.all_clear == AllClear::Told).then(topic),
        }
    }
}
