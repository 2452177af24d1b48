//! When an instance that fails its liveness probe may be restarted: one at a time, and out of service first
//! if anybody else can serve.

use crate::decision::Action;
use crate::desired::Desired;
use crate::observed::{Instance, Observed};
use gapless_model::{InstanceState, Moment};

/// The restart that is allowed now, if any.
pub fn restart(desired: &Desired, observed: &Observed, now: Moment) -> Option<Action> {
    if observed.staying().any(is_coming_back) {
        return None;
    }
    observed
        .staying()
        .find(|i| is_free(desired, observed, i, now))
        .map(|i| Action::Restart { instance: i.id().clone() })
}

/// When the wedged instance is restarted at the latest, its turn given.
pub fn deadline(desired: &Desired, instance: &Instance) -> Option<Moment> {
    match instance.view.state {
        InstanceState::Wedged { since, .. } => Some(since + desired.drain.timeout),
        _ => None,
    }
}

/// An instance that is being restarted, or was and is not ready yet: the next one waits for it, so that a probe that is
/// wrong for all of them never takes all of them down at once.
fn is_coming_back(instance: &Instance) -> bool {
    match instance.view.state {
        _ if instance.restarting => true,
        InstanceState::Backoff { .. } | InstanceState::Stopping { .. } => true,
        InstanceState::Starting { .. } => instance.view.restarts > 0,
        _ => false,
    }
}

fn is_free(desired: &Desired, observed: &Observed, instance: &Instance, now: Moment) -> bool {
    let Some(deadline) = deadline(desired, instance) else { return false };
    if !desired.routed {
        return true;
    }
    // While others serve, what it has begun gets its time. If nobody does, new requests are being held: it
    // has failed often enough not to be waited for.
    let alone = !observed.staying().any(Instance::is_able);
    let idle = instance.backlog.is_some_and(|b| b.requests == 0 && b.upgraded == 0);
    observed.is_cut_off(instance) && (alone || idle || now >= deadline)
}
