//! A connection of HTTP/2 from its preface to its end.

use super::session::{Conduct, Session};
use super::sniff::Sniff;
use crate::client::{Client, ClientIo};
use crate::connection::IDLE_LOOKS;
use crate::exchange::Exchange;
use crate::forward::answer;
use crate::worker::Worker;
use http::Request;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;
use tokio::io::join;
use tokio::time::{Instant, sleep};

/// Requests at a time on one connection.
const STREAMS: u32 = 128;

/// Bytes that a request's body may be ahead of its instance …
const STREAM_WINDOW: u32 = 256 * 1024;

/// The same, to count with.
pub(crate) const READ_AHEAD: u64 = STREAM_WINDOW as u64;

/// … and those of all requests of a connection together: what its client can make us keep.
const WINDOW: u32 = 1024 * 1024;

/// Bytes of answers that wait for the client, for each request.
const SEND: usize = 64 * 1024;

/// Bytes of a request's fields, each with 32 more (RFC 9113 section 6.5.2). It bounds the CONTINUATION frames
/// as well.
const HEAD: u32 = 32 * 1024;

/// Requests taken back by the client before we have looked at them, at most at a time (CVE-2023-44487).
const UNSEEN_RESETS: usize = 32;

/// Streams that we have reset because of the client's faults, at most, before it is enough.
const OWN_RESETS: usize = 128;

/// A client that has requests and says nothing is asked this often whether it is there …
const ALIVE: Duration = Duration::from_secs(45);

/// … and given up after this time.
const SILENT: Duration = Duration::from_secs(45);

/// What a client without requests gets to say that it has heard the GOAWAY.
const FAREWELL: Duration = Duration::from_secs(3);

/// Requests run on the worker's own thread.
#[derive(Clone)]
struct Here;

impl<F> Executor<F> for Here
where
    F: Future<Output = ()> + 'static,
{
    fn execute(&self, request: F) {
        tokio::task::spawn_local(request);
    }
}

fn builder() -> Builder<Here> {
    let mut builder = Builder::new(Here);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_send_buf_size(SEND)
        .max_header_list_size(HEAD)
        .max_pending_accept_reset_streams(UNSEEN_RESETS)
        .max_local_error_reset_streams(OWN_RESETS)
        .keep_alive_interval(ALIVE)
        .keep_alive_timeout(SILENT);
    builder
}

/// How a connection stands.
enum Stand {
    /// It takes requests.
    Open { idle: u32 },
    /// The client was told that it takes no more: those that have begun are finished.
    Leaving,
}

/// Serves a client until it is done. When its listener closes, it is told so by GOAWAY (RFC 9113 section 6.8),
/// and what it has begun is finished.
pub(crate) async fn serve(worker: Rc<Worker>, client: Rc<Client>, io: Sniff<ClientIo>) {
    let session = Rc::new(Session::new(Rc::clone(&client)));
    let every = worker.look;
    let handle = service_fn({
        let session = Rc::clone(&session);
        move |request: Request<Incoming>| {
            let exchange = Exchange::Http2(Rc::clone(&session));
            answer(Rc::clone(&worker), exchange, request)
        }
    });
    let io = TokioIo::new(join(io, ClientIo(Rc::clone(&client))));
    let mut connection = pin!(builder().serve_connection(io, handle));
    let mut closing = pin!(client.listener.closed());
    let mut look = pin!(sleep(every));
    let mut stand = Stand::Open { idle: 0 };
    poll_fn(|cx| {
        loop {
            if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
                return Poll::Ready(ended);
            }
            let time = look.as_mut().poll(cx).is_ready();
            let conduct = session.conduct();
            match &mut stand {
                Stand::Open { idle } => {
                    let mut over = closing.as_mut().poll(cx).is_ready() || conduct > Conduct::Fair;
                    if time {
                        let quiet = session.is_idle() && !client.take_moved();
                        *idle = if quiet { *idle + 1 } else { 0 };
                        over |= *idle >= IDLE_LOOKS;
                        session.look();
                        look.as_mut().reset(Instant::now() + every);
                    }
                    if over {
                        session.leave();
                        connection.as_mut().graceful_shutdown();
                        look.as_mut().reset(Instant::now() + FAREWELL);
                        stand = Stand::Leaving;
                    } else if !time {
                        return Poll::Pending;
                    }
                }
                Stand::Leaving if conduct == Conduct::Hostile || (time && session.is_idle()) => {
                    return Poll::Ready(Ok(()));
                }
                Stand::Leaving if time => look.as_mut().reset(Instant::now() + FAREWELL),
                Stand::Leaving => return Poll::Pending,
            }
        }
    })
    .await
    .unwrap_or_else(|error| tracing::debug!(%error, "a connection of HTTP/2 ended"));
}
