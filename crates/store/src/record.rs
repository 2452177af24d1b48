//! What is kept about apps, rollouts and instances.

use gapless_model::instance::{ProcessId, Retiring};
use gapless_model::{
    Address, AppName, AppSpec, Failure, InstanceId, InstanceState, Receipt, ReleaseId, Rollout, WallTime,
};
use serde::{Deserialize, Serialize};

/// What is wanted of an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wanted {
    /// That it runs.
    Running,
    /// That it does not, and its definition stays.
    Stopped,
    /// That it is forgotten, once what it has begun is done and its last instance is gone.
    Deleted,
}

/// An app as it is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppRecord {
    /// As the user defined it.
    pub spec: AppSpec,
    /// What is wanted of it.
    pub wanted: Wanted,
    /// The release that serves, or that a rollout in progress comes from; none before the first is up.
    pub current: Option<ReleaseId>,
    /// The number that its next instance gets. Never goes back.
    pub next_instance: u32,
    /// The number that its next release gets. Never goes back.
    pub next_release: u32,
}

impl AppRecord {
    /// Its name.
    pub const fn name(&self) -> &AppName {
        &self.spec.name
    }
}

/// A rollout with what its receipt is counted from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolloutRecord {
    /// Where it stands.
    pub rollout: Rollout,
    /// The traffic counters when it began, in whatever form control keeps them; opaque here.
    pub begun: Option<String>,
    /// What it did to the traffic, once it has ended.
    pub receipt: Option<Receipt>,
}

/// What must be known of an instance to adopt it.
///
/// Moments in it are since boot: after a reboot they mean nothing, nor does any such instance exist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceRecord {
    /// Which.
    pub id: InstanceId,
    /// Of which release.
    pub release: ReleaseId,
    /// What it was doing when this was written, with the deadline of that state. Only its supervisor knows
    /// what it does now.
    pub state: InstanceState,
    /// Its process, if one ran.
    pub process: Option<ProcessId>,
    /// Where it is reached, once that is known.
    pub address: Option<Address>,
    /// Whether it has been ready since its process was started.
    pub was_ready: bool,
    /// When its process was started, for people; none if it never was.
    pub started: Option<WallTime>,
    /// Its retirement, if that was decided.
    pub retiring: Option<Retiring>,
    /// How often it was started again after a failure.
    pub restarts: u32,
    /// The last thing that went wrong.
    pub last_failure: Option<Failure>,
}
