//! What to do now.

use gapless_model::instance::Retiring;
use gapless_model::{InstanceId, Moment, ReleaseId, RolloutPhase, Split, WaitingOn};

/// What to do now, and what is waited for afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decision {
    /// The rollout's next phase, if it moves on.
    pub phase: Option<RolloutPhase>,
    /// The split that should be in force.
    pub split: Split,
    /// Who should get the requests that ask for the new release before it is public.
    pub preview: Split,
    /// What to do. Each is safe to repeat.
    pub actions: Vec<Action>,
    /// Why nothing else is done.
    pub waiting: Vec<WaitingOn>,
    /// When to ask again even if nothing was observed.
    pub wake: Option<Moment>,
}

/// Something to be done to the instances. Splits are not actions: [`Decision::split`] is compared with what
/// is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Start a new instance.
    Start {
        /// Of which release.
        release: ReleaseId,
    },
    /// Take an instance out of service for good. From here on no split names it.
    Retire {
        /// Which.
        instance: InstanceId,
        /// With which deadlines.
        retiring: Retiring,
    },
    /// Signal a retiring instance to stop, then kill it when its own timeout has passed.
    Stop {
        /// Which.
        instance: InstanceId,
    },
    /// Check the new release, through its preview.
    Verify,
    /// Stop a wedged instance and start it again.
    Restart {
        /// Which.
        instance: InstanceId,
    },
}
