//! An upgraded connection between the `101` and its two sockets.

use super::relay::Relay;
use crate::backend::Ticket;
use crate::client::ClientIo;
use crate::socket::Socket;
use bytes::Bytes;
use http::HeaderMap;
use http::header::UPGRADE;

/// What is spoken from here on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// WebSocket (RFC 6455).
    WebSocket,
    /// Something else, of which nothing is known.
    Other,
}

impl Protocol {
    /// What an instance has switched to, by the headers of its `101`.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        match headers.get(UPGRADE) {
            Some(protocol) if protocol.as_bytes().eq_ignore_ascii_case(b"websocket") => Self::WebSocket,
            _ => Self::Other,
        }
    }
}

/// An instance's end of an upgraded connection.
pub(crate) struct Tunnel {
    pub(crate) protocol: Protocol,
    pub(crate) io: Socket,
    /// What the instance sent right behind its `101`.
    pub(crate) ahead: Bytes,
    /// Counts it as in flight.
    pub(crate) ticket: Ticket,
}

impl Tunnel {
    /// Passes on what both say until both have closed, one has failed, or the instance retires. `ahead` is
    /// what the client sent right behind its request.
    pub(crate) fn run(self, client: ClientIo, ahead: Bytes) -> impl Future<Output = ()> {
        let Self { protocol, io, ahead: to_client, ticket } = self;
        // Whoever waits for what has begun waits for it as well.
        client.0.is_last();
        // The buffers of HTTP go here: what was read ahead is copied out of them.
        Relay::new(protocol, (client, &ahead), (io, &to_client)).run(ticket)
    }
}
