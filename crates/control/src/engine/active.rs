//! A rollout in progress: what is remembered of it beside what the decider sees.

use super::flip::Flipping;
use super::receipt::Ledger;
use super::verification::Checks;
use gapless_model::receipt::{Flip, PhaseTime};
use gapless_model::{Generation, Moment, Outcome, Receipt, Rollout, RolloutPhase};
use gapless_store::RolloutRecord;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long an ended rollout waits for the proxy's last counters until its receipt is written without.
const LAST_COUNT: Duration = Duration::from_secs(3);

/// A rollout in progress, or one that has ended and waits for its last count.
#[derive(Debug)]
pub(crate) struct Active {
    pub(crate) rollout: Rollout,
    pub(super) ledger: Ledger,
    /// Each phase with the moment it was entered.
    phases: Vec<(String, Moment)>,
    /// What the user asked of it, until it is decided.
    pub(super) asked: Option<Asked>,
    closing: Option<Closing>,
    /// Whether the ledger has something that the journal should.
    pub(super) unwritten: bool,
    /// The checks of the new release.
    pub(super) checks: Checks,
    /// When a phase was decided that may turn the traffic, as a time since boot.
    pub(super) decided: Option<Duration>,
    pub(super) flipping: Option<Flipping>,
    pub(super) flips: Vec<Flip>,
}

/// What the user asked of a rollout in progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Asked {
    /// Take it back.
    Abort,
    /// Let the new release be public; or, if it is, end the bake.
    Promote,
}

#[derive(Debug)]
struct Closing {
    /// The snapshot whose answer brings the last counters.
    counted_by: Generation,
    /// When it is not waited for any longer.
    deadline: Moment,
}

/// What the journal keeps of a rollout beside [`Rollout`] itself.
#[derive(Serialize, Deserialize)]
struct Notes {
    ledger: Ledger,
    phases: Vec<(String, Moment)>,
    #[serde(default)]
    asked: Option<Asked>,
    #[serde(default)]
    flips: Vec<Flip>,
}

impl Active {
    pub(super) fn begin(rollout: Rollout, ledger: Ledger) -> Self {
        let phases = vec![(rollout.phase.word().to_owned(), rollout.began)];
        Self::with(rollout, Notes { ledger, phases, asked: None, flips: Vec::new() })
    }

    /// As it was when a control before this one wrote it.
    pub(super) fn resume(record: &RolloutRecord) -> Self {
        let notes = record.begun.as_deref().and_then(|text| serde_json::from_str(text).ok());
        let notes = notes.unwrap_or_else(|| Notes {
            ledger: Ledger::opening_at(None),
            phases: vec![(record.rollout.phase.word().to_owned(), record.rollout.began)],
            asked: None,
            flips: Vec::new(),
        });
        let mut phases = notes.phases.clone();
        let phase = &record.rollout.phase;
        if phases.last().is_none_or(|(word, _)| word != phase.word()) {
            // It was written before it was entered.
            phases.push((phase.word().to_owned(), phase.since()));
        }
        Self::with(record.rollout.clone(), Notes { phases, ..notes })
    }

    fn with(rollout: Rollout, notes: Notes) -> Self {
        let Notes { ledger, phases, asked, flips } = notes;
        let (checks, closing) = (Checks::default(), None);
        Self {
            rollout,
            ledger,
            phases,
            asked,
            closing,
            unwritten: false,
            checks,
            decided: None,
            flipping: None,
            flips,
        }
    }

    /// Moves on to a phase that was decided.
    pub(super) fn enter(&mut self, phase: RolloutPhase, now: Moment) {
        if self.phases.last().is_none_or(|(word, _)| word != phase.word()) {
            self.phases.push((phase.word().to_owned(), now));
        }
        if self.asked == Some(Asked::Promote) && matches!(phase, RolloutPhase::Baking { .. }) {
            // That was what it was asked for.
            self.asked = None;
        }
        self.rollout.phase = phase;
    }

    pub(super) fn record(&self) -> RolloutRecord {
        let notes = Notes {
            ledger: self.ledger.clone(),
            phases: self.phases.clone(),
            asked: self.asked,
            flips: self.flips.clone(),
        };
        RolloutRecord {
            rollout: self.rollout.clone(),
            begun: serde_json::to_string(&notes).ok(),
            receipt: None,
        }
    }

    pub(crate) const fn is_returning(&self) -> bool {
        matches!(
            self.rollout.phase,
            RolloutPhase::Returning { .. }
                | RolloutPhase::Ended { outcome: Outcome::Aborted { .. } | Outcome::Failed { .. }, .. }
        )
    }

    /// Whether it has ended and its last counters have come.
    pub(super) fn may_close(&self, applied: Option<Generation>) -> bool {
        self.closing.as_ref().is_some_and(|c| applied >= Some(c.counted_by))
    }

    /// When it is closed without them.
    pub(super) fn close_by(&self) -> Option<Moment> {
        self.closing.as_ref().map(|c| c.deadline)
    }

    /// It has ended, and the answer to this snapshot brings its last counters.
    pub(super) fn wait_for_last_count(&mut self, counted_by: Generation, now: Moment) {
        self.closing = Some(Closing { counted_by, deadline: now + LAST_COUNT });
    }

    /// What it came to.
    pub(super) fn receipt(&self, at: Moment, outcome: Outcome) -> Receipt {
        let total = self.ledger.total();
        let ends = self.phases.iter().skip(1).map(|(_, since)| *since);
        let phases = self
            .phases
            .iter()
            .zip(ends)
            .map(|((phase, since), end)| PhaseTime { phase: phase.clone(), took: end.since(*since) });
        Receipt {
            rollout: self.rollout.id,
            app: self.rollout.app.clone(),
            from: self.rollout.from,
            to: self.rollout.to,
            outcome,
            traffic: total.traffic,
            served_by: total.served_by,
            longest_stall: self.ledger.longest_stall(),
            took: at.since(self.rollout.began),
            phases: phases.collect(),
            flips: self.flips.clone(),
        }
    }
}
