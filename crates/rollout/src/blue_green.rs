//! The blue-green strategy: a whole second set beside the first, and one flip.
//!
//! The new instances start beside the old ones and get no public traffic. When all are ready, and the release
//! has passed what it must, all traffic is turned to them in one split. The old set stays whole through the
//! bake, so that one split turns everything back. No split ever names instances of both sides.
//!
//! A phase that turns traffic is journaled before the split that follows from it is sent: [`mod@crate::decide`]
//! decides such a phase by itself, and what it means in the next decision.

use crate::decision::Action;
use crate::desired::Desired;
use crate::observed::{Instance, Observed};
use crate::rolling;
use gapless_model::{Moment, Outcome, ReleaseId, Rollout, RolloutPhase, Split};

/// Who has the public traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// All instances but those of the new release.
    Old,
    /// Those of the new release.
    New,
}

impl Side {
    /// The side that has the traffic in a phase.
    pub fn serving(desired: &Desired, observed: &Observed, rollout: &Rollout, phase: &RolloutPhase) -> Self {
        match phase {
            RolloutPhase::Replacing { .. }
            | RolloutPhase::Verifying { .. }
            | RolloutPhase::Verified { .. }
            | RolloutPhase::Returning { flipped: false, .. } => Self::Old,
            RolloutPhase::Baking { .. }
            | RolloutPhase::Retiring { .. }
            | RolloutPhase::Ended { outcome: Outcome::Completed, .. } => Self::New,
            RolloutPhase::Returning { .. } | RolloutPhase::Ended { .. } => {
                if can_turn_back(desired, observed, rollout) { Self::Old } else { Self::New }
            }
        }
    }

    /// Whether an instance is of this side.
    pub fn has(self, rollout: &Rollout, instance: &Instance) -> bool {
        (instance.release() == rollout.to) == (self == Self::New)
    }
}

/// Whether the old set can take back what the new one has: it is whole, or carries as much.
fn can_turn_back(desired: &Desired, observed: &Observed, rollout: &Rollout) -> bool {
    let able = |release: &dyn Fn(ReleaseId) -> bool| {
        observed.staying().filter(|i| i.is_able() && release(i.release())).count()
    };
    let old = able(&|release| Some(release) == rollout.from);
    let new = able(&|release| release == rollout.to);
    old >= desired.wanted as usize || (old > 0 && old >= new)
}

/// The public split.
pub fn split(desired: &Desired, observed: &Observed, rollout: &Rollout, phase: &RolloutPhase) -> Split {
    let side = Side::serving(desired, observed, rollout, phase);
    of_able(desired, observed, |i| side.has(rollout, i))
}

/// Who gets the requests that ask for the new release before it is public.
pub fn preview(desired: &Desired, observed: &Observed, rollout: &Rollout, phase: &RolloutPhase) -> Split {
    let before = matches!(
        phase,
        RolloutPhase::Replacing { .. } | RolloutPhase::Verifying { .. } | RolloutPhase::Verified { .. }
    );
    if before { of_able(desired, observed, |i| Side::New.has(rollout, i)) } else { Split::default() }
}

fn of_able(desired: &Desired, observed: &Observed, which: impl Fn(&Instance) -> bool) -> Split {
    let mut split = Split::default();
    if desired.routed && desired.wanted > 0 {
        let able = observed.instances.iter().filter(|i| i.is_able() && i.view.address.is_some());
        able.filter(|i| which(i)).for_each(|i| split.insert(i.release(), i.id().clone()));
    }
    split
}

/// What to start and what to retire.
pub fn step(
    desired: &Desired,
    observed: &Observed,
    rollout: &Rollout,
    phase: &RolloutPhase,
    now: Moment,
) -> Vec<Action> {
    let of = |release: ReleaseId| whole(desired, observed, release, now);
    let retire = |i: &Instance| Action::Retire { instance: i.id().clone(), retiring: desired.retiring(now) };
    let go = |side: Side| observed.staying().filter(|i| side.has(rollout, i)).map(retire).collect();
    let old = || rollout.from.map(of).unwrap_or_default();
    let mut actions: Vec<Action> = match phase {
        RolloutPhase::Replacing { .. }
        | RolloutPhase::Verifying { .. }
        | RolloutPhase::Verified { .. }
        | RolloutPhase::Baking { .. } => [old(), of(rollout.to)].concat(),
        RolloutPhase::Retiring { .. } | RolloutPhase::Ended { outcome: Outcome::Completed, .. } => {
            [go(Side::Old), of(rollout.to)].concat()
        }
        RolloutPhase::Returning { .. } | RolloutPhase::Ended { .. } => {
            match Side::serving(desired, observed, rollout, phase) {
                Side::Old => [go(Side::New), strays(desired, observed, rollout, now), old()].concat(),
                Side::New => old(),
            }
        }
    };
    if matches!(phase, RolloutPhase::Verifying { .. })
        && observed.verification.is_none()
        && is_previewed(desired, observed, rollout, phase)
    {
        actions.push(Action::Verify);
    }
    actions
}

/// Whether every worker sends requests that ask for the new release to it, so that it can be checked.
fn is_previewed(desired: &Desired, observed: &Observed, rollout: &Rollout, phase: &RolloutPhase) -> bool {
    let preview = preview(desired, observed, rollout, phase);
    !desired.routed
        || (observed.sent.is_none()
            && !preview.is_empty()
            && observed.acknowledged.as_ref().is_some_and(|a| a.preview == preview))
}

/// Instances of a third release, which had to stand in for the old one when this rollout began, and are not needed
/// any longer: it serves by itself.
fn strays(desired: &Desired, observed: &Observed, rollout: &Rollout, now: Moment) -> Vec<Action> {
    let (old, others): (Vec<_>, Vec<_>) = observed
        .staying()
        .filter(|i| Side::Old.has(rollout, i))
        .partition(|i| Some(i.release()) == rollout.from);
    let serves = |i: &&&Instance| i.is_able() && observed.serves(i.id());
    if old.iter().filter(serves).count() < desired.wanted as usize {
        return Vec::new();
    }
    let retire = |i: &Instance| Action::Retire { instance: i.id().clone(), retiring: desired.retiring(now) };
    others.into_iter().map(retire).collect()
}

/// Makes a release's set as large as it is wanted.
fn whole(desired: &Desired, observed: &Observed, release: ReleaseId, now: Moment) -> Vec<Action> {
    let mine: Vec<_> = observed.staying().filter(|i| i.release() == release).collect();
    let wanted = desired.wanted as usize;
    let retire = |i: &Instance| Action::Retire { instance: i.id().clone(), retiring: desired.retiring(now) };
    let starts = (mine.len()..wanted).map(|_| Action::Start { release });
    rolling::surplus(&mine, wanted).into_iter().map(retire).chain(starts).collect()
}
