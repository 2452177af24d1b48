//! What an instance has while a process of it runs.

use super::probes::Probes;
use crate::cgroups::Cell;
use crate::group::Group;
use crate::launch::Launch;
use crate::target::Target;
use gapless_model::Moment;
use std::sync::Arc;

/// A process group, and what is asked of it. It moves from state to state as it is.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) group: Group,
    /// Its cgroup, if it has one of its own.
    pub(super) cell: Option<Cell>,
    pub(super) target: Arc<Target>,
    pub(super) probes: Probes,
    /// When it was started.
    pub(super) since: Moment,
    /// When it became ready the first time; none as long as it has not.
    pub(super) ready_since: Option<Moment>,
}

impl Process {
    /// One that must still become ready.
    pub(super) fn starting(
        group: Group,
        cell: Option<Cell>,
        target: Target,
        since: Moment,
        launch: &Launch,
    ) -> Self {
        let target = Arc::new(target);
        let probes = Probes::starting(&launch.release.spec, &target);
        Self { group, cell, target, probes, since, ready_since: None }
    }

    /// It is ready, or has been since `ready`: from now on it is asked at its usual intervals.
    pub(super) fn settle(&mut self, launch: &Launch, ready: Moment) {
        self.probes = Probes::settled(&launch.release.spec, &self.target);
        self.ready_since.get_or_insert(ready);
    }
}
