//! The handler's permissions, as statements on this stack's own things.

use lambda::contract::{
    permissions::{Permission, PermissionTarget, RequestCondition, permissions},
    secret_prefix::SecretPrefix,
};

use crate::stack::role_scope;
use crate::{
    cfn::{
        Handle, Pseudo, Text,
        policy_document::{Condition, ResourceArn, Statement},
        resource::Topic,
    },
    config::Config,
};

/// One statement for each permission that the handler declares.
pub(super) fn handler(config: &Config, topic: &Handle<Topic>) -> Vec<Statement> {
    let statement = |permission: Permission| {
        let resources = match permission.on {
            PermissionTarget::Account => vec![ResourceArn::lists_of_the_account()],
            PermissionTarget::Users => role_scope::arns(&config.users),
            PermissionTarget::Secrets => vec![secrets_arn(&config.secret_prefix)],
            PermissionTarget::Topic => vec![topic.reference().into()],
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
    permissions(&config.policy, &config.secret_kms_key, config.sight()).into_iter().map(statement).collect()
}

/// Only schedules of the default group may assume the role: without it, any schedule of any account could
/// (Scheduler User Guide, "Confused deputy prevention").
pub(super) fn only_default_schedule_group() -> Vec<Condition> {
    let group = ResourceArn::regional("scheduler", "schedule-group/default");
    vec![
        Condition { operator: "StringEquals", key: "aws:SourceAccount".into(), values: vec![Pseudo::AccountId.into()] },
        Condition { operator: "StringEquals", key: "aws:SourceArn".into(), values: vec![group.into()] },
    ]
}

fn conditions(only_if: RequestCondition, config: &Config) -> Vec<Condition> {
    // A request must carry a tag: `ForAllValues` alone would hold for none.
    let tagged = || Condition { operator: "Null", key: "aws:TagKeys".into(), values: vec!["false".into()] };
    match only_if {
        RequestCondition::TagKeysBeginWith(prefix) => {
            let any = format!("{prefix}*").into();
            vec![
                Condition { operator: "ForAllValues:StringLike", key: "aws:TagKeys".into(), values: vec![any] },
                tagged(),
            ]
        }
        RequestCondition::TagKeysAre(keys) => {
            let keys = keys.map(Text::from).into();
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
            // In China the suffix is another.
            let service = Text::of(["secretsmanager.".into(), Pseudo::Region.into(), ".*".into()]);
            // At a secret's creation Secrets Manager tries the key out. In the name of the secret, its documentation says;
            // under this word, others have seen.
            let secrets = vec![secrets_arn(&config.secret_prefix).into(), "RequestToValidateKeyAccess".into()];
            vec![
                Condition { operator: "StringLike", key: "kms:ViaService".into(), values: vec![service] },
                Condition { operator: "StringLike", key: "kms:EncryptionContext:SecretARN".into(), values: secrets },
            ]
        }
    }
}

/// All below the prefix, not each by its name: a policy has room for some twenty users otherwise (IAM User Guide, "IAM
/// and AWS STS quotas"), and the handler may only write there.
fn secrets_arn(prefix: &SecretPrefix) -> ResourceArn {
    ResourceArn::regional("secretsmanager", &format!("secret:{prefix}/*"))
}
