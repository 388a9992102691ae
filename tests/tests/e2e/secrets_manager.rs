//! The default configuration: the new key is delivered in Secrets Manager, and the old one stays active during the
//! overlap. The local AWS enforces the policies of secrets, so it decides who can read them.

use crate::common::{ROTATION, assert_no_secret_outside_delivery, read, with_own_kms_key};
use lambda::{
    delivery::secret_policy,
    protocol::journal::{self, JournalEntry, KeyNote},
};
use serde_json::{Value as Json, json};
use tests::{Account, Fault, LocalAws, Mailbox, Stack, account::OwnedKey, local_aws};

const DAY: i64 = 86_400;

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_is_stored_announced_and_used() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    account.create_user("ci,bot+1@x").await;
    aws.shift_clock(-70 * DAY);
    let old = account.create_key("ci,bot+1@x").await;
    aws.shift_clock(0);
    // A name with every character that IAM allows and other services do not.
    let stack = Stack::deploy(&aws, &read(ROTATION), &["ci,bot+1@x"]);
    let mailbox = Mailbox::subscribe(&aws, &stack.outputs["TopicArn"]).await;

    let report = stack.invoke(&aws, &json!({ "execution_id": "d32c5kddcf5bb8c3" }));

    assert_eq!((&report["statusCode"], &report["run"]), (&json!(200), &json!("d32c5kddcf5bb8c3")), "{report:#}");
    let value = account.secret("access-key-rotation/ci/bot+1@x").await.expect("a secret");
    let new = OwnedKey::from_secret(&value).unwrap();
    assert_eq!(
        (&value["Version"], &value["UserName"]),
        (&json!(1), &json!("ci,bot+1@x")),
        "as credential_process takes it"
    );
    assert!(new.identity(&aws).await.unwrap().ends_with("user/ci,bot+1@x"));
    let (tags, _) = account.describe_secret("access-key-rotation/ci/bot+1@x").await;
    let tag = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(tags, [tag("access-key-rotation:user", "ci/bot+1@x"), tag("managed-by", "access-key-rotation")]);
    assert!(old.identity(&aws).await.is_ok(), "the overlap");

    let mails = mailbox.take().await;
    let mails: Vec<_> = mails.iter().filter(|mail| mail.is_about("ci,bot+1@x")).collect();
    assert_eq!(mails.len(), 1);
    assert!(mails[0].body.contains(&new.id) && mails[0].body.contains("access-key-rotation/ci/bot+1@x"));
    assert!(!mails[0].body.contains(&new.secret), "this mail carries no secret");
    assert_no_secret_outside_delivery(&aws, &stack, &report, [&new]);

    let tags = account.journal("ci,bot+1@x").await;
    let tag = |name: &str| tags.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let closed = |(key, value): &(String, String)| !key.starts_with(journal::INTENT) || value == "none";
    assert!(tags.iter().all(closed), "no rotation is under way: {tags:?}");
    assert!(tag(journal::DELIVERED).is_some_and(|value| value.starts_with(&format!("key={} at=", new.id))), "{tags:?}");

    // As in the test of the plan, three of the calls are signed with the new key.
    let calls = aws.proxy.calls();
    let by_new = calls.iter().filter(|call| call.signer == new.id && call.operation == "GetCallerIdentity");
    assert_eq!(by_new.count(), 4, "three verifications and this test's own");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_key_that_is_used_after_the_overlap_is_kept_and_named() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    account.create_user("alice").await;
    aws.shift_clock(-30 * DAY);
    let old = account.create_key("alice").await;
    aws.shift_clock(-20 * DAY);
    let new = account.create_key("alice").await;
    let delivered = KeyNote { key: new.id.parse().unwrap(), at: aws.now() };
    account.write_journal("alice", &JournalEntry::Delivered(delivered)).await;
    aws.shift_clock(0);
    let stack = Stack::deploy(&aws, &read(ROTATION), &["alice"]);
    old.identity(&aws).await.expect("the old key is in use");

    let report = stack.invoke(&aws, &json!({}));

    let user = &report["users"][0];
    assert_eq!(user["result"], "waiting", "{report:#}");
    let why = user["why"].as_str().unwrap();
    assert!(why.contains(&old.id) && why.contains("sts in eu-west-1"), "{why}");
    assert!(old.identity(&aws).await.is_ok());

    // If IAM does not return the last use, the key counts as used.
    aws.proxy.inject("GetAccessKeyLastUsed", "", Fault::Refuse(400, "Throttling"));
    let report = stack.invoke(&aws, &json!({}));
    assert_eq!(report["users"][0]["result"], "waiting", "{report:#}");
    assert_eq!(account.keys("alice").await.iter().filter(|key| key.active).count(), 2);
}

/// Creates a user whose key is due.
async fn due(aws: &mut LocalAws, account: &Account, user: &str) -> OwnedKey {
    account.create_user(user).await;
    aws.shift_clock(-70 * DAY);
    let key = account.create_key(user.rsplit('/').next().unwrap()).await;
    aws.shift_clock(0);
    key
}

/// `rotation.yaml` with one line replaced.
fn with(setting: &str, value: &str) -> String {
    let text = read(ROTATION);
    let line = text.lines().find(|line| line.starts_with(&format!("{setting}:"))).unwrap();
    text.replace(line, &format!("{setting}: {value}"))
}

const DENIED: &str = "AccessDeniedException";

/// No user here has own permissions. Only the policy of a secret lets them read it, as long as it names them.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_read_by_its_user_and_by_the_configured_readers_alone() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    let alice = due(&mut aws, &account, "/ci/alice").await;
    let bob = due(&mut aws, &account, "bob").await;
    let [auditor, mallory] = [due(&mut aws, &account, "/ops/auditor").await, due(&mut aws, &account, "mallory").await];
    let arn = |user: &str| format!("arn:aws:iam::{}:user/{user}", local_aws::ACCOUNT);
    // An earlier policy lets mallory read the secret.
    account.create_secret("access-key-rotation/alice", None, &arn("mallory")).await;
    assert!(mallory.read_secret(&aws, "access-key-rotation/alice").await.is_ok());
    let readers = with("secret_readers", &format!("[\"{}\"]", arn("ops/auditor")));
    let stack = Stack::deploy(&aws, &readers, &["/ci/alice", "bob"]);
    let _mailbox = Mailbox::subscribe(&aws, &stack.outputs["TopicArn"]).await;

    let report = stack.invoke(&aws, &json!({}));

    assert_eq!(report["summary"]["rotated"], 2, "{report:#}");
    let (hers, his) = ("access-key-rotation/alice", "access-key-rotation/bob");
    let mut seen = Vec::new();
    for (who, secret, may) in [
        (&alice, hers, true),
        (&alice, his, false),
        (&bob, his, true),
        (&bob, hers, false),
        (&auditor, hers, true),
        (&auditor, his, true),
        (&mallory, hers, false),
        (&mallory, his, false),
    ] {
        let read = who.read_secret(&aws, secret).await;
        match read {
            Ok(value) => seen.extend(OwnedKey::from_secret(&value).filter(|_| may)),
            Err(code) => assert!(!may && code == DENIED, "{} {secret}: {code}", who.id),
        }
    }
    assert_eq!(seen.len(), 4, "each who may has read a key");
    let policy = account.secret_policy(hers).await;
    let expected = secret_policy::document(&arn("ci/alice").parse().unwrap(), &arn("ops/auditor").parse().unwrap());
    assert_eq!(policy, serde_json::from_str::<Json>(&expected).unwrap());
    assert_no_secret_outside_delivery(&aws, &stack, &report, &seen);
}

/// Secrets Manager refuses a reader that does not exist, before a key is created.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_who_is_gone_stops_the_rotation_before_it_begins() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    due(&mut aws, &account, "alice").await;
    let gone = format!("[\"arn:aws:iam::{}:role/gone\"]", local_aws::ACCOUNT);
    let stack = Stack::deploy(&aws, &with("secret_readers", &gone), &["alice"]);

    let report = stack.invoke(&aws, &json!({}));

    let user = &report["users"][0];
    assert_eq!((&user["result"], &user["done"]), (&json!("failed"), &json!([])), "{report:#}");
    let why = user["why"].as_str().unwrap();
    assert!(why.contains("PutResourcePolicy") && why.contains("each of secret_readers must exist"), "{why}");
    assert_eq!(account.keys("alice").await.len(), 1);
}

/// The policy of a customer managed key must also allow the readers, with the statement in SECURITY.md. A secret with
/// another KMS key needs attention.
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_managed_key_encrypts_and_its_policy_decides_too() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    let alice = due(&mut aws, &account, "alice").await;
    let bob = due(&mut aws, &account, "bob").await;
    let (configuration, key) = with_own_kms_key(&aws, &[statement_for_readers("alice")]);
    account
        .create_secret("access-key-rotation/bob", None, &format!("arn:aws:iam::{}:user/bob", local_aws::ACCOUNT))
        .await;
    let stack = Stack::deploy(&aws, &configuration, &["alice", "bob"]);
    let _mailbox = Mailbox::subscribe(&aws, &stack.outputs["TopicArn"]).await;

    let report = stack.invoke(&aws, &json!({}));

    let results: Vec<_> = report["users"].as_array().unwrap().iter().map(|user| &user["result"]).collect();
    assert_eq!(results, ["changed", "failed"], "{report:#}");
    let value = alice.read_secret(&aws, "access-key-rotation/alice").await.unwrap();
    let new = OwnedKey::from_secret(&value).unwrap();
    let why = report["users"][1]["why"].as_str().unwrap();
    let command = format!(
        "aws secretsmanager update-secret --region {} --secret-id access-key-rotation/bob --kms-key-id {key}",
        local_aws::REGION
    );
    assert!(why.contains("aws/secretsmanager") && why.ends_with(&command), "{why}");
    assert_eq!(account.keys("bob").await.len(), 1, "no key was made");

    account.change_kms_key("access-key-rotation/bob", &key).await;
    let report = stack.invoke(&aws, &json!({ "users": ["bob"] }));
    assert_eq!(report["users"][0]["result"], "changed", "{report:#}");
    let read = bob.read_secret(&aws, "access-key-rotation/bob").await;
    assert_eq!(read, Err(DENIED.to_owned()), "the key's policy does not name him");
    assert_no_secret_outside_delivery(&aws, &stack, &report, [&new]);
}

/// The statement for the policy of a key in SECURITY.md, for this user.
fn statement_for_readers(user: &str) -> Json {
    let page = read("SECURITY.md");
    let json = page.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).expect("the statement");
    let example = "arn:aws:iam::111122223333:user/alice";
    assert!(json.contains(example), "{json}");
    let json = json.replace(example, &format!("arn:aws:iam::111122223333:user/{user}"));
    serde_json::from_str(&json.replace("111122223333", local_aws::ACCOUNT)).expect("JSON")
}

/// After a lost response, the call is repeated with the same version id. A version with other contents is a conflict.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_stored_twice_is_one_version_and_a_conflict_takes_it_back() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    for user in ["first", "twice", "conflict"] {
        due(&mut aws, &account, user).await;
    }
    let stack = Stack::deploy(&aws, &read(ROTATION), &["first", "twice", "conflict"]);
    let _mailbox = Mailbox::subscribe(&aws, &stack.outputs["TopicArn"]).await;
    aws.proxy.forget();
    let report = stack.invoke(&aws, &json!({ "users": ["first"] }));
    assert_eq!(report["summary"]["rotated"], 1, "{report:#}");
    let puts = |aws: &LocalAws| -> Vec<u16> {
        let calls = aws.proxy.calls().into_iter().filter(|call| call.operation == "PutSecretValue");
        calls.map(|call| call.status).collect()
    };
    let number = aws.proxy.calls().iter().position(|call| call.operation == "PutSecretValue").unwrap();

    aws.proxy.inject_at(number, Fault::LoseAnswer);
    let report = stack.invoke(&aws, &json!({ "users": ["twice"] }));
    assert_eq!((&report["summary"]["rotated"], puts(&aws)), (&json!(1), vec![0, 200]), "{report:#}");
    let value = account.secret("access-key-rotation/twice").await.unwrap();
    let (_, versions) = account.describe_secret("access-key-rotation/twice").await;
    let of_key: Vec<_> = versions.iter().filter(|id| id.ends_with(value["AccessKeyId"].as_str().unwrap())).collect();
    assert_eq!(of_key.len(), 1, "{versions:?}");
    let other = aws.try_cli(&[
        "secretsmanager",
        "put-secret-value",
        "--secret-id",
        "access-key-rotation/twice",
        // Written with `=`, because a value that begins with a hyphen would be read as an option.
        &format!("--client-request-token={}", of_key[0]),
        "--secret-string",
        "other contents",
    ]);
    let refused = other.unwrap_err();
    assert!(refused.contains("ResourceExistsException"), "a version does not change: {refused}");

    aws.proxy.inject("PutSecretValue", "", Fault::Refuse(400, "ResourceExistsException"));
    let report = stack.invoke(&aws, &json!({ "users": ["conflict"] }));
    let why = report["users"][0]["why"].as_str().unwrap();
    assert!(why.contains("ResourceExistsException"), "{report:#}");
    let left = account.keys("conflict").await;
    assert_eq!(left.iter().map(|key| key.active).collect::<Vec<_>>(), [true], "the new key was taken back");
}
