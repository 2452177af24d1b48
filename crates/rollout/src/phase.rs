//! How a rollout moves from phase to phase.
//!
//! ```text
//! Replacing ──all ready──▶ Baking ──time passed──▶ Retiring ──old ones gone──▶ Ended: Completed
//!     │                      │
//!     └──── failed, or asked ┴──▶ Returning ──old release carries all──▶ Ended: Aborted
//! ```
//!
//! A rollout that flips goes from `Replacing` by way of `Verifying` and `Verified`, as far as there is something
//! to pass and somebody to ask, to `Baking`; its new instances have all traffic from there on, and none before.
//!
//! From `Retiring` there is no way back: the old instances are going. A first release has nothing to return
//! to: when it fails the rollout ends as `Failed`, and its instances are tried on.

use crate::desired::Desired;
use crate::observed::{Instance, Observed, Verification};
use crate::order;
use crate::target::Target;
use gapless_model::{AbortReason, Failure, InstanceState, Moment, Outcome, Rollout, RolloutPhase, Strategy};
use std::time::Duration;

/// How often an instance of a new release may crash before it was ready until the rollout returns. A second
/// chance, for a start that raced with something; a broken release crashes twice as well.
pub const BOOT_CRASHES_ALLOWED: u32 = 1;

/// How much later than they should the checks of a release may say how they ended.
pub const LATE: Duration = Duration::from_secs(5);

/// The phase that follows now; none if the rollout stays where it is.
pub fn next(desired: &Desired, observed: &Observed, rollout: &Rollout, now: Moment) -> Option<RolloutPhase> {
    let to = |i: &&Instance| i.release() == rollout.to;
    let others_exist = || observed.instances.iter().any(|i| i.release() != rollout.to);
    let does = |i: &&Instance| i.is_able() || is_done(desired, i);
    let complete = || observed.staying().filter(to).filter(does).count() >= desired.wanted as usize;
    let paused = rollout.paused.is_some();

    match &rollout.phase {
        RolloutPhase::Replacing { .. }
        | RolloutPhase::Verifying { .. }
        | RolloutPhase::Verified { .. }
        | RolloutPhase::Baking { .. }
            if desired.wanted == 0 =>
        {
            // The app was stopped meanwhile. Nothing serves, so nothing can be proven: the release that was
            // known to work is the one to start again.
            Some(returning(rollout, AbortReason::AppStopped, now))
        }
        RolloutPhase::Replacing { .. } => {
            match failure(desired, observed, rollout).or_else(|| order::given_up(desired, rollout, now)) {
                Some(why) => Some(returning(rollout, why, now)),
                None if complete() && !paused => Some(match rollout.from {
                    Some(_) if desired.flips().is_some() && desired.verify.is_some() => {
                        RolloutPhase::Verifying { since: now }
                    }
                    Some(_) => passed(desired, now),
                    // Nothing is kept warm for a first release, so there is nothing to bake for.
                    None => RolloutPhase::Ended { at: now, outcome: Outcome::Completed },
                }),
                None => None,
            }
        }
        RolloutPhase::Verifying { .. } => {
            match failure(desired, observed, rollout).or_else(|| unfit(observed, now)) {
                Some(why) => Some(returning(rollout, why, now)),
                None if has_passed(desired, observed) && complete() && !paused => Some(passed(desired, now)),
                None => None,
            }
        }
        RolloutPhase::Verified { since, until } => match failure(desired, observed, rollout) {
            Some(why) => Some(returning(rollout, why, now)),
            None if paused => None,
            None if (desired.promoted || desired.promote_within.is_none()) && complete() => {
                Some(baking(desired, now))
            }
            None if now >= *until => {
                Some(returning(rollout, AbortReason::NotPromoted { after: until.since(*since) }, now))
            }
            None => None,
        },
        RolloutPhase::Baking { until, .. } => match failure(desired, observed, rollout) {
            Some(why) => Some(returning(rollout, why, now)),
            None if now >= *until
                && complete()
                && !paused
                && others_lost_traffic(desired, observed, rollout) =>
            {
                Some(RolloutPhase::Retiring { since: now })
            }
            None => None,
        },
        RolloutPhase::Retiring { .. } if !others_exist() => {
            Some(RolloutPhase::Ended { at: now, outcome: Outcome::Completed })
        }
        RolloutPhase::Returning { why, .. } if has_returned(desired, observed, rollout) => {
            Some(RolloutPhase::Ended { at: now, outcome: Outcome::Aborted { why: why.clone() } })
        }
        RolloutPhase::Retiring { .. } | RolloutPhase::Returning { .. } | RolloutPhase::Ended { .. } => None,
    }
}

/// Whether the new release has passed its checks, or has none any more.
fn has_passed(desired: &Desired, observed: &Observed) -> bool {
    desired.verify.is_none() || observed.verification == Some(Verification::Passed)
}

/// What follows when the new release has passed all there is to pass.
fn passed(desired: &Desired, now: Moment) -> RolloutPhase {
    match desired.promote_within.filter(|_| desired.flips().is_some()) {
        Some(within) => RolloutPhase::Verified { since: now, until: now + within },
        None => baking(desired, now),
    }
}

fn baking(desired: &Desired, now: Moment) -> RolloutPhase {
    RolloutPhase::Baking { since: now, until: now + desired.bake }
}

/// Why the new release does not pass, if it does not.
fn unfit(observed: &Observed, now: Moment) -> Option<AbortReason> {
    match observed.verification.as_ref()? {
        Verification::Failed { what, output } => {
            Some(AbortReason::NotVerified { what: what.clone(), output: output.clone() })
        }
        // Whoever checks says so himself; this is for one that says nothing any more.
        Verification::Running { until } if now >= *until + LATE => {
            let what = "the checks of the new release came to no end".to_owned();
            Some(AbortReason::NotVerified { what, output: Vec::new() })
        }
        Verification::Running { .. } | Verification::Passed => None,
    }
}

/// The way back of a rollout, from where it stands.
pub fn returning(rollout: &Rollout, why: AbortReason, now: Moment) -> RolloutPhase {
    let flipped =
        rollout.strategy == Strategy::BlueGreen && matches!(rollout.phase, RolloutPhase::Baking { .. });
    match rollout.from {
        Some(_) => RolloutPhase::Returning { since: now, why, flipped },
        None => RolloutPhase::Ended { at: now, outcome: Outcome::Failed { why } },
    }
}

/// What is wrong with the new release, if anything.
fn failure(desired: &Desired, observed: &Observed, rollout: &Rollout) -> Option<AbortReason> {
    let mut mine = observed.staying().filter(|i| i.release() == rollout.to && !is_done(desired, i));
    mine.find_map(|i| Some((i, fatal(i)?))).map(|(i, failure)| AbortReason::InstanceFailed {
        instance: i.id().clone(),
        failure: failure.clone(),
    })
}

/// Whether it is of a job, and has done it.
fn is_done(desired: &Desired, instance: &Instance) -> bool {
    desired.job && instance.has_finished()
}

/// The instance's failure, if it speaks against its release. It was started for this rollout, so whatever
/// went wrong with it since its start counts, even if it has recovered.
fn fatal(instance: &Instance) -> Option<&Failure> {
    let failure = instance.view.last_failure.as_ref()?;
    let crashed_again = instance.view.restarts > BOOT_CRASHES_ALLOWED
        || match instance.view.state {
            InstanceState::Backoff { failures, .. } => failures > BOOT_CRASHES_ALLOWED,
            InstanceState::Gone { .. } => true,
            _ => false,
        };
    match failure {
        Failure::Exited { was_ready: false, .. } if !crashed_again => None,
        _ => Some(failure),
    }
}

/// Whether every worker has a split without the other releases.
fn others_lost_traffic(desired: &Desired, observed: &Observed, rollout: &Rollout) -> bool {
    !desired.routed
        || observed.instances.iter().filter(|i| i.release() != rollout.to).all(|i| observed.is_cut_off(i))
}

/// Whether the old release has everything again: enough instances that serve, and none of the new left.
///
/// An instance of the old release that fails by itself is not waited for: the rollout has done what it could,
/// and whoever waits behind it may bring what helps. Those of the new release that stand in for it stay until
/// it is back: what works is kept.
fn has_returned(desired: &Desired, observed: &Observed, rollout: &Rollout) -> bool {
    let Some(target) = Target::of(desired, Some(&rollout.phase)) else { return true };
    let (mine, others): (Vec<_>, Vec<_>) = observed.instances.iter().partition(|i| target.is_met_by(i));
    let staying = || mine.iter().filter(|i| !i.is_retiring());
    let serves = |i: &Instance| i.is_able() && (!desired.routed || observed.serves(i.id()));
    let serving = staying().filter(|i| serves(i)).count();
    let failing = staying().filter(|i| is_failing(i)).count();
    let stand_in = |i: &Instance| failing > 0 && i.is_able();
    let standing_in = others.iter().filter(|i| stand_in(i)).count();
    // Traffic is not split between the two sets of a rollout that flips: where the new one has to stand in for
    // the old one, what is left of the old one waits.
    let waiting = if desired.flips().is_some() && standing_in > 0 {
        staying().filter(|i| i.is_able() && !serves(i)).count()
    } else {
        0
    };
    let on_their_way = staying().count() - serving - failing - waiting;
    on_their_way == 0
        && standing_in == others.len()
        && serving + failing + standing_in >= desired.wanted as usize
}

/// Whether an instance does not come up, or does not stay up, by its own fault.
pub fn is_failing(instance: &Instance) -> bool {
    match instance.view.state {
        InstanceState::Unready { .. } | InstanceState::Wedged { .. } | InstanceState::Gone { .. } => true,
        InstanceState::Backoff { failures, .. } => failures > BOOT_CRASHES_ALLOWED,
        InstanceState::Starting { .. } | InstanceState::Stopping { .. } => {
            instance.view.restarts > BOOT_CRASHES_ALLOWED
        }
        InstanceState::Ready { .. } => false,
    }
}
