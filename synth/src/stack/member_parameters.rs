//! The parameters of the members' template. Each member gets their values from the administering account.

/// One value for each parameter of the members' template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberParameters<T> {
    /// The bucket with the handler's package.
    pub code_bucket: T,
    /// The key of the package in the bucket.
    pub code_key: T,
    /// The version of that object.
    pub code_version: T,
    /// The ARN of the topic for notices.
    pub topic_arn: T,
    /// The ARN of the event bus for notices and alarms.
    pub event_bus_arn: T,
}

/// The names of the parameters. The stack of the administering account has outputs with the names of the two ARNs.
pub const MEMBER_PARAMETERS: MemberParameters<&str> = MemberParameters {
    code_bucket: "CodeBucket",
    code_key: "CodeKey",
    code_version: "CodeVersion",
    topic_arn: "TopicArn",
    event_bus_arn: "EventBusArn",
};

impl<T> MemberParameters<T> {
    /// Each value with the name of its parameter.
    #[must_use]
    pub fn named(self) -> [(&'static str, T); 5] {
        let names = MEMBER_PARAMETERS;
        [
            (names.code_bucket, self.code_bucket),
            (names.code_key, self.code_key),
            (names.code_version, self.code_version),
            (names.topic_arn, self.topic_arn),
            (names.event_bus_arn, self.event_bus_arn),
        ]
    }
}
