//! AWS's limits on a template, measured before AWS does.
//!
//! What only CloudFormation knows (an account, a Region, an ARN) is measured at its longest.

use std::fmt;

use serde_json::Value as Json;

use crate::cfn::view::{Resource, View, each, text};

/// A size, and how large it may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measure {
    /// Of what: `FunctionRole: inline policies`.
    pub what: String,
    /// How large it is.
    pub size: usize,
    /// How large it may be.
    pub limit: usize,
    /// Of what there are so many: bytes, characters.
    pub unit: &'static str,
    /// What to do where it is larger.
    pub fix: &'static str,
    /// Whether AWS refuses what is larger; otherwise it can be deployed in another way.
    pub refused: bool,
}

impl Measure {
    /// Whether it is too large.
    #[must_use]
    pub fn exceeded(&self) -> bool {
        self.size > self.limit
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, size, limit, unit, .. } = self;
        write!(f, "{what}: {size} {unit}, and AWS allows {limit}")
    }
}

/// The largest template that CloudFormation takes with the call itself; a larger one goes through S3.
pub const INLINE: usize = 51_200;
/// The largest template of all ("CloudFormation quotas": template body size in an S3 object).
pub const TEMPLATE: usize = 1_000_000;
/// All inline policies of a role, white space not counted (IAM User Guide, "IAM and AWS STS quotas").
pub const INLINE_POLICIES: usize = 10_240;
/// A role's trust policy (the default quota).
pub const TRUST_POLICY: usize = 2_048;
/// The policy of a bucket (S3 User Guide, "Bucket policies for Amazon S3").
pub const BUCKET_POLICY: usize = 20_480;
/// All environment variables of a function, as the JSON object that Lambda is given (Lambda Developer Guide, "Lambda
/// quotas").
pub const ENVIRONMENT: usize = 4_096;

/// Nearly all that grows, grows with the number of users.
const FEWER: &str = "choose users by path or tag, name fewer, or split them over several stacks";

/// Names that a template may give, and how long they may be.
const NAMES: [(&str, &str, usize); 9] = [
    ("AWS::Lambda::Function", "FunctionName", 64),
    ("AWS::Scheduler::Schedule", "Name", 64),
    ("AWS::IAM::Role", "RoleName", 64),
    ("AWS::SQS::Queue", "QueueName", 80),
    ("AWS::SNS::Topic", "TopicName", 256),
    ("AWS::Logs::LogGroup", "LogGroupName", 512),
    ("AWS::CloudWatch::Alarm", "AlarmName", 255),
    ("AWS::CloudWatch::Dashboard", "DashboardName", 255),
    ("AWS::S3::Bucket", "BucketName", 63),
];

/// Sections, and how many entries each may have ("CloudFormation quotas").
const COUNTS: [(&str, usize); 4] = [("Parameters", 200), ("Resources", 500), ("Outputs", 200), ("Mappings", 200)];

/// Everything that is limited. `document` is the template as it is deployed; without the stack's name, names that hold it
/// are not measured.
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
        if !resource.properties[*property].is_null() && (stack_name.is_some() || !name.contains("${AWS::StackName}")) {
            all.push(measure(property, longest(&name, stack_name), *limit, "characters", "give a shorter name"));
        }
    }
    if resource.kind == "AWS::IAM::Role" {
        let policies = each(&resource.properties["Policies"]);
        let size = policies.map(|policy| deployed(&policy["PolicyDocument"], stack_name)).sum();
        all.push(measure("inline policies", size, INLINE_POLICIES, "characters", FEWER));
        let trust = deployed(&resource.properties["AssumeRolePolicyDocument"], stack_name);
        all.push(measure("trust policy", trust, TRUST_POLICY, "characters", "trust fewer principals"));
    }
    if resource.kind == "AWS::S3::BucketPolicy" {
        let policy = deployed(&resource.properties["PolicyDocument"], stack_name);
        all.push(measure("policy", policy, BUCKET_POLICY, "bytes", "say less in the policy"));
    }
    let variables = &resource.properties["Environment"]["Variables"];
    if variables.is_object() {
        all.push(measure("environment", deployed(variables, stack_name), ENVIRONMENT, "bytes", FEWER));
    }
    all
}

/// The length of a value as AWS gets it: JSON without white space, with each `${…}` at its longest. It is ASCII, so bytes are
/// characters.
#[must_use]
pub fn deployed(json: &Json, stack_name: Option<&str>) -> usize {
    let separators = |count: usize| 2 + count.saturating_sub(1);
    match json {
        Json::Object(object) if is_intrinsic(json) || object.is_empty() => longest(&text(json), stack_name) + 2,
        Json::Object(object) => {
            separators(object.len())
                + object.iter().map(|(key, value)| key.len() + 3 + deployed(value, stack_name)).sum::<usize>()
        }
        Json::Array(items) => {
            separators(items.len()) + items.iter().map(|item| deployed(item, stack_name)).sum::<usize>()
        }
        other => other.to_string().len(),
    }
}

fn is_intrinsic(json: &Json) -> bool {
    let key = json.as_object().filter(|object| object.len() == 1).and_then(|object| object.keys().next());
    key.is_some_and(|key| key == "Ref" || key.starts_with("Fn::"))
}

/// The length of a text with each `${…}` at its longest.
fn longest(text: &str, stack_name: Option<&str>) -> usize {
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
                "AWS::StackName" => stack_name.map_or(128, str::len),
                literal if literal.starts_with('!') => literal.len() + 2,
                // The ARN of one of the stack's own things: the longest, the topic's and the log group's, have some 145
                // characters.
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
        assert_eq!(exceeded(&derived, "", None), none, "nothing is known of the stack's name");
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
    fn what_is_known_later_counts_at_its_longest() {
        assert_eq!(
            longest("arn:${AWS::Partition}:iam::${AWS::AccountId}:user/a", None),
            "arn:aws-us-gov:iam::123456789012:user/a".len()
        );
        assert_eq!(longest("${!x}", None), "${x}".len());
    }
}
