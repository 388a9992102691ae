//! Every AWS call the handler may make, on what, and what for.
//!
//! `synth` turns this list into the execution role: one statement each, with the reason as a comment above
//! it. Nothing else grants the handler anything.

use crate::{
    contract::{list_scope::ListScope, secret_prefix::without_comma},
    model::{kms_key::KmsKey, user::UserName},
    protocol::{
        journal,
        policy::{Delivery, Policy, StillInUse},
    },
};

/// One purpose, and the calls that serve it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permission {
    /// The statement's id: stable, so that a review shows what changed and nothing else.
    pub sid: &'static str,
    /// IAM action names.
    pub actions: Vec<&'static str>,
    /// On what.
    pub on: Target,
    /// Only if all of this is so.
    pub only_if: Vec<RequestCondition>,
    /// What for, as a reviewer wants to read it.
    pub why: &'static str,
}

/// What a permission is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// The account: its lists are of nothing less.
    Account,
    /// The IAM users of the configuration.
    Users,
    /// The secrets whose names begin with the configured prefix.
    Secrets,
    /// The notification topic.
    Topic,
    /// The customer's key that encrypts the secrets.
    SecretsKey,
}

/// What must be true of a call, or it is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RequestCondition {
    /// It carries tag keys, each beginning with this.
    TagKeysBeginWith(&'static str),
    /// It carries tag keys, each one of these.
    TagKeysAre([&'static str; 2]),
    /// It has Secrets Manager refuse a policy that lets everybody in.
    PublicPoliciesAreBlocked,
    /// Secrets Manager makes it, on this role's behalf, for one of [`Target::Secrets`].
    ForSecrets,
}

/// The keys of the tags on a secret.
const SECRET_TAGS: [&str; 2] = ["access-key-rotation:user", "managed-by"];

/// The tags that a secret is made with: whose it is, and who writes it.
#[must_use]
pub fn tags(user: &UserName) -> [(&'static str, String); 2] {
    let [whose, writer] = SECRET_TAGS;
    // A tag's value may hold no comma (AWS General Reference, "Tag naming limits and requirements").
    [(whose, without_comma(user)), (writer, "access-key-rotation".into())]
}

/// The ids of all statements that [`permissions`] can give. Others in the role are for what AWS does with it.
pub const SIDS: [&str; 9] = [
    "ListUsers",
    "ReadKeys",
    "WriteJournal",
    "RotateKeys",
    "CreateSecrets",
    "StoreNewKeys",
    "WriteSecretPolicies",
    "UseSecretsKey",
    "SendMail",
];

/// What the handler needs under this policy, with secrets encrypted by this key and users found like this, and no more.
#[must_use]
pub fn permissions(policy: &Policy, key: &KmsKey, sight: ListScope) -> Vec<Permission> {
    let last_use = policy.still_in_use == StillInUse::Wait;
    let mail_is_delivery = policy.delivery.is_mail();
    let mut list = vec![
        Permission {
            sid: "ReadKeys",
            // The handler asks for the last use of an unfinished rotation's key under any policy.
            actions: vec!["iam:ListAccessKeys", "iam:ListUserTags", "iam:GetAccessKeyLastUsed"],
            on: Target::Users,
            only_if: Vec::new(),
            why: if last_use {
                "Learn which keys a user has, what earlier runs left behind, and whether an old key is still in use."
            } else {
                "Learn which keys a user has, what earlier runs left behind, and whether a key they left is in use."
            },
        },
        Permission {
            sid: "WriteJournal",
            actions: vec!["iam:TagUser", "iam:UntagUser"],
            on: Target::Users,
            only_if: vec![RequestCondition::TagKeysBeginWith(journal::PREFIX)],
            why: "Note what is about to be done before it is done, in tags under one prefix; no other tag can be written.",
        },
        Permission {
            sid: "RotateKeys",
            actions: vec!["iam:CreateAccessKey", "iam:UpdateAccessKey", "iam:DeleteAccessKey"],
            on: Target::Users,
            only_if: Vec::new(),
            why: "Create the new key, deactivate the old one (or activate it again), delete it when its time is over.",
        },
    ];
    if sight == ListScope::Account {
        list.insert(0, see_users());
    }
    if policy.delivery == Delivery::SecretsManager {
        list.extend(secrets(key));
    }
    list.push(Permission {
        sid: "SendMail",
        actions: if mail_is_delivery {
            vec!["sns:Publish", "sns:ListSubscriptionsByTopic"]
        } else {
            vec!["sns:Publish"]
        },
        on: Target::Topic,
        only_if: Vec::new(),
        why: if mail_is_delivery {
            "Mail the new key, once it is certain that whoever is to get it has confirmed; tell people what was done."
        } else {
            "Tell people that a new key is there, what was done, and what they must do."
        },
    });
    list
}

/// What it takes to find users that are not named.
fn see_users() -> Permission {
    Permission {
        sid: "ListUsers",
        actions: vec!["iam:GenerateCredentialReport", "iam:GetCredentialReport", "iam:GetAccountAuthorizationDetails"],
        on: Target::Account,
        only_if: Vec::new(),
        why: "See who is meant (paths, tags, groups) and whose keys are old. IAM gives these lists for the whole account or not at all.",
    }
}

/// What delivery by Secrets Manager needs.
fn secrets(key: &KmsKey) -> Vec<Permission> {
    let mut list = vec![
        Permission {
            sid: "CreateSecrets",
            actions: vec!["secretsmanager:CreateSecret", "secretsmanager:TagResource"],
            on: Target::Secrets,
            only_if: vec![RequestCondition::TagKeysAre(SECRET_TAGS)],
            why: "Make each user's secret, once; only below this prefix, and with tags that say what it is.",
        },
        Permission {
            sid: "StoreNewKeys",
            actions: vec!["secretsmanager:PutSecretValue", "secretsmanager:DescribeSecret"],
            on: Target::Secrets,
            only_if: Vec::new(),
            why: "Hand a new key over and check that it arrived; reading a stored key is not needed.",
        },
        Permission {
            sid: "WriteSecretPolicies",
            actions: vec!["secretsmanager:PutResourcePolicy"],
            on: Target::Secrets,
            only_if: vec![RequestCondition::PublicPoliciesAreBlocked],
            why: "Say on each user's secret who may read it: never everybody.",
        },
    ];
    if key.customer().is_some() {
        list.push(Permission {
            sid: "UseSecretsKey",
            actions: vec!["kms:GenerateDataKey", "kms:Decrypt"],
            on: Target::SecretsKey,
            only_if: vec![RequestCondition::ForSecrets],
            why: "Have Secrets Manager encrypt a new key, and compare it with one that is stored already; nothing else.",
        });
    }
    list
}
