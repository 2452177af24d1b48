//! One connection of a client: its socket, who it is, and whether it is still there.

use crate::listener::Listener;
use crate::stream::{Left, Stream};
use crate::strict::Fault;
use crate::websocket::Tunnel;
use http::HeaderValue;
use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A client that has closed its side is asked from time to time whether it is there at all.
const ALIVE: Duration = Duration::from_secs(15);

/// A client's connection, shared by what reads and writes it and by the request that it carries.
pub(crate) struct Client {
    stream: RefCell<Stream>,
    pub(crate) listener: Rc<Listener>,
    /// Its address and port.
    pub(crate) peer: SocketAddr,
    /// The same as a header's value; IPv6 in brackets.
    pub(crate) address: HeaderValue,
    /// Its address alone.
    pub(crate) ip: HeaderValue,
    /// What it says about whom it speaks for is believed.
    pub(crate) is_near: bool,
    /// It came by TLS.
    pub(crate) is_secure: bool,
    moved: Cell<bool>,
    /// What was to be written last waits for it to read.
    stuck: Cell<bool>,
    busy: Cell<bool>,
    in_head: Cell<bool>,
    closed: Cell<bool>,
    fault: Cell<Option<Fault>>,
    early: Cell<bool>,
    /// Nothing was read behind its last whole request.
    between: Cell<bool>,
    tunnel: RefCell<Option<Tunnel>>,
    /// Connections of this worker that are in the middle of something.
    active: Rc<Cell<u32>>,
    /// The answer in progress is the last one here.
    last: Cell<bool>,
}

impl Client {
    /// A client that was just accepted. `is_near`: what it says about whom it speaks for is believed.
    pub(crate) fn new(
        stream: Stream,
        peer: SocketAddr,
        is_near: bool,
        listener: Rc<Listener>,
        active: Rc<Cell<u32>>,
    ) -> Self {
        let ip = peer.ip().to_canonical();
        let peer = SocketAddr::new(ip, peer.port());
        let value = |text: String| {
            HeaderValue::from_maybe_shared(bytes::Bytes::from(text)).expect("addresses are plain ASCII")
        };
        Self {
            is_secure: stream.is_secure(),
            stream: RefCell::new(stream),
            listener,
            peer,
            address: value(peer.to_string()),
            ip: value(ip.to_string()),
            is_near,
            moved: Cell::new(false),
            stuck: Cell::new(false),
            busy: Cell::new(false),
            in_head: Cell::new(false),
            closed: Cell::new(false),
            fault: Cell::new(None),
            early: Cell::new(false),
            between: Cell::new(true),
            tunnel: RefCell::default(),
            active,
            last: Cell::new(false),
        }
    }

    /// Its request was read; the answer is to come.
    pub(crate) fn begin(&self) {
        self.in_head.set(false);
        if !self.busy.replace(true) {
            self.active.set(self.active.get() + 1);
        }
    }

    /// Its request is done.
    pub(crate) fn end(&self) {
        // After the last one it stays busy until all is written and the connection is closed.
        if !self.last.get() && self.busy.replace(false) {
            self.active.set(self.active.get() - 1);
        }
    }

    /// The answer to the request in progress is the last one on this connection.
    pub(crate) fn is_last(&self) {
        self.last.set(true);
        self.begin();
    }

    /// Whether a request is being worked on.
    pub(crate) fn is_busy(&self) -> bool {
        self.busy.get()
    }

    /// Whether the head of a request has begun to arrive.
    pub(crate) fn is_in_head(&self) -> bool {
        self.in_head.get()
    }

    /// Nothing more is read from it, for this reason. Between two requests that is the answer to the next one.
    pub(crate) fn refuse(&self, fault: Fault) {
        self.fault.set(Some(fault));
        self.in_head.set(!self.busy.get());
    }

    /// Why nothing more is read from it.
    pub(crate) fn fault(&self) -> Option<Fault> {
        self.fault.get()
    }

    /// It has sent something behind a request for another protocol, without waiting for the answer.
    pub(crate) fn comes_early(&self) {
        self.early.set(true);
    }

    /// Whether nobody knows what the bytes behind its request are, unless it gets the protocol it asked for.
    pub(crate) fn is_early(&self) -> bool {
        self.early.get()
    }

    /// Whether what was read from it was whole requests.
    pub(crate) fn reads_between(&self, between: bool) {
        self.between.set(between);
    }

    /// Whether nothing of it is in memory: what was read is answered, and the answer is with the system.
    pub(crate) fn is_quiet(&self) -> bool {
        self.between.get() && !self.busy.get() && !self.in_head.get() && !self.stuck.get()
    }

    /// Ready when it has sent something, or has closed. Only right where nothing that it sent waits within TLS.
    pub(crate) fn poll_sent(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.stream.borrow().socket().poll_read_ready(cx).map(drop)
    }

    /// Whether anything was read or written since this was last called.
    pub(crate) fn take_moved(&self) -> bool {
        self.moved.replace(false)
    }

    /// If it has to read before more can be written: how many bytes the system holds for it.
    pub(crate) fn stuck(&self) -> Option<u32> {
        let stuck = self.stuck.get().then(|| gapless_sys::unsent::unsent(self.stream.borrow().socket()));
        stuck.and_then(Result::ok)
    }

    /// Resolves once when the client closes its side, and whenever it has reset the connection. Costs a
    /// system call only when something has arrived.
    pub(crate) fn poll_left(&self, cx: &mut Context<'_>) -> Poll<Left> {
        if self.closed.get() {
            return Poll::Pending;
        }
        let left = self.stream.borrow_mut().poll_left(cx);
        if left == Poll::Ready(Left::Closed) {
            self.closed.set(true);
            self.ask_for_life();
        }
        left
    }

    /// From here on the kernel asks whether the client is still there (`tcp(7)`, keepalive), so that the
    /// request of one that went away for good ends.
    fn ask_for_life(&self) {
        use rustix::net::sockopt;
        let stream = self.stream.borrow();
        let socket = stream.socket();
        let asked = sockopt::set_socket_keepalive(socket, true)
            .and_then(|()| sockopt::set_tcp_keepidle(socket, ALIVE))
            .and_then(|()| sockopt::set_tcp_keepintvl(socket, ALIVE));
        if let Err(error) = asked {
            tracing::debug!(%error, "cannot ask a client for signs of life");
        }
    }

    /// The connection will be reset instead of closed: what was sent must not be taken for complete.
    pub(crate) fn reset(&self) {
        let stream = self.stream.borrow();
        if let Err(error) = rustix::net::sockopt::set_socket_linger(stream.socket(), Some(Duration::ZERO)) {
            tracing::debug!(%error, "cannot reset a client");
        }
    }

    /// Leaves an instance's end of an upgraded connection here, for when the `101` is sent.
    pub(crate) fn upgrade(&self, tunnel: Tunnel) {
        self.tunnel.replace(Some(tunnel));
    }

    /// Takes it.
    pub(crate) fn take_tunnel(&self) -> Option<Tunnel> {
        self.tunnel.take()
    }

    /// Reads at once what is there on the network, to throw it away. How many bytes.
    ///
    /// # Errors
    /// `WouldBlock` if nothing is there; else those of `read(2)`.
    pub(crate) fn discard(&self) -> io::Result<usize> {
        self.stream.borrow().socket().try_read(&mut [0; 4096])
    }

    /// Throws away what arrives from the network until it ends or fails.
    pub(crate) fn poll_discard_all(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut stream = self.stream.borrow_mut();
        let mut rest = [0; 4096];
        loop {
            let mut into = ReadBuf::new(&mut rest);
            ready!(Pin::new(stream.socket_mut()).poll_read(cx, &mut into))?;
            if into.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.last.set(false);
        self.end();
    }
}

/// The socket, as what speaks HTTP on it sees it.
pub(crate) struct ClientIo(pub(crate) Rc<Client>);

impl ClientIo {
    fn written<T>(&self, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.0.stuck.set(result.is_pending());
        if result.is_ready() {
            self.0.moved.set(true);
        }
        result
    }
}

impl AsyncRead for ClientIo {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut *self.0.stream.borrow_mut()).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.0.moved.set(true);
            self.0.in_head.set(!self.0.busy.get());
        }
        result
    }
}

impl AsyncWrite for ClientIo {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut *self.0.stream.borrow_mut()).poll_write(cx, buf);
        self.written(result)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut *self.0.stream.borrow_mut()).poll_write_vectored(cx, bufs);
        self.written(result)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut *self.0.stream.borrow_mut()).poll_flush(cx);
        self.0.stuck.set(result.is_pending());
        result
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.stream.borrow_mut()).poll_shutdown(cx)
    }
}
