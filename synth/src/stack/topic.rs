//! Where notices and alarms go: the topic, what it is encrypted with, and who may publish to it.

use lambda::kms_key::KmsKeyArn;

use super::own_alarms;
use crate::{
    cfn::{
        Arn, Handle, Pseudo, Template, Text,
        reference::id,
        resource::{Key, Protocol, Subscription, Topic, TopicPolicy},
    },
    config::{Config, TopicKey},
    iam::{Condition, PolicyDocument, Principal, ResourceArn, Statement},
};

/// What a topic is encrypted with.
pub(super) enum Encryption {
    Own(Arn<Key>),
    Existing(KmsKeyArn),
}

/// The key of the topic: the stack's own, or one that is there.
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
            "This stack's alarms publish to the topic.",
            vec!["kms:GenerateDataKey*", "kms:Decrypt"],
            vec![ResourceArn::this_key()],
            own_alarms(),
        ),
    ]);
    t.add(
        id!("TopicKey"),
        "Encrypts the topic: CloudWatch cannot use AWS's own key for SNS, and its alarms would be lost. $1 a month.",
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
            vec![Condition { operator: "StringLike", key: "kms:ViaService", values: vec![sns] }],
        )
    }

    fn id(&self) -> Text {
        match self {
            Self::Own(arn) => arn.clone().into(),
            Self::Existing(arn) => arn.as_str().into(),
        }
    }
}

/// The topic and its subscribers.
pub(super) fn notifications(t: &mut Template, config: &Config, encryption: &Encryption) -> Handle<Topic> {
    let topic = t.add(
        id!("NotificationTopic"),
        if config.mail_is_delivery() {
            "Carries new keys, secrets included, and alarms to the subscribers below."
        } else {
            "Tells the subscribers below that a new key is there, and of alarms; it never carries a secret."
        },
        Topic { display_name: "Access Key Rotation", kms_master_key_id: encryption.id() },
    );
    t.add(
        id!("TopicPolicy"),
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
            endpoint: email.as_str().to_owned(),
        };
        t.add(email.logical_id(), "Takes effect once the address has confirmed the mail from AWS.", subscription);
    }
    topic
}
