//! `synth diff` compares any two templates: the changes, their impact, and their effect on permissions.

use std::{
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use proptest::{prelude::*, sample::select, test_runner::Config};
use serde_json::{Value as Json, json};
use synth::{
    cfn::{json::to_json, read::read},
    config::{self, Overrides},
    diff::{
        Impact,
        approval::{Approval, ApprovalReason, Fingerprint},
        compare,
        render::{DiffFormat, render},
    },
    iam::compare::Verdict,
    stack,
};

fn template(resources: &str) -> Json {
    let text = format!("Resources:\n  {}\n", resources.trim_end().replace('\n', "\n  "));
    read(&text).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

/// A role with these additional properties.
fn role(properties: &str) -> String {
    format!("Role:\n  Type: AWS::IAM::Role\n  Properties:\n    Description: a role\n    {properties}\n")
}

/// A role with this policy.
fn policy(statement: &str) -> String {
    role(&format!("Policies: [{{PolicyName: P, PolicyDocument: {}}}]", document(statement)))
}

fn document(statement: &str) -> String {
    format!("{{Version: '2012-10-17', Statement: [{statement}]}}")
}

fn separate(kind: &str, statement: &str) -> String {
    let document = document(statement);
    let roles = if kind == "AWS::IAM::RolePolicy" { "RoleName: !Ref Role" } else { "Roles: [!Ref Role]" };
    format!("P:\n  Type: {kind}\n  Properties: {{PolicyName: S, {roles}, PolicyDocument: {document}}}\n")
}

fn function(resource: &str) -> String {
    format!("F:\n  Type: AWS::Lambda::Function\n  Properties: {{Timeout: 5}}\n{resource}")
}

fn permission(properties: &str) -> String {
    function(&format!(
        "Permission:\n  Type: AWS::Lambda::Permission\n  Properties: {{Action: lambda:InvokeFunction, {properties}}}\n"
    ))
}

#[test]
fn what_a_change_means_for_iam() {
    use Verdict::{Broader, Equivalent, Narrower, None, Unknown};
    let get = "{Effect: Allow, Action: [s3:GetObject, s3:ListBucket], Resource: '*'}";
    let trust = |principal: &str| {
        let statement = format!("{{Effect: Allow, Principal: {principal}, Action: sts:AssumeRole}}");
        role(&format!("AssumeRolePolicyDocument: {}", document(&statement)))
    };
    let url = |auth: &str| {
        function(&format!(
            "Url:\n  Type: AWS::Lambda::Url\n  Properties: {{TargetFunctionArn: !Ref F, AuthType: {auth}}}\n"
        ))
    };
    let bounded = |boundary: &str| format!("{}    {boundary}\n", policy(get));
    let resource = |kind: &str, properties: &str| format!("R:\n  Type: {kind}\n  Properties: {{{properties}}}\n");
    let open = document("{Effect: Allow, Principal: '*', Action: '*', Resource: '*'}");
    let own = document("{Effect: Allow, Principal: {AWS: !Ref AWS::AccountId}, Action: '*', Resource: '*'}");
    let deny = |when: &str| format!("{{Effect: Deny, Principal: '*', Action: 's3:*', Resource: '*'{when}}}");
    let only_tls = deny(", Condition: {Bool: {'aws:SecureTransport': 'false'}}");
    let to_cloudfront =
        "{Effect: Allow, Principal: {Service: cloudfront.amazonaws.com}, Action: s3:GetObject, Resource: '*'}";
    let bucket_policy = |bucket: &str, statement: &str| {
        let document = document(statement);
        format!("P:\n  Type: AWS::S3::BucketPolicy\n  Properties: {{Bucket: {bucket}, PolicyDocument: {document}}}\n")
    };
    let bucket = |statement: &str| {
        let policy = if statement.is_empty() { String::new() } else { bucket_policy("!Ref B", statement) };
        format!("B:\n  Type: AWS::S3::Bucket\n{policy}")
    };
    let elsewhere = |statement: &str| bucket_policy("theirs", statement);
    let on = |kind: &str, target: &str| {
        resource(kind, &format!("{target}, PolicyDocument: {{Version: '2012-10-17', Statement: []}}"))
    };
    let guarded = "{Effect: Deny, Action: 'iam:*', Resource: '*'}";
    let guard = |name: &str| {
        let policy = separate("AWS::IAM::Policy", "{Effect: Deny, Action: '*', Resource: '*'}");
        policy.replace("!Ref Role", "theirs").replace("PolicyName: S", &format!("PolicyName: {name}"))
    };
    let both_functions = |used: &str| {
        function(&format!(
            "G:\n  Type: AWS::Lambda::Function\nPermission:\n  Type: AWS::Lambda::Permission\n  Properties: \
             {{Action: lambda:InvokeFunction, Principal: s3.amazonaws.com, FunctionName: {used}}}\n"
        ))
    };
    let acting = |role: &str| {
        let two = format!(
            "{}Admin:\n  Type: AWS::IAM::Role\n  Properties: {{ManagedPolicyArns: [!Sub 'arn:${{AWS::Partition}}:iam::aws:policy/AdministratorAccess']}}\n",
            policy(get)
        );
        two + &format!("F:\n  Type: AWS::Lambda::Function\n  Properties: {{Role: !GetAtt {role}.Arn}}\n")
    };
    let managed = |policies: &str| role(&format!("ManagedPolicyArns: [{policies}]"));
    for (what, old, new, meaning) in [
        // The cases that the benchmark also gives to the CDK.
        (
            "* to an ARN",
            policy(get),
            policy(
                "{Effect: Allow, Action: [s3:GetObject, s3:ListBucket], Resource: !Sub 'arn:${AWS::Partition}:s3:::b'}",
            ),
            Narrower,
        ),
        ("an action dropped", policy(get), policy("{Effect: Allow, Action: s3:GetObject, Resource: '*'}"), Narrower),
        (
            "a condition added",
            policy(get),
            policy(
                "{Effect: Allow, Action: [s3:GetObject, s3:ListBucket], Resource: '*', Condition: {Bool: {'aws:SecureTransport': true}}}",
            ),
            Narrower,
        ),
        (
            "a Sid renamed",
            policy("{Sid: A, Effect: Allow, Action: s3:GetObject, Resource: '*'}"),
            policy("{Sid: B, Effect: Allow, Action: s3:GetObject, Resource: '*'}"),
            Equivalent,
        ),
        (
            "a statement split",
            policy(get),
            policy(
                "{Effect: Allow, Action: s3:GetObject, Resource: '*'}, {Effect: Allow, Action: s3:ListBucket, Resource: '*'}",
            ),
            Equivalent,
        ),
        ("Allow and NotAction", policy(get), policy("{Effect: Allow, NotAction: iam:*, Resource: '*'}"), Broader),
        (
            "a boundary removed",
            bounded("PermissionsBoundary: arn:aws:iam::111122223333:policy/B"),
            policy(get),
            Broader,
        ),
        ("a trust policy opened", trust("{Service: lambda.amazonaws.com}"), trust("{AWS: '*'}"), Broader),
        ("a function URL without auth", function(""), url("NONE"), Broader),
        (
            "a resource policy opened",
            resource("AWS::SQS::QueuePolicy", &format!("Queues: [q], PolicyDocument: {own}")),
            resource("AWS::SQS::QueuePolicy", &format!("Queues: [q], PolicyDocument: {open}")),
            Broader,
        ),
        // Nothing to do with IAM.
        ("nothing", policy(get), policy(get), None),
        ("a timeout", function(""), function("").replace('5', "6"), None),
        // The same policy in another place.
        ("inline to separate", policy(get), role("") + &separate("AWS::IAM::Policy", get), Equivalent),
        ("inline to RolePolicy", policy(get), role("") + &separate("AWS::IAM::RolePolicy", get), Equivalent),
        (
            "inline to managed",
            policy(get),
            managed("!Ref M")
                + &format!(
                    "M:\n  Type: AWS::IAM::ManagedPolicy\n  Properties: {{PolicyDocument: {}}}\n",
                    document(get)
                ),
            Equivalent,
        ),
        (
            "two policies to one",
            policy("{Effect: Allow, Action: s3:GetObject, Resource: '*'}")
                + &separate("AWS::IAM::Policy", "{Effect: Allow, Action: s3:ListBucket, Resource: '*'}"),
            policy(get),
            Equivalent,
        ),
        (
            "for another role",
            role("") + &separate("AWS::IAM::Policy", get),
            role("") + &separate("AWS::IAM::Policy", get).replace("!Ref Role", "other"),
            Broader,
        ),
        ("a separate policy removed", role("") + &separate("AWS::IAM::Policy", get), role(""), Narrower),
        (
            "a role by its name",
            role("RoleName: worker") + &separate("AWS::IAM::Policy", get),
            role("RoleName: worker") + &separate("AWS::IAM::Policy", get).replace("!Ref Role", "worker"),
            Equivalent,
        ),
        // Boundaries and managed policies.
        ("a boundary added", policy(get), bounded("PermissionsBoundary: arn:aws:iam::111122223333:policy/B"), Narrower),
        (
            "another boundary",
            bounded("PermissionsBoundary: arn:aws:iam::111122223333:policy/A"),
            bounded("PermissionsBoundary: arn:aws:iam::111122223333:policy/B"),
            Unknown,
        ),
        ("an administrator", policy(get), managed("arn:aws:iam::aws:policy/AdministratorAccess"), Broader),
        (
            "no administrator any more",
            managed("arn:aws:iam::aws:policy/AdministratorAccess"),
            managed("arn:aws:iam::aws:policy/ReadOnlyAccess"),
            Narrower,
        ),
        ("a managed policy of AWS", role(""), managed("arn:aws:iam::aws:policy/ReadOnlyAccess"), Broader),
        ("an own one detached", managed("arn:aws:iam::111122223333:policy/Guard"), role(""), Unknown),
        (
            "a role deleted, with a policy that is not known",
            managed("arn:aws:iam::111122223333:policy/Guard"),
            String::new(),
            Narrower,
        ),
        // The role that a service acts with.
        (
            "a new function with a role",
            policy(get),
            policy(get) + "F:\n  Type: AWS::Lambda::Function\n  Properties: {Role: !GetAtt Role.Arn}\n",
            Broader,
        ),
        (
            "a new function with a role of which nothing is known",
            role(""),
            role("") + "F:\n  Type: AWS::Lambda::Function\n  Properties: {Role: !GetAtt Role.Arn}\n",
            Broader,
        ),
        (
            "a new instance profile",
            policy(get),
            policy(get) + "F:\n  Type: AWS::IAM::InstanceProfile\n  Properties: {Roles: [!Ref Role]}\n",
            Broader,
        ),
        (
            "two policies of one name",
            policy(get),
            policy(get) + &separate("AWS::IAM::Policy", get).replace("PolicyName: S", "PolicyName: P"),
            Broader,
        ),
        ("another role", acting("Role"), acting("Admin"), Broader),
        // It may lose what the function needs for its notices.
        ("a lesser role", acting("Admin"), acting("Role"), Unknown),
        (
            "no role any more",
            acting("Admin"),
            acting("Admin").replace("{Role: !GetAtt Admin.Arn}", "{Timeout: 5}"),
            Unknown,
        ),
        // Lambda.
        (
            "a principal more",
            permission("FunctionName: !Ref F, Principal: s3.amazonaws.com, SourceAccount: !Ref AWS::AccountId"),
            permission("FunctionName: !Ref F, Principal: s3.amazonaws.com"),
            Broader,
        ),
        (
            "a function in two spellings",
            permission("FunctionName: !Ref F, Principal: s3.amazonaws.com"),
            permission("FunctionName: !GetAtt F.Arn, Principal: s3.amazonaws.com"),
            Equivalent,
        ),
        (
            "a source",
            permission("FunctionName: !Ref F, Principal: s3.amazonaws.com"),
            permission("FunctionName: !Ref F, Principal: s3.amazonaws.com, SourceArn: 'arn:aws:s3:::b'"),
            // Perhaps it is not the source that starts the runs.
            Unknown,
        ),
        (
            "everybody",
            permission("FunctionName: !Ref F, Principal: '111122223333'"),
            permission("FunctionName: !Ref F, Principal: '*'"),
            Broader,
        ),
        ("another function", both_functions("!Ref F"), both_functions("!Ref G"), Broader),
        ("a URL with auth", url("NONE"), url("AWS_IAM"), Narrower),
        // Policies elsewhere decide who may call it.
        ("a new URL with auth", function(""), url("AWS_IAM"), Unknown),
        ("a URL nobody knows", url("AWS_IAM"), url("!Ref Auth"), Broader),
        (
            "a layer for everybody",
            resource(
                "AWS::Lambda::LayerVersionPermission",
                "LayerVersionArn: l, Action: lambda:GetLayerVersion, Principal: '111122223333'",
            ),
            resource(
                "AWS::Lambda::LayerVersionPermission",
                "LayerVersionArn: l, Action: lambda:GetLayerVersion, Principal: '*'",
            ),
            Unknown,
        ),
        // Resource policies, with any name of the property.
        (
            "of a secret",
            resource("AWS::SecretsManager::ResourcePolicy", &format!("SecretId: s, ResourcePolicy: {open}")),
            resource("AWS::SecretsManager::ResourcePolicy", &format!("SecretId: s, ResourcePolicy: {own}")),
            Narrower,
        ),
        (
            "of a key",
            resource("AWS::KMS::Key", &format!("KeyPolicy: {own}")),
            resource("AWS::KMS::Key", &format!("KeyPolicy: {open}")),
            Broader,
        ),
        (
            "of a repository",
            resource("AWS::ECR::Repository", ""),
            resource("AWS::ECR::Repository", &format!("RepositoryPolicyText: {open}")),
            Unknown,
        ),
        (
            "as a text",
            resource(
                "AWS::Logs::ResourcePolicy",
                "PolicyDocument: '{\"Statement\": {\"Effect\": \"Allow\", \"Principal\": {\"Service\": \"a.com\"}, \"Action\": \"*\"}}'",
            ),
            resource(
                "AWS::Logs::ResourcePolicy",
                "PolicyDocument: '{\"Statement\": {\"Effect\": \"Allow\", \"Principal\": \"*\", \"Action\": \"*\"}}'",
            ),
            Unknown,
        ),
        (
            "of an event bus",
            resource(
                "AWS::Events::EventBusPolicy",
                "EventBusName: b, Principal: '111122223333', Action: events:PutEvents, StatementId: s",
            ),
            resource(
                "AWS::Events::EventBusPolicy",
                "EventBusName: b, Principal: '*', Action: events:PutEvents, StatementId: s",
            ),
            Unknown,
        ),
        // A deny counts even if the policy allows nothing, because other policies may allow it.
        ("a bucket with a deny", String::new(), bucket(&only_tls), Equivalent),
        ("a deny on a bucket that was there", bucket(""), bucket(&only_tls), Narrower),
        ("a bucket's deny removed", bucket(&only_tls), bucket(""), Broader),
        ("with the bucket", bucket(&only_tls), String::new(), Equivalent),
        // What is set on something elsewhere replaces a policy that is not known.
        ("of a bucket from elsewhere", elsewhere(&only_tls), String::new(), Broader),
        ("a deny on a bucket from elsewhere", String::new(), elsewhere(&only_tls), Unknown),
        ("nothing on a bucket from elsewhere", String::new(), elsewhere(""), Unknown),
        ("more on a bucket from elsewhere", String::new(), elsewhere(to_cloudfront), Broader),
        ("less on a bucket from elsewhere", elsewhere(to_cloudfront), elsewhere(""), Narrower),
        (
            "an empty policy on a queue from elsewhere",
            String::new(),
            on("AWS::SQS::QueuePolicy", "Queues: [q]"),
            Unknown,
        ),
        (
            "one more queue",
            on("AWS::SQS::QueuePolicy", "Queues: [q]"),
            on("AWS::SQS::QueuePolicy", "Queues: [q, r]"),
            Unknown,
        ),
        (
            "an empty policy on a topic from elsewhere",
            String::new(),
            on("AWS::SNS::TopicPolicy", "Topics: [!Ref T]"),
            Unknown,
        ),
        (
            "one more topic",
            on("AWS::SNS::TopicPolicy", "Topics: [t]"),
            on("AWS::SNS::TopicPolicy", "Topics: [t, u]"),
            Unknown,
        ),
        (
            "an empty policy on a secret from elsewhere",
            String::new(),
            on("AWS::SecretsManager::ResourcePolicy", "SecretId: s").replace("PolicyDocument", "ResourcePolicy"),
            Unknown,
        ),
        ("a deny for a role elsewhere", String::new(), guard("S"), Unknown),
        ("no deny any more for a role elsewhere", guard("S"), String::new(), Broader),
        (
            "a lesser deny for a role elsewhere",
            guard("S"),
            guard("S").replace("Action: '*'", "Action: 's3:*'"),
            Broader,
        ),
        // Policies of resources elsewhere may allow a role more than its own do.
        ("a deny removed", policy(&format!("{get}, {guarded}")), policy(get), Broader),
        ("a deny added", policy(get), policy(&format!("{get}, {guarded}")), Narrower),
        (
            "a deny that moves to a policy of its own",
            policy(&format!("{get}, {guarded}")),
            policy(get) + &separate("AWS::IAM::Policy", guarded),
            Equivalent,
        ),
        ("a role that is denied something deleted", policy(guarded), String::new(), Narrower),
        (
            "a managed policy that denies less",
            format!("M:\n  Type: AWS::IAM::ManagedPolicy\n  Properties: {{PolicyDocument: {}}}\n", document(guarded)),
            format!("M:\n  Type: AWS::IAM::ManagedPolicy\n  Properties: {{PolicyDocument: {}}}\n", document(get)),
            Broader,
        ),
        ("a policy of another name for a role elsewhere", guard("S"), guard("T"), Unknown),
        ("a deny that says more", bucket(&only_tls), bucket(&deny("")), Narrower),
        ("a deny of less", bucket(&only_tls), bucket(&only_tls.replace("'s3:*'", "s3:PutObject")), Broader),
        (
            "of other conditions",
            bucket(&only_tls),
            bucket(&only_tls.replace("aws:SecureTransport", "aws:Other")),
            Broader,
        ),
        (
            "a deny of what a user may",
            bucket(&only_tls),
            bucket(&deny("").replace("'*', Action", "{AWS: !Ref U}, Action")),
            Broader,
        ),
        ("the same deny with an allow", bucket(&only_tls), bucket(&format!("{only_tls}, {to_cloudfront}")), Broader),
        (
            "for one more bucket",
            resource("AWS::S3::BucketPolicy", &format!("Bucket: a, PolicyDocument: {open}")),
            resource("AWS::S3::BucketPolicy", &format!("Bucket: b, PolicyDocument: {open}")),
            Broader,
        ),
        (
            "an endpoint's removed",
            resource("AWS::EC2::VPCEndpoint", &format!("VpcId: v, PolicyDocument: {own}")),
            resource("AWS::EC2::VPCEndpoint", "VpcId: v"),
            Unknown,
        ),
        (
            "a bucket opened otherwise",
            resource("AWS::S3::Bucket", "PublicAccessBlockConfiguration: {BlockPublicPolicy: true}"),
            resource("AWS::S3::Bucket", "BucketName: b"),
            Unknown,
        ),
        (
            "a topic's policy removed",
            format!(
                "T:\n  Type: AWS::SNS::Topic\nP:\n  Type: AWS::SNS::TopicPolicy\n  Properties: {{Topics: [!Ref T], PolicyDocument: {}}}\n",
                document(
                    "{Effect: Allow, Principal: {Service: s3.amazonaws.com}, Action: sns:Publish, Resource: !Ref T}"
                )
            ),
            "T:\n  Type: AWS::SNS::Topic\n".into(),
            Broader,
        ),
        // Users and groups.
        (
            "a user's group",
            "U:\n  Type: AWS::IAM::User\n".into(),
            "U:\n  Type: AWS::IAM::User\n  Properties: {Groups: [admins]}\n".into(),
            Broader,
        ),
        (
            "a policy from a user to its group",
            format!(
                "G:\n  Type: AWS::IAM::Group\nU:\n  Type: AWS::IAM::User\n  Properties: {{Groups: [!Ref G], Policies: [{{PolicyName: P, PolicyDocument: {}}}]}}\n",
                document(get)
            ),
            format!(
                "G:\n  Type: AWS::IAM::Group\n  Properties: {{Policies: [{{PolicyName: P, PolicyDocument: {}}}]}}\nU:\n  Type: AWS::IAM::User\n  Properties: {{Groups: [!Ref G]}}\n",
                document(get)
            ),
            Broader,
        ),
        (
            "an access key",
            "U:\n  Type: AWS::IAM::User\n".into(),
            "U:\n  Type: AWS::IAM::User\nK:\n  Type: AWS::IAM::AccessKey\n  Properties: {UserName: !Ref U}\n".into(),
            Unknown,
        ),
        // Policies that cannot be analysed.
        (
            "a nested stack",
            role(""),
            role("") + "S:\n  Type: AWS::CloudFormation::Stack\n  Properties: {TemplateURL: u}\n",
            Unknown,
        ),
        (
            "another nested stack",
            "S:\n  Type: AWS::CloudFormation::Stack\n  Properties: {TemplateURL: u}\n".into(),
            "S:\n  Type: AWS::CloudFormation::Stack\n  Properties: {TemplateURL: v}\n".into(),
            Unknown,
        ),
        ("a parameter for a principal", trust("{AWS: !Ref A}"), trust("{AWS: !Ref B}"), Unknown),
        ("narrower here and broader there", policy(get) + &url("AWS_IAM"), role("") + &url("NONE"), Broader),
    ] {
        let (old, new) = (template(&old), template(&new));
        let diff = compare(&old, &new);
        assert_eq!(diff.iam.verdict, meaning, "{what}: {:#?}", diff.iam.places);
        let same = compare(&new, &new);
        assert!(same.is_empty() && same.iam.verdict == None && same.impact() == Impact::None, "{what}: with itself");
    }
}

#[test]
fn a_condition_is_tried_both_ways() {
    let with = |condition: &str, default: &str, branch: &str| {
        let statement = format!("!If [Wide, {branch}, {{Effect: Allow, Action: s3:GetObject, Resource: a}}]");
        let mut template = template(&policy(&statement));
        template["Conditions"] = json!({"Wide": {"Fn::Equals": [{"Ref": "Stage"}, condition]}});
        template["Parameters"] = json!({"Stage": {"Type": "String", "Default": default}});
        template
    };
    let wide = "{Effect: Allow, Action: s3:GetObject, Resource: '*'}";
    let wider = "{Effect: Allow, Action: s3:*, Resource: '*'}";
    for (old, new, meaning) in [
        (with("a", "a", wide), with("a", "a", wider), Verdict::Broader),
        (with("a", "a", wider), with("a", "a", wide), Verdict::Narrower),
        (with("a", "a", wide), with("a", "a", "!Ref AWS::NoValue"), Verdict::Narrower),
        // The condition changed. Whether the new one allows more depends on the deployment.
        (with("a", "a", wide), with("b", "a", wide), Verdict::Unknown),
        (with("a", "a", wide), with("a", "b", wide), Verdict::Unknown),
    ] {
        let diff = compare(&old, &new);
        assert_eq!(diff.iam.verdict, meaning, "{new:#}: {:#?}", diff.iam.places);
    }
}

#[test]
fn each_change_has_its_impact_on_a_resource() {
    use Impact::{Create, Deletes, MayReplace, None, Replaces, Update};
    let one = |kind: &str, rest: &str| format!("R:\n  Type: {kind}\n  {rest}\n");
    let queue = |properties: &str| one("AWS::SQS::Queue", &format!("Properties: {{{properties}}}"));
    let uses = |name: &str, rest: &str| queue(&format!("QueueName: {name}")) + rest;
    let subscription =
        "S:\n  Type: AWS::SNS::Subscription\n  Properties: {TopicArn: t, Protocol: sqs, Endpoint: !GetAtt R.Arn}\n";
    for (what, old, new, impact) in [
        ("nothing", queue("DelaySeconds: 1"), queue("DelaySeconds: '1'"), None),
        ("another spelling", queue("QueueName: !Ref A"), queue("QueueName: !Sub '${A}'"), None),
        ("a property", queue("DelaySeconds: 1"), queue("DelaySeconds: 2"), Update),
        ("a new resource", String::new(), queue(""), Create),
        ("a name", queue("QueueName: a"), queue("QueueName: b"), Replaces),
        ("a name given", queue("DelaySeconds: 1"), queue("QueueName: b"), Replaces),
        ("another type", one("AWS::SQS::Queue", ""), one("AWS::SNS::Topic", ""), Replaces),
        ("gone", queue(""), String::new(), Deletes),
        ("renamed", queue(""), queue("").replace("R:", "Q:"), Deletes),
        ("gone but kept", one("AWS::SQS::Queue", "DeletionPolicy: Retain"), String::new(), Update),
        ("gone with a snapshot", one("AWS::RDS::DBInstance", "DeletionPolicy: Snapshot"), String::new(), Deletes),
        ("its attributes", queue(""), one("AWS::SQS::Queue", "DependsOn: [X]"), None),
        ("a condition", one("AWS::SQS::Queue", ""), one("AWS::SQS::Queue", "Condition: C"), Deletes),
        (
            "what sometimes replaces",
            one("AWS::Lambda::Function", "Properties: {DurableConfig: {ExecutionTimeout: 1}}"),
            one("AWS::Lambda::Function", "Properties: {DurableConfig: {ExecutionTimeout: 2}}"),
            MayReplace,
        ),
        (
            "a nested property",
            one("AWS::AppSync::GraphQLApi", "Properties: {Name: a}"),
            one("AWS::AppSync::GraphQLApi", "Properties: {Name: b}"),
            Update,
        ),
        (
            "perhaps a part of it",
            one("AWS::Batch::ComputeEnvironment", "Properties: {ComputeResources: {Type: EC2}}"),
            one("AWS::Batch::ComputeEnvironment", "Properties: {ComputeResources: !FindInMap [A, B, C]}"),
            MayReplace,
        ),
        (
            "a custom resource",
            one("Custom::Thing", "Properties: {A: 1}"),
            one("Custom::Thing", "Properties: {A: 2}"),
            MayReplace,
        ),
        (
            "a type nobody knows",
            one("Some::New::Type", "Properties: {A: 1}"),
            one("Some::New::Type", "Properties: {A: 2}"),
            MayReplace,
        ),
        (
            "whose condition is another's",
            one("AWS::SQS::Queue", "Condition: C"),
            one("AWS::SQS::Queue", "Condition: D"),
            Deletes,
        ),
        ("who names it", uses("a", subscription), uses("b", subscription), Replaces),
    ] {
        let diff = compare(&template(&old), &template(&new));
        assert_eq!(diff.impact(), impact, "{what}: {diff:#?}");
    }
    let diff = compare(&template(&uses("a", subscription)), &template(&uses("b", subscription)));
    let follower = diff.resources.iter().find(|resource| resource.id == "S").unwrap();
    assert_eq!(follower.impact, MayReplace, "the endpoint cannot be changed in place: {follower:?}");
    assert_eq!(follower.changes[0].because.as_deref(), Some("R is replaced"));
}

#[test]
fn a_parameter_with_another_default_is_followed() {
    let with = |default: &str| {
        let text = format!(
            "Parameters: {{Stage: {{Type: String, Default: {default}}}}}\n\
             Conditions: {{A: !Equals [!Ref Stage, a], B: !Not [!Condition A]}}\n\
             Resources:\n  Q: {{Type: AWS::SQS::Queue, Properties: {{QueueName: !Sub 'q-${{Stage}}'}}}}\n  \
             T: {{Type: AWS::SNS::Topic, Condition: B}}\n  U: {{Type: AWS::SNS::Topic}}\n"
        );
        read(&text).unwrap_or_else(|e| panic!("{e}\n{text}"))
    };
    let diff = compare(&with("a"), &with("b"));
    let told: Vec<_> =
        diff.resources.iter().map(|r| (r.id.as_str(), r.impact, r.changes[0].because.as_deref().unwrap())).collect();
    assert_eq!(
        told,
        [
            ("Q", Impact::MayReplace, "the parameter Stage changed"),
            ("T", Impact::Deletes, "the condition B may change")
        ]
    );
}

#[test]
fn the_table_of_replacements_is_what_the_schemas_say() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("../.venv/bin/python");
    let output = Command::new(&python).arg(root.join("schema/replacement.py")).output();
    let output = output.unwrap_or_else(|e| panic!("{}: {e}; run make setup", python.display()));
    assert!(output.status.success(), "{}; run make setup", String::from_utf8_lossy(&output.stderr));
    let committed = std::fs::read_to_string(root.join("schema/replacement.txt")).unwrap();
    let says = "synth/schema/replacement.txt is stale; run: .venv/bin/python synth/schema/replacement.py > synth/schema/replacement.txt";
    assert!(committed == String::from_utf8(output.stdout).unwrap(), "{says}");
}

proptest! {
    #![proptest_config(Config { cases: 300, failure_persistence: None, ..Config::default() })]

    /// Any damage to a template gives a result or an error, but never a panic.
    #[test]
    fn no_template_is_too_broken(cuts in prop::collection::vec((any::<prop::sample::Index>(), 0..4_usize, select(&SCRAPS)), 1..6)) {
        let mut text: Vec<char> = NEW.chars().collect();
        for (at, length, scrap) in cuts {
            let at = at.index(text.len());
            text.splice(at..(at + length).min(text.len()), scrap.chars());
        }
        if let Ok(broken) = read(&text.into_iter().collect::<String>()) {
            let old = read(OLD).unwrap();
            for diff in [compare(&old, &broken), compare(&broken, &old)] {
                for format in [DiffFormat::Text { colour: true }, DiffFormat::Markdown, DiffFormat::Json] {
                    prop_assert!(!render(&diff, format).is_empty());
                }
            }
            prop_assert!(compare(&broken, &broken).is_empty());
        }
    }
}

const SCRAPS: [&str; 16] =
    ["", " ", "\n", "{", "}", "[", "]", ":", "!Ref ", "!Sub ", "!If [a, b]", "!GetAtt a.b", "\"", "&a ", "*a", "null"];

const OLD: &str = include_str!("../golden/old.yaml");
const NEW: &str = include_str!("../golden/new.yaml");

#[test]
fn the_text_of_a_diff() {
    let diff = compare(&read(OLD).unwrap(), &read(NEW).unwrap());
    for (file, format) in [
        ("diff.txt", DiffFormat::Text { colour: false }),
        ("diff.md", DiffFormat::Markdown),
        ("diff.json", DiffFormat::Json),
    ] {
        let shown = render(&diff, format);
        crate::common::golden(&format!("synth/tests/golden/{file}"), &shown);
    }
    let coloured = render(&diff, DiffFormat::Text { colour: true });
    let escapes = coloured.matches('\u{1b}').count();
    assert!(escapes > 0 && coloured.matches("\u{1b}[").count() == escapes && coloured.contains("\\u{1b}[31m"));
}

#[test]
fn nothing_breaks_out_of_the_markdown() {
    for hostile in [
        "```",
        "`````\n</details>",
        "</code></summary><img src=x>",
        "| a |",
        "@everyone",
        "@acme/security-team",
        "\n> [!NOTE]\n> **Approved** by @alice",
        "\r\n~~~\n<!-- synth diff -->\n# Approved",
        "&#64;acme/team &commat;acme",
        "](http://x)",
        "\u{202e}a\u{1b}",
    ] {
        let resources =
            json!({hostile: {"Type": hostile, "Properties": {hostile: hostile, "A": [hostile, {hostile: 1}]}}});
        let statement = json!({"Effect": "Allow", "Action": hostile, "Resource": hostile});
        let policy = json!({"Statement": [statement]});
        let mut new = json!({"Resources": resources, "Parameters": {hostile: {"Default": hostile}}});
        new["Resources"]["Role"] = json!({"Type": "AWS::IAM::Role",
            "Properties": {"Policies": [{"PolicyName": hostile, "PolicyDocument": policy}]}});
        let shown = render(&compare(&json!({"Resources": {}}), &new), DiffFormat::Markdown);
        let (mut fence, mut opened): (Option<&str>, i32) = (None, 0);
        for line in shown.lines() {
            match fence {
                Some(open) if line == open => fence = None,
                // Inside a fence, only its own end may end it.
                Some(open) => assert!(line.chars().take_while(|c| *c == '`').count() < open.len(), "{hostile}: {line}"),
                None if line.starts_with("```") => fence = Some(line.trim_end_matches("diff")),
                None => {
                    let known =
                        ["<code>", "</code>", "<details>", "</details>", "<summary>", "</summary>", "<b>", "</b>"];
                    let rest = known.iter().fold(line.to_owned(), |line, tag| line.replace(tag, ""));
                    opened += i32::try_from(line.matches("<details>").count()).unwrap();
                    opened -= i32::try_from(line.matches("</details>").count()).unwrap();
                    assert!(!rest.contains(['<', '>', '`', '@', '\u{202e}', '\u{1b}', '!']), "{hostile}: {line}");
                }
            }
        }
        assert_eq!((fence, opened), (None, 0), "{hostile}");
    }
    let many: serde_json::Map<String, Json> = (0..2000)
        .map(|n| (format!("Queue{n}"), json!({"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "q"}})))
        .collect();
    let shown = render(&compare(&json!({}), &json!({"Resources": many})), DiffFormat::Markdown);
    assert!(shown.len() < 56_000 && shown.contains("more do not fit"), "{}", shown.len());
    // Every part is limited, not only the resources: places, what is not compared, and who reads keys.
    let roles: serde_json::Map<String, Json> = (0..2000)
        .map(|n| {
            let statement = json!({"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"});
            let body = json!({"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Statement": statement}, "Tags": []}});
            (format!("Role{n}"), body)
        })
        .collect();
    let readers = (0..2000).map(|n| format!("arn:aws:iam::111122223333:role/r{n}")).collect::<Vec<_>>().join(" ");
    let with = |readers: &str| {
        let mut resources = roles.clone();
        let variables = json!({"SECRET_READERS": readers, "DELIVERY": "secrets-manager"});
        resources.insert(
            "F".into(),
            json!({"Type": "AWS::Lambda::Function", "Properties": {"Environment": {"Variables": variables}}}),
        );
        json!({"Resources": resources})
    };
    let mut old = with("none");
    old["Resources"].as_object_mut().unwrap().retain(|id, _| id == "F");
    let shown = render(&compare(&old, &with(&readers)), DiffFormat::Markdown);
    assert!(
        shown.len() < 56_000 && shown.contains("more do not fit") && shown.contains("Needs approval"),
        "{}",
        shown.len()
    );
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write("rotation.yaml", "stack_name: test\nusers: [alice, bob]\nemails: [a@example.com]\n");
        folder
    }

    fn write(&self, file: &str, text: &str) {
        std::fs::write(self.0.path().join(file), text).unwrap();
    }

    fn run(&self, program: &str, arguments: &[&str], input: &str) -> Output {
        let mut process = Command::new(program)
            .current_dir(&self.0)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            // synth names make's variables in make.
            .env_remove("MAKELEVEL")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that refuses at once does not read its input.
        let _ = process.stdin.take().unwrap().write_all(input.as_bytes());
        process.wait_with_output().unwrap()
    }

    /// Runs synth. Returns the exit code and everything that was printed.
    fn synth(&self, arguments: &[&str], input: &str) -> (Option<i32>, String) {
        let output = self.run(env!("CARGO_BIN_EXE_synth"), arguments, input);
        let printed = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(printed).unwrap())
    }

    fn git(&self, arguments: &[&str]) {
        let who = ["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"];
        let output = self.run("git", &[&who, arguments].concat(), "");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn the_command_compares_files_standard_input_and_revisions() {
    let folder = Folder::new();
    folder.write("old.yaml", OLD);
    folder.write("new.yaml", NEW);
    let text = render(&compare(&read(OLD).unwrap(), &read(NEW).unwrap()), DiffFormat::Text { colour: false });
    assert_eq!(folder.synth(&["diff", "old.yaml", "new.yaml"], ""), (Some(0), text.clone()));
    assert_eq!(folder.synth(&["diff", "-", "new.yaml"], OLD), (Some(0), text.clone()));
    assert_eq!(folder.synth(&["diff", "old.yaml", "-"], NEW), (Some(0), text.clone()));

    std::fs::create_dir(folder.0.path().join("templates")).unwrap();
    assert_eq!(folder.synth(&["template", "--output", "templates/rotation.yaml"], "").0, Some(0));
    folder.git(&["init", "--quiet"]);
    folder.git(&["add", "."]);
    folder.git(&["commit", "--quiet", "--message", "first"]);
    let none = (Some(0), "No difference.\n".to_owned());
    assert_eq!(folder.synth(&["diff", "--base", "HEAD"], ""), none);
    assert_eq!(folder.synth(&["diff", "templates/rotation.yaml"], ""), none, "against what is generated");
    assert_eq!(folder.synth(&["diff", "--base", "HEAD", "templates/rotation.yaml"], ""), none);
    assert_eq!(folder.synth(&["diff", "--base", "HEAD", "--template", "old.yaml", "new.yaml"], ""), (Some(0), text));
    let (code, printed) = folder.synth(&["diff", "--base", "HEAD", "--users", "alice", "--fail-on", "broader"], "");
    assert!(code == Some(0) && printed.contains("what FunctionRole may do: less than before"), "{printed}");
    let (code, printed) =
        folder.synth(&["diff", "--base", "HEAD", "--users", "alice bob eve", "--fail-on", "broader"], "");
    assert!(code == Some(3) && printed.contains("allows more than before"), "{printed}");
}

/// The template of an administering account names that of its members only by its hash.
#[test]
fn a_diff_of_an_organization_shows_what_each_member_gets() {
    let folder = Folder::new();
    let settings = "stack_name: test\nusers: [/machines/]\nemails: [a@example.com]\nrotate_after: 60d\n\
                    organization: {id: o-abcdefghij, region: eu-west-1, units: [r-abcd]}\n";
    folder.write("rotation.yaml", settings);
    std::fs::create_dir(folder.0.path().join("templates")).unwrap();
    let generate = |file: &str, options: &[&str]| {
        let file = format!("templates/{file}.yaml");
        let (code, printed) = folder.synth(&[&["template", "--output", &file], options].concat(), "");
        assert_eq!(code, Some(0), "{printed}");
    };
    generate("rotation", &[]);
    generate("rotation-member", &["--member"]);
    folder.git(&["init", "--quiet"]);
    folder.git(&["add", "."]);
    folder.git(&["commit", "--quiet", "--message", "first"]);
    let diff = |options: &[&str]| folder.synth(&[&["diff", "--base", "HEAD"], options].concat(), "");
    assert_eq!(diff(&[]), (Some(0), "No difference.\n".to_owned()));

    folder.write("rotation.yaml", &settings.replace("60d", "50d"));
    let earlier = "a key is replaced after 50d instead of 60d (rotate_after): /machines/";
    let (_, printed) = diff(&[]);
    let (own, members) = printed.split_once("\nWhat changes in each member account\n").unwrap();
    assert!(own.contains("members") && own.contains("another template in each account"), "{printed}");
    assert!(members.contains("rotate_after  60d → 50d"), "{printed}");
    let as_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(as_line(members).contains(earlier), "{printed}");
    let (_, printed) = diff(&["--format", "json"]);
    let json: Json = serde_json::from_str(&printed).unwrap();
    assert_eq!(json["members"]["earlier"], json!([earlier]));
    let (_, printed) = diff(&["--format", "fingerprint"]);
    assert_eq!(printed.lines().count(), 2, "{printed}");
    assert!(diff(&["--format", "markdown"]).1.contains("**Each member account**"));

    // A harmless change of the accounts needs no approval, also if the command names both pairs of templates.
    folder.write("rotation.yaml", &settings.replace("60d", "70d"));
    assert_eq!(diff(&["--format", "fingerprint", "--fail-on", "broader,replace,delete"]), (Some(0), String::new()));
    for file in ["rotation", "rotation-member"] {
        std::fs::copy(
            folder.0.path().join(format!("templates/{file}.yaml")),
            folder.0.path().join(format!("{file}.old")),
        )
        .unwrap();
    }
    generate("rotation", &[]);
    generate("rotation-member", &["--member"]);
    let two = ["diff", "rotation.old", "templates/rotation.yaml", "--format", "json", "--fail-on", "broader"];
    let pairs = [&two[..], &["--members", "rotation-member.old", "templates/rotation-member.yaml"]].concat();
    let (code, printed) = folder.synth(&pairs, "");
    let json: Json = serde_json::from_str(&printed).unwrap();
    assert_eq!(
        (code, &json["approval"], &json["members"]["approval"]),
        (Some(0), &Json::Null, &Json::Null),
        "{printed}"
    );
    assert_eq!(json["members"]["resources"][0]["id"], "Function", "{printed}");
    assert_eq!(folder.synth(&two, "").0, Some(3), "without the members' templates, it is not known");
    // Files that the templates do not name prove nothing.
    let (old, new) = ("rotation-member.old", "templates/rotation-member.yaml");
    for members in [[old, old], [new, new], [new, old]] {
        let (code, printed) = folder.synth(&[&two[..], &["--members"], &members].concat(), "");
        assert!(code == Some(3) && printed.contains("names another one. So it is not known what changes"), "{printed}");
        assert!(!printed.contains("\"members\": {"), "{printed}");
    }
    let (code, printed) = folder.synth(&["diff", "-", new, "--members", "-", new], "");
    assert!(code == Some(2) && printed.contains("only one of the templates can be standard input"), "{printed}");
    folder.git(&["checkout", "--quiet", "."]);

    // Without a committed template of the members, their stacks are new.
    folder.git(&["rm", "--quiet", "templates/rotation-member.yaml"]);
    folder.git(&["commit", "--quiet", "--message", "without members"]);
    assert!(diff(&[]).1.contains("the template of the members is missing, or"), "{:?}", diff(&[]));
    folder.write("templates/rotation.yaml", "Resources: {}\n");
    folder.git(&["commit", "--quiet", "--all", "--message", "without a stack"]);
    let printed = diff(&[]).1;
    assert!(printed.contains("\nNew in each member account: 18 resources. To see them: --verbose\n"), "{printed}");
    assert!(diff(&["--verbose"]).1.contains("What changes in each member account"));
    folder.git(&["reset", "--quiet", "--hard", "HEAD~2"]);

    // A committed template of the members that the other one does not name is not deployed.
    folder.write("rotation.yaml", settings);
    let template = std::fs::read_to_string(folder.0.path().join("templates/rotation-member.yaml")).unwrap();
    folder.write("templates/rotation-member.yaml", &template.replace("ROTATE_AFTER: \"60d\"", "ROTATE_AFTER: \"70d\""));
    folder.git(&["commit", "--quiet", "--all", "--message", "second"]);
    let (code, printed) = diff(&["--fail-on", "broader"]);
    assert!(code == Some(0) && printed.contains("HEAD names another one"), "{code:?} {printed}");
    // Another template than the configuration's has no known members.
    let (code, _) = diff(&["--template", "templates/rotation.yaml", "--fail-on", "broader"]);
    assert_eq!(code, Some(0));
}

/// Two configurations may differ only after a dot.
#[test]
fn a_configuration_with_a_dot_is_compared_with_its_own_template() {
    let folder = Folder::new();
    std::fs::create_dir(folder.0.path().join("templates")).unwrap();
    for (file, age) in [("a", 50), ("a.b", 60)] {
        let settings = format!("users: [alice]\nemails: [a@example.com]\nrotate_after: {age}d\n");
        folder.write(&format!("{file}.yaml"), &settings);
        let template = ["template", "--config", &format!("{file}.yaml"), "--output", &format!("templates/{file}.yaml")];
        assert_eq!(folder.synth(&template, ""), (Some(0), String::new()));
    }
    folder.git(&["init", "--quiet"]);
    folder.git(&["add", "."]);
    folder.git(&["commit", "--quiet", "--message", "first"]);
    let diff = folder.synth(&["diff", "--base", "HEAD", "--config", "a.b.yaml"], "");
    assert_eq!(diff, (Some(0), "No difference.\n".to_owned()));
}

#[test]
fn the_exit_code_says_that_approval_is_needed() {
    let folder = Folder::new();
    let queue =
        |name: &str| format!("Resources: {{Q: {{Type: AWS::SQS::Queue, Properties: {{QueueName: {name}}}}}}}\n");
    let custom = |n: u8| format!("Resources: {{C: {{Type: Custom::C, Properties: {{A: {n}}}}}}}\n");
    let stack = |url: &str| {
        format!("Resources: {{S: {{Type: AWS::CloudFormation::Stack, Properties: {{TemplateURL: {url}}}}}}}\n")
    };
    let nothing = "Resources: {}\n".to_owned();
    let kept = "Resources: {Q: {Type: AWS::SQS::Queue, DeletionPolicy: Retain}}\n".to_owned();
    for (old, new, fail_on, code) in [
        (queue("a"), queue("b"), "replace", 3),
        (queue("a"), queue("b"), "broader,delete", 0),
        (custom(1), custom(2), "replace", 3),
        (queue("a"), nothing.clone(), "delete", 3),
        (queue("a"), nothing.clone(), "broader,replace", 0),
        (kept, nothing.clone(), "broader,replace,delete", 0),
        (stack("a"), stack("b"), "broader", 3),
        (nothing.clone(), stack("a"), "broader", 3),
        (stack("a"), nothing, "broader", 3),
        (queue("a"), queue("a"), "broader,replace,delete", 0),
    ] {
        folder.write("old.yaml", &old);
        folder.write("new.yaml", &new);
        let (found, printed) = folder.synth(&["diff", "old.yaml", "new.yaml", "--fail-on", fail_on], "");
        assert_eq!(found, Some(code), "{old}{new}{fail_on}: {printed}");
    }
    let (_, printed) = folder.synth(&["diff", "old.yaml", "new.yaml", "--format", "json"], "");
    let json: Json = serde_json::from_str(&printed).unwrap();
    assert_eq!((&json["iam"], &json["impact"], &json["resources"]), (&json!("none"), &json!("none"), &json!([])));
    assert_eq!(json["approval"], Json::Null);
}

/// The diff shows that more users are selected. The role shows it, or the environment if IAM does not.
#[test]
fn a_wider_selection_of_users_is_shown() {
    let template = |settings: &str| {
        let text = format!("emails: [a@b.co]\nstack_name: keys\n{settings}\n");
        let config = config::read(&text, Overrides::default()).unwrap_or_else(|e| panic!("{e}")).config;
        to_json(&stack::template(&config).unwrap())
    };
    let wider = [ApprovalReason::AllowsMore, ApprovalReason::OthersRotated];
    for (old, new, verdict, reasons) in [
        ("users: [/ci/bot]", "users: [/ci/]", Verdict::Broader, &wider[..]),
        ("users: [/ci/]", "users: [/]", Verdict::Broader, &wider),
        ("users: [/]", "users: [/ci/]", Verdict::Narrower, &[]),
        ("users: [/ci/]", "users: [/ci/, /ci/eu/]", Verdict::Equivalent, &[]),
        ("users: ['tag:a=b']", "users: ['tag:a=b', 'tag:a=c']", Verdict::Broader, &wider),
        ("users: ['tag:a=b', 'tag:a=c']", "users: ['tag:a=c']", Verdict::Narrower, &[]),
        ("users: ['tag:a=b']", "users: [/]", Verdict::Broader, &wider),
        ("users: [/]", "users: ['tag:a=b']", Verdict::Narrower, &[]),
        // To list the account's users, the role needs more permissions.
        ("users: [a]", "users: [a]\nexempt: ['tag:x=y']", Verdict::Broader, &[ApprovalReason::AllowsMore]),
        ("users: [/]\nexempt: [/ci/]", "users: [/]", Verdict::Equivalent, &[ApprovalReason::OthersRotated]),
        ("users: [/]", "users: [/]\nexempt: [/ci/]", Verdict::Equivalent, &[]),
        ("users: [/]", "users: [/]\nuser_tags: honoured", Verdict::Equivalent, &[ApprovalReason::OthersRotated]),
        (
            "users: [{name: /, owner: o@b.co}]\ndelivery: email",
            "users: [{name: /, owner: o@b.co}]\ndelivery: email\nuser_tags: honoured",
            Verdict::Equivalent,
            &[ApprovalReason::OthersRead, ApprovalReason::OthersRotated],
        ),
        ("users: [/]\nuser_tags: honoured", "users: [/]", Verdict::Equivalent, &[]),
        ("users: [/]", "users: [/]\nunused_after: 45d", Verdict::Equivalent, &[ApprovalReason::KeysEndEarlier]),
        ("users: [/]\nunused_after: 45d", "users: [/]", Verdict::Equivalent, &[]),
    ] {
        let diff = compare(&template(old), &template(new));
        let needed = Approval::needed(&diff).map(|approval| approval.reasons).unwrap_or_default();
        let said = if diff.iam.verdict == Verdict::None { Verdict::Equivalent } else { diff.iam.verdict };
        assert_eq!((said, needed.as_slice()), (verdict, reasons), "{old} -> {new}");
    }
    let diff = compare(&template("users: [/]\nexempt: [/ci/]"), &template("users: [/]"));
    for format in [DiffFormat::Text { colour: false }, DiffFormat::Markdown, DiffFormat::Json] {
        assert!(render(&diff, format).contains("is no longer exempt"), "{format:?}");
    }
    // Users that leave are shown, and the change needs no approval.
    let diff = compare(&template("users: [/, alice]"), &template("users: [/]\nexempt: [alice, bob]"));
    assert_eq!(Approval::needed(&diff), None);
    for (format, what) in [
        (DiffFormat::Text { colour: false }, "no run finishes it: both keys stay active"),
        (DiffFormat::Markdown, "no run finishes it: both keys stay active"),
        (DiffFormat::Json, "\"leaving\": [\n    \"alice is exempt now\",\n    \"bob is exempt now\"\n  ]"),
    ] {
        let shown = render(&diff, format);
        assert!(shown.contains("alice is exempt now") && shown.contains(what), "{format:?}: {shown}");
    }
}

/// Which change of the company's settings needs approval.
#[test]
fn a_boundary_that_is_taken_off_and_tags_of_principals_need_approval() {
    use ApprovalReason::{AllowsMore, MayAllowMore, NotKnown, OthersRead, Replaces};
    let templates = |settings: &str| {
        let text = format!("users: [alice]\nemails: [a@b.co]\n{settings}\n");
        let config = config::read(&text, Overrides::default()).unwrap_or_else(|e| panic!("{e}")).config;
        [stack::template(&config).unwrap(), stack::artifacts::template(&config).unwrap()].map(|t| to_json(&t))
    };
    let boundary = |name: &str| format!("permissions_boundary: arn:aws:iam::111122223333:policy/{name}");
    let none = String::new;
    for (old, new, verdict, reasons) in [
        (boundary("a"), none(), Verdict::Broader, &[AllowsMore][..]),
        (boundary("a"), boundary("b"), Verdict::Unknown, &[MayAllowMore, NotKnown]),
        // It may deny what the function needs for its notices and alarms.
        (none(), boundary("a"), Verdict::Unknown, &[NotKnown]),
        (none(), "role_path: /service/".into(), Verdict::None, &[Replaces]),
        (none(), "reserved_concurrency: 2".into(), Verdict::None, &[]),
        ("reserved_concurrency: 2".into(), none(), Verdict::None, &[]),
        // The role may then create secrets with this tag too.
        (none(), "tags: {team: a}".into(), Verdict::Broader, &[AllowsMore, NotKnown, OthersRead]),
        // Policies elsewhere may go by the tags of a role or of a secret.
        ("tags: {team: a}".into(), "tags: {team: b}".into(), Verdict::Unknown, &[NotKnown, OthersRead]),
        ("tags: {team: a}".into(), none(), Verdict::Unknown, &[NotKnown]),
    ] {
        let ([old_stack, old_bucket], [new_stack, new_bucket]) = (templates(&old), templates(&new));
        let diff = compare(&old_stack, &new_stack);
        let needed = Approval::needed(&diff).map(|approval| approval.reasons).unwrap_or_default();
        assert_eq!((diff.iam.verdict, needed.as_slice()), (verdict, reasons), "{old} -> {new}: {:#?}", diff.iam);
        let bucket = compare(&old_bucket, &new_bucket);
        assert_eq!((bucket.iam.verdict, Approval::needed(&bucket)), (Verdict::None, None), "{old} -> {new}");
    }
    let diff = compare(&templates("tags: {team: a}")[0], &templates("tags: {team: b}")[0]);
    let shown = render(&diff, DiffFormat::Text { colour: false });
    let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(shown.contains("FunctionRole.Tags: policies elsewhere may allow a principal more"), "{shown}");
    // A principal has tags, a resource of another type only carries them.
    let with = |kind: &str, tag: &str| {
        template(&format!("R: {{Type: {kind}, Properties: {{Tags: [{{Key: team, Value: {tag}}}]}}}}"))
    };
    for kind in ["AWS::SQS::Queue", "AWS::KMS::Key", "AWS::S3::Bucket", "AWS::Lambda::Function"] {
        let diff = compare(&with(kind, "a"), &with(kind, "b"));
        assert_eq!((diff.iam.verdict, Approval::needed(&diff)), (Verdict::None, None), "{kind}");
    }
}

/// The fingerprint of a change is the same everywhere and for every form of its templates. It is missing if no approval
/// is needed.
#[test]
fn a_change_that_needs_approval_has_a_fingerprint() {
    let folder = Folder::new();
    folder.write("old.yaml", OLD);
    folder.write("new.json", &read(NEW).unwrap().to_string());
    folder.write("new.yaml", &format!("# Otherwise written.\n{NEW}"));
    let fingerprint = Fingerprint::of(&read(OLD).unwrap(), &read(NEW).unwrap()).to_string();
    for (format, says) in [
        ("fingerprint", format!("{fingerprint}\n")),
        ("text", format!("\nNeeds approval. Fingerprint: {fingerprint}\n")),
        ("markdown", format!("\nNeeds approval. Fingerprint: <code>{fingerprint}</code>\n")),
        ("json", format!("\"fingerprint\": \"{fingerprint}\"")),
    ] {
        for new in ["new.yaml", "new.json"] {
            let (code, printed) = folder.synth(&["diff", "old.yaml", new, "--format", format], "");
            assert_eq!(
                (code, printed.contains(&says), printed.matches(&fingerprint).count()),
                (Some(0), true, 1),
                "{printed}"
            );
        }
    }
    assert_eq!(
        folder.synth(&["diff", "old.yaml", "new.yaml", "--format", "fingerprint"], "").1,
        format!("{fingerprint}\n")
    );
    let (_, back) = folder.synth(&["diff", "new.yaml", "old.yaml", "--format", "fingerprint"], "");
    assert!(back.len() == fingerprint.len() + 1 && !back.contains(&fingerprint), "{back}");
    folder
        .write("harmless.yaml", &OLD.replace("VisibilityTimeout: 30", "VisibilityTimeout: 30\n      DelaySeconds: 5"));
    for format in ["fingerprint", "text", "markdown", "json"] {
        let (code, printed) = folder.synth(&["diff", "old.yaml", "harmless.yaml", "--format", format], "");
        assert!(code == Some(0) && !printed.contains("pprove with") && !printed.contains("fingerprint"), "{printed}");
        assert_eq!(printed.is_empty(), format == "fingerprint");
    }
}

#[test]
fn invalid_templates_and_options_are_refused() {
    let folder = Folder::new();
    folder.write("good.yaml", OLD);
    folder.write("twice.yaml", "Resources:\n  A: {}\n  A: {}\n");
    folder.write("empty.yaml", "");
    folder.write("list.yaml", "[1, 2]");
    folder.write("deep.yaml", &"- ".repeat(100_000));
    std::fs::write(folder.0.path().join("binary.yaml"), b"\xff\xfe").unwrap();
    folder.git(&["init", "--quiet"]);
    for (arguments, says) in [
        (&["diff"][..], "    synth diff --stack\n"),
        (&["diff"], "    synth diff --base HEAD\n"),
        (&["diff", "nowhere.yaml"], "nowhere.yaml: cannot be read"),
        (&["diff", "twice.yaml", "good.yaml"], "twice.yaml:3:3: duplicate key \"A\""),
        (&["diff", "good.yaml", "empty.yaml"], "empty.yaml: not a CloudFormation template"),
        (&["diff", "list.yaml"], "list.yaml: not a CloudFormation template"),
        (&["diff", "deep.yaml"], "nested more than 100 levels deep"),
        (&["diff", "binary.yaml"], "binary.yaml: not UTF-8 at byte 0"),
        (&["diff", "-", "-"], "only one of the templates"),
        (&["diff", "--base", "no-such-revision"], "no-such-revision"),
        (&["diff", "--base=--output=pwned"], "--output=pwned"),
        (&["diff", "good.yaml", "--config", "nowhere.yaml"], "nowhere.yaml: cannot be read"),
        (&["diff", "good.yaml", "good.yaml", "--fail-on", "everything"], "everything"),
    ] {
        let (code, printed) = folder.synth(arguments, "");
        assert_eq!(code, Some(2), "{arguments:?}: {printed}");
        assert!(printed.contains(says) && !printed.contains("panicked"), "{arguments:?}: {printed}");
    }
    assert!(!folder.0.path().join("pwned").exists());
}
