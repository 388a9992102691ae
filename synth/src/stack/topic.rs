//! Where notices and alarms go: a topic for each, what they are encrypted with, and who may publish to them.
//!
//! Two, because an alarm's message has no attributes: the filter policies that keep notices from all but their readers would
//! keep every alarm from everybody (SNS Developer Guide, "Key matching").

use lambda::{model::kms_key::KmsKeyArn, protocol::policy::Delivery};

use super::{own_alarms, subscribers};
use crate::{
    cfn::{
        Arn, Handle, Pseudo, Template, Text,
        name::id,
        policy_document::{Condition, PolicyDocument, Principal, ResourceArn, Statement},
        resource::{FilterPolicyScope, Key, Protocol, Subscription, Topic, TopicPolicy},
    },
    config::{Config, TopicKey},
};

/// What the topics are encrypted with.
pub(super) enum Encryption {
    Own(Arn<Key>),
    Existing(KmsKeyArn),
}

/// The key of the topics: the stack's own, or one that is there.
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
            "The account's IAM policies decide who else may use the key; without this nobody could ever change it.",
            vec!["kms:*"],
            vec![ResourceArn::this_key()],
            Vec::new(),
        ),
        Statement::grant(
            Principal::CloudWatch,
            "PublishAlarms",
            "This stack's alarms publish to their topic.",
            vec!["kms:GenerateDataKey*", "kms:Decrypt"],
            vec![ResourceArn::this_key()],
            own_alarms(),
        ),
    ]);
    t.add(
        id!("TopicKey"),
        "Encrypts the topics: CloudWatch cannot use AWS's own key for SNS, and its alarms would be lost. $1 a month.",
        Key {
            description: "Notices and alarms of the access key rotation",
            enable_key_rotation: true,
            key_policy: policy,
        },
    )
}

impl Encryption {
    /// What the handler's role must be allowed.
    pub(super) fn statement(&self) -> Statement {
        let key = match self {
            Self::Own(arn) => arn.clone().into(),
            Self::Existing(arn) => arn.into(),
        };
        let sns = Text::of(["sns.".into(), Pseudo::Region.into(), ".*".into()]);
        Statement::allow(
            "EncryptMail",
            "SNS encrypts what the handler publishes, with this role; nothing else may be done with the key.",
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

/// The topic for notices and its subscribers.
pub(super) fn notifications(t: &mut Template, config: &Config, encryption: &Encryption) -> Handle<Topic> {
    let topic = t.add(
        id!("NotificationTopic"),
        match config.policy.delivery {
            Delivery::SecretsManager => {
                "Carries notices, and no secret; filter policies let each through to those it is meant for."
            }
            Delivery::Email => {
                "Carries notices, and new keys with their secrets; filter policies let each through to those it is meant \
                 for."
            }
            Delivery::EmailEncrypted => {
                "Carries notices, and new keys with their secrets encrypted to the public keys in encrypt_to; filter \
                 policies let each through to those it is meant for."
            }
        },
        Topic { display_name: "Access Key Rotation", kms_master_key_id: encryption.id() },
    );
    t.add(
        id!("NotificationTopicPolicy"),
        "In place of the policy that SNS gives a topic, which lets all in the account publish and subscribe: IAM policies decide.",
        TopicPolicy {
            topics: vec![topic.reference()],
            policy_document: PolicyDocument(vec![Statement::deny_everybody(
                "DenyPlainHttp",
                "A notice that is sent without TLS could be read on its way.",
                vec!["sns:Publish"],
                vec![topic.reference().into()],
                vec![Condition::plain_http()],
            )]),
        },
    );
    for subscriber in subscribers::subscribers(config) {
        let subscription = Subscription {
            topic_arn: topic.reference(),
            protocol: Protocol::Email,
            endpoint: subscriber.email.to_string(),
            filter_policy_scope: Some(FilterPolicyScope::MessageAttributes),
            filter_policy: Some(subscriber.filter_policy()),
        };
        t.add(subscriber.logical_id(), subscriber.why(config), subscription);
    }
    topic
}

/// The topic for alarms: it tells the administrators, and carries nobody's key.
pub(super) fn alarms(t: &mut Template, config: &Config, encryption: &Encryption) -> Handle<Topic> {
    let topic = t.add(
        id!("AlarmTopic"),
        "Carries alarms to the administrators. Not the other topic's: an alarm passes no filter policy.",
        Topic { display_name: "Access Key Rotation alarms", kms_master_key_id: encryption.id() },
    );
    t.add(
        id!("AlarmTopicPolicy"),
        "In place of the policy that SNS gives a topic: who else may publish. For the account itself its IAM policies decide.",
        TopicPolicy {
            topics: vec![topic.reference()],
            policy_document: PolicyDocument(vec![Statement::grant(
                Principal::CloudWatch,
                "PublishAlarms",
                "Only this stack's alarms.",
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
        };
        t.add(subscribers::alarms_to(email), "Hears of every alarm, once it has confirmed AWS's mail.", subscription);
    }
    topic
}
