//! One running process (group) of a release, as it is seen from outside.

use crate::address::Address;
use crate::failure::{Exit, Failure};
use crate::ids::{InstanceId, ReleaseId};
use crate::probe::ProbeReport;
use crate::resources::Unlimited;
use crate::time::Moment;
use serde::{Deserialize, Serialize};

/// What an instance is doing. Set by its supervisor, read by the decider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum InstanceState {
    /// Its process runs and has not been ready since.
    Starting {
        /// When the process was started.
        since: Moment,
        /// When the start will have failed.
        deadline: Moment,
    },
    /// It passed its probes; traffic may go to it.
    Ready {
        /// Since when.
        since: Moment,
    },
    /// It runs, was ready, and now fails its readiness probe. It may come back.
    Unready {
        /// Since when.
        since: Moment,
        /// What the last probe got.
        report: ProbeReport,
    },
    /// It runs, but its liveness probe fails: it waits for the decider to allow its restart.
    Wedged {
        /// Since when.
        since: Moment,
        /// What the last probe got.
        report: ProbeReport,
    },
    /// It failed; no process runs. It is started again at `until`.
    Backoff {
        /// When it will be started again.
        until: Moment,
        /// Consecutive failures without a stable time between.
        failures: u32,
    },
    /// It was signalled to stop.
    Stopping {
        /// When it was signalled.
        since: Moment,
        /// When the whole group gets SIGKILL.
        kill_at: Moment,
    },
    /// No process runs, and none will be started: it was stopped, or its restart policy says so.
    Gone {
        /// How it ended; none if it never ran.
        exit: Option<Exit>,
    },
}

impl InstanceState {
    /// Whether traffic may go to it.
    pub const fn is_ready(&self) -> bool {
        matches!(self, Self::Ready { .. })
    }

    /// Whether it has ended for good.
    pub const fn is_gone(&self) -> bool {
        matches!(self, Self::Gone { .. })
    }

    /// One word for tables and JSON.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Starting { .. } => "starting",
            Self::Ready { .. } => "ready",
            Self::Unready { .. } => "unready",
            Self::Wedged { .. } => "wedged",
            Self::Backoff { .. } => "backoff",
            Self::Stopping { .. } => "stopping",
            Self::Gone { .. } => "gone",
        }
    }
}

/// A process, beyond doubt: a pid may be given to a stranger, pid and start time may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProcessId {
    /// Process id, also the id of its process group.
    pub pid: u32,
    /// Clock ticks after boot at which it started (field 22 of `/proc/PID/stat`, `proc(5)`).
    pub started: u64,
}

/// An instance as its supervisor reports it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceView {
    /// Which one.
    pub id: InstanceId,
    /// Of which release.
    pub release: ReleaseId,
    /// What it is doing.
    pub state: InstanceState,
    /// Its process, while one runs.
    pub process: Option<ProcessId>,
    /// Where it can be reached; none until it is known, or if it serves no requests.
    pub address: Option<Address>,
    /// How often it was started again after a failure, since its first start.
    pub restarts: u32,
    /// The last thing that went wrong; stays when it recovers.
    pub last_failure: Option<Failure>,
    /// Limits that its process was to have and does not; none if it has all, or none runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlimited: Option<Unlimited>,
}

/// Retirement: the way of an instance out of service, begun by the decider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retiring {
    /// When it was decided.
    pub since: Moment,
    /// When requests still in flight are no longer waited for.
    pub drain_deadline: Moment,
    /// When upgraded connections (WebSockets) are no longer waited for.
    pub upgraded_deadline: Moment,
}

/// What one instance is working on, over all workers of the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct InFlight {
    /// Requests sent on whose answer is not complete.
    pub requests: u32,
    /// Upgraded connections (WebSockets) open.
    pub upgraded: u32,
}
