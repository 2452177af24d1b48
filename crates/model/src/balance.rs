//! How requests are spread over an app's instances.

use crate::time::millis;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How requests are spread over an app's instances, beside the load that each has.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BalanceSpec {
    /// After so many failures in a row (answers with 5xx, or none) an instance is passed over for a while;
    /// none means never: what is wrong may be the request.
    pub eject_after: Option<u32>,
    /// How long an instance that begins to serve takes to get its whole share; zero for at once.
    #[serde(with = "millis")]
    pub slow_start: Duration,
    /// The name of the cookie by which a client stays with the instance that answered it first; none for clients
    /// that do not stay.
    pub sticky: Option<String>,
}
