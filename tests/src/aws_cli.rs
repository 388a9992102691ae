//! The AWS CLI as a server. It is imported only once, and each command runs in a forked process.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::Shutdown,
    os::unix::net::UnixStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::{root, tool};

/// The server that all tests of a program share.
static SERVER: OnceLock<Server> = OnceLock::new();

struct Server {
    /// The server process. When this program ends, its standard input closes, and the server ends too.
    _process: Child,
    folder: TempDir,
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut process = Command::new(tool("python"))
            .arg(root().join("tests/local-aws/cli.py"))
            .arg(socket(&folder))
            // The CLI must not read the developer's own configuration.
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python starts");
        let mut ready = String::new();
        let out = process.stdout.as_mut().expect("stdout is piped");
        BufReader::new(out).read_line(&mut ready).expect("the AWS CLI answers");
        assert_eq!(ready.trim(), "ok", "the AWS CLI does not start; is .venv complete? rm -rf .venv && make setup");
        Self { _process: process, folder }
    }
}

fn socket(folder: &TempDir) -> PathBuf {
    folder.path().join("socket")
}

/// Runs a command in this environment and returns the JSON that it prints.
///
/// # Errors
/// The CLI's error message if the command fails.
pub(crate) fn run(environment: &[(&str, String)], arguments: &[&str]) -> Result<Json, String> {
    let server = SERVER.get_or_init(Server::start);
    let environment: serde_json::Map<_, _> =
        environment.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into())).collect();
    let arguments = [&["--output", "json"], arguments].concat();
    let request = json!({ "environment": environment, "arguments": arguments }).to_string();
    let mut stream = UnixStream::connect(socket(&server.folder)).expect("the AWS CLI listens");
    stream.write_all(request.as_bytes()).and_then(|()| stream.shutdown(Shutdown::Write)).expect("the AWS CLI reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the AWS CLI answers");
    let answer: Json = serde_json::from_str(&answer).unwrap_or_else(|e| panic!("aws {arguments:?}: {e}: {answer}"));
    let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
    if answer["code"] == 0 {
        Ok(serde_json::from_str(&text("out")).unwrap_or_default())
    } else {
        Err(format!("{}{}", text("err"), text("out")))
    }
}
