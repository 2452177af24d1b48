//! Why nothing is happening right now, as a type: command line, API and dashboard say the same.

use crate::ids::{AppName, Generation, InstanceId};
use crate::time::Moment;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What an app is waiting for. Every wait of a rollout has a deadline, except those on
/// the user and on other apps, whose own waits have theirs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "waiting_on", rename_all = "kebab-case")]
pub enum WaitingOn {
    /// An instance has started and must become ready.
    Ready {
        /// Which.
        instance: InstanceId,
        /// When the start will have failed.
        deadline: Moment,
    },
    /// An instance failed and is started again.
    Backoff {
        /// Which.
        instance: InstanceId,
        /// When.
        deadline: Moment,
    },
    /// An instance was ready, fails its probes, and may come back.
    Recovery {
        /// Which.
        instance: InstanceId,
        /// Since when it fails them.
        since: Moment,
    },
    /// The proxy must say that every worker has the new split.
    SplitApplied {
        /// Which snapshot; none while it is being sent.
        generation: Option<Generation>,
        /// When it will be sent again.
        deadline: Moment,
    },
    /// A retiring instance finishes its requests.
    Drained {
        /// Which.
        instance: InstanceId,
        /// Requests in flight.
        requests: u32,
        /// Upgraded connections (WebSockets) open.
        upgraded: u32,
        /// When it is stopped regardless.
        deadline: Moment,
    },
    /// An instance was signalled and must end.
    Stopped {
        /// Which.
        instance: InstanceId,
        /// When it is killed.
        deadline: Moment,
    },
    /// The new release must pass its checks.
    Verified {
        /// When it will have failed them.
        deadline: Moment,
    },
    /// The user must say that the new release may be public.
    Promoted {
        /// When it is given up.
        deadline: Moment,
    },
    /// The new release is watched under full traffic.
    Baked {
        /// Until when.
        deadline: Moment,
    },
    /// The user paused the rollout; `gapless resume` goes on.
    Resume {
        /// Since when.
        since: Moment,
    },
    /// Another app must be up before the first instance of this one is started.
    After {
        /// Which.
        app: AppName,
        /// When it is up.
        until: Until,
        /// When it is given up; none while that app may still come up by what it waits for itself, or nobody
        /// gives up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deadline: Option<Moment>,
    },
    /// A rollout of the same app is in progress; this one begins after it.
    Turn {
        /// Of how many waiting it is one.
        queued: u32,
    },
}

/// When an app is up, to those that are started after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Until {
    /// When an instance of it is ready and gets requests, if it is to get any.
    Ready,
    /// When it has ended with code 0: it is a job, and no service.
    Ended,
}

impl WaitingOn {
    /// When the wait ends by itself; none where only the user, the app or another rollout ends it.
    pub const fn deadline(&self) -> Option<Moment> {
        match self {
            Self::Ready { deadline, .. }
            | Self::Backoff { deadline, .. }
            | Self::SplitApplied { deadline, .. }
            | Self::Drained { deadline, .. }
            | Self::Stopped { deadline, .. }
            | Self::Verified { deadline }
            | Self::Promoted { deadline }
            | Self::Baked { deadline } => Some(*deadline),
            Self::After { deadline, .. } => *deadline,
            Self::Recovery { .. } | Self::Resume { .. } | Self::Turn { .. } => None,
        }
    }
}

impl fmt::Display for WaitingOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready { instance, .. } => write!(f, "{instance} to become ready"),
            Self::Backoff { instance, .. } => write!(f, "{instance} to be started again"),
            Self::Recovery { instance, .. } => write!(f, "{instance} to pass its readiness probe again"),
            Self::SplitApplied { .. } => f.write_str("the proxy to apply the new split"),
            Self::Drained { instance, requests, upgraded: 0, .. } => {
                write!(f, "{instance} to finish {requests} requests")
            }
            Self::Drained { instance, requests, upgraded, .. } => {
                write!(f, "{instance} to finish {requests} requests and {upgraded} upgraded connections")
            }
            Self::Stopped { instance, .. } => write!(f, "{instance} to stop"),
            Self::Verified { .. } => f.write_str("the new release to pass its checks"),
            Self::Promoted { .. } => f.write_str("`gapless promote`"),
            Self::Baked { .. } => f.write_str("the bake time to pass"),
            Self::Resume { .. } => f.write_str("`gapless resume`"),
            Self::After { app, until: Until::Ready, .. } => write!(f, "{app} to be up"),
            Self::After { app, until: Until::Ended, .. } => write!(f, "{app} to end with code 0"),
            Self::Turn { queued } => write!(f, "the rollout in progress to end ({queued} waiting)"),
        }
    }
}
