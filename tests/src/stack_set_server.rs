//! Starts and stops the emulator of StackSets, which the other emulator lacks.

use std::{
    net::TcpStream,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use aws_config::SdkConfig;
use serde_json::Value as Json;

use crate::{
    Proxy, aws_cli,
    local_aws::{config, environment, free_port, root_credentials},
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
        let port = free_port();
        let proxy = Proxy::start(port, Arc::default()).await;
        let mut server = Command::new(tool("python"))
            .arg(root().join("tests/local-aws/moto_server.py"))
            .arg(port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("python starts");
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = server.try_wait().is_ok_and(|ended| ended.is_some());
            assert!(
                !ended && began.elapsed() < Duration::from_mins(1),
                "moto does not answer: rm -rf .venv && make setup"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
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
