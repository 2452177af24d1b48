//! Connections with who made them, by the kernel's word (`SO_PEERCRED`, `unix(7)`).

use crate::access::{Access, Right};
use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use gapless_sys::peer::Peer;
use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{UnixListener, UnixStream};

/// How many connections each user may have open that may not command: nobody else is to go without because of them.
const OF_ONE_USER: usize = 32;

/// Accepts connections of everybody who gets through to the socket.
pub(super) struct Doorman {
    listener: UnixListener,
    access: Access,
    open: Open,
}

/// How many connections users have open that may not command.
type Open = Arc<Mutex<HashMap<u32, usize>>>;

/// Who made a connection.
#[derive(Debug, Clone)]
pub(super) struct Caller(pub(super) Arc<Peer>);

impl Doorman {
    pub(super) fn new(listener: UnixListener, access: Access) -> Self {
        Self { listener, access, open: Open::default() }
    }

    /// The connection, if its user does not have too many.
    fn admit(&self, stream: UnixStream) -> io::Result<Option<(Conversation, Caller)>> {
        let peer = Peer::of(&stream)?;
        let counted = if self.access.rights().of_peer(&peer) == Right::Command {
            None
        } else {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            let count = open.entry(peer.uid).or_default();
            if *count >= OF_ONE_USER {
                return Ok(None);
            }
            *count += 1;
            Some(Counted { uid: peer.uid, open: Arc::clone(&self.open) })
        };
        Ok(Some((Conversation { stream, _counted: counted }, Caller(Arc::new(peer)))))
    }
}

impl Listener for Doorman {
    type Io = Conversation;
    type Addr = Caller;

    async fn accept(&mut self) -> (Conversation, Caller) {
        loop {
            match self.listener.accept().await.and_then(|(stream, _)| self.admit(stream)) {
                Ok(Some(admitted)) => return admitted,
                // Too many of one user: it has that from itself.
                Ok(None) => {}
                Err(error) => {
                    // Out of descriptors, most likely: some come free.
                    tracing::error!("cannot accept on the control socket: {error}");
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<Caller> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl Connected<IncomingStream<'_, Doorman>> for Caller {
    fn connect_info(stream: IncomingStream<'_, Doorman>) -> Self {
        stream.remote_addr().clone()
    }
}

/// A connection.
pub(super) struct Conversation {
    stream: UnixStream,
    _counted: Option<Counted>,
}

/// One of those that are counted.
struct Counted {
    uid: u32,
    open: Open,
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.uid) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.uid);
            }
        }
    }
}

impl AsyncRead for Conversation {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Conversation {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
