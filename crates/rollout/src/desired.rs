//! What an app should be.

use crate::observed::{Instance, Observed};
use crate::order::Awaited;
use gapless_model::app::{DrainSpec, WebSocketPolicy};
use gapless_model::instance::Retiring;
use gapless_model::{AppName, Moment, ReleaseId, Rollout, RolloutPhase, Strategy};
use std::time::Duration;

/// What an app should be: from its settings, the user's commands and the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired {
    /// Which app.
    pub app: AppName,
    /// How many instances should serve; 0 when it is stopped.
    pub wanted: u32,
    /// The release that serves when no rollout is in progress. During a rollout: the one before it, or the
    /// new one if there is none before.
    pub current: Option<ReleaseId>,
    /// The rollout in progress; never one that has ended.
    pub rollout: Option<Rollout>,
    /// How a release is replaced when no rollout says otherwise.
    pub strategy: Strategy,
    /// How many instances may run beyond `wanted` while rolling.
    pub max_surge: u32,
    /// How many of `wanted` may be missing while rolling.
    pub max_unavailable: u32,
    /// How long the new release is watched at full traffic.
    pub bake: Duration,
    /// How long the checks of a blue-green release may take; none if it has none to pass.
    pub verify: Option<Duration>,
    /// How long the user has to promote a blue-green release that has passed; none if it becomes public by
    /// itself.
    pub promote_within: Option<Duration>,
    /// Whether the user has promoted it.
    pub promoted: bool,
    /// How long one that takes too much memory must have been ready before it is replaced.
    pub replace_after: Duration,
    /// How begun work is finished.
    pub drain: DrainSpec,
    /// Whether the proxy sends it requests. If not there is no split to wait for and nothing in flight to
    /// count: its workers finish their work between the stop signal and their own timeout.
    pub routed: bool,
    /// Whether it is a job: one that is done when it has ended with code 0, and not started again then.
    pub job: bool,
    /// The apps that it is started after, that are not up: none of its instances is started before they are.
    /// None once its first one is.
    pub awaits: Vec<Awaited>,
}

impl Desired {
    /// How releases are replaced now: as the rollout has it, or the app.
    pub fn strategy(&self) -> Strategy {
        self.rollout.as_ref().map_or(self.strategy, |rollout| rollout.strategy)
    }

    /// The rollout, if it is one that flips.
    pub fn flips(&self) -> Option<&Rollout> {
        self.rollout.as_ref().filter(|rollout| rollout.strategy == Strategy::BlueGreen)
    }

    /// The least number of ready instances that must be kept serving.
    pub fn floor(&self) -> usize {
        match self.strategy() {
            // What a rollout that flips keeps serving is no matter of numbers: see `invariants`.
            Strategy::BlueGreen if self.rollout.is_some() => 0,
            Strategy::Rolling | Strategy::BlueGreen => {
                self.wanted.saturating_sub(self.max_unavailable) as usize
            }
            // It cannot be without a time in which nobody serves.
            Strategy::Recreate => 0,
        }
    }

    /// How many instances may run beyond `wanted`.
    pub fn surge(&self) -> u32 {
        match self.strategy() {
            Strategy::BlueGreen if self.rollout.is_some() => self.wanted,
            Strategy::Rolling | Strategy::BlueGreen => self.max_surge,
            Strategy::Recreate => 0,
        }
    }

    /// The most instances that may run. Those retiring are not counted, or the drain of one would hold up the
    /// start of the next; but see [`Self::in_the_way`].
    pub fn ceiling(&self) -> usize {
        (self.wanted + self.surge()) as usize
    }

    /// How many retiring instances take the room of others. An app without any surge may be one that cannot
    /// run twice: there the next is started when the last is gone.
    pub fn in_the_way(&self, observed: &Observed) -> usize {
        // One that waits to be started again may be started just now.
        let ending = |i: &&Instance| i.is_retiring() && !i.view.state.is_gone();
        if self.surge() == 0 { observed.instances.iter().filter(ending).count() } else { 0 }
    }

    /// Since when the user holds the rollout, if it is where it can be held. A return is never held, nor is a
    /// replacing in whose middle nobody serves.
    pub fn held_since(&self, observed: &Observed, phase: Option<&RolloutPhase>) -> Option<Moment> {
        let rollout = self.rollout.as_ref()?;
        let paused = rollout.paused?;
        let can_be_held = match phase? {
            RolloutPhase::Replacing { .. } => {
                let (mine, others): (Vec<_>, Vec<_>) =
                    observed.staying().partition(|i| i.release() == rollout.to);
                let complete = mine.iter().filter(|i| i.is_able()).count() >= self.wanted as usize;
                rollout.strategy != Strategy::Recreate || !others.is_empty() || complete
            }
            RolloutPhase::Verifying { .. } | RolloutPhase::Verified { .. } | RolloutPhase::Baking { .. } => {
                true
            }
            _ => false,
        };
        can_be_held.then_some(paused)
    }

    /// The deadlines of a retirement that is decided now.
    pub fn retiring(&self, now: Moment) -> Retiring {
        let upgraded = match self.drain.websocket {
            WebSocketPolicy::Close => self.drain.timeout,
            // And then they are closed, for which there is as much time as for a request.
            WebSocketPolicy::Keep => self.drain.websocket_timeout + self.drain.timeout,
        };
        Retiring { since: now, drain_deadline: now + self.drain.timeout, upgraded_deadline: now + upgraded }
    }
}
