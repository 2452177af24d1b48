//! A request's body on its way to an instance, kept while it may have to be sent once more.

use crate::exchange::Exchange;
use crate::headers;
use crate::http2::{HeldBack, Session};
use crate::patience::Patience;
use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame};
use hyper::body::Incoming;
use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
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
    failed: Option<Failure>,
    /// None if it may take as long as it likes, or has ended.
    patience: Option<Patience>,
    /// The connection that it shares with others.
    session: Option<Rc<Session>>,
    /// What came last was taken, and nobody has asked for more since.
    held_back: Option<HeldBack>,
    /// Whoever passes on the answer, which has begun.
    answering: Option<Waker>,
    /// It must not be longer than this.
    longest: u64,
    length: Option<u64>,
    /// What no instance reads has to be read all the same.
    drained: bool,
}

/// Why it will not come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    /// The client broke off, or sends too much.
    BrokenOff,
    /// The client let the app wait for too long.
    Slow,
}

/// What holds for a body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Bytes that are kept at most.
    pub(crate) keep: u64,
    /// Bytes beyond which it fails.
    pub(crate) longest: Option<u64>,
    /// How long its client may let others wait.
    pub(crate) wait: Option<Duration>,
}

impl State {
    fn end(&mut self) {
        self.source = None;
        self.patience = None;
        self.held_back = None;
    }

    fn fail(&mut self, why: Failure) -> Poll<Option<Result<Frame<Bytes>, NoBody>>> {
        self.failed = Some(why);
        if let Some(answering) = self.answering.take() {
            answering.wake();
        }
        Poll::Ready(Some(Err(NoBody)))
    }

    fn arrived(&mut self, bytes: usize) {
        self.kept_bytes += bytes as u64;
        if let Some(patience) = &mut self.patience {
            patience.arrived(bytes);
        }
        if self.held_back.is_none() {
            self.held_back = self.session.as_ref().map(|session| HeldBack::new(Rc::clone(session)));
        }
    }

    /// Nothing is there. Ready when that is the client's fault.
    fn poll_slow(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.held_back = None;
        let Some(patience) = &mut self.patience else { return Poll::Pending };
        while patience.poll_over(cx).is_ready() {
            if self.session.as_ref().is_none_or(|session| session.has_room()) {
                return Poll::Ready(());
            }
            patience.forgive();
        }
        Poll::Pending
    }
}

impl Upload {
    /// The body of a request of this client; none if there is no body.
    pub(crate) fn new(source: Incoming, bounds: Bounds, client: &Exchange) -> Option<Rc<Self>> {
        if source.is_end_stream() {
            return None;
        }
        let length = source.size_hint().exact();
        let session = client.session();
        Some(Rc::new(Self(RefCell::new(State {
            source: Some(source),
            kept: Vec::new(),
            kept_bytes: 0,
            limit: bounds.keep,
            whole: length.is_none_or(|bytes| bytes <= bounds.keep),
            unsent: true,
            trailers: None,
            failed: None,
            patience: bounds.wait.map(Patience::new),
            session: session.map(Rc::clone),
            held_back: session.map(|session| HeldBack::new(Rc::clone(session))),
            answering: None,
            longest: bounds.longest.unwrap_or(u64::MAX),
            length,
            // What nobody reads is read and thrown away.
            drained: client.must_be_drained(),
        }))))
    }

    /// Whether all that was read so far can be sent again.
    pub(crate) fn can_repeat(&self) -> bool {
        let state = self.0.borrow();
        state.whole && state.failed.is_none()
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
        self.0.borrow().failed.is_some()
    }

    /// Whether the client let the app wait for too long.
    pub(crate) fn is_slow(&self) -> bool {
        self.0.borrow().failed == Some(Failure::Slow)
    }

    /// The same, for whoever passes on the answer.
    pub(crate) fn poll_slow(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_slow() {
            return Poll::Ready(());
        }
        let answering = &mut self.0.borrow_mut().answering;
        if !answering.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *answering = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    /// A part of the answer has come: the client may have waited for that.
    pub(crate) fn forgive(&self) {
        if let Some(patience) = &mut self.0.borrow_mut().patience {
            patience.forgive();
        }
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
        let source = state.source.take().filter(|_| state.drained && state.failed.is_none());
        state.end();
        if let Some(mut source) = source {
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
        let Poll::Ready(next) = Pin::new(&mut *source).poll_frame(cx) else {
            return match state.poll_slow(cx) {
                Poll::Ready(()) => state.fail(Failure::Slow),
                Poll::Pending => Poll::Pending,
            };
        };
        let frame = match next {
            None => {
                state.end();
                return Poll::Ready(None);
            }
            Some(Err(_)) => return state.fail(Failure::BrokenOff),
            Some(Ok(frame)) => frame,
        };
        if let Some(data) = frame.data_ref() {
            let ended = source.is_end_stream();
            state.arrived(data.len());
            if state.kept_bytes > state.longest {
                return state.fail(Failure::BrokenOff);
            }
            state.whole &= state.kept_bytes <= state.limit;
            if ended {
                state.end();
            }
            if state.whole || state.unsent {
                state.kept.push(data.clone());
                *cursor += 1;
            }
        } else if let Some(trailers) = frame.trailers_ref() {
            if !headers::have_names(trailers) {
                return state.fail(Failure::BrokenOff);
            }
            state.trailers = Some(trailers.clone());
            state.end();
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
