//! The one question.

use crate::decision::Decision;
use crate::desired::Desired;
use crate::observed::Observed;
use crate::target::{Target, split};
use crate::{blue_green, order, outgrown, phase, recreate, retire, rolling, waits, wedged};
use gapless_model::{Moment, Strategy, WaitingOn};

/// What to do now.
///
/// Pure: the same inputs give the same decision. At most one phase change is decided at a time, and the
/// actions are those of the new phase. Where a phase turns all traffic at once there are none with it: it is
/// written before anything follows from it.
pub fn decide(desired: &Desired, observed: &Observed, now: Moment) -> Decision {
    let next = desired.rollout.as_ref().and_then(|r| phase::next(desired, observed, r, now));
    let current = desired.rollout.as_ref().map(|r| &r.phase);
    let in_phase = next.as_ref().or(current);

    let mut decision = Decision { phase: next.clone(), ..Decision::default() };
    if let (Some(rollout), Some(phase)) = (desired.flips(), current) {
        decision.split = blue_green::split(desired, observed, rollout, phase);
        decision.preview = blue_green::preview(desired, observed, rollout, phase);
        // What a new phase means is decided when it is written.
        if next.is_none() && desired.held_since(observed, in_phase).is_none() {
            decision.actions = blue_green::step(desired, observed, rollout, phase, now);
        }
    } else if let Some(target) = Target::of(desired, in_phase) {
        decision.split = split(desired, observed, &target);
        if desired.held_since(observed, in_phase).is_none() {
            decision.actions = match desired.strategy() {
                Strategy::Rolling | Strategy::BlueGreen => rolling::step(desired, observed, &target, now),
                Strategy::Recreate => recreate::step(desired, observed, &target, now),
            };
        }
    }
    order::hold_back(desired, &mut decision.actions);
    for action in &decision.actions {
        if let crate::Action::Retire { instance, .. } = action {
            decision.split.remove(instance);
            decision.preview.remove(instance);
        }
    }
    decision.actions.extend(retire::stops(desired, observed, now));
    decision.actions.extend(wedged::restart(desired, observed, now));
    decision.waiting = waits::waits(desired, observed, in_phase, &decision, now);
    let deadlines = decision.waiting.iter().filter_map(WaitingOn::deadline).filter(|at| *at > now);
    decision.wake = deadlines.chain(outgrown::wake(desired, observed, now)).min();
    decision
}
