//! A request as it is written to an instance (RFC 9112).

use crate::request_body::RequestBody;
use bytes::Bytes;
use http::header::EXPECT;
use http::request::Parts;
use http::{HeaderMap, HeaderName};
use std::collections::VecDeque;
use std::io::{IoSlice, Write};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;

/// Bytes of a body that wait for the socket at most, before more is read from the client.
const QUEUE: usize = 64 * 1024;

/// Pieces written at once.
const PIECES: usize = 16;

/// How writing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing to write (any more).
    Done,
    /// There is more, or may be.
    Writing,
    /// The instance does not read any more: the rest goes nowhere.
    Deaf,
    /// The client broke off.
    Cut,
}

/// The request.
pub(crate) struct Outgoing {
    /// The head, in a buffer that is used again for the next one.
    head: Vec<u8>,
    head_written: usize,
    body: Option<RequestBody>,
    chunked: bool,
    queue: VecDeque<Bytes>,
    queued: usize,
    state: State,
    /// A byte of this request was written.
    begun: bool,
    /// The body is not asked for until the instance says that it wants it.
    waits: bool,
}

impl Default for Outgoing {
    fn default() -> Self {
        Self {
            head: Vec::new(),
            head_written: 0,
            body: None,
            chunked: false,
            queue: VecDeque::new(),
            queued: 0,
            state: State::Done,
            begun: false,
            waits: false,
        }
    }
}

impl Outgoing {
    /// Begins the next request; the former one is done. The header `without` is left out.
    pub(crate) fn begin(&mut self, head: &Parts, body: Option<RequestBody>, without: Option<&HeaderName>) {
        self.chunked = body.as_ref().is_some_and(|body| body.length().is_none());
        self.waits = body.is_some() && head.headers.contains_key(EXPECT);
        self.body = body;
        self.begun = false;
        self.state = State::Writing;
        self.head_written = 0;
        self.head.clear();
        self.head.extend_from_slice(head.method.as_str().as_bytes());
        self.head.push(b' ');
        self.head.extend_from_slice(head.uri.path_and_query().map_or("/", |path| path.as_str()).as_bytes());
        self.head.extend_from_slice(b" HTTP/1.1\r\n");
        write_fields(&mut self.head, &head.headers, without);
        self.head.extend_from_slice(b"\r\n");
    }

    /// Whether the instance has not said yet that it wants the body.
    pub(crate) const fn waits(&self) -> bool {
        self.waits
    }

    /// It does, or will not say.
    pub(crate) fn go_on(&mut self) {
        self.waits = false;
    }

    /// It has answered without.
    pub(crate) fn stay(&mut self) {
        self.state = State::Deaf;
        self.body = None;
    }

    /// Whether a byte of the request was written.
    pub(crate) const fn has_begun(&self) -> bool {
        self.begun
    }

    /// Whether all of it was written.
    pub(crate) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Whether a write has failed. What the instance has answered may still be there to be read: a large
    /// upload may be refused before it was read.
    pub(crate) fn is_deaf(&self) -> bool {
        self.state == State::Deaf
    }

    /// Whether the client broke off in the middle of the body.
    pub(crate) fn is_cut(&self) -> bool {
        self.state == State::Cut
    }

    /// Writes what there is. Ready when no more will be written, for whatever reason.
    pub(crate) fn poll(&mut self, to: &mut (impl AsyncWrite + Unpin), cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.state != State::Writing {
                return Poll::Ready(());
            }
            let more = self.poll_fill(cx);
            if self.is_cut() {
                continue;
            }
            if self.head_written == self.head.len() && self.queue.is_empty() {
                match more {
                    Poll::Ready(()) if self.body.is_none() => self.state = State::Done,
                    Poll::Ready(()) => {}
                    Poll::Pending => return Poll::Pending,
                }
                continue;
            }
            match self.poll_write(to, cx) {
                Poll::Ready(()) => {}
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn poll_write(&mut self, to: &mut (impl AsyncWrite + Unpin), cx: &mut Context<'_>) -> Poll<()> {
        let head = &self.head[self.head_written..];
        let written = if self.queue.is_empty() {
            Pin::new(to).poll_write(cx, head)
        } else {
            let mut pieces = [IoSlice::new(&[]); PIECES];
            pieces[0] = IoSlice::new(head);
            let mut count = 1;
            for (piece, bytes) in pieces[1..].iter_mut().zip(&self.queue) {
                *piece = IoSlice::new(bytes);
                count += 1;
            }
            Pin::new(to).poll_write_vectored(cx, &pieces[usize::from(head.is_empty())..count])
        };
        match written {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(n @ 1..)) => self.advance(n),
            Poll::Ready(Ok(0) | Err(_)) => {
                self.state = State::Deaf;
                self.queue.clear();
                self.queued = 0;
                self.body = None;
            }
        }
        Poll::Ready(())
    }

    fn advance(&mut self, mut written: usize) {
        if !std::mem::replace(&mut self.begun, true)
            && let Some(body) = &self.body
        {
            body.begin();
        }
        let of_head = written.min(self.head.len() - self.head_written);
        self.head_written += of_head;
        written -= of_head;
        self.queued -= written;
        while let Some(first) = self.queue.front_mut() {
            if written < first.len() {
                drop(first.split_to(written));
                return;
            }
            written -= first.len();
            self.queue.pop_front();
        }
    }

    /// Takes more of the body, as far as there is room. Pending when the client has to send more.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.queued < QUEUE {
            let Some(body) = &mut self.body else { return Poll::Ready(()) };
            if self.waits {
                // The answer, or the time that is waited for it, is what wakes whoever writes.
                return Poll::Pending;
            }
            let Poll::Ready(frame) = body.poll_frame(cx) else { return Poll::Pending };
            let frame = match frame {
                None => {
                    self.body = None;
                    if self.chunked {
                        self.push(Bytes::from_static(b"0\r\n\r\n"));
                    }
                    return Poll::Ready(());
                }
                Some(Err(_)) => {
                    self.state = State::Cut;
                    self.body = None;
                    return Poll::Ready(());
                }
                Some(Ok(frame)) => frame,
            };
            let ended = body.is_end_stream();
            match frame.into_data() {
                Ok(data) => self.push_data(data),
                Err(frame) => {
                    if let Ok(trailers) = frame.into_trailers()
                        && self.chunked
                    {
                        let mut end = b"0\r\n".to_vec();
                        write_fields(&mut end, &trailers, None);
                        end.extend_from_slice(b"\r\n");
                        self.push(Bytes::from(end));
                        self.body = None;
                    }
                }
            }
            if ended && self.body.take().is_some() && self.chunked {
                self.push(Bytes::from_static(b"0\r\n\r\n"));
            }
        }
        Poll::Ready(())
    }

    fn push_data(&mut self, data: Bytes) {
        if data.is_empty() {
            return;
        }
        if !self.chunked {
            return self.push(data);
        }
        self.push(Bytes::from(format!("{:x}\r\n", data.len())));
        self.push(data);
        self.push(Bytes::from_static(b"\r\n"));
    }

    fn push(&mut self, bytes: Bytes) {
        self.queued += bytes.len();
        self.queue.push_back(bytes);
    }
}

fn write_fields(into: &mut Vec<u8>, fields: &HeaderMap, without: Option<&HeaderName>) {
    for (name, value) in fields {
        if Some(name) == without {
            continue;
        }
        into.reserve(name.as_str().len() + value.len() + 4);
        // To a vector, which cannot fail.
        let _ = into.write_all(name.as_str().as_bytes());
        into.extend_from_slice(b": ");
        into.extend_from_slice(value.as_bytes());
        into.extend_from_slice(b"\r\n");
    }
}
