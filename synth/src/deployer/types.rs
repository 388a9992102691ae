//! The actions that CloudFormation calls with the deployer's permissions, for each resource type in our stacks.
//!
//! The permissions for tags and for the reserved concurrency are here whether or not a template sets them: an update that
//! removes them needs them too, and so does its rollback.
//!
//! When a template gets a new resource type, add the type here; a test fails until then. Another test compares each
//! entry with the permissions in AWS's schema of the type. It also lists the permissions that are left out, mostly
//! because no template sets the property that needs them.

/// One resource type, with the permissions that CloudFormation needs for it.
#[derive(Debug, Clone, Copy)]
pub struct TypePermissions {
    /// The name of the type, such as `AWS::SNS::Topic`.
    pub kind: &'static str,
    /// The id of the policy statement. Types with the same ARNs share one statement.
    pub sid: &'static str,
    /// The purpose of the permissions, as a sentence.
    pub why: &'static str,
    /// Actions on a resource of this type, from its creation to its deletion.
    pub actions: &'static [&'static str],
    /// Actions that AWS does not let a policy limit to a resource: they match only `*`.
    pub anywhere: &'static [&'static str],
    /// Where a resource of this type gets its name.
    pub name: ResourceNaming,
    /// The ARNs of a resource of this type, in the notation of the Service Authorization Reference.
    pub arns: &'static [&'static str],
}

/// Where a resource gets its name.
#[derive(Debug, Clone, Copy)]
pub enum ResourceNaming {
    /// From a property of its own, or from CloudFormation if the template does not set the property.
    Own {
        /// The property that holds the name.
        property: &'static str,
        /// The length of the longest name that AWS accepts, in characters.
        longest: usize,
    },
    /// From the resource that it belongs to, which this property refers to.
    Of(&'static str),
    /// From AWS, at random. The name is unknown before the resource exists.
    Random,
}

/// Every resource type that a template of ours may contain.
pub const TYPES: &[TypePermissions] = &[
    TypePermissions {
        kind: "AWS::SNS::Topic",
        sid: "ManageTopics",
        why: "Create, change and delete the topic.",
        actions: &[
            "sns:CreateTopic",
            "sns:GetTopicAttributes",
            "sns:SetTopicAttributes",
            "sns:DeleteTopic",
            "sns:TagResource",
            "sns:UntagResource",
            "sns:ListTagsForResource",
            "sns:ListSubscriptionsByTopic",
            "sns:GetDataProtectionPolicy",
        ],
        anywhere: &[],
        name: ResourceNaming::Own { property: "TopicName", longest: 256 },
        arns: &["arn:${Partition}:sns:${Region}:${Account}:${Name}"],
    },
    TypePermissions {
        kind: "AWS::SNS::Subscription",
        sid: "ManageTopics",
        why: "Subscribe addresses to the topic and unsubscribe them.",
        actions: &[
            "sns:Subscribe",
            "sns:Unsubscribe",
            "sns:GetSubscriptionAttributes",
            "sns:SetSubscriptionAttributes",
        ],
        anywhere: &[],
        name: ResourceNaming::Of("TopicArn"),
        arns: &["arn:${Partition}:sns:${Region}:${Account}:${Name}"],
    },
    TypePermissions {
        kind: "AWS::SNS::TopicPolicy",
        sid: "ManageTopics",
        why: "Set the topic policy.",
        actions: &["sns:SetTopicAttributes"],
        anywhere: &[],
        name: ResourceNaming::Of("Topics"),
        arns: &["arn:${Partition}:sns:${Region}:${Account}:${Name}"],
    },
    TypePermissions {
        kind: "AWS::SQS::Queue",
        sid: "ManageQueues",
        why: "Create, change and delete the dead-letter queue.",
        actions: &[
            "sqs:CreateQueue",
            "sqs:GetQueueUrl",
            "sqs:GetQueueAttributes",
            "sqs:SetQueueAttributes",
            "sqs:DeleteQueue",
            "sqs:ListQueueTags",
            "sqs:TagQueue",
            "sqs:UntagQueue",
        ],
        anywhere: &[],
        name: ResourceNaming::Own { property: "QueueName", longest: 80 },
        arns: &["arn:${Partition}:sqs:${Region}:${Account}:${Name}"],
    },
    TypePermissions {
        kind: "AWS::SQS::QueuePolicy",
        sid: "ManageQueues",
        why: "Set the policy of the dead-letter queue.",
        actions: &["sqs:SetQueueAttributes"],
        anywhere: &[],
        name: ResourceNaming::Of("Queues"),
        arns: &["arn:${Partition}:sqs:${Region}:${Account}:${Name}"],
    },
    TypePermissions {
        kind: "AWS::Lambda::Permission",
        sid: "LetNoticesInvoke",
        why: "Let the topic for notices invoke the functions of notify.",
        actions: &["lambda:AddPermission", "lambda:RemovePermission", "lambda:GetPolicy"],
        anywhere: &[],
        // The property has the ARN of the function.
        name: ResourceNaming::Of("FunctionName"),
        arns: &["${Name}"],
    },
    TypePermissions {
        kind: "AWS::Logs::LogGroup",
        sid: "ManageLogGroups",
        why: "Create, change and delete the function's log group.",
        actions: &[
            "logs:CreateLogGroup",
            "logs:PutRetentionPolicy",
            "logs:DeleteLogGroup",
            "logs:AssociateKmsKey",
            "logs:DisassociateKmsKey",
            "logs:TagResource",
            "logs:UntagResource",
            "logs:ListTagsForResource",
            "logs:GetDataProtectionPolicy",
        ],
        anywhere: &["logs:DescribeLogGroups", "logs:DescribeIndexPolicies", "logs:DescribeResourcePolicies"],
        name: ResourceNaming::Own { property: "LogGroupName", longest: 512 },
        // AWS checks some actions against the ARN of the log group, others against the ARN of everything in it.
        arns: &[
            "arn:${Partition}:logs:${Region}:${Account}:log-group:${Name}",
            "arn:${Partition}:logs:${Region}:${Account}:log-group:${Name}:*",
        ],
    },
    TypePermissions {
        kind: "AWS::IAM::Role",
        sid: "ManageRoles",
        why: "Create, change and delete the stack's roles and their inline policies. No managed policy can be attached.",
        actions: &[
            "iam:CreateRole",
            "iam:GetRole",
            "iam:UpdateRole",
            "iam:UpdateRoleDescription",
            "iam:UpdateAssumeRolePolicy",
            "iam:DeleteRole",
            "iam:PutRolePolicy",
            "iam:GetRolePolicy",
            "iam:DeleteRolePolicy",
            "iam:ListRolePolicies",
            "iam:ListAttachedRolePolicies",
            "iam:TagRole",
            "iam:UntagRole",
        ],
        anywhere: &[],
        name: ResourceNaming::Own { property: "RoleName", longest: 64 },
        arns: &["arn:${Partition}:iam::${Account}:role/${Name}"],
    },
    TypePermissions {
        kind: "AWS::Lambda::Function",
        sid: "ManageFunctions",
        why: "Create, change and delete the function.",
        actions: &[
            "lambda:CreateFunction",
            "lambda:GetFunction",
            "lambda:UpdateFunctionCode",
            "lambda:UpdateFunctionConfiguration",
            "lambda:DeleteFunction",
            "lambda:TagResource",
            "lambda:UntagResource",
            "lambda:GetFunctionCodeSigningConfig",
            "lambda:GetFunctionRecursionConfig",
            "lambda:GetFunctionScalingConfig",
            "lambda:GetRuntimeManagementConfig",
            "lambda:PutFunctionConcurrency",
            "lambda:DeleteFunctionConcurrency",
        ],
        anywhere: &[],
        name: ResourceNaming::Own { property: "FunctionName", longest: 64 },
        arns: &["arn:${Partition}:lambda:${Region}:${Account}:function:${Name}"],
    },
    TypePermissions {
        kind: "AWS::Lambda::EventInvokeConfig",
        sid: "ManageFunctions",
        why: "Configure what Lambda does after a run that fails.",
        actions: &[
            "lambda:PutFunctionEventInvokeConfig",
            "lambda:GetFunctionEventInvokeConfig",
            "lambda:UpdateFunctionEventInvokeConfig",
            "lambda:DeleteFunctionEventInvokeConfig",
        ],
        anywhere: &[],
        name: ResourceNaming::Of("FunctionName"),
        // The configuration belongs to one version of the function. AWS does not document which of the two ARNs it
        // checks.
        arns: &[
            "arn:${Partition}:lambda:${Region}:${Account}:function:${Name}",
            "arn:${Partition}:lambda:${Region}:${Account}:function:${Name}:$LATEST",
        ],
    },
    TypePermissions {
        kind: "AWS::Scheduler::Schedule",
        sid: "ManageSchedules",
        why: "Create, change and delete the schedule.",
        actions: &[
            "scheduler:CreateSchedule",
            "scheduler:GetSchedule",
            "scheduler:UpdateSchedule",
            "scheduler:DeleteSchedule",
        ],
        anywhere: &[],
        name: ResourceNaming::Own { property: "Name", longest: 64 },
        arns: &["arn:${Partition}:scheduler:${Region}:${Account}:schedule/default/${Name}"],
    },
    TypePermissions {
        kind: "AWS::S3::Bucket",
        sid: "ManageBuckets",
        why: "Create and configure the artifact bucket. If its creation fails, delete it; S3 deletes only an empty bucket.",
        actions: &[
            "s3:CreateBucket",
            "s3:DeleteBucket",
            "s3:ListBucket",
            "s3:PutBucketOwnershipControls",
            "s3:PutBucketPublicAccessBlock",
            "s3:PutBucketTagging",
            "s3:PutBucketVersioning",
            "s3:PutEncryptionConfiguration",
            "s3:PutLifecycleConfiguration",
            "s3:TagResource",
            "s3:UntagResource",
            "s3:GetAccelerateConfiguration",
            "s3:GetAnalyticsConfiguration",
            "s3:GetBucketAbac",
            "s3:GetBucketCORS",
            "s3:GetBucketLogging",
            "s3:GetBucketMetadataTableConfiguration",
            "s3:GetBucketNotification",
            "s3:GetBucketObjectLockConfiguration",
            "s3:GetBucketOwnershipControls",
            "s3:GetBucketPublicAccessBlock",
            "s3:GetBucketTagging",
            "s3:GetBucketVersioning",
            "s3:GetBucketWebsite",
            "s3:GetEncryptionConfiguration",
            "s3:GetIntelligentTieringConfiguration",
            "s3:GetInventoryConfiguration",
            "s3:GetLifecycleConfiguration",
            "s3:GetMetricsConfiguration",
            "s3:GetReplicationConfiguration",
            "s3:ListTagsForResource",
        ],
        anywhere: &[],
        name: ResourceNaming::Own { property: "BucketName", longest: 63 },
        arns: &["arn:${Partition}:s3:::${Name}"],
    },
    TypePermissions {
        kind: "AWS::S3::BucketPolicy",
        sid: "ManageBuckets",
        why: "Set the bucket policy, which denies access without TLS.",
        actions: &["s3:PutBucketPolicy", "s3:GetBucketPolicy", "s3:DeleteBucketPolicy"],
        anywhere: &[],
        name: ResourceNaming::Of("Bucket"),
        arns: &["arn:${Partition}:s3:::${Name}"],
    },
    TypePermissions {
        kind: "AWS::CloudWatch::Alarm",
        sid: "ManageAlarms",
        why: "Create, change and delete the alarms.",
        actions: &[
            "cloudwatch:PutMetricAlarm",
            "cloudwatch:DescribeAlarms",
            "cloudwatch:DeleteAlarms",
            "cloudwatch:TagResource",
            "cloudwatch:UntagResource",
            "cloudwatch:ListTagsForResource",
        ],
        anywhere: &[],
        name: ResourceNaming::Own { property: "AlarmName", longest: 255 },
        arns: &["arn:${Partition}:cloudwatch:${Region}:${Account}:alarm:${Name}"],
    },
    TypePermissions {
        kind: "AWS::CloudWatch::Dashboard",
        sid: "ManageDashboards",
        why: "Create, change and delete the dashboard.",
        actions: &[
            "cloudwatch:PutDashboard",
            "cloudwatch:GetDashboard",
            "cloudwatch:DeleteDashboards",
            "cloudwatch:TagResource",
            "cloudwatch:UntagResource",
            "cloudwatch:ListTagsForResource",
        ],
        anywhere: &[],
        name: ResourceNaming::Own { property: "DashboardName", longest: 255 },
        arns: &["arn:${Partition}:cloudwatch::${Account}:dashboard/${Name}"],
    },
    TypePermissions {
        kind: "AWS::Lambda::EventSourceMapping",
        sid: "ManageEventSources",
        why: "Create, change and delete the mapping with which Lambda reads a queue. Its id is random, so this covers every one.",
        actions: &[
            "lambda:GetEventSourceMapping",
            "lambda:UpdateEventSourceMapping",
            "lambda:DeleteEventSourceMapping",
            "lambda:ListTags",
            "lambda:TagResource",
            "lambda:UntagResource",
        ],
        anywhere: &["lambda:CreateEventSourceMapping"],
        name: ResourceNaming::Random,
        arns: &["arn:${Partition}:lambda:${Region}:${Account}:event-source-mapping:*"],
    },
    TypePermissions {
        kind: "AWS::Events::EventBus",
        sid: "ManageEventBuses",
        why: "Create, change and delete the event bus.",
        actions: &[
            "events:CreateEventBus",
            "events:DescribeEventBus",
            "events:UpdateEventBus",
            "events:DeleteEventBus",
            "events:ListTagsForResource",
            "events:TagResource",
            "events:UntagResource",
        ],
        anywhere: &[],
        name: ResourceNaming::Own { property: "Name", longest: 256 },
        arns: &["arn:${Partition}:events:${Region}:${Account}:event-bus/${Name}"],
    },
    TypePermissions {
        kind: "AWS::Events::EventBusPolicy",
        sid: "ManageEventBuses",
        why: "Set the policy of the event bus.",
        actions: &["events:DescribeEventBus"],
        anywhere: &["events:PutPermission", "events:RemovePermission"],
        name: ResourceNaming::Of("EventBusName"),
        arns: &["arn:${Partition}:events:${Region}:${Account}:event-bus/${Name}"],
    },
    TypePermissions {
        kind: "AWS::Events::Rule",
        sid: "ManageEventRules",
        why: "Create, change and delete the rule that passes on events, and its target.",
        actions: &[
            "events:PutRule",
            "events:DescribeRule",
            "events:DeleteRule",
            "events:PutTargets",
            "events:RemoveTargets",
            "events:ListTargetsByRule",
            "events:ListTagsForResource",
            "events:TagResource",
            "events:UntagResource",
        ],
        anywhere: &[],
        name: ResourceNaming::Own { property: "Name", longest: 64 },
        // The name of the bus stands before that of a rule, but not that of the default bus.
        arns: &[
            "arn:${Partition}:events:${Region}:${Account}:rule/${Name}",
            "arn:${Partition}:events:${Region}:${Account}:rule/*/${Name}",
        ],
    },
    TypePermissions {
        kind: "AWS::CloudFormation::StackSet",
        sid: "ManageStackSets",
        why: "Create, change and delete the StackSets and the stacks of the members. The StackSets of a delegated administrator \
              belong to the management account.",
        actions: &[
            "cloudformation:DescribeStackSet",
            "cloudformation:UpdateStackSet",
            "cloudformation:DeleteStackSet",
            "cloudformation:CreateStackInstances",
            "cloudformation:UpdateStackInstances",
            "cloudformation:DeleteStackInstances",
            "cloudformation:DescribeStackInstance",
            "cloudformation:ListStackInstances",
            "cloudformation:DescribeStackSetOperation",
            "cloudformation:ListStackSetOperationResults",
            "cloudformation:TagResource",
            "cloudformation:UntagResource",
        ],
        anywhere: &["cloudformation:CreateStackSet", "cloudformation:GetTemplateSummary"],
        name: ResourceNaming::Own { property: "StackSetName", longest: 128 },
        arns: &[
            "arn:${Partition}:cloudformation:${Region}:*:stackset/${Name}:*",
            "arn:${Partition}:cloudformation:${Region}:*:stackset-target/${Name}:*",
            "arn:${Partition}:cloudformation:${Region}::type/resource/*",
        ],
    },
    TypePermissions {
        kind: "AWS::KMS::Key",
        sid: "ManageKeys",
        why: "Change the topic's key and its policy, and schedule its deletion. Its id is random, so this covers every key.",
        actions: &[
            "kms:DescribeKey",
            "kms:GetKeyPolicy",
            "kms:PutKeyPolicy",
            "kms:GetKeyRotationStatus",
            "kms:EnableKeyRotation",
            "kms:UpdateKeyDescription",
            "kms:ListResourceTags",
            "kms:ScheduleKeyDeletion",
            "kms:TagResource",
            "kms:UntagResource",
        ],
        anywhere: &["kms:CreateKey"],
        name: ResourceNaming::Random,
        arns: &["arn:${Partition}:kms:${Region}:${Account}:key/*"],
    },
];

/// The entry of a type, if there is one.
#[must_use]
pub fn entry(kind: &str) -> Option<&'static TypePermissions> {
    TYPES.iter().find(|entry| entry.kind == kind)
}
