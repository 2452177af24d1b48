//! A client's connection from accept to close: requests one after the other, unless it speaks HTTP/2.

use crate::client::{Client, ClientIo};
use crate::crew::Open;
use crate::exchange::Exchange;
use crate::forward::answer;
use crate::http2::{self, Sniff};
use crate::listener::Listener;
use crate::stream::Stream;
use crate::strict::{Fault, Strict};
use crate::tls::shake_hands;
use crate::worker::Worker;
use bytes::Bytes;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncWriteExt, join};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

/// Looks at which nothing had moved on an idle connection before it is closed (see
/// [`Options::look`](crate::Options::look)).
pub(crate) const IDLE_LOOKS: u32 = 7;

/// Looks at which a client had taken nothing of the answer that waits for it, before its connection is closed:
/// longer than others wait, as who has paused a film comes back.
const STUCK_LOOKS: u32 = 20;

/// Looks before a request's head must be complete.
const HEAD_LOOKS: u32 = 3;

/// How long a client may go on sending after its connection was closed for writing.
const LINGER: Duration = Duration::from_secs(2);

/// Bodies pass through buffers of at most this many bytes; also the longest head of a request.
const BUFFER: usize = 128 * 1024;

/// Serves a client until it is done.
pub(crate) async fn serve(
    worker: Rc<Worker>,
    socket: TcpStream,
    peer: SocketAddr,
    listener: Rc<Listener>,
    open: Open,
) {
    let stream = if listener.speaks_tls() {
        let _active = Active::begin(&worker.active);
        let Some(stream) = shake_hands(&worker.terms, socket).await else { return };
        stream
    } else {
        Stream::Plain(socket)
    };
    let agreed = stream.is_http2();
    let near = worker.believes(peer.ip());
    let client = Rc::new(Client::new(stream, peer, near, listener, Rc::clone(&worker.active)));
    let io = ClientIo(Rc::clone(&client));
    let end = if agreed { End::Http2(Sniff::agreed(io)) } else { requests(&worker, &client, io).await };
    let ahead = match end {
        End::Over => return,
        End::Complete(ahead) => ahead,
        End::Refused(fault) => {
            tracing::debug!(%peer, ?fault, "a client is refused");
            let mut io = ClientIo(Rc::clone(&client));
            if io.write_all(fault.answer().as_bytes()).await.is_ok() {
                // What it goes on sending was not read to its end.
                drop(close(io, &client, &Bytes::from_static(b"?")).await);
            }
            return;
        }
        End::Http2(io) => {
            // Large: kept out of what every connection holds.
            Box::pin(http2::serve(worker, Rc::clone(&client), io)).await;
            Bytes::new()
        }
    };
    let io = ClientIo(Rc::clone(&client));
    if let Some(tunnel) = client.take_tunnel() {
        // A task of its own, as this one has the size of all that HTTP takes.
        let run = tunnel.run(io, ahead);
        tokio::task::spawn_local(async move {
            run.await;
            drop(open);
        });
        return;
    }
    drop(close(io, &client, &ahead).await);
}

/// How a connection of HTTP/1.1 went on.
enum End {
    /// There is nothing to be done.
    Over,
    /// All requests are answered, or it is upgraded. What came behind them.
    Complete(Bytes),
    /// What came is no request; it is to be told so.
    Refused(Fault),
    /// It is none.
    Http2(Sniff<ClientIo>),
}

/// The last that was made of a connection's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    /// Whole requests.
    Done,
    /// No request, which the client was told.
    Answered,
    /// A part of a request.
    Cut,
    /// Whole requests, and more may come.
    Quiet,
}

impl Last {
    fn of(ended: &hyper::Result<()>) -> Self {
        match ended {
            Ok(()) => Self::Done,
            Err(error) if error.is_parse() => Self::Answered,
            Err(_) => Self::Cut,
        }
    }
}

/// Serves the requests of a connection, one after the other.
async fn requests(worker: &Rc<Worker>, client: &Rc<Client>, io: ClientIo) -> End {
    let handle = service_fn({
        let (worker, client) = (Rc::clone(worker), Rc::clone(client));
        move |request: Request<Incoming>| {
            // In a box: an idle connection has no room for one.
            Box::pin(answer(Rc::clone(&worker), Exchange::Http1(Rc::clone(&client)), request))
        }
    });
    let mut read = Strict::new(Sniff::new(io), Rc::clone(client));
    let mut watch = Watch::default();
    let mut look = pin!(sleep(worker.look));
    let (last, connection) = loop {
        let io = TokioIo::new(join(read, ClientIo(Rc::clone(client))));
        let mut http = Builder::new();
        http.half_close(true).max_buf_size(BUFFER);
        let mut connection = http.serve_connection(io, handle.clone());
        let last = poll_fn(|cx| {
            if let Poll::Ready(ended) = connection.poll_without_shutdown(cx) {
                return Poll::Ready(Last::of(&ended));
            }
            while look.as_mut().poll(cx).is_ready() {
                if watch.is_over(client) {
                    return Poll::Ready(Last::Cut);
                }
                look.as_mut().reset(Instant::now() + worker.look);
                if watch.is_quiet(client) {
                    return Poll::Ready(Last::Quiet);
                }
            }
            Poll::Pending
        })
        .await;
        if last != Last::Quiet {
            break (last, connection);
        }
        // What it would be read into next is larger than all else that a connection holds.
        read = connection.into_parts().io.into_inner().into_inner().0;
        let over = poll_fn(|cx| {
            if client.poll_sent(cx).is_ready() {
                return Poll::Ready(false);
            }
            while look.as_mut().poll(cx).is_ready() {
                if watch.is_over(client) {
                    return Poll::Ready(true);
                }
                look.as_mut().reset(Instant::now() + worker.look);
            }
            Poll::Pending
        });
        if over.await {
            return End::Over;
        }
    };
    if let Some(fault) = client.fault().filter(|_| client.is_in_head() && last != Last::Answered) {
        return End::Refused(fault);
    }
    if last != Last::Done {
        return End::Over;
    }
    let parts = connection.into_parts();
    match parts.io.into_inner().into_inner().0.into_inner().rewind() {
        Ok(io) => End::Http2(io),
        Err(_) => End::Complete(parts.read_buf),
    }
}

/// Closes so that the client can read what was written: a socket that is closed with something unread
/// sends a reset, which would overtake it (RFC 9112 section 9.6).
async fn close(mut io: ClientIo, client: &Client, ahead: &Bytes) -> io::Result<()> {
    io.shutdown().await?;
    if ahead.is_empty() && !matches!(client.discard(), Ok(n) if n > 0) {
        return Ok(());
    }
    timeout(LINGER, poll_fn(|cx| client.poll_discard_all(cx))).await.unwrap_or(Ok(()))
}

/// Counts a connection as one in the middle of something.
struct Active(Rc<Cell<u32>>);

impl Active {
    fn begin(active: &Rc<Cell<u32>>) -> Self {
        active.set(active.get() + 1);
        Self(Rc::clone(active))
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// What was seen of a connection so far.
#[derive(Debug, Default)]
struct Watch {
    idle: u32,
    head: u32,
    stuck: u32,
    /// What the system held for a client that was stuck.
    held: Option<u32>,
}

impl Watch {
    /// Whether nothing has moved from one look to the next, and nothing is left to be done.
    fn is_quiet(&self, client: &Client) -> bool {
        self.idle > 0 && client.is_quiet()
    }

    /// Looks at a connection. Whether it has been idle, or in the middle of a head, or not reading its answer, for
    /// too long.
    fn is_over(&mut self, client: &Client) -> bool {
        let moved = client.take_moved();
        if client.is_busy() {
            self.head = 0;
            self.idle = 0;
        } else if client.is_in_head() {
            self.head += 1;
        } else {
            self.head = 0;
            self.idle = if moved { 0 } else { self.idle + 1 };
        }
        if self.head >= HEAD_LOOKS {
            client.refuse(Fault::SlowHead);
        }
        let held = client.stuck();
        self.stuck = if held.is_some() && held == self.held && !moved { self.stuck + 1 } else { 0 };
        self.held = held;
        if self.stuck >= STUCK_LOOKS {
            // What the system holds for it would go on waiting otherwise.
            client.reset();
        }
        self.idle >= IDLE_LOOKS || self.head >= HEAD_LOOKS || self.stuck >= STUCK_LOOKS
    }
}
