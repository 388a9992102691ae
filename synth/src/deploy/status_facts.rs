//! What the screens of one stack and of an organization share: the problems, the facts, the outputs, and the next command.

use lambda::model::parse_error::one_line;

use crate::{
    deploy::{
        aws::{AwsError, cloudformation::Stack},
        command_line::make,
        local_configuration::{ConfigurationComparison, LocalConfiguration},
        stack_alarm::{AlarmState, StackAlarm},
        stack_status::StackState,
        subscriptions::{StackSubscription, SubscriptionState, TopicSubscriptions, by_address},
    },
    screen::{counted, table, wrapped},
};

/// How many entries of a list the screen shows without `--all`.
pub(super) const SHOWN: usize = 20;

/// The facts as lines, each with its label. A fact without a label belongs to the one before.
pub(super) fn fact_lines(facts: Vec<(&str, String)>) -> String {
    facts.into_iter().map(|(label, fact)| wrapped(&format!("{label:<15}"), &fact)).collect()
}

/// The outputs of the stack, below a title. Empty if it has none.
pub(super) fn outputs_text(stack: &Stack) -> String {
    let rows: Vec<_> = stack.outputs.iter().map(|(key, value)| [format!("  {key}"), value.clone()]).collect();
    if rows.is_empty() { String::new() } else { format!("\nOutputs\n{}", table(&rows)) }
}

/// What is wrong with the stack itself.
pub(super) fn stack_problem(stack: &Stack) -> Option<String> {
    if StackState::of(Some(&stack.status)) != StackState::Deployed {
        return Some(format!("the stack is in {}", stack.status));
    }
    stack.status.is_rollback().then(|| "the last deployment was rolled back".to_owned())
}

/// The line of these problems and of unconfirmed subscriptions, and a line of its own for a configuration that is not deployed.
pub(super) fn problem_lines(
    mut problems: Vec<String>,
    topics: [&Result<TopicSubscriptions, AwsError>; 2],
    configuration: Option<&LocalConfiguration>,
) -> String {
    let unconfirmed = declared(topics).iter().filter(|one| one.state.is_unconfirmed()).count();
    if unconfirmed > 0 {
        problems.push(format!("{} not confirmed", counted(unconfirmed, "subscription")));
    }
    let mut text = if problems.is_empty() { String::new() } else { wrapped("! ", &problems.join("; ")) };
    if let Some(LocalConfiguration { file, comparison: ConfigurationComparison::Differs }) = configuration {
        text += &format!("! {file} differs from what is deployed. To see how: {}\n", make("diff DEPLOYED=1"));
    }
    if text.is_empty() { "No problems\n".to_owned() } else { text }
}

/// The alarms of a stack with this name, by their states.
pub(super) fn alarms_text(alarms: &[StackAlarm], stack: &str) -> String {
    let named = |state| {
        let names = alarms.iter().filter(|alarm| alarm.state == state);
        names.map(|alarm| alarm.short_name(stack)).collect::<Vec<_>>().join(", ")
    };
    let count = |state| alarms.iter().filter(|alarm| alarm.state == state).count();
    let mut parts = Vec::new();
    for (state, word) in [(AlarmState::Alarm, "ALARM"), (AlarmState::Missing, "deleted by hand")] {
        if count(state) > 0 {
            parts.push(format!("{word}: {}", named(state)));
        }
    }
    for (state, word) in [(AlarmState::Ok, "OK"), (AlarmState::InsufficientData, "without data yet")] {
        if count(state) > 0 {
            parts.push(format!("{} {word}", count(state)));
        }
    }
    if parts.is_empty() { "none".to_owned() } else { parts.join("; ") }
}

/// Who gets the notices and the alarms: each address that is not confirmed, and the others too if they are few.
pub(super) fn mail_facts(topics: [&Result<TopicSubscriptions, AwsError>; 2], all: bool) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    lines.extend(topics.iter().filter_map(|topic| topic.as_ref().err()).map(unknown));
    lines.dedup();
    let (unconfirmed, confirmed): (Vec<_>, Vec<_>) =
        declared(topics).into_iter().partition(|one| one.state.is_unconfirmed());
    let (unconfirmed, confirmed) = (mailboxes(&unconfirmed), mailboxes(&confirmed));
    let most = if all { usize::MAX } else { SHOWN };
    lines.extend(unconfirmed.iter().take(most).cloned());
    lines.extend(rest(unconfirmed.len(), most, "address"));
    if all || confirmed.len() <= 3 {
        lines.extend(confirmed);
    } else {
        lines.push(format!("{} confirmed", counted(confirmed.len(), "address")));
    }
    for TopicSubscriptions { foreign, leftover, .. } in topics.into_iter().flatten() {
        lines.extend(foreign.iter().map(|other| format!("{}: not from the template", one_line(&other.endpoint))));
        let expires = "not from the template, not confirmed; AWS cannot delete it, it expires within three days";
        lines.extend(leftover.iter().map(|other| format!("{}: {expires}", one_line(&other.endpoint))));
    }
    let labels = std::iter::once("Notices").chain(std::iter::repeat(""));
    labels.zip(lines).collect()
}

/// The subscriptions that the template declares for these topics, by address, as far as they could be read.
pub(super) fn declared(topics: [&Result<TopicSubscriptions, AwsError>; 2]) -> Vec<StackSubscription> {
    by_address(topics.into_iter().flatten().cloned())
}

/// One line for each address and state, with the topics.
fn mailboxes(subscriptions: &[StackSubscription]) -> Vec<String> {
    let mut lines: Vec<(String, Vec<&str>)> = Vec::new();
    for StackSubscription { declared, state } in subscriptions {
        let state = match state {
            SubscriptionState::Confirmed => "confirmed",
            SubscriptionState::Pending => "not confirmed",
            SubscriptionState::Gone => "no subscription",
        };
        let line = format!("{}: {state}", one_line(&declared.address));
        match lines.iter_mut().find(|(other, _)| other.eq_ignore_ascii_case(&line)) {
            Some((_, topics)) => topics.push(declared.topic.as_str()),
            None => lines.push((line, vec![declared.topic.as_str()])),
        }
    }
    lines.into_iter().map(|(line, topics)| format!("{line} ({})", topics.join(", "))).collect()
}

pub(super) fn unknown(problem: &AwsError) -> String {
    format!("unknown: {problem}")
}

/// The line about the rest of a list, of which `most` entries are shown.
fn rest(number: usize, most: usize, noun: &str) -> Option<String> {
    let left = number.checked_sub(most).filter(|left| *left > 0)?;
    Some(format!("… and {} more: {}", counted(left, noun), make("status ALL=1")))
}

/// The fact about the configuration. `None` if it differs, because that is a line of its own among the problems.
pub(super) fn configuration_text(LocalConfiguration { file, comparison }: &LocalConfiguration) -> Option<String> {
    Some(match comparison {
        ConfigurationComparison::Same => format!("same as {file}"),
        ConfigurationComparison::OtherArchitecture(deployed) => {
            format!("same as {file}, but the deployed architecture is {deployed}")
        }
        ConfigurationComparison::Differs => return None,
        ConfigurationComparison::Unknown(why) => format!("cannot be compared with {file}: {why}"),
    })
}

/// The next command for a mail address that is not confirmed, or for a configuration that is not deployed.
pub(super) fn next_for_mail_or_configuration(
    topics: [&Result<TopicSubscriptions, AwsError>; 2],
    configuration: Option<&LocalConfiguration>,
) -> Option<String> {
    let subscriptions = declared(topics);
    let is_mail_in = |state| subscriptions.iter().any(|one| one.declared.is_mail() && one.state == state);
    if is_mail_in(SubscriptionState::Pending) {
        let says = "Follow the link in the mail from AWS within 48 hours.\nNext, for a new mail:";
        Some(format!("{says} {}\n", make("resubscribe")))
    } else if is_mail_in(SubscriptionState::Gone) {
        Some(format!("Next, for a new mail from AWS: {}\n", make("resubscribe")))
    } else if matches!(configuration, Some(found) if found.comparison == ConfigurationComparison::Differs) {
        Some(format!("Next, to deploy the configuration: {}\n", make("deploy")))
    } else {
        None
    }
}
