//! The resource types that our templates use. Each property has the name that CloudFormation gives it.

use lambda::model::kms_key::KmsKeyArn;

use super::{
    Arn, DeclaredType, Handle, HasArn, LogicalId, Pseudo, Ref,
    name::Attribute,
    policy_document::{PolicyDocument, ResourceArn},
    reference::reference,
    shape::{ResourceType, Shape},
    tags::{TAGS, Tags},
    template::Parameter,
    value::{Part, Property, Text, Value, map, properties, words},
};

/// Declares the resource types: the CloudFormation type, whether it has an `Arn`, whether it can have tags, and the other
/// properties.
macro_rules! resources {
    ($($(#[$doc:meta])* $name:ident is $type:literal $(with $arn:ident)? $(and $tags:ident)? { $($body:tt)+ })+) => {
        $(
            properties! { $(#[$doc])* $name { $($body)+ } }
            impl DeclaredType for $name {
                const TYPE: &'static str = $type;
                const TAKES_TAGS: bool = resources!(@has $($tags)?);
            }
            $(resources!(@$arn $name);)?
        )+

        /// Every resource type that is declared here.
        #[must_use]
        pub fn types() -> Vec<ResourceType> {
            vec![$(ResourceType {
                name: $type,
                has_arn: resources!(@has $($arn)?),
                shape: whole_shape::<$name>(),
            }),+]
        }
    };
    (@arn $name:ident) => { impl HasArn for $name {} };
    (@has $word:ident) => { true };
    (@has) => { false };
}

/// The shape of a type, with the tags that a template adds.
fn whole_shape<R: DeclaredType>() -> Shape {
    match R::shape() {
        Shape::Struct(mut fields) if R::TAKES_TAGS => {
            fields.push((TAGS, Tags::shape()));
            Shape::Struct(fields)
        }
        shape => shape,
    }
}

resources! {
    /// A Lambda function.
    Function is "AWS::Lambda::Function" with arn and tags {
        description: &'static str = "Description",
        function_name: Pseudo = "FunctionName",
        architectures: Vec<Architecture> = "Architectures",
        runtime: Runtime = "Runtime",
        handler: &'static str = "Handler",
        code: Code = "Code",
        role: Arn<Role> = "Role",
        memory_size: u32 = "MemorySize",
        timeout: u32 = "Timeout",
        reserved_concurrent_executions: Option<u32> = "ReservedConcurrentExecutions",
        environment: Environment = "Environment",
        logging_config: LoggingConfig = "LoggingConfig",
    }

    /// The settings for asynchronous invocations of a function that fail.
    EventInvokeConfig is "AWS::Lambda::EventInvokeConfig" {
        function_name: Ref<Function> = "FunctionName",
        qualifier: &'static str = "Qualifier",
        maximum_retry_attempts: u32 = "MaximumRetryAttempts",
        destination_config: DestinationConfig = "DestinationConfig",
    }

    /// An IAM role.
    Role is "AWS::IAM::Role" with arn and tags {
        description: &'static str = "Description",
        path: Option<String> = "Path",
        permissions_boundary: Option<String> = "PermissionsBoundary",
        assume_role_policy_document: PolicyDocument = "AssumeRolePolicyDocument",
        policies: Vec<InlinePolicy> = "Policies",
    }

    /// A CloudWatch Logs log group.
    LogGroup is "AWS::Logs::LogGroup" with arn and tags {
        log_group_name: Text = "LogGroupName",
        retention_in_days: u32 = "RetentionInDays",
        kms_key_id: Option<KmsKeyArn> = "KmsKeyId",
    }

    /// A KMS key. Its `Ref` is its id.
    Key is "AWS::KMS::Key" with arn and tags {
        description: &'static str = "Description",
        enable_key_rotation: bool = "EnableKeyRotation",
        key_policy: PolicyDocument = "KeyPolicy",
    }

    /// An SNS topic. Its `Ref` is its ARN.
    Topic is "AWS::SNS::Topic" and tags {
        display_name: &'static str = "DisplayName",
        kms_master_key_id: Text = "KmsMasterKeyId",
    }

    /// The policy of topics, for principals without their own IAM policy, such as AWS services.
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
        redrive_policy: Option<RedrivePolicy> = "RedrivePolicy",
    }

    /// A permission in the policy of a function: a topic may invoke it.
    Permission is "AWS::Lambda::Permission" {
        action: &'static str = "Action",
        function_name: String = "FunctionName",
        principal: &'static str = "Principal",
        source_arn: Ref<Topic> = "SourceArn",
    }

    /// The policy of queues, for AWS services.
    QueuePolicy is "AWS::SQS::QueuePolicy" {
        queues: Vec<Ref<Queue>> = "Queues",
        policy_document: PolicyDocument = "PolicyDocument",
    }

    /// An SQS queue. Its `Ref` is its URL.
    Queue is "AWS::SQS::Queue" with arn and tags {
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
    Alarm is "AWS::CloudWatch::Alarm" with arn and tags {
        alarm_name: Text = "AlarmName",
        alarm_description: Text = "AlarmDescription",
        namespace: &'static str = "Namespace",
        metric_name: &'static str = "MetricName",
        dimensions: Vec<Dimension> = "Dimensions",
        statistic: Statistic = "Statistic",
        /// The length of a period, in seconds.
        period: u32 = "Period",
        evaluation_periods: u32 = "EvaluationPeriods",
        comparison_operator: ComparisonOperator = "ComparisonOperator",
        threshold: u32 = "Threshold",
        treat_missing_data: TreatMissingData = "TreatMissingData",
        warm_up_configuration: Option<WarmUpConfiguration> = "WarmUpConfiguration",
        alarm_actions: Vec<Ref<Topic>> = "AlarmActions",
    }

    /// A CloudWatch dashboard.
    Dashboard is "AWS::CloudWatch::Dashboard" and tags {
        dashboard_name: Pseudo = "DashboardName",
        /// The dashboard as a JSON text.
        dashboard_body: Text = "DashboardBody",
    }

    /// An S3 bucket. Its `Ref` is its name.
    Bucket is "AWS::S3::Bucket" with arn and tags {
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
    /// The place of a function's package in S3.
    Code { bucket: Ref<Parameter> = "S3Bucket", key: Ref<Parameter> = "S3Key", version: Ref<Parameter> = "S3ObjectVersion" }
}

/// A function's environment variables.
#[derive(Debug, Clone)]
pub struct Environment(pub Vec<(&'static str, Text)>);

impl Environment {
    /// The variables as a map from name to value.
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
    /// The log group of a function, and the format of its log.
    LoggingConfig { log_format: LogFormat = "LogFormat", log_group: Ref<LogGroup> = "LogGroup" }
}

words! {
    /// The format of the log lines that Lambda itself writes.
    LogFormat { Json = "JSON", Text = "Text" }
}

words! {
    /// The processor architecture that a function runs on.
    Architecture { Arm64 = "arm64", X86_64 = "x86_64" }
}

words! {
    /// The runtime of a function.
    Runtime { ProvidedAl2023 = "provided.al2023" }
}

properties! {
    /// The destination for records of failed invocations.
    DestinationConfig { on_failure: Destination = "OnFailure" }
}

properties! {
    /// A queue as a destination. Lambda also accepts a topic, a function or an event bus.
    Destination { destination: Arn<Queue> = "Destination" }
}

properties! {
    /// A policy that belongs to one role.
    InlinePolicy { policy_name: &'static str = "PolicyName", policy_document: PolicyDocument = "PolicyDocument" }
}

words! {
    /// How a notice reaches a subscriber.
    Protocol { Email = "email", Queue = "sqs", Function = "lambda", Https = "https" }
}

words! {
    /// The part of a message that a filter policy applies to.
    FilterPolicyScope { MessageAttributes = "MessageAttributes" }
}

/// Where a topic puts what it could not deliver. In SNS, it is a JSON text.
#[derive(Debug, Clone)]
pub struct RedrivePolicy(pub Arn<Queue>);

impl Property for RedrivePolicy {
    fn value(self) -> Option<Value> {
        Some(map([("deadLetterTargetArn", self.0.value())]))
    }

    fn shape() -> Shape {
        Shape::Json(Box::new(Arn::<Queue>::shape()))
    }
}

/// The attributes that a message must have to reach a subscriber. Each attribute must have one of the listed values.
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
    /// The time window in which a schedule may fire.
    FlexibleTimeWindow { mode: FlexibleTimeWindowMode = "Mode" }
}

words! {
    /// Whether a schedule has a flexible time window.
    FlexibleTimeWindowMode { Off = "OFF" }
}

words! {
    /// Whether a schedule fires.
    ScheduleState { Enabled = "ENABLED" }
}

properties! {
    /// The target that a schedule invokes.
    Target {
        arn: Arn<Function> = "Arn",
        role_arn: Arn<Role> = "RoleArn",
        input: String = "Input",
        retry_policy: RetryPolicy = "RetryPolicy",
        dead_letter_config: DeadLetterConfig = "DeadLetterConfig",
    }
}

properties! {
    /// How many times a failed delivery is tried again, and up to which age of the event, in seconds.
    RetryPolicy {
        maximum_retry_attempts: u32 = "MaximumRetryAttempts",
        maximum_event_age: u32 = "MaximumEventAgeInSeconds",
    }
}

properties! {
    /// The queue for events that cannot be delivered.
    DeadLetterConfig { arn: Arn<Queue> = "Arn" }
}

properties! {
    /// A name and value that distinguish a metric from others with the same name.
    Dimension { name: &'static str = "Name", value: Text = "Value" }
}

words! {
    /// How the data of a period become one value.
    Statistic { Maximum = "Maximum", SampleCount = "SampleCount", Sum = "Sum" }
}

words! {
    /// How a value must compare with the threshold to be a breach.
    ComparisonOperator { GreaterThanThreshold = "GreaterThanThreshold", LessThanThreshold = "LessThanThreshold" }
}

words! {
    /// How an alarm treats a period without data.
    TreatMissingData { Breaching = "breaching", NotBreaching = "notBreaching" }
}

properties! {
    /// The time that a new alarm waits before it counts periods, in minutes.
    WarmUpConfiguration { minutes: u32 = "WarmUpPeriodDurationInMinutes" }
}

properties! {
    /// The encryption of the objects in a bucket.
    BucketEncryption { rules: Vec<EncryptionRule> = "ServerSideEncryptionConfiguration" }
}

properties! {
    /// A rule for objects whose upload requests no other encryption.
    EncryptionRule { by_default: EncryptionByDefault = "ServerSideEncryptionByDefault" }
}

properties! {
    /// The encryption of such objects.
    EncryptionByDefault { algorithm: SseAlgorithm = "SSEAlgorithm" }
}

words! {
    /// The encryption algorithm. With `AES256`, S3 manages the key.
    SseAlgorithm { Aes256 = "AES256" }
}

/// Blocks public access with all four settings. The type has no way to set fewer.
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
    /// The owner of the objects in a bucket.
    OwnershipControls { rules: Vec<OwnershipRule> = "Rules" }
}

properties! {
    /// A rule that sets the owner of the objects.
    OwnershipRule { object_ownership: ObjectOwnership = "ObjectOwnership" }
}

words! {
    /// With `BucketOwnerEnforced`, the objects belong to the owner of the bucket, and access control lists have no
    /// effect.
    ObjectOwnership { BucketOwnerEnforced = "BucketOwnerEnforced" }
}

properties! {
    /// Whether a bucket keeps objects that are overwritten or deleted.
    VersioningConfiguration { status: VersioningStatus = "Status" }
}

words! {
    /// The state of a bucket's versioning.
    VersioningStatus { Enabled = "Enabled" }
}

properties! {
    /// The rules by which S3 deletes objects automatically.
    LifecycleConfiguration { rules: Vec<LifecycleRule> = "Rules" }
}

properties! {
    /// A rule for what S3 deletes, and when. The times are in days.
    LifecycleRule {
        id: &'static str = "Id",
        status: RuleStatus = "Status",
        abort_incomplete_multipart_upload: AbortIncompleteMultipartUpload = "AbortIncompleteMultipartUpload",
        noncurrent_version_expiration: NoncurrentVersionExpiration = "NoncurrentVersionExpiration",
    }
}

words! {
    /// Whether a rule is in effect.
    RuleStatus { Enabled = "Enabled" }
}

properties! {
    /// The number of days that a multipart upload may take.
    AbortIncompleteMultipartUpload { days_after_initiation: u32 = "DaysAfterInitiation" }
}

properties! {
    /// The number of days that an overwritten or deleted object is kept.
    NoncurrentVersionExpiration { noncurrent_days: u32 = "NoncurrentDays" }
}

impl Handle<Queue> {
    /// A `!GetAtt` of the queue's name, which CloudWatch uses as a dimension ("AWS::SQS::Queue": Return values).
    #[must_use]
    pub fn queue_name(&self) -> QueueName {
        QueueName { id: self.id.clone() }
    }
}

/// A `!GetAtt` that gives the name of a queue.
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

impl ResourceArn {
    /// All objects of a bucket.
    #[must_use]
    pub fn objects(bucket: Arn<Bucket>) -> Self {
        Self(Text::of([bucket.into(), "/*".into()]))
    }
}

/// The `Ref` of a topic is its ARN.
impl From<Ref<Topic>> for ResourceArn {
    fn from(topic: Ref<Topic>) -> Self {
        Self(topic.into())
    }
}
