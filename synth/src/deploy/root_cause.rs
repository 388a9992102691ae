//! The root cause of a failed deployment, with advice.

use std::fmt;

use super::progress::Event;

/// The first failure of a deployment, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootCause {
    /// The logical id of the resource, or the name of the stack.
    pub resource: String,
    /// The type of the resource.
    pub kind: String,
    /// AWS's message about the failure.
    pub reason: String,
    /// What to do about it, if that is known.
    pub advice: Option<&'static str>,
}

impl RootCause {
    /// The failure of a resource for this reason, with the known advice.
    #[must_use]
    pub fn new(resource: String, kind: String, reason: String) -> Self {
        Self { resource, kind, advice: advice(&reason), reason }
    }

    /// Whether the cause passes by itself, so that the same deployment can succeed a little later.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.advice == Some(NOT_SPREAD)
    }
}

impl From<&Event> for RootCause {
    fn from(event: &Event) -> Self {
        let reason = event.reason.clone().unwrap_or_else(|| "AWS gives no reason".to_owned());
        Self::new(event.resource.clone(), event.kind.clone(), reason)
    }
}

impl fmt::Display for RootCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { resource, kind, reason, advice } = self;
        write!(f, "{resource} ({kind}): {}", reason.trim())?;
        advice.map_or(Ok(()), |advice| write!(f, "\n{advice}"))
    }
}

/// The advice for a role that one of AWS's services does not know yet. IAM is eventually consistent and states no bound.
const NOT_SPREAD: &str =
    "IAM had not yet spread the new role everywhere: wait a minute, then run the same command again.";

/// Patterns of AWS's messages, each with the advice for it. `…` stands for any text. The first entry with a matching
/// pattern counts.
const KNOWN: &[(&[&str], &str)] = &[
    (
        &["explicit deny…service control policy", "explicit deny…resource control policy"],
        "A policy of your organization forbids this, and your own permissions cannot change it: ask the administrators of its policies.",
    ),
    (
        &["explicit deny…permissions boundary", "no permissions boundary allows"],
        "The permissions boundary of your identity forbids this: ask the administrator who set it, or deploy with another identity.",
    ),
    (
        &["security token…expired"],
        "The credentials expired during the deployment: sign in again, then run the same command again.",
    ),
    (
        &["S3 Error Code: PermanentRedirect"],
        "The artifact bucket must be in the stack's Region: name one there with --artifact-bucket, or leave that out.",
    ),
    (
        &["S3 Error Code: AccessDenied"],
        "Lambda reads the package with the deployer's permissions: allow s3:GetObject on the artifact bucket.",
    ),
    (
        &["Subscription does not exist", "Subscription not found"],
        "An address did not confirm in time, or unsubscribed, and AWS cannot change a subscription that is gone. `synth status` \
         shows which one it is. Remove it from the configuration, deploy, add it again and deploy.",
    ),
    (&["NoSuchKey", "NoSuchBucket"], "The package or its bucket was deleted: run the same command again."),
    (
        &["not authorized to perform", "AccessDenied", "Access Denied"],
        "The deployer lacks this permission. To print all that it needs: synth deploy-policy --account NUMBER --region REGION",
    ),
    (
        &["already exists in stack"],
        "Another stack has a resource with this name: set another stack_name in the configuration.",
    ),
    (
        &["already exist"],
        "A resource with this name exists, but in no stack: delete it, or set another stack_name in the configuration.",
    ),
    (
        &[
            "role…cannot be assumed by Lambda",
            "must allow…to assume the role",
            "role…does not have permissions to call",
            "destination ARN…is invalid",
        ],
        NOT_SPREAD,
    ),
    (
        &["pending confirmation", "PendingConfirmation", "An ARN must have at least 6 elements"],
        "SNS cannot delete a subscription that is not confirmed. It expires by itself 48 hours after its mail. Confirm it with the link in \
         its mail, or wait, then run the same command again.",
    ),
    (
        &["Invalid parameter: Email", "Invalid parameter: Endpoint"],
        "SNS does not accept one of the configuration's emails as an address: correct it.",
    ),
    (
        &["Invalid Schedule Expression", "ScheduleExpressionTimezone"],
        "EventBridge Scheduler does not accept the configuration's schedule or time_zone: correct it.",
    ),
    (&["unzip"], "Lambda cannot read the package. Build it again: make build"),
    (
        &["Rate exceeded", "Throttling", "TooManyRequests"],
        "AWS received too many requests at once, perhaps also from others in the account: run the same command again.",
    ),
    (
        &["quota", "LimitExceeded", "limit exceeded", "ServiceLimit"],
        "The account has reached a quota: delete what is not needed, or request more in Service Quotas.",
    ),
    (
        &["AWS::EarlyValidation"],
        "CloudFormation does not show the deployer what it found: allow cloudformation:DescribeEvents, then run the same command \
         again. To print all permissions of a deployer: synth deploy-policy --account NUMBER --region REGION",
    ),
    (
        &["hook(s)…failed"],
        "A CloudFormation hook of your organization refused this deployment: ask the administrators of its hooks.",
    ),
    (&["stack policy"], "The stack's own policy forbids this change: ask the administrator who set it to change it."),
    (&["Unrecognized resource types"], "This Region lacks a service that the stack needs: choose another one."),
    (
        &["TerminationProtection"],
        "The stack is protected from deletion. Switch the protection off first: aws cloudformation \
         update-termination-protection --no-enable-termination-protection --stack-name STACK",
    ),
];

/// The advice for a message of AWS. `None` if no pattern matches.
#[must_use]
pub fn advice(reason: &str) -> Option<&'static str> {
    let reason = reason.to_ascii_lowercase();
    let says = |pattern: &&str| {
        let found = pattern.split('…').try_fold(reason.as_str(), |rest, piece| {
            rest.split_once(&piece.to_ascii_lowercase()).map(|(_, rest)| rest)
        });
        found.is_some()
    };
    KNOWN.iter().find(|(patterns, _)| patterns.iter().any(says)).map(|(_, advice)| *advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages of AWS, each with a part of the expected advice.
    const SAID: &[(&str, &str)] = &[
        (
            "User: arn:aws:iam::111122223333:user/ci is not authorized to perform: iam:CreateRole on resource: role R \
             because no identity-based policy allows the iam:CreateRole action (Service: Iam, Status Code: 403) \
             (HandlerErrorCode: AccessDenied)",
            "deploy-policy",
        ),
        (
            "User: arn is not authorized to perform: iam:CreateRole on resource: role R with an explicit deny in a \
             service control policy",
            "organization",
        ),
        (
            "User: arn is not authorized to perform: iam:CreateRole because no permissions boundary allows the action",
            "permissions boundary",
        ),
        ("Resource handler returned message: \"Access Denied (Service: S3, Status Code: 403)\"", "deploy-policy"),
        ("The security token included in the request is expired", "sign in again"),
        (
            "Resource handler returned message: \"Function already exist: access-key-rotation (Service: Lambda, Status \
             Code: 409)\" (HandlerErrorCode: AlreadyExists)",
            "stack_name",
        ),
        ("/aws/lambda/rotation already exists in stack arn:aws:cloudformation:…:stack/other/1", "Another stack"),
        ("Resource of type 'AWS::Logs::LogGroup' with identifier '/aws/lambda/r' already exists.", "in no stack"),
        ("Invalid parameter: Email address (Service: Sns, Status Code: 400)", "emails"),
        ("Invalid parameter: Endpoint", "emails"),
        ("Subscription does not exist (Service: Sns, Status Code: 404)", "did not confirm in time"),
        ("Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: no", "was deleted"),
        ("Error occurred while GetObject. S3 Error Code: PermanentRedirect. S3 Error Message: elsewhere", "Region"),
        (
            "Your access has been denied by S3, please make sure your request credentials have permission to GetObject. \
             S3 Error Code: AccessDenied. S3 Error Message: Access Denied",
            "s3:GetObject",
        ),
        ("The role defined for the function cannot be assumed by Lambda. (Service: Lambda)", "IAM had not yet"),
        ("The execution role you provide must allow AWS EventBridge Scheduler to assume the role.", "IAM had not yet"),
        (
            "Resource handler returned message: \"The function's execution role does not have permissions to call SendMessage on \
             arn:aws:sqs:eu-west-1:111122223333:queue (Service: Lambda, Status Code: 400)\" (HandlerErrorCode: InvalidRequest)",
            "IAM had not yet",
        ),
        (
            "The destination ARN arn:aws:sqs:eu-west-1:111122223333:queue is invalid. (Service: Lambda, Status Code: 400)",
            "IAM had not yet",
        ),
        (
            "Invalid parameter: SubscriptionArn Reason: Cannot unsubscribe a subscription that is pending confirmation",
            "expires by itself",
        ),
        ("Invalid parameter: SubscriptionArn Reason: An ARN must have at least 6 elements, not 1", "expires by itself"),
        ("Cannot exceed quota for RolesPerAccount: 1000 (Service: Iam, Status Code: 409)", "Service Quotas"),
        ("Rate exceeded (Service: Sns, Status Code: 400) (HandlerErrorCode: Throttling)", "too many requests"),
        ("Invalid Schedule Expression cron(61 * * * ? *). (Service: Scheduler)", "schedule"),
        ("The following hook(s) failed: [Team::Guard::Hook]", "hooks"),
        (
            "The following hook(s)/validation failed: [AWS::EarlyValidation::ResourceExistenceCheck]. To troubleshoot Early \
             Validation errors, use the DescribeEvents API for detailed failure information.",
            "cloudformation:DescribeEvents",
        ),
        ("Stack [arn] cannot be deleted while TerminationProtection is enabled", "Switch the protection off"),
        ("Template format error: Unrecognized resource types: [AWS::Scheduler::Schedule]", "Region"),
    ];

    #[test]
    fn known_messages_of_aws_have_advice() {
        for (reason, speaks_of) in SAID {
            let advice = advice(reason).unwrap_or_else(|| panic!("no advice for {reason}"));
            assert!(advice.contains(speaks_of), "{reason}: {advice}");
        }
        assert_eq!(advice("Internal Failure"), None);
        for (patterns, text) in KNOWN {
            let is_shown = SAID.iter().any(|(reason, _)| advice(reason) == Some(*text));
            assert!(is_shown || patterns.contains(&"unzip") || patterns.contains(&"stack policy"), "untested: {text}");
        }
    }
    #[test]
    fn only_a_role_that_is_too_young_passes_by_itself() {
        for (reason, advice) in SAID {
            let cause = RootCause::new("FailedRuns".into(), "AWS::Lambda::EventInvokeConfig".into(), (*reason).into());
            assert_eq!(cause.passes(), *advice == "IAM had not yet", "{reason}");
        }
    }
}
