//! What control tells the proxy, and what the proxy answers.
//!
//! Control and proxy are separate processes that share nothing but these types. Control connects to the
//! [`socket`] of each proxy in `GAPLESS_HOME` and sends whole [`Snapshot`]s, each with a generation; the proxy
//! answers when every worker has it, and streams its counters back. Level-triggered: after any crash of
//! either side the newest snapshot is sent again, and nothing needs to be remembered. Connected by path and
//! not by an inherited pair, so that both find each other again whoever else died.
//!
//! Listening sockets travel with the snapshot as descriptors (`SCM_RIGHTS`), see [`frame`].

pub mod certificates;
pub mod counters;
pub mod frame;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod message;
pub mod snapshot;
pub mod socket;

pub use certificates::{CertificatePair, Certificates, Challenges, Secret};
pub use counters::{
    AnswerCount, AppCounters, Counters, Ejected, Handshakes, InstanceCounters, ProxyCounters, ReleaseCounters,
};
pub use message::{Backlog, InFlight, ToControl, ToProxy, WIRE};
pub use snapshot::{AppRouting, Backend, Duty, Listener, PreviewRouting, Protocol, Route, Snapshot};
