//! An answer's body on its way to the client.

use crate::record::{Ending, Record};
use crate::request_body::Upload;
use crate::upstream::Upstream;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

/// The body of an answer.
pub(crate) enum AnswerBody {
    /// Nothing (more).
    Empty,
    /// The proxy's own words.
    Own(Bytes),
    /// An instance's.
    Relayed(Box<Relay>),
}

/// The answer broke off. The cause is logged; the client sees the connection end.
#[derive(Debug, thiserror::Error)]
#[error("the instance broke off in the middle of its answer")]
pub(crate) struct BrokeOff(#[source] hyper::Error);

/// An answer that is still read from its instance.
pub(crate) struct Relay {
    pub(crate) body: Incoming,
    /// None if the connection is driven elsewhere, as the request's body was not through when the answer
    /// began.
    pub(crate) upstream: Option<Box<Upstream>>,
    pub(crate) upload: Option<Rc<Upload>>,
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
    pub(crate) fn complete(&mut self, cx: &mut Context<'_>) {
        if let Some(mut upstream) = self.upstream.take() {
            let ended = self.upload.take().is_none_or(|upload| upload.has_ended());
            if let Some(ticket) = &self.record.ticket
                && ended
                && ticket.backend.serves()
                && upstream.is_reusable(cx)
            {
                ticket.backend.pool.put(upstream, self.idle);
            }
        }
        self.record.end(Ending::Served);
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokeOff>>> {
        let next = match &mut self.upstream {
            Some(upstream) => upstream.poll_body(&mut self.body, cx),
            None => Pin::new(&mut self.body).poll_frame(cx),
        };
        match next {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(Ok(frame))) => {
                self.record.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
                if self.body.is_end_stream() {
                    self.complete(cx);
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(None) => {
                self.complete(cx);
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(error))) => {
                tracing::warn!(id = ?self.record.id, %error, "an answer broke off");
                self.record.client.reset();
                self.record.end(Ending::Cut);
                Poll::Ready(Some(Err(BrokeOff(error))))
            }
        }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = BrokeOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokeOff>>> {
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
            Self::Relayed(relay) => relay.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Own(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Relayed(relay) => relay.body.size_hint(),
        }
    }
}
