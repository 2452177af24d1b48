//! What must never be decided. Checked in simulation, and in debug builds at every decision.

use crate::blue_green::Side;
use crate::decision::{Action, Decision};
use crate::desired::Desired;
use crate::observed::{Instance, Observed};
use crate::retire::{Readiness, readiness};
use gapless_model::{AppName, InstanceId, Moment, ReleaseId, Rollout, Split, Strategy, WaitingOn};
use std::fmt;

/// A decision that breaks a promise.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants and the messages say it")]
pub enum Violation {
    SplitNamesUnready { instance: InstanceId },
    CapacityBelowFloor { serving: usize, available: usize, floor: usize },
    StoppedTooEarly { instance: InstanceId, readiness: Option<Readiness> },
    RetiredTwice { instance: InstanceId },
    TooMany { running: usize, ceiling: usize },
    TwoSidesServe { split: Split },
    SetNotServing { serving: usize, able: usize },
    TwoReleasesAtOnce { starts: ReleaseId, beside: InstanceId },
    StartedBefore { app: AppName },
    WaitWithoutDeadline { wait: WaitingOn },
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SplitNamesUnready { instance } => {
                write!(f, "the split names {instance}, which is not ready")
            }
            Self::CapacityBelowFloor { serving, available, floor } => {
                write!(f, "{serving} instances would serve, {available} could, and at least {floor} should")
            }
            Self::StoppedTooEarly { instance, readiness } => {
                write!(f, "{instance} would be stopped while it is {readiness:?}")
            }
            Self::RetiredTwice { instance } => write!(f, "{instance} would be retired a second time"),
            Self::TooMany { running, ceiling } => {
                write!(f, "{running} instances would run, and {ceiling} are allowed")
            }
            Self::TwoSidesServe { split } => {
                write!(f, "the split has both sides of a flip: {:?}", split.percent())
            }
            Self::SetNotServing { serving, able } => {
                write!(f, "{serving} instances would serve, of a set of which {able} could")
            }
            Self::TwoReleasesAtOnce { starts, beside } => {
                write!(f, "release {starts} would be started beside {beside}, and cannot run twice")
            }
            Self::StartedBefore { app } => {
                write!(f, "an instance would be started before {app} is up")
            }
            Self::WaitWithoutDeadline { wait } => write!(f, "waiting for {wait} has no deadline"),
        }
    }
}

/// A rollout that flips: never both sides in one split, and all that is able of the one that serves.
fn flip_violations(
    desired: &Desired,
    observed: &Observed,
    rollout: &Rollout,
    decision: &Decision,
) -> Option<Violation> {
    let releases: Vec<_> = decision.split.0.keys().collect();
    let new = releases.iter().filter(|release| ***release == rollout.to).count();
    if new > 0 && releases.len() > new {
        return Some(Violation::TwoSidesServe { split: decision.split.clone() });
    }
    let retires = |i: &&Instance| {
        decision.actions.iter().any(|a| matches!(a, Action::Retire { instance, .. } if instance == i.id()))
    };
    let able = observed.staying().filter(|i| i.is_able() && i.view.address.is_some() && !retires(i));
    let able = able.filter(|i| Side::serving(desired, observed, rollout, &rollout.phase).has(rollout, i));
    let (serving, able) = (decision.split.len(), able.count());
    (desired.routed && desired.wanted > 0 && serving != able)
        .then_some(Violation::SetNotServing { serving, able })
}

/// Every promise that `decision` breaks.
pub fn violations(
    desired: &Desired,
    observed: &Observed,
    decision: &Decision,
    now: Moment,
) -> Vec<Violation> {
    let mut found = Vec::new();
    let find = |id: &InstanceId| observed.instances.iter().find(|i| i.id() == id);

    // 1. A split never names an instance that is not ready.
    for id in decision.split.instances() {
        if !find(id).is_some_and(Instance::is_able) {
            found.push(Violation::SplitNamesUnready { instance: id.clone() });
        }
    }

    // 2. Ready capacity never falls below the floor while there are instances to provide it.
    let able = observed.staying().filter(|i| i.is_able() && i.view.address.is_some());
    let (available, floor) = (able.count(), desired.floor());
    if desired.routed && decision.split.len() < floor.min(available) {
        found.push(Violation::CapacityBelowFloor { serving: decision.split.len(), available, floor });
    }

    let mut starts = 0;
    for action in &decision.actions {
        match action {
            Action::Start { release } => {
                starts += 1;
                if let Some(awaited) = desired.awaits.first() {
                    found.push(Violation::StartedBefore { app: awaited.app.clone() });
                }
                // What cannot run twice never does.
                let beside = |i: &&Instance| i.release() != *release && !i.view.state.is_gone();
                if desired.strategy() == Strategy::Recreate
                    && let Some(beside) = observed.instances.iter().find(beside)
                {
                    let (starts, beside) = (*release, beside.id().clone());
                    found.push(Violation::TwoReleasesAtOnce { starts, beside });
                }
            }
            Action::Retire { instance, .. } => {
                if find(instance).is_none_or(Instance::is_retiring) {
                    found.push(Violation::RetiredTwice { instance: instance.clone() });
                }
            }
            // 3. No stop signal before the split without it is applied on every worker, and its work is
            //    done or its deadline has passed.
            Action::Stop { instance } => {
                let readiness = find(instance).and_then(|i| readiness(desired, observed, i, now));
                if readiness != Some(Readiness::Free) || decision.split.names(instance) {
                    found.push(Violation::StoppedTooEarly { instance: instance.clone(), readiness });
                }
            }
            Action::Verify => {}
            Action::Restart { instance } => {
                if decision.split.names(instance) {
                    found.push(Violation::StoppedTooEarly { instance: instance.clone(), readiness: None });
                }
            }
        }
    }
    if let Some(rollout) = desired.flips() {
        found.extend(flip_violations(desired, observed, rollout, decision));
    }
    let gone = |id: &InstanceId| find(id).is_some_and(|i| i.view.state.is_gone());
    let retires = decision.actions.iter();
    let retires = retires.filter(|a| matches!(a, Action::Retire { instance, .. } if !gone(instance))).count();
    let staying = match desired.surge() {
        0 => observed.running() + desired.in_the_way(observed),
        _ => observed.running().saturating_sub(retires),
    };
    let running = staying + starts;
    // Each of the two sets of a flip is bounded by itself, and others stay where they stand in for the old one.
    if starts > 0 && running > desired.ceiling() && desired.flips().is_none() {
        found.push(Violation::TooMany { running, ceiling: desired.ceiling() });
    }

    // 5. Every wait has a deadline and a named reason. (4 is about how a rollout ends: the simulation asks.)
    let rolling = desired.rollout.is_some();
    for wait in &decision.waiting {
        let without =
            matches!(wait, WaitingOn::Resume { .. } | WaitingOn::Turn { .. } | WaitingOn::After { .. })
                || (!rolling && matches!(wait, WaitingOn::Recovery { .. }));
        if wait.deadline().is_none() && !without {
            found.push(Violation::WaitWithoutDeadline { wait: wait.clone() });
        }
    }
    found
}
