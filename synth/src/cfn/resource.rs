//! The resource types that our templates use. Each property has the name that CloudFormation gives it.

use lambda::model::kms_key::KmsKeyArn;

use super::{
    Arn, DeclaredType, Handle, HasArn, LogicalId, Ref,
    name::Attribute,
    policy_document::{PolicyDocument, ResourceArn, Statement},
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
        function_name: Text = "FunctionName",
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
        permissions_boundary: Option<Text> = "PermissionsBoundary",
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
        fifo_queue: Option<bool> = "FifoQueue",
        content_based_deduplication: Option<bool> = "ContentBasedDeduplication",
        /// How long a message that was received stays hidden from others, in seconds.
        visibility_timeout: Option<u32> = "VisibilityTimeout",
        redrive_policy: Option<QueueRedrivePolicy> = "RedrivePolicy",
        message_retention_period: u32 = "MessageRetentionPeriod",
        sqs_managed_sse_enabled: bool = "SqsManagedSseEnabled",
    }

    /// An EventBridge Scheduler schedule.
    Schedule is "AWS::Scheduler::Schedule" with arn {
        name: Text = "Name",
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
        alarm_actions: Option<Vec<Ref<Topic>>> = "AlarmActions",
    }

    /// A CloudWatch dashboard.
    Dashboard is "AWS::CloudWatch::Dashboard" and tags {
        dashboard_name: Text = "DashboardName",
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

    /// A Lambda event source mapping: Lambda reads messages from a queue, and invokes a function with them.
    EventSourceMapping is "AWS::Lambda::EventSourceMapping" and tags {
        event_source_arn: Arn<Queue> = "EventSourceArn",
        function_name: Ref<Function> = "FunctionName",
        batch_size: u32 = "BatchSize",
        function_response_types: Vec<FunctionResponseType> = "FunctionResponseTypes",
    }

    /// An EventBridge event bus. Its `Ref` is its name.
    EventBus is "AWS::Events::EventBus" with arn and tags {
        name: Text = "Name",
        description: &'static str = "Description",
    }

    /// One statement of the policy of an event bus.
    EventBusPolicy is "AWS::Events::EventBusPolicy" {
        event_bus_name: Ref<EventBus> = "EventBusName",
        statement_id: &'static str = "StatementId",
        statement: Statement = "Statement",
    }

    /// An EventBridge rule. Without a bus, it is on the default bus of the account.
    EventRule is "AWS::Events::Rule" with arn and tags {
        description: &'static str = "Description",
        event_bus_name: Option<Ref<EventBus>> = "EventBusName",
        event_pattern: EventPattern = "EventPattern",
        state: RuleState = "State",
        targets: Vec<RuleTarget> = "Targets",
    }

    /// A CloudFormation StackSet: one template, deployed into many accounts. Its `Ref` is its name and an id.
    StackSet is "AWS::CloudFormation::StackSet" and tags {
        stack_set_name: Text = "StackSetName",
        description: &'static str = "Description",
        permission_model: PermissionModel = "PermissionModel",
        call_as: CallAs = "CallAs",
        capabilities: Vec<Capability> = "Capabilities",
        template_url: Text = "TemplateURL",
        parameters: Vec<StackSetParameter> = "Parameters",
        auto_deployment: AutoDeployment = "AutoDeployment",
        managed_execution: ManagedExecution = "ManagedExecution",
        operation_preferences: OperationPreferences = "OperationPreferences",
        stack_instances_group: Vec<StackInstances> = "StackInstancesGroup",
    }
}

properties! {
    /// The place of a function's package in S3.
    Code { bucket: Ref<Parameter> = "S3Bucket", key: Ref<Parameter> = "S3Key", version: Ref<Parameter> = "S3ObjectVersion" }
}

impl Queue {
    /// A queue that keeps each message for this time, in seconds. SQS encrypts it with a key of its own.
    #[must_use]
    pub const fn standard(message_retention_period: u32) -> Self {
        Self {
            fifo_queue: None,
            content_based_deduplication: None,
            visibility_timeout: None,
            redrive_policy: None,
            message_retention_period,
            sqs_managed_sse_enabled: true,
        }
    }

    /// A queue that hands out the messages of a group in the order in which they came.
    #[must_use]
    pub fn first_in_first_out(message_retention_period: u32) -> Self {
        Self {
            fifo_queue: Some(true),
            content_based_deduplication: Some(true),
            ..Self::standard(message_retention_period)
        }
    }
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
    FlexibleTimeWindow {
        mode: FlexibleTimeWindowMode = "Mode",
        /// The length of the window, in minutes.
        maximum_window: Option<u32> = "MaximumWindowInMinutes",
    }
}

words! {
    /// Whether a schedule has a flexible time window.
    FlexibleTimeWindowMode { Off = "OFF", Flexible = "FLEXIBLE" }
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

properties! {
    /// Where a queue puts a message that was received too often.
    QueueRedrivePolicy {
        dead_letter_target_arn: Arn<Queue> = "deadLetterTargetArn",
        max_receive_count: u32 = "maxReceiveCount",
    }
}

words! {
    /// What the result of a function says to Lambda about a batch of messages.
    FunctionResponseType { ReportBatchItemFailures = "ReportBatchItemFailures" }
}

/// The events that a rule matches: each part must have one of its values. Without `accounts` or `detail`, any.
#[derive(Debug, Clone)]
pub struct EventPattern {
    /// Patterns of the accounts that sent the event.
    pub accounts: Option<Value>,
    /// The sources.
    pub sources: Vec<&'static str>,
    /// The types of the detail.
    pub detail_types: Vec<&'static str>,
    /// Patterns of what the event says.
    pub detail: Option<Value>,
}

impl Property for EventPattern {
    fn value(self) -> Option<Value> {
        Some(map([
            ("account", self.accounts),
            ("source", self.sources.value()),
            ("detail-type", self.detail_types.value()),
            ("detail", self.detail),
        ]))
    }

    fn shape() -> Shape {
        Shape::Json(Box::new(Shape::Any))
    }
}

words! {
    /// Whether a rule matches events.
    RuleState { Enabled = "ENABLED" }
}

properties! {
    /// The target to which a rule sends events.
    RuleTarget {
        id: &'static str = "Id",
        arn: TargetArn = "Arn",
        role_arn: Option<Arn<Role>> = "RoleArn",
        sqs_parameters: Option<SqsParameters> = "SqsParameters",
        dead_letter_config: DeadLetterConfig = "DeadLetterConfig",
    }
}

/// The target of a rule: a queue of the stack, or an event bus that a parameter names.
#[derive(Debug, Clone)]
pub enum TargetArn {
    /// The queue.
    Queue(Arn<Queue>),
    /// The parameter with the ARN of the bus.
    EventBus(Ref<Parameter>),
}

impl Property for TargetArn {
    fn value(self) -> Option<Value> {
        match self {
            Self::Queue(queue) => queue.value(),
            Self::EventBus(bus) => bus.value(),
        }
    }

    fn shape() -> Shape {
        Shape::Text
    }
}

properties! {
    /// The message group that a rule puts events into.
    SqsParameters { message_group_id: &'static str = "MessageGroupId" }
}

words! {
    /// Where a StackSet gets its roles from. With `SERVICE_MANAGED`, AWS Organizations gives it access to the accounts.
    PermissionModel { ServiceManaged = "SERVICE_MANAGED" }
}

words! {
    /// The account that manages a StackSet: the management account of the organization, or a delegated administrator.
    CallAs { Management = "SELF", DelegatedAdministrator = "DELEGATED_ADMIN" }
}

words! {
    /// What a template of a StackSet may do.
    Capability { Iam = "CAPABILITY_IAM" }
}

properties! {
    /// The value of a parameter in every stack of a StackSet.
    StackSetParameter { key: &'static str = "ParameterKey", value: Text = "ParameterValue" }
}

properties! {
    /// What happens when an account joins or leaves the organizational units.
    AutoDeployment {
        enabled: bool = "Enabled",
        retain_stacks: Option<bool> = "RetainStacksOnAccountRemoval",
    }
}

properties! {
    /// Whether operations that do not conflict run side by side, and others wait.
    ManagedExecution { active: bool = "Active" }
}

properties! {
    /// How many accounts are changed at once, and after how many failures an operation stops.
    OperationPreferences {
        concurrency_mode: ConcurrencyMode = "ConcurrencyMode",
        failure_tolerance: u32 = "FailureTolerancePercentage",
        max_concurrent: u32 = "MaxConcurrentPercentage",
    }
}

words! {
    /// How the concurrency depends on the failure tolerance. With `STRICT_FAILURE_TOLERANCE`, AWS changes at most one account
    /// more at once than may still fail.
    ConcurrencyMode { Strict = "STRICT_FAILURE_TOLERANCE" }
}

properties! {
    /// The stacks of a StackSet: in which accounts and Regions.
    StackInstances {
        deployment_targets: DeploymentTargets = "DeploymentTargets",
        regions: Vec<String> = "Regions",
    }
}

properties! {
    /// The organizational units, and the accounts by which they are filtered.
    DeploymentTargets {
        units: Vec<String> = "OrganizationalUnitIds",
        filter: Option<AccountFilterType> = "AccountFilterType",
        accounts: Option<Vec<String>> = "Accounts",
    }
}

words! {
    /// How accounts filter organizational units.
    AccountFilterType { Intersection = "INTERSECTION", Difference = "DIFFERENCE" }
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

impl ResourceArn {
    /// All objects of a bucket that have a key with the ending `.zip`.
    #[must_use]
    pub fn packages(bucket: Arn<Bucket>) -> Self {
        Self(Text::of([bucket.into(), "/*.zip".into()]))
    }
}

/// The `Ref` of a topic is its ARN.
impl From<Ref<Topic>> for ResourceArn {
    fn from(topic: Ref<Topic>) -> Self {
        Self(topic.into())
    }
}

/// The value of a parameter that has an ARN.
impl From<Ref<Parameter>> for ResourceArn {
    fn from(parameter: Ref<Parameter>) -> Self {
        Self(parameter.into())
    }
}
