//! An upgraded connection from the `101` to its end: one function per state.
//!
//! ```text
//! open ──either side closes──────────────────────────────────▶ over
//!   │ the instance retires                                       ▲
//!   ├──no WebSocket: at the end of the drain─────────────────────┤
//!   └─▶ between two messages: our close frame ─▶ the client's answer, passed on ─▶ the instance closes
//! ```

use super::close;
use super::finish::Finish;
use super::flow::{Flow, UpTo};
use super::tunnel::Protocol;
use crate::backend::Ticket;
use crate::client::ClientIo;
use crate::socket::Socket;
use gapless_model::Moment;
use std::future::{pending, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::AsyncWrite;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// How long a client may take to answer a close frame. One that went away without a word never does.
const ANSWER: Duration = Duration::from_secs(10);

/// How long the other side of a WebSocket may take to close when one side has.
const LINGER: Duration = Duration::from_secs(2);

/// Both sides, and how far each was followed.
pub(super) struct Relay {
    protocol: Protocol,
    client: ClientIo,
    instance: Socket,
    to_client: Flow,
    to_instance: Flow,
    /// The client was sent a close frame of ours.
    asked: bool,
}

/// Why a connection is open no more.
enum Over {
    /// It has closed, or failed.
    Ended(io::Result<()>),
    /// It is to be closed, until then.
    Retired { end: Moment },
}

impl Relay {
    /// Two sockets, each with what was read from it already.
    pub(super) fn new(protocol: Protocol, client: (ClientIo, &[u8]), instance: (Socket, &[u8])) -> Self {
        let is_websocket = protocol == Protocol::WebSocket;
        let mut to_instance = Flow::new(is_websocket, client.1);
        // One that has closed may have said something before, which the client gets first.
        to_instance.needs_no_ear();
        Self {
            protocol,
            client: client.0,
            instance: instance.0,
            to_client: Flow::new(is_websocket, instance.1),
            to_instance,
            asked: false,
        }
    }

    /// Runs until it is over. `ticket` counts it until then.
    pub(super) async fn run(mut self, ticket: Ticket) {
        let ended = match self.open(ticket.backend.finish()).await {
            Over::Ended(ended) => ended,
            Over::Retired { .. } if self.protocol == Protocol::Other => Ok(()),
            Over::Retired { end } => {
                let rest = end.since(crate::clock::now());
                // Kept out of what every open connection takes.
                let closed = Box::pin(timeout(rest, self.close())).await;
                match closed {
                    Ok(closed) => closed,
                    Err(_) => self.cut().await,
                }
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, instance = %ticket.backend.instance, "an upgraded connection broke off");
        }
    }

    async fn open(&mut self, mut finish: watch::Receiver<Option<Finish>>) -> Over {
        // Drawn once, so that news of the finish do not draw again.
        let share = fastrand::f64();
        loop {
            let ordered = *finish.borrow_and_update();
            let due = ordered.map(|finish| match self.protocol {
                Protocol::WebSocket => (finish.at(share), finish.end),
                Protocol::Other => (finish.end, finish.end),
            });
            tokio::select! {
                biased;
                ended = poll_fn(|cx| self.poll_open(cx)) => return Over::Ended(self.linger(ended).await),
                end = retired(due) => return Over::Retired { end },
                // The sender is the backend's, which the ticket holds.
                Ok(()) = finish.changed() => {}
            }
        }
    }

    /// Ready when both have closed; a WebSocket's client has a moment left when its instance has.
    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let up = self.to_instance.poll(UpTo::End, &mut self.client, &mut self.instance, cx)?;
        let down = self.to_client.poll(UpTo::End, &mut self.instance, &mut self.client, cx)?;
        let enough = up.is_ready() || self.to_instance.is_deaf() || self.protocol == Protocol::WebSocket;
        if down.is_ready() && enough { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    async fn linger(&mut self, ended: io::Result<()>) -> io::Result<()> {
        ended?;
        let up = poll_fn(|cx| self.to_instance.poll(UpTo::End, &mut self.client, &mut self.instance, cx));
        timeout(LINGER, up).await.unwrap_or(Ok(()))
    }

    /// Closes it as RFC 6455 section 7.1.2 wants it, towards both.
    async fn close(&mut self) -> io::Result<()> {
        poll_fn(|cx| {
            self.to_instance.poll(UpTo::End, &mut self.client, &mut self.instance, cx)?.is_ready();
            self.to_client.poll(UpTo::Boundary, &mut self.instance, &mut self.client, cx)
        })
        .await?;
        if self.closes_by_itself() {
            let ended = timeout(ANSWER, poll_fn(|cx| self.poll_open(cx))).await;
            return self.linger(ended.unwrap_or(Ok(()))).await;
        }
        self.ask();
        match timeout(ANSWER, poll_fn(|cx| self.poll_answer(cx))).await {
            Ok(answered) => answered?,
            Err(_) => return self.cut().await,
        }
        // It has had all that it will get; the server is the one to close (RFC 6455 section 7.1.1).
        poll_fn(|cx| Pin::new(&mut self.client).poll_shutdown(cx)).await?;
        let end = poll_fn(|cx| self.to_client.poll_discard(&mut self.instance, cx));
        timeout(LINGER, end).await.unwrap_or(());
        Ok(())
    }

    fn ask(&mut self) {
        if !std::mem::replace(&mut self.asked, true) {
            self.to_client.put(&close::TO_CLIENT);
        }
    }

    fn closes_by_itself(&self) -> bool {
        [&self.to_client, &self.to_instance].into_iter().any(|flow| flow.has_closed() || flow.has_ended())
    }

    /// Ready when the client has answered the close frame and the instance was told.
    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let put = self.to_client.poll_put(&mut self.client, cx)?;
        self.to_client.poll_discard(&mut self.instance, cx).is_ready();
        ready!(self.to_instance.poll(UpTo::Close, &mut self.client, &mut self.instance, cx))?;
        put.map(Ok)
    }

    /// There is no time left: says what can be said at once, and waits for nothing.
    async fn cut(&mut self) -> io::Result<()> {
        if self.to_client.is_between_frames() {
            self.ask();
        }
        if self.to_instance.is_between_frames() {
            self.to_instance.put(&close::TO_INSTANCE);
        }
        poll_fn(|cx| {
            let client = self.to_client.poll_put(&mut self.client, cx);
            let instance = self.to_instance.poll_put(&mut self.instance, cx);
            Poll::Ready([client, instance].into_iter().find_map(|put| match put {
                Poll::Ready(Err(error)) => Some(error),
                _ => None,
            }))
        })
        .await
        .map_or(Ok(()), Err)
    }
}

/// Resolves when the connection is due, with its end; never if it is not.
async fn retired(due: Option<(Moment, Moment)>) -> Moment {
    match due {
        Some((at, end)) => {
            let rest = at.since(crate::clock::now());
            if !rest.is_zero() {
                sleep(rest).await;
            }
            end
        }
        None => pending().await,
    }
}
