//! The rolling strategy: a few instances at a time.
//!
//! Instances of the target's release are started as far as there is room under the ceiling
//! (`wanted + max_surge`). Others are retired only when their room is needed for that, and only as long as
//! what serves stays at or above the floor (`wanted − max_unavailable`). So the last of the old outlive the
//! replacing: as many as the surge has room for stay warm through the bake, and going back begins with them.
//!
//! Without any surge, room is free when the process that had it is gone; otherwise when it is retired.

use crate::decision::Action;
use crate::desired::Desired;
use crate::observed::{Instance, Observed};
use crate::outgrown;
use crate::target::{Others, Target};
use gapless_model::Moment;

/// What to start and what to retire on the way to `target`.
pub fn step(desired: &Desired, observed: &Observed, target: &Target, now: Moment) -> Vec<Action> {
    let (mine, others): (Vec<_>, Vec<_>) = observed.staying().partition(|i| target.is_met_by(i));
    let wanted = desired.wanted as usize;

    let replacement = outgrown::replacement(desired, observed, &mine, now);
    let wanted = wanted + replacement.extra;
    let missing = wanted.saturating_sub(mine.len());
    let ending = desired.in_the_way(observed);
    let room = desired.ceiling().saturating_sub(observed.running() + ending);
    let starts = missing.min(room);
    let short = (missing - starts).saturating_sub(ending);

    let mut leaving = surplus(&mine, wanted);
    leaving.extend(replacement.leaving.filter(|_| leaving.is_empty()));
    leaving.extend(dispensable(desired, observed, target, &mine, &others, short));

    let retire = |i: &Instance| Action::Retire { instance: i.id().clone(), retiring: desired.retiring(now) };
    leaving
        .into_iter()
        .map(retire)
        .chain((0..starts).map(|_| Action::Start { release: target.release }))
        .collect()
}

/// Instances of the target's release beyond the wanted number: those that are not able go first, then those that
/// take too much memory, then the youngest.
pub(crate) fn surplus<'a>(mine: &[&'a Instance], wanted: usize) -> Vec<&'a Instance> {
    let mut by_worth = mine.to_vec();
    by_worth.sort_by_key(|i| (i.is_able(), !i.outgrown, std::cmp::Reverse(i.id().number())));
    by_worth.truncate(mine.len().saturating_sub(wanted));
    by_worth
}

/// Instances of other releases that can go now. `short` is how many of the target's could not be started for
/// want of room.
fn dispensable<'a>(
    desired: &Desired,
    observed: &Observed,
    target: &Target,
    mine: &[&'a Instance],
    others: &[&'a Instance],
    short: usize,
) -> Vec<&'a Instance> {
    // Those that carry traffic now, or would with the next split; not those that only might.
    let carries = |i: &&&Instance| i.is_able() && (!desired.routed || observed.serves(i.id()));
    let mine_carrying = mine.iter().filter(carries).count();
    let others_able = others.iter().filter(|i| i.is_able()).count();
    // What serves now must stay at the floor without those who leave.
    let mut spare = (mine_carrying + others_able).saturating_sub(desired.floor());
    let handed_over = mine_carrying >= target.quorum(desired);

    let mut by_worth = others.to_vec();
    by_worth.sort_by_key(|i| (i.is_able(), i.id().number()));
    let mut quota = match target.others {
        Others::StayWarm => short,
        Others::Go => others.len(),
        Others::GoAtOnce => return others.to_vec(),
    };
    let mut leaving = Vec::new();
    for instance in by_worth {
        if quota == 0 {
            break;
        }
        if instance.is_able() {
            let needed_for_room = leaving.len() < short;
            if !(handed_over || needed_for_room) || spare == 0 {
                continue;
            }
            spare -= 1;
        }
        quota -= 1;
        leaving.push(instance);
    }
    leaving
}
