//! Which protocol a client speaks that has not said so while it connected ("prior knowledge", RFC 9113
//! section 3.3).

use bytes::{Buf, Bytes, BytesMut};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, ReadBuf};

/// What a client of HTTP/2 sends first (RFC 9113 section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The reading of a connection whose first bytes tell the protocol. It is read as HTTP/1.1, which costs nothing if
/// that is what it is: bytes go to where they are wanted. To a reader of HTTP/1.1, a connection of HTTP/2 ends before
/// its first byte; all that was read is then there to be read again by [`rewind`](Self::rewind).
pub(crate) struct Sniff<I> {
    io: I,
    state: State,
}

enum State {
    /// So many bytes of the preface were read, and nothing else.
    Opening(usize),
    /// It is HTTP/2. What was read behind the preface.
    Http2(Bytes),
    /// To be read before the connection.
    Replay(Bytes),
    /// The connection is read as it is.
    Through,
}

impl<I> Sniff<I> {
    /// A connection of which nothing was read.
    pub(crate) fn new(io: I) -> Self {
        Self { io, state: State::Opening(0) }
    }

    /// A connection of which the protocol was agreed on.
    pub(crate) fn agreed(io: I) -> Self {
        Self { io, state: State::Through }
    }

    /// The connection, from its beginning if it is HTTP/2.
    ///
    /// # Errors
    /// The bare connection when it is not.
    pub(crate) fn rewind(self) -> Result<Self, I> {
        let State::Http2(rest) = self.state else { return Err(self.io) };
        let mut all = BytesMut::with_capacity(PREFACE.len() + rest.len());
        all.extend_from_slice(PREFACE);
        all.extend_from_slice(&rest);
        Ok(Self { io: self.io, state: State::Replay(all.freeze()) })
    }
}

impl<I: AsyncRead + Unpin> Sniff<I> {
    /// Reads while it could still be both.
    fn poll_opening(
        &mut self,
        matched: usize,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut matched = matched;
        loop {
            let before = buf.filled().len();
            // What turns out to be HTTP/1.1 goes behind what was read before it.
            buf.put_slice(&PREFACE[..matched]);
            let read = Pin::new(&mut self.io).poll_read(cx, buf);
            let new = &buf.filled()[before + matched..];
            let same = new.iter().zip(&PREFACE[matched..]).take_while(|(a, b)| a == b).count();
            let is_over = !matches!(read, Poll::Pending) && new.is_empty();
            if is_over || same < new.len().min(PREFACE.len() - matched) {
                self.state = State::Through;
                return read;
            }
            matched += same;
            self.state = if matched == PREFACE.len() {
                State::Http2(Bytes::copy_from_slice(&new[same..]))
            } else {
                State::Opening(matched)
            };
            buf.set_filled(before);
            ready!(read)?;
            if matched == PREFACE.len() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Sniff<I> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let me = self.get_mut();
        match &mut me.state {
            State::Through => Pin::new(&mut me.io).poll_read(cx, buf),
            State::Opening(matched) => {
                let matched = *matched;
                me.poll_opening(matched, cx, buf)
            }
            State::Http2(_) => Poll::Ready(Ok(())),
            State::Replay(bytes) => {
                let here = bytes.len().min(buf.remaining());
                buf.put_slice(&bytes[..here]);
                bytes.advance(here);
                if bytes.is_empty() {
                    me.state = State::Through;
                }
                Poll::Ready(Ok(()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    /// What a reader of HTTP/1.1 sees of bytes that come in such pieces, and what is read after a rewind.
    async fn seen(bytes: &[u8], piece: usize) -> (Vec<u8>, Option<Vec<u8>>) {
        let (mut client, server) = duplex(piece);
        let sent = bytes.to_vec();
        let sender = tokio::spawn(async move {
            client.write_all(&sent).await.unwrap();
        });
        let mut sniff = Sniff::new(server);
        let mut first = Vec::new();
        sniff.read_to_end(&mut first).await.unwrap();
        let again = match sniff.rewind() {
            Ok(mut sniff) => {
                let mut again = Vec::new();
                sniff.read_to_end(&mut again).await.unwrap();
                Some(again)
            }
            Err(_) => None,
        };
        sender.await.unwrap();
        (first, again)
    }

    #[tokio::test]
    async fn only_the_whole_preface_is_http2_however_it_is_cut_up() {
        let preface = [PREFACE, b"and the rest"].concat();
        for piece in [1, 2, 5, 23, 24, 25, 1000] {
            assert_eq!(seen(&preface, piece).await, (Vec::new(), Some(preface.clone())), "{piece}");
            for other in [
                "GET / HTTP/1.1\r\n\r\n",
                "P",
                "POST / HTTP/1.1\r\n\r\n",
                "PRI * HTTP/2.0\r\n\r\nSM\r\n\r",
                "PRI * HTTP/1.1\r\n\r\n",
                "",
            ] {
                assert_eq!(
                    seen(other.as_bytes(), piece).await,
                    (other.as_bytes().to_vec(), None),
                    "{other} {piece}"
                );
            }
        }
    }
}
