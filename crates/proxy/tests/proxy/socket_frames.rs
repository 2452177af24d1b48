//! WebSocket frames as bytes (RFC 6455 section 5.2), and both ends of a WebSocket through the proxy.

use crate::instance::{Instance, read_head};
use crate::stage::{Stage, soon};
use std::fmt;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::mpsc;

pub(crate) const TEXT: u8 = 0x81;
pub(crate) const PING: u8 = 0x89;
pub(crate) const CLOSE: u8 = 0x88;

/// A frame.
#[derive(PartialEq, Eq, Clone)]
pub(crate) struct Frame {
    /// FIN, RSV and opcode.
    pub(crate) first: u8,
    pub(crate) masked: bool,
    pub(crate) payload: Vec<u8>,
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, masked, payload } = self;
        let begin = String::from_utf8_lossy(&payload[..payload.len().min(40)]);
        write!(f, "{first:#x} masked {masked}, {} bytes {begin:?}", payload.len())
    }
}

/// As a server sends it.
pub(crate) fn frame(first: u8, payload: impl Into<Vec<u8>>) -> Frame {
    Frame { first, masked: false, payload: payload.into() }
}

/// As a client sends it.
pub(crate) fn masked(first: u8, payload: impl Into<Vec<u8>>) -> Frame {
    Frame { masked: true, ..frame(first, payload) }
}

/// What the proxy says to clients of an instance that retires.
pub(crate) fn restart() -> Frame {
    frame(CLOSE, [&1012_u16.to_be_bytes()[..], b"the service restarts, reconnect"].concat())
}

impl Frame {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mask = if self.masked { 0x80 } else { 0 };
        let length = self.payload.len();
        let mut bytes = vec![self.first];
        match length {
            0..=125 => bytes.push(mask | length as u8),
            126..=0xffff => {
                bytes.push(mask | 126);
                bytes.extend((length as u16).to_be_bytes());
            }
            _ => {
                bytes.push(mask | 127);
                bytes.extend((length as u64).to_be_bytes());
            }
        }
        let key: [u8; 4] = if self.masked { [7, 0, 250, 33] } else { [0; 4] };
        if self.masked {
            bytes.extend(key);
        }
        bytes.extend(self.payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
        bytes
    }

    /// Reads one; none at the end.
    pub(crate) async fn read(from: &mut (impl AsyncRead + Unpin)) -> Option<Self> {
        let first = soon("a frame", from.read_u8()).await.ok()?;
        let rest = async {
            let second = from.read_u8().await?;
            let length = match second & 0x7f {
                126 => u64::from(from.read_u16().await?),
                127 => from.read_u64().await?,
                small => u64::from(small),
            };
            let mut key = [0; 4];
            let masked = second & 0x80 != 0;
            if masked {
                from.read_exact(&mut key).await?;
            }
            let mut payload = vec![0; usize::try_from(length).unwrap()];
            from.read_exact(&mut payload).await?;
            payload.iter_mut().zip(key.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
            std::io::Result::Ok(Self { first, masked, payload })
        };
        Some(soon("the rest of a frame", rest).await.expect("a whole frame"))
    }
}

/// An instance that accepts WebSockets and hands them to the test.
pub(crate) struct Server {
    pub(crate) instance: Instance,
    accepted: mpsc::UnboundedReceiver<UnixStream>,
}

impl Server {
    pub(crate) fn new(number: u32) -> Self {
        Self::speaking(number, "WebSocket")
    }

    /// One that upgrades to something else.
    pub(crate) fn speaking(number: u32, protocol: &'static str) -> Self {
        let (accept, accepted) = mpsc::unbounded_channel();
        let instance = Instance::scripted(number, move |_, mut stream, _| {
            let accept = accept.clone();
            async move {
                read_head(&mut stream).await?;
                let head = format!(
                    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\n\r\n"
                );
                stream.write_all(head.as_bytes()).await?;
                accept.send(stream).unwrap();
                Ok(())
            }
        });
        Self { instance, accepted }
    }

    /// A WebSocket through the proxy: the client's end and the instance's.
    pub(crate) async fn open(&mut self, stage: &Stage) -> (TcpStream, UnixStream) {
        let client = connect(stage).await;
        (client, soon("the instance's end", self.accepted.recv()).await.unwrap())
    }
}

/// A client's end, after the handshake.
pub(crate) async fn connect(stage: &Stage) -> TcpStream {
    let mut client = TcpStream::connect(stage.address).await.unwrap();
    let ask = "GET /socket HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
               Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    client.write_all(ask.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(soon("the head", client.read_u8()).await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
    client
}
