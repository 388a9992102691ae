//! `examples/pick-up.sh`: a workload without any permission gets its next key with its current key.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, process::Command};

use crate::common::{ROTATION, read};
use serde_json::{Value as Json, json};
use tempfile::TempDir;
use tests::{Account, LocalAws, Mailbox, Stack, account::OwnedKey, local_aws, root, tool};

const DAY: i64 = 86_400;

/// A machine with the AWS CLI and the files of a user.
struct Machine {
    home: TempDir,
    endpoint: String,
}

impl Machine {
    fn new(aws: &LocalAws, key: &OwnedKey) -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join(".aws")).unwrap();
        let machine = Self { home, endpoint: format!("http://127.0.0.1:{}", aws.proxy.port) };
        fs::write(machine.file(), credentials(key)).unwrap();
        fs::set_permissions(machine.file(), fs::Permissions::from_mode(0o640)).unwrap();
        // The profile of the README, with the path of the script in this checkout.
        let page = read("README.md");
        let profile = page.split("```ini\n").nth(1).and_then(|rest| rest.split("```").next()).expect("the profile");
        let profile = profile.replace("/usr/local/bin", &root().join("examples").display().to_string());
        fs::write(machine.home.path().join(".aws/config"), profile).unwrap();
        machine
    }

    fn file(&self) -> PathBuf {
        self.home.path().join(".aws/credentials")
    }

    /// Runs a program. Returns the exit code, standard output and standard error.
    fn run(&self, program: PathBuf, arguments: &[&str]) -> (Option<i32>, String, String) {
        let tools = tool("aws").parent().unwrap().display().to_string();
        let output = Command::new(program)
            .args(arguments)
            .env_clear()
            .env("PATH", format!("{tools}:/usr/bin:/bin"))
            .env("HOME", self.home.path())
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    fn pick_up(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        self.run(root().join("examples/pick-up.sh"), arguments)
    }
}

/// A credentials file with other sections, comments and optional spaces, as people write it.
fn credentials(key: &OwnedKey) -> String {
    let OwnedKey { id, secret } = key;
    format!(
        "# Mine.\n[default]\naws_access_key_id = other\naws_secret_access_key = other too\n\n[alice-key]\n\
         aws_secret_access_key={secret}\n  # The robot's.\naws_access_key_id = {id}\n[alice-key-2]\n\
         aws_access_key_id = another\naws_secret_access_key = another too\n"
    )
}

/// Creates a user without permissions, with one key of this age in days.
async fn user(aws: &mut LocalAws, account: &Account, user: &str, days: i64) -> OwnedKey {
    account.create_user(user).await;
    aws.shift_clock(-days * DAY);
    let key = account.create_key(user.rsplit('/').next().unwrap()).await;
    aws.shift_clock(0);
    key
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workload_takes_its_next_key_over_with_its_present_one() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    let old = user(&mut aws, &account, "/ci/alice", 70).await;
    let mallory = user(&mut aws, &account, "mallory", 1).await;
    let stack = Stack::deploy(&aws, &read(ROTATION), &["/ci/alice"]);
    let _mailbox = Mailbox::subscribe(&aws, &stack.outputs["TopicArn"]).await;
    let machine = Machine::new(&aws, &old);
    let arguments = ["access-key-rotation/alice", "alice-key"];

    let (code, _, error) = machine.pick_up(&arguments);
    assert_eq!(code, Some(1), "nothing is there yet: {error}");
    // As long as there is no new key, `--print` gives the workload its current key.
    let (code, printed, error) = machine.pick_up(&["--print", arguments[0], arguments[1]]);
    let printed: Json = serde_json::from_str(&printed).expect("one JSON document");
    assert!(code == Some(0) && printed["AccessKeyId"] == old.id && printed["SecretAccessKey"] == old.secret, "{error}");
    assert!(error.contains("does not open") && !error.contains(&old.secret), "{error}");
    let report = stack.invoke(&aws, &json!({}));
    assert_eq!(report["summary"]["rotated"], 1, "{report:#}");
    let secret = account.secret("access-key-rotation/alice").await.unwrap();
    let new = OwnedKey::from_secret(&secret).unwrap();

    let (code, out, error) = machine.pick_up(&arguments);
    assert_eq!((code, out.as_str()), (Some(0), ""), "{error}");
    assert!(error.contains(&new.id) && error.contains(&old.id) && !error.contains(&new.secret), "{error}");
    let written = fs::read_to_string(machine.file()).unwrap();
    let expected = format!(
        "# Mine.\n[default]\naws_access_key_id = other\naws_secret_access_key = other too\n\n[alice-key]\n\
         aws_access_key_id = {}\naws_secret_access_key = {}\n  # The robot's.\n[alice-key-2]\n\
         aws_access_key_id = another\naws_secret_access_key = another too\n",
        new.id, new.secret
    );
    assert!(written == expected, "the one key in place of the other, and nothing else changed");
    assert_eq!(fs::metadata(machine.file()).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(fs::read_dir(machine.home.path().join(".aws")).unwrap().count(), 2, "nothing is left beside it");

    // The workload continues with the new key, which can read the secret too. The second time, there is nothing to do.
    account.deactivate("alice", &old).await;
    assert_eq!(machine.pick_up(&arguments), (Some(0), String::new(), String::new()));

    // A workload that comes too late gets a clear error.
    let late = Machine::new(&aws, &old);
    let (code, _, error) = late.pick_up(&arguments);
    assert_eq!(code, Some(1), "the old key opens nothing any more");
    assert!(error.contains(&format!("the key {} does not open", old.id)), "{error}");

    assert_eq!(late.pick_up(&["--print", arguments[0], arguments[1]]).0, Some(1), "nor does it work");

    // As credential_process: the profile of the README signs with the key that the script prints.
    let (code, out, error) = machine.run(tool("aws"), &["sts", "get-caller-identity", "--profile", "alice"]);
    assert_eq!(code, Some(0), "{error}");
    let identity: Json = serde_json::from_str(&out).unwrap();
    assert!(identity["Arn"].as_str().unwrap().ends_with(":user/ci/alice"), "{out}");
    let (_, printed, _) = machine.pick_up(&["--print", arguments[0], arguments[1]]);
    let printed: Json = serde_json::from_str(&printed).expect("one JSON document");
    assert!(printed["AccessKeyId"] == secret["AccessKeyId"] && printed["Version"] == 1);
    let expires: lambda::model::time::Timestamp = printed["Expiration"].as_str().unwrap().parse().unwrap();
    assert!(expires > lambda::model::time::Timestamp::now(), "it is asked for again in a while");

    // The key of another user cannot read the secret, and nothing is written.
    let others = Machine::new(&aws, &mallory);
    let before = fs::read_to_string(others.file()).unwrap();
    let (code, out, error) = others.pick_up(&arguments);
    assert_eq!((code, out.as_str()), (Some(1), ""), "{error}");
    assert!(error.contains("AccessDenied"), "{error}");
    assert!(fs::read_to_string(others.file()).unwrap() == before, "the file is as it was");
}

/// Without a Region, the AWS CLI cannot ask for the secret. The key has nothing to do with it.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_region_is_named() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    let alice = user(&mut aws, &account, "alice", 1).await;
    let machine = Machine::new(&aws, &alice);
    fs::remove_file(machine.home.path().join(".aws/config")).unwrap();
    for (profile, section) in [("alice-key", "[profile alice-key]"), ("default", "[default]")] {
        let (code, out, error) = machine.pick_up(&["keys/alice", profile]);
        assert_eq!((code, out.as_str()), (Some(1), ""), "{error}");
        let says = format!("no AWS Region is set; set AWS_REGION, or region under {section} in ~/.aws/config");
        assert!(error.contains(&says) && !error.contains("does not open"), "{error}");
    }
}

/// The key in the secret is tested before it replaces the current key.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_does_not_work_or_is_another_users_is_not_installed() {
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    let alice = user(&mut aws, &account, "alice", 1).await;
    let bob = user(&mut aws, &account, "bob", 1).await;
    let arn = format!("arn:aws:iam::{}:user/alice", local_aws::ACCOUNT);
    account.create_secret("keys/alice", None, &arn).await;
    let machine = Machine::new(&aws, &alice);
    let dead = account.create_key("alice").await;
    account.deactivate("alice", &dead).await;
    for (key, says) in [(&dead, "does not accept"), (&bob, "belongs to another user")] {
        let document = json!({ "Version": 1, "AccessKeyId": key.id, "SecretAccessKey": key.secret }).to_string();
        aws.cli(&["secretsmanager", "put-secret-value", "--secret-id", "keys/alice", "--secret-string", &document]);
        let (code, _, error) = machine.pick_up(&["keys/alice", "alice-key"]);
        assert!(code == Some(1) && error.contains(says), "{code:?} {error}");
        assert!(fs::read_to_string(machine.file()).unwrap() == credentials(&alice), "the file is as it was");
    }
    for (arguments, says) in
        [(&[][..], "usage"), (&["--print"], "usage"), (&["keys/alice", "nobody"], "has no key in [nobody]")]
    {
        let (code, _, error) = machine.pick_up(arguments);
        assert!(code == Some(2) && error.contains(says), "{code:?} {error}");
    }
    let output = Command::new(tool("shellcheck")).arg(root().join("examples/pick-up.sh")).output().unwrap();
    assert!(output.status.success(), "{}", tests::text(&output));
}
