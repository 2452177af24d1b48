//! When a retiring instance may be stopped: not before every worker has a split without it, and its work is
//! done or its deadline has passed.

use crate::decision::Action;
use crate::desired::Desired;
use crate::observed::{Instance, Observed};
use gapless_model::{InstanceState, Moment};

/// Why a retiring instance is not stopped yet, or that it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// A split with it is in force somewhere, or may be.
    NotCutOff,
    /// It has work.
    Busy {
        /// Requests in flight.
        requests: u32,
        /// Upgraded connections open.
        upgraded: u32,
        /// When the first of the two is no longer waited for.
        until: Moment,
    },
    /// It may be stopped.
    Free,
    /// It has been signalled already, or is gone.
    Done,
}

/// How far a retiring instance is; none if it is not retiring.
pub fn readiness(
    desired: &Desired,
    observed: &Observed,
    instance: &Instance,
    now: Moment,
) -> Option<Readiness> {
    let retiring = instance.retiring?;
    if matches!(instance.view.state, InstanceState::Stopping { .. } | InstanceState::Gone { .. }) {
        return Some(Readiness::Done);
    }
    // Without a process there is nobody to be cut off from work.
    if !desired.routed || !instance.may_run() {
        return Some(Readiness::Free);
    }
    let Some(backlog) = instance.backlog.filter(|_| observed.is_cut_off(instance)) else {
        return Some(Readiness::NotCutOff);
    };
    let open = |count: u32, deadline: Moment| (count > 0 && now < deadline).then_some(deadline);
    let until =
        [open(backlog.requests, retiring.drain_deadline), open(backlog.upgraded, retiring.upgraded_deadline)];
    Some(match until.into_iter().flatten().min() {
        Some(until) => Readiness::Busy { requests: backlog.requests, upgraded: backlog.upgraded, until },
        None => Readiness::Free,
    })
}

/// Stops for all that may be stopped.
pub fn stops(desired: &Desired, observed: &Observed, now: Moment) -> Vec<Action> {
    observed
        .instances
        .iter()
        .filter(|i| readiness(desired, observed, i, now) == Some(Readiness::Free))
        .map(|i| Action::Stop { instance: i.id().clone() })
        .collect()
}
