//! The tables of what is decided, and what is harmless about it.
//!
//! A list of dangerous properties is never complete. So the tables list what is harmless, and they may grow. If a
//! property, a type or a section changes that no table names, the change is unknown.

// A method of a type with a lifetime is not a function for every lifetime, as the tables need it.
#![allow(clippy::redundant_closure_for_method_calls)]

use serde_json::Value as Json;

use super::rules::Edit;
use crate::stack::MEMBER_PARAMETERS;

/// How a change of a property is decided.
pub(super) enum Meaning {
    /// The change is harmless, for this reason.
    Harmless(&'static str),
    /// The change is harmless if the new resource fulfils a rule.
    HarmlessIf(fn(&Edit<'_>) -> bool, &'static str),
    /// The change is harmless if the resource is new.
    WhenNew(&'static str),
    /// The change replaces the resource, and that needs approval. On a new resource it is only a name.
    Replaces,
    /// The same, but on a new resource, the name must fulfil a rule.
    ReplacesOrIf(fn(&Edit<'_>) -> bool, &'static str),
    /// Each change needs approval, for this reason.
    Asks(&'static str),
    /// If the change fulfils the rule, it is harmless for the first reason. Otherwise it needs approval for the second
    /// reason.
    AsksUnless(fn(&Edit<'_>) -> bool, &'static str, &'static str),
    /// The inner properties are decided one by one.
    Parts,
    /// The variables of a function's environment: `handler_env` knows who compares each.
    Variables,
}

use Meaning::{Asks, AsksUnless, Harmless, HarmlessIf, Parts, Replaces, ReplacesOrIf, Variables, WhenNew};

const TEXT: Meaning = Harmless("descriptions");
const PRINCIPAL_TAGS: Meaning = Asks("policies elsewhere may allow a principal more because of its tags");
const CODE: Meaning = Asks("the function may run other code");
const TAGS: Meaning = Harmless("tags of resources that are no principals");
const ALARM: Meaning = WhenNew("when a new alarm notifies");
const WINDOW: Meaning =
    HarmlessIf(|edit| edit.follows_the_schedule(), "alarms about missed runs that follow the schedule");
const TIMING: Meaning = Harmless("how much memory the code has");
/// These are the values that hold where none is set: first of Lambda's asynchronous invocations, then of a schedule.
const RETRY_ATTEMPTS: Meaning = HarmlessIf(|edit| edit.grows_for_its_function(2.0), MORE_RETRIES);
const EVENT_AGE: Meaning = HarmlessIf(|edit| edit.grows_for_its_function(21_600.0), MORE_RETRIES);
const RETRY_POLICY: Meaning = HarmlessIf(
    |edit| edit.each_grows(&[("MaximumEventAgeInSeconds", 86_400.0), ("MaximumRetryAttempts", 185.0)]),
    MORE_RETRIES,
);
const MORE_RETRIES: &str = "runs that are tried again as often and as long as before, or more";
const SUBSCRIPTION: Meaning = HarmlessIf(
    |edit| edit.gets_only_its_own(),
    "subscriptions that get only notices to themselves, or alarms for administrators",
);
const NOTIFIES: Meaning = HarmlessIf(|edit| edit.only_notifies(), "alarms that only notify");
/// Each stack of a StackSet gets this, in accounts that no other part of the template shows.
const MEMBERS: Meaning = Asks("the stacks of the members change");
const PACKAGE: &str = "the package that the deployer names";
const MEMBER_STACK_PARAMETERS: Meaning =
    AsksUnless(|edit| edit.only_passes_on_the_package(), PACKAGE, "the stacks of the members change");
const MEMBER_TEMPLATE: Meaning = AsksUnless(
    |edit| edit.is_harmless_in_each_account(),
    "a template of the members with harmless changes",
    "each member gets another template, and the change of each member account is shown separately",
);
const MEMBER_ACCOUNTS: Meaning =
    Asks("accounts get a stack or lose it, with its log; keys in an account without a stack are not rotated");
const EVENTS: Meaning =
    Asks("other or fewer events arrive, or they arrive elsewhere, and that may silence an alarm or a notice");
const EMPTY: Meaning = WhenNew("how a new bucket or log group stores its content");

/// The properties of a type, by what their changes mean.
type Properties = &'static [(&'static [&'static str], Meaning)];

/// The types that are decided, each with its decided properties. What [`grants::reads`] names is decided too.
const TYPES: &[(&str, Properties)] = &[
    (
        "AWS::CloudFormation::StackSet",
        &[
            (&["PermissionModel", "StackSetName"], Replaces),
            (&["Description"], TEXT),
            (&["ManagedExecution"], Harmless("whether operations of a StackSet wait for each other")),
            (&["AutoDeployment", "CallAs", "Capabilities", "OperationPreferences"], MEMBERS),
            (&["Parameters"], MEMBER_STACK_PARAMETERS),
            (&["StackInstancesGroup"], MEMBER_ACCOUNTS),
            (&["TemplateURL"], MEMBER_TEMPLATE),
            // The roles of the members get these tags too.
            (&["Tags"], PRINCIPAL_TAGS),
        ],
    ),
    (
        "AWS::CloudWatch::Alarm",
        &[
            (
                &["AlarmName"],
                ReplacesOrIf(|edit| edit.is_unique("AlarmName"), "names of alarms that no other alarm has"),
            ),
            (&["AlarmDescription"], TEXT),
            (&["Tags"], TAGS),
            (&["AlarmActions", "InsufficientDataActions", "OKActions"], NOTIFIES),
            (
                &[
                    "ComparisonOperator",
                    "DatapointsToAlarm",
                    "Dimensions",
                    "ExtendedStatistic",
                    "MetricName",
                    "Namespace",
                    "Statistic",
                    "Threshold",
                    "TreatMissingData",
                    "Unit",
                ],
                ALARM,
            ),
            (&["EvaluationPeriods", "Period", "WarmUpConfiguration"], WINDOW),
        ],
    ),
    (
        "AWS::CloudWatch::Dashboard",
        &[(&["DashboardName"], Replaces), (&["DashboardBody"], Harmless("what a dashboard shows")), (&["Tags"], TAGS)],
    ),
    ("AWS::Events::EventBus", &[(&["Name"], Replaces), (&["Description"], TEXT), (&["Tags"], TAGS)]),
    (
        "AWS::Events::EventBusPolicy",
        &[(
            &["StatementId"],
            ReplacesOrIf(|edit| edit.is_unique("StatementId"), "ids of statements that no other statement has"),
        )],
    ),
    (
        "AWS::Events::Rule",
        &[
            (&["Name"], Replaces),
            (&["Description"], TEXT),
            (&["EventBusName", "EventPattern", "State", "Targets"], EVENTS),
            (&["Tags"], TAGS),
        ],
    ),
    ("AWS::IAM::Group", &[(&["GroupName"], Replaces)]),
    ("AWS::IAM::GroupPolicy", &[]),
    ("AWS::IAM::InstanceProfile", &[(&["InstanceProfileName", "Path"], Replaces)]),
    ("AWS::IAM::ManagedPolicy", &[(&["Description", "ManagedPolicyName", "Path"], Replaces), (&["Tags"], TAGS)]),
    ("AWS::IAM::Policy", &[]),
    ("AWS::IAM::Role", &[(&["Description"], TEXT), (&["Path", "RoleName"], Replaces), (&["Tags"], PRINCIPAL_TAGS)]),
    ("AWS::IAM::RolePolicy", &[]),
    ("AWS::IAM::User", &[(&["Tags"], PRINCIPAL_TAGS)]),
    ("AWS::IAM::UserPolicy", &[]),
    ("AWS::IAM::UserToGroupAddition", &[]),
    (
        "AWS::KMS::Key",
        &[
            (&["Description"], TEXT),
            (&["EnableKeyRotation"], HarmlessIf(|edit| edit.new == Some(&Json::Bool(true)), "a key that rotates")),
            (&["Tags"], TAGS),
        ],
    ),
    (
        "AWS::Lambda::EventInvokeConfig",
        &[
            (
                &["FunctionName"],
                ReplacesOrIf(
                    |edit| edit.is_only_for_its_function(),
                    "the only settings of a new function of the template",
                ),
            ),
            (&["Qualifier"], Replaces),
            (&["MaximumEventAgeInSeconds"], EVENT_AGE),
            (&["MaximumRetryAttempts"], RETRY_ATTEMPTS),
            (
                &["DestinationConfig"],
                HarmlessIf(|edit| edit.keeps_failures(), "failed runs that go to a queue of the stack"),
            ),
        ],
    ),
    (
        "AWS::Lambda::EventSourceMapping",
        &[
            (&["EventSourceArn"], Replaces),
            (&["BatchSize", "FunctionName", "FunctionResponseTypes"], Asks("messages of a queue start something else")),
            (&["Tags"], TAGS),
        ],
    ),
    (
        "AWS::Lambda::Function",
        &[
            (&["FunctionName"], Replaces),
            (&["Description"], TEXT),
            (&["Tags"], TAGS),
            (&["MemorySize"], TIMING),
            (&["Timeout"], HarmlessIf(|edit| edit.is_long_enough(), "runs that have the time that they need")),
            (&["ReservedConcurrentExecutions"], HarmlessIf(|edit| edit.can_run(), "how many runs there are at once")),
            (&["Architectures"], Harmless("the processor that the code runs on")),
            (&["FileSystemConfigs", "Handler", "ImageConfig", "Layers", "PackageType", "Runtime"], CODE),
            (&["LoggingConfig"], Asks("the log goes elsewhere")),
            (&["Code", "Environment"], Parts),
            (&["Code.S3Bucket"], HarmlessIf(|edit| edit.is_given_as(MEMBER_PARAMETERS.code_bucket), PACKAGE)),
            (&["Code.S3Key"], HarmlessIf(|edit| edit.is_given_as(MEMBER_PARAMETERS.code_key), PACKAGE)),
            (&["Code.S3ObjectVersion"], HarmlessIf(|edit| edit.is_given_as(MEMBER_PARAMETERS.code_version), PACKAGE)),
            (&["Environment.Variables"], Variables),
        ],
    ),
    ("AWS::Lambda::Permission", &[]),
    ("AWS::Lambda::Url", &[]),
    (
        "AWS::Logs::LogGroup",
        &[
            (&["LogGroupName"], Replaces),
            // Without a retention, a log group keeps everything.
            (&["RetentionInDays"], HarmlessIf(|edit| edit.grows(f64::INFINITY), "longer retentions")),
            (&["KmsKeyId"], EMPTY),
            (&["Tags"], TAGS),
        ],
    ),
    (
        "AWS::S3::Bucket",
        &[
            (&["BucketName"], Replaces),
            (&["BucketEncryption", "VersioningConfiguration"], EMPTY),
            (
                &["LifecycleConfiguration"],
                HarmlessIf(|edit| edit.keeps_objects_longer(), "buckets that keep objects longer"),
            ),
            (
                &["OwnershipControls"],
                HarmlessIf(|edit| edit.owns_its_objects(), "buckets without access control lists"),
            ),
            (
                &["PublicAccessBlockConfiguration"],
                HarmlessIf(|edit| edit.blocks_the_public(), "buckets that block public access"),
            ),
            (&["Tags"], TAGS),
        ],
    ),
    ("AWS::S3::BucketPolicy", &[]),
    (
        "AWS::SNS::Subscription",
        &[
            (&["Endpoint", "FilterPolicy", "FilterPolicyScope", "Protocol", "TopicArn"], SUBSCRIPTION),
            // Of an address, undelivered mails with secrets would be in the queue.
            (
                &["RedrivePolicy"],
                HarmlessIf(|edit| edit.keeps_notices(), "notices for endpoints that go to a queue of the stack"),
            ),
        ],
    ),
    (
        "AWS::SNS::Topic",
        &[
            (&["TopicName"], Replaces),
            (&["DisplayName"], Harmless("names that mails show")),
            (&["KmsMasterKeyId"], WhenNew("how a new topic is encrypted")),
            (&["Tags"], TAGS),
        ],
    ),
    ("AWS::SNS::TopicPolicy", &[]),
    (
        "AWS::SQS::Queue",
        &[
            (&["FifoQueue", "QueueName"], Replaces),
            (&["ContentBasedDeduplication"], WhenNew("how a new queue finds copies of a message")),
            (
                &["RedrivePolicy"],
                HarmlessIf(|edit| edit.gives_up_no_earlier(), "messages that are given up into a queue of the stack"),
            ),
            (&["DelaySeconds", "ReceiveMessageWaitTimeSeconds"], Harmless("when a queue hands out messages")),
            (&["VisibilityTimeout"], Asks("a message can be handed out twice, or hold up the next ones")),
            // Without a retention, a queue keeps messages for four days.
            (&["MessageRetentionPeriod"], HarmlessIf(|edit| edit.grows(345_600.0), "longer retentions")),
            (
                &["SqsManagedSseEnabled"],
                HarmlessIf(|edit| edit.new == Some(&Json::Bool(true)), "queues that are encrypted"),
            ),
            (&["Tags"], TAGS),
        ],
    ),
    ("AWS::SQS::QueuePolicy", &[]),
    (
        "AWS::Scheduler::Schedule",
        &[
            (&["Name"], Replaces),
            (&["Description"], TEXT),
            (&["ScheduleExpressionTimezone"], Harmless("the hour of the runs")),
            // In a larger window, two runs can follow each other sooner. In a smaller one, the accounts of an organization start at
            // the same time.
            (&["FlexibleTimeWindow"], WhenNew("the time window of a new schedule")),
            (
                &["ScheduleExpression"],
                HarmlessIf(
                    |edit| edit.keeps_a_monthly_run(),
                    "schedules with a run each month, as far as keys do not fall earlier",
                ),
            ),
            (&["State"], Asks("runs begin or end")),
            (&["Target"], Parts),
            (&["Target.Arn"], Asks("runs start something else")),
            (&["Target.Input"], HarmlessIf(|edit| edit.asks_for_the_same(), "the form of the event that starts a run")),
            (&["Target.RetryPolicy"], RETRY_POLICY),
            (
                &["Target.DeadLetterConfig"],
                HarmlessIf(|edit| edit.keeps_failures(), "failed runs that go to a queue of the stack"),
            ),
        ],
    ),
    ("AWS::SecretsManager::ResourcePolicy", &[]),
];

/// The attributes of a resource that are decided, if its type is. Other types may read their metadata.
const ATTRIBUTES: [(&str, Meaning); 5] = [
    ("CreationPolicy", Harmless("how long CloudFormation waits for a new resource")),
    ("DeletionPolicy", KEEPS),
    (
        "DependsOn",
        HarmlessIf(|edit| edit.waits_for_as_much(), "resources that wait in a deployment for all that they waited for"),
    ),
    ("Metadata", Harmless("metadata")),
    ("UpdateReplacePolicy", KEEPS),
];
const KEEPS: Meaning = HarmlessIf(|edit| edit.keeps_as_much(), "what a deletion keeps, if it is not less");

/// The sections of a template that have no effect by themselves. Parameters, mappings and conditions count where they are
/// used.
pub(super) const SECTIONS: [&str; 6] =
    ["AWSTemplateFormatVersion", "Conditions", "Description", "Mappings", "Metadata", "Parameters"];

pub(super) fn properties(kind: &str) -> Option<Properties> {
    TYPES.iter().find(|(known, _)| *known == kind).map(|(_, properties)| *properties)
}

pub(super) fn meaning(kind: &str, path: &str) -> Option<&'static Meaning> {
    properties(kind)?.iter().find(|(paths, _)| paths.contains(&path)).map(|(_, meaning)| meaning)
}

/// The meaning of an attribute of a resource.
pub(super) fn attribute(name: &str) -> Option<&'static Meaning> {
    ATTRIBUTES.iter().find(|(known, _)| *known == name).map(|(_, meaning)| meaning)
}

/// Whether another value of this part of a resource needs no approval, whatever the value is.
pub(in crate::diff) fn is_harmless(kind: &str, part: &str) -> bool {
    let attribute = attribute(part).filter(|_| properties(kind).is_some());
    matches!(attribute.or_else(|| meaning(kind, part)), Some(Harmless(_) | Replaces | ReplacesOrIf(..)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        cfn::{resource, shape::Shape},
        diff::{impact::Impact, replacing_properties::ReplacingProperties, values::Path},
        iam::grants,
    };

    #[test]
    fn what_is_said_to_replace_a_resource_replaces_it() {
        let mut names = 0;
        for (kind, properties) in TYPES {
            for path in properties
                .iter()
                .filter(|(_, meaning)| matches!(meaning, Replaces | ReplacesOrIf(..)))
                .flat_map(|(paths, _)| *paths)
            {
                let impact = ReplacingProperties::of(kind).impact(Path::of(path).steps());
                assert_eq!(impact, Impact::Replaces, "{kind} {path}");
                names += 1;
            }
        }
        assert!(names > 10, "{names}");
    }

    /// Whether a part of a resource is decided: in some cases, or always.
    fn is_decided(kind: &str, path: &str) -> bool {
        grants::reads(kind, path) || meaning(kind, path).is_some()
    }

    /// What our generator writes is decided, or it needs approval on purpose.
    #[test]
    fn every_property_that_is_generated_is_decided() {
        let mut unknown = Vec::new();
        for kind in resource::types() {
            assert!(properties(kind.name).is_some(), "{}", kind.name);
            let Shape::Struct(fields) = &kind.shape else { panic!("{}", kind.name) };
            for (name, shape) in fields {
                match (meaning(kind.name, name), shape) {
                    (Some(Parts), Shape::Struct(inner)) => {
                        let paths = inner.iter().map(|(inner, _)| format!("{name}.{inner}"));
                        unknown.extend(
                            paths
                                .filter(|path| !is_decided(kind.name, path))
                                .map(|path| format!("{} {path}", kind.name)),
                        );
                    }
                    _ if is_decided(kind.name, name) => {}
                    _ => unknown.push(format!("{} {name}", kind.name)),
                }
            }
        }
        assert_eq!(unknown, [""; 0]);
    }

    #[test]
    fn every_type_that_is_read_for_its_grants_is_in_the_table() {
        for kind in grants::types() {
            assert!(properties(kind).is_some(), "{kind}");
        }
        let kinds: BTreeSet<_> = TYPES.iter().map(|(kind, _)| kind).collect();
        assert_eq!(kinds.len(), TYPES.len());
    }
}
