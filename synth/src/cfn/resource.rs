//! Resources: logical ids, handles, and the resource types in use.

use std::marker::PhantomData;

use super::value::{Name, Part, Property, Value, map, properties, words};
use crate::iam::PolicyDocument;

/// The name of a resource, a parameter or an output within its template: letters and digits, the first a capital.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogicalId(String);

impl LogicalId {
    /// A name that is known when this program is compiled.
    ///
    /// # Panics
    /// If the name is not PascalCase letters and digits.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self::derived(name.to_owned()).unwrap_or_else(|| panic!("{name} is not a logical id"))
    }

    /// A name put together at run time; `None` if it is not 1 to 255 letters and digits beginning with a capital.
    #[must_use]
    pub fn derived(name: String) -> Option<Self> {
        let fits = (1..=255).contains(&name.len())
            && name.starts_with(|c: char| c.is_ascii_uppercase())
            && name.bytes().all(|b| b.is_ascii_alphanumeric());
        fits.then_some(Self(name))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A type of resource.
pub trait Resource: Property {
    /// `AWS::Service::Type`.
    const TYPE: &'static str;
}

/// A type of resource that has an attribute `Arn`.
pub trait HasArn: Resource {}

/// A resource that is in the template: the only way to refer to it.
#[derive(Debug)]
pub struct Handle<R> {
    id: LogicalId,
    resource: PhantomData<R>,
}

impl<R> Handle<R> {
    pub(super) fn new(id: LogicalId) -> Self {
        Self { id, resource: PhantomData }
    }

    /// `!Ref`: for most types the name, for a topic its ARN.
    #[must_use]
    pub fn reference(&self) -> Value {
        Value::Ref(Name::Logical(self.id.clone()))
    }

    /// The reference as a piece of a text.
    #[must_use]
    pub fn part(&self) -> Part {
        Part::Ref(Name::Logical(self.id.clone()))
    }
}

impl<R: HasArn> Handle<R> {
    /// `!GetAtt` of the resource's ARN.
    #[must_use]
    pub fn arn(&self) -> Value {
        Value::GetAtt(self.id.clone(), "Arn")
    }
}

/// Declares resource types: their CloudFormation type, whether they have an `Arn`, their properties.
macro_rules! resource {
    ($(#[$doc:meta])* $name:ident is $type:literal $(with $arn:ident)? { $($body:tt)+ }) => {
        properties! { $(#[$doc])* $name { $($body)+ } }
        impl Resource for $name {
            const TYPE: &'static str = $type;
        }
        $(resource!(@$arn $name);)?
    };
    (@arn $name:ident) => { impl HasArn for $name {} };
}

resource! {
    /// A Lambda function.
    Function is "AWS::Lambda::Function" with arn {
        description: &'static str = "Description",
        function_name: Value = "FunctionName",
        architectures: Vec<Architecture> = "Architectures",
        runtime: Runtime = "Runtime",
        handler: &'static str = "Handler",
        code: Code = "Code",
        role: Value = "Role",
        memory_size: u32 = "MemorySize",
        timeout: u32 = "Timeout",
        environment: Environment = "Environment",
        logging_config: LoggingConfig = "LoggingConfig",
    }
}

properties! {
    /// Where a function's package is.
    Code { bucket: Value = "S3Bucket", key: Value = "S3Key" }
}

/// A function's environment variables.
#[derive(Debug, Clone)]
pub struct Environment(pub Vec<(&'static str, Value)>);

impl Property for Environment {
    fn value(self) -> Option<Value> {
        let variables = map(self.0.into_iter().map(|(name, value)| (name, Some(value))));
        Some(map([("Variables", Some(variables))]))
    }
}

properties! {
    /// Where a function logs to, and how.
    LoggingConfig { log_format: LogFormat = "LogFormat", log_group: Value = "LogGroup" }
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

resource! {
    /// What Lambda does with an asynchronous invocation that fails.
    EventInvokeConfig is "AWS::Lambda::EventInvokeConfig" {
        function_name: Value = "FunctionName",
        qualifier: &'static str = "Qualifier",
        maximum_retry_attempts: u32 = "MaximumRetryAttempts",
        destination_config: DestinationConfig = "DestinationConfig",
    }
}

properties! {
    /// Where the records of invocations go.
    DestinationConfig { on_failure: Destination = "OnFailure" }
}

properties! {
    /// A queue, topic, function or bus.
    Destination { destination: Value = "Destination" }
}

resource! {
    /// An IAM role.
    Role is "AWS::IAM::Role" with arn {
        description: &'static str = "Description",
        assume_role_policy_document: PolicyDocument = "AssumeRolePolicyDocument",
        policies: Vec<InlinePolicy> = "Policies",
    }
}

properties! {
    /// A policy that belongs to one role.
    InlinePolicy { policy_name: &'static str = "PolicyName", policy_document: PolicyDocument = "PolicyDocument" }
}

resource! {
    /// A CloudWatch Logs log group.
    LogGroup is "AWS::Logs::LogGroup" with arn {
        log_group_name: Value = "LogGroupName",
        retention_in_days: u32 = "RetentionInDays",
    }
}

resource! {
    /// An SNS topic. Its `Ref` is its ARN.
    Topic is "AWS::SNS::Topic" {
        display_name: &'static str = "DisplayName",
        kms_master_key_id: &'static str = "KmsMasterKeyId",
    }
}

resource! {
    /// A subscription to a topic.
    Subscription is "AWS::SNS::Subscription" {
        topic_arn: Value = "TopicArn",
        protocol: Protocol = "Protocol",
        endpoint: String = "Endpoint",
    }
}

words! {
    /// How a subscriber is reached.
    Protocol { Email = "email" }
}

resource! {
    /// An SQS queue. Its `Ref` is its URL.
    Queue is "AWS::SQS::Queue" with arn {
        message_retention_period: u32 = "MessageRetentionPeriod",
        sqs_managed_sse_enabled: bool = "SqsManagedSseEnabled",
    }
}

resource! {
    /// An EventBridge Scheduler schedule.
    Schedule is "AWS::Scheduler::Schedule" with arn {
        name: Value = "Name",
        description: &'static str = "Description",
        schedule_expression: String = "ScheduleExpression",
        schedule_expression_timezone: String = "ScheduleExpressionTimezone",
        flexible_time_window: FlexibleTimeWindow = "FlexibleTimeWindow",
        state: ScheduleState = "State",
        target: Target = "Target",
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
        arn: Value = "Arn",
        role_arn: Value = "RoleArn",
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
    DeadLetterConfig { arn: Value = "Arn" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logical_ids_are_pascal_case() {
        assert!(LogicalId::derived("Topic1".into()).is_some());
        for bad in ["", "topic", "1Topic", "My-Topic", "Töpic", &"T".repeat(256)] {
            assert_eq!(LogicalId::derived(bad.into()), None, "{bad}");
        }
    }
}
