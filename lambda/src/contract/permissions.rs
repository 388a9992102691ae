//! Every AWS call that the handler may make, on which resources, and why.
//!
//! `synth` turns each entry of this list into one statement of the execution role, with the reason as a comment above
//! it. Nothing else grants the handler anything.

use crate::{
    contract::{list_scope::ListScope, secret_prefix::without_comma},
    model::{kms_key::KmsKey, user::UserName},
    protocol::{
        journal,
        policy::{Delivery, Policy, StillInUse},
    },
};

/// The actions for one purpose. It becomes one statement of the role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permission {
    /// The id of the statement. It is stable, so that a review shows only what changed.
    pub sid: &'static str,
    /// The IAM actions, with the prefix of their service.
    pub actions: Vec<&'static str>,
    /// The resources on which the actions are allowed.
    pub on: PermissionTarget,
    /// The conditions; a request must meet all of them.
    pub only_if: Vec<RequestCondition>,
    /// What the permission is for, in a sentence for a reviewer.
    pub why: &'static str,
}

impl Permission {
    /// The actions that change nothing. IAM makes a credential report without a change in the account.
    pub fn reads(&self) -> impl Iterator<Item = &'static str> {
        const READS: [&str; 4] = ["List", "Get", "Describe", "GenerateCredentialReport"];
        let is_read = |action: &&str| {
            let operation = action.split_once(':').map_or("", |(_, operation)| operation);
            READS.iter().any(|read| operation.starts_with(read))
        };
        self.actions.iter().copied().filter(is_read)
    }
}

/// The resources of a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PermissionTarget {
    /// The whole account, because IAM's lists cannot be limited to a part of it.
    Account,
    /// The IAM users of the configuration.
    Users,
    /// The IAM users of the configuration, for a request that names only an access key. Nothing says whether AWS then knows the
    /// tags of the user, so no condition on a tag limits it.
    UsersOfKeys,
    /// The secrets whose names begin with the configured prefix.
    Secrets,
    /// The notification topic.
    Topic,
    /// The central event bus of the organization.
    EventBus,
    /// The customer's key that encrypts the secrets.
    SecretsKey,
}

/// A condition on a request. IAM refuses a request that does not meet it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RequestCondition {
    /// The request has tag keys, and each begins with this prefix.
    TagKeysBeginWith(&'static str),
    /// The request has tag keys, and each is one of [`SECRET_TAGS`] or of the configured tags.
    TagsOfSecrets,
    /// The request asks Secrets Manager to refuse a policy that gives access to the public.
    PublicPoliciesAreBlocked,
    /// Secrets Manager makes it, on this role's behalf, for one of [`PermissionTarget::Secrets`].
    ForSecrets,
}

/// The keys of the handler's own tags on a secret.
pub const SECRET_TAGS: [&str; 2] = ["access-key-rotation:user", "managed-by"];

/// The handler's own tags, which a secret is created with: its user, and the program that writes it.
#[must_use]
pub fn tags(user: &UserName) -> [(&'static str, String); 2] {
    let [whose, writer] = SECRET_TAGS;
    // A tag's value may hold no comma (AWS General Reference, "Tag naming limits and requirements").
    [(whose, without_comma(user)), (writer, "access-key-rotation".into())]
}

/// The ids of all statements that [`permissions`] can give. The role has other statements too: AWS itself needs them,
/// not the handler's code.
pub const SIDS: [&str; 12] = [
    "ListUsers",
    "ReadKeys",
    "ReadLastUse",
    "WriteJournal",
    "RotateKeys",
    "CreateSecrets",
    "StoreNewKeys",
    "WriteSecretPolicies",
    "UseSecretsKey",
    "SendMail",
    "SendEvents",
    "ReadSubscriptions",
];

/// What limits the role to the selected users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UsersLimit {
    /// Their ARNs.
    Arns,
    /// A condition on a tag.
    Tag,
}

/// Where the handler's notices go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NoticeChannel {
    /// To the topic of the stack.
    Topic,
    /// To the central event bus: the stack is a member of an organization.
    EventBus,
}

/// The permissions that the handler needs, and no more. They follow from the policy, the key that encrypts the secrets,
/// the way to find users, what limits the role to them, and where the notices go.
#[must_use]
pub fn permissions(
    policy: &Policy,
    key: &KmsKey,
    list_scope: ListScope,
    limit: UsersLimit,
    channel: NoticeChannel,
) -> Vec<Permission> {
    let last_use = policy.still_in_use == StillInUse::Wait;
    let read_last_use = "iam:GetAccessKeyLastUsed";
    let mail_is_delivery = policy.delivery.is_mail();
    let mut list = vec![
        Permission {
            sid: "ReadKeys",
            actions: vec!["iam:ListAccessKeys", "iam:ListUserTags"],
            on: PermissionTarget::Users,
            only_if: Vec::new(),
            why: match (limit, last_use) {
                (UsersLimit::Tag, _) => "Learn which keys a user has, and what earlier runs left behind.",
                (UsersLimit::Arns, true) => {
                    "Learn which keys a user has, what earlier runs left behind, and whether an old key is still in use."
                }
                (UsersLimit::Arns, false) => {
                    "Learn which keys a user has, what earlier runs left behind, and whether a key they left is in use."
                }
            },
        },
        Permission {
            sid: "WriteJournal",
            actions: vec!["iam:TagUser", "iam:UntagUser"],
            on: PermissionTarget::Users,
            only_if: vec![RequestCondition::TagKeysBeginWith(journal::PREFIX)],
            why: "Write the journal before and after a change, in tags under one prefix; no other tag can be written.",
        },
        Permission {
            sid: "RotateKeys",
            actions: vec!["iam:CreateAccessKey", "iam:UpdateAccessKey", "iam:DeleteAccessKey"],
            on: PermissionTarget::Users,
            only_if: Vec::new(),
            why: "Create the new key; deactivate or reactivate the old one; delete it when its time is over.",
        },
    ];
    // The handler asks for the last use of an unfinished rotation's key under any policy.
    match limit {
        // One list of ARNs leaves room for more users in the policy.
        UsersLimit::Arns => list[0].actions.push(read_last_use),
        UsersLimit::Tag => list.insert(
            1,
            Permission {
                sid: "ReadLastUse",
                actions: vec![read_last_use],
                on: PermissionTarget::UsersOfKeys,
                only_if: Vec::new(),
                why: if last_use {
                    "Learn whether an old key is still in use. The request names only the key, so a condition on the user's tags \
                     might deny it."
                } else {
                    "Learn whether a key that an earlier run left is in use. The request names only the key, so a condition on \
                     the user's tags might deny it."
                },
            },
        ),
    }
    if list_scope == ListScope::Account {
        list.insert(0, list_users());
    }
    if policy.delivery == Delivery::SecretsManager {
        list.extend(secrets(key));
    }
    let own_topic = Permission {
        sid: "SendMail",
        actions: vec!["sns:Publish", "sns:ListSubscriptionsByTopic"],
        on: PermissionTarget::Topic,
        only_if: Vec::new(),
        why: if mail_is_delivery {
            "Mail the new key and report what was done, after a check that recipients have confirmed."
        } else {
            "Notify people of keys and of what they must do, after a check that recipients have confirmed."
        },
    };
    match channel {
        NoticeChannel::Topic => list.push(own_topic),
        NoticeChannel::EventBus => list.extend([
            Permission {
                sid: "SendEvents",
                actions: vec!["events:PutEvents"],
                on: PermissionTarget::EventBus,
                only_if: Vec::new(),
                why: "Send notices of keys and the result of each run to the administering account, which mails the notices.",
            },
            Permission {
                sid: "ReadSubscriptions",
                actions: vec!["sns:ListSubscriptionsByTopic"],
                on: PermissionTarget::Topic,
                only_if: Vec::new(),
                why: "Check that recipients of the administering account's topic have confirmed.",
            },
        ]),
    }
    list
}

/// The permission that the publisher needs: see [`crate::contract::publisher_settings`].
#[must_use]
pub fn publisher_permissions() -> Vec<Permission> {
    vec![Permission {
        sid: "SendMail",
        actions: vec!["sns:Publish"],
        on: PermissionTarget::Topic,
        only_if: Vec::new(),
        why: "Mail the members' notices and alarms.",
    }]
}

/// The permission to find users that the configuration does not name.
fn list_users() -> Permission {
    Permission {
        sid: "ListUsers",
        actions: vec!["iam:GenerateCredentialReport", "iam:GetCredentialReport", "iam:GetAccountAuthorizationDetails"],
        on: PermissionTarget::Account,
        only_if: Vec::new(),
        why: "Find the selected users (by path, tag or group) and those with old keys. IAM gives these lists only for the \
              whole account.",
    }
}

/// The permissions that delivery by Secrets Manager needs.
fn secrets(key: &KmsKey) -> Vec<Permission> {
    let mut list = vec![
        Permission {
            sid: "CreateSecrets",
            actions: vec!["secretsmanager:CreateSecret", "secretsmanager:TagResource"],
            on: PermissionTarget::Secrets,
            only_if: vec![RequestCondition::TagsOfSecrets],
            why: "Create each user's secret, once; only under this prefix, and only with its own and the configured tags.",
        },
        Permission {
            sid: "StoreNewKeys",
            actions: vec!["secretsmanager:PutSecretValue", "secretsmanager:DescribeSecret"],
            on: PermissionTarget::Secrets,
            only_if: Vec::new(),
            why: "Store a new key and check that it arrived; reading a stored key is not needed.",
        },
        Permission {
            sid: "WriteSecretPolicies",
            actions: vec!["secretsmanager:PutResourcePolicy"],
            on: PermissionTarget::Secrets,
            only_if: vec![RequestCondition::PublicPoliciesAreBlocked],
            why: "Set who may read the secret of each user; a public policy is refused.",
        },
    ];
    if key.customer().is_some() {
        list.push(Permission {
            sid: "UseSecretsKey",
            actions: vec!["kms:GenerateDataKey", "kms:Decrypt"],
            on: PermissionTarget::SecretsKey,
            only_if: vec![RequestCondition::ForSecrets],
            why: "Let Secrets Manager encrypt a new key, and compare it with a stored one; nothing else.",
        });
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reads_and_what_changes_something_are_told_apart() {
        let policy = Policy::for_tests();
        let key = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab".parse().unwrap();
        let permissions = permissions(&policy, &key, ListScope::Account, UsersLimit::Arns, NoticeChannel::Topic);
        let reads: Vec<_> = permissions.iter().flat_map(Permission::reads).collect();
        let mut writes: Vec<_> = permissions.iter().flat_map(|permission| permission.actions.clone()).collect();
        writes.retain(|action| !reads.contains(action));
        assert_eq!(
            reads,
            [
                "iam:GenerateCredentialReport",
                "iam:GetCredentialReport",
                "iam:GetAccountAuthorizationDetails",
                "iam:ListAccessKeys",
                "iam:ListUserTags",
                "iam:GetAccessKeyLastUsed",
                "secretsmanager:DescribeSecret",
                "sns:ListSubscriptionsByTopic",
            ]
        );
        assert_eq!(
            writes,
            [
                "iam:TagUser",
                "iam:UntagUser",
                "iam:CreateAccessKey",
                "iam:UpdateAccessKey",
                "iam:DeleteAccessKey",
                "secretsmanager:CreateSecret",
                "secretsmanager:TagResource",
                "secretsmanager:PutSecretValue",
                "secretsmanager:PutResourcePolicy",
                "kms:GenerateDataKey",
                "kms:Decrypt",
                "sns:Publish",
            ]
        );
    }
}
