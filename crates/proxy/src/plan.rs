//! What the main thread tells the workers, and what they answer.

use crate::ending::Ending;
use crate::hold::Places;
use gapless_model::{AppName, InstanceId, ReleaseId, TrafficCount};
use gapless_routing::{AnswerCount, Ejected, InFlight, ProxyCounters, Snapshot};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

/// A snapshot with what comes along. The newest is all that counts: a worker may miss those between.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Its number, higher is newer.
    pub(crate) number: u64,
    pub(crate) snapshot: Snapshot,
    /// The listening sockets, all of them.
    pub(crate) sockets: Vec<(SocketAddr, Arc<OwnedFd>)>,
    /// Where requests wait, by app.
    pub(crate) places: HashMap<AppName, Arc<Places>>,
    /// How the proxy itself ends, if it does.
    pub(crate) ending: Option<Ending>,
}

/// What a worker says.
#[derive(Debug)]
pub(crate) struct Word {
    /// Which worker.
    pub(crate) worker: usize,
    pub(crate) what: What,
}

/// What it says.
#[derive(Debug)]
pub(crate) enum What {
    /// It routes by this plan.
    Applied {
        /// The plan's number.
        plan: u64,
        /// What was counted until then.
        report: Report,
    },
    /// It was asked.
    Report {
        /// The question's number.
        question: u64,
        /// The answer.
        report: Report,
    },
    /// Instances that finish have less to do.
    Finished(Vec<(InstanceId, InFlight)>),
}

/// What one worker has counted since its last report.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) instances: Vec<InstanceReport>,
    pub(crate) apps: Vec<AppReport>,
    /// Connections in the middle of something.
    pub(crate) active: u32,
    /// What belongs to no app, since the last report; what is open is of now.
    pub(crate) proxy: ProxyCounters,
}

/// One instance.
#[derive(Debug)]
pub(crate) struct InstanceReport {
    pub(crate) instance: InstanceId,
    pub(crate) release: ReleaseId,
    /// Since the last report.
    pub(crate) traffic: TrafficCount,
    /// Since the last report.
    pub(crate) answers: AnswerCount,
    /// Ejections since the last report, and the one that lasts.
    pub(crate) health: (u64, Option<Ejected>),
    /// Now.
    pub(crate) in_flight: InFlight,
}

/// One app.
#[derive(Debug)]
pub(crate) struct AppReport {
    pub(crate) app: AppName,
    /// Since the last report.
    pub(crate) traffic: TrafficCount,
    /// Since the last report.
    pub(crate) longest_stall: Duration,
    /// Since the last report.
    pub(crate) held: Duration,
    /// Now.
    pub(crate) holding: u32,
}
