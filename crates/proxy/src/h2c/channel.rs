//! Connections to one instance, each shared by many requests.

use super::call::Call;
use crate::socket::Socket;
use bytes::Bytes;
use gapless_model::Address;
use h2::client::{Builder, SendRequest};
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::timeout;

/// Bytes of an answer that wait for a slow client at most, for each request. The connection itself has no such
/// bound: a few slow clients would hold up all others.
const STREAM_WINDOW: u32 = 128 * 1024;
const WINDOW: u32 = (1 << 31) - 1;

/// Bytes of a request's body that wait for the instance.
const SEND: usize = 64 * 1024;

/// Bytes of an answer's fields.
const HEAD: u32 = 128 * 1024;

/// Requests at a time on one connection, whatever more the instance allows; those beyond get another one.
const STREAMS: u32 = 256;

/// Connections at most; beyond, requests wait on them.
const CHANNELS: usize = 64;

/// The connections.
#[derive(Default)]
pub(crate) struct Channels {
    open: RefCell<Vec<Rc<Channel>>>,
    /// Held while one more is made: requests that come meanwhile share it.
    opening: Mutex<()>,
}

/// A connection. It is closed when nobody has it and no request is on it.
pub(crate) struct Channel {
    send: SendRequest<Bytes>,
    calls: Cell<u32>,
}

impl Channels {
    /// A request's place on a connection, made within `limit` if need be, and whether it was there before.
    ///
    /// # Errors
    /// Those of `connect(2)`; `TimedOut` when the instance does not take connections off its queue.
    pub(crate) async fn call(&self, address: Address, limit: Duration) -> io::Result<(Box<Call>, bool)> {
        if let Some(channel) = self.free().await {
            return Ok((Box::new(Call::new(channel)), true));
        }
        let opened = async {
            let _opening = self.opening.lock().await;
            if let Some(channel) = self.free().await {
                return Ok(channel);
            }
            let channel = Rc::new(Channel::open(&address).await?);
            self.open.borrow_mut().push(Rc::clone(&channel));
            Ok::<_, io::Error>(channel)
        };
        let channel = timeout(limit, opened).await??;
        Ok((Box::new(Call::new(channel)), false))
    }

    /// One that takes another request now.
    async fn free(&self) -> Option<Rc<Channel>> {
        poll_fn(|cx| {
            let mut open = self.open.borrow_mut();
            // Those that have said good-bye or have ended.
            open.retain(|channel| !matches!(channel.send.clone().poll_ready(cx), Poll::Ready(Err(_))));
            let free = open.iter().find(|channel| channel.has_room());
            let crowded = || open.iter().min_by_key(|channel| channel.calls.get());
            let any = free.or_else(|| crowded().filter(|_| open.len() >= CHANNELS));
            Poll::Ready(any.map(Rc::clone))
        })
        .await
    }

    /// Closes all, each when its last request has ended.
    pub(crate) fn clear(&self) {
        drop(self.open.take());
    }
}

impl Channel {
    async fn open(address: &Address) -> io::Result<Self> {
        let socket = Socket::connect(address).await?;
        let mut builder = Builder::new();
        builder
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_send_buffer_size(SEND)
            .max_header_list_size(HEAD)
            .enable_push(false)
            // Clients take requests back as they like, which is no fault of the instance.
            .max_local_error_reset_streams(None)
            .max_concurrent_reset_streams(STREAMS as usize);
        let (send, connection) = builder.handshake(socket).await.map_err(io::Error::other)?;
        tokio::task::spawn_local(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to an instance ended");
            }
        });
        Ok(Self { send, calls: Cell::new(0) })
    }

    fn has_room(&self) -> bool {
        (self.calls.get() as usize) < self.send.current_max_send_streams().min(STREAMS as usize)
    }

    /// What sends a request on it.
    pub(super) fn sender(&self) -> SendRequest<Bytes> {
        self.send.clone()
    }

    /// A request takes a place.
    pub(super) fn enter(&self) {
        self.calls.set(self.calls.get() + 1);
    }

    /// And leaves it.
    pub(super) fn leave(&self) {
        self.calls.set(self.calls.get() - 1);
    }
}
