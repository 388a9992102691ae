//! Measures a template against AWS's limits before it is deployed.
//!
//! A value that only CloudFormation knows (an account, a Region, an ARN) counts with its greatest length in our own
//! templates. In a template of another tool it counts with its least length, so that only a certain excess is one.

use std::fmt;

use serde_json::Value as Json;

use crate::cfn::view::{Resource, View, each, text};

/// The size of one part of a template, and its limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measure {
    /// The part that was measured, such as `FunctionRole: inline policies`.
    pub what: String,
    /// The size of the part, in `unit`.
    pub size: usize,
    /// The largest size that AWS accepts, in `unit`.
    pub limit: usize,
    /// What `size` and `limit` count: `bytes`, `characters` or `entries`.
    pub unit: &'static str,
    /// What to do if the limit is exceeded.
    pub fix: &'static str,
    /// Whether AWS refuses a larger part. If not, the template can be deployed in another way.
    pub refused: bool,
}

impl Measure {
    /// Whether the size is above the limit.
    #[must_use]
    pub fn exceeded(&self) -> bool {
        self.size > self.limit
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, size, limit, unit, .. } = self;
        write!(f, "{what}: {size} {unit}, but AWS allows only {limit}")
    }
}

/// The largest template that CloudFormation accepts in the call itself, in bytes. A larger one must be uploaded to S3.
pub const INLINE: usize = 51_200;
/// The largest template that CloudFormation accepts from S3, in bytes ("CloudFormation quotas": template body size in
/// an S3 object).
pub const TEMPLATE: usize = 1_000_000;
/// The limit on all inline policies of a role together, in characters without white space (IAM User Guide, "IAM and AWS
/// STS quotas").
pub const INLINE_POLICIES: usize = 10_240;
/// The limit on a role's trust policy, in characters (the default quota).
pub const TRUST_POLICY: usize = 2_048;
/// The limit on a role's trust policy in an account with the highest quota.
pub const RAISED_TRUST_POLICY: usize = 4_096;
/// The limit on the policy of a bucket, in bytes (S3 User Guide, "Bucket policies for Amazon S3").
pub const BUCKET_POLICY: usize = 20_480;
/// The limit on all environment variables of a function, in bytes of the JSON object that Lambda gets (Lambda Developer
/// Guide, "Lambda quotas").
pub const ENVIRONMENT: usize = 4_096;
/// The limit on the event pattern of a rule, in characters (EventBridge User Guide, "Amazon EventBridge quotas"; the default
/// quota).
pub const EVENT_PATTERN: usize = 2_048;

/// The fix for most limits: almost every part that grows does so with the number of users.
const FEWER: &str = "select users by path or tag, list fewer users, or split them over several stacks";

/// Properties that name a resource, and the longest name that AWS accepts, in characters.
const NAMES: [(&str, &str, usize); 12] = [
    ("AWS::Lambda::Function", "FunctionName", 64),
    ("AWS::Scheduler::Schedule", "Name", 64),
    ("AWS::IAM::Role", "RoleName", 64),
    ("AWS::SQS::Queue", "QueueName", 80),
    ("AWS::SNS::Topic", "TopicName", 256),
    ("AWS::Logs::LogGroup", "LogGroupName", 512),
    ("AWS::CloudWatch::Alarm", "AlarmName", 255),
    ("AWS::CloudWatch::Dashboard", "DashboardName", 255),
    ("AWS::S3::Bucket", "BucketName", 63),
    ("AWS::Events::EventBus", "Name", 256),
    ("AWS::Events::Rule", "Name", 64),
    ("AWS::CloudFormation::StackSet", "StackSetName", 128),
];

/// Sections of a template, and the number of entries that CloudFormation accepts in each ("CloudFormation quotas").
const COUNTS: [(&str, usize); 4] = [("Parameters", 200), ("Resources", 500), ("Outputs", 200), ("Mappings", 200)];

/// Measures every limited part of a template. `document` is the template as it is deployed. Without a `stack_name`, it is of
/// another tool: unknown values count with their least length. If CloudFormation rewrites it, only its own size is known.
#[must_use]
pub fn measures(template: &Json, document: &str, stack_name: Option<&str>) -> Vec<Measure> {
    let view = View(template);
    let size = document.len();
    let measure =
        |what: &str, size, limit, unit, fix| Measure { what: what.into(), size, limit, unit, fix, refused: true };
    let mut all = vec![
        Measure {
            refused: false,
            ..measure(
                "template, passed directly",
                size,
                INLINE,
                "bytes",
                "deploy it through S3, as `aws cloudformation deploy --s3-bucket` does",
            )
        },
        measure("template", size, TEMPLATE, "bytes", FEWER),
    ];
    if view.is_rewritten() {
        return all;
    }
    all.extend(
        COUNTS.iter().map(|(section, limit)| measure(section, view.section(section).count(), *limit, "entries", FEWER)),
    );
    for resource in view.resources() {
        all.extend(of_resource(resource, stack_name));
    }
    all
}

fn of_resource(resource: Resource<'_>, stack_name: Option<&str>) -> Vec<Measure> {
    let measure = |what: &str, size, limit, unit, fix| Measure {
        what: format!("{}: {what}", resource.id),
        size,
        limit,
        unit,
        fix,
        refused: true,
    };
    let mut all = Vec::new();
    for (_, property, limit) in NAMES.iter().filter(|(kind, ..)| *kind == resource.kind) {
        let name = text(&resource.properties[*property]);
        if !resource.properties[*property].is_null() {
            all.push(measure(property, length(&name, stack_name), *limit, "characters", "choose a shorter name"));
        }
    }
    if resource.kind == "AWS::IAM::Role" {
        let policies = each(&resource.properties["Policies"]);
        let size = policies.map(|policy| deployed(&policy["PolicyDocument"], stack_name)).sum();
        all.push(measure("inline policies", size, INLINE_POLICIES, "characters", FEWER));
        let trust = deployed(&resource.properties["AssumeRolePolicyDocument"], stack_name);
        // An account can raise the quota; ours must do without.
        let limit = if stack_name.is_some() { TRUST_POLICY } else { RAISED_TRUST_POLICY };
        all.push(measure("trust policy", trust, limit, "characters", "trust fewer principals"));
    }
    if resource.kind == "AWS::S3::BucketPolicy" {
        let policy = deployed(&resource.properties["PolicyDocument"], stack_name);
        all.push(measure("policy", policy, BUCKET_POLICY, "bytes", "shorten the policy"));
    }
    // An account can raise the quota; ours must do without.
    if resource.kind == "AWS::Events::Rule" && stack_name.is_some() {
        let pattern = deployed(&resource.properties["EventPattern"], stack_name);
        all.push(measure("event pattern", pattern, EVENT_PATTERN, "characters", "name fewer accounts"));
    }
    let variables = &resource.properties["Environment"]["Variables"];
    if variables.is_object() {
        all.push(measure("environment", deployed(variables, stack_name), ENVIRONMENT, "bytes", FEWER));
    }
    all
}

/// The length of a value as AWS gets it: JSON without white space. For our own templates the text is ASCII, so bytes and
/// characters are the same number.
#[must_use]
pub fn deployed(json: &Json, stack_name: Option<&str>) -> usize {
    let separators = |count: usize| 2 + count.saturating_sub(1);
    // A condition can leave a value out.
    let stays = |value: &&Json| stack_name.is_some() || !is_intrinsic(value) || !may_be_left_out(value);
    match json {
        Json::Object(object) if object.is_empty() => 2,
        Json::Object(_) if is_intrinsic(json) => length(&text(json), stack_name) + 2,
        Json::Object(object) => {
            let entries: Vec<_> = object.iter().filter(|(_, value)| stays(value)).collect();
            let sizes = entries.iter().map(|(key, value)| key.len() + 3 + deployed(value, stack_name));
            separators(entries.len()) + sizes.sum::<usize>()
        }
        Json::Array(items) => {
            let items: Vec<_> = items.iter().filter(stays).collect();
            separators(items.len()) + items.iter().map(|item| deployed(item, stack_name)).sum::<usize>()
        }
        Json::String(value) if stack_name.is_none() => length(value, stack_name) + 2,
        other => other.to_string().len(),
    }
}

fn may_be_left_out(intrinsic: &Json) -> bool {
    intrinsic.get("Fn::If").is_some() || intrinsic["Ref"] == "AWS::NoValue"
}

fn is_intrinsic(json: &Json) -> bool {
    let key = json.as_object().filter(|object| object.len() == 1).and_then(|object| object.keys().next());
    key.is_some_and(|key| key == "Ref" || key.starts_with("Fn::"))
}

/// The length of a text: the greatest in our own stack, the least in a template of another tool.
fn length(text: &str, stack_name: Option<&str>) -> usize {
    match stack_name {
        Some(name) => longest(text, name),
        None => shortest(text),
    }
}

/// The length of a text without what only CloudFormation knows: `${…}`, and `{{resolve:…}}`. An account has 12 digits.
fn shortest(text: &str) -> usize {
    let rest = |part: &str| match part.split_once('}') {
        None => part.chars().count() + 2,
        Some(("AWS::AccountId", rest)) => 12 + rest.chars().count(),
        Some((literal, rest)) if literal.starts_with('!') => literal.chars().count() + 2 + rest.chars().count(),
        Some((_, rest)) => rest.chars().count(),
    };
    let known = |text: &str| {
        let mut parts = text.split("${");
        parts.next().map_or(0, |first| first.chars().count()) + parts.map(rest).sum::<usize>()
    };
    let mut parts = text.split("{{resolve:");
    let first = parts.next().map_or(0, known);
    first + parts.map(|part| part.split_once("}}").map_or(0, |(_, rest)| known(rest))).sum::<usize>()
}

/// The length of a text with the greatest length of each `${…}`.
fn longest(text: &str, stack_name: &str) -> usize {
    let mut parts = text.split("${");
    let first = parts.next().map_or(0, str::len);
    let rest = parts.map(|part| match part.split_once('}') {
        None => part.len() + 2,
        Some((name, rest)) => {
            let value = match name {
                "AWS::AccountId" => 12,
                "AWS::Partition" => "aws-us-gov".len(),
                "AWS::Region" => "us-isof-south-1".len(),
                "AWS::URLSuffix" => "amazonaws.com.cn".len(),
                "AWS::StackName" => stack_name.len(),
                literal if literal.starts_with('!') => literal.len() + 2,
                // The ARN of one of the stack's own resources. The longest are the topic's and the log group's, with
                // about 145 characters.
                _ => 150,
            };
            value + rest.len()
        }
    });
    first + rest.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn exceeded(template: &Json, document: &str, stack_name: Option<&str>) -> Vec<String> {
        let all = measures(template, document, stack_name).into_iter().filter(Measure::exceeded);
        all.map(|measure| format!("{} {}", measure.what, measure.size)).collect()
    }

    #[allow(clippy::needless_pass_by_value)] // Each is made for this call.
    fn resource(kind: &str, properties: Json) -> Json {
        json!({ "Resources": { "X": { "Type": kind, "Properties": properties } } })
    }

    #[test]
    fn each_limit_is_reached_and_then_exceeded() {
        let name = |length| resource("AWS::Lambda::Function", json!({ "FunctionName": "n".repeat(length) }));
        let derived = resource("AWS::Scheduler::Schedule", json!({ "Name": { "Fn::Sub": "${AWS::StackName}-x" } }));
        let variables = |length| {
            resource("AWS::Lambda::Function", json!({ "Environment": { "Variables": { "A": "x".repeat(length) } } }))
        };
        let policy = |length| {
            let statement = json!({ "Effect": "Allow", "Resource": "r".repeat(length) });
            let document = json!({ "Version": "2012-10-17", "Statement": [statement] });
            resource("AWS::IAM::Role", json!({ "Policies": [{ "PolicyDocument": document }] }))
        };
        let parameters = |count: usize| json!({ "Parameters": (0..count).map(|n| (format!("P{n}"), json!({}))).collect::<serde_json::Map<_, _>>() });
        let none: Vec<String> = Vec::new();
        assert_eq!(exceeded(&name(64), "", None), none);
        assert_eq!(exceeded(&name(65), "", None), ["X: FunctionName 65"]);
        assert_eq!(exceeded(&derived, "", Some(&"s".repeat(62))), none);
        assert_eq!(exceeded(&derived, "", Some(&"s".repeat(63))), ["X: Name 65"]);
        assert_eq!(exceeded(&derived, "", None), none, "the stack's name is not known");
        for unknown in [
            json!({ "Ref": "Parameter" }),
            json!({ "Fn::Sub": "${Parameter}-name" }),
            json!({ "Fn::If": ["Condition", "n".repeat(65), { "Ref": "AWS::NoValue" }] }),
            json!({ "Fn::FindInMap": ["Names", { "Ref": "AWS::Region" }, "Function"] }),
            json!(format!("{{{{resolve:ssm:/{}}}}}", "n".repeat(65))),
        ] {
            let function = resource("AWS::Lambda::Function", json!({ "FunctionName": unknown }));
            assert_eq!(exceeded(&function, "", None), none, "{unknown}");
        }
        let named = json!({ "Fn::Sub": format!("${{Parameter}}-{}", "n".repeat(64)) });
        let function = |name| resource("AWS::Lambda::Function", json!({ "FunctionName": name }));
        assert_eq!(exceeded(&function(named), "", None), ["X: FunctionName 65"], "it is certainly too long");
        let left_out = json!({ "Fn::If": ["Condition", "x".repeat(4_096), { "Ref": "AWS::NoValue" }] });
        let environment = json!({ "Environment": { "Variables": { "A": left_out } } });
        assert_eq!(exceeded(&resource("AWS::Lambda::Function", environment), "", None), none);
        let mut rewritten = name(65);
        rewritten["Resources"]["Fn::ForEach::Y"] = json!(["N", ["a"], {}]);
        assert_eq!(exceeded(&rewritten, "", None), none, "CloudFormation rewrites it");
        assert_eq!(exceeded(&variables(4_088), "", None), none, "as JSON, with its braces and quotes");
        assert_eq!(exceeded(&variables(4_089), "", None), ["X: environment 4097"]);
        let around = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Resource":""}]}"#.len();
        assert_eq!(exceeded(&policy(10_240 - around), "", None), none);
        assert_eq!(exceeded(&policy(10_241 - around), "", None), ["X: inline policies 10241"]);
        let of_bucket = |length| {
            let document = json!({ "Version": "2012-10-17", "Statement": [{ "Sid": "s".repeat(length) }] });
            resource("AWS::S3::BucketPolicy", json!({ "PolicyDocument": document }))
        };
        let around = r#"{"Version":"2012-10-17","Statement":[{"Sid":""}]}"#.len();
        assert_eq!(exceeded(&of_bucket(20_480 - around), "", None), none);
        assert_eq!(exceeded(&of_bucket(20_481 - around), "", None), ["X: policy 20481"]);
        assert_eq!(exceeded(&parameters(200), "", None), none);
        assert_eq!(exceeded(&parameters(201), "", None), ["Parameters 201"]);
        assert_eq!(exceeded(&json!({}), &"x".repeat(51_200), None), none);
        assert_eq!(exceeded(&json!({}), &"x".repeat(51_201), None), ["template, passed directly 51201"]);
        assert_eq!(exceeded(&json!({}), &"x".repeat(1_000_001), None).len(), 2);
    }

    #[test]
    fn a_placeholder_counts_with_its_greatest_length() {
        assert_eq!(
            longest("arn:${AWS::Partition}:iam::${AWS::AccountId}:user/a", ""),
            "arn:aws-us-gov:iam::123456789012:user/a".len()
        );
        assert_eq!(longest("${!x}", ""), "${x}".len());
    }
}
