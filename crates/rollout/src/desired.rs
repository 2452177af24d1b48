//! What an app should be.

use crate::observed::{Instance, Observed};
use gapless_model::app::{DrainSpec, WebSocketPolicy};
use gapless_model::instance::Retiring;
use gapless_model::{AppName, Moment, ReleaseId, Rollout, RolloutPhase};
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
    /// How many instances may run beyond `wanted` while replacing.
    pub max_surge: u32,
    /// How many of `wanted` may be missing while replacing.
    pub max_unavailable: u32,
    /// How long the new release is watched at full traffic.
    pub bake: Duration,
    /// How begun work is finished.
    pub drain: DrainSpec,
    /// Whether the proxy sends it requests. If not there is no split to wait for and nothing in flight to
    /// count: its workers finish their work between the stop signal and their own timeout.
    pub routed: bool,
}

impl Desired {
    /// The least number of ready instances that must be kept serving.
    pub fn floor(&self) -> usize {
        self.wanted.saturating_sub(self.max_unavailable) as usize
    }

    /// The most instances that may run. Those retiring are not counted, or the drain of one would hold up the
    /// start of the next; but see [`Self::in_the_way`].
    pub fn ceiling(&self) -> usize {
        (self.wanted + self.max_surge) as usize
    }

    /// How many retiring instances take the room of others. An app without any surge may be one that cannot
    /// run twice: there the next is started when the last is gone.
    pub fn in_the_way(&self, observed: &Observed) -> usize {
        // One that waits to be started again may be started just now.
        let ending = |i: &&Instance| i.is_retiring() && !i.view.state.is_gone();
        if self.max_surge == 0 { observed.instances.iter().filter(ending).count() } else { 0 }
    }

    /// Since when the user holds the rollout, if it is in a phase that can be held. A return is never held.
    pub fn held_since(&self, phase: Option<&RolloutPhase>) -> Option<Moment> {
        let paused = self.rollout.as_ref()?.paused?;
        matches!(phase, Some(RolloutPhase::Replacing { .. } | RolloutPhase::Baking { .. })).then_some(paused)
    }

    /// The deadlines of a retirement that is decided now.
    pub fn retiring(&self, now: Moment) -> Retiring {
        let upgraded = match self.drain.websocket {
            WebSocketPolicy::Close => self.drain.timeout,
            WebSocketPolicy::Keep => self.drain.websocket_timeout,
        };
        Retiring { since: now, drain_deadline: now + self.drain.timeout, upgraded_deadline: now + upgraded }
    }
}
