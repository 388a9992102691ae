//! Notices for programs: a queue and a web server get the JSON document of each event, whatever the delivery, and never a
//! secret. The real binary runs, and the local AWS delivers to each protocol what SNS delivers to it.

use std::{collections::BTreeSet, process::Command};

use lambda::{
    model::time::{Span, Timestamp},
    notice::notice_schema,
    protocol::journal::{Disabled, DisabledBy, JournalEntry, KeyNote},
};
use serde_json::{Value as Json, json};
use tests::{Account, KeyPair, LocalAws, Mailbox, Stack, WebServer, account::OwnedKey, mailbox::queue_arn, root, tool};

const DAY: i64 = 86_400;
const URL: &str = "https://hooks.example.com/keys";

/// Checks documents against the committed schema, with a validator of others.
fn assert_valid<'d>(documents: impl IntoIterator<Item = &'d Json>) {
    let folder = tempfile::tempdir().unwrap();
    let files = documents.into_iter().enumerate().map(|(n, document)| {
        let file = folder.path().join(format!("{n}.json"));
        std::fs::write(&file, document.to_string()).unwrap();
        file
    });
    let files: Vec<_> = files.collect();
    assert!(!files.is_empty());
    let schema = root().join("docs/notice.schema.json");
    let checked = Command::new(tool("check-jsonschema")).arg("--schemafile").arg(schema).args(&files).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
}

/// The documents in the reviewed texts: one or more of each event, in both languages.
#[test]
fn each_event_has_a_document_that_the_schema_describes() {
    let mut documents = Vec::new();
    for entry in std::fs::read_dir(root().join("lambda/src/notice/golden")).unwrap() {
        let path = entry.unwrap().path();
        // These mails show a member's event, which is no document.
        if path.file_name().unwrap().to_str().unwrap().starts_with("member-notice-") {
            continue;
        }
        let text = std::fs::read_to_string(path).unwrap();
        for part in text.split("\n{\n").skip(1) {
            let end = part.find("\n}\n").expect("the end of the document");
            documents.push(serde_json::from_str::<Json>(&format!("{{{}}}", &part[..end])).unwrap());
        }
    }
    assert_valid(&documents);
    let named = |schema: &Json| -> BTreeSet<String> {
        let events = schema["$defs"]["NoticeEvent"]["oneOf"].as_array().unwrap();
        events.iter().map(|event| event["const"].as_str().unwrap().to_owned()).collect()
    };
    let events: BTreeSet<_> = documents.iter().map(|document| document["event"].as_str().unwrap().to_owned()).collect();
    assert_eq!(events, named(&notice_schema()), "each event has a reviewed document");
}

/// One user for each of these events. The keys of the user `rotated` are due.
async fn users(aws: &mut LocalAws, account: &Account) -> Vec<OwnedKey> {
    let id = |key: &OwnedKey| key.id.parse().unwrap();
    let days = |n| Timestamp::now().before(Span::days(n));
    let mut made = Vec::new();
    for (user, ages) in [
        ("rotated", &[70][..]),
        ("coming-up", &[55]),
        ("still-in-use", &[70, 20]),
        ("retired", &[70, 20]),
        ("deleted", &[90, 30]),
        ("failed", &[70]),
        ("needs-attention", &[70]),
        ("pair", &[400, 50]),
    ] {
        let keys: Vec<_> = ages.iter().map(|age| (age * DAY, true)).collect();
        made.push(crate::common::user_with(aws, account, user, &keys).await);
    }
    for index in [2, 3] {
        let user = ["still-in-use", "retired"][index - 2];
        account.write_journal(user, &JournalEntry::Delivered(KeyNote { key: id(&made[index][1]), at: days(20) })).await;
    }
    account.deactivate("deleted", &made[4][0]).await;
    let inactive = Disabled { key: id(&made[4][0]), at: days(15), by: DisabledBy::Rotation };
    account.write_journal("deleted", &JournalEntry::Disabled(vec![inactive])).await;
    let tag = "Key=access-key-rotation:delivered,Value=key is AKIA".to_owned();
    aws.cli(&["iam", "tag-user", "--user-name", "needs-attention", "--tags", &tag]);
    made.into_iter().flatten().collect()
}

/// What a delivery sets, and whether an address can open what it gets.
fn deliveries() -> [String; 3] {
    let key = KeyPair::new().public.to_string();
    ["secrets-manager".to_owned(), "email".to_owned(), format!("email-encrypted\nencrypt_to: [{key}]")]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_and_a_web_server_get_each_event_and_no_secret() {
    for delivery in deliveries() {
        let mut aws = LocalAws::start().await;
        let account = Account::of(&aws).await;
        let keys = users(&mut aws, &account).await;
        let server = WebServer::start(&aws);
        let queue = Mailbox::queue(&aws, "key-events").await;
        let configuration = format!(
            "users: [{{name: rotated, owner: owner@example.com}}, coming-up, still-in-use, retired, deleted, failed, \
             needs-attention, pair]\nemails: [security@example.com]\nwarn_before: 7d\nnotify: ['{}', '{URL}']\n\
             delivery: {delivery}\n",
            queue_arn("key-events")
        );
        let stack = Stack::deploy_as_it_is(&aws, &configuration);
        let topic = &stack.outputs["TopicArn"];
        let owner = Mailbox::of(&aws, topic, "owner@example.com").await;
        crate::common::deny(&aws, "iam:ListAccessKeys", "failed");
        keys[2].identity(&aws).await.expect("the old key is in use");

        // The web server must confirm. Until then it is reported like an address, and gets nothing.
        let plan = stack.invoke(&aws, &json!({ "dry_run": true }));
        assert_eq!(plan["unconfirmed"], json!([URL]), "{plan:#}");
        let request = server.take(1, "SubscriptionConfirmation").remove(0);
        let token = request["Token"].as_str().unwrap();
        aws.cli(&["sns", "confirm-subscription", "--topic-arn", topic, "--token", token]);

        // Invariant 11: the endpoints count as recipients of notices, and not of a secret.
        aws.proxy.leave_unconfirmed("owner@example.com");
        aws.proxy.leave_unconfirmed("security@example.com");
        let report = stack.invoke(&aws, &json!({}));
        let result = |user: &str| {
            let entry = report["users"].as_array().unwrap().iter().find(|entry| entry["user"] == user).unwrap();
            entry["result"].as_str().unwrap().to_owned()
        };
        let is_stored = delivery == "secrets-manager";
        assert_eq!(result("rotated"), if is_stored { "changed" } else { "waiting" }, "{delivery}: {report:#}");
        assert_eq!(result("retired"), "changed", "{delivery}: {report:#}");
        let mut report = report;
        if !is_stored {
            aws.proxy.confirm("owner@example.com");
            report = stack.invoke(&aws, &json!({ "users": ["rotated"] }));
            assert_eq!(report["users"][0]["result"], "changed", "{delivery}: {report:#}");
        }

        let queued = queue.take().await;
        let posted = server.take(queued.len(), "Notification");
        let documents: Vec<Json> = queued.iter().map(|mail| serde_json::from_str(&mail.body).unwrap()).collect();
        let mut at_the_server: Vec<_> = posted.iter().map(|message| message["Message"].as_str().unwrap()).collect();
        let mut in_the_queue: Vec<_> = queued.iter().map(|mail| mail.body.as_str()).collect();
        at_the_server.sort_unstable();
        in_the_queue.sort_unstable();
        assert_eq!(at_the_server, in_the_queue, "both get the same documents");
        assert_valid(&documents);
        let told: BTreeSet<_> = documents.iter().map(|d| (d["event"].as_str().unwrap(), d["user"].as_str())).collect();
        for event in ["rotated", "coming-up", "still-in-use", "retired", "deleted", "failed", "needs-attention", "pair"]
        {
            assert!(told.contains(&(event, Some(event))), "{delivery}: {event}: {told:?}");
        }
        assert!(told.contains(&("digest", None)), "{delivery}: {told:?}");
        let rotated: Vec<_> = documents.iter().filter(|document| document["event"] == "rotated").collect();
        assert_eq!(rotated.len(), 1, "{delivery}: {rotated:#?}");
        let secret_name = if is_stored { json!("access-key-rotation/rotated") } else { Json::Null };
        assert_eq!(rotated[0]["secretName"], secret_name, "{delivery}");
        assert_eq!((&rotated[0]["account"], &rotated[0]["region"]), (&json!("123456789012"), &json!("eu-west-1")));

        // The one secret is in no document, in no attribute, and nowhere else. Only plain mail has it, for the owner alone.
        let secrets = aws.proxy.secrets();
        assert_eq!(secrets.len(), 1, "{delivery}");
        let everything = format!("{queued:?}{posted:?}");
        assert!(!everything.contains(&secrets[0]), "{delivery}: an endpoint got the secret");
        let mails = owner.take().await;
        assert_eq!(mails.iter().any(|mail| mail.body.contains(&secrets[0])), delivery == "email", "{delivery}");
        let new =
            OwnedKey { id: rotated[0]["keys"][0]["accessKeyId"].as_str().unwrap().into(), secret: secrets[0].clone() };
        assert!(new.identity(&aws).await.unwrap().ends_with("user/rotated"), "the document names the new key");
        crate::common::assert_no_secret_outside_delivery(&aws, &stack, &report, [&new]);
    }
}
