//! The socket to an instance, and how much went over it.

use gapless_model::Address;
use rustix::net::{RecvFlags, recv};
use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

/// How much went over the socket; shared with the connection that owns the other half.
///
/// An instance may answer and close without having read all of a request (413 to a large upload). The
/// write then fails although the answer is there to be read. So a failed write is no failure here: what is
/// written after it goes nowhere, and what is read decides.
pub(crate) struct Meter {
    stream: RefCell<Stream>,
    written: Cell<u64>,
    deaf: Cell<bool>,
    strict: Cell<bool>,
}

impl Meter {
    /// Bytes written to the socket since it was connected.
    pub(crate) fn written(&self) -> u64 {
        self.written.get()
    }

    /// Whether a write has failed.
    pub(crate) fn is_deaf(&self) -> bool {
        self.deaf.get()
    }

    /// From here on failed writes are failures.
    pub(crate) fn be_strict(&self) {
        self.strict.set(true);
    }

    /// Whether the other side has closed, or sent what nobody asked for.
    pub(crate) fn peek_says_ended(&self) -> bool {
        let stream = self.stream.borrow();
        let fd: BorrowedFd<'_> = match &*stream {
            Stream::Unix(s) => s.as_fd(),
            Stream::Tcp(s) => s.as_fd(),
        };
        let mut byte = [0; 1];
        !matches!(
            recv(fd, &mut byte, RecvFlags::PEEK | RecvFlags::DONTWAIT),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR)
        )
    }

    fn wrote(&self, result: Poll<io::Result<usize>>, wanted: usize) -> Poll<io::Result<usize>> {
        match result {
            Poll::Ready(Ok(n)) => {
                self.written.set(self.written.get() + n as u64);
                Poll::Ready(Ok(n))
            }
            Poll::Ready(Err(_)) if !self.strict.get() => {
                self.deaf.set(true);
                Poll::Ready(Ok(wanted))
            }
            other => other,
        }
    }
}

/// The socket.
pub(crate) struct InstanceIo(Rc<Meter>);

impl InstanceIo {
    /// Connects, once.
    ///
    /// # Errors
    /// Those of `connect(2)`.
    pub(crate) async fn connect(address: &Address) -> io::Result<Self> {
        let stream = match address {
            Address::Unix(path) => Stream::Unix(UnixStream::connect(path.as_std_path()).await?),
            Address::Tcp(at) => {
                let stream = TcpStream::connect(at).await?;
                stream.set_nodelay(true)?;
                Stream::Tcp(stream)
            }
        };
        Ok(Self(Rc::new(Meter {
            stream: RefCell::new(stream),
            written: Cell::new(0),
            deaf: Cell::new(false),
            strict: Cell::new(false),
        })))
    }

    /// Its meter.
    pub(crate) fn meter(&self) -> Rc<Meter> {
        Rc::clone(&self.0)
    }
}

impl AsyncRead for InstanceIo {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut *self.0.stream.borrow_mut() {
            Stream::Unix(s) => Pin::new(s).poll_read(cx, buf),
            Stream::Tcp(s) => Pin::new(s).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for InstanceIo {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let meter = &self.0;
        if meter.is_deaf() {
            return Poll::Ready(Ok(buf.len()));
        }
        let result = match &mut *meter.stream.borrow_mut() {
            Stream::Unix(s) => Pin::new(s).poll_write(cx, buf),
            Stream::Tcp(s) => Pin::new(s).poll_write(cx, buf),
        };
        meter.wrote(result, buf.len())
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let meter = &self.0;
        let wanted = bufs.iter().map(|buf| buf.len()).sum();
        if meter.is_deaf() {
            return Poll::Ready(Ok(wanted));
        }
        let result = match &mut *meter.stream.borrow_mut() {
            Stream::Unix(s) => Pin::new(s).poll_write_vectored(cx, bufs),
            Stream::Tcp(s) => Pin::new(s).poll_write_vectored(cx, bufs),
        };
        meter.wrote(result, wanted)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self.0.stream.borrow_mut() {
            Stream::Unix(s) => Pin::new(s).poll_shutdown(cx),
            Stream::Tcp(s) => Pin::new(s).poll_shutdown(cx),
        }
    }
}
