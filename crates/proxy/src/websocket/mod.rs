//! WebSockets and other upgraded connections: bytes both ways, and an orderly end when their instance retires.
//!
//! The proxy never looks at what a message says. It follows where frames begin and end, so that it can put in
//! a close frame between two messages (RFC 6455 section 5.5.1) and know when the client has answered it.

mod close;
mod finish;
mod flow;
pub(crate) mod framer;
mod relay;
mod tunnel;

pub(crate) use finish::Finish;
pub(crate) use tunnel::{Protocol, Tunnel};
