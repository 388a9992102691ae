//! A web server on the loopback interface that keeps what SNS sends to an `https` endpoint.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde_json::Value as Json;

use crate::LocalAws;

/// How long the server waits for a message. The emulator delivers each in a thread of its own.
const PATIENCE: Duration = Duration::from_secs(30);

/// A web server, and the messages of SNS that it got.
#[derive(Debug, Clone)]
pub struct WebServer {
    messages: Arc<Mutex<Vec<Json>>>,
}

impl WebServer {
    /// Starts a server, to which the local AWS delivers what is for any `https` endpoint.
    ///
    /// # Panics
    /// If there is no free port.
    #[must_use]
    pub fn start(aws: &LocalAws) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a loopback port");
        let address = format!("http://{}", listener.local_addr().expect("its address"));
        let server = Self { messages: Arc::default() };
        let messages = Arc::clone(&server.messages);
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                if let Some(message) = receive(connection) {
                    messages.lock().unwrap_or_else(PoisonError::into_inner).push(message);
                }
            }
        });
        std::fs::write(aws.folder.path().join("web-server"), address).expect("written");
        server
    }

    /// Waits for this many messages of this type, and removes them.
    ///
    /// # Panics
    /// If they do not arrive.
    #[must_use]
    pub fn take(&self, number: usize, kind: &str) -> Vec<Json> {
        let began = Instant::now();
        loop {
            {
                let mut messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
                if messages.iter().filter(|message| message["Type"] == kind).count() >= number {
                    let (taken, left) = messages.drain(..).partition(|message| message["Type"] == kind);
                    *messages = left;
                    return taken;
                }
            }
            assert!(began.elapsed() < PATIENCE, "{number} messages {kind}: {:?}", self.messages);
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Reads one request and accepts it. Its body is a message of SNS.
fn receive(connection: TcpStream) -> Option<Json> {
    let mut reader = BufReader::new(connection);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if let Some((_, value)) = line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").ok()?;
    serde_json::from_slice(&body).ok()
}
