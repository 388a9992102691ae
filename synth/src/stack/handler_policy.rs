//! The policy of the handler's role: the declared permissions as statements on the resources of this stack.

use lambda::contract::{
    permissions::{Permission, PermissionTarget, RequestCondition, SECRET_TAGS},
    secret_prefix::SecretPrefix,
};

use crate::stack::{Outlet, role_scope};
use crate::{
    cfn::{
        Pseudo, Text,
        policy_document::{Condition, ResourceArn, Statement},
    },
    config::Config,
};

/// One statement for each permission that the handler declares.
pub(super) fn handler(config: &Config, outlet: &Outlet<'_>) -> Vec<Statement> {
    let statement = |permission: Permission| {
        let resources = match permission.on {
            PermissionTarget::Account => vec![ResourceArn::lists_of_the_account()],
            PermissionTarget::Users | PermissionTarget::UsersOfKeys => role_scope::arns(&config.users),
            PermissionTarget::Secrets => vec![secrets_arn(&config.secret_prefix)],
            PermissionTarget::Topic => vec![outlet.topic_arn()],
            PermissionTarget::EventBus => outlet.bus_arn().into_iter().collect(),
            PermissionTarget::SecretsKey => {
                config.secret_kms_key.customer().map(ResourceArn::from).into_iter().collect()
            }
        };
        let mut conditions: Vec<_> =
            permission.only_if.iter().flat_map(|only_if| conditions(*only_if, config)).collect();
        if permission.on == PermissionTarget::Users {
            conditions.extend(role_scope::condition(&config.users));
        }
        Statement::allow(permission.sid, permission.why, permission.actions, resources, conditions)
    };
    config.permissions().into_iter().map(statement).collect()
}

/// The condition that only schedules of the default group may assume the role. Without it, a schedule of any account could
/// (Scheduler User Guide, "Confused deputy prevention").
pub(super) fn only_default_schedule_group() -> Vec<Condition> {
    let group = ResourceArn::regional("scheduler", "schedule-group/default");
    vec![
        Condition { operator: "StringEquals", key: "aws:SourceAccount".into(), values: vec![Pseudo::AccountId.into()] },
        Condition { operator: "StringEquals", key: "aws:SourceArn".into(), values: vec![group.into()] },
    ]
}

fn conditions(only_if: RequestCondition, config: &Config) -> Vec<Condition> {
    // The request must have a tag: `ForAllValues` is also true for a request without tags.
    let tagged = || Condition { operator: "Null", key: "aws:TagKeys".into(), values: vec!["false".into()] };
    match only_if {
        RequestCondition::TagKeysBeginWith(prefix) => {
            let any = format!("{prefix}*").into();
            vec![
                Condition { operator: "ForAllValues:StringLike", key: "aws:TagKeys".into(), values: vec![any] },
                tagged(),
            ]
        }
        RequestCondition::TagsOfSecrets => {
            let company = config.tags.pairs().map(|(key, _)| key.into());
            let keys = SECRET_TAGS.map(Text::from).into_iter().chain(company).collect();
            vec![Condition { operator: "ForAllValues:StringEquals", key: "aws:TagKeys".into(), values: keys }, tagged()]
        }
        RequestCondition::PublicPoliciesAreBlocked => {
            vec![Condition {
                operator: "Bool",
                key: "secretsmanager:BlockPublicPolicy".into(),
                values: vec!["true".into()],
            }]
        }
        RequestCondition::ForSecrets => {
            // The suffix differs in China.
            let service = Text::of(["secretsmanager.".into(), Pseudo::Region.into(), ".*".into()]);
            // When a secret is created, Secrets Manager checks that the key works. Its documentation says that the context is the
            // ARN of the secret; others have seen this word instead.
            let secrets = vec![secrets_arn(&config.secret_prefix).into(), "RequestToValidateKeyAccess".into()];
            vec![
                Condition { operator: "StringLike", key: "kms:ViaService".into(), values: vec![service] },
                Condition { operator: "StringLike", key: "kms:EncryptionContext:SecretARN".into(), values: secrets },
            ]
        }
    }
}

/// The ARN of all secrets below the prefix. With the name of each secret, a policy would have room for only about twenty users (IAM
/// User Guide, "IAM and AWS STS quotas"), and the handler can only write there.
fn secrets_arn(prefix: &SecretPrefix) -> ResourceArn {
    ResourceArn::regional("secretsmanager", &format!("secret:{prefix}/*"))
}
