//! One request on a shared connection.

use super::channel::Channel;
use super::sending::Sending;
use crate::incoming::{Body, Head};
use crate::request_body::{DRAIN, RequestBody, Upload};
use crate::upstream::{Broken, Cut, Reached};
use bytes::Bytes;
use h2::client::ResponseFuture;
use h2::{Reason, RecvStream};
use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, Method, Request, Uri, Version};
use http_body::Frame;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::{sleep, timeout};

/// A request, and its answer.
pub(crate) struct Call {
    channel: Rc<Channel>,
    /// What has not been sent yet.
    sending: Option<Sending>,
    /// What is sent while the answer is read already.
    beside: Option<Beside>,
    answer: Option<RecvStream>,
    /// Bytes of it that are to come, if it has said how many.
    left: Option<u64>,
    /// All data was read: trailers are next.
    in_trailers: bool,
}

/// A task that ends with this.
struct Beside(AbortHandle);

impl Drop for Beside {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.channel.leave();
    }
}

impl Call {
    /// A request's place on a connection.
    pub(super) fn new(channel: Rc<Channel>) -> Self {
        channel.enter();
        Self { channel, sending: None, beside: None, answer: None, left: None, in_trailers: false }
    }

    /// Sends a request and waits for the head of its answer, whose fields then take the place of the
    /// request's. `watch` is polled along with it; when it is ready the request is given up.
    pub(crate) async fn exchange(
        &mut self,
        head: &mut Parts,
        body: Option<RequestBody>,
        without: Option<&HeaderName>,
        mut watch: impl FnMut(&mut Context<'_>) -> Poll<()>,
    ) -> Option<Result<Head, Broken>> {
        let mut answer = match self.begin(head, body, without) {
            Ok(answer) => answer,
            Err(broken) => return Some(Err(broken)),
        };
        let answer = poll_fn(|cx| {
            match self.sending.as_mut().map(|sending| sending.poll(cx)) {
                Some(Poll::Ready(true)) => self.sending = None,
                Some(Poll::Ready(false)) => {
                    return Poll::Ready(Some(Err(broken("the request could not be read"))));
                }
                Some(Poll::Pending) | None => {}
            }
            match Pin::new(&mut answer).poll(cx) {
                Poll::Ready(answer) => Poll::Ready(Some(answer.map_err(|error| why(&error)))),
                Poll::Pending => watch(cx).map(|()| None),
            }
        })
        .await?;
        Some(answer.and_then(|answer| {
            let (parts, body) = answer.into_parts();
            if parts.status.is_informational() {
                let cause = format!("status {} at the end", parts.status);
                return Err(Broken { reached: Reached::Nonsense, cause });
            }
            head.headers = parts.headers;
            let body = self.take(&head.method, &head.headers, body);
            Ok(Head { status: parts.status, reason: None, body, keep_alive: true })
        }))
    }

    fn begin(
        &mut self,
        head: &Parts,
        body: Option<RequestBody>,
        without: Option<&HeaderName>,
    ) -> Result<ResponseFuture, Broken> {
        let request = request(head, without).map_err(|error| unspeakable(&error))?;
        let (answer, stream) =
            self.channel.sender().send_request(request, body.is_none()).map_err(|error| {
                if error.is_io() || error.is_go_away() {
                    Broken { reached: Reached::Nowhere, cause: error.to_string() }
                } else {
                    unspeakable(&error)
                }
            })?;
        self.sending = body.map(|body| Sending::new(stream, body));
        Ok(answer)
    }

    fn take(&mut self, method: &Method, fields: &HeaderMap, body: RecvStream) -> Body {
        if body.is_end_stream() || *method == Method::HEAD {
            return Body::Done;
        }
        self.answer = Some(body);
        self.left = fields.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        self.left.map_or(Body::UntilEnd, Body::Length)
    }

    /// The head of the answer is there: what is left of the request, be it only what was read already, is
    /// sent by itself, and does not wait for a client that takes its answer only after having sent everything.
    pub(crate) fn go_on(&mut self, upload: Rc<Upload>) {
        upload.forget();
        let Some(mut sending) = self.sending.take() else { return upload.abandon() };
        let task = spawn_local(async move {
            poll_fn(|cx| sending.poll(cx)).await;
            drop(sending);
            upload.abandon();
        });
        self.beside = Some(Beside(task.abort_handle()));
    }

    /// The client has all of the answer. The instance may have to say that it was all, and may still want to
    /// hear the question to its end.
    pub(crate) fn complete(mut self: Box<Self>) {
        let sends = self.beside.as_ref().is_some_and(|beside| !beside.0.is_finished());
        if self.is_done() && !sends {
            return;
        }
        spawn_local(timeout(DRAIN, async move {
            while let Some(Ok(_)) = poll_fn(|cx| self.poll_body(cx)).await {}
            if sends {
                sleep(DRAIN).await;
            }
        }));
    }

    /// The next part of the answer's body.
    pub(crate) fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let Some(answer) = &mut self.answer else { return Poll::Ready(None) };
        if !self.in_trailers {
            match ready!(answer.poll_data(cx)) {
                Some(Ok(data)) => {
                    // It is on its way to the client from here on, who takes the next only when there is room.
                    let _ = answer.flow_control().release_capacity(data.len());
                    self.left = self.left.map(|left| left.saturating_sub(data.len() as u64));
                    self.look_ahead(cx);
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Some(Err(error)) if is_end(&error) => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(cut(error)))),
                None => self.in_trailers = true,
            }
        }
        let trailers = ready!(answer.poll_trailers(cx));
        self.answer = None;
        Poll::Ready(match trailers {
            Ok(trailers) => trailers.map(|trailers| Ok(Frame::trailers(trailers))),
            Err(error) if is_end(&error) => None,
            Err(error) => Some(Err(cut(error))),
        })
    }

    /// Many servers say in a frame of its own that the last one was the last: usually it is there already.
    fn look_ahead(&mut self, cx: &mut Context<'_>) {
        let Some(answer) = self.answer.as_mut().filter(|_| self.left == Some(0)) else { return };
        while !answer.is_end_stream() && !self.in_trailers {
            match answer.poll_data(cx) {
                // More than was promised is an error of the stream.
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(None) => self.in_trailers = true,
                Poll::Ready(Some(Err(_))) | Poll::Pending => return,
            }
        }
    }

    /// Whether the answer was read to its end.
    pub(crate) fn is_done(&self) -> bool {
        self.answer.as_ref().is_none_or(RecvStream::is_end_stream)
    }
}

/// The request in the words of HTTP/2 (RFC 9113 section 8.3.1).
fn request(head: &Parts, without: Option<&HeaderName>) -> Result<Request<()>, http::Error> {
    let authority = head.headers.get(HOST).map_or(&b"localhost"[..], |host| host.as_bytes());
    let path = head.uri.path_and_query().cloned();
    let uri = Uri::builder()
        .scheme(Scheme::HTTP)
        .authority(authority)
        .path_and_query(path.unwrap_or_else(|| PathAndQuery::from_static("/")))
        .build()?;
    let mut request = Request::new(());
    *request.method_mut() = head.method.clone();
    *request.version_mut() = Version::HTTP_2;
    *request.uri_mut() = uri;
    let mut fields = head.headers.clone();
    // The client is told to go on when its body is read: streams have room of their own for what comes early.
    for name in [HOST, TRANSFER_ENCODING, CONNECTION, UPGRADE, EXPECT].iter().chain(without) {
        fields.remove(name);
    }
    *request.headers_mut() = fields;
    Ok(request)
}

fn broken(cause: impl ToString) -> Broken {
    Broken { reached: Reached::Sent, cause: cause.to_string() }
}

fn unspeakable(error: &dyn std::fmt::Display) -> Broken {
    let cause = format!("the request cannot be said in HTTP/2: {error}");
    Broken { reached: Reached::Nonsense, cause }
}

/// How far a request got that has no answer.
fn why(error: &h2::Error) -> Broken {
    // Streams behind the last one that a GOAWAY names, and those refused, were not looked at (RFC 9113
    // section 8.7).
    let reached = if error.is_remote() && error.is_go_away() {
        Reached::Unseen
    } else if error.is_remote() && error.reason() == Some(Reason::REFUSED_STREAM) {
        Reached::Refused
    } else if error.is_library() {
        Reached::Nonsense
    } else {
        Reached::Sent
    };
    Broken { reached, cause: error.to_string() }
}

/// The answer is complete, and the instance does not want the rest of the request (RFC 9113 section 8.1).
fn is_end(error: &h2::Error) -> bool {
    error.is_remote() && error.is_reset() && error.reason() == Some(Reason::NO_ERROR)
}

fn cut(error: h2::Error) -> Cut {
    Cut::Failed(error.into_io().unwrap_or_else(|| io::ErrorKind::ConnectionReset.into()))
}
