//! Checks that the parts of a template fit together: each role may do what the template makes it do.
//!
//! CloudFormation deploys a template without an error even if its parts do not fit together. The mistake shows when the
//! schedule fires for the first time. It may never show if the log cannot be written. The rules decide only what the
//! template shows: a role or a topic from elsewhere is skipped. What depends on a parameter or a condition is skipped too.

use serde_json::Value as Json;

use super::Fault;
use crate::{
    cfn::{
        text::Piece,
        view::{Resource, Role, StatementView, View, each, references, text},
    },
    iam::glob::{Glob, Letter},
};

type Rule = fn(View<'_>) -> Vec<Fault>;

/// The tool that a template is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TemplateOrigin {
    /// Any tool. Only what is certainly wrong is a fault.
    AnyTool,
    /// Our generator. What it never writes is a fault too, such as a role that may write to any log group.
    Generated,
}

/// Every rule, with its name for the tests and the templates that it is for.
pub const RULES: &[(&str, TemplateOrigin, Rule)] = &[
    ("schedule-role", TemplateOrigin::AnyTool, schedules_may_invoke_their_targets),
    ("function-role", TemplateOrigin::AnyTool, functions_are_trusted_and_may_log),
    ("log-group", TemplateOrigin::Generated, logs_go_to_the_declared_group),
    ("failures-kept", TemplateOrigin::AnyTool, failures_can_be_kept),
    ("alarm-topic", TemplateOrigin::AnyTool, alarms_reach_their_topics),
    ("topic-key", TemplateOrigin::Generated, publishers_may_encrypt),
    ("bucket-policy", TemplateOrigin::AnyTool, bucket_policies_are_about_their_buckets),
    ("alarm-filter", TemplateOrigin::Generated, alarms_pass_filter_policies),
    ("event-target", TemplateOrigin::AnyTool, rules_may_send_to_their_targets),
    ("event-source", TemplateOrigin::AnyTool, functions_may_read_their_queues),
];

/// All faults of a template, in the order of the rules. A template that CloudFormation rewrites has none, because the result
/// is not known.
#[must_use]
pub fn faults(template: &Json, origin: TemplateOrigin) -> Vec<Fault> {
    let view = View(template);
    let rules = RULES.iter().filter(|(_, least, _)| *least <= origin && !view.is_rewritten());
    rules.flat_map(|(_, _, rule)| rule(view)).collect()
}

fn fault(at: impl Into<String>, problem: String, fix: impl Into<String>) -> Fault {
    Fault { at: at.into(), problem, fix: fix.into() }
}

fn schedules_may_invoke_their_targets(view: View<'_>) -> Vec<Fault> {
    let mut faults = Vec::new();
    for schedule in view.of("AWS::Scheduler::Schedule") {
        let target = &schedule.properties["Target"];
        let at = format!("Resources.{}.Properties.Target", schedule.id);
        let Some(role) = view.role(&target["RoleArn"]) else { continue };
        faults.extend(is_trusted(view, &role, "scheduler.amazonaws.com"));
        let dead_letters = &target["DeadLetterConfig"]["Arn"];
        for (property, value) in [("Arn", &target["Arn"]), ("DeadLetterConfig.Arn", dead_letters)] {
            faults.extend(reaches(view, &role, value, &format!("{at}.{property}")));
        }
    }
    faults
}

fn functions_are_trusted_and_may_log(view: View<'_>) -> Vec<Fault> {
    let mut faults = Vec::new();
    for function in view.of("AWS::Lambda::Function") {
        let Some(role) = view.role(&function.properties["Role"]) else { continue };
        faults.extend(is_trusted(view, &role, "lambda.amazonaws.com"));
        let Some(group) = view.named_by(&function.properties["LoggingConfig"]["LogGroup"]) else { continue };
        for action in ["logs:CreateLogStream", "logs:PutLogEvents"] {
            faults.extend(may(
                view,
                &role,
                action,
                group,
                &format!("Resources.{}.Properties.LoggingConfig", function.id),
            ));
        }
    }
    faults
}

/// A role may write logs only to the log groups that the template declares.
fn logs_go_to_the_declared_group(view: View<'_>) -> Vec<Fault> {
    let groups: Vec<_> = view.of("AWS::Logs::LogGroup").collect();
    let writes = |statement: &StatementView<'_>| {
        let actions = statement.texts("Action");
        statement.allows()
            && actions
                .iter()
                .any(|action| ["logs:CreateLogStream", "logs:PutLogEvents"].iter().any(|write| glob(action, write)))
    };
    let mut faults = Vec::new();
    for role in view.roles() {
        for statement in role.policies.iter().filter(|statement| writes(statement)) {
            for resource in statement.texts("Resource") {
                if !groups.iter().any(|group| names(&resource, *group)) {
                    let at = format!("Resources.{}: statement {}", role.resource.id, statement.sid());
                    let problem =
                        format!("it allows writing logs to {resource}, which is not a log group of this template");
                    faults.push(fault(at, problem, "set Resource to the Arn of the declared log group"));
                }
            }
        }
    }
    faults
}

/// The role of a function may send its failed events to their destination.
fn failures_can_be_kept(view: View<'_>) -> Vec<Fault> {
    let mut faults = Vec::new();
    let dead_letters = view.of("AWS::Lambda::Function").map(|function| {
        let at = format!("Resources.{}.Properties.DeadLetterConfig", function.id);
        (Some(function), &function.properties["DeadLetterConfig"]["TargetArn"], at)
    });
    let destinations = view.of("AWS::Lambda::EventInvokeConfig").map(|config| {
        let at = format!("Resources.{}.Properties.DestinationConfig.OnFailure", config.id);
        let destination = &config.properties["DestinationConfig"]["OnFailure"]["Destination"];
        (view.named_by(&config.properties["FunctionName"]), destination, at)
    });
    for (function, value, at) in dead_letters.chain(destinations) {
        let role = function.and_then(|function| view.role(&function.properties["Role"]));
        faults.extend(role.and_then(|role| reaches(view, &role, value, &at)));
    }
    faults
}

/// CloudWatch may publish alarms to their topics. It cannot use AWS's own key for SNS, and a key or a topic with a
/// policy must allow it. An alarm that it may not publish is lost.
fn alarms_reach_their_topics(view: View<'_>) -> Vec<Fault> {
    const CLOUDWATCH: &str = "cloudwatch.amazonaws.com";
    let policies: Vec<_> = view.resource_policies().collect();
    let lets = |(policy, statements): &(Resource<'_>, Vec<StatementView<'_>>), action: &str| {
        let grants = |statement: &StatementView<'_>| {
            // An account's principal may stand for its alarms in the policy of a topic.
            let accounts = action == "sns:Publish" && !statement.body["Principal"]["AWS"].is_null();
            statement.allows()
                && (accounts || includes(statement, CLOUDWATCH))
                && statement.texts("Action").iter().any(|known| glob(known, action))
        };
        view.is_open(policy.properties) || statements.iter().any(grants)
    };
    let mut faults = Vec::new();
    let alarms =
        view.resources().filter(|r| matches!(r.kind, "AWS::CloudWatch::Alarm" | "AWS::CloudWatch::CompositeAlarm"));
    let silent = |alarm: &Resource<'_>| !matches!(alarm.properties["ActionsEnabled"], Json::Null | Json::Bool(true));
    for alarm in alarms.filter(|alarm| !silent(alarm)) {
        for property in ["AlarmActions", "OKActions", "InsufficientDataActions"] {
            let mut wrong = |problem: String, fix: &str| {
                faults.push(fault(format!("Resources.{}.Properties.{property}", alarm.id), problem, fix));
            };
            for topic in each(&alarm.properties[property]).filter_map(|action| view.named_by(action)) {
                let key = &topic.properties["KmsMasterKeyId"];
                if text(key).ends_with("alias/aws/sns") {
                    wrong(
                        format!("{} is encrypted with alias/aws/sns, which CloudWatch cannot use", topic.id),
                        "encrypt the topic with a customer managed key, or use another topic",
                    );
                }
                let key = view.named_by(key).and_then(|key| policies.iter().find(|(owner, _)| owner.id == key.id));
                for action in ["kms:Decrypt", "kms:GenerateDataKey"] {
                    if let Some(key) = key.filter(|key| !lets(key, action)) {
                        wrong(
                            format!(
                                "{CLOUDWATCH} is not allowed {action} with {}, so it cannot publish to {}",
                                key.0.id, topic.id
                            ),
                            "allow it in the policy of the key",
                        );
                    }
                }
                let own = |(policy, _): &&(Resource<'_>, Vec<StatementView<'_>>)| {
                    let topics = each(&policy.properties["Topics"]);
                    topics.filter_map(|named| view.named_by(named)).any(|named| named.id == topic.id)
                };
                let own: Vec<_> = policies.iter().filter(own).collect();
                if !own.is_empty() && !own.iter().any(|policy| lets(policy, "sns:Publish")) {
                    wrong(
                        format!("{CLOUDWATCH} is not allowed to publish to {}", topic.id),
                        "allow sns:Publish in the policy of the topic",
                    );
                }
            }
        }
    }
    faults
}

/// A role that may publish to a topic may also use the key that encrypts the topic.
fn publishers_may_encrypt(view: View<'_>) -> Vec<Fault> {
    let mut faults = Vec::new();
    for topic in view.of("AWS::SNS::Topic") {
        let key = view.named_by(&topic.properties["KmsMasterKeyId"]).filter(|key| key.kind == "AWS::KMS::Key");
        let Some(key) = key else { continue };
        let at = format!("Resources.{}.Properties.KmsMasterKeyId", topic.id);
        for role in view.roles().iter().filter(|role| may(view, role, "sns:Publish", topic, "").is_none()) {
            // The policy of the key may allow the role instead.
            let named = references(&key.properties["KeyPolicy"]).iter().any(|name| name.name == role.resource.id);
            let missing =
                ["kms:Decrypt", "kms:GenerateDataKey"].iter().filter_map(|action| may(view, role, action, key, &at));
            faults.extend(missing.filter(|_| !named));
        }
    }
    faults
}

/// The policy of a bucket names only this bucket, and each of its statements has a principal. S3 refuses other
/// policies.
fn bucket_policies_are_about_their_buckets(view: View<'_>) -> Vec<Fault> {
    let mut faults = Vec::new();
    let policies = view.resource_policies().filter(|(policy, _)| policy.kind == "AWS::S3::BucketPolicy");
    for (policy, statements) in policies {
        let Some(bucket) = view.named_by(&policy.properties["Bucket"]) else { continue };
        if bucket.kind != "AWS::S3::Bucket" || view.is_open(&bucket.properties["BucketName"]) {
            continue;
        }
        for statement in statements.into_iter().filter(|statement| !view.is_open(statement.body)) {
            let at = format!("Resources.{}: statement {}", policy.id, statement.sid());
            if statement.body["Principal"].is_null() && statement.body["NotPrincipal"].is_null() {
                let problem = "the statement has no Principal".to_owned();
                faults.push(fault(&at, problem, "add a Principal"));
            }
            for arn in statement.texts("Resource") {
                // The ARN of an object is the ARN of its bucket, a slash and the key.
                let (owner, _) = arn.split_once('/').unwrap_or((&arn, ""));
                if owner != "*" && !names(owner, bucket) {
                    let problem = format!("it names {arn}, but the policy belongs to {}", bucket.id);
                    faults.push(fault(&at, problem, "set Resource to the Arn of the bucket, or to its Arn and /*"));
                }
            }
        }
    }
    faults
}

/// An alarm's topic has a subscriber without a filter policy. The message of an alarm has no attributes, so a filter
/// policy on attributes never lets it through (SNS Developer Guide, "Key matching").
fn alarms_pass_filter_policies(view: View<'_>) -> Vec<Fault> {
    let alarms =
        view.resources().filter(|r| matches!(r.kind, "AWS::CloudWatch::Alarm" | "AWS::CloudWatch::CompositeAlarm"));
    let mut faults = Vec::new();
    for alarm in alarms {
        for topic in each(&alarm.properties["AlarmActions"]).filter_map(|action| view.named_by(action)) {
            let is_to_it = |s: &Resource<'_>| {
                view.named_by(&s.properties["TopicArn"]).is_some_and(|subscribed| subscribed.id == topic.id)
            };
            let mut subscribers = view.of("AWS::SNS::Subscription").filter(is_to_it).peekable();
            if subscribers.peek().is_some() && subscribers.all(|s| !s.properties["FilterPolicy"].is_null()) {
                let at = format!("Resources.{}.Properties.AlarmActions", alarm.id);
                let problem =
                    format!("every subscription of {} has a filter policy, so no subscriber gets the alarm", topic.id);
                faults.push(fault(at, problem, "use a topic with a subscription without a filter policy"));
            }
        }
    }
    faults
}

/// EventBridge may send events to the targets of a rule, and keep those that it could not send: with the role of the target,
/// or by the policy of the queue.
fn rules_may_send_to_their_targets(view: View<'_>) -> Vec<Fault> {
    let mut faults = Vec::new();
    for rule in view.of("AWS::Events::Rule") {
        for target in each(&rule.properties["Targets"]) {
            let at = format!("Resources.{}.Properties.Targets", rule.id);
            let role = view.role(&target["RoleArn"]);
            faults.extend(role.as_ref().and_then(|role| is_trusted(view, role, EVENTBRIDGE)));
            // The role of a target is for the target only.
            let kept = &target["DeadLetterConfig"]["Arn"];
            let queues = [(&target["Arn"], role.is_none()), (kept, true)];
            for (queue, _) in queues.into_iter().filter(|(_, by_policy)| *by_policy) {
                faults.extend(takes_events(view, queue, &at));
            }
        }
    }
    faults
}

const EVENTBRIDGE: &str = "events.amazonaws.com";

/// The fault if EventBridge may not send to a queue of the template.
fn takes_events(view: View<'_>, queue: &Json, at: &str) -> Option<Fault> {
    let queue = view.named_by(queue).filter(|queue| queue.kind == "AWS::SQS::Queue")?;
    let own = |(policy, _): &(Resource<'_>, Vec<StatementView<'_>>)| {
        let mut queues = each(&policy.properties["Queues"]).filter_map(|named| view.named_by(named));
        queues.any(|named| named.id == queue.id)
    };
    let lets = |statement: &StatementView<'_>| {
        let sends = statement.texts("Action").iter().any(|known| glob(known, "sqs:SendMessage"));
        statement.allows() && sends && includes(statement, EVENTBRIDGE)
    };
    let mut policies = view.resource_policies().filter(own);
    let is_let = policies.any(|(policy, all)| view.is_open(policy.properties) || all.iter().any(lets));
    (!is_let).then(|| {
        let problem = format!("{EVENTBRIDGE} is not allowed to send to {}", queue.id);
        fault(at, problem, "allow sqs:SendMessage in the policy of the queue")
    })
}

/// The role of a function may take messages from the queues that Lambda reads for it.
fn functions_may_read_their_queues(view: View<'_>) -> Vec<Fault> {
    let mut faults = Vec::new();
    for mapping in view.of("AWS::Lambda::EventSourceMapping") {
        let function = view.named_by(&mapping.properties["FunctionName"]);
        let Some(role) = function.and_then(|function| view.role(&function.properties["Role"])) else { continue };
        let queue = view.named_by(&mapping.properties["EventSourceArn"]);
        let Some(queue) = queue.filter(|queue| queue.kind == "AWS::SQS::Queue") else { continue };
        let at = format!("Resources.{}.Properties.EventSourceArn", mapping.id);
        let actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];
        faults.extend(actions.iter().filter_map(|action| may(view, &role, action, queue, &at)));
    }
    faults
}

/// The fault if the service may not assume the role.
fn is_trusted(view: View<'_>, role: &Role<'_>, service: &str) -> Option<Fault> {
    let trusts = |statement: &StatementView<'_>| {
        let assumes = statement.texts("Action").iter().any(|action| glob(action, "sts:AssumeRole"));
        statement.allows() && assumes && includes(statement, service)
    };
    let is_open = view.is_open(&role.resource.properties["AssumeRolePolicyDocument"]);
    (!is_open && !role.trust.iter().any(trusts)).then(|| {
        let at = format!("Resources.{}.Properties.AssumeRolePolicyDocument", role.resource.id);
        let problem = format!("{service} is not allowed to assume {}", role.resource.id);
        fault(at, problem, format!("allow sts:AssumeRole for {service} in this policy"))
    })
}

/// Whether a service is a principal of the statement.
fn includes(statement: &StatementView<'_>, service: &str) -> bool {
    let is_it = |known: &String| known == "*" || known.replace("${AWS::URLSuffix}", "amazonaws.com") == service;
    statement.principals().iter().any(is_it)
}

/// Whether the role may have permissions that its own policies do not show, or that are not known.
fn has_more(view: View<'_>, role: &Role<'_>) -> bool {
    let named = |policy: &Resource<'_>| {
        let roles = each(&policy.properties["Roles"]).chain(each(&policy.properties["RoleName"]));
        roles.into_iter().any(|role| view.named_by(role).is_none())
    };
    let mut policies = view
        .resources()
        .filter(|r| matches!(r.kind, "AWS::IAM::Policy" | "AWS::IAM::ManagedPolicy" | "AWS::IAM::RolePolicy"));
    let properties = role.resource.properties;
    !properties["ManagedPolicyArns"].is_null()
        || view.is_open(&properties["Policies"])
        || policies.any(|policy| named(&policy) || view.is_open(policy.properties))
}

/// The fault if the role may not invoke, or send to, the resource that the value refers to. `None` for an unknown type.
fn reaches(view: View<'_>, role: &Role<'_>, value: &Json, at: &str) -> Option<Fault> {
    let target = view.named_by(value)?;
    let action = match target.kind {
        "AWS::Lambda::Function" | "AWS::Lambda::Alias" | "AWS::Lambda::Version" => "lambda:InvokeFunction",
        "AWS::SQS::Queue" => "sqs:SendMessage",
        "AWS::SNS::Topic" => "sns:Publish",
        "AWS::StepFunctions::StateMachine" => "states:StartExecution",
        _ => return None,
    };
    // The target's own policy may allow the role.
    let own = |other: &Resource<'_>| {
        (other.kind.ends_with("Policy") || other.kind.ends_with("Permission"))
            && !other.kind.starts_with("AWS::IAM::")
            && references(other.properties).iter().any(|reference| reference.name == target.id)
    };
    if view.resources().any(|other| own(&other)) {
        return None;
    }
    // A permission for the function includes its versions and aliases.
    let function = view.named_by(&target.properties["FunctionName"]);
    let fault = may(view, role, action, target, at)?;
    function.is_none_or(|function| may(view, role, action, function, at).is_some()).then_some(fault)
}

/// The fault if the role is not allowed this action on the resource. A wildcard within its name may match it.
fn may(view: View<'_>, role: &Role<'_>, action: &str, target: Resource<'_>, at: &str) -> Option<Fault> {
    let grants = |statement: &StatementView<'_>| {
        let on = |resource: &String| has_wildcard(resource) || names(resource, target);
        statement.allows()
            && statement.texts("Action").iter().any(|known| glob(known, action))
            && statement.texts("Resource").iter().any(on)
    };
    let is_named = given_name(target).is_some_and(|name| view.is_open(name));
    (!is_named && !has_more(view, role) && !role.policies.iter().any(grants)).then(|| {
        let (role, target) = (role.resource.id, target.id);
        let problem = format!("{role} is not allowed {action} on {target}");
        fault(at, problem, format!("allow {action} on {target} in a policy of {role}"))
    })
}

/// Whether the last part of an ARN, which names the resource, has a wildcard before its end.
fn has_wildcard(arn: &str) -> bool {
    // The name of a pseudo parameter has colons too.
    let arn = arn.replace("${AWS::", "${");
    let name = arn.splitn(6, ':').nth(5).unwrap_or(&arn);
    name.trim_end_matches(":*").trim_end_matches("/*").contains('*')
}

/// The name that the template gives to a resource.
fn given_name(target: Resource<'_>) -> Option<&Json> {
    let names = ["FunctionName", "QueueName", "TopicName", "LogGroupName", "StateMachineName", "BucketName"];
    names.iter().map(|key| &target.properties[*key]).find(|name| !name.is_null())
}

/// Whether an ARN, with its `${…}`, is that of this resource: it refers to the resource, or contains its given name.
fn names(arn: &str, target: Resource<'_>) -> bool {
    let id = target.id;
    let given = given_name(target).map(text);
    arn.contains(&format!("${{{id}}}"))
        || arn.contains(&format!("${{{id}."))
        || given.is_some_and(|name| {
            arn.split_once(&name).is_some_and(|(before, after)| {
                before.ends_with([':', '/']) && (after.is_empty() || after.starts_with(':'))
            })
        })
}

/// Whether an action pattern of a policy, with `*` and `?`, matches an action. Case does not count.
fn glob(pattern: &str, action: &str) -> bool {
    let word: Vec<_> = action.to_ascii_lowercase().chars().map(Letter::Char).collect();
    Glob::pattern(&[Piece::Literal(pattern.to_ascii_lowercase())]).must_match(&word)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{cfn::json::to_json, config, stack};

    fn config() -> config::Config {
        let text = "users: [alice]\nemails: [a@example.com]\n";
        config::read(text, config::Overrides::default()).unwrap().config
    }

    fn template() -> Json {
        to_json(&stack::template(&config()).unwrap())
    }

    /// The rotation stack and the artifact stack in one template, so that every rule has something to check.
    fn whole() -> Json {
        let (mut template, bucket) = (template(), to_json(&stack::artifacts::template(&config()).unwrap()));
        let resources = template["Resources"].as_object_mut().unwrap();
        resources.extend(bucket["Resources"].as_object().unwrap().clone());
        template
    }

    /// The stack of the account that administers an organization.
    fn central() -> Json {
        let text = include_str!("../../../examples/organization.yaml");
        to_json(&stack::template(&config::read(text, config::Overrides::default()).unwrap().config).unwrap())
    }

    /// The names of the rules that find a fault.
    fn found(template: &Json) -> Vec<&'static str> {
        RULES.iter().filter(|(_, _, rule)| !rule(View(template)).is_empty()).map(|(name, ..)| *name).collect()
    }

    /// The statement with this id in a role.
    fn statement<'t>(template: &'t mut Json, role: &str, sid: &str) -> &'t mut Json {
        let list =
            template["Resources"][role]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"].as_array_mut();
        list.unwrap().iter_mut().find(|statement| statement["Sid"] == sid).unwrap()
    }

    fn bucket_statement(template: &mut Json) -> &mut Json {
        &mut template["Resources"]["BucketPolicy"]["Properties"]["PolicyDocument"]["Statement"][0]
    }

    fn remove(json: &mut Json, key: &str) {
        assert!(json.as_object_mut().unwrap().remove(key).is_some(), "{key}");
    }

    type Break = fn(&mut Json);

    #[test]
    fn each_invariant_broken_once_is_found_and_nothing_else() {
        let table: &[(&str, &[&str], Break)] = &[
            ("nothing", &[], |_| {}),
            ("another service's trust", &["schedule-role"], |t| {
                let role = &mut t["Resources"]["ScheduleRole"]["Properties"]["AssumeRolePolicyDocument"];
                role["Statement"][0]["Principal"]["Service"] = json!("events.amazonaws.com");
            }),
            ("trust denied", &["schedule-role"], |t| {
                let role = &mut t["Resources"]["ScheduleRole"]["Properties"]["AssumeRolePolicyDocument"];
                role["Statement"][0]["Effect"] = json!("Deny");
            }),
            ("may not invoke", &["schedule-role"], |t| {
                statement(t, "ScheduleRole", "InvokeHandler")["Action"] = json!("lambda:GetFunction");
            }),
            ("may invoke something else", &["schedule-role"], |t| {
                statement(t, "ScheduleRole", "InvokeHandler")["Resource"] =
                    json!({ "Fn::GetAtt": ["LogGroup", "Arn"] });
            }),
            ("the dead-letter queue is closed to the schedule", &["schedule-role"], |t| {
                statement(t, "ScheduleRole", "KeepUndelivered")["Effect"] = json!("Deny");
            }),
            ("the function's role trusts another", &["function-role"], |t| {
                let role = &mut t["Resources"]["FunctionRole"]["Properties"]["AssumeRolePolicyDocument"];
                role["Statement"][0]["Principal"]["Service"] = json!(["ec2.amazonaws.com"]);
            }),
            ("no log stream can be made", &["function-role"], |t| {
                statement(t, "FunctionRole", "WriteLog")["Action"] = json!(["logs:PutLogEvents"]);
            }),
            ("logs to another group", &["function-role", "log-group"], |t| {
                let other = json!({ "Fn::Sub": "arn:${AWS::Partition}:logs:*:*:log-group:/aws/lambda/other:*" });
                statement(t, "FunctionRole", "WriteLog")["Resource"] = other;
            }),
            ("logs to every group", &["log-group"], |t| {
                statement(t, "FunctionRole", "WriteLog")["Resource"] = json!("*");
            }),
            ("the dead-letter queue is closed to the function", &["failures-kept"], |t| {
                statement(t, "FunctionRole", "KeepFailedRuns")["Action"] = json!("sqs:ReceiveMessage");
            }),
            ("a topic that CloudWatch cannot encrypt for", &["alarm-topic"], |t| {
                t["Resources"]["AlarmTopic"]["Properties"]["KmsMasterKeyId"] = json!("alias/aws/sns");
            }),
            ("an alarm that no filter policy lets through", &["alarm-filter"], |t| {
                let subscription = &mut t["Resources"]["AlarmsToAAtExampleDotCom"]["Properties"];
                subscription["FilterPolicy"] = json!({ "to": ["administrators"] });
            }),
            ("a key that CloudWatch may not use", &["alarm-topic"], |t| {
                let policy = &mut t["Resources"]["TopicKey"]["Properties"]["KeyPolicy"];
                policy["Statement"][1]["Action"] = json!(["kms:GenerateDataKey"]);
            }),
            ("a key for another service", &["alarm-topic"], |t| {
                let policy = &mut t["Resources"]["TopicKey"]["Properties"]["KeyPolicy"];
                policy["Statement"][1]["Principal"]["Service"] = json!("events.amazonaws.com");
            }),
            ("a topic that is closed to CloudWatch", &["alarm-topic"], |t| {
                let policy = &mut t["Resources"]["AlarmTopicPolicy"]["Properties"]["PolicyDocument"];
                policy["Statement"][0]["Action"] = json!("sns:Subscribe");
            }),
            ("the handler may not use the topic's key", &["topic-key"], |t| {
                statement(t, "FunctionRole", "EncryptMail")["Action"] = json!("kms:Decrypt");
            }),
            ("the handler may use another key", &["topic-key"], |t| {
                statement(t, "FunctionRole", "EncryptMail")["Resource"] = json!({ "Fn::GetAtt": ["LogGroup", "Arn"] });
            }),
            ("a bucket's policy about another bucket", &["bucket-policy"], |t| {
                bucket_statement(t)["Resource"][1] = json!("arn:aws:s3:::another/*");
            }),
            ("a bucket's policy without a principal", &["bucket-policy"], |t| remove(bucket_statement(t), "Principal")),
        ];
        for (what, expected, break_it) in table {
            let mut template = whole();
            break_it(&mut template);
            assert_eq!(found(&template), *expected, "{what}: {:?}", faults(&template, TemplateOrigin::Generated));
        }
        let of_organization: &[(&str, &[&str], Break)] = &[
            ("nothing", &[], |_| {}),
            ("the queue of notices is closed to EventBridge", &["event-target"], |t| {
                let policies = t["Resources"].as_object_mut().unwrap().values_mut();
                for policy in policies.filter(|resource| resource["Type"] == "AWS::SQS::QueuePolicy") {
                    policy["Properties"]["PolicyDocument"]["Statement"][0]["Action"] = json!("sqs:ReceiveMessage");
                }
            }),
            ("the publisher may not read its queue", &["event-source"], |t| {
                statement(t, "PublisherRole", "TakeEvents")["Action"] = json!(["sqs:ReceiveMessage"]);
            }),
        ];
        for (what, expected, break_it) in of_organization {
            let mut template = central();
            break_it(&mut template);
            assert_eq!(found(&template), *expected, "{what}: {:?}", faults(&template, TemplateOrigin::Generated));
        }
        let broken: Vec<_> = table.iter().chain(of_organization).flat_map(|(_, rules, _)| *rules).collect();
        assert!(RULES.iter().all(|(name, ..)| broken.contains(&name)), "each rule is broken once");
    }

    #[test]
    fn json_that_is_not_a_template_has_no_faults() {
        for json in [
            json!(null),
            json!([1]),
            json!({ "Resources": 7 }),
            json!({ "Resources": { "A": null, "B": { "Type": "AWS::IAM::Role" } } }),
        ] {
            assert_eq!(faults(&json, TemplateOrigin::Generated), []);
        }
    }

    /// A template of another tool. What it does not show certainly is no fault.
    #[test]
    fn what_may_be_right_is_no_fault() {
        let role = |trust: &str, policies: &str| {
            format!(
                "Parameters: {{P: {{Type: String}}}}\nConditions: {{C: !Equals [!Ref P, a]}}\nResources:\n  \
                 Log: {{Type: 'AWS::Logs::LogGroup'}}\n  Q: {{Type: 'AWS::SQS::Queue'}}\n  F: {{Type: \
                 'AWS::Lambda::Function', Properties: {{Role: !GetAtt R.Arn, DeadLetterConfig: {{TargetArn: !GetAtt \
                 Q.Arn}}, LoggingConfig: {{LogGroup: !Ref Log}}}}}}\n  R: {{Type: 'AWS::IAM::Role', Properties: \
                 {{AssumeRolePolicyDocument: {{Statement: [{trust}]}}, {policies}}}}}\n"
            )
        };
        let trust = "{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: 'sts:AssumeRole'}";
        let policy = |statement: &str| format!("Policies: [{{PolicyDocument: {{Statement: [{statement}]}}}}]");
        let any = policy("{Effect: Allow, Action: '*', Resource: '*'}");
        let found = |text: &str| {
            let template = crate::cfn::read::read(text).unwrap_or_else(|problem| panic!("{problem}: {text}"));
            faults(&template, TemplateOrigin::AnyTool).into_iter().map(|fault| fault.problem).collect::<Vec<_>>()
        };
        assert_eq!(found(&role(trust, &any)), [""; 0]);
        assert_eq!(found(&role(trust, "Policies: []")).len(), 3, "two for the log, one for the queue");
        assert_eq!(found(&role("", &any)), ["lambda.amazonaws.com is not allowed to assume R"]);
        for trust in [
            "{Effect: Allow, NotPrincipal: {AWS: 'arn:aws:iam::111122223333:root'}, Action: 'sts:AssumeRole'}",
            "{Effect: Allow, Principal: {Service: !Sub 'lambda.${AWS::URLSuffix}'}, Action: 'sts:AssumeRole'}",
            "{Effect: Allow, Principal: {Service: !Ref P}, Action: 'sts:AssumeRole'}",
            "{Effect: Allow, Principal: '*', Action: 'sts:*'}",
            "{Effect: !Ref P, Principal: {Service: lambda.amazonaws.com}, Action: 'sts:AssumeRole'}",
            "!If [C, {Effect: Allow}, !Ref 'AWS::NoValue']",
            "{Effect: Allow, Principal: {Service: '{{resolve:ssm:/service}}'}, Action: 'sts:AssumeRole'}",
        ] {
            assert_eq!(found(&role(trust, &any)), [""; 0], "{trust}");
        }
        for policies in [
            "ManagedPolicyArns: ['arn:aws:iam::aws:policy/AdministratorAccess']".to_owned(),
            "Policies: !If [C, [], !Ref 'AWS::NoValue']".to_owned(),
            policy("{Effect: Allow, NotAction: 'iam:*', Resource: '*'}"),
            policy("{Effect: Allow, Action: !Ref P, Resource: '*'}"),
            policy("!If [C, {Effect: Allow}, !Ref 'AWS::NoValue']"),
            policy("{'Fn::Transform': {Name: 'AWS::Include', Parameters: {Location: 's3://a/b'}}}"),
            policy(
                "{Effect: Allow, Action: ['logs:*', 'sqs:*'], Resource: ['arn:aws:logs:*:*:*', 'arn:aws:sqs:*:*:a-*']}",
            ),
            "Policies: []}}\n  More: {Type: 'AWS::IAM::Policy', Properties: {Roles: [!Ref P], PolicyDocument: {}"
                .to_owned(),
            "Policies: []}}\n  'Fn::ForEach::More': {X: {Y: {}".to_owned(),
        ] {
            let text = role(trust, &policies);
            assert_eq!(found(&text), [""; 0], "{policies}");
        }
        assert_eq!(found(&format!("Transform: AWS::Serverless-2016-10-31\n{}", role("", "Policies: []"))), [""; 0]);
    }

    #[test]
    fn a_policy_that_depends_on_a_parameter_is_no_fault() {
        let found = |resources: &str| {
            let text = format!("Parameters: {{P: {{Type: String}}}}\nResources:\n{resources}");
            let template = crate::cfn::read::read(&text).unwrap_or_else(|problem| panic!("{problem}: {text}"));
            faults(&template, TemplateOrigin::AnyTool).len()
        };
        let topic = |principal: &str| {
            format!(
                "  T: {{Type: 'AWS::SNS::Topic'}}\n  A: {{Type: 'AWS::CloudWatch::Alarm', Properties: {{AlarmActions: [!Ref T]}}}}\n  \
                 P1: {{Type: 'AWS::SNS::TopicPolicy', Properties: {{Topics: [!Ref T], PolicyDocument: {{Statement: \
                 [{{Effect: Allow, {principal}, Action: 'sns:Publish', Resource: '*'}}]}}}}}}\n"
            )
        };
        assert_eq!(found(&topic("Principal: {Service: events.amazonaws.com}")), 1);
        for principal in
            ["NotPrincipal: {AWS: '111122223333'}", "Principal: {Service: !Ref P}", "Principal: {AWS: '111122223333'}"]
        {
            assert_eq!(found(&topic(principal)), 0, "{principal}");
        }
        let bucket = |name: &str, statement: &str| {
            format!(
                "  B: {{Type: 'AWS::S3::Bucket', Properties: {{{name}}}}}\n  P1: {{Type: 'AWS::S3::BucketPolicy', Properties: \
                 {{Bucket: !Ref B, PolicyDocument: {{Statement: [{statement}]}}}}}}\n"
            )
        };
        let other = "{Effect: Deny, Principal: '*', Action: '*', Resource: 'arn:aws:s3:::other/*'}";
        assert_eq!(found(&bucket("", other)), 1);
        assert_eq!(found(&bucket("BucketName: !Ref P", other)), 0);
        assert_eq!(found(&bucket("", "!If [C, {Effect: Deny}, !Ref 'AWS::NoValue']")), 0);
        assert_eq!(found(&bucket("", "{Effect: Deny, Principal: '*', Action: '*', Resource: !Sub '${P}/*'}")), 0);
    }
}
