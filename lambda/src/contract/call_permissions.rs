//! The steps of a rotation in words: what each AWS call is for.
//!
//! People who review the role read this: these steps are the only reason for each permission.

use crate::{
    model::{access_key::AccessKeyId, time::Span},
    protocol::call::{Call, PlannedNotice, RemovalReason},
};

/// One step of a rotation: a call and its purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The call, with example ids in place of real ones.
    pub call: Call,
    /// What the call is for, in words for a reviewer.
    pub purpose: &'static str,
}

/// Every kind of step, in the order in which a rotation takes it.
///
/// # Panics
/// Never: the example ids are valid.
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
        Call::Publish(PlannedNotice::Stored(key())),
        Call::UntagUser(run),
        Call::RemoveJournal(Vec::new()),
        Call::DeactivateAccessKey(key(), RemovalReason::Superseded),
        Call::ActivateAccessKey(key()),
        Call::DeleteAccessKey(key(), RemovalReason::WindowOver),
    ]
    .into_iter()
    .map(|call| Step { purpose: call.purpose(), call })
    .collect()
}

/// The calls that find users that are not named, before any of these steps, and what each is for.
pub const CHOOSING: [(&str, &str); 3] = [
    ("iam:GenerateCredentialReport", "have IAM list the keys of all users, at most every four hours"),
    ("iam:GetCredentialReport", "read how old the keys of all users are, to skip users with nothing due"),
    ("iam:GetAccountAuthorizationDetails", "read the path, tags and groups of all users, to find the selected ones"),
];

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, mem::discriminant};

    use super::*;
    use crate::{
        contract::{
            list_scope::ListScope,
            permissions::{NoticeChannel, SIDS, UsersLimit, permissions},
        },
        protocol::policy::{Delivery, Policy, StillInUse},
    };

    fn policies() -> impl Iterator<Item = Policy> {
        let policy = |delivery, still_in_use| Policy { still_in_use, delivery, ..Policy::for_tests() };
        let deliveries = [Delivery::SecretsManager, Delivery::Email].into_iter();
        deliveries.flat_map(move |d| [StillInUse::Wait, StillInUse::Retire].map(|s| policy(d, s)))
    }

    /// A new kind of call does not compile without a purpose. This test fails until the list has it too.
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
        let limits = [UsersLimit::Arns, UsersLimit::Tag];
        let cases = limits.map(|limit| [NoticeChannel::Topic, NoticeChannel::EventBus].map(|channel| (limit, channel)));
        let of = |policy: &Policy, (limit, channel)| permissions(policy, &customer, ListScope::Account, limit, channel);
        let permitted = policies()
            .flat_map(|policy| cases.concat().into_iter().flat_map(|case| of(&policy, case)).collect::<Vec<_>>());
        let permitted: Vec<_> = permitted.collect();
        let sids: BTreeSet<_> = permitted.iter().map(|p| p.sid).collect();
        assert_eq!(sids, SIDS.into_iter().collect());
        let permitted: BTreeSet<_> = permitted.into_iter().flat_map(|p| p.actions).map(str::to_owned).collect();
        assert_eq!(needed, permitted);
        let free: Vec<_> = steps().into_iter().filter(|step| !step.call.needs_permission()).collect();
        assert_eq!(free.iter().map(|step| step.call.action()).collect::<Vec<_>>(), ["sts:GetCallerIdentity"]);
    }
}
