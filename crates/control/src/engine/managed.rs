//! An instance as the engine knows it.

use gapless_model::instance::{InFlight, InstanceView, Retiring};
use gapless_model::{InstanceState, Moment, ReleaseId, WallTime};
use gapless_rollout::Instance;
use gapless_store::InstanceRecord;

/// How far the restart of a wedged instance has come, until it shows that it begins again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Restarting {
    /// None is wanted.
    No,
    /// Decided, and on its way to the journal.
    Decided(Moment),
    /// It was told so.
    Told(Moment),
}

impl Restarting {
    /// What a control after us makes of it: it would not know which process is meant, and must not send requests
    /// to one that was signalled. To that control it is one that goes, and another comes in its place.
    fn as_retiring(self) -> Option<Retiring> {
        match self {
            Self::No => None,
            Self::Decided(at) | Self::Told(at) => Some(at_once(at)),
        }
    }

    /// Whether this was said before it heard the order, which it will obey: nothing may be sent to it.
    pub(crate) const fn outdates(self, state: &InstanceState) -> bool {
        matches!((self, state), (Self::Told(_), InstanceState::Ready { .. } | InstanceState::Unready { .. }))
    }

    /// What is left of it once the instance shows this state.
    pub(crate) const fn after(self, state: &InstanceState) -> Self {
        match state {
            InstanceState::Wedged { .. } => self,
            _ => Self::No,
        }
    }
}

/// The retirement of an instance that is waited for no longer.
pub(crate) const fn at_once(now: Moment) -> Retiring {
    Retiring { since: now, drain_deadline: now, upgraded_deadline: now }
}

/// An instance: what its supervisor says, what was decided for it, and what the proxy says.
#[derive(Debug, Clone)]
pub(crate) struct Managed {
    pub(crate) view: InstanceView,
    pub(crate) retiring: Option<Retiring>,
    pub(crate) backlog: Option<InFlight>,
    pub(crate) restarting: Restarting,
    /// The memory that its process was seen to take beyond what it may, in bytes.
    pub(crate) outgrown: Option<u64>,
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
            restarting: self.restarting != Restarting::No,
            outgrown: self.outgrown.is_some(),
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
            retiring: self.retiring.or_else(|| self.restarting.as_retiring()),
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
