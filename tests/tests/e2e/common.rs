//! Helpers that the end-to-end tests share.
#![allow(dead_code)] // Each test file uses its own part.

use std::process::{Child, Command};

use lambda::{
    contract::{digest_frequency::DigestFrequency, settings::Settings, topic_arn::TopicArn},
    protocol::policy::Policy,
};
use serde_json::{Value as Json, json};
use tests::{Account, LocalAws, Stack, account::OwnedKey, root};

#[path = "../../../lambda/tests/suite/common.rs"]
mod settings;

pub(crate) use settings::careful;

pub(crate) const ARTICLE: &str = "examples/article.yaml";
pub(crate) const ROTATION: &str = "rotation.yaml";

/// The administrator. Mail is sent only to a confirmed recipient.
pub(crate) const ADMINISTRATOR: &str = "security@example.com";

/// Creates a user with keys of these ages in seconds, oldest first. The second value is whether the key is active.
pub(crate) async fn user_with(
    aws: &mut LocalAws,
    account: &Account,
    name: &str,
    keys: &[(i64, bool)],
) -> Vec<OwnedKey> {
    let mut made = Vec::new();
    account.create_user(name).await;
    for (age, active) in keys {
        aws.shift_clock(-age);
        let key = account.create_key(name).await;
        if !active {
            account.deactivate(name, &key).await;
        }
        made.push(key);
    }
    aws.shift_clock(0);
    made
}

/// The handler's settings for one user, or for all users below a path.
pub(crate) fn settings(users: &str, policy: Policy, topic: TopicArn) -> Settings {
    Settings { digest: DigestFrequency::Never, topic, ..settings::settings(users, policy) }
}

/// The content of a file in the checkout.
pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Sends a signal, such as `-INT`, to a program that this test has started.
pub(crate) fn signal(program: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &program.id().to_string()]).status().unwrap().success());
}

/// Whether an operation changes anything. What an invoked function changes is in calls of its own.
pub(crate) fn is_write(operation: &str) -> bool {
    !["List", "Get", "Describe", "Invoke"].iter().any(|verb| operation.starts_with(verb))
}

/// Checks invariant 9: no log, report, emulator output or recorded call contains a secret.
pub(crate) fn assert_no_secret_outside_delivery<'k>(
    aws: &LocalAws,
    stack: &Stack,
    report: &Json,
    keys: impl IntoIterator<Item = &'k OwnedKey>,
) {
    let log = stack.log(aws).join("\n");
    assert!(log.contains("CreateAccessKey"), "the log was captured: {log}");
    let everything = [log, report.to_string(), aws.emulator_log(), format!("{:?}", aws.proxy.calls())];
    let mut checked = 0;
    for key in keys {
        assert!(key.secret.len() > 16, "this is no secret");
        for text in &everything {
            assert!(!text.contains(&key.secret), "the secret of {} leaked", key.id);
        }
        checked += 1;
    }
    assert!(checked > 0, "no secret to look for");
}

/// Denies one action on one user to the function's role, in IAM itself.
pub(crate) fn deny(aws: &LocalAws, action: &str, user: &str) {
    let roles = aws.cli(&["iam", "list-roles"]);
    let roles = roles["Roles"].as_array().cloned().unwrap_or_default();
    let role = roles.iter().filter_map(|role| role["RoleName"].as_str()).find(|name| name.contains("FunctionRole"));
    let resource = format!("arn:aws:iam::{}:user/{user}", tests::local_aws::ACCOUNT);
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Deny", "Action": action, "Resource": resource }],
    });
    aws.cli(&[
        "iam",
        "put-role-policy",
        "--role-name",
        role.expect("the function's role"),
        "--policy-name",
        "Denied",
        "--policy-document",
        &policy.to_string(),
    ]);
}

/// The default configuration with a customer managed KMS key, and the ARN of that key. The policy of the key has these
/// statements, and one that lets IAM policies decide the rest.
pub(crate) fn with_own_kms_key(aws: &LocalAws, statements: &[Json]) -> (String, String) {
    let account = format!("arn:aws:iam::{}:root", tests::local_aws::ACCOUNT);
    let leave_to_iam =
        json!({ "Effect": "Allow", "Principal": { "AWS": account }, "Action": "kms:*", "Resource": "*" });
    let statements = [&[leave_to_iam], statements].concat();
    let policy = json!({ "Version": "2012-10-17", "Statement": statements });
    let made = aws.cli(&["kms", "create-key", "--policy", &policy.to_string()]);
    let key = made["KeyMetadata"]["Arn"].as_str().expect("a key").to_owned();
    let setting = |key: &str| format!("secret_kms_key: {key}\n");
    let configuration = read(ROTATION).replace(&setting("aws/secretsmanager"), &setting(&key));
    assert!(configuration.contains(&key), "rotation.yaml has the setting");
    (configuration, key)
}
