//! The messages that a subscriber of the topic receives. A queue replaces the mailbox: the local AWS puts into it what SNS
//! would mail.

use std::collections::HashMap;

use serde_json::{Value as Json, json};

use crate::LocalAws;

/// The mailbox of one subscriber.
#[derive(Debug)]
pub struct Mailbox {
    sqs: aws_sdk_sqs::Client,
    queue: String,
}

/// A mail as its recipient gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The subject line.
    pub subject: String,
    /// The text of the mail.
    pub body: String,
}

impl Mailbox {
    /// Subscribes a new mailbox to all messages of the topic.
    ///
    /// # Panics
    /// If the emulator refuses.
    pub async fn subscribe(aws: &LocalAws, topic: &str) -> Self {
        Self::filtered(aws, topic, "everything", HashMap::new()).await
    }

    /// A mailbox for an address that the stack has subscribed, with the filter policy of that subscription.
    ///
    /// # Panics
    /// If the topic has no such subscription, or the emulator refuses.
    pub async fn of(aws: &LocalAws, topic: &str, address: &str) -> Self {
        let sns = aws_sdk_sns::Client::new(&aws.root().await);
        let all = sns.list_subscriptions_by_topic().topic_arn(topic).send().await.expect("subscriptions");
        let arn = all.subscriptions().iter().find(|s| s.endpoint() == Some(address)).and_then(|s| s.subscription_arn());
        let arn = arn.unwrap_or_else(|| panic!("{address} is not subscribed: {all:?}"));
        let attributes = sns.get_subscription_attributes().subscription_arn(arn).send().await.expect("its attributes");
        let mut filter = attributes.attributes.unwrap_or_default();
        filter.retain(|name, _| name.starts_with("FilterPolicy"));
        Self::filtered(aws, topic, address, filter).await
    }

    async fn filtered(aws: &LocalAws, topic: &str, name: &str, filter: HashMap<String, String>) -> Self {
        let config = aws.root().await;
        let sqs = aws_sdk_sqs::Client::new(&config);
        let sns = aws_sdk_sns::Client::new(&config);
        let name = format!("mailbox-{}", name.replace(|c: char| !c.is_ascii_alphanumeric(), "-"));
        let arn = queue_arn(&name);
        let policy = lets_send(topic, &arn);
        let queue = create(&sqs, &name, &policy).await;
        let subscription = sns.subscribe().topic_arn(topic).protocol("sqs").endpoint(arn);
        subscription.set_attributes(Some(filter)).send().await.expect("a subscription");
        Self { sqs, queue }
    }

    /// A queue of this name that topics of the account may send to, as docs/notices.md says. It is no mailbox: it gets what
    /// SNS sends to queues.
    ///
    /// # Panics
    /// If the emulator refuses.
    pub async fn queue(aws: &LocalAws, name: &str) -> Self {
        let sqs = aws_sdk_sqs::Client::new(&aws.root().await);
        let topics = format!("arn:aws:sns:{}:{}:*", crate::local_aws::REGION, crate::local_aws::ACCOUNT);
        let queue = create(&sqs, name, &lets_send(&topics, &queue_arn(name))).await;
        Self { sqs, queue }
    }

    /// Removes and returns every mail that has arrived.
    ///
    /// # Panics
    /// If the emulator refuses.
    pub async fn take(&self) -> Vec<Mail> {
        let mut mails = Vec::new();
        loop {
            let received = self.sqs.receive_message().queue_url(&self.queue).max_number_of_messages(10).send().await;
            let messages = received.expect("messages").messages.unwrap_or_default();
            if messages.is_empty() {
                return mails;
            }
            for message in messages {
                let envelope: Json = serde_json::from_str(message.body().unwrap_or_default()).unwrap_or_default();
                let text = |field: &str| envelope[field].as_str().unwrap_or_default().to_owned();
                mails.push(Mail { subject: text("Subject"), body: text("Message") });
                let handle = message.receipt_handle().unwrap_or_default();
                self.sqs.delete_message().queue_url(&self.queue).receipt_handle(handle).send().await.expect("taken");
            }
        }
    }
}

/// The ARN of a queue of this name.
#[must_use]
pub fn queue_arn(name: &str) -> String {
    format!("arn:aws:sqs:{}:{}:{name}", crate::local_aws::REGION, crate::local_aws::ACCOUNT)
}

/// The policy of a queue that these topics may send to.
fn lets_send(topics: &str, queue: &str) -> Json {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "Service": "sns.amazonaws.com" },
            "Action": "sqs:SendMessage",
            "Resource": queue,
            "Condition": { "ArnLike": { "aws:SourceArn": topics } },
        }],
    })
}

async fn create(sqs: &aws_sdk_sqs::Client, name: &str, policy: &Json) -> String {
    let queue = sqs.create_queue().queue_name(name);
    let queue = queue.attributes(aws_sdk_sqs::types::QueueAttributeName::Policy, policy.to_string());
    queue.send().await.expect("a queue").queue_url.expect("its url")
}

impl Mail {
    /// Whether the mail is about this user.
    #[must_use]
    pub fn is_about(&self, user: &str) -> bool {
        self.subject.ends_with(&format!(" {user}"))
    }

    /// The encrypted block in the mail, as a person would copy it.
    #[must_use]
    pub fn block(&self) -> Option<&str> {
        let (begin, end) = ("-----BEGIN AGE ENCRYPTED FILE-----\n", "-----END AGE ENCRYPTED FILE-----\n");
        let from = self.body.find(begin)?;
        let length = self.body[from..].find(end)? + end.len();
        Some(&self.body[from..from + length])
    }

    /// The key in the mail's block, if this key pair opens it.
    #[must_use]
    pub fn open(&self, with: &crate::KeyPair) -> Option<crate::account::OwnedKey> {
        let document = serde_json::from_str(&with.open(self.block()?)?).ok()?;
        crate::account::OwnedKey::from_secret(&document)
    }

    /// The key in the mail: the id and the secret, as a person would copy them out of it, in either language.
    #[must_use]
    pub fn key(&self) -> Option<crate::account::OwnedKey> {
        let value = |labels: [&str; 2]| {
            let line = self.body.lines().find(|line| labels.iter().any(|label| line.starts_with(label)))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        // A secret is one word. A longer text says where the secret is.
        let secret = value(["Secret access key:", "・シークレットアクセスキー:"])?;
        let is_here = secret.bytes().all(|b| b.is_ascii_graphic());
        let id = value(["Access key ID:", "・アクセスキー ID:"])?;
        is_here.then_some(crate::account::OwnedKey { id, secret })
    }
}
