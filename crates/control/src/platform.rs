//! The seam between deciding and doing.
//!
//! The engine speaks to the world through [`Platform`] and [`Journal`] only. Both take orders and return at
//! once; what came of an order arrives later as an [`Input`](crate::engine::Input). Implementations: *local*
//! (supervise and proxy, [`crate::local`]) and *simulated* (testkit).

use gapless_model::app::{LogSpec, RestartSpec, VerifySpec};
use gapless_model::instance::{InstanceView, ProcessId};
use gapless_model::release::Mark;
use gapless_model::{AppName, InstanceId, Preview, Release, ReleaseId, RolloutId};
use gapless_routing::Snapshot;
use gapless_store::Change;
use std::net::SocketAddr;
use std::sync::Arc;

/// Does what was decided. Every order is safe to repeat.
pub trait Platform {
    /// Start an instance. Its states arrive as [`Input::Instance`](crate::engine::Input::Instance).
    fn start(&mut self, order: StartOrder);

    /// Take over an instance that was started by a control before this one.
    fn adopt(&mut self, order: AdoptOrder);

    /// Stop an instance for good: signal, timeout, SIGKILL to the group.
    fn stop(&mut self, instance: &InstanceId);

    /// Stop a wedged instance, then start it again under the same name.
    fn restart(&mut self, instance: &InstanceId);

    /// Drop everything that is known of an instance that is gone.
    fn forget(&mut self, instance: &InstanceId);

    /// End a process of ours that belongs to no app that is known.
    fn end_stray(&mut self, process: ProcessId);

    /// Apply other settings to an instance that runs.
    fn reconfigure(&mut self, instance: &InstanceId, restart: &RestartSpec, logs: &LogSpec);

    /// Apply a routing snapshot. Its listeners carry no descriptors; the platform adds them.
    fn route(&mut self, snapshot: Snapshot);

    /// Let a proxy retire: another one serves in its place.
    fn retire_proxy(&mut self, pid: u32);

    /// A listening socket for a preview, on a loopback port that is free; none if none can be had.
    fn open_preview(&mut self) -> Option<SocketAddr>;

    /// Something that nobody can guess: 32 hexadecimal digits.
    fn secret(&mut self) -> String;

    /// Check a new release by its preview. How it ends arrives as
    /// [`Input::Verified`](crate::engine::Input::Verified). Checks of the same app that go on are ended.
    fn verify(&mut self, order: VerifyOrder);

    /// Check it no longer.
    fn end_verification(&mut self, app: &AppName);

    /// Do what needs the disk and nobody waits for.
    fn tidy(&mut self, errand: Errand);
}

/// What to start.
#[derive(Debug, Clone)]
pub struct StartOrder {
    /// Under which name.
    pub instance: InstanceId,
    /// What.
    pub release: Arc<Release>,
    /// When to start it again.
    pub restart: RestartSpec,
    /// What becomes of its output.
    pub logs: LogSpec,
    /// Whether it serves requests, and so must have an address.
    pub routed: bool,
}

/// What to take over.
#[derive(Debug, Clone)]
pub struct AdoptOrder {
    /// What it was started with.
    pub start: StartOrder,
    /// How it stood, its process as it was found. One whose process is not there any more has failed
    /// meanwhile, and is started again as its policy says.
    pub last: InstanceView,
}

/// What to check.
#[derive(Debug, Clone)]
pub struct VerifyOrder {
    /// Of which app.
    pub app: AppName,
    /// For which rollout.
    pub rollout: RolloutId,
    /// The release.
    pub release: Arc<Release>,
    /// What it must pass.
    pub spec: VerifySpec,
    /// How it is reached; none if it serves no requests.
    pub preview: Option<Preview>,
    /// The host that its clients name, if that is one.
    pub host: Option<String>,
    /// Whether its clients come by https.
    pub secure: bool,
}

/// Something on disk that follows from a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Errand {
    /// Point the app's `current` at this release.
    Activate {
        /// Which app.
        app: AppName,
        /// Which release.
        release: ReleaseId,
    },
    /// Write down what is known of a release, in its manifest.
    Mark {
        /// Which app.
        app: AppName,
        /// Which release.
        release: ReleaseId,
        /// What is known of it.
        mark: Mark,
    },
    /// Remove release directories that are no longer kept.
    Prune {
        /// Which app.
        app: AppName,
        /// Which to remove.
        releases: Vec<ReleaseId>,
    },
    /// Remove everything of an app that was deleted, but its logs.
    Remove {
        /// Which app.
        app: AppName,
    },
}

/// Remembers what was decided before it is done.
pub trait Journal {
    /// Write these changes. Answered, in order, by
    /// [`Input::Committed`](crate::engine::Input::Committed) with the same token.
    fn commit(&mut self, token: u64, changes: Vec<Change>);
}
