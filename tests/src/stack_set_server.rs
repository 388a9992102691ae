//! Starts and stops the emulator of StackSets, which the other emulator lacks.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::Arc,
};

use aws_config::SdkConfig;
use serde_json::Value as Json;

use crate::{
    Proxy, aws_cli,
    local_aws::{config, environment, root_credentials},
    root, tool,
};

/// An emulator with an organization, and the proxy in front of it, which records the requests.
#[derive(Debug)]
pub struct StackSetServer {
    /// The proxy between `synth` and the emulator.
    pub proxy: Proxy,
    port: u16,
    server: Child,
}

impl StackSetServer {
    /// Starts the emulator on a free port of the loopback address, and waits until it answers.
    ///
    /// # Panics
    /// If the emulator cannot be started.
    pub async fn start() -> Self {
        let mut server = Command::new(tool("python"))
            .arg(root().join("tests/local-aws/moto_server.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("python starts");
        let mut line = String::new();
        BufReader::new(server.stdout.take().expect("stdout is piped")).read_line(&mut line).expect("moto answers");
        let port = line.trim().parse().expect("moto does not start: rm -rf .venv && make setup");
        let proxy = Proxy::start(port, Arc::default()).await;
        Self { proxy, port, server }
    }

    /// The configuration for clients with the account's root credentials. They use the proxy.
    pub async fn through_proxy(&self) -> SdkConfig {
        config(self.proxy.port, root_credentials("test"), &lambda::aws::http_client()).await
    }

    /// Runs the AWS CLI, without the proxy. Returns the JSON that it prints.
    ///
    /// # Panics
    /// If the command fails. The message is that of the CLI.
    #[allow(clippy::must_use_candidate)] // A command is often run only for its effect.
    pub fn cli(&self, arguments: &[&str]) -> Json {
        let printed = aws_cli::run(&environment(self.port), arguments);
        printed.unwrap_or_else(|said| panic!("aws {}: {said}", arguments.join(" ")))
    }
}

impl Drop for StackSetServer {
    fn drop(&mut self) {
        drop(self.server.stdin.take());
        let _ = self.server.wait();
    }
}
