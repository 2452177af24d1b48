//! The control socket: its types, and a client.
//!
//! HTTP/1.1 and JSON on `$GAPLESS_HOME/control.sock`. `control` serves it, `cli` and scripts speak to it.
//! [`VERSION`] is part of every path; a change that an older client could not read raises it.

pub mod client;
pub mod error;
pub mod lines;
pub mod progress;
pub mod request;
pub mod status;

pub use client::{Client, ClientError};
pub use error::{About, ErrorBody, ErrorKind};
pub use lines::Lines;
pub use progress::Progress;
pub use request::{Applied, ApplyRequest, ApplyResult, DeployRequest, RolloutTicket};
pub use status::Status;

/// The first segment of every path.
pub const VERSION: &str = "v1";

/// The control socket's name below `GAPLESS_HOME`.
pub const SOCKET: &str = "control.sock";
