//! Why no instance answers, and what is said of it.

use crate::strict::Fault;
use http::StatusCode;

/// Why no instance answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No host, or more than one.
    BadHost,
    /// Its body is none.
    Malformed(Fault),
    /// Its head is longer than the app takes.
    LongHead,
    /// Its body is longer than the app takes.
    LongBody,
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
    pub(super) const fn status(&self) -> StatusCode {
        match self {
            Self::BadHost => StatusCode::BAD_REQUEST,
            Self::Malformed(fault) => fault.status(),
            Self::LongHead => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::LongBody => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Tunnel => StatusCode::METHOD_NOT_ALLOWED,
            Self::NoRoute => StatusCode::NOT_FOUND,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::BrokenOff | Self::Nonsense => StatusCode::BAD_GATEWAY,
            Self::Stopped | Self::Full | Self::NobodyReady => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unreachable => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// What a person reads.
    pub(super) const fn message(&self) -> &'static str {
        match self {
            Self::BadHost => "The request must name exactly one host.",
            Self::Malformed(fault) => fault.message(),
            Self::LongHead => "The head of the request is longer than the app takes.",
            Self::LongBody => "The body of the request is longer than the app takes.",
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

    /// Whether it is worth coming again in a moment.
    pub(super) const fn is_passing(&self) -> bool {
        matches!(self, Self::Full | Self::NobodyReady | Self::Unreachable)
    }
}
