//! Records what went through the proxies, for `tests/conformance/`, which compares it with AWS's service models.
//!
//! The folder is in `AWS_RECORDINGS`; without it, nothing is recorded. Each process writes a file of its own, and each
//! line is one request with its response.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::Write,
    path::Path,
    sync::{Mutex, OnceLock, PoisonError},
};

use hyper::{HeaderMap, http::request::Parts};
use serde::Serialize;

/// The file of this process.
static FILE: OnceLock<Option<Mutex<File>>> = OnceLock::new();

/// A request as it was received, and the response that its client got.
#[derive(Debug, Serialize)]
pub(crate) struct Exchange {
    service: String,
    method: String,
    /// The path with the query.
    target: String,
    headers: BTreeMap<String, String>,
    /// Empty if it is not a text, as that of a package.
    body: String,
    /// Missing if the connection broke before it.
    answer: Option<RecordedResponse>,
}

/// A response.
#[derive(Debug, Serialize)]
struct RecordedResponse {
    author: Author,
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
}

/// What wrote a response.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Author {
    /// The emulator, with the patches in `tests/local-aws/`.
    Emulator,
    /// The proxy, or a test that injected a fault.
    Proxy,
}

impl Exchange {
    /// A request without a response. It is written when its response is known.
    pub(crate) fn new(service: &str, head: &Parts, body: &[u8]) -> Self {
        Self {
            service: service.to_owned(),
            method: head.method.to_string(),
            target: head.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
            headers: texts(&head.headers),
            body: text(body),
            answer: None,
        }
    }

    /// Adds the response.
    pub(crate) fn answered(self, author: Author, status: u16, headers: &HeaderMap, body: &[u8]) -> Self {
        let answer = RecordedResponse { author, status, headers: texts(headers), body: text(body) };
        Self { answer: Some(answer), ..self }
    }

    /// Writes the exchange. Asterisks replace each of the secrets, so that all lengths stay the same.
    ///
    /// # Panics
    /// If the folder cannot be written.
    pub(crate) fn write(mut self, secrets: &[String]) {
        let Some(file) = FILE.get_or_init(open) else { return };
        self.body = masked(self.body, secrets);
        if let Some(answer) = &mut self.answer {
            answer.body = masked(std::mem::take(&mut answer.body), secrets);
        }
        let line = serde_json::to_string(&self).expect("texts and numbers") + "\n";
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(line.as_bytes()).expect("the folder in AWS_RECORDINGS can be written");
    }
}

fn open() -> Option<Mutex<File>> {
    let path = Path::new(&std::env::var_os("AWS_RECORDINGS")?).join(format!("{}.jsonl", std::process::id()));
    let file = OpenOptions::new().create(true).append(true).open(&path);
    Some(Mutex::new(file.unwrap_or_else(|e| panic!("{}: {e}", path.display()))))
}

/// The headers without the signature and the session's token.
fn texts(headers: &HeaderMap) -> BTreeMap<String, String> {
    let told = headers.iter().filter(|(name, _)| !["authorization", "x-amz-security-token"].contains(&name.as_str()));
    told.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())).collect()
}

fn text(body: &[u8]) -> String {
    std::str::from_utf8(body).unwrap_or_default().to_owned()
}

fn masked(mut text: String, secrets: &[String]) -> String {
    for secret in secrets {
        let in_form = form_urlencoded::byte_serialize(secret.as_bytes()).collect::<String>();
        for written in [secret, &in_form] {
            if text.contains(written) {
                text = text.replace(written, &"*".repeat(secret.len()));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_masked_also_in_a_form() {
        let secrets = ["abc/d+e".to_owned()];
        let text = "Message=a+abc%2Fd%2Be&x=abc/d+e".to_owned();
        assert_eq!(masked(text, &secrets), "Message=a+*******&x=*******");
    }
}
