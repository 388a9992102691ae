//! Every AWS call the handler may make, on what, and what for.
//!
//! `synth` turns this list into the execution role: one statement each, with the reason as a comment above
//! it. Nothing else grants the handler anything.

use crate::{
    journal,
    plan::{Delivery, Policy, StillInUse},
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
    /// What every tag key that the calls carry must begin with.
    pub tag_prefix: Option<&'static str>,
    /// What for, as a reviewer wants to read it.
    pub why: &'static str,
}

/// What a permission is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// The IAM users of the configuration.
    Users,
    /// The secrets whose names begin with the configured prefix.
    Secrets,
    /// The notification topic.
    Topic,
}

/// What the handler needs under this policy, and no more.
#[must_use]
pub fn permissions(policy: &Policy) -> Vec<Permission> {
    let last_use = policy.still_in_use == StillInUse::Wait;
    let mail_is_delivery = policy.delivery.is_mail();
    let mut list = vec![
        Permission {
            sid: "ReadKeys",
            // The handler asks for the last use of an unfinished rotation's key under any policy.
            actions: vec!["iam:ListAccessKeys", "iam:ListUserTags", "iam:GetAccessKeyLastUsed"],
            on: Target::Users,
            tag_prefix: None,
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
            tag_prefix: Some(journal::PREFIX),
            why: "Note what is about to be done before it is done, in tags under one prefix; no other tag can be written.",
        },
        Permission {
            sid: "RotateKeys",
            actions: vec!["iam:CreateAccessKey", "iam:UpdateAccessKey", "iam:DeleteAccessKey"],
            on: Target::Users,
            tag_prefix: None,
            why: "Create the new key, deactivate the old one (or activate it again), delete it when its time is over.",
        },
    ];
    if policy.delivery == Delivery::SecretsManager {
        list.push(Permission {
            sid: "CreateSecrets",
            actions: vec!["secretsmanager:CreateSecret"],
            on: Target::Secrets,
            tag_prefix: None,
            why: "Make each user's secret, once; only below this prefix.",
        });
        list.push(Permission {
            sid: "StoreNewKeys",
            actions: vec!["secretsmanager:PutSecretValue", "secretsmanager:DescribeSecret"],
            on: Target::Secrets,
            tag_prefix: None,
            why: "Hand a new key over and check that it arrived; reading a stored key is not needed.",
        });
        list.push(Permission {
            sid: "SayWhoReads",
            actions: vec!["secretsmanager:PutResourcePolicy"],
            on: Target::Secrets,
            tag_prefix: None,
            why: "Say on each user's secret who may read it.",
        });
    }
    list.push(Permission {
        sid: "SendMail",
        actions: if mail_is_delivery {
            vec!["sns:Publish", "sns:ListSubscriptionsByTopic"]
        } else {
            vec!["sns:Publish"]
        },
        on: Target::Topic,
        tag_prefix: None,
        why: if mail_is_delivery {
            "Mail the new key, once it is certain that whoever is to get it has confirmed; tell people what was done."
        } else {
            "Tell people that a new key is there, what was done, and what they must do."
        },
    });
    list
}
