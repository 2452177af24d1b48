//! When an instance that takes more memory than it may is replaced: one at a time, and not before it has been ready for
//! a while, so that an app which always takes too much is not replaced for ever as fast as it starts.
//!
//! Where there is room beside it another is started first, and it goes when that one serves in its place. Where there
//! is none it goes as long as enough others serve, and another comes. While a rollout is in progress nobody is
//! replaced: the rollout does that.

use crate::desired::Desired;
use crate::observed::{Instance, Observed};
use gapless_model::{InstanceState, Moment};

/// What is to be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replacement<'a> {
    /// How many more than the wanted number there are meanwhile: 0 or 1.
    pub extra: usize,
    /// The one that goes now.
    pub leaving: Option<&'a Instance>,
}

/// What is to be done about those of `mine`, the instances that stay of the release that serves.
pub fn replacement<'a>(
    desired: &Desired,
    observed: &Observed,
    mine: &[&'a Instance],
    now: Moment,
) -> Replacement<'a> {
    let none = Replacement { extra: 0, leaving: None };
    if desired.rollout.is_some() || desired.wanted == 0 {
        return none;
    }
    let due = |i: &&&Instance| due_at(desired, i).is_some_and(|at| at <= now);
    let Some(oldest) = mine.iter().filter(due).min_by_key(|i| i.id().number()) else { return none };
    let carries = |i: &&&Instance| i.is_able() && (!desired.routed || observed.serves(i.id()));
    let carrying = mine.iter().filter(carries).count();
    if desired.surge() > 0 {
        // When as many carry as are wanted without it.
        let leaving = (carrying > desired.wanted as usize).then_some(*oldest);
        return Replacement { extra: 1, leaving };
    }
    // All are there, the last one's replacement too, and what is left stays at the floor.
    let all = carrying >= desired.wanted as usize && desired.in_the_way(observed) == 0;
    Replacement { extra: 0, leaving: (all && carrying > desired.floor()).then_some(*oldest) }
}

/// When to ask again because of those that are not to be replaced yet.
pub fn wake(desired: &Desired, observed: &Observed, now: Moment) -> Option<Moment> {
    let due = observed.staying().filter_map(|i| due_at(desired, i));
    due.filter(|at| *at > now && desired.rollout.is_none()).min()
}

/// When an instance may be replaced; none for one that does not take too much, or has more serious troubles.
fn due_at(desired: &Desired, instance: &Instance) -> Option<Moment> {
    match instance.view.state {
        InstanceState::Ready { since } if instance.outgrown => Some(since + desired.replace_after),
        _ => None,
    }
}
