//! Answers that go on: one JSON value a line, as long as somebody listens.

use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc;

/// Lines that may wait for a slow reader.
const WAITING: usize = 64;

/// Where lines are written.
pub(super) struct Lines(mpsc::Sender<Bytes>);

impl Lines {
    /// Writes a line. False if nobody reads any more.
    pub(super) async fn write(&self, line: &impl Serialize) -> bool {
        let Ok(mut text) = serde_json::to_vec(line) else { return false };
        text.push(b'\n');
        self.0.send(text.into()).await.is_ok()
    }

    /// Resolves when nobody reads any more.
    pub(super) async fn closed(&self) {
        self.0.closed().await;
    }
}

/// A way to write lines, and the answer that carries them.
pub(super) fn lines() -> (Lines, Response) {
    let (sender, receiver) = mpsc::channel(WAITING);
    let body = Body::new(Stream(receiver));
    (Lines(sender), ([(CONTENT_TYPE, "application/x-ndjson")], body).into_response())
}

struct Stream(mpsc::Receiver<Bytes>);

impl http_body::Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|line| line.map(|bytes| Ok(http_body::Frame::data(bytes))))
    }
}
