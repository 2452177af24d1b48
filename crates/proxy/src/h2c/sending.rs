//! A request's body on its way to an instance.

use crate::request_body::RequestBody;
use bytes::Bytes;
use h2::{Reason, SendStream};
use http_body::Frame;
use std::task::{Context, Poll, ready};

/// What is left of it.
pub(super) struct Sending {
    stream: SendStream<Bytes>,
    body: RequestBody,
    /// Taken from the body, and still waiting for the instance.
    waiting: Bytes,
}

impl Sending {
    /// All of it. Its head was sent.
    pub(super) fn new(stream: SendStream<Bytes>, body: RequestBody) -> Self {
        body.begin();
        Self { stream, body, waiting: Bytes::new() }
    }

    /// Sends on. Ready when no more will be sent: whether that is because all was sent, or the instance does
    /// not want it; not, when the client broke off.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        loop {
            if !self.waiting.is_empty() {
                let Some(room) = ready!(self.poll_room(cx)) else { return Poll::Ready(true) };
                let now = self.waiting.split_to(room.min(self.waiting.len()));
                let last = self.waiting.is_empty() && self.body.is_end_stream();
                if self.stream.send_data(now, last).is_err() || last {
                    return Poll::Ready(true);
                }
                continue;
            }
            match ready!(self.body.poll_frame(cx)).map(|frame| frame.map(Frame::into_data)) {
                None => {
                    // Whoever does not want it any more is not told that it is over.
                    let _ = self.stream.send_data(Bytes::new(), true);
                    return Poll::Ready(true);
                }
                Some(Ok(Ok(data))) => self.waiting = data,
                Some(Ok(Err(frame))) => {
                    if let Ok(trailers) = frame.into_trailers() {
                        if self.stream.send_trailers(trailers).is_err() {
                            // Some must not be sent in HTTP/2: then none are.
                            let _ = self.stream.send_data(Bytes::new(), true);
                        }
                        return Poll::Ready(true);
                    }
                }
                Some(Err(_)) => {
                    self.stream.send_reset(Reason::CANCEL);
                    return Poll::Ready(false);
                }
            }
        }
    }

    /// How many bytes the instance takes now; none if it takes no more at all.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Option<usize>> {
        self.stream.reserve_capacity(self.waiting.len());
        loop {
            let room = self.stream.capacity();
            if room > 0 {
                return Poll::Ready(Some(room));
            }
            match ready!(self.stream.poll_capacity(cx)) {
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Poll::Ready(None),
            }
        }
    }
}
