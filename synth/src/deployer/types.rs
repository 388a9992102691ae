//! What CloudFormation does, with the rights of whoever deploys, to each type of resource that a stack of ours has.
//!
//! Tags are written where CloudFormation adds its own, which say of which stack a resource is; a template sets none.
//!
//! A type that comes into a template comes in here too; a test says which. Another test holds each against the permissions
//! that AWS's own schema of the type names, and says which of those are left out because a template sets no such property.

/// A resource type.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// Its name.
    pub kind: &'static str,
    /// The id of the statement. Types that are about the same ARNs share one.
    pub sid: &'static str,
    /// What that is for.
    pub why: &'static str,
    /// What is done to a resource of it, from its creation to its deletion.
    pub actions: &'static [&'static str],
    /// What is asked, and AWS does not let anybody say of which resource: no narrower resource than `*` would match.
    pub anywhere: &'static [&'static str],
    /// How a resource of it is called.
    pub name: Name,
    /// Its ARNs, as the Service Authorization Reference writes them.
    pub arns: &'static [&'static str],
}

/// How a resource is called.
#[derive(Debug, Clone, Copy)]
pub enum Name {
    /// As a property says, or as CloudFormation makes it up.
    UserOverrides {
        /// The property.
        property: &'static str,
        /// How long it can be.
        longest: usize,
    },
    /// It is known by a resource that it belongs to, which this property names.
    Of(&'static str),
    /// By nothing that is known before it exists.
    Random,
}

/// All of them.
pub const TYPES: &[Entry] = &[
    Entry {
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
        name: Name::UserOverrides { property: "TopicName", longest: 256 },
        arns: &["arn:${Partition}:sns:${Region}:${Account}:${Name}"],
    },
    Entry {
        kind: "AWS::SNS::Subscription",
        sid: "ManageTopics",
        why: "Subscribe addresses to the topic, and take them off.",
        actions: &[
            "sns:Subscribe",
            "sns:Unsubscribe",
            "sns:GetSubscriptionAttributes",
            "sns:SetSubscriptionAttributes",
        ],
        anywhere: &[],
        name: Name::Of("TopicArn"),
        arns: &["arn:${Partition}:sns:${Region}:${Account}:${Name}"],
    },
    Entry {
        kind: "AWS::SNS::TopicPolicy",
        sid: "ManageTopics",
        why: "Say who else may publish to the topic.",
        actions: &["sns:SetTopicAttributes"],
        anywhere: &[],
        name: Name::Of("Topics"),
        arns: &["arn:${Partition}:sns:${Region}:${Account}:${Name}"],
    },
    Entry {
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
        ],
        anywhere: &[],
        name: Name::UserOverrides { property: "QueueName", longest: 80 },
        arns: &["arn:${Partition}:sqs:${Region}:${Account}:${Name}"],
    },
    Entry {
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
        name: Name::UserOverrides { property: "LogGroupName", longest: 512 },
        // Some actions are asked for with the ARN of the log group, others with that of all in it.
        arns: &[
            "arn:${Partition}:logs:${Region}:${Account}:log-group:${Name}",
            "arn:${Partition}:logs:${Region}:${Account}:log-group:${Name}:*",
        ],
    },
    Entry {
        kind: "AWS::IAM::Role",
        sid: "ManageRoles",
        why: "Create, change and delete the stack's roles and what they may do. No managed policy can be attached.",
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
        ],
        anywhere: &[],
        name: Name::UserOverrides { property: "RoleName", longest: 64 },
        arns: &["arn:${Partition}:iam::${Account}:role/${Name}"],
    },
    Entry {
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
        ],
        anywhere: &[],
        name: Name::UserOverrides { property: "FunctionName", longest: 64 },
        arns: &["arn:${Partition}:lambda:${Region}:${Account}:function:${Name}"],
    },
    Entry {
        kind: "AWS::Lambda::EventInvokeConfig",
        sid: "ManageFunctions",
        why: "Say what becomes of a run that fails.",
        actions: &[
            "lambda:PutFunctionEventInvokeConfig",
            "lambda:GetFunctionEventInvokeConfig",
            "lambda:UpdateFunctionEventInvokeConfig",
            "lambda:DeleteFunctionEventInvokeConfig",
        ],
        anywhere: &[],
        name: Name::Of("FunctionName"),
        // It is of one version of the function, and which of the two ARNs is asked for is not documented.
        arns: &[
            "arn:${Partition}:lambda:${Region}:${Account}:function:${Name}",
            "arn:${Partition}:lambda:${Region}:${Account}:function:${Name}:$LATEST",
        ],
    },
    Entry {
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
        name: Name::UserOverrides { property: "Name", longest: 64 },
        arns: &["arn:${Partition}:scheduler:${Region}:${Account}:schedule/default/${Name}"],
    },
    Entry {
        kind: "AWS::S3::Bucket",
        sid: "ManageBuckets",
        why: "Create and configure the artifact bucket; delete it, which S3 allows while it is empty, if its creation fails.",
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
        name: Name::UserOverrides { property: "BucketName", longest: 63 },
        arns: &["arn:${Partition}:s3:::${Name}"],
    },
    Entry {
        kind: "AWS::S3::BucketPolicy",
        sid: "ManageBuckets",
        why: "Say what nobody may do with the artifact bucket.",
        actions: &["s3:PutBucketPolicy", "s3:GetBucketPolicy", "s3:DeleteBucketPolicy"],
        anywhere: &[],
        name: Name::Of("Bucket"),
        arns: &["arn:${Partition}:s3:::${Name}"],
    },
    Entry {
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
        name: Name::UserOverrides { property: "AlarmName", longest: 255 },
        arns: &["arn:${Partition}:cloudwatch:${Region}:${Account}:alarm:${Name}"],
    },
    Entry {
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
        name: Name::UserOverrides { property: "DashboardName", longest: 255 },
        arns: &["arn:${Partition}:cloudwatch::${Account}:dashboard/${Name}"],
    },
    Entry {
        kind: "AWS::KMS::Key",
        sid: "ManageKeys",
        why: "Change the topic's key, say who may use it, and schedule its deletion. Its id is random, so this is about every key.",
        actions: &[
            "kms:DescribeKey",
            "kms:GetKeyPolicy",
            "kms:PutKeyPolicy",
            "kms:GetKeyRotationStatus",
            "kms:EnableKeyRotation",
            "kms:UpdateKeyDescription",
            "kms:ListResourceTags",
            "kms:ScheduleKeyDeletion",
        ],
        anywhere: &["kms:CreateKey"],
        name: Name::Random,
        arns: &["arn:${Partition}:kms:${Region}:${Account}:key/*"],
    },
];

/// The entry of a type, if there is one.
#[must_use]
pub fn entry(kind: &str) -> Option<&'static Entry> {
    TYPES.iter().find(|entry| entry.kind == kind)
}
