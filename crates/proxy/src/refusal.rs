//! Answers by the proxy itself, when no instance can give one.

use crate::answer::AnswerBody;
use crate::headers::X_REQUEST_ID;
use bytes::Bytes;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

/// Why no instance answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No host, or more than one.
    BadHost,
    /// `CONNECT`.
    Tunnel,
    /// No app takes this host and path.
    NoRoute,
    /// No app takes this host, on a connection that may have been opened for another.
    Misdirected,
    /// The instance broke off, and the request must not be sent twice.
    BrokenOff,
    /// The instance answered with something that is no HTTP.
    Nonsense,
    /// The app is stopped.
    Stopped,
    /// Nobody serves the app, and as many requests wait as may.
    Full,
    /// Nobody has served the app for as long as a request may wait.
    NobodyReady,
    /// Instances are there, but none took a connection for as long as a request may wait.
    Unreachable,
}

impl Refusal {
    const fn status(&self) -> StatusCode {
        match self {
            Self::BadHost => StatusCode::BAD_REQUEST,
            Self::Tunnel => StatusCode::METHOD_NOT_ALLOWED,
            Self::NoRoute => StatusCode::NOT_FOUND,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::BrokenOff | Self::Nonsense => StatusCode::BAD_GATEWAY,
            Self::Stopped | Self::Full | Self::NobodyReady => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unreachable => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// What a person reads.
    const fn message(&self) -> &'static str {
        match self {
            Self::BadHost => "The request must name exactly one host.",
            Self::Tunnel => "This server is no tunnel.",
            Self::NoRoute => "No app is served at this address.",
            Self::Misdirected => "No app is served under this name.",
            Self::BrokenOff => {
                "The app closed the connection before it answered. It may have worked on the request, so it was not sent again."
            }
            Self::Nonsense => "The app answered with something that is not HTTP.",
            Self::Stopped => "The app is stopped.",
            Self::Full => "The app is not ready, and too many requests are waiting for it.",
            Self::NobodyReady => "The app is not ready. Please try again in a moment.",
            Self::Unreachable => "The app does not take connections. Please try again in a moment.",
        }
    }

    /// The answer, naming the request. `wants` are the request's headers.
    pub(crate) fn answer(&self, wants: &HeaderMap, id: &HeaderValue) -> Response<AnswerBody> {
        let status = self.status();
        let id_text = id.to_str().unwrap_or_default();
        let (kind, body) = if wants_json(wants) {
            let body = serde_json::json!({
                "status": status.as_u16(), "error": self.message(), "request_id": id_text,
            });
            ("application/json", body.to_string())
        } else {
            ("text/plain; charset=utf-8", format!("{status}\n\n{}\nRequest id: {id_text}\n", self.message()))
        };
        let mut response = Response::new(AnswerBody::own(Bytes::from(body)));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(X_REQUEST_ID, id.clone());
        if matches!(self, Self::Full | Self::NobodyReady | Self::Unreachable) {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

fn wants_json(headers: &HeaderMap) -> bool {
    headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|accept| accept.contains("json"))
}
