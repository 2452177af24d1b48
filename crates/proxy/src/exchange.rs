//! A request's end of its client.

use crate::client::Client;
use crate::http2::Session;
use crate::stream::Left;
use crate::websocket::Tunnel;
use http::header::CONNECTION;
use http::{HeaderMap, HeaderValue};
use std::ops::Deref;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

/// Bytes read of an answer at once …
const READ: usize = 128 * 1024;

/// … and if it shares its client's connection with a hundred others, each of which may wait with as much.
const READ_SHARED: usize = 32 * 1024;

/// Where a request comes from and its answer goes to.
#[derive(Clone)]
pub(crate) enum Exchange {
    /// The whole connection, which has one request at a time.
    Http1(Rc<Client>),
    /// A stream among others. Where it ends early, for whatever reason, what works on it is dropped.
    Http2(Rc<Session>),
}

impl Deref for Exchange {
    type Target = Client;

    fn deref(&self) -> &Client {
        match self {
            Self::Http1(client) => client,
            Self::Http2(session) => &session.client,
        }
    }
}

impl Exchange {
    /// The request's head was read; the answer is to come.
    pub(crate) fn begin(&self) {
        match self {
            Self::Http1(client) => client.begin(),
            Self::Http2(session) => session.begin(),
        }
    }

    /// The request is done. `taken_back`: by the client, after this time.
    pub(crate) fn end(&self, taken_back: Option<Duration>) {
        match self {
            Self::Http1(client) => client.end(),
            Self::Http2(session) => session.end(taken_back),
        }
    }

    /// Its listener is closed: the client is told in its answer's fields that it is the last on its connection.
    /// One of HTTP/2 is told otherwise.
    pub(crate) fn is_last(&self, fields: &mut HeaderMap) {
        if let Self::Http1(client) = self {
            client.is_last();
            fields.insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }

    /// Resolves when the client has gone, as [`Client::poll_left`] does.
    pub(crate) fn poll_left(&self, cx: &mut Context<'_>) -> Poll<Left> {
        match self {
            Self::Http1(client) => client.poll_left(cx),
            // Nobody will ask any more.
            Self::Http2(_) => Poll::Pending,
        }
    }

    /// What was sent of the answer must not be taken for complete.
    pub(crate) fn cut(&self) {
        match self {
            Self::Http1(client) => client.reset(),
            // Whoever sends it resets the stream when the body fails, and no other.
            Self::Http2(_) => {}
        }
    }

    /// Whether what a client goes on sending after its answer has to be read.
    pub(crate) const fn must_be_drained(&self) -> bool {
        // A stream is reset by itself, with a reason that says that nothing is wrong (RFC 9113 section 8.1).
        matches!(self, Self::Http1(_))
    }

    /// The connection, if others share it.
    pub(crate) const fn session(&self) -> Option<&Rc<Session>> {
        match self {
            Self::Http1(_) => None,
            Self::Http2(session) => Some(session),
        }
    }

    /// Bytes that may be read at once of the answer.
    pub(crate) const fn read_at_once(&self) -> usize {
        match self {
            Self::Http1(_) => READ,
            Self::Http2(_) => READ_SHARED,
        }
    }

    /// Whether it is HTTP/2.
    pub(crate) const fn is_http2(&self) -> bool {
        matches!(self, Self::Http2(_))
    }

    /// Leaves an instance's end of an upgraded connection for when the `101` is sent. There is none in HTTP/2.
    pub(crate) fn upgrade(&self, tunnel: Tunnel) {
        if let Self::Http1(client) = self {
            client.upgrade(tunnel);
        }
    }
}
