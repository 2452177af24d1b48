//! An answer that begins before its request is through.
//!
//! Usually the answer's body is read when the client takes it, and that is all that has to be done. Here the
//! request's body goes on as well, and must not wait for a client that takes its answer only after having
//! sent everything. So a task of its own drives the connection.

use crate::request_body::{DRAIN, Upload};
use crate::upstream::{Cut, Upstream};
use bytes::Bytes;
use http_body::Frame;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// What comes out of it.
pub(crate) type Pumped = mpsc::Receiver<Result<Frame<Bytes>, Cut>>;

/// Drives the connection until both directions are through, or the receiver is dropped. It is not used
/// again.
pub(crate) fn pump(mut upstream: Box<Upstream>, upload: Rc<Upload>) -> Pumped {
    let (sender, receiver) = mpsc::channel(1);
    tokio::task::spawn_local(async move {
        if answer(&mut upstream, sender).await {
            // The answer is complete; an instance may still want to hear the question to its end.
            let _ = timeout(DRAIN, poll_fn(|cx| upstream.poll_send(cx))).await;
        }
        drop(upstream);
        upload.abandon();
    });
    receiver
}

/// Passes the answer on. Whether it is complete.
async fn answer(upstream: &mut Upstream, sender: mpsc::Sender<Result<Frame<Bytes>, Cut>>) -> bool {
    loop {
        let room = {
            let mut reserve = pin!(sender.reserve());
            poll_fn(|cx| {
                let _ = upstream.poll_send(cx);
                reserve.as_mut().poll(cx)
            })
            .await
        };
        // A client of HTTP/1.1 goes with the last byte that was promised, and asks for no more.
        let Ok(room) = room else { return upstream.body().is_done() };
        let frame = tokio::select! {
            biased;
            frame = poll_fn(|cx| upstream.poll_body(cx)) => frame,
            () = sender.closed() => return false,
        };
        let Some(frame) = frame else { return true };
        let broke_off = frame.is_err();
        room.send(frame);
        if broke_off {
            return false;
        }
    }
}
