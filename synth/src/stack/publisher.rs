//! The publisher of the administering account: events of the members arrive on a bus, wait in a queue, and become notices.
//!
//! The queue hands out the events of one group, one batch at a time, so there is never a second invocation. So the publisher can
//! keep a pace for all members together, without a reserved concurrency, which a new account cannot have.

use lambda::{
    contract::{
        member_event::{ALARM_EVENT, ALARM_SOURCE, DETAIL_TYPES, EVENT_SOURCE},
        permissions::{PermissionTarget, publisher_permissions},
        publisher_settings::PublisherSettings,
    },
    model::account_id::AccountId,
};

use super::{
    LONGEST_RETENTION, StackError, quotas,
    topic::Encryption,
    {role as stack_role, variable, write_log},
};
use crate::{
    cfn::{
        Dependency, Handle, Property, Pseudo, Template, Text, Value,
        name::id,
        policy_document::{Condition, PolicyDocument, Principal, Service, Statement},
        resource::{
            Code, DeadLetterConfig, Environment, EventBus, EventBusPolicy, EventPattern, EventRule, EventSourceMapping,
            Function, FunctionResponseType, InlinePolicy, LogFormat, LogGroup, LoggingConfig, Queue, QueuePolicy,
            QueueRedrivePolicy, Role, RuleState, RuleTarget, Runtime, SqsParameters, TargetArn, Topic,
        },
        value::map,
    },
    config::{Config, MemberAccounts, Organization},
};

/// The sources of the events that the bus takes.
fn sources() -> Vec<&'static str> {
    vec![EVENT_SOURCE, ALARM_SOURCE]
}

/// The types of the events that the bus takes.
fn detail_types() -> Vec<&'static str> {
    DETAIL_TYPES.into_iter().chain([ALARM_EVENT]).collect()
}

/// The bus, and what must exist before it takes events.
pub(super) struct Bus {
    pub(super) bus: Handle<EventBus>,
    pub(super) policy: Dependency,
}

/// Adds the bus and its policy.
pub(super) fn event_bus(t: &mut Template, organization: &Organization) -> Bus {
    let bus = t.add(
        id!("EventBus"),
        "Takes the notices, the results of runs and the alarms of the members. EventBridge itself writes the account of the sender \
         into each event.",
        EventBus { name: Pseudo::StackName.into(), description: "Notices and alarms of the access key rotation" },
    );
    let texts = |list: Vec<&'static str>| list.into_iter().map(Text::from).collect();
    let policy = t.add(
        id!("EventBusPolicy"),
        "Lets the accounts of the organization send events, and no other account.",
        EventBusPolicy {
            event_bus_name: bus.reference(),
            statement_id: "TakeEvents",
            statement: Statement::grant_organization(
                organization.id.as_str(),
                "TakeEvents",
                "Only events of the rotation and of alarms, and only from accounts of the organization.",
                vec!["events:PutEvents"],
                vec![bus.arn().into()],
                vec![
                    Condition { operator: "StringEquals", key: "events:source".into(), values: texts(sources()) },
                    Condition {
                        operator: "StringEquals",
                        key: "events:detail-type".into(),
                        values: texts(detail_types()),
                    },
                ],
            ),
        },
    );
    Bus { bus, policy: policy.dependency() }
}

/// The queues of the publisher.
pub(super) struct Queues {
    /// The events that wait for the publisher.
    pub(super) notices: Handle<Queue>,
    /// The events that the publisher could not publish.
    pub(super) unsent: Handle<Queue>,
}

/// How long the publisher may work on a batch, in seconds: ten mails at the pace of an address, as many to the administrators if
/// SNS refuses each, and the answers of a slow SNS.
const TIMEOUT: u32 = 60;

/// How often an event is tried. With the visibility timeout, an outage of some hours passes in this time.
const TRIES: u32 = 50;

/// Adds the queues. The dead-letter queue of a queue with groups must have groups too, so it is another one than that of the
/// stack.
pub(super) fn queues(t: &mut Template) -> Queues {
    let unsent = t.add(
        id!("UnsentNoticesQueue"),
        "Keeps the events whose notices could not be published, for the 14 days that SQS allows.",
        Queue::first_in_first_out(LONGEST_RETENTION),
    );
    let notices = t.add(
        id!("NoticeQueue"),
        "Holds the members' events until the publisher takes them. It hands out one batch at a time, so that one invocation can \
         keep the pace.",
        Queue {
            // Lambda asks for six times the timeout of the function ("Using Lambda with Amazon SQS").
            visibility_timeout: Some(6 * TIMEOUT),
            redrive_policy: Some(QueueRedrivePolicy { dead_letter_target_arn: unsent.arn(), max_receive_count: TRIES }),
            ..Queue::first_in_first_out(LONGEST_RETENTION)
        },
    );
    Queues { notices, unsent }
}

/// Adds the rule that puts the events of the members into the queue.
///
/// # Errors
/// [`StackError`] if the configuration names more accounts than the pattern of a rule can hold.
pub(super) fn rule(
    t: &mut Template,
    config: &Config,
    organization: &Organization,
    bus: &Handle<EventBus>,
    notices: &Handle<Queue>,
    dead_letters: &Handle<Queue>,
) -> Result<Handle<EventRule>, StackError> {
    let list = |accounts: &[AccountId]| {
        Value::List(accounts.iter().filter_map(|account| account.to_string().value()).collect())
    };
    let accounts = match &organization.accounts {
        MemberAccounts::All => None,
        MemberAccounts::Only(accounts) => Some(list(accounts)),
        MemberAccounts::AllBut(accounts) => Some(Value::List(vec![map([("anything-but", Some(list(accounts)))])])),
    };
    let event_pattern = EventPattern { accounts, sources: sources(), detail_types: detail_types(), detail: None };
    quotas::check_event_pattern(&event_pattern, config)?;
    Ok(t.add(
        id!("MemberEvents"),
        "Puts the members' events into the queue of the publisher.",
        EventRule {
            description: "Notices and alarms of the access key rotation",
            event_bus_name: Some(bus.reference()),
            event_pattern,
            state: RuleState::Enabled,
            targets: vec![RuleTarget {
                id: "NoticeQueue",
                arn: TargetArn::Queue(notices.arn()),
                role_arn: None,
                sqs_parameters: Some(SqsParameters { message_group_id: "notices" }),
                dead_letter_config: DeadLetterConfig { arn: dead_letters.arn() },
            }],
        },
    ))
}

/// The statement that lets the rule put what it could not deliver into the dead-letter queue.
pub(super) fn keeps_undelivered(rule: &Handle<EventRule>, dead_letters: &Handle<Queue>) -> Statement {
    grant(rule, "KeepUndeliveredEvents", dead_letters)
}

/// Adds the policy of the queue.
pub(super) fn queue_policy(t: &mut Template, rule: &Handle<EventRule>, notices: &Handle<Queue>) -> Dependency {
    let policy = QueuePolicy {
        queues: vec![notices.reference()],
        policy_document: PolicyDocument(vec![grant(rule, "TakeEvents", notices)]),
    };
    t.add(id!("NoticeQueuePolicy"), "Lets the rule put events into the queue of the publisher.", policy).dependency()
}

fn grant(rule: &Handle<EventRule>, sid: &'static str, queue: &Handle<Queue>) -> Statement {
    Statement::grant(
        Principal::EventBridge,
        sid,
        "The rule of this stack may send to the queue, and no other rule.",
        vec!["sqs:SendMessage"],
        vec![queue.arn().into()],
        vec![Condition { operator: "ArnEquals", key: "aws:SourceArn".into(), values: vec![rule.arn().into()] }],
    )
}

/// Adds the role of the publisher.
pub(super) fn role(
    t: &mut Template,
    config: &Config,
    topic: &Handle<Topic>,
    encryption: &Encryption,
    log: &Handle<LogGroup>,
    notices: &Handle<Queue>,
) -> Handle<Role> {
    let own = publisher_permissions().into_iter().map(|permission| {
        let on = match permission.on {
            PermissionTarget::Topic => vec![topic.reference().into()],
            // The publisher is declared to need nothing else, and a statement without a resource is refused.
            _ => Vec::new(),
        };
        Statement::allow(permission.sid, permission.why, permission.actions, on, Vec::new())
    });
    let of_aws = [
        encryption.statement(
            "SNS encrypts with this role what the publisher publishes. The role can use the key for nothing else.",
        ),
        Statement::allow(
            "TakeEvents",
            "With this role, Lambda takes the members' events from the queue.",
            vec!["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
            vec![notices.arn().into()],
            Vec::new(),
        ),
        write_log(log),
    ];
    let statements = own.chain(of_aws).collect();
    t.add(
        id!("PublisherRole"),
        "Has all permissions of the publisher. It reaches no user and no secret.",
        stack_role(
            config,
            "Execution role of the publisher of the access key rotation",
            Statement::trust(Service::Lambda, "Lambda runs the publisher with this role.", Vec::new()),
            InlinePolicy { policy_name: "Publish", policy_document: PolicyDocument(statements) },
        ),
    )
}

/// Adds the publisher.
pub(super) fn function(
    t: &mut Template,
    config: &Config,
    name: &Text,
    code: Code,
    topic: &Handle<Topic>,
    log: &Handle<LogGroup>,
    role: &Handle<Role>,
) -> Result<Handle<Function>, StackError> {
    let settings = PublisherSettings {
        topic: topic.reference().into(),
        administrators: config.emails.clone(),
        language: config.language,
    };
    let environment = Environment(settings.into_environment().into_iter().map(variable).collect());
    quotas::check_environment(&environment, config)?;
    Ok(t.add(
        id!("Publisher"),
        "Runs the handler's program as the publisher, which turns the members' events into notices.",
        Function {
            description: "Sends the notices of the access key rotation",
            function_name: name.clone(),
            architectures: vec![config.architecture],
            runtime: Runtime::ProvidedAl2023,
            handler: "bootstrap",
            code,
            role: role.arn(),
            memory_size: 128,
            timeout: TIMEOUT,
            reserved_concurrent_executions: None,
            environment,
            logging_config: LoggingConfig { log_format: LogFormat::Json, log_group: log.reference() },
        },
    ))
}

/// Adds the mapping with which Lambda reads the queue.
pub(super) fn reads_queue(t: &mut Template, function: &Handle<Function>, notices: &Handle<Queue>) -> Dependency {
    t.add(
        id!("NoticeQueueReader"),
        "Invokes the publisher with up to ten events. Those that failed and can succeed later stay in the queue.",
        EventSourceMapping {
            event_source_arn: notices.arn(),
            function_name: function.reference(),
            batch_size: 10,
            function_response_types: vec![FunctionResponseType::ReportBatchItemFailures],
        },
    )
    .dependency()
}
