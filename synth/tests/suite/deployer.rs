//! The policy of the deployer allows every request of a deployment and no other. Each permission in AWS's schemas is in
//! the policy, or is left out for a stated reason.

use std::collections::{BTreeMap, BTreeSet};

use crate::common::{cfn_lint, golden, read, root, schema, synth};
use serde_json::{Value as Json, json};
use synth::{
    cfn::{json::to_json, resource, shape::Shape},
    config::{self, Overrides},
    deployer::{
        AccountRegion, DeployedStack, DeployerPolicy, DeployerPolicyError, MANAGED_POLICY, ResourceNaming,
        StatementScope, TYPES, entry, policy,
    },
    iam::evaluate::{AccessRequest, Decision, EvaluatedPolicy, decide},
    limits::INLINE_POLICIES,
    stack::{self, artifacts},
};

const ACCOUNT: &str = "111122223333";
const REGION: &str = "eu-west-1";
const STACK: &str = "access-key-rotation";

fn place(partition: &str, region: &str) -> AccountRegion {
    AccountRegion {
        partition: partition.parse().unwrap(),
        account: ACCOUNT.parse().unwrap(),
        region: region.parse().unwrap(),
    }
}

fn policy_at(place: &AccountRegion, configuration: &str) -> DeployerPolicy {
    policy_of_config(place, &config::read(configuration, Overrides::default()).unwrap().config)
}

fn policy_of_config(place: &AccountRegion, config: &config::Config) -> DeployerPolicy {
    let name = config.stack_name.as_str();
    let template = to_json(&stack::template(config).unwrap());
    let (own, artifacts) = (artifacts::stack_name(name), to_json(&artifacts::template(config).unwrap()));
    let stacks = [DeployedStack { name, template: &template }, DeployedStack { name: &own, template: &artifacts }];
    policy(place, &stacks).unwrap()
}

/// The policy that deploys the stacks of a configuration.
pub(crate) fn policy_of(config: &config::Config) -> DeployerPolicy {
    policy_of_config(&place("aws", REGION), config)
}

fn of_rotation() -> DeployerPolicy {
    policy_at(&place("aws", REGION), &read("rotation.yaml"))
}

const BOUNDARY: &str = "arn:aws:iam::111122223333:policy/boundary";

/// The policy for rotation.yaml with a permissions boundary and a path of the roles.
fn with_boundary() -> DeployerPolicy {
    let text =
        read("rotation.yaml").replace("permissions_boundary: none", &format!("permissions_boundary: {BOUNDARY}"));
    let text = text.replace("role_path: /", "role_path: /service/rotation/");
    assert!(text.contains(BOUNDARY) && text.contains("/service/rotation/"));
    policy_at(&place("aws", REGION), &text)
}

/// The condition key of a request that CloudFormation makes for the deployer.
const THROUGH: (&str, &str) = ("aws:calledvia", "cloudformation.amazonaws.com");

fn decision(policy: &DeployerPolicy, action: &str, resource: &str, context: &[(&str, &str)]) -> Decision {
    let document = EvaluatedPolicy::read(&policy.json(), &|_| None).unwrap();
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::from([
        ("aws:requestedregion".into(), vec![REGION.into()]),
        ("aws:resourceaccount".into(), vec![ACCOUNT.into()]),
    ]);
    all.extend(context.iter().map(|(key, value)| ((*key).to_owned(), vec![(*value).to_owned()])));
    let request = AccessRequest {
        principal: format!("AWS:arn:aws:iam::{ACCOUNT}:role/deployer"),
        action: action.into(),
        resource: resource.into(),
        context: all,
    };
    decide(&[document], None, &request)
}

fn arn(service: &str, resource: &str) -> String {
    format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}")
}

fn role(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/{name}")
}

fn bucket(rest: &str) -> String {
    format!("arn:aws:s3:::access-key-rotation-{ACCOUNT}-{REGION}{rest}")
}

/// The deployer of an organization follows and repeats the operations of its own StackSets, and of no other. It makes and
/// changes them only through CloudFormation.
#[test]
fn the_requests_about_the_accounts_of_an_organization_are_allowed() {
    let policy = policy_at(&place("aws", REGION), &read("examples/organization.yaml"));
    // The StackSets of a delegated administrator belong to the management account.
    let set = |name: &str| format!("arn:aws:cloudformation:{REGION}:100000000001:stackset/{name}:0123-4567");
    let (own, first) = (set("organization-key-rotation"), set("organization-key-rotation-first"));
    let target =
        format!("arn:aws:cloudformation:{REGION}:100000000001:stackset-target/organization-key-rotation:0123/ou-ab");
    let allowed = |action: &str, resource: &str, context: &[(&str, &str)]| {
        decision(&policy, &format!("cloudformation:{action}"), resource, context) == Decision::Allowed
    };
    for action in [
        "DescribeStackSet",
        "ListStackSetOperations",
        "ListStackSetOperationResults",
        "ListStackInstances",
        "UpdateStackInstances",
        "DeleteStackInstances",
    ] {
        for resource in [&own, &first] {
            assert!(allowed(action, resource, &[]), "{action} {resource}");
        }
        for other in [set("other"), set("organization-key-rotation-2")] {
            assert!(!allowed(action, &other, &[]), "{action} {other}");
        }
    }
    assert!(allowed("UpdateStackInstances", &target, &[]));
    assert!(allowed("DescribeOrganizationsAccess", "*", &[]));
    for action in ["CreateStackInstances", "UpdateStackSet", "DeleteStackSet"] {
        assert!(allowed(action, &own, &[THROUGH]) && !allowed(action, &own, &[]), "{action}");
    }
    for action in ["ActivateOrganizationsAccess", "StopStackSetOperation"] {
        assert!(!allowed(action, "*", &[]) && !allowed(action, &own, &[THROUGH]), "{action}");
    }
    // The publisher believes the account in an event, so only its queue may invoke it.
    let publisher = arn("lambda", "function:organization-key-rotation-publisher");
    for context in [&[][..], &[THROUGH]] {
        assert_ne!(decision(&policy, "lambda:InvokeFunction", &publisher, context), Decision::Allowed);
    }
    assert_eq!(decision(&policy, "lambda:UpdateFunctionCode", &publisher, &[THROUGH]), Decision::Allowed);
}

#[test]
fn every_request_of_a_deployment_is_allowed() {
    let policy = of_rotation();
    let (via, direct) = (&[THROUGH][..], &[][..]);
    let to = |service: &'static str| [("iam:passedtoservice", service)];
    let (to_lambda, to_scheduler) = (to("lambda.amazonaws.com"), to("scheduler.amazonaws.com"));
    let stack = arn("cloudformation", "stack/access-key-rotation/0123-4567");
    let unborn = arn("cloudformation", "stack/access-key-rotation/*");
    let artifacts = arn("cloudformation", "stack/access-key-rotation-artifacts/0123-4567");
    let topic = arn("sns", "access-key-rotation-NotificationTopic-1A2B3C4D5E6F");
    let subscription = format!("{topic}:01234567-89ab-cdef");
    let queue = arn("sqs", "access-key-rotation-DeadLetterQueue-1A2B3C4D5E6F7");
    let log = arn("logs", "log-group:/aws/lambda/access-key-rotation");
    let in_log = format!("{log}:*");
    let (function, latest) =
        (arn("lambda", "function:access-key-rotation"), arn("lambda", "function:access-key-rotation:$LATEST"));
    let schedule = arn("scheduler", "schedule/default/access-key-rotation");
    let (function_role, schedule_role) =
        (role("access-key-rotation-FunctionRole-AbCdEfGhIjKl"), role("access-key-rotation-ScheduleRole-AbCdEfGhIjKl"));
    let (bucket, zip, yaml) = (bucket(""), bucket("/0123.zip"), bucket("/0123.yaml"));
    let failed = arn("cloudformation", "changeSet/synth-0123-45/6789");
    let alarm = arn("cloudwatch", "alarm:access-key-rotation-users-failed");
    let switch = arn("cloudwatch", "alarm:access-key-rotation-missed-runs");
    let key = arn("kms", "key/1234abcd-12ab-34cd-56ef-1234567890ab");
    for (context, actions, resources) in [
        (
            direct,
            "DescribeStacks CreateChangeSet DescribeChangeSet",
            vec![("cloudformation", &stack), ("cloudformation", &unborn), ("cloudformation", &artifacts)],
        ),
        (
            direct,
            "GetTemplate ListChangeSets ExecuteChangeSet DeleteChangeSet DescribeStackEvents ListStackResources DeleteStack",
            vec![("cloudformation", &stack), ("cloudformation", &artifacts)],
        ),
        (direct, "DescribeEvents", vec![("cloudformation", &failed)]),
        // Packages: synth uploads them, and Lambda reads them for CloudFormation. CloudFormation itself reads a large
        // template.
        (direct, "ListBucket", vec![("s3", &bucket)]),
        (direct, "PutObject GetObject", vec![("s3", &zip), ("s3", &yaml)]),
        (via, "GetObject GetObjectVersion", vec![("s3", &zip), ("s3", &yaml)]),
        // Each resource from its creation to its deletion.
        (via, "CreateTopic SetTopicAttributes DeleteTopic TagResource Subscribe", vec![("sns", &topic)]),
        (
            via,
            "Unsubscribe GetSubscriptionAttributes SetSubscriptionAttributes",
            vec![("sns", &topic), ("sns", &subscription)],
        ),
        (
            via,
            "CreateQueue SetQueueAttributes GetQueueAttributes DeleteQueue TagQueue UntagQueue",
            vec![("sqs", &queue)],
        ),
        (via, "CreateLogGroup PutRetentionPolicy DeleteLogGroup TagResource", vec![("logs", &log), ("logs", &in_log)]),
        (via, "DescribeLogGroups", vec![("logs", &"*".to_owned())]),
        (
            via,
            "CreateRole GetRole PutRolePolicy DeleteRolePolicy UpdateAssumeRolePolicy UpdateRole DeleteRole TagRole UntagRole",
            vec![("iam", &function_role), ("iam", &schedule_role)],
        ),
        (&to_lambda, "PassRole", vec![("iam", &function_role)]),
        (&to_scheduler, "PassRole", vec![("iam", &schedule_role)]),
        (
            via,
            "CreateFunction UpdateFunctionCode UpdateFunctionConfiguration GetFunction DeleteFunction TagResource \
             PutFunctionConcurrency DeleteFunctionConcurrency",
            vec![("lambda", &function)],
        ),
        (
            via,
            "PutFunctionEventInvokeConfig UpdateFunctionEventInvokeConfig GetFunctionEventInvokeConfig DeleteFunctionEventInvokeConfig",
            vec![("lambda", &function), ("lambda", &latest)],
        ),
        (via, "CreateSchedule GetSchedule UpdateSchedule DeleteSchedule", vec![("scheduler", &schedule)]),
        (
            via,
            "CreateBucket PutEncryptionConfiguration PutBucketPublicAccessBlock PutBucketVersioning PutLifecycleConfiguration PutBucketOwnershipControls PutBucketPolicy GetBucketPolicy DeleteBucketPolicy DeleteBucket",
            vec![("s3", &bucket)],
        ),
        (
            via,
            "PutMetricAlarm DescribeAlarms DeleteAlarms TagResource",
            vec![("cloudwatch", &alarm), ("cloudwatch", &switch)],
        ),
        (via, "CreateKey", vec![("kms", &"*".to_owned())]),
        (via, "PutKeyPolicy EnableKeyRotation DescribeKey ScheduleKeyDeletion TagResource", vec![("kms", &key)]),
        // After the deployment, synth checks the result.
        (direct, "ListSubscriptionsByTopic", vec![("sns", &topic)]),
        (direct, "GetSchedule", vec![("scheduler", &schedule)]),
        (direct, "GetFunctionConfiguration InvokeFunction", vec![("lambda", &function)]),
        // make resubscribe asks for a new mail.
        (&[("sns:protocol", "email")], "Subscribe", vec![("sns", &topic)]),
        // The preview of a run.
        (
            direct,
            "ListAccessKeys ListUserTags GetAccessKeyLastUsed",
            vec![("iam", &format!("arn:aws:iam::{ACCOUNT}:user/alice"))],
        ),
        (
            direct,
            "DescribeSecret",
            vec![("secretsmanager", &arn("secretsmanager", "secret:access-key-rotation/alice-AbCdEf"))],
        ),
        // make status looks for former users.
        (direct, "ListSecrets", vec![("secretsmanager", &"*".to_owned())]),
        (direct, "ListUserTags", vec![("iam", &format!("arn:aws:iam::{ACCOUNT}:user/ci/bot"))]),
    ] {
        for action in actions.split(' ') {
            for (service, resource) in &resources {
                let action = format!("{service}:{action}");
                assert_eq!(
                    decision(&policy, &action, resource, context),
                    Decision::Allowed,
                    "{action} on {resource} {context:?}"
                );
            }
        }
    }
}

#[test]
fn no_other_request_is_allowed() {
    let policy = of_rotation();
    let (via, direct) = (&[THROUGH][..], &[][..]);
    let to = |service: &'static str| [("iam:passedtoservice", service), THROUGH];
    let (to_lambda, to_scheduler, to_ec2) =
        (to("lambda.amazonaws.com"), to("scheduler.amazonaws.com"), to("ec2.amazonaws.com"));
    let (function_role, schedule_role) =
        (role("access-key-rotation-FunctionRole-AbCdEfGhIjKl"), role("access-key-rotation-ScheduleRole-AbCdEfGhIjKl"));
    let function = arn("lambda", "function:access-key-rotation");
    let user = format!("arn:aws:iam::{ACCOUNT}:user/alice");
    for (context, action, resource) in [
        // Other stacks, also by the ARN of a change set, which names no stack.
        (direct, "cloudformation:CreateChangeSet", arn("cloudformation", "stack/billing/0123")),
        (direct, "cloudformation:DeleteStack", arn("cloudformation", "stack/access-key-rotation-2/0123")),
        (direct, "cloudformation:ExecuteChangeSet", arn("cloudformation", "changeSet/synth-0123-45/6789")),
        (direct, "cloudformation:DescribeEvents", arn("cloudformation", "changeSet/billing/6789")),
        (direct, "cloudformation:CreateStack", arn("cloudformation", "stack/access-key-rotation/*")),
        (direct, "cloudformation:SetStackPolicy", arn("cloudformation", "stack/access-key-rotation/0123")),
        (
            direct,
            "cloudformation:CreateChangeSet",
            arn("cloudformation", "stack/access-key-rotation/*").replace(REGION, "us-east-1"),
        ),
        (
            direct,
            "cloudformation:CreateChangeSet",
            arn("cloudformation", "stack/access-key-rotation/*").replace(ACCOUNT, "444455556666"),
        ),
        // Roles.
        (via, "iam:CreateRole", role("admin")),
        (via, "iam:PutRolePolicy", role("access-key-rotation")),
        (via, "iam:PutRolePolicy", role("deployer")),
        (via, "iam:PutRolePolicy", role("access-key-rotation-2-FunctionRole-AbCdEfGhIjKl")),
        (via, "iam:AttachRolePolicy", function_role.clone()),
        (via, "iam:PutRolePermissionsBoundary", function_role.clone()),
        (via, "iam:DeleteRolePermissionsBoundary", function_role.clone()),
        (via, "iam:CreateUser", user.clone()),
        (via, "iam:CreateAccessKey", user.clone()),
        (via, "iam:CreatePolicy", format!("arn:aws:iam::{ACCOUNT}:policy/access-key-rotation-FunctionRole-x")),
        (direct, "sts:AssumeRole", function_role.clone()),
        (&to_ec2, "iam:PassRole", function_role.clone()),
        (&to_scheduler, "iam:PassRole", function_role.clone()),
        (&to_lambda, "iam:PassRole", schedule_role.clone()),
        (&to_lambda, "iam:PassRole", role("admin")),
        (via, "iam:PassRole", function_role.clone()),
        // Actions that only CloudFormation may call.
        (direct, "iam:PutRolePolicy", function_role.clone()),
        (direct, "iam:TagRole", function_role.clone()),
        (via, "iam:TagRole", role("admin")),
        (via, "lambda:PutFunctionConcurrency", arn("lambda", "function:billing")),
        (direct, "lambda:UpdateFunctionCode", function.clone()),
        (direct, "lambda:UpdateFunctionConfiguration", function.clone()),
        (direct, "scheduler:UpdateSchedule", arn("scheduler", "schedule/default/access-key-rotation")),
        (&[("sns:protocol", "sqs")], "sns:Subscribe", arn("sns", "access-key-rotation-NotificationTopic-1A2B3C4D5E6F")),
        (&[("sns:protocol", "email")], "sns:Subscribe", arn("sns", "billing")),
        (direct, "sns:Unsubscribe", arn("sns", "access-key-rotation-NotificationTopic-1A2B3C4D5E6F")),
        (direct, "s3:PutBucketPolicy", bucket("")),
        (direct, "logs:DescribeLogGroups", "*".to_owned()),
        (&[("aws:calledvia", "athena.amazonaws.com")], "lambda:UpdateFunctionCode", function.clone()),
        (&[THROUGH, ("aws:requestedregion", "us-east-1")], "logs:DescribeLogGroups", "*".to_owned()),
        // Other resources, and other actions on this stack's resources.
        (via, "lambda:UpdateFunctionCode", arn("lambda", "function:access-key-rotation-2")),
        (via, "lambda:AddPermission", function.clone()),
        (direct, "lambda:InvokeFunction", arn("lambda", "function:billing")),
        (via, "logs:DeleteLogGroup", arn("logs", "log-group:/aws/lambda/access-key-rotation-2")),
        (via, "sns:DeleteTopic", arn("sns", "alarms")),
        (via, "sqs:DeleteQueue", arn("sqs", "orders")),
        (direct, "sqs:ReceiveMessage", arn("sqs", "access-key-rotation-DeadLetterQueue-1A2B3C4D5E6F7")),
        (direct, "sns:Publish", arn("sns", "access-key-rotation-NotificationTopic-1A2B3C4D5E6F")),
        (via, "scheduler:CreateSchedule", arn("scheduler", "schedule/other/access-key-rotation")),
        (direct, "s3:PutObject", "arn:aws:s3:::backups/0123.zip".to_owned()),
        (via, "s3:CreateBucket", "arn:aws:s3:::backups".to_owned()),
        (direct, "s3:PutObject", bucket("/0123.txt")),
        (direct, "s3:DeleteObject", bucket("/0123.zip")),
        (direct, "s3:DeleteObjectVersion", bucket("/0123.zip")),
        (direct, "s3:PutObjectAcl", bucket("/0123.zip")),
        (&[("aws:resourceaccount", "444455556666")], "s3:PutObject", bucket("/0123.zip")),
        (direct, "secretsmanager:GetSecretValue", arn("secretsmanager", "secret:access-key-rotation/alice-AbCdEf")),
        (&[("aws:requestedregion", "us-east-1")], "secretsmanager:ListSecrets", "*".to_owned()),
        (direct, "secretsmanager:DescribeSecret", arn("secretsmanager", "secret:billing/alice-AbCdEf")),
        (direct, "secretsmanager:PutSecretValue", arn("secretsmanager", "secret:access-key-rotation/alice-AbCdEf")),
        (direct, "secretsmanager:DeleteSecret", arn("secretsmanager", "secret:access-key-rotation/alice-AbCdEf")),
        (direct, "iam:ListUserTags", user.replace(ACCOUNT, "444455556666")),
        (direct, "iam:ListAccessKeys", user.replace("alice", "bob")),
        (direct, "iam:GetAccountAuthorizationDetails", "*".to_owned()),
        (direct, "iam:TagUser", user.clone()),
        (direct, "iam:UpdateAccessKey", user.clone()),
        (via, "secretsmanager:CreateSecret", arn("secretsmanager", "secret:access-key-rotation/alice")),
        (via, "kms:CreateGrant", arn("kms", "key/0123")),
        (via, "kms:Decrypt", arn("kms", "key/0123")),
        (direct, "kms:PutKeyPolicy", arn("kms", "key/0123")),
        (via, "cloudwatch:DeleteAlarms", arn("cloudwatch", "alarm:billing")),
    ] {
        assert_eq!(
            decision(&policy, action, &resource, context),
            Decision::NotAllowed,
            "{action} on {resource} {context:?}"
        );
    }
}

/// With a boundary, the roles can be created only with it, and no statement takes it off.
#[test]
fn roles_are_created_below_their_path_and_only_with_their_boundary() {
    let deployer = with_boundary();
    let function_role = role("service/rotation/access-key-rotation-FunctionRole-AbCdEfGhIjKl");
    let bound = |boundary: &'static str| [THROUGH, ("iam:permissionsboundary", boundary)];
    let (ours, other) = (bound(BOUNDARY), bound("arn:aws:iam::111122223333:policy/none"));
    let without_path = role("access-key-rotation-FunctionRole-AbCdEfGhIjKl");
    let to_lambda = [("iam:passedtoservice", "lambda.amazonaws.com")];
    for (context, action, resource, decided) in [
        (&ours[..], "iam:CreateRole", &function_role, Decision::Allowed),
        (&ours, "iam:PutRolePermissionsBoundary", &function_role, Decision::Allowed),
        (&[THROUGH], "iam:PutRolePolicy", &function_role, Decision::Allowed),
        (&to_lambda, "iam:PassRole", &function_role, Decision::Allowed),
        (&[THROUGH], "iam:CreateRole", &function_role, Decision::NotAllowed),
        (&other, "iam:CreateRole", &function_role, Decision::NotAllowed),
        (&other, "iam:PutRolePermissionsBoundary", &function_role, Decision::NotAllowed),
        (&ours, "iam:DeleteRolePermissionsBoundary", &function_role, Decision::NotAllowed),
        (&ours, "iam:CreateRole", &without_path, Decision::NotAllowed),
        (&[THROUGH], "iam:PutRolePolicy", &without_path, Decision::NotAllowed),
        (&to_lambda, "iam:PassRole", &without_path, Decision::NotAllowed),
        (&ours[1..], "iam:CreateRole", &function_role, Decision::NotAllowed),
    ] {
        assert_eq!(decision(&deployer, action, resource, context), decided, "{action} on {resource} {context:?}");
    }
    assert!(deployer.characters() <= INLINE_POLICIES, "{} characters", deployer.characters());
    let unknown = json!({"Role": {"Type": "AWS::IAM::Role", "Properties": {"PermissionsBoundary": {"Ref": "Stage"}}}});
    let template = json!({ "Resources": unknown });
    let stacks = [DeployedStack { name: STACK, template: &template }];
    assert!(policy(&place("aws", REGION), &stacks).unwrap_err().to_string().contains("PermissionsBoundary"));
}

/// The reason why a permission in the schema of a type is left out.
#[derive(Debug)]
enum LeftOut {
    /// No template sets the property that needs it.
    Property(&'static str),
    /// Another statement, with this id, allows it.
    Elsewhere(&'static str),
    /// Another reason, in words.
    Because(&'static str),
}
use LeftOut::{Because, Elsewhere, Property};

fn left_out(kind: &str) -> Vec<(LeftOut, &'static str)> {
    match kind {
        "AWS::SNS::Topic" => vec![
            (Property("DeliveryStatusLogging"), "iam:GetRole iam:PassRole"),
            (Property("Subscription"), "sns:Subscribe sns:Unsubscribe"),
            (Property("DataProtectionPolicy"), "sns:PutDataProtectionPolicy"),
        ],
        "AWS::SNS::Subscription" => vec![(Property("SubscriptionRoleArn"), "iam:GetRole iam:PassRole")],
        "AWS::Logs::LogGroup" => vec![
            (
                Property("DataProtectionPolicy"),
                "logs:PutDataProtectionPolicy logs:DeleteDataProtectionPolicy logs:CreateLogDelivery s3:REST.PUT.OBJECT \
                 firehose:TagDeliveryStream",
            ),
            (Property("FieldIndexPolicies"), "logs:PutIndexPolicy logs:DeleteIndexPolicy"),
            (Property("ResourcePolicyDocument"), "logs:PutResourcePolicy logs:DeleteResourcePolicy"),
            (Property("DeletionProtectionEnabled"), "logs:PutLogGroupDeletionProtection"),
            (Property("BearerTokenAuthenticationEnabled"), "logs:PutBearerTokenAuthentication"),
            (Because("each template sets a retention, so none is taken off"), "logs:DeleteRetentionPolicy"),
        ],
        "AWS::IAM::Role" => vec![
            (Property("ManagedPolicyArns"), "iam:AttachRolePolicy iam:DetachRolePolicy"),
            (Elsewhere("CreateBoundRoles"), "iam:PutRolePermissionsBoundary"),
            (Because("only an account administrator takes a boundary off a role"), "iam:DeleteRolePermissionsBoundary"),
        ],
        "AWS::Lambda::Function" => vec![
            (Elsewhere("PassRolesToLambda"), "iam:PassRole"),
            (Elsewhere("UploadPackages"), "s3:GetObject s3:GetObjectVersion"),
            (
                Property("VpcConfig"),
                "ec2:DescribeNetworkInterfaces ec2:DescribeSecurityGroups ec2:DescribeSubnets ec2:DescribeVpcs",
            ),
            (Property("FileSystemConfigs"), "elasticfilesystem:DescribeMountTargets s3files:ListMountTargets"),
            (Property("KmsKeyArn"), "kms:CreateGrant kms:Decrypt kms:DescribeKey kms:Encrypt kms:GenerateDataKey"),
            (
                Property("CodeSigningConfigArn"),
                "lambda:GetCodeSigningConfig lambda:PutFunctionCodeSigningConfig lambda:DeleteFunctionCodeSigningConfig",
            ),
            (Property("Layers"), "lambda:GetLayerVersion"),
            (Property("CapacityProviderConfig"), "lambda:PassCapacityProvider"),
            (Property("PublishToLatestPublished"), "lambda:PublishVersion"),
            (Property("RecursiveLoop"), "lambda:PutFunctionRecursionConfig"),
            (Property("FunctionScalingConfig"), "lambda:PutFunctionScalingConfig"),
            (Property("RuntimeManagementConfig"), "lambda:PutRuntimeManagementConfig lambda:AssociateRuntimeAlias"),
        ],
        "AWS::Scheduler::Schedule" => vec![(Elsewhere("PassRolesToScheduler"), "iam:PassRole")],
        "AWS::S3::Bucket" => vec![
            (
                Property("ReplicationConfiguration"),
                "iam:PassRole s3:PutBucketReplication s3:PutReplicationConfiguration s3:DeleteBucketReplication",
            ),
            (Property("AccessControl"), "s3:GetBucketAcl s3:PutBucketAcl s3:PutObjectAcl"),
            (Property("AbacStatus"), "s3:PutBucketAbac"),
            (Property("AccelerateConfiguration"), "s3:PutAccelerateConfiguration"),
            (Property("AnalyticsConfigurations"), "s3:PutAnalyticsConfiguration s3:DeleteBucketAnalyticsConfiguration"),
            (Property("CorsConfiguration"), "s3:PutBucketCORS s3:DeleteBucketCors"),
            (Property("IntelligentTieringConfigurations"), "s3:PutIntelligentTieringConfiguration"),
            (Property("InventoryConfigurations"), "s3:PutInventoryConfiguration"),
            (Property("LoggingConfiguration"), "s3:PutBucketLogging"),
            (Property("MetricsConfigurations"), "s3:PutMetricsConfiguration s3:DeleteBucketMetricsConfiguration"),
            (Property("NotificationConfiguration"), "s3:PutBucketNotification"),
            (Property("ObjectLockConfiguration"), "s3:PutBucketObjectLockConfiguration s3:PutObjectLockConfiguration"),
            (Property("WebsiteConfiguration"), "s3:PutBucketWebsite s3:DeleteBucketWebsite"),
            (
                Property("MetadataTableConfiguration"),
                "s3:CreateBucketMetadataTableConfiguration s3:DeleteBucketMetadataTableConfiguration s3tables:CreateNamespace \
                 s3tables:CreateTable s3tables:CreateTableBucket s3tables:GetTable s3tables:GetTableMetadataLocation \
                 s3tables:PutTableBucketPolicy s3tables:PutTableEncryption s3tables:PutTablePolicy \
                 s3tables:UpdateTableMetadataLocation",
            ),
            (
                Property("MetadataConfiguration"),
                "s3:UpdateBucketMetadataAnnotationTableConfiguration s3:UpdateBucketMetadataInventoryTableConfiguration \
                 s3:UpdateBucketMetadataJournalTableConfiguration",
            ),
            (
                Because("the template sets both, so neither is taken off"),
                "s3:DeleteBucketEncryption s3:DeleteBucketLifecycle",
            ),
            (Because("a bucket that is made holds nothing"), "s3:DeleteObject"),
        ],
        "AWS::KMS::Key" => vec![
            (Property("Enabled"), "kms:EnableKey kms:DisableKey"),
            (Because("the key that a template makes is always rotated"), "kms:DisableKeyRotation"),
        ],
        "AWS::Events::EventBus" => vec![
            (Property("Policy"), "events:PutPermission events:RemovePermission"),
            (
                Property("KmsKeyIdentifier"),
                "kms:Decrypt kms:DescribeKey kms:Encrypt kms:GenerateDataKey kms:GenerateDataKeyWithoutPlaintext kms:ReEncrypt \
                 kms:ReEncryptFrom kms:ReEncryptTo",
            ),
        ],
        "AWS::Events::Rule" => {
            vec![(Because("PassRolesToEventBridge has it, where a template has such a role"), "iam:PassRole")]
        }
        "AWS::CloudFormation::StackSet" => vec![(Property("AdministrationRoleARN"), "iam:PassRole")],
        "AWS::Lambda::EventSourceMapping" => {
            vec![(Property("KmsKeyArn"), "kms:Decrypt kms:DescribeKey kms:GenerateDataKey")]
        }
        _ => Vec::new(),
    }
}

/// AWS's schema of a type lists the permissions to create, read, change and delete a resource. Each is in the table or
/// is left out for a reason that the test checks. The table has no others.
#[test]
fn the_table_is_what_the_schemas_ask_for() {
    let policy = with_boundary();
    let mut seen = 0;
    for entry in TYPES {
        let kind = entry.kind;
        let schema = schema(kind).unwrap_or_else(|| panic!("{kind} is no resource type"));
        let handlers =
            ["create", "read", "update", "delete"].map(|handler| &schema["handlers"][handler]["permissions"]);
        let asked: BTreeSet<&str> = handlers
            .iter()
            .flat_map(|list| list.as_array().into_iter().flatten())
            .map(|action| action.as_str().unwrap())
            .collect();
        let given: BTreeSet<&str> = entry.actions.iter().chain(entry.anywhere).copied().collect();
        assert_eq!(given.len(), entry.actions.len() + entry.anywhere.len(), "{kind}: something is there twice");
        assert_eq!(given.difference(&asked).collect::<Vec<_>>(), Vec::<&&str>::new(), "{kind}: given in vain");
        let left_out = left_out(kind);
        let explained: Vec<&str> = left_out.iter().flat_map(|(_, actions)| actions.split_whitespace()).collect();
        let missing: BTreeSet<&str> = asked.difference(&given).copied().collect();
        assert_eq!(explained.iter().copied().collect::<BTreeSet<_>>(), missing, "{kind}: left out, and explained");
        assert_eq!(explained.len(), missing.len(), "{kind}: explained twice");
        seen += asked.len();

        let used = resource::types().into_iter().find(|used| used.name == kind);
        let properties: Vec<&str> = match used.as_ref().map(|used| &used.shape) {
            Some(Shape::Struct(fields)) => fields.iter().map(|(name, _)| *name).collect(),
            _ => Vec::new(),
        };
        for (why, actions) in left_out {
            match why {
                Property(name) => {
                    assert!(schema["properties"][name].is_object(), "{kind} has no property {name}");
                    assert!(!properties.contains(&name), "{kind}.{name} is set now, which takes: {actions}");
                    let tags = name == "Tags" && schema["tagging"]["cloudFormationSystemTags"] != false;
                    assert!(!tags, "{kind}: CloudFormation adds tags of its own, which takes: {actions}");
                }
                Elsewhere(sid) => {
                    let statement = policy.statements.iter().find(|statement| statement.sid == sid).unwrap();
                    assert!(actions.split(' ').all(|action| statement.actions.contains(&action)), "{sid}: {actions}");
                }
                Because(reason) => assert!(!reason.is_empty()),
            }
        }
        let named = match entry.name {
            ResourceNaming::Own { property, .. } | ResourceNaming::Of(property) => {
                schema["properties"][property].is_object()
            }
            ResourceNaming::Random => true,
        };
        assert!(named, "{kind}: {:?} is no property", entry.name);
    }
    println!("deployer: {} types, {seen} permissions of their schemas", TYPES.len());
    assert!(seen > 200, "{seen}");
}

/// Without this test, only a failed deployment would show that the table lacks a type.
#[test]
fn every_type_in_use_is_in_the_table() {
    for used in resource::types() {
        assert!(entry(used.name).is_some(), "{}: add it to synth/src/deployer/types.rs", used.name);
    }
    let place = place("aws", REGION);
    let template = json!({"Resources": {
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": {"Fn::Sub": "${AWS::StackName}-x"}}},
        "TopicPolicy": {"Type": "AWS::SNS::TopicPolicy", "Properties": {"Topics": [{"Ref": "Topic"}]}},
        "Alarm": {"Type": "AWS::CloudWatch::Alarm"},
        "Dashboard": {"Type": "AWS::CloudWatch::Dashboard", "Properties": {"DashboardName": {"Ref": "AWS::StackName"}}},
        "Key": {"Type": "AWS::KMS::Key"},
    }});
    let policy_of = |template: &Json| policy(&place, &[DeployedStack { name: STACK, template }]);
    let statements = policy_of(&template).unwrap().statements;
    for (sid, arns) in [
        ("ManageTopics", arn("sns", "access-key-rotation-x")),
        ("ManageAlarms", arn("cloudwatch", "alarm:access-key-rotation-Alarm-*")),
        ("ManageDashboards", format!("arn:aws:cloudwatch::{ACCOUNT}:dashboard/access-key-rotation")),
        ("ManageKeys", arn("kms", "key/*")),
    ] {
        let statement = statements.iter().find(|statement| statement.sid == sid).unwrap();
        assert_eq!(statement.scope, StatementScope::Arns(vec![arns]), "{sid}");
    }
    let resources = |resources: Json| json!({ "Resources": resources });
    let refused = |template: &Json| policy_of(template).unwrap_err();
    let template = resources(json!({"Table": {"Type": "AWS::DynamoDB::Table"}}));
    let unknown = DeployerPolicyError::Type { id: "Table".into(), kind: "AWS::DynamoDB::Table".into() };
    assert_eq!(refused(&template), unknown);
    assert!(unknown.to_string().contains("synth/src/deployer/types.rs"));
    let template =
        resources(json!({"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Ref": "Stage"}}}}));
    let unknown =
        DeployerPolicyError::Name { id: "Queue".into(), property: "QueueName", value: r#"{"Ref":"Stage"}"#.into() };
    assert_eq!(refused(&template), unknown);
    let name = json!({"Fn::Sub": "${Topic.TopicName}-x"});
    let queue = json!({"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name}});
    let template = resources(json!({"Topic": {"Type": "AWS::SNS::Topic"}, "Queue": queue}));
    assert!(matches!(refused(&template), DeployerPolicyError::Name { .. }), "the name is not the topic's");
}

/// The data on services, actions and resources are cfn-lint's copy of the Service Authorization Reference.
#[test]
fn an_action_has_arns_that_it_supports_and_a_wildcard_only_if_it_supports_none() {
    let reference = cfn_lint("AdditionalSpecs/Policies.json");
    let mut seen = 0;
    for statement in of_rotation().statements {
        for action in &statement.actions {
            let (service, name) = action.split_once(':').unwrap();
            let known = &reference[service]["Actions"][name.to_lowercase()];
            assert!(known.is_object(), "{action} is no action");
            let kinds: Vec<&str> =
                known["Resources"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
            let StatementScope::Arns(arns) = &statement.scope else {
                assert_eq!(kinds, Vec::<&str>::new(), "{action} can be narrower than *");
                seen += 1;
                continue;
            };
            let shape = |kind: &str| {
                let kind = kind.to_lowercase();
                reference[service]["Resources"][kind]["ARNFormats"].as_array().cloned().unwrap_or_default()
            };
            let formats: Vec<String> =
                kinds.iter().flat_map(|kind| shape(kind)).map(|f| f.as_str().unwrap().to_owned()).collect();
            for arn in arns {
                assert!(arn.split(':').take(5).all(|part| !part.contains('*')), "{arn}");
                let fits = |format: &String| {
                    let filled = [("${Partition}", "aws"), ("${Region}", REGION), ("${Account}", ACCOUNT), (".*", "")];
                    arn.starts_with(
                        &filled.iter().fold(format.clone(), |text, (name, value)| text.replace(name, value)),
                    )
                };
                assert!(formats.iter().any(fits), "{action} is not asked for on {arn}: {formats:?}");
                seen += 1;
            }
        }
    }
    assert!(seen > 100, "{seen}");
}

#[test]
fn the_policy_of_the_committed_configuration() {
    let run = |format| synth(root(), &["deploy-policy", "--account", ACCOUNT, "--region", REGION, "--format", format]);
    for (format, file) in [("json", "deploy-policy.json"), ("text", "deploy-policy.txt")] {
        let output = run(format);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        golden(&format!("synth/tests/golden/{file}"), &String::from_utf8(output.stdout).unwrap());
    }
    let policy = of_rotation();
    let sids: BTreeSet<&str> = policy.statements.iter().map(|statement| statement.sid).collect();
    assert_eq!(sids.len(), policy.statements.len(), "each statement has an id of its own");
    let fits = (policy.characters() > MANAGED_POLICY, policy.characters() <= INLINE_POLICIES);
    assert_eq!(fits, (true, true), "{} characters", policy.characters());
    assert!(String::from_utf8_lossy(&run("json").stderr).contains("inline policy, which holds 10240"));
    let example = ["deploy-policy", "--account", ACCOUNT, "--region", REGION, "--config", "examples/organization.yaml"];
    let output = synth(root(), &example);
    let printed: Json = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(printed, Json::from(policy_at(&place("aws", REGION), &read("examples/organization.yaml")).documents()));
    let note = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(note.contains("a list of 2 policies") && printed.as_array().is_some_and(|list| list.len() == 2), "{note}");
}

/// The permissions to preview a run, to read the log and the alarms, and to look for former users are apart from the others, so that an administrator can
/// leave them out. A stack that delivers by mail has no secrets to look for.
#[test]
fn the_permissions_for_a_preview_and_for_the_status_can_be_left_out() {
    let optional = |policy: &DeployerPolicy| {
        let statements = policy.statements.iter().filter(|statement| statement.why.starts_with("Optional"));
        statements.map(|statement| (statement.sid, statement.actions.clone())).collect::<Vec<_>>()
    };
    let keys = ("PreviewKeys", vec!["iam:ListAccessKeys", "iam:ListUserTags", "iam:GetAccessKeyLastUsed"]);
    let log = ("ReadLog", vec!["logs:FilterLogEvents"]);
    let alarms = ("ReadAlarms", vec!["cloudwatch:DescribeAlarms"]);
    let expected = [
        log.clone(),
        alarms.clone(),
        keys.clone(),
        ("PreviewSecrets", vec!["secretsmanager:DescribeSecret"]),
        ("ListSecrets", vec!["secretsmanager:ListSecrets"]),
        ("ReadUserTags", vec!["iam:ListUserTags"]),
    ];
    assert_eq!(optional(&of_rotation()), expected);
    let by_mail = policy_at(&place("aws", REGION), "users: [alice]\nemails: [a@example.com]\ndelivery: email\n");
    assert_eq!(optional(&by_mail), [log, alarms, keys, ("ReadUserTags", vec!["iam:ListUserTags"])]);
    let actions = by_mail.statements.iter().flat_map(|statement| &statement.actions);
    assert_eq!(actions.filter(|action| action.starts_with("secretsmanager:")).count(), 0);
}

/// The preview reads what the role of the handler reads. A policy has no room for the ARNs of many users.
#[test]
fn the_preview_reads_the_users_of_the_configuration() {
    let scope = |users: &str, sid: &str| {
        let policy = policy_at(&place("aws", REGION), &format!("users: [{users}]\nemails: [a@example.com]\n"));
        let statement = policy.statements.iter().find(|statement| statement.sid == sid);
        (statement.map(|statement| statement.scope.clone()), policy.notes.len())
    };
    let arns = |users: &[&str]| {
        let arns = users.iter().map(|user| format!("arn:aws:iam::{ACCOUNT}:user/{user}")).collect();
        Some(StatementScope::Arns(arns))
    };
    assert_eq!(scope("alice, /ci/bot", "PreviewKeys"), (arns(&["alice", "ci/bot"]), 1));
    assert_eq!(scope("alice", "PreviewUsers"), (None, 1));
    assert_eq!(scope("/ci/", "PreviewKeys"), (arns(&["ci/*"]), 1));
    assert_eq!(scope("/ci/", "PreviewUsers"), (Some(StatementScope::Anything), 1));
    assert_eq!(scope("'tag:rotate=yes'", "PreviewKeys"), (arns(&["*"]), 1));
    let many = (0..11).map(|n| format!("user-{n}")).collect::<Vec<_>>();
    assert_eq!(scope(&many.join(", "), "PreviewKeys"), (arns(&["*"]), 2), "a note says that it is wider");
    let fits = many[1..].iter().map(String::as_str).collect::<Vec<_>>();
    assert_eq!(scope(&fits.join(", "), "PreviewKeys"), (arns(&fits), 1));
}

/// A role takes ten managed policies, and so much inline ("IAM and AWS STS quotas"). Each request is decided as by the whole
/// policy: each action of a statement on each resource of all statements, under the conditions of the statement and without.
#[test]
fn a_policy_that_is_too_long_for_a_role_is_several_managed_policies_that_allow_the_same() {
    let organization = read("examples/organization.yaml");
    let longest = organization.replace("organization-key-rotation", &"s".repeat(54));
    let alone =
        format!("stack_name: {}\n{}", "s".repeat(64), read("examples/fleet.yaml").replace("stack_name: ", "# "));
    for (text, least) in [(organization, 2), (longest, 2), (alone, 2), (read("rotation.yaml"), 1)] {
        let policy = policy_at(&place("aws", REGION), &text);
        let documents = policy.documents();
        assert!((least..=10).contains(&documents.len()), "{}", documents.len());
        assert_eq!(documents.len() == 1, policy.characters() <= INLINE_POLICIES);
        let evaluated = |document| EvaluatedPolicy::read(document, &|_| None).unwrap();
        let (whole, parts) = ([evaluated(&policy.json())], documents.iter().map(evaluated).collect::<Vec<_>>());
        for document in documents.iter().filter(|_| least > 1) {
            let characters = document.to_string().split_whitespace().collect::<String>().chars().count();
            assert!(characters <= MANAGED_POLICY, "{characters} characters");
        }
        let examples = |scope: &StatementScope| match scope {
            StatementScope::Arns(arns) => arns.iter().map(|arn| arn.replace('*', "x")).collect(),
            StatementScope::Anything => vec!["*".to_owned()],
        };
        let resources: BTreeSet<_> =
            policy.statements.iter().flat_map(|statement| examples(&statement.scope)).collect();
        for statement in &policy.statements {
            let fulfilled = statement.conditions.iter().map(|one| (one.key.to_lowercase(), vec![one.value.clone()]));
            for context in [fulfilled.collect(), BTreeMap::new()] {
                for (action, resource) in
                    statement.actions.iter().flat_map(|action| resources.iter().map(move |r| (action, r)))
                {
                    let request = AccessRequest {
                        principal: format!("AWS:arn:aws:iam::{ACCOUNT}:role/deployer"),
                        action: (*action).into(),
                        resource: resource.clone(),
                        context: context.clone(),
                    };
                    assert_eq!(decide(&parts, None, &request), decide(&whole, None, &request), "{request:?}");
                }
            }
        }
    }
}

/// The longest stack name still gives a policy that fits into a role, without the optional statements. It is no wider than
/// necessary.
#[test]
fn a_long_name_of_the_stack_is_cut_as_cloudformation_may_cut_it() {
    let configuration = |length: usize| {
        let name: String = "abcdefgh-".chars().cycle().take(length).collect();
        (name.clone(), format!("stack_name: {name}x\nusers: [alice]\nemails: [a@example.com, b@example.com]\n"))
    };
    let place = place("aws-us-gov", "us-gov-west-1");
    let roles = |policy: &DeployerPolicy| -> Vec<String> {
        let manage = policy.statements.iter().find(|statement| statement.sid == "ManageRoles").unwrap();
        let StatementScope::Arns(arns) = &manage.scope else { panic!() };
        arns.clone()
    };
    // FunctionRole has 12 letters. With two hyphens and 13 random letters, 37 of the 64 characters are left.
    let (name, text) = configuration(36);
    let policy = policy_at(&place, &text);
    assert_eq!(policy.notes.len(), 1, "{:?}", policy.notes);
    let role = |role: &str| format!("arn:aws-us-gov:iam::{ACCOUNT}:role/{name}x-{role}-*");
    assert_eq!(roles(&policy), [role("FunctionRole"), role("ScheduleRole")]);

    let (name, text) = configuration(37);
    let policy = policy_at(&place, &text);
    assert_eq!(roles(&policy), [format!("arn:aws-us-gov:iam::{ACCOUNT}:role/{}*", &name[..24])]);
    assert!(policy.notes[0].contains("stack_name of at most 37 letters"), "{:?}", policy.notes);

    let (_, text) = configuration(63);
    let mut policy = policy_at(&place, &text);
    policy.statements.retain(|statement| !statement.why.starts_with("Optional"));
    assert!(policy.characters() <= INLINE_POLICIES, "{} characters", policy.characters());
}

#[test]
fn account_region_and_valid_values_are_required() {
    for (arguments, says) in [
        (&["deploy-policy"][..], "--account"),
        (&["deploy-policy", "--account", ACCOUNT], "--region"),
        (&["deploy-policy", "--account", "*", "--region", REGION], "12 digits"),
        (&["deploy-policy", "--account", ACCOUNT, "--region", "*"], "an AWS Region"),
        (&["deploy-policy", "--account", ACCOUNT, "--region", REGION, "--partition", "x"], "an AWS partition"),
        (&["deploy-policy", "--account", ACCOUNT, "--region", REGION, "--config", "nowhere.yaml"], "nowhere.yaml"),
        (
            &["deploy-policy", "--account", ACCOUNT, "--region", "us-east-1", "--config", "examples/organization.yaml"],
            "organization.region is eu-west-1, but --region is us-east-1.",
        ),
    ] {
        let output = synth(root(), arguments);
        let printed = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), output.stdout.is_empty()), (Some(2), true), "{arguments:?}: {printed}");
        assert!(printed.contains(says), "{arguments:?}: {printed}");
    }
}

#[test]
fn the_partition_is_that_of_the_region_and_no_other_one_is_accepted() {
    let run = |region: &str, more: &[&str]| {
        synth(root(), &[&["deploy-policy", "--account", ACCOUNT, "--region", region][..], more].concat())
    };
    let china = run("cn-north-1", &[]);
    let policy = String::from_utf8_lossy(&china.stdout);
    assert!(china.status.success() && policy.contains("arn:aws-cn:") && !policy.contains("arn:aws:"), "{policy}");
    for (region, partition) in [("cn-north-1", "aws"), ("eu-west-1", "aws-us-gov")] {
        let refused = run(region, &["--partition", partition]);
        let said = String::from_utf8_lossy(&refused.stderr);
        assert_eq!((refused.status.code(), refused.stdout.len()), (Some(2), 0), "{said}");
        let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(&format!("not in {partition}; leave --partition out")), "{said}");
    }
}
