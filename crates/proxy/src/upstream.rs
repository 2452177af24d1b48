//! One connection to an instance, driven by whoever has a request on it.
//!
//! The connection is no task of its own: the request that uses it polls it, so an answer passes from one
//! socket to the other without waking anybody in between. While it is idle nobody polls it; that it was
//! closed meanwhile is seen when it is taken from the pool.

use crate::instance_io::{InstanceIo, Meter};
use crate::nudge::Nudge;
use crate::request_body::RequestBody;
use bytes::Bytes;
use gapless_model::Address;
use http::{Request, Response};
use http_body::{Body, Frame};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

/// Bodies pass through buffers of at most this many bytes.
const BUFFER: usize = 128 * 1024;

/// A connection, with what is needed to know how far a request got on it.
pub(crate) struct Upstream {
    wire: Wire,
    nudge: Nudge,
}

struct Wire {
    send: SendRequest<RequestBody>,
    connection: Connection<TokioIo<InstanceIo>, RequestBody>,
    /// The connection has said all it will ever say.
    ended: bool,
    /// Why it ended, if it did not end well.
    cause: Option<hyper::Error>,
    meter: Rc<Meter>,
}

/// How far a request got that has no answer.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub(crate) enum Reached {
    /// Not one byte of it was written.
    Nowhere,
    /// Some or all of it was written, and the connection ended without an answer.
    Sent,
    /// What came back is no HTTP.
    Nonsense,
}

/// A request without an answer.
#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) reached: Reached,
    pub(crate) cause: String,
}

impl Upstream {
    /// Connects within `limit`.
    ///
    /// # Errors
    /// Those of `connect(2)`; `TimedOut` when the instance does not take connections off its queue.
    pub(crate) async fn connect(address: Address, limit: Duration) -> io::Result<Box<Self>> {
        let deadline = Instant::now() + limit;
        let io = timeout_at(deadline, connect(&address)).await??;
        let meter = io.meter();
        let (send, connection) = Builder::new()
            .max_buf_size(BUFFER)
            .handshake(TokioIo::new(io))
            .await
            .map_err(io::Error::other)?;
        let wire = Wire { send, connection, ended: false, cause: None, meter };
        Ok(Box::new(Self { wire, nudge: Nudge::new() }))
    }

    /// Sends a request and waits for the head of its answer. `watch` is polled along with it; when it is
    /// ready the request is given up.
    pub(crate) async fn exchange(
        &mut self,
        request: Request<RequestBody>,
        mut watch: impl FnMut(&mut Context<'_>) -> Poll<()>,
    ) -> Option<Result<Response<Incoming>, Broken>> {
        let Self { wire, nudge } = self;
        let written = wire.meter.written();
        // Handed over in the first poll, where nobody needs to be woken for it.
        let mut request = Some(request);
        let mut answer = pin!(None);
        let result = poll_fn(|cx| {
            let polled = nudge.poll(cx, |cx| {
                if let Some(request) = request.take() {
                    answer.set(Some(wire.send.try_send_request(request)));
                }
                wire.drive(cx);
                match answer.as_mut().as_pin_mut() {
                    Some(answer) => answer.poll(cx),
                    None => Poll::Pending,
                }
            });
            match polled {
                Poll::Ready(result) => Poll::Ready(Some(Some(result))),
                Poll::Pending if wire.meter.is_deaf() && wire.meter.written() == written => {
                    Poll::Ready(Some(None))
                }
                Poll::Pending => watch(cx).map(|()| None),
            }
        })
        .await?;
        Some(match result {
            Some(Ok(response)) => Ok(response),
            Some(Err(error)) => {
                let error = error.into_error();
                let reached = if error.is_parse() {
                    Reached::Nonsense
                } else if wire.meter.written() == written {
                    Reached::Nowhere
                } else {
                    Reached::Sent
                };
                Err(Broken { reached, cause: describe(&error, wire.cause.as_ref()) })
            }
            None => Err(Broken { reached: Reached::Nowhere, cause: "the instance has closed".to_owned() }),
        })
    }

    /// The next part of an answer's body. The connection reads and writes meanwhile.
    pub(crate) fn poll_body(
        &mut self,
        body: &mut Incoming,
        cx: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let Self { wire, nudge } = self;
        nudge.poll(cx, |cx| {
            let next = Pin::new(&mut *body).poll_frame(cx);
            if next.is_ready() {
                return next;
            }
            wire.drive(cx);
            Pin::new(&mut *body).poll_frame(cx)
        })
    }

    /// Drives the connection until it has nothing more to do for the request, by itself.
    pub(crate) async fn finish(mut self: Box<Self>) {
        let Self { wire, nudge } = &mut *self;
        poll_fn(|cx| {
            nudge.poll(cx, |cx| {
                wire.drive(cx);
                if wire.ended || wire.send.is_ready() { Poll::Ready(()) } else { Poll::Pending }
            })
        })
        .await;
    }

    /// Whether another request can be sent on it.
    pub(crate) fn is_reusable(&mut self, cx: &mut Context<'_>) -> bool {
        let Self { wire, nudge } = self;
        let driven = nudge.poll(cx, |cx| {
            wire.drive(cx);
            Poll::Ready(())
        });
        driven.is_ready() && !wire.ended && wire.send.is_ready() && !wire.meter.is_deaf()
    }

    /// Nobody has a request on it: nobody needs to be woken for it.
    pub(crate) fn rest(&mut self) {
        self.nudge.rest();
    }

    /// Whether the other side has closed without our having noticed yet; costs a system call.
    pub(crate) fn has_ended_quietly(&self) -> bool {
        self.wire.meter.peek_says_ended()
    }

    /// The bare connection after a `101`, with what was read beyond the head.
    pub(crate) fn into_tunnel(self) -> (TokioIo<InstanceIo>, Bytes) {
        self.wire.meter.be_strict();
        let parts = self.wire.connection.into_parts();
        (parts.io, parts.read_buf)
    }
}

impl Wire {
    /// Lets the connection read and write.
    fn drive(&mut self, cx: &mut Context<'_>) {
        if !self.ended
            && let Poll::Ready(end) = self.connection.poll_without_shutdown(cx)
        {
            self.ended = true;
            self.cause = end.err();
        }
    }
}

/// Connects; a Unix socket whose queue is full says `EAGAIN` at once (`connect(2)`), and is asked again.
async fn connect(address: &Address) -> io::Result<InstanceIo> {
    let mut pause = Duration::from_millis(1);
    loop {
        match InstanceIo::connect(address).await {
            Err(full) if full.kind() == io::ErrorKind::WouldBlock => {
                sleep(pause).await;
                pause = (pause * 2).min(Duration::from_millis(50));
            }
            result => return result,
        }
    }
}

fn describe(error: &hyper::Error, connection: Option<&hyper::Error>) -> String {
    use std::error::Error;
    let mut text = error.to_string();
    for cause in [error.source(), connection.map(|e| e as &dyn Error)].into_iter().flatten() {
        text = format!("{text}: {cause}");
    }
    text
}
