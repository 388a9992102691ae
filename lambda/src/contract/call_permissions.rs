//! The steps that a rotation is made of, in words: what each AWS call is for.
//!
//! For people who review the role: each permission is there because of these steps and no others.

use crate::{
    model::{access_key::AccessKeyId, time::Span},
    protocol::call::{Call, Message, RemovalReason},
};

/// One step: a call, and what it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The call, about some key.
    pub call: Call,
    /// What for.
    pub purpose: &'static str,
}

/// Every kind of step, in the order in which a rotation comes to it.
///
/// # Panics
/// Never: the ids that it is made of are right.
#[must_use]
pub fn steps() -> Vec<Step> {
    let key = || "0123456789ABCDEF".parse::<AccessKeyId>().unwrap_or_else(|e| panic!("{e}"));
    let run = "run".parse().unwrap_or_else(|e| panic!("{e}"));
    [
        Call::ListAccessKeys,
        Call::ListUserTags,
        Call::GetAccessKeyLastUsed(key()),
        Call::ListSubscriptionsByTopic,
        Call::CreateSecret,
        Call::PutResourcePolicy,
        Call::TagUser(Vec::new()),
        Call::CreateAccessKey,
        Call::GetCallerIdentity { key: key(), pause: Span::ZERO },
        Call::PutSecretValue(key()),
        Call::DescribeSecret(key()),
        Call::Publish(Message::Stored(key())),
        Call::UntagUser(run),
        Call::DeactivateAccessKey(key(), RemovalReason::Superseded),
        Call::ActivateAccessKey(key()),
        Call::DeleteAccessKey(key(), RemovalReason::WindowOver),
    ]
    .into_iter()
    .map(|call| Step { purpose: call.purpose(), call })
    .collect()
}

/// How users that are not named are found, before any of these steps: the calls, and what each is for.
pub const CHOOSING: [(&str, &str); 3] = [
    ("iam:GenerateCredentialReport", "have IAM make the list of everybody's keys, at most every four hours"),
    ("iam:GetCredentialReport", "see how old everybody's keys are, and so who can be left alone"),
    ("iam:GetAccountAuthorizationDetails", "see everybody's path, tags and groups, and so who is meant"),
];

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, mem::discriminant};

    use super::*;
    use crate::{
        contract::{
            list_scope::ListScope,
            permissions::{SIDS, permissions},
        },
        protocol::policy::{DeleteAfter, Delivery, MaxWait, Policy, StillInUse},
    };

    fn policies() -> impl Iterator<Item = Policy> {
        let policy = |delivery, still_in_use| Policy {
            rotate_after: Span::days(60),
            overlap: Span::days(7),
            delete_after: DeleteAfter::NextRotation,
            still_in_use,
            wait_at_most: MaxWait::Forever,
            delivery,
            warn_before: Span::ZERO,
        };
        let deliveries = [Delivery::SecretsManager, Delivery::Email].into_iter();
        deliveries.flat_map(move |d| [StillInUse::Wait, StillInUse::Retire].map(|s| policy(d, s)))
    }

    /// A new kind of call does not compile before it has a purpose, and is missed here until it is in the list.
    #[test]
    fn every_kind_of_call_is_a_step_once() {
        let kinds: Vec<_> = steps().iter().map(|step| discriminant(&step.call)).collect();
        let source = include_str!("../protocol/call.rs");
        let body = source.split("pub enum Call {").nth(1).and_then(|rest| rest.split("\n}\n").next()).unwrap();
        let variants = body.lines().filter(|line| {
            line.strip_prefix("    ").is_some_and(|line| line.starts_with(|c: char| c.is_ascii_uppercase()))
        });
        assert_eq!(kinds.len(), variants.count());
        assert!(kinds.iter().enumerate().all(|(index, kind)| !kinds[..index].contains(kind)));
    }

    #[test]
    fn the_steps_need_what_is_permitted_and_what_is_permitted_is_needed() {
        let needed = steps().into_iter().filter(|step| step.call.needs_permission());
        let needed = needed.flat_map(|step| step.call.actions().collect::<Vec<_>>());
        let needed: BTreeSet<_> = needed.chain(CHOOSING.map(|(action, _)| action.to_owned())).collect();
        let customer = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab".parse().unwrap();
        let permitted = policies().flat_map(|policy| permissions(&policy, &customer, ListScope::Account));
        let permitted: Vec<_> = permitted.collect();
        let sids: BTreeSet<_> = permitted.iter().map(|p| p.sid).collect();
        assert_eq!(sids, SIDS.into_iter().collect());
        let permitted: BTreeSet<_> = permitted.into_iter().flat_map(|p| p.actions).map(str::to_owned).collect();
        assert_eq!(needed, permitted);
        let free: Vec<_> = steps().into_iter().filter(|step| !step.call.needs_permission()).collect();
        assert_eq!(free.iter().map(|step| step.call.action()).collect::<Vec<_>>(), ["sts:GetCallerIdentity"]);
    }
}
