//! The resource types in use, property by property, under CloudFormation's names.

use super::{
    Arn, HasArn, Pseudo, Ref, Resource,
    shape::{ResourceType, Shape},
    template::Parameter,
    value::{Property, Text, Value, map, properties, words},
};
use crate::iam::PolicyDocument;

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
    }

    /// An SNS topic. Its `Ref` is its ARN.
    Topic is "AWS::SNS::Topic" {
        display_name: &'static str = "DisplayName",
        kms_master_key_id: &'static str = "KmsMasterKeyId",
    }

    /// A subscription to a topic.
    Subscription is "AWS::SNS::Subscription" with arn {
        topic_arn: Ref<Topic> = "TopicArn",
        protocol: Protocol = "Protocol",
        endpoint: String = "Endpoint",
        filter_policy_scope: FilterPolicyScope = "FilterPolicyScope",
        filter_policy: FilterPolicy = "FilterPolicy",
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
