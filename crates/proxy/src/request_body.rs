//! A request's body on its way to an instance, kept while it may have to be sent once more.

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame};
use hyper::body::Incoming;
use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

/// How long a client that has its answer may go on sending before its connection is closed. Closed at once,
/// a client in the middle of sending would get a reset instead of the answer.
pub(crate) const DRAIN: Duration = Duration::from_secs(30);

/// How much of a body is read from a connection of its own while nobody asks for it: what hyper reads at once.
pub(crate) const READ_AHEAD: u64 = 8 * 1024;

/// A body that comes from a client: read once, sent as often as it must be and can be.
pub(crate) struct Upload(RefCell<State>);

struct State {
    /// None once it has ended.
    source: Option<Incoming>,
    kept: Vec<Bytes>,
    kept_bytes: u64,
    /// Bytes that are kept at most.
    limit: u64,
    /// All that was read is in `kept`, and it is not too much.
    whole: bool,
    /// No instance was sent a byte of the request: all that was read is kept, however much it is.
    unsent: bool,
    trailers: Option<HeaderMap>,
    /// The client broke off, or sends too much.
    failed: bool,
    /// It must not be longer than this.
    longest: u64,
    length: Option<u64>,
    /// What no instance reads has to be read all the same.
    drained: bool,
}

impl Upload {
    /// A body of which up to `limit` bytes are kept; none if there is no body. `drained`: what nobody reads is
    /// read and thrown away.
    /// `longest`: it fails beyond so many bytes.
    pub(crate) fn new(source: Incoming, limit: u64, longest: Option<u64>, drained: bool) -> Option<Rc<Self>> {
        if source.is_end_stream() {
            return None;
        }
        let length = source.size_hint().exact();
        Some(Rc::new(Self(RefCell::new(State {
            source: Some(source),
            kept: Vec::new(),
            kept_bytes: 0,
            limit,
            whole: length.is_none_or(|bytes| bytes <= limit),
            unsent: true,
            trailers: None,
            failed: false,
            longest: longest.unwrap_or(u64::MAX),
            length,
            drained,
        }))))
    }

    /// Whether all that was read so far can be sent again.
    pub(crate) fn can_repeat(&self) -> bool {
        let state = self.0.borrow();
        state.whole && !state.failed
    }

    /// Whether it is longer than it may be, as far as that is known.
    pub(crate) fn is_too_long(&self) -> bool {
        let state = self.0.borrow();
        state.length.unwrap_or(0).max(state.kept_bytes) > state.longest
    }

    /// How much of it there may be in memory, in bytes, if up to `ahead` is read that nobody asks for.
    pub(crate) fn held(&self, ahead: u64) -> u64 {
        let state = self.0.borrow();
        let coming = state.length.map_or(ahead, |length| length.saturating_sub(state.kept_bytes));
        let kept: usize = state.kept.iter().map(Bytes::len).sum();
        kept as u64 + if state.source.is_some() { coming.min(ahead) } else { 0 }
    }

    /// An instance was sent something: from here on it can be sent again only if it is kept whole.
    fn begin(&self) {
        self.0.borrow_mut().unsent = false;
    }

    /// Whether the client broke off.
    pub(crate) fn has_failed(&self) -> bool {
        self.0.borrow().failed
    }

    /// Whether it was read to its end.
    pub(crate) fn has_ended(&self) -> bool {
        self.0.borrow().source.is_none()
    }

    /// It will not be sent again: what was kept is let go.
    pub(crate) fn forget(&self) {
        let mut state = self.0.borrow_mut();
        state.whole = false;
        state.limit = 0;
    }

    /// No instance reads it any more: what the client still sends is read and thrown away for a while, if it
    /// must, so that it can take its answer, and use its connection again.
    pub(crate) fn abandon(&self) {
        let mut state = self.0.borrow_mut();
        if let Some(mut source) = state.source.take().filter(|_| state.drained && !state.failed) {
            let drain = async move {
                while let Some(Ok(_)) = std::future::poll_fn(|cx| Pin::new(&mut source).poll_frame(cx)).await
                {
                }
            };
            tokio::task::spawn_local(tokio::time::timeout(DRAIN, drain));
        }
    }

    fn poll_next(
        &self,
        cursor: &mut usize,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, NoBody>>> {
        let state = &mut *self.0.borrow_mut();
        if let Some(kept) = state.kept.get(*cursor) {
            *cursor += 1;
            return Poll::Ready(Some(Ok(Frame::data(kept.clone()))));
        }
        if !state.whole && !state.unsent && !state.kept.is_empty() {
            // Only now, as whoever sends it again has to pass all of it first.
            state.kept = Vec::new();
            *cursor = 0;
        }
        let Some(source) = &mut state.source else {
            return Poll::Ready(state.trailers.clone().map(|trailers| Ok(Frame::trailers(trailers))));
        };
        let Poll::Ready(next) = Pin::new(&mut *source).poll_frame(cx) else { return Poll::Pending };
        let frame = match next {
            None => {
                state.source = None;
                return Poll::Ready(None);
            }
            Some(Err(_)) => {
                state.failed = true;
                return Poll::Ready(Some(Err(NoBody)));
            }
            Some(Ok(frame)) => frame,
        };
        if let Some(data) = frame.data_ref() {
            state.kept_bytes += data.len() as u64;
            if state.kept_bytes > state.longest {
                state.failed = true;
                return Poll::Ready(Some(Err(NoBody)));
            }
            state.whole &= state.kept_bytes <= state.limit;
            if source.is_end_stream() {
                state.source = None;
            }
            if state.whole || state.unsent {
                state.kept.push(data.clone());
                *cursor += 1;
            }
        } else if let Some(trailers) = frame.trailers_ref() {
            state.trailers = Some(trailers.clone());
            state.source = None;
        }
        Poll::Ready(Some(Ok(frame)))
    }
}

/// It will not come to its end. Why is known to its upload.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NoBody;

/// The body of one try.
pub(crate) struct RequestBody {
    upload: Rc<Upload>,
    /// Frames of `kept` that this try has sent.
    cursor: usize,
    trailed: bool,
}

impl RequestBody {
    /// The body, from its beginning.
    pub(crate) fn new(upload: &Rc<Upload>) -> Self {
        Self { upload: Rc::clone(upload), cursor: 0, trailed: false }
    }

    /// The next part.
    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, NoBody>>> {
        if self.trailed {
            return Poll::Ready(None);
        }
        let next = self.upload.poll_next(&mut self.cursor, cx);
        if let Poll::Ready(Some(Ok(frame))) = &next {
            self.trailed = frame.is_trailers();
        }
        next
    }

    /// A byte of the request was written.
    pub(crate) fn begin(&self) {
        self.upload.begin();
    }

    /// Whether that was all.
    pub(crate) fn is_end_stream(&self) -> bool {
        let state = self.upload.0.borrow();
        self.trailed
            || (state.source.is_none() && self.cursor >= state.kept.len() && state.trailers.is_none())
    }

    /// How many bytes it has in all, if the client has said so.
    pub(crate) fn length(&self) -> Option<u64> {
        self.upload.0.borrow().length
    }
}
