//! Reports facts about a deployed stack that CloudFormation does not show: who is notified of a new key or an alarm,
//! when the schedule fires next, what a run would do now, and which former users concern a person.

use lambda::model::time::Timestamp;
use serde_json::{Value as Json, json};

use crate::deploy::{
    aws::{AwsError, Session, cloudformation::Stack},
    command_line::aws,
    former_users::{self, FormerUsers, MOST_LOOKUPS, SecretOwnership},
    invoke::{self, InvocationError, InvocationMode, RunCommand},
    next_run::{self, Firing, Schedule, ScheduleState},
    received_report::ReceivedReport,
    stack_recipients,
    subscriptions::{ForeignSubscription, StackSubscription, StackTopic, TopicSubscriptions},
    table::table,
};

/// The state of a deployed stack. A part that could not be read holds the error, and the other parts are still there.
#[derive(Debug, Clone, PartialEq)]
pub struct StatusReport {
    /// The name of the stack.
    pub name: String,
    /// The number of the account, 12 digits.
    pub account: String,
    /// The code of the Region, such as `eu-central-1`.
    pub region: String,
    /// The stack as CloudFormation shows it.
    pub stack: Stack,
    /// The subscriptions to notices, including those that are missing.
    pub subscriptions: Result<TopicSubscriptions, AwsError>,
    /// The subscriptions to alarms, including those that are missing.
    pub alarm_subscriptions: Result<TopicSubscriptions, AwsError>,
    /// The schedule and its next firing.
    pub schedule: Result<(Schedule, Firing), AwsError>,
    /// The report of a dry run: what a run would do now.
    pub dry_run: Result<ReceivedReport, InvocationError>,
    /// The users that the stack rotates no longer, as its secrets show them. `None` if the stack delivers by mail.
    pub former_users: Result<Option<FormerUsers>, AwsError>,
}

/// Gathers the state of a stack. `now` is the current time.
pub async fn gather(session: &Session, name: &str, stack: Stack, now: Timestamp) -> StatusReport {
    let function = stack.outputs.get("FunctionName").map_or(name, String::as_str);
    // The schedule and the function have the name of the stack.
    let ((template, subscriptions, alarm_subscriptions), schedule, dry_run) = tokio::join!(
        async {
            let template = stack_recipients::template(session, &stack).await;
            let subscriptions = async |topic| match &template {
                Ok(template) => stack_recipients::of_topic(session, &stack, template, topic).await,
                Err(problem) => Err(problem.clone()),
            };
            let (subscriptions, alarm_subscriptions) =
                tokio::join!(subscriptions(StackTopic::Notices), subscriptions(StackTopic::Alarms));
            (template, subscriptions, alarm_subscriptions)
        },
        session.schedule(name),
        invoke::invoke(session, function, &RunCommand::Routine, InvocationMode::DryRun),
    );
    let former_users = former_users(session, function, template, dry_run.as_ref().ok()).await;
    StatusReport {
        name: name.to_owned(),
        account: session.account.clone(),
        region: session.region.clone(),
        subscriptions,
        alarm_subscriptions,
        schedule: schedule.map(|schedule| {
            let firing = next_run::next(&schedule, now);
            (schedule, firing)
        }),
        dry_run,
        former_users,
        stack,
    }
}

/// Looks up the users of the stack's secrets that the dry run does not show.
async fn former_users(
    session: &Session,
    function: &str,
    template: Result<Json, AwsError>,
    dry_run: Option<&ReceivedReport>,
) -> Result<Option<FormerUsers>, AwsError> {
    let Some(ownership) = SecretOwnership::read(&template?, function, &session.region)? else { return Ok(None) };
    let secrets = session.secrets(&ownership.names_begin_with()).await?;
    let unseen = ownership.of_unseen_users(secrets, dry_run.map(ReceivedReport::users).unwrap_or_default());
    let mut found = FormerUsers { not_looked_up: unseen.len(), ..FormerUsers::default() };
    for secret in unseen.into_iter().take(MOST_LOOKUPS) {
        match session.user_tags(&secret.user).await {
            Ok(tags) => found.learn(&ownership, secret, tags.as_deref()),
            Err(problem) => {
                found.problem = Some(problem);
                break;
            }
        }
        found.not_looked_up -= 1;
    }
    Ok(Some(found))
}

impl StatusReport {
    /// Whether all parts could be read, and every user is fine. A subscription that is not confirmed yet does not count
    /// as a problem. Nor does it if the caller may not look up former users: that permission is optional.
    #[must_use]
    pub fn is_fine(&self) -> bool {
        let topics = [&self.subscriptions, &self.alarm_subscriptions];
        topics.iter().all(|found| found.is_ok())
            && self.schedule.is_ok()
            && self.dry_run.as_ref().is_ok_and(ReceivedReport::is_fine)
            && match &self.former_users {
                Ok(found) => found.as_ref().is_none_or(FormerUsers::is_fine),
                Err(problem) => former_users::is_optional(problem),
            }
    }

    /// The state as text for people.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { name, account, region, stack, .. } = self;
        let mut text = format!("{name} in account {account}, Region {region}: {}\n", stack.status);
        text.push_str(&table(stack.outputs.iter().map(|(key, value)| [key.as_str(), value.as_str()])));
        for (of, found) in [("notices of new keys", &self.subscriptions), ("alarms", &self.alarm_subscriptions)] {
            text.push_str(&format!("\nWho gets {of}\n"));
            text.push_str(&found.as_ref().map_or_else(unknown, subscribers));
        }
        text.push_str("\nWhen it runs\n");
        match &self.schedule {
            Ok((schedule, firing)) => {
                let Schedule { expression, time_zone, .. } = schedule;
                text.push_str(&format!("  {expression}, {time_zone}: {}\n", firing.text(time_zone)));
            }
            Err(problem) => text.push_str(&unknown(problem)),
        }
        text.push_str("\nWhat a run would do now\n");
        match &self.dry_run {
            Ok(report) => report.text().lines().for_each(|line| text.push_str(&format!("  {line}\n"))),
            Err(problem) => text.push_str(&unknown(problem)),
        }
        let former = match &self.former_users {
            Ok(found) => found.as_ref().map(|found| found.lines(region)).unwrap_or_default(),
            Err(problem) => vec![format!("unknown: {problem}")],
        };
        if !former.is_empty() {
            text.push_str("\nUsers that it rotates no longer\n");
            for line in former {
                text.push_str(&format!("  {line}\n"));
            }
        }
        text
    }

    /// The state as JSON for programs.
    #[must_use]
    pub fn json(&self) -> Json {
        let error = |problem: &dyn ToString| json!({ "error": problem.to_string() });
        let subscribers = |found: &Result<TopicSubscriptions, AwsError>| match found {
            Ok(TopicSubscriptions { declared, foreign, leftover }) => {
                let subscription = |protocol: &str, endpoint: &str, state: &str| json!({ "protocol": protocol, "endpoint": endpoint, "state": state });
                let ours = declared.iter().map(|StackSubscription { declared, state }| {
                    subscription("email", &declared.address, state.as_str())
                });
                let others = foreign.iter().map(|other| subscription(&other.protocol, &other.endpoint, "foreign"));
                let leftover = leftover.iter().map(|address| subscription("email", address, "leftover"));
                ours.chain(others).chain(leftover).collect()
            }
            Err(problem) => error(problem),
        };
        json!({
            "stack": {
                "name": self.name,
                "account": self.account,
                "region": self.region,
                "status": self.stack.status.as_str(),
            },
            "outputs": self.stack.outputs,
            "subscriptions": subscribers(&self.subscriptions),
            "alarmSubscriptions": subscribers(&self.alarm_subscriptions),
            "schedule": match &self.schedule {
                Ok((schedule, firing)) => json!({
                    "expression": schedule.expression,
                    "timeZone": schedule.time_zone,
                    "enabled": schedule.state == ScheduleState::Enabled,
                    "next": firing.json(),
                }),
                Err(problem) => error(problem),
            },
            "dryRun": match &self.dry_run {
                Ok(report) => report.document.clone(),
                Err(problem) => error(problem),
            },
            "formerUsers": match &self.former_users {
                Ok(found) => found.as_ref().map_or(Json::Null, |found| found.json(&self.region)),
                Err(problem) => error(problem),
            },
        })
    }
}

/// The subscriptions to a topic as text for people: ours, and then the others with the command that ends each.
fn subscribers(TopicSubscriptions { declared, foreign, leftover }: &TopicSubscriptions) -> String {
    let others = foreign.iter().map(|ForeignSubscription { arn, .. }| {
        let command = aws(&format!("sns unsubscribe --subscription-arn {arn}"));
        format!("not from this stack's template; to end it: {command}")
    });
    let others: Vec<_> = others.collect();
    let states: Vec<_> = declared.iter().map(StackSubscription::explained).collect();
    let ours = declared.iter().zip(&states).map(|(ours, state)| [ours.declared.address.as_str(), state]);
    let foreign = foreign.iter().zip(&others).map(|(other, text)| [other.endpoint.as_str(), text]);
    let expires =
        "not from this stack's template, and not confirmed: AWS cannot delete it, it expires within three days";
    let leftover = leftover.iter().map(|address| [address.as_str(), expires]);
    let mut text = table(ours.chain(foreign).chain(leftover));
    if others.is_empty() && declared.iter().all(|ours| ours.state.is_unconfirmed()) {
        text.push_str("  So far, no address is confirmed.\n");
    }
    text
}

fn unknown(problem: &impl ToString) -> String {
    format!("  unknown: {}\n", problem.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::{
        stack_status::StackStatus,
        subscriptions::{SubscriptionState, subscription},
    };

    fn state() -> StatusReport {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let topic = |topic, subscriptions: &[(&str, SubscriptionState)]| TopicSubscriptions {
            declared: subscriptions.iter().map(|(address, state)| subscription(topic, address, *state)).collect(),
            ..TopicSubscriptions::default()
        };
        let schedule = Schedule {
            expression: "cron(0 9 * * ? *)".into(),
            time_zone: "Asia/Tokyo".into(),
            state: ScheduleState::Enabled,
            created: at("2026-11-24T00:00:00Z"),
            modified: at("2026-11-24T00:00:00Z"),
            start: None,
            end: None,
        };
        let report = json!({
            "statusCode": 200,
            "body": "nothing to do",
            "dryRun": true,
            "users": [{ "user": "alice", "result": "unchanged", "why": "the key is due on some day" }],
        });
        StatusReport {
            name: "keys".into(),
            account: "123456789012".into(),
            region: "eu-west-1".into(),
            stack: Stack {
                id: "arn".into(),
                status: StackStatus::new("CREATE_COMPLETE"),
                outputs: [("FunctionName".into(), "keys".into()), ("TopicArn".into(), "arn:topic".into())].into(),
            },
            subscriptions: Ok(topic(
                StackTopic::Notices,
                &[
                    ("ops@example.com", SubscriptionState::Pending),
                    ("security@example.com", SubscriptionState::Confirmed),
                ],
            )),
            alarm_subscriptions: Ok(topic(StackTopic::Alarms, &[("security@example.com", SubscriptionState::Pending)])),
            schedule: Ok((schedule, Firing::At(at("2026-11-25T00:00:00Z")))),
            dry_run: Ok(ReceivedReport::read(report).unwrap()),
            former_users: Ok(Some(FormerUsers::default())),
        }
    }

    #[test]
    fn the_text_shows_the_whole_state() {
        let expected = "\
keys in account 123456789012, Region eu-west-1: CREATE_COMPLETE
  FunctionName  keys
  TopicArn      arn:topic

Who gets notices of new keys
  ops@example.com       not confirmed: follow the link in the mail from AWS; the link is good for 48 hours, then make resubscribe
  security@example.com  confirmed

Who gets alarms
  security@example.com  not confirmed: follow the link in the mail from AWS; the link is good for 48 hours, then make resubscribe
  So far, no address is confirmed.

When it runs
  cron(0 9 * * ? *), Asia/Tokyo: fires next on 2026-11-25 09:00 Asia/Tokyo (2026-11-25 00:00 UTC)

What a run would do now
  alice: unchanged, the key is due on some day
  nothing to do
";
        assert_eq!(state().text(), expected);
        assert!(state().is_fine(), "a subscription that is not confirmed yet is not a problem");
    }

    #[test]
    fn the_text_says_if_there_is_no_recipient() {
        let mut state = state();
        if let Ok(topic) = &mut state.subscriptions {
            topic.declared.iter_mut().for_each(|ours| ours.state = SubscriptionState::Gone);
        }
        let text = state.text();
        assert!(text.contains("\n  So far, no address is confirmed.\n\nWho gets alarms"), "{text}");
        assert!(text.contains("  ops@example.com       no subscription: "), "{text}");
        assert!(text.contains("for a new mail: make resubscribe"), "{text}");
    }

    #[test]
    fn a_subscription_that_is_not_from_the_template_is_shown_with_the_command_that_ends_it() {
        let mut state = state();
        if let Ok(topic) = &mut state.alarm_subscriptions {
            topic.foreign.push(ForeignSubscription {
                protocol: "email".into(),
                endpoint: "left@example.com".into(),
                arn: "arn:topic:1".into(),
            });
        }
        let text = state.text();
        let end = "left@example.com      not from this stack's template; to end it: aws sns unsubscribe --subscription-arn arn:topic:1";
        assert!(text.contains(end) && !text.contains("So far"), "{text}");
        let shown = json!({ "protocol": "email", "endpoint": "left@example.com", "state": "foreign" });
        assert_eq!(state.json()["alarmSubscriptions"][1], shown);
    }

    #[test]
    fn a_part_that_cannot_be_read_does_not_hide_the_others() {
        let problem = AwsError::Denied { doing: "look".into(), message: "sns:ListSubscriptionsByTopic".into() };
        let no_function = InvocationError::NoFunction("keys".into());
        let state = StatusReport { subscriptions: Err(problem.clone()), dry_run: Err(no_function.clone()), ..state() };
        assert!(!state.is_fine());
        let text = state.text();
        for line in [format!("  unknown: {problem}"), format!("  unknown: {no_function}")] {
            assert!(text.lines().any(|l| l == line), "{text}");
        }
        assert!(text.contains("fires next on"), "{text}");
        let json = state.json();
        assert_eq!(json["subscriptions"]["error"], problem.to_string());
        assert_eq!(json["schedule"]["next"]["at"], "2026-11-25T00:00:00Z");
    }

    #[test]
    fn the_json_shows_the_whole_state() {
        let expected = json!({
            "stack": { "name": "keys", "account": "123456789012", "region": "eu-west-1", "status": "CREATE_COMPLETE" },
            "outputs": { "FunctionName": "keys", "TopicArn": "arn:topic" },
            "subscriptions": [
                { "protocol": "email", "endpoint": "ops@example.com", "state": "pending" },
                { "protocol": "email", "endpoint": "security@example.com", "state": "confirmed" },
            ],
            "alarmSubscriptions": [{ "protocol": "email", "endpoint": "security@example.com", "state": "pending" }],
            "schedule": {
                "expression": "cron(0 9 * * ? *)",
                "timeZone": "Asia/Tokyo",
                "enabled": true,
                "next": { "at": "2026-11-25T00:00:00Z" },
            },
            "dryRun": state().dry_run.unwrap().document,
            "formerUsers": { "left": [], "secretsOfDeletedUsers": [], "notLookedUp": 0 },
        });
        assert_eq!(state().json(), expected);
        let by_mail = StatusReport { former_users: Ok(None), ..state() };
        assert_eq!((&by_mail.json()["formerUsers"], by_mail.text()), (&Json::Null, state().text()));
    }

    #[test]
    fn former_users_are_shown_if_they_concern_a_person() {
        let found = FormerUsers { left: vec!["carol".parse().unwrap()], ..FormerUsers::default() };
        let left = StatusReport { former_users: Ok(Some(found)), ..state() };
        assert!(!left.is_fine(), "a person must decide");
        let text = left.text();
        let section =
            "\nUsers that it rotates no longer\n  carol: needs-attention, a person must decide: the user is no";
        assert!(text.contains(section), "{text}");

        // The permission to list secrets is optional.
        let denied = AwsError::Denied { doing: "list the secrets".into(), message: "no".into() };
        let unknown = StatusReport { former_users: Err(denied.clone()), ..state() };
        assert!(unknown.is_fine());
        assert!(unknown.text().ends_with(&format!("\nUsers that it rotates no longer\n  unknown: {denied}\n")));
        assert_eq!(unknown.json()["formerUsers"]["error"], denied.to_string());
        assert!(!StatusReport { former_users: Err(AwsError::Expired), ..state() }.is_fine());
    }
}
