//! The settings with which a stack fits a company's rules: tags, a permissions boundary, a path, a reserved concurrency.

use crate::common::{ROTATION, read, user_with};
use serde_json::{Value as Json, json};
use tests::{Account, LocalAws, Mailbox, Stack, account::OwnedKey, deployer, local_aws};

const DAY: i64 = 86_400;

/// Replaces the value of a setting of rotation.yaml.
fn with(text: &str, setting: &str, value: &str) -> String {
    let line =
        text.lines().find(|line| line.starts_with(&format!("{setting}:"))).unwrap_or_else(|| panic!("{setting}"));
    text.replace(line, &format!("{setting}: {value}"))
}

/// The tags in an answer of the AWS CLI: a list of keys and values, or a mapping.
fn tags(answer: &Json) -> Vec<(String, String)> {
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    let mut tags: Vec<_> = match answer {
        Json::Array(list) => list.iter().map(|tag| (text(&tag["Key"]), text(&tag["Value"]))).collect(),
        Json::Object(map) => map.iter().map(|(key, value)| (key.clone(), text(value))).collect(),
        other => panic!("no tags: {other}"),
    };
    tags.retain(|(key, _)| !key.starts_with("aws:"));
    tags.sort();
    tags
}

#[tokio::test(flavor = "multi_thread")]
async fn a_companys_rules_are_kept_by_the_stack_and_by_the_secrets_that_it_creates() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    user_with(&mut aws, &account, "alice", &[(70 * DAY, true)]).await;
    // The boundary allows everything, but no access to the secrets of another prefix.
    let prefix = format!("arn:aws:secretsmanager:{}:{}:secret:company/*", local_aws::REGION, local_aws::ACCOUNT);
    let boundary = json!({
        "Version": "2012-10-17",
        "Statement": [
            { "Effect": "Allow", "NotAction": "secretsmanager:*", "Resource": "*" },
            { "Effect": "Allow", "Action": "secretsmanager:*", "Resource": prefix },
        ],
    });
    let create = ["iam", "create-policy", "--policy-name", "boundary", "--path", "/ops/", "--policy-document"];
    let answer = aws.cli(&[&create[..], &[&boundary.to_string()]].concat());
    let boundary = answer["Policy"]["Arn"].as_str().expect("an ARN");
    let config = with(&read(ROTATION), "tags", "{team: payments, cost centre: '4711'}");
    let config = with(&config, "permissions_boundary", boundary);
    let config = with(&config, "role_path", "/service/rotation/");
    let config = with(&config, "reserved_concurrency", "2");

    // The boundary counts: the secrets of rotation.yaml are below another prefix.
    let stack = Stack::deploy(&aws, &config, &["alice"]);
    let _mailbox = Mailbox::subscribe(&aws, &stack.outputs["TopicArn"]).await;
    let report = stack.invoke(&aws, &json!({}));
    assert_eq!(report["users"][0]["result"], "failed", "{report:#}");
    assert!(report["users"][0]["why"].as_str().unwrap().contains("AccessDenied"), "{report:#}");

    let stack = Stack::deploy(&aws, &with(&config, "secret_prefix", "company"), &["alice"]);
    let report = stack.invoke(&aws, &json!({}));
    assert_eq!(report["summary"]["rotated"], 1, "{report:#}");
    let value = account.secret("company/alice").await.expect("a secret");
    assert!(OwnedKey::from_secret(&value).unwrap().identity(&aws).await.is_ok());

    let company =
        [("cost centre", "4711"), ("team", "payments")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    let (mut of_secret, _) = account.describe_secret("company/alice").await;
    of_secret.sort();
    let own = [("access-key-rotation:user", "alice"), ("managed-by", "access-key-rotation")];
    let own = own.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let mut all = [own, company.clone()].concat();
    all.sort();
    assert_eq!(of_secret, all);

    let roles = aws.cli(&["iam", "list-roles", "--path-prefix", "/service/rotation/"])["Roles"].clone();
    let names: Vec<_> = roles.as_array().unwrap().iter().map(|role| role["RoleName"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 2, "{roles}");
    for name in names {
        let role = aws.cli(&["iam", "get-role", "--role-name", name])["Role"].clone();
        assert_eq!(role["PermissionsBoundary"]["PermissionsBoundaryArn"], boundary, "{role:#}");
        assert!(role["Arn"].as_str().unwrap().contains(":role/service/rotation/access-key-rotation-"), "{role:#}");
        assert_eq!(tags(&aws.cli(&["iam", "list-role-tags", "--role-name", name])["Tags"]), company);
    }
    let topic = &stack.outputs["TopicArn"];
    let function = aws.cli(&["lambda", "get-function", "--function-name", stack.name()]);
    for (what, seen) in [
        ("topic", &aws.cli(&["sns", "list-tags-for-resource", "--resource-arn", topic])["Tags"]),
        ("function", &function["Tags"]),
    ] {
        assert_eq!(tags(seen), company, "{what}");
    }

    // The local AWS drops the reserved concurrency and the tags of a bucket, so only the deployed templates show them.
    let properties = |name: &str, id: &str| {
        let template = ["cloudformation", "get-template", "--stack-name", name, "--template-stage", "Original"];
        let template = synth::cfn::read::read(aws.cli(&template)["TemplateBody"].as_str().unwrap()).unwrap();
        template["Resources"][id]["Properties"].clone()
    };
    assert_eq!(properties(stack.name(), "Function")["ReservedConcurrentExecutions"], 2);
    assert_eq!(tags(&properties("access-key-rotation-artifacts", "Bucket")["Tags"]), company);

    // To take the boundary off needs approval.
    let file = aws.folder.path().join("without.yaml");
    std::fs::write(&file, with(&config, "permissions_boundary", "none")).unwrap();
    let file = file.display().to_string();
    let package = tests::stack::package().display().to_string();
    let architecture = tests::stack::host_architecture_name();
    let deploy =
        ["deploy", "--config", &file, "--architecture", architecture, "--package", &package, "--users", "alice"];
    let output = deployer::command(&aws, &deploy).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", tests::text(&output));
    assert!(tests::text(&output).contains("it allows more than before"), "{}", tests::text(&output));
}
