//! Decides which changes are understood. The comparison of permissions decides some, the other modules of this folder
//! decide the handler's settings, and the tables here list harmless changes with their reasons. Every other change is
//! unknown, and needs approval.
//!
//! A list of dangerous properties is never complete. So the tables list what is harmless, and they may grow. If a
//! property, a type or a section changes that no table names, the change is unknown.

// A method of a type with a lifetime is not a function for every lifetime, as the tables need it.
#![allow(clippy::redundant_closure_for_method_calls)]

use std::collections::BTreeSet;

use lambda::{
    contract::{event::RunRequest, settings::Variable},
    selection::routing::{ENDPOINTS, TO},
};
use serde_json::{Map, Value as Json, json};

use super::{handler_env, values::Path};
use crate::{
    cfn::{
        text::{self, Piece, pieces},
        view::{View, references},
    },
    iam::{grants, template::redefined_names},
};

/// What the tables say about a change of a template.
#[derive(Debug, Default)]
pub(super) struct Judgement {
    /// The changes that are not understood: each is a place and a reason, in one line.
    pub(super) unknown: Vec<String>,
    /// The harmless changes.
    pub(super) harmless: Vec<HarmlessChange>,
}

/// A harmless change of a resource.
#[derive(Debug)]
pub(super) struct HarmlessChange {
    /// The logical id of the resource.
    resource: String,
    /// The part of the resource, with a `.` before each inner property. `None` for a whole resource.
    part: Option<String>,
    /// What is harmless about it.
    pub(super) why: &'static str,
}

impl HarmlessChange {
    /// Whether a difference at this path of a resource belongs to the change.
    pub(super) fn contains(&self, resource: &str, path: &Path) -> bool {
        self.resource == resource && self.part.as_deref().is_none_or(|part| path.is_below(part))
    }
}

/// How a change of a property is decided.
enum Meaning {
    /// The change is harmless, for this reason.
    Harmless(&'static str),
    /// The change is harmless if the new resource fulfils a rule.
    HarmlessIf(fn(&Edit<'_>) -> bool, &'static str),
    /// The change is harmless if the resource is new.
    WhenNew(&'static str),
    /// The change replaces the resource, and that needs approval. On a new resource it is only a name.
    Replaces,
    /// Each change needs approval, for this reason.
    Asks(&'static str),
    /// The inner properties are decided one by one.
    Parts,
    /// The variables of a function's environment: `handler_env` knows who compares each.
    Variables,
}

use Meaning::{Asks, Harmless, HarmlessIf, Parts, Replaces, Variables, WhenNew};

const TEXT: Meaning = Harmless("descriptions");
const PRINCIPAL_TAGS: Meaning = Asks("policies elsewhere may allow a principal more because of its tags");
const CODE: Meaning = Asks("the function may run other code");
const TAGS: Meaning = Harmless("tags of resources that are no principals");
const ALARM: Meaning = Harmless("when an alarm notifies");
const TIMING: Meaning = Harmless("how long and with how much memory the code runs");
const RETRIES: Meaning = Harmless("when and how often a run is tried again");
const SUBSCRIPTION: Meaning =
    HarmlessIf(|edit| edit.gets_only_its_own(), "subscriptions that get only alarms, or notices to themselves");
const NOTIFIES: Meaning = HarmlessIf(|edit| edit.only_notifies(), "alarms that only notify");
const EMPTY: Meaning = WhenNew("how a new bucket or log group stores its content");

/// The properties of a type, by what their changes mean.
type Properties = &'static [(&'static [&'static str], Meaning)];

/// The types that are decided, each with its decided properties. What [`grants::reads`] names is decided too.
const TYPES: &[(&str, Properties)] = &[
    (
        "AWS::CloudWatch::Alarm",
        &[
            (&["AlarmName"], Replaces),
            (&["AlarmDescription"], TEXT),
            (&["Tags"], TAGS),
            (&["AlarmActions", "InsufficientDataActions", "OKActions"], NOTIFIES),
            (
                &[
                    "ComparisonOperator",
                    "DatapointsToAlarm",
                    "Dimensions",
                    "EvaluationPeriods",
                    "ExtendedStatistic",
                    "MetricName",
                    "Namespace",
                    "Period",
                    "Statistic",
                    "Threshold",
                    "TreatMissingData",
                    "Unit",
                    "WarmUpConfiguration",
                ],
                ALARM,
            ),
        ],
    ),
    (
        "AWS::CloudWatch::Dashboard",
        &[(&["DashboardName"], Replaces), (&["DashboardBody"], Harmless("what a dashboard shows")), (&["Tags"], TAGS)],
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
            (&["FunctionName", "Qualifier"], Replaces),
            (&["MaximumEventAgeInSeconds", "MaximumRetryAttempts"], RETRIES),
            (
                &["DestinationConfig"],
                HarmlessIf(|edit| edit.keeps_failures(), "failed runs that go to a queue of the stack"),
            ),
        ],
    ),
    (
        "AWS::Lambda::Function",
        &[
            (&["FunctionName"], Replaces),
            (&["Description"], TEXT),
            (&["Tags"], TAGS),
            (&["MemorySize", "Timeout"], TIMING),
            (
                &["ReservedConcurrentExecutions"],
                HarmlessIf(|edit| edit.new != Some(&Json::from(0)), "how many runs there are at once"),
            ),
            (&["Architectures"], Harmless("the processor that the code runs on")),
            (&["FileSystemConfigs", "Handler", "ImageConfig", "Layers", "PackageType", "Runtime"], CODE),
            (&["LoggingConfig"], Asks("the log goes elsewhere")),
            (&["Code", "Environment"], Parts),
            (
                &["Code.S3Bucket", "Code.S3Key", "Code.S3ObjectVersion"],
                HarmlessIf(|edit| edit.comes_from_the_deployer(), "the package that the deployer names"),
            ),
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
            (&["BucketEncryption", "LifecycleConfiguration", "VersioningConfiguration"], EMPTY),
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
            (&["QueueName"], Replaces),
            (
                &["DelaySeconds", "ReceiveMessageWaitTimeSeconds", "VisibilityTimeout"],
                Harmless("when a queue hands out messages"),
            ),
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
            (&["FlexibleTimeWindow", "ScheduleExpressionTimezone"], Harmless("the hour of the runs")),
            (
                &["ScheduleExpression"],
                HarmlessIf(|edit| edit.is_literal(), "schedules, as far as keys do not fall earlier"),
            ),
            (&["State"], Asks("runs begin or end")),
            (&["Target"], Parts),
            (&["Target.Arn"], Asks("runs start something else")),
            (&["Target.Input"], HarmlessIf(|edit| edit.asks_for_the_same(), "the form of the event that starts a run")),
            (&["Target.RetryPolicy"], RETRIES),
            (
                &["Target.DeadLetterConfig"],
                HarmlessIf(|edit| edit.keeps_failures(), "failed runs that go to a queue of the stack"),
            ),
        ],
    ),
    ("AWS::SecretsManager::ResourcePolicy", &[]),
];

/// The attributes of a resource that are harmless, if its type is decided. Other types may read their metadata.
const ATTRIBUTES: [(&str, &str); 5] = [
    ("CreationPolicy", "how long CloudFormation waits for a new resource"),
    ("DeletionPolicy", "what a later deletion keeps, which asks for approval itself"),
    ("DependsOn", "the order of a deployment"),
    ("Metadata", "metadata"),
    ("UpdateReplacePolicy", "what a later replacement keeps, which asks for approval itself"),
];

/// The sections of a template that have no effect by themselves. Parameters, mappings and conditions count where they are
/// used.
const SECTIONS: [&str; 6] =
    ["AWSTemplateFormatVersion", "Conditions", "Description", "Mappings", "Metadata", "Parameters"];

fn properties(kind: &str) -> Option<Properties> {
    TYPES.iter().find(|(known, _)| *known == kind).map(|(_, properties)| *properties)
}

fn meaning(kind: &str, path: &str) -> Option<&'static Meaning> {
    properties(kind)?.iter().find(|(paths, _)| paths.contains(&path)).map(|(_, meaning)| meaning)
}

/// Whether another value of this part of a resource needs no approval, whatever the value is.
pub(super) fn is_harmless(kind: &str, part: &str) -> bool {
    let is_attribute = properties(kind).is_some() && ATTRIBUTES.iter().any(|(name, _)| *name == part);
    is_attribute || matches!(meaning(kind, part), Some(Harmless(_) | Replaces))
}

/// Judges the change from one template to another. `parameters` names the parameters that get another value.
pub(super) fn judge(old: &Json, new: &Json, parameters: &BTreeSet<String>) -> Judgement {
    let mut judge = Judge {
        new,
        redefined: redefined_names(old, new, &BTreeSet::new()),
        tainted: &redefined_names(old, new, parameters) | &removed_names(old, new),
        judgement: Judgement::default(),
    };
    if old == new && parameters.is_empty() {
        return judge.judgement;
    }
    if [old, new].into_iter().any(|template| View(template).is_rewritten()) {
        judge.unknown("Transform", "a macro can rewrite every part of the template");
    }
    let none = Map::new();
    let section = |template: &'_ Json, name: &str| template.get(name).and_then(Json::as_object).cloned();
    let (before, after) = (old.as_object().unwrap_or(&none), new.as_object().unwrap_or(&none));
    for name in keys(before, after) {
        let is_map =
            |template: &Map<String, Json>| template.get(name).is_none_or(|value| value.is_object() || value.is_null());
        match name.as_str() {
            "Resources" | "Outputs" if is_map(before) && is_map(after) => {
                let (before, after) = (section(old, name).unwrap_or_default(), section(new, name).unwrap_or_default());
                for id in keys(&before, &after) {
                    if name == "Outputs" {
                        judge.output(id, before.get(id), after.get(id));
                    } else {
                        judge.resource(id, before.get(id), after.get(id));
                    }
                }
            }
            known if SECTIONS.contains(&known) && is_map(before) && is_map(after) => {}
            "AWSTemplateFormatVersion" | "Description" | "Transform" => {}
            _ if before.get(name) == after.get(name) => {}
            _ => judge.unknown(name, "this section is not compared"),
        }
    }
    judge.judgement
}

/// The names that only the old template defines. A value that still uses one cannot be resolved.
fn removed_names(old: &Json, new: &Json) -> BTreeSet<String> {
    let names = |template: &Json| -> BTreeSet<String> {
        let sections = ["Parameters", "Mappings", "Conditions", "Resources"].map(|name| template.get(name));
        sections.into_iter().flatten().filter_map(Json::as_object).flat_map(Map::keys).cloned().collect()
    };
    &names(old) - &names(new)
}

/// The keys of both maps.
fn keys<'m>(old: &'m Map<String, Json>, new: &'m Map<String, Json>) -> impl Iterator<Item = &'m String> {
    new.keys().chain(old.keys().filter(|key| !new.contains_key(*key)))
}

/// Whether both values are the same in every deployment, as far as their texts say.
fn is_same(old: Option<&Json>, new: Option<&Json>) -> bool {
    match (old, new) {
        (Some(old), Some(new)) if old != new => match (old, new) {
            (Json::Array(old), Json::Array(new)) => {
                old.len() == new.len() && old.iter().zip(new).all(|(old, new)| is_same(Some(old), Some(new)))
            }
            _ => match (pieces(old), pieces(new)) {
                (Some(old), Some(new)) => old == new,
                (None, None) => {
                    let maps = old.as_object().zip(new.as_object());
                    maps.is_some_and(|(old, new)| keys(old, new).all(|key| is_same(old.get(key), new.get(key))))
                }
                _ => false,
            },
        },
        (old, new) => old == new,
    }
}

/// Whether CloudFormation replaces a part of the value by something that is stored elsewhere.
fn is_dynamic(value: &Json) -> bool {
    if let Some(pieces) = pieces(value) {
        return text::display(&pieces).contains("{{resolve:");
    }
    match value {
        Json::Object(map) => map.values().any(is_dynamic),
        Json::Array(list) => list.iter().any(is_dynamic),
        _ => false,
    }
}

fn kind(body: &Json) -> &str {
    body.get("Type").and_then(Json::as_str).unwrap_or_default()
}

struct Judge<'t> {
    new: &'t Json,
    /// The names that have another meaning in the new template.
    redefined: BTreeSet<String>,
    /// The same names, with the parameters that get another value, and with the names that the new template lacks.
    tainted: BTreeSet<String>,
    judgement: Judgement,
}

impl Judge<'_> {
    fn unknown(&mut self, place: &str, why: &str) {
        self.judgement.unknown.push(format!("{place}: {why}"));
    }

    fn harmless(&mut self, resource: &str, part: Option<&str>, why: &'static str) {
        let (resource, part) = (resource.to_owned(), part.map(str::to_owned));
        self.judgement.harmless.push(HarmlessChange { resource, part, why });
    }

    /// A name that the value uses and that has another meaning than before.
    fn taint(&self, value: &Json) -> Option<String> {
        references(value).into_iter().map(|reference| reference.name).find(|name| self.tainted.contains(name))
    }

    /// An output changes nothing in the account. But other stacks use what is exported, and people and `synth` the rest.
    fn output(&mut self, name: &str, old: Option<&Json>, new: Option<&Json>) {
        let (Some(new), place) = (new, format!("output {name}")) else { return };
        let part = |output: Option<&Json>, part: &str| output.and_then(|output| output.get(part)).cloned();
        let is_new = old.is_none();
        let value = part(Some(new), "Value");
        let is_plain = value.as_ref().and_then(pieces).is_some_and(|pieces| {
            let is_resource = |piece: &Piece| match piece {
                Piece::Literal(_) => true,
                Piece::Reference(name) => {
                    let id = name.split('.').next().unwrap_or_default();
                    let body = self.new.get("Resources").and_then(|resources| resources.get(id));
                    name.starts_with("AWS::") || body.is_some_and(|body| properties(kind(body)).is_some())
                }
            };
            pieces.iter().all(is_resource)
        });
        if !is_same(part(old, "Export").as_ref(), part(Some(new), "Export").as_ref()) {
            self.unknown(&place, "other stacks use what is exported");
        } else if is_new && !is_plain {
            self.unknown(&place, "it may show a value that is known only in a deployment");
        } else if !is_new && (!is_same(part(old, "Value").as_ref(), value.as_ref()) || self.taint(new).is_some()) {
            self.unknown(&place, "it has another value");
        }
    }

    fn resource(&mut self, id: &str, old: Option<&Json>, new: Option<&Json>) {
        let body = new.or(old).unwrap_or(&Json::Null);
        let kind = kind(body);
        let is_touched = !is_same(old, new) || self.taint(body).is_some();
        if !is_touched {
            return;
        }
        if old.zip(new).is_some_and(|(old, new)| self::kind(old) != self::kind(new)) {
            return self.unknown(id, "it has another type");
        }
        let Some(_) = properties(kind) else {
            return self.unknown(id, &format!("changes of the type {kind} are not compared"));
        };
        let Some(new) = new else {
            // Policies that are deleted beside a principal that is not may have denied it something.
            let keeps = body.get("DeletionPolicy").is_some_and(|policy| policy != "Delete");
            if keeps && matches!(kind, "AWS::IAM::Group" | "AWS::IAM::Role" | "AWS::IAM::User") {
                self.unknown(id, "it stays in the account, without the stack");
            }
            return;
        };
        let empty = Map::new();
        let of = |body: Option<&'_ Json>| body.and_then(Json::as_object).cloned();
        let (before, after) = (of(old).unwrap_or_default(), of(Some(new)).unwrap_or_default());
        // With another condition, the resource may be new.
        let condition = |body: &Map<String, Json>| body.get("Condition").cloned();
        let may_be_new = condition(&before) != condition(&after)
            || condition(&after).is_some_and(|name| name.as_str().is_some_and(|name| self.tainted.contains(name)));
        let old = old.filter(|_| !may_be_new);
        for name in keys(&before, &after).filter(|name| !matches!(name.as_str(), "Condition" | "Properties" | "Type")) {
            let (before, after) = (before.get(name), after.get(name));
            match ATTRIBUTES.iter().find(|(known, _)| known == name) {
                _ if is_same(before, after) => {}
                Some((_, why)) => self.harmless(id, Some(name), why),
                None => self.unknown(&format!("{id}.{name}"), "this attribute is not compared"),
            }
        }
        let within = |body: Option<&'_ Json>| body.and_then(|body| body.get("Properties")).cloned();
        let (before, after) = (within(old), within(Some(new)));
        // AWS acts for a new resource with a role, and all that it may do is shown as new.
        if old.is_none() && after.as_ref().is_some_and(|after| grants::acting_role(kind, after).is_some()) {
            return;
        }
        let is_map = |value: &Option<Json>| value.as_ref().is_none_or(Json::is_object);
        if !is_map(&before) || !is_map(&after) {
            return self.unknown(id, "its properties are known only in a deployment");
        }
        let after = after.and_then(|after| after.as_object().cloned()).unwrap_or_default();
        if old.is_none() && kind == "AWS::SNS::Subscription" && is_for_endpoints(&after) {
            let endpoint = literal(after.get("Endpoint")).unwrap_or("an endpoint");
            return self.unknown(id, &format!("{endpoint} gets every notice, but no secret"));
        }
        let unknown = self.judgement.unknown.len();
        let harmless = self.judgement.harmless.len();
        let resource = Edited { id, kind, properties: &after, is_new: old.is_none() };
        self.parts(&resource, "", before.as_ref().and_then(Json::as_object).unwrap_or(&empty), &after);
        if old.is_none() && self.judgement.unknown.len() == unknown && grants::reads_nothing(kind) {
            self.judgement.harmless.truncate(harmless);
            self.harmless(id, None, "new resources that allow nothing");
        }
    }

    fn parts(&mut self, resource: &Edited<'_>, prefix: &str, old: &Map<String, Json>, new: &Map<String, Json>) {
        for name in keys(old, new) {
            let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            self.part(resource, &path, old.get(name), new.get(name));
        }
    }

    fn part(&mut self, resource: &Edited<'_>, path: &str, old: Option<&Json>, new: Option<&Json>) {
        let taint = [old, new].into_iter().flatten().find_map(|value| self.taint(value));
        let is_same = is_same(old, new);
        if is_same && taint.is_none() {
            return;
        }
        let place = format!("{}.{path}", resource.id);
        if grants::reads(resource.kind, path) {
            if !is_same && [old, new].into_iter().flatten().any(is_dynamic) {
                self.unknown(&place, "a part of it is stored elsewhere");
            }
            return;
        }
        // The value can be the secret of a key, and the place can be one that others read.
        let meaning = meaning(resource.kind, path);
        let has_parts = matches!(meaning, Some(Parts | Variables));
        if !is_same && !has_parts && new.is_some_and(is_dynamic) {
            return self.unknown(&place, "a part of it is stored elsewhere");
        }
        let unknown = |what: &str| match &taint {
            Some(name) if is_same => format!("{name}, which it uses, is another than before"),
            _ => what.to_owned(),
        };
        let edit = Edit { judge: self, resource, old, new, is_same };
        match meaning {
            Some(Harmless(why)) => self.harmless(resource.id, Some(path), why),
            Some(HarmlessIf(holds, why)) if holds(&edit) => self.harmless(resource.id, Some(path), why),
            Some(WhenNew(why)) if resource.is_new => self.harmless(resource.id, Some(path), why),
            Some(Replaces) => {}
            Some(Parts | Variables) => {
                let is_plain =
                    |value: Option<&Json>| value.is_none_or(|v| v.is_object() && text::intrinsic(v).is_none());
                if !is_plain(old) || !is_plain(new) {
                    return self.unknown(&place, "its parts are known only in a deployment");
                }
                let of = |value: Option<&Json>| value.and_then(Json::as_object).cloned().unwrap_or_default();
                let (old, new) = (of(old), of(new));
                if matches!(meaning, Some(Parts)) {
                    return self.parts(resource, path, &old, &new);
                }
                for name in keys(&old, &new) {
                    self.variable(resource.id, name, old.get(name), new.get(name));
                }
            }
            Some(Asks(why)) => self.unknown(&place, &unknown(why)),
            Some(HarmlessIf(_, why)) => self.unknown(&place, &unknown(&format!("only harmless for {why}"))),
            Some(WhenNew(_)) => self.unknown(&place, &unknown("it changes for what is already there")),
            None => self.unknown(&place, &unknown("this property is not compared")),
        }
    }

    /// A variable of a function's environment.
    fn variable(&mut self, id: &str, name: &str, old: Option<&Json>, new: Option<&Json>) {
        let taint = [old, new].into_iter().flatten().find_map(|value| self.taint(value));
        if is_same(old, new) && taint.is_none() {
            return;
        }
        let place = format!("{id}.Environment.Variables.{name}");
        let is_literal = |value: Option<&Json>| value.is_none_or(|value| value.is_string() && !is_dynamic(value));
        if name == Variable::TopicArn.name() {
            self.unknown(&place, "notices, and new keys that are mailed, go to another topic");
        } else if !handler_env::compared(name) {
            self.unknown(&place, "the handler does not read this variable, but AWS's libraries may");
        } else if !is_literal(old) || !is_literal(new) {
            self.unknown(&place, "its value is known only in a deployment");
        }
    }
}

/// The new form of a resource.
struct Edited<'t> {
    id: &'t str,
    kind: &'t str,
    properties: &'t Map<String, Json>,
    /// Whether the resource may be new.
    is_new: bool,
}

/// One changed property of a resource.
struct Edit<'t> {
    judge: &'t Judge<'t>,
    resource: &'t Edited<'t>,
    old: Option<&'t Json>,
    new: Option<&'t Json>,
    /// Whether both texts are the same, and only something that they use is another.
    is_same: bool,
}

/// Whether a subscription gets only notices for all endpoints, which never have a secret.
fn is_for_endpoints(subscription: &Map<String, Json>) -> bool {
    let is_program = literal(subscription.get("Protocol")).is_some_and(|protocol| !protocol.starts_with("email"));
    let filter = subscription.get("FilterPolicy").is_some_and(|filter| *filter == json!({ TO: [ENDPOINTS] }));
    let by_attributes = subscription.get("FilterPolicyScope").is_none_or(|scope| scope == "MessageAttributes");
    is_program && filter && by_attributes
}

/// A text that is the same in every deployment.
fn literal(value: Option<&Json>) -> Option<&str> {
    value?.as_str().filter(|text| !text.contains("{{resolve:"))
}

impl Edit<'_> {
    /// The resource of the new template to which a value refers, by `Ref` or by the attribute `Arn`: its id and its type.
    fn target(&self, value: &Json) -> Option<(String, &str)> {
        let pieces = pieces(value)?;
        let [Piece::Reference(name)] = pieces.as_slice() else { return None };
        let id = name.strip_suffix(".Arn").unwrap_or(name);
        let body = self.judge.new.get("Resources")?.get(id)?;
        Some((id.to_owned(), kind(body)))
    }

    fn is_literal(&self) -> bool {
        [self.old, self.new].into_iter().all(|value| value.is_none() || literal(value).is_some())
    }

    /// Whether a number does not fall. `absent` is the number that holds where none is set.
    fn grows(&self, absent: f64) -> bool {
        let number = |value: Option<&Json>| match value {
            None => Some(absent),
            Some(Json::Number(number)) => number.as_f64(),
            Some(value) => literal(Some(value))?.parse().ok(),
        };
        let (old, new) = (number(self.old), number(self.new));
        new.is_some() && (self.resource.is_new || old.zip(new).is_some_and(|(old, new)| new >= old))
    }

    /// Whether each action is a topic of the template.
    fn only_notifies(&self) -> bool {
        let is_topic = |action: &Json| self.target(action).is_some_and(|(_, kind)| kind == "AWS::SNS::Topic");
        let empty = Vec::new();
        let [before, after] = [self.old, self.new].map(|actions| actions.map_or(Some(&empty), Json::as_array));
        let (Some(before), Some(after)) = (before, after) else { return false };
        // Without an action that it had, the alarm tells others less.
        after.iter().all(is_topic) && before.iter().all(|action| after.contains(action))
    }

    /// Whether what fails goes to a queue of the template. Its policy says who reads it.
    fn keeps_failures(&self) -> bool {
        let queue = ["/Arn", "/OnFailure/Destination"].into_iter().find_map(|path| self.new?.pointer(path));
        let is_only = self.new.is_some_and(|config| {
            let one = |value: &Json| value.as_object().is_some_and(|map| map.len() == 1);
            one(config) && config.get("OnFailure").is_none_or(one)
        });
        is_only && queue.and_then(|queue| self.target(queue)).is_some_and(|(_, kind)| kind == "AWS::SQS::Queue")
    }

    /// Whether the deployer names the package: by a parameter without a default.
    fn comes_from_the_deployer(&self) -> bool {
        let pieces = self.new.and_then(pieces).unwrap_or_default();
        let [Piece::Reference(name)] = pieces.as_slice() else { return false };
        let parameter = self.judge.new.get("Parameters").and_then(|parameters| parameters.get(name));
        let is_given = parameter.is_some_and(|parameter| {
            parameter.get("Type").is_some_and(|kind| kind == "String") && parameter.get("Default").is_none()
        });
        is_given && (!self.is_same || !self.judge.redefined.contains(name))
    }

    /// Whether each run does the same as before.
    fn asks_for_the_same(&self) -> bool {
        let request = |value: Option<&Json>| {
            let event = value.map_or(Some("{}"), |_| literal(value))?;
            let request = RunRequest::read(serde_json::from_str(event).ok()?, "id").ok()?;
            Some((request.users, request.action, request.dry_run))
        };
        let (old, new) = (request(self.old), request(self.new));
        old.is_some() && old == new
    }

    /// Whether every object belongs to the owner of the bucket, so that access control lists have no effect.
    fn owns_its_objects(&self) -> bool {
        let rules = self.new.and_then(|controls| controls.get("Rules")).and_then(Json::as_array);
        let is_enforced = |rule: &Json| rule.get("ObjectOwnership").is_some_and(|owner| owner == "BucketOwnerEnforced");
        rules.is_some_and(|rules| !rules.is_empty() && rules.iter().all(is_enforced))
    }

    fn blocks_the_public(&self) -> bool {
        let ways = ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"];
        self.new.is_some_and(|block| ways.iter().all(|way| block.get(*way) == Some(&Json::Bool(true))))
    }

    /// Whether notices for endpoints that were not delivered go to a queue of the template.
    fn keeps_notices(&self) -> bool {
        let queue = self
            .new
            .and_then(|policy| policy.as_object().filter(|policy| policy.len() == 1)?.get("deadLetterTargetArn"));
        let is_queue = queue.and_then(|queue| self.target(queue)).is_some_and(|(_, kind)| kind == "AWS::SQS::Queue");
        is_queue && is_for_endpoints(self.resource.properties)
    }

    /// Whether an address gets only what names it as a recipient, or only alarms.
    fn gets_only_its_own(&self) -> bool {
        let property = |name: &str| self.resource.properties.get(name);
        let is_mail = literal(property("Protocol")).is_some_and(|protocol| protocol == "email");
        let Some(address) = literal(property("Endpoint")).filter(|_| is_mail) else { return false };
        let topic = property("TopicArn").and_then(|topic| self.target(topic));
        let Some((topic, "AWS::SNS::Topic")) = topic else { return false };
        let filter = property("FilterPolicy").and_then(Json::as_object);
        let is_own = filter
            .filter(|filter| filter.len() == 1)
            .and_then(|filter| filter.get(TO)?.as_array())
            .is_some_and(|recipients| recipients.iter().all(|recipient| *recipient == address.to_ascii_lowercase()));
        let by_attributes = property("FilterPolicyScope").is_none_or(|scope| scope == "MessageAttributes");
        (is_own && by_attributes) || self.carries_only_alarms(&topic)
    }

    /// Whether nothing of the template but alarms uses a topic. Policies and subscriptions do not publish.
    fn carries_only_alarms(&self, topic: &str) -> bool {
        let resources = self.judge.new.get("Resources").and_then(Json::as_object);
        let uses = |body: &Json| {
            let publishes = ["AWS::CloudWatch::Alarm", "AWS::SNS::Subscription", "AWS::SNS::TopicPolicy"];
            !publishes.contains(&kind(body)) && references(body).iter().any(|reference| reference.name == topic)
        };
        resources.is_some_and(|all| !all.values().any(uses))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cfn::{resource, shape::Shape},
        diff::{impact::Impact, replacing_properties::ReplacingProperties, test_templates},
    };

    #[test]
    fn what_is_said_to_replace_a_resource_replaces_it() {
        let mut names = 0;
        for (kind, properties) in TYPES {
            for path in
                properties.iter().filter(|(_, meaning)| matches!(meaning, Replaces)).flat_map(|(paths, _)| *paths)
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

    fn unknown(old: &Json, new: &Json) -> Vec<String> {
        judge(old, new, &BTreeSet::new()).unknown
    }

    #[test]
    fn what_cannot_be_resolved_is_unknown() {
        let template = test_templates::template("users: [alice]\nemails: [a@b.co]\ndelivery: email\n");
        let with = |path: &str, value: &Json| {
            let mut new = template.clone();
            let (parent, key) = path.rsplit_once('/').unwrap();
            new.pointer_mut(parent).unwrap_or_else(|| panic!("{path}"))[key] = value.clone();
            new
        };
        let variables = "/Resources/Function/Properties/Environment/Variables";
        let input = "/Resources/Schedule/Properties/Target/Input";
        let mail = "/Resources/MailToAAtBDotCo/Properties";
        for (path, value, place) in [
            (
                format!("{variables}/AWS_ENDPOINT_URL"),
                json!("https://x"),
                "Function.Environment.Variables.AWS_ENDPOINT_URL",
            ),
            (
                format!("{variables}/AWS_LAMBDA_EXEC_WRAPPER"),
                json!("/opt/x"),
                "Function.Environment.Variables.AWS_LAMBDA_EXEC_WRAPPER",
            ),
            (
                format!("{variables}/TOPIC_ARN"),
                json!({"Ref": "AlarmTopic"}),
                "Function.Environment.Variables.TOPIC_ARN",
            ),
            (format!("{variables}/DELIVERY"), json!({"Ref": "CodeKey"}), "Function.Environment.Variables.DELIVERY"),
            (format!("{variables}/USERS"), json!("{{resolve:ssm:users}}"), "Function.Environment.Variables.USERS"),
            (variables.to_owned(), json!({"Fn::If": ["A", {}, {}]}), "Function.Environment.Variables"),
            (
                "/Resources/Function/Properties/Environment".into(),
                json!({"Fn::If": ["A", {}, {}]}),
                "Function.Environment",
            ),
            ("/Resources/Function/Properties/Code/S3Bucket".into(), json!("theirs"), "Function.Code.S3Bucket"),
            ("/Resources/Function/Properties/Code/ZipFile".into(), json!("code"), "Function.Code.ZipFile"),
            (input.into(), json!("{\"action\":\"undo\"}"), "Schedule.Target.Input"),
            (input.into(), json!("{\"users\":[\"alice\"]}"), "Schedule.Target.Input"),
            (input.into(), json!({"Ref": "CodeKey"}), "Schedule.Target.Input"),
            ("/Resources/Schedule/Properties/State".into(), json!("DISABLED"), "Schedule.State"),
            ("/Resources/Schedule/Properties/Target/Arn".into(), json!("arn:x"), "Schedule.Target.Arn"),
            (format!("{mail}/FilterPolicy"), json!({"to": ["a@b.co", "c@d.co"]}), "MailToAAtBDotCo.FilterPolicy"),
            (format!("{mail}/FilterPolicy"), json!({"to": [{"anything-but": ["x"]}]}), "MailToAAtBDotCo.FilterPolicy"),
            (format!("{mail}/FilterPolicyScope"), json!("MessageBody"), "MailToAAtBDotCo.FilterPolicyScope"),
            (format!("{mail}/Endpoint"), json!("c@d.co"), "MailToAAtBDotCo.Endpoint"),
            (format!("{mail}/Protocol"), json!("https"), "MailToAAtBDotCo.Protocol"),
            (format!("{mail}/RedrivePolicy"), json!({"deadLetterTargetArn": "x"}), "MailToAAtBDotCo.RedrivePolicy"),
            (
                "/Resources/NotificationTopic/Properties/KmsMasterKeyId".into(),
                json!("alias/x"),
                "NotificationTopic.KmsMasterKeyId",
            ),
            (
                "/Resources/FailedRuns/Properties/DestinationConfig/OnSuccess".into(),
                json!({"Destination": "x"}),
                "FailedRuns.DestinationConfig",
            ),
            (
                "/Resources/FunctionRole/Properties/MaxSessionDuration".into(),
                json!(43200),
                "FunctionRole.MaxSessionDuration",
            ),
            (
                "/Resources/FunctionRole/Properties/PermissionsBoundary".into(),
                json!("{{resolve:ssm:boundary}}"),
                "FunctionRole.PermissionsBoundary",
            ),
            ("/Resources/X".into(), json!({"Type": "AWS::EC2::Instance"}), "X"),
            ("/Outputs/TopicArn/Value".into(), json!("arn:x"), "output TopicArn"),
            ("/Outputs/TopicArn/Export".into(), json!({"Name": "x"}), "output TopicArn"),
            ("/Outputs/X".into(), json!({"Value": {"Fn::GetAtt": ["K", "SecretAccessKey"]}}), "output X"),
        ] {
            let new = with(&path, &value);
            let found = unknown(&template, &new);
            let places: Vec<_> =
                found.iter().filter_map(|line| line.split_once(": ")).map(|(place, _)| place).collect();
            assert_eq!(places, [place], "{path} {value}: {found:?}");
            assert!(found.iter().all(|line| !line.contains('\n')), "{found:?}");
            // A value that is unknown is no change by itself.
            assert_eq!(unknown(&new, &new), [""; 0], "{path}");
        }
    }

    /// A text may stay the same although its meaning changes.
    #[test]
    fn another_meaning_of_a_name_is_followed() {
        let template = |default: &str, own: &str| {
            json!({
                "Parameters": {"P": {"Type": "String", "Default": default}},
                "Mappings": {"M": {"a": {"b": own}}},
                "Conditions": {"C": {"Fn::Equals": [{"Ref": "P"}, "x"]}, "D": {"Condition": "C"}},
                "Resources": {
                    "F": {"Type": "AWS::Lambda::Function", "Properties": {"Handler": {"Ref": "P"}, "Description": {"Ref": "P"}}},
                    "G": {"Type": "AWS::Lambda::Function", "Properties": {"Handler": {"Fn::FindInMap": ["M", "a", "b"]}}},
                    "H": {"Type": "AWS::Lambda::Url", "Condition": "D", "Properties": {"InvokeMode": "x"}},
                    "K": {"Type": "AWS::EC2::Instance", "Properties": {"UserData": {"Fn::Sub": "a ${P}"}}},
                },
            })
        };
        let places = |old: &Json, new: &Json, parameters: &[&str]| {
            let parameters = parameters.iter().map(|name| (*name).to_owned()).collect();
            let found = judge(old, new, &parameters).unknown;
            found.iter().map(|line| line.split(':').next().unwrap_or_default().to_owned()).collect::<Vec<_>>()
        };
        let same = template("x", "y");
        assert_eq!(places(&same, &same, &[]), [""; 0]);
        let expected = ["F.Handler", "H.InvokeMode", "K"];
        assert_eq!(places(&same, &template("z", "y"), &[]), expected);
        assert_eq!(places(&same, &same, &["P"]), expected);
        assert_eq!(places(&same, &template("x", "z"), &[]), ["G.Handler"]);
    }

    #[test]
    fn a_parameter_that_is_missing_but_used_is_unknown() {
        let template = test_templates::template("users: [alice]\nemails: [a@b.co]\n");
        for parameters in [json!({}), json!(null)] {
            let mut new = template.clone();
            new["Parameters"] = parameters;
            assert!(unknown(&template, &new).iter().any(|line| line.starts_with("Function.Code.S3Key: ")), "{new:#}");
        }
    }

    /// A release changes only the values of the parameters that name the package.
    #[test]
    fn only_the_deployer_names_the_package() {
        let template = test_templates::template("users: [alice]\nemails: [a@b.co]\n");
        let release = BTreeSet::from(["CodeBucket".to_owned(), "CodeKey".to_owned(), "CodeVersion".to_owned()]);
        assert_eq!(judge(&template, &template, &release).unknown, [""; 0]);
        let mut versioned = template.clone();
        versioned["Parameters"]["CodeVersion"] = json!({"Type": "String"});
        versioned["Resources"]["Function"]["Properties"]["Code"]["S3ObjectVersion"] = json!({"Ref": "CodeVersion"});
        assert_eq!(unknown(&template, &versioned), [""; 0]);
        for parameter in
            [json!({"Type": "String", "Default": "x"}), json!({"Type": "AWS::SSM::Parameter::Value<String>"})]
        {
            versioned["Parameters"]["CodeVersion"] = parameter;
            assert_eq!(unknown(&template, &versioned).len(), 1, "{versioned:#}");
        }
    }
}
