//! The requests of a stream, made from a seed.

use crate::answer::Sent;
use crate::plan::{Connections, RequestKind, Stream};
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request};

/// Makes one client's requests.
#[derive(Debug)]
pub(crate) struct Requests {
    kind: RequestKind,
    close: bool,
    host: HeaderValue,
    random: fastrand::Rng,
}

impl Requests {
    pub(crate) fn new(stream: &Stream, host: HeaderValue, random: fastrand::Rng) -> Self {
        let close = stream.connections == Connections::PerRequest;
        Self { kind: stream.request.clone(), close, host, random }
    }

    /// What the next request is, before it is one for the wire.
    pub(crate) fn next(&mut self) -> Outgoing {
        match &self.kind {
            RequestKind::Get { path } => Outgoing {
                method: Method::GET,
                sent: Sent { path: path.clone(), body: Bytes::new() },
                key: None,
            },
            RequestKind::Post { path, size, idempotency_key } => {
                let mut body = vec![0; self.random.usize(size.clone())];
                self.random.fill(&mut body);
                let key = idempotency_key.then(|| format!("{:032x}", self.random.u128(..)));
                Outgoing {
                    method: Method::POST,
                    sent: Sent { path: path.clone(), body: Bytes::from(body) },
                    key,
                }
            }
        }
    }

    /// The request for the wire.
    pub(crate) fn build(&self, out: &Outgoing) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
        let mut request =
            Request::builder().method(out.method.clone()).uri(&out.sent.path).header(HOST, self.host.clone());
        if out.method == Method::POST {
            request = request.header(CONTENT_TYPE, "application/octet-stream");
        }
        if let Some(key) = &out.key {
            request = request.header("idempotency-key", key);
        }
        if self.close {
            request = request.header(CONNECTION, "close");
        }
        request.body(Full::new(out.sent.body.clone()))
    }
}

/// One request to be sent.
#[derive(Debug)]
pub(crate) struct Outgoing {
    method: Method,
    pub(crate) sent: Sent,
    key: Option<String>,
}
