//! The ledger of a rollout, from which its receipt is written.

use super::proxies::Standing;
use super::traffic::AppCount;
use gapless_model::Generation;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
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
    /// What those that it follows have counted, and may go on to count.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    followed: BTreeMap<u32, Span>,
    /// The last that was counted.
    last: AppCount,
    longest_stall_ms: u64,
}

/// What one proxy has counted, from when on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Span {
    begin: AppCount,
    last: AppCount,
}

impl Ledger {
    /// A ledger that opens with the counters that come with this snapshot's answer.
    pub(super) fn opening_at(generation: Option<Generation>) -> Self {
        Self {
            opens_at: generation,
            proxy: None,
            begin: AppCount::default(),
            earlier: AppCount::default(),
            followed: BTreeMap::new(),
            last: AppCount::default(),
            longest_stall_ms: 0,
        }
    }

    /// Takes note of a proxy's counters. True if another control would not learn of it from the proxy by
    /// itself: where the count begins, and how long requests have waited.
    pub(super) fn count(
        &mut self,
        (proxy, standing): (u32, Standing),
        now: &AppCount,
        stall: Duration,
        applied: Option<Generation>,
    ) -> bool {
        if let Some(opens_at) = self.opens_at {
            if standing == Standing::Retiring || applied.is_none_or(|g| g < opens_at) {
                return false;
            }
            // The stall of this report was before.
            self.opens_at = None;
            self.proxy = Some(proxy);
            self.begin = now.clone();
            self.last = now.clone();
            return true;
        }
        if standing == Standing::Retiring && self.proxy != Some(proxy) {
            // One that is not known here retired before this began.
            let new = || Span { begin: now.clone(), last: now.clone() };
            let span = self.followed.entry(proxy).or_insert_with(new);
            // It may be gone before another control asks it.
            return std::mem::replace(&mut span.last, now.clone()) != *now;
        }
        let another = self.proxy != Some(proxy);
        if another {
            let begin = std::mem::take(&mut self.begin);
            if let Some(former) = self.proxy.replace(proxy) {
                self.followed.insert(former, Span { begin, last: std::mem::take(&mut self.last) });
            }
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
        self.followed.values().for_each(|span| total.add(&span.last.since(&span.begin)));
        total.add(&self.last.since(&self.begin));
        total
    }

    /// The longest that a request waited in the proxy.
    pub(super) const fn longest_stall(&self) -> Duration {
        Duration::from_millis(self.longest_stall_ms)
    }
}
