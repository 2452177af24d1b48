//! What a client is connected by: its socket, with or without TLS around it.

use std::io::{self, IoSlice, Read};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// HTTP/2, as a client offers it within TLS (RFC 9113 section 3.2).
pub(crate) const HTTP2: &[u8] = b"h2";

/// How a client went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// It sends no more. It may be gone, or half-closed and waiting for its answer: nothing tells.
    Closed,
    /// It is gone for sure.
    Reset,
}

/// A client's stream.
pub(crate) enum Stream {
    /// As it comes from the network.
    Plain(TcpStream),
    /// After a handshake.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// Whether nobody on the way can read it.
    pub(crate) const fn is_secure(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// The socket itself. Nothing may be written to it beside the stream.
    pub(crate) fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(stream) => stream.get_ref().0,
        }
    }

    /// Whether HTTP/2 was agreed on.
    pub(crate) fn is_http2(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(stream) => stream.get_ref().1.alpn_protocol() == Some(HTTP2),
        }
    }

    /// The same. What is read from it is lost for the stream.
    pub(crate) fn socket_mut(&mut self) -> &mut TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(stream) => stream.get_mut().0,
        }
    }

    /// Resolves when the client closes its side or resets the connection, as long as it has sent nothing
    /// that waits to be read. Costs a system call only when something has arrived.
    pub(crate) fn poll_left(&mut self, cx: &mut Context<'_>) -> Poll<Left> {
        match self {
            Self::Plain(socket) => match peek(socket, cx) {
                Poll::Ready(Ok(true)) => Poll::Ready(Left::Closed),
                Poll::Ready(Err(_)) => Poll::Ready(Left::Reset),
                Poll::Ready(Ok(false)) | Poll::Pending => Poll::Pending,
            },
            Self::Tls(stream) => poll_left_tls(stream, cx),
        }
    }
}

/// Whether the socket has ended, once anything has arrived at all.
fn peek(socket: &TcpStream, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
    let mut byte = [0; 1];
    socket.poll_peek(cx, &mut ReadBuf::new(&mut byte)).map_ok(|read| read == 0)
}

/// The end may be said within TLS (`close_notify`, RFC 8446 section 6.1), behind tickets and key updates that
/// are of no interest here: what arrives is taken into the session, where a later read finds it.
fn poll_left_tls(stream: &mut TlsStream<TcpStream>, cx: &mut Context<'_>) -> Poll<Left> {
    let (socket, session) = stream.get_mut();
    loop {
        match session.process_new_packets() {
            Ok(state) if state.plaintext_bytes_to_read() > 0 => return Poll::Pending,
            Ok(state) if state.peer_has_closed() => return Poll::Ready(Left::Closed),
            Ok(_) => {}
            Err(_) => return Poll::Ready(Left::Reset),
        }
        match ready!(peek(socket, cx)) {
            Ok(true) => return Poll::Ready(Left::Closed),
            Ok(false) => {}
            Err(_) => return Poll::Ready(Left::Reset),
        }
        match session.read_tls(&mut AtOnce(socket)) {
            Ok(0) => return Poll::Ready(Left::Closed),
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Poll::Ready(Left::Reset),
            Ok(_) | Err(_) => {}
        }
    }
}

/// A socket, read without waiting.
struct AtOnce<'a>(&'a TcpStream);

impl Read for AtOnce<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(into)
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_read(cx, into),
            // HTTP knows by itself where a message ends, so an end that was not announced (RFC 8446 section
            // 6.1) cannot pass for another: it is taken as that of a socket is.
            Self::Tls(stream) => match ready!(Pin::new(stream).poll_read(cx, into)) {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
                result => Poll::Ready(result),
            },
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_write(cx, from),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, from),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_write_vectored(cx, from),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, from),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            // The system holds nothing back.
            Self::Plain(_) => Poll::Ready(Ok(())),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests;
