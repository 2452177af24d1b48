//! The recreate strategy, for apps that cannot run twice: what holds a lock, a port or a file that only one
//! process may have.
//!
//! All instances of other releases are retired in one decision: out of the split on every worker, their work
//! done, stopped. Those of the target's release are started when the last of them is gone. In between nobody
//! serves, and the proxy holds requests. The way back is the same way.

use crate::decision::Action;
use crate::desired::Desired;
use crate::observed::{Instance, Observed};
use crate::outgrown;
use crate::rolling;
use crate::target::Target;
use gapless_model::Moment;

/// What to start and what to retire on the way to `target`.
pub fn step(desired: &Desired, observed: &Observed, target: &Target, now: Moment) -> Vec<Action> {
    let (mine, others): (Vec<_>, Vec<_>) = observed.staying().partition(|i| target.is_met_by(i));
    let wanted = desired.wanted as usize;
    let missing = wanted.saturating_sub(mine.len());
    // The places of those that end are free when they are gone.
    let room = wanted.saturating_sub(observed.running() + desired.in_the_way(observed));
    let starts = if is_alone(observed, target) { missing.min(room) } else { 0 };

    let surplus = rolling::surplus(&mine, wanted);
    let replaced =
        outgrown::replacement(desired, observed, &mine, now).leaving.filter(|_| surplus.is_empty());
    let leaving = surplus.into_iter().chain(replaced).chain(others);
    let retire = |i: &Instance| Action::Retire { instance: i.id().clone(), retiring: desired.retiring(now) };
    leaving.map(retire).chain((0..starts).map(|_| Action::Start { release: target.release })).collect()
}

/// Whether nothing of another release runs, or could be started again.
fn is_alone(observed: &Observed, target: &Target) -> bool {
    observed.instances.iter().all(|i| target.is_met_by(i) || i.view.state.is_gone())
}
