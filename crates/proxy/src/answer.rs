//! An answer's body on its way to the client.

use crate::h2c::Call;
use crate::pump::Pumped;
use crate::record::{Ending, Record};
use crate::request_body::Upload;
use crate::upstream::{Cut, Upstream};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// The body of an answer.
pub(crate) enum AnswerBody {
    /// Nothing (more).
    Empty,
    /// The proxy's own words.
    Own(Bytes),
    /// An instance's.
    Relayed(Box<Relay>),
}

/// Where an answer comes from.
pub(crate) enum Source {
    /// The connection itself, which is kept for the next request when the answer is complete.
    Direct(Box<Upstream>),
    /// A task that drives the connection.
    Pumped(Pumped),
    /// A stream of a connection that is shared.
    Called(Box<Call>),
    /// It is complete.
    Ended,
}

/// An answer that is still read from its instance.
pub(crate) struct Relay {
    pub(crate) source: Source,
    /// What is left of the request, if anything was when the answer began.
    pub(crate) upload: Option<Rc<Upload>>,
    /// How many bytes it has, if the instance has said so.
    pub(crate) length: Option<u64>,
    /// How long the connection may be idle.
    pub(crate) idle: Duration,
    pub(crate) record: Record,
}

impl AnswerBody {
    /// A whole body.
    pub(crate) fn own(bytes: Bytes) -> Self {
        if bytes.is_empty() { Self::Empty } else { Self::Own(bytes) }
    }
}

impl Relay {
    /// The answer is complete: keeps the connection for the next request.
    pub(crate) fn complete(&mut self) {
        let now = Instant::now();
        match std::mem::replace(&mut self.source, Source::Ended) {
            Source::Direct(upstream) => {
                if let Some(ticket) = &self.record.ticket
                    && ticket.backend.serves()
                    && upstream.is_reusable()
                {
                    ticket.backend.pool.put(upstream, self.idle, now);
                }
            }
            Source::Called(call) => call.complete(),
            Source::Pumped(_) | Source::Ended => {}
        }
        self.record.end_at(Ending::Served, now);
    }

    fn is_complete(&self) -> bool {
        match &self.source {
            Source::Direct(upstream) => upstream.body().is_done(),
            Source::Pumped(_) => self.is_whole(),
            // Only in HTTP/2 may trailers follow.
            Source::Called(call) => call.is_done() || (self.is_whole() && !self.record.client.is_http2()),
            Source::Ended => true,
        }
    }

    /// As many bytes are on their way to the client as were promised: it may go as soon as it has them.
    fn is_whole(&self) -> bool {
        self.length == Some(self.record.bytes)
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let next = match &mut self.source {
            Source::Direct(upstream) => upstream.poll_body(cx),
            Source::Pumped(frames) => frames.poll_recv(cx),
            Source::Called(call) => call.poll_body(cx),
            Source::Ended => Poll::Ready(None),
        };
        match &next {
            Poll::Pending => {
                if let Some(upload) = &self.upload
                    && upload.poll_slow(cx).is_ready()
                {
                    self.record.client.cut();
                    self.record.end(Ending::ClientGone);
                    return Poll::Ready(Some(Err(Cut::SlowClient)));
                }
            }
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(upload) = &self.upload {
                    upload.forgive();
                }
                self.record.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
                // Nothing can follow trailers, and nobody asks for more.
                if frame.is_trailers() || self.is_complete() {
                    self.complete();
                }
            }
            Poll::Ready(None) => self.complete(),
            Poll::Ready(Some(Err(error))) => {
                tracing::warn!(id = ?self.record.id, %error, "an answer broke off");
                self.record.client.cut();
                self.record.end(Ending::Cut);
            }
        }
        next
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if self.is_whole() {
            self.record.end(Ending::Served);
        }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        match &mut *self {
            Self::Empty => Poll::Ready(None),
            Self::Own(bytes) => {
                let bytes = std::mem::take(bytes);
                *self = Self::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Self::Relayed(relay) => relay.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Own(_) => false,
            Self::Relayed(relay) => relay.is_complete(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Own(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Relayed(relay) => relay.length.map_or_else(SizeHint::default, SizeHint::with_exact),
        }
    }
}
