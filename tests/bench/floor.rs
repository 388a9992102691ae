//! The smallest possible bootstrap, with only the standard library. It asks the Runtime API for an event, answers `{}`
//! and asks again.

use std::{
    env,
    io::{Read, Result, Write},
    net::TcpStream,
};

fn main() -> Result<()> {
    let host = env::var("AWS_LAMBDA_RUNTIME_API").expect("AWS_LAMBDA_RUNTIME_API says where the Runtime API is");
    let mut api = TcpStream::connect(&host)?;
    loop {
        let event =
            ask(&mut api, &format!("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: {host}\r\n\r\n"))?;
        let id =
            event.lines().find_map(|line| line.strip_prefix("lambda-runtime-aws-request-id: ")).unwrap_or_default();
        let path = format!("/2018-06-01/runtime/invocation/{id}/response");
        ask(&mut api, &format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 2\r\n\r\n{{}}"))?;
    }
}

/// The Runtime API of the benchmark answers in one piece.
fn ask(api: &mut TcpStream, request: &str) -> Result<String> {
    api.write_all(request.as_bytes())?;
    let mut answer = [0; 4096];
    let length = api.read(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
}
