//! Key pairs for one test or one demo, and how their owners decrypt a mail.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use age::secrecy::ExposeSecret;
use lambda::delivery::public_key::{PublicKeyKind, Recipient};
use serde_json::{Value as Json, json};

use crate::{root, tool};

/// A key pair of age that is used only in tests and in the demo.
#[derive(Debug, Clone)]
pub struct KeyPair {
    /// The public key, for a configuration.
    pub public: Recipient,
    /// The private key, which the owner keeps in a file.
    private: String,
}

impl KeyPair {
    /// A new key pair of age's own kind.
    ///
    /// # Panics
    /// If the handler does not accept age's public key.
    #[must_use]
    pub fn new() -> Self {
        let identity = age::x25519::Identity::generate();
        let public = identity.to_public().to_string();
        Self {
            public: public.parse().unwrap_or_else(|e| panic!("{e}")),
            private: identity.to_string().expose_secret().to_owned(),
        }
    }

    /// Decrypts a block as `age --decrypt` does. `None` if the key does not fit.
    ///
    /// # Panics
    /// If the private key cannot be read.
    #[must_use]
    pub fn open(&self, block: &str) -> Option<String> {
        let opened = match self.public.kind() {
            PublicKeyKind::X25519 => {
                let identity: age::x25519::Identity = self.private.parse().expect("a private key");
                age::decrypt(&identity, block.as_bytes())
            }
            PublicKeyKind::SshEd25519 | PublicKeyKind::SshRsa => {
                let identity = age::ssh::Identity::from_buffer(self.private.as_bytes(), None).expect("a private key");
                age::decrypt(&identity, block.as_bytes())
            }
        };
        match opened {
            Ok(text) => Some(String::from_utf8(text).expect("text")),
            Err(age::DecryptError::NoMatchingKeys) => None,
            Err(e) => panic!("{e}: {block}"),
        }
    }
}

impl Default for KeyPair {
    fn default() -> Self {
        Self::new()
    }
}

/// Another implementation of age, in Python, which shares no code with the handler's.
#[derive(Debug)]
pub struct OtherAge {
    process: Child,
    tasks: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

#[allow(clippy::missing_panics_doc, clippy::must_use_candidate)] // Each ends the test if Python does.
impl OtherAge {
    /// Starts the Python process.
    pub fn start() -> Self {
        let mut process = Command::new(tool("python"))
            .arg(root().join("tests/age/keys.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python starts");
        let answers = BufReader::new(process.stdout.take().expect("stdout is piped"));
        Self { tasks: process.stdin.take(), answers, process }
    }

    /// A new key pair: `x25519`, `ssh-ed25519`, or `ssh-rsa-` and a number of bits.
    pub fn make(&mut self, kind: &str) -> KeyPair {
        let pair = self.ask(&json!({ "make": kind }));
        let text = |field: &str| pair[field].as_str().unwrap_or_else(|| panic!("{pair}"));
        let public = text("public").parse().unwrap_or_else(|e| panic!("{e}"));
        KeyPair { public, private: text("private").to_owned() }
    }

    /// The text in a block. `None` if the key does not fit. It does not support ssh-ed25519.
    pub fn open(&mut self, block: &str, with: &KeyPair) -> Option<String> {
        let answer = self.ask(&json!({ "open": block, "with": with.private }));
        answer["text"].as_str().map(str::to_owned)
    }

    fn ask(&mut self, task: &Json) -> Json {
        let tasks = self.tasks.as_mut().expect("open until the drop");
        writeln!(tasks, "{task}").and_then(|()| tasks.flush()).expect("python listens");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("python answers");
        serde_json::from_str(&answer).unwrap_or_else(|e| panic!("{e}: {answer:?}; what Python said is above"))
    }
}

impl Drop for OtherAge {
    fn drop(&mut self) {
        drop(self.tasks.take());
        let _ = self.process.wait();
    }
}
