//! What a rollout did to the traffic, counted.

use crate::ids::{AppName, ReleaseId, RolloutId};
use crate::rollout::Outcome;
use crate::time::millis;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// Requests of an app over some time, as the proxy counted them. All counts only grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TrafficCount {
    /// Answered in full by an instance, whatever the status.
    pub served: u64,
    /// Of those served: with a 5xx status by the app itself.
    pub served_5xx: u64,
    /// Sent a second time to another instance or connection.
    pub retried: u64,
    /// Held for a while because nobody was ready.
    pub held: u64,
    /// Lost: answered by the proxy itself with 502, 503 or 504, or cut in the middle of the answer.
    pub failed: u64,
    /// Refused at once because the app is stopped, or takes no requests as large: nobody promised to serve them.
    #[serde(default)]
    pub refused: u64,
    /// Given up by the client before the answer was complete. Not ours to count as lost.
    pub client_gone: u64,
}

impl std::ops::AddAssign for TrafficCount {
    fn add_assign(&mut self, o: Self) {
        self.served += o.served;
        self.served_5xx += o.served_5xx;
        self.retried += o.retried;
        self.held += o.held;
        self.failed += o.failed;
        self.refused += o.refused;
        self.client_gone += o.client_gone;
    }
}

impl std::ops::Sub for TrafficCount {
    type Output = Self;

    /// What came since `earlier`; a counter that went backwards (a new proxy) counts from zero.
    fn sub(self, earlier: Self) -> Self {
        let less = |a: u64, b: u64| a.checked_sub(b).unwrap_or(a);
        Self {
            served: less(self.served, earlier.served),
            served_5xx: less(self.served_5xx, earlier.served_5xx),
            retried: less(self.retried, earlier.retried),
            held: less(self.held, earlier.held),
            failed: less(self.failed, earlier.failed),
            refused: less(self.refused, earlier.refused),
            client_gone: less(self.client_gone, earlier.client_gone),
        }
    }
}

/// The receipt of one rollout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Which rollout.
    pub rollout: RolloutId,
    /// Whose.
    pub app: AppName,
    /// The release before.
    pub from: Option<ReleaseId>,
    /// The release that was rolled out.
    pub to: ReleaseId,
    /// How it ended.
    pub outcome: Outcome,
    /// The app's traffic from its first to its last moment.
    pub traffic: TrafficCount,
    /// Requests served by release in that time.
    pub served_by: BTreeMap<ReleaseId, u64>,
    /// The longest that a request waited in the proxy before it was on its way to an instance.
    #[serde(with = "millis")]
    pub longest_stall: Duration,
    /// From begin to end.
    #[serde(with = "millis")]
    pub took: Duration,
    /// Time per phase, in order of their begin: `replacing`, `verifying`,
    /// `verified`, `baking`, `retiring`, `returning`.
    pub phases: Vec<PhaseTime>,
    /// Every time that all traffic was turned from one release to another in one step, in their order.
    #[serde(default)]
    pub flips: Vec<Flip>,
}

/// All traffic turned from one release to another in one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flip {
    /// To which.
    pub to: ReleaseId,
    /// From the decision to the last worker's acknowledgement, in microseconds.
    pub micros: u64,
}

/// How long a rollout was in one phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseTime {
    /// The phase's word.
    pub phase: String,
    /// How long.
    #[serde(with = "millis")]
    pub took: Duration,
}
