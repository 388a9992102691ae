//! Random edits of our own templates. No verdict may say that a change allows nothing new while a simulated deployment
//! shows that it does: the evaluator decides requests of each principal, and the handler's own code says who gets which
//! key, and when an old key ends. The same is true if an alarm notifies less, an address gets less, fewer
//! events of an organization's members arrive, or a deletion keeps less. The simulation shares nothing with the comparison.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use crate::common::{cases, read};
use lambda::{
    contract::{event::RunRequest, listed_user::ListedUser},
    model::user::User,
};
use proptest::{
    prelude::*,
    sample::Index,
    test_runner::{Config, TestRunner},
};
use serde_json::{Map, Value as Json, json};
use synth::{
    cfn::{json::to_json, view::each},
    config::{self, Overrides},
    diff::{
        approval::{Approval, ApprovalReason},
        compare,
    },
    iam::{
        compare::Verdict,
        evaluate::{AccessRequest, Decision, EvaluatedPolicy, decide},
    },
    stack::{self, planned_handler::PlannedHandler},
};

const ACCOUNT: &str = "111122223333";
/// What a member of an organization gets from the administering account.
const TOPIC: &str = "arn:aws:sns:eu-west-1:999988887777:topic";
const BUS: &str = "arn:aws:events:eu-west-1:999988887777:event-bus/keys";

/// A simulated deployment: the values that CloudFormation would fill in.
struct Deployment<'t>(&'t Json);

/// A value that the simulation does not know.
struct NotKnown;

impl Deployment<'_> {
    /// The value in the deployment. `None` if it is left out.
    fn value(&self, value: &Json) -> Result<Option<Json>, NotKnown> {
        Ok(Some(match value {
            Json::Array(list) => {
                let values: Result<Vec<_>, _> = list.iter().map(|value| self.value(value)).collect();
                values?.into_iter().flatten().collect()
            }
            Json::Object(map) => match map.iter().next().filter(|_| map.len() == 1) {
                Some((name, argument)) if name == "Ref" || name.starts_with("Fn::") => {
                    return self.intrinsic(name, argument);
                }
                _ => {
                    let mut values = Map::new();
                    for (key, value) in map {
                        values.extend(self.value(value)?.map(|value| (key.clone(), value)));
                    }
                    values.into()
                }
            },
            value => value.clone(),
        }))
    }

    fn text(&self, value: &Json) -> Result<String, NotKnown> {
        match self.value(value)? {
            Some(Json::String(text)) => Ok(text),
            Some(value @ (Json::Number(_) | Json::Bool(_))) => Ok(value.to_string()),
            _ => Err(NotKnown),
        }
    }

    fn intrinsic(&self, name: &str, argument: &Json) -> Result<Option<Json>, NotKnown> {
        let argument_at = |index: usize| argument.get(index).ok_or(NotKnown);
        Ok(Some(match name {
            "Ref" if argument == "AWS::NoValue" => return Ok(None),
            "Ref" => self.name(argument.as_str().ok_or(NotKnown)?)?,
            "Fn::GetAtt" => {
                let path: Vec<&str> = match argument {
                    Json::Array(path) => path.iter().filter_map(Json::as_str).collect(),
                    path => path.as_str().ok_or(NotKnown)?.split('.').collect(),
                };
                self.name(&path.join("."))?
            }
            "Fn::If" => {
                let holds = self.condition(argument_at(0)?.as_str().ok_or(NotKnown)?, 9)?;
                return self.value(argument_at(if holds { 1 } else { 2 })?);
            }
            "Fn::Join" => {
                let Some(Json::Array(items)) = self.value(argument_at(1)?)? else { return Err(NotKnown) };
                let items: Result<Vec<_>, _> = items.iter().map(|item| self.text(item)).collect();
                items?.join(argument_at(0)?.as_str().ok_or(NotKnown)?).into()
            }
            "Fn::Sub" => {
                let mut rest = argument.as_str().ok_or(NotKnown)?;
                let mut text = String::new();
                while let Some((before, after)) = rest.split_once("${") {
                    let (name, after) = after.split_once('}').ok_or(NotKnown)?;
                    text += before;
                    text += self.name(name)?.as_str().ok_or(NotKnown)?;
                    rest = after;
                }
                (text + rest).into()
            }
            "Fn::FindInMap" => {
                let keys: Result<Vec<_>, _> = (0..3).map(|index| self.text(argument_at(index)?)).collect();
                let found = self.0.pointer(&format!("/Mappings/{}", keys?.join("/"))).ok_or(NotKnown)?;
                found.clone()
            }
            _ => return Err(NotKnown),
        }))
    }

    fn condition(&self, name: &str, depth: usize) -> Result<bool, NotKnown> {
        let definition = self.0.pointer(&format!("/Conditions/{name}")).ok_or(NotKnown)?;
        if let Some(other) = definition.get("Condition").and_then(Json::as_str) {
            return self.condition(other, depth.checked_sub(1).ok_or(NotKnown)?);
        }
        let both = definition.get("Fn::Equals").ok_or(NotKnown)?;
        Ok(self.text(both.get(0).ok_or(NotKnown)?)? == self.text(both.get(1).ok_or(NotKnown)?)?)
    }

    /// The value of a name: a pseudo parameter, a parameter, or a resource, whose `Ref` and ARN are the same here.
    fn name(&self, name: &str) -> Result<Json, NotKnown> {
        let known = match name {
            "AWS::AccountId" => ACCOUNT,
            "AWS::Partition" => "aws",
            "AWS::Region" => "eu-west-1",
            "AWS::StackName" => "keys",
            "AWS::URLSuffix" => "amazonaws.com",
            _ => "",
        };
        if !known.is_empty() {
            return Ok(known.into());
        }
        let is_given = |parameter: &&Json| parameter.get("Default").is_none();
        let parameter = self.0.pointer(&format!("/Parameters/{name}"));
        if let Some(value) = parameter
            .filter(is_given)
            .and([("TopicArn", TOPIC), ("EventBusArn", BUS)].iter().find(|(own, _)| *own == name))
        {
            return Ok(value.1.into());
        }
        if let Some(parameter) = parameter {
            return Ok(parameter.get("Default").cloned().unwrap_or_else(|| format!("given as {name}").into()));
        }
        let (id, attribute) = name.split_once('.').unwrap_or((name, "Arn"));
        let kind = self.0.pointer(&format!("/Resources/{id}/Type")).and_then(Json::as_str).ok_or(NotKnown)?;
        let service = kind.split("::").nth(1).unwrap_or_default().to_lowercase();
        let arn = format!("arn:aws:{service}:eu-west-1:{ACCOUNT}:{id}");
        Ok(if attribute == "Arn" { arn } else { format!("{arn} {attribute}") }.into())
    }

    /// The resources that exist, with their values. A property that is not known is left out, and its name is kept.
    fn resources(&self) -> BTreeMap<String, Deployed> {
        let mut all = BTreeMap::new();
        for (id, body) in self.0["Resources"].as_object().into_iter().flatten() {
            let exists = match body["Condition"].as_str() {
                Some(name) => self.condition(name, 9).unwrap_or(false),
                None => true,
            };
            let mut resource =
                Deployed { kind: body["Type"].as_str().unwrap_or_default().to_owned(), ..Deployed::default() };
            for (name, value) in body["Properties"].as_object().into_iter().flatten() {
                match self.value(value) {
                    Ok(value) => drop(value.map(|value| resource.properties.insert(name.clone(), value))),
                    Err(NotKnown) => drop(resource.unknown.insert(name.clone())),
                }
            }
            if exists {
                all.insert(id.clone(), resource);
            }
        }
        all
    }
}

/// A resource in a deployment.
#[derive(Debug, Clone, Default, PartialEq)]
struct Deployed {
    kind: String,
    properties: Map<String, Json>,
    unknown: BTreeSet<String>,
}

impl Deployed {
    fn get(&self, name: &str) -> &Json {
        self.properties.get(name).unwrap_or(&Json::Null)
    }
}

/// What a deployment allows, by the place that allows it. Two deployments are compared place by place.
#[derive(Default)]
struct Facts {
    /// The documents of each place, with whether a request must only not be denied.
    documents: BTreeMap<String, (Vec<Json>, bool)>,
    /// Everything else, by kind: each entry is something that is possible. More entries are more access.
    possible: BTreeMap<&'static str, BTreeSet<String>>,
    /// The users that are selected.
    users: BTreeSet<String>,
    /// The resources.
    things: BTreeSet<String>,
    /// What must not become less, by the resource that it belongs to: when an alarm notifies, what an address gets, what a
    /// deletion keeps.
    kept: BTreeSet<(String, String)>,
}

fn facts(template: &Json) -> Facts {
    let deployment = Deployment(template);
    let resources = deployment.resources();
    let mut facts = Facts { things: resources.keys().cloned().collect(), ..Facts::default() };
    let arn = |id: &str| deployment.name(id).ok().and_then(|arn| arn.as_str().map(str::to_owned)).unwrap_or_default();
    for (id, resource) in &resources {
        match resource.kind.as_str() {
            "AWS::IAM::Role" => role(&mut facts, id, resource),
            "AWS::SNS::TopicPolicy" => {
                for topic in each(resource.get("Topics")).filter_map(Json::as_str) {
                    let topic = topic.rsplit(':').next().unwrap_or_default();
                    document(&mut facts, format!("policy of {topic}"), resource.get("PolicyDocument"), false);
                    document(&mut facts, format!("denials of {topic}"), resource.get("PolicyDocument"), true);
                }
            }
            "AWS::SQS::QueuePolicy" => {
                for queue in each(resource.get("Queues")).filter_map(Json::as_str) {
                    let queue = queue.rsplit(':').next().unwrap_or_default();
                    document(&mut facts, format!("policy of {queue}"), resource.get("PolicyDocument"), false);
                }
            }
            "AWS::Events::EventBusPolicy" => {
                let bus =
                    resource.get("EventBusName").as_str().unwrap_or_default().rsplit(':').next().unwrap_or_default();
                let policy = json!({"Version": "2012-10-17", "Statement": [resource.get("Statement")]});
                document(&mut facts, format!("policy of {bus}"), &policy, false);
            }
            // All of these pass on or make what members need.
            "AWS::Events::Rule" | "AWS::Lambda::EventSourceMapping" | "AWS::CloudFormation::StackSet" => {
                let what = ["Description", "ManagedExecution", "Tags", "Name", "StackSetName", "PermissionModel"];
                let parts = resource.properties.iter().filter(|(name, _)| !what.contains(&name.as_str()));
                let parts: Vec<_> = parts.map(|(name, value)| (name, texts(value))).collect();
                let _ = facts.kept.insert((id.clone(), format!("does {parts:?} {:?}", resource.unknown)));
            }
            "AWS::KMS::Key" => document(&mut facts, format!("policy of {id}"), resource.get("KeyPolicy"), false),
            "AWS::S3::BucketPolicy" => {
                document(&mut facts, "denials of Bucket".into(), resource.get("PolicyDocument"), true);
            }
            // AWS refuses a function without a role.
            "AWS::Lambda::Function"
                if !resource.get("Role").is_null()
                    && !["Code", "Role"].iter().any(|name| resource.unknown.contains(*name)) =>
            {
                let variables = resource.get("Environment")["Variables"].as_object().cloned().unwrap_or_default();
                let foreign: Vec<_> = variables.iter().filter(|(name, _)| name.starts_with("AWS_")).collect();
                let code = ["Code", "Handler", "Layers", "Runtime"].map(|name| resource.get(name));
                possible(&mut facts, "code", format!("{code:?} {foreign:?} with {}", resource.get("Role")));
            }
            "AWS::Scheduler::Schedule" if !resource.unknown.contains("Target") => {
                let target = resource.get("Target");
                let event = target["Input"].as_str().unwrap_or("{}");
                let request = serde_json::from_str(event).ok().and_then(|event| RunRequest::read(event, "id").ok());
                if let Some(request) = request.filter(|request| !request.dry_run) {
                    let what = format!("{:?} for {:?} by {}", request.action, request.users, target["Arn"]);
                    possible(&mut facts, "event", what);
                }
                // AWS refuses a target without a role.
                if !target["RoleArn"].is_null() {
                    possible(&mut facts, "schedule", format!("{} with {}", target["Arn"], target["RoleArn"]));
                }
            }
            "AWS::CloudWatch::Alarm" => {
                for action in each(resource.get("AlarmActions")) {
                    let rule = resource.properties.iter().filter(|(name, _)| WHEN.contains(&name.as_str()));
                    let rule: Vec<_> = rule.map(|(name, value)| (name, texts(value))).collect();
                    let _ = facts.kept.insert((id.clone(), format!("{action} hears: {rule:?}")));
                }
            }
            "AWS::SNS::Subscription" => {
                let (topic, filter) = (resource.get("TopicArn"), resource.get("FilterPolicy"));
                let _ = facts.kept.insert((id.clone(), format!("gets from {topic} what passes {filter}")));
            }
            _ => {}
        }
        for before in waits_for(template, id) {
            let _ = facts.kept.insert((id.clone(), format!("{WAITS_FOR}{before}")));
        }
        for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
            if deployment.text(&template["Resources"][id][policy]).is_ok_and(|policy| policy.starts_with("Retain")) {
                let _ = facts.kept.insert((id.clone(), format!("stays by its {policy}")));
            }
        }
    }
    readers(&mut facts, template, &resources, &arn);
    let are_known = |resource: &Deployed| POLICIES.iter().all(|name| !resource.unknown.contains(*name));
    needs(&mut facts, resources.values().all(are_known));
    facts
}

/// The properties with policies.
const POLICIES: [&str; 6] =
    ["AssumeRolePolicyDocument", "KeyPolicy", "Policies", "PolicyDocument", "Statement", "StatementId"];

const WAITS_FOR: &str = "waits for ";

/// The resources that CloudFormation deploys before this one, because it names them or what names them.
fn waits_for(template: &Json, id: &str) -> BTreeSet<String> {
    let resources = template["Resources"].as_object().cloned().unwrap_or_default();
    let mut found = BTreeSet::new();
    let mut open = vec![id.to_owned()];
    while let Some(id) = open.pop() {
        let Some(body) = resources.get(&id) else { continue };
        let text = format!("{} {}", body["Properties"], body["DependsOn"]);
        let words: BTreeSet<&str> = text.split(|c: char| !c.is_ascii_alphanumeric()).collect();
        for name in resources.keys().filter(|name| words.contains(name.as_str())) {
            if found.insert(name.clone()) {
                open.push(name.clone());
            }
        }
    }
    found
}

/// The requests that alarms, notices and runs need, by the place that allows them.
fn needed() -> Vec<(&'static str, AccessRequest)> {
    let account = &*format!("AWS:arn:aws:iam::{ACCOUNT}:root");
    let arn = |service: &str, rest: &str| format!("arn:aws:{service}:eu-west-1:{ACCOUNT}:{rest}");
    let alarm = arn("cloudwatch", "alarm:keys-missed-runs");
    let group = arn("scheduler", "schedule-group/default");
    let sns: &[(&str, &str)] = &[("kms:viaservice", "sns.eu-west-1.amazonaws.com")];
    let of_alarm: &[(&str, &str)] = &[("aws:sourceaccount", ACCOUNT), ("aws:sourcearn", &alarm)];
    let of_schedule: &[(&str, &str)] = &[("aws:sourceaccount", ACCOUNT), ("aws:sourcearn", &group)];
    let (lambda, scheduler) = ("Service:lambda.amazonaws.com", "Service:scheduler.amazonaws.com");
    let events = "Service:events.amazonaws.com";
    let member = "AWS:arn:aws:iam::444455556666:role/member";
    let (bus, notices) = (arn("events", "EventBus"), arn("sqs", "NoticeQueue"));
    let (rule, own_rule) = (arn("events", "MemberEvents"), arn("events", "rule/keys-member-AlarmEvents"));
    let of_member: &[(&str, &str)] = &[("aws:principalorgid", "o-abcdefghij")];
    let of_notice: &[(&str, &str)] =
        &[of_member[0], ("events:source", "access-key-rotation"), ("events:detail-type", "notice")];
    let of_member_alarm: &[(&str, &str)] =
        &[of_member[0], ("events:source", "aws.cloudwatch"), ("events:detail-type", "CloudWatch Alarm State Change")];
    let of_rule: &[(&str, &str)] = &[("aws:sourcearn", &rule)];
    let of_alarm_rule: &[(&str, &str)] = &[("aws:sourceaccount", ACCOUNT), ("aws:sourcearn", &own_rule)];
    let (topic, queue, key) = (arn("sns", "AlarmTopic"), arn("sqs", "DeadLetterQueue"), arn("kms", "TopicKey"));
    [
        ("role FunctionRole", lambda, "sns:Publish", arn("sns", "NotificationTopic"), &[][..]),
        ("role FunctionRole", lambda, "kms:Decrypt", key.clone(), sns),
        ("role FunctionRole", lambda, "sqs:SendMessage", queue.clone(), &[]),
        ("role FunctionRole", lambda, "logs:PutLogEvents", arn("logs", "LogGroup"), &[]),
        ("role ScheduleRole", scheduler, "lambda:InvokeFunction", arn("lambda", "Function"), &[]),
        ("role ScheduleRole", scheduler, "sqs:SendMessage", queue, &[]),
        ("trust of FunctionRole", lambda, "sts:AssumeRole", String::new(), &[]),
        ("trust of ScheduleRole", scheduler, "sts:AssumeRole", String::new(), of_schedule),
        ("policy of AlarmTopic", "Service:cloudwatch.amazonaws.com", "sns:Publish", topic, of_alarm),
        ("policy of TopicKey", "Service:cloudwatch.amazonaws.com", "kms:Decrypt", key.clone(), of_alarm),
        ("policy of TopicKey", account, "kms:Decrypt", key.clone(), &[]),
        ("policy of EventBus", member, "events:PutEvents", bus.clone(), of_notice),
        ("policy of EventBus", member, "events:PutEvents", bus, of_member_alarm),
        (
            "policy of NotificationTopic",
            member,
            "sns:ListSubscriptionsByTopic",
            arn("sns", "NotificationTopic"),
            of_member,
        ),
        ("policy of NoticeQueue", events, "sqs:SendMessage", notices.clone(), of_rule),
        ("role PublisherRole", lambda, "sqs:ReceiveMessage", notices.clone(), &[]),
        ("role PublisherRole", lambda, "sqs:DeleteMessage", notices.clone(), &[]),
        ("role PublisherRole", lambda, "sqs:GetQueueAttributes", notices, &[]),
        ("role PublisherRole", lambda, "sns:Publish", arn("sns", "NotificationTopic"), &[]),
        ("role PublisherRole", lambda, "kms:Decrypt", key, sns),
        ("role FunctionRole", lambda, "events:PutEvents", BUS.to_owned(), &[]),
        ("role FunctionRole", lambda, "sns:ListSubscriptionsByTopic", TOPIC.to_owned(), &[]),
        ("role AlarmEventsRole", events, "events:PutEvents", BUS.to_owned(), &[]),
        ("trust of AlarmEventsRole", events, "sts:AssumeRole", String::new(), of_alarm_rule),
        ("trust of PublisherRole", lambda, "sts:AssumeRole", String::new(), &[]),
    ]
    .map(|(place, principal, action, resource, context)| {
        let context = context.iter().map(|(key, value)| ((*key).to_owned(), vec![(*value).to_owned()])).collect();
        (place, AccessRequest { principal: principal.to_owned(), action: action.to_owned(), resource, context })
    })
    .into()
}

/// What alarms, notices and runs need and have. If a policy is known only in a deployment, nothing is said to be lost.
fn needs(facts: &mut Facts, are_policies_known: bool) {
    for (place, request) in needed() {
        let documents = facts.documents.get(place).map(|(documents, _)| documents.as_slice()).unwrap_or_default();
        // IAM refuses a document that it cannot read. What such a statement allows is lost; the other statements are not.
        let alone = documents.iter().flat_map(|document| each(document.get("Statement").unwrap_or(document)));
        let (mut policies, mut may_deny) = (Vec::new(), false);
        for statement in alone {
            match EvaluatedPolicy::read(&json!({ "Version": "2012-10-17", "Statement": [statement] }), &|_| None) {
                Ok(policy) => policies.push(policy),
                Err(_) => may_deny |= statement["Effect"] != "Allow",
            }
        }
        let has = !may_deny && decide(&policies, None, &request) == Decision::Allowed;
        if has || !are_policies_known {
            let id = place.rsplit(' ').next().unwrap_or_default().to_owned();
            let _ = facts.kept.insert((id, format!("{place}: {} by {}", request.action, request.principal)));
        }
    }
}

/// The value with texts instead of numbers: to CloudFormation, both are the same.
fn texts(value: &Json) -> Json {
    match value {
        Json::Array(list) => list.iter().map(texts).collect(),
        Json::Object(map) => map.iter().map(|(key, value)| (key.clone(), texts(value))).collect(),
        Json::Number(_) | Json::Bool(_) => value.to_string().into(),
        value => value.clone(),
    }
}

/// The properties that decide when an alarm notifies.
const WHEN: [&str; 12] = [
    "ActionsEnabled",
    "ComparisonOperator",
    "DatapointsToAlarm",
    "Dimensions",
    "EvaluationPeriods",
    "MetricName",
    "Namespace",
    "Period",
    "Statistic",
    "Threshold",
    "TreatMissingData",
    "WarmUpConfiguration",
];

fn possible(facts: &mut Facts, kind: &'static str, what: String) {
    facts.possible.entry(kind).or_default().insert(what);
}

fn document(facts: &mut Facts, place: String, document: &Json, only_denials: bool) {
    let (documents, _) = facts.documents.entry(place).or_insert((Vec::new(), only_denials));
    documents.push(document.clone());
}

fn role(facts: &mut Facts, id: &str, role: &Deployed) {
    document(facts, format!("trust of {id}"), role.get("AssumeRolePolicyDocument"), false);
    for policy in each(role.get("Policies")) {
        document(facts, format!("role {id}"), &policy["PolicyDocument"], false);
        document(facts, format!("denials of {id}"), &policy["PolicyDocument"], true);
    }
    if role.get("ManagedPolicyArns").to_string().contains("AdministratorAccess") {
        let all = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}});
        document(facts, format!("role {id}"), &all, false);
    }
    if role.get("PermissionsBoundary").is_null() && !role.unknown.contains("PermissionsBoundary") {
        possible(facts, "boundary", format!("{id} has none"));
        let _ = facts.kept.insert((id.to_owned(), "no boundary limits it".to_owned()));
    }
}

/// Who gets whose keys: by mail, with the subscriptions that let a mail through, or by the policy of the secret.
fn readers(facts: &mut Facts, template: &Json, resources: &BTreeMap<String, Deployed>, arn: &dyn Fn(&str) -> String) {
    let Some((id, function)) = resources.iter().find(|(_, resource)| resource.kind == "AWS::Lambda::Function") else {
        return;
    };
    let mut concrete = template.clone();
    concrete["Resources"][id]["Properties"] = function.properties.clone().into();
    let topic = function.get("Environment")["Variables"]["TOPIC_ARN"].as_str().unwrap_or_default().to_owned();
    let Ok(handler) = PlannedHandler::read(&concrete, &format!("arn:aws:sns:eu-west-1:{ACCOUNT}:topic")) else {
        return;
    };
    let settings = handler.settings;
    let names = ["alice", "bob", "carol", "ci-deployer", "deployer"];
    for name in names.iter().filter(|name| settings.users.iter().any(|entry| entry.selector.to_string() == **name)) {
        let user: User = name.parse().unwrap();
        facts.users.insert((*name).to_owned());
        if let Ok((_, policy)) = settings.subject(&ListedUser::from(&user)) {
            let days = policy.overlap.as_seconds() / 86_400;
            for day in days..60 {
                possible(facts, "earlier", format!("{name}: an old key ends by day {day}"));
            }
        }
        if settings.policy.delivery.to_string() == "secrets-manager" {
            let policy: Json = serde_json::from_str(&settings.secret_policy(&user)).unwrap();
            for statement in policy["Statement"].as_array().into_iter().flatten() {
                let principals = statement["Principal"]["AWS"].clone();
                let principals = principals.as_array().cloned().unwrap_or_else(|| vec![principals]);
                for principal in principals {
                    possible(facts, "readers", format!("{name}: {principal}"));
                }
            }
            continue;
        }
        let keys: Vec<_> = settings.recipients(&user.name).iter().map(ToString::to_string).collect();
        let addresses: Vec<_> =
            settings.readers_of_secret(&user.name).iter().map(|email| email.to_string().to_lowercase()).collect();
        for subscription in resources.values().filter(|resource| resource.kind == "AWS::SNS::Subscription") {
            let filter = subscription.get("FilterPolicy").get("to").and_then(Json::as_array);
            let passes = filter.is_none_or(|to| addresses.iter().any(|address| to.contains(&json!(address))));
            let is_here = subscription.get("TopicArn").as_str().is_some_and(|own| own == topic && !own.is_empty());
            let (endpoint, keys) =
                (subscription.get("Endpoint"), if keys.is_empty() { vec![String::new()] } else { keys.clone() });
            if passes && is_here {
                for key in keys {
                    possible(facts, "readers", format!("{name}: {endpoint} {key}"));
                }
            }
        }
        if arn("NotificationTopic") != topic {
            possible(facts, "readers", format!("{name}: topic {topic}"));
        }
    }
}

fn requests() -> Vec<AccessRequest> {
    let arn = |service: &str, rest: &str| format!("arn:aws:{service}:eu-west-1:{ACCOUNT}:{rest}");
    let resources: Vec<String> = [
        format!("arn:aws:iam::{ACCOUNT}:user/alice"),
        format!("arn:aws:iam::{ACCOUNT}:user/eve"),
        format!("arn:aws:iam::{ACCOUNT}:role/admin"),
        arn("secretsmanager", "secret:access-key-rotation/alice-Ab1Cd2"),
        arn("secretsmanager", "secret:payroll/alice-Ab1Cd2"),
        arn("sns", "NotificationTopic"),
        arn("sns", "AlarmTopic"),
        arn("sqs", "DeadLetterQueue"),
        arn("lambda", "Function"),
        arn("kms", "TopicKey"),
        arn("logs", "LogGroup"),
        arn("s3", "Bucket"),
    ]
    .into();
    let actions = [
        "iam:CreateAccessKey",
        "iam:ListAccessKeys",
        "iam:TagUser",
        "iam:PutUserPolicy",
        "secretsmanager:GetSecretValue",
        "secretsmanager:CreateSecret",
        "secretsmanager:PutSecretValue",
        "secretsmanager:PutResourcePolicy",
        "sns:Publish",
        "sns:Subscribe",
        "kms:Decrypt",
        "kms:PutKeyPolicy",
        "lambda:InvokeFunction",
        "sqs:SendMessage",
        "logs:PutLogEvents",
        "sts:AssumeRole",
        "s3:GetObject",
    ];
    let alarm = arn("cloudwatch", "alarm:keys-missed-runs");
    let contexts: [&[(&str, &str)]; 8] = [
        &[],
        &[("aws:tagkeys", "access-key-rotation:delivered")],
        &[("aws:tagkeys", "team")],
        &[("aws:tagkeys", "managed-by")],
        &[("secretsmanager:blockpublicpolicy", "true")],
        &[("kms:viaservice", "sns.eu-west-1.amazonaws.com")],
        &[("aws:sourceaccount", ACCOUNT), ("aws:sourcearn", alarm.as_str())],
        &[("aws:securetransport", "false")],
    ];
    let principals = [
        &format!("AWS:arn:aws:iam::{ACCOUNT}:role/x"),
        "AWS:arn:aws:iam::999999999999:user/eve",
        "Service:lambda.amazonaws.com",
        "Service:cloudwatch.amazonaws.com",
    ];
    let mut all = Vec::new();
    for principal in principals {
        for action in actions {
            for resource in &resources {
                for context in contexts {
                    let context = context.iter().map(|(key, value)| ((*key).to_owned(), vec![(*value).to_owned()]));
                    let (principal, action, resource) = (principal.to_owned(), action.to_owned(), resource.clone());
                    all.push(AccessRequest { principal, action, resource, context: context.collect() });
                }
            }
        }
    }
    all
}

/// A request that is possible only with the new documents.
fn gained(old: &(Vec<Json>, bool), new: &(Vec<Json>, bool), requests: &[AccessRequest]) -> Option<AccessRequest> {
    let evaluated = |documents: &[Json]| -> Option<Vec<EvaluatedPolicy>> {
        documents.iter().map(|document| EvaluatedPolicy::read(document, &|_| None).ok()).collect()
    };
    let (before, after) = (evaluated(&old.0)?, evaluated(&new.0)?);
    let may = |documents: &[EvaluatedPolicy], request: &AccessRequest| match decide(documents, None, request) {
        Decision::Allowed => true,
        Decision::NotAllowed => new.1,
        Decision::ExplicitlyDenied => false,
    };
    // A policy of a role names no principal, so the requests of one principal show everything.
    let names_principals = old.0.iter().chain(&new.0).any(|document| document.to_string().contains("Principal\""));
    let first = requests.first().map(|request| &request.principal);
    let mut relevant = requests.iter().filter(|request| names_principals || Some(&request.principal) == first);
    relevant.find(|request| may(&after, request) && !may(&before, request)).cloned()
}

/// What the new deployment allows and the old one does not: the kind, and an example.
fn more(old: &Facts, new: &Facts, requests: &[AccessRequest]) -> Option<(&'static str, String)> {
    for (place, documents) in &new.documents {
        let is_of = |thing: &String| place.ends_with(&format!(" {thing}"));
        // The denials of a new resource take nothing away.
        if documents.1 && !old.things.iter().any(is_of) {
            continue;
        }
        let none = (Vec::new(), documents.1);
        let before = old.documents.get(place).unwrap_or(&none);
        if let Some(request) =
            Some(before).filter(|before| *before != documents).and_then(|b| gained(b, documents, requests))
        {
            return Some(("requests", format!("{place}: {request:?}")));
        }
    }
    for (place, documents) in
        old.documents.iter().filter(|(place, documents)| documents.1 && !new.documents.contains_key(*place))
    {
        let is_left = new.things.iter().any(|thing| place.ends_with(&format!(" {thing}")));
        if let Some(request) = is_left.then(|| gained(documents, &(Vec::new(), true), requests)).flatten() {
            return Some(("requests", format!("{place}: {request:?}")));
        }
    }
    for (kind, now) in &new.possible {
        let before = old.possible.get(kind).cloned().unwrap_or_default();
        let is_about_others = |what: &&String| {
            // A user that was not selected has no keys of this stack, and a new role no boundary to lose.
            let who = what.split([':', ' ']).next().unwrap_or_default().to_owned();
            (["earlier", "readers"].contains(kind) && !old.users.contains(&who))
                || (*kind == "boundary" && !old.things.contains(&who))
        };
        if let Some(what) = now.difference(&before).find(|what| !is_about_others(what)) {
            return Some((kind, what.clone()));
        }
    }
    // What is deleted is shown as deleted.
    let is_there = |what: &str| what.strip_prefix(WAITS_FOR).is_none_or(|id| new.things.contains(id));
    let mut lost = old.kept.difference(&new.kept).filter(|(id, what)| new.things.contains(id) && is_there(what));
    lost.next().map(|(id, what)| ("less", format!("{id}: {what}")))
}

/// One random edit: what is done, where, and with which other value.
#[derive(Debug, Clone)]
struct Edit {
    template: Index,
    place: Index,
    kind: u8,
    other: Index,
    value: Index,
}

fn edit() -> impl Strategy<Value = Edit> {
    let index = any::<Index>;
    (index(), index(), 0..15_u8, index(), index()).prop_map(|(template, place, kind, other, value)| Edit {
        template,
        place,
        kind,
        other,
        value,
    })
}

/// Values that an attacker or a careless person would write.
fn pool() -> Vec<Json> {
    let all = json!({"Effect": "Allow", "Action": "*", "Resource": "*", "Principal": "*"});
    let statement = json!({"Sid": "X", "Effect": "Allow", "Action": ["iam:*", "secretsmanager:*"], "Resource": "*"});
    let function = json!({"Type": "AWS::Lambda::Function", "Properties": {"Runtime": "python3.13", "Handler": "a.b",
        "Role": {"Fn::GetAtt": ["FunctionRole", "Arn"]}, "Code": {"ZipFile": "x"}}});
    let mail = json!({"Type": "AWS::SNS::Subscription", "Properties": {"TopicArn": {"Ref": "NotificationTopic"},
        "Protocol": "email", "Endpoint": "eve@example.com"}});
    vec![
        json!("*"),
        json!("a*"),
        json!("eve@example.com"),
        json!("Allow"),
        json!("Deny"),
        json!("https://evil.example"),
        json!("arn:aws:iam::aws:policy/AdministratorAccess"),
        json!(["arn:aws:iam::aws:policy/AdministratorAccess"]),
        json!(["arn:aws:lambda:eu-west-1:999999999999:layer:x:1"]),
        json!("email"),
        json!("secrets-manager"),
        json!("arn:aws:iam::999999999999:role/eve"),
        json!({"AWS": "*"}),
        json!({"Ref": "AlarmTopic"}),
        json!({"Fn::GetAtt": ["FunctionRole", "Arn"]}),
        json!({"Fn::ImportValue": "x"}),
        json!("{\"action\":\"undo\",\"users\":[\"alice\"]}"),
        json!({"ZipFile": "x"}),
        json!([]),
        json!({}),
        json!(0),
        json!(100_000),
        json!(true),
        json!(false),
        json!(["*"]),
        json!("iam:*"),
        json!("false"),
        statement.clone(),
        all.clone(),
        json!([all]),
        json!({"Version": "2012-10-17", "Statement": [statement]}),
        json!({"Ref": "AWS::NoValue"}),
        function,
        mail,
    ]
}

const KEYS: [&str; 24] = [
    "AWS_ENDPOINT_URL",
    "AWS_LAMBDA_EXEC_WRAPPER",
    "Condition",
    "Default",
    "DeletionPolicy",
    "Endpoint",
    "FilterPolicy",
    "Fn::Transform",
    "Layers",
    "ManagedPolicyArns",
    "Metadata",
    "NotAction",
    "NotPrincipal",
    "NotResource",
    "PermissionsBoundary",
    "Policies",
    "Principal",
    "Resource",
    "S3ObjectVersion",
    "StringLike",
    "Tags",
    "TopicArn",
    "VpcConfig",
    "ZipFile",
];

/// Every place of the template, as a JSON pointer, without the template itself.
fn places(value: &Json, at: &str, found: &mut Vec<String>) {
    let mut below = |key: &str, value: &Json| {
        let path = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
        found.push(path.clone());
        places(value, &path, found);
    };
    match value {
        Json::Object(map) => map.iter().for_each(|(key, value)| below(key, value)),
        Json::Array(list) => list.iter().enumerate().for_each(|(index, value)| below(&index.to_string(), value)),
        _ => {}
    }
}

fn remove(template: &mut Json, place: &str) {
    let (parent, key) = place.rsplit_once('/').unwrap();
    let key = key.replace("~1", "/").replace("~0", "~");
    match template.pointer_mut(parent) {
        Some(Json::Object(map)) => drop(map.shift_remove(&key)),
        Some(Json::Array(list)) => drop(list.remove(key.parse().unwrap())),
        _ => {}
    }
}

impl Edit {
    /// The old and the new template.
    fn apply(&self, template: &Json, places: &[String], pool: &[Json]) -> (Json, Json) {
        let place = self.place.get(places);
        let was = template.pointer(place).cloned().unwrap_or_default();
        let own = template.pointer(&places[self.other.index(places.len())]).cloned().unwrap_or_default();
        let other = if self.value.index(3) == 0 { own } else { self.value.get(pool).clone() };
        let (mut old, mut new) = (template.clone(), template.clone());
        let set = |template: &mut Json, value: Json| {
            if let Some(place) = template.pointer_mut(place) {
                *place = value;
            }
        };
        let text = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let choice = json!({"Fn::If": ["Edit", was, other]});
        let condition = |template: &mut Json, holds: bool| {
            template["Conditions"]["Edit"] = json!({"Fn::Equals": ["a", if holds { "a" } else { "b" }]});
        };
        match self.kind {
            0 => remove(&mut new, place),
            1..=3 => set(&mut new, other),
            // An entry more.
            4 | 5 => match new.pointer_mut(place) {
                Some(Json::Array(list)) => list.push(other),
                Some(Json::Object(map)) => drop(map.insert((*self.other.get(&KEYS)).to_owned(), other)),
                _ => set(&mut new, other),
            },
            // An intrinsic around the value.
            6 => {
                condition(&mut new, self.other.index(2) == 0);
                set(&mut new, choice);
            }
            7 => set(&mut new, json!({"Fn::Join": ["", [was]]})),
            8 => {
                new["Parameters"]["Edit"] = json!({"Type": "String", "Default": text(&other)});
                set(&mut new, json!({"Ref": "Edit"}));
            }
            // The same text with another meaning.
            9 => {
                for (template, value) in [(&mut old, &was), (&mut new, &other)] {
                    template["Parameters"]["Edit"] = json!({"Type": "String", "Default": text(value)});
                    set(template, json!({"Ref": "Edit"}));
                }
            }
            10 => {
                for (template, holds) in [(&mut old, true), (&mut new, false)] {
                    condition(template, holds);
                    set(template, choice.clone());
                }
            }
            11 => {
                for (template, value) in [(&mut old, &was), (&mut new, &other)] {
                    template["Mappings"]["Edit"] = json!({"a": {"b": value}});
                    set(template, json!({"Fn::FindInMap": ["Edit", "a", "b"]}));
                }
            }
            // A text that says a little more.
            12 => set(&mut new, json!(format!("{}*", text(&was)))),
            13 => {
                let words = text(&was);
                let mut words: Vec<&str> = words.split(' ').collect();
                let by = self.other.index(words.len());
                words.rotate_left(by);
                let more = [
                    "eve@example.com",
                    "bob;owner=eve@example.com",
                    "arn:aws:iam::999999999999:role/eve",
                    "/;overlap=0",
                    "deployer;account=111122223333;overlap=0",
                ];
                words.push(more[self.value.index(more.len())]);
                set(&mut new, json!(words.join(" ")));
            }
            // Another resource, or another type.
            _ => {
                let id = place.split('/').nth(2).unwrap_or_default().to_owned();
                let body = new["Resources"].get(&id).cloned().unwrap_or_else(|| self.value.get(pool).clone());
                if self.other.index(2) == 0 {
                    new["Resources"]["Edit"] = if self.value.index(2) == 0 {
                        body
                    } else {
                        pool[pool.len() - 1 - self.other.index(2)].clone()
                    };
                } else if body.is_object() && new["Resources"].get(&id).is_some() {
                    new["Resources"][&id]["Type"] = json!("AWS::EC2::Instance");
                }
            }
        }
        (old, new)
    }
}

fn templates() -> Vec<Json> {
    let of = |text: &str| config::read(text, Overrides::default()).unwrap_or_else(|e| panic!("{e}\n{text}")).config;
    let owned = "users: [{name: alice, owner: alice@example.com}, {name: bob, owner: bob@example.com}, carol]\n\
                 emails: [admin@example.com]\ndelivery: email\n";
    let company = "users: [alice]\nemails: [admin@example.com]\ntags: {team: a}\nsecret_readers: ['arn:aws:iam::111122223333:role/r']\n\
                   permissions_boundary: arn:aws:iam::111122223333:policy/b\n";
    let texts = [read("rotation.yaml"), read("examples/article.yaml"), owned.to_owned(), company.to_owned()];
    let mut all: Vec<_> = texts.iter().map(|text| to_json(&stack::template(&of(text)).unwrap())).collect();
    all.push(to_json(&stack::artifacts::template(&of(&texts[0])).unwrap()));
    let organization = of(&read("examples/organization.yaml"));
    all.push(to_json(&stack::template(&organization).unwrap()));
    all.push(to_json(&stack::member_template(&organization).unwrap().unwrap()));
    all.push(to_json(&stack::artifacts::template(&organization).unwrap()));
    all
}

#[test]
fn no_random_edit_that_allows_more_is_called_harmless() {
    let templates = templates();
    let places: Vec<Vec<String>> = templates
        .iter()
        .map(|template| {
            let mut found = Vec::new();
            places(template, "", &mut found);
            found
        })
        .collect();
    let (pool, requests) = (pool(), requests());
    let counts: RefCell<BTreeMap<String, usize>> = RefCell::default();
    let cases = cases(300, 10_000);
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let run = runner.run(&edit(), |edit| {
        let at = edit.template.index(templates.len());
        let (old, new) = edit.apply(&templates[at], &places[at], &pool);
        let diff = compare(&old, &new);
        let count = |what: &str| *counts.borrow_mut().entry(what.to_owned()).or_default() += 1;
        count(&format!("verdict {}", diff.iam.verdict.as_str()));
        let Some((kind, what)) = more(&facts(&old), &facts(&new), &requests) else { return Ok(()) };
        count(kind);
        let is_seen = matches!(diff.iam.verdict, Verdict::Broader | Verdict::Unknown);
        let reasons = Approval::needed(&diff).map(|approval| approval.reasons).unwrap_or_default();
        // Who reads keys, as far as only the handler's settings say it, has a reason of its own.
        let is_read = kind == "readers" && reasons.contains(&ApprovalReason::OthersRead)
            || kind == "earlier" && reasons.contains(&ApprovalReason::KeysEndEarlier)
            // What a replaced resource no longer does.
            || kind == "less" && reasons.contains(&ApprovalReason::Replaces);
        let place = edit.place.get(&places[at]);
        prop_assert!(is_seen || is_read, "{what}\n{place}: {:?}\n{:?}\n{:?}", diff.iam, diff.unknown, diff.resources);
        Ok(())
    });
    run.unwrap_or_else(|e| panic!("{e}"));
    let counts = counts.into_inner();
    let flagged: usize = counts.iter().filter(|(what, _)| !what.starts_with("verdict")).map(|(_, number)| number).sum();
    println!("random edits: {cases}, of which {flagged} allow more or keep less: {counts:?}");
    assert!(flagged > 0 && counts.contains_key("verdict none"), "{counts:?}");
}

/// The simulation sees each kind of change, so the test above can fail.
#[test]
fn the_simulated_deployment_sees_what_allows_more() {
    let (templates, requests) = (templates(), requests());
    let (template, central, member) = (&templates[2], &templates[5], &templates[6]);
    let kept = [template, central, member].into_iter().flat_map(|template| facts(template).kept);
    let has: BTreeSet<_> = kept.filter(|(_, what)| what.contains(" by ")).collect();
    let needed: BTreeSet<_> =
        needed().into_iter().map(|(place, r)| format!("{place}: {} by {}", r.action, r.principal)).collect();
    assert_eq!(has.into_iter().map(|(_, what)| what).collect::<BTreeSet<_>>(), needed);
    let mail = json!(["alice@example.com", "bob@example.com"]);
    for (kind, place, value) in [
        ("requests", "/Resources/FunctionRole/Properties/Policies/0/PolicyDocument/Statement/0/Action", json!("*")),
        ("requests", "/Resources/NotificationTopicPolicy/Properties/PolicyDocument/Statement", json!([])),
        ("code", "/Resources/Function/Properties/Code", json!({"ZipFile": "x"})),
        ("event", "/Resources/Schedule/Properties/Target/Input", json!("{\"action\":\"undo\",\"users\":[\"alice\"]}")),
        ("schedule", "/Resources/Schedule/Properties/Target/RoleArn", json!({"Fn::GetAtt": ["FunctionRole", "Arn"]})),
        ("readers", "/Resources/MailToAliceAtExampleDotCom/Properties/FilterPolicy/to", mail),
        ("less", "/Resources/MailToAliceAtExampleDotCom/Properties/FilterPolicy/to", json!([])),
        ("less", "/Resources/UsersFailed/Properties/Threshold", json!(1_000)),
        ("less", "/Resources/UsersFailed/Properties/AlarmActions", json!([])),
        ("less", "/Resources/TopicKey/Properties/KeyPolicy/Statement/0/Action", json!("kms:Describe*")),
        ("less", "/Resources/ScheduleRole/Properties/Policies/0/PolicyDocument/Statement/0/Effect", json!("Deny")),
    ] {
        let mut new = template.clone();
        *new.pointer_mut(place).unwrap_or_else(|| panic!("{place}")) = value;
        let seen = more(&facts(template), &facts(&new), &requests).map(|(kind, _)| kind);
        assert_eq!(seen, Some(kind), "{place}");
        let verdict = compare(template, &new).iam.verdict;
        assert!(matches!(verdict, Verdict::Broader | Verdict::Unknown), "{place}: {verdict:?}");
    }
    let types = "/Resources/EventBusPolicy/Properties/Statement/Condition/StringEquals/events:detail-type";
    let users = "/Resources/Function/Properties/Environment/Variables/USERS";
    for (template, kind, place, value) in [
        (central, "less", types, json!(["run"])),
        (central, "less", "/Resources/Members/DependsOn", json!([])),
        (central, "less", "/Resources/NoticeQueuePolicy/Properties/PolicyDocument/Statement", json!([])),
        (member, "less", "/Resources/AlarmEventsRole/Properties/Policies", json!([])),
        (member, "earlier", users, json!("/machines/ deployer;account=111122223333;overlap=0")),
    ] {
        let mut new = template.clone();
        *new.pointer_mut(place).unwrap_or_else(|| panic!("{place}")) = value;
        let seen = more(&facts(template), &facts(&new), &requests).map(|(kind, _)| kind);
        assert_eq!(seen, Some(kind), "{place}");
        assert!(Approval::needed(&compare(template, &new)).is_some(), "{place}");
    }
}
