//! The state of a deployed stack: what CloudFormation shows, the last and the next run, the alarms, and who is notified. It
//! also says what a run would do now, which former users concern a person, and whether the configuration on this computer
//! is deployed.
//!
//! [`super::status_screen`] writes it for people.

use lambda::{contract::account_name::AccountName, model::time::Timestamp};
use serde_json::{Value as Json, json};

use crate::deploy::{
    aws::{AwsError, Session, cloudformation::Stack},
    deployed_template,
    former_users::{self, FormerUsers, MOST_LOOKUPS, SecretOwnership},
    invoke::{self, InvocationError, InvocationMode, RunCommand},
    last_run::LastRun,
    local_configuration::LocalConfiguration,
    next_run::{self, Firing, Schedule, ScheduleState},
    received_report::ReceivedReport,
    stack_alarm::{self, StackAlarm},
    stack_recipients,
    subscriptions::{StackSubscription, StackTopic, TopicSubscriptions},
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
    /// When the state was read.
    pub at: Timestamp,
    /// The deployed template.
    pub template: Result<Json, AwsError>,
    /// The configuration on this computer. `None` if it was not compared.
    pub configuration: Option<LocalConfiguration>,
    /// The last run. `None` if the log has none.
    pub last_run: Result<Option<LastRun>, AwsError>,
    /// The alarms.
    pub alarms: Result<Vec<StackAlarm>, AwsError>,
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

/// Which users the dry run reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportedUsers {
    /// Those with something that can be due.
    Due,
    /// All selected users. With many users, this takes a call or more for each of them.
    Everyone,
}

/// Gathers the state of a stack. `now` is the current time.
pub async fn gather(session: &Session, name: &str, stack: Stack, users: ReportedUsers, now: Timestamp) -> StatusReport {
    let function = stack.outputs.get("FunctionName").map_or(name, String::as_str);
    let order = match users {
        ReportedUsers::Due => RunCommand::Routine,
        ReportedUsers::Everyone => RunCommand::RoutineForEveryone,
    };
    // The schedule and the function have the name of the stack.
    let ((template, subscriptions, alarm_subscriptions, alarms), schedule, last_run, dry_run) = tokio::join!(
        async {
            let template = stack_recipients::template(session, &stack).await;
            let subscriptions = async |topic| match &template {
                Ok(template) => stack_recipients::of_topic(session, &stack, template, topic).await,
                Err(problem) => Err(problem.clone()),
            };
            let alarms = async {
                let names = stack_alarm::declared(template.as_ref().map_err(Clone::clone)?, name);
                session.alarms(names).await
            };
            let (subscriptions, alarm_subscriptions, alarms) =
                tokio::join!(subscriptions(StackTopic::Notices), subscriptions(StackTopic::Alarms), alarms);
            (template, subscriptions, alarm_subscriptions, alarms)
        },
        session.schedule(name),
        session.last_run(function, now),
        invoke::invoke(session, function, &order, InvocationMode::DryRun),
    );
    let former_users = former_users(session, function, &template, dry_run.as_ref().ok()).await;
    StatusReport {
        name: name.to_owned(),
        account: session.account.clone(),
        region: session.region.clone(),
        at: now,
        template,
        configuration: None,
        last_run,
        alarms,
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
    template: &Result<Json, AwsError>,
    dry_run: Option<&ReceivedReport>,
) -> Result<Option<FormerUsers>, AwsError> {
    let Some(ownership) = SecretOwnership::read(template.as_ref().map_err(Clone::clone)?, function, &session.region)?
    else {
        return Ok(None);
    };
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
    /// The subscriptions to each topic.
    pub(super) fn topics(&self) -> [&Result<TopicSubscriptions, AwsError>; 2] {
        [&self.subscriptions, &self.alarm_subscriptions]
    }

    /// The name of the account, as the deployed settings have it.
    #[must_use]
    pub fn account_name(&self) -> AccountName {
        self.template.as_ref().map(deployed_template::account_name).unwrap_or_default()
    }

    /// Whether all parts could be read, and every user is fine. A subscription that is not confirmed yet, an alarm and a
    /// configuration that is not deployed do not count as a problem. Nor does a missing permission to read the log or the
    /// alarms or to look up former users: these are optional.
    #[must_use]
    pub fn is_fine(&self) -> bool {
        let is_read = |problem: Option<&AwsError>| problem.is_none_or(former_users::is_optional);
        self.topics().iter().all(|found| found.is_ok())
            && self.schedule.is_ok()
            && is_read(self.last_run.as_ref().err())
            && is_read(self.alarms.as_ref().err())
            && self.dry_run.as_ref().is_ok_and(ReceivedReport::is_fine)
            && match &self.former_users {
                Ok(found) => found.as_ref().is_none_or(FormerUsers::is_fine),
                Err(problem) => former_users::is_optional(problem),
            }
    }

    /// The state as JSON for programs.
    #[must_use]
    pub fn json(&self) -> Json {
        let error = |problem: &dyn ToString| json!({ "error": problem.to_string() });
        json!({
            "stack": {
                "name": self.name,
                "account": self.account,
                "accountName": self.account_name().given(),
                "region": self.region,
                "status": self.stack.status.as_str(),
            },
            "at": self.at,
            "configuration": self.configuration.as_ref().map(LocalConfiguration::json),
            "lastRun": match &self.last_run {
                Ok(run) => run.as_ref().map_or(Json::Null, LastRun::json),
                Err(problem) => error(problem),
            },
            "alarms": match &self.alarms {
                Ok(alarms) => alarms.iter().map(StackAlarm::json).collect(),
                Err(problem) => error(problem),
            },
            "handler": self.dry_run.as_ref().ok().and_then(ReceivedReport::handler),
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

/// The subscriptions to a topic as JSON for programs.
pub(super) fn subscribers(found: &Result<TopicSubscriptions, AwsError>) -> Json {
    match found {
        Ok(TopicSubscriptions { declared, foreign, leftover }) => {
            let subscription = |protocol: &str, endpoint: &str, state: &str| json!({ "protocol": protocol, "endpoint": endpoint, "state": state });
            let ours = declared.iter().map(|StackSubscription { declared, state }| {
                subscription(&declared.protocol, &declared.address, state.as_str())
            });
            let others = foreign.iter().map(|other| subscription(&other.protocol, &other.endpoint, "foreign"));
            let leftover = leftover.iter().map(|other| subscription(&other.protocol, &other.endpoint, "leftover"));
            ours.chain(others).chain(leftover).collect()
        }
        Err(problem) => json!({ "error": problem.to_string() }),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeSet;

    use lambda::report::run_report::HANDLER_VERSION;

    use super::*;
    use crate::{
        cfn, config,
        deploy::{
            former_users::UserSecret,
            local_configuration::ConfigurationComparison,
            run_counts::RunCounts,
            stack_alarm::AlarmState,
            stack_status::StackStatus,
            subscriptions::{ForeignSubscription, ListedSubscription, SubscriptionState, subscription},
        },
        stack,
    };

    pub(in crate::deploy) fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    pub(in crate::deploy) fn topic(
        topic: StackTopic,
        subscriptions: &[(&str, SubscriptionState)],
    ) -> TopicSubscriptions {
        TopicSubscriptions {
            declared: subscriptions.iter().map(|(address, state)| subscription(topic, address, *state)).collect(),
            ..TopicSubscriptions::default()
        }
    }

    pub(in crate::deploy) fn dry_run(users: &Json, selected: usize) -> ReceivedReport {
        let bad = users.as_array().unwrap().iter().any(|user| user["result"] == "needs-attention");
        ReceivedReport::read(json!({
            "statusCode": if bad { 500 } else { 200 },
            "body": "",
            "handler": HANDLER_VERSION,
            "dryRun": true,
            "summary": { "users": selected },
            "users": users,
        }))
        .unwrap()
    }

    /// A stack in which all is in order.
    pub(in crate::deploy) fn state() -> StatusReport {
        let config = config::read("users: [alice]\nemails: [a@example.com]\n", config::Overrides::default()).unwrap();
        let template = cfn::json::to_json(&stack::template(&config.config).unwrap());
        let schedule = Schedule {
            expression: "cron(0 9 * * ? *)".into(),
            time_zone: "Asia/Tokyo".into(),
            state: ScheduleState::Enabled,
            created: at("2026-11-24T00:00:00Z"),
            modified: at("2026-11-24T00:00:00Z"),
            start: None,
            end: None,
        };
        let key = |id: &str, status: &str, created: &str| json!({ "id": id, "status": status, "created": created });
        let users = json!([
            {
                "user": "alice", "owner": "dev@example.com", "result": "unchanged", "why": "the key is due",
                "found": [key("AKIAEXAMPLE000000001", "active", "2026-11-01T00:00:00Z")],
                "next": { "change": "replaced", "key": "AKIAEXAMPLE000000001", "at": "2026-12-31T00:00:00Z" },
            },
            {
                "user": "ci-deployer", "result": "changed", "why": "the old key stays active",
                "found": [
                    key("AKIAEXAMPLE000000002", "active", "2026-09-01T00:00:00Z"),
                    key("AKIAEXAMPLE000000003", "inactive", "2026-07-01T00:00:00Z"),
                ],
                "done": [
                    { "change": "deleted", "key": "AKIAEXAMPLE000000003", "why": "place-needed" },
                    { "change": "created", "key": "KEY_OF_A_DRY_RUN" },
                    { "change": "delivered", "key": "KEY_OF_A_DRY_RUN" },
                ],
                "next": { "change": "deactivated", "key": "AKIAEXAMPLE000000002", "at": "2026-12-05T00:00:00Z" },
            },
            {
                "user": "reporting", "result": "unchanged", "why": "the inactive key is kept",
                "found": [
                    key("AKIAEXAMPLE000000004", "inactive", "2025-10-25T00:00:00Z"),
                    key("AKIAEXAMPLE000000005", "active", "2026-11-20T00:00:00Z"),
                ],
                "next": { "change": "deleted", "key": "AKIAEXAMPLE000000004", "at": "2026-12-12T00:00:00Z" },
            },
        ]);
        let alarms = stack_alarm::declared(&template, "keys");
        assert_eq!(alarms.len(), 8, "{alarms:?}");
        let confirmed = SubscriptionState::Confirmed;
        let (dev, security) = (("dev@example.com", confirmed), ("security@example.com", confirmed));
        StatusReport {
            name: "keys".into(),
            account: "123456789012".into(),
            region: "eu-west-1".into(),
            at: at("2026-11-29T10:00:00Z"),
            template: Ok(template),
            configuration: Some(LocalConfiguration {
                file: "rotation.yaml".into(),
                comparison: ConfigurationComparison::Same,
            }),
            last_run: Ok(Some(LastRun {
                at: at("2026-11-29T00:00:09Z"),
                run: "a-run".into(),
                counts: RunCounts { users: 3, deactivated: 1, rotated: 2, ..RunCounts::default() },
            })),
            alarms: Ok(alarms.into_iter().map(|name| StackAlarm { name, state: AlarmState::Ok }).collect()),
            stack: Stack {
                id: "arn".into(),
                status: StackStatus::new("UPDATE_COMPLETE"),
                outputs: [("FunctionName".into(), "keys".into()), ("TopicArn".into(), "arn:topic".into())].into(),
            },
            subscriptions: Ok(topic(StackTopic::Notices, &[dev, security])),
            alarm_subscriptions: Ok(topic(StackTopic::Alarms, &[security])),
            schedule: Ok((schedule, Firing::At(at("2026-11-30T00:00:00Z")))),
            dry_run: Ok(dry_run(&users, 3)),
            former_users: Ok(Some(FormerUsers::default())),
        }
    }

    #[test]
    fn only_what_could_not_be_read_and_what_needs_a_person_is_a_problem() {
        assert!(state().is_fine());
        let pending = topic(StackTopic::Alarms, &[("a@example.com", SubscriptionState::Pending)]);
        let denied = || AwsError::Denied { doing: "read".into(), message: "no".into() };
        let ringing = vec![StackAlarm { name: "keys-users-failed".into(), state: AlarmState::Alarm }];
        let left = FormerUsers { left: vec!["carol".parse().unwrap()], ..FormerUsers::default() };
        let attention = json!([{ "user": "bob", "result": "needs-attention", "why": "…" }]);
        for (state, fine) in [
            (StatusReport { alarm_subscriptions: Ok(pending), ..state() }, true),
            (StatusReport { alarms: Ok(ringing), ..state() }, true),
            (StatusReport { alarms: Err(denied()), last_run: Err(denied()), ..state() }, true),
            (StatusReport { former_users: Err(denied()), ..state() }, true),
            (StatusReport { former_users: Ok(None), ..state() }, true),
            (StatusReport { former_users: Err(AwsError::Expired), ..state() }, false),
            (StatusReport { alarms: Err(AwsError::Expired), ..state() }, false),
            (StatusReport { subscriptions: Err(denied()), ..state() }, false),
            (StatusReport { schedule: Err(denied()), ..state() }, false),
            (StatusReport { dry_run: Err(InvocationError::NoFunction("keys".into())), ..state() }, false),
            (StatusReport { dry_run: Ok(dry_run(&attention, 1)), ..state() }, false),
            (StatusReport { former_users: Ok(Some(left)), ..state() }, false),
        ] {
            assert_eq!(state.is_fine(), fine, "{:#}", state.json());
        }
    }

    #[test]
    fn the_json_has_the_protocol_of_each_subscription() {
        let queue = "arn:aws:sqs:eu-west-1:123456789012:notices";
        let mut notices = topic(StackTopic::Notices, &[("a@example.com", SubscriptionState::Confirmed)]);
        let mut declared = subscription(StackTopic::Notices, queue, SubscriptionState::Confirmed);
        declared.declared.protocol = "sqs".into();
        notices.declared.push(declared);
        notices.leftover.push(ListedSubscription {
            protocol: "https".into(),
            endpoint: "https://example.com".into(),
            arn: "PendingConfirmation".into(),
        });
        let json = StatusReport { subscriptions: Ok(notices), ..state() }.json();
        let protocols = json["subscriptions"].as_array().unwrap().iter().map(|one| one["protocol"].as_str().unwrap());
        assert_eq!(protocols.collect::<Vec<_>>(), ["email", "sqs", "https"], "{json:#}");
    }

    /// Two states in which each field of the JSON occurs.
    fn full() -> [StatusReport; 2] {
        let problem = || AwsError::Expired;
        let foreign =
            ForeignSubscription { protocol: "https".into(), endpoint: "https://example.com".into(), arn: "arn".into() };
        let configuration = |comparison| Some(LocalConfiguration { file: "rotation.yaml".into(), comparison });
        let other = configuration(ConfigurationComparison::OtherArchitecture("arm64".into()));
        let former = FormerUsers {
            left: vec!["carol".parse().unwrap()],
            secrets_of_deleted_users: vec![UserSecret { name: "keys/gone".into(), user: "gone".parse().unwrap() }],
            not_looked_up: 1,
            problem: Some(problem()),
        };
        let mut most = StatusReport { configuration: other, former_users: Ok(Some(former)), ..state() };
        if let Ok(topic) = &mut most.subscriptions {
            topic.foreign.push(foreign);
        }
        let least = StatusReport {
            configuration: configuration(ConfigurationComparison::Unknown("why".into())),
            last_run: Err(problem()),
            alarms: Err(problem()),
            subscriptions: Err(problem()),
            alarm_subscriptions: Err(problem()),
            schedule: Err(problem()),
            dry_run: Err(problem().into()),
            former_users: Err(problem()),
            ..state()
        };
        [most, least]
    }

    /// The paths of the fields of a document, such as `alarms[].name`.
    pub(in crate::deploy) fn paths(document: &Json, path: &str, found: &mut BTreeSet<String>) {
        match document {
            // The report of the function and the outputs have no fields of this document.
            Json::Object(fields) if !["dryRun", "outputs"].contains(&path) || fields.contains_key("error") => {
                for (name, value) in fields {
                    let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                    paths(value, &path, found);
                }
            }
            Json::Array(items) => items.iter().for_each(|item| paths(item, &format!("{path}[]"), found)),
            _ => {
                found.insert(path.to_owned());
            }
        }
    }

    /// Programs depend on the fields: `docs/operations.md` has a row for each of them, and for no other one.
    #[test]
    fn the_runbook_documents_each_field_of_the_json() {
        let mut fields = BTreeSet::new();
        for state in full() {
            paths(&state.json(), "", &mut fields);
        }
        let text = include_str!("../../../docs/operations.md");
        let section = text.split("\n## ").find(|section| section.starts_with("The JSON of the status\n")).unwrap();
        let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
        let documented: BTreeSet<_> = rows.map(|(field, _)| field.to_owned()).collect();
        let difference: Vec<_> = fields.symmetric_difference(&documented).collect();
        assert!(difference.is_empty(), "not in both: {difference:#?}");
    }
}
