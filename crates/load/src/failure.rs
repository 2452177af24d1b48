//! The ways in which a request is lost.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::io;

/// How a request was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// No connection: refused, or failed in another way before anything was sent.
    Refused,
    /// The connection was reset after the request, or a part of it, was written.
    Reset,
    /// The connection was closed without a byte of an answer.
    Closed,
    /// The answer broke off in its middle.
    Truncated,
    /// No complete answer within the plan's timeout.
    Hung,
    /// Bytes came that are no HTTP.
    Garbled,
    /// A 5xx status.
    ServerError,
    /// Any other status that is not 2xx.
    OtherStatus,
    /// A good status, but not the right answer.
    WrongBody,
}

impl FailureKind {
    /// In a word or two, for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Reset => "reset",
            Self::Closed => "closed without an answer",
            Self::Truncated => "cut in the middle",
            Self::Hung => "hung",
            Self::Garbled => "not HTTP",
            Self::ServerError => "5xx",
            Self::OtherStatus => "other status",
            Self::WrongBody => "wrong answer",
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One lost request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// When it was known, in milliseconds after the start of the load.
    pub at_ms: u64,
    /// How long after the begin of the request, in milliseconds.
    pub after_ms: u64,
    /// Of which stream.
    pub stream: String,
    /// How it was lost.
    pub kind: FailureKind,
    /// What happened, for people.
    pub what: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at_ms, after_ms, stream, kind, what } = self;
        let (seconds, millis) = (at_ms / 1000, at_ms % 1000);
        write!(f, "at {seconds}.{millis:03} s, {stream}: {kind} after {after_ms} ms: {what}")
    }
}

/// A loss as the client sees it, before it has a place in the report.
#[derive(Debug)]
pub(crate) struct Loss {
    pub(crate) kind: FailureKind,
    pub(crate) what: String,
    /// The status, where there was one.
    pub(crate) status: Option<u16>,
}

impl Loss {
    pub(crate) fn new(kind: FailureKind, what: impl fmt::Display) -> Self {
        Self { kind, what: what.to_string(), status: None }
    }

    /// While the head of the answer was waited for.
    pub(crate) fn before_answer(error: &hyper::Error) -> Self {
        let kind = if is_reset(error) {
            FailureKind::Reset
        } else if error.is_parse() {
            FailureKind::Garbled
        } else {
            FailureKind::Closed
        };
        Self::new(kind, chain(error))
    }

    /// While the body was read.
    pub(crate) fn within_answer(status: u16, read: usize, error: &hyper::Error) -> Self {
        let what = format!("status {status} and {read} bytes of the body, then {}", chain(error));
        Self { kind: FailureKind::Truncated, what, status: Some(status) }
    }

    /// A complete answer with a status that is not 2xx.
    pub(crate) fn bad_status(status: u16, body: &[u8]) -> Self {
        let kind = if status >= 500 { FailureKind::ServerError } else { FailureKind::OtherStatus };
        let start: String = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
        Self { kind, what: format!("status {status}: {start:?}"), status: Some(status) }
    }
}

/// An error with its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |e| e.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

fn is_reset(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |e| e.source())
        .filter_map(|e| e.downcast_ref::<io::Error>())
        .any(|e| matches!(e.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe))
}
