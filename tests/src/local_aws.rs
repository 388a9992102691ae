//! Starts and stops the emulator.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_iam::config::{Credentials, SharedCredentialsProvider, SharedHttpClient};
use lambda::model::time::Timestamp;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::{Proxy, aws_cli, root, tool};

/// The number of the account that everything is in, if a test names no other one.
pub const ACCOUNT: &str = "123456789012";
/// The Region of all resources.
pub const REGION: &str = "eu-west-1";
/// The id of the organization, if a test founds one.
pub const ORGANIZATION: &str = "o-abcdefghij";
/// The management account of the organization, unless that is [`ACCOUNT`].
pub const MANAGEMENT: &str = "100000000001";

/// A local AWS: an emulator, the proxy in front of it, and a clock that can be moved.
#[derive(Debug)]
pub struct LocalAws {
    /// The proxy between the handler and the emulator.
    pub proxy: Proxy,
    /// The port of the emulator itself.
    pub port: u16,
    /// The folder with the emulator's files and its log.
    pub folder: TempDir,
    shift: Arc<AtomicI64>,
    /// The HTTP client that all AWS clients share, because each new one reads all trusted certificates of this machine.
    http: SharedHttpClient,
    /// The emulator's standard input. Closing it ends the emulator and everything that it started.
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    server: Child,
}

impl LocalAws {
    /// Starts an emulator on a free port of the loopback address, and waits until it answers.
    ///
    /// # Panics
    /// If the emulator cannot be started. The message says what is missing.
    pub async fn start() -> Self {
        // Another process may have taken the port in the meantime. Then the emulator ends at once.
        for _ in 0..3 {
            if let Some(aws) = Self::try_start().await {
                return aws;
            }
        }
        panic!("three emulators in a row ended at once; is .venv complete? rm -rf .venv && make setup");
    }

    async fn try_start() -> Option<Self> {
        let port = free_port();
        let shift = Arc::new(AtomicI64::new(0));
        let http = lambda::aws::http_client();
        let proxy = Proxy::start(port, Arc::clone(&shift)).await;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let log = std::fs::File::create(folder.path().join("emulator.log")).expect("a log file");
        let mut server = Command::new(tool("python"))
            .arg(root().join("tests/local-aws/server.py"))
            .env_remove("AWS_PROFILE")
            .env_remove("AWS_SESSION_TOKEN")
            .env("AUTH", "true")
            .env("GATEWAY_PORT", port.to_string())
            .env("BIND_HOST", "127.0.0.1")
            .env("MINISTACK_ACCOUNT_ID", ACCOUNT)
            .env("LAMBDA_EXECUTOR", "local")
            // The endpoint that the emulator gives to the handler.
            .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", proxy.port))
            .env("TMPDIR", folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("python starts");
        let commands = server.stdin.take();
        let answers = BufReader::new(server.stdout.take().expect("stdout is piped"));
        let mut aws = Self { proxy, port, folder, shift, http, commands, answers, server };
        aws.answers_in_time().then_some(aws)
    }

    /// Waits until the emulator answers. False if it has ended.
    fn answers_in_time(&mut self) -> bool {
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if self.server.try_wait().is_ok_and(|ended| ended.is_some()) {
                eprintln!("the emulator ended at once; it said: {}", self.emulator_log());
                return false;
            }
            let patient = began.elapsed() < Duration::from_secs(30);
            assert!(patient, "the emulator does not answer; it said: {}", self.emulator_log());
            std::thread::sleep(Duration::from_millis(20));
        }
        // Another process may have answered. Then this emulator found its port taken, and it ends soon; on a busy
        // machine that takes a while.
        std::thread::sleep(Duration::from_millis(500));
        self.server.try_wait().is_ok_and(|ended| ended.is_none())
    }

    /// Sets the emulator's clock to the real time plus `seconds`.
    ///
    /// # Panics
    /// If the emulator has ended.
    pub fn shift_clock(&mut self, seconds: i64) {
        let commands = self.commands.as_mut().expect("open until the drop");
        writeln!(commands, "{seconds}").and_then(|()| commands.flush()).expect("the emulator listens");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("the emulator answers");
        assert_eq!(answer.trim(), "ok", "the emulator is gone: {}", self.emulator_log());
        self.shift.store(seconds, Ordering::Relaxed);
    }

    /// From now on, Lambda refuses this number of configurations for asynchronous invocations, as if the function's role were
    /// too young.
    ///
    /// # Panics
    /// If the folder of the emulator cannot be written.
    pub fn refuse_new_roles(&self, times: u32) {
        std::fs::write(self.folder.path().join("refusals-of-new-roles"), times.to_string()).expect("written");
    }

    /// Founds an organization with these accounts in one unit. [`ACCOUNT`] is in another unit, and may administer StackSets.
    ///
    /// # Panics
    /// If the folder of the emulator cannot be written.
    pub fn found_organization(&self, unit: &str, accounts: &[&str]) {
        let units = json!({ unit: accounts, "ou-abcd-00000000": [ACCOUNT] });
        let organization =
            json!({ "id": ORGANIZATION, "management": MANAGEMENT, "delegated": [ACCOUNT], "units": units });
        std::fs::write(self.folder.path().join("organization"), organization.to_string()).expect("written");
    }

    /// Founds an organization with these accounts in one unit. [`ACCOUNT`] is its management account.
    ///
    /// # Panics
    /// If the folder of the emulator cannot be written.
    pub fn found_own_organization(&self, unit: &str, accounts: &[&str]) {
        let units = json!({ unit: accounts });
        let organization = json!({ "id": ORGANIZATION, "management": ACCOUNT, "delegated": [], "units": units });
        std::fs::write(self.folder.path().join("organization"), organization.to_string()).expect("written");
    }

    /// From now on, only these accounts lack the role with which StackSets works in them.
    ///
    /// # Panics
    /// If the folder of the emulator cannot be written.
    pub fn lack_execution_role(&self, accounts: &[&str]) {
        let file = self.folder.path().join("accounts-without-execution-role");
        std::fs::write(file, json!(accounts).to_string()).expect("written");
    }

    /// From now on, each event on a bus arrives twice at its targets.
    ///
    /// # Panics
    /// If the folder of the emulator cannot be written.
    pub fn deliver_events_twice(&self) {
        std::fs::write(self.folder.path().join("events-arrive-twice"), "").expect("written");
    }

    /// The current time of the emulator's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp::from_unix(Timestamp::now().unix() + self.shift.load(Ordering::Relaxed))
    }

    /// The configuration for clients with the account's root credentials. They do not use the proxy.
    pub async fn root(&self) -> SdkConfig {
        self.root_of(ACCOUNT).await
    }

    /// The configuration for clients with the root credentials of another account.
    pub async fn root_of(&self, account: &str) -> SdkConfig {
        config(self.port, root_credentials(account), &self.http).await
    }

    /// The configuration for clients with a user's key. They use the proxy, which records the use of the key.
    pub async fn with_key(&self, id: &str, secret: &str) -> SdkConfig {
        config(self.proxy.port, Credentials::new(id, secret, None, None, "test"), &self.http).await
    }

    /// Runs the AWS CLI, for calls that need no separate client. Returns the JSON that it prints.
    ///
    /// # Panics
    /// If the command fails. The message is that of the CLI.
    #[allow(clippy::must_use_candidate)] // A command is often run only for its effect.
    pub fn cli(&self, arguments: &[&str]) -> Json {
        self.try_cli(arguments).unwrap_or_else(|said| panic!("aws {}: {said}", arguments.join(" ")))
    }

    /// Runs the AWS CLI with a command that may fail.
    ///
    /// # Errors
    /// The CLI's error message.
    ///
    /// # Panics
    /// If the CLI cannot be started.
    pub fn try_cli(&self, arguments: &[&str]) -> Result<Json, String> {
        aws_cli::run(&self.environment(), arguments)
    }

    /// Runs the AWS CLI as root of another account.
    ///
    /// # Panics
    /// If the command fails. The message is that of the CLI.
    #[allow(clippy::must_use_candidate)] // A command is often run only for its effect.
    pub fn cli_in(&self, account: &str, arguments: &[&str]) -> Json {
        let said = self.try_cli_in(account, arguments);
        said.unwrap_or_else(|said| panic!("aws {} in {account}: {said}", arguments.join(" ")))
    }

    /// Runs the AWS CLI as root of another account, with a command that may fail.
    ///
    /// # Errors
    /// The CLI's error message.
    ///
    /// # Panics
    /// If the CLI cannot be started.
    pub fn try_cli_in(&self, account: &str, arguments: &[&str]) -> Result<Json, String> {
        let mut environment = self.environment();
        environment.push(("AWS_ACCESS_KEY_ID", account.to_owned()));
        aws_cli::run(&environment, arguments)
    }

    /// Runs the AWS CLI through the proxy with an access key, and with a command that may fail.
    ///
    /// # Errors
    /// The CLI's error message.
    ///
    /// # Panics
    /// If the CLI cannot be started.
    pub fn try_cli_as(&self, (id, secret): (&str, &str), arguments: &[&str]) -> Result<Json, String> {
        let mut environment = self.environment_of_synth();
        environment.extend([("AWS_ACCESS_KEY_ID", id.to_owned()), ("AWS_SECRET_ACCESS_KEY", secret.to_owned())]);
        aws_cli::run(&environment, arguments)
    }

    /// Runs the AWS CLI with a role that a service of AWS assumes in its account, and with a command that may fail.
    ///
    /// # Errors
    /// The CLI's error message.
    ///
    /// # Panics
    /// If the CLI cannot be started, or the role cannot be assumed.
    pub fn try_cli_with_role(&self, account: &str, role: &str, arguments: &[&str]) -> Result<Json, String> {
        // The emulator lets the root user do what its services do.
        let assume = ["sts", "assume-role", "--role-arn", role, "--role-session-name", "test"];
        let credentials = &self.cli_in(account, &assume)["Credentials"];
        let mut environment = self.environment();
        for (variable, field) in [
            ("AWS_ACCESS_KEY_ID", "AccessKeyId"),
            ("AWS_SECRET_ACCESS_KEY", "SecretAccessKey"),
            ("AWS_SESSION_TOKEN", "SessionToken"),
        ] {
            environment.push((variable, credentials[field].as_str().expect("a credential").to_owned()));
        }
        aws_cli::run(&environment, arguments)
    }

    /// The environment variables with which AWS's tools use this AWS as root.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        environment(self.port)
    }

    /// The environment variables with which `synth` uses this AWS as root. The proxy records its requests.
    #[must_use]
    pub fn environment_of_synth(&self) -> Vec<(&'static str, String)> {
        environment(self.proxy.port)
    }

    /// Everything that the emulator wrote to its own log.
    #[must_use]
    pub fn emulator_log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("emulator.log")).unwrap_or_default()
    }
}

impl Drop for LocalAws {
    fn drop(&mut self) {
        drop(self.commands.take());
        let _ = self.server.wait();
    }
}

/// The emulator takes the number of an account for the access key id of its root user.
pub(crate) fn root_credentials(account: &str) -> Credentials {
    Credentials::new(account, "test", None, None, "test")
}

pub(crate) async fn config(port: u16, credentials: Credentials, http: &SharedHttpClient) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .region(Region::new(REGION))
        .endpoint_url(format!("http://127.0.0.1:{port}"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http.clone())
        .load()
        .await
}

pub(crate) fn environment(port: u16) -> Vec<(&'static str, String)> {
    vec![
        ("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}")),
        ("AWS_ACCESS_KEY_ID", "test".into()),
        ("AWS_SECRET_ACCESS_KEY", "test".into()),
        ("AWS_DEFAULT_REGION", REGION.into()),
        ("AWS_REGION", REGION.into()),
        ("AWS_CONFIG_FILE", "/dev/null".into()),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null".into()),
        ("AWS_EC2_METADATA_DISABLED", "true".into()),
        ("AWS_PAGER", String::new()),
    ]
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a loopback port");
    listener.local_addr().expect("its address").port()
}
