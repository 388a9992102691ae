//! Tests of `synth deploy` with the local AWS.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::common::signal;
use serde_json::{Value as Json, json};
use tests::{
    Account, Fault, LocalAws,
    deployer::{self, Run, command, deploy},
    local_aws, make, root, stack, text, tool,
};

const STACK: &str = "access-key-rotation";
const ARTIFACTS: &str = "access-key-rotation-artifacts";

/// The arguments for this configuration, for the architecture of this machine and with its package.
fn arguments(config: &str, more: &[&str]) -> Vec<String> {
    let mut given = vec!["--config", config, "--architecture", stack::host_architecture_name()];
    let package = stack::package().display().to_string();
    if !more.contains(&"--package") {
        given.extend(["--package", &package]);
    }
    given.iter().chain(more).map(|argument| (*argument).to_owned()).collect()
}

fn words(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

/// One run of `synth deploy --format json`, with any result.
fn once(aws: &LocalAws, config: &str, more: &[&str]) -> Run {
    Run::of(&once_with(aws, config, more, &[]).output().unwrap())
}

fn once_with(aws: &LocalAws, config: &str, more: &[&str], environment: &[(&str, &str)]) -> Command {
    let arguments = arguments(config, more);
    let format = if more.contains(&"--format=text") { None } else { Some("--format=json") };
    let arguments: Vec<&str> = ["deploy"].into_iter().chain(format).chain(words(&arguments)).collect();
    let mut command = command(aws, &arguments);
    command.envs(environment.iter().copied());
    command
}

/// The number of resources in the committed template.
fn resources() -> u64 {
    let text = std::fs::read_to_string(root().join("templates/rotation.yaml")).unwrap();
    let template = synth::cfn::read::read(&text).unwrap();
    template["Resources"].as_object().unwrap().len() as u64
}

/// All existing stacks, with their statuses.
fn stacks(aws: &LocalAws) -> Vec<(String, String)> {
    let listed = aws.cli(&["cloudformation", "describe-stacks"])["Stacks"].as_array().cloned().unwrap_or_default();
    let text = |stack: &Json, field: &str| stack[field].as_str().unwrap_or_default().to_owned();
    let mut stacks: Vec<_> =
        listed.iter().map(|stack| (text(stack, "StackName"), text(stack, "StackStatus"))).collect();
    stacks.sort();
    stacks
}

fn is_in(aws: &LocalAws, stack: &str, state: &str) -> bool {
    stacks(aws).contains(&(stack.to_owned(), state.to_owned()))
}

fn template(aws: &LocalAws, stack: &str) -> Json {
    let template = ["cloudformation", "get-template", "--stack-name", stack, "--template-stage", "Original"];
    aws.cli(&template)["TemplateBody"].clone()
}

fn change_sets(aws: &LocalAws, stack: &str) -> usize {
    let listed = aws.cli(&["cloudformation", "list-change-sets", "--stack-name", stack]);
    listed["Summaries"].as_array().map_or(0, Vec::len)
}

/// The configuration with these texts replaced.
fn changed(aws: &LocalAws, changes: &[(&str, &str)]) -> String {
    let mut config = std::fs::read_to_string(root().join("rotation.yaml")).unwrap();
    for (old, new) in changes {
        assert!(config.contains(old), "rotation.yaml has no {old}");
        config = config.replace(old, new);
    }
    let file = aws.folder.path().join("changed.yaml");
    std::fs::write(&file, config).unwrap();
    file.display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn from_nothing_to_deployed() {
    let aws = LocalAws::start().await;

    let first = once(&aws, "rotation.yaml", &[]);
    assert_eq!(first.code, Some(3), "{}", first.text);
    assert_eq!(first.result()["result"], "needs-approval", "{}", first.text);
    let reasons = ["it allows more than before", "it replaces, deactivates or deletes keys earlier"];
    assert_eq!(first.result()["reasons"], json!(reasons));
    assert!(first.text.contains("Nothing was changed in access-key-rotation."), "{}", first.text);
    assert_eq!(stacks(&aws), [], "nothing is there before somebody approved: {}", first.text);
    let buckets = aws.cli(&["s3api", "list-buckets"]);
    assert_eq!(buckets["Buckets"], json!([]));

    let wrong = once(&aws, "rotation.yaml", &["--approve=0123456789abcdef0123456789abcdef"]);
    assert_eq!(wrong.code, Some(3), "{}", wrong.text);
    assert!(wrong.text.contains("The approval is for another change or another package"), "{}", wrong.text);
    assert_eq!(stacks(&aws), [], "{}", wrong.text);

    // The printed command approves and deploys the change.
    let said = first.result()["command"].as_str().unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", said]).current_dir(root()).envs(aws.environment_of_synth()).env_remove("AWS_PROFILE");
    let second = Run::of(&shell.output().unwrap());
    assert_eq!(second.code, Some(0), "{}", second.text);
    assert_eq!(second.result()["result"], "deployed", "{}", second.text);
    assert_eq!(second.result()["outputs"]["FunctionName"], STACK);
    let count =
        second.of_kind("resource").filter(|event| event["stack"] == STACK).filter_map(|event| event["of"].as_u64());
    assert_eq!(count.last(), Some(resources()), "{}", second.text);
    let complete = "CREATE_COMPLETE".to_owned();
    assert_eq!(stacks(&aws), [(STACK.to_owned(), complete.clone()), (ARTIFACTS.to_owned(), complete)]);
    let blocked = aws.cli(&["s3api", "get-public-access-block", "--bucket", &bucket()]);
    assert_eq!(blocked["PublicAccessBlockConfiguration"]["BlockPublicPolicy"], true);

    let again = once(&aws, "rotation.yaml", &[]);
    assert_eq!(again.code, Some(0), "{}", again.text);
    assert_eq!(again.result()["result"], "unchanged", "{}", again.text);
    assert_eq!(again.result()["outputs"], second.result()["outputs"]);
    assert_eq!(again.of_kind("note").count(), 0, "nothing is uploaded or made: {}", again.text);
    assert_eq!((change_sets(&aws, ARTIFACTS), change_sets(&aws, STACK)), (1, 1), "none but those that were executed");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_changes_that_matter_need_approval() {
    let aws = LocalAws::start().await;
    let config = changed(&aws, &[]);
    let first = deploy(&aws, &words(&arguments(&config, &[])));
    assert_eq!(first.result()["result"], "deployed", "{}", first.text);
    let function = || aws.cli(&["lambda", "get-function-configuration", "--function-name", STACK]);
    let before = function();

    // Only new code: the template is the same, but a parameter is different.
    let code = other_package(&aws);
    let released = once(&aws, &config, &["--package", &code]);
    assert_eq!((released.code, &released.result()["result"]), (Some(0), &json!("deployed")), "{}", released.text);
    let plan = released.of_kind("plan").next().unwrap();
    assert_eq!(
        (&plan["stack"], &plan["approval"], &plan["diff"]["sections"]),
        (&json!(STACK), &json!(null), &json!([]))
    );
    let changes: Vec<_> = plan["diff"]["resources"].as_array().into_iter().flatten().collect();
    let [change] = changes.as_slice() else { panic!("{}", released.text) };
    assert_eq!((&change["id"], &change["impact"]), (&json!("Function"), &json!("update")), "{}", released.text);
    let because: Vec<_> = change["changes"].as_array().into_iter().flatten().map(|one| &one["because"]).collect();
    assert!(because.contains(&&json!("the parameter CodeKey changed")), "{}", released.text);
    assert_ne!(function()["CodeSha256"], before["CodeSha256"]);

    // The permissions stay the same.
    changed(&aws, &[("timeout: 10m", "timeout: 9m")]);
    let neutral = once(&aws, &config, &["--package", &code]);
    assert_eq!((neutral.code, &neutral.result()["result"]), (Some(0), &json!("deployed")), "{}", neutral.text);
    assert_eq!(function()["Timeout"], 540);

    // The policies allow less.
    changed(&aws, &[("  - ci-deployer\n", "")]);
    let narrower = once(&aws, &config, &["--package", &code]);
    assert_eq!((narrower.code, &narrower.result()["result"]), (Some(0), &json!("deployed")), "{}", narrower.text);
    let deployed = template(&aws, STACK);

    // The policies allow more.
    changed(&aws, &[]);
    let broader = once(&aws, &config, &["--package", &code]);
    assert_eq!((broader.code, &broader.result()["result"]), (Some(3), &json!("needs-approval")), "{}", broader.text);
    let reasons = ["it allows more than before", "it rotates more keys, or lets others decide how"];
    assert_eq!(broader.result()["reasons"], json!(reasons));
    assert_eq!(template(&aws, STACK), deployed, "nothing was changed");
    assert!(is_in(&aws, STACK, "UPDATE_COMPLETE") && change_sets(&aws, STACK) == 1, "the change set is gone");

    // A resource is deleted.
    changed(&aws, &[("  - ci-deployer\n", ""), ("  - security@example.com\n", "  - ops@example.com\n")]);
    let other = once(&aws, &config, &["--package", &code]);
    assert_eq!(other.code, Some(3), "{}", other.text);
    assert_eq!(other.result()["reasons"], json!(["it sends notices or alarms to others", "it deletes a resource"]));
    let approved = once(&aws, &config, &["--package", &code, &other.approvals()[0]]);
    assert_eq!((approved.code, &approved.result()["result"]), (Some(0), &json!("deployed")), "{}", approved.text);
    let subscriptions = aws.cli(&["sns", "list-subscriptions"]);
    assert_eq!(subscriptions["Subscriptions"][0]["Endpoint"], "ops@example.com");

    // Another stack in the account shares nothing with this one, not even the bucket.
    let article = deploy(&aws, &words(&arguments("examples/article.yaml", &["--users", "bob"])));
    assert_eq!(article.result()["result"], "deployed", "{}", article.text);
    let names: Vec<_> = stacks(&aws).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["AccessKeyRotation", "AccessKeyRotation-artifacts", STACK, ARTIFACTS]);
    let buckets = aws.cli(&["s3api", "list-buckets"])["Buckets"].as_array().map_or(0, Vec::len);
    assert_eq!(buckets, 2);
    let users = |name: &str| {
        let function = aws.cli(&["lambda", "get-function-configuration", "--function-name", name]);
        function["Environment"]["Variables"]["USERS"].clone()
    };
    assert_eq!((users(STACK), users("AccessKeyRotation")), (json!("alice"), json!("bob")));
}

/// A package with another handler.
fn other_package(aws: &LocalAws) -> String {
    let script = "import sys, zipfile\n\
        old = zipfile.ZipFile(sys.argv[1])\n\
        with zipfile.ZipFile(sys.argv[2], 'w') as new:\n\
        \x20   info = old.getinfo('bootstrap')\n\
        \x20   new.writestr(info, old.read(info) + b'another')\n";
    let file = aws.folder.path().join("other.zip");
    let status = Command::new(tool("python")).args(["-c", script]).arg(stack::package()).arg(&file).status();
    assert!(status.unwrap().success());
    file.display().to_string()
}

/// A response of S3 that confirms a package, which is not there.
fn uploaded(package: &Path) -> Fault {
    let script = "import base64, hashlib, sys; print(base64.b64encode(hashlib.sha256(open(sys.argv[1], 'rb').read()).digest()).decode())";
    let packed = tempfile::NamedTempFile::new().unwrap();
    let architecture = ["package", "--architecture", stack::host_architecture_name(), "--output"];
    let mut synth = Command::new(deployer::program());
    let synth = synth.args(architecture).arg(packed.path()).arg(package).output().unwrap();
    assert!(synth.status.success(), "{}", text(&synth));
    let checksum = Command::new(tool("python")).args(["-c", script]).arg(packed.path()).output().unwrap();
    let checksum = String::from_utf8(checksum.stdout).unwrap().trim().to_owned();
    Fault::AnswerHeaders(vec![("x-amz-checksum-sha256", checksum), ("x-amz-version-id", "gone".into())])
}

/// What CloudFormation gave the function: the digest of the package, and the version of its object.
fn deployed_package(aws: &LocalAws) -> (String, String) {
    let function = aws.cli(&["lambda", "get-function-configuration", "--function-name", STACK]);
    let described = aws.cli(&["cloudformation", "describe-stacks", "--stack-name", STACK]);
    let parameters = described["Stacks"][0]["Parameters"].as_array().cloned().unwrap_or_default();
    let version = parameters.iter().find(|parameter| parameter["ParameterKey"] == "CodeVersion");
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    (text(&function["CodeSha256"]), version.map(|version| text(&version["ParameterValue"])).unwrap_or_default())
}

/// The key and the version of each current object in the bucket, with this ending.
fn objects(aws: &LocalAws, bucket: &str, ending: &str) -> Vec<(String, String)> {
    let listed = aws.cli(&["s3api", "list-object-versions", "--bucket", bucket]);
    let current = listed["Versions"].as_array().cloned().unwrap_or_default().into_iter();
    let current = current
        .filter(|version| version["IsLatest"] == true)
        .filter_map(|version| Some((version["Key"].as_str()?.to_owned(), version["VersionId"].as_str()?.to_owned())));
    current.filter(|(key, _)| key.ends_with(ending)).collect()
}

fn bucket() -> String {
    format!("access-key-rotation-{}-{}", local_aws::ACCOUNT, local_aws::REGION)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_that_was_replaced_in_the_bucket_is_not_used() {
    let aws = LocalAws::start().await;
    let run = |more: &[&str]| once(&aws, "rotation.yaml", more);
    let first = deploy(&aws, &words(&arguments("rotation.yaml", &[])));
    assert_eq!(first.result()["result"], "deployed", "{}", first.text);
    let (code, version) = deployed_package(&aws);
    let [(key, uploaded)] = <[_; 1]>::try_from(objects(&aws, &bucket(), ".zip")).unwrap();
    assert_eq!(version, uploaded, "the function has the version that was uploaded");

    // A person who may write to the bucket puts other bytes under the key. With a checksum of their own, or without one.
    let forged = other_package(&aws);
    for checksum in [&["--checksum-algorithm", "SHA256"][..], &[]] {
        let put = ["s3api", "put-object", "--bucket", &bucket(), "--key", &key, "--body", &forged];
        aws.cli(&[&put[..], checksum].concat());
        let again = run(&[]);
        assert_eq!((again.code, &again.result()["result"]), (Some(0), &json!("deployed")), "{}", again.text);
        assert!(again.text.contains("S3 does not confirm by its SHA-256"), "{}", again.text);
        assert!(again.text.contains(&format!("Uploading the package as {key}")), "{}", again.text);
        let (now, pinned) = deployed_package(&aws);
        assert_eq!(now, code, "the function has the code that was built");
        assert_eq!(objects(&aws, &bucket(), ".zip"), [(key.clone(), pinned)], "the new version is the current one");
    }
    let unchanged = run(&[]);
    assert_eq!((unchanged.code, &unchanged.result()["result"]), (Some(0), &json!("unchanged")), "{}", unchanged.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_without_versions_is_refused() {
    let aws = LocalAws::start().await;
    let create = ["s3api", "create-bucket", "--bucket", "own", "--create-bucket-configuration"];
    aws.cli(&[&create[..], &["LocationConstraint=eu-west-1"]].concat());
    let own = ["--artifact-bucket", "own"];
    let approvals = once(&aws, "rotation.yaml", &own).approvals();
    let approved = [&own[..], &words(&approvals)].concat();
    let refused = once(&aws, "rotation.yaml", &approved);
    assert_eq!((refused.code, &refused.result()["result"]), (Some(2), &json!("failed")), "{}", refused.text);
    let advice = "aws s3api put-bucket-versioning --bucket own --versioning-configuration Status=Enabled";
    assert!(refused.text.contains("keeps no versions") && refused.text.contains(advice), "{}", refused.text);
    assert_eq!(stacks(&aws), [], "{}", refused.text);

    aws.cli(&advice.split(' ').skip(1).collect::<Vec<_>>());
    let deployed = once(&aws, "rotation.yaml", &approved);
    assert_eq!((deployed.code, &deployed.result()["result"]), (Some(0), &json!("deployed")), "{}", deployed.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_covers_the_package_or_the_reviewed_tree() {
    let aws = LocalAws::start().await;
    let run = |more: &[&str]| once(&aws, "rotation.yaml", more);
    let code = other_package(&aws);
    let first = run(&[]);
    let package = first.result()["package"].as_str().unwrap();
    assert!(first.text.contains(&format!("covers the package with this SHA-256: {package}")), "{}", first.text);
    let approvals = first.approvals();

    // Neither another package nor the statement that it was reviewed makes use of this approval.
    for more in [&["--package", &code][..], &["--reviewed-package"]] {
        let refused = run(&[more, &words(&approvals)].concat());
        assert_eq!(
            (refused.code, &refused.result()["result"]),
            (Some(3), &json!("needs-approval")),
            "{}",
            refused.text
        );
        assert!(refused.text.contains("The approval is for another change"), "{}", refused.text);
        assert_ne!(refused.approvals(), approvals);
    }
    assert_eq!(stacks(&aws), []);

    // The fingerprint of the review names no package. It counts only with the statement.
    let reviewed = run(&["--reviewed-package", "--package", &code]);
    assert_eq!(reviewed.result()["package"], json!(null), "{}", reviewed.text);
    let approval = reviewed.approvals();
    let refused = run(&[&["--package", &code][..], &words(&approval)].concat());
    assert_eq!(refused.code, Some(3), "{}", refused.text);
    let deployed = run(&[&["--reviewed-package", "--package", &code][..], &words(&approval)].concat());
    assert_eq!((deployed.code, &deployed.result()["result"]), (Some(0), &json!("deployed")), "{}", deployed.text);

    // It is the fingerprint that `synth diff` prints of the same change.
    let config = changed(&aws, &[("  - ci-deployer\n", "  - ci-deployer\n  - another\n")]);
    let reviewed = once(&aws, &config, &["--reviewed-package", "--package", &code]);
    let diff = ["diff", "--stack", "--config", &config, "--architecture", stack::host_architecture_name()];
    let diff = command(&aws, &[&diff[..], &["--format", "fingerprint"]].concat()).output().unwrap();
    let fingerprint = String::from_utf8(diff.stdout).unwrap();
    assert_eq!(reviewed.approvals(), [format!("--approve={}", fingerprint.trim())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_named_and_the_next_deployment_recovers() {
    let aws = LocalAws::start().await;
    let run = |more: &[&str]| Run::of(&once_with(&aws, "rotation.yaml", more, &[]).output().unwrap());

    // A bucket in another Region is refused before anything is done. If AWS does not show its Region, the creation
    // fails.
    let elsewhere = ["s3api", "create-bucket", "--bucket", "elsewhere", "--region", "us-east-1"];
    aws.cli(&elsewhere);
    let bucket = ["--artifact-bucket", "elsewhere"];
    let named = run(&bucket);
    assert_eq!(named.code, Some(2), "{}", named.text);
    assert!(named.text.contains("the bucket elsewhere is in us-east-1"), "{}", named.text);
    aws.proxy.inject("HeadBucket", "elsewhere", Fault::Answer(String::new()));
    aws.proxy.inject("HeadObject", "", uploaded(&stack::package()));
    let approval = run(&bucket).approvals();
    let failed = run(&[&bucket[..], &words(&approval)].concat());
    aws.proxy.heal();
    assert_eq!((failed.code, &failed.result()["result"]), (Some(1), &json!("failed")), "{}", failed.text);
    assert_eq!(failed.result()["cause"]["resource"], "Function", "{}", failed.text);
    assert!(
        failed.text.contains("PermanentRedirect") && failed.text.contains("in the stack's Region"),
        "{}",
        failed.text
    );
    assert!(is_in(&aws, STACK, "ROLLBACK_COMPLETE"));

    // After an approval, a stack that never worked is deleted and created again.
    let asked = run(&[]);
    assert_eq!(asked.code, Some(3), "{}", asked.text);
    assert!(is_in(&aws, STACK, "ROLLBACK_COMPLETE"), "nothing was changed");
    let anew = run(&words(&asked.approvals()));
    assert_eq!((anew.code, &anew.result()["result"]), (Some(0), &json!("deployed")), "{}", anew.text);
    assert!(anew.text.contains("was never created (ROLLBACK_COMPLETE): deleting what is left of it"), "{}", anew.text);

    // A failed update is rolled back, and the error says why.
    let deployed = template(&aws, STACK);
    let code = other_package(&aws);
    aws.proxy.inject("HeadObject", "", uploaded(Path::new(&code)));
    let failed = run(&["--package", &code]);
    aws.proxy.heal();
    assert_eq!((failed.code, &failed.result()["result"]), (Some(1), &json!("failed")), "{}", failed.text);
    assert_eq!(failed.result()["cause"]["resource"], "Function", "{}", failed.text);
    assert!(failed.text.contains("AWS took it back: all is as it was before."), "{}", failed.text);
    assert!(is_in(&aws, STACK, "UPDATE_ROLLBACK_COMPLETE"));
    assert_eq!(template(&aws, STACK), deployed);
    let good = run(&["--package", &code]);
    assert_eq!((good.code, &good.result()["result"]), (Some(0), &json!("deployed")), "{}", good.text);

    // A lost response is not a failure, because the events show what happened.
    aws.proxy.inject("ExecuteChangeSet", "", Fault::LoseAnswer);
    let lost = run(&[]);
    aws.proxy.heal();
    assert_eq!((lost.code, &lost.result()["result"]), (Some(0), &json!("deployed")), "{}", lost.text);
    aws.proxy.inject("CreateChangeSet", "", Fault::LoseAnswer);
    let lost = run(&["--package", &code]);
    aws.proxy.heal();
    assert_eq!((lost.code, &lost.result()["result"]), (Some(1), &json!("failed")), "{}", lost.text);
    assert_eq!(change_sets(&aws, STACK), 1, "the change set whose making was not answered is gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_printed_policy_is_enough() {
    let aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    account.create_user("ci").await;
    let key = account.create_key("ci").await;
    let environment = [("AWS_ACCESS_KEY_ID", key.id.as_str()), ("AWS_SECRET_ACCESS_KEY", key.secret.as_str())];
    let run = |more: &[&str]| once_with(&aws, "rotation.yaml", more, &environment);
    let nothing = Run::of(&run(&[]).output().unwrap());
    assert_eq!(nothing.code, Some(1), "who may nothing is refused: {}", nothing.text);

    let place = ["--account", local_aws::ACCOUNT, "--region", local_aws::REGION];
    let architecture = ["deploy-policy", "--architecture", stack::host_architecture_name()];
    let policy = command(&aws, &[&architecture[..], &place].concat()).output().unwrap();
    let policy = String::from_utf8(policy.stdout).unwrap();
    // The Service Authorization Reference has ARNs of alarms for DescribeAlarms. The emulator knows only `*` for it.
    let alarms = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:*";
    assert!(policy.contains(alarms), "{policy}");
    let policy = policy.replace(alarms, "*");
    aws.cli(&["iam", "put-user-policy", "--user-name", "ci", "--policy-name", "may", "--policy-document", &policy]);
    let first = Run::of(&run(&[]).output().unwrap());
    assert_eq!(first.code, Some(3), "{}", first.text);
    let second = Run::of(&run(&words(&first.approvals())).output().unwrap());
    assert_eq!((second.code, &second.result()["result"]), (Some(0), &json!("deployed")), "{}", second.text);
    let place = second.of_kind("place").next().unwrap();
    assert!(place["identity"].as_str().is_some_and(|arn| arn.ends_with(":user/ci")), "{}", second.text);
    let code = other_package(&aws);
    let update = run(&["--package", &code, "--format=text"]).output().unwrap();
    assert!(update.status.success() && text(&update).contains("Next run       20"), "{}", text(&update));
    assert!(!text(&update).contains("unknown"), "all of its state can be seen: {}", text(&update));

    // The bucket of another stack is closed to this deployer.
    let other = deploy(&aws, &words(&arguments("examples/article.yaml", &["--users", "bob"])));
    assert_eq!(other.result()["result"], "deployed", "{}", other.text);
    let buckets = aws.cli(&["s3api", "list-buckets"])["Buckets"].clone();
    let buckets = buckets.as_array().unwrap().iter().filter_map(|bucket| bucket["Name"].as_str());
    let [theirs] = <[_; 1]>::try_from(buckets.filter(|name| *name != bucket()).collect::<Vec<_>>()).unwrap();
    let [(package, version)] = <[_; 1]>::try_from(objects(&aws, theirs, ".zip")).unwrap();
    let refused = Run::of(&run(&["--package", &code, "--artifact-bucket", theirs]).output().unwrap());
    assert_eq!(refused.code, Some(1), "{}", refused.text);
    assert!(refused.text.contains(&format!("may not use the bucket {theirs}")), "{}", refused.text);
    let write = |bucket: &str| {
        let put = ["s3api", "put-object", "--bucket", bucket, "--key", &package, "--body", &code];
        aws.try_cli_as((&key.id, &key.secret), &put)
    };
    assert!(write(theirs).is_err_and(|problem| problem.contains("AccessDenied")));
    assert_eq!(objects(&aws, theirs, ".zip"), [(package.clone(), version)], "nothing was written");
    write(&bucket()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn at_a_terminal_the_user_is_asked() {
    let aws = LocalAws::start().await;
    let answer = |answer: &str| {
        let arguments = arguments("rotation.yaml", &[]);
        deployer::at_a_terminal(&aws, answer, &[&["deploy"], &words(&arguments)[..]].concat())
    };
    for (key, code, says) in
        [("n", 3, "Nothing was changed"), ("", 3, "Nothing was changed"), ("^C", 130, "Interrupted.")]
    {
        let said = answer(key);
        assert_eq!(said.status.code(), Some(code), "{key}: {}", text(&said));
        assert!(
            text(&said).contains("A new stack always needs approval") && text(&said).contains(says),
            "{}",
            text(&said)
        );
        assert_eq!(stacks(&aws), [], "{key}: nothing is left behind: {}", text(&said));
    }
    let yes = answer("y");
    assert_eq!(yes.status.code(), Some(0), "{}", text(&yes));
    // A line that is rewritten shows the progress. The lines about finished resources stay.
    let (all, of) = (format!("{0}/{0}  CREATE_COMPLETE", resources()), format!(" of {}", resources()));
    for seen in [all.as_str(), &of, "security@example.com: confirmed (notices, alarms)", "Next run       20"] {
        assert!(text(&yes).contains(seen), "no {seen:?} in {}", text(&yes));
    }
    assert!(is_in(&aws, STACK, "CREATE_COMPLETE"));
}

/// A call that has started is completed, unless the user does not want to wait for its answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_without_an_answer_is_named_after_an_interrupt_and_left_after_a_second_one() {
    let aws = LocalAws::start().await;
    aws.proxy.inject("CreateChangeSet", "", Fault::HangBefore);
    let mut command = once_with(&aws, "rotation.yaml", &[], &[]);
    let mut waiting = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    aws.proxy.hang().await;
    let mut stderr = BufReader::new(waiting.stderr.take().expect("a pipe")).lines().map(Result::unwrap);
    signal(&waiting, "-INT");
    let said = stderr.find(|line| line.contains("Interrupted")).expect("a line about the interrupt");
    assert_eq!(said, "Interrupted. Waiting for AWS to answer the last call. Ctrl-C again ends at once.");
    signal(&waiting, "-INT");
    assert_eq!(waiting.wait().unwrap().code(), Some(130));
    assert!(stderr.any(|line| line.starts_with("Ended at once.")));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_interrupt_the_message_says_what_aws_completes() {
    let aws = LocalAws::start().await;
    let approval = once(&aws, "rotation.yaml", &[]).approvals().remove(0);
    let no_events = "<DescribeStackEventsResponse><DescribeStackEventsResult/></DescribeStackEventsResponse>";
    aws.proxy.inject("DescribeStackEvents", "", Fault::Answer(no_events.to_owned()));
    let mut command = once_with(&aws, "rotation.yaml", &[&approval], &[]);
    let waiting = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until_called(&aws, "DescribeStackEvents").await;
    signal(&waiting, "-INT");
    let left = Run::of(&waiting.wait_with_output().unwrap());
    assert_eq!((left.code, &left.result()["result"]), (Some(130), &json!("left")), "{}", left.text);
    assert!(left.text.contains("run the same command again to follow it"), "{}", left.text);
    aws.proxy.heal();

    let again = once(&aws, "rotation.yaml", &[&approval]);
    assert_eq!((again.code, &again.result()["result"]), (Some(0), &json!("deployed")), "{}", again.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_of_another_person_is_waited_for() {
    let aws = LocalAws::start().await;
    let run = deploy(&aws, &words(&arguments("rotation.yaml", &[])));
    assert_eq!(run.result()["result"], "deployed", "{}", run.text);
    let described = aws.cli(&["cloudformation", "describe-stacks", "--stack-name", STACK]);
    let id = described["Stacks"][0]["StackId"].as_str().unwrap();
    for name in [STACK, id] {
        aws.proxy.inject("DescribeStacks", name, stack_in("UPDATE_IN_PROGRESS", id));
    }
    aws.proxy.forget();
    let mut command = once_with(&aws, "rotation.yaml", &[], &[]);
    let waiting = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until_called(&aws, "DescribeStackEvents").await;
    aws.proxy.heal();
    let waited = Run::of(&waiting.wait_with_output().unwrap());
    assert_eq!((waited.code, &waited.result()["result"]), (Some(0), &json!("unchanged")), "{}", waited.text);
    for note in ["is in UPDATE_IN_PROGRESS: waiting until that is over", "is in CREATE_COMPLETE: continuing"] {
        assert!(waited.text.contains(note), "{}", waited.text);
    }
}

/// A response of AWS with our stack in a state that it never has in the local AWS.
fn stack_in(state: &str, id: &str) -> Fault {
    Fault::Answer(format!(
        "<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackId>{id}</StackId>\
         <StackName>{STACK}</StackName><StackStatus>{state}</StackStatus>\
         <CreationTime>2026-11-24T00:00:00Z</CreationTime></member></Stacks></DescribeStacksResult></DescribeStacksResponse>"
    ))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_before_the_start_says_what_to_do() {
    let aws = LocalAws::start().await;
    let run = || Run::of(&once_with(&aws, "rotation.yaml", &[], &[]).output().unwrap());
    let failed = |run: &Run, says: &[&str]| {
        assert_eq!((run.code, &run.result()["result"]), (Some(1), &json!("failed")), "{}", run.text);
        for words in says {
            assert!(run.text.contains(words), "no {words:?} in {}", run.text);
        }
        assert_eq!(stacks(&aws), [], "nothing is left behind: {}", run.text);
    };

    aws.proxy.inject("DescribeStacks", STACK, stack_in("UPDATE_ROLLBACK_FAILED", "arn"));
    failed(&run(), &["continue-update-rollback --stack-name access-key-rotation"]);
    aws.proxy.heal();

    // When CloudFormation creates a change set, it checks for existing names. Only DescribeEvents returns the names
    // that it found.
    let reason = "The following hook(s)/validation failed: [AWS::EarlyValidation::ResourceExistenceCheck]";
    let refused = "<DescribeChangeSetResponse><DescribeChangeSetResult><ChangeSetId>arn:x</ChangeSetId>\
        <Status>FAILED</Status><StatusReason>REASON</StatusReason></DescribeChangeSetResult></DescribeChangeSetResponse>";
    aws.proxy.inject("DescribeChangeSet", STACK, Fault::Answer(refused.replace("REASON", reason)));
    failed(&run(), &["CloudFormation refuses the change", "allow cloudformation:DescribeEvents"]);
    let why = "<DescribeEventsResponse><DescribeEventsResult><OperationEvents><member><EventId>1</EventId>\
        <LogicalResourceId>LogGroup</LogicalResourceId><ResourceType>AWS::Logs::LogGroup</ResourceType>\
        <ValidationStatusReason>Resource of type 'AWS::Logs::LogGroup' with identifier '/aws/lambda/access-key-rotation' \
        already exists.</ValidationStatusReason></member></OperationEvents></DescribeEventsResult></DescribeEventsResponse>";
    aws.proxy.inject("DescribeEvents", "", Fault::Answer(why.to_owned()));
    let refused = run();
    failed(&refused, &["LogGroup (AWS::Logs::LogGroup): Resource of type", "set another stack_name"]);
    assert_eq!(refused.result()["cause"]["resource"], "LogGroup");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_ends_with_the_addresses_that_must_confirm_and_waits_for_them() {
    const ADDRESS: &str = "security@example.com";
    let aws = LocalAws::start().await;
    let command = |more: &[&str]| once_with(&aws, "rotation.yaml", more, &[]);
    let approval = once(&aws, "rotation.yaml", &[]).approvals().remove(0);
    let left = |event: &Json| {
        let left = event["subscriptions"].as_array().unwrap_or_else(|| panic!("{event:#}"));
        left.iter().map(|one| format!("{} {} {}", one["address"], one["topic"], one["state"])).collect::<Vec<_>>()
    };
    let both = ["notices", "alarms"].map(|topic| format!(r#""{ADDRESS}" "{topic}" "pending""#));
    aws.proxy.leave_unconfirmed(ADDRESS);

    // For a program, the list comes before the result.
    let deployed = Run::of(&command(&[&approval]).output().unwrap());
    assert_eq!((deployed.code, &deployed.result()["result"]), (Some(0), &json!("deployed")), "{}", deployed.text);
    assert_eq!(
        deployed.of_kind("unconfirmed").map(left).collect::<Vec<_>>(),
        std::slice::from_ref(&both),
        "{}",
        deployed.text
    );
    assert_eq!(deployed.of_kind("awaited").count(), 0, "{}", deployed.text);

    // For a person, it is the end.
    let said = text(&command(&["--format=text"]).output().unwrap());
    let (_, end) = said.split_once("\nWho must confirm\n").unwrap_or_else(|| panic!("{said}"));
    for part in [ADDRESS, "notices not confirmed", "alarms not confirmed", "make resubscribe", "make run"] {
        assert!(tests::words(end).contains(part), "no {part:?} in {end}");
    }

    // The wait has a limit. The deployment is done anyway.
    let over = Run::of(&command(&["--wait=1s"]).output().unwrap());
    assert_eq!((over.code, &over.result()["result"]), (Some(1), &json!("unchanged")), "{}", over.text);
    assert!(
        over.text.contains(&format!("after 1s it still waits for 2 confirmations: {ADDRESS} (notices)")),
        "{}",
        over.text
    );

    // Ctrl-C ends only the wait.
    let wait = |more: &[&str]| {
        aws.proxy.forget();
        command(more).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let waiting = wait(&["--wait"]);
    until_called(&aws, "ListSubscriptionsByTopic").await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    signal(&waiting, "-INT");
    let left_early = Run::of(&waiting.wait_with_output().unwrap());
    assert_eq!(
        (left_early.code, &left_early.result()["result"]),
        (Some(130), &json!("unchanged")),
        "{}",
        left_early.text
    );
    assert!(left_early.text.contains("Interrupted. The stack is deployed."), "{}", left_early.text);
    assert!(is_in(&aws, STACK, "CREATE_COMPLETE"));

    // It ends when all have confirmed.
    let waiting = wait(&["--wait"]);
    until_called(&aws, "ListSubscriptionsByTopic").await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    aws.proxy.confirm(ADDRESS);
    let confirmed = Run::of(&waiting.wait_with_output().unwrap());
    assert_eq!((confirmed.code, &confirmed.result()["result"]), (Some(0), &json!("unchanged")), "{}", confirmed.text);
    let awaited: Vec<_> = confirmed.of_kind("awaited").map(left).collect();
    assert_eq!(awaited, [both.to_vec(), Vec::new()], "{}", confirmed.text);

    let at_once = make(&aws, &["deploy", "WAIT=2h"]);
    assert!(at_once.status.success(), "{}", text(&at_once));
    assert!(text(&at_once).contains("All addresses have confirmed."), "{}", text(&at_once));
}

async fn until_called(aws: &LocalAws, operation: &str) {
    let began = Instant::now();
    while !aws.proxy.calls().iter().any(|call| call.operation == operation) {
        assert!(began.elapsed() < Duration::from_mins(1), "{operation} is never called");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_template_goes_through_the_bucket() {
    let aws = LocalAws::start().await;
    let emails: Vec<_> = (0..110).map(|number| format!("  - listener-{number}@example.com\n")).collect();
    let config = changed(&aws, &[("  - security@example.com\n", &emails.concat())]);
    let first = once(&aws, &config, &[]);
    assert_eq!(first.code, Some(3), "{}", first.text);
    assert_eq!(stacks(&aws), [], "{}", first.text);
    let second = once(&aws, &config, &[&first.approvals()[0]]);
    assert_eq!((second.code, &second.result()["result"]), (Some(0), &json!("deployed")), "{}", second.text);
    assert!(second.text.contains("the template, which is too large for a call"), "{}", second.text);
    let again = once(&aws, &config, &[]);
    assert_eq!((again.code, &again.result()["result"]), (Some(0), &json!("unchanged")), "{}", again.text);

    // CloudFormation gets the template that was checked, also if another is under its key.
    let [(key, _)] = <[_; 1]>::try_from(objects(&aws, &bucket(), ".yaml")).unwrap();
    let forged = aws.folder.path().join("forged.yaml");
    std::fs::write(&forged, "Resources: {Q: {Type: 'AWS::SQS::Queue'}}\n").unwrap();
    let forged = forged.display().to_string();
    aws.cli(&["s3api", "put-object", "--bucket", &bucket(), "--key", &key, "--body", &forged]);
    let deployed = template(&aws, STACK);
    let again = once(&aws, &config, &[]);
    assert_eq!((again.code, &again.result()["result"]), (Some(0), &json!("unchanged")), "{}", again.text);
    assert!(again.text.contains("Uploading the template"), "{}", again.text);
    assert_eq!(template(&aws, STACK), deployed);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_of_aws_has_a_clear_message() {
    let aws = LocalAws::start().await;
    let run =
        |environment: &[(&str, &str)]| Run::of(&once_with(&aws, "rotation.yaml", &[], environment).output().unwrap());
    let ends = |code: i32, run: &Run, words: &str| {
        assert_eq!((run.code, &run.result()["result"]), (Some(code), &json!("failed")), "{}", run.text);
        assert!(run.text.contains(words) && run.text.contains("error: "), "no {words:?} in {}", run.text);
    };
    let (says, refuses) = (|run: &Run, words| ends(1, run, words), |run: &Run, words| ends(2, run, words));
    says(&run(&[("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", "")]), "no AWS credentials");
    says(&run(&[("AWS_ACCESS_KEY_ID", "AKIAUNKNOWN")]), "AWS does not accept the credentials (InvalidClientTokenId)");
    refuses(&run(&[("AWS_REGION", ""), ("AWS_DEFAULT_REGION", "")]), "no AWS Region: pass --region");
    refuses(&run(&[("AWS_REGION", "eu west 1")]), "the AWS Region is wrong: \"eu west 1\"");
    says(&run(&[("AWS_ENDPOINT_URL", "http://127.0.0.1:1")]), "no connection");
    // A requested profile has precedence over keys in the environment.
    let profiles = aws.folder.path().join("config");
    let key = r#"echo '{"Version": 1, "AccessKeyId": "AKIAOTHER", "SecretAccessKey": "test"}'"#;
    std::fs::write(&profiles, format!("[profile other]\ncredential_process = {key}\n")).unwrap();
    let profile = |name: &str| {
        let environment = [("AWS_CONFIG_FILE", profiles.to_str().unwrap())];
        Run::of(&once_with(&aws, "rotation.yaml", &["--profile", name], &environment).output().unwrap())
    };
    says(&profile("other"), "AWS does not accept the credentials (InvalidClientTokenId)");
    assert_eq!(aws.proxy.calls().last().map(|call| call.signer.clone()).as_deref(), Some("AKIAOTHER"));
    for words in ["there is no AWS profile nobody.", "they have other.", "aws configure list-profiles"] {
        refuses(&profile("nobody"), words);
    }
    // Its Region cannot be known either.
    let unknown = [("AWS_PROFILE", "nobody"), ("AWS_REGION", ""), ("AWS_DEFAULT_REGION", "")];
    refuses(&run(&unknown), "there is no AWS profile nobody.");
    aws.proxy.inject("GetCallerIdentity", "", Fault::Refuse(403, "ExpiredToken"));
    says(&run(&[]), "the AWS credentials have expired. Sign in again");
    aws.proxy.heal();
    for (operation, doing) in [
        ("DescribeStacks", "not permitted to read the stack access-key-rotation-artifacts"),
        ("CreateChangeSet", "not permitted to make a change set for the stack access-key-rotation-artifacts"),
    ] {
        aws.proxy.inject(operation, "", Fault::Refuse(403, "AccessDenied"));
        says(&run(&[]), doing);
        says(&run(&[]), "deploy-policy");
        aws.proxy.heal();
    }
    assert_eq!(stacks(&aws), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_bucket_says_who_lacks_what() {
    let aws = LocalAws::start().await;
    let run = |more: &[&str]| Run::of(&once_with(&aws, "rotation.yaml", more, &[]).output().unwrap());
    let approvals = run(&[]).approvals();
    for (operation, more, actions) in [
        ("HeadBucket", &[][..], "s3:ListBucket"),
        ("HeadObject", &words(&approvals), "s3:GetObject, s3:ListBucket"),
        ("PutObject", &words(&approvals), "s3:PutObject"),
    ] {
        aws.proxy.inject(operation, "", Fault::Refuse(403, "AccessDenied"));
        let denied = run(more);
        aws.proxy.heal();
        assert_eq!((denied.code, &denied.result()["result"]), (Some(1), &json!("failed")), "{}", denied.text);
        let identity = denied.of_kind("place").next().and_then(|place| place["identity"].as_str()).unwrap();
        let who = format!("{identity} may not use the bucket {} ({actions}): ", bucket());
        for words in [who.as_str(), "belongs to another account", "synth deploy-policy", "--artifact-bucket"] {
            assert!(denied.text.contains(words), "no {words:?} in {}", denied.text);
        }
        assert!(!stacks(&aws).iter().any(|(name, _)| name == STACK), "nothing of the stack is left: {}", denied.text);
    }
}

/// Lambda checks whether a role may send to the destination of failed runs. It may not know a role that is seconds old.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_is_too_young_is_waited_for() {
    let aws = LocalAws::start().await;
    let approvals = once(&aws, "rotation.yaml", &[]).approvals();
    let says = "IAM had not yet spread the new role everywhere";

    // Three attempts, and no more.
    aws.refuse_new_roles(100);
    let failed = once(&aws, "rotation.yaml", &words(&approvals));
    assert_eq!((failed.code, &failed.result()["result"]), (Some(1), &json!("failed")), "{}", failed.text);
    assert_eq!(failed.result()["cause"]["resource"], "FailedRuns", "{}", failed.text);
    assert_eq!(failed.text.matches("Trying again in 15 s").count(), 2, "{}", failed.text);
    assert!(failed.result()["message"].as_str().is_some_and(|text| text.contains(says)), "{}", failed.text);
    assert!(is_in(&aws, STACK, "ROLLBACK_COMPLETE"));

    aws.refuse_new_roles(1);
    let waited = once(&aws, "rotation.yaml", &words(&approvals));
    assert_eq!((waited.code, &waited.result()["result"]), (Some(0), &json!("deployed")), "{}", waited.text);
    assert!(waited.text.contains("A new role is not known everywhere yet. Trying again in 15 s"), "{}", waited.text);
    assert!(is_in(&aws, STACK, "CREATE_COMPLETE"));
}

#[test]
fn a_wrong_configuration_is_reported_before_any_call_to_aws() {
    for arguments in [&["--users", "no*body"][..], &["--config", "Cargo.toml"], &["--package", "nowhere.zip"]] {
        let mut words = vec!["deploy", "--package", "Makefile"];
        if arguments[0] == "--package" {
            words.truncate(1);
        }
        words.extend(arguments);
        // No server listens at that address, and there are no credentials.
        let mut command = Command::new(deployer::program());
        command.env_clear().env("AWS_ENDPOINT_URL", "http://127.0.0.1:1").current_dir(root()).args(words);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text(&output));
        assert!(text(&output).contains(arguments[1]), "{arguments:?}: {}", text(&output));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn make_deploy_alone_deploys_the_stack() {
    let aws = LocalAws::start().await;
    let arguments = ["deploy", "CONFIG=examples/article.yaml", "USERS=alice bob", "EMAIL=ops@example.com"];
    let first = make(&aws, &arguments);
    assert!(!first.status.success(), "{}", text(&first));
    let said = text(&first);
    let fingerprint =
        said.split_once("or the same make deploy with ").and_then(|(_, rest)| rest.split_whitespace().next());
    let approved =
        make(&aws, &[&arguments[..], &[fingerprint.unwrap_or_else(|| panic!("no fingerprint in {said}"))]].concat());
    assert!(approved.status.success(), "{}", text(&approved));
    assert!(text(&approved).contains("TopicArn"), "the outputs are told: {}", text(&approved));
    let function = aws.cli(&["lambda", "get-function-configuration", "--function-name", "AccessKeyRotation"]);
    assert_eq!(function["Environment"]["Variables"]["USERS"], "alice bob");
    assert_eq!(function["Timeout"], 600, "the article's ten minutes");
    let again = make(&aws, &arguments);
    assert!(again.status.success() && text(&again).contains("Nothing to change"), "{}", text(&again));
}
