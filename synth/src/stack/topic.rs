//! The topics for notices and for alarms: the key that encrypts them, their subscriptions, and who may publish to them.
//!
//! There are two topics, because the message of an alarm has no attributes. The filter policies that let a notice through only to
//! its recipients would stop every alarm (SNS Developer Guide, "Key matching").

use lambda::{model::kms_key::KmsKeyArn, protocol::policy::Delivery};

use super::{own_alarms, subscribers};
use crate::{
    cfn::{
        Arn, Dependency, Handle, Pseudo, Template, Text,
        name::id,
        policy_document::{Condition, PolicyDocument, Principal, ResourceArn, Statement},
        resource::{FilterPolicyScope, Key, Protocol, Subscription, Topic, TopicPolicy},
    },
    config::{Config, TopicKey},
};

/// The key that encrypts the topics.
pub(super) enum Encryption {
    Own(Arn<Key>),
    Existing(KmsKeyArn),
}

/// Returns the existing key of the configuration, or adds a key to the stack.
pub(super) fn encryption(t: &mut Template, config: &Config) -> Encryption {
    match &config.topic_key {
        TopicKey::Existing(arn) => Encryption::Existing(arn.clone()),
        TopicKey::Own => Encryption::Own(own_key(t).arn()),
    }
}

fn own_key(t: &mut Template) -> Handle<Key> {
    let policy = PolicyDocument(vec![
        Statement::grant(
            Principal::ThisAccount,
            "Administer",
            "IAM policies of the account decide who else may use the key. Without this statement, the key could never be changed.",
            vec!["kms:*"],
            vec![ResourceArn::this_key()],
            Vec::new(),
        ),
        Statement::grant(
            Principal::CloudWatch,
            "PublishAlarms",
            "The alarms of this stack publish to their topic.",
            vec!["kms:GenerateDataKey*", "kms:Decrypt"],
            vec![ResourceArn::this_key()],
            own_alarms(),
        ),
    ]);
    t.add(
        id!("TopicKey"),
        "Encrypts the topics. CloudWatch cannot use AWS's own key for SNS, so its alarms would be lost. It costs $1 a month.",
        Key {
            description: "Notices and alarms of the access key rotation",
            enable_key_rotation: true,
            key_policy: policy,
        },
    )
}

impl Encryption {
    /// The statement that lets the role of a function publish with this key.
    pub(super) fn statement(&self, why: &'static str) -> Statement {
        let key = match self {
            Self::Own(arn) => arn.clone().into(),
            Self::Existing(arn) => arn.into(),
        };
        let sns = Text::of(["sns.".into(), Pseudo::Region.into(), ".*".into()]);
        Statement::allow(
            "EncryptMail",
            why,
            vec!["kms:GenerateDataKey", "kms:Decrypt"],
            vec![key],
            vec![Condition { operator: "StringLike", key: "kms:ViaService".into(), values: vec![sns] }],
        )
    }

    fn id(&self) -> Text {
        match self {
            Self::Own(arn) => arn.clone().into(),
            Self::Existing(arn) => arn.as_str().into(),
        }
    }
}

/// The topic for notices.
pub(super) struct Notifications {
    pub(super) topic: Handle<Topic>,
    /// What a run needs beside the topic itself.
    pub(super) before_runs: Vec<Dependency>,
}

/// Adds the topic for notices, its policy and its subscriptions.
pub(super) fn notifications(t: &mut Template, config: &Config, encryption: &Encryption) -> Notifications {
    let topic = t.add(
        id!("NotificationTopic"),
        match config.policy.delivery {
            Delivery::SecretsManager => {
                "Delivers notices, which contain no secret. A filter policy lets each through only to its recipients."
            }
            Delivery::Email => {
                "Delivers notices, and new keys with their secrets. A filter policy lets each through only to its recipients."
            }
            Delivery::EmailEncrypted => {
                "Delivers notices, and new keys with their secrets encrypted to the public keys in encrypt_to. A filter policy \
                 lets each through only to its recipients."
            }
        },
        Topic { display_name: "Access Key Rotation", kms_master_key_id: encryption.id() },
    );
    let mut statements = vec![Statement::deny_everybody(
        "DenyPlainHttp",
        "A notice that is sent without TLS could be read on the way.",
        vec!["sns:Publish"],
        vec![topic.reference().into()],
        vec![Condition::plain_http()],
    )];
    if let Some(organization) = &config.organization {
        statements.push(Statement::grant_organization(
            organization.id.as_str(),
            "ReadSubscriptions",
            "The handler in each member checks that recipients have confirmed. It cannot publish here.",
            vec!["sns:ListSubscriptionsByTopic"],
            vec![topic.reference().into()],
            Vec::new(),
        ));
    }
    let policy = t.add(
        id!("NotificationTopicPolicy"),
        "Replaces the default policy of SNS, which lets the whole account publish and subscribe. So IAM policies decide.",
        TopicPolicy {
            topics: vec![topic.reference()],
            policy_document: PolicyDocument(statements),
        },
    );
    let mut before_runs = vec![policy.dependency()];
    for subscriber in subscribers::subscribers(config) {
        let subscription = Subscription {
            topic_arn: topic.reference(),
            protocol: Protocol::Email,
            endpoint: subscriber.email.to_string(),
            filter_policy_scope: Some(FilterPolicyScope::MessageAttributes),
            filter_policy: Some(subscriber.filter_policy()),
            redrive_policy: None,
        };
        before_runs.push(t.add(subscriber.logical_id(), subscriber.why(config), subscription).dependency());
    }
    Notifications { topic, before_runs }
}

/// Adds the topic for alarms, its policy and the subscriptions of the administrators. It never delivers a key.
pub(super) fn alarms(t: &mut Template, config: &Config, encryption: &Encryption) -> Handle<Topic> {
    // The publisher mails the alarms of the members, as notices.
    let (why, subscriber_why) = if config.organization.is_some() {
        (
            "Delivers the alarms of this stack to the administrators. It is another topic than that of notices, because these alarms \
             pass no filter policy.",
            "Gets every alarm of this stack, after it has confirmed the mail from AWS.",
        )
    } else {
        (
            "Delivers alarms to the administrators. It is another topic than that of notices, because an alarm passes no filter policy.",
            "Gets every alarm, after it has confirmed the mail from AWS.",
        )
    };
    let topic = t.add(
        id!("AlarmTopic"),
        why,
        Topic { display_name: "Access Key Rotation alarms", kms_master_key_id: encryption.id() },
    );
    t.add(
        id!("AlarmTopicPolicy"),
        "Replaces the default policy of SNS: it lets CloudWatch publish. In the account itself, IAM policies decide.",
        TopicPolicy {
            topics: vec![topic.reference()],
            policy_document: PolicyDocument(vec![Statement::grant(
                Principal::CloudWatch,
                "PublishAlarms",
                "Only the alarms of this stack may publish.",
                vec!["sns:Publish"],
                vec![topic.reference().into()],
                own_alarms(),
            )]),
        },
    );
    for email in &config.emails {
        let subscription = Subscription {
            topic_arn: topic.reference(),
            protocol: Protocol::Email,
            endpoint: email.to_string(),
            filter_policy_scope: None,
            filter_policy: None,
            redrive_policy: None,
        };
        t.add(subscribers::alarms_to(email), subscriber_why, subscription);
    }
    topic
}
