//! The resource types in use, property by property, under CloudFormation's names.

use lambda::model::kms_key::KmsKeyArn;

use super::{
    Arn, Handle, HasArn, LogicalId, Pseudo, Ref, Resource,
    name::Attribute,
    policy_document::{PolicyDocument, ResourceArn},
    reference::reference,
    shape::{ResourceType, Shape},
    template::Parameter,
    value::{Part, Property, Text, Value, map, properties, words},
};

/// Declares the resource types: their CloudFormation type, whether they have an `Arn`, their properties.
macro_rules! resources {
    ($($(#[$doc:meta])* $name:ident is $type:literal $(with $arn:ident)? { $($body:tt)+ })+) => {
        $(
            properties! { $(#[$doc])* $name { $($body)+ } }
            impl Resource for $name {
                const TYPE: &'static str = $type;
            }
            $(resources!(@$arn $name);)?
        )+

        /// All of them.
        #[must_use]
        pub fn types() -> Vec<ResourceType> {
            vec![$(ResourceType {
                name: $type,
                has_arn: resources!(@has $($arn)?),
                shape: <$name as Property>::shape(),
            }),+]
        }
    };
    (@arn $name:ident) => { impl HasArn for $name {} };
    (@has arn) => { true };
    (@has) => { false };
}

resources! {
    /// A Lambda function.
    Function is "AWS::Lambda::Function" with arn {
        description: &'static str = "Description",
        function_name: Pseudo = "FunctionName",
        architectures: Vec<Architecture> = "Architectures",
        runtime: Runtime = "Runtime",
        handler: &'static str = "Handler",
        code: Code = "Code",
        role: Arn<Role> = "Role",
        memory_size: u32 = "MemorySize",
        timeout: u32 = "Timeout",
        environment: Environment = "Environment",
        logging_config: LoggingConfig = "LoggingConfig",
    }

    /// What Lambda does with an asynchronous invocation that fails.
    EventInvokeConfig is "AWS::Lambda::EventInvokeConfig" {
        function_name: Ref<Function> = "FunctionName",
        qualifier: &'static str = "Qualifier",
        maximum_retry_attempts: u32 = "MaximumRetryAttempts",
        destination_config: DestinationConfig = "DestinationConfig",
    }

    /// An IAM role.
    Role is "AWS::IAM::Role" with arn {
        description: &'static str = "Description",
        assume_role_policy_document: PolicyDocument = "AssumeRolePolicyDocument",
        policies: Vec<InlinePolicy> = "Policies",
    }

    /// A CloudWatch Logs log group.
    LogGroup is "AWS::Logs::LogGroup" with arn {
        log_group_name: Text = "LogGroupName",
        retention_in_days: u32 = "RetentionInDays",
        kms_key_id: Option<KmsKeyArn> = "KmsKeyId",
    }

    /// A KMS key. Its `Ref` is its id.
    Key is "AWS::KMS::Key" with arn {
        description: &'static str = "Description",
        enable_key_rotation: bool = "EnableKeyRotation",
        key_policy: PolicyDocument = "KeyPolicy",
    }

    /// An SNS topic. Its `Ref` is its ARN.
    Topic is "AWS::SNS::Topic" {
        display_name: &'static str = "DisplayName",
        kms_master_key_id: Text = "KmsMasterKeyId",
    }

    /// What others than the account's own identities may do with topics.
    TopicPolicy is "AWS::SNS::TopicPolicy" {
        topics: Vec<Ref<Topic>> = "Topics",
        policy_document: PolicyDocument = "PolicyDocument",
    }

    /// A subscription to a topic.
    Subscription is "AWS::SNS::Subscription" with arn {
        topic_arn: Ref<Topic> = "TopicArn",
        protocol: Protocol = "Protocol",
        endpoint: String = "Endpoint",
        filter_policy_scope: Option<FilterPolicyScope> = "FilterPolicyScope",
        filter_policy: Option<FilterPolicy> = "FilterPolicy",
    }

    /// An SQS queue. Its `Ref` is its URL.
    Queue is "AWS::SQS::Queue" with arn {
        message_retention_period: u32 = "MessageRetentionPeriod",
        sqs_managed_sse_enabled: bool = "SqsManagedSseEnabled",
    }

    /// An EventBridge Scheduler schedule.
    Schedule is "AWS::Scheduler::Schedule" with arn {
        name: Pseudo = "Name",
        description: &'static str = "Description",
        schedule_expression: String = "ScheduleExpression",
        schedule_expression_timezone: String = "ScheduleExpressionTimezone",
        flexible_time_window: FlexibleTimeWindow = "FlexibleTimeWindow",
        state: ScheduleState = "State",
        target: Target = "Target",
    }

    /// A CloudWatch alarm on one metric.
    Alarm is "AWS::CloudWatch::Alarm" with arn {
        alarm_name: Text = "AlarmName",
        alarm_description: Text = "AlarmDescription",
        namespace: &'static str = "Namespace",
        metric_name: &'static str = "MetricName",
        dimensions: Vec<Dimension> = "Dimensions",
        statistic: Statistic = "Statistic",
        /// In seconds.
        period: u32 = "Period",
        evaluation_periods: u32 = "EvaluationPeriods",
        comparison_operator: ComparisonOperator = "ComparisonOperator",
        threshold: u32 = "Threshold",
        treat_missing_data: TreatMissingData = "TreatMissingData",
        warm_up_configuration: Option<WarmUpConfiguration> = "WarmUpConfiguration",
        alarm_actions: Vec<Ref<Topic>> = "AlarmActions",
        ok_actions: Option<Vec<Ref<Topic>>> = "OKActions",
    }

    /// A CloudWatch dashboard.
    Dashboard is "AWS::CloudWatch::Dashboard" {
        dashboard_name: Pseudo = "DashboardName",
        /// JSON.
        dashboard_body: Text = "DashboardBody",
    }

    /// An S3 bucket. Its `Ref` is its name.
    Bucket is "AWS::S3::Bucket" with arn {
        bucket_name: Text = "BucketName",
        bucket_encryption: BucketEncryption = "BucketEncryption",
        public_access_block_configuration: NoPublicAccess = "PublicAccessBlockConfiguration",
        ownership_controls: OwnershipControls = "OwnershipControls",
        versioning_configuration: VersioningConfiguration = "VersioningConfiguration",
        lifecycle_configuration: LifecycleConfiguration = "LifecycleConfiguration",
    }

    /// The policy of a bucket.
    BucketPolicy is "AWS::S3::BucketPolicy" {
        bucket: Ref<Bucket> = "Bucket",
        policy_document: PolicyDocument = "PolicyDocument",
    }
}

properties! {
    /// Where a function's package is.
    Code { bucket: Ref<Parameter> = "S3Bucket", key: Ref<Parameter> = "S3Key" }
}

/// A function's environment variables.
#[derive(Debug, Clone)]
pub struct Environment(pub Vec<(&'static str, Text)>);

impl Environment {
    /// Name by name.
    #[must_use]
    pub fn variables(&self) -> Value {
        map(self.0.iter().map(|(name, text)| (*name, text.clone().value())))
    }
}

impl Property for Environment {
    fn value(self) -> Option<Value> {
        Some(map([("Variables", Some(self.variables()))]))
    }

    fn shape() -> Shape {
        Shape::Struct(vec![("Variables", Shape::Map(Box::new(Text::shape())))])
    }
}

properties! {
    /// Where a function logs to, and how.
    LoggingConfig { log_format: LogFormat = "LogFormat", log_group: Ref<LogGroup> = "LogGroup" }
}

words! {
    /// How Lambda writes its own log lines.
    LogFormat { Json = "JSON", Text = "Text" }
}

words! {
    /// The processor a function runs on.
    Architecture { Arm64 = "arm64", X86_64 = "x86_64" }
}

words! {
    /// A function's runtime.
    Runtime { ProvidedAl2023 = "provided.al2023" }
}

properties! {
    /// Where the records of invocations go.
    DestinationConfig { on_failure: Destination = "OnFailure" }
}

properties! {
    /// A queue; Lambda would take a topic, a function or a bus too.
    Destination { destination: Arn<Queue> = "Destination" }
}

properties! {
    /// A policy that belongs to one role.
    InlinePolicy { policy_name: &'static str = "PolicyName", policy_document: PolicyDocument = "PolicyDocument" }
}

words! {
    /// How a subscriber is reached.
    Protocol { Email = "email" }
}

words! {
    /// What of a message a filter policy looks at.
    FilterPolicyScope { MessageAttributes = "MessageAttributes" }
}

/// What a message must say to reach a subscriber: for each attribute, one of its values is among these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterPolicy(pub Vec<(&'static str, Vec<String>)>);

impl Property for FilterPolicy {
    fn value(self) -> Option<Value> {
        Some(map(self.0.into_iter().map(|(attribute, values)| (attribute, values.value()))))
    }

    fn shape() -> Shape {
        Shape::Json(Box::new(Vec::<String>::shape()))
    }
}

properties! {
    /// How late a schedule may fire.
    FlexibleTimeWindow { mode: FlexibleTimeWindowMode = "Mode" }
}

words! {
    /// Whether a schedule may fire late.
    FlexibleTimeWindowMode { Off = "OFF" }
}

words! {
    /// Whether a schedule fires.
    ScheduleState { Enabled = "ENABLED" }
}

properties! {
    /// What a schedule invokes.
    Target {
        arn: Arn<Function> = "Arn",
        role_arn: Arn<Role> = "RoleArn",
        input: String = "Input",
        retry_policy: RetryPolicy = "RetryPolicy",
        dead_letter_config: DeadLetterConfig = "DeadLetterConfig",
    }
}

properties! {
    /// How often and how long a delivery is tried again. The age is in seconds.
    RetryPolicy {
        maximum_retry_attempts: u32 = "MaximumRetryAttempts",
        maximum_event_age: u32 = "MaximumEventAgeInSeconds",
    }
}

properties! {
    /// Where undeliverable events go.
    DeadLetterConfig { arn: Arn<Queue> = "Arn" }
}

properties! {
    /// One of the names by which a metric is told from others.
    Dimension { name: &'static str = "Name", value: Text = "Value" }
}

words! {
    /// What is made of a period's data.
    Statistic { Maximum = "Maximum", SampleCount = "SampleCount", Sum = "Sum" }
}

words! {
    /// When a value is a breach.
    ComparisonOperator { GreaterThanThreshold = "GreaterThanThreshold", LessThanThreshold = "LessThanThreshold" }
}

words! {
    /// What a period without data is.
    TreatMissingData { Breaching = "breaching", NotBreaching = "notBreaching" }
}

properties! {
    /// How long a new alarm waits before it counts, in minutes.
    WarmUpConfiguration { minutes: u32 = "WarmUpPeriodDurationInMinutes" }
}

properties! {
    /// How a bucket's objects are encrypted.
    BucketEncryption { rules: Vec<EncryptionRule> = "ServerSideEncryptionConfiguration" }
}

properties! {
    /// How they are encrypted unless the request says otherwise.
    EncryptionRule { by_default: EncryptionByDefault = "ServerSideEncryptionByDefault" }
}

properties! {
    /// With what.
    EncryptionByDefault { algorithm: SseAlgorithm = "SSEAlgorithm" }
}

words! {
    /// Who keeps the key: with this one, S3.
    SseAlgorithm { Aes256 = "AES256" }
}

/// No access for the public, in all four ways. There is no way to write less.
#[derive(Debug, Clone, Copy)]
pub struct NoPublicAccess;

impl NoPublicAccess {
    const WAYS: [&str; 4] = ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"];
}

impl Property for NoPublicAccess {
    fn value(self) -> Option<Value> {
        Some(map(Self::WAYS.map(|way| (way, true.value()))))
    }

    fn shape() -> Shape {
        Shape::Struct(Self::WAYS.map(|way| (way, bool::shape())).into())
    }
}

properties! {
    /// Whose the objects of a bucket are.
    OwnershipControls { rules: Vec<OwnershipRule> = "Rules" }
}

properties! {
    /// Whose.
    OwnershipRule { object_ownership: ObjectOwnership = "ObjectOwnership" }
}

words! {
    /// With this one they are the bucket owner's, and access control lists mean nothing.
    ObjectOwnership { BucketOwnerEnforced = "BucketOwnerEnforced" }
}

properties! {
    /// Whether a bucket keeps what is overwritten or deleted.
    VersioningConfiguration { status: VersioningStatus = "Status" }
}

words! {
    /// Whether it does.
    VersioningStatus { Enabled = "Enabled" }
}

properties! {
    /// What goes by itself.
    LifecycleConfiguration { rules: Vec<LifecycleRule> = "Rules" }
}

properties! {
    /// What goes, and when. The times are in days.
    LifecycleRule {
        id: &'static str = "Id",
        status: RuleStatus = "Status",
        abort_incomplete_multipart_upload: AbortIncompleteMultipartUpload = "AbortIncompleteMultipartUpload",
        noncurrent_version_expiration: NoncurrentVersionExpiration = "NoncurrentVersionExpiration",
    }
}

words! {
    /// Whether a rule is followed.
    RuleStatus { Enabled = "Enabled" }
}

properties! {
    /// How long an upload in parts may take.
    AbortIncompleteMultipartUpload { days_after_initiation: u32 = "DaysAfterInitiation" }
}

properties! {
    /// How long what was overwritten or deleted is kept.
    NoncurrentVersionExpiration { noncurrent_days: u32 = "NoncurrentDays" }
}

impl Handle<Queue> {
    /// `!GetAtt` of the queue's name, by which CloudWatch knows it ("AWS::SQS::Queue": Return values).
    #[must_use]
    pub fn queue_name(&self) -> QueueName {
        QueueName { id: self.id.clone() }
    }
}

/// The name of a queue.
#[derive(Debug, Clone)]
pub struct QueueName {
    id: LogicalId,
}

impl From<QueueName> for Attribute {
    fn from(queue: QueueName) -> Self {
        Self { of: queue.id, name: "QueueName" }
    }
}

reference!(QueueName, GetAtt);

/// A topic's `Ref` is its ARN.
impl ResourceArn {
    /// The objects of a bucket, whatever their keys.
    #[must_use]
    pub fn objects(bucket: Arn<Bucket>) -> Self {
        Self(Text::of([bucket.into(), "/*".into()]))
    }
}

impl From<Ref<Topic>> for ResourceArn {
    fn from(topic: Ref<Topic>) -> Self {
        Self(topic.into())
    }
}
