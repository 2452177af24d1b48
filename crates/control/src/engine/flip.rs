//! How long it takes to turn all traffic from one release to another: from the decision, its journal entry
//! included, to the last worker's acknowledgement.

use super::active::Active;
use super::app::App;
use gapless_model::receipt::Flip;
use gapless_model::{Generation, ReleaseId, RolloutPhase, Split, Strategy};
use std::time::Duration;

/// A flip in the making.
#[derive(Debug)]
pub(crate) struct Flipping {
    to: ReleaseId,
    decided: Duration,
    /// The first snapshot that has it.
    generation: Option<Generation>,
}

impl Active {
    /// A phase was decided that may turn the traffic, at this time since boot.
    pub(super) fn decide_phase(&mut self, phase: &RolloutPhase, exact: Duration) {
        let turns =
            matches!(phase, RolloutPhase::Baking { .. } | RolloutPhase::Returning { flipped: true, .. });
        if turns && self.rollout.strategy == Strategy::BlueGreen {
            self.decided = Some(exact);
        }
    }
}

impl App {
    /// Takes note if this split, decided now, turns all traffic.
    pub(super) fn note_flip(&mut self, split: &Split, exact: Duration) {
        let Some(active) = self.active.as_mut().filter(|a| a.rollout.strategy == Strategy::BlueGreen) else {
            return;
        };
        let decided = active.decided.take().unwrap_or(exact);
        let (from, to) = (active.rollout.from, active.rollout.to);
        let new = |split: &Split| split.0.contains_key(&to);
        if split.is_empty() || self.split.is_empty() || new(split) == new(&self.split) {
            return;
        }
        let to = if new(split) { to } else { from.unwrap_or(to) };
        active.flipping = Some(Flipping { to, decided, generation: None });
    }

    /// The newest split goes out with this snapshot.
    pub(super) fn send_flip(&mut self, by: Generation) {
        if let Some(flipping) = self.active.as_mut().and_then(|active| active.flipping.as_mut()) {
            flipping.generation.get_or_insert(by);
        }
    }

    /// Every worker has this snapshot.
    pub(super) fn end_flip(&mut self, generation: Generation, exact: Duration) {
        let Some(active) = &mut self.active else { return };
        let arrived = |f: &mut Flipping| f.generation.is_some_and(|by| by <= generation);
        if let Some(Flipping { to, decided, .. }) = active.flipping.take_if(arrived) {
            let took = exact.saturating_sub(decided);
            let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
            active.flips.push(Flip { to, micros });
            active.unwritten = true;
        }
    }
}
