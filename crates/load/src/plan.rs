//! What to send, to whom, how much of it.

use crate::answer::{Verify, VersionFrom};
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

/// A load: streams of requests to one address.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where to connect.
    pub target: SocketAddr,
    /// The `Host` header.
    pub host: String,
    /// The streams, all at once.
    pub streams: Vec<Stream>,
    /// No request begins later than this after the start; those begun are finished.
    pub duration: Duration,
    /// No more requests than this, over all streams.
    pub max_requests: u64,
    /// An answer that is not complete this long after its request began is lost, as hung.
    pub timeout: Duration,
    /// Where an answer says which version gave it.
    pub version: VersionFrom,
    /// How many failures are kept in words; all are counted.
    pub keep_failures: usize,
    /// For body sizes and bytes, and for the moments at which paced clients begin: the same seed, the same load.
    pub seed: u64,
}

impl Plan {
    /// A load without streams yet: at most `duration` and a million requests, hung after 10 s, no version
    /// read, the first 20 failures kept.
    pub fn new(target: SocketAddr, duration: Duration) -> Self {
        Self {
            target,
            host: target.to_string(),
            streams: Vec::new(),
            duration,
            max_requests: 1_000_000,
            timeout: Duration::from_secs(10),
            version: VersionFrom::Nothing,
            keep_failures: 20,
            seed: 1,
        }
    }

    /// The same with one more stream.
    #[must_use]
    pub fn with(mut self, stream: Stream) -> Self {
        self.streams.push(stream);
        self
    }

    /// The same, reading the version of each answer.
    #[must_use]
    pub fn versioned_by(mut self, version: VersionFrom) -> Self {
        self.version = version;
        self
    }
}

/// Clients that do the same.
#[derive(Debug, Clone)]
pub struct Stream {
    /// What the report calls it.
    pub name: String,
    /// How many clients, each with one request at a time.
    pub clients: u32,
    /// What becomes of a connection after an answer.
    pub connections: Connections,
    /// How soon the next request follows.
    pub pace: Pace,
    /// What is sent.
    pub request: RequestKind,
    /// What the answer is held against, beyond its status.
    pub verify: Verify,
}

impl Stream {
    /// `clients` that send `request` in a tight loop over kept connections, any 2xx being right.
    pub fn new(name: impl Into<String>, clients: u32, request: RequestKind) -> Self {
        Self {
            name: name.into(),
            clients,
            connections: Connections::Keep,
            pace: Pace::Tight,
            request,
            verify: Verify::Nothing,
        }
    }

    /// The same with a new connection for each request.
    #[must_use]
    pub fn connecting_anew(mut self) -> Self {
        self.connections = Connections::PerRequest;
        self
    }

    /// The same, each client beginning a request every `period`.
    #[must_use]
    pub const fn every(mut self, period: Duration) -> Self {
        self.pace = Pace::Every(period);
        self
    }

    /// The same, the answers held against `verify`.
    #[must_use]
    pub fn verified_by(mut self, verify: Verify) -> Self {
        self.verify = verify;
        self
    }
}

/// What becomes of a connection after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connections {
    /// It is used again for as long as the server allows.
    Keep,
    /// Each request opens its own and says `Connection: close`.
    PerRequest,
}

/// How soon a client's next request follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// When the answer to the one before is there.
    Tight,
    /// At this period. A client whose answer takes longer skips the beats that it missed.
    Every(Duration),
}

/// What a stream sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestKind {
    /// `GET`. A slow answer is one of these too: `/slow?ms=800`.
    Get {
        /// Path and query.
        path: String,
    },
    /// `POST` of random bytes.
    Post {
        /// Path and query.
        path: String,
        /// Sizes of the body in bytes, evenly distributed.
        size: RangeInclusive<usize>,
        /// With an `Idempotency-Key` of its own each, so that a proxy may send it a second time.
        idempotency_key: bool,
    },
}

impl RequestKind {
    /// `GET path`.
    pub fn get(path: impl Into<String>) -> Self {
        Self::Get { path: path.into() }
    }

    /// `POST path`, without an `Idempotency-Key`.
    pub fn post(path: impl Into<String>, size: RangeInclusive<usize>) -> Self {
        Self::Post { path: path.into(), size, idempotency_key: false }
    }
}
