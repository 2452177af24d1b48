//! An instance as the engine knows it.

use gapless_model::instance::{InFlight, InstanceView, Retiring};
use gapless_model::{InstanceState, ReleaseId, WallTime};
use gapless_rollout::Instance;
use gapless_store::InstanceRecord;

/// An instance: what its supervisor says, what was decided for it, and what the proxy says.
#[derive(Debug, Clone)]
pub(crate) struct Managed {
    pub(crate) view: InstanceView,
    pub(crate) retiring: Option<Retiring>,
    pub(crate) backlog: Option<InFlight>,
    /// Whether it was told to begin again and has not shown that it does.
    pub(crate) restarting: bool,
    /// Whether it was told to stop, and has shown nothing since.
    pub(crate) stopping: bool,
    /// When its process was started, for people.
    pub(crate) started: WallTime,
    /// Whether it has been ready since its process was started.
    pub(crate) was_ready: bool,
}

impl Managed {
    pub(crate) fn for_decider(&self) -> Instance {
        Instance {
            view: self.view.clone(),
            retiring: self.retiring,
            backlog: self.backlog,
            restarting: self.restarting,
        }
    }

    pub(crate) fn record(&self) -> InstanceRecord {
        InstanceRecord {
            id: self.view.id.clone(),
            release: self.view.release,
            state: self.view.state.clone(),
            process: self.view.process,
            address: self.view.address.clone(),
            was_ready: self.was_ready,
            started: self.view.process.map(|_| self.started),
            retiring: self.retiring,
            restarts: self.view.restarts,
            last_failure: self.view.last_failure.clone(),
        }
    }

    /// The word for `status`: the supervisor's, unless what was decided says more.
    pub(crate) fn word(&self, serves: bool, routed: bool, current: Option<ReleaseId>) -> &'static str {
        let stopping = matches!(self.view.state, InstanceState::Stopping { .. } | InstanceState::Gone { .. });
        if self.retiring.is_some() && !stopping {
            "draining"
        } else if self.view.state.is_ready() && routed && !serves && Some(self.view.release) != current {
            "warm"
        } else {
            self.view.state.word()
        }
    }
}
