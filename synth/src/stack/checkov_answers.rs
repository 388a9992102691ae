//! The findings of checkov that the templates do not meet, and why. Each is skipped in the metadata of its resource. SECURITY.md
//! has the same table, and a test compares them.

use crate::cfn::CheckovAnswer;

/// Every answer in a stack with the handler, and in that of the artifact bucket.
pub const CHECKOV_ANSWERS: &[CheckovAnswer] = &[
    RESERVATION,
    ON_FAILURE,
    NO_VPC,
    VARIABLES,
    LOG,
    QUEUE,
    CheckovAnswer {
        check: "CKV_AWS_18",
        kind: "AWS::S3::Bucket",
        met_by: None,
        reason: "Access logs would need a second bucket. The packages contain no secret, and the key of each is the hash of its \
                 content.",
    },
];

/// Every answer in the stack of an administering account. Its function is the publisher.
pub const PUBLISHER_ANSWERS: &[CheckovAnswer] = &[
    CheckovAnswer {
        check: "CKV_AWS_115",
        kind: "AWS::Lambda::Function",
        met_by: None,
        reason: "The publisher needs no reservation, because its queue has one message group: there is never a second invocation.",
    },
    CheckovAnswer {
        check: "CKV_AWS_116",
        kind: "AWS::Lambda::Function",
        met_by: None,
        reason: "The events of the publisher are in NoticeQueue, and UnsentNoticesQueue is the dead-letter queue of that. Nothing \
                 invokes the publisher asynchronously, so its DeadLetterConfig would get nothing.",
    },
    NO_VPC,
    VARIABLES,
    LOG,
    QUEUE,
];

/// Every answer in the stack of a member, if an entry of `users` names an account.
pub const MEMBER_ANSWERS: &[CheckovAnswer] = &[
    RESERVATION,
    ON_FAILURE,
    CheckovAnswer {
        check: "CKV_AWS_45",
        kind: "AWS::Lambda::Function",
        met_by: None,
        reason: "The variable USERS names accounts, which the check takes for secrets. No variable contains a secret.",
    },
    NO_VPC,
    VARIABLES,
    LOG,
    QUEUE,
];

const RESERVATION: CheckovAnswer = CheckovAnswer {
    check: "CKV_AWS_115",
    kind: "AWS::Lambda::Function",
    met_by: Some("ReservedConcurrentExecutions"),
    reason: "AWS refuses a reservation that leaves fewer than 100 executions, so in a new account it would fail the \
             deployment. The setting reserved_concurrency makes one.",
};

const ON_FAILURE: CheckovAnswer = CheckovAnswer {
    check: "CKV_AWS_116",
    kind: "AWS::Lambda::Function",
    met_by: None,
    reason: "The dead-letter queue is the on-failure destination of the function, in FailedRuns. As DeadLetterConfig too, it \
             would get each event twice.",
};

const NO_VPC: CheckovAnswer = CheckovAnswer {
    check: "CKV_AWS_117",
    kind: "AWS::Lambda::Function",
    met_by: None,
    reason: "The function calls only APIs of AWS, over TLS, and nothing can connect to it. In a VPC it would need a NAT \
             gateway or endpoints, and protect nothing more.",
};

const VARIABLES: CheckovAnswer = CheckovAnswer {
    check: "CKV_AWS_173",
    kind: "AWS::Lambda::Function",
    met_by: None,
    reason: "The variables contain names, times and addresses, and no secret. Lambda encrypts them with a key that AWS \
             manages.",
};

const LOG: CheckovAnswer = CheckovAnswer {
    check: "CKV_AWS_158",
    kind: "AWS::Logs::LogGroup",
    met_by: Some("KmsKeyId"),
    reason: "The log contains no secret, and CloudWatch Logs encrypts it with a key of its own. The setting log_kms_key names \
             another key.",
};

const QUEUE: CheckovAnswer = CheckovAnswer {
    check: "CKV_AWS_27",
    kind: "AWS::SQS::Queue",
    met_by: None,
    reason: "SQS encrypts the queue with a key of its own (SqsManagedSseEnabled), which the check does not count. The events \
             contain no secret.",
};
