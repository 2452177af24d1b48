//! Why nothing else is happening.

use crate::decision::Decision;
use crate::desired::Desired;
use crate::observed::{Instance, Observed, Verification};
use crate::order;
use crate::retire::{Readiness, readiness};
use crate::wedged;
use gapless_model::{InstanceState, Moment, RolloutPhase, WaitingOn};

/// How long the proxy has to acknowledge a split before it is sent again. It takes milliseconds; this is for
/// a proxy that is being replaced.
pub const ACKNOWLEDGE: std::time::Duration = std::time::Duration::from_secs(5);

/// Everything that is waited for, once what `decision` says is on its way and the rollout is in `phase`.
pub fn waits(
    desired: &Desired,
    observed: &Observed,
    phase: Option<&RolloutPhase>,
    decision: &Decision,
    now: Moment,
) -> Vec<WaitingOn> {
    let mut waits = Vec::new();
    if let Some(since) = desired.held_since(observed, phase) {
        waits.push(WaitingOn::Resume { since });
    }
    waits.extend(order::waits(desired));
    let in_force = observed
        .acknowledged
        .as_ref()
        .is_some_and(|a| a.split == decision.split && a.preview == decision.preview);
    if desired.routed && (!in_force || observed.sent.is_some()) {
        waits.push(WaitingOn::SplitApplied {
            generation: observed.sent.as_ref().map(|s| s.generation),
            deadline: observed.sent.as_ref().map_or(now + ACKNOWLEDGE, |s| s.answer_by),
        });
    }
    waits.extend(observed.instances.iter().filter_map(|i| instance_wait(desired, observed, i, now)));
    match phase {
        Some(RolloutPhase::Verifying { .. }) => {
            let deadline = match observed.verification {
                Some(Verification::Running { until }) => until,
                _ => now + desired.verify.unwrap_or_default(),
            };
            waits.push(WaitingOn::Verified { deadline });
        }
        Some(RolloutPhase::Verified { until, .. }) => waits.push(WaitingOn::Promoted { deadline: *until }),
        Some(RolloutPhase::Baking { until, .. }) if now < *until => {
            waits.push(WaitingOn::Baked { deadline: *until });
        }
        _ => {}
    }
    waits
}

fn instance_wait(desired: &Desired, observed: &Observed, i: &Instance, now: Moment) -> Option<WaitingOn> {
    let instance = i.id().clone();
    match (&i.view.state, readiness(desired, observed, i, now)) {
        (InstanceState::Stopping { kill_at, .. }, _) => {
            Some(WaitingOn::Stopped { instance, deadline: *kill_at })
        }
        (_, Some(Readiness::Busy { requests, upgraded, until })) => {
            Some(WaitingOn::Drained { instance, requests, upgraded, deadline: until })
        }
        (_, Some(_)) => None,
        (InstanceState::Starting { deadline, .. }, None) => {
            Some(WaitingOn::Ready { instance, deadline: *deadline })
        }
        // Before its first start it has failed at nothing.
        (InstanceState::Backoff { until, failures: 0 }, None) if i.view.restarts == 0 => {
            Some(WaitingOn::Ready { instance, deadline: *until })
        }
        (InstanceState::Backoff { until, .. }, None) => {
            Some(WaitingOn::Backoff { instance, deadline: *until })
        }
        // No rollout waits for that: it goes on with the others, or is taken back.
        (InstanceState::Unready { since, .. }, None) => {
            desired.rollout.is_none().then_some(WaitingOn::Recovery { instance, since: *since })
        }
        // Otherwise it is the split that is waited for, or another that was restarted first.
        (InstanceState::Wedged { .. }, None) => {
            let deadline = wedged::deadline(desired, i).filter(|at| *at > now)?;
            let backlog = i.backlog.filter(|b| b.requests > 0 || b.upgraded > 0)?;
            let (requests, upgraded) = (backlog.requests, backlog.upgraded);
            Some(WaitingOn::Drained { instance, requests, upgraded, deadline })
        }
        (InstanceState::Ready { .. } | InstanceState::Gone { .. }, None) => None,
    }
}
