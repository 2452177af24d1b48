//! A rollout as it goes, line by line.

use crate::request::LogLine;
use crate::status::Waiting;
use gapless_model::{AbortReason, InstanceId, Receipt, ReleaseId, RolloutId, RolloutPhase};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One line of `follow`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "progress", rename_all = "kebab-case")]
pub enum Progress {
    /// It waits for another rollout of the app.
    Queued {
        /// The one in progress.
        behind: RolloutId,
    },
    /// How it stands; sent whenever something changed.
    At(Box<Stand>),
    /// It is over. The last line.
    Ended {
        /// What it did to the traffic.
        receipt: Box<Receipt>,
        /// The last output of the instance that failed, if one did; the oldest line first.
        last_output: Vec<LogLine>,
    },
    /// It never began: a later one took its place, or the app was deleted. The last line.
    Dropped {
        /// Why.
        message: String,
    },
    /// The app is not as it should be, and will not be soon: an instance fails again and again. The last line of
    /// `GET /v1/apps/APP/follow`.
    Stuck {
        /// Which, and how it failed last.
        why: AbortReason,
        /// Its last output; the oldest line first.
        last_output: Vec<LogLine>,
    },
    /// The app is as it should be. The last line of `GET /v1/apps/APP/follow`.
    Settled,
}

/// How a rollout, or an app, stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stand {
    /// Its phase; none if the app has no rollout.
    pub phase: Option<RolloutPhase>,
    /// Instances that are ready, by release.
    pub ready: BTreeMap<ReleaseId, u32>,
    /// Instances that are wanted.
    pub wanted: u32,
    /// Percent of the traffic by release.
    pub split: BTreeMap<ReleaseId, u32>,
    /// What it is waiting for.
    pub waiting: Vec<Waiting>,
    /// What each instance does: a word as in `status`.
    pub instances: Vec<(InstanceId, ReleaseId, String)>,
    /// Requests served and lost since the rollout began.
    pub served: u64,
    /// Requests lost since the rollout began.
    pub failed: u64,
}
