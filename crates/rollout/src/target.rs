//! Which release is being moved to, and who may get traffic meanwhile.

use crate::desired::Desired;
use crate::observed::{Instance, Observed};
use gapless_model::{Outcome, ReleaseId, RolloutPhase, Split};

/// Where an app is being moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// The release that should have all traffic in the end.
    pub release: ReleaseId,
    /// When the others lose theirs.
    pub handover: Handover,
    /// Whether others that are not needed for capacity stay, to be gone back to.
    pub others: Others,
}

/// When the others lose their traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handover {
    /// When the target's release has all its instances ready: it is on trial, and shares until then.
    WhenComplete,
    /// As soon as the target's release can carry it: it is the one that is trusted.
    WhenEnough,
}

/// What becomes of instances of other releases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// They stay unless their room is needed.
    StayWarm,
    /// They go as soon as they are not needed.
    Go,
    /// They go, all in one decision. They have lost their traffic to a release that was proven, and a
    /// rollout that is past its point of no return must not hang on what happens to that release later.
    GoAtOnce,
}

impl Target {
    /// The target in the given phase; none for an app that has no release.
    pub fn of(desired: &Desired, phase: Option<&RolloutPhase>) -> Option<Self> {
        let (Some(rollout), Some(phase)) = (&desired.rollout, phase) else {
            let release = desired.current?;
            return Some(Self { release, handover: Handover::WhenEnough, others: Others::Go });
        };
        Some(match phase {
            RolloutPhase::Replacing { .. }
            | RolloutPhase::Verifying { .. }
            | RolloutPhase::Verified { .. } => {
                Self { release: rollout.to, handover: Handover::WhenComplete, others: Others::StayWarm }
            }
            RolloutPhase::Baking { .. } => {
                Self { release: rollout.to, handover: Handover::WhenEnough, others: Others::StayWarm }
            }
            RolloutPhase::Retiring { .. } | RolloutPhase::Ended { outcome: Outcome::Completed, .. } => {
                Self { release: rollout.to, handover: Handover::WhenEnough, others: Others::GoAtOnce }
            }
            RolloutPhase::Returning { .. } | RolloutPhase::Ended { .. } => Self {
                release: rollout.from.unwrap_or(rollout.to),
                handover: Handover::WhenEnough,
                others: Others::Go,
            },
        })
    }

    /// Whether an instance belongs to the target's release.
    pub fn is_met_by(&self, instance: &Instance) -> bool {
        instance.release() == self.release
    }

    /// How many able instances of the target's release it takes until the others lose their traffic.
    pub fn quorum(&self, desired: &Desired) -> usize {
        match self.handover {
            Handover::WhenComplete => desired.wanted as usize,
            Handover::WhenEnough => desired.floor().max(1).min(desired.wanted as usize),
        }
    }
}

/// The split that should be in force: every able instance of the target's release, and every other able one
/// until the target's can do without them.
pub fn split(desired: &Desired, observed: &Observed, target: &Target) -> Split {
    let mut split = Split::default();
    if !desired.routed || desired.wanted == 0 {
        return split;
    }
    let able = || observed.instances.iter().filter(|i| i.is_able() && i.view.address.is_some());
    let complete = able().filter(|i| target.is_met_by(i)).count() >= target.quorum(desired);
    for instance in able().filter(|i| target.is_met_by(i) || !complete) {
        split.insert(instance.release(), instance.id().clone());
    }
    split
}
