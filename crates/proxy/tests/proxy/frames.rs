//! HTTP/2 by hand, for what no well-behaved client sends (RFC 9113).

use crate::stage::soon;
use std::io;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const ACK: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// What came.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    /// The code in a `RST_STREAM` or a `GOAWAY`.
    pub(crate) fn code(&self) -> u32 {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }
}

/// A frame's bytes.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// Fields as literals that are not indexed, without Huffman's code (RFC 7541 section 6.2.2).
pub(crate) fn fields(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in fields {
        bytes.push(0);
        for text in [name, value] {
            length(&mut bytes, text.len());
            bytes.extend(text.as_bytes());
        }
    }
    bytes
}

fn length(into: &mut Vec<u8>, mut length: usize) {
    if length < 127 {
        return into.push(length as u8);
    }
    into.push(127);
    length -= 127;
    while length >= 128 {
        into.push(128 | (length % 128) as u8);
        length /= 128;
    }
    into.push(length as u8);
}

/// A `GET` for `path`.
pub(crate) fn get(path: &str) -> Vec<u8> {
    fields(&[(":method", "GET"), (":scheme", "http"), (":authority", "example.com"), (":path", path)])
}

/// A connection after the exchange of settings.
pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
}

impl Raw {
    pub(crate) async fn connect(to: SocketAddr) -> Self {
        let mut stream = TcpStream::connect(to).await.unwrap();
        stream.set_nodelay(true).unwrap();
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        stream.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
        Self { stream }
    }

    pub(crate) async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> io::Result<()> {
        self.stream.write_all(&frame(kind, flags, stream, payload)).await
    }

    /// A request without a body.
    pub(crate) async fn ask(&mut self, stream: u32, block: &[u8]) {
        self.send(HEADERS, END_HEADERS | END_STREAM, stream, block).await.unwrap();
    }

    /// The next frame; none at the end of the connection. Settings and pings are answered on the way.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Frame>> {
        loop {
            let mut head = [0; 9];
            match soon("a frame", self.stream.read_exact(&mut head)).await {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
                result => result?,
            };
            let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
            soon("a payload", self.stream.read_exact(&mut payload)).await?;
            let stream = u32::from_be_bytes(head[5..].try_into().unwrap());
            let frame = Frame { kind: head[3], flags: head[4], stream, payload };
            if frame.kind == WINDOW_UPDATE {
                continue;
            }
            if matches!(frame.kind, SETTINGS | PING) {
                if frame.flags & ACK == 0 {
                    let payload = if frame.kind == PING { &frame.payload[..] } else { &[] };
                    self.send(frame.kind, ACK, 0, payload).await?;
                }
                continue;
            }
            return Ok(Some(frame));
        }
    }

    /// Reads until a ping was answered. Whether one was, before the end.
    pub(crate) async fn pong(&mut self) -> bool {
        let mut head = [0; 9];
        while soon("a frame", self.stream.read_exact(&mut head)).await.is_ok() {
            let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
            if soon("a payload", self.stream.read_exact(&mut payload)).await.is_err() {
                return false;
            }
            if head[3] == PING && head[4] == ACK {
                return true;
            }
        }
        false
    }

    /// The next frame of this kind; none at the end.
    pub(crate) async fn wait_for(&mut self, kind: u8) -> io::Result<Option<Frame>> {
        loop {
            match self.next().await? {
                Some(frame) if frame.kind != kind => {}
                other => return Ok(other),
            }
        }
    }
}
