//! How much of a request an app takes.

use crate::time::millis;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How much of a request is passed on to an app. More is answered by the proxy, and the app does not see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitSpec {
    /// The longest body in bytes (413 beyond); none for any.
    pub max_body: Option<u64>,
    /// The longest head in bytes, target and fields (431 beyond); none for the most that the proxy reads, 128 KiB.
    pub max_head: Option<u64>,
    /// How long the client may let the app wait for the body (408 beyond). Silence counts; 100 bytes that
    /// arrive make good one second.
    #[serde(with = "millis", default = "LimitSpec::usual_body_timeout")]
    pub body_timeout: Duration,
}

impl LimitSpec {
    /// How long, where nobody has said: what is usual among servers for silence alone.
    #[must_use]
    pub const fn usual_body_timeout() -> Duration {
        Duration::from_secs(60)
    }
}

impl Default for LimitSpec {
    fn default() -> Self {
        Self { max_body: None, max_head: None, body_timeout: Self::usual_body_timeout() }
    }
}
