//! One connection to an instance, driven by whoever has a request on it.
//!
//! The connection is no task of its own: the request that uses it polls it, so an answer passes from one
//! socket to the other without waking anybody in between. While it is idle nobody polls it; that it was
//! closed meanwhile is seen when it is taken from the pool.
//!
//! HTTP is written and read here by ourselves, not by hyper: a proxy has the request's head ready to be
//! written and wants the answer's in the same map, needs to know how much was written when a connection
//! breaks, and to keep the request in case it has to be sent again. That costs a third of what hyper's
//! client does, which copies the head for each try and passes all through three channels.

use crate::incoming::{self, Body, Head, Nonsense, Piece, Places};
use crate::outgoing::Outgoing;
use crate::request_body::RequestBody;
use crate::socket::Socket;
use bytes::{Bytes, BytesMut};
use gapless_model::Address;
use http::HeaderName;
use http::request::Parts;
use http_body::Frame;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};
use tokio::time::{sleep, timeout};

/// Room made for a read at first; it grows when reads fill it.
const READ: usize = 8 * 1024;

/// How long an instance may take to say that it wants a body whose client waits for that. Some never do (RFC
/// 9110 section 10.1.1).
const GO_ON: Duration = Duration::from_secs(1);

/// A connection.
pub(crate) struct Upstream {
    socket: Socket,
    outgoing: Outgoing,
    /// Read, and not yet taken.
    unread: BytesMut,
    places: Places,
    room: usize,
    room_max: usize,
    body: Body,
    keep_alive: bool,
}

/// How far a request got that has no answer.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub(crate) enum Reached {
    /// Not one byte of it was written.
    Nowhere,
    /// Some or all of it was written, and the connection ended without an answer.
    Sent,
    /// The instance has said that it did not look at it, as it closes the connection.
    Unseen,
    /// The instance has said that it did not look at it, as it does not want it.
    Refused,
    /// What came back is no HTTP.
    Nonsense,
}

/// A request without an answer.
#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) reached: Reached,
    pub(crate) cause: String,
}

/// An answer that broke off.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Cut {
    #[error("the instance broke off in the middle of its answer")]
    Ended,
    #[error("the instance broke off in the middle of its answer: {0}")]
    Failed(#[from] io::Error),
    #[error("the instance's answer is no HTTP: {0}")]
    Nonsense(#[from] Nonsense),
    #[error("the client did not send the rest of its request in time")]
    SlowClient,
}

impl Upstream {
    /// Connects within `limit`.
    ///
    /// # Errors
    /// Those of `connect(2)`; `TimedOut` when the instance does not take connections off its queue.
    pub(crate) async fn connect(address: Address, limit: Duration) -> io::Result<Box<Self>> {
        let socket = timeout(limit, Socket::connect(&address)).await??;
        Ok(Box::new(Self {
            socket,
            outgoing: Outgoing::default(),
            unread: BytesMut::new(),
            places: Places::default(),
            room: READ,
            room_max: READ,
            body: Body::Done,
            keep_alive: true,
        }))
    }

    /// Sends a request and waits for the head of its answer, whose fields then take the place of the
    /// request's. `watch` is polled along with it; when it is ready the request is given up.
    pub(crate) async fn exchange(
        &mut self,
        head: &mut Parts,
        body: Option<RequestBody>,
        without: Option<&HeaderName>,
        mut watch: impl FnMut(&mut Context<'_>) -> Poll<()>,
    ) -> Option<Result<Head, Broken>> {
        self.outgoing.begin(head, body, without);
        let mut patience = self.outgoing.waits().then(|| Box::pin(sleep(GO_ON)));
        let result = poll_fn(|cx| {
            if patience.as_mut().is_some_and(|patience| patience.as_mut().poll(cx).is_ready()) {
                patience = None;
                self.outgoing.go_on();
            }
            self.poll_send(cx).is_ready();
            if self.outgoing.is_cut() || (self.outgoing.is_deaf() && !self.outgoing.has_begun()) {
                return Poll::Ready(Some(Err(self.broken("the request could not be written"))));
            }
            match self.poll_head(head, cx) {
                Poll::Ready(result) => Poll::Ready(Some(result)),
                Poll::Pending => watch(cx).map(|()| None),
            }
        })
        .await?;
        if let Ok(head) = &result {
            self.body = head.body;
            self.keep_alive = head.keep_alive;
            if self.outgoing.waits() {
                self.outgoing.stay();
            }
        }
        Some(result)
    }

    fn broken(&self, cause: impl ToString) -> Broken {
        let reached = if self.outgoing.has_begun() { Reached::Sent } else { Reached::Nowhere };
        Broken { reached, cause: cause.to_string() }
    }

    fn poll_head(&mut self, request: &mut Parts, cx: &mut Context<'_>) -> Poll<Result<Head, Broken>> {
        loop {
            let mut go_on = false;
            let Parts { method, headers, .. } = &mut *request;
            match incoming::head(&mut self.unread, method, headers, &mut self.places, &mut go_on) {
                Ok(Some(head)) => return Poll::Ready(Ok(head)),
                Ok(None) if go_on && self.outgoing.waits() => {
                    self.outgoing.go_on();
                    self.poll_send(cx).is_ready();
                }
                Ok(None) => {}
                Err(error) => {
                    return Poll::Ready(Err(Broken { reached: Reached::Nonsense, cause: error.to_string() }));
                }
            }
            match ready!(self.poll_read(cx)) {
                Ok(0) => return Poll::Ready(Err(self.broken("the connection was closed"))),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Err(self.broken(error))),
            }
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.unread.capacity() - self.unread.len() < self.room {
            self.unread.reserve(self.room);
        }
        let read = ready!(pin!(self.socket.read_buf(&mut self.unread)).poll(cx))?;
        if read >= self.room {
            self.room = (self.room * 2).min(self.room_max);
        } else if read < self.room / 4 {
            self.room = (self.room / 2).max(READ);
        }
        Poll::Ready(Ok(read))
    }

    /// Writes on, if there is anything to write. Ready when no more will be written.
    pub(crate) fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.outgoing.poll(&mut self.socket, cx)
    }

    /// From here on reads so many bytes at once at most.
    pub(crate) fn read_at_once(&mut self, max: usize) {
        self.room_max = max;
        self.room = self.room.min(max);
    }

    /// How the answer's body is read from here on.
    pub(crate) const fn body(&self) -> Body {
        self.body
    }

    /// The next part of the answer's body; writes on meanwhile.
    pub(crate) fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        self.poll_send(cx).is_ready();
        loop {
            match self.body.next(&mut self.unread) {
                Ok(Piece::Data(data)) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                Ok(Piece::Trailers(trailers)) => return Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
                Ok(Piece::End) => return Poll::Ready(None),
                Ok(Piece::More) => {}
                Err(error) => return Poll::Ready(Some(Err(error.into()))),
            }
            match ready!(self.poll_read(cx)) {
                Ok(0) if self.body == Body::UntilEnd => self.body = Body::Done,
                Ok(0) => return Poll::Ready(Some(Err(Cut::Ended))),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Some(Err(error.into()))),
            }
        }
    }

    /// Whether the instance has answered before it was told the body, which nobody was asked for.
    pub(crate) fn has_stayed(&self) -> bool {
        self.outgoing.waits()
    }

    /// Whether request and answer are through, and the instance keeps the connection.
    pub(crate) fn is_reusable(&self) -> bool {
        self.keep_alive && self.body.is_done() && self.outgoing.is_done() && self.unread.is_empty()
    }

    /// Whether it is open and silent, as an idle connection should be; as far as has been noticed.
    pub(crate) fn is_idle(&mut self, cx: &mut Context<'_>) -> bool {
        // Anything that can be read, be it the end, is the end.
        Pin::new(&mut self.socket).poll_read(cx, &mut ReadBuf::new(&mut [0; 1])).is_pending()
    }

    /// Whether the other side has closed without our having noticed yet; costs a system call.
    pub(crate) fn has_ended_quietly(&self) -> bool {
        self.socket.peek_says_ended()
    }

    /// The bare connection after a `101`, with what was read beyond the head.
    pub(crate) fn into_tunnel(self) -> (Socket, Bytes) {
        (self.socket, self.unread.freeze())
    }
}
