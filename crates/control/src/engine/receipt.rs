//! The ledger of a rollout, from which its receipt is written.

use super::traffic::AppCount;
use gapless_model::Generation;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What was counted since a rollout began. Journaled with it, so that a receipt is whole even if control
/// or the proxy were replaced in between.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ledger {
    /// The snapshot whose answer brings the counters from which to count; none once it is open, or if no
    /// traffic is counted.
    opens_at: Option<Generation>,
    /// Which proxy process `begin` is a count of.
    proxy: Option<u32>,
    /// Its count when the rollout began, or when that proxy took over.
    begin: AppCount,
    /// What proxies that are no more had counted since the rollout began.
    earlier: AppCount,
    /// The last that was counted.
    last: AppCount,
    longest_stall_ms: u64,
}

impl Ledger {
    /// A ledger that opens with the counters that come with this snapshot's answer.
    pub(super) fn opening_at(generation: Option<Generation>) -> Self {
        Self {
            opens_at: generation,
            proxy: None,
            begin: AppCount::default(),
            earlier: AppCount::default(),
            last: AppCount::default(),
            longest_stall_ms: 0,
        }
    }

    /// Takes note of the proxy's counters. True if another control would not learn of it from the proxy by
    /// itself: where the count begins, and how long requests have waited.
    pub(super) fn count(
        &mut self,
        proxy: u32,
        now: &AppCount,
        stall: Duration,
        applied: Option<Generation>,
    ) -> bool {
        if let Some(opens_at) = self.opens_at {
            if applied.is_none_or(|g| g < opens_at) {
                return false;
            }
            // The stall of this report was before.
            self.opens_at = None;
            self.proxy = Some(proxy);
            self.begin = now.clone();
            self.last = now.clone();
            return true;
        }
        let another = self.proxy != Some(proxy);
        if another {
            let gained = self.last.since(&self.begin);
            self.earlier.add(&gained);
            self.proxy = Some(proxy);
            self.begin = AppCount::default();
        }
        self.last = now.clone();
        let stall = u64::try_from(stall.as_millis()).unwrap_or(u64::MAX);
        let longer = stall > self.longest_stall_ms;
        self.longest_stall_ms = self.longest_stall_ms.max(stall);
        another || longer
    }

    /// What was counted so far.
    pub(super) fn total(&self) -> AppCount {
        let mut total = self.earlier.clone();
        total.add(&self.last.since(&self.begin));
        total
    }

    /// The longest that a request waited in the proxy.
    pub(super) const fn longest_stall(&self) -> Duration {
        Duration::from_millis(self.longest_stall_ms)
    }
}
