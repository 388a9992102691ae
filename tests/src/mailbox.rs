//! What a subscriber of the topic receives: a queue stands in for the mailbox.

use serde_json::{Value as Json, json};

use crate::LocalAws;

/// One subscriber.
#[derive(Debug)]
pub struct Mailbox {
    sqs: aws_sdk_sqs::Client,
    queue: String,
}

/// A mail as its reader gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The subject.
    pub subject: String,
    /// The text.
    pub body: String,
}

impl Mailbox {
    /// Subscribes a new mailbox to the topic.
    ///
    /// # Panics
    /// If the emulator refuses.
    pub async fn subscribe(aws: &LocalAws, topic: &str) -> Self {
        let config = aws.root().await;
        let sqs = aws_sdk_sqs::Client::new(&config);
        let sns = aws_sdk_sns::Client::new(&config);
        let arn = format!("arn:aws:sqs:{}:{}:mailbox", crate::local_aws::REGION, crate::local_aws::ACCOUNT);
        let policy = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "Service": "sns.amazonaws.com" },
                "Action": "sqs:SendMessage",
                "Resource": arn,
                "Condition": { "ArnEquals": { "aws:SourceArn": topic } },
            }],
        });
        let queue = sqs
            .create_queue()
            .queue_name("mailbox")
            .attributes(aws_sdk_sqs::types::QueueAttributeName::Policy, policy.to_string());
        let queue = queue.send().await.expect("a queue").queue_url.expect("its url");
        sns.subscribe().topic_arn(topic).protocol("sqs").endpoint(arn).send().await.expect("a subscription");
        Self { sqs, queue }
    }

    /// Takes out every mail that has arrived.
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

impl Mail {
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
        Some(crate::account::OwnedKey {
            id: value(["Access key ID:", "・アクセスキー ID:"])?,
            secret: value(["Secret access key:", "・シークレットアクセスキー:"])?,
        })
    }
}
