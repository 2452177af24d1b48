//! What an app is.

use gapless_model::instance::{InFlight, InstanceView, Retiring};
use gapless_model::{Exit, Generation, InstanceId, InstanceState, Moment, ReleaseId, Split};

/// What is known of an app's instances and of the proxy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Observed {
    /// All instances that are not forgotten, in order of their numbers.
    pub instances: Vec<Instance>,
    /// The newest split that every worker of the proxy has; none while no proxy has said so.
    pub acknowledged: Option<Acknowledged>,
    /// The newest split on its way to the proxy, if it is newer than the acknowledged one.
    pub sent: Option<Sent>,
    /// How far the checks of the new release are; none if they have not begun.
    pub verification: Option<Verification>,
}

/// How far the checks of a new release are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verification {
    /// They go on.
    Running {
        /// When they will have failed.
        until: Moment,
    },
    /// It has passed.
    Passed,
    /// It has not.
    Failed {
        /// What failed, and how.
        what: String,
        /// The last lines of the command's output, the oldest first.
        output: Vec<String>,
    },
}

/// A split that every worker has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledged {
    /// In which snapshot it came.
    pub generation: Generation,
    /// The split.
    pub split: Split,
    /// Who gets the requests that ask for the new release.
    pub preview: Split,
}

/// A split on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// In which snapshot it goes.
    pub generation: Generation,
    /// The split.
    pub split: Split,
    /// Who gets the requests that ask for the new release.
    pub preview: Split,
    /// When it is sent again if no answer came.
    pub answer_by: Moment,
}

/// One instance, with what only the decider and the proxy know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// As its supervisor reports it.
    pub view: InstanceView,
    /// Set once it was decided to retire it; never taken back.
    pub retiring: Option<Retiring>,
    /// What it is working on, as counted after every worker had acknowledged a split without it. None while
    /// that is not so, or a split with it is on its way, even if a newer one without it is too: requests may
    /// still come to it.
    pub backlog: Option<InFlight>,
    /// Whether it was told to begin again and has not shown that it does.
    pub restarting: bool,
    /// Whether its process was seen to take more memory than it may.
    pub outgrown: bool,
}

impl Instance {
    /// Which one.
    pub const fn id(&self) -> &InstanceId {
        &self.view.id
    }

    /// Of which release.
    pub const fn release(&self) -> ReleaseId {
        self.view.release
    }

    /// Whether it was decided to retire it.
    pub const fn is_retiring(&self) -> bool {
        self.retiring.is_some()
    }

    /// Whether it passes its probes and stays.
    pub const fn is_able(&self) -> bool {
        self.view.state.is_ready() && !self.is_retiring()
    }

    /// Whether it has ended with code 0 and is not started again.
    pub const fn has_finished(&self) -> bool {
        matches!(self.view.state, InstanceState::Gone { exit: Some(Exit::Code(0)) })
    }

    /// Whether a process of it may exist.
    pub const fn may_run(&self) -> bool {
        !matches!(self.view.state, InstanceState::Backoff { .. } | InstanceState::Gone { .. })
    }
}

impl Observed {
    /// The instances that were not told to go.
    pub fn staying(&self) -> impl Iterator<Item = &Instance> {
        self.instances.iter().filter(|i| !i.is_retiring())
    }

    /// How many of those take room: all but those that are gone by their restart policy.
    pub fn running(&self) -> usize {
        self.staying().filter(|i| !i.view.state.is_gone()).count()
    }

    /// Whether every worker sends requests to `id`, so that it carries traffic.
    pub fn serves(&self, id: &InstanceId) -> bool {
        self.acknowledged.as_ref().is_some_and(|a| a.split.names(id))
    }

    /// Whether every worker has a split (and preview) without `instance`, and none with it is on its way.
    pub fn is_cut_off(&self, instance: &Instance) -> bool {
        let names =
            |split: &Split, preview: &Split| split.names(instance.id()) || preview.names(instance.id());
        instance.backlog.is_some()
            && self.acknowledged.as_ref().is_some_and(|a| !names(&a.split, &a.preview))
            && self.sent.as_ref().is_none_or(|s| !names(&s.split, &s.preview))
    }
}
