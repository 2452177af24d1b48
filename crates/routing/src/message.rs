//! The messages between control and proxy.

use crate::certificates::Certificates;
use crate::counters::Counters;
use crate::snapshot::Snapshot;
pub use gapless_model::instance::InFlight;
use gapless_model::{Generation, InstanceId, Moment};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// The language of these messages. It grows when a message or a field comes that a proxy must understand; what it
/// need not understand is left out or passed over by those that do not know it.
pub const WIRE: u32 = 1;

/// From control to proxy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ToProxy {
    /// Route like this from now on. Listening sockets that are new come as descriptors with the frame.
    Apply(Snapshot),
    /// Speak TLS by these from now on. Apart from the snapshots: they are large, secret, and change seldom.
    Certificates(Certificates),
    /// Another proxy serves from the same listening sockets: accept no more, route on by the snapshots that come,
    /// finish what clients have begun, and exit when the last of them has gone.
    Retire {
        /// The longest that this may take, in milliseconds; then as by `Shutdown`.
        within: u64,
    },
    /// Send copies of all listening sockets back: for a control that has lost them.
    GiveListeners,
    /// Stop accepting, finish what is begun within this many milliseconds, and exit.
    Shutdown {
        /// Milliseconds.
        within: u64,
    },
}

/// From proxy to control.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ToControl {
    /// First on every connection: who is there, and what it does already.
    Hello {
        /// The proxy's process id.
        pid: u32,
        /// Its version.
        version: String,
        /// The generation that every worker has.
        generation: Generation,
        /// Its listeners.
        listeners: Vec<SocketAddr>,
        /// When it began: of two, the later one is the successor.
        #[serde(default)]
        since: Moment,
        /// It was told to retire.
        #[serde(default)]
        retiring: bool,
        /// The newest language of these messages that it knows, see [`WIRE`].
        #[serde(default)]
        wire: u32,
    },
    /// Every worker has this snapshot. Requests that were sent on by an older one are in `backlog`: from
    /// here on no request goes to an instance that this snapshot does not let serve.
    Applied {
        /// Which snapshot.
        generation: Generation,
        /// What instances are working on, those without any left out.
        backlog: Backlog,
    },
    /// The snapshot cannot be applied; the former one stays in force.
    Refused {
        /// Which snapshot.
        generation: Generation,
        /// Why.
        message: String,
    },
    /// Handshakes go by these certificates from here on.
    Certified {
        /// The number that they came with.
        number: u64,
        /// Why some or all of them cannot be used, for people; the others are.
        troubles: Vec<String>,
    },
    /// Requests in flight changed for an instance that finishes ([`Duty::Finish`](crate::Duty)): sent when
    /// it reaches zero, and with the counters while it has not.
    Backlog(Backlog),
    /// Counters since the proxy began, sent once per second and right after each `Applied`.
    Counters(Counters),
    /// Answer to `GiveListeners`: the descriptors come with the frame, in this order.
    Listeners {
        /// Their addresses.
        addresses: Vec<SocketAddr>,
    },
}

/// What instances are working on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Backlog {
    /// Per instance; those that have nothing may be left out of `Applied`, and are named with zeros in
    /// `ToControl::Backlog`.
    pub instances: Vec<(InstanceId, InFlight)>,
}
