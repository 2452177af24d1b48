//! How much of a request an app takes.

use serde::{Deserialize, Serialize};

/// How much of a request is passed on to an app. More is answered by the proxy, and the app does not see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LimitSpec {
    /// The longest body in bytes (413 beyond); none for any.
    pub max_body: Option<u64>,
    /// The longest head in bytes, target and fields (431 beyond); none for the most that the proxy reads, 128 KiB.
    pub max_head: Option<u64>,
}
