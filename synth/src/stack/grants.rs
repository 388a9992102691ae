//! The handler's permissions, as statements on this stack's own things.

use lambda::{
    permissions::{Permission, Target, permissions},
    settings::SecretPrefix,
};

use crate::{
    cfn::{Handle, Pseudo, resource::Topic},
    config::Config,
    iam::{Condition, ResourceArn, Statement},
};

/// One statement for each permission that the handler declares.
pub(super) fn handler(config: &Config, topic: &Handle<Topic>) -> Vec<Statement> {
    let statement = |permission: Permission| {
        let resources = match permission.on {
            Target::Users => config.users.iter().map(|user| user_arn(&user.resource())).collect(),
            Target::Secrets => vec![secrets_arn(&config.secret_prefix)],
            Target::Topic => vec![topic.reference().into()],
        };
        Statement::allow(
            permission.sid,
            permission.why,
            permission.actions,
            resources,
            only_tags(permission.tag_prefix),
        )
    };
    permissions(&config.policy).into_iter().map(statement).collect()
}

/// Only schedules of the default group may assume the role: without it, any schedule of any account could
/// (Scheduler User Guide, "Confused deputy prevention").
pub(super) fn only_default_schedule_group() -> Vec<Condition> {
    let group = ResourceArn::regional("scheduler", "schedule-group/default");
    vec![
        Condition { operator: "StringEquals", key: "aws:SourceAccount", values: vec![Pseudo::AccountId.into()] },
        Condition { operator: "StringEquals", key: "aws:SourceArn", values: vec![group.into()] },
    ]
}

/// The request may carry tag keys of this prefix and no others, and must carry one: `ForAllValues` alone would hold for
/// none.
fn only_tags(prefix: Option<&str>) -> Vec<Condition> {
    let Some(prefix) = prefix else { return Vec::new() };
    let (any, given) = (format!("{prefix}*").into(), "false".into());
    vec![
        Condition { operator: "ForAllValues:StringLike", key: "aws:TagKeys", values: vec![any] },
        Condition { operator: "Null", key: "aws:TagKeys", values: vec![given] },
    ]
}

fn user_arn(resource: &str) -> ResourceArn {
    ResourceArn::global("iam", &format!("user{resource}"))
}

/// All below the prefix, not each by its name: a policy has room for some twenty users otherwise (IAM User Guide, "IAM
/// and AWS STS quotas"), and the handler may only write there.
fn secrets_arn(prefix: &SecretPrefix) -> ResourceArn {
    ResourceArn::regional("secretsmanager", &format!("secret:{prefix}/*"))
}
