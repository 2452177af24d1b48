//! A public listener, as one worker sees it. Each worker accepts on a copy of the same socket, so there is
//! one queue of connections, and none is lost when a worker comes or goes.

use crate::app::App;
use crate::table::Table;
use crate::worker::Worker;
use gapless_routing::Protocol;
use http::header::STRICT_TRANSPORT_SECURITY;
use http::{HeaderMap, HeaderValue};
use std::cell::{Cell, RefCell};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::sleep;

/// How long nothing is accepted after that has failed (too many open files, mostly).
const PAUSE: Duration = Duration::from_millis(50);

/// Who serves the connections that nobody has accepted yet when a listener closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Queue {
    /// We do: nobody else will.
    Ours,
    /// Another proxy, which accepts from the same queue.
    Successors,
}

/// A listener.
pub(crate) struct Listener {
    pub(crate) address: SocketAddr,
    /// What a client means that names no host.
    pub(crate) authority: HeaderValue,
    table: RefCell<Rc<Table<Rc<App>>>>,
    protocol: Cell<Protocol>,
    /// What every answer says within TLS (RFC 6797 section 6.1).
    hsts: RefCell<Option<HeaderValue>>,
    /// Which socket it is; not kept open by this.
    socket: Weak<OwnedFd>,
    closing: Cell<Option<Queue>>,
    stop: Notify,
    /// Told to connections that last when it closes.
    farewell: Notify,
}

impl Listener {
    /// A listener without routes.
    pub(crate) fn new(address: SocketAddr, socket: &Arc<OwnedFd>) -> Self {
        let authority = HeaderValue::try_from(address.to_string()).expect("addresses are plain ASCII");
        Self {
            address,
            authority,
            table: RefCell::default(),
            protocol: Cell::default(),
            hsts: RefCell::default(),
            socket: Arc::downgrade(socket),
            closing: Cell::new(None),
            stop: Notify::new(),
            farewell: Notify::new(),
        }
    }

    /// Whether it accepts on this socket.
    pub(crate) fn accepts_on(&self, socket: &Arc<OwnedFd>) -> bool {
        !self.is_closing() && std::ptr::eq(self.socket.as_ptr(), Arc::as_ptr(socket))
    }

    /// Its routes.
    pub(crate) fn table(&self) -> Rc<Table<Rc<App>>> {
        Rc::clone(&self.table.borrow())
    }

    /// From here on these are its routes, and new connections speak this.
    pub(crate) fn route(&self, table: Table<Rc<App>>, protocol: Protocol) {
        self.reroute(table);
        if self.protocol.replace(protocol) != protocol {
            let seconds = if let Protocol::Tls { hsts } = protocol { hsts } else { None };
            let value = |age| HeaderValue::try_from(format!("max-age={age}")).ok();
            self.hsts.replace(seconds.and_then(value));
        }
    }

    /// From here on these are its routes.
    pub(crate) fn reroute(&self, table: Table<Rc<App>>) {
        self.table.replace(Rc::new(table));
    }

    /// Whether new connections begin with a handshake.
    pub(crate) fn speaks_tls(&self) -> bool {
        matches!(self.protocol.get(), Protocol::Tls { .. })
    }

    /// The port that requests which no route takes are sent to.
    pub(crate) fn redirects_to(&self) -> Option<u16> {
        if let Protocol::Redirect { port } = self.protocol.get() { Some(port) } else { None }
    }

    /// Says in an answer that was asked for within TLS that clients shall not come otherwise, unless the app
    /// has said something of it itself.
    pub(crate) fn insist(&self, headers: &mut HeaderMap) {
        if let Some(value) = &*self.hsts.borrow() {
            headers.entry(STRICT_TRANSPORT_SECURITY).or_insert_with(|| value.clone());
        }
    }

    /// Accepts no more. Connections get one more answer each.
    pub(crate) fn close(&self, queue: Queue) {
        self.closing.set(Some(queue));
        self.stop.notify_one();
        self.farewell.notify_waiters();
    }

    /// Whether it accepts no more.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing.get().is_some()
    }

    /// Resolves when it accepts no more.
    pub(crate) async fn closed(&self) {
        // What is told between the two is not missed.
        let told = self.farewell.notified();
        if !self.is_closing() {
            told.await;
        }
    }

    /// Accepts connections until it is closed.
    pub(crate) async fn accept(self: Rc<Self>, worker: Rc<Worker>, socket: OwnedFd) {
        if let Err(error) = self.run(worker, TcpListener::from(socket)).await {
            tracing::error!(address = %self.address, %error, "cannot accept connections");
        }
    }

    async fn run(self: &Rc<Self>, worker: Rc<Worker>, socket: TcpListener) -> io::Result<()> {
        let socket = tokio::net::TcpListener::from_std(socket)?;
        while !self.is_closing() {
            let accepted = tokio::select! {
                biased;
                accepted = socket.accept() => accepted,
                () = self.stop.notified() => break,
            };
            match accepted {
                Ok((stream, peer)) => worker.place(stream, peer, self),
                Err(error) if is_of_the_client(&error) => {}
                Err(error) => {
                    tracing::error!(address = %self.address, %error, "cannot accept a connection");
                    sleep(PAUSE).await;
                }
            }
        }
        if self.closing.get() == Some(Queue::Successors) {
            return Ok(());
        }
        // Who is in the queue already has connected, as far as it knows.
        let socket = socket.into_std()?;
        while let Ok((stream, peer)) = socket.accept() {
            stream.set_nonblocking(true)?;
            let stream = TcpStream::from_std(stream)?;
            worker.serve(stream, peer, Rc::clone(self));
        }
        Ok(())
    }
}

/// The connection ended before it was accepted (`accept(2)`).
fn is_of_the_client(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset)
}
