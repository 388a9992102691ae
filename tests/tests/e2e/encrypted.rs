//! `delivery: email-encrypted`: a new key is in the mail, and only its readers can decrypt it.

use crate::common::{ROTATION, assert_no_secret_outside_delivery, read};
use serde_json::{Value as Json, json};
use tests::{Account, KeyPair, LocalAws, Mailbox, OtherAge, Stack};

const DAY: i64 = 86_400;

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_is_mailed_so_that_its_readers_alone_can_open_it() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    aws.shift_clock(-70 * DAY);
    let mut old = Vec::new();
    for user in ["alice", "ci-deployer"] {
        account.create_user(user).await;
        old.push(account.create_key(user).await);
    }
    aws.shift_clock(0);
    let mut other = OtherAge::start();
    let alice = other.make("x25519");
    let readers = ["x25519", "ssh-ed25519", "ssh-rsa-3072"].map(|kind| other.make(kind));
    let keys: Vec<_> = readers.iter().map(|reader| reader.public.to_string()).collect();
    let encrypted = format!("delivery: email-encrypted\nencrypt_to:\n  - {}\n", keys.join("\n  - "));
    let own = format!("  - name: alice\n    encrypt_to: [{}]\n", alice.public);
    let configuration = read(ROTATION).replace("  - alice\n", &own).replace("delivery: secrets-manager\n", &encrypted);
    let stack = Stack::deploy_as_it_is(&aws, &configuration);
    let mailbox = Mailbox::subscribe(&aws, &stack.outputs["TopicArn"]).await;

    let report = stack.invoke(&aws, &json!({}));

    assert_eq!((&report["statusCode"], &report["summary"]["rotated"]), (&json!(200), &json!(2)), "{report:#}");
    let mails = mailbox.take().await;
    let about = |user: &str| mails.iter().filter(|mail| mail.is_about(user)).count();
    assert_eq!((mails.len(), about("alice"), about("ci-deployer")), (3, 1, 1), "one each, and the run's digest");
    let mut new = Vec::new();
    for (user, may, may_not) in
        [("alice", std::slice::from_ref(&alice), &readers[..]), ("ci-deployer", &readers[..], &[alice.clone()][..])]
    {
        let mail = mails.iter().find(|mail| mail.is_about(user)).expect("a mail");
        let block = mail.block().expect("a block");
        let document = may[0].open(block).expect("its first reader opens it");
        let fields: Json = serde_json::from_str(&document).unwrap();
        assert_eq!(
            (&fields["Version"], &fields["UserName"]),
            (&json!(1), &json!(user)),
            "as credential_process takes it"
        );
        assert!(
            may.iter().all(|reader| reader.open(block).as_ref() == Some(&document)),
            "each reader alone can open it"
        );
        assert_eq!(other.open(block, &may[0]), Some(document), "with any age");
        assert!(may_not.iter().chain([&KeyPair::new()]).all(|other| other.open(block).is_none()), "and nobody else");

        let key = mail.open(&may[0]).unwrap();
        assert!(key.identity(&aws).await.unwrap().ends_with(&format!("user/{user}")));
        assert!(mail.body.contains(&key.id) && mail.key().is_none());
        new.push(key);
    }
    // The secrets must not be in the mails in plain text either.
    let mails = format!("{mails:?}");
    assert!(new.iter().all(|key| !mails.contains(&key.secret)), "the mail has the secret as it is");
    assert_no_secret_outside_delivery(&aws, &stack, &report, &new);
    for key in old {
        assert!(key.identity(&aws).await.is_ok(), "the overlap");
    }
}
