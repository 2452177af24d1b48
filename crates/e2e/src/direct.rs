//! Speaking to one instance at its own address, past the proxy.

use gapless_api::status::InstanceStatus;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Sends a request without a body to the instance itself, as `POST /unready?ms=500`, and returns the body of
/// the answer.
///
/// # Panics
/// It has no address, or does not answer with 200.
#[track_caller]
#[expect(clippy::unwrap_used, reason = "a test cannot go on without")]
pub fn ask(instance: &InstanceStatus, request: &str) -> String {
    let address = instance.address.as_deref().unwrap();
    let asked = format!("{request} HTTP/1.1\r\nHost: instance\r\nConnection: close\r\n\r\n");
    let answer = match address.strip_prefix("unix:") {
        Some(path) => {
            let stream = UnixStream::connect(path).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            exchange(stream, &asked)
        }
        None => {
            let stream = TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            exchange(stream, &asked)
        }
    };
    let answer = answer.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    assert!(head.starts_with("HTTP/1.1 200"), "{} said to {request}: {answer}", instance.id);
    body.to_owned()
}

/// Sends the same to one that may not live to answer.
///
/// # Panics
/// It has no Unix socket, or cannot be reached.
#[track_caller]
#[expect(clippy::unwrap_used, reason = "a test cannot go on without")]
pub fn tell(instance: &InstanceStatus, request: &str) {
    let address = instance.address.as_deref().and_then(|address| address.strip_prefix("unix:")).unwrap();
    let mut stream = UnixStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // Whether it answers or ends is what is to be seen.
    drop(exchange(
        &mut stream,
        &format!("{request} HTTP/1.1\r\nHost: instance\r\nConnection: close\r\n\r\n"),
    ));
}

fn exchange(mut stream: impl Read + Write, asked: &str) -> io::Result<String> {
    stream.write_all(asked.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
